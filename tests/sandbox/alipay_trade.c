/* SPDX-License-Identifier: MIT */
/* Trades at Alipay: ordered, queried, closed. */
#include "alipay.h"

#include "encoding.h"
#include "moment.h"

#include <string.h>

enum { DAY_S = 86400, TIMEOUT_MAX_S = 15 * DAY_S };

/* ---- business parameters ---- */

bool alipay_is_number(const char *t)
{
    return text_is_made_of(t, 1, 64, "_");
}

bool alipay_is_amount(const char *t)
{
    int64_t fen;
    return yuan_read(t, &fen) && fen >= 1 && fen <= 10000000000;
}

/* The documents forbid '/', '=', '&' and the like in a subject. */
static bool is_subject(const char *t)
{
    return !strpbrk(t, "/=&") && t[0] != '@';
}

/* Seconds of "90m", "1c" (end of the day); 0 when it is not such a text. */
static int64_t timeout_seconds(const char *t)
{
    int64_t value_s;
    if (strcmp(t, "1c") == 0)
        return DAY_S - (moment_now_s() + 8 * 3600) % DAY_S;
    if (!strchr(DIGITS, *t) || t[strlen(t) - 1] == 's' || !moment_parse_offset(t, &value_s))
        return 0;
    return value_s >= 60 && value_s <= TIMEOUT_MAX_S ? value_s : 0;
}

static bool is_timeout(const char *t)
{
    return timeout_seconds(t) > 0;
}

static bool is_future_gmt8(const char *t)
{
    int64_t at_s;
    return moment_parse_gmt8(t, &at_s) && at_s > moment_now_s();
}

#define PAY_MEMBERS                                                                                \
    {"out_trade_no", MEMBER_TEXT, true, 1, 64, alipay_is_number, NULL},                            \
        {"total_amount", MEMBER_TEXT, true, 1, 12, alipay_is_amount, NULL},                        \
        {"subject", MEMBER_TEXT, true, 1, 256, is_subject, NULL},                                  \
        {"body", MEMBER_TEXT, false, 1, 128, NULL, NULL},                                          \
        {"timeout_express", MEMBER_TEXT, false, 2, 6, is_timeout, NULL},                           \
        {"time_expire", MEMBER_TEXT, false, 19, 19, is_future_gmt8, NULL},                         \
        {"passback_params", MEMBER_TEXT, false, 1, 512, NULL, NULL},                               \
        {"seller_id", MEMBER_TEXT, false, 16, 28, NULL, NULL},                                     \
        {"goods_detail", MEMBER_ARRAY, false, 0, 0, NULL, NULL},                                   \
        {"extend_params", MEMBER_OBJECT, false, 0, 0, NULL, NULL},                                 \
        {"business_params", MEMBER_TEXT, false, 1, 512, NULL, NULL},                               \
        {"ext_user_info", MEMBER_OBJECT, false, 0, 0, NULL, NULL},                                 \
        {"query_options", MEMBER_ARRAY, false, 0, 0, NULL, NULL},                                  \
        {"merchant_order_no", MEMBER_TEXT, false, 1, 32, NULL, NULL},                              \
    {                                                                                              \
        "store_id", MEMBER_TEXT, false, 1, 32, NULL, NULL                                          \
    }

