/* SPDX-License-Identifier: MIT */
/* Bodies that are not JSON, or JSON that is not what the route takes. */
#include "bad_request.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "picture.h"
#include "shape.h"
#include "stack.h"

/* ---- what is not JSON ---- */

static const struct {
    const char *text;
    size_t size; /* 0: strlen */
} not_json[] = {
    {"{", 0},
    {"}", 0},
    {"{\"a\"", 0},
    {"{\"a\": \"PLANTEDmark", 0},
    {"{\"a\": 1,}", 0},
    {"{'a': 1}", 0},
    {"{a: 1}", 0},
    {"{\"a\": 01}", 0},
    {"{\"a\": NaN}", 0},
    {"{\"a\": Infinity}", 0},
    {"{\"a\": 1e99999}", 0},
    {"{\"a\": -}", 0},
    {"{\"a\": 1} PLANTEDmark", 0},
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
    return bad_refuse_json(route, (struct bytes){nested, DEEP}, 400, "malformed-json", NULL,
                           "nested 3900 deep");
}

static bool wrong_json(const struct bad_route *route)
{
    for (size_t i = 0; i < sizeof not_json / sizeof *not_json; i++) {
        size_t n = not_json[i].size ? not_json[i].size : strlen(not_json[i].text);
        if (!bad_refuse_json(route, (struct bytes){not_json[i].text, n}, 400, "malformed-json",
                             NULL, not_json[i].text))
            return false;
    }
    return deeply_nested(route);
}

bool json_malformed(void)
{
    return bad_each_route(bad_takes_json, wrong_json);
}

static bool cut_off(const struct bad_route *route)
{
    char *body = bad_body(route);
    size_t n = strlen(body);
    bool good = true;
    for (size_t size = 1; good && size < n; size += 1 + n / 12)
        good = bad_refuse_json(route, (struct bytes){body, size}, 400, "malformed-json", NULL,
                               "a good body cut off");
    free(body);
    return good;
}

bool json_cut_off(void)
{
    return bad_each_route(bad_takes_json, cut_off);
}

static bool not_an_object(const struct bad_route *route)
{
    static const char *const roots[] = {"null", "true", "1",  "\"PLANTEDmark\"",
                                        "[]",   "[{}]", "1.5"};
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++)
        if (!bad_refuse_json(route, (struct bytes){roots[i], strlen(roots[i])}, 422,
                             "invalid-members", "", roots[i]))
            return false;
    return true;
}

