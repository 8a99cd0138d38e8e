/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <vips/vips.h>

#include "image/photo.h"
#include "pictures.h"

static void free_pixels(struct pixels *p)
{
    buf_free(&p->samples);
}

#define TEMP        __attribute__((cleanup(buf_free)))
#define TEMP_PIXELS __attribute__((cleanup(free_pixels)))

static void start(void)
{
    cr_assert_eq(image_start(), OK);
}

TestSuite(image, .init = start, .timeout = 120);

static struct buf cleaned(struct span file, struct photo_facts *facts)
{
    struct buf out = {0};
    enum status s = photo_clean(file.bytes, file.size, facts, &out);
    cr_assert_eq(s, OK, "%s", status_name(s));
    return out;
}

static enum status outcome(struct span file)
{
    struct photo_facts facts = {.dpi = 42};
    TEMP struct buf out = {0};
    enum status s = photo_clean(file.bytes, file.size, &facts, &out);
    if (s != OK)
        cr_assert(facts.dpi == 42 && !out.bytes, "out-parameters were touched");
    return s;
}

static bool same(struct span a, struct span b)
{
    return a.size == b.size && memcmp(a.bytes, b.bytes, a.size) == 0;
}

static bool same_pixels(struct span a, struct span b)
{
    TEMP_PIXELS struct pixels p = jpeg_pixels(a), q = jpeg_pixels(b);
    bool equal = p.width == q.width && p.channels == q.channels &&
                 same(span_of(&p.samples), span_of(&q.samples));
    return equal;
}

static struct span srgb_profile(void)
{
    static VipsBlob *blob;
    if (!blob)
        cr_assert_eq(vips_profile_load("srgb", &blob, NULL), 0);
    struct span icc;
    icc.bytes = vips_blob_get(blob, &icc.size);
    return icc;
}

static struct buf scene_jpeg(int channels, struct jpeg_wish wish)
{
    TEMP_PIXELS struct pixels p = pixels_scene(51, 37, channels);
    struct buf file = jpeg_make(&p, wish);
    return file;
}

static struct buf scene_png(int channels, int depth, void (*before_idat)(struct buf *))
{
    TEMP_PIXELS struct pixels p = pixels_scene(51, 37, channels);
    struct buf file = png_make(&p, depth, before_idat);
    return file;
}

/* ------------------------------------------------------------- JPEG */

Test(image, a_jpeg_loses_gps_thumbnail_xmp_iptc_and_comments_and_keeps_dpi_and_profile)
{
    TEMP struct buf exif = exif_make((struct exif_wish){.orientation = 1, .dpi = 96, .unit = 2});
    struct jpeg_wish wish = {.exif = span_of(&exif),
                             .icc = srgb_profile(),
                             .gossip = true,
                             .jfif_unit = 1,
                             .jfif_density = 300};
    TEMP struct buf file = scene_jpeg(3, wish);
    cr_assert(contains(span_of(&file), PLANTED));
    struct photo_facts facts;
    TEMP struct buf out = cleaned(span_of(&file), &facts);
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
    cr_assert(same((struct span){(const char *)body.bytes + 14, body.size - 14}, wish.icc));
}

