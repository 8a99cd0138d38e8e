/* SPDX-License-Identifier: MIT */
#include "store/payment.h"

#include <string.h>

#include "base/clock.h"

/* A pending attempt with less time than this is not handed out again. */
#define TAKE_OVER_LEFT "interval '1 minute'"
/* After which time of its life an attempt is first asked about, and then. */
#define FIRST_ASK "interval '5 seconds'"
#define ASKS      "ARRAY['5s', '15s', '30s', '1m', '2m', '5m', '10m']::interval[]"
#define LATER_ASK "interval '10 minutes'"
/* A point of the schedule this near to the end gives way to the question past it. */
#define LAST_LEFT "interval '30 seconds'"
/* Whoever asks, the provider hears of one attempt no more often. */
#define LEAST_PAUSE "interval '3 seconds'"

/* Runs before payment_insert, in a statement of its own: the next one then sees what the call that
 * held the lock has written, so that two calls cannot both make an attempt. */
static const struct statement payment_lock = {
    "payment_lock", "SELECT 1 FROM orders WHERE account_id = $1 AND order_id = $2 FOR UPDATE"};

/* The order's own attempts come first: asked for the pending ones, the planner may go through those
 * of everybody, if there were few when it last counted. */
static const struct statement payment_insert = {
    "payment_insert",
    "WITH o AS (SELECT account_id, order_id, state, amount_fen, kind, expires_at FROM orders"
    "  WHERE account_id = $1 AND order_id = $2),"
    " payable AS (SELECT * FROM o WHERE state = 'unpaid' AND expires_at > $9 AND NOT EXISTS ("
    "  SELECT 1 FROM order_item i WHERE i.account_id = $1 AND i.order_id = $2 AND NOT EXISTS ("
    "   SELECT 1 FROM photo_copy c WHERE c.account_id = $1 AND c.photo_id = i.photo_id))),"
    " mine AS MATERIALIZED (SELECT * FROM payment WHERE account_id = $1 AND order_id = $2),"
    " old AS (SELECT p.* FROM mine p, payable WHERE p.state = 'pending' AND p.channel = $4"
    "  AND p.method = $5 AND p.merchant = $6 AND p.appid = $7"
    "  AND p.expires_at > $9::timestamptz + " TAKE_OVER_LEFT
    "  ORDER BY p.created_at DESC LIMIT 1),"
    " made AS (INSERT INTO payment (account_id, payment_id, order_id, channel, method, merchant,"
    "   appid, out_trade_no, amount_fen, state, created_at, expires_at, key_day, key_wrapped,"
    "   ip_sealed, ask_at) SELECT $1, $3, $2, $4, $5, $6, $7, $8, amount_fen, 'pending', $9, $10,"
    "   $11, $12, $13, $9::timestamptz + " FIRST_ASK
    " FROM payable WHERE NOT EXISTS (SELECT 1 FROM old) RETURNING *),"
    " named AS (INSERT INTO trade (out_trade_no, account_id, order_id, payment_id)"
    "  SELECT out_trade_no, account_id, order_id, payment_id FROM made),"
    " attempt AS (SELECT * FROM old UNION ALL SELECT * FROM made)"
    " SELECT o.kind, t.payment_id, t.out_trade_no, t.amount_fen, t.created_at, t.expires_at,"
    "  t.key_wrapped, t.ip_sealed FROM o LEFT JOIN attempt t ON true"};

#define PAYMENT_COLUMNS                                                                            \
    " p.account_id, p.payment_id, p.order_id, p.channel, p.method, p.merchant, p.appid,"           \
    " p.out_trade_no, p.amount_fen, p.state, p.created_at, p.expires_at, p.succeeded_at"

static const struct statement payment_select = {
    "payment_select",
    "SELECT" PAYMENT_COLUMNS " FROM payment p JOIN orders o USING (account_id, order_id)"
    " WHERE p.account_id = $1 AND p.order_id = $2 AND p.payment_id = $3"
    " AND (o.expires_at > $4 OR p.state = 'pending')"};

/* Reads the attempt, and takes it for asking when it is
 * pending and nobody asked just now. The columns are those from before the update, which changes
 * none of them. */
static const struct statement payment_claim_select = {
    "payment_claim",
    "WITH taken AS (UPDATE payment SET asked_at = $4 WHERE account_id = $1 AND order_id = $2"
    "  AND payment_id = $3 AND state = 'pending'"
    "  AND (asked_at IS NULL OR asked_at <= $4::timestamptz - " LEAST_PAUSE ") RETURNING 1)"
    " SELECT" PAYMENT_COLUMNS ", EXISTS (SELECT 1 FROM taken)"
    " FROM payment p JOIN orders o USING (account_id, order_id)"
    " WHERE p.account_id = $1 AND p.order_id = $2 AND p.payment_id = $3"
    " AND (o.expires_at > $4 OR p.state = 'pending')"};

