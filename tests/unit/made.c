/* SPDX-License-Identifier: MIT */
#include "made.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct idphoto_pixels pixels_filled(int width_px, int height_px, int channels, int value)
{
    struct idphoto_pixels p = {NULL, width_px, height_px, channels,
                               (size_t)width_px * (size_t)channels};
    p.bytes = malloc(p.stride_bytes * (size_t)height_px);
    cr_assert(p.bytes);
    memset(p.bytes, value, p.stride_bytes * (size_t)height_px);
    return p;
}

struct idphoto *made_core(void)
{
    static struct idphoto *core;
    const struct idphoto_models none = {0};
    char why[200];
    if (!core) {
        idphoto_use_one_thread();
        core = idphoto_new(&none, why, sizeof why);
    }
    cr_assert(core);
    return core;
}

void make_of(const struct render_scene *s, const struct idphoto_wanted *w, struct made *out)
{
    *out = (struct made){.scene = *s, .result = IDPHOTO_INTERNAL};
    render(s, &out->portrait);
    out->result = idphoto_make(made_core(), &out->portrait.rgb, w, &out->made);
}

void made_free(struct made *m)
{
    rendered_free(&m->portrait);
    idphoto_made_free(&m->made);
}

struct idphoto_wanted wanted_size(int width_px, int height_px)
{
    return (struct idphoto_wanted){
        .width_px = width_px, .height_px = height_px, .colour = {255, 255, 255}, .people = 1};
}

struct idphoto_point in_photo(const struct idphoto_made *m, struct idphoto_point p)
{
    const float *t = m->portrait_to_photo;
    return (struct idphoto_point){t[0] * p.x_px + t[1] * p.y_px + t[2],
                                  t[3] * p.x_px + t[4] * p.y_px + t[5]};
}

struct idphoto_point in_portrait(const struct idphoto_made *m, float x_px, float y_px)
{
    const float *t = m->portrait_to_photo;
    const float dx = x_px - t[2], dy = y_px - t[5], whole = t[0] * t[4] - t[1] * t[3];
    return (struct idphoto_point){(t[4] * dx - t[1] * dy) / whole, (t[0] * dy - t[3] * dx) / whole};
}

static float pixel(const struct idphoto_pixels *p, int x, int y, int channel)
{
    x = x < 0 ? 0 : x >= p->width_px ? p->width_px - 1 : x;
    y = y < 0 ? 0 : y >= p->height_px ? p->height_px - 1 : y;
    return p->bytes[(size_t)y * p->stride_bytes + (size_t)(x * p->channels + channel)];
}

float sample_at(const struct idphoto_pixels *p, struct idphoto_point at, int channel)
{
    const float fx = floorf(at.x_px - 0.5F), fy = floorf(at.y_px - 0.5F);
    const float u = at.x_px - 0.5F - fx, v = at.y_px - 0.5F - fy;
    const int x = (int)fx, y = (int)fy;
    return (1 - v) * ((1 - u) * pixel(p, x, y, channel) + u * pixel(p, x + 1, y, channel)) +
           v * ((1 - u) * pixel(p, x, y + 1, channel) + u * pixel(p, x + 1, y + 1, channel));
}

static struct idphoto_pixels blank(const struct idphoto_pixels *size, int channels)
{
    return pixels_filled(size->width_px, size->height_px, channels, 0);
}

/* The mean of some places in a pixel of the photo, which is as good as areas. */
enum { FINE = 3 };

static void true_pixel(const struct made *m, int x, int y, float out[4])
{
    out[0] = out[1] = out[2] = out[3] = 0;
    for (int k = 0; k < FINE * FINE; k++) {
        const struct idphoto_point at =
            in_portrait(&m->made, (float)x + ((float)(k % FINE) + 0.5F) / FINE,
                        (float)y + ((float)(k / FINE) + 0.5F) / FINE);
        const float a = sample_at(&m->portrait.alpha, at, 0) / 255;
        for (int c = 0; c < 3; c++)
            out[c] += a * sample_at(&m->portrait.front, at, c) / (FINE * FINE);
        out[3] += a / (FINE * FINE);
    }
}

struct idphoto_pixels true_photo(const struct made *m, const uint8_t background[3])
{
    struct idphoto_pixels p = blank(&m->made.photo, 3);
    for (int y = 0; y < p.height_px; y++)
        for (int x = 0; x < p.width_px; x++) {
            float v[4];
            true_pixel(m, x, y, v);
            for (size_t c = 0; c < 3; c++)
                p.bytes[(size_t)y * p.stride_bytes + 3 * (size_t)x + c] =
                    (uint8_t)lroundf(fminf(255, v[c] + (1 - v[3]) * (float)background[c]));
        }
    return p;
}

struct idphoto_pixels true_alpha(const struct made *m)
{
    struct idphoto_pixels p = blank(&m->made.photo, 1);
    for (int y = 0; y < p.height_px; y++)
        for (int x = 0; x < p.width_px; x++) {
            float v[4];
            true_pixel(m, x, y, v);
            p.bytes[(size_t)y * p.stride_bytes + (size_t)x] = (uint8_t)lroundf(255 * v[3]);
        }
    return p;
}

float luma_at(const struct idphoto_pixels *p, int x, int y)
{
    return 0.299F * pixel(p, x, y, 0) + 0.587F * pixel(p, x, y, 1) + 0.114F * pixel(p, x, y, 2);
}

static double window(const struct idphoto_pixels *a, const struct idphoto_pixels *b, int x0, int y0)
{
    enum { SIDE = 8 };
    const double n = SIDE * SIDE, c1 = 6.5025, c2 = 58.5225;
    double sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0;
    for (int y = y0; y < y0 + SIDE; y++)
        for (int x = x0; x < x0 + SIDE; x++) {
            const double va = (double)luma_at(a, x, y), vb = (double)luma_at(b, x, y);
            sa += va;
            sb += vb;
            saa += va * va;
            sbb += vb * vb;
            sab += va * vb;
        }
    const double ma = sa / n, mb = sb / n;
    const double va = saa / n - ma * ma, vb = sbb / n - mb * mb, cov = sab / n - ma * mb;
    return (2 * ma * mb + c1) * (2 * cov + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2));
}

double similarity(const struct idphoto_pixels *a, const struct idphoto_pixels *b)
{
    double sum = 0;
    int n = 0;
    for (int y = 0; y + 8 <= a->height_px; y += 4)
        for (int x = 0; x + 8 <= a->width_px; x += 4, n++)
            sum += window(a, b, x, y);
    return sum / n;
}
