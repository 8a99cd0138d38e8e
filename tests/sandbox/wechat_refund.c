/* SPDX-License-Identifier: MIT */
/* WeChat Pay's calls and callbacks about refunds. */
#include "encoding.h"
#include "moment.h"
#include "wechat.h"

#include <string.h>

enum { REFUNDABLE_S = 365 * 86400 };

static bool is_refund_number(const char *t)
{
    return text_is_made_of(t, 1, 64, "_-|*@");
}

static bool is_currency(const char *t)
{
    return strcmp(t, "CNY") == 0;
}

static bool is_account(const char *t)
{
    return strcmp(t, "AVAILABLE") == 0;
}

static const struct member amount_members[] = {
    {"refund", MEMBER_INTEGER, true, 0, 0, NULL, NULL},
    {"total", MEMBER_INTEGER, true, 0, 0, NULL, NULL},
    {"currency", MEMBER_TEXT, true, 3, 16, is_currency, NULL},
    {"from", MEMBER_ARRAY, false, 0, 0, NULL, NULL},
    {0},
};
static const struct member refund_members[] = {
    {"transaction_id", MEMBER_TEXT, false, 1, 32, NULL, NULL},
    {"out_trade_no", MEMBER_TEXT, false, 6, 32, NULL, NULL},
    {"out_refund_no", MEMBER_TEXT, true, 1, 64, is_refund_number, NULL},
    {"reason", MEMBER_TEXT, false, 1, 80, NULL, NULL},
    {"notify_url", MEMBER_TEXT, false, 8, 256, notify_url_is_valid, NULL},
    {"funds_account", MEMBER_TEXT, false, 1, 32, is_account, NULL},
    {"amount", MEMBER_OBJECT, true, 0, 0, NULL, amount_members},
    {"goods_detail", MEMBER_ARRAY, false, 0, 0, NULL, NULL},
    {0},
};

static const char *status_text(enum refund_state state)
{
    static const char *const names[] = {"PROCESSING", "SUCCESS", "ABNORMAL", "CLOSED"};
    return names[state];
}

static json_t *amount_of(const struct refund *r)
{
    return json_pack("{s:I, s:I, s:I, s:I}", "total", (json_int_t)r->total_fen, "refund",
                     (json_int_t)r->amount_fen, "payer_total", (json_int_t)r->total_fen,
                     "payer_refund", (json_int_t)r->amount_fen);
}

static json_t *refund_document(struct pool *pool, const struct refund *r)
{
    json_t *amount = amount_of(r);
    json_object_set_new(amount, "settlement_refund", json_integer(r->amount_fen));
    json_object_set_new(amount, "settlement_total", json_integer(r->total_fen));
    json_object_set_new(amount, "discount_refund", json_integer(0));
    json_put_text(amount, "currency", "CNY");
    json_object_set_new(amount, "from", json_array());
    json_t *document = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:[], s:o}", "refund_id", r->refund_id,
        "out_refund_no", r->out_refund_no, "transaction_id", r->transaction_id, "out_trade_no",
        r->out_trade_no, "channel", "ORIGINAL", "user_received_account", "支付用户零钱",
        "create_time", moment_rfc3339(pool, r->created_s), "status", status_text(r->state),
        "funds_account", "AVAILABLE", "promotion_detail", "amount", amount);
    if (r->state == REFUND_SUCCESS)
        json_put_text(document, "success_time", moment_rfc3339(pool, r->done_s));
    return document;
}

json_t *wechat_refund_notice(struct pool *pool, const struct refund *r)
{
    json_t *plain = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "mchid", r->merchant,
                              "out_trade_no", r->out_trade_no, "transaction_id", r->transaction_id,
                              "out_refund_no", r->out_refund_no, "refund_id", r->refund_id,
                              "refund_status", status_text(r->state), "user_received_account",
                              "支付用户零钱", "amount", amount_of(r));
    if (r->state == REFUND_SUCCESS)
        json_put_text(plain, "success_time", moment_rfc3339(pool, r->done_s));
    return plain;
}

