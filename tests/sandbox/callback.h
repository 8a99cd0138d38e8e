/* SPDX-License-Identifier: MIT */
/*
 * Callbacks: built and signed as the providers do, or wrong in one chosen way.
 * No sockets. Any thread.
 */
#ifndef SANDBOX_CALLBACK_H
#define SANDBOX_CALLBACK_H

#include "sandbox.h"

enum fault {
    FAULT_NONE,
    FAULT_AGAIN,           /* the same notification once more */
    FAULT_WRONG_SIGNATURE, /* a signature over other bytes */
    FAULT_PROBE,           /* WeChat: WECHATPAY/SIGNTEST/ */
    FAULT_WRONG_AMOUNT,    /* from here on truly signed */
    FAULT_WRONG_APPID,
    FAULT_WRONG_MCHID,      /* Alipay: seller_id */
    FAULT_WRONG_CURRENCY,   /* WeChat */
    FAULT_OLD_TIMESTAMP,    /* WeChat: ten minutes ago */
    FAULT_FUTURE_TIMESTAMP, /* WeChat: ten minutes ahead */
    FAULT_UNKNOWN_SERIAL,   /* WeChat */
    FAULT_WRONG_API_KEY,    /* WeChat: sealed under another APIv3 key */
    FAULT_GARBAGE_BODY,
    FAULT_DUPLICATE_KEY,
    FAULT_UNKNOWN_EVENT,
    FAULT_REFUND_NOTICE, /* amount_fen: what went back; less than all is a partial refund */
    FAULT_CLOSED,
    FAULT_GBK, /* Alipay: in another charset */
};
/* false: no such name. */
bool fault_parse(const char *name, enum fault *fault);
const char *fault_name(enum fault fault);
/* NONE and AGAIN: what the provider would truly send about a paid trade. */
bool fault_is_genuine(enum fault fault);

struct notice {
    struct trade trade;
    enum fault fault;
    int64_t amount_fen;          /* 0: one fen more (wrong-amount), all of it (refund-notice) */
    const char *transaction_id;  /* NULL: the trade's own */
    const struct signer *signer; /* NULL: whoever signs callbacks now */
    const struct refund *refund; /* what it is about; NULL: the payment */
};

enum { CALLBACK_HEADERS_MAX = 8 };
struct callback {
    const char *url;
    struct header headers[CALLBACK_HEADERS_MAX];
    size_t n_headers;
    const char *body;
    size_t body_size;
};

/* false: that provider's callbacks cannot be wrong in this way, or there is no notify_url. The
 * texts lie in the pool. */
bool callback_build(const struct sandbox *s, struct pool *pool, const struct notice *notice,
                    struct callback *callback);

#endif
