/* SPDX-License-Identifier: MIT */
/* What must hold of every layout of a sheet, for unit tests and the fuzzer. */
#ifndef IDPHOTOD_TESTS_SHEET_SOUND_H
#define IDPHOTOD_TESTS_SHEET_SOUND_H

#include "image/sheet.h"

static inline bool sheet_cells_apart(const struct sheet_cell *a, const struct sheet_cell *b,
                                     int32_t gap_px)
{
    return a->x_px + a->width_px + gap_px <= b->x_px || b->x_px + b->width_px + gap_px <= a->x_px ||
           a->y_px + a->height_px + gap_px <= b->y_px || b->y_px + b->height_px + gap_px <= a->y_px;
}

static inline bool sheet_cell_is_inside(const struct sheet_cell *c, const struct sheet_layout *l,
                                        int32_t margin_px)
{
    return c->x_px >= margin_px && c->x_px + c->width_px <= l->width_px - margin_px &&
           c->y_px >= margin_px && c->y_px + c->height_px <= l->height_px - margin_px;
}

static inline bool sheet_cell_is_of(const struct sheet_cell *c, const struct sheet_kind *k)
{
    return c->width_px == (c->turned ? k->height_px : k->width_px) &&
           c->height_px == (c->turned ? k->width_px : k->height_px);
}

/* NULL, or what is wrong. Pairs of cells are looked at up to this many cells: their number squares.
 */
static inline const char *sheet_flaw(const struct sheet_wanted *w, const struct sheet_kind *kinds,
                                     const struct sheet_layout *l, size_t pairs_most)
{
    const int32_t gap = sheet_px(w->gap_mm, w->dpi), margin = sheet_px(w->margin_mm, w->dpi);
    for (size_t i = 0; i < l->count; i++) {
        const struct sheet_cell *c = &l->cells[i];
        if (!sheet_cell_is_inside(c, l, margin))
            return "a photo leaves the margins";
        if (!sheet_cell_is_of(c, &kinds[c->kind]))
            return "a photo changes its size";
        for (size_t j = 0; j < i && l->count <= pairs_most; j++)
            if (!sheet_cells_apart(c, &l->cells[j], gap))
                return "two photos are too near";
    }
    return NULL;
}

#endif
