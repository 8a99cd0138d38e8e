/* SPDX-License-Identifier: MIT */
#include "image/portrait.h"

#include <string.h>

#include "base/buf.h"
#include "image/jpeg_strip.h"
#include "image/photo.h"
#include "image/picture.h"
#include "image/png_strip.h"

const char *portrait_content_type(enum portrait_format f)
{
    switch (f) {
    case PORTRAIT_JPEG: return "image/jpeg";
    case PORTRAIT_PNG: return "image/png";
    case PORTRAIT_WEBP: return "image/webp";
    case PORTRAIT_HEIC: return "image/heic";
    }
    return "";
}

/* ---- what it is ---- */

/* ISO/IEC 23008-12 annex B: brands of single pictures coded by HEVC. Sequences (hevc, msf1) move.
 */
static bool is_heic(const unsigned char *b, size_t n)
{
    static const char *const brands[] = {"heic", "heix", "heim", "heis", "mif1"};
    if (n < 12 || memcmp(b + 4, "ftyp", 4) != 0)
        return false;
    for (size_t i = 0; i < sizeof brands / sizeof *brands; i++)
        if (memcmp(b + 8, brands[i], 4) == 0)
            return true;
    return false;
}

bool portrait_sniff(const void *bytes, size_t n, enum portrait_format *out)
{
    const unsigned char *b = bytes;
    if (n >= 3 && memcmp(b, "\xff\xd8\xff", 3) == 0)
        *out = PORTRAIT_JPEG;
    else if (n >= 8 && memcmp(b, "\x89PNG\r\n\x1a\n", 8) == 0)
        *out = PORTRAIT_PNG;
    else if (n >= 12 && memcmp(b, "RIFF", 4) == 0 && memcmp(b + 8, "WEBP", 4) == 0)
        *out = PORTRAIT_WEBP;
    else if (is_heic(b, n))
        *out = PORTRAIT_HEIC;
    else
        return false;
    return true;
}

/* ITU-T T.81 annex K.1, table K.1 in the order of the file; its sum is what libjpeg scales. */
enum { LUMINANCE_SUM = 3687 };

/* The scaling of libjpeg turned round: 5000 / q below 50, 200 - 2 q from there, in percent. */
static int32_t quality_of(int sum)
{
    double scale = 100.0 * sum / LUMINANCE_SUM;
    double quality = scale > 100 ? 5000 / scale : (200 - scale) / 2;
    return quality < 1 ? 1 : quality > 100 ? 100 : (int32_t)(quality + 0.5);
}

static int table_sum(const unsigned char *p)
{
    int sum = 0;
    for (int i = 0; i < 64; i++)
        sum += p[i];
    return sum;
}

/* The body of the first segment with this marker before the scans; false: none. ITU-T T.81 B.1.1 */
static bool find_segment(struct span file, unsigned char marker, struct span *body)
{
    const unsigned char *b = file.bytes;
    for (size_t at = 2; at + 4 <= file.size && b[at] == 0xff && b[at + 1] != 0xda;) {
        size_t length = (size_t)b[at + 2] << 8 | b[at + 3];
        if (length < 2 || length > file.size - at - 2)
            return false;
        *body = (struct span){b + at + 4, length - 2};
        if (b[at + 1] == marker)
            return true;
        at += 2 + length;
    }
    return false;
}

/* From table 0 of the first DQT segment, when its entries have 8 bits. */
static int32_t jpeg_quality(struct span file)
{
    struct span tables;
    if (!find_segment(file, 0xdb, &tables) || tables.size < 65)
        return 0;
    const unsigned char *b = tables.bytes;
    return b[0] == 0 ? quality_of(table_sum(b + 1)) : 0;
}

/* Adobe TN 5116: with this marker 255 means no ink, without it 0 does. */
static bool has_adobe_marker(struct span file)
{
    struct span body;
    return find_segment(file, 0xee, &body) && body.size >= 5 && memcmp(body.bytes, "Adobe", 5) == 0;
}

/* ---- opening ---- */

struct source {
    struct span file;
    enum portrait_format format;
    int shrink;   /* of JPEG: 1, 2, 4, 8 */
    double scale; /* of WebP, up to 1 */
};

/* What all loaders are told; then what one of them is, and NULL. */
#define LOAD(loader, ...)                                                                          \
    loader((void *)(uintptr_t)s->file.bytes, s->file.size, &image, "access",                       \
           VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_ERROR, __VA_ARGS__)