/* Attempts whose order was paid by another one, or closed, are not left to their time. */
static const struct statement payment_hurry_update = {
    "payment_hurry",
    "UPDATE payment p SET closing = true, ask_at = least(p.ask_at, $1) FROM orders o"
    " WHERE p.state = 'pending' AND NOT p.closing AND o.account_id = p.account_id"
    "  AND o.order_id = p.order_id AND o.state <> 'unpaid'"};

/* $1 now, $2 channel. The claim moves ask_at ahead: to the next point of the schedule, or just past
 * the end of the time. One that is over, and yet still pending, is asked after half a minute, and
 * then ever more rarely. */
static const struct statement payment_take = {
    "payment_take_due",
    "UPDATE payment p SET asked_at = $1, ask_at = CASE WHEN due.ends"
    "   THEN $1::timestamptz + least(greatest(interval '30 seconds', ($1 - p.expires_at) / 2), "
    "" LATER_ASK ")"
    "   WHEN step.next > p.expires_at - " LAST_LEFT " THEN p.expires_at + interval '1 second'"
    "   ELSE step.next END"
    " FROM (SELECT account_id, order_id, payment_id, created_at, closing OR expires_at < $1 AS ends"
    "   FROM payment"
    "   WHERE state = 'pending' AND channel = $2 AND ask_at <= $1"
    "    AND (asked_at IS NULL OR asked_at <= $1::timestamptz - " LEAST_PAUSE ")"
    "   ORDER BY ask_at LIMIT 1 FOR UPDATE SKIP LOCKED) due"
    "  CROSS JOIN LATERAL (SELECT coalesce(min(due.created_at + after), $1 + " LATER_ASK ") AS next"
    "   FROM unnest(" ASKS ") after WHERE due.created_at + after > $1) step"
    " WHERE p.account_id = due.account_id AND p.order_id = due.order_id"
    "  AND p.payment_id = due.payment_id"
    " RETURNING" PAYMENT_COLUMNS ", due.ends"};

static const struct statement payment_close_update = {
    "payment_close", "UPDATE payment SET state = 'closed', closed_at = $4 WHERE account_id = $1"
                     " AND order_id = $2 AND payment_id = $3 AND state = 'pending'"};

/* $1 to $4 name the marker as in idempotency_finish. */
static const struct statement payment_answer_end = {
    "payment_answer_end",
    "UPDATE idempotency SET expires_at = least(expires_at, $5)"
    " WHERE account_id = $1 AND route = $2 AND key_hash = $3 AND attempt = $4"};

STATEMENTS(payment_statements, &payment_lock, &payment_insert, &payment_select,
           &payment_claim_select, &payment_hurry_update, &payment_take, &payment_close_update,
           &payment_answer_end);

static enum status read_attempt(struct store *st, struct arena *a, const struct rows *rows,
                                struct payment *payment)
{
    struct record r;
    if (rows->count == 0)
        return NOT_FOUND;
    if (row_is_null(rows, 0, 1))
        return CONFLICT;
    payment->order_kind = row_text(rows, 0, 0);
    payment->payment_id = row_uuid(rows, 0, 1);
    payment->out_trade_no = row_text(rows, 0, 2);
    payment->amount_fen = row_bigint(rows, 0, 3);
    payment->created_us = row_time_us(rows, 0, 4);
    payment->expires_us = row_time_us(rows, 0, 5);
    payment->state = "pending";
    enum status s =
        record_open(st->vault, "payment", payment->account_id, payment->payment_id, rows, 0, 6, &r);
    if (s != OK)
        return s;
    s = row_sealed_text(rows, 0, 7, a, &r, "ip_sealed", &payment->client_ip);
    record_wipe(&r);
    return s;
}

