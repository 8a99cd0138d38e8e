/* SPDX-License-Identifier: MIT */
/*
 * Keys for tests that play Alipay: test-only ones of tests/vectors, used
 * through OpenSSL alone, so that what the code under test signs and verifies
 * meets another hand.
 */
#ifndef IDPHOTOD_TESTS_KEY_PAIR_H
#define IDPHOTOD_TESTS_KEY_PAIR_H

#include <openssl/evp.h>
#include <stdbool.h>

#include "base/arena.h"
#include "pay/rsa.h"

struct key_pair {
    EVP_PKEY *pkey;
    struct rsa_key *private_key, *public_key;
    char private_pem[4096], public_pem[1024];
};

/* "merchant", "platform" or "wechatpay": NAME_private and NAME_public of keys.json. */
struct key_pair key_pair_named(const char *name);
void key_pair_free(struct key_pair *k);

/* SHA256withRSA and base64, by EVP. */
const char *evp_sign(const struct key_pair *k, const void *text, size_t n, struct arena *a);
bool evp_verify(const struct key_pair *k, const void *text, size_t n, const char *signature);

/* A certificate of the key, PEM in the arena: subject and issuer "C=CN, O=issuer, CN=cn". */
const char *self_signed(const struct key_pair *k, const char *issuer, const char *cn, long serial,
                        struct arena *a);

/* A file of mode 0600; its path in the arena. Removed with the arena. */
const char *file_with(const char *content, struct arena *a);

#endif
