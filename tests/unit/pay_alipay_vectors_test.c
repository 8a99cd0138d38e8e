/* SPDX-License-Identifier: MIT */
/* Published and derived vectors of Alipay's RSA2 protocol. */
#include <string.h>

#include "pay/alipay_answer.h"
#include "pay/alipay_keys.h"
#include "vectors.h"

enum { LIST_MAX = 64 };

static bool same(const char *got, const char *expected)
{
    if (got && expected && strcmp(got, expected) == 0)
        return true;
    fprintf(stderr, "got      %s\nexpected %s\n", got ? got : "(null)",
            expected ? expected : "(null)");
    return false;
}

/* Alipay's side as the vector names it: a key, or a certificate; certificate mode where the vector
 * says which certificate is expected. */
static struct alipay verifier(const struct vector *v)
{
    struct alipay p = {.app_id = (char *)"", .seller_id = (char *)""};
    const char *pem = vector_key(vector_text(v->inputs, "public_key"));
    const char *cert_sn = vector_text(v->inputs, "expected_alipay_cert_sn");
    cr_assert_eq(rsa_load_public(pem, strlen(pem), RSA_PEM, &p.alipay_key), OK);
    if (cert_sn) {
        cr_assert_eq(alipay_cert_sn(pem, strlen(pem), p.alipay_cert_sn), OK);
        cr_assert_str_eq(p.alipay_cert_sn, cert_sn);
    }
    return p;
}

static struct alipay_params params_of(const json_t *object, struct arena *a)
{
    const char *name;
    json_t *value;
    struct alipay_params params = {arena_alloc(a, LIST_MAX * sizeof *params.at), 0};
    json_object_foreach((json_t *)object, name, value)
    {
        cr_assert(params.n < LIST_MAX && json_is_string(value));
        params.at[params.n++] = (struct alipay_param){name, json_string_value(value)};
    }
    return params;
}

static const char *signature_of(const struct vector *v, struct arena *a)
{
    struct alipay p = {0};
    const char *sign = NULL, *pem = vector_key(vector_text(v->inputs, "private_key"));
    struct alipay_params params = params_of(json_object_get(v->inputs, "params"), a);
    cr_assert_eq(rsa_load_private(pem, strlen(pem), RSA_PEM, &p.app_key), OK);
    cr_assert_eq(alipay_sign_params(&p, &params, a, &sign), OK);
    rsa_free(p.app_key);
    return sign;
}

static bool request_is_signed(const struct vector *v)
{
    struct arena *a = arena_new();
    bool ok = same(signature_of(v, a), vector_text(v->expected, "sign"));
    arena_free(a);
    return ok;
}
VECTORS(requests_are_signed_as_the_sdks_sign_them, "alipay.request.sign", request_is_signed)

static bool decodes_to(const char *text, const json_t *pairs, struct arena *a)
{
    struct alipay_params decoded;
    const char *name;
    json_t *value;
    bool ok = alipay_form_decode(text, strlen(text), a, &decoded) == OK &&
              decoded.n == json_object_size(pairs);
    json_object_foreach((json_t *)pairs, name, value)
    {
        ok = ok && same(alipay_param_get(&decoded, name), json_string_value(value));
    }
    return ok;
}

/* The SDK's text as we decode it, and ours: the same pairs, however the SDK orders them. */
static bool order_string_has_pairs(const struct vector *v)
{
    struct arena *a = arena_new();
    const json_t *pairs = json_object_get(v->expected, "pairs");
    struct alipay_params params = params_of(json_object_get(v->inputs, "params"), a);
    params.at[params.n++] = (struct alipay_param){"sign", signature_of(v, a)};
    const char *text = alipay_params_encode(&params, a);
    bool ok = decodes_to(vector_text(v->expected, "sample"), pairs, a) &&
              decodes_to(text, pairs, a) && !strchr(text, '+');
    arena_free(a);
    return ok;
}
VECTORS(an_order_string_holds_the_pairs_of_the_sdk, "alipay.order_string", order_string_has_pairs)

static bool sorted_string_matches(const struct vector *v)
{
    struct arena *a = arena_new();
    const char *except[LIST_MAX] = {0};
    const json_t *excluded = json_object_get(v->inputs, "exclude");
    struct alipay_params params = params_of(json_object_get(v->inputs, "params"), a);
    for (size_t i = 0; i < json_array_size(excluded) && i < LIST_MAX - 1; i++)
        except[i] = json_string_value(json_array_get(excluded, i));
    bool drop = json_is_true(json_object_get(v->inputs, "exclude_empty"));
    alipay_params_sort(&params);
    const char *text =
        alipay_params_join(&params, drop ? ALIPAY_EMPTY_DROPPED : ALIPAY_EMPTY_KEPT, except, a);
    bool ok = same(text, vector_text(v->expected, "string"));
    arena_free(a);
    return ok;
}
VECTORS(parameters_are_joined_in_byte_order, "param.sorted_string", sorted_string_matches)

