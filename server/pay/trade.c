/* SPDX-License-Identifier: MIT */
#include "pay/trade.h"

#include <inttypes.h>
#include <stdio.h>

const char *channel_name(enum channel c)
{
    switch (c) {
    case CHANNEL_WECHAT: return "wechat";
    case CHANNEL_ALIPAY: return "alipay";
    }
    return "unknown";
}

const char *notify_refusal_name(enum notify_refusal r)
{
    switch (r) {
    case NOTIFY_ACCEPTED: return "accepted";
    case NOTIFY_HEADERS: return "headers";
    case NOTIFY_TYPE: return "signature-type";
    case NOTIFY_PROBE: return "probe";
    case NOTIFY_TIMESTAMP: return "timestamp";
    case NOTIFY_SERIAL: return "serial";
    case NOTIFY_SIGNATURE: return "signature";
    case NOTIFY_FORMAT: return "format";
    case NOTIFY_DECRYPT: return "decrypt";
    case NOTIFY_UNKNOWN: return "unknown-event";
    }
    return "unknown";
}

/* Reads digits from *at on; INVALID when there is none or the sum overflows. */
static enum status add_digits(const char **at, int64_t *sum)
{
    const char *p = *at;
    for (; *p >= '0' && *p <= '9'; p++)
        if (__builtin_mul_overflow(*sum, 10, sum) || __builtin_add_overflow(*sum, *p - '0', sum))
            return INVALID;
    if (p == *at)
        return INVALID;
    *at = p;
    return OK;
}

enum status yuan_parse(const char *text, int64_t *fen)
{
    int64_t sum = 0;
    size_t decimals = 0;
    const char *p = text;
    if (add_digits(&p, &sum) != OK)
        return INVALID;
    if (*p == '.') {
        const char *first = ++p;
        if (add_digits(&p, &sum) != OK)
            return INVALID;
        decimals = (size_t)(p - first);
    }
    if (*p != '\0' || decimals > 2)
        return INVALID;
    for (; decimals < 2; decimals++)
        if (__builtin_mul_overflow(sum, 10, &sum))
            return INVALID;
    *fen = sum;
    return OK;
}

char *yuan_format(int64_t fen, char out[YUAN_TEXT_BYTES])
{
    uint64_t size = fen < 0 ? -(uint64_t)fen : (uint64_t)fen;
    snprintf(out, YUAN_TEXT_BYTES, "%s%" PRIu64 ".%02" PRIu64, fen < 0 ? "-" : "", size / 100,
             size % 100);
    return out;
}
