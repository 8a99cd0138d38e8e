/* SPDX-License-Identifier: MIT */
/* Orders at WeChat Pay: taken, queried, closed. */
#include "wechat.h"

#include "delivery.h"
#include "encoding.h"
#include "moment.h"

#include <arpa/inet.h>
#include <string.h>

enum { OPENID_MAX = 128 };

/* ---- orders ---- */

static bool is_mchid_text(const char *t)
{
    return text_is_made_of(t, 1, 32, "");
}

static bool is_number_text(const char *t)
{
    return text_is_made_of(t, 6, 32, "_-|*");
}

static bool is_openid(const char *t)
{
    return text_is_made_of(t, 1, OPENID_MAX, "_-");
}

static bool is_currency(const char *t)
{
    return strcmp(t, "CNY") == 0;
}

static bool is_future(const char *t)
{
    int64_t at_s;
    return moment_parse_rfc3339(t, &at_s) && at_s > moment_now_s();
}

static bool is_ip(const char *t)
{
    struct in6_addr address;
    return inet_pton(AF_INET, t, &address) == 1 || inet_pton(AF_INET6, t, &address) == 1;
}

static bool is_h5_type(const char *t)
{
    return strcmp(t, "iOS") == 0 || strcmp(t, "Android") == 0 || strcmp(t, "Wap") == 0;
}

static const struct member amount_members[] = {
    {"total", MEMBER_INTEGER, true, 0, 0, NULL, NULL},
    {"currency", MEMBER_TEXT, false, 3, 3, is_currency, NULL},
    {0},
};
static const struct member payer_members[] = {
    {"openid", MEMBER_TEXT, true, 1, OPENID_MAX, is_openid, NULL},
    {0},
};
static const struct member store_members[] = {
    {"id", MEMBER_TEXT, true, 1, 32, NULL, NULL},
    {"name", MEMBER_TEXT, false, 1, 256, NULL, NULL},
    {"area_code", MEMBER_TEXT, false, 1, 32, NULL, NULL},
    {"address", MEMBER_TEXT, false, 1, 512, NULL, NULL},
    {0},
};
static const struct member h5_members[] = {
    {"type", MEMBER_TEXT, true, 1, 32, is_h5_type, NULL},
    {"app_name", MEMBER_TEXT, false, 1, 64, NULL, NULL},
    {"app_url", MEMBER_TEXT, false, 1, 128, NULL, NULL},
    {"bundle_id", MEMBER_TEXT, false, 1, 128, NULL, NULL},
    {"package_name", MEMBER_TEXT, false, 1, 128, NULL, NULL},
    {0},
};
static const struct member scene_members[] = {
    {"payer_client_ip", MEMBER_TEXT, true, 1, 45, is_ip, NULL},
    {"device_id", MEMBER_TEXT, false, 1, 32, NULL, NULL},
    {"store_info", MEMBER_OBJECT, false, 0, 0, NULL, store_members},
    {0},
};
static const struct member h5_scene_members[] = {
    {"payer_client_ip", MEMBER_TEXT, true, 1, 45, is_ip, NULL},
    {"device_id", MEMBER_TEXT, false, 1, 32, NULL, NULL},
    {"store_info", MEMBER_OBJECT, false, 0, 0, NULL, store_members},
    {"h5_info", MEMBER_OBJECT, true, 0, 0, NULL, h5_members},
    {0},
};
static const struct member settle_members[] = {
    {"profit_sharing", MEMBER_BOOLEAN, false, 0, 0, NULL, NULL},
    {0},
};

#define COMMON_MEMBERS                                                                             \
    {"appid", MEMBER_TEXT, true, 1, 32, NULL, NULL},                                               \
        {"mchid", MEMBER_TEXT, true, 1, 32, is_mchid_text, NULL},                                  \
        {"description", MEMBER_TEXT, true, 1, 127, NULL, NULL},                                    \
        {"out_trade_no", MEMBER_TEXT, true, 6, 32, is_number_text, NULL},                          \
        {"notify_url", MEMBER_TEXT, true, 1, 255, notify_url_is_valid, NULL},                      \
        {"amount", MEMBER_OBJECT, true, 0, 0, NULL, amount_members},                               \
        {"time_expire", MEMBER_TEXT, false, 1, 64, is_future, NULL},                               \
        {"attach", MEMBER_TEXT, false, 1, 128, NULL, NULL},                                        \
        {"goods_tag", MEMBER_TEXT, false, 1, 32, NULL, NULL},                                      \
        {"limit_pay", MEMBER_ARRAY, false, 0, 0, NULL, NULL},                                      \
        {"support_fapiao", MEMBER_BOOLEAN, false, 0, 0, NULL, NULL},                               \
        {"detail", MEMBER_OBJECT, false, 0, 0, NULL, NULL},                                        \
    {                                                                                              \
        "settle_info", MEMBER_OBJECT, false, 0, 0, NULL, settle_members                            \
    }