Test(image, a_baseline_jpeg_keeps_its_entropy_coded_bytes)
{
    static const struct jpeg_wish wishes[] = {
        {.gossip = true}, {.gossip = true, .quality = 35}, {.gossip = true, .restart_rows = 1}};
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++)
        for (int channels = 1; channels <= 4; channels += channels == 1 ? 2 : 1) {
            TEMP struct buf file = scene_jpeg(channels, wishes[i]);
            struct photo_facts facts;
            TEMP struct buf out = cleaned(span_of(&file), &facts);
            cr_assert(same(jpeg_scan(span_of(&out)), jpeg_scan(span_of(&file))), "%zu %d", i,
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
        TEMP struct buf file = scene_jpeg(kinds[i].channels, wish);
        struct photo_facts facts, again;
        TEMP struct buf out = cleaned(span_of(&file), &facts);
        cr_assert(same_pixels(span_of(&file), span_of(&out)), "%zu", i);
        cr_assert(!contains(span_of(&out), PLANTED), "%zu", i);
        TEMP struct buf twice = cleaned(span_of(&out), &again);
        cr_assert(same(span_of(&out), span_of(&twice)), "%zu is not a fixed point", i);
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
            TEMP struct buf file = scene_jpeg(3, (struct jpeg_wish){.exif = span_of(&exif),
                                                                    .jfif_unit = cases[i].jfif_unit,
                                                                    .jfif_density = cases[i].jfif});
            struct photo_facts facts, again;
            TEMP struct buf out = cleaned(span_of(&file), &facts);
            cr_expect_eq(facts.dpi, cases[i].dpi, "case %zu: %d", i, facts.dpi);
            TEMP struct buf twice = cleaned(span_of(&out), &again);
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
            jpeg_make(&p, (struct jpeg_wish){.exif = span_of(&exif), .icc = srgb_profile()});
        struct photo_facts facts;
        TEMP struct buf out = cleaned(span_of(&file), &facts);
        cr_assert_eq(facts.width_px, orientation >= 5 ? 32 : 64);
        cr_assert_eq(facts.height_px, orientation >= 5 ? 64 : 32);
        TEMP_PIXELS struct pixels q = jpeg_pixels(span_of(&out));
        cr_assert_eq(q.width, facts.width_px);
        check_quarters(q.samples.bytes, q.width, q.height, orientation);
        cr_assert(!contains(span_of(&out), PLANTED) && !contains(span_of(&out), "Exif"));
        cr_assert_eq(same_pixels(span_of(&file), span_of(&out)), orientation == 1);
    }
}

