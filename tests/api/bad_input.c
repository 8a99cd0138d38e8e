/* SPDX-License-Identifier: MIT */
/*
 * Bad input on every route. Each refusal is its documented problem, repeats
 * nothing of what was sent, changes no row, and leaves connection and server
 * as they were.
 */
#include "common.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bad_routes.h"
#include "picture.h"
#include "shape.h"
#include "stack.h"

/* What no answer may repeat. */
#define MARK "PLANTEDmark"

static char *rows_before;
static long refusals;

/* ---- one refusal ---- */

struct attempt {
    const char *method, *path;
    char *headers; /* owned */
    struct bytes body;
    bool chunked;
    bool may_close; /* the rest of the body is not read: the connection may end */
    int status;
    const char *code;
    const char *pointer; /* errors[] must name it; "" any */
    const char *what;
};

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

static bool server_is_well(bool may_close)
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

static bool rows_are_as_before(void)
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
static bool refused(struct attempt *t)
{
    char *filled = keep_fill(t->path), *url = stack_url(filled);
    char *headers = t->headers ? keep_fill(t->headers) : NULL;
    const struct request r = {.method = t->method,
                              .url = url,
                              .headers = headers,
                              .body = t->body,
                              .chunked = t->chunked};
    struct answer a = http_send(&r);
    bool good = is_refusal(&a, t) && rows_are_as_before() && server_is_well(t->may_close);
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

__attribute__((format(printf, 1, 2))) static char *print(const char *format, ...)
{
    char *text;
    va_list args;
    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        abort();
    va_end(args);
    return text;
}

static const char *token_of(const struct bad_route *route)
{
    switch (route->caller) {
    case ANYONE:
    case PROVIDER: return NULL;
    case ACCOUNT_HOLDER: return keep_get("bad.token");
    case OPERATOR: return keep_get("admin.token");
    }
    return NULL;
}

static const char *type_of(const struct bad_route *route)
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

static char *headers_of(const struct bad_route *route, const char *token, const char *type)
{
    return print("%s%s%s%s%s%s%s%s%s", token ? "Authorization: Bearer " : "", token ? token : "",
                 token ? "\n" : "", type ? "Content-Type: " : "", type ? type : "",
                 type ? "\n" : "", route->key ? "Idempotency-Key: bad input\n" : "",
                 route->headers ? route->headers : "", "");
}

static const char *path_of(const struct bad_route *route)
{
    return strchr(route->call, ' ') + 1;
}

static const char *method_of(const struct bad_route *route)
{
    static char method[16];
    snprintf(method, sizeof method, "%.*s", (int)strcspn(route->call, " "), route->call);
    return method;
}

/* The good body, " for ', to be freed; "" for none. */
static char *body_of(const struct bad_route *route)
{
    char *body = route->body ? keep_fill(route->body) : strdup("");
    for (char *p = body; *p; p++)
        if (*p == '\'')
            *p = '"';
    return body;
}

static struct bytes good_bytes(const struct bad_route *route, char *body)
{
    if (route->content == IMAGE)
        return picture_named("jpeg")->bytes;
    return route->content == NO_BODY ? (struct bytes){0} : (struct bytes){body, strlen(body)};
}

/* Runs a check on every route that is chosen. */
static bool each_route(bool (*chosen)(const struct bad_route *),
                       bool (*check)(const struct bad_route *))
{
    for (size_t i = 0; i < bad_routes_count; i++)
        if (chosen(&bad_routes[i]) && !check(&bad_routes[i])) {
            fprintf(stderr, "      on the route %s\n", bad_routes[i].call);
            return false;
        }
    return true;
}

static bool any_route(const struct bad_route *route)
{
    return route != NULL;
}

static bool takes_json(const struct bad_route *route)
{
    return route->content == JSON;
}

static bool takes_body(const struct bad_route *route)
{
    return route->content != NO_BODY;
}

static bool takes_nothing(const struct bad_route *route)
{
    return route->content == NO_BODY;
}

static bool needs_token(const struct bad_route *route)
{
    return route->caller == ACCOUNT_HOLDER || route->caller == OPERATOR;
}

/* ---- methods ---- */

static bool same_path(const struct bad_route *a, const struct bad_route *b)
{
    size_t n = strcspn(path_of(a), "?");
    return n == strcspn(path_of(b), "?") && strncmp(path_of(a), path_of(b), n) == 0;
}

static bool path_has(const struct bad_route *route, const char *method)
{
    /* paths that differ in a parameter alone */
    if (strstr(route->call, "/consents/") || strcmp(path_of(route), "/v1/sessions/current") == 0)
        return strcmp(method, "DELETE") == 0 ||
               (strstr(route->call, "/consents/") && strcmp(method, "PUT") == 0);
    for (size_t i = 0; i < bad_routes_count; i++)
        if (same_path(route, &bad_routes[i]) && strcmp(method_of(&bad_routes[i]), method) == 0)
            return true;
    return false;
}

static bool allow_is_right(const struct bad_route *route)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
    char *path = keep_fill(path_of(route)), *url = stack_url(path);
    const struct request r = {.method = "PROPFIND", .url = url};
    struct answer a = http_send(&r);
    const char *allow = answer_header(&a, "allow");
    bool good = a.status == 405 && allow ? true : complain("no Allow: %d", a.status);
    for (size_t i = 0; good && i < sizeof methods / sizeof *methods; i++)
        if ((strstr(allow, methods[i]) != NULL) != path_has(route, methods[i]))
            good = complain("Allow is %s", allow);
    free(path);
    free(url);
    answer_free(&a);
    return good;
}

