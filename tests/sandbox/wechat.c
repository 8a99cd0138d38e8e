/* SPDX-License-Identifier: MIT */
/* WeChat Pay v3 as the merchant meets it: authorization, certificates, signed answers. */
#include "wechat.h"

#include "encoding.h"
#include "moment.h"

#include <stdlib.h>
#include <string.h>

enum { WINDOW_S = 300 };

#define SCHEME "WECHATPAY2-SHA256-RSA2048"

bool wechat_refuse(struct wechat_refusal *r, unsigned status, const char *code, const char *message)
{
    r->status = status;
    r->code = code;
    r->message = message;
    return false;
}

bool wechat_refuse_term(struct wechat_refusal *r, const struct term_fault *fault)
{
    r->field = fault->field;
    r->issue = fault->issue;
    r->location = "body";
    return wechat_refuse(r, 400, "PARAM_ERROR", "参数错误");
}

static bool refuse_header(struct wechat_refusal *r, const char *field, const char *issue)
{
    r->field = field;
    r->issue = issue;
    r->location = "header";
    return wechat_refuse(r, 400, "PARAM_ERROR", "参数错误");
}

static bool refuse_authorization(struct wechat_refusal *r, const char *field, const char *message)
{
    r->field = field;
    r->issue = "sign not match";
    r->location = "authorization";
    return wechat_refuse(r, 401, "SIGN_ERROR", message);
}

/* ---- authorization ---- */

struct authorization {
    const char *mchid, *nonce_str, *timestamp, *serial_no, *signature;
};

static const char **authorization_slot(struct authorization *a, const char *name, size_t n)
{
    static const char *const names[] = {"mchid", "nonce_str", "timestamp", "serial_no",
                                        "signature"};
    const char **slots[] = {&a->mchid, &a->nonce_str, &a->timestamp, &a->serial_no, &a->signature};
    for (size_t i = 0; i < 5; i++)
        if (strlen(names[i]) == n && memcmp(names[i], name, n) == 0)
            return slots[i];
    return NULL;
}

/* name="value",name="value": no spaces, no name twice, all five there. */
static bool parse_authorization(struct pool *pool, const char *text, struct authorization *a)
{
    if (strncmp(text, SCHEME " ", sizeof SCHEME) != 0)
        return false;
    for (const char *p = text + sizeof SCHEME;; p++) {
        const char *equals = strchr(p, '=');
        if (!equals || equals[1] != '"')
            return false;
        const char *value = equals + 2, *end = strchr(value, '"');
        const char **slot = authorization_slot(a, p, (size_t)(equals - p));
        if (!end || !slot || *slot)
            return false;
        *slot = pool_copy(pool, value, (size_t)(end - value));
        p = end + 1;
        if (!*p)
            break;
        if (*p != ',')
            return false;
    }
    return a->mchid && a->nonce_str && a->timestamp && a->serial_no && a->signature;
}

static bool is_current(const char *timestamp)
{
    if (!text_is_made_of(timestamp, 1, 12, "") || strspn(timestamp, DIGITS) != strlen(timestamp))
        return false;
    return llabs(strtoll(timestamp, NULL, 10) - (long long)moment_now_s()) <= WINDOW_S;
}

static bool check_authorization(struct sandbox *s, struct request *request,
                                struct wechat_refusal *r)
{
    struct authorization a = {0};
    const char *header = request_header(request, "Authorization");
    if (!header || !parse_authorization(request->pool, header, &a))
        return refuse_authorization(r, "authorization", "Http头Authorization值格式错误");
    if (strcmp(a.mchid, s->in.mchid) != 0)
        return refuse_authorization(r, "mchid", "商户号不存在");
    if (strcmp(a.serial_no, s->in.merchant_serial) != 0)
        return refuse_authorization(r, "serial_no", "商户证书序列号有误");
    if (!text_is_made_of(a.nonce_str, 1, 32, ""))
        return refuse_authorization(r, "nonce_str", "Http头Authorization中的nonce_str有误");
    if (!is_current(a.timestamp))
        return refuse_authorization(
            r, "timestamp", "Http头Authorization中的timestamp与发起请求的时间不得超过5分钟");
    struct text message = {.pool = request->pool};
    text_print(&message, "%s\n%s\n%s\n%s\n", request->method, request->target, a.timestamp,
               a.nonce_str);
    text_add(&message, request->body, request->body_size);
    text_puts(&message, "\n");
    r->sign_message = message.at;
    if (!key_verify(request->pool, s->in.merchant_key, message.at, message.size, a.signature))
        return refuse_authorization(r, "signature", "错误的签名，验签失败");
    return true;
}

static bool is_json_type(const char *type)
{
    size_t n = strlen("application/json");
    if (strncasecmp(type, "application/json", n) != 0)
        return false;
    const char *rest = type + n;
    return !*rest || strcasecmp(rest, "; charset=utf-8") == 0 ||
           strcasecmp(rest, ";charset=utf-8") == 0;
}

/* NULL: nobody has that id. */
static const struct signer *signer_named(const struct sandbox *s, const char *id)
{
    for (size_t i = 0; i < N_WECHAT_SIGNERS; i++)
        if (strcmp(id, s->in.wechat[i].id) == 0)
            return &s->in.wechat[i];
    return NULL;
}

