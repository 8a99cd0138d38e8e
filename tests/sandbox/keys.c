/* SPDX-License-Identifier: MIT */
#include "keys.h"

#include "encoding.h"

#include <fcntl.h>
#include <openssl/bn.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { GCM_TAG_BYTES = 16, FILE_BYTES_MAX = 65536 };

bool file_write(const char *path, const void *bytes, size_t n)
{
    char temporary[4096];
    if ((size_t)snprintf(temporary, sizeof temporary, "%s.new", path) >= sizeof temporary)
        return false;
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool ok = fchmod(fd, 0600) == 0 && write(fd, bytes, n) == (ssize_t)n;
    ok = close(fd) == 0 && ok;
    return ok && rename(temporary, path) == 0;
}

char *file_read(struct pool *pool, const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    char *bytes = pool_alloc(pool, FILE_BYTES_MAX + 1);
    size_t got = fread(bytes, 1, FILE_BYTES_MAX, f);
    bool whole = !ferror(f) && feof(f);
    fclose(f);
    if (!whole)
        return NULL;
    if (n)
        *n = got;
    return bytes;
}

static bool write_bio(const char *path, BIO *bio)
{
    char *bytes;
    long n = BIO_get_mem_data(bio, &bytes);
    return n > 0 && file_write(path, bytes, (size_t)n);
}

bool key_create(const char *private_path, const char *public_path)
{
    EVP_PKEY *key = EVP_RSA_gen(2048);
    BIO *private_pem = BIO_new(BIO_s_mem()), *public_pem = BIO_new(BIO_s_mem());
    bool ok = key && private_pem && public_pem &&
              PEM_write_bio_PKCS8PrivateKey(private_pem, key, NULL, NULL, 0, NULL, NULL) == 1 &&
              PEM_write_bio_PUBKEY(public_pem, key) == 1 && write_bio(private_path, private_pem) &&
              (!public_path || write_bio(public_path, public_pem));
    BIO_free(private_pem);
    BIO_free(public_pem);
    EVP_PKEY_free(key);
    return ok;
}

EVP_PKEY *key_load_private(const char *path)
{
    FILE *f = fopen(path, "r");
    EVP_PKEY *key = f ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;
    if (f)
        fclose(f);
    return key;
}

EVP_PKEY *key_load_public(const char *path)
{
    FILE *f = fopen(path, "r");
    EVP_PKEY *key = f ? PEM_read_PUBKEY(f, NULL, NULL, NULL) : NULL;
    if (f)
        fclose(f);
    return key;
}

static bool set_random_serial(X509 *certificate)
{
    unsigned char bytes[20];
    if (RAND_bytes(bytes, sizeof bytes) != 1)
        return false;
    bytes[0] = (unsigned char)((bytes[0] & 0x7F) | 0x10); /* positive, 40 hex digits */
    BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
    bool ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
    BN_free(number);
    return ok;
}

static X509 *load_certificate(const char *path)
{
    FILE *f = fopen(path, "r");
    X509 *certificate = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;
    if (f)
        fclose(f);
    return certificate;
}

static bool set_name(X509_NAME *name, const char *common_name)
{
    const struct {
        const char *field, *value;
    } parts[] = {{"C", "CN"}, {"O", "Sandbox"}, {"CN", common_name}};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (X509_NAME_add_entry_by_txt(name, parts[i].field, MBSTRING_ASC,
                                       (const unsigned char *)parts[i].value, -1, -1, 0) != 1)
            return false;
    return true;
}

static bool set_authority(X509 *certificate)
{
    X509_EXTENSION *extension =
        X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE");
    bool ok = extension && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return ok;
}

/* issuer NULL: itself. */
static bool fill_certificate(X509 *certificate, EVP_PKEY *key, const struct certificate_terms *t,
                             X509 *issuer, EVP_PKEY *issuer_key)
{
    bool lasting = t->from_s == 0 && t->until_s == 0;
    X509_NAME *name = X509_get_subject_name(certificate);
    return X509_set_version(certificate, 2) == 1 && set_random_serial(certificate) &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), lasting ? -86400 : t->from_s) &&
           X509_gmtime_adj(X509_getm_notAfter(certificate),
                           lasting ? 5L * 365 * 86400 : t->until_s) &&
           set_name(name, t->common_name) &&
           X509_set_issuer_name(certificate, issuer ? X509_get_subject_name(issuer) : name) == 1 &&
           X509_set_pubkey(certificate, key) == 1 &&
           (!t->authority || set_authority(certificate)) &&
           X509_sign(certificate, issuer ? issuer_key : key, EVP_sha256()) > 0;
}

