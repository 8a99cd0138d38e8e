/* SPDX-License-Identifier: MIT */
/* What a verified success does: one statement, once only. */
#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "store/payment.h"

/* How far a provider's success time may lie before the attempt or after now. */
#define SKEW "interval '5 minutes'"

/*
 * $1 out_trade_no  $2 channel  $3 transaction_id  $4 amount_fen  $5 currency  $6 merchant
 * $7 appid  $8 success time or NULL  $9 now  $10 merchant is ours  $11 photo life  $12 order life
 * $13 payer's key_day  $14 its key_wrapped  $15 payer_sealed  $16 anomaly id  $17 ledger id
 *
 * hit locks payment and order and sees their newest versions; verdict decides; every write is
 * bound to the verdict and to the state it expects. A success time that cannot be is an anomaly
 * and is never used as a date: our own now takes its place. An anomaly is told once, however often
 * the provider repeats it. The ledger's day is clock.h's day_of, in SQL.
 */
static const struct statement settle = {
    "settle",
    "WITH hit AS (SELECT p.account_id, p.payment_id, p.order_id, p.channel, p.merchant, p.appid,"
    "   p.amount_fen, p.state, p.transaction_id, o.state AS order_state, a.pseudonym,"
    "   coalesce($8 BETWEEN p.created_at - " SKEW " AND $9::timestamptz + " SKEW
    ", false) AS timely"
    "  FROM trade t JOIN payment p USING (account_id, payment_id)"
    "   JOIN orders o ON o.account_id = p.account_id AND o.order_id = p.order_id"
    "   JOIN account a ON a.account_id = p.account_id"
    "  WHERE t.out_trade_no = $1 FOR UPDATE OF p, o),"
    " known AS (SELECT 1 FROM ledger_entry WHERE channel = $2 AND kind = 'payment'"
    "  AND transaction_id = $3),"
    " verdict AS (SELECT hit.*, CASE WHEN timely OR hit.payment_id IS NULL THEN coalesce($8, $9)"
    "    ELSE $9 END AS paid_at, CASE"
    "   WHEN hit.state = 'succeeded' AND hit.transaction_id = $3 AND hit.channel = $2"
    "    THEN 'duplicate'"
    "   WHEN hit.payment_id IS NULL AND EXISTS (SELECT 1 FROM known) THEN 'duplicate'"
    "   WHEN hit.payment_id IS NULL THEN 'unknown-trade'"
    "   WHEN hit.channel <> $2 THEN 'channel'"
    "   WHEN hit.merchant <> $6 THEN 'merchant'"
    "   WHEN hit.appid <> $7 THEN 'application'"
    "   WHEN $5 <> 'CNY' THEN 'currency'"
    "   WHEN hit.amount_fen <> $4 THEN 'amount'"
    "   WHEN EXISTS (SELECT 1 FROM known) THEN 'duplicate'"
    "   WHEN hit.state = 'closed' OR hit.order_state = 'closed' THEN 'late'"
    "   WHEN hit.state = 'succeeded' OR hit.order_state <> 'unpaid' THEN 'second'"
    "   ELSE 'success' END AS word"
    "  FROM (SELECT 1) one LEFT JOIN hit ON true),"
    " paid AS (UPDATE payment p SET state = 'succeeded', transaction_id = $3,"
    "   succeeded_at = v.paid_at FROM verdict v WHERE p.account_id = v.account_id"
    "   AND p.payment_id = v.payment_id AND p.state = 'pending'"
    "   AND v.word IN ('success', 'late', 'second')),"
    " ordered AS (UPDATE orders o SET state = 'paid', paid_at = v.paid_at,"
    "   expires_at = v.paid_at + $12, photos_expire_at = v.paid_at + $11 FROM verdict v"
    "  WHERE o.account_id = v.account_id AND o.order_id = v.order_id AND o.state = 'unpaid'"
    "   AND v.word = 'success'),"
    " who AS (INSERT INTO payer (account_id, order_id, out_trade_no, expires_at, key_day,"
    "   key_wrapped, payer_sealed) SELECT account_id, order_id, $1, paid_at + $12, $13, $14, $15"
    "  FROM verdict WHERE word IN ('success', 'late', 'second') ON CONFLICT DO NOTHING),"
    " entered AS (INSERT INTO ledger_entry (entry_id, kind, channel, merchant, transaction_id,"
    "   out_trade_no, amount_fen, occurred_at, recorded_at, day)"
    "  SELECT $17, 'payment', $2, $6, $3, $1, $4, paid_at, $9,"
    "   floor((extract(epoch FROM paid_at) + 28800) / 86400) FROM verdict"
    "  WHERE $10 AND $5 = 'CNY' AND word IN ('success', 'late', 'second', 'amount', "
    "'unknown-trade')"
    "  ON CONFLICT DO NOTHING),"
    " odd AS (INSERT INTO anomaly (anomaly_id, channel, kind, out_trade_no, transaction_id,"
    "   amount_fen, recorded_at) SELECT $16, $2,"
    "   CASE WHEN word = 'success' THEN 'success-time' ELSE word END, $1, $3, $4, $9 FROM verdict"
    "  WHERE word NOT IN ('success', 'duplicate') OR (word = 'success' AND NOT timely)"
    "  ON CONFLICT DO NOTHING RETURNING 1),"
    " told AS (INSERT INTO audit_log (at, actor, pseudonym, action, object_id)"
    "  SELECT $9, 'provider', pseudonym, 'payment.' || word, payment_id FROM verdict"
    "  WHERE word = 'success' OR EXISTS (SELECT 1 FROM odd))"
    " SELECT word, coalesce(timely, true) FROM verdict"};

