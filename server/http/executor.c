/* SPDX-License-Identifier: MIT */
#include "http/executor.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"

struct queue {
    struct job *first, *last;
    unsigned n, most;
};

struct executor {
    struct executor_options options;
    pthread_mutex_t mutex;
    pthread_cond_t came[LANES]; /* something came for these workers */
    struct queue queues[LANES];
    unsigned running[LANES];
    int64_t refused, served;
    bool stopping;
    pthread_t *threads;
    unsigned n_started;
};

const char *lane_name(enum lane lane)
{
    static const char *const names[LANES] = {"inline", "work", "callback", "image"};
    return names[lane];
}

static void push(struct queue *q, struct job *job)
{
    job->previous = q->last;
    job->next = NULL;
    if (q->last)
        q->last->next = job;
    else
        q->first = job;
    q->last = job;
    q->n++;
}

static struct job *pop(struct queue *q)
{
    struct job *job = q->first;
    if (!job)
        return NULL;
    q->first = job->next;
    if (q->first)
        q->first->previous = NULL;
    else
        q->last = NULL;
    q->n--;
    return job;
}

static void serve(struct executor *e, enum lane lane, void *worker)
{
    pthread_mutex_lock(&e->mutex);
    for (;;) {
        struct job *job = pop(&e->queues[lane]);
        if (!job && e->stopping)
            break;
        if (!job) {
            pthread_cond_wait(&e->came[lane], &e->mutex);
            continue;
        }
        e->running[lane]++;
        pthread_mutex_unlock(&e->mutex);
        e->options.finish(job, JOB_RUN, worker);
        pthread_mutex_lock(&e->mutex);
        e->running[lane]--;
        e->served++;
    }
    pthread_mutex_unlock(&e->mutex);
}

static void run_worker(struct executor *e, enum lane lane)
{
    void *worker = e->options.worker_open ? e->options.worker_open(e->options.app, lane) : NULL;
    serve(e, lane, worker);
    if (e->options.worker_close)
        e->options.worker_close(worker);
}

static void *work_thread(void *executor)
{
    run_worker(executor, LANE_WORK);
    return NULL;
}

static void *callback_thread(void *executor)
{
    run_worker(executor, LANE_CALLBACK);
    return NULL;
}

static void *image_thread(void *executor)
{
    run_worker(executor, LANE_IMAGE);
    return NULL;
}

static void start_threads(struct executor *e, unsigned n, void *(*run)(void *))
{
    for (; n > 0; n--)
        CHECK_PEER(pthread_create(&e->threads[e->n_started++], NULL, run, e) == 0);
}

struct executor *executor_new(const struct executor_options *options)
{
    struct executor *e = calloc(1, sizeof *e);
    CHECK_PEER(e);
    e->options = *options;
    e->threads = calloc(options->workers + options->callback_workers + options->image_workers + 1,
                        sizeof *e->threads);
    CHECK_PEER(e->threads);
    e->queues[LANE_WORK].most = options->queue;
    e->queues[LANE_CALLBACK].most = options->callback_queue;
    e->queues[LANE_IMAGE].most = options->image_queue;
    CHECK_PEER(pthread_mutex_init(&e->mutex, NULL) == 0);
    for (int lane = LANE_WORK; lane < LANES; lane++)
        CHECK_PEER(pthread_cond_init(&e->came[lane], NULL) == 0);
    start_threads(e, options->workers, work_thread);
    start_threads(e, options->callback_workers, callback_thread);
    start_threads(e, options->image_workers, image_thread);
    return e;
}

bool executor_submit(struct executor *e, struct job *job, void (*before)(struct job *))
{
    pthread_mutex_lock(&e->mutex);
    struct queue *q = &e->queues[job->lane];
    bool taken = !e->stopping && q->n < q->most;
    if (taken) {
        before(job);
        push(q, job);
    } else {
        e->refused++;
        metric_count(METRIC_HTTP_REFUSED, lane_name(job->lane), e->stopping ? "stopping" : "full");
    }
    pthread_mutex_unlock(&e->mutex);
    if (taken) /* outside the mutex, which the worker would only have to wait for */
        pthread_cond_signal(&e->came[job->lane]);
    return taken;
}

/* The job of this lane that ends now, without having run; NULL when there is none. */
static struct job *take_unrun(struct executor *e, enum lane lane, int64_t now_us)
{
    pthread_mutex_lock(&e->mutex);
    struct job *first = e->queues[lane].first;
    /* all jobs of a lane have the same time, so the first is the next that is due */
    struct job *job = first && first->deadline_us <= now_us ? pop(&e->queues[lane]) : NULL;
    if (job)
        e->refused++;
    pthread_mutex_unlock(&e->mutex);
    return job;
}

static void end_unrun(struct executor *e, int64_t now_us, enum job_end end)
{
    for (int lane = LANE_WORK; lane < LANES; lane++) {
        struct job *job;
        while ((job = take_unrun(e, (enum lane)lane, now_us))) {
            metric_count(METRIC_HTTP_REFUSED, lane_name((enum lane)lane),
                         end == JOB_EXPIRED ? "expired" : "stopping");
            e->options.finish(job, end, NULL);
        }
    }
}

int64_t executor_expire(struct executor *e, int64_t now_us)
{
    end_unrun(e, now_us, JOB_EXPIRED);
    int64_t next_us = INT64_MAX;
    pthread_mutex_lock(&e->mutex);
    for (int lane = LANE_WORK; lane < LANES; lane++)
        if (e->queues[lane].first && e->queues[lane].first->deadline_us < next_us)
            next_us = e->queues[lane].first->deadline_us;
    pthread_mutex_unlock(&e->mutex);
    return next_us;
}

static void refuse_all(struct executor *e)
{
    pthread_mutex_lock(&e->mutex);
    e->stopping = true;
    for (int lane = LANE_WORK; lane < LANES; lane++)
        pthread_cond_broadcast(&e->came[lane]);
    pthread_mutex_unlock(&e->mutex);
    end_unrun(e, INT64_MAX, JOB_REFUSED);
}

void executor_figures(struct executor *e, struct server_figures *out)
{
    struct server_figures f = {0};
    pthread_mutex_lock(&e->mutex);
    for (int lane = LANE_WORK; lane < LANES; lane++) {
        f.lanes[lane] =
            (struct lane_figures){e->queues[lane].n, e->queues[lane].most, e->running[lane]};
        f.queued += f.lanes[lane].queued;
        f.running += f.lanes[lane].running;
    }
    f.refused = e->refused;
    f.served = e->served;
    pthread_mutex_unlock(&e->mutex);
    *out = f;
}

void executor_stop(struct executor *e)
{
    refuse_all(e);
    for (; e->n_started > 0; e->n_started--)
        pthread_join(e->threads[e->n_started - 1], NULL);
}

void executor_free(struct executor *e)
{
    if (!e)
        return;
    CHECK(e->n_started == 0);
    for (int lane = LANE_WORK; lane < LANES; lane++)
        pthread_cond_destroy(&e->came[lane]);
    pthread_mutex_destroy(&e->mutex);
    free(e->threads);
    free(e);
}
