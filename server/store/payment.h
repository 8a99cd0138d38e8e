/* SPDX-License-Identifier: MIT */
/*
 * Payment attempts, and what a provider's word does to them.
 *
 * pending -> succeeded | closed. An attempt is committed before the provider
 * is called. A success is one statement: payment, order, payer, ledger, audit
 * (architecture, section 7); it may come twice, late, or out of order.
 * Successes that come together may share the statement and its commit.
 */
#ifndef IDPHOTOD_STORE_PAYMENT_H
#define IDPHOTOD_STORE_PAYMENT_H

#include "pay/trade.h"
#include "store/idempotency.h"
#include "store/store.h"

/* Days that an attempt's record outlives its expiry before a lease must renew it. */
enum { OPEN_PAYMENT_DAYS = 2 };

struct payment {
    int64_t account_id;
    struct uuid payment_id, order_id;
    const char *channel, *method, *merchant, *appid;
    const char *out_trade_no;
    int64_t amount_fen;
    const char *state;
    int64_t created_us, expires_us, succeeded_us;
    const char *client_ip;  /* at payment */
    const char *openid;     /* WeChat jsapi: the account's; not kept here */
    const char *order_kind; /* for the description */
};

/* Makes an attempt for an unpaid order, or takes over a pending one of the same channel, method,
 * merchant and appid that has a minute left (a crash or a repeat left it). In: account_id,
 * order_id, channel, method, merchant, appid, client_ip, expires_us. Out: the rest; of an attempt
 * taken over also its own client_ip and expires_us, so that the provider sees the same request.
 * NOT_FOUND: no such order. CONFLICT: not payable. */
enum status payment_begin(struct store *st, struct arena *a, struct payment *payment,
                          int64_t now_us) MUST_USE;

/* Runs `finish`: the idempotent answer, once the provider has answered. It holds what the provider
 * gave for paying, which is kept to the end of the attempt and no longer. */
enum status payment_answer(struct store *st, struct arena *a, const struct step *finish,
                           int64_t until_us) MUST_USE;

enum status payment_read(struct store *st, struct arena *a, int64_t account_id,
                         const struct uuid *order_id, const struct uuid *payment_id, int64_t now_us,
                         struct payment *out) MUST_USE;

/* The same, and *claimed: it is pending, and this call has taken it for asking the provider. Within
 * 3 s of another claim (by whomever, payment_take_due's included) nobody gets it. */
enum status payment_claim(struct store *st, struct arena *a, int64_t account_id,
                          const struct uuid *order_id, const struct uuid *payment_id,
                          int64_t now_us, struct payment *out, bool *claimed) MUST_USE;

/* Pending attempts whose order is not unpaid any more become due at once, to be closed. */
enum status payment_hurry(struct store *st, struct arena *a, int64_t now_us) MUST_USE;

/* The pending attempt of a channel that has been due longest; its next turn is written with the
 * claim, so that several hosts do not ask at once and a crash only costs that one turn. *ends: its
 * time is over, or its order needs it no more: it is to be closed. NOT_FOUND: none is due. */
enum status payment_take_due(struct store *st, struct arena *a, const char *channel, int64_t now_us,
                             struct payment *out, bool *ends) MUST_USE;
/* pending -> closed, on the provider's word. OK also when it was not pending any more. */
enum status payment_close(struct store *st, struct arena *a, const struct payment *payment,
                          int64_t now_us) MUST_USE;

/* ---- settle ---- */

enum settle_outcome {
    SETTLE_SUCCESS,   /* first success, everything matched: the order is paid */
    SETTLE_DUPLICATE, /* known already: nothing changed */
    SETTLE_LATE,      /* after closing: anomaly, money in the ledger */
    SETTLE_SECOND,    /* the order was paid before: anomaly, money in the ledger */
    SETTLE_MISMATCH,  /* amount, currency, merchant, application or channel: anomaly */
    SETTLE_UNKNOWN,   /* no such trade here (any more): anomaly, money in the ledger */
};
const char *settle_outcome_name(enum settle_outcome o);

struct settle {
    const struct trade *trade; /* verified; state TRADE_PAID */
    bool merchant_is_ours;     /* trade's merchant and appid belong to one configuration of ours */
    const char *source_ip;     /* where the callback came from; NULL when we asked */
    int64_t photo_life_us, order_life_us;
    int64_t now_us;
};

struct settled {
    enum settle_outcome outcome;
    const char *kind; /* anomaly's kind, a static text; NULL without one */
};

enum { SETTLEMENTS_MAX = 64 };

/* A success ready to be committed: its payer is sealed. Borrows from the arena and from what `in`
 * points to. */
struct settlement {
    struct settle in;
    int32_t key_day;
    unsigned char key_wrapped[VAULT_WRAPPED_BYTES];
    struct span payer_sealed;
    struct uuid id; /* in the ledger and among the anomalies */
    /* by settlements_commit */
    bool again; /* not judged, nothing written */
    struct settled out;
};

/* INVALID: the trade lacks its numbers or a storable amount. No database; any thread. */
enum status settlement_prepare(struct vault *v, struct arena *a, const struct settle *in,
                               struct settlement *out) MUST_USE;

/* One statement, one round trip, one transaction, for at most SETTLEMENTS_MAX successes of the same
 * lives. Each is judged as if they came one after the other; one whose order or transaction another
 * before it in the batch has too is set to be committed `again`, in a later batch; the first of a
 * batch never is. Not OK: nothing of the batch was written; but UNAVAILABLE: that is unknown. */
enum status settlements_commit(struct db *d, struct arena *a, struct settlement *const *batch,
                               size_t n) MUST_USE;

/* Connects and has the statement planned, by a batch of none; writes nothing. */
enum status settlements_plan(struct db *d, struct arena *a) MUST_USE;

/* Both, of one success. UNAVAILABLE: the outcome is unknown, the provider must repeat. */
enum status payment_settle(struct store *st, struct arena *a, const struct settle *settle,
                           struct settled *out) MUST_USE;

/* ---- payer and ledger, for operators ---- */

struct payer {
    const char *channel, *appid;
    const char *identity; /* JSON text {openid|buyer_id|buyer_open_id, ip_callback} */
    const char *ip_order, *ip_payment;
};
enum status payer_list(struct store *st, struct arena *a, int64_t account_id,
                       const struct uuid *order_id, int64_t now_us, struct payer **out,
                       size_t *count) MUST_USE;

struct ledger_entry {
    struct uuid entry_id;
    const char *kind, *channel, *transaction_id, *out_trade_no;
    int64_t amount_fen, occurred_us, recorded_us;
    const char *out_refund_no; /* NULL: a payment */
};
enum status ledger_day(struct store *st, struct arena *a, int32_t day, struct ledger_entry **out,
                       size_t *count) MUST_USE;

#endif
