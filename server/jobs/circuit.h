/* SPDX-License-Identifier: MIT */
/*
 * Whether a provider is worth waiting for at the moment.
 *
 * After a few calls in a row without an answer the circuit opens: nobody
 * waits for that provider until its pause is over, and then one call tries.
 * The pause doubles with each try that fails. It is for calls that may be left
 * for later (asking), not for those that somebody waits for (prepay). Times
 * are clock_boot_us(). Any thread.
 */
#ifndef IDPHOTOD_JOBS_CIRCUIT_H
#define IDPHOTOD_JOBS_CIRCUIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

enum { CIRCUIT_FAILURES = 3 };
#define CIRCUIT_PAUSE_US      (10 * SECOND_US)
#define CIRCUIT_PAUSE_MOST_US (5 * MINUTE_US)

struct circuit;

struct circuit *circuit_new(const char *name); /* for the log; borrowed. Returns owned */
void circuit_free(struct circuit *c);

/* True when a call may be made now; circuit_leave has to follow. `most`: how many callers may be
 * inside at once. A NULL circuit lets everybody pass. */
bool circuit_enter(struct circuit *c, int64_t boot_us, int most);

enum circuit_word { CIRCUIT_ANSWERED, CIRCUIT_SILENT, CIRCUIT_UNTRIED };
void circuit_leave(struct circuit *c, enum circuit_word word, int64_t boot_us);

#endif
