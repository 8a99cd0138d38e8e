/* SPDX-License-Identifier: MIT */
/*
 * erasures.log: what people had erased, kept beside the ratchet.
 *
 * A person's own erasure cannot wait for its key day, and a restored backup
 * must not bring the row back. Each erasure appends one line, "key_day
 * base64(hash of table, account, row)", and is fsynced before the answer. A
 * restore replays the log before the service opens. Lines whose key day is
 * past are dropped when the ratchet steps. Any thread; several processes of
 * one host may append.
 */
#ifndef IDPHOTOD_VAULT_ERASURES_H
#define IDPHOTOD_VAULT_ERASURES_H

#include <stdbool.h>
#include <stddef.h>

#include "vault/vault.h"

struct erasure {
    struct record_name name;
    int32_t key_day;
};

/* Durable on return. UNAVAILABLE when the disk refuses. */
enum status erasures_append(struct vault *v, const struct erasure *list, size_t n) MUST_USE;

/* The log as a set, for a replay. A last line without a newline (a crash; never acknowledged) does
 * not count. INVALID when a whole line is damaged: a replay that forgets is worse than none.
 * Returns owned. */
struct erasure_set;
enum status erasures_load(struct vault *v, struct erasure_set **out) MUST_USE;
bool erasures_contains(const struct erasure_set *set, const struct vault *v,
                       const struct record_name *name);
/* Distinct records. */
size_t erasures_count(const struct erasure_set *set);
void erasures_free(struct erasure_set *set);

/* Drops lines with key_day < day (the ratchet has passed them). */
enum status erasures_trim(struct vault *v, int32_t day) MUST_USE;

#endif
