/* SPDX-License-Identifier: MIT */
/* Deletes what is over, in small batches that skip locked rows. $1 is until, $2 the batch. */
#include <string.h>

#include "base/clock.h"
#include "store/lifetime.h"

/* A copy that an open order, or a paid one that waits for promote, still needs. */
#define HELD                                                                                       \
    "EXISTS (SELECT 1 FROM order_item i JOIN orders o USING (account_id, order_id)"                \
    "  WHERE i.account_id = c.account_id AND i.photo_id = c.photo_id"                              \
    "   AND (o.state = 'unpaid' OR (o.paid_at IS NOT NULL AND o.promoted_at IS NULL"               \
    "    AND o.state <> 'closed')))"

static const struct statement purge_copies = {
    "purge_photo_copy",
    "DELETE FROM photo_copy WHERE (account_id, photo_id, purpose) IN ("
    " SELECT account_id, photo_id, purpose FROM photo_copy c WHERE c.expires_at <= $1"
    "  AND NOT " HELD " ORDER BY c.expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)"};

static const struct statement purge_photos = {
    "purge_photo", "DELETE FROM photo WHERE (account_id, photo_id) IN (SELECT p.account_id, "
                   "p.photo_id FROM photo p"
                   " WHERE p.created_at <= $1 AND NOT EXISTS (SELECT 1 FROM photo_copy c"
                   "  WHERE c.account_id = p.account_id AND c.photo_id = p.photo_id)"
                   " LIMIT $2 FOR UPDATE SKIP LOCKED)"};

static const struct statement purge_orders = {
    "purge_order",
    "DELETE FROM orders WHERE (account_id, order_id) IN ("
    " SELECT o.account_id, o.order_id FROM orders o WHERE o.expires_at <= $1"
    "  AND (o.paid_at IS NOT NULL OR NOT EXISTS (SELECT 1 FROM payment p"
    "   WHERE p.account_id = o.account_id AND p.order_id = o.order_id AND p.state = 'pending'))"
    "  ORDER BY o.expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)"};

/* A use is noted once a day, so 31 days from the note are at least 30 from the use. */
static const struct statement purge_accounts = {
    "purge_account",
    "DELETE FROM account WHERE account_id IN (SELECT a.account_id FROM account a"
    " WHERE a.idle_from <= $1::timestamptz - interval '31 days'"
    "  AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.account_id = a.account_id)"
    "  AND NOT EXISTS (SELECT 1 FROM photo_copy c WHERE c.account_id = a.account_id)"
    " LIMIT $2 FOR UPDATE SKIP LOCKED)"};

#define PURGE_SIMPLE(table)                                                                        \
    "DELETE FROM " table " WHERE ctid = ANY (ARRAY(SELECT ctid FROM " table                        \
    "  WHERE expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED))"

static const struct statement purge_sessions = {"purge_session", PURGE_SIMPLE("session")};
static const struct statement purge_idempotency = {"purge_idempotency",
                                                   PURGE_SIMPLE("idempotency")};
static const struct statement purge_receipts = {"purge_receipt", PURGE_SIMPLE("receipt")};
/* Its orders, which end earlier, are gone: the batch names nobody, and no one it. */
static const struct statement purge_batches = {"purge_print_batch", PURGE_SIMPLE("print_batch")};
/* The application may not change these rows, so it cannot lock them either. */
static const struct statement purge_attempts = {
    "purge_erased_attempt",
    "DELETE FROM erased_attempt WHERE out_trade_no IN (SELECT out_trade_no FROM erased_attempt"
    "  WHERE expires_at <= $1 LIMIT $2)"};

static const struct statement purge_runs = {
    "purge_job_run",
    "DELETE FROM job_run WHERE ctid = ANY (ARRAY(SELECT ctid FROM job_run"
    " WHERE started_at <= $1::timestamptz - CASE WHEN photos + orders + accounts > 0"
    "  THEN interval '3 years' ELSE interval '7 days' END LIMIT $2))"};

static const struct statement purge_books_call = {"purge_books", "SELECT books_trim($1)"};

static const struct statement partitions_make = {"partitions_create",
                                                 "SELECT photo_partitions_create($1, $2)"};

static const struct statement partitions_list = {
    "partitions_list",
    "SELECT substring(c.relname FROM 'photo_bytes_([0-9]+)$')::int AS d FROM pg_inherits i"
    " JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'photo_bytes'::regclass ORDER BY "
    "d"};

static const struct statement partition_drop = {"partition_drop",
                                                "SELECT photo_partition_drop($1, $2)"};

/* Every sealed table. Rows of days before $2, which the ratchet has left, are noise already and
 * hold nothing: a backup brought them back. */
static const struct statement key_day_oldest = {
    "key_day_oldest", "SELECT least((SELECT min(key_day) FROM account WHERE key_day >= $2),"
                      " (SELECT min(key_day) FROM idempotency WHERE key_day >= $2),"
                      " (SELECT min(key_day) FROM photo_copy WHERE key_day >= $2),"
                      " (SELECT min(key_day) FROM orders WHERE key_day >= $2),"
                      " (SELECT min(key_day) FROM payment WHERE key_day >= $2),"
                      " (SELECT min(key_day) FROM wechat_binding WHERE key_day >= $2),"
                      " (SELECT min(payer_key_day) FROM payment WHERE payer_key_day >= $2),"
                      " $1::integer + 1)"};

static const struct statement instance_put = {
    "instance_put", "INSERT INTO instance (host, ratchet_day, seen_at) VALUES ($1, $2, $3)"
                    " ON CONFLICT (host) DO UPDATE SET ratchet_day = excluded.ratchet_day,"
                    "  seen_at = excluded.seen_at"};
