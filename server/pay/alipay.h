/* SPDX-License-Identifier: MIT */
/*
 * Alipay open platform (RSA2): requests to sign, answers and notifies to verify.
 *
 * No sockets, no SQL, no logs. A struct alipay is immutable once opened; any
 * thread.
 */
#ifndef IDPHOTOD_PAY_ALIPAY_H
#define IDPHOTOD_PAY_ALIPAY_H

#include "pay/trade.h"

struct alipay_options {
    const char *name;
    const char *app_id;
    const char *seller_id;
    const char *gateway_url;            /* requests go to it with the public parameters in the query */
    const char *app_key_file;           /* PEM or bare base64, PKCS#8 or PKCS#1 */
    const char *alipay_public_key_file; /* public-key mode: PEM or bare base64 */
    const char *app_cert_file, *alipay_cert_file, *root_cert_file; /* certificate mode: all three */
};

struct alipay;

enum status alipay_open(const struct alipay_options *options, struct alipay **out, char *why,
                        size_t why_size) MUST_USE;
void alipay_close(struct alipay *p);
const char *alipay_name(const struct alipay *p);
const char *alipay_app_id(const struct alipay *p);
const char *alipay_seller_id(const struct alipay *p);

/* A notify body, raw (application/x-www-form-urlencoded). Sections 5.3 and 5.4: body only, split,
 * decode once, refuse malformed escapes, NUL and duplicate keys, drop sign and sign_type, sort,
 * try empty values dropped, then kept; RSA2 pinned. Picks the application by app_id. */
enum notify_refusal alipay_open_notify(struct alipay *const *apps, size_t n_apps, const void *body,
                                       size_t n, struct arena *a, struct trade *trade,
                                       const struct alipay **chosen);

enum alipay_method { ALIPAY_APP, ALIPAY_WAP, ALIPAY_PAGE, ALIPAY_QR };
struct alipay_pay {
    enum alipay_method method;
    const char *subject;
    const char *out_trade_no;
    const char *notify_url;
    const char *return_url; /* wap, page; may be NULL */
    int64_t amount_fen;
    int64_t expires_us; /* becomes time_expire, GMT+8 */
};
/* app: the orderStr; wap and page: the gateway URL to GET; qr: the precreate request's URL-encoded
 * form, to be posted to gateway_url. In the arena. */
enum status alipay_pay_text(const struct alipay *p, const struct alipay_pay *pay, int64_t now_us,
                            struct arena *a, const char **text) MUST_USE;

/* Any other call: the signed pieces of a gateway request. */
struct alipay_request {
    const char *url;  /* gateway with the public parameters in the query */
    const char *body; /* "biz_content=..." */
};
enum status alipay_sign_request(const struct alipay *p, const char *method, const char *biz_content,
                                int64_t now_us, struct arena *a, struct alipay_request *out)
    MUST_USE;

/* Verifies a gateway answer over the exact substring of its node (section 5.2) and gives that
 * substring. DENIED when the signature is wrong or missing on success; INVALID when it is not
 * such an answer. */
enum status alipay_verify_answer(const struct alipay *p, const char *method, const char *body,
                                 size_t n, struct arena *a, const char **node, size_t *node_size)
    MUST_USE;

enum status alipay_query_request(const struct alipay *p, const char *out_trade_no, int64_t now_us,
                                 struct arena *a, struct alipay_request *out) MUST_USE;
enum status alipay_close_request(const struct alipay *p, const char *out_trade_no, int64_t now_us,
                                 struct arena *a, struct alipay_request *out) MUST_USE;
/* The node of alipay.trade.query as a trade; NOT_FOUND for ACQ.TRADE_NOT_EXIST. */
enum status alipay_parse_query(const struct alipay *p, const char *node, size_t n, struct arena *a,
                               struct trade *trade) MUST_USE;

#endif
