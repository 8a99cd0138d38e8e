/* SPDX-License-Identifier: MIT */
/* The ledger's chain, and the auditor: books that fit, then one row damaged, then its name. */
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "store/auditor.h"
#include "store/seal.h"

static struct payment bought; /* sealed in batch 1, with its refund */

static struct ledger_batch seal(int limit)
{
    struct ledger_batch batch;
    is(ledger_seal(&w.st, w.a, w.now_us, limit, &batch), OK);
    return batch;
}

static struct payment pay_one(const char *transaction_id)
{
    int64_t account = new_account();
    struct uuid photo = new_photo(account);
    struct uuid order = new_order(account, "electronic", &photo);
    struct payment p = new_payment(account, &order);
    struct trade t = trade_of(&p, transaction_id);
    struct settled settled = settle_at(&t, w.now_us);
    is(settled.outcome, SETTLE_SUCCESS);
    return p;
}

/* A part of a payment that went back, as the service leaves it. */
static void give_back(const struct payment *p, int64_t fen)
{
    sql_do("INSERT INTO refund (refund_id, entry_id, reason, refund_fen, requested_at)"
           " SELECT gen_random_uuid(), entry_id, 'goodwill', %lld, recorded_at FROM ledger_entry"
           " WHERE out_trade_no = '%s' AND kind = 'payment'",
           (long long)fen, p->out_trade_no);
    sql_do("UPDATE refund SET state = 'done', next_at = NULL, done_at = requested_at"
           " WHERE out_trade_no = '%s'",
           p->out_trade_no);
    sql_do("INSERT INTO ledger_entry (entry_id, kind, channel, merchant, transaction_id,"
           "  out_trade_no, out_refund_no, amount_fen, occurred_at, recorded_at, day)"
           " SELECT gen_random_uuid(), 'refund', channel, merchant, transaction_id, out_trade_no,"
           "  out_refund_no, refund_fen, done_at, done_at, %d FROM refund"
           " WHERE out_trade_no = '%s'",
           day_of(w.now_us), p->out_trade_no);
}

static void keep_books(void)
{
    world_up();
    bought = pay_one("4200000000000000000000000001");
    give_back(&bought, 90);
    is(seal(100).entries, 2);
    pay_one("4200000000000000000000000002");
    is(seal(100).batch_no, 2);
}

TestSuite(auditor, .init = keep_books, .fini = world_down, .timeout = 60);
TestSuite(seal, .init = world_up, .fini = world_down, .timeout = 60);

/* ---- what it finds ---- */

struct report {
    char checks[512]; /* ", " between */
    char first[512];
};

static void note(void *arg, const struct finding *finding)
{
    struct report *r = arg;
    if (!strstr(r->checks, finding->check)) {
        if (*r->checks)
            strcat(r->checks, ", ");
        strcat(r->checks, finding->check);
    }
    if (!*r->first)
        strcpy(r->first, finding->what);
}

static struct report audit_at(int64_t now_us)
{
    struct report r = {"", ""};
    int64_t count = -1;
    is(auditor_run(&w.st, w.a, now_us, note, &r, &count), OK);
    is(count == 0, *r.checks == 0);
    return r;
}

Test(auditor, books_that_fit_are_passed)
{
    same_text(audit_at(w.now_us).checks, "");
}

/* The foreign keys and checks of the tables stand aside, as for somebody with the disk in hand. */
static void damage(const char *sql)
{
    sql_do("SET session_replication_role = replica");
    sql_do("%s", sql);
    sql_do("SET session_replication_role = origin");
}

#define A_PAYMENT  " WHERE kind = 'payment' AND transaction_id LIKE '%1'"
#define ITS_REFUND " WHERE kind = 'refund'"

#define NAMES(test, sql, found)                                                                    \
    Test(auditor, test)                                                                            \
    {                                                                                              \
        damage(sql);                                                                               \
        same_text(audit_at(w.now_us).checks, found);                                               \
    }

NAMES(an_amount_changed_in_the_ledger_is_named,
      "UPDATE ledger_entry SET amount_fen = amount_fen + 1" A_PAYMENT,
      "chain-entry, balance-payments, payment-entered")
NAMES(a_time_changed_in_the_ledger_is_named,
      "UPDATE ledger_entry SET recorded_at = recorded_at + interval '1 microsecond'" A_PAYMENT,
      "chain-entry")
NAMES(an_entry_on_another_day_is_named, "UPDATE ledger_entry SET day = day + 1" A_PAYMENT,
      "chain-entry, entry-day, balance-payments")
