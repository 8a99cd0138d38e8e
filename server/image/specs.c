/* SPDX-License-Identifier: MIT */
#include "image/specs.h"

#include <ctype.h>
#include <dirent.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"

enum { SPECS_MAX = 1024, ID_MOST = 60, BACKGROUNDS_MAX = 16, DPI_MOST = 1200, KB_MOST = 20480 };
enum { QUALITY_MOST = 95, QUERY_WORDS_MAX = 8, QUERY_WORD_MOST = 64 };

struct specs {
    struct photo_spec *items;
    size_t count;
    json_t **files; /* own the texts */
    size_t n_files;
};

/* Where the reading stands, for `why`. */
struct reader {
    struct specs *specs;
    const char *file, *id;
    char *why;
    size_t why_size;
};

__attribute__((format(printf, 2, 3))) static bool wrong(const struct reader *r, const char *rule,
                                                        ...)
{
    va_list args;
    int n = snprintf(r->why, r->why_size, "%s: %s: ", r->file, r->id ? r->id : "?");
    va_start(args, rule);
    if (n > 0 && (size_t)n < r->why_size)
        vsnprintf(r->why + n, r->why_size - (size_t)n, rule, args);
    va_end(args);
    return false;
}

/* ---- one specification ---- */

static bool is_id(const char *id)
{
    size_t n = strlen(id);
    return n >= 1 && n <= ID_MOST && strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

static bool is_hex_colour(const char *text, uint8_t rgb[3])
{
    unsigned c[3];
    if (strlen(text) != 6 || strspn(text, "0123456789ABCDEFabcdef") != 6 ||
        sscanf(text, "%2x%2x%2x", &c[0], &c[1], &c[2]) != 3)
        return false;
    for (int i = 0; i < 3; i++)
        rgb[i] = (uint8_t)c[i];
    return true;
}

static bool read_backgrounds(const struct reader *r, json_t *list, struct photo_spec *s)
{
    size_t n = json_array_size(list);
    if (n < 1 || n > BACKGROUNDS_MAX)
        return wrong(r, "backgrounds: 1 to %d are wanted", BACKGROUNDS_MAX);
    uint8_t(*colours)[3] = calloc(n, sizeof *colours);
    CHECK_PEER(colours);
    s->backgrounds = (const uint8_t(*)[3])colours;
    s->n_backgrounds = n;
    for (size_t i = 0; i < n; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (!text || text[0] != '#' || !is_hex_colour(text + 1, colours[i]))
            return wrong(r, "backgrounds: #RRGGBB is wanted");
    }
    return true;
}

static bool read_band(const struct reader *r, json_t *bands, const char *name, int32_t side_px,
                      struct idphoto_band *out)
{
    json_t *band = json_object_get(bands, name);
    if (!band)
        return true;
    double least = json_number_value(json_array_get(band, 0));
    double most = json_number_value(json_array_get(band, 1));
    if (json_array_size(band) != 2 || least < 0 || most <= 0 || least > most || most > side_px)
        return wrong(r, "%s: two numbers of pixels inside the photo are wanted, the least first",
                     name);
    *out = (struct idphoto_band){(float)least, (float)most};
    return true;
}

/* The least of everything must fit one above the other. */
static bool is_possible(const struct reader *r, const struct photo_spec *s)
{
    const struct idphoto_geometry *g = &s->geometry;
    float least = g->crown_y.least_px + g->head_height.least_px + g->chin_bottom.least_px;
    if (least > (float)s->height_px ||
        (g->eye_y.most_px > 0 && g->crown_y.least_px >= g->eye_y.most_px))
        return wrong(r, "geometry: the bands leave no place for a head");
    return true;
}

static bool read_geometry(const struct reader *r, json_t *bands, struct photo_spec *s)
{
    struct idphoto_geometry *g = &s->geometry;
    const struct {
        const char *name;
        int32_t side_px;
        struct idphoto_band *band;
    } known[] = {
        {"head_height", s->height_px, &g->head_height},
        {"head_width", s->width_px, &g->head_width},
        {"crown_y", s->height_px, &g->crown_y},
        {"eye_y", s->height_px, &g->eye_y},
        {"eye_distance", s->width_px, &g->eye_distance},
        {"chin_bottom", s->height_px, &g->chin_bottom},
    };
    size_t n = json_object_size(bands);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!read_band(r, bands, known[i].name, known[i].side_px, known[i].band))
            return false;
        n -= json_object_get(bands, known[i].name) != NULL;
    }
    json_t *centre = json_object_get(bands, "centre_px");
    json_t *eyes = json_object_get(bands, "eyes_before_crown");
    if ((centre && !json_is_number(centre)) || (eyes && !json_is_boolean(eyes)) ||
        n != (size_t)(centre != NULL) + (eyes != NULL))
        return wrong(r, "geometry: an unknown or wrong member");
    g->centre_px = (float)json_number_value(centre);
    g->eyes_before_crown = json_is_true(eyes);
    return is_possible(r, s);
}

