/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pay/wechat_login.h"

static struct arena *a;

static void set_up(void)
{
    a = arena_new();
}

static void tear_down(void)
{
    arena_free(a);
}

TestSuite(wechat_login, .init = set_up, .fini = tear_down);

static struct wechat_login_answer read_text(const char *json)
{
    struct wechat_login_answer answer;
    wechat_login_read(json, strlen(json), a, &answer);
    return answer;
}

Test(wechat_login, takes_the_openid_and_leaves_the_rest)
{
    struct wechat_login_answer r =
        read_text("{\"session_key\":\"tiihtNczf5v6AKRyjwEUhQ==\",\"openid\":\"oGZUI0egBJY1zhBYw2Kh"
                  "dUfwVJJE\",\"unionid\":\"o6_bmasdasdsad6_2sgVt7hMZOPfL\"}");
    cr_assert_eq(r.outcome, WECHAT_LOGIN_KNOWN);
    cr_assert_str_eq(r.openid, "oGZUI0egBJY1zhBYw2KhdUfwVJJE");
    cr_assert_eq(read_text("{\"errcode\":0,\"openid\":\"oX\"}").outcome, WECHAT_LOGIN_KNOWN);
}

Test(wechat_login, tells_the_codes_apart)
{
    static const struct {
        int errcode;
        enum wechat_login_outcome outcome;
    } table[] = {
        {40029, WECHAT_LOGIN_CODE_INVALID},  {40163, WECHAT_LOGIN_CODE_INVALID},
        {41008, WECHAT_LOGIN_CODE_INVALID},  {40226, WECHAT_LOGIN_BLOCKED},
        {45011, WECHAT_LOGIN_TOO_OFTEN},     {-1, WECHAT_LOGIN_BUSY},
        {40013, WECHAT_LOGIN_MISCONFIGURED}, {40125, WECHAT_LOGIN_MISCONFIGURED},
        {99999, WECHAT_LOGIN_BUSY},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char json[120];
        snprintf(json, sizeof json, "{\"errcode\":%d,\"errmsg\":\"no\",\"openid\":\"oX\"}",
                 table[i].errcode);
        struct wechat_login_answer r = read_text(json);
        cr_expect_eq(r.outcome, table[i].outcome, "%d", table[i].errcode);
        cr_expect_eq(r.errcode, table[i].errcode);
        cr_expect_null(r.openid, "an error names nobody");
    }
}

Test(wechat_login, believes_nothing_that_is_no_such_answer)
{
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "\"openid\"",
        "{}",
        "{\"openid\":\"\"}",
        "{\"openid\":7}",
        "{\"openid\":null}",
        "{\"openid\":\"a b\"}",
        "{\"openid\":\"a\\nb\"}",
        "{\"openid\":\"a\",\"openid\":\"b\"}",
        "{\"errcode\":\"40029\",\"openid\":\"a\"}",
        "{\"openid\":\"a\"} and more",
        "{\"openid\":"
        "\"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
        "890123456789012345678901234567890123456789\"}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct wechat_login_answer r = read_text(texts[i]);
        cr_expect_eq(r.outcome, WECHAT_LOGIN_BUSY, "%s", texts[i]);
        cr_expect_null(r.openid);
    }
}

/* ---- the secret and the address ---- */

static enum status open_with(const char *secret, mode_t mode, struct wechat_login_app **app,
                             char why[256])
{
    char path[] = "/tmp/login-secret-XXXXXX";
    int fd = mkstemp(path);
    cr_assert(fd >= 0 && write(fd, secret, strlen(secret)) == (ssize_t)strlen(secret));
    cr_assert(fchmod(fd, mode) == 0);
    close(fd);
    enum status s =
        wechat_login_open("wx0123456789abcdef", "http://127.0.0.1:1", path, app, why, 256);
    unlink(path);
    return s;
}

Test(wechat_login, asks_with_every_part_in_its_place)
{
    char why[256] = "";
    struct wechat_login_app *app = NULL;
    cr_assert_eq(open_with("0123456789abcdef0123456789abcdef\n", 0400, &app, why), OK, "%s", why);
    cr_assert_str_eq(wechat_login_appid(app), "wx0123456789abcdef");
    cr_assert_str_eq(wechat_login_url(app, "0a&secret=b c#/", a),
                     "http://127.0.0.1:1/sns/jscode2session?appid=wx0123456789abcdef"
                     "&secret=0123456789abcdef0123456789abcdef&js_code=0a%26secret%3Db%20c%23%2F"
                     "&grant_type=authorization_code");
    wechat_login_close(app);
}

Test(wechat_login, refuses_a_secret_that_is_none_without_repeating_it)
{
    static const struct {
        const char *secret;
        mode_t mode;
    } table[] = {
        {"0123456789abcdef0123456789abcdef", 0644}, {"PLANTEDshort", 0400},
        {"PLANTED with spaces in it ......", 0400}, {"PLANTED&js_code=0123456789", 0400},
        {"PLANTEDPLANTEDPLANTED\n\n", 0400},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char why[256] = "";
        struct wechat_login_app *app = NULL;
        cr_expect_eq(open_with(table[i].secret, table[i].mode, &app, why), INVALID, "%zu", i);
        cr_expect_null(app);
        cr_expect(strstr(why, "login_secret_file") && !strstr(why, "PLANTED"), "%s", why);
    }
}
