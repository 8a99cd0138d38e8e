/* SPDX-License-Identifier: MIT */
/* WeChat Pay's bill: read by column name, refused when anything about it is odd. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/clock.h"
#include "pay/base64.h"
#include "pay/wechat_bill.h"
#include "pay/wechat_parts.h"
#include "vectors.h"

static bool line_splits(const struct vector *v)
{
    struct arena *a = arena_new();
    const char *cells[16];
    const json_t *want = json_object_get(v->expected, "cells");
    size_t n = wechat_bill_cells(arena_strdup(a, vector_text(v->inputs, "line")), cells, 16);
    bool same = n == json_array_size(want);
    for (size_t i = 0; same && i < n; i++)
        same = strcmp(cells[i], json_string_value(json_array_get(want, i))) == 0;
    arena_free(a);
    return same;
}
VECTORS(a_line_of_a_bill_is_split_at_its_backticks, "wechat.bill.line", line_splits)

static bool bill_reads(const struct vector *v)
{
    struct arena *a = arena_new();
    struct bill_line *lines = NULL;
    size_t n = 0, n_lines = 99;
    const char *text = vector_text(v->inputs, "csv_base64");
    unsigned char *csv = arena_alloc(a, strlen(text) + 1);
    const struct wechat_bill_place place = {.sha1_hex = vector_text(v->expected, "sha1")};
    cr_assert_eq(base64_decode(text, strlen(text), csv, strlen(text), &n), OK);
    bool same = wechat_parse_bill(csv, n, a, &lines, &n_lines) == OK &&
                n_lines == (size_t)json_integer_value(json_object_get(v->expected, "rows"));
    if (same && place.sha1_hex) {
        same = wechat_bill_check(&place, csv, n) == OK;
        csv[0] ^= 1;
        same = same && wechat_bill_check(&place, csv, n) == DENIED;
    }
    arena_free(a);
    return same;
}
VECTORS(a_bill_has_the_lines_its_summary_counts, "wechat.bill.csv", bill_reads)

static const char COLUMNS[] = "交易时间,微信订单号,商户订单号,交易状态,货币种类,订单金额,"
                              "商户退款单号,申请退款金额,退款状态,商品名称\r\n";
static const char PAID[] =
    "`2026-01-01 10:34:56,`42,`n1,`SUCCESS,`CNY,`9.90,`0,`0.00,`,`证件照, 一寸\r\n";
static const char BACK[] =
    "`2026-01-02 00:00:00,`43,`n2,`REFUND,`CNY,`0.00,`R2,`5.00,`SUCCESS,`\r\n";
static const char SUMMARY[] = "总交易单数,其他\r\n";

static enum status parse(struct arena *a, const char *csv, struct bill_line **lines, size_t *n)
{
    return wechat_parse_bill(csv, strlen(csv), a, lines, n);
}

Test(wechat_bill, payments_and_refunds_are_told_apart_with_amount_time_and_numbers)
{
    struct arena *a = arena_new();
    struct bill_line *l = NULL;
    size_t n = 0;
    const char *csv =
        arena_printf(a, "\xEF\xBB\xBF%s%s%s%s`2.0,`9.90\r\n", COLUMNS, PAID, BACK, SUMMARY);
    cr_assert_eq(parse(a, csv, &l, &n), OK);
    cr_assert_eq(n, 2);
    cr_assert(!l[0].refund && l[0].amount_fen == 990 && !l[0].out_refund_no);
    cr_assert_eq(l[0].at_us, 1767234896 * SECOND_US); /* date -d '2026-01-01T10:34:56+08:00' +%s */
    cr_assert_str_eq(l[0].transaction_id, "42");
    cr_assert_str_eq(l[0].out_trade_no, "n1");
    cr_assert_str_eq(l[0].currency, "CNY");
    cr_assert(l[1].refund && l[1].amount_fen == 500);
    cr_assert_str_eq(l[1].out_refund_no, "R2");
    cr_assert_str_eq(l[1].refund_state, "SUCCESS");
    arena_free(a);
}

