/* SPDX-License-Identifier: MIT */
#include "http/exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "http/problem.h"
#include "http/text.h"

/* A body up to this size is read off when its request was refused, so that the connection can be
 * used again; a larger one ends the connection. */
enum { DISCARD_MOST = 65536, REQUEST_ID_MOST = 64, MADE_ID_BYTES = 23, ANSWER_BYTES_PER_S = 32768 };

/* ---- life ---- */

static struct connection *connection_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *i =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    CHECK_PEER(i && i->socket_context);
    return i->socket_context;
}

void *exchange_begin(void *cls, const char *uri, struct MHD_Connection *mhd)
{
    struct site *site = cls;
    struct exchange *x = calloc(1, sizeof *x);
    CHECK_PEER(x);
    request_init(&x->r, &x->transport, arena_new());
    x->site = site;
    x->mhd = mhd;
    x->connection = connection_of(mhd);
    x->raw = arena_strdup(x->r.arena, uri);
    x->raw_origin = uri;
    x->started_us = clock_boot_us();
    x->r.app = site->server->options.app;
    x->r.method = "-";
    atomic_init(&x->turns, 1);
    atomic_init(&x->holds, 1);
    atomic_fetch_add(&site->server->exchanges, 1);
    if (connection_phase(x->connection) == PHASE_IDLE)
        connection_expect(x->connection, PHASE_HEADERS,
                          x->started_us + site->server->options.header_deadline_us);
    return x;
}

static struct body_room *room_of(const struct exchange *x)
{
    struct server *s = x->site->server;
    return x->r.route->lane == LANE_IMAGE ? &s->uploads : &s->bodies;
}

bool exchange_take_room(struct exchange *x, size_t n)
{
    struct body_room *room = room_of(x);
    int64_t more = (int64_t)n - x->counted;
    if (more <= 0)
        return true;
    if (atomic_fetch_add(&room->bytes, more) + more > room->most) {
        atomic_fetch_sub(&room->bytes, more);
        return false;
    }
    x->counted += more;
    return true;
}

static void exchange_drop(struct exchange *x)
{
    if (atomic_fetch_sub(&x->holds, 1) != 1)
        return;
    if (x->r.route)
        atomic_fetch_sub(&room_of(x)->bytes, x->counted);
    buf_free(&x->body);
    buf_free(&x->piece);
    arena_free(x->r.arena);
    struct server *s = x->site->server;
    free(x);
    atomic_fetch_sub(&s->exchanges, 1); /* the server may be freed once this is 0 */
}

static void drop_hold(void *exchange)
{
    exchange_drop(exchange);
}

/* ---- what the request came with ---- */

/* RFC 9110 section 5.1. A blank before the colon makes a name that is none. */
static bool is_header_name(const char *name, size_t n)
{
    return strlen(name) == n && text_is_token(name, n, "!#$%&'*+-.^_`|~");
}

/* RFC 9112 section 5.2. libmicrohttpd joins a folded line to the one before without the blank that
 * others put there; the joined value then no longer stands behind its name. */
static bool is_folded(const char *name, size_t name_size, const char *value)
{
    const char *after_colon = name + name_size + 1;
    return value != after_colon + strspn(after_colon, " \t");
}

static enum MHD_Result note_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                   size_t name_size, const char *value, size_t value_size)
{
    struct exchange *x = cls;
    (void)kind;
    value = value ? value : "";
    x->header_bytes += name_size + value_size + 4;
    /* a tab is white space here, not a control character */
    if (!is_header_name(name, name_size) || is_folded(name, name_size, value) ||
        text_has_control(value, value_size, true))
        x->odd_headers = true;
    pair_add(&x->transport.headers, x->r.arena, arena_copy(x->r.arena, name, name_size),
             arena_copy(x->r.arena, value, value_size));
    return MHD_YES;
}

static const char *request_id_of(const struct request *r)
{
    const char *sent = request_header(r, "X-Request-Id");
    if (sent && text_is_token(sent, REQUEST_ID_MOST, "._-"))
        return sent;
    char made[MADE_ID_BYTES];
    return arena_strdup(r->arena, random_base62(made, sizeof made));
}

/* W3C Trace Context: version-traceid-parentid-flags, lower-case hexadecimal. */
static const char *trace_id_of(const struct request *r)
{
    static const char hex[] = "0123456789abcdef";
    const char *p = request_header(r, "traceparent");
    if (!p || strlen(p) < 55 || strspn(p, hex) != 2 || p[2] != '-' || strspn(p + 3, hex) != 32 ||
        p[35] != '-' || strspn(p + 3, "0") == 32)
        return NULL;
    return arena_copy(r->arena, p + 3, 32);
}

