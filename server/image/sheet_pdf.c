/* SPDX-License-Identifier: MIT */
/* A sheet as a PDF of one page. */
#include <cairo-pdf.h>
#include <cairo.h>

#include "base/check.h"
#include "image/jpeg_write.h"
#include "image/sheet_inside.h"

#include <string.h>

static const double PT_PER_MM = 72 / 25.4;

/* One photo's JPEG, as long as cairo may read it. */
struct picture {
    cairo_surface_t *surface;
    struct buf jpeg;
};

static cairo_status_t take(void *out, const unsigned char *bytes, unsigned n)
{
    buf_add(out, bytes, n);
    return CAIRO_STATUS_SUCCESS;
}

static void copy_row(void *with, int32_t y, uint8_t *rgb)
{
    const struct piece *p = with;
    size_t n = (size_t)p->width_px * 3;
    memcpy(rgb, p->upright + (size_t)y * n, n);
}

/* cairo puts the JPEG's bytes into the PDF and never looks at the pixels of the surface. */
static enum status open_picture(const struct piece *p, int32_t dpi, struct picture *out)
{
    const struct jpeg_wish wish = {.width_px = p->width_px,
                                   .height_px = p->height_px,
                                   .dpi = dpi,
                                   .quality = PIECE_QUALITY,
                                   .optimise = true};
    enum status s = jpeg_write(&wish, copy_row, (void *)(uintptr_t)p, &out->jpeg);
    if (s != OK)
        return s;
    out->surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, p->width_px, p->height_px);
    return cairo_surface_set_mime_data(out->surface, CAIRO_MIME_TYPE_JPEG, out->jpeg.bytes,
                                       out->jpeg.size, NULL, NULL) == CAIRO_STATUS_SUCCESS
               ? OK
               : INTERNAL;
}

static void close_picture(struct picture *p)
{
    if (p->surface)
        cairo_surface_destroy(p->surface);
    buf_free(&p->jpeg);
}

static void grey_box(cairo_t *c, int32_t x, int32_t y, int32_t width, int32_t height)
{
    cairo_rectangle(c, x, y, width, height);
    cairo_fill(c);
}

static void draw_lines(cairo_t *c, const struct sheet_cell *cell, int32_t reach)
{
    int32_t x = cell->x_px, y = cell->y_px, w = cell->width_px, h = cell->height_px;
    cairo_set_source_rgb(c, 200 / 255.0, 200 / 255.0, 200 / 255.0);
    grey_box(c, x - reach, y - 1, w + 2 * reach, 1);
    grey_box(c, x - reach, y + h, w + 2 * reach, 1);
    grey_box(c, x - 1, y - reach, 1, h + 2 * reach);
    grey_box(c, x + w, y - reach, 1, h + 2 * reach);
}

static void draw_photo(cairo_t *c, const struct sheet_cell *cell, cairo_surface_t *photo)
{
    static const double counter_clockwise = -1.5707963267948966;
    cairo_save(c);
    cairo_translate(c, cell->x_px, cell->y_px + (cell->turned ? cell->height_px : 0));
    if (cell->turned)
        cairo_rotate(c, counter_clockwise);
    cairo_set_source_surface(c, photo, 0, 0);
    cairo_paint(c);
    cairo_restore(c);
}

static void draw(cairo_t *c, const struct sheet *s, const struct picture *pictures)
{
    const struct sheet_layout *l = &s->layout;
    cairo_scale(c, 72.0 / l->dpi, 72.0 / l->dpi);
    for (size_t i = 0; s->cut_lines && i < l->count; i++)
        draw_lines(c, &l->cells[i], s->reach_px);
    for (size_t i = 0; i < l->count; i++)
        draw_photo(c, &l->cells[i], pictures[l->cells[i].kind].surface);
    cairo_show_page(c);
}

static enum status write_page(const struct sheet *s, const struct picture *pictures,
                              struct buf *out)
{
    bool lies = s->layout.width_px > s->layout.height_px;
    double width_mm = lies ? s->longer_mm : s->shorter_mm;
    double height_mm = lies ? s->shorter_mm : s->longer_mm;
    cairo_surface_t *pdf =
        cairo_pdf_surface_create_for_stream(take, out, width_mm * PT_PER_MM, height_mm * PT_PER_MM);
    cairo_pdf_surface_set_metadata(pdf, CAIRO_PDF_METADATA_CREATE_DATE, "");
    cairo_t *c = cairo_create(pdf);
    draw(c, s, pictures);
    cairo_destroy(c);
    cairo_surface_finish(pdf);
    enum status status = cairo_surface_status(pdf) == CAIRO_STATUS_SUCCESS ? OK : INTERNAL;
    cairo_surface_destroy(pdf);
    return status;
}

enum status sheet_write_pdf(const struct sheet *s, struct buf *out)
{
    struct picture pictures[SHEET_KINDS_MAX] = {0};
    enum status status = OK;
    for (size_t i = 0; status == OK && i < SHEET_KINDS_MAX; i++)
        if (s->layout.placed[i] > 0)
            status = open_picture(&s->pieces[i], s->layout.dpi, &pictures[i]);
    if (status == OK)
        status = write_page(s, pictures, out);
    for (size_t i = 0; i < SHEET_KINDS_MAX; i++)
        close_picture(&pictures[i]);
    return status;
}
