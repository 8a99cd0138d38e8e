/* SPDX-License-Identifier: MIT */
#include "jobs/committer.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "jobs/settle.h"

/* One row that somebody holds locked must not keep its neighbours waiting for as long as a
 * statement may take. */
#define LOCK_TIMEOUT_US (SECOND_US / 2)

struct queue {
    struct pending *first, *last;
    size_t n;
};

struct committer {
    struct db_options options;
    struct db *db;
    pthread_mutex_t mutex; /* of the queue and stopping */
    pthread_cond_t came;
    struct queue queue;
    size_t most;
    bool stopping;
    pthread_t thread;
};

/* What one statement takes: the committer's own. */
struct batch {
    struct pending *items[SETTLEMENTS_MAX];
    size_t n;
};

static void push(struct queue *q, struct pending *p)
{
    p->next = NULL;
    if (q->last)
        q->last->next = p;
    else
        q->first = p;
    q->last = p;
    q->n++;
}

static struct pending *pop(struct queue *q)
{
    struct pending *p = q->first;
    if (!p)
        return NULL;
    q->first = p->next;
    if (!q->first)
        q->last = NULL;
    q->n--;
    return p;
}

static void end_one(struct pending *p, enum status s)
{
    log_set_request_id(p->request_id);
    settle_tell(&p->settlement, s);
    log_set_request_id(NULL);
    p->done(p, s);
}

static enum status commit_rows(struct committer *c, struct pending *const *items, size_t n)
{
    struct settlement *rows[SETTLEMENTS_MAX];
    for (size_t i = 0; i < n; i++)
        rows[i] = &items[i]->settlement;
    struct arena *a = arena_new();
    metric_observe(METRIC_COMMIT_BATCH, (int64_t)n);
    enum status s = settlements_commit(c->db, a, rows, n);
    arena_free(a);
    return s;
}

/* ---- batches ---- */

/* What is late is not begun. */
static void drop_late(struct batch *b)
{
    int64_t now_us = clock_boot_us();
    size_t kept = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (b->items[i]->deadline_us > now_us)
            b->items[kept++] = b->items[i];
        else
            end_one(b->items[i], RETRY);
    }
    b->n = kept;
}

/* Ends what was judged; the others stay, at the head of the next batch. */
static void end_judged(struct batch *b)
{
    size_t kept = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (b->items[i]->settlement.again)
            b->items[kept++] = b->items[i];
        else
            end_one(b->items[i], OK);
    }
    b->n = kept;
}

static void end_all(struct batch *b, enum status s)
{
    for (size_t i = 0; i < b->n; i++)
        end_one(b->items[i], s);
    b->n = 0;
}

/* The database is away: nobody waits for it to come back. */
static void end_pending(struct committer *c)
{
    pthread_mutex_lock(&c->mutex);
    struct queue pending = c->queue;
    c->queue = (struct queue){0};
    pthread_mutex_unlock(&c->mutex);
    for (struct pending *p; (p = pop(&pending));)
        end_one(p, UNAVAILABLE);
}

/* One by one, so that the row which fails fails alone. */
static enum status commit_singly(struct committer *c, struct batch *b)
{
    enum status s = OK;
    size_t i = 0;
    log_warn("payment.batch-failed", LOG_INT("rows", b->n),
             LOG_STR("sqlstate", db_last_sqlstate(c->db)));
    for (; i < b->n && s != UNAVAILABLE; i++) {
        bool late = b->items[i]->deadline_us <= clock_boot_us();
        s = late ? RETRY : commit_rows(c, &b->items[i], 1);
        end_one(b->items[i], s);
    }
    for (size_t left = i; left < b->n; left++)
        end_one(b->items[left], s);
    b->n = 0;
    return s;
}

static void commit(struct committer *c, struct batch *b)
{
    drop_late(b);
    if (b->n == 0)
        return;
    enum status s = commit_rows(c, b->items, b->n);
    if (s == OK)
        end_judged(b);
    else if (s == UNAVAILABLE || b->n == 1)
        end_all(b, s);
    else
        s = commit_singly(c, b);
    if (s == UNAVAILABLE)
        end_pending(c);
}

/* ---- the thread ---- */

/* Waits for something, unless the batch has something; false at the end. */
static bool fill(struct committer *c, struct batch *b)
{
    pthread_mutex_lock(&c->mutex);
    while (b->n == 0 && c->queue.n == 0 && !c->stopping)
        pthread_cond_wait(&c->came, &c->mutex);
    while (b->n < SETTLEMENTS_MAX && c->queue.n > 0)
        b->items[b->n++] = pop(&c->queue);
    pthread_mutex_unlock(&c->mutex);
    return b->n > 0;
}

static void *commit_thread(void *committer)
{
    struct committer *c = committer;
    struct batch b = {.n = 0};
    while (fill(c, &b))
        commit(c, &b);
    return NULL;
}

struct committer *committer_start(const struct service *service, size_t queue)
{
    struct committer *c = calloc(1, sizeof *c);
    CHECK_PEER(c);
    c->options = service->db_options;
    c->options.lock_timeout_us = LOCK_TIMEOUT_US;
    /* One plan serves batches of every size. Made while a table was empty, it would otherwise read
     * the whole of it for each row, once it is not. */
    c->options.lookups = true;
    c->db = db_new(&c->options);
    c->most = queue;
    CHECK_PEER(pthread_mutex_init(&c->mutex, NULL) == 0 && pthread_cond_init(&c->came, NULL) == 0);
    CHECK_PEER(pthread_create(&c->thread, NULL, commit_thread, c) == 0);
    return c;
}

bool committer_submit(struct committer *c, struct pending *p)
{
    pthread_mutex_lock(&c->mutex);
    CHECK(!c->stopping);
    bool taken = c->queue.n < c->most;
    bool first = c->queue.n == 0;
    if (taken)
        push(&c->queue, p);
    if (taken && first)
        pthread_cond_signal(&c->came);
    pthread_mutex_unlock(&c->mutex);
    return taken;
}

void committer_queue(struct committer *c, size_t *length, size_t *limit)
{
    pthread_mutex_lock(&c->mutex);
    *length = c->queue.n;
    pthread_mutex_unlock(&c->mutex);
    *limit = c->most;
}

void committer_stop(struct committer *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->mutex);
    c->stopping = true;
    pthread_cond_signal(&c->came);
    pthread_mutex_unlock(&c->mutex);
    pthread_join(c->thread, NULL);
    pthread_cond_destroy(&c->came);
    pthread_mutex_destroy(&c->mutex);
    db_free(c->db);
    free(c);
}
