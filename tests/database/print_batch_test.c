/* SPDX-License-Identifier: MIT */
/* Batches of print orders: who is in one, once, and until when. */
#include <string.h>
#include <unistd.h>

#include "fixture.h"
#include "store/print_batch.h"
#include "store/refund.h"

static struct uuid operator_id;

static void hire(void)
{
    char token[TOKEN_BYTES];
    world_up();
    is(operator_add(&w.st, w.a, "printer", "fulfilment", w.now_us, token), OK);
    struct operator_row who;
    is(operator_find(&w.st, w.a, token, w.now_us, &who), OK);
    operator_id = who.operator_id;
}

TestSuite(print_batch, .init = hire, .fini = world_down, .timeout = 60);

static struct uuid buy(int64_t account, const char *kind)
{
    struct uuid photo = new_photo(account);
    return new_paid_order(account, kind, &photo);
}

static struct print_batch make_batch(int limit)
{
    struct uuid id;
    struct print_batch b;
    is(print_batch_create(&w.st, w.a, &operator_id, limit, ORDER_LIFE_US, w.now_us, &id), OK);
    is(print_batch_read(&w.st, w.a, &id, w.now_us, &b), OK);
    return b;
}

static struct print_batch again(const struct print_batch *b)
{
    struct print_batch now;
    is(print_batch_read(&w.st, w.a, &b->batch_id, w.now_us, &now), OK);
    return now;
}

static enum status try_batch(void)
{
    struct uuid id;
    return print_batch_create(&w.st, w.a, &operator_id, 100, ORDER_LIFE_US, w.now_us, &id);
}

static bool holds(const struct print_batch *b, const struct uuid *order)
{
    for (size_t i = 0; i < b->n_orders; i++)
        if (memcmp(b->orders[i].order_id.bytes, order->bytes, sizeof order->bytes) == 0)
            return true;
    return false;
}

static const char *state_in(const struct print_batch *b, const struct uuid *order)
{
    for (size_t i = 0; i < b->n_orders; i++)
        if (memcmp(b->orders[i].order_id.bytes, order->bytes, sizeof order->bytes) == 0)
            return b->orders[i].state;
    return "none";
}

Test(print_batch, it_takes_paid_orders_with_prints_and_no_others)
{
    int64_t account = new_account();
    struct uuid electronic = buy(account, "electronic"), print = buy(account, "print"),
                mixed = buy(account, "mixed"), photo = new_photo(account);
    new_order(account, "print", &photo);
    struct print_batch b = make_batch(100);
    is(b.made_of, 2);
    is(b.n_orders, 2);
    cr_expect(holds(&b, &print) && holds(&b, &mixed) && !holds(&b, &electronic));
    is(b.printed_us, 0);
    is(b.expires_us, w.now_us + ORDER_LIFE_US);
    is(try_batch(), NOT_FOUND);
    is(rows_of_sql("SELECT count(*) FROM print_batch"), 1);
}

Test(print_batch, a_limit_leaves_the_later_ones_for_the_next)
{
    struct uuid orders[5];
    int64_t account = new_account();
    for (int i = 0; i < 5; i++) {
        orders[i] = buy(account, "print");
        w.now_us += SECOND_US;
    }
    struct print_batch first = make_batch(3), second = make_batch(3);
    is(first.n_orders, 3);
    is(second.n_orders, 2);
    for (int i = 0; i < 5; i++)
        cr_expect(holds(i < 3 ? &first : &second, &orders[i]), "order %d", i);
    is(memcmp(first.orders[0].order_id.bytes, orders[0].bytes, 16), 0);
}

enum { OPERATORS = 8, ORDERS = 40 };
struct taker {
    struct uuid ids[ORDERS];
    int n;
};

static void *take_many(void *arg)
{
    struct taker *t = arg;
    struct store st = store_new();
    struct arena *a = arena_new();
    while (t->n < ORDERS && print_batch_create(&st, a, &operator_id, 3, ORDER_LIFE_US, w.now_us,
                                               &t->ids[t->n]) == OK)
        t->n++;
    arena_free(a);
    store_free(&st);
    return NULL;
}

