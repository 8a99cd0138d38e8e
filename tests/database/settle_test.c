/* SPDX-License-Identifier: MIT */
/* A provider's success: every verdict, what it writes, what a repeat changes (nothing). */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

TestSuite(settle, .init = world_up, .fini = world_down, .timeout = 60);

/* What a settle may touch. */
struct tally {
    int64_t succeeded, paid, payers, ledger, anomalies, audits;
};

static struct tally tally(void)
{
    return (struct tally){
        rows_of_sql("SELECT count(*) FROM payment WHERE state = 'succeeded'"),
        rows_of_sql("SELECT count(*) FROM orders WHERE state = 'paid'"),
        rows_of_sql("SELECT count(*) FROM payer"),
        rows_of_sql("SELECT count(*) FROM ledger_entry"),
        rows_of_sql("SELECT count(*) FROM anomaly"),
        rows_of_sql("SELECT count(*) FROM audit_log WHERE actor = 'provider'"),
    };
}

static void grew(struct tally before, struct tally by)
{
    struct tally after = tally();
    is(after.succeeded - before.succeeded, by.succeeded);
    is(after.paid - before.paid, by.paid);
    is(after.payers - before.payers, by.payers);
    is(after.ledger - before.ledger, by.ledger);
    is(after.anomalies - before.anomalies, by.anomalies);
    is(after.audits - before.audits, by.audits);
}

static struct payment pending;
static struct uuid order_id;
static int64_t account;

static void begin_one(void)
{
    account = new_account();
    struct uuid photo = new_photo(account);
    order_id = new_order(account, "electronic", &photo);
    pending = new_payment(account, &order_id);
}

/* Settles twice; the second time nothing may change. */
static void settles_to(const struct trade *t, enum settle_outcome outcome, const char *kind,
                       struct tally by)
{
    struct tally before = tally();
    struct settled first = settle_at(t, w.now_us + MINUTE_US);
    is(first.outcome, outcome);
    if (kind)
        same_text(first.kind, kind);
    else
        cr_assert_null(first.kind);
    grew(before, by);
    for (int i = 0; i < 2; i++)
        settle_at(t, w.now_us + 2 * MINUTE_US);
    grew(before, by);
}

Test(settle, a_success_pays_the_order_once)
{
    begin_one();
    struct trade t = trade_of(&pending, "4200000001");
    settles_to(&t, SETTLE_SUCCESS, NULL, (struct tally){1, 1, 1, 1, 0, 1});
    is(settle_at(&t, w.now_us + DAY_US).outcome, SETTLE_DUPLICATE);
    same_text(sql_text("SELECT action FROM audit_log WHERE actor = 'provider'"), "payment.success");
    same_text(
        sql_text("SELECT transaction_id || ' ' || out_trade_no || ' ' || amount_fen || ' ' ||"
                 " merchant || ' ' || channel || ' ' || kind FROM ledger_entry"),
        arena_printf(w.a, "4200000001 %s 1990 1900000001 wechat payment", pending.out_trade_no));
}

Test(settle, lives_count_from_the_providers_success_time)
{
    begin_one();
    struct trade t = trade_of(&pending, "4200000001");
    t.success_us = w.now_us + 3 * MINUTE_US;
    is(settle_at(&t, w.now_us + DAY_US / 2).outcome, SETTLE_SUCCESS);
    struct order o;
    is(order_read(&w.st, w.a, account, &order_id, w.now_us + DAY_US, false, &o), OK);
    is(o.paid_us, t.success_us);
    is(o.expires_us, t.success_us + ORDER_LIFE_US);
    is(rows_of_sql(
           "SELECT count(*) FROM orders WHERE photos_expire_at = paid_at + interval '7 days'"),
       1);
    is(rows_of_sql("SELECT count(*) FROM payer WHERE expires_at = (SELECT expires_at FROM orders)"),
       1);
    is(rows_of_sql("SELECT (extract(epoch FROM occurred_at) * 1000000)::bigint FROM ledger_entry"),
       t.success_us);
}

