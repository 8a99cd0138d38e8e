/* SPDX-License-Identifier: MIT */
#include "jobs/poll.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "jobs/settle.h"
#include "store/erased_attempt.h"

/* How long one call may take, and each channel's calls of one run together: a provider that does
 * not answer costs its whole timeout each time, and a stop waits for the run. */
#define JOB_TIMEOUT_US    (4 * SECOND_US)
#define PERSON_TIMEOUT_US (3 * SECOND_US)
#define CHANNEL_US        (5 * SECOND_US)

/* Workers that may wait for one provider on behalf of people who look. */
enum { PEOPLE_MOST = 4, JOB_MOST = PEOPLE_MOST + 1, CHANNELS = 2 };

static struct circuit *circuit_of(const struct service *s, const char *channel)
{
    return s->circuits[strcmp(channel, "wechat") == 0 ? CHANNEL_WECHAT : CHANNEL_ALIPAY];
}

/* Of an attempt that was erased there is only the question left, and that is settled. */
static enum status close_here(struct store *st, struct arena *a, const struct payment *payment,
                              int64_t now_us)
{
    return payment->account_id ? payment_close(st, a, payment, now_us)
                               : erased_attempt_end(st, a, payment);
}

/* What the provider said takes effect here. */
static enum status apply(const struct service *service, struct store *st, struct arena *a,
                         const struct payment *payment, const struct trade *trade, int64_t now_us)
{
    enum status s = OK;
    switch (trade->state) {
    case TRADE_PENDING: return OK;
    case TRADE_PAID:
        s = settle_trade(service, st, a, trade, NULL, now_us);
        /* no change where the success fitted; one that did not must not stay pending for ever */
        return s == OK ? close_here(st, a, payment, now_us) : s;
    case TRADE_CLOSED:
    case TRADE_REFUNDED: return close_here(st, a, payment, now_us);
    }
    return INTERNAL;
}

/* What the provider does not know it may yet be told: the cashier was not opened, the code not
 * scanned, the prepay is on its way. Only when nobody can pay any more is that the end. */
static enum status apply_unknown(struct store *st, struct arena *a, const struct payment *payment,
                                 int64_t now_us)
{
    return payment->expires_us < now_us ? close_here(st, a, payment, now_us) : OK;
}

/* Asks; one that is to end is closed there, and asked about again: it may have been paid between
 * the two. Only the provider's word is an answer. */
static enum status ask_provider(struct provider *provider, struct arena *a,
                                const struct payment *payment, bool ends, int64_t now_us,
                                struct trade *trade)
{
    enum status s = provider_query(provider, payment, now_us, a, trade);
    if (s == OK && trade->state == TRADE_PENDING && ends) {
        s = provider_close(provider, payment, now_us, a);
        if (s == OK || s == CONFLICT)
            s = provider_query(provider, payment, now_us, a, trade);
    }
    return s;
}

/* The provider's answer, as it is counted. */
static const char *answer_name(enum status s, const struct trade *trade)
{
    if (s != OK)
        return s == NOT_FOUND ? "unknown" : "failed";
    switch (trade->state) {
    case TRADE_PAID: return "paid";
    case TRADE_PENDING: return "pending";
    case TRADE_CLOSED: return "closed";
    case TRADE_REFUNDED: return "refunded";
    }
    return "failed";
}

static enum status ask(const struct service *service, struct store *st, struct provider *provider,
                       struct arena *a, const struct payment *payment, bool ends, int64_t now_us)
{
    struct trade trade;
    struct circuit *circuit = circuit_of(service, payment->channel);
    enum status s = ask_provider(provider, a, payment, ends, now_us, &trade);
    circuit_leave(circuit, s == UNAVAILABLE ? CIRCUIT_SILENT : CIRCUIT_ANSWERED, clock_boot_us());
    metric_count(METRIC_POLLS, payment->channel, answer_name(s, &trade));
    if (s == NOT_FOUND)
        return apply_unknown(st, a, payment, now_us);
    return s == OK ? apply(service, st, a, payment, &trade, now_us) : s;
}

enum status poll_ask(const struct service *service, struct store *st, struct provider *provider,
                     struct arena *a, const struct payment *payment, int64_t now_us)
{
    struct provider brief = *provider;
    brief.timeout_us = PERSON_TIMEOUT_US;
    if (!circuit_enter(circuit_of(service, payment->channel), clock_boot_us(), PEOPLE_MOST))
        return UNAVAILABLE;
    return ask(service, st, &brief, a, payment, false, now_us);
}

/* ---- the job ---- */

/* One channel's share of a run. */
struct share {
    const char *channel;
    int64_t spent_us;
    bool over;
};

static void note_outcome(struct job_context *c, const struct payment *payment, enum status s)
{
    if (s == OK)
        c->rows++;
    else
        log_warn("payment.unasked", LOG_STR("channel", payment->channel),
                 LOG_STR("status", status_name(s)));
}

/* Those of erased orders come last: nobody waits for them. */
static enum status take_due(struct job_context *c, const char *channel, struct payment *payment,
                            bool *ends)
{
    enum status s = payment_take_due(&c->store, c->arena, channel, c->now_us, payment, ends);
    if (s != NOT_FOUND)
        return s;
    *ends = true;
    return erased_attempt_take_due(&c->store, c->arena, channel, c->now_us, payment);
}

/* Takes the one that is due longest and asks; the share is over when there is none. */
static enum status ask_next(struct job_context *c, struct share *share)
{
    struct payment payment;
    bool ends = false;
    struct provider brief = c->provider;
    struct circuit *circuit = circuit_of(c->service, share->channel);
    brief.timeout_us = JOB_TIMEOUT_US;
    if (!circuit_enter(circuit, clock_boot_us(), JOB_MOST)) {
        share->over = true;
        return OK;
    }
    enum status s = take_due(c, share->channel, &payment, &ends);
    if (s != OK) {
        circuit_leave(circuit, CIRCUIT_UNTRIED, clock_boot_us());
        share->over = true;
        return s == NOT_FOUND ? OK : s;
    }
    note_outcome(c, &payment,
                 ask(c->service, &c->store, &brief, c->arena, &payment, ends, c->now_us));
    return OK;
}

static enum status ask_timed(struct job_context *c, struct share *share)
{
    int64_t begun_us = clock_boot_us();
    enum status s = ask_next(c, share);
    share->spent_us += clock_boot_us() - begun_us;
    share->over = share->over || share->spent_us > CHANNEL_US;
    return s;
}

enum status poll_run(struct job_context *c)
{
    struct share shares[CHANNELS] = {{.channel = "wechat"}, {.channel = "alipay"}};
    enum status s = payment_hurry(&c->store, c->arena, c->now_us);
    for (int i = 0; s == OK && !(shares[0].over && shares[1].over); i++)
        if (!shares[i % CHANNELS].over)
            s = ask_timed(c, &shares[i % CHANNELS]);
    return s;
}
