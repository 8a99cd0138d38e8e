/* SPDX-License-Identifier: MIT */
/* The gateway's answers: cut, verified, read. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/clock.h"
#include "key_pair.h"
#include "pay/alipay_answer.h"
#include "pay/alipay_keys.h"

#define QUERY "alipay_trade_query_response"
#define NODE                                                                                       \
    "{\"code\":\"10000\",\"msg\":\"Success\",\"out_trade_no\":\"IDP1\",\"trade_no\":\"2026\","     \
    "\"trade_status\":\"TRADE_SUCCESS\",\"total_amount\":\"9.90\","                                \
    "\"send_pay_date\":\"2026-01-01 10:34:58\",\"buyer_user_id\":\"2088102116773037\","            \
    "\"buyer_open_id\":\"074a1Cc\"}"

static struct arena *a;
static struct key_pair alipay;
static struct alipay app;

static void set_up(void)
{
    a = arena_new();
    alipay = key_pair_named("platform");
    app = (struct alipay){.app_id = (char *)"2021",
                          .seller_id = (char *)"2088102119685838",
                          .alipay_key = alipay.public_key};
}

static void tear_down(void)
{
    key_pair_free(&alipay);
    arena_free(a);
}

TestSuite(alipay_answer, .init = set_up, .fini = tear_down);

static const char *signature(const char *text)
{
    return evp_sign(&alipay, text, strlen(text), a);
}

static enum status verified(const char *body, const char **node)
{
    static const char untouched[] = "untouched";
    size_t n = 42;
    *node = untouched;
    enum status status =
        alipay_verify_answer(&app, "alipay.trade.query", body, strlen(body), a, node, &n);
    if (status == OK)
        *node = arena_copy(a, *node, n);
    else
        cr_assert(*node == untouched && n == 42);
    return status;
}

static enum status judged(const char *body)
{
    const char *node;
    return verified(body, &node);
}

static const char *answer(const char *name, const char *node, const char *sign)
{
    return arena_printf(a, "{\"%s\":%s,\"sign\":\"%s\"}", name, node, sign);
}

Test(alipay_answer, the_bytes_that_were_signed_are_the_bytes_given)
{
    const char *node, *spaced = "{ \"code\" : \"10000\",\n\"a\":\"}{\\\"\\\\\",\"b\":[{}] }";
    cr_assert_eq(verified(answer(QUERY, spaced, signature(spaced)), &node), OK);
    cr_assert_str_eq(node, spaced);
    cr_assert_eq(judged(answer(QUERY, NODE, signature(spaced))), DENIED);
}

Test(alipay_answer, every_truncation_is_refused)
{
    const char *body = answer(QUERY, NODE, signature(NODE)), *node;
    size_t n = strlen(body), size;
    cr_assert_eq(judged(body), OK);
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(alipay_verify_answer(&app, "alipay.trade.query", body, i, a, &node, &size),
                     INVALID, "%zu", i);
}

Test(alipay_answer, members_that_could_be_read_in_two_ways_are_refused)
{
    const char *sign = signature(NODE), *other = "{\"code\":\"10000\"}";
    const char *failure = "{\"code\":\"40002\"}";
    cr_assert_eq(judged(arena_printf(a, "{\"" QUERY "\":%s,\"" QUERY "\":%s,\"sign\":\"%s\"}", NODE,
                                     other, sign)),
                 INVALID);
    cr_assert_eq(judged(arena_printf(a, "{\"" QUERY "\":%s,\"sign\":\"%s\",\"sign\":\"%s\"}", NODE,
                                     sign, sign)),
                 INVALID);
    cr_assert_eq(judged(arena_printf(a, "{\"" QUERY "\":%s,\"\\u0073ign\":\"x\",\"sign\":\"%s\"}",
                                     NODE, sign)),
                 INVALID);
    cr_assert_eq(judged(arena_printf(a, "{\"" QUERY "\":%s,\"error_response\":%s,\"sign\":\"%s\"}",
                                     NODE, failure, signature(failure))),
                 INVALID);
    cr_assert_eq(
        judged(arena_printf(a, "{\"" QUERY "\":%s,\"x\":1,\"x\":2,\"sign\":\"%s\"}", NODE, sign)),
        INVALID);
}

Test(alipay_answer, what_is_no_json_object_is_refused)
{
    const char *sign = signature(NODE);
    cr_assert_eq(judged(arena_printf(a, "%s x", answer(QUERY, NODE, sign))), INVALID);
    cr_assert_eq(judged(arena_printf(a, "%s{}", answer(QUERY, NODE, sign))), INVALID);
    cr_assert_eq(judged(arena_printf(a, "[%s]", answer(QUERY, NODE, sign))), INVALID);
    cr_assert_eq(judged(arena_printf(a, "{\"" QUERY "\":%s \"sign\":\"%s\"}", NODE, sign)),
                 INVALID);
    cr_assert_eq(judged(arena_printf(a, "{\"" QUERY "\":%s,\"sign\":\"%s\",}", NODE, sign)),
                 INVALID);
    cr_assert_eq(judged(arena_printf(a, "{\"" QUERY "\" %s,\"sign\":\"%s\"}", NODE, sign)),
                 INVALID);
    cr_assert_eq(judged(arena_printf(a, "{\"" QUERY "\":1,\"sign\":\"%s\"}", sign)), INVALID);
    cr_assert_eq(judged(arena_printf(a, "{\"" QUERY "\":%s,\"sign\":[\"%s\"]}", NODE, sign)),
                 INVALID);
    cr_assert_eq(judged("{}"), INVALID);
    cr_assert_eq(judged(""), INVALID);
}

Test(alipay_answer, the_node_must_be_that_of_the_method_called)
{
    const char *sign = signature(NODE);
    cr_assert_eq(judged(answer("alipay_trade_close_response", NODE, sign)), INVALID);
    cr_assert_eq(judged(answer(QUERY "x", NODE, sign)), INVALID);
    cr_assert_eq(
        judged(arena_printf(a, "{\"x\":%s,\"sign\":\"%s\"}", answer(QUERY, NODE, sign), sign)),
        INVALID, "a node deeper down does not count");
}

Test(alipay_answer, a_text_signed_before_its_solidi_were_escaped_verifies)
{
    const char *plain = "{\"code\":\"10000\",\"qr_code\":\"https://qr.alipay.com/x\"}";
    const char *escaped = "{\"code\":\"10000\",\"qr_code\":\"https:\\/\\/qr.alipay.com\\/x\"}";
    const char *node;
    cr_assert_eq(verified(answer(QUERY, escaped, signature(plain)), &node), OK);
    cr_assert_str_eq(node, escaped);
    cr_assert_eq(judged(answer(QUERY, escaped, signature(escaped))), OK);
    cr_assert_eq(judged(answer(QUERY, plain, signature(escaped))), DENIED);
}

Test(alipay_answer, solidi_of_the_signature_may_be_escaped)
{
    struct buf sign = {0};
    const char *node = NODE;
    for (int i = 0; i < 100 && !strchr(signature(node), '/'); i++)
        node = arena_printf(a, "{\"code\":\"10000\",\"n\":\"%d\"}", i);
    for (const char *c = signature(node); *c; c++)
        buf_printf(&sign, *c == '/' ? "\\%c" : "%c", *c);
    cr_assert(sign.size && strchr((const char *)sign.bytes, '\\'));
    cr_assert_eq(judged(answer(QUERY, node, (const char *)sign.bytes)), OK);
    buf_free(&sign);
}

Test(alipay_answer, a_success_without_signature_is_denied_and_a_failure_proves_nothing)
{
    const char *failure = "{\"code\":\"40004\",\"sub_code\":\"ACQ.TRADE_NOT_EXIST\"}";
    cr_assert_eq(judged("{\"" QUERY "\":" NODE "}"), DENIED);
    cr_assert_eq(judged(answer(QUERY, NODE, "")), DENIED);
    cr_assert_eq(judged(answer(QUERY, failure, "")), UNAVAILABLE);
    cr_assert_eq(judged(arena_printf(a, "{\"" QUERY "\":%s}", failure)), UNAVAILABLE);
    cr_assert_eq(judged(answer("error_response", failure, "")), UNAVAILABLE);
    cr_assert_eq(judged(answer(QUERY, failure, signature(NODE))), DENIED);
}

Test(alipay_answer, an_error_response_may_be_signed_but_is_never_a_success)
{
    const char *node, *failure = "{\"code\":\"40002\",\"sub_code\":\"isv.invalid-signature\"}";
    cr_assert_eq(verified(answer("error_response", failure, signature(failure)), &node), OK);
    cr_assert_eq(alipay_parse_close(node, strlen(node)), INVALID);
    cr_assert_str_eq(alipay_error_code(node, strlen(node), a), "isv.invalid-signature");
    cr_assert_eq(judged(answer("error_response", NODE, signature(NODE))), INVALID);
}

/* "失败" in GBK, which no JSON parser takes. */
Test(alipay_answer, an_answer_in_gbk_is_verified_over_its_own_bytes)
{
    const char *gbk = "{\"code\":\"40004\",\"sub_msg\":\"\xCA\xA7\xB0\xDC\"}", *node;
    cr_assert_eq(verified(answer(QUERY, gbk, signature(gbk)), &node), OK);
    cr_assert_eq(alipay_parse_close(node, strlen(node)), INVALID);
    cr_assert_eq(judged(answer(QUERY, gbk, "")), UNAVAILABLE);
}

