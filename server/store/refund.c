/* SPDX-License-Identifier: MIT */
#include "store/refund.h"

#include <string.h>

#include "base/clock.h"
#include "store/lifetime.h"

#define REFUND_COLUMNS                                                                             \
    " r.refund_id, r.entry_id, r.channel, r.merchant, r.appid, r.out_trade_no, r.transaction_id,"  \
    " r.out_refund_no, r.total_fen, r.refund_fen, r.reason, r.state, r.last_code, r.tries,"        \
    " r.requested_at, r.next_at, r.done_at"

/* Counts against the payment: done, under way, or stuck where a person may still pay it. */
#define COUNTS "(r.state <> 'failed' OR r.last_code = 'ABNORMAL')"

/* A success of this attempt that did not pay the order. */
#define ODD(entry)                                                                                 \
    "EXISTS (SELECT 1 FROM anomaly x WHERE x.channel = " entry ".channel"                          \
    " AND x.transaction_id = " entry ".transaction_id AND x.kind IN ('late', 'second'))"

/* ---- asking for one ---- */

static const struct statement refund_rule = {
    "refund_by_rule",
    "WITH due AS (SELECT e.entry_id, e.amount_fen, x.kind, p.account_id, p.order_id,"
    "   coalesce(p.appid, f.appid) AS appid FROM anomaly x"
    "   JOIN ledger_entry e ON e.kind = 'payment' AND e.channel = x.channel"
    "    AND e.transaction_id = x.transaction_id"
    "   LEFT JOIN trade t ON t.out_trade_no = e.out_trade_no"
    "   LEFT JOIN payment p ON p.account_id = t.account_id AND p.order_id = t.order_id"
    "    AND p.payment_id = t.payment_id"
    "   LEFT JOIN erased_attempt f ON f.out_trade_no = e.out_trade_no AND f.channel = e.channel"
    "    AND f.merchant = e.merchant AND f.amount_fen = e.amount_fen"
    "  WHERE x.resolved_at IS NULL AND e.amount_fen > 0"
    "   AND (x.kind IN ('late', 'second') OR (x.kind = 'unknown-trade' AND f.appid IS NOT NULL))"
    "   AND e.occurred_at > $2::timestamptz - interval '364 days'"
    "   AND NOT EXISTS (SELECT 1 FROM refund r WHERE r.entry_id = e.entry_id)"
    "  ORDER BY x.recorded_at LIMIT 1),"
    " made AS (INSERT INTO refund (refund_id, entry_id, account_id, order_id, appid, refund_fen,"
    "   reason, requested_at, next_at) SELECT $1, entry_id, account_id, order_id, appid,"
    "   amount_fen, CASE kind WHEN 'unknown-trade' THEN 'erased' ELSE kind END, $2, $2 FROM due"
    "  RETURNING refund_id, account_id),"
    " told AS (INSERT INTO audit_log (at, actor, pseudonym, action, object_id)"
    "  SELECT $2, 'job', a.pseudonym, 'refund.request', made.refund_id FROM made"
    "   LEFT JOIN account a USING (account_id))"
    " SELECT 1 FROM made"};

/* Before the statements below, in one of its own: they then see what the call that held the lock
 * has written. */
static const struct statement refund_order_lock = {
    "refund_order_lock", "SELECT 1 FROM orders WHERE account_id = $1 AND order_id = $2 FOR UPDATE"};

