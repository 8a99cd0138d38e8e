/* SPDX-License-Identifier: MIT */
/* WeChat Pay: the vectors of signing, verifying and opening. */
#include <criterion/criterion.h>
#include <sodium.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "pay/aead.h"
#include "vectors.h"
#include "wechat_fixture.h"

static struct span member_span(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return (struct span){json_string_value(value), json_string_length(value)};
}

static void trust_all(struct wechat *w, const json_t *serials)
{
    const char *serial;
    json_t *id;
    json_object_foreach((json_t *)serials, serial, id)
    {
        const char *pem = vector_key(json_string_value(id));
        cr_assert_eq(wechat_trust_key(w, serial, pem, strlen(pem)), OK);
    }
}

static struct rsa_key *private_key(const char *id)
{
    struct rsa_key *key = NULL;
    const char *pem = vector_key(id);
    cr_assert_eq(rsa_load_private(pem, strlen(pem), RSA_PEM, &key), OK);
    return key;
}

/* The headers of a vector by name, whatever the case. */
static struct wechat_headers headers_of(const json_t *object)
{
    struct wechat_headers h = {0};
    const struct {
        const char *name;
        const char **to;
    } wanted[] = {{"Wechatpay-Timestamp", &h.timestamp},
                  {"Wechatpay-Nonce", &h.nonce},
                  {"Wechatpay-Signature", &h.signature},
                  {"Wechatpay-Serial", &h.serial},
                  {"Wechatpay-Signature-Type", &h.signature_type}};
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        for (size_t i = 0; i < 5; i++)
            if (strcasecmp(name, wanted[i].name) == 0)
                *wanted[i].to = json_string_value(value);
    }
    return h;
}

static int64_t now_of(const struct vector *v)
{
    return json_integer_value(json_object_get(v->inputs, "now")) * SECOND_US;
}

/* ---- messages and headers ---- */

static bool joins_to(const struct span *lines, size_t n, const char *want)
{
    struct span parts[16];
    struct buf joined = {0};
    size_t n_parts = wechat_message_parts(lines, n, parts);
    for (size_t i = 0; i < n_parts; i++)
        buf_add(&joined, parts[i].bytes, parts[i].size);
    bool same = joined.size == strlen(want) && memcmp(joined.bytes, want, joined.size) == 0;
    buf_free(&joined);
    return same;
}

static bool request_message_matches(const struct vector *v)
{
    const struct span lines[] = {member_span(v->inputs, "method"),
                                 member_span(v->inputs, "canonical_url"),
                                 member_span(v->inputs, "timestamp"),
                                 member_span(v->inputs, "nonce"), member_span(v->inputs, "body")};
    return joins_to(lines, 5, vector_text(v->expected, "message"));
}
VECTORS(a_request_is_signed_as_five_lines, "wechat.sign.message", request_message_matches)

static bool answer_message_matches(const struct vector *v)
{
    const struct span lines[] = {member_span(v->inputs, "timestamp"),
                                 member_span(v->inputs, "nonce"), member_span(v->inputs, "body")};
    return joins_to(lines, 3, vector_text(v->expected, "message"));
}
VECTORS(an_answer_is_verified_as_three_lines, "wechat.verify.message", answer_message_matches)

/* Same scheme, same fields, in any order. */
static bool same_authorization(const char *got, const char *want)
{
    char *copy = strdup(want), *rest = copy, *field;
    size_t scheme = strcspn(want, " ") + 1;
    bool same = strlen(got) == strlen(want) && strncmp(got, want, scheme) == 0;
    for (rest += scheme; same && (field = strsep(&rest, ",")) != NULL;) {
        const char *at = strstr(got + scheme, field);
        same = at && (at[-1] == ' ' || at[-1] == ',') &&
               (at[strlen(field)] == ',' || at[strlen(field)] == '\0');
    }
    free(copy);
    return same;
}

