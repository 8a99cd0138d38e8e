/* SPDX-License-Identifier: MIT */
#include "store/idempotency.h"

#include <sodium.h>
#include <string.h>

#include "base/clock.h"

static const struct statement idempotency_finish = {
    "idempotency_finish",
    "WITH done AS (UPDATE idempotency SET http_status = $5, key_day = $6, key_wrapped = $7,"
    "  answer_sealed = $8 WHERE account_id = $1 AND route = $2 AND key_hash = $3 AND attempt = $4"
    "  AND http_status IS NULL RETURNING 1)"
    " SELECT guard((SELECT count(*) FROM done) = 1, 'idempotency')"};

static const struct statement idempotency_drop = {
    "idempotency_drop", "DELETE FROM idempotency WHERE account_id = $1 AND route = $2"
                        " AND key_hash = $3 AND attempt = $4 AND http_status IS NULL"};

STATEMENTS(idempotency_statements, &idempotency_finish, &idempotency_drop);

/* The record is named by the hash of its key: the row has no id of its own. */
static struct uuid row_id_of(const struct idempotency *i)
{
    struct uuid id;
    memcpy(id.bytes, i->key_hash, sizeof id.bytes);
    return id;
}

void idempotency_hash(const struct vault *v, int64_t account_id, struct idempotency *i)
{
    struct buf whole = {0};
    vault_hash(v, "idempotency key", &account_id, sizeof account_id, i->key, strlen(i->key),
               i->key_hash);
    for (size_t n = 0; n < sizeof i->request / sizeof *i->request; n++) {
        uint64_t size = i->request[n].size;
        buf_add(&whole, &size, sizeof size);
        buf_add(&whole, i->request[n].bytes, i->request[n].size);
    }
    vault_hash(v, "idempotency body", &account_id, sizeof account_id, whole.bytes, whole.size,
               i->body_hash);
    buf_free(&whole);
}

enum status idempotency_open(struct vault *v, struct arena *a, int64_t account_id,
                             const struct rows *rows, int first_col, struct idempotency *i)
{
    struct record r;
    enum status s =
        record_open(v, "idempotency", account_id, row_id_of(i), rows, 0, first_col + 1, &r);
    if (s != OK)
        return s;
    s = row_sealed_text(rows, 0, first_col + 2, a, &r, "answer_sealed", &i->answer);
    i->http_status = row_int(rows, 0, first_col);
    record_wipe(&r);
    return s;
}

static void add_marker(struct params *p, int64_t account_id, const struct idempotency *i)
{
    add_bigint(p, account_id);
    add_text(p, i->route);
    add_bytes(p, i->key_hash, sizeof i->key_hash);
    add_uuid(p, &i->attempt);
}

enum status idempotency_finish_step(struct store *st, struct arena *a, int64_t account_id,
                                    const struct idempotency *i, int http_status,
                                    const char *answer, int64_t now_us, struct params *p,
                                    struct step *out)
{
    struct record r;
    enum status s =
        record_new(st->vault, "idempotency", account_id, row_id_of(i), day_of(now_us) + 1, &r);
    if (s != OK)
        return s;
    add_marker(p, account_id, i);
    add_int(p, http_status);
    add_day(p, r.key_day);
    add_bytes(p, arena_copy(a, r.wrapped, sizeof r.wrapped), sizeof r.wrapped);
    add_sealed_text(p, a, &r, "answer_sealed", answer);
    record_wipe(&r);
    *out = (struct step){&idempotency_finish, p};
    return OK;
}

enum status idempotency_release(struct store *st, struct arena *a, int64_t account_id,
                                const struct idempotency *i)
{
    struct params p = {0};
    struct rows rows;
    add_marker(&p, account_id, i);
    return db_run(st->db, a, &idempotency_drop, &p, &rows);
}
