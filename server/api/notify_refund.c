/* SPDX-License-Identifier: MIT */
/*
 * WeChat Pay's callbacks about refunds, and what Alipay's tell of them. They may come twice, late,
 * or in any order: one guarded statement judges and writes, as for the answers to our questions.
 */
#include "api/notify.h"

#include <string.h>

#include "api/app.h"
#include "api/handlers.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "jobs/refund.h"

void notify_refunded(struct request *r, const struct trade *trade)
{
    if (trade->transaction_id && refund_hint(store_of(r), r->arena, channel_name(trade->channel),
                                             trade->transaction_id, r->now_us) != OK)
        log_warn("refund.not-hinted", LOG_STR("channel", channel_name(trade->channel)));
}

static enum notify_refusal open_refund(struct request *r, struct wechat_refund_result *result)
{
    const struct wechat *chosen;
    struct wechat_notice notice;
    enum notify_refusal refusal = notify_open_wechat(r, WECHAT_REFUND, &notice, &chosen);
    if (refusal != NOTIFY_ACCEPTED)
        return refusal;
    if (wechat_parse_refund(notice.plaintext, notice.plaintext_size, r->arena, result) != OK ||
        !result->merchant || !result->transaction_id)
        return NOTIFY_FORMAT;
    return strcmp(result->merchant, wechat_mchid(chosen)) == 0 ? NOTIFY_ACCEPTED : NOTIFY_UNKNOWN;
}

static enum status hear(struct request *r, const struct wechat_refund_result *result)
{
    const struct refund_word word = {
        .channel = "wechat",
        .merchant = result->merchant,
        .out_refund_no = result->out_refund_no,
        .transaction_id = result->transaction_id,
        .refund_fen = result->refund_fen,
        .done_us = result->success_us,
    };
    return refund_hear(store_of(r), r->arena, refund_answer_of(result->state), &word,
                       r->now_us + MINUTE_US, r->now_us);
}

void notify_wechat_refund(struct request *r)
{
    struct wechat_refund_result result;
    enum notify_refusal refusal = open_refund(r, &result);
    if (refusal != NOTIFY_ACCEPTED) {
        notify_refuse_wechat(r, refusal);
        return;
    }
    metric_count(METRIC_CALLBACKS, "wechat", "refund");
    notify_answer_wechat(r, hear(r, &result) == OK);
}