static const struct statement payer_select = {
    "payer_select",
    "SELECT p.channel, p.appid, y.out_trade_no, y.key_wrapped, y.payer_sealed, p.payment_id,"
    "  p.key_wrapped, p.ip_sealed, o.key_wrapped, o.ip_sealed"
    " FROM payer y JOIN trade t USING (out_trade_no)"
    "  JOIN payment p ON p.account_id = t.account_id AND p.payment_id = t.payment_id"
    "  JOIN orders o ON o.account_id = y.account_id AND o.order_id = y.order_id"
    " WHERE y.account_id = $1 AND y.order_id = $2 AND y.expires_at > $3 ORDER BY p.payment_id"};

static const struct statement ledger_select = {
    "ledger_select",
    "SELECT entry_id, kind, channel, transaction_id, out_trade_no, amount_fen, occurred_at,"
    "  recorded_at FROM ledger_entry WHERE day = $1 ORDER BY recorded_at, entry_id"};

STATEMENTS(settle_statements, &settle, &payer_select);
STATEMENTS(ledger_statements, &ledger_select);

const char *settle_outcome_name(enum settle_outcome o)
{
    switch (o) {
    case SETTLE_SUCCESS: return "success";
    case SETTLE_DUPLICATE: return "duplicate";
    case SETTLE_LATE: return "late";
    case SETTLE_SECOND: return "second";
    case SETTLE_MISMATCH: return "mismatch";
    case SETTLE_UNKNOWN: return "unknown";
    }
    return "unknown";
}

static enum settle_outcome outcome_of(const char *word)
{
    static const struct {
        const char *word;
        enum settle_outcome outcome;
    } map[] = {{"success", SETTLE_SUCCESS},
               {"duplicate", SETTLE_DUPLICATE},
               {"late", SETTLE_LATE},
               {"second", SETTLE_SECOND},
               {"unknown-trade", SETTLE_UNKNOWN}};
    for (size_t i = 0; i < sizeof map / sizeof *map; i++)
        if (strcmp(word, map[i].word) == 0)
            return map[i].outcome;
    return SETTLE_MISMATCH;
}

static void set_if(json_t *object, const char *name, const char *value)
{
    if (value)
        json_object_set_new(object, name, json_string(value));
}

/* {openid | buyer_id | buyer_open_id, ip_callback} as text in the arena. */
static const char *identity_text(struct arena *a, const struct settle *in)
{
    json_t *o = json_object();
    set_if(o, "openid", in->trade->openid);
    set_if(o, "buyer_id", in->trade->buyer_id);
    set_if(o, "buyer_open_id", in->trade->buyer_open_id);
    set_if(o, "ip_callback", in->source_ip);
    char *text = json_dumps(o, JSON_COMPACT);
    CHECK_PEER(text);
    const char *copy = arena_strdup(a, text);
    sodium_memzero(text, strlen(text));
    free(text);
    json_decref(o);
    return copy;
}

/* A count of microseconds as an interval. */
static void add_interval(struct params *p, struct arena *a, int64_t us)
{
    unsigned char *wire = arena_alloc(a, 16); /* int8 microseconds, int4 days, int4 months */
    for (int i = 0; i < 8; i++)
        wire[i] = (unsigned char)((uint64_t)us >> (56 - 8 * i));
    add_bytes(p, wire, 16);
}

/* Whether a success time can be a date at all; the statement compares it with the attempt. */
static int64_t plausible_us(const struct settle *in)
{
    return in->trade->success_us > 0 && in->trade->success_us < in->now_us + 5 * MINUTE_US
               ? in->trade->success_us
               : 0;
}

static void add_trade(struct params *p, const struct settle *in)
{
    const struct trade *t = in->trade;
    add_text(p, t->out_trade_no);
    add_text(p, channel_name(t->channel));
    add_text(p, t->transaction_id);
    add_bigint(p, t->amount_fen);
    add_text(p, t->currency ? t->currency : "");
    add_text(p, t->merchant ? t->merchant : "");
    add_text(p, t->appid ? t->appid : "");
    add_time_or_null(p, plausible_us(in));
    add_time(p, in->now_us);
    add_bool(p, in->merchant_is_ours);
}