static bool wrong_methods(const struct bad_route *route)
{
    static const char *const methods[] = {"GET",   "POST",     "PUT", "PATCH", "DELETE",
                                          "TRACE", "PROPFIND", "get", MARK};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (path_has(route, methods[i]))
            continue;
        struct attempt t = {.method = methods[i],
                            .path = path_of(route),
                            .headers = headers_of(route, token_of(route), NULL),
                            .status = 405,
                            .code = "method-not-allowed",
                            .what = "a method that is not there"};
        if (!refused(&t))
            return false;
    }
    return allow_is_right(route);
}

static bool methods(void)
{
    return each_route(any_route, wrong_methods);
}

/* ---- tokens ---- */

static const char *const bad_tokens[] = {
    "",
    "Authorization:",
    "Authorization: " MARK,
    "Authorization: Basic " MARK,
    "Authorization: Bearer",
    "Authorization: Bearer " MARK,
    "Authorization: Bearer ipa_" MARK,
    "Authorization: Bearer ipo_" MARK,
    "Authorization: Bearer ipa_" MARK "!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!",
    "Authorization: Bearer ipa_000000000000000000000000000000000000000000000",
    "Authorization: Bearer ipo_000000000000000000000000000000000000000000000",
    "Authorization: Bearer {{changed}}",
    "Authorization: Bearer {{token}}x",
    "Authorization: Bearer {{token}} {{token}}",
    "Authorization: {{token}}",
    "Authorization: Bearer {{token}}\nAuthorization: Bearer {{token}}",
    "Authorization: Bearer {{wrong.side}}",
    "Authorization: Bearer {{ended}}",
};

static char *with_last_changed(const char *token)
{
    char *changed = strdup(token);
    size_t n = strlen(changed);
    if (n)
        changed[n - 1] = changed[n - 1] == 'a' ? 'b' : 'a';
    return changed;
}

static bool wrong_tokens(const struct bad_route *route)
{
    bool operator_ = route->caller == OPERATOR;
    char *body = body_of(route), *changed = with_last_changed(token_of(route));
    bool good = true;
    keep_set("token", token_of(route));
    keep_set("changed", changed);
    keep_set("wrong.side", keep_get(operator_ ? "bad.token" : "admin.token"));
    keep_set("ended", keep_get(operator_ ? "revoked.token" : "gone.token"));
    for (size_t i = 0; good && i < sizeof bad_tokens / sizeof *bad_tokens; i++) {
        char *rest = headers_of(route, NULL, type_of(route));
        struct attempt t = {.method = method_of(route),
                            .path = path_of(route),
                            .headers =
                                print("%s%s%s", bad_tokens[i], *bad_tokens[i] ? "\n" : "", rest),
                            .body = good_bytes(route, body),
                            .may_close = true,
                            .status = 401,
                            .code = "unauthenticated",
                            .what = *bad_tokens[i] ? bad_tokens[i] : "no token"};
        free(rest);
        good = refused(&t);
    }
    free(body);
    free(changed);
    return good;
}

static bool tokens(void)
{
    return each_route(needs_token, wrong_tokens);
}

/* ---- ids ---- */

static const char *const bad_ids[] = {
    "{{prefix}}0000000000000000000000",
    "{{foreign}}",
    "{{prefix}}",
    "{{prefix}}000000000000000000000",
    "{{prefix}}00000000000000000000000",
    "{{prefix}}zzzzzzzzzzzzzzzzzzzzzz",
    "{{prefix}}" MARK "-_-",
    "{{good}}x",
    "{{bare}}",
    "{{otherprefix}}{{bare}}",
    "null",
    "0",
    "-1",
    "1%20OR%201%3D1",
    "..%2F..%2Fetc%2Fpasswd",
    "%E8%AF%81%E4%BB%B6%E7%85%A7",
};

/* The name of the id in double braces that the address holds, the at-th; false when there is none.
 */
static bool id_in(const char *path, size_t at, char name[40], const char **begin, const char **end)
{
    const char *p = path;
    for (size_t i = 0; (p = strstr(p, "{{")); i++, p += 2)
        if (i == at) {
            *begin = p;
            *end = strstr(p, "}}") + 2;
            snprintf(name, 40, "%.*s", (int)(*end - p - 4), p + 2);
            return true;
        }
    return false;
}

static void keep_id_words(const char *name)
{
    char foreign[60];
    const char *good = keep_get(name), *bare = strchr(good, '_');
    snprintf(foreign, sizeof foreign, "foe%s", strchr(name, '.') ? strchr(name, '.') : "");
    char *prefix = print("%.*s", bare ? (int)(bare + 1 - good) : 0, good);
    keep_set("good", good);
    keep_set("bare", bare ? bare + 1 : good);
    keep_set("prefix", prefix);
    keep_set("otherprefix", strncmp(good, "ord_", 4) == 0 ? "pho_" : "ord_");
    keep_set("foreign",
             *keep_get(foreign) ? keep_get(foreign) : "{{prefix}}1111111111111111111111");
    free(prefix);
}

