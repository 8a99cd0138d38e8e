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
    const char *app_id;
    const char *seller_id;
    const char *gateway_url;            /* without a query */
    const char *app_key_file;           /* PEM or bare base64, PKCS#8 or PKCS#1 */
    const char *alipay_public_key_file; /* public-key mode: PEM or bare base64 */
    const char *app_cert_file, *alipay_cert_file, *root_cert_file; /* certificate mode: all three */
};

struct alipay;

/* Loads and tests the keys: the application's certificate must fit its key, and Alipay's key must
 * not be the application's own. INVALID with a reason that names option and file, never their
 * content. Returns owned. */
enum status alipay_open(const struct alipay_options *options, struct alipay **out, char *why,
                        size_t why_size) MUST_USE;
void alipay_close(struct alipay *p);
const char *alipay_app_id(const struct alipay *p);
const char *alipay_seller_id(const struct alipay *p);
/* When the application's own certificate ends; 0 in public-key mode. */
int64_t alipay_certificate_end_us(const struct alipay *p);

/* A notify body, raw (application/x-www-form-urlencoded). Sections 5.3 and 5.4: body only, split,
 * decode once, refuse malformed escapes, NUL and duplicate keys, drop sign and sign_type, sort,
 * try empty values dropped, then kept; RSA2 pinned. Picks the application by app_id.
 *
 * FORMAT: no such form (refused before any signature is looked at), or a signed one without the
 * identifiers of a trade. TYPE: sign_type is not RSA2. SERIAL: no such app_id, or the notify names
 * another Alipay certificate. SIGNATURE: missing or wrong. UNKNOWN: signed, but about no trade
 * (messages of the open platform) or with a trade_status not described.
 *
 * A TRADE_SUCCESS or TRADE_FINISHED with a refund_fee other than 0 or a gmt_refund is a refund
 * notice; so is a TRADE_CLOSED that was ever paid: TRADE_REFUNDED. amount_fen is -1 also when
 * total_amount is no amount, success_us 0 also when gmt_payment is no time. */
enum notify_refusal alipay_open_notify(struct alipay *const *apps, size_t n_apps, const void *body,
                                       size_t n, struct arena *a, struct trade *trade,
                                       const struct alipay **chosen);

enum alipay_method { ALIPAY_APP, ALIPAY_WAP, ALIPAY_PAGE, ALIPAY_QR };
struct alipay_pay {
    enum alipay_method method;
    const char *subject;      /* UTF-8; shortened to 256 characters */
    const char *out_trade_no; /* 1 to 64 of [0-9A-Za-z_] */
    const char *notify_url;
    const char *return_url; /* wap, page; may be NULL */
    int64_t amount_fen;     /* 1 to 10^10 */
    int64_t expires_us;     /* after now; becomes time_expire, GMT+8, seconds */
};
/* app: the orderStr, for the client's SDK; wap and page: the gateway URL to GET. No call to the
 * provider is needed; the order comes into being when the payer opens it. INVALID when a limit
 * above is broken, and for qr. In the arena. */
enum status alipay_pay_text(const struct alipay *p, const struct alipay_pay *pay, int64_t now_us,
                            struct arena *a, const char **text) MUST_USE;

/* A gateway request: POST body (application/x-www-form-urlencoded;charset=utf-8) to url. The
 * public parameters must stay in the query: the gateway reads charset there before it decodes. */
struct alipay_request {
    const char *url;  /* gateway with the public parameters in the query */
    const char *body; /* "biz_content=..." */
};
/* Any call but payments; biz_content is JSON in UTF-8. */
enum status alipay_sign_request(const struct alipay *p, const char *method, const char *biz_content,
                                int64_t now_us, struct arena *a,
                                struct alipay_request *out) MUST_USE;
/* qr: alipay.trade.precreate. INVALID as for alipay_pay_text. */
enum status alipay_precreate_request(const struct alipay *p, const struct alipay_pay *pay,
                                     int64_t now_us, struct arena *a,
                                     struct alipay_request *out) MUST_USE;
enum status alipay_query_request(const struct alipay *p, const char *out_trade_no, int64_t now_us,
                                 struct arena *a, struct alipay_request *out) MUST_USE;
enum status alipay_close_request(const struct alipay *p, const char *out_trade_no, int64_t now_us,
                                 struct arena *a, struct alipay_request *out) MUST_USE;

/* Verifies a gateway answer over the exact substring of its node (section 5.2) and gives that
 * substring: "alipay_trade_query_response" of alipay.trade.query, or error_response. A node that
 * verifies may still say no: the parsers below tell. DENIED when the signature is wrong, missing on
 * success, or by a certificate not held; UNAVAILABLE for a failure without signature, which proves
 * nothing; INVALID when it is not such an answer. */
enum status alipay_verify_answer(const struct alipay *p, const char *method, const char *body,
                                 size_t n, struct arena *a, const char **node,
                                 size_t *node_size) MUST_USE;

/* Certificate mode: Alipay signs with a new certificate one day, and names it before we hold it. */

/* Which certificate a notify names that its application does not hold; NULL when there is none. To
 * be asked for, not to be believed. *app: of apps. */
const char *alipay_unknown_certificate(struct alipay *const *apps, size_t n_apps, const void *body,
                                       size_t n, struct arena *a, const struct alipay **app);
/* The same of a gateway answer. */
const char *alipay_unknown_signer(const struct alipay *p, const char *method, const char *body,
                                  size_t n, struct arena *a);
#define ALIPAY_CERTIFICATE_METHOD "alipay.open.app.alipaycert.download"
enum status alipay_certificate_request(const struct alipay *p, const char *alipay_cert_sn,
                                       int64_t now_us, struct arena *a,
                                       struct alipay_request *out) MUST_USE;
/* The answer to it, whose own signature may be the one that nobody can verify yet: the chain up to
 * the local root vouches for the certificate, which must have that name and be in force. From now
 * on it verifies, beside those held before, until it ends. OK as well when it is held already;
 * DENIED when the chain does not end at the root, INVALID when it is no such answer, TOO_LARGE past
 * 16 certificates. Any thread. */
enum status alipay_take_certificate(struct alipay *p, const char *alipay_cert_sn, const char *body,
                                    size_t n, int64_t now_us, struct arena *a) MUST_USE;

/* These read a verified node. When its code is not 10000: NOT_FOUND for ACQ.TRADE_NOT_EXIST (the
 * payer has not opened the order yet), CONFLICT for ACQ.TRADE_STATUS_ERROR (paid or closed),
 * UNAVAILABLE when the gateway does not know or is overloaded, else INVALID. INVALID also when a
 * field is missing. */

/* Of alipay.trade.query. appid and merchant are ours: the answer names neither. */
enum status alipay_parse_query(const struct alipay *p, const char *node, size_t n, struct arena *a,
                               struct trade *trade) MUST_USE;
/* Of alipay.trade.precreate for this out_trade_no: the text to draw as a QR code, good for 2 h. */
enum status alipay_parse_precreate(const char *node, size_t n, const char *out_trade_no,
                                   struct arena *a, const char **qr_code) MUST_USE;
/* Of alipay.trade.close. */
enum status alipay_parse_close(const char *node, size_t n) MUST_USE;

/* sub_code, else code, of a node or of a whole answer, verified or not: for logs alone. "" when
 * there is none. */
const char *alipay_error_code(const char *json, size_t n, struct arena *a)
    __attribute__((returns_nonnull));

#endif
