/* SPDX-License-Identifier: MIT */
/*
 * The providers' callbacks. Nothing is believed before its signature, which is
 * checked where it came in, on the I/O thread: that costs less than the way to
 * a worker and back. Then the committer's statement judges and writes. Only
 * what is committed is acknowledged: the handler defers, and the answer follows
 * the commit.
 */
#include <string.h>

#include "api/app.h"
#include "api/handlers.h"
#include "api/notify.h"
#include "base/log.h"
#include "base/metrics.h"
#include "jobs/certificates.h"
#include "jobs/settle.h"

/* What the provider is told; each channel words it its own way. */
enum verdict { VERDICT_TAKEN, VERDICT_REFUSED, VERDICT_AGAIN };

static void log_refusal(const char *channel, enum notify_refusal refusal)
{
    const char *reason = notify_refusal_name(refusal);
    metric_count(METRIC_CALLBACKS, channel, reason);
    if (refusal == NOTIFY_PROBE) /* the provider tests us; not an attack */
        log_info("notify.probe", LOG_STR("channel", channel));
    else
        log_warn("notify.refused", LOG_STR("channel", channel), LOG_STR("reason", reason));
}

/* The provider repeats what it was asked to, by its own clock; who stands between may read this. */
static void ask_again(struct request *r, enum verdict verdict)
{
    if (verdict == VERDICT_AGAIN)
        reply_add_header(r, "Retry-After", "1");
}

static void answer_wechat(struct request *r, enum verdict verdict)
{
    ask_again(r, verdict);
    switch (verdict) {
    case VERDICT_TAKEN: reply_empty(r, 204); break;
    case VERDICT_REFUSED:
        reply_json(r, 401, json_pack("{s:s, s:s}", "code", "FAIL", "message", "refused"));
        break;
    case VERDICT_AGAIN:
        reply_json(r, 503, json_pack("{s:s, s:s}", "code", "FAIL", "message", "try again"));
        break;
    }
}

static void answer_alipay(struct request *r, enum verdict verdict)
{
    const char *word = verdict == VERDICT_TAKEN ? "success" : "fail";
    unsigned http_status = verdict == VERDICT_AGAIN ? 503 : 200;
    ask_again(r, verdict);
    reply_bytes(r, http_status, "text/plain", word, strlen(word));
}

/* ---- what waits for its commit ---- */

struct callback {
    struct pending pending; /* first member */
    struct trade trade;
    struct request *r;
    void (*answer)(struct request *r, enum verdict verdict);
};

static enum verdict verdict_of(enum status s)
{
    if (s == INVALID)
        return VERDICT_REFUSED;
    return s == OK ? VERDICT_TAKEN : VERDICT_AGAIN;
}

static void committed(struct pending *p, enum status s)
{
    struct callback *c = (struct callback *)p;
    struct request *r = c->r;
    c->answer(r, verdict_of(s));
    request_resume(r);
}

/* Answers, or leaves it to the committer. */
static void settle(struct request *r, const struct trade *trade,
                   void (*answer)(struct request *r, enum verdict verdict))
{
    if (trade->state == TRADE_REFUNDED && !r->worker) {
        request_pass(r); /* what it tells is noted in the database */
        return;
    }
    if (trade->state == TRADE_REFUNDED)
        notify_refunded(r, trade);
    if (trade->state != TRADE_PAID) { /* closing and refunds are found by asking */
        metric_count(METRIC_CALLBACKS, channel_name(trade->channel), "ignored");
        answer(r, VERDICT_TAKEN);
        return;
    }
    struct callback *c = arena_alloc(r->arena, sizeof *c);
    *c = (struct callback){.trade = *trade, .r = r, .answer = answer};
    c->pending.request_id = r->request_id;
    c->pending.deadline_us = r->deadline_us;
    c->pending.done = committed;
    enum status s = settle_prepare(&app_of(r)->service, r->arena, &c->trade, r->client_ip,
                                   r->now_us, &c->pending.settlement);
    if (s != OK) {
        answer(r, verdict_of(s));
        return;
    }
    struct committer *committer = app_of(r)->committer;
    request_defer(r);
    if (committer_submit(committer, &c->pending))
        return; /* r is gone */
    settle_tell(&c->pending.settlement, RETRY);
    answer(r, VERDICT_AGAIN);
    request_resume(r);
}

