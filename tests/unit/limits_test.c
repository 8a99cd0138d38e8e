/* SPDX-License-Identifier: MIT */
/* Rate limits, at instants of the test's choosing. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "api/app.h"
#include "base/clock.h"
#include "http/limits.h"
#include "http/transport.h"
#include "memory_file.h"

#define NOW (1000 * SECOND_US)

static struct limits *limits;
static char why[512];

static enum status load(const char *text)
{
    const struct memory_file f = memory_file(text, strlen(text));
    enum status s = limits_load(f.path, &limits, why, sizeof why);
    memory_file_close(&f);
    return s;
}

static void open_limits(void)
{
    cr_assert_eq(load("{\"pay\": {\"account\": {\"requests\": 10, \"window_s\": 60, \"burst\": 3},"
                      " \"address\": {\"requests\": 2, \"window_s\": 60}},"
                      " \"read\": {\"account\": {\"requests\": 5, \"window_s\": 60}}}"),
                 OK, "%s", why);
}

static void close_limits(void)
{
    limits_free(limits);
}

TestSuite(limits, .init = open_limits, .fini = close_limits);

static struct limit_state take(const char *class, int64_t account, int64_t at_us)
{
    struct limit_state s;
    cr_assert(limits_take(limits, class, LIMIT_ACCOUNT, &account, sizeof account, at_us, &s));
    return s;
}

Test(limits, so_many_come_at_once_and_then_one_each_interval)
{
    for (int i = 0; i < 3; i++) {
        struct limit_state s = take("pay", 1, NOW);
        cr_assert_eq(s.retry_s, 0);
        cr_assert_eq(s.remaining, 2 - i);
        cr_assert_eq(s.reset_s, 6 * (i + 1));
        cr_assert_eq(s.quota, 10);
        cr_assert_eq(s.window_s, 60);
        cr_assert_str_eq(s.policy, "pay-account");
    }
    struct limit_state refused = take("pay", 1, NOW);
    cr_assert_eq(refused.retry_s, 6);
    cr_assert_eq(refused.reset_s, 6);
    cr_assert_eq(refused.remaining, 0);
    cr_assert_eq(take("pay", 1, NOW + 6 * SECOND_US - 1).retry_s, 1);
    cr_assert_eq(take("pay", 1, NOW + 6 * SECOND_US).retry_s, 0);
    cr_assert_eq(take("pay", 1, NOW + 6 * SECOND_US).retry_s, 6);
}

Test(limits, over_an_hour_no_more_pass_than_the_windows_hold)
{
    int passed = 0;
    for (int64_t at_s = 0; at_s < 3600; at_s++)
        passed += take("pay", 1, NOW + at_s * SECOND_US).retry_s == 0;
    cr_assert_eq(passed, 600 + 2);
}

Test(limits, each_caller_class_and_kind_of_caller_is_counted_apart)
{
    struct limit_state s;
    int64_t one = 1;
    for (int i = 0; i < 4; i++)
        (void)take("pay", 1, NOW);
    cr_assert_eq(take("pay", 2, NOW).retry_s, 0);
    cr_assert_eq(take("read", 1, NOW).retry_s, 0);
    cr_assert(limits_take(limits, "pay", LIMIT_ADDRESS, &one, sizeof one, NOW, &s));
    cr_assert_eq(s.retry_s, 0);
    cr_assert_not(limits_take(limits, "read", LIMIT_ADDRESS, &one, sizeof one, NOW, &s));
    cr_assert_not(limits_take(limits, "other", LIMIT_ACCOUNT, &one, sizeof one, NOW, &s));
}

/* Who floods must not be forgotten because many others come. */
Test(limits, an_exhausted_caller_is_remembered_among_ten_times_as_many_as_there_is_room_for)
{
    for (int i = 0; i < 3; i++)
        (void)take("pay", 1, NOW);
    for (int64_t other = 2; other < INT64_C(10) * LIMIT_SLOTS; other++)
        cr_assert_eq(take("pay", other, NOW).retry_s, 0);
    cr_assert_eq(take("pay", 1, NOW).retry_s, 6);
}

enum { THREADS = 8, CALLS = 1000 };

static void *take_many(void *arg)
{
    int *passed = arg;
    for (int i = 0; i < CALLS; i++)
        *passed += take("pay", 1, NOW).retry_s == 0;
    return NULL;
}

Test(limits, threads_together_get_no_more_than_one_would)
{
    pthread_t t[THREADS];
    int passed[THREADS] = {0}, sum = 0;
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&t[i], NULL, take_many, &passed[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(t[i], NULL);
        sum += passed[i];
    }
    cr_assert_eq(sum, 3);
}