static const char *client_ip_of(struct exchange *x)
{
    const union MHD_ConnectionInfo *i =
        MHD_get_connection_info(x->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    struct in6_addr peer;
    proxy_peer_address(i ? i->client_addr : NULL, &peer);
    return proxy_client_ip(x->site->server->proxies, &peer,
                           request_header_joined(&x->r, "X-Forwarded-For"), x->r.arena);
}

static void note_request(struct exchange *x, const char *method)
{
    struct request *r = &x->r;
    MHD_get_connection_values_n(x->mhd, MHD_HEADER_KIND, note_header, x);
    r->method = arena_strdup(r->arena, method);
    r->request_id = request_id_of(r);
    r->language = language_of(request_header_joined(r, "Accept-Language"));
    r->client_ip = client_ip_of(x);
    x->trace_id = trace_id_of(r);
}

/* ---- the answer ---- */

static void add_headers(struct exchange *x, struct MHD_Response *response)
{
    struct request *r = &x->r;
    for (const struct reply_header *h = r->reply_headers; h; h = h->next)
        if (MHD_add_response_header(response, h->name, h->value) != MHD_YES)
            log_warn("http.header-refused", LOG_STR("name", h->name));
    if (r->reply_type)
        MHD_add_response_header(response, "Content-Type", r->reply_type);
    if (!reply_has_header(r, "Cache-Control"))
        MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "X-Request-Id", r->request_id);
    if (x->site->tls)
        MHD_add_response_header(response, "Strict-Transport-Security", "max-age=31536000");
    if (x->close || atomic_load(&x->site->server->draining))
        MHD_add_response_header(response, "Connection", "close");
    exchange_add_cors(x, response);
}

int64_t exchange_answer_deadline_us(const struct exchange *x, size_t bytes)
{
    return clock_boot_us() + x->site->server->options.body_deadline_us +
           (int64_t)bytes * SECOND_US / ANSWER_BYTES_PER_S;
}

static struct MHD_Response *make_response(struct exchange *x)
{
    struct request *r = &x->r;
    if (r->reply_next)
        return pieces_response(x, drop_hold);
    return MHD_create_response_from_buffer_with_free_callback_cls(
        r->reply_size, (void *)(uintptr_t)r->reply_body, drop_hold, x);
}

static enum MHD_Result send_answer(struct exchange *x)
{
    struct request *r = &x->r;
    atomic_fetch_add(&x->holds, 1);
    struct MHD_Response *response = make_response(x);
    CHECK_PEER(response);
    add_headers(x, response);
    x->stage = r->reply_next ? STAGE_PIECES : STAGE_SENT;
    connection_expect(x->connection, PHASE_ANSWER, exchange_answer_deadline_us(x, r->reply_size));
    enum MHD_Result queued = MHD_queue_response(x->mhd, r->reply_status, response);
    MHD_destroy_response(response);
    return queued;
}

/* ---- the handler ---- */

static void run_handler(struct exchange *x, bool by_gate)
{
    struct request *r = &x->r;
    void (*dispatch)(struct request *) = x->site->server->options.dispatch;
    log_set_request_id(r->request_id);
    if (by_gate && dispatch)
        dispatch(r);
    else
        r->route->handle(r);
    log_set_request_id(NULL);
}

/* A worker took it up too late. */
static enum job_end expire(const struct job *job)
{
    metric_count(METRIC_HTTP_REFUSED, lane_name(job->lane), "expired");
    return JOB_EXPIRED;
}

static void see_answered(struct request *r)
{
    if (r->reply_status != 0)
        return;
    log_set_request_id(r->request_id);
    log_error("http.unanswered", LOG_STR("route", r->route->path));
    log_set_request_id(NULL);
    reply_problem(r, PROBLEM_INTERNAL_ERROR);
}

/* The worker and the holder of a deferred request may be done in either order; the last one
 * resumes. From there on x is the I/O thread's. */
static void end_turn(struct exchange *x)
{
    struct server *s = x->site->server;
    if (atomic_fetch_sub(&x->turns, 1) != 1)
        return;
    bool deferred = x->deferred;
    see_answered(&x->r);
    x->stage = STAGE_ANSWERED;
    MHD_resume_connection(x->mhd);
    if (deferred)
        atomic_fetch_sub(&s->deferred, 1); /* the server may be stopped once this is 0 */
}

static struct exchange *exchange_of(struct request *r)
{
    return (struct exchange *)((char *)r - offsetof(struct exchange, r));
}

static void suspend(struct job *job)
{
    struct exchange *x = (struct exchange *)job; /* its first member */
    x->stage = STAGE_QUEUED;
    MHD_suspend_connection(x->mhd);
}

