/* SPDX-License-Identifier: MIT */
#include "store/auditor.h"

#include "base/clock.h"
#include "store/operator.h"

/* A check returns a line for each thing that is wrong; $1, where it stands, is now. */
#define MOST " LIMIT 1000"

/* ---- the chain ---- */

static const struct statement chain_link = {
    "audit_chain_link",
    "SELECT format('batch %s does not follow the one before', batch_no) FROM ("
    "  SELECT batch_no, previous_hash, lag(batch_no, 1, 0::bigint) OVER w AS before_no,"
    "   lag(hash, 1, decode(repeat('00', 32), 'hex')) OVER w AS before_hash FROM ledger_seal"
    "   WINDOW w AS (ORDER BY batch_no)) s"
    " WHERE batch_no <> before_no + 1 OR previous_hash <> before_hash ORDER BY batch_no" MOST};

/* Entries go after ten years; such a batch still links, but cannot be hashed again. */
static const struct statement chain_batch = {
    "audit_chain_batch",
    "SELECT format('batch %s holds %s of %s entries%s', s.batch_no, count(e.entry_id), s.entries,"
    "  CASE WHEN count(e.entry_id) = s.entries THEN ', with another hash' ELSE '' END)"
    " FROM ledger_seal s LEFT JOIN ledger_seal_entry e USING (batch_no)"
    " WHERE s.last_recorded_at > $1::timestamptz - interval '10 years' GROUP BY s.batch_no"
    " HAVING count(e.entry_id) <> s.entries OR s.hash <> ledger_batch_hash(s.previous_hash,"
    "  s.batch_no, string_agg(e.leaf, '' ORDER BY e.entry_id)) ORDER BY s.batch_no" MOST};

static const struct statement chain_entry = {
    "audit_chain_entry",
    "SELECT format('entry %s of %s is not what batch %s sealed', l.entry_id, day_text(l.day),"
    "  s.batch_no) FROM ledger_seal_entry s JOIN ledger_entry l USING (entry_id)"
    " WHERE s.leaf <> ledger_leaf(l) ORDER BY l.entry_id" MOST};

static const struct statement chain_unsealed = {
    "audit_chain_unsealed",
    "SELECT format('entry %s of %s is in no batch', l.entry_id, day_text(l.day))"
    " FROM ledger_entry l WHERE l.recorded_at < $1::timestamptz - interval '1 day'"
    "  AND NOT EXISTS (SELECT 1 FROM ledger_seal_entry s WHERE s.entry_id = l.entry_id)"
    " ORDER BY l.entry_id" MOST};

static const struct statement entry_day = {
    "audit_entry_day",
    "SELECT format('entry %s stands on %s instead of %s', entry_id, day_text(day),"
    "  day_text(day_of(occurred_at))) FROM ledger_entry WHERE day <> day_of(occurred_at)"
    " ORDER BY entry_id" MOST};

/* ---- balances by day and channel ---- */

#define DIFFERING                                                                                  \
    " FROM here FULL JOIN ledger USING (day, channel)"                                             \
    " WHERE (here.n, here.fen) IS DISTINCT FROM (ledger.n, ledger.fen) ORDER BY day, channel" MOST
#define BOTH_SIDES                                                                                 \
    "day_text(day), channel, coalesce(here.fen, 0), coalesce(here.n, 0), coalesce(ledger.fen, 0)," \
    " coalesce(ledger.n, 0))"

/* Of payments that are still kept. */
static const struct statement balance_payments = {
    "audit_balance_payments",
    "WITH here AS (SELECT day_of(succeeded_at) AS day, channel, count(*) AS n,"
    "   sum(amount_fen) AS fen FROM payment WHERE state = 'succeeded'"
    " GROUP BY 1, 2),"
    " ledger AS (SELECT l.day::integer AS day, l.channel, count(*) AS n, sum(l.amount_fen) AS fen"
    "  FROM ledger_entry l JOIN trade USING (out_trade_no) JOIN payment p USING (account_id,"
    "   order_id, payment_id) WHERE l.kind = 'payment' AND p.state = 'succeeded'"
    "   AND p.transaction_id = l.transaction_id GROUP BY 1, 2)"
    " SELECT format('%s %s: payments make %s fen in %s, the ledger says %s fen in "
    "%s', " BOTH_SIDES DIFFERING};

