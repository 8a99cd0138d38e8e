/* SPDX-License-Identifier: MIT */
/*
 * What a running idphotod holds: configuration, keys, merchants, and the way
 * to the database. Made once by main, read by jobs and api from any thread.
 */
#ifndef IDPHOTOD_JOBS_SERVICE_H
#define IDPHOTOD_JOBS_SERVICE_H

#include <stdatomic.h>

#include "base/config.h"
#include "jobs/circuit.h"
#include "pay/alipay.h"
#include "pay/wechat.h"
#include "pay/wechat_login.h"
#include "store/store.h"
#include "vault/guard.h"

struct certificates;

struct service {
    const struct config *config;
    struct vault *vault;
    struct guard *guard;
    struct db_options db_options;
    struct wechat *wechat[CONFIG_MERCHANTS_MAX]; /* as config->wechat; NULL where not enabled */
    struct alipay *alipay[CONFIG_MERCHANTS_MAX];
    struct wechat_login_app *login;    /* NULL: logging in by WeChat is not offered */
    struct certificates *certificates; /* jobs/certificates.h */
    struct circuit *circuits[2];       /* by enum channel */
    char host[256];
    atomic_bool stopping; /* what is only looked up is looked up no further: it can wait */
};

/* Opens vault, guard and merchants as the configuration says; `why` names file and reason. What it
 * opened before a failure is closed again. */
enum status service_open(const struct config *config, struct service *out, char *why,
                         size_t why_size) MUST_USE;
void service_close(struct service *s);

/* The enabled merchants, packed; for calls that try one after the other. Returns how many. */
size_t service_wechats(const struct service *s, struct wechat *out[CONFIG_MERCHANTS_MAX]);
size_t service_alipays(const struct service *s, struct alipay *out[CONFIG_MERCHANTS_MAX]);

#endif
