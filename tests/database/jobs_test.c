/* SPDX-License-Identifier: MIT */
/* The jobs as the scheduler runs them, day after day, beside people who use the service. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"
#include "jobs/scheduler.h"

static struct config config;
static struct service service;
static struct job_context context;

/* Moves the whole service's clock. */
static void clock_to(int64_t at_us)
{
    clock_set_offset_us(clock_offset_us() + at_us - clock_now_us());
    w.now_us = clock_now_us();
}

static void open_service(void)
{
    char why[256] = "", ratchet[400];
    world_up();
    clock_to(START_US);
    snprintf(ratchet, sizeof ratchet, "%s/%s", w.keys, VAULT_RATCHET_FILE);
    config.retention.photo_days = 7;
    config.retention.order_days = 30;
    config.retention.purge_interval_us = MINUTE_US;
    service = (struct service){
        .config = &config, .vault = w.vault, .db_options = w.options, .host = "here"};
    const struct guard_options guard = {
        .ratchet_file = ratchet, .max_step_days = 1, .step_day_by_day = true};
    cr_assert_eq(guard_open(&guard, &service.guard, why, sizeof why), OK, "%s", why);
    job_context_open(&context, &service);
}

static void close_service(void)
{
    job_context_close(&context);
    guard_close(service.guard);
    world_down();
}

TestSuite(jobs, .init = open_service, .fini = close_service, .timeout = 120);

static void run_named(const char *name)
{
    const char *outcome;
    is(job_run(&context, job_find(name), &outcome), OK);
    same_text(outcome, "ok");
}

static void run_all(void)
{
    for (size_t i = 0; i < jobs_count; i++)
        run_named(jobs[i].name);
}

static int64_t overdue(void)
{
    struct retention r;
    int64_t n = 0;
    is(retention_read(&w.st, w.a, w.now_us, &r), OK);
    for (size_t i = 0; i < r.n_classes; i++)
        n += r.classes[i].overdue;
    return n;
}

/* ---- forty days ---- */

enum kind { DRAFT, UNPAID, CANCELLED, PENDING, BOUGHT, PRINTED, MIXED, AGAIN, KINDS };
enum { TICKS_A_DAY = 3, DAYS = 40, ROWS_MAX = DAYS * KINDS };

struct life {
    enum kind kind;
    int64_t account_id;
    struct uuid photo, order;
    int64_t seen_until_us, file_until_us; /* file 0: never */
};
static struct life lives[ROWS_MAX];
static size_t n_lives;

static void add_life(enum kind kind)
{
    static const char *const order_kinds[KINDS] = {
        NULL, "electronic", "electronic", "print", "electronic", "print", "mixed", "electronic"};
    struct life *l = &lives[n_lives++];
    *l = (struct life){.kind = kind, .account_id = new_account()};
    l->photo = new_photo(l->account_id);
    l->seen_until_us = w.now_us + DRAFT_US;
    if (kind == DRAFT)
        return;
    if (kind >= BOUGHT) {
        l->order = new_paid_order(l->account_id, order_kinds[kind], &l->photo);
        l->file_until_us = kind == PRINTED ? 0 : w.now_us + PHOTO_LIFE_US;
        l->seen_until_us =
            w.now_us + (kind == BOUGHT || kind == AGAIN ? PHOTO_LIFE_US : ORDER_LIFE_US);
        return;
    }
    l->order = new_order(l->account_id, order_kinds[kind], &l->photo);
    l->seen_until_us = w.now_us + OPEN_US;
    if (kind == UNPAID)
        return;
    new_payment(l->account_id, &l->order); /* of which no provider will ever say anything */
    if (kind == PENDING)
        l->seen_until_us = INT64_MAX;
    if (kind == CANCELLED)
        is(order_cancel(&w.st, w.a, l->account_id, &l->order, w.now_us), OK);
}

/* Six days later it is ordered once more. */
static void order_again(struct life *l)
{
    if (l->kind != AGAIN || w.now_us < l->file_until_us - DAY_US || w.now_us >= l->file_until_us ||
        (l->file_until_us - l->seen_until_us) != 0)
        return;
    new_paid_order(l->account_id, "mixed", &l->photo);
    l->file_until_us = w.now_us + PHOTO_LIFE_US;
    l->seen_until_us = w.now_us + ORDER_LIFE_US;
}

