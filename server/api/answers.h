/* SPDX-License-Identifier: MIT */
/* The JSON shapes of design/api "Shapes", one function each. All return owned; never NULL. */
#ifndef IDPHOTOD_API_ANSWERS_H
#define IDPHOTOD_API_ANSWERS_H

#include <jansson.h>

#include "base/buf.h"
#include "store/account.h"
#include "store/order.h"
#include "store/payment.h"
#include "store/photo.h"

json_t *answer_time(int64_t at_us); /* RFC 3339, or null for 0 */
json_t *answer_id(const char *prefix, const struct uuid *id);
json_t *answer_account_id(int64_t account_id);
json_t *answer_consent(const struct consent *consent);
json_t *answer_consents(const struct consent *list, size_t n);
json_t *answer_photo(const struct photo *photo);
/* recipient and shipment are there when they were opened. */
json_t *answer_order(const struct order *order);
/* A page: its items, which it takes, and the cursor to the next one: the last item's id when the
 * page was full. last: NULL when there are no items. */
json_t *answer_page(json_t *items, size_t limit, const char *prefix, const struct uuid *last);
/* A page of orders. */
json_t *answer_orders(const struct order *orders, size_t n, size_t limit,
                      json_t *(*shape)(const struct order *));
/* Ledger entries as an array, and as CSV with a head line; one wording for the API and the tool. */
json_t *answer_ledger(const struct ledger_entry *list, size_t n);
void answer_ledger_csv(struct buf *out, const struct ledger_entry *list, size_t n,
                       const char *line_end);

#endif
