/* SPDX-License-Identifier: MIT */
#include "render_portrait.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "render_shapes.h"

/* ---------------------------------------------------------------- canvas */

/* Premultiplied RGBA, 0..255 and 0..1. */
struct canvas {
    int width, height;
    float (*at)[4];
};

/* From pixels to the units of a head or a body. */
struct place {
    float x_px, y_px, unit_px, cosine, sine, down; /* down: of the origin, in units */
};

static struct place place_of(const struct render_person *p, bool body)
{
    const float head = p->roll_deg * (float)M_PI / 180;
    const float turn = (body ? p->torso_roll_deg : p->roll_deg) * (float)M_PI / 180;
    const float about = body ? 2.0F : 0; /* the body turns about the neck */
    return (struct place){p->x_px - about * p->eyes_px * sinf(head),
                          p->y_px + about * p->eyes_px * cosf(head),
                          p->eyes_px,
                          cosf(turn),
                          sinf(turn),
                          about};
}

static void to_units(const struct place *p, float x_px, float y_px, float *x, float *y)
{
    const float dx = (x_px - p->x_px) / p->unit_px, dy = (y_px - p->y_px) / p->unit_px;
    *x = dx * p->cosine + dy * p->sine;
    *y = dy * p->cosine - dx * p->sine + p->down;
}

static struct idphoto_point to_px(const struct place *p, float x, float y)
{
    const float dx = x * p->unit_px, dy = (y - p->down) * p->unit_px;
    return (struct idphoto_point){p->x_px + dx * p->cosine - dy * p->sine,
                                  p->y_px + dx * p->sine + dy * p->cosine};
}

struct brush {
    const struct render_scene *scene;
    const struct render_person *person;
    struct place place;
    struct canvas canvas;
    bool inside; /* paints what is there already, and covers nothing new */
};

static void dab(const struct brush *b, int x, int y, float a, const float colour[3])
{
    float *p = b->canvas.at[(size_t)y * (size_t)b->canvas.width + (size_t)x];
    const float covered = b->inside ? p[3] : 1;
    for (int c = 0; c < 3; c++)
        p[c] += a * (covered * colour[c] - p[c]);
    p[3] += a * (covered - p[3]);
}

struct range {
    int least_x, most_x, least_y, most_y; /* most: one beyond */
};

static struct range range_of(const struct brush *b, const float box[4])
{
    float least[2] = {INFINITY, INFINITY}, most[2] = {-INFINITY, -INFINITY};
    for (int k = 0; k < 4; k++) {
        const struct idphoto_point p = to_px(&b->place, box[k & 1 ? 2 : 0], box[k & 2 ? 3 : 1]);
        least[0] = fminf(least[0], p.x_px);
        most[0] = fmaxf(most[0], p.x_px);
        least[1] = fminf(least[1], p.y_px);
        most[1] = fmaxf(most[1], p.y_px);
    }
    const float w = (float)b->canvas.width, h = (float)b->canvas.height;
    return (struct range){(int)fmaxf(0, least[0] - 2), (int)fminf(w, most[0] + 2),
                          (int)fmaxf(0, least[1] - 2), (int)fminf(h, most[1] + 2)};
}

/* ---------------------------------------------------------------- light and skin */

static const struct {
    float toward[3], ambient, direct, gain;
} lights[] = {
    [RENDER_EVEN] = {{0, -.3F, .95F}, .66F, .34F, 1},
    [RENDER_FROM_LEFT] = {{-.84F, -.15F, .52F}, .25F, .8F, 1},
    [RENDER_DARK] = {{0, -.3F, .95F}, .66F, .34F, .27F},
    [RENDER_OVEREXPOSED] = {{0, -.3F, .95F}, .66F, .34F, 1.6F},
};

static const float skins[RENDER_SKINS][3] = {
    {246, 215, 196}, {231, 190, 160}, {210, 161, 124}, {176, 126, 89}, {129, 86, 58}, {84, 55, 41},
};

typedef void colour_fn(const struct brush *b, float x, float y, float out[3]);

/* As on an egg that bulges toward us. */
static float light_at(const struct brush *b, float x, float y)
{
    const float nx = x / 1.45F, ny = (y - 0.1F) / 2.2F;
    const float nz = sqrtf(fmaxf(0.05F, 1 - nx * nx - ny * ny));
    const float *l = lights[b->scene->light].toward;
    const float facing = (nx * l[0] + ny * l[1] + nz * l[2]) / sqrtf(nx * nx + ny * ny + nz * nz);
    return lights[b->scene->light].ambient + lights[b->scene->light].direct * fmaxf(0, facing);
}

