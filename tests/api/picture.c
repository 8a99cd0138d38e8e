/* SPDX-License-Identifier: MIT */
#include "picture.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <zlib.h>

#include "../unit/render_portrait.h"

enum {
    WIDTH = 295,
    HEIGHT = 413,
    PORTRAIT_WIDTH = 720,
    PORTRAIT_HEIGHT = 960,
    SMALL_WIDTH = 240,
    SMALL_HEIGHT = 320
};

static struct bytes compress_jpeg(const struct idphoto_pixels *p, const char *exif,
                                  size_t exif_size)
{
    struct jpeg_error_mgr errors;
    struct jpeg_compress_struct c = {.err = jpeg_std_error(&errors)};
    unsigned char *out = NULL;
    unsigned long n = 0;
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &out, &n);
    c.image_width = (JDIMENSION)p->width_px;
    c.image_height = (JDIMENSION)p->height_px;
    c.input_components = 3;
    c.in_color_space = JCS_RGB;
    jpeg_set_defaults(&c);
    jpeg_set_quality(&c, 90, TRUE);
    c.density_unit = 1;
    c.X_density = c.Y_density = 300;
    jpeg_start_compress(&c, TRUE);
    if (exif)
        jpeg_write_marker(&c, JPEG_APP0 + 1, (const JOCTET *)exif, (unsigned)exif_size);
    for (int y = 0; y < p->height_px; y++) {
        JSAMPROW row = p->bytes + (size_t)y * p->stride_bytes;
        jpeg_write_scanlines(&c, &row, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    return (struct bytes){(const char *)out, n};
}

static struct bytes make_jpeg(int width, int height, int seed, const char *exif, size_t exif_size)
{
    size_t stride = (size_t)width * 3;
    struct idphoto_pixels p = {malloc(stride * (size_t)height), width, height, 3, stride};
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width * 3; x++)
            p.bytes[(size_t)y * stride + (size_t)x] =
                (unsigned char)(x * 200 / width / 3 + y * seed / height);
    struct bytes file = compress_jpeg(&p, exif, exif_size);
    free(p.bytes);
    return file;
}

/* As a photocopier sees it: luma of Rec. 601 in all three channels. */
static void take_colour(const struct idphoto_pixels *p)
{
    for (size_t i = 0; i < (size_t)p->height_px * p->stride_bytes; i += 3) {
        unsigned char *s = p->bytes + i;
        s[0] = s[1] = s[2] = (unsigned char)((299 * s[0] + 587 * s[1] + 114 * s[2]) / 1000);
    }
}

/* As a filter of an app makes it: cold, with red taken and blue given. */
static void tint(const struct idphoto_pixels *p)
{
    for (size_t i = 0; i < (size_t)p->height_px * p->stride_bytes; i += 3) {
        p->bytes[i] = p->bytes[i] / 2;
        p->bytes[i + 2] = (unsigned char)(p->bytes[i + 2] / 2 + 127);
    }
}

/* A face of a tenth of the first one's area over its shoulder. */
static void add_passer_by(struct render_scene *s)
{
    s->people = 2;
    s->person[1] = s->person[0];
    s->person[0].eyes_px *= 0.3F;
    s->person[0].x_px = 0.125F * PORTRAIT_WIDTH;
    s->person[0].y_px = 0.1875F * PORTRAIT_HEIGHT;
}

/* Nobody's face: drawn. */
static struct bytes make_portrait(const char *name)
{
    bool few_pixels = strcmp(name, "small-portrait") == 0;
    struct render_scene s = few_pixels ? render_usual(SMALL_WIDTH, SMALL_HEIGHT)
                                       : render_usual(PORTRAIT_WIDTH, PORTRAIT_HEIGHT);
    struct rendered r;
    if (strcmp(name, "passer-by-portrait") == 0)
        add_passer_by(&s);
    if (strcmp(name, "pair-portrait") == 0) {
        s.people = 2;
        s.person[0].eyes_px *= 0.6F;
        s.person[1] = s.person[0];
        s.person[0].x_px = 0.28F * PORTRAIT_WIDTH;
        s.person[1].x_px = 0.72F * PORTRAIT_WIDTH;
    }
    if (strcmp(name, "dark-portrait") == 0)
        s.light = RENDER_DARK;
    if (strcmp(name, "blown-portrait") == 0)
        s.light = RENDER_OVEREXPOSED;
    if (strcmp(name, "cut-portrait") == 0)
        s.person[0].y_px = 0.6F * s.person[0].eyes_px;
    if (strcmp(name, "upside-down-portrait") == 0) {
        s.person[0].roll_deg = s.person[0].torso_roll_deg = 180;
        s.person[0].y_px = PORTRAIT_HEIGHT - s.person[0].y_px;
    }
    render(&s, &r);
    if (strcmp(name, "grey-portrait") == 0)
        take_colour(&r.rgb);
    if (strcmp(name, "tinted-portrait") == 0)
        tint(&r.rgb);
    struct bytes file = compress_jpeg(&r.rgb, NULL, 0);
    rendered_free(&r);
    return file;
}

static void be32(FILE *f, uint32_t v)
{
    const unsigned char b[] = {(unsigned char)(v >> 24), (unsigned char)(v >> 16),
                               (unsigned char)(v >> 8), (unsigned char)v};
    fwrite(b, 1, sizeof b, f);
}

static void chunk(FILE *f, const char *name, const unsigned char *bytes, size_t n)
{
    uLong crc = crc32(crc32(0, (const Bytef *)name, 4), bytes, (uInt)n);
    be32(f, (uint32_t)n);
    fwrite(name, 1, 4, f);
    fwrite(bytes, 1, n, f);
    be32(f, (uint32_t)crc);
}

