/* SPDX-License-Identifier: MIT */
/* A provider's bill beside the ledger: what matches, what is missing on either side, what differs,
 * and the edge of the day. */
#include <string.h>

#include "fixture.h"
#include "store/reconciliation.h"

TestSuite(reconciliation, .init = world_up, .fini = world_down, .timeout = 60);

static int32_t today(void)
{
    return day_of(w.now_us);
}

static struct bill_name wechat_of(int32_t day)
{
    return (struct bill_name){day, "wechat", "1900000001"};
}

/* An entry of the ledger, of the merchant and the day of at_us. refund_no NULL: a payment. */
static void entry_at(const char *transaction_id, const char *refund_no, int64_t fen, int64_t at_us)
{
    char at[TIME_TEXT_BYTES];
    sql_do("INSERT INTO ledger_entry (entry_id, kind, channel, merchant, transaction_id,"
           " out_trade_no, out_refund_no, amount_fen, occurred_at, recorded_at, day)"
           " VALUES (gen_random_uuid(), '%s', 'wechat', '1900000001', '%s', 'n%s', %s%s%s, %lld,"
           " '%s', '%s', %d)",
           refund_no ? "refund" : "payment", transaction_id, transaction_id, refund_no ? "'" : "",
           refund_no ? refund_no : "NULL", refund_no ? "'" : "", (long long)fen,
           time_format(at_us, at), at, day_of(at_us));
}

static struct bill_line line_at(const char *transaction_id, const char *refund_no, int64_t fen,
                                int64_t at_us)
{
    return (struct bill_line){
        .refund = refund_no != NULL,
        .transaction_id = transaction_id,
        .out_trade_no = arena_printf(w.a, "n%s", transaction_id),
        .out_refund_no = refund_no,
        .refund_state = refund_no ? "SUCCESS" : NULL,
        .currency = "CNY",
        .amount_fen = fen,
        .at_us = at_us,
    };
}

static struct bill_figures compare_on(int32_t day, const struct bill_line *lines, size_t n)
{
    struct bill_figures f;
    struct bill_name name = wechat_of(day);
    is(bill_compare(&w.st, w.a, &name, lines, n, w.now_us, &f), OK);
    return f;
}

static const char *findings_of(int32_t day)
{
    return sql_text("SELECT coalesce(string_agg(finding || ' ' || kind || ' ' || transaction_id,"
                    " ', ' ORDER BY line_no), '') FROM bill_difference WHERE day = %d",
                    day);
}

static bool is_due(int32_t day)
{
    static const char *const channel = "wechat", *const merchant = "1900000001";
    struct bill_due *due;
    size_t n;
    is(bill_list_due(&w.st, w.a, &channel, &merchant, 1, day, day, w.now_us, false, &due, &n), OK);
    return n == 1;
}

Test(reconciliation, what_agrees_is_counted_and_nothing_of_it_is_kept)
{
    entry_at("1", NULL, 1990, w.now_us);
    entry_at("1", "n1R1", 500, w.now_us);
    entry_at("1", "n1R2", 90, w.now_us);
    const struct bill_line lines[] = {line_at("1", "n1R2", 90, w.now_us),
                                      line_at("1", NULL, 1990, w.now_us),
                                      line_at("1", "n1R1", 500, w.now_us)};
    struct bill_figures f = compare_on(today(), lines, 3);
    is(f.matched, 3);
    is(f.here_payments, 1);
    is(f.here_payments_fen, 1990);
    is(f.there_payments_fen, 1990);
    is(f.here_refunds, 2);
    is(f.here_refunds_fen, 590);
    is(f.there_refunds, 2);
    is(f.there_refunds_fen, 590);
    is(f.different + f.only_here + f.only_there + f.other_day + f.under_way + f.awaiting, 0);
    same_text(findings_of(today()), "");
    cr_assert_not(is_due(today()), "a day that agrees is not asked for again");
}

Test(reconciliation, each_difference_is_named_by_its_kind)
{
    entry_at("same", NULL, 100, w.now_us);
    entry_at("less", NULL, 100, w.now_us);
    entry_at("ours", NULL, 100, w.now_us);
    entry_at("same", "r", 40, w.now_us);
    const struct bill_line lines[] = {
        line_at("same", NULL, 100, w.now_us), line_at("less", NULL, 101, w.now_us),
        line_at("theirs", NULL, 100, w.now_us), line_at("same", "other", 40, w.now_us)};
    struct bill_figures f = compare_on(today(), lines, 4);
    is(f.matched, 1);
    is(f.different, 1);
    is(f.only_here, 2);
    is(f.only_there, 2);
    same_text(findings_of(today()),
              "different payment less, only-there payment theirs, only-there refund same,"
              " only-here payment ours, only-here refund same");
    is(rows_of_sql("SELECT here_fen * 1000 + there_fen FROM bill_difference"
                   " WHERE transaction_id = 'less'"),
       100101);
    cr_assert_not(is_due(today()), "not at once");
    w.now_us += 7 * HOUR_US;
    cr_assert(is_due(day_of(w.now_us - 7 * HOUR_US)), "a day with differences is compared again");
}

