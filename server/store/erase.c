/* SPDX-License-Identifier: MIT */
/* A person's own erasure: the log outside the database first, then the rows, then the answer. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/lifetime.h"
#include "store/refund.h"

#define IN_FULFILMENT "o.kind <> 'electronic' AND o.state IN ('paid', 'printing')"

/* The first answer that an Idempotency-Key would give again, recipient and all. The call that made
 * the row took its marker at the same instant (both are the request's now). */
#define FORGET_ANSWER " AND i.account_id = made.account_id AND i.started_at = made.created_at)"
#define PHOTO_ANSWER                                                                               \
    " answer AS (DELETE FROM idempotency i USING photo made WHERE made.account_id = $1"            \
    "  AND made.photo_id = $2" FORGET_ANSWER
#define ORDER_ANSWER                                                                               \
    " answer AS (DELETE FROM idempotency i USING orders made WHERE made.account_id = $1"           \
    "  AND made.order_id = $2" FORGET_ANSWER
#define REPLAYED_ANSWER                                                                            \
    " answer AS (DELETE FROM idempotency i USING orders made WHERE $1 = 'orders'"                  \
    "  AND made.account_id = $2 AND made.order_id = $3" FORGET_ANSWER

static const struct statement erase_photo_look = {
    "erase_photo_look",
    "SELECT EXISTS (SELECT 1 FROM order_item i JOIN orders o USING (account_id, order_id)"
    "   WHERE i.account_id = p.account_id AND i.photo_id = p.photo_id AND i.kind = 'print'"
    "    AND " IN_FULFILMENT "),"
    "  coalesce((SELECT max(key_day) FROM photo_copy c WHERE c.account_id = p.account_id"
    "   AND c.photo_id = p.photo_id), 0)"
    " FROM photo p WHERE p.account_id = $1 AND p.photo_id = $2"};

/* A copy that was moved or purged leaves its bytes to their partition; a person's erasure does not
 * wait for that. Naming the days lets each partition use its index. */
#define EVERY_DAY                                                                                  \
    "b.drop_day = ANY (ARRAY(SELECT substring(c.relname FROM '[0-9]+$')::integer"                  \
    " FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"                                    \
    " WHERE i.inhparent = 'photo_bytes'::regclass))"

/* After the row: a promote that runs beside it can then add no more bytes. */
static const struct statement erase_photo_bytes = {"erase_photo_bytes",
                                                   "DELETE FROM photo_bytes b WHERE " EVERY_DAY
                                                   " AND b.account_id = $1 AND b.photo_id = $2"};

/* What nobody has paid for is closed before it is erased: a success that comes from then on is
 * late, and its money is told apart; it cannot pay for what is about to go. */
#define STOP                                                                                       \
    "UPDATE orders o SET state = 'closed', close_reason = 'cancelled', closed_at = $3"             \
    " WHERE o.account_id = $1 AND o.state = 'unpaid'"

static const struct statement erase_photo_stop = {
    "erase_photo_stop", STOP " AND EXISTS (SELECT 1 FROM order_item i WHERE i.account_id = $1"
                             "  AND i.order_id = o.order_id AND i.photo_id = $2)"};

static const struct statement erase_order_stop = {"erase_order_stop", STOP " AND o.order_id = $2"};

static const struct statement erase_account_stop = {"erase_account_stop",
                                                    STOP " AND $2::uuid IS NULL"};

static const struct statement erase_photo_row = {
    "erase_photo_row",
    "WITH gone AS (DELETE FROM photo WHERE account_id = $1 AND photo_id = $2 RETURNING 1),"
    " " PHOTO_ANSWER ","
    " stopped AS (UPDATE orders o SET state = 'closed', close_reason = 'cancelled', closed_at = $3"
    "  WHERE o.account_id = $1 AND " IN_FULFILMENT " AND EXISTS (SELECT 1 FROM order_item i"
    "   WHERE i.account_id = o.account_id AND i.order_id = o.order_id AND i.photo_id = $2"
    "    AND i.kind = 'print')),"
    " told AS (INSERT INTO audit_log (at, actor, pseudonym, action, object_id)"
    "  SELECT $3, 'account', pseudonym, 'photo.erase', $2 FROM account WHERE account_id = $1)"
    " SELECT 1 FROM gone"};

