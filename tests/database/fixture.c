/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <criterion/hooks.h>
#include <ftw.h>
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct world w;

/* ---- databases ---- */

/* The address of another database of the same cluster: "...@/NAME?host=..." */
static void url_of(const char *variable, const char *database, char *out, size_t size)
{
    const char *url = getenv(variable);
    cr_assert(url, "%s is not set: tests/tool/with-postgres.sh gives a database", variable);
    const char *slash = strstr(url, "@/"), *query = strchr(url, '?');
    cr_assert(slash && query && slash < query);
    snprintf(out, size, "%.*s%s%s", (int)(slash + 2 - url), url, database, query);
}

static PGconn *connect_as(const char *url)
{
    PGconn *c = PQconnectdb(url);
    if (PQstatus(c) != CONNECTION_OK)
        fprintf(stderr, "%s", PQerrorMessage(c));
    return c;
}

static void root_command(PGconn *c, const char *format, ...)
{
    char sql[512];
    va_list ap;
    va_start(ap, format);
    vsnprintf(sql, sizeof sql, format, ap);
    va_end(ap);
    PGresult *r = PQexec(c, sql);
    if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK) {
        fprintf(stderr, "%s: %s", sql, PQerrorMessage(c));
        abort();
    }
    PQclear(r);
}

#define TEMPLATE_VARIABLE "IDPHOTOD_TESTS_TEMPLATE"

static PGconn *root_of(const char *database)
{
    char url[512];
    url_of("IDPHOTOD_TEST_SUPERUSER_URL", database, url, sizeof url);
    return connect_as(url);
}

static void migrate_template(const char *name)
{
    char url[512];
    url_of("IDPHOTOD_TEST_OWNER_URL", name, url, sizeof url);
    const struct db_options options = {
        .url = url, .statement_timeout_us = 30 * SECOND_US, .connect_timeout_us = 10 * SECOND_US};
    FILE *sink = fopen("/dev/null", "w");
    struct db *d = db_new(&options);
    if (migrate_up(d, START_US, sink) != OK)
        abort();
    db_free(d);
    fclose(sink);
}

ReportHook(PRE_ALL)(struct criterion_test_set *tests)
{
    char name[64];
    (void)tests;
    if (!getenv("IDPHOTOD_TEST_SUPERUSER_URL")) {
        fprintf(stderr, "no database: tests/tool/with-postgres.sh gives one\n");
        exit(2);
    }
    snprintf(name, sizeof name, "template_%d", (int)getpid());
    PGconn *c = root_of("postgres");
    root_command(c, "CREATE DATABASE %s OWNER idphotod_owner", name);
    PQfinish(c);
    migrate_template(name);
    setenv(TEMPLATE_VARIABLE, name, 1);
}

static void make_database(bool migrated)
{
    snprintf(w.name, sizeof w.name, "test_%d", (int)getpid());
    PGconn *c = root_of("postgres");
    root_command(c, "CREATE DATABASE %s OWNER idphotod_owner TEMPLATE %s", w.name,
                 migrated ? getenv(TEMPLATE_VARIABLE) : "template1");
    /* These tests are about what is written, not about what survives: no wait for the disk. */
    for (int i = 0; i < 2; i++)
        root_command(c, "ALTER ROLE %s IN DATABASE %s SET synchronous_commit = off",
                     i ? "idphotod_app" : "idphotod_owner", w.name);
    PQfinish(c);
    url_of("IDPHOTOD_TEST_DATABASE_URL", w.name, w.app_url, sizeof w.app_url);
    url_of("IDPHOTOD_TEST_OWNER_URL", w.name, w.owner_url, sizeof w.owner_url);
    url_of("IDPHOTOD_TEST_SUPERUSER_URL", w.name, w.root_url, sizeof w.root_url);
    w.root = connect_as(w.root_url);
    root_command(w.root, "SET client_min_messages = 'warning'");
    w.options = (struct db_options){.url = w.app_url,
                                    .statement_timeout_us = 20 * SECOND_US,
                                    .connect_timeout_us = 5 * SECOND_US,
                                    .lists = all_statements,
                                    .n_lists = all_statements_count};
}

