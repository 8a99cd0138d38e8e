/* SPDX-License-Identifier: MIT */
/*
 * Sheets for printing: photos laid out on paper, to be cut apart.
 *
 * Where the photos go is told first and for nothing (sheet_arrange), so that a client can show it;
 * sheet_make lays out the files of finished photos and gives a JPEG whose density makes it as large
 * as the paper, or a PDF of one page of that size. A JPEG is written row by row: memory is that of
 * the photos, not of the sheet. Nothing touches a file. Any thread may call once image_start
 * (image/photo.h) was.
 *
 * Photos lie in strips across the sheet, so that a guillotine cuts them. One kind of photo fills
 * the sheet as a grid; kinds of several sizes are laid in strips, the highest first. Paper and
 * photos are turned when more fit that way; of equals the one with fewer turned photos is taken,
 * then the sheet that lies.
 */
#ifndef IDPHOTOD_IMAGE_SHEET_H
#define IDPHOTOD_IMAGE_SHEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"

enum {
    SHEET_KINDS_MAX = 16, /* of photos on one sheet */
    SHEET_CELLS_MAX = 512,
    SHEET_DPI_LEAST = 72,
    SHEET_DPI_MOST = 1200,
    SHEET_SIDE_LEAST_MM = 20,
    SHEET_SIDE_MOST_MM = 500,
    SHEET_SPACE_MOST_MM = 50 /* of gap and of margin */
};

enum sheet_turn { SHEET_EITHER_WAY, SHEET_LANDSCAPE, SHEET_PORTRAIT };

struct sheet_wanted {
    double width_mm, height_mm; /* of the paper, either way round */
    enum sheet_turn turn;       /* of the paper */
    int32_t dpi;
    double gap_mm, margin_mm; /* between photos; from the edges of the paper */
    bool cut_lines;           /* thin grey lines beside the photos, never on them */
    bool dense; /* one kind of photo: strips of turned ones beside the grid, where that is more */
};

/* 6R paper, 300 dpi, a gap of 1 mm and a margin of 2 mm. */
struct sheet_wanted sheet_usual(void);

/* Reads "3R", "4R", "5R", "6R", "A4", "A5", "A6" (any case) or "WxH" in millimetres ("120x90",
 * "152.4x101.6"). 3R is 89 x 127 mm (in China 5 inch), 4R 102 x 152 (6 inch), 5R 127 x 178
 * (7 inch), 6R 152 x 203 (8 inch); A4 to A6 are ISO 216. INVALID: none of these. */
enum status sheet_paper(const char *text, double *width_mm, double *height_mm) MUST_USE;

/* Reads a paper and, after commas in any order, what is to differ from sheet_usual: landscape,
 * portrait, dpi=N, gap=MM, margin=MM, lines, dense: "a4,gap=2.5,lines". INVALID: anything else, a
 * number out of range, a word twice. */
enum status sheet_parse(const char *text, struct sheet_wanted *out) MUST_USE;

/* ---- where ---- */

/* A kind of photo as large as it is on the sheet: pixels of the sheet. count 0: as many as fit;
 * several such kinds share what is left. */
struct sheet_kind {
    int32_t width_px, height_px;
    int32_t count;
};

struct sheet_cell {
    int32_t kind;
    int32_t x_px, y_px, width_px, height_px; /* on the sheet, as it lies there */
    bool turned;                             /* by 90 degrees counter-clockwise */
};

struct sheet_layout {
    int32_t width_px, height_px, dpi;
    size_t count;
    struct sheet_cell cells[SHEET_CELLS_MAX];
    int32_t placed[SHEET_KINDS_MAX]; /* may be fewer than wanted: the sheet is full */
};

/* millimetres to pixels, to the nearest. */
int32_t sheet_px(double mm, int32_t dpi);

/* INVALID: wishes out of range (limits above), no kind or too many, one that fits no way, or a
 * sheet of more pixels than PHOTO_AREA_MAX_PX. */
enum status sheet_arrange(const struct sheet_wanted *wanted, const struct sheet_kind *kinds,
                          size_t n_kinds, struct sheet_layout *out) MUST_USE;

/* ---- what ---- */

enum sheet_format { SHEET_JPEG, SHEET_PDF };
const char *sheet_content_type(enum sheet_format f); /* "image/jpeg", "application/pdf" */

/* The bytes of a finished photo, borrowed. */
struct sheet_photo {
    struct span file;
    double width_mm, height_mm; /* printed */
    int32_t count;              /* 0: as many as fit */
};

/* Pixels are copied as they are where the photo has the sheet's density, otherwise resampled.
 * layout may be NULL. INVALID: as above, or a file that portrait_decode does not take; TOO_LARGE: a
 * photo over its limits. out must be empty; free with buf_free, which overwrites it. */
enum status sheet_make(const struct sheet_wanted *wanted, const struct sheet_photo *photos,
                       size_t n_photos, enum sheet_format format, struct sheet_layout *layout,
                       struct buf *out) MUST_USE;

#endif
