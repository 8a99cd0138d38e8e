/* SPDX-License-Identifier: MIT */
/* Money given back: every arrow, every race, and never more than was paid. */
#include "store/refund.h"

#include <stdio.h>
#include <string.h>

#include "fixture.h"

TestSuite(refund, .init = world_up, .fini = world_down, .timeout = 60);

static int64_t account;
static struct uuid photo, order_id, operator_id;

static struct uuid uuid_of_sql(const char *sql)
{
    struct uuid id;
    const char *hex = sql_text("SELECT replace((%s)::text, '-', '')", sql);
    cr_assert_eq(strlen(hex), 32, "%s", sql);
    for (size_t i = 0; i < sizeof id.bytes; i++) {
        unsigned byte;
        cr_assert_eq(sscanf(hex + 2 * i, "%2x", &byte), 1);
        id.bytes[i] = (unsigned char)byte;
    }
    return id;
}

static void begin(const char *kind)
{
    account = new_account();
    photo = new_photo(account);
    order_id = new_paid_order(account, kind, &photo);
    operator_id = uuid_new();
}

static struct uuid entry(void)
{
    return uuid_of_sql("SELECT entry_id FROM ledger_entry WHERE kind = 'payment'"
                       " ORDER BY recorded_at DESC, entry_id DESC LIMIT 1");
}

/* A success that came after its order was cancelled. */
static struct trade pay_late(void)
{
    account = new_account();
    photo = new_photo(account);
    order_id = new_order(account, "electronic", &photo);
    struct payment p = new_payment(account, &order_id);
    is(order_cancel(&w.st, w.a, account, &order_id, w.now_us), OK);
    struct trade t = trade_of(&p, arena_printf(w.a, "T%s", p.out_trade_no));
    is(settle_at(&t, w.now_us).outcome, SETTLE_LATE);
    return t;
}

static struct refund take(int64_t at_us)
{
    struct refund r = {0};
    is(refund_take_due(&w.st, w.a, at_us, &r), OK);
    return r;
}

static struct refund_word word_of(const struct refund *r)
{
    return (struct refund_word){.channel = r->channel,
                                .merchant = r->merchant,
                                .out_refund_no = r->out_refund_no,
                                .transaction_id = r->transaction_id,
                                .refund_fen = r->refund_fen,
                                .done_us = w.now_us + SECOND_US,
                                .code = "CLOSED"};
}

static void finishes(const struct refund *r, enum refund_heard as)
{
    const struct refund_word word = word_of(r);
    enum refund_heard heard;
    is(refund_finish(&w.st, w.a, &word, w.now_us + MINUTE_US, &heard), OK);
    is(heard, as);
}

static void fails(const struct refund *r, const char *code, enum refund_heard as)
{
    struct refund_word word = word_of(r);
    enum refund_heard heard;
    word.code = code;
    is(refund_fail(&w.st, w.a, &word, w.now_us + MINUTE_US, &heard), OK);
    is(heard, as);
}

static void accepts(const struct refund *r, enum refund_heard as)
{
    const struct refund_word word = word_of(r);
    enum refund_heard heard;
    is(refund_accept(&w.st, w.a, &word, w.now_us + HOUR_US, w.now_us, &heard), OK);
    is(heard, as);
}

static const char *state(void)
{
    return sql_text("SELECT state FROM refund ORDER BY seq DESC LIMIT 1");
}

static int made_by_rule(void)
{
    int n = 0;
    for (bool made = true; made; n += made)
        is(refund_by_rule(&w.st, w.a, w.now_us, &made), OK);
    return n;
}

/* ---- by rule ---- */

Test(refund, what_came_late_is_refunded_once_and_resolved_when_it_is_back)
{
    struct trade t = pay_late();
    is(made_by_rule(), 1);
    is(made_by_rule(), 0);
    struct refund r = take(w.now_us);
    same_text(r.reason, "late");
    same_text(r.out_refund_no, arena_printf(w.a, "%sR1", t.out_trade_no));
    same_text(r.merchant, "1900000001");
    same_text(r.appid, "wx0000000000000001");
    is(r.refund_fen, 1990);
    is(r.total_fen, 1990);
    is(rows_of_sql("SELECT count(*) FROM anomaly WHERE resolved_at IS NOT NULL"), 0);
    finishes(&r, REFUND_CHANGED);
    is(rows_of_sql("SELECT count(*) FROM anomaly WHERE resolved_at IS NULL"), 0);
    is(made_by_rule(), 0);
}

