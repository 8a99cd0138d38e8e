/* SPDX-License-Identifier: MIT */
/* Bad input on every route: methods, tokens, ids, addresses, queries. */
#include "bad_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common.h"
#include "shape.h"
#include "stack.h"

/* ---- the table ---- */

/* "/v1/orders/{order_id}" of the description and the address of the table. */
static bool path_fits(const char *template, const char *path)
{
    while (*template && *path && *path != '?') {
        if (*template == '{') {
            template += strcspn(template, "/");
            path += strcspn(path, "/?");
        } else if (*template ++ != *path++) {
            return false;
        }
    }
    return !*template && (!*path || *path == '?');
}

static bool is_in_table(const char *method, const char *template)
{
    for (size_t i = 0; i < bad_routes_count; i++)
        if (strcasecmp(bad_method(&bad_routes[i]), method) == 0 &&
            path_fits(template, bad_path(&bad_routes[i])))
            return true;
    return false;
}

static bool table_is_whole(void)
{
    const struct step s = {.call = "GET /openapi.json"};
    struct answer a = step_send(&s);
    const char *path, *method;
    json_t *methods, *operation;
    size_t n = 0;
    bool good = true;
    json_object_foreach(json_object_get(a.json, "paths"), path, methods)
    {
        json_object_foreach(methods, method, operation)
        {
            n += json_object_get(operation, "responses") != NULL;
            if (json_object_get(operation, "responses") && !is_in_table(method, path))
                good = complain("no bad input for %s %s", method, path);
        }
    }
    answer_free(&a);
    return good && (n == bad_routes_count || complain("%zu routes are described", n));
}

/* ---- methods ---- */

static bool same_path(const struct bad_route *a, const struct bad_route *b)
{
    size_t n = strcspn(bad_path(a), "?");
    return n == strcspn(bad_path(b), "?") && strncmp(bad_path(a), bad_path(b), n) == 0;
}

static bool path_has(const struct bad_route *route, const char *method)
{
    /* paths that differ in a parameter alone */
    if (strstr(route->call, "/consents/") || strcmp(bad_path(route), "/v1/sessions/current") == 0)
        return strcmp(method, "DELETE") == 0 ||
               (strstr(route->call, "/consents/") && strcmp(method, "PUT") == 0);
    bool named = strstr(route->call, "/v1/photos/check") || strstr(route->call, "/v1/photos/make");
    if (named && (strcmp(method, "GET") == 0 || strcmp(method, "DELETE") == 0))
        return true; /* as the id of a photo that is not there */
    for (size_t i = 0; i < bad_routes_count; i++)
        if (same_path(route, &bad_routes[i]) && strcmp(bad_method(&bad_routes[i]), method) == 0)
            return true;
    return false;
}

static bool allow_is_right(const struct bad_route *route)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
    char *path = keep_fill(bad_path(route)), *url = stack_url(path);
    const struct request r = {.method = "PROPFIND", .url = url};
    struct answer a = http_send(&r);
    const char *sent = answer_header(&a, "allow"), *allow = sent ? sent : "";
    bool good = a.status == 405 || complain("PROPFIND is answered %d", a.status);
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
    static const char *const methods[] = {"GET",   "POST",     "PUT", "PATCH",      "DELETE",
                                          "TRACE", "PROPFIND", "get", "PLANTEDmark"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (path_has(route, methods[i]))
            continue;
        struct attempt t = {.method = methods[i],
                            .path = bad_path(route),
                            .headers = bad_headers(route, bad_token(route), NULL),
                            .status = 405,
                            .code = "method-not-allowed",
                            .what = "a method that is not there"};
        if (!bad_refused(&t))
            return false;
    }
    return allow_is_right(route);
}

static bool methods(void)
{
    return bad_each_route(bad_any, wrong_methods);
}

/* ---- tokens ---- */

