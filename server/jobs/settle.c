/* SPDX-License-Identifier: MIT */
#include "jobs/settle.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "jobs/provider.h"

static void alarm_of(const char *channel, const char *kind)
{
    metric_count(METRIC_ANOMALIES, channel, kind);
    log_error("payment.anomaly", LOG_STR("channel", channel), LOG_STR("kind", kind));
}

static void count(const struct trade *trade, const char *source_ip, const char *result)
{
    const char *channel = channel_name(trade->channel);
    metric_count(METRIC_SETTLED, channel, source_ip ? "callback" : "asked", result);
    if (source_ip)
        metric_count(METRIC_CALLBACKS, channel, result);
}

static void tell_unsettled(const struct trade *trade, const char *source_ip, enum status s)
{
    const char *channel = channel_name(trade->channel);
    if (s == INVALID)
        alarm_of(channel, "not-whole");
    count(trade, source_ip, s == INVALID ? "not-whole" : "again");
    log_warn("payment.unsettled", LOG_STR("channel", channel), LOG_STR("status", status_name(s)));
}

enum status settle_prepare(const struct service *service, struct arena *a,
                           const struct trade *trade, const char *source_ip, int64_t now_us,
                           struct settlement *out)
{
    const struct config *config = service->config;
    const struct settle in = {
        .trade = trade,
        .merchant_is_ours = provider_is_ours(service, trade),
        .source_ip = source_ip,
        .photo_life_us = config->retention.photo_days * DAY_US,
        .order_life_us = config->retention.order_days * DAY_US,
        .now_us = now_us,
    };
    enum status s = settlement_prepare(service->vault, a, &in, out);
    if (s != OK)
        tell_unsettled(trade, source_ip, s);
    return s;
}

void settle_tell(const struct settlement *settlement, enum status s)
{
    const struct settle *in = &settlement->in;
    if (s != OK) {
        tell_unsettled(in->trade, in->source_ip, s);
        return;
    }
    const char *channel = channel_name(in->trade->channel);
    count(in->trade, in->source_ip, settle_outcome_name(settlement->out.outcome));
    log_info("payment.settled", LOG_STR("channel", channel),
             LOG_STR("outcome", settle_outcome_name(settlement->out.outcome)));
    if (settlement->out.kind)
        alarm_of(channel, settlement->out.kind);
}

enum status settle_trade(const struct service *service, struct store *st, struct arena *a,
                         const struct trade *trade, const char *source_ip, int64_t now_us)
{
    struct settlement one, *const batch[] = {&one};
    enum status s = settle_prepare(service, a, trade, source_ip, now_us, &one);
    if (s != OK)
        return s;
    s = settlements_commit(st->db, a, batch, 1);
    settle_tell(&one, s);
    return s;
}
