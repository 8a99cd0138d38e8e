/* SPDX-License-Identifier: MIT */
/* Renews the keys of rows that may still be read when their key_day comes near. */
#include "base/clock.h"
#include "base/log.h"
#include "store/account.h"
#include "store/lifetime.h"
#include "store/wechat_binding.h"

/* Each kind of row: what is due by day $1, and how the new key goes in. An order that is open, or
 * paid and not yet promoted, and all that hangs on it, lives on from day to day. */
#define UNPAID     "o.state = 'unpaid'"
#define UNPROMOTED "o.paid_at IS NOT NULL AND o.promoted_at IS NULL"
/* A cancelled order stays as well while the provider may still take the money. Each of the three
 * sets is small and has an index of its own. */
#define KEPT_ORDERS                                                                                \
    "WITH kept AS (SELECT o.account_id, o.order_id FROM orders o WHERE " UNPAID                    \
    " UNION SELECT o.account_id, o.order_id FROM orders o WHERE " UNPROMOTED                       \
    " UNION SELECT q.account_id, q.order_id FROM payment q WHERE q.state = 'pending') "

struct lease {
    const char *table; /* of the record's name */
    struct statement due, put;
    int32_t ahead_days;   /* due when key_day is this near */
    int32_t renewed_days; /* and then lives this long */
};

static const struct lease leases[] = {
    {"account",
     {"lease_account_due",
      "SELECT account_id, '00000000-0000-0000-0000-000000000000'::uuid, ''::text,"
      " key_wrapped FROM account WHERE key_day <= $1 LIMIT $2"},
     {"lease_account_put",
      "UPDATE account SET key_day = $4, key_wrapped = $5"
      " WHERE account_id = $1 AND $2::uuid IS NOT NULL AND $3::text IS NOT NULL"
      "  AND key_wrapped = $6"},
     10,
     GUARDIAN_LEASE_DAYS},
    {"orders",
     {"lease_order_due",
      KEPT_ORDERS "SELECT account_id, order_id, ''::text, o.key_wrapped FROM kept"
                  " JOIN orders o USING (account_id, order_id) WHERE o.key_day <= $1 LIMIT $2"},
     {"lease_order_put", "UPDATE orders SET key_day = $4, key_wrapped = $5 WHERE account_id = $1"
                         " AND order_id = $2 AND $3::text IS NOT NULL AND key_wrapped = $6"},
     0,
     2},
    {"payment",
     {"lease_payment_due",
      KEPT_ORDERS "SELECT account_id, p.payment_id, order_id::text, p.key_wrapped FROM kept"
                  " JOIN payment p USING (account_id, order_id) WHERE p.key_day <= $1 LIMIT $2"},
     {"lease_payment_put",
      "UPDATE payment SET key_day = $4, key_wrapped = $5 WHERE account_id = $1"
      " AND payment_id = $2 AND order_id = $3::text::uuid AND key_wrapped = $6"},
     0,
     2},
    {"photo",
     {"lease_photo_due",
      "SELECT c.account_id, c.photo_id, c.purpose, c.key_wrapped FROM photo_copy c"
      " WHERE c.key_day <= $1 AND EXISTS (SELECT 1 FROM order_item i"
      "  JOIN orders o USING (account_id, order_id) WHERE i.account_id = c.account_id"
      "   AND i.photo_id = c.photo_id AND (" UNPAID " OR (" UNPROMOTED "))) LIMIT $2"},
     {"lease_photo_put",
      "WITH moved AS (UPDATE photo_copy n SET key_day = $4, drop_day = $4, key_wrapped = $5"
      "   FROM photo_copy o WHERE n.account_id = $1 AND n.photo_id = $2 AND n.purpose = $3"
      "    AND n.key_wrapped = $6 AND o.account_id = $1 AND o.photo_id = $2 AND o.purpose = $3"
      "   RETURNING o.drop_day AS old_day)"
      " INSERT INTO photo_bytes (drop_day, account_id, photo_id, purpose, sealed)"
      "  SELECT $4, $1, $2, $3, b.sealed FROM photo_bytes b, moved WHERE b.drop_day = moved.old_day"
      "   AND b.account_id = $1 AND b.photo_id = $2 AND b.purpose = $3 ON CONFLICT DO NOTHING"},
     0,
     2},
};

STATEMENTS(lease_statements, &leases[0].due, &leases[0].put, &leases[1].due, &leases[1].put,
           &leases[2].due, &leases[2].put, &leases[3].due, &leases[3].put);

static enum status renew_row(struct store *st, struct arena *a, const struct lease *lease,
                             const struct rows *due, int i, int32_t new_day)
{
    size_t n;
    struct params p = {0};
    struct rows rows;
    struct record_name name = {lease->table, row_bigint(due, i, 0), row_uuid(due, i, 1)};
    const unsigned char *wrapped = row_bytes(due, i, 3, &n);
    unsigned char fresh[VAULT_WRAPPED_BYTES];
    enum status s = vault_key_rewrap(st->vault, &name, wrapped, n, new_day, fresh);
    if (s != OK)
        return s;
    add_bigint(&p, name.account_id);
    add_uuid(&p, &name.row_id);
    add_text(&p, row_text(due, i, 2));
    add_day(&p, new_day);
    add_bytes(&p, fresh, sizeof fresh);
    add_bytes(&p, wrapped, n);
    return db_run(st->db, a, &lease->put, &p, &rows);
}

/* A row that does not open keeps nobody else from a lease; the first failure is told at the end. */
static enum status renew_kind(struct store *st, struct arena *a, const struct lease *lease,
                              int64_t now_us, int limit, int *renewed)
{
    struct params p = {0};
    struct rows due;
    add_day(&p, day_of(now_us) + lease->ahead_days);
    add_bigint(&p, limit);
    enum status s = db_run(st->db, a, &lease->due, &p, &due);
    int n = s == OK ? due.count : 0;
    for (int i = 0; s != UNAVAILABLE && i < n; i++) {
        enum status one = renew_row(st, a, lease, &due, i, day_of(now_us) + lease->renewed_days);
        if (one == OK) {
            ++*renewed;
            continue;
        }
        log_error("lease.failed", LOG_STR("table", lease->table),
                  LOG_STR("status", status_name(one)));
        if (s == OK || one == UNAVAILABLE)
            s = one;
    }
    return s;
}

enum status lease_renew(struct store *st, int64_t now_us, int limit, int *renewed)
{
    struct arena *a = arena_new();
    enum status s = OK;
    int n = 0;
    for (size_t i = 0; s != UNAVAILABLE && i < sizeof leases / sizeof *leases; i++) {
        enum status one = renew_kind(st, a, &leases[i], now_us, limit, &n);
        if (s == OK || one == UNAVAILABLE)
            s = one;
    }
    if (s != UNAVAILABLE) {
        enum status one = wechat_binding_renew(st, a, now_us, limit, &n);
        if (s == OK || one == UNAVAILABLE)
            s = one;
    }
    arena_free(a);
    if (s == OK)
        *renewed = n;
    return s;
}
