/* SPDX-License-Identifier: MIT */
/* Router, problems, languages, proxies: the parts that need no server. */
#include <criterion/criterion.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/problem.h"
#include "http/proxy.h"
#include "http/router.h"
#include "http/text.h"

/* ---- router ---- */

static void nothing(struct request *r)
{
    (void)r;
}

#define ROW(m, p, l)                                                                               \
    {                                                                                              \
        .method = m, .path = p, .listener = l, .handle = nothing                                   \
    }
static const struct route rows[] = {
    ROW("GET", "/", LISTENER_PUBLIC),
    ROW("GET", "/v1/{kind}/{id}", LISTENER_PUBLIC),
    ROW("GET", "/v1/sessions/{id}", LISTENER_PUBLIC),
    ROW("DELETE", "/v1/sessions/current", LISTENER_PUBLIC),
    ROW("GET", "/admin", LISTENER_OPERATOR),
    ROW("GET", "/livez", LISTENER_BOTH),
};
static const struct route_table public_table = {rows, 6, LISTENER_PUBLIC};
static const struct route_table operator_table = {rows, 6, LISTENER_OPERATOR};

static const char *found(const struct route_table *table, const char *method, const char *raw)
{
    struct arena *a = arena_new();
    struct target t;
    struct route_match m;
    const char *path = "malformed";
    if (target_parse(a, raw, &t) == OK) {
        enum status s = route_find(table, method, &t, &m);
        path = s == OK ? m.route->path : status_name(s);
    }
    arena_free(a);
    return path;
}

Test(router, the_most_literal_row_wins)
{
    cr_expect_str_eq(found(&public_table, "GET", "/"), "/");
    cr_expect_str_eq(found(&public_table, "GET", "/v1/a/b"), "/v1/{kind}/{id}");
    cr_expect_str_eq(found(&public_table, "GET", "/v1/sessions/b"), "/v1/sessions/{id}");
    cr_expect_str_eq(found(&public_table, "GET", "/v1/sessions/current"), "/v1/sessions/{id}");
    cr_expect_str_eq(found(&public_table, "DELETE", "/v1/sessions/current"),
                     "/v1/sessions/current");
    cr_expect_str_eq(found(&public_table, "HEAD", "/v1/sessions/x?a=b"), "/v1/sessions/{id}");
}

Test(router, near_misses_do_not_exist)
{
    static const char *const missing[] = {
        "/v1",       "/v1/",        "/v1/a",     "/v1/a/",
        "/v1//b",    "/v1/a/b/",    "//",        "/V1/a/b",
        "/v1/a/b/c", "/v1%2Fa%2Fb", "/v1/a%2Fb", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18"};
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++)
        cr_expect_str_eq(found(&public_table, "GET", missing[i]), "not-found", "%s", missing[i]);
    cr_expect_str_eq(found(&public_table, "PUT", "/v1/a/b"), "conflict");
    cr_expect_str_eq(found(&public_table, "get", "/v1/a/b"), "conflict");
}

Test(router, a_listener_does_not_know_the_others_routes)
{
    cr_expect_str_eq(found(&public_table, "GET", "/admin"), "not-found");
    cr_expect_str_eq(found(&operator_table, "GET", "/admin"), "/admin");
    cr_expect_str_eq(found(&operator_table, "GET", "/v1/a/b"), "not-found");
    cr_expect_str_eq(found(&operator_table, "GET", "/livez"), "/livez");
}

Test(router, query_values_are_form_decoded)
{
    struct arena *a = arena_new();
    struct target t;
    cr_assert_eq(target_parse(a, "/a+b?x=1+2&&y&%E7%85%A7=%26%3d=&x=", &t), OK);
    cr_expect_str_eq(t.path, "/a+b");
    static const char *const want[][2] = {{"x", "1 2"}, {"y", ""}, {"照", "&=="}, {"x", ""}};
    const struct pair *p = t.query.first;
    for (size_t i = 0; i < 4; i++, p = p->next) {
        cr_assert_not_null(p);
        cr_expect_str_eq(p->name, want[i][0]);
        cr_expect_str_eq(p->value, want[i][1]);
    }
    cr_expect_null(p);
    arena_free(a);
}

