/* SPDX-License-Identifier: MIT */
/* The specifications of config/specs, and what stops the start. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image/specs.h"

static struct specs *specs;
static char why[512];

static void load_own(void)
{
    cr_assert(specs_load("config/specs", &specs, why, sizeof why) == OK, "%s", why);
}

static void drop_own(void)
{
    specs_free(specs);
}

/* Published sizes: GA/T 461-2019, the exit and entry administration, CHSI, the photo trade. */
Test(specs, the_common_ones_have_their_published_sizes, .init = load_own, .fini = drop_own)
{
    static const struct {
        const char *id;
        int32_t width_px, height_px, dpi, min_kb, max_kb;
    } known[] = {
        {"cn-1inch", 295, 413, 300, 0, 0},
        {"cn-1inch-small", 260, 378, 300, 0, 0},
        {"cn-1inch-large", 390, 567, 300, 0, 0},
        {"cn-2inch", 413, 579, 300, 0, 0}, /* not 626, which other tools have */
        {"cn-2inch-large", 413, 626, 300, 0, 0},
        {"cn-id", 358, 441, 350, 14, 20},
        {"cn-social-security", 358, 441, 350, 14, 40},
        {"cn-passport", 390, 567, 300, 20, 80},
        {"cn-exit-entry-digital", 354, 472, 300, 20, 80},
        {"cn-driver-licence", 260, 378, 300, 14, 30},
        {"cn-graduation", 480, 640, 300, 20, 40},
        {"cn-visa-online", 354, 472, 300, 40, 120},
        {"cn-law-exam", 413, 626, 300, 40, 100},
        {"cn-marriage", 626, 413, 300, 0, 0},
        {"us-visa", 600, 600, 300, 0, 240},
        {"in-visa", 600, 600, 300, 10, 300},
        {"jp-visa", 413, 531, 300, 0, 0},
    };
    cr_expect_geq(specs_count(specs), 60);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const struct photo_spec *s = spec_find(specs, known[i].id);
        cr_assert_not_null(s, "%s", known[i].id);
        cr_expect_eq(s->width_px, known[i].width_px, "%s: %d", s->id, s->width_px);
        cr_expect_eq(s->height_px, known[i].height_px, "%s: %d", s->id, s->height_px);
        cr_expect_eq(s->dpi, known[i].dpi, "%s", s->id);
        cr_expect_eq(s->min_kb, known[i].min_kb, "%s", s->id);
        cr_expect_eq(s->max_kb, known[i].max_kb, "%s", s->id);
    }
}

Test(specs, each_one_is_whole_and_chinese_documents_come_first, .init = load_own, .fini = drop_own)
{
    bool foreign = false;
    for (size_t i = 0; i < specs_count(specs); i++) {
        const struct photo_spec *s = spec_at(specs, i);
        bool chinese = strncmp(s->id, "cn-", 3) == 0 || strncmp(s->id, "hk-", 3) == 0 ||
                       strncmp(s->id, "tw-", 3) == 0;
        foreign = foreign || !chinese;
        cr_expect(chinese != foreign, "%s stands among the others", s->id);
        cr_expect_eq(lround(s->width_mm * s->dpi / 25.4), s->width_px, "%s", s->id);
        cr_expect_eq(lround(s->height_mm * s->dpi / 25.4), s->height_px, "%s", s->id);
        cr_expect(s->people == 1 || strcmp(s->id, "cn-marriage") == 0, "%s", s->id);
        cr_expect(!s->official || !s->any_background, "%s", s->id);
    }
}

/* The rule of GA 461 as notices quote it: face 207 +- 14, hair 7 to 21 from the top, eyes at least
 * 207 from the lower edge of 441. */
Test(specs, the_identity_card_has_the_bands_of_its_standard, .init = load_own, .fini = drop_own)
{
    const struct idphoto_geometry *g = &spec_find(specs, "cn-id")->geometry;
    cr_expect_float_eq(g->head_width.least_px, 207 - 14, 0.1);
    cr_expect_float_eq(g->head_width.most_px, 207 + 14, 0.1);
    cr_expect_float_eq(g->crown_y.least_px, 7, 0.1);
    cr_expect_float_eq(g->crown_y.most_px, 21, 0.1);
    cr_expect_float_eq(g->eye_y.most_px, 441 - 207, 0.1);
    cr_expect(g->eyes_before_crown);
    cr_expect(spec_find(specs, "cn-id")->official);
    cr_expect_not(spec_find(specs, "cn-id")->retouch);
}

