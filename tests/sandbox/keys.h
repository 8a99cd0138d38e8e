/* SPDX-License-Identifier: MIT */
/*
 * RSA keys, certificates and AES-256-GCM over OpenSSL: what the providers sign,
 * verify and encrypt with. Keys are read-only once loaded; any thread.
 */
#ifndef SANDBOX_KEYS_H
#define SANDBOX_KEYS_H

#include "pool.h"

#include <openssl/evp.h>
#include <stdbool.h>

/* Writes path through a temporary neighbour, mode 0600. */
bool file_write(const char *path, const void *bytes, size_t n);
/* The whole file, at most 64 KiB; NULL when it cannot be read. */
char *file_read(struct pool *pool, const char *path, size_t *n);

/* A fresh RSA-2048 key pair, its private half written to private_path (PKCS#8 PEM) and, where
 * given, its public half to public_path (SubjectPublicKeyInfo PEM). */
bool key_create(const char *private_path, const char *public_path);
EVP_PKEY *key_load_private(const char *path);
EVP_PKEY *key_load_public(const char *path);
/* A self-signed certificate of five years for the key in key_path. */
bool certificate_create(const char *key_path, const char *path, const char *common_name);
/* Upper-case hex, leading zeros kept; NULL when it cannot be read. */
char *certificate_serial(struct pool *pool, const char *path);
/* The public key inside a certificate. */
EVP_PKEY *certificate_load_key(const char *path);

/* RSASSA-PKCS1-v1_5 with SHA-256, base64. */
char *key_sign(struct pool *pool, EVP_PKEY *key, const char *text, size_t n);
bool key_verify(struct pool *pool, EVP_PKEY *key, const char *text, size_t n,
                const char *signature);

/* AES-256-GCM; base64 of ciphertext and tag. key32: 32 bytes; nonce12: 12 bytes. */
char *aead_seal(struct pool *pool, const char *key32, const char *nonce12, const char *aad,
                const char *plaintext, size_t n);

#endif