Test(image, a_turned_colour_jpeg_keeps_its_profile_and_its_colours)
{
    TEMP struct buf exif = exif_make((struct exif_wish){.orientation = 3});
    for (int channels = 3; channels <= 4; channels++) {
        struct jpeg_wish wish = {.exif = span_of(&exif), .quality = 95, .gossip = true};
        if (channels == 3)
            wish.icc = srgb_profile();
        TEMP struct buf file = scene_jpeg(channels, wish);
        struct photo_facts facts;
        TEMP struct buf out = cleaned(span_of(&file), &facts);
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
    TEMP struct buf file = scene_jpeg(3, wish);
    struct span body;
    cr_assert(jpeg_segment(span_of(&file), 0xe0, "JFIF", &body));
    file.bytes[(const unsigned char *)body.bytes - file.bytes + 8] = 0; /* X 300 becomes 44 */
    struct photo_facts facts;
    TEMP struct buf out = cleaned(span_of(&file), &facts);
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
    TEMP struct buf file = scene_png(3, 8, add_aspect_ratio);
    struct photo_facts facts;
    TEMP struct buf out = cleaned(span_of(&file), &facts);
    cr_assert_eq(facts.dpi, 0);
    cr_assert(png_has(span_of(&out), "pHYs"));
}

static void add_all_chunks(struct buf *b)
{
    TEMP struct buf exif = exif_make((struct exif_wish){.orientation = 1, .dpi = 96, .unit = 2});
    png_chunk(b, "gAMA", "\0\0\xb1\x8f", 4);
    png_chunk(b, "sRGB", "\0", 1);
    png_chunk(b, "pHYs", "\0\0\x2e\x23\0\0\x2e\x23\1", 9); /* 11811 per metre */
    png_chunk(b, "eXIf", (char *)exif.bytes + 6, exif.size - 6);
    png_chunk(b, "tEXt", "Author\0" PLANTED, 7 + strlen(PLANTED));
    png_chunk(b, "iTXt", "XML:com.adobe.xmp\0\0\0\0\0" PLANTED, 22 + strlen(PLANTED));
    png_chunk(b, "tIME", "\x07\xea\1\1\1\1\1", 7);
    png_chunk(b, "prVt", PLANTED, strlen(PLANTED));
}

Test(image, a_png_keeps_pixels_density_and_colour_chunks_and_loses_the_rest)
{
    for (int channels = 1; channels <= 4; channels++)
        for (int depth = 8; depth <= 16; depth += 8) {
            TEMP struct buf file = scene_png(channels, depth, add_all_chunks);
            cr_assert(contains(span_of(&file), PLANTED));
            struct photo_facts facts;
            TEMP struct buf out = cleaned(span_of(&file), &facts);
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
            cr_assert(same(span_of(&before), span_of(&after)));
            cr_assert_eq(outcome(span_of(&out)), OK);
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
    TEMP struct buf out = cleaned(span_of(&file), &facts);
    cr_assert(same(span_of(&out), span_of(&file)));
    cr_assert_eq(facts.dpi, 0);

    /* Adam7 of 4 x 4: passes of 1x1, 1x1, 2x1 (from row 0 and 2), 2x2, 4x2 samples */
    TEMP struct buf woven = {0};
    png_begin(&woven, 4, 4, 8, 0, 1);
    png_idat(&woven, "\0\1\0\1\0\1\2\0\1\2\0\1\2\0\1\2\3\4\0\1\2\3\4", 23);
    png_end(&woven);
    cr_assert_eq(outcome(span_of(&woven)), OK);
    TEMP struct buf short_of_rows = {0};
    png_begin(&short_of_rows, 4, 4, 8, 0, 1);
    png_idat(&short_of_rows, "\0\1\0\1\0\1\2\0\1\2\0\1\2\0\1\2\3\4", 18);
    png_end(&short_of_rows);
    cr_assert_eq(outcome(span_of(&short_of_rows)), INVALID);
}

static int png_orientation;

static void add_orientation(struct buf *b)
{
    TEMP struct buf exif = exif_make((struct exif_wish){.orientation = png_orientation});
    png_chunk(b, "gAMA", "\0\0\xb1\x8f", 4);
    png_chunk(b, "eXIf", (char *)exif.bytes + 6, exif.size - 6);
}

Test(image, the_exif_orientation_of_a_png_is_applied_without_loss_and_invents_no_density)
{
    for (png_orientation = 1; png_orientation <= 8; png_orientation++) {
        TEMP_PIXELS struct pixels p = pixels_quarters(64, 32);
        TEMP struct buf file = png_make(&p, 8, add_orientation);
        struct photo_facts facts;
        TEMP struct buf out = cleaned(span_of(&file), &facts);
        cr_assert_eq(facts.width_px, png_orientation >= 5 ? 32 : 64);
        cr_assert_eq(facts.dpi, 0);
        cr_assert(png_has(span_of(&out), "gAMA"));
        cr_assert(!png_has(span_of(&out), "eXIf") && !png_has(span_of(&out), "pHYs"));
        VipsImage *image;
        cr_assert_eq(vips_pngload_buffer(out.bytes, out.size, &image, NULL), 0);
        size_t n;
        unsigned char *samples = vips_image_write_to_memory(image, &n);
        cr_assert_eq(n, (size_t)64 * 32);
        check_quarters(samples, facts.width_px, facts.height_px, png_orientation);
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
    TEMP struct buf file = scene_png(3, 8, add_animation);
    cr_assert_eq(outcome(span_of(&file)), INVALID);
    TEMP struct buf critical = scene_png(3, 8, add_unknown_critical);
    cr_assert_eq(outcome(span_of(&critical)), INVALID);
}

/* ------------------------------------------------------------- damage */

static struct buf sample_file(int kind)
{
    switch (kind) {
    case 0: return scene_jpeg(3, (struct jpeg_wish){.gossip = true});
    case 1: return scene_jpeg(3, (struct jpeg_wish){.progressive = true});
    case 2: return scene_jpeg(1, (struct jpeg_wish){.restart_rows = 1});
    default: return scene_png(3, 8, add_all_chunks);
    }
}

Test(image, a_file_cut_off_anywhere_is_refused)
{
    for (int kind = 0; kind < 4; kind++) {
        TEMP struct buf file = sample_file(kind);
        for (size_t n = 0; n<file.size; n += n + 40> file.size ? 1 : 7)
            cr_assert_eq(outcome((struct span){file.bytes, n}), INVALID, "%d cut at %zu of %zu",
                         kind, n, file.size);
        cr_assert_eq(outcome(span_of(&file)), OK);
    }
}

Test(image, a_jpeg_cut_off_and_closed_again_is_refused)
{
    TEMP struct buf file = sample_file(0);
    size_t header = file.size - jpeg_scan(span_of(&file)).size - 2;
    for (size_t n = header; n < file.size - 8; n += 11) {
        TEMP struct buf shut = {0};
        buf_add(&shut, file.bytes, n);
        buf_add(&shut, "\xff\xd9", 2);
        cr_assert_eq(outcome(span_of(&shut)), INVALID, "at %zu of %zu", n, file.size);
    }
}

Test(image, a_flipped_bit_never_crashes_and_never_lets_a_damaged_file_out)
{
    for (int kind = 0; kind < 4; kind++) {
        TEMP struct buf file = sample_file(kind);
        for (size_t bit = 0; bit < file.size * 8; bit += 13) {
            file.bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
            struct photo_facts facts, again;
            TEMP struct buf out = {0};
            if (photo_clean(file.bytes, file.size, &facts, &out) == OK) {
                cr_assert_neq(kind, 3, "a PNG with a wrong checksum passed, bit %zu", bit);
                TEMP struct buf twice = cleaned(span_of(&out), &again);
                cr_assert(same(span_of(&out), span_of(&twice)), "%d, bit %zu", kind, bit);
                cr_assert_eq(memcmp(&facts, &again, sizeof facts), 0);
            }
            file.bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        }
    }
}

Test(image, a_png_whose_chunks_are_sound_but_whose_rows_run_out_is_refused)
{
    TEMP struct buf file = {0};
    png_begin(&file, 40, 40, 8, 2, 0);
    png_idat_zeros(&file, 39 * 121);
    png_end(&file);
    cr_assert_eq(outcome(span_of(&file)), INVALID);
}

Test(image, what_follows_the_end_of_the_picture_is_dropped)
{
    for (int kind = 0; kind < 4; kind++) {
        TEMP struct buf file = sample_file(kind);
        struct photo_facts facts;
        TEMP struct buf plain = cleaned(span_of(&file), &facts);
        buf_add_str(&file, "PK\3\4" PLANTED);
        TEMP struct buf out = cleaned(span_of(&file), &facts);
        cr_assert(same(span_of(&out), span_of(&plain)), "%d", kind);
    }
}

Test(image, a_jpeg_of_more_than_a_hundred_scans_is_refused_in_good_time)
{
    TEMP struct buf file = scene_jpeg(3, (struct jpeg_wish){.several_scans = true});
    const unsigned char *first = memmem(file.bytes, file.size, "\xff\xda\0\x08\1", 5);
    const unsigned char *second = memmem(file.bytes, file.size, "\xff\xda\0\x08\1\2", 6);
    cr_assert(first && second && second > first);
    TEMP struct buf many = {0};
    buf_add(&many, file.bytes, (size_t)(first - file.bytes));
    for (int i = 0; i < 1000; i++)
        buf_add(&many, first, (size_t)(second - first));
    buf_add(&many, second, file.size - (size_t)(second - file.bytes));
    cr_assert_eq(outcome(span_of(&file)), OK);
    cr_assert_eq(outcome(span_of(&many)), INVALID);
}

/* ------------------------------------------------------------- strangers */

Test(image, other_formats_and_noise_are_refused)
{
    static const struct span strangers[] = {
        {"", 0},
        {"\0\0\0\0\0\0\0\0\0\0", 10},
        {"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\1\0\1\0\0\2\2D\1\0;", 35},
        {"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f\0\0\0\x10\7\x10\x11\x11\x88\x88\xfe\7\0", 34},
        {"\0\0\0\x18"
         "ftypheic\0\0\0\0mif1heic",
         24},
        {"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\"/>", 61},
        {"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj", 40},
        {"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0", 14},
        {"II*\0\x08\0\0\0", 8},
        {"P5 1 1 255\nx", 12},
        {"\xff\xd8\xff\xd9", 4},
        {"\xff\xd8\xff", 3},
        {"\x89PNG\r\n\x1a\n", 8},
        {"\x8aMNG\r\n\x1a\n", 8},
    };
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++)
        cr_assert_eq(outcome(strangers[i]), INVALID, "%zu", i);
    unsigned char noise[4096];
    unsigned seed = 7;
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (unsigned char)((seed = seed * 1664525u + 1013904223u) >> 24);
    cr_assert_eq(outcome((struct span){noise, sizeof noise}), INVALID);
    memcpy(noise, "\xff\xd8\xff\xe0", 4);
    cr_assert_eq(outcome((struct span){noise, sizeof noise}), INVALID);
    cr_assert_eq(outcome((struct span){NULL, 0}), INVALID);
}

Test(image, no_other_decoder_of_libvips_can_be_reached)
{
    static const char *const loaders[] = {"gifload_buffer",  "svgload_buffer",    "pdfload_buffer",
                                          "tiffload_buffer", "magickload_buffer", "rawload",
                                          "vipsload"};
    for (size_t i = 0; i < sizeof loaders / sizeof *loaders; i++) {
        VipsOperation *operation = vips_operation_new(loaders[i]);
        cr_assert(!operation || (vips_operation_get_flags(operation) & VIPS_OPERATION_BLOCKED),
                  "%s", loaders[i]);
        if (operation)
            g_object_unref(operation);
    }
}

/* ------------------------------------------------------------- limits */

static long rss_peak_kib(void)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return use.ru_maxrss;
}

static struct buf blank_png(int width, int height)
{
    struct buf file = {0};
    png_begin(&file, width, height, 1, 0, 0);
    png_idat_zeros(&file, ((size_t)width / 8 + 1 + (width % 8 != 0)) * (size_t)height);
    png_end(&file);
    return file;
}

Test(image, a_bomb_of_30000_by_30000_pixels_is_refused_without_its_memory)
{
    TEMP struct buf file = blank_png(30000, 30000);
    cr_assert_lt(file.size, 1 << 20);
    long before_kib = rss_peak_kib();
    cr_assert_eq(outcome(span_of(&file)), TOO_LARGE);
    cr_assert_lt(rss_peak_kib() - before_kib, 50 * 1024);
}

Test(image, the_largest_picture_allowed_is_decoded_in_little_memory_and_one_more_row_is_too_large)
{
    cr_assert_eq(PHOTO_AREA_MAX_PX / 10000, 5000);
    TEMP struct buf file = blank_png(10000, 5000);
    long before_kib = rss_peak_kib();
    cr_assert_eq(outcome(span_of(&file)), OK);
    cr_assert_lt(rss_peak_kib() - before_kib, 50 * 1024);
    static const struct {
        int width, height;
        enum status expected;
    } edges[] = {{10000, 5001, TOO_LARGE},
                 {PHOTO_SIDE_MAX_PX, 8, OK},
                 {PHOTO_SIDE_MAX_PX + 1, 8, TOO_LARGE},
                 {8, PHOTO_SIDE_MAX_PX + 1, TOO_LARGE}};
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
        TEMP struct buf edge = blank_png(edges[i].width, edges[i].height);
        cr_assert_eq(outcome(span_of(&edge)), edges[i].expected, "%zu", i);
    }
}

