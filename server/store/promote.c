/* SPDX-License-Identifier: MIT */
/* A callback does not rewrap; this does, within a minute of the payment. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/lifetime.h"

static const struct statement promote_pick = {
    "promote_pick",
    "SELECT account_id, order_id FROM orders WHERE paid_at IS NOT NULL AND promoted_at IS NULL"
    " ORDER BY paid_at LIMIT $1"};

/* Keys of the order, of its payments and payers; locked, so that two workers do not collide. */
static const struct statement promote_order_keys = {
    "promote_order_keys",
    "SELECT key_wrapped, expires_at, photos_expire_at FROM orders"
    " WHERE account_id = $1 AND order_id = $2 AND paid_at IS NOT NULL AND promoted_at IS NULL"};

static const struct statement promote_payment_keys = {
    "promote_payment_keys",
    "SELECT payment_id, key_wrapped, out_trade_no, payer_key_wrapped FROM payment"
    " WHERE account_id = $1 AND order_id = $2"};

/* For each photo and purpose of the order the copy to take the bytes from. */
static const struct statement promote_photos = {
    "promote_photos", "SELECT DISTINCT ON (i.photo_id, i.kind) i.photo_id, i.kind, c.purpose, "
                      "c.drop_day, c.key_wrapped"
                      " FROM order_item i JOIN photo_copy c ON c.account_id = i.account_id AND "
                      "c.photo_id = i.photo_id"
                      " WHERE i.account_id = $1 AND i.order_id = $2"
                      " ORDER BY i.photo_id, i.kind, c.purpose = i.kind, c.purpose = 'draft' DESC"};

static const struct statement promote_order_done = {
    "promote_order_done",
    "WITH done AS (UPDATE orders SET promoted_at = $3, key_day = $4, key_wrapped = $5"
    "  WHERE account_id = $1 AND order_id = $2 AND paid_at IS NOT NULL AND promoted_at IS NULL"
    "  RETURNING expires_at),"
    " kept AS (UPDATE account a SET idle_from = greatest(a.idle_from, done.expires_at) FROM done"
    "  WHERE a.account_id = $1) SELECT guard((SELECT count(*) FROM done) = 1, 'promoted')"};

/* $6, $7: of who paid it; NULL while nobody has. */
static const struct statement promote_payment = {
    "promote_payment", "UPDATE payment SET key_day = $4, key_wrapped = $5,"
                       "  payer_key_day = coalesce($6, payer_key_day),"
                       "  payer_key_wrapped = coalesce($7, payer_key_wrapped)"
                       " WHERE account_id = $1 AND order_id = $2 AND payment_id = $3"};

/* A later purchase of the same kind lengthens the life; an earlier end never shortens it. */
static const struct statement promote_copy = {
    "promote_copy",
    "WITH life AS (INSERT INTO photo_copy AS c (account_id, photo_id, purpose, expires_at, "
    "drop_day,"
    "   key_day, key_wrapped) VALUES ($1, $2, $3, $4, $5, $5, $6)"
    "  ON CONFLICT (account_id, photo_id, purpose) DO UPDATE SET expires_at = excluded.expires_at,"
    "   drop_day = excluded.drop_day, key_day = excluded.key_day, key_wrapped = "
    "excluded.key_wrapped"
    "  WHERE c.expires_at < excluded.expires_at RETURNING drop_day)"
    " INSERT INTO photo_bytes (drop_day, account_id, photo_id, purpose, sealed)"
    "  SELECT $5, $1, $2, $3, b.sealed FROM photo_bytes b, life WHERE b.drop_day = $7"
    "   AND b.account_id = $1 AND b.photo_id = $2 AND b.purpose = $8 ON CONFLICT DO NOTHING"};

STATEMENTS(promote_statements, &promote_pick, &promote_order_keys, &promote_payment_keys,
           &promote_photos, &promote_order_done, &promote_payment, &promote_copy);

struct promotion {
    struct store *st;
    struct arena *arena;
    int64_t account_id;
    struct uuid order_id;
    int64_t now_us, expires_us, photos_expire_us;
    struct step steps[DB_STEPS_MAX];
    size_t n;
};

static struct params *next_step(struct promotion *p, const struct statement *statement)
{
    struct params *params = arena_alloc(p->arena, sizeof *params);
    p->steps[p->n++] = (struct step){statement, params};
    return params;
}

/* The wrapped key of a row, wrapped for another day, as the next two parameters. */
static enum status add_rewrapped(struct promotion *p, struct params *params,
                                 const struct record_name *name, const struct rows *rows, int row,
                                 int col, int32_t day)
{
    size_t n;
    const unsigned char *old = row_bytes(rows, row, col, &n);
    unsigned char *fresh = arena_alloc(p->arena, VAULT_WRAPPED_BYTES);
    enum status s = vault_key_rewrap(p->st->vault, name, old, n, day, fresh);
    if (s != OK)
        return s;
    add_day(params, day);
    add_bytes(params, fresh, VAULT_WRAPPED_BYTES);
    return OK;
}

/* Runs what is planned so far. */
static enum status flush(struct promotion *p)
{
    struct rows rows[DB_STEPS_MAX];
    enum status s = db_run_batch(p->st->db, p->arena, p->steps, p->n, rows);
    if (s == OK)
        p->n = 0;
    return s;
}

