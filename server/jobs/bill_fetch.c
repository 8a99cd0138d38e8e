/* SPDX-License-Identifier: MIT */
#include "jobs/bill_fetch.h"

#include <string.h>

#include "jobs/bill_place.h"
#include "jobs/provider_send.h"
#include "pay/alipay_bill.h"
#include "pay/bill_unpack.h"
#include "pay/wechat_bill.h"

static size_t add_source(struct bill_source *list, size_t n, struct bill_source source)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i].channel, source.channel) == 0 &&
            strcmp(list[i].merchant, source.merchant) == 0)
            return n;
    list[n] = source;
    return n + 1;
}

size_t bill_sources(const struct service *s, struct bill_source out[BILL_SOURCES_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < s->config->n_wechat; i++)
        if (s->wechat[i])
            n = add_source(out, n,
                           (struct bill_source){"wechat", s->config->wechat[i].mchid, (int)i});
    for (size_t i = 0; i < s->config->n_alipay; i++)
        if (s->alipay[i])
            n = add_source(out, n,
                           (struct bill_source){"alipay", s->config->alipay[i].seller_id, (int)i});
    return n;
}

/* ---- WeChat Pay ---- */

static enum status refused_by_wechat(const struct client_answer *answer, struct arena *a,
                                     const char **why)
{
    const char *code = wechat_error_code(answer->body, answer->body_size, a);
    if (strcmp(code, "NOSTATEMENTEXIST") == 0) {
        *why = "none";
        return NOT_FOUND;
    }
    *why = strcmp(code, "STATEMENTCREATING") == 0 ? "creating" : "refused";
    provider_log_refusal("bill", code);
    return UNAVAILABLE;
}

static enum status ask_wechat(struct provider *p, const struct bill_source *source, int32_t day,
                              int64_t now_us, struct arena *a, struct wechat_bill_place *place,
                              const char **why)
{
    struct wechat_request request;
    struct client_answer answer = {0};
    enum status s =
        wechat_bill_request(p->service->wechat[source->config], day, now_us, a, &request);
    if (s == OK)
        s = provider_send_wechat(p, source->config, &request, now_us, a, &answer);
    if (s == CONFLICT)
        return refused_by_wechat(&answer, a, why);
    if (s == OK)
        s = wechat_bill_answer(answer.body, answer.body_size, a, place);
    return s;
}

static enum status fetch_wechat(struct provider *p, const struct bill_source *source, int32_t day,
                                int64_t now_us, struct arena *a, struct bill_line **lines,
                                size_t *n, const char **why)
{
    struct wechat_bill_place place = {0};
    struct wechat_request request;
    struct client_answer answer;
    struct buf file = {0};
    const char *url = NULL;
    enum status s = ask_wechat(p, source, day, now_us, a, &place, why);
    if (s != OK)
        return s;
    *why = "address";
    s = bill_place_check(place.download_url, p->service->config->wechat[source->config].base_url,
                         bill_hosts_wechat, a, &url);
    if (s == OK)
        s = wechat_bill_download_request(p->service->wechat[source->config], url, now_us, a,
                                         &request);
    if (s == OK) {
        *why = "download";
        s = provider_fetch_bill(p, "wechat", url, &request, a, &answer);
    }
    if (s == OK) {
        *why = "packing";
        s = bill_gunzip(answer.body, answer.body_size, (size_t)BILL_UNPACKED_MAX, &file);
    }
    if (s == OK) {
        *why = "digest";
        s = wechat_bill_check(&place, file.bytes, file.size);
    }
    if (s == OK) {
        *why = "form";
        s = wechat_parse_bill(file.bytes, file.size, a, lines, n);
    }
    buf_free(&file);
    return s;
}

/* ---- Alipay ---- */

static enum status ask_alipay(struct provider *p, const struct bill_source *source, int32_t day,
                              int64_t now_us, struct arena *a, const char **url, const char **why)
{
    struct alipay_request request;
    const char *node = NULL;
    size_t n = 0;
    enum status s =
        alipay_bill_request(p->service->alipay[source->config], day, now_us, a, &request);
    if (s == OK)
        s = provider_send_alipay(p, source->config, ALIPAY_BILL_METHOD, &request, a, &node, &n);
    if (s == OK)
        s = alipay_bill_answer(node, n, a, url);
    if (s == NOT_FOUND)
        *why = "none";
    else if (s != OK && node) {
        *why = "refused";
        provider_log_refusal("bill", alipay_error_code(node, n, a));
        s = UNAVAILABLE;
    }
    return s;
}

static enum status fetch_alipay(struct provider *p, const struct bill_source *source, int32_t day,
                                int64_t now_us, struct arena *a, struct bill_line **lines,
                                size_t *n, const char **why)
{
    struct client_answer answer;
    const char *named = NULL, *url = NULL;
    enum status s = ask_alipay(p, source, day, now_us, a, &named, why);
    if (s != OK)
        return s;
    *why = "address";
    s = bill_place_check(named, p->service->config->alipay[source->config].gateway_url,
                         bill_hosts_alipay, a, &url);
    if (s == OK) {
        *why = "download";
        s = provider_fetch_bill(p, "alipay", url, NULL, a, &answer);
    }
    if (s == OK) {
        *why = "form";
        s = alipay_parse_bill(answer.body, answer.body_size, (size_t)BILL_UNPACKED_MAX, a, lines,
                              n);
    }
    return s;
}

enum status bill_fetch(struct provider *p, const struct bill_source *source, int32_t day,
                       int64_t now_us, struct arena *a, struct bill_line **lines, size_t *n,
                       const char **why)
{
    *why = "unanswered";
    return strcmp(source->channel, "wechat") == 0
               ? fetch_wechat(p, source, day, now_us, a, lines, n, why)
               : fetch_alipay(p, source, day, now_us, a, lines, n, why);
}
