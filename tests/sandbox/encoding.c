/* SPDX-License-Identifier: MIT */
#include "encoding.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

char *base64_encode(struct pool *pool, const void *bytes, size_t n)
{
    char *text = pool_alloc(pool, 4 * ((n + 2) / 3) + 1);
    EVP_EncodeBlock((unsigned char *)text, bytes, (int)n);
    return text;
}

static bool is_base64(const char *text, size_t n)
{
    size_t body = strspn(text, ALPHANUMERIC "+/");
    size_t padding = strspn(text + body, "=");
    return n % 4 == 0 && padding <= 2 && body + padding == n;
}

bool base64_decode(struct pool *pool, const char *text, unsigned char **bytes, size_t *n)
{
    size_t length = strlen(text);
    if (length == 0 || !is_base64(text, length))
        return false;
    unsigned char *decoded = pool_alloc(pool, length);
    int got = EVP_DecodeBlock(decoded, (const unsigned char *)text, (int)length);
    if (got < 0)
        return false;
    size_t padding = (size_t)(text[length - 1] == '=') + (size_t)(text[length - 2] == '=');
    *bytes = decoded;
    *n = (size_t)got - padding;
    return true;
}

static char *write_hex(struct pool *pool, const char *digits, const unsigned char *bytes, size_t n)
{
    char *hex = pool_alloc(pool, 2 * n + 1);
    for (size_t i = 0; i < n; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    hex[2 * n] = '\0';
    return hex;
}

char *hex_upper(struct pool *pool, const unsigned char *bytes, size_t n)
{
    return write_hex(pool, "0123456789ABCDEF", bytes, n);
}

char *hex_lower(struct pool *pool, const unsigned char *bytes, size_t n)
{
    return write_hex(pool, "0123456789abcdef", bytes, n);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

bool percent_decode(struct pool *pool, const char *text, size_t n, bool plus, char **decoded)
{
    char *out = pool_alloc(pool, n + 1);
    size_t size = 0;
    for (size_t i = 0; i < n; i++) {
        int c = (unsigned char)text[i];
        if (c == '%') {
            if (n - i < 3 || hex_value(text[i + 1]) < 0 || hex_value(text[i + 2]) < 0)
                return false;
            c = 16 * hex_value(text[i + 1]) + hex_value(text[i + 2]);
            i += 2;
        } else if (plus && c == '+') {
            c = ' ';
        }
        if (c == 0)
            return false;
        out[size++] = (char)c;
    }
    if (utf8_length(out) == SIZE_MAX)
        return false;
    *decoded = out;
    return true;
}

void percent_encode(struct text *out, const char *text)
{
    text_puts(out, "");
    for (; *text; text++) {
        if (strchr(ALPHANUMERIC "-._~", *text))
            text_add(out, text, 1);
        else if (*text == ' ')
            text_puts(out, "+");
        else
            text_print(out, "%%%02X", (unsigned char)*text);
    }
}

void pairs_add(struct pairs *pairs, const char *name, const char *value)
{
    if (pairs->n == PAIRS_MAX)
        abort();
    pairs->at[pairs->n++] = (struct pair){name, value};
}

const char *pairs_get(const struct pairs *pairs, const char *name)
{
    for (size_t i = 0; i < pairs->n; i++)
        if (strcmp(pairs->at[i].name, name) == 0)
            return pairs->at[i].value;
    return NULL;
}

static bool parse_pair(struct pool *pool, const char *member, size_t n, struct pairs *pairs)
{
    const char *equals = memchr(member, '=', n);
    if (!equals || equals == member || pairs->n == PAIRS_MAX)
        return false;
    size_t name_size = (size_t)(equals - member);
    char *name, *value;
    if (!percent_decode(pool, member, name_size, true, &name) ||
        !percent_decode(pool, equals + 1, n - name_size - 1, true, &value) ||
        pairs_get(pairs, name))
        return false;
    pairs_add(pairs, name, value);
    return true;
}

bool pairs_parse(struct pool *pool, const char *form, size_t n, struct pairs *pairs)
{
    while (n) {
        const char *end = memchr(form, '&', n);
        size_t size = end ? (size_t)(end - form) : n;
        if (!parse_pair(pool, form, size, pairs))
            return false;
        size_t step = size + (end ? 1 : 0);
        form += step;
        n -= step;
    }
    return true;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct pair *)a)->name, ((const struct pair *)b)->name);
}

char *pairs_sorted_text(struct pool *pool, const struct pairs *pairs, const char *also)
{
    struct pairs sorted = *pairs;
    qsort(sorted.at, sorted.n, sizeof sorted.at[0], compare_names);
    struct text t = {.pool = pool};
    text_puts(&t, "");
    for (size_t i = 0; i < sorted.n; i++) {
        const struct pair *p = &sorted.at[i];
        if (!*p->value || strcmp(p->name, "sign") == 0 || (also && strcmp(p->name, also) == 0))
            continue;
        text_print(&t, "%s%s=%s", t.size ? "&" : "", p->name, p->value);
    }
    return t.at;
}

char *pairs_form(struct pool *pool, const struct pairs *pairs)
{
    struct text t = {.pool = pool};
    for (size_t i = 0; i < pairs->n; i++) {
        text_puts(&t, i ? "&" : "");
        percent_encode(&t, pairs->at[i].name);
        text_puts(&t, "=");
        percent_encode(&t, pairs->at[i].value);
    }
    return t.at;
}

/* Bytes of the code point at s, 0 when it is not well-formed (RFC 3629). */
static size_t utf8_step(const unsigned char *s)
{
    if (s[0] < 0x80)
        return 1;
    size_t n = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
    if (s[0] < 0xC2 || s[0] > 0xF4)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    bool overlong = (s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xF0 && s[1] < 0x90);
    bool outside = (s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF4 && s[1] > 0x8F);
    return overlong || outside ? 0 : n;
}

size_t utf8_length(const char *text)
{
    size_t length = 0;
    for (const unsigned char *s = (const unsigned char *)text; *s; length++) {
        size_t step = utf8_step(s);
        if (!step)
            return SIZE_MAX;
        s += step;
    }
    return length;
}

bool utf8_beyond_ffff(const char *text)
{
    for (const unsigned char *s = (const unsigned char *)text; *s; s++)
        if (*s >= 0xF0)
            return true;
    return false;
}

bool text_is_made_of(const char *text, size_t min, size_t max, const char *allowed)
{
    size_t n = strlen(text);
    if (n < min || n > max)
        return false;
    for (; *text; text++)
        if (!strchr(ALPHANUMERIC, *text) && !strchr(allowed, *text))
            return false;
    return true;
}

char *random_text(struct pool *pool, const char *alphabet, size_t n)
{
    char *text = pool_alloc(pool, n + 1);
    unsigned letters = (unsigned)strlen(alphabet);
    for (size_t i = 0; i < n; i++) {
        uint32_t word;
        if (RAND_bytes((unsigned char *)&word, sizeof word) != 1)
            abort();
        text[i] = alphabet[word % letters];
    }
    return text;
}