static enum status plan_payment(struct promotion *p, const struct rows *rows, int i)
{
    int32_t day = day_of(p->expires_us);
    struct record_name name = {"payment", p->account_id, row_uuid(rows, i, 0)};
    struct params *params = next_step(p, &promote_payment);
    add_bigint(params, p->account_id);
    add_uuid(params, &p->order_id);
    add_bytes(params, row_bytes(rows, i, 0, &(size_t){0}), sizeof name.row_id);
    enum status s = add_rewrapped(p, params, &name, rows, i, 1, day);
    if (s != OK)
        return s;
    if (row_is_null(rows, i, 3)) {
        add_bytes(params, NULL, 0);
        add_bytes(params, NULL, 0);
        return OK;
    }
    struct record_name payer = {"payer", 0, uuid_of_text(row_text(rows, i, 2))};
    return add_rewrapped(p, params, &payer, rows, i, 3, day);
}

/* An order may have had any number of attempts. What does not fit into the last batch is run
 * before it: it may be repeated. */
static enum status plan_payments(struct promotion *p, const struct rows *rows)
{
    enum status s = OK;
    for (int i = 0; s == OK && i < rows->count; i++) {
        if (p->n + 2 > DB_STEPS_MAX)
            s = flush(p);
        if (s == OK)
            s = plan_payment(p, rows, i);
    }
    return s;
}

static enum status copy_photo(struct promotion *p, const struct rows *rows, int i)
{
    const char *kind = row_text(rows, i, 1);
    int64_t until_us = strcmp(kind, "electronic") == 0 ? p->photos_expire_us : p->expires_us;
    int32_t day = day_of(until_us);
    size_t n;
    struct record_name name = {"photo", p->account_id, row_uuid(rows, i, 0)};
    const unsigned char *wrapped = row_bytes(rows, i, 4, &n);
    unsigned char *fresh = arena_alloc(p->arena, VAULT_WRAPPED_BYTES);
    struct params params = {0};
    struct rows none;
    if (until_us <= p->now_us)
        return OK; /* learned too late: this life is over, its partition and its key may be gone */
    enum status s = vault_key_rewrap(p->st->vault, &name, wrapped, n, day, fresh);
    if (s != OK)
        return s;
    add_bigint(&params, p->account_id);
    add_uuid(&params, &name.row_id);
    add_text(&params, kind);
    add_time(&params, until_us);
    add_day(&params, day);
    add_bytes(&params, fresh, VAULT_WRAPPED_BYTES);
    add_day(&params, row_int(rows, i, 3));
    add_text(&params, row_text(rows, i, 2));
    return db_run(p->st->db, p->arena, &promote_copy, &params, &none);
}

/* Copies first, one statement a photo: each may be repeated, and the order counts as promoted only
 * after the last. */
static enum status copy_photos(struct promotion *p)
{
    struct params who = {0};
    struct rows rows;
    add_bigint(&who, p->account_id);
    add_uuid(&who, &p->order_id);
    enum status s = db_run(p->st->db, p->arena, &promote_photos, &who, &rows);
    for (int i = 0; s == OK && i < rows.count; i++)
        s = copy_photo(p, &rows, i);
    return s;
}

static enum status plan(struct promotion *p)
{
    struct params who = {0};
    struct rows rows[2];
    add_bigint(&who, p->account_id);
    add_uuid(&who, &p->order_id);
    const struct step look[] = {{&promote_order_keys, &who}, {&promote_payment_keys, &who}};
    enum status s = db_run_batch(p->st->db, p->arena, look, 2, rows);
    if (s != OK)
        return s;
    if (rows[0].count == 0)
        return NOT_FOUND;
    p->expires_us = row_time_us(&rows[0], 0, 1);
    p->photos_expire_us = row_time_us(&rows[0], 0, 2);
    if (p->expires_us <= p->now_us)
        return NOT_FOUND; /* it is purge's now */

    s = plan_payments(p, &rows[1]);
    if (s != OK)
        return s;
    struct record_name name = {"orders", p->account_id, p->order_id};
    struct params *params = next_step(p, &promote_order_done);
    add_bigint(params, p->account_id);
    add_uuid(params, &p->order_id);
    add_time(params, p->now_us);
    return add_rewrapped(p, params, &name, &rows[0], 0, 0, day_of(p->expires_us));
}

enum status promote_order(struct store *st, int64_t account_id, const struct uuid *order_id,
                          int64_t now_us)
{
    struct arena *a = arena_new();
    struct promotion p = {
        .st = st, .arena = a, .account_id = account_id, .order_id = *order_id, .now_us = now_us};
    enum status s = plan(&p);
    if (s == OK)
        s = copy_photos(&p);
    if (s == OK)
        s = flush(&p);
    if (s == NOT_FOUND || (s == CONFLICT && db_refused_by(st->db, "promoted")))
        s = OK; /* nothing to do, or somebody else did it */
    arena_free(a);
    return s;
}

enum status promote_orders(struct store *st, int64_t now_us, int limit, int *moved)
{
    struct arena *a = arena_new();
    struct params p = {0};
    struct rows rows = {0};
    int done = 0;
    add_bigint(&p, limit);
    enum status s = db_run(st->db, a, &promote_pick, &p, &rows);
    for (int i = 0; s == OK && i < rows.count; i++) {
        struct uuid id = row_uuid(&rows, i, 1);
        enum status one = promote_order(st, row_bigint(&rows, i, 0), &id, now_us);
        if (one == OK)
            done++;
        else
            log_error("promote.failed", LOG_STR("status", status_name(one)));
        if (one == UNAVAILABLE)
            s = one;
    }
    arena_free(a);
    if (s == OK)
        *moved = done;
    return s;
}
