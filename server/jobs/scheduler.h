/* SPDX-License-Identifier: MIT */
/*
 * The jobs, and the threads inside `serve` that run them: jobs that wait for
 * providers must not keep the others from their minute, and bills, which may
 * take a minute each, must not keep those from their seconds.
 *
 * Any number of instances may run it: an advisory lock per job lets one at a
 * time through. Each run leaves a row. Times between runs are jittered, so that
 * instances do not march in step. jobs.c holds the one table of jobs.
 */
#ifndef IDPHOTOD_JOBS_SCHEDULER_H
#define IDPHOTOD_JOBS_SCHEDULER_H

#include "jobs/provider.h"
#include "jobs/service.h"
#include "store/operator.h"

/* What a run has to hand. One thread. */
struct job_context {
    const struct service *service;
    struct store store;
    struct provider provider;
    struct arena *arena; /* of this run */
    int64_t now_us;
    int64_t until_us; /* what the clock guard allows; destroy nothing later */
    int64_t rows;     /* the job counts here */
    bool by_hand;     /* an operator asked for this run */
    struct purged purged;
    struct purged total; /* of all runs of this context */
};

/* The thread that a job runs in. */
enum job_thread {
    JOB_OURS,  /* the database and this host alone */
    JOB_ASKS,  /* waits for providers' answers, seconds */
    JOB_BILLS, /* waits for providers' files, minutes */
    JOB_THREADS
};

struct job {
    const char *name;
    int64_t every_us; /* 0: retention.purge_interval */
    bool destroys;    /* runs only while the clock guard agrees */
    enum job_thread thread;
    enum status (*run)(struct job_context *c);
};

extern const struct job jobs[];
extern const size_t jobs_count;
const struct job *job_find(const char *name);

/* Opens and closes what a context needs. */
void job_context_open(struct job_context *c, const struct service *service);
void job_context_close(struct job_context *c);

/* One run, now: lock, guard, job, row. OK also when another instance has the lock or the guard
 * holds it (outcome "held"; "elsewhere"). *outcome is a static text. */
enum status job_run(struct job_context *c, const struct job *job, const char **outcome) MUST_USE;

/* Everything that makes things unreadable, once; under a test clock again and again until the
 * guard has walked up to now. *outcome as for job_run, of the last run. */
enum status jobs_catch_up(struct job_context *c, const char **outcome) MUST_USE;

struct scheduler;
/* Starts the threads. Returns owned. */
struct scheduler *scheduler_start(const struct service *service);
/* Waits for the runs that are going on. */
void scheduler_stop(struct scheduler *s);

#endif