static bool check_headers(struct sandbox *s, struct request *request, struct wechat_refusal *r)
{
    const char *agent = request_header(request, "User-Agent");
    if (!agent || !*agent)
        return refuse_header(r, "User-Agent", "missing");
    const char *accept = request_header(request, "Accept");
    if (!accept || !is_json_type(accept))
        return refuse_header(r, "Accept", "must be application/json");
    const char *type = request_header(request, "Content-Type");
    if (strcmp(request->method, "POST") == 0 && (!type || !is_json_type(type)))
        return refuse_header(r, "Content-Type", "must be application/json");
    const char *serial = request_header(request, "Wechatpay-Serial");
    if (!serial || !signer_named(s, serial))
        return refuse_header(r, "Wechatpay-Serial", serial ? "no such key" : "missing");
    return true;
}

/* ---- answers ---- */

static void sign_answer(struct sandbox *s, struct request *request, struct reply *reply,
                        const char *fault)
{
    struct pool *pool = request->pool;
    const char *asked = request_header(request, "Wechatpay-Serial");
    int chosen = atomic_load(&s->signers[CHANNEL_WECHAT].answers);
    const struct signer *signer = asked ? signer_named(s, asked) : NULL;
    if (chosen != SIGNER_ASKED || !signer)
        signer = &s->in.wechat[chosen == SIGNER_ASKED ? WECHAT_PUBLIC_KEY : chosen];
    int64_t late_s = strcmp(fault, "old-timestamp") == 0 ? 2 * WINDOW_S : 0;
    char *timestamp = pool_print(pool, "%lld", (long long)(moment_now_s() - late_s));
    char *nonce = random_text(pool, ALPHANUMERIC, 32);
    struct text message = {.pool = pool};
    text_print(&message, "%s\n%s\n", timestamp, nonce);
    text_add(&message, reply->body, reply->body_size);
    text_puts(&message, strcmp(fault, "wrong-signature") == 0 ? " \n" : "\n");
    char *signature = key_sign(pool, signer->key, message.at, message.size);
    if (strcmp(fault, "probe") == 0)
        signature = pool_print(pool, "WECHATPAY/SIGNTEST/%s", signature);
    reply_header(reply, "Wechatpay-Timestamp", timestamp);
    reply_header(reply, "Wechatpay-Nonce", nonce);
    reply_header(reply, "Wechatpay-Signature", signature);
    reply_header(reply, "Wechatpay-Signature-Type", SCHEME);
    reply_header(reply, "Wechatpay-Serial", signer->id);
}

static void answer_refusal(struct request *request, const struct wechat_refusal *r,
                           struct reply *reply)
{
    json_t *detail = json_object();
    if (r->field) {
        json_object_set_new(detail, "field", json_string(r->field));
        json_object_set_new(detail, "issue", json_string(r->issue));
        json_object_set_new(detail, "location", json_string(r->location));
    }
    if (r->status == 401 && r->sign_message)
        json_object_set_new(detail, "sign_information",
                            json_pack("{s:s, s:s, s:s, s:i}", "method", request->method, "url",
                                      request->target, "truncated_sign_message",
                                      pool_print(request->pool, "%.200s", r->sign_message),
                                      "sign_message_length", (int)strlen(r->sign_message)));
    reply_json(
        request, reply, r->status,
        json_pack("{s:s, s:s, s:o}", "code", r->code, "message", r->message, "detail", detail));
}

/* ---- certificates ---- */

static json_t *sealed_certificate(const struct sandbox *s, struct pool *pool, int which)
{
    size_t n = 0;
    const struct signer *signer = &s->in.wechat[which];
    char *pem = file_read(pool, signer->file, &n);
    char *nonce = random_text(pool, ALPHANUMERIC, 12);
    int64_t now_s = moment_now_s();
    bool over = which == WECHAT_EXPIRED;
    if (!pem)
        return NULL;
    return json_pack("{s:s, s:s, s:s, s:{s:s, s:s, s:s, s:s}}", "serial_no", signer->id,
                     "effective_time", moment_rfc3339(pool, now_s - (over ? 400 : 1) * 86400LL),
                     "expire_time", moment_rfc3339(pool, now_s + (over ? -1 : 4 * 365) * 86400LL),
                     "encrypt_certificate", "algorithm", "AEAD_AES_256_GCM", "nonce", nonce,
                     "associated_data", "certificate", "ciphertext",
                     aead_seal(pool, s->in.api_v3_key, nonce, "certificate", pem, n));
}

static bool list_certificates(struct sandbox *s, struct request *request, struct reply *reply,
                              struct wechat_refusal *r)
{
    unsigned given = atomic_load(&s->certificates);
    if (!given)
        return wechat_refuse(r, 404, "RESOURCE_NOT_EXISTS",
                             "无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥。");
    json_t *list = json_array();
    for (int i = WECHAT_CERTIFICATE; i < N_WECHAT_SIGNERS; i++)
        if (given & 1U << i)
            json_array_append_new(list, sealed_certificate(s, request->pool, i));
    reply_json(request, reply, 200, json_pack("{s:o}", "data", list));
    return true;
}

