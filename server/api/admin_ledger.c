/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "api/answers.h"
#include "api/gate.h"
#include "api/handlers.h"
#include "base/clock.h"
#include "store/order.h"
#include "store/payment.h"

static void reply_csv(struct request *r, const struct ledger_entry *list, size_t n)
{
    struct buf *csv = arena_buf(r->arena);
    answer_ledger_csv(csv, list, n, "\r\n");
    reply_bytes(r, 200, "text/csv; charset=utf-8", csv->bytes, csv->size);
}

static void reply_entries(struct request *r, const struct ledger_entry *list, size_t n)
{
    reply_json(r, 200, json_pack("{s:o, s:n}", "items", answer_ledger(list, n), "next_cursor"));
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
