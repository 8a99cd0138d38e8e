/* SPDX-License-Identifier: MIT */
/* Finding faces the built-in way, in drawings whose eyes are known. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/idphoto.h"
#include "drawn_face.h"

static struct idphoto *core;
static struct idphoto_faces found;

static void start(void)
{
    const struct idphoto_models none = {0};
    char why[200];
    core = idphoto_new(&none, why, sizeof why);
    cr_assert(core);
}

static void stop(void)
{
    idphoto_free(core);
}

TestSuite(core_faces, .init = start, .fini = stop, .timeout = 120);

static const struct drawn_face upright = {240, 250, 90, 0, {214, 170, 140}, 0};

static void find(const struct drawn_face *faces, size_t n, int width_px, int height_px)
{
    struct idphoto_pixels p = drawn_wall(width_px, height_px);
    for (size_t k = 0; k < n; k++)
        draw_face(&p, &faces[k]);
    cr_assert_eq(idphoto_find_faces(core, &p, &found), IDPHOTO_OK);
    free(p.bytes);
}

static double eye_error(const struct idphoto_face *f, const struct drawn_face *truth, int which)
{
    const struct idphoto_point wanted = drawn_eye(truth, which);
    return hypot(f->eye[which].x_px - wanted.x_px, f->eye[which].y_px - wanted.y_px) /
           truth->eyes_px;
}

static void expect_face(const struct drawn_face *truth)
{
    find(truth, 1, 480, 640);
    cr_assert_eq(found.count, 1, "%g degrees, eyes %g px: %zu faces", (double)truth->roll_deg,
                 (double)truth->eyes_px, found.count);
    const struct idphoto_face *f = &found.face[0];
    for (int k = 0; k < 2; k++)
        cr_expect(eye_error(f, truth, k) < 0.06, "%g degrees: eye %d is off by %.1f %%",
                  (double)truth->roll_deg, k, 100 * eye_error(f, truth, k));
    cr_expect(fabs(remainder((double)(f->roll_deg - truth->roll_deg), 360)) < 4,
              "roll %g, wanted %g", (double)f->roll_deg, (double)truth->roll_deg);
    cr_expect(!f->has_landmarks && isnan(f->yaw_ratio) && isnan(f->pitch_deg));
}

Test(core_faces, an_upright_face_has_its_pupils_where_they_were_drawn)
{
    expect_face(&upright);
    /* pupil to chin is 1.8 of the distance between the pupils, straight down */
    const struct idphoto_point chin = found.face[0].chin;
    cr_expect(fabsf(chin.x_px - 240) < 12 && fabsf(chin.y_px - (250 + 1.8F * 90)) < 12);
}

Test(core_faces, skin_may_be_dark_or_light)
{
    struct drawn_face f = upright;
    static const int skins[][3] = {{0x60, 0x41, 0x34}, {0xa0, 0x7e, 0x56}, {0xf3, 0xda, 0xc0}};
    for (size_t k = 0; k < sizeof skins / sizeof *skins; k++) {
        memcpy(f.skin, skins[k], sizeof f.skin);
        expect_face(&f);
    }
}

/* Whoever looks aside has the pupils in the corners of the eyes: the eye cascade's middle of the
 * eye is 8 % off then. */
Test(core_faces, pupils_are_followed_where_they_look)
{
    struct drawn_face f = upright;
    for (f.gaze = -0.08F; f.gaze < 0.1F; f.gaze += 0.16F) {
        find(&f, 1, 480, 640);
        cr_assert_eq(found.count, 1);
        for (int k = 0; k < 2; k++)
            cr_expect(eye_error(&found.face[0], &f, k) < 0.04, "gaze %g: eye %d is off by %.1f %%",
                      (double)f.gaze, k, 100 * eye_error(&found.face[0], &f, k));
    }
}

Test(core_faces, a_face_may_lean)
{
    struct drawn_face f = upright;
    static const float rolls[] = {-35, -25, -12, 12, 25, 35};
    for (size_t k = 0; k < sizeof rolls / sizeof *rolls; k++) {
        f.roll_deg = rolls[k];
        expect_face(&f);
    }
}

Test(core_faces, a_picture_may_lie_on_its_side_or_stand_on_its_head)
{
    struct drawn_face f = upright;
    f.y_px = 320;
    static const float rolls[] = {90, 180, -90};
    for (size_t k = 0; k < sizeof rolls / sizeof *rolls; k++) {
        f.roll_deg = rolls[k];
        expect_face(&f);
    }
}

Test(core_faces, everyone_is_counted_the_largest_first)
{
    struct drawn_face f[3] = {upright, upright, upright};
    f[0].x_px = 150;
    f[0].eyes_px = 50;
    f[1].x_px = 420;
    f[2].x_px = 700;
    f[2].eyes_px = 70;
    find(f, 3, 860, 560);
    cr_assert_eq(found.count, 3);
    cr_expect(eye_error(&found.face[0], &f[1], 0) < 0.06);
    cr_expect(eye_error(&found.face[1], &f[2], 0) < 0.06);
    cr_expect(eye_error(&found.face[2], &f[0], 0) < 0.06);
}

Test(core_faces, nobody_is_in_an_empty_room)
{
    find(NULL, 0, 480, 640);
    cr_expect_eq(found.count, 0);
}

Test(core_faces, too_few_pixels_are_told_and_wrong_ones_are_invalid)
{
    struct idphoto_pixels p = drawn_wall(200, IDPHOTO_SIDE_MIN_PX - 1);
    found.count = 42;
    cr_expect_eq(idphoto_find_faces(core, &p, &found), IDPHOTO_TOO_SMALL);
    p.channels = 4;
    cr_expect_eq(idphoto_find_faces(core, &p, &found), IDPHOTO_INVALID);
    p.channels = 3;
    p.stride_bytes--;
    cr_expect_eq(idphoto_find_faces(core, &p, &found), IDPHOTO_INVALID);
    cr_expect_eq(found.count, 42, "out was touched");
    free(p.bytes);
}

Test(core_faces, the_narrowest_and_the_flattest_picture_are_searched)
{
    struct idphoto_pixels p = drawn_wall(4000, IDPHOTO_SIDE_MIN_PX);
    cr_expect_eq(idphoto_find_faces(core, &p, &found), IDPHOTO_OK);
    free(p.bytes);
    p = drawn_wall(IDPHOTO_SIDE_MIN_PX, 4000);
    cr_expect_eq(idphoto_find_faces(core, &p, &found), IDPHOTO_OK);
    free(p.bytes);
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
