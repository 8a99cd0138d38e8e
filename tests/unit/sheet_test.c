/* SPDX-License-Identifier: MIT */
/* Photos on paper: how many, where, and that the files show them there. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/photo.h"
#include "image/portrait.h"
#include "image/sheet.h"
#include "memory_file.h"
#include "pictures.h"
#include "sheet_sound.h"

#define TEMP __attribute__((cleanup(buf_free)))

static void start(void)
{
    cr_assert_eq(image_start(), OK);
}

TestSuite(sheet, .init = start, .timeout = 120);

static struct sheet_wanted paper(const char *name, double gap_mm, double margin_mm)
{
    struct sheet_wanted w = sheet_usual();
    cr_assert_eq(sheet_paper(name, &w.width_mm, &w.height_mm), OK);
    w.gap_mm = gap_mm;
    w.margin_mm = margin_mm;
    return w;
}

static size_t filled(struct sheet_wanted w, int32_t width_px, int32_t height_px)
{
    static struct sheet_layout l;
    const struct sheet_kind kind = {width_px, height_px, 0};
    cr_assert_eq(sheet_arrange(&w, &kind, 1, &l), OK);
    cr_assert_eq((size_t)l.placed[0], l.count);
    return l.count;
}

static double mm(double px)
{
    return px * 25.4 / 300;
}

/* ---- how many ---- */

/* Counted by hand for A4 of 2480 x 3508 px: gaps of 30 px and margins of 50, and 1 mm and 2 mm. */
Test(sheet, a4_takes_as_many_as_arithmetic_allows)
{
    static const struct {
        int32_t width_px, height_px;
        size_t wide, narrow;
    } known[] = {{295, 413, 50, 56}, {413, 579, 25, 32}, {358, 441, 42, 45}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        cr_expect_eq(filled(paper("A4", mm(30), mm(50)), known[i].width_px, known[i].height_px),
                     known[i].wide, "%zu", i);
        cr_expect_eq(filled(paper("a4", 1, 2), known[i].width_px, known[i].height_px),
                     known[i].narrow, "%zu", i);
    }
}

/* What photo shops print: eight or ten one-inch photos on 5 inch (3R), at least; twelve on 6 inch.
 */
Test(sheet, small_papers_take_what_shops_print)
{
    cr_expect_geq(filled(paper("3R", 1, 2), 295, 413), 8);
    cr_expect_eq(filled(paper("4R", 1, 2), 295, 413), 12);
    cr_expect_geq(filled(paper("3R", 1, 2), 413, 579), 4);
    struct sheet_wanted dense = paper("4R", 1, 2);
    dense.dense = true;
    cr_expect_eq(filled(dense, 295, 413), 14, "two rows of five, one of four that lie");
}

/* One photo after the other, without a formula. */
static size_t brute(int32_t W, int32_t H, int32_t w, int32_t h, int32_t gap)
{
    size_t n = 0;
    for (int32_t y = 0; y + h <= H; y += h + gap)
        for (int32_t x = 0; x + w <= W; x += w + gap)
            n++;
    return n;
}

static size_t most(size_t a, size_t b)
{
    return a > b ? a : b;
}

Test(sheet, every_grid_is_as_full_as_counting_finds)
{
    static const char *const names[] = {"3R", "4R", "5R", "6R", "A4", "A5", "A6", "120x90"};
    static const int32_t sizes[][2] = {{295, 413}, {413, 295}, {390, 567}, {260, 378}, {600, 600}};
    for (size_t i = 0; i < 8; i++)
        for (size_t k = 0; k < 5; k++)
            for (double gap = 0; gap <= 3; gap += 1.5) {
                struct sheet_wanted w = paper(names[i], gap, 3);
                int32_t m = 2 * (int32_t)lround(3 * 300 / 25.4),
                        g = (int32_t)lround(gap * 300 / 25.4);
                int32_t W = (int32_t)lround(w.width_mm * 300 / 25.4) - m;
                int32_t H = (int32_t)lround(w.height_mm * 300 / 25.4) - m;
                size_t upright = brute(W, H, sizes[k][0], sizes[k][1], g);
                size_t turned = brute(W, H, sizes[k][1], sizes[k][0], g);
                cr_expect_eq(filled(w, sizes[k][0], sizes[k][1]), most(upright, turned),
                             "%s %zu %g", names[i], k, gap);
            }
}

