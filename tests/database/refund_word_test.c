/* SPDX-License-Identifier: MIT */
/* What providers say of refunds, and whose turn it is to be asked about. */
#include "refund_fixture.h"

#include <string.h>

/* ---- arrows ---- */

Test(refund, accepted_then_done_once_in_whatever_order_the_words_come)
{
    sale_pay_late();
    is(refunds_made_by_rule(), 1);
    struct refund r = refund_take(w.now_us);
    refund_accepts(&r, REFUND_CHANGED);
    refund_accepts(&r, REFUND_SAME);
    same_text(refund_state(), "accepted");
    refund_finishes(&r, REFUND_CHANGED);
    refund_finishes(&r, REFUND_SAME);
    refund_accepts(&r, REFUND_SAME);
    refund_fails(&r, "CLOSED", REFUND_SAME);
    refund_fails(&r, "ABNORMAL", REFUND_SAME);
    same_text(refund_state(), "done");
    is(rows_of_sql("SELECT count(*) FROM ledger_entry WHERE kind = 'refund'"), 1);
    is(rows_of_sql("SELECT (extract(epoch FROM occurred_at) * 1000000)::bigint FROM ledger_entry"
                   " WHERE kind = 'refund'"),
       w.now_us + SECOND_US);
    same_text(sql_text("SELECT out_refund_no FROM ledger_entry WHERE kind = 'refund'"),
              r.out_refund_no);
}

/* What run_together's threads are given. */
static struct refund_word raced_word;

static void *finish(void *arg)
{
    enum refund_heard *heard = arg;
    struct store st = store_new();
    struct arena *a = arena_new();
    enum status s = refund_finish(&st, a, &raced_word, w.now_us, heard);
    arena_free(a);
    store_free(&st);
    return s == OK ? NULL : arg;
}

Test(refund, callback_and_query_that_come_together_enter_it_once)
{
    enum { N = 8 };
    enum refund_heard heard[N];
    sale_pay_late();
    is(refunds_made_by_rule(), 1);
    struct refund r = refund_take(w.now_us);
    raced_word = refund_word_of(&r);
    run_together(N, finish, heard, sizeof *heard);
    int changed = 0;
    for (int i = 0; i < N; i++)
        changed += heard[i] == REFUND_CHANGED;
    is(changed, 1);
    is(rows_of_sql("SELECT count(*) FROM ledger_entry WHERE kind = 'refund'"), 1);
}

Test(refund, a_provider_time_that_cannot_be_is_no_date)
{
    sale_pay_late();
    is(refunds_made_by_rule(), 1);
    struct refund r = refund_take(w.now_us);
    struct refund_word word = refund_word_of(&r);
    enum refund_heard heard;
    word.done_us = w.now_us + 30 * DAY_US;
    is(refund_finish(&w.st, w.a, &word, w.now_us, &heard), OK);
    is(rows_of_sql("SELECT (extract(epoch FROM occurred_at) * 1000000)::bigint FROM ledger_entry"
                   " WHERE kind = 'refund'"),
       w.now_us);
}

Test(refund, a_word_about_another_amount_trade_or_number_changes_nothing)
{
    sale_pay_late();
    is(refunds_made_by_rule(), 1);
    struct refund r = refund_take(w.now_us), other = r;
    other.refund_fen--;
    refund_finishes(&other, REFUND_DIFFERS);
    other = r;
    other.transaction_id = "4200000009";
    refund_finishes(&other, REFUND_DIFFERS);
    other = r;
    other.out_refund_no = "xR1";
    refund_finishes(&other, REFUND_UNKNOWN);
    other = r;
    other.merchant = "1900000002";
    refund_finishes(&other, REFUND_UNKNOWN);
    same_text(refund_state(), "requested");
    is(rows_of_sql("SELECT count(*) FROM ledger_entry WHERE kind = 'refund'"), 0);
}