static void skin_colour(const struct brush *b, float x, float y, float out[3])
{
    const float grain = 1 + 0.018F * render_waves(b->scene->seed, 22 * x, 22 * y) +
                        0.012F * render_waves(b->scene->seed + 1, 9 * x, 9 * y);
    const float shade = grain * light_at(b, x, y) * 1.04F;
    for (int c = 0; c < 3; c++)
        out[c] = shade * skins[b->person->skin - 1][c];
}

static void neck_colour(const struct brush *b, float x, float y, float out[3])
{
    skin_colour(b, x, y * 0.5F, out);
    for (int c = 0; c < 3; c++)
        out[c] *= 0.72F + 0.1F * fminf(1, fmaxf(0, y - 1.9F));
}

static void hair_colour(const struct brush *b, float x, float y, float out[3])
{
    const float sheen = 1 + 0.16F * render_waves(b->scene->seed + 2, 14 * x, 2.5F * y) +
                        0.25F * expf(-8 * (y + 1.4F) * (y + 1.4F));
    for (int c = 0; c < 3; c++)
        out[c] = sheen * light_at(b, x * 0.8F, y * 0.8F) * (float)b->person->hair_colour[c];
}

static void cloth_colour(const struct brush *b, float x, float y, float out[3])
{
    const float fold = 1 + 0.07F * render_waves(b->scene->seed + 3, 1.5F * x, 0.7F * y);
    const float *l = lights[b->scene->light].toward;
    for (int c = 0; c < 3; c++)
        out[c] = fold * (1 + 0.1F * l[0] * x) * (float)b->person->clothes_colour[c];
}

static void linen_colour(const struct brush *b, float x, float y, float out[3])
{
    (void)b;
    for (int c = 0; c < 3; c++)
        out[c] = 236 - 12 * fabsf(x) - 4 * y;
}

static void tie_colour(const struct brush *b, float x, float y, float out[3])
{
    (void)b;
    const float stripe = sinf(14 * (x + y)) > 0.6F ? 1.3F : 1;
    out[0] = 120 * stripe;
    out[1] = out[2] = 34 * stripe;
}

/* ---------------------------------------------------------------- drawing */

static void fill(const struct brush *b, shape_fn *shape, colour_fn *colour, const float box[4])
{
    const struct range r = range_of(b, box);
    const float step = 0.5F / b->place.unit_px;
    for (int py = r.least_y; py < r.most_y; py++)
        for (int px = r.least_x; px < r.most_x; px++) {
            float x, y, out[3];
            to_units(&b->place, (float)px + 0.5F, (float)py + 0.5F, &x, &y);
            const float v = shape(x, y);
            if (v > 8 * step * 2)
                continue;
            const float slope = hypotf(shape(x + step, y) - shape(x - step, y),
                                       shape(x, y + step) - shape(x, y - step));
            const float a = fminf(1, fmaxf(0, 0.5F - v / fmaxf(slope, 1e-6F)));
            if (a <= 0)
                continue;
            colour(b, x, y, out);
            dab(b, px, py, a, out);
        }
}

/* What a face has on it; shade: of the skin, below 0 a grey of its own. Softness in units. Drawn on
 * both sides where x is not 0. */
struct feature {
    float x, y, half_width, half_height, soft, shade, red;
};

static const struct feature white[] = {{.5F, .01F, .24F, .105F, .03F, -222, 0}};
static const struct feature iris[] = {{.5F, .0F, .105F, .105F, .02F, -58, 8},
                                      {.5F, .0F, .05F, .05F, .02F, -12, 0}}; /* pupil */
static const struct feature lids[] = {{.5F, -.095F, .26F, .04F, .03F, -40, 0},
                                      {.5F, .115F, .2F, .018F, .03F, .7F, 0}};
static const struct feature closed_eye[] = {{.5F, .0F, .25F, .13F, .06F, .93F, 0},
                                            {.5F, .1F, .25F, .022F, .03F, -45, 0}};
