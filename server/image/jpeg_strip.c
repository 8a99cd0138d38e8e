/* SPDX-License-Identifier: MIT */
#include "image/jpeg_strip.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

#include "base/check.h"
#include "image/jpeg_sink.h"

struct transcode {
    struct jpeg_error_mgr err;
    jmp_buf escape;
    int damages;
    struct span file;
    struct jpeg_density density;
    struct jpeg_decompress_struct src;
    struct jpeg_compress_struct dst;
    struct jpeg_progress_mgr progress;
    struct jpeg_sink sink;
    jvirt_barray_ptr *coefficients;
    struct span scans; /* of the file: behind the first scan's header to behind the end marker */
    JOCTET *icc_profile;
    unsigned icc_size;
};

static void give_up(j_common_ptr cinfo)
{
    struct transcode *t = cinfo->client_data;
    longjmp(t->escape, 1);
}

/* These say that a header is odd; the coefficients are whole all the same. */
static bool harmless(int msg_code)
{
    return msg_code == JWRN_NOT_SEQUENTIAL || msg_code == JWRN_JFIF_MAJOR ||
           msg_code == JWRN_ADOBE_XFORM || msg_code == JWRN_BOGUS_ICC;
}

static void note_warning(j_common_ptr cinfo, int level)
{
    struct transcode *t = cinfo->client_data;
    if (level < 0 && !harmless(cinfo->err->msg_code))
        t->damages++;
}

static void say_nothing(j_common_ptr cinfo)
{
    (void)cinfo;
}

static void limit_scans(j_common_ptr cinfo)
{
    struct transcode *t = cinfo->client_data;
    /* the compressor reports here as well */
    if (cinfo->is_decompressor && t->src.input_scan_number > JPEG_SCANS_MAX)
        give_up(cinfo);
}

static struct transcode *transcode_new(struct span file)
{
    struct transcode *t = calloc(1, sizeof *t);
    CHECK_PEER(t);
    t->file = file;
    t->src.err = t->dst.err = jpeg_std_error(&t->err);
    t->err.error_exit = give_up;
    t->err.emit_message = note_warning;
    t->err.output_message = say_nothing;
    t->src.client_data = t->dst.client_data = t;
    t->progress.progress_monitor = limit_scans;
    return t;
}

static void wipe_component(struct transcode *t, int i)
{
    jpeg_component_info *c = &t->src.comp_info[i];
    for (JDIMENSION row = 0; row < c->height_in_blocks; row++) {
        JBLOCKARRAY blocks =
            t->src.mem->access_virt_barray((j_common_ptr)&t->src, t->coefficients[i], row, 1, TRUE);
        sodium_memzero(blocks[0], c->width_in_blocks * sizeof(JBLOCK));
    }
}

static void wipe_coefficients(struct transcode *t)
{
    for (int i = 0; i < t->src.num_components && t->coefficients; i++)
        wipe_component(t, i);
}

static bool attempt(struct transcode *t, void (*step)(struct transcode *))
{
    if (setjmp(t->escape))
        return false;
    step(t);
    return true;
}

static void transcode_free(struct transcode *t)
{
    (void)!attempt(t, wipe_coefficients);
    jpeg_destroy_compress(&t->dst);
    jpeg_destroy_decompress(&t->src);
    free(t->icc_profile);
    jpeg_sink_free(&t->sink);
    sodium_memzero(t, sizeof *t);
    free(t);
}

static void read_header(struct transcode *t)
{
    jpeg_create_decompress(&t->src);
    t->src.progress = &t->progress;
    jpeg_mem_src(&t->src, t->file.bytes, t->file.size);
    jpeg_save_markers(&t->src, JPEG_APP0 + 2, 0xffff);
    jpeg_read_header(&t->src, TRUE);
}

/* libjpeg's reader goes on to the end-of-image marker, so a cut anywhere is seen. */
static void read_picture(struct transcode *t)
{
    read_header(t);
    int n = t->src.num_components;
    if (n != 1 && n != 3 && n != 4)
        give_up((j_common_ptr)&t->src);
    t->scans.bytes = t->src.src->next_input_byte;
    t->coefficients = jpeg_read_coefficients(&t->src);
    t->scans.size = (size_t)(t->src.src->next_input_byte - (const JOCTET *)t->scans.bytes);
    if (t->damages)
        give_up((j_common_ptr)&t->src);
    if (!jpeg_read_icc_profile(&t->src, &t->icc_profile, &t->icc_size))
        t->icc_profile = NULL;
}

static void copy_table(struct transcode *t, JHUFF_TBL *from, JHUFF_TBL **to)
{
    if (!from)
        return;
    if (!*to)
        *to = jpeg_alloc_huff_table((j_common_ptr)&t->dst);
    **to = *from;
    (*to)->sent_table = FALSE;
}

