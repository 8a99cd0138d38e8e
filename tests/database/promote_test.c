/* SPDX-License-Identifier: MIT */
/* Promote: what was paid for moves to its last day, once, whatever happens meanwhile. */
#include <pthread.h>
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

TestSuite(promote, .init = upload_one, .fini = world_down, .timeout = 60);

static int promote_all(void)
{
    int moved = -1;
    is(promote_orders(&w.st, w.now_us, 100, &moved), OK);
    return moved;
}

/* purpose:drop_day-key_day relative to today, of all copies */
static const char *copies(void)
{
    return sql_text("SELECT coalesce(string_agg(purpose || ':' || drop_day - %d || '-' || key_day -"
                    " %d, ' ' ORDER BY purpose), '') FROM photo_copy",
                    day_of(START_US), day_of(START_US));
}

static int64_t orphans(void)
{
    return rows_of_sql("SELECT count(*) FROM photo_copy c WHERE NOT EXISTS (SELECT 1 FROM"
                       " photo_bytes b WHERE b.drop_day = c.drop_day AND b.account_id ="
                       " c.account_id AND b.photo_id = c.photo_id AND b.purpose = c.purpose)");
}

Test(promote, copies_keys_and_bytes_move_to_the_last_days)
{
    new_paid_order(account, "mixed", &photo);
    same_text(copies(), "draft:2-2");
    is(promote_all(), 1);
    same_text(copies(), "draft:2-2 electronic:7-7 print:30-30");
    is(orphans(), 0);
    int32_t last_day = day_of(w.now_us + ORDER_LIFE_US);
    is(rows_of_sql("SELECT count(*) FROM orders WHERE key_day = %d AND promoted_at IS NOT NULL",
                   last_day),
       1);
    is(rows_of_sql("SELECT count(*) FROM payment WHERE key_day = %d", last_day), 1);
    is(rows_of_sql("SELECT count(*) FROM payer WHERE key_day = %d", last_day), 1);
    is(rows_of_sql("SELECT count(*) FROM photo_copy c WHERE key_day <> get_byte(key_wrapped, 3) *"
                   " 16777216 + get_byte(key_wrapped, 4) * 65536 + get_byte(key_wrapped, 5) * 256 +"
                   " get_byte(key_wrapped, 6)"),
       0);
    is(promote_all(), 0);
    same_text(copies(), "draft:2-2 electronic:7-7 print:30-30");
}

Test(promote, what_is_sealed_stays_readable)
{
    struct uuid order_id = new_paid_order(account, "mixed", &photo);
    struct order o;
    struct payer *payers;
    size_t n;
    for (int i = 0; i < 2; i++) {
        is(order_read(&w.st, w.a, account, &order_id, w.now_us, true, &o), OK);
        cr_assert(strstr(o.recipient, "Zhang Wei"));
        is(payer_list(&w.st, w.a, account, &order_id, w.now_us, &payers, &n), OK);
        is(n, 1);
        same_text(payers[0].ip_order, "192.0.2.7");
        is(photo_opens(account, &photo, w.now_us), OK);
        promote_all();
    }
    /* and after the ratchet has left the draft's days */
    sql_do("DELETE FROM photo_copy WHERE purpose = 'draft'");
    is(vault_ratchet_step(w.vault, day_of(w.now_us) + 6), OK);
    w.now_us += 6 * DAY_US;
    is(photo_opens(account, &photo, w.now_us), OK);
    is(order_read(&w.st, w.a, account, &order_id, w.now_us, true, &o), OK);
    is(payer_list(&w.st, w.a, account, &order_id, w.now_us, &payers, &n), OK);
}

Test(promote, every_attempt_of_an_order_moves_however_many_there_were)
{
    static const char *const methods[] = {"app", "jsapi", "h5", "native", "wap", "page", "qr"};
    struct uuid order_id = new_order(account, "electronic", &photo);
    for (int i = 0; i < 28; i++) {
        struct payment p = payment_of(account, &order_id, "wechat", methods[i % 7]);
        p.appid = arena_printf(w.a, "wx%d", i / 7);
        is(payment_begin(&w.st, w.a, &p, w.now_us), OK);
        if (i == 27) {
            struct trade t = trade_of(&p, "4200000001");
            is(settle_at(&t, w.now_us).outcome, SETTLE_SUCCESS);
        }
    }
    is(promote_all(), 1);
    is(rows_of_sql("SELECT count(*) FROM payment WHERE key_day <> %d",
                   day_of(w.now_us + ORDER_LIFE_US)),
       0);
}

