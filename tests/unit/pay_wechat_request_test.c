/* SPDX-License-Identifier: MIT */
/* WeChat Pay: prepay, query and close. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "vectors.h"
#include "wechat_fixture.h"

TestSuite(wechat_request, .fini = wechat_folder_remove);

static struct wechat_prepay good_prepay(enum wechat_method method)
{
    return (struct wechat_prepay){
        .method = method,
        .description = "一寸证件照",
        .out_trade_no = "aB3dE6gH9jK2mN5pQ8sT1v",
        .notify_url = "https://id.example.cn/v1/notify/wechat",
        .amount_fen = 990,
        .expires_us = WECHAT_NOW_US + 30 * MINUTE_US,
        .openid = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
        .client_ip = "203.0.113.7",
    };
}

Test(wechat_request, each_method_sends_the_body_its_document_asks_for)
{
    static const struct {
        enum wechat_method method;
        const char *url, *body;
    } cases[] = {
        {WECHAT_APP, "/v3/pay/transactions/app",
         "{'appid':'wxapp0000000000001','scene_info':{'payer_client_ip':'203.0.113.7'}}"},
        {WECHAT_JSAPI, "/v3/pay/transactions/jsapi",
         "{'appid':'wxjsapi00000000001','payer':{'openid':'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o'},"
         "'scene_info':{'payer_client_ip':'203.0.113.7'}}"},
        {WECHAT_H5, "/v3/pay/transactions/h5",
         "{'appid':'wxh50000000000001','scene_info':{'payer_client_ip':'203.0.113.7','h5_info':{'"
         "type':'Wap'}}}"},
        {WECHAT_NATIVE, "/v3/pay/transactions/native",
         "{'appid':'wxnative0000000001','scene_info':{'payer_client_ip':'203.0.113.7'}}"},
    };
    struct arena *a = arena_new();
    struct wechat *w = wechat_opened(a);
    for (size_t i = 0; i < 4; i++) {
        struct wechat_request r;
        struct wechat_prepay p = good_prepay(cases[i].method);
        cr_assert_eq(wechat_prepay_request(w, &p, WECHAT_NOW_US, a, &r), OK);
        cr_assert_str_eq(r.method, "POST");
        cr_assert_str_eq(r.url, cases[i].url);
        expect_wechat_signed(a, &r);
        char *own = arena_strdup(a, cases[i].body);
        for (char *q = own; *q; q++)
            *q = *q == '\'' ? '"' : *q;
        json_t *want = json_loads(own, 0, NULL);
        json_object_update_new(
            want,
            json_pack("{s:s,s:s,s:s,s:s,s:s,s:{s:i,s:s}}", "mchid", "1230000109", "description",
                      "一寸证件照", "out_trade_no", "aB3dE6gH9jK2mN5pQ8sT1v", "notify_url",
                      "https://id.example.cn/v1/notify/wechat", "time_expire",
                      "2026-01-01T11:04:59+08:00", "amount", "total", 990, "currency", "CNY"));
        json_t *got = json_loads(r.body, JSON_REJECT_DUPLICATES, NULL);
        cr_assert(json_equal(got, want), "%s", r.body);
        json_decref(got);
        json_decref(want);
    }
    wechat_close(w);
    arena_free(a);
}

static const char *description_of(struct wechat *w, struct arena *a, const char *description)
{
    struct wechat_request r;
    struct wechat_prepay p = good_prepay(WECHAT_NATIVE);
    p.description = description;
    if (wechat_prepay_request(w, &p, WECHAT_NOW_US, a, &r) != OK)
        return NULL;
    json_t *body = json_loads(r.body, 0, NULL);
    const char *copy = arena_strdup(a, vector_text(body, "description"));
    json_decref(body);
    return copy;
}

Test(wechat_request, emoji_and_control_characters_leave_the_description_and_127_characters_stay)
{
    struct arena *a = arena_new();
    struct wechat *w = wechat_opened(a);
    struct buf many = {0}, want = {0};
    cr_assert_str_eq(description_of(w, a, "证件照 \xF0\x9F\x93\xB7 一寸"), "证件照  一寸");
    cr_assert_str_eq(description_of(w, a, "\xF0\xA0\x80\x80x"), "x");         /* U+20000 */
    cr_assert_str_eq(description_of(w, a, "\xEF\xBF\xBDy"), "\xEF\xBF\xBDy"); /* U+FFFD stays */
    cr_assert_str_eq(description_of(w, a,
                                    "a\tb\r\nc\x7f"
                                    "d\xC2\x85"
                                    "e\xC2\xA0"
                                    "f"),
                     "abcde\xC2\xA0"
                     "f");
    for (int i = 0; i < 200; i++)
        buf_add_str(&many, i % 2 ? "照" : "\xF0\x9F\x93\xB7");
    for (int i = 0; i < 100; i++)
        buf_add_str(&want, "照");
    cr_assert_str_eq(description_of(w, a, (char *)many.bytes), (char *)want.bytes,
                     "what is dropped does not count");
    for (int i = 0; i < 100; i++)
        buf_add_str(&many, "件");
    for (int i = 0; i < 27; i++)
        buf_add_str(&want, "件");
    cr_assert_str_eq(description_of(w, a, (char *)many.bytes), (char *)want.bytes);
    cr_assert_null(description_of(w, a, "\xF0\x9F\x93\xB7"), "nothing is left");
    cr_assert_null(description_of(w, a, ""));
    cr_assert_null(description_of(w, a, "\xC3"), "not UTF-8");
    buf_free(&many);
    buf_free(&want);
    wechat_close(w);
    arena_free(a);
}