static const struct statement erase_order_look = {
    "erase_order_look",
    "SELECT " IN_FULFILMENT ", o.key_day, o.paid_at IS NOT NULL AND o.promoted_at IS NULL,"
    " o.paid_at IS NOT NULL FROM orders o WHERE o.account_id = $1 AND o.order_id = $2"};

/* Print copies that no other paid order needs. */
#define LONELY_PRINTS                                                                              \
    "SELECT c.photo_id, c.drop_day, c.key_day FROM photo_copy c WHERE c.account_id = $1"           \
    " AND c.purpose = 'print' AND EXISTS (SELECT 1 FROM order_item i WHERE i.account_id = $1"      \
    "  AND i.order_id = $2 AND i.photo_id = c.photo_id AND i.kind = 'print')"                      \
    " AND NOT EXISTS (SELECT 1 FROM order_item i JOIN orders o USING (account_id, order_id)"       \
    "  WHERE i.account_id = $1 AND i.order_id <> $2 AND i.photo_id = c.photo_id"                   \
    "   AND i.kind = 'print' AND o.paid_at IS NOT NULL AND o.state <> 'closed')"

static const struct statement erase_prints_look = {"erase_prints_look", LONELY_PRINTS};

static const struct statement erase_order_bytes = {
    "erase_order_bytes",
    "DELETE FROM photo_bytes b USING (" LONELY_PRINTS ") lonely WHERE " EVERY_DAY
    " AND b.account_id = $1 AND b.photo_id = lonely.photo_id AND b.purpose = 'print'"};

static const struct statement erase_order_row = {
    "erase_order_row",
    "WITH prints AS (" LONELY_PRINTS "),"
    " copies AS (DELETE FROM photo_copy WHERE account_id = $1 AND purpose = 'print'"
    "  AND photo_id IN (SELECT photo_id FROM prints)),"
    " gone AS (DELETE FROM orders WHERE account_id = $1 AND order_id = $2 RETURNING 1),"
    " " ORDER_ANSWER ","
    " told AS (INSERT INTO audit_log (at, actor, pseudonym, action, object_id)"
    "  SELECT $3, 'account', pseudonym, 'order.erase', $2 FROM account WHERE account_id = $1)"
    " SELECT 1 FROM gone"};

static const struct statement erase_unpaid_look = {
    "erase_unpaid_look", "SELECT order_id FROM orders WHERE account_id = $1 AND paid_at IS NULL"
                         " AND (kind <> 'electronic' OR NOT $2)"};

static const struct statement erase_account_look = {
    "erase_account_look",
    "SELECT EXISTS (SELECT 1 FROM orders o WHERE o.account_id = $1 AND " IN_FULFILMENT "),"
    " (SELECT count(*)::int FROM photo WHERE account_id = $1),"
    " (SELECT count(*)::int FROM orders WHERE account_id = $1),"
    " (SELECT count(*)::int FROM consent WHERE account_id = $1),"
    " greatest((SELECT max(key_day) FROM photo_copy WHERE account_id = $1),"
    "  (SELECT max(key_day) FROM orders WHERE account_id = $1),"
    "  (SELECT max(key_day) FROM payment WHERE account_id = $1),"
    "  (SELECT max(key_day) FROM payer WHERE account_id = $1),"
    "  (SELECT max(key_day) FROM wechat_binding WHERE account_id = $1),"
    "  (SELECT max(key_day) FROM idempotency WHERE account_id = $1), a.key_day, $2::integer),"
    " a.idle_from FROM account a WHERE a.account_id = $1"};

static const struct statement erase_account_bytes = {
    "erase_account_bytes", "DELETE FROM photo_bytes b WHERE " EVERY_DAY " AND b.account_id = $1"};

static const struct statement erase_account_row = {
    "erase_account_row",
    "WITH told AS (INSERT INTO audit_log (at, actor, pseudonym, action)"
    "  SELECT $3, 'account', pseudonym, 'account.erase' FROM account WHERE account_id = $1),"
    " gone AS (DELETE FROM account WHERE account_id = $1 RETURNING 1)"
    " INSERT INTO receipt (receipt_id, erased_at, expires_at, photos, orders, requests, consents,"
    "  last_day) SELECT $2, $3, $3::timestamptz + interval '60 days', $4, $5, 0, $6, $7 FROM gone"};

static const struct statement receipt_select = {
    "receipt_select", "SELECT erased_at, photos, orders, requests, consents, last_day FROM receipt"
                      " WHERE receipt_id = $1 AND expires_at > $2"};