/* What offices, or copies of what they publish, say in millimetres; read in each one's `source`. */
Test(specs, heads_and_sizes_are_those_that_the_offices_publish, .init = load_own, .fini = drop_own)
{
    static const struct {
        const char *id;
        double width_mm, height_mm, head_least_mm, head_most_mm;
        int32_t min_kb, max_kb;
        bool primary, retouch;
    } known[] = {
        /* US embassy in Sofia: 2 inches, 1 to 1 3/8 inches */
        {"us-passport", 50.8, 50.8, 25.4, 34.925, 0, 0, true, false},
        /* leaflet C&I-767-01-06 of the Canadian department, a copy */
        {"ca-visa", 35, 45, 31, 36, 0, 0, false, false},
        /* Hong Kong's Immigration Department: files of at most 5 MB */
        {"hk-passport", 40, 50, 32, 36, 0, 5120, true, true},
        /* Taiwan's Bureau of Consular Affairs: marks must not be edited out */
        {"tw-passport", 35, 45, 32, 36, 0, 0, true, false},
        /* Turkish consulate general in Houston: 50 x 60 mm */
        {"tr-passport", 50, 60, 32, 36, 0, 0, true, true},
        /* France's Agence nationale des titres securises */
        {"fr-passport", 35, 45, 32, 36, 0, 0, true, true},
        /* German embassy in Riga */
        {"schengen-visa", 35, 45, 32, 36, 0, 0, true, false},
        /* prefecture of Miyazaki */
        {"jp-passport", 35, 45, 32, 36, 0, 0, true, true},
        /* Fotomatrix 2020 of the Dutch ministry, a copy */
        {"nl-passport", 35, 45, 26, 30, 0, 0, false, false},
        /* city of Goyang: 25 to 35; as others quote the ministry: 32 to 36 */
        {"kr-passport", 35, 45, 32, 35, 0, 0, true, false},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const struct photo_spec *s = spec_find(specs, known[i].id);
        cr_assert_not_null(s, "%s", known[i].id);
        const struct idphoto_band *head = &s->geometry.head_height;
        cr_expect_float_eq(s->width_mm, known[i].width_mm, 1e-9, "%s", s->id);
        cr_expect_float_eq(s->height_mm, known[i].height_mm, 1e-9, "%s", s->id);
        cr_expect_float_eq(head->least_px, known[i].head_least_mm * s->dpi / 25.4, 0.6, "%s",
                           s->id);
        cr_expect_float_eq(head->most_px, known[i].head_most_mm * s->dpi / 25.4, 0.6, "%s", s->id);
        cr_expect_eq(s->min_kb, known[i].min_kb, "%s", s->id);
        cr_expect_eq(s->max_kb, known[i].max_kb, "%s", s->id);
        cr_expect_eq(strstr(s->text, "\"primary\":true") != NULL, known[i].primary, "%s", s->id);
        cr_expect_eq(s->retouch, known[i].retouch, "%s", s->id);
    }
}

/* Singapore's Immigration and Checkpoints Authority, and New Zealand's passport office: files. */
Test(specs, files_have_the_pixels_that_the_offices_take, .init = load_own, .fini = drop_own)
{
    const struct photo_spec *sg = spec_find(specs, "sg-passport");
    cr_expect(sg->width_px == 400 && sg->height_px == 514 && sg->max_kb == 2048);
    const struct photo_spec *nz = spec_find(specs, "nz-passport-online");
    cr_expect(nz->least_width_px == 900 && nz->least_height_px == 1200);
    cr_expect(nz->most_width_px == 4500 && nz->most_height_px == 6000);
    cr_expect(nz->min_kb == 500 && nz->max_kb == 10240);
}

