/* SPDX-License-Identifier: MIT */
/*
 * How rows live and die: promote, leases, purge, partitions, erasure.
 *
 * Jobs call these in small batches that skip locked rows; each call is one or
 * two transactions. Source of the periods: architecture, section 6; policy
 * section 2.3. One thread per struct store.
 */
#ifndef IDPHOTOD_STORE_LIFETIME_H
#define IDPHOTOD_STORE_LIFETIME_H

#include "store/store.h"
#include "vault/erasures.h"

/* ---- promote: what was paid moves to its final key day and partition ---- */

/* Moves at most `limit` paid orders; *moved tells how many. One transaction an order. */
enum status promote_orders(struct store *st, int64_t now_us, int limit, int *moved) MUST_USE;
/* The same for one order, so that it can be erased exactly. OK when nothing was to do. */
enum status promote_order(struct store *st, int64_t account_id, const struct uuid *order_id,
                          int64_t now_us) MUST_USE;

/* ---- leases: what has no end, or lives longer than planned, keeps its key ---- */

/* Rewraps rows whose key_day is at hand while they may still be read. */
enum status lease_renew(struct store *st, int64_t now_us, int limit, int *renewed) MUST_USE;

/* ---- rewrap: after a new master version ---- */

/* Wraps at most `limit` keys of each table under the newest master version; idempotent answers,
 * which live a day, are left to expire. */
enum status master_rewrap(struct store *st, int limit, int *rewrapped) MUST_USE;

/* ---- purge ---- */

struct purged {
    int64_t photos, orders, accounts, others;
};
/* Deletes one batch of everything past its end; adds to *out. *more: a batch was full. */
enum status purge_batch(struct store *st, int64_t until_us, int limit, struct purged *out,
                        bool *more) MUST_USE;

/* One batch of ledger entries past 10 years and audit rows past 3, by the server's own clock. */
enum status purge_books(struct store *st, int limit, int64_t *deleted) MUST_USE;

/* ---- partitions ---- */

enum { PARTITIONS_AHEAD = 60, PARTITIONS_ALARM = 45 };
/* Creates today's to today + 60; *ahead: how many days ahead exist afterwards. */
enum status partitions_create(struct store *st, struct arena *a, int32_t today,
                              int *ahead) MUST_USE;
/* Drops the partitions of past days that hold nothing alive. A lock not had in 100 ms is left
 * for the next run (*left counts them). */
enum status partitions_drop(struct store *st, struct arena *a, int32_t today, int *dropped,
                            int *left) MUST_USE;

/* ---- ratchet ---- */

/* The earliest key_day, from the ratchet's day on, that any row uses; today + 1 when there is none.
 * Rows of earlier days cannot be read any more. */
enum status oldest_key_day(struct store *st, struct arena *a, int32_t ratchet_day, int32_t today,
                           int32_t *day) MUST_USE;
enum status instance_report(struct store *st, struct arena *a, const char *host,
                            int32_t ratchet_day, int64_t now_us) MUST_USE;
enum status instance_forget(struct store *st, struct arena *a, const char *host) MUST_USE;
struct instance {
    const char *host;
    int32_t ratchet_day;
    int64_t seen_us;
};
enum status instance_list(struct store *st, struct arena *a, struct instance **out,
                          size_t *count) MUST_USE;

/* ---- a person's own erasure: log first, then the rows ---- */

/* CONFLICT with refused "in-fulfilment": a paid print order that is not delivered holds it and
 * force is false. NOT_FOUND as for reading. */
enum status erase_photo(struct store *st, struct arena *a, int64_t account_id,
                        const struct uuid *photo_id, int64_t now_us, bool force) MUST_USE;
/* The order, its recipient, payer and print copies go; an electronic photo it bought stays to its
 * own seventh day. */
enum status erase_order(struct store *st, struct arena *a, int64_t account_id,
                        const struct uuid *order_id, int64_t now_us, bool force) MUST_USE;

/* What rested on a consent that was withdrawn: orders that were not paid for, of prints alone or of
 * all kinds. A paid order is a contract and is kept or erased by itself. An order whose payment is
 * under way goes too: a success that comes then is an anomaly, and is paid back. */
enum status erase_unpaid(struct store *st, struct arena *a, int64_t account_id, int64_t now_us,
                         bool prints_only) MUST_USE;

struct erased {
    struct uuid receipt_id;
    int32_t photos, orders, requests, consents;
};
enum status erase_account(struct store *st, struct arena *a, int64_t account_id, int64_t now_us,
                          bool force, struct erased *out) MUST_USE;
struct receipt {
    int64_t erased_us;
    int32_t photos, orders, requests, consents;
    int32_t last_day;
};
enum status receipt_read(struct store *st, struct arena *a, const struct uuid *receipt_id,
                         int64_t now_us, struct receipt *out) MUST_USE;

/* After a restore: deletes every row that the erasure log names. */
enum status erasures_replay(struct store *st, struct arena *a, const struct erasure_set *set,
                            int64_t *deleted) MUST_USE;

#endif