bool certificate_create(const struct certificate_terms *t, const char *path)
{
    EVP_PKEY *key = key_load_private(t->key_path);
    X509 *issuer = t->issuer_path ? load_certificate(t->issuer_path) : NULL;
    EVP_PKEY *issuer_key = t->issuer_path ? key_load_private(t->issuer_key_path) : NULL;
    X509 *certificate = X509_new();
    BIO *pem = BIO_new(BIO_s_mem());
    bool ok = key && certificate && pem && (!t->issuer_path || (issuer && issuer_key)) &&
              fill_certificate(certificate, key, t, issuer, issuer_key) &&
              PEM_write_bio_X509(pem, certificate) == 1 &&
              (!issuer || PEM_write_bio_X509(pem, issuer) == 1) && write_bio(path, pem);
    BIO_free(pem);
    X509_free(certificate);
    X509_free(issuer);
    EVP_PKEY_free(issuer_key);
    EVP_PKEY_free(key);
    return ok;
}

bool certificate_append_elliptic(const char *path, const char *common_name)
{
    struct certificate_terms terms = {.common_name = common_name, .authority = true};
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    FILE *f = fopen(path, "a");
    bool ok = key && certificate && f && fill_certificate(certificate, key, &terms, NULL, NULL) &&
              PEM_write_X509(f, certificate) == 1;
    if (f)
        ok = fclose(f) == 0 && ok;
    X509_free(certificate);
    EVP_PKEY_free(key);
    return ok;
}

char *certificate_serial(struct pool *pool, const char *path)
{
    X509 *certificate = load_certificate(path);
    if (!certificate)
        return NULL;
    const ASN1_INTEGER *serial = X509_get0_serialNumber(certificate);
    char *text = hex_upper(pool, ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial));
    X509_free(certificate);
    return text;
}

static char *md5_hex(struct pool *pool, const char *text)
{
    unsigned char digest[16];
    if (EVP_Digest(text, strlen(text), digest, NULL, EVP_md5(), NULL) != 1)
        abort();
    return hex_lower(pool, digest, sizeof digest);
}

char *certificate_alipay_sn(struct pool *pool, const char *path)
{
    X509 *certificate = load_certificate(path);
    BIO *issuer = BIO_new(BIO_s_mem());
    if (!certificate || !issuer)
        return NULL;
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
    char *decimal = BN_bn2dec(number), *name;
    X509_NAME_print_ex(issuer, X509_get_issuer_name(certificate), 0, XN_FLAG_RFC2253);
    long n = BIO_get_mem_data(issuer, &name);
    char *sn = md5_hex(pool, pool_print(pool, "%.*s%s", (int)n, name, decimal));
    OPENSSL_free(decimal);
    BN_free(number);
    BIO_free(issuer);
    X509_free(certificate);
    return sn;
}

EVP_PKEY *certificate_load_key(const char *path)
{
    X509 *certificate = load_certificate(path);
    EVP_PKEY *key = certificate ? X509_get_pubkey(certificate) : NULL;
    X509_free(certificate);
    return key;
}

char *key_sign(struct pool *pool, EVP_PKEY *key, const char *text, size_t n)
{
    unsigned char signature[1024];
    size_t size = sizeof signature;
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    if (!digest || EVP_DigestSignInit(digest, NULL, EVP_sha256(), NULL, key) != 1 ||
        EVP_DigestSign(digest, signature, &size, (const unsigned char *)text, n) != 1)
        abort();
    EVP_MD_CTX_free(digest);
    return base64_encode(pool, signature, size);
}

bool key_verify(struct pool *pool, EVP_PKEY *key, const char *text, size_t n, const char *signature)
{
    unsigned char *bytes;
    size_t size;
    if (!base64_decode(pool, signature, &bytes, &size))
        return false;
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    if (!digest || EVP_DigestVerifyInit(digest, NULL, EVP_sha256(), NULL, key) != 1)
        abort();
    bool ok = EVP_DigestVerify(digest, bytes, size, (const unsigned char *)text, n) == 1;
    EVP_MD_CTX_free(digest);
    return ok;
}

char *aead_seal(struct pool *pool, const char *key32, const char *nonce12, const char *aad,
                const char *plaintext, size_t n)
{
    unsigned char *sealed = pool_alloc(pool, n + GCM_TAG_BYTES);
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int size = 0, last = 0;
    if (!c ||
        EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, (const unsigned char *)key32,
                           (const unsigned char *)nonce12) != 1 ||
        EVP_EncryptUpdate(c, NULL, &size, (const unsigned char *)aad, (int)strlen(aad)) != 1 ||
        EVP_EncryptUpdate(c, sealed, &size, (const unsigned char *)plaintext, (int)n) != 1 ||
        EVP_EncryptFinal_ex(c, sealed + size, &last) != 1 ||
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, GCM_TAG_BYTES, sealed + n) != 1)
        abort();
    EVP_CIPHER_CTX_free(c);
    return base64_encode(pool, sealed, n + GCM_TAG_BYTES);
}