#define NO_ROW "'00000000-0000-0000-0000-000000000000'::uuid"
static const struct statement replay_list = {
    "replay_list",
    "SELECT 'account', account_id, " NO_ROW " FROM account"
    " UNION ALL SELECT 'photo', account_id, photo_id FROM photo"
    " UNION ALL SELECT 'orders', account_id, order_id FROM orders"
    " UNION ALL SELECT 'print', account_id, photo_id FROM photo_copy WHERE purpose = 'print'"};

/* A print that was ordered and paid again after its erasure bears the same name: it stays. Orders
 * are listed, and so deleted, before prints. */
static const struct statement replay_delete = {
    "replay_delete",
    "WITH a AS (DELETE FROM account WHERE $1 = 'account' AND account_id = $2 RETURNING 1),"
    " " REPLAYED_ANSWER ","
    " p AS (DELETE FROM photo WHERE $1 = 'photo' AND account_id = $2 AND photo_id = $3"
    "  RETURNING 1),"
    " o AS (DELETE FROM orders WHERE $1 = 'orders' AND account_id = $2 AND order_id = $3"
    "  RETURNING 1),"
    " c AS (DELETE FROM photo_copy WHERE $1 = 'print' AND account_id = $2 AND photo_id = $3"
    "  AND purpose = 'print' AND NOT EXISTS (SELECT 1 FROM order_item i"
    "   JOIN orders USING (account_id, order_id) WHERE i.account_id = $2 AND i.photo_id = $3"
    "    AND i.kind = 'print' AND orders.paid_at IS NOT NULL AND orders.state <> 'closed')"
    "  RETURNING 1)"
    " SELECT 1 FROM a UNION ALL SELECT 1 FROM p UNION ALL SELECT 1 FROM o"
    " UNION ALL SELECT 1 FROM c"};

STATEMENTS(erase_statements, &erase_photo_stop, &erase_order_stop, &erase_account_stop,
           &erase_photo_look, &erase_photo_bytes, &erase_photo_row, &erase_order_look,
           &erase_unpaid_look, &erase_prints_look, &erase_order_bytes, &erase_order_row,
           &erase_account_look, &erase_account_bytes, &erase_account_row, &receipt_select,
           &replay_list, &replay_delete);

static void add_row(struct params *p, int64_t account_id, const struct uuid *id)
{
    add_bigint(p, account_id);
    add_uuid(p, id);
}

/* By force: what was not printed yet is paid back first, in transactions of its own. A crash before
 * the erasure leaves an order that is closed and refunded, and a repetition erases it. */
static enum status give_up_prints(struct store *st, struct arena *a, int64_t account_id,
                                  const struct uuid *photo_id, int64_t now_us, bool force)
{
    return force ? refund_prints_all(st, a, account_id, photo_id, now_us) : OK;
}

/* What stands against an erasure, before and again after what is unpaid was stopped: only then can
 * no payment change it any more. The first column of `look` says that a print is in fulfilment. */
static enum status look_and_stop(struct store *st, struct arena *a, const struct step *stop,
                                 const struct step *look, bool force, struct rows *out)
{
    const struct step steps[] = {*stop, *look};
    struct rows rows[2];
    enum status s = db_run_batch(st->db, a, look, 1, &rows[1]);
    if (s == OK && rows[1].count > 0 && (force || !row_bool(&rows[1], 0, 0)))
        s = db_run_batch(st->db, a, steps, 2, rows);
    if (s == OK && rows[1].count == 0)
        s = NOT_FOUND;
    if (s == OK && row_bool(&rows[1], 0, 0) && !force)
        s = CONFLICT;
    if (s == OK)
        *out = rows[1];
    return s;
}

enum status erase_photo(struct store *st, struct arena *a, int64_t account_id,
                        const struct uuid *photo_id, int64_t now_us, bool force)
{
    struct params look = {0}, row = {0};
    struct rows rows[2];
    add_row(&look, account_id, photo_id);
    add_row(&row, account_id, photo_id);
    add_time(&row, now_us);
    enum status s = look_and_stop(st, a, &(struct step){&erase_photo_stop, &row},
                                  &(struct step){&erase_photo_look, &look}, force, rows);
    if (s == OK)
        s = give_up_prints(st, a, account_id, photo_id, now_us, force);
    if (s != OK)
        return s;
    const struct erasure entry = {{"photo", account_id, *photo_id}, row_int(&rows[0], 0, 1)};
    s = erasures_append(st->vault, &entry, 1);
    if (s != OK)
        return s;
    const struct step steps[] = {{&erase_photo_row, &row}, {&erase_photo_bytes, &look}};
    s = db_run_batch(st->db, a, steps, 2, rows);
    return s == OK && rows[0].count == 0 ? NOT_FOUND : s;
}

