/* SPDX-License-Identifier: MIT */
/* WeChat Pay v3 as the merchant meets it: authorization, orders, signed answers. */
#include "wechat.h"

#include "delivery.h"
#include "encoding.h"
#include "moment.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW_S = 300, OPENID_MAX = 128 };

#define SCHEME "WECHATPAY2-SHA256-RSA2048"

bool wechat_refuse(struct wechat_refusal *r, unsigned status, const char *code, const char *message)
{
    r->status = status;
    r->code = code;
    r->message = message;
    return false;
}

static bool refuse_header(struct wechat_refusal *r, const char *field, const char *issue)
{
    r->field = field;
    r->issue = issue;
    r->location = "header";
    return wechat_refuse(r, 400, "PARAM_ERROR", "参数错误");
}

static bool refuse_authorization(struct wechat_refusal *r, const char *field, const char *message)
{
    r->field = field;
    r->issue = "sign not match";
    r->location = "authorization";
    return wechat_refuse(r, 401, "SIGN_ERROR", message);
}

/* ---- authorization ---- */

struct authorization {
    const char *mchid, *nonce_str, *timestamp, *serial_no, *signature;
};

static const char **authorization_slot(struct authorization *a, const char *name, size_t n)
{
    static const char *const names[] = {"mchid", "nonce_str", "timestamp", "serial_no",
                                        "signature"};
    const char **slots[] = {&a->mchid, &a->nonce_str, &a->timestamp, &a->serial_no, &a->signature};
    for (size_t i = 0; i < 5; i++)
        if (strlen(names[i]) == n && memcmp(names[i], name, n) == 0)
            return slots[i];
    return NULL;
}

/* name="value",name="value": no spaces, no name twice, all five there. */
static bool parse_authorization(struct pool *pool, const char *text, struct authorization *a)
{
    if (strncmp(text, SCHEME " ", sizeof SCHEME) != 0)
        return false;
    for (const char *p = text + sizeof SCHEME;; p++) {
        const char *equals = strchr(p, '=');
        if (!equals || equals[1] != '"')
            return false;
        const char *value = equals + 2, *end = strchr(value, '"');
        const char **slot = authorization_slot(a, p, (size_t)(equals - p));
        if (!end || !slot || *slot)
            return false;
        *slot = pool_copy(pool, value, (size_t)(end - value));
        p = end + 1;
        if (!*p)
            break;
        if (*p != ',')
            return false;
    }
    return a->mchid && a->nonce_str && a->timestamp && a->serial_no && a->signature;
}

static bool is_current(const char *timestamp)
{
    if (!text_is_made_of(timestamp, 1, 12, "") || strspn(timestamp, DIGITS) != strlen(timestamp))
        return false;
    return llabs(strtoll(timestamp, NULL, 10) - (long long)moment_now_s()) <= WINDOW_S;
}

static bool check_authorization(struct sandbox *s, struct request *request,
                                struct wechat_refusal *r)
{
    struct authorization a = {0};
    const char *header = request_header(request, "Authorization");
    if (!header || !parse_authorization(request->pool, header, &a))
        return refuse_authorization(r, "authorization", "Http头Authorization值格式错误");
    if (strcmp(a.mchid, s->in.mchid) != 0)
        return refuse_authorization(r, "mchid", "商户号不存在");
    if (strcmp(a.serial_no, s->in.merchant_serial) != 0)
        return refuse_authorization(r, "serial_no", "商户证书序列号有误");
    if (!text_is_made_of(a.nonce_str, 1, 32, ""))
        return refuse_authorization(r, "nonce_str", "Http头Authorization中的nonce_str有误");
    if (!is_current(a.timestamp))
        return refuse_authorization(
            r, "timestamp", "Http头Authorization中的timestamp与发起请求的时间不得超过5分钟");
    struct text message = {.pool = request->pool};
    text_print(&message, "%s\n%s\n%s\n%s\n", request->method, request->target, a.timestamp,
               a.nonce_str);
    text_add(&message, request->body, request->body_size);
    text_puts(&message, "\n");
    r->sign_message = message.at;
    if (!key_verify(request->pool, s->in.merchant_key, message.at, message.size, a.signature))
        return refuse_authorization(r, "signature", "错误的签名，验签失败");
    return true;
}