Test(print_batch, operators_at_once_get_different_orders)
{
    static struct taker takers[OPERATORS];
    int64_t account = new_account();
    for (int i = 0; i < ORDERS; i++)
        buy(account, "print");
    run_together(OPERATORS, take_many, takers, sizeof *takers);
    /* one that found all of the rest locked saw nothing to take */
    while (try_batch() == OK)
        ;
    is(rows_of_sql("SELECT count(*) FROM orders WHERE print_batch_id IS NULL"), 0);
    is(rows_of_sql("SELECT count(*) FROM print_batch b WHERE orders <> (SELECT count(*)"
                   " FROM orders o WHERE o.print_batch_id = b.batch_id)"),
       0);
    is(rows_of_sql("SELECT sum(orders) FROM print_batch"), ORDERS);
}

Test(print_batch, printed_makes_its_paid_orders_printing_once)
{
    int64_t account = new_account();
    struct uuid one = buy(account, "print"), two = buy(account, "mixed");
    struct print_batch b = make_batch(100);
    struct uuid later = buy(account, "print");
    is(print_batch_printed(&w.st, w.a, &b.batch_id, &operator_id, w.now_us), OK);
    b = again(&b);
    same_text(state_in(&b, &one), "printing");
    same_text(state_in(&b, &two), "printing");
    is(b.printed_us, w.now_us);
    is(rows_of_sql("SELECT count(*) FROM orders WHERE order_id = '%s' AND state = 'paid'",
                   uuid_text(&later)),
       1);
    is(rows_of_sql("SELECT count(*) FROM audit_log WHERE action = 'order.print'"), 2);
    is(order_ship(&w.st, w.a, account, &one, "{}", &operator_id, w.now_us), OK);
    int64_t first_us = w.now_us;
    w.now_us += HOUR_US;
    is(print_batch_printed(&w.st, w.a, &b.batch_id, &operator_id, w.now_us), OK);
    b = again(&b);
    same_text(state_in(&b, &one), "shipped");
    is(b.printed_us, first_us);
    is(rows_of_sql("SELECT count(*) FROM audit_log WHERE action = 'order.print'"), 2);
}

Test(print_batch, what_was_refunded_meanwhile_does_not_go_to_printing)
{
    int64_t account = new_account();
    struct uuid kept = buy(account, "print"), given_up = buy(account, "print");
    struct print_batch b = make_batch(100);
    is(refund_prints(&w.st, w.a, account, &given_up, w.now_us), OK);
    is(print_batch_printed(&w.st, w.a, &b.batch_id, &operator_id, w.now_us), OK);
    b = again(&b);
    is(b.n_orders, 2);
    same_text(state_in(&b, &kept), "printing");
    same_text(state_in(&b, &given_up), "closed");
    is(refund_prints(&w.st, w.a, account, &kept, w.now_us), CONFLICT);
}

Test(print_batch, an_erased_order_or_account_leaves_it)
{
    int64_t account = new_account(), other = new_account();
    struct uuid one = buy(account, "print"), two = buy(account, "print"),
                three = buy(other, "print");
    struct print_batch b = make_batch(100);
    is(erase_order(&w.st, w.a, account, &one, w.now_us, true), OK);
    b = again(&b);
    is(b.made_of, 3);
    is(b.n_orders, 2);
    cr_expect(holds(&b, &two) && holds(&b, &three));
    struct erased erased;
    is(erase_account(&w.st, w.a, account, w.now_us, true, &erased), OK);
    b = again(&b);
    is(b.n_orders, 1);
    cr_expect(holds(&b, &three));
}

static int64_t overdue_of(const char *class, int64_t at_us)
{
    struct retention r;
    is(retention_read(&w.st, w.a, at_us, &r), OK);
    for (size_t i = 0; i < r.n_classes; i++)
        if (strcmp(r.classes[i].name, class) == 0)
            return r.classes[i].overdue;
    return -1;
}

