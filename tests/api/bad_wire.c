/* SPDX-License-Identifier: MIT */
/* Content types, sizes, framing and headers that no route takes. */
#include "bad_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "shape.h"
#include "stack.h"

/* ---- content type ---- */

static bool wrong_types(const struct bad_route *route)
{
    static const char *const types[] = {
        NULL,
        "text/plain",
        "application/PLANTEDmark",
        "application/jsonx",
        "application/json; charset=gbk",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/json\nContent-Encoding: gzip",
    };
    char *body = bad_body(route);
    bool good = true;
    for (size_t i = 0; good && i < sizeof types / sizeof *types; i++) {
        if (route->content == ANY && !(types[i] && strstr(types[i], "gzip")))
            continue;
        struct attempt t = {.method = bad_method(route),
                            .path = bad_path(route),
                            .headers = bad_headers(route, bad_token(route), types[i]),
                            .body = bad_bytes(route, body),
                            .may_close = true,
                            .status = 415,
                            .code = "unsupported-media-type",
                            .what = types[i] ? types[i] : "no type"};
        if (t.body.size == 0)
            t.body = (struct bytes){"a=1", 3};
        good = bad_refused(&t);
    }
    free(body);
    return good;
}

bool wire_types(void)
{
    return bad_each_route(bad_takes_body, wrong_types);
}

/* ---- sizes ---- */

static const size_t GIB = (size_t)1 << 30;

/* Far over the limit: answered before a byte of it is sent. */
static bool announced_too_large(const struct bad_route *route)
{
    char *path = keep_fill(bad_path(route)), *admin = stack_url("/admin"), *api = stack_url("/");
    char *headers = bad_headers(route, bad_token(route), bad_type(route));
    char raw[2000], *out = raw;
    out += sprintf(out, "%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n",
                   bad_method(route), path, route->most > GIB ? route->most + 1 : GIB);
    for (const char *p = headers; *p; p++)
        out += sprintf(out, *p == '\n' ? "\r\n" : "%c", *p);
    out += sprintf(out, "%s\r\n", out[-1] == '\n' ? "" : "\r\n");
    admin[strlen(admin) - strlen("/admin")] = api[strlen(api) - 1] = 0;
    struct answer a = http_send_raw(stack_is_operators(bad_path(route)) ? admin : api,
                                    (struct bytes){raw, (size_t)(out - raw)}, false);
    bool good =
        is_problem(&a, 413, "body-too-large") && bad_rows_unchanged() && bad_server_is_well(true);
    answer_free(&a);
    free(path);
    free(admin);
    free(api);
    free(headers);
    return good;
}

static bool sent_too_large(const struct bad_route *route, bool chunked)
{
    char *body = malloc(route->most + 1);
    memset(body, ' ', route->most + 1);
    struct attempt t = {.method = bad_method(route),
                        .path = bad_path(route),
                        .headers = bad_headers(route, bad_token(route), bad_type(route)),
                        .body = {body, route->most + 1},
                        .chunked = chunked,
                        .may_close = true,
                        .status = 413,
                        .code = "body-too-large",
                        .what = "a byte too many"};
    bool good = bad_refused(&t);
    free(body);
    return good;
}

static bool one_byte_too_many(const struct bad_route *route)
{
    return sent_too_large(route, false) && sent_too_large(route, true);
}

bool wire_sizes(void)
{
    return bad_each_route(bad_takes_body, announced_too_large) &&
           bad_each_route(bad_takes_body, one_byte_too_many);
}

static bool body_where_none_is(const struct bad_route *route)
{
    struct attempt t = {.method = bad_method(route),
                        .path = bad_path(route),
                        .headers = bad_headers(route, bad_token(route), "application/json"),
                        .body = {"{\"a\": 1}", 8},
                        .may_close = true,
                        .status = 413,
                        .code = "body-too-large",
                        .what = "a body"};
    return bad_refused(&t);
}

bool wire_no_bodies(void)
{
    return bad_each_route(bad_takes_nothing, body_where_none_is);
}

/* ---- framing ---- */

struct raw_case {
    const char *text;
    size_t size; /* 0: strlen */
    bool half_close;
    int least, most; /* 0: no answer will do too */
};

