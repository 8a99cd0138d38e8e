/* SPDX-License-Identifier: MIT */
/*
 * One request, as handlers see it, and the ways to answer it.
 *
 * A handler is a plain blocking function on a worker thread; it answers
 * exactly once by a reply_ function and returns, or gives the request away to
 * be answered later. Everything it allocates from r->arena dies with the
 * request. It does not know the executor. A request belongs to one thread at a
 * time.
 */
#ifndef IDPHOTOD_HTTP_REQUEST_H
#define IDPHOTOD_HTTP_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/ids.h"
#include "base/status.h"

struct request;
typedef void (*handler)(struct request *r);
/* Fills the empty *piece with what comes next of an answer; *last, false before: nothing comes
 * after it. */
typedef enum status (*piece_maker)(struct request *r, void *with, struct buf *piece, bool *last);

enum listener { LISTENER_PUBLIC = 1, LISTENER_OPERATOR = 2, LISTENER_BOTH = 3 };

/* Who may call. The gate (api/gate.c) does the checking before the handler runs. */
enum caller { CALLER_ANYONE, CALLER_ACCOUNT, CALLER_PROVIDER, CALLER_OPERATOR };

/* Which queue and workers serve it. LANE_INLINE runs on the I/O thread and must not block. */
enum lane { LANE_INLINE, LANE_WORK, LANE_CALLBACK, LANE_IMAGE, LANES };
const char *lane_name(enum lane lane); /* "work" */

/* Content types a route's body may have; a bit each. */
enum { TYPE_NONE = 0, TYPE_JSON = 1, TYPE_IMAGE = 2, TYPE_FORM = 4, TYPE_ANY = 8 };

/* Operator roles, a bit each; ROLE_ADMIN may do everything. */
enum {
    ROLE_FULFILMENT = 1,
    ROLE_SUPPORT = 2,
    ROLE_FINANCE = 4,
    ROLE_AUDITOR = 8,
    ROLE_ADMIN = 16,
};

/* One row of the route table: all that holds for the route. */
struct route {
    const char *method; /* "GET"; HEAD is served by GET's row */
    const char *path;   /* "/v1/orders/{id}/payments/{payment_id}" */
    enum listener listener;
    enum caller caller;
    enum lane lane;
    unsigned types;    /* of the request body */
    size_t max_body;   /* bytes; 0: none allowed */
    unsigned roles;    /* CALLER_OPERATOR: who of them */
    bool token_too;    /* CALLER_ANYONE: an account's token may come along, and is then checked */
    bool image_query;  /* with a query it is LANE_IMAGE's, without one its lane's */
    bool eager;        /* tried on the I/O thread, without gate and worker, before its lane */
    bool idempotent;   /* Idempotency-Key required and honoured */
    bool consent;      /* creates personal data: the current major policy must be agreed to */
    bool faces;        /* looks at faces: the account must have agreed to that purpose */
    bool purpose;      /* shows personal data to an operator: X-Purpose required, audited */
    const char *rate;  /* rate class */
    const char *audit; /* audit action, or NULL */
    handler handle;
};

enum { PATH_PARAMS_MAX = 4 };
enum language { LANGUAGE_ZH, LANGUAGE_EN };

struct reply_header {
    const char *name, *value;
    struct reply_header *next;
};

struct request {
    struct arena *arena;
    const struct route *route;
    const char *method;
    const char *path;                    /* decoded path, without the query */
    const char *params[PATH_PARAMS_MAX]; /* values of {…} in order, percent-decoded */
    const char *request_id;              /* X-Request-Id if it was sane, else made */
    enum language language;
    const char *client_ip;     /* text; socket peer, or by trusted proxies */
    const unsigned char *body; /* whole body; NUL follows it */
    size_t body_size;
    int64_t now_us;      /* one now for the whole request */
    int64_t deadline_us; /* clock_boot_us() at which the answer is too late */
    void *app;           /* server_options.app */
    void *worker;        /* what worker_open gave this worker; NULL inline */

    /* filled in by the gate */
    int64_t account_id;
    struct uuid operator_id;
    unsigned operator_roles;
    const char *purpose;
    void *gate; /* the gate's own */

    /* the answer */
    unsigned reply_status; /* 0: not answered yet */
    const char *reply_type;
    const void *reply_body;
    size_t reply_size;
    struct reply_header *reply_headers;
    piece_maker reply_next; /* of an answer in pieces */
    void *reply_with;
    const char *problem_code; /* for log and metrics */
    json_t *field_errors;

    void *transport; /* http/server.c's own */
};

/* First value of a header (any case) or query parameter; NULL when absent. A header that came
 * more than once is "" (callers treat it as malformed). Borrowed from the request. */
const char *request_header(const struct request *r, const char *name);
const char *request_query(const struct request *r, const char *name);
/* Every header of that name joined by commas in order; NULL when absent. In the arena. */
const char *request_header_joined(const struct request *r, const char *name);
/* Calls each(arg, name, value) for every query parameter, in order. */
void request_each_query(const struct request *r, void (*each)(void *, const char *, const char *),
                        void *arg);

/* ---- answers ---- */

/* Steals body. Adds Cache-Control: no-store. */
void reply_json(struct request *r, unsigned http_status, json_t *body);
/* Borrows bytes until the request ends (arena, or static). */
void reply_bytes(struct request *r, unsigned http_status, const char *content_type,
                 const void *bytes, size_t n);
void reply_empty(struct request *r, unsigned http_status);
/* Copies both into the arena. Before or after the reply_ call. */
void reply_add_header(struct request *r, const char *name, const char *value);

/* True when nobody waits for the answer any more: the client has closed its side of the connection,
 * or the deadline is past. For long work on a server's request, between its steps. */
bool request_is_abandoned(const struct request *r);

/* An answer of unknown length that never lies in memory as a whole. Once the client has taken what
 * there is, `next` makes the following piece: on a worker of the request's lane (r->worker is its
 * own; between pieces no worker is kept), within the handler's deadline each time, never two at
 * once. What is not OK, a full queue or a stopping server breaks the answer off, and the client
 * sees that it is not whole. A request's arena lives as long as the whole answer: each piece should
 * use one of its own. `with` is the caller's, freed by arena_defer; `next` is never called for
 * HEAD. */
void reply_pieces(struct request *r, unsigned http_status, const char *content_type,
                  piece_maker next, void *with);

/* ---- answering later ---- */

/* For a handler of LANE_CALLBACK, in place of an answer: from the next call that hands r on, r is
 * its holder's. The handler then touches neither r nor its arena and returns; its thread is free
 * for others, the connection stays suspended. The holder must answer r and call request_resume,
 * exactly once, also when the server stops; it minds r->deadline_us itself. */
void request_defer(struct request *r);
/* By the holder, after its reply_ call. r is gone afterwards. Any thread. */
void request_resume(struct request *r);

/* For the handler of an eager route on the I/O thread, where r->worker is NULL, in place of an
 * answer: what it found would block. It returns, and runs again on a worker of its lane. */
void request_pass(struct request *r);

#endif
