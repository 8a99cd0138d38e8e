/* SPDX-License-Identifier: MIT */
/* The Alipay gateway as the merchant meets it: signed forms in, signed nodes out. */
#include "alipay.h"

#include "delivery.h"
#include "encoding.h"
#include "moment.h"

#include <string.h>

enum { DAY_S = 86400 };

bool alipay_refuse(struct alipay_refusal *r, const char *code, const char *sub_code,
                   const char *sub_msg)
{
    r->code = code;
    r->msg = strcmp(code, "40001") == 0   ? "Missing Required Arguments"
             : strcmp(code, "40002") == 0 ? "Invalid Arguments"
                                          : "Business Failed";
    r->sub_code = sub_code;
    r->sub_msg = sub_msg;
    return false;
}

static bool refuse_term(struct pool *pool, struct alipay_refusal *r, const struct term_fault *fault)
{
    bool missing = strcmp(fault->issue, "missing") == 0;
    return alipay_refuse(r, missing ? "40001" : "40002",
                         missing ? "isv.missing-parameter" : "isv.invalid-parameter",
                         pool_print(pool, "biz_content%s: %s", fault->field, fault->issue));
}

/* ---- public parameters ---- */

static const char *const public_names[] = {"app_id",
                                           "method",
                                           "format",
                                           "return_url",
                                           "charset",
                                           "sign_type",
                                           "sign",
                                           "timestamp",
                                           "version",
                                           "notify_url",
                                           "biz_content",
                                           "app_cert_sn",
                                           "alipay_root_cert_sn",
                                           "alipay_sdk"}; /* how the SDKs name themselves */

static bool check_names(struct pool *pool, const struct pairs *p, struct alipay_refusal *r)
{
    for (size_t i = 0; i < p->n; i++) {
        bool known = false;
        for (size_t k = 0; k < sizeof public_names / sizeof public_names[0]; k++)
            known = known || strcmp(p->at[i].name, public_names[k]) == 0;
        if (!known)
            return alipay_refuse(r, "40002", "isv.invalid-parameter",
                                 pool_print(pool, "unknown: %s", p->at[i].name));
    }
    return true;
}

const char *alipay_filled(const struct pairs *p, const char *name)
{
    const char *value = pairs_get(p, name);
    return value && *value ? value : NULL;
}

static bool check_fixed(const struct pairs *p, struct alipay_refusal *r)
{
    static const struct {
        const char *name, *value, *missing, *invalid;
    } fixed[] = {
        {"sign_type", "RSA2", "isv.missing-signature-type", "isv.invalid-signature-type"},
        {"version", "1.0", "isv.missing-version", "isv.unsupported-version"},
        {"format", "JSON", NULL, "isv.invalid-format"},
    };
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        const char *value = alipay_filled(p, fixed[i].name);
        if (!value && fixed[i].missing)
            return alipay_refuse(r, "40001", fixed[i].missing, fixed[i].name);
        if (value && strcasecmp(value, fixed[i].value) != 0)
            return alipay_refuse(r, "40002", fixed[i].invalid, fixed[i].name);
    }
    return true;
}

static bool check_charset(const struct pairs *p, struct alipay_refusal *r)
{
    const char *charset = alipay_filled(p, "charset");
    if (charset && strcasecmp(charset, "utf-8") == 0)
        return true;
    /* without a charset the gateway would read the form as GBK */
    return alipay_refuse(r, charset ? "40002" : "40001", "isv.invalid-charset", "charset: utf-8");
}

static bool check_timestamp(const struct pairs *p, struct alipay_refusal *r)
{
    int64_t at_s;
    const char *timestamp = alipay_filled(p, "timestamp");
    if (!timestamp)
        return alipay_refuse(r, "40001", "isv.missing-timestamp", "timestamp");
    if (!moment_parse_gmt8(timestamp, &at_s))
        return alipay_refuse(r, "40002", "isv.invalid-timestamp", "yyyy-MM-dd HH:mm:ss");
    int64_t distance_s = at_s - moment_now_s();
    if (distance_s > DAY_S || distance_s < -DAY_S)
        return alipay_refuse(r, "40002", "isv.invalid-timestamp", "more than 24 h away (GMT+8)");
    return true;
}

static bool check_signature(const struct sandbox *s, struct pool *pool, const struct pairs *p,
                            struct alipay_refusal *r)
{
    const char *sign = alipay_filled(p, "sign");
    if (!sign)
        return alipay_refuse(r, "40001", "isv.missing-signature", "sign");
    char *text = pairs_sorted_text(pool, p, NULL);
    if (!key_verify(pool, s->in.app_key, text, strlen(text), sign))
        return alipay_refuse(r, "40002", "isv.invalid-signature",
                             pool_print(pool, "验签出错，待验签字符串: %s", text));
    return true;
}