Test(settle, the_payer_is_sealed_and_opens_for_operators)
{
    begin_one();
    struct trade t = trade_of(&pending, "4200000001");
    struct payer *payers;
    size_t n;
    settle_at(&t, w.now_us);
    is(payer_list(&w.st, w.a, account, &order_id, w.now_us, &payers, &n), OK);
    is(n, 1);
    cr_assert(strstr(payers[0].identity, t.openid));
    cr_assert(strstr(payers[0].identity, "198.51.100.3"));
    same_text(payers[0].ip_order, "192.0.2.7");
    same_text(payers[0].ip_payment, "192.0.2.8");
    is(rows_of_sql("SELECT count(*) FROM payer WHERE position('%s' IN encode(payer_sealed,"
                   " 'escape')) > 0",
                   t.openid),
       0);
    is(payer_list(&w.st, w.a, account, &order_id, w.now_us + ORDER_LIFE_US, &payers, &n), OK);
    is(n, 0);
}

Test(settle, a_success_after_cancelling_is_late_and_never_delivered)
{
    begin_one();
    is(order_cancel(&w.st, w.a, account, &order_id, w.now_us), OK);
    struct trade t = trade_of(&pending, "4200000001");
    settles_to(&t, SETTLE_LATE, "late", (struct tally){1, 0, 1, 1, 1, 1});
    same_text(sql_text("SELECT state FROM orders"), "closed");
}

Test(settle, a_success_after_the_attempt_was_closed_is_late)
{
    begin_one();
    is(payment_close(&w.st, w.a, &pending, w.now_us), OK);
    struct trade t = trade_of(&pending, "4200000001");
    settles_to(&t, SETTLE_LATE, "late", (struct tally){0, 0, 1, 1, 1, 1});
    same_text(sql_text("SELECT state FROM orders"), "unpaid");
}

Test(settle, a_success_of_another_attempt_is_the_second)
{
    begin_one();
    struct payment other = payment_of(account, &order_id, "alipay", "page");
    is(payment_begin(&w.st, w.a, &other, w.now_us), OK);
    struct trade t = trade_of(&pending, "4200000001");
    settle_at(&t, w.now_us);
    const char *paid_at = sql_text("SELECT paid_at FROM orders");
    w.now_us += HOUR_US;
    struct trade again = trade_of(&other, "2026120122001");
    settles_to(&again, SETTLE_SECOND, "second", (struct tally){1, 0, 1, 1, 1, 1});
    same_text(sql_text("SELECT paid_at FROM orders"), paid_at);
}

Test(settle, a_second_transaction_of_the_same_attempt_is_the_second)
{
    begin_one();
    struct trade t = trade_of(&pending, "4200000001");
    settle_at(&t, w.now_us);
    t.transaction_id = "4200000002";
    settles_to(&t, SETTLE_SECOND, "second", (struct tally){0, 0, 0, 1, 1, 1});
}

Test(settle, a_wrong_amount_is_recorded_with_its_money)
{
    begin_one();
    struct trade t = trade_of(&pending, "4200000001");
    t.amount_fen--;
    settles_to(&t, SETTLE_MISMATCH, "amount", (struct tally){0, 0, 0, 1, 1, 1});
    t.transaction_id = "4200000002";
    t.amount_fen += 2;
    settles_to(&t, SETTLE_MISMATCH, "amount", (struct tally){0, 0, 0, 1, 1, 1});
    same_text(sql_text("SELECT state FROM orders"), "unpaid");
}

Test(settle, a_wrong_currency_pays_nothing)
{
    begin_one();
    struct trade t = trade_of(&pending, "4200000001");
    t.currency = "USD";
    settles_to(&t, SETTLE_MISMATCH, "currency", (struct tally){0, 0, 0, 0, 1, 1});
    t.currency = NULL;
    t.transaction_id = "4200000002";
    settles_to(&t, SETTLE_MISMATCH, "currency", (struct tally){0, 0, 0, 0, 1, 1});
}

Test(settle, a_wrong_merchant_pays_nothing)
{
    begin_one();
    struct trade t = trade_of(&pending, "4200000001");
    t.merchant = "1900000002";
    settles_to(&t, SETTLE_MISMATCH, "merchant", (struct tally){0, 0, 0, 0, 1, 1});
    t.merchant = NULL;
    t.transaction_id = "4200000002";
    settles_to(&t, SETTLE_MISMATCH, "merchant", (struct tally){0, 0, 0, 0, 1, 1});
}

Test(settle, a_wrong_application_pays_nothing)
{
    begin_one();
    struct trade t = trade_of(&pending, "4200000001");
    t.appid = "wx0000000000000002";
    settles_to(&t, SETTLE_MISMATCH, "application", (struct tally){0, 0, 0, 0, 1, 1});
}

