/* SPDX-License-Identifier: MIT */
/* What the parts of the tests' side share: a call, its answers, and the calls about callbacks and
 * refunds. */
#ifndef SANDBOX_CONTROL_H
#define SANDBOX_CONTROL_H

#include "delivery.h"
#include "terms.h"

/* One call of the control interface. */
struct control_call {
    struct sandbox *s;
    struct request *request;
    struct reply *reply;
    const json_t *body; /* {} when the request had none */
    const char *rest;   /* of the path, where the route has one */
};

void control_refuse(struct control_call *call, unsigned status, const char *error);
const char *control_text(const struct control_call *call, const char *name);
/* 0 adds nothing. */
void control_put_time(struct pool *pool, json_t *object, const char *name, int64_t at_s);
bool control_is_channel(const char *t);
/* CHANNEL_ANY where the body names none. */
enum channel control_channel(const struct control_call *call);
/* The trade the body names; answers 404 itself. */
bool control_trade(struct control_call *call, struct trade *t);
/* fault, transaction_id and amount_fen of the body; answers 400 itself. */
bool control_fault(struct control_call *call, struct notice *n);
/* The line of the journal, a new reference; NULL when there is no such callback. */
json_t *control_send(struct control_call *call, const struct notice *notice, bool retry);

#define TRADE_MEMBERS                                                                              \
    {"out_trade_no", MEMBER_TEXT, true, 1, 64, NULL, NULL},                                        \
    {                                                                                              \
        "channel", MEMBER_TEXT, false, 1, 6, control_is_channel, NULL                              \
    }
#define FAULT_MEMBERS                                                                              \
    {"fault", MEMBER_TEXT, false, 1, 32, NULL, NULL},                                              \
        {"amount_fen", MEMBER_INTEGER, false, 0, 0, NULL, NULL},                                   \
        {"transaction_id", MEMBER_TEXT, false, 1, 64, NULL, NULL},                                 \
    {                                                                                              \
        "key", MEMBER_TEXT, false, 1, 16, NULL, NULL                                               \
    }

/* WECHAT_* or ALIPAY_* of a key's name; -1: no such name. */
int control_signer(enum channel channel, const char *name);
extern const struct member control_notice_members[], control_bulk_members[];
void control_notify(struct control_call *call);
void control_prepare(struct control_call *call);
void control_prepare_bulk(struct control_call *call);
void control_list_callbacks(struct control_call *call);
void control_retry(struct control_call *call);

extern const struct member control_refund_members[], control_refunds_members[];
void control_finish_refund(struct control_call *call);
void control_set_refunds(struct control_call *call);
void control_list_refunds(struct control_call *call);
/* Sends again what was genuine and not acknowledged; appends the lines of the journal. */
void control_retry_refunds(struct control_call *call, json_t *sent);

#endif
