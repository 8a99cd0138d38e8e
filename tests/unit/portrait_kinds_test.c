/* SPDX-License-Identifier: MIT */
/* Portraits of every kind against values that are known: turns, profiles, inks, depths, limits. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <vips/vips.h>

#include "image/photo.h"
#include "image/portrait.h"
#include "pictures.h"

#define TEMP          __attribute__((cleanup(buf_free)))
#define TEMP_PORTRAIT __attribute__((cleanup(portrait_free)))

static void start(void)
{
    cr_assert_eq(image_start(), OK);
}

TestSuite(portrait_kinds, .init = start, .timeout = 120);

static struct portrait decoded(const struct buf *file, int32_t side_max_px)
{
    struct portrait p = {0};
    enum status s = portrait_decode(file->bytes, file->size, side_max_px, &p);
    cr_assert_eq(s, OK, "%s", status_name(s));
    return p;
}

static enum status outcome(const void *bytes, size_t n)
{
    struct portrait p = {0};
    enum status s = portrait_decode(bytes, n, 0, &p);
    portrait_free(&p);
    return s;
}

static const uint8_t *at(const struct portrait *p, int x, int y)
{
    return p->pixels.bytes + (size_t)y * p->pixels.stride_bytes + 3 * (size_t)x;
}

static bool is_near(const uint8_t *seen, const double wanted[3], double off)
{
    return fabs(seen[0] - wanted[0]) <= off && fabs(seen[1] - wanted[1]) <= off &&
           fabs(seen[2] - wanted[2]) <= off;
}

static void expect_colour(const struct portrait *p, const double wanted[3], double off,
                          const char *what)
{
    const uint8_t *seen = at(p, p->pixels.width_px / 2, p->pixels.height_px / 2);
    cr_expect(is_near(seen, wanted, off), "%s: %d %d %d, wanted %.1f %.1f %.1f", what, seen[0],
              seen[1], seen[2], wanted[0], wanted[1], wanted[2]);
}

static struct pixels flat(int width, int height, int channels, const uint8_t *sample)
{
    struct pixels p = {width, height, channels, {0}};
    for (int i = 0; i < width * height; i++)
        buf_add(&p.samples, sample, (size_t)channels);
    return p;
}

/* ---- turns ---- */

static const char letters[] = "RGBW";
static const uint8_t quarters[4][3] = {
    {220, 20, 20}, {20, 200, 20}, {20, 20, 220}, {250, 250, 250}};

/* R above left, G above right, B below left, W below right. */
static struct pixels flags(int width, int height)
{
    struct pixels p = {width, height, 3, {0}};
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            buf_add(&p.samples, quarters[(y >= height / 2) * 2 + (x >= width / 2)], 3);
    return p;
}

static char letter_at(const struct portrait *p, int x, int y)
{
    const uint8_t *seen = at(p, x, y);
    for (int i = 0; i < 4; i++)
        if (is_near(seen, (double[]){quarters[i][0], quarters[i][1], quarters[i][2]}, 12))
            return letters[i];
    return '?';
}

/* EXIF 2.32 table 4, by hand: where the file's first row and first column are to be seen. */
static const char *const upright[] = {"RGBW", "GRWB", "WBGR", "BWRG",
                                      "RBGW", "BRWG", "WGBR", "GWRB"};

static void expect_upright(const struct buf *file, int orientation, const char *what)
{
    TEMP_PORTRAIT struct portrait p = decoded(file, 0);
    int w = orientation >= 5 ? 120 : 160, h = 280 - w;
    cr_assert(p.pixels.width_px == w && p.pixels.height_px == h, "%s %d: %d x %d", what,
              orientation, p.pixels.width_px, p.pixels.height_px);
    cr_expect(p.file_width_px == w && p.file_height_px == h);
    char seen[] = {letter_at(&p, w / 4, h / 4), letter_at(&p, 3 * w / 4, h / 4),
                   letter_at(&p, w / 4, 3 * h / 4), letter_at(&p, 3 * w / 4, 3 * h / 4), 0};
    cr_expect_str_eq(seen, upright[orientation - 1], "%s %d: %s", what, orientation, seen);
}

