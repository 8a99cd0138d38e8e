/* SPDX-License-Identifier: MIT */
#include "jobs/books.h"

#include <string.h>

#include "base/log.h"
#include "store/auditor.h"
#include "store/seal.h"

enum { BATCH_ENTRIES = 1000, BATCHES_MAX = 500 };

enum status books_seal(struct job_context *c)
{
    struct ledger_batch batch = {.entries = 1};
    enum status s = OK;
    for (int i = 0; s == OK && batch.entries > 0 && i < BATCHES_MAX; i++) {
        s = ledger_seal(&c->store, c->arena, c->now_us, BATCH_ENTRIES, &batch);
        if (s != OK || batch.entries == 0)
            break;
        c->rows += batch.entries;
        log_info("ledger.sealed", LOG_INT("batch", batch.batch_no),
                 LOG_INT("entries", batch.entries), LOG_STR("hash", batch.hash));
    }
    return s;
}

/* Findings of one check come one after the other. */
struct tally {
    const char *check;
    int64_t n;
};

static void alarm_of(const struct tally *t)
{
    if (t->n)
        log_error("audit.failed", LOG_STR("check", t->check), LOG_INT("findings", t->n));
}

static void count_finding(void *arg, const struct finding *finding)
{
    struct tally *t = arg;
    if (!t->check || strcmp(t->check, finding->check) != 0) {
        alarm_of(t);
        *t = (struct tally){.check = finding->check};
    }
    t->n++;
}

enum status books_audit(struct job_context *c)
{
    struct tally tally = {0};
    enum status s = auditor_run(&c->store, c->arena, c->now_us, count_finding, &tally, &c->rows);
    alarm_of(&tally);
    return s;
}
