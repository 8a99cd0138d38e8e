/* SPDX-License-Identifier: MIT */
/* JSON bodies, query and path parameters, without a server. */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <string.h>

#include "http/body.h"
#include "http/problem.h"
#include "http/transport.h"

struct item {
    const char *product;
    int64_t quantity;
};

struct guardian {
    const char *name;
};

struct order {
    const char *text;
    const char *prose;
    int64_t number;
    bool flag;
    struct guardian *guardian;
    struct json_list items;
};

static const char *no_x(const char *text)
{
    return strchr(text, 'x') ? "has-x" : NULL;
}

#define IN(s, m) .offset = offsetof(struct s, m)
static const struct json_member item_members[] = {
    {"product", JSON_KIND_TEXT, true, IN(item, product), .least = 1, .most = 5},
    {"quantity", JSON_KIND_INTEGER, true, IN(item, quantity), .least = 1, .most = 9},
};
static const struct json_shape item_shape = {item_members, 2, sizeof(struct item)};
static const struct json_member guardian_members[] = {
    {"name", JSON_KIND_TEXT, true, IN(guardian, name), .least = 1, .most = 20},
};
static const struct json_shape guardian_shape = {guardian_members, 1, sizeof(struct guardian)};
static const struct json_member order_members[] = {
    {"text", JSON_KIND_TEXT, true, IN(order, text), .least = 2, .most = 4, .rule = no_x,
     .detail = "2 to 4 characters without x"},
    {"prose", JSON_KIND_LINES, false, IN(order, prose)},
    {"number", JSON_KIND_INTEGER, false, IN(order, number), .least = -5, .most = 5},
    {"flag", JSON_KIND_BOOLEAN, false, IN(order, flag)},
    {"guardian", JSON_KIND_OBJECT, false, IN(order, guardian), .shape = &guardian_shape},
    {"items", JSON_KIND_ARRAY, false, IN(order, items), .least = 1, .most = 2,
     .shape = &item_shape},
};
static const struct json_shape order_shape = {order_members, 6, sizeof(struct order)};

static struct request r;
static struct transport t;
static struct order order;

static void begin(void)
{
    request_init(&r, &t, arena_new());
}

static void end(void)
{
    arena_free(r.arena);
}

static bool parse_bytes(const char *body, size_t n)
{
    r.body = (const unsigned char *)body;
    r.body_size = n;
    return body_parse(&r, &order_shape, &order);
}

static bool parse(const char *body)
{
    return parse_bytes(body, strlen(body));
}

/* The body is refused with exactly these errors, "pointer code" each, in any order. */
static void expect_errors(const char *body, size_t n, ...)
{
    va_list ap;
    begin();
    cr_expect_not(parse(body), "%s", body);
    cr_expect_eq(r.reply_status, 422, "%s: %u", body, r.reply_status);
    cr_expect_str_eq(r.problem_code, "invalid-members");
    json_t *document = json_loadb(r.reply_body, r.reply_size, 0, NULL);
    json_t *errors = json_object_get(document, "errors");
    cr_expect_eq(json_array_size(errors), n, "%s: %.*s", body, (int)r.reply_size,
                 (const char *)r.reply_body);
    va_start(ap, n);
    for (size_t i = 0; i < n; i++) {
        const char *want = va_arg(ap, const char *);
        bool found = false;
        size_t k;
        json_t *e;
        json_array_foreach(errors, k, e)
        {
            char *got =
                arena_printf(r.arena, "%s %s", json_string_value(json_object_get(e, "pointer")),
                             json_string_value(json_object_get(e, "code")));
            found = found || strcmp(got, want) == 0;
        }
        cr_expect(found, "%s lacks %s: %.*s", body, want, (int)r.reply_size,
                  (const char *)r.reply_body);
    }
    va_end(ap);
    json_decref(document);
    end();
}

static void expect_malformed(const char *body, size_t n)
{
    begin();
    cr_expect_not(parse_bytes(body, n), "%s", body);
    cr_expect_eq(r.reply_status, 400, "%s: %u", body, r.reply_status);
    cr_expect_str_eq(r.problem_code, "malformed-json");
    end();
}

