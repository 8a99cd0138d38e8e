/* SPDX-License-Identifier: MIT */
#include "store/operator.h"

#include <sodium.h>
#include <string.h>

#include "base/clock.h"

static const struct statement operator_insert = {
    "operator_insert",
    "INSERT INTO operator (operator_id, name, role, token_no, token_hash, created_at, expires_at)"
    " VALUES ($1, $2, $3, $4, $5, $6, $6::timestamptz + interval '90 days')"};

static const struct statement operator_select = {
    "operator_select", "SELECT operator_id, name, role, created_at, expires_at, revoked_at"
                       " FROM operator ORDER BY name"};

static const struct statement operator_end = {
    "operator_end",
    "WITH known AS (SELECT 1 FROM operator WHERE name = $1),"
    " ended AS (UPDATE operator SET revoked_at = $2 WHERE name = $1 AND revoked_at IS NULL)"
    " SELECT 1 FROM known"};

static const struct statement operator_by_token = {
    "operator_by_token",
    "SELECT operator_id, name, role, created_at, expires_at, revoked_at, token_hash FROM operator"
    " WHERE token_no = $1 AND revoked_at IS NULL AND expires_at > $2"};

static const struct statement audit_insert = {"audit_insert",
                                              "INSERT INTO audit_log (at, actor, operator_id, "
                                              "pseudonym, action, object_id, purpose, purpose_id)"
                                              " VALUES ($1, 'operator', $2, (SELECT pseudonym FROM "
                                              "account WHERE account_id = $3), $4, $5, $6,"
                                              "  $7)"};

/* Every row with an end. held: something still needs it, or it waits for the provider's word. */
static const struct statement retention_select = {
    "retention_select",
    "WITH ends AS ("
    " SELECT c.purpose || '-photo' AS class, c.expires_at, EXISTS (SELECT 1 FROM order_item i"
    "   JOIN orders o USING (account_id, order_id) WHERE i.account_id = c.account_id"
    "    AND i.photo_id = c.photo_id AND (o.state = 'unpaid' OR (o.paid_at IS NOT NULL"
    "     AND o.promoted_at IS NULL))) AS held FROM photo_copy c"
    " UNION ALL SELECT CASE WHEN o.paid_at IS NULL THEN 'unpaid-order' ELSE 'order' END,"
    "  o.expires_at, o.paid_at IS NULL AND EXISTS (SELECT 1 FROM payment p"
    "   WHERE p.account_id = o.account_id AND p.order_id = o.order_id AND p.state = 'pending')"
    "  FROM orders o"
    " UNION ALL SELECT 'payer', expires_at, false FROM payer"
    " UNION ALL SELECT 'session', expires_at, false FROM session"
    " UNION ALL SELECT 'idempotency-answer', expires_at, false FROM idempotency"
    " UNION ALL SELECT 'receipt', expires_at, false FROM receipt"
    " UNION ALL SELECT 'erased-attempt', expires_at, false FROM erased_attempt"
    " UNION ALL SELECT 'print-batch', expires_at, false FROM print_batch"
    " UNION ALL SELECT 'account', a.idle_from + interval '31 days',"
    "  EXISTS (SELECT 1 FROM orders o WHERE o.account_id = a.account_id)"
    "  OR EXISTS (SELECT 1 FROM photo_copy c WHERE c.account_id = a.account_id) FROM account a)"
    " SELECT class, count(expires_at), min(expires_at),"
    "  count(*) FILTER (WHERE expires_at < $1::timestamptz - interval '1 minute' AND NOT held)"
    " FROM unnest(ARRAY['draft-photo', 'electronic-photo', 'print-photo', 'unpaid-order', 'order',"
    "  'payer', 'account', 'session', 'idempotency-answer', 'receipt', 'erased-attempt',"
    "  'print-batch'])"
    "  WITH ORDINALITY AS known (class, n) LEFT JOIN ends USING (class) GROUP BY class, n ORDER BY "
    "n"};

