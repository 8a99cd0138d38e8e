/* SPDX-License-Identifier: MIT */
#include "provider_keys.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "pay/rsa.h"

static struct rsa_key *provider_key;

/* Writes a file of mode 0600 and returns its path, owned. */
static char *new_file(FILE **out)
{
    char path[] = "/tmp/idphotod-fuzz-XXXXXX";
    int fd = mkstemp(path);
    CHECK_PEER(fd >= 0);
    *out = fdopen(fd, "w");
    CHECK_PEER(*out != NULL);
    return strdup(path);
}

static char *private_file(EVP_PKEY *key)
{
    FILE *f;
    char *path = new_file(&f);
    CHECK_PEER(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1 && fclose(f) == 0);
    return path;
}

static char *public_file(EVP_PKEY *key)
{
    FILE *f;
    char *path = new_file(&f);
    CHECK_PEER(PEM_write_PUBKEY(f, key) == 1 && fclose(f) == 0);
    return path;
}

static char *text_file(const char *text)
{
    FILE *f;
    char *path = new_file(&f);
    CHECK_PEER(fputs(text, f) >= 0 && fclose(f) == 0);
    return path;
}

static void drop(char *path)
{
    unlink(path);
    free(path);
}

static void load_provider_key(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *pem;
    CHECK_PEER(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1);
    long n = BIO_get_mem_data(bio, &pem);
    CHECK(rsa_load_private(pem, (size_t)n, RSA_PEM, &provider_key) == OK);
    BIO_free(bio);
}

struct wechat *fuzz_wechat(void)
{
    char why[256];
    struct wechat *w = NULL;
    EVP_PKEY *ours = EVP_RSA_gen(2048), *theirs = EVP_RSA_gen(2048);
    char *merchant = private_file(ours), *provider = public_file(theirs);
    char *api_key = text_file(FUZZ_API_V3_KEY);
    const struct wechat_options options = {
        .mchid = "1900000001",
        .appid_app = "wx0000000000000001",
        .api_v3_key_file = api_key,
        .merchant_key_file = merchant,
        .merchant_serial = "5F00000000000001",
        .public_key_id = FUZZ_KEY_ID,
        .public_key_file = provider,
    };
    CHECK(wechat_open(&options, &w, why, sizeof why) == OK);
    load_provider_key(theirs);
    drop(merchant);
    drop(provider);
    drop(api_key);
    EVP_PKEY_free(ours);
    EVP_PKEY_free(theirs);
    return w;
}

struct alipay *fuzz_alipay(void)
{
    char why[256];
    struct alipay *p = NULL;
    EVP_PKEY *ours = EVP_RSA_gen(2048), *theirs = EVP_RSA_gen(2048);
    char *app = private_file(ours), *provider = public_file(theirs);
    const struct alipay_options options = {
        .app_id = FUZZ_APP_ID,
        .seller_id = "2088000000000001",
        .gateway_url = "https://openapi.alipay.com/gateway.do",
        .app_key_file = app,
        .alipay_public_key_file = provider,
    };
    CHECK(alipay_open(&options, &p, why, sizeof why) == OK);
    load_provider_key(theirs);
    drop(app);
    drop(provider);
    EVP_PKEY_free(ours);
    EVP_PKEY_free(theirs);
    return p;
}

const char *fuzz_provider_sign(const struct span *parts, size_t n_parts, struct arena *a)
{
    const char *signature = NULL;
    CHECK(rsa_sign(provider_key, parts, n_parts, a, &signature) == OK);
    return signature;
}
