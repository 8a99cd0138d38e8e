/* SPDX-License-Identifier: MIT */
/* Alipay's refunds: what is asked, and what each answer means. */
#include <criterion/criterion.h>
#include <curl/curl.h>
#include <jansson.h>
#include <string.h>

#include "base/clock.h"
#include "key_pair.h"
#include "pay/alipay_keys.h"
#include "pay/alipay_refund.h"

#define NOW_US (1767234897 * SECOND_US) /* 2026-01-01 10:34:57 in Shanghai */

static struct arena *a;
static struct key_pair ours;
static struct alipay app;

static void set_up(void)
{
    a = arena_new();
    ours = key_pair_named("merchant");
    app = (struct alipay){.app_id = (char *)"2021000000000001",
                          .seller_id = (char *)"2088102119685838",
                          .gateway_url = (char *)"https://openapi.alipay.com/gateway.do",
                          .app_key = ours.private_key};
}

static void tear_down(void)
{
    key_pair_free(&ours);
    arena_free(a);
}

TestSuite(alipay_refund, .init = set_up, .fini = tear_down);

static const struct alipay_refund_order good = {"2026010122001", "aB3dE6R1", 1234};

/* biz_content of the body, decoded by libcurl. */
static json_t *content_of(const struct alipay_request *r)
{
    static const char name[] = "biz_content=";
    cr_assert_eq(strncmp(r->body, name, sizeof name - 1), 0, "%s", r->body);
    char *text = curl_easy_unescape(NULL, r->body + sizeof name - 1, 0, NULL);
    json_t *content = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    curl_free(text);
    cr_assert(content);
    return content;
}

static void expect_content(const struct alipay_request *r, json_t *want)
{
    json_t *got = content_of(r);
    cr_expect(json_equal(got, want), "%s", r->body);
    json_decref(got);
    json_decref(want);
}

Test(alipay_refund, a_refund_names_trade_number_and_amount_in_yuan)
{
    struct alipay_request r;
    cr_assert_eq(alipay_refund_request(&app, &good, NOW_US, a, &r), OK);
    cr_expect(strstr(r.url, "method=alipay.trade.refund&"), "%s", r.url);
    expect_content(&r, json_pack("{s:s, s:s, s:s}", "trade_no", "2026010122001", "out_request_no",
                                 "aB3dE6R1", "refund_amount", "12.34"));
    cr_assert_eq(alipay_refund_query_request(&app, "2026010122001", "aB3dE6R1", NOW_US, a, &r), OK);
    cr_expect(strstr(r.url, "method=alipay.trade.fastpay.refund.query&"), "%s", r.url);
    expect_content(&r, json_pack("{s:s, s:s, s:[s]}", "trade_no", "2026010122001", "out_request_no",
                                 "aB3dE6R1", "query_options", "gmt_refund_pay"));
}

Test(alipay_refund, a_refund_of_nothing_or_without_a_number_is_not_sent)
{
    struct alipay_refund_order bad[] = {good, good, good, good};
    struct alipay_request r = {.url = "untouched"};
    bad[0].refund_fen = 0;
    bad[1].out_request_no = "";
    bad[2].trade_no = NULL;
    bad[3].out_request_no = arena_printf(a, "%065d", 1);
    for (size_t i = 0; i < 4; i++)
        cr_expect_eq(alipay_refund_request(&app, &bad[i], NOW_US, a, &r), INVALID, "%zu", i);
    cr_expect_eq(alipay_refund_query_request(&app, "", "R1", NOW_US, a, &r), INVALID);
    cr_expect_str_eq(r.url, "untouched");
}

static enum status refund_of(const char *node, struct alipay_refund_result *r)
{
    return alipay_parse_refund(node, strlen(node), a, r);
}

static enum status query_of(const char *node, struct alipay_refund_result *r)
{
    return alipay_parse_refund_query(node, strlen(node), "aB3dE6R1", a, r);
}

#define TAKEN "{\"code\":\"10000\",\"trade_no\":\"2026010122001\",\"refund_fee\":\"99.00\","

