/* SPDX-License-Identifier: MIT */
/*
 * Operators, the audit log, and the figures operators look at.
 *
 * Reads of personal data by operators write their audit row before the data is
 * given out. One thread per struct store.
 */
#ifndef IDPHOTOD_STORE_OPERATOR_H
#define IDPHOTOD_STORE_OPERATOR_H

#include "store/account.h"
#include "store/lifetime.h"
#include "store/store.h"

struct operator_row {
    struct uuid operator_id;
    const char *name, *role;
    int64_t created_us, expires_us, revoked_us;
};

/* CONFLICT: the name exists. Gives the token, which is stored nowhere. */
enum status operator_add(struct store *st, struct arena *a, const char *name, const char *role,
                         int64_t now_us, char token[TOKEN_BYTES]) MUST_USE;
enum status operator_list(struct store *st, struct arena *a, struct operator_row **out,
                          size_t *count) MUST_USE;
/* OK also when it was revoked before. */
enum status operator_revoke(struct store *st, struct arena *a, const char *name,
                            int64_t now_us) MUST_USE;
/* NOT_FOUND: no live operator has this token. */
enum status operator_find(struct store *st, struct arena *a, const char *token, int64_t now_us,
                          struct operator_row *out) MUST_USE;

struct audit {
    const struct uuid *operator_id;
    int64_t account_id; /* whose data; 0: nobody's */
    const char *action;
    const struct uuid *object_id; /* NULL: none */
    const char *purpose, *purpose_id;
    int64_t at_us;
};
enum status audit_write(struct store *st, struct arena *a, const struct audit *audit) MUST_USE;

struct retention_class {
    const char *name;
    int64_t rows, oldest_us, overdue;
};
enum { RETENTION_CLASSES_MAX = 16 };
struct retention {
    struct retention_class classes[RETENTION_CLASSES_MAX];
    size_t n_classes;
    int64_t purge_at_us, purge_photos, purge_orders, purge_accounts;
};
/* Rows, oldest end and overdue rows (past their end by more than a minute) of each class. */
enum status retention_read(struct store *st, struct arena *a, int64_t now_us,
                           struct retention *out) MUST_USE;

struct job_run {
    const char *job;
    int64_t started_us, finished_us;
    const char *host, *outcome;
    int64_t rows;
    struct purged purged;
};
enum status job_run_write(struct store *st, struct arena *a, const struct job_run *run) MUST_USE;
/* The last run of every job. */
enum status job_run_list(struct store *st, struct arena *a, struct job_run **out,
                         size_t *count) MUST_USE;

/* Session-level advisory lock of a job on this connection: one instance runs it at a time. */
enum status job_lock(struct store *st, struct arena *a, const char *job, bool *locked) MUST_USE;
enum status job_unlock(struct store *st, struct arena *a, const char *job) MUST_USE;

#endif