static bool read_range(const struct reader *r, json_t *range, struct photo_spec *s)
{
    json_error_t error;
    s->least_width_px = s->most_width_px = s->width_px;
    s->least_height_px = s->most_height_px = s->height_px;
    if (!range)
        return true;
    if (json_unpack_ex(range, &error, JSON_STRICT, "{s:i, s:i, s:i, s:i}", "least_width_px",
                       &s->least_width_px, "most_width_px", &s->most_width_px, "least_height_px",
                       &s->least_height_px, "most_height_px", &s->most_height_px) != 0)
        return wrong(r, "px_range: %s", error.text);
    if (s->least_width_px > s->width_px || s->width_px > s->most_width_px ||
        s->least_height_px > s->height_px || s->height_px > s->most_height_px ||
        s->least_width_px < 1 || s->least_height_px < 1)
        return wrong(r, "px_range: it does not hold the size itself");
    return true;
}

static bool are_the_same(double mm, int32_t dpi, int32_t px)
{
    return fabs(mm * dpi / 25.4 - px) <= 0.5;
}

static bool check_numbers(const struct reader *r, const struct photo_spec *s)
{
    if (s->width_px < IDPHOTO_SIDE_MIN_PX || s->height_px < IDPHOTO_SIDE_MIN_PX ||
        s->width_px > IDPHOTO_OUTPUT_SIDE_MAX_PX || s->height_px > IDPHOTO_OUTPUT_SIDE_MAX_PX ||
        s->dpi < 1 || s->dpi > DPI_MOST)
        return wrong(r, "width_px, height_px or dpi is out of range");
    if (!are_the_same(s->width_mm, s->dpi, s->width_px) ||
        !are_the_same(s->height_mm, s->dpi, s->height_px))
        return wrong(r, "mm x dpi are not the px: %.0f x %.0f", s->width_mm * s->dpi / 25.4,
                     s->height_mm * s->dpi / 25.4);
    if (s->min_kb < 0 || s->max_kb < 0 || s->max_kb > KB_MOST ||
        (s->max_kb && s->min_kb > s->max_kb) || s->min_kb > KB_MOST)
        return wrong(r, "min_kb and max_kb are no window");
    if (s->jpeg_quality_min < 0 || s->jpeg_quality_min > QUALITY_MOST)
        return wrong(r, "jpeg_quality_min: at most %d", QUALITY_MOST);
    if (s->people < 1 || s->people > 2)
        return wrong(r, "people: 1 or 2");
    return true;
}

struct parts {
    json_t *words, *range, *backgrounds, *geometry;
    const char *source, *note;
    int any_background, official, retouch, primary;
};

static bool unpack(const struct reader *r, json_t *entry, struct photo_spec *s, struct parts *p)
{
    json_error_t error;
    int failed = json_unpack_ex(
        entry, &error, JSON_STRICT,
        "{s:s, s:s, s:s, s?o, s:i, s:i, s:F, s:F, s:i, s?o, s?i, s?i, s:o, s?b, s?i, s?i, s:o, s:b,"
        " s:b, s:s, s:b, s?s}",
        "id", &s->id, "name_zh", &s->name_zh, "name_en", &s->name_en, "words", &p->words,
        "width_px", &s->width_px, "height_px", &s->height_px, "width_mm", &s->width_mm, "height_mm",
        &s->height_mm, "dpi", &s->dpi, "px_range", &p->range, "min_kb", &s->min_kb, "max_kb",
        &s->max_kb, "backgrounds", &p->backgrounds, "any_background", &p->any_background,
        "jpeg_quality_min", &s->jpeg_quality_min, "people", &s->people, "geometry", &p->geometry,
        "official", &p->official, "retouch", &p->retouch, "source", &p->source, "primary",
        &p->primary, "note", &p->note);
    if (failed)
        return wrong(r, "%s", error.text);
    s->any_background = p->any_background;
    s->official = p->official;
    s->retouch = p->retouch;
    return true;
}