Test(settle, a_success_through_the_other_channel_pays_nothing)
{
    begin_one();
    struct trade t = trade_of(&pending, "4200000001");
    t.channel = CHANNEL_ALIPAY;
    settles_to(&t, SETTLE_MISMATCH, "channel", (struct tally){0, 0, 0, 0, 1, 1});
}

Test(settle, an_unknown_trade_keeps_its_money_in_the_ledger)
{
    begin_one();
    struct trade t = trade_of(&pending, "4200000001");
    t.out_trade_no = "0123456789abcdefABCDEF";
    settles_to(&t, SETTLE_UNKNOWN, "unknown-trade", (struct tally){0, 0, 0, 1, 1, 1});
}

Test(settle, an_unknown_trade_of_a_foreign_merchant_is_not_our_money)
{
    begin_one();
    struct trade t = trade_of(&pending, "4200000001");
    t.out_trade_no = "0123456789abcdefABCDEF";
    struct settled out;
    const struct settle in = {.trade = &t,
                              .photo_life_us = PHOTO_LIFE_US,
                              .order_life_us = ORDER_LIFE_US,
                              .now_us = w.now_us};
    struct tally before = tally();
    for (int i = 0; i < 3; i++) {
        is(payment_settle(&w.st, w.a, &in, &out), OK);
        is(out.outcome, SETTLE_UNKNOWN);
        grew(before, (struct tally){0, 0, 0, 0, 1, 1});
    }
}

/* Never used as a date: not before the order, not in the future, not when absent. */
Test(settle, an_impossible_success_time_is_no_date)
{
    static const int64_t offsets_us[] = {-DAY_US, -5 * MINUTE_US - 1, 5 * MINUTE_US, 400 * DAY_US,
                                         -START_US};
    for (size_t i = 0; i < sizeof offsets_us / sizeof *offsets_us; i++) {
        begin_one();
        struct trade t = trade_of(&pending, arena_printf(w.a, "42000%zu", i));
        t.success_us = w.now_us + offsets_us[i];
        struct tally before = tally();
        struct settled out = settle_at(&t, w.now_us);
        is(out.outcome, SETTLE_SUCCESS);
        same_text(out.kind, "success-time");
        settle_at(&t, w.now_us);
        grew(before, (struct tally){1, 1, 1, 1, 1, 1});
    }
    is(rows_of_sql("SELECT count(*) FROM orders WHERE paid_at <> created_at"), 0);
    is(rows_of_sql("SELECT count(*) FROM ledger_entry WHERE occurred_at <> recorded_at"), 0);
    is(rows_of_sql("SELECT count(*) FROM ledger_entry WHERE day <> %d", day_of(w.now_us)), 0);
}

Test(settle, clocks_may_differ_by_five_minutes)
{
    begin_one();
    struct trade t = trade_of(&pending, "4200000001");
    t.success_us = w.now_us - 5 * MINUTE_US;
    struct settled out = settle_at(&t, w.now_us);
    is(out.outcome, SETTLE_SUCCESS);
    cr_assert_null(out.kind);
    is(rows_of_sql("SELECT (extract(epoch FROM paid_at) * 1000000)::bigint FROM orders"),
       t.success_us);
}

/* Around midnight in Shanghai (16:00 UTC). */
Test(settle, the_ledgers_day_is_the_day_of_its_instant)
{
    w.now_us = day_start_us(day_of(START_US) + 1) - MINUTE_US;
    begin_one();
    struct trade t = trade_of(&pending, "4200000001");
    settle_at(&t, w.now_us + 2 * MINUTE_US);
    t.out_trade_no = "0123456789abcdefABCDEF";
    t.transaction_id = "4200000002";
    settle_at(&t, w.now_us + 2 * MINUTE_US);
    t.transaction_id = "4200000003";
    t.out_trade_no = pending.out_trade_no;
    t.amount_fen = 1;
    t.success_us = w.now_us - DAY_US;
    settle_at(&t, w.now_us + 2 * MINUTE_US);
    is(rows_of_sql("SELECT count(*) FROM ledger_entry"), 3);
    is(rows_of_sql("SELECT count(*) FROM ledger_entry WHERE day <>"
                   " (occurred_at AT TIME ZONE 'Asia/Shanghai')::date - DATE '1970-01-01'"),
       0);
    struct ledger_entry *entries;
    size_t n;
    is(ledger_day(&w.st, w.a, day_of(w.now_us), &entries, &n), OK);
    is(n, 2);
    is(ledger_day(&w.st, w.a, day_of(w.now_us) + 1, &entries, &n), OK);
    is(n, 1);
}