Test(body, a_good_body_fills_the_struct)
{
    begin();
    cr_assert(parse("{\"text\":\"照片\",\"prose\":\"a\\nb\",\"number\":-5,\"flag\":true,"
                    "\"guardian\":{\"name\":\"王\"},\"items\":[{\"product\":\"p\",\"quantity\":1},"
                    "{\"product\":\"q\",\"quantity\":9}]}"));
    const struct item *items = order.items.items;
    cr_expect_str_eq(order.text, "照片");
    cr_expect_str_eq(order.prose, "a\nb");
    cr_expect_eq(order.number, -5);
    cr_expect(order.flag);
    cr_expect_str_eq(order.guardian->name, "王");
    cr_expect_eq(order.items.count, 2);
    cr_expect_str_eq(items[1].product, "q");
    cr_expect_eq(items[1].quantity, 9);
    cr_expect_eq(r.reply_status, 0);
    end();
}

Test(body, absent_members_are_zero)
{
    begin();
    memset(&order, 0xff, sizeof order);
    cr_assert(parse("{\"text\":\"ab\"}"));
    cr_expect_null(order.guardian);
    cr_expect_null(order.prose);
    cr_expect_not(order.flag);
    cr_expect_eq(order.items.count, 0);
    end();
}

Test(body, an_empty_body_is_an_empty_object)
{
    expect_errors("", 1, "/text missing");
}

Test(body, what_is_not_json_is_malformed)
{
    static const char *const bad[] = {"{",
                                      "{\"text\":\"ab\",}",
                                      "{\"text\":\"ab\"} x",
                                      "nope",
                                      "{'text':1}",
                                      "{\"text\":\"a\\u0000\"}",
                                      "{\"text\":\"\xff\"}",
                                      "{\"text\":\"\xc0\x80\"}",
                                      "{\"text\":\"\xed\xa0\x80\"}",
                                      "{\"text\":\"\\ud800\"}",
                                      "{\"text\":\"ab\",\"text\":\"ab\"}",
                                      "{\"text\":\"a\nb\"}",
                                      "{\"number\":1e999,\"text\":\"ab\"}",
                                      "{\"number\":01}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_malformed(bad[i], strlen(bad[i]));
    expect_malformed("{\"text\":\"ab\"}\0", 14);
    expect_malformed("{\"text\":\"a\0b\"}", 14);
}

Test(body, deep_nesting_is_malformed)
{
    char deep[10001];
    memset(deep, '[', 10000);
    deep[10000] = 0;
    expect_malformed(deep, 10000);
}

Test(body, a_document_that_is_no_object_is_named_at_its_root)
{
    expect_errors("[]", 1, " wrong-type");
    expect_errors("3", 1, " wrong-type");
    expect_errors("null", 1, " wrong-type");
}

Test(body, every_wrong_member_is_named)
{
    expect_errors(
        "{\"text\":1,\"number\":\"1\",\"flag\":1,\"guardian\":[],\"items\":{},\"more\":1}", 6,
        "/text wrong-type", "/number wrong-type", "/flag wrong-type", "/guardian wrong-type",
        "/items wrong-type", "/more unknown");
    expect_errors("{\"text\":null,\"number\":1.0}", 2, "/text wrong-type", "/number wrong-type");
}

Test(body, lengths_count_code_points)
{
    begin();
    cr_expect(parse("{\"text\":\"照片照😀\"}"));
    end();
    expect_errors("{\"text\":\"照片照片照\"}", 1, "/text too-long");
    expect_errors("{\"text\":\"照\"}", 1, "/text too-short");
    expect_errors("{\"text\":\"abx\"}", 1, "/text has-x");
}

Test(body, control_characters_are_refused)
{
    expect_errors("{\"text\":\"a\\n\"}", 1, "/text control-character");
    expect_errors("{\"text\":\"a\\u007f\"}", 1, "/text control-character");
    expect_errors("{\"text\":\"a\\u0085\"}", 1, "/text control-character");
    expect_errors("{\"text\":\"ab\",\"prose\":\"a\\rb\"}", 1, "/prose control-character");
}

Test(body, numbers_out_of_range_are_named_even_when_they_are_huge)
{
    expect_errors("{\"text\":\"ab\",\"number\":6}", 1, "/number out-of-range");
    expect_errors("{\"text\":\"ab\",\"number\":-6}", 1, "/number out-of-range");
    expect_errors("{\"text\":\"ab\",\"number\":99999999999999999999999}", 1,
                  "/number out-of-range");
    expect_errors("{\"text\":\"ab\",\"number\":-9223372036854775809}", 1, "/number out-of-range");
    expect_errors("{\"text\":99999999999999999999999,\"number\":3}", 1, "/text wrong-type");
}

Test(body, nested_members_have_nested_pointers)
{
    expect_errors("{\"text\":\"ab\",\"guardian\":{\"nome\":1},\"items\":[{\"product\":\"p\"},"
                  "{\"product\":\"toolong\",\"quantity\":0}]}",
                  5, "/guardian/name missing", "/guardian/nome unknown",
                  "/items/0/quantity missing", "/items/1/product too-long",
                  "/items/1/quantity out-of-range");
    expect_errors("{\"text\":\"ab\",\"items\":[1]}", 1, "/items/0 wrong-type");
    expect_errors("{\"text\":\"ab\",\"items\":[]}", 1, "/items too-few");
    expect_errors("{\"text\":\"ab\",\"items\":[{},{},{}]}", 1, "/items too-many");
}

Test(body, odd_names_are_escaped_or_not_repeated)
{
    expect_errors("{\"text\":\"ab\",\"a/b~c\":1}", 1, "/a~1b~0c unknown");
    expect_errors("{\"text\":\"ab\",\"\\n\":1}", 1, " unknown");
    expect_errors("{\"text\":\"ab\",\"0123456789012345678901234567890123456789012345678901234567890"
                  "12345\":1}",
                  1, " unknown");
}

Test(body, no_more_than_32_errors_are_listed)
{
    char body[2000] = "{\"text\":\"ab\"";
    for (int i = 0; i < 100; i++)
        sprintf(body + strlen(body), ",\"m%d\":1", i);
    strcat(body, "}");
    begin();
    cr_expect_not(parse(body));
    cr_expect_eq(json_array_size(r.field_errors), 32);
    end();
}

Test(body, no_value_is_repeated_in_the_answer)
{
    begin();
    cr_expect_not(parse("{\"text\":\"secretsecret\",\"number\":4242424242}"));
    cr_expect_null(strstr(r.reply_body, "secret"));
    cr_expect_null(strstr(r.reply_body, "4242"));
    end();
}

/* ---- parameters ---- */

static void ask(const char *name, const char *value)
{
    begin();
    pair_add(&t.query, r.arena, name, value);
}

Test(parameters, integers_keep_to_their_range)
{
    static const char *const bad[] = {"0", "101", "x",  "1x",  "",
                                      "-", "+1",  " 1", "1.0", "99999999999999999999"};
    int64_t n = 0;
    ask("limit", "100");
    cr_expect(query_integer(&r, "limit", 1, 100, 20, &n));
    cr_expect_eq(n, 100);
    cr_expect(query_integer(&r, "other", 1, 100, 20, &n));
    cr_expect_eq(n, 20);
    end();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ask("limit", bad[i]);
        n = 7;
        cr_expect_not(query_integer(&r, "limit", 1, 100, 20, &n), "%s", bad[i]);
        cr_expect_eq(r.reply_status, 422);
        cr_expect_eq(n, 7);
        end();
    }
}

