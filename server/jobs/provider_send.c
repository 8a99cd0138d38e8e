/* SPDX-License-Identifier: MIT */
#include "jobs/provider_send.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "jobs/certificates.h"
#include "pay/bill.h"

/* ---- what is counted ---- */

void provider_count(const char *channel, const char *call, int64_t began_us,
                    enum provider_outcome outcome)
{
    static const char *const names[] = {"ok", "refused", "unverified", "unavailable"};
    metric_count(METRIC_PROVIDER_CALLS, channel, call, names[outcome]);
    metric_observe(METRIC_PROVIDER_CALL_DURATION, clock_boot_us() - began_us, channel, call);
}

struct known_call {
    const char *method, *part, *name;
};

/* The first row that fits names the call. */
static const char *wechat_call(const struct wechat_request *request)
{
    static const struct known_call known[] = {
        {"POST", "/close", "close"},
        {"GET", "/v3/pay/transactions/", "query"},
        {"POST", "/v3/pay/transactions/", "prepay"},
        {"GET", "/v3/refund/", "refund-query"},
        {"POST", "/v3/refund/", "refund"},
        {"GET", "/v3/billdownload/", "bill-download"},
        {"GET", "/v3/bill/", "bill"},
        {"GET", "/v3/certificates", "certificates"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(request->method, known[i].method) == 0 && strstr(request->url, known[i].part))
            return known[i].name;
    return NULL;
}

static const char *alipay_call(const char *method)
{
    static const struct {
        const char *method, *name;
    } known[] = {
        {"alipay.trade.precreate", "prepay"},
        {"alipay.trade.query", "query"},
        {"alipay.trade.close", "close"},
        {"alipay.trade.refund", "refund"},
        {"alipay.trade.fastpay.refund.query", "refund-query"},
        {"alipay.data.dataservice.bill.downloadurl.query", "bill"},
        {"alipay.open.app.alipaycert.download", "certificates"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(method, known[i].method) == 0)
            return known[i].name;
    return NULL;
}

/* ---- the clock ---- */

/* Signatures are good for 300 s on either side. Told when it begins, grows or ends. */
#define CLOCK_WARN_S  60
#define CLOCK_ALARM_S 240

static void note_clock(const struct client_answer *answer)
{
    static atomic_int told;
    int64_t sent_us = client_date_us(answer);
    if (!sent_us) /* no Date, or none that is one */
        return;
    /* the provider's clock is real, whatever day a test plays */
    int64_t differs_s = (clock_now_us() - clock_offset_us() - sent_us) / SECOND_US;
    int level = llabs(differs_s) > CLOCK_ALARM_S ? 2 : llabs(differs_s) > CLOCK_WARN_S ? 1 : 0;
    if (atomic_exchange(&told, level) == level)
        return;
    if (level == 2)
        log_error("clock.differs", LOG_INT("seconds", differs_s));
    else
        log_warn("clock.differs", LOG_INT("seconds", differs_s));
}

/* ---- sending ---- */

static enum status status_of(enum provider_outcome outcome)
{
    switch (outcome) {
    case PROVIDER_ANSWERED: return OK;
    case PROVIDER_REFUSED: return CONFLICT;
    case PROVIDER_UNVERIFIED:
    case PROVIDER_UNANSWERED: return UNAVAILABLE;
    }
    return INTERNAL;
}

enum { HEADERS_MAX = 6 };

static void list_headers(const struct wechat_request *request, struct arena *a,
                         const char *out[HEADERS_MAX])
{
    size_t n = 0;
    out[n++] = arena_printf(a, "Authorization: %s", request->authorization);
    out[n++] = "Accept: application/json";
    out[n++] = "User-Agent: idphotod";
    if (request->wechatpay_serial)
        out[n++] = arena_printf(a, "Wechatpay-Serial: %s", request->wechatpay_serial);
    if (request->body_size)
        out[n++] = "Content-Type: application/json";
    out[n] = NULL;
}

static enum provider_outcome fetch_wechat(struct provider *p, int config,
                                          const struct wechat_request *request, struct arena *a,
                                          struct client_answer *answer,
                                          struct wechat_headers *signature)
{
    const char *headers[HEADERS_MAX];
    list_headers(request, a, headers);
    const struct client_call call = {
        .method = request->method,
        .url = arena_printf(a, "%s%s", p->service->config->wechat[config].base_url, request->url),
        .headers = headers,
        .body = request->body,
        .body_size = request->body_size,
        .timeout_us = p->timeout_us,
    };
    if (client_send(p->client, &call, a, answer) != OK)
        return PROVIDER_UNANSWERED;
    note_clock(answer);
    if (answer->http_status < 200 || answer->http_status > 299)
        return answer->http_status >= 500 || answer->http_status == 429 ? PROVIDER_UNANSWERED
                                                                        : PROVIDER_REFUSED;
    *signature = (struct wechat_headers){
        .timestamp = client_header(answer, "Wechatpay-Timestamp"),
        .nonce = client_header(answer, "Wechatpay-Nonce"),
        .signature = client_header(answer, "Wechatpay-Signature"),
        .serial = client_header(answer, "Wechatpay-Serial"),
        .signature_type = client_header(answer, "Wechatpay-Signature-Type"),
    };
    return PROVIDER_ANSWERED;
}

static enum provider_outcome send_wechat(struct provider *p, int config,
                                         const struct wechat_request *request, int64_t now_us,
                                         struct arena *a, struct client_answer *answer)
{
    struct wechat_headers signature;
    enum provider_outcome outcome = fetch_wechat(p, config, request, a, answer, &signature);
    if (outcome != PROVIDER_ANSWERED)
        return outcome;
    enum notify_refusal refusal = wechat_verify(p->service->wechat[config], &signature,
                                                answer->body, answer->body_size, now_us);
    if (refusal == NOTIFY_SERIAL)
        certificates_want(p->service->certificates);
    if (refusal != NOTIFY_ACCEPTED) {
        log_warn("provider.unverified", LOG_STR("channel", "wechat"),
                 LOG_STR("reason", notify_refusal_name(refusal)));
        return PROVIDER_UNVERIFIED;
    }
    return PROVIDER_ANSWERED;
}

enum status provider_send_wechat(struct provider *p, int config,
                                 const struct wechat_request *request, int64_t now_us,
                                 struct arena *a, struct client_answer *answer)
{
    int64_t began_us = clock_boot_us();
    enum provider_outcome outcome = send_wechat(p, config, request, now_us, a, answer);
    provider_count("wechat", wechat_call(request), began_us, outcome);
    return status_of(outcome);
}

enum status provider_fetch_wechat(struct provider *p, int config,
                                  const struct wechat_request *request, struct arena *a,
                                  struct client_answer *answer, struct wechat_headers *signature)
{
    int64_t began_us = clock_boot_us();
    enum provider_outcome outcome = fetch_wechat(p, config, request, a, answer, signature);
    provider_count("wechat", wechat_call(request), began_us, outcome);
    return status_of(outcome);
}

static enum provider_outcome fetch_alipay(struct provider *p, const struct alipay_request *request,
                                          struct arena *a, struct client_answer *answer)
{
    static const char *const headers[] = {
        "Content-Type: application/x-www-form-urlencoded;charset=utf-8", "User-Agent: idphotod",
        NULL};
    const struct client_call call = {
        .method = "POST",
        .url = request->url,
        .headers = headers,
        .body = request->body,
        .body_size = strlen(request->body),
        .timeout_us = p->timeout_us,
    };
    if (client_send(p->client, &call, a, answer) != OK)
        return PROVIDER_UNANSWERED;
    note_clock(answer);
    return answer->http_status == 200 ? PROVIDER_ANSWERED : PROVIDER_UNANSWERED;
}

static enum provider_outcome send_alipay(struct provider *p, int config, const char *method,
                                         const struct alipay_request *request, struct arena *a,
                                         const char **node, size_t *node_size)
{
    struct client_answer answer;
    enum provider_outcome outcome = fetch_alipay(p, request, a, &answer);
    if (outcome != PROVIDER_ANSWERED)
        return outcome;
    enum status s = alipay_verify_answer(p->service->alipay[config], method, answer.body,
                                         answer.body_size, a, node, node_size);
    const char *sn = s == DENIED ? alipay_unknown_signer(p->service->alipay[config], method,
                                                         answer.body, answer.body_size, a)
                                 : NULL;
    if (sn)
        certificates_want_alipay(p->service->certificates, p->service->alipay[config], sn);
    if (s != OK)
        log_warn("provider.unverified", LOG_STR("channel", "alipay"),
                 LOG_STR("reason", status_name(s)));
    return s == OK ? PROVIDER_ANSWERED : PROVIDER_UNVERIFIED;
}

enum status provider_send_alipay(struct provider *p, int config, const char *method,
                                 const struct alipay_request *request, struct arena *a,
                                 const char **node, size_t *node_size)
{
    int64_t began_us = clock_boot_us();
    enum provider_outcome outcome = send_alipay(p, config, method, request, a, node, node_size);
    provider_count("alipay", alipay_call(method), began_us, outcome);
    return status_of(outcome);
}

enum status provider_fetch_alipay(struct provider *p, const char *method,
                                  const struct alipay_request *request, struct arena *a,
                                  struct client_answer *answer)
{
    int64_t began_us = clock_boot_us();
    enum provider_outcome outcome = fetch_alipay(p, request, a, answer);
    provider_count("alipay", alipay_call(method), began_us, outcome);
    return status_of(outcome);
}

#define BILL_TIMEOUT_US (60 * SECOND_US)

enum status provider_fetch_bill(struct provider *p, const char *channel, const char *url,
                                const struct wechat_request *request, struct arena *a,
                                struct client_answer *answer)
{
    const char *headers[HEADERS_MAX] = {"User-Agent: idphotod"};
    if (request)
        list_headers(request, a, headers);
    const struct client_call call = {
        .method = "GET",
        .url = url,
        .headers = headers,
        .timeout_us = BILL_TIMEOUT_US,
        .answer_max = (size_t)BILL_PACKED_MAX,
        .give_up = &p->service->stopping,
    };
    int64_t began_us = clock_boot_us();
    enum status s = client_send(p->client, &call, a, answer);
    if (s == OK && answer->http_status != 200)
        s = UNAVAILABLE;
    provider_count(channel, "bill-download", began_us,
                   s == OK ? PROVIDER_ANSWERED : PROVIDER_UNANSWERED);
    return s;
}

void provider_log_refusal(const char *call, const char *code)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    if (strlen(code) > 64 || strspn(code, allowed) != strlen(code))
        code = "malformed";
    log_warn("provider.refused", LOG_STR("call", call), LOG_STR("code", code));
}