Test(refund, a_second_success_is_refunded_and_the_first_is_not)
{
    begin("electronic");
    struct uuid second = new_order(account, "electronic", &photo);
    struct payment a1 = new_payment(account, &second);
    struct payment p = payment_of(account, &second, "alipay", "page");
    is(payment_begin(&w.st, w.a, &p, w.now_us), OK);
    struct trade t1 = trade_of(&a1, "4200000001"), t2 = trade_of(&p, "2026120122001");
    is(settle_at(&t1, w.now_us).outcome, SETTLE_SUCCESS);
    is(settle_at(&t2, w.now_us).outcome, SETTLE_SECOND);
    is(made_by_rule(), 1);
    struct refund r = take(w.now_us);
    same_text(r.transaction_id, "2026120122001");
    same_text(r.channel, "alipay");
    same_text(r.appid, "2021000000000001");
    same_text(r.reason, "second");
}

Test(refund, an_attempt_erased_unpaid_is_refunded_when_it_is_paid)
{
    account = new_account();
    photo = new_photo(account);
    order_id = new_order(account, "electronic", &photo);
    struct payment p = new_payment(account, &order_id);
    struct erased erased;
    is(erase_account(&w.st, w.a, account, w.now_us, false, &erased), OK);
    struct trade t = trade_of(&p, "4200000001");
    is(settle_at(&t, w.now_us).outcome, SETTLE_UNKNOWN);
    is(made_by_rule(), 1);
    struct refund r = take(w.now_us);
    same_text(r.reason, "erased");
    same_text(r.appid, "wx0000000000000001");
    finishes(&r, REFUND_CHANGED);
    is(rows_of_sql("SELECT count(*) FROM anomaly WHERE resolved_at IS NULL"), 0);
}

Test(refund, what_is_not_known_as_ours_or_not_whole_is_left_to_a_person)
{
    account = new_account();
    photo = new_photo(account);
    order_id = new_order(account, "electronic", &photo);
    struct payment p = new_payment(account, &order_id);
    struct trade t = trade_of(&p, "4200000001"), foreign = t;
    is(erase_order(&w.st, w.a, account, &order_id, w.now_us, false), OK);
    foreign.out_trade_no = "0123456789abcdefABCDEF";
    is(settle_at(&foreign, w.now_us).outcome, SETTLE_UNKNOWN);
    t.transaction_id = "4200000002";
    t.amount_fen--; /* not what the erased attempt asked for */
    is(settle_at(&t, w.now_us).outcome, SETTLE_UNKNOWN);
    is(made_by_rule(), 0);
}

Test(refund, an_erased_attempt_is_forgotten_a_week_after_it_could_be_paid)
{
    account = new_account();
    photo = new_photo(account);
    order_id = new_order(account, "electronic", &photo);
    struct payment p = new_payment(account, &order_id);
    struct purged purged = {0};
    bool more;
    is(erase_order(&w.st, w.a, account, &order_id, w.now_us, false), OK);
    is(purge_batch(&w.st, p.expires_us + 7 * DAY_US - 1, 10, &purged, &more), OK);
    is(rows_of_sql("SELECT count(*) FROM erased_attempt"), 1);
    is(purge_batch(&w.st, p.expires_us + 7 * DAY_US, 10, &purged, &more), OK);
    is(rows_of_sql("SELECT count(*) FROM erased_attempt"), 0);
}

/* ---- by the person ---- */

Test(refund, a_print_that_was_not_printed_is_paid_back_whole)
{
    begin("print");
    is(refund_prints(&w.st, w.a, account, &order_id, w.now_us), OK);
    is(refund_prints(&w.st, w.a, account, &order_id, w.now_us), OK);
    same_text(sql_text("SELECT state || ' ' || close_reason FROM orders"), "closed refunded");
    same_text(sql_text("SELECT reason || ' ' || refund_fen || ' ' || state FROM refund"),
              "cancelled 1990 requested");
    is(rows_of_sql("SELECT count(*) FROM refund"), 1);
}

