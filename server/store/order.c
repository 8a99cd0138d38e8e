/* SPDX-License-Identifier: MIT */
#include "store/order.h"

#include <string.h>

#include "base/clock.h"

/* Every photo must have a life that lasts; its rows are locked, so that a purge at the very end of
 * that life either comes first or sees this order. The draft then lives as long as this order. */
static const struct statement order_insert = {
    "order_insert",
    "WITH wanted AS (SELECT * FROM unnest($12::text[], $13::text[], $14::uuid[], $15::int[],"
    "  $16::bigint[]) WITH ORDINALITY AS t(product, kind, photo_id, quantity, price_fen, n)),"
    " live AS (SELECT c.photo_id FROM photo_copy c WHERE c.account_id = $1 AND c.expires_at > $6"
    "   AND c.purpose <> 'print' AND c.photo_id IN (SELECT photo_id FROM wanted) FOR UPDATE),"
    " missing AS (SELECT n - 1 AS item_no FROM wanted WHERE photo_id NOT IN (SELECT photo_id"
    "   FROM live) ORDER BY n LIMIT 1),"
    " made AS (INSERT INTO orders (account_id, order_id, state, kind, amount_fen, "
    "accepts_no_refund,"
    "   created_at, expires_at, key_day, key_wrapped, recipient_sealed, ip_sealed)"
    "  SELECT $1, $2, 'unpaid', $3, $4, $5, $6, $7, $8, $9, $10, $11"
    "   WHERE NOT EXISTS (SELECT 1 FROM missing)),"
    " items AS (INSERT INTO order_item (account_id, order_id, item_no, product, kind, photo_id,"
    "   quantity, price_fen) SELECT $1, $2, n - 1, product, kind, photo_id, quantity, price_fen"
    "  FROM wanted WHERE NOT EXISTS (SELECT 1 FROM missing)),"
    " kept AS (UPDATE photo_copy c SET expires_at = greatest(c.expires_at, $7) FROM wanted w"
    "  WHERE c.account_id = $1 AND c.photo_id = w.photo_id AND c.purpose = 'draft')"
    " SELECT guard($3 = 'electronic' OR EXISTS (SELECT 1 FROM consent WHERE account_id = $1"
    "   AND purpose = 'print-mailing' AND withdrawn_at IS NULL FOR SHARE), 'consent'),"
    "  guard(NOT EXISTS (SELECT 1 FROM missing),"
    "  'photo:' || coalesce((SELECT item_no FROM missing), 0))"};

#define ORDER_COLUMNS                                                                              \
    " o.account_id, o.order_id, o.state, o.close_reason, o.kind, o.amount_fen,"                    \
    " o.accepts_no_refund, o.created_at, o.expires_at, o.paid_at, o.shipped_at, o.delivered_at,"   \
    " o.key_wrapped, o.recipient_sealed, o.shipment_sealed"

/* $1 is now. An unpaid order outlives its time only while a payment of it may still succeed. */
#define STILL_KEPT                                                                                 \
    " AND (o.expires_at > $1 OR (o.state = 'unpaid' AND EXISTS (SELECT 1 FROM payment q"           \
    "  WHERE q.account_id = o.account_id AND q.order_id = o.order_id AND q.state = 'pending')))"

static const struct statement order_select = {
    "order_select", "SELECT" ORDER_COLUMNS " FROM orders o WHERE o.account_id = $2"
                    " AND o.order_id = $3" STILL_KEPT};

static const struct statement order_select_page = {
    "order_select_page",
    "SELECT" ORDER_COLUMNS " FROM orders o WHERE o.account_id = $2"
    " AND ($3::uuid IS NULL OR o.order_id < $3)" STILL_KEPT " ORDER BY o.order_id DESC LIMIT $4"};

static const struct statement order_select_page_all = {
    "order_select_page_all",
    "SELECT" ORDER_COLUMNS " FROM orders o WHERE ($2::text IS NULL OR o.state = $2)"
    " AND ($3::uuid IS NULL OR o.order_id < $3)" STILL_KEPT " ORDER BY o.order_id DESC LIMIT $4"};

static const struct statement item_select = {
    "order_item_select",
    "SELECT order_id, product, kind, photo_id, quantity, price_fen FROM order_item"
    " WHERE (account_id, order_id) IN (SELECT * FROM unnest($1::bigint[], $2::uuid[]))"
    " ORDER BY order_id, item_no"};