const struct member alipay_client_members[] = {
    PAY_MEMBERS,
    {"product_code", MEMBER_TEXT, true, 1, 64, NULL, NULL},
    {"quit_url", MEMBER_TEXT, false, 1, 400, NULL, NULL},
    {"qr_pay_mode", MEMBER_TEXT, false, 1, 2, NULL, NULL},
    {"qrcode_width", MEMBER_INTEGER, false, 0, 0, NULL, NULL},
    {"integration_type", MEMBER_TEXT, false, 1, 16, NULL, NULL},
    {"request_from_url", MEMBER_TEXT, false, 1, 256, NULL, NULL},
    {0},
};
const struct member alipay_precreate_members[] = {
    PAY_MEMBERS,
    {"product_code", MEMBER_TEXT, false, 1, 64, NULL, NULL},
    {"qr_code_timeout_express", MEMBER_TEXT, false, 2, 6, is_timeout, NULL},
    {"discountable_amount", MEMBER_TEXT, false, 1, 12, NULL, NULL},
    {"operator_id", MEMBER_TEXT, false, 1, 28, NULL, NULL},
    {"terminal_id", MEMBER_TEXT, false, 1, 32, NULL, NULL},
    {0},
};
const struct member alipay_name_members[] = {
    {"out_trade_no", MEMBER_TEXT, false, 1, 64, alipay_is_number, NULL},
    {"trade_no", MEMBER_TEXT, false, 1, 64, alipay_is_number, NULL},
    {"query_options", MEMBER_ARRAY, false, 0, 0, NULL, NULL},
    {"operator_id", MEMBER_TEXT, false, 1, 28, NULL, NULL},
    {0},
};

static int64_t expiry_of(const struct alipay_call *call)
{
    int64_t at_s = moment_now_s() + TIMEOUT_MAX_S;
    const char *until = alipay_biz_text(call, "time_expire"),
               *within = alipay_biz_text(call, "timeout_express");
    if (until)
        moment_parse_gmt8(until, &at_s);
    else if (within)
        at_s = moment_now_s() + timeout_seconds(within);
    return at_s;
}

static bool check_pay(const struct alipay_call *call, struct alipay_refusal *r)
{
    const char *product = alipay_biz_text(call, "product_code"),
               *seller = alipay_biz_text(call, "seller_id");
    if (product && strcmp(product, call->method->product_code) != 0)
        return alipay_refuse(r, "40004", "ACQ.INVALID_PARAMETER", "product_code");
    if (seller && strcmp(seller, call->s->in.seller_id) != 0)
        return alipay_refuse(r, "40004", "ACQ.INVALID_PARAMETER", "seller_id");
    if (alipay_biz_text(call, "time_expire") && alipay_biz_text(call, "timeout_express"))
        return alipay_refuse(r, "40004", "ACQ.INVALID_PARAMETER",
                             "time_expire and timeout_express");
    return true;
}

static bool put_trade(struct alipay_call *call, enum trade_state state, const char *handle,
                      struct trade *stored, struct alipay_refusal *r)
{
    if (!check_pay(call, r))
        return false;
    struct trade order = {
        .channel = CHANNEL_ALIPAY,
        .method = call->method->trade_method,
        .out_trade_no = alipay_biz_text(call, "out_trade_no"),
        .appid = call->s->in.app_id,
        .merchant = call->s->in.seller_id,
        .subject = alipay_biz_text(call, "subject"),
        .attach = alipay_biz_text(call, "passback_params"),
        .notify_url = alipay_filled(call->pairs, "notify_url"),
        .return_url = alipay_filled(call->pairs, "return_url"),
        .created_s = moment_now_s(),
        .expires_s = expiry_of(call),
        .by_certificate = alipay_filled(call->pairs, "app_cert_sn"),
        .state = state,
        .handle = handle,
        .terms = pool_json(call->pool, json_pack("{s:s, s:s}", "total_amount",
                                                 alipay_biz_text(call, "total_amount"), "subject",
                                                 alipay_biz_text(call, "subject"))),
    };
    yuan_read(alipay_biz_text(call, "total_amount"), &order.amount_fen);
    switch (trades_put(call->s->trades, &order, stored)) {
    case PUT_NEW:
    case PUT_SAME: return true;
    case PUT_DIFFERENT:
        return alipay_refuse(r, "40004", "ACQ.CONTEXT_INCONSISTENT", "交易信息被篡改");
    case PUT_PAID: return alipay_refuse(r, "40004", "ACQ.TRADE_HAS_SUCCESS", "交易已被支付");
    case PUT_CLOSED: return alipay_refuse(r, "40004", "ACQ.TRADE_HAS_CLOSE", "交易已经关闭");
    }
    return false;
}

