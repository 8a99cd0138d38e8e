/* SPDX-License-Identifier: MIT */
/* Damaged files, strangers, bombs, and the manners of whoever decodes them. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <vips/vips.h>

#include "image_fixture.h"

/* ------------------------------------------------------------- damage */

static struct buf sample_file(int kind)
{
    switch (kind) {
    case 0: return image_scene_jpeg(3, (struct jpeg_wish){.gossip = true});
    case 1: return image_scene_jpeg(3, (struct jpeg_wish){.progressive = true});
    case 2: return image_scene_jpeg(1, (struct jpeg_wish){.restart_rows = 1});
    default: return image_scene_png(3, 8, image_add_all_chunks);
    }
}

Test(image, a_file_cut_off_anywhere_is_refused)
{
    for (int kind = 0; kind < 4; kind++) {
        TEMP struct buf file = sample_file(kind);
        for (size_t n = 0; n<file.size; n += n + 40> file.size ? 1 : 7)
            cr_assert_eq(image_outcome((struct span){file.bytes, n}), INVALID,
                         "%d cut at %zu of %zu", kind, n, file.size);
        cr_assert_eq(image_outcome(span_of(&file)), OK);
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
        cr_assert_eq(image_outcome(span_of(&shut)), INVALID, "at %zu of %zu", n, file.size);
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
                TEMP struct buf twice = image_cleaned(span_of(&out), &again);
                cr_assert(image_same(span_of(&out), span_of(&twice)), "%d, bit %zu", kind, bit);
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
    cr_assert_eq(image_outcome(span_of(&file)), INVALID);
}

Test(image, what_follows_the_end_of_the_picture_is_dropped)
{
    for (int kind = 0; kind < 4; kind++) {
        TEMP struct buf file = sample_file(kind);
        struct photo_facts facts;
        TEMP struct buf plain = image_cleaned(span_of(&file), &facts);
        buf_add_str(&file, "PK\3\4" PLANTED);
        TEMP struct buf out = image_cleaned(span_of(&file), &facts);
        cr_assert(image_same(span_of(&out), span_of(&plain)), "%d", kind);
    }
}

Test(image, a_jpeg_of_more_than_a_hundred_scans_is_refused_in_good_time)
{
    TEMP struct buf file = image_scene_jpeg(3, (struct jpeg_wish){.several_scans = true});
    const unsigned char *first = memmem(file.bytes, file.size, "\xff\xda\0\x08\1", 5);
    const unsigned char *second = memmem(file.bytes, file.size, "\xff\xda\0\x08\1\2", 6);
    cr_assert(first && second && second > first);
    TEMP struct buf many = {0};
    buf_add(&many, file.bytes, (size_t)(first - file.bytes));
    for (int i = 0; i < 1000; i++)
        buf_add(&many, first, (size_t)(second - first));
    buf_add(&many, second, file.size - (size_t)(second - file.bytes));
    cr_assert_eq(image_outcome(span_of(&file)), OK);
    cr_assert_eq(image_outcome(span_of(&many)), INVALID);
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
        cr_assert_eq(image_outcome(strangers[i]), INVALID, "%zu", i);
    unsigned char noise[4096];
    unsigned seed = 7;
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (unsigned char)((seed = seed * 1664525u + 1013904223u) >> 24);
    cr_assert_eq(image_outcome((struct span){noise, sizeof noise}), INVALID);
    memcpy(noise, "\xff\xd8\xff\xe0", 4);
    cr_assert_eq(image_outcome((struct span){noise, sizeof noise}), INVALID);
    cr_assert_eq(image_outcome((struct span){NULL, 0}), INVALID);
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
    cr_assert_eq(image_outcome(span_of(&file)), TOO_LARGE);
    cr_assert_lt(rss_peak_kib() - before_kib, 50 * 1024);
}

Test(image, the_largest_picture_allowed_is_decoded_in_little_memory_and_one_more_row_is_too_large)
{
    cr_assert_eq(PHOTO_AREA_MAX_PX / 10000, 5000);
    TEMP struct buf file = blank_png(10000, 5000);
    long before_kib = rss_peak_kib();
    cr_assert_eq(image_outcome(span_of(&file)), OK);
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
        cr_assert_eq(image_outcome(span_of(&edge)), edges[i].expected, "%zu", i);
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
        cr_assert_eq(image_outcome(span_of(&file)), TOO_LARGE);
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
    TEMP struct buf liar = image_scene_png(3, 8, promise_a_gibibyte);
    TEMP struct buf texts = image_scene_png(3, 8, add_packed_texts);
    long before_kib = rss_peak_kib();
    cr_assert_eq(image_outcome(span_of(&liar)), INVALID);
    cr_assert_eq(image_outcome(span_of(&texts)), OK);
    cr_assert_lt(rss_peak_kib() - before_kib, 50 * 1024);
}

/* ------------------------------------------------------------- manners */

Test(image, no_temporary_file_is_made_even_for_pictures_that_libvips_would_put_on_disk,
     .init = NULL)
{
    setenv("VIPS_DISC_THRESHOLD", "1k", 1);
    setenv("TMPDIR", "/nonexistent", 1);
    image_begin();
    TEMP struct buf exif = exif_make((struct exif_wish){.orientation = 6});
    TEMP struct buf jpeg = image_scene_jpeg(3, (struct jpeg_wish){.exif = span_of(&exif)});
    TEMP struct buf progressive =
        image_scene_jpeg(3, (struct jpeg_wish){.exif = span_of(&exif), .progressive = true});
    image_png_orientation = 6;
    TEMP struct buf png = image_scene_png(3, 8, image_add_orientation);
    cr_assert_eq(image_outcome(span_of(&jpeg)), OK);
    cr_assert_eq(image_outcome(span_of(&progressive)), OK);
    cr_assert_eq(image_outcome(span_of(&png)), OK);
}

Test(image, nothing_is_printed_and_no_error_is_kept_for_a_damaged_file)
{
    int kept = dup(2), heard = memfd_create("stderr", 0);
    dup2(heard, 2);
    for (int kind = 0; kind < 4; kind++) {
        TEMP struct buf file = sample_file(kind);
        cr_assert_eq(image_outcome((struct span){file.bytes, file.size * 3 / 4}), INVALID);
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
            !image_same(span_of(&out), span_of(expected)))
            w->failures++;
        w->failures += photo_clean(file->bytes, file->size / 2, &facts, &none) == OK;
    }
    return NULL;
}