static struct buf *exif_of_png;

static void put_exif(struct buf *png)
{
    png_chunk(png, "eXIf", exif_of_png->bytes + 6, exif_of_png->size - 6);
}

Test(portrait_kinds, all_eight_turns_of_exif_are_undone)
{
    struct pixels p = flags(160, 120);
    for (int o = 1; o <= 8; o++) {
        TEMP struct buf exif = exif_make((struct exif_wish){.orientation = o});
        TEMP struct buf jpeg =
            jpeg_make(&p, (struct jpeg_wish){.quality = 95, .exif = span_of(&exif)});
        expect_upright(&jpeg, o, "JPEG");
        exif_of_png = &exif;
        TEMP struct buf png = png_make(&p, 8, put_exif);
        expect_upright(&png, o, "PNG");
    }
    buf_free(&p.samples);
}

Test(portrait_kinds, a_turned_picture_is_reduced_as_well)
{
    struct pixels p = flags(1600, 800);
    TEMP struct buf exif = exif_make((struct exif_wish){.orientation = 8});
    TEMP struct buf file = jpeg_make(&p, (struct jpeg_wish){.exif = span_of(&exif)});
    TEMP_PORTRAIT struct portrait out = decoded(&file, 300);
    cr_expect(out.pixels.width_px == 150 && out.pixels.height_px == 300);
    cr_expect(out.file_width_px == 800 && out.file_height_px == 1600);
    cr_expect_eq(letter_at(&out, 30, 30), 'G');
    buf_free(&p.samples);
}

/* ---- profiles ---- */

static void be16(struct buf *b, unsigned v)
{
    buf_add(b, (unsigned char[]){(unsigned char)(v >> 8), (unsigned char)v}, 2);
}

static void be32(struct buf *b, uint32_t v)
{
    be16(b, v >> 16);
    be16(b, v & 0xffff);
}

static void xyz(struct buf *b, const double v[3])
{
    buf_add(b, "XYZ \0\0\0\0", 8);
    for (int i = 0; i < 3; i++)
        be32(b, (uint32_t)(int32_t)lround(v[i] * 65536));
}

static const double d50[3] = {0.9642, 1, 0.8249};
enum { GAMMA_U8_8 = 563 }; /* 563 / 256 = 2.19921875 */

/* ICC.1:2001-04, a matrix and one curve for all three: columns are XYZ of red, green, blue. */
static struct buf profile(const double columns[3][3])
{
    static const char names[] = "rXYZgXYZbXYZwtptrTRCgTRCbTRC";
    enum { TAGS = 7, BODY = 128 + 4 + TAGS * 12, XYZ_BYTES = 20, CURVE_BYTES = 16 };
    struct buf b = {0};
    be32(&b, BODY + 4 * XYZ_BYTES + CURVE_BYTES);
    buf_add(&b, "\0\0\0\0\2\x10\0\0mntrRGB XYZ ", 20);
    buf_add(&b,
            "\x07\xd0\0\1\0\1\0\0\0\0\0\0"
            "acsp",
            16);
    buf_add(&b, (char[28]){0}, 28);
    be32(&b, 0xf6d6), be32(&b, 0x10000), be32(&b, 0xd32d);
    buf_add(&b, (char[128]){0}, 128 - b.size);
    be32(&b, TAGS);
    for (int i = 0; i < TAGS; i++) {
        buf_add(&b, names + 4 * i, 4);
        be32(&b, (uint32_t)(BODY + (i < 4 ? i : 4) * XYZ_BYTES));
        be32(&b, i < 4 ? XYZ_BYTES : 14);
    }
    for (int i = 0; i < 4; i++)
        xyz(&b, i < 3 ? columns[i] : d50);
    buf_add(&b, "curv\0\0\0\0\0\0\0\1", 12);
    be16(&b, GAMMA_U8_8);
    be16(&b, 0);
    return b;
}

