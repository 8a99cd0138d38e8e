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
struct certificate_terms {
    const char *key_path; /* whose public half is certified */
    const char *common_name;
    const char *issuer_path, *issuer_key_path; /* NULL: signed by itself */
    long from_s, until_s;                      /* from now on; both 0: five years */
    bool authority;
};
/* Writes the certificate and, behind it, its issuer's. */
bool certificate_create(const struct certificate_terms *terms, const char *path);
/* A fresh P-256 key, and a certificate signed by itself, appended to path. */
bool certificate_append_elliptic(const char *path, const char *common_name);
/* Upper-case hex, leading zeros kept; NULL when it cannot be read. */
char *certificate_serial(struct pool *pool, const char *path);
/* Alipay's name of it: MD5 of the issuer (RFC 2253) and the decimal serial number, in hex. */
char *certificate_alipay_sn(struct pool *pool, const char *path);
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
