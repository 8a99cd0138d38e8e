/* SPDX-License-Identifier: MIT */
#include "vault/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "vault/folder.h"

enum { NO_DAY = INT32_MIN, MEMO_BYTES = 256 };

static const int64_t tolerance_us = 2 * MINUTE_US;

/* The file beside the ratchet, three lines of text. */
struct memo {
    int32_t believed;
    int32_t confirmed;      /* NO_DAY when no operator's word is waiting */
    unsigned confirmations; /* how many there were, so that each process notices a new one */
};

struct guard {
    char *ratchet_file;
    int32_t max_step_days;
    bool step_day_by_day;
    pthread_mutex_t lock; /* all below */
    int32_t believed;
    unsigned confirmations_seen;
    int64_t base_wall_us, base_boot_us; /* one instant on both clocks */
};

static void memo_name(const char *ratchet_file, char out[NAME_MAX + 1])
{
    snprintf(out, NAME_MAX + 1, "%s.guard", path_name(ratchet_file));
}

static enum status memo_parse(const char *text, struct memo *memo)
{
    char believed[DAY_TEXT_BYTES], confirmed[DAY_TEXT_BYTES];
    struct memo m = {.confirmed = NO_DAY};
    int end = 0;
    if (sscanf(text, "believed %15s\nconfirmed %15s\nconfirmations %9u\n%n", believed, confirmed,
               &m.confirmations, &end) != 3 ||
        end == 0 || text[end] != '\0' || text[end - 1] != '\n' ||
        day_parse(believed, &m.believed) != OK ||
        (strcmp(confirmed, "-") != 0 && day_parse(confirmed, &m.confirmed) != OK))
        return INVALID;
    *memo = m;
    return OK;
}

/* NOT_FOUND when there is none yet. */
static enum status memo_read(int folder, const char *ratchet_file, struct memo *memo, char *why,
                             size_t why_size)
{
    char name[NAME_MAX + 1], shown[PATH_MAX], text[MEMO_BYTES];
    int fd;
    memo_name(ratchet_file, name);
    snprintf(shown, sizeof shown, "%s.guard", ratchet_file);
    enum status s = folder_open_secret(folder, name, shown, &fd, why, why_size);
    if (s != OK)
        return s;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    s = memo_parse(text, memo);
    if (s != OK)
        explain(why, why_size, "%s: damaged; put it right with `ratchet confirm`", shown);
    return s;
}

static enum status memo_write(int folder, const char *ratchet_file, const struct memo *memo)
{
    char name[NAME_MAX + 1], text[MEMO_BYTES];
    char believed[DAY_TEXT_BYTES], confirmed[DAY_TEXT_BYTES] = "-";
    memo_name(ratchet_file, name);
    day_format(memo->believed, believed);
    if (memo->confirmed != NO_DAY)
        day_format(memo->confirmed, confirmed);
    int n = snprintf(text, sizeof text, "believed %s\nconfirmed %s\nconfirmations %u\n", believed,
                     confirmed, memo->confirmations % 1000000000U);
    return folder_replace(folder, name, text, (size_t)n);
}

/* Opens and locks the folder; close it to let go. */
static enum status enter(const char *ratchet_file, int *folder, char *why, size_t why_size)
{
    int fd;
    enum status s = folder_open_of(ratchet_file, &fd, why, why_size);
    if (s != OK)
        return s;
    s = folder_lock(fd, true);
    if (s != OK) {
        explain(why, why_size, "%s: the folder cannot be locked", ratchet_file);
        close(fd);
        return s;
    }
    *folder = fd;
    return OK;
}

static enum status first_memo(int folder, const char *ratchet_file, int64_t now_us,
                              struct memo *memo, char *why, size_t why_size)
{
    struct memo m = {.believed = day_of(now_us), .confirmed = NO_DAY};
    enum status s = memo_write(folder, ratchet_file, &m);
    if (s == OK)
        *memo = m;
    else
        explain(why, why_size, "%s.guard: cannot be written", ratchet_file);
    return s;
}

enum status guard_open(const struct guard_options *options, struct guard **out, char *why,
                       size_t why_size)
{
    struct memo memo;
    int folder;
    int64_t now_us = clock_now_us(), boot_us = clock_boot_us();
    enum status s = enter(options->ratchet_file, &folder, why, why_size);
    if (s != OK)
        return s;
    s = memo_read(folder, options->ratchet_file, &memo, why, why_size);
    if (s == NOT_FOUND)
        s = first_memo(folder, options->ratchet_file, now_us, &memo, why, why_size);
    close(folder);
    if (s != OK)
        return s;
    struct guard *g = calloc(1, sizeof *g);
    CHECK_PEER(g);
    g->ratchet_file = strdup(options->ratchet_file);
    CHECK_PEER(g->ratchet_file);
    g->max_step_days = options->max_step_days;
    g->step_day_by_day = options->step_day_by_day;
    CHECK_PEER(pthread_mutex_init(&g->lock, NULL) == 0);
    g->believed = memo.believed;
    g->confirmations_seen = memo.confirmations;
    g->base_wall_us = now_us;
    g->base_boot_us = boot_us;
    *out = g;
    return OK;
}

