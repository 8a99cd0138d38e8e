/* SPDX-License-Identifier: MIT */
/* WeChat Pay: signing, verifying, opening, prepay. Signatures of ours are checked with OpenSSL's
 * one-shot EVP interface, not with the code that made them. */
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "pay/aead.h"
#include "pay/wechat_parts.h"
#include "vectors.h"

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
    enum status status = wechat_open_resource(
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

/* ---- what vectors do not reach ---- */

static char folder[] = "/tmp/idphotod-wechat-XXXXXX";

static json_t *own_keys_file, *own_keys;

static const char *own_key(const char *id)
{
    if (!own_keys) {
        own_keys_file = json_load_file("tests/vectors/keys.json", 0, NULL);
        own_keys = json_object_get(own_keys_file, "keys");
    }
    const char *pem = vector_text(json_object_get(own_keys, id), "pem");
    cr_assert(pem, "%s", id);
    return pem;
}

static const char *write_file(struct arena *a, const char *name, const char *content, mode_t mode)
{
    char *path = arena_printf(a, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    cr_assert(f && fputs(content, f) >= 0 && fclose(f) == 0 && chmod(path, mode) == 0);
    return path;
}

static const char API_KEY[] = "test-only-api-v3-key-of-32-bytes";
static const char PUB_KEY_ID[] = "PUB_KEY_ID_0100000000002026010100000000000001";
static const int64_t NOW_US = 1767234899 * SECOND_US;

static struct wechat_options good_options(struct arena *a)
{
    if (strstr(folder, "XXXXXX"))
        cr_assert(mkdtemp(folder));
    return (struct wechat_options){
        .mchid = "1230000109",
        .appid_app = "wxapp0000000000001",
        .appid_jsapi = "wxjsapi00000000001",
        .appid_h5 = "wxh50000000000001",
        .appid_native = "wxnative0000000001",
        .api_v3_key_file = write_file(a, "api", "test-only-api-v3-key-of-32-bytes\n", 0600),
        .merchant_key_file = write_file(a, "merchant.pem", own_key("merchant_private"), 0600),
        .merchant_serial = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1",
        .public_key_id = PUB_KEY_ID,
        .public_key_file = write_file(a, "public.pem", own_key("wechatpay_public"), 0644),
    };
}

static struct wechat *opened(struct arena *a)
{
    char why[256] = "";
    struct wechat *w = NULL;
    struct wechat_options options = good_options(a);
    cr_assert_eq(wechat_open(&options, &w, why, sizeof why), OK, "%s", why);
    return w;
}

static void remove_folder(void)
{
    char command[64];
    json_decref(own_keys_file);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (!strstr(folder, "XXXXXX"))
        cr_assert_eq(system(command), 0);
}

TestSuite(wechat, .fini = remove_folder);

static void expect_refused(const struct wechat_options *options, const char *named)
{
    char why[256] = "";
    struct wechat *w = NULL;
    cr_assert_eq(wechat_open(options, &w, why, sizeof why), INVALID, "%s", named);
    cr_assert_null(w);
    cr_assert(strstr(why, named), "\"%s\" does not name %s", why, named);
    cr_assert(!strstr(why, "test-only-api"), "the reason shows a secret");
}

Test(wechat, a_merchant_opens_with_its_keys_and_names)
{
    struct arena *a = arena_new();
    struct wechat *w = opened(a);
    cr_assert_str_eq(wechat_mchid(w), "1230000109");
    cr_assert_str_eq(wechat_appid(w, WECHAT_H5), "wxh50000000000001");
    cr_assert(memcmp(w->api_v3_key, API_KEY, 32) == 0);
    wechat_close(w);
    struct wechat_options o = good_options(a);
    char why[256];
    o.public_key_id = o.public_key_file = NULL; /* platform certificates alone */
    cr_assert_eq(wechat_open(&o, &w, why, sizeof why), OK);
    wechat_close(w);
    wechat_close(NULL);
    arena_free(a);
}

Test(wechat, a_merchant_with_an_unfit_key_or_name_does_not_open)
{
    struct arena *a = arena_new();
    const struct wechat_options good = good_options(a);
    struct wechat_options o = good;
    o.api_v3_key_file = write_file(a, "api31", "test-only-api-v3-key-of-31-byte", 0600);
    expect_refused(&o, "api_v3_key_file");
    o.api_v3_key_file = write_file(a, "api33", "test-only-api-v3-key-of-32-bytes!", 0600);
    expect_refused(&o, "api_v3_key_file");
    o.api_v3_key_file = write_file(a, "open", "test-only-api-v3-key-of-32-bytes", 0644);
    expect_refused(&o, "api_v3_key_file");
    o = good, o.merchant_key_file = write_file(a, "small", own_key("small_private"), 0600);
    expect_refused(&o, "merchant_key_file");
    o.merchant_key_file = write_file(a, "pub", own_key("merchant_public"), 0600);
    expect_refused(&o, "merchant_key_file");
    o = good, o.public_key_file = write_file(a, "own", own_key("merchant_public"), 0644);
    expect_refused(&o, "public_key_file");
    o = good, o.public_key_file = NULL;
    expect_refused(&o, "public_key_file");
    o = good, o.public_key_id = "0100000000002026010100000000000001";
    expect_refused(&o, "public_key_id");
    o = good, o.mchid = "12300001\"9";
    expect_refused(&o, "mchid");
    o = good, o.merchant_serial = "5157f09efdc096de15ebe81a47057a7232f1b8e1";
    expect_refused(&o, "merchant_serial");
    o = good, o.appid_jsapi = "";
    expect_refused(&o, "appid_jsapi");
    arena_free(a);
}

Test(wechat, trusted_keys_add_up_and_the_newest_of_a_name_counts)
{
    struct arena *a = arena_new();
    struct wechat *w = opened(a);
    const char *platform = own_key("platform_certificate"), *pay = own_key("wechatpay_public");
    cr_assert_eq(wechat_trust_key(w, "0CA1", platform, strlen(platform)), OK);
    const struct rsa_key *first = wechat_find_key(w, "0CA1", 0);
    cr_assert(first && wechat_find_key(w, PUB_KEY_ID, 0));
    cr_assert_eq(wechat_trust_key(w, "0CA1", platform, strlen(platform)), OK);
    cr_assert_eq(wechat_find_key(w, "0CA1", 0), first, "the same key again changes nothing");
    cr_assert_eq(wechat_trust_key(w, "0CA1", pay, strlen(pay)), OK);
    cr_assert_neq(wechat_find_key(w, "0CA1", 0), first);
    cr_assert_null(wechat_find_key(w, "0ca1", 0));
    cr_assert_null(wechat_find_key(w, "0CA", 0));
    cr_assert_eq(wechat_trust_key(w, "", pay, strlen(pay)), INVALID);
    cr_assert_eq(
        wechat_trust_key(w, "0CA2", own_key("small_public"), strlen(own_key("small_public"))),
        INVALID);
    enum status status = OK;
    for (int i = 0; i < 100 && status == OK; i++)
        status = wechat_trust_key(w, arena_printf(a, "A%d", i), pay, strlen(pay));
    cr_assert_eq(status, TOO_LARGE, "a provider cannot fill our memory with keys");
    wechat_close(w);
    arena_free(a);
}

/* An independent signer: EVP's one-shot interface. */
static const char *sign_as(struct arena *a, const char *key_id, const char *message)
{
    unsigned char signature[512];
    size_t n = sizeof signature;
    BIO *bio = BIO_new_mem_buf(own_key(key_id), -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    cr_assert(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
              EVP_DigestSign(ctx, signature, &n, (const unsigned char *)message, strlen(message)) ==
                  1);
    char *text = arena_alloc(a, 4 * n);
    EVP_EncodeBlock((unsigned char *)text, signature, (int)n);
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    BIO_free(bio);
    return text;
}

static bool verifies_as(const char *key_id, const char *message, const char *base64)
{
    unsigned char signature[1024];
    int n = EVP_DecodeBlock(signature, (const unsigned char *)base64, (int)strlen(base64));
    BIO *bio = BIO_new_mem_buf(own_key(key_id), -1);
    EVP_PKEY *key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    n -= base64[strlen(base64) - 1] == '=' ? 1 + (base64[strlen(base64) - 2] == '=') : 0;
    bool valid = n > 0 && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
                 EVP_DigestVerify(ctx, signature, (size_t)n, (const unsigned char *)message,
                                  strlen(message)) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    BIO_free(bio);
    return valid;
}

/* A callback around a plaintext, sealed and signed here. */
struct callback {
    const char *body;
    struct wechat_headers headers;
};

static const char *sealed_text(struct arena *a, const char *plain, const char *aad)
{
    unsigned char *out = arena_alloc(a, strlen(plain) + 16), tag[16];
    int n = 0;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    cr_assert(EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, (const unsigned char *)API_KEY,
                                 (const unsigned char *)"abcdefghijkl") == 1);
    EVP_EncryptUpdate(ctx, NULL, &n, (const unsigned char *)aad, (int)strlen(aad));
    EVP_EncryptUpdate(ctx, out, &n, (const unsigned char *)plain, (int)strlen(plain));
    EVP_EncryptFinal_ex(ctx, tag, &n);
    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, out + strlen(plain));
    EVP_CIPHER_CTX_free(ctx);
    char *text = arena_alloc(a, 2 * strlen(plain) + 64);
    EVP_EncodeBlock((unsigned char *)text, out, (int)strlen(plain) + 16);
    return text;
}

static struct callback signed_body(struct arena *a, const char *body)
{
    const char *message = arena_printf(a, "1767234897\nnonce\n%s\n", body);
    return (struct callback){body,
                             {.timestamp = "1767234897",
                              .nonce = "nonce",
                              .serial = PUB_KEY_ID,
                              .signature = sign_as(a, "wechatpay_private", message)}};
}

static struct callback callback_of(struct arena *a, const char *event, const char *original,
                                   const char *plain)
{
    return signed_body(
        a, arena_printf(
               a,
               "{\"id\":\"EV-1\",\"event_type\":\"%s\",\"resource\":{\"original_type\":\"%s\","
               "\"algorithm\":\"AEAD_AES_256_GCM\",\"ciphertext\":\"%s\","
               "\"associated_data\":\"x\",\"nonce\":\"abcdefghijkl\"}}",
               event, original, sealed_text(a, plain, "x")));
}

static enum notify_refusal open_one(struct wechat *w, struct arena *a, const struct callback *c,
                                    struct wechat_notice *notice)
{
    const struct wechat *chosen = NULL;
    return wechat_open_notice(&w, 1, &c->headers, c->body, strlen(c->body), NOW_US, a, notice,
                              &chosen);
}

static const char TRANSACTION[] =
    "{\"mchid\":\"1230000109\",\"appid\":\"wx1\",\"out_trade_no\":\"aB3dE6gH9j\","
    "\"transaction_id\":\"4200002000202601010000000001\",\"trade_state\":\"SUCCESS\","
    "\"success_time\":\"2026-01-01T10:34:56+08:00\",\"payer\":{\"openid\":\"oUpF8\"},"
    "\"amount\":{\"total\":990,\"payer_total\":0,\"currency\":\"CNY\"}}";

Test(wechat, a_transaction_notice_tells_the_trade)
{
    struct arena *a = arena_new();
    struct wechat *w = opened(a);
    struct wechat_notice n = {0};
    struct callback c = callback_of(a, "TRANSACTION.SUCCESS", "transaction", TRANSACTION);
    cr_assert_eq(open_one(w, a, &c, &n), NOTIFY_ACCEPTED);
    cr_assert_eq(n.event, WECHAT_TRANSACTION);
    cr_assert_str_eq(n.id, "EV-1");
    cr_assert_str_eq(n.plaintext, TRANSACTION);
    cr_assert_eq(n.trade.channel, CHANNEL_WECHAT);
    cr_assert_eq(n.trade.state, TRADE_PAID);
    cr_assert_str_eq(n.trade.out_trade_no, "aB3dE6gH9j");
    cr_assert_str_eq(n.trade.transaction_id, "4200002000202601010000000001");
    cr_assert_str_eq(n.trade.merchant, "1230000109");
    cr_assert_str_eq(n.trade.appid, "wx1");
    cr_assert_str_eq(n.trade.openid, "oUpF8");
    cr_assert_eq(n.trade.amount_fen, 990);
    cr_assert_str_eq(n.trade.currency, "CNY");
    cr_assert_eq(n.trade.success_us,
                 1767234896 * SECOND_US); /* date -d 2026-01-01T10:34:56+08:00 +%s */
    wechat_close(w);
    arena_free(a);
}

Test(wechat, a_verified_notice_of_another_kind_is_told_apart_and_not_believed)
{
    static const struct {
        const char *event, *original, *plain;
        enum notify_refusal want;
    } cases[] = {
        {"REFUND.SUCCESS", "refund", "{}", NOTIFY_ACCEPTED},
        {"REFUND.ABNORMAL", "refund", "{}", NOTIFY_ACCEPTED},
        {"REFUND.CLOSED", "refund", "{}", NOTIFY_ACCEPTED},
        {"PAYSCORE.USER_PAID", "payscore", "{}", NOTIFY_UNKNOWN},
        {"transaction.success", "transaction", TRANSACTION, NOTIFY_UNKNOWN},
        {"", "transaction", TRANSACTION, NOTIFY_FORMAT},
        {"TRANSACTION.SUCCESS", "refund", TRANSACTION, NOTIFY_FORMAT},
        {"TRANSACTION.SUCCESS", "transaction", "{}", NOTIFY_FORMAT},
        {"TRANSACTION.SUCCESS", "transaction", "hello", NOTIFY_FORMAT},
        {"TRANSACTION.SUCCESS", "transaction", "", NOTIFY_FORMAT},
        {"REFUND.SUCCESS", "refund", "[]", NOTIFY_FORMAT},
        {"REFUND.SUCCESS", "refund", "{\"a\":1,\"a\":2}", NOTIFY_FORMAT},
    };
    struct arena *a = arena_new();
    struct wechat *w = opened(a);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct wechat_notice n = {.id = "untouched"};
        struct callback c = callback_of(a, cases[i].event, cases[i].original, cases[i].plain);
        cr_assert_eq(open_one(w, a, &c, &n), cases[i].want, "case %zu", i);
        cr_assert_str_eq(n.id, cases[i].want == NOTIFY_ACCEPTED ? "EV-1" : "untouched");
    }
    wechat_close(w);
    arena_free(a);
}