Test(refund, of_a_mixed_order_the_prints_alone_are_paid_back_and_the_file_stays)
{
    begin("mixed");
    is(refund_prints(&w.st, w.a, account, &order_id, w.now_us), OK);
    same_text(sql_text("SELECT reason || ' ' || refund_fen FROM refund"), "unprinted-part 1000");
    is(photo_opens(account, &photo, w.now_us + 6 * DAY_US), OK);
}

Test(refund, an_electronic_photo_is_not_paid_back)
{
    begin("electronic");
    is(refund_prints(&w.st, w.a, account, &order_id, w.now_us), DENIED);
    same_text(sql_text("SELECT state FROM orders"), "paid");
    is(rows_of_sql("SELECT count(*) FROM refund"), 0);
}

Test(refund, what_is_being_made_or_was_never_paid_is_not_paid_back)
{
    static const char *const states[] = {"printing", "shipped", "delivered"};
    begin("print");
    for (size_t i = 0; i < 3; i++) {
        sql_do("UPDATE orders SET state = '%s'", states[i]);
        is(refund_prints(&w.st, w.a, account, &order_id, w.now_us), CONFLICT);
        same_text(sql_text("SELECT state FROM orders"), states[i]);
    }
    struct uuid open = new_order(account, "print", &photo);
    is(refund_prints(&w.st, w.a, account, &open, w.now_us), CONFLICT);
    is(refund_prints(&w.st, w.a, new_account(), &order_id, w.now_us), NOT_FOUND);
    is(rows_of_sql("SELECT count(*) FROM refund"), 0);
}

struct racer {
    bool refunds;
    enum status status;
};

static void *race(void *arg)
{
    struct racer *r = arg;
    struct store st = store_new();
    struct arena *a = arena_new();
    r->status = r->refunds ? refund_prints(&st, a, account, &order_id, w.now_us)
                           : order_ship(&st, a, account, &order_id, "{\"carrier\":\"SF\"}",
                                        &operator_id, w.now_us);
    arena_free(a);
    store_free(&st);
    return NULL;
}

Test(refund, shipping_and_giving_up_at_once_do_one_of_both)
{
    begin("print");
    for (int i = 0; i < 8; i++) {
        struct racer racers[] = {{true, 0}, {false, 0}, {true, 0}, {false, 0}};
        order_id = new_paid_order(account, "print", &photo);
        run_together(4, race, racers, sizeof *racers);
        const char *s =
            sql_text("SELECT state FROM orders WHERE order_id = '%s'", uuid_text(&order_id));
        bool refunded = racers[0].status == OK;
        is(racers[2].status == OK, refunded);
        is(racers[1].status == OK, !refunded);
        is(racers[3].status == OK, !refunded);
        same_text(s, refunded ? "closed" : "shipped");
        is(rows_of_sql("SELECT count(*) FROM refund WHERE order_id = '%s'", uuid_text(&order_id)),
           refunded);
    }
}

/* ---- erasing ---- */

Test(refund, a_forced_erasure_pays_back_what_was_not_printed_and_the_refund_outlives_it)
{
    begin("print");
    is(erase_order(&w.st, w.a, account, &order_id, w.now_us, false), CONFLICT);
    is(rows_of_sql("SELECT count(*) FROM refund"), 0);
    is(erase_order(&w.st, w.a, account, &order_id, w.now_us, true), OK);
    is(rows_of_sql("SELECT count(*) FROM orders"), 0);
    is(rows_of_sql("SELECT count(*) FROM refund WHERE account_id IS NULL AND order_id IS NULL"
                   " AND refund_fen = 1990"),
       1);
    struct refund r = take(w.now_us);
    finishes(&r, REFUND_CHANGED);
    is(rows_of_sql("SELECT sum(CASE kind WHEN 'payment' THEN amount_fen ELSE -amount_fen END)"
                   " FROM ledger_entry"),
       0);
}

Test(refund, erasing_a_photo_or_an_account_by_force_pays_back_its_unprinted_prints)
{
    begin("mixed");
    struct uuid other = new_photo(account);
    new_paid_order(account, "print", &other);
    is(erase_photo(&w.st, w.a, account, &photo, w.now_us, true), OK);
    same_text(sql_text("SELECT string_agg(reason, ' ') FROM refund"), "unprinted-part");
    struct erased erased;
    is(erase_account(&w.st, w.a, account, w.now_us, true, &erased), OK);
    same_text(sql_text("SELECT string_agg(reason, ' ' ORDER BY reason) FROM refund"),
              "cancelled unprinted-part");
    is(rows_of_sql("SELECT count(*) FROM refund WHERE account_id IS NOT NULL"), 0);
}

