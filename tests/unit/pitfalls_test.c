/* SPDX-License-Identifier: MIT */
/*
 * What merchants complain of most with these two providers, and that it does not happen here: one
 * test for each complaint that needs no server. Those that need one are in tests/api/pitfalls.c.
 */
#include <criterion/criterion.h>
#include <curl/curl.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "key_pair.h"
#include "pay/aead.h"
#include "pay/alipay_cert.h"
#include "pay/alipay_keys.h"
#include "pay/wechat.h"

#define API_KEY    "test-only-api-v3-key-of-32-bytes"
#define PUB_KEY_ID "PUB_KEY_ID_0100000000002026010100000000000001"
#define SERIAL     "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
#define NOTIFY     "https://id.example.cn/v1/notify/wechat"
#define GATEWAY    "https://openapi.alipay.com/gateway.do"

/* 2026-01-01 10:34:57 in Shanghai */
#define NOW_S  INT64_C(1767234897)
#define NOW_US (NOW_S * SECOND_US)

static struct arena *a;
static struct key_pair merchant, provider; /* provider: WeChat Pay's key, and Alipay's */
static struct wechat *w;
static struct alipay *p;

static struct wechat_options wechat_settings(const char *mchid, const char *public_pem)
{
    return (struct wechat_options){.mchid = mchid,
                                   .appid_app = "wxapp0000000000001",
                                   .appid_h5 = "wxh50000000000001",
                                   .appid_native = "wxnative0000000001",
                                   .api_v3_key_file = file_with(API_KEY, a),
                                   .merchant_key_file = file_with(merchant.private_pem, a),
                                   .merchant_serial = SERIAL,
                                   .public_key_id = PUB_KEY_ID,
                                   .public_key_file = file_with(public_pem, a)};
}

static struct alipay_options alipay_settings(const char *app_id, const char *public_pem)
{
    return (struct alipay_options){.app_id = app_id,
                                   .seller_id = "2088102119685838",
                                   .gateway_url = GATEWAY,
                                   .app_key_file = file_with(merchant.private_pem, a),
                                   .alipay_public_key_file = file_with(public_pem, a)};
}

static struct wechat *wechat_named(const char *mchid)
{
    char why[256] = "";
    struct wechat *out = NULL;
    struct wechat_options o = wechat_settings(mchid, provider.public_pem);
    cr_assert_eq(wechat_open(&o, &out, why, sizeof why), OK, "%s", why);
    return out;
}

static struct alipay *alipay_named(const char *app_id)
{
    char why[256] = "";
    struct alipay *out = NULL;
    struct alipay_options o = alipay_settings(app_id, provider.public_pem);
    cr_assert_eq(alipay_open(&o, &out, why, sizeof why), OK, "%s", why);
    return out;
}

static void set_up(void)
{
    a = arena_new();
    merchant = key_pair_named("merchant");
    provider = key_pair_named("wechatpay");
    w = wechat_named("1230000109");
    p = alipay_named("2021000000000001");
}

static void tear_down(void)
{
    wechat_close(w);
    alipay_close(p);
    key_pair_free(&merchant);
    key_pair_free(&provider);
    arena_free(a);
}

TestSuite(pitfalls, .init = set_up, .fini = tear_down);

/* ---- a callback of WeChat Pay, sealed and signed here ---- */

static struct wechat_headers signed_at(const char *body, int64_t at_s)
{
    const char *timestamp = arena_printf(a, "%lld", (long long)at_s);
    const char *message = arena_printf(a, "%s\nnonce\n%s\n", timestamp, body);
    return (struct wechat_headers){.timestamp = timestamp,
                                   .nonce = "nonce",
                                   .serial = PUB_KEY_ID,
                                   .signature = evp_sign(&provider, message, strlen(message), a)};
}

static struct wechat_headers signed_now(const char *body)
{
    return signed_at(body, NOW_S);
}

static const char *transaction(const char *mchid)
{
    return arena_printf(a,
                        "{\"mchid\":\"%s\",\"appid\":\"wx1\",\"out_trade_no\":\"aB3dE6gH9j\","
                        "\"transaction_id\":\"4200002000202601010000000001\",\"trade_state\":"
                        "\"SUCCESS\",\"success_time\":\"2026-01-01T10:34:56+08:00\","
                        "\"amount\":{\"total\":990,\"currency\":\"CNY\"}}",
                        mchid);
}

