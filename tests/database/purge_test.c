/* SPDX-License-Identifier: MIT */
/* Purge: what is over goes, and nothing else; and what operators see of it. */
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

static int64_t account;
static struct uuid photo;

static void upload_one(void)
{
    world_up();
    account = new_account();
    photo = new_photo(account);
}

TestSuite(purge, .init = upload_one, .fini = world_down, .timeout = 60);

static struct purged purge_at(int64_t until_us)
{
    struct purged p = {0};
    bool more = true;
    while (more)
        is(purge_batch(&w.st, until_us, 100, &p, &more), OK);
    return p;
}

static int64_t overdue_at(int64_t at_us)
{
    struct retention r;
    int64_t n = 0;
    is(retention_read(&w.st, w.a, at_us, &r), OK);
    for (size_t i = 0; i < r.n_classes; i++)
        n += r.classes[i].overdue;
    return n;
}

static void promote(void)
{
    int moved;
    is(promote_orders(&w.st, w.now_us, 100, &moved), OK);
}

Test(purge, a_draft_goes_at_its_instant_and_not_before)
{
    int64_t end_us = w.now_us + DRAFT_US;
    is(purge_at(end_us - 1).photos, 0);
    cr_assert(photo_is_seen(account, &photo, end_us - 1));
    is(purge_at(end_us).photos, 1);
    is(rows_of_sql("SELECT count(*) FROM photo"), 0);
    is(rows_of_sql("SELECT count(*) FROM account"), 1);
}

Test(purge, what_an_open_order_holds_stays_with_it)
{
    new_order(account, "electronic", &photo);
    sql_do("UPDATE photo_copy SET expires_at = expires_at - interval '25 hours'");
    is(purge_at(w.now_us + OPEN_US - 1).photos, 0);
    is(overdue_at(w.now_us + OPEN_US - 1), 0);
    struct purged p = purge_at(w.now_us + OPEN_US);
    is(p.orders, 1);
    is(p.photos, 1);
    is(rows_of_sql("SELECT count(*) FROM order_item"), 0);
}

Test(purge, an_order_whose_payment_is_pending_waits_for_the_providers_word)
{
    struct uuid order = new_order(account, "electronic", &photo);
    struct payment pay = new_payment(account, &order);
    int64_t later_us = w.now_us + 3 * OPEN_US;
    struct purged p = purge_at(later_us);
    is(p.orders + p.photos, 0);
    is(overdue_at(later_us), 0);
    struct trade t = trade_of(&pay, "4200000001");
    t.success_us = w.now_us + MINUTE_US;
    is(settle_at(&t, later_us).outcome, SETTLE_SUCCESS);
    p = purge_at(later_us);
    is(p.orders + p.photos, 0);
}

/* Cancelled or not: as long as the provider may still take the money. */
Test(purge, a_cancelled_order_waits_for_the_providers_word_too)
{
    struct uuid order = new_order(account, "electronic", &photo);
    struct payment pay = new_payment(account, &order);
    is(order_cancel(&w.st, w.a, account, &order, w.now_us), OK);
    is(purge_at(w.now_us + 3 * OPEN_US).orders, 0);
    is(overdue_at(w.now_us + 3 * OPEN_US), 0);
    is(payment_close(&w.st, w.a, &pay, w.now_us), OK);
    is(purge_at(w.now_us + OPEN_US - 1).orders, 0);
    is(purge_at(w.now_us + OPEN_US).orders, 1);
}

Test(purge, a_paid_order_that_waits_for_promote_keeps_its_draft)
{
    new_paid_order(account, "electronic", &photo);
    is(purge_at(w.now_us + 2 * DAY_US).photos, 0);
    is(overdue_at(w.now_us + 2 * DAY_US), 0);
    promote();
    is(purge_at(w.now_us + 2 * DAY_US).photos, 1);
    is(photo_opens(account, &photo, w.now_us + 2 * DAY_US), OK);
}

Test(purge, each_purchase_goes_on_its_own_day_and_takes_everything_along)
{
    new_paid_order(account, "mixed", &photo);
    promote();
    is(purge_at(w.now_us + PHOTO_LIFE_US - 1).photos, 1); /* the draft */
    is(purge_at(w.now_us + PHOTO_LIFE_US).photos, 1);
    is(rows_of_sql("SELECT count(*) FROM photo"), 1);
    struct purged p = purge_at(w.now_us + ORDER_LIFE_US - 1);
    is(p.photos + p.orders, 0);
    p = purge_at(w.now_us + ORDER_LIFE_US);
    is(p.photos, 1);
    is(p.orders, 1);
    same_text(sql_text("SELECT (SELECT count(*) FROM photo) || ' ' || (SELECT count(*) FROM"
                       " order_item) || ' ' || (SELECT count(*) FROM payment) || ' ' ||"
                       " (SELECT count(*) FROM trade) || ' ' || (SELECT count(*) FROM payer)"),
              "0 0 0 0 0");
    is(rows_of_sql("SELECT count(*) FROM ledger_entry"), 1);
}

