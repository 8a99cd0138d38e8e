/* SPDX-License-Identifier: MIT */
/*
 * Alipay's words about a trade, from a notify or a query, as a struct trade.
 * Section 5.4. Inside server/pay only. Any thread.
 */
#ifndef IDPHOTOD_PAY_ALIPAY_TRADE_H
#define IDPHOTOD_PAY_ALIPAY_TRADE_H

#include "base/json_view.h"
#include "pay/trade.h"

/* A text member, until its text is closed; "" where there is none. */
const char *alipay_text(struct json_view object, const char *name);

/* Texts as received; NULL or "" where absent. */
struct alipay_trade_fields {
    const char *trade_status, *out_trade_no, *trade_no;
    const char *app_id, *seller_id, *buyer_id, *buyer_open_id;
    const char *total_amount;            /* yuan */
    const char *paid_at;                 /* "yyyy-MM-dd HH:mm:ss", Asia/Shanghai */
    const char *refund_fee, *gmt_refund; /* yuan, cumulative; time */
};

/* Borrows the texts. FORMAT when out_trade_no is missing, when a paid or refunded trade has no
 * trade_no, or when an identifier is not 1 to 128 visible ASCII characters; UNKNOWN for a
 * trade_status not described. An amount that is none becomes -1, a time that is none 0: the money
 * may be real, so the judgement is left to payment_settle. */
enum notify_refusal alipay_trade_read(const struct alipay_trade_fields *fields,
                                      struct trade *trade);

#endif
