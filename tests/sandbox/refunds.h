/* SPDX-License-Identifier: MIT */
/*
 * The refunds that the providers took, in memory, and how the next ones go.
 * Any thread.
 *
 * A struct refund given out is a copy; its texts live as long as the store and
 * never change.
 */
#ifndef SANDBOX_REFUNDS_H
#define SANDBOX_REFUNDS_H

#include "trades.h"

enum refund_state { REFUND_PROCESSING, REFUND_SUCCESS, REFUND_ABNORMAL, REFUND_CLOSED };
/* processing, success, abnormal, closed */
const char *refund_state_text(enum refund_state state);
bool refund_state_parse(const char *text, enum refund_state *state);

struct refund {
    /* fixed when the request comes */
    enum channel channel;
    const char *out_trade_no, *transaction_id, *merchant;
    const char *out_refund_no; /* Alipay's out_request_no */
    const char *notify_url;    /* NULL: none */
    const char *reason;
    int64_t amount_fen, total_fen, created_s;
    const json_t *terms; /* compared when the number comes again */
    /* moves on */
    const char *refund_id, *notice_id;
    enum refund_state state;
    int64_t done_s;
    int64_t trade_refunded_fen; /* of its trade, all together, when this one moved money */
    unsigned asked;             /* requests under this number that were taken */
    unsigned moved;             /* how often money went back: never more than once */
    bool notified, acknowledged;
};

/* How requests go. */
enum refund_mode {
    REFUNDS_IMMEDIATE,    /* money moves before the answer */
    REFUNDS_HELD,         /* taken; stays processing until told otherwise */
    REFUNDS_NOT_ENOUGH,   /* refused: the seller has too little */
    REFUNDS_FREQUENCY,    /* refused: too many calls */
    REFUNDS_SYSTEM_ERROR, /* refused */
    REFUNDS_LOST,         /* money moves, and the answer is a system error */
    REFUNDS_ABNORMAL,     /* taken, and stuck */
};
/* "immediate" and so on; false: no such name. */
bool refund_mode_parse(const char *text, enum refund_mode *mode);

struct refunds;
struct refunds *refunds_new(struct trades *trades);
void refunds_free(struct refunds *all);

/* times < 0: for good; else immediate again after so many. minute: the second refund of a trade
 * within 60 s is refused. */
void refunds_set_mode(struct refunds *all, enum refund_mode mode, int times, bool minute);
/* Counts down. */
enum refund_mode refunds_next_mode(struct refunds *all);

enum take { TAKE_NEW, TAKE_SAME, TAKE_DIFFERENT, TAKE_TOO_MUCH, TAKE_TOO_SOON };
/* Takes the refund, or compares it with the one of that number. */
enum take refunds_take(struct refunds *all, const struct refund *wanted, enum refund_mode mode,
                       struct refund *stored);
/* CHANNEL_ANY looks at WeChat first; out_trade_no NULL: of any trade. */
bool refunds_find(struct refunds *all, enum channel channel, const char *out_trade_no,
                  const char *out_refund_no, struct refund *found);
/* What succeeded or was closed stays so: false. Else the state, where money moves on success. */
bool refunds_finish(struct refunds *all, const struct refund *refund, enum refund_state state,
                    struct refund *after);
void refunds_mark_notified(struct refunds *all, const struct refund *refund, bool acknowledged);
/* All of them in the order they came; the array lies in the pool. */
struct refund *refunds_list(struct refunds *all, struct pool *pool, size_t *n);

#endif
