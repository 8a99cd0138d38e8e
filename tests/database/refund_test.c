/* SPDX-License-Identifier: MIT */
/* Money given back: by rule, by a person, by an operator, and never more than was paid. */
#include "refund_fixture.h"

#include <string.h>

TestSuite(refund, .init = world_up, .fini = world_down, .timeout = 60);

/* ---- by rule ---- */

Test(refund, what_came_late_is_refunded_once_and_resolved_when_it_is_back)
{
    struct trade t = sale_pay_late();
    is(refunds_made_by_rule(), 1);
    is(refunds_made_by_rule(), 0);
    struct refund r = refund_take(w.now_us);
    same_text(r.reason, "late");
    same_text(r.out_refund_no, arena_printf(w.a, "%sR1", t.out_trade_no));
    same_text(r.merchant, "1900000001");
    same_text(r.appid, "wx0000000000000001");
    is(r.refund_fen, 1990);
    is(r.total_fen, 1990);
    is(rows_of_sql("SELECT count(*) FROM anomaly WHERE resolved_at IS NOT NULL"), 0);
    refund_finishes(&r, REFUND_CHANGED);
    is(rows_of_sql("SELECT count(*) FROM anomaly WHERE resolved_at IS NULL"), 0);
    is(refunds_made_by_rule(), 0);
}

Test(refund, a_second_success_is_refunded_and_the_first_is_not)
{
    sale_begin("electronic");
    struct uuid second = new_order(sale.account, "electronic", &sale.photo);
    struct payment a1 = new_payment(sale.account, &second);
    struct payment p = payment_of(sale.account, &second, "alipay", "page");
    is(payment_begin(&w.st, w.a, &p, w.now_us), OK);
    struct trade t1 = trade_of(&a1, "4200000001"), t2 = trade_of(&p, "2026120122001");
    is(settle_at(&t1, w.now_us).outcome, SETTLE_SUCCESS);
    is(settle_at(&t2, w.now_us).outcome, SETTLE_SECOND);
    is(refunds_made_by_rule(), 1);
    struct refund r = refund_take(w.now_us);
    same_text(r.transaction_id, "2026120122001");
    same_text(r.channel, "alipay");
    same_text(r.appid, "2021000000000001");
    same_text(r.reason, "second");
}

Test(refund, an_attempt_erased_unpaid_is_refunded_when_it_is_paid)
{
    sale.account = new_account();
    sale.photo = new_photo(sale.account);
    sale.order_id = new_order(sale.account, "electronic", &sale.photo);
    struct payment p = new_payment(sale.account, &sale.order_id);
    struct erased erased;
    is(erase_account(&w.st, w.a, sale.account, w.now_us, false, &erased), OK);
    struct trade t = trade_of(&p, "4200000001");
    is(settle_at(&t, w.now_us).outcome, SETTLE_UNKNOWN);
    is(refunds_made_by_rule(), 1);
    struct refund r = refund_take(w.now_us);
    same_text(r.reason, "erased");
    same_text(r.appid, "wx0000000000000001");
    refund_finishes(&r, REFUND_CHANGED);
    is(rows_of_sql("SELECT count(*) FROM anomaly WHERE resolved_at IS NULL"), 0);
}

Test(refund, what_is_not_known_as_ours_or_not_whole_is_left_to_a_person)
{
    sale.account = new_account();
    sale.photo = new_photo(sale.account);
    sale.order_id = new_order(sale.account, "electronic", &sale.photo);
    struct payment p = new_payment(sale.account, &sale.order_id);
    struct trade t = trade_of(&p, "4200000001"), foreign = t;
    is(erase_order(&w.st, w.a, sale.account, &sale.order_id, w.now_us, false), OK);
    foreign.out_trade_no = "0123456789abcdefABCDEF";
    is(settle_at(&foreign, w.now_us).outcome, SETTLE_UNKNOWN);
    t.transaction_id = "4200000002";
    t.amount_fen--; /* not what the erased attempt asked for */
    is(settle_at(&t, w.now_us).outcome, SETTLE_UNKNOWN);
    is(refunds_made_by_rule(), 0);
}

