/* SPDX-License-Identifier: MIT */
/* Rules of the configuration that tie several keys. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/config_keys.h"

struct verdict {
    const struct config_key **at;
    const void **home;
    char *rule;
    size_t rule_size;
};

static const struct config_key *key_of(const char *section, const char *name)
{
    size_t i = 0;
    while (i < CONFIG_KEYS &&
           (strcmp(config_keys[i].section, section) != 0 || strcmp(config_keys[i].name, name) != 0))
        i++;
    CHECK(i < CONFIG_KEYS);
    return &config_keys[i];
}

static enum status blame(const struct verdict *v, const void *home, const char *section,
                         const char *name, const char *rule)
{
    *v->at = key_of(section, name);
    *v->home = home;
    snprintf(v->rule, v->rule_size, "%s", rule);
    return INVALID;
}

static enum status check_listener(const struct config *c, const char *section,
                                  const struct config_listener *l, const struct verdict *v)
{
    if ((l->tls_cert == NULL) != (l->tls_key == NULL))
        return blame(v, c, section, l->tls_cert == NULL ? "tls_key" : "tls_cert",
                     "tls_cert and tls_key go together");
    if (l->client_ca != NULL && l->tls_cert == NULL)
        return blame(v, c, section, "client_ca", "needs tls_cert and tls_key");
    return OK;
}

static enum status check_listeners(const struct config *c, const struct verdict *v)
{
    enum status s = check_listener(c, "server", &c->server.at, v);
    if (s == OK)
        s = check_listener(c, "operator", &c->operator_.at, v);
    if (s != OK)
        return s;
    if (c->operator_.at.tls_cert == NULL && !config_is_loopback(c->operator_.at.listen))
        return blame(v, c, "operator", "listen", "must be loopback unless tls_cert is set");
    return OK;
}

static bool url_is_real(const char *url)
{
    char host[256];
    return url != NULL && config_url_host(url, host, sizeof host) == OK &&
           !config_is_loopback(host);
}

struct needed {
    const char *name, *value;
};

static enum status check_needed(const struct needed *n, size_t count, const void *merchant,
                                const char *section, const struct verdict *v)
{
    for (size_t i = 0; i < count; i++)
        if (n[i].value == NULL) {
            char rule[64];
            snprintf(rule, sizeof rule, "needs %s", n[i].name);
            return blame(v, merchant, section, "enabled", rule);
        }
    return OK;
}

static enum status check_wechat(const struct config *c, const struct config_wechat *w,
                                const struct verdict *v)
{
    const struct needed needed[] = {{"mchid", w->mchid},
                                    {"api_v3_key_file", w->api_v3_key_file},
                                    {"merchant_key_file", w->merchant_key_file},
                                    {"merchant_serial", w->merchant_serial},
                                    {"base_url", w->base_url},
                                    {"login_base_url", w->login_base_url}};
    if (!w->enabled)
        return OK;
    enum status s = check_needed(needed, sizeof needed / sizeof *needed, w, "wechat", v);
    if (s != OK)
        return s;
    if (!w->appid_app && !w->appid_jsapi && !w->appid_h5 && !w->appid_native)
        return blame(v, w, "wechat", "enabled", "needs one of the appid_ keys");
    if ((w->public_key_id == NULL) != (w->public_key_file == NULL))
        return blame(v, w, "wechat", w->public_key_id ? "public_key_id" : "public_key_file",
                     "public_key_id and public_key_file go together");
    if (w->login_secret_file && !w->appid_jsapi)
        return blame(v, w, "wechat", "login_secret_file", "needs appid_jsapi, whose secret it is");
    if (w->public_key_id == NULL && !w->platform_certificates)
        return blame(v, w, "wechat", "platform_certificates",
                     "without public_key_id it must be auto: answers could not be verified");
    if (c->testing.allow_clock && (url_is_real(w->base_url) || url_is_real(w->login_base_url)))
        return blame(v, w, "wechat", "enabled",
                     "a provider that is not on loopback does not go with testing.allow_clock");
    return OK;
}

static enum status check_alipay_keys(const struct config_alipay *a, const struct verdict *v)
{
    int certs =
        (a->app_cert_file != NULL) + (a->alipay_cert_file != NULL) + (a->root_cert_file != NULL);
    if (certs != 0 && certs != 3)
        return blame(v, a, "alipay",
                     a->app_cert_file      ? "app_cert_file"
                     : a->alipay_cert_file ? "alipay_cert_file"
                                           : "root_cert_file",
                     "app_cert_file, alipay_cert_file and root_cert_file go together");
    if ((certs == 3) == (a->alipay_public_key_file != NULL))
        return blame(v, a, "alipay", "enabled",
                     "needs either alipay_public_key_file or the three certificates");
    return OK;
}

static enum status check_alipay(const struct config *c, const struct config_alipay *a,
                                const struct verdict *v)
{
    const struct needed needed[] = {{"app_id", a->app_id},
                                    {"seller_id", a->seller_id},
                                    {"app_key_file", a->app_key_file},
                                    {"gateway_url", a->gateway_url}};
    if (!a->enabled)
        return OK;
    enum status s = check_needed(needed, sizeof needed / sizeof *needed, a, "alipay", v);
    if (s == OK)
        s = check_alipay_keys(a, v);
    if (s != OK)
        return s;
    if (c->testing.allow_clock && url_is_real(a->gateway_url))
        return blame(v, a, "alipay", "enabled",
                     "a provider that is not on loopback does not go with testing.allow_clock");
    return OK;
}

static enum status check_clock(const struct config *c, const struct verdict *v)
{
    if (c->testing.clock_offset_us != 0 && !c->testing.allow_clock)
        return blame(v, c, "testing", "clock_offset", "needs allow_clock = true");
    return OK;
}

enum status config_check(const struct config *c, const struct config_key **at, const void **home,
                         char *rule, size_t rule_size)
{
    const struct verdict v = {at, home, rule, rule_size};
    enum status s = check_listeners(c, &v);
    if (s == OK)
        s = check_clock(c, &v);
    for (size_t i = 0; s == OK && i < c->n_wechat; i++)
        s = check_wechat(c, &c->wechat[i], &v);
    for (size_t i = 0; s == OK && i < c->n_alipay; i++)
        s = check_alipay(c, &c->alipay[i], &v);
    return s;
}
