/* SPDX-License-Identifier: MIT */
/*
 * Alpha and the front's colours for a trimap that is known, in mixtures whose alpha and colours are
 * known; and on a real one, when IDPHOTOD_REFERENCE_MATTING names a folder with lemur.png, its
 * trimap, alpha and foreground (of pymatting's tests).
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "composite.h"
#include "image/photo.h"
#include "image/portrait.h"
#include "made.h"
#include "reference.h"

enum { SIDE_PX = 200, MIDDLE_PX = 100 };

/* ---------------------------------------------------------------- scenes */

static double disc(double x, double y, const void *of)
{
    (void)of;
    const double depth = 60 - hypot(x - MIDDLE_PX, y - MIDDLE_PX);
    return fmin(1, fmax(0, 0.5 + depth / 12));
}

/* Strands that leave a disc, each thinner towards its end. */
static double strands(double x, double y, const void *of)
{
    (void)of;
    const double dx = x - MIDDLE_PX, dy = y - MIDDLE_PX, r = hypot(dx, dy);
    if (r < 50)
        return 1;
    if (r > 82)
        return 0;
    enum { STRANDS = 64 };
    const double bend = (r - 50) * (r - 50) / 4000;
    const double turn = (atan2(dy, dx) + bend) / (2 * M_PI) * STRANDS;
    const double away = fabs(turn - round(turn)) / STRANDS * 2 * M_PI * r; /* px */
    return away < 1.6 * (84 - r) / 34;
}

static void dark(double x, double y, double rgb[3])
{
    const double shade = 1 + 0.15 * sin(x / 9) * cos(y / 7);
    rgb[0] = 45 * shade, rgb[1] = 32 * shade, rgb[2] = 28 * shade;
}

static void blond(double x, double y, double rgb[3])
{
    const double shade = 1 + 0.1 * sin(x / 8 + y / 11);
    rgb[0] = 205 * shade, rgb[1] = 165 * shade, rgb[2] = 105 * shade;
}

static void grey(double x, double y, double rgb[3])
{
    (void)x;
    rgb[0] = rgb[1] = rgb[2] = 150 + y / 20;
}

static void plain(double x, double y, double rgb[3])
{
    (void)x, (void)y;
    rgb[0] = 70, rgb[1] = 140, rgb[2] = 220;
}

static void shaded(double x, double y, double rgb[3])
{
    rgb[0] = 235 - x / 4, rgb[1] = 225 - y / 3, rgb[2] = 210 - (x + y) / 8;
}

static void leaves(double x, double y, double rgb[3])
{
    const double s = sin(x / 6) * cos(y / 8), t = sin((x + y) / 13);
    rgb[0] = 95 + 25 * s, rgb[1] = 165 + 30 * s + 20 * t, rgb[2] = 75 + 20 * t;
}

static const struct row {
    const char *name;
    struct scene scene;
    double alpha, colour; /* bounds */
} rows[] = {
    {"a dark soft disc before blue", {disc, dark, plain, NULL}, 0.0005, 3},
    {"a dark soft disc before leaves", {disc, dark, leaves, NULL}, 0.005, 4},
    {"dark strands before blue", {strands, dark, plain, NULL}, 0.0005, 3},
    {"dark strands before a shaded wall", {strands, dark, shaded, NULL}, 0.0005, 4},
    {"dark strands before leaves", {strands, dark, leaves, NULL}, 0.008, 6},
    {"blond strands before blue", {strands, blond, plain, NULL}, 0.001, 5},
    {"blond strands before leaves", {strands, blond, leaves, NULL}, 0.003, 5},
    {"grey strands before blue", {strands, grey, plain, NULL}, 0.0005, 2},
};

static struct idphoto_pixels refined(const struct composite *c)
{
    struct idphoto_pixels out = {0};
    cr_assert_eq(idphoto_refine(&c->picture, &c->trimap, &out), IDPHOTO_OK);
    return out;
}

static void judge(const char *name, const struct composite *c, double alpha, double colour)
{
    struct idphoto_pixels ours = refined(c), naive = composite_naively(c, &c->trimap);
    const struct matting_error e = composite_error(c, &ours), n = composite_error(c, &naive);
    const double relaid = composite_relaid(c, &ours);
    fprintf(stderr,
            "matting, %s: %d pixels unknown, alpha MSE %.5f (naively %.4f), colours off by "
            "%.1f of 255 (naively %.1f), laid over its background again %.2f\n",
            name, e.pixels, e.alpha, n.alpha, e.colour, n.colour, relaid);
    cr_expect(e.alpha < alpha && n.alpha > alpha, "%s: alpha", name);
    cr_expect(e.colour < colour && n.colour > colour, "%s: colours", name);
    cr_expect(relaid < 2, "%s: laid over its background again", name);
    idphoto_pixels_free(&ours);
    idphoto_pixels_free(&naive);
}

Test(core_matting, alpha_and_colours_of_known_mixtures_are_found_where_naive_ways_fail,
     .timeout = 120)
{
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        struct composite c = composite_of(&rows[k].scene, SIDE_PX, SIDE_PX, 6);
        judge(rows[k].name, &c, rows[k].alpha, rows[k].colour);
        composite_free(&c);
    }
}