/* Of all refunds: they stay as long as the ledger. */
static const struct statement balance_refunds = {
    "audit_balance_refunds",
    "WITH here AS (SELECT day_of(done_at) AS day, channel, count(*) AS n,"
    "   sum(refund_fen) AS fen FROM refund WHERE state = 'done'"
    " GROUP BY 1, 2),"
    " ledger AS (SELECT day::integer AS day, channel, count(*) AS n, sum(amount_fen) AS fen"
    "  FROM ledger_entry WHERE kind = 'refund' GROUP BY 1, 2)"
    " SELECT format('%s %s: refunds make %s fen in %s, the ledger says %s fen in "
    "%s', " BOTH_SIDES DIFFERING};

/* ---- one by one ---- */

static const struct statement payment_entered = {
    "audit_payment_entered",
    "SELECT format('payment of trade %s, %s fen, is not in the ledger as such', p.out_trade_no,"
    "  p.amount_fen) FROM payment p WHERE p.state = 'succeeded'"
    "  AND NOT EXISTS (SELECT 1 FROM ledger_entry l WHERE l.kind = 'payment'"
    "   AND l.channel = p.channel AND l.transaction_id = p.transaction_id"
    "   AND l.out_trade_no = p.out_trade_no AND l.merchant = p.merchant"
    "   AND l.amount_fen = p.amount_fen) ORDER BY p.out_trade_no" MOST};

static const struct statement entry_paid = {
    "audit_entry_paid",
    "SELECT format('trade %s is in the ledger, and its payment is %s', p.out_trade_no, p.state)"
    " FROM ledger_entry l JOIN trade USING (out_trade_no) JOIN payment p USING (account_id,"
    "  order_id, payment_id) WHERE l.kind = 'payment' AND (p.state <> 'succeeded'"
    "   OR p.transaction_id <> l.transaction_id)"
    "  AND NOT EXISTS (SELECT 1 FROM anomaly y WHERE y.channel = l.channel"
    "   AND y.transaction_id = l.transaction_id) ORDER BY p.out_trade_no" MOST};

static const struct statement order_paid = {
    "audit_order_paid",
    "SELECT format('order %s is %s without a payment', o.order_id, o.state) FROM orders o"
    " WHERE o.paid_at IS NOT NULL AND NOT EXISTS ("
    "  SELECT 1 FROM payment p WHERE p.account_id = o.account_id AND p.order_id = o.order_id"
    "   AND p.state = 'succeeded' AND p.succeeded_at = o.paid_at) ORDER BY o.order_id" MOST};

static const struct statement order_delivered = {
    "audit_order_delivered",
    "SELECT format('order %s is %s, and trade %s paid it', o.order_id, o.state, p.out_trade_no)"
    " FROM orders o JOIN payment p USING (account_id, order_id) WHERE p.state = 'succeeded'"
    "  AND o.paid_at IS NULL AND NOT EXISTS ("
    "   SELECT 1 FROM anomaly y WHERE y.channel = p.channel AND y.out_trade_no = p.out_trade_no)"
    " ORDER BY o.order_id, p.out_trade_no" MOST};

static const struct statement order_priced = {
    "audit_order_priced",
    "SELECT format('order %s costs %s fen, its items %s', order_id, o.amount_fen,"
    "  sum(i.price_fen * i.quantity)) FROM orders o JOIN order_item i USING (account_id, order_id)"
    " GROUP BY o.account_id, o.order_id"
    " HAVING sum(i.price_fen * i.quantity) <> o.amount_fen ORDER BY o.order_id" MOST};

static const struct statement refund_entered = {
    "audit_refund_entered",
    "SELECT format('refund %s, %s fen, is not in the ledger as such', r.out_refund_no,"
    "  r.refund_fen) FROM refund r WHERE r.state = 'done'"
    "  AND NOT EXISTS (SELECT 1 FROM ledger_entry l WHERE l.kind = 'refund'"
    "   AND l.channel = r.channel AND l.merchant = r.merchant"
    "   AND l.out_refund_no = r.out_refund_no AND l.transaction_id = r.transaction_id"
    "   AND l.amount_fen = r.refund_fen) ORDER BY r.out_refund_no" MOST};

static const struct statement entry_refunded = {
    "audit_entry_refunded",
    "SELECT format('refund %s is in the ledger, and here it is %s', l.out_refund_no,"
    "  coalesce(r.state, 'unknown')) FROM ledger_entry l LEFT JOIN refund r USING (channel,"
    "  merchant, out_refund_no) WHERE l.kind = 'refund' AND r.state IS DISTINCT FROM 'done'"
    " ORDER BY l.out_refund_no" MOST};

