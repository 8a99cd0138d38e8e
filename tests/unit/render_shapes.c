/* SPDX-License-Identifier: MIT */
#include "render_shapes.h"

#include <math.h>

/* ---------------------------------------------------------------- chance */

static uint32_t mix(uint64_t v)
{
    v = (v ^ (v >> 30)) * 0xbf58476d1ce4e5b9ULL;
    v = (v ^ (v >> 27)) * 0x94d049bb133111ebULL;
    return (uint32_t)((v ^ (v >> 31)) >> 32);
}

float render_chance(uint64_t *state)
{
    return (float)(mix(*state += 0x9e3779b97f4a7c15ULL) >> 8) / 16777216;
}

float render_between(uint64_t *state, float least, float most)
{
    return least + (most - least) * render_chance(state);
}

float render_waves(uint64_t seed, float x, float y)
{
    const float fx = floorf(x), fy = floorf(y), u = x - fx, v = y - fy;
    float corner[4];
    for (int k = 0; k < 4; k++)
        corner[k] = (float)mix(seed + 0x9e3779b9ULL * (uint64_t)(int64_t)(fx + (float)(k & 1)) +
                               0x85ebca6b1ULL * (uint64_t)(int64_t)(fy + (float)(k >> 1))) /
                        2147483648.0F -
                    1;
    const float s = u * u * (3 - 2 * u), t = v * v * (3 - 2 * v);
    const float above = corner[0] + s * (corner[1] - corner[0]);
    const float below = corner[2] + s * (corner[3] - corner[2]);
    return above + t * (below - above);
}

/* ---------------------------------------------------------------- shapes */

float shape_ellipse(float x, float y, float half_width, float half_height)
{
    return hypotf(x / half_width, y / half_height) - 1;
}

float shape_skull(float x, float y)
{
    if (y < 0)
        return shape_ellipse(x, y, 1.17F, 1.75F);
    return powf(powf(fabsf(x) / 1.17F, 2.3F) + powf(y / 1.8F, 2.3F), 1 / 2.3F) - 1;
}

float shape_ears(float x, float y)
{
    return shape_ellipse(fabsf(x) - 1.17F, y - 0.28F, 0.12F, 0.33F);
}

float shape_neck(float x, float y)
{
    const float half = 0.62F + 0.25F * fmaxf(0, y - 1.9F) * fmaxf(0, y - 1.9F);
    return fmaxf(fabsf(x) - half, fmaxf(1.25F - y, y - 3.2F));
}

float shape_torso(float x, float y)
{
    if (y > 5)
        return (fabsf(x) - 2.9F) / 2.9F;
    return powf(powf(fabsf(x) / 2.9F, 2.6F) + powf((5 - y) / 2.9F, 2.6F), 1 / 2.6F) - 1;
}

float shape_neckline(float x, float y)
{
    return shape_ellipse(x, y - 2.0F, 0.68F, 0.55F);
}

float shape_lapels(float x, float y)
{
    return fmaxf(2 * fabsf(x) - (5.2F - y) * 0.62F, 2.1F - y);
}

float shape_tie(float x, float y)
{
    return fmaxf(fabsf(x) - 0.12F - 0.04F * (y - 2.6F), 2.5F - y);
}

/* The part of the head that no hair covers. */
static float face_window(float x, float y)
{
    return shape_ellipse(x, y - 0.55F, 1.1F, 1.65F);
}

static float cap(float x, float y, float half_width, float top, float bottom)
{
    const float around = y < 0 ? shape_ellipse(x, y, half_width, top) : fabsf(x) / half_width - 1;
    return fmaxf(fmaxf(around, -face_window(x, y)), y - bottom);
}

static float short_hair(float x, float y)
{
    return cap(x, y, 1.24F, 1.95F, 0.2F);
}

static float long_hair(float x, float y)
{
    return cap(x, y, 1.38F, 2.0F, 1.2F);
}

/* Behind the face, before the clothes. */
static float long_hair_behind(float x, float y)
{
    const float half = 1.38F + 0.12F * fmaxf(0, y);
    return fmaxf(y < 0 ? shape_ellipse(x, y, 1.38F, 2.0F) : fabsf(x) / half - 1, y - 3.4F);
}

static float curly_hair(float x, float y)
{
    const float angle = atan2f(y + 0.45F, x);
    const float edge = 1 + 0.025F * sinf(17 * angle) + 0.02F * sinf(29 * angle + 1);
    return fmaxf(shape_ellipse(x, y + 0.45F, 1.62F * edge, 1.75F * edge), -face_window(x, y));
}

static float curly_hair_behind(float x, float y)
{
    return shape_ellipse(x, y + 0.25F, 1.55F, 1.7F);
}

static float tall_hair(float x, float y)
{
    const float around =
        y < -0.6F ? powf(powf(fabsf(x) / 1.24F, 3) + powf((-y - 0.6F) / 2.0F, 3), 1 / 3.0F) - 1
                  : fabsf(x) / 1.24F - 1;
    return fmaxf(fmaxf(around, -face_window(x, y)), y - 0.2F);
}

const struct shape_hair shape_hairs[RENDER_HAIRS] = {
    [RENDER_SHORT] = {short_hair, NULL, 160, 0.10F, 0.5F},
    [RENDER_LONG] = {long_hair, long_hair_behind, 160, 0.35F, 1},
    [RENDER_BALD] = {NULL, NULL, 0, 0, 0},
    [RENDER_CURLY] = {curly_hair, curly_hair_behind, 700, 0.4F, 5},
    [RENDER_TALL] = {tall_hair, NULL, 220, 0.14F, 0.8F},
};

float shape_outline(const struct render_person *p, float x, float y)
{
    const struct shape_hair *h = &shape_hairs[p->hair];
    float in = fminf(shape_skull(x, y), shape_ears(x, y));
    if (h->before)
        in = fminf(in, h->before(x, y));
    if (h->behind)
        in = fminf(in, h->behind(x, y));
    return in;
}
