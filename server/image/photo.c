/* SPDX-License-Identifier: MIT */
#include "image/photo.h"

#include <stdbool.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "image/jpeg_strip.h"
#include "image/picture.h"
#include "image/png_strip.h"
#include "image/portrait.h"

/* A picture that needs turning is compressed again; at this quality and with whole chroma nobody
 * sees it. */
enum { TURNED_QUALITY = 95 };

const char *photo_format_name(enum photo_format f)
{
    switch (f) {
    case PHOTO_JPEG: return "jpeg";
    case PHOTO_PNG: return "png";
    }
    return "";
}

const char *photo_content_type(enum photo_format f)
{
    switch (f) {
    case PHOTO_JPEG: return "image/jpeg";
    case PHOTO_PNG: return "image/png";
    }
    return "";
}

/* Texts of the libraries may quote a file. That there was one is enough. */
static void hush(const gchar *domain, GLogLevelFlags level, const gchar *text, gpointer unused)
{
    (void)domain, (void)text, (void)unused;
    if (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL))
        log_warn("image.library_complaint", LOG_INT("level", level));
}

enum status image_start(void)
{
    g_log_set_default_handler(hush, NULL);
    if (VIPS_INIT("idphotod") != 0)
        return INTERNAL;
    vips_concurrency_set(1); /* the callers are many already */
    vips_cache_set_max(0);   /* nobody's picture outlives its call */
    vips_block_untrusted_set(TRUE);
    vips_operation_block_set("VipsForeignLoad", TRUE);
    vips_operation_block_set("VipsForeignLoadJpeg", FALSE);
    vips_operation_block_set("VipsForeignLoadPng", FALSE);
    vips_operation_block_set("VipsForeignLoadWebp", FALSE);
    vips_operation_block_set("VipsForeignLoadHeif", FALSE);
    return OK;
}

void image_stop(void)
{
    vips_shutdown();
}

static enum status sniff(struct span file, enum photo_format *format)
{
    enum portrait_format found;
    bool known = portrait_sniff(file.bytes, file.size, &found);
    if (!known || (found != PORTRAIT_JPEG && found != PORTRAIT_PNG))
        return INVALID;
    *format = found == PORTRAIT_JPEG ? PHOTO_JPEG : PHOTO_PNG;
    return OK;
}

/* Reads the header; pixels come row by row when they are asked for, once. Sequential access is
 * also what keeps libvips from decoding a large picture into a temporary file. */
static VipsImage *open_header(struct span file, enum photo_format format)
{
    VipsImage *image = NULL;
    int failed =
        format == PHOTO_JPEG
            ? vips_jpegload_buffer((void *)file.bytes, file.size, &image, "access",
                                   VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_ERROR, NULL)
            : vips_pngload_buffer((void *)file.bytes, file.size, &image, "access",
                                  VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_ERROR, NULL);
    return failed ? NULL : image;
}

static void note_stage(const char *stage, int64_t began_us)
{
    metric_observe(METRIC_IMAGE_STAGE, clock_boot_us() - began_us, stage);
}

/* Decodes every row and keeps none. */
static enum status decode_through(VipsImage *image)
{
    double mean;
    int64_t began_us = clock_boot_us();
    int failed = vips_avg(image, &mean, NULL);
    note_stage("decode", began_us);
    return failed ? INVALID : OK;
}

static int encode(VipsImage *image, enum photo_format format, void **bytes, size_t *n)
{
    switch (format) {
    case PHOTO_JPEG:
        return vips_jpegsave_buffer(image, bytes, n, "Q", TURNED_QUALITY, "subsample_mode",
                                    VIPS_FOREIGN_SUBSAMPLE_OFF, "optimize_coding", TRUE, NULL);
    case PHOTO_PNG: return vips_pngsave_buffer(image, bytes, n, NULL);
    }
    return -1;
}

static enum status encode_to_buf(VipsImage *image, enum photo_format format, struct buf *out)
{
    void *bytes = NULL;
    size_t n = 0;
    int64_t began_us = clock_boot_us();
    int failed = encode(image, format, &bytes, &n);
    note_stage("encode", began_us);
    if (failed)
        return INVALID;
    buf_add(out, bytes, n);
    picture_free_bytes(bytes, n);
    return OK;
}

/* The savers would carry it along, and may fail over what is odd in it. */
static void forget_metadata(VipsImage *image)
{
    static const char *const unwanted[] = {VIPS_META_EXIF_NAME, VIPS_META_XMP_NAME,
                                           VIPS_META_IPTC_NAME, VIPS_META_PHOTOSHOP_NAME};
    for (size_t i = 0; i < sizeof unwanted / sizeof *unwanted; i++)
        vips_image_remove(image, unwanted[i]);
}