/* ---- at once ---- */

struct caller {
    const struct trade *trade;
    enum status status;
    struct settled out;
};

static void *settle_once(void *arg)
{
    struct caller *c = arg;
    struct store st = store_new();
    struct arena *a = arena_new();
    const struct settle in = {.trade = c->trade,
                              .merchant_is_ours = true,
                              .photo_life_us = PHOTO_LIFE_US,
                              .order_life_us = ORDER_LIFE_US,
                              .now_us = w.now_us};
    if (db_ready(st.db) != OK)
        abort();
    c->status = payment_settle(&st, a, &in, &c->out);
    arena_free(a);
    store_free(&st);
    return NULL;
}

static int outcomes(const struct caller *c, int n, enum settle_outcome outcome)
{
    int count = 0;
    for (int i = 0; i < n; i++) {
        cr_assert_eq(c[i].status, OK, "%s", status_name(c[i].status));
        count += c[i].out.outcome == outcome;
    }
    return count;
}

enum { CALLERS = 16 };

Test(settle, sixteen_callbacks_at_once_are_one_success)
{
    for (int round = 0; round < 3; round++) {
        struct caller c[CALLERS] = {0};
        begin_one();
        struct trade t = trade_of(&pending, arena_printf(w.a, "42000%d", round));
        struct tally before = tally();
        for (int i = 0; i < CALLERS; i++)
            c[i].trade = &t;
        run_together(CALLERS, settle_once, c, sizeof *c);
        is(outcomes(c, CALLERS, SETTLE_SUCCESS), 1);
        is(outcomes(c, CALLERS, SETTLE_DUPLICATE), CALLERS - 1);
        grew(before, (struct tally){1, 1, 1, 1, 0, 1});
    }
}

Test(settle, two_attempts_paid_at_once_are_one_success_and_one_second)
{
    for (int round = 0; round < 3; round++) {
        struct caller c[CALLERS] = {0};
        begin_one();
        struct payment other = payment_of(account, &order_id, "alipay", "app");
        is(payment_begin(&w.st, w.a, &other, w.now_us), OK);
        struct trade t[2] = {trade_of(&pending, arena_printf(w.a, "42000%d", round)),
                             trade_of(&other, arena_printf(w.a, "20260%d", round))};
        struct tally before = tally();
        for (int i = 0; i < CALLERS; i++)
            c[i].trade = &t[i % 2];
        run_together(CALLERS, settle_once, c, sizeof *c);
        is(outcomes(c, CALLERS, SETTLE_SUCCESS), 1);
        is(outcomes(c, CALLERS, SETTLE_SECOND), 1);
        is(outcomes(c, CALLERS, SETTLE_DUPLICATE), CALLERS - 2);
        grew(before, (struct tally){2, 1, 2, 2, 1, 2});
    }
}

Test(settle, late_successes_at_once_are_recorded_once)
{
    struct caller c[CALLERS] = {0};
    begin_one();
    is(payment_close(&w.st, w.a, &pending, w.now_us), OK);
    struct trade t = trade_of(&pending, "4200000001");
    struct tally before = tally();
    for (int i = 0; i < CALLERS; i++)
        c[i].trade = &t;
    run_together(CALLERS, settle_once, c, sizeof *c);
    grew(before, (struct tally){0, 0, 1, 1, 1, 1});
}

/* ---- anything in any order ---- */

enum { ORDERS = 60, ACTORS = 6, ACTS = 120 };

struct actor {
    unsigned seed;
    int64_t accounts[ORDERS];
    struct uuid orders[ORDERS];
};

static uint32_t roll(struct actor *c, uint32_t n)
{
    return (uint32_t)rand_r(&c->seed) % n;
}

static enum status settle_some(struct store *st, struct arena *a, const struct payment *p)
{
    struct trade t = trade_of(p, p->out_trade_no);
    struct settled out;
    const struct settle in = {.trade = &t,
                              .merchant_is_ours = true,
                              .photo_life_us = PHOTO_LIFE_US,
                              .order_life_us = ORDER_LIFE_US,
                              .now_us = w.now_us};
    return payment_settle(st, a, &in, &out);
}

