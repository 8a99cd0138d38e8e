/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "api/answers.h"
#include "api/gate.h"
#include "api/handlers.h"
#include "base/clock.h"
#include "store/reconciliation.h"

static json_t *answer_difference(const struct bill_difference *d)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s?, s:o, s:o, s:o, s:o, s:s?}", "finding", d->finding,
                     "kind", d->kind, "transaction_id", d->transaction_id, "out_trade_no",
                     d->out_trade_no, "out_refund_no", d->out_refund_no, "here_fen",
                     d->is_here ? json_integer(d->here_fen) : json_null(), "there_fen",
                     d->is_there ? json_integer(d->there_fen) : json_null(), "here_at",
                     answer_time(d->here_us), "there_at", answer_time(d->there_us), "there_state",
                     d->there_state);
}

static json_t *answer_side(int64_t payments, int64_t payments_fen, int64_t refunds,
                           int64_t refunds_fen)
{
    return json_pack("{s:I, s:I, s:I, s:I}", "payments", (json_int_t)payments, "payments_fen",
                     (json_int_t)payments_fen, "refunds", (json_int_t)refunds, "refunds_fen",
                     (json_int_t)refunds_fen);
}

static json_t *answer_figures(const struct bill_figures *f)
{
    return json_pack(
        "{s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "here",
        answer_side(f->here_payments, f->here_payments_fen, f->here_refunds, f->here_refunds_fen),
        "there",
        answer_side(f->there_payments, f->there_payments_fen, f->there_refunds,
                    f->there_refunds_fen),
        "matched", (json_int_t)f->matched, "different", (json_int_t)f->different, "only_here",
        (json_int_t)f->only_here, "only_there", (json_int_t)f->only_there, "other_day",
        (json_int_t)f->other_day, "under_way", (json_int_t)f->under_way, "awaits_next_day",
        (json_int_t)f->awaiting);
}

static const char *state_of(const struct bill_day *d)
{
    const struct bill_figures *f = &d->figures;
    if (!d->compared_us)
        return "waiting";
    return f->different || f->only_here || f->only_there ? "differing" : "matched";
}

static json_t *answer_bill(const struct bill_day *d, const struct bill_difference *differences,
                           size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        if (strcmp(differences[i].name.channel, d->name.channel) == 0 &&
            strcmp(differences[i].name.merchant, d->name.merchant) == 0)
            json_array_append_new(list, answer_difference(&differences[i]));
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:o, s:o, s:o, s:o, s:o}", "channel",
                     d->name.channel, "merchant", d->name.merchant, "state", state_of(d), "outcome",
                     d->outcome, "tries", d->tries, "tried_at", answer_time(d->tried_us), "next_at",
                     answer_time(d->next_us), "compared_at", answer_time(d->compared_us), "figures",
                     d->compared_us ? answer_figures(&d->figures) : json_null(), "differences",
                     list);
}

void admin_reconciliation_show(struct request *r)
{
    int32_t day = 0;
    struct bill_day *days;
    struct bill_difference *differences;
    size_t n_days = 0, n_differences = 0;
    if (!query_known(r, (const char *const[]){"day", NULL}))
        return;
    const char *day_text = request_query(r, "day");
    if (!day_text || day_parse(day_text, &day) != OK) {
        field_error(r, "?day", day_text ? "malformed" : "missing", "a day such as 2026-11-23");
        reply_problem(r, PROBLEM_INVALID_MEMBERS);
        return;
    }
    if (!gate_audit(r, 0, NULL))
        return;
    enum status s =
        bill_read_day(store_of(r), r->arena, day, &days, &n_days, &differences, &n_differences);
    if (s != OK) {
        reply_status(r, s);
        return;
    }
    json_t *items = json_array();
    for (size_t i = 0; i < n_days; i++)
        json_array_append_new(items, answer_bill(&days[i], differences, n_differences));
    reply_json(r, 200, json_pack("{s:o, s:n}", "items", items, "next_cursor"));
}
