/* SPDX-License-Identifier: MIT */
#include "pay/wechat.h"

#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "pay/merchant_file.h"
#include "pay/wechat_parts.h"

static const char PUBLIC_KEY_ID_PREFIX[] = "PUB_KEY_ID_";
enum { SERIAL_MAX = 128 };

struct wechat *wechat_new(void)
{
    struct wechat *w = calloc(1, sizeof *w);
    CHECK_PEER(w);
    atomic_init(&w->trusted, NULL);
    CHECK_PEER(pthread_mutex_init(&w->trusting, NULL) == 0);
    return w;
}

void wechat_close(struct wechat *w)
{
    if (!w)
        return;
    for (struct wechat_trusted *t = atomic_load(&w->trusted), *next; t; t = next) {
        next = t->next;
        rsa_free(t->key);
        free(t->serial);
        free(t);
    }
    for (size_t i = 0; i < WECHAT_METHODS; i++)
        free(w->appids[i]);
    free(w->mchid);
    free(w->merchant_serial);
    free(w->public_key_id);
    rsa_free(w->merchant_key);
    sodium_free(w->api_v3_key);
    pthread_mutex_destroy(&w->trusting);
    free(w);
}

const char *wechat_mchid(const struct wechat *w)
{
    return w->mchid;
}

const char *wechat_appid(const struct wechat *w, enum wechat_method method)
{
    return w->appids[method];
}

static bool is_over(const struct wechat_trusted *t, int64_t now_us)
{
    return t->expire_us && now_us >= t->expire_us;
}

const struct rsa_key *wechat_find_key(const struct wechat *w, const char *serial, int64_t now_us)
{
    const struct wechat_trusted *t = atomic_load_explicit(&w->trusted, memory_order_acquire);
    for (; t; t = t->next)
        if (strcmp(t->serial, serial) == 0)
            return is_over(t, now_us) ? NULL : t->key;
    return NULL;
}

const char *wechat_newest_certificate(const struct wechat *w, int64_t now_us)
{
    const struct wechat_trusted *newest = NULL;
    const struct wechat_trusted *t = atomic_load_explicit(&w->trusted, memory_order_acquire);
    for (; t; t = t->next)
        if (t->expire_us && !is_over(t, now_us) && t->effective_us <= now_us &&
            (!newest || t->effective_us > newest->effective_us))
            newest = t;
    return newest ? newest->serial : NULL;
}

bool wechat_serial_is_mixed_up(const struct wechat *w)
{
    return wechat_find_key(w, w->merchant_serial, 0) != NULL;
}

int64_t wechat_certificate_end_us(const struct wechat *w)
{
    return w->merchant_cert_end_us;
}

int64_t wechat_keys_end_us(const struct wechat *w)
{
    int64_t end_us = 0;
    const struct wechat_trusted *t = atomic_load_explicit(&w->trusted, memory_order_acquire);
    for (; t; t = t->next) {
        if (!t->expire_us)
            return INT64_MAX;
        end_us = t->expire_us > end_us ? t->expire_us : end_us;
    }
    return end_us;
}

static size_t count_trusted(const struct wechat *w)
{
    size_t n = 0;
    for (const struct wechat_trusted *t = atomic_load(&w->trusted); t; t = t->next)
        n++;
    return n;
}

static bool same_public_key(const struct rsa_key *one, const struct rsa_key *other)
{
    struct arena *a = arena_new();
    bool same = strcmp(rsa_public_text(one, a), rsa_public_text(other, a)) == 0;
    arena_free(a);
    return same;
}

/* Takes key. */
static enum status push_trusted(struct wechat *w, const char *serial, struct rsa_key *key,
                                int64_t effective_us, int64_t expire_us)
{
    const struct rsa_key *known = wechat_find_key(w, serial, 0);
    bool repeated = known && same_public_key(known, key);
    if (repeated || count_trusted(w) >= WECHAT_TRUSTED_MAX) {
        rsa_free(key);
        return repeated ? OK : TOO_LARGE;
    }
    struct wechat_trusted *t = malloc(sizeof *t);
    CHECK_PEER(t);
    *t = (struct wechat_trusted){atomic_load(&w->trusted), key, strdup(serial), effective_us,
                                 expire_us};
    CHECK_PEER(t->serial);
    atomic_store_explicit(&w->trusted, t, memory_order_release);
    return OK;
}