bool json_roots(void)
{
    return bad_each_route(bad_takes_json, not_an_object);
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
        char *below = text_print("%s/%s", pointer, name);
        good = good && check(route, root, object, name, below);
        json_t *member = json_object_get(object, name);
        if (good && json_is_object(member))
            good = walk(route, root, member, below, check);
        json_array_foreach(member, i, item)
        {
            char *at = text_print("%s/%zu", below, i);
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
    char *body = bad_body(route);
    json_t *root = json_loads(body, 0, NULL);
    bool good = root ? walk(route, root, root, "", check) : complain("not JSON: %s", body);
    json_decref(root);
    free(body);
    return good;
}

/* The member replaced, sent, and put back. Takes the reference. */
static bool refuse_replaced(const struct bad_route *route, json_t *root, json_t *parent,
                            const char *name, const char *pointer, json_t *value, const char *what)
{
    json_t *old = json_incref(json_object_get(parent, name));
    json_object_set_new(parent, name, value);
    bool good = bad_refuse_root(route, root, pointer, what);
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
    static const char *const values[] = {"null", "true", "false",
                                         "1",    "-1.5", "\"PLANTEDmark\"",
                                         "\"\"", "[]",   "[\"PLANTEDmark\"]",
                                         "[[]]", "{}",   "{\"PLANTEDmark\": 1}"};
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

bool json_types(void)
{
    return bad_each_route(bad_takes_json, wrong_member_types);
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
    bool good = bad_refuse_root(route, root, pointer, "left out");
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
    char *body = bad_body(route);
    const char *name;
    json_t *value, *root = json_loads(body, 0, NULL);
    bool good = true;
    json_object_foreach(root, name, value)
    {
        char *pointer = text_print("/%s", name);
        if (!is_optional(route, name))
            good = good &&
                   bad_refuse_json(route, (struct bytes){"{}", 2}, 422, "invalid-members", pointer,
                                   "{}") &&
                   bad_refuse_json(route, (struct bytes){"", 0}, 422, "invalid-members", pointer,
                                   "an empty body");
        free(pointer);
    }
    json_decref(root);
    free(body);
    return good;
}

bool json_missing(void)
{
    return bad_each_route(bad_takes_json, without_members) &&
           bad_each_route(bad_takes_json, empty_names_all);
}

static bool one_more(const struct bad_route *route, json_t *root, json_t *parent, const char *name,
                     const char *pointer)
{
    (void)name;
    (void)pointer;
    json_object_set_new(parent, "price_fen_", json_integer(1));
    bool good = bad_refuse_root(route, root, "", "a member more");
    json_object_del(parent, "price_fen_");
    return good;
}

static bool unknown_members(const struct bad_route *route)
{
    static const char *const extra[] = {
        "{\"surplus\": \"PLANTEDmark\"}",
        "{\"__proto__\": {}}",
        "{\"\": 1}",
        "{\"a/b~c\": 1}",
    };
    static const char *const pointers[] = {"/surplus", "/__proto__", "/", "/a~1b~0c"};
    for (size_t i = 0; i < sizeof extra / sizeof *extra; i++)
        if (!bad_refuse_json(route, (struct bytes){extra[i], strlen(extra[i])}, 422,
                             "invalid-members", pointers[i], extra[i]))
            return false;
    return walk_route(route, one_more);
}

bool json_surplus(void)
{
    return bad_each_route(bad_takes_json, unknown_members);
}

static bool bad_texts(const struct bad_route *route, json_t *root, json_t *parent, const char *name,
                      const char *pointer)
{
    static char long_text[300];
    static const char *const texts[] = {"",         "\x01", "a\nb",   "\x7fPLANTEDmark",
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

bool json_texts(void)
{
    return bad_each_route(bad_takes_json, wrong_texts);
}

static bool bad_numbers(const struct bad_route *route, json_t *root, json_t *parent,
                        const char *name, const char *pointer)
{
    static const char *const numbers[] = {
        "0",   "-1",  "101", "501", "2147483648", "9223372036854775807", "-9223372036854775808",
        "1.5", "1.0", "1e2"};
    static const char batches_too[] = "101"; /* of orders, of which a batch takes up to 500 */
    if (!json_is_integer(json_object_get(parent, name)))
        return true;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (strcmp(name, "limit") == 0 && strcmp(numbers[i], batches_too) == 0)
            continue;
        if (!refuse_replaced(route, root, parent, name, pointer,
                             json_loads(numbers[i], JSON_DECODE_ANY, NULL), numbers[i]))
            return false;
    }
    return true;
}

static bool wrong_numbers(const struct bad_route *route)
{
    return walk_route(route, bad_numbers);
}

/* jansson here cannot hold it, so it is written into the text. */
static bool huge_numbers(const struct bad_route *route)
{
    char *body = bad_body(route), *at = strstr(body, "\"quantity\": 1");
    bool good = true;
    if (at) {
        char *huge = text_print("%.*s\"quantity\": 99999999999999999999%s", (int)(at - body), body,
                                at + strlen("\"quantity\": 1"));
        good = bad_refuse_json(route, (struct bytes){huge, strlen(huge)}, 422, "invalid-members",
                               "/items/0/quantity", "a number over 64 bits");
        free(huge);
    }
    free(body);
    return good;
}

bool json_numbers(void)
{
    return bad_each_route(bad_takes_json, wrong_numbers) &&
           bad_each_route(bad_takes_json, huge_numbers);
}
