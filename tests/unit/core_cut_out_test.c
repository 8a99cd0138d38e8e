/* SPDX-License-Identifier: MIT */
/* Cutting people out, built in: drawings whose alpha is known, and what is at the edge of sense. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "composite.h"
#include "made.h"

TestSuite(core_cut_out, .timeout = 120);

/* ---------------------------------------------------------------- drawings */

/* Somebody whose proportions are not quite the usual ones; unit: the distance of the pupils. */
static const struct person {
    double x, y, unit, lean;
} one = {150, 150, 50, 0}, small_one = {90, 150, 30, 0}, leaning = {150, 150, 46, 0.3};

static void place(const struct person *p, double x, double y, double *u, double *v)
{
    const double dx = (x - p->x) / p->unit, dy = (y - p->y) / p->unit;
    *u = dx * cos(p->lean) + dy * sin(p->lean);
    *v = dy * cos(p->lean) - dx * sin(p->lean);
}

static bool in_ellipse(double u, double v, double half_width, double half_height)
{
    return u * u / (half_width * half_width) + v * v / (half_height * half_height) < 1;
}

/* Hair that is not smooth, a neck, and shoulders down to the edge. */
static double standing(double x, double y, const void *of)
{
    double u, v;
    place(of, x, y, &u, &v);
    const double tufts = 1 + 0.03 * sin(30 * atan2(v + 0.1, u));
    return in_ellipse(u / tufts, (v + 0.1) / tufts, 1.35, 1.9) ||
           (fabs(u) < 0.6 && v > 0 && v < 4) || in_ellipse(u, v - 4.6, 3, 2.7) ||
           (v > 4.6 && fabs(u) < 3);
}

static double two_standing(double x, double y, const void *of)
{
    const struct person *p = of;
    return fmax(standing(x, y, &p[0]), standing(x, y, &p[1]));
}

/* At one height alone. */
static double touching(double x, double y, const void *of)
{
    return y > 225 && y < 250 ? fmax(two_standing(x, y, of), x > 60 && x < 300)
                              : two_standing(x, y, of);
}

static const struct person *shown = &one;
static const double hair[3] = {48, 36, 30}, skin[3] = {214, 170, 144}, cloth[3] = {40, 52, 92};

static void dressed(double x, double y, double rgb[3])
{
    double u, v;
    place(shown, x, y, &u, &v);
    const double *c = hair;
    if (v > 2.1 - 0.3 * fabs(u))
        c = cloth;
    else if (in_ellipse(u, v - 0.5, 1.0, 1.4) || (fabs(u) < 0.6 && v > 1))
        c = skin;
    const double shade = 1 + 0.08 * sin(x / 5) * cos(y / 6);
    for (int k = 0; k < 3; k++)
        rgb[k] = c[k] * shade;
}

static void studio(double x, double y, double rgb[3])
{
    (void)x, (void)y;
    rgb[0] = 226, rgb[1] = 228, rgb[2] = 232;
}

static void lit_wall(double x, double y, double rgb[3])
{
    rgb[0] = 150 + x / 5, rgb[1] = 160 + y / 8, rgb[2] = 165 - x / 10;
}

/* Curtains, shelves and a window, some of them as dark as the hair. */
static void room(double x, double y, double rgb[3])
{
    const double fold = 1 + 0.25 * sin(x / 4);
    if (x < 60)
        rgb[0] = 150 * fold, rgb[1] = 50 * fold, rgb[2] = 45 * fold;
    else if (x > 235)
        rgb[0] = 50, rgb[1] = 42, rgb[2] = 38;
    else if (fmod(y, 60) < 8)
        rgb[0] = 90, rgb[1] = 70, rgb[2] = 50;
    else
        rgb[0] = 170 + 30 * sin(x / 7), rgb[1] = 195 + 20 * sin(y / 9), rgb[2] = 205;
}

/* A chair of the colour of the clothes, beside small_one. */
static void chair(double x, double y, double rgb[3])
{
    studio(x, y, rgb);
    if (x > 192 && x < 222 && y > 300 && y < 345)
        memcpy(rgb, cloth, sizeof cloth);
}

/* One badge that is like the wall, on the clothes of small_one. */
static void with_badge(double x, double y, double rgb[3])
{
    dressed(x, y, rgb);
    if (hypot(x - 159, y - 300) < 9)
        studio(x, y, rgb);
}

static struct idphoto_face face_of(const struct person *p)
{
    struct idphoto_face f;
    memset(&f, 0, sizeof f);
    const double c = cos(p->lean) * p->unit / 2, s = sin(p->lean) * p->unit / 2;
    f.eye[0] = (struct idphoto_point){(float)(p->x - c), (float)(p->y - s)};
    f.eye[1] = (struct idphoto_point){(float)(p->x + c), (float)(p->y + s)};
    f.roll_deg = (float)(p->lean * 180 / M_PI);
    return f;
}

