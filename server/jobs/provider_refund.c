/* SPDX-License-Identifier: MIT */
#include "jobs/provider_refund.h"

#include <string.h>

#include "jobs/provider_send.h"
#include "pay/alipay_refund.h"

/* ---- what codes mean ---- */

struct meaning {
    const char *code; /* WeChat's without underscores */
    enum refund_answer answer;
};

/* payments, section 4.5. What is asked for too often is unknown, not refused. */
static const struct meaning wechat_meanings[] = {
    {"NOTENOUGH", REFUND_NO_MONEY},
    {"SIGNERROR", REFUND_CREDENTIALS},
    {"NOAUTH", REFUND_CREDENTIALS},
    {"MCHNOTEXISTS", REFUND_CREDENTIALS},
    {"APPIDMCHIDNOTMATCH", REFUND_CREDENTIALS},
    {"PARAMERROR", REFUND_REFUSED},
    {"INVALIDREQUEST", REFUND_REFUSED},
    {"ORDERCLOSED", REFUND_REFUSED},
    {"ORDERNOTEXIST", REFUND_REFUSED},
    {"RESOURCENOTEXISTS", REFUND_REFUSED},
    {"TRADEERROR", REFUND_REFUSED},
    {"RULELIMIT", REFUND_REFUSED},
    {"ACCOUNTERROR", REFUND_REFUSED},
    {"USERACCOUNTABNORMAL", REFUND_REFUSED},
};

/* payments, section 5.6; codes of the gateway where there is no sub_code. */
static const struct meaning alipay_meanings[] = {
    {"ACQ.SELLER_BALANCE_NOT_ENOUGH", REFUND_NO_MONEY},
    {"ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", REFUND_REFUSED},
    {"ACQ.REASON_TRADE_REFUND_FEE_ERR", REFUND_REFUSED},
    {"ACQ.DISCORDANT_REPEAT_REQUEST", REFUND_REFUSED},
    {"ACQ.TRADE_HAS_FINISHED", REFUND_REFUSED},
    {"ACQ.TRADE_STATUS_ERROR", REFUND_REFUSED},
    {"ACQ.TRADE_NOT_EXIST", REFUND_REFUSED},
    {"ACQ.INVALID_PARAMETER", REFUND_REFUSED},
    {"isv.invalid-signature", REFUND_CREDENTIALS},
    {"isv.invalid-app-id", REFUND_CREDENTIALS},
    {"isv.insufficient-isv-permissions", REFUND_CREDENTIALS},
    {"40006", REFUND_CREDENTIALS},
};

static enum refund_answer look_up(const struct meaning *list, size_t n, const char *code)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i].code, code) == 0)
            return list[i].answer;
    return REFUND_UNCLEAR;
}

#define LOOK_UP(list, code) look_up(list, sizeof(list) / sizeof *(list), code)

/* ---- WeChat Pay ---- */

enum refund_answer refund_answer_of(enum wechat_refund_state state)
{
    switch (state) {
    case WECHAT_REFUND_PROCESSING: return REFUND_TAKEN;
    case WECHAT_REFUND_SUCCESS: return REFUND_DONE;
    case WECHAT_REFUND_CLOSED: return REFUND_CLOSED;
    case WECHAT_REFUND_ABNORMAL: return REFUND_ABNORMAL;
    }
    return REFUND_UNCLEAR;
}

static int wechat_of(const struct service *s, const struct refund *r)
{
    for (size_t i = 0; i < s->config->n_wechat; i++)
        if (s->wechat[i] && strcmp(wechat_mchid(s->wechat[i]), r->merchant) == 0)
            return (int)i;
    return -1;
}

/* An answer about something else proves nothing; whether amount and trade are the same is judged
 * where the row is. */
static struct refund_said read_wechat(const struct refund *refund,
                                      const struct client_answer *answer, struct arena *a)
{
    struct wechat_refund_result r;
    if (wechat_parse_refund(answer->body, answer->body_size, a, &r) != OK || !r.transaction_id ||
        strcmp(r.out_refund_no, refund->out_refund_no) != 0)
        return (struct refund_said){.code = ""};
    return (struct refund_said){refund_answer_of(r.state), "", r.transaction_id, r.refund_fen,
                                r.success_us};
}

/* What was not answered well: the code, and what it means when we ask for a refund. */
static struct refund_said refusal_of(const char *call, const struct client_answer *answer,
                                     struct arena *a)
{
    struct refund_said said = {.code = ""};
    if (!answer->body || answer->http_status < 300)
        return said; /* none came, or it does not verify */
    said.code = wechat_error_code(answer->body, answer->body_size, a);
    said.answer = LOOK_UP(wechat_meanings, said.code);
    provider_log_refusal(call, said.code);
    return said;
}

static struct refund_said send_wechat(struct provider *p, int config, const struct refund *r,
                                      int64_t now_us, struct arena *a)
{
    struct wechat_request request;
    struct client_answer answer = {0};
    const struct wechat_refund_order order = {
        .transaction_id = r->transaction_id,
        .out_refund_no = r->out_refund_no,
        .notify_url = arena_printf(a, "%s/v1/notify/wechat/refund",
                                   p->service->config->server.public_base_url),
        .refund_fen = r->refund_fen,
        .total_fen = r->total_fen,
    };
    enum status s = wechat_refund_request(p->service->wechat[config], &order, now_us, a, &request);
    if (s != OK)
        return (struct refund_said){.answer = REFUND_CREDENTIALS, .code = "request-invalid"};
    s = provider_send_wechat(p, config, &request, now_us, a, &answer);
    return s == OK ? read_wechat(r, &answer, a) : refusal_of("refund", &answer, a);
}