/* 199 x 148 mm inside of the margins: seven across and four down, with 1 mm between. */
Test(sheet, the_density_does_not_change_how_many)
{
    for (int32_t dpi = 72; dpi <= 600; dpi += 48) {
        struct sheet_wanted w = paper("6R", 1, 2);
        w.dpi = dpi;
        cr_expect_eq(filled(w, sheet_px(25, dpi), sheet_px(35, dpi)), 28, "%d", dpi);
    }
}

/* ---- where ---- */

static void expect_sound(const struct sheet_wanted *w, const struct sheet_kind *kinds,
                         const struct sheet_layout *l)
{
    const char *flaw = sheet_flaw(w, kinds, l, SHEET_CELLS_MAX);
    int32_t seen[SHEET_KINDS_MAX] = {0};
    cr_expect(!flaw, "%s", flaw);
    for (size_t i = 0; i < l->count; i++)
        seen[l->cells[i].kind]++;
    for (size_t i = 0; i < SHEET_KINDS_MAX; i++)
        cr_expect_eq(seen[i], l->placed[i]);
}

static int32_t any(unsigned *seed, int32_t least, int32_t most_px)
{
    *seed = *seed * 1664525u + 1013904223u;
    return least + (int32_t)((*seed >> 8) % (unsigned)(most_px - least + 1));
}

Test(sheet, nothing_overlaps_or_leaves_the_margins_whatever_is_mixed)
{
    static const char *const names[] = {"3R", "4R", "5R", "6R", "A4", "A5", "A6"};
    static struct sheet_layout l;
    unsigned seed = 1;
    for (int round = 0; round < 150; round++) {
        struct sheet_wanted w =
            paper(names[any(&seed, 0, 6)], any(&seed, 0, 40) / 10.0, any(&seed, 0, 60) / 10.0);
        struct sheet_kind kinds[4];
        int32_t n = any(&seed, 1, 4);
        w.turn = (enum sheet_turn)any(&seed, 0, 2);
        w.dense = any(&seed, 0, 1);
        for (int32_t i = 0; i < n; i++)
            kinds[i] = (struct sheet_kind){any(&seed, 200, 700), any(&seed, 200, 900),
                                           any(&seed, 0, 1) ? 0 : any(&seed, 1, 9)};
        if (sheet_arrange(&w, kinds, (size_t)n, &l) != OK)
            continue;
        expect_sound(&w, kinds, &l);
        cr_expect(w.turn == SHEET_EITHER_WAY ||
                  (w.turn == SHEET_LANDSCAPE) == (l.width_px > l.height_px));
        for (int32_t i = 0; i < n; i++)
            cr_expect(kinds[i].count == 0 || l.placed[i] <= kinds[i].count);
    }
}

/* Six one-inch and four two-inch photos on 6 inch are what shops sell as a mixed sheet: the
 * two-inch ones in one strip (4 x 413 + 3 x 12 = 1688 of 1747 px), four of the others below (413
 * high). */
Test(sheet, two_sizes_share_a_sheet_in_strips)
{
    static struct sheet_layout l;
    struct sheet_wanted w = paper("4R", 1, 2);
    const struct sheet_kind kinds[] = {{295, 413, 5}, {413, 579, 4}};
    cr_assert_eq(sheet_arrange(&w, kinds, 2, &l), OK);
    cr_expect(l.placed[0] == 5 && l.placed[1] == 4, "%d and %d", l.placed[0], l.placed[1]);
    const struct sheet_kind rest[] = {{295, 413, 0}, {413, 579, 2}};
    cr_assert_eq(sheet_arrange(&w, rest, 2, &l), OK);
    cr_expect(l.placed[0] >= 6 && l.placed[1] == 2, "%d and %d", l.placed[0], l.placed[1]);
}

Test(sheet, a_full_sheet_says_how_many_it_took)
{
    static struct sheet_layout l;
    struct sheet_wanted w = paper("3R", 1, 2);
    const struct sheet_kind kinds[] = {{413, 579, 100}};
    cr_assert_eq(sheet_arrange(&w, kinds, 1, &l), OK);
    cr_expect(l.placed[0] < 100 && (size_t)l.placed[0] == l.count);
    const struct sheet_kind few[] = {{413, 579, 2}};
    cr_assert_eq(sheet_arrange(&w, few, 1, &l), OK);
    cr_expect_eq(l.count, 2);
}