static const char *text_at(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* Exactly one of the two names says which order. */
static bool find_trade(struct sandbox *s, const json_t *body, struct trade *t,
                       struct wechat_refusal *r)
{
    const char *id = text_at(body, "transaction_id"), *number = text_at(body, "out_trade_no");
    if (!id == !number)
        return wechat_refuse_term(
            r, &(struct term_fault){"/out_trade_no", id ? "with transaction_id" : "missing"});
    bool found = id ? trades_find_transaction(s->trades, CHANNEL_WECHAT, id, t)
                    : trades_find(s->trades, CHANNEL_WECHAT, number, t);
    if (!found)
        return wechat_refuse(r, 404, "RESOURCE_NOT_EXISTS", "订单不存在");
    if (t->state != TRADE_PAID)
        return wechat_refuse(r, 400, "INVALID_REQUEST", "订单未支付");
    return true;
}

static bool read_refund(struct sandbox *s, struct pool *pool, const json_t *body,
                        struct refund *wanted, struct wechat_refusal *r)
{
    struct trade t;
    struct term_fault fault = {0};
    if (!terms_check(pool, body, refund_members, "", &fault))
        return wechat_refuse_term(r, &fault);
    if (!find_trade(s, body, &t, r))
        return false;
    const json_t *amount = json_object_get(body, "amount");
    *wanted = (struct refund){
        .channel = CHANNEL_WECHAT,
        .out_trade_no = t.out_trade_no,
        .transaction_id = t.transaction_id,
        .merchant = t.merchant,
        .out_refund_no = text_at(body, "out_refund_no"),
        .notify_url = text_at(body, "notify_url"),
        .reason = text_at(body, "reason"),
        .amount_fen = json_integer_value(json_object_get(amount, "refund")),
        .total_fen = json_integer_value(json_object_get(amount, "total")),
        .terms = body,
    };
    if (wanted->amount_fen < 1)
        return wechat_refuse_term(r, &(struct term_fault){"/amount/refund", "value"});
    if (wanted->total_fen != t.amount_fen)
        return wechat_refuse(r, 400, "INVALID_REQUEST", "订单金额或退款金额与之前请求不一致");
    if (moment_now_s() - t.paid_s > REFUNDABLE_S)
        return wechat_refuse(r, 400, "INVALID_REQUEST", "订单已超过可退款的最大期限");
    return true;
}

static bool refuse_by_mode(enum refund_mode mode, struct wechat_refusal *r)
{
    if (mode == REFUNDS_NOT_ENOUGH)
        return wechat_refuse(r, 403, "NOT_ENOUGH", "基本账户余额不足，请充值后重新发起");
    if (mode == REFUNDS_FREQUENCY)
        return wechat_refuse(r, 429, "FREQUENCY_LIMITED",
                             "频率限制，1个月之前的订单请降低申请频率再重试");
    if (mode == REFUNDS_SYSTEM_ERROR)
        return wechat_refuse(r, 500, "SYSTEM_ERROR", "接口返回错误");
    return true;
}

bool wechat_take_refund(struct sandbox *s, struct request *request, struct reply *reply,
                        struct wechat_refusal *r)
{
    struct term_fault fault;
    struct refund wanted, stored;
    json_t *body = terms_parse(request->pool, request->body, request->body_size, &fault);
    if (!body)
        return wechat_refuse_term(r, &fault);
    if (!read_refund(s, request->pool, body, &wanted, r))
        return false;
    enum refund_mode mode = refunds_next_mode(s->refunds);
    if (!refuse_by_mode(mode, r))
        return false;
    switch (refunds_take(s->refunds, &wanted, mode, &stored)) {
    case TAKE_NEW:
    case TAKE_SAME: break;
    case TAKE_DIFFERENT:
        return wechat_refuse(r, 400, "INVALID_REQUEST", "订单金额或退款金额与之前请求不一致");
    case TAKE_TOO_MUCH: return wechat_refuse(r, 400, "INVALID_REQUEST", "申请退款金额大于可退金额");
    case TAKE_TOO_SOON: return wechat_refuse(r, 429, "FREQUENCY_LIMITED", "频率限制，请稍后重试");
    }
    if (mode == REFUNDS_LOST)
        return wechat_refuse(r, 500, "SYSTEM_ERROR", "接口返回错误");
    reply_json(request, reply, 200, refund_document(request->pool, &stored));
    return true;
}

bool wechat_show_refund(struct sandbox *s, struct request *request, const char *out_refund_no,
                        struct reply *reply, struct wechat_refusal *r)
{
    struct refund found;
    if (!refunds_find(s->refunds, CHANNEL_WECHAT, NULL, out_refund_no, &found))
        return wechat_refuse(r, 404, "RESOURCE_NOT_EXISTS", "退款单不存在");
    reply_json(request, reply, 200, refund_document(request->pool, &found));
    return true;
}
