/* SPDX-License-Identifier: MIT */
/* A clock that jumps must not destroy data. */
#include "vault_place.h"

#include <pthread.h>

#include "base/clock.h"
#include "vault/guard.h"

static struct place place;
static int64_t wall, boot; /* the clocks of the test, beginning at the real ones */

static void set_up(void)
{
    place = place_new();
    /* noon, so that no test crosses midnight unasked */
    clock_set_offset_us(day_start_us(day_of(clock_now_us())) + 12 * HOUR_US - clock_now_us());
    wall = clock_now_us();
    boot = clock_boot_us();
}

static void tear_down(void)
{
    place_remove(&place);
}

TestSuite(guard, .init = set_up, .fini = tear_down, .timeout = 30);

static struct guard *open_guard(bool day_by_day)
{
    struct guard *g = NULL;
    char why[256] = "";
    struct guard_options options = {
        .ratchet_file = place.ratchet, .max_step_days = 1, .step_day_by_day = day_by_day};
    cr_assert_eq(guard_open(&options, &g, why, sizeof why), OK, "%s", why);
    return g;
}

/* Time passes on both clocks. */
static void pass(int64_t us)
{
    wall += us;
    boot += us;
}

static enum status check(struct guard *g, int64_t *until)
{
    *until = -1;
    enum status s = guard_check(g, wall, boot, wall, until);
    if (s != OK)
        cr_assert_eq(*until, -1, "untouched on failure");
    return s;
}

static void allowed(struct guard *g)
{
    int64_t until;
    cr_assert_eq(check(g, &until), OK);
    cr_assert_eq(until, wall);
}

static void refused(struct guard *g)
{
    int64_t until;
    cr_assert_eq(check(g, &until), DENIED);
}

Test(guard, ordinary_days_pass)
{
    struct guard *g = open_guard(false);
    int32_t day = guard_day(g);
    cr_assert_eq(day, day_of(wall));
    for (int hour = 0; hour < 24 * 5; hour++) {
        allowed(g);
        pass(HOUR_US);
    }
    allowed(g);
    cr_assert_eq(guard_day(g), day + 5);
    guard_close(g);
}

Test(guard, a_jump_ahead_is_refused_until_an_operator_confirms_the_day)
{
    struct guard *g = open_guard(false);
    int32_t day = guard_day(g);
    allowed(g);
    wall += 8 * DAY_US; /* the boot clock does not follow */
    for (int i = 0; i < 5; i++)
        refused(g);
    cr_assert_eq(guard_day(g), day);
    cr_assert_eq(guard_confirm(place.ratchet, day + 7), OK);
    pass(DAY_US);
    refused(g); /* another day was confirmed, two days off */
    cr_assert_eq(guard_confirm(place.ratchet, day + 9), OK);
    allowed(g);
    cr_assert_eq(guard_day(g), day + 9);
    pass(DAY_US);
    allowed(g);
    guard_close(g);
}

Test(guard, a_confirmation_serves_once)
{
    struct guard *g = open_guard(false);
    int32_t day = guard_day(g);
    wall += 8 * DAY_US;
    cr_assert_eq(guard_confirm(place.ratchet, day + 8), OK);
    allowed(g);
    wall -= 8 * DAY_US;
    refused(g);
    guard_close(g);
    g = open_guard(false);
    cr_assert_eq(guard_day(g), day + 8);
    refused(g);
    guard_close(g);
}

Test(guard, a_confirmation_just_before_midnight_serves_just_after_it)
{
    struct guard *g = open_guard(false);
    int32_t day = guard_day(g);
    wall += 8 * DAY_US;
    cr_assert_eq(guard_confirm(place.ratchet, day + 8), OK);
    pass(DAY_US);
    allowed(g);
    cr_assert_eq(guard_day(g), day + 9);
    guard_close(g);
    /* and is used up: the clock may not go back to the day that was named */
    clock_set_offset_us(clock_offset_us() + 8 * DAY_US);
    g = open_guard(false);
    int64_t until, now = clock_now_us();
    cr_assert_eq(day_of(now), day + 8);
    cr_assert_eq(guard_check(g, now, clock_boot_us(), now, &until), DENIED);
    guard_close(g);
}

