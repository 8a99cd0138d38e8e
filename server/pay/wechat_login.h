/* SPDX-License-Identifier: MIT */
/*
 * WeChat mini-program login: who is it that this js_code was given to?
 *
 * The request carries the app's secret and the code in its address, so the
 * address is never logged. Answers are not signed: TLS alone vouches for them.
 * session_key and unionid, which come along, are not read. Source: design
 * notes, section 3.4. No sockets. Immutable once opened; any thread.
 */
#ifndef IDPHOTOD_PAY_WECHAT_LOGIN_H
#define IDPHOTOD_PAY_WECHAT_LOGIN_H

#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

struct wechat_login_app;

enum { JS_CODE_MAX = 128 };

/* Reads the secret: 16 to 128 letters and digits in a file of mode 0400 or 0600. INVALID with a
 * reason that names option and file. Returns owned; copies. */
enum status wechat_login_open(const char *appid, const char *base_url, const char *secret_file,
                              struct wechat_login_app **out, char *why, size_t why_size) MUST_USE;
void wechat_login_close(struct wechat_login_app *app);
const char *wechat_login_appid(const struct wechat_login_app *app);

/* Address to GET. Holds secrets: for the call alone. */
const char *wechat_login_url(const struct wechat_login_app *app, const char *js_code,
                             struct arena *a) __attribute__((returns_nonnull));

enum wechat_login_outcome {
    WECHAT_LOGIN_KNOWN,         /* openid is set */
    WECHAT_LOGIN_CODE_INVALID,  /* wrong, used or older than 5 minutes: 40029, 40163, 41008 */
    WECHAT_LOGIN_BLOCKED,       /* WeChat holds the user for a risk: 40226 */
    WECHAT_LOGIN_TOO_OFTEN,     /* over 100 a minute of one user, or over our quota: 45011, 45009 */
    WECHAT_LOGIN_BUSY,          /* -1, and what is no such answer: try again */
    WECHAT_LOGIN_MISCONFIGURED, /* appid, secret or our address are refused: an operator's matter */
};
struct wechat_login_answer {
    enum wechat_login_outcome outcome;
    int64_t errcode;    /* 0 when there was none */
    const char *openid; /* in the arena */
};
/* Body of an answer of status 200. */
void wechat_login_read(const char *json, size_t n, struct arena *a,
                       struct wechat_login_answer *out);

#endif
