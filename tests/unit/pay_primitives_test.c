/* SPDX-License-Identifier: MIT */
/* Keys, signatures, base64, AES-GCM, key files and amounts. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pay/aead.h"
#include "pay/merchant_file.h"
#include "pay/rsa.h"
#include "pay/trade.h"
#include "vectors.h"

static struct span span_of(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return (struct span){json_string_value(value), json_string_length(value)};
}

static bool sign_matches(const struct vector *v)
{
    struct arena *a = arena_new();
    struct rsa_key *key = NULL;
    const char *signature = NULL;
    const char *pem = vector_key(vector_text(v->inputs, "private_key"));
    struct span part = span_of(v->inputs, "message");
    bool same = rsa_load_private(pem, strlen(pem), RSA_PEM, &key) == OK &&
                rsa_sign(key, &part, 1, a, &signature) == OK &&
                strcmp(signature, vector_text(v->expected, "signature")) == 0;
    rsa_free(key);
    arena_free(a);
    return same;
}
VECTORS(rsa_signatures_are_those_of_the_sdks, "rsa.sha256.sign", sign_matches)

static bool serial_matches(const struct vector *v)
{
    char serial[RSA_SERIAL_BYTES] = "";
    const char *pem = vector_key(vector_text(v->inputs, "cert"));
    return rsa_certificate_serial(pem, strlen(pem), serial) == OK &&
           strcmp(serial, vector_text(v->expected, "serial_hex_upper")) == 0;
}
VECTORS(serial_numbers_keep_leading_zeros_and_drop_the_sign_byte, "x509.serial", serial_matches)

static bool public_key_matches(const struct vector *v)
{
    struct arena *a = arena_new();
    struct rsa_key *key = NULL;
    const char *pem = vector_key(vector_text(v->inputs, "cert"));
    bool same = rsa_load_public(pem, strlen(pem), RSA_PEM, &key) == OK &&
                strcmp(rsa_public_text(key, a), vector_text(v->expected, "spki_base64")) == 0;
    rsa_free(key);
    arena_free(a);
    return same;
}
VECTORS(the_key_of_a_certificate_is_found, "x509.public_key", public_key_matches)

static bool pem_loads_strictly(const struct vector *v)
{
    struct rsa_key *key = NULL;
    const char *text = vector_text(v->inputs, "text"), *type = vector_text(v->inputs, "type");
    enum status status = strcmp(type, "private") == 0
                             ? rsa_load_private(text, strlen(text), RSA_PEM, &key)
                             : rsa_load_public(text, strlen(text), RSA_PEM, &key);
    rsa_free(key);
    return (status == OK) == json_is_true(json_object_get(v->expected, "strict_ok"));
}
VECTORS(a_key_needs_its_armour, "pem.load", pem_loads_strictly)

static bool gcm_opens(const struct vector *v)
{
    unsigned char sealed[8192], plain[8192];
    size_t size = 0;
    struct span text = span_of(v->inputs, "ciphertext");
    enum status status = base64_decode(text.bytes, text.size, sealed, sizeof sealed, &size);
    if (status == OK)
        status =
            aead_open(span_of(v->inputs, "key"), span_of(v->inputs, "nonce"),
                      span_of(v->inputs, "associated_data"), (struct span){sealed, size}, plain);
    if (!vector_valid(v))
        return status != OK;
    struct span want = span_of(v->expected, "plaintext");
    return status == OK && size - AEAD_TAG_BYTES == want.size &&
           memcmp(plain, want.bytes, want.size) == 0;
}
VECTORS(aes_gcm_opens_what_the_sdks_sealed_and_nothing_else, "aes.gcm.decrypt", gcm_opens)

static bool gcm_seals(const struct vector *v)
{
    unsigned char sealed[8192];
    struct span plain = span_of(v->inputs, "plaintext");
    struct arena *a = arena_new();
    bool same = aead_seal(span_of(v->inputs, "key"), span_of(v->inputs, "nonce"),
                          span_of(v->inputs, "associated_data"), plain, sealed) == OK &&
                strcmp(base64_encode(a, sealed, plain.size + AEAD_TAG_BYTES),
                       vector_text(v->expected, "ciphertext")) == 0;
    arena_free(a);
    return same;
}
VECTORS(aes_gcm_seals_as_the_sdks_do, "aes.gcm.encrypt", gcm_seals)

Test(base64, only_the_one_right_spelling_is_taken)
{
    /* RFC 4648 section 10, then spellings that forgiving decoders take */
    static const char *const good[] = {"",         "Zg==",     "Zm8=",    "Zm9v",
                                       "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    static const char *const bad[] = {
        "Zg",     "Zg=",  "Zg===", "Zh==", "Zm9=",     " Zm9v", "Zm9v\n",
        "Zm9\nv", "Zm-_", "Z===",  "====", "Zg==Zg==", "=Zg=",  "Zm9v="};
    unsigned char out[16];
    size_t n = 99;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        cr_assert_eq(base64_decode(good[i], strlen(good[i]), out, sizeof out, &n), OK, "%s",
                     good[i]);
        cr_assert(n == i && memcmp(out, "foobar", n) == 0);
    }
    n = 99;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_eq(base64_decode(bad[i], strlen(bad[i]), out, sizeof out, &n), INVALID, "%s",
                     bad[i]);
    cr_assert_eq(base64_decode("Zm\0v", 4, out, sizeof out, &n), INVALID);
    cr_assert_eq(base64_decode("Zm9vYmFy", 8, out, 5, &n), TOO_LARGE);
    cr_assert_eq(n, 99);
}

