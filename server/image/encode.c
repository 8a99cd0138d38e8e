/* SPDX-License-Identifier: MIT */
#include "image/encode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "image/jpeg_write.h"
#include "image/picture.h"

enum { QUALITY_MOST = 100 };

/* Full enough: another try would win nothing that anybody sees. */
static const double FULL = 0.95;

/* The pixels as they are tried now. */
struct canvas {
    struct idphoto_pixels pixels;
    bool owned; /* scaled */
    int32_t dpi;
};

/* A file, and how it was made. */
struct trial {
    struct buf file;
    int32_t quality;
    bool subsample;
};

struct search {
    const struct encode_wanted *wanted;
    int32_t tries;
    struct trial best;
};

/* ---- one file ---- */

static void copy_row(void *with, int32_t y, uint8_t *rgb)
{
    const struct idphoto_pixels *p = with;
    memcpy(rgb, p->bytes + (size_t)y * p->stride_bytes, p->stride_bytes);
}

static enum status save_jpeg(const struct canvas *c, const struct trial *t, struct buf *out)
{
    const struct jpeg_wish wish = {.width_px = c->pixels.width_px,
                                   .height_px = c->pixels.height_px,
                                   .dpi = c->dpi,
                                   .quality = t->quality,
                                   .subsample = t->subsample,
                                   .optimise = true};
    return jpeg_write(&wish, copy_row, (void *)(uintptr_t)&c->pixels, out);
}

/* PNG third edition, 11.3.2.5: perceptual intent. Behind the signature and IHDR, libvips has none.
 */
static void add_png(const unsigned char *bytes, size_t n, struct buf *out)
{
    static const unsigned char srgb[] = "\0\0\0\1sRGB\0\xae\xce\x1c\xe9";
    enum { HEAD_BYTES = 8 + 12 + 13 };
    CHECK_PEER(n > HEAD_BYTES);
    buf_reserve(out, n + sizeof srgb);
    buf_add(out, bytes, HEAD_BYTES);
    buf_add(out, srgb, sizeof srgb - 1);
    buf_add(out, bytes + HEAD_BYTES, n - HEAD_BYTES);
}

static enum status save_png(const struct canvas *c, struct buf *out)
{
    VipsImage *plain = picture_wrap(&c->pixels), *image = NULL;
    double per_mm = c->dpi / 25.4;
    void *bytes = NULL;
    size_t n = 0;
    bool done = plain && vips_copy(plain, &image, "xres", per_mm, "yres", per_mm, NULL) == 0 &&
                vips_pngsave_buffer(image, &bytes, &n, "strip", TRUE, "compression", 9, NULL) == 0;
    if (done)
        add_png(bytes, n, out);
    picture_free_bytes(bytes, n);
    picture_release(image);
    picture_release(plain);
    return done ? OK : INTERNAL;
}

/* The newest file becomes *t's, whatever it had. */
static enum status make_trial(struct search *s, const struct canvas *c, struct trial *t)
{
    struct buf file = {0};
    s->tries++;
    enum status status =
        s->wanted->format == PHOTO_PNG ? save_png(c, &file) : save_jpeg(c, t, &file);
    buf_free(&t->file);
    t->file = file;
    return status;
}

/* ---- what it is worth ---- */

static enum encode_fit fit_of(const struct encode_wanted *w, const struct trial *t)
{
    int64_t n = (int64_t)t->file.size;
    if (w->most_bytes && n > w->most_bytes)
        return ENCODE_ABOVE_MOST;
    return n < w->least_bytes ? ENCODE_BELOW_LEAST : ENCODE_INSIDE;
}

static double bytes_of(const struct trial *t)
{
    return (double)t->file.size;
}

static void keep(struct search *s, struct trial *t)
{
    buf_free(&s->best.file);
    s->best = *t;
    *t = (struct trial){0};
}

/* Makes a file of this quality and keeps it as the best. */
static enum status try_quality(struct search *s, const struct canvas *c, int32_t quality,
                               bool subsample)
{
    struct trial t = {.quality = quality, .subsample = subsample};
    enum status status = make_trial(s, c, &t);
    if (status == OK)
        keep(s, &t);
    buf_free(&t.file);
    return status;
}

/* ---- quality ---- */

/* Where a curve that is straight between the two in the logarithm of bytes meets the wish. Real
 * ones sag below it, so what it proposes is rather too small than too large. */
