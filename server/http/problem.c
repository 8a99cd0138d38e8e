/* SPDX-License-Identifier: MIT */
#include "http/problem.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "http/transport.h"

enum { FIELD_ERRORS_MAX = 32 };

struct row {
    const char *code;
    unsigned http_status;
    const char *title[2]; /* by enum language */
};

static const struct row rows[] = {
#define X(name, code, status, zh, en) {code, status, {zh, en}},
    PROBLEMS(X)
#undef X
};

/* What the caller can do about it, zh-CN and en. */
static const char *const details[][2] = {
    [PROBLEM_MALFORMED_JSON] = {"请发送 UTF-8 编码、成员不重复的 JSON。",
                                "Send JSON in UTF-8, without duplicate members and without NUL."},
    [PROBLEM_MALFORMED_REQUEST] = {"请检查网址、查询参数和请求头的写法。",
                                   "Check how address, query and headers are written."},
    [PROBLEM_IDEMPOTENCY_KEY_MISSING] = {"请为每次操作生成一个 Idempotency-Key，重试时保持不变。",
                                         "Make one Idempotency-Key per action and keep it when you "
                                         "retry."},
    [PROBLEM_PURPOSE_REQUIRED] = {"请在 X-Purpose 中写明目的代码，可加冒号和编号。",
                                  "Name a purpose code in X-Purpose, with a colon and an id where "
                                  "there is one."},
    [PROBLEM_UNAUTHENTICATED] = {"请在 Authorization 中携带有效的令牌；令牌失效时请重新登录。",
                                 "Send a valid token in Authorization; sign in again when it has "
                                 "expired."},
    [PROBLEM_SIGNATURE_INVALID] = {"请用约定的密钥对原始请求正文签名。",
                                   "Sign the body as it is sent, with the key that was agreed."},
    [PROBLEM_REAUTHENTICATION_REQUIRED] = {"请重新登录，然后在 15 分钟内再次操作。",
                                           "Sign in again and repeat the call within 15 minutes."},
    [PROBLEM_JS_CODE_INVALID] = {"请重新调用 wx.login 获取新的凭证。",
                                 "Call wx.login again and send the fresh code."},
    [PROBLEM_UNPAID] = {"请先支付订单，再下载文件。", "Pay for the order, then fetch the file."},
    [PROBLEM_FORBIDDEN] = {"请联系管理员开通所需的角色。",
                           "Ask an administrator for the role that this needs."},
    [PROBLEM_CLIENT_CERTIFICATE_REQUIRED] =
        {"请使用运营方签发的客户端证书连接。",
         "Connect with a client certificate that the operator's authority issued."},
    [PROBLEM_WECHAT_LOGIN_BLOCKED] = {"微信认为该用户存在风险，请稍后再试或在微信中申诉。",
                                      "WeChat holds the user to be a risk: try later, or appeal in "
                                      "WeChat."},
    [PROBLEM_CONSENT_REQUIRED] = {"请阅读并同意当前的政策或用途，然后重试。",
                                  "Agree to the current policy or purpose, then try again."},
    [PROBLEM_NOT_FOUND] = {"地址或编号不存在，或者已经过期。",
                           "The address or id does not exist, or it has expired."},
    [PROBLEM_METHOD_NOT_ALLOWED] = {"可用的方法见 Allow 响应头。",
                                    "The Allow header lists the methods that exist here."},
    [PROBLEM_REQUEST_TIMEOUT] = {"请在网络良好时重新发送。", "Send the request again, faster."},
    [PROBLEM_CONFLICT] = {"请刷新后查看当前状态。", "Read the state again before you go on."},
    [PROBLEM_IDEMPOTENCY_IN_PROGRESS] = {"请稍候再用同一个 Idempotency-Key 重试。",
                                         "Wait a moment, then retry with the same "
                                         "Idempotency-Key."},
    [PROBLEM_IN_FULFILMENT] = {"订单正在制作；确实要删除时请加 force=true。",
                               "It is being made; add force=true to give it up and erase it."},
    [PROBLEM_ORDER_IN_FULFILMENT] = {"请等待订单寄出；确实要注销时请加 force=true。",
                                     "Wait until it is shipped, or add force=true to give it up."},
    [PROBLEM_ORDER_NOT_PAYABLE] = {"订单已支付、关闭或过期，请查看订单状态。",
                                   "It is paid, closed or expired; read the order's state."},
    [PROBLEM_WECHAT_NOT_BOUND] = {"请先用微信登录，再使用此支付方式。",
                                  "Sign in with WeChat first, then pay in this way."},
    [PROBLEM_WECHAT_BOUND_OTHERWISE] = {"如需使用该微信已绑定的账号，请不带令牌重新登录。",
                                        "To use the account that the WeChat user has, log in "
                                        "again without a token."},
    [PROBLEM_ALREADY_SHIPPED] = {"寄出后不能再修改，请联系客服。",
                                 "It cannot be changed any more; contact the service."},
    [PROBLEM_NON_REFUNDABLE] = {"如照片有质量问题，请提交投诉。",
                                "If the photo is faulty, file a complaint."},
    [PROBLEM_BODY_TOO_LARGE] = {"请缩小后再发送。", "Send a smaller body."},
    [PROBLEM_URI_TOO_LONG] = {"请缩短网址和查询参数。", "Shorten the address and its query."},
    [PROBLEM_UNSUPPORTED_MEDIA_TYPE] = {"请按接口说明设置 Content-Type，且不要压缩正文。",
                                        "Set the Content-Type that the description names, and send "
                                        "the body uncompressed."},
    [PROBLEM_RANGE_NOT_SATISFIABLE] = {"请按 Content-Range 给出的长度重新请求。",
                                       "Ask within the length that Content-Range tells."},
    [PROBLEM_INVALID_MEMBERS] = {"请改正 errors 中列出的字段。",
                                 "Correct the members that errors lists."},
    [PROBLEM_IMAGE_UNDECODABLE] = {"请发送完整的图片文件。",
                                   "Send a whole image of an accepted kind and size."},
    [PROBLEM_NOT_QUALIFIED] = {"请按检测报告的建议重新拍摄。",
                               "Take the portrait again as the report advises."},
    [PROBLEM_POLICY_VERSION_STALE] = {"请重新获取并展示最新的隐私政策。",
                                      "Fetch and show the current policy, then send its version."},
    [PROBLEM_GUARDIAN_CONSENT_REQUIRED] = {"请提供监护人的姓名、电话和关系。",
                                           "Send the guardian's name, phone and relation."},
    [PROBLEM_NO_REFUND_NOT_ACCEPTED] = {"请向用户展示退款规则并取得同意。",
                                        "Show the rule to the user and send accepts_no_refund."},
    [PROBLEM_IDEMPOTENCY_KEY_REUSED] = {"请为新的请求生成新的 Idempotency-Key。",
                                        "Make a new Idempotency-Key for a new request."},
    [PROBLEM_RATE_LIMITED] = {"请按 Retry-After 给出的秒数等待。",
                              "Wait for as many seconds as Retry-After tells."},
    [PROBLEM_HEADERS_TOO_LARGE] = {"请减少请求头的数量或长度。", "Send fewer or shorter headers."},
    [PROBLEM_INTERNAL_ERROR] = {"问题已记录；反馈时请附上 request_id。",
                                "It has been recorded; name the request_id when you report it."},
    [PROBLEM_PROVIDER_UNAVAILABLE] = {"请稍后重试，未扣款。",
                                      "Try again shortly; nothing was charged by this call."},
    [PROBLEM_OVERLOADED] = {"请按 Retry-After 给出的秒数等待后重试。",
                            "Try again after the seconds that Retry-After tells."},
    [PROBLEM_DATABASE_UNAVAILABLE] = {"请按 Retry-After 给出的秒数等待后重试。",
                                      "Try again after the seconds that Retry-After tells."},
    [PROBLEM_DEADLINE_EXCEEDED] = {"请稍后重试；可以使用同一个 Idempotency-Key。",
                                   "Try again; the same Idempotency-Key is safe to use."},
};
_Static_assert(sizeof details / sizeof *details == PROBLEM_COUNT, "the last detail is missing");

