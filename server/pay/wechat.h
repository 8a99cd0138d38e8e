/* SPDX-License-Identifier: MIT */
/*
 * WeChat Pay API v3: requests to sign, answers and callbacks to verify.
 *
 * Source of each rule: design notes on pay.weixin.qq.com documents, named at
 * the function. No sockets, no SQL, no logs. A struct wechat is immutable once
 * opened, but for wechat_trust_key; every call may come from any thread.
 */
#ifndef IDPHOTOD_PAY_WECHAT_H
#define IDPHOTOD_PAY_WECHAT_H

#include "pay/trade.h"

struct wechat_options {
    const char *mchid;
    const char *appid_app, *appid_jsapi, *appid_h5, *appid_native; /* NULL: method not offered */
    const char
        *api_v3_key_file; /* 32 bytes exactly (a trailing line feed is dropped); 0400, 0600 */
    const char *merchant_key_file;  /* PEM, RSA >= 2048; 0400, 0600 */
    const char *merchant_serial;    /* upper-case hex, of the merchant API certificate */
    const char *merchant_cert_file; /* may be NULL; PEM: must be of that key and serial */
    const char *public_key_id;      /* "PUB_KEY_ID_..."; NULL, with the file, when the merchant */
    const char *public_key_file;    /* has platform certificates alone. PEM SubjectPublicKeyInfo */
};

struct wechat;

/* Loads and tests the keys (RSA >= 2048, signs and verifies a pair). INVALID with a reason that
 * names option and file, never their content. Returns owned. */
enum status wechat_open(const struct wechat_options *options, struct wechat **out, char *why,
                        size_t why_size) MUST_USE;
void wechat_close(struct wechat *w);

const char *wechat_mchid(const struct wechat *w);

/* Adds a platform certificate's (PEM) or public key's verification key under its serial or
 * PUB_KEY_ID; keeps the others. The same key again changes nothing; another key of the same name
 * takes its place. INVALID when it is no RSA key >= 2048, TOO_LARGE past 64 keys. */
enum status wechat_trust_key(struct wechat *w, const char *serial, const char *pem,
                             size_t n) MUST_USE;

/* One request, ready to send: sign exactly these bytes (section 1.2: five lines, each ended by
 * LF; url is path and query as sent). Headers: Authorization, Wechatpay-Serial, Accept,
 * Content-Type when there is a body. */
struct wechat_request {
    const char *method;
    const char *url; /* path + query */
    const char *body;
    size_t body_size;
    const char *authorization;    /* value of the header */
    const char *wechatpay_serial; /* public key, else newest platform certificate; NULL before there
                                     is one: leave the header out */
};
enum status wechat_sign_request(const struct wechat *w, struct arena *a, int64_t now_us,
                                struct wechat_request *request) MUST_USE;

/* Header values, NULL when absent; a header that came twice is given as "" and refused. */
struct wechat_headers {
    const char *timestamp, *nonce, *signature, *serial, *signature_type;
};

/* Verifies an answer or a callback over its raw bytes (section 1.4). */
enum notify_refusal wechat_verify(const struct wechat *w, const struct wechat_headers *headers,
                                  const void *body, size_t n, int64_t now_us);

/* A callback, opened: the event, and the trade when the event is about one. */
enum wechat_event { WECHAT_TRANSACTION, WECHAT_REFUND };
struct wechat_notice {
    enum wechat_event event;
    const char *id;        /* constant across repeats of one notification */
    struct trade trade;    /* WECHAT_TRANSACTION */
    const char *plaintext; /* the opened resource; NUL-terminated; in the arena */
    size_t plaintext_size;
};

/* Verify, parse strictly (duplicate members refused), decrypt, parse (sections 1.4 to 1.7, 2).
 * Tries the merchants in turn where several share a serial. *chosen tells which. */
enum notify_refusal wechat_open_notice(struct wechat *const *merchants, size_t n_merchants,
                                       const struct wechat_headers *headers, const void *body,
                                       size_t n, int64_t now_us, struct arena *a,
                                       struct wechat_notice *notice, const struct wechat **chosen);

/* The transaction document of a callback or query (section 2.2). INVALID when a required field is
 * missing or of the wrong type (amount.total must be a JSON integer). */
enum status wechat_parse_transaction(const char *json, size_t n, struct arena *a,
                                     struct trade *trade) MUST_USE;

enum wechat_method { WECHAT_APP, WECHAT_JSAPI, WECHAT_H5, WECHAT_NATIVE };
struct wechat_prepay {
    enum wechat_method method;
    const char *description; /* shortened to 127 characters; code points past U+FFFF dropped */
    const char *out_trade_no;
    const char *notify_url;
    int64_t amount_fen;
    int64_t expires_us;    /* time_expire */
    const char *openid;    /* jsapi */
    const char *client_ip; /* scene_info.payer_client_ip; may be NULL but for h5 */
};
/* POST /v3/pay/transactions/{app|jsapi|h5|native}, built and signed. INVALID when the merchant
 * has no appid for the method or a limit of section 3.1 is broken; plain http in notify_url
 * is taken on loopback alone. */
enum status wechat_prepay_request(const struct wechat *w, const struct wechat_prepay *prepay,
                                  int64_t now_us, struct arena *a,
                                  struct wechat_request *out) MUST_USE;