static struct idphoto_pixels cut(const struct idphoto_pixels *rgb, const struct person *p,
                                 size_t count)
{
    struct idphoto_face faces[2];
    struct idphoto_pixels out = {0};
    for (size_t k = 0; k < count; k++)
        faces[k] = face_of(&p[k]);
    cr_assert_eq(idphoto_cut_out(made_core(), rgb, faces, count, &out), IDPHOTO_OK);
    cr_assert(out.width_px == rgb->width_px && out.height_px == rgb->height_px);
    return out;
}

/* The scene's people, the first of whom is dressed. Both are owned by the caller. */
static struct idphoto_pixels cut_scene(const struct scene *s, int width_px, int height_px,
                                       size_t count, struct composite *c)
{
    shown = s->of;
    *c = composite_of(s, width_px, height_px, 3);
    return cut(&c->picture, s->of, count);
}

static uint8_t alpha_at(const struct idphoto_pixels *p, double x, double y)
{
    return p->bytes[(size_t)y * p->stride_bytes + 4 * (size_t)x + 3];
}

/* Bounds: mean square of alpha over the whole picture, and colours. */
static void expect_scene(const char *name, const struct scene *s, double alpha, double colour)
{
    struct composite c;
    struct idphoto_pixels out = cut_scene(s, 300, 400, 1, &c);
    memset(c.trimap.bytes, 128, (size_t)300 * 400); /* every pixel counts */
    const struct matting_error e = composite_error(&c, &out);
    fprintf(stderr, "cut out, %s: alpha MSE %.5f, colours off by %.2f of 255\n", name, e.alpha,
            e.colour);
    cr_expect(e.alpha < alpha, "%s: alpha", name);
    cr_expect(e.colour < colour, "%s: colours", name);
    idphoto_pixels_free(&out);
    composite_free(&c);
}

static void expect_person(const char *name, const struct person *p,
                          void (*back)(double, double, double[3]), double alpha, double colour)
{
    const struct scene s = {standing, dressed, back, p};
    expect_scene(name, &s, alpha, colour);
}

Test(core_cut_out, a_person_before_a_studio_wall_is_cut_out_to_the_tufts)
{
    expect_person("studio", &one, studio, 0.0003, 0.5);
}

Test(core_cut_out, before_a_wall_that_is_lit_from_aside)
{
    expect_person("lit wall", &one, lit_wall, 0.0003, 0.5);
}

Test(core_cut_out, in_a_room_with_things_of_the_colour_of_the_hair)
{
    expect_person("room", &one, room, 0.005, 0.5);
}

Test(core_cut_out, who_leans_is_cut_out_as_well)
{
    expect_person("leaning", &leaning, lit_wall, 0.0003, 0.5);
}

Test(core_cut_out, a_head_small_in_the_picture_is_cut_out_as_well)
{
    expect_person("small", &small_one, studio, 0.0003, 0.5);
}

Test(core_cut_out, what_is_like_the_clothes_but_does_not_touch_them_stays_behind)
{
    expect_person("chair", &small_one, chair, 0.0003, 0.5);
}

Test(core_cut_out, what_is_like_the_wall_but_on_the_clothes_is_kept)
{
    const struct scene s = {standing, with_badge, studio, &small_one};
    expect_scene("badge", &s, 0.0003, 0.5);
}

Test(core_cut_out, the_gap_between_two_whose_shoulders_touch_is_not)
{
    static const struct person pair[2] = {{72, 100, 30, 0}, {288, 100, 30, 0}};
    const struct scene s = {touching, dressed, studio, pair};
    struct composite c;
    struct idphoto_pixels out = cut_scene(&s, 360, 330, 2, &c);
    cr_expect_eq(alpha_at(&out, 180, 238), 255);
    cr_expect_eq(alpha_at(&out, 180, 310), 0);
    idphoto_pixels_free(&out);
    composite_free(&c);
}

Test(core_cut_out, two_people_are_cut_out_and_the_wall_between_them_is_not)
{
    static const struct person pair[2] = {{95, 120, 32, 0}, {265, 130, 32, 0}};
    const struct scene s = {two_standing, dressed, lit_wall, pair};
    struct composite c;
    struct idphoto_pixels out = cut_scene(&s, 360, 300, 2, &c);
    for (int k = 0; k < 2; k++)
        cr_expect_eq(alpha_at(&out, pair[k].x, pair[k].y + 20), 255);
    cr_expect_eq(alpha_at(&out, 180, 60), 0);
    cr_expect_eq(alpha_at(&out, 180, 120), 0);
    idphoto_pixels_free(&out);
    /* who is not asked for is background */
    out = cut(&c.picture, &pair[1], 1);
    cr_expect_eq(alpha_at(&out, pair[0].x, pair[0].y + 20), 0);
    cr_expect_eq(alpha_at(&out, pair[1].x, pair[1].y + 20), 255);
    idphoto_pixels_free(&out);
    composite_free(&c);
}