Test(purge, an_electronic_copy_that_an_open_order_needs_is_held_and_not_overdue)
{
    new_paid_order(account, "electronic", &photo);
    promote();
    w.now_us += PHOTO_LIFE_US - HOUR_US;
    new_order(account, "electronic", &photo);
    int64_t after_us = w.now_us + 2 * HOUR_US;
    is(purge_at(after_us).photos, 0);
    is(overdue_at(after_us), 0);
    purge_at(w.now_us + OPEN_US);
    is(rows_of_sql("SELECT count(*) FROM photo_copy"), 0);
}

Test(purge, an_idle_account_goes_a_month_after_its_last_use_or_order)
{
    struct session session;
    char token[TOKEN_BYTES];
    int64_t idle, other;
    is(account_create(&w.st, w.a, w.now_us, false, NULL, "1.0", &idle, token), OK);
    is(account_create(&w.st, w.a, w.now_us, false, NULL, "1.0", &other, token), OK);
    is(session_find(&w.st, w.a, token, w.now_us + 10 * DAY_US, &session), OK);
    new_paid_order(account, "electronic", &photo);
    promote();
    is(purge_at(w.now_us + 30 * DAY_US - 1).accounts, 0);
    is(purge_at(w.now_us + 32 * DAY_US).accounts, 1);
    is(rows_of_sql("SELECT count(*) FROM account WHERE account_id = %lld", (long long)idle), 0);
    is(purge_at(w.now_us + 42 * DAY_US).accounts, 1);
    is(purge_at(w.now_us + 60 * DAY_US - 1).accounts, 0);
    is(purge_at(w.now_us + 62 * DAY_US).accounts, 1);
    is(rows_of_sql("SELECT count(*) FROM session") + rows_of_sql("SELECT count(*) FROM consent"),
       0);
}

Test(purge, sessions_answers_and_receipts_go_at_their_ends)
{
    sql_do("UPDATE session SET expires_at = '2026-12-01T06:00:00Z'");
    sql_do("INSERT INTO idempotency SELECT account_id, 'r', repeat('x', 32)::bytea,"
           " repeat('x', 32)::bytea, '2026-12-01T05:00:00Z', '2026-12-01T06:00:00Z',"
           " gen_random_uuid() FROM account");
    sql_do("INSERT INTO receipt VALUES (gen_random_uuid(), '2026-12-01T05:00:00Z',"
           " '2026-12-01T06:00:00Z', 0, 0, 0, 0, 1)");
    int64_t end_us = START_US + 2 * HOUR_US;
    is(purge_at(end_us - 1).others, 1); /* the draft's photo row */
    is(purge_at(end_us).others, 3);
    is(rows_of_sql("SELECT count(*) FROM session"), 0);
    is(rows_of_sql("SELECT count(*) FROM idempotency"), 0);
    is(rows_of_sql("SELECT count(*) FROM receipt"), 0);
}

Test(purge, runs_that_erased_are_kept_for_three_years_and_others_for_a_week)
{
    struct job_run run = {.job = "purge",
                          .started_us = w.now_us,
                          .finished_us = w.now_us,
                          .host = "here",
                          .outcome = "ok"};
    is(job_run_write(&w.st, w.a, &run), OK);
    run.purged.orders = 1;
    is(job_run_write(&w.st, w.a, &run), OK);
    sql_do("DELETE FROM account");
    purge_at(w.now_us + 7 * DAY_US - 1);
    is(rows_of_sql("SELECT count(*) FROM job_run"), 2);
    purge_at(w.now_us + 7 * DAY_US);
    is(rows_of_sql("SELECT count(*) FROM job_run"), 1);
    purge_at(w.now_us + 1094 * DAY_US);
    is(rows_of_sql("SELECT count(*) FROM job_run"), 1);
    purge_at(w.now_us + 1097 * DAY_US);
    is(rows_of_sql("SELECT count(*) FROM job_run"), 0);
}

