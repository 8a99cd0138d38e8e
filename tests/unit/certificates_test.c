/* SPDX-License-Identifier: MIT */
/* When platform certificates are downloaded, and what the log says of their end. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "api/app.h"
#include "base/clock.h"
#include "boot_clock.h"
#include "http_fixture.h"
#include "jobs/certificates.h"
#include "jobs/committer.h"
#include "kept_log.h"
#include "pay/wechat_parts.h"
#include "platform_list.h"
#include "provider_stub.h"

/* certificates.h: at least five minutes from one download to the next. */
#define PAUSE_US (5 * MINUTE_US)

static const struct stub_answer no_certificates = {404, NULL, "{\"code\":\"RESOURCE_NOT_EXISTS\"}"},
                                broken = {500, NULL, "{\"code\":\"SYSTEM_ERROR\"}"};

static struct arena *a, *lists; /* lists: the stub reads them to the end */
static struct key_pair ours, platform;
static struct config config;
static struct app app;
static struct server *server;

/* A merchant that has a public key as well, or platform certificates alone. */
static void open_merchant(bool public_key)
{
    char why[256] = "";
    a = arena_new();
    ours = key_pair_named("merchant");
    platform = key_pair_named("platform");
    struct wechat_options options = merchant_without_keys(&ours, a);
    options.public_key_id = public_key ? "PUB_KEY_ID_01" : NULL;
    options.public_key_file = public_key ? file_with(platform.public_pem, a) : NULL;
    cr_assert_eq(wechat_open(&options, &app.service.wechat[0], why, sizeof why), OK, "%s", why);
    config.n_wechat = 1;
    config.wechat[0] = (struct config_wechat){
        .name = "wechat", .enabled = true, .platform_certificates = true, .base_url = stub_url()};
    app.service.config = &config;
    app.service.certificates = certificates_new();
    app.service.db_options.url = "host=/nowhere"; /* nothing is ever committed */
    app.committer = committer_start(&app.service, 1);
}

static void close_merchant(void)
{
    committer_stop(app.committer);
    certificates_free(app.service.certificates); /* waits for the download that goes on */
    wechat_close(app.service.wechat[0]);
    key_pair_free(&ours);
    key_pair_free(&platform);
    arena_free(a);
    stub_stop();
    arena_free(lists);
}

/* The stub gives a list of one certificate that ends so long from now, signed by itself. */
static void list_one_that_ends_in(int64_t us)
{
    struct arena *texts = lists;
    char begin[TIME_TEXT_BYTES], end[TIME_TEXT_BYTES];
    struct key_pair k = key_pair_named("wechatpay");
    int64_t now_us = clock_now_us();
    const char *body =
        arena_printf(texts, "{\"data\":[%s]}",
                     platform_entry(&k, 0x11, "11", time_format(now_us - DAY_US, begin),
                                    time_format(now_us + us, end), texts));
    const char *timestamp = wechat_timestamp(texts, now_us);
    const char *signed_text = arena_printf(texts, "%s\nnonce\n%s\n", timestamp, body);
    const char *headers =
        arena_printf(texts,
                     "Wechatpay-Timestamp: %s\r\nWechatpay-Nonce: nonce\r\nWechatpay-Serial: 11\r\n"
                     "Wechatpay-Signature: %s\r\n",
                     timestamp, evp_sign(&k, signed_text, strlen(signed_text), texts));
    key_pair_free(&k);
    stub_answers(&(struct stub_answer){200, headers, body});
}

static void listen_to_log(void)
{
    lists = arena_new();
    stub_start(&broken);
    kept_log_begin();
}

/* ---- callbacks by names that are not held ---- */

/* The n-th download has come and gone, now or within the seconds. */
static bool is_over(int n, int seconds)
{
    return kept_log_await("certificates.taken", n, seconds);
}

static void serve(void)
{
    static const struct server_listener public = {.listen = "127.0.0.1:0", .kind = LISTENER_PUBLIC};
    const struct server_options options = {.listeners = &public,
                                           .n_listeners = 1,
                                           .routes = routes,
                                           .n_routes = routes_count,
                                           .workers = 1,
                                           .app = &app};
    char why[256] = "";
    listen_to_log();
    list_one_that_ends_in(300 * DAY_US);
    open_merchant(true);
    cr_assert_eq(server_start(&options, &server, why, sizeof why), OK, "%s", why);
    certificates_start(app.service.certificates, &app.service);
    cr_assert(is_over(1, 10), "there is a download at the start");
}

static void serve_no_more(void)
{
    server_stop(server, 0);
    close_merchant();
}

TestSuite(certificates, .init = serve, .fini = serve_no_more, .timeout = 60);

/* In time, in form, and by a name that nobody holds. */
static void tell(const char *path)
{
    const char *request = arena_printf(
        a,
        "POST %s HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
        "Wechatpay-Timestamp: %s\r\nWechatpay-Nonce: n\r\nWechatpay-Signature: c2lnbmVk\r\n"
        "Wechatpay-Serial: 7132D72A03E93CDDF8C03BBD1F37EEDF\r\n\r\n{}",
        path, wechat_timestamp(a, clock_now_us()));
    struct answer answer = raw_ask(server_port(server, 0), request);
    cr_assert_eq(answer.status, 401);
    answer_free(&answer);
}

/* A download that an operator wants is made at once; the thread that makes it has then seen
 * whatever was wanted before. */
