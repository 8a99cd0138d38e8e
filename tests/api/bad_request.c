/* SPDX-License-Identifier: MIT */
#include "bad_request.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "picture.h"
#include "shape.h"
#include "stack.h"

static char *rows_before;
static long refusals;

void bad_rows_note(void)
{
    free(rows_before);
    rows_before = db_snapshot();
}

long bad_count(void)
{
    return refusals;
}

void bad_count_one(void)
{
    refusals++;
}

/* ---- one refusal ---- */

static bool names_pointer(const struct answer *a, const char *pointer)
{
    size_t i;
    json_t *e, *errors = json_object_get(a->json, "errors");
    json_array_foreach(errors, i, e)
    {
        const char *at = json_string_value(json_object_get(e, "pointer"));
        if (!at || !json_string_value(json_object_get(e, "code")) ||
            !json_string_value(json_object_get(e, "detail")))
            return complain("an entry of errors is not whole: %.300s", a->body);
        if (!*pointer || strcmp(at, pointer) == 0)
            return true;
    }
    return complain("errors does not name %s: %.300s", pointer, a->body);
}

bool bad_server_is_well(bool may_close)
{
    char *url = stack_url("/livez");
    const struct request r = {.method = "GET", .url = url};
    struct answer a = http_send(&r);
    bool good = a.status == 200 || complain("livez says %d afterwards", a.status);
    if (good && a.fresh && !may_close)
        good = complain("the connection was closed");
    free(url);
    answer_free(&a);
    return good;
}

bool bad_rows_unchanged(void)
{
    char *now = db_snapshot();
    bool good = strcmp(now, rows_before) == 0 || complain("rows changed: %s, %s", rows_before, now);
    free(now);
    return good;
}

static bool is_refusal(const struct answer *a, const struct attempt *t)
{
    if (!is_problem(a, t->status, t->code))
        return false;
    if (t->pointer && !names_pointer(a, t->pointer))
        return false;
    if (strstr(a->body, MARK))
        return complain("the answer repeats what was sent: %.300s", a->body);
    if (t->status == 401 && !answer_header(a, "www-authenticate"))
        return complain("401 without WWW-Authenticate");
    return true;
}

/* The operator's listener has a connection of its own: only the public one is looked at. */
bool bad_refused(struct attempt *t)
{
    char *filled = keep_fill(t->path), *url = stack_url(filled);
    char *headers = t->headers ? keep_fill(t->headers) : NULL;
    const struct request r = {.method = t->method,
                              .url = url,
                              .headers = headers,
                              .body = t->body,
                              .chunked = t->chunked};
    struct answer a = http_send(&r);
    bool good = is_refusal(&a, t) && bad_rows_unchanged() && bad_server_is_well(t->may_close);
    if (!good)
        fprintf(stderr, "      %s %.120s: %s\n", t->method, filled, t->what);
    answer_free(&a);
    free(filled);
    free(url);
    free(headers);
    free(t->headers);
    t->headers = NULL;
    refusals++;
    return good;
}

/* ---- from a route to its good request ---- */

char *text_print(const char *format, ...)
{
    char *text;
    va_list args;
    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        abort();
    va_end(args);
    return text;
}

const char *bad_token(const struct bad_route *route)
{
    switch (route->caller) {
    case ANYONE:
    case PROVIDER: return NULL;
    case ACCOUNT_HOLDER: return keep_get("bad.token");
    case OPERATOR: return keep_get("admin.token");
    }
    return NULL;
}

const char *bad_type(const struct bad_route *route)
{
    switch (route->content) {
    case NO_BODY: return NULL;
    case JSON:
    case ANY: return "application/json";
    case IMAGE: return "image/jpeg";
    case FORM: return "application/x-www-form-urlencoded";
    }
    return NULL;
}

char *bad_headers(const struct bad_route *route, const char *token, const char *type)
{
    return text_print(
        "%s%s%s%s%s%s%s%s%s", token ? "Authorization: Bearer " : "", token ? token : "",
        token ? "\n" : "", type ? "Content-Type: " : "", type ? type : "", type ? "\n" : "",
        route->key ? "Idempotency-Key: bad input\n" : "", route->headers ? route->headers : "", "");
}

const char *bad_path(const struct bad_route *route)
{
    return strchr(route->call, ' ') + 1;
}

const char *bad_method(const struct bad_route *route)
{
    static char method[16];
    snprintf(method, sizeof method, "%.*s", (int)strcspn(route->call, " "), route->call);
    return method;
}

/* The good body, " for ', to be freed; "" for none. */
char *bad_body(const struct bad_route *route)
{
    char *body = route->body ? keep_fill(route->body) : strdup("");
    for (char *p = body; *p; p++)
        if (*p == '\'')
            *p = '"';
    return body;
}

struct bytes bad_bytes(const struct bad_route *route, char *body)
{
    if (route->content == IMAGE)
        return picture_named("jpeg")->bytes;
    return route->content == NO_BODY ? (struct bytes){0} : (struct bytes){body, strlen(body)};
}

/* Runs a check on every route that is chosen. */
bool bad_each_route(bool (*chosen)(const struct bad_route *),
                    bool (*check)(const struct bad_route *))
{
    for (size_t i = 0; i < bad_routes_count; i++)
        if (chosen(&bad_routes[i]) && !check(&bad_routes[i])) {
            fprintf(stderr, "      on the route %s\n", bad_routes[i].call);
            return false;
        }
    return true;
}

bool bad_any(const struct bad_route *route)
{
    return route != NULL;
}

bool bad_takes_json(const struct bad_route *route)
{
    return route->content == JSON;
}

bool bad_takes_body(const struct bad_route *route)
{
    return route->content != NO_BODY;
}

bool bad_takes_nothing(const struct bad_route *route)
{
    return route->content == NO_BODY;
}

bool bad_needs_token(const struct bad_route *route)
{
    return route->caller == ACCOUNT_HOLDER || route->caller == OPERATOR;
}

bool bad_refuse_json(const struct bad_route *route, struct bytes body, int status, const char *code,
                     const char *pointer, const char *what)
{
    struct attempt t = {.method = bad_method(route),
                        .path = bad_path(route),
                        .headers = bad_headers(route, bad_token(route), "application/json"),
                        .body = body,
                        .status = status,
                        .code = code,
                        .pointer = pointer,
                        .what = what};
    return bad_refused(&t);
}

bool bad_refuse_root(const struct bad_route *route, const json_t *root, const char *pointer,
                     const char *what)
{
    char *text = json_dumps(root, JSON_COMPACT);
    bool good = bad_refuse_json(route, (struct bytes){text, strlen(text)}, 422, "invalid-members",
                                pointer, what);
    if (!good)
        fprintf(stderr, "      %.200s\n", text);
    free(text);
    return good;
}
