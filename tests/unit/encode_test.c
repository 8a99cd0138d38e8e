/* SPDX-License-Identifier: MIT */
/* Pixels to a file within a window of kilobytes, read back by libjpeg and byte by byte. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "image/encode.h"
#include "image/portrait.h"
#include "pictures.h"

#define TEMP __attribute__((cleanup(buf_free)))

static void free_pixels(struct pixels *p)
{
    buf_free(&p->samples);
}

#define TEMP_PIXELS __attribute__((cleanup(free_pixels)))

static void start(void)
{
    cr_assert_eq(image_start(), OK);
}

TestSuite(encode, .init = start, .timeout = 120);

static struct idphoto_pixels borrowed(const struct pixels *p)
{
    return (struct idphoto_pixels){p->samples.bytes, p->width, p->height, p->channels,
                                   (size_t)p->width * (size_t)p->channels};
}

/* Like a portrait to a coder: a plain wall, round shades, and a part of fine strands. noise: of all
 * of it, in grey levels. */
static struct pixels portrait_like(int width, int height, int channels, int noise)
{
    struct pixels p = {width, height, channels, {0}};
    unsigned seed = 7;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            double u = 2.0 * x / width - 1, v = 2.0 * y / height - 1, r = hypot(u * 1.6, v + 0.1);
            bool hair = r > 0.55 && r < 0.75 && v < 0.3;
            double shade = hair ? 60 + 45 * sin(x * 1.3 + y * 0.21) : 200 - 60 * r;
            for (int c = 0; c < channels; c++) {
                double value = r >= 0.75 && v < 0.55 ? 255 - 60 * c : shade - 18 * c;
                seed = seed * 1103515245 + 12345;
                value += noise ? (int)(seed >> 16) % (2 * noise + 1) - noise : 0;
                buf_add(&p.samples, &(uint8_t){(uint8_t)fmin(255, fmax(0, value))}, 1);
            }
        }
    return p;
}

struct result {
    struct buf file;
    struct photo_facts facts;
    struct encode_report report;
};

static void free_result(struct result *r)
{
    buf_free(&r->file);
}

#define TEMP_RESULT __attribute__((cleanup(free_result)))

static struct result encoded(const struct pixels *p, struct encode_wanted w)
{
    struct result r = {{0}, {0}, {0}};
    const struct idphoto_pixels pixels = borrowed(p);
    w.dpi = w.dpi ? w.dpi : 300;
    cr_assert_eq(photo_encode(&pixels, &w, &r.facts, &r.report, &r.file), OK);
    cr_expect_leq(r.report.tries, ENCODE_TRIES_MAX);
    cr_expect_geq(r.report.tries, 1);
    return r;
}

static double psnr(const struct pixels *p, const struct buf *file)
{
    struct portrait back = {0};
    double sum = 0;
    size_t n = p->samples.size;
    cr_assert_eq(portrait_decode(file->bytes, file->size, 0, &back), OK);
    cr_assert(back.pixels.width_px == p->width && back.pixels.height_px == p->height);
    for (size_t i = 0; i < n; i++) {
        double d = (double)back.pixels.bytes[i] - p->samples.bytes[i];
        sum += d * d;
    }
    portrait_free(&back);
    return 10 * log10(255.0 * 255 * (double)n / sum);
}

/* ---- windows ---- */

/* Windows of Chinese documents; the size is read back, and the last two bytes are the end marker.
 */
