/* SPDX-License-Identifier: MIT */
/* Where two calls meet, where word comes late, and where one bad row stands among good ones. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fixture.h"
#include "jobs/scheduler.h"
#include "vault/erasures.h"

static int64_t account;
static struct uuid photo;

static void upload_one(void)
{
    world_up();
    account = new_account();
    photo = new_photo(account);
}

TestSuite(edges, .init = upload_one, .fini = world_down, .timeout = 60);

static const char *hex_text(const unsigned char *bytes, size_t n)
{
    char *hex = arena_alloc(w.a, 2 * n + 1);
    return sodium_bin2hex(hex, 2 * n + 1, bytes, n);
}

static bool photo_is_there(void)
{
    return rows_of_sql("SELECT count(*) FROM photo WHERE photo_id = '%s'", uuid_text(&photo)) > 0;
}

static void purge_all(void)
{
    struct purged purged = {0};
    bool more = true;
    while (more)
        is(purge_batch(&w.st, w.now_us, 100, &purged, &more), OK);
}

/* Every byte of the key of these rows is noise from now on, as after a backup was restored whose
 * days the ratchet has left. */
static void spoil_keys(const char *table, const char *where)
{
    sql_do("UPDATE %s SET key_wrapped = overlay(key_wrapped placing '\\x00000000'::bytea from 40)"
           " WHERE %s",
           table, where);
}

/* ---- a clock behind the ratchet ---- */

/* It was set ahead, the ratchet went with it, and it was set back: nothing can be sealed, which is
 * no fault of who calls, and the provider tells again. */
Test(edges, a_clock_behind_the_ratchet_is_no_fault_of_the_caller)
{
    struct uuid id, order = new_order(account, "electronic", &photo);
    struct payment p = new_payment(account, &order);
    struct trade t = trade_of(&p, "4200000001");
    is(vault_ratchet_step(w.vault, day_of(w.now_us) + 90), OK);
    is(try_order(&w.st, w.a, account, "electronic", &photo, 1, w.now_us, &id), UNAVAILABLE);
    struct settled settled;
    const struct settle told = {.trade = &t, .merchant_is_ours = true, .now_us = w.now_us};
    is(payment_settle(&w.st, w.a, &told, &settled), UNAVAILABLE);
    is(rows_of_sql("SELECT count(*) FROM orders"), 1);
    is(rows_of_sql("SELECT count(*) FROM ledger_entry"), 0);
}

/* ---- a success that is learned late ---- */

/* The provider could not be asked for nine days; then it says: paid, nine days ago. */
Test(edges, a_success_learned_after_the_electronic_life_still_gets_its_print)
{
    int moved = 0, renewed;
    struct uuid order = new_order(account, "mixed", &photo);
    struct payment p = new_payment(account, &order);
    struct trade t = trade_of(&p, "4200000001");
    for (int day = 1; day <= 9; day++) {
        w.now_us += DAY_US;
        is(lease_renew(&w.st, w.now_us, 100, &renewed), OK);
        purge_all();
        is(vault_ratchet_step(w.vault, day_of(w.now_us)), OK);
    }
    int dropped, left;
    is(partitions_drop(&w.st, w.a, day_of(w.now_us), &dropped, &left), OK);
    is(settle_at(&t, w.now_us).outcome, SETTLE_SUCCESS);
    is(promote_orders(&w.st, w.now_us, 10, &moved), OK);
    is(moved, 1);
    is(rows_of_sql("SELECT count(*) FROM orders WHERE promoted_at IS NOT NULL"), 1);
    same_text(sql_text("SELECT string_agg(purpose, ' ' ORDER BY purpose) FROM photo_copy"
                       " WHERE purpose <> 'draft'"),
              "print");
    purge_all();
    is(rows_of_sql("SELECT count(*) FROM photo_copy"), 1);
    is(photo_opens(account, &photo, w.now_us), NOT_FOUND);
}

/* ---- one bad row ---- */

