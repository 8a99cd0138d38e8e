/* SPDX-License-Identifier: MIT */
#include "vault/vault.h"

#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/buf.h"
#include "base/check.h"
#include "vault/associated.h"
#include "vault/big_endian.h"
#include "vault/folder.h"
#include "vault/masters.h"
#include "vault/ratchet.h"

/* Offsets within a wrapped key. */
enum {
    LAYOUT = 1,
    LAYOUT_AT = 0,
    MASTER_AT = 1,
    DAY_AT = 3,
    NONCE_AT = 7,
    TEXT_AT = 31,
    TEXT_BYTES = VAULT_KEY_BYTES + crypto_aead_xchacha20poly1305_ietf_ABYTES,
};
_Static_assert(TEXT_AT + TEXT_BYTES == VAULT_WRAPPED_BYTES, "layout 1");
_Static_assert(NONCE_AT + crypto_aead_xchacha20poly1305_ietf_NPUBBYTES == TEXT_AT, "layout 1");

/* Keys from the oldest master version, for what must stay comparable across a rotation. Locked
 * memory; never changes once opened. */
struct lasting_keys {
    unsigned char hash[VAULT_KEY_BYTES];
    unsigned char blind_index[VAULT_KEY_BYTES];
};

struct vault {
    pthread_rwlock_t lock; /* masters and ratchet; held for reading while they are in use */
    char *master_key_file;
    struct masters *masters;
    struct ratchet *ratchet;
    struct lasting_keys *lasting;
    _Atomic uint16_t newest;
};

/* BLAKE2b-256 under a key, over a label and a value. */
static void derive(const unsigned char key[VAULT_KEY_BYTES], const char *label, const void *value,
                   size_t n, unsigned char out[VAULT_KEY_BYTES])
{
    crypto_generichash_state h;
    unsigned char length[4];
    put_u32(length, (uint32_t)strlen(label));
    CHECK_PEER(crypto_generichash_init(&h, key, VAULT_KEY_BYTES, VAULT_KEY_BYTES) == 0 &&
               crypto_generichash_update(&h, length, sizeof length) == 0 &&
               crypto_generichash_update(&h, (const unsigned char *)label, strlen(label)) == 0 &&
               crypto_generichash_update(&h, value, n) == 0 &&
               crypto_generichash_final(&h, out, VAULT_KEY_BYTES) == 0);
    sodium_memzero(&h, sizeof h);
}

static struct lasting_keys *derive_lasting(const struct masters *m)
{
    struct lasting_keys *keys = sodium_malloc(sizeof *keys);
    CHECK_PEER(keys);
    const struct master *oldest = masters_oldest(m);
    derive(oldest->key, "idphotod hash", NULL, 0, keys->hash);
    derive(oldest->key, "idphotod blind index", NULL, 0, keys->blind_index);
    (void)sodium_mprotect_readonly(keys);
    return keys;
}

static void init_lock(pthread_rwlock_t *lock)
{
    pthread_rwlockattr_t attr;
    CHECK_PEER(pthread_rwlockattr_init(&attr) == 0);
    /* A step must get its turn under a constant stream of readers. */
    CHECK_PEER(pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP) ==
               0);
    CHECK_PEER(pthread_rwlock_init(lock, &attr) == 0);
    pthread_rwlockattr_destroy(&attr);
}

enum status vault_open(const char *master_key_file, const char *ratchet_file, struct vault **out,
                       char *why, size_t why_size)
{
    struct masters *masters;
    struct ratchet *ratchet;
    CHECK_PEER(sodium_init() >= 0);
    enum status s = masters_load(master_key_file, &masters, why, why_size);
    if (s != OK)
        return s;
    s = ratchet_open(ratchet_file, &ratchet, why, why_size);
    if (s != OK) {
        masters_free(masters);
        return s;
    }
    struct vault *v = calloc(1, sizeof *v);
    CHECK_PEER(v);
    init_lock(&v->lock);
    v->master_key_file = strdup(master_key_file);
    CHECK_PEER(v->master_key_file);
    v->masters = masters;
    v->ratchet = ratchet;
    v->lasting = derive_lasting(masters);
    v->newest = masters_newest(masters)->version;
    *out = v;
    return OK;
}

void vault_close(struct vault *v)
{
    if (!v)
        return;
    masters_free(v->masters);
    ratchet_close(v->ratchet);
    sodium_free(v->lasting); /* wipes */
    free(v->master_key_file);
    pthread_rwlock_destroy(&v->lock);
    free(v);
}

const char *vault_ratchet_file(const struct vault *v)
{
    return ratchet_path(v->ratchet);
}

/* Begins a use of the keys: no step comes between begin and end, and a step that another process
 * made has been followed. */
