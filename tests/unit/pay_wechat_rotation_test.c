/* SPDX-License-Identifier: MIT */
/* Lists of platform certificates as they come: who vouches for the first, how long each is good,
 * and whom requests ask to sign. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "key_pair.h"
#include "pay/wechat_parts.h"
#include "platform_list.h"

#define NOW_US INT64_C(1796097600000000) /* 2026-12-01T04:00:00Z */

static struct arena *a;
static struct key_pair ours, first, second;
static struct wechat *w;

static void set_up(void)
{
    char why[256] = "";
    a = arena_new();
    ours = key_pair_named("merchant");
    first = key_pair_named("platform");
    second = key_pair_named("wechatpay");
    const struct wechat_options options = merchant_without_keys(&ours, a);
    cr_assert_eq(wechat_open(&options, &w, why, sizeof why), OK, "%s", why);
}

static void tear_down(void)
{
    wechat_close(w);
    key_pair_free(&ours);
    key_pair_free(&first);
    key_pair_free(&second);
    arena_free(a);
}

TestSuite(wechat_rotation, .init = set_up, .fini = tear_down);

/* Certificate number `serial` of the key. */
static const char *entry(const struct key_pair *k, long serial, const char *named,
                         const char *effective, const char *expire)
{
    return platform_entry(k, serial, named, effective, expire, a);
}

static enum status take(const char *entries, const struct key_pair *signer, const char *serial,
                        int64_t now_us, int *added)
{
    const char *body = arena_printf(a, "{\"data\":[%s]}", entries);
    const char *timestamp = wechat_timestamp(a, now_us);
    const char *text = arena_printf(a, "%s\nnonce\n%s\n", timestamp, body);
    const struct wechat_headers headers = {timestamp, "nonce",
                                           evp_sign(signer, text, strlen(text), a), serial, NULL};
    return wechat_take_certificates(w, &headers, body, strlen(body), now_us, a, added);
}

static const char *asked_of(int64_t now_us)
{
    struct wechat_request request;
    cr_assert_eq(wechat_certificates_request(w, now_us, a, &request), OK);
    return request.wechatpay_serial;
}

#define OLD "2024-01-01T00:00:00+08:00", "2027-01-01T00:00:00+08:00"
#define NEW "2026-11-01T00:00:00+08:00", "2031-11-01T00:00:00+08:00"
#define OUT "2021-01-01T00:00:00+08:00", "2026-01-01T00:00:00+08:00"

Test(wechat_rotation, the_first_list_is_vouched_for_by_one_of_its_own)
{
    int added = -1;
    cr_assert_null(asked_of(NOW_US));
    cr_assert_eq(wechat_keys_end_us(w), 0);
    cr_assert_eq(take(entry(&first, 0x11, "11", OLD), &first, "11", NOW_US, &added), OK);
    cr_assert_eq(added, 1);
    cr_assert_not_null(wechat_find_key(w, "11", NOW_US));
    cr_assert_str_eq(asked_of(NOW_US), "11");
}

Test(wechat_rotation, a_list_that_is_signed_by_another_is_nothing)
{
    int added = -1;
    const char *list = entry(&first, 0x11, "11", OLD);
    cr_assert_eq(take(list, &second, "11", NOW_US, &added), DENIED);
    cr_assert_eq(take(list, &first, "12", NOW_US, &added), DENIED, "a name that is not listed");
    cr_assert_eq(take(entry(&first, 0x11, "11", OUT), &first, "11", NOW_US, &added), DENIED,
                 "one that is over vouches for nothing");
    cr_assert_eq(take(entry(&first, 0x11, "12", OLD), &first, "12", NOW_US, &added), DENIED,
                 "nor one under another's name");
    cr_assert_eq(added, -1);
    cr_assert_null(wechat_find_key(w, "11", NOW_US));
    cr_assert_eq(take("{}", &first, "11", NOW_US, &added), INVALID);
}