/* Both names of certificates or none. */
static bool check_certificates(const struct sandbox *s, const struct pairs *p,
                               struct alipay_refusal *r)
{
    const char *app = alipay_filled(p, "app_cert_sn"),
               *root = alipay_filled(p, "alipay_root_cert_sn");
    if (!app && !root)
        return true;
    if (!app || strcmp(app, s->in.app_cert_sn) != 0)
        return alipay_refuse(r, "40002", "isv.invalid-app-cert-sn", "app_cert_sn");
    if (!root || strcmp(root, s->in.root_cert_sn) != 0)
        return alipay_refuse(r, "40002", "isv.invalid-root-cert-sn", "alipay_root_cert_sn");
    return true;
}

static bool check_urls(const struct pairs *p, struct alipay_refusal *r)
{
    const char *notify_url = alipay_filled(p, "notify_url");
    if (notify_url && !notify_url_is_valid(notify_url))
        return alipay_refuse(r, "40002", "isv.invalid-parameter", "notify_url");
    return true;
}

static bool check_public(const struct sandbox *s, struct pool *pool, const struct pairs *p,
                         struct alipay_refusal *r)
{
    const char *app_id = alipay_filled(p, "app_id");
    r->nameless = true;
    if (!app_id)
        return alipay_refuse(r, "40001", "isv.missing-app-id", "app_id");
    if (strcmp(app_id, s->in.app_id) != 0)
        return alipay_refuse(r, "40002", "isv.invalid-app-id", "app_id");
    if (!alipay_filled(p, "method"))
        return alipay_refuse(r, "40001", "isv.missing-method", "method");
    r->nameless = false;
    if (!alipay_filled(p, "biz_content"))
        return alipay_refuse(r, "40001", "isv.missing-parameter", "biz_content");
    return check_names(pool, p, r) && check_fixed(p, r) && check_charset(p, r) &&
           check_signature(s, pool, p, r) && check_timestamp(p, r) && check_certificates(s, p, r) &&
           check_urls(p, r);
}

/* ---- methods ---- */

const char *alipay_biz_text(const struct alipay_call *call, const char *name)
{
    return json_string_value(json_object_get(call->biz, name));
}

json_t *alipay_success(void)
{
    return json_pack("{s:s, s:s}", "code", "10000", "msg", "Success");
}

static json_t *run_certificate(struct alipay_call *call, struct alipay_refusal *r)
{
    const char *sn = alipay_biz_text(call, "alipay_cert_sn");
    for (size_t i = 0; i < N_ALIPAY_SIGNERS; i++) {
        size_t n;
        char *pem = strcmp(sn, call->s->in.alipay[i].id) == 0
                        ? file_read(call->pool, call->s->in.alipay[i].file, &n)
                        : NULL;
        if (!pem)
            continue;
        json_t *node = alipay_success();
        json_put_text(node, "alipay_cert_content", base64_encode(call->pool, pem, n));
        return node;
    }
    alipay_refuse(r, "40004", "ALIPAY_CERT_NOT_EXIST", "支付宝公钥证书不存在");
    return NULL;
}

static const struct member certificate_members[] = {
    {"alipay_cert_sn", MEMBER_TEXT, true, 32, 32, NULL, NULL},
    {0},
};

static const struct alipay_method methods[] = {
    {"alipay.trade.page.pay", "FAST_INSTANT_TRADE_PAY", "page", alipay_client_members, true,
     alipay_open_cashier},
    {"alipay.trade.wap.pay", "QUICK_WAP_WAY", "wap", alipay_client_members, true,
     alipay_open_cashier},
    {"alipay.trade.app.pay", "QUICK_MSECURITY_PAY", "app", alipay_client_members, false,
     alipay_open_cashier},
    {"alipay.trade.precreate", "FACE_TO_FACE_PAYMENT", "qr", alipay_precreate_members, false,
     alipay_precreate},
    {"alipay.trade.query", NULL, NULL, alipay_name_members, false, alipay_query},
    {"alipay.trade.close", NULL, NULL, alipay_name_members, false, alipay_close},
    {"alipay.open.app.alipaycert.download", NULL, NULL, certificate_members, false,
     run_certificate},
    {"alipay.data.dataservice.bill.downloadurl.query", NULL, NULL, alipay_bill_members, false,
     alipay_order_bill},
    {"alipay.trade.refund", NULL, NULL, alipay_refund_members, false, alipay_refund},
    {"alipay.trade.fastpay.refund.query", NULL, NULL, alipay_refund_query_members, false,
     alipay_refund_query},
};