Test(sheet, impossible_wishes_are_refused)
{
    static struct sheet_layout l;
    const struct sheet_kind good = {295, 413, 0}, huge = {3000, 3000, 0}, tiny = {1, 1, 0},
                            minus = {295, 413, -1};
    struct sheet_wanted w = paper("4R", 1, 2);
    cr_expect_eq(sheet_arrange(&w, &huge, 1, &l), INVALID);
    cr_expect_eq(sheet_arrange(&w, &tiny, 1, &l), INVALID);
    cr_expect_eq(sheet_arrange(&w, &minus, 1, &l), INVALID);
    cr_expect_eq(sheet_arrange(&w, &good, 0, &l), INVALID);
    cr_expect_eq(sheet_arrange(&w, &good, SHEET_KINDS_MAX + 1, &l), INVALID);
    for (int i = 0; i < 7; i++) {
        struct sheet_wanted bad = w;
        double *const numbers[] = {&bad.width_mm, &bad.height_mm, &bad.gap_mm, &bad.margin_mm};
        if (i < 4)
            *numbers[i] = i % 2 ? (double)NAN : -1;
        else
            bad.dpi = i == 4 ? 71 : i == 5 ? 1201 : 1200;
        if (i == 6)
            bad.width_mm = bad.height_mm = 500; /* 558 megapixels */
        cr_expect_eq(sheet_arrange(&bad, &good, 1, &l), INVALID, "%d", i);
    }
}

/* ---- words ---- */

Test(sheet, its_words_are_read)
{
    struct sheet_wanted w;
    cr_assert_eq(sheet_parse("a4,gap=2.5,portrait,margin=0,dpi=350,lines,dense", &w), OK);
    cr_expect(w.width_mm == 210 && w.height_mm == 297 && w.gap_mm == 2.5 && w.margin_mm == 0 &&
              w.dpi == 350 && w.cut_lines && w.dense && w.turn == SHEET_PORTRAIT);
    cr_assert_eq(sheet_parse("152.4x101.6", &w), OK);
    cr_expect_float_eq(w.width_mm, 152.4, 1e-9);
    cr_expect(w.dpi == 300 && w.gap_mm == 1 && w.margin_mm == 2 && !w.cut_lines);
}

Test(sheet, other_words_are_refused)
{
    static const char *const bad[] = {"",
                                      "7R",
                                      "A4 ",
                                      ",A4",
                                      "A4,",
                                      "A4,gap",
                                      "A4,gap=",
                                      "A4,gap=x",
                                      "A4,gap=-1",
                                      "A4,gap=51",
                                      "A4,gap=1,gap=2",
                                      "A4,dpi=300.5",
                                      "A4,dpi=1",
                                      "0x10",
                                      "10x10",
                                      "501x100",
                                      "100x",
                                      "x100",
                                      "1e2x90",
                                      "nanxnan",
                                      "100x90x80",
                                      "A4,lines,lines",
                                      "A4,landscape,portrait",
                                      "100.x90",
                                      "A4,margin=1.",
                                      "100000000000x90"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct sheet_wanted w = {.dpi = 42};
        cr_expect_eq(sheet_parse(bad[i], &w), INVALID, "%s", bad[i]);
        cr_expect_eq(w.dpi, 42);
    }
}

/* ---- files ---- */

/* No turn of it looks like another. */
static struct pixels photo_pixels(void)
{
    static const uint8_t colours[4][3] = {
        {220, 30, 30}, {30, 180, 30}, {30, 30, 220}, {240, 240, 60}};
    struct pixels p = {295, 413, 3, {0}};
    for (int y = 0; y < 413; y++)
        for (int x = 0; x < 295; x++)
            buf_add(&p.samples, colours[(y >= 206) * 2 + (x >= 147)], 3);
    return p;
}

static struct buf photo_file(void)
{
    struct pixels p = photo_pixels();
    struct buf file = png_make(&p, 8, NULL);
    buf_free(&p.samples);
    return file;
}

static struct sheet_photo one_inch(const struct buf *file, int32_t count)
{
    return (struct sheet_photo){span_of(file), 25, 35, count};
}

static bool near(const uint8_t *a, const uint8_t *b, int most_off)
{
    return abs(a[0] - b[0]) <= most_off && abs(a[1] - b[1]) <= most_off &&
           abs(a[2] - b[2]) <= most_off;
}

/* Share of a cell's pixels that are the photo's, as JPEG keeps them. */
static double agreement(const struct idphoto_pixels *sheet, const struct sheet_cell *c,
                        const struct pixels *photo)
{
    int good = 0;
    for (int y = 0; y < photo->height; y++)
        for (int x = 0; x < photo->width; x++) {
            int sx = c->x_px + (c->turned ? y : x);
            int sy = c->y_px + (c->turned ? photo->width - 1 - x : y);
            good += near(sheet->bytes + (size_t)sy * sheet->stride_bytes + (size_t)sx * 3,
                         photo->samples.bytes + (y * photo->width + x) * 3, 6);
        }
    return (double)good / (photo->width * photo->height);
}