static bool wrong_id(const struct bad_route *route, const char *begin, const char *end,
                     const char *bad_id)
{
    char *body = body_of(route);
    char *path = print("%.*s%s%s", (int)(begin - path_of(route)), path_of(route), bad_id, end);
    bool in_query = strchr(path_of(route), '?') && strchr(path_of(route), '?') < begin;
    bool known_form = strcmp(bad_id, bad_ids[0]) == 0 || strcmp(bad_id, bad_ids[1]) == 0;
    bool query_error = in_query && !known_form;
    struct attempt t = {.method = method_of(route),
                        .path = path,
                        .headers = headers_of(route, token_of(route), type_of(route)),
                        .body = good_bytes(route, body),
                        .status = query_error ? 422 : 404,
                        .code = query_error ? "invalid-members" : "not-found",
                        .what = bad_id};
    bool good = refused(&t);
    free(path);
    free(body);
    return good;
}

static bool wrong_ids(const struct bad_route *route)
{
    char name[40];
    const char *begin, *end;
    for (size_t at = 0; id_in(path_of(route), at, name, &begin, &end); at++) {
        keep_id_words(name);
        for (size_t i = 0; i < sizeof bad_ids / sizeof *bad_ids; i++) {
            /* to an operator every account's ids are his to ask for */
            if (i == 1 && route->caller == OPERATOR)
                continue;
            /* a version, which has no prefix */
            if (!*keep_get("prefix") && strstr(bad_ids[i], "{{bare}}"))
                continue;
            if (!wrong_id(route, begin, end, bad_ids[i]))
                return false;
        }
    }
    return true;
}

static bool ids(void)
{
    return each_route(any_route, wrong_ids);
}

/* ---- addresses ---- */