static struct refund_said ask_wechat(struct provider *p, int config, const struct refund *r,
                                     int64_t now_us, struct arena *a)
{
    struct wechat_request request;
    struct client_answer answer = {0};
    enum status s = wechat_refund_query_request(p->service->wechat[config], r->out_refund_no,
                                                now_us, a, &request);
    if (s == OK)
        s = provider_send_wechat(p, config, &request, now_us, a, &answer);
    if (s == OK)
        return read_wechat(r, &answer, a);
    struct refund_said said = refusal_of("refund-query", &answer, a);
    /* a 404 of anything on the way is not WeChat Pay's word */
    bool absent = answer.http_status == 404 && (strcmp(said.code, "RESOURCENOTEXISTS") == 0 ||
                                                strcmp(said.code, "REFUNDNOTEXISTS") == 0);
    if (absent)
        said.answer = REFUND_ABSENT;
    else if (said.answer != REFUND_CREDENTIALS)
        said.answer = REFUND_UNCLEAR;
    return said;
}

/* ---- Alipay ---- */

/* The application that the attempt was made for, else one of the same seller. */
static int alipay_of(const struct service *s, const struct refund *r)
{
    int found = -1;
    for (size_t i = s->config->n_alipay; i-- > 0;) {
        if (!s->alipay[i] || strcmp(alipay_seller_id(s->alipay[i]), r->merchant) != 0)
            continue;
        if (r->appid && strcmp(alipay_app_id(s->alipay[i]), r->appid) == 0)
            return (int)i;
        found = (int)i;
    }
    return found;
}

static struct refund_said read_alipay(const struct refund *refund,
                                      const struct alipay_refund_result *r)
{
    static const enum refund_answer answers[] = {[ALIPAY_REFUND_DONE] = REFUND_DONE,
                                                 [ALIPAY_REFUND_TAKEN] = REFUND_TAKEN,
                                                 [ALIPAY_REFUND_ABSENT] = REFUND_ABSENT};
    return (struct refund_said){answers[r->state], "", r->trade_no,
                                r->refund_fen < 0 ? refund->refund_fen : r->refund_fen, r->done_us};
}

static struct refund_said alipay_refusal(const char *call, const char *node, size_t n,
                                         struct arena *a)
{
    struct refund_said said = {.code = ""};
    if (!node)
        return said;
    said.code = alipay_error_code(node, n, a);
    said.answer = LOOK_UP(alipay_meanings, said.code);
    provider_log_refusal(call, said.code);
    return said;
}

static struct refund_said send_alipay(struct provider *p, int config, const struct refund *r,
                                      int64_t now_us, struct arena *a)
{
    struct alipay_request request;
    struct alipay_refund_result result;
    const char *node = NULL;
    size_t n = 0;
    const struct alipay_refund_order order = {r->transaction_id, r->out_refund_no, r->refund_fen};
    enum status s = alipay_refund_request(p->service->alipay[config], &order, now_us, a, &request);
    if (s != OK)
        return (struct refund_said){.answer = REFUND_CREDENTIALS, .code = "request-invalid"};
    s = provider_send_alipay(p, config, "alipay.trade.refund", &request, a, &node, &n);
    if (s == OK)
        s = alipay_parse_refund(node, n, a, &result);
    return s == OK ? read_alipay(r, &result) : alipay_refusal("refund", node, n, a);
}

static struct refund_said ask_alipay(struct provider *p, int config, const struct refund *r,
                                     int64_t now_us, struct arena *a)
{
    struct alipay_request request;
    struct alipay_refund_result result;
    const char *node = NULL;
    size_t n = 0;
    enum status s = alipay_refund_query_request(p->service->alipay[config], r->transaction_id,
                                                r->out_refund_no, now_us, a, &request);
    if (s == OK)
        s = provider_send_alipay(p, config, "alipay.trade.fastpay.refund.query", &request, a, &node,
                                 &n);
    if (s == OK)
        s = alipay_parse_refund_query(node, n, r->out_refund_no, a, &result);
    if (s == OK)
        return read_alipay(r, &result);
    struct refund_said said = alipay_refusal("refund-query", node, n, a);
    if (strcmp(said.code, "ACQ.TRADE_NOT_EXIST") == 0)
        said.answer = REFUND_ABSENT;
    else if (said.answer != REFUND_CREDENTIALS)
        said.answer = REFUND_UNCLEAR;
    return said;
}

/* ---- both ---- */

static bool is_wechat(const struct refund *r)
{
    return strcmp(r->channel, "wechat") == 0;
}

/* A merchant that is not configured any more cannot be asked: an operator must bring it back. */
static const struct refund_said NOT_OURS = {.answer = REFUND_CREDENTIALS, .code = "no-merchant"};

struct refund_said provider_refund(struct provider *p, const struct refund *r, int64_t now_us,
                                   struct arena *a)
{
    int config = is_wechat(r) ? wechat_of(p->service, r) : alipay_of(p->service, r);
    if (config < 0)
        return NOT_OURS;
    return is_wechat(r) ? send_wechat(p, config, r, now_us, a)
                        : send_alipay(p, config, r, now_us, a);
}

struct refund_said provider_refund_query(struct provider *p, const struct refund *r, int64_t now_us,
                                         struct arena *a)
{
    int config = is_wechat(r) ? wechat_of(p->service, r) : alipay_of(p->service, r);
    if (config < 0)
        return NOT_OURS;
    return is_wechat(r) ? ask_wechat(p, config, r, now_us, a) : ask_alipay(p, config, r, now_us, a);
}