Test(alipay_refund, fund_change_says_whether_the_money_moved_now)
{
    struct alipay_refund_result r;
    cr_assert_eq(refund_of(TAKEN "\"fund_change\":\"Y\","
                                 "\"gmt_refund_pay\":\"2026-01-01 10:34:56\"}",
                           &r),
                 OK);
    cr_expect_eq(r.state, ALIPAY_REFUND_DONE);
    cr_expect_str_eq(r.trade_no, "2026010122001");
    cr_expect_eq(r.done_us, 1767234896 * SECOND_US);
    cr_expect_eq(r.refund_fen, -1, "refund_fee is the sum of all refunds of the trade");
    cr_assert_eq(refund_of(TAKEN "\"fund_change\":\"N\"}", &r), OK);
    cr_expect_eq(r.state, ALIPAY_REFUND_TAKEN);
    cr_expect_eq(r.done_us, 0);
}

Test(alipay_refund, a_refusal_is_told_apart_from_an_answer_that_is_none)
{
    struct alipay_refund_result r = {.refund_fen = 42};
    cr_expect_eq(
        refund_of("{\"code\":\"40004\",\"sub_code\":\"ACQ.SELLER_BALANCE_NOT_ENOUGH\"}", &r),
        CONFLICT);
    cr_expect_eq(refund_of("{\"code\":\"20000\"}", &r), CONFLICT);
    cr_expect_eq(refund_of(TAKEN "\"fund_change\":\"yes\"}", &r), INVALID);
    cr_expect_eq(refund_of("{\"code\":\"10000\",\"fund_change\":\"Y\"}", &r), INVALID);
    cr_expect_eq(refund_of(TAKEN "\"fund_change\":\"Y\",\"fund_change\":\"N\"}", &r), INVALID);
    cr_expect_eq(refund_of("\"10000\"", &r), INVALID);
    cr_expect_eq(r.refund_fen, 42);
}

#define KNOWN                                                                                      \
    "{\"code\":\"10000\",\"trade_no\":\"2026010122001\",\"out_request_no\":\"aB3dE6R1\","          \
    "\"refund_amount\":\"12.34\""

Test(alipay_refund, a_query_says_done_under_way_or_nothing)
{
    struct alipay_refund_result r;
    cr_assert_eq(query_of(KNOWN ",\"refund_status\":\"REFUND_SUCCESS\"}", &r), OK);
    cr_expect_eq(r.state, ALIPAY_REFUND_DONE);
    cr_expect_eq(r.refund_fen, 1234);
    cr_assert_eq(query_of(KNOWN ",\"gmt_refund_pay\":\"2026-01-01 10:34:56\"}", &r), OK);
    cr_expect_eq(r.state, ALIPAY_REFUND_DONE, "gateways before refund_status");
    cr_expect_eq(r.done_us, 1767234896 * SECOND_US);
    cr_assert_eq(query_of(KNOWN ",\"refund_status\":\"REFUND_PROCESSING\"}", &r), OK);
    cr_expect_eq(r.state, ALIPAY_REFUND_TAKEN);
    cr_assert_eq(query_of(KNOWN "}", &r), OK);
    cr_expect_eq(r.state, ALIPAY_REFUND_ABSENT, "there, not done");
    cr_assert_eq(query_of("{\"code\":\"10000\",\"msg\":\"Success\"}", &r), OK);
    cr_expect_eq(r.state, ALIPAY_REFUND_ABSENT);
}

Test(alipay_refund, a_query_that_speaks_of_something_else_is_refused)
{
    static const char *const bad[] = {
        "{\"code\":\"10000\",\"trade_no\":\"1\",\"out_request_no\":\"aB3dE6R2\","
        "\"refund_amount\":\"12.34\",\"refund_status\":\"REFUND_SUCCESS\"}",
        "{\"code\":\"10000\",\"refund_status\":\"REFUND_SUCCESS\"}",
        "{\"code\":\"10000\",\"trade_no\":\"1\",\"out_request_no\":\"aB3dE6R1\","
        "\"refund_amount\":\"12.345\",\"refund_status\":\"REFUND_SUCCESS\"}",
        "{\"code\":\"10000\",\"out_request_no\":\"aB3dE6R1\",\"refund_amount\":\"12.34\","
        "\"refund_status\":\"REFUND_SUCCESS\"}",
        KNOWN ",\"refund_status\":\"REFUND_SUCCESS\",\"refund_status\":\"\"}",
    };
    struct alipay_refund_result r = {.refund_fen = 42};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect_eq(query_of(bad[i], &r), INVALID, "%s", bad[i]);
    cr_expect_eq(query_of("{\"code\":\"40004\",\"sub_code\":\"ACQ.TRADE_NOT_EXIST\"}", &r),
                 CONFLICT);
    cr_expect_eq(r.refund_fen, 42);
}