Test(wechat, members_given_twice_refuse_the_whole_document)
{
    struct arena *a = arena_new();
    struct wechat *w = opened(a);
    struct wechat_notice n;
    struct callback good = callback_of(a, "TRANSACTION.SUCCESS", "transaction", TRANSACTION);
    struct callback outer = signed_body(a, arena_printf(a, "{\"id\":\"EV-0\",%s", good.body + 1));
    cr_assert_eq(open_one(w, a, &outer, &n), NOTIFY_FORMAT);
    const char *twice = arena_printf(a, "{\"trade_state\":\"NOTPAY\",%s", TRANSACTION + 1);
    struct callback inner = callback_of(a, "TRANSACTION.SUCCESS", "transaction", twice);
    cr_assert_eq(open_one(w, a, &inner, &n), NOTIFY_FORMAT);
    const char *nested = "{\"data\":[{\"a\":{\"x\":1,\"x\":1}}]}";
    struct wechat_certificate *list;
    size_t count;
    cr_assert_eq(wechat_open_certificates(w, nested, strlen(nested), a, &list, &count), INVALID);
    wechat_close(w);
    arena_free(a);
}

Test(wechat, a_header_that_is_missing_doubled_or_malformed_refuses_the_callback)
{
    struct arena *a = arena_new();
    struct wechat *w = opened(a);
    struct wechat_notice n;
    const struct callback good = callback_of(a, "TRANSACTION.SUCCESS", "transaction", TRANSACTION);
    const struct {
        const char *timestamp, *nonce, *serial, *type;
        enum notify_refusal want;
    } cases[] = {
        {"1767234897", "nonce", PUB_KEY_ID, NULL, NOTIFY_ACCEPTED},
        {"1767234897", "nonce", PUB_KEY_ID, "WECHATPAY2-SHA256-RSA2048", NOTIFY_ACCEPTED},
        {NULL, "nonce", PUB_KEY_ID, NULL, NOTIFY_HEADERS},
        {"", "nonce", PUB_KEY_ID, NULL, NOTIFY_HEADERS},
        {"1767234897", NULL, PUB_KEY_ID, NULL, NOTIFY_HEADERS},
        {"1767234897", "", PUB_KEY_ID, NULL, NOTIFY_HEADERS},
        {"1767234897", "non\nce", PUB_KEY_ID, NULL, NOTIFY_HEADERS},
        {"1767234897", "nonce", NULL, NULL, NOTIFY_HEADERS},
        {"1767234897", "nonce", "", NULL, NOTIFY_HEADERS},
        {"1767234897", "nonce", PUB_KEY_ID, "", NOTIFY_HEADERS},
        {"+1767234897", "nonce", PUB_KEY_ID, NULL, NOTIFY_HEADERS},
        {" 1767234897", "nonce", PUB_KEY_ID, NULL, NOTIFY_HEADERS},
        {"1767234897.0", "nonce", PUB_KEY_ID, NULL, NOTIFY_HEADERS},
        {"0x69560311", "nonce", PUB_KEY_ID, NULL, NOTIFY_HEADERS},
        {"99999999999999999999", "nonce", PUB_KEY_ID, NULL, NOTIFY_HEADERS},
        {"1767234897", "nonce", PUB_KEY_ID, "WECHATPAY2-SM2-WITH-SM3", NOTIFY_TYPE},
        {"1767234897", "nonce", PUB_KEY_ID, "WECHATPAY-BRAND-SHA256-RSA2048", NOTIFY_TYPE},
        {"1767234897", "nonce", PUB_KEY_ID, "wechatpay2-sha256-rsa2048", NOTIFY_TYPE},
        {"1767234897", "other", PUB_KEY_ID, NULL, NOTIFY_SIGNATURE},
        {"1767234898", "nonce", PUB_KEY_ID, NULL, NOTIFY_SIGNATURE},
        {"01767234897", "nonce", PUB_KEY_ID, NULL, NOTIFY_SIGNATURE},
        {"1767234897", "nonce", "5157F09EFDC096DE15EBE81A47057A7232F1B8E1", NULL, NOTIFY_SERIAL},
        {"1767235200", "nonce", PUB_KEY_ID, NULL, NOTIFY_TIMESTAMP},
        {"1767234598", "nonce", PUB_KEY_ID, NULL, NOTIFY_TIMESTAMP},
        {"1767235199", "nonce", PUB_KEY_ID, NULL, NOTIFY_SIGNATURE}, /* 300 s: inside */
        {"1767234599", "nonce", PUB_KEY_ID, NULL, NOTIFY_SIGNATURE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct callback c = {good.body,
                             {cases[i].timestamp, cases[i].nonce, good.headers.signature,
                              cases[i].serial, cases[i].type}};
        cr_assert_eq(open_one(w, a, &c, &n), cases[i].want, "case %zu", i);
    }
    wechat_close(w);
    arena_free(a);
}

Test(wechat, signatures_are_strict_base64_and_probes_are_named)
{
    struct arena *a = arena_new();
    struct wechat *w = opened(a);
    struct wechat_notice n;
    struct callback c = callback_of(a, "TRANSACTION.SUCCESS", "transaction", TRANSACTION);
    const char *good = c.headers.signature;
    const struct {
        const char *signature;
        enum notify_refusal want;
    } cases[] = {
        {arena_printf(a, " %s", good), NOTIFY_SIGNATURE},
        {arena_printf(a, "%s\n", good), NOTIFY_SIGNATURE},
        {arena_printf(a, "%s%s", good, good), NOTIFY_SIGNATURE},
        {"AAAA", NOTIFY_SIGNATURE},
        {"%%%%", NOTIFY_SIGNATURE},
        {"", NOTIFY_HEADERS},
        {NULL, NOTIFY_HEADERS},
        {"WECHATPAY/SIGNTEST/", NOTIFY_PROBE},
        {arena_printf(a, "WECHATPAY/SIGNTEST/%s", good), NOTIFY_PROBE},
        {arena_printf(a, "wechatpay/signtest/%s", good), NOTIFY_SIGNATURE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        c.headers.signature = cases[i].signature;
        cr_assert_eq(open_one(w, a, &c, &n), cases[i].want, "case %zu", i);
    }
    wechat_close(w);
    arena_free(a);
}

Test(wechat, the_merchant_whose_keys_fit_is_chosen)
{
    struct arena *a = arena_new();
    struct wechat *stranger = opened(a), *sharing = opened(a), *right = opened(a);
    struct wechat *const all[] = {stranger, sharing, right};
    struct wechat_notice n;
    const struct wechat *chosen = NULL;
    /* stranger knows no such key; sharing knows it, but has another APIv3 key */
    free(stranger->trusted->serial);
    stranger->trusted->serial = strdup("PUB_KEY_ID_2");
    sodium_mprotect_readwrite(sharing->api_v3_key);
    sharing->api_v3_key[0] ^= 1;
    struct callback c = callback_of(a, "TRANSACTION.SUCCESS", "transaction", TRANSACTION);
    const size_t size = strlen(c.body);
    cr_assert_eq(wechat_open_notice(all, 3, &c.headers, c.body, size, NOW_US, a, &n, &chosen),
                 NOTIFY_ACCEPTED);
    cr_assert_eq(chosen, right);
    chosen = NULL;
    cr_assert_eq(wechat_open_notice(all, 2, &c.headers, c.body, size, NOW_US, a, &n, &chosen),
                 NOTIFY_DECRYPT);
    cr_assert_eq(wechat_open_notice(all, 1, &c.headers, c.body, size, NOW_US, a, &n, &chosen),
                 NOTIFY_SERIAL);
    cr_assert_eq(wechat_open_notice(all, 0, &c.headers, c.body, size, NOW_US, a, &n, &chosen),
                 NOTIFY_SERIAL);
    cr_assert_null(chosen);
    struct wechat *const reversed[] = {sharing, stranger};
    cr_assert_eq(wechat_open_notice(reversed, 2, &c.headers, c.body, size, NOW_US, a, &n, &chosen),
                 NOTIFY_DECRYPT, "the refusal that came furthest is told");
    wechat_close(stranger);
    wechat_close(sharing);
    wechat_close(right);
    arena_free(a);
}

Test(wechat, a_resource_sealed_with_another_length_of_nonce_is_refused)
{
    static const struct {
        const char *nonce;
        enum status want;
    } cases[] = {{"abcdefghijkl", OK}, {"abcdefghijklmnop", DENIED}, {"abcdefghijk", DENIED}};
    struct arena *a = arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned char sealed[1 + AEAD_TAG_BYTES];
        const struct span key = {API_KEY, WECHAT_API_KEY_BYTES}, plain = {"x", 1}, none = {"", 0};
        const struct span nonce = {cases[i].nonce, strlen(cases[i].nonce)};
        const char *text = NULL;
        size_t n = 0;
        cr_assert_eq(aead_seal(key, nonce, none, plain, sealed), OK);
        json_t *resource =
            json_pack("{s:s,s:s,s:s}", "algorithm", "AEAD_AES_256_GCM", "nonce", cases[i].nonce,
                      "ciphertext", base64_encode(a, sealed, sizeof sealed));
        cr_assert_eq(wechat_open_resource(key, resource, a, &text, &n), cases[i].want, "%zu", i);
        json_object_set_new(resource, "associated_data", json_null());
        cr_assert_eq(wechat_open_resource(key, resource, a, &text, &n), DENIED, "null is no text");
        json_object_set_new(resource, "associated_data", json_string(""));
        json_object_set_new(resource, "algorithm", json_string("AEAD_SM4_GCM"));
        cr_assert_eq(wechat_open_resource(key, resource, a, &text, &n), DENIED);
        json_decref(resource);
    }
    arena_free(a);
}

/* TRANSACTION with one piece of text put in place of another. */
static enum status parse_with(struct arena *a, const char *from, const char *to, struct trade *t)
{
    const char *at = strstr(TRANSACTION, from);
    cr_assert(at, "%s", from);
    const char *json =
        arena_printf(a, "%.*s%s%s", (int)(at - TRANSACTION), TRANSACTION, to, at + strlen(from));
    return wechat_parse_transaction(json, strlen(json), a, t);
}

Test(wechat, a_transaction_lacking_what_a_success_needs_is_not_one)
{
    static const struct {
        const char *from, *to;
    } bad[] = {
        {"\"total\":990", "\"total\":\"990\""},
        {"\"total\":990", "\"total\":990.0"},
        {"\"total\":990", "\"total\":9.9e2"},
        {"\"total\":990", "\"total\":-990"},
        {"\"total\":990", "\"total\":null"},
        {"\"total\":990", "\"total\":99999999999999999999"},
        {"\"total\":990,", ""},
        {"\"amount\":{", "\"other\":{"},
        {"\"mchid\":\"1230000109\"", "\"mchid\":1230000109"},
        {"\"mchid\":\"1230000109\",", ""},
        {"\"appid\":\"wx1\",", ""},
        {"\"out_trade_no\":\"aB3dE6gH9j\",", ""},
        {"aB3dE6gH9j", "aB3dE"},
        {"aB3dE6gH9j", "aB3dE6gH9jaB3dE6gH9jaB3dE6gH9jaB3"},
        {"\"transaction_id\":\"4200002000202601010000000001\",", ""},
        {"\"trade_state\":\"SUCCESS\",", ""},
        {"\"SUCCESS\"", "\"success\""},
        {"\"SUCCESS\"", "\"PAID\""},
        {"\"success_time\":\"2026-01-01T10:34:56+08:00\",", ""},
        {"2026-01-01T10:34:56+08:00", "2026-01-01 10:34:56"},
        {"2026-01-01T10:34:56+08:00", "2026-02-30T10:34:56+08:00"},
    };
    struct arena *a = arena_new();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct trade t = {.amount_fen = 42};
        cr_assert_eq(parse_with(a, bad[i].from, bad[i].to, &t), INVALID, "case %zu", i);
        cr_assert_eq(t.amount_fen, 42);
    }
    arena_free(a);
}

