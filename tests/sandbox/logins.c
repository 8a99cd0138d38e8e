/* SPDX-License-Identifier: MIT */
#include "logins.h"

#include "encoding.h"
#include "moment.h"
#include "sandbox.h"
#include "store.h"

#include <openssl/rand.h>
#include <pthread.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

enum { CODE_LIFE_S = 300, SESSION_KEY_BYTES = 16 };
enum {
    LOGIN_OK = 0,
    LOGIN_BAD_APPID = 40013,
    LOGIN_BAD_GRANT_TYPE = 40002,
    LOGIN_BAD_CODE = 40029,
    LOGIN_BAD_SECRET = 40125,
    LOGIN_CODE_USED = 40163,
    LOGIN_NO_CODE = 41008,
};

struct login {
    const char *js_code, *openid;
    int64_t opened_s;
    int error, times;
    bool used;
};

struct logins {
    pthread_mutex_t lock; /* stays first: store_new */
    struct pool *pool;
    void *by_code; /* a tsearch tree of struct login */
};

struct logins *logins_new(void)
{
    struct logins *all = store_new(sizeof *all);
    all->pool = pool_new();
    return all;
}

void logins_free(struct logins *all)
{
    if (!all)
        return;
    store_free_tree(all->by_code);
    pthread_mutex_destroy(&all->lock);
    pool_free(all->pool);
    free(all);
}

static int by_code(const void *a, const void *b)
{
    const struct login *x = a, *y = b;
    return strcmp(x->js_code, y->js_code);
}

char *logins_open(struct logins *all, struct pool *pool, const char *openid, int error, int times)
{
    pthread_mutex_lock(&all->lock);
    struct login *l = pool_alloc(all->pool, sizeof *l);
    *l = (struct login){
        .js_code = pool_print(all->pool, "0%s", random_text(all->pool, ALPHANUMERIC, 31)),
        .openid = pool_text(all->pool, openid),
        .opened_s = moment_now_s(),
        .error = error,
        .times = times,
    };
    if (!tsearch(l, &all->by_code, by_code))
        abort();
    pthread_mutex_unlock(&all->lock);
    return pool_text(pool, l->js_code);
}

/* LOGIN_OK and the openid, which lives as long as the store. */
static int use_code(struct logins *all, const char *js_code, const char **openid)
{
    struct login wanted = {.js_code = js_code};
    int result = LOGIN_OK;
    pthread_mutex_lock(&all->lock);
    struct login **node = tfind(&wanted, &all->by_code, by_code);
    struct login *l = node ? *node : NULL;
    if (!l || moment_now_s() - l->opened_s > CODE_LIFE_S)
        result = LOGIN_BAD_CODE;
    else if (l->used)
        result = LOGIN_CODE_USED;
    else if (l->error && l->times != 0)
        result = l->error;
    if (result == LOGIN_OK) {
        l->used = true;
        *openid = l->openid;
    } else if (l && l->times > 0) {
        l->times--;
    }
    pthread_mutex_unlock(&all->lock);
    return result;
}

static int check(const struct installation *in, const struct pairs *p)
{
    const char *appid = pairs_get(p, "appid"), *secret = pairs_get(p, "secret"),
               *grant = pairs_get(p, "grant_type"), *code = pairs_get(p, "js_code");
    if (!appid || strcmp(appid, in->appid_jsapi) != 0)
        return LOGIN_BAD_APPID;
    if (!secret || strcmp(secret, in->login_secret) != 0)
        return LOGIN_BAD_SECRET;
    if (!grant || strcmp(grant, "authorization_code") != 0 || p->n > 4)
        return LOGIN_BAD_GRANT_TYPE;
    return code && *code ? LOGIN_OK : LOGIN_NO_CODE;
}

static const char *message_of(int error)
{
    static const struct {
        int error;
        const char *message;
    } messages[] = {
        {-1, "system error"},
        {LOGIN_BAD_APPID, "invalid appid"},
        {40226, "code blocked"},
        {LOGIN_BAD_GRANT_TYPE, "invalid grant_type"},
        {45011, "api minute-quota reach limit, must slower"},
        {LOGIN_BAD_CODE, "invalid code"},
        {LOGIN_BAD_SECRET, "invalid appsecret"},
        {LOGIN_CODE_USED, "code been used"},
        {LOGIN_NO_CODE, "missing code"},
    };
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++)
        if (messages[i].error == error)
            return messages[i].message;
    return "error";
}

void login_answer(struct sandbox *s, struct request *request, struct reply *reply)
{
    struct pairs p = {0};
    const char *query = request->query ? request->query : "", *openid = NULL;
    struct pool *pool = request->pool;
    bool read = strcmp(request->method, "GET") == 0 && pairs_parse(pool, query, strlen(query), &p);
    int error = read ? check(&s->in, &p) : LOGIN_BAD_GRANT_TYPE;
    if (error == LOGIN_OK)
        error = use_code(s->logins, pairs_get(&p, "js_code"), &openid);
    unsigned char session_key[SESSION_KEY_BYTES];
    if (RAND_bytes(session_key, sizeof session_key) != 1)
        abort();
    json_t *body =
        error ? json_pack("{s:i, s:s}", "errcode", error, "errmsg",
                          pool_print(pool, "%s, rid: %s", message_of(error),
                                     random_text(pool, "0123456789abcdef", 26)))
              : json_pack("{s:s, s:s}", "session_key",
                          base64_encode(pool, session_key, sizeof session_key), "openid", openid);
    reply_json(request, reply, 200, body);
    reply->n_headers = 0; /* theirs says so of JSON */
    reply_header(reply, "Content-Type", "text/plain");
}
