/* SPDX-License-Identifier: MIT */
/* A person's own erasure: at once, for good, and also in a backup that is restored. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "vault/erasures.h"

static int64_t account;
static struct uuid photo;

static void upload_one(void)
{
    world_up();
    account = new_account();
    photo = new_photo(account);
}

TestSuite(erase, .init = upload_one, .fini = world_down, .timeout = 60);

static void promote(void)
{
    int moved;
    is(promote_orders(&w.st, w.now_us, 100, &moved), OK);
}

static int64_t logged(void)
{
    struct erasure_set *set;
    is(erasures_load(w.vault, &set), OK);
    int64_t n = (int64_t)erasures_count(set);
    erasures_free(set);
    return n;
}

static int64_t replay(void)
{
    struct erasure_set *set;
    int64_t deleted = -1;
    is(erasures_load(w.vault, &set), OK);
    is(erasures_replay(&w.st, w.a, set, &deleted), OK);
    erasures_free(set);
    return deleted;
}

static enum status erase_the_photo(bool force)
{
    return erase_photo(&w.st, w.a, account, &photo, w.now_us, force);
}

static enum status erase_the_order(const struct uuid *order, bool force)
{
    return erase_order(&w.st, w.a, account, order, w.now_us, force);
}

static int64_t bytes_left(void)
{
    return rows_of_sql("SELECT count(*) FROM photo_bytes");
}

/* ---- photos ---- */

Test(erase, a_draft_goes_at_once_with_its_bytes)
{
    is(erase_the_photo(false), OK);
    is(rows_of_sql("SELECT count(*) FROM photo"), 0);
    is(rows_of_sql("SELECT count(*) FROM photo_copy"), 0);
    is(bytes_left(), 0);
    is(logged(), 1);
    is(erase_the_photo(false), NOT_FOUND);
    is(logged(), 1);
    same_text(sql_text("SELECT action || ' ' || actor FROM audit_log"), "photo.erase account");
}

Test(erase, a_strangers_photo_stays)
{
    is(erase_photo(&w.st, w.a, new_account(), &photo, w.now_us, true), NOT_FOUND);
    is(rows_of_sql("SELECT count(*) FROM photo"), 1);
    is(logged(), 0);
}

/* Bytes lie in several partitions: the draft's, those of each purchase, those of earlier ends. */
Test(erase, every_copy_of_the_bytes_goes_at_once)
{
    struct purged purged = {0};
    bool more;
    new_paid_order(account, "electronic", &photo);
    promote();
    is(purge_batch(&w.st, w.now_us + OPEN_US, 100, &purged, &more), OK);
    w.now_us += 3 * DAY_US;
    new_paid_order(account, "electronic", &photo);
    promote();
    cr_assert(bytes_left() >= 2);
    is(erase_the_photo(false), OK);
    is(bytes_left(), 0);
}

Test(erase, a_photo_that_is_being_printed_needs_force)
{
    struct uuid order_id = new_paid_order(account, "mixed", &photo);
    struct order o;
    promote();
    is(erase_the_photo(false), CONFLICT);
    is(rows_of_sql("SELECT count(*) FROM photo"), 1);
    is(logged(), 0);
    is(erase_the_photo(true), OK);
    is(order_read(&w.st, w.a, account, &order_id, w.now_us, false, &o), OK);
    same_text(o.state, "closed");
    same_text(o.close_reason, "refunded");
    is(bytes_left(), 0);
}

Test(erase, a_photo_whose_print_is_under_way_or_there_is_free)
{
    struct uuid operator_id = uuid_new();
    struct uuid order_id = new_paid_order(account, "print", &photo);
    promote();
    is(order_ship(&w.st, w.a, account, &order_id, "{}", &operator_id, w.now_us), OK);
    is(erase_the_photo(false), OK);
    same_text(sql_text("SELECT state FROM orders"), "shipped");
}

Test(erase, an_electronic_purchase_is_free)
{
    new_paid_order(account, "electronic", &photo);
    is(erase_the_photo(false), OK);
    same_text(sql_text("SELECT state FROM orders"), "paid");
}

/* ---- orders ---- */

Test(erase, an_order_goes_with_recipient_payer_and_prints_and_the_file_stays)
{
    struct uuid order_id = new_paid_order(account, "mixed", &photo);
    promote();
    is(erase_the_order(&order_id, false), CONFLICT);
    is(logged(), 0);
    is(erase_the_order(&order_id, true), OK);
    is(rows_of_sql("SELECT count(*) FROM orders"), 0);
    is(rows_of_sql("SELECT count(*) FROM payment"), 0);
    is(rows_of_sql("SELECT count(*) FROM payer"), 0);
    is(rows_of_sql("SELECT count(*) FROM photo_copy WHERE purpose = 'print'"), 0);
    is(rows_of_sql("SELECT count(*) FROM photo_bytes WHERE purpose = 'print'"), 0);
    is(photo_opens(account, &photo, w.now_us + PHOTO_LIFE_US - 1), OK);
    is(photo_opens(account, &photo, w.now_us + PHOTO_LIFE_US), NOT_FOUND);
    is(rows_of_sql("SELECT count(*) FROM ledger_entry"), 1);
    is(logged(), 2);
    is(erase_the_order(&order_id, true), NOT_FOUND);
}

