/* SPDX-License-Identifier: MIT */
/* Attempts to pay: taken over or made anew, read, asked about, closed. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

static int64_t account;
static struct uuid order_id;

static void open_order(void)
{
    world_up();
    account = new_account();
    struct uuid photo = new_photo(account);
    order_id = new_order(account, "electronic", &photo);
}

TestSuite(payment, .init = open_order, .fini = world_down, .timeout = 60);

static enum status begin(struct payment *p, int64_t now_us)
{
    return payment_begin(&w.st, w.a, p, now_us);
}

static bool same_attempt(const struct payment *a, const struct payment *b)
{
    return memcmp(&a->payment_id, &b->payment_id, sizeof a->payment_id) == 0;
}

static int64_t attempts(void)
{
    return rows_of_sql("SELECT count(*) FROM payment");
}

Test(payment, a_repeated_call_gets_the_attempt_that_is_there)
{
    struct payment first = payment_of(account, &order_id, "wechat", "native");
    is(begin(&first, w.now_us), OK);
    is(strlen(first.out_trade_no), 22);
    is(first.amount_fen, 1990);
    same_text(first.order_kind, "electronic");
    struct payment again = payment_of(account, &order_id, "wechat", "native");
    again.client_ip = "203.0.113.99";
    again.expires_us = w.now_us + 45 * MINUTE_US;
    is(begin(&again, w.now_us + 15 * MINUTE_US), OK);
    cr_assert(same_attempt(&first, &again));
    same_text(again.out_trade_no, first.out_trade_no);
    same_text(again.client_ip, "192.0.2.8");
    is(again.expires_us, first.expires_us);
    is(again.created_us, first.created_us);
    is(attempts(), 1);
    is(rows_of_sql("SELECT count(*) FROM trade"), 1);
}

Test(payment, another_way_of_paying_is_another_attempt)
{
    static const char *const ways[][2] = {
        {"wechat", "app"}, {"wechat", "h5"}, {"alipay", "app"}, {"alipay", "page"}};
    struct payment first = payment_of(account, &order_id, "wechat", "native");
    is(begin(&first, w.now_us), OK);
    for (int i = 0; i < 4; i++) {
        struct payment p = payment_of(account, &order_id, ways[i][0], ways[i][1]);
        is(begin(&p, w.now_us), OK);
        cr_assert_not(same_attempt(&first, &p));
        is(attempts(), i + 2);
    }
    struct payment merchant = payment_of(account, &order_id, "wechat", "native");
    merchant.merchant = "1900000009";
    is(begin(&merchant, w.now_us), OK);
    cr_assert_not(same_attempt(&first, &merchant));
    struct payment appid = payment_of(account, &order_id, "wechat", "native");
    appid.appid = "wx0000000000000009";
    is(begin(&appid, w.now_us), OK);
    cr_assert_not(same_attempt(&first, &appid));
    is(rows_of_sql("SELECT count(DISTINCT out_trade_no) FROM payment"), 7);
}

Test(payment, with_a_minute_or_less_left_a_new_attempt_is_made)
{
    struct payment first = new_payment(account, &order_id);
    struct payment near = payment_of(account, &order_id, "wechat", "native");
    is(begin(&near, first.expires_us - MINUTE_US - 1), OK);
    cr_assert(same_attempt(&first, &near));
    struct payment over = payment_of(account, &order_id, "wechat", "native");
    over.expires_us = first.expires_us + HOUR_US;
    is(begin(&over, first.expires_us - MINUTE_US), OK);
    cr_assert_not(same_attempt(&first, &over));
    is(over.expires_us, first.expires_us + HOUR_US);
    is(attempts(), 2);
}

Test(payment, a_closed_attempt_is_not_taken_over)
{
    struct payment first = new_payment(account, &order_id);
    is(payment_close(&w.st, w.a, &first, w.now_us), OK);
    is(payment_close(&w.st, w.a, &first, w.now_us + 1), OK);
    struct payment next = new_payment(account, &order_id);
    cr_assert_not(same_attempt(&first, &next));
    is(rows_of_sql("SELECT count(*) FROM payment WHERE state = 'closed'"), 1);
}

Test(payment, only_an_open_order_can_be_paid)
{
    struct payment p = payment_of(account, &order_id, "wechat", "native");
    struct uuid none = uuid_new();
    struct payment nowhere = payment_of(account, &none, "wechat", "native");
    struct payment foreign = payment_of(new_account(), &order_id, "wechat", "native");
    is(begin(&nowhere, w.now_us), NOT_FOUND);
    is(begin(&foreign, w.now_us), NOT_FOUND);
    is(begin(&p, w.now_us + OPEN_US), CONFLICT);
    is(begin(&p, w.now_us + OPEN_US - 1), OK);
    struct trade t = trade_of(&p, "4200000001");
    is(settle_at(&t, w.now_us).outcome, SETTLE_SUCCESS);
    is(begin(&p, w.now_us), CONFLICT);
    struct uuid photo = new_photo(account);
    struct uuid other = new_order(account, "electronic", &photo);
    struct payment late = payment_of(account, &other, "wechat", "native");
    is(order_cancel(&w.st, w.a, account, &other, w.now_us), OK);
    is(begin(&late, w.now_us), CONFLICT);
    is(attempts(), 1);
}

Test(payment, an_attempt_is_read_by_its_own_account_and_order_alone)
{
    struct payment p = new_payment(account, &order_id), found;
    struct uuid none = uuid_new();
    is(payment_read(&w.st, w.a, account, &order_id, &p.payment_id, w.now_us, &found), OK);
    same_text(found.state, "pending");
    is(payment_read(&w.st, w.a, new_account(), &order_id, &p.payment_id, w.now_us, &found),
       NOT_FOUND);
    is(payment_read(&w.st, w.a, account, &none, &p.payment_id, w.now_us, &found), NOT_FOUND);
    is(payment_read(&w.st, w.a, account, &order_id, &none, w.now_us, &found), NOT_FOUND);
    /* past the order's time as long as it may still succeed */
    is(payment_read(&w.st, w.a, account, &order_id, &p.payment_id, w.now_us + 2 * OPEN_US, &found),
       OK);
    is(payment_close(&w.st, w.a, &p, w.now_us), OK);
    is(payment_read(&w.st, w.a, account, &order_id, &p.payment_id, w.now_us + OPEN_US - 1, &found),
       OK);
    is(payment_read(&w.st, w.a, account, &order_id, &p.payment_id, w.now_us + OPEN_US, &found),
       NOT_FOUND);
}