static void begin(struct vault *v)
{
    CHECK(pthread_rwlock_rdlock(&v->lock) == 0);
    if (!ratchet_moved(v->ratchet))
        return;
    pthread_rwlock_unlock(&v->lock);
    CHECK(pthread_rwlock_wrlock(&v->lock) == 0);
    if (ratchet_moved(v->ratchet))
        (void)!ratchet_follow(v->ratchet); /* logged; the keys we hold still serve */
    pthread_rwlock_unlock(&v->lock);
    CHECK(pthread_rwlock_rdlock(&v->lock) == 0);
}

static void end(struct vault *v)
{
    pthread_rwlock_unlock(&v->lock);
}

static void swap_masters(struct vault *v, struct masters *fresh)
{
    CHECK(pthread_rwlock_wrlock(&v->lock) == 0);
    struct masters *former = v->masters;
    v->masters = fresh;
    v->newest = masters_newest(fresh)->version;
    pthread_rwlock_unlock(&v->lock);
    masters_free(former);
}

enum status vault_reload_masters(struct vault *v, char *why, size_t why_size)
{
    struct masters *fresh;
    enum status s = masters_load(v->master_key_file, &fresh, why, why_size);
    if (s != OK)
        return s;
    struct lasting_keys *lasting = derive_lasting(fresh);
    bool same = sodium_memcmp(lasting, v->lasting, sizeof *lasting) == 0;
    sodium_free(lasting);
    if (!same) {
        explain(why, why_size, "%s: the oldest master key is another one", v->master_key_file);
        masters_free(fresh);
        return CONFLICT;
    }
    swap_masters(v, fresh);
    return OK;
}

/* The key that wraps data keys of a day. Between begin and end. */
static enum status wrapping_key(const struct vault *v, const struct master *master, int32_t day,
                                unsigned char out[VAULT_KEY_BYTES])
{
    unsigned char day_key[RATCHET_KEY_BYTES];
    enum status s = ratchet_day_key(v->ratchet, day, day_key);
    if (s != OK)
        return s;
    derive(master->key, "idphotod wrap", day_key, sizeof day_key, out);
    sodium_memzero(day_key, sizeof day_key);
    return OK;
}

static void bind_wrapping(struct associated *a, const struct record_name *name,
                          const unsigned char wrapped[VAULT_WRAPPED_BYTES])
{
    associated_begin(a, "wrap");
    associated_add_name(a, name);
    associated_add(a, wrapped + DAY_AT, NONCE_AT - DAY_AT);
    associated_add(a, wrapped + MASTER_AT, DAY_AT - MASTER_AT);
    associated_add(a, wrapped + LAYOUT_AT, MASTER_AT - LAYOUT_AT);
}

static enum status wrap(const struct vault *v, const struct record_name *name, int32_t day,
                        const struct data_key *key, unsigned char out[VAULT_WRAPPED_BYTES])
{
    unsigned char under[VAULT_KEY_BYTES];
    struct associated a;
    const struct master *master = masters_newest(v->masters);
    enum status s = wrapping_key(v, master, day, under);
    if (s != OK)
        return s;
    out[LAYOUT_AT] = LAYOUT;
    put_u16(out + MASTER_AT, master->version);
    put_u32(out + DAY_AT, (uint32_t)day);
    randombytes_buf(out + NONCE_AT, TEXT_AT - NONCE_AT);
    bind_wrapping(&a, name, out);
    CHECK_PEER(crypto_aead_xchacha20poly1305_ietf_encrypt(out + TEXT_AT, NULL, key->bytes,
                                                          sizeof key->bytes, a.bytes, a.size, NULL,
                                                          out + NONCE_AT, under) == 0);
    sodium_memzero(under, sizeof under);
    return OK;
}

static enum status unwrap(const struct vault *v, const struct record_name *name,
                          const unsigned char *wrapped, size_t wrapped_size, struct data_key *key)
{
    if (wrapped_size != VAULT_WRAPPED_BYTES || wrapped[LAYOUT_AT] != LAYOUT)
        return DENIED;
    unsigned char under[VAULT_KEY_BYTES], plain[VAULT_KEY_BYTES];
    struct associated a;
    const struct master *master = masters_find(v->masters, vault_wrapped_master(wrapped));
    if (!master || wrapping_key(v, master, vault_wrapped_day(wrapped), under) != OK)
        return DENIED;
    bind_wrapping(&a, name, wrapped);
    enum status s = DENIED;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, wrapped + TEXT_AT, TEXT_BYTES,
                                                   a.bytes, a.size, wrapped + NONCE_AT,
                                                   under) == 0) {
        memcpy(key->bytes, plain, sizeof plain);
        s = OK;
    }
    sodium_memzero(under, sizeof under);
    sodium_memzero(plain, sizeof plain);
    return s;
}

