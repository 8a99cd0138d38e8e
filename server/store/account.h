/* SPDX-License-Identifier: MIT */
/*
 * Accounts, their sessions and consents.
 *
 * Policy sections 1, 2 and 4; PIPL 14, 15, 31. Statements in account.c and
 * session.c.
 */
#ifndef IDPHOTOD_STORE_ACCOUNT_H
#define IDPHOTOD_STORE_ACCOUNT_H

#include "store/store.h"

/* Account tokens: "ipa_" + account (11) + session (11) + 22 random, all base62.
 * Operator tokens: "ipo_" + number (11) + 33 random. */
enum { TOKEN_BYTES = 4 + 44 + 1, TOKEN_HASH_BYTES = 32 };

#define SESSION_LIFE_US     (90 * DAY_US)
#define GUARDIAN_LEASE_DAYS 31

struct session {
    int64_t account_id;
    int64_t session_id;
    int64_t created_us;
    const char *policy_version;
    const char *face_version; /* of the policy with which FACE_PURPOSE was agreed to; NULL: not */
};

/* The server may look at faces for an account that agreed to it: the policy itself keeps them on
 * the phone. */
#define FACE_PURPOSE "server-face-processing"

/* Takes a token apart. INVALID when it is not of an account's form. */
enum status token_parse_account(const char *token, int64_t *account_id, int64_t *session_id,
                                unsigned char hash[TOKEN_HASH_BYTES]) MUST_USE;
enum status token_parse_operator(const char *token, int64_t *token_no,
                                 unsigned char hash[TOKEN_HASH_BYTES]) MUST_USE;
/* Makes one. Return out. */
char *token_make_account(int64_t account_id, int64_t session_id, char out[TOKEN_BYTES]);
char *token_make_operator(int64_t token_no, char out[TOKEN_BYTES]);
void token_hash(const char *token, unsigned char hash[TOKEN_HASH_BYTES]);

/* The steps that make a new account with its first session and its consent `service` to
 * policy_version, for a batch that does more. The steps point into the struct: it stays where it
 * was filled. */
struct account_birth {
    int64_t account_id;
    char token[TOKEN_BYTES];
    unsigned char pseudonym[16], hash[TOKEN_HASH_BYTES];
    struct params account, session, consent;
    struct step steps[3];
};
enum status account_birth(struct store *st, struct arena *a, int64_t now_us, bool minor,
                          const char *guardian, const char *policy_version,
                          struct account_birth *out) MUST_USE;

/* A new account with its first session and its consent `service` to policy_version. guardian is
 * the JSON text of {name, phone, relation} for minors, else NULL. Gives the token. */
enum status account_create(struct store *st, struct arena *a, int64_t now_us, bool minor,
                           const char *guardian, const char *policy_version, int64_t *account_id,
                           char token[TOKEN_BYTES]) MUST_USE;

struct account {
    int64_t created_us;
    bool minor;
    const char *policy_version;
    const char *guardian; /* JSON text, or NULL */
};
enum status account_read(struct store *st, struct arena *a, int64_t account_id,
                         struct account *out) MUST_USE;

/* Replaces the guardian of a minor. CONFLICT when the account is not a minor's. */
enum status account_set_guardian(struct store *st, struct arena *a, int64_t account_id,
                                 const char *guardian, int64_t now_us) MUST_USE;

/* NOT_FOUND: no such live session. Marks the use once a day. */
enum status session_find(struct store *st, struct arena *a, const char *token, int64_t now_us,
                         struct session *out) MUST_USE;
/* A further session, after a login; agrees to policy_version. NOT_FOUND: no such account. */
enum status session_create(struct store *st, struct arena *a, int64_t account_id,
                           const char *policy_version, int64_t now_us,
                           char token[TOKEN_BYTES]) MUST_USE;
enum status session_end(struct store *st, struct arena *a, int64_t account_id,
                        int64_t session_id) MUST_USE;
enum status session_end_all(struct store *st, struct arena *a, int64_t account_id) MUST_USE;

struct consent {
    const char *purpose;
    const char *policy_version;
    int64_t granted_us;
    int64_t withdrawn_us; /* 0 while it holds */
};
enum status consent_list(struct store *st, struct arena *a, int64_t account_id,
                         struct consent **out, size_t *count) MUST_USE;
/* Grants; purpose "service" also lifts the account to policy_version. */
enum status consent_grant(struct store *st, struct arena *a, int64_t account_id,
                          const char *purpose, const char *policy_version, int64_t now_us) MUST_USE;
/* NOT_FOUND when it was never granted; withdrawing twice changes nothing. What rested on it is
 * erased by erase_unpaid (lifetime.h). */
enum status consent_withdraw(struct store *st, struct arena *a, int64_t account_id,
                             const char *purpose, int64_t now_us) MUST_USE;

#endif