Test(refund, what_is_being_printed_is_forfeit)
{
    begin("print");
    sql_do("UPDATE orders SET state = 'printing'");
    is(erase_order(&w.st, w.a, account, &order_id, w.now_us, true), OK);
    is(rows_of_sql("SELECT count(*) FROM refund"), 0);
}

/* ---- by an operator ---- */

/* A seller may have several applications, and Alipay takes the refund from the one that was paid.
 */
Test(refund, the_application_is_known_when_the_attempt_is_gone)
{
    struct refund r;
    begin("electronic");
    struct uuid id = new_order(account, "electronic", &photo);
    struct payment p = payment_of(account, &id, "alipay", "page");
    is(payment_begin(&w.st, w.a, &p, w.now_us), OK);
    struct trade t = trade_of(&p, "2026120122001");
    is(settle_at(&t, w.now_us).outcome, SETTLE_SUCCESS);
    struct uuid e = uuid_of_sql("SELECT entry_id FROM ledger_entry WHERE channel = 'alipay'");
    is(erase_order(&w.st, w.a, account, &id, w.now_us, true), OK);
    is(rows_of_sql("SELECT count(*) FROM payment WHERE channel = 'alipay'"), 0);
    is(refund_payment(&w.st, w.a, &e, "goodwill", &operator_id, w.now_us, &r), OK);
    same_text(r.appid, "2021000000000001");
}

Test(refund, an_operator_gives_back_what_is_left_of_a_payment_and_no_more)
{
    begin("mixed");
    struct uuid e = entry(), found;
    struct refund r, again;
    is(refund_prints(&w.st, w.a, account, &order_id, w.now_us), OK);
    is(refund_find_entry(&w.st, w.a, account, &order_id, &found), OK);
    cr_assert(memcmp(&found, &e, sizeof e) == 0);
    is(refund_payment(&w.st, w.a, &e, "complaint", &operator_id, w.now_us, &r), OK);
    is(r.refund_fen, 990);
    is(refund_payment(&w.st, w.a, &e, "goodwill", &operator_id, w.now_us, &again), OK);
    same_text(again.out_refund_no, r.out_refund_no);
    is(rows_of_sql("SELECT count(*) FROM refund"), 2);
    is(rows_of_sql("SELECT count(DISTINCT out_refund_no) FROM refund"), 2);
    is(rows_of_sql("SELECT count(*) FROM audit_log WHERE actor = 'operator'"
                   " AND action = 'refund.request'"),
       1);
}

Test(refund, an_operators_refund_keeps_the_order_from_being_shipped)
{
    begin("print");
    struct uuid e = entry();
    struct refund r;
    is(refund_payment(&w.st, w.a, &e, "quality", &operator_id, w.now_us, &r), OK);
    same_text(sql_text("SELECT state || ' ' || close_reason FROM orders"), "closed refunded");
    is(order_ship(&w.st, w.a, account, &order_id, "{}", &operator_id, w.now_us), CONFLICT);
}

Test(refund, a_payment_whose_order_is_gone_is_refunded_from_the_ledger)
{
    begin("electronic");
    struct uuid e = entry(), none = uuid_new();
    struct refund r;
    is(erase_order(&w.st, w.a, account, &order_id, w.now_us, true), OK);
    is(refund_payment(&w.st, w.a, &e, "legal", &operator_id, w.now_us, &r), OK);
    is(r.refund_fen, 1990);
    finishes(&r, REFUND_CHANGED);
    is(refund_payment(&w.st, w.a, &none, "legal", &operator_id, w.now_us, &r), NOT_FOUND);
    struct uuid back = uuid_of_sql("SELECT entry_id FROM ledger_entry WHERE kind = 'refund'");
    is(refund_payment(&w.st, w.a, &back, "legal", &operator_id, w.now_us, &r), CONFLICT);
}

Test(refund, wechat_takes_refunds_for_a_year)
{
    begin("electronic");
    struct uuid e = entry();
    struct refund r;
    is(refund_payment(&w.st, w.a, &e, "legal", &operator_id, w.now_us + 366 * DAY_US, &r),
       CONFLICT);
    is(refund_payment(&w.st, w.a, &e, "legal", &operator_id, w.now_us + 364 * DAY_US, &r), OK);
}

