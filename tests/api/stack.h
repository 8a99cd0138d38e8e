/* SPDX-License-Identifier: MIT */
/*
 * The installation under test: its addresses, its clock, its database. What
 * HTTP cannot do is asked of run.sh, which holds the functions of
 * tests/tool/stack.sh. One thread.
 */
#ifndef API_STACK_H
#define API_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* False when there is no run.sh around us. */
bool stack_open(void);
void stack_close(void);

/* Runs a line of shell; true when it said 0. What it printed first is kept under "said". */
bool stack_control(const char *line);

/* Whether the operators' listener serves it: "/admin...", "/metrics", "admin:/...". */
bool stack_is_operators(const char *path);

/* What that does not serve lies at the public one, "sandbox:/..." there; a whole address stays. To
 * be freed. */
char *stack_url(const char *path);

/* The server's now: real time and offset, seconds with fractions. */
double stack_now(void);
/* Restarts server and sandbox so that the server's now is about that. */
bool stack_clock_at(double server_now);
/* Seconds since 1970 of 2026-11-23T02:30:00Z. */
double time_of(const char *text);

/* ---- database, as its superuser, for looking only ---- */

/* The first value of the first row, "" when there is none, kept until the next call. */
const char *db_value(const char *sql);
/* Everything that a refused request must leave as it was: a hash over all rows. To be freed. */
char *db_snapshot(void);

#endif