static bool authorization_matches(const struct vector *v)
{
    struct arena *a = arena_new();
    const char *header = wechat_authorization(
        a, vector_text(v->inputs, "scheme"), vector_text(v->inputs, "mchid"),
        vector_text(v->inputs, "nonce_str"), vector_text(v->inputs, "timestamp"),
        vector_text(v->inputs, "serial_no"), vector_text(v->inputs, "signature"));
    bool same = same_authorization(header, vector_text(v->expected, "header"));
    arena_free(a);
    return same;
}
VECTORS(the_authorization_header_is_written_as_the_sdks_do, "wechat.authorization.format",
        authorization_matches)

/* Method, url and body are taken out of the message that the vector gives. */
static bool signed_authorization_matches(const struct vector *v)
{
    struct arena *a = arena_new();
    struct wechat *w = wechat_new();
    char *message = arena_strdup(a, vector_text(v->inputs, "message"));
    struct wechat_request request = {.method = strsep(&message, "\n")};
    request.url = strsep(&message, "\n");
    const char *timestamp = strsep(&message, "\n"), *nonce = strsep(&message, "\n");
    request.body = message;
    request.body_size = strlen(message) - 1;
    w->merchant_key = private_key(vector_text(v->inputs, "private_key"));
    w->mchid = strdup(vector_text(v->inputs, "mchid"));
    w->merchant_serial = strdup(vector_text(v->inputs, "serial_no"));
    const char *header = vector_text(v->expected, "header");
    const char *signature = vector_text(v->expected, "signature");
    bool same =
        wechat_sign_request_at(w, a, timestamp, nonce, &request) == OK && (header || signature) &&
        (!header || same_authorization(request.authorization, header)) &&
        (!signature ||
         strstr(request.authorization, arena_printf(a, "signature=\"%s\"", signature)) != NULL);
    wechat_close(w);
    arena_free(a);
    return same;
}
VECTORS(a_signed_request_is_the_one_the_sdks_send, "wechat.sign.authorization",
        signed_authorization_matches)

static bool client_text_matches(const struct vector *v)
{
    struct arena *a = arena_new();
    struct wechat *w = wechat_new();
    bool app = strcmp(vector_text(v->inputs, "trade"), "APP") == 0;
    enum wechat_method method = app ? WECHAT_APP : WECHAT_JSAPI;
    const char *text = "", *prepay_id = vector_text(v->inputs, "prepay_id");
    w->merchant_key = private_key(vector_text(v->inputs, "private_key"));
    w->mchid = strdup(vector_text(v->inputs, "partnerid"));
    w->appids[method] = strdup(vector_text(v->inputs, "appid"));
    bool done = wechat_client_text_at(w, method, prepay_id, vector_text(v->inputs, "timestamp"),
                                      vector_text(v->inputs, "nonce"), a, &text) == OK;
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    const char *signature = vector_text(object, app ? "sign" : "paySign");
    bool same = done && signature &&
                strcmp(signature, vector_text(v->expected, "signature")) == 0 &&
                strcmp(vector_text(object, app ? "prepayid" : "package"),
                       app ? prepay_id : arena_printf(a, "prepay_id=%s", prepay_id)) == 0;
    json_decref(object);
    wechat_close(w);
    arena_free(a);
    return same;
}
VECTORS(the_client_gets_the_signature_of_the_sdks, "wechat.paysign", client_text_matches)

/* ---- verifying and opening ---- */

static bool raw_verifies(const struct vector *v)
{
    struct wechat *w = wechat_new();
    trust_all(w, json_object_get(v->inputs, "keys"));
    const struct span message = member_span(v->inputs, "message");
    const char *signature = vector_text(v->inputs, "signature");
    const struct rsa_key *key = wechat_find_key(w, vector_text(v->inputs, "serial"), 0);
    bool verified = key && rsa_verify(key, &message, 1, signature, strlen(signature)) == OK;
    wechat_close(w);
    return verified == vector_valid(v);
}
VECTORS(a_signature_counts_only_under_the_key_that_is_named, "wechat.verify.raw", raw_verifies)