Test(wechat_bill, a_bill_that_is_cut_or_odd_is_refused_as_a_whole)
{
    struct arena *a = arena_new();
    struct bill_line *l = NULL;
    size_t n = 42;
    const char *const bad[] = {
        arena_printf(a, "%s%s%s`2.0,`1\r\n", COLUMNS, PAID, SUMMARY),
        arena_printf(a, "%s%s%s`x,`1\r\n", COLUMNS, PAID, SUMMARY),
        arena_printf(a, "%s%s%s", COLUMNS, PAID, SUMMARY),
        arena_printf(a, "%s%s", COLUMNS, PAID),
        arena_printf(a, "%s%.40s", COLUMNS, PAID),
        arena_printf(a, "%s%s`1,`1\r\n", COLUMNS + strlen("交易时间,"), SUMMARY),
        arena_printf(a, "%s`2026-01-01,`42,`n1,`SUCCESS,`CNY,`9.90,`0,`0.00,`,`x\r\n%s`1,`1\r\n",
                     COLUMNS, SUMMARY),
        arena_printf(
            a, "%s`2026-01-01 10:34:56,`42,`n1,`SUCCESS,`CNY,`9.9O,`0,`0.00,`,`x\r\n%s`1,`1\r\n",
            COLUMNS, SUMMARY),
        arena_printf(a,
                     "%s`2026-01-01 10:34:56,`42,`n1,`PAID,`CNY,`9.90,`0,`0.00,`,`x\r\n%s`1,`1\r\n",
                     COLUMNS, SUMMARY),
        "hello",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_eq(parse(a, bad[i], &l, &n), INVALID, "case %zu", i);
    cr_assert_eq(wechat_parse_bill("\xEF\xBB\xBF\0x", 5, a, &l, &n), INVALID);
    cr_assert(n == 42 && !l);
    arena_free(a);
}

Test(wechat_bill, the_answer_names_hash_and_place)
{
    struct arena *a = arena_new();
    struct wechat_bill_place p = {0};
    const char *good =
        "{\"hash_type\":\"SHA1\",\"hash_value\":\"79bb0f45fc4c42234a918000b2668d689e2bde04\","
        "\"download_url\":\"https://api.mch.weixin.qq.com/v3/billdownload/file?token=x\"}";
    cr_assert_eq(wechat_bill_answer(good, strlen(good), a, &p), OK);
    cr_assert_str_eq(p.sha1_hex, "79bb0f45fc4c42234a918000b2668d689e2bde04");
    const char *const bad[] = {
        "{}",
        "{\"hash_type\":\"MD5\",\"hash_value\":\"79bb0f45fc4c42234a918000b2668d689e2bde04\","
        "\"download_url\":\"https://x/\"}",
        "{\"hash_type\":\"SHA1\",\"hash_value\":\"79bb\",\"download_url\":\"https://x/\"}",
        "{\"hash_type\":\"SHA1\",\"hash_value\":\"79bb0f45fc4c42234a918000b2668d689e2bde04\"}"};
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(wechat_bill_answer(bad[i], strlen(bad[i]), a, &p), INVALID, "%s", bad[i]);
    arena_free(a);
}

Test(wechat_bill, the_download_signs_path_and_query_alone)
{
    struct arena *a = arena_new();
    struct wechat *w = wechat_new();
    struct wechat_request r;
    json_t *keys = json_load_file("tests/vectors/keys.json", 0, NULL);
    const char *pem =
        vector_text(json_object_get(json_object_get(keys, "keys"), "merchant_private"), "pem");
    w->mchid = strdup("1"), w->merchant_serial = strdup("2");
    cr_assert_eq(rsa_load_private(pem, strlen(pem), RSA_PEM, &w->merchant_key), OK);
    cr_assert_eq(wechat_bill_download_request(
                     w, "https://api.mch.weixin.qq.com/v3/billdownload/file?token=a%2B", 0, a, &r),
                 OK);
    cr_assert_str_eq(r.url, "/v3/billdownload/file?token=a%2B");
    cr_assert_eq(wechat_bill_download_request(w, "https://host", 0, a, &r), INVALID);
    cr_assert_eq(wechat_bill_download_request(w, "/v3/x", 0, a, &r), INVALID);
    cr_assert_eq(wechat_bill_request(w, 20454, 0, a, &r), OK); /* 20454 days after 1970-01-01 */
    cr_assert_str_eq(r.url, "/v3/bill/tradebill?bill_date=2026-01-01&bill_type=ALL&tar_type=GZIP");
    json_decref(keys);
    wechat_close(w);
    arena_free(a);
}
