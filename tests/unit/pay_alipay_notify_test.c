/* SPDX-License-Identifier: MIT */
/* Alipay's notifies, signed here by OpenSSL alone over texts written out by hand. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/clock.h"
#include "key_pair.h"
#include "pay/alipay_keys.h"
#include "pay/alipay_trade.h"

/* What a payment's notify says, in the order in which it is signed, less app_id, which goes first.
 */
#define PAID                                                                                       \
    "&gmt_payment=2026-01-01 10:34:58&out_trade_no=IDP1&seller_id=2088102119685838"                \
    "&total_amount=9.90&trade_no=2026010122001400001234567890&trade_status=TRADE_SUCCESS"

static struct arena *a;
static struct key_pair alipay;
static struct alipay app;

static void set_up(void)
{
    a = arena_new();
    alipay = key_pair_named("platform");
    app = (struct alipay){.app_id = (char *)"2021", .alipay_key = alipay.public_key};
}

static void tear_down(void)
{
    key_pair_free(&alipay);
    arena_free(a);
}

TestSuite(alipay_notify, .init = set_up, .fini = tear_down);

/* Escapes what may stand in a signed text but not in a form; '&' and '=' part the fields. */
static const char *form_of(const char *signed_text)
{
    struct buf out = {0};
    for (const unsigned char *c = (const unsigned char *)signed_text; *c; c++)
        buf_printf(&out, *c <= ' ' || *c >= 0x7F || strchr("%+", *c) ? "%%%02X" : "%c", *c);
    const char *form = arena_copy(a, out.bytes, out.size);
    buf_free(&out);
    return form;
}

/* The form, and the signature over signed_text. */
static const char *signed_form(const char *form, const char *signed_text)
{
    return arena_printf(a, "%s&sign=%s", form,
                        alipay_escape(evp_sign(&alipay, signed_text, strlen(signed_text), a), a));
}

static enum notify_refusal open_with(struct alipay *const *apps, size_t n, const char *body,
                                     struct trade *trade, const struct alipay **chosen)
{
    static const struct alipay nobody;
    const struct trade before = {.out_trade_no = "untouched"};
    *trade = before;
    *chosen = &nobody;
    enum notify_refusal r = alipay_open_notify(apps, n, body, strlen(body), a, trade, chosen);
    if (r != NOTIFY_ACCEPTED) {
        cr_assert_str_eq(trade->out_trade_no, "untouched");
        cr_assert_eq(*chosen, &nobody);
    }
    return r;
}

static enum notify_refusal open_one(const char *body, struct trade *trade)
{
    struct alipay *const apps[] = {&app};
    const struct alipay *chosen;
    return open_with(apps, 1, body, trade, &chosen);
}

static enum notify_refusal opened(const char *body)
{
    struct trade trade;
    return open_one(body, &trade);
}

/* A text signed and sent as it is. */
static enum notify_refusal opened_text(const char *text)
{
    return opened(signed_form(form_of(text), text));
}

Test(alipay_notify, a_payment_is_read_whole)
{
    struct trade t;
    int64_t paid_us = 0;
    const char *text = "app_id=2021&buyer_id=2088102116773037&buyer_open_id=074a1Cc" PAID;
    cr_assert_eq(open_one(signed_form(form_of(text), text), &t), NOTIFY_ACCEPTED);
    cr_assert_eq(time_parse("2026-01-01T02:34:58Z", &paid_us), OK);
    cr_assert_eq(t.channel, CHANNEL_ALIPAY);
    cr_assert_eq(t.state, TRADE_PAID);
    cr_assert_eq(t.amount_fen, 990);
    cr_assert_eq(t.success_us, paid_us);
    cr_assert_str_eq(t.currency, "CNY");
    cr_assert_str_eq(t.appid, "2021");
    cr_assert_str_eq(t.merchant, "2088102119685838");
    cr_assert_str_eq(t.out_trade_no, "IDP1");
    cr_assert_str_eq(t.transaction_id, "2026010122001400001234567890");
    cr_assert_str_eq(t.buyer_id, "2088102116773037");
    cr_assert_str_eq(t.buyer_open_id, "074a1Cc");
    cr_assert_null(t.openid);
}