Test(encode, windows_of_documents_are_hit_without_padding)
{
    static const struct {
        int width, height, least_kb, most_kb, noise;
    } windows[] = {
        {358, 441, 14, 20, 0}, {358, 441, 14, 20, 3},  {358, 441, 14, 40, 6},
        {480, 640, 20, 40, 0}, {480, 640, 20, 40, 3},  {354, 472, 20, 80, 9},
        {260, 378, 14, 30, 4}, {600, 600, 10, 300, 5}, {354, 472, 40, 120, 5},
        {295, 413, 10, 0, 3},  {150, 200, 0, 200, 9},  {480, 640, 0, 30, 2},
    };
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
        TEMP_PIXELS struct pixels p =
            portrait_like(windows[i].width, windows[i].height, 3, windows[i].noise);
        const struct encode_wanted w = {.least_bytes = windows[i].least_kb * 1024,
                                        .most_bytes = windows[i].most_kb * 1024};
        TEMP_RESULT struct result r = encoded(&p, w);
        size_t n = r.file.size;
        cr_expect_eq(r.report.fit, ENCODE_INSIDE, "%zu: %zu bytes, quality %d", i, n,
                     r.report.quality);
        cr_expect(n >= (size_t)windows[i].least_kb * 1024 &&
                  (!windows[i].most_kb || n <= (size_t)windows[i].most_kb * 1024));
        cr_expect(memcmp(r.file.bytes + n - 2, "\xff\xd9", 2) == 0, "padded");
        cr_expect_geq(psnr(&p, &r.file), 30, "%zu: %g dB", i, psnr(&p, &r.file));
    }
}

/* Where quality alone decides, the file is about as large as it may be. */
Test(encode, the_kilobytes_that_are_allowed_are_used)
{
    TEMP_PIXELS struct pixels p = portrait_like(480, 640, 3, 6);
    for (int kb = 45; kb <= 75; kb += 6) {
        TEMP_RESULT struct result r = encoded(&p, (struct encode_wanted){.most_bytes = kb * 1024});
        cr_expect_eq(r.report.fit, ENCODE_INSIDE);
        cr_expect(r.report.quality == ENCODE_QUALITY_USUAL ||
                      (double)r.file.size >= kb * 1024 * 0.88,
                  "%zu of %d KB, quality %d", r.file.size, kb, r.report.quality);
    }
}

Test(encode, without_a_window_it_is_made_once)
{
    TEMP_PIXELS struct pixels p = portrait_like(295, 413, 3, 2);
    TEMP_RESULT struct result r = encoded(&p, (struct encode_wanted){0}),
                              again = encoded(&p, (struct encode_wanted){0});
    cr_expect_eq(r.report.tries, 1);
    cr_expect_eq(r.report.quality, ENCODE_QUALITY_USUAL);
    cr_expect_not(r.report.subsampled);
    cr_expect(r.file.size == again.file.size &&
              memcmp(r.file.bytes, again.file.bytes, r.file.size) == 0);
}

/* ---- limits of the search ---- */

/* ITU-T T.81 B.2.2: factors of the first component stand eleven bytes behind the frame's marker. */
static int first_sampling(const struct buf *file)
{
    const unsigned char *frame = memmem(file->bytes, file->size, "\xff\xc0\0\x11\x08", 5);
    cr_assert(frame);
    return frame[11];
}

Test(encode, colours_are_halved_only_when_quality_would_be_low)
{
    TEMP_PIXELS struct pixels p = portrait_like(358, 441, 3, 9);
    int halved = 0;
    for (int kb = 14; kb <= 70; kb += 4) {
        TEMP_RESULT struct result r = encoded(&p, (struct encode_wanted){.most_bytes = kb * 1024});
        cr_expect_eq(first_sampling(&r.file), r.report.subsampled ? 0x22 : 0x11);
        cr_expect(r.report.subsampled || r.report.quality >= ENCODE_QUALITY_WHOLE);
        halved += r.report.subsampled;
    }
    cr_expect(halved > 0 && halved < 15, "%d", halved);
}

