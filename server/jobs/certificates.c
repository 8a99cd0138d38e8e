/* SPDX-License-Identifier: MIT */
#include "jobs/certificates.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/wait.h"
#include "jobs/provider_send.h"

#define APART_US   (5 * MINUTE_US)  /* between two downloads of one thing */
#define REFRESH_US (12 * HOUR_US)   /* of a list that is well */
#define AGAIN_US   (5 * MINUTE_US)  /* after a failure */
#define TICK_US    (10 * SECOND_US) /* how late a wish, or the end of its pause, may be noticed */
#define ALARM_US   (14 * DAY_US)    /* before the last key ends */

enum { WISHES_MAX = 8, SN_BYTES = 32 };

/* An Alipay certificate that somebody named. */
struct wish {
    const struct alipay *app; /* NULL: free */
    char sn[SN_BYTES + 1];
    bool open;
    int64_t asked_us; /* boot clock; 0: never */
};

struct certificates {
    const struct service *service;
    struct provider provider;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t wake;
    bool started, stopping, wanted, renewed;
    struct wish wishes[WISHES_MAX];
    /* the thread's own; boot clock */
    int64_t asked_us[CONFIG_MERCHANTS_MAX], due_us[CONFIG_MERCHANTS_MAX];
};

struct certificates *certificates_new(void)
{
    struct certificates *c = calloc(1, sizeof *c);
    CHECK_PEER(c);
    CHECK_PEER(pthread_mutex_init(&c->lock, NULL) == 0);
    CHECK_PEER(pthread_cond_init(&c->wake, NULL) == 0);
    return c;
}

void certificates_want(struct certificates *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->wanted = true;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
}

void certificates_renew(struct certificates *c)
{
    pthread_mutex_lock(&c->lock);
    c->renewed = true;
    for (size_t i = 0; i < WISHES_MAX; i++)
        c->wishes[i] = (struct wish){0};
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
}

static bool is_sn(const char *text)
{
    return strspn(text, "0123456789abcdef") == SN_BYTES && text[SN_BYTES] == '\0';
}

/* The row of this certificate, else one that may be used anew; NULL when all are busy. */
static struct wish *place_for(struct certificates *c, const struct alipay *app, const char *sn)
{
    struct wish *found = NULL;
    for (size_t i = 0; i < WISHES_MAX; i++) {
        struct wish *w = &c->wishes[i];
        if (w->app == app && strcmp(w->sn, sn) == 0)
            return w;
        if (!w->app || (!w->open && clock_boot_us() - w->asked_us >= APART_US))
            found = w;
    }
    if (found)
        *found = (struct wish){.app = app};
    return found;
}

void certificates_want_alipay(struct certificates *c, const struct alipay *app,
                              const char *alipay_cert_sn)
{
    if (!c || !is_sn(alipay_cert_sn))
        return;
    pthread_mutex_lock(&c->lock);
    struct wish *w = place_for(c, app, alipay_cert_sn);
    if (w) {
        memcpy(w->sn, alipay_cert_sn, sizeof w->sn);
        w->open = true;
        pthread_cond_signal(&c->wake);
    }
    pthread_mutex_unlock(&c->lock);
}

/* ---- WeChat Pay ---- */

static bool is_downloaded(const struct service *s, size_t i)
{
    return s->wechat[i] && s->config->wechat[i].platform_certificates;
}

static enum status download(struct certificates *c, int config, struct arena *a, int *added)
{
    struct wechat *w = c->service->wechat[config];
    struct wechat_request request;
    struct client_answer answer = {0};
    struct wechat_headers signature = {0};
    int64_t now_us = clock_now_us();
    enum status s = wechat_certificates_request(w, now_us, a, &request);
    if (s == OK)
        s = provider_fetch_wechat(&c->provider, config, &request, a, &answer, &signature);
    if (s == OK)
        return wechat_take_certificates(w, &signature, answer.body, answer.body_size, now_us, a,
                                        added);
    if (s == CONFLICT)
        provider_log_refusal("certificates", wechat_error_code(answer.body, answer.body_size, a));
    /* a merchant of the new kind has none, whatever the code says */
    return answer.http_status == 404 ? NOT_FOUND : s;
}

