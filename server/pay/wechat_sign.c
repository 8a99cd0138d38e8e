/* SPDX-License-Identifier: MIT */
/* Requests: what is signed and how it is written down (sections 1.2, 1.3 and 3.3). */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/ids.h"
#include "pay/wechat_parts.h"

enum { REQUEST_LINES = 5 };

size_t wechat_message_parts(const struct span *lines, size_t n_lines, struct span *parts)
{
    for (size_t i = 0; i < n_lines; i++) {
        parts[2 * i] = lines[i];
        parts[2 * i + 1] = (struct span){"\n", 1};
    }
    return 2 * n_lines;
}

char *wechat_authorization(struct arena *a, const char *scheme, const char *mchid,
                           const char *nonce, const char *timestamp, const char *serial,
                           const char *signature)
{
    return arena_printf(a,
                        "%s mchid=\"%s\",nonce_str=\"%s\",timestamp=\"%s\",serial_no=\"%s\","
                        "signature=\"%s\"",
                        scheme, mchid, nonce, timestamp, serial, signature);
}

const char *wechat_timestamp(struct arena *a, int64_t now_us)
{
    return arena_printf(a, "%" PRId64, now_us / SECOND_US);
}

const char *wechat_nonce(struct arena *a)
{
    return random_base62(arena_alloc(a, WECHAT_NONCE_BYTES), WECHAT_NONCE_BYTES);
}

enum status wechat_sign_request_at(const struct wechat *w, struct arena *a, const char *timestamp,
                                   const char *nonce, struct wechat_request *request)
{
    const char *signature = NULL;
    struct span parts[2 * REQUEST_LINES];
    const struct span lines[REQUEST_LINES] = {
        {request->method, strlen(request->method)},
        {request->url, strlen(request->url)},
        {timestamp, strlen(timestamp)},
        {nonce, strlen(nonce)},
        {request->body, request->body_size},
    };
    size_t n = wechat_message_parts(lines, REQUEST_LINES, parts);
    enum status status = rsa_sign(w->merchant_key, parts, n, a, &signature);
    if (status != OK)
        return status;
    request->authorization = wechat_authorization(a, WECHAT_SCHEME, w->mchid, nonce, timestamp,
                                                  w->merchant_serial, signature);
    request->wechatpay_serial = w->public_key_id;
    return OK;
}

enum status wechat_sign_request(const struct wechat *w, struct arena *a, int64_t now_us,
                                struct wechat_request *request)
{
    enum status status =
        wechat_sign_request_at(w, a, wechat_timestamp(a, now_us), wechat_nonce(a), request);
    /* names the key that the answer is to be signed with: one that is held */
    if (status == OK && !request->wechatpay_serial)
        request->wechatpay_serial = wechat_newest_certificate(w, now_us);
    return status;
}

enum status wechat_query_request(const struct wechat *w, const char *out_trade_no, int64_t now_us,
                                 struct arena *a, struct wechat_request *out)
{
    struct wechat_request request = {
        .method = "GET",
        .url = arena_printf(a, "/v3/pay/transactions/out-trade-no/%s?mchid=%s",
                            wechat_percent_encoded(out_trade_no, a), w->mchid),
        .body = "",
    };
    enum status status = wechat_sign_request(w, a, now_us, &request);
    if (status == OK)
        *out = request;
    return status;
}

enum status wechat_close_request(const struct wechat *w, const char *out_trade_no, int64_t now_us,
                                 struct arena *a, struct wechat_request *out)
{
    struct wechat_request request = {
        .method = "POST",
        .url = arena_printf(a, "/v3/pay/transactions/out-trade-no/%s/close",
                            wechat_percent_encoded(out_trade_no, a)),
    };
    request.body = wechat_dump(json_pack("{s:s}", "mchid", w->mchid), a, &request.body_size);
    enum status status = wechat_sign_request(w, a, now_us, &request);
    if (status == OK)
        *out = request;
    return status;
}