Test(wechat, every_trade_state_has_one_meaning)
{
    static const struct {
        const char *word;
        enum trade_state state;
    } cases[] = {{"SUCCESS", TRADE_PAID},   {"REFUND", TRADE_REFUNDED},
                 {"NOTPAY", TRADE_PENDING}, {"USERPAYING", TRADE_PENDING},
                 {"ACCEPT", TRADE_PENDING}, {"PAYERROR", TRADE_PENDING},
                 {"CLOSED", TRADE_CLOSED},  {"REVOKED", TRADE_CLOSED}};
    struct arena *a = arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct trade t;
        cr_assert_eq(parse_with(a, "SUCCESS", cases[i].word, &t), OK);
        cr_assert_eq(t.state, cases[i].state, "%s", cases[i].word);
    }
    const char *unpaid = "{\"mchid\":\"1\",\"appid\":\"wx1\",\"out_trade_no\":\"aB3dE6\",\"trade_"
                         "state\":\"NOTPAY\"}";
    struct trade t;
    cr_assert_eq(wechat_parse_transaction(unpaid, strlen(unpaid), a, &t), OK);
    cr_assert(t.amount_fen == -1 && !t.transaction_id && !t.openid && !t.currency &&
              t.success_us == 0);
    arena_free(a);
}