static const struct statement order_payment_select = {
    "order_payment_select",
    "SELECT order_id, payment_id, channel, state FROM payment"
    " WHERE (account_id, order_id) IN (SELECT * FROM unnest($1::bigint[], $2::uuid[]))"
    " ORDER BY order_id, payment_id"};

static const struct statement order_refund_select = {
    "order_refund_select",
    "SELECT order_id, refund_id, refund_fen, state FROM refund"
    " WHERE (account_id, order_id) IN (SELECT * FROM unnest($1::bigint[], $2::uuid[]))"
    " ORDER BY order_id, refund_id"};

/* By the items, which have an index by order. */
static const struct statement order_account = {
    "order_account", "SELECT o.account_id FROM order_item i JOIN orders o USING (account_id,"
                     "  order_id) WHERE i.order_id = $2" STILL_KEPT " LIMIT 1"};

static const struct statement order_key = {
    "order_key", "SELECT o.key_wrapped, o.state, o.kind FROM orders o WHERE o.account_id = $2"
                 " AND o.order_id = $3" STILL_KEPT};

/* The key that the new text was sealed with must still be the row's: promote may rewrap it, but it
 * never changes it, so the wrapped bytes may differ and the state is what counts. */
static const struct statement recipient_update = {
    "recipient_update", "UPDATE orders o SET recipient_sealed = $4 WHERE o.account_id = $2"
                        " AND o.order_id = $3 AND o.kind <> 'electronic'"
                        " AND o.state IN ('unpaid', 'paid', 'printing')" STILL_KEPT};

static const struct statement order_close = {
    "order_close",
    "WITH now_closed AS (UPDATE orders SET state = 'closed', close_reason = 'cancelled',"
    "  closed_at = $1 WHERE account_id = $2 AND order_id = $3 AND state = 'unpaid' RETURNING 1)"
    " SELECT CASE WHEN EXISTS (SELECT 1 FROM now_closed) THEN 'done'"
    "  ELSE (SELECT CASE WHEN o.close_reason = 'cancelled' THEN 'done' ELSE 'conflict' END"
    "   FROM orders o WHERE o.account_id = $2 AND o.order_id = $3" STILL_KEPT ") END"};

#define AUDITED(action)                                                                            \
    ", told AS (INSERT INTO audit_log (at, actor, operator_id, pseudonym, action, object_id)"      \
    "  SELECT $1, 'operator', $4, a.pseudonym, '" action "', $3 FROM account a, done"              \
    "  WHERE a.account_id = $2)"

static const struct statement order_ship_update = {
    "order_ship",
    "WITH done AS (UPDATE orders SET state = 'shipped', shipped_at = $1, shipment_sealed = $5"
    "  WHERE account_id = $2 AND order_id = $3 AND kind <> 'electronic'"
    "  AND state IN ('paid', 'printing') AND expires_at > $1 RETURNING 1)" AUDITED(
        "order.ship") " SELECT EXISTS (SELECT 1 FROM done)"};

static const struct statement order_deliver_update = {
    "order_deliver",
    "WITH done AS (UPDATE orders SET state = 'delivered', delivered_at = $1"
    "  WHERE account_id = $2 AND order_id = $3 AND state = 'shipped' AND expires_at > $1"
    "  RETURNING 1)" AUDITED(
        "order.deliver") " SELECT EXISTS (SELECT 1 FROM done) OR EXISTS (SELECT 1 FROM orders"
                         "  WHERE account_id = $2 AND order_id = $3 AND state = 'delivered' AND "
                         "expires_at > $1)"};

STATEMENTS(order_statements, &order_insert, &order_select, &order_select_page,
           &order_select_page_all, &item_select, &order_payment_select, &order_refund_select,
           &order_account, &order_key, &recipient_update, &order_close, &order_ship_update,
           &order_deliver_update);

