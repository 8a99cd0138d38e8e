/* SPDX-License-Identifier: MIT */
/*
 * What a request came with, free of the server library: header and query
 * pairs in order. struct request's transport points here. For this room, and
 * for tests that make requests without a server.
 */
#ifndef IDPHOTOD_HTTP_TRANSPORT_H
#define IDPHOTOD_HTTP_TRANSPORT_H

#include "http/request.h"

struct pair {
    const char *name, *value;
    struct pair *next;
};

struct pair_list {
    struct pair *first, *last;
};

struct transport {
    struct pair_list headers, query;
};

/* Makes *r an unanswered request from nobody; a, t and r live equally long. */
void request_init(struct request *r, struct transport *t, struct arena *a);

/* Borrows name and value. */
void pair_add(struct pair_list *list, struct arena *a, const char *name, const char *value);

bool reply_has_header(const struct request *r, const char *name);

/* RFC 9110 section 12.5.4, for the two languages there are; zh-CN when nothing decides. accept
 * may be NULL. */
enum language language_of(const char *accept);

#endif
