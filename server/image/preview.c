/* SPDX-License-Identifier: MIT */
#include "image/preview.h"

#include <math.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "image/jpeg_write.h"
#include "image/picture.h"
#include "image/portrait.h"

/* ---- letters ---- */

/* In units, of which a letter is 4 wide and 6 high, y down. */
struct stroke {
    int8_t x0, y0, x1, y1;
};

enum {
    STROKES_MAX = 8,
    LETTERS = 8, /* with the blank behind the word */
    LETTER_PITCH = 6,
    ROW_PITCH = 9,
    UNITS_ACROSS = 64, /* of the shorter side */
    DICE = 1024
};

#define BOWL                                                                                       \
    {0, 0, 0, 6}, {0, 0, 3, 0}, {3, 0, 4, 1}, {4, 1, 4, 2}, {4, 2, 3, 3},                          \
    {                                                                                              \
        3, 3, 0, 3                                                                                 \
    }
#define BARS                                                                                       \
    {0, 0, 0, 6}, {0, 0, 4, 0}, {0, 3, 3, 3},                                                      \
    {                                                                                              \
        0, 6, 4, 6                                                                                 \
    }

/* PREVIEW; a stroke of no length ends a letter. */
static const struct stroke word[LETTERS][STROKES_MAX] = {
    {BOWL},
    {BOWL, {2, 3, 4, 6}},
    {BARS},
    {{0, 0, 2, 6}, {2, 6, 4, 0}},
    {{2, 0, 2, 6}},
    {BARS},
    {{0, 0, 1, 6}, {1, 6, 2, 2}, {2, 2, 3, 6}, {3, 6, 4, 0}},
};

static const double HALF_STROKE = 0.62; /* units */

/* ---- where they lie ---- */

struct marks {
    double unit_px, cosine, sine, shift_u, shift_v;
    double wobble, wobble_step, wobble_phase; /* of the rows, units */
    uint8_t dice[DICE];
};

static double dice_at(const struct marks *m, int32_t i)
{
    return m->dice[(uint32_t)i % DICE] / 255.0;
}

static void cast(struct marks *m, const uint8_t seed[PREVIEW_SEED_BYTES], double unit_px)
{
    randombytes_buf_deterministic(m->dice, sizeof m->dice, seed);
    double angle = (18 + 22 * dice_at(m, 0)) * (m->dice[1] & 1 ? 1 : -1) * 3.14159265358979 / 180;
    m->unit_px = unit_px;
    m->cosine = cos(angle);
    m->sine = sin(angle);
    m->shift_u = 1000 * LETTERS * LETTER_PITCH + LETTERS * LETTER_PITCH * dice_at(m, 2);
    m->shift_v = 1000 * ROW_PITCH + ROW_PITCH * dice_at(m, 3);
    m->wobble = 0.6 + 0.8 * dice_at(m, 4);
    m->wobble_step = 0.08 + 0.12 * dice_at(m, 5);
    m->wobble_phase = 6.28 * dice_at(m, 6);
}

/* The nearest stroke of a letter: side < 0 left of it, > 0 right, 1 at its edge. */
struct hit {
    double side;
    int32_t letter; /* one number for each letter on the picture: its luck */
};

/* Distance from the stroke, signed by the side; x and y in units from the letter's corner. */
static double distance(const struct stroke *s, double x, double y)
{
    double dx = s->x1 - s->x0, dy = s->y1 - s->y0, px = x - s->x0, py = y - s->y0;
    double along = (px * dx + py * dy) / (dx * dx + dy * dy);
    along = along < 0 ? 0 : along > 1 ? 1 : along;
    double d = hypot(px - along * dx, py - along * dy);
    return dx * py - dy * px < 0 ? -d : d;
}

static bool hits_letter(const struct stroke *strokes, double x, double y, double *side)
{
    double nearest = HALF_STROKE;
    for (int i = 0; i < STROKES_MAX; i++) {
        const struct stroke *s = &strokes[i];
        if (s->x0 == s->x1 && s->y0 == s->y1)
            break;
        double d = distance(s, x, y);
        if (fabs(d) < fabs(nearest))
            nearest = d;
    }
    *side = nearest / HALF_STROKE;
    return fabs(nearest) < HALF_STROKE;
}

static bool hits(const struct marks *m, int32_t x_px, int32_t y_px, struct hit *out)
{
    double x = x_px / m->unit_px, y = y_px / m->unit_px;
    double u = m->cosine * x + m->sine * y + m->shift_u;
    double v = m->cosine * y - m->sine * x + m->shift_v;
    v += m->wobble * sin(u * m->wobble_step + m->wobble_phase);
    int32_t row = (int32_t)floor(v / ROW_PITCH);
    u += LETTERS * LETTER_PITCH * dice_at(m, 16 + row); /* rows do not stand below each other */
    int32_t letter = (int32_t)floor(u / LETTER_PITCH);
    out->letter = row * 37 + letter;
    return hits_letter(word[letter % LETTERS], u - letter * LETTER_PITCH - 1,
                       v - row * ROW_PITCH - 1.5, &out->side);
}

/* ---- drawing ---- */

struct preview {
    int32_t width_px, height_px, block_px;
    uint8_t *rgb;    /* the photo, reduced, as it becomes the preview */
    uint8_t *coarse; /* means of blocks of block_px: what is left below a stroke */
};

static int32_t blocks(int32_t size_px, int32_t block_px)
{
    return (size_px + block_px - 1) / block_px;
}

