/* SPDX-License-Identifier: MIT */
#include "wechat_fixture.h"

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "vectors.h"

static char folder[] = "/tmp/idphotod-wechat-XXXXXX";

static json_t *own_keys_file, *own_keys;

const char *wechat_key(const char *id)
{
    if (!own_keys) {
        own_keys_file = json_load_file("tests/vectors/keys.json", 0, NULL);
        own_keys = json_object_get(own_keys_file, "keys");
    }
    const char *pem = vector_text(json_object_get(own_keys, id), "pem");
    cr_assert(pem, "%s", id);
    return pem;
}

const char *wechat_file(struct arena *a, const char *name, const char *content, mode_t mode)
{
    char *path = arena_printf(a, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    cr_assert(f && fputs(content, f) >= 0 && fclose(f) == 0 && chmod(path, mode) == 0);
    return path;
}

const char WECHAT_API_KEY[] = "test-only-api-v3-key-of-32-bytes";
const char WECHAT_PUB_KEY_ID[] = "PUB_KEY_ID_0100000000002026010100000000000001";
const int64_t WECHAT_NOW_US = 1767234899 * SECOND_US;

struct wechat_options wechat_options_good(struct arena *a)
{
    if (strstr(folder, "XXXXXX"))
        cr_assert(mkdtemp(folder));
    return (struct wechat_options){
        .mchid = "1230000109",
        .appid_app = "wxapp0000000000001",
        .appid_jsapi = "wxjsapi00000000001",
        .appid_h5 = "wxh50000000000001",
        .appid_native = "wxnative0000000001",
        .api_v3_key_file = wechat_file(a, "api", "test-only-api-v3-key-of-32-bytes\n", 0600),
        .merchant_key_file = wechat_file(a, "merchant.pem", wechat_key("merchant_private"), 0600),
        .merchant_serial = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1",
        .public_key_id = WECHAT_PUB_KEY_ID,
        .public_key_file = wechat_file(a, "public.pem", wechat_key("wechatpay_public"), 0644),
    };
}

struct wechat *wechat_opened(struct arena *a)
{
    char why[256] = "";
    struct wechat *w = NULL;
    struct wechat_options options = wechat_options_good(a);
    cr_assert_eq(wechat_open(&options, &w, why, sizeof why), OK, "%s", why);
    return w;
}

void wechat_folder_remove(void)
{
    char command[64];
    json_decref(own_keys_file);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (!strstr(folder, "XXXXXX"))
        cr_assert_eq(system(command), 0);
}

/* An independent signer: EVP's one-shot interface. */
const char *wechat_sign_with(struct arena *a, const char *key_id, const char *message)
{
    unsigned char signature[512];
    size_t n = sizeof signature;
    BIO *bio = BIO_new_mem_buf(wechat_key(key_id), -1);
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

bool wechat_verifies_with(const char *key_id, const char *message, const char *base64)
{
    unsigned char signature[1024];
    int n = EVP_DecodeBlock(signature, (const unsigned char *)base64, (int)strlen(base64));
    BIO *bio = BIO_new_mem_buf(wechat_key(key_id), -1);
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

/* A wechat_callback around a plaintext, sealed and signed here. */
static const char *sealed_text(struct arena *a, const char *plain, const char *aad)
{
    unsigned char *out = arena_alloc(a, strlen(plain) + 16), tag[16];
    int n = 0;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    cr_assert(EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL,
                                 (const unsigned char *)WECHAT_API_KEY,
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

struct wechat_callback wechat_signed(struct arena *a, const char *body)
{
    const char *message = arena_printf(a, "1767234897\nnonce\n%s\n", body);
    return (struct wechat_callback){
        body,
        {.timestamp = "1767234897",
         .nonce = "nonce",
         .serial = WECHAT_PUB_KEY_ID,
         .signature = wechat_sign_with(a, "wechatpay_private", message)}};
}

struct wechat_callback wechat_callback_of(struct arena *a, const char *event, const char *original,
                                          const char *plain)
{
    return wechat_signed(
        a, arena_printf(
               a,
               "{\"id\":\"EV-1\",\"event_type\":\"%s\",\"resource\":{\"original_type\":\"%s\","
               "\"algorithm\":\"AEAD_AES_256_GCM\",\"ciphertext\":\"%s\","
               "\"associated_data\":\"x\",\"nonce\":\"abcdefghijkl\"}}",
               event, original, sealed_text(a, plain, "x")));
}

/* Value of a authorization_field of an Authorization header. */
static const char *authorization_field(struct arena *a, const char *authorization, const char *name)
{
    const char *at = strstr(authorization, arena_printf(a, "%s=\"", name));
    cr_assert(at, "%s", name);
    at += strlen(name) + 2;
    return arena_copy(a, at, strcspn(at, "\""));
}

void expect_wechat_signed(struct arena *a, const struct wechat_request *r)
{
    const char *auth = r->authorization;
    cr_assert(strncmp(auth, "WECHATPAY2-SHA256-RSA2048 ", 26) == 0);
    cr_assert_str_eq(authorization_field(a, auth, "mchid"), "1230000109");
    cr_assert_str_eq(authorization_field(a, auth, "serial_no"),
                     "5157F09EFDC096DE15EBE81A47057A7232F1B8E1");
    cr_assert_str_eq(authorization_field(a, auth, "timestamp"), "1767234899");
    const char *nonce = authorization_field(a, auth, "nonce_str");
    cr_assert(strlen(nonce) == 32 &&
              strspn(nonce, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") ==
                  32);
    cr_assert_eq(strlen(r->body), r->body_size);
    const char *message =
        arena_printf(a, "%s\n%s\n1767234899\n%s\n%s\n", r->method, r->url, nonce, r->body);
    cr_assert(wechat_verifies_with("merchant_public", message,
                                   authorization_field(a, auth, "signature")));
    cr_assert_str_eq(r->wechatpay_serial, WECHAT_PUB_KEY_ID);
}

enum status wechat_resource_opens(struct span key, const json_t *resource, struct arena *a,
                                  const char **plain, size_t *plain_size)
{
    struct json_view root;
    char *text = json_dumps(resource, JSON_ENCODE_ANY);
    cr_assert(text);
    struct json_text *read = json_text_open(text, strlen(text), &root);
    enum status status = wechat_open_resource(key, root, a, plain, plain_size);
    json_text_close(read);
    free(text);
    return status;
}