static VipsImage *open_source(const struct source *s)
{
    VipsImage *image = NULL;
    int failed = 1;
    switch (s->format) {
    case PORTRAIT_JPEG: failed = LOAD(vips_jpegload_buffer, "shrink", s->shrink, NULL); break;
    case PORTRAIT_PNG: failed = LOAD(vips_pngload_buffer, NULL); break;
    case PORTRAIT_WEBP: failed = LOAD(vips_webpload_buffer, "scale", s->scale, NULL); break;
    case PORTRAIT_HEIC: failed = LOAD(vips_heifload_buffer, NULL); break;
    }
    return failed ? NULL : image;
}

/* A HEIC may hold thumbnails and depth maps beside its one picture; a WebP with frames moves. */
static bool is_animated(VipsImage *image, enum portrait_format format)
{
    return format == PORTRAIT_WEBP && vips_image_get_n_pages(image) > 1;
}

static int longer_side(VipsImage *image)
{
    return VIPS_MAX(vips_image_get_width(image), vips_image_get_height(image));
}

/* The decoders' own reduction goes down to twice the size at most: the rest is averaged properly.
 */
static void choose_reduction(struct source *s, int side_px, int32_t side_max_px)
{
    if (side_max_px <= 0)
        return;
    while (s->shrink < 8 && side_px / (2 * s->shrink) >= side_max_px)
        s->shrink *= 2;
    if (side_px > 2 * side_max_px)
        s->scale = 2.0 * side_max_px / side_px;
}

/* ---- pixels ---- */

/* Takes the image and gives another, or NULL. */
typedef int (*operation)(VipsImage *in, VipsImage **out);

static VipsImage *follow(VipsImage *in, operation run)
{
    VipsImage *out = NULL;
    if (in && run(in, &out) != 0)
        out = NULL;
    picture_release(in);
    return out;
}

static int over_white(VipsImage *in, VipsImage **out)
{
    bool wide = vips_image_get_format(in) == VIPS_FORMAT_USHORT;
    if (!vips_image_hasalpha(in))
        return vips_copy(in, out, NULL);
    VipsArrayDouble *white = vips_array_double_newv(1, wide ? 65535.0 : 255.0);
    int failed = vips_flatten(in, out, "background", white, NULL);
    vips_area_unref(VIPS_AREA(white));
    return failed;
}

/* libvips takes all inks of JPEG for inverted ones. */
static int invert(VipsImage *in, VipsImage **out)
{
    return vips_invert(in, out, NULL);
}

/* By its profile, if it has one that fits; else as its colour model says. */
static int into_srgb(VipsImage *in, VipsImage **out)
{
    if (vips_image_get_typeof(in, VIPS_META_ICC_NAME) &&
        vips_icc_transform(in, out, "srgb", "embedded", TRUE, "intent", VIPS_INTENT_RELATIVE,
                           NULL) == 0)
        return 0;
    return vips_colourspace(in, out, VIPS_INTERPRETATION_sRGB, NULL);
}

static VipsImage *reduce(VipsImage *in, int32_t side_max_px)
{
    VipsImage *out = NULL;
    int side_px = in ? longer_side(in) : 0;
    if (!in || side_max_px <= 0 || side_px <= side_max_px)
        return in;
    if (vips_resize(in, &out, (double)side_max_px / side_px, NULL) != 0)
        out = NULL;
    picture_release(in);
    return out;
}

static bool is_plain_rgb(VipsImage *image)
{
    return vips_image_get_bands(image) == 3 && vips_image_get_format(image) == VIPS_FORMAT_UCHAR;
}

/* Decodes into memory that is ours. */
static enum status take_pixels(VipsImage *image, struct portrait *out)
{
    size_t n = 0;
    int32_t w = vips_image_get_width(image), h = vips_image_get_height(image);
    uint8_t *bytes = is_plain_rgb(image) ? vips_image_write_to_memory(image, &n) : NULL;
    if (!bytes)
        return INVALID;
    out->pixels = (struct idphoto_pixels){bytes, w, h, 3, (size_t)w * 3};
    return OK;
}

/* A turned picture is read out of order, so it lies in memory first. */
static enum status take_turned(VipsImage *image, struct portrait *out)
{
    VipsImage *memory = vips_image_new_memory(), *turned = NULL;
    enum status s = INVALID;
    if (vips_image_write(image, memory) == 0 && vips_autorot(memory, &turned, NULL) == 0)
        s = take_pixels(turned, out);
    picture_release(turned);
    picture_wipe(memory);
    return s;
}

static enum status decode_pixels(struct source *s, int32_t side_max_px, struct portrait *out)
{
    VipsImage *image = open_source(s);
    if (image && s->format == PORTRAIT_JPEG && vips_image_get_bands(image) == 4 &&
        !has_adobe_marker(s->file))
        image = follow(image, invert);
    image = follow(image, over_white);
    image = follow(reduce(image, side_max_px), into_srgb);
    if (!image)
        return INVALID;
    enum status status =
        vips_image_get_orientation(image) == 1 ? take_pixels(image, out) : take_turned(image, out);
    picture_release(image);
    return status;
}