/* ---- keys ---- */

/* Beside the program, so below build/. */
static void make_keys(void)
{
    char exe[PATH_MAX], why[256] = "", master[400], ratchet[400];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    cr_assert(n > 0);
    exe[n] = 0;
    snprintf(w.keys, sizeof w.keys, "%.250s/database-keys-XXXXXX", dirname(exe));
    cr_assert(mkdtemp(w.keys));
    cr_assert_eq(vault_keygen(w.keys, false, day_of(START_US), why, sizeof why), OK, "%s", why);
    snprintf(master, sizeof master, "%s/%s", w.keys, VAULT_FIRST_MASTER_FILE);
    snprintf(ratchet, sizeof ratchet, "%s/%s", w.keys, VAULT_RATCHET_FILE);
    cr_assert_eq(vault_open(master, ratchet, &w.vault, why, sizeof why), OK, "%s", why);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    return remove(path);
}

/* ---- a world ---- */

void world_bare(void)
{
    cr_assert(sodium_init() >= 0);
    w.now_us = START_US;
    w.a = arena_new();
    make_database(false);
}

void world_up(void)
{
    cr_assert(sodium_init() >= 0);
    w.now_us = START_US;
    w.a = arena_new();
    make_database(true);
    make_keys();
    w.st = store_new();
    int32_t today = day_of(START_US);
    sql_do("SELECT photo_partitions_create(%d, %d)", today, today + 45);
}

void world_down(void)
{
    store_free(&w.st);
    if (w.vault)
        vault_close(w.vault);
    arena_free(w.a);
    PQfinish(w.root);
    if (*w.keys)
        nftw(w.keys, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    if (!*w.name)
        return;
    PGconn *c = root_of("postgres");
    root_command(c, "DROP DATABASE IF EXISTS %s WITH (FORCE)", w.name);
    PQfinish(c);
}

struct store store_new(void)
{
    return (struct store){db_new(&w.options), w.vault};
}

void store_free(struct store *st)
{
    db_free(st->db);
    st->db = NULL;
}

/* ---- looking ---- */

static PGresult *look(const char *sql)
{
    PGresult *r = PQexec(w.root, sql);
    ExecStatusType kind = PQresultStatus(r);
    cr_assert(kind == PGRES_TUPLES_OK || kind == PGRES_COMMAND_OK, "%s: %s", sql,
              PQresultErrorMessage(r));
    return r;
}

#define FORMATTED(sql, format)                                                                     \
    va_list ap;                                                                                    \
    va_start(ap, format);                                                                          \
    char *const sql = arena_vprintf(w.a, format, ap);                                              \
    va_end(ap)

int64_t rows_of_sql(const char *format, ...)
{
    FORMATTED(sql, format);
    PGresult *r = look(sql);
    cr_assert_eq(PQntuples(r), 1, "%s", sql);
    int64_t n = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
    PQclear(r);
    return n;
}

const char *sql_text(const char *format, ...)
{
    FORMATTED(sql, format);
    PGresult *r = look(sql);
    const char *text = PQntuples(r) ? arena_strdup(w.a, PQgetvalue(r, 0, 0)) : "";
    PQclear(r);
    return text;
}

void sql_do(const char *format, ...)
{
    FORMATTED(sql, format);
    PQclear(look(sql));
}

const char *sqlstate_of(const char *url, const char *sql)
{
    PGconn *c = connect_as(url);
    PGresult *r = PQexec(c, sql);
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    const char *copy = arena_strdup(w.a, state ? state : "00000");
    PQclear(r);
    PQfinish(c);
    return copy;
}

const char *uuid_text(const struct uuid *id)
{
    char hex[33];
    sodium_bin2hex(hex, sizeof hex, id->bytes, sizeof id->bytes);
    return arena_strdup(w.a, hex); /* PostgreSQL reads a UUID without hyphens */
}

/* ---- making ---- */

int64_t new_account(void)
{
    int64_t id;
    char token[TOKEN_BYTES];
    is(account_create(&w.st, w.a, w.now_us, false, NULL, "1.0", &id, token), OK);
    is(consent_grant(&w.st, w.a, id, "print-mailing", "1.0", w.now_us), OK);
    return id;
}

/* What every photo here consists of; its seal differs. */
static const char picture[PICTURE_BYTES] = "not a picture, but as long as one has to be for a test";

enum status try_photo(struct store *st, int64_t account_id, const struct upload_quota *quota,
                      int64_t at_us, struct uuid *photo_id)
{
    struct photo photo = {.subject = "self",
                          .format = "jpeg",
                          .width_px = 295,
                          .height_px = 413,
                          .dpi = 300,
                          .bytes = PICTURE_BYTES,
                          .created_us = at_us,
                          .expires_us = at_us + DRAFT_US};
    struct photo_steps steps;
    struct rows rows[PHOTO_STEPS];
    struct arena *a = arena_new();
    enum status s = photo_create_steps(st, a, account_id, quota, &photo,
                                       (struct span){picture, sizeof picture}, &steps);
    if (s == OK)
        s = db_run_batch(st->db, a, steps.steps, PHOTO_STEPS, rows);
    arena_free(a);
    *photo_id = photo.photo_id;
    return s;
}

struct uuid new_photo_at(int64_t account_id, int64_t at_us)
{
    struct uuid id;
    is(try_photo(&w.st, account_id, NULL, at_us, &id), OK);
    return id;
}

struct uuid new_photo(int64_t account_id)
{
    return new_photo_at(account_id, w.now_us);
}

enum { PHOTO_FEN = 1990 };

static size_t fill_items(struct order_item *items, const char *kind, const struct uuid *photos,
                         size_t n)
{
    size_t filled = 0;
    bool mixed = strcmp(kind, "mixed") == 0;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(kind, "print") != 0)
            items[filled++] = (struct order_item){"electronic", "electronic", photos[i], 1,
                                                  mixed ? 990 : PHOTO_FEN};
        if (strcmp(kind, "electronic") != 0)
            items[filled++] = (struct order_item){"print-8", "print", photos[i], 1,
                                                  mixed ? PHOTO_FEN - 990 : PHOTO_FEN};
    }
    return filled;
}

