/* SPDX-License-Identifier: MIT */
/* WeChat Pay's lists of platform certificates, made by OpenSSL and our seal. */
#ifndef IDPHOTOD_TESTS_PLATFORM_LIST_H
#define IDPHOTOD_TESTS_PLATFORM_LIST_H

#include "key_pair.h"

#define PLATFORM_API_KEY "0123456789abcdef0123456789abcdef"

/* One entry: certificate number `serial` of the key, listed under `named`; times are RFC 3339. In
 * the arena. */
const char *platform_entry(const struct key_pair *k, long serial, const char *named,
                           const char *effective, const char *expire, struct arena *a);

#endif
