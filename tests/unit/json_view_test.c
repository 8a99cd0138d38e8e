/* SPDX-License-Identifier: MIT */
/* What the reader of JSON takes, and what it says of it: by RFC 8259, and by jansson. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <sodium.h>
#include <string.h>

#include "base/json_view.h"

static struct json_text *open_text(const char *json, struct json_view *root)
{
    return json_text_open(json, strlen(json), root);
}

static bool is_taken(const void *json, size_t n)
{
    struct json_view root = {"", 1};
    struct json_text *t = json_text_open(json, n, &root);
    cr_assert_eq(t != NULL, json_view_exists(root));
    json_text_close(t);
    return t != NULL;
}

Test(json_view, one_strict_object_is_taken_and_nothing_else)
{
    static const struct {
        const char *json;
        bool taken;
    } cases[] = {
        {"{}", true},
        {" {\"a\":[1,-2.5e3,true,null,{\"a\":\"\\u00e9\\n\"}]}\r\n", true},
        {"{\"\\ud83d\\ude00\":\"\xf0\x9f\x98\x80\"}", true},
        {"{\"a\":{\"b\":1},\"b\":{\"a\":1}}", true},
        {"", false},
        {"[]", false},
        {"\"a\"", false},
        {"null", false},
        {"{} {}", false},
        {"{}x", false},
        {"\xef\xbb\xbf{}", false},
        {"{\"a\":1,}", false},
        {"{\"a\":01}", false},
        {"{\"a\":+1}", false},
        {"{\"a\":1.}", false},
        {"{\"a\":NaN}", false},
        {"{'a':1}", false},
        {"{\"a\":\"\n\"}", false},
        {"{\"a\":\"\\x41\"}", false},
        {"{\"a\":\"\\ud83d\"}", false},
        {"{\"a\":\"\\ude00\\ud83d\"}", false},
        {"{\"a\":\"\xc0\x80\"}", false},
        {"{\"a\":\"\xed\xa0\x80\"}", false},
        {"{\"a\":\"\xf4\x90\x80\x80\"}", false},
        {"{\"a\":\"\xff\"}", false},
        {"{\"a\":\"b\\u0000c\"}", false},
        {"{\"a\\u0000\":1}", false},
        {"{\"a\":1,\"b\":2,\"a\":1}", false},
        {"{\"a\":1,\"\\u0061\":1}", false},
        {"{\"x\":[[{\"a\":1,\"a\":2}]]}", false},
        {"{\"a\":1", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_eq(is_taken(cases[i].json, strlen(cases[i].json)), cases[i].taken, "%zu: %s", i,
                     cases[i].json);
    cr_expect_not(is_taken(NULL, 0));
    cr_expect_not(is_taken("{}\0", 3), "a NUL behind it");
}

Test(json_view, a_text_may_be_nested_so_deep_and_no_deeper)
{
    for (int extra = 0; extra < 2; extra++) {
        char json[4 * JSON_VIEW_DEPTH] = "{\"a\":";
        size_t arrays = JSON_VIEW_DEPTH - 1 + (size_t)extra, n = strlen(json);
        memset(json + n, '[', arrays);
        memset(json + n + arrays, ']', arrays);
        strcpy(json + n + 2 * arrays, "}");
        cr_expect_eq(is_taken(json, strlen(json)), extra == 0, "%zu arrays", arrays);
    }
}

static bool is_object_of_two_letters(const char *name, struct json_view value)
{
    return strlen(name) == 2 && json_view_is_object(value);
}

Test(json_view, the_first_member_that_fits_is_found)
{
    struct json_view root;
    struct json_text *t = open_text("{\"a\":{},\"bb\":1,\"cc\":{\"i\":3},\"dd\":{\"i\":4}}", &root);
    int64_t i = 0;
    struct json_view found = json_view_find(root, is_object_of_two_letters);
    cr_expect(json_view_integer(json_view_member(found, "i"), &i));
    cr_expect_eq(i, 3);
    cr_expect_not(json_view_exists(json_view_find(found, is_object_of_two_letters)));
    cr_expect_not(
        json_view_exists(json_view_find((struct json_view){0}, is_object_of_two_letters)));
    json_text_close(t);
}

Test(json_view, values_are_found_and_keep_their_type)
{
    struct json_view root;
    struct json_text *t = open_text("{\"s\":\"\\u4f60\\\"\",\"e\":\"\",\"i\":-9223372036854775808,"
                                    "\"u\":9223372036854775808,\"r\":1.0,\"n\":null,"
                                    "\"o\":{\"s\":\"in\"},\"a\":[\"x\",[7],{}]}",
                                    &root);
    cr_assert_not_null(t);
    size_t n = 9;
    cr_expect_str_eq(json_view_string(json_view_member(root, "s"), &n), "\xe4\xbd\xa0\"");
    cr_expect_eq(n, 4);
    cr_expect_str_eq(json_view_string(json_view_member(root, "e"), &n), "");
    cr_expect_eq(n, 0);
    struct json_view o = json_view_member(root, "o"), a = json_view_member(root, "a");
    cr_expect(json_view_is_object(root) && json_view_is_object(o) && !json_view_is_array(o));
    cr_expect_str_eq(json_view_string(json_view_member(o, "s"), NULL), "in");
    cr_expect(json_view_is_array(a) && !json_view_is_object(a));
    cr_expect_eq(json_view_count(a), 3);
    cr_expect_str_eq(json_view_string(json_view_item(a, 0), NULL), "x");
    int64_t i = 0;
    cr_expect(json_view_integer(json_view_item(json_view_item(a, 1), 0), &i));
    cr_expect_eq(i, 7);
    cr_expect(json_view_integer(json_view_member(root, "i"), &i));
    cr_expect_eq(i, INT64_MIN);
    static const char *const no_integers[] = {"u", "r", "n", "s", "o", "a", "none"};
    for (size_t k = 0; k < sizeof no_integers / sizeof *no_integers; k++)
        cr_expect_not(json_view_integer(json_view_member(root, no_integers[k]), &i), "%s",
                      no_integers[k]);
    cr_expect_eq(i, INT64_MIN, "left alone");
    cr_expect(json_view_exists(json_view_member(root, "n")));
    json_text_close(t);
}

Test(json_view, of_nothing_comes_nothing)
{
    struct json_view root;
    struct json_text *t = open_text("{\"i\":1,\"a\":[]}", &root);
    const struct json_view none[] = {
        {0},
        json_view_member(root, "b"),
        json_view_member(root, ""),
        json_view_member(json_view_member(root, "i"), "i"),
        json_view_item(root, 0),
        json_view_item(json_view_member(root, "a"), 0),
    };
    for (size_t k = 0; k < sizeof none / sizeof *none; k++) {
        size_t n = 9;
        int64_t i;
        cr_expect_not(json_view_exists(none[k]), "%zu", k);
        cr_expect_null(json_view_string(none[k], &n));
        cr_expect_eq(n, 0);
        cr_expect_not(json_view_integer(none[k], &i));
        cr_expect_not(json_view_is_object(none[k]));
        cr_expect_not(json_view_is_array(none[k]));
        cr_expect_eq(json_view_count(none[k]), 0);
    }
    cr_expect_eq(json_view_count(root), 0);
    cr_expect_null(json_view_string(root, NULL));
    json_text_close(t);
    json_text_close(NULL);
}

/* ---- jansson as the judge ---- */

