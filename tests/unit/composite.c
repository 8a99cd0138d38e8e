/* SPDX-License-Identifier: MIT */
#include "composite.h"

#include <math.h>
#include <stdlib.h>

#include "made.h"

static struct idphoto_pixels empty(int width_px, int height_px, int channels)
{
    return pixels_filled(width_px, height_px, channels, 0);
}

static uint8_t *at(const struct idphoto_pixels *p, int x, int y)
{
    return p->bytes + (size_t)y * p->stride_bytes + (size_t)(x * p->channels);
}

static uint8_t sample(double v)
{
    return (uint8_t)lround(fmin(255, fmax(0, v)));
}

static double mean_cover(const struct scene *s, int x, int y)
{
    enum { POINTS = 8 };
    double sum = 0;
    for (int k = 0; k < POINTS * POINTS; k++)
        sum += s->cover(x + (k % POINTS + 0.5) / POINTS, y + (k / POINTS + 0.5) / POINTS, s->of);
    return sum / (POINTS * POINTS);
}

static void mix(const struct composite *c, const struct scene *s, int x, int y)
{
    double f[3], b[3];
    const double a = mean_cover(s, x, y);
    s->front(x + 0.5, y + 0.5, f);
    s->back(x + 0.5, y + 0.5, b);
    *at(&c->alpha, x, y) = sample(a * 255);
    for (int k = 0; k < 3; k++) {
        at(&c->front, x, y)[k] = sample(f[k]);
        at(&c->back, x, y)[k] = sample(b[k]);
        at(&c->picture, x, y)[k] = sample(a * f[k] + (1 - a) * b[k]);
    }
}

static uint8_t known(const struct composite *c, int x, int y, int band_px)
{
    const uint8_t a = *at(&c->alpha, x, y);
    for (int v = y - band_px; v <= y + band_px; v++)
        for (int u = x - band_px; u <= x + band_px; u++)
            if (u >= 0 && v >= 0 && u < c->alpha.width_px && v < c->alpha.height_px &&
                (*at(&c->alpha, u, v) != a || (a > 0 && a < 255)))
                return 128;
    return a;
}

struct composite composite_of(const struct scene *s, int width_px, int height_px, int band_px)
{
    struct composite c = {empty(width_px, height_px, 3), empty(width_px, height_px, 3),
                          empty(width_px, height_px, 3), empty(width_px, height_px, 1),
                          empty(width_px, height_px, 1)};
    for (int y = 0; y < height_px; y++)
        for (int x = 0; x < width_px; x++)
            mix(&c, s, x, y);
    for (int y = 0; y < height_px; y++)
        for (int x = 0; x < width_px; x++)
            *at(&c.trimap, x, y) = known(&c, x, y, band_px);
    return c;
}

void composite_free(struct composite *c)
{
    struct idphoto_pixels *all[] = {&c->picture, &c->front, &c->back, &c->alpha, &c->trimap};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        idphoto_pixels_free(all[k]);
}

struct matting_error composite_error(const struct composite *c, const struct idphoto_pixels *rgba)
{
    struct matting_error e = {0};
    double covered = 0;
    for (int y = 0; y < rgba->height_px; y++)
        for (int x = 0; x < rgba->width_px; x++) {
            const uint8_t t = *at(&c->trimap, x, y);
            if (t == 0 || t == 255)
                continue;
            const double a = *at(&c->alpha, x, y) / 255.0, off = at(rgba, x, y)[3] / 255.0 - a;
            e.pixels++;
            e.alpha += off * off;
            covered += 3 * a;
            for (int k = 0; k < 3; k++)
                e.colour += a * abs(at(rgba, x, y)[k] - at(&c->front, x, y)[k]);
        }
    e.alpha /= e.pixels;
    e.colour /= covered;
    return e;
}

double composite_relaid(const struct composite *c, const struct idphoto_pixels *rgba)
{
    double sum = 0;
    for (int y = 0; y < rgba->height_px; y++)
        for (int x = 0; x < rgba->width_px; x++)
            for (int k = 0; k < 3; k++) {
                const double a = at(rgba, x, y)[3] / 255.0;
                const double v = a * at(rgba, x, y)[k] + (1 - a) * at(&c->back, x, y)[k];
                sum += fabs(v - at(&c->picture, x, y)[k]);
            }
    return sum / (3.0 * rgba->width_px * rgba->height_px);
}

/* ---------------------------------------------------------------- what is too simple */

/* Mean of the picture's green, of a mask, of their product and of green squared. */
static void window(const struct composite *c, const struct idphoto_pixels *mask, int x, int y,
                   double mean[4])
{
    enum { RADIUS = 8 };
    double sum[4] = {0};
    int n = 0;
    for (int v = y - RADIUS; v <= y + RADIUS; v++)
        for (int u = x - RADIUS; u <= x + RADIUS; u++) {
            if (u < 0 || v < 0 || u >= c->trimap.width_px || v >= c->trimap.height_px)
                continue;
            const double i = at(&c->picture, u, v)[1] / 255.0, p = *at(mask, u, v) / 255.0;
            const double add[4] = {i, p, i * p, i * i};
            for (int k = 0; k < 4; k++)
                sum[k] += add[k];
            n++;
        }
    for (int k = 0; k < 4; k++)
        mean[k] = sum[k] / n;
}

struct idphoto_pixels composite_naively(const struct composite *c,
                                        const struct idphoto_pixels *mask)
{
    struct idphoto_pixels out = empty(c->picture.width_px, c->picture.height_px, 4);
    for (int y = 0; y < out.height_px; y++)
        for (int x = 0; x < out.width_px; x++) {
            double m[4];
            window(c, mask, x, y, m);
            const double slope = (m[2] - m[0] * m[1]) / (m[3] - m[0] * m[0] + 1e-4);
            for (int k = 0; k < 3; k++)
                at(&out, x, y)[k] = at(&c->picture, x, y)[k];
            at(&out, x, y)[3] =
                sample(255 * (m[1] + slope * (at(&c->picture, x, y)[1] / 255.0 - m[0])));
        }
    return out;
}
