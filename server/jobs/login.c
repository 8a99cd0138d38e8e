/* SPDX-License-Identifier: MIT */
#include "jobs/login.h"

#include "base/clock.h"
#include "base/log.h"
#include "jobs/provider_send.h"

/* A code that WeChat does not know is the person's, not a failure there. */
static enum provider_outcome outcome_of(enum wechat_login_outcome outcome)
{
    switch (outcome) {
    case WECHAT_LOGIN_KNOWN:
    case WECHAT_LOGIN_CODE_INVALID:
    case WECHAT_LOGIN_BLOCKED: return PROVIDER_ANSWERED;
    case WECHAT_LOGIN_TOO_OFTEN:
    case WECHAT_LOGIN_MISCONFIGURED: return PROVIDER_REFUSED;
    case WECHAT_LOGIN_BUSY: return PROVIDER_UNANSWERED;
    }
    return PROVIDER_UNANSWERED;
}

void login_ask(struct provider *p, const char *js_code, struct arena *a,
               struct wechat_login_answer *out)
{
    static const char *const headers[] = {"Accept: application/json", "User-Agent: idphotod", NULL};
    const struct client_call call = {
        .method = "GET",
        .url = wechat_login_url(p->service->login, js_code, a),
        .headers = headers,
        .timeout_us = 5 * SECOND_US, /* a person waits at the door */
    };
    struct client_answer answer;
    *out = (struct wechat_login_answer){.outcome = WECHAT_LOGIN_BUSY};
    int64_t began_us = clock_boot_us();
    enum status s = client_send(p->client, &call, a, &answer);
    if (s == OK && answer.http_status == 200)
        wechat_login_read(answer.body, answer.body_size, a, out);
    provider_count("wechat", "login", began_us, outcome_of(out->outcome));
    if (s != OK)
        return;
    if (out->outcome == WECHAT_LOGIN_MISCONFIGURED)
        log_error("login.misconfigured", LOG_INT("errcode", out->errcode));
    else if (out->outcome == WECHAT_LOGIN_BUSY || out->outcome == WECHAT_LOGIN_TOO_OFTEN)
        log_warn("login.unanswered", LOG_INT("http_status", answer.http_status),
                 LOG_INT("errcode", out->errcode));
}