/* Both ways in: the form alone, and as a notify to the application that it names. */
static enum notify_refusal open_form(const struct vector *v, const char *body, struct arena *a,
                                     struct trade *trade, struct alipay_params *form)
{
    struct alipay p = verifier(v), *apps[] = {&p};
    const struct alipay *chosen = NULL;
    enum notify_refusal plain = NOTIFY_FORMAT, opened;
    if (alipay_form_decode(body, strlen(body), a, form) == OK) {
        const char *app_id = alipay_param_get(form, "app_id");
        p.app_id = (char *)(app_id ? app_id : "");
        plain = alipay_verify_form(&p, form, a);
    }
    opened = alipay_open_notify(apps, 1, body, strlen(body), a, trade, &chosen);
    bool verified = opened == NOTIFY_ACCEPTED || opened == NOTIFY_UNKNOWN;
    cr_assert_eq(plain == NOTIFY_ACCEPTED, verified, "%s: %s", v->id, notify_refusal_name(opened));
    cr_assert_eq(opened == NOTIFY_ACCEPTED, chosen == &p, "%s", v->id);
    rsa_free(p.alipay_key);
    return opened;
}

static bool has_params(const struct alipay_params *form, const json_t *expected)
{
    const char *name;
    json_t *value;
    bool ok = true;
    json_object_foreach((json_t *)expected, name, value)
    {
        ok = same(alipay_param_get(form, name), json_string_value(value)) && ok;
    }
    return ok;
}

static bool trade_fits(const struct trade *t, const json_t *expected)
{
    int64_t fen;
    const char *amount = vector_text(expected, "total_amount");
    const char *buyer = vector_text(expected, "buyer_id");
    bool refunded = vector_text(expected, "refund_fee") != NULL;
    return t->channel == CHANNEL_ALIPAY && t->state == (refunded ? TRADE_REFUNDED : TRADE_PAID) &&
           (!amount || (yuan_parse(amount, &fen) == OK && fen == t->amount_fen)) &&
           (!buyer || same(t->buyer_id, buyer)) && t->success_us > 0;
}

static bool notify_is_judged(const struct vector *v)
{
    struct arena *a = arena_new();
    struct trade trade = {0};
    struct alipay_params form = {0};
    const json_t *params = json_object_get(v->expected, "params");
    enum notify_refusal r = open_form(v, vector_text(v->inputs, "body"), a, &trade, &form);
    bool ok = (r == NOTIFY_ACCEPTED) == vector_valid(v) && r != NOTIFY_UNKNOWN;
    if (ok && r == NOTIFY_ACCEPTED)
        ok = has_params(&form, params) && (!params || trade_fits(&trade, params));
    if (!ok)
        fprintf(stderr, "%s: %s\n", v->id, notify_refusal_name(r));
    arena_free(a);
    return ok;
}
VECTORS(a_notify_verifies_and_reads_or_is_refused, "alipay.notify", notify_is_judged)

/* A message that verifies is about no trade: UNKNOWN. */
static bool message_is_judged(const struct vector *v)
{
    struct arena *a = arena_new();
    struct trade trade;
    struct alipay_params form = {0};
    enum notify_refusal r = open_form(v, vector_text(v->inputs, "body"), a, &trade, &form);
    arena_free(a);
    return r == (vector_valid(v) ? NOTIFY_UNKNOWN : NOTIFY_SIGNATURE);
}
VECTORS(a_message_keeps_its_sign_type_in_the_signed_text, "alipay.message_notify",
        message_is_judged)

/* Without the parameters that the merchant's own address had. */
static const char *without_ignored(const struct vector *v, struct arena *a)
{
    const json_t *ignored = json_object_get(v->inputs, "ignore_params");
    char *query = arena_strdup(a, vector_text(v->inputs, "query")), *rest = NULL;
    size_t room = strlen(query) + 2;
    char *kept = arena_alloc(a, room);
    for (char *part = strtok_r(query, "&", &rest); part; part = strtok_r(NULL, "&", &rest)) {
        bool skip = false;
        for (size_t i = 0; i < json_array_size(ignored); i++) {
            const char *name = json_string_value(json_array_get(ignored, i));
            skip = skip || (strncmp(part, name, strlen(name)) == 0 && part[strlen(name)] == '=');
        }
        if (!skip)
            snprintf(kept + strlen(kept), room - strlen(kept), "%s%s", *kept ? "&" : "", part);
    }
    return kept;
}