static const struct member order_members[] = {
    COMMON_MEMBERS,
    {"scene_info", MEMBER_OBJECT, false, 0, 0, NULL, scene_members},
    {0},
};
static const struct member jsapi_members[] = {
    COMMON_MEMBERS,
    {"scene_info", MEMBER_OBJECT, false, 0, 0, NULL, scene_members},
    {"payer", MEMBER_OBJECT, true, 0, 0, NULL, payer_members},
    {0},
};
static const struct member h5_order_members[] = {
    COMMON_MEMBERS,
    {"scene_info", MEMBER_OBJECT, true, 0, 0, NULL, h5_scene_members},
    {0},
};

struct kind {
    const char *name;
    const struct member *members;
    const char *appid;
};

static bool find_kind(const struct sandbox *s, const char *name, struct kind *kind)
{
    const struct kind kinds[] = {
        {"native", order_members, s->in.appid_native},
        {"app", order_members, s->in.appid_app},
        {"jsapi", jsapi_members, s->in.appid_jsapi},
        {"h5", h5_order_members, s->in.appid_h5},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            *kind = kinds[i];
            return true;
        }
    }
    return false;
}

static const char *text_at(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static bool check_order(const struct sandbox *s, struct request *request, const struct kind *kind,
                        const json_t *body, struct wechat_refusal *r)
{
    struct term_fault fault = {0};
    if (!terms_check(request->pool, body, kind->members, "", &fault))
        return wechat_refuse_term(r, &fault);
    json_int_t total =
        json_integer_value(json_object_get(json_object_get(body, "amount"), "total"));
    if (total < 1 || total > 100000000000)
        return wechat_refuse_term(r, &(struct term_fault){"/amount/total", "value"});
    if (strcmp(text_at(body, "mchid"), s->in.mchid) != 0)
        return wechat_refuse_term(r, &(struct term_fault){"/mchid", "value"});
    if (strcmp(text_at(body, "appid"), kind->appid) != 0)
        return wechat_refuse(r, 400, "APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配");
    return true;
}

/* At least a minute, at most 90 days; without a word of the merchant seven days. */
static int64_t expiry_of(const json_t *body, int64_t now_s)
{
    int64_t at_s = now_s + 7 * 86400;
    const char *asked = text_at(body, "time_expire");
    if (asked && moment_parse_rfc3339(asked, &at_s)) {
        at_s = at_s < now_s + 60 ? now_s + 60 : at_s;
        at_s = at_s > now_s + 90 * 86400 ? now_s + 90 * 86400 : at_s;
    }
    return at_s;
}

static struct trade order_of(const json_t *body, const struct kind *kind, const char *handle)
{
    int64_t now_s = moment_now_s();
    return (struct trade){
        .channel = CHANNEL_WECHAT,
        .method = kind->name,
        .out_trade_no = text_at(body, "out_trade_no"),
        .appid = kind->appid,
        .merchant = text_at(body, "mchid"),
        .subject = text_at(body, "description"),
        .attach = text_at(body, "attach"),
        .notify_url = text_at(body, "notify_url"),
        .client_ip = text_at(json_object_get(body, "scene_info"), "payer_client_ip"),
        .order_openid = text_at(json_object_get(body, "payer"), "openid"),
        .amount_fen = json_integer_value(json_object_get(json_object_get(body, "amount"), "total")),
        .created_s = now_s,
        .expires_s = expiry_of(body, now_s),
        .terms = body,
        .state = TRADE_WAITING,
        .handle = handle,
    };
}

static const char *make_handle(struct pool *pool, const char *kind, const char **member)
{
    char *prepay_id = pool_print(pool, "wx%s%s", moment_print(pool, "%d%H%M%S", moment_now_s()),
                                 random_text(pool, "0123456789abcdef", 26));
    *member = "prepay_id";
    if (strcmp(kind, "native") == 0) {
        *member = "code_url";
        return pool_print(pool, "weixin://wxpay/bizpayurl?pr=%szz",
                          random_text(pool, ALPHANUMERIC, 7));
    }
    if (strcmp(kind, "h5") == 0) {
        *member = "h5_url";
        return pool_print(pool,
                          "https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb"
                          "?prepay_id=%s&package=%s",
                          prepay_id, random_text(pool, DIGITS, 10));
    }
    return prepay_id;
}

bool wechat_take_order(struct sandbox *s, struct request *request, const char *name,
                       struct reply *reply, struct wechat_refusal *r)
{
    struct kind kind;
    if (!find_kind(s, name, &kind))
        return wechat_refuse(r, 404, "RESOURCE_NOT_EXISTS", "请求的资源不存在");
    struct term_fault fault;
    json_t *body = terms_parse(request->pool, request->body, request->body_size, &fault);
    if (!body)
        return wechat_refuse_term(r, &fault);
    if (!check_order(s, request, &kind, body, r))
        return false;
    const char *member, *handle = make_handle(request->pool, kind.name, &member);
    struct trade order = order_of(body, &kind, handle), stored;
    switch (trades_put(s->trades, &order, &stored)) {
    case PUT_NEW:
    case PUT_SAME: break;
    case PUT_DIFFERENT: return wechat_refuse(r, 400, "INVALID_REQUEST", "201 商户订单号重复");
    case PUT_PAID: return wechat_refuse(r, 400, "ORDERPAID", "该订单已支付");
    case PUT_CLOSED: return wechat_refuse(r, 400, "ORDER_CLOSED", "该订单已关闭");
    }
    if (strcmp(r->fault, "after-callback") == 0)
        delivery_pay(s, request->pool, CHANNEL_WECHAT, order.out_trade_no);
    reply_json(request, reply, 200, json_pack("{s:s}", member, handle));
    return true;
}

/* ---- query and close ---- */

const char *wechat_trade_type(const char *method)
{
    if (strcmp(method, "h5") == 0)
        return "MWEB";
    return strcmp(method, "native") == 0 ? "NATIVE" : strcmp(method, "app") == 0 ? "APP" : "JSAPI";
}

static json_t *unpaid_document(const struct trade *t)
{
    bool closed = t->state == TRADE_CLOSED;
    json_t *document =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:[], s:{s:I, s:s}}", "appid", t->appid, "mchid",
                  t->merchant, "out_trade_no", t->out_trade_no, "trade_type",
                  wechat_trade_type(t->method), "trade_state", closed ? "CLOSED" : "NOTPAY",
                  "trade_state_desc", closed ? "订单已关闭" : "订单未支付", "promotion_detail",
                  "amount", "total", (json_int_t)t->amount_fen, "currency", "CNY");
    if (t->attach)
        json_object_set_new(document, "attach", json_string(t->attach));
    return document;
}

