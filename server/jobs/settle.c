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

static void count(const char *channel, bool called, enum status s, const struct settled *out)
{
    const char *result = s == OK        ? settle_outcome_name(out->outcome)
                         : s == INVALID ? "not-whole"
                                        : "again";
    metric_count(METRIC_SETTLED, channel, called ? "callback" : "asked", result);
    if (called)
        metric_count(METRIC_CALLBACKS, channel, result);
}

enum status settle_trade(const struct service *service, struct store *st, struct arena *a,
                         const struct trade *trade, const char *source_ip, int64_t now_us)
{
    const struct config *config = service->config;
    const char *channel = channel_name(trade->channel);
    const struct settle in = {
        .trade = trade,
        .merchant_is_ours = provider_is_ours(service, trade),
        .source_ip = source_ip,
        .photo_life_us = config->retention.photo_days * DAY_US,
        .order_life_us = config->retention.order_days * DAY_US,
        .now_us = now_us,
    };
    struct settled out;
    enum status s = payment_settle(st, a, &in, &out);
    if (s == INVALID)
        alarm_of(channel, "not-whole");
    count(channel, source_ip != NULL, s, &out);
    if (s != OK) {
        log_warn("payment.unsettled", LOG_STR("channel", channel),
                 LOG_STR("status", status_name(s)));
        return s;
    }
    log_info("payment.settled", LOG_STR("channel", channel),
             LOG_STR("outcome", settle_outcome_name(out.outcome)));
    if (out.kind)
        alarm_of(channel, out.kind);
    return OK;
}