Test(erase, an_order_that_waits_for_promote_leaves_what_it_bought)
{
    struct uuid order_id = new_paid_order(account, "electronic", &photo);
    is(erase_the_order(&order_id, false), OK);
    is(photo_opens(account, &photo, w.now_us + PHOTO_LIFE_US - 1), OK);
    is(rows_of_sql("SELECT count(*) FROM orders"), 0);
}

Test(erase, a_print_that_another_order_needs_stays)
{
    struct uuid first = new_paid_order(account, "print", &photo);
    struct uuid second = new_paid_order(account, "print", &photo);
    promote();
    is(erase_the_order(&first, true), OK);
    is(rows_of_sql("SELECT count(*) FROM photo_copy WHERE purpose = 'print'"), 1);
    is(rows_of_sql("SELECT count(*) FROM photo_bytes WHERE purpose = 'print'"), 1);
    is(erase_the_order(&second, true), OK);
    is(rows_of_sql("SELECT count(*) FROM photo_copy WHERE purpose = 'print'"), 0);
}

Test(erase, an_unpaid_or_delivered_order_needs_no_force)
{
    struct uuid operator_id = uuid_new();
    struct uuid open = new_order(account, "print", &photo);
    is(erase_the_order(&open, false), OK);
    struct uuid done = new_paid_order(account, "print", &photo);
    is(order_ship(&w.st, w.a, account, &done, "{}", &operator_id, w.now_us), OK);
    is(order_deliver(&w.st, w.a, account, &done, &operator_id, w.now_us), OK);
    is(erase_the_order(&done, false), OK);
    is(rows_of_sql("SELECT count(*) FROM orders"), 0);
}

Test(erase, without_the_consent_unpaid_orders_go)
{
    struct uuid second = new_photo(account), third = new_photo(account);
    new_order(account, "print", &photo);
    new_order(account, "electronic", &second);
    new_paid_order(account, "print", &third);
    is(erase_unpaid(&w.st, w.a, account, w.now_us, true), OK);
    is(rows_of_sql("SELECT count(*) FROM orders"), 2);
    is(erase_unpaid(&w.st, w.a, account, w.now_us, false), OK);
    same_text(sql_text("SELECT string_agg(state, ' ') FROM orders"), "paid");
}

/* The answer that a repeated call would get holds the recipient. */
Test(erase, an_order_takes_the_answer_that_its_key_would_give_again)
{
    int64_t who;
    char token[TOKEN_BYTES];
    struct session session;
    struct params p = {0};
    struct step step;
    is(account_create(&w.st, w.a, w.now_us, false, NULL, "1.0", &who, token), OK);
    is(consent_grant(&w.st, w.a, who, "print-mailing", "1.0", w.now_us), OK);
    struct uuid picture = new_photo(who), orders[2];
    for (int i = 0; i < 2; i++) {
        struct idempotency key = {
            .route = "POST /v1/orders", .key = i ? "second" : "first", .attempt = uuid_new()};
        is(session_find_idempotent(&w.st, w.a, token, w.now_us + i, MINUTE_US, &key, &session), OK);
        is(key.state, IDEMPOTENCY_NEW);
        is(try_order(&w.st, w.a, who, "print", &picture, 1, w.now_us + i, &orders[i]), OK);
        memset(&p, 0, sizeof p);
        is(idempotency_finish_step(&w.st, w.a, who, &key, 201, "Zhang Wei", w.now_us, &p, &step),
           OK);
        is(payment_answer(&w.st, w.a, &step, w.now_us + DAY_US), OK);
    }
    is(erase_order(&w.st, w.a, who, &orders[0], w.now_us, false), OK);
    is(rows_of_sql("SELECT count(*) FROM idempotency"), 1);
    is(rows_of_sql("SELECT count(*) FROM idempotency i JOIN orders o ON o.created_at ="
                   " i.started_at"),
       1);
}

/* ---- accounts ---- */

Test(erase, an_account_goes_with_everything_and_leaves_a_receipt)
{
    struct erased e;
    struct receipt r;
    struct purged purged = {0};
    bool more;
    struct uuid second = new_photo(account);
    new_paid_order(account, "mixed", &photo);
    promote();
    is(purge_batch(&w.st, w.now_us + OPEN_US, 100, &purged, &more), OK);
    (void)second;
    struct uuid third = new_photo(account);
    new_order(account, "electronic", &third);
    is(erase_account(&w.st, w.a, account, w.now_us, false, &e), CONFLICT);
    is(logged(), 0);
    is(erase_account(&w.st, w.a, account, w.now_us, true, &e), OK);
    is(e.photos, 2);
    is(e.orders, 2);
    is(e.consents, 2);
    static const char *const tables[] = {"account",    "session",     "consent", "photo",
                                         "photo_copy", "photo_bytes", "orders",  "order_item",
                                         "payment",    "trade",       "payer",   "idempotency"};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        cr_log_info("%s", tables[i]);
        is(rows_of_sql("SELECT count(*) FROM %s", tables[i]), 0);
    }
    is(rows_of_sql("SELECT count(*) FROM ledger_entry"), 1);
    is(receipt_read(&w.st, w.a, &e.receipt_id, w.now_us, &r), OK);
    is(r.photos, 2);
    is(r.erased_us, w.now_us);
    is(r.last_day, day_of(w.now_us + ORDER_LIFE_US));
    is(receipt_read(&w.st, w.a, &e.receipt_id, w.now_us + 60 * DAY_US - 1, &r), OK);
    is(receipt_read(&w.st, w.a, &e.receipt_id, w.now_us + 60 * DAY_US, &r), NOT_FOUND);
    struct uuid other = uuid_new();
    is(receipt_read(&w.st, w.a, &other, w.now_us, &r), NOT_FOUND);
    is(erase_account(&w.st, w.a, account, w.now_us, true, &e), NOT_FOUND);
}

