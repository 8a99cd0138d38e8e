/* SPDX-License-Identifier: MIT */
/*
 * The gate: everything that is checked before a handler runs.
 *
 * Token, consent to the policy, Idempotency-Key, operator role and purpose, by
 * the route's row. Handlers that write call answer_commit, so that work and
 * idempotent answer are one transaction.
 */
#ifndef IDPHOTOD_API_GATE_H
#define IDPHOTOD_API_GATE_H

#include "api/app.h"
#include "store/account.h"
#include "store/idempotency.h"

/* For server_options.dispatch. */
void gate_dispatch(struct request *r);

/* The caller's session; of CALLER_ACCOUNT routes alone. */
const struct session *gate_session(const struct request *r);

/* True unless the account is bound to WeChat and the session is older than 15 minutes: what cannot
 * be undone then needs a login first. Answers itself. */
bool gate_is_fresh(struct request *r);

/* Agreement is to the policy in force, nothing older: false after having answered. */
bool gate_is_current_policy(struct request *r, const char *version);

/* The step that stores this answer under the request's Idempotency-Key, for the batch that does the
 * work; returns NULL when the route has none. Answers itself and sets *failed on an error. */
const struct step *gate_finish_step(struct request *r, unsigned http_status, const char *answer,
                                    bool *failed);

/* Text of a JSON document in the arena; steals it. */
const char *json_text(struct arena *a, json_t *document);

/* Answers with a JSON text of the arena. */
void reply_json_text(struct request *r, unsigned http_status, const char *text);

/* Writes the audit row of an operator's call about an account's object, before the data is given
 * out. Returns false after having answered. object_id may be NULL. */
bool gate_audit(struct request *r, int64_t account_id, const struct uuid *object_id);

/* The same for a piece of an answer that has begun: the caller breaks it off when it is not OK. */
enum status gate_note(struct request *r, struct arena *a, int64_t account_id,
                      const struct uuid *object_id, int64_t now_us) MUST_USE;

#endif
