/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include <vips/vips.h>

#include "image_fixture.h"

TestSuite(image, .init = image_begin, .timeout = 120);

/* ------------------------------------------------------------- JPEG */

Test(image, a_jpeg_loses_gps_thumbnail_xmp_iptc_and_comments_and_keeps_dpi_and_profile)
{
    TEMP struct buf exif = exif_make((struct exif_wish){.orientation = 1, .dpi = 96, .unit = 2});
    struct jpeg_wish wish = {.exif = span_of(&exif),
                             .icc = image_srgb_profile(),
                             .gossip = true,
                             .jfif_unit = 1,
                             .jfif_density = 300};
    TEMP struct buf file = image_scene_jpeg(3, wish);
    cr_assert(contains(span_of(&file), PLANTED));
    struct photo_facts facts;
    TEMP struct buf out = image_cleaned(span_of(&file), &facts);
    cr_assert(facts.format == PHOTO_JPEG && facts.width_px == 51 && facts.height_px == 37);
    cr_assert_eq(facts.dpi, 300);
    struct span body;
    cr_assert(!contains(span_of(&out), PLANTED));
    cr_assert(!jpeg_segment(span_of(&out), 0xe1, "", &body));
    cr_assert(!jpeg_segment(span_of(&out), 0xe9, "", &body));
    cr_assert(!jpeg_segment(span_of(&out), 0xed, "", &body));
    cr_assert(!jpeg_segment(span_of(&out), 0xfe, "", &body));
    cr_assert(jpeg_segment(span_of(&out), 0xe0, "JFIF\0", &body));
    cr_assert_arr_eq((const char *)body.bytes + 7, "\1\x01\x2c\x01\x2c", 5);
    cr_assert(jpeg_segment(span_of(&out), 0xe2, "ICC_PROFILE", &body));
    cr_assert(image_same((struct span){(const char *)body.bytes + 14, body.size - 14}, wish.icc));
}

Test(image, a_baseline_jpeg_keeps_its_entropy_coded_bytes)
{
    static const struct jpeg_wish wishes[] = {
        {.gossip = true}, {.gossip = true, .quality = 35}, {.gossip = true, .restart_rows = 1}};
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++)
        for (int channels = 1; channels <= 4; channels += channels == 1 ? 2 : 1) {
            TEMP struct buf file = image_scene_jpeg(channels, wishes[i]);
            struct photo_facts facts;
            TEMP struct buf out = image_cleaned(span_of(&file), &facts);
            cr_assert(image_same(jpeg_scan(span_of(&out)), jpeg_scan(span_of(&file))), "%zu %d", i,
                      channels);
        }
}

Test(image, every_coding_of_a_jpeg_decodes_to_the_same_samples_as_before)
{
    static const struct {
        int channels;
        struct jpeg_wish wish;
    } kinds[] = {{1, {0}},
                 {3, {0}},
                 {3, {.progressive = true}},
                 {1, {.progressive = true}},
                 {3, {.several_scans = true}},
                 {3, {.rgb = true}},
                 {3, {.no_jfif = true}},
                 {3, {.arithmetic = true}},
                 {4, {0}},
                 {4, {.progressive = true}},
                 {4, {.no_adobe = true}},
                 {4, {.jfif_unit = 1, .jfif_density = 300}},
                 {3, {.jfif_unit = 2, .jfif_density = 118}}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct jpeg_wish wish = kinds[i].wish;
        wish.gossip = true;
        TEMP struct buf file = image_scene_jpeg(kinds[i].channels, wish);
        struct photo_facts facts, again;
        TEMP struct buf out = image_cleaned(span_of(&file), &facts);
        cr_assert(image_same_pixels(span_of(&file), span_of(&out)), "%zu", i);
        cr_assert(!contains(span_of(&out), PLANTED), "%zu", i);
        TEMP struct buf twice = image_cleaned(span_of(&out), &again);
        cr_assert(image_same(span_of(&out), span_of(&twice)), "%zu is not a fixed point", i);
        cr_assert_eq(facts.dpi, again.dpi);
        cr_assert_eq(facts.dpi, wish.jfif_unit ? 300 : 0, "%zu: %d", i, facts.dpi);
        cr_assert_eq(memmem(out.bytes, out.size, "\xff\xc2\0", 3) != NULL, wish.progressive, "%zu",
                     i);
        struct span body; /* without it readers do not invert the inks */
        cr_assert_eq(jpeg_segment(span_of(&file), 0xee, "Adobe", &body),
                     jpeg_segment(span_of(&out), 0xee, "Adobe", &body), "%zu", i);
    }
}