Test(guard, a_jump_of_a_single_day_is_refused_by_the_boot_clock)
{
    struct guard *g = open_guard(false);
    allowed(g);
    wall += DAY_US;
    refused(g);
    wall -= DAY_US;
    allowed(g);
    wall += 3 * MINUTE_US;
    refused(g);
    wall -= 2 * MINUTE_US; /* one minute is a clock being set right */
    allowed(g);
    guard_close(g);
}

Test(guard, a_refused_check_believes_nothing)
{
    struct guard *g = open_guard(false);
    int32_t day = guard_day(g);
    wall += DAY_US;
    refused(g);
    guard_close(g);
    g = open_guard(false);
    cr_assert_eq(guard_day(g), day);
    guard_close(g);
}

Test(guard, a_confirmation_is_also_a_word_on_the_boot_clock_for_every_process)
{
    struct guard *serve = open_guard(false), *tool = open_guard(false);
    wall += 3 * HOUR_US;
    refused(serve);
    refused(tool);
    cr_assert_eq(guard_confirm(place.ratchet, day_of(wall)), OK);
    allowed(tool);
    allowed(serve);
    wall += 3 * HOUR_US;
    refused(serve);
    guard_close(serve);
    guard_close(tool);
}

Test(guard, a_clock_that_runs_backwards_is_refused)
{
    struct guard *g = open_guard(false);
    allowed(g);
    pass(DAY_US);
    allowed(g);
    wall -= DAY_US;
    refused(g);
    guard_close(g);
    /* a fresh process has no elapsed time to compare with: the day still tells */
    g = open_guard(false);
    int64_t until;
    int64_t now = clock_now_us();
    cr_assert_eq(guard_check(g, now, clock_boot_us(), now, &until), DENIED);
    cr_assert_eq(guard_confirm(place.ratchet, day_of(now)), OK);
    cr_assert_eq(guard_check(g, now, clock_boot_us(), now, &until), OK);
    cr_assert_eq(guard_day(g), day_of(now));
    guard_close(g);
}

Test(guard, a_second_of_correction_over_midnight_is_no_jump)
{
    struct guard *g = open_guard(false);
    int32_t day = guard_day(g);
    pass(day_start_us(day + 1) - wall);
    allowed(g);
    wall -= SECOND_US;
    allowed(g);
    cr_assert_eq(guard_day(g), day + 1, "the day stays believed");
    guard_close(g);
}

Test(guard, a_database_clock_that_disagrees_is_refused)
{
    struct guard *g = open_guard(false);
    int64_t until = -1;
    static const int64_t off[] = {3 * MINUTE_US, -3 * MINUTE_US, DAY_US, -DAY_US};
    for (size_t i = 0; i < sizeof off / sizeof *off; i++)
        cr_assert_eq(guard_check(g, wall, boot, wall + off[i], &until), DENIED);
    cr_assert_eq(guard_check(g, wall, boot, INT64_MIN, &until), DENIED);
    cr_assert_eq(guard_check(g, wall, boot, INT64_MAX, &until), DENIED);
    cr_assert_eq(until, -1);
    cr_assert_eq(guard_check(g, wall, boot, wall + MINUTE_US, &until), OK);
    cr_assert_eq(guard_confirm(place.ratchet, day_of(wall)), OK);
    cr_assert_eq(guard_check(g, wall, boot, wall + DAY_US, &until), DENIED,
                 "no confirmation helps against the database");
    guard_close(g);
}