static struct portrait read_back(const struct buf *file)
{
    struct portrait p = {0};
    cr_assert_eq(portrait_decode(file->bytes, file->size, 0, &p), OK);
    return p;
}

Test(sheet, its_jpeg_shows_the_photo_in_every_cell)
{
    static struct sheet_layout l;
    TEMP struct buf file = photo_file(), out = {0};
    struct pixels photo = photo_pixels();
    const struct sheet_photo one = one_inch(&file, 0);
    for (int turn = SHEET_LANDSCAPE; turn <= SHEET_PORTRAIT; turn++) {
        struct sheet_wanted w = paper("4R", 1, 2);
        w.turn = (enum sheet_turn)turn;
        w.cut_lines = true;
        buf_free(&out);
        cr_assert_eq(sheet_make(&w, &one, 1, SHEET_JPEG, &l, &out), OK);
        cr_expect_eq(l.count, 12);
        cr_expect_eq(l.cells[0].turned, turn == SHEET_LANDSCAPE);
        struct portrait back = read_back(&out);
        cr_expect(back.pixels.width_px == (turn == SHEET_LANDSCAPE ? 1795 : 1205), "%d",
                  back.pixels.width_px);
        for (size_t i = 0; i < l.count; i++)
            cr_expect_geq(agreement(&back.pixels, &l.cells[i], &photo), 0.98, "%zu", i);
        portrait_free(&back);
    }
    buf_free(&photo.samples);
}

Test(sheet, its_jpeg_says_how_large_it_is)
{
    TEMP struct buf file = photo_file();
    const struct sheet_photo one = one_inch(&file, 0);
    for (int32_t dpi = 150; dpi <= 600; dpi += 150) {
        struct sheet_wanted w = paper("6R", 1, 2);
        TEMP struct buf out = {0};
        struct span body;
        w.dpi = dpi;
        cr_assert_eq(sheet_make(&w, &one, 1, SHEET_JPEG, NULL, &out), OK);
        cr_assert(jpeg_segment(span_of(&out), 0xe0, "JFIF", &body));
        const unsigned char *b = body.bytes;
        cr_expect(b[7] == 1 && (b[8] << 8 | b[9]) == dpi && (b[10] << 8 | b[11]) == dpi);
        struct pixels back = jpeg_pixels(span_of(&out));
        double longer = back.width > back.height ? back.width : back.height;
        cr_expect_float_eq(longer * 25.4 / dpi, 203, 25.4 / dpi);
        buf_free(&back.samples);
    }
}

/* Lines are beside the photos and reach beyond them; without the wish there are none. */
Test(sheet, cut_lines_are_drawn_beside_photos)
{
    static struct sheet_layout l;
    TEMP struct buf file = photo_file();
    const struct sheet_photo one = one_inch(&file, 1);
    for (int lines = 0; lines <= 1; lines++) {
        struct sheet_wanted w = paper("4R", 1, 2);
        TEMP struct buf out = {0};
        w.cut_lines = lines;
        cr_assert_eq(sheet_make(&w, &one, 1, SHEET_JPEG, &l, &out), OK);
        struct portrait back = read_back(&out);
        const struct sheet_cell *c = &l.cells[0];
        int32_t x = c->x_px + c->width_px / 4, y = c->y_px - 1;
        const uint8_t *above = back.pixels.bytes + (size_t)y * back.pixels.stride_bytes + 3 * x;
        const uint8_t *corner = back.pixels.bytes +
                                (size_t)(c->y_px - 12) * back.pixels.stride_bytes +
                                3 * (c->x_px - 1);
        cr_expect_eq(above[1] < 235, lines, "%d", above[1]);
        cr_expect_eq(corner[1] < 235, lines, "%d", corner[1]);
        portrait_free(&back);
    }
}

/* A photo of 350 dpi on a sheet of 300 has its millimetres. */
Test(sheet, a_photo_of_another_density_is_resampled_to_its_millimetres)
{
    static struct sheet_layout l;
    struct pixels p = {358, 441, 3, {0}};
    for (int i = 0; i < 358 * 441; i++)
        buf_add(&p.samples, "\x20\x90\x40", 3);
    TEMP struct buf file = png_make(&p, 8, NULL), out = {0};
    const struct sheet_photo card = {span_of(&file), 26, 32, 1};
    struct sheet_wanted w = paper("4R", 1, 2);
    cr_assert_eq(sheet_make(&w, &card, 1, SHEET_JPEG, &l, &out), OK);
    cr_expect(l.cells[0].width_px == 307 && l.cells[0].height_px == 378);
    struct portrait back = read_back(&out);
    const uint8_t *middle = back.pixels.bytes +
                            (size_t)(back.pixels.height_px / 2) * back.pixels.stride_bytes +
                            3 * (back.pixels.width_px / 2);
    cr_expect(near(middle, (const uint8_t *)"\x20\x90\x40", 3));
    portrait_free(&back);
    buf_free(&p.samples);
}

