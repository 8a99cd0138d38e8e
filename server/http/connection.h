/* SPDX-License-Identifier: MIT */
/*
 * Connections and the time they have for what they do next.
 *
 * libmicrohttpd's own timeout restarts with each byte. So one thread per
 * server looks at every connection's deadline and shuts the socket of a late
 * one down; libmicrohttpd then finds it closed and cleans up. The same thread
 * lingers on connections that were answered before their body was read,
 * because closing on unread bytes would take the answer away from the client.
 */
#ifndef IDPHOTOD_HTTP_CONNECTION_H
#define IDPHOTOD_HTTP_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "http/problem.h"

enum phase {
    PHASE_HEADERS, /* a request line or headers are to come */
    PHASE_BODY,    /* a body is to come */
    PHASE_HANDLER, /* ours to act; no deadline here */
    PHASE_ANSWER,  /* the client is to read */
    PHASE_IDLE,    /* between requests */
};

struct connection;
struct watch;

/* tick runs on the watching thread about ten times a second. Returns owned. */
struct watch *watch_new(void (*tick)(void *arg), void *arg);
/* Every connection must have been removed. */
void watch_free(struct watch *w);

/* fd stays its owner's, who removes the connection before closing it. A plain socket that is late
 * with headers or body is told 408 before it is cut; through TLS there is no telling. */
struct connection *watch_add(struct watch *w, int fd, bool plain);
void watch_remove(struct watch *w, struct connection *c);

void connection_expect(struct connection *c, enum phase phase, int64_t deadline_us);
enum phase connection_phase(const struct connection *c);
/* The peer has closed its side. One system call; while the connection is suspended. */
bool connection_is_gone(const struct connection *c);
/* When it closes, unread bytes are to be read off for a while. */
void connection_linger(struct connection *c);

/* Cuts every connection that has no request under way. */
void watch_cut_idle(struct watch *w);

/* A whole HTTP/1.1 answer with the problem and Connection: close. Owned, free(). */
char *connection_problem(enum problem p, enum language language, const char *request_id);

#endif
