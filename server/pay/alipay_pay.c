/* SPDX-License-Identifier: MIT */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "pay/alipay_keys.h"

enum { SUBJECT_MAX = 256, TRADE_NO_MAX = 64, PUBLIC_PARAMS_MAX = 16 };
static const int64_t AMOUNT_MAX_FEN = INT64_C(10000000000);

/* Source: section 5.1's table. */
static const struct {
    const char *api, *product_code;
} PRODUCTS[] = {
    [ALIPAY_APP] = {"alipay.trade.app.pay", "QUICK_MSECURITY_PAY"},
    [ALIPAY_WAP] = {"alipay.trade.wap.pay", "QUICK_WAP_WAY"},
    [ALIPAY_PAGE] = {"alipay.trade.page.pay", "FAST_INSTANT_TRADE_PAY"},
    [ALIPAY_QR] = {"alipay.trade.precreate", "FACE_TO_FACE_PAYMENT"},
};

struct call {
    const char *api, *biz_content;
    const char *notify_url, *return_url; /* may be NULL */
};

static void add(struct alipay_params *params, const char *name, const char *value)
{
    if (!value || !value[0])
        return;
    CHECK(params->n < PUBLIC_PARAMS_MAX);
    params->at[params->n++] = (struct alipay_param){name, value};
}

/* All parameters of a call, sorted, without sign. */
static struct alipay_params collect(const struct alipay *p, const struct call *call, int64_t now_us,
                                    struct arena *a)
{
    struct alipay_params params = {arena_alloc(a, PUBLIC_PARAMS_MAX * sizeof *params.at), 0};
    char timestamp[TIME_TEXT_BYTES];
    add(&params, "app_id", p->app_id);
    add(&params, "method", call->api);
    add(&params, "format", "JSON");
    add(&params, "charset", "utf-8");
    add(&params, "sign_type", "RSA2");
    add(&params, "timestamp", arena_strdup(a, time_format_cn_plain(now_us, timestamp)));
    add(&params, "version", "1.0");
    add(&params, "notify_url", call->notify_url);
    add(&params, "return_url", call->return_url);
    add(&params, "app_cert_sn", p->app_cert_sn);
    add(&params, "alipay_root_cert_sn", p->root_cert_sn);
    add(&params, "biz_content", call->biz_content);
    return params;
}

static enum status sign_call(const struct alipay *p, const struct call *call, int64_t now_us,
                             struct arena *a, struct alipay_params *out)
{
    const char *sign;
    struct alipay_params params = collect(p, call, now_us, a);
    enum status status = alipay_sign_params(p, &params, a, &sign);
    if (status != OK)
        return status;
    add(&params, "sign", sign);
    *out = params;
    return OK;
}

/* Takes biz_content out of the parameters, which stay in order. */
static void remove_biz_content(struct alipay_params *params)
{
    size_t kept = 0;
    for (size_t i = 0; i < params->n; i++)
        if (strcmp(params->at[i].name, "biz_content") != 0)
            params->at[kept++] = params->at[i];
    params->n = kept;
}

static enum status post_call(const struct alipay *p, const struct call *call, int64_t now_us,
                             struct arena *a, struct alipay_request *out)
{
    struct alipay_params params;
    enum status status = sign_call(p, call, now_us, a, &params);
    if (status != OK)
        return status;
    remove_biz_content(&params);
    out->url = arena_printf(a, "%s?%s", p->gateway_url, alipay_params_encode(&params, a));
    out->body = arena_printf(a, "biz_content=%s", alipay_escape(call->biz_content, a));
    return OK;
}

/* JSON text in the arena; takes the reference. */
static const char *dump(json_t *json, struct arena *a)
{
    char *dumped = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    CHECK_PEER(dumped);
    const char *text = arena_strdup(a, dumped);
    free(dumped);
    return text;
}

static bool is_trade_no(const char *text)
{
    size_t n = strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_");
    return n > 0 && n <= TRADE_NO_MAX && !text[n];
}

/* The first 256 characters; the text is UTF-8, or jansson will refuse it. */
static const char *shorten(const char *subject, struct arena *a)
{
    size_t characters = 0, i = 0;
    for (; subject[i]; i++)
        if (((unsigned char)subject[i] & 0xC0) != 0x80 && ++characters > SUBJECT_MAX)
            break;
    return arena_copy(a, subject, i);
}