static void expect_asked(int n)
{
    cr_expect_eq(stub_asked(), n);
    certificates_renew(app.service.certificates);
    cr_assert(is_over(n + 1, 10));
    cr_expect_eq(stub_asked(), n + 1);
}

static void unknown_names_download_once(const char *path)
{
    boot_clock_advance(PAUSE_US);
    tell(path);
    cr_assert(is_over(2, 5), "the unknown name was not asked about");
    boot_clock_advance(PAUSE_US - MINUTE_US);
    for (int i = 0; i < 20; i++)
        tell(path);
    expect_asked(2);
    boot_clock_advance(PAUSE_US);
    tell(path);
    cr_assert(is_over(4, 5), "one after the pause was not asked about");
}

Test(certificates, an_unknown_serial_in_a_payments_callback_downloads_once_in_five_minutes)
{
    unknown_names_download_once("/v1/notify/wechat");
}

Test(certificates, an_unknown_serial_in_a_refunds_callback_downloads_once_in_five_minutes)
{
    unknown_names_download_once("/v1/notify/wechat/refund");
}

Test(certificates, an_unknown_serial_right_after_the_start_waits_for_the_pause_to_end)
{
    tell("/v1/notify/wechat");
    expect_asked(1);
    tell("/v1/notify/wechat");
    boot_clock_advance(PAUSE_US);
    cr_assert(is_over(3, 30), "what was wanted within the pause is forgotten");
}

Test(certificates, a_callback_that_is_wrong_in_another_way_asks_for_nothing)
{
    boot_clock_advance(PAUSE_US);
    for (int i = 0; i < 20; i++) {
        struct answer answer =
            raw_ask(server_port(server, 0), "POST /v1/notify/wechat HTTP/1.1\r\nHost: t\r\n"
                                            "Content-Type: application/json\r\n"
                                            "Content-Length: 2\r\n\r\n{}");
        cr_assert_eq(answer.status, 401);
        answer_free(&answer);
    }
    expect_asked(1);
}

/* ---- what the log says ---- */

TestSuite(certificates_log, .init = listen_to_log, .timeout = 60);

/* Nothing is under way any more when this returns. */
static void download_once(bool public_key)
{
    open_merchant(public_key);
    certificates_start(app.service.certificates, &app.service);
    cr_assert(stub_await(1, 10));
    close_merchant();
}

static void expect_told(int taken, int failed, int ending, int none)
{
    cr_expect_eq(kept_log_count("certificates.taken"), taken);
    cr_expect_eq(kept_log_count("certificates.failed"), failed);
    cr_expect_eq(kept_log_count("certificates.ending"), ending);
    cr_expect_eq(kept_log_count("certificates.none"), none);
}

static void expect_line(const char *event, const char *level)
{
    json_t *line = kept_log_last(event);
    cr_expect_str_eq(json_string_value(json_object_get(line, "level")), level);
    cr_expect_str_eq(json_string_value(json_object_get(line, "merchant")), "wechat");
    json_decref(line);
}

Test(certificates_log, a_merchant_that_holds_no_key_at_all_is_an_alarm)
{
    download_once(false);
    expect_told(0, 0, 0, 1);
    expect_line("certificates.none", "error");
}

Test(certificates_log, a_failed_download_beside_a_public_key_is_none)
{
    download_once(true);
    expect_told(0, 1, 0, 0);
    expect_line("certificates.failed", "warn");
}

Test(certificates_log, a_merchant_of_the_new_kind_is_well_without_certificates)
{
    stub_answers(&no_certificates);
    download_once(true);
    expect_told(0, 0, 0, 0);
}

Test(certificates_log, certificates_that_do_not_come_and_no_public_key_are_an_alarm_too)
{
    stub_answers(&no_certificates);
    download_once(false);
    expect_told(0, 0, 0, 1);
}

Test(certificates_log, the_last_certificate_alarms_fourteen_days_before_its_end)
{
    list_one_that_ends_in(14 * DAY_US - 30 * MINUTE_US);
    download_once(false);
    expect_told(1, 0, 1, 0);
    expect_line("certificates.ending", "error");
    json_t *line = kept_log_last("certificates.ending");
    cr_expect_eq(json_integer_value(json_object_get(line, "hours")), 14 * 24 - 1);
    json_decref(line);
}

Test(certificates_log, and_not_earlier)
{
    list_one_that_ends_in(14 * DAY_US + 30 * MINUTE_US);
    download_once(false);
    expect_told(1, 0, 0, 0);
}

Test(certificates_log, nor_when_a_public_key_goes_on)
{
    list_one_that_ends_in(DAY_US);
    download_once(true);
    expect_told(1, 0, 0, 0);
}

/* Downloads fail from now on: first the end comes nearer, then nothing is held. */
Test(certificates_log, a_certificate_that_ends_without_another_is_an_alarm)
{
    list_one_that_ends_in(10 * DAY_US);
    open_merchant(false);
    certificates_start(app.service.certificates, &app.service);
    cr_assert(stub_await(1, 10));
    stub_answers(&broken);
    certificates_renew(app.service.certificates);
    cr_assert(kept_log_await("certificates.ending", 2, 10));
    clock_set_offset_us(11 * DAY_US);
    certificates_renew(app.service.certificates);
    cr_assert(stub_await(3, 10));
    close_merchant();
    expect_told(1, 1, 2, 1);
}
