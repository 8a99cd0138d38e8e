/* SPDX-License-Identifier: MIT */
/* What measures are held against: the table's own words, and what stops the start. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/gates.h"
#include "memory_file.h"

static char why[512];

static struct gates *own(void)
{
    struct gates *g = NULL;
    cr_assert(gates_load("config/gates.json", &g, why, sizeof why) == OK, "%s", why);
    return g;
}

static const struct finding *judged(const struct gates *g, enum idphoto_measure_id id, double value,
                                    int32_t people)
{
    static struct finding out[IDPHOTO_MEASURES];
    struct idphoto_measures m;
    for (int i = 0; i < IDPHOTO_MEASURES; i++)
        m.value[i] = NAN;
    m.value[id] = (float)value;
    size_t n = gates_judge(g, &m, people, out);
    cr_assert_leq(n, 1, "a measure that could not be told was judged");
    return n ? out : NULL;
}

/* No standard names limits, but for those of ICAO and of documents: what is ours says so. */
Test(gates, limits_that_no_document_names_are_called_estimates)
{
    json_t *root = json_load_file("config/gates.json", 0, NULL);
    json_t *list = json_object_get(root, "gates");
    cr_assert_gt(json_array_size(list), 20);
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *gate = json_array_get(list, i);
        const char *measure = json_string_value(json_object_get(gate, "measure"));
        const char *source = json_string_value(json_object_get(gate, "source"));
        bool counted = strcmp(measure, "faces") == 0; /* people are counted, not estimated */
        cr_expect_eq(strstr(source, "estimate") == NULL, counted, "%s: %s", measure, source);
    }
    json_decref(root);
}

/* Faults and good portraits as a probe with another detector measured them. */
Test(gates, faults_are_told_from_good_portraits)
{
    static const struct {
        enum idphoto_measure_id id;
        double value;
        enum verdict verdict;
    } known[] = {
        {IDPHOTO_LUMINANCE_MEAN, 0.22, VERDICT_PASS},
        {IDPHOTO_LUMINANCE_MEAN, 0.47, VERDICT_PASS},
        {IDPHOTO_LUMINANCE_MEAN, 0.007, VERDICT_FAIL},
        {IDPHOTO_LUMINANCE_MEAN, 0.15, VERDICT_WARN},
        {IDPHOTO_LUMINANCE_MEAN, 0.88, VERDICT_FAIL},
        {IDPHOTO_UNDER_EXPOSURE, 0.35, VERDICT_PASS},
        {IDPHOTO_UNDER_EXPOSURE, 0.51, VERDICT_WARN},
        {IDPHOTO_UNDER_EXPOSURE, 1.0, VERDICT_FAIL},
        {IDPHOTO_OVER_EXPOSURE, 0.64, VERDICT_FAIL},
        {IDPHOTO_OVER_EXPOSURE, 0.06, VERDICT_WARN},
        {IDPHOTO_SHARPNESS, 550, VERDICT_PASS},
        {IDPHOTO_SHARPNESS, 5400, VERDICT_PASS},
        {IDPHOTO_SHARPNESS, 16, VERDICT_FAIL},
        {IDPHOTO_SHARPNESS, 150, VERDICT_WARN},
        {IDPHOTO_UNEVEN_LIGHT, 5, VERDICT_FAIL},
        {IDPHOTO_UNEVEN_LIGHT, 1.4, VERDICT_PASS},
        {IDPHOTO_NATURAL_COLOUR, 100, VERDICT_FAIL},
        {IDPHOTO_NATURAL_COLOUR, 2, VERDICT_PASS},
        {IDPHOTO_YAW, 0.09, VERDICT_PASS},
        {IDPHOTO_YAW, 0.35, VERDICT_WARN},
        {IDPHOTO_YAW, 0.8, VERDICT_FAIL},
        {IDPHOTO_ROLL, 15, VERDICT_WARN},
        {IDPHOTO_ROLL, 34, VERDICT_FAIL},
        {IDPHOTO_INTER_EYE_DISTANCE, 113, VERDICT_PASS},
        {IDPHOTO_INTER_EYE_DISTANCE, 70, VERDICT_WARN},
        {IDPHOTO_INTER_EYE_DISTANCE, 50, VERDICT_FAIL},
        {IDPHOTO_DYNAMIC_RANGE, 6.9, VERDICT_PASS},
        {IDPHOTO_MOUTH_OPEN, 0.16, VERDICT_PASS},
    };
    struct gates *g = own();
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const struct finding *f = judged(g, known[i].id, known[i].value, 1);
        cr_assert_not_null(f);
        cr_expect_eq(f->verdict, known[i].verdict, "%s %g: %s", idphoto_measure_name(known[i].id),
                     known[i].value, verdict_name(f->verdict));
        cr_expect_eq(f->advice_zh != NULL, f->verdict != VERDICT_PASS);
        cr_expect_eq(f->advice_en != NULL, f->verdict != VERDICT_PASS);
    }
    gates_free(g);
}

