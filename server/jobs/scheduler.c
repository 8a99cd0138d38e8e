/* SPDX-License-Identifier: MIT */
#include "jobs/scheduler.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/wait.h"

enum { TABLE_MAX = 32 };

struct lane {
    struct scheduler *scheduler;
    enum job_thread which;
    pthread_t thread;
};

struct scheduler {
    const struct service *service;
    struct lane lanes[JOB_THREADS];
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopping;
};

void job_context_open(struct job_context *c, const struct service *service)
{
    *c = (struct job_context){
        .service = service,
        .store = {db_new(&service->db_options), service->vault},
        .provider = {.service = service, .client = client_new()},
    };
}

void job_context_close(struct job_context *c)
{
    db_free(c->store.db);
    client_free(c->provider.client);
}

/* The instant up to which this run may destroy; DENIED when the guard holds it. */
static enum status ask_guard(struct job_context *c)
{
    int64_t database_us;
    enum status s = db_clock_us(c->store.db, c->arena, &database_us);
    if (s != OK)
        return s;
    return guard_check(c->service->guard, c->now_us, clock_boot_us(),
                       database_us + clock_offset_us(), &c->until_us);
}

static enum status run_guarded(struct job_context *c, const struct job *job, bool *held)
{
    enum status s = job->destroys ? ask_guard(c) : OK;
    *held = s == DENIED;
    if (!job->destroys)
        c->until_us = c->now_us;
    return s == OK ? job->run(c) : s;
}

static void write_row(struct job_context *c, const struct job *job, const char *outcome)
{
    const struct job_run run = {
        .job = job->name,
        .started_us = c->now_us,
        .finished_us = clock_now_us(),
        .host = c->service->host,
        .outcome = outcome,
        .rows = c->rows,
        .purged = c->purged,
    };
    if (job_run_write(&c->store, c->arena, &run) != OK)
        log_warn("job.unrecorded", LOG_STR("job", job->name));
}

static enum status run_locked(struct job_context *c, const struct job *job, const char **outcome)
{
    bool held;
    enum status s = run_guarded(c, job, &held);
    *outcome = s == OK ? "ok" : held ? "held" : "failed";
    if (s != UNAVAILABLE)
        write_row(c, job, *outcome);
    if (s != OK)
        log_warn("job.ended", LOG_STR("job", job->name), LOG_STR("outcome", *outcome),
                 LOG_STR("status", status_name(s)));
    else if (c->rows)
        log_info("job.ended", LOG_STR("job", job->name), LOG_STR("outcome", *outcome),
                 LOG_INT("rows", c->rows));
    return held ? OK : s;
}

static void count_run(const struct job *job, const char *outcome, int64_t took_us,
                      const struct purged *purged)
{
    metric_count(METRIC_JOB_RUNS, job->name, outcome);
    metric_observe(METRIC_JOB_DURATION, took_us, job->name);
    metric_add(METRIC_PURGED, purged->photos, "photos");
    metric_add(METRIC_PURGED, purged->orders, "orders");
    metric_add(METRIC_PURGED, purged->accounts, "accounts");
    metric_add(METRIC_PURGED, purged->others, "others");
}

enum status job_run(struct job_context *c, const struct job *job, const char **outcome)
{
    bool locked = false;
    int64_t began_us = clock_boot_us();
    *outcome = "failed";
    c->arena = arena_new();
    c->now_us = clock_now_us();
    c->rows = 0;
    c->purged = (struct purged){0};
    enum status s = job_lock(&c->store, c->arena, job->name, &locked);
    if (s == OK && locked) {
        s = run_locked(c, job, outcome);
        if (job_unlock(&c->store, c->arena, job->name) != OK)
            log_warn("job.unlock-failed", LOG_STR("job", job->name));
    } else if (s == OK) {
        *outcome = "elsewhere";
    }
    count_run(job, *outcome, clock_boot_us() - began_us, &c->purged);
    c->total.photos += c->purged.photos;
    c->total.orders += c->purged.orders;
    c->total.accounts += c->purged.accounts;
    arena_free(c->arena);
    c->arena = NULL;
    return s;
}

enum { WALK_DAYS_MAX = 4000 };

enum status jobs_catch_up(struct job_context *c, const char **outcome)
{
    static const char *const order[] = {"promote", "leases", "partitions", "purge", "ratchet"};
    enum status s = OK;
    for (int day = 0; s == OK && day < WALK_DAYS_MAX; day++) {
        for (size_t i = 0; s == OK && i < sizeof order / sizeof *order; i++)
            s = job_run(c, job_find(order[i]), outcome);
        if (strcmp(*outcome, "ok") != 0 || day_of(c->until_us) >= day_of(c->now_us))
            break;
    }
    return s;
}

static int64_t period_us(const struct service *service, const struct job *job)
{
    int64_t every_us =
        job->every_us ? job->every_us : service->config->retention.purge_interval_us * 3 / 4;
    /* a tenth of jitter, downwards, so that the promised interval holds */
    return every_us - (int64_t)randombytes_uniform((uint32_t)(every_us / 10));
}

/* Sleeps until the boot-clock instant, or less when the scheduler stops. */
static bool sleep_until(struct scheduler *s, int64_t at_us)
{
    pthread_mutex_lock(&s->lock);
    while (!s->stopping && clock_boot_us() < at_us)
        wait_until(&s->wake, &s->lock, at_us);
    bool go_on = !s->stopping;
    pthread_mutex_unlock(&s->lock);
    return go_on;
}

static void *run_forever(void *arg)
{
    const struct lane *lane = arg;
    struct scheduler *s = lane->scheduler;
    struct job_context context;
    int64_t next_us[TABLE_MAX] = {0};
    CHECK(jobs_count <= TABLE_MAX);
    for (size_t i = 0; i < jobs_count; i++)
        next_us[i] = jobs[i].thread == lane->which ? 0 : INT64_MAX;
    job_context_open(&context, s->service);
    for (;;) {
        size_t first = 0;
        for (size_t i = 1; i < jobs_count; i++)
            if (next_us[i] < next_us[first])
                first = i;
        if (!sleep_until(s, next_us[first]))
            break;
        const char *outcome;
        if (job_run(&context, &jobs[first], &outcome) != OK)
            log_warn("job.failed", LOG_STR("job", jobs[first].name));
        next_us[first] = clock_boot_us() + period_us(s->service, &jobs[first]);
    }
    job_context_close(&context);
    return NULL;
}

struct scheduler *scheduler_start(const struct service *service)
{
    struct scheduler *s = calloc(1, sizeof *s);
    CHECK_PEER(s);
    s->service = service;
    CHECK_PEER(pthread_mutex_init(&s->lock, NULL) == 0);
    CHECK_PEER(pthread_cond_init(&s->wake, NULL) == 0);
    for (int i = 0; i < JOB_THREADS; i++) {
        s->lanes[i] = (struct lane){.scheduler = s, .which = (enum job_thread)i};
        CHECK_PEER(pthread_create(&s->lanes[i].thread, NULL, run_forever, &s->lanes[i]) == 0);
    }
    return s;
}

void scheduler_stop(struct scheduler *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_broadcast(&s->wake);
    pthread_mutex_unlock(&s->lock);
    for (int i = 0; i < JOB_THREADS; i++)
        pthread_join(s->lanes[i].thread, NULL);
    pthread_cond_destroy(&s->wake);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
