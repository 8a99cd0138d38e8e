/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "pay/wechat_parts.h"

json_t *wechat_load_object(const void *json, size_t n)
{
    json_t *object = json_loadb(json ? json : "", n, JSON_REJECT_DUPLICATES, NULL);
    if (object && !json_is_object(object)) {
        json_decref(object);
        return NULL;
    }
    return object;
}

const char *wechat_text(const json_t *object, const char *name, size_t max, struct arena *a)
{
    const json_t *value = json_object_get(object, name);
    size_t n = json_string_length(value);
    if (!json_is_string(value) || n < 1 || n > max)
        return NULL;
    return arena_copy(a, json_string_value(value), n);
}

const char *wechat_dump(json_t *object, struct arena *a, size_t *size)
{
    size_t n = json_dumpb(object, NULL, 0, JSON_COMPACT);
    CHECK_PEER(n > 0);
    char *text = arena_alloc(a, n + 1);
    CHECK(json_dumpb(object, text, n, JSON_COMPACT) == n);
    json_decref(object);
    if (size)
        *size = n;
    return text;
}

const char *wechat_error_code(const char *json, size_t n, struct arena *a)
{
    json_t *object = wechat_load_object(json, n);
    const char *code = wechat_text(object, "code", 64, a);
    char *squeezed = arena_strdup(a, "");
    if (code) {
        squeezed = arena_strdup(a, code);
        char *to = squeezed;
        for (const char *from = code; *from; from++)
            if (*from != '_')
                *to++ = *from;
        *to = '\0';
    }
    json_decref(object);
    return squeezed;
}
