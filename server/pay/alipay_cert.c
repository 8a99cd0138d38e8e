/* SPDX-License-Identifier: MIT */
#include "pay/alipay_cert.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"

/* Names stay as the certificate writes them: no escapes for characters beyond ASCII. */
static const unsigned long ISSUER_FORM = XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB;

static char *serial_decimal(X509 *x)
{
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get_serialNumber(x), NULL);
    char *text = number ? BN_bn2dec(number) : NULL;
    BN_free(number);
    return text;
}

static enum status name_of(X509 *x, char sn[ALIPAY_CERT_SN_BYTES])
{
    enum status status = INVALID;
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned int hash_size = 0;
    char *named;
    long named_size;
    BIO *bio = BIO_new(BIO_s_mem());
    char *serial = serial_decimal(x);
    CHECK_PEER(bio);
    if (!serial || X509_NAME_print_ex(bio, X509_get_issuer_name(x), 0, ISSUER_FORM) < 0 ||
        BIO_puts(bio, serial) <= 0)
        goto out;
    named_size = BIO_get_mem_data(bio, &named);
    CHECK_PEER(EVP_Digest(named, (size_t)named_size, hash, &hash_size, EVP_md5(), NULL) == 1);
    for (unsigned int i = 0; i < hash_size; i++)
        snprintf(sn + 2 * i, 3, "%02x", hash[i]);
    status = OK;
out:
    OPENSSL_free(serial);
    BIO_free(bio);
    return status;
}

/* PKCS #1: 1.2.840.113549.1.1.x */
static bool is_signed_with_rsa(const X509 *x)
{
    static const char pkcs1[] = "1.2.840.113549.1.1.";
    char oid[80];
    const X509_ALGOR *algorithm;
    const ASN1_OBJECT *object;
    X509_get0_signature(NULL, &algorithm, x);
    X509_ALGOR_get0(&object, NULL, NULL, algorithm);
    return OBJ_obj2txt(oid, sizeof oid, object, 1) > 0 &&
           strncmp(oid, pkcs1, sizeof pkcs1 - 1) == 0;
}

/* The password is given and empty, so that OpenSSL never asks a terminal for one. */
static X509 *read_certificate(BIO *bio)
{
    return PEM_read_bio_X509(bio, NULL, NULL, (void *)"");
}

enum status alipay_cert_sn(const char *pem, size_t n, char sn[ALIPAY_CERT_SN_BYTES])
{
    ERR_set_mark();
    BIO *bio = BIO_new_mem_buf(pem, (int)n);
    CHECK_PEER(bio);
    X509 *x = read_certificate(bio);
    enum status status = x ? name_of(x, sn) : INVALID;
    X509_free(x);
    BIO_free(bio);
    ERR_pop_to_mark();
    return status;
}

/* Appends the next certificate's name. NOT_FOUND at the end of the text. */
static enum status add_next(BIO *bio, char *sns, size_t *used)
{
    char sn[ALIPAY_CERT_SN_BYTES];
    enum status status = OK;
    X509 *x = read_certificate(bio);
    if (!x)
        return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE ? NOT_FOUND : INVALID;
    if (is_signed_with_rsa(x)) {
        status = name_of(x, sn);
        if (*used + ALIPAY_CERT_SN_BYTES > ALIPAY_ROOT_SN_BYTES)
            status = INVALID;
        if (status == OK)
            *used += (size_t)snprintf(sns + *used, ALIPAY_ROOT_SN_BYTES - *used, "%s%s",
                                      *used ? "_" : "", sn);
    }
    X509_free(x);
    return status;
}

enum status alipay_root_cert_sn(const char *pem, size_t n, char sn[ALIPAY_ROOT_SN_BYTES])
{
    char sns[ALIPAY_ROOT_SN_BYTES];
    size_t used = 0;
    enum status status;
    ERR_set_mark();
    BIO *bio = BIO_new_mem_buf(pem, (int)n);
    CHECK_PEER(bio);
    do
        status = add_next(bio, sns, &used);
    while (status == OK);
    BIO_free(bio);
    ERR_pop_to_mark();
    if (status != NOT_FOUND || used == 0)
        return INVALID;
    memcpy(sn, sns, used + 1);
    return OK;
}

/* Certificates of a text, as many as can be read; signatures that OpenSSL does not know are no
 * reason to give the others up. Returns owned. */
static STACK_OF(X509) * read_all(const char *pem)
{
    STACK_OF(X509) *list = sk_X509_new_null();
    BIO *bio = BIO_new_mem_buf(pem, (int)strlen(pem));
    CHECK_PEER(list && bio);
    for (X509 *x = read_certificate(bio); x; x = read_certificate(bio))
        CHECK_PEER(sk_X509_push(list, x) > 0);
    BIO_free(bio);
    return list;
}

static void move_all(STACK_OF(X509) * from, STACK_OF(X509) * to)
{
    for (X509 *x = sk_X509_shift(from); x; x = sk_X509_shift(from))
        CHECK_PEER(sk_X509_push(to, x) > 0);
}

static bool chain_holds(X509 *leaf, STACK_OF(X509) * between, STACK_OF(X509) * roots,
                        int64_t now_us)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509_STORE *store = X509_STORE_new();
    CHECK_PEER(ctx && store && X509_STORE_CTX_init(ctx, store, leaf, between) == 1);
    X509_STORE_CTX_set0_trusted_stack(ctx, roots);
    X509_STORE_CTX_set_time(ctx, 0, (time_t)(now_us / SECOND_US));
    bool holds = X509_verify_cert(ctx) == 1;
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    return holds;
}

enum status alipay_cert_check_chain(const char *pem, const char *between, const char *roots,
                                    int64_t now_us)
{
    ERR_set_mark();
    STACK_OF(X509) *own = read_all(pem), *others = read_all(between), *anchors = read_all(roots);
    X509 *leaf = sk_X509_shift(own);
    move_all(others, own);
    bool holds = leaf && chain_holds(leaf, own, anchors, now_us);
    X509_free(leaf);
    sk_X509_pop_free(own, X509_free);
    sk_X509_pop_free(others, X509_free);
    sk_X509_pop_free(anchors, X509_free);
    ERR_pop_to_mark();
    return holds ? OK : DENIED;
}
