/* SPDX-License-Identifier: MIT */
/*
 * The service's notion of now, and its days.
 *
 * Every instant is an int64_t of microseconds since 1970-01-01T00:00:00Z (the
 * suffix _us). Nothing else in the program asks the system for the time, and
 * SQL gets now as a parameter, so a shifted clock shifts the whole service.
 * Days are Asia/Shanghai days (UTC+8, no summer time since 1991), counted
 * from 1970-01-01: architecture, section 4. Any thread may call.
 */
#ifndef IDPHOTOD_BASE_CLOCK_H
#define IDPHOTOD_BASE_CLOCK_H

#include <stdint.h>

#include "base/status.h"

#define SECOND_US INT64_C(1000000)
#define MINUTE_US (60 * SECOND_US)
#define HOUR_US   (60 * MINUTE_US)
#define DAY_US    (24 * HOUR_US)

enum { TIME_TEXT_BYTES = 32, DAY_TEXT_BYTES = 16 };

int64_t clock_now_us(void);

/* Shift of the whole service, in microseconds (testing.clock_offset). Any time. */
void clock_set_offset_us(int64_t offset_us);
int64_t clock_offset_us(void);

/* Monotonic microseconds that go on while the machine sleeps (CLOCK_BOOTTIME). Not shifted. */
int64_t clock_boot_us(void);

/* The Asia/Shanghai day that holds the instant, and the instant at which a day begins. */
int32_t day_of(int64_t at_us);
int64_t day_start_us(int32_t day);

/* "2026-11-23T02:30:00Z" (fractions dropped); "2026-11-23". Return out. */
char *time_format(int64_t at_us, char out[TIME_TEXT_BYTES]);
char *day_format(int32_t day, char out[DAY_TEXT_BYTES]);

/* "2026-11-23T10:30:00+08:00" and "2026-11-23 10:30:00", both Asia/Shanghai, as the payment
 * providers write times. Return out. */
char *time_format_cn(int64_t at_us, char out[TIME_TEXT_BYTES]);
char *time_format_cn_plain(int64_t at_us, char out[TIME_TEXT_BYTES]);

/* RFC 3339 with any offset; INVALID for anything else, also for impossible dates. */
enum status time_parse(const char *text, int64_t *at_us) MUST_USE;
/* "yyyy-MM-dd HH:mm:ss" in Asia/Shanghai. */
enum status time_parse_cn_plain(const char *text, int64_t *at_us) MUST_USE;
/* "yyyy-MM-dd" */
enum status day_parse(const char *text, int32_t *day) MUST_USE;

#endif