static const char *const bad_tokens[] = {
    "",
    "Authorization:",
    "Authorization: PLANTEDmark",
    "Authorization: Basic PLANTEDmark",
    "Authorization: Bearer",
    "Authorization: Bearer PLANTEDmark",
    "Authorization: Bearer ipa_PLANTEDmark",
    "Authorization: Bearer ipo_PLANTEDmark",
    "Authorization: Bearer ipa_PLANTEDmark!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!",
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
    char *body = bad_body(route), *changed = with_last_changed(bad_token(route));
    bool good = true;
    keep_set("token", bad_token(route));
    keep_set("changed", changed);
    keep_set("wrong.side", keep_get(operator_ ? "bad.token" : "admin.token"));
    keep_set("ended", keep_get(operator_ ? "revoked.token" : "gone.token"));
    for (size_t i = 0; good && i < sizeof bad_tokens / sizeof *bad_tokens; i++) {
        char *rest = bad_headers(route, NULL, bad_type(route));
        struct attempt t = {
            .method = bad_method(route),
            .path = bad_path(route),
            .headers = text_print("%s%s%s", bad_tokens[i], *bad_tokens[i] ? "\n" : "", rest),
            .body = bad_bytes(route, body),
            .may_close = true,
            .status = 401,
            .code = "unauthenticated",
            .what = *bad_tokens[i] ? bad_tokens[i] : "no token"};
        free(rest);
        good = bad_refused(&t);
    }
    free(body);
    free(changed);
    return good;
}

static bool tokens(void)
{
    return bad_each_route(bad_needs_token, wrong_tokens);
}

/* ---- ids ---- */

static const char *const bad_ids[] = {
    "{{prefix}}0000000000000000000000",
    "{{foreign}}",
    "{{prefix}}",
    "{{prefix}}000000000000000000000",
    "{{prefix}}00000000000000000000000",
    "{{prefix}}zzzzzzzzzzzzzzzzzzzzzz",
    "{{prefix}}PLANTEDmark-_-",
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
    char *prefix = text_print("%.*s", bare ? (int)(bare + 1 - good) : 0, good);
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
    char *body = bad_body(route);
    char *path =
        text_print("%.*s%s%s", (int)(begin - bad_path(route)), bad_path(route), bad_id, end);
    bool in_query = strchr(bad_path(route), '?') && strchr(bad_path(route), '?') < begin;
    bool known_form = strcmp(bad_id, bad_ids[0]) == 0 || strcmp(bad_id, bad_ids[1]) == 0;
    bool query_error = in_query && !known_form;
    struct attempt t = {.method = bad_method(route),
                        .path = path,
                        .headers = bad_headers(route, bad_token(route), bad_type(route)),
                        .body = bad_bytes(route, body),
                        .status = query_error ? 422 : 404,
                        .code = query_error ? "invalid-members" : "not-found",
                        .what = bad_id};
    bool good = bad_refused(&t);
    free(path);
    free(body);
    return good;
}

static bool wrong_ids(const struct bad_route *route)
{
    char name[40];
    const char *begin, *end;
    for (size_t at = 0; id_in(bad_path(route), at, name, &begin, &end); at++) {
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
    return bad_each_route(bad_any, wrong_ids);
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
        {"/v1/orders/%0d%0aX-Injected:%20PLANTEDmark", 400, "malformed-request"},
        {"/v1/orders?cursor=%00", 400, "malformed-request"},
        {"/v1/orders?cursor=%ff", 400, "malformed-request"},
        {"/v1/orders?%00=1", 400, "malformed-request"},
        {"/v1/orders?limit=%", 400, "malformed-request"},
        {"/v1/PLANTEDmark", 404, "not-found"},
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
                            .headers = text_print("Authorization: Bearer {{bad.token}}"),
                            .may_close = true,
                            .status = cases[i].status,
                            .code = cases[i].code,
                            .what = "an address"};
        if (!bad_refused(&t))
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
      "PLANTEDmark"}},
    {"cursor", {"PLANTEDmark", "", "0", "{{bad.photo}}", "ord_", "{{bad.order}}x"}},
    {"force", {"yes", "1", "", "TRUE", "PLANTEDmark"}},
    {"format", {"PLANTEDmark", "", "exe", "JPEG"}},
    {"state", {"PLANTEDmark", "", "PAID", "lost"}},
    {"day",
     {"PLANTEDmark", "", "2026-02-30", "2026-13-01", "26-11-23", "2026-11-23T00:00:00Z", "today"}},
    {"order", {"PLANTEDmark", "", "{{bad.photo}}"}},
    {"subject", {"PLANTEDmark", "", "Self"}},
    {"spec", {"", "CN-ID", "cn%20id", "../../etc/passwd", "%E8%AF%81"}},
};

