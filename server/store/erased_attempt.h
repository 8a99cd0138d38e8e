/* SPDX-License-Identifier: MIT */
/*
 * Attempts that were erased here while they were pending: they are closed at
 * the provider all the same.
 *
 * The database writes the rows whenever an attempt is deleted (the trigger of
 * table payment). They name nobody. One thread per struct store.
 */
#ifndef IDPHOTOD_STORE_ERASED_ATTEMPT_H
#define IDPHOTOD_STORE_ERASED_ATTEMPT_H

#include "store/payment.h"

/* The one of a channel that has been due longest, as an attempt of no account: account_id is 0, and
 * what its row knew of the person is not there. The claim moves its next turn ahead. NOT_FOUND:
 * none is due. */
enum status erased_attempt_take_due(struct store *st, struct arena *a, const char *channel,
                                    int64_t now_us, struct payment *out) MUST_USE;

/* It is closed or paid there: nothing is left to ask. */
enum status erased_attempt_end(struct store *st, struct arena *a,
                               const struct payment *payment) MUST_USE;

#endif
