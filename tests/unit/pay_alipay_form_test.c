/* SPDX-License-Identifier: MIT */
/* Alipay's forms: what is read, what is refused, and what is written. */
#include <criterion/criterion.h>
#include <curl/curl.h>
#include <string.h>

#include "base/buf.h"
#include "pay/alipay_form.h"

static enum status decode(const char *body, struct arena *a, struct alipay_params *out)
{
    return alipay_form_decode(body, strlen(body), a, out);
}

static void expect_refused(const char *body, size_t n)
{
    struct arena *a = arena_new();
    struct alipay_params untouched = {NULL, 42};
    cr_assert_eq(alipay_form_decode(body, n, a, &untouched), INVALID, "%s", body);
    cr_assert_eq(untouched.n, 42, "%s", body);
    arena_free(a);
}

Test(alipay_form, a_form_is_decoded_exactly_once)
{
    struct arena *a = arena_new();
    struct alipay_params form;
    cr_assert_eq(
        decode("sum=1%2B1&space=a+b%20c&twice=%252B&pair=x=y&none=&cn=%e8%AF%81", a, &form), OK);
    cr_assert_str_eq(alipay_param_get(&form, "sum"), "1+1");
    cr_assert_str_eq(alipay_param_get(&form, "space"), "a b c");
    cr_assert_str_eq(alipay_param_get(&form, "twice"), "%2B");
    cr_assert_str_eq(alipay_param_get(&form, "pair"), "x=y");
    cr_assert_str_eq(alipay_param_get(&form, "none"), "");
    cr_assert_str_eq(alipay_param_get(&form, "cn"), "证");
    cr_assert_null(alipay_param_get(&form, "absent"));
    arena_free(a);
}

Test(alipay_form, malformed_forms_are_refused)
{
    static const char *const bad[] = {
        "",      "&",     "a",       "=1",      "a=1&",    "&a=1",    "a=1&&b=2",   "a=1&b",
        "a=%",   "a=%4",  "a=%4&b=", "a=%zz",   "a=%4g",   "a=%g4",   "a=%%41",     "%=1",
        "a=% 1", "a=%+1", "a=%-1",   "a=%0x41", "a%3Db=1", "a%26b=1", "a%26c%3D2=1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_refused(bad[i], strlen(bad[i]));
}

Test(alipay_form, an_escape_ends_where_the_body_ends)
{
    expect_refused("a=%41", 4);
    expect_refused("a=%41", 3);
    expect_refused("%41=1", 2);
}

Test(alipay_form, nul_bytes_are_refused_escaped_and_raw)
{
    expect_refused("a=1%00", 6);
    expect_refused("a%00=1", 6);
    expect_refused("a=1\0", 4);
    expect_refused("a=\0001", 4);
}

Test(alipay_form, a_name_given_twice_is_refused_however_it_is_written)
{
    static const char *const bad[] = {"a=1&a=1", "a=1&b=2&a=3", "a=1&%61=2", "a+b=1&a%20b=1",
                                      "a=&a="};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_refused(bad[i], strlen(bad[i]));
}

Test(alipay_form, too_many_parameters_and_too_many_bytes_are_refused)
{
    struct arena *a = arena_new();
    struct alipay_params form;
    struct buf body = {0};
    for (int i = 0; i < ALIPAY_PARAMS_MAX; i++)
        buf_printf(&body, "%sk%d=1", i ? "&" : "", i);
    cr_assert_eq(alipay_form_decode(body.bytes, body.size, a, &form), OK);
    cr_assert_eq(form.n, ALIPAY_PARAMS_MAX);
    buf_add_str(&body, "&x=1");
    cr_assert_eq(alipay_form_decode(body.bytes, body.size, a, &form), TOO_LARGE);
    buf_free(&body);
    buf_add_str(&body, "a=");
    while (body.size < ALIPAY_FORM_MAX_BYTES)
        buf_add_str(&body, "x");
    cr_assert_eq(alipay_form_decode(body.bytes, body.size, a, &form), OK);
    buf_add_str(&body, "x");
    cr_assert_eq(alipay_form_decode(body.bytes, body.size, a, &form), TOO_LARGE);
    buf_free(&body);
    arena_free(a);
}

/* ASCII order as in RFC 20: digits, upper case, '_', lower case; then bytes above 0x7F. */
Test(alipay_form, names_are_sorted_by_their_bytes)
{
    static const char *const except[] = {"sign", NULL};
    struct arena *a = arena_new();
    struct alipay_params form;
    cr_assert_eq(decode("b=1&a_b=2&ab=3&A=4&_=5&9=6&%C3%A9=7&sign=8&ab0=9&a=&~=10", a, &form), OK);
    cr_assert_str_eq(alipay_params_join(&form, ALIPAY_EMPTY_DROPPED, except, a),
                     "9=6&A=4&_=5&a_b=2&ab=3&ab0=9&b=1&~=10&\xC3\xA9=7");
    cr_assert_str_eq(alipay_params_join(&form, ALIPAY_EMPTY_KEPT, NULL, a),
                     "9=6&A=4&_=5&a=&a_b=2&ab=3&ab0=9&b=1&sign=8&~=10&\xC3\xA9=7");
    arena_free(a);
}

Test(alipay_form, an_empty_list_joins_and_encodes_to_nothing)
{
    struct arena *a = arena_new();
    struct alipay_param one = {"a", ""};
    struct alipay_params none = {&one, 0}, empty = {&one, 1};
    cr_assert_str_eq(alipay_params_join(&none, ALIPAY_EMPTY_KEPT, NULL, a), "");
    cr_assert_str_eq(alipay_params_join(&empty, ALIPAY_EMPTY_DROPPED, NULL, a), "");
    cr_assert_str_eq(alipay_params_encode(&empty, a), "");
    arena_free(a);
}

/* libcurl encodes by RFC 3986 too. */
Test(alipay_form, every_byte_is_escaped_as_libcurl_escapes_it)
{
    char all[256];
    struct arena *a = arena_new();
    CURL *curl = curl_easy_init();
    for (int i = 0; i < 255; i++)
        all[i] = (char)(i + 1);
    all[255] = '\0';
    char *expected = curl_easy_escape(curl, all, 255);
    cr_assert_str_eq(alipay_escape(all, a), expected);
    curl_free(expected);
    curl_easy_cleanup(curl);
    arena_free(a);
}

Test(alipay_form, what_is_encoded_decodes_to_itself)
{
    struct arena *a = arena_new();
    struct alipay_param one = {"subject", "a+b c&d=e%f/中文😀\"<>'\\%2B"};
    struct alipay_params params = {&one, 1}, back;
    cr_assert_eq(decode(alipay_params_encode(&params, a), a, &back), OK);
    cr_assert_eq(back.n, 1);
    cr_assert_str_eq(back.at[0].value, one.value);
    arena_free(a);
}