Test(guard, a_jump_across_a_restart_is_seen)
{
    struct guard *g = open_guard(false);
    int32_t day = guard_day(g);
    allowed(g);
    guard_close(g);
    clock_set_offset_us(clock_offset_us() + 8 * DAY_US);
    g = open_guard(false);
    cr_assert_eq(guard_day(g), day);
    int64_t until, now = clock_now_us();
    cr_assert_eq(guard_check(g, now, clock_boot_us(), now, &until), DENIED);
    cr_assert_eq(guard_confirm(place.ratchet, day + 8), OK);
    cr_assert_eq(guard_check(g, now, clock_boot_us(), now, &until), OK);
    cr_assert_eq(guard_day(g), day + 8);
    guard_close(g);
}

Test(guard, a_night_of_downtime_needs_nobody)
{
    struct guard *g = open_guard(false);
    allowed(g);
    guard_close(g);
    clock_set_offset_us(clock_offset_us() + DAY_US);
    g = open_guard(false);
    int64_t until, now = clock_now_us();
    cr_assert_eq(guard_check(g, now, clock_boot_us(), now, &until), OK);
    guard_close(g);
}

Test(guard, a_test_clock_is_walked_one_day_a_call)
{
    struct guard *g = open_guard(true);
    int32_t day = guard_day(g);
    int64_t until;
    wall += 8 * DAY_US;
    for (int32_t d = day + 1; d < day + 8; d++) {
        cr_assert_eq(check(g, &until), OK);
        cr_assert_eq(guard_day(g), d);
        cr_assert_eq(until, day_start_us(d + 1) - 1);
        cr_assert_lt(until, wall);
    }
    allowed(g);
    cr_assert_eq(guard_day(g), day + 8);
    wall -= 4 * DAY_US;
    refused(g);
    cr_assert_eq(guard_check(g, wall, boot, wall + DAY_US, &until), DENIED);
    guard_close(g);
}

Test(guard, what_one_process_believes_the_others_believe)
{
    struct guard *a = open_guard(false), *b = open_guard(false);
    for (int i = 0; i < 3; i++) {
        pass(DAY_US);
        allowed(a);
    }
    allowed(b); /* b looked last three days ago, but a did the steps */
    cr_assert_eq(guard_day(b), guard_day(a));
    guard_close(a);
    guard_close(b);
}

Test(guard, without_its_file_nothing_moves)
{
    struct guard *g = open_guard(false), *again = NULL;
    char file[256], why[256] = "";
    int64_t until = -1;
    snprintf(file, sizeof file, "%s.guard", place.ratchet);
    allowed(g);
    static const char *const damaged[] = {
        "",
        "believed\n",
        "believed 2026-11-23\n",
        "believed 2026-02-30\nconfirmed -\nconfirmations 0\n",
        "believed 2026-11-23\nconfirmed -\nconfirmations 0\nmore\n",
        "believed 2026-11-23\nconfirmed x\nconfirmations 0\n",
        "believed 2026-11-23\nconfirmed -\nconfirmations 0"};
    struct guard_options options = {.ratchet_file = place.ratchet, .max_step_days = 1};
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        file_write(file, damaged[i], strlen(damaged[i]), 0600);
        cr_assert_eq(guard_check(g, wall, boot, wall, &until), UNAVAILABLE, "%zu", i);
        cr_assert_eq(guard_open(&options, &again, why, sizeof why), INVALID, "%zu", i);
        cr_assert(strstr(why, file));
    }
    cr_assert_eq(unlink(file), 0);
    cr_assert_eq(guard_check(g, wall, boot, wall, &until), UNAVAILABLE);
    cr_assert_eq(guard_confirm(place.ratchet, day_of(wall)), OK);
    allowed(g);
    guard_close(g);
}

static void *check_often(void *guard)
{
    for (int i = 0; i < 20; i++) {
        int64_t until;
        cr_assert_eq(guard_check(guard, wall, boot, wall, &until), OK);
        cr_assert_eq(guard_day(guard), day_of(wall));
    }
    return NULL;
}

Test(guard, threads_may_ask_together)
{
    struct guard *g = open_guard(false);
    pthread_t threads[4];
    allowed(g);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, check_often, g), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    guard_close(g);
}
