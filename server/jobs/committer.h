/* SPDX-License-Identifier: MIT */
/*
 * Commits what callbacks found, all that is pending at once.
 *
 * Whoever verified them hands prepared settlements over and is free; the
 * committer takes up to SETTLEMENTS_MAX into one statement and tells each one's
 * holder after the commit. Two threads, each with its connection, take turns:
 * one statement runs while the holders of the last one are told. Only a batch
 * that is held up is passed: the next one is begun beside it, without anything
 * of the same transactions. A batch that fails for a row's sake is repeated
 * singly; when the database is away, everything pending is told UNAVAILABLE.
 * The queue is bounded. Made once, called from any thread.
 */
#ifndef IDPHOTOD_JOBS_COMMITTER_H
#define IDPHOTOD_JOBS_COMMITTER_H

#include "jobs/service.h"
#include "store/payment.h"

struct committer;

/* Embedded in what waits for its commit. */
struct pending {
    struct settlement settlement; /* by settle_prepare */
    const char *request_id;       /* for the log */
    int64_t deadline_us;          /* clock_boot_us() after which it is not begun any more */
    /* Called exactly once, on a thread of the committer: OK after the commit; UNAVAILABLE: the
     * outcome is unknown; another status: nothing was written. The committer does not touch p any
     * more. */
    void (*done)(struct pending *p, enum status s);
    uint64_t mark; /* the committer's own, as is next */
    struct pending *next;
};

/* service is borrowed until committer_stop; queue: how many may be pending. Returns owned. */
struct committer *committer_start(const struct service *service, size_t queue);

/* p must live until its `done`. False: the queue is full, p was not taken. */
bool committer_submit(struct committer *c, struct pending *p) MUST_USE;

/* How many wait to be committed, and how many may. Any thread. */
void committer_queue(struct committer *c, size_t *length, size_t *limit);

/* Nobody submits any more. Commits what is pending, ends the threads, frees. NULL is allowed. */
void committer_stop(struct committer *c);

#endif
