/* SPDX-License-Identifier: MIT */
#include "pay/rsa.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"

enum { SHA256_BYTES = 32, SIGNATURE_MAX_BYTES = RSA_MAX_BITS / 8 };

struct rsa_key {
    EVP_PKEY *pkey;
    EVP_MD *sha256;
    size_t signature_bytes;
    EVP_PKEY_CTX *verifier; /* prepared once; copied for each call */
    EVP_PKEY_CTX *signer;   /* NULL for a public key */
};

/* What a text holds once its armour is off. */
struct der {
    char label[32]; /* "" when it had no armour */
    unsigned char *bytes;
    size_t size;
};

static void der_free(struct der *der)
{
    OPENSSL_clear_free(der->bytes, der->size);
    *der = (struct der){0};
}

static enum status open_armour(const char *text, size_t n, struct der *out)
{
    enum status status = INVALID;
    char *name = NULL, *header = NULL;
    unsigned char *bytes = NULL;
    long size = 0;
    BIO *bio = BIO_new_mem_buf(text, (int)n);
    CHECK_PEER(bio);
    if (PEM_read_bio(bio, &name, &header, &bytes, &size) != 1)
        goto out;
    /* A header means an encrypted key; there is no place for a passphrase. */
    if (strlen(name) >= sizeof out->label || header[0])
        goto out;
    strcpy(out->label, name);
    out->bytes = bytes;
    out->size = (size_t)size;
    bytes = NULL;
    status = OK;
out:
    OPENSSL_clear_free(bytes, (size_t)size);
    OPENSSL_free(name);
    OPENSSL_free(header);
    BIO_free(bio);
    return status;
}

static size_t copy_without_white_space(const char *text, size_t n, char *out)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!strchr(" \t\r\n", text[i]) || text[i] == '\0')
            out[kept++] = text[i];
    return kept;
}

static enum status open_bare(const char *text, size_t n, struct der *out)
{
    char *packed = malloc(n + 1);
    CHECK_PEER(packed);
    size_t kept = copy_without_white_space(text, n, packed);
    size_t room = BASE64_DECODED_MAX(kept) + 1, size = 0;
    unsigned char *bytes = OPENSSL_malloc(room);
    CHECK_PEER(bytes);
    enum status status = base64_decode(packed, kept, bytes, room, &size);
    sodium_memzero(packed, n + 1);
    free(packed);
    if (status != OK || size == 0) {
        OPENSSL_clear_free(bytes, room);
        return INVALID;
    }
    *out = (struct der){.bytes = bytes, .size = size};
    return OK;
}

static enum status open_text(const char *text, size_t n, enum rsa_form form, struct der *out)
{
    if (n > RSA_MAX_BITS * 4)
        return INVALID;
    enum status status = open_armour(text, n, out);
    if (status != OK && form == RSA_PEM_OR_BARE)
        status = open_bare(text, n, out);
    return status;
}

static EVP_PKEY *pkcs1_public(const unsigned char **at, long size)
{
    return d2i_PublicKey(EVP_PKEY_RSA, NULL, at, size);
}

static EVP_PKEY *certificate_key(const unsigned char **at, long size)
{
    X509 *x = d2i_X509(NULL, at, size);
    EVP_PKEY *pkey = x ? X509_get_pubkey(x) : NULL;
    X509_free(x);
    return pkey;
}

static EVP_PKEY *spki_public(const unsigned char **at, long size)
{
    return d2i_PUBKEY(NULL, at, size);
}

static EVP_PKEY *any_private(const unsigned char **at, long size)
{
    return d2i_AutoPrivateKey(NULL, at, size);
}

static const struct reader {
    const char *label;
    bool private_key;
    bool bare; /* may stand without armour */
    EVP_PKEY *(*read)(const unsigned char **at, long size);
} READERS[] = {
    {"PRIVATE KEY", true, true, any_private},       {"RSA PRIVATE KEY", true, false, any_private},
    {"PUBLIC KEY", false, true, spki_public},       {"RSA PUBLIC KEY", false, true, pkcs1_public},
    {"CERTIFICATE", false, false, certificate_key},
};

