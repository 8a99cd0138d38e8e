/* SPDX-License-Identifier: MIT */
/*
 * Real portraits, when there are some: IDPHOTOD_REFERENCE_PORTRAITS names a folder with
 * portraits.json, which tells of each picture what is to be found in it, where its eyes are and
 * what is wrong with it. IDPHOTOD_REFERENCE_MODELS names one with networks, which are then tried on
 * the same pictures. Without them the tests say so and pass. Prints a table.
 */
#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "core/idphoto.h"
#include "image/photo.h"
#include "image/portrait.h"
#include "reference.h"

struct outcome {
    struct idphoto_faces faces;
    struct idphoto_measures measures;
    double eye_error; /* the larger, of the distance between the eyes; NAN: not told */
    double find_ms, measure_ms;
};

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double off(struct idphoto_point p, const json_t *eyes, const char *key)
{
    const json_t *at = json_object_get(eyes, key);
    return hypot(p.x_px - json_number_value(json_array_get(at, 0)),
                 p.y_px - json_number_value(json_array_get(at, 1)));
}

static double eye_error(const struct idphoto_faces *f, const json_t *eyes)
{
    if (!eyes || f->count == 0)
        return NAN;
    const double right = off(f->face[0].eye[0], eyes, "subject_right(image-left)");
    const double left = off(f->face[0].eye[1], eyes, "subject_left(image-right)");
    return fmax(right, left) / json_number_value(json_object_get(eyes, "iod_px"));
}

static void look_at(struct idphoto *core, const char *folder, const json_t *image,
                    struct outcome *out)
{
    struct buf bytes = reference_file(folder, json_string_value(json_object_get(image, "file")));
    struct portrait p = {0};
    cr_assert_eq(portrait_decode(bytes.bytes, bytes.size, 0, &p), OK);
    buf_free(&bytes);
    const double begun = cpu_ms();
    cr_assert_eq(idphoto_find_faces(core, &p.pixels, &out->faces), IDPHOTO_OK);
    const double found = cpu_ms();
    cr_assert_eq(idphoto_measure(core, &p.pixels, &out->faces, NULL, &out->measures), IDPHOTO_OK);
    out->find_ms = found - begun;
    out->measure_ms = cpu_ms() - found;
    out->eye_error = eye_error(&out->faces, json_object_get(image, "eyes"));
    portrait_free(&p);
}

/* ---------------------------------------------------------------- what is expected */

static bool leaves_the_picture(const struct idphoto_face *f, const json_t *image)
{
    const double w = json_number_value(json_object_get(image, "w"));
    return f->box.x_px < 0 || f->box.x_px + f->box.width_px > (float)w;
}

static bool as_expected(const struct outcome *o, const json_t *image)
{
    const char *wanted = json_string_value(json_object_get(image, "expected"));
    const size_t n = o->faces.count;
    if (strcmp(wanted, "one_face") == 0)
        return n == 1;
    if (strcmp(wanted, "many_faces") == 0)
        return n == 2;
    if (strcmp(wanted, "face_cut") == 0)
        return n == 1 && leaves_the_picture(&o->faces.face[0], image);
    if (strcmp(wanted, "no_face") == 0)
        return n == 0;
    cr_assert_str_eq(wanted, "no_face_or_rotated");
    return n == 0 || (n == 1 && fabsf(o->faces.face[0].roll_deg) > 135);
}