enum status try_order(struct store *st, struct arena *a, int64_t account_id, const char *kind,
                      const struct uuid *photos, size_t n, int64_t at_us, struct uuid *order_id)
{
    struct order_item items[ORDER_ITEMS_MAX];
    const struct order order = {
        .account_id = account_id,
        .order_id = uuid_new(),
        .kind = kind,
        .amount_fen = (int64_t)n * PHOTO_FEN,
        .accepts_no_refund = true,
        .created_us = at_us,
        .expires_us = at_us + OPEN_US,
        .items = items,
        .n_items = fill_items(items, kind, photos, n),
        .recipient = strcmp(kind, "electronic") == 0 ? NULL : "{\"name\":\"Zhang Wei\"}",
        .client_ip = "192.0.2.7",
    };
    *order_id = order.order_id;
    return order_create(st, a, &order, NULL);
}

struct uuid new_order(int64_t account_id, const char *kind, const struct uuid *photo)
{
    struct uuid id;
    is(try_order(&w.st, w.a, account_id, kind, photo, 1, w.now_us, &id), OK);
    return id;
}

struct payment payment_of(int64_t account_id, const struct uuid *order_id, const char *channel,
                          const char *method)
{
    bool wechat = strcmp(channel, "wechat") == 0;
    return (struct payment){.account_id = account_id,
                            .order_id = *order_id,
                            .channel = channel,
                            .method = method,
                            .merchant = wechat ? "1900000001" : "2088000000000001",
                            .appid = wechat ? "wx0000000000000001" : "2021000000000001",
                            .client_ip = "192.0.2.8",
                            .expires_us = w.now_us + 30 * MINUTE_US};
}

struct payment new_payment(int64_t account_id, const struct uuid *order_id)
{
    struct payment p = payment_of(account_id, order_id, "wechat", "native");
    is(payment_begin(&w.st, w.a, &p, w.now_us), OK);
    return p;
}