enum status payment_begin(struct store *st, struct arena *a, struct payment *payment,
                          int64_t now_us)
{
    struct record r;
    struct params lock = {0}, p = {0};
    struct rows rows[2];
    char out_trade_no[TRADE_NO_BYTES];
    struct uuid id = uuid_new();
    enum status s = record_new(st->vault, "payment", payment->account_id, id,
                               day_of(payment->expires_us) + OPEN_PAYMENT_DAYS, &r);
    if (s != OK)
        return s;
    add_bigint(&p, payment->account_id);
    add_uuid(&p, &payment->order_id);
    add_uuid(&p, &id);
    add_text(&p, payment->channel);
    add_text(&p, payment->method);
    add_text(&p, payment->merchant);
    add_text(&p, payment->appid);
    add_text(&p, random_base62(out_trade_no, sizeof out_trade_no));
    add_time(&p, now_us);
    add_time(&p, payment->expires_us);
    add_day(&p, r.key_day);
    add_bytes(&p, r.wrapped, sizeof r.wrapped);
    add_sealed_text(&p, a, &r, "ip_sealed", payment->client_ip);
    add_bigint(&lock, payment->account_id);
    add_uuid(&lock, &payment->order_id);
    const struct step steps[] = {{&payment_lock, &lock}, {&payment_insert, &p}};
    s = db_run_batch(st->db, a, steps, 2, rows);
    record_wipe(&r);
    return s == OK ? read_attempt(st, a, &rows[1], payment) : s;
}

enum status payment_answer(struct store *st, struct arena *a, const struct step *finish,
                           int64_t until_us)
{
    enum { MARKER_PARAMS = 4 };
    struct params end = {0};
    struct rows rows[2];
    for (; end.count < MARKER_PARAMS; end.count++)
        end.items[end.count] = finish->params->items[end.count];
    add_time(&end, until_us);
    const struct step steps[] = {*finish, {&payment_answer_end, &end}};
    return db_run_batch(st->db, a, steps, 2, rows);
}

static struct payment read_payment(const struct rows *rows, int row)
{
    return (struct payment){
        .account_id = row_bigint(rows, row, 0),
        .payment_id = row_uuid(rows, row, 1),
        .order_id = row_uuid(rows, row, 2),
        .channel = row_text(rows, row, 3),
        .method = row_text(rows, row, 4),
        .merchant = row_text(rows, row, 5),
        .appid = row_text(rows, row, 6),
        .out_trade_no = row_text(rows, row, 7),
        .amount_fen = row_bigint(rows, row, 8),
        .state = row_text(rows, row, 9),
        .created_us = row_time_us(rows, row, 10),
        .expires_us = row_time_us(rows, row, 11),
        .succeeded_us = row_time_us(rows, row, 12),
    };
}

static enum status read_by(struct store *st, struct arena *a, const struct statement *statement,
                           const struct params *p, struct payment *out, bool *word)
{
    enum { WORD = 13 };
    struct rows rows;
    enum status s = db_run(st->db, a, statement, p, &rows);
    if (s == OK && rows.count == 0)
        s = NOT_FOUND;
    if (s != OK)
        return s;
    *out = read_payment(&rows, 0);
    if (word)
        *word = row_bool(&rows, 0, WORD);
    return OK;
}

static void add_attempt(struct params *p, int64_t account_id, const struct uuid *order_id,
                        const struct uuid *payment_id, int64_t now_us)
{
    add_bigint(p, account_id);
    add_uuid(p, order_id);
    add_uuid(p, payment_id);
    add_time(p, now_us);
}

enum status payment_read(struct store *st, struct arena *a, int64_t account_id,
                         const struct uuid *order_id, const struct uuid *payment_id, int64_t now_us,
                         struct payment *out)
{
    struct params p = {0};
    add_attempt(&p, account_id, order_id, payment_id, now_us);
    return read_by(st, a, &payment_select, &p, out, NULL);
}

enum status payment_claim(struct store *st, struct arena *a, int64_t account_id,
                          const struct uuid *order_id, const struct uuid *payment_id,
                          int64_t now_us, struct payment *out, bool *claimed)
{
    struct params p = {0};
    add_attempt(&p, account_id, order_id, payment_id, now_us);
    return read_by(st, a, &payment_claim_select, &p, out, claimed);
}

enum status payment_hurry(struct store *st, struct arena *a, int64_t now_us)
{
    struct params p = {0};
    struct rows rows;
    add_time(&p, now_us);
    return db_run(st->db, a, &payment_hurry_update, &p, &rows);
}

enum status payment_take_due(struct store *st, struct arena *a, const char *channel, int64_t now_us,
                             struct payment *out, bool *ends)
{
    struct params p = {0};
    add_time(&p, now_us);
    add_text(&p, channel);
    return read_by(st, a, &payment_take, &p, out, ends);
}

enum status payment_close(struct store *st, struct arena *a, const struct payment *payment,
                          int64_t now_us)
{
    struct params p = {0};
    struct rows rows;
    add_attempt(&p, payment->account_id, &payment->order_id, &payment->payment_id, now_us);
    return db_run(st->db, a, &payment_close_update, &p, &rows);
}
