/* SPDX-License-Identifier: MIT */
#include "jobs/reconcile.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "jobs/bill_fetch.h"
#include "store/reconciliation.h"

enum { DAYS = 7, KEPT_DAYS = 3653, LATE_DAYS = 2 };

/* Bills are ready after 10:00 of the next day. */
#define READY_US (10 * HOUR_US + 30 * MINUTE_US)
/* "No bill" is believed when it is said again, this much later. */
#define EMPTY_US (10 * MINUTE_US)
/* How long a run goes on to take further bills: an operator may wait for it, and a stop does. */
#define RUN_US (20 * SECOND_US)

static const struct bill_source *source_of(const struct bill_source *list, size_t n,
                                           const struct bill_name *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i].channel, name->channel) == 0 &&
            strcmp(list[i].merchant, name->merchant) == 0)
            return &list[i];
    return NULL;
}

static void tell_figures(const struct bill_name *name, const struct bill_figures *f)
{
    char day[DAY_TEXT_BYTES];
    day_format(name->day, day);
    if (f->different || f->only_here || f->only_there)
        log_error("reconcile.differs", LOG_STR("channel", name->channel), LOG_STR("day", day),
                  LOG_INT("matched", f->matched), LOG_INT("different", f->different),
                  LOG_INT("only_here", f->only_here), LOG_INT("only_there", f->only_there));
    else
        log_info("reconcile.matched", LOG_STR("channel", name->channel), LOG_STR("day", day),
                 LOG_INT("matched", f->matched), LOG_INT("other_day", f->other_day),
                 LOG_INT("under_way", f->under_way));
}

/* A bill that must not be believed is an alarm at once; one that does not come, after two days. */
static void tell_failure(const struct bill_name *name, const char *why, enum status s,
                         int64_t now_us)
{
    char day[DAY_TEXT_BYTES];
    bool alarm = s == DENIED || s == INVALID || s == TOO_LARGE ||
                 name->day < day_of(now_us - READY_US) - LATE_DAYS;
    day_format(name->day, day);
    if (alarm)
        log_error("reconcile.no-bill", LOG_STR("channel", name->channel), LOG_STR("day", day),
                  LOG_STR("reason", why), LOG_STR("status", status_name(s)));
    else
        log_warn("reconcile.waits", LOG_STR("channel", name->channel), LOG_STR("day", day),
                 LOG_STR("reason", why), LOG_STR("status", status_name(s)));
}

/* A bill's memory goes as soon as it is compared: there is much of it, and payers are in it. */
static enum status compare_one(struct job_context *c, const struct bill_source *source,
                               const struct bill_due *due)
{
    struct arena *a = arena_new();
    struct bill_line *lines = NULL;
    struct bill_figures figures;
    size_t n = 0;
    const char *why;
    enum status fetched =
        bill_fetch(&c->provider, source, due->name.day, c->now_us, a, &lines, &n, &why);
    bool is_empty = fetched == NOT_FOUND;
    enum status s;
    if (is_empty && due->empty_us && due->empty_us + EMPTY_US <= c->now_us)
        fetched = OK; /* no lines */
    if (fetched == OK) {
        s = bill_compare(&c->store, a, &due->name, lines, n, c->now_us, &figures);
        if (s == OK) {
            c->rows++;
            tell_figures(&due->name, &figures);
        }
    } else if (atomic_load(&c->service->stopping)) {
        s = OK; /* no fault of the bill: it is due as before */
    } else {
        tell_failure(&due->name, why, fetched, c->now_us);
        s = bill_note_failure(&c->store, a, &due->name, why, is_empty, c->now_us);
    }
    arena_free(a);
    return s;
}

static enum status list_due(struct job_context *c, const struct bill_source *sources, size_t n,
                            struct bill_due **due, size_t *n_due)
{
    const char *channels[BILL_SOURCES_MAX], *merchants[BILL_SOURCES_MAX];
    int32_t last = day_of(c->now_us - READY_US) - 1;
    for (size_t i = 0; i < n; i++) {
        channels[i] = sources[i].channel;
        merchants[i] = sources[i].merchant;
    }
    return bill_list_due(&c->store, c->arena, channels, merchants, n, last - DAYS + 1, last,
                         c->now_us, c->by_hand, due, n_due);
}

static bool goes_on(const struct job_context *c, int64_t until_us)
{
    return clock_boot_us() < until_us && !atomic_load(&c->service->stopping);
}

enum status reconcile_run(struct job_context *c)
{
    struct bill_source sources[BILL_SOURCES_MAX];
    struct bill_due *due;
    size_t n_due = 0, n = bill_sources(c->service, sources);
    int64_t until_us = clock_boot_us() + RUN_US;
    enum status s = list_due(c, sources, n, &due, &n_due);
    for (size_t i = 0; s == OK && i < n_due && goes_on(c, until_us); i++)
        s = compare_one(c, source_of(sources, n, &due[i].name), &due[i]);
    if (s == OK)
        s = bill_trim(&c->store, c->arena, day_of(c->now_us) - KEPT_DAYS);
    return s;
}