static enum status act(struct actor *c, struct store *st, struct arena *a)
{
    static const char *const methods[] = {"native", "app", "h5"};
    uint32_t i = roll(c, ORDERS);
    struct payment p = payment_of(c->accounts[i], &c->orders[i], "wechat", methods[roll(c, 3)]);
    struct purged purged = {0};
    bool more;
    if (roll(c, 12) == 0)
        return order_cancel(st, a, p.account_id, &p.order_id, w.now_us);
    if (roll(c, 40) == 0)
        return purge_batch(st, w.now_us + DAY_US + 1, 3, &purged, &more);
    enum status s = payment_begin(st, a, &p, w.now_us);
    if (s != OK)
        return s;
    for (uint32_t times = roll(c, 3); s == OK && times > 0; times--)
        s = settle_some(st, a, &p);
    if (s == OK && roll(c, 3) == 0)
        s = payment_close(st, a, &p, w.now_us);
    if (s == OK && roll(c, 4) == 0)
        s = settle_some(st, a, &p);
    return s;
}

static void *act_often(void *arg)
{
    struct actor *c = arg;
    struct store st = store_new();
    for (int i = 0; i < ACTS; i++) {
        struct arena *a = arena_new();
        enum status s = act(c, &st, a);
        if (s != OK && s != CONFLICT && s != NOT_FOUND)
            abort();
        arena_free(a);
    }
    store_free(&st);
    return NULL;
}

Test(settle, whatever_happens_in_whatever_order_the_books_balance)
{
    static struct actor actors[ACTORS];
    for (int i = 0; i < ORDERS; i++) {
        actors[0].accounts[i] = new_account();
        struct uuid photo = new_photo(actors[0].accounts[i]);
        actors[0].orders[i] = new_order(actors[0].accounts[i], "electronic", &photo);
    }
    for (int i = ACTORS - 1; i >= 0; i--) {
        actors[i] = actors[0];
        actors[i].seed = 20261201u + (unsigned)i;
    }
    run_together(ACTORS, act_often, actors, sizeof *actors);

    int64_t paid = rows_of_sql("SELECT count(*) FROM orders WHERE state = 'paid'");
    cr_assert(paid > 0);
    is(rows_of_sql("SELECT count(*) FROM audit_log WHERE action = 'payment.success'"), paid);
    is(rows_of_sql("SELECT count(*) FROM ledger_entry l WHERE NOT EXISTS (SELECT 1 FROM anomaly y"
                   " WHERE y.transaction_id = l.transaction_id)"),
       paid);
    is(rows_of_sql("SELECT count(*) FROM anomaly"),
       rows_of_sql("SELECT count(*) FROM audit_log WHERE actor = 'provider'"
                   " AND action <> 'payment.success'"));
    is(rows_of_sql("SELECT count(*) FROM (SELECT account_id, order_id FROM payment p"
                   " JOIN ledger_entry l USING (out_trade_no) LEFT JOIN anomaly y"
                   "  ON y.transaction_id = l.transaction_id WHERE y IS NULL"
                   " GROUP BY 1, 2 HAVING count(*) <> 1) x"),
       0);
    is(rows_of_sql("SELECT count(*) FROM orders WHERE (state = 'paid') <> (paid_at IS NOT NULL)"),
       0);
}

Test(settle, a_success_without_numbers_or_amount_is_refused_and_changes_nothing)
{
    begin_one();
    struct settled out;
    struct settle in = {.merchant_is_ours = true,
                        .photo_life_us = PHOTO_LIFE_US,
                        .order_life_us = ORDER_LIFE_US,
                        .now_us = w.now_us};
    struct trade bare[3] = {trade_of(&pending, NULL), trade_of(&pending, "4200000001"),
                            trade_of(&pending, "4200000001")};
    bare[1].amount_fen = -1;
    bare[2].out_trade_no = "";
    for (size_t i = 0; i < 3; i++) {
        in.trade = &bare[i];
        is(payment_settle(&w.st, w.a, &in, &out), INVALID);
    }
    is(rows_of_sql("SELECT count(*) FROM ledger_entry"), 0);
    is(rows_of_sql("SELECT count(*) FROM anomaly"), 0);
    is(rows_of_sql("SELECT count(*) FROM payment WHERE state <> 'pending'"), 0);
}
