/* SPDX-License-Identifier: MIT */
#include "callback.h"

#include "encoding.h"
#include "moment.h"
#include "wechat.h"

#include <string.h>

enum { TEN_MINUTES_S = 600 };

static const char *const fault_names[] = {
    "none",
    "again",
    "wrong-signature",
    "probe",
    "wrong-amount",
    "wrong-appid",
    "wrong-mchid",
    "wrong-currency",
    "old-timestamp",
    "future-timestamp",
    "unknown-serial",
    "wrong-api-key",
    "garbage-body",
    "duplicate-key",
    "unknown-event",
    "refund-notice",
    "closed",
    "gbk",
};

bool fault_parse(const char *name, enum fault *fault)
{
    for (size_t i = 0; i < sizeof fault_names / sizeof fault_names[0]; i++) {
        if (strcmp(fault_names[i], name) == 0) {
            *fault = (enum fault)i;
            return true;
        }
    }
    return false;
}

const char *fault_name(enum fault fault)
{
    return fault_names[fault];
}

bool fault_is_genuine(enum fault fault)
{
    return fault == FAULT_NONE || fault == FAULT_AGAIN;
}

/* A trade that was never paid, made to look so: for forged callbacks. */
static struct trade as_if_paid(struct pool *pool, const struct notice *n)
{
    struct trade t = n->trade;
    t.refunding_fen = 0; /* a payment's callback does not change by refunds */
    if (t.state != TRADE_PAID) {
        t.state = TRADE_PAID;
        t.paid_s = moment_now_s();
        t.notice_id = pool_print(pool, "EV-%s", random_text(pool, DIGITS, 24));
        t.payer = (struct payer){.openid = "oForgedForgedForgedForgedFor",
                                 .buyer_id = "2088000000000000"};
        if (!t.transaction_id)
            t.transaction_id = pool_print(pool, "4200%s", random_text(pool, DIGITS, 24));
    }
    if (n->transaction_id)
        t.transaction_id = n->transaction_id;
    return t;
}

static void add_header(struct callback *c, const char *name, const char *value)
{
    c->headers[c->n_headers++] = (struct header){name, value};
}

/* ---- WeChat ---- */

/* The refund it is about; one made up for FAULT_REFUND_NOTICE; no state that is told: NULL. */
static const struct refund *refund_of(struct pool *pool, const struct notice *n,
                                      const struct trade *t)
{
    if (n->refund || n->fault != FAULT_REFUND_NOTICE)
        return n->refund;
    struct refund *r = pool_alloc(pool, sizeof *r);
    int64_t fen = n->amount_fen ? n->amount_fen : t->amount_fen;
    *r = (struct refund){
        .channel = t->channel,
        .out_trade_no = t->out_trade_no,
        .transaction_id = t->transaction_id,
        .merchant = t->merchant,
        .out_refund_no = random_text(pool, DIGITS, 20),
        .amount_fen = fen,
        .total_fen = t->amount_fen,
        .refund_id = pool_print(pool, "5030%s", random_text(pool, DIGITS, 24)),
        .notice_id = t->notice_id,
        .state = REFUND_SUCCESS,
        .done_s = moment_now_s(),
        .trade_refunded_fen = fen,
    };
    return r;
}

static json_t *wechat_plaintext(struct pool *pool, const struct notice *n, const struct trade *t,
                                const struct refund *refund)
{
    json_t *plain = refund ? wechat_refund_notice(pool, refund) : wechat_transaction(pool, t);
    json_t *amount = json_object_get(plain, "amount");
    if (n->fault == FAULT_WRONG_AMOUNT) {
        json_int_t fen = n->amount_fen ? n->amount_fen : t->amount_fen + 1;
        json_object_set_new(amount, "total", json_integer(fen));
        json_object_set_new(amount, "payer_total", json_integer(fen));
        if (refund)
            json_object_set_new(amount, "refund", json_integer(fen));
    } else if (n->fault == FAULT_WRONG_APPID) {
        json_put_text(plain, "appid", "wx0000000000000000");
    } else if (n->fault == FAULT_WRONG_MCHID) {
        json_put_text(plain, "mchid", "1900000000");
    } else if (n->fault == FAULT_WRONG_CURRENCY) {
        json_put_text(amount, "currency", "USD");
    } else if (n->fault == FAULT_CLOSED && !refund) {
        json_put_text(plain, "trade_state", "CLOSED");
        json_put_text(plain, "trade_state_desc", "订单已关闭");
    }
    return plain;
}

