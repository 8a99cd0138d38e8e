/* SPDX-License-Identifier: MIT */
/* How long a photo is seen, and when its file is given out: to the microsecond. */
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"

static int64_t account;
static struct uuid photo;

static void upload_one(void)
{
    world_up();
    account = new_account();
    photo = new_photo(account);
}

TestSuite(photo, .init = upload_one, .fini = world_down, .timeout = 60);

static struct photo read_at(int64_t at_us)
{
    struct photo p;
    is(photo_read(&w.st, w.a, account, &photo, at_us, &p), OK);
    return p;
}

/* Seen until the instant, and not at it. */
static void seen_until(int64_t end_us)
{
    cr_assert(photo_is_seen(account, &photo, end_us - 1));
    cr_assert_not(photo_is_seen(account, &photo, end_us));
    is(photo_opens(account, &photo, end_us), NOT_FOUND);
}

static void promote(void)
{
    int moved;
    is(promote_orders(&w.st, w.now_us, 100, &moved), OK);
}

Test(photo, a_draft_ends_after_its_hour_and_has_no_file)
{
    struct photo p = read_at(w.now_us);
    is(p.expires_us, w.now_us + DRAFT_US);
    cr_assert_not(p.paid);
    is(strlen(p.etag), 22);
    seen_until(w.now_us + DRAFT_US);
    is(photo_opens(account, &photo, w.now_us), CONFLICT);
}

Test(photo, another_account_does_not_see_it)
{
    int64_t stranger = new_account();
    cr_assert_not(photo_is_seen(stranger, &photo, w.now_us));
    is(photo_opens(stranger, &photo, w.now_us), NOT_FOUND);
}

Test(photo, an_open_order_holds_it_for_as_long_as_it_is_open)
{
    w.now_us += DRAFT_US / 2;
    new_order(account, "electronic", &photo);
    struct photo p = read_at(w.now_us);
    is(p.expires_us, w.now_us + OPEN_US);
    cr_assert_not(p.paid);
    is(photo_opens(account, &photo, w.now_us), CONFLICT);
    seen_until(w.now_us + OPEN_US);
}

Test(photo, a_draft_that_is_over_cannot_be_ordered)
{
    struct uuid order;
    int64_t end_us = w.now_us + DRAFT_US;
    is(try_order(&w.st, w.a, account, "electronic", &photo, 1, end_us, &order), CONFLICT);
    cr_assert(db_refused_by(w.st.db, "photo:0"));
    is(rows_of_sql("SELECT count(*) FROM orders"), 0);
    is(try_order(&w.st, w.a, account, "electronic", &photo, 1, end_us - 1, &order), OK);
}

Test(photo, an_order_names_the_item_whose_photo_is_not_there)
{
    struct uuid order, two[2] = {photo, uuid_new()};
    is(try_order(&w.st, w.a, account, "electronic", two, 2, w.now_us, &order), CONFLICT);
    cr_assert(db_refused_by(w.st.db, "photo:1"));
    is(try_order(&w.st, w.a, new_account(), "electronic", two, 1, w.now_us, &order), CONFLICT);
    is(consent_withdraw(&w.st, w.a, account, "print-mailing", w.now_us), OK);
    is(try_order(&w.st, w.a, account, "print", two, 1, w.now_us, &order), CONFLICT);
    cr_assert(db_refused_by(w.st.db, "consent"));
    is(rows_of_sql("SELECT count(*) FROM orders"), 0);
}

Test(photo, a_pending_payment_holds_it_past_the_orders_time)
{
    struct uuid order = new_order(account, "electronic", &photo);
    struct payment p = new_payment(account, &order);
    cr_assert(photo_is_seen(account, &photo, w.now_us + 3 * OPEN_US));
    is(payment_close(&w.st, w.a, &p, w.now_us), OK);
    seen_until(w.now_us + OPEN_US);
}

/* What an electronic purchase gives: seven days of the file, the same before and after promote. */
static void electronic_life(void)
{
    struct photo p = read_at(w.now_us);
    cr_assert(p.paid);
    is(p.expires_us, w.now_us + PHOTO_LIFE_US);
    is(photo_opens(account, &photo, w.now_us), OK);
    is(photo_opens(account, &photo, w.now_us + PHOTO_LIFE_US - 1), OK);
    seen_until(w.now_us + PHOTO_LIFE_US);
}

Test(photo, an_electronic_purchase_is_read_for_seven_days)
{
    new_paid_order(account, "electronic", &photo);
    electronic_life();
    promote();
    electronic_life();
}

