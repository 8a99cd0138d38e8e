/* SPDX-License-Identifier: MIT */
/*
 * RSA keys and SHA256withRSA signatures (RSASSA-PKCS1-v1_5), as both payment
 * providers use them. Keys of less than 2048 bits are refused.
 *
 * A key is immutable once loaded; any thread, at the same time: each call
 * copies a prepared OpenSSL context, so nothing is looked up and no global
 * lock is taken. Private numbers lie in OpenSSL's secure heap when the process
 * set one up before the first key was loaded.
 */
#ifndef IDPHOTOD_PAY_RSA_H
#define IDPHOTOD_PAY_RSA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/status.h"
#include "pay/base64.h"

struct rsa_key;

enum rsa_form {
    RSA_PEM,         /* armour required */
    RSA_PEM_OR_BARE, /* also the bare base64 of consoles, line breaks allowed */
};

enum { RSA_MIN_BITS = 2048, RSA_MAX_BITS = 8192, RSA_SERIAL_BYTES = 2 * 20 + 1 };

/* PKCS#8 or PKCS#1, not encrypted. INVALID when the text is no such key, or is not RSA of an
 * allowed size. Returns owned. */
enum status rsa_load_private(const char *text, size_t n, enum rsa_form form,
                             struct rsa_key **out) MUST_USE;
/* SubjectPublicKeyInfo or PKCS#1; with armour also an X.509 certificate, of which the key is
 * taken. Returns owned. */
enum status rsa_load_public(const char *text, size_t n, enum rsa_form form,
                            struct rsa_key **out) MUST_USE;
void rsa_free(struct rsa_key *key);

/* Serial number of the first certificate of a PEM text: upper-case hex, whole bytes, no sign
 * byte. INVALID when there is none, or it is negative or longer than 20 bytes. */
enum status rsa_certificate_serial(const char *pem, size_t n,
                                   char serial[RSA_SERIAL_BYTES]) MUST_USE;

/* When the first certificate of a PEM text ends. INVALID when there is none. */
enum status rsa_certificate_end_us(const char *pem, size_t n, int64_t *end_us) MUST_USE;

/* The public half as base64 of its SubjectPublicKeyInfo, in the arena. */
char *rsa_public_text(const struct rsa_key *key, struct arena *a) __attribute__((returns_nonnull));

/* Signs the parts joined; base64 in the arena. INVALID when the key is not a private one. */
enum status rsa_sign(const struct rsa_key *key, const struct span *parts, size_t n_parts,
                     struct arena *a, const char **signature) MUST_USE;

/* DENIED unless the base64 text (strict) is the signature of the parts joined. */
enum status rsa_verify(const struct rsa_key *key, const struct span *parts, size_t n_parts,
                       const char *signature, size_t signature_size) MUST_USE;

/* What one signs the other verifies. */
bool rsa_is_pair(const struct rsa_key *private_key, const struct rsa_key *public_key);

#endif