Test(image, a_jpeg_header_that_promises_65000_pixels_is_refused_without_their_memory)
{
    for (int kind = 0; kind < 2; kind++) {
        TEMP struct buf file = sample_file(kind);
        unsigned char *frame = memmem(file.bytes, file.size, kind ? "\xff\xc2" : "\xff\xc0", 2);
        cr_assert(frame);
        memcpy(frame + 5, "\xfd\xe8\xfd\xe8", 4);
        long before_kib = rss_peak_kib();
        cr_assert_eq(outcome(span_of(&file)), TOO_LARGE);
        cr_assert_lt(rss_peak_kib() - before_kib, 50 * 1024);
    }
}

static void promise_a_gibibyte(struct buf *b)
{
    buf_add(b, "\x40\0\0\0tEXt", 8);
}

/* A megabyte of zeros in about a kilobyte, two hundred times. */
static void add_packed_texts(struct buf *b)
{
    TEMP struct buf packed = {0};
    png_idat_zeros(&packed, 1 << 20);
    TEMP struct buf text = {0};
    buf_add(&text, "Comment\0\0", 9);
    buf_add(&text, packed.bytes + 8, packed.size - 12);
    for (int i = 0; i < 200; i++)
        png_chunk(b, "zTXt", text.bytes, text.size);
}