const char *problem_code(enum problem p)
{
    return rows[p].code;
}

unsigned problem_http_status(enum problem p)
{
    return rows[p].http_status;
}

static json_t *document(enum problem p, enum language language, const char *instance,
                        const char *request_id)
{
    const struct row *row = &rows[p];
    json_t *d = json_pack("{s:o, s:s, s:i, s:s, s:s, s:s, s:s}", "type",
                          json_sprintf("urn:problem-type:idphotod:%s", row->code), "title",
                          row->title[language], "status", (int)row->http_status, "detail",
                          details[p][language], "instance", instance, "code", row->code,
                          "request_id", request_id);
    CHECK_PEER(d);
    return d;
}

char *problem_text(enum problem p, enum language language, const char *instance,
                   const char *request_id)
{
    json_t *d = document(p, language, instance, request_id);
    char *text = json_dumps(d, JSON_COMPACT);
    CHECK_PEER(text);
    json_decref(d);
    return text;
}

static void add_problem_headers(struct request *r, enum problem p)
{
    unsigned status = rows[p].http_status;
    if (status == 401 && !reply_has_header(r, "WWW-Authenticate"))
        reply_add_header(r, "WWW-Authenticate", "Bearer");
    if ((status == 429 || status == 503) && !reply_has_header(r, "Retry-After"))
        reply_add_header(r, "Retry-After", "1");
    reply_add_header(r, "Content-Language", r->language == LANGUAGE_EN ? "en" : "zh-CN");
}

