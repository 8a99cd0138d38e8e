/* SPDX-License-Identifier: MIT */
/* Prepay and what the client gets of it (sections 3.1 and 3.2). */
#include <arpa/inet.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "pay/wechat_parts.h"

enum {
    DESCRIPTION_MAX_CHARACTERS = 127,
    OUT_TRADE_NO_MIN = 6,
    NOTIFY_URL_MAX = 255,
    OPENID_MAX = 128,
    PREPAY_VALUE_MAX = 512,
    SIGNED_LINES = 4,
};

static const struct method_words {
    const char *path;
    const char *answer_member;
} METHODS[WECHAT_METHODS] = {
    [WECHAT_APP] = {"app", "prepay_id"},
    [WECHAT_JSAPI] = {"jsapi", "prepay_id"},
    [WECHAT_H5] = {"h5", "h5_url"},
    [WECHAT_NATIVE] = {"native", "code_url"},
};

static bool is_out_trade_no(const char *text)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-|*";
    size_t n = text ? strlen(text) : 0;
    return n >= OUT_TRADE_NO_MIN && n <= WECHAT_ID_MAX && strspn(text, allowed) == n;
}

static bool is_ip_address(const char *text)
{
    unsigned char address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

static bool within_limits(const struct wechat_prepay *p, int64_t now_us)
{
    if (!is_out_trade_no(p->out_trade_no) || !wechat_is_notify_url(p->notify_url, NOTIFY_URL_MAX))
        return false;
    if (p->amount_fen < 1 || p->amount_fen > INT32_MAX || p->expires_us <= now_us)
        return false;
    if (p->method == WECHAT_JSAPI && !wechat_is_line(p->openid, OPENID_MAX))
        return false;
    return p->client_ip ? is_ip_address(p->client_ip) : p->method != WECHAT_H5;
}

static void add_scene(json_t *body, const struct wechat_prepay *p)
{
    if (!p->client_ip)
        return;
    json_t *scene = json_pack("{s:s}", "payer_client_ip", p->client_ip);
    if (p->method == WECHAT_H5)
        json_object_set_new(scene, "h5_info", json_pack("{s:s}", "type", "Wap"));
    json_object_set_new(body, "scene_info", scene);
}

static json_t *prepay_body(const struct wechat *w, const struct wechat_prepay *p,
                           const char *description)
{
    char expires[TIME_TEXT_BYTES];
    json_t *body =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:{s:I, s:s}}", "appid", w->appids[p->method],
                  "mchid", w->mchid, "description", description, "out_trade_no", p->out_trade_no,
                  "time_expire", time_format_cn(p->expires_us, expires), "notify_url",
                  p->notify_url, "amount", "total", (json_int_t)p->amount_fen, "currency", "CNY");
    CHECK_PEER(body);
    if (p->method == WECHAT_JSAPI)
        json_object_set_new(body, "payer", json_pack("{s:s}", "openid", p->openid));
    add_scene(body, p);
    return body;
}

enum status wechat_prepay_request(const struct wechat *w, const struct wechat_prepay *prepay,
                                  int64_t now_us, struct arena *a, struct wechat_request *out)
{
    if (!w->appids[prepay->method] || !within_limits(prepay, now_us))
        return INVALID;
    const char *description = wechat_clean_text(prepay->description, DESCRIPTION_MAX_CHARACTERS, a);
    if (!description)
        return INVALID;
    struct wechat_request request = {
        .method = "POST",
        .url = arena_printf(a, "/v3/pay/transactions/%s", METHODS[prepay->method].path),
    };
    request.body = wechat_dump(prepay_body(w, prepay, description), a, &request.body_size);
    enum status status = wechat_sign_request(w, a, now_us, &request);
    if (status == OK)
        *out = request;
    return status;
}