static void check_life(const struct life *l)
{
    bool seen = w.now_us < l->seen_until_us;
    bool there =
        rows_of_sql("SELECT count(*) FROM photo WHERE photo_id = '%s'", uuid_text(&l->photo)) > 0;
    if (l->kind == CANCELLED) {
        /* a draft for as long as it was promised to the order; gone when the draft is */
        cr_assert(there || !photo_is_seen(l->account_id, &l->photo, w.now_us));
        return;
    }
    cr_assert(photo_is_seen(l->account_id, &l->photo, w.now_us) == seen, "kind %d", (int)l->kind);
    cr_assert(there == seen, "kind %d", (int)l->kind);
    enum status s = photo_opens(l->account_id, &l->photo, w.now_us);
    cr_assert((s == OK) == (w.now_us < l->file_until_us), "kind %d: %s", (int)l->kind,
              status_name(s));
}

static bool is_near(int64_t end_us)
{
    return w.now_us > end_us - DAY_US && w.now_us < end_us + DAY_US;
}

/* Looked at around each end, now and then while it lives, and not for ever after. */
static bool is_due(const struct life *l, size_t turn)
{
    return is_near(l->seen_until_us) || is_near(l->file_until_us) ||
           (turn % 16 == 0 && w.now_us < l->seen_until_us);
}

/* Every row that is sealed opens, as long as it is there. */
static void check_sealed(void)
{
    struct order *orders;
    struct payer *payers;
    size_t n, m;
    is(order_list_all(&w.st, w.a, NULL, NULL, 10000, w.now_us, &orders, &n), OK);
    for (size_t i = 0; i < n; i++)
        is(payer_list(&w.st, w.a, orders[i].account_id, &orders[i].order_id, w.now_us, &payers, &m),
           OK);
}

/* What a thief of the database would have: every wrapped photo key there ever was. */
struct stolen {
    struct record_name name;
    unsigned char wrapped[VAULT_WRAPPED_BYTES];
};
static struct stolen loot[20 * ROWS_MAX];
static size_t n_loot;

static void steal(void)
{
    PGresult *r = PQexecParams(w.root, "SELECT account_id, photo_id, key_wrapped FROM photo_copy",
                               0, NULL, NULL, NULL, NULL, 1);
    struct rows rows = {r, PQntuples(r)};
    for (int i = 0; i < rows.count; i++) {
        size_t n;
        const unsigned char *wrapped = row_bytes(&rows, i, 2, &n);
        struct stolen *s = &loot[n_loot];
        s->name = (struct record_name){PHOTO_TABLE, row_bigint(&rows, i, 0), row_uuid(&rows, i, 1)};
        memcpy(s->wrapped, wrapped, sizeof s->wrapped);
        bool is_new = true;
        for (size_t k = 0; k < n_loot && is_new; k++)
            is_new = memcmp(loot[k].wrapped, wrapped, sizeof s->wrapped) != 0;
        n_loot += is_new;
        cr_assert(n_loot < sizeof loot / sizeof *loot);
    }
    PQclear(r);
}

static size_t check_loot(void)
{
    int32_t today = day_of(w.now_us);
    size_t dead = 0;
    for (size_t i = 0; i < n_loot; i++) {
        struct data_key key;
        enum status s =
            vault_key_open(w.vault, &loot[i].name, loot[i].wrapped, VAULT_WRAPPED_BYTES, &key);
        bool erased = vault_wrapped_day(loot[i].wrapped) < today;
        is(s, erased ? DENIED : OK);
        dead += erased;
    }
    return dead;
}

static void check_partitions(void)
{
    int32_t today = day_of(w.now_us);
    is(rows_of_sql("SELECT count(*) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
                   " WHERE i.inhparent = 'photo_bytes'::regclass"
                   "  AND substring(c.relname FROM '[0-9]+$')::int < %d",
                   today),
       0);
    is(rows_of_sql("SELECT count(*) FROM photo_copy c WHERE NOT EXISTS (SELECT 1 FROM photo_bytes b"
                   " WHERE b.drop_day = c.drop_day AND b.account_id = c.account_id"
                   "  AND b.photo_id = c.photo_id AND b.purpose = c.purpose)"),
       0);
}

