/* SPDX-License-Identifier: MIT */
/* Photos of rendered portraits against what they should be: backgrounds, edges, results. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "made.h"

TestSuite(core_make, .timeout = 240);

static const uint8_t blue[3] = {67, 142, 219}, white[3] = {255, 255, 255};

static struct render_scene usual(void)
{
    return render_usual(480, 640);
}

static struct idphoto_wanted two_inches(const uint8_t colour[3])
{
    struct idphoto_wanted w = wanted_size(413, 579);
    w.geometry = (struct idphoto_geometry){.head_height = {347, 417}, .eye_y = {174, 243}};
    memcpy(w.colour, colour, sizeof w.colour);
    return w;
}

static const uint8_t *at(const struct idphoto_pixels *p, int x, int y)
{
    return p->bytes + (size_t)y * p->stride_bytes + (size_t)x * (size_t)p->channels;
}

/* ---------------------------------------------------------------- backgrounds */

/* No person within this many pixels. */
static bool is_clear_of_person(const struct idphoto_pixels *alpha, int x, int y, int reach)
{
    for (int dy = -reach; dy <= reach; dy += 2)
        for (int dx = -reach; dx <= reach; dx += 2) {
            const int px = x + dx, py = y + dy;
            if (px >= 0 && py >= 0 && px < alpha->width_px &&
                py<alpha->height_px && * at(alpha, px, py)> 0)
                return false;
        }
    return true;
}

/* Exactly so, but for a rounding of gradients and the few pixels in which a last sixtieth of
 * somebody is seen. */
static void expect_background(const struct made *m, int rounding,
                              void (*wanted)(const struct made *, int, int, uint8_t[3]))
{
    struct idphoto_pixels alpha = true_alpha(m);
    int looked_at = 0, off = 0, wrong = 0;
    for (int y = 0; y < alpha.height_px; y += 3)
        for (int x = 0; x < alpha.width_px; x += 3) {
            uint8_t colour[3];
            int most = 0;
            if (!is_clear_of_person(&alpha, x, y, 16))
                continue;
            wanted(m, x, y, colour);
            for (int c = 0; c < 3; c++)
                most = (int)fmax(most, abs(at(&m->made.photo, x, y)[c] - colour[c]));
            looked_at++;
            off += most > rounding;
            wrong += most > rounding + 4;
        }
    cr_expect(looked_at > 2000, "%d", looked_at);
    cr_expect_eq(wrong, 0, "%d of %d are of another colour", wrong, looked_at);
    cr_expect(off < looked_at / 250, "%d of %d are not quite of the colour", off, looked_at);
    free(alpha.bytes);
}

static void plain_blue(const struct made *m, int x, int y, uint8_t out[3])
{
    (void)m, (void)x, (void)y;
    memcpy(out, blue, 3);
}

Test(core_make, a_plain_background_is_exactly_the_colour_that_was_asked_for)
{
    for (int k = 0; k < 3; k++) {
        struct render_scene s = usual();
        const struct idphoto_wanted w = two_inches(blue);
        struct made m;
        s.person[0].hair = (enum render_hair)k;
        s.background = k == 1 ? RENDER_GRADIENT : RENDER_PLAIN;
        make_of(&s, &w, &m);
        cr_assert_eq(m.result, IDPHOTO_OK);
        expect_background(&m, 0, plain_blue);
        made_free(&m);
    }
}

static uint8_t between(double t, int c)
{
    return (uint8_t)lround(blue[c] + t * (white[c] - blue[c]));
}

static void downward(const struct made *m, int x, int y, uint8_t out[3])
{
    (void)x;
    for (int c = 0; c < 3; c++)
        out[c] = between((y + 0.5) / m->made.photo.height_px, c);
}

static void outward(const struct made *m, int x, int y, uint8_t out[3])
{
    const double r =
        hypot((x + 0.5) / m->made.photo.width_px - 0.5, (y + 0.5) / m->made.photo.height_px - 0.5);
    for (int c = 0; c < 3; c++)
        out[c] = between(fmin(1, r / sqrt(0.5)), c);
}

