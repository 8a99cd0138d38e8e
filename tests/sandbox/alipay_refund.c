/* SPDX-License-Identifier: MIT */
/* Alipay's calls about refunds. */
#include "alipay.h"
#include "moment.h"

#include <string.h>

enum { REFUNDABLE_S = 365 * 86400 };

#define NAME_MEMBERS                                                                               \
    {"out_trade_no", MEMBER_TEXT, false, 1, 64, alipay_is_number, NULL},                           \
        {"trade_no", MEMBER_TEXT, false, 1, 64, alipay_is_number, NULL},                           \
    {                                                                                              \
        "query_options", MEMBER_ARRAY, false, 0, 0, NULL, NULL                                     \
    }

const struct member alipay_refund_members[] = {
    NAME_MEMBERS,
    {"refund_amount", MEMBER_TEXT, true, 1, 12, alipay_is_amount, NULL},
    {"refund_reason", MEMBER_TEXT, false, 1, 256, NULL, NULL},
    {"out_request_no", MEMBER_TEXT, false, 1, 64, alipay_is_number, NULL},
    {"refund_currency", MEMBER_TEXT, false, 3, 8, NULL, NULL},
    {0},
};
const struct member alipay_refund_query_members[] = {
    NAME_MEMBERS,
    {"out_request_no", MEMBER_TEXT, true, 1, 64, alipay_is_number, NULL},
    {0},
};

static bool fail(struct alipay_refusal *r, const char *sub_code, const char *sub_msg)
{
    return alipay_refuse(r, "40004", sub_code, sub_msg);
}

static bool refuse_by_mode(enum refund_mode mode, struct alipay_refusal *r)
{
    if (mode == REFUNDS_NOT_ENOUGH)
        return fail(r, "ACQ.SELLER_BALANCE_NOT_ENOUGH", "卖家余额不足");
    if (mode == REFUNDS_FREQUENCY) {
        alipay_refuse(r, "40005", "isv.app-call-limited", "应用调用次数超限");
        r->msg = "Call Limited";
        return false;
    }
    return mode != REFUNDS_SYSTEM_ERROR || fail(r, "ACQ.SYSTEM_ERROR", "系统错误");
}

static bool check_trade(const struct trade *t, struct alipay_refusal *r)
{
    if (t->state != TRADE_PAID)
        return fail(r, "ACQ.TRADE_STATUS_ERROR", "交易状态不合法");
    if (moment_now_s() - t->paid_s > REFUNDABLE_S)
        return fail(r, "ACQ.TRADE_HAS_FINISHED", "交易已经结束");
    return true;
}

/* Without a number of its own a refund is of the whole trade. */
static bool read_refund(struct alipay_call *call, struct refund *wanted, struct alipay_refusal *r)
{
    struct trade t;
    if (!alipay_find_trade(call, &t, r) || !check_trade(&t, r))
        return false;
    const char *number = alipay_biz_text(call, "out_request_no");
    *wanted = (struct refund){
        .channel = CHANNEL_ALIPAY,
        .out_trade_no = t.out_trade_no,
        .transaction_id = t.transaction_id,
        .merchant = t.merchant,
        .out_refund_no = number ? number : t.out_trade_no,
        .notify_url = t.notify_url,
        .reason = alipay_biz_text(call, "refund_reason"),
        .total_fen = t.amount_fen,
        .terms = pool_json(call->pool, json_pack("{s:s}", "refund_amount",
                                                 alipay_biz_text(call, "refund_amount"))),
    };
    yuan_read(alipay_biz_text(call, "refund_amount"), &wanted->amount_fen);
    if (!number && wanted->amount_fen != t.amount_fen)
        return fail(r, "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "部分退款需要out_request_no");
    return true;
}

static json_t *refund_node(struct alipay_call *call, const struct refund *refund, bool moved_now)
{
    struct trade t;
    trades_find(call->s->trades, CHANNEL_ALIPAY, refund->out_trade_no, &t);
    json_t *node = alipay_success();
    json_put_text(node, "trade_no", refund->transaction_id);
    json_put_text(node, "out_trade_no", refund->out_trade_no);
    json_put_text(node, "buyer_logon_id", "san***@example.com");
    json_put_text(node, "buyer_user_id", t.payer.buyer_id);
    json_put_text(node, "buyer_open_id", t.payer.buyer_open_id);
    json_put_text(node, "fund_change", moved_now ? "Y" : "N");
    json_put_text(node, "refund_fee", yuan_text(call->pool, t.refunded_fen));
    if (refund->state == REFUND_SUCCESS)
        json_put_text(node, "gmt_refund_pay", moment_gmt8(call->pool, refund->done_s));
    return node;
}

static json_t *take(struct alipay_call *call, const struct refund *wanted, enum refund_mode mode,
                    struct alipay_refusal *r)
{
    struct refund stored;
    enum take result = refunds_take(call->s->refunds, wanted, mode, &stored);
    if (result == TAKE_DIFFERENT)
        fail(r, "ACQ.DISCORDANT_REPEAT_REQUEST", "不一致的请求");
    else if (result == TAKE_TOO_MUCH)
        fail(r, "ACQ.REASON_TRADE_REFUND_FEE_ERR", "退款金额无效");
    else if (result == TAKE_TOO_SOON || mode == REFUNDS_LOST)
        fail(r, "ACQ.SYSTEM_ERROR", "系统错误");
    else
        return refund_node(call, &stored, result == TAKE_NEW && stored.state == REFUND_SUCCESS);
    return NULL;
}

json_t *alipay_refund(struct alipay_call *call, struct alipay_refusal *r)
{
    struct refund wanted;
    if (!read_refund(call, &wanted, r))
        return NULL;
    enum refund_mode mode = refunds_next_mode(call->s->refunds);
    return refuse_by_mode(mode, r) ? take(call, &wanted, mode, r) : NULL;
}

/* A refund that is not there, or not done, is told by what is missing. */
json_t *alipay_refund_query(struct alipay_call *call, struct alipay_refusal *r)
{
    struct trade t;
    struct refund found;
    if (!alipay_find_trade(call, &t, r))
        return NULL;
    json_t *node = alipay_success();
    const char *number = alipay_biz_text(call, "out_request_no");
    if (!refunds_find(call->s->refunds, CHANNEL_ALIPAY, t.out_trade_no, number, &found))
        return node;
    json_put_text(node, "trade_no", t.transaction_id);
    json_put_text(node, "out_trade_no", t.out_trade_no);
    json_put_text(node, "out_request_no", number);
    json_put_text(node, "total_amount", yuan_text(call->pool, t.amount_fen));
    json_put_text(node, "refund_amount", yuan_text(call->pool, found.amount_fen));
    if (found.state == REFUND_SUCCESS) {
        json_put_text(node, "refund_status", "REFUND_SUCCESS");
        json_put_text(node, "gmt_refund_pay", moment_gmt8(call->pool, found.done_s));
    }
    return node;
}
