/* SPDX-License-Identifier: MIT */
/* What the tests of the group "expiry" share: when they began, and steps about what ends. */
#ifndef API_EXPIRY_H
#define API_EXPIRY_H

#include "common.h"

enum { HOUR_S = 3600, DAY_S = 86400 };

/* The instant of the first day, seconds since 1970 by the server's clock. */
extern double expiry_begun;

#define GET_AS(who, path, code)                                                                    \
    {                                                                                              \
        .label = path, .call = "GET " path, .as = who, .status = code                              \
    }
#define GONE(who, path)                                                                            \
    {                                                                                              \
        .label = path, .call = "GET " path, .as = who, .status = 404, .problem = "not-found"       \
    }
#define NOTHING_OVERDUE                                                                            \
    {                                                                                              \
        .label = "nothing is overdue", .run = expiry_nothing_overdue                               \
    }

/* No class of rows is overdue; a running purge has a minute for each. */
bool expiry_nothing_overdue(void);
/* Asks again and again around the instant: 200 before it, 404 from it on. */
bool expiry_stops_at(const char *call, const char *as, const char *instant_text);

/* ---- tests of thirty days and more (expiry_month.c) ---- */

bool expiry_day_29(void), expiry_month(void), expiry_by_itself(void), expiry_day_31(void),
    expiry_last_order(void), expiry_ninety_days(void);

#endif
