/* SPDX-License-Identifier: MIT */
/*
 * Where a print can be sent.
 *
 * config/provinces.json lies beside the catalogue: China's province-level
 * divisions, full and short names. Immutable; any thread.
 */
#ifndef IDPHOTOD_API_PLACES_H
#define IDPHOTOD_API_PLACES_H

#include <stddef.h>

#include "base/status.h"

struct places;

enum status places_load(const char *catalogue_file, struct places **out, char *why,
                        size_t why_size) MUST_USE;
void places_free(struct places *p);

/* The full name of a province given by its full or short name; NULL when it is none. */
const char *place_province(const struct places *p, const char *name);

#endif