Test(refund, an_erased_attempt_is_forgotten_a_week_after_it_could_be_paid)
{
    sale.account = new_account();
    sale.photo = new_photo(sale.account);
    sale.order_id = new_order(sale.account, "electronic", &sale.photo);
    struct payment p = new_payment(sale.account, &sale.order_id);
    struct purged purged = {0};
    bool more;
    is(erase_order(&w.st, w.a, sale.account, &sale.order_id, w.now_us, false), OK);
    is(purge_batch(&w.st, p.expires_us + 7 * DAY_US - 1, 10, &purged, &more), OK);
    is(rows_of_sql("SELECT count(*) FROM erased_attempt"), 1);
    is(purge_batch(&w.st, p.expires_us + 7 * DAY_US, 10, &purged, &more), OK);
    is(rows_of_sql("SELECT count(*) FROM erased_attempt"), 0);
}

/* ---- by the person ---- */

Test(refund, a_print_that_was_not_printed_is_paid_back_whole)
{
    sale_begin("print");
    is(refund_prints(&w.st, w.a, sale.account, &sale.order_id, w.now_us), OK);
    is(refund_prints(&w.st, w.a, sale.account, &sale.order_id, w.now_us), OK);
    same_text(sql_text("SELECT state || ' ' || close_reason FROM orders"), "closed refunded");
    same_text(sql_text("SELECT reason || ' ' || refund_fen || ' ' || state FROM refund"),
              "cancelled 1990 requested");
    is(rows_of_sql("SELECT count(*) FROM refund"), 1);
}

Test(refund, of_a_mixed_order_the_prints_alone_are_paid_back_and_the_file_stays)
{
    sale_begin("mixed");
    is(refund_prints(&w.st, w.a, sale.account, &sale.order_id, w.now_us), OK);
    same_text(sql_text("SELECT reason || ' ' || refund_fen FROM refund"), "unprinted-part 1000");
    is(photo_opens(sale.account, &sale.photo, w.now_us + 6 * DAY_US), OK);
}

Test(refund, an_electronic_photo_is_not_paid_back)
{
    sale_begin("electronic");
    is(refund_prints(&w.st, w.a, sale.account, &sale.order_id, w.now_us), DENIED);
    same_text(sql_text("SELECT state FROM orders"), "paid");
    is(rows_of_sql("SELECT count(*) FROM refund"), 0);
}

Test(refund, what_is_being_made_or_was_never_paid_is_not_paid_back)
{
    static const char *const states[] = {"printing", "shipped", "delivered"};
    sale_begin("print");
    for (size_t i = 0; i < 3; i++) {
        sql_do("UPDATE orders SET state = '%s'", states[i]);
        is(refund_prints(&w.st, w.a, sale.account, &sale.order_id, w.now_us), CONFLICT);
        same_text(sql_text("SELECT state FROM orders"), states[i]);
    }
    struct uuid open = new_order(sale.account, "print", &sale.photo);
    is(refund_prints(&w.st, w.a, sale.account, &open, w.now_us), CONFLICT);
    is(refund_prints(&w.st, w.a, new_account(), &sale.order_id, w.now_us), NOT_FOUND);
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
    r->status = r->refunds ? refund_prints(&st, a, sale.account, &sale.order_id, w.now_us)
                           : order_ship(&st, a, sale.account, &sale.order_id,
                                        "{\"carrier\":\"SF\"}", &sale.operator_id, w.now_us);
    arena_free(a);
    store_free(&st);
    return NULL;
}

Test(refund, shipping_and_giving_up_at_once_do_one_of_both)
{
    sale_begin("print");
    for (int i = 0; i < 8; i++) {
        struct racer racers[] = {{true, 0}, {false, 0}, {true, 0}, {false, 0}};
        sale.order_id = new_paid_order(sale.account, "print", &sale.photo);
        run_together(4, race, racers, sizeof *racers);
        const char *s =
            sql_text("SELECT state FROM orders WHERE order_id = '%s'", uuid_text(&sale.order_id));
        bool refunded = racers[0].status == OK;
        is(racers[2].status == OK, refunded);
        is(racers[1].status == OK, !refunded);
        is(racers[3].status == OK, !refunded);
        same_text(s, refunded ? "closed" : "shipped");
        is(rows_of_sql("SELECT count(*) FROM refund WHERE order_id = '%s'",
                       uuid_text(&sale.order_id)),
           refunded);
    }
}