static const char *wechat_event(enum fault fault, const struct refund *refund)
{
    static const char *const refunds[] = {"", "REFUND.SUCCESS", "REFUND.ABNORMAL", "REFUND.CLOSED"};
    if (fault == FAULT_UNKNOWN_EVENT)
        return "PAYSCORE.USER_CONFIRM";
    return refund ? refunds[refund->state] : "TRANSACTION.SUCCESS";
}

static char *wechat_body(const struct sandbox *s, struct pool *pool, const struct notice *n)
{
    if (n->fault == FAULT_GARBAGE_BODY)
        return pool_text(pool, "{\"id\":\"EV-garbage\",\"resource\":{");
    struct trade t = as_if_paid(pool, n);
    const struct refund *refund = refund_of(pool, n, &t);
    char *plain = pool_dump(pool, pool_json(pool, wechat_plaintext(pool, n, &t, refund)));
    const char *about = refund ? "refund" : "transaction";
    char *nonce = random_text(pool, ALPHANUMERIC, 12);
    const char *key =
        n->fault == FAULT_WRONG_API_KEY ? random_text(pool, ALPHANUMERIC, 32) : s->in.api_v3_key;
    json_t *body = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:{s:s, s:s, s:s, s:s, s:s}}", "id",
        refund ? refund->notice_id : t.notice_id, "create_time",
        moment_rfc3339(pool, refund && refund->done_s ? refund->done_s : t.paid_s), "resource_type",
        "encrypt-resource", "event_type", wechat_event(n->fault, refund), "summary",
        refund ? "退款通知" : "支付成功", "resource", "original_type", about, "algorithm",
        "AEAD_AES_256_GCM", "ciphertext", aead_seal(pool, key, nonce, about, plain, strlen(plain)),
        "associated_data", about, "nonce", nonce);
    char *text = pool_dump(pool, pool_json(pool, body));
    if (n->fault == FAULT_DUPLICATE_KEY)
        text = pool_print(pool, "{\"event_type\":\"TRANSACTION.SUCCESS\",%s", text + 1);
    return text;
}

static void sign_wechat(const struct sandbox *s, struct pool *pool, const struct notice *n,
                        struct callback *c)
{
    int64_t at_s = moment_now_s();
    if (n->fault == FAULT_OLD_TIMESTAMP)
        at_s -= TEN_MINUTES_S;
    if (n->fault == FAULT_FUTURE_TIMESTAMP)
        at_s += TEN_MINUTES_S;
    char *timestamp = pool_print(pool, "%lld", (long long)at_s);
    char *nonce = random_text(pool, ALPHANUMERIC, 32);
    const char *covered = n->fault == FAULT_WRONG_SIGNATURE ? "{}" : c->body;
    char *message = pool_print(pool, "%s\n%s\n%s\n", timestamp, nonce, covered);
    const struct signer *signer =
        n->signer ? n->signer : &s->in.wechat[atomic_load(&s->signers[CHANNEL_WECHAT].callbacks)];
    char *signature = key_sign(pool, signer->key, message, strlen(message));
    if (n->fault == FAULT_PROBE)
        signature = pool_print(pool, "WECHATPAY/SIGNTEST/%s", signature);
    const char *serial = signer->id;
    if (n->fault == FAULT_UNKNOWN_SERIAL)
        serial = "PUB_KEY_ID_0000000000000000000000000000";
    add_header(c, "Wechatpay-Timestamp", timestamp);
    add_header(c, "Wechatpay-Nonce", nonce);
    add_header(c, "Wechatpay-Signature", signature);
    add_header(c, "Wechatpay-Signature-Type", "WECHATPAY2-SHA256-RSA2048");
    add_header(c, "Wechatpay-Serial", serial);
}

