/* SPDX-License-Identifier: MIT */
/*
 * Idempotency-Key: the first answer is kept, sealed, for 24 hours.
 *
 * The marker is taken in the round trip that finds the session; the answer is
 * written by the very batch that does the work, so a crash leaves both or
 * neither. Scope: account, route, key. Bodies are kept as keyed hashes.
 */
#ifndef IDPHOTOD_STORE_IDEMPOTENCY_H
#define IDPHOTOD_STORE_IDEMPOTENCY_H

#include "base/buf.h"
#include "store/account.h"
#include "store/store.h"

enum idempotency_state {
    IDEMPOTENCY_NONE,    /* the route has none */
    IDEMPOTENCY_NEW,     /* the marker is ours: do the work */
    IDEMPOTENCY_RUNNING, /* somebody is at it */
    IDEMPOTENCY_REUSED,  /* the key was used with another body */
    IDEMPOTENCY_DONE,    /* the first answer is in `answer` */
};

struct idempotency {
    const char *route; /* "POST /v1/orders" */
    const char *key;
    struct span request[3]; /* path, query text, body: what must be the same */
    struct uuid attempt;    /* of this request */
    unsigned char key_hash[VAULT_HASH_BYTES];
    unsigned char body_hash[VAULT_HASH_BYTES];
    enum idempotency_state state;
    int http_status;
    const char *answer;
};

/* Finds the session and takes or reads the marker. request_life_us: after which a marker without
 * an answer was left by a crash. NOT_FOUND: no such session. */
enum status session_find_idempotent(struct store *st, struct arena *a, const char *token,
                                    int64_t now_us, int64_t request_life_us, struct idempotency *i,
                                    struct session *out) MUST_USE;

/* The step that writes the answer; add it to the batch that does the work. It fails the batch with
 * CONFLICT (guard "idempotency") when another attempt has taken over. p is filled; both are
 * borrowed until the run. */
enum status idempotency_finish_step(struct store *st, struct arena *a, int64_t account_id,
                                    const struct idempotency *i, int http_status,
                                    const char *answer, int64_t now_us, struct params *p,
                                    struct step *out) MUST_USE;

/* Takes the marker away again after a refusal, so that the call can be repeated at once. */
enum status idempotency_release(struct store *st, struct arena *a, int64_t account_id,
                                const struct idempotency *i) MUST_USE;

/* Fills the two hashes. */
void idempotency_hash(const struct vault *v, int64_t account_id, struct idempotency *i);

/* Opens http_status, key_wrapped, answer_sealed at first_col of row 0 into i. */
enum status idempotency_open(struct vault *v, struct arena *a, int64_t account_id,
                             const struct rows *rows, int first_col,
                             struct idempotency *i) MUST_USE;

#endif