Test(image, the_density_comes_from_jfif_else_from_exif_and_72_in_exif_says_nothing)
{
    static const struct {
        int jfif_unit, jfif, exif_unit, exif, dpi;
    } cases[] = {{1, 300, 2, 96, 300}, {2, 118, 2, 96, 300}, {0, 0, 2, 350, 350},
                 {0, 0, 3, 118, 300},  {0, 0, 2, 72, 0},     {0, 0, 2, 0, 0},
                 {1, 72, 2, 0, 72}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int orientation = 1; orientation <= 6; orientation += 5) {
            TEMP struct buf exif =
                exif_make((struct exif_wish){orientation, cases[i].exif, cases[i].exif_unit});
            TEMP struct buf file =
                image_scene_jpeg(3, (struct jpeg_wish){.exif = span_of(&exif),
                                                       .jfif_unit = cases[i].jfif_unit,
                                                       .jfif_density = cases[i].jfif});
            struct photo_facts facts, again;
            TEMP struct buf out = image_cleaned(span_of(&file), &facts);
            cr_expect_eq(facts.dpi, cases[i].dpi, "case %zu: %d", i, facts.dpi);
            TEMP struct buf twice = image_cleaned(span_of(&out), &again);
            cr_expect_eq(again.dpi, cases[i].dpi, "case %zu: written %d", i, again.dpi);
        }
}

/* ------------------------------------------------------------- turning */

/* EXIF 2.32 section 4.6.4 A: on which side of the upright picture the stored 0th row and the
 * stored 0th column are. */
static const struct {
    char row0, column0;
} sides[] = {{0, 0},     {'t', 'l'}, {'t', 'r'}, {'b', 'r'}, {'b', 'l'},
             {'l', 't'}, {'r', 't'}, {'r', 'b'}, {'l', 'b'}};

/* Where the stored quarter (row, column) is seen: 0 top left, 1 top right, 2 bottom left... */
static int seen_quarter(int orientation, int row, int column)
{
    char r = sides[orientation].row0, c = sides[orientation].column0;
    if (r == 't' || r == 'b')
        return (r == 't' ? row : 1 - row) * 2 + (c == 'l' ? column : 1 - column);
    return (c == 't' ? column : 1 - column) * 2 + (r == 'l' ? row : 1 - row);
}

static void check_quarters(const unsigned char *samples, int width, int height, int orientation)
{
    for (int stored = 0; stored < 4; stored++) {
        int seen = seen_quarter(orientation, stored / 2, stored % 2);
        int x = width / 4 + (seen % 2) * width / 2, y = height / 4 + (seen / 2) * height / 2;
        cr_assert_lt(abs(samples[y * width + x] - (30 + 60 * stored)), 4, "orientation %d",
                     orientation);
    }
}

Test(image, each_of_the_eight_exif_orientations_of_a_jpeg_is_applied)
{
    for (int orientation = 1; orientation <= 8; orientation++) {
        TEMP_PIXELS struct pixels p = pixels_quarters(64, 32);
        TEMP struct buf exif = exif_make((struct exif_wish){.orientation = orientation});
        TEMP struct buf file =
            jpeg_make(&p, (struct jpeg_wish){.exif = span_of(&exif), .icc = image_srgb_profile()});
        struct photo_facts facts;
        TEMP struct buf out = image_cleaned(span_of(&file), &facts);
        cr_assert_eq(facts.width_px, orientation >= 5 ? 32 : 64);
        cr_assert_eq(facts.height_px, orientation >= 5 ? 64 : 32);
        TEMP_PIXELS struct pixels q = jpeg_pixels(span_of(&out));
        cr_assert_eq(q.width, facts.width_px);
        check_quarters(q.samples.bytes, q.width, q.height, orientation);
        cr_assert(!contains(span_of(&out), PLANTED) && !contains(span_of(&out), "Exif"));
        cr_assert_eq(image_same_pixels(span_of(&file), span_of(&out)), orientation == 1);
    }
}

