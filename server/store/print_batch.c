/* SPDX-License-Identifier: MIT */
#include "store/print_batch.h"

/* An order that another call has locked is that call's; one that it has taken already no longer
 * fits when its newest version is looked at. */
static const struct statement batch_make = {
    "print_batch_make",
    "WITH picked AS (SELECT account_id, order_id FROM orders WHERE state = 'paid'"
    "  AND kind <> 'electronic' AND print_batch_id IS NULL AND expires_at > $1"
    "  ORDER BY paid_at, order_id LIMIT $2 FOR UPDATE SKIP LOCKED),"
    " taken AS (UPDATE orders o SET print_batch_id = $3 FROM picked p"
    "  WHERE o.account_id = p.account_id AND o.order_id = p.order_id RETURNING 1),"
    " made AS (INSERT INTO print_batch (batch_id, operator_id, orders, created_at, expires_at)"
    "  SELECT $3, $4, count(*), $1, $5 FROM taken HAVING count(*) > 0 RETURNING batch_id),"
    " told AS (INSERT INTO audit_log (at, actor, operator_id, action, object_id)"
    "  SELECT $1, 'operator', $4, 'print-batch.make', batch_id FROM made)"
    " SELECT batch_id FROM made"};

#define BATCH_COLUMNS " batch_id, orders, created_at, printed_at, expires_at"

static const struct statement batch_select = {"print_batch_select",
                                              "SELECT" BATCH_COLUMNS " FROM print_batch"
                                              " WHERE batch_id = $2 AND expires_at > $1"};

static const struct statement batch_select_orders = {
    "print_batch_orders", "SELECT account_id, order_id, state, close_reason FROM orders"
                          " WHERE print_batch_id = $2 AND expires_at > $1"
                          " ORDER BY paid_at, order_id"};

static const struct statement batch_select_page = {
    "print_batch_page", "SELECT" BATCH_COLUMNS " FROM print_batch WHERE expires_at > $1"
                        " AND ($2::uuid IS NULL OR batch_id < $2) ORDER BY batch_id DESC LIMIT $3"};

static const struct statement batch_print = {
    "print_batch_printed",
    "WITH batch AS (UPDATE print_batch SET printed_at = coalesce(printed_at, $1)"
    "  WHERE batch_id = $2 AND expires_at > $1 RETURNING batch_id),"
    " done AS (UPDATE orders o SET state = 'printing' FROM batch b"
    "  WHERE o.print_batch_id = b.batch_id AND o.state = 'paid' AND o.expires_at > $1"
    "  RETURNING o.account_id, o.order_id),"
    " told AS (INSERT INTO audit_log (at, actor, operator_id, pseudonym, action, object_id)"
    "  SELECT $1, 'operator', $3, a.pseudonym, 'order.print', d.order_id FROM done d"
    "  JOIN account a USING (account_id))"
    " SELECT 1 FROM batch"};

STATEMENTS(print_batch_statements, &batch_make, &batch_select, &batch_select_orders,
           &batch_select_page, &batch_print);

enum status print_batch_create(struct store *st, struct arena *a, const struct uuid *operator_id,
                               int limit, int64_t order_life_us, int64_t now_us,
                               struct uuid *batch_id)
{
    struct params p = {0};
    struct rows rows;
    struct uuid id = uuid_new();
    add_time(&p, now_us);
    add_bigint(&p, limit);
    add_uuid(&p, &id);
    add_uuid(&p, operator_id);
    add_time(&p, now_us + order_life_us);
    enum status s = db_run(st->db, a, &batch_make, &p, &rows);
    if (s == OK && rows.count == 0)
        s = NOT_FOUND;
    if (s == OK)
        *batch_id = id;
    return s;
}

static struct print_batch read_batch(const struct rows *rows, int row)
{
    return (struct print_batch){
        .batch_id = row_uuid(rows, row, 0),
        .made_of = row_int(rows, row, 1),
        .created_us = row_time_us(rows, row, 2),
        .printed_us = row_time_us(rows, row, 3),
        .expires_us = row_time_us(rows, row, 4),
    };
}

static void take_orders(struct arena *a, const struct rows *rows, struct print_batch *b)
{
    b->n_orders = (size_t)rows->count;
    b->orders = arena_alloc(a, b->n_orders * sizeof *b->orders);
    for (int i = 0; i < rows->count; i++)
        b->orders[i] = (struct print_batch_order){row_bigint(rows, i, 0), row_uuid(rows, i, 1),
                                                  row_text(rows, i, 2), row_text(rows, i, 3)};
}

enum status print_batch_read(struct store *st, struct arena *a, const struct uuid *batch_id,
                             int64_t now_us, struct print_batch *out)
{
    struct params p = {0};
    struct rows rows[2];
    add_time(&p, now_us);
    add_uuid(&p, batch_id);
    const struct step steps[] = {{&batch_select, &p}, {&batch_select_orders, &p}};
    enum status s = db_run_batch(st->db, a, steps, 2, rows);
    if (s == OK && rows[0].count == 0)
        s = NOT_FOUND;
    if (s != OK)
        return s;
    struct print_batch b = read_batch(&rows[0], 0);
    take_orders(a, &rows[1], &b);
    *out = b;
    return OK;
}

enum status print_batch_list(struct store *st, struct arena *a, const struct uuid *before,
                             int limit, int64_t now_us, struct print_batch **out, size_t *count)
{
    struct params p = {0};
    struct rows rows;
    add_time(&p, now_us);
    add_uuid_or_null(&p, before);
    add_bigint(&p, limit);
    enum status s = db_run(st->db, a, &batch_select_page, &p, &rows);
    if (s != OK)
        return s;
    struct print_batch *list = arena_alloc(a, (size_t)rows.count * sizeof *list);
    for (int i = 0; i < rows.count; i++)
        list[i] = read_batch(&rows, i);
    *out = list;
    *count = (size_t)rows.count;
    return OK;
}

enum status print_batch_printed(struct store *st, struct arena *a, const struct uuid *batch_id,
                                const struct uuid *operator_id, int64_t now_us)
{
    struct params p = {0};
    struct rows rows;
    add_time(&p, now_us);
    add_uuid(&p, batch_id);
    add_uuid(&p, operator_id);
    enum status s = db_run(st->db, a, &batch_print, &p, &rows);
    return s == OK && rows.count == 0 ? NOT_FOUND : s;
}
