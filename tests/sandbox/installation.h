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
    EVP_PKEY *platform_key; /* private; its public half is the "WeChat Pay public key" */
    const char *certificate_serial;
    EVP_PKEY *certificate_key; /* private, of the platform certificate */

    const char *app_id, *seller_id;
    EVP_PKEY *app_key;    /* public */
    EVP_PKEY *alipay_key; /* private */
};

/* why: what failed, with the path. */
bool installation_open(const char *dir, struct installation *in, char *why, size_t why_size);
/* DIR/idphotod-merchants.conf: [wechat] and [alipay] pointing at 127.0.0.1:port. */
bool installation_write_config(const struct installation *in, const char *host, uint16_t port);
void installation_close(struct installation *in);

#endif