Test(reconciliation, a_number_or_a_state_that_differs_is_a_difference_too)
{
    entry_at("a", NULL, 100, w.now_us);
    entry_at("b", NULL, 100, w.now_us);
    entry_at("b", "r", 10, w.now_us);
    struct bill_line lines[] = {line_at("a", NULL, 100, w.now_us),
                                line_at("b", NULL, 100, w.now_us), line_at("b", "r", 10, w.now_us)};
    lines[0].out_trade_no = "another";
    lines[1].currency = "USD";
    lines[2].refund_state = "ABNORMAL";
    struct bill_figures f = compare_on(today(), lines, 3);
    is(f.different, 3);
    is(f.matched, 0);
}

Test(reconciliation, a_line_that_comes_twice_is_met_once)
{
    entry_at("a", NULL, 100, w.now_us);
    const struct bill_line lines[] = {line_at("a", NULL, 100, w.now_us),
                                      line_at("a", NULL, 100, w.now_us)};
    struct bill_figures f = compare_on(today(), lines, 2);
    is(f.matched, 1);
    is(f.only_there, 1);
}

Test(reconciliation, comparing_again_takes_the_place_of_what_was_found_before)
{
    const struct bill_line line = line_at("late", NULL, 100, w.now_us);
    is(compare_on(today(), &line, 1).only_there, 1);
    entry_at("late", NULL, 100, w.now_us); /* its callback came after the bill */
    is(compare_on(today(), &line, 1).matched, 1);
    same_text(findings_of(today()), "");
    is(rows_of_sql("SELECT count(*) FROM bill_day WHERE tries = 2 AND only_there = 0"), 1);
}

Test(reconciliation, a_day_is_compared_a_dozen_times_at_most)
{
    const struct bill_line line = line_at("never", NULL, 100, w.now_us);
    int32_t day = today();
    for (int i = 0; i < 12; i++) {
        compare_on(day, &line, 1);
        w.now_us += 7 * HOUR_US;
        entry_at(arena_printf(w.a, "x%d", i), NULL, 1, w.now_us);
        if (i < 11)
            cr_assert(is_due(day), "after %d", i + 1);
    }
    cr_assert_not(is_due(day));
}

/* ---- the edge of the day ---- */

Test(reconciliation, a_line_whose_entry_stands_on_the_next_day_is_told_once)
{
    int64_t midnight_us = day_start_us(today());
    entry_at("edge", NULL, 100, midnight_us);
    const struct bill_line line = line_at("edge", NULL, 100, midnight_us - SECOND_US);
    struct bill_figures yesterday = compare_on(today() - 1, &line, 1);
    is(yesterday.other_day, 1);
    is(yesterday.only_there, 0);
    same_text(findings_of(today() - 1), "other-day payment edge");
    struct bill_figures f = compare_on(today(), NULL, 0);
    is(f.other_day, 1);
    is(f.only_here, 0);
    same_text(findings_of(today()), "");
}

Test(reconciliation, an_entry_of_the_last_minutes_waits_for_the_next_days_bill)
{
    int64_t midnight_us = day_start_us(today());
    entry_at("edge", NULL, 100, midnight_us - SECOND_US);
    entry_at("lost", NULL, 100, midnight_us - HOUR_US);
    struct bill_figures f = compare_on(today() - 1, NULL, 0);
    is(f.awaiting, 1);
    is(f.only_here, 1);
    same_text(findings_of(today() - 1), "only-here payment lost, awaits-next-day payment edge");

    const struct bill_line line = line_at("edge", NULL, 100, midnight_us);
    is(compare_on(today(), &line, 1).other_day, 1);
    f = compare_on(today() - 1, NULL, 0);
    is(f.awaiting, 0);
    is(f.other_day, 1);
    is(f.only_here, 1);
}

Test(reconciliation, an_entry_that_the_next_days_bill_does_not_name_is_missing_there)
{
    entry_at("edge", NULL, 100, day_start_us(today()) - SECOND_US);
    is(compare_on(today() - 1, NULL, 0).awaiting, 1);
    compare_on(today(), NULL, 0);
    struct bill_figures f = compare_on(today() - 1, NULL, 0);
    is(f.awaiting, 0);
    is(f.only_here, 1);
}

Test(reconciliation, a_refund_under_way_in_the_bill_meets_its_entry_when_it_is_done)
{
    struct bill_line line = line_at("1", "r", 40, w.now_us - DAY_US);
    line.refund_state = "PROCESSING";
    struct bill_figures f = compare_on(today() - 1, &line, 1);
    is(f.under_way, 1);
    is(f.different + f.only_there, 0);
    entry_at("1", "r", 40, w.now_us);
    f = compare_on(today(), NULL, 0);
    is(f.only_here, 0);
    is(f.other_day, 1);
}

