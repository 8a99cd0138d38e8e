/* SPDX-License-Identifier: MIT */
#include <sodium.h>
#include <string.h>

#include "base/log.h"
#include "store/store.h"

enum status record_new(struct vault *v, const char *table, int64_t account_id, struct uuid row_id,
                       int32_t key_day, struct record *out)
{
    struct record r = {.name = {table, account_id, row_id}, .key_day = key_day};
    enum status s = vault_key_new(v, &r.name, key_day, &r.key, r.wrapped);
    if (s == OK)
        *out = r;
    record_wipe(&r);
    if (s != INVALID)
        return s;
    log_error("record.day-without-key", LOG_STR("table", table), LOG_INT("key_day", key_day));
    return UNAVAILABLE;
}

enum status record_open(struct vault *v, const char *table, int64_t account_id, struct uuid row_id,
                        const struct rows *rows, int row, int wrapped_col, struct record *out)
{
    struct record r = {.name = {table, account_id, row_id}};
    size_t n;
    const unsigned char *wrapped = row_bytes(rows, row, wrapped_col, &n);
    if (!wrapped || n != sizeof r.wrapped)
        return NOT_FOUND;
    enum status s = vault_key_open(v, &r.name, wrapped, n, &r.key);
    if (s == OK) {
        memcpy(r.wrapped, wrapped, n);
        r.key_day = vault_wrapped_day(r.wrapped);
        *out = r;
    }
    record_wipe(&r);
    return s;
}

void record_wipe(struct record *r)
{
    data_key_wipe(&r->key);
}

struct span sealed_text(struct arena *a, const struct record *r, const char *column,
                        const char *text)
{
    size_t n = strlen(text);
    unsigned char *sealed = arena_alloc(a, n + VAULT_SEAL_OVERHEAD);
    vault_seal(&r->key, &r->name, column, text, n, sealed);
    return (struct span){sealed, n + VAULT_SEAL_OVERHEAD};
}

void add_sealed_text(struct params *p, struct arena *a, const struct record *r, const char *column,
                     const char *text)
{
    struct span sealed = text ? sealed_text(a, r, column, text) : (struct span){NULL, 0};
    add_bytes(p, sealed.bytes, sealed.size);
}

enum status row_sealed_text(const struct rows *rows, int row, int col, struct arena *a,
                            const struct record *r, const char *column, const char **text)
{
    size_t n;
    const unsigned char *sealed = row_bytes(rows, row, col, &n);
    if (!sealed) {
        *text = NULL;
        return OK;
    }
    if (n < VAULT_SEAL_OVERHEAD)
        return DENIED;
    char *plain = arena_alloc(a, n - VAULT_SEAL_OVERHEAD + 1);
    enum status s = vault_unseal(&r->key, &r->name, column, sealed, n, plain);
    if (s == OK)
        *text = plain;
    return s;
}

struct uuid uuid_of_text(const char *text)
{
    struct uuid id;
    crypto_generichash(id.bytes, sizeof id.bytes, (const unsigned char *)text, strlen(text), NULL,
                       0);
    return id;
}

bool db_refused_by(const struct db *d, const char *reason)
{
    return strcmp(db_last_constraint(d), reason) == 0;
}