static const struct statement purge_last = {
    "purge_last", "SELECT started_at, photos, orders, accounts FROM job_run WHERE job = 'purge'"
                  " AND outcome = 'ok' ORDER BY started_at DESC LIMIT 1"};

static const struct statement job_run_insert = {
    "job_run_insert", "INSERT INTO job_run (job, started_at, finished_at, host, outcome, rows,"
                      " photos, orders, accounts) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"};

static const struct statement job_run_last = {
    "job_run_last", "SELECT DISTINCT ON (job) job, started_at, finished_at, host, outcome, rows,"
                    " photos, orders, accounts FROM job_run ORDER BY job, started_at DESC"};

/* Class 4857366 and a number that comes from the job's name. */
static const struct statement job_lock_try = {"job_lock_try",
                                              "SELECT pg_try_advisory_lock(4857366, hashtext($1))"};
static const struct statement job_lock_release = {
    "job_lock_release", "SELECT pg_advisory_unlock(4857366, hashtext($1))"};

STATEMENTS(operator_statements, &operator_insert, &operator_select, &operator_end,
           &operator_by_token, &audit_insert, &retention_select, &purge_last);
STATEMENTS(job_statements, &job_run_insert, &job_run_last, &job_lock_try, &job_lock_release);

enum status operator_add(struct store *st, struct arena *a, const char *name, const char *role,
                         int64_t now_us, char token[TOKEN_BYTES])
{
    struct params p = {0};
    struct rows rows;
    struct uuid id = uuid_new();
    int64_t token_no = account_id_new();
    unsigned char hash[TOKEN_HASH_BYTES];
    token_hash(token_make_operator(token_no, token), hash);
    add_uuid(&p, &id);
    add_text(&p, name);
    add_text(&p, role);
    add_bigint(&p, token_no);
    add_bytes(&p, hash, sizeof hash);
    add_time(&p, now_us);
    return db_run(st->db, a, &operator_insert, &p, &rows);
}

static struct operator_row read_operator(const struct rows *rows, int i)
{
    return (struct operator_row){row_uuid(rows, i, 0),    row_text(rows, i, 1),
                                 row_text(rows, i, 2),    row_time_us(rows, i, 3),
                                 row_time_us(rows, i, 4), row_time_us(rows, i, 5)};
}

enum status operator_list(struct store *st, struct arena *a, struct operator_row **out,
                          size_t *count)
{
    struct rows rows;
    enum status s = db_run(st->db, a, &operator_select, NULL, &rows);
    if (s != OK)
        return s;
    struct operator_row *list = arena_alloc(a, (size_t)rows.count * sizeof *list);
    for (int i = 0; i < rows.count; i++)
        list[i] = read_operator(&rows, i);
    *out = list;
    *count = (size_t)rows.count;
    return OK;
}

enum status operator_revoke(struct store *st, struct arena *a, const char *name, int64_t now_us)
{
    struct params p = {0};
    struct rows rows;
    add_text(&p, name);
    add_time(&p, now_us);
    enum status s = db_run(st->db, a, &operator_end, &p, &rows);
    return s == OK && rows.count == 0 ? NOT_FOUND : s;
}

enum status operator_find(struct store *st, struct arena *a, const char *token, int64_t now_us,
                          struct operator_row *out)
{
    struct params p = {0};
    struct rows rows;
    int64_t token_no;
    unsigned char hash[TOKEN_HASH_BYTES];
    size_t n;
    if (token_parse_operator(token, &token_no, hash) != OK)
        return NOT_FOUND;
    add_bigint(&p, token_no);
    add_time(&p, now_us);
    enum status s = db_run(st->db, a, &operator_by_token, &p, &rows);
    if (s != OK)
        return s;
    if (rows.count == 0)
        return NOT_FOUND;
    const unsigned char *held = row_bytes(&rows, 0, 6, &n);
    if (n != sizeof hash || sodium_memcmp(held, hash, n) != 0)
        return NOT_FOUND;
    *out = read_operator(&rows, 0);
    return OK;
}

