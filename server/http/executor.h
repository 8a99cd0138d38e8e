/* SPDX-License-Identifier: MIT */
/*
 * Bounded queues and the workers that empty them.
 *
 * Each lane has a queue of its own, with its own bound, and workers of its
 * own, so neither a flood of lists nor a portrait delays a payment. A job
 * leaves its queue exactly once: to a worker, as expired, or as refused.
 */
#ifndef IDPHOTOD_HTTP_EXECUTOR_H
#define IDPHOTOD_HTTP_EXECUTOR_H

#include <stdint.h>

#include "http/server.h"

/* Embedded in what is to be done. */
struct job {
    struct job *previous, *next;
    enum lane lane;
    int64_t deadline_us; /* clock_boot_us() */
};

enum job_end { JOB_RUN, JOB_EXPIRED, JOB_REFUSED };

struct executor_options {
    unsigned workers, queue, callback_workers, callback_queue, image_workers, image_queue;
    void *app;
    void *(*worker_open)(void *app, enum lane lane);
    void (*worker_close)(void *worker);
    /* Called once per job that was taken: on a worker's thread with what worker_open gave, or on
     * the thread that expired or refused it, with NULL. The job is the callee's from then on. */
    void (*finish)(struct job *job, enum job_end end, void *worker);
};

struct executor;

struct executor *executor_new(const struct executor_options *options); /* returns owned */

/* False: the queue is full or the executor stops; the job was not taken. Otherwise calls
 * before(job) and then queues it; before must not call back into the executor. */
bool executor_submit(struct executor *e, struct job *job, void (*before)(struct job *));

/* Ends queued jobs whose deadline is past. Returns when the next one is due, or INT64_MAX. */
int64_t executor_expire(struct executor *e, int64_t now_us);

void executor_figures(struct executor *e, struct server_figures *out);

/* Refuses what is queued and what comes, waits for the running jobs, closes the workers. */
void executor_stop(struct executor *e);

/* It must have been stopped; NULL is allowed. */
void executor_free(struct executor *e);

#endif