static const struct feature features[] = {
    {0, -.75F, .75F, .4F, .35F, 1.05F, 0},   /* forehead */
    {.58F, .72F, .34F, .3F, .3F, 1.06F, 10}, /* cheeks */
    {.5F, -.03F, .36F, .22F, .14F, .76F, 0}, /* sockets */
    {.52F, -.36F, .33F, .06F, .05F, -52, 6}, /* brows */
    {.14F, .3F, .06F, .42F, .1F, .86F, 0},   /* sides of the nose */
    {0, .3F, .075F, .42F, .08F, 1.1F, 0},    /* ridge */
    {0, .74F, .24F, .1F, .1F, .76F, 0},      /* base */
    {.1F, .72F, .055F, .04F, .03F, -56, 8},  /* nostrils */
    {.48F, .95F, .05F, .26F, .1F, .9F, 0},   /* folds beside the mouth */
    {0, 1.13F, .37F, .13F, .05F, .72F, 26},  /* lips */
    {0, 1.12F, .34F, .025F, .03F, -64, 12},  /* between them */
    {0, 1.38F, .25F, .07F, .08F, .86F, 0},   /* under them */
};

static void feature_at(const struct brush *b, const struct feature *f, float middle)
{
    const float room = f->soft;
    const float box[4] = {middle - f->half_width - room, f->y - f->half_height - room,
                          middle + f->half_width + room, f->y + f->half_height + room};
    const struct range r = range_of(b, box);
    const float soft = fmaxf(f->soft, 1 / b->place.unit_px);
    for (int py = r.least_y; py < r.most_y; py++)
        for (int px = r.least_x; px < r.most_x; px++) {
            float x, y, out[3];
            to_units(&b->place, (float)px + 0.5F, (float)py + 0.5F, &x, &y);
            const float d = shape_ellipse(x - middle, y - f->y, f->half_width, f->half_height) *
                            fminf(f->half_width, f->half_height);
            const float a = fminf(1, fmaxf(0, 0.5F - d / soft));
            if (a <= 0)
                continue;
            skin_colour(b, x, y, out);
            const float light = light_at(b, x, y);
            for (int c = 0; c < 3; c++)
                out[c] = f->shade < 0 ? -f->shade * light : f->shade * out[c];
            out[0] += f->red * out[0] / 200;
            dab(b, px, py, a, out);
        }
}

static void draw_features(const struct brush *b, const struct feature *f, size_t n, float aside)
{
    for (size_t k = 0; k < n; k++) {
        feature_at(b, &f[k], aside + f[k].x);
        if (f[k].x > 0)
            feature_at(b, &f[k], aside - f[k].x);
    }
}

static void draw_eyes(const struct brush *b)
{
    if (b->person->eyes_closed) {
        draw_features(b, closed_eye, sizeof closed_eye / sizeof *closed_eye, 0);
        return;
    }
    draw_features(b, white, 1, 0);
    draw_features(b, iris, sizeof iris / sizeof *iris, b->person->gaze);
    draw_features(b, lids, sizeof lids / sizeof *lids, 0);
}

/* One hair: a chain of soft dabs, thinner than a pixel at common sizes. */
static void draw_strand(const struct brush *b, uint64_t *state, float x, float y, float angle)
{
    enum { STEPS = 24 };
    const struct shape_hair *h = &shape_hairs[b->person->hair];
    const float length = render_between(state, 0.3F, 1) * h->length,
                curl = render_between(state, -h->curl, h->curl);
    const float half_px = fmaxf(0.12F, 0.006F * b->place.unit_px), step = length / STEPS;
    float colour[3];
    hair_colour(b, x, y, colour);
    for (int k = 0; k < STEPS; k++) {
        const struct idphoto_point p = to_px(&b->place, x, y);
        const float step_px = step * b->place.unit_px;
        for (int py = (int)floorf(p.y_px - 1.5F); py <= (int)(p.y_px + 1.5F); py++)
            for (int px = (int)floorf(p.x_px - 1.5F); px <= (int)(p.x_px + 1.5F); px++) {
                if (px < 0 || py < 0 || px >= b->canvas.width || py >= b->canvas.height)
                    continue;
                const float d = hypotf((float)px + 0.5F - p.x_px, (float)py + 0.5F - p.y_px);
                const float a =
                    fmaxf(0, 1 - d / (0.7F + half_px)) * fminf(1, 1.6F * half_px * step_px);
                dab(b, px, py, a, colour);
            }
        angle += curl / STEPS;
        x += step * cosf(angle);
        y += step * sinf(angle);
    }
}