static bool is_json_type(const char *type)
{
    size_t n = strlen("application/json");
    if (strncasecmp(type, "application/json", n) != 0)
        return false;
    const char *rest = type + n;
    return !*rest || strcasecmp(rest, "; charset=utf-8") == 0 ||
           strcasecmp(rest, ";charset=utf-8") == 0;
}

/* NULL: nobody has that id. */
static const struct signer *signer_named(const struct sandbox *s, const char *id)
{
    for (size_t i = 0; i < N_WECHAT_SIGNERS; i++)
        if (strcmp(id, s->in.wechat[i].id) == 0)
            return &s->in.wechat[i];
    return NULL;
}

static bool check_headers(struct sandbox *s, struct request *request, struct wechat_refusal *r)
{
    const char *agent = request_header(request, "User-Agent");
    if (!agent || !*agent)
        return refuse_header(r, "User-Agent", "missing");
    const char *accept = request_header(request, "Accept");
    if (!accept || !is_json_type(accept))
        return refuse_header(r, "Accept", "must be application/json");
    const char *type = request_header(request, "Content-Type");
    if (strcmp(request->method, "POST") == 0 && (!type || !is_json_type(type)))
        return refuse_header(r, "Content-Type", "must be application/json");
    const char *serial = request_header(request, "Wechatpay-Serial");
    if (!serial || !signer_named(s, serial))
        return refuse_header(r, "Wechatpay-Serial", serial ? "no such key" : "missing");
    return true;
}

/* ---- answers ---- */

static void sign_answer(struct sandbox *s, struct request *request, struct reply *reply,
                        const char *fault)
{
    struct pool *pool = request->pool;
    const char *asked = request_header(request, "Wechatpay-Serial");
    int chosen = atomic_load(&s->signers[CHANNEL_WECHAT].answers);
    const struct signer *signer = asked ? signer_named(s, asked) : NULL;
    if (chosen != SIGNER_ASKED || !signer)
        signer = &s->in.wechat[chosen == SIGNER_ASKED ? WECHAT_PUBLIC_KEY : chosen];
    int64_t late_s = strcmp(fault, "old-timestamp") == 0 ? 2 * WINDOW_S : 0;
    char *timestamp = pool_print(pool, "%lld", (long long)(moment_now_s() - late_s));
    char *nonce = random_text(pool, ALPHANUMERIC, 32);
    struct text message = {.pool = pool};
    text_print(&message, "%s\n%s\n", timestamp, nonce);
    text_add(&message, reply->body, reply->body_size);
    text_puts(&message, strcmp(fault, "wrong-signature") == 0 ? " \n" : "\n");
    char *signature = key_sign(pool, signer->key, message.at, message.size);
    if (strcmp(fault, "probe") == 0)
        signature = pool_print(pool, "WECHATPAY/SIGNTEST/%s", signature);
    reply_header(reply, "Wechatpay-Timestamp", timestamp);
    reply_header(reply, "Wechatpay-Nonce", nonce);
    reply_header(reply, "Wechatpay-Signature", signature);
    reply_header(reply, "Wechatpay-Signature-Type", SCHEME);
    reply_header(reply, "Wechatpay-Serial", signer->id);
}

static void answer_refusal(struct request *request, const struct wechat_refusal *r,
                           struct reply *reply)
{
    json_t *detail = json_object();
    if (r->field) {
        json_object_set_new(detail, "field", json_string(r->field));
        json_object_set_new(detail, "issue", json_string(r->issue));
        json_object_set_new(detail, "location", json_string(r->location));
    }
    if (r->status == 401 && r->sign_message)
        json_object_set_new(detail, "sign_information",
                            json_pack("{s:s, s:s, s:s, s:i}", "method", request->method, "url",
                                      request->target, "truncated_sign_message",
                                      pool_print(request->pool, "%.200s", r->sign_message),
                                      "sign_message_length", (int)strlen(r->sign_message)));
    reply_json(
        request, reply, r->status,
        json_pack("{s:s, s:s, s:o}", "code", r->code, "message", r->message, "detail", detail));
}

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