static const char *sealed(const char *plain)
{
    size_t n = strlen(plain);
    unsigned char *out = arena_alloc(a, n + AEAD_TAG_BYTES);
    cr_assert_eq(aead_seal((struct span){API_KEY, 32}, (struct span){"abcdefghijkl", 12},
                           (struct span){"x", 1}, (struct span){plain, n}, out),
                 OK);
    return base64_encode(a, out, n + AEAD_TAG_BYTES);
}

static const char *envelope(const char *event, const char *original, const char *nonce,
                            const char *ciphertext)
{
    return arena_printf(a,
                        "{\"id\":\"EV-1\",\"summary\":\"\\u652f\\u4ed8\\/ok\",\r\n "
                        "\"event_type\":\"%s\",\"resource\":{\"original_type\":\"%s\","
                        "\"algorithm\":\"AEAD_AES_256_GCM\",\"ciphertext\":\"%s\","
                        "\"associated_data\":\"x\",\"nonce\":\"%s\"}}",
                        event, original, ciphertext, nonce);
}

static const char *payment_notice(void)
{
    return envelope("TRANSACTION.SUCCESS", "transaction", "abcdefghijkl",
                    sealed(transaction("1230000109")));
}

static enum notify_refusal told(const char *body, struct wechat_headers headers)
{
    struct wechat_notice notice;
    const struct wechat *chosen;
    return wechat_open_notice(&w, 1, &headers, body, strlen(body), NOW_US, a, &notice, &chosen);
}

/* ---- a notify of Alipay; the text is what is signed, and in a form's order ---- */

#define SUM     "total_amount=9.90&trade_no=2026010122001400001234567890&trade_status=TRADE_SUCCESS"
#define NUMBERS "out_trade_no=IDP1&seller_id=2088102119685838&"
#define PAID    "gmt_payment=2026-01-01 10:34:56&" NUMBERS SUM

static const char *form_of(const char *text)
{
    struct buf out = {0};
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        buf_printf(&out,
                   *c == ' '                                      ? "+"
                   : *c < ' ' || *c >= 0x7F || strchr("%+\"", *c) ? "%%%02X"
                                                                  : "%c",
                   *c);
    const char *form = arena_copy(a, out.bytes, out.size);
    buf_free(&out);
    return form;
}

static const char *notify_of(const char *text)
{
    return arena_printf(a, "%s&sign_type=RSA2&sign=%s", form_of(text),
                        alipay_escape(evp_sign(&provider, text, strlen(text), a), a));
}

static enum notify_refusal notified(const char *body, struct trade *trade)
{
    const struct alipay *chosen;
    return alipay_open_notify(&p, 1, body, strlen(body), a, trade, &chosen);
}

static enum notify_refusal notified_text(const char *text, struct trade *trade)
{
    return notified(notify_of(text), trade);
}

/* ---- what is sent ---- */

static struct wechat_prepay prepay(enum wechat_method method)
{
    return (struct wechat_prepay){.method = method,
                                  .description = "一寸证件照",
                                  .out_trade_no = "20260101103457",
                                  .notify_url = NOTIFY,
                                  .amount_fen = 990,
                                  .expires_us = NOW_US + 30 * MINUTE_US,
                                  .client_ip = "203.0.113.7"};
}

static json_t *prepay_body(const struct wechat_prepay *order)
{
    struct wechat_request r;
    cr_assert_eq(wechat_prepay_request(w, order, NOW_US, a, &r), OK);
    return json_loadb(r.body, r.body_size, JSON_REJECT_DUPLICATES, NULL);
}

static struct alipay_pay alipay_payment(enum alipay_method method)
{
    return (struct alipay_pay){.method = method,
                               .subject = "证件照",
                               .out_trade_no = "IDP1",
                               .notify_url = "https://id.example.cn/v1/notify/alipay",
                               .amount_fen = 990,
                               .expires_us = NOW_US + 30 * MINUTE_US};
}