Test(promote, a_later_purchase_lengthens_and_an_earlier_one_never_shortens)
{
    struct uuid first = new_paid_order(account, "electronic", &photo);
    w.now_us += 12 * HOUR_US + HOUR_US; /* next day in Shanghai */
    struct uuid second = new_paid_order(account, "electronic", &photo);
    is(promote_order(&w.st, account, &second, w.now_us), OK);
    same_text(copies(), "draft:2-2 electronic:8-8");
    is(promote_order(&w.st, account, &first, w.now_us), OK);
    same_text(copies(), "draft:2-2 electronic:8-8");
    is(photo_opens(account, &photo, w.now_us + PHOTO_LIFE_US - 1), OK);
    is(orphans(), 0);
}

Test(promote, a_re_order_finds_the_bytes_when_the_draft_is_gone)
{
    struct purged purged = {0};
    bool more;
    new_paid_order(account, "electronic", &photo);
    promote_all();
    w.now_us += 5 * DAY_US;
    is(purge_batch(&w.st, w.now_us, 100, &purged, &more), OK);
    same_text(copies(), "electronic:7-7");
    new_paid_order(account, "mixed", &photo);
    promote_all();
    same_text(copies(), "electronic:12-12 print:35-35");
    is(orphans(), 0);
    is(photo_opens(account, &photo, w.now_us + PHOTO_LIFE_US - 1), OK);
}

/* A crash after the copies and before the last batch: copies are there, the order is not done. */
Test(promote, a_crash_between_copies_and_the_last_batch_is_made_good)
{
    struct uuid order_id = new_paid_order(account, "mixed", &photo);
    sql_do("CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS"
           " 'BEGIN RAISE EXCEPTION ''stop'' USING ERRCODE = ''57014''; END'");
    sql_do("CREATE TRIGGER stop BEFORE UPDATE OF promoted_at ON orders FOR EACH ROW"
           " EXECUTE FUNCTION stop()");
    is(promote_order(&w.st, account, &order_id, w.now_us), UNAVAILABLE);
    same_text(copies(), "draft:2-2 electronic:7-7 print:30-30");
    is(rows_of_sql("SELECT count(*) FROM orders WHERE promoted_at IS NULL"), 1);
    is(photo_opens(account, &photo, w.now_us), OK);
    sql_do("DROP TRIGGER stop ON orders");
    is(promote_all(), 1);
    same_text(copies(), "draft:2-2 electronic:7-7 print:30-30");
    is(rows_of_sql("SELECT count(*) FROM photo_bytes"), 3);
    is(photo_opens(account, &photo, w.now_us), OK);
}

struct promoter {
    enum status status;
    int moved;
};

static void *promote_here(void *arg)
{
    struct promoter *p = arg;
    struct store st = store_new();
    if (db_ready(st.db) != OK)
        abort();
    p->status = promote_orders(&st, w.now_us, 100, &p->moved);
    store_free(&st);
    return NULL;
}

Test(promote, several_at_once_do_no_harm)
{
    struct promoter p[6];
    memset(p, 0, sizeof p);
    for (int i = 0; i < 5; i++) {
        struct uuid more = new_photo(account);
        new_paid_order(account, "mixed", &more);
    }
    run_together(6, promote_here, p, sizeof *p);
    for (int i = 0; i < 6; i++)
        is(p[i].status, OK);
    is(rows_of_sql("SELECT count(*) FROM orders WHERE promoted_at IS NULL"), 0);
    is(rows_of_sql("SELECT count(*) FROM photo_copy"), 1 + 3 * 5);
    is(rows_of_sql("SELECT count(*) FROM photo_bytes"), 1 + 3 * 5);
    is(orphans(), 0);
}

Test(promote, an_order_whose_photo_was_erased_is_done_without_it)
{
    new_paid_order(account, "electronic", &photo);
    is(erase_photo(&w.st, w.a, account, &photo, w.now_us, false), OK);
    is(promote_all(), 1);
    same_text(copies(), "");
}

Test(promote, the_oldest_order_goes_first_and_the_limit_holds)
{
    int moved;
    for (int i = 0; i < 3; i++) {
        struct uuid more = new_photo(account);
        w.now_us += MINUTE_US;
        new_paid_order(account, "electronic", &more);
    }
    is(promote_orders(&w.st, w.now_us, 2, &moved), OK);
    is(moved, 2);
    is(rows_of_sql("SELECT count(*) FROM orders WHERE promoted_at IS NULL AND paid_at ="
                   " (SELECT max(paid_at) FROM orders)"),
       1);
}
