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

static bool copy_file(const struct installation *in, const char *from, const char *to)
{
    size_t n;
    char *bytes = file_read(in->pool, path_of(in, from), &n);
    return bytes && file_write(path_of(in, to), bytes, n);
}

static bool ensure_key(const struct installation *in, const char *private_name,
                       const char *public_name)
{
    if (exists(in, private_name) && (!public_name || exists(in, public_name)))
        return true;
    return key_create(path_of(in, private_name), public_name ? path_of(in, public_name) : NULL);
}

/* Which key has a certificate, by whom. */
static const struct certified {
    const char *key, *name, *common_name, *issuer, *issuer_key;
    long from_s, until_s;
    bool authority;
} certified[] = {
    {"wechat_merchant_key.pem", "wechat_merchant_cert.pem", "sandbox merchant", NULL, NULL, 0, 0,
     false},
    {"wechat_platform_cert_key.pem", "wechat_platform_cert.pem", "sandbox platform", NULL, NULL, 0,
     0, false},
    {"wechat_second_cert_key.pem", "wechat_second_cert.pem", "sandbox platform", NULL, NULL, 0, 0,
     false},
    {"wechat_expired_cert_key.pem", "wechat_expired_cert.pem", "sandbox platform", NULL, NULL,
     -400L * 86400, -86400L, false},
    {"alipay_root_key.pem", "alipay_root_cert.crt", "sandbox root", NULL, NULL, 0, 0, true},
    {"alipay_ca_key.pem", "alipay_ca_cert.crt", "sandbox issuing", "alipay_root_cert.crt",
     "alipay_root_key.pem", 0, 0, true},
    {"alipay_app_key.pem", "alipay_app_cert.crt", "sandbox application", "alipay_ca_cert.crt",
     "alipay_ca_key.pem", 0, 0, false},
    {"alipay_key.pem", "alipay_cert.crt", "sandbox alipay", "alipay_ca_cert.crt",
     "alipay_ca_key.pem", 0, 0, false},
    {"alipay_second_key.pem", "alipay_second_cert.crt", "sandbox alipay", "alipay_ca_cert.crt",
     "alipay_ca_key.pem", 0, 0, false},
    {"alipay_foreign_key.pem", "alipay_foreign_cert.crt", "sandbox alipay", NULL, NULL, 0, 0,
     false},
};

static bool ensure_certificates(const struct installation *in)
{
    for (size_t i = 0; i < sizeof certified / sizeof certified[0]; i++) {
        const struct certified *c = &certified[i];
        struct certificate_terms terms = {
            .key_path = path_of(in, c->key),
            .common_name = c->common_name,
            .issuer_path = c->issuer ? path_of(in, c->issuer) : NULL,
            .issuer_key_path = c->issuer ? path_of(in, c->issuer_key) : NULL,
            .from_s = c->from_s,
            .until_s = c->until_s,
            .authority = c->authority,
        };
        if (!exists(in, c->name) && !certificate_create(&terms, path_of(in, c->name)))
            return false;
    }
    /* as Alipay's own file, the roots are of several kinds */
    return exists(in, "alipay_root_certs.crt") ||
           (copy_file(in, "alipay_root_cert.crt", "alipay_root_certs.crt") &&
            certificate_append_elliptic(path_of(in, "alipay_root_certs.crt"), "sandbox elliptic"));
}

