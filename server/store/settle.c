/* SPDX-License-Identifier: MIT */
/* What verified successes do: one statement for all that came together, for each once only. */
#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "store/payment.h"

/* How far a provider's success time may lie before the attempt or after now. */
#define SKEW "interval '5 minutes'"

enum { CONFLICTS_MAX = 3 };

/*
 * Arrays, an element for each success: $1 out_trade_no  $2 channel  $3 transaction_id  $4
 * amount_fen $5 currency  $6 merchant  $7 appid  $8 success time or NULL  $9 now  $10 merchant is
 * ours $11 payer's key_day  $12 its key_wrapped  $13 payer_sealed  $14 id in the ledger and among
 * the anomalies
 * For all: $15 photo life  $16 order life  $17 look the ledger up for known trades too
 *
 * hit locks payments and orders, in an order that is the same for everyone who settles, and sees
 * their newest versions; all are locked before anything is written. It judges each row as if it
 * came alone: one whose order stands in an earlier row cannot be judged before that one has taken
 * effect, and verdict leaves it for 'again'. An attempt that was closed stays so, and knows who
 * paid it all the same. Rows pass through it again and again, so they are kept narrow: what is only
 * written is taken from the arrays where it is written, by no. Every write is bound to
 * the verdict and to the state it expects. A transaction that the ledger knows already, or that
 * another statement enters meanwhile, undoes the whole of this one by the ledger's unique key; only
 * then are known trades looked up there, and all is judged anew. That stays a lookup with a LIMIT:
 * as EXISTS it may be planned as a table of the whole ledger, when that was empty then. A success
 * time that cannot be is an anomaly and is never used as a date: our own now takes its
 * place. An anomaly is told once, however often the provider repeats it. The ledger's day is
 * clock.h's day_of, in SQL.
 */
#define KNOWN                                                                                      \
    "   AND l.channel = ($2::text[])[no] AND l.kind = 'payment'"                                   \
    "   AND l.transaction_id = ($3::text[])[no] LIMIT 1) k ON true"
#define TAKEN "word IN ('success', 'late', 'second')"

