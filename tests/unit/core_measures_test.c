/* SPDX-License-Identifier: MIT */
/*
 * Measures of pictures whose values are known: by hand, or from published conversions. The eyes
 * are 113 px apart and on whole pixels, so that the core's aligned picture is the picture itself.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "made.h"

enum { SIDE = 640, MIDDLE_X = 320, EYE_Y = 250, CHIN_Y = 450 };

static struct idphoto_pixels picture, matte;
static struct idphoto_faces faces;
static struct idphoto_measures measures;

static void start(void)
{
    picture = pixels_filled(SIDE, SIDE, 3, 0);
    matte = pixels_filled(SIDE, SIDE, 1, 0);
    memset(&faces, 0, sizeof faces);
    faces.count = 1;
    faces.face[0].eye[0] = (struct idphoto_point){MIDDLE_X - 56.5F, EYE_Y};
    faces.face[0].eye[1] = (struct idphoto_point){MIDDLE_X + 56.5F, EYE_Y};
    faces.face[0].chin = (struct idphoto_point){MIDDLE_X, CHIN_Y};
    faces.face[0].yaw_ratio = faces.face[0].yaw_deg = faces.face[0].pitch_deg = NAN;
}

static void stop(void)
{
    idphoto_pixels_free(&picture);
    idphoto_pixels_free(&matte);
}

TestSuite(core_measures, .init = start, .fini = stop, .timeout = 60);

static void set(int x, int y, int r, int g, int b)
{
    uint8_t *at = picture.bytes + (size_t)y * picture.stride_bytes + 3 * (size_t)x;
    at[0] = (uint8_t)r;
    at[1] = (uint8_t)g;
    at[2] = (uint8_t)b;
}

static void fill(int r, int g, int b)
{
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            set(x, y, r, g, b);
}

static void fill_columns(int (*grey)(int x))
{
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            set(x, y, grey(x), grey(x), grey(x));
}

static float measured(enum idphoto_measure_id id)
{
    cr_assert_eq(idphoto_measure(made_core(), &picture, &faces, &matte, &measures), IDPHOTO_OK);
    return measures.value[id];
}

static void expect(enum idphoto_measure_id id, double wanted, double tolerance)
{
    const double got = measured(id);
    cr_expect(fabs(got - wanted) <= tolerance, "%s: %g, wanted %g", idphoto_measure_name(id), got,
              wanted);
}

/* ((128/255 + 0.055) / 1.055)^2.4 = 0.21586; times 255 is 55.04, rounded 55. */
Test(core_measures, one_grey_is_its_luminance_and_has_no_entropy)
{
    fill(128, 128, 128);
    expect(IDPHOTO_LUMINANCE_MEAN, 55.0 / 255, 1e-5);
    expect(IDPHOTO_LUMINANCE_VARIANCE, 0, 1e-6);
    expect(IDPHOTO_DYNAMIC_RANGE, 0, 1e-6);
    expect(IDPHOTO_UNDER_EXPOSURE, 0, 0);
    expect(IDPHOTO_OVER_EXPOSURE, 0, 0);
    expect(IDPHOTO_UNEVEN_LIGHT, 1, 1e-5);
    expect(IDPHOTO_SHARPNESS, 0, 1e-6);
    expect(IDPHOTO_BACKGROUND, 0, 1e-6);
    expect(IDPHOTO_COMPRESSION, 1, 1e-6);
    expect(IDPHOTO_GREY, 0, 0.01);
}

/* A weight of one channel each: BT.709's 0.2126, 0.7152 and 0.0722 of 255 are 54, 182 and 18. */
Test(core_measures, luminance_weighs_red_green_and_blue)
{
    fill(255, 0, 0);
    expect(IDPHOTO_LUMINANCE_MEAN, 54.0 / 255, 1e-5);
    fill(0, 255, 0);
    expect(IDPHOTO_LUMINANCE_MEAN, 182.0 / 255, 1e-5);
    fill(0, 0, 255);
    expect(IDPHOTO_LUMINANCE_MEAN, 18.0 / 255, 1e-5);
    expect(IDPHOTO_UNDER_EXPOSURE, 1, 0);
}

static int half(int x)
{
    return x < MIDDLE_X ? 0 : 255;
}

/* Two values, each in half of the face: mean 1/2, variance 1/4, one bit. */
Test(core_measures, a_face_half_black_half_white)
{
    fill_columns(half);
    expect(IDPHOTO_LUMINANCE_MEAN, 0.5, 0.005);
    expect(IDPHOTO_LUMINANCE_VARIANCE, 0.25, 0.001);
    expect(IDPHOTO_DYNAMIC_RANGE, 1, 0.001);
    expect(IDPHOTO_UNDER_EXPOSURE, 0.5, 0.005);
    expect(IDPHOTO_OVER_EXPOSURE, 0.5, 0.005);
    expect(IDPHOTO_UNEVEN_LIGHT, 255, 0.01);
}

