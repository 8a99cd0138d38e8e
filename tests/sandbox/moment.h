/* SPDX-License-Identifier: MIT */
/*
 * The sandbox's clock (real time plus an offset that tests move) and the
 * providers' ways to write times. Seconds since 1970. Any thread.
 */
#ifndef SANDBOX_MOMENT_H
#define SANDBOX_MOMENT_H

#include "pool.h"

#include <stdbool.h>
#include <stdint.h>

int64_t moment_now_s(void);
int64_t moment_offset_s(void);
void moment_set_offset_s(int64_t offset_s);
/* "+8d", "-1h", "+30s", "5m", "0s". */
bool moment_parse_offset(const char *text, int64_t *offset_s);

/* RFC 3339 with +08:00, WeChat's way. */
char *moment_rfc3339(struct pool *pool, int64_t at_s);
/* RFC 3339 with any offset; fractions of a second are cut. */
bool moment_parse_rfc3339(const char *text, int64_t *at_s);
/* "yyyy-MM-dd HH:mm:ss" in GMT+8, Alipay's way. */
char *moment_gmt8(struct pool *pool, int64_t at_s);
bool moment_parse_gmt8(const char *text, int64_t *at_s);
/* strftime in GMT+8. */
char *moment_print(struct pool *pool, const char *format, int64_t at_s);

#endif
