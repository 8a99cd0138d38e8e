/* SPDX-License-Identifier: MIT */
#include "store/wechat_binding.h"

#include <sodium.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"

#define TABLE "wechat_binding"

enum {
    LEASE_DAYS = 31,
    RENEWED_AHEAD_DAYS = 10,
    LIVE_DAYS_MAX = 400, /* of a look-up: a ratchet that waits for long is alarmed elsewhere */
    TRIES = 4,
};

/* Two logins of one user make their look-up and their rows one after the other, whatever day the
 * index of either is bound to. $1 is a keyed hash of the user. */
static const struct statement binding_lock = {"wechat_binding_lock",
                                              "SELECT pg_advisory_xact_lock($1)"};

static const struct statement binding_find = {
    "wechat_binding_find",
    "SELECT account_id FROM wechat_binding WHERE openid_index = ANY ($1::bytea[]) AND appid = $2"};

static const struct statement binding_unknown = {
    "wechat_binding_unknown", "SELECT guard(NOT EXISTS (SELECT 1 FROM wechat_binding"
                              " WHERE openid_index = ANY ($1::bytea[]) AND appid = $2),"
                              " 'openid-bound')"};

/* A binding that a restored backup brought and nobody can read any more gives way ($8: the
 * ratchet's day). */
static const struct statement binding_insert = {
    "wechat_binding_insert",
    "INSERT INTO wechat_binding AS b (account_id, appid, bound_at, key_day, key_wrapped,"
    " openid_index, openid_sealed) VALUES ($1, $2, $3, $4, $5, $6, $7)"
    " ON CONFLICT (account_id, appid) DO UPDATE SET bound_at = excluded.bound_at,"
    "  key_day = excluded.key_day, key_wrapped = excluded.key_wrapped,"
    "  openid_index = excluded.openid_index, openid_sealed = excluded.openid_sealed"
    " WHERE b.key_day < $8"};

static const struct statement binding_ours = {
    "wechat_binding_ours", "SELECT guard(EXISTS (SELECT 1 FROM wechat_binding WHERE account_id = $1"
                           " AND openid_index = $2), 'account-bound')"};

static const struct statement binding_select = {
    "wechat_binding_select", "SELECT key_wrapped, openid_sealed FROM wechat_binding"
                             " WHERE account_id = $1 AND appid = $2 AND key_day >= $3"};

static const struct statement binding_any = {
    "wechat_binding_any",
    "SELECT EXISTS (SELECT 1 FROM wechat_binding WHERE account_id = $1 AND key_day >= $2)"};

static const struct statement binding_due = {
    "wechat_binding_due", "SELECT account_id, appid, key_wrapped, openid_sealed FROM wechat_binding"
                          " WHERE key_day BETWEEN $1 AND $2 ORDER BY key_day LIMIT $3"};

static const struct statement binding_put = {
    "wechat_binding_put",
    "UPDATE wechat_binding SET key_day = $3, key_wrapped = $4, openid_index = $5"
    " WHERE account_id = $1 AND appid = $2 AND key_wrapped = $6"};

STATEMENTS(wechat_binding_statements, &binding_lock, &binding_find, &binding_unknown,
           &binding_insert, &binding_ours, &binding_select, &binding_any, &binding_due,
           &binding_put);

/* ---- the index ---- */

static const char *name_of(struct arena *a, const struct wechat_user *user)
{
    return arena_printf(a, "%s\n%s", user->appid, user->openid);
}

static enum status index_of(struct store *st, const char *name, int32_t day,
                            unsigned char out[VAULT_INDEX_BYTES])
{
    return vault_blind_index(st->vault, "wechat openid", name, strlen(name), day, out);
}

/* The user's index on every day that a binding may hang on, as the next parameter. */
static enum status add_live_indexes(struct store *st, struct arena *a, struct params *p,
                                    const char *name, int64_t now_us)
{
    unsigned char(*values)[VAULT_INDEX_BYTES] = arena_alloc(a, sizeof *values * LIVE_DAYS_MAX);
    size_t n = 0;
    int32_t last = day_of(now_us) + LEASE_DAYS + 1; /* another host may be a day ahead */
    int32_t first = vault_ratchet_day(st->vault);
    enum status s = OK;
    if (first < last - LIVE_DAYS_MAX + 1)
        first = last - LIVE_DAYS_MAX + 1;
    for (int32_t day = first; s == OK && day <= last; day++) {
        s = index_of(st, name, day, values[n++]);
        if (s == INVALID && day < vault_ratchet_day(st->vault)) { /* it stepped meanwhile */
            s = OK;
            n--;
        }
    }
    if (s == OK)
        add_bytes_array(p, a, values[0], VAULT_INDEX_BYTES, n);
    return s;
}

static int64_t lock_number(struct store *st, const char *name)
{
    unsigned char hash[VAULT_HASH_BYTES];
    int64_t number;
    vault_hash(st->vault, "wechat login", NULL, 0, name, strlen(name), hash);
    memcpy(&number, hash, sizeof number);
    return number;
}