static const struct statement refund_within = {
    "audit_refund_within",
    "SELECT format('trade %s of %s fen is given back %s fen', l.out_trade_no, l.amount_fen,"
    "  sum(r.refund_fen)) FROM refund r JOIN ledger_entry l USING (entry_id)"
    " WHERE (r.state <> 'failed' OR r.last_code = 'ABNORMAL')"
    " GROUP BY l.entry_id HAVING sum(r.refund_fen) > l.amount_fen ORDER BY l.out_trade_no" MOST};

/* What the rules give back by themselves should be under way within the day. */
static const struct statement anomaly_open = {
    "audit_anomaly_open",
    "SELECT format('%s payment of trade %s is neither given back nor under way', y.kind,"
    "  y.out_trade_no) FROM anomaly y WHERE y.kind IN ('late', 'second') AND y.resolved_at IS NULL"
    "  AND y.recorded_at < $1::timestamptz - interval '1 day' AND NOT EXISTS ("
    "   SELECT 1 FROM refund r WHERE r.channel = y.channel"
    "    AND r.transaction_id = y.transaction_id) ORDER BY y.out_trade_no" MOST};

static const struct check {
    const char *name;
    const struct statement *statement;
    bool timed; /* takes now */
} checks[] = {
    {"chain-link", &chain_link, false},
    {"chain-batch", &chain_batch, true},
    {"chain-entry", &chain_entry, false},
    {"chain-unsealed", &chain_unsealed, true},
    {"entry-day", &entry_day, false},
    {"balance-payments", &balance_payments, false},
    {"balance-refunds", &balance_refunds, false},
    {"payment-entered", &payment_entered, false},
    {"entry-paid", &entry_paid, false},
    {"order-paid", &order_paid, false},
    {"order-delivered", &order_delivered, false},
    {"order-priced", &order_priced, false},
    {"refund-entered", &refund_entered, false},
    {"entry-refunded", &entry_refunded, false},
    {"refund-within", &refund_within, false},
    {"anomaly-open", &anomaly_open, true},
};
enum { CHECKS = sizeof checks / sizeof *checks };

STATEMENTS(auditor_statements, &chain_link, &chain_batch, &chain_entry, &chain_unsealed, &entry_day,
           &balance_payments, &balance_refunds, &payment_entered, &entry_paid, &order_paid,
           &order_delivered, &order_priced, &refund_entered, &entry_refunded, &refund_within,
           &anomaly_open);

struct auditor {
    struct arena *arena;
    int64_t now_us, count;
    void (*each)(void *arg, const struct finding *finding);
    void *arg;
};

static void tell(struct auditor *u, const char *check, const char *what)
{
    const struct finding finding = {check, what};
    u->count++;
    u->each(u->arg, &finding);
}

static enum status run_check(struct store *st, struct auditor *u, const struct check *check)
{
    struct params p = {0};
    struct rows rows;
    if (check->timed)
        add_time(&p, u->now_us);
    enum status s = db_run(st->db, u->arena, check->statement, &p, &rows);
    for (int i = 0; s == OK && i < rows.count; i++)
        tell(u, check->name, row_text(&rows, i, 0));
    return s;
}

/* What is kept past its time, by the figures that operators see too. */
static enum status check_retention(struct store *st, struct auditor *u)
{
    struct retention r;
    enum status s = retention_read(st, u->arena, u->now_us, &r);
    for (size_t i = 0; s == OK && i < r.n_classes; i++)
        if (r.classes[i].overdue)
            tell(u, "overdue",
                 arena_printf(u->arena, "%lld rows of class %s are past their end",
                              (long long)r.classes[i].overdue, r.classes[i].name));
    return s;
}

enum status auditor_run(struct store *st, struct arena *a, int64_t now_us,
                        void (*each)(void *arg, const struct finding *finding), void *arg,
                        int64_t *count)
{
    struct auditor u = {.arena = a, .now_us = now_us, .each = each, .arg = arg};
    enum status s = OK;
    for (size_t i = 0; s == OK && i < CHECKS; i++)
        s = run_check(st, &u, &checks[i]);
    if (s == OK)
        s = check_retention(st, &u);
    if (s == OK)
        *count = u.count;
    return s;
}
