/* SPDX-License-Identifier: MIT */
/* After `keygen --rotate`: every data key is wrapped again under the newest master version. */
#include "base/log.h"
#include "store/lifetime.h"

/* Bytes 2 and 3 of a wrapped key are its master version, big-endian (vault.h). $1 is the newest. */
#define OLDER   "substring(key_wrapped FROM 2 FOR 2) < $1"
#define NO_TEXT "''::text"

struct rewrap {
    const char *table;                   /* of the record's name, */
    bool named_by_text, without_account; /* and how the rest of it is made */
    struct statement due, put;
};

/* A row that does not open keeps no other from being wrapped again; the first failure is told at
 * the end. Each due row: account, row id, a text that names the rest of the row, the wrapped key.
 */
static const struct rewrap rewraps[] = {
    {"account",
     false,
     false,
     {"rewrap_account_due",
      "SELECT account_id, '00000000-0000-0000-0000-000000000000'::uuid, " NO_TEXT
      ", key_wrapped FROM account WHERE " OLDER " LIMIT $2"},
     {"rewrap_account_put", "UPDATE account SET key_wrapped = $4 WHERE account_id = $1"
                            " AND $2::uuid IS NOT NULL AND $3::text IS NOT NULL"
                            " AND key_wrapped = $5"}},
    {"orders",
     false,
     false,
     {"rewrap_orders_due",
      "SELECT account_id, order_id, " NO_TEXT ", key_wrapped FROM orders WHERE " OLDER " LIMIT $2"},
     {"rewrap_orders_put", "UPDATE orders SET key_wrapped = $4 WHERE account_id = $1"
                           " AND order_id = $2 AND $3::text IS NOT NULL AND key_wrapped = $5"}},
    {"payment",
     false,
     false,
     {"rewrap_payment_due",
      "SELECT account_id, payment_id, order_id::text, key_wrapped FROM payment"
      " WHERE " OLDER " LIMIT $2"},
     {"rewrap_payment_put", "UPDATE payment SET key_wrapped = $4 WHERE account_id = $1"
                            " AND payment_id = $2 AND order_id = $3::text::uuid"
                            " AND key_wrapped = $5"}},
    {"photo",
     false,
     false,
     {"rewrap_photo_due", "SELECT account_id, photo_id, purpose, key_wrapped FROM photo_copy"
                          " WHERE " OLDER " LIMIT $2"},
     {"rewrap_photo_put", "UPDATE photo_copy SET key_wrapped = $4 WHERE account_id = $1"
                          " AND photo_id = $2 AND purpose = $3 AND key_wrapped = $5"}},
    /* found by its trade number before any account is known (settle.c) */
    {"payer",
     true,
     true,
     {"rewrap_payer_due", "SELECT account_id, order_id, out_trade_no, key_wrapped FROM payer"
                          " WHERE " OLDER " LIMIT $2"},
     {"rewrap_payer_put", "UPDATE payer SET key_wrapped = $4 WHERE account_id = $1"
                          " AND order_id = $2 AND out_trade_no = $3 AND key_wrapped = $5"}},
    {"wechat_binding",
     true,
     false,
     {"rewrap_wechat_due", "SELECT account_id, '00000000-0000-0000-0000-000000000000'::uuid, appid,"
                           " key_wrapped FROM wechat_binding WHERE " OLDER " LIMIT $2"},
     {"rewrap_wechat_put", "UPDATE wechat_binding SET key_wrapped = $4 WHERE account_id = $1"
                           " AND $2::uuid IS NOT NULL AND appid = $3 AND key_wrapped = $5"}},
};

STATEMENTS(rewrap_statements, &rewraps[0].due, &rewraps[0].put, &rewraps[1].due, &rewraps[1].put,
           &rewraps[2].due, &rewraps[2].put, &rewraps[3].due, &rewraps[3].put, &rewraps[4].due,
           &rewraps[4].put, &rewraps[5].due, &rewraps[5].put);

static struct record_name name_of(const struct rewrap *w, const struct rows *due, int i)
{
    return (struct record_name){
        .table = w->table,
        .account_id = w->without_account ? 0 : row_bigint(due, i, 0),
        .row_id = w->named_by_text ? uuid_of_text(row_text(due, i, 2)) : row_uuid(due, i, 1),
    };
}

static enum status rewrap_row(struct store *st, struct arena *a, const struct rewrap *w,
                              const struct rows *due, int i)
{
    size_t n;
    struct params p = {0};
    struct rows rows;
    struct record_name name = name_of(w, due, i);
    struct uuid row_id = row_uuid(due, i, 1);
    const unsigned char *wrapped = row_bytes(due, i, 3, &n);
    unsigned char fresh[VAULT_WRAPPED_BYTES];
    enum status s =
        vault_key_rewrap(st->vault, &name, wrapped, n, vault_wrapped_day(wrapped), fresh);
    if (s != OK)
        return s;
    add_bigint(&p, row_bigint(due, i, 0));
    add_uuid(&p, &row_id);
    add_text(&p, row_text(due, i, 2));
    add_bytes(&p, fresh, sizeof fresh);
    add_bytes(&p, wrapped, n);
    return db_run(st->db, a, &w->put, &p, &rows);
}

static enum status rewrap_table(struct store *st, struct arena *a, const struct rewrap *w,
                                const unsigned char newest[2], int limit, int *done)
{
    struct params p = {0};
    struct rows due;
    add_bytes(&p, newest, 2);
    add_bigint(&p, limit);
    enum status s = db_run(st->db, a, &w->due, &p, &due);
    int n = s == OK ? due.count : 0;
    for (int i = 0; s != UNAVAILABLE && i < n; i++) {
        enum status one = rewrap_row(st, a, w, &due, i);
        if (one == OK) {
            ++*done;
            continue;
        }
        log_error("rewrap.failed", LOG_STR("table", w->table), LOG_STR("status", status_name(one)));
        if (s == OK || one == UNAVAILABLE)
            s = one;
    }
    return s;
}

enum status master_rewrap(struct store *st, int limit, int *rewrapped)
{
    uint16_t version = vault_newest_master(st->vault);
    const unsigned char newest[2] = {(unsigned char)(version >> 8), (unsigned char)version};
    struct arena *a = arena_new();
    enum status s = OK;
    int n = 0;
    for (size_t i = 0; s != UNAVAILABLE && i < sizeof rewraps / sizeof *rewraps; i++) {
        enum status one = rewrap_table(st, a, &rewraps[i], newest, limit, &n);
        if (s == OK || one == UNAVAILABLE)
            s = one;
    }
    arena_free(a);
    if (s == OK)
        *rewrapped = n;
    return s;
}