static enum status trust(struct wechat *w, const char *serial, const char *pem, size_t n,
                         int64_t effective_us, int64_t expire_us)
{
    struct rsa_key *key = NULL;
    if (!serial[0] || strlen(serial) > SERIAL_MAX)
        return INVALID;
    if (rsa_load_public(pem, n, RSA_PEM, &key) != OK)
        return INVALID;
    CHECK_PEER(pthread_mutex_lock(&w->trusting) == 0);
    enum status status = push_trusted(w, serial, key, effective_us, expire_us);
    CHECK_PEER(pthread_mutex_unlock(&w->trusting) == 0);
    return status;
}

enum status wechat_trust_key(struct wechat *w, const char *serial, const char *pem, size_t n)
{
    return trust(w, serial, pem, n, 0, 0);
}

enum status wechat_trust_certificate(struct wechat *w, const struct wechat_certificate *c)
{
    return trust(w, c->serial, c->pem, c->pem_size, c->effective_us, c->expire_us);
}

/* Opening: each step fills one part of the merchant and says why when it cannot. */
struct opening {
    const struct wechat_options *options;
    struct wechat *w;
    char *why;
    size_t why_size;
};

static enum status refuse(const struct opening *o, const char *option, const char *path,
                          const char *reason)
{
    if (path)
        snprintf(o->why, o->why_size, "%s (%s): %s", option, path, reason);
    else
        snprintf(o->why, o->why_size, "%s: %s", option, reason);
    return INVALID;
}

static bool is_made_of(const char *text, size_t max, int (*allowed)(int))
{
    size_t n = text ? strlen(text) : 0;
    for (size_t i = 0; i < n; i++)
        if (!allowed((unsigned char)text[i]))
            return false;
    return n >= 1 && n <= max;
}

static int is_upper_hex(int c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
}

static int is_id_character(int c)
{
    return isalnum(c) || c == '_' || c == '-';
}

static char *copied(const char *text)
{
    char *copy = strdup(text);
    CHECK_PEER(copy);
    return copy;
}

static enum status take_names(const struct opening *o)
{
    static const char *const names[] = {"appid_app", "appid_jsapi", "appid_h5", "appid_native"};
    const struct wechat_options *from = o->options;
    const char *const appids[] = {from->appid_app, from->appid_jsapi, from->appid_h5,
                                  from->appid_native};
    if (!is_made_of(from->mchid, WECHAT_ID_MAX, isdigit))
        return refuse(o, "mchid", NULL, "must be 1 to 32 digits");
    if (!is_made_of(from->merchant_serial, RSA_SERIAL_BYTES - 1, is_upper_hex))
        return refuse(o, "merchant_serial", NULL, "must be up to 40 upper-case hex digits");
    o->w->mchid = copied(from->mchid);
    o->w->merchant_serial = copied(from->merchant_serial);
    for (size_t i = 0; i < WECHAT_METHODS; i++) {
        if (!appids[i])
            continue;
        if (!is_made_of(appids[i], WECHAT_ID_MAX, is_id_character))
            return refuse(o, names[i], NULL, "must be 1 to 32 letters and digits");
        o->w->appids[i] = copied(appids[i]);
    }
    return OK;
}

static enum status take_api_key(const struct opening *o)
{
    const char *path = o->options->api_v3_key_file;
    struct buf content = {0};
    enum status status =
        merchant_file_read("api_v3_key_file", path, true, &content, o->why, o->why_size);
    if (status != OK)
        return status;
    size_t n = content.size;
    if (n > 0 && content.bytes[n - 1] == '\n')
        n--;
    CHECK_PEER(sodium_init() >= 0);
    if (n == WECHAT_API_KEY_BYTES) {
        o->w->api_v3_key = sodium_malloc(WECHAT_API_KEY_BYTES);
        CHECK_PEER(o->w->api_v3_key);
        memcpy(o->w->api_v3_key, content.bytes, n);
        CHECK_PEER(sodium_mprotect_readonly(o->w->api_v3_key) == 0);
    } else {
        status = refuse(o, "api_v3_key_file", path, "must hold exactly 32 bytes");
    }
    buf_free(&content);
    return status;
}

