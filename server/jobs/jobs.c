/* SPDX-License-Identifier: MIT */
/* The one table of jobs, and what each does. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "jobs/books.h"
#include "jobs/poll.h"
#include "jobs/reconcile.h"
#include "jobs/refund.h"
#include "jobs/scheduler.h"

enum { BATCH = 200, BATCHES_MAX = 500 };

static enum status run_purge(struct job_context *c)
{
    enum status s = OK;
    bool more = true;
    for (int i = 0; s == OK && more && i < BATCHES_MAX; i++)
        s = purge_batch(&c->store, c->until_us, BATCH, &c->purged, &more);
    int64_t books = 0;
    if (s == OK)
        s = purge_books(&c->store, BATCH, &books);
    c->rows = c->purged.photos + c->purged.orders + c->purged.accounts + c->purged.others + books;
    return s;
}

static enum status run_promote(struct job_context *c)
{
    enum status s = OK;
    int moved = BATCH;
    for (int i = 0; s == OK && moved == BATCH && i < BATCHES_MAX; i++) {
        s = promote_orders(&c->store, c->now_us, BATCH, &moved);
        if (s == OK)
            c->rows += moved;
    }
    return s;
}

static enum status keep_partitions_ahead(struct job_context *c)
{
    int ahead = 0;
    enum status s = partitions_create(&c->store, c->arena, day_of(c->now_us), &ahead);
    if (s == OK && ahead < PARTITIONS_ALARM)
        log_error("partitions.few", LOG_INT("ahead", ahead));
    return s;
}

/* All that must go on however long the clock guard holds the rest: keys, and room for new photos.
 */
static enum status run_leases(struct job_context *c)
{
    int renewed = 0;
    enum status s = keep_partitions_ahead(c);
    if (s == OK)
        s = lease_renew(&c->store, c->now_us, BATCH * 10, &renewed);
    c->rows = renewed;
    return s;
}

/* Looks for a new master version first, so that `keygen --rotate` needs no restart. */
static enum status run_rewrap(struct job_context *c)
{
    char why[256] = "";
    int rewrapped = BATCH;
    enum status s = vault_reload_masters(c->service->vault, why, sizeof why);
    if (s != OK)
        log_error("masters.not-loaded", LOG_STR("reason", why));
    for (int i = 0; s == OK && rewrapped > 0 && i < BATCHES_MAX; i++) {
        s = master_rewrap(&c->store, BATCH, &rewrapped);
        if (s == OK)
            c->rows += rewrapped;
    }
    return s;
}

static enum status run_partitions(struct job_context *c)
{
    int dropped = 0, left = 0;
    enum status s = keep_partitions_ahead(c);
    if (s == OK)
        s = partitions_drop(&c->store, c->arena, day_of(c->until_us), &dropped, &left);
    c->rows = dropped;
    return s;
}

/* Steps to the first day that any live row still uses, and not past the guard's day. Looks for that
 * row, all over the tables, only while there is a step to take. */
static enum status run_ratchet(struct job_context *c)
{
    int32_t today = day_of(c->until_us), oldest = today;
    int32_t held = vault_ratchet_day(c->service->vault);
    enum status s = OK;
    if (held < today)
        s = oldest_key_day(&c->store, c->arena, held, today, &oldest);
    if (s != OK)
        return s;
    int32_t target = oldest < today ? oldest : today;
    if (target > held) {
        s = vault_ratchet_step(c->service->vault, target);
        if (s == OK)
            s = erasures_trim(c->service->vault, target);
        if (s == OK) {
            c->rows = target - held;
            log_info("ratchet.stepped", LOG_INT("day", target));
        }
    } else if (target < today - 1) {
        log_error("ratchet.waits", LOG_INT("day", held), LOG_INT("oldest_row_day", oldest));
    }
    if (s == OK)
        s = instance_report(&c->store, c->arena, c->service->host,
                            vault_ratchet_day(c->service->vault), c->now_us);
    return s;
}

const struct job jobs[] = {
    {"promote", 5 * SECOND_US, false, JOB_OURS, run_promote},
    {"poll", 5 * SECOND_US, false, JOB_ASKS, poll_run},
    {"refund", 5 * SECOND_US, false, JOB_ASKS, refund_run},
    {"leases", 10 * MINUTE_US, false, JOB_OURS, run_leases},
    {"rewrap", 5 * MINUTE_US, false, JOB_OURS, run_rewrap},
    {"purge", 0, true, JOB_OURS, run_purge},
    {"partitions", 10 * MINUTE_US, true, JOB_OURS, run_partitions},
    {"seal", MINUTE_US, false, JOB_OURS, books_seal},
    {"audit", DAY_US, false, JOB_OURS, books_audit},
    {"ratchet", MINUTE_US, true, JOB_OURS, run_ratchet},
    {"reconcile", 10 * MINUTE_US, false, JOB_BILLS, reconcile_run},
};
const size_t jobs_count = sizeof jobs / sizeof *jobs;

const struct job *job_find(const char *name)
{
    for (size_t i = 0; i < jobs_count; i++)
        if (strcmp(jobs[i].name, name) == 0)
            return &jobs[i];
    return NULL;
}
