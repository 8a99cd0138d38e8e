/* SPDX-License-Identifier: MIT */
/*
 * Where heads come to lie in photos. What is measured is not what the core reports: the true points
 * of a rendered portrait go through the way that was told, and that way is checked by finding the
 * face in the photo again.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "made.h"

TestSuite(core_geometry, .timeout = 240);

/* The bands of config/specs, each from its document. */
static const struct spec {
    const char *name;
    int width_px, height_px;
    struct idphoto_geometry bands;
} specs[] = {
    {"identity card",
     358,
     441,
     {.head_width = {193, 221}, .crown_y = {7, 21}, .eye_y = {0, 234}, .eyes_before_crown = true}},
    {"one inch", 295, 413, {.head_height = {248, 310}, .eye_y = {124, 173}}},
    {"two inches", 413, 579, {.head_height = {347, 417}, .eye_y = {174, 243}}},
    {"exit and entry, digital",
     354,
     472,
     {.head_width = {230, 283},
      .head_height = {331, 390},
      .eye_distance = {82, 118},
      .crown_y = {25, 45},
      .eye_y = {176, 251}}},
    {"visa of the United States", 600, 600, {.head_height = {300, 414}, .eye_y = {186, 264}}},
    {"graduation", 480, 640, {.head_width = {180, 300}, .crown_y = {50, 110}, .eye_y = {200, 300}}},
};
enum { SPECS = sizeof specs / sizeof *specs };

static struct idphoto_wanted wanted_of(const struct spec *s)
{
    struct idphoto_wanted w = wanted_size(s->width_px, s->height_px);
    w.geometry = s->bands;
    w.colour[0] = 67;
    w.colour[1] = 142;
    w.colour[2] = 219;
    return w;
}

/* With room on all sides, as from a camera at arm's length. */
static struct render_scene roomy(void)
{
    struct render_scene s = render_usual(660, 880);
    s.person[0].eyes_px = 80;
    s.person[0].y_px = 350;
    return s;
}

/* ---------------------------------------------------------------- what is true */

struct truth {
    float crown_y, chin_y, eye_x, eye_y, eye_distance, head_width, roll_deg;
};

static struct truth truth_in(const struct made *m)
{
    const struct render_truth *t = &m->portrait.truth[0];
    const float *p = m->made.portrait_to_photo;
    const struct idphoto_point a = in_photo(&m->made, t->pupil[0]),
                               b = in_photo(&m->made, t->pupil[1]);
    return (struct truth){
        .crown_y = in_photo(&m->made, t->crown).y_px,
        .chin_y = in_photo(&m->made, t->chin).y_px,
        .eye_x = (a.x_px + b.x_px) / 2,
        .eye_y = (a.y_px + b.y_px) / 2,
        .eye_distance = hypotf(b.x_px - a.x_px, b.y_px - a.y_px),
        .head_width = t->head_width_px * hypotf(p[0], p[3]),
        .roll_deg = atan2f(b.y_px - a.y_px, b.x_px - a.x_px) * 180 / (float)M_PI,
    };
}

static void expect_inside(const char *what, const char *which, struct idphoto_band b, float v,
                          float slack)
{
    if (b.most_px > 0)
        cr_expect(v >= b.least_px - slack && v <= b.most_px + slack,
                  "%s: %s is %.1f, not in %g..%g", what, which, (double)v, (double)b.least_px,
                  (double)b.most_px);
}

static void expect_near(const char *what, const char *which, float reported, float truth,
                        float slack)
{
    cr_expect(fabsf(reported - truth) <= slack, "%s: %s is reported as %.1f and is %.1f", what,
              which, (double)reported, (double)truth);
}

/* Pupils are found within 2 % of their distance, chin and crown within 4 %; where curled single
 * hairs stand close nobody could tell the crown to less than twice that. */
