/* SPDX-License-Identifier: MIT */
#include "installation.h"

#include "encoding.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *path_of(const struct installation *in, const char *name)
{
    return pool_print(in->pool, "%s/%s", in->dir, name);
}

static bool exists(const struct installation *in, const char *name)
{
    return access(path_of(in, name), F_OK) == 0;
}

static bool ensure_key(const struct installation *in, const char *private_name,
                       const char *public_name)
{
    if (exists(in, private_name) && (!public_name || exists(in, public_name)))
        return true;
    return key_create(path_of(in, private_name), public_name ? path_of(in, public_name) : NULL);
}

static bool ensure_certificate(const struct installation *in, const char *key_name,
                               const char *name, const char *common_name)
{
    return exists(in, name) ||
           certificate_create(path_of(in, key_name), path_of(in, name), common_name);
}

/* identifiers.json: name, alphabet, length and what stands before */
static const struct identifier {
    const char *name, *prefix, *alphabet;
    size_t n;
} identifiers[] = {
    {"mchid", "19", DIGITS, 8},
    {"appid_app", "wx", "0123456789abcdef", 16},
    {"appid_native", "wx", "0123456789abcdef", 16},
    {"appid_jsapi", "wx", "0123456789abcdef", 16},
    {"appid_h5", "wx", "0123456789abcdef", 16},
    {"public_key_id", "PUB_KEY_ID_01", DIGITS, 30},
    {"app_id", "2021", DIGITS, 12},
    {"seller_id", "2088", DIGITS, 12},
};
enum { N_IDENTIFIERS = sizeof identifiers / sizeof identifiers[0] };

static bool create_identifiers(const struct installation *in)
{
    json_t *all = pool_json(in->pool, json_object());
    for (size_t i = 0; i < N_IDENTIFIERS; i++) {
        const struct identifier *id = &identifiers[i];
        char *value =
            pool_print(in->pool, "%s%s", id->prefix, random_text(in->pool, id->alphabet, id->n));
        json_object_set_new(all, id->name, json_string(value));
    }
    char *text = pool_dump(in->pool, all);
    return file_write(path_of(in, "identifiers.json"), text, strlen(text));
}

static bool create_missing(const struct installation *in)
{
    if (!exists(in, "api_v3_key") &&
        !file_write(path_of(in, "api_v3_key"), random_text(in->pool, ALPHANUMERIC, 32), 32))
        return false;
    if (!exists(in, "login_secret") &&
        !file_write(path_of(in, "login_secret"), random_text(in->pool, "0123456789abcdef", 32), 32))
        return false;
    return (exists(in, "identifiers.json") || create_identifiers(in)) &&
           ensure_key(in, "wechat_merchant_key.pem", NULL) &&
           ensure_certificate(in, "wechat_merchant_key.pem", "wechat_merchant_cert.pem",
                              "sandbox merchant") &&
           ensure_key(in, "wechat_platform_key.pem", "wechat_platform_public_key.pem") &&
           ensure_key(in, "wechat_platform_cert_key.pem", NULL) &&
           ensure_certificate(in, "wechat_platform_cert_key.pem", "wechat_platform_cert.pem",
                              "sandbox platform") &&
           ensure_key(in, "alipay_app_key.pem", "alipay_app_public_key.pem") &&
           ensure_key(in, "alipay_key.pem", "alipay_public_key.pem");
}

static bool load_identifiers(struct installation *in)
{
    char *text = file_read(in->pool, path_of(in, "identifiers.json"), NULL);
    json_t *all = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (!all)
        return false;
    pool_json(in->pool, all);
    const char **slots[N_IDENTIFIERS] = {&in->mchid,       &in->appid_app, &in->appid_native,
                                         &in->appid_jsapi, &in->appid_h5,  &in->public_key_id,
                                         &in->app_id,      &in->seller_id};
    for (size_t i = 0; i < N_IDENTIFIERS; i++) {
        *slots[i] = json_string_value(json_object_get(all, identifiers[i].name));
        if (!*slots[i])
            return false;
    }
    return true;
}