Test(print_batch, it_goes_after_its_last_order_and_not_later_than_30_days)
{
    int64_t account = new_account();
    struct purged p = {0};
    bool more;
    int moved;
    buy(account, "print");
    is(promote_orders(&w.st, w.now_us, 10, &moved), OK);
    w.now_us += 3 * HOUR_US;
    struct print_batch b = make_batch(100), gone;
    w.now_us += ORDER_LIFE_US - 3 * HOUR_US - 1;
    is(purge_batch(&w.st, w.now_us, 100, &p, &more), OK);
    is(again(&b).n_orders, 1);
    w.now_us += 1;
    is(again(&b).n_orders, 0); /* the instant decides, not the job */
    is(purge_batch(&w.st, w.now_us, 100, &p, &more), OK);
    is(rows_of_sql("SELECT count(*) FROM orders"), 0);
    is(rows_of_sql("SELECT count(*) FROM print_batch"), 1);
    w.now_us += 3 * HOUR_US;
    is(print_batch_read(&w.st, w.a, &b.batch_id, w.now_us, &gone), NOT_FOUND);
    is(print_batch_printed(&w.st, w.a, &b.batch_id, &operator_id, w.now_us), NOT_FOUND);
    is(overdue_of("print-batch", w.now_us + 2 * MINUTE_US), 1);
    is(purge_batch(&w.st, w.now_us, 100, &p, &more), OK);
    is(rows_of_sql("SELECT count(*) FROM print_batch"), 0);
    is(overdue_of("print-batch", w.now_us + 2 * MINUTE_US), 0);
}

Test(print_batch, the_list_has_the_newest_first)
{
    int64_t account = new_account();
    struct print_batch *list;
    size_t n;
    for (int i = 0; i < 3; i++)
        buy(account, "print");
    struct print_batch a = make_batch(1), b, c;
    usleep(2000); /* ids tell milliseconds apart */
    b = make_batch(1);
    usleep(2000);
    c = make_batch(1);
    is(print_batch_list(&w.st, w.a, NULL, 2, w.now_us, &list, &n), OK);
    is(n, 2);
    is(memcmp(list[0].batch_id.bytes, c.batch_id.bytes, 16), 0);
    is(memcmp(list[1].batch_id.bytes, b.batch_id.bytes, 16), 0);
    is(print_batch_list(&w.st, w.a, &list[1].batch_id, 2, w.now_us, &list, &n), OK);
    is(n, 1);
    is(memcmp(list[0].batch_id.bytes, a.batch_id.bytes, 16), 0);
}

/* ---- the photo's file, for those who print it ---- */

Test(print_batch, a_print_opens_for_30_days_and_no_other_photo_does)
{
    int64_t account = new_account();
    struct uuid drawn = new_photo(account), printed = new_photo(account), file = new_photo(account);
    struct photo photo;
    struct span span;
    int moved;
    new_paid_order(account, "print", &printed);
    new_paid_order(account, "electronic", &file);
    is(photo_read_print(&w.st, w.a, account, &printed, w.now_us, &photo, &span), OK);
    is(promote_orders(&w.st, w.now_us, 10, &moved), OK);
    is(photo_read_print(&w.st, w.a, account, &printed, w.now_us, &photo, &span), OK);
    is(photo_read_print(&w.st, w.a, account, &drawn, w.now_us, &photo, &span), NOT_FOUND);
    is(photo_read_print(&w.st, w.a, account, &file, w.now_us, &photo, &span), NOT_FOUND);
    is(photo_read_print(&w.st, w.a, new_account(), &printed, w.now_us, &photo, &span), NOT_FOUND);
    int64_t end_us = w.now_us + ORDER_LIFE_US;
    is(photo_read_print(&w.st, w.a, account, &printed, end_us - 1, &photo, &span), OK);
    is(photo_read_print(&w.st, w.a, account, &printed, end_us, &photo, &span), NOT_FOUND);
}

Test(print_batch, for_a_preview_a_draft_opens_to_its_account_until_its_end)
{
    int64_t account = new_account();
    struct uuid drawn = new_photo(account), printed = new_photo(account);
    struct photo photo;
    struct span span;
    int moved;
    new_paid_order(account, "print", &printed);
    is(promote_orders(&w.st, w.now_us, 10, &moved), OK);
    is(photo_read_any(&w.st, w.a, account, &drawn, w.now_us, &photo, &span), OK);
    cr_expect_not(photo.paid);
    is(photo_read_any(&w.st, w.a, account, &drawn, w.now_us + DRAFT_US, &photo, &span), NOT_FOUND);
    is(photo_read_any(&w.st, w.a, new_account(), &drawn, w.now_us, &photo, &span), NOT_FOUND);
    is(photo_read_any(&w.st, w.a, account, &printed, w.now_us + 29 * DAY_US, &photo, &span), OK);
    cr_expect(photo.paid);
}
