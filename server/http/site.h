/* SPDX-License-Identifier: MIT */
/*
 * The inside of a server: one site per listener. For this room only.
 */
#ifndef IDPHOTOD_HTTP_SITE_H
#define IDPHOTOD_HTTP_SITE_H

#include <microhttpd.h>
#include <stdatomic.h>

#include "http/connection.h"
#include "http/executor.h"
#include "http/proxy.h"
#include "http/router.h"
#include "http/server.h"
#include "http/tls.h"

struct server;

struct site {
    struct server *server;
    const struct server_listener *options;
    struct route_table table;
    struct MHD_Daemon *daemon;
    int fd;     /* the listening socket; -1 once it was closed */
    int hidden; /* a listener that takes its place at the end: site_quiesce; -1: none */
    unsigned port;
    struct tls *tls;
    gnutls_datum_t client_ca;
};

/* How much of memory bodies may take, and what they have taken. */
struct body_room {
    _Atomic int64_t bytes;
    int64_t most;
};

struct server {
    struct server_options options; /* with the defaults filled in */
    struct proxy_list *proxies;
    struct executor *executor;
    struct watch *watch;
    struct site *sites;
    size_t n_sites;
    struct body_room bodies, uploads; /* uploads: of LANE_IMAGE */
    _Atomic int64_t exchanges;        /* requests that are not over */
    /* Of them, those that may be suspended without the executor's knowing: given away by their
     * handlers and not resumed yet, or in the hands of one that may still give them away. */
    _Atomic int64_t deferred;
    atomic_bool draining, ending; /* ending: nothing is given away any more */
};

/* Binds and serves. INVALID with why: options that cannot be; UNAVAILABLE: cannot bind. On failure
 * site_stop still has to be called. */
enum status site_start(struct site *site, char *why, size_t why_size) MUST_USE;
/* No new connections from now on. */
void site_quiesce(struct site *site);
/* Every request must be over or resumed. */
void site_stop(struct site *site);

/* ---- exchange.c: libmicrohttpd's callbacks; cls is the site ---- */
void *exchange_begin(void *cls, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result exchange_handle(void *cls, struct MHD_Connection *mhd, const char *url,
                                const char *method, const char *version, const char *upload,
                                size_t *upload_size, void **exchange);
void exchange_completed(void *cls, struct MHD_Connection *mhd, void **exchange,
                        enum MHD_RequestTerminationCode how);
/* Executor's finish. */
void exchange_finish(struct job *job, enum job_end end, void *worker);

#endif