Test(gates, too_dark_and_too_bright_are_answered_differently)
{
    struct gates *g = own();
    const char *dark = judged(g, IDPHOTO_LUMINANCE_MEAN, 0.01, 1)->advice_zh;
    const char *bright = judged(g, IDPHOTO_LUMINANCE_MEAN, 0.9, 1)->advice_zh;
    cr_expect(strstr(dark, "太暗") && strstr(bright, "太亮"), "%s %s", dark, bright);
    gates_free(g);
}

Test(gates, the_number_of_faces_is_that_of_the_photo)
{
    struct gates *g = own();
    cr_expect_eq(judged(g, IDPHOTO_FACES, 1, 1)->verdict, VERDICT_PASS);
    cr_expect_eq(judged(g, IDPHOTO_FACES, 0, 1)->verdict, VERDICT_FAIL);
    cr_expect_eq(judged(g, IDPHOTO_FACES, 2, 1)->verdict, VERDICT_FAIL);
    cr_expect_eq(judged(g, IDPHOTO_FACES, 2, 2)->verdict, VERDICT_PASS);
    cr_expect_eq(judged(g, IDPHOTO_FACES, 1, 2)->verdict, VERDICT_FAIL);
    cr_expect_null(judged(g, IDPHOTO_SECOND_FACE, 0.9, 2));
    cr_expect_eq(judged(g, IDPHOTO_SECOND_FACE, 0.9, 1)->verdict, VERDICT_WARN);
    gates_free(g);
}

/* ---- what stops the start ---- */

static enum status load(json_t *root)
{
    struct gates *g = NULL;
    char *text = json_dumps(root, 0);
    const struct memory_file f = memory_file(text, strlen(text));
    enum status s = gates_load(f.path, &g, why, sizeof why);
    memory_file_close(&f);
    cr_expect_eq(s == OK, g != NULL);
    gates_free(g);
    free(text);
    json_decref(root);
    return s;
}

static json_t *table(void)
{
    json_t *root = json_load_file("config/gates.json", 0, NULL);
    cr_assert_not_null(root);
    return root;
}

static json_t *row(json_t *root, size_t i)
{
    return json_array_get(json_object_get(root, "gates"), i);
}

Test(gates, a_table_that_is_not_whole_stops_the_start)
{
    json_t *root = table();
    cr_expect(load(root) == OK, "%s", why);

    root = table();
    json_array_remove(json_object_get(root, "gates"), 3);
    cr_expect(load(root) == INVALID && strstr(why, "no gate for"), "%s", why);

    root = table();
    json_array_append(json_object_get(root, "gates"), row(root, 2));
    cr_expect(load(root) == INVALID && strstr(why, "inter-eye-distance"), "%s", why);

    root = table();
    json_object_set_new(row(root, 2), "measure", json_string("beauty"));
    cr_expect(load(root) == INVALID && strstr(why, "beauty"), "%s", why);

    root = table();
    json_object_set_new(row(root, 2), "more", json_true());
    cr_expect(load(root) == INVALID);

    root = table();
    json_object_del(row(root, 2), "source");
    cr_expect(load(root) == INVALID);

    static const char *const advices[] = {"advice_zh", "advice_en"};
    for (int i = 0; i < 2; i++) {
        root = table();
        json_object_del(json_object_get(row(root, 2), "low"), advices[i]);
        cr_expect(load(root) == INVALID);
    }
    root = table(); /* the warning would never be seen */
    json_object_set_new(json_object_get(row(root, 2), "low"), "warn", json_integer(10));
    cr_expect(load(root) == INVALID);
}
