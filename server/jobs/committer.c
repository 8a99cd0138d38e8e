/* SPDX-License-Identifier: MIT */
#include "jobs/committer.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/wait.h"
#include "jobs/settle.h"

/* One row that somebody holds locked must not keep its neighbours waiting for as long as a
 * statement may take. */
#define LOCK_TIMEOUT_US (SECOND_US / 2)

struct queue {
    struct pending *first, *last;
    size_t n;
};

/* What one statement takes: its hand's own. */
struct batch {
    struct pending *items[SETTLEMENTS_MAX];
    size_t n;
};

/* They take turns: while one is at the database, the other tells what its last batch came to. Two
 * statements at once would each be smaller, and a statement has its price. */
enum { HANDS = 2 };

/* A batch that has been at the database for so long waits for something: the next one is begun
 * beside it. */
#define HELD_UP_US (SECOND_US / 50)

/* One thread and its connection. */
struct hand {
    struct committer *c;
    struct db *db;
    struct batch batch;
    /* of the committer's mutex: the transactions that are at the database, and since when */
    uint64_t marks[SETTLEMENTS_MAX];
    size_t n_marks;
    int64_t began_us;
    pthread_t thread;
};

struct committer {
    struct db_options options;
    unsigned char key[crypto_shorthash_KEYBYTES]; /* of the marks */
    pthread_mutex_t mutex;                        /* of the queue, the marks and all below */
    pthread_cond_t came;
    struct queue queue;
    size_t most;
    bool watched; /* one hand waits for the other's turn to end, or to last too long */
    bool stopping;
    struct hand hands[HANDS];
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

static void push_first(struct queue *q, struct pending *p)
{
    p->next = q->first;
    q->first = p;
    if (!q->last)
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

static enum status commit_rows(struct hand *h, struct pending *const *items, size_t n)
{
    struct settlement *rows[SETTLEMENTS_MAX];
    for (size_t i = 0; i < n; i++)
        rows[i] = &items[i]->settlement;
    struct arena *a = arena_new();
    metric_observe(METRIC_COMMIT_BATCH, (int64_t)n);
    enum status s = settlements_commit(h->db, a, rows, n);
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
static enum status commit_singly(struct hand *h, struct batch *b)
{
    enum status s = OK;
    size_t i = 0;
    log_warn("payment.batch-failed", LOG_INT("rows", b->n),
             LOG_STR("sqlstate", db_last_sqlstate(h->db)));
    for (; i < b->n && s != UNAVAILABLE; i++) {
        bool late = b->items[i]->deadline_us <= clock_boot_us();
        s = late ? RETRY : commit_rows(h, &b->items[i], 1);
        end_one(b->items[i], s);
    }
    for (size_t left = i; left < b->n; left++)
        end_one(b->items[left], s);
    b->n = 0;
    return s;
}

/* ---- which are taken ---- */

/* Two with the same mark are most likely of one transaction. */
static uint64_t mark_of(const struct committer *c, const struct pending *p)
{
    const char *id = p->settlement.in.trade->transaction_id;
    uint64_t mark;
    _Static_assert(sizeof mark == crypto_shorthash_BYTES, "a mark is one hash");
    crypto_shorthash((unsigned char *)&mark, (const unsigned char *)id, strlen(id), c->key);
    return mark;
}

static bool is_under_way(const struct hand *h, uint64_t mark)
{
    for (size_t i = 0; i < h->n_marks; i++)
        if (h->marks[i] == mark)
            return true;
    return false;
}

static struct hand *other(struct hand *h)
{
    struct committer *c = h->c;
    return h == c->hands ? &c->hands[1] : c->hands;
}

/* What the other hand is busy with waits for it: a statement does not see what the other one is
 * about to enter in the ledger. */
static void take(struct hand *h)
{
    struct queue *q = &h->c->queue, left = {0};
    struct batch *b = &h->batch;
    for (struct pending *p; b->n < SETTLEMENTS_MAX && (p = pop(q));) {
        if (is_under_way(other(h), p->mark)) {
            push(&left, p);
            continue;
        }
        h->marks[h->n_marks++] = p->mark;
        b->items[b->n++] = p;
    }
    for (struct pending *p; (p = pop(q));)
        push(&left, p);
    *q = left;
}

static bool is_held_up(const struct hand *h)
{
    return clock_boot_us() >= h->began_us + HELD_UP_US;
}

static bool may_begin(struct hand *h)
{
    const struct hand *o = other(h);
    return h->c->queue.n > 0 && (o->n_marks == 0 || is_held_up(o));
}

static void wait_for_turn(struct hand *h)
{
    struct committer *c = h->c;
    const struct hand *o = other(h);
    c->watched = o->n_marks > 0 && !is_held_up(o);
    if (c->watched)
        wait_until(&c->came, &c->mutex, o->began_us + HELD_UP_US);
    else
        pthread_cond_wait(&c->came, &c->mutex);
    c->watched = false;
}

/* Waits for something to do, and for the turn; false at the end. */
static bool begin_turn(struct hand *h)
{
    struct committer *c = h->c;
    pthread_mutex_lock(&c->mutex);
    for (;;) {
        if (may_begin(h))
            take(h);
        if (h->batch.n > 0 || (c->stopping && c->queue.n == 0))
            break;
        wait_for_turn(h);
    }
    h->began_us = clock_boot_us();
    pthread_mutex_unlock(&c->mutex);
    return h->batch.n > 0;
}

/* What could not be judged beside the others comes first in the next batch; the rest remains in
 * this one, to be told. */
static void end_turn(struct hand *h)
{
    struct committer *c = h->c;
    struct batch *b = &h->batch;
    struct queue again = {0};
    size_t judged = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (b->items[i]->settlement.again)
            push_first(&again, b->items[i]);
        else
            b->items[judged++] = b->items[i];
    }
    b->n = judged;
    pthread_mutex_lock(&c->mutex);
    for (struct pending *p; (p = pop(&again));)
        push_first(&c->queue, p);
    h->n_marks = 0;
    if (c->queue.n > 0 || c->stopping)
        pthread_cond_signal(&c->came);
    pthread_mutex_unlock(&c->mutex);
}

static void commit(struct hand *h)
{
    struct batch *b = &h->batch;
    drop_late(b);
    enum status s = b->n > 0 ? commit_rows(h, b->items, b->n) : OK;
    if (s != OK && s != UNAVAILABLE && b->n > 1)
        s = commit_singly(h, b);
    end_turn(h);
    end_all(b, s);
    if (s == UNAVAILABLE)
        end_pending(h->c);
}

/* ---- the threads ---- */

/* So that the first who pays waits neither for a connection nor for a plan. */
static void warm_up(struct hand *h)
{
    struct arena *a = arena_new();
    if (settlements_plan(h->db, a) != OK)
        log_info("payment.committer-cold");
    arena_free(a);
}

static void *commit_thread(void *hand)
{
    struct hand *h = hand;
    warm_up(h);
    while (begin_turn(h))
        commit(h);
    return NULL;
}

static void start_hand(struct committer *c, struct hand *h)
{
    h->c = c;
    h->db = db_new(&c->options);
    CHECK_PEER(pthread_create(&h->thread, NULL, commit_thread, h) == 0);
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
    c->most = queue;
    crypto_shorthash_keygen(c->key);
    CHECK_PEER(pthread_mutex_init(&c->mutex, NULL) == 0 && pthread_cond_init(&c->came, NULL) == 0);
    for (int i = 0; i < HANDS; i++)
        start_hand(c, &c->hands[i]);
    return c;
}

bool committer_submit(struct committer *c, struct pending *p)
{
    p->mark = mark_of(c, p);
    pthread_mutex_lock(&c->mutex);
    CHECK(!c->stopping);
    bool taken = c->queue.n < c->most;
    if (taken)
        push(&c->queue, p);
    if (taken && c->queue.n == 1 && !c->watched)
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
    pthread_cond_broadcast(&c->came);
    pthread_mutex_unlock(&c->mutex);
    for (int i = 0; i < HANDS; i++) {
        pthread_join(c->hands[i].thread, NULL);
        db_free(c->hands[i].db);
    }
    pthread_cond_destroy(&c->came);
    pthread_mutex_destroy(&c->mutex);
    free(c);
}
