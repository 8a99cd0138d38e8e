/* SPDX-License-Identifier: MIT */
#include "moment.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MINUTE_S = 60, HOUR_S = 3600, DAY_S = 86400, GMT8_S = 8 * HOUR_S };

static _Atomic int64_t clock_offset_s;

int64_t moment_now_s(void)
{
    return (int64_t)time(NULL) + atomic_load(&clock_offset_s);
}

int64_t moment_offset_s(void)
{
    return atomic_load(&clock_offset_s);
}

void moment_set_offset_s(int64_t offset_s)
{
    atomic_store(&clock_offset_s, offset_s);
}

bool moment_parse_offset(const char *text, int64_t *offset_s)
{
    bool minus = *text == '-';
    const char *p = text + (*text == '+' || *text == '-');
    size_t digits = strspn(p, "0123456789");
    if (digits == 0 || digits > 9)
        return false;
    const char *unit = p + digits;
    if (strlen(unit) != 1 || !strchr("smhd", *unit))
        return false;
    int64_t scale = *unit == 'd' ? DAY_S : *unit == 'h' ? HOUR_S : *unit == 'm' ? MINUTE_S : 1;
    int64_t value = strtoll(p, NULL, 10) * scale;
    *offset_s = minus ? -value : value;
    return true;
}

char *moment_print(struct pool *pool, const char *format, int64_t at_s)
{
    time_t shifted = (time_t)(at_s + GMT8_S);
    struct tm tm;
    char text[64];
    gmtime_r(&shifted, &tm);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    strftime(text, sizeof text, format, &tm);
#pragma GCC diagnostic pop
    return pool_text(pool, text);
}

char *moment_rfc3339(struct pool *pool, int64_t at_s)
{
    return moment_print(pool, "%Y-%m-%dT%H:%M:%S+08:00", at_s);
}

char *moment_gmt8(struct pool *pool, int64_t at_s)
{
    return moment_print(pool, "%Y-%m-%d %H:%M:%S", at_s);
}

/* text must look like the pattern, where '0' stands for any digit. */
static bool looks_like(const char *text, const char *pattern)
{
    for (; *pattern; text++, pattern++) {
        bool digit = *text >= '0' && *text <= '9';
        if (*pattern == '0' ? !digit : *text != *pattern)
            return false;
    }
    return true;
}

/* Year to second, read from the 19 characters at text, as if in UTC. */
static bool parse_civil(const char *text, int64_t *at_s)
{
    struct tm tm = {0};
    if (sscanf(text, "%4d-%2d-%2d%*c%2d:%2d:%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
               &tm.tm_min, &tm.tm_sec) != 6)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    struct tm given = tm;
    time_t at = timegm(&tm);
    /* timegm repairs the 31st of February; a provider refuses it */
    if (tm.tm_mday != given.tm_mday || tm.tm_mon != given.tm_mon || tm.tm_hour != given.tm_hour ||
        tm.tm_min != given.tm_min || tm.tm_sec != given.tm_sec)
        return false;
    *at_s = at;
    return true;
}

static bool parse_zone(const char *text, int64_t *zone_s)
{
    if (strcmp(text, "Z") == 0) {
        *zone_s = 0;
        return true;
    }
    if (strlen(text) != 6 || (*text != '+' && *text != '-') || !looks_like(text + 1, "00:00"))
        return false;
    int64_t hours = strtoll(text + 1, NULL, 10), minutes = strtoll(text + 4, NULL, 10);
    if (hours > 23 || minutes > 59)
        return false;
    int64_t value = hours * HOUR_S + minutes * MINUTE_S;
    *zone_s = *text == '-' ? -value : value;
    return true;
}

bool moment_parse_rfc3339(const char *text, int64_t *at_s)
{
    int64_t civil_s, zone_s;
    if (!looks_like(text, "0000-00-00T00:00:00") || !parse_civil(text, &civil_s))
        return false;
    const char *rest = text + 19;
    if (*rest == '.') {
        size_t digits = strspn(rest + 1, "0123456789");
        if (!digits)
            return false;
        rest += 1 + digits;
    }
    if (!parse_zone(rest, &zone_s))
        return false;
    *at_s = civil_s - zone_s;
    return true;
}

bool moment_parse_gmt8(const char *text, int64_t *at_s)
{
    int64_t civil_s;
    if (strlen(text) != 19 || !looks_like(text, "0000-00-00 00:00:00") ||
        !parse_civil(text, &civil_s))
        return false;
    *at_s = civil_s - GMT8_S;
    return true;
}