enum status audit_write(struct store *st, struct arena *a, const struct audit *audit)
{
    struct params p = {0};
    struct rows rows;
    add_time(&p, audit->at_us);
    add_uuid(&p, audit->operator_id);
    add_bigint(&p, audit->account_id);
    add_text(&p, audit->action);
    add_uuid_or_null(&p, audit->object_id);
    add_text(&p, audit->purpose);
    add_text(&p, audit->purpose_id);
    return db_run(st->db, a, &audit_insert, &p, &rows);
}

enum status retention_read(struct store *st, struct arena *a, int64_t now_us, struct retention *out)
{
    struct params p = {0};
    struct rows rows[2];
    struct retention r = {0};
    add_time(&p, now_us);
    const struct step steps[] = {{&retention_select, &p}, {&purge_last, NULL}};
    enum status s = db_run_batch(st->db, a, steps, 2, rows);
    if (s != OK)
        return s;
    for (int i = 0; i < rows[0].count && i < RETENTION_CLASSES_MAX; i++)
        r.classes[r.n_classes++] =
            (struct retention_class){row_text(&rows[0], i, 0), row_bigint(&rows[0], i, 1),
                                     row_time_us(&rows[0], i, 2), row_bigint(&rows[0], i, 3)};
    if (rows[1].count > 0) {
        r.purge_at_us = row_time_us(&rows[1], 0, 0);
        r.purge_photos = row_bigint(&rows[1], 0, 1);
        r.purge_orders = row_bigint(&rows[1], 0, 2);
        r.purge_accounts = row_bigint(&rows[1], 0, 3);
    }
    *out = r;
    return OK;
}

enum status job_run_write(struct store *st, struct arena *a, const struct job_run *run)
{
    struct params p = {0};
    struct rows rows;
    add_text(&p, run->job);
    add_time(&p, run->started_us);
    add_time(&p, run->finished_us);
    add_text(&p, run->host);
    add_text(&p, run->outcome);
    add_bigint(&p, run->rows);
    add_bigint(&p, run->purged.photos);
    add_bigint(&p, run->purged.orders);
    add_bigint(&p, run->purged.accounts);
    return db_run(st->db, a, &job_run_insert, &p, &rows);
}

enum status job_run_list(struct store *st, struct arena *a, struct job_run **out, size_t *count)
{
    struct rows rows;
    enum status s = db_run(st->db, a, &job_run_last, NULL, &rows);
    if (s != OK)
        return s;
    struct job_run *list = arena_alloc(a, (size_t)rows.count * sizeof *list);
    for (int i = 0; i < rows.count; i++)
        list[i] = (struct job_run){
            row_text(&rows, i, 0),
            row_time_us(&rows, i, 1),
            row_time_us(&rows, i, 2),
            row_text(&rows, i, 3),
            row_text(&rows, i, 4),
            row_bigint(&rows, i, 5),
            {row_bigint(&rows, i, 6), row_bigint(&rows, i, 7), row_bigint(&rows, i, 8), 0}};
    *out = list;
    *count = (size_t)rows.count;
    return OK;
}

static enum status run_lock(struct store *st, struct arena *a, const struct statement *statement,
                            const char *job, bool *had)
{
    struct params p = {0};
    struct rows rows;
    add_text(&p, job);
    enum status s = db_run(st->db, a, statement, &p, &rows);
    if (s == OK)
        *had = row_bool(&rows, 0, 0);
    return s;
}

enum status job_lock(struct store *st, struct arena *a, const char *job, bool *locked)
{
    return run_lock(st, a, &job_lock_try, job, locked);
}

enum status job_unlock(struct store *st, struct arena *a, const char *job)
{
    bool had;
    return run_lock(st, a, &job_lock_release, job, &had);
}
