/* SPDX-License-Identifier: MIT */
/*
 * Identifiers: UUIDv7 rows, public ids (prefix and base62), random texts.
 *
 * A public id says what it names and nothing else ("ord_" + 22 base62 digits
 * of the UUID). out_trade_no is 22 random base62 characters. Any thread.
 */
#ifndef IDPHOTOD_BASE_IDS_H
#define IDPHOTOD_BASE_IDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct uuid {
    unsigned char bytes[16];
};

enum { PUBLIC_ID_BYTES = 4 + 22 + 1, TRADE_NO_BYTES = 22 + 1 };

/* RFC 9562 version 7: milliseconds of clock_now_us, then random bits. */
struct uuid uuid_new(void);

/* "ord_", "pho_", "pay_", "req_", "rcp_", ... + 22 base62 digits. prefix has 4 characters.
 * Returns out. */
char *public_id_format(const char *prefix, const struct uuid *id, char out[PUBLIC_ID_BYTES]);
/* INVALID unless it is exactly what public_id_format writes for this prefix. */
enum status public_id_parse(const char *prefix, const char *text, struct uuid *id) MUST_USE;

/* n - 1 unbiased random characters of [0-9A-Za-z] and a NUL. Returns out. */
char *random_base62(char *out, size_t n);

/* A random positive account id below 2^63; never 0. */
int64_t account_id_new(void);

#endif
