/* SPDX-License-Identifier: MIT */
#include "bill.h"

#include "encoding.h"
#include "moment.h"
#include "sandbox.h"

#include <stdio.h>
#include <string.h>

enum { DAY_S = 86400, READY_S = DAY_S + 10 * 3600 };

bool bill_fault_parse(const char *name, enum bill_fault *fault)
{
    static const char *const names[] = {
        "right",    "missing-line", "extra-line",   "wrong-amount", "cut-file", "wrong-hash",
        "redirect", "bomb",         "foreign-host", "no-bill",      "creating", "silent"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], name) == 0) {
            *fault = (enum bill_fault)i;
            return true;
        }
    }
    return false;
}

bool bill_day(const char *text, int64_t *from_s)
{
    char moment[32];
    return strlen(text) == 10 && snprintf(moment, sizeof moment, "%s 00:00:00", text) == 19 &&
           moment_parse_gmt8(moment, from_s);
}

bool bill_is_ready(int64_t from_s)
{
    return moment_now_s() >= from_s + READY_S;
}

static bool is_within(const struct bill *bill, int64_t at_s)
{
    return at_s >= bill->from_s && at_s < bill->until_s;
}

static void add_payments(struct sandbox *s, struct pool *pool, enum channel channel,
                         struct bill *bill)
{
    size_t n;
    struct trade *list = trades_list(s->trades, pool, &n);
    bill->rows = pool_alloc(pool, (n + 1) * sizeof *bill->rows);
    for (size_t i = 0; i < n; i++)
        if (list[i].channel == channel && list[i].state == TRADE_PAID &&
            is_within(bill, list[i].paid_s))
            bill->rows[bill->n++] = (struct bill_row){.trade = list[i]};
}

static void add_refunds(struct sandbox *s, struct pool *pool, enum channel channel,
                        struct bill *bill)
{
    size_t n;
    struct refund *list = refunds_list(s->refunds, pool, &n);
    struct bill_row *rows = pool_alloc(pool, (bill->n + n + 1) * sizeof *rows);
    if (bill->n)
        memcpy(rows, bill->rows, bill->n * sizeof *rows);
    bill->rows = rows;
    for (size_t i = 0; i < n; i++) {
        struct bill_row row = {.refund = list[i]};
        if (list[i].channel == channel && list[i].state == REFUND_SUCCESS &&
            is_within(bill, list[i].done_s) &&
            trades_find(s->trades, channel, list[i].out_trade_no, &row.trade))
            rows[bill->n++] = row;
    }
}

static void spoil(struct pool *pool, struct bill *bill, enum bill_fault fault)
{
    if (bill->n == 0)
        return;
    struct bill_row *first = &bill->rows[0];
    if (fault == BILL_MISSING_LINE) {
        bill->n--;
        memmove(first, first + 1, bill->n * sizeof *first);
    } else if (fault == BILL_EXTRA_LINE) {
        struct bill_row *more = &bill->rows[bill->n++]; /* there is room for one */
        *more = *first;
        more->refund = (struct refund){0};
        more->trade.out_trade_no = pool_print(pool, "NOBODY%s", random_text(pool, DIGITS, 20));
        more->trade.transaction_id = pool_print(pool, "4200%s", random_text(pool, DIGITS, 24));
    } else if (fault == BILL_WRONG_AMOUNT) {
        first->trade.amount_fen += first->refund.out_refund_no == NULL;
        first->refund.amount_fen += first->refund.out_refund_no != NULL;
    }
}

struct bill bill_make(struct sandbox *s, struct pool *pool, enum channel channel, int64_t from_s,
                      enum bill_part part, enum bill_fault fault)
{
    struct bill bill = {.from_s = from_s, .until_s = from_s + DAY_S};
    if (part != BILL_REFUNDS)
        add_payments(s, pool, channel, &bill);
    if (part != BILL_PAYMENTS)
        add_refunds(s, pool, channel, &bill);
    spoil(pool, &bill, fault);
    return bill;
}

void bill_line(struct text *t, const char *before, const char *const *cells, const char *after)
{
    for (size_t i = 0; cells[i]; i++)
        text_print(t, "%s%s%s%s", i ? "," : "", before, cells[i], after);
    text_puts(t, "\r\n");
}
