/* SPDX-License-Identifier: MIT */
/*
 * A world of its own for every test: a fresh database made from a migrated template, fresh keys,
 * a frozen now, and short ways to make accounts, photos, orders and payments.
 *
 * The runner migrates the template before the first test (fixture.c); each test runs in a process
 * of its own. One thread, except where a function says otherwise.
 */
#ifndef IDPHOTOD_TESTS_DATABASE_FIXTURE_H
#define IDPHOTOD_TESTS_DATABASE_FIXTURE_H

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "store/account.h"
#include "store/lifetime.h"
#include "store/migrate.h"
#include "store/operator.h"
#include "store/order.h"
#include "store/payment.h"
#include "store/photo.h"
#include "store/store.h"

/* 2026-12-01T04:00:00Z, noon in Shanghai. */
#define START_US INT64_C(1796097600000000)

#define DRAFT_US      HOUR_US
#define OPEN_US       DAY_US
#define PHOTO_LIFE_US (7 * DAY_US)
#define ORDER_LIFE_US (30 * DAY_US)

struct world {
    char name[64]; /* of the database */
    char app_url[512], owner_url[512], root_url[512];
    char keys[300];
    struct db_options options;
    struct vault *vault;
    struct store st;
    struct arena *a;
    PGconn *root; /* superuser, for looking and for damage */
    int64_t now_us;
};

/* The world of the running test. */
extern struct world w;

/* Suite fixtures. world_up makes partitions for 45 days; world_bare none, and no keys. */
void world_up(void);
void world_bare(void);
void world_down(void);

/* A further store on a connection of its own, for a thread. Any thread. */
struct store store_new(void);
void store_free(struct store *st);

/* As superuser. rows: the first value as a number; sql_text: as a text (borrowed until the test
 * ends). Failures fail the test. */
int64_t rows_of_sql(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *sql_text(const char *format, ...) __attribute__((format(printf, 1, 2)));
void sql_do(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* SQLSTATE of a command run under that address; "00000" when it succeeds. */
const char *sqlstate_of(const char *url, const char *sql);

/* "(123,'0197...')" for use in SQL. Borrowed until the test ends. */
const char *uuid_text(const struct uuid *id);

int64_t new_account(void);
/* A photo within a quota, or without one; any thread with a store of its own. */
enum { PICTURE_BYTES = 54 };
enum status try_photo(struct store *st, int64_t account_id, const struct upload_quota *quota,
                      int64_t at_us, struct uuid *photo_id);
struct uuid new_photo_at(int64_t account_id, int64_t at_us);
struct uuid new_photo(int64_t account_id);

/* kind "electronic", "print" or "mixed"; one item a photo (mixed: two). 1990 fen a photo. */
enum status try_order(struct store *st, struct arena *a, int64_t account_id, const char *kind,
                      const struct uuid *photos, size_t n, int64_t at_us, struct uuid *order_id);
struct uuid new_order(int64_t account_id, const char *kind, const struct uuid *photo);

struct payment payment_of(int64_t account_id, const struct uuid *order_id, const char *channel,
                          const char *method);
struct payment new_payment(int64_t account_id, const struct uuid *order_id);

/* The trade that pays it as it should be paid, at now. */
struct trade trade_of(const struct payment *payment, const char *transaction_id);
struct settled settle_at(const struct trade *trade, int64_t now_us);
/* Order, payment, success. */
struct uuid new_paid_order(int64_t account_id, const char *kind, const struct uuid *photo);

bool photo_is_seen(int64_t account_id, const struct uuid *photo, int64_t at_us);
/* OK only when the file comes and is the one uploaded. */
enum status photo_opens(int64_t account_id, const struct uuid *photo, int64_t at_us);

/* What stands on standard error while a test runs between these two. Borrowed until the test
 * ends. */
void log_begin(void);
const char *log_end(void);

/* Runs fn(arg + i * size) in n threads that start together. */
void run_together(int n, void *(*fn)(void *), void *args, size_t size);

/* eq of texts, with both in the report */
#define same_text(actual, expected)                                                                \
    do {                                                                                           \
        const char *same_a_ = (actual), *same_b_ = (expected);                                     \
        cr_assert(same_a_ &&same_b_ &&strcmp(same_a_, same_b_) == 0, "\"%s\" is not \"%s\"",       \
                  same_a_ ? same_a_ : "(null)", same_b_ ? same_b_ : "(null)");                     \
    } while (0)
#define is(actual, expected)                                                                       \
    do {                                                                                           \
        int64_t is_a_ = (int64_t)(actual), is_b_ = (int64_t)(expected);                            \
        cr_assert(is_a_ == is_b_, "%s: %lld is not %lld", #actual, (long long)is_a_,               \
                  (long long)is_b_);                                                               \
    } while (0)

#endif