static int32_t between(int32_t low, double low_bytes, int32_t high, double high_bytes, double wish)
{
    double share =
        high_bytes > low_bytes ? log(wish / low_bytes) / log(high_bytes / low_bytes) : 0.5;
    int32_t q = low + (int32_t)((high - low) * share);
    return q <= low ? low + 1 : q >= high ? high - 1 : q;
}

/* The best is not too large at its quality, and too large at `high`, where it has about high_bytes.
 * Raises it while that pays. */
static enum status narrow(struct search *s, const struct canvas *c, int32_t high, double high_bytes)
{
    const struct encode_wanted *w = s->wanted;
    double most = (double)w->most_bytes;
    enum status status = OK;
    while (status == OK && s->tries < ENCODE_TRIES_MAX && high - s->best.quality > 1 &&
           (bytes_of(&s->best) < FULL * most || bytes_of(&s->best) < (double)w->least_bytes)) {
        struct trial t = {.subsample = s->best.subsample};
        t.quality = between(s->best.quality, bytes_of(&s->best), high, high_bytes, most);
        status = make_trial(s, c, &t);
        if (status == OK && fit_of(w, &t) == ENCODE_ABOVE_MOST) {
            high = t.quality;
            high_bytes = bytes_of(&t);
        } else if (status == OK) {
            keep(s, &t);
        }
        buf_free(&t.file);
    }
    return status;
}

static int32_t least_quality(const struct encode_wanted *w)
{
    int32_t q = w->quality_min ? w->quality_min : ENCODE_QUALITY_LEAST;
    return q < 1 ? 1 : q > QUALITY_MOST ? QUALITY_MOST : q;
}