/* A success must name the trade, its number there, and an amount that can be stored. */
static bool is_whole(const struct trade *t)
{
    size_t number = t->out_trade_no ? strlen(t->out_trade_no) : 0;
    size_t transaction = t->transaction_id ? strlen(t->transaction_id) : 0;
    return number >= 1 && number <= 64 && transaction >= 1 && transaction <= 64 &&
           t->amount_fen >= 0 && t->amount_fen <= INT64_C(10000000000);
}

enum status payment_settle(struct store *st, struct arena *a, const struct settle *in,
                           struct settled *out)
{
    struct record r;
    struct params p = {0};
    struct rows rows;
    struct uuid anomaly_id = uuid_new();
    struct uuid entry_id = uuid_new();
    if (!is_whole(in->trade))
        return INVALID;
    enum status s = record_new(st->vault, "payer", 0, uuid_of_text(in->trade->out_trade_no),
                               day_of(in->now_us + in->order_life_us), &r);
    if (s != OK)
        return s;
    add_trade(&p, in);
    add_interval(&p, a, in->photo_life_us);
    add_interval(&p, a, in->order_life_us);
    add_day(&p, r.key_day);
    add_bytes(&p, r.wrapped, sizeof r.wrapped);
    add_sealed_text(&p, a, &r, "payer_sealed", identity_text(a, in));
    add_uuid(&p, &anomaly_id);
    add_uuid(&p, &entry_id);
    s = db_run(st->db, a, &settle, &p, &rows);
    record_wipe(&r);
    if (s != OK)
        return s;
    const char *word = row_text(&rows, 0, 0);
    out->outcome = outcome_of(word);
    out->kind = strcmp(word, "success") == 0 || strcmp(word, "duplicate") == 0 ? NULL : word;
    if (strcmp(word, "success") == 0 && !row_bool(&rows, 0, 1))
        out->kind = "success-time";
    return OK;
}

static enum status read_payer(struct store *st, struct arena *a, int64_t account_id,
                              const struct uuid *order_id, const struct rows *rows, int i,
                              struct payer *out)
{
    struct record payer, payment, order;
    *out = (struct payer){.channel = row_text(rows, i, 0), .appid = row_text(rows, i, 1)};
    enum status s =
        record_open(st->vault, "payer", 0, uuid_of_text(row_text(rows, i, 2)), rows, i, 3, &payer);
    if (s != OK)
        return s;
    s = row_sealed_text(rows, i, 4, a, &payer, "payer_sealed", &out->identity);
    record_wipe(&payer);
    if (s == OK)
        s = record_open(st->vault, "payment", account_id, row_uuid(rows, i, 5), rows, i, 6,
                        &payment);
    if (s != OK)
        return s;
    s = row_sealed_text(rows, i, 7, a, &payment, "ip_sealed", &out->ip_payment);
    record_wipe(&payment);
    if (s == OK)
        s = record_open(st->vault, "orders", account_id, *order_id, rows, i, 8, &order);
    if (s != OK)
        return s;
    s = row_sealed_text(rows, i, 9, a, &order, "ip_sealed", &out->ip_order);
    record_wipe(&order);
    return s;
}

enum status payer_list(struct store *st, struct arena *a, int64_t account_id,
                       const struct uuid *order_id, int64_t now_us, struct payer **out,
                       size_t *count)
{
    struct params p = {0};
    struct rows rows;
    add_bigint(&p, account_id);
    add_uuid(&p, order_id);
    add_time(&p, now_us);
    enum status s = db_run(st->db, a, &payer_select, &p, &rows);
    if (s != OK)
        return s;
    struct payer *list = arena_alloc(a, (size_t)rows.count * sizeof *list);
    for (int i = 0; s == OK && i < rows.count; i++)
        s = read_payer(st, a, account_id, order_id, &rows, i, &list[i]);
    if (s == OK) {
        *out = list;
        *count = (size_t)rows.count;
    }
    return s;
}

enum status ledger_day(struct store *st, struct arena *a, int32_t day, struct ledger_entry **out,
                       size_t *count)
{
    struct params p = {0};
    struct rows rows;
    add_day(&p, day);
    enum status s = db_run(st->db, a, &ledger_select, &p, &rows);
    if (s != OK)
        return s;
    struct ledger_entry *list = arena_alloc(a, (size_t)rows.count * sizeof *list);
    for (int i = 0; i < rows.count; i++)
        list[i] = (struct ledger_entry){row_uuid(&rows, i, 0),    row_text(&rows, i, 1),
                                        row_text(&rows, i, 2),    row_text(&rows, i, 3),
                                        row_text(&rows, i, 4),    row_bigint(&rows, i, 5),
                                        row_time_us(&rows, i, 6), row_time_us(&rows, i, 7)};
    *out = list;
    *count = (size_t)rows.count;
    return OK;
}