/* From the edge outward, above the neck. */
static void draw_strands(const struct brush *b)
{
    uint64_t state = b->scene->seed ^ 0x5eedULL;
    const struct shape_hair *h = &shape_hairs[b->person->hair];
    for (int k = 0; k < h->strands; k++) {
        const float least = b->person->hair == RENDER_LONG ? -3.9F : -3.3F;
        float angle = render_between(&state, least, -(float)M_PI - least), r = 0.9F;
        while (r < 3.2F && shape_outline(b->person, r * cosf(angle), r * sinf(angle)) < 0)
            r += 0.01F;
        r -= 0.03F;
        draw_strand(b, &state, r * cosf(angle), r * sinf(angle),
                    angle + render_between(&state, -1, 1));
    }
}

static const float HEAD_BOX[4] = {-2, -3, 2, 2.2F}, BODY_BOX[4] = {-3.2F, 0.5F, 3.2F, 40};

static void draw_clothes(struct brush *b)
{
    fill(b, shape_neck, neck_colour, BODY_BOX);
    fill(b, shape_torso, cloth_colour, BODY_BOX);
    b->inside = true;
    if (b->person->clothes == RENDER_SUIT) {
        fill(b, shape_lapels, linen_colour, BODY_BOX);
        fill(b, shape_tie, tie_colour, BODY_BOX);
    }
    fill(b, shape_neckline, neck_colour, BODY_BOX);
    if (b->person->clothes == RENDER_SHIRT)
        fill(b, shape_tie, cloth_colour, BODY_BOX);
    b->inside = false;
}

static void draw_person(struct brush *b)
{
    const struct shape_hair *h = &shape_hairs[b->person->hair];
    b->place = place_of(b->person, true);
    draw_clothes(b);
    b->place = place_of(b->person, false);
    if (h->behind) {
        fill(b, h->behind, hair_colour, (const float[4]){-2.2F, -3, 2.2F, 4});
        fill(b, shape_neck, neck_colour, (const float[4]){-1, 0.5F, 1, 2.3F});
    }
    fill(b, shape_ears, skin_colour, HEAD_BOX);
    fill(b, shape_skull, skin_colour, HEAD_BOX);
    b->inside = true;
    draw_features(b, features, sizeof features / sizeof *features, 0);
    draw_eyes(b);
    b->inside = false;
    if (h->before)
        fill(b, h->before, hair_colour, HEAD_BOX);
    draw_strands(b);
}

/* ---------------------------------------------------------------- background */

static void wall_at(const struct render_scene *s, float x, float y, float out[3])
{
    float t = 0;
    const float unit = (float)s->width_px / 40;
    if (s->background == RENDER_GRADIENT)
        t = y / (float)s->height_px;
    else if (s->background == RENDER_TEXTURED)
        t = 0.5F + 0.3F * render_waves(s->seed + 7, x / unit, y / unit) +
            0.2F * render_waves(s->seed + 8, 5 * x / unit, 5 * y / unit);
    for (int c = 0; c < 3; c++)
        out[c] = (float)s->colour[c] + t * ((float)s->colour_to[c] - (float)s->colour[c]);
}

/* Books and lamps, as it were. */
static void clutter(const struct render_scene *s, float *wall)
{
    enum { THINGS = 120 };
    uint64_t state = s->seed ^ 0xb5eULL;
    for (int k = 0; k < THINGS; k++) {
        const float x = render_between(&state, 0, (float)s->width_px),
                    y = render_between(&state, 0, (float)s->height_px);
        const float w = render_between(&state, .01F, .08F) * (float)s->width_px;
        const float h = render_between(&state, .02F, .2F) * (float)s->width_px;
        const bool round = render_chance(&state) < 0.3F;
        const float colour[3] = {render_between(&state, 20, 240), render_between(&state, 20, 240),
                                 render_between(&state, 20, 240)};
        for (int py = (int)fmaxf(0, y - h); py < (int)fminf((float)s->height_px, y + h); py++)
            for (int px = (int)fmaxf(0, x - w); px < (int)fminf((float)s->width_px, x + w); px++)
                if (!round || shape_ellipse((float)px - x, (float)py - y, w, h) < 0)
                    memcpy(wall + 3 * ((size_t)py * (size_t)s->width_px + (size_t)px), colour,
                           sizeof colour);
    }
}

/* ---------------------------------------------------------------- truth and pictures */

