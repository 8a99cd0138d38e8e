/* SPDX-License-Identifier: MIT */
/* The tests' side of callbacks: sent, only made, made wrong, sent again. */
#include "control.h"

#include "encoding.h"
#include "moment.h"

#include <string.h>

static const char *const wechat_signers[] = {"public-key", "certificate", "second", "expired"};
static const char *const alipay_signers[] = {"first", "second", "foreign"};

int control_signer(enum channel channel, const char *name)
{
    bool wechat = channel == CHANNEL_WECHAT;
    const char *const *names = wechat ? wechat_signers : alipay_signers;
    for (int i = 0; i < (wechat ? N_WECHAT_SIGNERS : N_ALIPAY_SIGNERS); i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

/* key of the body; false: that provider has none of the name. */
static bool choose_signer(const struct control_call *call, struct notice *n)
{
    const char *key = control_text(call, "key");
    int which = key ? control_signer(n->trade.channel, key) : 0;
    if (key && which >= 0)
        n->signer = n->trade.channel == CHANNEL_WECHAT ? &call->s->in.wechat[which]
                                                       : &call->s->in.alipay[which];
    return which >= 0;
}

static bool build_chosen(struct control_call *call, struct pool *pool, const struct notice *notice,
                         struct callback *callback)
{
    struct notice chosen = *notice;
    return choose_signer(call, &chosen) && callback_build(call->s, pool, &chosen, callback);
}

json_t *control_send(struct control_call *call, const struct notice *notice, bool retry)
{
    struct callback callback;
    if (!build_chosen(call, call->request->pool, notice, &callback))
        return NULL;
    return delivery_send(call->s, call->request->pool, notice, &callback, retry);
}

/* A genuine callback tells of a payment: one that did not happen yet happens now. */
static bool ensure_paid(struct sandbox *s, struct notice *n)
{
    static const struct payer anybody;
    if (fault_is_genuine(n->fault) && n->trade.state != TRADE_PAID)
        trades_pay(s->trades, &n->trade, &anybody, moment_now_s());
    if (!trades_find(s->trades, n->trade.channel, n->trade.out_trade_no, &n->trade))
        return false;
    return !fault_is_genuine(n->fault) || n->trade.state == TRADE_PAID;
}

bool control_fault(struct control_call *call, struct notice *n)
{
    const char *fault = control_text(call, "fault");
    if (fault && !fault_parse(fault, &n->fault)) {
        control_refuse(call, 400, "no such fault");
        return false;
    }
    n->transaction_id = control_text(call, "transaction_id");
    n->amount_fen = json_integer_value(json_object_get(call->body, "amount_fen"));
    return true;
}

static bool read_notice(struct control_call *call, struct notice *n)
{
    if (!control_fault(call, n) || !control_trade(call, &n->trade))
        return false;
    if (ensure_paid(call->s, n))
        return true;
    control_refuse(call, 409, "closed unpaid: nothing genuine to tell");
    return false;
}

void control_notify(struct control_call *call)
{
    struct notice notice = {0};
    if (!read_notice(call, &notice))
        return;
    json_t *sent = control_send(call, &notice, false);
    if (sent)
        reply_json(call->request, call->reply, 200, sent);
    else
        control_refuse(call, 400,
                       "this provider's callbacks cannot be wrong in this way, or no notify_url");
}

static json_t *callback_view(struct pool *pool, const struct notice *n, const struct callback *c)
{
    json_t *headers = json_object();
    for (size_t i = 0; i < c->n_headers; i++)
        json_put_text(headers, c->headers[i].name, c->headers[i].value);
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:s}", "channel",
                     channel_text(n->trade.channel), "out_trade_no", n->trade.out_trade_no,
                     "method", "POST", "url", c->url, "headers", headers, "body", c->body,
                     "body_base64", base64_encode(pool, c->body, c->body_size));
}

void control_prepare(struct control_call *call)
{
    struct notice notice = {0};
    struct callback callback;
    if (!read_notice(call, &notice))
        return;
    if (build_chosen(call, call->request->pool, &notice, &callback))
        reply_json(call->request, call->reply, 200,
                   callback_view(call->request->pool, &notice, &callback));
    else
        control_refuse(call, 400,
                       "this provider's callbacks cannot be wrong in this way, or no notify_url");
}

static json_t *prepare_one(struct control_call *call, const struct notice *pattern,
                           const char *number)
{
    struct notice notice = *pattern;
    struct callback callback;
    struct pool *pool = pool_new();
    json_t *view = NULL;
    if (number && trades_find(call->s->trades, CHANNEL_ANY, number, &notice.trade) &&
        ensure_paid(call->s, &notice) && build_chosen(call, pool, &notice, &callback))
        view = callback_view(pool, &notice, &callback);
    pool_free(pool);
    return view ? view
                : json_pack("{s:s, s:s}", "out_trade_no", number ? number : "", "error",
                            "no such trade, or no such callback");
}

void control_prepare_bulk(struct control_call *call)
{
    struct notice pattern = {0};
    if (!control_fault(call, &pattern))
        return;
    json_t *all = json_array(), *number;
    size_t i;
    json_array_foreach(json_object_get(call->body, "out_trade_nos"), i, number)
    {
        json_array_append_new(all, prepare_one(call, &pattern, json_string_value(number)));
    }
    reply_json(call->request, call->reply, 200, json_pack("{s:o}", "callbacks", all));
}

void control_list_callbacks(struct control_call *call)
{
    reply_json(call->request, call->reply, 200,
               json_pack("{s:o}", "callbacks", journal_copy(call->s->journal)));
}

void control_retry(struct control_call *call)
{
    size_t n;
    struct trade *list = trades_list(call->s->trades, call->request->pool, &n);
    json_t *sent = json_array();
    for (size_t i = 0; i < n; i++) {
        struct notice notice = {.trade = list[i], .fault = FAULT_AGAIN};
        if (!list[i].notified || list[i].acknowledged)
            continue;
        json_t *entry = control_send(call, &notice, true);
        if (entry)
            json_array_append_new(sent, entry);
    }
    control_retry_refunds(call, sent);
    reply_json(call->request, call->reply, 200, json_pack("{s:o}", "callbacks", sent));
}

const struct member control_notice_members[] = {TRADE_MEMBERS, FAULT_MEMBERS, {0}};
const struct member control_bulk_members[] = {
    {"out_trade_nos", MEMBER_ARRAY, true, 0, 0, NULL, NULL},
    FAULT_MEMBERS,
    {0},
};
