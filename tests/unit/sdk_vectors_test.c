/* SPDX-License-Identifier: MIT */
/*
 * Vectors of what the providers' SDKs can do and this server has no use for: encrypted contents,
 * digests, user data of mini programs, the older signature of WeChat Pay. OpenSSL plays them, so
 * that each vector of a folder meets somebody, and a wrong one among them is noticed. tests/peers
 * asks the SDKs themselves.
 */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>

#include "pay/alipay_form.h"
#include "pay/rsa.h"
#include "vectors.h"

enum { TEXT_MAX = 4096, LIST_MAX = 64 };

struct bytes {
    unsigned char at[TEXT_MAX];
    size_t n;
};

/* Base64 as the SDKs' tests write it: folded, with blanks. */
static bool decode(const char *text, struct bytes *out)
{
    int n = 0, rest = 0;
    EVP_ENCODE_CTX *context = EVP_ENCODE_CTX_new();
    cr_assert(strlen(text) < sizeof out->at);
    EVP_DecodeInit(context);
    bool good = EVP_DecodeUpdate(context, out->at, &n, (const unsigned char *)text,
                                 (int)strlen(text)) >= 0 &&
                EVP_DecodeFinal(context, out->at + n, &rest) == 1;
    EVP_ENCODE_CTX_free(context);
    out->n = (size_t)(n + rest);
    return good;
}

static bool cbc(bool encrypt, const struct bytes *key, const unsigned char *iv,
                const struct bytes *in, struct bytes *out)
{
    int n = 0, rest = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    cr_assert(in->n + EVP_MAX_BLOCK_LENGTH < sizeof out->at && key->n == 16);
    bool good = EVP_CipherInit_ex(context, EVP_aes_128_cbc(), NULL, key->at, iv, encrypt) == 1 &&
                EVP_CipherUpdate(context, out->at, &n, in->at, (int)in->n) == 1 &&
                EVP_CipherFinal_ex(context, out->at + n, &rest) == 1;
    EVP_CIPHER_CTX_free(context);
    out->n = (size_t)(n + rest);
    return good;
}

static bool holds(const struct bytes *got, const char *text)
{
    return got->n == strlen(text) && memcmp(got->at, text, got->n) == 0;
}

static const unsigned char no_iv[16];

static bool content_seals(const struct vector *v)
{
    struct bytes key, sealed, plain;
    unsigned char text[TEXT_MAX * 2];
    const char *plaintext = vector_text(v->inputs, "plaintext");
    plain.n = strlen(plaintext);
    memcpy(plain.at, plaintext, plain.n);
    return decode(vector_text(v->inputs, "key_base64"), &key) &&
           cbc(true, &key, no_iv, &plain, &sealed) &&
           EVP_EncodeBlock(text, sealed.at, (int)sealed.n) > 0 &&
           strcmp((const char *)text, vector_text(v->expected, "ciphertext")) == 0;
}
VECTORS(an_encrypted_content_is_that_of_the_sdks, "alipay.aes.encrypt", content_seals)

static bool content_opens(const struct vector *v)
{
    struct bytes key, sealed, plain;
    cr_assert(decode(vector_text(v->inputs, "key_base64"), &key));
    bool opens = decode(vector_text(v->inputs, "ciphertext"), &sealed) &&
                 cbc(false, &key, no_iv, &sealed, &plain);
    return vector_valid(v) ? opens && holds(&plain, vector_text(v->expected, "plaintext")) : !opens;
}
VECTORS(an_encrypted_content_opens_with_its_key_alone, "alipay.aes.decrypt", content_opens)

/* The SDKs' texts, or no more than whose application the data is for. */
static bool is_user_data(const struct bytes *plain, const json_t *expected)
{
    const char *text = vector_text(expected, "plaintext");
    const char *appid = vector_text(expected, "watermark_appid");
    json_t *data = json_loadb((const char *)plain->at, plain->n, 0, NULL);
    const char *watermark = vector_text(json_object_get(data, "watermark"), "appid");
    bool good = (text || appid) && (!text || holds(plain, text)) &&
                (!appid || (watermark && strcmp(watermark, appid) == 0));
    json_decref(data);
    return good;
}

static bool user_data_opens(const struct vector *v)
{
    struct bytes key, iv, sealed, plain;
    cr_assert(decode(vector_text(v->inputs, "session_key"), &key) &&
              decode(vector_text(v->inputs, "iv"), &iv) && iv.n == sizeof no_iv);
    bool opens = decode(vector_text(v->inputs, "encrypted_data"), &sealed) &&
                 cbc(false, &key, iv.at, &sealed, &plain);
    return vector_valid(v) ? opens && is_user_data(&plain, v->expected) : !opens;
}
VECTORS(user_data_of_a_mini_program_open_with_the_session_key, "miniapp.aes_cbc.decrypt",
        user_data_opens)