static int four(int x)
{
    static const int levels[4] = {0, 100, 180, 255};
    return levels[x % 4];
}

Test(core_measures, four_values_in_equal_shares_are_two_bits)
{
    fill_columns(four);
    expect(IDPHOTO_DYNAMIC_RANGE, 2, 0.001);
}

static int stripes(int x)
{
    return x % 2 ? 110 : 100;
}

/* The kernel 2 0 2, 0 -8 0, 2 0 2 has its four 2s on the other column's value: 8 times the step of
 * 10, up and down in turn, so the variance is 80 x 80. */
Test(core_measures, sharpness_is_the_variance_of_the_laplacian)
{
    fill_columns(stripes);
    expect(IDPHOTO_SHARPNESS, 6400, 1);
}

Test(core_measures, sharpness_is_not_told_of_a_face_enlarged_over_twice)
{
    fill_columns(stripes);
    faces.face[0].eye[0].x_px = MIDDLE_X - 28;
    faces.face[0].eye[1].x_px = MIDDLE_X + 28;
    cr_expect(isnan(measured(IDPHOTO_SHARPNESS)));
    cr_expect(!isnan(measured(IDPHOTO_LUMINANCE_MEAN)));
}

/* W3C, CSS Color 4: red is lab(54.29 80.81 69.89), green #008000 lab(46.28 -47.55 48.59) and blue
 * lab(29.57 68.30 -112.03), all D50. The box of skin is a 5..25, b 5..35: red lies 55.81 and 34.89
 * outside, together 65.82. */
Test(core_measures, colour_of_skin_is_a_distance_in_cielab)
{
    fill(255, 0, 0);
    expect(IDPHOTO_NATURAL_COLOUR, 65.82, 0.05);
    expect(IDPHOTO_GREY, 106.84, 0.05);
    fill(0, 128, 0);
    expect(IDPHOTO_NATURAL_COLOUR, 100, 0);
    fill(0, 0, 255);
    expect(IDPHOTO_NATURAL_COLOUR, 100, 0);
    fill(90, 90, 90);
    expect(IDPHOTO_NATURAL_COLOUR, 7.071, 0.01);
}

/* Tones 5, 6 and 8 of the Monk skin tone scale (2022) lie inside of the box. */
Test(core_measures, skin_light_to_dark_is_natural)
{
    static const int tones[][3] = {{0xd7, 0xbd, 0x96}, {0xa0, 0x7e, 0x56}, {0x60, 0x41, 0x34}};
    for (size_t k = 0; k < sizeof tones / sizeof *tones; k++) {
        fill(tones[k][0], tones[k][1], tones[k][2]);
        expect(IDPHOTO_NATURAL_COLOUR, 0, 0);
    }
}

/* Samples whose luminance grows by a quarter per pixel: 255 * linear(v) next to x / 4. */
static int ramp(int x)
{
    const double light = x / 4.0 / 255;
    return (int)lround(255 *
                       (light <= 0.0031308 ? 12.92 * light : 1.055 * pow(light, 1 / 2.4) - 0.055));
}

/* OFIQ's window of 492 px is reduced to 354, so the slope is 0.25 * 492 / 354, and a Sobel kernel
 * answers 8 times the slope: 2.780. */
Test(core_measures, background_is_the_mean_gradient_where_the_matte_says_so)
{
    fill_columns(ramp);
    expect(IDPHOTO_BACKGROUND, 2.780, 0.1);
    memset(matte.bytes, 255, (size_t)SIDE * SIDE);
    cr_expect(isnan(measured(IDPHOTO_BACKGROUND)), "all of it is the person");
}

Test(core_measures, background_without_a_matte_does_not_ask_the_face)
{
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            const bool head = abs(x - MIDDLE_X) < 113 && y > 120;
            const int v = head && (x / 2 + y / 2) % 2 ? 20 : 200;
            set(x, y, v, v, v);
        }
    cr_assert_eq(idphoto_measure(made_core(), &picture, &faces, NULL, &measures), IDPHOTO_OK);
    cr_expect(measures.value[IDPHOTO_BACKGROUND] < 0.01F, "%g", measures.value[IDPHOTO_BACKGROUND]);
}

static int blocks(int x)
{
    return x / 8 % 2 ? 110 : 100;
}

static int blocks_shifted(int x)
{
    return (x + 3) / 8 % 2 ? 110 : 100;
}

/* Across, the step at the grid is 10 and 0 between; down there is none, which is 1. A constant of
 * 0.05 stands beside each: (10.05 / 0.05 + 1) / 2 = 101. */
Test(core_measures, compression_sees_the_grid_wherever_it_begins)
{
    fill_columns(blocks);
    expect(IDPHOTO_COMPRESSION, 101, 0.1);
    fill_columns(blocks_shifted);
    expect(IDPHOTO_COMPRESSION, 101, 0.1);
}