static EVP_PKEY *read_der(const struct der *der, bool private_key)
{
    for (size_t i = 0; i < sizeof READERS / sizeof READERS[0]; i++) {
        const struct reader *r = &READERS[i];
        if (r->private_key != private_key ||
            (der->label[0] ? strcmp(der->label, r->label) != 0 : !r->bare))
            continue;
        const unsigned char *at = der->bytes;
        EVP_PKEY *pkey = r->read(&at, (long)der->size);
        if (pkey && at == der->bytes + der->size)
            return pkey;
        EVP_PKEY_free(pkey);
    }
    return NULL;
}

static bool size_allowed(const EVP_PKEY *pkey)
{
    int bits = EVP_PKEY_get_bits(pkey);
    return EVP_PKEY_get_base_id(pkey) == EVP_PKEY_RSA && bits >= RSA_MIN_BITS &&
           bits <= RSA_MAX_BITS;
}

static EVP_PKEY_CTX *prepare(const struct rsa_key *key, int (*init)(EVP_PKEY_CTX *))
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    CHECK_PEER(ctx && init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
               EVP_PKEY_CTX_set_signature_md(ctx, key->sha256) == 1);
    return ctx;
}

static struct rsa_key *key_new(EVP_PKEY *pkey, bool private_key)
{
    struct rsa_key *key = calloc(1, sizeof *key);
    CHECK_PEER(key);
    key->pkey = pkey;
    key->signature_bytes = (size_t)EVP_PKEY_get_size(pkey);
    key->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    CHECK_PEER(key->sha256);
    key->verifier = prepare(key, EVP_PKEY_verify_init);
    if (private_key)
        key->signer = prepare(key, EVP_PKEY_sign_init);
    return key;
}

static enum status load(const char *text, size_t n, enum rsa_form form, bool private_key,
                        struct rsa_key **out)
{
    struct der der = {0};
    EVP_PKEY *pkey = NULL;
    ERR_set_mark();
    enum status status = open_text(text, n, form, &der);
    if (status == OK)
        pkey = read_der(&der, private_key);
    if (pkey && size_allowed(pkey)) {
        *out = key_new(pkey, private_key);
    } else {
        EVP_PKEY_free(pkey);
        status = INVALID;
    }
    der_free(&der);
    ERR_pop_to_mark();
    return status;
}

enum status rsa_load_private(const char *text, size_t n, enum rsa_form form, struct rsa_key **out)
{
    return load(text, n, form, true, out);
}

enum status rsa_load_public(const char *text, size_t n, enum rsa_form form, struct rsa_key **out)
{
    return load(text, n, form, false, out);
}

void rsa_free(struct rsa_key *key)
{
    if (!key)
        return;
    EVP_PKEY_CTX_free(key->verifier);
    EVP_PKEY_CTX_free(key->signer);
    EVP_MD_free(key->sha256);
    EVP_PKEY_free(key->pkey);
    free(key);
}

static enum status serial_text(X509 *x, char serial[RSA_SERIAL_BYTES])
{
    enum status status = INVALID;
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
    char *hex = number && !BN_is_negative(number) ? BN_bn2hex(number) : NULL;
    if (hex && strlen(hex) < RSA_SERIAL_BYTES) {
        strcpy(serial, hex);
        status = OK;
    }
    OPENSSL_free(hex);
    BN_free(number);
    return status;
}

/* NULL when the text has none. To be freed. */
static X509 *read_certificate(const char *pem, size_t n)
{
    struct der der = {0};
    X509 *x = NULL;
    ERR_set_mark();
    if (open_text(pem, n, RSA_PEM, &der) == OK && strcmp(der.label, "CERTIFICATE") == 0) {
        const unsigned char *at = der.bytes;
        x = d2i_X509(NULL, &at, (long)der.size);
    }
    der_free(&der);
    ERR_pop_to_mark();
    return x;
}