void request_defer(struct request *r)
{
    struct exchange *x = exchange_of(r);
    CHECK(r->route->lane == LANE_CALLBACK && r->reply_status == 0 && !x->deferred && !x->passed);
    if (x->stage != STAGE_QUEUED) /* on the I/O thread */
        suspend(&x->job);
    x->deferred = true;
    atomic_fetch_add(&x->turns, 1);
    atomic_fetch_add(&x->site->server->deferred, 1);
}

bool request_is_abandoned(const struct request *r)
{
    const struct exchange *x =
        (const struct exchange *)((const char *)r - offsetof(struct exchange, r));
    return clock_boot_us() >= r->deadline_us || connection_is_gone(x->connection);
}

void request_resume(struct request *r)
{
    end_turn(exchange_of(r));
}

void request_pass(struct request *r)
{
    struct exchange *x = exchange_of(r);
    CHECK(r->route->eager && !r->worker && r->reply_status == 0 && !x->deferred);
    x->passed = true;
}

void exchange_finish(struct job *job, enum job_end end, void *worker)
{
    struct exchange *x = (struct exchange *)job; /* its first member */
    if (end == JOB_RUN && clock_boot_us() >= job->deadline_us)
        end = expire(job);
    if (x->stage == STAGE_PIECES) {
        pieces_turn(x, end, worker);
        return;
    }
    switch (end) {
    case JOB_RUN:
        x->r.worker = worker;
        run_handler(x, true);
        break;
    case JOB_EXPIRED: reply_problem(&x->r, PROBLEM_DEADLINE_EXCEEDED); break;
    case JOB_REFUSED: reply_problem(&x->r, PROBLEM_OVERLOADED); break;
    }
    end_turn(x);
}

static enum lane lane_of(const struct exchange *x)
{
    const struct route *route = x->r.route;
    return route->image_query && x->transport.query.first ? LANE_IMAGE : route->lane;
}

static enum MHD_Result queue(struct exchange *x)
{
    x->job = (struct job){.lane = lane_of(x), .deadline_us = x->r.deadline_us};
    if (executor_submit(x->site->server->executor, &x->job, suspend))
        return MHD_YES;
    reply_problem(&x->r, PROBLEM_OVERLOADED);
    return send_answer(x);
}

static enum MHD_Result run_here(struct exchange *x)
{
    run_handler(x, false);
    if (x->passed)
        return queue(x);
    if (x->deferred) {
        end_turn(x);
        return MHD_YES;
    }
    see_answered(&x->r);
    return send_answer(x);
}

/* Counted as deferred before it looks whether the server ends; server_stop does it the other way
 * round, so none is missed. */
static enum MHD_Result run_eagerly(struct exchange *x)
{
    struct server *s = x->site->server;
    atomic_fetch_add(&s->deferred, 1);
    enum MHD_Result result = atomic_load(&s->ending) ? queue(x) : run_here(x);
    atomic_fetch_sub(&s->deferred, 1); /* the server may be stopped once this is 0 */
    return result;
}

static enum MHD_Result hand_over(struct exchange *x)
{
    struct request *r = &x->r;
    if (x->body.size) {
        r->body = x->body.bytes;
        r->body_size = x->body.size;
    }
    r->now_us = clock_now_us();
    r->deadline_us = clock_boot_us() + x->site->server->options.handler_deadline_us;
    connection_expect(x->connection, PHASE_HANDLER, INT64_MAX);
    if (r->route->lane == LANE_INLINE)
        return run_here(x);
    return r->route->eager ? run_eagerly(x) : queue(x);
}

/* ---- arrival ---- */

static enum MHD_Result open_exchange(struct exchange *x, const char *method, const char *version)
{
    note_request(x, method);
    exchange_admit(x, version);
    bool answered = x->r.reply_status != 0;
    x->stage = answered ? STAGE_DISCARD : STAGE_BODY;
    if (x->has_body)
        connection_expect(x->connection, PHASE_BODY,
                          clock_boot_us() + x->site->server->options.body_deadline_us);
    if (!answered)
        return MHD_YES;
    bool small = x->content_length > 0 && x->content_length <= DISCARD_MOST;
    bool misread = x->r.reply_status == 400 || x->r.reply_status == 431;
    /* An answer at this point ends the connection; at the end of the request it does not. */
    if (!x->has_body)
        return misread ? send_answer(x) : MHD_YES;
    if (small && !misread && !x->expects_continue)
        return MHD_YES;
    x->close = true;
    connection_linger(x->connection);
    return send_answer(x);
}

/* libmicrohttpd takes no answer in the midst of a body. So it is written here, past it, and the
 * connection ends. */
