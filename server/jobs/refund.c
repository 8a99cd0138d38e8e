/* SPDX-License-Identifier: MIT */
#include "jobs/refund.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"

/* ---- a word that counts ---- */

static const char *code_of(enum refund_answer answer, const struct refund_word *word)
{
    if (answer == REFUND_ABNORMAL)
        return "ABNORMAL";
    return answer == REFUND_CLOSED ? "CLOSED" : word->code;
}

static void count(enum refund_answer answer, enum refund_heard heard, const char *channel)
{
    const char *result = answer == REFUND_DONE    ? "done"
                         : answer == REFUND_TAKEN ? "accepted"
                                                  : "failed";
    switch (heard) {
    case REFUND_CHANGED: break;
    case REFUND_SAME: result = "same"; break;
    case REFUND_UNKNOWN: result = "unknown"; break;
    case REFUND_DIFFERS: result = "differs"; break;
    }
    metric_count(METRIC_REFUND_WORDS, channel, result);
}

static void tell(enum refund_answer answer, enum refund_heard heard, const struct refund_word *word)
{
    if (heard == REFUND_UNKNOWN)
        log_error("refund.unknown", LOG_STR("channel", word->channel));
    else if (heard == REFUND_DIFFERS)
        log_error("refund.differs", LOG_STR("channel", word->channel));
    else if (heard == REFUND_CHANGED && answer == REFUND_DONE)
        log_info("refund.done", LOG_STR("channel", word->channel));
    else if (heard == REFUND_CHANGED && answer != REFUND_TAKEN)
        log_error("refund.failed", LOG_STR("channel", word->channel),
                  LOG_STR("code", code_of(answer, word)));
}

enum status refund_hear(struct store *st, struct arena *a, enum refund_answer answer,
                        const struct refund_word *word, int64_t next_us, int64_t now_us)
{
    struct refund_word said = *word;
    enum refund_heard heard = REFUND_SAME;
    enum status s;
    said.code = code_of(answer, word);
    if (answer == REFUND_DONE)
        s = refund_finish(st, a, &said, now_us, &heard);
    else if (answer == REFUND_TAKEN)
        s = refund_accept(st, a, &said, next_us, now_us, &heard);
    else
        s = refund_fail(st, a, &said, now_us, &heard);
    if (s == OK) {
        count(answer, heard, said.channel);
        tell(answer, heard, &said);
    }
    return s;
}

/* ---- one turn ---- */

/* Growing; the provider's word on a refund is not to be had within ten seconds. */
static int64_t next_turn_us(const struct refund *r, int64_t now_us)
{
    static const int64_t waits_s[] = {15, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600};
    enum { N = sizeof waits_s / sizeof *waits_s };
    int32_t i = r->tries < N ? r->tries : N - 1;
    return now_us + waits_s[i] * SECOND_US;
}

static void alarm_of(const struct refund *r, const struct refund_said *said)
{
    bool broken =
        strcmp(said->code, "SYSTEMERROR") == 0 || strcmp(said->code, "ACQ.SYSTEM_ERROR") == 0;
    if (said->answer == REFUND_NO_MONEY)
        log_error("refund.no-money", LOG_STR("channel", r->channel));
    else if (said->answer == REFUND_CREDENTIALS || (broken && r->tries == 3))
        log_error("refund.check-credentials", LOG_STR("channel", r->channel),
                  LOG_STR("code", said->code));
    else if (r->tries > 0 && r->tries % 10 == 0 && strcmp(r->state, "failed") != 0)
        log_error("refund.stuck", LOG_STR("channel", r->channel), LOG_INT("tries", r->tries));
}