static bool is_allowed(const struct alipay_pay *pay, int64_t now_us)
{
    return pay->subject && pay->subject[0] && pay->out_trade_no && is_trade_no(pay->out_trade_no) &&
           pay->amount_fen >= 1 && pay->amount_fen <= AMOUNT_MAX_FEN &&
           pay->expires_us / SECOND_US > now_us / SECOND_US;
}

/* False when the text is not UTF-8. */
static bool put(json_t *object, const char *name, const char *text)
{
    return json_object_set_new(object, name, json_string(text)) == 0;
}

static enum status pay_content(const struct alipay_pay *pay, struct arena *a, const char **text)
{
    char yuan[YUAN_TEXT_BYTES], expires[TIME_TEXT_BYTES];
    const char *quit_url = pay->method == ALIPAY_WAP ? pay->return_url : NULL;
    json_t *json = json_object();
    bool whole = put(json, "out_trade_no", pay->out_trade_no) &&
                 put(json, "total_amount", yuan_format(pay->amount_fen, yuan)) &&
                 put(json, "subject", shorten(pay->subject, a)) &&
                 put(json, "product_code", PRODUCTS[pay->method].product_code) &&
                 put(json, "time_expire", time_format_cn_plain(pay->expires_us, expires)) &&
                 (!quit_url || put(json, "quit_url", quit_url));
    if (!whole) {
        json_decref(json);
        return INVALID;
    }
    *text = dump(json, a);
    return OK;
}

static enum status pay_call(const struct alipay_pay *pay, int64_t now_us, struct arena *a,
                            struct call *out)
{
    const char *content;
    if (!is_allowed(pay, now_us))
        return INVALID;
    enum status status = pay_content(pay, a, &content);
    if (status != OK)
        return status;
    bool returns = pay->method == ALIPAY_WAP || pay->method == ALIPAY_PAGE;
    *out = (struct call){
        .api = PRODUCTS[pay->method].api,
        .biz_content = content,
        .notify_url = pay->notify_url,
        .return_url = returns ? pay->return_url : NULL,
    };
    return OK;
}

enum status alipay_pay_text(const struct alipay *p, const struct alipay_pay *pay, int64_t now_us,
                            struct arena *a, const char **text)
{
    struct alipay_params params;
    struct call call;
    if (pay->method == ALIPAY_QR)
        return INVALID;
    enum status status = pay_call(pay, now_us, a, &call);
    if (status == OK)
        status = sign_call(p, &call, now_us, a, &params);
    if (status != OK)
        return status;
    const char *query = alipay_params_encode(&params, a);
    *text = pay->method == ALIPAY_APP ? query : arena_printf(a, "%s?%s", p->gateway_url, query);
    return OK;
}

enum status alipay_precreate_request(const struct alipay *p, const struct alipay_pay *pay,
                                     int64_t now_us, struct arena *a, struct alipay_request *out)
{
    struct call call;
    if (pay->method != ALIPAY_QR)
        return INVALID;
    enum status status = pay_call(pay, now_us, a, &call);
    return status == OK ? post_call(p, &call, now_us, a, out) : status;
}

enum status alipay_sign_request(const struct alipay *p, const char *method, const char *biz_content,
                                int64_t now_us, struct arena *a, struct alipay_request *out)
{
    const struct call call = {.api = method, .biz_content = biz_content};
    return post_call(p, &call, now_us, a, out);
}

static enum status sign_about(const struct alipay *p, const char *method, const char *out_trade_no,
                              int64_t now_us, struct arena *a, struct alipay_request *out)
{
    if (!is_trade_no(out_trade_no))
        return INVALID;
    const char *content = dump(json_pack("{s:s}", "out_trade_no", out_trade_no), a);
    return alipay_sign_request(p, method, content, now_us, a, out);
}

enum status alipay_query_request(const struct alipay *p, const char *out_trade_no, int64_t now_us,
                                 struct arena *a, struct alipay_request *out)
{
    return sign_about(p, "alipay.trade.query", out_trade_no, now_us, a, out);
}

enum status alipay_close_request(const struct alipay *p, const char *out_trade_no, int64_t now_us,
                                 struct arena *a, struct alipay_request *out)
{
    return sign_about(p, "alipay.trade.close", out_trade_no, now_us, a, out);
}