static const struct alipay_method *find_method(const char *name)
{
    for (size_t i = 0; name && i < sizeof methods / sizeof methods[0]; i++)
        if (strcmp(methods[i].name, name) == 0)
            return &methods[i];
    return NULL;
}

/* The node's members; NULL when refused. */
static json_t *run_method(struct alipay_call *call, struct alipay_refusal *r)
{
    const char *biz = pairs_get(call->pairs, "biz_content");
    struct term_fault fault = {0};
    call->biz = terms_parse(call->pool, biz, strlen(biz), &fault);
    if (!call->biz || !terms_check(call->pool, call->biz, call->method->members, "", &fault)) {
        refuse_term(call->pool, r, &fault);
        return NULL;
    }
    return call->method->run(call, r);
}

/* ---- answers ---- */

static json_t *refusal_node(const struct alipay_refusal *r)
{
    return json_pack("{s:s, s:s, s:s, s:s}", "code", r->code, "msg", r->msg, "sub_code",
                     r->sub_code, "sub_msg", r->sub_msg);
}

static char *node_name(struct pool *pool, const char *method)
{
    char *name = pool_print(pool, "%s_response", method);
    for (char *p = name; *p; p++)
        if (*p == '.')
            *p = '_';
    return name;
}

/* Each "/" as "\/": what PHP's encoder writes. */
static char *escape_slashes(struct pool *pool, const char *text)
{
    struct text t = {.pool = pool};
    for (; *text; text++)
        text_add(&t, *text == '/' ? "\\/" : text, *text == '/' ? 2 : 1);
    return t.at;
}

/* ,"alipay_cert_sn":"...","sign":"..."; the name of the certificate in certificate mode alone. */
static char *signature_members(const struct alipay_call *call, const char *covered)
{
    const struct sandbox *s = call->s;
    const struct signer *signer = &s->in.alipay[atomic_load(&s->signers[CHANNEL_ALIPAY].answers)];
    struct text t = {.pool = call->pool};
    if (alipay_filled(call->pairs, "app_cert_sn"))
        text_print(&t, ",\"alipay_cert_sn\":\"%s\"", signer->id);
    text_print(&t, ",\"sign\":\"%s\"", key_sign(call->pool, signer->key, covered, strlen(covered)));
    return t.at;
}

/* {"x_response":NODE,"sign":"..."}, the signature over the bytes of NODE. */
static void answer_node(const struct alipay_call *call, struct reply *reply, const char *name,
                        const char *node, const char *fault)
{
    bool late = strcmp(fault, "slashes-after-signing") == 0;
    const char *plain = node;
    if (strcmp(fault, "gbk") == 0)
        node = text_in_gbk(call->pool, node).at;
    if (late || strcmp(fault, "slashes") == 0)
        node = escape_slashes(call->pool, node);
    const char *covered = strcmp(fault, "wrong-signature") == 0 ? "{}" : late ? plain : node;
    bool bare = strcmp(name, "error_response") == 0 || strcmp(fault, "unsigned") == 0;
    const char *sign = bare ? "" : signature_members(call, covered);
    bool first = strcmp(fault, "sign-first") == 0 && *sign;
    reply->status = 200;
    reply->body = first ? pool_print(call->pool, "{%s,\"%s\":%s}", sign + 1, name, node)
                        : pool_print(call->pool, "{\"%s\":%s%s}", name, node, sign);
    if (strcmp(fault, "garbage") == 0)
        reply->body = "{\"alipay_trade";
    reply->body_size = strlen(reply->body);
    reply_header(reply, "Content-Type", "text/html;charset=utf-8");
}

static void add_html(struct text *t, const char *text)
{
    for (; *text; text++) {
        if (strchr("<>&\"'", *text))
            text_print(t, "&#%d;", *text);
        else
            text_add(t, text, 1);
    }
}

/* The cashier in the browser; a refusal shows its sub_code. */
static void answer_page(struct pool *pool, struct reply *reply, const json_t *node,
                        const struct alipay_refusal *r)
{
    struct text t = {.pool = pool};
    text_puts(&t, "<!DOCTYPE html><html lang=\"zh-CN\"><meta charset=\"utf-8\"><title>");
    text_puts(&t, node ? "收银台" : "错误");
    text_puts(&t, "</title><h1>");
    add_html(&t, node ? json_string_value(json_object_get(node, "subject")) : r->sub_code);
    text_puts(&t, "</h1><p id=\"detail\">");
    add_html(&t, node ? json_string_value(json_object_get(node, "total_amount")) : r->sub_msg);
    text_puts(&t, "</p></html>\n");
    reply->status = node ? 200 : 400;
    reply->body = t.at;
    reply->body_size = t.size;
    reply_header(reply, "Content-Type", "text/html;charset=utf-8");
    if (!node)
        reply_header(reply, "X-Sandbox-Sub-Code", r->sub_code);
}