static enum status take_merchant_key(const struct opening *o)
{
    const char *path = o->options->merchant_key_file;
    struct buf content = {0};
    enum status status =
        merchant_file_read("merchant_key_file", path, true, &content, o->why, o->why_size);
    if (status != OK)
        return status;
    status =
        rsa_load_private((const char *)content.bytes, content.size, RSA_PEM, &o->w->merchant_key);
    buf_free(&content);
    if (status != OK)
        return refuse(o, "merchant_key_file", path,
                      "must be an unencrypted RSA private key of at least 2048 bits in PEM");
    if (!rsa_is_pair(o->w->merchant_key, o->w->merchant_key))
        return refuse(o, "merchant_key_file", path, "its signature does not verify");
    return OK;
}

static enum status compare_certificate(const struct opening *o, const struct buf *content)
{
    const char *path = o->options->merchant_cert_file, *pem = (const char *)content->bytes;
    char serial[RSA_SERIAL_BYTES];
    struct rsa_key *certified = NULL;
    if (rsa_certificate_serial(pem, content->size, serial) != OK ||
        rsa_certificate_end_us(pem, content->size, &o->w->merchant_cert_end_us) != OK ||
        rsa_load_public(pem, content->size, RSA_PEM, &certified) != OK)
        return refuse(o, "merchant_cert_file", path, "must be a certificate of an RSA key in PEM");
    bool ours = rsa_is_pair(o->w->merchant_key, certified);
    rsa_free(certified);
    if (!ours)
        return refuse(o, "merchant_cert_file", path,
                      "is not the certificate of the key in merchant_key_file");
    if (strcmp(serial, o->w->merchant_serial) != 0)
        return refuse(o, "merchant_serial", NULL, "is not the serial of merchant_cert_file");
    return OK;
}

static enum status take_merchant_certificate(const struct opening *o)
{
    struct buf content = {0};
    if (!o->options->merchant_cert_file)
        return OK;
    enum status status = merchant_file_read("merchant_cert_file", o->options->merchant_cert_file,
                                            false, &content, o->why, o->why_size);
    if (status == OK)
        status = compare_certificate(o, &content);
    buf_free(&content);
    return status;
}

static enum status take_public_key(const struct opening *o)
{
    const char *id = o->options->public_key_id, *path = o->options->public_key_file;
    const size_t prefix = sizeof PUBLIC_KEY_ID_PREFIX - 1;
    struct buf content = {0};
    if (!id && !path) /* platform certificates alone */
        return OK;
    if (!id || strncmp(id, PUBLIC_KEY_ID_PREFIX, prefix) != 0 ||
        !is_made_of(id + prefix, SERIAL_MAX - prefix, isalnum))
        return refuse(o, "public_key_id", NULL, "must be PUB_KEY_ID_ and digits");
    enum status status =
        merchant_file_read("public_key_file", path, false, &content, o->why, o->why_size);
    if (status != OK)
        return status;
    if (strstr((const char *)content.bytes, "BEGIN CERTIFICATE")) {
        buf_free(&content);
        return refuse(o, "public_key_file", path,
                      "is a certificate, not the public key of that id");
    }
    status = wechat_trust_key(o->w, id, (const char *)content.bytes, content.size);
    buf_free(&content);
    if (status != OK)
        return refuse(o, "public_key_file", path,
                      "must be an RSA public key of at least 2048 bits in PEM");
    if (rsa_is_pair(o->w->merchant_key, wechat_find_key(o->w, id, 0)))
        return refuse(o, "public_key_file", path,
                      "is the merchant's own key, not the one of WeChat Pay");
    o->w->public_key_id = copied(id);
    return OK;
}

enum status wechat_open(const struct wechat_options *options, struct wechat **out, char *why,
                        size_t why_size)
{
    static enum status (*const steps[])(const struct opening *) = {
        take_names, take_api_key, take_merchant_key, take_merchant_certificate, take_public_key};
    const struct opening o = {options, wechat_new(), why, why_size};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (steps[i](&o) != OK) {
            wechat_close(o.w);
            return INVALID;
        }
    }
    *out = o.w;
    return OK;
}