Test(core_make, gradients_run_from_the_first_colour_to_the_second)
{
    const struct render_scene s = usual();
    struct idphoto_wanted w = two_inches(blue);
    struct made m;
    memcpy(w.colour_to, white, 3);
    w.background = IDPHOTO_GRADIENT_DOWN;
    make_of(&s, &w, &m);
    cr_assert_eq(m.result, IDPHOTO_OK);
    expect_background(&m, 1, downward);
    made_free(&m);
    w.background = IDPHOTO_GRADIENT_CENTRE;
    make_of(&s, &w, &m);
    cr_assert_eq(m.result, IDPHOTO_OK);
    expect_background(&m, 1, outward);
    made_free(&m);
}

/* Mean difference of a clear photo's alpha from the true one, 0..1. */
static double off_the_alpha(const struct made *m)
{
    struct idphoto_pixels alpha = true_alpha(m);
    double off = 0;
    for (int y = 0; y < alpha.height_px; y++)
        for (int x = 0; x < alpha.width_px; x++)
            off += abs(at(&m->made.photo, x, y)[3] - *at(&alpha, x, y));
    off /= 255.0 * alpha.height_px * alpha.width_px;
    free(alpha.bytes);
    return off;
}

Test(core_make, a_clear_background_has_the_alpha_of_the_person_and_tells_no_other_colours)
{
    struct render_scene s = usual();
    struct idphoto_wanted w = two_inches(blue);
    struct made m;
    s.person[0].hair = RENDER_LONG;
    w.background = IDPHOTO_CLEAR;
    make_of(&s, &w, &m);
    cr_assert_eq(m.result, IDPHOTO_OK);
    cr_assert_eq(m.made.photo.channels, 4);
    cr_expect(off_the_alpha(&m) < 0.01, "alpha is %.4f off in the mean", off_the_alpha(&m));
    for (int y = 0; y < m.made.photo.height_px; y++)
        for (int x = 0; x < m.made.photo.width_px; x++) {
            const uint8_t *p = at(&m.made.photo, x, y);
            cr_assert(p[3] != 0 || (p[0] | p[1] | p[2]) == 0);
        }
    made_free(&m);
}

/* Pixels that are all person and of which nothing is there. */
static int missing(const struct made *m)
{
    struct idphoto_pixels alpha = true_alpha(m);
    int n = 0;
    for (int y = 0; y < alpha.height_px; y++)
        for (int x = 0; x < alpha.width_px; x++)
            n += *at(&alpha, x, y) == 255 && at(&m->made.photo, x, y)[3] == 0;
    free(alpha.bytes);
    return n;
}

/* The room that is cut out is guessed before the hair is seen. */
Test(core_make, hair_that_is_taller_than_most_is_all_there)
{
    struct render_scene s = render_usual(660, 880);
    struct made m;
    s.person[0].hair = RENDER_TALL;
    s.person[0].eyes_px = 70;
    for (int k = 0; k < 2; k++) {
        struct idphoto_wanted w = two_inches(blue);
        w.background = IDPHOTO_CLEAR;
        if (k) /* as large as heads with little hair would be */
            w.geometry = (struct idphoto_geometry){.crown_y = {60, 90}, .eye_y = {260, 300}};
        make_of(&s, &w, &m);
        cr_assert_eq(m.result, IDPHOTO_OK);
        cr_expect(missing(&m) < 20, "%d pixels are missing", missing(&m));
        made_free(&m);
    }
}

/* A camera that leans leaves corners for which there is no picture. */
Test(core_make, where_the_portrait_has_nothing_there_is_background)
{
    static const enum render_background walls[] = {RENDER_PLAIN, RENDER_BUSY};
    for (size_t k = 0; k < 2; k++) {
        struct render_scene s = usual();
        const struct idphoto_wanted w = two_inches(blue);
        struct made m;
        int beyond = 0, wrong = 0;
        s.person[0].roll_deg = s.person[0].torso_roll_deg = k ? -21 : 17;
        s.background = walls[k];
        s.person[0].eyes_px = 50;
        s.person[0].y_px = 110;
        make_of(&s, &w, &m);
        cr_assert_eq(m.result, IDPHOTO_OK);
        for (int y = 0; y < 579; y++)
            for (int x = 0; x < 413; x++) {
                const struct idphoto_point p =
                    in_portrait(&m.made, (float)x + 0.5F, (float)y + 0.5F);
                if (p.x_px < -12 || p.y_px < -12 || p.x_px > 492 || p.y_px > 652) {
                    beyond++;
                    wrong += memcmp(at(&m.made.photo, x, y), blue, 3) != 0;
                }
            }
        cr_expect(beyond > 300, "%d", beyond);
        cr_expect_eq(wrong, 0, "%d of %d are made up", wrong, beyond);
        made_free(&m);
    }
}

