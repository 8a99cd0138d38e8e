/* SPDX-License-Identifier: MIT */
#include "key_pair.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void take_text(BIO *bio, char *out, size_t room)
{
    int n = BIO_read(bio, out, (int)room - 1);
    cr_assert(n > 0 && (size_t)n < room - 1);
    out[n] = '\0';
    BIO_free(bio);
}

static void read_pem(const json_t *keys, const char *name, const char *half, char *out, size_t room)
{
    char id[64];
    snprintf(id, sizeof id, "%s_%s", name, half);
    const char *pem = json_string_value(json_object_get(json_object_get(keys, id), "pem"));
    cr_assert(pem && strlen(pem) < room, "no key %s", id);
    memcpy(out, pem, strlen(pem) + 1);
}

struct key_pair key_pair_named(const char *name)
{
    struct key_pair k = {0};
    json_t *file = json_load_file("tests/vectors/keys.json", 0, NULL);
    const json_t *keys = json_object_get(file, "keys");
    read_pem(keys, name, "private", k.private_pem, sizeof k.private_pem);
    read_pem(keys, name, "public", k.public_pem, sizeof k.public_pem);
    json_decref(file);
    BIO *bio = BIO_new_mem_buf(k.private_pem, -1);
    k.pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)"");
    BIO_free(bio);
    cr_assert(k.pkey);
    cr_assert_eq(rsa_load_private(k.private_pem, strlen(k.private_pem), RSA_PEM, &k.private_key),
                 OK);
    cr_assert_eq(rsa_load_public(k.public_pem, strlen(k.public_pem), RSA_PEM, &k.public_key), OK);
    return k;
}

void key_pair_free(struct key_pair *k)
{
    rsa_free(k->private_key);
    rsa_free(k->public_key);
    EVP_PKEY_free(k->pkey);
}

const char *evp_sign(const struct key_pair *k, const void *text, size_t n, struct arena *a)
{
    unsigned char bytes[512];
    size_t size = sizeof bytes;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    cr_assert_eq(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, k->pkey), 1);
    cr_assert_eq(EVP_DigestSign(ctx, bytes, &size, text, n), 1);
    EVP_MD_CTX_free(ctx);
    char *out = arena_alloc(a, 2 * size);
    EVP_EncodeBlock((unsigned char *)out, bytes, (int)size);
    return out;
}

bool evp_verify(const struct key_pair *k, const void *text, size_t n, const char *signature)
{
    unsigned char bytes[512];
    int size = EVP_DecodeBlock(bytes, (const unsigned char *)signature, (int)strlen(signature));
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t signature_size = (size_t)EVP_PKEY_get_size(k->pkey);
    cr_assert(size >= (int)signature_size);
    cr_assert_eq(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, k->pkey), 1);
    /* EVP_DecodeBlock counts the bytes of the padding in. */
    bool valid = EVP_DigestVerify(ctx, bytes, signature_size, text, n) == 1;
    EVP_MD_CTX_free(ctx);
    return valid;
}

static void add_entry(X509_NAME *name, const char *field, const char *value)
{
    cr_assert_eq(X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                                            (const unsigned char *)value, -1, -1, 0),
                 1);
}

const char *self_signed(const struct key_pair *k, const char *issuer, const char *cn, long serial,
                        struct arena *a)
{
    char pem[8192];
    X509 *x = X509_new();
    BIO *bio = BIO_new(BIO_s_mem());
    X509_NAME *name = X509_get_subject_name(x);
    add_entry(name, "C", "CN");
    add_entry(name, "O", issuer);
    add_entry(name, "CN", cn);
    cr_assert(X509_set_issuer_name(x, name) && ASN1_INTEGER_set(X509_get_serialNumber(x), serial) &&
              X509_gmtime_adj(X509_getm_notBefore(x), 0) &&
              X509_gmtime_adj(X509_getm_notAfter(x), 86400) && X509_set_pubkey(x, k->pkey) &&
              X509_sign(x, k->pkey, EVP_sha256()) && PEM_write_bio_X509(bio, x));
    take_text(bio, pem, sizeof pem);
    X509_free(x);
    return arena_strdup(a, pem);
}

static void remove_file(void *path)
{
    unlink(path);
}

const char *file_with(const char *content, struct arena *a)
{
    char *path = arena_strdup(a, "/tmp/idphotod-alipay-XXXXXX");
    int fd = mkstemp(path);
    cr_assert(fd >= 0);
    cr_assert_eq(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    close(fd);
    arena_defer(a, remove_file, path);
    return path;
}
