/* SPDX-License-Identifier: MIT */
#include "api/answers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"

json_t *answer_time(int64_t at_us)
{
    char text[TIME_TEXT_BYTES];
    return at_us ? json_string(time_format(at_us, text)) : json_null();
}

json_t *answer_id(const char *prefix, const struct uuid *id)
{
    char text[PUBLIC_ID_BYTES];
    return json_string(public_id_format(prefix, id, text));
}

/* A string: 63 bits do not fit every client's numbers. */
json_t *answer_account_id(int64_t account_id)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, account_id);
    return json_string(text);
}

json_t *answer_consent(const struct consent *c)
{
    return json_pack("{s:s, s:s, s:o, s:o}", "purpose", c->purpose, "policy_version",
                     c->policy_version, "granted_at", answer_time(c->granted_us), "withdrawn_at",
                     answer_time(c->withdrawn_us));
}

json_t *answer_consents(const struct consent *list, size_t n)
{
    json_t *items = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(items, answer_consent(&list[i]));
    return items;
}

json_t *answer_photo(const struct photo *p)
{
    json_t *o =
        json_pack("{s:o, s:s, s:s?, s:i, s:i, s:i, s:I, s:s, s:o, s:o}", "photo_id",
                  answer_id("pho_", &p->photo_id), "state", p->paid ? "paid" : "draft", "spec",
                  p->spec, "width_px", p->width_px, "height_px", p->height_px, "dpi", p->dpi,
                  "bytes", (json_int_t)p->bytes, "format", p->format, "created_at",
                  answer_time(p->created_us), "expires_at", answer_time(p->expires_us));
    CHECK_PEER(o);
    return o;
}

static json_t *items_of(const struct order *o)
{
    json_t *list = json_array();
    for (size_t i = 0; i < o->n_items; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:o, s:i, s:I}", "product", o->items[i].product, "photo_id",
                            answer_id("pho_", &o->items[i].photo_id), "quantity",
                            o->items[i].quantity, "price_fen", (json_int_t)o->items[i].price_fen));
    return list;
}

static json_t *payments_of(const struct order *o)
{
    json_t *list = json_array();
    for (size_t i = 0; i < o->n_payments; i++)
        json_array_append_new(list,
                              json_pack("{s:o, s:s, s:s}", "payment_id",
                                        answer_id("pay_", &o->payments[i].payment_id), "channel",
                                        o->payments[i].channel, "state", o->payments[i].state));
    return list;
}

static json_t *refunds_of(const struct order *o)
{
    json_t *list = json_array();
    for (size_t i = 0; i < o->n_refunds; i++)
        json_array_append_new(list, json_pack("{s:o, s:I, s:s}", "refund_id",
                                              answer_id("ref_", &o->refunds[i].refund_id),
                                              "amount_fen", (json_int_t)o->refunds[i].amount_fen,
                                              "state", o->refunds[i].state));
    return list;
}

json_t *answer_order(const struct order *o)
{
    json_t *answer =
        json_pack("{s:o, s:s, s:s, s:o, s:I, s:o, s:o, s:o, s:o, s:o}", "order_id",
                  answer_id("ord_", &o->order_id), "state", o->state, "kind", o->kind, "items",
                  items_of(o), "amount_fen", (json_int_t)o->amount_fen, "created_at",
                  answer_time(o->created_us), "paid_at", answer_time(o->paid_us), "expires_at",
                  answer_time(o->expires_us), "payments", payments_of(o), "refunds", refunds_of(o));
    CHECK_PEER(answer);
    if (o->close_reason)
        json_object_set_new(answer, "close_reason", json_string(o->close_reason));
    if (o->recipient)
        json_object_set_new(answer, "recipient", json_loads(o->recipient, 0, NULL));
    if (o->shipment) {
        json_t *shipment = json_loads(o->shipment, 0, NULL);
        json_object_set_new(shipment, "shipped_at", answer_time(o->shipped_us));
        json_object_set_new(answer, "shipment", shipment);
    }
    return answer;
}

json_t *answer_page(json_t *items, size_t limit, const char *prefix, const struct uuid *last)
{
    json_t *next = last && json_array_size(items) == limit ? answer_id(prefix, last) : json_null();
    return json_pack("{s:o, s:o}", "items", items, "next_cursor", next);
}

json_t *answer_orders(const struct order *orders, size_t n, size_t limit,
                      json_t *(*shape)(const struct order *))
{
    json_t *items = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(items, shape(&orders[i]));
    return answer_page(items, limit, "ord_", n ? &orders[n - 1].order_id : NULL);
}

json_t *answer_ledger(const struct ledger_entry *list, size_t n)
{
    json_t *items = json_array();
    for (const struct ledger_entry *e = list; e < list + n; e++)
        json_array_append_new(
            items, json_pack("{s:o, s:s, s:s, s:s, s:s, s:s?, s:I, s:o, s:o}", "entry_id",
                             answer_id("led_", &e->entry_id), "kind", e->kind, "channel",
                             e->channel, "transaction_id", e->transaction_id, "out_trade_no",
                             e->out_trade_no, "out_refund_no", e->out_refund_no, "amount_fen",
                             (json_int_t)e->amount_fen, "occurred_at", answer_time(e->occurred_us),
                             "recorded_at", answer_time(e->recorded_us)));
    return items;
}

/* Trade numbers are letters and digits, times and amounts our own: nothing needs quoting. */
void answer_ledger_csv(struct buf *out, const struct ledger_entry *list, size_t n,
                       const char *line_end)
{
    char occurred[TIME_TEXT_BYTES], recorded[TIME_TEXT_BYTES], id[PUBLIC_ID_BYTES];
    buf_printf(out,
               "entry_id,kind,channel,transaction_id,out_trade_no,amount_fen,occurred_at,"
               "recorded_at,out_refund_no%s",
               line_end);
    for (const struct ledger_entry *e = list; e < list + n; e++)
        buf_printf(out, "%s,%s,%s,%s,%s,%" PRId64 ",%s,%s,%s%s",
                   public_id_format("led_", &e->entry_id, id), e->kind, e->channel,
                   e->transaction_id, e->out_trade_no, e->amount_fen,
                   time_format(e->occurred_us, occurred), time_format(e->recorded_us, recorded),
                   e->out_refund_no ? e->out_refund_no : "", line_end);
}