static enum status find(struct store *st, struct arena *a, const struct wechat_user *user,
                        int64_t now_us, int64_t *account_id)
{
    struct params p = {0};
    struct rows rows;
    enum status s = add_live_indexes(st, a, &p, name_of(a, user), now_us);
    add_text(&p, user->appid);
    if (s == OK)
        s = db_run(st->db, a, &binding_find, &p, &rows);
    if (s == OK && rows.count == 0)
        s = NOT_FOUND;
    if (s == OK)
        *account_id = row_bigint(&rows, 0, 0);
    return s;
}

/* ---- binding ---- */

/* The steps that bind: those before the account is there, and those after. */
struct binding {
    struct params lock, unknown, row, ours;
    struct step before[2], after[2];
};

static enum status add_row(struct store *st, struct arena *a, int64_t account_id,
                           const struct wechat_user *user, int64_t now_us, struct binding *b)
{
    struct record r;
    unsigned char *index = arena_alloc(a, VAULT_INDEX_BYTES);
    int32_t day = day_of(now_us) + LEASE_DAYS;
    enum status s = index_of(st, name_of(a, user), day, index);
    if (s == OK)
        s = record_new(st->vault, TABLE, account_id, uuid_of_text(user->appid), day, &r);
    if (s != OK)
        return s;
    add_bigint(&b->row, account_id);
    add_text(&b->row, user->appid);
    add_time(&b->row, now_us);
    add_day(&b->row, day);
    add_bytes(&b->row, arena_copy(a, r.wrapped, sizeof r.wrapped), sizeof r.wrapped);
    add_bytes(&b->row, index, VAULT_INDEX_BYTES);
    add_sealed_text(&b->row, a, &r, "openid_sealed", user->openid);
    add_day(&b->row, vault_ratchet_day(st->vault));
    add_bigint(&b->ours, account_id);
    add_bytes(&b->ours, index, VAULT_INDEX_BYTES);
    record_wipe(&r);
    return OK;
}

static enum status make_binding(struct store *st, struct arena *a, int64_t account_id,
                                const struct wechat_user *user, int64_t now_us, struct binding *b)
{
    const char *name = name_of(a, user);
    *b = (struct binding){.before = {{&binding_lock, &b->lock}, {&binding_unknown, &b->unknown}},
                          .after = {{&binding_insert, &b->row}, {&binding_ours, &b->ours}}};
    add_bigint(&b->lock, lock_number(st, name));
    enum status s = add_live_indexes(st, a, &b->unknown, name, now_us);
    add_text(&b->unknown, user->appid);
    return s == OK ? add_row(st, a, account_id, user, now_us, b) : s;
}

static enum status create(struct store *st, struct arena *a, const struct wechat_user *user,
                          const char *policy_version, int64_t now_us, struct wechat_login *out)
{
    struct account_birth *birth = arena_alloc(a, sizeof *birth);
    struct binding *b = arena_alloc(a, sizeof *b);
    struct rows rows[7];
    enum status s = account_birth(st, a, now_us, false, NULL, policy_version, birth);
    if (s == OK)
        s = make_binding(st, a, birth->account_id, user, now_us, b);
    if (s != OK)
        return s;
    const struct step steps[] = {b->before[0],    b->before[1], birth->steps[0], birth->steps[1],
                                 birth->steps[2], b->after[0],  b->after[1]};
    s = db_run_batch(st->db, a, steps, 7, rows);
    if (s == OK) {
        *out = (struct wechat_login){.account_id = birth->account_id, .created = true};
        memcpy(out->token, birth->token, sizeof out->token);
    }
    return s;
}

static enum status open_session(struct store *st, struct arena *a, int64_t account_id,
                                const char *policy_version, int64_t now_us,
                                struct wechat_login *out)
{
    struct wechat_login login = {.account_id = account_id};
    enum status s = session_create(st, a, account_id, policy_version, now_us, login.token);
    if (s == OK)
        *out = login;
    return s;
}

/* Whoever loses a race against another login, or against an erasure, looks again. */
enum status wechat_binding_login(struct store *st, struct arena *a, const struct wechat_user *user,
                                 const char *policy_version, int64_t now_us,
                                 struct wechat_login *out)
{
    enum status s = CONFLICT;
    for (int i = 0; i < TRIES && (s == CONFLICT || s == NOT_FOUND); i++) {
        int64_t account_id;
        s = find(st, a, user, now_us, &account_id);
        if (s == OK)
            s = open_session(st, a, account_id, policy_version, now_us, out);
        else if (s == NOT_FOUND)
            s = create(st, a, user, policy_version, now_us, out);
    }
    return s == CONFLICT || s == NOT_FOUND ? RETRY : s;
}

