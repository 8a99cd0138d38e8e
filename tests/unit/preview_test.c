/* SPDX-License-Identifier: MIT */
/* A preview shows the photo and cannot be made into it. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "image/photo.h"
#include "image/portrait.h"
#include "image/preview.h"
#include "pictures.h"

#define TEMP __attribute__((cleanup(buf_free)))

static void start(void)
{
    cr_assert_eq(image_start(), OK);
}

TestSuite(preview, .init = start, .timeout = 120);

typedef double (*shade)(int x, int y, int c);

static double white(int x, int y, int c)
{
    (void)x, (void)y, (void)c;
    return 255;
}

static double black(int x, int y, int c)
{
    (void)x, (void)y, (void)c;
    return 0;
}

static double smooth(int x, int y, int c)
{
    return 60 + 0.2 * x + 0.1 * y + 20 * c;
}

/* Waves about as fine as the features of a face: 8 to 14 px from crest to crest. */
static double features(int x, int y, int c)
{
    return 128 + 45 * sin(x * 0.79 + 0.3 * y) + 45 * sin(y * 0.57 - 0.2 * x + c);
}

static struct pixels painted(int width, int height, shade of)
{
    struct pixels p = {width, height, 3, {0}};
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < 3; c++)
                buf_add(&p.samples, &(uint8_t){(uint8_t)of(x, y, c)}, 1);
    return p;
}

static struct buf preview_of(shade of, int width, int height, uint8_t seed_byte)
{
    uint8_t seed[PREVIEW_SEED_BYTES] = {seed_byte, 3};
    struct pixels p = painted(width, height, of);
    TEMP struct buf file = png_make(&p, 8, NULL);
    struct buf out = {0};
    cr_assert_eq(preview_make(span_of(&file), seed, &out), OK);
    buf_free(&p.samples);
    return out;
}

/* A preview beside the photo at half its size, which is the mean of each four pixels. */
struct pair {
    int width, height;
    double *seen, *clean;
    bool *marked;
};

static void free_pair(struct pair *p)
{
    free(p->seen);
    free(p->clean);
    free(p->marked);
}

static struct pair compare(shade of, int width, int height, uint8_t seed_byte)
{
    TEMP struct buf file = preview_of(of, width, height, seed_byte);
    struct portrait shown = {0};
    struct pair p = {width / 2, height / 2, NULL, NULL, NULL};
    size_t n = (size_t)p.width * (size_t)p.height;
    p.seen = calloc(n, sizeof *p.seen);
    p.clean = calloc(n, sizeof *p.clean);
    p.marked = calloc(n, sizeof *p.marked);
    cr_assert_eq(portrait_decode(file.bytes, file.size, 0, &shown), OK);
    cr_assert(shown.pixels.width_px == p.width && shown.pixels.height_px == p.height);
    for (int y = 0; y < p.height; y++)
        for (int x = 0; x < p.width; x++) {
            size_t i = (size_t)(y * p.width + x);
            p.seen[i] = shown.pixels.bytes[i * 3 + 1];
            for (int k = 0; k < 4; k++)
                p.clean[i] += floor(of(2 * x + k % 2, 2 * y + k / 2, 1)) / 4;
            p.marked[i] = fabs(p.seen[i] - p.clean[i]) > 16;
        }
    portrait_free(&shown);
    return p;
}

#define TEMP_PAIR __attribute__((cleanup(free_pair)))

static double marked_share(const struct pair *p, int x0, int y0, int w, int h)
{
    int n = 0;
    for (int y = y0; y < y0 + h; y++)
        for (int x = x0; x < x0 + w; x++)
            n += p->marked[y * p->width + x];
    return (double)n / (w * h);
}

/* ---- size and sameness ---- */

Test(preview, it_is_at_most_half_as_large_and_never_over_480)
{
    static const int sizes[][4] = {
        {295, 413, 147, 206}, {480, 640, 240, 320}, {1600, 2000, 384, 480}, {33, 32, 16, 16}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        TEMP struct buf file = preview_of(smooth, sizes[i][0], sizes[i][1], 1);
        struct pixels back = jpeg_pixels(span_of(&file));
        cr_expect(back.width == sizes[i][2] && back.height == sizes[i][3], "%d x %d", back.width,
                  back.height);
        buf_free(&back.samples);
        struct span body;
        for (int marker = 0xe1; marker <= 0xef; marker++)
            cr_expect_not(jpeg_segment(span_of(&file), marker, "", &body));
    }
}

Test(preview, the_same_seed_gives_the_same_bytes_and_another_gives_others)
{
    TEMP struct buf a = preview_of(features, 358, 441, 9), b = preview_of(features, 358, 441, 9),
                    c = preview_of(features, 358, 441, 10);
    cr_expect(a.size == b.size && memcmp(a.bytes, b.bytes, a.size) == 0);
    cr_expect(a.size != c.size || memcmp(a.bytes, c.bytes, a.size) != 0);
}

Test(preview, what_is_no_photo_has_none)
{
    static const uint8_t seed[PREVIEW_SEED_BYTES];
    struct pixels tiny = painted(31, 100, white);
    TEMP struct buf file = png_make(&tiny, 8, NULL), out = {0};
    cr_expect_eq(preview_make((struct span){"rubbish", 7}, seed, &out), INVALID);
    cr_expect_eq(preview_make(span_of(&file), seed, &out), INVALID);
    cr_expect_not(out.bytes);
    buf_free(&tiny.samples);
}

