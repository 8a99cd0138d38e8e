/* SPDX-License-Identifier: MIT */
#include "pay/alipay_form.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

static int hex_digit(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* One encoded character at p, before end. Returns how many bytes it took; 0 when malformed. */
static size_t decode_one(const unsigned char *p, const unsigned char *end, char *c)
{
    if (*p != '%') {
        *c = *p == '+' ? ' ' : (char)*p;
        return 1;
    }
    if (end - p < 3)
        return 0;
    int high = hex_digit(p[1]), low = hex_digit(p[2]);
    if (high < 0 || low < 0)
        return 0;
    *c = (char)(high << 4 | low);
    return 3;
}

static enum status decode(const unsigned char *p, const unsigned char *end, struct arena *a,
                          const char **out)
{
    char *text = arena_alloc(a, (size_t)(end - p) + 1), *c = text;
    while (p < end) {
        size_t taken = decode_one(p, end, c);
        if (taken == 0 || *c == '\0')
            return INVALID;
        p += taken;
        c++;
    }
    *c = '\0';
    *out = text;
    return OK;
}

static enum status decode_pair(const unsigned char *p, const unsigned char *end, struct arena *a,
                               struct alipay_param *out)
{
    const unsigned char *equals = memchr(p, '=', (size_t)(end - p));
    if (!equals || decode(p, equals, a, &out->name) != OK ||
        decode(equals + 1, end, a, &out->value) != OK)
        return INVALID;
    /* Such a name could stand for a pair of its own in the signed text. */
    return out->name[0] && !strpbrk(out->name, "&=") ? OK : INVALID;
}

static enum status decode_pairs(const unsigned char *p, const unsigned char *end, struct arena *a,
                                struct alipay_params *params)
{
    for (;;) {
        const unsigned char *amp = memchr(p, '&', (size_t)(end - p));
        if (params->n == ALIPAY_PARAMS_MAX)
            return TOO_LARGE;
        if (decode_pair(p, amp ? amp : end, a, &params->at[params->n]) != OK)
            return INVALID;
        params->n++;
        if (!amp)
            return OK;
        p = amp + 1;
    }
}

static bool has_duplicates(const struct alipay_params *sorted)
{
    for (size_t i = 1; i < sorted->n; i++)
        if (strcmp(sorted->at[i - 1].name, sorted->at[i].name) == 0)
            return true;
    return false;
}

enum status alipay_form_decode(const void *body, size_t n, struct arena *a,
                               struct alipay_params *out)
{
    struct alipay_params params = {0};
    if (n == 0)
        return INVALID;
    if (n > ALIPAY_FORM_MAX_BYTES)
        return TOO_LARGE;
    params.at = arena_alloc(a, ALIPAY_PARAMS_MAX * sizeof *params.at);
    enum status status = decode_pairs(body, (const unsigned char *)body + n, a, &params);
    if (status != OK)
        return status;
    alipay_params_sort(&params);
    if (has_duplicates(&params))
        return INVALID;
    *out = params;
    return OK;
}

/* strcmp compares as unsigned char: the order of bytes, whatever the locale. */
static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct alipay_param *)a)->name, ((const struct alipay_param *)b)->name);
}

void alipay_params_sort(struct alipay_params *params)
{
    qsort(params->at, params->n, sizeof *params->at, by_name);
}

const char *alipay_param_get(const struct alipay_params *params, const char *name)
{
    const struct alipay_param key = {.name = name};
    const struct alipay_param *found =
        bsearch(&key, params->at, params->n, sizeof *params->at, by_name);
    return found ? found->value : NULL;
}

static bool is_among(const char *name, const char *const *names)
{
    for (; names && *names; names++)
        if (strcmp(name, *names) == 0)
            return true;
    return false;
}

const char *alipay_params_join(const struct alipay_params *sorted, enum alipay_empty empty,
                               const char *const *except, struct arena *a)
{
    struct buf text = {0};
    for (size_t i = 0; i < sorted->n; i++) {
        const struct alipay_param *p = &sorted->at[i];
        if ((empty == ALIPAY_EMPTY_DROPPED && !p->value[0]) || is_among(p->name, except))
            continue;
        if (text.size)
            buf_add_str(&text, "&");
        buf_add_str(&text, p->name);
        buf_add_str(&text, "=");
        buf_add_str(&text, p->value);
    }
    const char *joined = arena_copy(a, text.bytes, text.size);
    buf_free(&text);
    return joined;
}

static bool is_unreserved(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

const char *alipay_escape(const char *text, struct arena *a)
{
    static const char hex[] = "0123456789ABCDEF";
    char *out = arena_alloc(a, 3 * strlen(text) + 1), *to = out;
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (is_unreserved(*p)) {
            *to++ = (char)*p;
            continue;
        }
        *to++ = '%';
        *to++ = hex[*p >> 4];
        *to++ = hex[*p & 15];
    }
    *to = '\0';
    return out;
}

const char *alipay_params_encode(const struct alipay_params *params, struct arena *a)
{
    struct buf text = {0};
    for (size_t i = 0; i < params->n; i++) {
        if (!params->at[i].value[0])
            continue;
        buf_printf(&text, "%s%s=%s", text.size ? "&" : "", params->at[i].name,
                   alipay_escape(params->at[i].value, a));
    }
    const char *encoded = arena_copy(a, text.bytes, text.size);
    buf_free(&text);
    return encoded;
}
