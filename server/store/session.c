/* SPDX-License-Identifier: MIT */
#include <sodium.h>
#include <string.h>

#include "base/clock.h"
#include "store/account.h"
#include "store/idempotency.h"

/* The live session of a token, and at most once a day the mark of its use. */
#define LIVE_SESSION                                                                               \
    "WITH s AS (SELECT s.token_hash, s.created_at, a.policy_version,"                              \
    "  (SELECT c.policy_version FROM consent c WHERE c.account_id = $1"                            \
    "    AND c.purpose = '" FACE_PURPOSE "' AND c.withdrawn_at IS NULL) AS face_version,"          \
    "  s.last_used_at < $4::timestamptz - interval '1 day' AS stale"                               \
    "  FROM session s JOIN account a USING (account_id)"                                           \
    "  WHERE s.account_id = $1 AND s.session_id = $2 AND s.token_hash = $3 AND s.expires_at > "    \
    "$4),"                                                                                         \
    " touched AS (UPDATE session SET last_used_at = $4,"                                           \
    "  expires_at = $4::timestamptz + interval '90 days' FROM s"                                   \
    "  WHERE s.stale AND session.account_id = $1 AND session.session_id = $2),"                    \
    " used AS (UPDATE account SET idle_from = $4 FROM s"                                           \
    "  WHERE account.account_id = $1 AND account.idle_from < $4::timestamptz - interval '1 "       \
    "day')"

static const struct statement session_select = {
    "session_select",
    LIVE_SESSION " SELECT s.token_hash, s.created_at, s.policy_version, s.face_version FROM s"};

/* Session and idempotency marker in one round trip. A marker is taken when there is none, when the
 * old one has expired, or when its attempt is older than any request may last. */
static const struct statement session_select_idempotent = {
    "session_select_idempotent", LIVE_SESSION
    ", took AS (INSERT INTO idempotency AS i (account_id, route, key_hash, body_hash, started_at,"
    "  expires_at, attempt) SELECT $1, $5, $6, $7, $4, $4::timestamptz + interval '24 hours', $8 "
    "FROM s"
    " ON CONFLICT (account_id, route, key_hash) DO UPDATE SET body_hash = excluded.body_hash,"
    "  started_at = excluded.started_at, expires_at = excluded.expires_at,"
    "  attempt = excluded.attempt, http_status = NULL, key_day = NULL, key_wrapped = NULL,"
    "  answer_sealed = NULL"
    " WHERE i.expires_at <= $4 OR (i.http_status IS NULL AND i.started_at < $9"
    "  AND i.body_hash = excluded.body_hash) RETURNING 1)"
    " SELECT s.token_hash, s.created_at, s.policy_version, s.face_version, EXISTS (SELECT 1 FROM "
    "took), "
    "i.body_hash,"
    "  i.http_status, i.key_wrapped, i.answer_sealed FROM s LEFT JOIN idempotency i"
    "  ON i.account_id = $1 AND i.route = $5 AND i.key_hash = $6"};

static const struct statement session_delete = {
    "session_delete", "DELETE FROM session WHERE account_id = $1 AND session_id = $2"};

static const struct statement session_delete_all = {"session_delete_all",
                                                    "DELETE FROM session WHERE account_id = $1"};

STATEMENTS(session_statements, &session_select, &session_select_idempotent, &session_delete,
           &session_delete_all);

/* The four parameters of LIVE_SESSION. hash must outlive the run. */
static enum status add_token(struct params *p, const char *token, int64_t now_us,
                             struct session *session, unsigned char hash[TOKEN_HASH_BYTES])
{
    if (token_parse_account(token, &session->account_id, &session->session_id, hash) != OK)
        return NOT_FOUND;
    add_bigint(p, session->account_id);
    add_bigint(p, session->session_id);
    add_bytes(p, hash, TOKEN_HASH_BYTES);
    add_time(p, now_us);
    return OK;
}

static enum status read_session(const struct rows *rows, const unsigned char *hash,
                                struct session *session)
{
    size_t n;
    if (rows->count == 0)
        return NOT_FOUND;
    const unsigned char *held = row_bytes(rows, 0, 0, &n);
    if (n != TOKEN_HASH_BYTES || sodium_memcmp(held, hash, n) != 0)
        return NOT_FOUND;
    session->created_us = row_time_us(rows, 0, 1);
    session->policy_version = row_text(rows, 0, 2);
    session->face_version = row_text(rows, 0, 3);
    return OK;
}

enum status session_find(struct store *st, struct arena *a, const char *token, int64_t now_us,
                         struct session *out)
{
    unsigned char hash[TOKEN_HASH_BYTES];
    struct session session = {0};
    struct params p = {0};
    struct rows rows;
    enum status s = add_token(&p, token, now_us, &session, hash);
    if (s == OK)
        s = db_run(st->db, a, &session_select, &p, &rows);
    if (s == OK)
        s = read_session(&rows, hash, &session);
    if (s == OK)
        *out = session;
    return s;
}

static enum idempotency_state read_marker(const struct rows *rows, const struct idempotency *i)
{
    size_t n;
    if (row_bool(rows, 0, 4))
        return IDEMPOTENCY_NEW;
    const unsigned char *body_hash = row_bytes(rows, 0, 5, &n);
    if (!body_hash)
        return IDEMPOTENCY_RUNNING; /* its row was written after our snapshot */
    if (n != sizeof i->body_hash || sodium_memcmp(body_hash, i->body_hash, n) != 0)
        return IDEMPOTENCY_REUSED;
    return row_is_null(rows, 0, 6) ? IDEMPOTENCY_RUNNING : IDEMPOTENCY_DONE;
}

enum status session_find_idempotent(struct store *st, struct arena *a, const char *token,
                                    int64_t now_us, int64_t request_life_us, struct idempotency *i,
                                    struct session *out)
{
    unsigned char hash[TOKEN_HASH_BYTES];
    struct session session = {0};
    struct params p = {0};
    struct rows rows;
    enum status s = add_token(&p, token, now_us, &session, hash);
    if (s != OK)
        return s;
    idempotency_hash(st->vault, session.account_id, i);
    add_text(&p, i->route);
    add_bytes(&p, i->key_hash, sizeof i->key_hash);
    add_bytes(&p, i->body_hash, sizeof i->body_hash);
    add_uuid(&p, &i->attempt);
    add_time(&p, now_us - request_life_us);
    s = db_run(st->db, a, &session_select_idempotent, &p, &rows);
    if (s == OK)
        s = read_session(&rows, hash, &session);
    if (s != OK)
        return s;
    i->state = read_marker(&rows, i);
    if (i->state == IDEMPOTENCY_DONE)
        s = idempotency_open(st->vault, a, session.account_id, &rows, 6, i);
    if (s == OK)
        *out = session;
    return s;
}

enum status session_end(struct store *st, struct arena *a, int64_t account_id, int64_t session_id)
{
    struct params p = {0};
    struct rows rows;
    add_bigint(&p, account_id);
    add_bigint(&p, session_id);
    return db_run(st->db, a, &session_delete, &p, &rows);
}

enum status session_end_all(struct store *st, struct arena *a, int64_t account_id)
{
    struct params p = {0};
    struct rows rows;
    add_bigint(&p, account_id);
    return db_run(st->db, a, &session_delete_all, &p, &rows);
}
