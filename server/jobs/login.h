/* SPDX-License-Identifier: MIT */
/*
 * Asks WeChat who a js_code was given to.
 *
 * One thread per struct provider.
 */
#ifndef IDPHOTOD_JOBS_LOGIN_H
#define IDPHOTOD_JOBS_LOGIN_H

#include "jobs/provider.h"
#include "pay/wechat_login.h"

/* The service has a login app. A timeout, or an answer that is none, is WECHAT_LOGIN_BUSY. Logs
 * codes alone; what an operator must mend is alarmed (login.misconfigured). */
void login_ask(struct provider *p, const char *js_code, struct arena *a,
               struct wechat_login_answer *out);

#endif
