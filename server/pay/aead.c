/* SPDX-License-Identifier: MIT */
#include "pay/aead.h"

#include <limits.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#include "base/check.h"

enum { NONCE_MAX_BYTES = 16 };

/* Fetched once: a fetch takes a lock of the whole process. */
static pthread_once_t fetched = PTHREAD_ONCE_INIT;
static EVP_CIPHER *aes_128_gcm, *aes_256_gcm;

static void fetch_ciphers(void)
{
    aes_128_gcm = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
    aes_256_gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    CHECK_PEER(aes_128_gcm && aes_256_gcm);
}

static const EVP_CIPHER *cipher_for(size_t key_bytes)
{
    CHECK_PEER(pthread_once(&fetched, fetch_ciphers) == 0);
    return key_bytes == 32 ? aes_256_gcm : key_bytes == 16 ? aes_128_gcm : NULL;
}

/* A context keyed and fed the associated data; NULL when a length is outside its rule. */
static EVP_CIPHER_CTX *start(bool seal, struct span key, struct span nonce, struct span associated,
                             size_t text_bytes)
{
    int n = 0;
    const EVP_CIPHER *cipher = cipher_for(key.size);
    if (!cipher || nonce.size < 1 || nonce.size > NONCE_MAX_BYTES || associated.size > INT_MAX ||
        text_bytes > INT_MAX)
        return NULL;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    CHECK_PEER(ctx && EVP_CipherInit_ex2(ctx, cipher, NULL, NULL, seal, NULL) == 1 &&
               EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)nonce.size, NULL) == 1 &&
               EVP_CipherInit_ex2(ctx, NULL, key.bytes, nonce.bytes, seal, NULL) == 1);
    if (associated.size)
        CHECK_PEER(EVP_CipherUpdate(ctx, NULL, &n, associated.bytes, (int)associated.size) == 1);
    return ctx;
}

enum status aead_open(struct span key, struct span nonce, struct span associated,
                      struct span sealed, unsigned char *out)
{
    unsigned char tag[AEAD_TAG_BYTES], none[AEAD_TAG_BYTES];
    int n = 0;
    if (sealed.size < AEAD_TAG_BYTES)
        return INVALID;
    size_t text_bytes = sealed.size - AEAD_TAG_BYTES;
    EVP_CIPHER_CTX *ctx = start(false, key, nonce, associated, text_bytes);
    if (!ctx)
        return INVALID;
    const unsigned char *text = sealed.bytes;
    memcpy(tag, text + text_bytes, sizeof tag);
    if (text_bytes)
        CHECK_PEER(EVP_CipherUpdate(ctx, out, &n, text, (int)text_bytes) == 1);
    CHECK_PEER(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, sizeof tag, tag) == 1);
    bool authentic = EVP_CipherFinal_ex(ctx, none, &n) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (!authentic && text_bytes)
        sodium_memzero(out, text_bytes);
    return authentic ? OK : DENIED;
}

enum status aead_seal(struct span key, struct span nonce, struct span associated, struct span plain,
                      unsigned char *out)
{
    unsigned char none[AEAD_TAG_BYTES];
    int n = 0;
    EVP_CIPHER_CTX *ctx = start(true, key, nonce, associated, plain.size);
    if (!ctx)
        return INVALID;
    if (plain.size)
        CHECK_PEER(EVP_CipherUpdate(ctx, out, &n, plain.bytes, (int)plain.size) == 1);
    CHECK_PEER(EVP_CipherFinal_ex(ctx, none, &n) == 1);
    CHECK_PEER(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_BYTES, out + plain.size) ==
               1);
    EVP_CIPHER_CTX_free(ctx);
    return OK;
}