static bool wrong_addresses(void)
{
    static char long_path[12000], long_query[12000];
    memset(long_path, 'a', sizeof long_path - 1);
    memcpy(long_path, "/v1/orders/", 11);
    memset(long_query, 'a', sizeof long_query - 1);
    memcpy(long_query, "/v1/orders?cursor=", 18);
    const struct {
        const char *path;
        int status;
        const char *code;
    } cases[] = {
        {"/v1/orders/%00", 400, "malformed-request"},
        {"/v1/orders/ord_%00000000000000000000000", 400, "malformed-request"},
        {"/v1/orders/%ff%fe", 400, "malformed-request"},
        {"/v1/orders/%c0%af", 400, "malformed-request"},
        {"/v1/orders/%ed%a0%80", 400, "malformed-request"},
        {"/v1/orders/%", 400, "malformed-request"},
        {"/v1/orders/%4", 400, "malformed-request"},
        {"/v1/orders/%zz", 400, "malformed-request"},
        {"/v1/orders/%0d%0aX-Injected:%20" MARK, 400, "malformed-request"},
        {"/v1/orders?cursor=%00", 400, "malformed-request"},
        {"/v1/orders?cursor=%ff", 400, "malformed-request"},
        {"/v1/orders?%00=1", 400, "malformed-request"},
        {"/v1/orders?limit=%", 400, "malformed-request"},
        {"/v1/" MARK, 404, "not-found"},
        {"/V1/orders", 404, "not-found"},
        {"/v1/orders/", 404, "not-found"},
        {"//v1/orders", 404, "not-found"},
        {"/v1//orders", 404, "not-found"},
        {"/v1/./orders", 404, "not-found"},
        {"/v1/account/../orders", 404, "not-found"},
        {"/v1/orders%2f", 404, "not-found"},
        {"/v1/orders/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q", 404, "not-found"},
        {long_path, 414, "uri-too-long"},
        {long_query, 414, "uri-too-long"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct attempt t = {.method = "GET",
                            .path = cases[i].path,
                            .headers = print("Authorization: Bearer {{bad.token}}"),
                            .may_close = true,
                            .status = cases[i].status,
                            .code = cases[i].code,
                            .what = "an address"};
        if (!refused(&t))
            return false;
    }
    return true;
}

/* ---- queries ---- */

static const struct {
    const char *name, *values[12];
} bad_values[] = {
    {"limit",
     {"0", "101", "-1", "abc", "1.5", "1e2", "", "99999999999999999999", "+5", "%205", "0x10",
      MARK}},
    {"cursor", {MARK, "", "0", "{{bad.photo}}", "ord_", "{{bad.order}}x"}},
    {"force", {"yes", "1", "", "TRUE", MARK}},
    {"format", {MARK, "", "exe", "JPEG"}},
    {"state", {MARK, "", "PAID", "lost"}},
    {"day", {MARK, "", "2026-02-30", "2026-13-01", "26-11-23", "2026-11-23T00:00:00Z", "today"}},
    {"order", {MARK, "", "{{bad.photo}}"}},
    {"subject", {MARK, "", "Self"}},
    {"spec", {"", "CN-ID", "cn%20id", "../../etc/passwd", "%E8%AF%81"}},
};

static bool refuse_query(const struct bad_route *route, const char *query)
{
    char *body = body_of(route), *path = strdup(path_of(route));
    path[strcspn(path, "?")] = 0;
    char *with = print("%s?%s", path, query);
    struct attempt t = {.method = method_of(route),
                        .path = with,
                        .headers = headers_of(route, token_of(route), type_of(route)),
                        .body = good_bytes(route, body),
                        .status = 422,
                        .code = "invalid-members",
                        .pointer = "",
                        .what = "a query"};
    bool good = refused(&t);
    free(path);
    free(with);
    free(body);
    return good;
}

static bool wrong_value(const struct bad_route *route, size_t i, const char *value)
{
    char *query = print("%s=%s", bad_values[i].name, value);
    bool good = refuse_query(route, query);
    free(query);
    return good;
}

static bool wrong_queries(const struct bad_route *route)
{
    bool good = refuse_query(route, "surplus=" MARK);
    for (size_t i = 0; good && i < sizeof bad_values / sizeof *bad_values; i++) {
        if (!strstr(route->query, bad_values[i].name))
            continue;
        /* whether the file was paid for comes first */
        bool only_twice = strstr(route->call, "/file") != NULL;
        for (size_t j = only_twice ? 12 : 0; good && j < 12 && bad_values[i].values[j]; j++)
            good = wrong_value(route, i, bad_values[i].values[j]);
        char *twice = print("%s=1&%s=1", bad_values[i].name, bad_values[i].name);
        good = good && refuse_query(route, twice);
        free(twice);
    }
    return good;
}

static bool has_query(const struct bad_route *route)
{
    return route->query != NULL;
}

static bool queries(void)
{
    return each_route(has_query, wrong_queries);
}

/* ---- content type ---- */

static bool wrong_types(const struct bad_route *route)
{
    static const char *const types[] = {
        NULL,
        "text/plain",
        "application/" MARK,
        "application/jsonx",
        "application/json; charset=gbk",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/json\nContent-Encoding: gzip",
    };
    char *body = body_of(route);
    bool good = true;
    for (size_t i = 0; good && i < sizeof types / sizeof *types; i++) {
        if (route->content == ANY && !(types[i] && strstr(types[i], "gzip")))
            continue;
        struct attempt t = {.method = method_of(route),
                            .path = path_of(route),
                            .headers = headers_of(route, token_of(route), types[i]),
                            .body = good_bytes(route, body),
                            .may_close = true,
                            .status = 415,
                            .code = "unsupported-media-type",
                            .what = types[i] ? types[i] : "no type"};
        if (t.body.size == 0)
            t.body = (struct bytes){"a=1", 3};
        good = refused(&t);
    }
    free(body);
    return good;
}

static bool content_types(void)
{
    return each_route(takes_body, wrong_types);
}

/* ---- what is not JSON ---- */

static bool refuse_json(const struct bad_route *route, struct bytes body, int status,
                        const char *code, const char *pointer, const char *what)
{
    struct attempt t = {.method = method_of(route),
                        .path = path_of(route),
                        .headers = headers_of(route, token_of(route), "application/json"),
                        .body = body,
                        .status = status,
                        .code = code,
                        .pointer = pointer,
                        .what = what};
    return refused(&t);
}

static const struct {
    const char *text;
    size_t size; /* 0: strlen */
} not_json[] = {
    {"{", 0},
    {"}", 0},
    {"{\"a\"", 0},
    {"{\"a\": \"" MARK, 0},
    {"{\"a\": 1,}", 0},
    {"{'a': 1}", 0},
    {"{a: 1}", 0},
    {"{\"a\": 01}", 0},
    {"{\"a\": NaN}", 0},
    {"{\"a\": Infinity}", 0},
    {"{\"a\": 1e99999}", 0},
    {"{\"a\": -}", 0},
    {"{\"a\": 1} " MARK, 0},
    {"{} {}", 0},
    {"// comment\n{}", 0},
    {"\xef\xbb\xbf{}", 0},
    {"{\"a\": \"\xff\xfe\"}", 0},
    {"{\"a\": \"\xc0\xaf\"}", 0},
    {"{\"a\": \"\xed\xa0\x80\"}", 0},
    {"{\"a\": \"\\ud800\"}", 0},
    {"{\"a\": \"\\u0000\"}", 0},
    {"{\"a\\u0000b\": 1}", 0},
    {"{\"a\": \"x\0y\"}", 12},
    {"{}\0", 3},
    {"\0", 1},
    {"{\"a\": \"tab\there\"}", 0},
    {"{\"a\": 1, \"a\": 2}", 0},
    {"{\"a\": {\"b\": 1, \"b\": 1}}", 0},
    {"a=1&b=2", 0},
    {"<xml/>", 0},
};

static bool deeply_nested(const struct bad_route *route)
{
    enum { DEEP = 3900 };
    static char nested[DEEP + 1];
    memset(nested, '[', DEEP);
    return refuse_json(route, (struct bytes){nested, DEEP}, 400, "malformed-json", NULL,
                       "nested 3900 deep");
}

static bool wrong_json(const struct bad_route *route)
{
    for (size_t i = 0; i < sizeof not_json / sizeof *not_json; i++) {
        size_t n = not_json[i].size ? not_json[i].size : strlen(not_json[i].text);
        if (!refuse_json(route, (struct bytes){not_json[i].text, n}, 400, "malformed-json", NULL,
                         not_json[i].text))
            return false;
    }
    return deeply_nested(route);
}

static bool malformed_json(void)
{
    return each_route(takes_json, wrong_json);
}

static bool cut_off(const struct bad_route *route)
{
    char *body = body_of(route);
    size_t n = strlen(body);
    bool good = true;
    for (size_t size = 1; good && size < n; size += 1 + n / 12)
        good = refuse_json(route, (struct bytes){body, size}, 400, "malformed-json", NULL,
                           "a good body cut off");
    free(body);
    return good;
}

static bool truncated_json(void)
{
    return each_route(takes_json, cut_off);
}

static bool not_an_object(const struct bad_route *route)
{
    static const char *const roots[] = {"null", "true", "1", "\"" MARK "\"", "[]", "[{}]", "1.5"};
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++)
        if (!refuse_json(route, (struct bytes){roots[i], strlen(roots[i])}, 422, "invalid-members",
                         "", roots[i]))
            return false;
    return true;
}

static bool roots(void)
{
    return each_route(takes_json, not_an_object);
}

/* ---- members: the good body, one thing of it changed ---- */

