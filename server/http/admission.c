/* SPDX-License-Identifier: MIT */
/*
 * The checks that come before a body is read, cheapest and most general
 * first: target, framing, route, caller's token shape, size, type.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http/exchange.h"
#include "http/limits.h"
#include "http/text.h"

enum { HEADERS_MOST = 8192, TOKEN_MOST = 128, TOKEN_LEAST = 20 };

/* A step of admission: answers and returns false, or returns true. */
static bool refuse(struct exchange *x, enum problem p)
{
    reply_problem(&x->r, p);
    return false;
}

static bool admit_peer(struct exchange *x)
{
    if (!x->site->options->client_ca)
        return true;
    const union MHD_ConnectionInfo *tls =
        MHD_get_connection_info(x->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    if (tls && tls_peer_is_verified(tls->tls_session))
        return true;
    return refuse(x, PROBLEM_CLIENT_CERTIFICATE_REQUIRED);
}

static bool admit_target(struct exchange *x, const char *version)
{
    /* libmicrohttpd hands out C strings. One with a NUL in it ends before the version begins. */
    if (version != x->raw_origin + strlen(x->raw) + 1)
        return refuse(x, PROBLEM_MALFORMED_REQUEST);
    switch (target_parse(x->r.arena, x->raw, &x->target)) {
    case OK: break;
    case TOO_LARGE: return refuse(x, PROBLEM_URI_TOO_LONG);
    case NOT_FOUND:
    case CONFLICT:
    case RETRY:
    case DENIED:
    case INVALID:
    case UNAVAILABLE:
    case INTERNAL: return refuse(x, PROBLEM_MALFORMED_REQUEST);
    }
    if (x->target.asterisk && strcmp(x->r.method, "OPTIONS") != 0)
        return refuse(x, PROBLEM_MALFORMED_REQUEST);
    x->r.path = x->target.path;
    x->transport.query = x->target.query;
    return true;
}

static bool is_number(const char *text)
{
    size_t n = strlen(text);
    return n > 0 && n <= 15 && strspn(text, "0123456789") == n;
}

/* RFC 9112 sections 3.2 and 6.3: what smuggling is made of is refused, not repaired. */
static bool admit_framing(struct exchange *x, const char *version)
{
    const struct request *r = &x->r;
    bool http_1_1 = strcmp(version, MHD_HTTP_VERSION_1_1) == 0;
    const char *host = request_header(r, "Host");
    const char *length = request_header(r, "Content-Length");
    const char *coding = request_header(r, "Transfer-Encoding");
    if (x->header_bytes > HEADERS_MOST)
        return refuse(x, PROBLEM_HEADERS_TOO_LARGE);
    if (x->odd_headers || (http_1_1 && (!host || !*host)))
        return refuse(x, PROBLEM_MALFORMED_REQUEST);
    if ((length && coding) || (length && !is_number(length)))
        return refuse(x, PROBLEM_MALFORMED_REQUEST);
    if (coding && (!http_1_1 || strcasecmp(coding, "chunked") != 0))
        return refuse(x, PROBLEM_MALFORMED_REQUEST);
    return true;
}

/* ---- routes, and what browsers ask before they call ---- */

static bool allows_origin(const struct exchange *x, const char *origin)
{
    const char *origins = x->site->server->options.cors_origins;
    return origins && origin && x->site->table.kind == LISTENER_PUBLIC &&
           text_list_holds(origins, origin);
}

void exchange_add_cors(struct exchange *x, struct MHD_Response *response)
{
    if (!x->site->server->options.cors_origins || x->site->table.kind != LISTENER_PUBLIC)
        return;
    MHD_add_response_header(response, "Vary", "Origin");
    const char *origin = request_header(&x->r, "Origin");
    if (!allows_origin(x, origin))
        return;
    MHD_add_response_header(response, "Access-Control-Allow-Origin", origin);
    MHD_add_response_header(response, "Access-Control-Expose-Headers",
                            "X-Request-Id, Retry-After, RateLimit, RateLimit-Policy, ETag, "
                            "Content-Range, Idempotency-Replayed");
}

static void answer_options(struct exchange *x, const char *methods)
{
    struct request *r = &x->r;
    reply_add_header(r, "Allow", methods);
    if (request_header(r, "Access-Control-Request-Method") &&
        allows_origin(x, request_header(r, "Origin"))) {
        reply_add_header(r, "Access-Control-Allow-Methods", methods);
        reply_add_header(r, "Access-Control-Allow-Headers",
                         "Authorization, Content-Type, Accept-Language, Idempotency-Key, Range, "
                         "If-Range, If-None-Match, X-Request-Id, traceparent");
        reply_add_header(r, "Access-Control-Max-Age", "600");
    }
    reply_empty(r, 204);
}

static bool admit_route(struct exchange *x)
{
    struct request *r = &x->r;
    struct route_match m;
    if (!x->target.asterisk && route_find(&x->site->table, r->method, &x->target, &m) == OK) {
        r->route = m.route;
        memcpy(r->params, m.params, sizeof r->params);
        return true;
    }
    const char *methods = route_methods(&x->site->table, &x->target, r->arena);
    if (!*methods)
        return refuse(x, PROBLEM_NOT_FOUND);
    if (strcmp(r->method, "OPTIONS") == 0) {
        answer_options(x, methods);
        return false;
    }
    reply_add_header(r, "Allow", methods);
    return refuse(x, PROBLEM_METHOD_NOT_ALLOWED);
}

/* Operators and providers (whose routes have no rate class) are not limited. */
static bool admit_rate(struct exchange *x)
{
    return x->site->table.kind != LISTENER_PUBLIC ||
           limits_admit_address(x->site->server->options.limits, &x->r);
}

/* ---- caller ---- */

static bool has_token(const struct request *r, const char *prefix)
{
    const char *header = request_header(r, "Authorization");
    if (!header || strncasecmp(header, "Bearer ", 7) != 0)
        return false;
    const char *token = header + 7 + strspn(header + 7, " ");
    return strncmp(token, prefix, strlen(prefix)) == 0 && strlen(token) >= TOKEN_LEAST &&
           text_is_token(token, TOKEN_MOST, "_-");
}

/* The gate checks the token itself; here only what cannot be one is turned away. */
static bool admit_caller(struct exchange *x)
{
    bool shaped = true;
    switch (x->r.route->caller) {
    case CALLER_ANYONE:
    case CALLER_PROVIDER: break;
    case CALLER_ACCOUNT: shaped = has_token(&x->r, "ipa_"); break;
    case CALLER_OPERATOR: shaped = has_token(&x->r, "ipo_"); break;
    }
    return shaped || refuse(x, PROBLEM_UNAUTHENTICATED);
}

/* ---- body ---- */

static bool is_type(const char *header, const char *type)
{
    size_t n = strlen(type);
    return strncasecmp(header, type, n) == 0 && (!header[n] || strchr("; \t", header[n]));
}

static bool is_image(const char *header)
{
    static const char *const types[] = {"image/jpeg", "image/png", "image/webp", "image/heic",
                                        "image/heif"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (is_type(header, types[i]))
            return true;
    return false;
}

static bool says_other_charset(const char *header)
{
    const char *charset = strcasestr(header, "charset=");
    if (!charset)
        return false;
    charset += strlen("charset=");
    charset += *charset == '"';
    return strncasecmp(charset, "utf-8", 5) != 0;
}

static bool takes_type(unsigned types, const char *header)
{
    if (types & TYPE_ANY)
        return true;
    if (!header)
        return false;
    if ((types & (TYPE_JSON | TYPE_FORM)) && says_other_charset(header))
        return false;
    return ((types & TYPE_JSON) && is_type(header, "application/json")) ||
           ((types & TYPE_IMAGE) && is_image(header)) ||
           ((types & TYPE_FORM) && is_type(header, "application/x-www-form-urlencoded"));
}

static bool admit_body(struct exchange *x)
{
    const struct request *r = &x->r;
    const char *coding = request_header(r, "Content-Encoding");
    if (!x->has_body)
        return true;
    if (r->route->max_body == 0 || x->content_length > r->route->max_body)
        return refuse(x, PROBLEM_BODY_TOO_LARGE);
    if (coding && strcasecmp(coding, "identity") != 0)
        return refuse(x, PROBLEM_UNSUPPORTED_MEDIA_TYPE);
    if (!takes_type(r->route->types, request_header(r, "Content-Type")))
        return refuse(x, PROBLEM_UNSUPPORTED_MEDIA_TYPE);
    return exchange_take_room(x, x->content_length) || refuse(x, PROBLEM_OVERLOADED);
}

static void note_body(struct exchange *x)
{
    const char *length = request_header(&x->r, "Content-Length");
    const char *expect = request_header(&x->r, "Expect");
    bool chunked = request_header(&x->r, "Transfer-Encoding") != NULL;
    x->content_length = length && is_number(length) ? strtoull(length, NULL, 10) : 0;
    /* what does not parse may still be followed by bytes */
    x->has_body = chunked || x->content_length > 0 || (length && !is_number(length));
    x->expects_continue = expect && strcasecmp(expect, "100-continue") == 0;
}

void exchange_admit(struct exchange *x, const char *version)
{
    note_body(x);
    if (admit_peer(x) && admit_framing(x, version) && admit_target(x, version) && admit_route(x) &&
        admit_rate(x) && admit_caller(x))
        admit_body(x);
}