static void refresh_wechat(struct certificates *c, int config)
{
    struct arena *a = arena_new();
    const char *name = c->service->config->wechat[config].name;
    int added = 0;
    enum status s = download(c, config, a, &added);
    int64_t now_us = clock_now_us(), end_us = wechat_keys_end_us(c->service->wechat[config]);
    bool failed = s != OK && !(s == NOT_FOUND && end_us == INT64_MAX);
    c->asked_us[config] = clock_boot_us();
    c->due_us[config] = c->asked_us[config] + (failed ? AGAIN_US : REFRESH_US);
    if (s == OK)
        log_info("certificates.taken", LOG_STR("merchant", name), LOG_INT("added", added));
    else if (failed && end_us > now_us)
        log_warn("certificates.failed", LOG_STR("merchant", name),
                 LOG_STR("status", status_name(s)));
    if (wechat_serial_is_mixed_up(c->service->wechat[config]))
        log_error("merchant.serial-mixed-up", LOG_STR("merchant", name));
    if (failed && end_us <= now_us)
        log_error("certificates.none", LOG_STR("merchant", name),
                  LOG_STR("status", status_name(s)));
    else if (end_us != INT64_MAX && end_us - now_us < ALARM_US)
        log_error("certificates.ending", LOG_STR("merchant", name),
                  LOG_INT("hours", (end_us - now_us) / HOUR_US));
    arena_free(a);
}

/* True when nobody waits any more for what was wanted. */
static bool refresh_wechats(struct certificates *c, bool wanted)
{
    bool served = true;
    for (size_t i = 0; i < c->service->config->n_wechat; i++) {
        int64_t now_us = clock_boot_us();
        if (!is_downloaded(c->service, i))
            continue;
        bool rested = !c->asked_us[i] || now_us - c->asked_us[i] >= APART_US;
        if (now_us >= c->due_us[i] || (wanted && rested))
            refresh_wechat(c, (int)i);
        else if (wanted)
            served = false;
    }
    return served;
}

/* ---- Alipay ---- */

static void refresh_alipay(struct certificates *c, struct alipay *app, const char *sn)
{
    struct arena *a = arena_new();
    struct alipay_request request;
    struct client_answer answer = {0};
    int64_t now_us = clock_now_us();
    enum status s = alipay_certificate_request(app, sn, now_us, a, &request);
    if (s == OK)
        s = provider_fetch_alipay(&c->provider, ALIPAY_CERTIFICATE_METHOD, &request, a, &answer);
    if (s == OK)
        s = alipay_take_certificate(app, sn, answer.body, answer.body_size, now_us, a);
    if (s == OK)
        log_info("certificates.taken", LOG_STR("merchant", "alipay"), LOG_INT("added", 1));
    else
        log_warn("certificates.failed", LOG_STR("merchant", "alipay"),
                 LOG_STR("status", status_name(s)));
    arena_free(a);
}

/* Takes one wish that may be asked for now. */
static bool take_wish(struct certificates *c, struct wish *out)
{
    bool found = false;
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; !found && i < WISHES_MAX; i++) {
        struct wish *w = &c->wishes[i];
        int64_t now_us = clock_boot_us();
        if (!w->app || !w->open || (w->asked_us && now_us - w->asked_us < APART_US))
            continue;
        w->open = false;
        w->asked_us = now_us;
        *out = *w;
        found = true;
    }
    pthread_mutex_unlock(&c->lock);
    return found;
}

static void refresh_alipays(struct certificates *c)
{
    struct wish wish;
    while (take_wish(c, &wish))
        for (size_t i = 0; i < c->service->config->n_alipay; i++)
            if (c->service->alipay[i] == wish.app)
                refresh_alipay(c, c->service->alipay[i], wish.sn);
}

/* ---- the thread ---- */

/* Waits a little, less when something is wanted. False when it is to stop. */
static bool wait_for_work(struct certificates *c, bool *wanted)
{
    int64_t tick_us = clock_boot_us() + TICK_US;
    pthread_mutex_lock(&c->lock);
    while (!c->stopping && !c->wanted && !c->renewed && clock_boot_us() < tick_us)
        wait_until(&c->wake, &c->lock, tick_us);
    bool go_on = !c->stopping;
    *wanted = *wanted || c->wanted;
    if (c->renewed)
        memset(c->due_us, 0, sizeof c->due_us);
    c->wanted = c->renewed = false;
    pthread_mutex_unlock(&c->lock);
    return go_on;
}

static void *run(void *arg)
{
    struct certificates *c = arg;
    bool wanted = false;
    do {
        wanted = !refresh_wechats(c, wanted) && wanted;
        refresh_alipays(c);
    } while (wait_for_work(c, &wanted));
    return NULL;
}

void certificates_start(struct certificates *c, const struct service *service)
{
    c->service = service;
    c->provider = (struct provider){.service = service, .client = client_new()};
    c->started = true;
    CHECK_PEER(pthread_create(&c->thread, NULL, run, c) == 0);
}

void certificates_free(struct certificates *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->stopping = true;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
    if (c->started) {
        pthread_join(c->thread, NULL);
        client_free(c->provider.client);
    }
    pthread_cond_destroy(&c->wake);
    pthread_mutex_destroy(&c->lock);
    free(c);
}