static bool refuse_query(const struct bad_route *route, const char *query)
{
    char *body = bad_body(route), *path = strdup(bad_path(route));
    path[strcspn(path, "?")] = 0;
    char *with = text_print("%s?%s", path, query);
    struct attempt t = {.method = bad_method(route),
                        .path = with,
                        .headers = bad_headers(route, bad_token(route), bad_type(route)),
                        .body = bad_bytes(route, body),
                        .status = 422,
                        .code = "invalid-members",
                        .pointer = "",
                        .what = "a query"};
    bool good = bad_refused(&t);
    free(path);
    free(with);
    free(body);
    return good;
}

static bool wrong_value(const struct bad_route *route, size_t i, const char *value)
{
    char *query = text_print("%s=%s", bad_values[i].name, value);
    bool good = refuse_query(route, query);
    free(query);
    return good;
}

static bool wrong_queries(const struct bad_route *route)
{
    bool good = refuse_query(route, "surplus=PLANTEDmark");
    for (size_t i = 0; good && i < sizeof bad_values / sizeof *bad_values; i++) {
        if (!strstr(route->query, bad_values[i].name))
            continue;
        /* whether the file was paid for comes first */
        bool only_twice = strstr(route->call, "/file") != NULL;
        for (size_t j = only_twice ? 12 : 0; good && j < 12 && bad_values[i].values[j]; j++)
            good = wrong_value(route, i, bad_values[i].values[j]);
        char *twice = text_print("%s=1&%s=1", bad_values[i].name, bad_values[i].name);
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
    return bad_each_route(has_query, wrong_queries);
}

/* ---- set-up ---- */

static const struct step fixtures[] = {
    ACCOUNT("bad"),
    ACCOUNT("foe"),
    CONSENT("bad"),
    FACES("bad"),
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
    bad_rows_note();
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
    END,
};

static bool finish(void)
{
    printf("      %ld bad requests\n", bad_count());
    return bad_count() > 1000 ? steps_run(health) : complain("only %ld bad requests", bad_count());
}

const struct test bad_input_tests[] = {
    {"An account, its neighbour and their orders stand ready for bad input", NULL, prepare},
    {"Every route of the description is thrown bad input at", NULL, table_is_whole},
    {"Every route refuses a method that it does not have and names those it has", NULL, methods},
    {"Every route refuses tokens that are missing, malformed, unknown, ended or of the other side",
     NULL, tokens},
    {"Ids that are malformed, unknown or of another account do not exist", NULL, ids},
    {"Addresses with NUL, bad UTF-8, bad escapes or too many bytes are refused", NULL,
     wrong_addresses},
    {"Query parameters that are unknown, doubled or wrong are refused", NULL, queries},
    {"Every body is refused under another content type", NULL, wire_types},
    {"What is not JSON is refused: bad UTF-8, NUL, duplicates, nesting, numbers", NULL,
     json_malformed},
    {"A good body that was cut off is refused at every length", NULL, json_cut_off},
    {"A body that is no object is refused", NULL, json_roots},
    {"Each member of the wrong type is named", NULL, json_types},
    {"Each member that is missing is named", NULL, json_missing},
    {"A member that nobody knows is named", NULL, json_surplus},
    {"Texts that are empty, too long or hold control characters are named", NULL, json_texts},
    {"Numbers out of range, with fractions or beyond 64 bits are named", NULL, json_numbers},
    {"Bodies over the limit are refused before they are read, chunked ones while they are", NULL,
     wire_sizes},
    {"Routes without a body refuse one", NULL, wire_no_bodies},
    {"Broken framing is refused and hurts nobody", NULL, wire_framing},
    {"Headers that are too large are refused", NULL, wire_headers},
    {"A request id that is none is not echoed", NULL, wire_request_ids},
    {"A recipient is checked: phone, province, postcode, blanks", NULL, order_recipients},
    {"Chinese numbers, short and full names of provinces are taken", NULL, order_good_recipients},
    {"An order is checked: products, quantities, photos, recipient, prices of its own", NULL,
     order_members},
    {"A channel and its methods are checked", NULL, order_channels},
    {"After all that the server is well", NULL, finish},
    {NULL, NULL, NULL},
};
