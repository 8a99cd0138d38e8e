/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "api/answers.h"
#include "api/gate.h"
#include "api/handlers.h"
#include "store/order.h"
#include "store/refund.h"

struct reason_body {
    const char *reason;
};

static const char *rule_reason(const char *text)
{
    return refund_is_operators_reason(text) ? NULL : "unknown";
}

static const struct json_member reason_members[] = {
    {.name = "reason",
     .kind = JSON_KIND_TEXT,
     .required = true,
     .offset = offsetof(struct reason_body, reason),
     .least = 1,
     .most = 20,
     .rule = rule_reason,
     .detail = "complaint, quality, duplicate, not-ours, goodwill or legal"},
};
static const struct json_shape reason_shape = {reason_members, 1, sizeof(struct reason_body)};

static json_t *answer_refund(const struct refund *f)
{
    return json_pack("{s:o, s:o, s:s, s:s, s:s, s:s, s:I, s:s, s:s, s:s?, s:i, s:o, s:o, s:o}",
                     "refund_id", answer_id("ref_", &f->refund_id), "entry_id",
                     answer_id("led_", &f->entry_id), "channel", f->channel, "transaction_id",
                     f->transaction_id, "out_trade_no", f->out_trade_no, "out_refund_no",
                     f->out_refund_no, "amount_fen", (json_int_t)f->refund_fen, "reason", f->reason,
                     "state", f->state, "last_code", f->last_code, "tries", f->tries,
                     "requested_at", answer_time(f->requested_us), "next_at",
                     answer_time(f->next_us), "done_at", answer_time(f->done_us));
}

static void refund_entry(struct request *r, const struct uuid *entry_id, const char *reason)
{
    struct refund refund;
    enum status s = refund_payment(store_of(r), r->arena, entry_id, reason, &r->operator_id,
                                   r->now_us, &refund);
    if (s == OK)
        reply_json(r, 202, answer_refund(&refund));
    else
        reply_status(r, s);
}

void admin_order_refund(struct request *r)
{
    struct uuid id, entry_id;
    int64_t account_id;
    struct reason_body body;
    if (!body_parse(r, &reason_shape, &body) || !param_id(r, 0, "ord_", &id))
        return;
    enum status s = order_find_account(store_of(r), r->arena, &id, r->now_us, &account_id);
    if (s == OK)
        s = refund_find_entry(store_of(r), r->arena, account_id, &id, &entry_id);
    if (s == OK)
        refund_entry(r, &entry_id, body.reason);
    else
        reply_status(r, s);
}

void admin_ledger_refund(struct request *r)
{
    struct uuid entry_id;
    struct reason_body body;
    if (body_parse(r, &reason_shape, &body) && param_id(r, 0, "led_", &entry_id))
        refund_entry(r, &entry_id, body.reason);
}

static bool is_state(const char *state)
{
    return strcmp(state, "requested") == 0 || strcmp(state, "accepted") == 0 ||
           strcmp(state, "done") == 0 || strcmp(state, "failed") == 0;
}

static void reply_refunds(struct request *r, const struct refund *list, size_t n, int64_t limit)
{
    json_t *items = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(items, answer_refund(&list[i]));
    const struct uuid *last = n ? &list[n - 1].refund_id : NULL;
    reply_json(r, 200, answer_page(items, (size_t)limit, "ref_", last));
}

void admin_refunds_show(struct request *r)
{
    int64_t limit;
    struct uuid id;
    struct refund *list;
    size_t n;
    if (!query_known(r, (const char *const[]){"state", "limit", "cursor", NULL}) ||
        !query_integer(r, "limit", 1, 100, 20, &limit))
        return;
    const char *state = request_query(r, "state");
    if (state && !is_state(state))
        field_error(r, "?state", "unknown", "requested, accepted, done or failed");
    const struct uuid *before = query_cursor(r, "ref_", &id);
    if (has_field_errors(r)) {
        reply_problem(r, PROBLEM_INVALID_MEMBERS);
        return;
    }
    if (!gate_audit(r, 0, NULL))
        return;
    enum status s = refund_list(store_of(r), r->arena, state, before, (int)limit, &list, &n);
    if (s == OK)
        reply_refunds(r, list, n, limit);
    else
        reply_status(r, s);
}