static void expect_bands(const char *what, const struct spec *s, const struct made *m)
{
    const struct truth t = truth_in(m);
    const struct idphoto_geometry *g = &s->bands;
    const bool curled = m->scene.person[0].hair == RENDER_CURLY;
    const float fine = 1 + 0.02F * t.eye_distance,
                coarse = 1 + (curled ? 0.08F : 0.04F) * t.eye_distance;
    expect_inside(what, "eye height", g->eye_y, t.eye_y, fine);
    expect_inside(what, "eye distance", g->eye_distance, t.eye_distance, fine);
    expect_inside(what, "head height", g->head_height, t.chin_y - t.crown_y, 2 * coarse);
    expect_inside(what, "crown", g->crown_y, t.crown_y, coarse);
    if (m->portrait.truth[0].head_width_px < 2.6F * t.eye_distance)
        expect_inside(what, "head width", g->head_width, t.head_width, 2 * coarse);
    cr_expect(fabsf(t.roll_deg) < 1.5F, "%s: the eyes lean by %g degrees", what,
              (double)t.roll_deg);
    cr_expect(fabsf(t.eye_x - (float)s->width_px / 2) < 0.02F * (float)s->width_px + fine,
              "%s: the eyes are at %g", what, (double)t.eye_x);
    const float *r = m->made.reached.value_px;
    expect_near(what, "head height", r[IDPHOTO_HEAD_HEIGHT], t.chin_y - t.crown_y, 2 * coarse);
    expect_near(what, "crown", r[IDPHOTO_CROWN_Y], t.crown_y, coarse);
    expect_near(what, "eye height", r[IDPHOTO_EYE_Y], t.eye_y, fine);
    expect_near(what, "eye distance", r[IDPHOTO_EYE_DISTANCE], t.eye_distance, fine);
    for (int k = 0; k < IDPHOTO_BANDS; k++)
        cr_expect(m->made.reached.inside[k], "%s: %s is reported outside", what,
                  idphoto_band_name((enum idphoto_band_id)k));
}

static void expect_found_again(const char *what, const struct made *m)
{
    static struct idphoto_faces found;
    const struct truth t = truth_in(m);
    cr_assert_eq(idphoto_find_faces(made_core(), &m->made.photo, &found), IDPHOTO_OK);
    cr_expect_eq(found.count, 1, "%s: %zu faces in the photo", what, found.count);
    if (found.count == 1) {
        const struct idphoto_point *e = found.face[0].eye;
        const float off =
            hypotf((e[0].x_px + e[1].x_px) / 2 - t.eye_x, (e[0].y_px + e[1].y_px) / 2 - t.eye_y);
        cr_expect(off < 0.04F * t.eye_distance, "%s: the face is %g px from where it was said",
                  what, (double)off);
    }
}

/* The person goes down to the edge: under the chin there is no background in the last row. */
static void expect_grounded(const char *what, const struct made *m, const struct idphoto_wanted *w)
{
    const struct idphoto_pixels *p = &m->made.photo;
    const size_t y = (size_t)p->height_px - 1, x = (size_t)p->width_px / 2;
    const uint8_t *at = p->bytes + y * p->stride_bytes + 3 * x;
    cr_expect(memcmp(at, w->colour, 3) != 0, "%s: background below the person", what);
}

static void try_scene(const char *what, const struct render_scene *scene, const struct spec *s)
{
    struct made m;
    char name[160];
    const struct idphoto_wanted w = wanted_of(s);
    snprintf(name, sizeof name, "%s, %s", s->name, what);
    make_of(scene, &w, &m);
    cr_expect_eq(m.result, IDPHOTO_OK, "%s: %s", name, idphoto_result_name(m.result));
    if (m.result == IDPHOTO_OK) {
        expect_bands(name, s, &m);
        expect_found_again(name, &m);
        expect_grounded(name, &m, &w);
    }
    made_free(&m);
}

/* ---------------------------------------------------------------- tests */

Test(core_geometry, documents_have_their_bands_for_every_hair)
{
    static const char *const hair[] = {"short", "long", "bald", "curly"};
    for (int k = 0; k < SPECS; k++)
        for (int h = k % 2; h <= RENDER_CURLY; h += 2) {
            struct render_scene s = roomy();
            s.person[0].hair = (enum render_hair)h;
            try_scene(hair[h], &s, &specs[k]);
        }
}

Test(core_geometry, documents_have_their_bands_when_the_camera_leans)
{
    for (int k = 0; k < SPECS; k++)
        for (int roll = -30 + 10 * (k % 3); roll <= 30; roll += 25) {
            struct render_scene s = roomy();
            char what[40];
            snprintf(what, sizeof what, "roll %d", roll);
            s.person[0].roll_deg = s.person[0].torso_roll_deg = (float)roll;
            s.person[0].eyes_px = 58;
            try_scene(what, &s, &specs[k]);
        }
}

