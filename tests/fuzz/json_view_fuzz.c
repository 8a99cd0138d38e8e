/* SPDX-License-Identifier: MIT */
/* JSON texts, of which json_view and jansson must say the same. */
#include <jansson.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "base/json_view.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static int deeper(int deepest, int depth)
{
    return depth > deepest ? depth : deepest;
}

static int depth_of(const json_t *v)
{
    int deepest = 0;
    const char *name;
    json_t *inner;
    size_t i;
    json_object_foreach((json_t *)v, name, inner) deepest = deeper(deepest, depth_of(inner));
    json_array_foreach(v, i, inner) deepest = deeper(deepest, depth_of(inner));
    return deepest + (json_is_object(v) || json_is_array(v));
}

static void compare_members(struct json_view root, const json_t *want)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)want, name, value)
    {
        struct json_view v = json_view_member(root, name);
        size_t n;
        int64_t i = 0;
        const char *text = json_view_string(v, &n);
        CHECK(json_view_exists(v));
        CHECK((text != NULL) == json_is_string(value) && n == json_string_length(value));
        CHECK(!text || memcmp(text, json_string_value(value), n) == 0);
        CHECK(json_view_integer(v, &i) == json_is_integer(value) && i == json_integer_value(value));
        CHECK(json_view_count(v) == json_array_size(value));
        CHECK(json_view_is_object(v) == json_is_object(value));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct json_view root;
    json_error_t error;
    struct json_text *t = json_text_open(bytes, size, &root);
    json_t *want = json_loadb((const char *)bytes, size, JSON_REJECT_DUPLICATES, &error);
    /* jansson has no number beyond int64_t, and overlooks a NUL behind a number; json_view has no
     * text of any depth */
    bool says =
        json_is_object(want) || (!want && json_error_code(&error) == json_error_numeric_overflow);
    bool may_differ = (size && memchr(bytes, 0, size)) || depth_of(want) > JSON_VIEW_DEPTH;
    CHECK(!t || says);
    CHECK(t || !json_is_object(want) || may_differ);
    if (t && want)
        compare_members(root, want);
    json_decref(want);
    json_text_close(t);
    return 0;
}