static bool ensure_keys(const struct installation *in)
{
    static const struct {
        const char *private_name, *public_name;
    } keys[] = {
        {"wechat_merchant_key.pem", NULL},
        {"wechat_platform_key.pem", "wechat_platform_public_key.pem"},
        {"wechat_platform_cert_key.pem", NULL},
        {"wechat_second_cert_key.pem", NULL},
        {"wechat_expired_cert_key.pem", NULL},
        {"alipay_app_key.pem", "alipay_app_public_key.pem"},
        {"alipay_key.pem", "alipay_public_key.pem"},
        {"alipay_second_key.pem", "alipay_second_public_key.pem"},
        {"alipay_foreign_key.pem", NULL},
        {"alipay_root_key.pem", NULL},
        {"alipay_ca_key.pem", NULL},
    };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (!ensure_key(in, keys[i].private_name, keys[i].public_name))
            return false;
    return true;
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
    return (exists(in, "identifiers.json") || create_identifiers(in)) && ensure_keys(in) &&
           ensure_certificates(in);
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

static bool load_signers(struct installation *in)
{
    static const struct {
        const char *key, *certificate;
    } wechat[] = {{"wechat_platform_key.pem", NULL},
                  {"wechat_platform_cert_key.pem", "wechat_platform_cert.pem"},
                  {"wechat_second_cert_key.pem", "wechat_second_cert.pem"},
                  {"wechat_expired_cert_key.pem", "wechat_expired_cert.pem"}},
      alipay[] = {{"alipay_key.pem", "alipay_cert.crt"},
                  {"alipay_second_key.pem", "alipay_second_cert.crt"},
                  {"alipay_foreign_key.pem", "alipay_foreign_cert.crt"}};
    bool ok = true;
    for (size_t i = 0; i < N_WECHAT_SIGNERS; i++) {
        const char *file = wechat[i].certificate ? path_of(in, wechat[i].certificate) : NULL;
        in->wechat[i] =
            (struct signer){file ? certificate_serial(in->pool, file) : in->public_key_id, file,
                            key_load_private(path_of(in, wechat[i].key))};
        ok = ok && in->wechat[i].id && in->wechat[i].key;
    }
    for (size_t i = 0; i < N_ALIPAY_SIGNERS; i++) {
        const char *file = path_of(in, alipay[i].certificate);
        in->alipay[i] = (struct signer){certificate_alipay_sn(in->pool, file), file,
                                        key_load_private(path_of(in, alipay[i].key))};
        ok = ok && in->alipay[i].id && in->alipay[i].key;
    }
    return ok;
}

static bool load_keys(struct installation *in)
{
    size_t n = 0;
    in->api_v3_key = file_read(in->pool, path_of(in, "api_v3_key"), &n);
    in->login_secret = file_read(in->pool, path_of(in, "login_secret"), NULL);
    in->merchant_serial = certificate_serial(in->pool, path_of(in, "wechat_merchant_cert.pem"));
    in->merchant_key = certificate_load_key(path_of(in, "wechat_merchant_cert.pem"));
    in->app_key = key_load_public(path_of(in, "alipay_app_public_key.pem"));
    in->app_cert_sn = certificate_alipay_sn(in->pool, path_of(in, "alipay_app_cert.crt"));
    in->root_cert_sn = certificate_alipay_sn(in->pool, path_of(in, "alipay_root_cert.crt"));
    return in->api_v3_key && n == 32 && in->login_secret && in->merchant_serial &&
           in->merchant_key && in->app_key && in->app_cert_sn && in->root_cert_sn &&
           load_signers(in);
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

static bool write_config(const struct installation *in, const char *host, uint16_t port,
                         const char *name, const char *alipay_keys)
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
    text_print(&t, "%sgateway_url = http://%s:%u/gateway.do\n", alipay_keys, host, port);
    return file_write(path_of(in, name), t.at, t.size);
}

bool installation_write_config(const struct installation *in, const char *host, uint16_t port)
{
    char *key =
        pool_print(in->pool, "alipay_public_key_file = %s\n", path_of(in, "alipay_public_key.pem"));
    char *certificates =
        pool_print(in->pool, "app_cert_file = %s\nalipay_cert_file = %s\nroot_cert_file = %s\n",
                   path_of(in, "alipay_app_cert.crt"), path_of(in, "alipay_cert.crt"),
                   path_of(in, "alipay_root_certs.crt"));
    return write_config(in, host, port, "idphotod-merchants.conf", key) &&
           write_config(in, host, port, "idphotod-certificates.conf", certificates);
}

void installation_close(struct installation *in)
{
    EVP_PKEY_free(in->merchant_key);
    EVP_PKEY_free(in->app_key);
    for (size_t i = 0; i < N_WECHAT_SIGNERS; i++)
        EVP_PKEY_free(in->wechat[i].key);
    for (size_t i = 0; i < N_ALIPAY_SIGNERS; i++)
        EVP_PKEY_free(in->alipay[i].key);
    pool_free(in->pool);
    memset(in, 0, sizeof *in);
}
