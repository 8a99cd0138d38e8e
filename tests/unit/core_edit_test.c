/* SPDX-License-Identifier: MIT */
/* Edits: nothing of them when they are 0, more of them when more is asked for, on the person alone,
 * and skin without the features. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "made.h"

TestSuite(core_edit, .timeout = 240);

static const uint8_t blue[3] = {67, 142, 219};

static struct rendered portrait;

static void with_skin(int skin)
{
    struct render_scene s = render_usual(480, 640);
    s.person[0].skin = skin;
    render(&s, &portrait);
}

static struct idphoto_made edited(struct idphoto_edit e, enum idphoto_background background)
{
    struct idphoto_wanted w = wanted_size(295, 413);
    struct idphoto_made m;
    memcpy(w.colour, blue, 3);
    w.background = background;
    w.edit = e;
    cr_assert_eq(idphoto_make(made_core(), &portrait.rgb, &w, &m), IDPHOTO_OK);
    return m;
}

/* ---------------------------------------------------------------- regions */

/* In distances of the pupils about their middle, of the face that stands upright. */
struct region {
    float left, top, right, bottom;
};
static const struct region forehead = {-.4F, -.85F, .4F, -.5F},
                           left_eye = {-.85F, -.2F, -.15F, .2F}, brows = {-.9F, -.5F, .9F, -.24F},
                           mouth = {-.5F, .95F, .5F, 1.3F}, cheek = {.45F, .5F, .85F, .9F},
                           hair = {-.5F, -1.75F, .5F, -1.3F}, suit = {1.2F, 3.2F, 1.9F, 3.7F},
                           face = {-.8F, -.8F, .8F, 1.4F};

struct figures {
    double mean, variance, gradient, chroma; /* gradient: energy between neighbours */
};

static struct figures figures_of(const struct idphoto_made *m, const struct region *r)
{
    const struct idphoto_point a = in_photo(m, portrait.truth[0].pupil[0]),
                               b = in_photo(m, portrait.truth[0].pupil[1]);
    const float d = b.x_px - a.x_px, mx = (a.x_px + b.x_px) / 2, my = (a.y_px + b.y_px) / 2;
    struct figures f = {0};
    double sum = 0, squares = 0;
    int n = 0;
    const int bottom = MIN((int)(my + r->bottom * d), m->photo.height_px - 1),
              right_end = MIN((int)(mx + r->right * d), m->photo.width_px - 1);
    for (int y = (int)(my + r->top * d); y < bottom; y++)
        for (int x = (int)(mx + r->left * d); x < right_end; x++, n++) {
            const double v = (double)luma_at(&m->photo, x, y);
            const uint8_t *p = m->photo.bytes + (size_t)y * m->photo.stride_bytes +
                               (size_t)(x * m->photo.channels);
            const double right = (double)luma_at(&m->photo, x + 1, y) - v,
                         down = (double)luma_at(&m->photo, x, y + 1) - v;
            sum += v;
            squares += v * v;
            f.gradient += right * right + down * down;
            f.chroma += hypot(p[0] - v, p[2] - v);
        }
    cr_assert(n > 20);
    f.mean = sum / n;
    f.variance = squares / n - f.mean * f.mean;
    f.gradient /= n;
    f.chroma /= n;
    return f;
}

static struct figures after(struct idphoto_edit e, const struct region *r)
{
    struct idphoto_made m = edited(e, IDPHOTO_PLAIN);
    const struct figures f = figures_of(&m, r);
    idphoto_made_free(&m);
    return f;
}

/* ---------------------------------------------------------------- tests */

Test(core_edit, nothing_asked_for_leaves_every_byte)
{
    with_skin(2);
    struct idphoto_made m = edited((struct idphoto_edit){0}, IDPHOTO_PLAIN),
                        least = edited((struct idphoto_edit){.brightness = 1e-6F}, IDPHOTO_PLAIN);
    const size_t n = m.photo.stride_bytes * (size_t)m.photo.height_px;
    cr_expect_eq(memcmp(m.photo.bytes, least.photo.bytes, n), 0,
                 "hardly anything is not the same as nothing");
    idphoto_made_free(&m);
    idphoto_made_free(&least);
    rendered_free(&portrait);
}

