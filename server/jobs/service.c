/* SPDX-License-Identifier: MIT */
#include "jobs/service.h"

#include <stdio.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "jobs/certificates.h"

static enum status open_wechat(const struct config_wechat *c, struct wechat **out, char *why,
                               size_t why_size)
{
    const struct wechat_options o = {
        .mchid = c->mchid,
        .appid_app = c->appid_app,
        .appid_jsapi = c->appid_jsapi,
        .appid_h5 = c->appid_h5,
        .appid_native = c->appid_native,
        .api_v3_key_file = c->api_v3_key_file,
        .merchant_key_file = c->merchant_key_file,
        .merchant_serial = c->merchant_serial,
        .merchant_cert_file = c->merchant_cert_file,
        .public_key_id = c->public_key_id,
        .public_key_file = c->public_key_file,
    };
    return c->enabled ? wechat_open(&o, out, why, why_size) : OK;
}

static enum status open_alipay(const struct config_alipay *c, struct alipay **out, char *why,
                               size_t why_size)
{
    const struct alipay_options o = {
        .app_id = c->app_id,
        .seller_id = c->seller_id,
        .gateway_url = c->gateway_url,
        .app_key_file = c->app_key_file,
        .alipay_public_key_file = c->alipay_public_key_file,
        .app_cert_file = c->app_cert_file,
        .alipay_cert_file = c->alipay_cert_file,
        .root_cert_file = c->root_cert_file,
    };
    return c->enabled ? alipay_open(&o, out, why, why_size) : OK;
}

/* js_code names no app, so there is one: the first merchant's that has a secret for it. */
static enum status open_login(const struct config *c, struct wechat_login_app **out, char *why,
                              size_t why_size)
{
    for (size_t i = 0; i < c->n_wechat; i++) {
        const struct config_wechat *w = &c->wechat[i];
        if (w->enabled && w->accept_new && w->login_secret_file)
            return wechat_login_open(w->appid_jsapi, w->login_base_url, w->login_secret_file, out,
                                     why, why_size);
    }
    return OK;
}

static bool any_merchant(const struct config *c)
{
    bool any = false;
    for (size_t i = 0; i < c->n_wechat; i++)
        any = any || c->wechat[i].enabled;
    for (size_t i = 0; i < c->n_alipay; i++)
        any = any || c->alipay[i].enabled;
    return any;
}

static enum status open_merchants(struct service *s, char *why, size_t why_size)
{
    enum status st = OK;
    if (!s->config->server.public_base_url && any_merchant(s->config)) {
        snprintf(why, why_size, "server.public_base_url: needed for the providers' callbacks");
        return INVALID;
    }
    for (size_t i = 0; st == OK && i < s->config->n_wechat; i++)
        st = open_wechat(&s->config->wechat[i], &s->wechat[i], why, why_size);
    for (size_t i = 0; st == OK && i < s->config->n_alipay; i++)
        st = open_alipay(&s->config->alipay[i], &s->alipay[i], why, why_size);
    if (st == OK)
        st = open_login(s->config, &s->login, why, why_size);
    return st;
}

enum status service_open(const struct config *config, struct service *out, char *why,
                         size_t why_size)
{
    struct service s = {.config = config, .certificates = certificates_new()};
    const struct guard_options guard = {
        .ratchet_file = config->keys.ratchet_file,
        .max_step_days = (int32_t)(config->keys.max_step_us / DAY_US),
        .step_day_by_day = config->testing.allow_clock,
    };
    CHECK_PEER(gethostname(s.host, sizeof s.host - 1) == 0);
    s.db_options = (struct db_options){
        .url = config->database.url,
        .statement_timeout_us = config->database.statement_timeout_us,
        .connect_timeout_us = config->database.connect_timeout_us,
        .lists = all_statements,
        .n_lists = all_statements_count,
    };
    for (int i = 0; i < 2; i++)
        s.circuits[i] = circuit_new(channel_name((enum channel)i));
    enum status st = vault_open(config->keys.master_key_file, config->keys.ratchet_file, &s.vault,
                                why, why_size);
    if (st == OK)
        st = guard_open(&guard, &s.guard, why, why_size);
    if (st == OK)
        st = open_merchants(&s, why, why_size);
    if (st == OK)
        *out = s;
    else
        service_close(&s);
    return st;
}

void service_close(struct service *s)
{
    certificates_free(s->certificates); /* its thread uses the rest */
    for (size_t i = 0; i < CONFIG_MERCHANTS_MAX; i++) {
        if (s->wechat[i])
            wechat_close(s->wechat[i]);
        if (s->alipay[i])
            alipay_close(s->alipay[i]);
    }
    wechat_login_close(s->login);
    for (int i = 0; i < 2; i++)
        circuit_free(s->circuits[i]);
    if (s->guard)
        guard_close(s->guard);
    if (s->vault)
        vault_close(s->vault);
    *s = (struct service){0};
}

size_t service_wechats(const struct service *s, struct wechat *out[CONFIG_MERCHANTS_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < s->config->n_wechat; i++)
        if (s->wechat[i])
            out[n++] = s->wechat[i];
    return n;
}

size_t service_alipays(const struct service *s, struct alipay *out[CONFIG_MERCHANTS_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < s->config->n_alipay; i++)
        if (s->alipay[i])
            out[n++] = s->alipay[i];
    return n;
}