/* ---- addresses ---- */

static unsigned ask_from(const char *address)
{
    static const struct route route = {.method = "POST", .path = "/pay", .rate = "pay"};
    struct transport t;
    struct request r;
    struct arena *a = arena_new();
    request_init(&r, &t, a);
    r.route = &route;
    r.request_id = "id";
    r.client_ip = address;
    cr_assert_eq(limits_admit_address(limits, &r), r.reply_status == 0);
    unsigned status = r.reply_status;
    cr_assert(reply_has_header(&r, "RateLimit") && reply_has_header(&r, "RateLimit-Policy"));
    cr_assert_eq(reply_has_header(&r, "Retry-After"), status == 429);
    arena_free(a);
    return status;
}

Test(limits, an_ipv6_address_counts_as_its_64_and_an_ipv4_address_as_itself)
{
    cr_assert_eq(ask_from("2001:db8:1:2::1"), 0);
    cr_assert_eq(ask_from("2001:db8:1:2:ffff::9"), 0);
    cr_assert_eq(ask_from("2001:db8:1:2::3"), 429);
    cr_assert_eq(ask_from("2001:db8:1:3::1"), 0);
    cr_assert_eq(ask_from("192.0.2.1"), 0);
    cr_assert_eq(ask_from("192.0.2.1"), 0);
    cr_assert_eq(ask_from("192.0.2.1"), 429);
    cr_assert_eq(ask_from("192.0.2.2"), 0);
}

/* ---- the file ---- */

Test(limits, a_table_that_is_not_one_is_refused)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{\"a\": 1}",
        "{\"a\": {\"address\": {\"requests\": 1}}}",
        "{\"a\": {\"address\": {\"requests\": 0, \"window_s\": 1}}}",
        "{\"a\": {\"address\": {\"requests\": 1, \"window_s\": 86401}}}",
        "{\"a\": {\"address\": {\"requests\": 1, \"window_s\": 1, \"burst\": 2}}}",
        "{\"a\": {\"address\": {\"requests\": 1, \"window_s\": 1, \"more\": 2}}}",
        "{\"a\": {\"everybody\": {\"requests\": 1, \"window_s\": 1}}}",
        "{\"a\": {}, \"a\": {}}",
        "{\"A b\": {}}",
        "{\"quota\": 7}",
        "{\"quota\": {\"drafts\": 0}}",
        "{\"quota\": {\"drafts\": 10001}}",
        "{\"quota\": {\"bytes_a_day\": \"1\"}}",
        "{\"quota\": {\"address\": {\"requests\": 1, \"window_s\": 1}}}",
    };
    struct limits *before = limits;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_expect_eq(load(bad[i]), INVALID, "%s", bad[i]);
        cr_expect_eq(limits, before);
    }
}

Test(limits, what_an_account_may_keep_stands_beside_the_classes)
{
    close_limits();
    cr_assert_eq(load("{\"quota\": {\"drafts\": 3, \"bytes_a_day\": 5000}}"), OK, "%s", why);
    cr_expect_eq(limits_quota(limits).drafts, 3);
    cr_expect_eq(limits_quota(limits).bytes_a_day, 5000);
    close_limits();
    cr_assert_eq(load("{}"), OK);
    cr_expect_eq(limits_quota(limits).drafts, 0);
    cr_expect_eq(limits_quota(NULL).bytes_a_day, 0);
}

/* A class that the table does not have would not be limited at all. */
Test(limits, the_table_that_comes_with_it_limits_every_class_of_the_routes)
{
    struct limits *own;
    cr_assert_eq(limits_load("config/limits.json", &own, why, sizeof why), OK, "%s", why);
    for (size_t i = 0; i < routes_count; i++) {
        struct limit_state s;
        const struct route *r = &routes[i];
        if (!r->rate)
            continue;
        cr_expect(limits_take(own, r->rate, LIMIT_ADDRESS, &i, sizeof i, NOW, &s), "%s", r->path);
        if (r->caller == CALLER_ACCOUNT)
            cr_expect(limits_take(own, r->rate, LIMIT_ACCOUNT, &i, sizeof i, NOW, &s), "%s",
                      r->path);
    }
    limits_free(own);
}

Test(limits, providers_and_operators_have_no_class)
{
    for (size_t i = 0; i < routes_count; i++)
        if (routes[i].caller == CALLER_PROVIDER || routes[i].caller == CALLER_OPERATOR)
            cr_expect_null(routes[i].rate, "%s", routes[i].path);
}