/* IEC 61966-2-1, from linear light. */
static double srgb_byte(double linear)
{
    double v = linear <= 0.0031308 ? 12.92 * linear : 1.055 * pow(linear, 1 / 2.4) - 0.055;
    return 255 * (v < 0 ? 0 : v > 1 ? 1 : v);
}

/* XYZ under D50 to linear sRGB: the inverse of the primaries, adapted by Bradford's method. */
static const double to_srgb[3][3] = {{3.1338561, -1.6168667, -0.4906146},
                                     {-0.9787684, 1.9161415, 0.0334540},
                                     {0.0719453, -0.2289914, 1.4052427}};

static void expected_srgb(const double columns[3][3], const uint8_t rgb[3], double out[3])
{
    double v[3] = {0};
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            v[k] += columns[i][k] * pow(rgb[i] / 255.0, GAMMA_U8_8 / 256.0);
    for (int i = 0; i < 3; i++)
        out[i] = srgb_byte(to_srgb[i][0] * v[0] + to_srgb[i][1] * v[1] + to_srgb[i][2] * v[2]);
}

/* Adobe RGB (1998) and Display P3 as their papers have them under D50. */
static const double adobe_rgb[3][3] = {{0.60974, 0.31111, 0.01947},
                                       {0.20528, 0.62567, 0.06087},
                                       {0.14919, 0.06322, 0.74457}},
                    display_p3[3][3] = {{0.51512, 0.24120, -0.00105},
                                        {0.29198, 0.69225, 0.04189},
                                        {0.15710, 0.06657, 0.78407}};

static void expect_by_profile(const double columns[3][3], const char *what)
{
    static const uint8_t colours[][3] = {{128, 128, 128}, {190, 150, 130}, {120, 150, 100},
                                         {60, 70, 140},   {255, 255, 255}, {90, 60, 50}};
    TEMP struct buf icc = profile(columns);
    for (size_t i = 0; i < sizeof colours / sizeof *colours; i++) {
        double wanted[3];
        struct pixels p = flat(64, 64, 3, colours[i]);
        TEMP struct buf file =
            jpeg_make(&p, (struct jpeg_wish){.quality = 100, .icc = span_of(&icc)});
        TEMP_PORTRAIT struct portrait out = decoded(&file, 0);
        expected_srgb(columns, colours[i], wanted);
        expect_colour(&out, wanted, 2.5, what);
        buf_free(&p.samples);
    }
}

Test(portrait_kinds, adobe_rgb_and_display_p3_become_srgb)
{
    expect_by_profile(adobe_rgb, "Adobe RGB");
    expect_by_profile(display_p3, "Display P3");
}

/* A profile that is rubbish, or for another number of channels, is passed over. */
Test(portrait_kinds, a_profile_that_does_not_fit_is_passed_over)
{
    static const uint8_t grey[] = {90}, skin[] = {190, 150, 130};
    TEMP struct buf icc = profile(adobe_rgb);
    struct pixels p = flat(64, 64, 1, grey), q = flat(64, 64, 3, skin);
    TEMP struct buf file = jpeg_make(&p, (struct jpeg_wish){.quality = 100, .icc = span_of(&icc)});
    TEMP struct buf odd =
        jpeg_make(&q, (struct jpeg_wish){.quality = 100, .icc = {"no profile at all", 17}});
    TEMP_PORTRAIT struct portrait a = decoded(&file, 0), b = decoded(&odd, 0);
    expect_colour(&a, (double[]){90, 90, 90}, 1, "grey");
    expect_colour(&b, (double[]){190, 150, 130}, 2, "rubbish");
    cr_expect(a.grey && !b.grey);
    buf_free(&p.samples);
    buf_free(&q.samples);
}

/* ---- inks ---- */

