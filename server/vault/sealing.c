/* SPDX-License-Identifier: MIT */
/* Sealing of fields and bytes under a record's data key. */
#include <sodium.h>
#include <string.h>

#include "base/check.h"
#include "vault/associated.h"
#include "vault/vault.h"

enum {
    NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG_BYTES = crypto_aead_xchacha20poly1305_ietf_ABYTES,
};
_Static_assert(VAULT_SEAL_OVERHEAD == NONCE_BYTES + TAG_BYTES, "nonce and tag");

void data_key_wipe(struct data_key *key)
{
    sodium_memzero(key, sizeof *key);
}

static void bind_column(struct associated *a, const struct record_name *name, const char *column)
{
    associated_begin(a, "seal");
    associated_add_name(a, name);
    associated_add_text(a, column);
}

void vault_seal(const struct data_key *key, const struct record_name *name, const char *column,
                const void *plain, size_t n, unsigned char *out)
{
    struct associated a;
    bind_column(&a, name, column);
    randombytes_buf(out, NONCE_BYTES);
    CHECK_PEER(crypto_aead_xchacha20poly1305_ietf_encrypt(
                   out + NONCE_BYTES, NULL, plain, n, a.bytes, a.size, NULL, out, key->bytes) == 0);
}

enum status vault_unseal(const struct data_key *key, const struct record_name *name,
                         const char *column, const unsigned char *sealed, size_t sealed_size,
                         void *out)
{
    if (sealed_size < VAULT_SEAL_OVERHEAD)
        return DENIED;
    struct associated a;
    bind_column(&a, name, column);
    const unsigned char *text = sealed + NONCE_BYTES;
    size_t n = sealed_size - VAULT_SEAL_OVERHEAD;
    /* Verify first, without an output: libsodium zeroes the output of a failed decryption, and
     * our out-parameters stay untouched. The second pass of Poly1305 costs about a tenth. */
    if (crypto_aead_xchacha20poly1305_ietf_decrypt_detached(NULL, NULL, text, n, text + n, a.bytes,
                                                            a.size, sealed, key->bytes) != 0)
        return DENIED;
    CHECK(crypto_aead_xchacha20poly1305_ietf_decrypt_detached(out, NULL, text, n, text + n, a.bytes,
                                                              a.size, sealed, key->bytes) == 0);
    return OK;
}