/* ---- marks ---- */

/* No sixth of the width by a sixth of the height is free of them, whatever lies below. */
Test(preview, every_part_of_the_picture_is_marked)
{
    static const int sizes[][2] = {{295, 413}, {413, 579}, {480, 640}, {600, 600}};
    static const shade shades[] = {white, black, smooth};
    for (size_t s = 0; s < 4; s++)
        for (size_t k = 0; k < 3; k++)
            for (int seed = 0; seed < 5; seed++) {
                TEMP_PAIR struct pair p =
                    compare(shades[k], sizes[s][0], sizes[s][1], (uint8_t)seed);
                for (int i = 0; i < 36; i++) {
                    int w = p.width / 6, h = p.height / 6;
                    double share = marked_share(&p, i % 6 * w, i / 6 * h, w, h);
                    cr_expect_gt(share, 0.05, "%zu %zu %d: tile %d", s, k, seed, i);
                }
                double all = marked_share(&p, 0, 0, p.width, p.height);
                cr_expect(all > 0.1 && all < 0.5, "%g: a preview is still to be seen", all);
            }
}

static double squares(int x, int y, int c)
{
    (void)c;
    return 128 + ((x / 8 + y / 8) % 2 ? 50 : -50);
}

static double other_squares(int x, int y, int c)
{
    return 256 - squares(x, y, c);
}

static double grey(int x, int y, int c)
{
    (void)x, (void)y, (void)c;
    return 128;
}

/* Two photos that differ everywhere by 100, but not in the mean, are nearly one below a stroke. */
Test(preview, what_lies_below_a_stroke_is_gone)
{
    TEMP_PAIR struct pair where = compare(grey, 480, 640, 2), a = compare(squares, 480, 640, 2),
                          b = compare(other_squares, 480, 640, 2);
    double below = 0, beside = 0;
    int n_below = 0, n_beside = 0;
    for (int i = 0; i < a.width * a.height; i++) {
        double d = fabs(a.seen[i] - b.seen[i]);
        bool stroke = where.marked[i];
        *(stroke ? &below : &beside) += d;
        ++*(stroke ? &n_below : &n_beside);
    }
    cr_expect_lt(below / n_below, 35, "%g", below / n_below);
    cr_expect_gt(beside / n_beside, 70, "%g", beside / n_beside);
}

/* ---- attempts to remove them ---- */

static double error_of(const struct pair *p, const double *attempt)
{
    double sum = 0;
    int n = 0;
    for (int i = 0; i < p->width * p->height; i++)
        if (p->marked[i]) {
            sum += (attempt[i] - p->clean[i]) * (attempt[i] - p->clean[i]);
            n++;
        }
    return sqrt(sum / n);
}

static int by_value(const void *a, const void *b)
{
    double d = *(const double *)a - *(const double *)b;
    return d < 0 ? -1 : d > 0;
}

static double median_at(const struct pair *p, int cx, int cy, int radius)
{
    double v[121];
    size_t n = 0;
    for (int y = cy - radius; y <= cy + radius; y++)
        for (int x = cx - radius; x <= cx + radius; x++)
            if (x >= 0 && y >= 0 && x < p->width && y < p->height)
                v[n++] = p->seen[y * p->width + x];
    qsort(v, n, sizeof *v, by_value);
    return v[n / 2];
}

Test(preview, a_median_filter_does_not_bring_the_photo_back)
{
    TEMP_PAIR struct pair p = compare(features, 480, 640, 5);
    double *attempt = calloc((size_t)(p.width * p.height), sizeof *attempt);
    for (int radius = 1; radius <= 5; radius++) {
        for (int y = 0; y < p.height; y++)
            for (int x = 0; x < p.width; x++)
                attempt[y * p.width + x] = median_at(&p, x, y, radius);
        cr_expect_gt(error_of(&p, attempt), 20, "%d: %g", radius, error_of(&p, attempt));
    }
    free(attempt);
}

/* The heat equation from the rim inwards, for one who knows which pixels are marked to the last
 * one. */
static void fill(const struct pair *p, double *attempt)
{
    memcpy(attempt, p->seen, (size_t)(p->width * p->height) * sizeof *attempt);
    for (int round = 0; round < 300; round++)
        for (int y = 1; y < p->height - 1; y++)
            for (int x = 1; x < p->width - 1; x++) {
                int i = y * p->width + x;
                if (p->marked[i])
                    attempt[i] = (attempt[i - 1] + attempt[i + 1] + attempt[i - p->width] +
                                  attempt[i + p->width]) /
                                 4;
            }
}

Test(preview, inpainting_does_not_bring_the_photo_back)
{
    for (int seed = 0; seed < 4; seed++) {
        TEMP_PAIR struct pair p = compare(features, 480, 640, (uint8_t)seed);
        double *attempt = calloc((size_t)(p.width * p.height), sizeof *attempt);
        fill(&p, attempt);
        cr_expect_gt(error_of(&p, attempt), 15, "%d: %g", seed, error_of(&p, attempt));
        free(attempt);
    }
}