json_t *wechat_transaction(struct pool *pool, const struct trade *t)
{
    if (t->state != TRADE_PAID)
        return unpaid_document(t);
    bool refund = t->refunding_fen > 0;
    json_t *document = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:{s:s}, s:{s:I, s:I, s:s, s:s}}",
        "appid", t->appid, "mchid", t->merchant, "out_trade_no", t->out_trade_no, "transaction_id",
        t->transaction_id, "trade_type", wechat_trade_type(t->method), "trade_state",
        refund ? "REFUND" : "SUCCESS", "trade_state_desc", refund ? "转入退款" : "支付成功",
        "bank_type", "OTHERS", "attach", t->attach ? t->attach : "", "success_time",
        moment_rfc3339(pool, t->paid_s), "payer", "openid", t->payer.openid, "amount", "total",
        (json_int_t)t->amount_fen, "payer_total", (json_int_t)t->amount_fen, "currency", "CNY",
        "payer_currency", "CNY");
    json_object_set_new(document, "promotion_detail", json_array());
    return document;
}

bool wechat_check_query(const struct sandbox *s, struct request *request, struct wechat_refusal *r)
{
    struct pairs pairs = {0};
    const char *query = request->query ? request->query : "";
    bool ok = pairs_parse(request->pool, query, strlen(query), &pairs);
    const char *mchid = ok ? pairs_get(&pairs, "mchid") : NULL;
    if (mchid && pairs.n == 1 && strcmp(mchid, s->in.mchid) == 0)
        return true;
    r->field = "mchid";
    r->issue = mchid ? "value" : "missing";
    r->location = "query";
    return wechat_refuse(r, 400, "PARAM_ERROR", "参数错误");
}

bool wechat_answer_query(struct sandbox *s, struct request *request, const struct trade *found,
                         struct reply *reply, struct wechat_refusal *r)
{
    if (!found)
        return wechat_refuse(r, 404, "ORDER_NOT_EXIST", "订单不存在");
    (void)s;
    reply_json(request, reply, 200, wechat_transaction(request->pool, found));
    return true;
}

bool wechat_close_order(struct sandbox *s, struct request *request, const char *out_trade_no,
                        struct reply *reply, struct wechat_refusal *r)
{
    static const struct member members[] = {
        {"mchid", MEMBER_TEXT, true, 1, 32, is_mchid_text, NULL},
        {0},
    };
    struct term_fault fault;
    json_t *body = terms_parse(request->pool, request->body, request->body_size, &fault);
    if (!body || !terms_check(request->pool, body, members, "", &fault))
        return wechat_refuse_term(r, &fault);
    if (strcmp(text_at(body, "mchid"), s->in.mchid) != 0)
        return wechat_refuse_term(r, &(struct term_fault){"/mchid", "value"});
    struct trade found;
    if (!trades_find(s->trades, CHANNEL_WECHAT, out_trade_no, &found))
        return wechat_refuse(r, 404, "ORDER_NOT_EXIST", "订单不存在");
    if (!trades_close(s->trades, CHANNEL_WECHAT, out_trade_no)) {
        trades_find(s->trades, CHANNEL_WECHAT, out_trade_no, &found);
        if (found.state == TRADE_PAID)
            return wechat_refuse(r, 400, "ORDERPAID", "该订单已支付");
    }
    reply->status = 204;
    reply->body = "";
    return true;
}