Test(wechat_rotation, old_and_new_go_on_side_by_side_until_the_old_one_ends)
{
    int added = 0;
    int64_t end_us;
    cr_assert_eq(time_parse("2027-01-01T00:00:00+08:00", &end_us), OK);
    cr_assert_eq(take(entry(&first, 0x11, "11", OLD), &first, "11", NOW_US, &added), OK);
    cr_assert_eq(wechat_keys_end_us(w), end_us);
    const char *both =
        arena_printf(a, "%s,%s", entry(&first, 0x11, "11", OLD), entry(&second, 0x22, "22", NEW));
    cr_assert_eq(take(both, &first, "11", NOW_US, &added), OK);
    cr_assert_eq(added, 1);
    cr_assert_eq(take(entry(&second, 0x22, "22", NEW), &second, "22", NOW_US, &added), OK);
    cr_assert_eq(added, 0, "what is no longer listed stays");
    cr_assert(wechat_find_key(w, "11", NOW_US) && wechat_find_key(w, "22", NOW_US));
    cr_assert_str_eq(asked_of(NOW_US), "22");
    cr_assert_not_null(wechat_find_key(w, "11", end_us - 1));
    cr_assert_null(wechat_find_key(w, "11", end_us));
    cr_assert_not_null(wechat_find_key(w, "22", end_us));
}

Test(wechat_rotation, what_is_over_already_is_not_taken)
{
    int added = 0;
    const char *both =
        arena_printf(a, "%s,%s", entry(&first, 0x11, "11", OLD), entry(&second, 0x22, "22", OUT));
    cr_assert_eq(take(both, &first, "11", NOW_US, &added), OK);
    cr_assert_eq(added, 1);
    cr_assert_null(wechat_find_key(w, "22", NOW_US));
}

Test(wechat_rotation, our_own_serial_in_the_list_is_noticed)
{
    int added = 0;
    cr_assert_eq(take(entry(&first, 0x11, "11", OLD), &first, "11", NOW_US, &added), OK);
    cr_assert_not(wechat_serial_is_mixed_up(w));
    free(w->merchant_serial);
    w->merchant_serial = strdup("11");
    cr_assert(wechat_serial_is_mixed_up(w));
}

/* ---- at the start ---- */

static const char *refusal_of(const char *cert, const char *serial, const char *public_key)
{
    static char why[256];
    struct wechat *opened = NULL;
    struct wechat_options options = merchant_without_keys(&ours, a);
    options.merchant_serial = serial;
    options.merchant_cert_file = cert ? file_with(cert, a) : NULL;
    options.public_key_id = public_key ? "PUB_KEY_ID_01" : NULL;
    options.public_key_file = public_key ? file_with(public_key, a) : NULL;
    if (wechat_open(&options, &opened, why, sizeof why) != OK)
        return why;
    wechat_close(opened);
    return "";
}

Test(wechat_rotation, a_merchant_certificate_must_be_of_the_key_and_the_serial)
{
    const char *own = self_signed(&ours, "Tenpay", "merchant", 0xAB01, a);
    cr_assert_str_empty(refusal_of(own, "AB01", NULL));
    cr_assert(strstr(refusal_of(own, "AB02", NULL), "merchant_serial"));
    cr_assert(strstr(refusal_of(self_signed(&first, "Tenpay", "merchant", 0xAB01, a), "AB01", NULL),
                     "merchant_key_file"));
    cr_assert(strstr(refusal_of(ours.public_pem, "AB01", NULL), "merchant_cert_file"));
}

Test(wechat_rotation, a_certificate_is_not_taken_for_the_public_key)
{
    cr_assert_str_empty(refusal_of(NULL, "AB01", first.public_pem));
    cr_assert(strstr(refusal_of(NULL, "AB01", self_signed(&first, "Tenpay", "platform", 1, a)),
                     "is a certificate"));
}
