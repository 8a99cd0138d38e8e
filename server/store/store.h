/* SPDX-License-Identifier: MIT */
/*
 * What every store function works with, and the list of all statements.
 *
 * One file per aggregate holds its statements beside the functions that run
 * them. Functions seal and open what is personal, so that no other room sees
 * ciphertext or SQL. Threads: as struct db, one at a time.
 */
#ifndef IDPHOTOD_STORE_STORE_H
#define IDPHOTOD_STORE_STORE_H

#include "store/db.h"
#include "vault/vault.h"

struct store {
    struct db *db;
    struct vault *vault;
};

/* Every statement of the program: what a worker's connection prepares. */
extern const struct statement_list *const all_statements[];
extern const size_t all_statements_count;

#define STATEMENTS(name, ...)                                                                      \
    static const struct statement *const name##_items[] = {__VA_ARGS__};                           \
    const struct statement_list name = {name##_items, sizeof name##_items / sizeof *name##_items}

extern const struct statement_list account_statements, session_statements, idempotency_statements,
    photo_statements, order_statements, payment_statements, settle_statements, ledger_statements,
    operator_statements, promote_statements, lease_statements, rewrap_statements, purge_statements,
    job_statements, erase_statements, figure_statements, refund_statements,
    wechat_binding_statements, erased_attempt_statements, reconciliation_statements,
    seal_statements, auditor_statements, print_batch_statements;

/* A record being sealed or opened: its name, and its data key in clear. */
struct record {
    struct record_name name;
    struct data_key key;
    unsigned char wrapped[VAULT_WRAPPED_BYTES];
    int32_t key_day;
};

/* A new record's key; wipe with record_wipe. UNAVAILABLE, and logged, when the ratchet has no key
 * of that day: our clock is behind it, or far ahead, and whoever calls may come again. */
enum status record_new(struct vault *v, const char *table, int64_t account_id, struct uuid row_id,
                       int32_t key_day, struct record *out) MUST_USE;
/* From a row's key_wrapped column. */
enum status record_open(struct vault *v, const char *table, int64_t account_id, struct uuid row_id,
                        const struct rows *rows, int row, int wrapped_col,
                        struct record *out) MUST_USE;
void record_wipe(struct record *r);

/* Seals a text into the arena. */
struct span sealed_text(struct arena *a, const struct record *r, const char *column,
                        const char *text);
/* Seals a text into the arena and adds it as the next parameter; NULL becomes SQL NULL. */
void add_sealed_text(struct params *p, struct arena *a, const struct record *r, const char *column,
                     const char *text);
/* Opens a sealed column as NUL-terminated text in the arena. NULL when the column is NULL. */
enum status row_sealed_text(const struct rows *rows, int row, int col, struct arena *a,
                            const struct record *r, const char *column, const char **text) MUST_USE;

/* A row id for a record that is found by a text (out_trade_no): the first half of its BLAKE2b. */
struct uuid uuid_of_text(const char *text);

/* True when the last failure was the guard's (or a constraint's) of this name. */
bool db_refused_by(const struct db *d, const char *reason);

#endif
