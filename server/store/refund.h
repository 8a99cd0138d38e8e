/* SPDX-License-Identifier: MIT */
/*
 * Money given back: requested -> accepted -> done | failed.
 *
 * A refund hangs on the ledger's entry of the payment that it pays back, not on
 * an order, and outlives it. The database numbers it (out_refund_no: the same
 * on every try) and never lets the refunds of a payment exceed it (migration of
 * the table). Only a provider's word ends one. One thread per struct store.
 */
#ifndef IDPHOTOD_STORE_REFUND_H
#define IDPHOTOD_STORE_REFUND_H

#include "store/store.h"

struct refund {
    struct uuid refund_id, entry_id;
    const char *channel, *merchant;
    const char *appid; /* NULL when the attempt was gone */
    const char *out_trade_no, *transaction_id, *out_refund_no;
    int64_t total_fen, refund_fen;
    const char *reason, *state;
    const char *last_code; /* the provider's, or NULL */
    int32_t tries;         /* how often it was taken up, this time included */
    int64_t requested_us, next_us, done_us;
};

/* True for the codes that an operator may give. */
bool refund_is_operators_reason(const char *reason);

/* ---- asking for one ---- */

/* Makes one refund for a payment that came late, second, or for an attempt erased before it was
 * paid. What was refunded before, in whole, in part or in vain, is a person's. *made tells whether
 * there was one. */
enum status refund_by_rule(struct store *st, struct arena *a, int64_t now_us, bool *made) MUST_USE;

/* The person gives up the prints of a paid order before they are printed: paid -> closed (refunded)
 * and the refund of the prints, in one transaction. What was bought electronically stays bought.
 * OK also when it was done before. DENIED: electronic. CONFLICT: not paid, or being made. */
enum status refund_prints(struct store *st, struct arena *a, int64_t account_id,
                          const struct uuid *order_id, int64_t now_us) MUST_USE;

/* refund_prints for every order of the account, before it is erased; photo_id not NULL: for those
 * that print this photo. What is being made already is forfeit. */
enum status refund_prints_all(struct store *st, struct arena *a, int64_t account_id,
                              const struct uuid *photo_id, int64_t now_us) MUST_USE;

/* The ledger's entry of the payment that paid the order. CONFLICT: nothing has. */
enum status refund_find_entry(struct store *st, struct arena *a, int64_t account_id,
                              const struct uuid *order_id, struct uuid *entry_id) MUST_USE;

/* An operator gives back all that is left of a payment; its order, where there is one that is not
 * shipped, closes. Asked again, tells the refund that was made before. NOT_FOUND: no such entry;
 * CONFLICT: the entry is no payment, or older than the provider takes. */
enum status refund_payment(struct store *st, struct arena *a, const struct uuid *entry_id,
                           const char *reason, const struct uuid *operator_id, int64_t now_us,
                           struct refund *out) MUST_USE;

/* ---- doing it ---- */

/* The one that has been due longest, claimed for two minutes. NOT_FOUND: none. WeChat Pay takes two
 * refunds of one payment a minute apart. */
enum status refund_take_due(struct store *st, struct arena *a, int64_t now_us,
                            struct refund *out) MUST_USE;

/* What a provider said of a refund. merchant, out_refund_no, transaction_id and refund_fen are the
 * provider's words and must be the row's. */
struct refund_word {
    const char *channel, *merchant, *out_refund_no, *transaction_id;
    int64_t refund_fen;
    int64_t done_us;  /* the provider's time; 0: not told */
    const char *code; /* of a failure: ABNORMAL when a person must act there */
};
enum refund_heard {
    REFUND_CHANGED,
    REFUND_SAME,    /* known already, or overtaken: nothing changed */
    REFUND_UNKNOWN, /* no such number here */
    REFUND_DIFFERS, /* another amount or trade */
};
/* requested -> accepted; asked again at next_us. */
enum status refund_accept(struct store *st, struct arena *a, const struct refund_word *word,
                          int64_t next_us, int64_t now_us, enum refund_heard *out) MUST_USE;
/* Anything but done -> done: ledger entry, anomaly resolved when all is back. */
enum status refund_finish(struct store *st, struct arena *a, const struct refund_word *word,
                          int64_t now_us, enum refund_heard *out) MUST_USE;
/* requested | accepted -> failed. One that is ABNORMAL is asked about daily: a person may still pay
 * it at the provider, so its amount is not free again. */
enum status refund_fail(struct store *st, struct arena *a, const struct refund_word *word,
                        int64_t now_us, enum refund_heard *out) MUST_USE;

/* No word that counts: taken up again at next_us. code may be NULL. */
enum status refund_later(struct store *st, struct arena *a, const struct refund *refund,
                         const char *code, int64_t next_us, int64_t now_us) MUST_USE;

/* The provider said that something of this trade went back: ask sooner. */
enum status refund_hint(struct store *st, struct arena *a, const char *channel,
                        const char *transaction_id, int64_t now_us) MUST_USE;

/* For operators, newest first, older than `before` (NULL: from the newest); state NULL: all. */
enum status refund_list(struct store *st, struct arena *a, const char *state,
                        const struct uuid *before, int limit, struct refund **out,
                        size_t *count) MUST_USE;

#endif