bool wechat_refuse_term(struct wechat_refusal *r, const struct term_fault *fault)
{
    r->field = fault->field;
    r->issue = fault->issue;
    r->location = "body";
    return wechat_refuse(r, 400, "PARAM_ERROR", "参数错误");
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

static bool take_order(struct sandbox *s, struct request *request, const char *name,
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

static bool check_query_mchid(const struct sandbox *s, struct request *request,
                              struct wechat_refusal *r)
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

static bool answer_query(struct sandbox *s, struct request *request, const struct trade *found,
                         struct reply *reply, struct wechat_refusal *r)
{
    if (!found)
        return wechat_refuse(r, 404, "ORDER_NOT_EXIST", "订单不存在");
    (void)s;
    reply_json(request, reply, 200, wechat_transaction(request->pool, found));
    return true;
}

static bool close_order(struct sandbox *s, struct request *request, const char *out_trade_no,
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

static json_t *sealed_certificate(const struct sandbox *s, struct pool *pool, int which)
{
    size_t n = 0;
    const struct signer *signer = &s->in.wechat[which];
    char *pem = file_read(pool, signer->file, &n);
    char *nonce = random_text(pool, ALPHANUMERIC, 12);
    int64_t now_s = moment_now_s();
    bool over = which == WECHAT_EXPIRED;
    if (!pem)
        return NULL;
    return json_pack("{s:s, s:s, s:s, s:{s:s, s:s, s:s, s:s}}", "serial_no", signer->id,
                     "effective_time", moment_rfc3339(pool, now_s - (over ? 400 : 1) * 86400LL),
                     "expire_time", moment_rfc3339(pool, now_s + (over ? -1 : 4 * 365) * 86400LL),
                     "encrypt_certificate", "algorithm", "AEAD_AES_256_GCM", "nonce", nonce,
                     "associated_data", "certificate", "ciphertext",
                     aead_seal(pool, s->in.api_v3_key, nonce, "certificate", pem, n));
}

static bool list_certificates(struct sandbox *s, struct request *request, struct reply *reply,
                              struct wechat_refusal *r)
{
    unsigned given = atomic_load(&s->certificates);
    if (!given)
        return wechat_refuse(r, 404, "RESOURCE_NOT_EXISTS",
                             "无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥。");
    json_t *list = json_array();
    for (int i = WECHAT_CERTIFICATE; i < N_WECHAT_SIGNERS; i++)
        if (given & 1U << i)
            json_array_append_new(list, sealed_certificate(s, request->pool, i));
    reply_json(request, reply, 200, json_pack("{s:o}", "data", list));
    return true;
}

/* ---- routes ---- */

/* The percent-decoded rest of the path behind prefix and before suffix; NULL when it is not so. */
static const char *path_between(struct request *request, const char *prefix, const char *suffix)
{
    size_t n = strlen(request->path), head = strlen(prefix), tail = strlen(suffix);
    char *decoded;
    if (n <= head + tail || strncmp(request->path, prefix, head) != 0 ||
        strcmp(request->path + n - tail, suffix) != 0)
        return NULL;
    if (!percent_decode(request->pool, request->path + head, n - head - tail, false, &decoded) ||
        strchr(decoded, '/'))
        return NULL;
    return decoded;
}

#define TRANSACTIONS "/v3/pay/transactions/"
#define BILL_FILE    "/v3/billdownload/file"
#define REFUNDS      "/v3/refund/domestic/refunds"

static bool route_get(struct sandbox *s, struct request *request, struct reply *reply,
                      struct wechat_refusal *r)
{
    struct trade found;
    const char *id;
    if (strcmp(request->path, "/v3/certificates") == 0)
        return list_certificates(s, request, reply, r);
    if (strcmp(request->path, "/v3/bill/tradebill") == 0)
        return wechat_order_bill(s, request, reply, r);
    if (strcmp(request->path, BILL_FILE) == 0)
        return files_answer(s->files, request, "text/plain", reply) ||
               wechat_refuse(r, 404, "RESOURCE_NOT_EXISTS", "请求的资源不存在");
    if ((id = path_between(request, REFUNDS "/", "")))
        return wechat_show_refund(s, request, id, reply, r);
    if ((id = path_between(request, TRANSACTIONS "out-trade-no/", "")))
        return check_query_mchid(s, request, r) &&
               answer_query(s, request,
                            trades_find(s->trades, CHANNEL_WECHAT, id, &found) ? &found : NULL,
                            reply, r);
    if ((id = path_between(request, TRANSACTIONS "id/", "")))
        return check_query_mchid(s, request, r) &&
               answer_query(s, request,
                            trades_find_transaction(s->trades, CHANNEL_WECHAT, id, &found) ? &found
                                                                                           : NULL,
                            reply, r);
    return wechat_refuse(r, 404, "RESOURCE_NOT_EXISTS", "请求的资源不存在");
}

static bool route_post(struct sandbox *s, struct request *request, struct reply *reply,
                       struct wechat_refusal *r)
{
    const char *rest;
    if (request->query) {
        r->field = "query";
        r->issue = "unexpected";
        r->location = "query";
        return wechat_refuse(r, 400, "PARAM_ERROR", "参数错误");
    }
    if (strcmp(request->path, REFUNDS) == 0)
        return wechat_take_refund(s, request, reply, r);
    if ((rest = path_between(request, TRANSACTIONS "out-trade-no/", "/close")))
        return close_order(s, request, rest, reply, r);
    if ((rest = path_between(request, TRANSACTIONS, "")))
        return take_order(s, request, rest, reply, r);
    return wechat_refuse(r, 404, "RESOURCE_NOT_EXISTS", "请求的资源不存在");
}

static bool route(struct sandbox *s, struct request *request, struct reply *reply,
                  struct wechat_refusal *r)
{
    if (!check_authorization(s, request, r) || !check_headers(s, request, r))
        return false;
    if (strcmp(request->method, "GET") == 0)
        return route_get(s, request, reply, r);
    if (strcmp(request->method, "POST") == 0)
        return route_post(s, request, reply, r);
    return wechat_refuse(r, 405, "PARAM_ERROR", "不支持的请求方法");
}

static bool fail_on_purpose(const char *fault, struct wechat_refusal *r)
{
    if (strcmp(fault, "server-error") == 0)
        return !wechat_refuse(r, 500, "SYSTEM_ERROR", "系统异常，请使用相同参数稍后重新调用");
    if (strcmp(fault, "rate-limit") == 0)
        return !wechat_refuse(r, 429, "FREQUENCY_LIMITED", "频率限制，请稍后重试");
    return false;
}

void wechat_answer(struct sandbox *s, struct request *request, struct reply *reply)
{
    const char *fault = sandbox_take_fault(s, CHANNEL_WECHAT);
    fault = fault ? fault : "";
    struct wechat_refusal r = {.fault = fault};
    if (sandbox_break(s, CHANNEL_WECHAT, fault, reply))
        return;
    if (fail_on_purpose(fault, &r) || !route(s, request, reply, &r))
        answer_refusal(request, &r, reply);
    if (strcmp(fault, "garbage") == 0) {
        reply->body = "{\"prepay_id\":";
        reply->body_size = strlen(reply->body);
    }
    reply_header(reply, "Request-ID", random_text(request->pool, "0123456789ABCDEF", 32));
    bool file = strcmp(request->path, BILL_FILE) == 0; /* its digest was told before */
    if (strcmp(fault, "unsigned") != 0 && !file)
        sign_answer(s, request, reply, fault);
}
