/* SPDX-License-Identifier: MIT */
/*
 * HTTP on loopback: a request as it came (target and body byte for byte) and
 * the reply to it. One thread per connection.
 */
#ifndef SANDBOX_HTTP_H
#define SANDBOX_HTTP_H

#include "pool.h"

#include <stdbool.h>
#include <stdint.h>

enum { HEADERS_MAX = 64, REPLY_HEADERS_MAX = 12, BODY_BYTES_MAX = 8 << 20 };

struct header {
    const char *name, *value;
};

struct request {
    struct pool *pool; /* dies with the request */
    const char *method;
    const char *target; /* path and query as sent */
    const char *path;   /* target up to '?', still percent-encoded */
    const char *query;  /* behind '?'; NULL when there is none */
    struct header headers[HEADERS_MAX];
    size_t n_headers;
    const char *body; /* NUL behind it */
    size_t body_size;
};

struct reply {
    unsigned status;
    const char *body;
    size_t body_size;
    struct header headers[REPLY_HEADERS_MAX];
    size_t n_headers;
    enum { CUT_NOT, CUT_BEFORE, CUT_MIDDLE } cut; /* the connection ends before, in the body */
    bool silent;                                  /* it never comes */
};

/* NULL when absent; "" when it came more than once (nobody may guess which one counts). */
const char *request_header(const struct request *request, const char *name);
void reply_header(struct reply *reply, const char *name, const char *value);
/* Takes the reference. */
void reply_json(const struct request *request, struct reply *reply, unsigned status, json_t *json);

typedef void http_handler(void *context, struct request *request, struct reply *reply);

struct http;
/* address: "127.0.0.1:0"; loopback only. *port: the port it really has. A socket that listens, or
 * -1; nothing is answered before http_start. */
int http_bind(const char *address, char host[64], uint16_t *port);
/* Takes the socket. */
struct http *http_start(int listener, http_handler *handler, void *context);
void http_stop(struct http *http);

#endif