Test(purge, the_books_are_kept_for_their_years_by_the_servers_own_clock)
{
    int64_t deleted;
    sql_do(
        "INSERT INTO audit_log (at, actor, action) SELECT now() - x * interval '1 day', 'job', 'x'"
        " FROM unnest(ARRAY[0, 1094, 1097]) x");
    sql_do(
        "INSERT INTO ledger_entry SELECT gen_random_uuid(), 'payment', 'wechat', 'm', x::text, 'o',"
        " 1, now() - x * interval '1 day', now(), day_of(now() - x * interval '1 day')"
        " FROM unnest(ARRAY[0, 3651, 3654]) x");
    sql_do("INSERT INTO anomaly SELECT gen_random_uuid(), 'wechat', 'late', 'o', x::text, 1,"
           " now() - x * interval '1 day' FROM unnest(ARRAY[0, 3651, 3654]) x");
    is(purge_books(&w.st, 100, &deleted), OK);
    is(deleted, 3);
    is(rows_of_sql("SELECT count(*) FROM audit_log"), 2);
    is(rows_of_sql("SELECT count(*) FROM ledger_entry"), 2);
    is(rows_of_sql("SELECT count(*) FROM anomaly"), 2);
    is(purge_books(&w.st, 100, &deleted), OK);
    is(deleted, 0);
}

Test(purge, rows_that_somebody_holds_are_skipped_and_come_next_time)
{
    struct uuid second = new_photo(account);
    PQclear(PQexec(w.root, "BEGIN"));
    sql_do("SELECT 1 FROM photo_copy WHERE photo_id = '%s' FOR UPDATE", uuid_text(&photo));
    int64_t began_us = clock_boot_us();
    is(purge_at(w.now_us + DRAFT_US).photos, 1);
    cr_assert(clock_boot_us() - began_us < 2 * SECOND_US);
    PQclear(PQexec(w.root, "ROLLBACK"));
    cr_assert_not(photo_is_seen(account, &second, w.now_us));
    is(purge_at(w.now_us + DRAFT_US).photos, 1);
}

Test(purge, a_batch_has_its_size_and_says_that_there_is_more)
{
    struct purged p = {0};
    bool more;
    for (int i = 0; i < 6; i++)
        new_photo(account);
    is(purge_batch(&w.st, w.now_us + DRAFT_US, 3, &p, &more), OK);
    is(p.photos, 3);
    cr_assert(more);
    is(purge_batch(&w.st, w.now_us + DRAFT_US, 3, &p, &more), OK);
    cr_assert(more);
    is(purge_batch(&w.st, w.now_us + DRAFT_US, 3, &p, &more), OK);
    is(p.photos, 7);
    while (more)
        is(purge_batch(&w.st, w.now_us + DRAFT_US, 3, &p, &more), OK);
    is(rows_of_sql("SELECT count(*) FROM photo"), 0);
}

Test(purge, the_retention_figures_name_what_is_overdue)
{
    struct retention r;
    bool seen = false;
    is(overdue_at(w.now_us + DRAFT_US + MINUTE_US), 0);
    is(retention_read(&w.st, w.a, w.now_us + DRAFT_US + MINUTE_US + 1, &r), OK);
    for (size_t i = 0; i < r.n_classes; i++) {
        bool draft = strcmp(r.classes[i].name, "draft-photo") == 0;
        seen |= draft;
        is(r.classes[i].overdue, draft);
        if (draft) {
            is(r.classes[i].rows, 1);
            is(r.classes[i].oldest_us, w.now_us + DRAFT_US);
        }
    }
    cr_assert(seen);
    /* every table with an end is in one class or another */
    new_paid_order(account, "mixed", &photo);
    promote();
    struct uuid unpaid_photo = new_photo(account);
    new_order(account, "electronic", &unpaid_photo);
    sql_do(
        "INSERT INTO idempotency SELECT account_id, 'r', repeat('x', 32)::bytea,"
        " repeat('x', 32)::bytea, now(), '2026-12-01T06:00:00Z', gen_random_uuid() FROM account");
    sql_do("INSERT INTO receipt VALUES (gen_random_uuid(), now(), '2026-12-01T06:00:00Z', 0, 0, 0,"
           " 0, 1)");
    sql_do("INSERT INTO erased_attempt VALUES ('0123456789abcdefABCDEF', 'wechat', 'm', 'a', 1,"
           " '2026-12-01T06:00:00Z')");
    sql_do("INSERT INTO print_batch VALUES (gen_random_uuid(), gen_random_uuid(), 1, now(), NULL,"
           " '2026-12-01T06:00:00Z')");
    is(retention_read(&w.st, w.a, w.now_us + 200 * DAY_US, &r), OK);
    for (size_t i = 0; i < r.n_classes; i++) {
        cr_assert(r.classes[i].rows > 0, "%s", r.classes[i].name);
        bool waits = strcmp(r.classes[i].name, "draft-photo") == 0 ||
                     strcmp(r.classes[i].name, "account") == 0;
        cr_assert(waits || r.classes[i].overdue == r.classes[i].rows, "%s", r.classes[i].name);
    }
    purge_at(w.now_us + 200 * DAY_US);
    is(overdue_at(w.now_us + 200 * DAY_US), 0);
    is(retention_read(&w.st, w.a, w.now_us + 200 * DAY_US, &r), OK);
    for (size_t i = 0; i < r.n_classes; i++)
        is(r.classes[i].rows, 0);
}
