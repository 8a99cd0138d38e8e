/* SPDX-License-Identifier: MIT */
/* Successes that share a statement are judged as if they had come one after the other. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"
#include "jobs/committer.h"

TestSuite(batch, .init = world_up, .fini = world_down, .timeout = 60);

enum { MOST = 24 };

static struct config config = {.retention = {.photo_days = 7, .order_days = 30}};
static struct trade trades[MOST];
static struct settlement rows[MOST], *batch[MOST];
static size_t n_rows;

static struct payment a_payment(void)
{
    int64_t account = new_account();
    struct uuid photo = new_photo(account);
    struct uuid order = new_order(account, "electronic", &photo);
    return new_payment(account, &order);
}

static const char *number(void)
{
    static int n;
    return arena_printf(w.a, "42%08d", ++n);
}

static void add(struct trade t)
{
    size_t i = n_rows++;
    trades[i] = t;
    const struct settle in = {.trade = &trades[i],
                              .merchant_is_ours = true,
                              .source_ip = "198.51.100.3",
                              .photo_life_us = PHOTO_LIFE_US,
                              .order_life_us = ORDER_LIFE_US,
                              .now_us = w.now_us};
    is(settlement_prepare(w.vault, w.a, &in, &rows[i]), OK);
    batch[i] = &rows[i];
}

/* One of each kind; good ones stand between those that are not. */
static void add_every_kind(void)
{
    struct payment p = a_payment();
    add(trade_of(&p, number()));
    p = a_payment();
    struct trade t = trade_of(&p, number());
    settle_at(&t, w.now_us);
    add(t); /* duplicate */
    p = a_payment();
    is(payment_close(&w.st, w.a, &p, w.now_us), OK);
    add(trade_of(&p, number())); /* late */
    t = trade_of(&p, number());
    t.out_trade_no = "0123456789abcdefABCDEF";
    add(t); /* unknown */
    p = a_payment();
    add(trade_of(&p, number()));
    p = a_payment();
    t = trade_of(&p, number());
    t.amount_fen++;
    add(t);
    p = a_payment();
    t = trade_of(&p, number());
    t.success_us = w.now_us - DAY_US; /* no date */
    add(t);
    p = a_payment();
    t = trade_of(&p, number());
    t.currency = "USD";
    add(t);
    p = a_payment();
    add(trade_of(&p, number()));
}

static const enum settle_outcome every_kind[] = {SETTLE_SUCCESS, SETTLE_DUPLICATE, SETTLE_LATE,
                                                 SETTLE_UNKNOWN, SETTLE_SUCCESS,   SETTLE_MISMATCH,
                                                 SETTLE_SUCCESS, SETTLE_MISMATCH,  SETTLE_SUCCESS};
static const char *const kinds[] = {
    NULL, NULL, "late", "unknown-trade", NULL, "amount", "success-time", "currency", NULL};

/* What was written, without what is drawn by chance. */
static const char *written(void)
{
    return sql_text(
        "SELECT format('%%s|%%s|%%s|%%s|%%s|%%s',"
        " (SELECT string_agg(state || coalesce(extract(epoch FROM succeeded_at)::text, '-'), ','"
        "   ORDER BY created_at, payment_id) FROM payment),"
        " (SELECT string_agg(state || coalesce(extract(epoch FROM expires_at)::text, '-'), ','"
        "   ORDER BY created_at, order_id) FROM orders),"
        " (SELECT count(*) FROM payer),"
        " (SELECT string_agg(right(transaction_id, 2) || amount_fen || day, ',' ORDER BY"
        "   transaction_id) FROM ledger_entry),"
        " (SELECT string_agg(right(transaction_id, 2) || kind, ',' ORDER BY transaction_id)"
        "   FROM anomaly),"
        " (SELECT string_agg(action, ',' ORDER BY action) FROM audit_log WHERE actor = "
        "'provider'))");
}

static void are_every_kind(void)
{
    for (size_t i = 0; i < n_rows; i++) {
        cr_assert_not(rows[i].again, "row %zu", i);
        is(rows[i].out.outcome, every_kind[i]);
        if (kinds[i])
            same_text(rows[i].out.kind, kinds[i]);
        else
            cr_assert_null(rows[i].out.kind, "row %zu: %s", i, rows[i].out.kind);
    }
}

