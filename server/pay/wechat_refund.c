/* SPDX-License-Identifier: MIT */
/* Refunds (sections 4.1 to 4.3). */
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "pay/wechat_parts.h"

enum { OUT_REFUND_NO_MAX = 64, REASON_MAX_CHARACTERS = 80, NOTIFY_URL_MAX = 256, TIME_MAX = 64 };

static bool is_out_refund_no(const char *text)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-|*@";
    size_t n = text ? strlen(text) : 0;
    return n >= 1 && n <= OUT_REFUND_NO_MAX && strspn(text, allowed) == n;
}

static bool within_limits(const struct wechat_refund_order *o)
{
    const char *paid = o->transaction_id ? o->transaction_id : o->out_trade_no;
    return wechat_is_line(paid, WECHAT_ID_MAX) && is_out_refund_no(o->out_refund_no) &&
           o->refund_fen >= 1 && o->refund_fen <= o->total_fen && o->total_fen <= INT32_MAX &&
           (!o->notify_url || wechat_is_notify_url(o->notify_url, NOTIFY_URL_MAX));
}

static json_t *refund_body(const struct wechat_refund_order *o, const char *reason)
{
    json_t *body = json_pack(
        "{s:s, s:s, s:{s:I, s:I, s:s}}", o->transaction_id ? "transaction_id" : "out_trade_no",
        o->transaction_id ? o->transaction_id : o->out_trade_no, "out_refund_no", o->out_refund_no,
        "amount", "refund", (json_int_t)o->refund_fen, "total", (json_int_t)o->total_fen,
        "currency", "CNY");
    CHECK_PEER(body);
    if (reason)
        json_object_set_new(body, "reason", json_string(reason));
    if (o->notify_url)
        json_object_set_new(body, "notify_url", json_string(o->notify_url));
    return body;
}

enum status wechat_refund_request(const struct wechat *w, const struct wechat_refund_order *order,
                                  int64_t now_us, struct arena *a, struct wechat_request *out)
{
    struct wechat_request request = {.method = "POST", .url = "/v3/refund/domestic/refunds"};
    if (!within_limits(order))
        return INVALID;
    const char *reason = wechat_clean_text(order->reason, REASON_MAX_CHARACTERS, a);
    request.body = wechat_dump(refund_body(order, reason), a, &request.body_size);
    enum status status = wechat_sign_request(w, a, now_us, &request);
    if (status == OK)
        *out = request;
    return status;
}

enum status wechat_refund_query_request(const struct wechat *w, const char *out_refund_no,
                                        int64_t now_us, struct arena *a, struct wechat_request *out)
{
    struct wechat_request request = {
        .method = "GET",
        .url = arena_printf(a, "/v3/refund/domestic/refunds/%s",
                            wechat_percent_encoded(out_refund_no, a)),
        .body = "",
    };
    enum status status = wechat_sign_request(w, a, now_us, &request);
    if (status == OK)
        *out = request;
    return status;
}

static enum status read_state(struct json_view document, enum wechat_refund_state *state)
{
    static const char *const words[] = {
        [WECHAT_REFUND_PROCESSING] = "PROCESSING",
        [WECHAT_REFUND_SUCCESS] = "SUCCESS",
        [WECHAT_REFUND_CLOSED] = "CLOSED",
        [WECHAT_REFUND_ABNORMAL] = "ABNORMAL",
    };
    /* An answer calls it status, a callback refund_status. */
    struct json_view in_answer = json_view_member(document, "status");
    struct json_view in_callback = json_view_member(document, "refund_status");
    bool answered = json_view_exists(in_answer);
    const char *word = json_view_string(answered ? in_answer : in_callback, NULL);
    if (!word || (answered && json_view_exists(in_callback)))
        return INVALID;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(word, words[i]) == 0) {
            *state = (enum wechat_refund_state)i;
            return OK;
        }
    return INVALID;
}

static enum status read_fen(struct json_view document, const char *name, int64_t *fen)
{
    struct json_view amount = json_view_member(document, "amount");
    int64_t value;
    if (!json_view_integer(json_view_member(amount, name), &value) || value < 0)
        return INVALID;
    *fen = value;
    return OK;
}

static enum status read_success_time(struct json_view document, struct arena *a,
                                     struct wechat_refund_result *r)
{
    if (r->state != WECHAT_REFUND_SUCCESS)
        return OK;
    const char *text = wechat_text(document, "success_time", TIME_MAX, a);
    return text ? time_parse(text, &r->success_us) : INVALID;
}

enum status wechat_parse_refund(const char *json, size_t n, struct arena *a,
                                struct wechat_refund_result *out)
{
    struct json_view document;
    struct json_text *read = json_text_open(json, n, &document);
    struct wechat_refund_result r = {
        .out_trade_no = wechat_text(document, "out_trade_no", WECHAT_ID_MAX, a),
        .transaction_id = wechat_text(document, "transaction_id", WECHAT_ID_MAX, a),
        .out_refund_no = wechat_text(document, "out_refund_no", OUT_REFUND_NO_MAX, a),
        .refund_id = wechat_text(document, "refund_id", WECHAT_ID_MAX, a),
        .merchant = wechat_text(document, "mchid", WECHAT_ID_MAX, a),
    };
    enum status status = read_state(document, &r.state);
    if (status == OK)
        status = read_fen(document, "refund", &r.refund_fen);
    if (status == OK)
        status = read_fen(document, "total", &r.total_fen);
    if (status == OK)
        status = read_success_time(document, a, &r);
    if (status == OK && (!r.out_trade_no || !r.out_refund_no || !r.refund_id))
        status = INVALID;
    if (status == OK)
        *out = r;
    json_text_close(read);
    return status;
}
