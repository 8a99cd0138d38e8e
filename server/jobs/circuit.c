/* SPDX-License-Identifier: MIT */
#include "jobs/circuit.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"

struct circuit {
    const char *name;
    pthread_mutex_t lock;
    int inside, failures; /* in a row */
    int64_t pause_us, shut_until_us;
};

struct circuit *circuit_new(const char *name)
{
    struct circuit *c = calloc(1, sizeof *c);
    CHECK_PEER(c);
    c->name = name;
    CHECK_PEER(pthread_mutex_init(&c->lock, NULL) == 0);
    return c;
}

void circuit_free(struct circuit *c)
{
    if (!c)
        return;
    pthread_mutex_destroy(&c->lock);
    free(c);
}

bool circuit_enter(struct circuit *c, int64_t boot_us, int most)
{
    if (!c)
        return true;
    pthread_mutex_lock(&c->lock);
    bool open = c->failures >= CIRCUIT_FAILURES;
    bool may = open ? c->inside == 0 && boot_us >= c->shut_until_us : c->inside < most;
    c->inside += may;
    pthread_mutex_unlock(&c->lock);
    return may;
}

/* Calls that began before it opened end one after the other; they do not prolong the pause. */
static bool note_failure(struct circuit *c, int64_t boot_us)
{
    c->failures++;
    if (c->failures < CIRCUIT_FAILURES || boot_us < c->shut_until_us)
        return false;
    c->pause_us = c->pause_us ? c->pause_us * 2 : CIRCUIT_PAUSE_US;
    if (c->pause_us > CIRCUIT_PAUSE_MOST_US)
        c->pause_us = CIRCUIT_PAUSE_MOST_US;
    c->shut_until_us = boot_us + c->pause_us;
    return true;
}

static void note_answer(struct circuit *c)
{
    c->failures = 0;
    c->pause_us = 0;
    c->shut_until_us = 0;
}

void circuit_leave(struct circuit *c, enum circuit_word word, int64_t boot_us)
{
    bool opened = false;
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    CHECK(c->inside > 0);
    c->inside--;
    switch (word) {
    case CIRCUIT_ANSWERED: note_answer(c); break;
    case CIRCUIT_SILENT: opened = note_failure(c, boot_us); break;
    case CIRCUIT_UNTRIED: break;
    }
    int64_t pause_us = c->pause_us;
    pthread_mutex_unlock(&c->lock);
    if (opened)
        log_warn("provider.paused", LOG_STR("channel", c->name),
                 LOG_INT("seconds", pause_us / SECOND_US));
}