static bool return_is_judged(const struct vector *v)
{
    struct arena *a = arena_new();
    struct alipay p = verifier(v);
    struct alipay_params form;
    const char *query = without_ignored(v, a);
    bool valid = alipay_form_decode(query, strlen(query), a, &form) == OK &&
                 alipay_verify_form(&p, &form, a) == NOTIFY_ACCEPTED;
    rsa_free(p.alipay_key);
    arena_free(a);
    return valid == vector_valid(v);
}
VECTORS(the_query_of_a_return_address_verifies_without_our_own_parameters, "alipay.return",
        return_is_judged)

static const char *node_name(const struct vector *v, struct arena *a)
{
    const char *node = vector_text(v->inputs, "node");
    if (node)
        return node;
    char *name = arena_printf(a, "%s_response", vector_text(v->inputs, "method"));
    for (char *dot = strchr(name, '.'); dot; dot = strchr(dot, '.'))
        *dot = '_';
    return name;
}

static bool substring_is_exact(const struct vector *v)
{
    struct arena *a = arena_new();
    struct alipay_answer answer = {0};
    const char *raw = vector_text(v->inputs, "raw");
    const char *source = vector_text(v->expected, "sign_source");
    const char *cert_sn = vector_text(v->expected, "alipay_cert_sn");
    enum status status = alipay_answer_split(raw, strlen(raw), node_name(v, a), &answer);
    bool ok = status == (source ? OK : INVALID);
    if (ok && source)
        ok = same(arena_copy(a, answer.node.bytes, answer.node.size), source);
    if (ok && cert_sn)
        ok = same(arena_copy(a, answer.cert_sn.bytes, answer.cert_sn.size), cert_sn);
    arena_free(a);
    return ok;
}
VECTORS(the_signed_substring_of_an_answer_is_cut_exactly, "alipay.response.extract",
        substring_is_exact)

static bool answer_is_judged(const struct vector *v)
{
    struct arena *a = arena_new();
    struct alipay p = verifier(v);
    const char *raw = vector_text(v->inputs, "raw"), *node = NULL;
    const char *source = vector_text(v->expected, "sign_source");
    const char *sub_code = vector_text(v->expected, "sub_code");
    size_t n = 0;
    enum status status =
        alipay_verify_answer(&p, vector_text(v->inputs, "method"), raw, strlen(raw), a, &node, &n);
    bool ok = (status == OK) == vector_valid(v);
    if (ok && status == OK && source)
        ok = same(arena_copy(a, node, n), source);
    if (ok && sub_code)
        ok = same(alipay_error_code(raw, strlen(raw), a), sub_code);
    if (ok && json_is_false(json_object_get(v->expected, "business_ok")))
        ok = alipay_parse_close(node, n) != OK;
    if (!ok)
        fprintf(stderr, "%s: %s\n", v->id, status_name(status));
    rsa_free(p.alipay_key);
    arena_free(a);
    return ok;
}
VECTORS(an_answer_verifies_over_its_own_bytes_or_is_refused, "alipay.response.verify",
        answer_is_judged)

static bool cert_sn_matches(const struct vector *v)
{
    char sn[ALIPAY_CERT_SN_BYTES];
    const char *pem = vector_key(vector_text(v->inputs, "cert"));
    return alipay_cert_sn(pem, strlen(pem), sn) == OK && same(sn, vector_text(v->expected, "sn"));
}
VECTORS(a_certificate_is_named_by_issuer_and_decimal_serial, "alipay.cert_sn", cert_sn_matches)

static bool root_sn_matches(const struct vector *v)
{
    char sn[ALIPAY_ROOT_SN_BYTES];
    const char *pem = vector_key(vector_text(v->inputs, "certs"));
    return alipay_root_cert_sn(pem, strlen(pem), sn) == OK &&
           same(sn, vector_text(v->expected, "sn"));
}
VECTORS(root_certificates_signed_with_rsa_are_named_in_order, "alipay.root_cert_sn",
        root_sn_matches)

/* Against tables: tests/database. */
VECTORS_ELSEWHERE(tests_database_judges_notifies, "alipay.business")
