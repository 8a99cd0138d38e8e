/* SPDX-License-Identifier: MIT */
#include "jobs/provider_send.h"

#include <string.h>

#include "base/log.h"

enum status provider_send_wechat(struct provider *p, int config,
                                 const struct wechat_request *request, int64_t now_us,
                                 struct arena *a, struct client_answer *answer)
{
    struct wechat *w = p->service->wechat[config];
    const char *headers[6] = {0};
    size_t n = 0;
    headers[n++] = arena_printf(a, "Authorization: %s", request->authorization);
    headers[n++] = "Accept: application/json";
    headers[n++] = "User-Agent: idphotod";
    if (request->wechatpay_serial)
        headers[n++] = arena_printf(a, "Wechatpay-Serial: %s", request->wechatpay_serial);
    if (request->body_size)
        headers[n++] = "Content-Type: application/json";
    const struct client_call call = {
        .method = request->method,
        .url = arena_printf(a, "%s%s", p->service->config->wechat[config].base_url, request->url),
        .headers = headers,
        .body = request->body,
        .body_size = request->body_size,
    };
    enum status s = client_send(p->client, &call, a, answer);
    if (s != OK)
        return UNAVAILABLE;
    if (answer->http_status < 200 || answer->http_status > 299)
        return answer->http_status >= 500 || answer->http_status == 429 ? UNAVAILABLE : CONFLICT;
    const struct wechat_headers signature = {
        .timestamp = client_header(answer, "Wechatpay-Timestamp"),
        .nonce = client_header(answer, "Wechatpay-Nonce"),
        .signature = client_header(answer, "Wechatpay-Signature"),
        .serial = client_header(answer, "Wechatpay-Serial"),
        .signature_type = client_header(answer, "Wechatpay-Signature-Type"),
    };
    enum notify_refusal refusal =
        wechat_verify(w, &signature, answer->body, answer->body_size, now_us);
    if (refusal != NOTIFY_ACCEPTED) {
        log_warn("provider.unverified", LOG_STR("channel", "wechat"),
                 LOG_STR("reason", notify_refusal_name(refusal)));
        return UNAVAILABLE;
    }
    return OK;
}

enum status provider_send_alipay(struct provider *p, int config, const char *method,
                                 const struct alipay_request *request, struct arena *a,
                                 const char **node, size_t *node_size)
{
    static const char *const headers[] = {
        "Content-Type: application/x-www-form-urlencoded;charset=utf-8", "User-Agent: idphotod",
        NULL};
    struct client_answer answer;
    const struct client_call call = {
        .method = "POST",
        .url = request->url,
        .headers = headers,
        .body = request->body,
        .body_size = strlen(request->body),
    };
    enum status s = client_send(p->client, &call, a, &answer);
    if (s != OK || answer.http_status != 200)
        return UNAVAILABLE;
    s = alipay_verify_answer(p->service->alipay[config], method, answer.body, answer.body_size, a,
                             node, node_size);
    if (s != OK)
        log_warn("provider.unverified", LOG_STR("channel", "alipay"),
                 LOG_STR("reason", status_name(s)));
    return s == OK ? OK : UNAVAILABLE;
}

void provider_log_refusal(const char *call, const char *code)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    if (strlen(code) > 64 || strspn(code, allowed) != strlen(code))
        code = "malformed";
    log_warn("provider.refused", LOG_STR("call", call), LOG_STR("code", code));
}
