/* SPDX-License-Identifier: MIT */
/* A merchant of WeChat Pay who has no key of the platform yet, and the platform's lists of
 * certificates, made by OpenSSL and our seal. */
#ifndef IDPHOTOD_TESTS_PLATFORM_LIST_H
#define IDPHOTOD_TESTS_PLATFORM_LIST_H

#include "key_pair.h"
#include "pay/wechat.h"

#define PLATFORM_API_KEY "0123456789abcdef0123456789abcdef"

/* Its files live as long as the arena. */
struct wechat_options merchant_without_keys(const struct key_pair *ours, struct arena *a);

/* One entry: certificate number `serial` of the key, listed under `named`; times are RFC 3339. In
 * the arena. */
const char *platform_entry(const struct key_pair *k, long serial, const char *named,
                           const char *effective, const char *expire, struct arena *a);

#endif