/* libpng reserves and clears what a chunk promises, and unpacks every text: found by fuzzing */
Test(image, a_png_chunk_costs_no_more_memory_than_the_file_has_bytes)
{
    TEMP struct buf liar = scene_png(3, 8, promise_a_gibibyte);
    TEMP struct buf texts = scene_png(3, 8, add_packed_texts);
    long before_kib = rss_peak_kib();
    cr_assert_eq(outcome(span_of(&liar)), INVALID);
    cr_assert_eq(outcome(span_of(&texts)), OK);
    cr_assert_lt(rss_peak_kib() - before_kib, 50 * 1024);
}

/* ------------------------------------------------------------- manners */

Test(image, no_temporary_file_is_made_even_for_pictures_that_libvips_would_put_on_disk,
     .init = NULL)
{
    setenv("VIPS_DISC_THRESHOLD", "1k", 1);
    setenv("TMPDIR", "/nonexistent", 1);
    start();
    TEMP struct buf exif = exif_make((struct exif_wish){.orientation = 6});
    TEMP struct buf jpeg = scene_jpeg(3, (struct jpeg_wish){.exif = span_of(&exif)});
    TEMP struct buf progressive =
        scene_jpeg(3, (struct jpeg_wish){.exif = span_of(&exif), .progressive = true});
    png_orientation = 6;
    TEMP struct buf png = scene_png(3, 8, add_orientation);
    cr_assert_eq(outcome(span_of(&jpeg)), OK);
    cr_assert_eq(outcome(span_of(&progressive)), OK);
    cr_assert_eq(outcome(span_of(&png)), OK);
}

