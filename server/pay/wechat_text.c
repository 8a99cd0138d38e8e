/* SPDX-License-Identifier: MIT */
/* Texts that go into requests. */
#include <string.h>

#include "pay/wechat_parts.h"

/* Length of the UTF-8 sequence that begins with this byte. The text was checked before. */
static size_t sequence_bytes(unsigned char first)
{
    return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* C0, DEL and C1 (U+0080 to U+009F is C2 80 to C2 9F). */
static bool is_control(const unsigned char *p)
{
    return p[0] < 0x20 || p[0] == 0x7f || (p[0] == 0xc2 && p[1] < 0xa0);
}

static bool is_utf8(const char *text)
{
    json_t *string = json_string(text); /* NULL unless valid UTF-8 */
    json_decref(string);
    return string != NULL;
}

const char *wechat_clean_text(const char *text, size_t max, struct arena *a)
{
    if (!text || !is_utf8(text))
        return NULL;
    char *out = arena_alloc(a, strlen(text) + 1), *to = out;
    size_t characters = 0;
    const unsigned char *p = (const unsigned char *)text;
    while (*p && characters < max) {
        size_t n = sequence_bytes(*p);
        if (n < 4 && !is_control(p)) {
            memcpy(to, p, n);
            to += n;
            characters++;
        }
        p += n;
    }
    return out[0] ? out : NULL;
}

bool wechat_is_line(const char *text, size_t max)
{
    size_t n = 0;
    for (; text && text[n]; n++)
        if ((unsigned char)text[n] < 0x21 || (unsigned char)text[n] > 0x7e)
            return false;
    return n >= 1 && n <= max;
}

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool wechat_is_notify_url(const char *url, size_t max)
{
    if (!wechat_is_line(url, max) || strpbrk(url, "?#"))
        return false;
    return starts_with(url, "https://") || starts_with(url, "http://127.0.0.1:") ||
           starts_with(url, "http://[::1]:") || starts_with(url, "http://localhost:");
}

char *wechat_percent_encoded(const char *text, struct arena *a)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    static const char hex[] = "0123456789ABCDEF";
    char *out = arena_alloc(a, 3 * strlen(text) + 1), *to = out;
    for (const char *p = text; *p; p++) {
        if (strchr(plain, *p)) {
            *to++ = *p;
            continue;
        }
        *to++ = '%';
        *to++ = hex[(unsigned char)*p >> 4];
        *to++ = hex[(unsigned char)*p & 15];
    }
    return out;
}
