/* SPDX-License-Identifier: MIT */
/* What can be bought, and for how much: config/catalogue.json. Immutable; any thread. */
#ifndef IDPHOTOD_API_CATALOGUE_H
#define IDPHOTOD_API_CATALOGUE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct product {
    const char *id;
    const char *kind; /* "electronic", "print" */
    const char *name_zh, *name_en;
    int64_t price_fen; /* of one */
    const char *per;   /* "photo", "sheet" */
};

struct catalogue;

/* INVALID with file and reason: not JSON, a member missing or wrong, an id twice. */
enum status catalogue_load(const char *file, struct catalogue **out, char *why,
                           size_t why_size) MUST_USE;
void catalogue_free(struct catalogue *c);

const struct product *catalogue_products(const struct catalogue *c, size_t *count);
const struct product *catalogue_find(const struct catalogue *c, const char *id); /* NULL: none */

#endif