Test(core_geometry, a_head_that_leans_on_an_upright_body_is_set_level)
{
    struct render_scene s = roomy();
    s.person[0].roll_deg = 11;
    try_scene("head leans", &s, &specs[2]);
    s.person[0].roll_deg = -17;
    try_scene("head leans", &s, &specs[1]);
}

Test(core_geometry, the_size_of_the_portrait_s_head_does_not_matter)
{
    static const float sizes[] = {46, 70, 105, 128};
    for (size_t n = 0; n < sizeof sizes / sizeof *sizes; n++)
        for (int k = 0; k < SPECS; k += 2) {
            struct render_scene s = roomy();
            char what[40];
            s.person[0].eyes_px = sizes[n];
            snprintf(what, sizeof what, "eyes %g px", (double)sizes[n]);
            try_scene(what, &s, &specs[k]);
        }
}

Test(core_geometry, a_picture_on_its_side_is_turned)
{
    struct render_scene s = render_usual(1200, 900);
    s.person[0] = (struct render_person){.x_px = 480,
                                         .y_px = 450,
                                         .eyes_px = 100,
                                         .roll_deg = 90,
                                         .torso_roll_deg = 90,
                                         .skin = 3,
                                         .hair = RENDER_LONG,
                                         .hair_colour = {30, 26, 24},
                                         .clothes_colour = {120, 40, 40}};
    s.person[0].x_px = 720;
    try_scene("on its side", &s, &specs[2]);
}

/* GA/T 461: eyes at least 207 px above the lower edge, also when hair must be cut for it. */
Test(core_geometry, on_an_identity_card_the_eyes_come_before_tall_hair)
{
    struct render_scene s = roomy();
    struct made m;
    struct idphoto_wanted w = wanted_of(&specs[0]);
    s.person[0].hair = RENDER_TALL;
    w.geometry.eye_y = (struct idphoto_band){0, 180};
    make_of(&s, &w, &m);
    cr_assert_eq(m.result, IDPHOTO_OK);
    const struct truth t = truth_in(&m);
    cr_expect(t.eye_y < 182, "eyes at %g", (double)t.eye_y);
    cr_expect(t.crown_y < 0, "crown at %g", (double)t.crown_y);
    cr_expect(m.made.reached.inside[IDPHOTO_EYE_Y] && !m.made.reached.inside[IDPHOTO_CROWN_Y]);
    made_free(&m);
}

Test(core_geometry, bands_that_contradict_are_reported_and_the_head_comes_first)
{
    const struct render_scene s = roomy();
    struct idphoto_wanted w = wanted_size(413, 579);
    struct made m;
    w.geometry.head_height = (struct idphoto_band){380, 400};
    w.geometry.crown_y = (struct idphoto_band){150, 160}; /* would put the eyes at 350 */
    w.geometry.eye_y = (struct idphoto_band){210, 220};
    make_of(&s, &w, &m);
    cr_assert_eq(m.result, IDPHOTO_OK);
    const struct truth t = truth_in(&m);
    cr_expect(!m.made.reached.inside[IDPHOTO_CROWN_Y]);
    /* four to one between the eyes and the crown */
    cr_expect(t.eye_y > 222 && t.eye_y < 255, "eyes at %g", (double)t.eye_y);
    cr_expect(t.crown_y > 0 && t.chin_y < 579);
    made_free(&m);
}

/* Least squares by hand, for two bands of one unknown: weights 4 for the eyes and the height of the
 * head, 2 for its width. */
static void expect_compromise(const struct made *m, enum idphoto_band_id other, float least,
                              float weight)
{
    const float *r = m->made.reached.value_px, eyes = r[IDPHOTO_EYE_DISTANCE],
                ratio = r[other] / eyes;
    const float best = (4 * 84 + weight * ratio * least) / (4 + weight * ratio * ratio);
    cr_expect(fabsf(eyes - best) < 1, "%s: eyes %g apart instead of %g", idphoto_band_name(other),
              (double)eyes, (double)best);
    cr_expect(!m->made.reached.inside[other] && !m->made.reached.inside[IDPHOTO_EYE_DISTANCE]);
}