static void expect_prepay_refused(struct wechat *w, const struct wechat_prepay *p, const char *what)
{
    struct arena *a = arena_new();
    struct wechat_request r = {.url = "untouched"};
    cr_assert_eq(wechat_prepay_request(w, p, WECHAT_NOW_US, a, &r), INVALID, "%s", what);
    cr_assert_str_eq(r.url, "untouched");
    arena_free(a);
}

Test(wechat_request, a_prepay_outside_the_limits_is_not_sent)
{
    static const char *const numbers[] = {"",        "aB3dE",   "aB3dE6gH9jK2mN5pQ8sT1vaB3dE6gH9jK",
                                          "aB3dE6/", "aB3dE6 ", "照照照照照照"};
    static const char *const urls[] = {"http://id.example.cn/x",
                                       "https://id.example.cn/x?a=1",
                                       "https://id.example.cn/x#a",
                                       "ftp://id.example.cn",
                                       "http://127.0.0.1.evil.cn/",
                                       "http://localhost.evil.cn/",
                                       "",
                                       "https://id.example.cn/a b"};
    static const char *const addresses[] = {"", "203.0.113", "203.0.113.7:80", "fe80::1%eth0",
                                            "unknown"};
    struct arena *a = arena_new();
    struct wechat *w = wechat_opened(a);
    struct wechat_prepay p = good_prepay(WECHAT_JSAPI);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        p.out_trade_no = numbers[i], expect_prepay_refused(w, &p, numbers[i]);
    p = good_prepay(WECHAT_JSAPI);
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++)
        p.notify_url = urls[i], expect_prepay_refused(w, &p, urls[i]);
    p.notify_url = arena_printf(a, "https://id.example.cn/%0234d", 1); /* 256 */
    expect_prepay_refused(w, &p, "a long notify_url");
    p = good_prepay(WECHAT_H5);
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++)
        p.client_ip = addresses[i], expect_prepay_refused(w, &p, addresses[i]);
    p.client_ip = NULL, expect_prepay_refused(w, &p, "h5 without an address");
    p = good_prepay(WECHAT_APP), p.amount_fen = 0, expect_prepay_refused(w, &p, "nothing to pay");
    p.amount_fen = -1, expect_prepay_refused(w, &p, "less than nothing");
    p.amount_fen = INT64_C(1) << 31, expect_prepay_refused(w, &p, "too much");
    p = good_prepay(WECHAT_APP), p.expires_us = WECHAT_NOW_US,
    expect_prepay_refused(w, &p, "expired");
    p = good_prepay(WECHAT_JSAPI), p.openid = NULL,
    expect_prepay_refused(w, &p, "jsapi without openid");
    p.openid = "", expect_prepay_refused(w, &p, "an empty openid");
    p = good_prepay(WECHAT_H5);
    free(w->appids[WECHAT_H5]), w->appids[WECHAT_H5] = NULL;
    expect_prepay_refused(w, &p, "a method that is not offered");
    wechat_close(w);
    arena_free(a);
}

