/* SPDX-License-Identifier: MIT */
/*
 * Problem documents (RFC 9457), made at one place.
 *
 * One table holds every code: HTTP status, title in zh-CN and en, and the
 * detail that tells the caller what to do. OpenAPI's list of codes is compared
 * with it by a test. No problem ever repeats a value that was sent.
 */
#ifndef IDPHOTOD_HTTP_PROBLEM_H
#define IDPHOTOD_HTTP_PROBLEM_H

#include "base/status.h"
#include "http/request.h"

/* X(NAME, "code", http status, "title zh", "title en") */
#define PROBLEMS(X)                                                                                \
    X(MALFORMED_JSON, "malformed-json", 400, "请求正文不是有效的 JSON",                            \
      "The body is not valid JSON")                                                                \
    X(MALFORMED_REQUEST, "malformed-request", 400, "请求格式有误", "The request is malformed")     \
    X(IDEMPOTENCY_KEY_MISSING, "idempotency-key-missing", 400, "缺少 Idempotency-Key",             \
      "Idempotency-Key is missing or not 1 to 255 printable characters")                           \
    X(PURPOSE_REQUIRED, "purpose-required", 400, "缺少访问目的",                                   \
      "X-Purpose is missing or unknown")                                                           \
    X(UNAUTHENTICATED, "unauthenticated", 401, "请先登录", "A valid token is needed")              \
    X(SIGNATURE_INVALID, "signature-invalid", 401, "签名无效", "The signature does not verify")    \
    X(REAUTHENTICATION_REQUIRED, "reauthentication-required", 401, "请重新登录后再试",             \
      "A session under 15 minutes old is needed")                                                  \
    X(JS_CODE_INVALID, "js-code-invalid", 401, "微信登录凭证无效", "The js_code is not valid")     \
    X(UNPAID, "unpaid", 402, "尚未支付", "Not paid yet")                                           \
    X(FORBIDDEN, "forbidden", 403, "无权访问", "Your role does not allow this")                    \
    X(CLIENT_CERTIFICATE_REQUIRED, "client-certificate-required", 403, "需要客户端证书",           \
      "A client certificate that this listener trusts is needed")                                  \
    X(WECHAT_LOGIN_BLOCKED, "wechat-login-blocked", 403, "微信限制了该用户登录",                   \
      "WeChat does not let this user log in")                                                      \
    X(CONSENT_REQUIRED, "consent-required", 403, "需要您的同意", "Your consent is needed first")   \
    X(NOT_FOUND, "not-found", 404, "不存在", "Not found")                                          \
    X(METHOD_NOT_ALLOWED, "method-not-allowed", 405, "不支持该方法", "Method not allowed")         \
    X(REQUEST_TIMEOUT, "request-timeout", 408, "请求超时", "The request took too long to arrive")  \
    X(CONFLICT, "conflict", 409, "当前状态不允许此操作", "The state does not allow this")          \
    X(IDEMPOTENCY_IN_PROGRESS, "idempotency-in-progress", 409, "相同请求正在处理",                 \
      "A request with this Idempotency-Key is still running")                                      \
    X(IN_FULFILMENT, "in-fulfilment", 409, "订单正在制作",                                         \
      "A paid print order is being fulfilled")                                                     \
    X(ORDER_IN_FULFILMENT, "order-in-fulfilment", 409, "有冲印订单尚未寄出",                       \
      "A paid print order is not shipped yet")                                                     \
    X(ORDER_NOT_PAYABLE, "order-not-payable", 409, "订单当前不可支付", "The order cannot be paid") \
    X(WECHAT_NOT_BOUND, "wechat-not-bound", 409, "尚未绑定微信", "No WeChat openid is bound")      \
    X(WECHAT_BOUND_OTHERWISE, "wechat-bound-otherwise", 409, "微信或账号已有其他绑定",             \
      "This WeChat user or this account is bound otherwise")                                       \
    X(ALREADY_SHIPPED, "already-shipped", 409, "订单已寄出", "The order is shipped already")       \
    X(NON_REFUNDABLE, "non-refundable", 409, "电子证件照付款后不支持退款",                         \
      "Electronic photos are not refundable")                                                      \
    X(BODY_TOO_LARGE, "body-too-large", 413, "请求正文过大", "The body is too large")              \
    X(URI_TOO_LONG, "uri-too-long", 414, "网址过长", "The address is too long")                    \
    X(UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", 415, "不支持的内容类型",                   \
      "The content type is not accepted here")                                                     \
    X(RANGE_NOT_SATISFIABLE, "range-not-satisfiable", 416, "请求的范围无效",                       \
      "The range cannot be satisfied")                                                             \
    X(INVALID_MEMBERS, "invalid-members", 422, "字段有误", "Some members are not valid")           \
    X(IMAGE_UNDECODABLE, "image-undecodable", 422, "图片无法解码", "The image cannot be decoded")  \
    X(NOT_QUALIFIED, "not-qualified", 422, "照片不合格", "The portrait does not qualify")          \
    X(POLICY_VERSION_STALE, "policy-version-stale", 422, "隐私政策已更新",                         \
      "The privacy policy has a newer version")                                                    \
    X(GUARDIAN_CONSENT_REQUIRED, "guardian-consent-required", 422, "需要监护人同意",               \
      "A guardian's consent is needed")                                                            \
    X(NO_REFUND_NOT_ACCEPTED, "no-refund-not-accepted", 422, "请先同意付款后不支持退款",           \
      "accepts_no_refund must be true for electronic items")                                       \
    X(IDEMPOTENCY_KEY_REUSED, "idempotency-key-reused", 422, "Idempotency-Key 已用于其他请求",     \
      "This Idempotency-Key was used with another body")                                           \
    X(RATE_LIMITED, "rate-limited", 429, "请求过于频繁", "Too many requests")                      \
    X(HEADERS_TOO_LARGE, "headers-too-large", 431, "请求头过大", "The headers are too large")      \
    X(INTERNAL_ERROR, "internal-error", 500, "服务器内部错误", "Our own error")                    \
    X(PROVIDER_UNAVAILABLE, "provider-unavailable", 502, "微信或支付宝暂不可用",                   \
      "WeChat or Alipay cannot be reached")                                                        \
    X(OVERLOADED, "overloaded", 503, "服务繁忙，请稍后再试", "Busy, try again shortly")            \
    X(DATABASE_UNAVAILABLE, "database-unavailable", 503, "服务暂不可用，请稍后再试",               \
      "The database cannot be reached, try again shortly")                                         \
    X(DEADLINE_EXCEEDED, "deadline-exceeded", 504, "处理超时", "The answer took too long")

enum problem {
#define X(name, code, status, zh, en) PROBLEM_##name,
    PROBLEMS(X)
#undef X
        PROBLEM_COUNT
};

const char *problem_code(enum problem p);
unsigned problem_http_status(enum problem p);

/* Answers with the problem; 429 and 503 get Retry-After: 1 unless one was added. Field errors
 * collected so far go into errors[]. */
void reply_problem(struct request *r, enum problem p);
/* The same with an extra member (steals value), such as {"policy": "/v1/policy"}. */
void reply_problem_with(struct request *r, enum problem p, const char *member, json_t *value);
/* The one place that turns a status into an HTTP answer. NOT_FOUND 404, CONFLICT 409, RETRY and
 * UNAVAILABLE 503, DENIED 401, INVALID 422, TOO_LARGE 413, INTERNAL 500. OK is our bug. */
void reply_status(struct request *r, enum status s);

/* Notes a wrong member. pointer is a JSON pointer ("/items/0/quantity") or "?name" for a query
 * parameter or a header's name; code is kebab-case ("too-long"); detail tells the rule in English
 * without the value. */
void field_error(struct request *r, const char *pointer, const char *code, const char *detail);
bool has_field_errors(const struct request *r);

/* The document alone, for answers that never reached a request (owned, free()). */
char *problem_text(enum problem p, enum language language, const char *instance,
                   const char *request_id);

#endif
