/* SPDX-License-Identifier: MIT */
/* A clock that is not the provider's: signatures are good for 300 s on either side, so the log
 * tells from a minute on, and alarms from four (sections 1.2 and 1.5 of the design notes). */
#include <criterion/criterion.h>
#include <time.h>

#include "base/clock.h"
#include "jobs/provider_send.h"
#include "kept_log.h"
#include "provider_stub.h"

static struct arena *a;
static struct provider provider;

static void set_up(void)
{
    a = arena_new();
    provider = (struct provider){.client = client_new()};
    stub_start(&(struct stub_answer){200, NULL, "{}"});
    kept_log_begin();
}

static void tear_down(void)
{
    client_free(provider.client);
    stub_stop();
    arena_free(a);
}

TestSuite(provider_clock, .init = set_up, .fini = tear_down, .timeout = 60);

static void ask(void)
{
    struct client_answer answer;
    const struct alipay_request request = {.url = stub_url(), .body = ""};
    cr_assert_eq(provider_fetch_alipay(&provider, "alipay.trade.query", &request, a, &answer), OK);
}

/* RFC 9110, section 5.6.7. */
static const char *date_in(int64_t seconds)
{
    char text[64];
    struct tm tm;
    time_t at = time(NULL) + seconds;
    cr_assert(gmtime_r(&at, &tm) &&
              strftime(text, sizeof text, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm));
    return arena_strdup(a, text);
}

/* The provider's clock is so far ahead of ours. */
static void ask_one_ahead_by(int64_t seconds)
{
    stub_answers(&(struct stub_answer){200, date_in(seconds), "{}"});
    ask();
}

/* So many lines by now; the last one is of that level and says about that difference. */
static void expect_told(int n, const char *level, int64_t seconds)
{
    cr_assert_eq(kept_log_count("clock.differs"), n);
    json_t *line = kept_log_last("clock.differs");
    cr_expect_str_eq(json_string_value(json_object_get(line, "level")), level);
    json_int_t said = json_integer_value(json_object_get(line, "seconds"));
    cr_expect(said >= seconds && said <= seconds + 5, "%lld", (long long)said);
    json_decref(line);
}

Test(provider_clock, less_than_a_minute_is_not_told)
{
    ask_one_ahead_by(0);
    ask_one_ahead_by(-50);
    ask_one_ahead_by(55);
    cr_expect_eq(kept_log_count("clock.differs"), 0);
}

Test(provider_clock, more_is_told_when_it_begins_grows_and_ends)
{
    ask_one_ahead_by(-70);
    expect_told(1, "warn", 70);
    ask_one_ahead_by(-80);
    cr_expect_eq(kept_log_count("clock.differs"), 1, "nothing new");
    ask_one_ahead_by(-250);
    expect_told(2, "error", 250);
    ask_one_ahead_by(-300);
    cr_expect_eq(kept_log_count("clock.differs"), 2, "nothing new");
    ask_one_ahead_by(0);
    expect_told(3, "warn", 0);
    ask_one_ahead_by(0);
    cr_expect_eq(kept_log_count("clock.differs"), 3, "nothing new");
}

Test(provider_clock, four_minutes_are_not_more_than_four)
{
    ask_one_ahead_by(230);
    expect_told(1, "warn", -230);
}

Test(provider_clock, ours_behind_is_told_as_well_as_ahead)
{
    ask_one_ahead_by(250);
    expect_told(1, "error", -250);
}

Test(provider_clock, wechat_pays_clock_is_looked_at_as_well)
{
    static struct config config;
    const struct service service = {.config = &config};
    struct client_answer answer;
    struct wechat_headers signature;
    const struct wechat_request request = {
        .method = "GET", .url = "/v3/certificates", .authorization = "none"};
    config.wechat[0].base_url = stub_url();
    provider.service = &service;
    stub_answers(&(struct stub_answer){200, date_in(-250), "{}"});
    cr_assert_eq(provider_fetch_wechat(&provider, 0, &request, a, &answer, &signature), OK);
    expect_told(1, "error", 250);
}

Test(provider_clock, an_answer_without_a_date_that_can_be_read_says_nothing)
{
    ask();
    stub_answers(&(struct stub_answer){200, "Date: yesterday at tea\r\n", "{}"});
    ask();
    cr_expect_eq(kept_log_count("clock.differs"), 0);
}

Test(provider_clock, a_day_that_a_test_plays_is_not_told)
{
    clock_set_offset_us(8 * DAY_US);
    ask_one_ahead_by(0);
    cr_expect_eq(kept_log_count("clock.differs"), 0);
}