Test(batch, every_kind_together_is_judged_and_written_as_singly)
{
    add_every_kind();
    is(n_rows, sizeof every_kind / sizeof *every_kind);
    is(settlements_commit(w.st.db, w.a, batch, n_rows), OK);
    are_every_kind();
    const char *together = written();
    is(rows_of_sql("SELECT count(*) FROM payment WHERE state = 'succeeded'"), 5);
    is(rows_of_sql("SELECT count(*) FROM orders WHERE state = 'paid'"), 5);
    is(rows_of_sql("SELECT count(*) FROM payer"), 6);
    is(rows_of_sql("SELECT count(*) FROM ledger_entry"), 8);
    is(rows_of_sql("SELECT count(*) FROM anomaly"), 5);
    is(rows_of_sql("SELECT count(*) FROM audit_log WHERE actor = 'provider'"), 9);
    is(rows_of_sql("SELECT count(*) FROM audit_log l JOIN payment p ON p.payment_id = l.object_id"
                   " WHERE l.action = 'payment.success' AND p.state <> 'succeeded'"),
       0);
    /* A repeat of each changes nothing. */
    for (size_t i = 0; i < n_rows; i++) {
        struct settled out;
        is(payment_settle(&w.st, w.a, &rows[i].in, &out), OK);
    }
    same_text(written(), together);
}

Test(batch, one_by_one_every_kind_is_judged_the_same)
{
    add_every_kind();
    for (size_t i = 0; i < n_rows; i++)
        is(settlements_commit(w.st.db, w.a, &batch[i], 1), OK);
    are_every_kind();
    is(rows_of_sql("SELECT count(*) FROM orders WHERE state = 'paid'"), 5);
    is(rows_of_sql("SELECT count(*) FROM payer"), 6);
    is(rows_of_sql("SELECT count(*) FROM ledger_entry"), 8);
    is(rows_of_sql("SELECT count(*) FROM anomaly"), 5);
    is(rows_of_sql("SELECT count(*) FROM audit_log WHERE actor = 'provider'"), 9);
}

Test(batch, two_successes_of_one_order_are_the_first_and_one_for_later)
{
    struct payment p = a_payment();
    struct payment other = payment_of(p.account_id, &p.order_id, "alipay", "page");
    is(payment_begin(&w.st, w.a, &other, w.now_us), OK);
    add(trade_of(&p, number()));
    add(trade_of(&other, number()));
    is(settlements_commit(w.st.db, w.a, batch, 2), OK);
    cr_assert_not(rows[0].again);
    is(rows[0].out.outcome, SETTLE_SUCCESS);
    cr_assert(rows[1].again);
    is(rows_of_sql("SELECT count(*) FROM ledger_entry"), 1);
    is(rows_of_sql("SELECT count(*) FROM payment WHERE state = 'succeeded'"), 1);
    is(rows_of_sql("SELECT count(*) FROM anomaly"), 0);
    is(settlements_commit(w.st.db, w.a, &batch[1], 1), OK);
    cr_assert_not(rows[1].again);
    is(rows[1].out.outcome, SETTLE_SECOND);
    is(rows_of_sql("SELECT count(*) FROM ledger_entry"), 2);
    is(rows_of_sql("SELECT count(*) FROM orders WHERE state = 'paid'"), 1);
}

Test(batch, one_transaction_for_two_orders_pays_the_first_alone)
{
    struct payment p = a_payment(), other = a_payment();
    const char *transaction = number();
    add(trade_of(&p, transaction));
    add(trade_of(&other, transaction));
    is(settlements_commit(w.st.db, w.a, batch, 2), OK);
    is(rows[0].out.outcome, SETTLE_SUCCESS);
    cr_assert(rows[1].again);
    is(settlements_commit(w.st.db, w.a, &batch[1], 1), OK);
    is(rows[1].out.outcome, SETTLE_DUPLICATE);
    is(rows_of_sql("SELECT count(*) FROM orders WHERE state = 'paid'"), 1);
    is(rows_of_sql("SELECT count(*) FROM ledger_entry"), 1);
}

/* ---- the committer ---- */

static struct pending pendings[MOST];
static enum status ends[MOST];
static atomic_int ended;

static void note_end(struct pending *p, enum status s)
{
    ends[p - pendings] = s;
    atomic_fetch_add(&ended, 1);
}