void reply_problem_with(struct request *r, enum problem p, const char *member, json_t *value)
{
    const char *instance = arena_printf(r->arena, "urn:idphotod:request:%s", r->request_id);
    json_t *d = document(p, r->language, instance, r->request_id);
    if (has_field_errors(r))
        json_object_set(d, "errors", r->field_errors);
    if (member)
        json_object_set_new(d, member, value);
    add_problem_headers(r, p);
    reply_json(r, rows[p].http_status, d);
    r->reply_type = "application/problem+json";
    r->problem_code = rows[p].code;
}

void reply_problem(struct request *r, enum problem p)
{
    reply_problem_with(r, p, NULL, NULL);
}

static enum problem problem_of(enum status s)
{
    switch (s) {
    case OK: break;
    case NOT_FOUND: return PROBLEM_NOT_FOUND;
    case CONFLICT: return PROBLEM_CONFLICT;
    case RETRY: return PROBLEM_OVERLOADED;
    case DENIED: return PROBLEM_UNAUTHENTICATED;
    case INVALID: return PROBLEM_INVALID_MEMBERS;
    case TOO_LARGE: return PROBLEM_BODY_TOO_LARGE;
    case UNAVAILABLE: return PROBLEM_DATABASE_UNAVAILABLE;
    case INTERNAL: return PROBLEM_INTERNAL_ERROR;
    }
    CHECK(!"a status that is not an error was to be answered as one");
    return PROBLEM_INTERNAL_ERROR;
}

void reply_status(struct request *r, enum status s)
{
    reply_problem(r, problem_of(s));
}

void field_error(struct request *r, const char *pointer, const char *code, const char *detail)
{
    if (!r->field_errors)
        r->field_errors = json_array();
    CHECK_PEER(r->field_errors);
    if (json_array_size(r->field_errors) >= FIELD_ERRORS_MAX)
        return;
    json_array_append_new(r->field_errors, json_pack("{s:s, s:s, s:s}", "pointer", pointer, "code",
                                                     code, "detail", detail ? detail : ""));
}

bool has_field_errors(const struct request *r)
{
    return json_array_size(r->field_errors) > 0;
}