/* ---- arrows ---- */

Test(refund, accepted_then_done_once_in_whatever_order_the_words_come)
{
    pay_late();
    is(made_by_rule(), 1);
    struct refund r = take(w.now_us);
    accepts(&r, REFUND_CHANGED);
    accepts(&r, REFUND_SAME);
    same_text(state(), "accepted");
    finishes(&r, REFUND_CHANGED);
    finishes(&r, REFUND_SAME);
    accepts(&r, REFUND_SAME);
    fails(&r, "CLOSED", REFUND_SAME);
    fails(&r, "ABNORMAL", REFUND_SAME);
    same_text(state(), "done");
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
    pay_late();
    is(made_by_rule(), 1);
    struct refund r = take(w.now_us);
    raced_word = word_of(&r);
    run_together(N, finish, heard, sizeof *heard);
    int changed = 0;
    for (int i = 0; i < N; i++)
        changed += heard[i] == REFUND_CHANGED;
    is(changed, 1);
    is(rows_of_sql("SELECT count(*) FROM ledger_entry WHERE kind = 'refund'"), 1);
}

Test(refund, a_provider_time_that_cannot_be_is_no_date)
{
    pay_late();
    is(made_by_rule(), 1);
    struct refund r = take(w.now_us);
    struct refund_word word = word_of(&r);
    enum refund_heard heard;
    word.done_us = w.now_us + 30 * DAY_US;
    is(refund_finish(&w.st, w.a, &word, w.now_us, &heard), OK);
    is(rows_of_sql("SELECT (extract(epoch FROM occurred_at) * 1000000)::bigint FROM ledger_entry"
                   " WHERE kind = 'refund'"),
       w.now_us);
}

Test(refund, a_word_about_another_amount_trade_or_number_changes_nothing)
{
    pay_late();
    is(made_by_rule(), 1);
    struct refund r = take(w.now_us), other = r;
    other.refund_fen--;
    finishes(&other, REFUND_DIFFERS);
    other = r;
    other.transaction_id = "4200000009";
    finishes(&other, REFUND_DIFFERS);
    other = r;
    other.out_refund_no = "xR1";
    finishes(&other, REFUND_UNKNOWN);
    other = r;
    other.merchant = "1900000002";
    finishes(&other, REFUND_UNKNOWN);
    same_text(state(), "requested");
    is(rows_of_sql("SELECT count(*) FROM ledger_entry WHERE kind = 'refund'"), 0);
}

Test(refund, a_refusal_frees_the_amount_and_the_next_try_has_a_new_number)
{
    begin("electronic");
    struct uuid e = entry();
    struct refund first, second;
    is(refund_payment(&w.st, w.a, &e, "legal", &operator_id, w.now_us, &first), OK);
    fails(&first, "TRADEERROR", REFUND_CHANGED);
    is(refund_payment(&w.st, w.a, &e, "legal", &operator_id, w.now_us, &second), OK);
    cr_assert(strcmp(first.out_refund_no, second.out_refund_no) != 0);
    same_text(strrchr(second.out_refund_no, 'R'), "R2");
}

Test(refund, an_abnormal_one_keeps_the_amount_until_a_person_has_acted)
{
    begin("electronic");
    struct uuid e = entry();
    struct refund r, again;
    is(refund_payment(&w.st, w.a, &e, "legal", &operator_id, w.now_us, &r), OK);
    fails(&r, "ABNORMAL", REFUND_CHANGED);
    fails(&r, "ABNORMAL", REFUND_SAME);
    is(refund_payment(&w.st, w.a, &e, "legal", &operator_id, w.now_us, &again), OK);
    same_text(again.out_refund_no, r.out_refund_no);
    is(rows_of_sql("SELECT count(*) FROM refund"), 1);
    again = take(w.now_us + DAY_US + HOUR_US);
    is(refund_later(&w.st, w.a, &again, "X", w.now_us + 2 * DAY_US, w.now_us + DAY_US), OK);
    same_text(sql_text("SELECT last_code FROM refund"), "ABNORMAL");
    finishes(&r, REFUND_CHANGED); /* paid by hand */
    same_text(state(), "done");
    is(rows_of_sql("SELECT count(*) FROM ledger_entry WHERE kind = 'refund'"), 1);
}

