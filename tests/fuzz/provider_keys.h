/* SPDX-License-Identifier: MIT */
/*
 * For fuzzing behind the signature: keys made at the start, a merchant at each
 * provider that trusts them, and signatures as the provider would make them.
 */
#ifndef IDPHOTOD_TESTS_FUZZ_PROVIDER_KEYS_H
#define IDPHOTOD_TESTS_FUZZ_PROVIDER_KEYS_H

#include "base/arena.h"
#include "base/buf.h"
#include "pay/alipay.h"
#include "pay/wechat.h"

#define FUZZ_KEY_ID     "PUB_KEY_ID_0119000000012026110100000000000001"
#define FUZZ_API_V3_KEY "0123456789abcdef0123456789ABCDEF"
#define FUZZ_APP_ID     "2021000000000001"

struct wechat *fuzz_wechat(void);
struct alipay *fuzz_alipay(void);

/* SHA256withRSA by the provider's key, base64, in the arena. */
const char *fuzz_provider_sign(const struct span *parts, size_t n_parts, struct arena *a);

#endif