static const struct statement instance_delete = {"instance_delete",
                                                 "DELETE FROM instance WHERE host = $1"};
static const struct statement instance_select = {
    "instance_select", "SELECT host, ratchet_day, seen_at FROM instance ORDER BY host"};

STATEMENTS(purge_statements, &purge_copies, &purge_photos, &purge_orders, &purge_accounts,
           &purge_sessions, &purge_idempotency, &purge_receipts, &purge_batches, &purge_attempts,
           &purge_runs, &purge_books_call, &partitions_make, &partitions_list, &partition_drop,
           &key_day_oldest, &instance_put, &instance_delete, &instance_select);

enum status purge_batch(struct store *st, int64_t until_us, int limit, struct purged *out,
                        bool *more)
{
    /* orders before copies before photos before accounts: each frees the next */
    static const struct statement *const order[] = {
        &purge_orders,      &purge_copies,   &purge_photos,   &purge_accounts, &purge_sessions,
        &purge_idempotency, &purge_receipts, &purge_attempts, &purge_runs,     &purge_batches};
    enum { N = sizeof order / sizeof *order };
    int64_t *const counts[N] = {&out->orders, &out->photos, &out->others, &out->accounts,
                                &out->others, &out->others, &out->others, &out->others,
                                &out->others, &out->others};
    struct arena *a = arena_new();
    enum status s = OK;
    bool full = false;
    for (size_t i = 0; s == OK && i < N; i++) {
        struct params p = {0};
        struct rows rows;
        add_time(&p, until_us);
        add_bigint(&p, limit);
        s = db_run(st->db, a, order[i], &p, &rows);
        if (s != OK)
            break;
        *counts[i] += rows.count;
        full = full || rows.count >= limit;
    }
    arena_free(a);
    if (s == OK)
        *more = full;
    return s;
}

enum status purge_books(struct store *st, int limit, int64_t *deleted)
{
    struct arena *a = arena_new();
    struct params p = {0};
    struct rows rows;
    add_bigint(&p, limit);
    enum status s = db_run(st->db, a, &purge_books_call, &p, &rows);
    if (s == OK)
        *deleted = row_bigint(&rows, 0, 0);
    arena_free(a);
    return s;
}

enum status partitions_create(struct store *st, struct arena *a, int32_t today, int *ahead)
{
    struct params p = {0};
    struct rows rows[2];
    add_int(&p, today);
    add_int(&p, today + PARTITIONS_AHEAD);
    const struct step steps[] = {{&partitions_make, &p}, {&partitions_list, NULL}};
    enum status s = db_run_batch(st->db, a, steps, 2, rows);
    if (s != OK)
        return s;
    int n = 0;
    for (int i = 0; i < rows[1].count; i++)
        n += row_int(&rows[1], i, 0) > today;
    *ahead = n;
    return OK;
}

static enum status drop_one(struct store *st, struct arena *a, int32_t day, int32_t today,
                            bool *dropped)
{
    struct params p = {0};
    struct rows rows;
    add_int(&p, day);
    add_int(&p, today);
    enum status s = db_run(st->db, a, &partition_drop, &p, &rows);
    if (s == OK)
        *dropped = row_bool(&rows, 0, 0);
    return s;
}

enum status partitions_drop(struct store *st, struct arena *a, int32_t today, int *dropped,
                            int *left)
{
    struct rows rows;
    int done = 0, kept = 0;
    enum status s = db_run(st->db, a, &partitions_list, NULL, &rows);
    for (int i = 0; s == OK && i < rows.count && row_int(&rows, i, 0) < today; i++) {
        bool gone = false;
        s = drop_one(st, a, row_int(&rows, i, 0), today, &gone);
        if (s == RETRY)
            s = OK; /* a reader was in the way; the next run comes soon */
        done += gone;
        kept += !gone;
    }
    if (s == OK) {
        *dropped = done;
        *left = kept;
    }
    return s;
}

enum status oldest_key_day(struct store *st, struct arena *a, int32_t ratchet_day, int32_t today,
                           int32_t *day)
{
    struct params p = {0};
    struct rows rows;
    add_int(&p, today);
    add_int(&p, ratchet_day);
    enum status s = db_run(st->db, a, &key_day_oldest, &p, &rows);
    if (s == OK)
        *day = row_int(&rows, 0, 0);
    return s;
}

enum status instance_report(struct store *st, struct arena *a, const char *host,
                            int32_t ratchet_day, int64_t now_us)
{
    struct params p = {0};
    struct rows rows;
    add_text(&p, host);
    add_day(&p, ratchet_day);
    add_time(&p, now_us);
    return db_run(st->db, a, &instance_put, &p, &rows);
}

enum status instance_forget(struct store *st, struct arena *a, const char *host)
{
    struct params p = {0};
    struct rows rows;
    add_text(&p, host);
    enum status s = db_run(st->db, a, &instance_delete, &p, &rows);
    return s == OK && rows.count == 0 ? NOT_FOUND : s;
}

enum status instance_list(struct store *st, struct arena *a, struct instance **out, size_t *count)
{
    struct rows rows;
    enum status s = db_run(st->db, a, &instance_select, NULL, &rows);
    if (s != OK)
        return s;
    struct instance *list = arena_alloc(a, (size_t)rows.count * sizeof *list);
    for (int i = 0; i < rows.count; i++)
        list[i] = (struct instance){row_text(&rows, i, 0), row_int(&rows, i, 1),
                                    row_time_us(&rows, i, 2)};
    *out = list;
    *count = (size_t)rows.count;
    return OK;
}
