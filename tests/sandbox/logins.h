/* SPDX-License-Identifier: MIT */
/*
 * WeChat's login of mini-programs: codes that the client gets, once good for an
 * openid (GET /sns/jscode2session). In memory. Any thread.
 */
#ifndef SANDBOX_LOGINS_H
#define SANDBOX_LOGINS_H

#include "http.h"

struct sandbox;
struct logins;
struct logins *logins_new(void);
void logins_free(struct logins *all);

/* A js_code of that person, good for five minutes, once. error: the errcode its first `times`
 * exchanges get without using it up (0: none; times < 0: always). The text lies in the pool. */
char *logins_open(struct logins *all, struct pool *pool, const char *openid, int error, int times);

/* HTTP 200 whatever happens, as there. */
void login_answer(struct sandbox *s, struct request *request, struct reply *reply);

#endif