Test(jobs, for_forty_days_what_lives_opens_and_what_is_over_is_gone)
{
    size_t dead = 0;
    for (int tick = 0; tick < DAYS * TICKS_A_DAY; tick++) {
        clock_to(START_US + tick * (DAY_US / TICKS_A_DAY));
        for (size_t i = 0; i < n_lives; i++)
            order_again(&lives[i]);
        if (tick % TICKS_A_DAY == 0)
            for (int kind = 0; kind < KINDS; kind++)
                if (kind != PENDING || tick < 2 * TICKS_A_DAY)
                    add_life((enum kind)kind);
        steal();
        run_all();
        steal();
        w.now_us = clock_now_us();
        is(overdue(), 0);
        is(vault_ratchet_day(w.vault), day_of(w.now_us));
        dead = check_loot();
        check_partitions();
        if (tick % TICKS_A_DAY == 0)
            check_sealed();
        for (size_t i = 0; i < n_lives; i++)
            if (is_due(&lives[i], i + (size_t)tick))
                check_life(&lives[i]);
    }
    cr_assert(dead > 200, "%zu", dead);
    struct instance *hosts;
    size_t n;
    is(instance_list(&w.st, w.a, &hosts, &n), OK);
    is(n, 1);
    is(hosts[0].ratchet_day, day_of(w.now_us));
}

/* ---- leases ---- */

Test(jobs, a_guardian_stays_readable_for_a_hundred_days)
{
    int64_t minor;
    char token[TOKEN_BYTES];
    struct session session;
    struct account found;
    is(account_create(&w.st, w.a, w.now_us, true, "{\"name\":\"Zhang Wei\"}", "1.0", &minor, token),
       OK);
    for (int day = 1; day <= 100; day++) {
        clock_to(START_US + day * DAY_US);
        is(session_find(&w.st, w.a, token, w.now_us, &session), OK);
        run_named("leases");
        run_named("purge");
        run_named("ratchet");
        is(vault_ratchet_day(w.vault), day_of(w.now_us));
        is(account_read(&w.st, w.a, minor, &found), OK);
        same_text(found.guardian, "{\"name\":\"Zhang Wei\"}");
        int64_t days_left = rows_of_sql("SELECT key_day FROM account") - day_of(w.now_us);
        cr_assert(days_left > 10 && days_left <= 31, "%lld", (long long)days_left);
    }
}

Test(jobs, leases_renew_what_lives_and_not_what_is_over)
{
    int64_t account = new_account();
    struct uuid held = new_photo(account), draft = new_photo(account), bought = new_photo(account);
    struct uuid order = new_order(account, "print", &held);
    struct payment pay = new_payment(account, &order);
    int moved, renewed;
    new_paid_order(account, "electronic", &bought);
    is(promote_orders(&w.st, w.now_us, 10, &moved), OK);
    int64_t then_us = w.now_us + 3 * DAY_US;
    is(lease_renew(&w.st, w.now_us, 100, &renewed), OK);
    is(renewed, 0);
    is(lease_renew(&w.st, then_us, 100, &renewed), OK);
    is(renewed, 3); /* order, payment, the draft that the order holds */
    is(lease_renew(&w.st, then_us, 100, &renewed), OK);
    is(renewed, 0);
    is(rows_of_sql("SELECT key_day - %d FROM photo_copy WHERE photo_id = '%s'", day_of(then_us),
                   uuid_text(&held)),
       2);
    is(rows_of_sql("SELECT key_day - %d FROM photo_copy WHERE photo_id = '%s'", day_of(then_us),
                   uuid_text(&draft)),
       -1);
    is(rows_of_sql("SELECT count(*) FROM payment WHERE out_trade_no = '%s' AND key_day = %d",
                   pay.out_trade_no, day_of(then_us) + 2),
       1);
}

/* ---- running ---- */

Test(jobs, one_job_runs_in_one_place_at_a_time)
{
    struct job_context other;
    const char *outcome;
    bool locked;
    job_context_open(&other, &service);
    is(job_lock(&other.store, w.a, "purge", &locked), OK);
    cr_assert(locked);
    is(job_run(&context, job_find("purge"), &outcome), OK);
    same_text(outcome, "elsewhere");
    run_named("promote"); /* locks are per job */
    is(rows_of_sql("SELECT count(*) FROM job_run WHERE job = 'purge'"), 0);
    is(job_unlock(&other.store, w.a, "purge"), OK);
    run_named("purge");
    is(job_run(&other, job_find("purge"), &outcome), OK);
    same_text(outcome, "ok");
    is(rows_of_sql("SELECT count(*) FROM job_run WHERE job = 'purge'"), 2);
    job_context_close(&other);
}

Test(jobs, a_lock_dies_with_its_connection)
{
    struct job_context other;
    bool locked;
    job_context_open(&other, &service);
    is(job_lock(&other.store, w.a, "purge", &locked), OK);
    job_context_close(&other);
    usleep(100 * 1000);
    run_named("purge");
}