Test(erase, the_link_to_the_audit_log_dies_with_the_account)
{
    struct erased e;
    const char *pseudonym = sql_text("SELECT encode(pseudonym, 'hex') FROM account");
    is(erase_account(&w.st, w.a, account, w.now_us, false, &e), OK);
    is(rows_of_sql("SELECT count(*) FROM audit_log WHERE encode(pseudonym, 'hex') = '%s'"
                   " AND action = 'account.erase'",
                   pseudonym),
       1);
    is(rows_of_sql("SELECT count(*) FROM account"), 0);
}

/* ---- restore ---- */

#define TABLES                                                                                     \
    "account", "session", "consent", "photo", "photo_copy", "photo_bytes", "orders", "order_item", \
        "payment", "trade"

/* A backup: every row of every table, put aside and put back. */
static void back_up(void)
{
    static const char *const tables[] = {TABLES};
    sql_do("DROP SCHEMA IF EXISTS aside CASCADE");
    sql_do("CREATE SCHEMA aside");
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        sql_do("CREATE TABLE aside.%s AS SELECT * FROM public.%s", tables[i], tables[i]);
}

static void restore(void)
{
    static const char *const tables[] = {TABLES};
    sql_do("TRUNCATE account CASCADE");
    sql_do("TRUNCATE photo_bytes");
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        sql_do("INSERT INTO public.%s SELECT * FROM aside.%s", tables[i], tables[i]);
}

Test(erase, a_restored_backup_loses_again_exactly_what_was_erased)
{
    struct erased e;
    int64_t second = new_account(), third = new_account();
    struct uuid kept = new_photo(account), seconds = new_photo(second), thirds = new_photo(third);
    struct uuid order_id = new_paid_order(second, "mixed", &seconds);
    struct uuid kept_order = new_paid_order(account, "mixed", &kept);
    new_paid_order(third, "electronic", &thirds);
    promote();
    back_up();
    is(erase_the_photo(false), OK);
    is(erase_order(&w.st, w.a, second, &order_id, w.now_us, true), OK);
    is(erase_account(&w.st, w.a, third, w.now_us, true, &e), OK);
    const char *after = sql_text("SELECT string_agg(account_id || photo_id::text || purpose, ' '"
                                 " ORDER BY account_id, photo_id, purpose) FROM photo_copy");
    restore();
    cr_assert(photo_is_seen(account, &photo, w.now_us));
    is(replay(), 4);
    same_text(sql_text("SELECT string_agg(account_id || photo_id::text || purpose, ' '"
                       " ORDER BY account_id, photo_id, purpose) FROM photo_copy"),
              after);
    cr_assert_not(photo_is_seen(account, &photo, w.now_us));
    is(photo_opens(account, &kept, w.now_us), OK);
    is(photo_opens(second, &seconds, w.now_us), OK);
    struct order o;
    is(order_read(&w.st, w.a, account, &kept_order, w.now_us, true, &o), OK);
    is(rows_of_sql("SELECT count(*) FROM orders"), 1);
    is(rows_of_sql("SELECT count(*) FROM account"), 2);
    is(replay(), 0);
}

/* The log is replayed at every start, not only after a restore. */
Test(erase, a_replay_leaves_a_print_that_was_ordered_again)
{
    struct uuid first = new_paid_order(account, "mixed", &photo);
    promote();
    is(erase_the_order(&first, true), OK);
    new_paid_order(account, "mixed", &photo);
    promote();
    is(rows_of_sql("SELECT count(*) FROM photo_copy WHERE purpose = 'print'"), 1);
    is(replay(), 0);
    is(rows_of_sql("SELECT count(*) FROM photo_copy WHERE purpose = 'print'"), 1);
    is(rows_of_sql("SELECT count(*) FROM orders"), 1);
}

Test(erase, nothing_is_erased_when_the_log_cannot_be_written)
{
    char log[400];
    snprintf(log, sizeof log, "%s/ratchet/erasures.log", w.keys);
    cr_assert_eq(mkdir(log, 0700), 0);
    cr_assert(erase_the_photo(false) != OK);
    cr_assert(photo_is_seen(account, &photo, w.now_us));
    cr_assert_eq(rmdir(log), 0);
    is(erase_the_photo(false), OK);
}