static const char *decoded(const char *query, const char *name)
{
    const char *at = strstr(query, arena_printf(a, "%s=", name));
    int n = 0;
    if (!at)
        return NULL;
    at += strlen(name) + 1;
    char *value = curl_easy_unescape(NULL, at, (int)strcspn(at, "&"), &n);
    const char *copy = arena_copy(a, value, (size_t)n);
    curl_free(value);
    return copy;
}

/* ---- the complaints ---- */

Test(pitfalls, a_body_that_was_parsed_and_written_again_verifies_no_more_so_ours_never_is)
{
    /* escapes, line ends and blanks that a JSON library would write in another way */
    const char *body = payment_notice();
    struct wechat_headers headers = signed_now(body);
    cr_assert_eq(told(body, headers), NOTIFY_ACCEPTED);
    json_t *json = json_loads(body, 0, NULL);
    char *again = json_dumps(json, JSON_COMPACT);
    cr_assert_eq(told(again, headers), NOTIFY_SIGNATURE);
    free(again);
    json_decref(json);
    cr_assert_eq(told(arena_printf(a, "%s\n", body), headers), NOTIFY_SIGNATURE);
}

Test(pitfalls, a_new_merchant_without_platform_certificates_works_with_the_public_key_alone)
{
    struct wechat_request r;
    struct wechat_prepay order = prepay(WECHAT_NATIVE);
    cr_assert_eq(told(payment_notice(), signed_now(payment_notice())), NOTIFY_ACCEPTED);
    cr_assert_eq(wechat_prepay_request(w, &order, NOW_US, a, &r), OK);
    cr_assert_str_eq(r.wechatpay_serial, PUB_KEY_ID, "or the answer is signed by a certificate");
}

Test(pitfalls, a_key_in_the_slot_of_another_is_found_before_anything_is_sent)
{
    char why[256] = "";
    struct wechat *no_wechat = NULL;
    struct alipay *no_alipay = NULL;
    struct wechat_options o = wechat_settings("1230000109", merchant.public_pem);
    cr_assert_eq(wechat_open(&o, &no_wechat, why, sizeof why), INVALID);
    cr_assert(strstr(why, "public_key_file"), "%s", why);
    struct alipay_options q = alipay_settings("2021000000000001", merchant.public_pem);
    cr_assert_eq(alipay_open(&q, &no_alipay, why, sizeof why), INVALID);
    cr_assert(strstr(why, "alipay_public_key_file"), "%s", why);
    /* the serial of our certificate where WeChat Pay's belongs */
    struct wechat_headers headers = signed_now("{}");
    headers.serial = SERIAL;
    cr_assert_eq(told("{}", headers), NOTIFY_SERIAL);
}

Test(pitfalls, charset_is_in_the_address_and_is_the_text_that_was_signed)
{
    static const char *const names[] = {"app_id",    "biz_content", "charset",
                                        "format",    "method",      "notify_url",
                                        "sign_type", "timestamp",   "version"};
    struct alipay_request r;
    struct alipay_pay pay = alipay_payment(ALIPAY_QR);
    struct buf text = {0};
    cr_assert_eq(alipay_precreate_request(p, &pay, NOW_US, a, &r), OK);
    cr_assert(strstr(r.url, "?") && decoded(r.url, "charset") && !decoded(r.body, "charset"));
    const char *all = arena_printf(a, "%s&%s", strchr(r.url, '?') + 1, r.body);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        buf_printf(&text, "%s%s=%s", i ? "&" : "", names[i], decoded(all, names[i]));
    cr_assert(strstr(decoded(r.body, "biz_content"), "证件照"));
    cr_assert(evp_verify(&merchant, text.bytes, text.size, decoded(all, "&sign")));
    buf_free(&text);
}

