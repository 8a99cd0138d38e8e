/* SPDX-License-Identifier: MIT */
/*
 * The providers' daily bills beside the ledger: which are due, what comparing
 * them came to. One thread per struct store.
 */
#ifndef IDPHOTOD_STORE_RECONCILIATION_H
#define IDPHOTOD_STORE_RECONCILIATION_H

#include "pay/bill.h"
#include "store/store.h"

/* One merchant's bill of one Asia/Shanghai day. */
struct bill_name {
    int32_t day;
    const char *channel, *merchant;
};

struct bill_due {
    struct bill_name name;
    int64_t empty_us; /* when the provider first said that it has none; 0: it has not */
};
/* Bills of the merchants (arrays of n) and the days from..to that were never compared, or are to be
 * compared again by now (all: again in any case), oldest first. Days before the first payment
 * through a merchant have none. */
enum status bill_list_due(struct store *st, struct arena *a, const char *const *channels,
                          const char *const *merchants, size_t n, int32_t from, int32_t to,
                          int64_t now_us, bool all, struct bill_due **out, size_t *count) MUST_USE;

/* Notes a try that brought no bill; outcome is a short static text. `empty`: the provider says that
 * there is none. It is tried again in 15 minutes, then ever later, up to 6 hours. */
enum status bill_note_failure(struct store *st, struct arena *a, const struct bill_name *name,
                              const char *outcome, bool empty, int64_t now_us) MUST_USE;

struct bill_figures {
    int64_t here_payments, here_payments_fen, here_refunds, here_refunds_fen;
    int64_t there_payments, there_payments_fen, there_refunds, there_refunds_fen;
    int64_t matched, different, only_here, only_there, other_day, under_way, awaiting;
};
/* Compares the lines with the ledger, and keeps figures and differences in place of former ones:
 * one transaction. What matches is only counted. With differences, or when the next day's bill must
 * tell of the last minutes, the day is compared again later, a dozen times at most. */
enum status bill_compare(struct store *st, struct arena *a, const struct bill_name *name,
                         const struct bill_line *lines, size_t n, int64_t now_us,
                         struct bill_figures *out) MUST_USE;

struct bill_day {
    struct bill_name name;
    int32_t tries;
    int64_t tried_us, next_us, compared_us; /* 0: none */
    const char *outcome;
    struct bill_figures figures;
};
struct bill_difference {
    struct bill_name name;
    const char *finding, *kind, *transaction_id, *out_trade_no, *out_refund_no, *there_state;
    bool is_here, is_there; /* whether the next have values */
    int64_t here_fen, there_fen, here_us, there_us;
};
/* Everything kept of that day, of all merchants. */
enum status bill_read_day(struct store *st, struct arena *a, int32_t day, struct bill_day **days,
                          size_t *n_days, struct bill_difference **differences,
                          size_t *n_differences) MUST_USE;

/* Deletes what is kept of days before that one. */
enum status bill_trim(struct store *st, struct arena *a, int32_t day) MUST_USE;

#endif
