/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "api/answers.h"
#include "api/gate.h"
#include "api/handlers.h"
#include "base/clock.h"
#include "store/order.h"
#include "store/payment.h"

static json_t *answer_entry(const struct ledger_entry *e)
{
    return json_pack("{s:o, s:s, s:s, s:s, s:s, s:I, s:o, s:o}", "entry_id",
                     answer_id("led_", &e->entry_id), "kind", e->kind, "channel", e->channel,
                     "transaction_id", e->transaction_id, "out_trade_no", e->out_trade_no,
                     "amount_fen", (json_int_t)e->amount_fen, "occurred_at",
                     answer_time(e->occurred_us), "recorded_at", answer_time(e->recorded_us));
}

static void release_buf(void *b)
{
    buf_free(b);
}

/* Trade numbers are letters and digits, times and amounts our own: nothing needs quoting. */
static void reply_csv(struct request *r, const struct ledger_entry *list, size_t n)
{
    char occurred[TIME_TEXT_BYTES], recorded[TIME_TEXT_BYTES], id[PUBLIC_ID_BYTES];
    struct buf *csv = arena_alloc(r->arena, sizeof *csv);
    arena_defer(r->arena, release_buf, csv);
    buf_add_str(csv, "entry_id,kind,channel,transaction_id,out_trade_no,amount_fen,occurred_at,"
                     "recorded_at\r\n");
    for (size_t i = 0; i < n; i++)
        buf_printf(csv, "%s,%s,%s,%s,%s,%" PRId64 ",%s,%s\r\n",
                   public_id_format("led_", &list[i].entry_id, id), list[i].kind, list[i].channel,
                   list[i].transaction_id, list[i].out_trade_no, list[i].amount_fen,
                   time_format(list[i].occurred_us, occurred),
                   time_format(list[i].recorded_us, recorded));
    reply_bytes(r, 200, "text/csv; charset=utf-8", csv->bytes, csv->size);
}

static void reply_entries(struct request *r, const struct ledger_entry *list, size_t n)
{
    json_t *items = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(items, answer_entry(&list[i]));
    reply_json(r, 200, json_pack("{s:o, s:n}", "items", items, "next_cursor"));
}

void admin_ledger_show(struct request *r)
{
    int32_t day = 0;
    struct ledger_entry *list;
    size_t n;
    if (!query_known(r, (const char *const[]){"day", "format", NULL}))
        return;
    const char *day_text = request_query(r, "day");
    const char *format = request_query(r, "format");
    if (!day_text || day_parse(day_text, &day) != OK)
        field_error(r, "?day", day_text ? "malformed" : "missing", "a day such as 2026-11-23");
    if (format && strcmp(format, "json") != 0 && strcmp(format, "csv") != 0)
        field_error(r, "?format", "unknown", "json or csv");
    if (has_field_errors(r)) {
        reply_problem(r, PROBLEM_INVALID_MEMBERS);
        return;
    }
    if (!gate_audit(r, 0, NULL))
        return;
    enum status s = ledger_day(store_of(r), r->arena, day, &list, &n);
    if (s != OK)
        reply_status(r, s);
    else if (format && strcmp(format, "csv") == 0)
        reply_csv(r, list, n);
    else
        reply_entries(r, list, n);
}

static json_t *answer_payer(const struct payer *p, const struct uuid *order_id)
{
    json_t *answer = json_loads(p->identity, 0, NULL);
    json_object_set_new(answer, "order_id", answer_id("ord_", order_id));
    json_object_set_new(answer, "channel", json_string(p->channel));
    json_object_set_new(answer, "appid", json_string(p->appid));
    json_object_set_new(answer, "ip_order", json_string(p->ip_order));
    json_object_set_new(answer, "ip_payment", json_string(p->ip_payment));
    return answer;
}

void admin_payers_show(struct request *r)
{
    struct uuid id;
    int64_t account_id;
    struct payer *list;
    size_t n = 0;
    if (!query_known(r, (const char *const[]){"order", NULL}))
        return;
    const char *order = request_query(r, "order");
    if (!order || public_id_parse("ord_", order, &id) != OK) {
        field_error(r, "?order", order ? "malformed" : "missing", "an order's id");
        reply_problem(r, PROBLEM_INVALID_MEMBERS);
        return;
    }
    enum status s = order_find_account(store_of(r), r->arena, &id, r->now_us, &account_id);
    if (s == OK && !gate_audit(r, account_id, &id))
        return;
    if (s == OK)
        s = payer_list(store_of(r), r->arena, account_id, &id, r->now_us, &list, &n);
    if (s != OK) {
        reply_status(r, s);
        return;
    }
    json_t *items = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(items, answer_payer(&list[i], &id));
    reply_json(r, 200, json_pack("{s:o, s:n}", "items", items, "next_cursor"));
}