/* Adobe TN 5116: with its marker, 255 means no ink. */
Test(portrait_kinds, four_inks_become_what_they_print)
{
    static const struct {
        uint8_t ink[4];
        int least[3], most[3];
    } known[] = {{{0, 0, 0, 0}, {250, 250, 250}, {255, 255, 255}},
                 {{0, 0, 0, 255}, {0, 0, 0}, {70, 70, 70}},
                 {{255, 0, 0, 0}, {0, 120, 180}, {60, 200, 255}},
                 {{0, 255, 255, 0}, {190, 0, 0}, {255, 70, 70}},
                 {{0, 0, 255, 0}, {240, 220, 0}, {255, 255, 90}}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        for (int adobe = 0; adobe <= 1; adobe++) {
            uint8_t sample[4];
            for (int c = 0; c < 4; c++)
                sample[c] = adobe ? (uint8_t)(255 - known[i].ink[c]) : known[i].ink[c];
            struct pixels p = flat(64, 64, 4, sample);
            TEMP struct buf file =
                jpeg_make(&p, (struct jpeg_wish){.quality = 100, .no_adobe = !adobe});
            TEMP_PORTRAIT struct portrait out = decoded(&file, 0);
            const uint8_t *seen = at(&out, 32, 32);
            for (int c = 0; c < 3; c++)
                cr_expect(seen[c] >= known[i].least[c] && seen[c] <= known[i].most[c],
                          "%zu adobe %d: %d %d %d", i, adobe, seen[0], seen[1], seen[2]);
            buf_free(&p.samples);
        }
}

/* ---- depth, alpha, order ---- */

/* Straight alpha over white: v a + 255 (1 - a). */
Test(portrait_kinds, alpha_is_laid_over_white_at_either_depth)
{
    static const uint8_t sample[] = {200, 100, 0, 128}, pair[] = {100, 64};
    for (int depth = 8; depth <= 16; depth += 8) {
        struct pixels p = flat(64, 64, 4, sample), q = flat(64, 64, 2, pair);
        TEMP struct buf file = png_make(&p, depth, NULL), grey = png_make(&q, depth, NULL);
        TEMP_PORTRAIT struct portrait a = decoded(&file, 0), b = decoded(&grey, 0);
        double share = 128 / 255.0, thin = 64 / 255.0;
        expect_colour(&a, (double[]){255 - 55 * share, 255 - 155 * share, 255 - 255 * share}, 1.5,
                      "RGBA");
        double v = 255 - 155 * thin;
        expect_colour(&b, (double[]){v, v, v}, 1.5, "grey and alpha");
        cr_expect(b.grey && !a.grey);
        buf_free(&p.samples);
        buf_free(&q.samples);
    }
}

static void palette(struct buf *png)
{
    png_chunk(png, "PLTE", "\xdc\x14\x14\x14\xc8\x14", 6);
    png_chunk(png, "tRNS", "\xff\x00", 2);
}

Test(portrait_kinds, a_palette_with_a_clear_entry_is_read)
{
    struct buf png = {0}, rows = {0};
    png_begin(&png, 64, 64, 8, 3, 0);
    palette(&png);
    for (int y = 0; y < 64; y++) {
        buf_add(&rows, "", 1);
        for (int x = 0; x < 64; x++)
            buf_add(&rows, x < 32 ? "" : "\1", 1);
    }
    png_idat(&png, rows.bytes, rows.size);
    png_end(&png);
    TEMP_PORTRAIT struct portrait p = decoded(&png, 0);
    cr_expect(is_near(at(&p, 10, 32), (double[]){220, 20, 20}, 0));
    cr_expect(is_near(at(&p, 50, 32), (double[]){255, 255, 255}, 0));
    buf_free(&rows);
    buf_free(&png);
}

static struct buf saved(const struct pixels *p, const char *suffix)
{
    void *bytes;
    size_t n;
    struct buf out = {0};
    VipsImage *image, *raw = vips_image_new_from_memory(p->samples.bytes, p->samples.size, p->width,
                                                        p->height, p->channels, VIPS_FORMAT_UCHAR);
    cr_assert_eq(vips_copy(raw, &image, "interpretation", VIPS_INTERPRETATION_sRGB, NULL), 0);
    cr_assert_eq(vips_image_write_to_buffer(image, suffix, &bytes, &n, NULL), 0);
    buf_add(&out, bytes, n);
    g_free(bytes);
    g_object_unref(image);
    g_object_unref(raw);
    return out;
}

Test(portrait_kinds, interlaced_and_progressive_files_give_the_same_pixels)
{
    struct pixels p = pixels_scene(301, 203, 3);
    TEMP struct buf png = saved(&p, ".png[interlace]"),
                    plain = jpeg_make(&p, (struct jpeg_wish){0}),
                    passes = jpeg_make(&p, (struct jpeg_wish){.progressive = true});
    TEMP_PORTRAIT struct portrait a = decoded(&png, 0), b = decoded(&plain, 0),
                                  c = decoded(&passes, 0);
    cr_expect(memcmp(a.pixels.bytes, p.samples.bytes, p.samples.size) == 0);
    cr_expect(memcmp(b.pixels.bytes, c.pixels.bytes, p.samples.size) == 0);
    buf_free(&p.samples);
}

/* ---- damage ---- */

Test(portrait_kinds, a_file_that_lacks_its_last_bytes_is_refused)
{
    static const char *const suffixes[] = {".jpg", ".jpg[interlace]", ".png", ".webp", ".heic"};
    struct pixels p = pixels_scene(300, 300, 3);
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        TEMP struct buf file = saved(&p, suffixes[i]);
        for (size_t lost = 8; lost <= 64; lost *= 2)
            cr_expect_eq(outcome(file.bytes, file.size - lost), INVALID, "%s less %zu", suffixes[i],
                         lost);
    }
    buf_free(&p.samples);
}

