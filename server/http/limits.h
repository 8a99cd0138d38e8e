/* SPDX-License-Identifier: MIT */
/*
 * How often an address and an account may call, by the class of the route.
 *
 * One file (config/limits.json) holds the table: class, by whom, requests in a
 * window, and how many of them may come at once. Counted by the generic cell
 * rate algorithm (ITU-T I.371), in one process: each host has its own count.
 * The memory is fixed. Callers are keyed by a hash under a key that is random
 * for each process, so that no address is kept; an IPv6 address counts as its
 * /64. Headers as draft-ietf-httpapi-ratelimit-headers-10 has them. Any thread.
 */
#ifndef IDPHOTOD_HTTP_LIMITS_H
#define IDPHOTOD_HTTP_LIMITS_H

#include "http/request.h"

struct limits;

/* Slots of callers that are remembered; past them the one forgotten is the one nearest to its full
 * allowance. */
enum { LIMIT_SLOTS = 1 << 16 };

enum limit_by { LIMIT_ADDRESS, LIMIT_ACCOUNT };

/* Reads the table. INVALID: why names file, class and rule. Returns owned. */
enum status limits_load(const char *file, struct limits **out, char *why, size_t why_size) MUST_USE;
void limits_free(struct limits *l);

/* What an account may keep, as the member "quota" of the table says: drafts that live, bytes a day.
 * 0: no limit. `l` NULL: none. */
struct limit_quota {
    int64_t drafts, bytes_a_day;
};
struct limit_quota limits_quota(const struct limits *l);

struct limit_state {
    char policy[48];          /* "read-address" */
    int64_t quota, window_s;  /* so many requests in so many seconds */
    int64_t remaining;        /* that may come now */
    int64_t reset_s, retry_s; /* until all may come; until one may, 0 when this one may */
};

/* Counts one request at the clock_boot_us() given. False: nothing limits the class so, or the
 * caller is not known; *out is then untouched. A refused request does not count. */
bool limits_take(struct limits *l, const char *class, enum limit_by by, const void *caller,
                 size_t caller_size, int64_t boot_us, struct limit_state *out) MUST_USE;

/* Counts the request and adds the headers to its answer. False after having answered 429. `l` NULL:
 * nothing is limited. */
bool limits_admit_address(struct limits *l, struct request *r) MUST_USE;
bool limits_admit_account(struct limits *l, struct request *r) MUST_USE;

#endif