Test(image, a_turned_colour_jpeg_keeps_its_profile_and_its_colours)
{
    TEMP struct buf exif = exif_make((struct exif_wish){.orientation = 3});
    for (int channels = 3; channels <= 4; channels++) {
        struct jpeg_wish wish = {.exif = span_of(&exif), .quality = 95, .gossip = true};
        if (channels == 3)
            wish.icc = image_srgb_profile();
        TEMP struct buf file = image_scene_jpeg(channels, wish);
        struct photo_facts facts;
        TEMP struct buf out = image_cleaned(span_of(&file), &facts);
        struct span body;
        cr_assert_eq(jpeg_segment(span_of(&out), 0xe2, "ICC_PROFILE", &body), channels == 3);
        cr_assert(!contains(span_of(&out), PLANTED));
        TEMP_PIXELS struct pixels p = jpeg_pixels(span_of(&file)), q = jpeg_pixels(span_of(&out));
        cr_assert_eq(p.samples.size, q.samples.size);
        int n = 51 * 37, worst = 0;
        for (int i = 0; i < n; i++) {
            int c = channels == 3 ? 0 : 2; /* luma, or one ink */
            int d = abs(p.samples.bytes[i * channels + c] -
                        q.samples.bytes[(n - 1 - i) * channels + c]);
            worst = d > worst ? d : worst;
        }
        cr_assert_lt(worst, 16, "%d channels differ by %d", channels, worst);
    }
}

Test(image, an_uneven_density_turns_with_the_picture)
{
    TEMP struct buf exif = exif_make((struct exif_wish){.orientation = 8});
    struct jpeg_wish wish = {.exif = span_of(&exif), .jfif_unit = 1, .jfif_density = 300};
    TEMP struct buf file = image_scene_jpeg(3, wish);
    struct span body;
    cr_assert(jpeg_segment(span_of(&file), 0xe0, "JFIF", &body));
    file.bytes[(const unsigned char *)body.bytes - file.bytes + 8] = 0; /* X 300 becomes 44 */
    struct photo_facts facts;
    TEMP struct buf out = image_cleaned(span_of(&file), &facts);
    cr_assert_eq(facts.dpi, 300);
    cr_assert(jpeg_segment(span_of(&out), 0xe0, "JFIF", &body));
    cr_assert_arr_eq((const char *)body.bytes + 7, "\1\x01\x2c\0\x2c", 5);
}

/* ------------------------------------------------------------- PNG */

static void add_aspect_ratio(struct buf *b)
{
    png_chunk(b, "pHYs", "\0\0\x2e\x23\0\0\x2e\x23\0", 9);
}

Test(image, an_aspect_ratio_of_a_png_is_not_a_density)
{
    TEMP struct buf file = image_scene_png(3, 8, add_aspect_ratio);
    struct photo_facts facts;
    TEMP struct buf out = image_cleaned(span_of(&file), &facts);
    cr_assert_eq(facts.dpi, 0);
    cr_assert(png_has(span_of(&out), "pHYs"));
}

Test(image, a_png_keeps_pixels_density_and_colour_chunks_and_loses_the_rest)
{
    for (int channels = 1; channels <= 4; channels++)
        for (int depth = 8; depth <= 16; depth += 8) {
            TEMP struct buf file = image_scene_png(channels, depth, image_add_all_chunks);
            cr_assert(contains(span_of(&file), PLANTED));
            struct photo_facts facts;
            TEMP struct buf out = image_cleaned(span_of(&file), &facts);
            cr_assert(facts.format == PHOTO_PNG && facts.width_px == 51 && facts.height_px == 37);
            cr_assert_eq(facts.dpi, 300);
            cr_assert(!contains(span_of(&out), PLANTED));
            static const char *const gone[] = {"eXIf", "tEXt", "iTXt", "tIME", "prVt"};
            for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
                cr_assert(!png_has(span_of(&out), gone[i]), "%s", gone[i]);
            static const char *const kept[] = {"gAMA", "sRGB", "pHYs"};
            for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
                cr_assert(png_has(span_of(&out), kept[i]), "%s", kept[i]);
            TEMP struct buf before = png_rows(span_of(&file)), after = png_rows(span_of(&out));
            cr_assert(image_same(span_of(&before), span_of(&after)));
            cr_assert_eq(image_outcome(span_of(&out)), OK);
        }
}