Test(router, malformed_targets_are_told_from_long_ones)
{
    static const char *const bad[] = {"",       "a",       "/%",         "/%4",       "/%g0",
                                      "/%00",   "/%1f",    "/%7f",       "/%c2%85",   "/%ff",
                                      "/a#b",   "/a b",    "/\x01",      "/\xc3(",    "/?%",
                                      "/?a=%0", "/?a=%80", "/?%c1%81=1", "/%ed%a0%80"};
    struct arena *a = arena_new();
    struct target t;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect_eq(target_parse(a, bad[i], &t), INVALID, "%s", bad[i]);
    char text[8000];
    memset(text, 'a', sizeof text);
    text[0] = '/';
    text[PATH_MOST] = 0;
    cr_expect_eq(target_parse(a, text, &t), OK);
    text[PATH_MOST] = 'a';
    text[PATH_MOST + 1] = 0;
    cr_expect_eq(target_parse(a, text, &t), TOO_LARGE);
    text[PATH_MOST + 1] = 'a';
    text[1] = '?';
    text[2 + QUERY_MOST] = 0;
    cr_expect_eq(target_parse(a, text, &t), OK);
    text[2 + QUERY_MOST] = 'a';
    text[3 + QUERY_MOST] = 0;
    cr_expect_eq(target_parse(a, text, &t), TOO_LARGE);
    arena_free(a);
}

/* ---- problems ---- */

static bool is_code(const char *code)
{
    return *code >= 'a' && *code <= 'z' &&
           strspn(code, "abcdefghijklmnopqrstuvwxyz-") == strlen(code);
}

Test(problem, every_code_is_kebab_case_and_unique)
{
    for (int i = 0; i < PROBLEM_COUNT; i++) {
        cr_expect(is_code(problem_code((enum problem)i)), "%s", problem_code((enum problem)i));
        for (int k = 0; k < i; k++)
            cr_expect_str_neq(problem_code((enum problem)i), problem_code((enum problem)k));
        cr_expect(problem_http_status((enum problem)i) >= 400);
    }
}

static json_t *document(enum problem p, enum language language)
{
    char *text = problem_text(p, language, "urn:x", "id");
    json_t *d = json_loads(text, 0, NULL);
    free(text);
    cr_assert_not_null(d);
    return d;
}

static bool has_chinese(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text >= 0xe4)
            return true;
    return false;
}

Test(problem, every_problem_speaks_both_languages)
{
    for (int i = 0; i < PROBLEM_COUNT; i++) {
        json_t *zh = document((enum problem)i, LANGUAGE_ZH);
        json_t *en = document((enum problem)i, LANGUAGE_EN);
        static const char *const texts[] = {"title", "detail"};
        for (int k = 0; k < 2; k++) {
            const char *z = json_string_value(json_object_get(zh, texts[k]));
            const char *e = json_string_value(json_object_get(en, texts[k]));
            cr_expect(z && has_chinese(z), "%s", problem_code((enum problem)i));
            cr_expect(e && *e && !has_chinese(e), "%s", problem_code((enum problem)i));
        }
        cr_expect_eq(json_integer_value(json_object_get(en, "status")),
                     problem_http_status((enum problem)i));
        cr_expect_str_eq(json_string_value(json_object_get(en, "code")),
                         problem_code((enum problem)i));
        cr_expect(json_object_get(en, "type") && json_object_get(en, "instance") &&
                  json_object_get(en, "request_id"));
        json_decref(zh);
        json_decref(en);
    }
}

static const char *reply_header(const struct request *r, const char *name)
{
    for (const struct reply_header *h = r->reply_headers; h; h = h->next)
        if (strcmp(h->name, name) == 0)
            return h->value;
    return "";
}

Test(problem, replies_carry_the_headers_that_belong_to_them)
{
    struct request r;
    struct transport t;
    request_init(&r, &t, arena_new());
    reply_problem(&r, PROBLEM_UNAUTHENTICATED);
    cr_expect_eq(r.reply_status, 401);
    cr_expect_str_eq(r.reply_type, "application/problem+json");
    cr_expect_str_eq(reply_header(&r, "WWW-Authenticate"), "Bearer");
    request_init(&r, &t, r.arena);
    reply_status(&r, UNAVAILABLE);
    cr_expect_eq(r.reply_status, 503);
    cr_expect_str_eq(r.problem_code, "database-unavailable");
    cr_expect_str_eq(reply_header(&r, "Retry-After"), "1");
    request_init(&r, &t, r.arena);
    reply_add_header(&r, "Retry-After", "30");
    reply_problem(&r, PROBLEM_RATE_LIMITED);
    cr_expect_str_eq(reply_header(&r, "Retry-After"), "30");
    request_init(&r, &t, r.arena);
    reply_problem_with(&r, PROBLEM_CONSENT_REQUIRED, "policy", json_string("/v1/policy"));
    cr_expect_not_null(strstr(r.reply_body, "\"policy\":\"/v1/policy\""));
    arena_free(r.arena);
}