typedef bool change_check(const struct bad_route *route, json_t *root, json_t *parent,
                          const char *name, const char *pointer);

static bool walk(const struct bad_route *route, json_t *root, json_t *object, const char *pointer,
                 change_check *check)
{
    const char *name;
    json_t *value, *item;
    size_t i;
    json_t *names = json_deep_copy(object);
    bool good = true;
    json_object_foreach(names, name, value)
    {
        char *below = print("%s/%s", pointer, name);
        json_t *member = json_object_get(object, name);
        good = good && check(route, root, object, name, below);
        member = json_object_get(object, name);
        if (good && json_is_object(member))
            good = walk(route, root, member, below, check);
        json_array_foreach(member, i, item)
        {
            char *at = print("%s/%zu", below, i);
            good = good && walk(route, root, item, at, check);
            free(at);
        }
        free(below);
    }
    json_decref(names);
    return good;
}

static bool walk_route(const struct bad_route *route, change_check *check)
{
    char *body = body_of(route);
    json_t *root = json_loads(body, 0, NULL);
    bool good = root ? walk(route, root, root, "", check) : complain("not JSON: %s", body);
    json_decref(root);
    free(body);
    return good;
}

static bool refuse_root(const struct bad_route *route, const json_t *root, const char *pointer,
                        const char *what)
{
    char *text = json_dumps(root, JSON_COMPACT);
    bool good = refuse_json(route, (struct bytes){text, strlen(text)}, 422, "invalid-members",
                            pointer, what);
    if (!good)
        fprintf(stderr, "      %.200s\n", text);
    free(text);
    return good;
}

/* The member replaced, sent, and put back. Takes the reference. */
static bool refuse_replaced(const struct bad_route *route, json_t *root, json_t *parent,
                            const char *name, const char *pointer, json_t *value, const char *what)
{
    json_t *old = json_incref(json_object_get(parent, name));
    json_object_set_new(parent, name, value);
    bool good = refuse_root(route, root, pointer, what);
    json_object_set_new(parent, name, old);
    return good;
}

static bool is_same_kind(const json_t *a, const json_t *b)
{
    return json_typeof(a) == json_typeof(b) || (json_is_boolean(a) && json_is_boolean(b));
}

static bool other_types(const struct bad_route *route, json_t *root, json_t *parent,
                        const char *name, const char *pointer)
{
    static const char *const values[] = {
        "null", "true", "false",          "1",    "-1.5", "\"" MARK "\"",
        "\"\"", "[]",   "[\"" MARK "\"]", "[[]]", "{}",   "{\"" MARK "\": 1}"};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        json_t *value = json_loads(values[i], JSON_DECODE_ANY, NULL);
        if (is_same_kind(value, json_object_get(parent, name)))
            json_decref(value);
        else if (!refuse_replaced(route, root, parent, name, pointer, value, values[i]))
            return false;
    }
    return true;
}

static bool wrong_member_types(const struct bad_route *route)
{
    return walk_route(route, other_types);
}

static bool member_types(void)
{
    return each_route(takes_json, wrong_member_types);
}

static bool is_optional(const struct bad_route *route, const char *name)
{
    return route->optional && strstr(route->optional, name);
}

static bool left_out(const struct bad_route *route, json_t *root, json_t *parent, const char *name,
                     const char *pointer)
{
    if (is_optional(route, name))
        return true;
    json_t *old = json_incref(json_object_get(parent, name));
    json_object_del(parent, name);
    bool good = refuse_root(route, root, pointer, "left out");
    json_object_set_new(parent, name, old);
    return good;
}

static bool without_members(const struct bad_route *route)
{
    return walk_route(route, left_out);
}

/* All at once: each one is named. */
static bool empty_names_all(const struct bad_route *route)
{
    char *body = body_of(route);
    const char *name;
    json_t *value, *root = json_loads(body, 0, NULL);
    bool good = true;
    json_object_foreach(root, name, value)
    {
        char *pointer = print("/%s", name);
        if (!is_optional(route, name))
            good = good &&
                   refuse_json(route, (struct bytes){"{}", 2}, 422, "invalid-members", pointer,
                               "{}") &&
                   refuse_json(route, (struct bytes){"", 0}, 422, "invalid-members", pointer,
                               "an empty body");
        free(pointer);
    }
    json_decref(root);
    free(body);
    return good;
}

static bool missing_members(void)
{
    return each_route(takes_json, without_members) && each_route(takes_json, empty_names_all);
}

static bool one_more(const struct bad_route *route, json_t *root, json_t *parent, const char *name,
                     const char *pointer)
{
    (void)name;
    (void)pointer;
    json_object_set_new(parent, "price_fen_", json_integer(1));
    bool good = refuse_root(route, root, "", "a member more");
    json_object_del(parent, "price_fen_");
    return good;
}

static bool unknown_members(const struct bad_route *route)
{
    static const char *const extra[] = {
        "{\"surplus\": \"" MARK "\"}",
        "{\"__proto__\": {}}",
        "{\"\": 1}",
        "{\"a/b~c\": 1}",
    };
    static const char *const pointers[] = {"/surplus", "/__proto__", "/", "/a~1b~0c"};
    for (size_t i = 0; i < sizeof extra / sizeof *extra; i++)
        if (!refuse_json(route, (struct bytes){extra[i], strlen(extra[i])}, 422, "invalid-members",
                         pointers[i], extra[i]))
            return false;
    return walk_route(route, one_more);
}

static bool surplus_members(void)
{
    return each_route(takes_json, unknown_members);
}

