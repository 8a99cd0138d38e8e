/* SPDX-License-Identifier: MIT */
/*
 * The trades that the providers know, in memory. Any thread.
 *
 * A struct trade given out is a copy; its texts live as long as the store and
 * never change.
 */
#ifndef SANDBOX_TRADES_H
#define SANDBOX_TRADES_H

#include "pool.h"

#include <stdbool.h>
#include <stdint.h>

enum channel { CHANNEL_WECHAT, CHANNEL_ALIPAY, CHANNEL_ANY };
const char *channel_text(enum channel channel);

enum trade_state {
    TRADE_HIDDEN, /* Alipay, before somebody scanned the code: queries do not find it */
    TRADE_WAITING,
    TRADE_PAID,
    TRADE_CLOSED,
};
const char *trade_state_text(enum trade_state state); /* hidden, waiting, paid, closed */

struct payer {
    const char *openid;   /* WeChat */
    const char *buyer_id; /* Alipay: one of the two */
    const char *buyer_open_id;
};

struct trade {
    /* fixed when the order comes */
    enum channel channel;
    const char *method; /* native app jsapi h5, page app wap qr */
    const char *out_trade_no;
    const char *appid, *merchant; /* app_id, seller_id */
    const char *subject, *attach, *notify_url, *return_url, *client_ip;
    const char *order_openid; /* JSAPI: who alone may pay */
    int64_t amount_fen, created_s;
    int64_t expires_s;   /* 0: none */
    bool by_certificate; /* Alipay: ordered in certificate mode, and told of so */
    const json_t *terms; /* compared when the number comes again */
    /* moves on */
    enum trade_state state;
    const char *handle; /* the latest prepay_id, code_url, h5_url or qr_code */
    const char *transaction_id, *notice_id;
    int64_t paid_s, closed_s;
    struct payer payer;
    bool notified, acknowledged; /* the genuine callback was sent, was accepted */
    int64_t refunding_fen;       /* of all refunds taken and not closed */
    int64_t refunded_fen;        /* what went back */
};

struct trades;
struct trades *trades_new(void);
void trades_free(struct trades *all);

enum put { PUT_NEW, PUT_SAME, PUT_DIFFERENT, PUT_PAID, PUT_CLOSED };
/* Takes the order, or compares it with the one of that number. handle replaces the former when
 * NEW or SAME. *stored: the trade as it is then. */
enum put trades_put(struct trades *all, const struct trade *order, struct trade *stored);
/* CHANNEL_ANY looks at WeChat first. */
bool trades_find(struct trades *all, enum channel channel, const char *out_trade_no,
                 struct trade *found);
bool trades_find_transaction(struct trades *all, enum channel channel, const char *transaction_id,
                             struct trade *found);
/* HIDDEN becomes WAITING. */
bool trades_open(struct trades *all, enum channel channel, const char *out_trade_no);
/* WAITING or HIDDEN becomes PAID; false when it is neither. Members of payer that are NULL are
 * made up. */
bool trades_pay(struct trades *all, const struct trade *trade, const struct payer *payer,
                int64_t paid_s);
bool trades_close(struct trades *all, enum channel channel, const char *out_trade_no);
void trades_mark_notified(struct trades *all, const struct trade *trade, bool acknowledged);
/* Adds to refunding_fen and to refunded_fen. Returns refunded_fen after that; -1, and nothing is
 * changed, where the trade is not paid or refunding_fen would be more than amount_fen. */
int64_t trades_refund(struct trades *all, enum channel channel, const char *out_trade_no,
                      int64_t refunding_fen, int64_t refunded_fen);
/* All of them in the order they came; the array lies in the pool. */
struct trade *trades_list(struct trades *all, struct pool *pool, size_t *n);

#endif
