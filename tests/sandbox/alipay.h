/* SPDX-License-Identifier: MIT */
/* What the parts of Alipay's side share: refusals, a call, and the calls about trades and refunds.
 */
#ifndef SANDBOX_ALIPAY_H
#define SANDBOX_ALIPAY_H

#include "encoding.h"
#include "sandbox.h"
#include "terms.h"

struct alipay_refusal {
    const char *code, *msg, *sub_code, *sub_msg;
    bool nameless; /* answered as error_response without a signature */
};

/* Returns false. */
bool alipay_refuse(struct alipay_refusal *r, const char *code, const char *sub_code,
                   const char *sub_msg);

struct alipay_call {
    struct sandbox *s;
    struct pool *pool;
    const struct pairs *pairs;
    const json_t *biz;
    const struct alipay_method *method;
};

struct alipay_method {
    const char *name, *product_code;
    const char *trade_method; /* what the trade remembers */
    const struct member *members;
    bool page; /* answered to a browser, in HTML */
    json_t *(*run)(struct alipay_call *call, struct alipay_refusal *r);
};

/* A public parameter; NULL when it is missing or empty. */
const char *alipay_filled(const struct pairs *p, const char *name);
const char *alipay_biz_text(const struct alipay_call *call, const char *name);
/* By trade_no, or else out_trade_no; a hidden trade is not there. false: refused. */
bool alipay_find_trade(struct alipay_call *call, struct trade *t, struct alipay_refusal *r);
/* {code, msg} of a call that succeeded; a new reference. */
json_t *alipay_success(void);
bool alipay_is_number(const char *t);
bool alipay_is_amount(const char *t);

/* alipay.trade.{page,wap,app}.pay, .precreate, .query and .close: the node's members, NULL:
 * refused. */
extern const struct member alipay_client_members[], alipay_precreate_members[],
    alipay_name_members[];
json_t *alipay_open_cashier(struct alipay_call *call, struct alipay_refusal *r);
json_t *alipay_precreate(struct alipay_call *call, struct alipay_refusal *r);
json_t *alipay_query(struct alipay_call *call, struct alipay_refusal *r);
json_t *alipay_close(struct alipay_call *call, struct alipay_refusal *r);

/* alipay.trade.refund and alipay.trade.fastpay.refund.query: the node's members, NULL: refused. */
extern const struct member alipay_refund_members[], alipay_refund_query_members[];
json_t *alipay_refund(struct alipay_call *call, struct alipay_refusal *r);
json_t *alipay_refund_query(struct alipay_call *call, struct alipay_refusal *r);

/* alipay.data.dataservice.bill.downloadurl.query: the same. */
extern const struct member alipay_bill_members[];
json_t *alipay_order_bill(struct alipay_call *call, struct alipay_refusal *r);

#endif