static void give_work(struct worker *w, int orientation)
{
    TEMP struct buf exif = exif_make((struct exif_wish){.orientation = orientation});
    w->files[0] = image_scene_jpeg(3, (struct jpeg_wish){.exif = span_of(&exif)});
    for (int kind = 1; kind < 4; kind++)
        w->files[kind] = sample_file(kind);
    struct photo_facts facts;
    for (int kind = 0; kind < 4; kind++)
        w->expected[kind] = image_cleaned(span_of(&w->files[kind]), &facts);
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
        cr_assert_eq(image_outcome(span_of(&file)), INVALID, "%s", name);
        return;
    }
    /* the size as libvips sees the turned picture, and the samples where nothing is turned */
    VipsImage *image = NULL;
    int failed = strcmp(dot, ".jpg") == 0
                     ? vips_jpegload_buffer(file.bytes, file.size, &image, "autorotate", TRUE, NULL)
                     : vips_pngload_buffer(file.bytes, file.size, &image, NULL);
    cr_assert(!failed, "%s", name);
    struct photo_facts facts;
    TEMP struct buf out = image_cleaned(span_of(&file), &facts);
    cr_assert_eq(facts.width_px, vips_image_get_width(image), "%s", name);
    cr_assert_eq(facts.height_px, vips_image_get_height(image), "%s", name);
    if (facts.format == PHOTO_JPEG && vips_image_get_orientation(image) == 1 &&
        !contains(span_of(&file), "Exif"))
        cr_assert(image_same_pixels(span_of(&file), span_of(&out)), "%s", name);
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
            TEMP struct buf twice = image_cleaned(span_of(&out), &again);
            cr_assert(image_same(span_of(&out), span_of(&twice)), "%s", e->d_name);
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