/* France forbids white; Turkey takes white alone. */
Test(specs, white_is_for_those_who_take_it, .init = load_own, .fini = drop_own)
{
    static const uint8_t white[3] = {255, 255, 255}, grey[3] = {0xDC, 0xDC, 0xDC};
    cr_expect_not(spec_allows_colour(spec_find(specs, "fr-passport"), white));
    cr_expect(spec_allows_colour(spec_find(specs, "fr-passport"), grey));
    cr_expect(spec_allows_colour(spec_find(specs, "tr-passport"), white));
    cr_expect_not(spec_allows_colour(spec_find(specs, "tr-passport"), grey));
}

static size_t found(const char *query)
{
    size_t n = 0;
    for (size_t i = 0; i < specs_count(specs); i++)
        n += spec_matches(spec_at(specs, i), query);
    return n;
}

Test(specs, are_found_by_chinese_english_code_and_size, .init = load_own, .fini = drop_own)
{
    static const struct {
        const char *query, *id;
    } one[] = {
        {"二代身份证", "cn-id"},   {"Identity Card", "cn-id"},    {"CN-ID", "cn-id"},
        {"结婚证", "cn-marriage"}, {"学信网", "cn-graduation"},   {"413x579 二寸", "cn-2inch"},
        {"visa japan", "jp-visa"}, {"35x53 法考", "cn-law-exam"},
    };
    for (size_t i = 0; i < sizeof one / sizeof *one; i++) {
        cr_expect(spec_matches(spec_find(specs, one[i].id), one[i].query), "%s", one[i].query);
        cr_expect_leq(found(one[i].query), 3, "%s: %zu", one[i].query, found(one[i].query));
    }
    cr_expect_eq(found(""), specs_count(specs));
    cr_expect_eq(found("  "), specs_count(specs));
    cr_expect_eq(found("护照 火星"), 0);
    cr_expect_gt(found("护照"), 10);
}

Test(specs, no_id_and_an_unknown_one_are_none, .init = load_own, .fini = drop_own)
{
    cr_expect_null(spec_find(specs, NULL));
    cr_expect_null(spec_find(specs, "mars"));
    cr_expect_null(spec_find(specs, ""));
}

