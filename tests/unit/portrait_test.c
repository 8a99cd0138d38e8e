/* SPDX-License-Identifier: MIT */
/* Bytes to pixels: every kind, turned, coloured and broken. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include <vips/vips.h>

#include "image/photo.h"
#include "image/portrait.h"
#include "pictures.h"

static void free_pixels(struct pixels *p)
{
    buf_free(&p->samples);
}

#define TEMP          __attribute__((cleanup(buf_free)))
#define TEMP_PIXELS   __attribute__((cleanup(free_pixels)))
#define TEMP_PORTRAIT __attribute__((cleanup(portrait_free)))

static void start(void)
{
    cr_assert_eq(image_start(), OK);
}

TestSuite(portrait, .init = start, .timeout = 120);

static struct portrait decoded(struct span file, int32_t side_max_px)
{
    struct portrait p = {0};
    enum status s = portrait_decode(file.bytes, file.size, side_max_px, &p);
    cr_assert_eq(s, OK, "%s", status_name(s));
    cr_assert_eq(p.pixels.channels, 3);
    return p;
}

static enum status outcome(struct span file)
{
    struct portrait p = {.jpeg_quality = 42};
    enum status s = portrait_decode(file.bytes, file.size, 0, &p);
    if (s != OK)
        cr_assert(p.jpeg_quality == 42 && !p.pixels.bytes, "out-parameters were touched");
    else
        portrait_free(&p);
    return s;
}

static void expect_near(const struct portrait *p, int x, int y, int r, int g, int b)
{
    const uint8_t *at = p->pixels.bytes + (size_t)y * p->pixels.stride_bytes + 3 * (size_t)x;
    bool near = abs(at[0] - r) <= 6 && abs(at[1] - g) <= 6 && abs(at[2] - b) <= 6;
    cr_expect(near, "%d,%d: %d %d %d, wanted %d %d %d", x, y, at[0], at[1], at[2], r, g, b);
}

/* By libvips, of pixels that are our own. suffix ".webp", ".heic[lossless]" */
static struct buf saved(const struct pixels *p, const char *suffix)
{
    void *bytes;
    size_t n;
    struct buf out = {0};
    VipsImage *raw = vips_image_new_from_memory(p->samples.bytes, p->samples.size, p->width,
                                                p->height, p->channels, VIPS_FORMAT_UCHAR);
    VipsImage *image;
    cr_assert_eq(vips_copy(raw, &image, "interpretation", VIPS_INTERPRETATION_sRGB, NULL), 0);
    cr_assert_eq(vips_image_write_to_buffer(image, suffix, &bytes, &n, NULL), 0, "%s",
                 vips_error_buffer());
    buf_add(&out, bytes, n);
    g_free(bytes);
    g_object_unref(image);
    g_object_unref(raw);
    return out;
}

/* Red, green, blue, white by quarters. */
static struct pixels flags(int width, int height)
{
    static const uint8_t colours[4][3] = {
        {220, 20, 20}, {20, 200, 20}, {20, 20, 220}, {250, 250, 250}};
    struct pixels p = {width, height, 3, {0}};
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            buf_add(&p.samples, colours[(y >= height / 2) * 2 + (x >= width / 2)], 3);
    return p;
}

Test(portrait, each_of_the_four_kinds_gives_the_same_pixels)
{
    static const struct {
        const char *suffix, *type;
        enum portrait_format format;
    } kinds[] = {{".jpg[Q=95]", "image/jpeg", PORTRAIT_JPEG},
                 {".png", "image/png", PORTRAIT_PNG},
                 {".webp[Q=95]", "image/webp", PORTRAIT_WEBP},
                 {".heic[Q=95]", "image/heic", PORTRAIT_HEIC}};
    TEMP_PIXELS struct pixels p = flags(160, 120);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        TEMP struct buf file = saved(&p, kinds[i].suffix);
        enum portrait_format format;
        cr_assert(portrait_sniff(file.bytes, file.size, &format), "%s", kinds[i].suffix);
        cr_expect_eq(format, kinds[i].format);
        cr_expect_str_eq(portrait_content_type(format), kinds[i].type);
        TEMP_PORTRAIT struct portrait out = decoded(span_of(&file), 0);
        cr_expect(out.pixels.width_px == 160 && out.pixels.height_px == 120);
        expect_near(&out, 40, 30, 220, 20, 20);
        expect_near(&out, 120, 30, 20, 200, 20);
        expect_near(&out, 40, 90, 20, 20, 220);
        expect_near(&out, 120, 90, 250, 250, 250);
    }
}

/* EXIF 2.32, orientation 6: the top of the scene is at the right side of the file. */
Test(portrait, a_picture_on_its_side_is_set_up)
{
    TEMP_PIXELS struct pixels p = flags(160, 120);
    TEMP struct buf exif = exif_make((struct exif_wish){.orientation = 6});
    TEMP struct buf file = jpeg_make(&p, (struct jpeg_wish){.quality = 95, .exif = span_of(&exif)});
    TEMP_PORTRAIT struct portrait out = decoded(span_of(&file), 0);
    cr_expect(out.pixels.width_px == 120 && out.pixels.height_px == 160);
    cr_expect(out.file_width_px == 120 && out.file_height_px == 160);
    expect_near(&out, 30, 40, 20, 20, 220);  /* what was bottom left is top left */
    expect_near(&out, 90, 40, 220, 20, 20);  /* top left: top right */
    expect_near(&out, 90, 120, 20, 200, 20); /* top right: bottom right */
    expect_near(&out, 30, 120, 250, 250, 250);
}