/* In units of the definitions: eyes 113 px apart, T 200 px, picture 640 x 640. */
Test(core_measures, geometry_is_told_in_the_units_of_the_standard)
{
    faces.face[0].roll_deg = -7;
    faces.face[0].yaw_ratio = -0.25F;
    expect(IDPHOTO_FACES, 1, 0);
    expect(IDPHOTO_SECOND_FACE, 0, 0);
    expect(IDPHOTO_INTER_EYE_DISTANCE, 113, 1e-3);
    expect(IDPHOTO_HEAD_SIZE, 200.0 / 640, 1e-5);
    expect(IDPHOTO_LEFT_MARGIN, (320 - 56.5) / 113, 1e-4);
    expect(IDPHOTO_RIGHT_MARGIN, (320 - 56.5) / 113, 1e-4);
    expect(IDPHOTO_TOP_MARGIN, 250.0 / 200, 1e-4);
    expect(IDPHOTO_BOTTOM_MARGIN, 390.0 / 200, 1e-4);
    expect(IDPHOTO_ROLL, 7, 0);
    expect(IDPHOTO_YAW, 0.25, 0);
    cr_expect(isnan(measured(IDPHOTO_PITCH)));
    faces.face[0].yaw_deg = 60; /* cos 60 is 1/2 */
    expect(IDPHOTO_INTER_EYE_DISTANCE, 226, 0.01);
}

Test(core_measures, the_second_face_is_a_share_of_the_first)
{
    faces.count = 2;
    faces.face[0].box = (struct idphoto_box){200, 150, 200, 250};
    faces.face[1].box = (struct idphoto_box){10, 10, 50, 100};
    expect(IDPHOTO_FACES, 2, 0);
    expect(IDPHOTO_SECOND_FACE, 0.1, 1e-6);
}

static void put(int which, float x, float y)
{
    faces.face[0].landmark[which] = (struct idphoto_point){x, y};
}

/* Lids 20 and 10 px apart, lips 30: over T of 200. */
Test(core_measures, eyes_and_mouth_are_told_with_landmarks_alone)
{
    cr_expect(isnan(measured(IDPHOTO_EYES_OPEN)));
    cr_expect(isnan(measured(IDPHOTO_MOUTH_OPEN)));
    faces.face[0].has_landmarks = true;
    put(159, 260, 240);
    put(145, 260, 260);
    put(386, 380, 245);
    put(374, 380, 255);
    put(13, 320, 380);
    put(14, 320, 410);
    expect(IDPHOTO_EYES_OPEN, 0.05, 1e-5);
    expect(IDPHOTO_MOUTH_OPEN, 0.15, 1e-5);
}

Test(core_measures, a_face_outside_of_the_picture_is_measured_as_far_as_it_reaches)
{
    fill(128, 128, 128);
    for (int k = 0; k < 2; k++)
        faces.face[0].eye[k].x_px -= 320;
    faces.face[0].chin.x_px -= 320;
    expect(IDPHOTO_LUMINANCE_MEAN, 55.0 / 255, 1e-5);
    expect(IDPHOTO_LEFT_MARGIN, -0.5, 1e-4);
    for (int k = 0; k < 2; k++)
        faces.face[0].eye[k].x_px -= 2000;
    faces.face[0].chin.x_px -= 2000;
    cr_expect(isnan(measured(IDPHOTO_LUMINANCE_MEAN)));
}

Test(core_measures, no_face_leaves_what_a_face_is_needed_for_untold)
{
    faces.count = 0;
    fill(128, 128, 128);
    expect(IDPHOTO_FACES, 0, 0);
    expect(IDPHOTO_GREY, 0, 0.01);
    for (int id = IDPHOTO_SECOND_FACE; id < IDPHOTO_GREY; id++)
        cr_expect(isnan(measured((enum idphoto_measure_id)id)), "%s",
                  idphoto_measure_name((enum idphoto_measure_id)id));
}

static enum idphoto_result outcome(void)
{
    measures.value[0] = 42;
    const enum idphoto_result r = idphoto_measure(made_core(), &picture, &faces, &matte, &measures);
    cr_expect(r == IDPHOTO_OK || measures.value[0] == 42, "out was touched");
    return r;
}

Test(core_measures, impossible_arguments_are_invalid)
{
    matte.width_px--;
    cr_expect_eq(outcome(), IDPHOTO_INVALID);
    matte.width_px++;
    faces.count = IDPHOTO_FACES_MAX + 1;
    cr_expect_eq(outcome(), IDPHOTO_INVALID);
    faces.count = 1;
    const float bad[] = {NAN, INFINITY, -INFINITY, 1e30F, MIDDLE_X + 56.5F};
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        faces.face[0].eye[0].x_px = bad[k];
        cr_expect_eq(outcome(), IDPHOTO_INVALID, "%g", bad[k]);
    }
}