static const struct statement settle = {
    "settle",
    "WITH input AS (SELECT out_trade_no, n::integer AS no"
    "   FROM unnest($1::text[]) WITH ORDINALITY AS i (out_trade_no, n)),"
    " hit AS (SELECT no, p.account_id, p.payment_id, p.order_id, a.pseudonym, k.known,"
    "   coalesce(($8::timestamptz[])[no] BETWEEN p.created_at - " SKEW
    " AND ($9::timestamptz[])[no] + " SKEW ", false) AS timely,"
    "   CASE WHEN p.state = 'succeeded' AND p.transaction_id = ($3::text[])[no]"
    "     AND p.channel = ($2::text[])[no] THEN 'duplicate'"
    "    WHEN p.channel <> ($2::text[])[no] THEN 'channel'"
    "    WHEN p.merchant <> ($6::text[])[no] THEN 'merchant'"
    "    WHEN p.appid <> ($7::text[])[no] THEN 'application'"
    "    WHEN ($5::text[])[no] <> 'CNY' THEN 'currency'"
    "    WHEN p.amount_fen <> ($4::bigint[])[no] THEN 'amount'"
    "    WHEN k.known THEN 'duplicate'"
    "    WHEN p.state = 'closed' OR o.state = 'closed' THEN 'late'"
    "    WHEN p.state = 'succeeded' OR o.state <> 'unpaid' THEN 'second'"
    "    ELSE 'success' END AS word"
    "  FROM input i JOIN trade t USING (out_trade_no)"
    "   JOIN payment p ON p.account_id = t.account_id AND p.order_id = t.order_id"
    "    AND p.payment_id = t.payment_id"
    "   JOIN orders o ON o.account_id = p.account_id AND o.order_id = p.order_id"
    "   JOIN account a ON a.account_id = p.account_id"
    "   LEFT JOIN LATERAL (SELECT true AS known FROM ledger_entry l WHERE $17" KNOWN
    "  ORDER BY p.account_id, p.order_id, p.payment_id FOR UPDATE OF p, o),"
    " verdict AS (SELECT no, account_id, payment_id, order_id, pseudonym, known, timely,"
    "   CASE WHEN timely THEN ($8::timestamptz[])[no] ELSE ($9::timestamptz[])[no] END AS paid_at,"
    "   CASE WHEN row_number() OVER (PARTITION BY account_id, order_id ORDER BY no) > 1"
    "    THEN 'again' ELSE word END AS word FROM hit"
    "  UNION ALL SELECT no, NULL, NULL, NULL, NULL, k.known, true,"
    "   coalesce(($8::timestamptz[])[no], ($9::timestamptz[])[no]),"
    "   CASE WHEN k.known THEN 'duplicate' ELSE 'unknown-trade' END"
    "  FROM input i"
    "   LEFT JOIN LATERAL (SELECT true AS known FROM ledger_entry l WHERE true" KNOWN
    "  WHERE no NOT IN (SELECT no FROM hit)),"
    " paid AS (UPDATE payment p SET"
    "   state = CASE p.state WHEN 'pending' THEN 'succeeded' ELSE p.state END,"
    "   transaction_id = CASE p.state WHEN 'pending' THEN ($3::text[])[no] END,"
    "   succeeded_at = CASE p.state WHEN 'pending' THEN v.paid_at END,"
    "   payer_expires_at = v.paid_at + $16, payer_key_day = ($11::integer[])[no],"
    "   payer_key_wrapped = ($12::bytea[])[no], payer_sealed = ($13::bytea[])[no]"
    "  FROM verdict v WHERE p.account_id = v.account_id AND p.order_id = v.order_id"
    "   AND p.payment_id = v.payment_id AND p.state <> 'succeeded'"
    "   AND p.payer_sealed IS NULL AND " TAKEN "),"
    " ordered AS (UPDATE orders o SET state = 'paid', paid_at = v.paid_at,"
    "   expires_at = v.paid_at + $16, photos_expire_at = v.paid_at + $15 FROM verdict v"
    "  WHERE o.account_id = v.account_id AND o.order_id = v.order_id AND o.state = 'unpaid'"
    "   AND word = 'success'),"
    " entered AS (INSERT INTO ledger_entry (entry_id, kind, channel, merchant, transaction_id,"
    "   out_trade_no, amount_fen, occurred_at, recorded_at, day, appid)"
    "  SELECT ($14::uuid[])[no], 'payment', ($2::text[])[no], ($6::text[])[no],"
    "   ($3::text[])[no], ($1::text[])[no], ($4::bigint[])[no], paid_at, ($9::timestamptz[])[no],"
    "   floor((extract(epoch FROM paid_at) + 28800) / 86400),"
    "   CASE WHEN length(($7::text[])[no]) BETWEEN 1 AND 64 THEN ($7::text[])[no] END"
    "  FROM verdict WHERE known IS NULL AND ($10::boolean[])[no] AND ($5::text[])[no] = 'CNY'"
    "   AND (" TAKEN " OR word IN ('amount', 'unknown-trade'))),"
    " odd AS (INSERT INTO anomaly (anomaly_id, channel, kind, out_trade_no, transaction_id,"
    "   amount_fen, recorded_at) SELECT ($14::uuid[])[no], ($2::text[])[no],"
    "   CASE WHEN word = 'success' THEN 'success-time' ELSE word END, ($1::text[])[no],"
    "   ($3::text[])[no], ($4::bigint[])[no], ($9::timestamptz[])[no] FROM verdict"
    "  WHERE word NOT IN ('success', 'duplicate', 'again') OR (word = 'success' AND NOT timely)"
    "  ORDER BY 2, 5 ON CONFLICT DO NOTHING RETURNING anomaly_id),"
    " told AS (INSERT INTO audit_log (at, actor, pseudonym, action, object_id)"
    "  SELECT ($9::timestamptz[])[no], 'provider', pseudonym, 'payment.' || word, payment_id"
    "  FROM verdict"
    "  WHERE word = 'success' OR ($14::uuid[])[no] IN (SELECT anomaly_id FROM odd))"
    " SELECT no, word, timely FROM verdict"};

