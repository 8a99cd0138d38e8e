/* SPDX-License-Identifier: MIT */
#include "pay/trade.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

const char *trade_verdict_name(enum trade_verdict v)
{
    switch (v) {
    case TRADE_MARK_PAID: return "mark-paid";
    case TRADE_DUPLICATE: return "duplicate";
    case TRADE_EXTRA: return "extra-payment";
    case TRADE_IGNORE: return "ignore";
    case TRADE_NOT_PAYMENT: return "not-a-payment";
    case TRADE_NO_REGRESS: return "no-regress";
    case TRADE_WRONG_NUMBER: return "wrong-out-trade-no";
    case TRADE_WRONG_MERCHANT: return "wrong-merchant";
    case TRADE_WRONG_APPID: return "wrong-appid";
    case TRADE_WRONG_CURRENCY: return "wrong-currency";
    case TRADE_WRONG_AMOUNT: return "wrong-amount";
    }
    return "unknown";
}

/* A field that is missing on either side never matches. */
static bool same_text(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

static bool appid_allowed(const char *appid, const struct trade_expected *expected)
{
    for (size_t i = 0; i < expected->n_appids; i++)
        if (same_text(appid, expected->appids[i]))
            return true;
    return false;
}

static enum trade_verdict judge_success(const struct trade *trade,
                                        const struct trade_expected *expected)
{
    if (!same_text(trade->currency, expected->currency))
        return TRADE_WRONG_CURRENCY;
    if (trade->amount_fen != expected->amount_fen)
        return TRADE_WRONG_AMOUNT;
    if (!expected->paid)
        return TRADE_MARK_PAID;
    return same_text(trade->transaction_id, expected->transaction_id) ? TRADE_DUPLICATE
                                                                      : TRADE_EXTRA;
}

enum trade_verdict trade_judge(const struct trade *trade, const struct trade_expected *expected)
{
    if (!same_text(trade->out_trade_no, expected->out_trade_no))
        return TRADE_WRONG_NUMBER;
    if (!same_text(trade->merchant, expected->merchant))
        return TRADE_WRONG_MERCHANT;
    if (!appid_allowed(trade->appid, expected))
        return TRADE_WRONG_APPID;
    switch (trade->state) {
    case TRADE_PAID: return judge_success(trade, expected);
    case TRADE_PENDING: return expected->paid ? TRADE_NO_REGRESS : TRADE_IGNORE;
    case TRADE_CLOSED:
    case TRADE_REFUNDED: return expected->paid ? TRADE_NO_REGRESS : TRADE_NOT_PAYMENT;
    }
    return TRADE_NOT_PAYMENT;
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
