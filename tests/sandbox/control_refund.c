/* SPDX-License-Identifier: MIT */
/* The tests' side of refunds: how they go, what became of them. */
#include "control.h"

const struct member control_refund_members[] = {
    {"out_refund_no", MEMBER_TEXT, true, 1, 64, NULL, NULL},
    {"out_trade_no", MEMBER_TEXT, false, 1, 64, NULL, NULL},
    {"channel", MEMBER_TEXT, false, 1, 6, control_is_channel, NULL},
    {"outcome", MEMBER_TEXT, false, 1, 16, NULL, NULL},
    {"notify", MEMBER_BOOLEAN, false, 0, 0, NULL, NULL},
    FAULT_MEMBERS,
    {0},
};
const struct member control_refunds_members[] = {
    {"mode", MEMBER_TEXT, true, 1, 16, NULL, NULL},
    {"times", MEMBER_INTEGER, false, 0, 0, NULL, NULL},
    {"minute", MEMBER_BOOLEAN, false, 0, 0, NULL, NULL},
    {0},
};

static json_t *refund_view(struct pool *pool, const struct refund *r)
{
    json_t *view = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:i, s:i, s:b, s:b}", "channel",
        channel_text(r->channel), "out_trade_no", r->out_trade_no, "out_refund_no",
        r->out_refund_no, "refund_id", r->refund_id, "transaction_id", r->transaction_id,
        "amount_fen", (json_int_t)r->amount_fen, "total_fen", (json_int_t)r->total_fen, "state",
        refund_state_text(r->state), "asked", (int)r->asked, "moved", (int)r->moved, "notified",
        (int)r->notified, "acknowledged", (int)r->acknowledged);
    json_put_text(view, "notify_url", r->notify_url);
    json_put_text(view, "reason", r->reason);
    control_put_time(pool, view, "created_at", r->created_s);
    control_put_time(pool, view, "done_at", r->done_s);
    return view;
}

void control_list_refunds(struct control_call *call)
{
    size_t n;
    struct refund *list = refunds_list(call->s->refunds, call->request->pool, &n);
    json_t *views = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(views, refund_view(call->request->pool, &list[i]));
    reply_json(call->request, call->reply, 200, json_pack("{s:o}", "refunds", views));
}

void control_set_refunds(struct control_call *call)
{
    enum refund_mode mode;
    const json_t *times = json_object_get(call->body, "times");
    if (!refund_mode_parse(control_text(call, "mode"), &mode)) {
        control_refuse(call, 400, "no such mode");
        return;
    }
    refunds_set_mode(call->s->refunds, mode, times ? (int)json_integer_value(times) : -1,
                     json_is_true(json_object_get(call->body, "minute")));
    reply_json(call->request, call->reply, 200, json_object());
}

/* The refund the body names; answers 404 itself. */
static bool named_refund(struct control_call *call, struct refund *r)
{
    const char *number = control_text(call, "out_trade_no");
    if (refunds_find(call->s->refunds, control_channel(call), number,
                     control_text(call, "out_refund_no"), r))
        return true;
    control_refuse(call, 404, "no such refund");
    return false;
}

/* The notice about a refund as it stands, sent. */
static json_t *tell(struct control_call *call, struct notice *notice, const struct refund *r,
                    bool retry)
{
    notice->refund = r;
    if (!trades_find(call->s->trades, r->channel, r->out_trade_no, &notice->trade))
        return NULL;
    return control_send(call, notice, retry);
}

void control_finish_refund(struct control_call *call)
{
    struct notice notice = {0};
    struct refund r;
    enum refund_state state;
    const char *outcome = control_text(call, "outcome");
    if (!control_fault(call, &notice) || !named_refund(call, &r))
        return;
    if (outcome && !refund_state_parse(outcome, &state)) {
        control_refuse(call, 400, "outcome: processing, success, abnormal, closed");
        return;
    }
    if (outcome && !refunds_finish(call->s->refunds, &r, state, &r)) {
        control_refuse(call, 409, "succeeded or closed already");
        return;
    }
    bool silent = json_is_false(json_object_get(call->body, "notify"));
    json_t *sent = silent ? NULL : tell(call, &notice, &r, false);
    refunds_find(call->s->refunds, r.channel, r.out_trade_no, r.out_refund_no, &r);
    json_t *result = refund_view(call->request->pool, &r);
    if (sent)
        json_object_update_new(result, sent);
    reply_json(call->request, call->reply, 200, result);
}

void control_retry_refunds(struct control_call *call, json_t *sent)
{
    size_t n;
    struct refund *list = refunds_list(call->s->refunds, call->request->pool, &n);
    for (size_t i = 0; i < n; i++) {
        struct notice notice = {.fault = FAULT_AGAIN};
        json_t *entry =
            list[i].notified && !list[i].acknowledged ? tell(call, &notice, &list[i], true) : NULL;
        if (entry)
            json_array_append_new(sent, entry);
    }
}