Test(image, nothing_is_printed_and_no_error_is_kept_for_a_damaged_file)
{
    int kept = dup(2), heard = memfd_create("stderr", 0);
    dup2(heard, 2);
    for (int kind = 0; kind < 4; kind++) {
        TEMP struct buf file = sample_file(kind);
        cr_assert_eq(outcome((struct span){file.bytes, file.size * 3 / 4}), INVALID);
    }
    dup2(kept, 2);
    cr_assert_eq(lseek(heard, 0, SEEK_END), 0);
    cr_assert_str_empty(vips_error_buffer());
}

struct worker {
    pthread_t thread;
    struct buf files[4], expected[4];
    int failures;
};

static void *work(void *context)
{
    struct worker *w = context;
    for (int i = 0; i < 60; i++) {
        struct photo_facts facts;
        TEMP struct buf out = {0}, none = {0};
        const struct buf *file = &w->files[i % 4], *expected = &w->expected[i % 4];
        if (photo_clean(file->bytes, file->size, &facts, &out) != OK ||
            !same(span_of(&out), span_of(expected)))
            w->failures++;
        w->failures += photo_clean(file->bytes, file->size / 2, &facts, &none) == OK;
    }
    return NULL;
}

static void give_work(struct worker *w, int orientation)
{
    TEMP struct buf exif = exif_make((struct exif_wish){.orientation = orientation});
    w->files[0] = scene_jpeg(3, (struct jpeg_wish){.exif = span_of(&exif)});
    for (int kind = 1; kind < 4; kind++)
        w->files[kind] = sample_file(kind);
    struct photo_facts facts;
    for (int kind = 0; kind < 4; kind++)
        w->expected[kind] = cleaned(span_of(&w->files[kind]), &facts);
}