json_t *alipay_open_cashier(struct alipay_call *call, struct alipay_refusal *r)
{
    struct trade t;
    if (!put_trade(call, TRADE_WAITING, NULL, &t, r))
        return NULL;
    json_t *node = alipay_success();
    json_put_text(node, "out_trade_no", t.out_trade_no);
    json_put_text(node, "total_amount", yuan_text(call->pool, t.amount_fen));
    json_put_text(node, "subject", t.subject);
    return node;
}

json_t *alipay_precreate(struct alipay_call *call, struct alipay_refusal *r)
{
    struct trade t;
    char *code = pool_print(call->pool, "https://qr.alipay.com/bax%s",
                            random_text(call->pool, "0123456789abcdefghijklmnopqrstuvwxyz", 20));
    if (!put_trade(call, TRADE_HIDDEN, code, &t, r))
        return NULL;
    json_t *node = alipay_success();
    json_put_text(node, "out_trade_no", t.out_trade_no);
    json_put_text(node, "qr_code", code);
    return node;
}

bool alipay_find_trade(struct alipay_call *call, struct trade *t, struct alipay_refusal *r)
{
    const char *number = alipay_biz_text(call, "out_trade_no"),
               *trade_no = alipay_biz_text(call, "trade_no");
    if (!number && !trade_no)
        return alipay_refuse(r, "40001", "isv.missing-parameter", "out_trade_no or trade_no");
    bool found = trade_no ? trades_find_transaction(call->s->trades, CHANNEL_ALIPAY, trade_no, t)
                          : trades_find(call->s->trades, CHANNEL_ALIPAY, number, t);
    if (!found || t->state == TRADE_HIDDEN)
        return alipay_refuse(r, "40004", "ACQ.TRADE_NOT_EXIST", "交易不存在");
    return true;
}

/* A trade whose money all went back is closed. */
static const char *status_text(const struct trade *t)
{
    if (t->state != TRADE_PAID)
        return t->state == TRADE_CLOSED ? "TRADE_CLOSED" : "WAIT_BUYER_PAY";
    return t->refunded_fen == t->amount_fen ? "TRADE_CLOSED" : "TRADE_SUCCESS";
}

json_t *alipay_query(struct alipay_call *call, struct alipay_refusal *r)
{
    struct trade t;
    if (!alipay_find_trade(call, &t, r))
        return NULL;
    json_t *node = alipay_success();
    char *total = yuan_text(call->pool, t.amount_fen);
    char *paid = t.state == TRADE_PAID ? total : yuan_text(call->pool, 0);
    if (t.state == TRADE_PAID) {
        json_put_text(node, "buyer_logon_id", "san***@example.com");
        json_put_text(node, "buyer_user_id", t.payer.buyer_id);
        json_put_text(node, "buyer_open_id", t.payer.buyer_open_id);
        json_put_text(node, "send_pay_date", moment_gmt8(call->pool, t.paid_s));
    }
    json_put_text(node, "trade_no", t.transaction_id);
    json_put_text(node, "out_trade_no", t.out_trade_no);
    json_put_text(node, "total_amount", total);
    json_put_text(node, "buyer_pay_amount", paid);
    json_put_text(node, "receipt_amount", paid);
    json_put_text(node, "invoice_amount", paid);
    json_put_text(node, "point_amount", yuan_text(call->pool, 0));
    json_put_text(node, "trade_status", status_text(&t));
    return node;
}

json_t *alipay_close(struct alipay_call *call, struct alipay_refusal *r)
{
    struct trade t;
    if (!alipay_find_trade(call, &t, r))
        return NULL;
    if (!trades_close(call->s->trades, CHANNEL_ALIPAY, t.out_trade_no)) {
        alipay_refuse(r, "40004", "ACQ.TRADE_STATUS_ERROR", "交易状态不合法");
        return NULL;
    }
    json_t *node = alipay_success();
    json_put_text(node, "out_trade_no", t.out_trade_no);
    json_put_text(node, "trade_no", t.transaction_id);
    return node;
}