Test(edges, a_row_that_does_not_open_does_not_keep_the_others_from_their_lease)
{
    int renewed = 0;
    struct uuid photos[3] = {photo, new_photo(account), new_photo(account)};
    for (int i = 0; i < 3; i++) {
        struct uuid order = new_order(account, "print", &photos[i]);
        (void)new_payment(account, &order);
    }
    spoil_keys("orders", "order_id = (SELECT min(order_id::text)::uuid FROM orders)");
    spoil_keys("photo_copy", "photo_id = (SELECT min(photo_id::text)::uuid FROM photo_copy)");
    w.now_us += 3 * DAY_US;
    is(lease_renew(&w.st, w.now_us, 100, &renewed), DENIED);
    is(rows_of_sql("SELECT count(*) FROM orders WHERE key_day > %d", day_of(w.now_us)), 2);
    is(rows_of_sql("SELECT count(*) FROM payment WHERE key_day > %d", day_of(w.now_us)), 3);
    is(rows_of_sql("SELECT count(*) FROM photo_copy WHERE key_day > %d", day_of(w.now_us)), 2);
}

/* ---- paying for what is not there ---- */

Test(edges, nobody_pays_for_a_photo_that_was_erased)
{
    struct uuid order = new_order(account, "electronic", &photo);
    struct payment early = new_payment(account, &order);
    is(erase_photo(&w.st, w.a, account, &photo, w.now_us, false), OK);
    struct payment p = payment_of(account, &order, "wechat", "app");
    is(payment_begin(&w.st, w.a, &p, w.now_us), CONFLICT);
    struct trade t = trade_of(&early, "4200000001");
    is(settle_at(&t, w.now_us).outcome, SETTLE_LATE);
    same_text(sql_text("SELECT state || ' ' || close_reason FROM orders"), "closed cancelled");
}

/* ---- erasing beside a payment ---- */

struct eraser {
    struct store st;
    bool whole_account;
    enum status status;
};

static void *erase_beside(void *arg)
{
    struct eraser *e = arg;
    struct arena *a = arena_new();
    struct erased erased;
    e->status = e->whole_account ? erase_account(&e->st, a, account, w.now_us, false, &erased)
                                 : erase_unpaid(&e->st, a, account, w.now_us, false);
    arena_free(a);
    return NULL;
}

/* The erasure has looked and waits for its log; then the callback comes. */
static struct settled pay_between(struct eraser *e, const struct trade *t)
{
    char folder[400];
    pthread_t thread;
    snprintf(folder, sizeof folder, "%s/ratchet", w.keys);
    int fd = open(folder, O_RDONLY | O_DIRECTORY);
    cr_assert(fd >= 0 && flock(fd, LOCK_EX) == 0);
    e->st = store_new();
    pthread_create(&thread, NULL, erase_beside, e);
    usleep(700 * 1000);
    struct settled out = settle_at(t, w.now_us);
    close(fd);
    pthread_join(thread, NULL);
    store_free(&e->st);
    return out;
}

Test(edges, an_order_paid_while_unpaid_ones_are_erased_never_counts_as_paid_and_goes)
{
    struct uuid order = new_order(account, "print", &photo);
    struct payment p = new_payment(account, &order);
    struct trade t = trade_of(&p, "4200000001");
    struct eraser e = {.whole_account = false};
    is(pay_between(&e, &t).outcome, SETTLE_LATE);
    is(e.status, OK);
    is(rows_of_sql("SELECT count(*) FROM orders"), 0);
    is(rows_of_sql("SELECT count(*) FROM anomaly WHERE kind = 'late'"), 1);
}

Test(edges, an_order_paid_while_its_account_is_erased_never_counts_as_paid_and_goes)
{
    struct uuid order = new_order(account, "print", &photo);
    struct payment p = new_payment(account, &order);
    struct trade t = trade_of(&p, "4200000001");
    struct eraser e = {.whole_account = true};
    is(pay_between(&e, &t).outcome, SETTLE_LATE);
    is(e.status, OK);
    is(rows_of_sql("SELECT count(*) FROM account"), 0);
}

/* ---- what names the erased ---- */