Test(reconciliation, an_entry_of_another_day_with_another_amount_is_a_difference)
{
    entry_at("edge", NULL, 101, day_start_us(today()));
    const struct bill_line line = line_at("edge", NULL, 100, day_start_us(today()) - SECOND_US);
    is(compare_on(today() - 1, &line, 1).different, 1);
}

Test(reconciliation, another_merchants_and_another_channels_entries_are_left_alone)
{
    entry_at("mine", NULL, 100, w.now_us);
    sql_do("INSERT INTO ledger_entry SELECT gen_random_uuid(), kind, channel, '1900000002',"
           " 'theirs', out_trade_no, amount_fen, occurred_at, recorded_at, day FROM ledger_entry");
    sql_do("INSERT INTO ledger_entry SELECT gen_random_uuid(), kind, 'alipay', merchant, 'ali',"
           " out_trade_no, amount_fen, occurred_at, recorded_at, day FROM ledger_entry"
           " WHERE transaction_id = 'mine'");
    const struct bill_line line = line_at("mine", NULL, 100, w.now_us);
    struct bill_figures f = compare_on(today(), &line, 1);
    is(f.matched, 1);
    is(f.here_payments, 1);
    is(f.only_here, 0);
}

/* ---- which bills are due ---- */

Test(reconciliation, no_bill_is_due_before_the_first_payment_of_a_merchant)
{
    cr_assert_not(is_due(today() - 1));
    entry_at("first", NULL, 100, w.now_us - DAY_US);
    cr_assert(is_due(today() - 1));
    cr_assert(is_due(today()), "and a day without payments after it is");
    cr_assert_not(is_due(today() - 2));
}

Test(reconciliation, a_bill_that_does_not_come_is_asked_for_again_ever_later)
{
    struct bill_name name = wechat_of(today());
    int64_t minutes = 15;
    entry_at("1", NULL, 100, w.now_us);
    for (int i = 0; i < 7; i++) {
        is(bill_note_failure(&w.st, w.a, &name, "creating", false, w.now_us), OK);
        w.now_us += minutes * MINUTE_US - SECOND_US;
        cr_assert_not(is_due(name.day), "after %d", i + 1);
        w.now_us += SECOND_US;
        cr_assert(is_due(name.day), "after %d", i + 1);
        minutes = 2 * minutes < 360 ? 2 * minutes : 360;
    }
    is(rows_of_sql("SELECT count(*) FROM bill_day WHERE compared_at IS NULL AND empty_at IS NULL"),
       1);
}

Test(reconciliation, the_first_word_that_there_is_no_bill_is_remembered)
{
    static const char *const channel = "wechat", *const merchant = "1900000001";
    struct bill_name name = wechat_of(today());
    struct bill_due *due;
    size_t n;
    int64_t first_us = w.now_us;
    entry_at("1", NULL, 100, w.now_us);
    is(bill_note_failure(&w.st, w.a, &name, "none", true, w.now_us), OK);
    w.now_us += HOUR_US;
    is(bill_note_failure(&w.st, w.a, &name, "none", true, w.now_us), OK);
    is(bill_list_due(&w.st, w.a, &channel, &merchant, 1, today(), today(), w.now_us, true, &due,
                     &n),
       OK);
    is(n, 1);
    is(due[0].empty_us, first_us);
}

Test(reconciliation, figures_and_differences_are_read_as_they_were_kept_and_go_after_ten_years)
{
    struct bill_day *days;
    struct bill_difference *differences;
    size_t n_days, n;
    struct bill_line line = line_at("x", "r", 40, w.now_us);
    compare_on(today(), &line, 1);
    is(bill_read_day(&w.st, w.a, today(), &days, &n_days, &differences, &n), OK);
    is(n_days, 1);
    is(n, 1);
    same_text(days[0].name.merchant, "1900000001");
    is(days[0].compared_us, w.now_us);
    is(days[0].figures.only_there, 1);
    is(days[0].figures.there_refunds_fen, 40);
    same_text(differences[0].finding, "only-there");
    same_text(differences[0].out_refund_no, "r");
    same_text(differences[0].there_state, "SUCCESS");
    cr_assert_not(differences[0].is_here);
    is(differences[0].there_fen, 40);
    is(differences[0].there_us, w.now_us / SECOND_US * SECOND_US);
    is(bill_trim(&w.st, w.a, today()), OK);
    is(rows_of_sql("SELECT count(*) FROM bill_day"), 1);
    is(bill_trim(&w.st, w.a, today() + 1), OK);
    is(rows_of_sql("SELECT count(*) FROM bill_difference"), 0);
}
