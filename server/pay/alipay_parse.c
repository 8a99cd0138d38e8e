/* SPDX-License-Identifier: MIT */
#include <jansson.h>
#include <string.h>

#include "pay/alipay_bill.h"
#include "pay/alipay_keys.h"
#include "pay/alipay_trade.h"

enum { CODE_MAX = 64 };

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static const char *text_or_empty(const json_t *object, const char *name)
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

static enum status meaning(const json_t *node)
{
    const char *code = text_or_empty(node, "code"), *sub_code = text_or_empty(node, "sub_code");
    for (size_t i = 0; i < sizeof MEANINGS / sizeof *MEANINGS; i++)
        if (strcmp(code, MEANINGS[i].code) == 0 &&
            (!MEANINGS[i].sub_code || strcmp(sub_code, MEANINGS[i].sub_code) == 0))
            return MEANINGS[i].status;
    return INVALID;
}

/* *json is owned by the caller, whatever is returned. */
static enum status open_node(const char *node, size_t n, json_t **json)
{
    *json = json_loadb(node, n, JSON_REJECT_DUPLICATES, NULL);
    return json_is_object(*json) ? meaning(*json) : INVALID;
}

static const char *keep(const json_t *object, const char *name, struct arena *a)
{
    const char *text = text_of(object, name);
    return text ? arena_strdup(a, text) : NULL;
}

static enum status read_query(const struct alipay *p, const json_t *json, struct arena *a,
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
    json_t *json = NULL;
    enum status status = open_node(node, n, &json);
    if (status == OK)
        status = read_query(p, json, a, trade);
    json_decref(json);
    return status;
}

enum status alipay_parse_precreate(const char *node, size_t n, const char *out_trade_no,
                                   struct arena *a, const char **qr_code)
{
    json_t *json = NULL;
    enum status status = open_node(node, n, &json);
    if (status == OK) {
        const char *code = text_or_empty(json, "qr_code");
        if (!code[0] || strcmp(text_or_empty(json, "out_trade_no"), out_trade_no) != 0)
            status = INVALID;
        else
            *qr_code = arena_strdup(a, code);
    }
    json_decref(json);
    return status;
}

enum status alipay_parse_close(const char *node, size_t n)
{
    json_t *json = NULL;
    enum status status = open_node(node, n, &json);
    json_decref(json);
    return status;
}

/* The documents write BILL_NOT_EXIST and isp.bill_not_exist of the same thing. */
static bool is_without_bill(const json_t *node)
{
    return strcmp(text_or_empty(node, "code"), "40004") == 0 &&
           strcasestr(text_or_empty(node, "sub_code"), "bill_not_exist");
}

enum status alipay_bill_answer(const char *node, size_t n, struct arena *a, const char **url)
{
    json_t *json = NULL;
    enum status status = open_node(node, n, &json);
    const char *text = status == OK ? keep(json, "bill_download_url", a) : NULL;
    if (status == INVALID && json && is_without_bill(json))
        status = NOT_FOUND;
    else if (status == OK && !text)
        status = INVALID;
    if (status == OK)
        *url = text;
    json_decref(json);
    return status;
}

/* The member that says how it went, or the text itself when it is a node. */
static const json_t *node_of(json_t *json)
{
    const char *name;
    json_t *value;
    json_object_foreach(json, name, value)
    {
        const char *tail = strlen(name) >= 9 ? name + strlen(name) - 9 : "";
        if (json_is_object(value) && strcmp(tail, "_response") == 0)
            return value;
    }
    return json;
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
    json_t *parsed = json_loadb(json, n, JSON_REJECT_DUPLICATES, NULL);
    const json_t *node = node_of(parsed);
    const char *const texts[] = {text_or_empty(node, "sub_code"), text_or_empty(node, "code")};
    for (size_t i = 0; i < 2 && !found[0]; i++)
        if (is_code(texts[i]))
            found = arena_strdup(a, texts[i]);
    json_decref(parsed);
    return found;
}
