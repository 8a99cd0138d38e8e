/* SPDX-License-Identifier: MIT */
/* What goes to Alipay: decoded by libcurl, verified by OpenSSL over texts written out by hand. */
#include <criterion/criterion.h>
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "key_pair.h"
#include "pay/alipay_keys.h"

#define GATEWAY "https://openapi.alipay.com/gateway.do"
#define NOTIFY  "https://id.example.cn/v1/notify/alipay"

static struct arena *a;
static struct key_pair ours;
static struct alipay app;
static int64_t now_us; /* 2026-01-01 10:34:57 in Shanghai */

static void set_up(void)
{
    a = arena_new();
    ours = key_pair_named("merchant");
    app = (struct alipay){.app_id = (char *)"2021000000000001",
                          .seller_id = (char *)"2088102119685838",
                          .gateway_url = (char *)GATEWAY,
                          .app_key = ours.private_key};
    cr_assert_eq(time_parse("2026-01-01T02:34:57Z", &now_us), OK);
}

static void tear_down(void)
{
    key_pair_free(&ours);
    arena_free(a);
}

TestSuite(alipay_request, .init = set_up, .fini = tear_down);

/* The value of a name in "a=1&b=2", decoded by libcurl; NULL when it is not there exactly once. */
static const char *value_in(const char *query, const char *name)
{
    const char *found = NULL;
    char *rest = NULL, *copy = arena_strdup(a, query);
    for (char *part = strtok_r(copy, "&", &rest); part; part = strtok_r(NULL, "&", &rest)) {
        size_t n = strlen(name);
        if (strncmp(part, name, n) != 0 || part[n] != '=')
            continue;
        cr_assert_null(found, "%s twice", name);
        int size = 0;
        char *decoded = curl_easy_unescape(NULL, part + n + 1, 0, &size);
        found = arena_copy(a, decoded, (size_t)size);
        curl_free(decoded);
    }
    return found;
}

static size_t count_pairs(const char *query)
{
    size_t n = 1;
    for (const char *c = query; *c; c++)
        n += *c == '&';
    return n;
}

static const char *query_of(const char *url)
{
    cr_assert_eq(strncmp(url, GATEWAY "?", sizeof GATEWAY), 0, "%s", url);
    return url + sizeof GATEWAY;
}

/* Every pair of the text is in the query, the signature fits the text, and there is nothing else.
 */
static void expect_signed(const char *query, const char *text, const char *const *names)
{
    size_t n = 0;
    for (; names[n]; n++) {
        const char *value = value_in(query, names[n]);
        cr_assert(value, "%s is missing", names[n]);
        const char *pair = arena_printf(a, "%s=%s", names[n], value);
        cr_assert(strstr(text, pair), "%s is not in %s", pair, text);
    }
    cr_assert_eq(count_pairs(query), n + 1);
    cr_assert(evp_verify(&ours, text, strlen(text), value_in(query, "sign")), "%s", text);
    cr_assert_null(strpbrk(query, "+ \"{}<>"), "%s", query);
}

static struct alipay_pay payment(enum alipay_method method)
{
    return (struct alipay_pay){.method = method,
                               .subject = "证件照 & 一寸=2 +100% a/b \"高清\"",
                               .out_trade_no = "IDP1",
                               .notify_url = NOTIFY,
                               .amount_fen = 990,
                               .expires_us = now_us + 30 * MINUTE_US};
}

#define SUBJECT     "\"subject\":\"证件照 & 一寸=2 +100% a/b \\\"高清\\\"\""
#define ORDER       "{\"out_trade_no\":\"IDP1\",\"total_amount\":\"9.90\"," SUBJECT ",\"product_code\":"
#define EXPIRES     ",\"time_expire\":\"2026-01-01 11:04:57\""
#define PUBLIC_HEAD "&charset=utf-8&format=JSON&method="
#define PUBLIC_TAIL "&sign_type=RSA2&timestamp=2026-01-01 10:34:57&version=1.0"

Test(alipay_request, an_order_string_is_signed_over_its_decoded_pairs)
{
    static const char *const names[] = {"app_id",  "biz_content", "charset",   "format",
                                        "method",  "notify_url",  "sign_type", "timestamp",
                                        "version", NULL};
    struct alipay_pay pay = payment(ALIPAY_APP);
    const char *text;
    pay.return_url = "https://id.example.cn/back"; /* not for this method */
    cr_assert_eq(alipay_pay_text(&app, &pay, now_us, a, &text), OK);
    expect_signed(text,
                  "app_id=2021000000000001&biz_content=" ORDER "\"QUICK_MSECURITY_PAY\"" EXPIRES
                  "}" PUBLIC_HEAD "alipay.trade.app.pay&notify_url=" NOTIFY PUBLIC_TAIL,
                  names);
}