static const struct statement refund_prints_make = {
    "refund_prints",
    "WITH o AS (SELECT * FROM orders WHERE account_id = $1 AND order_id = $2"
    "   AND (expires_at > $3 OR paid_at IS NULL)),"
    " paid AS (SELECT e.entry_id, p.appid FROM payment p JOIN ledger_entry e ON e.kind = 'payment'"
    "   AND e.channel = p.channel AND e.transaction_id = p.transaction_id"
    "  WHERE p.account_id = $1 AND p.order_id = $2 AND p.state = 'succeeded' AND NOT " ODD(
        "e") "  LIMIT 1),"
             " stopped AS (UPDATE orders SET state = 'closed', close_reason = 'refunded', "
             "closed_at = $3"
             "  WHERE account_id = $1 AND order_id = $2 AND state = 'paid' AND kind <> 'electronic'"
             "   AND expires_at > $3 AND EXISTS (SELECT 1 FROM paid) RETURNING kind, amount_fen),"
             " part AS (SELECT CASE s.kind WHEN 'print' THEN s.amount_fen ELSE (SELECT"
             "    sum(i.quantity * i.price_fen) FROM order_item i WHERE i.account_id = $1"
             "     AND i.order_id = $2 AND i.kind = 'print') END AS fen,"
             "   CASE s.kind WHEN 'print' THEN 'cancelled' ELSE 'unprinted-part' END AS reason"
             "  FROM stopped s),"
             " made AS (INSERT INTO refund (refund_id, entry_id, account_id, order_id, appid, "
             "refund_fen,"
             "   reason, requested_at, next_at) SELECT $4, entry_id, $1, $2, appid, fen, reason, "
             "$3, $3"
             "  FROM part, paid WHERE fen > 0 RETURNING refund_id),"
             " told AS (INSERT INTO audit_log (at, actor, pseudonym, action, object_id)"
             "  SELECT $3, 'account', a.pseudonym, 'refund.request', made.refund_id FROM made, "
             "account a"
             "   WHERE a.account_id = $1)"
             " SELECT CASE WHEN EXISTS (SELECT 1 FROM stopped) OR o.close_reason = 'refunded' THEN "
             "'done'"
             "   WHEN o.kind = 'electronic' AND o.paid_at IS NOT NULL THEN 'electronic' ELSE 'no' "
             "END"
             "  FROM o"};

static const struct statement refund_prints_list = {
    "refund_prints_list",
    "SELECT o.order_id FROM orders o WHERE o.account_id = $1 AND o.state = 'paid'"
    " AND o.kind <> 'electronic' AND ($2::uuid IS NULL OR EXISTS (SELECT 1 FROM order_item i"
    "  WHERE i.account_id = $1 AND i.order_id = o.order_id AND i.photo_id = $2"
    "   AND i.kind = 'print'))"};

static const struct statement refund_entry = {
    "refund_find_entry",
    "SELECT e.entry_id FROM payment p JOIN ledger_entry e ON e.kind = 'payment'"
    "  AND e.channel = p.channel AND e.transaction_id = p.transaction_id"
    " WHERE p.account_id = $1 AND p.order_id = $2 AND p.state = 'succeeded' AND NOT " ODD(
        "e") " LIMIT 1"};

#define PAID_ORDER                                                                                 \
    "ledger_entry e JOIN trade t ON t.out_trade_no = e.out_trade_no"                               \
    " JOIN payment p ON p.account_id = t.account_id AND p.order_id = t.order_id"                   \
    "  AND p.payment_id = t.payment_id AND p.channel = e.channel WHERE e.entry_id = $1"

static const struct statement refund_payment_lock = {
    "refund_payment_lock",
    "SELECT 1 FROM orders WHERE (account_id, order_id) IN (SELECT p.account_id, p.order_id"
    " FROM " PAID_ORDER ") FOR UPDATE"};