Test(refund, a_refusal_frees_the_amount_and_the_next_try_has_a_new_number)
{
    sale_begin("electronic");
    struct uuid e = sale_entry();
    struct refund first, second;
    is(refund_payment(&w.st, w.a, &e, "legal", &sale.operator_id, w.now_us, &first), OK);
    refund_fails(&first, "TRADEERROR", REFUND_CHANGED);
    is(refund_payment(&w.st, w.a, &e, "legal", &sale.operator_id, w.now_us, &second), OK);
    cr_assert(strcmp(first.out_refund_no, second.out_refund_no) != 0);
    same_text(strrchr(second.out_refund_no, 'R'), "R2");
}

Test(refund, an_abnormal_one_keeps_the_amount_until_a_person_has_acted)
{
    sale_begin("electronic");
    struct uuid e = sale_entry();
    struct refund r, again;
    is(refund_payment(&w.st, w.a, &e, "legal", &sale.operator_id, w.now_us, &r), OK);
    refund_fails(&r, "ABNORMAL", REFUND_CHANGED);
    refund_fails(&r, "ABNORMAL", REFUND_SAME);
    is(refund_payment(&w.st, w.a, &e, "legal", &sale.operator_id, w.now_us, &again), OK);
    same_text(again.out_refund_no, r.out_refund_no);
    is(rows_of_sql("SELECT count(*) FROM refund"), 1);
    again = refund_take(w.now_us + DAY_US + HOUR_US);
    is(refund_later(&w.st, w.a, &again, "X", w.now_us + 2 * DAY_US, w.now_us + DAY_US), OK);
    same_text(sql_text("SELECT last_code FROM refund"), "ABNORMAL");
    refund_finishes(&r, REFUND_CHANGED); /* paid by hand */
    same_text(refund_state(), "done");
    is(rows_of_sql("SELECT count(*) FROM ledger_entry WHERE kind = 'refund'"), 1);
}

/* ---- taking turns ---- */

Test(refund, one_that_was_taken_is_claimed_and_two_of_a_payment_are_a_minute_apart)
{
    sale_begin("mixed");
    struct uuid e = sale_entry();
    struct refund r, none;
    is(refund_prints(&w.st, w.a, sale.account, &sale.order_id, w.now_us), OK);
    is(refund_payment(&w.st, w.a, &e, "complaint", &sale.operator_id, w.now_us, &r), OK);
    struct refund first = refund_take(w.now_us);
    is(first.tries, 1);
    is(refund_take_due(&w.st, w.a, w.now_us + MINUTE_US - 1, &none), NOT_FOUND);
    struct refund second = refund_take(w.now_us + MINUTE_US);
    cr_assert(strcmp(first.out_refund_no, second.out_refund_no) != 0);
    /* what a crash left behind comes again, under the same number */
    struct refund again = refund_take(w.now_us + 2 * MINUTE_US);
    same_text(again.out_refund_no, first.out_refund_no);
    is(again.tries, 2);
}

Test(refund, a_hint_brings_the_next_turn_forward_but_not_within_ten_seconds)
{
    sale_pay_late();
    is(refunds_made_by_rule(), 1);
    struct refund r = refund_take(w.now_us), none;
    refund_accepts(&r, REFUND_CHANGED);
    is(refund_hint(&w.st, w.a, "wechat", r.transaction_id, w.now_us + SECOND_US), OK);
    is(refund_take_due(&w.st, w.a, w.now_us + 10 * SECOND_US - 1, &none), NOT_FOUND);
    is(refund_take(w.now_us + 10 * SECOND_US).tries, 2);
}

Test(refund, the_refund_goes_with_its_payments_entry_after_ten_years)
{
    sale_pay_late();
    is(refunds_made_by_rule(), 1);
    sql_do("UPDATE ledger_entry SET occurred_at = now() - interval '11 years',"
           " day = day_of(now() - interval '11 years')");
    int64_t gone;
    is(purge_books(&w.st, 10, &gone), OK);
    is(rows_of_sql("SELECT count(*) FROM refund"), 0);
}