Test(alipay_answer, the_certificate_an_answer_names_must_be_the_one_held)
{
    const char *format = "{\"" QUERY "\":%s,\"alipay_cert_sn\":\"%s\",\"sign\":\"%s\"}";
    const char *sign = signature(NODE), *sn = "7513daaaa48aa3ba2e4018d84402479c";
    const char *body = arena_printf(a, format, NODE, sn, sign);
    cr_assert_eq(judged(body), OK);
    memcpy(app.alipay_cert_sn, sn, sizeof app.alipay_cert_sn);
    cr_assert_eq(judged(body), OK);
    cr_assert_eq(judged(answer(QUERY, NODE, sign)), OK);
    app.alipay_cert_sn[0] = '8';
    cr_assert_eq(judged(body), DENIED);
}

Test(alipay_answer, a_query_is_read_as_a_trade)
{
    struct trade t;
    int64_t paid_us = 0;
    cr_assert_eq(alipay_parse_query(&app, NODE, strlen(NODE), a, &t), OK);
    cr_assert_eq(time_parse("2026-01-01T02:34:58Z", &paid_us), OK);
    cr_assert_eq(t.channel, CHANNEL_ALIPAY);
    cr_assert_eq(t.state, TRADE_PAID);
    cr_assert_eq(t.amount_fen, 990);
    cr_assert_eq(t.success_us, paid_us);
    cr_assert_str_eq(t.out_trade_no, "IDP1");
    cr_assert_str_eq(t.transaction_id, "2026");
    cr_assert_str_eq(t.appid, "2021");
    cr_assert_str_eq(t.merchant, "2088102119685838");
    cr_assert_str_eq(t.buyer_id, "2088102116773037");
    cr_assert_str_eq(t.buyer_open_id, "074a1Cc");
    cr_assert_str_eq(t.currency, "CNY");
}

