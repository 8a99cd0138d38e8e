/* SPDX-License-Identifier: MIT */
/* Attempts to pay: taken over or made anew, read, asked about, closed. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "store/erased_attempt.h"

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

/* ---- who asks the provider, and when ---- */

static bool due(struct store *st, int64_t at_us, bool *ends)
{
    struct payment p;
    enum status s = payment_take_due(st, w.a, "wechat", at_us, &p, ends);
    cr_assert(s == OK || s == NOT_FOUND);
    return s == OK;
}

Test(payment, an_attempt_is_due_at_growing_intervals_and_once_past_its_time)
{
    static const int64_t after_s[] = {5, 15, 30, 60, 120, 300, 600, 1200};
    struct payment p = new_payment(account, &order_id);
    bool ends;
    for (size_t i = 0; i < sizeof after_s / sizeof *after_s; i++) {
        int64_t at_us = p.created_us + after_s[i] * SECOND_US;
        cr_assert_not(due(&w.st, at_us - 1, &ends), "before %d s", (int)after_s[i]);
        cr_assert(due(&w.st, at_us, &ends), "at %d s", (int)after_s[i]);
        cr_assert_not(ends);
        cr_assert_not(due(&w.st, at_us, &ends), "twice at %d s", (int)after_s[i]);
    }
    cr_assert_not(due(&w.st, p.expires_us + SECOND_US - 1, &ends));
    cr_assert(due(&w.st, p.expires_us + SECOND_US, &ends));
    cr_assert(ends);
}

Test(payment, a_short_attempt_is_not_left_past_its_time_for_the_next_point_of_the_schedule)
{
    struct payment p = payment_of(account, &order_id, "wechat", "native");
    bool ends;
    p.expires_us = w.now_us + 4 * MINUTE_US;
    is(begin(&p, w.now_us), OK);
    cr_assert(due(&w.st, p.created_us + 130 * SECOND_US, &ends));
    cr_assert_not(due(&w.st, p.expires_us + SECOND_US - 1, &ends));
    cr_assert(due(&w.st, p.expires_us + SECOND_US, &ends));
    cr_assert(ends);
}

/* A provider that is away: half a minute, then half of the time gone, ten minutes at most. */
Test(payment, what_is_over_and_stays_pending_is_asked_ever_more_rarely)
{
    static const int64_t after_s[] = {1, 31, 61, 92, 138, 207};
    struct payment p = new_payment(account, &order_id);
    bool ends;
    cr_assert(due(&w.st, p.expires_us - MINUTE_US, &ends));
    for (size_t i = 0; i < sizeof after_s / sizeof *after_s; i++) {
        int64_t at_us = p.expires_us + after_s[i] * SECOND_US;
        cr_assert_not(due(&w.st, at_us - SECOND_US, &ends), "before %d s", (int)after_s[i]);
        cr_assert(due(&w.st, at_us, &ends), "at %d s", (int)after_s[i]);
        cr_assert(ends);
    }
    cr_assert(due(&w.st, p.expires_us + DAY_US, &ends));
    cr_assert_not(due(&w.st, p.expires_us + DAY_US + 10 * MINUTE_US - 1, &ends));
    cr_assert(due(&w.st, p.expires_us + DAY_US + 10 * MINUTE_US, &ends));
}

Test(payment, an_attempt_is_handed_to_one_asker_of_its_channel)
{
    struct payment p = new_payment(account, &order_id), found;
    struct store other = store_new();
    bool ends;
    is(payment_take_due(&w.st, w.a, "alipay", p.expires_us + HOUR_US, &found, &ends), NOT_FOUND);
    is(payment_take_due(&w.st, w.a, "wechat", p.expires_us + 1, &found, &ends), OK);
    same_text(found.out_trade_no, p.out_trade_no);
    cr_assert_not(due(&other, p.expires_us + 1, &ends));
    is(payment_close(&w.st, w.a, &p, w.now_us), OK);
    cr_assert_not(due(&other, p.expires_us + HOUR_US, &ends));
    store_free(&other);
}

struct asker_thread {
    bool got;
};

static void *take_once(void *arg)
{
    struct asker_thread *t = arg;
    struct store st = store_new();
    struct arena *a = arena_new();
    struct payment p;
    bool ends;
    t->got = payment_take_due(&st, a, "wechat", w.now_us + 5 * SECOND_US, &p, &ends) == OK;
    arena_free(a);
    store_free(&st);
    return NULL;
}

Test(payment, eight_hosts_at_once_take_each_attempt_once)
{
    enum { HOSTS = 8, ATTEMPTS = 5 };
    struct asker_thread t[HOSTS] = {0};
    int got = 0;
    (void)new_payment(account, &order_id);
    for (int i = 1; i < ATTEMPTS; i++) {
        struct uuid photo = new_photo(account);
        struct uuid order = new_order(account, "electronic", &photo);
        (void)new_payment(account, &order);
    }
    run_together(HOSTS, take_once, t, sizeof *t);
    for (int i = 0; i < HOSTS; i++)
        got += t[i].got;
    is(got, ATTEMPTS);
}

static bool claim(const struct payment *p, int64_t at_us)
{
    struct payment found;
    bool claimed = false;
    is(payment_claim(&w.st, w.a, account, &order_id, &p->payment_id, at_us, &found, &claimed), OK);
    same_text(found.out_trade_no, p->out_trade_no);
    return claimed;
}

