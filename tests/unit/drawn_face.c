/* SPDX-License-Identifier: MIT */
#include "drawn_face.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

enum { IRIS = -25 };

/* In units of the distance between the eyes, y down, 0 at their middle; shade times the skin, or
 * a grey of its own. Drawn in this order, each on both sides where x is not 0. */
static const struct part {
    float x, y, half_width, half_height, soft;
    float shade; /* of the skin; below 0: the grey -shade */
} parts[] = {
    {0, 2.6F, 2.2F, 1.0F, .05F, -60},     /* shoulders */
    {0, 1.6F, .55F, .9F, .05F, .75F},     /* neck */
    {0, .15F, 1.28F, 1.75F, .05F, -35},   /* hair */
    {0, .45F, 1.05F, 1.45F, .08F, 1},     /* face */
    {0, -.55F, .8F, .45F, .25F, 1.08F},   /* forehead */
    {.55F, .75F, .35F, .35F, .3F, 1.1F},  /* cheeks */
    {.5F, .0F, .36F, .2F, .12F, .72F},    /* sockets */
    {.5F, -.33F, .34F, .07F, .05F, -50},  /* brows */
    {.5F, .01F, .23F, .1F, .03F, -225},   /* white of the eyes */
    {.5F, -.08F, .25F, .045F, .03F, -45}, /* lids */
    {.5F, .0F, .1F, .1F, .02F, IRIS},     /* irises */
    {.12F, .35F, .05F, .4F, .08F, .85F},  /* sides of the nose */
    {0, .3F, .08F, .4F, .08F, 1.12F},     /* its ridge */
    {0, .72F, .24F, .1F, .08F, .7F},      /* its base */
    {.1F, .7F, .05F, .04F, .03F, -60},    /* nostrils */
    {0, 1.12F, .36F, .12F, .05F, .62F},   /* lips */
    {0, 1.11F, .33F, .03F, .03F, -70},    /* between them */
    {0, 1.36F, .25F, .08F, .08F, .85F},   /* under them */
};

struct idphoto_pixels drawn_wall(int width_px, int height_px)
{
    struct idphoto_pixels p = {NULL, width_px, height_px, 3, 3 * (size_t)width_px};
    p.bytes = malloc(p.stride_bytes * (size_t)height_px);
    cr_assert(p.bytes);
    for (size_t k = 0; k < p.stride_bytes * (size_t)height_px; k++)
        p.bytes[k] = (uint8_t)(190 + k / p.stride_bytes * 30 / (size_t)height_px);
    return p;
}

/* 1 inside, 0 outside, over the width `soft` between. */
static float cover(const struct part *p, float x, float y, float side, float gaze)
{
    const float dx = (x - side * p->x - (p->shade == IRIS ? gaze : 0)) / p->half_width,
                dy = (y - p->y) / p->half_height;
    const float outside = (sqrtf(dx * dx + dy * dy) - 1) * fminf(p->half_width, p->half_height);
    return fminf(1, fmaxf(0, 0.5F - outside / p->soft));
}

static void shade(float colour[3], const struct drawn_face *f, float x, float y)
{
    for (size_t k = 0; k < sizeof parts / sizeof *parts; k++)
        for (int side = parts[k].x > 0 ? -1 : 1; side <= 1; side += 2) {
            const float a = cover(&parts[k], x, y, (float)side, f->gaze);
            for (int c = 0; c < 3; c++) {
                const float own = parts[k].shade < 0
                                      ? -parts[k].shade
                                      : fminf(255, parts[k].shade * (float)f->skin[c]);
                colour[c] += a * (own - colour[c]);
            }
        }
}

void draw_face(struct idphoto_pixels *onto, const struct drawn_face *f)
{
    const float turn = f->roll_deg * (float)M_PI / 180;
    for (int y = 0; y < onto->height_px; y++)
        for (int x = 0; x < onto->width_px; x++) {
            const float dx = ((float)x + 0.5F - f->x_px) / f->eyes_px;
            const float dy = ((float)y + 0.5F - f->y_px) / f->eyes_px;
            uint8_t *at = onto->bytes + (size_t)y * onto->stride_bytes + 3 * (size_t)x;
            float colour[3] = {at[0], at[1], at[2]};
            shade(colour, f, dx * cosf(turn) + dy * sinf(turn), dy * cosf(turn) - dx * sinf(turn));
            for (int c = 0; c < 3; c++)
                at[c] = (uint8_t)lroundf(colour[c]);
        }
}

struct idphoto_point drawn_eye(const struct drawn_face *f, int which)
{
    const float turn = f->roll_deg * (float)M_PI / 180;
    const float half = f->eyes_px * (f->gaze + (which ? 0.5F : -0.5F));
    return (struct idphoto_point){f->x_px + half * cosf(turn), f->y_px + half * sinf(turn)};
}