/* ---- the gateway ---- */

static bool read_form(struct request *request, struct pairs *p, struct alipay_refusal *r)
{
    const char *query = request->query ? request->query : "";
    bool post = strcmp(request->method, "POST") == 0;
    r->nameless = true;
    if (!pairs_parse(request->pool, query, strlen(query), p))
        return alipay_refuse(r, "40002", "isv.invalid-parameter", "query");
    if (!check_charset(p, r)) /* in the URL, whatever the body says */
        return alipay_refuse(
            r, "40002", "isv.invalid-signature",
            "验签出错，请确认charset参数放在了URL查询字符串中且各参数值使用charset参数指"
            "示的字符集编码");
    const char *type = request_header(request, "Content-Type");
    if (post && (!type || strncasecmp(type, "application/x-www-form-urlencoded", 33) != 0))
        return alipay_refuse(r, "40002", "isv.invalid-parameter", "Content-Type");
    if (request->body_size &&
        (!post || !pairs_parse(request->pool, request->body, request->body_size, p)))
        return alipay_refuse(r, "40002", "isv.invalid-parameter", "body");
    return true;
}

static json_t *run_gateway(struct alipay_call *call, struct request *request, struct pairs *p,
                           struct alipay_refusal *r)
{
    bool read = read_form(request, p, r);
    call->method = find_method(pairs_get(p, "method"));
    if (!read || !check_public(call->s, call->pool, p, r))
        return NULL;
    if (!call->method || strcmp(call->method->name, "alipay.trade.app.pay") == 0) {
        alipay_refuse(r, "40002", "isv.invalid-method", pairs_get(p, "method"));
        return NULL;
    }
    return run_method(call, r);
}

static bool fail_on_purpose(const char *fault, struct alipay_refusal *r)
{
    if (strcmp(fault, "server-error") != 0 && strcmp(fault, "rate-limit") != 0)
        return false;
    alipay_refuse(r, "20000", "isp.unknow-error", "系统繁忙");
    r->msg = "Service Currently Unavailable";
    return true;
}

void alipay_answer(struct sandbox *s, struct request *request, struct reply *reply)
{
    struct pairs p = {0};
    struct alipay_refusal r = {0};
    struct alipay_call call = {.s = s, .pool = request->pool, .pairs = &p};
    const char *fault = sandbox_take_fault(s, CHANNEL_ALIPAY);
    fault = fault ? fault : "";
    if (sandbox_break(s, CHANNEL_ALIPAY, fault, reply))
        return;
    json_t *node = fail_on_purpose(fault, &r) ? NULL : run_gateway(&call, request, &p, &r);
    if (node)
        pool_json(request->pool, node);
    if (node && call.method->product_code && strcmp(fault, "after-callback") == 0)
        delivery_pay(s, request->pool, CHANNEL_ALIPAY, alipay_biz_text(&call, "out_trade_no"));
    const char *method = pairs_get(&p, "method");
    if (call.method && call.method->page) {
        answer_page(request->pool, reply, node, &r);
        return;
    }
    const json_t *shown = node ? node : pool_json(request->pool, refusal_node(&r));
    answer_node(&call, reply,
                r.nameless && !node ? "error_response"
                                    : node_name(request->pool, method ? method : "error"),
                pool_dump(request->pool, shown), fault);
}

void alipay_open_app(struct sandbox *s, struct request *request, const char *order_string,
                     struct reply *reply)
{
    struct pairs p = {0};
    struct alipay_refusal r = {0};
    struct alipay_call call = {.s = s, .pool = request->pool, .pairs = &p};
    json_t *node = NULL;
    if (!pairs_parse(request->pool, order_string, strlen(order_string), &p))
        alipay_refuse(&r, "40002", "isv.invalid-parameter", "order string");
    else if (check_public(s, request->pool, &p, &r)) {
        call.method = find_method(pairs_get(&p, "method"));
        if (call.method && strcmp(call.method->name, "alipay.trade.app.pay") == 0)
            node = run_method(&call, &r);
        else
            alipay_refuse(&r, "40002", "isv.invalid-method", pairs_get(&p, "method"));
    }
    reply_json(request, reply, node ? 200 : 400, node ? node : refusal_node(&r));
}