static bool submit(struct committer *c, size_t i)
{
    pendings[i] = (struct pending){.settlement = rows[i],
                                   .request_id = "batch",
                                   .deadline_us = clock_boot_us() + 30 * SECOND_US,
                                   .done = note_end};
    return committer_submit(c, &pendings[i]);
}

static void await_ended(int n)
{
    for (int i = 0; i < 6000 && atomic_load(&ended) < n; i++)
        usleep(5000);
    is(atomic_load(&ended), n);
}

/* All of them, in as many batches as the committer makes of them. */
static void commit_together(void)
{
    const struct service service = {.config = &config, .db_options = w.options, .vault = w.vault};
    struct committer *c = committer_start(&service, MOST);
    for (size_t i = 0; i < n_rows; i++)
        cr_assert(submit(c, i));
    await_ended((int)n_rows);
    committer_stop(c);
}

Test(batch, a_row_that_fails_does_not_hurt_its_neighbours)
{
    struct payment bad = {0};
    for (int i = 0; i < 5; i++) {
        struct payment p = a_payment();
        add(trade_of(&p, number()));
        if (i == 2)
            bad = p;
    }
    sql_do("ALTER TABLE payment ADD CONSTRAINT not_this_one"
           " CHECK (out_trade_no <> '%s' OR payer_sealed IS NULL)",
           bad.out_trade_no);
    is(settlements_commit(w.st.db, w.a, batch, n_rows), INTERNAL);
    is(rows_of_sql("SELECT count(*) FROM orders WHERE state = 'paid'"), 0);
    is(rows_of_sql("SELECT count(*) FROM ledger_entry"), 0);
    commit_together();
    for (size_t i = 0; i < n_rows; i++)
        cr_assert((ends[i] == OK) == (i != 2), "row %zu: %s", i, status_name(ends[i]));
    is(rows_of_sql("SELECT count(*) FROM orders WHERE state = 'paid'"), 4);
    is(rows_of_sql("SELECT count(*) FROM ledger_entry"), 4);
    is(rows_of_sql("SELECT count(*) FROM ledger_entry WHERE out_trade_no = '%s'", bad.out_trade_no),
       0);
    is(rows_of_sql("SELECT count(*) FROM payment WHERE state = 'pending'"), 1);
}

Test(batch, what_has_to_wait_for_another_is_committed_after_it)
{
    struct payment p = a_payment();
    struct payment other = payment_of(p.account_id, &p.order_id, "alipay", "page");
    is(payment_begin(&w.st, w.a, &other, w.now_us), OK);
    struct trade t = trade_of(&p, number());
    add(t);
    add(trade_of(&other, number()));
    add(t);
    commit_together();
    for (size_t i = 0; i < n_rows; i++)
        is(ends[i], OK);
    is(pendings[0].settlement.out.outcome, SETTLE_SUCCESS);
    is(pendings[1].settlement.out.outcome, SETTLE_SECOND);
    is(pendings[2].settlement.out.outcome, SETTLE_DUPLICATE);
    is(rows_of_sql("SELECT count(*) FROM ledger_entry"), 2);
}

static void say(PGconn *c, const char *sql)
{
    PGresult *r = PQexec(c, sql);
    cr_assert(PQresultStatus(r) == PGRES_TUPLES_OK || PQresultStatus(r) == PGRES_COMMAND_OK, "%s",
              PQerrorMessage(c));
    PQclear(r);
}

/* Holds the order's row until the connection ends. */
static PGconn *lock_order(const struct payment *p)
{
    PGconn *c = PQconnectdb(w.root_url);
    say(c, "BEGIN");
    say(c, arena_printf(w.a, "SELECT FROM orders WHERE order_id = '%s' FOR UPDATE",
                        uuid_text(&p->order_id)));
    return c;
}

/* Writes the transaction into the ledger, for an unknown trade; not committed. */
static PGconn *enter_beside(const char *transaction)
{
    PGconn *c = PQconnectdb(w.root_url);
    say(c, "BEGIN");
    say(c, arena_printf(w.a,
                        "INSERT INTO ledger_entry (entry_id, kind, channel, merchant,"
                        " transaction_id, out_trade_no, amount_fen, occurred_at, recorded_at, day)"
                        " VALUES (gen_random_uuid(), 'payment', 'wechat', 'm', '%s', 'other', 990,"
                        " now(), now(), 20000)",
                        transaction));
    return c;
}

