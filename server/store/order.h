/* SPDX-License-Identifier: MIT */
/*
 * Orders and their items.
 *
 * unpaid -> paid -> printing -> shipped -> delivered, or closed. Each step is
 * one guarded UPDATE; a call that finds the state it wanted changes nothing.
 * Recipient, shipment and client address are sealed in the order's record.
 */
#ifndef IDPHOTOD_STORE_ORDER_H
#define IDPHOTOD_STORE_ORDER_H

#include "store/idempotency.h"
#include "store/store.h"

enum { ORDER_ITEMS_MAX = 20, OPEN_KEY_DAYS = 2 };

struct order_item {
    const char *product;
    const char *kind; /* "electronic", "print" */
    struct uuid photo_id;
    int32_t quantity;
    int64_t price_fen;
};

struct order_payment {
    struct uuid payment_id;
    const char *channel, *state;
};

struct order_refund {
    struct uuid refund_id;
    int64_t amount_fen;
    const char *state;
};

struct order {
    int64_t account_id;
    struct uuid order_id;
    const char *state, *close_reason, *kind;
    int64_t amount_fen;
    bool accepts_no_refund;
    int64_t created_us, expires_us, paid_us, shipped_us, delivered_us;
    struct order_item *items;
    size_t n_items;
    struct order_payment *payments;
    size_t n_payments;
    struct order_refund *refunds;
    size_t n_refunds;
    const char *recipient; /* JSON text, or NULL */
    const char *shipment;  /* JSON text, or NULL */
    const char *client_ip; /* at order; only filled by order_create's caller */
};

/* Stores a new order and, when finish is not NULL, the idempotent answer in the same batch.
 * CONFLICT, with what refused it in db_last_constraint: "photo:N", item N's photo is not this
 * account's or is over; "consent", prints need the purpose print-mailing. */
enum status order_create(struct store *st, struct arena *a, const struct order *order,
                         const struct step *finish) MUST_USE;

/* One order with items, payments and refunds. with_personal: recipient and shipment are opened too.
 */
enum status order_read(struct store *st, struct arena *a, int64_t account_id,
                       const struct uuid *order_id, int64_t now_us, bool with_personal,
                       struct order *out) MUST_USE;

/* At most `limit` orders of the account, newest first, older than `before` (NULL: from the
 * newest), without personal members. */
enum status order_list(struct store *st, struct arena *a, int64_t account_id,
                       const struct uuid *before, int limit, int64_t now_us, struct order **out,
                       size_t *count) MUST_USE;

/* Operator's list across accounts, recipients opened; state NULL: all. Newest first. */
enum status order_list_all(struct store *st, struct arena *a, const char *state,
                           const struct uuid *before, int limit, int64_t now_us, struct order **out,
                           size_t *count) MUST_USE;
/* The account an order belongs to. */
enum status order_find_account(struct store *st, struct arena *a, const struct uuid *order_id,
                               int64_t now_us, int64_t *account_id) MUST_USE;

/* CONFLICT: shipped already, or without prints. */
enum status order_set_recipient(struct store *st, struct arena *a, int64_t account_id,
                                const struct uuid *order_id, const char *recipient,
                                int64_t now_us) MUST_USE;
/* unpaid -> closed (cancelled). OK also when it was cancelled before; CONFLICT otherwise. */
enum status order_cancel(struct store *st, struct arena *a, int64_t account_id,
                         const struct uuid *order_id, int64_t now_us) MUST_USE;

/* Operator: paid|printing -> shipped, shipped -> delivered, with the audit row in the same
 * statement. OK also when the same was done before. */
enum status order_ship(struct store *st, struct arena *a, int64_t account_id,
                       const struct uuid *order_id, const char *shipment,
                       const struct uuid *operator_id, int64_t now_us) MUST_USE;
enum status order_deliver(struct store *st, struct arena *a, int64_t account_id,
                          const struct uuid *order_id, const struct uuid *operator_id,
                          int64_t now_us) MUST_USE;

#endif
