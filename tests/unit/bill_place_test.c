/* SPDX-License-Identifier: MIT */
/* Where a bill's file may be fetched, and what gzip may make of it. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "jobs/bill_place.h"
#include "pay/bill_unpack.h"

#define GATEWAY "https://openapi.alipay.com/gateway.do"

static const char *place_of(struct arena *a, const char *url, const char *base)
{
    const char *allowed = "denied";
    enum status s = bill_place_check(url, base, bill_hosts_alipay, a, &allowed);
    cr_assert_eq(s == OK, strcmp(allowed, "denied") != 0);
    return allowed;
}

Test(bill_place, the_providers_own_hosts_are_called_by_https_alone)
{
    struct arena *a = arena_new();
    cr_assert_str_eq(place_of(a, "https://dwbillcenter.alipay.com/d.resource?x=1", GATEWAY),
                     "https://dwbillcenter.alipay.com/d.resource?x=1");
    cr_assert_str_eq(place_of(a, "http://dwbillcenter.alipay.com/d.resource?x=1", GATEWAY),
                     "https://dwbillcenter.alipay.com/d.resource?x=1");
    cr_assert_str_eq(place_of(a, "https://openapi.alipay.com/bill?token=1", GATEWAY),
                     "https://openapi.alipay.com/bill?token=1");
    cr_assert_str_eq(place_of(a, "http://127.0.0.1:99/b?t", "http://127.0.0.1:99/gateway.do"),
                     "http://127.0.0.1:99/b?t");
    arena_free(a);
}

Test(bill_place, every_other_address_is_refused)
{
    static const char *const foreign[] = {
        "https://bills.example.com/d",
        "https://dwbillcenter.alipay.com.example.com/d",
        "https://evil-dwbillcenter.alipay.com/d",
        "https://dwbillcenter.alipay.com@example.com/d",
        "https://user:word@dwbillcenter.alipay.com/d",
        "https://dwbillcenter.alipay.com:8443/d",
        "http://dwbillcenter.alipay.com:443/d",
        "http://openapi.alipay.com/d",
        "ftp://dwbillcenter.alipay.com/d",
        "file:///etc/passwd",
        "https://dwbillcenter.alipay.com/d#x",
        "https://dwbillcenter.alipay.com",
        "https://127.0.0.1/d",
        "http://127.0.0.1:99/d",
        "dwbillcenter.alipay.com/d",
        "//dwbillcenter.alipay.com/d",
        "",
    };
    struct arena *a = arena_new();
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        cr_assert_str_eq(place_of(a, foreign[i], GATEWAY), "denied", "%s", foreign[i]);
    arena_free(a);
}

/* ---- gzip ---- */

static struct buf gzip_of(size_t n)
{
    struct buf out = {0};
    Bytef *plain = calloc(1, n);
    z_stream z = {.next_in = plain, .avail_in = (uInt)n};
    cr_assert_eq(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t room = deflateBound(&z, n);
    buf_reserve(&out, room);
    z.next_out = out.bytes;
    z.avail_out = (uInt)room;
    cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    out.size = room - z.avail_out;
    deflateEnd(&z);
    free(plain);
    return out;
}

Test(bill_gunzip, a_file_comes_out_whole_and_a_cut_one_not)
{
    struct buf packed = gzip_of(300000), out = {0};
    cr_assert_eq(bill_gunzip(packed.bytes, packed.size, 300000, &out), OK);
    cr_assert_eq(out.size, 300000);
    buf_free(&out);
    for (size_t cut = 2; cut < packed.size; cut += 7) {
        cr_assert_eq(bill_gunzip(packed.bytes, cut, 300000, &out), INVALID, "at %zu", cut);
        buf_free(&out);
    }
    buf_add(&packed, "more", 4);
    cr_assert_eq(bill_gunzip(packed.bytes, packed.size, 300000, &out), INVALID);
    buf_free(&out);
    buf_free(&packed);
}

Test(bill_gunzip, what_bursts_is_stopped_at_the_limit)
{
    struct buf packed = gzip_of(1 << 24), out = {0};
    cr_assert_lt(packed.size, 1 << 16);
    cr_assert_eq(bill_gunzip(packed.bytes, packed.size, 1 << 20, &out), TOO_LARGE);
    cr_assert_leq(out.size, 1 << 20);
    buf_free(&out);
    buf_free(&packed);
}

Test(bill_gunzip, a_file_that_was_not_packed_is_taken_as_it_is)
{
    struct buf out = {0};
    cr_assert_eq(bill_gunzip("\xEF\xBB\xBF,", 4, 100, &out), OK);
    cr_assert_eq(out.size, 4);
    cr_assert_eq(bill_gunzip("12345", 5, 4, &out), TOO_LARGE);
    buf_free(&out);
}