/* What was bought outlives its order. Keys that do not open any more have nothing to save, and must
 * not keep anybody from erasing the rest. */
static enum status save_purchases(struct store *st, int64_t account_id, const struct uuid *order_id,
                                  int64_t now_us)
{
    enum status s = promote_order(st, account_id, order_id, now_us);
    return s == DENIED ? OK : s;
}

/* The order and the print copies that go with it, into the log. */
static enum status log_order(struct store *st, struct arena *a, int64_t account_id,
                             const struct uuid *order_id, int32_t key_day)
{
    struct params p = {0};
    struct rows rows;
    add_row(&p, account_id, order_id);
    enum status s = db_run(st->db, a, &erase_prints_look, &p, &rows);
    if (s != OK)
        return s;
    size_t n = (size_t)rows.count + 1;
    struct erasure *list = arena_alloc(a, n * sizeof *list);
    list[0] = (struct erasure){{"orders", account_id, *order_id}, key_day};
    for (int i = 0; i < rows.count; i++)
        list[i + 1] =
            (struct erasure){{"print", account_id, row_uuid(&rows, i, 0)}, row_int(&rows, i, 2)};
    return erasures_append(st->vault, list, n);
}

/* Not printed yet: paid back. Being made: forfeit. */
static enum status give_up_order(struct store *st, struct arena *a, int64_t account_id,
                                 const struct uuid *order_id, int64_t now_us)
{
    enum status s = refund_prints(st, a, account_id, order_id, now_us);
    return s == CONFLICT || s == NOT_FOUND ? OK : s;
}

static enum status erase_one_order(struct store *st, struct arena *a, int64_t account_id,
                                   const struct uuid *order_id, int64_t now_us, bool force,
                                   bool only_unpaid)
{
    struct params look = {0}, row = {0};
    struct rows rows[2];
    add_row(&look, account_id, order_id);
    add_row(&row, account_id, order_id);
    add_time(&row, now_us);
    enum status s = look_and_stop(st, a, &(struct step){&erase_order_stop, &row},
                                  &(struct step){&erase_order_look, &look}, force, rows);
    if (s == OK && only_unpaid && row_bool(&rows[0], 0, 3))
        s = CONFLICT;
    if (s == OK && row_bool(&rows[0], 0, 0))
        s = give_up_order(st, a, account_id, order_id, now_us);
    if (s == OK && row_bool(&rows[0], 0, 2))
        s = save_purchases(st, account_id, order_id, now_us);
    if (s == OK)
        s = log_order(st, a, account_id, order_id, row_int(&rows[0], 0, 1));
    if (s != OK)
        return s;
    const struct step steps[] = {{&erase_order_bytes, &look}, {&erase_order_row, &row}};
    s = db_run_batch(st->db, a, steps, 2, rows);
    return s == OK && rows[1].count == 0 ? NOT_FOUND : s;
}

enum status erase_order(struct store *st, struct arena *a, int64_t account_id,
                        const struct uuid *order_id, int64_t now_us, bool force)
{
    return erase_one_order(st, a, account_id, order_id, now_us, force, false);
}

enum status erase_unpaid(struct store *st, struct arena *a, int64_t account_id, int64_t now_us,
                         bool prints_only)
{
    struct params p = {0};
    struct rows rows;
    add_bigint(&p, account_id);
    add_bool(&p, prints_only);
    enum status s = db_run(st->db, a, &erase_unpaid_look, &p, &rows);
    for (int i = 0; s == OK && i < rows.count; i++) {
        struct uuid id = row_uuid(&rows, i, 0);
        s = erase_one_order(st, a, account_id, &id, now_us, false, true);
        if (s == NOT_FOUND || s == CONFLICT)
            s = OK; /* gone, or paid meanwhile */
    }
    return s;
}