/* The portrait through the way that is told, and nothing else. */
static double off_the_portrait(const struct made *m)
{
    double off = 0;
    const struct idphoto_pixels *p = &m->made.photo;
    for (int y = 0; y < p->height_px; y++)
        for (int x = 0; x < p->width_px; x++) {
            const struct idphoto_point from =
                in_portrait(&m->made, (float)x + 0.5F, (float)y + 0.5F);
            for (int c = 0; c < 3; c++)
                off += fabs((double)(at(p, x, y)[c] - sample_at(&m->portrait.rgb, from, c)));
        }
    return off / (3.0 * p->height_px * p->width_px);
}

Test(core_make, a_background_that_is_kept_is_the_portrait_s_own)
{
    for (int k = 0; k < 2; k++) {
        struct render_scene s = render_usual(640, 800);
        struct idphoto_wanted w = two_inches(blue);
        struct made m;
        s.background = RENDER_GRADIENT;
        s.person[0].roll_deg = s.person[0].torso_roll_deg = k ? 7 : 0;
        w.background = IDPHOTO_KEEP;
        make_of(&s, &w, &m);
        cr_assert_eq(m.result, IDPHOTO_OK, "%s", idphoto_result_name(m.result));
        const double off = off_the_portrait(&m);
        cr_expect(off < 2, "off by %.2f in the mean", off);
        made_free(&m);
    }
}

Test(core_make, a_background_that_is_kept_must_be_there)
{
    struct render_scene s = render_usual(640, 800);
    struct idphoto_wanted w = two_inches(blue);
    struct made m;
    s.person[0].x_px = 140;
    w.background = IDPHOTO_KEEP;
    make_of(&s, &w, &m);
    if (m.result == IDPHOTO_OK) {
        /* the photo's corners lie in the portrait, but for a percent of its height */
        const struct idphoto_point low = in_portrait(&m.made, 8, 8),
                                   high = in_portrait(&m.made, 405, 571);
        cr_expect(low.x_px >= 0 && low.y_px >= 0 && high.x_px <= 640 && high.y_px <= 800);
    } else {
        cr_expect_eq(m.result, IDPHOTO_CUT_OFF);
    }
    made_free(&m);
}

/* ---------------------------------------------------------------- edges */

/* Mean distance of colours where the person is soft, in samples. */
static double fringe(const struct made *m, const struct idphoto_pixels *wanted)
{
    struct idphoto_pixels alpha = true_alpha(m);
    double off = 0;
    int n = 0;
    for (int y = 0; y < alpha.height_px; y++)
        for (int x = 0; x < alpha.width_px; x++)
            if (*at(&alpha, x, y) > 12 && *at(&alpha, x, y) < 243) {
                for (int c = 0; c < 3; c++)
                    off += abs(at(&m->made.photo, x, y)[c] - at(wanted, x, y)[c]);
                n += 3;
            }
    free(alpha.bytes);
    cr_assert(n > 1000);
    return off / n;
}

/* A wall as green as a screen, under hair of every kind: what it would leave is plain to see. */
Test(core_make, no_old_background_shines_at_the_edges)
{
    static const double bearable[RENDER_HAIRS] = {15, 15, 14, 15, 15};
    for (int hair = 0; hair < RENDER_HAIRS; hair++) {
        struct render_scene s = usual();
        const struct idphoto_wanted w = two_inches(white);
        struct made m;
        memcpy(s.colour, (const uint8_t[3]){40, 190, 60}, 3);
        s.person[0].hair = (enum render_hair)hair;
        make_of(&s, &w, &m);
        cr_assert_eq(m.result, IDPHOTO_OK);
        struct idphoto_pixels wanted = true_photo(&m, white);
        const double off = fringe(&m, &wanted), alike = similarity(&m.made.photo, &wanted);
        cr_expect(off < bearable[hair], "hair %d: colours at the edge are %.1f off", hair, off);
        cr_expect(alike > 0.975, "hair %d: similarity %.3f", hair, alike);
        free(wanted.bytes);
        made_free(&m);
    }
}