Test(payment, whoever_asks_there_are_three_seconds_between)
{
    struct payment p = new_payment(account, &order_id);
    bool ends;
    int64_t at_us = w.now_us + 5 * SECOND_US;
    cr_assert(claim(&p, at_us));
    cr_assert_not(claim(&p, at_us + 3 * SECOND_US - 1));
    cr_assert_not(due(&w.st, at_us + 3 * SECOND_US - 1, &ends));
    cr_assert(due(&w.st, at_us + 3 * SECOND_US, &ends));
    cr_assert_not(claim(&p, at_us + 6 * SECOND_US - 1));
    cr_assert(claim(&p, at_us + 6 * SECOND_US));
}

Test(payment, what_is_not_pending_or_not_yours_is_not_claimed)
{
    struct payment p = new_payment(account, &order_id), found;
    bool claimed = true;
    is(payment_claim(&w.st, w.a, new_account(), &order_id, &p.payment_id, w.now_us, &found,
                     &claimed),
       NOT_FOUND);
    is(rows_of_sql("SELECT count(*) FROM payment WHERE asked_at IS NOT NULL"), 0);
    struct trade t = trade_of(&p, "4200000001");
    settle_at(&t, w.now_us);
    cr_assert_not(claim(&p, w.now_us + HOUR_US));
}

Test(payment, when_another_one_paid_the_order_the_rest_are_due_at_once_and_end)
{
    struct payment first = new_payment(account, &order_id), second, found;
    bool ends = false;
    second = payment_of(account, &order_id, "alipay", "page");
    is(begin(&second, w.now_us), OK);
    is(payment_hurry(&w.st, w.a, w.now_us + SECOND_US), OK);
    is(payment_take_due(&w.st, w.a, "alipay", w.now_us + SECOND_US, &found, &ends), NOT_FOUND);
    struct trade t = trade_of(&first, "4200000001");
    settle_at(&t, w.now_us);
    is(payment_hurry(&w.st, w.a, w.now_us + SECOND_US), OK);
    is(payment_take_due(&w.st, w.a, "alipay", w.now_us + SECOND_US, &found, &ends), OK);
    cr_assert(ends);
    /* hurried once: from then on it keeps its pauses */
    is(payment_hurry(&w.st, w.a, w.now_us + 5 * SECOND_US), OK);
    is(payment_take_due(&w.st, w.a, "alipay", w.now_us + 5 * SECOND_US, &found, &ends), NOT_FOUND);
}

Test(payment, a_cancelled_orders_attempts_end_at_once)
{
    (void)new_payment(account, &order_id);
    bool ends = false;
    is(order_cancel(&w.st, w.a, account, &order_id, w.now_us), OK);
    is(payment_hurry(&w.st, w.a, w.now_us + SECOND_US), OK);
    cr_assert(due(&w.st, w.now_us + SECOND_US, &ends));
    cr_assert(ends);
}

/* ---- what erasure leaves at the provider ---- */

Test(payment, a_pending_attempt_that_is_erased_is_closed_at_the_provider_all_the_same)
{
    struct payment p = new_payment(account, &order_id), found;
    is(erase_order(&w.st, w.a, account, &order_id, w.now_us, false), OK);
    is(attempts(), 0);
    is(erased_attempt_take_due(&w.st, w.a, "alipay", w.now_us, &found), NOT_FOUND);
    is(erased_attempt_take_due(&w.st, w.a, "wechat", w.now_us, &found), OK);
    same_text(found.out_trade_no, p.out_trade_no);
    same_text(found.merchant, p.merchant);
    same_text(found.appid, p.appid);
    same_text(found.method, "native");
    is(found.expires_us, p.expires_us);
    is(found.account_id, 0);
    is(erased_attempt_take_due(&w.st, w.a, "wechat", w.now_us + 29 * SECOND_US, &found), NOT_FOUND);
    is(erased_attempt_take_due(&w.st, w.a, "wechat", w.now_us + 30 * SECOND_US, &found), OK);
    is(erased_attempt_end(&w.st, w.a, &found), OK);
    is(erased_attempt_take_due(&w.st, w.a, "wechat", w.now_us + DAY_US, &found), NOT_FOUND);
}

Test(payment, an_erased_account_leaves_its_pending_trades_and_nothing_else_of_them)
{
    struct payment p = new_payment(account, &order_id);
    struct erased erased;
    is(erase_account(&w.st, w.a, account, w.now_us, false, &erased), OK);
    same_text(sql_text("SELECT out_trade_no FROM erased_attempt WHERE ask_at IS NOT NULL"),
              p.out_trade_no);
    is(rows_of_sql("SELECT count(*) FROM trade"), 0);
}

Test(payment, what_was_over_before_the_erasure_is_not_asked_about)
{
    struct payment p = new_payment(account, &order_id);
    is(payment_close(&w.st, w.a, &p, w.now_us), OK);
    is(erase_order(&w.st, w.a, account, &order_id, w.now_us, false), OK);
    is(rows_of_sql("SELECT count(*) FROM erased_attempt WHERE ask_at IS NOT NULL"), 0);
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