static const struct statement payer_select = {
    "payer_select",
    "SELECT p.channel, p.appid, p.out_trade_no, p.payer_key_wrapped, p.payer_sealed, p.payment_id,"
    "  p.key_wrapped, p.ip_sealed, o.key_wrapped, o.ip_sealed"
    " FROM payment p JOIN orders o USING (account_id, order_id) WHERE p.account_id = $1"
    "  AND p.order_id = $2 AND p.payer_expires_at > $3 ORDER BY p.payment_id"};

static const struct statement ledger_select = {
    "ledger_select",
    "SELECT entry_id, kind, channel, transaction_id, out_trade_no, amount_fen, occurred_at,"
    "  recorded_at, out_refund_no FROM ledger_entry WHERE day = $1 ORDER BY recorded_at, entry_id"};

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

/* A success must name the trade, its number there, and an amount that can be stored. */
static bool is_whole(const struct trade *t)
{
    size_t number = t->out_trade_no ? strlen(t->out_trade_no) : 0;
    size_t transaction = t->transaction_id ? strlen(t->transaction_id) : 0;
    return number >= 1 && number <= 64 && transaction >= 1 && transaction <= 64 &&
           t->amount_fen >= 0 && t->amount_fen <= INT64_C(10000000000);
}

enum status settlement_prepare(struct vault *v, struct arena *a, const struct settle *in,
                               struct settlement *out)
{
    struct record r;
    if (!is_whole(in->trade))
        return INVALID;
    enum status s = record_new(v, "payer", 0, uuid_of_text(in->trade->out_trade_no),
                               day_of(in->now_us + in->order_life_us), &r);
    if (s != OK)
        return s;
    *out = (struct settlement){.in = *in, .key_day = r.key_day, .id = uuid_new()};
    memcpy(out->key_wrapped, r.wrapped, sizeof r.wrapped);
    out->payer_sealed = sealed_text(a, &r, "payer_sealed", identity_text(a, in));
    record_wipe(&r);
    return OK;
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

/* What the channels say, as arrays: $1 to $10. */
static void add_trades(struct params *p, struct arena *a, struct settlement *const *batch, size_t n)
{
    const char *texts[6][SETTLEMENTS_MAX];
    int64_t amounts_fen[SETTLEMENTS_MAX], succeeded_us[SETTLEMENTS_MAX], now_us[SETTLEMENTS_MAX];
    bool ours[SETTLEMENTS_MAX];
    for (size_t i = 0; i < n; i++) {
        const struct settle *in = &batch[i]->in;
        const struct trade *t = in->trade;
        texts[0][i] = t->out_trade_no;
        texts[1][i] = channel_name(t->channel);
        texts[2][i] = t->transaction_id;
        texts[3][i] = or_empty(t->currency);
        texts[4][i] = or_empty(t->merchant);
        texts[5][i] = or_empty(t->appid);
        amounts_fen[i] = t->amount_fen;
        succeeded_us[i] = plausible_us(in);
        now_us[i] = in->now_us;
        ours[i] = in->merchant_is_ours;
    }
    for (size_t k = 0; k < 3; k++)
        add_text_array(p, a, texts[k], n);
    add_bigint_array(p, a, amounts_fen, n);
    for (size_t k = 3; k < 6; k++)
        add_text_array(p, a, texts[k], n);
    add_time_or_null_array(p, a, succeeded_us, n);
    add_time_or_null_array(p, a, now_us, n);
    add_bool_array(p, a, ours, n);
}

/* What was made for them here: $11 to $14. */
static void add_prepared(struct params *p, struct arena *a, struct settlement *const *batch,
                         size_t n)
{
    struct span wrapped[SETTLEMENTS_MAX], sealed[SETTLEMENTS_MAX];
    struct uuid ids[SETTLEMENTS_MAX];
    int32_t key_days[SETTLEMENTS_MAX];
    for (size_t i = 0; i < n; i++) {
        key_days[i] = batch[i]->key_day;
        wrapped[i] = (struct span){batch[i]->key_wrapped, sizeof batch[i]->key_wrapped};
        sealed[i] = batch[i]->payer_sealed;
        ids[i] = batch[i]->id;
    }
    add_int_array(p, a, key_days, n);
    add_span_array(p, a, wrapped, n);
    add_span_array(p, a, sealed, n);
    add_uuid_array(p, a, ids, n);
}

/* The statement's word for what does not fit, as a text that outlives its rows: it is told after
 * they are gone. */
static const char *kind_of(const char *word)
{
    static const char *const kinds[] = {"unknown-trade", "channel", "merchant", "application",
                                        "currency",      "amount",  "late",     "second"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(word, kinds[i]) == 0)
            return kinds[i];
    return NULL;
}

static void read_verdict(const struct rows *rows, int i, struct settlement *out)
{
    const char *word = row_text(rows, i, 1);
    out->again = strcmp(word, "again") == 0;
    if (out->again)
        return;
    out->out.outcome = outcome_of(word);
    out->out.kind = kind_of(word);
    if (strcmp(word, "success") == 0 && !row_bool(rows, i, 2))
        out->out.kind = "success-time";
}

static enum status run(struct db *d, struct arena *a, struct settlement *const *batch, size_t n,
                       bool look, struct rows *rows)
{
    struct params p = {0};
    add_trades(&p, a, batch, n);
    add_prepared(&p, a, batch, n);
    add_interval(&p, a, n ? batch[0]->in.photo_life_us : 0);
    add_interval(&p, a, n ? batch[0]->in.order_life_us : 0);
    add_bool(&p, look);
    return db_run(d, a, &settle, &p, rows);
}

static bool is_same_transaction(const struct settlement *x, const struct settlement *y)
{
    return x->in.trade->channel == y->in.trade->channel &&
           strcmp(x->in.trade->transaction_id, y->in.trade->transaction_id) == 0;
}

/* The first of each transaction; the others cannot be judged before it has taken effect. */
static size_t pick(struct settlement *const *batch, size_t n, struct settlement **picked)
{
    size_t n_picked = 0;
    for (size_t i = 0; i < n; i++) {
        batch[i]->again = false;
        for (size_t k = 0; k < n_picked && !batch[i]->again; k++)
            batch[i]->again = is_same_transaction(batch[i], picked[k]);
        if (!batch[i]->again)
            picked[n_picked++] = batch[i];
    }
    return n_picked;
}

enum status settlements_commit(struct db *d, struct arena *a, struct settlement *const *batch,
                               size_t n)
{
    struct settlement *picked[SETTLEMENTS_MAX];
    struct rows rows;
    CHECK(n > 0 && n <= SETTLEMENTS_MAX);
    size_t n_picked = pick(batch, n, picked);
    enum status s = run(d, a, picked, n_picked, false, &rows);
    for (int i = 0; s == CONFLICT && i < CONFLICTS_MAX; i++)
        s = run(d, a, picked, n_picked, true, &rows);
    if (s != OK)
        return s == CONFLICT ? RETRY : s;
    CHECK_PEER(rows.count == (int)n_picked);
    for (int i = 0; i < rows.count; i++) {
        int32_t no = row_int(&rows, i, 0);
        CHECK_PEER(no >= 1 && no <= (int32_t)n_picked);
        read_verdict(&rows, i, picked[no - 1]);
    }
    return OK;
}

enum status settlements_plan(struct db *d, struct arena *a)
{
    struct rows none;
    return run(d, a, NULL, 0, false, &none);
}

enum status payment_settle(struct store *st, struct arena *a, const struct settle *in,
                           struct settled *out)
{
    struct settlement one, *const batch[] = {&one};
    enum status s = settlement_prepare(st->vault, a, in, &one);
    if (s == OK)
        s = settlements_commit(st->db, a, batch, 1);
    if (s == OK)
        *out = one.out;
    return s;
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
        list[i] = (struct ledger_entry){
            row_uuid(&rows, i, 0),    row_text(&rows, i, 1),    row_text(&rows, i, 2),
            row_text(&rows, i, 3),    row_text(&rows, i, 4),    row_bigint(&rows, i, 5),
            row_time_us(&rows, i, 6), row_time_us(&rows, i, 7), row_text(&rows, i, 8)};
    *out = list;
    *count = (size_t)rows.count;
    return OK;
}