/* The median of the brows' row tells nothing; the whole face does. */
static void expect_rising(const char *what, const double *v, size_t n)
{
    for (size_t k = 1; k < n; k++)
        cr_expect(v[k] > v[k - 1] * 1.001, "%s: %g is followed by %g", what, v[k - 1], v[k]);
}

Test(core_edit, more_is_more)
{
    static const float two_ways[] = {-1, -.4F, 0, .4F, 1}, one_way[] = {0, .3F, .6F, 1};
    double brightness[5], contrast[5], saturation[5], sharpness[4], whitening[4], rough[4];
    with_skin(3);
    for (int k = 0; k < 5; k++) {
        const float v = two_ways[k];
        brightness[k] = after((struct idphoto_edit){.brightness = 20 * v}, &face).mean;
        contrast[k] = after((struct idphoto_edit){.contrast = 50 * v}, &face).variance;
        saturation[k] = after((struct idphoto_edit){.saturation = 50 * v}, &cheek).chroma;
    }
    for (int k = 0; k < 4; k++) {
        const float v = one_way[k];
        sharpness[k] = after((struct idphoto_edit){.sharpness = 5 * v}, &face).gradient;
        whitening[k] = after((struct idphoto_edit){.whitening = 10 * v}, &cheek).mean;
        rough[3 - k] = after((struct idphoto_edit){.smoothing = 10 * v}, &forehead).gradient;
    }
    expect_rising("brightness", brightness, 5);
    expect_rising("contrast", contrast, 5);
    expect_rising("saturation", saturation, 5);
    expect_rising("sharpness", sharpness, 4);
    expect_rising("whitening", whitening, 4);
    expect_rising("roughness without smoothing", rough, 4);
    /* mild: the documented ends, not more */
    cr_expect(fabs(brightness[4] - brightness[2] - 20) < 2);
    cr_expect(fabs(saturation[4] / saturation[2] - 1.5) < 0.1);
    cr_expect(whitening[3] - whitening[0] < 50);
    rendered_free(&portrait);
}

Test(core_edit, smoothing_evens_skin_of_every_tone_and_keeps_eyes_brows_mouth_and_hair)
{
    static const struct {
        const char *name;
        const struct region *region;
    } kept[] = {{"eye", &left_eye}, {"brows", &brows}, {"mouth", &mouth}, {"hair", &hair}};
    for (int skin = 1; skin <= RENDER_SKINS; skin++) {
        with_skin(skin);
        struct idphoto_made before = edited((struct idphoto_edit){0}, IDPHOTO_PLAIN),
                            even = edited((struct idphoto_edit){.smoothing = 10}, IDPHOTO_PLAIN);
        for (size_t k = 0; k < sizeof kept / sizeof *kept; k++) {
            const struct figures was = figures_of(&before, kept[k].region),
                                 is = figures_of(&even, kept[k].region);
            cr_expect(is.variance > 0.93 * was.variance, "skin %d: %s keeps %.2f of its contrast",
                      skin, kept[k].name, is.variance / was.variance);
            cr_expect(k > 0 || is.gradient > 0.93 * was.gradient,
                      "skin %d: the eye keeps %.2f of its edges", skin, is.gradient / was.gradient);
        }
        const double skin_share =
            figures_of(&even, &forehead).gradient / figures_of(&before, &forehead).gradient;
        cr_expect(skin_share < 0.5, "skin %d: %.2f of its roughness is left", skin, skin_share);
        cr_expect(fabs(figures_of(&even, &forehead).mean - figures_of(&before, &forehead).mean) <
                  1.5);
        idphoto_made_free(&before);
        idphoto_made_free(&even);
        rendered_free(&portrait);
    }
}