static void add_palette(struct buf *b)
{
    png_chunk(b, "PLTE", "\xff\0\0\0\xff\0\0\0\xff", 9);
    png_chunk(b, "tRNS", "\0\x80", 2);
}

Test(image, a_palette_png_stays_one_and_an_interlaced_one_is_decoded_whole)
{
    TEMP struct buf file = {0};
    png_begin(&file, 4, 4, 8, 3, 0);
    add_palette(&file);
    png_idat(&file, "\0\0\1\2\0\0\0\1\2\0\0\0\1\2\0\0\0\1\2\0", 20);
    png_end(&file);
    struct photo_facts facts;
    TEMP struct buf out = image_cleaned(span_of(&file), &facts);
    cr_assert(image_same(span_of(&out), span_of(&file)));
    cr_assert_eq(facts.dpi, 0);

    /* Adam7 of 4 x 4: passes of 1x1, 1x1, 2x1 (from row 0 and 2), 2x2, 4x2 samples */
    TEMP struct buf woven = {0};
    png_begin(&woven, 4, 4, 8, 0, 1);
    png_idat(&woven, "\0\1\0\1\0\1\2\0\1\2\0\1\2\0\1\2\3\4\0\1\2\3\4", 23);
    png_end(&woven);
    cr_assert_eq(image_outcome(span_of(&woven)), OK);
    TEMP struct buf short_of_rows = {0};
    png_begin(&short_of_rows, 4, 4, 8, 0, 1);
    png_idat(&short_of_rows, "\0\1\0\1\0\1\2\0\1\2\0\1\2\0\1\2\3\4", 18);
    png_end(&short_of_rows);
    cr_assert_eq(image_outcome(span_of(&short_of_rows)), INVALID);
}

Test(image, the_exif_orientation_of_a_png_is_applied_without_loss_and_invents_no_density)
{
    for (image_png_orientation = 1; image_png_orientation <= 8; image_png_orientation++) {
        TEMP_PIXELS struct pixels p = pixels_quarters(64, 32);
        TEMP struct buf file = png_make(&p, 8, image_add_orientation);
        struct photo_facts facts;
        TEMP struct buf out = image_cleaned(span_of(&file), &facts);
        cr_assert_eq(facts.width_px, image_png_orientation >= 5 ? 32 : 64);
        cr_assert_eq(facts.dpi, 0);
        cr_assert(png_has(span_of(&out), "gAMA"));
        cr_assert(!png_has(span_of(&out), "eXIf") && !png_has(span_of(&out), "pHYs"));
        VipsImage *image;
        cr_assert_eq(vips_pngload_buffer(out.bytes, out.size, &image, NULL), 0);
        size_t n;
        unsigned char *samples = vips_image_write_to_memory(image, &n);
        cr_assert_eq(n, (size_t)64 * 32);
        check_quarters(samples, facts.width_px, facts.height_px, image_png_orientation);
        g_free(samples);
        g_object_unref(image);
    }
}

static void add_animation(struct buf *b)
{
    png_chunk(b, "acTL", "\0\0\0\2\0\0\0\0", 8);
}

static void add_unknown_critical(struct buf *b)
{
    png_chunk(b, "CgBI", "\x50\0\x20\2", 4);
}

Test(image, an_animated_png_and_one_with_an_unknown_critical_chunk_are_refused)
{
    TEMP struct buf file = image_scene_png(3, 8, add_animation);
    cr_assert_eq(image_outcome(span_of(&file)), INVALID);
    TEMP struct buf critical = image_scene_png(3, 8, add_unknown_critical);
    cr_assert_eq(image_outcome(span_of(&critical)), INVALID);
}