void guard_close(struct guard *g)
{
    if (!g)
        return;
    pthread_mutex_destroy(&g->lock);
    free(g->ratchet_file);
    free(g);
}

static bool apart(int64_t a_us, int64_t b_us)
{
    int64_t difference;
    return __builtin_sub_overflow(a_us, b_us, &difference) || difference > tolerance_us ||
           difference < -tolerance_us;
}

static bool follows(int32_t day, int32_t last, int32_t max_step_days)
{
    return day >= last && (int64_t)day - last <= max_step_days;
}

/* Decides on the day alone: advances memo and gives the instant, or DENIED. */
static enum status judge_day(const struct guard *g, struct memo *memo, int64_t wall_us,
                             int64_t *until_us)
{
    int32_t day = day_of(wall_us);
    int64_t until = wall_us;
    if (follows(day, memo->believed, g->max_step_days)) {
        memo->believed = day;
    } else if (memo->confirmed != NO_DAY && follows(day, memo->confirmed, g->max_step_days)) {
        memo->believed = day;
        memo->confirmed = NO_DAY;
    } else if (day < memo->believed) {
        /* the last day may look back over midnight by what clocks are allowed to differ */
        if (apart(day_start_us(memo->believed), wall_us))
            return DENIED;
    } else if (g->step_day_by_day) {
        memo->believed += g->max_step_days;
        until = day_start_us(memo->believed + 1) - 1;
    } else {
        return DENIED;
    }
    if (memo->confirmed == memo->believed)
        memo->confirmed = NO_DAY; /* nothing left to confirm */
    *until_us = until;
    return OK;
}

/* Decides on the running time. A fresh confirmation is also the operator's word on the clock. */
static enum status judge_boot(struct guard *g, const struct memo *memo, int64_t wall_us,
                              int64_t boot_us)
{
    if (memo->confirmations != g->confirmations_seen) {
        g->base_wall_us = wall_us;
        g->base_boot_us = boot_us;
        g->confirmations_seen = memo->confirmations;
    }
    /* A test clock jumps by intent; its days are walked instead. */
    if (g->step_day_by_day)
        return OK;
    return apart(wall_us - g->base_wall_us, boot_us - g->base_boot_us) ? DENIED : OK;
}

static bool same_memo(const struct memo *a, const struct memo *b)
{
    return a->believed == b->believed && a->confirmed == b->confirmed;
}

/* The folder and the guard are locked. */
static enum status check_locked(struct guard *g, int folder, int64_t wall_us, int64_t boot_us,
                                int64_t *until_us)
{
    struct memo before, after;
    int64_t until;
    enum status s = memo_read(folder, g->ratchet_file, &before, NULL, 0);
    if (s != OK)
        return UNAVAILABLE; /* it was there when we opened: nothing moves without it */
    after = before;
    s = judge_day(g, &after, wall_us, &until);
    if (s == OK)
        s = judge_boot(g, &after, wall_us, boot_us);
    if (s == OK && !same_memo(&before, &after))
        s = memo_write(folder, g->ratchet_file, &after);
    if (s == OK) {
        g->believed = after.believed;
        *until_us = until;
    }
    return s;
}

enum status guard_check(struct guard *g, int64_t wall_us, int64_t boot_us, int64_t database_us,
                        int64_t *until_us)
{
    int folder;
    if (apart(wall_us, database_us))
        return DENIED;
    CHECK(pthread_mutex_lock(&g->lock) == 0);
    enum status s = enter(g->ratchet_file, &folder, NULL, 0);
    if (s == OK) {
        s = check_locked(g, folder, wall_us, boot_us, until_us);
        close(folder);
    } else {
        s = UNAVAILABLE;
    }
    pthread_mutex_unlock(&g->lock);
    return s;
}

enum status guard_confirm(const char *ratchet_file, int32_t day)
{
    struct memo memo;
    int folder;
    char text[DAY_TEXT_BYTES];
    int32_t back;
    if (day_parse(day_format(day, text), &back) != OK || back != day)
        return INVALID;
    enum status s = enter(ratchet_file, &folder, NULL, 0);
    if (s != OK)
        return s;
    s = memo_read(folder, ratchet_file, &memo, NULL, 0);
    if (s == NOT_FOUND || s == INVALID) {
        memo = (struct memo){.believed = day};
        s = OK;
    }
    if (s == OK) {
        memo.confirmed = day;
        memo.confirmations++;
        s = memo_write(folder, ratchet_file, &memo);
    }
    close(folder);
    return s;
}

int32_t guard_day(struct guard *g)
{
    CHECK(pthread_mutex_lock(&g->lock) == 0);
    int32_t day = g->believed;
    pthread_mutex_unlock(&g->lock);
    return day;
}
