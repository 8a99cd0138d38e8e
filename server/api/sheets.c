/* SPDX-License-Identifier: MIT */
#include "api/sheets.h"

#include <string.h>

#include "image/specs.h"

#define MM_PER_INCH 25.4

/* One parameter as a word of sheet_parse, so that limits stand in one place. */
static bool read_word(struct request *r, const char *name, const char *word, const char *detail,
                      struct sheet_wanted *out)
{
    const char *value = request_query(r, name);
    if (!value)
        return false;
    if (!strchr(value, ',') &&
        sheet_parse(arena_printf(r->arena, "A4,%s=%s", word, value), out) == OK)
        return true;
    field_error(r, arena_printf(r->arena, "?%s", name), "out-of-range", detail);
    return false;
}

void sheet_read(struct request *r, const char *paper, struct sheet_wanted *out)
{
    struct sheet_wanted one;
    const char *name = request_query(r, paper), *lines = request_query(r, "cut_lines");
    if (name && sheet_paper(name, &out->width_mm, &out->height_mm) != OK)
        field_error(r, arena_printf(r->arena, "?%s", paper), "unknown",
                    "must be 3R, 4R, 5R, 6R, A4, A5, A6 or WxH in millimetres");
    if (read_word(r, "gap_mm", "gap", "must be a number of 0 to 50", &one))
        out->gap_mm = one.gap_mm;
    if (read_word(r, "margin_mm", "margin", "must be a number of 0 to 50", &one))
        out->margin_mm = one.margin_mm;
    if (read_word(r, "dpi", "dpi", "must be a whole number of 72 to 1200", &one))
        out->dpi = one.dpi;
    if (lines && strcmp(lines, "true") != 0 && strcmp(lines, "false") != 0)
        field_error(r, "?cut_lines", "wrong-type", "must be true or false");
    else if (lines)
        out->cut_lines = strcmp(lines, "true") == 0;
}

struct sheet_photo sheet_photo_of(const struct request *r, const struct photo *photo,
                                  struct span file)
{
    const struct photo_spec *spec = spec_find(app_of(r)->specs, photo->spec);
    struct sheet_photo p = {.file = file};
    if (photo->dpi > 0)
        p.width_mm = photo->width_px * MM_PER_INCH / photo->dpi;
    else if (spec)
        p.width_mm = spec->width_mm;
    p.height_mm = p.width_mm * photo->height_px / photo->width_px;
    return p;
}

struct product_sheet sheet_of_product(const struct request *r, const char *product)
{
    const struct product *p = catalogue_find(app_of(r)->catalogue, product);
    return p ? p->sheet : product_sheet_usual();
}

/* As large as fits into the box, in its own shape. */
static void fit(const struct photo *photo, double box_width_mm, double box_height_mm,
                struct sheet_photo *p)
{
    double shape = (double)photo->width_px / photo->height_px;
    bool is_wide = shape > box_width_mm / box_height_mm;
    p->width_mm = is_wide ? box_width_mm : box_height_mm * shape;
    p->height_mm = is_wide ? box_width_mm / shape : box_height_mm;
}

enum status sheet_of_item(struct request *r, struct arena *a, int64_t account_id,
                          const struct order_item *item, const struct product_sheet *sheet,
                          enum sheet_format format, int64_t now_us, struct buf *out)
{
    struct photo photo;
    struct span file;
    struct sheet_photo photos[PRODUCT_PHOTOS_MOST];
    enum status s =
        photo_read_print(store_of(r), a, account_id, &item->photo_id, now_us, &photo, &file);
    if (s != OK)
        return s;
    for (size_t i = 0; i < sheet->n_photos; i++) {
        photos[i] = sheet_photo_of(r, &photo, file);
        photos[i].count = sheet->photos[i].count;
        if (sheet->photos[i].width_mm > 0)
            fit(&photo, sheet->photos[i].width_mm, sheet->photos[i].height_mm, &photos[i]);
    }
    return sheet_make(&sheet->wanted, photos, sheet->n_photos, format, NULL, out);
}