Test(portrait, what_is_clear_becomes_white_and_grey_becomes_rgb)
{
    TEMP_PIXELS struct pixels clear = {64, 64, 4, {0}}, grey = pixels_scene(64, 64, 1);
    for (int i = 0; i < 64 * 64; i++)
        buf_add(&clear.samples, i % 64 < 32 ? "\x14\x14\xdc\x00" : "\x14\x14\xdc\xff", 4);
    TEMP struct buf file = png_make(&clear, 8, NULL);
    TEMP_PORTRAIT struct portrait out = decoded(span_of(&file), 0);
    expect_near(&out, 10, 10, 255, 255, 255);
    expect_near(&out, 50, 10, 20, 20, 220);
    cr_expect_not(out.grey);
    for (int depth = 8; depth <= 16; depth += 8) {
        TEMP struct buf plain = png_make(&grey, depth, NULL);
        TEMP_PORTRAIT struct portrait g = decoded(span_of(&plain), 0);
        cr_expect(g.grey);
        const uint8_t *at = g.pixels.bytes;
        cr_expect(at[0] == at[1] && at[1] == at[2]);
    }
}

Test(portrait, a_large_one_is_reduced_and_says_how_large_it_was)
{
    static const char *const suffixes[] = {".jpg", ".png", ".webp", ".heic"};
    TEMP_PIXELS struct pixels p = flags(1600, 800);
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        TEMP struct buf file = saved(&p, suffixes[i]);
        TEMP_PORTRAIT struct portrait out = decoded(span_of(&file), 300);
        cr_expect(out.pixels.width_px == 300 && out.pixels.height_px == 150, "%s: %d x %d",
                  suffixes[i], out.pixels.width_px, out.pixels.height_px);
        cr_expect(out.file_width_px == 1600 && out.file_height_px == 800);
        expect_near(&out, 75, 40, 220, 20, 20);
        expect_near(&out, 225, 110, 250, 250, 250);
    }
}

/* libjpeg writes the tables for the quality that it is told; below 25 entries end at 255. */
Test(portrait, the_quality_of_a_jpeg_is_read_from_its_tables)
{
    static const int qualities[] = {30, 50, 75, 90, 95, 100};
    TEMP_PIXELS struct pixels p = pixels_scene(64, 64, 3);
    for (size_t i = 0; i < sizeof qualities / sizeof *qualities; i++) {
        TEMP struct buf file = jpeg_make(&p, (struct jpeg_wish){.quality = qualities[i]});
        TEMP_PORTRAIT struct portrait out = decoded(span_of(&file), 0);
        cr_expect_leq(abs(out.jpeg_quality - qualities[i]), 1, "%d: %d", qualities[i],
                      out.jpeg_quality);
    }
}

Test(portrait, what_is_no_picture_is_refused)
{
    static const struct span bad[] = {
        {"", 0},
        {"\xff\xd8\xff", 3},
        {"\x89PNG\r\n\x1a\n", 8},
        {"RIFF\0\0\0\0WEBP", 12},
        {"\0\0\0\x18"
         "ftypheic",
         12},
        {"GIF89a", 6},
        {"<svg/>", 6},
        {"%PDF-1.7", 8},
        {"\0\0\0\x18"
         "ftypmsf1",
         12},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect_eq(outcome(bad[i]), INVALID, "%zu", i);
}

Test(portrait, half_a_picture_is_refused)
{
    static const char *const suffixes[] = {".jpg", ".png", ".webp", ".heic"};
    TEMP_PIXELS struct pixels p = pixels_scene(300, 300, 3);
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        TEMP struct buf file = saved(&p, suffixes[i]);
        for (size_t n = 16; n < file.size; n += file.size / 5 + 1)
            cr_expect_eq(outcome((struct span){file.bytes, n}), INVALID, "%s at %zu of %zu",
                         suffixes[i], n, file.size);
    }
}

Test(portrait, one_that_moves_is_refused)
{
    TEMP_PIXELS struct pixels p = flags(64, 128);
    VipsImage *raw =
        vips_image_new_from_memory(p.samples.bytes, p.samples.size, 64, 128, 3, VIPS_FORMAT_UCHAR);
    VipsImage *two;
    void *bytes;
    size_t n;
    cr_assert_eq(vips_copy(raw, &two, "interpretation", VIPS_INTERPRETATION_sRGB, NULL), 0);
    vips_image_set_int(two, VIPS_META_PAGE_HEIGHT, 64);
    cr_assert_eq(vips_webpsave_buffer(two, &bytes, &n, NULL), 0);
    cr_expect_eq(outcome((struct span){bytes, n}), INVALID);
    g_free(bytes);
    g_object_unref(two);
    g_object_unref(raw);
}

Test(portrait, a_header_that_promises_900_megapixels_is_refused)
{
    TEMP struct buf bomb = {0};
    png_begin(&bomb, 30000, 30000, 8, 2, 0);
    png_idat_zeros(&bomb, 1 << 20);
    png_end(&bomb);
    cr_expect_eq(outcome(span_of(&bomb)), TOO_LARGE);
}