/* ---- prepay ---- */

static struct wechat_prepay good_prepay(enum wechat_method method)
{
    return (struct wechat_prepay){
        .method = method,
        .description = "一寸证件照",
        .out_trade_no = "aB3dE6gH9jK2mN5pQ8sT1v",
        .notify_url = "https://id.example.cn/v1/notify/wechat",
        .amount_fen = 990,
        .expires_us = NOW_US + 30 * MINUTE_US,
        .openid = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
        .client_ip = "203.0.113.7",
    };
}

/* Value of a field of an Authorization header. */
static const char *field(struct arena *a, const char *authorization, const char *name)
{
    const char *at = strstr(authorization, arena_printf(a, "%s=\"", name));
    cr_assert(at, "%s", name);
    at += strlen(name) + 2;
    return arena_copy(a, at, strcspn(at, "\""));
}

static void expect_signed(struct arena *a, const struct wechat_request *r)
{
    const char *auth = r->authorization;
    cr_assert(strncmp(auth, "WECHATPAY2-SHA256-RSA2048 ", 26) == 0);
    cr_assert_str_eq(field(a, auth, "mchid"), "1230000109");
    cr_assert_str_eq(field(a, auth, "serial_no"), "5157F09EFDC096DE15EBE81A47057A7232F1B8E1");
    cr_assert_str_eq(field(a, auth, "timestamp"), "1767234899");
    const char *nonce = field(a, auth, "nonce_str");
    cr_assert(strlen(nonce) == 32 &&
              strspn(nonce, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") ==
                  32);
    cr_assert_eq(strlen(r->body), r->body_size);
    const char *message =
        arena_printf(a, "%s\n%s\n1767234899\n%s\n%s\n", r->method, r->url, nonce, r->body);
    cr_assert(verifies_as("merchant_public", message, field(a, auth, "signature")));
    cr_assert_str_eq(r->wechatpay_serial, PUB_KEY_ID);
}

Test(wechat, each_method_sends_the_body_its_document_asks_for)
{
    static const struct {
        enum wechat_method method;
        const char *url, *body;
    } cases[] = {
        {WECHAT_APP, "/v3/pay/transactions/app",
         "{'appid':'wxapp0000000000001','scene_info':{'payer_client_ip':'203.0.113.7'}}"},
        {WECHAT_JSAPI, "/v3/pay/transactions/jsapi",
         "{'appid':'wxjsapi00000000001','payer':{'openid':'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o'},"
         "'scene_info':{'payer_client_ip':'203.0.113.7'}}"},
        {WECHAT_H5, "/v3/pay/transactions/h5",
         "{'appid':'wxh50000000000001','scene_info':{'payer_client_ip':'203.0.113.7','h5_info':{'"
         "type':'Wap'}}}"},
        {WECHAT_NATIVE, "/v3/pay/transactions/native",
         "{'appid':'wxnative0000000001','scene_info':{'payer_client_ip':'203.0.113.7'}}"},
    };
    struct arena *a = arena_new();
    struct wechat *w = opened(a);
    for (size_t i = 0; i < 4; i++) {
        struct wechat_request r;
        struct wechat_prepay p = good_prepay(cases[i].method);
        cr_assert_eq(wechat_prepay_request(w, &p, NOW_US, a, &r), OK);
        cr_assert_str_eq(r.method, "POST");
        cr_assert_str_eq(r.url, cases[i].url);
        expect_signed(a, &r);
        char *own = arena_strdup(a, cases[i].body);
        for (char *q = own; *q; q++)
            *q = *q == '\'' ? '"' : *q;
        json_t *want = json_loads(own, 0, NULL);
        json_object_update_new(
            want,
            json_pack("{s:s,s:s,s:s,s:s,s:s,s:{s:i,s:s}}", "mchid", "1230000109", "description",
                      "一寸证件照", "out_trade_no", "aB3dE6gH9jK2mN5pQ8sT1v", "notify_url",
                      "https://id.example.cn/v1/notify/wechat", "time_expire",
                      "2026-01-01T11:04:59+08:00", "amount", "total", 990, "currency", "CNY"));
        json_t *got = json_loads(r.body, JSON_REJECT_DUPLICATES, NULL);
        cr_assert(json_equal(got, want), "%s", r.body);
        json_decref(got);
        json_decref(want);
    }
    wechat_close(w);
    arena_free(a);
}

static const char *description_of(struct wechat *w, struct arena *a, const char *description)
{
    struct wechat_request r;
    struct wechat_prepay p = good_prepay(WECHAT_NATIVE);
    p.description = description;
    if (wechat_prepay_request(w, &p, NOW_US, a, &r) != OK)
        return NULL;
    json_t *body = json_loads(r.body, 0, NULL);
    const char *copy = arena_strdup(a, vector_text(body, "description"));
    json_decref(body);
    return copy;
}

Test(wechat, emoji_and_control_characters_leave_the_description_and_127_characters_stay)
{
    struct arena *a = arena_new();
    struct wechat *w = opened(a);
    struct buf many = {0}, want = {0};
    cr_assert_str_eq(description_of(w, a, "证件照 \xF0\x9F\x93\xB7 一寸"), "证件照  一寸");
    cr_assert_str_eq(description_of(w, a, "\xF0\xA0\x80\x80x"), "x");         /* U+20000 */
    cr_assert_str_eq(description_of(w, a, "\xEF\xBF\xBDy"), "\xEF\xBF\xBDy"); /* U+FFFD stays */
    cr_assert_str_eq(description_of(w, a,
                                    "a\tb\r\nc\x7f"
                                    "d\xC2\x85"
                                    "e\xC2\xA0"
                                    "f"),
                     "abcde\xC2\xA0"
                     "f");
    for (int i = 0; i < 200; i++)
        buf_add_str(&many, i % 2 ? "照" : "\xF0\x9F\x93\xB7");
    for (int i = 0; i < 100; i++)
        buf_add_str(&want, "照");
    cr_assert_str_eq(description_of(w, a, (char *)many.bytes), (char *)want.bytes,
                     "what is dropped does not count");
    for (int i = 0; i < 100; i++)
        buf_add_str(&many, "件");
    for (int i = 0; i < 27; i++)
        buf_add_str(&want, "件");
    cr_assert_str_eq(description_of(w, a, (char *)many.bytes), (char *)want.bytes);
    cr_assert_null(description_of(w, a, "\xF0\x9F\x93\xB7"), "nothing is left");
    cr_assert_null(description_of(w, a, ""));
    cr_assert_null(description_of(w, a, "\xC3"), "not UTF-8");
    buf_free(&many);
    buf_free(&want);
    wechat_close(w);
    arena_free(a);
}

static void expect_prepay_refused(struct wechat *w, const struct wechat_prepay *p, const char *what)
{
    struct arena *a = arena_new();
    struct wechat_request r = {.url = "untouched"};
    cr_assert_eq(wechat_prepay_request(w, p, NOW_US, a, &r), INVALID, "%s", what);
    cr_assert_str_eq(r.url, "untouched");
    arena_free(a);
}

Test(wechat, a_prepay_outside_the_limits_is_not_sent)
{
    static const char *const numbers[] = {"",        "aB3dE",   "aB3dE6gH9jK2mN5pQ8sT1vaB3dE6gH9jK",
                                          "aB3dE6/", "aB3dE6 ", "照照照照照照"};
    static const char *const urls[] = {"http://id.example.cn/x",
                                       "https://id.example.cn/x?a=1",
                                       "https://id.example.cn/x#a",
                                       "ftp://id.example.cn",
                                       "http://127.0.0.1.evil.cn/",
                                       "http://localhost.evil.cn/",
                                       "",
                                       "https://id.example.cn/a b"};
    static const char *const addresses[] = {"", "203.0.113", "203.0.113.7:80", "fe80::1%eth0",
                                            "unknown"};
    struct arena *a = arena_new();
    struct wechat *w = opened(a);
    struct wechat_prepay p = good_prepay(WECHAT_JSAPI);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        p.out_trade_no = numbers[i], expect_prepay_refused(w, &p, numbers[i]);
    p = good_prepay(WECHAT_JSAPI);
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++)
        p.notify_url = urls[i], expect_prepay_refused(w, &p, urls[i]);
    p.notify_url = arena_printf(a, "https://id.example.cn/%0234d", 1); /* 256 */
    expect_prepay_refused(w, &p, "a long notify_url");
    p = good_prepay(WECHAT_H5);
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++)
        p.client_ip = addresses[i], expect_prepay_refused(w, &p, addresses[i]);
    p.client_ip = NULL, expect_prepay_refused(w, &p, "h5 without an address");
    p = good_prepay(WECHAT_APP), p.amount_fen = 0, expect_prepay_refused(w, &p, "nothing to pay");
    p.amount_fen = -1, expect_prepay_refused(w, &p, "less than nothing");
    p.amount_fen = INT64_C(1) << 31, expect_prepay_refused(w, &p, "too much");
    p = good_prepay(WECHAT_APP), p.expires_us = NOW_US, expect_prepay_refused(w, &p, "expired");
    p = good_prepay(WECHAT_JSAPI), p.openid = NULL,
    expect_prepay_refused(w, &p, "jsapi without openid");
    p.openid = "", expect_prepay_refused(w, &p, "an empty openid");
    p = good_prepay(WECHAT_H5);
    free(w->appids[WECHAT_H5]), w->appids[WECHAT_H5] = NULL;
    expect_prepay_refused(w, &p, "a method that is not offered");
    wechat_close(w);
    arena_free(a);
}