Test(problem, each_status_has_its_answer)
{
    static const struct {
        enum status status;
        unsigned http;
    } table[] = {{NOT_FOUND, 404}, {CONFLICT, 409},  {RETRY, 503},       {DENIED, 401},
                 {INVALID, 422},   {TOO_LARGE, 413}, {UNAVAILABLE, 503}, {INTERNAL, 500}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct request r;
        struct transport t;
        request_init(&r, &t, arena_new());
        reply_status(&r, table[i].status);
        cr_expect_eq(r.reply_status, table[i].http);
        arena_free(r.arena);
    }
}

/* ---- languages ---- */

Test(language, the_heaviest_weight_wins_and_chinese_is_the_default)
{
    static const struct {
        const char *accept;
        enum language want;
    } table[] = {
        {NULL, LANGUAGE_ZH},
        {"", LANGUAGE_ZH},
        {"fr", LANGUAGE_ZH},
        {"en", LANGUAGE_EN},
        {"EN-us", LANGUAGE_EN},
        {"english", LANGUAGE_ZH},
        {"en, zh", LANGUAGE_EN},
        {"zh, en", LANGUAGE_ZH},
        {"zh-TW, en", LANGUAGE_ZH},
        {"en;q=0.8, zh;q=0.9", LANGUAGE_ZH},
        {"zh;q=0.8, en;q=0.9", LANGUAGE_EN},
        {"zh;q=0.8,en ; q=0.85", LANGUAGE_EN},
        {"fr, en;q=0.1", LANGUAGE_EN},
        {"en;q=0.9, en-GB;q=0.1, zh;q=0.5", LANGUAGE_EN},
        {"en;q=0", LANGUAGE_ZH},
        {"*", LANGUAGE_ZH},
        {"zh;q=0, *", LANGUAGE_EN},
        {"zh;q=0.5, *", LANGUAGE_EN},
        {"en;q=0.5, *;q=0.1", LANGUAGE_EN},
        {"en;q=nonsense", LANGUAGE_ZH},
        {"en;q=1.5", LANGUAGE_ZH},
        {"en;q=1.000, zh;q=0.999", LANGUAGE_EN},
        {",,;;,", LANGUAGE_ZH},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        cr_expect_eq(language_of(table[i].accept), table[i].want, "%s",
                     table[i].accept ? table[i].accept : "absent");
}

/* ---- headers ---- */

/* A proxy's or an attacker's hundreds of lines must not cost their square. */
Test(request, repeated_headers_are_joined_in_order_without_costing_more_than_they_hold)
{
    enum { LINES = 500, VALUE = 60 };
    struct arena *a = arena_new();
    struct request r;
    struct transport t;
    char values[LINES][VALUE + 1];
    request_init(&r, &t, a);
    cr_expect_null(request_header_joined(&r, "X-Many"));
    for (int i = 0; i < LINES; i++) {
        snprintf(values[i], sizeof values[i], "%0*d", VALUE, i);
        pair_add(&t.headers, a, i % 2 ? "x-many" : "X-Many", values[i]);
        pair_add(&t.headers, a, "Other", "x");
    }
    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    const char *joined = request_header_joined(&r, "X-Many");
    size_t cost = mallinfo2().uordblks + mallinfo2().hblkhd - before;
    cr_expect_leq(cost, (size_t)2 * LINES * (VALUE + 1), "%zu bytes", cost);
    cr_assert_eq(strlen(joined), (size_t)LINES * (VALUE + 1) - 1);
    for (int i = 0; i < LINES; i++)
        cr_expect_eq(strncmp(joined + (size_t)i * (VALUE + 1), values[i], VALUE), 0, "%d", i);
    arena_free(a);
}

/* ---- proxies ---- */

static void expect_ip(const char *trusted, const char *peer, const char *forwarded,
                      const char *want)
{
    struct arena *a = arena_new();
    struct proxy_list *list;
    struct in6_addr address;
    cr_assert_eq(proxy_list_new(trusted, &list), OK, "%s", trusted);
    cr_assert_eq(proxy_parse_address(peer, &address), OK);
    cr_expect_str_eq(proxy_client_ip(list, &address, forwarded, a), want, "%s: %s", peer,
                     forwarded ? forwarded : "");
    proxy_list_free(list);
    arena_free(a);
}

Test(proxy, only_what_trusted_proxies_wrote_is_believed)
{
    const char *trusted = "10.0.0.0/8, 192.0.2.1 ,2001:db8::/33";
    expect_ip(NULL, "198.51.100.7", "203.0.113.9", "198.51.100.7");
    expect_ip(trusted, "198.51.100.7", "203.0.113.9", "198.51.100.7");
    expect_ip(trusted, "10.1.2.3", NULL, "10.1.2.3");
    expect_ip(trusted, "10.1.2.3", "203.0.113.9", "203.0.113.9");
    expect_ip(trusted, "::ffff:10.1.2.3", "203.0.113.9", "203.0.113.9");
    expect_ip(trusted, "10.1.2.3", "1.1.1.1, 203.0.113.9", "203.0.113.9");
    expect_ip(trusted, "10.1.2.3", "1.1.1.1, 203.0.113.9, 192.0.2.1,10.9.9.9", "203.0.113.9");
    expect_ip(trusted, "192.0.2.1", "10.0.0.1, 10.0.0.2", "10.0.0.1");
    expect_ip(trusted, "192.0.2.2", "203.0.113.9", "192.0.2.2");
    expect_ip(trusted, "2001:db8:7fff::1", "2001:db8:8000::1", "2001:db8:8000::1");
    expect_ip(trusted, "2001:db8:8000::1", "203.0.113.9", "2001:db8:8000::1");
    expect_ip(trusted, "10.1.2.3", "203.0.113.9, unknown", "10.1.2.3");
    expect_ip(trusted, "10.1.2.3", "203.0.113.9, garbage, 10.0.0.1", "10.0.0.1");
    expect_ip(trusted, "10.1.2.3", ",,", "10.1.2.3");
    expect_ip("0.0.0.0/0", "10.1.2.3", "203.0.113.9", "203.0.113.9");
    expect_ip("0.0.0.0/0", "2001:db8::1", "203.0.113.9", "2001:db8::1");
}

Test(proxy, lists_that_are_none_are_refused)
{
    static const char *const bad[] = {"10.0.0.0/33", "10.0.0/8",    "x",
                                      "10.0.0.1/",   ",",           "::/129",
                                      "::1/-1",      "10.0.0.1/8x", "10.0.0.1 10.0.0.2"};
    struct proxy_list *untouched = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_expect_eq(proxy_list_new(bad[i], &untouched), INVALID, "%s", bad[i]);
        cr_expect_null(untouched);
    }
}

