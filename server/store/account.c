/* SPDX-License-Identifier: MIT */
#include "store/account.h"

#include <sodium.h>
#include <string.h>

#include "base/clock.h"

static const struct statement account_insert = {
    "account_insert",
    "INSERT INTO account (account_id, pseudonym, minor, policy_version, created_at, idle_from,"
    " key_day, key_wrapped, guardian_sealed)"
    " VALUES ($1, $2, $3, $4, $5, $5, $6, $7, $8)"};

static const struct statement session_insert = {
    "session_insert",
    "INSERT INTO session (account_id, session_id, token_hash, created_at, last_used_at, expires_at)"
    " VALUES ($1, $2, $3, $4, $4, $5)"};

/* Holds the row, so that it is not purged under a login. */
static const struct statement account_use = {
    "account_use",
    "WITH held AS (UPDATE account SET idle_from = greatest(idle_from, $2) WHERE account_id = $1"
    " RETURNING 1) SELECT guard(EXISTS (SELECT 1 FROM held), 'not-found')"};

static const struct statement consent_put = {
    "consent_put",
    "WITH lifted AS (UPDATE account SET policy_version = $3"
    "  WHERE account_id = $1 AND $2 = 'service')"
    " INSERT INTO consent (account_id, purpose, policy_version, granted_at) VALUES ($1, $2, $3, $4)"
    " ON CONFLICT (account_id, purpose) DO UPDATE SET policy_version = excluded.policy_version,"
    "  granted_at = excluded.granted_at, withdrawn_at = NULL"
    " WHERE consent.policy_version <> excluded.policy_version OR consent.withdrawn_at IS NOT NULL"};

static const struct statement account_select = {
    "account_select", "SELECT created_at, minor, policy_version, key_wrapped, guardian_sealed"
                      " FROM account WHERE account_id = $1"};

static const struct statement guardian_update = {
    "guardian_update", "UPDATE account SET key_day = $2, key_wrapped = $3, guardian_sealed = $4"
                       " WHERE account_id = $1 AND minor"};

static const struct statement consent_select = {
    "consent_select", "SELECT purpose, policy_version, granted_at, withdrawn_at FROM consent"
                      " WHERE account_id = $1 ORDER BY granted_at, purpose"};

/* Without the consent to the service itself no policy counts as agreed to. */
static const struct statement consent_end = {
    "consent_end",
    "WITH known AS (SELECT withdrawn_at FROM consent WHERE account_id = $1 AND purpose = $2),"
    " ended AS (UPDATE consent SET withdrawn_at = $3"
    "  WHERE account_id = $1 AND purpose = $2 AND withdrawn_at IS NULL),"
    " bare AS (UPDATE account SET policy_version = 'withdrawn' FROM known"
    "  WHERE account_id = $1 AND $2 = 'service')"
    " SELECT 1 FROM known"};

STATEMENTS(account_statements, &account_insert, &session_insert, &account_use, &consent_put,
           &account_select, &guardian_update, &consent_select, &consent_end);

/* Key and sealed guardian as the next three parameters; three NULLs without one. */
static enum status add_guardian(struct store *st, struct arena *a, struct params *p,
                                int64_t account_id, const char *guardian, int64_t now_us)
{
    if (!guardian) {
        for (int i = 0; i < 3; i++)
            add_bytes(p, NULL, 0);
        return OK;
    }
    struct record r;
    enum status s = record_new(st->vault, "account", account_id, (struct uuid){0},
                               day_of(now_us) + GUARDIAN_LEASE_DAYS, &r);
    if (s != OK)
        return s;
    add_day(p, r.key_day);
    add_bytes(p, arena_copy(a, r.wrapped, sizeof r.wrapped), sizeof r.wrapped);
    add_sealed_text(p, a, &r, "guardian_sealed", guardian);
    record_wipe(&r);
    return OK;
}

static void add_session(struct params *p, int64_t account_id, int64_t now_us,
                        unsigned char hash[TOKEN_HASH_BYTES], char token[TOKEN_BYTES])
{
    int64_t session_id = account_id_new();
    token_hash(token_make_account(account_id, session_id, token), hash);
    add_bigint(p, account_id);
    add_bigint(p, session_id);
    add_bytes(p, hash, TOKEN_HASH_BYTES);
    add_time(p, now_us);
    add_time(p, now_us + SESSION_LIFE_US);
}

static void add_consent(struct params *p, int64_t account_id, const char *purpose,
                        const char *policy_version, int64_t now_us)
{
    add_bigint(p, account_id);
    add_text(p, purpose);
    add_text(p, policy_version);
    add_time(p, now_us);
}