Test(encode, the_quality_never_falls_below_the_rule)
{
    TEMP_PIXELS struct pixels p = portrait_like(358, 441, 3, 30);
    for (int rule = 0; rule <= 95; rule += 19) {
        TEMP_RESULT struct result r =
            encoded(&p, (struct encode_wanted){.most_bytes = 2000, .quality_min = rule});
        struct portrait back = {0};
        cr_expect_eq(r.report.fit, ENCODE_ABOVE_MOST);
        cr_assert_eq(portrait_decode(r.file.bytes, r.file.size, 0, &back), OK);
        cr_expect_leq(abs(back.jpeg_quality - (rule ? rule : ENCODE_QUALITY_LEAST)), 1, "%d: %d",
                      rule, back.jpeg_quality);
        portrait_free(&back);
    }
}

static struct encode_wanted with_range(double least, double most)
{
    return (struct encode_wanted){.dpi = 300,
                                  .quality_min = 80,
                                  .least_width_px = (int32_t)(480 * least),
                                  .most_width_px = (int32_t)(480 * most),
                                  .least_height_px = (int32_t)(640 * least),
                                  .most_height_px = (int32_t)(640 * most)};
}

static void expect_scaled(const struct result *r, bool smaller)
{
    struct pixels back = jpeg_pixels(span_of(&r->file));
    cr_expect(back.width == r->facts.width_px && back.height == r->facts.height_px);
    cr_expect(smaller ? back.width < 480 && back.width >= 240
                      : back.width > 480 && back.width <= 960,
              "%d", back.width);
    cr_expect_leq(abs(back.height * 3 - back.width * 4), 4, "the shape");
    cr_expect_float_eq(back.width * 25.4 / r->facts.dpi, 480 * 25.4 / 300, 0.2, "the millimetres");
    buf_free(&back.samples);
}

Test(encode, what_is_too_large_at_every_quality_is_scaled_within_the_range)
{
    struct encode_wanted w = with_range(0.5, 1);
    TEMP_PIXELS struct pixels p = portrait_like(480, 640, 3, 20);
    w.most_bytes = 40 * 1024;
    TEMP_RESULT struct result r = encoded(&p, w);
    cr_expect_eq(r.report.fit, ENCODE_INSIDE, "%zu", r.file.size);
    expect_scaled(&r, true);
    w.most_bytes = 4 * 1024;
    TEMP_RESULT struct result tiny = encoded(&p, w);
    cr_expect(tiny.report.fit == ENCODE_ABOVE_MOST && tiny.facts.width_px == 240, "%d",
              tiny.facts.width_px);
}

Test(encode, what_is_too_small_at_best_quality_is_enlarged_within_the_range_or_said_to_be)
{
    struct encode_wanted w = with_range(1, 2);
    TEMP_PIXELS struct pixels p = portrait_like(480, 640, 3, 0);
    TEMP_RESULT struct result best = encoded(&p, (struct encode_wanted){.quality_min = 100});
    w.least_bytes = (int64_t)best.file.size * 3 / 2;
    w.most_bytes = w.least_bytes * 2;
    TEMP_RESULT struct result r = encoded(&p, w);
    cr_expect_eq(r.report.fit, ENCODE_INSIDE, "%zu", r.file.size);
    expect_scaled(&r, false);
    struct encode_wanted fixed = {.least_bytes = w.least_bytes};
    TEMP_RESULT struct result small = encoded(&p, fixed);
    cr_expect_eq(small.report.fit, ENCODE_BELOW_LEAST);
    cr_expect(small.report.quality == 100 && !small.report.subsampled);
    cr_expect(memcmp(small.file.bytes + small.file.size - 2, "\xff\xd9", 2) == 0, "padded");
}

Test(encode, contradictions_end_as_well)
{
    static const int64_t windows[][2] = {{1, 1}, {20000, 20001}, {1 << 30, 0},
                                         {0, 1}, {50000, 40000}, {INT64_MAX, INT64_MAX}};
    for (int channels = 3; channels <= 4; channels++) {
        TEMP_PIXELS struct pixels p = portrait_like(100, 130, channels, 9);
        for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
            struct encode_wanted w = {.format = channels == 4 ? PHOTO_PNG : PHOTO_JPEG,
                                      .least_bytes = windows[i][0],
                                      .most_bytes = windows[i][1],
                                      .least_width_px = 50,
                                      .most_width_px = 200,
                                      .least_height_px = 65,
                                      .most_height_px = 260};
            TEMP_RESULT struct result r = encoded(&p, w);
            cr_expect_neq(r.report.fit, ENCODE_INSIDE, "%zu: %zu", i, r.file.size);
        }
    }
}