static bool build_wechat(const struct sandbox *s, struct pool *pool, const struct notice *n,
                         struct callback *c)
{
    if (n->fault == FAULT_GBK)
        return false;
    c->body = wechat_body(s, pool, n);
    add_header(c, "Content-Type", "application/json");
    add_header(c, "User-Agent", "Mozilla/4.0");
    sign_wechat(s, pool, n, c);
    return true;
}

/* ---- Alipay ---- */

static bool alipay_has(const struct notice *n)
{
    switch (n->fault) {
    case FAULT_PROBE:
    case FAULT_WRONG_CURRENCY:
    case FAULT_OLD_TIMESTAMP:
    case FAULT_FUTURE_TIMESTAMP:
    case FAULT_UNKNOWN_SERIAL:
    case FAULT_WRONG_API_KEY: return false;
    case FAULT_NONE:
    case FAULT_AGAIN:
    case FAULT_WRONG_SIGNATURE:
    case FAULT_WRONG_AMOUNT:
    case FAULT_WRONG_APPID:
    case FAULT_WRONG_MCHID:
    case FAULT_GARBAGE_BODY:
    case FAULT_DUPLICATE_KEY:
    case FAULT_UNKNOWN_EVENT:
    case FAULT_REFUND_NOTICE:
    case FAULT_CLOSED:
    case FAULT_GBK: return true;
    }
    return false;
}

static const char *alipay_status(const struct notice *n, const struct refund *refund)
{
    if (n->fault == FAULT_UNKNOWN_EVENT)
        return "TRADE_SOMETHING_NEW";
    bool all_back = refund && refund->trade_refunded_fen >= n->trade.amount_fen;
    return n->fault == FAULT_CLOSED || all_back ? "TRADE_CLOSED" : "TRADE_SUCCESS";
}

/* refund_fee is what all refunds of the trade come to. */
static void add_refund(struct pool *pool, struct pairs *p, const struct refund *refund)
{
    pairs_add(p, "refund_fee", yuan_text(pool, refund->trade_refunded_fen));
    pairs_add(p, "gmt_refund", pool_print(pool, "%s.000", moment_gmt8(pool, refund->done_s)));
    pairs_add(p, "out_biz_no", refund->out_refund_no);
}

static void add_payment(struct pool *pool, struct pairs *p, const struct trade *t, char *amount)
{
    pairs_add(p, "gmt_payment", moment_gmt8(pool, t->paid_s));
    pairs_add(p, "receipt_amount", amount);
    pairs_add(p, "invoice_amount", amount);
    pairs_add(p, "buyer_pay_amount", amount);
    pairs_add(p, "point_amount", "0.00");
    pairs_add(p, "fund_bill_list",
              pool_print(pool, "[{\"amount\":\"%s\",\"fundChannel\":\"ALIPAYACCOUNT\"}]", amount));
}

static void add_buyer(struct pairs *p, const struct payer *payer)
{
    if (payer->buyer_open_id)
        pairs_add(p, "buyer_open_id", payer->buyer_open_id);
    else
        pairs_add(p, "buyer_id", payer->buyer_id);
    pairs_add(p, "buyer_logon_id", "san***@example.com");
}