/* ---- erasing ---- */

Test(refund, a_forced_erasure_pays_back_what_was_not_printed_and_the_refund_outlives_it)
{
    sale_begin("print");
    is(erase_order(&w.st, w.a, sale.account, &sale.order_id, w.now_us, false), CONFLICT);
    is(rows_of_sql("SELECT count(*) FROM refund"), 0);
    is(erase_order(&w.st, w.a, sale.account, &sale.order_id, w.now_us, true), OK);
    is(rows_of_sql("SELECT count(*) FROM orders"), 0);
    is(rows_of_sql("SELECT count(*) FROM refund WHERE account_id IS NULL AND order_id IS NULL"
                   " AND refund_fen = 1990"),
       1);
    struct refund r = refund_take(w.now_us);
    refund_finishes(&r, REFUND_CHANGED);
    is(rows_of_sql("SELECT sum(CASE kind WHEN 'payment' THEN amount_fen ELSE -amount_fen END)"
                   " FROM ledger_entry"),
       0);
}

Test(refund, erasing_a_photo_or_an_account_by_force_pays_back_its_unprinted_prints)
{
    sale_begin("mixed");
    struct uuid other = new_photo(sale.account);
    new_paid_order(sale.account, "print", &other);
    is(erase_photo(&w.st, w.a, sale.account, &sale.photo, w.now_us, true), OK);
    same_text(sql_text("SELECT string_agg(reason, ' ') FROM refund"), "unprinted-part");
    struct erased erased;
    is(erase_account(&w.st, w.a, sale.account, w.now_us, true, &erased), OK);
    same_text(sql_text("SELECT string_agg(reason, ' ' ORDER BY reason) FROM refund"),
              "cancelled unprinted-part");
    is(rows_of_sql("SELECT count(*) FROM refund WHERE account_id IS NOT NULL"), 0);
}

Test(refund, what_is_being_printed_is_forfeit)
{
    sale_begin("print");
    sql_do("UPDATE orders SET state = 'printing'");
    is(erase_order(&w.st, w.a, sale.account, &sale.order_id, w.now_us, true), OK);
    is(rows_of_sql("SELECT count(*) FROM refund"), 0);
}

/* ---- by an operator ---- */

/* A seller may have several applications, and Alipay takes the refund from the one that was paid.
 */
Test(refund, the_application_is_known_when_the_attempt_is_gone)
{
    struct refund r;
    sale_begin("electronic");
    struct uuid id = new_order(sale.account, "electronic", &sale.photo);
    struct payment p = payment_of(sale.account, &id, "alipay", "page");
    is(payment_begin(&w.st, w.a, &p, w.now_us), OK);
    struct trade t = trade_of(&p, "2026120122001");
    is(settle_at(&t, w.now_us).outcome, SETTLE_SUCCESS);
    struct uuid e = uuid_of_sql("SELECT entry_id FROM ledger_entry WHERE channel = 'alipay'");
    is(erase_order(&w.st, w.a, sale.account, &id, w.now_us, true), OK);
    is(rows_of_sql("SELECT count(*) FROM payment WHERE channel = 'alipay'"), 0);
    is(refund_payment(&w.st, w.a, &e, "goodwill", &sale.operator_id, w.now_us, &r), OK);
    same_text(r.appid, "2021000000000001");
}

