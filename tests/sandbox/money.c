/* SPDX-License-Identifier: MIT */
/* Amounts in yuan and addresses of callbacks, as both providers want them. */
#include "encoding.h"
#include "sandbox.h"

#include <stdlib.h>
#include <string.h>

char *yuan_text(struct pool *pool, int64_t fen)
{
    return pool_print(pool, "%lld.%02lld", (long long)(fen / 100), (long long)(fen % 100));
}

bool yuan_read(const char *text, int64_t *fen)
{
    size_t whole = strspn(text, DIGITS);
    if (whole == 0 || whole > 9 || (whole > 1 && text[0] == '0'))
        return false;
    const char *rest = text + whole;
    size_t decimals = *rest == '.' ? strspn(rest + 1, DIGITS) : 0;
    if (*rest && (*rest != '.' || decimals == 0 || decimals > 2 || rest[1 + decimals]))
        return false;
    int64_t cents = decimals ? strtoll(rest + 1, NULL, 10) : 0;
    *fen = strtoll(text, NULL, 10) * 100 + (decimals == 1 ? 10 * cents : cents);
    return true;
}

/* The host part of "scheme://host[:port]/..." starts here; NULL for other schemes. */
static const char *url_host(const char *url)
{
    if (strncmp(url, "https://", 8) == 0)
        return url + 8;
    return strncmp(url, "http://", 7) == 0 ? url + 7 : NULL;
}

bool url_is_loopback(const char *url)
{
    const char *host = url_host(url);
    if (!host)
        return false;
    size_t n = strcspn(host, "/");
    if (memchr(host, '@', n))
        return false;
    if (strncmp(host, "[::1]", 5) == 0)
        return n == 5 || host[5] == ':';
    if (strncmp(host, "localhost", 9) == 0)
        return n == 9 || host[9] == ':';
    size_t address = strspn(host, DIGITS ".");
    return strncmp(host, "127.", 4) == 0 && (address == n || host[address] == ':');
}

bool notify_url_is_valid(const char *url)
{
    const char *host = url_host(url);
    if (!host || strlen(url) > 255 || !strchr(ALPHANUMERIC "[", *host))
        return false;
    for (const char *p = url; *p; p++)
        if (*p <= ' ' || *p > '~' || strchr("?#@\"<>\\^`{|}", *p))
            return false;
    return strncmp(url, "https://", 8) == 0 || url_is_loopback(url);
}
