/* SPDX-License-Identifier: MIT */
/*
 * What both providers tell us of a trade, in one shape.
 *
 * server/pay has no sockets and no SQL: it signs, verifies, opens and parses.
 * All texts are borrowed from the arena given to the call. Any thread.
 */
#ifndef IDPHOTOD_PAY_TRADE_H
#define IDPHOTOD_PAY_TRADE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/status.h"

enum channel { CHANNEL_WECHAT, CHANNEL_ALIPAY };
const char *channel_name(enum channel c); /* "wechat", "alipay" */

enum trade_state {
    TRADE_PAID,     /* money is ours: WeChat SUCCESS, Alipay TRADE_SUCCESS or TRADE_FINISHED */
    TRADE_PENDING,  /* NOTPAY, USERPAYING, WAIT_BUYER_PAY */
    TRADE_CLOSED,   /* closed unpaid */
    TRADE_REFUNDED, /* refunded in part or whole: never a reason to deliver */
};

/* A verified word of a provider about one trade. NULL where the provider left a field out. */
struct trade {
    enum channel channel;
    enum trade_state state;
    const char *out_trade_no;
    const char *transaction_id; /* WeChat transaction_id, Alipay trade_no; unless pending */
    const char *merchant;       /* WeChat mchid, Alipay seller_id */
    const char *appid;          /* WeChat appid, Alipay app_id */
    int64_t amount_fen;         /* the order's total as the payer saw it; -1 when absent */
    const char *currency;       /* "CNY" where the provider has no other */
    int64_t success_us;         /* the provider's success time; 0 when absent */
    const char *openid;         /* WeChat payer.openid */
    const char *buyer_id;       /* Alipay */
    const char *buyer_open_id;  /* Alipay, applications in openid mode */
};

/* Why a callback was refused, in the order of the checks; stable names for logs and metrics. */
enum notify_refusal {
    NOTIFY_ACCEPTED = 0,
    NOTIFY_HEADERS,   /* a signature header is missing, doubled or malformed */
    NOTIFY_TYPE,      /* signature type or sign_type other than RSA2/SHA256 */
    NOTIFY_PROBE,     /* WECHATPAY/SIGNTEST/: the provider tests us; not an attack */
    NOTIFY_TIMESTAMP, /* outside 300 s */
    NOTIFY_SERIAL,    /* no key of that name */
    NOTIFY_SIGNATURE, /* does not verify */
    NOTIFY_FORMAT,    /* verified, but not the JSON or form it should be */
    NOTIFY_DECRYPT,   /* resource does not open */
    NOTIFY_UNKNOWN,   /* verified, of a kind not expected here */
};
const char *notify_refusal_name(enum notify_refusal r);

/* "9.90", "990", "0.01" to fen, by digits alone; INVALID for signs, exponents, more than two
 * decimals, white space, overflow. */
enum status yuan_parse(const char *text, int64_t *fen) MUST_USE;
/* 990 to "9.90". Returns out. */
enum { YUAN_TEXT_BYTES = 24 };
char *yuan_format(int64_t fen, char out[YUAN_TEXT_BYTES]);

#endif