static enum status write_account_erasure(struct store *st, struct arena *a, int64_t account_id,
                                         int64_t now_us, int32_t last_day, struct erased *out)
{
    struct params bytes = {0}, row = {0};
    struct rows rows[2];
    add_bigint(&bytes, account_id);
    add_bigint(&row, account_id);
    add_uuid(&row, &out->receipt_id);
    add_time(&row, now_us);
    add_int(&row, out->photos);
    add_int(&row, out->orders);
    add_int(&row, out->consents);
    add_int(&row, last_day);
    const struct step steps[] = {{&erase_account_row, &row}, {&erase_account_bytes, &bytes}};
    enum status s = db_run_batch(st->db, a, steps, 2, rows);
    return s == OK && rows[0].count == 0 ? NOT_FOUND : s;
}

/* An account's row has no key that dies: a backup brings it back until purge would take it there,
 * 31 days after its last use or order (purge.c). The log remembers for as long. */
static int32_t last_day_in_backups(int32_t last_key_day, int64_t idle_us, int64_t now_us)
{
    int32_t purged = day_of(idle_us > now_us ? idle_us : now_us) + 32;
    return last_key_day > purged ? last_key_day : purged;
}

enum status erase_account(struct store *st, struct arena *a, int64_t account_id, int64_t now_us,
                          bool force, struct erased *out)
{
    struct params look = {0}, stop = {0};
    struct rows rows;
    add_bigint(&look, account_id);
    add_int(&look, day_of(now_us));
    add_bigint(&stop, account_id);
    add_uuid_or_null(&stop, NULL);
    add_time(&stop, now_us);
    enum status s = look_and_stop(st, a, &(struct step){&erase_account_stop, &stop},
                                  &(struct step){&erase_account_look, &look}, force, &rows);
    if (s == OK)
        s = give_up_prints(st, a, account_id, NULL, now_us, force);
    if (s != OK)
        return s;
    struct erased erased = {.receipt_id = uuid_new(),
                            .photos = row_int(&rows, 0, 1),
                            .orders = row_int(&rows, 0, 2),
                            .consents = row_int(&rows, 0, 3)};
    int32_t last_day = row_int(&rows, 0, 4);
    const struct erasure entry = {{"account", account_id, {{0}}},
                                  last_day_in_backups(last_day, row_time_us(&rows, 0, 5), now_us)};
    s = erasures_append(st->vault, &entry, 1);
    if (s == OK)
        s = write_account_erasure(st, a, account_id, now_us, last_day, &erased);
    if (s == OK)
        *out = erased;
    return s;
}

enum status receipt_read(struct store *st, struct arena *a, const struct uuid *receipt_id,
                         int64_t now_us, struct receipt *out)
{
    struct params p = {0};
    struct rows rows;
    add_uuid(&p, receipt_id);
    add_time(&p, now_us);
    enum status s = db_run(st->db, a, &receipt_select, &p, &rows);
    if (s == OK && rows.count == 0)
        s = NOT_FOUND;
    if (s == OK)
        *out =
            (struct receipt){row_time_us(&rows, 0, 0), row_int(&rows, 0, 1), row_int(&rows, 0, 2),
                             row_int(&rows, 0, 3),     row_int(&rows, 0, 4), row_int(&rows, 0, 5)};
    return s;
}

static enum status replay_one(struct store *st, struct arena *a, const struct record_name *name,
                              int64_t *deleted)
{
    struct params p = {0};
    struct rows rows;
    add_text(&p, name->table);
    add_bigint(&p, name->account_id);
    add_uuid(&p, &name->row_id);
    enum status s = db_run(st->db, a, &replay_delete, &p, &rows);
    if (s == OK)
        *deleted += rows.count;
    return s;
}

enum status erasures_replay(struct store *st, struct arena *a, const struct erasure_set *set,
                            int64_t *deleted)
{
    struct rows rows;
    int64_t n = 0;
    if (erasures_count(set) == 0) {
        *deleted = 0;
        return OK;
    }
    enum status s = db_run(st->db, a, &replay_list, NULL, &rows);
    for (int i = 0; s == OK && i < rows.count; i++) {
        const struct record_name name = {row_text(&rows, i, 0), row_bigint(&rows, i, 1),
                                         row_uuid(&rows, i, 2)};
        if (!erasures_contains(set, st->vault, &name))
            continue;
        s = replay_one(st, a, &name, &n);
    }
    if (s == OK)
        *deleted = n;
    return s;
}