Test(jobs, every_run_leaves_a_row)
{
    struct job_run *runs;
    size_t n;
    new_photo(new_account());
    clock_to(START_US + 2 * HOUR_US);
    run_all();
    is(job_run_list(&w.st, w.a, &runs, &n), OK);
    is(n, jobs_count);
    for (size_t i = 0; i < n; i++) {
        same_text(runs[i].outcome, "ok");
        same_text(runs[i].host, "here");
        is(runs[i].purged.photos, strcmp(runs[i].job, "purge") == 0);
    }
    struct retention r;
    is(retention_read(&w.st, w.a, w.now_us, &r), OK);
    is(r.purge_photos, 1);
    cr_assert(r.purge_at_us >= w.now_us);
}

/* A jump of the wall clock alone destroys nothing. */
Test(jobs, what_destroys_is_held_while_the_clock_is_not_believed)
{
    const char *outcome;
    char why[256], ratchet[400];
    struct guard *walking = service.guard;
    snprintf(ratchet, sizeof ratchet, "%s/%s", w.keys, VAULT_RATCHET_FILE);
    const struct guard_options strict = {.ratchet_file = ratchet, .max_step_days = 1};
    is(guard_open(&strict, &service.guard, why, sizeof why), OK);
    new_photo(new_account());
    clock_to(START_US + 10 * DAY_US);
    int32_t day = vault_ratchet_day(w.vault);
    for (size_t i = 0; i < jobs_count; i++) {
        is(job_run(&context, &jobs[i], &outcome), OK);
        same_text(outcome, jobs[i].destroys ? "held" : "ok");
    }
    is(rows_of_sql("SELECT count(*) FROM photo_copy"), 1);
    is(vault_ratchet_day(w.vault), day);
    is(rows_of_sql("SELECT count(*) FROM job_run WHERE outcome = 'held'"), 3);
    guard_close(service.guard);
    service.guard = walking;
}

Test(jobs, the_ratchet_waits_for_a_row_that_nobody_purged)
{
    new_photo(new_account());
    int32_t first = day_of(START_US);
    for (int day = 1; day <= 5; day++) {
        clock_to(START_US + day * DAY_US);
        run_named("ratchet");
    }
    is(vault_ratchet_day(w.vault), first + DRAFT_KEY_DAYS);
    run_named("purge");
    run_named("ratchet");
    is(vault_ratchet_day(w.vault), first + 5);
}

Test(jobs, catching_up_walks_to_today)
{
    const char *outcome;
    int64_t account = new_account();
    struct uuid photo = new_photo(account);
    new_paid_order(account, "mixed", &photo);
    clock_to(START_US + 8 * DAY_US);
    is(jobs_catch_up(&context, &outcome), OK);
    same_text(outcome, "ok");
    is(vault_ratchet_day(w.vault), day_of(START_US) + 8);
    is(photo_opens(account, &photo, w.now_us), NOT_FOUND);
    cr_assert(photo_is_seen(account, &photo, w.now_us));
    clock_to(START_US + 31 * DAY_US);
    is(jobs_catch_up(&context, &outcome), OK);
    is(rows_of_sql("SELECT count(*) FROM photo") + rows_of_sql("SELECT count(*) FROM orders"), 0);
    is(vault_ratchet_day(w.vault), day_of(START_US) + 31);
}

/* After a week without a server an open order that waits for the provider still opens, and does not
 * keep the ratchet. */
Test(jobs, catching_up_renews_what_lives_on)
{
    const char *outcome;
    int64_t account = new_account();
    struct uuid photo = new_photo(account);
    struct uuid order_id = new_order(account, "print", &photo);
    struct order o;
    new_payment(account, &order_id);
    clock_to(START_US + 8 * DAY_US);
    is(jobs_catch_up(&context, &outcome), OK);
    is(vault_ratchet_day(w.vault), day_of(START_US) + 8);
    is(order_read(&w.st, w.a, account, &order_id, w.now_us, true, &o), OK);
    cr_assert(strstr(o.recipient, "Zhang Wei"));
}

Test(jobs, a_run_that_fails_says_so_and_gives_its_lock_back)
{
    const char *outcome;
    run_named("promote"); /* everything is prepared */
    sql_do("ALTER TABLE receipt RENAME TO receipt_gone");
    cr_assert(job_run(&context, job_find("purge"), &outcome) != OK);
    same_text(outcome, "failed");
    is(rows_of_sql("SELECT count(*) FROM job_run WHERE outcome = 'failed'"), 1);
    sql_do("ALTER TABLE receipt_gone RENAME TO receipt");
    run_named("purge");
}