Test(alipay_notify, fields_that_are_missing_or_empty_are_null)
{
    struct trade t;
    const char *text = "app_id=2021&out_trade_no=IDP1&trade_status=WAIT_BUYER_PAY";
    const char *form = arena_printf(a, "%s&buyer_id=&gmt_payment=", text);
    cr_assert_eq(open_one(signed_form(form, text), &t), NOTIFY_ACCEPTED);
    cr_assert_eq(t.state, TRADE_PENDING);
    cr_assert_eq(t.amount_fen, -1);
    cr_assert_eq(t.success_us, 0);
    cr_assert_null(t.buyer_id);
    cr_assert_null(t.transaction_id);
    cr_assert_null(t.merchant);
}

Test(alipay_notify, a_name_given_twice_is_refused_even_when_the_signature_is_right)
{
    const char *text = "app_id=2021" PAID;
    const char *body = signed_form(form_of(text), text);
    cr_assert_eq(opened(body), NOTIFY_ACCEPTED);
    cr_assert_eq(opened(arena_printf(a, "%s&app_id=2021", body)), NOTIFY_FORMAT);
    cr_assert_eq(opened(arena_printf(a, "%s&sign=x", body)), NOTIFY_FORMAT);
    cr_assert_eq(opened(arena_printf(a, "%s&x=%%00", body)), NOTIFY_FORMAT);
    cr_assert_eq(opened(arena_printf(a, "%s&x=%%4", body)), NOTIFY_FORMAT);
}

