/* SPDX-License-Identifier: MIT */
/* Finding faces the built-in way, in drawings whose eyes are known. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "made.h"

static struct idphoto_faces found;
static struct rendered shown;

static void stop(void)
{
    rendered_free(&shown);
}

TestSuite(core_faces, .fini = stop, .timeout = 120);

static struct render_scene upright(void)
{
    struct render_scene s = render_usual(480, 640);
    s.person[0].x_px = 240;
    s.person[0].y_px = 250;
    s.person[0].eyes_px = 90;
    return s;
}

static void find(const struct render_scene *s)
{
    rendered_free(&shown);
    render(s, &shown);
    cr_assert_eq(idphoto_find_faces(made_core(), &shown.rgb, &found), IDPHOTO_OK);
}

static double eye_error(const struct render_scene *s, int face, int person, int which)
{
    const struct idphoto_point eye = found.face[face].eye[which],
                               truth = shown.truth[person].pupil[which];
    return hypot(eye.x_px - truth.x_px, eye.y_px - truth.y_px) / s->person[person].eyes_px;
}

static void expect_face(const struct render_scene *s)
{
    const double roll_deg = s->person[0].roll_deg;
    find(s);
    cr_assert_eq(found.count, 1, "%g degrees: %zu faces", roll_deg, found.count);
    const struct idphoto_face *f = &found.face[0];
    for (int k = 0; k < 2; k++)
        cr_expect(eye_error(s, 0, 0, k) < 0.06, "%g degrees: eye %d is off by %.1f %%", roll_deg, k,
                  100 * eye_error(s, 0, 0, k));
    cr_expect(fabs(remainder(f->roll_deg - roll_deg, 360)) < 4, "roll %g, wanted %g",
              (double)f->roll_deg, roll_deg);
    cr_expect(!f->has_landmarks && isnan(f->yaw_ratio) && isnan(f->pitch_deg));
}

Test(core_faces, an_upright_face_has_its_pupils_where_they_were_drawn)
{
    const struct render_scene s = upright();
    expect_face(&s);
    /* pupil to chin is 1.8 of the distance between the pupils, straight down */
    const struct idphoto_point chin = found.face[0].chin;
    cr_expect(fabsf(chin.x_px - 240) < 12 && fabsf(chin.y_px - (250 + 1.8F * 90)) < 12);
}

Test(core_faces, skin_may_be_dark_or_light)
{
    struct render_scene s = upright();
    for (s.person[0].skin = 1; s.person[0].skin <= RENDER_SKINS; s.person[0].skin++)
        expect_face(&s);
}

/* Whoever looks aside has the pupils in the corners of the eyes: the eye cascade's middle of the
 * eye is 8 % off then. */
Test(core_faces, pupils_are_followed_where_they_look)
{
    struct render_scene s = upright();
    float *gaze = &s.person[0].gaze;
    for (*gaze = -0.08F; *gaze < 0.1F; *gaze += 0.16F) {
        find(&s);
        cr_assert_eq(found.count, 1);
        for (int k = 0; k < 2; k++)
            cr_expect(eye_error(&s, 0, 0, k) < 0.04, "gaze %g: eye %d is off by %.1f %%",
                      (double)*gaze, k, 100 * eye_error(&s, 0, 0, k));
    }
}

Test(core_faces, a_face_may_lean)
{
    struct render_scene s = upright();
    static const float rolls[] = {-35, -25, -12, 12, 25, 35};
    for (size_t k = 0; k < sizeof rolls / sizeof *rolls; k++) {
        s.person[0].roll_deg = rolls[k];
        expect_face(&s);
    }
}

Test(core_faces, a_picture_may_lie_on_its_side_or_stand_on_its_head)
{
    struct render_scene s = upright();
    s.person[0].y_px = 320;
    static const float rolls[] = {90, 180, -90};
    for (size_t k = 0; k < sizeof rolls / sizeof *rolls; k++) {
        s.person[0].roll_deg = s.person[0].torso_roll_deg = rolls[k];
        expect_face(&s);
    }
}

Test(core_faces, everyone_is_counted_the_largest_first)
{
    struct render_scene s = upright();
    s.width_px = 860;
    s.height_px = 560;
    s.people = 3;
    s.person[1] = s.person[2] = s.person[0];
    s.person[0].x_px = 150;
    s.person[0].eyes_px = 50;
    s.person[1].x_px = 420;
    s.person[2].x_px = 700;
    s.person[2].eyes_px = 70;
    find(&s);
    cr_assert_eq(found.count, 3);
    cr_expect(eye_error(&s, 0, 1, 0) < 0.06);
    cr_expect(eye_error(&s, 1, 2, 0) < 0.06);
    cr_expect(eye_error(&s, 2, 0, 0) < 0.06);
}

Test(core_faces, nobody_is_in_an_empty_room)
{
    struct render_scene s = upright();
    s.people = 0;
    find(&s);
    cr_expect_eq(found.count, 0);
}

Test(core_faces, too_few_pixels_are_told_and_wrong_ones_are_invalid)
{
    struct idphoto_pixels p = pixels_filled(200, IDPHOTO_SIDE_MIN_PX - 1, 3, 200);
    found.count = 42;
    cr_expect_eq(idphoto_find_faces(made_core(), &p, &found), IDPHOTO_TOO_SMALL);
    p.channels = 4;
    cr_expect_eq(idphoto_find_faces(made_core(), &p, &found), IDPHOTO_INVALID);
    p.channels = 3;
    p.stride_bytes--;
    cr_expect_eq(idphoto_find_faces(made_core(), &p, &found), IDPHOTO_INVALID);
    cr_expect_eq(found.count, 42, "out was touched");
    idphoto_pixels_free(&p);
}

Test(core_faces, the_narrowest_and_the_flattest_picture_are_searched)
{
    struct idphoto_pixels p = pixels_filled(4000, IDPHOTO_SIDE_MIN_PX, 3, 200);
    cr_expect_eq(idphoto_find_faces(made_core(), &p, &found), IDPHOTO_OK);
    idphoto_pixels_free(&p);
    p = pixels_filled(IDPHOTO_SIDE_MIN_PX, 4000, 3, 200);
    cr_expect_eq(idphoto_find_faces(made_core(), &p, &found), IDPHOTO_OK);
    idphoto_pixels_free(&p);
}

Test(core_faces, a_model_that_is_none_is_named)
{
    static const char junk[] = "no onnx";
    struct idphoto_models models[3] = {0};
    models[0].face = models[1].landmarks = models[2].matting =
        (struct idphoto_blob){junk, sizeof junk};
    static const char *const names[3] = {"face_model", "landmark_model", "matting_model"};
    for (int k = 0; k < 3; k++) {
        char why[200] = "";
        cr_expect_null(idphoto_new(&models[k], why, sizeof why));
        cr_expect(strstr(why, names[k]), "%s", why);
    }
}