enum status account_birth(struct store *st, struct arena *a, int64_t now_us, bool minor,
                          const char *guardian, const char *policy_version,
                          struct account_birth *out)
{
    *out = (struct account_birth){.account_id = account_id_new(),
                                  .steps = {{&account_insert, &out->account},
                                            {&session_insert, &out->session},
                                            {&consent_put, &out->consent}}};
    randombytes_buf(out->pseudonym, sizeof out->pseudonym);
    add_bigint(&out->account, out->account_id);
    add_bytes(&out->account, out->pseudonym, sizeof out->pseudonym);
    add_bool(&out->account, minor);
    add_text(&out->account, policy_version);
    add_time(&out->account, now_us);
    add_session(&out->session, out->account_id, now_us, out->hash, out->token);
    add_consent(&out->consent, out->account_id, "service", policy_version, now_us);
    return add_guardian(st, a, &out->account, out->account_id, guardian, now_us);
}

enum status account_create(struct store *st, struct arena *a, int64_t now_us, bool minor,
                           const char *guardian, const char *policy_version, int64_t *account_id,
                           char token[TOKEN_BYTES])
{
    struct account_birth birth;
    struct rows rows[3];
    enum status s = account_birth(st, a, now_us, minor, guardian, policy_version, &birth);
    if (s == OK)
        s = db_run_batch(st->db, a, birth.steps, 3, rows);
    if (s == OK) {
        *account_id = birth.account_id;
        memcpy(token, birth.token, TOKEN_BYTES);
    }
    return s;
}

enum status session_create(struct store *st, struct arena *a, int64_t account_id,
                           const char *policy_version, int64_t now_us, char token[TOKEN_BYTES])
{
    unsigned char hash[TOKEN_HASH_BYTES];
    char made[TOKEN_BYTES];
    struct params session = {0}, consent = {0}, used = {0};
    struct rows rows[3];
    add_session(&session, account_id, now_us, hash, made);
    add_consent(&consent, account_id, "service", policy_version, now_us);
    add_bigint(&used, account_id);
    add_time(&used, now_us);
    const struct step steps[] = {
        {&account_use, &used}, {&session_insert, &session}, {&consent_put, &consent}};
    enum status s = db_run_batch(st->db, a, steps, 3, rows);
    if (s == OK)
        memcpy(token, made, TOKEN_BYTES);
    return s;
}

enum status account_read(struct store *st, struct arena *a, int64_t account_id, struct account *out)
{
    struct params p = {0};
    struct rows rows;
    struct account account = {0};
    add_bigint(&p, account_id);
    enum status s = db_run(st->db, a, &account_select, &p, &rows);
    if (s != OK)
        return s;
    if (rows.count == 0)
        return NOT_FOUND;
    account.created_us = row_time_us(&rows, 0, 0);
    account.minor = row_bool(&rows, 0, 1);
    account.policy_version = row_text(&rows, 0, 2);
    if (!row_is_null(&rows, 0, 3)) {
        struct record r;
        s = record_open(st->vault, "account", account_id, (struct uuid){0}, &rows, 0, 3, &r);
        if (s != OK)
            return s;
        s = row_sealed_text(&rows, 0, 4, a, &r, "guardian_sealed", &account.guardian);
        record_wipe(&r);
    }
    if (s == OK)
        *out = account;
    return s;
}

enum status account_set_guardian(struct store *st, struct arena *a, int64_t account_id,
                                 const char *guardian, int64_t now_us)
{
    struct params p = {0};
    struct rows rows;
    add_bigint(&p, account_id);
    enum status s = add_guardian(st, a, &p, account_id, guardian, now_us);
    if (s == OK)
        s = db_run(st->db, a, &guardian_update, &p, &rows);
    if (s == OK && rows.count == 0)
        s = CONFLICT;
    return s;
}

enum status consent_list(struct store *st, struct arena *a, int64_t account_id,
                         struct consent **out, size_t *count)
{
    struct params p = {0};
    struct rows rows;
    add_bigint(&p, account_id);
    enum status s = db_run(st->db, a, &consent_select, &p, &rows);
    if (s != OK)
        return s;
    struct consent *list = arena_alloc(a, (size_t)rows.count * sizeof *list);
    for (int i = 0; i < rows.count; i++)
        list[i] = (struct consent){row_text(&rows, i, 0), row_text(&rows, i, 1),
                                   row_time_us(&rows, i, 2), row_time_us(&rows, i, 3)};
    *out = list;
    *count = (size_t)rows.count;
    return OK;
}

enum status consent_grant(struct store *st, struct arena *a, int64_t account_id,
                          const char *purpose, const char *policy_version, int64_t now_us)
{
    struct params p = {0};
    struct rows rows;
    add_consent(&p, account_id, purpose, policy_version, now_us);
    return db_run(st->db, a, &consent_put, &p, &rows);
}

enum status consent_withdraw(struct store *st, struct arena *a, int64_t account_id,
                             const char *purpose, int64_t now_us)
{
    struct params p = {0};
    struct rows rows;
    add_bigint(&p, account_id);
    add_text(&p, purpose);
    add_time(&p, now_us);
    enum status s = db_run(st->db, a, &consent_end, &p, &rows);
    if (s == OK && rows.count == 0)
        s = NOT_FOUND;
    return s;
}