Test(alipay_answer, a_query_that_is_no_trade_is_invalid)
{
    static const char twice[] = "{\"code\":\"10000\",\"out_trade_no\":\"1\","
                                "\"trade_status\":\"WAIT_BUYER_PAY\",\"a\":1,\"a\":1}";
    const char *const bad[] = {
        twice,
        "",
        "\"text\"",
        "[]",
        "{}",
        "{\"code\":\"10000\"}",
        "{\"code\":10000,\"out_trade_no\":\"1\",\"trade_status\":\"WAIT_BUYER_PAY\"}",
        "{\"code\":\"10000\",\"out_trade_no\":1,\"trade_status\":\"WAIT_BUYER_PAY\"}",
        "{\"code\":\"10000\",\"out_trade_no\":\"1\",\"trade_status\":\"PAID\"}",
        "{\"code\":\"10000\",\"out_trade_no\":\"1\\u0000\",\"trade_status\":\"WAIT_BUYER_PAY\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct trade t = {.amount_fen = 42};
        cr_assert_eq(alipay_parse_query(&app, bad[i], strlen(bad[i]), a, &t), INVALID, "%s",
                     bad[i]);
        cr_assert_eq(t.amount_fen, 42);
    }
}

/* Sections 5.2 and 5.6. */
Test(alipay_answer, codes_say_what_to_do)
{
    static const struct {
        const char *code, *sub_code;
        enum status status;
    } rows[] = {{"10000", "", OK},
                {"20000", "isp.unknow-error", UNAVAILABLE},
                {"40005", "", UNAVAILABLE},
                {"40004", "ACQ.TRADE_NOT_EXIST", NOT_FOUND},
                {"40004", "ACQ.TRADE_STATUS_ERROR", CONFLICT},
                {"40004", "ACQ.SYSTEM_ERROR", UNAVAILABLE},
                {"40004", "ACQ.SOMETHING", INVALID},
                {"40001", "", INVALID},
                {"40002", "isv.invalid-signature", INVALID},
                {"40006", "ACQ.TRADE_NOT_EXIST", INVALID},
                {"", "", INVALID}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct trade t;
        const char *qr_code;
        const char *node = arena_printf(a, "{\"code\":\"%s\",\"sub_code\":\"%s\"}", rows[i].code,
                                        rows[i].sub_code);
        size_t n = strlen(node);
        cr_assert_eq(alipay_parse_close(node, n), rows[i].status, "%s", node);
        enum status with_fields = rows[i].status == OK ? INVALID : rows[i].status;
        cr_assert_eq(alipay_parse_query(&app, node, n, a, &t), with_fields, "%s", node);
        cr_assert_eq(alipay_parse_precreate(node, n, "IDP1", a, &qr_code), with_fields, "%s", node);
    }
}