/* One scan read with these tables can be written with them, to the same bytes: a photo made to a
 * size in kilobytes keeps it. */
static void keep_coding(struct transcode *t)
{
    for (int i = 0; i < NUM_HUFF_TBLS; i++) {
        copy_table(t, t->src.dc_huff_tbl_ptrs[i], &t->dst.dc_huff_tbl_ptrs[i]);
        copy_table(t, t->src.ac_huff_tbl_ptrs[i], &t->dst.ac_huff_tbl_ptrs[i]);
    }
    for (int i = 0; i < t->src.num_components; i++) {
        t->dst.comp_info[i].dc_tbl_no = t->src.comp_info[i].dc_tbl_no;
        t->dst.comp_info[i].ac_tbl_no = t->src.comp_info[i].ac_tbl_no;
    }
    t->dst.restart_interval = t->src.restart_interval;
}

static void renew_coding(struct transcode *t)
{
    if (t->src.progressive_mode)
        jpeg_simple_progression(&t->dst);
    t->dst.optimize_coding = TRUE;
}

static bool can_keep_coding(const struct transcode *t)
{
    return t->src.input_scan_number == 1 && !t->src.progressive_mode && !t->src.arith_code;
}

static void choose_headers(struct transcode *t)
{
    /* with an Adobe marker readers invert the inks, without one they do not */
    if (t->dst.jpeg_color_space == JCS_CMYK)
        t->dst.write_Adobe_marker = t->src.saw_Adobe_marker;
    /* a JFIF header would turn RGB into YCbCr for readers; it means nothing for four inks */
    if (t->dst.num_components == 4)
        t->dst.write_JFIF_header = t->density.unit != 0;
    t->dst.density_unit = t->density.unit;
    t->dst.X_density = t->density.unit ? t->density.x : 1;
    t->dst.Y_density = t->density.unit ? t->density.y : 1;
}

static void write_picture(struct transcode *t, void (*choose_coding)(struct transcode *))
{
    jpeg_create_compress(&t->dst);
    jpeg_sink_set(&t->sink, &t->dst);
    jpeg_copy_critical_parameters(&t->src, &t->dst);
    choose_coding(t);
    choose_headers(t);
    jpeg_write_coefficients(&t->dst, t->coefficients);
    if (t->icc_profile)
        jpeg_write_icc_profile(&t->dst, t->icc_profile, t->icc_size);
    jpeg_finish_compress(&t->dst);
    jpeg_destroy_compress(&t->dst);
}

static void write_kept(struct transcode *t)
{
    write_picture(t, keep_coding);
}

static void write_fresh(struct transcode *t)
{
    write_picture(t, renew_coding);
}

static bool scan_is_the_same(const struct transcode *t)
{
    size_t n = t->scans.size;
    return t->sink.out.size >= n &&
           memcmp(t->sink.out.bytes + t->sink.out.size - n, t->scans.bytes, n) == 0;
}

/* The tables of an odd file may lack codes, or its coefficients be out of range, and libjpeg's fast
 * encoder checks neither. So the scan must come out as it went in, or is coded anew, where libjpeg
 * counts first and refuses what has no code. */
static bool write_somehow(struct transcode *t)
{
    if (can_keep_coding(t) && attempt(t, write_kept) && scan_is_the_same(t))
        return true;
    jpeg_sink_free(&t->sink);
    jpeg_destroy_compress(&t->dst);
    return attempt(t, write_fresh);
}

static enum status why(const struct transcode *t)
{
    return t->err.msg_code == JERR_OUT_OF_MEMORY ? INTERNAL : INVALID;
}

int32_t jpeg_density_dpi(struct jpeg_density d)
{
    if (d.unit == 1)
        return d.x;
    return d.unit == 2 ? (d.x * 254 + 50) / 100 : 0;
}

enum status jpeg_density_read(struct span file, struct jpeg_density *density)
{
    struct transcode *t = transcode_new(file);
    enum status s = attempt(t, read_header) ? OK : why(t);
    if (s == OK) {
        bool told =
            t->src.saw_JFIF_marker && (t->src.density_unit == 1 || t->src.density_unit == 2);
        struct jpeg_density jfif = {t->src.density_unit, t->src.X_density, t->src.Y_density};
        *density = told && jfif.x && jfif.y ? jfif : (struct jpeg_density){0};
    }
    transcode_free(t);
    return s;
}

enum status jpeg_strip(struct span file, struct jpeg_density density, struct buf *out)
{
    struct transcode *t = transcode_new(file);
    t->density = density;
    enum status s = attempt(t, read_picture) && write_somehow(t) ? OK : why(t);
    if (s == OK)
        buf_add(out, t->sink.out.bytes, t->sink.out.size);
    transcode_free(t);
    return s;
}
