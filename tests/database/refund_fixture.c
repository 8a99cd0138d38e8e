/* SPDX-License-Identifier: MIT */
#include "refund_fixture.h"

#include <stdio.h>
#include <string.h>

struct sale sale;

struct uuid uuid_of_sql(const char *sql)
{
    struct uuid id;
    const char *hex = sql_text("SELECT replace((%s)::text, '-', '')", sql);
    cr_assert_eq(strlen(hex), 32, "%s", sql);
    for (size_t i = 0; i < sizeof id.bytes; i++) {
        unsigned byte;
        cr_assert_eq(sscanf(hex + 2 * i, "%2x", &byte), 1);
        id.bytes[i] = (unsigned char)byte;
    }
    return id;
}

void sale_begin(const char *kind)
{
    sale.account = new_account();
    sale.photo = new_photo(sale.account);
    sale.order_id = new_paid_order(sale.account, kind, &sale.photo);
    sale.operator_id = uuid_new();
}

struct uuid sale_entry(void)
{
    return uuid_of_sql("SELECT entry_id FROM ledger_entry WHERE kind = 'payment'"
                       " ORDER BY recorded_at DESC, entry_id DESC LIMIT 1");
}

struct trade sale_pay_late(void)
{
    sale.account = new_account();
    sale.photo = new_photo(sale.account);
    sale.order_id = new_order(sale.account, "electronic", &sale.photo);
    struct payment p = new_payment(sale.account, &sale.order_id);
    is(order_cancel(&w.st, w.a, sale.account, &sale.order_id, w.now_us), OK);
    struct trade t = trade_of(&p, arena_printf(w.a, "T%s", p.out_trade_no));
    is(settle_at(&t, w.now_us).outcome, SETTLE_LATE);
    return t;
}

struct refund refund_take(int64_t at_us)
{
    struct refund r = {0};
    is(refund_take_due(&w.st, w.a, at_us, &r), OK);
    return r;
}

struct refund_word refund_word_of(const struct refund *r)
{
    return (struct refund_word){.channel = r->channel,
                                .merchant = r->merchant,
                                .out_refund_no = r->out_refund_no,
                                .transaction_id = r->transaction_id,
                                .refund_fen = r->refund_fen,
                                .done_us = w.now_us + SECOND_US,
                                .code = "CLOSED"};
}

void refund_finishes(const struct refund *r, enum refund_heard as)
{
    const struct refund_word word = refund_word_of(r);
    enum refund_heard heard;
    is(refund_finish(&w.st, w.a, &word, w.now_us + MINUTE_US, &heard), OK);
    is(heard, as);
}

void refund_fails(const struct refund *r, const char *code, enum refund_heard as)
{
    struct refund_word word = refund_word_of(r);
    enum refund_heard heard;
    word.code = code;
    is(refund_fail(&w.st, w.a, &word, w.now_us + MINUTE_US, &heard), OK);
    is(heard, as);
}

void refund_accepts(const struct refund *r, enum refund_heard as)
{
    const struct refund_word word = refund_word_of(r);
    enum refund_heard heard;
    is(refund_accept(&w.st, w.a, &word, w.now_us + HOUR_US, w.now_us, &heard), OK);
    is(heard, as);
}

const char *refund_state(void)
{
    return sql_text("SELECT state FROM refund ORDER BY seq DESC LIMIT 1");
}

int refunds_made_by_rule(void)
{
    int n = 0;
    for (bool made = true; made; n += made)
        is(refund_by_rule(&w.st, w.a, w.now_us, &made), OK);
    return n;
}
