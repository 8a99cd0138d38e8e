/* SPDX-License-Identifier: MIT */
/*
 * Batches of paid print orders: made once, read as often as needed, then said
 * to be printed.
 *
 * An order belongs to one batch at most. What was erased, is over or was
 * closed meanwhile is no longer printed: the first two are gone from the
 * batch, the third still shows in it, as closed. One thread per struct store.
 */
#ifndef IDPHOTOD_STORE_PRINT_BATCH_H
#define IDPHOTOD_STORE_PRINT_BATCH_H

#include "store/store.h"

enum { PRINT_BATCH_MOST = 500 };

struct print_batch_order {
    int64_t account_id;
    struct uuid order_id;
    const char *state, *close_reason; /* the second NULL unless closed */
};

struct print_batch {
    struct uuid batch_id;
    int32_t made_of; /* orders, when it was made */
    int64_t created_us, printed_us, expires_us;
    struct print_batch_order *orders; /* those that are still there, the first paid first */
    size_t n_orders;
};

/* Takes at most `limit` (1..PRINT_BATCH_MOST) paid orders with prints that are in no batch, the
 * first paid first, and writes the audit row. Operators who ask at the same time get different
 * ones. NOT_FOUND: there is none. */
enum status print_batch_create(struct store *st, struct arena *a, const struct uuid *operator_id,
                               int limit, int64_t order_life_us, int64_t now_us,
                               struct uuid *batch_id) MUST_USE;

/* NOT_FOUND: no such batch, or over. */
enum status print_batch_read(struct store *st, struct arena *a, const struct uuid *batch_id,
                             int64_t now_us, struct print_batch *out) MUST_USE;

/* At most `limit`, newest first, older than `before` (NULL: from the newest), without orders. */
enum status print_batch_list(struct store *st, struct arena *a, const struct uuid *before,
                             int limit, int64_t now_us, struct print_batch **out,
                             size_t *count) MUST_USE;

/* Those of its orders that are paid become printing, each with its audit row, in one statement. One
 * that was refunded or closed meanwhile stays as it is. OK also when it was said before. */
enum status print_batch_printed(struct store *st, struct arena *a, const struct uuid *batch_id,
                                const struct uuid *operator_id, int64_t now_us) MUST_USE;

#endif
