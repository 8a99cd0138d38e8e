/* SPDX-License-Identifier: MIT */
#include "image/jpeg_write.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

#include "base/check.h"

struct writer {
    struct jpeg_error_mgr err;
    jmp_buf escape;
    struct jpeg_compress_struct dst;
    struct jpeg_destination_mgr sink;
    const struct jpeg_wish *wish;
    jpeg_row_fn row;
    void *with;
    uint8_t *samples; /* of one row */
    struct buf out;
    JOCTET chunk[16384];
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

static void sink_begin(j_compress_ptr dst)
{
    struct writer *w = dst->client_data;
    dst->dest->next_output_byte = w->chunk;
    dst->dest->free_in_buffer = sizeof w->chunk;
}

static boolean sink_full(j_compress_ptr dst)
{
    struct writer *w = dst->client_data;
    buf_add(&w->out, w->chunk, sizeof w->chunk);
    sink_begin(dst);
    return TRUE;
}

static void sink_end(j_compress_ptr dst)
{
    struct writer *w = dst->client_data;
    buf_add(&w->out, w->chunk, sizeof w->chunk - dst->dest->free_in_buffer);
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
    w->sink = (struct jpeg_destination_mgr){.init_destination = sink_begin,
                                            .empty_output_buffer = sink_full,
                                            .term_destination = sink_end};
    return w;
}

static void writer_free(struct writer *w)
{
    jpeg_destroy_compress(&w->dst);
    sodium_memzero(w->samples, (size_t)w->wish->width_px * 3);
    free(w->samples);
    buf_free(&w->out);
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
    w->dst.dest = &w->sink;
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
        buf_add(out, w->out.bytes, w->out.size);
    writer_free(w);
    return done ? OK : INTERNAL;
}