Test(alipay_answer, a_qr_code_belongs_to_the_trade_asked_for)
{
    const char *qr_code = NULL;
    const char *node = "{\"code\":\"10000\",\"out_trade_no\":\"IDP1\","
                       "\"qr_code\":\"https:\\/\\/qr.alipay.com\\/bavh4wjlxf12tper3a\"}";
    cr_assert_eq(alipay_parse_precreate(node, strlen(node), "IDP2", a, &qr_code), INVALID);
    cr_assert_null(qr_code);
    cr_assert_eq(alipay_parse_precreate(node, strlen(node), "IDP1", a, &qr_code), OK);
    cr_assert_str_eq(qr_code, "https://qr.alipay.com/bavh4wjlxf12tper3a");
}

Test(alipay_answer, an_error_code_for_the_log_is_a_code_or_nothing)
{
    static const struct {
        const char *json, *code;
    } rows[] = {
        {"{\"code\":\"40004\",\"sub_code\":\"ACQ.TRADE_NOT_EXIST\"}", "ACQ.TRADE_NOT_EXIST"},
        {"{\"error_response\":{\"code\":\"40002\"},\"sign\":\"\"}", "40002"},
        {"{\"" QUERY "\":{\"code\":\"1\",\"sub_code\":\"a b\"}}", "1"},
        {"{\"code\":\"一\"}", ""},
        {"{\"code\":1}", ""},
        {"<html>", ""},
        {"", ""},
        {"[]", ""}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_str_eq(alipay_error_code(rows[i].json, strlen(rows[i].json), a), rows[i].code);
}