/* ---- routes ---- */

/* The percent-decoded rest of the path behind prefix and before suffix; NULL when it is not so. */
static const char *path_between(struct request *request, const char *prefix, const char *suffix)
{
    size_t n = strlen(request->path), head = strlen(prefix), tail = strlen(suffix);
    char *decoded;
    if (n <= head + tail || strncmp(request->path, prefix, head) != 0 ||
        strcmp(request->path + n - tail, suffix) != 0)
        return NULL;
    if (!percent_decode(request->pool, request->path + head, n - head - tail, false, &decoded) ||
        strchr(decoded, '/'))
        return NULL;
    return decoded;
}

#define TRANSACTIONS "/v3/pay/transactions/"
#define BILL_FILE    "/v3/billdownload/file"
#define REFUNDS      "/v3/refund/domestic/refunds"

static bool route_get(struct sandbox *s, struct request *request, struct reply *reply,
                      struct wechat_refusal *r)
{
    struct trade found;
    const char *id;
    if (strcmp(request->path, "/v3/certificates") == 0)
        return list_certificates(s, request, reply, r);
    if (strcmp(request->path, "/v3/bill/tradebill") == 0)
        return wechat_order_bill(s, request, reply, r);
    if (strcmp(request->path, BILL_FILE) == 0)
        return files_answer(s->files, request, "text/plain", reply) ||
               wechat_refuse(r, 404, "RESOURCE_NOT_EXISTS", "请求的资源不存在");
    if ((id = path_between(request, REFUNDS "/", "")))
        return wechat_show_refund(s, request, id, reply, r);
    if ((id = path_between(request, TRANSACTIONS "out-trade-no/", "")))
        return wechat_check_query(s, request, r) &&
               wechat_answer_query(
                   s, request, trades_find(s->trades, CHANNEL_WECHAT, id, &found) ? &found : NULL,
                   reply, r);
    if ((id = path_between(request, TRANSACTIONS "id/", "")))
        return wechat_check_query(s, request, r) &&
               wechat_answer_query(
                   s, request,
                   trades_find_transaction(s->trades, CHANNEL_WECHAT, id, &found) ? &found : NULL,
                   reply, r);
    return wechat_refuse(r, 404, "RESOURCE_NOT_EXISTS", "请求的资源不存在");
}

static bool route_post(struct sandbox *s, struct request *request, struct reply *reply,
                       struct wechat_refusal *r)
{
    const char *rest;
    if (request->query) {
        r->field = "query";
        r->issue = "unexpected";
        r->location = "query";
        return wechat_refuse(r, 400, "PARAM_ERROR", "参数错误");
    }
    if (strcmp(request->path, REFUNDS) == 0)
        return wechat_take_refund(s, request, reply, r);
    if ((rest = path_between(request, TRANSACTIONS "out-trade-no/", "/close")))
        return wechat_close_order(s, request, rest, reply, r);
    if ((rest = path_between(request, TRANSACTIONS, "")))
        return wechat_take_order(s, request, rest, reply, r);
    return wechat_refuse(r, 404, "RESOURCE_NOT_EXISTS", "请求的资源不存在");
}

static bool route(struct sandbox *s, struct request *request, struct reply *reply,
                  struct wechat_refusal *r)
{
    if (!check_authorization(s, request, r) || !check_headers(s, request, r))
        return false;
    if (strcmp(request->method, "GET") == 0)
        return route_get(s, request, reply, r);
    if (strcmp(request->method, "POST") == 0)
        return route_post(s, request, reply, r);
    return wechat_refuse(r, 405, "PARAM_ERROR", "不支持的请求方法");
}

static bool fail_on_purpose(const char *fault, struct wechat_refusal *r)
{
    if (strcmp(fault, "server-error") == 0)
        return !wechat_refuse(r, 500, "SYSTEM_ERROR", "系统异常，请使用相同参数稍后重新调用");
    if (strcmp(fault, "rate-limit") == 0)
        return !wechat_refuse(r, 429, "FREQUENCY_LIMITED", "频率限制，请稍后重试");
    return false;
}

void wechat_answer(struct sandbox *s, struct request *request, struct reply *reply)
{
    const char *fault = sandbox_take_fault(s, CHANNEL_WECHAT);
    fault = fault ? fault : "";
    struct wechat_refusal r = {.fault = fault};
    if (sandbox_break(s, CHANNEL_WECHAT, fault, reply))
        return;
    if (fail_on_purpose(fault, &r) || !route(s, request, reply, &r))
        answer_refusal(request, &r, reply);
    if (strcmp(fault, "garbage") == 0) {
        reply->body = "{\"prepay_id\":";
        reply->body_size = strlen(reply->body);
    }
    reply_header(reply, "Request-ID", random_text(request->pool, "0123456789ABCDEF", 32));
    bool file = strcmp(request->path, BILL_FILE) == 0; /* its digest was told before */
    if (strcmp(fault, "unsigned") != 0 && !file)
        sign_answer(s, request, reply, fault);
}
