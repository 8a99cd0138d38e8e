/* SPDX-License-Identifier: MIT */
/*
 * From a request target to a row of the route table.
 *
 * The target is taken raw: the path is split at its slashes first and decoded
 * then, so an encoded slash never makes a segment. Any thread.
 */
#ifndef IDPHOTOD_HTTP_ROUTER_H
#define IDPHOTOD_HTTP_ROUTER_H

#include "http/transport.h"

enum { PATH_MOST = 2048, QUERY_MOST = 4096, SEGMENTS_MAX = 16 };

struct target {
    const char *path; /* decoded */
    const char *segments[SEGMENTS_MAX];
    size_t n_segments; /* SEGMENTS_MAX + 1: more than any route has */
    bool asterisk;     /* "OPTIONS *" */
    struct pair_list query;
};

/* Origin form, absolute form (its authority is dropped) or "*". INVALID: malformed escape, control
 * character, NUL, invalid UTF-8, fragment. TOO_LARGE: path over PATH_MOST or query over QUERY_MOST
 * bytes. Everything is in the arena. */
enum status target_parse(struct arena *a, const char *raw, struct target *out) MUST_USE;

struct route_table {
    const struct route *routes;
    size_t n;
    enum listener kind; /* routes of other listeners do not exist */
};

struct route_match {
    const struct route *route;
    const char *params[PATH_PARAMS_MAX];
};

/* The row for method and path; a literal segment wins over a parameter. CONFLICT: the path is
 * known, the method is not. NOT_FOUND: neither. */
enum status route_find(const struct route_table *table, const char *method,
                       const struct target *target, struct route_match *out) MUST_USE;

/* "GET, HEAD, OPTIONS": what may be done at the path; "" when nothing. In the arena. */
const char *route_methods(const struct route_table *table, const struct target *target,
                          struct arena *a);

#endif
