/* SPDX-License-Identifier: MIT */
#include "pay/alipay_refund.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "pay/alipay_trade.h"

enum { NUMBER_MAX = 64 };

static bool is_number(const char *text)
{
    size_t n = text ? strlen(text) : 0;
    return n >= 1 && n <= NUMBER_MAX;
}

/* Signs a call about these members; steals them. */
static enum status sign(const struct alipay *p, const char *method, json_t *content, int64_t now_us,
                        struct arena *a, struct alipay_request *out)
{
    char *text = content ? json_dumps(content, JSON_COMPACT) : NULL;
    json_decref(content);
    if (!text)
        return INVALID; /* not UTF-8 */
    const char *copy = arena_strdup(a, text);
    free(text);
    return alipay_sign_request(p, method, copy, now_us, a, out);
}

enum status alipay_refund_request(const struct alipay *p, const struct alipay_refund_order *o,
                                  int64_t now_us, struct arena *a, struct alipay_request *out)
{
    char yuan[YUAN_TEXT_BYTES];
    if (!is_number(o->trade_no) || !is_number(o->out_request_no) || o->refund_fen < 1)
        return INVALID;
    return sign(p, "alipay.trade.refund",
                json_pack("{s:s, s:s, s:s}", "trade_no", o->trade_no, "out_request_no",
                          o->out_request_no, "refund_amount", yuan_format(o->refund_fen, yuan)),
                now_us, a, out);
}

/* Without query_options the answer leaves the time out. */
enum status alipay_refund_query_request(const struct alipay *p, const char *trade_no,
                                        const char *out_request_no, int64_t now_us, struct arena *a,
                                        struct alipay_request *out)
{
    if (!is_number(trade_no) || !is_number(out_request_no))
        return INVALID;
    return sign(p, "alipay.trade.fastpay.refund.query",
                json_pack("{s:s, s:s, s:[s]}", "trade_no", trade_no, "out_request_no",
                          out_request_no, "query_options", "gmt_refund_pay"),
                now_us, a, out);
}

/* *text is owned by the caller, whatever is returned. */
static enum status open_node(const char *node, size_t n, struct json_text **text,
                             struct json_view *json)
{
    *text = json_text_open(node, n, json);
    if (!*text)
        return INVALID;
    return strcmp(alipay_text(*json, "code"), "10000") == 0 ? OK : CONFLICT;
}

/* A time that is none is left out: the money has moved all the same. */
static int64_t done_us(struct json_view json)
{
    int64_t at_us = 0;
    if (time_parse_cn_plain(alipay_text(json, "gmt_refund_pay"), &at_us) != OK)
        return 0;
    return at_us;
}

enum status alipay_parse_refund(const char *node, size_t n, struct arena *a,
                                struct alipay_refund_result *out)
{
    struct json_text *text;
    struct json_view json;
    enum status s = open_node(node, n, &text, &json);
    const char *moved = alipay_text(json, "fund_change"), *trade_no = alipay_text(json, "trade_no");
    bool yes = strcmp(moved, "Y") == 0;
    if (s == OK && (!*trade_no || (!yes && strcmp(moved, "N") != 0)))
        s = INVALID;
    if (s == OK)
        *out = (struct alipay_refund_result){
            .state = yes ? ALIPAY_REFUND_DONE : ALIPAY_REFUND_TAKEN,
            .trade_no = arena_strdup(a, trade_no),
            .refund_fen = -1, /* refund_fee counts all refunds of the trade */
            .done_us = yes ? done_us(json) : 0,
        };
    json_text_close(text);
    return s;
}

/* Members that say which refund are there only when it is known. Gateways before refund_status was
 * brought in said no more than that of one that is done, and give its time. */
static enum status read_query(struct json_view json, const char *out_request_no, struct arena *a,
                              struct alipay_refund_result *r)
{
    const char *number = alipay_text(json, "out_request_no"),
               *status = alipay_text(json, "refund_status");
    const char *trade_no = alipay_text(json, "trade_no");
    *r = (struct alipay_refund_result){.state = ALIPAY_REFUND_ABSENT, .refund_fen = -1};
    if (!*number && !*status)
        return OK;
    if (strcmp(number, out_request_no) != 0 || !*trade_no ||
        yuan_parse(alipay_text(json, "refund_amount"), &r->refund_fen) != OK)
        return INVALID;
    r->trade_no = arena_strdup(a, trade_no);
    r->done_us = done_us(json);
    if (strcmp(status, "REFUND_SUCCESS") == 0 || (!*status && r->done_us))
        r->state = ALIPAY_REFUND_DONE;
    else if (*status)
        r->state = ALIPAY_REFUND_TAKEN;
    return OK;
}

enum status alipay_parse_refund_query(const char *node, size_t n, const char *out_request_no,
                                      struct arena *a, struct alipay_refund_result *out)
{
    struct alipay_refund_result r;
    struct json_text *text;
    struct json_view json;
    enum status s = open_node(node, n, &text, &json);
    if (s == OK)
        s = read_query(json, out_request_no, a, &r);
    if (s == OK)
        *out = r;
    json_text_close(text);
    return s;
}