/* All members but sign and sign_type. */
static void alipay_members(struct pool *pool, const struct notice *n, const struct trade *t,
                           struct pairs *p)
{
    bool other = n->fault == FAULT_WRONG_AMOUNT;
    int64_t fen = !other ? t->amount_fen : n->amount_fen ? n->amount_fen : t->amount_fen + 1;
    const struct refund *refund = refund_of(pool, n, t);
    const char *app_id = n->fault == FAULT_WRONG_APPID ? "2021000000000000" : t->appid;
    char *amount = yuan_text(pool, fen);
    pairs_add(p, "gmt_create", moment_gmt8(pool, t->created_s));
    pairs_add(p, "charset", "utf-8");
    pairs_add(p, "notify_time", moment_gmt8(pool, moment_now_s()));
    pairs_add(p, "subject", t->subject);
    pairs_add(p, "version", "1.0");
    pairs_add(p, "notify_id", refund ? refund->notice_id : t->notice_id);
    pairs_add(p, "notify_type", "trade_status_sync");
    pairs_add(p, "out_trade_no", t->out_trade_no);
    pairs_add(p, "total_amount", amount);
    pairs_add(p, "trade_status", alipay_status(n, refund));
    pairs_add(p, "trade_no", t->transaction_id);
    pairs_add(p, "auth_app_id", app_id);
    pairs_add(p, "app_id", app_id);
    pairs_add(p, "seller_id", n->fault == FAULT_WRONG_MCHID ? "2088000000000009" : t->merchant);
    add_buyer(p, &t->payer);
    if (t->attach)
        pairs_add(p, "passback_params", t->attach);
    if (n->fault == FAULT_CLOSED) {
        pairs_add(p, "gmt_close", moment_gmt8(pool, moment_now_s()));
        return;
    }
    add_payment(pool, p, t, amount);
    if (refund)
        add_refund(pool, p, refund);
}

static bool build_alipay(const struct sandbox *s, struct pool *pool, const struct notice *n,
                         struct callback *c)
{
    if (!alipay_has(n))
        return false;
    struct trade t = as_if_paid(pool, n);
    struct pairs p = {0};
    alipay_members(pool, n, &t, &p);
    const struct signer *signer =
        n->signer ? n->signer : &s->in.alipay[atomic_load(&s->signers[CHANNEL_ALIPAY].callbacks)];
    if (t.by_certificate)
        pairs_add(&p, "alipay_cert_sn", signer->id);
    for (size_t i = 0; n->fault == FAULT_GBK && i < p.n; i++)
        p.at[i].value =
            strcmp(p.at[i].name, "charset") == 0 ? "GBK" : text_in_gbk(pool, p.at[i].value).at;
    char *covered =
        n->fault == FAULT_WRONG_SIGNATURE ? "other=text" : pairs_sorted_text(pool, &p, NULL);
    pairs_add(&p, "sign_type", "RSA2");
    pairs_add(&p, "sign", key_sign(pool, signer->key, covered, strlen(covered)));
    char *body = pairs_form(pool, &p);
    if (n->fault == FAULT_GARBAGE_BODY)
        body = "%%%=1&&app_id=%zz&sign=";
    if (n->fault == FAULT_DUPLICATE_KEY)
        body = pool_print(pool, "%s&total_amount=0.01", body);
    c->body = body;
    add_header(c, "Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
    add_header(c, "User-Agent", "Mozilla/4.0");
    return true;
}

/* The path of notify_url at deliver_to, where that is given. */
static const char *destination(const struct sandbox *s, struct pool *pool, const char *notify_url)
{
    if (!s->deliver_to || !notify_url)
        return notify_url;
    const char *host = strstr(notify_url, "://");
    const char *path = host ? strchr(host + 3, '/') : NULL;
    return pool_print(pool, "%s%s", s->deliver_to, path ? path : "/");
}

/* WeChat tells how a refund ended, Alipay only of money that went back. */
static bool is_told(const struct notice *n)
{
    if (!n->refund)
        return true;
    return n->trade.channel == CHANNEL_WECHAT ? n->refund->state != REFUND_PROCESSING
                                              : n->refund->state == REFUND_SUCCESS;
}

bool callback_build(const struct sandbox *s, struct pool *pool, const struct notice *notice,
                    struct callback *callback)
{
    memset(callback, 0, sizeof *callback);
    callback->url = destination(
        s, pool, notice->refund ? notice->refund->notify_url : notice->trade.notify_url);
    bool built =
        callback->url && is_told(notice) &&
        (notice->trade.channel == CHANNEL_WECHAT ? build_wechat(s, pool, notice, callback)
                                                 : build_alipay(s, pool, notice, callback));
    if (built)
        callback->body_size = strlen(callback->body);
    return built;
}
