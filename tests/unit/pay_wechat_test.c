/* SPDX-License-Identifier: MIT */
/* WeChat Pay: merchants, the keys that they trust, and callbacks. */
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "pay/aead.h"
#include "vectors.h"
#include "wechat_fixture.h"

TestSuite(wechat, .fini = wechat_folder_remove);

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
    struct wechat *w = wechat_opened(a);
    cr_assert_str_eq(wechat_mchid(w), "1230000109");
    cr_assert_str_eq(wechat_appid(w, WECHAT_H5), "wxh50000000000001");
    cr_assert(memcmp(w->api_v3_key, WECHAT_API_KEY, 32) == 0);
    wechat_close(w);
    struct wechat_options o = wechat_options_good(a);
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
    const struct wechat_options good = wechat_options_good(a);
    struct wechat_options o = good;
    o.api_v3_key_file = wechat_file(a, "api31", "test-only-api-v3-key-of-31-byte", 0600);
    expect_refused(&o, "api_v3_key_file");
    o.api_v3_key_file = wechat_file(a, "api33", "test-only-api-v3-key-of-32-bytes!", 0600);
    expect_refused(&o, "api_v3_key_file");
    o.api_v3_key_file = wechat_file(a, "open", "test-only-api-v3-key-of-32-bytes", 0644);
    expect_refused(&o, "api_v3_key_file");
    o = good, o.merchant_key_file = wechat_file(a, "small", wechat_key("small_private"), 0600);
    expect_refused(&o, "merchant_key_file");
    o.merchant_key_file = wechat_file(a, "pub", wechat_key("merchant_public"), 0600);
    expect_refused(&o, "merchant_key_file");
    o = good, o.public_key_file = wechat_file(a, "own", wechat_key("merchant_public"), 0644);
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
    struct wechat *w = wechat_opened(a);
    const char *platform = wechat_key("platform_certificate"),
               *pay = wechat_key("wechatpay_public");
    cr_assert_eq(wechat_trust_key(w, "0CA1", platform, strlen(platform)), OK);
    const struct rsa_key *first = wechat_find_key(w, "0CA1", 0);
    cr_assert(first && wechat_find_key(w, WECHAT_PUB_KEY_ID, 0));
    cr_assert_eq(wechat_trust_key(w, "0CA1", platform, strlen(platform)), OK);
    cr_assert_eq(wechat_find_key(w, "0CA1", 0), first, "the same key again changes nothing");
    cr_assert_eq(wechat_trust_key(w, "0CA1", pay, strlen(pay)), OK);
    cr_assert_neq(wechat_find_key(w, "0CA1", 0), first);
    cr_assert_null(wechat_find_key(w, "0ca1", 0));
    cr_assert_null(wechat_find_key(w, "0CA", 0));
    cr_assert_eq(wechat_trust_key(w, "", pay, strlen(pay)), INVALID);
    cr_assert_eq(
        wechat_trust_key(w, "0CA2", wechat_key("small_public"), strlen(wechat_key("small_public"))),
        INVALID);
    enum status status = OK;
    for (int i = 0; i < 100 && status == OK; i++)
        status = wechat_trust_key(w, arena_printf(a, "A%d", i), pay, strlen(pay));
    cr_assert_eq(status, TOO_LARGE, "a provider cannot fill our memory with keys");
    wechat_close(w);
    arena_free(a);
}

static enum notify_refusal open_one(struct wechat *w, struct arena *a,
                                    const struct wechat_callback *c, struct wechat_notice *notice)
{
    const struct wechat *chosen = NULL;
    return wechat_open_notice(&w, 1, &c->headers, c->body, strlen(c->body), WECHAT_NOW_US, a,
                              notice, &chosen);
}

static const char TRANSACTION[] =
    "{\"mchid\":\"1230000109\",\"appid\":\"wx1\",\"out_trade_no\":\"aB3dE6gH9j\","
    "\"transaction_id\":\"4200002000202601010000000001\",\"trade_state\":\"SUCCESS\","
    "\"success_time\":\"2026-01-01T10:34:56+08:00\",\"payer\":{\"openid\":\"oUpF8\"},"
    "\"amount\":{\"total\":990,\"payer_total\":0,\"currency\":\"CNY\"}}";

