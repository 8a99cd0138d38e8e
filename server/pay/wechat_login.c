/* SPDX-License-Identifier: MIT */
#include "pay/wechat_login.h"

#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "pay/merchant_file.h"
#include "pay/wechat_parts.h"

enum { SECRET_MIN = 16, SECRET_MAX = 128, OPENID_MAX = 128 };

struct wechat_login_app {
    char *appid, *base_url;
    char *secret; /* sodium_malloc */
};

static bool is_secret(const unsigned char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isalnum(text[i]))
            return false;
    return n >= SECRET_MIN && n <= SECRET_MAX;
}

static enum status read_secret(const char *path, char **out, char *why, size_t why_size)
{
    struct buf content = {0};
    if (merchant_file_read("login_secret_file", path, true, &content, why, why_size) != OK)
        return INVALID;
    size_t n = content.size;
    if (n > 0 && content.bytes[n - 1] == '\n')
        n--;
    bool whole = is_secret(content.bytes, n);
    if (whole) {
        CHECK_PEER(sodium_init() >= 0);
        *out = sodium_malloc(n + 1);
        CHECK_PEER(*out);
        memcpy(*out, content.bytes, n);
        (*out)[n] = '\0';
        CHECK_PEER(sodium_mprotect_readonly(*out) == 0);
    } else {
        snprintf(why, why_size, "login_secret_file (%s): must hold 16 to 128 letters and digits",
                 path);
    }
    buf_free(&content);
    return whole ? OK : INVALID;
}

enum status wechat_login_open(const char *appid, const char *base_url, const char *secret_file,
                              struct wechat_login_app **out, char *why, size_t why_size)
{
    char *secret = NULL;
    enum status s = read_secret(secret_file, &secret, why, why_size);
    if (s != OK)
        return s;
    struct wechat_login_app *app = calloc(1, sizeof *app);
    CHECK_PEER(app);
    *app = (struct wechat_login_app){strdup(appid), strdup(base_url), secret};
    CHECK_PEER(app->appid && app->base_url);
    *out = app;
    return OK;
}

void wechat_login_close(struct wechat_login_app *app)
{
    if (!app)
        return;
    free(app->appid);
    free(app->base_url);
    sodium_free(app->secret);
    free(app);
}

const char *wechat_login_appid(const struct wechat_login_app *app)
{
    return app->appid;
}

const char *wechat_login_url(const struct wechat_login_app *app, const char *js_code,
                             struct arena *a)
{
    return arena_printf(a,
                        "%s/sns/jscode2session?appid=%s&secret=%s&js_code=%s"
                        "&grant_type=authorization_code",
                        app->base_url, wechat_percent_encoded(app->appid, a), app->secret,
                        wechat_percent_encoded(js_code, a));
}

/* Codes that say that the fault is ours: appid, secret, our address. Anything else that is not
 * known may pass by itself. */
static enum wechat_login_outcome outcome_of(int64_t errcode)
{
    static const struct {
        int64_t errcode;
        enum wechat_login_outcome outcome;
    } known[] = {
        {40029, WECHAT_LOGIN_CODE_INVALID},  {40163, WECHAT_LOGIN_CODE_INVALID},
        {41008, WECHAT_LOGIN_CODE_INVALID},  {40226, WECHAT_LOGIN_BLOCKED},
        {45011, WECHAT_LOGIN_TOO_OFTEN},     {45009, WECHAT_LOGIN_TOO_OFTEN},
        {40001, WECHAT_LOGIN_MISCONFIGURED}, {40013, WECHAT_LOGIN_MISCONFIGURED},
        {40125, WECHAT_LOGIN_MISCONFIGURED}, {40164, WECHAT_LOGIN_MISCONFIGURED},
        {41002, WECHAT_LOGIN_MISCONFIGURED}, {41004, WECHAT_LOGIN_MISCONFIGURED},
        {48001, WECHAT_LOGIN_MISCONFIGURED}, {50002, WECHAT_LOGIN_MISCONFIGURED},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].errcode == errcode)
            return known[i].outcome;
    return WECHAT_LOGIN_BUSY;
}

void wechat_login_read(const char *json, size_t n, struct arena *a, struct wechat_login_answer *out)
{
    struct wechat_login_answer answer = {.outcome = WECHAT_LOGIN_BUSY};
    struct json_view document;
    struct json_text *read = json_text_open(json, n, &document);
    struct json_view errcode = json_view_member(document, "errcode");
    bool coded = json_view_integer(errcode, &answer.errcode);
    if (answer.errcode != 0) {
        answer.outcome = outcome_of(answer.errcode);
    } else if (coded || !json_view_exists(errcode)) {
        answer.openid = wechat_text(document, "openid", OPENID_MAX, a);
        if (wechat_is_line(answer.openid, OPENID_MAX))
            answer.outcome = WECHAT_LOGIN_KNOWN;
        else
            answer.openid = NULL;
    }
    json_text_close(read);
    *out = answer;
}