static bool bad_texts(const struct bad_route *route, json_t *root, json_t *parent, const char *name,
                      const char *pointer)
{
    static char long_text[300];
    static const char *const texts[] = {"",         "\x01", "a\nb",   "\x7f" MARK,
                                        "\xc2\x80", "a\tb", long_text};
    if (!json_is_string(json_object_get(parent, name)))
        return true;
    memset(long_text, 'x', sizeof long_text - 1);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!refuse_replaced(route, root, parent, name, pointer, json_string(texts[i]), "a text"))
            return false;
    return true;
}

static bool wrong_texts(const struct bad_route *route)
{
    return walk_route(route, bad_texts);
}

static bool texts(void)
{
    return each_route(takes_json, wrong_texts);
}

static bool bad_numbers(const struct bad_route *route, json_t *root, json_t *parent,
                        const char *name, const char *pointer)
{
    static const char *const numbers[] = {
        "0",   "-1",  "101", "2147483648", "9223372036854775807", "-9223372036854775808",
        "1.5", "1.0", "1e2"};
    if (!json_is_integer(json_object_get(parent, name)))
        return true;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!refuse_replaced(route, root, parent, name, pointer,
                             json_loads(numbers[i], JSON_DECODE_ANY, NULL), numbers[i]))
            return false;
    return true;
}

static bool wrong_numbers(const struct bad_route *route)
{
    return walk_route(route, bad_numbers);
}

/* jansson here cannot hold it, so it is written into the text. */
static bool huge_numbers(const struct bad_route *route)
{
    char *body = body_of(route), *at = strstr(body, "\"quantity\": 1");
    bool good = true;
    if (at) {
        char *huge = print("%.*s\"quantity\": 99999999999999999999%s", (int)(at - body), body,
                           at + strlen("\"quantity\": 1"));
        good = refuse_json(route, (struct bytes){huge, strlen(huge)}, 422, "invalid-members",
                           "/items/0/quantity", "a number over 64 bits");
        free(huge);
    }
    free(body);
    return good;
}

static bool numbers(void)
{
    return each_route(takes_json, wrong_numbers) && each_route(takes_json, huge_numbers);
}

/* ---- sizes ---- */

static const size_t GIB = (size_t)1 << 30;

/* Far over the limit: answered before a byte of it is sent. */
static bool announced_too_large(const struct bad_route *route)
{
    char *path = keep_fill(path_of(route)), *admin = stack_url("/admin"), *api = stack_url("/");
    char *headers = headers_of(route, token_of(route), type_of(route));
    char raw[2000], *out = raw;
    out += sprintf(out, "%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n",
                   method_of(route), path, route->most > GIB ? route->most + 1 : GIB);
    for (const char *p = headers; *p; p++)
        out += sprintf(out, *p == '\n' ? "\r\n" : "%c", *p);
    out += sprintf(out, "%s\r\n", out[-1] == '\n' ? "" : "\r\n");
    admin[strlen(admin) - strlen("/admin")] = api[strlen(api) - 1] = 0;
    struct answer a = http_send_raw(route->caller == OPERATOR ? admin : api,
                                    (struct bytes){raw, (size_t)(out - raw)}, false);
    bool good =
        is_problem(&a, 413, "body-too-large") && rows_are_as_before() && server_is_well(true);
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
    struct attempt t = {.method = method_of(route),
                        .path = path_of(route),
                        .headers = headers_of(route, token_of(route), type_of(route)),
                        .body = {body, route->most + 1},
                        .chunked = chunked,
                        .may_close = true,
                        .status = 413,
                        .code = "body-too-large",
                        .what = "a byte too many"};
    bool good = refused(&t);
    free(body);
    return good;
}

static bool one_byte_too_many(const struct bad_route *route)
{
    return sent_too_large(route, false) && sent_too_large(route, true);
}

static bool sizes(void)
{
    return each_route(takes_body, announced_too_large) && each_route(takes_body, one_byte_too_many);
}

static bool body_where_none_is(const struct bad_route *route)
{
    struct attempt t = {.method = method_of(route),
                        .path = path_of(route),
                        .headers = headers_of(route, token_of(route), "application/json"),
                        .body = {"{\"a\": 1}", 8},
                        .may_close = true,
                        .status = 413,
                        .code = "body-too-large",
                        .what = "a body"};
    return refused(&t);
}

static bool no_bodies(void)
{
    return each_route(takes_nothing, body_where_none_is);
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
    {GET(HOST " folded: " MARK "\r\n"), 0, true, 0, 499},
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
    good = good && rows_are_as_before() && server_is_well(true);
    if (!good)
        fprintf(stderr, "      at %.100s\n", c->text);
    refusals++;
    free(base);
    answer_free(&a);
    return good;
}

static bool framing(void)
{
    for (size_t i = 0; i < sizeof raw_cases / sizeof *raw_cases; i++)
        if (!raw_is_refused(&raw_cases[i]))
            return false;
    return true;
}

static bool headers(void)
{
    static char large[20000];
    memset(large, 'x', sizeof large - 1);
    struct attempt t = {.method = "GET",
                        .path = "/v1/policy",
                        .headers =
                            print("X-Large-1: %.8000s\nX-Large-2: %.8000s\nX-Large-3: %.8000s",
                                  large, large, large),
                        .may_close = true,
                        .status = 431,
                        .code = "headers-too-large",
                        .what = "24 kB of headers"};
    return refused(&t);
}