static bool check_texts(const struct reader *r, const struct photo_spec *s, const struct parts *p)
{
    if (!is_id(s->id))
        return wrong(r, "id: 1 to %d of a-z, 0-9 and hyphen", ID_MOST);
    if (spec_find(r->specs, s->id))
        return wrong(r, "the id is there already");
    if (!*s->name_zh || !*s->name_en)
        return wrong(r, "name_zh and name_en are wanted");
    if (strncmp(p->source, "https://", 8) != 0 && strncmp(p->source, "http://", 7) != 0)
        return wrong(r, "source: an address is wanted");
    for (size_t i = 0; i < json_array_size(p->words); i++)
        if (!json_is_string(json_array_get(p->words, i)))
            return wrong(r, "words: texts are wanted");
    if ((p->words && !json_is_array(p->words)) || !json_is_object(p->geometry))
        return wrong(r, "words or geometry is of the wrong type");
    return true;
}

/* ---- what is shown and searched ---- */

static void fold(char *text)
{
    for (; *text; text++)
        *text = (char)tolower((unsigned char)*text); /* bytes of UTF-8 stay in the C locale */
}

static char *search_text(const struct photo_spec *s, json_t *words)
{
    struct buf b = {0};
    buf_printf(&b, "%s\n%s\n%s\n%dx%d\n%gx%g", s->id, s->name_zh, s->name_en, s->width_px,
               s->height_px, s->width_mm, s->height_mm);
    for (size_t i = 0; i < json_array_size(words); i++)
        buf_printf(&b, "\n%s", json_string_value(json_array_get(words, i)));
    char *text = strndup((const char *)b.bytes, b.size);
    CHECK_PEER(text);
    buf_free(&b);
    fold(text);
    return text;
}

/* Every member is there in the answer, null where nothing is known. */
static char *shown_text(json_t *entry, const struct photo_spec *s)
{
    json_t *shown = json_copy(entry);
    json_object_del(shown, "words");
    json_object_set_new(shown, "any_background", json_boolean(s->any_background));
    json_object_set_new(shown, "people", json_integer(s->people));
    static const char *const may_lack[] = {"px_range", "min_kb", "max_kb", "jpeg_quality_min",
                                           "note"};
    for (size_t i = 0; i < sizeof may_lack / sizeof *may_lack; i++)
        if (!json_object_get(shown, may_lack[i]))
            json_object_set_new(shown, may_lack[i], json_null());
    char *text = json_dumps(shown, JSON_COMPACT | JSON_REAL_PRECISION(9));
    CHECK_PEER(text);
    json_decref(shown);
    return text;
}

static void release(struct photo_spec *s)
{
    free((void *)(uintptr_t)s->backgrounds);
    free((void *)(uintptr_t)s->text);
    free(s->search);
}

static bool read_spec(struct reader *r, json_t *entry, struct photo_spec *out)
{
    struct parts p = {0};
    r->id = json_string_value(json_object_get(entry, "id"));
    *out = (struct photo_spec){.people = 1};
    if (!unpack(r, entry, out, &p) || !check_texts(r, out, &p) || !check_numbers(r, out) ||
        !read_range(r, p.range, out) || !read_geometry(r, p.geometry, out) ||
        !read_backgrounds(r, p.backgrounds, out)) {
        release(out);
        return false;
    }
    out->text = shown_text(entry, out);
    out->search = search_text(out, p.words);
    return true;
}

/* ---- files ---- */

static bool read_entries(struct reader *r, json_t *root)
{
    json_t *list = json_object_get(root, "specs");
    if (!json_is_array(list) || json_object_size(root) != 1)
        return wrong(r, "an object with `specs` alone is wanted");
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (r->specs->count == SPECS_MAX)
            return wrong(r, "more than %d specifications", SPECS_MAX);
        if (!read_spec(r, json_array_get(list, i), &r->specs->items[r->specs->count]))
            return false;
        r->specs->count++;
    }
    return true;
}

static bool read_specs_file(struct reader *r)
{
    json_error_t error;
    json_t *root = json_load_file(r->file, JSON_REJECT_DUPLICATES, &error);
    r->id = NULL;
    if (!root) {
        snprintf(r->why, r->why_size, "%s:%d: %s", r->file, error.line, error.text);
        return false;
    }
    r->specs->files[r->specs->n_files++] = root;
    return read_entries(r, root);
}