static void answer_until(const char *route, const char *key, const char *answer, int64_t until_us)
{
    struct idempotency i = {.route = route, .key = key, .attempt = uuid_new()};
    struct params p = {0};
    struct step finish;
    idempotency_hash(w.vault, account, &i);
    sql_do("INSERT INTO idempotency (account_id, route, key_hash, body_hash, started_at,"
           " expires_at, attempt) VALUES (%lld, '%s', '\\x%s', '\\x%s', to_timestamp(%lld),"
           " to_timestamp(%lld), '%s')",
           (long long)account, route, hex_text(i.key_hash, 32), hex_text(i.body_hash, 32),
           (long long)(w.now_us / SECOND_US), (long long)((w.now_us + DAY_US) / SECOND_US),
           uuid_text(&i.attempt));
    is(idempotency_finish_step(&w.st, w.a, account, &i, 201, answer, w.now_us, &p, &finish), OK);
    is(payment_answer(&w.st, w.a, &finish, until_us), OK);
}

static void answer_with(const char *route, const char *key, const char *answer)
{
    answer_until(route, key, answer, w.now_us + DAY_US);
}

Test(edges, what_a_provider_gave_for_paying_is_kept_to_the_end_of_the_attempt)
{
    answer_until("POST /v1/orders/{order_id}/payments", "k1", "{\"client\":{\"code_url\":\"\"}}",
                 w.now_us + 30 * MINUTE_US);
    w.now_us += 30 * MINUTE_US - 1;
    purge_all();
    is(rows_of_sql("SELECT count(*) FROM idempotency"), 1);
    w.now_us += 1;
    purge_all();
    is(rows_of_sql("SELECT count(*) FROM idempotency"), 0);
}

Test(edges, an_answer_that_repeats_the_recipient_goes_with_the_order)
{
    struct uuid order = new_order(account, "print", &photo);
    answer_with("POST /v1/orders", "k1", "{\"recipient\":{\"name\":\"Zhang Wei\"}}");
    is(erase_order(&w.st, w.a, account, &order, w.now_us, false), OK);
    is(rows_of_sql("SELECT count(*) FROM idempotency WHERE answer_sealed IS NOT NULL"), 0);
}

Test(edges, an_answer_that_describes_a_photo_goes_with_the_photo)
{
    answer_with("POST /v1/photos", "k1", "{\"photo_id\":\"pho_\"}");
    is(erase_photo(&w.st, w.a, account, &photo, w.now_us, false), OK);
    is(rows_of_sql("SELECT count(*) FROM idempotency WHERE answer_sealed IS NOT NULL"), 0);
}

/* ---- a backup that is some days old ---- */

static int64_t replay(void)
{
    struct erasure_set *set;
    int64_t deleted = -1;
    is(erasures_load(w.vault, &set), OK);
    is(erasures_replay(&w.st, w.a, set, &deleted), OK);
    erasures_free(set);
    return deleted;
}

Test(edges, an_erased_account_does_not_come_back_with_a_backup_of_last_week)
{
    struct erased erased;
    sql_do("CREATE TABLE backup AS SELECT * FROM account");
    is(erase_account(&w.st, w.a, account, w.now_us, false, &erased), OK);
    w.now_us += 5 * DAY_US;
    is(vault_ratchet_step(w.vault, day_of(w.now_us)), OK);
    is(erasures_trim(w.vault, day_of(w.now_us)), OK);
    sql_do("INSERT INTO account SELECT * FROM backup");
    is(replay(), 1);
    is(rows_of_sql("SELECT count(*) FROM account"), 0);
}

/* Rows of days that the ratchet has left are noise already: nothing is gained by waiting. */
Test(edges, rows_from_before_the_ratchets_day_do_not_hold_it)
{
    int32_t day, today = day_of(w.now_us) + 5;
    sql_do("UPDATE photo_copy SET key_day = %d", today - 2);
    is(oldest_key_day(&w.st, w.a, today - 1, today, &day), OK);
    is(day, today + 1);
    is(oldest_key_day(&w.st, w.a, today - 2, today, &day), OK);
    is(day, today - 2);
}

/* ---- a provider that does not answer ---- */

static void write_secret(const char *path, const char *text, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0400);
    cr_assert(fd >= 0 && write(fd, text, n) == (ssize_t)n);
    close(fd);
}

