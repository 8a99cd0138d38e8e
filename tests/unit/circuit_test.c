/* SPDX-License-Identifier: MIT */
/* When a provider that does not answer is left alone, and when one call tries again. */
#include <criterion/criterion.h>

#include "jobs/circuit.h"

enum { MOST = 8 };

/* One call that goes as told; false: it was not let in. */
static bool call(struct circuit *c, enum circuit_word word, int64_t at_us)
{
    if (!circuit_enter(c, at_us, MOST))
        return false;
    circuit_leave(c, word, at_us);
    return true;
}

static struct circuit *opened_at(int64_t at_us)
{
    struct circuit *c = circuit_new("wechat");
    for (int i = 0; i < CIRCUIT_FAILURES; i++)
        cr_assert(call(c, CIRCUIT_SILENT, at_us));
    return c;
}

Test(circuit, it_opens_at_the_third_failure_in_a_row_and_not_before)
{
    struct circuit *c = circuit_new("wechat");
    int64_t at_us = HOUR_US;
    cr_expect(call(c, CIRCUIT_SILENT, at_us) && call(c, CIRCUIT_SILENT, at_us));
    cr_expect(call(c, CIRCUIT_ANSWERED, at_us), "an answer begins the count anew");
    cr_expect(call(c, CIRCUIT_SILENT, at_us) && call(c, CIRCUIT_SILENT, at_us));
    cr_expect(call(c, CIRCUIT_UNTRIED, at_us), "what was not tried is no answer and no failure");
    cr_expect(call(c, CIRCUIT_SILENT, at_us));
    cr_expect_not(call(c, CIRCUIT_ANSWERED, at_us));
    circuit_free(c);
}

Test(circuit, after_the_pause_one_call_tries_and_its_answer_closes)
{
    int64_t at_us = HOUR_US;
    struct circuit *c = opened_at(at_us);
    cr_expect_not(circuit_enter(c, at_us + 10 * SECOND_US - 1, MOST));
    cr_expect(circuit_enter(c, at_us + 10 * SECOND_US, MOST), "half open");
    cr_expect_not(circuit_enter(c, at_us + 10 * SECOND_US, MOST), "for one alone");
    circuit_leave(c, CIRCUIT_ANSWERED, at_us + 11 * SECOND_US);
    for (int i = 0; i < MOST; i++)
        cr_expect(circuit_enter(c, at_us + 11 * SECOND_US, MOST), "closed again");
    cr_expect_not(circuit_enter(c, at_us + 11 * SECOND_US, MOST), "no more than may be inside");
    for (int i = 0; i < MOST; i++)
        circuit_leave(c, CIRCUIT_ANSWERED, at_us + 11 * SECOND_US);
    circuit_free(c);
}

Test(circuit, the_pause_doubles_up_to_five_minutes)
{
    static const int pauses_s[] = {10, 20, 40, 80, 160, 300, 300};
    int64_t at_us = HOUR_US;
    struct circuit *c = opened_at(at_us);
    for (size_t i = 0; i < sizeof pauses_s / sizeof *pauses_s; i++) {
        cr_expect_not(call(c, CIRCUIT_SILENT, at_us + pauses_s[i] * SECOND_US - 1), "%d s",
                      pauses_s[i]);
        at_us += pauses_s[i] * SECOND_US;
        cr_expect(call(c, CIRCUIT_SILENT, at_us), "%d s", pauses_s[i]);
    }
    circuit_free(c);
}

/* They began before it opened. */
Test(circuit, calls_that_end_one_after_the_other_do_not_prolong_the_pause)
{
    int64_t at_us = HOUR_US;
    struct circuit *c = circuit_new("alipay");
    for (int i = 0; i < MOST; i++)
        cr_assert(circuit_enter(c, at_us, MOST));
    for (int i = 0; i < MOST; i++)
        circuit_leave(c, CIRCUIT_SILENT, at_us + i * SECOND_US);
    int64_t shut_us = at_us + (CIRCUIT_FAILURES - 1) * SECOND_US; /* by the third that ended */
    cr_expect_not(call(c, CIRCUIT_ANSWERED, shut_us + 10 * SECOND_US - 1));
    cr_expect(call(c, CIRCUIT_ANSWERED, shut_us + 10 * SECOND_US));
    circuit_free(c);
}

Test(circuit, where_there_is_none_everybody_passes)
{
    for (int i = 0; i < 2 * CIRCUIT_FAILURES; i++)
        cr_expect(call(NULL, CIRCUIT_SILENT, HOUR_US));
}