static void add_items(struct params *p, struct arena *a, const struct order *order)
{
    const char *products[ORDER_ITEMS_MAX], *kinds[ORDER_ITEMS_MAX];
    struct uuid photos[ORDER_ITEMS_MAX];
    int32_t quantities[ORDER_ITEMS_MAX];
    int64_t prices[ORDER_ITEMS_MAX];
    for (size_t i = 0; i < order->n_items; i++) {
        products[i] = order->items[i].product;
        kinds[i] = order->items[i].kind;
        photos[i] = order->items[i].photo_id;
        quantities[i] = order->items[i].quantity;
        prices[i] = order->items[i].price_fen;
    }
    add_text_array(p, a, products, order->n_items);
    add_text_array(p, a, kinds, order->n_items);
    add_uuid_array(p, a, photos, order->n_items);
    add_int_array(p, a, quantities, order->n_items);
    add_bigint_array(p, a, prices, order->n_items);
}

enum status order_create(struct store *st, struct arena *a, const struct order *order,
                         const struct step *finish)
{
    struct record r;
    struct params p = {0};
    struct rows rows[2];
    enum status s = record_new(st->vault, "orders", order->account_id, order->order_id,
                               day_of(order->expires_us) + OPEN_KEY_DAYS, &r);
    if (s != OK)
        return s;
    add_bigint(&p, order->account_id);
    add_uuid(&p, &order->order_id);
    add_text(&p, order->kind);
    add_bigint(&p, order->amount_fen);
    add_bool(&p, order->accepts_no_refund);
    add_time(&p, order->created_us);
    add_time(&p, order->expires_us);
    add_day(&p, r.key_day);
    add_bytes(&p, r.wrapped, sizeof r.wrapped);
    add_sealed_text(&p, a, &r, "recipient_sealed", order->recipient);
    add_sealed_text(&p, a, &r, "ip_sealed", order->client_ip);
    add_items(&p, a, order);

    struct step steps[2] = {{&order_insert, &p}};
    if (finish)
        steps[1] = *finish;
    s = db_run_batch(st->db, a, steps, finish ? 2 : 1, rows);
    record_wipe(&r);
    return s;
}

static enum status read_personal(struct store *st, struct arena *a, const struct rows *rows,
                                 int row, struct order *o)
{
    struct record r;
    enum status s = record_open(st->vault, "orders", o->account_id, o->order_id, rows, row, 12, &r);
    if (s != OK)
        return s;
    s = row_sealed_text(rows, row, 13, a, &r, "recipient_sealed", &o->recipient);
    if (s == OK)
        s = row_sealed_text(rows, row, 14, a, &r, "shipment_sealed", &o->shipment);
    record_wipe(&r);
    return s;
}

static struct order read_order(const struct rows *rows, int row)
{
    return (struct order){
        .account_id = row_bigint(rows, row, 0),
        .order_id = row_uuid(rows, row, 1),
        .state = row_text(rows, row, 2),
        .close_reason = row_text(rows, row, 3),
        .kind = row_text(rows, row, 4),
        .amount_fen = row_bigint(rows, row, 5),
        .accepts_no_refund = row_bool(rows, row, 6),
        .created_us = row_time_us(rows, row, 7),
        .expires_us = row_time_us(rows, row, 8),
        .paid_us = row_time_us(rows, row, 9),
        .shipped_us = row_time_us(rows, row, 10),
        .delivered_us = row_time_us(rows, row, 11),
    };
}

static void take_items(struct arena *a, const struct rows *rows, struct order *o)
{
    o->items = arena_alloc(a, (size_t)rows->count * sizeof *o->items);
    for (int i = 0; i < rows->count; i++) {
        struct uuid id = row_uuid(rows, i, 0);
        if (memcmp(id.bytes, o->order_id.bytes, sizeof id.bytes) != 0)
            continue;
        o->items[o->n_items++] =
            (struct order_item){row_text(rows, i, 1), row_text(rows, i, 2), row_uuid(rows, i, 3),
                                row_int(rows, i, 4), row_bigint(rows, i, 5)};
    }
}

static void take_payments(struct arena *a, const struct rows *rows, struct order *o)
{
    o->payments = arena_alloc(a, (size_t)rows->count * sizeof *o->payments);
    for (int i = 0; i < rows->count; i++) {
        struct uuid id = row_uuid(rows, i, 0);
        if (memcmp(id.bytes, o->order_id.bytes, sizeof id.bytes) != 0)
            continue;
        o->payments[o->n_payments++] = (struct order_payment){
            row_uuid(rows, i, 1), row_text(rows, i, 2), row_text(rows, i, 3)};
    }
}

