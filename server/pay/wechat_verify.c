/* SPDX-License-Identifier: MIT */
/* Answers and callbacks: is it WeChat Pay who says this, and now? (sections 1.4 and 1.5) */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "pay/wechat_parts.h"

enum { WINDOW_S = 300, TIMESTAMP_MAX_DIGITS = 12, NONCE_MAX = 128, VERIFY_LINES = 3 };
static const char PROBE_PREFIX[] = "WECHATPAY/SIGNTEST/";

static bool present(const char *value)
{
    return value && value[0];
}

static bool read_timestamp(const char *text, int64_t *seconds)
{
    size_t n = strspn(text, "0123456789");
    if (n < 1 || n > TIMESTAMP_MAX_DIGITS || text[n] != '\0')
        return false;
    *seconds = strtoll(text, NULL, 10);
    return true;
}

enum notify_refusal wechat_check_headers(const struct wechat_headers *h, int64_t now_us)
{
    int64_t sent_s = 0;
    if (!present(h->timestamp) || !present(h->signature) || !present(h->serial) ||
        !wechat_is_line(h->nonce, NONCE_MAX))
        return NOTIFY_HEADERS;
    if (h->signature_type && !h->signature_type[0])
        return NOTIFY_HEADERS;
    if (h->signature_type && strcmp(h->signature_type, WECHAT_SCHEME) != 0)
        return NOTIFY_TYPE;
    if (strncmp(h->signature, PROBE_PREFIX, sizeof PROBE_PREFIX - 1) == 0)
        return NOTIFY_PROBE;
    if (!read_timestamp(h->timestamp, &sent_s))
        return NOTIFY_HEADERS;
    return llabs(now_us / SECOND_US - sent_s) <= WINDOW_S ? NOTIFY_ACCEPTED : NOTIFY_TIMESTAMP;
}

enum notify_refusal wechat_check_signature_by(const struct rsa_key *key,
                                              const struct wechat_headers *h, const void *body,
                                              size_t n)
{
    struct span parts[2 * VERIFY_LINES];
    const struct span lines[VERIFY_LINES] = {
        {h->timestamp, strlen(h->timestamp)}, {h->nonce, strlen(h->nonce)}, {body, n}};
    size_t n_parts = wechat_message_parts(lines, VERIFY_LINES, parts);
    enum status status = rsa_verify(key, parts, n_parts, h->signature, strlen(h->signature));
    return status == OK ? NOTIFY_ACCEPTED : NOTIFY_SIGNATURE;
}

enum notify_refusal wechat_check_signature(const struct wechat *w, const struct wechat_headers *h,
                                           const void *body, size_t n, int64_t now_us)
{
    const struct rsa_key *key = wechat_find_key(w, h->serial, now_us);
    return key ? wechat_check_signature_by(key, h, body, n) : NOTIFY_SERIAL;
}

enum notify_refusal wechat_verify(const struct wechat *w, const struct wechat_headers *headers,
                                  const void *body, size_t n, int64_t now_us)
{
    enum notify_refusal refusal = wechat_check_headers(headers, now_us);
    return refusal == NOTIFY_ACCEPTED ? wechat_check_signature(w, headers, body, n, now_us)
                                      : refusal;
}