Test(payment, closing_does_not_undo_a_success)
{
    struct payment p = new_payment(account, &order_id);
    struct trade t = trade_of(&p, "4200000001");
    settle_at(&t, w.now_us);
    is(payment_close(&w.st, w.a, &p, w.now_us), OK);
    same_text(sql_text("SELECT state FROM payment"), "succeeded");
}

Test(payment, overdue_attempts_are_handed_to_one_asker_each_half_minute)
{
    struct payment p = new_payment(account, &order_id), *list;
    size_t n;
    struct store other = store_new();
    is(payment_take_overdue(&w.st, w.a, p.expires_us, 10, &list, &n), OK);
    is(n, 0);
    is(payment_take_overdue(&w.st, w.a, p.expires_us + 1, 10, &list, &n), OK);
    is(n, 1);
    same_text(list[0].out_trade_no, p.out_trade_no);
    is(payment_take_overdue(&other, w.a, p.expires_us + 1, 10, &list, &n), OK);
    is(n, 0);
    is(payment_take_overdue(&other, w.a, p.expires_us + 30 * SECOND_US + 2, 10, &list, &n), OK);
    is(n, 1);
    is(payment_close(&w.st, w.a, &p, w.now_us), OK);
    is(payment_take_overdue(&other, w.a, p.expires_us + HOUR_US, 10, &list, &n), OK);
    is(n, 0);
    store_free(&other);
}

struct payer_thread {
    enum status status;
    struct payment payment;
    struct arena *arena;
};

static void *begin_once(void *arg)
{
    struct payer_thread *t = arg;
    struct store st = store_new();
    if (db_ready(st.db) != OK)
        abort();
    t->arena = arena_new();
    t->payment = payment_of(account, &order_id, "wechat", "native");
    t->status = payment_begin(&st, t->arena, &t->payment, w.now_us);
    store_free(&st);
    return NULL;
}

/* The second taps of an impatient thumb: one row, one number, so one thing to pay. */
Test(payment, eight_calls_at_once_are_one_attempt)
{
    enum { CALLS = 8 };
    for (int round = 0; round < 5; round++) {
        struct payer_thread t[CALLS];
        memset(t, 0, sizeof t);
        struct uuid photo = new_photo(account);
        order_id = new_order(account, "electronic", &photo);
        run_together(CALLS, begin_once, t, sizeof *t);
        for (int i = 0; i < CALLS; i++) {
            is(t[i].status, OK);
            same_text(t[i].payment.out_trade_no, t[0].payment.out_trade_no);
        }
        is(attempts(), round + 1);
        for (int i = 0; i < CALLS; i++)
            arena_free(t[i].arena);
    }
}