/* A print is seen for thirty days; its file is never given out. */
static void print_life(void)
{
    struct photo p = read_at(w.now_us);
    cr_assert(p.paid);
    is(p.expires_us, w.now_us + ORDER_LIFE_US);
    is(photo_opens(account, &photo, w.now_us), CONFLICT);
    is(photo_opens(account, &photo, w.now_us + ORDER_LIFE_US - 1), CONFLICT);
    seen_until(w.now_us + ORDER_LIFE_US);
}

Test(photo, a_print_is_seen_for_thirty_days_and_gives_no_file)
{
    new_paid_order(account, "print", &photo);
    print_life();
    promote();
    print_life();
}

/* The electronic copy goes after seven days although the print lives on. */
static void mixed_life(void)
{
    is(photo_opens(account, &photo, w.now_us + PHOTO_LIFE_US - 1), OK);
    is(photo_opens(account, &photo, w.now_us + PHOTO_LIFE_US), NOT_FOUND);
    struct photo p = read_at(w.now_us + PHOTO_LIFE_US);
    cr_assert(p.paid);
    is(p.expires_us, w.now_us + ORDER_LIFE_US);
    seen_until(w.now_us + ORDER_LIFE_US);
}

Test(photo, of_a_mixed_purchase_the_print_outlives_the_file)
{
    new_paid_order(account, "mixed", &photo);
    mixed_life();
    promote();
    mixed_life();
}

Test(photo, cancelling_leaves_the_draft)
{
    struct uuid order = new_order(account, "electronic", &photo);
    is(order_cancel(&w.st, w.a, account, &order, w.now_us), OK);
    cr_assert(photo_is_seen(account, &photo, w.now_us + DRAFT_US - 1));
    is(photo_opens(account, &photo, w.now_us), CONFLICT);
    cr_assert_not(photo_is_seen(account, &photo, w.now_us + OPEN_US));
}

Test(photo, ordering_a_bought_photo_again_while_it_is_readable_gives_it_new_days)
{
    new_paid_order(account, "electronic", &photo);
    promote();
    int64_t first_us = w.now_us;
    w.now_us += PHOTO_LIFE_US - HOUR_US;
    struct uuid order = new_order(account, "electronic", &photo);
    /* the open order holds the photo past the first purchase's end, but gives out no file */
    cr_assert(photo_is_seen(account, &photo, first_us + PHOTO_LIFE_US));
    is(photo_opens(account, &photo, first_us + PHOTO_LIFE_US - 1), OK);
    is(photo_opens(account, &photo, first_us + PHOTO_LIFE_US), NOT_FOUND);
    w.now_us += 2 * HOUR_US;
    struct payment p = new_payment(account, &order);
    struct trade t = trade_of(&p, "4200000077");
    is(settle_at(&t, w.now_us).outcome, SETTLE_SUCCESS);
    electronic_life();
    promote();
    electronic_life();
}

static void *end_the_purge(void *arg)
{
    (void)arg;
    usleep(300 * 1000);
    PQclear(PQexec(w.root, "COMMIT"));
    return NULL;
}

/* The order was asked for in the last instant of the photo; the purge that takes it is under way.
 */
Test(photo, an_order_and_a_purge_at_once_do_not_both_win)
{
    pthread_t thread;
    struct uuid order;
    sql_do("UPDATE photo_copy SET purpose = 'electronic'");
    PQclear(PQexec(w.root, "BEGIN"));
    sql_do("DELETE FROM photo_copy");
    cr_assert_eq(pthread_create(&thread, NULL, end_the_purge, NULL), 0);
    enum status s = try_order(&w.st, w.a, account, "electronic", &photo, 1, w.now_us, &order);
    pthread_join(thread, NULL);
    is(s, CONFLICT);
    cr_assert(db_refused_by(w.st.db, "photo:0"));
    is(rows_of_sql("SELECT count(*) FROM orders"), 0);
}

Test(photo, a_print_alone_cannot_be_ordered_again_as_a_file)
{
    new_paid_order(account, "print", &photo);
    promote();
    struct uuid order;
    is(try_order(&w.st, w.a, account, "electronic", &photo, 1, w.now_us + 2 * DAY_US, &order),
       CONFLICT);
}

Test(photo, two_purchases_count_the_later_end)
{
    new_paid_order(account, "electronic", &photo);
    w.now_us += DAY_US / 2;
    new_paid_order(account, "electronic", &photo);
    electronic_life();
    promote();
    electronic_life();
}
