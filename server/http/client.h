/* SPDX-License-Identifier: MIT */
/*
 * Calls to the payment providers, by libcurl.
 *
 * The buffer that was signed is the buffer that is sent; no redirects, TLS
 * verified (plain http only on loopback, which config checks), no proxies'
 * transformations asked for. A timeout is an unknown outcome, never a failure
 * of the trade. One struct client per worker thread; it keeps connections. The
 * program calls curl_global_init before it starts threads.
 */
#ifndef IDPHOTOD_HTTP_CLIENT_H
#define IDPHOTOD_HTTP_CLIENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

struct client;

enum { CLIENT_ANSWER_MAX = 1 << 20, CLIENT_HEADERS_MAX = 24 };

struct client_call {
    const char *method;         /* "GET" or "POST" */
    const char *url;            /* absolute */
    const char *const *headers; /* "Name: value", NULL-ended; may be NULL */
    const void *body;
    size_t body_size;
    int64_t connect_timeout_us, timeout_us; /* 0: 3 s, 10 s */
    size_t answer_max;                      /* bytes of the answer's body; 0: CLIENT_ANSWER_MAX */
    const atomic_bool *give_up; /* the call ends within about a second of its becoming true; NULL:
                                   at its timeouts alone */
};

struct client_answer {
    long http_status;
    const char *body; /* in the arena; NUL follows */
    size_t body_size;
    struct {
        const char *name, *value;
    } headers[CLIENT_HEADERS_MAX];
    size_t n_headers;
};

struct client *client_new(void); /* returns owned */
void client_free(struct client *c);

/* OK: an answer came, whatever its status. UNAVAILABLE: none, not whole, or given up. TOO_LARGE:
 * over answer_max. */
enum status client_send(struct client *c, const struct client_call *call, struct arena *a,
                        struct client_answer *answer) MUST_USE;

/* When the answer was sent, by its Date header; 0 when there is none. */
int64_t client_date_us(const struct client_answer *answer);

/* Header of the answer, any case; NULL when absent, "" when it came twice. */
const char *client_header(const struct client_answer *answer, const char *name);

#endif
