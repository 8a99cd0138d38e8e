/* SPDX-License-Identifier: MIT */
/* What the files of sheet.h share: a sheet that is arranged and has its photos. Any thread. */
#ifndef IDPHOTOD_IMAGE_SHEET_INSIDE_H
#define IDPHOTOD_IMAGE_SHEET_INSIDE_H

#include "image/sheet.h"

/* A photo as large as it is on the sheet, RGB; turned only where a cell wants it. Freed with the
 * sheet, overwritten. */
struct piece {
    int32_t width_px, height_px;
    uint8_t *upright, *turned;
};

struct sheet {
    struct sheet_layout layout;
    double longer_mm, shorter_mm; /* of the paper */
    bool cut_lines;
    int32_t reach_px; /* how far cut lines go beyond the photo */
    struct piece pieces[SHEET_KINDS_MAX];
};

enum { PIECE_QUALITY = 95, LINE_LEAST_MM = 2 };

/* Decodes the file into exactly this many pixels. As sheet_make. */
enum status piece_load(struct span file, int32_t width_px, int32_t height_px,
                       struct piece *out) MUST_USE;

/* Appends a PDF of one page, which holds each photo once as a JPEG. INTERNAL: the library failed.
 */
enum status sheet_write_pdf(const struct sheet *s, struct buf *out) MUST_USE;

#endif
