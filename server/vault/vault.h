/* SPDX-License-Identifier: MIT */
/*
 * Sealing of records, and the keys that make them unreadable on time.
 *
 * Each record of personal data has a random data key. The data key is wrapped
 * under KDF(master key version, day key of the record's key_day); day keys come
 * from a forward ratchet that lives in one file outside the database, so that
 * everything sealed up to a day becomes noise, in every backup, when the
 * ratchet steps past that day (architecture, section 5).
 *
 * Not for: deciding which row dies when (jobs), SQL (store).
 * Threads: a struct vault is shared by all; calls are safe from any thread.
 * Stepping the ratchet excludes wrapping and unwrapping for its duration.
 */
#ifndef IDPHOTOD_VAULT_VAULT_H
#define IDPHOTOD_VAULT_VAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ids.h"
#include "base/status.h"

enum {
    VAULT_KEY_BYTES = 32,
    VAULT_WRAPPED_BYTES =
        1 + 2 + 4 + 24 + 32 + 16,  /* layout, master version, key_day, nonce, key, tag */
    VAULT_SEAL_OVERHEAD = 24 + 16, /* nonce, tag */
    VAULT_INDEX_BYTES = 32,
    VAULT_HASH_BYTES = 32,
};

struct vault;

/* What a record is called; part of the associated data of all that is sealed in it, so that no
 * ciphertext can be moved to another table, account or row. Borrowed for the call. */
struct record_name {
    const char *table;
    int64_t account_id; /* 0 for a record found before its account is known (payer) */
    struct uuid row_id;
};

/* A record's key in clear. Lives on a stack for the length of one call chain; wipe it. */
struct data_key {
    unsigned char bytes[VAULT_KEY_BYTES];
};
void data_key_wipe(struct data_key *key);

/* No core dumps, no debugger of the same user, and memory kept out of swap where the limit on
 * locked memory is "infinity" (keys are in locked memory anyway). Call first in main. UNAVAILABLE
 * when core dumps cannot be prevented. */
enum status vault_harden_process(void) MUST_USE;

/* Where keygen puts the first master version and the ratchet, within its folder. */
#define VAULT_FIRST_MASTER_FILE "master/1.key"
#define VAULT_RATCHET_FILE      "ratchet/ratchet.state"

/* Opens master keys and ratchet. Refuses files that are not regular, not ours, or readable by
 * group or others (mode 0400 or 0600), with a reason in `why` that names the path and no secret.
 * Their folders may not be writable by group or others. master_key_file is any file of the folder
 * that keygen wrote (every *.key beside it is read, and one bad file refuses the start).
 * Finishes a step of the ratchet that a crash cut short.
 * Returns owned; free with vault_close, which wipes. */
enum status vault_open(const char *master_key_file, const char *ratchet_file, struct vault **out,
                       char *why, size_t why_size) MUST_USE;
void vault_close(struct vault *v);

/* The path it was opened with (for guard_open). Borrowed. */
const char *vault_ratchet_file(const struct vault *v);

/* Reads the master folder again (after `keygen --rotate`; copy the new file to every host first).
 * CONFLICT when the oldest version changed: hashes and blind indexes hang on it, so the oldest
 * file always stays. On failure the keys held before stay in use. */
enum status vault_reload_masters(struct vault *v, char *why, size_t why_size) MUST_USE;

/* Writes DIR/master/ and DIR/ratchet/ (first ratchet day: `today`), or with rotate a further
 * master version. CONFLICT when keys are there already (without rotate) or missing (with). */
enum status vault_keygen(const char *dir, bool rotate, int32_t today, char *why,
                         size_t why_size) MUST_USE;

/* A fresh data key for a record, and its wrapped form for the row. INVALID when key_day lies
 * before the ratchet's day or more than 4000 days after it. */
enum status vault_key_new(struct vault *v, const struct record_name *name, int32_t key_day,
                          struct data_key *key,
                          unsigned char wrapped[VAULT_WRAPPED_BYTES]) MUST_USE;

/* DENIED when the wrapped key belongs to another record, day or master, or its day is erased. */
enum status vault_key_open(struct vault *v, const struct record_name *name,
                           const unsigned char *wrapped, size_t wrapped_size,
                           struct data_key *key) MUST_USE;

/* The same data key wrapped for another day (and the newest master version). */
enum status vault_key_rewrap(struct vault *v, const struct record_name *name,
                             const unsigned char *wrapped, size_t wrapped_size, int32_t new_day,
                             unsigned char out[VAULT_WRAPPED_BYTES]) MUST_USE;

/* The key_day that a wrapped key names (not authenticated: for choosing work only). */
int32_t vault_wrapped_day(const unsigned char wrapped[VAULT_WRAPPED_BYTES]);
/* The master version it names, and the newest version there is (for the rewrap job). */
uint16_t vault_wrapped_master(const unsigned char wrapped[VAULT_WRAPPED_BYTES]);
uint16_t vault_newest_master(const struct vault *v);

/* Seals n bytes into out (n + VAULT_SEAL_OVERHEAD bytes, given by the caller). Associated data:
 * table, column, account, row. Cannot fail. */
void vault_seal(const struct data_key *key, const struct record_name *name, const char *column,
                const void *plain, size_t n, unsigned char *out);
/* Opens sealed_size bytes into out (sealed_size - VAULT_SEAL_OVERHEAD bytes). DENIED unless it
 * was sealed for exactly this record and column. out is untouched on failure. */
enum status vault_unseal(const struct data_key *key, const struct record_name *name,
                         const char *column, const unsigned char *sealed, size_t sealed_size,
                         void *out) MUST_USE;

/* Keyed index of a value (openid, phone) for look-up without storing it; bound to kind and
 * key_day, so it dies with its day; the same under every master version. About a microsecond
 * each for days up to 447 ahead, so a lookup may compute one for each live day. INVALID as for
 * vault_key_new. */
enum status vault_blind_index(struct vault *v, const char *kind, const void *value, size_t n,
                              int32_t key_day, unsigned char out[VAULT_INDEX_BYTES]) MUST_USE;

/* Keyed hash under a key derived from the oldest master version: body hashes of idempotency,
 * account pseudonyms of the audit log (salt in `salt`), hashed ids of the erasure log. */
void vault_hash(const struct vault *v, const char *purpose, const void *salt, size_t salt_size,
                const void *value, size_t n, unsigned char out[VAULT_HASH_BYTES]);

/* The day whose state the ratchet holds: all earlier days are erased on this host. */
int32_t vault_ratchet_day(struct vault *v);

/* Steps the ratchet to new_day (forward only, at most 4000 days; INVALID otherwise): write new,
 * fsync, rename, fsync folder, overwrite the old inode, fsync. Durable on return. OK as well when
 * another process of the host has stepped that far meanwhile. UNAVAILABLE when the disk refuses
 * (the file is then the old state or the new one, and the next step or open tidies up). CONFLICT
 * when someone put another ratchet, or an earlier state, in the file's place. The caller has made
 * sure that no row uses a day before new_day and that the guard allows it. */
enum status vault_ratchet_step(struct vault *v, int32_t new_day) MUST_USE;

/* Writes a copy of the present state to a new file (0400) for safekeeping, so that a lost disk does
 * not lose every record. What that undoes: whoever holds the copy (and the master key and a
 * database backup) reads everything sealed for the copy's day or any later day, for as long as the
 * copy exists, although the service's own ratchet has moved on. Keep it offline, replace it often,
 * destroy the former one. CONFLICT when the file is there. */
enum status vault_ratchet_escrow(struct vault *v, const char *file, char *why,
                                 size_t why_size) MUST_USE;

#endif
