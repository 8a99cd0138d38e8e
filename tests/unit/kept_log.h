/* SPDX-License-Identifier: MIT */
/* What the program logs in this test, to be looked at. Standard error is taken for good: each test
 * is a process of its own. */
#ifndef IDPHOTOD_TESTS_KEPT_LOG_H
#define IDPHOTOD_TESTS_KEPT_LOG_H

#include <jansson.h>
#include <stdbool.h>

/* From here on. */
void kept_log_begin(void);
/* How many lines tell of the event so far. */
int kept_log_count(const char *event);
/* True when n do, now or within the seconds. */
bool kept_log_await(const char *event, int n, int seconds);
/* The last line that tells of the event; fails the test when there is none. Owned. */
json_t *kept_log_last(const char *event);

#endif