Test(pitfalls, a_notify_is_decoded_once_and_nothing_is_added_to_it)
{
    struct trade t;
    const char *text = "app_id=2021000000000001&body=1+1 100%25 \"ok\"&" PAID;
    const char *form = notify_of(text);
    cr_assert_eq(notified(form, &t), NOTIFY_ACCEPTED);
    cr_assert_str_eq(t.out_trade_no, "IDP1");
    cr_assert_eq(notified(arena_printf(a, "s=/index/notify&%s", form), &t), NOTIFY_SIGNATURE,
                 "what a framework adds");
    const char *html = "app_id=2021000000000001&body=&quot;&" PAID;
    cr_assert_neq(notified(notify_of(html), &t), NOTIFY_ACCEPTED, "HTML entities");
    /* 证件 in GBK: the bytes as they came */
    const char *gbk = "app_id=2021000000000001&charset=GBK&gmt_payment=2026-01-01 10:34:56&"
                      "out_trade_no=IDP1&seller_id=2088102119685838&subject=\xd6\xa4\xbc\xfe"
                      "&" SUM;
    cr_assert_eq(notified_text(gbk, &t), NOTIFY_ACCEPTED);
}

Test(pitfalls, a_signature_that_is_missing_is_a_signature_that_is_wrong)
{
    struct trade t;
    const char *body = payment_notice();
    const struct wechat_headers good = signed_now(body), none = {0};
    struct wechat_headers h = good;
    cr_assert_eq(told(body, none), NOTIFY_HEADERS);
    h = good, h.signature = NULL;
    cr_assert_eq(told(body, h), NOTIFY_HEADERS);
    h = good, h.timestamp = NULL;
    cr_assert_eq(told(body, h), NOTIFY_HEADERS);
    h = good, h.nonce = NULL;
    cr_assert_eq(told(body, h), NOTIFY_HEADERS);
    h = good, h.serial = NULL;
    cr_assert_eq(told(body, h), NOTIFY_HEADERS);
    const char *text = "app_id=2021000000000001&" PAID;
    cr_assert_eq(notified(form_of(text), &t), NOTIFY_SIGNATURE);
    cr_assert_eq(notified(arena_printf(a, "%s&sign=", form_of(text)), &t), NOTIFY_SIGNATURE);
}

Test(pitfalls, a_probe_is_refused_by_its_name_and_harms_no_decoder)
{
    static const char *const after[] = {"", "A", "AB", "ABC", "====", "%%%", "\xff"};
    const char *body = payment_notice();
    struct wechat_headers h = signed_now(body);
    for (size_t i = 0; i < sizeof after / sizeof *after; i++) {
        h.signature = arena_printf(a, "WECHATPAY/SIGNTEST/%s", after[i]);
        cr_assert_eq(told(body, h), NOTIFY_PROBE, "%s", after[i]);
    }
}

Test(pitfalls, notices_of_refunds_and_closings_are_not_payments)
{
    static const struct {
        const char *text;
        enum trade_state state;
    } cases[] = {
        {"app_id=2021000000000001&" PAID, TRADE_PAID},
        {"app_id=2021000000000001&gmt_payment=2026-01-01 10:34:56&gmt_refund=2026-01-01 "
         "10:40:00&out_trade_no=IDP1&refund_fee=1.00&seller_id=2088102119685838&" SUM,
         TRADE_REFUNDED},
        {"app_id=2021000000000001&" NUMBERS
         "total_amount=9.90&trade_no=2026010122001400001234567890&trade_status=TRADE_CLOSED",
         TRADE_CLOSED},
    };
    struct trade t;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_assert_eq(notified_text(cases[i].text, &t), NOTIFY_ACCEPTED, "case %zu", i);
        cr_assert_eq(t.state, cases[i].state, "case %zu", i);
    }
    struct wechat_notice notice;
    const struct wechat *chosen;
    const char *body = envelope("REFUND.SUCCESS", "refund", "abcdefghijkl", sealed("{}"));
    struct wechat_headers h = signed_now(body);
    cr_assert_eq(wechat_open_notice(&w, 1, &h, body, strlen(body), NOW_US, a, &notice, &chosen),
                 NOTIFY_ACCEPTED);
    cr_assert_eq(notice.event, WECHAT_REFUND);
    body = envelope("TRANSACTION.SUCCESS", "refund", "abcdefghijkl", sealed("{}"));
    cr_assert_eq(told(body, signed_now(body)), NOTIFY_FORMAT, "called what it is not");
}

