/* SPDX-License-Identifier: MIT */
/*
 * What a struct alipay holds. Inside server/pay only.
 */
#ifndef IDPHOTOD_PAY_ALIPAY_KEYS_H
#define IDPHOTOD_PAY_ALIPAY_KEYS_H

#include <stdatomic.h>

#include "pay/alipay.h"
#include "pay/alipay_cert.h"
#include "pay/alipay_form.h"
#include "pay/rsa.h"

/* A certificate that was downloaded. Only ever added in front, and freed with its application, so
 * that readers need no lock. */
struct alipay_trusted {
    struct alipay_trusted *next;
    struct rsa_key *key;
    char sn[ALIPAY_CERT_SN_BYTES];
};

struct alipay {
    char *app_id, *seller_id, *gateway_url;
    struct rsa_key *app_key;    /* ours: signs requests */
    struct rsa_key *alipay_key; /* theirs: verifies answers and notifies */
    /* Certificate mode; "" in public-key mode. */
    char app_cert_sn[ALIPAY_CERT_SN_BYTES];
    char alipay_cert_sn[ALIPAY_CERT_SN_BYTES];
    char root_cert_sn[ALIPAY_ROOT_SN_BYTES];
    int64_t app_cert_end_us; /* 0 in public-key mode */
    char *root_pem,
        *alipay_cert_pem; /* anchors of a downloaded one's chain, and what may lie between */
    _Atomic(struct alipay_trusted *) downloaded;
};

/* The key of the certificate that an answer or notify names; of the configured one when it names
 * none, and always in public-key mode, where no certificate is known to compare with. NULL when it
 * is not held. */
const struct rsa_key *alipay_key_named(const struct alipay *p, const char *alipay_cert_sn);

/* Alipay's signature over a text, by the certificate named (NULL: by the one configured): DENIED
 * when it is not. */
enum status alipay_verify_text(const struct alipay *p, const char *alipay_cert_sn, const void *text,
                               size_t n, const char *signature, size_t signature_size) MUST_USE;

/* Alipay's signature over an incoming form (section 5.3): sign_type must be RSA2 where it is
 * given, the certificate known, and one of the forms of signed text must match. */
enum notify_refusal alipay_verify_form(const struct alipay *p, const struct alipay_params *form,
                                       struct arena *a);

/* Sorts the parameters and signs them; empty ones and sign itself do not count, sign_type does. */
enum status alipay_sign_params(const struct alipay *p, struct alipay_params *params,
                               struct arena *a, const char **signature) MUST_USE;

#endif