/* RGB, 8 bit, no filter. Only the first rows rows are there. */
static struct bytes make_png(uint32_t width, uint32_t height, uint32_t rows)
{
    char *out = NULL;
    size_t size = 0, raw = rows * ((size_t)width * 3 + 1);
    uLongf packed_size = compressBound(raw);
    unsigned char *pixels = calloc(1, raw), *packed = malloc(packed_size);
    const unsigned char head[13] = {(unsigned char)(width >> 24),
                                    (unsigned char)(width >> 16),
                                    (unsigned char)(width >> 8),
                                    (unsigned char)width,
                                    (unsigned char)(height >> 24),
                                    (unsigned char)(height >> 16),
                                    (unsigned char)(height >> 8),
                                    (unsigned char)height,
                                    8,
                                    2};
    for (size_t i = 0; i < raw; i++)
        pixels[i] = i % ((size_t)width * 3 + 1) ? (unsigned char)(i / 7) : 0;
    compress(packed, &packed_size, pixels, raw);
    FILE *f = open_memstream(&out, &size);
    fwrite("\x89PNG\r\n\x1a\n", 1, 8, f);
    chunk(f, "IHDR", head, sizeof head);
    chunk(f, "IDAT", packed, packed_size);
    chunk(f, "IEND", head, 0);
    fclose(f);
    free(pixels);
    free(packed);
    return (struct bytes){out, size};
}

/* TIFF: a description, and a GPS folder with latitude reference and processing method. */
static struct bytes make_gps_jpeg(void)
{
    static const char exif[] = "Exif\0\0II*\0\x08\0\0\0"
                               "\x02\0"
                               "\x0e\x01\x02\0\x0c\0\0\0\x26\0\0\0"
                               "\x25\x88\x04\0\x01\0\0\0\x32\0\0\0"
                               "\0\0\0\0"
                               "PLANTED-GPS\0"
                               "\x01\0"
                               "\x01\0\x02\0\x02\0\0\0N\0\0\0"
                               "\0\0\0\0";
    return make_jpeg(WIDTH, HEIGHT, 90, exif, sizeof exif - 1);
}

static struct picture pictures[] = {
    {"jpeg", "image/jpeg", {0}, WIDTH, HEIGHT},
    {"png", "image/png", {0}, WIDTH, HEIGHT},
    {"other-jpeg", "image/jpeg", {0}, WIDTH, HEIGHT},
    {"gps-jpeg", "image/jpeg", {0}, WIDTH, HEIGHT},
    {"half-jpeg", "image/jpeg", {0}, WIDTH, HEIGHT},
    {"gif", "image/jpeg", {0}, 1, 1},
    {"bomb-png", "image/png", {0}, 60000, 60000},
    {"empty", "image/jpeg", {0}, 0, 0},
    {"portrait", "image/jpeg", {0}, PORTRAIT_WIDTH, PORTRAIT_HEIGHT},
    {"pair-portrait", "image/jpeg", {0}, PORTRAIT_WIDTH, PORTRAIT_HEIGHT},
    {"dark-portrait", "image/jpeg", {0}, PORTRAIT_WIDTH, PORTRAIT_HEIGHT},
    {"blown-portrait", "image/jpeg", {0}, PORTRAIT_WIDTH, PORTRAIT_HEIGHT},
    {"cut-portrait", "image/jpeg", {0}, PORTRAIT_WIDTH, PORTRAIT_HEIGHT},
    {"passer-by-portrait", "image/jpeg", {0}, PORTRAIT_WIDTH, PORTRAIT_HEIGHT},
    {"grey-portrait", "image/jpeg", {0}, PORTRAIT_WIDTH, PORTRAIT_HEIGHT},
    {"tinted-portrait", "image/jpeg", {0}, PORTRAIT_WIDTH, PORTRAIT_HEIGHT},
    {"small-portrait", "image/jpeg", {0}, SMALL_WIDTH, SMALL_HEIGHT},
    {"upside-down-portrait", "image/jpeg", {0}, PORTRAIT_WIDTH, PORTRAIT_HEIGHT},
};

static struct bytes make(const char *name)
{
    struct bytes whole = {"", 0};
    if (strstr(name, "portrait"))
        return make_portrait(name);
    if (strcmp(name, "jpeg") == 0)
        return make_jpeg(WIDTH, HEIGHT, 50, NULL, 0);
    if (strcmp(name, "other-jpeg") == 0)
        return make_jpeg(WIDTH, HEIGHT, 20, NULL, 0);
    if (strcmp(name, "png") == 0)
        return make_png(WIDTH, HEIGHT, HEIGHT);
    if (strcmp(name, "gps-jpeg") == 0)
        return make_gps_jpeg();
    if (strcmp(name, "gif") == 0)
        return (struct bytes){
            "GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\1\0\1\0\0\2\2D\1\0;", 35};
    if (strcmp(name, "bomb-png") == 0)
        return make_png(60000, 60000, 4);
    if (strcmp(name, "half-jpeg") == 0) {
        whole = make_jpeg(WIDTH, HEIGHT, 50, NULL, 0);
        whole.size /= 2;
    }
    return whole;
}

const struct picture *picture_named(const char *name)
{
    for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++) {
        struct picture *p = &pictures[i];
        if (strcmp(p->name, name) != 0)
            continue;
        if (!p->bytes.at)
            p->bytes = make(name);
        return p;
    }
    fprintf(stderr, "no picture %s\n", name);
    exit(70);
}