#define HEAD   "POST /v1/accounts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
#define GET(x) "GET /v1/policy HTTP/1.1\r\n" x "\r\n"
#define HOST   "Host: localhost\r\n"

static const struct raw_case raw_cases[] = {
    {HEAD "Content-Length: 100\r\n\r\n{\"policy_version\": \"2026", 0, true, 0, 499},
    {HEAD "Transfer-Encoding: chunked\r\n\r\n40\r\n{\"policy_version\"", 0, true, 0, 499},
    {HEAD "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n", 0, true, 0, 499},
    {HEAD "Transfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n0\r\n\r\n", 0, true, 0, 499},
    {HEAD "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 0, true,
     400, 499},
    {HEAD "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x", 0, true, 0, 499},
    {HEAD "Content-Length: -2\r\n\r\n{}", 0, true, 0, 499},
    {HEAD "Content-Length: 2, 2\r\n\r\n{}", 0, true, 0, 499},
    {HEAD "Content-Length: 99999999999999999999\r\n\r\n{}", 0, true, 0, 499},
    {HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 0, true, 0, 499},
    {GET(""), 0, true, 0, 499},
    {GET("Host: a\r\nHost: b\r\n"), 0, true, 400, 499},
    {GET(HOST " folded: PLANTEDmark\r\n"), 0, true, 0, 499},
    {GET(HOST "No-Colon\r\n"), 0, true, 0, 499},
    {"GET /v1/pol\0icy HTTP/1.1\r\n" HOST "\r\n",
     sizeof "GET /v1/pol\0icy HTTP/1.1\r\n" HOST "\r\n" - 1, true, 0, 499},
    {"GET /v1/policy HTTP/9.9\r\n" HOST "\r\n", 0, true, 0, 599},
    {"GET /v1/policy\r\n\r\n", 0, true, 0, 499},
    {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11, true, 0, 499},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0, true, 0, 599},
    {"\r\n\r\n\r\n\r\n", 0, true, 0, 499},
    {"", 0, true, 0, 0},
};

static bool raw_is_refused(const struct raw_case *c)
{
    char *base = stack_url("/");
    base[strlen(base) - 1] = 0;
    size_t n = c->size ? c->size : strlen(c->text);
    struct answer a = http_send_raw(base, (struct bytes){c->text, n}, c->half_close);
    bool good = a.status == 0 ? c->least == 0 || complain("no answer")
                              : (a.status >= 400 && a.status <= c->most) ||
                                    complain("got %d %.200s", a.status, a.body);
    if (good && strstr(a.body, MARK))
        good = complain("the answer repeats what was sent");
    good = good && bad_rows_unchanged() && bad_server_is_well(true);
    if (!good)
        fprintf(stderr, "      at %.100s\n", c->text);
    bad_count_one();
    free(base);
    answer_free(&a);
    return good;
}

bool wire_framing(void)
{
    for (size_t i = 0; i < sizeof raw_cases / sizeof *raw_cases; i++)
        if (!raw_is_refused(&raw_cases[i]))
            return false;
    return true;
}

bool wire_headers(void)
{
    static char large[5000];
    memset(large, 'x', sizeof large - 1);
    struct attempt t = {.method = "GET",
                        .path = "/v1/policy",
                        .headers =
                            text_print("X-Large-1: %.4000s\nX-Large-2: %.4000s\nX-Large-3: %.4000s",
                                       large, large, large),
                        .may_close = true,
                        .status = 431,
                        .code = "headers-too-large",
                        .what = "12 kB of headers"};
    return bad_refused(&t);
}

/* A request id that is no id is not echoed. */
bool wire_request_ids(void)
{
    static char many[300];
    memset(many, 'i', sizeof many - 1);
    const char *const bad[] = {many, "a b", "<PLANTEDmark>", "caf\xc3\xa9", "a,b"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *line = text_print("X-Request-Id: %s", bad[i]);
        const struct step s = {.call = "GET /livez", .headers = line};
        struct answer a = step_send(&s);
        const char *id = answer_header(&a, "x-request-id");
        bool good = a.status == 200 && id && strcmp(id, bad[i]) != 0;
        if (!good)
            complain("X-Request-Id %s is answered %d %s", bad[i], a.status, id ? id : "none");
        answer_free(&a);
        free(line);
        if (!good)
            return false;
    }
    return true;
}