static enum MHD_Result break_off(struct exchange *x, enum problem p)
{
    reply_problem(&x->r, p);
    char *message = connection_problem(p, x->r.language, x->r.request_id);
    size_t n = strlen(message);
    if (x->site->tls) {
        const union MHD_ConnectionInfo *i =
            MHD_get_connection_info(x->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
        if (i)
            (void)!gnutls_record_send(i->tls_session, message, n);
    } else {
        const union MHD_ConnectionInfo *i =
            MHD_get_connection_info(x->mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
        if (i)
            (void)!send(i->connect_fd, message, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    free(message);
    connection_linger(x->connection);
    return MHD_NO;
}

/* A length that was told took its room when it came. */
static bool make_room(struct exchange *x, size_t n)
{
    if (!x->content_length)
        return exchange_take_room(x, buf_peak(&x->body, n));
    if (!x->body.size)
        buf_reserve(&x->body, x->content_length); /* growing would hold two of it */
    return true;
}

static enum MHD_Result take_body(struct exchange *x, const char *bytes, size_t *n)
{
    if (x->stage == STAGE_DISCARD) {
        *n = 0;
        return MHD_YES;
    }
    if (x->body.size + *n > x->r.route->max_body)
        return break_off(x, PROBLEM_BODY_TOO_LARGE);
    if (!make_room(x, *n))
        return break_off(x, PROBLEM_OVERLOADED);
    buf_add(&x->body, bytes, *n);
    *n = 0;
    return MHD_YES;
}

enum MHD_Result exchange_handle(void *cls, struct MHD_Connection *mhd, const char *url,
                                const char *method, const char *version, const char *upload,
                                size_t *upload_size, void **exchange)
{
    struct exchange *x = *exchange;
    (void)cls, (void)mhd, (void)url;
    CHECK_PEER(x);
    switch (x->stage) {
    case STAGE_NEW: return open_exchange(x, method, version);
    case STAGE_BODY: return *upload_size ? take_body(x, upload, upload_size) : hand_over(x);
    case STAGE_DISCARD: return *upload_size ? take_body(x, upload, upload_size) : send_answer(x);
    case STAGE_ANSWERED: return send_answer(x);
    case STAGE_QUEUED:
    case STAGE_PIECES:
    case STAGE_SENT: break;
    }
    return MHD_YES;
}

/* ---- the end ---- */

/* A method that is not in the list is a value of the caller's, which does not belong in a log. */
static const char *known_method(const char *method)
{
    static const char *const known[] = {"GET",    "HEAD",  "POST",    "PUT",
                                        "DELETE", "PATCH", "OPTIONS", "-"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(method, known[i]) == 0)
            return known[i];
    return "other";
}

static void count_request(const struct exchange *x)
{
    const struct request *r = &x->r;
    const char *route = r->route ? r->route->path : NULL;
    const char *method = known_method(r->method);
    char code[8] = "none";
    if (strcmp(method, "-") == 0)
        method = NULL; /* broken off before it named one */
    if (r->reply_status)
        snprintf(code, sizeof code, "%u", r->reply_status % 1000);
    metric_count(METRIC_HTTP_REQUESTS, route, method, code);
    metric_observe(METRIC_HTTP_REQUEST_DURATION, clock_boot_us() - x->started_us, route, method);
}

static void log_request(const struct exchange *x, bool whole)
{
    const struct request *r = &x->r;
    bool public = x->site->table.kind == LISTENER_PUBLIC;
    struct log_field fields[10] = {
        LOG_STR("route", r->route ? r->route->path : "-"),
        LOG_STR("method", known_method(r->method)),
        LOG_INT("status", r->reply_status),
        LOG_INT("duration_us", clock_boot_us() - x->started_us),
        LOG_INT("bytes", r->reply_size),
        LOG_STR("listener", public ? "public" : "operator"),
    };
    size_t n = 6;
    if (r->problem_code)
        fields[n++] = LOG_STR("problem_code", r->problem_code);
    if (x->trace_id)
        fields[n++] = LOG_STR("trace_id", x->trace_id);
    if (!whole)
        fields[n++] = LOG_INT("broken_off", 1);
    log_set_request_id(r->request_id);
    log_write(LOG_INFO, "http.request", fields);
    log_set_request_id(NULL);
}

void exchange_completed(void *cls, struct MHD_Connection *mhd, void **exchange,
                        enum MHD_RequestTerminationCode how)
{
    struct exchange *x = *exchange;
    (void)cls, (void)mhd;
    if (!x)
        return;
    count_request(x);
    log_request(x, how == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    connection_expect(x->connection, PHASE_IDLE,
                      clock_boot_us() + x->site->server->options.idle_deadline_us);
    *exchange = NULL;
    exchange_drop(x);
}