/* libsodium's encoder tells what each size must be written as; no character of it may be another.
 */
Test(base64, long_texts_are_as_strict_at_every_place)
{
    enum { MOST = 600 };
    unsigned char bytes[MOST] = {0}, out[MOST];
    char expected[sodium_base64_ENCODED_LEN(MOST, sodium_base64_VARIANT_ORIGINAL)];
    struct arena *a = arena_new();
    for (size_t size = 0; size <= MOST; size++) {
        size_t n = 0;
        randombytes_buf(bytes, size);
        bytes[MOST - 1] |= 0x80; /* or '=' in the last place could be the end of 599 bytes */
        sodium_bin2base64(expected, sizeof expected, bytes, size, sodium_base64_VARIANT_ORIGINAL);
        cr_assert_str_eq(base64_encode(a, bytes, size), expected);
        cr_assert_eq(base64_decode(expected, strlen(expected), out, size, &n), OK);
        cr_assert(n == size && memcmp(out, bytes, size) == 0);
    }
    for (size_t at = 0; at < strlen(expected); at++)
        for (const char *other = " \n=-_*\x80"; *other; other++) {
            size_t n;
            char right = expected[at];
            expected[at] = *other;
            cr_assert_eq(base64_decode(expected, strlen(expected), out, sizeof out, &n), INVALID,
                         "%d at %zu", *other, at);
            expected[at] = right;
        }
    arena_free(a);
}

/* Lives as long as one test of the suite rsa. */
static struct arena *scratch;

static void set_up(void)
{
    scratch = arena_new();
}

static void tear_down(void)
{
    arena_free(scratch);
}

TestSuite(rsa, .init = set_up, .fini = tear_down);

static void release_key(void *key)
{
    rsa_free(key);
}

static struct rsa_key *load_private(const char *text, enum rsa_form form)
{
    struct rsa_key *key = NULL;
    if (rsa_load_private(text, strlen(text), form, &key) == OK)
        arena_defer(scratch, release_key, key);
    return key;
}

static struct rsa_key *load_public(const char *text, enum rsa_form form)
{
    struct rsa_key *key = NULL;
    if (rsa_load_public(text, strlen(text), form, &key) == OK)
        arena_defer(scratch, release_key, key);
    return key;
}

static char *own_key(const char *id)
{
    json_t *document = json_load_file("tests/vectors/keys.json", 0, NULL);
    cr_assert(document, "run from the root of the tree");
    const char *pem = vector_text(json_object_get(json_object_get(document, "keys"), id), "pem");
    cr_assert(pem, "%s", id);
    char *copy = arena_strdup(scratch, pem);
    json_decref(document);
    return copy;
}

/* The base64 between the armour lines, line breaks kept. */
static char *without_armour(const char *pem)
{
    char *copy = arena_strdup(scratch, strchr(pem, '\n') + 1);
    *strstr(copy, "-----END") = '\0';
    return copy;
}

