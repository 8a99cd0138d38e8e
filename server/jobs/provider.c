/* SPDX-License-Identifier: MIT */
#include "jobs/provider.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "jobs/provider_send.h"

static bool is_wechat(const struct payment *p)
{
    return strcmp(p->channel, "wechat") == 0;
}

static enum wechat_method wechat_method_of(const char *name)
{
    static const char *const names[] = {[WECHAT_APP] = "app",
                                        [WECHAT_JSAPI] = "jsapi",
                                        [WECHAT_H5] = "h5",
                                        [WECHAT_NATIVE] = "native"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return (enum wechat_method)i;
    CHECK(!"a WeChat method that the shape of the request lets pass");
    return WECHAT_APP;
}

static enum alipay_method alipay_method_of(const char *name)
{
    static const char *const names[] = {
        [ALIPAY_APP] = "app", [ALIPAY_WAP] = "wap", [ALIPAY_PAGE] = "page", [ALIPAY_QR] = "qr"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return (enum alipay_method)i;
    CHECK(!"an Alipay method that the shape of the request lets pass");
    return ALIPAY_APP;
}

/* ---- which configuration ---- */

static bool wechat_serves(const struct wechat *w, const struct payment *p)
{
    const char *appid = w ? wechat_appid(w, wechat_method_of(p->method)) : NULL;
    return appid && (!p->merchant ||
                     (strcmp(p->merchant, wechat_mchid(w)) == 0 && strcmp(p->appid, appid) == 0));
}

static bool alipay_serves(const struct alipay *p, const struct payment *payment)
{
    return p && (!payment->merchant || (strcmp(payment->merchant, alipay_seller_id(p)) == 0 &&
                                        strcmp(payment->appid, alipay_app_id(p)) == 0));
}

/* Index of the configuration of an attempt (merchant NULL: of a new one, which a retired merchant
 * does not take); -1 when there is none. */
static int find_config(const struct service *s, const struct payment *p)
{
    const struct config *c = s->config;
    for (size_t i = 0; is_wechat(p) && i < c->n_wechat; i++)
        if (wechat_serves(s->wechat[i], p) && (p->merchant || c->wechat[i].accept_new))
            return (int)i;
    for (size_t i = 0; !is_wechat(p) && i < c->n_alipay; i++)
        if (alipay_serves(s->alipay[i], p) && (p->merchant || c->alipay[i].accept_new))
            return (int)i;
    return -1;
}

enum status provider_choose(const struct service *s, int64_t now_us, struct payment *payment)
{
    int i = find_config(s, payment);
    if (i < 0)
        return NOT_FOUND;
    if (is_wechat(payment)) {
        payment->merchant = wechat_mchid(s->wechat[i]);
        payment->appid = wechat_appid(s->wechat[i], wechat_method_of(payment->method));
        payment->expires_us = now_us + s->config->wechat[i].payment_ttl_us;
    } else {
        payment->merchant = alipay_seller_id(s->alipay[i]);
        payment->appid = alipay_app_id(s->alipay[i]);
        payment->expires_us = now_us + s->config->alipay[i].payment_ttl_us;
    }
    return OK;
}

bool provider_is_ours(const struct service *s, const struct trade *t)
{
    if (!t->merchant || !t->appid)
        return false;
    for (size_t i = 0; t->channel == CHANNEL_WECHAT && i < s->config->n_wechat; i++) {
        if (!s->wechat[i] || strcmp(t->merchant, wechat_mchid(s->wechat[i])) != 0)
            continue;
        for (int m = WECHAT_APP; m <= WECHAT_NATIVE; m++) {
            const char *appid = wechat_appid(s->wechat[i], (enum wechat_method)m);
            if (appid && strcmp(appid, t->appid) == 0)
                return true;
        }
    }
    for (size_t i = 0; t->channel == CHANNEL_ALIPAY && i < s->config->n_alipay; i++)
        if (s->alipay[i] && strcmp(t->merchant, alipay_seller_id(s->alipay[i])) == 0 &&
            strcmp(t->appid, alipay_app_id(s->alipay[i])) == 0)
            return true;
    return false;
}

/* ---- prepay ---- */

/* What the payer reads in the wallet; the same for every order, so that it tells nothing. */
#define DESCRIPTION "证件照"

static const char *notify_url(const struct provider *p, const char *channel, struct arena *a)
{
    return arena_printf(a, "%s/v1/notify/%s", p->service->config->server.public_base_url, channel);
}

static enum status prepay_wechat(struct provider *p, int config, const struct payment *payment,
                                 int64_t now_us, struct arena *a, const char **client_json)
{
    struct wechat *w = p->service->wechat[config];
    enum wechat_method method = wechat_method_of(payment->method);
    struct wechat_request request;
    struct client_answer answer = {0};
    const char *value = NULL;
    const struct wechat_prepay prepay = {
        .method = method,
        .description = DESCRIPTION,
        .out_trade_no = payment->out_trade_no,
        .notify_url = notify_url(p, "wechat", a),
        .amount_fen = payment->amount_fen,
        .expires_us = payment->expires_us,
        .openid = payment->openid,
        .client_ip = payment->client_ip,
    };
    enum status s = wechat_prepay_request(w, &prepay, now_us, a, &request);
    if (s == OK)
        s = provider_send_wechat(p, config, &request, now_us, a, &answer);
    if (s == CONFLICT)
        provider_log_refusal("prepay", wechat_error_code(answer.body, answer.body_size, a));
    if (s == OK)
        s = wechat_prepay_answer(method, answer.body, answer.body_size, a, &value);
    if (s == OK && method == WECHAT_H5 && p->service->config->server.payment_return_url)
        value = wechat_h5_with_return(value, p->service->config->server.payment_return_url, a);
    if (s == OK)
        s = wechat_client_text(w, method, value, now_us, a, client_json);
    return s;
}

static const char *json_of_one(struct arena *a, const char *name, const char *value)
{
    json_t *o = json_pack("{s:s}", name, value);
    char *text = json_dumps(o, JSON_COMPACT);
    CHECK_PEER(text);
    const char *copy = arena_strdup(a, text);
    free(text);
    json_decref(o);
    return copy;
}

static enum status prepay_alipay(struct provider *p, int config, const struct payment *payment,
                                 int64_t now_us, struct arena *a, const char **client_json)
{
    struct alipay *alipay = p->service->alipay[config];
    enum alipay_method method = alipay_method_of(payment->method);
    struct alipay_request request;
    const char *text = NULL, *node = NULL;
    size_t node_size = 0;
    const struct alipay_pay pay = {
        .method = method,
        .subject = DESCRIPTION,
        .out_trade_no = payment->out_trade_no,
        .notify_url = notify_url(p, "alipay", a),
        .return_url = p->service->config->server.payment_return_url,
        .amount_fen = payment->amount_fen,
        .expires_us = payment->expires_us,
    };
    if (method != ALIPAY_QR) {
        enum status s = alipay_pay_text(alipay, &pay, now_us, a, &text);
        if (s == OK)
            *client_json = json_of_one(a, method == ALIPAY_APP ? "order_string" : "url", text);
        return s;
    }
    enum status s = alipay_precreate_request(alipay, &pay, now_us, a, &request);
    if (s == OK)
        s = provider_send_alipay(p, config, "alipay.trade.precreate", &request, a, &node,
                                 &node_size);
    if (s == OK)
        s = alipay_parse_precreate(node, node_size, payment->out_trade_no, a, &text);
    if (s != OK && node)
        provider_log_refusal("precreate", alipay_error_code(node, node_size, a));
    if (s == OK)
        *client_json = json_of_one(a, "qr_code", text);
    return s;
}

enum status provider_prepay(struct provider *p, const struct payment *payment, int64_t now_us,
                            struct arena *a, const char **client_json)
{
    int config = find_config(p->service, payment);
    if (config < 0)
        return UNAVAILABLE;
    return is_wechat(payment) ? prepay_wechat(p, config, payment, now_us, a, client_json)
                              : prepay_alipay(p, config, payment, now_us, a, client_json);
}

/* ---- query, close ---- */

/* A 404 of anything on the way must not close what may be paid: WeChat Pay names its own. */
static bool is_unknown_there(const struct client_answer *answer, struct arena *a)
{
    const char *code = wechat_error_code(answer->body, answer->body_size, a);
    return answer->http_status == 404 && strcmp(code, "ORDERNOTEXIST") == 0;
}

static enum status query_wechat(struct provider *p, int config, const struct payment *payment,
                                int64_t now_us, struct arena *a, struct trade *trade)
{
    struct wechat_request request;
    struct client_answer answer = {0};
    enum status s = wechat_query_request(p->service->wechat[config], payment->out_trade_no, now_us,
                                         a, &request);
    if (s == OK)
        s = provider_send_wechat(p, config, &request, now_us, a, &answer);
    if (s == CONFLICT && is_unknown_there(&answer, a))
        return NOT_FOUND;
    if (s == CONFLICT) {
        provider_log_refusal("query", wechat_error_code(answer.body, answer.body_size, a));
        return UNAVAILABLE;
    }
    if (s == OK)
        s = wechat_parse_transaction(answer.body, answer.body_size, a, trade);
    return s;
}

static enum status query_alipay(struct provider *p, int config, const struct payment *payment,
                                int64_t now_us, struct arena *a, struct trade *trade)
{
    struct alipay_request request;
    const char *node = NULL;
    size_t n = 0;
    enum status s = alipay_query_request(p->service->alipay[config], payment->out_trade_no, now_us,
                                         a, &request);
    if (s == OK)
        s = provider_send_alipay(p, config, "alipay.trade.query", &request, a, &node, &n);
    if (s == OK)
        s = alipay_parse_query(p->service->alipay[config], node, n, a, trade);
    if (s != OK && s != NOT_FOUND && node)
        provider_log_refusal("query", alipay_error_code(node, n, a));
    return s;
}

enum status provider_query(struct provider *p, const struct payment *payment, int64_t now_us,
                           struct arena *a, struct trade *trade)
{
    int config = find_config(p->service, payment);
    if (config < 0)
        return DENIED;
    enum status s = is_wechat(payment) ? query_wechat(p, config, payment, now_us, a, trade)
                                       : query_alipay(p, config, payment, now_us, a, trade);
    if (s == OK && strcmp(trade->out_trade_no, payment->out_trade_no) != 0)
        s = UNAVAILABLE; /* an answer about something else proves nothing */
    return s;
}

static enum status close_wechat(struct provider *p, int config, const struct payment *payment,
                                int64_t now_us, struct arena *a)
{
    struct wechat_request request;
    struct client_answer answer = {0};
    enum status s = wechat_close_request(p->service->wechat[config], payment->out_trade_no, now_us,
                                         a, &request);
    if (s == OK)
        s = provider_send_wechat(p, config, &request, now_us, a, &answer);
    if (s == CONFLICT && is_unknown_there(&answer, a))
        s = OK;
    return s;
}

static enum status close_alipay(struct provider *p, int config, const struct payment *payment,
                                int64_t now_us, struct arena *a)
{
    struct alipay_request request;
    const char *node = NULL;
    size_t n = 0;
    enum status s = alipay_close_request(p->service->alipay[config], payment->out_trade_no, now_us,
                                         a, &request);
    if (s == OK)
        s = provider_send_alipay(p, config, "alipay.trade.close", &request, a, &node, &n);
    if (s == OK)
        s = alipay_parse_close(node, n);
    if (s == NOT_FOUND)
        s = OK;
    if (s != OK && node)
        provider_log_refusal("close", alipay_error_code(node, n, a));
    return s;
}

enum status provider_close(struct provider *p, const struct payment *payment, int64_t now_us,
                           struct arena *a)
{
    int config = find_config(p->service, payment);
    if (config < 0)
        return DENIED;
    return is_wechat(payment) ? close_wechat(p, config, payment, now_us, a)
                              : close_alipay(p, config, payment, now_us, a);
}