static const struct statement refund_payment_make = {
    "refund_payment",
    "WITH e AS (SELECT * FROM ledger_entry WHERE entry_id = $1),"
    " shown AS (SELECT p.account_id, p.order_id, p.appid, a.pseudonym,"
    "   p.transaction_id = e.transaction_id AND NOT " ODD(
        "e") " AS paid_it"
             "  FROM (SELECT p.*, e.entry_id FROM " PAID_ORDER
             ") p JOIN account a USING (account_id)"
             "   JOIN e USING (entry_id)),"
             " given AS (SELECT coalesce(sum(r.refund_fen), 0) AS fen FROM refund r WHERE "
             "r.entry_id = $1"
             "   AND " COUNTS "),"
             " made AS (INSERT INTO refund (refund_id, entry_id, account_id, order_id, appid, "
             "refund_fen,"
             "   reason, requested_at, next_at) SELECT $2, e.entry_id, s.account_id, s.order_id, "
             "s.appid,"
             "   e.amount_fen - given.fen, $3, $4, $4 FROM e CROSS JOIN given LEFT JOIN shown s ON "
             "true"
             "  WHERE e.kind = 'payment' AND e.amount_fen > given.fen RETURNING *),"
             " stopped AS (UPDATE orders o SET state = 'closed', close_reason = 'refunded', "
             "closed_at = $4"
             "  FROM shown s, made WHERE o.account_id = s.account_id AND o.order_id = s.order_id"
             "   AND s.paid_it AND o.state IN ('paid', 'printing')),"
             " told AS (INSERT INTO audit_log (at, actor, operator_id, pseudonym, action, "
             "object_id)"
             "  SELECT $4, 'operator', $5, s.pseudonym, 'refund.request', made.refund_id"
             "   FROM made LEFT JOIN shown s ON true)"
             " SELECT" REFUND_COLUMNS " FROM e LEFT JOIN LATERAL (SELECT * FROM made UNION ALL"
             "  SELECT * FROM refund r WHERE r.entry_id = $1 AND " COUNTS
             " ORDER BY seq DESC LIMIT 1) r"
             "  ON true"};

/* ---- doing it ---- */

static const struct statement refund_take = {
    "refund_take_due",
    "UPDATE refund r SET next_at = $1::timestamptz + interval '2 minutes', tries = tries + 1,"
    "  sent_at = CASE state WHEN 'requested' THEN $1 ELSE sent_at END"
    " WHERE refund_id = (SELECT d.refund_id FROM refund d WHERE d.next_at <= $1"
    "  AND NOT EXISTS (SELECT 1 FROM refund o WHERE d.channel = 'wechat'"
    "   AND o.entry_id = d.entry_id AND o.refund_id <> d.refund_id"
    "   AND o.sent_at > $1::timestamptz - interval '1 minute')"
    "  ORDER BY d.next_at LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING" REFUND_COLUMNS};

/* $1 channel, $2 merchant, $3 out_refund_no, $4 transaction_id, $5 refund_fen, $6 now: the row that
 * a provider speaks of, locked, and whether it says the same of it. */
#define HIT                                                                                        \
    "WITH hit AS (SELECT refund_id, transaction_id = $4 AND refund_fen = $5 AS fits FROM refund"   \
    "  WHERE channel = $1 AND merchant = $2 AND out_refund_no = $3 FOR UPDATE),"
#define HEARD(action)                                                                              \
    " told AS (INSERT INTO audit_log (at, actor, pseudonym, action, object_id)"                    \
    "  SELECT $6, 'provider', a.pseudonym, '" action "', changed.refund_id FROM changed"           \
    "   LEFT JOIN account a USING (account_id))"                                                   \
    " SELECT CASE WHEN EXISTS (SELECT 1 FROM changed) THEN 0"                                      \
    "  WHEN NOT EXISTS (SELECT 1 FROM hit) THEN 2"                                                 \
    "  WHEN EXISTS (SELECT 1 FROM hit WHERE fits) THEN 1 ELSE 3 END"

static const struct statement refund_accepted = {
    "refund_accept",
    HIT " changed AS (UPDATE refund r SET state = 'accepted', accepted_at = $6, next_at = $7,"
        "   last_code = NULL FROM hit WHERE hit.fits AND r.refund_id = hit.refund_id"
        "    AND r.state = 'requested' RETURNING r.*)," HEARD("refund.accept")};

