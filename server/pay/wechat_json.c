/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "pay/wechat_parts.h"

const char *wechat_text(struct json_view object, const char *name, size_t max, struct arena *a)
{
    size_t n;
    const char *text = json_view_string(json_view_member(object, name), &n);
    return text && n >= 1 && n <= max ? arena_copy(a, text, n) : NULL;
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
    struct json_view object;
    struct json_text *text = json_text_open(json, n, &object);
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
    json_text_close(text);
    return squeezed;
}
