/* SPDX-License-Identifier: MIT */
/*
 * Listeners, bounded queues and workers on libmicrohttpd.
 *
 * I/O threads (epoll pool) parse, route, check size, type and token shape,
 * suspend the connection and queue the request; a worker runs gate and handler
 * and resumes it, exactly once, unless the handler deferred it: then whoever
 * holds it does. Handlers of eager routes run on the I/O thread at first, and
 * go to a worker only for what would block. A full queue answers 503 at once. LANE_WORK,
 * LANE_CALLBACK and LANE_IMAGE have queues and workers of their own. Deadlines for headers, body
 * and handler are our own: libmicrohttpd's timeout restarts with each byte.
 */
#ifndef IDPHOTOD_HTTP_SERVER_H
#define IDPHOTOD_HTTP_SERVER_H

#include "http/request.h"

struct server;
struct limits;

struct server_listener {
    const char *listen;             /* "127.0.0.1:8080", "[::1]:0" */
    const char *tls_cert, *tls_key; /* PEM files; both or neither */
    const char *client_ca;          /* PEM; each request's peer certificate is then verified */
    enum listener kind;             /* LISTENER_PUBLIC or LISTENER_OPERATOR */
};

/* Everything that it points to must live until server_stop. 0 in a count takes its default:
 * io_threads, callback_workers and image_workers the number of cores, workers 16, queue 1024,
 * callback_queue 1024, image_queue 64. */
struct server_options {
    const struct server_listener *listeners;
    size_t n_listeners;
    const struct route *routes; /* all listeners' */
    size_t n_routes;
    unsigned io_threads, workers, queue, callback_workers, callback_queue, image_workers,
        image_queue;
    int64_t header_deadline_us, body_deadline_us, handler_deadline_us; /* 0: 10 s, 30 s, 15 s */
    const char *trusted_proxies; /* comma-separated addresses or CIDR blocks; NULL: none */
    const char *cors_origins;    /* comma-separated; NULL: none */
    struct limits *limits;       /* of addresses, on the public listener; NULL: none */
    void *app;
    /* Per worker thread: opened once, handed to every request as r->worker, closed at the end. */
    void *(*worker_open)(void *app, enum lane lane);
    void (*worker_close)(void *worker);
    /* Optional limits of the listeners: how long an idle connection is kept (0: 60 s), all bodies
     * in memory at once (0: 256 MiB; over it 503), the same for those of LANE_IMAGE, which count
     * apart (0: 256 MiB), connections per listener (0: 4096). A body takes its room when its length
     * is told, before it is read; one in chunks takes what its buffer holds while it grows. */
    int64_t idle_deadline_us;
    size_t body_memory_bytes, upload_memory_bytes;
    unsigned max_connections;
    /* Runs before and around every handler on a worker's thread; must answer the request. */
    void (*dispatch)(struct request *r);
};

/* Binds, starts threads, and serves. INVALID (bad options, with why) or UNAVAILABLE (cannot
 * bind). Returns owned. */
enum status server_start(const struct server_options *options, struct server **out, char *why,
                         size_t why_size) MUST_USE;

/* The port that listener i is bound to. */
unsigned server_port(const struct server *s, size_t i);

/* Stops accepting, serves what is in flight for at most drain_us, resumes all, stops. Frees.
 * Whoever holds deferred requests must still be answering them. */
void server_stop(struct server *s, int64_t drain_us);

/* When the certificate of the listener of this kind ends; 0: it is without TLS, or is not there. */
int64_t server_certificate_expiry_us(const struct server *s, enum listener kind);

/* Re-reads TLS certificates for new connections; keeps the old ones when the new do not load
 * (INVALID, logged). Any thread. */
enum status server_reload_tls(struct server *s) MUST_USE;

/* Figures for tests and metrics. */
struct lane_figures {
    int64_t queued, limit, running;
};
struct server_figures {
    int64_t queued, running, refused, served;
    struct lane_figures lanes[LANES]; /* LANE_INLINE has none */
    int64_t in_flight;                /* requests that are not over */
    int64_t body_bytes, body_limit_bytes;
    int64_t upload_bytes, upload_limit_bytes;
};
void server_figures(struct server *s, struct server_figures *out);

#endif
