/* SPDX-License-Identifier: MIT */
/* A sale whose money goes back, and what a provider says of it, for the tests of the suite
 * "refund". */
#ifndef IDPHOTOD_TESTS_DATABASE_REFUND_FIXTURE_H
#define IDPHOTOD_TESTS_DATABASE_REFUND_FIXTURE_H

#include "fixture.h"
#include "store/refund.h"

/* Of the running test. */
extern struct sale {
    int64_t account;
    struct uuid photo, order_id, operator_id;
} sale;

/* A paid order of that kind. */
void sale_begin(const char *kind);
/* A success that came after its order was cancelled. */
struct trade sale_pay_late(void);
/* The ledger's latest payment. */
struct uuid sale_entry(void);
/* A query of one uuid. */
struct uuid uuid_of_sql(const char *sql);

/* How many refunds were made by rule. */
int refunds_made_by_rule(void);
/* The one that is due. */
struct refund refund_take(int64_t at_us);
/* The latest's. */
const char *refund_state(void);
struct refund_word refund_word_of(const struct refund *r);
void refund_finishes(const struct refund *r, enum refund_heard as);
void refund_fails(const struct refund *r, const char *code, enum refund_heard as);
void refund_accepts(const struct refund *r, enum refund_heard as);

#endif