static const char *stage_of(enum notify_refusal r)
{
    static const char *const stages[] = {
        [NOTIFY_HEADERS] = "headers",    [NOTIFY_TYPE] = "signature_type",
        [NOTIFY_PROBE] = "signtest",     [NOTIFY_TIMESTAMP] = "timestamp",
        [NOTIFY_SERIAL] = "serial",      [NOTIFY_SIGNATURE] = "signature",
        [NOTIFY_FORMAT] = "json",        [NOTIFY_DECRYPT] = "decrypt",
        [NOTIFY_UNKNOWN] = "event_type", [NOTIFY_ACCEPTED] = "accepted"};
    return stages[r];
}

/* The stage is advice; an empty signature counts as a missing header here. */
static bool refused_as_expected(const struct vector *v, enum notify_refusal r)
{
    const char *stage = vector_text(v->expected, "stage");
    if (r != NOTIFY_ACCEPTED && stage && strcmp(stage, stage_of(r)) != 0)
        fprintf(stderr, "vector %s: refused at %s, advised %s\n", v->id, stage_of(r), stage);
    return (r == NOTIFY_ACCEPTED) == vector_valid(v);
}

static bool http_verifies(const struct vector *v)
{
    struct wechat *w = wechat_new();
    trust_all(w, json_object_get(v->inputs, "keys"));
    const struct wechat_headers h = headers_of(json_object_get(v->inputs, "headers"));
    const struct span body = member_span(v->inputs, "body");
    enum notify_refusal r = wechat_verify(w, &h, body.bytes, body.size, now_of(v));
    wechat_close(w);
    return refused_as_expected(v, r);
}
VECTORS(an_answer_verifies_or_is_not_believed, "wechat.verify.http", http_verifies)

static bool text_agrees(const struct vector *v, const char *name, const char *got)
{
    const char *want = vector_text(v->expected, name);
    return !want || (got && strcmp(want, got) == 0);
}

static bool plaintext_agrees(const struct vector *v, const char *plain, size_t n)
{
    const struct span whole = member_span(v->expected, "plaintext");
    const struct span prefix = member_span(v->expected, "plaintext_prefix");
    return plain && (!whole.bytes || (whole.size == n && memcmp(whole.bytes, plain, n) == 0)) &&
           (!prefix.bytes || strncmp(plain, prefix.bytes, prefix.size) == 0);
}

static bool resource_opens(const struct vector *v)
{
    struct arena *a = arena_new();
    const char *plain = NULL;
    size_t n = 0;
    enum status status = wechat_resource_opens(
        member_span(v->inputs, "apiv3_key"), json_object_get(v->inputs, "resource"), a, &plain, &n);
    bool agrees = vector_valid(v) ? status == OK && plaintext_agrees(v, plain, n) : status != OK;
    arena_free(a);
    return agrees;
}
VECTORS(a_resource_opens_with_its_key_alone, "wechat.resource.decrypt", resource_opens)

/* The production call on the same bytes must agree: it takes the events of payment alone and has
 * keys of 32 bytes alone. */
static bool production_agrees(const struct vector *v, struct wechat *w,
                              const struct wechat_headers *h, enum notify_refusal envelope_refusal,
                              const struct wechat_envelope *e)
{
    const struct span body = member_span(v->inputs, "body"),
                      key = member_span(v->inputs, "apiv3_key");
    struct arena *a = arena_new();
    struct wechat_notice notice = {0};
    const struct wechat *chosen = NULL;
    if (key.size != WECHAT_API_KEY_BYTES) {
        arena_free(a);
        return true;
    }
    cr_assert(sodium_init() >= 0);
    w->api_v3_key = sodium_malloc(key.size);
    memcpy(w->api_v3_key, key.bytes, key.size);
    enum notify_refusal r =
        wechat_open_notice(&w, 1, h, body.bytes, body.size, now_of(v), a, &notice, &chosen);
    bool payment = e->event_type && (strncmp(e->event_type, "TRANSACTION.", 12) == 0 ||
                                     strncmp(e->event_type, "REFUND.", 7) == 0);
    bool agrees = envelope_refusal != NOTIFY_ACCEPTED ? r == envelope_refusal
                  : payment                           ? r == NOTIFY_ACCEPTED && chosen == w &&
                                  plaintext_agrees(v, notice.plaintext, notice.plaintext_size)
                            : r == NOTIFY_UNKNOWN || r == NOTIFY_FORMAT;
    arena_free(a);
    return agrees;
}

