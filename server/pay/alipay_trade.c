/* SPDX-License-Identifier: MIT */
#include "pay/alipay_trade.h"

#include <string.h>

#include "base/clock.h"

enum { IDENTIFIER_MAX = 128 };

static bool is_present(const char *text)
{
    return text && text[0];
}

static bool is_identifier(const char *text)
{
    size_t n = 0;
    for (; text[n]; n++)
        if (text[n] <= ' ' || text[n] > '~' || n == IDENTIFIER_MAX)
            return false;
    return n > 0;
}

/* "0.00" comes with ordinary payments too. What is no amount counts as a refund: not delivering is
 * the smaller mistake. */
static bool was_refunded(const struct alipay_trade_fields *f)
{
    int64_t fen = 0;
    if (is_present(f->gmt_refund))
        return true;
    return is_present(f->refund_fee) && (yuan_parse(f->refund_fee, &fen) != OK || fen != 0);
}

static bool read_state(const struct alipay_trade_fields *f, enum trade_state *state)
{
    const char *status = f->trade_status ? f->trade_status : "";
    if (strcmp(status, "WAIT_BUYER_PAY") == 0)
        *state = TRADE_PENDING;
    else if (strcmp(status, "TRADE_SUCCESS") == 0 || strcmp(status, "TRADE_FINISHED") == 0)
        *state = was_refunded(f) ? TRADE_REFUNDED : TRADE_PAID;
    else if (strcmp(status, "TRADE_CLOSED") == 0)
        /* Closed after it was paid can only be a full refund. */
        *state = was_refunded(f) || is_present(f->paid_at) ? TRADE_REFUNDED : TRADE_CLOSED;
    else
        return false;
    return true;
}

/* "" becomes NULL. False for anything that is no identifier. */
static bool read_identifier(const char *text, const char **out)
{
    *out = is_present(text) ? text : NULL;
    return !*out || is_identifier(*out);
}

static bool read_identifiers(const struct alipay_trade_fields *f, struct trade *t)
{
    return read_identifier(f->out_trade_no, &t->out_trade_no) &&
           read_identifier(f->trade_no, &t->transaction_id) &&
           read_identifier(f->seller_id, &t->merchant) && read_identifier(f->app_id, &t->appid) &&
           read_identifier(f->buyer_id, &t->buyer_id) &&
           read_identifier(f->buyer_open_id, &t->buyer_open_id);
}

enum notify_refusal alipay_trade_read(const struct alipay_trade_fields *fields, struct trade *trade)
{
    struct trade t = {.channel = CHANNEL_ALIPAY, .amount_fen = -1, .currency = "CNY"};
    if (!read_state(fields, &t.state))
        return NOTIFY_UNKNOWN;
    if (!read_identifiers(fields, &t) || !t.out_trade_no)
        return NOTIFY_FORMAT;
    if ((t.state == TRADE_PAID || t.state == TRADE_REFUNDED) && !t.transaction_id)
        return NOTIFY_FORMAT;
    if (!is_present(fields->total_amount) || yuan_parse(fields->total_amount, &t.amount_fen) != OK)
        t.amount_fen = -1;
    if (!is_present(fields->paid_at) || time_parse_cn_plain(fields->paid_at, &t.success_us) != OK)
        t.success_us = 0;
    *trade = t;
    return NOTIFY_ACCEPTED;
}