Test(wechat, what_lies_just_inside_the_limits_is_sent)
{
    struct arena *a = arena_new();
    struct wechat *w = opened(a);
    struct wechat_request r;
    struct wechat_prepay p = good_prepay(WECHAT_NATIVE);
    p.client_ip = NULL, p.openid = NULL, p.amount_fen = 1, p.out_trade_no = "_-|*aZ";
    p.notify_url = arena_printf(a, "https://id.example.cn/%0233d", 1); /* 255 */
    cr_assert_eq(strlen(p.notify_url), 255);
    cr_assert_eq(wechat_prepay_request(w, &p, NOW_US, a, &r), OK);
    cr_assert(!strstr(r.body, "scene_info") && !strstr(r.body, "payer"));
    p = good_prepay(WECHAT_H5), p.client_ip = "2001:db8::7",
    p.notify_url = "http://127.0.0.1:8080/v1/notify/wechat";
    cr_assert_eq(wechat_prepay_request(w, &p, NOW_US, a, &r), OK);
    cr_assert(strstr(r.body, "2001:db8::7"));
    wechat_close(w);
    arena_free(a);
}

Test(wechat, the_prepay_answer_gives_the_one_value_of_its_method)
{
    struct arena *a = arena_new();
    const char *value = NULL, *untouched = "x";
    const char *id = "{\"prepay_id\":\"wx26112221580621e9b071c00d9e093b0000\"}";
    const char *h5 = "{\"h5_url\":\"https:\\/\\/wx.tenpay.com\\/x?prepay_id=1\"}";
    const char *qr = "{\"code_url\":\"weixin://wxpay/bizpayurl?pr=p4lpSuKzz\"}";
    cr_assert_eq(wechat_prepay_answer(WECHAT_APP, id, strlen(id), a, &value), OK);
    cr_assert_str_eq(value, "wx26112221580621e9b071c00d9e093b0000");
    cr_assert_eq(wechat_prepay_answer(WECHAT_H5, h5, strlen(h5), a, &value), OK);
    cr_assert_str_eq(value, "https://wx.tenpay.com/x?prepay_id=1");
    cr_assert_eq(wechat_prepay_answer(WECHAT_NATIVE, qr, strlen(qr), a, &value), OK);
    cr_assert_str_eq(value, "weixin://wxpay/bizpayurl?pr=p4lpSuKzz");
    static const char *const bad[] = {"",
                                      "[]",
                                      "{}",
                                      "{\"prepay_id\":1}",
                                      "{\"prepay_id\":\"\"}",
                                      "{\"prepay_id\":\"a\\nb\"}",
                                      "{\"prepay_id\":\"a\",\"prepay_id\":\"b\"}",
                                      "{\"code_url\":\"x\"}",
                                      "{\"prepay_id\":null}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_eq(wechat_prepay_answer(WECHAT_JSAPI, bad[i], strlen(bad[i]), a, &untouched),
                     INVALID, "%s", bad[i]);
    cr_assert_str_eq(untouched, "x");
    arena_free(a);
}