static int32_t at_least(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

/* The best is too large: down to the least quality, with whole colours while they are worth it. */
static enum status go_down(struct search *s, const struct canvas *c)
{
    int32_t high = s->best.quality, least = least_quality(s->wanted);
    int32_t whole = at_least(least, ENCODE_QUALITY_WHOLE);
    double high_bytes = bytes_of(&s->best);
    enum status status = OK;
    if (whole < high) {
        status = try_quality(s, c, whole, false);
        if (status != OK || fit_of(s->wanted, &s->best) != ENCODE_ABOVE_MOST)
            return status == OK ? narrow(s, c, high, high_bytes) : status;
    }
    status = try_quality(s, c, least, true);
    if (status == OK && fit_of(s->wanted, &s->best) != ENCODE_ABOVE_MOST)
        status = narrow(s, c, at_least(high, least + 1), high_bytes);
    return status;
}

/* The best is too small: up to 100, and back where that is too large. */
static enum status go_up(struct search *s, const struct canvas *c)
{
    struct trial top = {.quality = QUALITY_MOST};
    enum status status = make_trial(s, c, &top);
    if (status != OK || s->best.quality == QUALITY_MOST) {
        buf_free(&top.file);
        return status;
    }
    if (fit_of(s->wanted, &top) == ENCODE_ABOVE_MOST)
        status = narrow(s, c, QUALITY_MOST, bytes_of(&top));
    else
        keep(s, &top);
    buf_free(&top.file);
    return status;
}

static enum status fit_quality(struct search *s, const struct canvas *c)
{
    int32_t usual = at_least(ENCODE_QUALITY_USUAL, least_quality(s->wanted));
    enum status status = try_quality(s, c, usual, false);
    if (status != OK || s->wanted->format == PHOTO_PNG)
        return status;
    switch (fit_of(s->wanted, &s->best)) {
    case ENCODE_INSIDE: break;
    case ENCODE_ABOVE_MOST: return go_down(s, c);
    case ENCODE_BELOW_LEAST: return go_up(s, c);
    }
    return OK;
}

/* ---- scale ---- */

static void canvas_free(struct canvas *c)
{
    if (c->owned)
        idphoto_pixels_free(&c->pixels);
    *c = (struct canvas){0};
}

static enum status scale_canvas(const struct idphoto_pixels *p, double scale, int32_t dpi,
                                struct canvas *out)
{
    int32_t w = (int32_t)lround(p->width_px * scale), h = (int32_t)lround(p->height_px * scale);
    size_t stride = (size_t)w * (size_t)p->channels;
    uint8_t *bytes = malloc(stride * (size_t)h);
    CHECK_PEER(bytes);
    canvas_free(out);
    *out = (struct canvas){{bytes, w, h, p->channels, stride}, true, (int32_t)lround(dpi * scale)};
    return picture_resize(p, w, h, bytes);
}

/* How small, or large, the range lets it become. */
static double scale_limit(const struct idphoto_pixels *p, const struct encode_wanted *w,
                          bool smaller)
{
    double x = (double)(smaller ? w->least_width_px : w->most_width_px) / p->width_px;
    double y = (double)(smaller ? w->least_height_px : w->most_height_px) / p->height_px;
    if (w->least_width_px == 0 || w->most_width_px == 0)
        return 1;
    return smaller ? fmin(1, fmax(x, y)) : fmax(1, fmin(x, y));
}

/* The scale at which bytes, which go with the area, should just be inside; a little further each
 * time, as they do not quite. */
static double next_scale(const struct search *s, double scale, double limit)
{
    bool smaller = limit < 1;
    double wish = (double)(smaller ? s->wanted->most_bytes : s->wanted->least_bytes);
    double next = scale * sqrt(wish / bytes_of(&s->best)) * (smaller ? 0.97 : 1.03);
    return smaller ? fmax(limit, next) : fmin(limit, next);
}

/* The best is outside of the window at every quality that is allowed. */
static enum status fit_scale(struct search *s, const struct idphoto_pixels *p, struct canvas *c)
{
    double scale = 1;
    enum encode_fit fit = fit_of(s->wanted, &s->best), now = fit;
    double limit = scale_limit(p, s->wanted, fit == ENCODE_ABOVE_MOST);
    int32_t quality = s->best.quality;
    bool subsample = s->best.subsample;
    enum status status = OK;
    while (status == OK && now == fit && fabs(scale - limit) > 1e-9 &&
           s->tries < ENCODE_TRIES_MAX) {
        scale = next_scale(s, scale, limit);
        status = scale_canvas(p, scale, s->wanted->dpi, c);
        if (status == OK)
            status = try_quality(s, c, quality, subsample);
        now = fit_of(s->wanted, &s->best);
    }
    /* what was enlarged may have jumped over the window */
    for (; status == OK && now == ENCODE_ABOVE_MOST && fit == ENCODE_BELOW_LEAST &&
           s->tries < ENCODE_TRIES_MAX && quality > least_quality(s->wanted);
         now = fit_of(s->wanted, &s->best))
        status = try_quality(s, c, --quality, subsample);
    return status;
}

/* ---- the whole ---- */

static enum status encode(const struct idphoto_pixels *p, struct search *s, struct canvas *c)
{
    *c = (struct canvas){*p, false, s->wanted->dpi};
    enum status status = fit_quality(s, c);
    if (status == OK && fit_of(s->wanted, &s->best) != ENCODE_INSIDE)
        status = fit_scale(s, p, c);
    return status;
}

static bool is_possible(const struct idphoto_pixels *p, const struct encode_wanted *w)
{
    return p->bytes && p->width_px > 0 && p->height_px > 0 &&
           p->stride_bytes == (size_t)p->width_px * (size_t)p->channels &&
           (p->channels == 3 || (p->channels == 4 && w->format == PHOTO_PNG));
}

static void report_on(const struct search *s, struct encode_report *out)
{
    bool jpeg = s->wanted->format == PHOTO_JPEG;
    *out = (struct encode_report){.fit = fit_of(s->wanted, &s->best),
                                  .tries = s->tries,
                                  .quality = jpeg ? s->best.quality : 0,
                                  .subsampled = jpeg && s->best.subsample};
}

enum status photo_encode(const struct idphoto_pixels *pixels, const struct encode_wanted *wanted,
                         struct photo_facts *facts, struct encode_report *report, struct buf *out)
{
    struct search s = {.wanted = wanted};
    struct canvas c = {0};
    CHECK(!out->bytes);
    enum status status = is_possible(pixels, wanted) ? encode(pixels, &s, &c) : INTERNAL;
    if (status == OK) {
        report_on(&s, report);
        *facts = (struct photo_facts){wanted->format, c.pixels.width_px, c.pixels.height_px, c.dpi};
        *out = s.best.file;
    } else {
        buf_free(&s.best.file);
    }
    canvas_free(&c);
    vips_error_clear();
    vips_thread_shutdown();
    return status == INVALID ? INTERNAL : status;
}