/* A request id that is no id is not echoed. */
static bool request_ids(void)
{
    static char many[300];
    memset(many, 'i', sizeof many - 1);
    const char *const bad[] = {many, "a b", "<" MARK ">", "caf\xc3\xa9", "a,b"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *line = print("X-Request-Id: %s", bad[i]);
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

/* ---- what only an order knows to be wrong ---- */

static const struct {
    const char *member, *value;
} bad_recipients[] = {
    {"name", "   "},
    {"phone", "12345678901"},
    {"phone", "1391234567"},
    {"phone", "139123456789"},
    {"phone", "+1 212 555 0100"},
    {"phone", "13912345678; DROP TABLE orders"},
    {"phone", "1391234567a"},
    {"phone", "13912345678 13912345678"},
    {"phone", "0571"},
    {"phone", "0571-1234567"},
    {"phone", "一三九一二三四五六七八"},
    {"province", "Zhejiang"},
    {"province", "火星"},
    {"province", "浙"},
    {"city", " "},
    {"district", "　"},
    {"street", "  "},
    {"postcode", "31001"},
    {"postcode", "3100122"},
    {"postcode", "31001a"},
};

static const struct {
    const char *member, *value;
} good_recipients[] = {
    {"phone", "+8613912345678"},   {"phone", "010-87654321"}, {"phone", "0571-8765432"},
    {"phone", "021-87654321-123"}, {"province", "内蒙古"},    {"province", "新疆维吾尔自治区"},
    {"province", "香港"},          {"postcode", "000000"},    {"name", "Ōtani Shōhei"},
    {"street", "😀 路 1 号"},
};

static json_t *patched(const char *member, const char *value)
{
    json_t *root = shape_read("{'recipient': " RECIPIENT "}");
    json_object_set_new(json_object_get(root, "recipient"), member, json_string(value));
    return root;
}

static bool recipients(void)
{
    static const struct bad_route patch = {"PATCH /v1/orders/{{bad.order}}", ACCOUNT_HOLDER, JSON,
                                           4096, .body = "{}"};
    for (size_t i = 0; i < sizeof bad_recipients / sizeof *bad_recipients; i++) {
        char *pointer = print("/recipient/%s", bad_recipients[i].member);
        json_t *root = patched(bad_recipients[i].member, bad_recipients[i].value);
        bool good = refuse_root(&patch, root, pointer, bad_recipients[i].value);
        json_decref(root);
        free(pointer);
        if (!good)
            return false;
    }
    return true;
}

static bool taken_recipients(void)
{
    for (size_t i = 0; i < sizeof good_recipients / sizeof *good_recipients; i++) {
        json_t *root = patched(good_recipients[i].member, good_recipients[i].value);
        char *text = json_dumps(root, JSON_COMPACT);
        const struct step s = {.call = "PATCH /v1/orders/{{bad.order}}", .as = "bad", .body = text};
        struct answer a = step_send(&s);
        bool good = a.status == 200 || complain("%s: %d %.300s", text, a.status, a.body);
        answer_free(&a);
        free(text);
        json_decref(root);
        if (!good)
            return false;
    }
    free(rows_before);
    rows_before = db_snapshot();
    return true;
}

static const struct {
    const char *body;
    const char *code, *pointer;
} bad_orders[] = {
    {"{'items': [], 'accepts_no_refund': true}", "invalid-members", "/items"},
    {"{'items': [{'product': 'gold-bar', 'photo_id': '{{bad.photo}}', 'quantity': 1}], "
     "'accepts_no_refund': true}",
     "invalid-members", "/items/0/product"},
    {"{'items': [{'product': 'electronic-standard', 'photo_id': '{{bad.photo}}', 'quantity': 2}], "
     "'accepts_no_refund': true}",
     "invalid-members", "/items/0/quantity"},
    {"{'items': [" ELECTRONIC_ITEM("bad.photo") "]}", "no-refund-not-accepted", NULL},
    {"{'items': [" ELECTRONIC_ITEM("bad.photo") "], 'accepts_no_refund': false}",
     "no-refund-not-accepted", NULL},
    {"{'items': [" ELECTRONIC_ITEM("foe.photo") "], 'accepts_no_refund': true}", "invalid-members",
     "/items/0/photo_id"},
    {"{'items': [" ELECTRONIC_ITEM("bad.photo") ", " ELECTRONIC_ITEM(
         "foe.photo") "], 'accepts_no_refund': true}",
     "invalid-members", "/items/1/photo_id"},
    {"{'items': [" PRINT_ITEM("bad.photo") "]}", "invalid-members", "/recipient"},
    {"{'items': [" ELECTRONIC_ITEM(
         "bad.photo") "], 'accepts_no_refund': true, 'recipient': " RECIPIENT "}",
     "invalid-members", "/recipient"},
    {"{'items': [" ELECTRONIC_ITEM("bad.photo") "], 'accepts_no_refund': true, 'amount_fen': 1}",
     "invalid-members", "/amount_fen"},
    {"{'items': [{'product': 'electronic-standard', 'photo_id': '{{bad.photo}}', 'quantity': 1, "
     "'price_fen': 1}], 'accepts_no_refund': true}",
     "invalid-members", "/items/0/price_fen"},
};

static bool orders(void)
{
    static const struct bad_route route = {"POST /v1/orders", ACCOUNT_HOLDER, JSON, 16384,
                                           .key = true,       .body = "{}"};
    for (size_t i = 0; i < sizeof bad_orders / sizeof *bad_orders; i++) {
        const struct bad_route with = {.body = bad_orders[i].body};
        char *body = body_of(&with);
        bool good = refuse_json(&route, (struct bytes){body, strlen(body)}, 422, bad_orders[i].code,
                                bad_orders[i].pointer, bad_orders[i].body);
        free(body);
        if (!good)
            return false;
    }
    return true;
}

static const struct step bad_methods[] = {
    {.label = "a channel that is none",
     .call = "POST /v1/orders/{{bad.order}}/payments",
     .as = "bad",
     .key = "paypal",
     .body = "{'channel': 'paypal', 'method': 'app'}",
     .status = 422,
     .problem = "invalid-members",
     .shape = "{'errors': [{'pointer': '/channel', '...': true}], '...': true}"},
    {.label = "a method of the other channel",
     .call = "POST /v1/orders/{{bad.order}}/payments",
     .as = "bad",
     .key = "mixed up",
     .body = "{'channel': 'alipay', 'method': 'native'}",
     .status = 422,
     .problem = "invalid-members",
     .shape = "{'errors': [{'pointer': '/method', '...': true}], '...': true}"},
    END,
};

static bool payments(void)
{
    return steps_run(bad_methods) && rows_are_as_before();
}

/* ---- set-up ---- */

static const struct step fixtures[] = {
    {.label = "nothing else shall move",
     .control = "export IDPHOTOD_SCHEDULER_ENABLED=false; clock_to 0s"},
    ACCOUNT("bad"),
    ACCOUNT("foe"),
    CONSENT("bad"),
    CONSENT("foe"),
    PHOTO("bad", "bad.photo"),
    PHOTO("foe", "foe.photo"),
    ORDER("bad", "bad.order", MIXED_BODY("bad.photo")),
    ORDER("foe", "foe.order", MIXED_BODY("foe.photo")),
    NATIVE("bad", "bad.order", "bad.pay"),
    NATIVE("foe", "foe.order", "foe.pay"),
    ACCOUNT("gone"),
    {.label = "an account that was deleted",
     .call = "DELETE /v1/account",
     .as = "gone",
     .status = 202,
     .keep = "bad.receipt=receipt_id",
     .again = 401},
    {.label = "an operator",
     .control = "\"$IDPHOTOD\" operator add fired --role admin --config \"$CONFIG\""},
    END,
};
static const struct step fire[] = {
    {.label = "who is no more",
     .control = "\"$IDPHOTOD\" operator revoke fired --config \"$CONFIG\""},
    END,
};

static bool prepare(void)
{
    if (!steps_run(fixtures))
        return false;
    keep_set("revoked.token", keep_get("said"));
    if (!steps_run(fire))
        return false;
    rows_before = db_snapshot();
    return true;
}

static const struct step health[] = {
    {.label = "alive", .call = "GET /livez", .status = 200},
    {.label = "ready", .call = "GET /readyz", .status = 200},
    {.label = "the operator's side too", .call = "GET admin:/readyz", .status = 200},
    ORDER_STATE("bad", "bad.order", "unpaid"),
    {.label = "and everything still works",
     .call = "POST /v1/orders",
     .as = "bad",
     .key = "after all that",
     .body = ELECTRONIC_BODY("bad.photo"),
     .status = 201},
    {.label = "jobs again", .control = "unset IDPHOTOD_SCHEDULER_ENABLED; clock_to 0s"},
    END,
};

static bool finish(void)
{
    printf("      %ld bad requests\n", refusals);
    free(rows_before);
    rows_before = NULL;
    return refusals > 1000 ? steps_run(health) : complain("only %ld bad requests", refusals);
}

const struct test bad_input_tests[] = {
    {"An account, its neighbour and their orders stand ready for bad input", NULL, prepare},
    {"Every route refuses a method that it does not have and names those it has", NULL, methods},
    {"Every route refuses tokens that are missing, malformed, unknown, ended or of the other side",
     NULL, tokens},
    {"Ids that are malformed, unknown or of another account do not exist", NULL, ids},
    {"Addresses with NUL, bad UTF-8, bad escapes or too many bytes are refused", NULL,
     wrong_addresses},
    {"Query parameters that are unknown, doubled or wrong are refused", NULL, queries},
    {"Every body is refused under another content type", NULL, content_types},
    {"What is not JSON is refused: bad UTF-8, NUL, duplicates, nesting, numbers", NULL,
     malformed_json},
    {"A good body that was cut off is refused at every length", NULL, truncated_json},
    {"A body that is no object is refused", NULL, roots},
    {"Each member of the wrong type is named", NULL, member_types},
    {"Each member that is missing is named", NULL, missing_members},
    {"A member that nobody knows is named", NULL, surplus_members},
    {"Texts that are empty, too long or hold control characters are named", NULL, texts},
    {"Numbers out of range, with fractions or beyond 64 bits are named", NULL, numbers},
    {"Bodies over the limit are refused before they are read, chunked ones while they are", NULL,
     sizes},
    {"Routes without a body refuse one", NULL, no_bodies},
    {"Broken framing is refused and hurts nobody", NULL, framing},
    {"Headers that are too large are refused", NULL, headers},
    {"A request id that is none is not echoed", NULL, request_ids},
    {"A recipient is checked: phone, province, postcode, blanks", NULL, recipients},
    {"Chinese numbers, short and full names of provinces are taken", NULL, taken_recipients},
    {"An order is checked: products, quantities, photos, recipient, prices of its own", NULL,
     orders},
    {"A channel and its methods are checked", NULL, payments},
    {"After all that the server is well", NULL, finish},
    {NULL, NULL, NULL},
};
