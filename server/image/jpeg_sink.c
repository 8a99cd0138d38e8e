/* SPDX-License-Identifier: MIT */
#include "image/jpeg_sink.h"

#include <sodium.h>

static void begin(j_compress_ptr dst)
{
    struct jpeg_sink *s = (struct jpeg_sink *)dst->dest;
    s->manager.next_output_byte = s->chunk;
    s->manager.free_in_buffer = sizeof s->chunk;
}

static boolean take_full(j_compress_ptr dst)
{
    struct jpeg_sink *s = (struct jpeg_sink *)dst->dest;
    buf_add(&s->out, s->chunk, sizeof s->chunk);
    begin(dst);
    return TRUE;
}

static void end(j_compress_ptr dst)
{
    struct jpeg_sink *s = (struct jpeg_sink *)dst->dest;
    buf_add(&s->out, s->chunk, sizeof s->chunk - s->manager.free_in_buffer);
}

void jpeg_sink_set(struct jpeg_sink *s, struct jpeg_compress_struct *dst)
{
    s->manager = (struct jpeg_destination_mgr){
        .init_destination = begin, .empty_output_buffer = take_full, .term_destination = end};
    dst->dest = &s->manager;
}

void jpeg_sink_free(struct jpeg_sink *s)
{
    buf_free(&s->out);
    sodium_memzero(s, sizeof *s);
}
