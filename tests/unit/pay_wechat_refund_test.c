/* SPDX-License-Identifier: MIT */
/* WeChat Pay: refunds. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/clock.h"
#include "vectors.h"
#include "wechat_fixture.h"

TestSuite(wechat_refund, .fini = wechat_folder_remove);

static struct wechat_refund_order good_refund(void)
{
    return (struct wechat_refund_order){.out_trade_no = "aB3dE6gH9jK2mN5pQ8sT1v",
                                        .out_refund_no = "Rx1|*@-_",
                                        .reason = "未打印\xF0\x9F\x93\xB7",
                                        .notify_url =
                                            "https://id.example.cn/v1/notify/wechat/refund",
                                        .refund_fen = 500,
                                        .total_fen = 990};
}

Test(wechat_refund, a_refund_names_payment_number_amounts_and_reason)
{
    struct arena *a = arena_new();
    struct wechat *w = wechat_opened(a);
    struct wechat_request r;
    struct wechat_refund_order o = good_refund();
    cr_assert_eq(wechat_refund_request(w, &o, WECHAT_NOW_US, a, &r), OK);
    cr_assert_str_eq(r.method, "POST");
    cr_assert_str_eq(r.url, "/v3/refund/domestic/refunds");
    expect_wechat_signed(a, &r);
    json_t *got = json_loads(r.body, JSON_REJECT_DUPLICATES, NULL);
    json_t *want =
        json_pack("{s:s,s:s,s:s,s:s,s:{s:i,s:i,s:s}}", "out_trade_no", "aB3dE6gH9jK2mN5pQ8sT1v",
                  "out_refund_no", "Rx1|*@-_", "reason", "未打印", "notify_url",
                  "https://id.example.cn/v1/notify/wechat/refund", "amount", "refund", 500, "total",
                  990, "currency", "CNY");
    cr_assert(json_equal(got, want), "%s", r.body);
    json_decref(got);
    json_decref(want);
    o.reason = o.notify_url = NULL;
    o.transaction_id = "4200000001";
    cr_assert_eq(wechat_refund_request(w, &o, WECHAT_NOW_US, a, &r), OK);
    cr_assert(strstr(r.body, "\"transaction_id\":\"4200000001\"") &&
              !strstr(r.body, "out_trade_no"));
    cr_assert(!strstr(r.body, "reason") && !strstr(r.body, "notify_url"));
    cr_assert_eq(wechat_refund_query_request(w, "Rx1|*@-_", WECHAT_NOW_US, a, &r), OK);
    cr_assert_str_eq(r.url, "/v3/refund/domestic/refunds/Rx1%7C%2A%40-_");
    expect_wechat_signed(a, &r);
    wechat_close(w);
    arena_free(a);
}

Test(wechat_refund, a_refund_of_nothing_or_of_more_than_was_paid_is_not_sent)
{
    struct arena *a = arena_new();
    struct wechat *w = wechat_opened(a);
    struct wechat_refund_order bad[7];
    struct wechat_request r = {.url = "untouched"};
    for (size_t i = 0; i < 7; i++)
        bad[i] = good_refund();
    bad[0].refund_fen = 0;
    bad[1].refund_fen = 991;
    bad[2].out_refund_no = "";
    bad[3].out_refund_no = "a b";
    bad[4].out_refund_no = arena_printf(a, "%065d", 1);
    bad[5].notify_url = "https://id.example.cn/?x";
    bad[6].out_trade_no = "";
    for (size_t i = 0; i < 7; i++)
        cr_assert_eq(wechat_refund_request(w, &bad[i], WECHAT_NOW_US, a, &r), INVALID, "%zu", i);
    cr_assert_str_eq(r.url, "untouched");
    wechat_close(w);
    arena_free(a);
}

static enum status parse_refund_of(struct arena *a, const char *members,
                                   struct wechat_refund_result *r)
{
    const char *json =
        arena_printf(a, "{\"out_trade_no\":\"aB3dE6\",\"refund_id\":\"5\",%s}", members);
    return wechat_parse_refund(json, strlen(json), a, r);
}

#define REFUND_AMOUNT "\"out_refund_no\":\"R1\",\"amount\":{\"total\":990,\"refund\":500}"

Test(wechat_refund, refund_answers_and_refund_callbacks_tell_the_same_result)
{
    struct arena *a = arena_new();
    struct wechat_refund_result r;
    cr_assert_eq(parse_refund_of(a, REFUND_AMOUNT ",\"status\":\"PROCESSING\"", &r), OK);
    cr_assert(r.state == WECHAT_REFUND_PROCESSING && r.refund_fen == 500 && r.total_fen == 990);
    cr_assert(!r.merchant && r.success_us == 0);
    cr_assert_eq(parse_refund_of(a,
                                 REFUND_AMOUNT ",\"mchid\":\"12\",\"refund_status\":\"SUCCESS\","
                                               "\"success_time\":\"2026-01-01T10:34:56+08:00\"",
                                 &r),
                 OK);
    cr_assert(r.state == WECHAT_REFUND_SUCCESS && r.success_us == 1767234896 * SECOND_US);
    cr_assert_str_eq(r.merchant, "12");
    cr_assert_str_eq(r.out_refund_no, "R1");
    cr_assert_eq(parse_refund_of(a, REFUND_AMOUNT ",\"refund_status\":\"ABNORMAL\"", &r), OK);
    cr_assert_eq(r.state, WECHAT_REFUND_ABNORMAL);
    cr_assert_eq(parse_refund_of(a, REFUND_AMOUNT ",\"status\":\"CLOSED\"", &r), OK);
    cr_assert_eq(r.state, WECHAT_REFUND_CLOSED);
    arena_free(a);
}

Test(wechat_refund, a_refund_result_that_leaves_something_open_is_refused)
{
    static const char *const bad[] = {
        REFUND_AMOUNT,
        REFUND_AMOUNT ",\"status\":\"success\"",
        REFUND_AMOUNT ",\"status\":\"SUCCESS\"",
        REFUND_AMOUNT ",\"status\":\"CLOSED\",\"refund_status\":\"SUCCESS\"",
        REFUND_AMOUNT ",\"status\":\"CLOSED\",\"status\":\"CLOSED\"",
        "\"status\":\"CLOSED\",\"amount\":{\"total\":990,\"refund\":500}",
        "\"status\":\"CLOSED\",\"out_refund_no\":\"R1\",\"amount\":{\"total\":990}",
        "\"status\":\"CLOSED\",\"out_refund_no\":\"R1\",\"amount\":{\"total\":990,\"refund\":"
        "\"500\"}",
        "\"status\":\"CLOSED\",\"out_refund_no\":\"R1\",\"amount\":{\"total\":990,\"refund\":-1}",
    };
    struct arena *a = arena_new();
    struct wechat_refund_result r = {.refund_fen = 42};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_eq(parse_refund_of(a, bad[i], &r), INVALID, "%s", bad[i]);
    cr_assert_eq(r.refund_fen, 42);
    arena_free(a);
}
