/* SPDX-License-Identifier: MIT */
/* Callbacks: from verified bytes to an event and its trade (sections 1.7, 2.1 and 2.2). */
#include <string.h>

#include "base/clock.h"
#include "pay/aead.h"
#include "pay/wechat_parts.h"

enum {
    RESOURCE_NONCE_BYTES = 12,
    NOTICE_ID_MAX = 64,
    EVENT_TYPE_MAX = 64,
    OUT_TRADE_NO_MIN = 6,
    OPENID_MAX = 128,
    CURRENCY_MAX = 16,
    TIME_MAX = 64,
};

static const char ALGORITHM[] = "AEAD_AES_256_GCM";

static bool is_text(struct json_view value, const char *text)
{
    const char *string = json_view_string(value, NULL);
    return string && strcmp(string, text) == 0;
}

static struct span text_span(struct json_view value)
{
    struct span s;
    s.bytes = json_view_string(value, &s.size);
    return s;
}

enum status wechat_open_resource(struct span key, struct json_view resource, struct arena *a,
                                 const char **plain, size_t *plain_size)
{
    struct json_view associated = json_view_member(resource, "associated_data");
    struct span nonce = text_span(json_view_member(resource, "nonce"));
    struct span ciphertext = text_span(json_view_member(resource, "ciphertext"));
    struct span associated_data = text_span(associated);
    size_t sealed_size = 0;
    if (!is_text(json_view_member(resource, "algorithm"), ALGORITHM) ||
        nonce.size != RESOURCE_NONCE_BYTES || !ciphertext.bytes ||
        (json_view_exists(associated) && !associated_data.bytes))
        return DENIED;
    size_t room = BASE64_DECODED_MAX(ciphertext.size);
    unsigned char *sealed = arena_alloc(a, room);
    if (base64_decode(ciphertext.bytes, ciphertext.size, sealed, room, &sealed_size) != OK ||
        sealed_size < AEAD_TAG_BYTES)
        return DENIED;
    size_t size = sealed_size - AEAD_TAG_BYTES;
    unsigned char *text = arena_alloc(a, size + 1);
    if (aead_open(key, nonce, associated_data, (struct span){sealed, sealed_size}, text) != OK)
        return DENIED;
    *plain = (const char *)text;
    *plain_size = size;
    return OK;
}

enum notify_refusal wechat_open_envelope(struct span key, const void *body, size_t n,
                                         struct arena *a, struct wechat_envelope *envelope)
{
    struct wechat_envelope e = {0};
    struct json_view document;
    struct json_text *read = json_text_open(body, n, &document);
    if (!read)
        return NOTIFY_FORMAT;
    struct json_view resource = json_view_member(document, "resource");
    enum status status = wechat_open_resource(key, resource, a, &e.plaintext, &e.plaintext_size);
    if (status == OK) {
        e.id = wechat_text(document, "id", NOTICE_ID_MAX, a);
        e.event_type = wechat_text(document, "event_type", EVENT_TYPE_MAX, a);
        e.original_type = wechat_text(resource, "original_type", EVENT_TYPE_MAX, a);
        *envelope = e;
    }
    json_text_close(read);
    return status == OK ? NOTIFY_ACCEPTED : NOTIFY_DECRYPT;
}

static const struct event_kind {
    const char *event_type;
    const char *original_type;
    enum wechat_event event;
} EVENTS[] = {
    {"TRANSACTION.SUCCESS", "transaction", WECHAT_TRANSACTION},
    {"REFUND.SUCCESS", "refund", WECHAT_REFUND},
    {"REFUND.ABNORMAL", "refund", WECHAT_REFUND},
    {"REFUND.CLOSED", "refund", WECHAT_REFUND},
};

static const struct event_kind *find_event(const char *event_type)
{
    for (size_t i = 0; i < sizeof EVENTS / sizeof EVENTS[0]; i++)
        if (strcmp(EVENTS[i].event_type, event_type) == 0)
            return &EVENTS[i];
    return NULL;
}

static bool is_object_text(const char *json, size_t n)
{
    struct json_view object;
    json_text_close(json_text_open(json, n, &object));
    return json_view_exists(object);
}

static enum notify_refusal read_envelope(const struct wechat_envelope *e, struct arena *a,
                                         struct wechat_notice *notice)
{
    if (!e->id || !e->event_type)
        return NOTIFY_FORMAT;
    const struct event_kind *kind = find_event(e->event_type);
    if (!kind)
        return NOTIFY_UNKNOWN;
    if (e->original_type && strcmp(e->original_type, kind->original_type) != 0)
        return NOTIFY_FORMAT;
    struct wechat_notice opened = {
        .event = kind->event,
        .id = e->id,
        .plaintext = e->plaintext,
        .plaintext_size = e->plaintext_size,
    };
    bool readable =
        kind->event == WECHAT_TRANSACTION
            ? wechat_parse_transaction(e->plaintext, e->plaintext_size, a, &opened.trade) == OK
            : is_object_text(e->plaintext, e->plaintext_size);
    if (!readable)
        return NOTIFY_FORMAT;
    *notice = opened;
    return NOTIFY_ACCEPTED;
}