/* The gates of the design for each flag that a measure can raise. Low and high: what is wrong. */
static const struct flag {
    const char *begins;
    enum idphoto_measure_id id;
    float under, over;
} flags[] = {
    {"dark", IDPHOTO_LUMINANCE_MEAN, 0.12F, INFINITY},
    {"over_exposed", IDPHOTO_OVER_EXPOSURE, -1, 0.15F},
    {"blur", IDPHOTO_SHARPNESS, 60, INFINITY},
    {"too_small", IDPHOTO_INTER_EYE_DISTANCE, 60, INFINITY},
    {"low_resolution", IDPHOTO_INTER_EYE_DISTANCE, 60, INFINITY},
    {"roll~", IDPHOTO_ROLL, -1, 5},
    {"uneven_light", IDPHOTO_UNEVEN_LIGHT, -1, 3},
    {"colour_cast", IDPHOTO_NATURAL_COLOUR, -1, 20},
    {"no_colour", IDPHOTO_GREY, 2, INFINITY},
    {"upside_down", IDPHOTO_ROLL, -1, 135},
    {"face_count", IDPHOTO_FACES, -1, 1},
    {"busy_background", IDPHOTO_BACKGROUND, -1, 5},
    {"textured_background", IDPHOTO_BACKGROUND, -1, 5},
    {"head_too_large", IDPHOTO_HEAD_SIZE, -1, 0.33F},
    {"off_centre", IDPHOTO_LEFT_MARGIN, 0.9F, INFINITY},
};

enum { FLAGS = sizeof flags / sizeof *flags };

static bool raised(const struct flag *f, const struct outcome *o)
{
    const float v = o->measures.value[f->id];
    return v < f->under || v > f->over;
}

static bool should_raise(const struct flag *f, const json_t *image)
{
    size_t k;
    const json_t *name;
    json_array_foreach(json_object_get(image, "should_flag"), k,
                       name) if (strncmp(json_string_value(name), f->begins, strlen(f->begins)) ==
                                 0) return true;
    return false;
}

/* The table speaks of these faults wherever they are; elsewhere they must be silent. In the dark
 * nothing is sharp, and of several people the largest may stand in it. */
static bool must_be_silent(const struct flag *f, const struct outcome *o)
{
    if (o->faces.count > 1)
        return false;
    if (f->id == IDPHOTO_SHARPNESS)
        return o->measures.value[IDPHOTO_LUMINANCE_MEAN] > 0.12F;
    return f->id != IDPHOTO_BACKGROUND && f->id != IDPHOTO_HEAD_SIZE && f->id != IDPHOTO_ROLL &&
           f->id != IDPHOTO_INTER_EYE_DISTANCE;
}

static bool flags_right(const struct outcome *o, const json_t *image, char text[200])
{
    bool good = true;
    text[0] = 0;
    for (size_t k = 0; o->faces.count > 0 && k < FLAGS; k++) {
        const bool is = raised(&flags[k], o), should = should_raise(&flags[k], image);
        const bool wrong = should ? !is : is && must_be_silent(&flags[k], o);
        if (is || wrong)
            snprintf(text + strlen(text), 200 - strlen(text), " %s%s", wrong ? "WRONG:" : "",
                     flags[k].begins);
        good = good && !wrong;
    }
    return good;
}

/* ---------------------------------------------------------------- the table */

static struct idphoto *core_with(struct buf *face, struct buf *landmarks)
{
    const struct idphoto_models models = {.face = {face->bytes, face->size},
                                          .landmarks = {landmarks->bytes, landmarks->size}};
    char why[200];
    idphoto_use_one_thread();
    struct idphoto *core = idphoto_new(&models, why, sizeof why);
    cr_assert(core, "%s", why);
    return core;
}

struct tally {
    double errors, worst_find_ms, worst_check_ms;
    int eyes, near;
};

static void try_image(struct idphoto *core, const char *folder, const json_t *image,
                      struct tally *t)
{
    static struct outcome o;
    char text[200];
    look_at(core, folder, image, &o);
    const bool found = as_expected(&o, image), flagged = flags_right(&o, image, text);
    fprintf(stderr, "%-22s %-18s %s %zu, eyes %5.1f %%, find %5.1f ms, measure %4.1f ms:%s\n",
            json_string_value(json_object_get(image, "file")),
            json_string_value(json_object_get(image, "expected")), found ? "as expected" : "WRONG",
            o.faces.count, 100 * o.eye_error, o.find_ms, o.measure_ms, text);
    cr_expect(found);
    cr_expect(flagged);
    if (isnan(o.eye_error))
        return;
    t->eyes++;
    t->near += o.eye_error < 0.08;
    t->errors += o.eye_error;
    t->worst_find_ms = fmax(t->worst_find_ms, o.find_ms);
    t->worst_check_ms = fmax(t->worst_check_ms, o.find_ms + o.measure_ms);
}