Test(specs, a_colour_is_named_or_written_and_held_against_the_list, .init = load_own,
     .fini = drop_own)
{
    const struct photo_spec *passport = spec_find(specs, "cn-passport");
    const struct photo_spec *inch = spec_find(specs, "cn-1inch");
    uint8_t rgb[3];
    cr_assert(spec_colour(passport, "blue", rgb) == OK);
    cr_expect(memcmp(rgb, "\x64\xC5\xFF", 3) == 0 && spec_allows_colour(passport, rgb));
    cr_assert(spec_colour(inch, "blue", rgb) == OK);
    cr_expect(memcmp(rgb, "\x43\x8E\xDB", 3) == 0 && spec_allows_colour(inch, rgb));
    cr_assert(spec_colour(passport, "red", rgb) == OK);
    cr_expect_not(spec_allows_colour(passport, rgb));
    cr_assert(spec_colour(NULL, "#1a2B3c", rgb) == OK);
    cr_expect(memcmp(rgb, "\x1A\x2B\x3C", 3) == 0);
    cr_assert(spec_colour(NULL, "1A2B3C", rgb) == OK);
    cr_expect(spec_allows_colour(inch, rgb));
    static const char *const bad[] = {"", "#", "mauve", "#12345", "#1234567", "12 456", "#12345g"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect(spec_colour(passport, bad[i], rgb) == INVALID, "%s", bad[i]);
}

/* ---- what stops the start ---- */

#define SIZE(w, h, mm) "\"width_px\": " w ", \"height_px\": " h ", \"width_mm\": " mm ","
#define REST(more)                                                                                 \
    "\"height_mm\": 35, \"dpi\": 300, \"official\": false, \"retouch\": true, \"primary\": "       \
    "false, \"source\": \"https://example.org\"" more
#define ENTRY(id, size, backgrounds, geometry, more)                                               \
    "{\"id\": \"" id "\", \"name_zh\": \"寸\", \"name_en\": \"inch\", " size                       \
    " \"backgrounds\": " backgrounds ", \"geometry\": " geometry ", " REST(more) "}"
#define GOOD_SIZE       SIZE("295", "413", "25")
#define WHITE           "[\"#FFFFFF\"]"
#define PLAIN(id)       ENTRY(id, GOOD_SIZE, WHITE, "{}", "")
#define WITH(more)      ENTRY("a", GOOD_SIZE, WHITE, "{}", ", " more)
#define GEOMETRY(bands) ENTRY("a", GOOD_SIZE, WHITE, bands, "")
#define LIST(entries)   "{\"specs\": [" entries "]}"

static char folder[32], path[48];

static void remove_folder(void)
{
    unlink(path);
    rmdir(folder);
}

static enum status load_text(const char *text)
{
    struct specs *s = NULL;
    strcpy(folder, "/tmp/specs.XXXXXX");
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/a.json", folder);
    FILE *f = fopen(path, "w");
    cr_assert(f && fputs(text, f) >= 0 && fclose(f) == 0);
    why[0] = 0;
    enum status status = specs_load(folder, &s, why, sizeof why);
    cr_expect_eq(status == OK, s != NULL);
    cr_expect(status == OK || strstr(why, "a.json"), "%s", why);
    specs_free(s);
    remove_folder();
    return status;
}

Test(specs, one_that_is_whole_is_taken, .fini = remove_folder)
{
    cr_expect(load_text(LIST(PLAIN("a") ", " PLAIN("b"))) == OK, "%s", why);
    cr_expect(load_text(LIST(WITH("\"min_kb\": 10, \"max_kb\": 20"))) == OK, "%s", why);
    cr_expect(load_text(LIST(GEOMETRY("{\"crown_y\": [10, 20], \"centre_px\": 9}"))) == OK, "%s",
              why);
}

Test(specs, one_that_is_not_whole_stops_the_start_and_says_where, .fini = remove_folder)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"", "a.json"},
        {"{}", "specs"},
        {"{\"specs\": [], \"more\": 1}", "specs"},
        {LIST("7"), ""},
        {LIST(PLAIN("a") ", " PLAIN("a")), "there already"},
        {LIST(PLAIN("A")), "id"},
        {LIST(PLAIN("")), "id"},
        {LIST(WITH("\"colour\": 1")), "colour"},
        {LIST(WITH("\"min_kb\": 30, \"max_kb\": 20")), "window"},
        {LIST(WITH("\"people\": 3")), "people"},
        {LIST(WITH("\"jpeg_quality_min\": 96")), "quality"},
        {LIST(WITH("\"px_range\": {}")), "px_range"},
        {LIST(WITH("\"px_range\": {\"least_width_px\": 300, \"most_width_px\": 400,"
                   " \"least_height_px\": 413, \"most_height_px\": 500}")),
         "size itself"},
        {LIST(ENTRY("a", SIZE("296", "413", "25"), WHITE, "{}", "")), "mm x dpi"},
        {LIST(ENTRY("a", SIZE("295", "413", "\"25\""), WHITE, "{}", "")), "a.json: a: "},
        {LIST(ENTRY("a", SIZE("2", "413", "0.17"), WHITE, "{}", "")), "range"},
        {LIST(ENTRY("a", GOOD_SIZE, "[]", "{}", "")), "backgrounds"},
        {LIST(ENTRY("a", GOOD_SIZE, "[\"FFFFFF\"]", "{}", "")), "backgrounds"},
        {LIST(ENTRY("a", GOOD_SIZE, "[\"#FFFFFG\"]", "{}", "")), "backgrounds"},
        {LIST(GEOMETRY("{\"nose\": [1, 2]}")), "geometry"},
        {LIST(GEOMETRY("{\"crown_y\": [20, 10]}")), "crown_y"},
        {LIST(GEOMETRY("{\"crown_y\": [1]}")), "crown_y"},
        {LIST(GEOMETRY("{\"eye_y\": [100, 500]}")), "eye_y"},
        {LIST(GEOMETRY("{\"head_width\": [100, 300]}")), "head_width"},
        {LIST(GEOMETRY("{\"crown_y\": [200, 210], \"head_height\": [250, 300]}")), "no place"},
        {LIST(GEOMETRY("{\"crown_y\": [200, 210], \"eye_y\": [100, 150]}")), "no place"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_expect(load_text(bad[i].text) == INVALID, "%zu", i);
        cr_expect(strstr(why, bad[i].says), "%zu: %s", i, why);
    }
    cr_expect(specs_load("/nonexistent", &specs, why, sizeof why) == INVALID);
}