static enum notify_refusal open_for(const struct wechat *w, const struct wechat_headers *headers,
                                    const void *body, size_t n, int64_t now_us, struct arena *a,
                                    struct wechat_notice *notice)
{
    const struct span key = {w->api_v3_key, WECHAT_API_KEY_BYTES};
    struct wechat_envelope envelope = {0};
    enum notify_refusal refusal = wechat_check_signature(w, headers, body, n, now_us);
    if (refusal == NOTIFY_ACCEPTED)
        refusal = wechat_open_envelope(key, body, n, a, &envelope);
    if (refusal == NOTIFY_ACCEPTED)
        refusal = read_envelope(&envelope, a, notice);
    return refusal;
}

enum notify_refusal wechat_open_notice(struct wechat *const *merchants, size_t n_merchants,
                                       const struct wechat_headers *headers, const void *body,
                                       size_t n, int64_t now_us, struct arena *a,
                                       struct wechat_notice *notice, const struct wechat **chosen)
{
    enum notify_refusal furthest = NOTIFY_SERIAL;
    enum notify_refusal refusal = wechat_check_headers(headers, now_us);
    if (refusal != NOTIFY_ACCEPTED)
        return refusal;
    for (size_t i = 0; i < n_merchants; i++) {
        refusal = open_for(merchants[i], headers, body, n, now_us, a, notice);
        if (refusal == NOTIFY_ACCEPTED) {
            *chosen = merchants[i];
            return NOTIFY_ACCEPTED;
        }
        /* Only another key can change the answer; a verified body reads the same to everybody. */
        if (refusal == NOTIFY_FORMAT || refusal == NOTIFY_UNKNOWN)
            return refusal;
        furthest = refusal > furthest ? refusal : furthest;
    }
    return furthest;
}

static const struct state_word {
    const char *word;
    enum trade_state state;
} STATES[] = {
    {"SUCCESS", TRADE_PAID},       {"REFUND", TRADE_REFUNDED},  {"NOTPAY", TRADE_PENDING},
    {"USERPAYING", TRADE_PENDING}, {"ACCEPT", TRADE_PENDING},   {"CLOSED", TRADE_CLOSED},
    {"REVOKED", TRADE_CLOSED},     {"PAYERROR", TRADE_PENDING}, /* the payer may try again */
};

static enum status read_state(struct json_view document, struct trade *t)
{
    struct json_view word = json_view_member(document, "trade_state");
    for (size_t i = 0; i < sizeof STATES / sizeof STATES[0]; i++)
        if (is_text(word, STATES[i].word)) {
            t->state = STATES[i].state;
            return OK;
        }
    return INVALID;
}

static enum status read_amount(struct json_view document, struct arena *a, struct trade *t)
{
    struct json_view amount = json_view_member(document, "amount");
    struct json_view total = json_view_member(amount, "total");
    t->amount_fen = -1;
    if (json_view_exists(amount) && !json_view_is_object(amount))
        return INVALID;
    if (json_view_exists(total) && (!json_view_integer(total, &t->amount_fen) || t->amount_fen < 0))
        return INVALID;
    t->currency = wechat_text(amount, "currency", CURRENCY_MAX, a);
    return OK;
}

static enum status read_success_time(struct json_view document, struct arena *a, struct trade *t)
{
    const char *text = wechat_text(document, "success_time", TIME_MAX, a);
    t->success_us = 0;
    return text ? time_parse(text, &t->success_us) : OK;
}

static bool is_complete(const struct trade *t)
{
    if (!t->appid || !t->merchant || !t->out_trade_no || strlen(t->out_trade_no) < OUT_TRADE_NO_MIN)
        return false;
    return t->state != TRADE_PAID ||
           (t->transaction_id && t->amount_fen >= 0 && t->success_us != 0);
}

enum status wechat_parse_transaction(const char *json, size_t n, struct arena *a,
                                     struct trade *trade)
{
    struct json_view document;
    struct json_text *read = json_text_open(json, n, &document);
    if (!read)
        return INVALID;
    struct trade t = {
        .channel = CHANNEL_WECHAT,
        .out_trade_no = wechat_text(document, "out_trade_no", WECHAT_ID_MAX, a),
        .transaction_id = wechat_text(document, "transaction_id", WECHAT_ID_MAX, a),
        .merchant = wechat_text(document, "mchid", WECHAT_ID_MAX, a),
        .appid = wechat_text(document, "appid", WECHAT_ID_MAX, a),
        .openid = wechat_text(json_view_member(document, "payer"), "openid", OPENID_MAX, a),
    };
    enum status status = read_state(document, &t);
    if (status == OK)
        status = read_amount(document, a, &t);
    if (status == OK)
        status = read_success_time(document, a, &t);
    if (status == OK && !is_complete(&t))
        status = INVALID;
    if (status == OK)
        *trade = t;
    json_text_close(read);
    return status;
}