Test(image, eight_threads_at_once_each_get_their_own_picture)
{
    struct worker workers[8] = {0};
    for (int i = 0; i < 8; i++)
        give_work(&workers[i], i + 1);
    for (int i = 0; i < 8; i++)
        pthread_create(&workers[i].thread, NULL, work, &workers[i]);
    for (int i = 0; i < 8; i++) {
        pthread_join(workers[i].thread, NULL);
        cr_assert_eq(workers[i].failures, 0, "thread %d", i);
        for (int kind = 0; kind < 4; kind++) {
            buf_free(&workers[i].files[kind]);
            buf_free(&workers[i].expected[kind]);
        }
    }
}

/* ------------------------------------------------------------- real ones */

static struct buf read_file(const char *folder, const char *name)
{
    char path[512], chunk[65536];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    struct buf b = {0};
    FILE *f = fopen(path, "rb");
    cr_assert(f, "%s", path);
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, f)) > 0;)
        buf_add(&b, chunk, n);
    fclose(f);
    return b;
}

static void check_portrait(const char *folder, const char *name)
{
    TEMP struct buf file = read_file(folder, name);
    const char *dot = strrchr(name, '.');
    if (!dot || (strcmp(dot, ".jpg") != 0 && strcmp(dot, ".png") != 0)) {
        cr_assert_eq(outcome(span_of(&file)), INVALID, "%s", name);
        return;
    }
    /* the size as libvips sees the turned picture, and the samples where nothing is turned */
    VipsImage *image = NULL;
    int failed = strcmp(dot, ".jpg") == 0
                     ? vips_jpegload_buffer(file.bytes, file.size, &image, "autorotate", TRUE, NULL)
                     : vips_pngload_buffer(file.bytes, file.size, &image, NULL);
    cr_assert(!failed, "%s", name);
    struct photo_facts facts;
    TEMP struct buf out = cleaned(span_of(&file), &facts);
    cr_assert_eq(facts.width_px, vips_image_get_width(image), "%s", name);
    cr_assert_eq(facts.height_px, vips_image_get_height(image), "%s", name);
    if (facts.format == PHOTO_JPEG && vips_image_get_orientation(image) == 1 &&
        !contains(span_of(&file), "Exif"))
        cr_assert(same_pixels(span_of(&file), span_of(&out)), "%s", name);
    g_object_unref(image);
}

/* out-of-range.jpg: libjpeg-turbo's fast encoder writes rubbish for its coefficients */
Test(image, every_file_of_the_fuzz_corpus_that_is_taken_comes_out_sound)
{
    const char *folder = "tests/fuzz/corpus/photo";
    DIR *d = opendir(folder);
    cr_assert(d, "run from the root of the tree");
    int taken = 0;
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.')
            continue;
        TEMP struct buf file = read_file(folder, e->d_name);
        struct photo_facts facts, again;
        TEMP struct buf out = {0};
        if (photo_clean(file.bytes, file.size, &facts, &out) == OK) {
            TEMP struct buf twice = cleaned(span_of(&out), &again);
            cr_assert(same(span_of(&out), span_of(&twice)), "%s", e->d_name);
            taken++;
        }
    }
    closedir(d);
    cr_assert_geq(taken, 9);
}

Test(image, every_portrait_of_the_reference_folder_is_taken_and_everything_else_refused)
{
    const char *folder = "../shared/portraits";
    DIR *d = opendir(folder);
    if (!d) {
        fprintf(stderr, "SKIPPED: no %s beside the tree, real portraits were not tried\n", folder);
        cr_skip_test("no %s", folder);
    }
    int n = 0;
    for (struct dirent *e; (e = readdir(d)); n++)
        if (e->d_name[0] != '.')
            check_portrait(folder, e->d_name);
    closedir(d);
    cr_assert_gt(n, 2);
}
