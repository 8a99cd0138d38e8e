/* SPDX-License-Identifier: MIT */
/* What can be bought, and for how much: config/catalogue.json. Immutable; any thread. */
#ifndef IDPHOTOD_API_CATALOGUE_H
#define IDPHOTOD_API_CATALOGUE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "image/sheet.h"

enum { PRODUCT_PHOTOS_MOST = 4 };

/* How a print is laid out. Each kind of photo is made to fit its millimetres, keeping its shape. */
struct product_sheet {
    struct sheet_wanted wanted;
    struct {
        double width_mm, height_mm; /* 0: as large as the photo says */
        int32_t count;              /* 0: as many as fit */
    } photos[PRODUCT_PHOTOS_MOST];
    size_t n_photos;
};

/* Where a product says nothing: sheet_usual, of one kind, as many as fit. */
struct product_sheet product_sheet_usual(void);

struct product {
    const char *id;
    const char *kind; /* "electronic", "print" */
    const char *name_zh, *name_en;
    int64_t price_fen;          /* of one */
    const char *per;            /* "photo", "sheet" */
    struct product_sheet sheet; /* of a print */
};

struct catalogue;

/* INVALID with file and reason: not JSON, a member missing or wrong, an id twice. */
enum status catalogue_load(const char *file, struct catalogue **out, char *why,
                           size_t why_size) MUST_USE;
void catalogue_free(struct catalogue *c);

const struct product *catalogue_products(const struct catalogue *c, size_t *count);
const struct product *catalogue_find(const struct catalogue *c, const char *id); /* NULL: none */

#endif
