/* SPDX-License-Identifier: MIT */
/*
 * A server with a small route table, and a raw client, for the tests of the
 * HTTP room.
 */
#ifndef IDPHOTOD_TESTS_HTTP_FIXTURE_H
#define IDPHOTOD_TESTS_HTTP_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/server.h"

#define TOKEN "ipa_0123456789abcdefghijABCDEFGHIJ"

struct fixture {
    struct server_listener listeners[2];
    struct server_options options;
    struct server *server;
    unsigned port, operator_port;
};

/* Short deadlines, 2 I/O threads, 3 workers, 1 for callbacks, queues of 4; change options before
 * fixture_start. */
void fixture_init(struct fixture *f);
void fixture_start(struct fixture *f);
void fixture_stop(struct fixture *f);

/* /held waits until fixture_release; so many of them run now. */
void fixture_release(void);
int fixture_held(void);
bool fixture_await_held(int n);

/* /later defers and is kept until fixture_resume answers them all, with the count of them; so many
 * are kept now. */
int fixture_kept(void);
bool fixture_await_kept(int n);
void fixture_resume(void);

/* /eager/... are the same handlers on eager routes; /eager/pass passes unless it has a worker. */

/* /work goes on until it is abandoned; so many of them were, within 2 s. */
bool fixture_await_abandoned(int n);

/* ---- raw client ---- */
struct answer {
    unsigned status;
    char *headers, *body; /* NUL-ended */
    size_t body_size;
    bool closed; /* the server closed the connection */
};

int raw_connect(unsigned port);
void raw_send(int fd, const char *text);
/* Reads one answer (Content-Length framed; no body after HEAD, 204 and 304). False: the
 * connection closed or 5 s passed before it was whole. */
bool raw_read(int fd, bool head, struct answer *out);
/* Connects, sends, reads one answer, closes. */
struct answer raw_ask(unsigned port, const char *request);
struct answer raw_ask_bytes(unsigned port, const char *request, size_t n);
/* Value of a header, or NULL; malloc'd. */
char *answer_header(const struct answer *a, const char *name);
/* True when the peer closes within ms. */
bool raw_closes_within(int fd, int ms);
void answer_free(struct answer *a);
/* Member of a JSON body, "" when it has none; malloc'd. */
char *answer_member(const struct answer *a, const char *name);

#endif