static EVP_PKEY *private_key(const struct vector *v)
{
    BIO *bio = BIO_new_mem_buf(vector_key(vector_text(v->inputs, "private_key")), -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)"");
    BIO_free(bio);
    cr_assert(key);
    return key;
}

static bool oaep_opens(const struct vector *v)
{
    struct bytes sealed, plain = {.n = sizeof plain.at};
    EVP_PKEY *key = private_key(v);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    bool opens = decode(vector_text(v->inputs, "ciphertext"), &sealed) &&
                 EVP_PKEY_decrypt_init(context) == 1 &&
                 EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
                 EVP_PKEY_decrypt(context, plain.at, &plain.n, sealed.at, sealed.n) == 1;
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(key);
    return vector_valid(v) ? opens && holds(&plain, vector_text(v->expected, "plaintext")) : !opens;
}
VECTORS(a_field_for_our_eyes_opens_with_our_key, "rsa.oaep_sha1.decrypt", oaep_opens)

static void print_hex(const unsigned char *bytes, size_t n, char *hex)
{
    for (size_t i = 0; i < n; i++)
        sprintf(hex + 2 * i, "%02x", bytes[i]);
}

static bool digest_matches(const struct vector *v)
{
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    const char *message = vector_text(v->inputs, "message");
    const EVP_MD *algorithm = EVP_get_digestbyname(vector_text(v->inputs, "alg"));
    cr_assert(EVP_Digest(message, strlen(message), bytes, &n, algorithm, NULL) == 1);
    print_hex(bytes, n, hex);
    return strcmp(hex, vector_text(v->expected, "hex")) == 0;
}

VECTORS(digests_are_those_of_the_sdks, "digest", digest_matches)

/* "a=1&b=2&key=KEY", empty values left out. */
static const char *v2_text(const struct vector *v, struct arena *a)
{
    const char *name;
    json_t *value;
    struct alipay_params params = {arena_alloc(a, LIST_MAX * sizeof *params.at), 0};
    json_object_foreach(json_object_get(v->inputs, "params"), name, value)
    {
        cr_assert(params.n < LIST_MAX);
        params.at[params.n++] = (struct alipay_param){name, json_string_value(value)};
    }
    alipay_params_sort(&params);
    return arena_printf(a, "%s&key=%s", alipay_params_join(&params, ALIPAY_EMPTY_DROPPED, NULL, a),
                        vector_text(v->inputs, "key"));
}

static bool v2_signs(const struct vector *v)
{
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    struct arena *a = arena_new();
    const char *text = v2_text(v, a), *key = vector_text(v->inputs, "key");
    if (strcmp(vector_text(v->inputs, "sign_type"), "MD5") == 0)
        cr_assert(EVP_Digest(text, strlen(text), bytes, &n, EVP_md5(), NULL) == 1);
    else
        cr_assert(HMAC(EVP_sha256(), key, (int)strlen(key), (const unsigned char *)text,
                       strlen(text), bytes, &n));
    print_hex(bytes, n, hex);
    arena_free(a);
    return strcasecmp(hex, vector_text(v->expected, "sign")) == 0;
}
VECTORS(the_older_signature_of_wechat_pay_is_that_of_the_sdks, "wechat.v2.sign", v2_signs)

/* Alipay's later protocol signs as WeChat Pay does: three lines. */
static bool v3_answer_verifies(const struct vector *v)
{
    static const char *const lines[] = {"timestamp", "nonce", "body"};
    struct rsa_key *key = NULL;
    struct span parts[6];
    const char *signature = vector_text(v->inputs, "signature");
    const char *pem = vector_key(vector_text(v->inputs, "public_key"));
    for (size_t i = 0; i < 3; i++) {
        const char *text = vector_text(v->inputs, lines[i]);
        parts[2 * i] = (struct span){text, strlen(text)};
        parts[2 * i + 1] = (struct span){"\n", 1};
    }
    cr_assert_eq(rsa_load_public(pem, strlen(pem), RSA_PEM, &key), OK);
    bool verifies = rsa_verify(key, parts, 6, signature, strlen(signature)) == OK;
    rsa_free(key);
    return verifies == vector_valid(v);
}
VECTORS(an_answer_of_alipay_v3_verifies_over_three_lines, "alipay.v3.response", v3_answer_verifies)

Test(vectors, no_kind_of_the_folder_is_passed_over)
{
    vectors_assert_all_registered();
}