Test(core_cut_out, a_face_that_leaves_the_picture_is_cut_out_up_to_the_edge)
{
    static const struct person aside = {20, 150, 50, 0}, above = {150, 20, 50, 0};
    const struct person *both[] = {&aside, &above};
    for (int k = 0; k < 2; k++) {
        const struct scene s = {standing, dressed, studio, both[k]};
        struct composite c;
        struct idphoto_pixels out = cut_scene(&s, 300, 400, 1, &c);
        cr_expect_eq(alpha_at(&out, both[k]->x - 15, both[k]->y), 255);
        cr_expect_eq(alpha_at(&out, both[k]->x, both[k]->y + 70), 255);
        cr_expect_eq(alpha_at(&out, 290, 10), 0);
        idphoto_pixels_free(&out);
        composite_free(&c);
    }
}

Test(core_cut_out, the_same_picture_gives_the_same_bytes)
{
    const struct scene s = {standing, dressed, room, &one};
    struct composite c = composite_of(&s, 300, 400, 3);
    struct idphoto_pixels a = cut(&c.picture, &one, 1), b = cut(&c.picture, &one, 1);
    cr_expect(memcmp(a.bytes, b.bytes, a.stride_bytes * 400) == 0);
    idphoto_pixels_free(&a);
    idphoto_pixels_free(&b);
    composite_free(&c);
}

/* ---------------------------------------------------------------- edges */

static struct idphoto_pixels filled(int width_px, int height_px, int value)
{
    return pixels_filled(width_px, height_px, 3, value);
}

Test(core_cut_out, a_picture_of_one_colour_has_somebody_where_the_eyes_are)
{
    static const int values[] = {0, 128, 255};
    for (int k = 0; k < 3; k++) {
        struct idphoto_pixels p = filled(300, 400, values[k]), out = cut(&p, &one, 1);
        cr_expect_eq(alpha_at(&out, one.x, one.y), 255);
        cr_expect_eq(alpha_at(&out, 2, 2), 0);
        idphoto_pixels_free(&out);
        idphoto_pixels_free(&p);
    }
}

Test(core_cut_out, pictures_under_32_px_are_too_small_and_those_of_32_px_are_not)
{
    static const struct person tiny = {16, 12, 6, 0};
    const struct idphoto_face f = face_of(&tiny);
    struct idphoto_pixels p = filled(32, 32, 90), q = filled(31, 40, 90), out = cut(&p, &tiny, 1);
    idphoto_pixels_free(&out);
    cr_expect_eq(idphoto_cut_out(made_core(), &q, &f, 1, &out), IDPHOTO_TOO_SMALL);
    cr_expect(out.bytes == NULL);
    idphoto_pixels_free(&p);
    idphoto_pixels_free(&q);
}

static void expect_refused(const struct idphoto_pixels *p, struct idphoto_face f, size_t count)
{
    struct idphoto_face faces[IDPHOTO_FACES_MAX + 1];
    struct idphoto_pixels out = {0};
    for (size_t k = 0; k <= IDPHOTO_FACES_MAX; k++)
        faces[k] = f;
    cr_expect_eq(idphoto_cut_out(made_core(), p, faces, count, &out), IDPHOTO_INVALID);
    cr_expect(out.bytes == NULL);
}

Test(core_cut_out, arguments_that_make_no_sense_are_refused)
{
    struct idphoto_pixels p = filled(300, 400, 90), grey = p, nothing = p;
    struct idphoto_face f = face_of(&one), wrong;
    expect_refused(&p, f, 0);
    expect_refused(&p, f, IDPHOTO_FACES_MAX + 1);
    grey.channels = 1;
    expect_refused(&grey, f, 1);
    nothing.bytes = NULL;
    expect_refused(&nothing, f, 1);
    wrong = f;
    wrong.eye[1] = wrong.eye[0];
    expect_refused(&p, wrong, 1);
    wrong = f;
    wrong.eye[0].x_px = NAN;
    expect_refused(&p, wrong, 1);
    wrong = f;
    wrong.eye[0].y_px = wrong.eye[1].y_px = 1e30F;
    expect_refused(&p, wrong, 1);
    wrong = f;
    wrong.eye[1].x_px = INFINITY;
    expect_refused(&p, wrong, 1);
    idphoto_pixels_free(&p);
}