/* ---- never more than was paid ---- */

static struct uuid raced_entry;

static void *refund_it(void *arg)
{
    enum status *status = arg;
    struct store st = store_new();
    struct arena *a = arena_new();
    struct refund r;
    *status = refund_payment(&st, a, &raced_entry, "legal", &operator_id, w.now_us, &r);
    arena_free(a);
    store_free(&st);
    return NULL;
}

Test(refund, many_at_once_never_give_back_more_than_was_paid)
{
    enum { N = 8 };
    enum status s[N];
    begin("electronic");
    raced_entry = entry();
    is(erase_order(&w.st, w.a, account, &order_id, w.now_us, true), OK);
    run_together(N, refund_it, s, sizeof *s);
    for (int i = 0; i < N; i++)
        cr_assert(s[i] == OK || s[i] == CONFLICT, "%s", status_name(s[i]));
    is(rows_of_sql("SELECT sum(refund_fen) FROM refund"), 1990);
}

Test(refund, the_database_itself_refuses_more_than_was_paid_and_changed_amounts)
{
    begin("electronic");
#define INSERT(fen)                                                                                \
    "INSERT INTO refund (refund_id, entry_id, refund_fen, reason, requested_at)"                   \
    " SELECT gen_random_uuid(), entry_id, " fen ", 'legal', occurred_at FROM ledger_entry"
    same_text(sqlstate_of(w.app_url, INSERT("1991")), "UG409");
    same_text(sqlstate_of(w.app_url, INSERT("1000")), "00000");
    same_text(sqlstate_of(w.app_url, INSERT("1000")), "UG409");
    same_text(sqlstate_of(w.app_url, "UPDATE refund SET refund_fen = 1"), "42501");
    same_text(sqlstate_of(w.app_url, "UPDATE refund SET out_refund_no = 'x'"), "42501");
    same_text(sqlstate_of(w.app_url, "DELETE FROM refund"), "42501");
}

Test(refund, a_payment_has_fifty_refunds_at_most)
{
    begin("electronic");
    for (int i = 1; i <= 50; i++)
        sql_do(INSERT("1"));
    same_text(sqlstate_of(w.app_url, INSERT("1")), "UG409");
}

/* ---- taking turns ---- */

Test(refund, one_that_was_taken_is_claimed_and_two_of_a_payment_are_a_minute_apart)
{
    begin("mixed");
    struct uuid e = entry();
    struct refund r, none;
    is(refund_prints(&w.st, w.a, account, &order_id, w.now_us), OK);
    is(refund_payment(&w.st, w.a, &e, "complaint", &operator_id, w.now_us, &r), OK);
    struct refund first = take(w.now_us);
    is(first.tries, 1);
    is(refund_take_due(&w.st, w.a, w.now_us + MINUTE_US - 1, &none), NOT_FOUND);
    struct refund second = take(w.now_us + MINUTE_US);
    cr_assert(strcmp(first.out_refund_no, second.out_refund_no) != 0);
    /* what a crash left behind comes again, under the same number */
    struct refund again = take(w.now_us + 2 * MINUTE_US);
    same_text(again.out_refund_no, first.out_refund_no);
    is(again.tries, 2);
}

Test(refund, a_hint_brings_the_next_turn_forward_but_not_within_ten_seconds)
{
    pay_late();
    is(made_by_rule(), 1);
    struct refund r = take(w.now_us), none;
    accepts(&r, REFUND_CHANGED);
    is(refund_hint(&w.st, w.a, "wechat", r.transaction_id, w.now_us + SECOND_US), OK);
    is(refund_take_due(&w.st, w.a, w.now_us + 10 * SECOND_US - 1, &none), NOT_FOUND);
    is(take(w.now_us + 10 * SECOND_US).tries, 2);
}

Test(refund, the_refund_goes_with_its_payments_entry_after_ten_years)
{
    pay_late();
    is(made_by_rule(), 1);
    sql_do("UPDATE ledger_entry SET occurred_at = now() - interval '11 years'");
    int64_t gone;
    is(purge_books(&w.st, 10, &gone), OK);
    is(rows_of_sql("SELECT count(*) FROM refund"), 0);
}