Test(refund, an_operator_gives_back_what_is_left_of_a_payment_and_no_more)
{
    sale_begin("mixed");
    struct uuid e = sale_entry(), found;
    struct refund r, again;
    is(refund_prints(&w.st, w.a, sale.account, &sale.order_id, w.now_us), OK);
    is(refund_find_entry(&w.st, w.a, sale.account, &sale.order_id, &found), OK);
    cr_assert(memcmp(&found, &e, sizeof e) == 0);
    is(refund_payment(&w.st, w.a, &e, "complaint", &sale.operator_id, w.now_us, &r), OK);
    is(r.refund_fen, 990);
    is(refund_payment(&w.st, w.a, &e, "goodwill", &sale.operator_id, w.now_us, &again), OK);
    same_text(again.out_refund_no, r.out_refund_no);
    is(rows_of_sql("SELECT count(*) FROM refund"), 2);
    is(rows_of_sql("SELECT count(DISTINCT out_refund_no) FROM refund"), 2);
    is(rows_of_sql("SELECT count(*) FROM audit_log WHERE actor = 'operator'"
                   " AND action = 'refund.request'"),
       1);
}

Test(refund, an_operators_refund_keeps_the_order_from_being_shipped)
{
    sale_begin("print");
    struct uuid e = sale_entry();
    struct refund r;
    is(refund_payment(&w.st, w.a, &e, "quality", &sale.operator_id, w.now_us, &r), OK);
    same_text(sql_text("SELECT state || ' ' || close_reason FROM orders"), "closed refunded");
    is(order_ship(&w.st, w.a, sale.account, &sale.order_id, "{}", &sale.operator_id, w.now_us),
       CONFLICT);
}

Test(refund, a_payment_whose_order_is_gone_is_refunded_from_the_ledger)
{
    sale_begin("electronic");
    struct uuid e = sale_entry(), none = uuid_new();
    struct refund r;
    is(erase_order(&w.st, w.a, sale.account, &sale.order_id, w.now_us, true), OK);
    is(refund_payment(&w.st, w.a, &e, "legal", &sale.operator_id, w.now_us, &r), OK);
    is(r.refund_fen, 1990);
    refund_finishes(&r, REFUND_CHANGED);
    is(refund_payment(&w.st, w.a, &none, "legal", &sale.operator_id, w.now_us, &r), NOT_FOUND);
    struct uuid back = uuid_of_sql("SELECT entry_id FROM ledger_entry WHERE kind = 'refund'");
    is(refund_payment(&w.st, w.a, &back, "legal", &sale.operator_id, w.now_us, &r), CONFLICT);
}

Test(refund, wechat_takes_refunds_for_a_year)
{
    sale_begin("electronic");
    struct uuid e = sale_entry();
    struct refund r;
    is(refund_payment(&w.st, w.a, &e, "legal", &sale.operator_id, w.now_us + 366 * DAY_US, &r),
       CONFLICT);
    is(refund_payment(&w.st, w.a, &e, "legal", &sale.operator_id, w.now_us + 364 * DAY_US, &r), OK);
}

/* ---- never more than was paid ---- */

static struct uuid raced_entry;

static void *refund_it(void *arg)
{
    enum status *status = arg;
    struct store st = store_new();
    struct arena *a = arena_new();
    struct refund r;
    *status = refund_payment(&st, a, &raced_entry, "legal", &sale.operator_id, w.now_us, &r);
    arena_free(a);
    store_free(&st);
    return NULL;
}

Test(refund, many_at_once_never_give_back_more_than_was_paid)
{
    enum { N = 8 };
    enum status s[N];
    sale_begin("electronic");
    raced_entry = sale_entry();
    is(erase_order(&w.st, w.a, sale.account, &sale.order_id, w.now_us, true), OK);
    run_together(N, refund_it, s, sizeof *s);
    for (int i = 0; i < N; i++)
        cr_assert(s[i] == OK || s[i] == CONFLICT, "%s", status_name(s[i]));
    is(rows_of_sql("SELECT sum(refund_fen) FROM refund"), 1990);
}

Test(refund, the_database_itself_refuses_more_than_was_paid_and_changed_amounts)
{
    sale_begin("electronic");
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
    sale_begin("electronic");
    for (int i = 1; i <= 50; i++)
        sql_do(INSERT("1"));
    same_text(sqlstate_of(w.app_url, INSERT("1")), "UG409");
}
