/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/ids.h"

static int64_t parsed(const char *text)
{
    int64_t at_us = -1;
    cr_assert_eq(time_parse(text, &at_us), OK, "%s", text);
    return at_us;
}

Test(clock, rfc3339_times_of_any_offset_name_one_instant)
{
    /* RFC 3339 section 5.8: these two denote the same instant */
    cr_assert_eq(parsed("1996-12-19T16:39:57-08:00"), parsed("1996-12-20T00:39:57Z"));
    cr_assert_eq(parsed("1970-01-01T08:00:00+08:00"), 0);
    cr_assert_eq(parsed("1970-01-01T00:00:00.5Z"), 500000);
}

Test(clock, impossible_and_sloppy_times_are_refused)
{
    static const char *const bad[] = {"",
                                      "2026-02-30T00:00:00Z",
                                      "2026-13-01T00:00:00Z",
                                      "2026-01-01T24:00:00Z",
                                      "2026-01-01 00:00:00Z",
                                      "2026-01-01T00:00:00",
                                      "2026-01-01T00:00:00+8:00",
                                      "2026-01-01T00:00:00.Z",
                                      "2026-1-01T00:00:00Z",
                                      "2026-01-01T00:00:00Zx",
                                      "2026-01-01T00:00:60Z"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t untouched = 42;
        cr_assert_eq(time_parse(bad[i], &untouched), INVALID, "%s", bad[i]);
        cr_assert_eq(untouched, 42);
    }
}

Test(clock, a_day_begins_at_midnight_in_shanghai)
{
    int32_t day;
    cr_assert_eq(day_parse("2026-11-23", &day), OK);
    cr_assert_eq(day_start_us(day), parsed("2026-11-22T16:00:00Z"));
    cr_assert_eq(day_of(parsed("2026-11-22T15:59:59Z")), day - 1);
    cr_assert_eq(day_of(parsed("2026-11-22T16:00:00Z")), day);
    char text[DAY_TEXT_BYTES];
    cr_assert_str_eq(day_format(day, text), "2026-11-23");
}

Test(clock, provider_times_are_written_in_shanghai_time)
{
    char text[TIME_TEXT_BYTES];
    int64_t at_us;
    cr_assert_str_eq(time_format_cn(parsed("2026-11-23T02:30:00Z"), text),
                     "2026-11-23T10:30:00+08:00");
    cr_assert_eq(time_parse_cn_plain("2026-11-23 10:30:00", &at_us), OK);
    cr_assert_eq(at_us, parsed("2026-11-23T02:30:00Z"));
}

Test(ids, a_public_id_comes_back_as_the_same_uuid)
{
    for (int i = 0; i < 1000; i++) {
        struct uuid id = uuid_new(), back;
        char text[PUBLIC_ID_BYTES];
        public_id_format("ord_", &id, text);
        cr_assert_eq(public_id_parse("ord_", text, &back), OK);
        cr_assert_arr_eq(id.bytes, back.bytes, sizeof id.bytes);
        cr_assert_eq(public_id_parse("pay_", text, &back), INVALID);
    }
}

Test(ids, texts_that_are_no_id_are_refused)
{
    struct uuid id;
    cr_assert_eq(public_id_parse("ord_", "ord_", &id), INVALID);
    cr_assert_eq(public_id_parse("ord_", "ord_zzzzzzzzzzzzzzzzzzzzzz", &id), INVALID); /* > 2^128 */
    cr_assert_eq(public_id_parse("ord_", "ord_000000000000000000000!", &id), INVALID);
    cr_assert_eq(public_id_parse("ord_", "ord_00000000000000000000000", &id), INVALID);
}

Test(ids, random_texts_have_the_asked_length_and_differ)
{
    for (size_t n = 1; n <= 200; n++) {
        char text[201], other[201];
        memset(text, '#', sizeof text);
        cr_assert_eq(random_base62(text, n), text);
        cr_assert_eq(strlen(text), n - 1);
        random_base62(other, n);
        cr_assert(n < 12 || strcmp(text, other) != 0);
    }
}

Test(ids, no_character_of_a_random_text_is_likelier_than_another)
{
    enum { CHARACTERS = 62000, KINDS = 62, FREEDOM = KINDS - 1 };
    static char text[CHARACTERS + 1];
    int counts[128] = {0}, kinds = 0;
    double chi_square = 0;
    random_base62(text, sizeof text);
    for (size_t i = 0; i < CHARACTERS; i++)
        counts[text[i] & 127]++;
    for (int c = 0; c < 128; c++) {
        double off = counts[c] - CHARACTERS / KINDS;
        bool alphanumeric =
            (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        cr_assert(alphanumeric || counts[c] == 0, "character %d", c);
        kinds += counts[c] > 0;
        chi_square += alphanumeric ? off * off / (CHARACTERS / KINDS) : 0;
    }
    cr_assert_eq(kinds, KINDS);
    /* mean 61, deviation 11: 150 comes once in some hundred million runs; a byte modulo 62 gives
     * about 400 */
    cr_assert_lt(chi_square, 150.0, "chi-square %f of %d degrees", chi_square, FREEDOM);
}

Test(ids, uuids_carry_version_and_variant_of_rfc_9562)
{
    struct uuid id = uuid_new();
    cr_assert_eq(id.bytes[6] >> 4, 7);
    cr_assert_eq(id.bytes[8] >> 6, 2);
}

static int released[3];
static int n_released;
static void note_release(void *object)
{
    released[n_released++] = *(int *)object;
}

Test(arena, deferred_releases_run_last_first)
{
    struct arena *a = arena_new();
    static int one = 1, two = 2;
    arena_defer(a, note_release, &one);
    arena_defer(a, note_release, &two);
    arena_free(a);
    cr_assert_eq(n_released, 2);
    cr_assert_eq(released[0], 2);
    cr_assert_eq(released[1], 1);
}