Test(core_make, the_photo_looks_like_the_true_person_before_the_new_wall)
{
    static const struct {
        enum render_background background;
        enum render_light light;
        int skin;
        double alike;
    } scenes[] = {
        {RENDER_PLAIN, RENDER_EVEN, 1, 0.975},      {RENDER_GRADIENT, RENDER_EVEN, 3, 0.975},
        {RENDER_TEXTURED, RENDER_EVEN, 4, 0.975},   {RENDER_BUSY, RENDER_EVEN, 2, 0.94},
        {RENDER_PLAIN, RENDER_FROM_LEFT, 2, 0.975}, {RENDER_PLAIN, RENDER_EVEN, 6, 0.975}};
    for (size_t k = 0; k < sizeof scenes / sizeof *scenes; k++) {
        struct render_scene s = usual();
        const struct idphoto_wanted w = two_inches(blue);
        struct made m;
        s.background = scenes[k].background;
        s.light = scenes[k].light;
        s.person[0].skin = scenes[k].skin;
        make_of(&s, &w, &m);
        cr_assert_eq(m.result, IDPHOTO_OK);
        struct idphoto_pixels wanted = true_photo(&m, blue);
        const double alike = similarity(&m.made.photo, &wanted);
        cr_expect(alike > scenes[k].alike, "scene %zu: similarity %.3f", k, alike);
        free(wanted.bytes);
        made_free(&m);
    }
}

/* ---------------------------------------------------------------- results */

static void expect_result(const struct render_scene *s, const struct idphoto_wanted *w,
                          enum idphoto_result wanted, size_t faces)
{
    struct made m;
    make_of(s, w, &m);
    cr_expect_eq(m.result, wanted, "%s instead of %s", idphoto_result_name(m.result),
                 idphoto_result_name(wanted));
    cr_expect_eq(m.made.faces.count, faces, "%zu faces", m.made.faces.count);
    cr_expect(m.made.measures.value[IDPHOTO_FACES] == (float)faces);
    cr_expect_eq(m.made.photo.bytes != NULL, wanted == IDPHOTO_OK);
    made_free(&m);
}

static struct render_scene couple(void)
{
    struct render_scene s = render_usual(720, 560);
    s.people = 2;
    s.person[0].x_px = 230;
    s.person[1] = s.person[0];
    s.person[1].x_px = 490;
    return s;
}

Test(core_make, people_are_counted)
{
    struct idphoto_wanted w = two_inches(white), marriage = wanted_size(626, 413);
    struct render_scene s = usual();
    marriage.people = 2;
    expect_result(&s, &w, IDPHOTO_OK, 1);
    expect_result(&s, &marriage, IDPHOTO_NO_FACE, 1);
    s.people = 0;
    expect_result(&s, &w, IDPHOTO_NO_FACE, 0);
    s = couple();
    expect_result(&s, &w, IDPHOTO_MANY_FACES, 2);
    expect_result(&s, &marriage, IDPHOTO_OK, 2);
}

Test(core_make, a_passer_by_far_behind_is_no_second_person)
{
    struct render_scene s = usual();
    const struct idphoto_wanted w = two_inches(white);
    s.people = 2;
    s.person[1] = s.person[0];
    s.person[0].eyes_px = 22;
    s.person[0].x_px = 60;
    s.person[0].y_px = 120;
    expect_result(&s, &w, IDPHOTO_OK, 2);
}

Test(core_make, a_head_that_leaves_the_picture_is_cut_off)
{
    const struct idphoto_wanted w = two_inches(white);
    struct render_scene s = usual();
    s.person[0].x_px = 60;
    expect_result(&s, &w, IDPHOTO_CUT_OFF, 1);
    s = usual();
    s.person[0].y_px = 120; /* the hair ends at -30 */
    expect_result(&s, &w, IDPHOTO_CUT_OFF, 1);
    s = usual();
    s.person[0].y_px = 640 - 130; /* the chin is 8 px above the edge */
    expect_result(&s, &w, IDPHOTO_CUT_OFF, 1);
}

Test(core_make, few_pixels_are_enlarged_with_a_word_and_too_few_refused)
{
    struct idphoto_wanted w = two_inches(white);
    struct render_scene s = usual();
    struct made m;
    make_of(&s, &w, &m);
    cr_expect_eq(m.result, IDPHOTO_OK);
    cr_expect(m.made.enlarged ==
              (hypotf(m.made.portrait_to_photo[0], m.made.portrait_to_photo[3]) > 1.02F));
    made_free(&m);
    s = render_usual(240, 320);
    make_of(&s, &w, &m);
    cr_expect_eq(m.result, IDPHOTO_OK);
    cr_expect(m.made.enlarged);
    made_free(&m);
    s = render_usual(960, 1280);
    make_of(&s, &w, &m);
    cr_expect_eq(m.result, IDPHOTO_OK);
    cr_expect(!m.made.enlarged);
    made_free(&m);
    s = render_usual(100, 130);
    expect_result(&s, &w, IDPHOTO_TOO_SMALL, 1);
}