NAMES(an_entry_taken_out_of_the_ledger_is_named,
      "WITH x AS (DELETE FROM ledger_entry" A_PAYMENT " RETURNING entry_id)"
      " DELETE FROM ledger_seal_entry WHERE entry_id IN (SELECT entry_id FROM x)",
      "chain-batch, balance-payments, payment-entered")
NAMES(a_leaf_made_to_fit_a_changed_entry_is_named,
      "UPDATE ledger_seal_entry SET leaf = sha256('x') WHERE batch_no = 1",
      "chain-batch, chain-entry")
NAMES(a_batch_hashed_again_is_named, "UPDATE ledger_seal SET hash = sha256('x') WHERE batch_no = 1",
      "chain-link, chain-batch")
NAMES(a_batch_taken_out_is_named, "DELETE FROM ledger_seal WHERE batch_no = 1", "chain-link")
NAMES(a_refund_changed_in_the_ledger_is_named, "UPDATE ledger_entry SET amount_fen = 80" ITS_REFUND,
      "chain-entry, balance-refunds, refund-entered")
NAMES(a_refund_that_was_not_done_is_named,
      "UPDATE refund SET state = 'accepted', done_at = NULL, next_at = requested_at",
      "balance-refunds, entry-refunded")
NAMES(a_refund_of_more_than_was_paid_is_named,
      "INSERT INTO refund SELECT gen_random_uuid(), entry_id, NULL, NULL, channel, merchant, appid,"
      " out_trade_no, transaction_id, total_fen, total_fen, reason, 2, 'another', 'requested', 0,"
      " requested_at, NULL, requested_at FROM refund",
      "refund-within")
NAMES(a_payment_that_forgot_its_success_is_named,
      "UPDATE payment SET state = 'closed', succeeded_at = NULL WHERE transaction_id LIKE '%1'",
      "entry-paid, order-paid")
NAMES(an_order_delivered_without_a_payment_is_named,
      "WITH x AS (DELETE FROM payment WHERE transaction_id LIKE '%1' RETURNING out_trade_no)"
      " DELETE FROM trade WHERE out_trade_no IN (SELECT out_trade_no FROM x)",
      "order-paid")
NAMES(a_payment_that_delivered_nothing_is_named,
      "UPDATE orders SET state = 'unpaid', paid_at = NULL, photos_expire_at = NULL WHERE order_id ="
      " (SELECT order_id FROM payment WHERE transaction_id LIKE '%1')",
      "order-delivered")
NAMES(an_order_whose_price_changed_is_named,
      "UPDATE order_item SET price_fen = price_fen + 1 WHERE order_id ="
      " (SELECT order_id FROM payment WHERE transaction_id LIKE '%1')",
      "order-priced")
NAMES(a_second_payment_that_nobody_gives_back_is_named,
      "INSERT INTO anomaly (anomaly_id, channel, kind, out_trade_no, transaction_id, amount_fen,"
      " recorded_at) SELECT gen_random_uuid(), 'wechat', 'second', 'x', 'y', 1,"
      " recorded_at - interval '25 hours' FROM ledger_entry" A_PAYMENT,
      "anomaly-open")

Test(auditor, an_entry_that_no_batch_holds_is_named_after_a_day)
{
    pay_one("4200000000000000000000000003");
    same_text(audit_at(w.now_us + 23 * HOUR_US).checks, "");
    same_text(audit_at(w.now_us + 25 * HOUR_US).checks, "chain-unsealed");
}

Test(auditor, a_finding_names_the_trade_and_the_amount_and_nobody)
{
    char expected[200];
    damage("UPDATE ledger_entry SET amount_fen = amount_fen + 1, merchant = 'x'" A_PAYMENT);
    sql_do("DELETE FROM ledger_seal_entry");
    sql_do("DELETE FROM ledger_seal");
    damage("UPDATE ledger_entry SET amount_fen = amount_fen - 1" A_PAYMENT);
    snprintf(expected, sizeof expected,
             "payment of trade %s, %lld fen, is not in the ledger as such", bought.out_trade_no,
             (long long)bought.amount_fen);
    same_text(audit_at(w.now_us).first, expected);
}

Test(auditor, rows_past_their_end_are_named)
{
    same_text(audit_at(w.now_us + 31 * DAY_US).checks, "overdue");
}

/* ---- the chain ---- */

Test(seal, nothing_to_seal_makes_no_batch)
{
    is(seal(10).entries, 0);
    is(rows_of_sql("SELECT count(*) FROM ledger_seal"), 0);
}