/* A time that cannot be is no date; the ledger's day is clock.h's day_of, in SQL. */
static const struct statement refund_done = {
    "refund_done",
    HIT " changed AS (UPDATE refund r SET state = 'done', next_at = NULL, last_code = NULL,"
        "   done_at = CASE WHEN $7 BETWEEN r.requested_at - interval '5 minutes'"
        "    AND $6::timestamptz + interval '5 minutes' THEN $7 ELSE $6 END"
        "  FROM hit WHERE hit.fits AND r.refund_id = hit.refund_id AND r.state <> 'done'"
        "  RETURNING r.*),"
        " entered AS (INSERT INTO ledger_entry (entry_id, kind, channel, merchant, transaction_id,"
        "   out_trade_no, out_refund_no, amount_fen, occurred_at, recorded_at, day)"
        "  SELECT $8, 'refund', channel, merchant, transaction_id, out_trade_no, out_refund_no,"
        "   refund_fen, done_at, $6, floor((extract(epoch FROM done_at) + 28800) / 86400)"
        "  FROM changed),"
        " resolved AS (UPDATE anomaly x SET resolved_at = $6 FROM changed c"
        "  WHERE x.channel = c.channel AND x.transaction_id = c.transaction_id"
        "   AND x.resolved_at IS NULL AND c.total_fen <= c.refund_fen + coalesce((SELECT"
        "    sum(r.refund_fen) FROM refund r WHERE r.entry_id = c.entry_id AND r.state = 'done'"
        "     AND r.refund_id <> c.refund_id), 0))," HEARD("refund.done")};

static const struct statement refund_failed = {
    "refund_fail",
    HIT " changed AS (UPDATE refund r SET state = 'failed', failed_at = $6, last_code = $7,"
        "   next_at = CASE $7 WHEN 'ABNORMAL' THEN $6::timestamptz + interval '1 day' END"
        "  FROM hit WHERE hit.fits AND r.refund_id = hit.refund_id AND (r.state IN ('requested',"
        "   'accepted') OR (r.state = 'failed' AND r.last_code = 'ABNORMAL' AND $7 <> 'ABNORMAL'))"
        "  RETURNING r.*)," HEARD("refund.fail")};

static const struct statement refund_wait = {
    "refund_later",
    "UPDATE refund SET next_at = CASE WHEN state = 'failed'"
    "   AND failed_at < $3::timestamptz - interval '90 days' THEN NULL ELSE $2::timestamptz END,"
    "  last_code = CASE state WHEN 'failed' THEN last_code ELSE $4::text END"
    " WHERE refund_id = $1 AND next_at IS NOT NULL"};

/* Not within ten seconds of having been sent: the provider's word is not to be had before. */
static const struct statement refund_sooner = {
    "refund_hint", "UPDATE refund SET next_at = least(next_at,"
                   "  greatest($3::timestamptz, sent_at + interval '10 seconds'))"
                   " WHERE channel = $1 AND transaction_id = $2 AND next_at IS NOT NULL"};

static const struct statement refund_page = {
    "refund_list",
    "SELECT" REFUND_COLUMNS " FROM refund r WHERE ($1::text IS NULL OR r.state = $1)"
    " AND ($2::uuid IS NULL OR r.refund_id < $2) ORDER BY r.refund_id DESC LIMIT $3"};

STATEMENTS(refund_statements, &refund_rule, &refund_order_lock, &refund_prints_make,
           &refund_prints_list, &refund_entry, &refund_payment_lock, &refund_payment_make,
           &refund_take, &refund_accepted, &refund_done, &refund_failed, &refund_wait,
           &refund_sooner, &refund_page);

bool refund_is_operators_reason(const char *reason)
{
    static const char *const codes[] = {"complaint", "quality",  "duplicate",
                                        "not-ours",  "goodwill", "legal"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strcmp(codes[i], reason) == 0)
            return true;
    return false;
}

