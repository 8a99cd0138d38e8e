/* SPDX-License-Identifier: MIT */
#include "api/catalogue.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { PRICE_MOST_FEN = 1000000 };

struct catalogue {
    json_t *root; /* owns all texts */
    struct product *products;
    size_t count;
};

struct product_sheet product_sheet_usual(void)
{
    return (struct product_sheet){.wanted = sheet_usual(), .n_photos = 1};
}

static enum status read_sheet_photo(json_t *entry, struct product_sheet *s)
{
    json_error_t error;
    double width_mm = 0, height_mm = 0;
    int count = 0;
    if (s->n_photos == PRODUCT_PHOTOS_MOST ||
        json_unpack_ex(entry, &error, JSON_STRICT, "{s?F, s?F, s?i}", "width_mm", &width_mm,
                       "height_mm", &height_mm, "count", &count) != 0 ||
        width_mm < 0 || height_mm < 0 || (width_mm > 0) != (height_mm > 0) || count < 0 ||
        count > SHEET_CELLS_MAX || width_mm > SHEET_SIDE_MOST_MM || height_mm > SHEET_SIDE_MOST_MM)
        return INVALID;
    s->photos[s->n_photos].width_mm = width_mm;
    s->photos[s->n_photos].height_mm = height_mm;
    s->photos[s->n_photos++].count = count;
    return OK;
}

static enum status read_sheet(json_t *entry, struct product_sheet *out)
{
    json_error_t error;
    const char *layout = NULL;
    json_t *photos = NULL, *photo;
    size_t i;
    *out = product_sheet_usual();
    if (!entry)
        return OK;
    if (json_unpack_ex(entry, &error, JSON_STRICT, "{s:s, s?o}", "layout", &layout, "photos",
                       &photos) != 0 ||
        sheet_parse(layout, &out->wanted) != OK)
        return INVALID;
    if (!json_array_size(photos))
        return photos ? INVALID : OK;
    out->n_photos = 0;
    json_array_foreach(photos, i, photo)
    {
        if (read_sheet_photo(photo, out) != OK)
            return INVALID;
    }
    return OK;
}

static enum status read_product(json_t *entry, struct product *p)
{
    json_error_t error;
    json_int_t price;
    json_t *sheet = NULL;
    if (json_unpack_ex(entry, &error, JSON_STRICT, "{s:s, s:s, s:s, s:s, s:I, s:s, s?o}", "id",
                       &p->id, "kind", &p->kind, "name_zh", &p->name_zh, "name_en", &p->name_en,
                       "price_fen", &price, "per", &p->per, "sheet", &sheet) != 0)
        return INVALID;
    if (read_sheet(sheet, &p->sheet) != OK || (sheet && strcmp(p->kind, "print") != 0))
        return INVALID;
    if (strcmp(p->kind, "electronic") != 0 && strcmp(p->kind, "print") != 0)
        return INVALID;
    if (price < 1 || price > PRICE_MOST_FEN || strlen(p->id) == 0 || strlen(p->id) > 60)
        return INVALID;
    p->price_fen = price;
    return OK;
}

static enum status read_products(struct catalogue *c, const char *file, char *why, size_t why_size)
{
    json_t *list = json_object_get(c->root, "products");
    c->products = calloc(json_array_size(list) + 1, sizeof *c->products);
    CHECK_PEER(c->products);
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct product p;
        if (read_product(json_array_get(list, i), &p) != OK || catalogue_find(c, p.id)) {
            snprintf(why, why_size, "%s: product %zu is not complete, not valid or there twice",
                     file, i);
            return INVALID;
        }
        c->products[c->count++] = p;
    }
    if (c->count == 0) {
        snprintf(why, why_size, "%s: no products", file);
        return INVALID;
    }
    return OK;
}

enum status catalogue_load(const char *file, struct catalogue **out, char *why, size_t why_size)
{
    json_error_t error;
    struct catalogue *c = calloc(1, sizeof *c);
    CHECK_PEER(c);
    c->root = json_load_file(file, JSON_REJECT_DUPLICATES, &error);
    if (!c->root) {
        snprintf(why, why_size, "%s:%d: %s", file, error.line, error.text);
        catalogue_free(c);
        return INVALID;
    }
    enum status s = read_products(c, file, why, why_size);
    if (s == OK)
        *out = c;
    else
        catalogue_free(c);
    return s;
}

void catalogue_free(struct catalogue *c)
{
    if (!c)
        return;
    json_decref(c->root);
    free(c->products);
    free(c);
}

const struct product *catalogue_products(const struct catalogue *c, size_t *count)
{
    *count = c->count;
    return c->products;
}

const struct product *catalogue_find(const struct catalogue *c, const char *id)
{
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(c->products[i].id, id) == 0)
            return &c->products[i];
    return NULL;
}