Test(alipay_request, a_page_is_an_address_with_all_parameters)
{
    static const char *const names[] = {"app_id",    "biz_content", "charset",    "format",
                                        "method",    "notify_url",  "return_url", "sign_type",
                                        "timestamp", "version",     NULL};
    struct alipay_pay pay = payment(ALIPAY_PAGE);
    const char *text;
    pay.return_url = "https://id.example.cn/back?order=1&x=a b";
    cr_assert_eq(alipay_pay_text(&app, &pay, now_us, a, &text), OK);
    expect_signed(query_of(text),
                  "app_id=2021000000000001&biz_content=" ORDER "\"FAST_INSTANT_TRADE_PAY\"" EXPIRES
                  "}" PUBLIC_HEAD "alipay.trade.page.pay&notify_url=" NOTIFY
                  "&return_url=https://id.example.cn/back?order=1&x=a b" PUBLIC_TAIL,
                  names);
}

Test(alipay_request, a_mobile_page_also_says_where_to_go_on_leaving)
{
    static const char *const names[] = {"app_id",    "biz_content", "charset",    "format",
                                        "method",    "notify_url",  "return_url", "sign_type",
                                        "timestamp", "version",     NULL};
    struct alipay_pay pay = payment(ALIPAY_WAP);
    const char *text;
    pay.return_url = "https://id.example.cn/back";
    cr_assert_eq(alipay_pay_text(&app, &pay, now_us, a, &text), OK);
    expect_signed(query_of(text),
                  "app_id=2021000000000001&biz_content=" ORDER "\"QUICK_WAP_WAY\"" EXPIRES
                  ",\"quit_url\":\"https://id.example.cn/back\"}" PUBLIC_HEAD
                  "alipay.trade.wap.pay&notify_url=" NOTIFY
                  "&return_url=https://id.example.cn/back" PUBLIC_TAIL,
                  names);
}

Test(alipay_request, what_is_posted_has_charset_in_the_query_and_the_content_in_the_body)
{
    static const char *const names[] = {"app_id",    "charset",   "format",  "method", "notify_url",
                                        "sign_type", "timestamp", "version", NULL};
    struct alipay_pay pay = payment(ALIPAY_QR);
    struct alipay_request r;
    const char *untouched = "untouched";
    cr_assert_eq(alipay_pay_text(&app, &pay, now_us, a, &untouched), INVALID);
    cr_assert_str_eq(untouched, "untouched");
    cr_assert_eq(alipay_precreate_request(&app, &pay, now_us, a, &r), OK);
    const char *content = ORDER "\"FACE_TO_FACE_PAYMENT\"" EXPIRES "}";
    expect_signed(query_of(r.url),
                  arena_printf(a,
                               "app_id=2021000000000001&biz_content=%s" PUBLIC_HEAD
                               "alipay.trade.precreate&notify_url=" NOTIFY PUBLIC_TAIL,
                               content),
                  names);
    cr_assert_eq(count_pairs(r.body), 1);
    cr_assert_str_eq(value_in(r.body, "biz_content"), content);
    pay.method = ALIPAY_PAGE;
    cr_assert_eq(alipay_precreate_request(&app, &pay, now_us, a, &r), INVALID);
}

Test(alipay_request, query_and_close_name_the_trade)
{
    static const char *const names[] = {"app_id",    "charset",   "format",  "method",
                                        "sign_type", "timestamp", "version", NULL};
    static const struct {
        const char *api;
        enum status (*sign)(const struct alipay *, const char *, int64_t, struct arena *,
                            struct alipay_request *);
    } rows[] = {{"alipay.trade.query", alipay_query_request},
                {"alipay.trade.close", alipay_close_request}};
    for (size_t i = 0; i < 2; i++) {
        struct alipay_request r;
        cr_assert_eq(rows[i].sign(&app, "IDP1", now_us, a, &r), OK);
        expect_signed(query_of(r.url),
                      arena_printf(a,
                                   "app_id=2021000000000001&biz_content={\"out_trade_no\":"
                                   "\"IDP1\"}" PUBLIC_HEAD "%s" PUBLIC_TAIL,
                                   rows[i].api),
                      names);
        cr_assert_str_eq(value_in(r.body, "biz_content"), "{\"out_trade_no\":\"IDP1\"}");
        cr_assert_eq(rows[i].sign(&app, "IDP1\"", now_us, a, &r), INVALID);
    }
}

Test(alipay_request, certificate_mode_names_both_certificates)
{
    static const char *const names[] = {
        "alipay_root_cert_sn", "app_cert_sn", "app_id",  "charset", "format", "method",
        "sign_type",           "timestamp",   "version", NULL};
    struct alipay_request r;
    snprintf(app.app_cert_sn, sizeof app.app_cert_sn, "866efef280dec9137a87d047ac446315");
    snprintf(app.root_cert_sn, sizeof app.root_cert_sn,
             "687b59193f3f462dd5336e5abf83c5d8_02941eef3187dddf3d3b83462e1dfcf6");
    cr_assert_eq(alipay_sign_request(&app, "alipay.trade.refund", "{}", now_us, a, &r), OK);
    expect_signed(query_of(r.url),
                  "alipay_root_cert_sn="
                  "687b59193f3f462dd5336e5abf83c5d8_02941eef3187dddf3d3b83462e1dfcf6"
                  "&app_cert_sn=866efef280dec9137a87d047ac446315&app_id=2021000000000001"
                  "&biz_content={}" PUBLIC_HEAD "alipay.trade.refund" PUBLIC_TAIL,
                  names);
}