Test(wechat_request, what_lies_just_inside_the_limits_is_sent)
{
    struct arena *a = arena_new();
    struct wechat *w = wechat_opened(a);
    struct wechat_request r;
    struct wechat_prepay p = good_prepay(WECHAT_NATIVE);
    p.client_ip = NULL, p.openid = NULL, p.amount_fen = 1, p.out_trade_no = "_-|*aZ";
    p.notify_url = arena_printf(a, "https://id.example.cn/%0233d", 1); /* 255 */
    cr_assert_eq(strlen(p.notify_url), 255);
    cr_assert_eq(wechat_prepay_request(w, &p, WECHAT_NOW_US, a, &r), OK);
    cr_assert(!strstr(r.body, "scene_info") && !strstr(r.body, "payer"));
    p = good_prepay(WECHAT_H5), p.client_ip = "2001:db8::7",
    p.notify_url = "http://127.0.0.1:8080/v1/notify/wechat";
    cr_assert_eq(wechat_prepay_request(w, &p, WECHAT_NOW_US, a, &r), OK);
    cr_assert(strstr(r.body, "2001:db8::7"));
    wechat_close(w);
    arena_free(a);
}

Test(wechat_request, the_prepay_answer_gives_the_one_value_of_its_method)
{
    struct arena *a = arena_new();
    const char *value = NULL, *untouched = "x";
    const char *id = "{\"prepay_id\":\"wx26112221580621e9b071c00d9e093b0000\"}";
    const char *h5 = "{\"h5_url\":\"https:\\/\\/wx.tenpay.com\\/x?prepay_id=1\"}";
    const char *qr = "{\"code_url\":\"weixin://wxpay/bizpayurl?pr=p4lpSuKzz\"}";
    cr_assert_eq(wechat_prepay_answer(WECHAT_APP, id, strlen(id), a, &value), OK);
    cr_assert_str_eq(value, "wx26112221580621e9b071c00d9e093b0000");
    cr_assert_eq(wechat_prepay_answer(WECHAT_H5, h5, strlen(h5), a, &value), OK);
    cr_assert_str_eq(value, "https://wx.tenpay.com/x?prepay_id=1");
    cr_assert_eq(wechat_prepay_answer(WECHAT_NATIVE, qr, strlen(qr), a, &value), OK);
    cr_assert_str_eq(value, "weixin://wxpay/bizpayurl?pr=p4lpSuKzz");
    static const char *const bad[] = {"",
                                      "[]",
                                      "{}",
                                      "{\"prepay_id\":1}",
                                      "{\"prepay_id\":\"\"}",
                                      "{\"prepay_id\":\"a\\nb\"}",
                                      "{\"prepay_id\":\"a\",\"prepay_id\":\"b\"}",
                                      "{\"code_url\":\"x\"}",
                                      "{\"prepay_id\":null}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_eq(wechat_prepay_answer(WECHAT_JSAPI, bad[i], strlen(bad[i]), a, &untouched),
                     INVALID, "%s", bad[i]);
    cr_assert_str_eq(untouched, "x");
    arena_free(a);
}

static json_t *client_object(struct wechat *w, struct arena *a, enum wechat_method method,
                             const char *value, size_t members)
{
    const char *text = NULL;
    cr_assert_eq(wechat_client_text(w, method, value, WECHAT_NOW_US, a, &text), OK);
    cr_assert(!strpbrk(text, " \n"), "compact");
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_eq(json_object_size(object), members);
    return object;
}

Test(wechat_request, the_app_gets_its_seven_fields_and_a_signature_over_four_lines)
{
    struct arena *a = arena_new();
    struct wechat *w = wechat_opened(a);
    json_t *o = client_object(w, a, WECHAT_APP, "wx26prepay", 7);
    cr_assert_str_eq(vector_text(o, "appid"), "wxapp0000000000001");
    cr_assert_str_eq(vector_text(o, "partnerid"), "1230000109");
    cr_assert_str_eq(vector_text(o, "prepayid"), "wx26prepay");
    cr_assert_str_eq(vector_text(o, "package"), "Sign=WXPay");
    cr_assert_str_eq(vector_text(o, "timestamp"), "1767234899");
    cr_assert_eq(strlen(vector_text(o, "noncestr")), 32);
    const char *message = arena_printf(a, "wxapp0000000000001\n1767234899\n%s\nwx26prepay\n",
                                       vector_text(o, "noncestr"));
    cr_assert(wechat_verifies_with("merchant_public", message, vector_text(o, "sign")));
    json_decref(o);
    wechat_close(w);
    arena_free(a);
}