/* appid that prepay used for the method; NULL when not offered. */
const char *wechat_appid(const struct wechat *w, enum wechat_method method);
/* From a verified 200 answer: prepay_id, code_url or h5_url. */
enum status wechat_prepay_answer(enum wechat_method method, const char *json, size_t n,
                                 struct arena *a, const char **value) MUST_USE;
/* An h5_url that sends the browser on to return_url after paying (section 3.1). */
const char *wechat_h5_with_return(const char *h5_url, const char *return_url, struct arena *a)
    __attribute__((returns_nonnull));
/* What the client hands to the SDK, as a compact JSON object text (section 3.2 and api.md). */
enum status wechat_client_text(const struct wechat *w, enum wechat_method method,
                               const char *prepay_value, int64_t now_us, struct arena *a,
                               const char **json) MUST_USE;

/* GET .../out-trade-no/{no}?mchid= and POST .../close (section 3.3), signed. */
enum status wechat_query_request(const struct wechat *w, const char *out_trade_no, int64_t now_us,
                                 struct arena *a, struct wechat_request *out) MUST_USE;
enum status wechat_close_request(const struct wechat *w, const char *out_trade_no, int64_t now_us,
                                 struct arena *a, struct wechat_request *out) MUST_USE;

/* Refunds (sections 4.1 to 4.3). The same out_refund_no is refunded once: after an unclear outcome
 * repeat it, never take a new one. */
struct wechat_refund_order {
    const char *transaction_id; /* the very payment; or, when it is NULL, */
    const char *out_trade_no;   /* the order that was paid */
    const char *out_refund_no;  /* 1 to 64 of [0-9A-Za-z_-|*@] */
    const char *reason;         /* shown to the payer, shortened to 80 characters; may be NULL */
    const char *notify_url;     /* may be NULL */
    int64_t refund_fen;         /* 1 to total_fen */
    int64_t total_fen;          /* the payment's amount */
};
/* POST /v3/refund/domestic/refunds, signed. INVALID when a limit is broken. */
enum status wechat_refund_request(const struct wechat *w, const struct wechat_refund_order *order,
                                  int64_t now_us, struct arena *a,
                                  struct wechat_request *out) MUST_USE;
/* GET /v3/refund/domestic/refunds/{out_refund_no}, signed. */
enum status wechat_refund_query_request(const struct wechat *w, const char *out_refund_no,
                                        int64_t now_us, struct arena *a,
                                        struct wechat_request *out) MUST_USE;

enum wechat_refund_state {
    WECHAT_REFUND_PROCESSING,
    WECHAT_REFUND_SUCCESS,
    WECHAT_REFUND_CLOSED,
    WECHAT_REFUND_ABNORMAL, /* needs a person */
};
struct wechat_refund_result {
    enum wechat_refund_state state;
    const char *out_trade_no, *transaction_id, *out_refund_no, *refund_id;
    const char *merchant; /* mchid; NULL in an answer, which does not repeat it */
    int64_t refund_fen, total_fen;
    int64_t success_us; /* 0 unless SUCCESS */
};
/* An answer ("status") or a callback's plaintext ("refund_status"). INVALID when a member that the
 * state needs is missing or of the wrong type. */
enum status wechat_parse_refund(const char *json, size_t n, struct arena *a,
                                struct wechat_refund_result *out) MUST_USE;

/* GET /v3/certificates, signed (section 1.6). */
enum status wechat_certificates_request(const struct wechat *w, int64_t now_us, struct arena *a,
                                        struct wechat_request *out) MUST_USE;
struct wechat_certificate {
    const char *serial;  /* as the list names it */
    bool serial_matches; /* it is the certificate's own; trust no other */
    const char *pem;
    size_t pem_size;
    int64_t effective_us, expire_us;
};
/* Opens the list's entries with the APIv3 key; that authenticates them, so the first list may be
 * opened before its signature can be verified, with a key it holds. All or nothing: INVALID or
 * DENIED. *list lies in the arena. */
enum status wechat_open_certificates(const struct wechat *w, const char *json, size_t n,
                                     struct arena *a, struct wechat_certificate **list,
                                     size_t *n_list) MUST_USE;

/* An answer to wechat_certificates_request. It must be signed by a key held, or by one of the very
 * certificates it lists (the first list has nobody else to vouch for it: its entries opened with
 * the APIv3 key); then each entry verifies from now until its expire_time, beside those held
 * before. *added: entries not known before. DENIED when it does not verify or open, INVALID when it
 * is no such list. */
enum status wechat_take_certificates(struct wechat *w, const struct wechat_headers *headers,
                                     const void *body, size_t n, int64_t now_us, struct arena *a,
                                     int *added) MUST_USE;
/* Whether merchant_serial turned out to be a platform certificate's: the commonest mix-up. */
bool wechat_serial_is_mixed_up(const struct wechat *w);
/* When the merchant's own certificate ends; 0 where merchant_cert_file is not configured. */
int64_t wechat_certificate_end_us(const struct wechat *w);
/* When the last key held ends: INT64_MAX with a public key, 0 without any key. */
int64_t wechat_keys_end_us(const struct wechat *w);

/* The "code" of an error body ("ORDER_NOT_EXIST"), underscores removed; "" when there is none. */
const char *wechat_error_code(const char *json, size_t n, struct arena *a);

#endif