static void await_blocked(void)
{
    for (int i = 0; i < 400; i++) {
        if (rows_of_sql("SELECT count(*) FROM pg_locks WHERE NOT granted") > 0)
            return;
        usleep(1000);
    }
    cr_assert(false, "nobody waits for the row");
}

Test(batch, many_pass_a_batch_that_is_held_up_but_nothing_of_the_same_transaction)
{
    const struct service service = {.config = &config, .db_options = w.options, .vault = w.vault};
    struct payment held = a_payment();
    struct trade t = trade_of(&held, number());
    add(t);
    t.out_trade_no = "0123456789abcdefABCDEF"; /* a duplicate only once the ledger knows it */
    add(t);
    for (int i = 0; i < 18; i++) {
        struct payment p = a_payment();
        add(trade_of(&p, number()));
    }
    struct committer *c = committer_start(&service, MOST);
    PGconn *lock = lock_order(&held);
    cr_assert(submit(c, 0));
    await_blocked();
    for (size_t i = 1; i < n_rows; i++)
        cr_assert(submit(c, i));
    await_ended(18);
    is(rows_of_sql("SELECT count(*) FROM orders WHERE state = 'paid'"), 18);
    PQfinish(lock);
    await_ended(20);
    committer_stop(c);
    for (size_t i = 0; i < n_rows; i++)
        is(pendings[i].settlement.out.outcome, i == 1 ? SETTLE_DUPLICATE : SETTLE_SUCCESS);
    is(rows_of_sql("SELECT count(*) FROM anomaly"), 0);
    is(rows_of_sql("SELECT count(*) FROM ledger_entry"), 19);
}

/* Of n, the last one's transaction is entered by another meanwhile. */
static void commit_beside_an_entry(int n)
{
    const struct service service = {.config = &config, .db_options = w.options, .vault = w.vault};
    for (int i = 0; i < n; i++) {
        struct payment p = a_payment();
        add(trade_of(&p, number()));
    }
    PGconn *beside = enter_beside(trades[n - 1].transaction_id);
    struct committer *c = committer_start(&service, MOST);
    for (size_t i = 0; i < n_rows; i++)
        cr_assert(submit(c, i));
    await_blocked();
    say(beside, "COMMIT");
    PQfinish(beside);
    await_ended(n);
    committer_stop(c);
    for (int i = 0; i < n; i++) {
        is(ends[i], OK);
        is(pendings[i].settlement.out.outcome, i == n - 1 ? SETTLE_DUPLICATE : SETTLE_SUCCESS);
    }
    is(rows_of_sql("SELECT count(*) FROM payment WHERE state = 'succeeded'"), n - 1);
    is(rows_of_sql("SELECT count(*) FROM orders WHERE state = 'paid'"), n - 1);
    is(rows_of_sql("SELECT count(*) FROM payer"), n - 1);
    is(rows_of_sql("SELECT count(*) FROM ledger_entry"), n);
    is(rows_of_sql("SELECT count(*) FROM anomaly"), 0);
}

Test(batch, what_another_enters_at_the_same_time_undoes_the_batch_which_is_judged_anew)
{
    commit_beside_an_entry(3);
}

Test(batch, what_another_enters_at_the_same_time_undoes_one_alone_which_is_judged_anew)
{
    commit_beside_an_entry(1);
}

Test(batch, without_a_database_everything_pending_is_told_so_at_once)
{
    struct db_options away = w.options;
    away.url = "host=/nonexistent dbname=none";
    for (int i = 0; i < 4; i++) {
        struct payment p = a_payment();
        add(trade_of(&p, number()));
    }
    w.options = away;
    commit_together();
    for (size_t i = 0; i < n_rows; i++)
        is(ends[i], UNAVAILABLE);
}

Test(batch, what_is_late_is_not_begun)
{
    const struct service service = {.config = &config, .db_options = w.options, .vault = w.vault};
    struct committer *c = committer_start(&service, MOST);
    struct payment p = a_payment();
    add(trade_of(&p, number()));
    pendings[0] = (struct pending){.settlement = rows[0],
                                   .request_id = "batch",
                                   .deadline_us = clock_boot_us() - 1,
                                   .done = note_end};
    cr_assert(committer_submit(c, &pendings[0]));
    await_ended(1);
    committer_stop(c);
    is(ends[0], RETRY);
    is(rows_of_sql("SELECT count(*) FROM payment WHERE state = 'pending'"), 1);
}