static struct wechat *a_merchant(void)
{
    char key[400], api[400], why[256] = "", *pem;
    struct wechat *merchant;
    EVP_PKEY *pair = EVP_RSA_gen(2048);
    BIO *bio = BIO_new(BIO_s_mem());
    cr_assert(PEM_write_bio_PrivateKey(bio, pair, NULL, NULL, 0, NULL, NULL) == 1);
    long n = BIO_get_mem_data(bio, &pem);
    snprintf(key, sizeof key, "%s/merchant.pem", w.keys);
    snprintf(api, sizeof api, "%s/api", w.keys);
    write_secret(key, pem, (size_t)n);
    write_secret(api, "0123456789abcdef0123456789abcdef", 32);
    BIO_free(bio);
    EVP_PKEY_free(pair);
    const struct wechat_options o = {.mchid = "1900000001",
                                     .appid_native = "wx0000000000000001",
                                     .api_v3_key_file = api,
                                     .merchant_key_file = key,
                                     .merchant_serial = "0123456789ABCDEF"};
    cr_assert_eq(wechat_open(&o, &merchant, why, sizeof why), OK, "%s", why);
    return merchant;
}

/* Takes connections and says nothing. Gives its address. */
static const char *dumb_server(int *fd)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof at;
    *fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert(bind(*fd, (struct sockaddr *)&at, n) == 0 && listen(*fd, 64) == 0 &&
              getsockname(*fd, (struct sockaddr *)&at, &n) == 0);
    return arena_printf(w.a, "http://127.0.0.1:%d", ntohs(at.sin_port));
}

static struct config config;
static struct service service;

static void open_service(const char *base_url)
{
    char why[256] = "", ratchet[400];
    config.wechat[0] =
        (struct config_wechat){.enabled = true, .mchid = "1900000001", .base_url = base_url};
    config.n_wechat = 1;
    config.retention.purge_interval_us = MINUTE_US;
    service = (struct service){.config = &config, .vault = w.vault, .db_options = w.options};
    service.wechat[0] = a_merchant();
    snprintf(ratchet, sizeof ratchet, "%s/%s", w.keys, VAULT_RATCHET_FILE);
    const struct guard_options guard = {
        .ratchet_file = ratchet, .max_step_days = 1, .step_day_by_day = true};
    clock_set_offset_us(clock_offset_us() + START_US - clock_now_us());
    is(guard_open(&guard, &service.guard, why, sizeof why), OK);
}

static void close_service(void)
{
    wechat_close(service.wechat[0]);
    guard_close(service.guard);
}

static int64_t pending(void)
{
    return rows_of_sql("SELECT count(*) FROM payment WHERE state = 'pending'");
}

Test(edges, what_is_over_goes_while_a_provider_does_not_answer)
{
    int fd;
    open_service(dumb_server(&fd));
    for (int i = 0; i < 3; i++) {
        struct uuid one = new_photo(account);
        struct uuid order = new_order(account, "electronic", &one);
        (void)new_payment(account, &order);
    }
    clock_set_offset_us(clock_offset_us() + 2 * HOUR_US);
    struct scheduler *scheduler = scheduler_start(&service);
    int64_t begun_us = clock_boot_us();
    while (photo_is_there() && clock_boot_us() < begun_us + 8 * SECOND_US)
        usleep(50 * 1000);
    bool gone = !photo_is_there();
    scheduler_stop(scheduler);
    cr_assert(clock_boot_us() < begun_us + 25 * SECOND_US, "the stop waited for every attempt");
    cr_assert(gone);
    is(pending(), 3);
    close_service();
    close(fd);
}

static void *answer_404(void *arg)
{
    static const char answer[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n"
                                 "Connection: close\r\n\r\nNot found";
    char request[4096];
    int fd = accept(*(int *)arg, NULL, NULL);
    if (read(fd, request, sizeof request) > 0)
        (void)!write(fd, answer, sizeof answer - 1);
    close(fd);
    return NULL;
}

/* A wrong address, a proxy: what they do not know may well be paid. */
Test(edges, a_404_of_somebody_else_closes_nothing)
{
    int fd;
    pthread_t thread;
    const char *outcome;
    struct job_context context;
    open_service(dumb_server(&fd));
    struct uuid order = new_order(account, "electronic", &photo);
    (void)new_payment(account, &order);
    clock_set_offset_us(clock_offset_us() + 2 * HOUR_US);
    pthread_create(&thread, NULL, answer_404, &fd);
    job_context_open(&context, &service);
    is(job_run(&context, job_find("poll"), &outcome), OK);
    job_context_close(&context);
    pthread_join(thread, NULL);
    is(pending(), 1);
    close_service();
    close(fd);
}