enum status wechat_prepay_answer(enum wechat_method method, const char *json, size_t n,
                                 struct arena *a, const char **value)
{
    struct json_view document;
    struct json_text *read = json_text_open(json, n, &document);
    const char *text = wechat_text(document, METHODS[method].answer_member, PREPAY_VALUE_MAX, a);
    json_text_close(read);
    if (!wechat_is_line(text, PREPAY_VALUE_MAX))
        return INVALID;
    *value = text;
    return OK;
}

const char *wechat_h5_with_return(const char *h5_url, const char *return_url, struct arena *a)
{
    return arena_printf(a, "%s%credirect_url=%s", h5_url, strchr(h5_url, '?') ? '&' : '?',
                        wechat_percent_encoded(return_url, a));
}

static enum status sign_lines(const struct wechat *w, const char *const lines[SIGNED_LINES],
                              struct arena *a, const char **signature)
{
    struct span spans[SIGNED_LINES], parts[2 * SIGNED_LINES];
    for (size_t i = 0; i < SIGNED_LINES; i++)
        spans[i] = (struct span){lines[i], strlen(lines[i])};
    size_t n = wechat_message_parts(spans, SIGNED_LINES, parts);
    return rsa_sign(w->merchant_key, parts, n, a, signature);
}

static enum status app_object(const struct wechat *w, const char *prepay_id, const char *timestamp,
                              const char *nonce, struct arena *a, json_t **object)
{
    const char *appid = w->appids[WECHAT_APP], *signature = NULL;
    const char *const lines[SIGNED_LINES] = {appid, timestamp, nonce, prepay_id};
    enum status status = sign_lines(w, lines, a, &signature);
    if (status == OK)
        *object = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "appid", appid, "partnerid",
                            w->mchid, "prepayid", prepay_id, "package", "Sign=WXPay", "noncestr",
                            nonce, "timestamp", timestamp, "sign", signature);
    return status;
}

static enum status jsapi_object(const struct wechat *w, const char *prepay_id,
                                const char *timestamp, const char *nonce, struct arena *a,
                                json_t **object)
{
    const char *appid = w->appids[WECHAT_JSAPI], *signature = NULL;
    const char *package = arena_printf(a, "prepay_id=%s", prepay_id);
    const char *const lines[SIGNED_LINES] = {appid, timestamp, nonce, package};
    enum status status = sign_lines(w, lines, a, &signature);
    if (status == OK)
        *object = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "appId", appid, "timeStamp",
                            timestamp, "nonceStr", nonce, "package", package, "signType", "RSA",
                            "paySign", signature);
    return status;
}

static enum status client_object(const struct wechat *w, enum wechat_method method,
                                 const char *value, const char *timestamp, const char *nonce,
                                 struct arena *a, json_t **object)
{
    switch (method) {
    case WECHAT_APP: return app_object(w, value, timestamp, nonce, a, object);
    case WECHAT_JSAPI: return jsapi_object(w, value, timestamp, nonce, a, object);
    case WECHAT_H5:
    case WECHAT_NATIVE:
        *object = json_pack("{s:s}", METHODS[method].answer_member, value);
        return OK;
    }
    return INVALID;
}

enum status wechat_client_text_at(const struct wechat *w, enum wechat_method method,
                                  const char *prepay_value, const char *timestamp,
                                  const char *nonce, struct arena *a, const char **json)
{
    json_t *object = NULL;
    if (!w->appids[method] || !wechat_is_line(prepay_value, PREPAY_VALUE_MAX))
        return INVALID;
    enum status status = client_object(w, method, prepay_value, timestamp, nonce, a, &object);
    if (status != OK)
        return status;
    CHECK_PEER(object);
    *json = wechat_dump(object, a, NULL);
    return OK;
}

enum status wechat_client_text(const struct wechat *w, enum wechat_method method,
                               const char *prepay_value, int64_t now_us, struct arena *a,
                               const char **json)
{
    return wechat_client_text_at(w, method, prepay_value, wechat_timestamp(a, now_us),
                                 wechat_nonce(a), a, json);
}
