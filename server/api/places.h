/* SPDX-License-Identifier: MIT */
/*
 * Where a print can be sent, and how its recipient is reached.
 *
 * config/provinces.json lies beside the catalogue: China's province-level
 * divisions, full and short names. Immutable; any thread.
 */
#ifndef IDPHOTOD_API_PLACES_H
#define IDPHOTOD_API_PLACES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

struct places;

enum status places_load(const char *catalogue_file, struct places **out, char *why,
                        size_t why_size) MUST_USE;
void places_free(struct places *p);

/* The full name of a province given by its full or short name; NULL when it is none. */
const char *place_province(const struct places *p, const char *name);

/* Chinese mobile (11 digits, 13x to 19x, +86 or 86 before it allowed) or landline numbers (area
 * code 0xx or 0xxx, optional hyphen, 7 or 8 digits, optional -extension). Source: Chinese
 * numbering plan, YD/T 1122-era ranges of the ministry; number portability keeps the form. */
bool phone_is_chinese(const char *phone);

#endif