/* Decodes into memory, which is why decode_through comes first, and encodes upright. */
static enum status turn(struct span file, struct photo_facts *facts, struct buf *out)
{
    enum status s = INVALID;
    VipsImage *upright = NULL, *pixels = vips_image_new_memory();
    VipsImage *image = open_header(file, facts->format);
    if (!image || vips_image_write(image, pixels) != 0 || vips_autorot(pixels, &upright, NULL) != 0)
        goto out;
    forget_metadata(upright);
    s = encode_to_buf(upright, facts->format, out);
    facts->width_px = vips_image_get_width(upright);
    facts->height_px = vips_image_get_height(upright);
out:
    picture_release(upright);
    picture_wipe(pixels);
    picture_release(image);
    return s;
}

/* EXIF 2.32 section 4.6.4 writes 72 dpi where the density is unknown, and libvips fills it in where
 * the file is silent: no density either way. */
enum { EXIF_DPI_UNKNOWN = 72 };

static struct jpeg_density exif_density(VipsImage *image)
{
    if (!vips_image_get_typeof(image, "exif-ifd0-XResolution"))
        return (struct jpeg_density){0};
    /* libvips counts in pixels per millimetre */
    double x = vips_image_get_xres(image) * 25.4 + 0.5, y = vips_image_get_yres(image) * 25.4 + 0.5;
    bool fits = x >= 1 && x < UINT16_MAX && y >= 1 && y < UINT16_MAX;
    if (!fits || (int)x == EXIF_DPI_UNKNOWN)
        return (struct jpeg_density){0};
    return (struct jpeg_density){1, (uint16_t)x, (uint16_t)y};
}

/* JFIF's own word goes first; a density that only EXIF knows moves into JFIF. */
static enum status density_of(struct span file, VipsImage *image, struct jpeg_density *density)
{
    enum status s = jpeg_density_read(file, density);
    if (s == OK && density->unit == 0)
        *density = exif_density(image);
    return s;
}

static enum status strip_jpeg(struct span file, struct jpeg_density density, struct buf *out)
{
    int64_t began_us = clock_boot_us();
    enum status s = jpeg_strip(file, density, out);
    note_stage("strip", began_us);
    return s;
}

static enum status turn_jpeg(struct span file, struct jpeg_density density,
                             struct photo_facts *facts, struct buf *out)
{
    struct buf encoded = {0};
    enum status s = turn(file, facts, &encoded);
    if (s == OK)
        s = strip_jpeg((struct span){encoded.bytes, encoded.size}, density, out);
    buf_free(&encoded);
    return s;
}

static enum status clean_jpeg(struct span file, VipsImage *image, struct photo_facts *facts,
                              struct buf *out)
{
    struct buf stripped = {0};
    struct jpeg_density density;
    int orientation = vips_image_get_orientation(image);
    enum status s = density_of(file, image, &density);
    if (s == OK)
        s = strip_jpeg(file, density, &stripped);
    if (orientation >= 5) /* on its side */
        density = (struct jpeg_density){density.unit, density.y, density.x};
    if (s == OK && orientation != 1)
        s = turn_jpeg(file, density, facts, out);
    else if (s == OK)
        buf_add(out, stripped.bytes, stripped.size);
    if (s == OK)
        facts->dpi = jpeg_density_dpi(density);
    buf_free(&stripped);
    return s;
}

static enum status clean_png(struct span file, VipsImage *image, struct photo_facts *facts,
                             struct buf *out)
{
    struct buf encoded = {0};
    struct span pixels = file;
    enum status s = OK;
    if (vips_image_get_orientation(image) != 1) {
        s = turn(file, facts, &encoded);
        pixels = (struct span){encoded.bytes, encoded.size};
    }
    int64_t began_us = clock_boot_us();
    if (s == OK)
        s = png_strip(pixels, file, out, &facts->dpi);
    note_stage("strip", began_us);
    buf_free(&encoded);
    return s;
}

static enum status clean_known(struct span file, struct photo_facts *facts, struct buf *out)
{
    VipsImage *image = open_header(file, facts->format);
    if (!image)
        return INVALID;
    facts->width_px = vips_image_get_width(image);
    facts->height_px = vips_image_get_height(image);
    enum status s = picture_within_limits(image);
    if (s == OK)
        s = decode_through(image);
    if (s == OK)
        s = facts->format == PHOTO_JPEG ? clean_jpeg(file, image, facts, out)
                                        : clean_png(file, image, facts, out);
    picture_release(image);
    return s;
}

static enum status clean(struct span file, struct photo_facts *facts, struct buf *out)
{
    struct buf essence = {0};
    enum status s = sniff(file, &facts->format);
    if (s == OK && facts->format == PHOTO_PNG) {
        s = png_essence(file, &essence);
        file = (struct span){essence.bytes, essence.size};
    }
    if (s == OK)
        s = clean_known(file, facts, out);
    buf_free(&essence);
    return s;
}

enum status photo_clean(const void *bytes, size_t n, struct photo_facts *facts, struct buf *out)
{
    struct photo_facts found = {0};
    struct buf cleaned = {0};
    CHECK(!out->bytes);
    enum status s = clean((struct span){bytes, n}, &found, &cleaned);
    if (s == OK) {
        *facts = found;
        *out = cleaned;
    } else {
        buf_free(&cleaned);
    }
    vips_error_clear();
    vips_thread_shutdown(); /* libvips keeps spare pixel buffers per thread */
    return s;
}