Test(portrait_kinds, what_follows_the_picture_changes_nothing)
{
    static const char *const suffixes[] = {".jpg", ".png", ".webp", ".heic"};
    struct pixels p = pixels_scene(200, 100, 3);
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        TEMP struct buf file = saved(&p, suffixes[i]);
        TEMP_PORTRAIT struct portrait before = decoded(&file, 0);
        buf_add_str(&file, "rubbish of any kind <script>");
        TEMP_PORTRAIT struct portrait after = decoded(&file, 0);
        cr_expect(memcmp(before.pixels.bytes, after.pixels.bytes, 200 * 100 * 3) == 0, "%s",
                  suffixes[i]);
    }
    buf_free(&p.samples);
}

static void animate(struct buf *png)
{
    png_chunk(png, "acTL", "\0\0\0\2\0\0\0\0", 8);
}

Test(portrait_kinds, an_animated_png_is_refused)
{
    struct pixels p = pixels_scene(64, 64, 3);
    TEMP struct buf file = png_make(&p, 8, animate);
    cr_expect_eq(outcome(file.bytes, file.size), INVALID);
    buf_free(&p.samples);
}

/* By libjpeg, a scan for each coefficient of each component: nothing about it is wrong but the
 * number, and each is a pass over the picture. */
static struct buf of_scans(int n)
{
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr err;
    jpeg_scan_info scans[190] = {{3, {0, 1, 2}, 0, 0, 0, 0}};
    unsigned char *bytes = NULL;
    unsigned long size = 0;
    struct buf out = {0};
    struct pixels p = pixels_scene(64, 64, 3);
    for (int i = 1; i < n; i++)
        scans[i] = (jpeg_scan_info){1, {(i - 1) / 63}, (i - 1) % 63 + 1, (i - 1) % 63 + 1, 0, 0};
    c.err = jpeg_std_error(&err);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &bytes, &size);
    c.image_width = c.image_height = 64;
    c.input_components = 3;
    c.in_color_space = JCS_RGB;
    jpeg_set_defaults(&c);
    c.scan_info = scans;
    c.num_scans = n;
    jpeg_start_compress(&c, TRUE);
    for (size_t y = 0; y < 64; y++)
        jpeg_write_scanlines(&c, &(JSAMPROW){p.samples.bytes + y * 64 * 3}, 1);
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    buf_add(&out, bytes, size);
    free(bytes);
    buf_free(&p.samples);
    return out;
}

