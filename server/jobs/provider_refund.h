/* SPDX-License-Identifier: MIT */
/*
 * What the payment providers say when they are asked to give money back, or
 * asked how that stands, in one shape for both.
 *
 * Sources of the codes: both providers' error tables. A code that is not known
 * here is an unknown outcome. One thread per struct provider.
 */
#ifndef IDPHOTOD_JOBS_PROVIDER_REFUND_H
#define IDPHOTOD_JOBS_PROVIDER_REFUND_H

#include "jobs/provider.h"
#include "store/refund.h"

enum refund_answer {
    REFUND_UNCLEAR,     /* no verified word: ask, then repeat under the same number */
    REFUND_TAKEN,       /* under way there */
    REFUND_DONE,        /* the money went back */
    REFUND_ABNORMAL,    /* the account it should go to does not take it: a person must act there */
    REFUND_CLOSED,      /* given up there: the money stays */
    REFUND_REFUSED,     /* a refusal that no repetition changes */
    REFUND_NO_MONEY,    /* our balance there is too small: later */
    REFUND_CREDENTIALS, /* key, serial number, clock or contract are wrong: a person must act here
                         */
    REFUND_ABSENT,      /* asked how it stands: there is none of that number, or it is not done */
};

struct refund_said {
    enum refund_answer answer;
    const char *code;           /* the provider's, "" when there is none */
    const char *transaction_id; /* of DONE, TAKEN, ABNORMAL and CLOSED, as the provider names it */
    int64_t refund_fen;
    int64_t done_us; /* 0: not told */
};

/* Asks for it, under its number. */
struct refund_said provider_refund(struct provider *p, const struct refund *refund, int64_t now_us,
                                   struct arena *a);
/* Asks how it stands. */
struct refund_said provider_refund_query(struct provider *p, const struct refund *refund,
                                         int64_t now_us, struct arena *a);

/* A WeChat document's word; of an answer or of a callback. */
enum refund_answer refund_answer_of(enum wechat_refund_state state);

#endif