/* ---------------------------------------------------------------- arguments */

static void expect_invalid(const struct idphoto_wanted *w)
{
    struct render_scene s = render_usual(120, 160);
    struct rendered r;
    struct idphoto_made made, before;
    memset(&made, 0x5a, sizeof made);
    before = made;
    render(&s, &r);
    cr_expect_eq(idphoto_make(made_core(), &r.rgb, w, &made), IDPHOTO_INVALID);
    cr_expect_eq(memcmp(&made, &before, sizeof made), 0, "out was touched");
    rendered_free(&r);
}

Test(core_make, arguments_that_make_no_sense_are_invalid)
{
    const struct idphoto_wanted good = two_inches(white);
    struct idphoto_wanted w = good;
    w.width_px = IDPHOTO_SIDE_MIN_PX - 1;
    expect_invalid(&w);
    w = good;
    w.height_px = IDPHOTO_OUTPUT_SIDE_MAX_PX + 1;
    expect_invalid(&w);
    w = good;
    w.people = 3;
    expect_invalid(&w);
    w = good;
    w.background = (enum idphoto_background)(IDPHOTO_CLEAR + 1);
    expect_invalid(&w);
    w = good;
    w.geometry.eye_y = (struct idphoto_band){200, 100};
    expect_invalid(&w);
    w = good;
    w.geometry.crown_y = (struct idphoto_band){NAN, 100};
    expect_invalid(&w);
    w = good;
    w.geometry.centre_px = -1;
    expect_invalid(&w);
}

Test(core_make, edits_out_of_their_range_are_invalid)
{
    const struct idphoto_wanted good = two_inches(white);
    const float beyond[] = {-20.1F, 20.1F, -50.1F, 50.1F, -50.1F, 50.1F,
                            -0.1F,  5.1F,  -0.1F,  10.1F, -0.1F,  10.1F};
    for (size_t k = 0; k < sizeof beyond / sizeof *beyond; k++) {
        struct idphoto_wanted w = good;
        float *const field[] = {&w.edit.brightness, &w.edit.contrast,  &w.edit.saturation,
                                &w.edit.sharpness,  &w.edit.whitening, &w.edit.smoothing};
        *field[k / 2] = beyond[k];
        expect_invalid(&w);
        *field[k / 2] = NAN;
        expect_invalid(&w);
    }
}

static bool count_down(void *left)
{
    return (*(int *)left)-- == 0;
}

Test(core_make, it_can_be_cancelled_between_any_two_stages)
{
    const struct render_scene s = usual();
    struct rendered r;
    struct idphoto_made made, before;
    struct idphoto_wanted w = two_inches(white);
    int asked = 0;
    render(&s, &r);
    w.cancelled = count_down;
    w.cancelled_with = &asked;
    w.edit.brightness = 5;
    for (int after = 0; after < 40; after++) {
        memset(&made, 0x5a, sizeof made);
        before = made;
        asked = after;
        const enum idphoto_result result = idphoto_make(made_core(), &r.rgb, &w, &made);
        if (result == IDPHOTO_OK) {
            cr_expect(after >= 5, "asked only %d times", after);
            idphoto_made_free(&made);
            break;
        }
        cr_expect_eq(result, IDPHOTO_CANCELLED);
        cr_expect_eq(memcmp(&made, &before, sizeof made), 0, "out was touched");
    }
    rendered_free(&r);
}

Test(core_make, each_stage_tells_its_time)
{
    const struct render_scene s = usual();
    struct idphoto_wanted w = two_inches(white);
    struct made m;
    w.edit.smoothing = 5;
    make_of(&s, &w, &m);
    cr_assert_eq(m.result, IDPHOTO_OK);
    for (int k = 0; k < IDPHOTO_STAGES; k++)
        cr_expect(m.made.stage_cpu_ns[k] > 10000 && m.made.stage_cpu_ns[k] < 5000000000, "%s %lld",
                  idphoto_stage_name((enum idphoto_stage)k), (long long)m.made.stage_cpu_ns[k]);
    made_free(&m);
}
