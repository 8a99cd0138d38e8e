/* SPDX-License-Identifier: MIT */
/* Alipay's certificates in certificate mode: which are held, and one that is new (section 5.7). */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "pay/alipay_answer.h"
#include "pay/alipay_keys.h"
#include "pay/alipay_trade.h"
#include "pay/base64.h"

enum { DOWNLOADED_MAX = 16, CERTIFICATE_MAX_BYTES = 64 * 1024 };

const struct rsa_key *alipay_key_named(const struct alipay *p, const char *alipay_cert_sn)
{
    if (!alipay_cert_sn || !p->alipay_cert_sn[0] || strcmp(alipay_cert_sn, p->alipay_cert_sn) == 0)
        return p->alipay_key;
    const struct alipay_trusted *t = atomic_load_explicit(&p->downloaded, memory_order_acquire);
    for (; t; t = t->next)
        if (strcmp(t->sn, alipay_cert_sn) == 0)
            return t->key;
    return NULL;
}

/* ---- what is asked for ---- */

const char *alipay_unknown_certificate(struct alipay *const *apps, size_t n_apps, const void *body,
                                       size_t n, struct arena *a, const struct alipay **app)
{
    struct alipay_params form;
    if (alipay_form_decode(body, n, a, &form) != OK)
        return NULL;
    const char *app_id = alipay_param_get(&form, "app_id");
    const char *sn = alipay_param_get(&form, "alipay_cert_sn");
    for (size_t i = 0; app_id && sn && i < n_apps; i++)
        if (strcmp(apps[i]->app_id, app_id) == 0 && !alipay_key_named(apps[i], sn)) {
            *app = apps[i];
            return sn;
        }
    return NULL;
}

const char *alipay_unknown_signer(const struct alipay *p, const char *method, const char *body,
                                  size_t n, struct arena *a)
{
    struct alipay_answer answer;
    if (alipay_answer_split(body, n, alipay_node_name(method, a), &answer) != OK ||
        !answer.cert_sn.bytes)
        return NULL;
    const char *sn = arena_copy(a, answer.cert_sn.bytes, answer.cert_sn.size);
    return alipay_key_named(p, sn) ? NULL : sn;
}

enum status alipay_certificate_request(const struct alipay *p, const char *alipay_cert_sn,
                                       int64_t now_us, struct arena *a, struct alipay_request *out)
{
    json_t *content = json_pack("{s:s}", "alipay_cert_sn", alipay_cert_sn);
    char *text = json_dumps(content, JSON_COMPACT);
    CHECK_PEER(text);
    enum status s =
        alipay_sign_request(p, ALIPAY_CERTIFICATE_METHOD, arena_strdup(a, text), now_us, a, out);
    free(text);
    json_decref(content);
    return s;
}

/* ---- what comes ---- */

/* The PEM text inside the answer; NULL when there is none. */
static const char *pem_of(const char *body, size_t n, struct arena *a)
{
    struct alipay_answer answer;
    char *pem = NULL;
    size_t size = 0;
    if (alipay_answer_split(body, n, alipay_node_name(ALIPAY_CERTIFICATE_METHOD, a), &answer) != OK)
        return NULL;
    struct json_view node;
    struct json_text *text = json_text_open(answer.node.bytes, answer.node.size, &node);
    const char *content = alipay_text(node, "alipay_cert_content");
    size_t length = strlen(content);
    if (length > 0 && length <= CERTIFICATE_MAX_BYTES) {
        pem = arena_alloc(a, length + 1);
        if (base64_decode(content, length, (unsigned char *)pem, length, &size) != OK ||
            memchr(pem, 0, size))
            pem = NULL;
        else
            pem[size] = '\0';
    }
    json_text_close(text);
    return pem;
}

static enum status trust(struct alipay *p, const char *sn, const char *pem)
{
    size_t count = 0;
    struct rsa_key *key = NULL;
    for (struct alipay_trusted *t = atomic_load(&p->downloaded); t; t = t->next)
        count++;
    if (count >= DOWNLOADED_MAX)
        return TOO_LARGE;
    if (rsa_load_public(pem, strlen(pem), RSA_PEM, &key) != OK)
        return INVALID;
    struct alipay_trusted *t = calloc(1, sizeof *t);
    CHECK_PEER(t);
    t->key = key;
    memcpy(t->sn, sn, sizeof t->sn);
    t->next = atomic_load(&p->downloaded);
    while (!atomic_compare_exchange_weak(&p->downloaded, &t->next, t))
        ;
    return OK;
}

enum status alipay_take_certificate(struct alipay *p, const char *wanted_sn, const char *body,
                                    size_t n, int64_t now_us, struct arena *a)
{
    char sn[ALIPAY_CERT_SN_BYTES];
    if (!p->root_pem)
        return INVALID;
    const char *pem = pem_of(body, n, a);
    if (!pem || alipay_cert_sn(pem, strlen(pem), sn) != OK || strcmp(sn, wanted_sn) != 0)
        return INVALID;
    if (alipay_key_named(p, sn))
        return OK;
    enum status s = alipay_cert_check_chain(pem, p->alipay_cert_pem, p->root_pem, now_us);
    return s == OK ? trust(p, sn, pem) : s;
}
