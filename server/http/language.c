/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "http/transport.h"

enum { UNNAMED = -1, FULL = 1000 };

/* "0.8" in thousandths; UNNAMED for what is no weight. */
static int weight_of(const char *s, size_t n)
{
    if (n == 0 || n > 5 || (s[0] != '0' && s[0] != '1') || (n > 1 && s[1] != '.'))
        return UNNAMED;
    int q = (s[0] - '0') * FULL;
    int scale = 100;
    for (size_t i = 2; i < n; i++, scale /= 10) {
        if (!isdigit((unsigned char)s[i]))
            return UNNAMED;
        q += (s[i] - '0') * scale;
    }
    return q <= FULL ? q : UNNAMED;
}

static bool is_tag(const char *range, size_t n, const char *tag)
{
    size_t want = strlen(tag);
    return n >= want && strncasecmp(range, tag, want) == 0 && (n == want || range[want] == '-');
}

struct choice {
    int zh, en, other; /* weights */
    bool en_first;     /* it was named before any zh */
};

static void weigh_range(struct choice *c, const char *item, size_t n)
{
    size_t range = strcspn(item, ",; \t");
    int q = FULL;
    const char *semicolon = memchr(item, ';', n);
    if (semicolon) {
        const char *p = semicolon + 1;
        p += strspn(p, " \t");
        if (strncasecmp(p, "q=", 2) != 0)
            return;
        q = weight_of(p + 2, strcspn(p + 2, ", \t;"));
    }
    if (is_tag(item, range, "zh") && q > c->zh)
        c->zh = q;
    if (is_tag(item, range, "en") && q > c->en) {
        c->en_first = c->zh == UNNAMED;
        c->en = q;
    }
    if (range == 1 && *item == '*')
        c->other = q;
}

enum language language_of(const char *accept)
{
    struct choice c = {UNNAMED, UNNAMED, UNNAMED, false};
    for (const char *p = accept ? accept : ""; *p;) {
        p += strspn(p, ", \t");
        size_t n = strcspn(p, ",");
        if (n)
            weigh_range(&c, p, n);
        p += n;
    }
    int zh = c.zh != UNNAMED ? c.zh : c.other;
    int en = c.en != UNNAMED ? c.en : c.other;
    bool named_first = c.en_first && c.en != UNNAMED;
    return en > 0 && (en > zh || (en == zh && named_first)) ? LANGUAGE_EN : LANGUAGE_ZH;
}