static int is_json_name(const struct dirent *e)
{
    const char *dot = strrchr(e->d_name, '.');
    return dot && dot != e->d_name && strcmp(dot, ".json") == 0;
}

static bool read_folder(struct specs *s, const char *dir, char *why, size_t why_size)
{
    struct dirent **names = NULL;
    char path[4096];
    struct reader r = {.specs = s, .file = path, .why = why, .why_size = why_size};
    int n = scandir(dir, &names, is_json_name, alphasort);
    bool good = n > 0;
    if (!good)
        snprintf(why, why_size, "%s: no specifications", dir);
    s->files = calloc(n > 0 ? (size_t)n : 1, sizeof *s->files);
    CHECK_PEER(s->files);
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]->d_name);
        good = good && read_specs_file(&r);
        free(names[i]);
    }
    free(names);
    return good;
}

enum status specs_load(const char *dir, struct specs **out, char *why, size_t why_size)
{
    struct specs *s = calloc(1, sizeof *s);
    CHECK_PEER(s);
    s->items = calloc(SPECS_MAX, sizeof *s->items);
    CHECK_PEER(s->items);
    if (!read_folder(s, dir, why, why_size)) {
        specs_free(s);
        return INVALID;
    }
    *out = s;
    return OK;
}

void specs_free(struct specs *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->count; i++)
        release(&s->items[i]);
    for (size_t i = 0; i < s->n_files; i++)
        json_decref(s->files[i]);
    free(s->items);
    free(s->files);
    free(s);
}

/* ---- looking up ---- */

size_t specs_count(const struct specs *s)
{
    return s->count;
}

const struct photo_spec *spec_at(const struct specs *s, size_t i)
{
    return &s->items[i];
}

const struct photo_spec *spec_find(const struct specs *s, const char *id)
{
    for (size_t i = 0; id && i < s->count; i++)
        if (strcmp(s->items[i].id, id) == 0)
            return &s->items[i];
    return NULL;
}

bool spec_matches(const struct photo_spec *spec, const char *query)
{
    static const char blanks[] = " \t\n\r";
    for (query += strspn(query, blanks); *query; query += strspn(query, blanks)) {
        char word[QUERY_WORD_MOST + 1];
        size_t n = strcspn(query, blanks);
        if (n > QUERY_WORD_MOST)
            return false;
        memcpy(word, query, n);
        word[n] = 0;
        fold(word);
        if (!strstr(spec->search, word))
            return false;
        query += n;
    }
    return true;
}

/* ---- colours ---- */

enum { WHITE_LEAST = 250, CAST_LEAST = 12 };

static const char *look_of(const uint8_t c[3])
{
    if (c[0] >= WHITE_LEAST && c[1] >= WHITE_LEAST && c[2] >= WHITE_LEAST)
        return "white";
    if (c[2] >= c[0] + CAST_LEAST)
        return "blue";
    if (c[0] >= c[1] + CAST_LEAST && c[0] >= c[2] + CAST_LEAST)
        return "red";
    return c[0] >= c[2] + CAST_LEAST ? "cream" : "grey";
}

static const struct {
    const char *name;
    uint8_t rgb[3];
} usual[] = {
    {"white", {0xFF, 0xFF, 0xFF}}, {"grey", {0xF0, 0xF0, 0xF0}},  {"blue", {0x43, 0x8E, 0xDB}},
    {"red", {0xD9, 0x34, 0x2B}},   {"cream", {0xF5, 0xF5, 0xDC}},
};

static enum status named_colour(const struct photo_spec *spec, const char *name, uint8_t rgb[3])
{
    for (size_t i = 0; spec && i < spec->n_backgrounds; i++)
        if (strcmp(look_of(spec->backgrounds[i]), name) == 0) {
            memcpy(rgb, spec->backgrounds[i], 3);
            return OK;
        }
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (strcmp(usual[i].name, name) == 0) {
            memcpy(rgb, usual[i].rgb, 3);
            return OK;
        }
    return INVALID;
}

enum status spec_colour(const struct photo_spec *spec, const char *text, uint8_t rgb[3])
{
    return is_hex_colour(text + (*text == '#'), rgb) ? OK : named_colour(spec, text, rgb);
}

bool spec_allows_colour(const struct photo_spec *spec, const uint8_t rgb[3])
{
    if (spec->any_background)
        return true;
    for (size_t i = 0; i < spec->n_backgrounds; i++)
        if (memcmp(spec->backgrounds[i], rgb, 3) == 0)
            return true;
    return false;
}
