/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "pay/alipay_keys.h"

enum status alipay_sign_params(const struct alipay *p, struct alipay_params *params,
                               struct arena *a, const char **signature)
{
    static const char *const except[] = {"sign", NULL};
    alipay_params_sort(params);
    const char *text = alipay_params_join(params, ALIPAY_EMPTY_DROPPED, except, a);
    const struct span part = {text, strlen(text)};
    return rsa_sign(p->app_key, &part, 1, a, signature);
}

enum status alipay_verify_text(const struct alipay *p, const char *alipay_cert_sn, const void *text,
                               size_t n, const char *signature, size_t signature_size)
{
    const struct span part = {text, n};
    const struct rsa_key *key = alipay_key_named(p, alipay_cert_sn);
    return key ? rsa_verify(key, &part, 1, signature, signature_size) : DENIED;
}

/* One reading of "all parameters but sign and sign_type". The SDKs differ in whether empty values
 * and alipay_cert_sn count; trying each is safe, for whatever matches was signed by Alipay. */
struct reading {
    enum alipay_empty empty;
    bool drops_cert_sn;
};

static bool matches(const struct alipay *p, const struct alipay_params *form, bool keeps_sign_type,
                    struct reading reading, struct arena *a)
{
    const char *except[4] = {"sign"}, *sign = alipay_param_get(form, "sign");
    size_t n = 1;
    if (!keeps_sign_type)
        except[n++] = "sign_type";
    if (reading.drops_cert_sn)
        except[n++] = "alipay_cert_sn";
    const char *text = alipay_params_join(form, reading.empty, except, a);
    return alipay_verify_text(p, alipay_param_get(form, "alipay_cert_sn"), text, strlen(text), sign,
                              strlen(sign)) == OK;
}

static bool has_empty_value(const struct alipay_params *form)
{
    for (size_t i = 0; i < form->n; i++)
        if (!form->at[i].value[0])
            return true;
    return false;
}

static bool any_reading_matches(const struct alipay *p, const struct alipay_params *form,
                                bool keeps_sign_type, struct arena *a)
{
    bool empty = has_empty_value(form), cert = alipay_param_get(form, "alipay_cert_sn") != NULL;
    const struct {
        bool makes_sense;
        struct reading reading;
    } readings[] = {
        {true, {ALIPAY_EMPTY_DROPPED, false}},
        {empty, {ALIPAY_EMPTY_KEPT, false}},
        {cert, {ALIPAY_EMPTY_DROPPED, true}},
        {cert && empty, {ALIPAY_EMPTY_KEPT, true}},
    };
    for (size_t i = 0; i < sizeof readings / sizeof *readings; i++)
        if (readings[i].makes_sense && matches(p, form, keeps_sign_type, readings[i].reading, a))
            return true;
    return false;
}

/* The form with sign_type=RSA2 put in where it is missing: message notifies are signed with it
 * even when a hop left it out. */
static struct alipay_params with_sign_type(const struct alipay_params *form, struct arena *a)
{
    struct alipay_params full = {arena_alloc(a, (form->n + 1) * sizeof *form->at), form->n};
    if (form->n)
        memcpy(full.at, form->at, form->n * sizeof *form->at);
    if (!alipay_param_get(form, "sign_type"))
        full.at[full.n++] = (struct alipay_param){"sign_type", "RSA2"};
    alipay_params_sort(&full);
    return full;
}

/* Source: AlipaySignature.getSignCheckContentV1 and V2 of Alipay's SDKs. Trade notifies leave
 * sign_type out (V1); messages of the open platform keep it (V2). sign_type is not covered by V1,
 * so nothing is chosen by it: RSA2 or refused. */
enum notify_refusal alipay_verify_form(const struct alipay *p, const struct alipay_params *form,
                                       struct arena *a)
{
    const char *sign = alipay_param_get(form, "sign");
    const char *sign_type = alipay_param_get(form, "sign_type");
    if (sign_type && strcmp(sign_type, "RSA2") != 0)
        return NOTIFY_TYPE;
    if (!sign)
        return NOTIFY_SIGNATURE;
    if (!alipay_key_named(p, alipay_param_get(form, "alipay_cert_sn")))
        return NOTIFY_SERIAL;
    if (any_reading_matches(p, form, false, a))
        return NOTIFY_ACCEPTED;
    if (alipay_param_get(form, "trade_status"))
        return NOTIFY_SIGNATURE;
    struct alipay_params full = with_sign_type(form, a);
    return any_reading_matches(p, &full, true, a) ? NOTIFY_ACCEPTED : NOTIFY_SIGNATURE;
}
