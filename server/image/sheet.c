/* SPDX-License-Identifier: MIT */
#include "image/sheet.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "image/jpeg_write.h"
#include "image/sheet_inside.h"

enum { WHITE = 255, GREY = 200 };

const char *sheet_content_type(enum sheet_format f)
{
    switch (f) {
    case SHEET_JPEG: return "image/jpeg";
    case SHEET_PDF: return "application/pdf";
    }
    return "";
}

/* ---- photos as large as they are on the sheet ---- */

/* Counter-clockwise: what was right is above. */
static void turn_piece(struct piece *p)
{
    size_t w = (size_t)p->width_px, h = (size_t)p->height_px;
    p->turned = malloc(w * h * 3);
    CHECK_PEER(p->turned);
    for (size_t y = 0; y < w; y++)
        for (size_t x = 0; x < h; x++)
            memcpy(p->turned + (y * h + x) * 3, p->upright + (x * w + w - 1 - y) * 3, 3);
}

static void turn_where_needed(struct sheet *s)
{
    for (size_t i = 0; i < s->layout.count; i++) {
        struct piece *p = &s->pieces[s->layout.cells[i].kind];
        if (s->layout.cells[i].turned && !p->turned)
            turn_piece(p);
    }
}

static void free_piece(struct piece *p)
{
    size_t n = (size_t)p->width_px * (size_t)p->height_px * 3;
    if (p->upright)
        sodium_memzero(p->upright, n);
    if (p->turned)
        sodium_memzero(p->turned, n);
    free(p->upright);
    free(p->turned);
}

static enum status load_pieces(struct sheet *s, const struct sheet_photo *photos,
                               const struct sheet_kind *kinds, size_t n)
{
    enum status status = OK;
    for (size_t i = 0; status == OK && i < n; i++)
        status = piece_load(photos[i].file, kinds[i].width_px, kinds[i].height_px, &s->pieces[i]);
    if (status == OK)
        turn_where_needed(s);
    return status;
}

/* ---- JPEG, row by row ---- */

static int32_t clamp(int32_t v, int32_t most)
{
    return v < 0 ? 0 : v > most ? most : v;
}

static void grey_run(const struct sheet *s, int32_t from, int32_t to, uint8_t *rgb)
{
    from = clamp(from, s->layout.width_px);
    to = clamp(to, s->layout.width_px);
    memset(rgb + (size_t)from * 3, GREY, (size_t)(to > from ? to - from : 0) * 3);
}

/* The part of a cell's lines that lies in this row: just outside of the photo, longer than it. */
static void draw_lines(const struct sheet *s, const struct sheet_cell *c, int32_t y, uint8_t *rgb)
{
    int32_t right = c->x_px + c->width_px, bottom = c->y_px + c->height_px;
    if (y == c->y_px - 1 || y == bottom)
        grey_run(s, c->x_px - s->reach_px, right + s->reach_px, rgb);
    if (y >= c->y_px - s->reach_px && y < bottom + s->reach_px) {
        grey_run(s, c->x_px - 1, c->x_px, rgb);
        grey_run(s, right, right + 1, rgb);
    }
}

static void draw_photo(const struct sheet *s, const struct sheet_cell *c, int32_t y, uint8_t *rgb)
{
    const struct piece *p = &s->pieces[c->kind];
    const uint8_t *from = c->turned ? p->turned : p->upright;
    size_t n = (size_t)c->width_px * 3;
    if (y >= c->y_px && y < c->y_px + c->height_px)
        memcpy(rgb + (size_t)c->x_px * 3, from + (size_t)(y - c->y_px) * n, n);
}

static void draw_row(void *with, int32_t y, uint8_t *rgb)
{
    const struct sheet *s = with;
    memset(rgb, WHITE, (size_t)s->layout.width_px * 3);
    for (size_t i = 0; s->cut_lines && i < s->layout.count; i++)
        draw_lines(s, &s->layout.cells[i], y, rgb);
    for (size_t i = 0; i < s->layout.count; i++)
        draw_photo(s, &s->layout.cells[i], y, rgb);
}

static enum status write_jpeg(const struct sheet *s, struct buf *out)
{
    const struct jpeg_wish wish = {.width_px = s->layout.width_px,
                                   .height_px = s->layout.height_px,
                                   .dpi = s->layout.dpi,
                                   .quality = PIECE_QUALITY};
    return jpeg_write(&wish, draw_row, (void *)(uintptr_t)s, out);
}

/* ---- both ---- */

static bool sizes_on(const struct sheet_wanted *w, const struct sheet_photo *photos, size_t n,
                     struct sheet_kind *kinds)
{
    bool good =
        n >= 1 && n <= SHEET_KINDS_MAX && w->dpi >= SHEET_DPI_LEAST && w->dpi <= SHEET_DPI_MOST;
    for (size_t i = 0; good && i < n; i++) {
        good = photos[i].width_mm > 0 && photos[i].width_mm <= SHEET_SIDE_MOST_MM &&
               photos[i].height_mm > 0 && photos[i].height_mm <= SHEET_SIDE_MOST_MM;
        if (good)
            kinds[i] = (struct sheet_kind){sheet_px(photos[i].width_mm, w->dpi),
                                           sheet_px(photos[i].height_mm, w->dpi), photos[i].count};
    }
    return good;
}

static int32_t reach_of(const struct sheet_wanted *w)
{
    return sheet_px(w->gap_mm > LINE_LEAST_MM ? w->gap_mm : LINE_LEAST_MM, w->dpi);
}

static enum status make(struct sheet *s, const struct sheet_wanted *w,
                        const struct sheet_photo *photos, size_t n, enum sheet_format format,
                        struct buf *out)
{
    struct sheet_kind kinds[SHEET_KINDS_MAX];
    if (!sizes_on(w, photos, n, kinds))
        return INVALID;
    enum status status = sheet_arrange(w, kinds, n, &s->layout);
    if (status == OK)
        status = load_pieces(s, photos, kinds, n);
    s->cut_lines = w->cut_lines;
    s->reach_px = reach_of(w);
    s->longer_mm = w->width_mm > w->height_mm ? w->width_mm : w->height_mm;
    s->shorter_mm = w->width_mm > w->height_mm ? w->height_mm : w->width_mm;
    if (status == OK)
        status = format == SHEET_PDF ? sheet_write_pdf(s, out) : write_jpeg(s, out);
    return status;
}

enum status sheet_make(const struct sheet_wanted *wanted, const struct sheet_photo *photos,
                       size_t n_photos, enum sheet_format format, struct sheet_layout *layout,
                       struct buf *out)
{
    struct sheet *s = calloc(1, sizeof *s);
    struct buf made = {0};
    CHECK_PEER(s);
    CHECK(!out->bytes);
    enum status status = make(s, wanted, photos, n_photos, format, &made);
    if (status == OK) {
        *out = made;
        if (layout)
            *layout = s->layout;
    } else {
        buf_free(&made);
    }
    for (size_t i = 0; i < SHEET_KINDS_MAX; i++)
        free_piece(&s->pieces[i]);
    free(s);
    return status;
}
