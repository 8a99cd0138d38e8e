/* SPDX-License-Identifier: MIT */
/* A merchant of WeChat Pay with keys of its own, and what the platform would sign for it.
 * Signatures are made and checked with OpenSSL's one-shot EVP interface, not with the code under
 * test. Texts live in the arena. */
#pragma once
#include <jansson.h>

#include "base/arena.h"
#include "pay/wechat_parts.h"

extern const char WECHAT_API_KEY[], WECHAT_PUB_KEY_ID[];
extern const int64_t WECHAT_NOW_US;

/* A key of tests/vectors/keys.json, as PEM; lives until wechat_folder_remove. */
const char *wechat_key(const char *id);
/* Writes a file into the merchant's folder; its path. */
const char *wechat_file(struct arena *a, const char *name, const char *content, mode_t mode);
struct wechat_options wechat_options_good(struct arena *a);
/* The caller closes it. */
struct wechat *wechat_opened(struct arena *a);
/* The .fini of a suite that opened one. */
void wechat_folder_remove(void);

/* Base64 of a signature by a private key of that file; whether one fits a public key of it. */
const char *wechat_sign_with(struct arena *a, const char *key_id, const char *message);
bool wechat_verifies_with(const char *key_id, const char *message, const char *base64);

/* A callback with its headers, signed by the platform at WECHAT_NOW_US, nearly. */
struct wechat_callback {
    const char *body;
    struct wechat_headers headers;
};
struct wechat_callback wechat_signed(struct arena *a, const char *body);
/* The same around a plaintext that is sealed first. */
struct wechat_callback wechat_callback_of(struct arena *a, const char *event, const char *original,
                                          const char *plain);

/* wechat_open_resource of the value's text. */
enum status wechat_resource_opens(struct span key, const json_t *resource, struct arena *a,
                                  const char **plain, size_t *plain_size);

/* The request carries an Authorization that the merchant's key made over this very request. */
void expect_wechat_signed(struct arena *a, const struct wechat_request *r);