/* Errors of the stated eyes, which are good to 2 %: the mean, and how many are within 8 %. */
static void try_all(const char *way, const char *folder, struct idphoto *core)
{
    struct tally t = {0};
    size_t k;
    json_t *image, *table = NULL;
    char path[1024];
    snprintf(path, sizeof path, "%s/portraits.json", folder);
    cr_assert((table = json_load_file(path, 0, NULL)) != NULL);
    fprintf(stderr, "portraits, %s\n", way);
    json_array_foreach(json_object_get(table, "images"), k, image)
        try_image(core, folder, image, &t);
    fprintf(stderr,
            "portraits, %s: eyes off by %.1f %% in the mean, %d of %d within 8 %%; at most "
            "%.0f ms to find, %.0f ms to check\n",
            way, 100 * t.errors / t.eyes, t.near, t.eyes, t.worst_find_ms, t.worst_check_ms);
    cr_expect(t.errors / t.eyes < 0.07);
    cr_expect(t.near >= t.eyes * 2 / 3);
    json_decref(table);
    idphoto_free(core);
}

static void start(void)
{
    cr_assert_eq(image_start(), OK);
}

TestSuite(core_portraits, .init = start, .timeout = 240);

Test(core_portraits, have_the_outcome_that_their_table_tells_the_built_in_way)
{
    const char *portraits = reference_folder("IDPHOTOD_REFERENCE_PORTRAITS");
    struct buf none = {0};
    if (portraits)
        try_all("built in", portraits, core_with(&none, &none));
}

static void try_models(const char *face_model)
{
    const char *portraits = reference_folder("IDPHOTOD_REFERENCE_PORTRAITS");
    const char *models = portraits ? reference_folder("IDPHOTOD_REFERENCE_MODELS") : NULL;
    if (!models)
        return;
    struct buf face = reference_file(models, face_model), none = {0};
    struct buf landmarks = reference_file(models, "mediapipe_face_landmark_468.onnx");
    try_all(face_model, portraits, core_with(&face, &none));
    try_all("the same with landmarks", portraits, core_with(&face, &landmarks));
    buf_free(&face);
    buf_free(&landmarks);
}

Test(core_portraits, have_it_with_yunet_of_twelve_outputs)
{
    try_models("yunet_n_320_320.onnx");
}

Test(core_portraits, have_it_with_yunet_of_february_2022)
{
    try_models("yunet_2022feb_120x160.onnx");
}

/* ---------------------------------------------------------------- photos of them */

static enum idphoto_result wanted_result(const json_t *image)
{
    static const struct {
        const char *expected;
        enum idphoto_result result;
    } table[] = {{"one_face", IDPHOTO_OK},
                 {"many_faces", IDPHOTO_MANY_FACES},
                 {"face_cut", IDPHOTO_CUT_OFF},
                 {"no_face", IDPHOTO_NO_FACE}};
    for (size_t k = 0; k < sizeof table / sizeof *table; k++)
        if (strcmp(json_string_value(json_object_get(image, "expected")), table[k].expected) == 0)
            return json_number_value(json_object_get(image, "w")) < 100 ? IDPHOTO_TOO_SMALL
                                                                        : table[k].result;
    return IDPHOTO_OK; /* no_face_or_rotated: it is found and turned */
}