/* What could not wait for its commit is told to come again before its signature is looked at: that
 * way a flood costs little. */
static bool turn_away(struct request *r, void (*answer)(struct request *r, enum verdict verdict))
{
    size_t length, limit;
    committer_queue(app_of(r)->committer, &length, &limit);
    if (length < limit)
        return false;
    metric_count(METRIC_HTTP_REFUSED, lane_name(r->route->lane), "full");
    answer(r, VERDICT_AGAIN);
    return true;
}

enum notify_refusal notify_open_wechat(struct request *r, enum wechat_event event,
                                       struct wechat_notice *notice, const struct wechat **chosen)
{
    struct wechat *merchants[CONFIG_MERCHANTS_MAX];
    size_t n = service_wechats(&app_of(r)->service, merchants);
    const struct wechat_headers headers = {
        .timestamp = request_header(r, "Wechatpay-Timestamp"),
        .nonce = request_header(r, "Wechatpay-Nonce"),
        .signature = request_header(r, "Wechatpay-Signature"),
        .serial = request_header(r, "Wechatpay-Serial"),
        .signature_type = request_header(r, "Wechatpay-Signature-Type"),
    };
    enum notify_refusal refusal = wechat_open_notice(merchants, n, &headers, r->body, r->body_size,
                                                     r->now_us, r->arena, notice, chosen);
    if (refusal == NOTIFY_SERIAL) /* perhaps a new certificate: it is there when this comes again */
        certificates_want(app_of(r)->service.certificates);
    return refusal == NOTIFY_ACCEPTED && notice->event != event ? NOTIFY_UNKNOWN : refusal;
}

void notify_refuse_wechat(struct request *r, enum notify_refusal refusal)
{
    log_refusal("wechat", refusal);
    answer_wechat(r, VERDICT_REFUSED);
}

void notify_answer_wechat(struct request *r, bool taken)
{
    answer_wechat(r, taken ? VERDICT_TAKEN : VERDICT_AGAIN);
}

void notify_wechat(struct request *r)
{
    const struct wechat *chosen;
    struct wechat_notice notice;
    if (turn_away(r, answer_wechat))
        return;
    enum notify_refusal refusal = notify_open_wechat(r, WECHAT_TRANSACTION, &notice, &chosen);
    if (refusal == NOTIFY_ACCEPTED)
        settle(r, &notice.trade, answer_wechat);
    else
        notify_refuse_wechat(r, refusal);
}

static void want_certificate(struct request *r, struct alipay *const *apps, size_t n)
{
    const struct alipay *app = NULL;
    const char *sn = alipay_unknown_certificate(apps, n, r->body, r->body_size, r->arena, &app);
    if (sn)
        certificates_want_alipay(app_of(r)->service.certificates, app, sn);
}

void notify_alipay(struct request *r)
{
    struct alipay *apps[CONFIG_MERCHANTS_MAX];
    size_t n = service_alipays(&app_of(r)->service, apps);
    const struct alipay *chosen;
    struct trade trade;
    if (turn_away(r, answer_alipay))
        return;
    enum notify_refusal refusal =
        alipay_open_notify(apps, n, r->body, r->body_size, r->arena, &trade, &chosen);
    if (refusal == NOTIFY_SERIAL)
        want_certificate(r, apps, n);
    if (refusal != NOTIFY_ACCEPTED) {
        log_refusal("alipay", refusal);
        answer_alipay(r, VERDICT_REFUSED);
        return;
    }
    settle(r, &trade, answer_alipay);
}
