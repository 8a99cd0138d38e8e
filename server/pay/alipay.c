/* SPDX-License-Identifier: MIT */
#include "pay/alipay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "pay/alipay_keys.h"
#include "pay/merchant_file.h"

const char *alipay_app_id(const struct alipay *p)
{
    return p->app_id;
}

int64_t alipay_certificate_end_us(const struct alipay *p)
{
    return p->app_cert_end_us;
}

const char *alipay_seller_id(const struct alipay *p)
{
    return p->seller_id;
}

/* Where a refusal is put into words. */
struct why {
    char *text;
    size_t size;
};

static enum status refuse(const struct why *why, const char *option, const char *path,
                          const char *reason)
{
    if (path)
        snprintf(why->text, why->size, "%s (%s): %s", option, path, reason);
    else
        snprintf(why->text, why->size, "%s: %s", option, reason);
    return INVALID;
}

static char *copy(const char *text)
{
    char *copied = strdup(text ? text : "");
    CHECK_PEER(copied);
    return copied;
}

static enum status check_texts(const struct alipay_options *o, const struct why *why)
{
    if (!o->app_id || !o->app_id[0])
        return refuse(why, "app_id", NULL, "is not set");
    if (!o->seller_id || !o->seller_id[0])
        return refuse(why, "seller_id", NULL, "is not set");
    if (!o->gateway_url || !o->gateway_url[0] || strpbrk(o->gateway_url, "?#"))
        return refuse(why, "gateway_url", NULL, "must be an address without query");
    return OK;
}

static enum status check_mode(const struct alipay_options *o, const struct why *why)
{
    int certs = !!o->app_cert_file + !!o->alipay_cert_file + !!o->root_cert_file;
    if (certs != 0 && certs != 3)
        return refuse(why, "app_cert_file", NULL,
                      "certificate mode needs app_cert_file, alipay_cert_file and root_cert_file");
    if (!!o->alipay_public_key_file == (certs == 3))
        return refuse(why, "alipay_public_key_file", NULL,
                      "set either it or the three certificate files");
    return OK;
}

static enum status load_app_key(struct alipay *p, const struct alipay_options *o,
                                const struct why *why)
{
    struct buf file = {0};
    enum status status =
        merchant_file_read("app_key_file", o->app_key_file, true, &file, why->text, why->size);
    if (status != OK)
        return INVALID;
    status = rsa_load_private((const char *)file.bytes, file.size, RSA_PEM_OR_BARE, &p->app_key);
    buf_free(&file);
    return status == OK ? OK
                        : refuse(why, "app_key_file", o->app_key_file,
                                 "is no RSA private key of at least 2048 bits");
}

/* A certificate's or a bare key's public half, and the certificate's name where one is wanted. */
static enum status load_public(const char *option, const char *path, struct rsa_key **key, char *sn,
                               const struct why *why)
{
    struct buf file = {0};
    if (merchant_file_read(option, path, false, &file, why->text, why->size) != OK)
        return INVALID;
    const char *text = (const char *)file.bytes;
    enum status status = sn ? alipay_cert_sn(text, file.size, sn) : OK;
    if (status == OK)
        status = rsa_load_public(text, file.size, sn ? RSA_PEM : RSA_PEM_OR_BARE, key);
    buf_free(&file);
    if (status == OK)
        return OK;
    return refuse(why, option, path,
                  sn ? "is no certificate of an RSA key of at least 2048 bits"
                     : "is no RSA public key of at least 2048 bits");
}

static enum status load_root(struct alipay *p, const struct alipay_options *o,
                             const struct why *why)
{
    struct buf file = {0};
    if (merchant_file_read("root_cert_file", o->root_cert_file, false, &file, why->text,
                           why->size) != OK)
        return INVALID;
    p->root_pem = copy((const char *)file.bytes);
    enum status status = alipay_root_cert_sn((const char *)file.bytes, file.size, p->root_cert_sn);
    buf_free(&file);
    return status == OK ? OK
                        : refuse(why, "root_cert_file", o->root_cert_file,
                                 "holds no certificate signed with RSA");
}

static enum status load_app_certificate(struct alipay *p, const struct alipay_options *o,
                                        const struct why *why)
{
    struct rsa_key *certified = NULL;
    struct buf file = {0};
    if (load_public("app_cert_file", o->app_cert_file, &certified, p->app_cert_sn, why) != OK)
        return INVALID;
    bool ours = rsa_is_pair(p->app_key, certified);
    rsa_free(certified);
    if (!ours)
        return refuse(why, "app_cert_file", o->app_cert_file,
                      "is not the certificate of the key in app_key_file");
    if (merchant_file_read("app_cert_file", o->app_cert_file, false, &file, why->text, why->size) !=
        OK)
        return INVALID;
    enum status status =
        rsa_certificate_end_us((const char *)file.bytes, file.size, &p->app_cert_end_us);
    buf_free(&file);
    return status == OK ? OK : refuse(why, "app_cert_file", o->app_cert_file, "has no end");
}

static enum status load_certificates(struct alipay *p, const struct alipay_options *o,
                                     const struct why *why)
{
    if (load_app_certificate(p, o, why) != OK ||
        load_public("alipay_cert_file", o->alipay_cert_file, &p->alipay_key, p->alipay_cert_sn,
                    why) != OK)
        return INVALID;
    struct buf file = {0};
    if (merchant_file_read("alipay_cert_file", o->alipay_cert_file, false, &file, why->text,
                           why->size) != OK)
        return INVALID;
    p->alipay_cert_pem = copy((const char *)file.bytes);
    buf_free(&file);
    return load_root(p, o, why);
}

static enum status load_keys(struct alipay *p, const struct alipay_options *o,
                             const struct why *why)
{
    const char *option = o->alipay_public_key_file ? "alipay_public_key_file" : "alipay_cert_file";
    const char *path = o->alipay_public_key_file ? o->alipay_public_key_file : o->alipay_cert_file;
    if (load_app_key(p, o, why) != OK)
        return INVALID;
    enum status status = o->alipay_public_key_file
                             ? load_public(option, path, &p->alipay_key, NULL, why)
                             : load_certificates(p, o, why);
    if (status != OK)
        return status;
    /* The commonest mistake of the console: the application's public key in Alipay's place. */
    if (rsa_is_pair(p->app_key, p->alipay_key))
        return refuse(why, option, path, "is the application's own key, not Alipay's");
    return OK;
}

enum status alipay_open(const struct alipay_options *options, struct alipay **out, char *why,
                        size_t why_size)
{
    const struct why w = {why, why_size};
    if (check_texts(options, &w) != OK || check_mode(options, &w) != OK)
        return INVALID;
    struct alipay *p = calloc(1, sizeof *p);
    CHECK_PEER(p);
    p->app_id = copy(options->app_id);
    p->seller_id = copy(options->seller_id);
    p->gateway_url = copy(options->gateway_url);
    enum status status = load_keys(p, options, &w);
    if (status == OK)
        *out = p;
    else
        alipay_close(p);
    return status;
}

void alipay_close(struct alipay *p)
{
    if (!p)
        return;
    rsa_free(p->app_key);
    rsa_free(p->alipay_key);
    for (struct alipay_trusted *t = atomic_load(&p->downloaded), *next; t; t = next) {
        next = t->next;
        rsa_free(t->key);
        free(t);
    }
    free(p->root_pem);
    free(p->alipay_cert_pem);
    free(p->app_id);
    free(p->seller_id);
    free(p->gateway_url);
    free(p);
}
