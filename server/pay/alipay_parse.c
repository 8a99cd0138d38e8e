/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "pay/alipay_bill.h"
#include "pay/alipay_keys.h"
#include "pay/alipay_trade.h"

enum { CODE_MAX = 64 };

static const char *text_of(struct json_view object, const char *name)
{
    return json_view_string(json_view_member(object, name), NULL);
}

const char *alipay_text(struct json_view object, const char *name)
{
    const char *text = text_of(object, name);
    return text ? text : "";
}

/* Codes of the gateway, then sub_codes of a business failure (40004). */
static const struct {
    const char *code, *sub_code;
    enum status status;
} MEANINGS[] = {
    {"10000", NULL, OK},
    {"20000", NULL, UNAVAILABLE}, /* unknown: ask again */
    {"40005", NULL, UNAVAILABLE}, /* called too often */
    {"40004", "ACQ.TRADE_NOT_EXIST", NOT_FOUND},
    {"40004", "ACQ.TRADE_STATUS_ERROR", CONFLICT},
    {"40004", "ACQ.SYSTEM_ERROR", UNAVAILABLE},
};

static enum status meaning(struct json_view node)
{
    const char *code = alipay_text(node, "code"), *sub_code = alipay_text(node, "sub_code");
    for (size_t i = 0; i < sizeof MEANINGS / sizeof *MEANINGS; i++)
        if (strcmp(code, MEANINGS[i].code) == 0 &&
            (!MEANINGS[i].sub_code || strcmp(sub_code, MEANINGS[i].sub_code) == 0))
            return MEANINGS[i].status;
    return INVALID;
}

/* *text is owned by the caller, whatever is returned. */
static enum status open_node(const char *node, size_t n, struct json_text **text,
                             struct json_view *json)
{
    *text = json_text_open(node, n, json);
    return *text ? meaning(*json) : INVALID;
}

static const char *keep(struct json_view object, const char *name, struct arena *a)
{
    const char *text = text_of(object, name);
    return text ? arena_strdup(a, text) : NULL;
}

static enum status read_query(const struct alipay *p, struct json_view json, struct arena *a,
                              struct trade *trade)
{
    const struct alipay_trade_fields fields = {
        .trade_status = text_of(json, "trade_status"),
        .out_trade_no = keep(json, "out_trade_no", a),
        .trade_no = keep(json, "trade_no", a),
        .app_id = arena_strdup(a, p->app_id),
        .seller_id = arena_strdup(a, p->seller_id),
        .buyer_id = keep(json, "buyer_user_id", a),
        .buyer_open_id = keep(json, "buyer_open_id", a),
        .total_amount = text_of(json, "total_amount"),
        .paid_at = text_of(json, "send_pay_date"),
    };
    return alipay_trade_read(&fields, trade) == NOTIFY_ACCEPTED ? OK : INVALID;
}

enum status alipay_parse_query(const struct alipay *p, const char *node, size_t n, struct arena *a,
                               struct trade *trade)
{
    struct json_text *text;
    struct json_view json;
    enum status status = open_node(node, n, &text, &json);
    if (status == OK)
        status = read_query(p, json, a, trade);
    json_text_close(text);
    return status;
}

enum status alipay_parse_precreate(const char *node, size_t n, const char *out_trade_no,
                                   struct arena *a, const char **qr_code)
{
    struct json_text *text;
    struct json_view json;
    enum status status = open_node(node, n, &text, &json);
    if (status == OK) {
        const char *code = alipay_text(json, "qr_code");
        if (!code[0] || strcmp(alipay_text(json, "out_trade_no"), out_trade_no) != 0)
            status = INVALID;
        else
            *qr_code = arena_strdup(a, code);
    }
    json_text_close(text);
    return status;
}

enum status alipay_parse_close(const char *node, size_t n)
{
    struct json_text *text;
    struct json_view json;
    enum status status = open_node(node, n, &text, &json);
    json_text_close(text);
    return status;
}

/* The documents write BILL_NOT_EXIST and isp.bill_not_exist of the same thing. */
static bool is_without_bill(struct json_view node)
{
    return strcmp(alipay_text(node, "code"), "40004") == 0 &&
           strcasestr(alipay_text(node, "sub_code"), "bill_not_exist");
}

enum status alipay_bill_answer(const char *node, size_t n, struct arena *a, const char **url)
{
    struct json_text *text;
    struct json_view json;
    enum status status = open_node(node, n, &text, &json);
    const char *found = status == OK ? keep(json, "bill_download_url", a) : NULL;
    if (status == INVALID && is_without_bill(json))
        status = NOT_FOUND;
    else if (status == OK && !found)
        status = INVALID;
    if (status == OK)
        *url = found;
    json_text_close(text);
    return status;
}

/* The member that says how it went. */
static bool is_node(const char *name, struct json_view value)
{
    const char *tail = strlen(name) >= 9 ? name + strlen(name) - 9 : "";
    return json_view_is_object(value) && strcmp(tail, "_response") == 0;
}

/* It goes into logs, so it must look like a code. */
static bool is_code(const char *text)
{
    size_t n = strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._-");
    return n > 0 && n <= CODE_MAX && !text[n];
}

const char *alipay_error_code(const char *json, size_t n, struct arena *a)
{
    const char *found = "";
    struct json_view root;
    struct json_text *text = json_text_open(json, n, &root);
    struct json_view member = json_view_find(root, is_node);
    struct json_view node = json_view_exists(member) ? member : root; /* a node itself */
    const char *const texts[] = {alipay_text(node, "sub_code"), alipay_text(node, "code")};
    for (size_t i = 0; i < 2 && !found[0]; i++)
        if (is_code(texts[i]))
            found = arena_strdup(a, texts[i]);
    json_text_close(text);
    return found;
}