Test(portrait_kinds, a_jpeg_of_more_than_a_hundred_scans_is_refused)
{
    TEMP struct buf many = of_scans(101), fewer = of_scans(90);
    cr_expect_eq(outcome(fewer.bytes, fewer.size), OK);
    cr_expect_eq(outcome(many.bytes, many.size), INVALID);
}

/* ---- memory ---- */

static long most_resident_kb(void)
{
    char line[200];
    long kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    cr_assert(f);
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "VmHWM: %ld", &kb) == 1)
            break;
    fclose(f);
    cr_assert_gt(kb, 0);
    return kb;
}

static const struct {
    int width, height, depth, type, interlace;
} bombs[] = {
    {30000, 30000, 8, 2, 0},
    {12001, 64, 8, 2, 0},
    {64, 12001, 8, 0, 1},
    {7100, 7100, 8, 6, 0},
    {7000, 7000, 16, 6, 1 /* 392 MB at once */},
};

Test(portrait_kinds, a_bomb_is_refused_without_the_memory_that_it_promises)
{
    for (size_t i = 0; i < sizeof bombs / sizeof *bombs; i++) {
        TEMP struct buf bomb = {0};
        png_begin(&bomb, bombs[i].width, bombs[i].height, bombs[i].depth, bombs[i].type,
                  bombs[i].interlace);
        png_idat_zeros(&bomb, 1 << 20);
        png_end(&bomb);
        long before = most_resident_kb();
        cr_expect_eq(outcome(bomb.bytes, bomb.size), TOO_LARGE, "%zu", i);
        cr_expect_lt(most_resident_kb() - before, 4096, "%zu: %ld KiB", i,
                     most_resident_kb() - before);
    }
}

/* ITU-T T.81 B.2.2: the size stands five bytes behind the marker of the frame. */
Test(portrait_kinds, a_jpeg_that_claims_to_be_huge_is_refused_without_memory)
{
    struct pixels p = pixels_scene(64, 64, 3);
    for (int progressive = 0; progressive <= 1; progressive++) {
        TEMP struct buf file = jpeg_make(&p, (struct jpeg_wish){.progressive = progressive});
        const char marker[] = {(char)0xff, (char)(progressive ? 0xc2 : 0xc0)};
        unsigned char *frame = memmem(file.bytes, file.size, marker, 2);
        cr_assert(frame);
        memcpy(frame + 5, "\x75\x30\x75\x30", 4); /* 30000 x 30000 */
        long before = most_resident_kb();
        cr_expect_eq(outcome(file.bytes, file.size), TOO_LARGE);
        cr_expect_lt(most_resident_kb() - before, 4096);
    }
    buf_free(&p.samples);
}

/* Of 36 MB of pixels there are never more than the reduced ones (9 MB) and some rows. */
Test(portrait_kinds, twelve_megapixels_cost_the_memory_of_the_reduced_picture)
{
    struct pixels p = pixels_scene(4000, 3000, 3);
    TEMP struct buf file = jpeg_make(&p, (struct jpeg_wish){.quality = 90});
    buf_free(&p.samples);
    FILE *f = fopen("/proc/self/clear_refs", "w");
    if (!f || fputs("5", f) < 0 || fclose(f) != 0)
        cr_skip_test("the high water mark cannot be set back here");
    long before = most_resident_kb();
    TEMP_PORTRAIT struct portrait out = decoded(&file, 2000);
    cr_expect(out.pixels.width_px == 2000 && out.pixels.height_px == 1500);
    cr_expect_lt(most_resident_kb() - before, 20 * 1024, "%ld KiB", most_resident_kb() - before);
}