Test(seal, each_entry_is_in_one_batch_also_when_it_was_committed_late)
{
    pay_one("4200000000000000000000000001");
    pay_one("4200000000000000000000000002");
    is(seal(1).entries, 1);
    is(seal(10).entries, 1);
    /* recorded before what is sealed, committed after it */
    sql_do("INSERT INTO ledger_entry (entry_id, kind, channel, merchant, transaction_id,"
           "  out_trade_no, amount_fen, occurred_at, recorded_at, day) SELECT gen_random_uuid(),"
           "  'payment', 'alipay', 'm', 'late', 'late', 1, occurred_at,"
           "  recorded_at - interval '1 hour', day FROM ledger_entry LIMIT 1");
    is(seal(10).entries, 1);
    is(seal(10).entries, 0);
    is(rows_of_sql("SELECT count(*) FROM ledger_seal_entry"), 3);
    is(rows_of_sql("SELECT sum(entries)::bigint FROM ledger_seal"), 3);
}

/* SHA-256 here is OpenSSL's, and the text is put together by hand. */
Test(seal, a_stranger_can_hash_the_chain_again)
{
    unsigned char leaf[32], message[32 + 1 + 32] = {0}, hash[32];
    char expected[65];
    pay_one("4200000000000000000000000001");
    struct ledger_batch batch = seal(10);
    const char *text =
        sql_text("SELECT format('[\"%%s\", \"payment\", \"wechat\", \"%%s\","
                 " \"4200000000000000000000000001\", \"%%s\", null, %%s, %lld, %lld, %d]',"
                 " entry_id, merchant, out_trade_no, amount_fen) FROM ledger_entry",
                 (long long)w.now_us, (long long)w.now_us, day_of(w.now_us));
    SHA256((const unsigned char *)text, strlen(text), leaf);
    message[32] = '1';
    memcpy(message + 33, leaf, sizeof leaf);
    SHA256(message, sizeof message, hash);
    for (size_t i = 0; i < sizeof hash; i++)
        snprintf(expected + 2 * i, 3, "%02x", hash[i]);
    same_text(batch.hash, expected);
}

static void *seal_beside(void *arg)
{
    struct store st = store_new();
    struct arena *a = arena_new();
    struct ledger_batch batch = {0};
    enum status s = ledger_seal(&st, a, w.now_us, 5, &batch);
    *(int *)arg = s == OK ? batch.entries : s == CONFLICT ? 0 : -1;
    arena_free(a);
    store_free(&st);
    return NULL;
}

Test(seal, two_that_seal_at_once_make_one_chain)
{
    int sealed[4];
    for (int i = 0; i < 8; i++) {
        char id[40];
        snprintf(id, sizeof id, "42000000000000000000000000%02d", i);
        pay_one(id);
    }
    run_together(4, seal_beside, sealed, sizeof *sealed);
    int64_t total = 0;
    for (int i = 0; i < 4; i++) {
        cr_assert(sealed[i] >= 0);
        total += sealed[i];
    }
    is(rows_of_sql("SELECT count(*) FROM ledger_seal_entry"), total);
    while (seal(5).entries > 0)
        ;
    is(rows_of_sql("SELECT count(*) FROM ledger_seal_entry"), 8);
    same_text(audit_at(w.now_us).checks, "");
}

Test(seal, the_service_can_change_nothing_of_the_chain)
{
    pay_one("4200000000000000000000000001");
    seal(10);
    same_text(sqlstate_of(w.app_url, "UPDATE ledger_seal SET hash = sha256('x')"), "42501");
    same_text(sqlstate_of(w.app_url, "DELETE FROM ledger_seal"), "42501");
    same_text(sqlstate_of(w.app_url, "UPDATE ledger_seal_entry SET leaf = sha256('x')"), "42501");
    same_text(sqlstate_of(w.app_url, "DELETE FROM ledger_seal_entry"), "42501");
}

/* Ten years on, by the server's own clock: entries and leaves go, the links stay. */
Test(seal, the_chain_outlives_its_entries)
{
    pay_one("4200000000000000000000000001");
    sql_do("UPDATE ledger_entry SET occurred_at = now() - interval '10 years 1 day',"
           " recorded_at = now() - interval '10 years 1 day'");
    sql_do("UPDATE ledger_entry SET day = day_of(occurred_at)");
    seal(10);
    pay_one("4200000000000000000000000002");
    seal(10);
    int64_t deleted = 0;
    is(purge_books(&w.st, 100, &deleted), OK);
    is(deleted, 1);
    is(rows_of_sql("SELECT count(*) FROM ledger_seal_entry"), 1);
    struct report r = audit_at(w.now_us);
    cr_assert(!strstr(r.checks, "chain"), "%s", r.checks);
}