Test(wechat_request, the_mini_program_gets_its_six_fields_with_sign_type_rsa)
{
    struct arena *a = arena_new();
    struct wechat *w = wechat_opened(a);
    json_t *o = client_object(w, a, WECHAT_JSAPI, "wx26prepay", 6);
    cr_assert_str_eq(vector_text(o, "appId"), "wxjsapi00000000001");
    cr_assert_str_eq(vector_text(o, "timeStamp"), "1767234899");
    cr_assert_str_eq(vector_text(o, "package"), "prepay_id=wx26prepay");
    cr_assert_str_eq(vector_text(o, "signType"), "RSA");
    const char *message =
        arena_printf(a, "wxjsapi00000000001\n1767234899\n%s\nprepay_id=wx26prepay\n",
                     vector_text(o, "nonceStr"));
    cr_assert(wechat_verifies_with("merchant_public", message, vector_text(o, "paySign")));
    json_decref(o);
    wechat_close(w);
    arena_free(a);
}

Test(wechat_request, h5_and_native_hand_their_url_on)
{
    struct arena *a = arena_new();
    struct wechat *w = wechat_opened(a);
    const char *untouched = "x";
    json_t *h5 = client_object(w, a, WECHAT_H5, "https://wx.tenpay.com/x", 1);
    json_t *qr = client_object(w, a, WECHAT_NATIVE, "weixin://wxpay/bizpayurl?pr=1", 1);
    cr_assert_str_eq(vector_text(h5, "h5_url"), "https://wx.tenpay.com/x");
    cr_assert_str_eq(vector_text(qr, "code_url"), "weixin://wxpay/bizpayurl?pr=1");
    cr_assert_eq(wechat_client_text(w, WECHAT_APP, "wx\n1", WECHAT_NOW_US, a, &untouched), INVALID);
    cr_assert_str_eq(untouched, "x");
    json_decref(h5);
    json_decref(qr);
    wechat_close(w);
    arena_free(a);
}

Test(wechat_request, queries_and_closings_sign_the_path_as_it_travels)
{
    struct arena *a = arena_new();
    struct wechat *w = wechat_opened(a);
    struct wechat_request r;
    cr_assert_eq(wechat_query_request(w, "a|b*c_-9", WECHAT_NOW_US, a, &r), OK);
    cr_assert_str_eq(r.method, "GET");
    cr_assert_str_eq(r.url, "/v3/pay/transactions/out-trade-no/a%7Cb%2Ac_-9?mchid=1230000109");
    cr_assert_eq(r.body_size, 0);
    expect_wechat_signed(a, &r);
    cr_assert_eq(wechat_close_request(w, "aB3dE6", WECHAT_NOW_US, a, &r), OK);
    cr_assert_str_eq(r.method, "POST");
    cr_assert_str_eq(r.url, "/v3/pay/transactions/out-trade-no/aB3dE6/close");
    cr_assert_str_eq(r.body, "{\"mchid\":\"1230000109\"}");
    expect_wechat_signed(a, &r);
    cr_assert_eq(wechat_certificates_request(w, WECHAT_NOW_US, a, &r), OK);
    cr_assert_str_eq(r.url, "/v3/certificates?algorithm_type=RSA");
    expect_wechat_signed(a, &r);
    wechat_close(w);
    arena_free(a);
}

Test(wechat_request, error_codes_compare_without_underscores)
{
    struct arena *a = arena_new();
    static const struct {
        const char *body, *code;
    } cases[] = {{"{\"code\":\"ORDER_NOT_EXIST\",\"message\":\"x\"}", "ORDERNOTEXIST"},
                 {"{\"code\":\"ORDERPAID\"}", "ORDERPAID"},
                 {"{\"code\":7}", ""},
                 {"{}", ""},
                 {"<html>", ""},
                 {"", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_assert_str_eq(wechat_error_code(cases[i].body, strlen(cases[i].body), a), cases[i].code);
    arena_free(a);
}