static struct refund read_refund(const struct rows *rows, int i)
{
    return (struct refund){
        .refund_id = row_uuid(rows, i, 0),
        .entry_id = row_uuid(rows, i, 1),
        .channel = row_text(rows, i, 2),
        .merchant = row_text(rows, i, 3),
        .appid = row_text(rows, i, 4),
        .out_trade_no = row_text(rows, i, 5),
        .transaction_id = row_text(rows, i, 6),
        .out_refund_no = row_text(rows, i, 7),
        .total_fen = row_bigint(rows, i, 8),
        .refund_fen = row_bigint(rows, i, 9),
        .reason = row_text(rows, i, 10),
        .state = row_text(rows, i, 11),
        .last_code = row_text(rows, i, 12),
        .tries = row_int(rows, i, 13),
        .requested_us = row_time_us(rows, i, 14),
        .next_us = row_time_us(rows, i, 15),
        .done_us = row_time_us(rows, i, 16),
    };
}

enum status refund_by_rule(struct store *st, struct arena *a, int64_t now_us, bool *made)
{
    struct params p = {0};
    struct rows rows;
    struct uuid id = uuid_new();
    add_uuid(&p, &id);
    add_time(&p, now_us);
    enum status s = db_run(st->db, a, &refund_rule, &p, &rows);
    if (s == OK)
        *made = rows.count > 0;
    return s;
}

enum status refund_prints(struct store *st, struct arena *a, int64_t account_id,
                          const struct uuid *order_id, int64_t now_us)
{
    struct params lock = {0}, p = {0};
    struct rows rows[2];
    struct uuid id = uuid_new();
    enum status s = promote_order(st, account_id, order_id, now_us);
    if (s != OK && s != DENIED) /* keys that open nothing any more have nothing to save */
        return s;
    add_bigint(&lock, account_id);
    add_uuid(&lock, order_id);
    add_bigint(&p, account_id);
    add_uuid(&p, order_id);
    add_time(&p, now_us);
    add_uuid(&p, &id);
    const struct step steps[] = {{&refund_order_lock, &lock}, {&refund_prints_make, &p}};
    s = db_run_batch(st->db, a, steps, 2, rows);
    if (s != OK)
        return s;
    if (rows[1].count == 0)
        return NOT_FOUND;
    const char *word = row_text(&rows[1], 0, 0);
    return strcmp(word, "done") == 0 ? OK : strcmp(word, "electronic") == 0 ? DENIED : CONFLICT;
}

enum status refund_prints_all(struct store *st, struct arena *a, int64_t account_id,
                              const struct uuid *photo_id, int64_t now_us)
{
    struct params p = {0};
    struct rows rows;
    add_bigint(&p, account_id);
    add_uuid_or_null(&p, photo_id);
    enum status s = db_run(st->db, a, &refund_prints_list, &p, &rows);
    for (int i = 0; s == OK && i < rows.count; i++) {
        struct uuid order_id = row_uuid(&rows, i, 0);
        s = refund_prints(st, a, account_id, &order_id, now_us);
        if (s == NOT_FOUND || s == CONFLICT)
            s = OK; /* over, or being made meanwhile: forfeit */
    }
    return s;
}

enum status refund_find_entry(struct store *st, struct arena *a, int64_t account_id,
                              const struct uuid *order_id, struct uuid *entry_id)
{
    struct params p = {0};
    struct rows rows;
    add_bigint(&p, account_id);
    add_uuid(&p, order_id);
    enum status s = db_run(st->db, a, &refund_entry, &p, &rows);
    if (s == OK && rows.count == 0)
        s = CONFLICT;
    if (s == OK)
        *entry_id = row_uuid(&rows, 0, 0);
    return s;
}

enum status refund_payment(struct store *st, struct arena *a, const struct uuid *entry_id,
                           const char *reason, const struct uuid *operator_id, int64_t now_us,
                           struct refund *out)
{
    struct params lock = {0}, p = {0};
    struct rows rows[2];
    struct uuid id = uuid_new();
    add_uuid(&lock, entry_id);
    add_uuid(&p, entry_id);
    add_uuid(&p, &id);
    add_text(&p, reason);
    add_time(&p, now_us);
    add_uuid(&p, operator_id);
    const struct step steps[] = {{&refund_payment_lock, &lock}, {&refund_payment_make, &p}};
    enum status s = db_run_batch(st->db, a, steps, 2, rows);
    if (s != OK)
        return s;
    if (rows[1].count == 0)
        return NOT_FOUND;
    if (row_is_null(&rows[1], 0, 0))
        return CONFLICT;
    *out = read_refund(&rows[1], 0);
    return OK;
}