static void mean_of_block(const struct preview *p, int32_t bx, int32_t by, uint8_t mean[3])
{
    uint32_t sum[3] = {0}, n = 0;
    for (int32_t y = by * p->block_px; y < (by + 1) * p->block_px && y < p->height_px; y++)
        for (int32_t x = bx * p->block_px; x < (bx + 1) * p->block_px && x < p->width_px; x++) {
            const uint8_t *at = p->rgb + ((size_t)y * (size_t)p->width_px + (size_t)x) * 3;
            for (int c = 0; c < 3; c++)
                sum[c] += at[c];
            n++;
        }
    for (int c = 0; c < 3; c++)
        mean[c] = (uint8_t)(n ? sum[c] / n : 0);
}

static void coarsen(struct preview *p)
{
    int32_t across = blocks(p->width_px, p->block_px), down = blocks(p->height_px, p->block_px);
    p->coarse = calloc((size_t)across * (size_t)down, 3);
    CHECK_PEER(p->coarse);
    for (int32_t y = 0; y < down; y++)
        for (int32_t x = 0; x < across; x++)
            mean_of_block(p, x, y, p->coarse + ((size_t)y * (size_t)across + (size_t)x) * 3);
}

static uint8_t to_byte(double v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v + 0.5);
}

/* Light on one side, dark on the other, and which is which changes from letter to letter. */
static void mark(const struct preview *p, const struct marks *m, const struct hit *h, int32_t x,
                 int32_t y)
{
    int32_t across = blocks(p->width_px, p->block_px);
    const uint8_t *below =
        p->coarse + ((size_t)(y / p->block_px) * (size_t)across + (size_t)(x / p->block_px)) * 3;
    uint8_t *at = p->rgb + ((size_t)y * (size_t)p->width_px + (size_t)x) * 3;
    double strength = 60 + 50 * dice_at(m, h->letter),
           veil = 0.2 + 0.25 * dice_at(m, h->letter + 7);
    double tone = strength * h->side * (m->dice[(uint32_t)(h->letter + 13) % DICE] & 1 ? 1 : -1);
    for (int c = 0; c < 3; c++)
        at[c] = to_byte(below[c] * (1 - veil) + 128 * veil + tone);
}

static void draw(struct preview *p, const uint8_t seed[PREVIEW_SEED_BYTES])
{
    struct marks m;
    struct hit h;
    int32_t shorter = p->width_px < p->height_px ? p->width_px : p->height_px;
    cast(&m, seed, fmax((double)shorter / UNITS_ACROSS, 1.5));
    p->block_px = (int32_t)(3 * m.unit_px);
    coarsen(p);
    for (int32_t y = 0; y < p->height_px; y++)
        for (int32_t x = 0; x < p->width_px; x++)
            if (hits(&m, x, y, &h))
                mark(p, &m, &h, x, y);
    sodium_memzero(&m, sizeof m);
}

static void copy_row(void *with, int32_t y, uint8_t *rgb)
{
    const struct preview *p = with;
    size_t n = (size_t)p->width_px * 3;
    memcpy(rgb, p->rgb + (size_t)y * n, n);
}

/* ---- the whole ---- */

/* Half of the file's size, rounded down, and less when that is still too large. */
static enum status choose_size(const struct portrait *photo, struct preview *p)
{
    int32_t w = photo->file_width_px / 2, h = photo->file_height_px / 2;
    int32_t longer = w > h ? w : h;
    if (photo->file_width_px < PREVIEW_PHOTO_LEAST_PX ||
        photo->file_height_px < PREVIEW_PHOTO_LEAST_PX)
        return INVALID;
    if (longer > PREVIEW_SIDE_MAX_PX) {
        w = (int32_t)((int64_t)w * PREVIEW_SIDE_MAX_PX / longer);
        h = (int32_t)((int64_t)h * PREVIEW_SIDE_MAX_PX / longer);
    }
    p->width_px = w > 0 ? w : 1;
    p->height_px = h > 0 ? h : 1;
    return OK;
}

static enum status reduce(const struct portrait *photo, struct preview *p)
{
    enum status s = choose_size(photo, p);
    if (s != OK)
        return s;
    p->rgb = malloc((size_t)p->width_px * (size_t)p->height_px * 3);
    CHECK_PEER(p->rgb);
    return picture_resize(&photo->pixels, p->width_px, p->height_px, p->rgb);
}

static enum status write_jpeg(const struct preview *p, struct buf *out)
{
    const struct jpeg_wish wish = {.width_px = p->width_px,
                                   .height_px = p->height_px,
                                   .quality = PREVIEW_QUALITY,
                                   .subsample = true,
                                   .optimise = true};
    return jpeg_write(&wish, copy_row, (void *)(uintptr_t)p, out);
}

static void release(struct preview *p)
{
    if (p->rgb)
        sodium_memzero(p->rgb, (size_t)p->width_px * (size_t)p->height_px * 3);
    if (p->coarse)
        sodium_memzero(p->coarse, (size_t)blocks(p->width_px, p->block_px) *
                                      (size_t)blocks(p->height_px, p->block_px) * 3);
    free(p->rgb);
    free(p->coarse);
}

enum status preview_make(struct span file, const uint8_t seed[PREVIEW_SEED_BYTES], struct buf *out)
{
    struct portrait photo = {0};
    struct preview p = {0};
    CHECK(!out->bytes);
    enum status s = portrait_decode(file.bytes, file.size, 2 * PREVIEW_SIDE_MAX_PX, &photo);
    if (s == OK)
        s = reduce(&photo, &p);
    portrait_free(&photo);
    if (s == OK) {
        draw(&p, seed);
        s = write_jpeg(&p, out);
    }
    release(&p);
    vips_error_clear();
    vips_thread_shutdown();
    return s;
}