Test(parameters, flags_are_true_or_false)
{
    bool b = false;
    ask("force", "true");
    cr_expect(query_flag(&r, "force", &b) && b);
    cr_expect(query_flag(&r, "other", &b) && !b);
    end();
    ask("force", "1");
    cr_expect_not(query_flag(&r, "force", &b));
    cr_expect_eq(r.reply_status, 422);
    end();
}

Test(parameters, unknown_and_repeated_names_are_refused)
{
    static const char *const known[] = {"limit", "cursor", NULL};
    ask("limit", "1");
    cr_expect(query_known(&r, known));
    pair_add(&t.query, r.arena, "limit", "2");
    cr_expect_not(query_known(&r, known));
    cr_expect_not_null(strstr(r.reply_body, "\"?limit\""));
    end();
    ask("secret value", "1");
    cr_expect_not(query_known(&r, known));
    cr_expect_null(strstr(r.reply_body, "secret"));
    end();
}

Test(parameters, an_id_that_is_none_does_not_exist)
{
    struct uuid id = uuid_new(), back;
    char text[PUBLIC_ID_BYTES];
    begin();
    r.params[0] = public_id_format("ord_", &id, text);
    cr_expect(param_id(&r, 0, "ord_", &back));
    cr_expect_arr_eq(id.bytes, back.bytes, sizeof id.bytes);
    cr_expect_not(param_id(&r, 0, "pho_", &back));
    cr_expect_eq(r.reply_status, 404);
    end();
}
