/* SPDX-License-Identifier: MIT */
#include "jobs/figures.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/wait.h"
#include "jobs/scheduler.h"
#include "store/figures.h"

#define EVERY_US (5 * SECOND_US)

enum { JOBS_MAX = 32 };

struct figures {
    const struct service *service;
    struct store store;
    const char *jobs[JOBS_MAX];
    pthread_t thread;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t wake;
    bool stopping;
    struct arena *arena; /* of the latest reading; NULL: the database did not answer */
    const struct figure *list;
    size_t count;
};

static void replace(struct figures *f, struct arena *a, const struct figure *list, size_t count)
{
    pthread_mutex_lock(&f->lock);
    struct arena *old = f->arena;
    f->arena = a;
    f->list = list;
    f->count = count;
    pthread_mutex_unlock(&f->lock);
    arena_free(old);
}

static void read_once(struct figures *f)
{
    struct arena *a = arena_new();
    struct figure *list;
    size_t count;
    enum status s = figures_read(&f->store, a, clock_now_us(), f->jobs, jobs_count, &list, &count);
    if (s == OK) {
        replace(f, a, list, count);
        return;
    }
    arena_free(a);
    replace(f, NULL, NULL, 0);
}

/* False when it is time to stop. */
static bool wait_for_next(struct figures *f)
{
    int64_t next_us = clock_boot_us() + EVERY_US;
    pthread_mutex_lock(&f->lock);
    while (!f->stopping && clock_boot_us() < next_us)
        wait_until(&f->wake, &f->lock, next_us);
    bool go_on = !f->stopping;
    pthread_mutex_unlock(&f->lock);
    return go_on;
}

static void *read_for_ever(void *figures)
{
    do
        read_once(figures);
    while (wait_for_next(figures));
    return NULL;
}

struct figures *figures_start(const struct service *service)
{
    struct figures *f = calloc(1, sizeof *f);
    CHECK_PEER(f);
    CHECK(jobs_count <= JOBS_MAX);
    f->service = service;
    f->store = (struct store){db_new(&service->db_options), service->vault};
    for (size_t i = 0; i < jobs_count; i++)
        f->jobs[i] = jobs[i].name;
    CHECK_PEER(pthread_mutex_init(&f->lock, NULL) == 0);
    CHECK_PEER(pthread_cond_init(&f->wake, NULL) == 0);
    CHECK_PEER(pthread_create(&f->thread, NULL, read_for_ever, f) == 0);
    return f;
}

static void collect_ratchet(const struct service *service, struct metric_samples *samples)
{
    int32_t day = vault_ratchet_day(service->vault);
    int64_t lag_s = (day_of(clock_now_us()) - day) * (DAY_US / SECOND_US);
    metric_sample(samples, METRIC_RATCHET_DAY, (double)day_start_us(day) / SECOND_US);
    metric_sample(samples, METRIC_RATCHET_LAG, (double)lag_s);
}

void figures_collect(struct figures *f, struct metric_samples *samples)
{
    collect_ratchet(f->service, samples);
    pthread_mutex_lock(&f->lock);
    metric_sample(samples, METRIC_DATABASE_UP, f->arena != NULL);
    for (size_t i = 0; i < f->count; i++) {
        int64_t per = metrics_table[f->list[i].metric].per;
        metric_sample_in(samples, f->list[i].metric, (double)f->list[i].v / (double)(per ? per : 1),
                         f->list[i].labels);
    }
    pthread_mutex_unlock(&f->lock);
}

void figures_stop(struct figures *f)
{
    if (!f)
        return;
    pthread_mutex_lock(&f->lock);
    f->stopping = true;
    pthread_cond_signal(&f->wake);
    pthread_mutex_unlock(&f->lock);
    pthread_join(f->thread, NULL);
    db_free(f->store.db);
    arena_free(f->arena);
    pthread_cond_destroy(&f->wake);
    pthread_mutex_destroy(&f->lock);
    free(f);
}
