/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"

enum { SHANGHAI_S = 8 * 3600, DAY_S = 86400 };

static _Atomic int64_t offset_us;

static int64_t read_us(clockid_t id)
{
    struct timespec t;
    CHECK_PEER(clock_gettime(id, &t) == 0);
    return (int64_t)t.tv_sec * SECOND_US + t.tv_nsec / 1000;
}

int64_t clock_now_us(void)
{
    return read_us(CLOCK_REALTIME) + atomic_load(&offset_us);
}

void clock_set_offset_us(int64_t offset)
{
    atomic_store(&offset_us, offset);
}

int64_t clock_offset_us(void)
{
    return atomic_load(&offset_us);
}

int64_t clock_boot_us(void)
{
    return read_us(CLOCK_BOOTTIME);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

int32_t day_of(int64_t at_us)
{
    return (int32_t)floor_div(floor_div(at_us, SECOND_US) + SHANGHAI_S, DAY_S);
}

int64_t day_start_us(int32_t day)
{
    return ((int64_t)day * DAY_S - SHANGHAI_S) * SECOND_US;
}

static char *format(int64_t at_us, int shift_s, const char *pattern, char *out, size_t n)
{
    time_t t = (time_t)(floor_div(at_us, SECOND_US) + shift_s);
    struct tm tm;
    CHECK(gmtime_r(&t, &tm));
    CHECK(strftime(out, n, pattern, &tm) > 0);
    return out;
}

char *time_format(int64_t at_us, char out[TIME_TEXT_BYTES])
{
    return format(at_us, 0, "%Y-%m-%dT%H:%M:%SZ", out, TIME_TEXT_BYTES);
}

char *time_format_cn(int64_t at_us, char out[TIME_TEXT_BYTES])
{
    return format(at_us, SHANGHAI_S, "%Y-%m-%dT%H:%M:%S+08:00", out, TIME_TEXT_BYTES);
}

char *time_format_cn_plain(int64_t at_us, char out[TIME_TEXT_BYTES])
{
    return format(at_us, SHANGHAI_S, "%Y-%m-%d %H:%M:%S", out, TIME_TEXT_BYTES);
}

char *day_format(int32_t day, char out[DAY_TEXT_BYTES])
{
    return format((int64_t)day * DAY_S * SECOND_US, 0, "%Y-%m-%d", out, DAY_TEXT_BYTES);
}

/* Parses by the libc's rule and refuses what it would silently normalise (31 April). */
static enum status parse_fields(const char *text, const char *pattern, const char **rest,
                                int64_t *utc_s)
{
    struct tm tm = {0};
    const char *end = strptime(text, pattern, &tm);
    if (!end || tm.tm_year < 70 || tm.tm_year > 1000 || tm.tm_sec > 59)
        return INVALID;
    struct tm copy = tm;
    time_t t = timegm(&copy);
    if (copy.tm_mday != tm.tm_mday || copy.tm_mon != tm.tm_mon)
        return INVALID;
    *rest = end;
    *utc_s = t;
    return OK;
}

static int two_digits(const char *s)
{
    if (s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9')
        return -1;
    return (s[0] - '0') * 10 + (s[1] - '0');
}

/* "Z", "+08:00", "-03:30" to seconds east; INVALID otherwise. */
static enum status parse_offset(const char *text, int *seconds)
{
    if (strcmp(text, "Z") == 0) {
        *seconds = 0;
        return OK;
    }
    if (strlen(text) != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':')
        return INVALID;
    int h = two_digits(text + 1);
    int m = two_digits(text + 4);
    if (h < 0 || h > 23 || m < 0 || m > 59)
        return INVALID;
    *seconds = (text[0] == '-' ? -1 : 1) * (h * 3600 + m * 60);
    return OK;
}

/* strptime lets white space and short fields pass; the written forms here are fixed. */
static bool has_shape(const char *text, const char *shape)
{
    for (; *shape; shape++, text++) {
        bool digit = *text >= '0' && *text <= '9';
        if (*shape == '9' ? !digit : *text != *shape)
            return false;
    }
    return true;
}

enum status time_parse(const char *text, int64_t *at_us)
{
    const char *rest;
    int64_t s;
    int64_t fraction_us = 0;
    int east;
    if (!has_shape(text, "9999-99-99T99:99:99"))
        return INVALID;
    if (parse_fields(text, "%Y-%m-%dT%H:%M:%S", &rest, &s) != OK)
        return INVALID;
    if (*rest == '.') {
        int64_t scale = 100000;
        if (*++rest < '0' || *rest > '9')
            return INVALID;
        for (; *rest >= '0' && *rest <= '9'; rest++, scale /= 10)
            fraction_us += (*rest - '0') * scale;
    }
    if (parse_offset(rest, &east) != OK)
        return INVALID;
    *at_us = (s - east) * SECOND_US + fraction_us;
    return OK;
}

enum status time_parse_cn_plain(const char *text, int64_t *at_us)
{
    const char *rest;
    int64_t s;
    if (!has_shape(text, "9999-99-99 99:99:99"))
        return INVALID;
    if (parse_fields(text, "%Y-%m-%d %H:%M:%S", &rest, &s) != OK || *rest)
        return INVALID;
    *at_us = (s - SHANGHAI_S) * SECOND_US;
    return OK;
}

enum status day_parse(const char *text, int32_t *day)
{
    const char *rest;
    int64_t s;
    if (!has_shape(text, "9999-99-99"))
        return INVALID;
    if (parse_fields(text, "%Y-%m-%d", &rest, &s) != OK || *rest)
        return INVALID;
    *day = (int32_t)(s / DAY_S);
    return OK;
}
