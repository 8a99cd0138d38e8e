/* SPDX-License-Identifier: MIT */
/*
 * Inside of the WeChat files of this folder and of their tests: what lies
 * between the keys and the public calls of pay/wechat.h.
 */
#ifndef IDPHOTOD_PAY_WECHAT_PARTS_H
#define IDPHOTOD_PAY_WECHAT_PARTS_H

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/json_view.h"
#include "pay/rsa.h"
#include "pay/wechat.h"

#define WECHAT_SCHEME "WECHATPAY2-SHA256-RSA2048"

enum {
    WECHAT_METHODS = 4,
    WECHAT_API_KEY_BYTES = 32,
    WECHAT_NONCE_BYTES = 32 + 1,
    WECHAT_ID_MAX = 32, /* mchid, appid, out_trade_no, transaction_id */
    WECHAT_TRUSTED_MAX = 64,
};

/* A verification key. Only ever added in front, and freed with its merchant, so that readers need
 * no lock. */
struct wechat_trusted {
    struct wechat_trusted *next;
    struct rsa_key *key;
    char *serial;
    int64_t effective_us, expire_us; /* of a platform certificate; 0: a public key, without end */
};

struct wechat {
    char *mchid, *merchant_serial, *public_key_id;
    char *appids[WECHAT_METHODS];
    struct rsa_key *merchant_key;
    int64_t merchant_cert_end_us; /* 0: the certificate is not configured */
    unsigned char *api_v3_key;    /* sodium_malloc, WECHAT_API_KEY_BYTES */
    _Atomic(struct wechat_trusted *) trusted;
    pthread_mutex_t trusting; /* writers of trusted */
};

/* A merchant without keys or names. Returns owned. */
struct wechat *wechat_new(void);

/* The key that the serial names, exactly; NULL when there is none, or its certificate is over. */
const struct rsa_key *wechat_find_key(const struct wechat *w, const char *serial, int64_t now_us);
/* Serial of the newest platform certificate in force; NULL when there is none. Borrowed. */
const char *wechat_newest_certificate(const struct wechat *w, int64_t now_us);
/* As wechat_trust_key, of a certificate. */
enum status wechat_trust_certificate(struct wechat *w, const struct wechat_certificate *c) MUST_USE;

/* Lines to sign, each followed by a line feed: parts is filled with lines and feeds in turn and
 * 2 * n_lines is returned. */
size_t wechat_message_parts(const struct span *lines, size_t n_lines, struct span *parts);

char *wechat_authorization(struct arena *a, const char *scheme, const char *mchid,
                           const char *nonce, const char *timestamp, const char *serial,
                           const char *signature);

/* wechat_sign_request and wechat_client_text with their time and nonce given. */
enum status wechat_sign_request_at(const struct wechat *w, struct arena *a, const char *timestamp,
                                   const char *nonce, struct wechat_request *request) MUST_USE;
enum status wechat_client_text_at(const struct wechat *w, enum wechat_method method,
                                  const char *prepay_value, const char *timestamp,
                                  const char *nonce, struct arena *a, const char **json) MUST_USE;

/* Unix seconds, in the arena; a fresh nonce of 32 characters. */
const char *wechat_timestamp(struct arena *a, int64_t now_us);
const char *wechat_nonce(struct arena *a);

/* The two halves of wechat_verify: what the headers say by themselves, and whether the key that
 * they name signed the body. */
enum notify_refusal wechat_check_headers(const struct wechat_headers *h, int64_t now_us);
enum notify_refusal wechat_check_signature(const struct wechat *w, const struct wechat_headers *h,
                                           const void *body, size_t n, int64_t now_us);
enum notify_refusal wechat_check_signature_by(const struct rsa_key *key,
                                              const struct wechat_headers *h, const void *body,
                                              size_t n);

/* An encrypted resource (section 1.7): DENIED unless algorithm, lengths and tag are right. The
 * plain bytes are NUL-terminated in the arena. key is 32 bytes but in tests of the primitive. */
enum status wechat_open_resource(struct span key, struct json_view resource, struct arena *a,
                                 const char **plain, size_t *plain_size) MUST_USE;

/* wechat_open_certificates with the key given. */
enum status wechat_open_certificate_list(struct span key, const char *json, size_t n,
                                         struct arena *a, struct wechat_certificate **list,
                                         size_t *n_list) MUST_USE;

/* A verified callback body, parsed and decrypted. Texts are NULL where a member is missing. */
struct wechat_envelope {
    const char *id, *event_type, *original_type;
    const char *plaintext;
    size_t plaintext_size;
};
/* NOTIFY_ACCEPTED, NOTIFY_FORMAT or NOTIFY_DECRYPT. */
enum notify_refusal wechat_open_envelope(struct span key, const void *body, size_t n,
                                         struct arena *a, struct wechat_envelope *envelope);

/* Text for a payer to read, without what gets a request refused (section 1.1: characters past
 * U+FFFF; control characters), of at most max characters. NULL unless valid UTF-8 of which
 * something is left. */
const char *wechat_clean_text(const char *text, size_t max, struct arena *a);
/* 1 to max printable ASCII characters, no space: fit to be a line of a signed message, where a line
 * feed would let two different messages read the same. */
bool wechat_is_line(const char *text, size_t max);
/* https of at most max bytes without query or fragment; plain http on loopback alone, where the
 * tests' provider listens. */
bool wechat_is_notify_url(const char *url, size_t max);
/* Everything but RFC 3986 unreserved characters as %XX, so '|' and '*' travel and are signed in the
 * same form. */
char *wechat_percent_encoded(const char *text, struct arena *a);

/* Splits a detail or summary line of a bill in place; each cell begins with a backtick, so a comma
 * alone is none's end. 0 when there are more than max. */
size_t wechat_bill_cells(char *line, const char **cells, size_t max);

/* A text member of 1 to max bytes, copied to the arena; NULL otherwise. */
const char *wechat_text(struct json_view object, const char *name, size_t max, struct arena *a);
/* Compact text of an object in the arena; steals the object. */
const char *wechat_dump(json_t *object, struct arena *a, size_t *size);

#endif