static json_t *client_object(struct wechat *w, struct arena *a, enum wechat_method method,
                             const char *value, size_t members)
{
    const char *text = NULL;
    cr_assert_eq(wechat_client_text(w, method, value, NOW_US, a, &text), OK);
    cr_assert(!strpbrk(text, " \n"), "compact");
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_eq(json_object_size(object), members);
    return object;
}

Test(wechat, the_app_gets_its_seven_fields_and_a_signature_over_four_lines)
{
    struct arena *a = arena_new();
    struct wechat *w = opened(a);
    json_t *o = client_object(w, a, WECHAT_APP, "wx26prepay", 7);
    cr_assert_str_eq(vector_text(o, "appid"), "wxapp0000000000001");
    cr_assert_str_eq(vector_text(o, "partnerid"), "1230000109");
    cr_assert_str_eq(vector_text(o, "prepayid"), "wx26prepay");
    cr_assert_str_eq(vector_text(o, "package"), "Sign=WXPay");
    cr_assert_str_eq(vector_text(o, "timestamp"), "1767234899");
    cr_assert_eq(strlen(vector_text(o, "noncestr")), 32);
    const char *message = arena_printf(a, "wxapp0000000000001\n1767234899\n%s\nwx26prepay\n",
                                       vector_text(o, "noncestr"));
    cr_assert(verifies_as("merchant_public", message, vector_text(o, "sign")));
    json_decref(o);
    wechat_close(w);
    arena_free(a);
}

