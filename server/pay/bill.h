/* SPDX-License-Identifier: MIT */
/*
 * A line of a provider's daily bill, as both providers' files come to be read.
 *
 * Only what reconciliation compares: numbers, amounts, times, states. Who paid,
 * and for what, is in the files too and is not taken over. Texts lie in the
 * arena of the parser.
 */
#ifndef IDPHOTOD_PAY_BILL_H
#define IDPHOTOD_PAY_BILL_H

#include <stdbool.h>
#include <stdint.h>

struct bill_line {
    bool refund; /* of a payment that may lie on another day */
    const char *transaction_id, *out_trade_no;
    const char *out_refund_no, *refund_state; /* NULL unless refund; "SUCCESS": given back */
    const char *currency;
    int64_t amount_fen; /* the order's total, or what was asked back; never negative */
    int64_t at_us;
};

/* Limits of a bill's file, packed and unpacked. */
#define BILL_PACKED_MAX   (INT64_C(64) << 20)
#define BILL_UNPACKED_MAX (INT64_C(512) << 20)

#endif