static void take_refunds(struct arena *a, const struct rows *rows, struct order *o)
{
    o->refunds = arena_alloc(a, (size_t)rows->count * sizeof *o->refunds);
    for (int i = 0; i < rows->count; i++) {
        struct uuid id = row_uuid(rows, i, 0);
        if (memcmp(id.bytes, o->order_id.bytes, sizeof id.bytes) != 0)
            continue;
        o->refunds[o->n_refunds++] = (struct order_refund){
            row_uuid(rows, i, 1), row_bigint(rows, i, 2), row_text(rows, i, 3)};
    }
}

/* Items, payments and refunds of all orders, in one more round trip. */
static enum status read_parts(struct store *st, struct arena *a, struct order *orders, size_t n)
{
    struct params p = {0};
    struct rows rows[3];
    int64_t *accounts = arena_alloc(a, n * sizeof *accounts);
    struct uuid *ids = arena_alloc(a, n * sizeof *ids);
    if (n == 0)
        return OK;
    for (size_t i = 0; i < n; i++) {
        accounts[i] = orders[i].account_id;
        ids[i] = orders[i].order_id;
    }
    add_bigint_array(&p, a, accounts, n);
    add_uuid_array(&p, a, ids, n);
    const struct step steps[] = {
        {&item_select, &p}, {&order_payment_select, &p}, {&order_refund_select, &p}};
    enum status s = db_run_batch(st->db, a, steps, 3, rows);
    for (size_t i = 0; s == OK && i < n; i++) {
        take_items(a, &rows[0], &orders[i]);
        take_payments(a, &rows[1], &orders[i]);
        take_refunds(a, &rows[2], &orders[i]);
    }
    return s;
}

enum status order_read(struct store *st, struct arena *a, int64_t account_id,
                       const struct uuid *order_id, int64_t now_us, bool with_personal,
                       struct order *out)
{
    struct params one = {0}, parts = {0};
    struct rows rows[4];
    add_time(&one, now_us);
    add_bigint(&one, account_id);
    add_uuid(&one, order_id);
    add_bigint_array(&parts, a, &account_id, 1);
    add_uuid_array(&parts, a, order_id, 1);
    const struct step steps[] = {{&order_select, &one},
                                 {&item_select, &parts},
                                 {&order_payment_select, &parts},
                                 {&order_refund_select, &parts}};
    enum status s = db_run_batch(st->db, a, steps, 4, rows);
    if (s != OK)
        return s;
    if (rows[0].count == 0)
        return NOT_FOUND;
    struct order o = read_order(&rows[0], 0);
    take_items(a, &rows[1], &o);
    take_payments(a, &rows[2], &o);
    take_refunds(a, &rows[3], &o);
    if (with_personal)
        s = read_personal(st, a, &rows[0], 0, &o);
    if (s == OK)
        *out = o;
    return s;
}

static enum status read_page(struct store *st, struct arena *a, const struct statement *statement,
                             const struct params *p, bool with_personal, struct order **out,
                             size_t *count)
{
    struct rows rows;
    enum status s = db_run(st->db, a, statement, p, &rows);
    if (s != OK)
        return s;
    struct order *list = arena_alloc(a, (size_t)rows.count * sizeof *list);
    for (int i = 0; s == OK && i < rows.count; i++) {
        list[i] = read_order(&rows, i);
        if (with_personal)
            s = read_personal(st, a, &rows, i, &list[i]);
    }
    if (s == OK)
        s = read_parts(st, a, list, (size_t)rows.count);
    if (s == OK) {
        *out = list;
        *count = (size_t)rows.count;
    }
    return s;
}

enum status order_list(struct store *st, struct arena *a, int64_t account_id,
                       const struct uuid *before, int limit, int64_t now_us, struct order **out,
                       size_t *count)
{
    struct params p = {0};
    add_time(&p, now_us);
    add_bigint(&p, account_id);
    add_uuid_or_null(&p, before);
    add_bigint(&p, limit);
    return read_page(st, a, &order_select_page, &p, false, out, count);
}

enum status order_list_all(struct store *st, struct arena *a, const char *state,
                           const struct uuid *before, int limit, int64_t now_us, struct order **out,
                           size_t *count)
{
    struct params p = {0};
    add_time(&p, now_us);
    add_text(&p, state);
    add_uuid_or_null(&p, before);
    add_bigint(&p, limit);
    return read_page(st, a, &order_select_page_all, &p, true, out, count);
}