Test(core_geometry, sizes_that_contradict_meet_where_the_weights_say)
{
    const struct render_scene s = roomy();
    struct idphoto_wanted w = wanted_size(413, 579);
    struct made m;
    w.geometry.eye_distance = (struct idphoto_band){80, 84};
    w.geometry.head_width = (struct idphoto_band){250, 260};
    make_of(&s, &w, &m);
    cr_assert_eq(m.result, IDPHOTO_OK);
    expect_compromise(&m, IDPHOTO_HEAD_WIDTH, 250, 2);
    made_free(&m);
    w.geometry.head_width = (struct idphoto_band){0, 0};
    w.geometry.head_height = (struct idphoto_band){390, 410};
    make_of(&s, &w, &m);
    cr_assert_eq(m.result, IDPHOTO_OK);
    expect_compromise(&m, IDPHOTO_HEAD_HEIGHT, 390, 4);
    made_free(&m);
}

Test(core_geometry, without_any_rule_the_head_has_a_usual_size_and_air_above)
{
    static const int sizes[][2] = {{150, 200}, {1051, 1500}, {472, 472}};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        struct render_scene s = roomy();
        const struct idphoto_wanted w = wanted_size(sizes[k][0], sizes[k][1]);
        struct made m;
        s.person[0].hair = (enum render_hair)k;
        make_of(&s, &w, &m);
        cr_assert_eq(m.result, IDPHOTO_OK);
        const struct truth t = truth_in(&m);
        const float h = (float)sizes[k][1], head = (t.chin_y - t.crown_y) / h;
        cr_expect(head > 0.5F && head < 0.75F, "head %g", (double)head);
        cr_expect(t.crown_y > 0.02F * h && t.crown_y < 0.2F * h, "crown %g", (double)t.crown_y);
        made_free(&m);
    }
}

/* The lower edge of the portrait runs through the chest: the frame stays above it. */
Test(core_geometry, the_frame_stays_off_the_portrait_s_lower_edge)
{
    for (int bottom = 560; bottom < 740; bottom += 44) {
        struct render_scene s = roomy();
        s.width_px = bottom % 8 ? 660 : 1500;
        s.person[0].x_px = (float)s.width_px / 2;
        const struct idphoto_wanted w = wanted_of(&specs[2]);
        struct made m;
        s.height_px = bottom;
        make_of(&s, &w, &m);
        cr_assert(m.result == IDPHOTO_OK || m.result == IDPHOTO_CUT_OFF);
        if (m.result == IDPHOTO_OK) {
            const struct idphoto_point end = in_photo(
                &m.made, (struct idphoto_point){(float)s.width_px / 2, (float)s.height_px});
            cr_expect(end.y_px > 579 - 8, "the portrait ends at %g", (double)end.y_px);
            expect_grounded("low edge", &m, &w);
        }
        made_free(&m);
    }
}

Test(core_geometry, two_people_stand_upright_about_the_middle_whoever_is_taller)
{
    struct render_scene s = render_usual(1000, 700);
    s.people = 2;
    s.person[0].eyes_px = 64;
    s.person[0].x_px = 360;
    s.person[0].y_px = 300;
    s.person[1] = s.person[0];
    s.person[1].x_px = 620;
    s.person[1].y_px = 322;
    s.person[1].hair = RENDER_LONG;
    s.person[1].skin = 4;
    struct idphoto_wanted w = wanted_size(626, 413);
    w.people = 2;
    struct made m;
    make_of(&s, &w, &m);
    cr_assert_eq(m.result, IDPHOTO_OK, "%s", idphoto_result_name(m.result));
    struct idphoto_point middle[2];
    for (int k = 0; k < 2; k++) {
        const struct render_truth *t = &m.portrait.truth[k];
        const struct idphoto_point a = in_photo(&m.made, t->pupil[0]),
                                   b = in_photo(&m.made, t->pupil[1]);
        middle[k] = (struct idphoto_point){(a.x_px + b.x_px) / 2, (a.y_px + b.y_px) / 2};
        cr_expect(in_photo(&m.made, t->crown).y_px > 0);
        cr_expect(in_photo(&m.made, t->chin).y_px < 413);
        const float half =
            t->head_width_px / 2 * hypotf(m.made.portrait_to_photo[0], m.made.portrait_to_photo[3]);
        cr_expect(middle[k].x_px > half && middle[k].x_px < 626 - half);
    }
    cr_expect(middle[1].y_px > middle[0].y_px + 10, "the taller one is not taller");
    cr_expect(fabsf(m.made.portrait_to_photo[1]) < 0.02F, "upright people were turned");
    cr_expect(fabsf((middle[0].x_px + middle[1].x_px) / 2 - 313) < 14);
    made_free(&m);
}