struct trade trade_of(const struct payment *payment, const char *transaction_id)
{
    bool wechat = strcmp(payment->channel, "wechat") == 0;
    return (struct trade){.channel = wechat ? CHANNEL_WECHAT : CHANNEL_ALIPAY,
                          .state = TRADE_PAID,
                          .out_trade_no = payment->out_trade_no,
                          .transaction_id = transaction_id,
                          .merchant = payment->merchant,
                          .appid = payment->appid,
                          .amount_fen = payment->amount_fen,
                          .currency = "CNY",
                          .success_us = w.now_us,
                          .openid = wechat ? "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o" : NULL,
                          .buyer_id = wechat ? NULL : "2088101117955611"};
}

struct settled settle_at(const struct trade *trade, int64_t now_us)
{
    struct settled out;
    const struct settle in = {.trade = trade,
                              .merchant_is_ours = true,
                              .source_ip = "198.51.100.3",
                              .photo_life_us = PHOTO_LIFE_US,
                              .order_life_us = ORDER_LIFE_US,
                              .now_us = now_us};
    is(payment_settle(&w.st, w.a, &in, &out), OK);
    return out;
}

struct uuid new_paid_order(int64_t account_id, const char *kind, const struct uuid *photo)
{
    struct uuid order = new_order(account_id, kind, photo);
    struct payment p = new_payment(account_id, &order);
    struct trade t = trade_of(&p, arena_printf(w.a, "T%s", p.out_trade_no));
    is(settle_at(&t, w.now_us).outcome, SETTLE_SUCCESS);
    return order;
}

bool photo_is_seen(int64_t account_id, const struct uuid *photo, int64_t at_us)
{
    struct photo found;
    enum status s = photo_read(&w.st, w.a, account_id, photo, at_us, &found);
    cr_assert(s == OK || s == NOT_FOUND, "%s", status_name(s));
    return s == OK;
}

enum status photo_opens(int64_t account_id, const struct uuid *photo, int64_t at_us)
{
    struct photo found;
    struct span file;
    enum status s = photo_read_file(&w.st, w.a, account_id, photo, at_us, &found, &file);
    if (s == OK) {
        is(file.size, sizeof picture);
        cr_assert(memcmp(file.bytes, picture, sizeof picture) == 0);
    }
    return s;
}

/* ---- logs ---- */

static int kept_stderr = -1;
static FILE *log_file;

void log_begin(void)
{
    fflush(stderr);
    kept_stderr = dup(STDERR_FILENO);
    log_file = tmpfile();
    cr_assert(kept_stderr >= 0 && log_file);
    dup2(fileno(log_file), STDERR_FILENO);
}

const char *log_end(void)
{
    fflush(stderr);
    dup2(kept_stderr, STDERR_FILENO);
    close(kept_stderr);
    long n = lseek(fileno(log_file), 0, SEEK_END);
    cr_assert(n >= 0);
    char *text = arena_alloc(w.a, (size_t)n + 1);
    cr_assert_eq(pread(fileno(log_file), text, (size_t)n, 0), n);
    fclose(log_file);
    return text;
}

/* ---- threads ---- */

struct starter {
    pthread_barrier_t *gate;
    void *(*fn)(void *);
    void *arg;
};

static void *start(void *arg)
{
    struct starter *s = arg;
    pthread_barrier_wait(s->gate);
    return s->fn(s->arg);
}

void run_together(int n, void *(*fn)(void *), void *args, size_t size)
{
    enum { THREADS_MAX = 32 };
    pthread_t threads[THREADS_MAX];
    struct starter starters[THREADS_MAX];
    pthread_barrier_t gate;
    cr_assert(n <= THREADS_MAX);
    pthread_barrier_init(&gate, NULL, (unsigned)n);
    for (int i = 0; i < n; i++) {
        starters[i] = (struct starter){&gate, fn, (char *)args + (size_t)i * size};
        cr_assert_eq(pthread_create(&threads[i], NULL, start, &starters[i]), 0);
    }
    for (int i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&gate);
}
