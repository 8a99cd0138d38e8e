/* SPDX-License-Identifier: MIT */
/*
 * Configuration: built-in, file, conf.d/ *.conf, environment
 * IDPHOTOD_<SECTION>_<KEY>, flag; one table of keys serves all five, `config
 * check`, `config print`, and the test that config/idphotod.conf names each.
 *
 * Secrets are paths to files, never values. The struct is immutable after
 * config_load; any thread may read it. Texts that are not set are NULL.
 */
#ifndef IDPHOTOD_BASE_CONFIG_H
#define IDPHOTOD_BASE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/log.h"
#include "base/status.h"

struct config_listener {
    const char *listen; /* "127.0.0.1:8080", "[::1]:8080"; port 0 takes a free one */
    const char *tls_cert, *tls_key;
    const char *client_ca; /* operator listener only */
};

struct config_wechat {
    const char *name; /* "" for [wechat], NAME for [wechat "NAME"] */
    bool enabled;
    bool accept_new; /* false: only what was begun under it goes on */
    const char *mchid;
    const char *appid_app, *appid_jsapi, *appid_h5, *appid_native;
    const char *api_v3_key_file, *merchant_key_file, *merchant_serial;
    const char *merchant_cert_file; /* only compared with the two before */
    const char *public_key_id, *public_key_file;
    bool platform_certificates; /* auto */
    const char *base_url;       /* https://api.mch.weixin.qq.com */
    const char *login_base_url; /* https://api.weixin.qq.com */
    const char *login_secret_file;
    int64_t payment_ttl_us;
};

struct config_alipay {
    const char *name;
    bool enabled;
    bool accept_new;
    const char *app_id, *seller_id, *app_key_file;
    const char *alipay_public_key_file;
    const char *app_cert_file, *alipay_cert_file, *root_cert_file;
    const char *gateway_url; /* https://openapi.alipay.com/gateway.do */
    int64_t payment_ttl_us;
};

enum { CONFIG_MERCHANTS_MAX = 8 };

struct config {
    struct {
        struct config_listener at;
        const char *trusted_proxies;    /* comma-separated addresses or CIDR blocks */
        const char *payment_return_url; /* where a browser goes after it paid; may be NULL */
        const char *public_base_url;    /* "https://id.example.cn", no slash at the end */
        int64_t io_threads, workers, queue, callback_workers, image_workers, image_queue;
        int64_t max_photo_bytes, upload_budget;
        const char *cors_origins;
        bool rate_limits;
    } server;
    struct {
        struct config_listener at;
    } operator_;
    struct {
        const char *url;       /* libpq connection string or URI of the application role */
        const char *owner_url; /* of the owner role, for `migrate` alone; else url */
        int64_t statement_timeout_us, connect_timeout_us;
    } database;
    struct {
        const char *master_key_file, *ratchet_file;
        int64_t max_step_us;
    } keys;
    struct {
        int64_t photo_days, order_days;
        int64_t draft_ttl_us, unpaid_order_ttl_us, purge_interval_us;
    } retention;
    struct config_wechat wechat[CONFIG_MERCHANTS_MAX];
    size_t n_wechat;
    struct config_alipay alipay[CONFIG_MERCHANTS_MAX];
    size_t n_alipay;
    const char *catalogue_file;
    const char *limits_file;
    const char *policy_dir;
    const char *specs_dir;
    const char *holidays_file;
    struct {
        const char *gates_file;
        const char *face_model, *matting_model, *landmark_model;
    } image;
    struct {
        const char *url, *from, *password_file;
    } smtp;
    bool scheduler_enabled;
    struct {
        enum log_level level;
        bool json;
    } log;
    struct {
        bool allow_clock;
        int64_t clock_offset_us;
    } testing;
};

/* A flag "--set section.key=value", applied last. */
struct config_override {
    const char *section, *key, *value;
};

/* Loads and checks everything that can be checked without opening a file named in it: types,
 * ranges, unknown keys, http only on loopback, clock offset beside a real provider's address,
 * retention longer than the policy's 7 and 30 days, operator listener neither loopback nor TLS.
 * Relative paths are taken from the folder of the configuration file. $CREDENTIALS_DIRECTORY is
 * put in place of a leading "${CREDENTIALS_DIRECTORY}". On INVALID `why` is "file:line: reason"
 * (or "environment NAME: reason", or "flag SECTION.KEY: reason"); it
 * names keys and rules, never a value. Passed over are environment variables that begin with
 * IDPHOTOD_TEST_, IDPHOTOD_VECTORS or IDPHOTOD_REFERENCE (the tests'), and IDPHOTOD_ADMIN_URL and
 * IDPHOTOD_TOKEN_FILE (the operators' scripts'); named merchants cannot be set from the
 * environment. file may be NULL: built-in and environment. Returns owned. */
enum status config_load(const char *file, const struct config_override *overrides, size_t n,
                        struct config **out, char *why, size_t why_size) MUST_USE;
void config_free(struct config *c);

/* The row of the key table, in the order of config/idphotod.conf; false past its end. The sections
 * "wechat" and "alipay" stand for their named forms too. Borrowed for ever. */
bool config_key_at(size_t row, const char **section, const char **key) MUST_USE;

/* True for 127.0.0.0/8, ::1 and localhost, with or without a port or brackets. */
bool config_is_loopback(const char *host);

/* Writes the effective configuration as INI; a path is not a secret, a password inside a database
 * URL is: it is masked. */
void config_print(const struct config *c, FILE *out);

#endif