static bool notice_opens(const struct vector *v)
{
    struct arena *a = arena_new();
    struct wechat *w = wechat_new();
    struct wechat_envelope e = {0};
    const struct wechat_headers h = headers_of(json_object_get(v->inputs, "headers"));
    const struct span body = member_span(v->inputs, "body");
    trust_all(w, json_object_get(v->inputs, "keys"));
    enum notify_refusal r = wechat_verify(w, &h, body.bytes, body.size, now_of(v));
    if (r == NOTIFY_ACCEPTED)
        r = wechat_open_envelope(member_span(v->inputs, "apiv3_key"), body.bytes, body.size, a, &e);
    bool agrees = refused_as_expected(v, r) && production_agrees(v, w, &h, r, &e);
    if (agrees && r == NOTIFY_ACCEPTED)
        agrees = plaintext_agrees(v, e.plaintext, e.plaintext_size) && text_agrees(v, "id", e.id) &&
                 text_agrees(v, "event_type", e.event_type) &&
                 text_agrees(v, "original_type", e.original_type);
    wechat_close(w);
    arena_free(a);
    return agrees;
}
VECTORS(a_callback_opens_or_is_refused, "wechat.notify", notice_opens)

static bool certificate_agrees(const json_t *want, const struct wechat_certificate *c)
{
    struct arena *a = arena_new();
    int64_t effective_us = 0, expire_us = 0;
    const char *same_as = vector_text(want, "same_public_key_as");
    struct rsa_key *got = NULL, *key = NULL;
    bool agrees = strcmp(c->serial, vector_text(want, "serial_no")) == 0 &&
                  time_parse(vector_text(want, "effective_time"), &effective_us) == OK &&
                  time_parse(vector_text(want, "expire_time"), &expire_us) == OK &&
                  c->effective_us == effective_us && c->expire_us == expire_us &&
                  rsa_load_public(c->pem, c->pem_size, RSA_PEM, &got) == OK;
    if (agrees && same_as)
        agrees = rsa_load_public(vector_key(same_as), strlen(vector_key(same_as)), RSA_PEM, &key) ==
                     OK &&
                 strcmp(rsa_public_text(got, a), rsa_public_text(key, a)) == 0;
    rsa_free(got);
    rsa_free(key);
    arena_free(a);
    return agrees;
}

static bool certificates_open(const struct vector *v)
{
    struct arena *a = arena_new();
    struct wechat_certificate *list = NULL;
    size_t n = 0;
    const json_t *want = json_object_get(v->expected, "certs");
    const struct span body = member_span(v->inputs, "body");
    bool mismatch = json_is_false(json_object_get(v->expected, "serial_matches_x509"));
    bool agrees = wechat_open_certificate_list(member_span(v->inputs, "apiv3_key"), body.bytes,
                                               body.size, a, &list, &n) == OK &&
                  n == json_array_size(want);
    for (size_t i = 0; agrees && i < n; i++)
        agrees = certificate_agrees(json_array_get(want, i), &list[i]) &&
                 list[i].serial_matches == !mismatch;
    arena_free(a);
    return agrees;
}
VECTORS(the_list_of_platform_certificates_opens, "wechat.certificates", certificates_open)

/* Against tables: tests/database. */
VECTORS_ELSEWHERE(tests_database_judges_transactions, "wechat.business")