Test(rsa, keys_come_in_pkcs8_and_pkcs1_with_and_without_armour)
{
    const char *const private_ids[] = {"merchant_private", "merchant_private_pkcs1"};
    struct rsa_key *pub = load_public(own_key("merchant_public"), RSA_PEM);
    struct rsa_key *bare_pub =
        load_public(without_armour(own_key("merchant_public")), RSA_PEM_OR_BARE);
    struct rsa_key *other = load_public(own_key("wechatpay_public"), RSA_PEM);
    cr_assert(pub && bare_pub && other);
    for (size_t i = 0; i < 2; i++) {
        char *pem = own_key(private_ids[i]);
        struct rsa_key *key = load_private(pem, RSA_PEM);
        struct rsa_key *bare = load_private(without_armour(pem), RSA_PEM_OR_BARE);
        cr_assert(key && bare, "%s", private_ids[i]);
        cr_assert(!load_private(without_armour(pem), RSA_PEM), "%s", private_ids[i]);
        cr_assert(rsa_is_pair(key, pub) && rsa_is_pair(bare, bare_pub) && rsa_is_pair(key, key));
        cr_assert(!rsa_is_pair(key, other));
    }
}

Test(rsa, small_foreign_and_misplaced_keys_are_refused)
{
    cr_assert(!load_private(own_key("small_private"), RSA_PEM));
    cr_assert(!load_public(own_key("small_public"), RSA_PEM));
    cr_assert(!load_private(own_key("curve_private"), RSA_PEM));
    cr_assert(!load_private(own_key("merchant_public"), RSA_PEM_OR_BARE));
    cr_assert(!load_public(own_key("merchant_private"), RSA_PEM_OR_BARE));
    cr_assert(!load_public("", RSA_PEM_OR_BARE));
    cr_assert(!load_public("MIIBIjAN", RSA_PEM_OR_BARE));
    unsigned char longer[1024] = {0};
    size_t n = 0;
    const char *bare = rsa_public_text(load_public(own_key("merchant_public"), RSA_PEM), scratch);
    cr_assert_eq(base64_decode(bare, strlen(bare), longer, sizeof longer, &n), OK);
    cr_assert(load_public(base64_encode(scratch, longer, n), RSA_PEM_OR_BARE));
    cr_assert(!load_public(base64_encode(scratch, longer, n + 1), RSA_PEM_OR_BARE));
    char *cut = own_key("merchant_private");
    memmove(cut + 100, cut + 104, strlen(cut + 104) + 1);
    cr_assert(!load_private(cut, RSA_PEM));
}

Test(rsa, a_public_key_does_not_sign_and_the_joints_of_a_message_do_not_matter)
{
    struct arena *a = arena_new();
    struct rsa_key *key = load_private(own_key("merchant_private"), RSA_PEM);
    struct rsa_key *pub = load_public(own_key("merchant_public"), RSA_PEM);
    const struct span whole = {"onetwo", 6}, halves[] = {{"one", 3}, {"two", 3}};
    const char *signature = NULL, *untouched = "x";
    cr_assert_eq(rsa_sign(pub, &whole, 1, a, &untouched), INVALID);
    cr_assert_str_eq(untouched, "x");
    cr_assert_eq(rsa_sign(key, &whole, 1, a, &signature), OK);
    cr_assert_eq(rsa_verify(pub, halves, 2, signature, strlen(signature)), OK);
    cr_assert_eq(rsa_verify(pub, halves, 1, signature, strlen(signature)), DENIED);
    cr_assert_eq(rsa_verify(pub, &whole, 1, signature, strlen(signature) - 4), DENIED);
    arena_free(a);
}

Test(aead, lengths_outside_the_rule_never_reach_the_cipher)
{
    static const char key[33] = "0123456789abcdef0123456789abcdef";
    unsigned char out[64] = "untouched";
    const struct span k = {key, 32}, nonce = {"abcdefghijkl", 12}, none = {NULL, 0};
    const struct span sealed = {"0123456789abcdef0", 17};
    cr_assert_eq(aead_open((struct span){key, 31}, nonce, none, sealed, out), INVALID);
    cr_assert_eq(aead_open((struct span){key, 24}, nonce, none, sealed, out), INVALID);
    cr_assert_eq(aead_open(k, none, none, sealed, out), INVALID);
    cr_assert_eq(aead_open(k, (struct span){key, 17}, none, sealed, out), INVALID);
    cr_assert_eq(aead_open(k, nonce, none, (struct span){key, 15}, out), INVALID);
    cr_assert_str_eq((char *)out, "untouched");
    cr_assert_eq(aead_open(k, nonce, none, sealed, out), DENIED);
    cr_assert_eq(out[0], 0, "plain bytes of a wrong tag are wiped");
}