static bool lies_on_its_side(VipsImage *image)
{
    return vips_image_get_orientation(image) >= 5;
}

/* ---- limits ---- */

static bool has_small_colours(VipsImage *image)
{
    const char *how;
    return vips_image_get_typeof(image, "jpeg-chroma-subsample") &&
           vips_image_get_string(image, "jpeg-chroma-subsample", &how) == 0 &&
           strcmp(how, "4:2:0") == 0;
}

/* What a decoder keeps of the whole picture; of all other files it keeps some rows. Coefficients of
 * a JPEG of many scans take two bytes, and there are half as many where colours are subsampled;
 * HEIC lies there as 4:2:0 and as RGB. */
static int64_t bytes_at_once(VipsImage *image, enum portrait_format format)
{
    int64_t area = (int64_t)vips_image_get_width(image) * vips_image_get_height(image);
    int64_t bands = vips_image_get_bands(image);
    bool interlaced = vips_image_get_typeof(image, "interlaced") != 0;
    switch (format) {
    case PORTRAIT_JPEG:
        return !interlaced ? 0 : has_small_colours(image) ? area * 3 : area * bands * 2;
    case PORTRAIT_PNG:
        return interlaced ? area * bands * (int64_t)vips_format_sizeof(vips_image_get_format(image))
                          : 0;
    case PORTRAIT_WEBP: return area * 4;
    case PORTRAIT_HEIC: return area * 9 / 2;
    }
    return 0;
}

static enum status within_limits(VipsImage *image, enum portrait_format format)
{
    if (is_animated(image, format))
        return INVALID;
    enum status s = picture_within_limits(image);
    return s == OK && bytes_at_once(image, format) > PORTRAIT_AT_ONCE_MAX_BYTES ? TOO_LARGE : s;
}

/* Whatever is not a marker has no ff da in the scans, and a thumbnail brings one or ten more. Each
 * scan of a progressive file costs a pass over the picture. */
static bool has_many_scans(struct span file)
{
    static const unsigned char marker[] = {0xff, 0xda};
    const unsigned char *at = file.bytes, *end = at + file.size;
    int n = 0;
    while (n <= JPEG_SCANS_MAX && (at = memmem(at, (size_t)(end - at), marker, sizeof marker))) {
        n++;
        at += sizeof marker;
    }
    return n > JPEG_SCANS_MAX;
}

static enum status decode_known(struct source *s, int32_t side_max_px, struct portrait *out)
{
    VipsImage *header = open_source(s);
    if (!header)
        return INVALID;
    enum status status = within_limits(header, s->format);
    int w = vips_image_get_width(header), h = vips_image_get_height(header);
    bool turned = lies_on_its_side(header);
    out->file_width_px = turned ? h : w;
    out->file_height_px = turned ? w : h;
    out->grey = vips_image_get_bands(header) < 3;
    choose_reduction(s, longer_side(header), side_max_px);
    picture_release(header);
    return status == OK ? decode_pixels(s, side_max_px, out) : status;
}

static enum status decode(struct span file, int32_t side_max_px, struct portrait *out)
{
    struct buf essence = {0};
    struct source source = {.file = file, .shrink = 1, .scale = 1};
    if (!portrait_sniff(file.bytes, file.size, &source.format))
        return INVALID;
    out->format = source.format;
    enum status s = OK;
    if (source.format == PORTRAIT_PNG) {
        s = png_essence(file, &essence);
        source.file = (struct span){essence.bytes, essence.size};
    }
    if (source.format == PORTRAIT_JPEG) {
        out->jpeg_quality = jpeg_quality(file);
        s = has_many_scans(file) ? INVALID : OK;
    }
    if (s == OK)
        s = decode_known(&source, side_max_px, out);
    buf_free(&essence);
    return s;
}

enum status portrait_decode(const void *bytes, size_t n, int32_t side_max_px, struct portrait *out)
{
    struct portrait p = {0};
    enum status s = decode((struct span){bytes, n}, side_max_px, &p);
    if (s == OK)
        *out = p;
    vips_error_clear();
    vips_thread_shutdown(); /* libvips keeps spare pixel buffers per thread */
    return s;
}

void portrait_free(struct portrait *p)
{
    picture_free_bytes(p->pixels.bytes, p->pixels.stride_bytes * (size_t)p->pixels.height_px);
    *p = (struct portrait){0};
}
