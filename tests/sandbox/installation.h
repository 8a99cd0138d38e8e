/* SPDX-License-Identifier: MIT */
/*
 * The folder of a test installation: identifiers and keys of one merchant at
 * both providers, and the sections of idphotod's configuration that use them.
 * Created on the first start, read again on every other. Immutable once open.
 */
#ifndef SANDBOX_INSTALLATION_H
#define SANDBOX_INSTALLATION_H

#include "keys.h"

#include <stdint.h>

/* A key pair that a provider signs by; never NULL once open. */
struct signer {
    const char *id;   /* Wechatpay-Serial, alipay_cert_sn */
    const char *file; /* the certificate; NULL: none */
    EVP_PKEY *key;    /* private */
};

/* WeChat Pay's public key and its platform certificates: the valid one, the one that follows it,
 * one that is over. */
enum { WECHAT_PUBLIC_KEY, WECHAT_CERTIFICATE, WECHAT_SECOND, WECHAT_EXPIRED, N_WECHAT_SIGNERS };
/* Alipay's key with its certificate, the ones that follow, one that is not below the root. */
enum { ALIPAY_FIRST, ALIPAY_SECOND, ALIPAY_FOREIGN, N_ALIPAY_SIGNERS };

struct installation {
    struct pool *pool;
    const char *dir; /* absolute */

    const char *mchid;
    const char *appid_app, *appid_native, *appid_jsapi, *appid_h5;
    const char *api_v3_key; /* 32 characters */
    const char *login_secret;
    const char *merchant_serial;
    EVP_PKEY *merchant_key; /* public half, from the certificate */
    const char *public_key_id;
    struct signer wechat[N_WECHAT_SIGNERS];

    const char *app_id, *seller_id;
    EVP_PKEY *app_key; /* public */
    const char *app_cert_sn, *root_cert_sn;
    struct signer alipay[N_ALIPAY_SIGNERS];
};

/* why: what failed, with the path. */
bool installation_open(const char *dir, struct installation *in, char *why, size_t why_size);
/* DIR/idphotod-merchants.conf, and idphotod-certificates.conf with Alipay's certificate mode:
 * [wechat] and [alipay] pointing at 127.0.0.1:port. */
bool installation_write_config(const struct installation *in, const char *host, uint16_t port);
void installation_close(struct installation *in);

#endif