enum status rsa_certificate_serial(const char *pem, size_t n, char serial[RSA_SERIAL_BYTES])
{
    X509 *x = read_certificate(pem, n);
    enum status status = x ? serial_text(x, serial) : INVALID;
    X509_free(x);
    return status;
}

enum status rsa_certificate_end_us(const char *pem, size_t n, int64_t *end_us)
{
    X509 *x = read_certificate(pem, n);
    struct tm end;
    bool known = x && ASN1_TIME_to_tm(X509_get0_notAfter(x), &end) == 1;
    X509_free(x);
    if (!known)
        return INVALID;
    *end_us = timegm(&end) * SECOND_US;
    return OK;
}

char *rsa_public_text(const struct rsa_key *key, struct arena *a)
{
    unsigned char *der = NULL;
    int size = i2d_PUBKEY(key->pkey, &der);
    CHECK_PEER(size > 0);
    char *text = base64_encode(a, der, (size_t)size);
    OPENSSL_free(der);
    return text;
}

static void digest(const struct rsa_key *key, const struct span *parts, size_t n_parts,
                   unsigned char out[SHA256_BYTES])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    CHECK_PEER(ctx && EVP_DigestInit_ex2(ctx, key->sha256, NULL) == 1);
    for (size_t i = 0; i < n_parts; i++)
        CHECK_PEER(EVP_DigestUpdate(ctx, parts[i].bytes, parts[i].size) == 1);
    CHECK_PEER(EVP_DigestFinal_ex(ctx, out, NULL) == 1);
    EVP_MD_CTX_free(ctx);
}

enum status rsa_sign(const struct rsa_key *key, const struct span *parts, size_t n_parts,
                     struct arena *a, const char **signature)
{
    unsigned char hash[SHA256_BYTES], bytes[SIGNATURE_MAX_BYTES];
    size_t size = sizeof bytes;
    if (!key->signer)
        return INVALID;
    digest(key, parts, n_parts, hash);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_dup(key->signer);
    CHECK_PEER(ctx);
    ERR_set_mark();
    int done = EVP_PKEY_sign(ctx, bytes, &size, hash, sizeof hash);
    ERR_pop_to_mark();
    EVP_PKEY_CTX_free(ctx);
    if (done != 1) /* a private key whose numbers do not fit together */
        return INVALID;
    *signature = base64_encode(a, bytes, size);
    return OK;
}

enum status rsa_verify(const struct rsa_key *key, const struct span *parts, size_t n_parts,
                       const char *signature, size_t signature_size)
{
    unsigned char hash[SHA256_BYTES], bytes[SIGNATURE_MAX_BYTES];
    size_t size = 0;
    if (base64_decode(signature, signature_size, bytes, key->signature_bytes, &size) != OK ||
        size != key->signature_bytes)
        return DENIED;
    digest(key, parts, n_parts, hash);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_dup(key->verifier);
    CHECK_PEER(ctx);
    ERR_set_mark();
    int valid = EVP_PKEY_verify(ctx, bytes, size, hash, sizeof hash);
    ERR_pop_to_mark();
    EVP_PKEY_CTX_free(ctx);
    return valid == 1 ? OK : DENIED;
}

bool rsa_is_pair(const struct rsa_key *private_key, const struct rsa_key *public_key)
{
    const struct span probe = {"key pair test", sizeof "key pair test" - 1};
    const char *signature = NULL;
    struct arena *a = arena_new();
    bool pair = rsa_sign(private_key, &probe, 1, a, &signature) == OK &&
                rsa_verify(public_key, &probe, 1, signature, strlen(signature)) == OK;
    arena_free(a);
    return pair;
}