/* Nothing came that counts: another turn. What only a person can mend need not be tried soon. */
static enum status put_off(struct job_context *c, const struct refund *r,
                           const struct refund_said *said)
{
    int64_t next_us = next_turn_us(r, c->now_us);
    bool slow = said->answer == REFUND_NO_MONEY || said->answer == REFUND_CREDENTIALS;
    if (slow && next_us < c->now_us + 10 * MINUTE_US)
        next_us = c->now_us + 10 * MINUTE_US;
    if (strcmp(r->state, "failed") == 0)
        next_us = c->now_us + DAY_US;
    if (said->answer != REFUND_TAKEN)
        alarm_of(r, said);
    return refund_later(&c->store, c->arena, r, said->code, next_us, c->now_us);
}

static enum status take_effect(struct job_context *c, const struct refund *r,
                               const struct refund_said *said)
{
    const struct refund_word word = {
        .channel = r->channel,
        .merchant = r->merchant,
        .out_refund_no = r->out_refund_no,
        .transaction_id = said->transaction_id ? said->transaction_id : r->transaction_id,
        .refund_fen = said->transaction_id ? said->refund_fen : r->refund_fen,
        .done_us = said->done_us,
        .code = said->code,
    };
    enum status s = put_off(c, r, &(struct refund_said){.answer = REFUND_TAKEN, .code = ""});
    if (s == OK)
        s = refund_hear(&c->store, c->arena, said->answer, &word, next_turn_us(r, c->now_us),
                        c->now_us);
    return s;
}

/* A refusal is final only when the provider knows none of that number either: the first try may
 * have been taken, and its answer lost. */
static struct refund_said second_look(struct job_context *c, const struct refund *r,
                                      struct refund_said refused)
{
    struct refund_said said = provider_refund_query(&c->provider, r, c->now_us, c->arena);
    return said.answer == REFUND_ABSENT ? refused : said;
}

/* A first turn asks for it; every later one asks how it stands before it asks again. */
static struct refund_said turn(struct job_context *c, const struct refund *r)
{
    bool first = r->tries == 1 && strcmp(r->state, "requested") == 0;
    struct refund_said said = {.answer = REFUND_ABSENT, .code = ""};
    if (!first)
        said = provider_refund_query(&c->provider, r, c->now_us, c->arena);
    if (said.answer != REFUND_ABSENT || strcmp(r->state, "failed") == 0)
        return said;
    said = provider_refund(&c->provider, r, c->now_us, c->arena);
    return said.answer == REFUND_REFUSED ? second_look(c, r, said) : said;
}

static enum status take_turn(struct job_context *c, const struct refund *r)
{
    struct refund_said said = turn(c, r);
    switch (said.answer) {
    case REFUND_DONE:
    case REFUND_TAKEN:
    case REFUND_ABNORMAL:
    case REFUND_CLOSED:
    case REFUND_REFUSED: return take_effect(c, r, &said);
    case REFUND_UNCLEAR:
    case REFUND_NO_MONEY:
    case REFUND_CREDENTIALS:
    case REFUND_ABSENT: return put_off(c, r, &said);
    }
    return INTERNAL;
}

/* ---- the job ---- */

/* How long a run goes on to take further ones: a provider that does not answer costs its whole
 * timeout each time, and a stop waits for the run. */
#define RUN_US (10 * SECOND_US)
enum { RULES_MAX = 200 };

static enum status apply_rules(struct job_context *c)
{
    bool made = true;
    enum status s = OK;
    for (int i = 0; s == OK && made && i < RULES_MAX; i++) {
        s = refund_by_rule(&c->store, c->arena, c->now_us, &made);
        if (s == OK && made)
            c->rows++;
    }
    return s == CONFLICT ? OK : s; /* an operator was first, or the database forbids it */
}

enum status refund_run(struct job_context *c)
{
    struct refund r;
    int64_t until_us = clock_boot_us() + RUN_US;
    enum status s = apply_rules(c);
    while (s == OK && clock_boot_us() < until_us) {
        s = refund_take_due(&c->store, c->arena, c->now_us, &r);
        if (s != OK)
            break;
        s = take_turn(c, &r);
        c->rows++;
    }
    return s == NOT_FOUND ? OK : s;
}