Test(text, lists_hold_whole_items_only)
{
    cr_expect(text_list_holds("a, b ,c", "b"));
    cr_expect(text_list_holds("a", "a"));
    cr_expect_not(text_list_holds("ab,c", "a"));
    cr_expect_not(text_list_holds("a,b", ""));
    cr_expect_not(text_list_holds("", "a"));
    cr_expect_not(text_list_holds("https://a.example", "https://a.example.evil"));
}

/* The examples of RFC 9110, section 13.1.2, and the weak comparison's table of 8.8.3.2. */
Test(text, if_none_match_names_an_entity_tag_by_the_weak_comparison)
{
    static const struct {
        const char *if_none_match, *etag;
        bool named;
    } cases[] = {
        {"\"xyzzy\"", "\"xyzzy\"", true},
        {"W/\"xyzzy\"", "W/\"xyzzy\"", true},
        {"\"xyzzy\", \"r2d2xxxx\", \"c3piozzzz\"", "\"c3piozzzz\"", true},
        {"W/\"xyzzy\", W/\"r2d2xxxx\", W/\"c3piozzzz\"", "\"r2d2xxxx\"", true},
        {"*", "\"xyzzy\"", true},
        {" * ", "W/\"xyzzy\"", true},
        {"W/\"1\"", "W/\"1\"", true},
        {"W/\"1\"", "W/\"2\"", false},
        {"W/\"1\"", "\"1\"", true},
        {"\"1\"", "\"1\"", true},
        {"\"1\"", "W/\"1\"", true},
        {", ,\"a\",,\t\"b\" ", "\"b\"", true},
        {"\"a,b\"", "\"a,b\"", true},
        {"\"a,\"", "\"a\"", false},
        {"\"ab\"", "\"a\"", false},
        {"\"a\"", "\"ab\"", false},
        {"\"a\",*", "\"b\"", false},
        {"*,\"b\"", "\"b\"", false},
        {"w/\"a\"", "\"a\"", false},
        {"a", "\"a\"", false},
        {"\"a", "\"a\"", false},
        {"W/", "\"a\"", false},
        {"", "\"a\"", false},
        {NULL, "\"a\"", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_eq(text_names_etag(cases[i].if_none_match, cases[i].etag), cases[i].named,
                     "%s of %s", cases[i].etag,
                     cases[i].if_none_match ? cases[i].if_none_match : "none");
}