static bool agrees(struct json_view v, const json_t *want);

static bool members_agree(struct json_view v, const json_t *want)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)want, name,
                        value) if (!agrees(json_view_member(v, name), value)) return false;
    return json_view_is_object(v);
}

static bool items_agree(struct json_view v, const json_t *want)
{
    for (size_t i = 0; i < json_array_size(want); i++)
        if (!agrees(json_view_item(v, i), json_array_get(want, i)))
            return false;
    return json_view_is_array(v) && json_view_count(v) == json_array_size(want);
}

static bool agrees(struct json_view v, const json_t *want)
{
    size_t n;
    int64_t i;
    switch (json_typeof(want)) {
    case JSON_OBJECT: return members_agree(v, want);
    case JSON_ARRAY: return items_agree(v, want);
    case JSON_STRING: {
        const char *s = json_view_string(v, &n);
        return s && n == json_string_length(want) && memcmp(s, json_string_value(want), n) == 0;
    }
    case JSON_INTEGER: return json_view_integer(v, &i) && i == json_integer_value(want);
    case JSON_REAL:
    case JSON_TRUE:
    case JSON_FALSE:
    case JSON_NULL:
        return json_view_exists(v) && !json_view_string(v, NULL) && !json_view_integer(v, &i);
    }
    return false;
}

static void compare(const char *json, size_t n, int *taken)
{
    struct json_view root;
    struct json_text *t = json_text_open(json, n, &root);
    json_t *want = json_loadb(json, n, JSON_REJECT_DUPLICATES, NULL);
    bool wanted = want && json_is_object(want);
    cr_assert_eq(t != NULL, wanted, "%.*s", (int)n, json);
    cr_assert(!wanted || agrees(root, want), "%.*s", (int)n, json);
    *taken += wanted;
    json_decref(want);
    json_text_close(t);
}

Test(json_view, it_reads_what_jansson_reads)
{
    static const char seed[randombytes_SEEDBYTES] = "json";
    static const char text[] =
        "{\"id\":\"\\u00e9\xe4\xbd\xa0\",\"amount\":{\"total\":990,\"currency\":\"CNY\"},\"r\":-1."
        "5e2,"
        "\"list\":[true,false,null,\"\\ud83d\\ude00\\\\\\/\\b\",{\"a\":1,\"b\":[]}],\"a\":\"\"}";
    static const char pieces[] = "\"\\{}[]:,0123456789-+.eEutrn a\n\x80\xe4\xc2";
    enum { TIMES = 200000, CHANGES = 3 };
    static unsigned char drawn[TIMES][1 + 2 * CHANGES];
    int taken = 0;
    randombytes_buf_deterministic(drawn, sizeof drawn, (const unsigned char *)seed);
    for (int k = 0; k < TIMES; k++) {
        char json[sizeof text];
        memcpy(json, text, sizeof text);
        for (int c = 0; c <= drawn[k][0] % CHANGES; c++)
            json[drawn[k][1 + 2 * c] % (sizeof text - 1)] =
                pieces[drawn[k][2 + 2 * c] % (sizeof pieces - 1)];
        compare(json, sizeof text - 1, &taken);
    }
    cr_assert(taken > TIMES / 20 && taken < TIMES / 2, "%d of %d taken", taken, TIMES);
}
