/* SPDX-License-Identifier: MIT */
#include "image/jpeg_write.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

#include "base/check.h"
#include "image/jpeg_sink.h"

struct writer {
    struct jpeg_error_mgr err;
    jmp_buf escape;
    struct jpeg_compress_struct dst;
    struct jpeg_sink sink;
    const struct jpeg_wish *wish;
    jpeg_row_fn row;
    void *with;
    uint8_t *samples; /* of one row */
};

static void give_up(j_common_ptr cinfo)
{
    struct writer *w = cinfo->client_data;
    longjmp(w->escape, 1);
}

static void say_nothing(j_common_ptr cinfo, int level)
{
    (void)cinfo, (void)level;
}

static struct writer *writer_new(const struct jpeg_wish *wish, jpeg_row_fn row, void *with)
{
    struct writer *w = calloc(1, sizeof *w);
    CHECK_PEER(w);
    w->samples = malloc((size_t)wish->width_px * 3);
    CHECK_PEER(w->samples);
    w->wish = wish;
    w->row = row;
    w->with = with;
    w->dst.err = jpeg_std_error(&w->err);
    w->err.error_exit = give_up;
    w->err.emit_message = say_nothing;
    w->dst.client_data = w;
    return w;
}

static void writer_free(struct writer *w)
{
    jpeg_destroy_compress(&w->dst);
    sodium_memzero(w->samples, (size_t)w->wish->width_px * 3);
    free(w->samples);
    jpeg_sink_free(&w->sink);
    sodium_memzero(w, sizeof *w);
    free(w);
}

static void choose(struct writer *w)
{
    const struct jpeg_wish *wish = w->wish;
    struct jpeg_compress_struct *dst = &w->dst;
    dst->image_width = (JDIMENSION)wish->width_px;
    dst->image_height = (JDIMENSION)wish->height_px;
    dst->input_components = 3;
    dst->in_color_space = JCS_RGB;
    jpeg_set_defaults(dst);
    jpeg_set_quality(dst, wish->quality, TRUE);
    dst->comp_info[0].h_samp_factor = dst->comp_info[0].v_samp_factor = wish->subsample ? 2 : 1;
    dst->optimize_coding = wish->optimise;
    dst->density_unit = wish->dpi > 0;
    dst->X_density = dst->Y_density = wish->dpi > 0 ? (UINT16)wish->dpi : 1;
}

static void compress(struct writer *w)
{
    jpeg_create_compress(&w->dst);
    jpeg_sink_set(&w->sink, &w->dst);
    choose(w);
    jpeg_start_compress(&w->dst, TRUE);
    for (int32_t y = 0; y < w->wish->height_px; y++) {
        w->row(w->with, y, w->samples);
        jpeg_write_scanlines(&w->dst, &w->samples, 1);
    }
    jpeg_finish_compress(&w->dst);
}

static bool attempt(struct writer *w)
{
    if (setjmp(w->escape))
        return false;
    compress(w);
    return true;
}

static bool is_possible(const struct jpeg_wish *w)
{
    return w->width_px >= 1 && w->width_px <= JPEG_SIDE_MAX_PX && w->height_px >= 1 &&
           w->height_px <= JPEG_SIDE_MAX_PX && w->dpi >= 0 && w->dpi <= JPEG_DENSITY_MAX &&
           w->quality >= 1 && w->quality <= 100;
}

enum status jpeg_write(const struct jpeg_wish *wish, jpeg_row_fn row, void *with, struct buf *out)
{
    if (!is_possible(wish))
        return INVALID;
    struct writer *w = writer_new(wish, row, with);
    bool done = attempt(w);
    if (done)
        buf_add(out, w->sink.out.bytes, w->sink.out.size);
    writer_free(w);
    return done ? OK : INTERNAL;
}
