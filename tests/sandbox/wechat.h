/* SPDX-License-Identifier: MIT */
/*
 * What the parts of WeChat Pay's side share: refusals, the transaction document
 * and the calls about orders and refunds.
 */
#ifndef SANDBOX_WECHAT_H
#define SANDBOX_WECHAT_H

#include "refunds.h"
#include "sandbox.h"
#include "terms.h"

/* Why a call is refused; all zero but fault while it is not. Texts are literals or lie in the
 * request's pool.
 */
struct wechat_refusal {
    unsigned status;
    const char *code, *message;
    const char *field, *issue, *location;
    const char *sign_message; /* what the signature should have covered */
    const char *fault;        /* how this answer goes wrong on purpose; "": not */
};

/* Both return false. */
bool wechat_refuse(struct wechat_refusal *r, unsigned status, const char *code,
                   const char *message);
bool wechat_refuse_term(struct wechat_refusal *r, const struct term_fault *fault);

/* As queries and callbacks tell it. Returns a new reference. */
json_t *wechat_transaction(struct pool *pool, const struct trade *trade);

const char *wechat_trade_type(const char *method); /* NATIVE, APP, JSAPI, MWEB */

/* Signed and checked calls about orders; false: refused. name: native, app, jsapi, h5; found NULL:
 * there is no such order. */
bool wechat_take_order(struct sandbox *s, struct request *request, const char *name,
                       struct reply *reply, struct wechat_refusal *r);
bool wechat_check_query(const struct sandbox *s, struct request *request, struct wechat_refusal *r);
bool wechat_answer_query(struct sandbox *s, struct request *request, const struct trade *found,
                         struct reply *reply, struct wechat_refusal *r);
bool wechat_close_order(struct sandbox *s, struct request *request, const char *out_trade_no,
                        struct reply *reply, struct wechat_refusal *r);
/* Signed and checked calls about refunds; false: refused. */
bool wechat_take_refund(struct sandbox *s, struct request *request, struct reply *reply,
                        struct wechat_refusal *r);
bool wechat_show_refund(struct sandbox *s, struct request *request, const char *out_refund_no,
                        struct reply *reply, struct wechat_refusal *r);
/* Makes the bill and tells its address; the file itself is not signed. */
bool wechat_order_bill(struct sandbox *s, struct request *request, struct reply *reply,
                       struct wechat_refusal *r);
/* The plaintext of a refund's callback. Returns a new reference. */
json_t *wechat_refund_notice(struct pool *pool, const struct refund *refund);

#endif