Test(pitfalls, an_order_that_alipay_does_not_know_yet_is_not_a_failure)
{
    struct trade t;
    const char *node = "{\"code\":\"40004\",\"msg\":\"Business Failed\",\"sub_code\":"
                       "\"ACQ.TRADE_NOT_EXIST\",\"sub_msg\":\"交易不存在\"}";
    cr_assert_eq(alipay_parse_query(p, node, strlen(node), a, &t), NOT_FOUND);
    cr_assert_eq(alipay_parse_close(node, strlen(node)), NOT_FOUND);
}

Test(pitfalls, a_buyer_may_be_known_by_either_id_or_by_none)
{
    struct trade t;
    cr_assert_eq(notified_text("app_id=2021000000000001&buyer_open_id=074a1Cc&" PAID, &t),
                 NOTIFY_ACCEPTED);
    cr_assert_null(t.buyer_id);
    cr_assert_str_eq(t.buyer_open_id, "074a1Cc");
    cr_assert_eq(notified_text("app_id=2021000000000001&" PAID, &t), NOTIFY_ACCEPTED);
    cr_assert(!t.buyer_id && !t.buyer_open_id);
}

/* MD5 by OpenSSL of a text written out here: most specific name first, then the serial in decimal.
 */
static const char *certificate_name(const char *issuer_and_serial)
{
    unsigned char md[16];
    unsigned n = 0;
    char *hex = arena_alloc(a, 33);
    cr_assert(EVP_Digest(issuer_and_serial, strlen(issuer_and_serial), md, &n, EVP_md5(), NULL));
    for (unsigned i = 0; i < n; i++)
        sprintf(hex + 2 * i, "%02x", md[i]);
    return hex;
}

Test(pitfalls, a_certificate_is_named_in_decimal_in_that_order_and_with_leading_zeros)
{
    char sn[33];
    bool zero_seen = false;
    for (long serial = 250; serial < 300; serial++) {
        const char *pem = self_signed(&provider, "Ant Financial", "Root", serial, a);
        const char *want =
            certificate_name(arena_printf(a, "CN=Root,O=Ant Financial,C=CN%ld", serial));
        cr_assert_eq(alipay_cert_sn(pem, strlen(pem), sn), OK);
        cr_assert_str_eq(sn, want, "%ld", serial);
        zero_seen = zero_seen || sn[0] == '0';
    }
    cr_assert(zero_seen, "none of these names begins with 0: take more");
}

Test(pitfalls, the_payer_of_h5_is_at_the_address_that_we_saw)
{
    struct wechat_request r;
    struct wechat_prepay order = prepay(WECHAT_H5);
    json_t *body = prepay_body(&order);
    const json_t *scene = json_object_get(body, "scene_info");
    cr_assert_str_eq(json_string_value(json_object_get(scene, "payer_client_ip")), "203.0.113.7");
    cr_assert(json_is_string(json_object_get(json_object_get(scene, "h5_info"), "type")));
    json_decref(body);
    order.client_ip = NULL;
    cr_assert_eq(wechat_prepay_request(w, &order, NOW_US, a, &r), INVALID,
                 "not sent at all rather than with an address that is made up");
}