Test(core_matting, what_the_trimap_knows_stays_as_it_is)
{
    const struct scene s = {strands, blond, leaves, NULL};
    struct composite c = composite_of(&s, SIDE_PX, SIDE_PX, 6);
    struct idphoto_pixels out = refined(&c);
    for (int k = 0; k < SIDE_PX * SIDE_PX; k++) {
        const uint8_t t = c.trimap.bytes[k];
        if (t == 0 || t == 255)
            cr_assert_eq(out.bytes[4 * k + 3], t);
        if (t == 255)
            cr_assert(memcmp(&out.bytes[4 * k], &c.picture.bytes[3 * k], 3) == 0);
    }
    idphoto_pixels_free(&out);
    composite_free(&c);
}

/* ---------------------------------------------------------------- edges */

static void try_filled(int width_px, int height_px, int trimap_value)
{
    struct idphoto_pixels rgb = pixels_filled(width_px, height_px, 3, 90);
    struct idphoto_pixels trimap = pixels_filled(width_px, height_px, 1, trimap_value), out = {0};
    cr_assert_eq(idphoto_refine(&rgb, &trimap, &out), IDPHOTO_OK, "%d x %d, %d", width_px,
                 height_px, trimap_value);
    cr_expect(out.width_px == width_px && out.height_px == height_px && out.channels == 4);
    if (trimap_value == 0 || trimap_value == 255)
        cr_expect_eq(out.bytes[3], trimap_value);
    idphoto_pixels_free(&out);
    idphoto_pixels_free(&rgb);
    idphoto_pixels_free(&trimap);
}

Test(core_matting, pictures_of_any_size_and_trimaps_that_know_all_or_nothing_are_taken)
{
    static const int sizes[][2] = {{1, 1}, {1, 300}, {300, 1}, {2, 3}, {33, 32}, {500, 7}};
    static const int values[] = {0, 128, 255};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
        for (size_t v = 0; v < 3; v++)
            try_filled(sizes[k][0], sizes[k][1], values[v]);
}

Test(core_matting, a_trimap_of_another_size_or_kind_is_refused)
{
    struct idphoto_pixels rgb = pixels_filled(40, 50, 3, 90), small = pixels_filled(40, 49, 1, 128);
    struct idphoto_pixels kept = {(uint8_t *)"k", 1, 1, 1, 1}, out = kept;
    cr_expect_eq(idphoto_refine(&rgb, &small, &out), IDPHOTO_INVALID);
    cr_expect_eq(idphoto_refine(&rgb, &rgb, &out), IDPHOTO_INVALID);
    cr_expect_eq(idphoto_refine(&small, &small, &out), IDPHOTO_INVALID);
    struct idphoto_pixels nothing = {NULL, 40, 50, 1, 40};
    cr_expect_eq(idphoto_refine(&rgb, &nothing, &out), IDPHOTO_INVALID);
    cr_expect(memcmp(&out, &kept, sizeof out) == 0);
    idphoto_pixels_free(&rgb);
    idphoto_pixels_free(&small);
}

/* ---------------------------------------------------------------- a real one */

static struct idphoto_pixels decoded(const char *folder, const char *name)
{
    char file[64];
    struct portrait p = {0};
    snprintf(file, sizeof file, "%s.png", name);
    struct buf b = reference_file(folder, file);
    cr_assert_eq(portrait_decode(b.bytes, b.size, 0, &p), OK);
    buf_free(&b);
    return p.pixels;
}

/* The first channel, in place. */
static struct idphoto_pixels one_channel(struct idphoto_pixels p)
{
    for (int k = 0; k < p.width_px * p.height_px; k++)
        p.bytes[k] = p.bytes[(size_t)(k / p.width_px) * p.stride_bytes +
                             (size_t)(k % p.width_px * p.channels)];
    p.channels = 1;
    p.stride_bytes = (size_t)p.width_px;
    return p;
}

/* A mask that is right to the pixel. */
static struct idphoto_pixels thresholded(const struct idphoto_pixels *alpha)
{
    struct idphoto_pixels p = pixels_filled(alpha->width_px, alpha->height_px, 1, 0);
    for (int k = 0; k < p.width_px * p.height_px; k++)
        p.bytes[k] = alpha->bytes[k] >= 128 ? 255 : 0;
    return p;
}

/* Windows of 21 x 21 at full size reach 0.0009 in 25 steps. */
Test(core_matting, the_lemur_is_cut_out_as_its_makers_did, .timeout = 120)
{
    const char *folder = reference_folder("IDPHOTOD_REFERENCE_MATTING");
    if (!folder)
        return;
    cr_assert_eq(image_start(), OK);
    struct composite c = {decoded(folder, "lemur"), decoded(folder, "lemur_foreground"),
                          decoded(folder, "lemur"), one_channel(decoded(folder, "lemur_alpha")),
                          one_channel(decoded(folder, "lemur_trimap"))};
    struct idphoto_pixels mask = thresholded(&c.alpha);
    struct idphoto_pixels ours = refined(&c), naive = composite_naively(&c, &mask);
    const struct matting_error e = composite_error(&c, &ours), n = composite_error(&c, &naive);
    fprintf(stderr,
            "matting, lemur: %d pixels unknown, alpha MSE %.5f (naively %.4f), colours off by "
            "%.1f of 255 (naively %.1f)\n",
            e.pixels, e.alpha, n.alpha, e.colour, n.colour);
    cr_expect(e.alpha < 0.001 && n.alpha > 0.004);
    cr_expect(e.colour < 4.5 && n.colour > 8);
    idphoto_pixels_free(&ours);
    idphoto_pixels_free(&naive);
    idphoto_pixels_free(&mask);
    composite_free(&c);
}