enum status vault_key_new(struct vault *v, const struct record_name *name, int32_t key_day,
                          struct data_key *key, unsigned char wrapped[VAULT_WRAPPED_BYTES])
{
    struct data_key fresh;
    randombytes_buf(fresh.bytes, sizeof fresh.bytes);
    begin(v);
    enum status s = wrap(v, name, key_day, &fresh, wrapped);
    end(v);
    if (s == OK)
        *key = fresh;
    data_key_wipe(&fresh);
    return s;
}

enum status vault_key_open(struct vault *v, const struct record_name *name,
                           const unsigned char *wrapped, size_t wrapped_size, struct data_key *key)
{
    begin(v);
    enum status s = unwrap(v, name, wrapped, wrapped_size, key);
    end(v);
    return s;
}

enum status vault_key_rewrap(struct vault *v, const struct record_name *name,
                             const unsigned char *wrapped, size_t wrapped_size, int32_t new_day,
                             unsigned char out[VAULT_WRAPPED_BYTES])
{
    struct data_key key;
    begin(v);
    enum status s = unwrap(v, name, wrapped, wrapped_size, &key);
    if (s == OK)
        s = wrap(v, name, new_day, &key, out);
    end(v);
    data_key_wipe(&key);
    return s;
}

int32_t vault_wrapped_day(const unsigned char wrapped[VAULT_WRAPPED_BYTES])
{
    return (int32_t)get_u32(wrapped + DAY_AT);
}

uint16_t vault_wrapped_master(const unsigned char wrapped[VAULT_WRAPPED_BYTES])
{
    return get_u16(wrapped + MASTER_AT);
}

uint16_t vault_newest_master(const struct vault *v)
{
    return v->newest;
}

/* BLAKE2b-256 under a key, over parts that carry their length. */
static void hash_parts(const unsigned char key[VAULT_KEY_BYTES], const struct span *parts, size_t n,
                       unsigned char out[VAULT_HASH_BYTES])
{
    crypto_generichash_state h;
    unsigned char length[8];
    CHECK_PEER(crypto_generichash_init(&h, key, VAULT_KEY_BYTES, VAULT_HASH_BYTES) == 0);
    for (size_t i = 0; i < n; i++) {
        put_u64(length, parts[i].size);
        CHECK_PEER(crypto_generichash_update(&h, length, sizeof length) == 0 &&
                   crypto_generichash_update(&h, parts[i].bytes, parts[i].size) == 0);
    }
    CHECK_PEER(crypto_generichash_final(&h, out, VAULT_HASH_BYTES) == 0);
    sodium_memzero(&h, sizeof h);
}

enum status vault_blind_index(struct vault *v, const char *kind, const void *value, size_t n,
                              int32_t key_day, unsigned char out[VAULT_INDEX_BYTES])
{
    unsigned char day_key[RATCHET_KEY_BYTES], key[VAULT_KEY_BYTES];
    begin(v);
    enum status s = ratchet_day_key(v->ratchet, key_day, day_key);
    end(v);
    if (s != OK)
        return s;
    derive(v->lasting->blind_index, "day", day_key, sizeof day_key, key);
    hash_parts(key, (struct span[]){{kind, strlen(kind)}, {value, n}}, 2, out);
    sodium_memzero(day_key, sizeof day_key);
    sodium_memzero(key, sizeof key);
    return OK;
}

void vault_hash(const struct vault *v, const char *purpose, const void *salt, size_t salt_size,
                const void *value, size_t n, unsigned char out[VAULT_HASH_BYTES])
{
    hash_parts(v->lasting->hash,
               (struct span[]){{purpose, strlen(purpose)}, {salt, salt_size}, {value, n}}, 3, out);
}

int32_t vault_ratchet_day(struct vault *v)
{
    begin(v);
    int32_t day = ratchet_day(v->ratchet);
    end(v);
    return day;
}

enum status vault_ratchet_step(struct vault *v, int32_t new_day)
{
    CHECK(pthread_rwlock_wrlock(&v->lock) == 0);
    enum status s = ratchet_step(v->ratchet, new_day);
    pthread_rwlock_unlock(&v->lock);
    return s;
}

enum status vault_ratchet_escrow(struct vault *v, const char *file, char *why, size_t why_size)
{
    begin(v);
    enum status s = ratchet_escrow(v->ratchet, file, why, why_size);
    end(v);
    return s;
}

enum status vault_harden_process(void)
{
    const struct rlimit none = {0, 0};
    struct rlimit locked;
    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0)
        return UNAVAILABLE;
    /* Only where the operator allows any amount: under a limit, later allocations would fail.
     * ONFAULT: thread stacks and arenas are not filled for it. */
    if (getrlimit(RLIMIT_MEMLOCK, &locked) == 0 && locked.rlim_cur == RLIM_INFINITY)
        (void)!mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
    return OK;
}