enum status order_find_account(struct store *st, struct arena *a, const struct uuid *order_id,
                               int64_t now_us, int64_t *account_id)
{
    struct params p = {0};
    struct rows rows;
    add_time(&p, now_us);
    add_uuid(&p, order_id);
    enum status s = db_run(st->db, a, &order_account, &p, &rows);
    if (s == OK && rows.count == 0)
        s = NOT_FOUND;
    if (s == OK)
        *account_id = row_bigint(&rows, 0, 0);
    return s;
}

static void add_order(struct params *p, int64_t now_us, int64_t account_id,
                      const struct uuid *order_id)
{
    add_time(p, now_us);
    add_bigint(p, account_id);
    add_uuid(p, order_id);
}

/* The order's record, for sealing one more column into it. */
static enum status open_record(struct store *st, struct arena *a, int64_t account_id,
                               const struct uuid *order_id, int64_t now_us, struct record *r)
{
    struct params p = {0};
    struct rows rows;
    add_order(&p, now_us, account_id, order_id);
    enum status s = db_run(st->db, a, &order_key, &p, &rows);
    if (s == OK && rows.count == 0)
        s = NOT_FOUND;
    if (s == OK)
        s = record_open(st->vault, "orders", account_id, *order_id, &rows, 0, 0, r);
    return s;
}

enum status order_set_recipient(struct store *st, struct arena *a, int64_t account_id,
                                const struct uuid *order_id, const char *recipient, int64_t now_us)
{
    struct record r;
    struct params p = {0};
    struct rows rows;
    enum status s = open_record(st, a, account_id, order_id, now_us, &r);
    if (s != OK)
        return s;
    add_order(&p, now_us, account_id, order_id);
    add_sealed_text(&p, a, &r, "recipient_sealed", recipient);
    record_wipe(&r);
    s = db_run(st->db, a, &recipient_update, &p, &rows);
    if (s == OK && rows.count == 0)
        s = CONFLICT;
    return s;
}

enum status order_cancel(struct store *st, struct arena *a, int64_t account_id,
                         const struct uuid *order_id, int64_t now_us)
{
    struct params p = {0};
    struct rows rows;
    add_order(&p, now_us, account_id, order_id);
    enum status s = db_run(st->db, a, &order_close, &p, &rows);
    if (s != OK)
        return s;
    const char *outcome = row_text(&rows, 0, 0);
    if (!outcome)
        return NOT_FOUND;
    return strcmp(outcome, "done") == 0 ? OK : CONFLICT;
}

/* The same parcel told twice is no conflict. */
static enum status shipped_so(struct store *st, struct arena *a, int64_t account_id,
                              const struct uuid *order_id, const char *shipment, int64_t now_us)
{
    struct order o;
    enum status s = order_read(st, a, account_id, order_id, now_us, true, &o);
    if (s != OK)
        return s;
    return o.shipment && strcmp(o.shipment, shipment) == 0 ? OK : CONFLICT;
}

enum status order_ship(struct store *st, struct arena *a, int64_t account_id,
                       const struct uuid *order_id, const char *shipment,
                       const struct uuid *operator_id, int64_t now_us)
{
    struct record r;
    struct params p = {0};
    struct rows rows;
    enum status s = open_record(st, a, account_id, order_id, now_us, &r);
    if (s != OK)
        return s;
    add_order(&p, now_us, account_id, order_id);
    add_uuid(&p, operator_id);
    add_sealed_text(&p, a, &r, "shipment_sealed", shipment);
    record_wipe(&r);
    s = db_run(st->db, a, &order_ship_update, &p, &rows);
    if (s == OK && !row_bool(&rows, 0, 0))
        s = shipped_so(st, a, account_id, order_id, shipment, now_us);
    return s;
}

enum status order_deliver(struct store *st, struct arena *a, int64_t account_id,
                          const struct uuid *order_id, const struct uuid *operator_id,
                          int64_t now_us)
{
    struct params p = {0};
    struct rows rows;
    add_order(&p, now_us, account_id, order_id);
    add_uuid(&p, operator_id);
    enum status s = db_run(st->db, a, &order_deliver_update, &p, &rows);
    if (s == OK && !row_bool(&rows, 0, 0))
        s = CONFLICT;
    return s;
}
