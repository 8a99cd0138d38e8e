/* SPDX-License-Identifier: MIT */
/*
 * The clock guard: a clock that jumps must not destroy data.
 *
 * Purge and ratchet move only up to the day the guard allows. It compares the
 * wall clock with elapsed boot time since the guard was opened and with the
 * database's clock, and remembers, in a file beside the ratchet, the last day
 * it believed, so that a jump across a restart is seen too. One struct per
 * process; guard_check may be called from any thread.
 */
#ifndef IDPHOTOD_VAULT_GUARD_H
#define IDPHOTOD_VAULT_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct guard;

struct guard_options {
    const char *ratchet_file; /* the guard's own file lies beside it: <ratchet_file>.guard */
    int32_t max_step_days;    /* keys.max_step; 1 */
    bool step_day_by_day;     /* testing.allow_clock: a jump is walked, one day a call */
};

/* Returns owned. The first open on a host believes today. */
enum status guard_open(const struct guard_options *options, struct guard **out, char *why,
                       size_t why_size) MUST_USE;
void guard_close(struct guard *g);

/* One look at the clocks. wall_us is clock_now_us(), boot_us is clock_boot_us(), database_us is the
 * database's clock_timestamp() plus the test offset. OK: *until_us is the instant up to which
 * jobs may destroy (now, or the end of the day reached when walking). DENIED: the clocks disagree
 * by more than two minutes, or the day lies before the last believed one or more than max_step past
 * it and no operator confirmed it; nothing may be destroyed. UNAVAILABLE when the guard's file
 * cannot be read or written, with the same consequence. The believed day is durable on return.
 * When walking, elapsed boot time is not compared: a test clock jumps by intent. */
enum status guard_check(struct guard *g, int64_t wall_us, int64_t boot_us, int64_t database_us,
                        int64_t *until_us) MUST_USE;

/* An operator's word that `day` is right (`idphotod ratchet confirm`), for the next check of any
 * process of this host; it holds for that day and the max_step after it, forward or back, and each
 * process also takes its clock as it then stands for the new base of elapsed time. Repairs a
 * damaged guard file. */
enum status guard_confirm(const char *ratchet_file, int32_t day) MUST_USE;

/* The last day believed. */
int32_t guard_day(struct guard *g);

#endif