/* ---- what is in the file ---- */

Test(encode, a_jpeg_holds_its_density_and_nothing_else)
{
    TEMP_PIXELS struct pixels p = portrait_like(100, 100, 3, 5);
    static const int32_t dpis[] = {72, 254, 300, 350, 600};
    for (size_t i = 0; i < sizeof dpis / sizeof *dpis; i++) {
        TEMP_RESULT struct result r = encoded(&p, (struct encode_wanted){.dpi = dpis[i]});
        const unsigned char *b = r.file.bytes;
        cr_expect(memcmp(b, "\xff\xd8\xff\xe0\0\x10JFIF\0\1", 12) == 0);
        cr_expect(b[13] == 1 && (b[14] << 8 | b[15]) == dpis[i] && (b[16] << 8 | b[17]) == dpis[i]);
        struct span body;
        for (int marker = 0xe1; marker <= 0xef; marker++)
            cr_expect_not(jpeg_segment(span_of(&r.file), marker, "", &body), "APP%d",
                          marker - 0xe0);
        cr_expect_not(jpeg_segment(span_of(&r.file), 0xfe, "", &body), "a comment");
    }
}

/* 350 dpi are 13780 pixels a metre. Only these chunks, and photo_clean checks their checksums. */
Test(encode, a_png_holds_its_density_and_srgb_and_nothing_else)
{
    for (int channels = 3; channels <= 4; channels++) {
        TEMP_PIXELS struct pixels p = portrait_like(64, 80, channels, 5);
        TEMP_RESULT struct result r =
            encoded(&p, (struct encode_wanted){.format = PHOTO_PNG, .dpi = 350});
        TEMP struct buf names = {0}, cleaned = {0}, rows = png_rows(span_of(&r.file));
        struct photo_facts facts;
        for (size_t at = 8; at + 12 <= r.file.size;) {
            const unsigned char *b = r.file.bytes + at;
            bool goes_on = names.size && memcmp(names.bytes + names.size - 4, b + 4, 4) == 0;
            buf_add(&names, b + 4, goes_on ? 0 : 4);
            if (memcmp(b + 4, "pHYs", 4) == 0)
                cr_expect(memcmp(b + 8, "\0\0\x35\xd4\0\0\x35\xd4\1", 9) == 0);
            if (memcmp(b + 4, "sRGB", 4) == 0)
                cr_expect(memcmp(b, "\0\0\0\1", 4) == 0 && b[8] == 0);
            at += 12 + ((size_t)b[2] << 8 | b[3] | (size_t)b[1] << 16);
        }
        cr_expect_str_eq((char *)names.bytes, "IHDRsRGBpHYsIDATIEND", "%s", names.bytes);
        cr_assert_eq(photo_clean(r.file.bytes, r.file.size, &facts, &cleaned), OK);
        cr_expect(facts.dpi == 350 && cleaned.size == r.file.size);
        cr_expect_eq(rows.size, (size_t)80 * (64 * (size_t)channels + 1));
    }
}

Test(encode, alpha_stays_in_a_png_and_fits_no_jpeg)
{
    TEMP_PIXELS struct pixels p = portrait_like(64, 80, 4, 0);
    const struct idphoto_pixels pixels = borrowed(&p);
    struct photo_facts facts;
    struct encode_report report;
    TEMP struct buf out = {0};
    const struct encode_wanted jpeg = {.format = PHOTO_JPEG, .dpi = 300};
    cr_expect_eq(photo_encode(&pixels, &jpeg, &facts, &report, &out), INTERNAL);
    cr_expect_not(out.bytes);
}