Test(wechat, the_mini_program_gets_its_six_fields_with_sign_type_rsa)
{
    struct arena *a = arena_new();
    struct wechat *w = opened(a);
    json_t *o = client_object(w, a, WECHAT_JSAPI, "wx26prepay", 6);
    cr_assert_str_eq(vector_text(o, "appId"), "wxjsapi00000000001");
    cr_assert_str_eq(vector_text(o, "timeStamp"), "1767234899");
    cr_assert_str_eq(vector_text(o, "package"), "prepay_id=wx26prepay");
    cr_assert_str_eq(vector_text(o, "signType"), "RSA");
    const char *message =
        arena_printf(a, "wxjsapi00000000001\n1767234899\n%s\nprepay_id=wx26prepay\n",
                     vector_text(o, "nonceStr"));
    cr_assert(verifies_as("merchant_public", message, vector_text(o, "paySign")));
    json_decref(o);
    wechat_close(w);
    arena_free(a);
}

Test(wechat, h5_and_native_hand_their_url_on)
{
    struct arena *a = arena_new();
    struct wechat *w = opened(a);
    const char *untouched = "x";
    json_t *h5 = client_object(w, a, WECHAT_H5, "https://wx.tenpay.com/x", 1);
    json_t *qr = client_object(w, a, WECHAT_NATIVE, "weixin://wxpay/bizpayurl?pr=1", 1);
    cr_assert_str_eq(vector_text(h5, "h5_url"), "https://wx.tenpay.com/x");
    cr_assert_str_eq(vector_text(qr, "code_url"), "weixin://wxpay/bizpayurl?pr=1");
    cr_assert_eq(wechat_client_text(w, WECHAT_APP, "wx\n1", NOW_US, a, &untouched), INVALID);
    cr_assert_str_eq(untouched, "x");
    json_decref(h5);
    json_decref(qr);
    wechat_close(w);
    arena_free(a);
}

Test(wechat, queries_and_closings_sign_the_path_as_it_travels)
{
    struct arena *a = arena_new();
    struct wechat *w = opened(a);
    struct wechat_request r;
    cr_assert_eq(wechat_query_request(w, "a|b*c_-9", NOW_US, a, &r), OK);
    cr_assert_str_eq(r.method, "GET");
    cr_assert_str_eq(r.url, "/v3/pay/transactions/out-trade-no/a%7Cb%2Ac_-9?mchid=1230000109");
    cr_assert_eq(r.body_size, 0);
    expect_signed(a, &r);
    cr_assert_eq(wechat_close_request(w, "aB3dE6", NOW_US, a, &r), OK);
    cr_assert_str_eq(r.method, "POST");
    cr_assert_str_eq(r.url, "/v3/pay/transactions/out-trade-no/aB3dE6/close");
    cr_assert_str_eq(r.body, "{\"mchid\":\"1230000109\"}");
    expect_signed(a, &r);
    cr_assert_eq(wechat_certificates_request(w, NOW_US, a, &r), OK);
    cr_assert_str_eq(r.url, "/v3/certificates?algorithm_type=RSA");
    expect_signed(a, &r);
    wechat_close(w);
    arena_free(a);
}