enum status refund_take_due(struct store *st, struct arena *a, int64_t now_us, struct refund *out)
{
    struct params p = {0};
    struct rows rows;
    add_time(&p, now_us);
    enum status s = db_run(st->db, a, &refund_take, &p, &rows);
    if (s == OK && rows.count == 0)
        s = NOT_FOUND;
    if (s == OK)
        *out = read_refund(&rows, 0);
    return s;
}

static void add_word(struct params *p, const struct refund_word *word, int64_t now_us)
{
    add_text(p, word->channel);
    add_text(p, word->merchant);
    add_text(p, word->out_refund_no);
    add_text(p, word->transaction_id);
    add_bigint(p, word->refund_fen);
    add_time(p, now_us);
}

static enum status hear(struct store *st, struct arena *a, const struct statement *statement,
                        const struct params *p, enum refund_heard *out)
{
    struct rows rows;
    enum status s = db_run(st->db, a, statement, p, &rows);
    if (s == OK)
        *out = (enum refund_heard)row_int(&rows, 0, 0);
    return s;
}

enum status refund_accept(struct store *st, struct arena *a, const struct refund_word *word,
                          int64_t next_us, int64_t now_us, enum refund_heard *out)
{
    struct params p = {0};
    add_word(&p, word, now_us);
    add_time(&p, next_us);
    return hear(st, a, &refund_accepted, &p, out);
}

enum status refund_finish(struct store *st, struct arena *a, const struct refund_word *word,
                          int64_t now_us, enum refund_heard *out)
{
    struct params p = {0};
    struct uuid entry_id = uuid_new();
    add_word(&p, word, now_us);
    add_time_or_null(&p, word->done_us);
    add_uuid(&p, &entry_id);
    return hear(st, a, &refund_done, &p, out);
}

enum status refund_fail(struct store *st, struct arena *a, const struct refund_word *word,
                        int64_t now_us, enum refund_heard *out)
{
    struct params p = {0};
    add_word(&p, word, now_us);
    add_text(&p, word->code);
    return hear(st, a, &refund_failed, &p, out);
}

enum status refund_later(struct store *st, struct arena *a, const struct refund *refund,
                         const char *code, int64_t next_us, int64_t now_us)
{
    struct params p = {0};
    struct rows rows;
    add_uuid(&p, &refund->refund_id);
    add_time(&p, next_us);
    add_time(&p, now_us);
    add_text(&p, code && *code ? code : NULL);
    return db_run(st->db, a, &refund_wait, &p, &rows);
}

enum status refund_hint(struct store *st, struct arena *a, const char *channel,
                        const char *transaction_id, int64_t now_us)
{
    struct params p = {0};
    struct rows rows;
    add_text(&p, channel);
    add_text(&p, transaction_id);
    add_time(&p, now_us);
    return db_run(st->db, a, &refund_sooner, &p, &rows);
}

enum status refund_list(struct store *st, struct arena *a, const char *state,
                        const struct uuid *before, int limit, struct refund **out, size_t *count)
{
    struct params p = {0};
    struct rows rows;
    add_text(&p, state);
    add_uuid_or_null(&p, before);
    add_bigint(&p, limit);
    enum status s = db_run(st->db, a, &refund_page, &p, &rows);
    if (s != OK)
        return s;
    struct refund *list = arena_alloc(a, (size_t)rows.count * sizeof *list);
    for (int i = 0; i < rows.count; i++)
        list[i] = read_refund(&rows, i);
    *out = list;
    *count = (size_t)rows.count;
    return OK;
}