static bool load_keys(struct installation *in)
{
    size_t n = 0;
    in->api_v3_key = file_read(in->pool, path_of(in, "api_v3_key"), &n);
    in->login_secret = file_read(in->pool, path_of(in, "login_secret"), NULL);
    in->merchant_serial = certificate_serial(in->pool, path_of(in, "wechat_merchant_cert.pem"));
    in->merchant_key = certificate_load_key(path_of(in, "wechat_merchant_cert.pem"));
    in->platform_key = key_load_private(path_of(in, "wechat_platform_key.pem"));
    in->certificate_serial = certificate_serial(in->pool, path_of(in, "wechat_platform_cert.pem"));
    in->certificate_key = key_load_private(path_of(in, "wechat_platform_cert_key.pem"));
    in->app_key = key_load_public(path_of(in, "alipay_app_public_key.pem"));
    in->alipay_key = key_load_private(path_of(in, "alipay_key.pem"));
    return in->api_v3_key && n == 32 && in->login_secret && in->merchant_serial &&
           in->merchant_key && in->platform_key && in->certificate_serial && in->certificate_key &&
           in->app_key && in->alipay_key;
}

bool installation_open(const char *dir, struct installation *in, char *why, size_t why_size)
{
    memset(in, 0, sizeof *in);
    in->pool = pool_new();
    mkdir(dir, 0700); /* one that cannot be made is noticed by realpath */
    char *absolute = realpath(dir, NULL);
    const char *reason = NULL;
    in->dir = absolute ? pool_text(in->pool, absolute) : dir;
    if (!absolute)
        reason = "no such folder";
    else if (!create_missing(in))
        reason = "keys cannot be created";
    else if (!load_identifiers(in))
        reason = "identifiers.json cannot be read";
    else if (!load_keys(in))
        reason = "keys cannot be read";
    free(absolute);
    if (!reason)
        return true;
    snprintf(why, why_size, "%s: %s", in->dir, reason);
    installation_close(in);
    return false;
}

bool installation_write_config(const struct installation *in, const char *host, uint16_t port)
{
    struct text t = {.pool = in->pool};
    text_puts(&t, "; written by the payment sandbox at each start\n[wechat]\nenabled = true\n");
    text_print(&t, "mchid = %s\nappid_app = %s\nappid_native = %s\nappid_jsapi = %s\n", in->mchid,
               in->appid_app, in->appid_native, in->appid_jsapi);
    text_print(&t, "appid_h5 = %s\napi_v3_key_file = %s\nmerchant_key_file = %s\n", in->appid_h5,
               path_of(in, "api_v3_key"), path_of(in, "wechat_merchant_key.pem"));
    text_print(&t, "merchant_serial = %s\npublic_key_id = %s\npublic_key_file = %s\n",
               in->merchant_serial, in->public_key_id,
               path_of(in, "wechat_platform_public_key.pem"));
    text_print(&t, "base_url = http://%s:%u\nlogin_base_url = http://%s:%u\n", host, port, host,
               port);
    text_print(&t, "login_secret_file = %s\n", path_of(in, "login_secret"));
    text_print(&t, "\n[alipay]\nenabled = true\napp_id = %s\nseller_id = %s\napp_key_file = %s\n",
               in->app_id, in->seller_id, path_of(in, "alipay_app_key.pem"));
    text_print(&t, "alipay_public_key_file = %s\ngateway_url = http://%s:%u/gateway.do\n",
               path_of(in, "alipay_public_key.pem"), host, port);
    return file_write(path_of(in, "idphotod-merchants.conf"), t.at, t.size);
}

void installation_close(struct installation *in)
{
    EVP_PKEY_free(in->merchant_key);
    EVP_PKEY_free(in->platform_key);
    EVP_PKEY_free(in->certificate_key);
    EVP_PKEY_free(in->app_key);
    EVP_PKEY_free(in->alipay_key);
    pool_free(in->pool);
    memset(in, 0, sizeof *in);
}