/* Midnight in Shanghai lies at 16:00 UTC: the zone is not the host's. */
Test(alipay_request, times_are_those_of_shanghai_whatever_the_host_thinks)
{
    struct alipay_pay pay = payment(ALIPAY_APP);
    const char *text;
    setenv("TZ", "America/New_York", 1);
    cr_assert_eq(time_parse("2025-12-31T15:59:59Z", &now_us), OK);
    pay.expires_us = now_us + SECOND_US;
    cr_assert_eq(alipay_pay_text(&app, &pay, now_us, a, &text), OK);
    cr_assert_str_eq(value_in(text, "timestamp"), "2025-12-31 23:59:59");
    cr_assert(strstr(value_in(text, "biz_content"), "\"time_expire\":\"2026-01-01 00:00:00\""));
}

static enum status text_of(const struct alipay_pay *pay)
{
    const char *text = "untouched";
    enum status status = alipay_pay_text(&app, pay, now_us, a, &text);
    if (status != OK)
        cr_assert_str_eq(text, "untouched");
    return status;
}

Test(alipay_request, amounts_lie_between_one_fen_and_a_hundred_million_yuan)
{
    static const struct {
        int64_t fen;
        enum status status;
    } rows[] = {{1, OK},       {INT64_C(10000000000), OK},      {0, INVALID},
                {-1, INVALID}, {INT64_C(10000000001), INVALID}, {INT64_MAX, INVALID}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct alipay_pay pay = payment(ALIPAY_APP);
        pay.amount_fen = rows[i].fen;
        cr_assert_eq(text_of(&pay), rows[i].status, "%jd", (intmax_t)rows[i].fen);
    }
}

Test(alipay_request, trade_numbers_are_letters_digits_and_underscores)
{
    static const char longest[] =
        "0123456789012345678901234567890123456789012345678901234567890123";
    const char *const bad[] = {
        NULL, "", "a b", "a-b", "订单", "a\"", arena_printf(a, "%s4", longest)};
    struct alipay_pay pay = payment(ALIPAY_APP);
    pay.out_trade_no = longest;
    cr_assert_eq(text_of(&pay), OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        pay.out_trade_no = bad[i];
        cr_assert_eq(text_of(&pay), INVALID, "%s", bad[i]);
    }
}

Test(alipay_request, an_order_that_has_expired_is_not_offered)
{
    struct alipay_pay pay = payment(ALIPAY_APP);
    pay.expires_us = now_us;
    cr_assert_eq(text_of(&pay), INVALID);
    pay.expires_us = now_us + SECOND_US - 1; /* the same second, once it is written down */
    cr_assert_eq(text_of(&pay), INVALID);
}

Test(alipay_request, a_subject_is_text_of_at_most_256_characters)
{
    struct alipay_pay pay = payment(ALIPAY_APP);
    struct buf subject = {0};
    const char *text;
    static const char *const bad[] = {NULL, "", "\xD5\xD5", "a\xff"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        pay.subject = bad[i];
        cr_assert_eq(text_of(&pay), INVALID);
    }
    for (int i = 0; i < 256; i++)
        buf_add_str(&subject, "照");
    const char *most = arena_printf(a, "\"subject\":\"%s\"", (const char *)subject.bytes);
    buf_add_str(&subject, "照x");
    pay.subject = (const char *)subject.bytes;
    cr_assert_eq(alipay_pay_text(&app, &pay, now_us, a, &text), OK);
    cr_assert(strstr(value_in(text, "biz_content"), most));
    buf_free(&subject);
}

Test(alipay_request, an_empty_address_is_left_out)
{
    struct alipay_pay pay = payment(ALIPAY_APP);
    const char *text;
    pay.notify_url = "";
    cr_assert_eq(alipay_pay_text(&app, &pay, now_us, a, &text), OK);
    cr_assert_null(strstr(text, "notify_url"));
    cr_assert_null(strstr(text, "return_url"));
}

Test(alipay_request, empty_values_and_a_sign_do_not_count_but_sign_type_does)
{
    struct alipay_param at[] = {
        {"sign_type", "RSA2"}, {"b", ""}, {"sign", "x"}, {"a", "1"}, {"B", "2"}};
    struct alipay_params params = {at, sizeof at / sizeof *at};
    const char *sign, *text = "B=2&a=1&sign_type=RSA2";
    cr_assert_eq(alipay_sign_params(&app, &params, a, &sign), OK);
    cr_assert(evp_verify(&ours, text, strlen(text), sign));
}