Test(wechat, a_transaction_notice_tells_the_trade)
{
    struct arena *a = arena_new();
    struct wechat *w = wechat_opened(a);
    struct wechat_notice n = {0};
    struct wechat_callback c =
        wechat_callback_of(a, "TRANSACTION.SUCCESS", "transaction", TRANSACTION);
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
    struct wechat *w = wechat_opened(a);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct wechat_notice n = {.id = "untouched"};
        struct wechat_callback c =
            wechat_callback_of(a, cases[i].event, cases[i].original, cases[i].plain);
        cr_assert_eq(open_one(w, a, &c, &n), cases[i].want, "case %zu", i);
        cr_assert_str_eq(n.id, cases[i].want == NOTIFY_ACCEPTED ? "EV-1" : "untouched");
    }
    wechat_close(w);
    arena_free(a);
}

Test(wechat, members_given_twice_refuse_the_whole_document)
{
    struct arena *a = arena_new();
    struct wechat *w = wechat_opened(a);
    struct wechat_notice n;
    struct wechat_callback good =
        wechat_callback_of(a, "TRANSACTION.SUCCESS", "transaction", TRANSACTION);
    struct wechat_callback outer =
        wechat_signed(a, arena_printf(a, "{\"id\":\"EV-0\",%s", good.body + 1));
    cr_assert_eq(open_one(w, a, &outer, &n), NOTIFY_FORMAT);
    const char *twice = arena_printf(a, "{\"trade_state\":\"NOTPAY\",%s", TRANSACTION + 1);
    struct wechat_callback inner =
        wechat_callback_of(a, "TRANSACTION.SUCCESS", "transaction", twice);
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
    struct wechat *w = wechat_opened(a);
    struct wechat_notice n;
    const struct wechat_callback good =
        wechat_callback_of(a, "TRANSACTION.SUCCESS", "transaction", TRANSACTION);
    const struct {
        const char *timestamp, *nonce, *serial, *type;
        enum notify_refusal want;
    } cases[] = {
        {"1767234897", "nonce", WECHAT_PUB_KEY_ID, NULL, NOTIFY_ACCEPTED},
        {"1767234897", "nonce", WECHAT_PUB_KEY_ID, "WECHATPAY2-SHA256-RSA2048", NOTIFY_ACCEPTED},
        {NULL, "nonce", WECHAT_PUB_KEY_ID, NULL, NOTIFY_HEADERS},
        {"", "nonce", WECHAT_PUB_KEY_ID, NULL, NOTIFY_HEADERS},
        {"1767234897", NULL, WECHAT_PUB_KEY_ID, NULL, NOTIFY_HEADERS},
        {"1767234897", "", WECHAT_PUB_KEY_ID, NULL, NOTIFY_HEADERS},
        {"1767234897", "non\nce", WECHAT_PUB_KEY_ID, NULL, NOTIFY_HEADERS},
        {"1767234897", "nonce", NULL, NULL, NOTIFY_HEADERS},
        {"1767234897", "nonce", "", NULL, NOTIFY_HEADERS},
        {"1767234897", "nonce", WECHAT_PUB_KEY_ID, "", NOTIFY_HEADERS},
        {"+1767234897", "nonce", WECHAT_PUB_KEY_ID, NULL, NOTIFY_HEADERS},
        {" 1767234897", "nonce", WECHAT_PUB_KEY_ID, NULL, NOTIFY_HEADERS},
        {"1767234897.0", "nonce", WECHAT_PUB_KEY_ID, NULL, NOTIFY_HEADERS},
        {"0x69560311", "nonce", WECHAT_PUB_KEY_ID, NULL, NOTIFY_HEADERS},
        {"99999999999999999999", "nonce", WECHAT_PUB_KEY_ID, NULL, NOTIFY_HEADERS},
        {"1767234897", "nonce", WECHAT_PUB_KEY_ID, "WECHATPAY2-SM2-WITH-SM3", NOTIFY_TYPE},
        {"1767234897", "nonce", WECHAT_PUB_KEY_ID, "WECHATPAY-BRAND-SHA256-RSA2048", NOTIFY_TYPE},
        {"1767234897", "nonce", WECHAT_PUB_KEY_ID, "wechatpay2-sha256-rsa2048", NOTIFY_TYPE},
        {"1767234897", "other", WECHAT_PUB_KEY_ID, NULL, NOTIFY_SIGNATURE},
        {"1767234898", "nonce", WECHAT_PUB_KEY_ID, NULL, NOTIFY_SIGNATURE},
        {"01767234897", "nonce", WECHAT_PUB_KEY_ID, NULL, NOTIFY_SIGNATURE},
        {"1767234897", "nonce", "5157F09EFDC096DE15EBE81A47057A7232F1B8E1", NULL, NOTIFY_SERIAL},
        {"1767235200", "nonce", WECHAT_PUB_KEY_ID, NULL, NOTIFY_TIMESTAMP},
        {"1767234598", "nonce", WECHAT_PUB_KEY_ID, NULL, NOTIFY_TIMESTAMP},
        {"1767235199", "nonce", WECHAT_PUB_KEY_ID, NULL, NOTIFY_SIGNATURE}, /* 300 s: inside */
        {"1767234599", "nonce", WECHAT_PUB_KEY_ID, NULL, NOTIFY_SIGNATURE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct wechat_callback c = {good.body,
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
    struct wechat *w = wechat_opened(a);
    struct wechat_notice n;
    struct wechat_callback c =
        wechat_callback_of(a, "TRANSACTION.SUCCESS", "transaction", TRANSACTION);
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
    struct wechat *stranger = wechat_opened(a), *sharing = wechat_opened(a),
                  *right = wechat_opened(a);
    struct wechat *const all[] = {stranger, sharing, right};
    struct wechat_notice n;
    const struct wechat *chosen = NULL;
    /* stranger knows no such key; sharing knows it, but has another APIv3 key */
    free(stranger->trusted->serial);
    stranger->trusted->serial = strdup("PUB_KEY_ID_2");
    sodium_mprotect_readwrite(sharing->api_v3_key);
    sharing->api_v3_key[0] ^= 1;
    struct wechat_callback c =
        wechat_callback_of(a, "TRANSACTION.SUCCESS", "transaction", TRANSACTION);
    const size_t size = strlen(c.body);
    cr_assert_eq(
        wechat_open_notice(all, 3, &c.headers, c.body, size, WECHAT_NOW_US, a, &n, &chosen),
        NOTIFY_ACCEPTED);
    cr_assert_eq(chosen, right);
    chosen = NULL;
    cr_assert_eq(
        wechat_open_notice(all, 2, &c.headers, c.body, size, WECHAT_NOW_US, a, &n, &chosen),
        NOTIFY_DECRYPT);
    cr_assert_eq(
        wechat_open_notice(all, 1, &c.headers, c.body, size, WECHAT_NOW_US, a, &n, &chosen),
        NOTIFY_SERIAL);
    cr_assert_eq(
        wechat_open_notice(all, 0, &c.headers, c.body, size, WECHAT_NOW_US, a, &n, &chosen),
        NOTIFY_SERIAL);
    cr_assert_null(chosen);
    struct wechat *const reversed[] = {sharing, stranger};
    cr_assert_eq(
        wechat_open_notice(reversed, 2, &c.headers, c.body, size, WECHAT_NOW_US, a, &n, &chosen),
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
        const struct span key = {WECHAT_API_KEY, WECHAT_API_KEY_BYTES}, plain = {"x", 1},
                          none = {"", 0};
        const struct span nonce = {cases[i].nonce, strlen(cases[i].nonce)};
        const char *text = NULL;
        size_t n = 0;
        cr_assert_eq(aead_seal(key, nonce, none, plain, sealed), OK);
        json_t *resource =
            json_pack("{s:s,s:s,s:s}", "algorithm", "AEAD_AES_256_GCM", "nonce", cases[i].nonce,
                      "ciphertext", base64_encode(a, sealed, sizeof sealed));
        cr_assert_eq(wechat_resource_opens(key, resource, a, &text, &n), cases[i].want, "%zu", i);
        json_object_set_new(resource, "associated_data", json_null());
        cr_assert_eq(wechat_resource_opens(key, resource, a, &text, &n), DENIED, "null is no text");
        json_object_set_new(resource, "associated_data", json_string(""));
        json_object_set_new(resource, "algorithm", json_string("AEAD_SM4_GCM"));
        cr_assert_eq(wechat_resource_opens(key, resource, a, &text, &n), DENIED);
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