/* sign_type is outside the signature, so whoever forwards the form may write anything into it. */
Test(alipay_notify, nothing_but_rsa2_is_a_sign_type)
{
    const char *text = "app_id=2021" PAID;
    const char *body = signed_form(form_of(text), text);
    cr_assert_eq(opened(arena_printf(a, "%s&sign_type=RSA2", body)), NOTIFY_ACCEPTED);
    static const char *const bad[] = {"RSA", "rsa2", "", "RSA2%20", "HMAC", "SM2"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_eq(opened(arena_printf(a, "%s&sign_type=%s", body, bad[i])), NOTIFY_TYPE, "%s",
                     bad[i]);
}

Test(alipay_notify, a_missing_or_foreign_signature_is_refused)
{
    const char *text = "app_id=2021" PAID, *form = form_of(text);
    struct key_pair stranger = key_pair_named("wechatpay");
    const char *foreign = alipay_escape(evp_sign(&stranger, text, strlen(text), a), a);
    cr_assert_eq(opened(form), NOTIFY_SIGNATURE);
    cr_assert_eq(opened(arena_printf(a, "%s&sign=", form)), NOTIFY_SIGNATURE);
    cr_assert_eq(opened(arena_printf(a, "%s&sign=%s", form, foreign)), NOTIFY_SIGNATURE);
    key_pair_free(&stranger);
}

Test(alipay_notify, the_application_is_chosen_by_its_app_id)
{
    struct key_pair other = key_pair_named("wechatpay");
    struct alipay one = {.app_id = (char *)"2020", .alipay_key = alipay.public_key};
    struct alipay old = {.app_id = (char *)"2021", .alipay_key = other.public_key};
    struct alipay *const apps[] = {&one, &old, &app};
    const struct alipay *chosen;
    struct trade t;
    const char *text = "app_id=2021" PAID, *body = signed_form(form_of(text), text);
    cr_assert_eq(open_with(apps, 3, body, &t, &chosen), NOTIFY_ACCEPTED);
    cr_assert_eq(chosen, &app, "the second entry of that app_id has the key that fits");
    cr_assert_eq(open_with(apps, 2, body, &t, &chosen), NOTIFY_SIGNATURE);
    cr_assert_eq(open_with(apps, 1, body, &t, &chosen), NOTIFY_SERIAL,
                 "the key of another application does not count");
    cr_assert_eq(open_with(apps, 0, body, &t, &chosen), NOTIFY_SERIAL);
    key_pair_free(&other);
}

Test(alipay_notify, a_notify_without_app_id_belongs_to_nobody)
{
    const char *text = PAID + 1;
    cr_assert_eq(opened_text(text), NOTIFY_SERIAL);
}

/* "证件照" in GBK. The bytes are signed as they are, whatever charset says. */
Test(alipay_notify, a_form_in_gbk_is_verified_over_its_own_bytes)
{
    const char *head = "app_id=2021&charset=GBK&gmt_payment=2026-01-01 10:34:58"
                       "&out_trade_no=IDP1&subject=",
               *tail = "&total_amount=9.90&trade_no=1&trade_status=TRADE_SUCCESS";
    const char *gbk = arena_printf(a, "%s\xD6\xA4\xBC\xFE\xD5\xD5%s", head, tail);
    const char *utf8 = arena_printf(a, "%s证件照%s", head, tail);
    cr_assert_eq(opened_text(gbk), NOTIFY_ACCEPTED);
    cr_assert_eq(opened(signed_form(form_of(utf8), gbk)), NOTIFY_SIGNATURE);
}

Test(alipay_notify, special_characters_in_a_subject_do_no_harm)
{
    const char *head = "app_id=2021&out_trade_no=IDP1&subject=",
               *tail = "&total_amount=9.90&trade_no=1&trade_status=TRADE_SUCCESS";
    const char *subject = "a+b c&d=e%f/中文&=%2B";
    const char *text = arena_printf(a, "%s%s%s", head, subject, tail);
    const char *form = arena_printf(a, "%s%s%s", head, alipay_escape(subject, a), tail);
    cr_assert_eq(opened(signed_form(form, text)), NOTIFY_ACCEPTED);
}

/* Names and values are joined without quoting, so another cut of the text has the same signature.
 */
Test(alipay_notify, a_refund_cannot_be_hidden_in_the_field_before_it)
{
    const char *text = "app_id=2021&out_trade_no=IDP1&point_amount=0&refund_fee=3.00"
                       "&total_amount=9.90&trade_no=1&trade_status=TRADE_SUCCESS";
    const char *hidden = "app_id=2021&out_trade_no=IDP1&point_amount=0%26refund_fee%3D3.00"
                         "&total_amount=9.90&trade_no=1&trade_status=TRADE_SUCCESS";
    const char *in_name = "app_id=2021&out_trade_no=IDP1&point_amount%3D0%26refund_fee=3.00"
                          "&total_amount=9.90&trade_no=1&trade_status=TRADE_SUCCESS";
    struct trade t;
    cr_assert_eq(open_one(signed_form(text, text), &t), NOTIFY_ACCEPTED);
    cr_assert_eq(t.state, TRADE_REFUNDED);
    cr_assert_eq(opened(signed_form(hidden, text)), NOTIFY_FORMAT);
    cr_assert_eq(opened(signed_form(in_name, text)), NOTIFY_FORMAT);
}

Test(alipay_notify, a_status_that_is_not_described_is_unknown)
{
    cr_assert_eq(opened_text("app_id=2021&out_trade_no=1&trade_no=1&trade_status=TRADE_PENDING"),
                 NOTIFY_UNKNOWN);
    cr_assert_eq(opened_text("app_id=2021&out_trade_no=1&trade_no=1&trade_status=trade_success"),
                 NOTIFY_UNKNOWN);
    cr_assert_eq(opened_text("app_id=2021&out_trade_no=1&trade_no=1"), NOTIFY_UNKNOWN);
}

Test(alipay_notify, a_message_of_the_platform_is_signed_with_its_sign_type)
{
    const char *with = "app_id=2021&biz_content={}&msg_method=alipay.x&sign_type=RSA2";
    const char *without = "app_id=2021&biz_content={}&msg_method=alipay.x";
    cr_assert_eq(opened(signed_form(with, with)), NOTIFY_UNKNOWN);
    cr_assert_eq(opened(signed_form(without, with)), NOTIFY_UNKNOWN);
    cr_assert_eq(opened(signed_form(with, "app_id=2021&biz_content={ }&msg_method=alipay.x")),
                 NOTIFY_SIGNATURE);
    /* A trade has but one reading. */
    const char *trade = "app_id=2021&out_trade_no=1&sign_type=RSA2&trade_no=1"
                        "&trade_status=TRADE_SUCCESS";
    cr_assert_eq(opened(signed_form(trade, trade)), NOTIFY_SIGNATURE);
}

Test(alipay_notify, the_certificate_a_notify_names_must_be_the_one_held)
{
    const char *sn = "7513daaaa48aa3ba2e4018d84402479c";
    const char *plain = "app_id=2021" PAID;
    const char *named = arena_printf(a, "alipay_cert_sn=%s&app_id=2021" PAID, sn);
    memcpy(app.alipay_cert_sn, sn, sizeof app.alipay_cert_sn);
    cr_assert_eq(opened_text(plain), NOTIFY_ACCEPTED);
    cr_assert_eq(opened_text(named), NOTIFY_ACCEPTED);
    cr_assert_eq(opened(signed_form(form_of(named), plain)), NOTIFY_ACCEPTED,
                 "signed without the name, as some SDKs read it");
    app.alipay_cert_sn[0] = '8';
    cr_assert_eq(opened_text(named), NOTIFY_SERIAL);
    app.alipay_cert_sn[0] = '\0';
    cr_assert_eq(opened_text(named), NOTIFY_ACCEPTED, "public-key mode knows no certificate");
}

Test(alipay_notify, empty_values_may_count_or_not_but_never_anything_else)
{
    const char *dropped = "app_id=2021" PAID;
    const char *kept = "app_id=2021&body=" PAID, *other = "app_id=2021&body=x" PAID;
    cr_assert_eq(opened(signed_form(form_of(kept), dropped)), NOTIFY_ACCEPTED);
    cr_assert_eq(opened(signed_form(form_of(kept), kept)), NOTIFY_ACCEPTED);
    cr_assert_eq(opened(signed_form(form_of(kept), other)), NOTIFY_SIGNATURE);
    cr_assert_eq(opened(signed_form(form_of(dropped), kept)), NOTIFY_SIGNATURE);
}

static enum notify_refusal read_fields(struct alipay_trade_fields f, struct trade *t)
{
    *t = (struct trade){.amount_fen = 42};
    if (!f.out_trade_no)
        f.out_trade_no = "1";
    if (!f.trade_no)
        f.trade_no = "1";
    if (!f.trade_status)
        f.trade_status = "TRADE_SUCCESS";
    return alipay_trade_read(&f, t);
}

/* Section 5.4's table. */
Test(alipay_trade, the_status_and_its_refund_fields_decide_the_state)
{
    static const struct {
        const char *status, *refund_fee, *gmt_refund, *paid_at;
        enum trade_state state;
    } rows[] = {
        {"WAIT_BUYER_PAY", NULL, NULL, NULL, TRADE_PENDING},
        {"TRADE_SUCCESS", NULL, NULL, "2026-01-01 10:34:58", TRADE_PAID},
        {"TRADE_SUCCESS", "", "", "2026-01-01 10:34:58", TRADE_PAID},
        {"TRADE_SUCCESS", "0.00", NULL, "2026-01-01 10:34:58", TRADE_PAID},
        {"TRADE_SUCCESS", "0.01", NULL, "2026-01-01 10:34:58", TRADE_REFUNDED},
        {"TRADE_SUCCESS", "3.00", "2026-01-02 09:00:00.123", NULL, TRADE_REFUNDED},
        {"TRADE_SUCCESS", NULL, "2026-01-02 09:00:00.123", NULL, TRADE_REFUNDED},
        {"TRADE_SUCCESS", "much", NULL, NULL, TRADE_REFUNDED},
        {"TRADE_FINISHED", NULL, NULL, "2026-01-01 10:34:58", TRADE_PAID},
        {"TRADE_FINISHED", "3.00", NULL, "2026-01-01 10:34:58", TRADE_REFUNDED},
        {"TRADE_CLOSED", NULL, NULL, NULL, TRADE_CLOSED},
        {"TRADE_CLOSED", "0.00", NULL, NULL, TRADE_CLOSED},
        {"TRADE_CLOSED", "9.90", NULL, NULL, TRADE_REFUNDED},
        {"TRADE_CLOSED", NULL, "2026-01-02 09:00:00.123", NULL, TRADE_REFUNDED},
        {"TRADE_CLOSED", NULL, NULL, "2026-01-01 10:34:58", TRADE_REFUNDED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct trade t;
        struct alipay_trade_fields f = {.trade_status = rows[i].status,
                                        .refund_fee = rows[i].refund_fee,
                                        .gmt_refund = rows[i].gmt_refund,
                                        .paid_at = rows[i].paid_at};
        cr_assert_eq(read_fields(f, &t), NOTIFY_ACCEPTED, "row %zu", i);
        cr_assert_eq(t.state, rows[i].state, "row %zu", i);
    }
}

Test(alipay_trade, an_amount_is_read_by_its_digits_or_not_at_all)
{
    static const struct {
        const char *text;
        int64_t fen;
    } rows[] = {{"9.90", 990},
                {"0.29", 29},
                {"1.15", 115},
                {"9.9", 990},
                {"9", 900},
                {"100000000.00", INT64_C(10000000000)},
                {"0.00", 0},
                {"92233720368547758.07", INT64_MAX},
                {"92233720368547758.08", -1},
                {"9.9e0", -1},
                {" 9.90", -1},
                {"9.90 ", -1},
                {"+9.90", -1},
                {"-9.90", -1},
                {"9.900", -1},
                {"9.", -1},
                {".90", -1},
                {"9,90", -1},
                {"0x9", -1},
                {"９.９０", -1},
                {"", -1},
                {NULL, -1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct trade t;
        struct alipay_trade_fields f = {.total_amount = rows[i].text};
        cr_assert_eq(read_fields(f, &t), NOTIFY_ACCEPTED);
        cr_assert_eq(t.amount_fen, rows[i].fen, "%s", rows[i].text);
    }
}

Test(alipay_trade, a_time_that_is_none_is_zero)
{
    static const char *const bad[] = {NULL, "", "2026-02-30 10:00:00", "2026-01-01T10:34:58Z", "x"};
    struct trade t;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert_eq(read_fields((struct alipay_trade_fields){.paid_at = bad[i]}, &t),
                     NOTIFY_ACCEPTED);
        cr_assert_eq(t.success_us, 0);
    }
}

Test(alipay_trade, identifiers_are_visible_ascii)
{
    struct trade t;
    char long_id[130];
    memset(long_id, '1', 128);
    long_id[128] = '\0';
    cr_assert_eq(read_fields((struct alipay_trade_fields){.buyer_open_id = long_id}, &t),
                 NOTIFY_ACCEPTED);
    long_id[128] = '1';
    long_id[129] = '\0';
    static const char *const bad[] = {"1 2", "1\n", "\x7f", "证", " "};
    for (size_t i = 0; i <= sizeof bad / sizeof *bad; i++) {
        const char *id = i < sizeof bad / sizeof *bad ? bad[i] : long_id;
        const struct alipay_trade_fields rows[] = {{.out_trade_no = id}, {.trade_no = id},
                                                   {.buyer_id = id},     {.buyer_open_id = id},
                                                   {.seller_id = id},    {.app_id = id}};
        for (size_t j = 0; j < sizeof rows / sizeof *rows; j++)
            cr_assert_eq(read_fields(rows[j], &t), NOTIFY_FORMAT, "%s", id);
    }
}

Test(alipay_trade, a_paid_trade_has_both_numbers)
{
    struct trade t;
    cr_assert_eq(read_fields((struct alipay_trade_fields){.out_trade_no = ""}, &t), NOTIFY_FORMAT);
    cr_assert_eq(read_fields((struct alipay_trade_fields){.trade_no = ""}, &t), NOTIFY_FORMAT);
    struct alipay_trade_fields closed = {.trade_no = "", .trade_status = "TRADE_CLOSED"};
    cr_assert_eq(read_fields(closed, &t), NOTIFY_ACCEPTED);
    closed.refund_fee = "1";
    cr_assert_eq(read_fields(closed, &t), NOTIFY_FORMAT);
}