static enum status bind(struct store *st, struct arena *a, int64_t account_id,
                        const struct wechat_user *user, int64_t now_us)
{
    struct binding *b = arena_alloc(a, sizeof *b);
    struct rows rows[4];
    enum status s = make_binding(st, a, account_id, user, now_us, b);
    const struct step steps[] = {b->before[0], b->before[1], b->after[0], b->after[1]};
    return s == OK ? db_run_batch(st->db, a, steps, 4, rows) : s;
}

enum status wechat_binding_add(struct store *st, struct arena *a, int64_t account_id,
                               const struct wechat_user *user, const char *policy_version,
                               int64_t now_us, struct wechat_login *out)
{
    int64_t bound = account_id;
    enum status s = bind(st, a, account_id, user, now_us);
    if (s == CONFLICT && db_refused_by(st->db, "openid-bound")) {
        s = find(st, a, user, now_us, &bound);
        if (s == NOT_FOUND) /* that account was erased meanwhile */
            s = bind(st, a, account_id, user, now_us);
        else if (s == OK && bound != account_id)
            s = CONFLICT;
    }
    return s == OK ? open_session(st, a, account_id, policy_version, now_us, out) : s;
}

/* ---- reading ---- */

enum status wechat_binding_openid(struct store *st, struct arena *a, int64_t account_id,
                                  const char *appid, const char **openid)
{
    struct params p = {0};
    struct rows rows;
    struct record r;
    const char *found = NULL;
    add_bigint(&p, account_id);
    add_text(&p, appid);
    add_day(&p, vault_ratchet_day(st->vault));
    enum status s = db_run(st->db, a, &binding_select, &p, &rows);
    if (s == OK && rows.count == 0)
        s = NOT_FOUND;
    if (s == OK)
        s = record_open(st->vault, TABLE, account_id, uuid_of_text(appid), &rows, 0, 0, &r);
    if (s != OK)
        return s;
    s = row_sealed_text(&rows, 0, 1, a, &r, "openid_sealed", &found);
    record_wipe(&r);
    if (s == OK)
        *openid = found;
    return s;
}

enum status wechat_binding_exists(struct store *st, struct arena *a, int64_t account_id,
                                  bool *bound)
{
    struct params p = {0};
    struct rows rows;
    add_bigint(&p, account_id);
    add_day(&p, vault_ratchet_day(st->vault));
    enum status s = db_run(st->db, a, &binding_any, &p, &rows);
    if (s == OK)
        *bound = row_bool(&rows, 0, 0);
    return s;
}

/* ---- the lease ---- */

static enum status renew_row(struct store *st, struct arena *a, const struct rows *due, int i,
                             int32_t new_day)
{
    size_t n;
    struct record r;
    struct params p = {0};
    struct rows rows;
    struct wechat_user user = {row_text(due, i, 1), NULL};
    const struct record_name name = {TABLE, row_bigint(due, i, 0), uuid_of_text(user.appid)};
    const unsigned char *wrapped = row_bytes(due, i, 2, &n);
    unsigned char fresh[VAULT_WRAPPED_BYTES], index[VAULT_INDEX_BYTES];
    enum status s = record_open(st->vault, TABLE, name.account_id, name.row_id, due, i, 2, &r);
    if (s != OK)
        return s;
    s = row_sealed_text(due, i, 3, a, &r, "openid_sealed", &user.openid);
    record_wipe(&r);
    if (s == OK)
        s = index_of(st, name_of(a, &user), new_day, index);
    if (s == OK)
        s = vault_key_rewrap(st->vault, &name, wrapped, n, new_day, fresh);
    if (s != OK)
        return s;
    add_bigint(&p, name.account_id);
    add_text(&p, user.appid);
    add_day(&p, new_day);
    add_bytes(&p, fresh, sizeof fresh);
    add_bytes(&p, index, sizeof index);
    add_bytes(&p, wrapped, n);
    return db_run(st->db, a, &binding_put, &p, &rows);
}

/* A row that does not open keeps nobody else from a lease; the first failure is told at the end. */
enum status wechat_binding_renew(struct store *st, struct arena *a, int64_t now_us, int limit,
                                 int *renewed)
{
    struct params p = {0};
    struct rows due;
    add_day(&p, vault_ratchet_day(st->vault));
    add_day(&p, day_of(now_us) + RENEWED_AHEAD_DAYS);
    add_bigint(&p, limit);
    enum status s = db_run(st->db, a, &binding_due, &p, &due);
    int n = s == OK ? due.count : 0;
    for (int i = 0; s != UNAVAILABLE && i < n; i++) {
        enum status one = renew_row(st, a, &due, i, day_of(now_us) + LEASE_DAYS);
        if (one == OK) {
            ++*renewed;
            continue;
        }
        log_error("lease.failed", LOG_STR("table", TABLE), LOG_STR("status", status_name(one)));
        if (s == OK || one == UNAVAILABLE)
            s = one;
    }
    return s;
}