static struct idphoto_point in_photo_of(const struct idphoto_made *m, const json_t *eyes,
                                        const char *key)
{
    const json_t *at = json_object_get(eyes, key);
    const float x = (float)json_number_value(json_array_get(at, 0)),
                y = (float)json_number_value(json_array_get(at, 1)), *t = m->portrait_to_photo;
    return (struct idphoto_point){t[0] * x + t[1] * y + t[2], t[3] * x + t[4] * y + t[5]};
}

/* The eyes that the table states, which are good to 2 % of their distance, come to lie level, in
 * the middle and in the band. */
static void expect_eyes_in_place(const char *file, const struct idphoto_made *m, const json_t *eyes,
                                 const struct idphoto_wanted *w)
{
    const struct idphoto_point a = in_photo_of(m, eyes, "subject_right(image-left)"),
                               b = in_photo_of(m, eyes, "subject_left(image-right)");
    const float d = hypotf(b.x_px - a.x_px, b.y_px - a.y_px), y = (a.y_px + b.y_px) / 2,
                x = (a.x_px + b.x_px) / 2;
    cr_expect(b.x_px > a.x_px && fabsf(b.y_px - a.y_px) < 0.12F * d, "%s: not level", file);
    cr_expect(fabsf(x - (float)w->width_px / 2) < 0.15F * d, "%s: eyes at %g", file, (double)x);
    cr_expect(y > w->geometry.eye_y.least_px - 0.1F * d && y < w->geometry.eye_y.most_px + 0.1F * d,
              "%s: eyes at a height of %g", file, (double)y);
}

static void make_image(struct idphoto *core, const char *folder, const json_t *image)
{
    const char *file = json_string_value(json_object_get(image, "file"));
    const struct idphoto_wanted w = {
        .width_px = 413,
        .height_px = 579,
        .geometry = {.head_height = {347, 417}, .eye_y = {174, 243}},
        .people = 1,
        .colour = {255, 255, 255},
    };
    struct buf bytes = reference_file(folder, file);
    struct portrait p = {0};
    struct idphoto_made m = {0};
    cr_assert_eq(portrait_decode(bytes.bytes, bytes.size, 0, &p), OK);
    buf_free(&bytes);
    const enum idphoto_result r = idphoto_make(core, &p.pixels, &w, &m);
    double ms = 0;
    for (int k = 0; k < IDPHOTO_STAGES; k++)
        ms += (double)m.stage_cpu_ns[k] / 1e6;
    fprintf(stderr, "%-22s %-10s %3.0f ms, head %3.0f px, crown %3.0f, eyes %3.0f\n", file,
            idphoto_result_name(r), ms, (double)m.reached.value_px[IDPHOTO_HEAD_HEIGHT],
            (double)m.reached.value_px[IDPHOTO_CROWN_Y], (double)m.reached.value_px[IDPHOTO_EYE_Y]);
    cr_expect_eq(r, wanted_result(image), "%s: %s", file, idphoto_result_name(r));
    if (r == IDPHOTO_OK) {
        cr_expect(m.reached.inside[IDPHOTO_HEAD_HEIGHT] && m.reached.inside[IDPHOTO_EYE_Y], "%s",
                  file);
        if (json_object_get(image, "eyes"))
            expect_eyes_in_place(file, &m, json_object_get(image, "eyes"), &w);
    }
    idphoto_made_free(&m);
    portrait_free(&p);
}

Test(core_portraits, become_photos_or_are_refused_for_the_right_reason)
{
    const char *folder = reference_folder("IDPHOTOD_REFERENCE_PORTRAITS");
    struct buf none = {0};
    char path[1024];
    size_t k;
    json_t *image;
    if (!folder)
        return;
    struct idphoto *core = core_with(&none, &none);
    snprintf(path, sizeof path, "%s/portraits.json", folder);
    json_t *table = json_load_file(path, 0, NULL);
    cr_assert(table);
    json_array_foreach(json_object_get(table, "images"), k, image) make_image(core, folder, image);
    json_decref(table);
    idphoto_free(core);
}