Test(pitfalls, a_nonce_or_a_ciphertext_of_an_attacker_is_refused_before_the_cipher)
{
    static const struct {
        const char *nonce, *ciphertext;
    } cases[] = {
        {"", "AAAAAAAAAAAAAAAAAAAAAAAA"},
        {"abcdefghijk", "AAAAAAAAAAAAAAAAAAAAAAAA"},
        {"abcdefghijklm", "AAAAAAAAAAAAAAAAAAAAAAAA"},
        {"abcdefghijkl", ""},
        {"abcdefghijkl", "AAAA"},
        {"abcdefghijkl", "%%%%"},
        {"abcdefghijkl", "AAAAAAAAAAAAAAAAAAAAAA"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        /* signed: the worst case, somebody has the provider's key */
        const char *body =
            envelope("TRANSACTION.SUCCESS", "transaction", cases[i].nonce, cases[i].ciphertext);
        enum notify_refusal r = told(body, signed_now(body));
        cr_assert(r == NOTIFY_DECRYPT || r == NOTIFY_FORMAT, "case %zu: %d", i, r);
    }
}

Test(pitfalls, what_is_given_twice_is_refused_and_not_read_in_two_ways)
{
    struct trade t;
    const char *body = payment_notice();
    const char *twice = arena_printf(a, "{\"id\":\"EV-0\",%s", body + 1);
    cr_assert_eq(told(twice, signed_now(twice)), NOTIFY_FORMAT);
    const char *form = notify_of("app_id=2021000000000001&" PAID);
    cr_assert_eq(notified(arena_printf(a, "%s&total_amount=9.90", form), &t), NOTIFY_FORMAT);
    const char *node;
    size_t n;
    const char *yes = "{\"code\":\"10000\"}";
    const char *answer =
        arena_printf(a,
                     "{\"alipay_trade_query_response\":%s,\"alipay_trade_query_response\":{},"
                     "\"sign\":\"%s\"}",
                     yes, evp_sign(&provider, yes, strlen(yes), a));
    cr_assert_eq(
        alipay_verify_answer(p, "alipay.trade.query", answer, strlen(answer), a, &node, &n),
        INVALID);
}

static const char *stamp_in(const char *zone)
{
    struct alipay_request r;
    cr_assert_eq(setenv("TZ", zone, 1), 0);
    tzset();
    cr_assert_eq(alipay_query_request(p, "IDP1", NOW_US, a, &r), OK);
    return decoded(r.url, "timestamp");
}

Test(pitfalls, times_are_those_of_shanghai_on_a_host_in_utc_and_clocks_may_differ_by_five_minutes)
{
    const char *body = payment_notice();
    cr_assert_str_eq(stamp_in("UTC"), "2026-01-01 10:34:57");
    cr_assert_str_eq(stamp_in("America/New_York"), "2026-01-01 10:34:57");
    struct wechat_prepay order = prepay(WECHAT_NATIVE);
    json_t *sent = prepay_body(&order);
    cr_assert_str_eq(json_string_value(json_object_get(sent, "time_expire")),
                     "2026-01-01T11:04:57+08:00");
    json_decref(sent);
    cr_assert_eq(told(body, signed_at(body, NOW_S - 299)), NOTIFY_ACCEPTED);
    cr_assert_eq(told(body, signed_at(body, NOW_S + 299)), NOTIFY_ACCEPTED);
    cr_assert_eq(told(body, signed_at(body, NOW_S - 301)), NOTIFY_TIMESTAMP);
    cr_assert_eq(told(body, signed_at(body, NOW_S + 301)), NOTIFY_TIMESTAMP);
}

Test(pitfalls, orders_of_a_merchant_that_was_replaced_still_verify)
{
    struct trade t;
    struct wechat_notice notice;
    const struct wechat *chosen;
    const struct alipay *chosen_app;
    struct wechat *const merchants[] = {wechat_named("1999999999"), w};
    struct alipay *const apps[] = {alipay_named("2021000000009999"), p};
    const char *body = payment_notice(), *form = notify_of("app_id=2021000000000001&" PAID);
    struct wechat_headers h = signed_now(body);
    cr_assert_eq(
        wechat_open_notice(merchants, 2, &h, body, strlen(body), NOW_US, a, &notice, &chosen),
        NOTIFY_ACCEPTED);
    cr_assert_str_eq(notice.trade.merchant, "1230000109");
    cr_assert_eq(alipay_open_notify(apps, 2, form, strlen(form), a, &t, &chosen_app),
                 NOTIFY_ACCEPTED);
    cr_assert_eq(chosen_app, p);
    wechat_close(merchants[0]);
    alipay_close(apps[0]);
}

Test(pitfalls, an_emoji_does_not_reach_wechat_pay)
{
    struct wechat_prepay order = prepay(WECHAT_NATIVE);
    order.description = "一寸😀证件照🇨🇳";
    json_t *body = prepay_body(&order);
    cr_assert_str_eq(json_string_value(json_object_get(body, "description")), "一寸证件照");
    json_decref(body);
}

Test(pitfalls, a_number_of_digits_alone_is_sent_as_text)
{
    struct wechat_prepay order = prepay(WECHAT_APP);
    json_t *body = prepay_body(&order);
    cr_assert(json_is_string(json_object_get(body, "out_trade_no")));
    cr_assert_str_eq(json_string_value(json_object_get(body, "out_trade_no")), "20260101103457");
    json_decref(body);
}
