/* SPDX-License-Identifier: MIT */
/* The renderer of the other tests: it is to be believed, and detectors are to see its faces. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "made.h"

TestSuite(render_portrait, .timeout = 120);

static void expect_found(const struct render_scene *s, const char *what, int which)
{
    static struct idphoto_faces found;
    struct rendered r;
    render(s, &r);
    cr_expect_eq(idphoto_find_faces(made_core(), &r.rgb, &found), IDPHOTO_OK);
    cr_expect_eq(found.count, 1, "%s %d: %zu faces", what, which, found.count);
    for (int k = 0; k < 2 && found.count == 1; k++) {
        const float off = hypotf(found.face[0].eye[k].x_px - r.truth[0].pupil[k].x_px,
                                 found.face[0].eye[k].y_px - r.truth[0].pupil[k].y_px);
        cr_expect(off < 0.05F * s->person[0].eyes_px, "%s %d: eye %d is %g px off", what, which, k,
                  (double)off);
    }
    rendered_free(&r);
}

Test(render_portrait, its_faces_are_found_in_every_skin_hair_light_and_place)
{
    for (int k = 1; k <= RENDER_SKINS; k++) {
        struct render_scene s = render_usual(480, 640);
        s.person[0].skin = k;
        expect_found(&s, "skin", k);
    }
    for (int k = 0; k < RENDER_HAIRS; k++) {
        struct render_scene s = render_usual(480, 640);
        s.person[0].hair = (enum render_hair)k;
        expect_found(&s, "hair", k);
    }
    for (int k = 0; k < 4; k++) {
        struct render_scene s = render_usual(480, 640);
        s.light = (enum render_light)k;
        expect_found(&s, "light", k);
        s = render_usual(480, 640);
        s.background = (enum render_background)k;
        expect_found(&s, "background", k);
    }
    for (int roll = -30; roll <= 30; roll += 15) {
        struct render_scene s = render_usual(480, 640);
        s.person[0].roll_deg = s.person[0].torso_roll_deg = (float)roll;
        expect_found(&s, "roll", roll);
    }
}

Test(render_portrait, the_picture_is_the_person_over_the_wall)
{
    struct render_scene s = render_usual(300, 400);
    struct rendered r;
    s.noise = 0;
    s.person[0].hair = RENDER_CURLY;
    render(&s, &r);
    int soft = 0;
    for (size_t k = 0; k < 300 * 400; k++) {
        const int a = r.alpha.bytes[k];
        soft += a > 0 && a < 255;
        for (size_t c = 0; c < 3; c++)
            cr_assert(abs((a * r.front.bytes[3 * k + c] + (255 - a) * s.colour[c]) / 255 -
                          r.rgb.bytes[3 * k + c]) <= 2);
    }
    cr_expect(soft > 3000, "%d soft pixels", soft);
    rendered_free(&r);
}

Test(render_portrait, the_same_scene_is_the_same_picture)
{
    const struct render_scene s = render_usual(120, 160);
    struct rendered a, b;
    render(&s, &a);
    render(&s, &b);
    cr_expect_eq(memcmp(a.rgb.bytes, b.rgb.bytes, 3 * 120 * 160), 0);
    rendered_free(&a);
    rendered_free(&b);
}