Test(core_edit, whitening_lifts_skin_of_every_tone_and_nothing_else)
{
    for (int skin = 1; skin <= RENDER_SKINS; skin++) {
        with_skin(skin);
        struct idphoto_made before = edited((struct idphoto_edit){0}, IDPHOTO_PLAIN),
                            pale = edited((struct idphoto_edit){.whitening = 10}, IDPHOTO_PLAIN);
        cr_expect(figures_of(&pale, &cheek).mean > figures_of(&before, &cheek).mean + 6, "skin %d",
                  skin);
        for (int k = 0; k < 2; k++) {
            const struct region *r = k ? &hair : &suit;
            const double lifted = figures_of(&pale, r).mean - figures_of(&before, r).mean;
            /* hair that shines has the colour of the darkest skin */
            cr_expect(fabs(lifted) < (skin == 6 ? 4 : 2), "skin %d: %s is lifted by %.1f", skin,
                      k ? "hair" : "suit", lifted);
        }
        idphoto_made_free(&before);
        idphoto_made_free(&pale);
        rendered_free(&portrait);
    }
}

static const struct idphoto_edit everything = {.brightness = 15,
                                               .contrast = 30,
                                               .saturation = -40,
                                               .sharpness = 4,
                                               .whitening = 8,
                                               .smoothing = 8};

/* Alpha and what is transparent are the same; so is what is kept behind. */
Test(core_edit, the_person_alone_is_edited)
{
    with_skin(2);
    struct idphoto_made before = edited((struct idphoto_edit){0}, IDPHOTO_CLEAR),
                        clear = edited(everything, IDPHOTO_CLEAR),
                        kept = edited((struct idphoto_edit){0}, IDPHOTO_KEEP),
                        kept_edited = edited(everything, IDPHOTO_KEEP);
    int changed = 0;
    for (size_t k = 0; k < 295 * 413; k++) {
        const uint8_t a = before.photo.bytes[4 * k + 3];
        cr_assert_eq(a, clear.photo.bytes[4 * k + 3]);
        const bool same = memcmp(kept.photo.bytes + 3 * k, kept_edited.photo.bytes + 3 * k, 3) == 0;
        changed += !same;
        cr_assert(a != 0 || same, "the wall is edited");
    }
    cr_expect(changed > 295 * 413 / 4);
    idphoto_made_free(&before);
    idphoto_made_free(&clear);
    idphoto_made_free(&kept);
    idphoto_made_free(&kept_edited);
    rendered_free(&portrait);
}

/* The old wall is white, the new one dark: sharpening must not leave a line of either. */
Test(core_edit, sharpening_draws_no_line_of_the_old_background)
{
    struct render_scene s = render_usual(480, 640);
    memcpy(s.colour, (const uint8_t[3]){250, 250, 250}, 3);
    s.person[0].hair = RENDER_BALD;
    render(&s, &portrait);
    struct idphoto_wanted w = wanted_size(295, 413);
    struct idphoto_made m[2];
    memcpy(w.colour, (const uint8_t[3]){40, 40, 40}, 3);
    for (int k = 0; k < 2; k++) {
        w.edit.sharpness = k ? 5 : 0;
        cr_assert_eq(idphoto_make(made_core(), &portrait.rgb, &w, &m[k]), IDPHOTO_OK);
    }
    int darker = 0, n = 0;
    for (int y = 100; y < 200; y++)
        for (int x = 1; x < 294; x++) {
            const float was = luma_at(&m[0].photo, x, y), is = luma_at(&m[1].photo, x, y);
            n += was > 60;
            darker += was > 60 && is < was - 40;
        }
    cr_expect(darker < n / 100, "%d of %d", darker, n);
    idphoto_made_free(&m[0]);
    idphoto_made_free(&m[1]);
    rendered_free(&portrait);
}