Test(wechat, error_codes_compare_without_underscores)
{
    struct arena *a = arena_new();
    static const struct {
        const char *body, *code;
    } cases[] = {{"{\"code\":\"ORDER_NOT_EXIST\",\"message\":\"x\"}", "ORDERNOTEXIST"},
                 {"{\"code\":\"ORDERPAID\"}", "ORDERPAID"},
                 {"{\"code\":7}", ""},
                 {"{}", ""},
                 {"<html>", ""},
                 {"", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_assert_str_eq(wechat_error_code(cases[i].body, strlen(cases[i].body), a), cases[i].code);
    arena_free(a);
}

/* ---- refunds ---- */

static struct wechat_refund_order good_refund(void)
{
    return (struct wechat_refund_order){.out_trade_no = "aB3dE6gH9jK2mN5pQ8sT1v",
                                        .out_refund_no = "Rx1|*@-_",
                                        .reason = "未打印\xF0\x9F\x93\xB7",
                                        .notify_url =
                                            "https://id.example.cn/v1/notify/wechat/refund",
                                        .refund_fen = 500,
                                        .total_fen = 990};
}

Test(wechat, a_refund_names_payment_number_amounts_and_reason)
{
    struct arena *a = arena_new();
    struct wechat *w = opened(a);
    struct wechat_request r;
    struct wechat_refund_order o = good_refund();
    cr_assert_eq(wechat_refund_request(w, &o, NOW_US, a, &r), OK);
    cr_assert_str_eq(r.method, "POST");
    cr_assert_str_eq(r.url, "/v3/refund/domestic/refunds");
    expect_signed(a, &r);
    json_t *got = json_loads(r.body, JSON_REJECT_DUPLICATES, NULL);
    json_t *want =
        json_pack("{s:s,s:s,s:s,s:s,s:{s:i,s:i,s:s}}", "out_trade_no", "aB3dE6gH9jK2mN5pQ8sT1v",
                  "out_refund_no", "Rx1|*@-_", "reason", "未打印", "notify_url",
                  "https://id.example.cn/v1/notify/wechat/refund", "amount", "refund", 500, "total",
                  990, "currency", "CNY");
    cr_assert(json_equal(got, want), "%s", r.body);
    json_decref(got);
    json_decref(want);
    o.reason = o.notify_url = NULL;
    o.transaction_id = "4200000001";
    cr_assert_eq(wechat_refund_request(w, &o, NOW_US, a, &r), OK);
    cr_assert(strstr(r.body, "\"transaction_id\":\"4200000001\"") &&
              !strstr(r.body, "out_trade_no"));
    cr_assert(!strstr(r.body, "reason") && !strstr(r.body, "notify_url"));
    cr_assert_eq(wechat_refund_query_request(w, "Rx1|*@-_", NOW_US, a, &r), OK);
    cr_assert_str_eq(r.url, "/v3/refund/domestic/refunds/Rx1%7C%2A%40-_");
    expect_signed(a, &r);
    wechat_close(w);
    arena_free(a);
}

Test(wechat, a_refund_of_nothing_or_of_more_than_was_paid_is_not_sent)
{
    struct arena *a = arena_new();
    struct wechat *w = opened(a);
    struct wechat_refund_order bad[7];
    struct wechat_request r = {.url = "untouched"};
    for (size_t i = 0; i < 7; i++)
        bad[i] = good_refund();
    bad[0].refund_fen = 0;
    bad[1].refund_fen = 991;
    bad[2].out_refund_no = "";
    bad[3].out_refund_no = "a b";
    bad[4].out_refund_no = arena_printf(a, "%065d", 1);
    bad[5].notify_url = "https://id.example.cn/?x";
    bad[6].out_trade_no = "";
    for (size_t i = 0; i < 7; i++)
        cr_assert_eq(wechat_refund_request(w, &bad[i], NOW_US, a, &r), INVALID, "%zu", i);
    cr_assert_str_eq(r.url, "untouched");
    wechat_close(w);
    arena_free(a);
}

static enum status parse_refund_of(struct arena *a, const char *members,
                                   struct wechat_refund_result *r)
{
    const char *json =
        arena_printf(a, "{\"out_trade_no\":\"aB3dE6\",\"refund_id\":\"5\",%s}", members);
    return wechat_parse_refund(json, strlen(json), a, r);
}

#define REFUND_AMOUNT "\"out_refund_no\":\"R1\",\"amount\":{\"total\":990,\"refund\":500}"

Test(wechat, refund_answers_and_refund_callbacks_tell_the_same_result)
{
    struct arena *a = arena_new();
    struct wechat_refund_result r;
    cr_assert_eq(parse_refund_of(a, REFUND_AMOUNT ",\"status\":\"PROCESSING\"", &r), OK);
    cr_assert(r.state == WECHAT_REFUND_PROCESSING && r.refund_fen == 500 && r.total_fen == 990);
    cr_assert(!r.merchant && r.success_us == 0);
    cr_assert_eq(parse_refund_of(a,
                                 REFUND_AMOUNT ",\"mchid\":\"12\",\"refund_status\":\"SUCCESS\","
                                               "\"success_time\":\"2026-01-01T10:34:56+08:00\"",
                                 &r),
                 OK);
    cr_assert(r.state == WECHAT_REFUND_SUCCESS && r.success_us == 1767234896 * SECOND_US);
    cr_assert_str_eq(r.merchant, "12");
    cr_assert_str_eq(r.out_refund_no, "R1");
    cr_assert_eq(parse_refund_of(a, REFUND_AMOUNT ",\"refund_status\":\"ABNORMAL\"", &r), OK);
    cr_assert_eq(r.state, WECHAT_REFUND_ABNORMAL);
    cr_assert_eq(parse_refund_of(a, REFUND_AMOUNT ",\"status\":\"CLOSED\"", &r), OK);
    cr_assert_eq(r.state, WECHAT_REFUND_CLOSED);
    arena_free(a);
}

Test(wechat, a_refund_result_that_leaves_something_open_is_refused)
{
    static const char *const bad[] = {
        REFUND_AMOUNT,
        REFUND_AMOUNT ",\"status\":\"success\"",
        REFUND_AMOUNT ",\"status\":\"SUCCESS\"",
        REFUND_AMOUNT ",\"status\":\"CLOSED\",\"refund_status\":\"SUCCESS\"",
        REFUND_AMOUNT ",\"status\":\"CLOSED\",\"status\":\"CLOSED\"",
        "\"status\":\"CLOSED\",\"amount\":{\"total\":990,\"refund\":500}",
        "\"status\":\"CLOSED\",\"out_refund_no\":\"R1\",\"amount\":{\"total\":990}",
        "\"status\":\"CLOSED\",\"out_refund_no\":\"R1\",\"amount\":{\"total\":990,\"refund\":"
        "\"500\"}",
        "\"status\":\"CLOSED\",\"out_refund_no\":\"R1\",\"amount\":{\"total\":990,\"refund\":-1}",
    };
    struct arena *a = arena_new();
    struct wechat_refund_result r = {.refund_fen = 42};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_eq(parse_refund_of(a, bad[i], &r), INVALID, "%s", bad[i]);
    cr_assert_eq(r.refund_fen, 42);
    arena_free(a);
}