static const char *file_of_mode(mode_t mode, const char *content)
{
    static char path[64];
    strcpy(path, "/tmp/idphotod-keyfile-XXXXXX");
    int fd = mkstemp(path);
    cr_assert(fd >= 0 && write(fd, content, strlen(content)) == (ssize_t)strlen(content));
    cr_assert_eq(fchmod(fd, mode), 0);
    close(fd);
    return path;
}

static enum status read_mode(mode_t mode, const char *content, bool secret, char why[256])
{
    struct buf b = {0};
    const char *path = file_of_mode(mode, content);
    enum status status = merchant_file_read("option", path, secret, &b, why, 256);
    cr_assert(status == OK ? b.size == strlen(content) : b.size == 0);
    buf_free(&b);
    unlink(path);
    return status;
}

Test(keyfile, a_secret_that_others_may_read_is_refused_with_a_reason_and_no_content)
{
    char why[256] = "";
    cr_assert_eq(read_mode(0400, "secret", true, why), OK);
    cr_assert_eq(read_mode(0600, "secret", true, why), OK);
    cr_assert_eq(read_mode(0644, "public", false, why), OK);
    cr_assert_eq(read_mode(0640, "secret", true, why), DENIED);
    cr_assert(strstr(why, "option") && strstr(why, "/tmp/") && !strstr(why, "secret"));
    cr_assert_eq(read_mode(0604, "secret", true, why), DENIED);
    cr_assert_eq(read_mode(0700, "secret", true, why), DENIED);
    cr_assert_eq(read_mode(0600, "", true, why), INVALID);
    struct buf b = {0};
    cr_assert_eq(merchant_file_read("option", "/nonexistent", true, &b, why, sizeof why),
                 NOT_FOUND);
    cr_assert_eq(merchant_file_read("option", NULL, true, &b, why, sizeof why), NOT_FOUND);
    cr_assert_eq(merchant_file_read("option", "/tmp", false, &b, why, sizeof why), INVALID);
}

Test(trade, yuan_are_read_by_digits_alone)
{
    static const struct {
        const char *text;
        int64_t fen;
    } good[] = {{"9.90", 990},
                {"9.9", 990},
                {"990", 99000},
                {"0.01", 1},
                {"0.29", 29},
                {"1.15", 115},
                {"100000000.00", 10000000000},
                {"92233720368547758.07", INT64_MAX}};
    static const char *const bad[] = {"",
                                      ".",
                                      ".5",
                                      "5.",
                                      "-1",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "1e2",
                                      "9.9e0",
                                      "9.900",
                                      "1,0",
                                      "0x1",
                                      "1.2.3",
                                      "92233720368547758.08",
                                      "\xef\xbc\x91",
                                      "99999999999999999999.90",
                                      "922337203685477581"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t fen = -1;
        cr_assert_eq(yuan_parse(good[i].text, &fen), OK, "%s", good[i].text);
        cr_assert_eq(fen, good[i].fen, "%s", good[i].text);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t untouched = 42;
        cr_assert_eq(yuan_parse(bad[i], &untouched), INVALID, "%s", bad[i]);
        cr_assert_eq(untouched, 42);
    }
}

Test(trade, yuan_are_written_with_two_decimals)
{
    char text[YUAN_TEXT_BYTES];
    cr_assert_str_eq(yuan_format(990, text), "9.90");
    cr_assert_str_eq(yuan_format(1, text), "0.01");
    cr_assert_str_eq(yuan_format(0, text), "0.00");
    cr_assert_str_eq(yuan_format(-5, text), "-0.05");
    cr_assert_str_eq(yuan_format(INT64_MAX, text), "92233720368547758.07");
    cr_assert_str_eq(yuan_format(INT64_MIN, text), "-92233720368547758.08");
}