Test(sheet, what_is_no_photo_makes_no_sheet)
{
    TEMP struct buf out = {0};
    const struct sheet_photo rubbish = {{"rubbish", 7}, 25, 35, 1}, flat = {{"", 0}, 0, 35, 1};
    struct sheet_wanted w = paper("4R", 1, 2);
    for (int f = SHEET_JPEG; f <= SHEET_PDF; f++) {
        cr_expect_eq(sheet_make(&w, &rubbish, 1, (enum sheet_format)f, NULL, &out), INVALID);
        cr_expect_eq(sheet_make(&w, &flat, 1, (enum sheet_format)f, NULL, &out), INVALID);
        cr_expect_not(out.bytes);
    }
}

/* ---- PDF, as poppler reads it ---- */

static struct buf told(const char *format, const struct buf *pdf)
{
    char command[200], chunk[4096];
    struct buf out = {0};
    const struct memory_file file = memory_file(pdf->bytes, pdf->size);
    snprintf(command, sizeof command, format, file.path);
    FILE *f = popen(command, "r");
    cr_assert(f);
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, f)) > 0;)
        buf_add(&out, chunk, n);
    cr_expect_eq(pclose(f), 0, "%s", command);
    memory_file_close(&file);
    return out;
}

static struct buf pdf_of(struct sheet_wanted w, struct sheet_layout *l)
{
    TEMP struct buf file = photo_file();
    struct buf out = {0};
    const struct sheet_photo one = one_inch(&file, 0);
    cr_assert_eq(sheet_make(&w, &one, 1, SHEET_PDF, l, &out), OK);
    return out;
}

/* A page is as large as the paper: 210 mm are 595.276 pt. */
Test(sheet, its_pdf_has_one_page_of_the_paper_and_no_date)
{
    struct sheet_wanted w = paper("A4", 1, 2);
    w.turn = SHEET_PORTRAIT;
    TEMP struct buf pdf = pdf_of(w, NULL);
    TEMP struct buf info = told("pdfinfo %s", &pdf), images = told("pdfimages -list %s", &pdf);
    double x = 0, y = 0;
    const char *size = strstr((char *)info.bytes, "Page size:");
    cr_assert(size && sscanf(size, "Page size: %lf x %lf pts", &x, &y) == 2, "%s", info.bytes);
    cr_expect_float_eq(x, 210 * 72 / 25.4, 0.01);
    cr_expect_float_eq(y, 297 * 72 / 25.4, 0.01);
    cr_expect(strstr((char *)info.bytes, "Pages:           1\n"), "%s", info.bytes);
    cr_expect_not(strstr((char *)info.bytes, "Date"), "%s", info.bytes);
    TEMP struct buf again = pdf_of(w, NULL);
    cr_expect(again.size == pdf.size && memcmp(again.bytes, pdf.bytes, pdf.size) == 0);
    const char *jpeg = strstr((char *)images.bytes, " jpeg ");
    cr_expect(jpeg && strstr((char *)images.bytes, "295   413"), "%s", images.bytes);
    size_t photo_bytes = pdf.size;
    cr_expect_leq(photo_bytes, 40000, "56 copies of one photo");
}

Test(sheet, its_pdf_shows_the_photo_in_every_cell)
{
    static struct sheet_layout l;
    struct pixels photo = photo_pixels();
    for (int turn = SHEET_LANDSCAPE; turn <= SHEET_PORTRAIT; turn++) {
        struct sheet_wanted w = paper("4R", 1, 2);
        w.turn = (enum sheet_turn)turn;
        TEMP struct buf pdf = pdf_of(w, &l);
        TEMP struct buf shown = told("pdftoppm -r 300 -png %s", &pdf);
        struct portrait back = read_back(&shown);
        for (size_t i = 0; i < l.count; i++)
            cr_expect_geq(agreement(&back.pixels, &l.cells[i], &photo), 0.97, "%d %zu", turn, i);
        portrait_free(&back);
    }
    buf_free(&photo.samples);
}