static struct render_truth truth_of(const struct render_person *p)
{
    const struct place place = place_of(p, false);
    float top = 0, left = 0, right = 0;
    for (float y = -3; y < 0 && top == 0; y += 0.002F)
        for (float x = -1.5F; x < 1.5F && top == 0; x += 0.02F)
            if (shape_outline(p, x, y) < 0)
                top = y;
    while (shape_outline(p, left, 0.25F) < 0)
        left -= 0.002F;
    while (shape_outline(p, right, 0.25F) < 0)
        right += 0.002F;
    return (struct render_truth){{to_px(&place, p->gaze - .5F, 0), to_px(&place, p->gaze + .5F, 0)},
                                 to_px(&place, 0, 1.8F),
                                 to_px(&place, 0, top),
                                 (right - left) * p->eyes_px};
}

static void *memory(size_t n, size_t size)
{
    void *p = calloc(n, size);
    if (!p)
        abort();
    return p;
}

static struct idphoto_pixels picture(const struct render_scene *s, int channels)
{
    const size_t row = (size_t)s->width_px * (size_t)channels;
    return (struct idphoto_pixels){memory((size_t)s->height_px, row), s->width_px, s->height_px,
                                   channels, row};
}

static uint8_t sample(float v)
{
    return (uint8_t)lroundf(fminf(255, fmaxf(0, v)));
}

static void expose(const struct render_scene *s, const struct canvas *c, const float *wall,
                   struct rendered *out)
{
    const float gain = lights[s->light].gain;
    uint64_t state = s->seed ^ 0x7015eULL;
    for (size_t k = 0; k < (size_t)s->width_px * (size_t)s->height_px; k++) {
        const float a = c->at[k][3];
        out->alpha.bytes[k] = sample(255 * a);
        for (size_t n = 0; n < 3; n++) {
            const float front = a > 0 ? fminf(255, gain * c->at[k][n] / a) : 0;
            const float back = fminf(255, gain * wall[3 * k + n]);
            /* three uniform ones are normal enough; each has a variance of 1/12 */
            const float grain =
                render_chance(&state) + render_chance(&state) + render_chance(&state) - 1.5F;
            out->front.bytes[3 * k + n] = sample(front);
            out->rgb.bytes[3 * k + n] = sample(a * front + (1 - a) * back + 2 * s->noise * grain);
        }
    }
}

void render(const struct render_scene *s, struct rendered *out)
{
    const size_t n = (size_t)s->width_px * (size_t)s->height_px;
    struct canvas canvas = {s->width_px, s->height_px, memory(n, sizeof *canvas.at)};
    float *wall = memory(n, 3 * sizeof *wall);
    for (size_t k = 0; k < n; k++)
        wall_at(s, (float)(k % (size_t)s->width_px), (float)(k / (size_t)s->width_px),
                wall + 3 * k);
    if (s->background == RENDER_BUSY)
        clutter(s, wall);
    *out = (struct rendered){.rgb = picture(s, 3), .alpha = picture(s, 1), .front = picture(s, 3)};
    for (int k = 0; k < s->people; k++) {
        struct brush b = {.scene = s, .person = &s->person[k], .canvas = canvas};
        draw_person(&b);
        out->truth[k] = truth_of(&s->person[k]);
    }
    expose(s, &canvas, wall, out);
    free(canvas.at);
    free(wall);
}

void rendered_free(struct rendered *r)
{
    free(r->rgb.bytes);
    free(r->alpha.bytes);
    free(r->front.bytes);
    *r = (struct rendered){0};
}

struct render_scene render_usual(int width_px, int height_px)
{
    const float eyes_px = 0.16F * fminf((float)width_px, 0.8F * (float)height_px);
    return (struct render_scene){.width_px = width_px,
                                 .height_px = height_px,
                                 .background = RENDER_PLAIN,
                                 .colour = {168, 172, 178},
                                 .colour_to = {110, 120, 134},
                                 .noise = 1.5F,
                                 .seed = 1,
                                 .people = 1,
                                 .person = {{.x_px = (float)width_px / 2,
                                             .y_px = 0.42F * (float)height_px,
                                             .eyes_px = eyes_px,
                                             .skin = 2,
                                             .hair = RENDER_SHORT,
                                             .clothes = RENDER_SUIT,
                                             .hair_colour = {46, 36, 30},
                                             .clothes_colour = {44, 52, 74}}}};
}
