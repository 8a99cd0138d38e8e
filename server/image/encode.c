/* SPDX-License-Identifier: MIT */
#include "image/encode.h"

#include <math.h>
#include <sodium.h>

#include "base/check.h"
#include "image/picture.h"

/* Without a rule: good to look at, and the least that still is. 100 helps only to fill a window. */
enum { QUALITY_USUAL = 92, QUALITY_LEAST = 50, QUALITY_MOST = 100 };
enum { SCALE_STEPS = 8 };

struct attempt {
    VipsImage *image;
    int quality;
    bool subsample;
};

/* ITU-T T.871: version 1.02, dots per inch. libvips leaves it out of a file without metadata. */
static void add_jpeg(struct buf *out, const unsigned char *bytes, size_t n, int dpi)
{
    const unsigned char head[] = {0xff,
                                  0xd8,
                                  0xff,
                                  0xe0,
                                  0,
                                  16,
                                  'J',
                                  'F',
                                  'I',
                                  'F',
                                  0,
                                  1,
                                  2,
                                  1,
                                  (unsigned char)(dpi >> 8),
                                  (unsigned char)dpi,
                                  (unsigned char)(dpi >> 8),
                                  (unsigned char)dpi,
                                  0,
                                  0};
    buf_reserve(out, n + sizeof head);
    buf_add(out, head, sizeof head);
    buf_add(out, bytes + 2, n - 2); /* without its own start */
}

static enum status save(const struct attempt *a, enum photo_format format, struct buf *out)
{
    void *bytes = NULL;
    size_t n = 0;
    int failed =
        format == PHOTO_PNG
            ? vips_pngsave_buffer(a->image, &bytes, &n, "strip", TRUE, "compression", 9, NULL)
            : vips_jpegsave_buffer(
                  a->image, &bytes, &n, "Q", a->quality, "strip", TRUE, "optimize_coding", TRUE,
                  "subsample_mode",
                  a->subsample ? VIPS_FOREIGN_SUBSAMPLE_ON : VIPS_FOREIGN_SUBSAMPLE_OFF, NULL);
    if (failed)
        return INTERNAL;
    buf_free(out);
    if (format == PHOTO_JPEG)
        add_jpeg(out, bytes, n, (int)lround(vips_image_get_xres(a->image) * 25.4));
    else
        buf_add(out, bytes, n);
    sodium_memzero(bytes, n);
    g_free(bytes);
    return OK;
}

/* ---- the search ---- */

static bool too_big(const struct encode_wanted *w, const struct buf *b)
{
    return w->most_bytes && (int64_t)b->size > w->most_bytes;
}

static bool too_small(const struct encode_wanted *w, const struct buf *b)
{
    return (int64_t)b->size < w->least_bytes;
}

/* The best quality from low to high whose file is not too big; the lowest one's file when all are.
 */
static enum status search_quality(struct attempt *a, const struct encode_wanted *w, int low,
                                  int high, struct buf *out)
{
    int best = low;
    enum status s = OK;
    while (s == OK && low <= high) {
        a->quality = (low + high + 1) / 2;
        s = save(a, PHOTO_JPEG, out);
        if (s == OK && !too_big(w, out)) {
            best = a->quality;
            low = a->quality + 1;
        } else {
            high = a->quality - 1;
        }
    }
    a->quality = best;
    return s == OK ? save(a, PHOTO_JPEG, out) : s;
}

static enum status fit_jpeg(VipsImage *image, const struct encode_wanted *w, struct buf *out)
{
    int least = w->quality_min ? w->quality_min : QUALITY_LEAST;
    struct attempt a = {image, QUALITY_USUAL > least ? QUALITY_USUAL : least, false};
    enum status s = save(&a, PHOTO_JPEG, out);
    if (s == OK && too_small(w, out))
        s = search_quality(&a, w, a.quality, QUALITY_MOST, out);
    else if (s == OK && too_big(w, out))
        s = search_quality(&a, w, least, a.quality, out);
    if (s == OK && too_big(w, out)) {
        a.subsample = true;
        s = search_quality(&a, w, least, QUALITY_USUAL > least ? QUALITY_USUAL : least, out);
    }
    return s;
}

static enum status fit(VipsImage *image, const struct encode_wanted *w, struct buf *out)
{
    const struct attempt a = {image, 0, false};
    return w->format == PHOTO_PNG ? save(&a, PHOTO_PNG, out) : fit_jpeg(image, w, out);
}

/* ---- scale ---- */

/* At this scale and density; owned. */
static VipsImage *scaled(VipsImage *whole, double scale, int32_t dpi)
{
    VipsImage *sized = NULL, *out = NULL;
    int failed =
        scale == 1 ? vips_copy(whole, &sized, NULL) : vips_resize(whole, &sized, scale, NULL);
    if (!failed && vips_copy(sized, &out, "xres", dpi / 25.4, "yres", dpi / 25.4, NULL) != 0)
        out = NULL;
    picture_release(sized);
    return out;
}

static enum status encode_at(VipsImage *whole, double scale, const struct encode_wanted *w,
                             struct photo_facts *facts, struct buf *out)
{
    int32_t dpi = (int32_t)lround(w->dpi * scale);
    VipsImage *image = scaled(whole, scale, dpi);
    if (!image)
        return INTERNAL;
    enum status s = fit(image, w, out);
    *facts = (struct photo_facts){w->format, vips_image_get_width(image),
                                  vips_image_get_height(image), dpi};
    picture_release(image);
    return s;
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

/* In equal steps towards the limit, until the file fits. */
static enum status search_scale(VipsImage *whole, double limit, const struct encode_wanted *w,
                                struct photo_facts *facts, struct buf *out)
{
    enum status s = OK;
    bool shrinking = too_big(w, out);
    for (int i = 1; s == OK && i <= SCALE_STEPS; i++) {
        double scale = 1 + (limit - 1) * i / SCALE_STEPS;
        s = encode_at(whole, scale, w, facts, out);
        if (shrinking ? !too_big(w, out) : !too_small(w, out))
            break;
    }
    return s;
}

static enum status encode(const struct idphoto_pixels *p, const struct encode_wanted *w,
                          struct photo_facts *facts, struct buf *out)
{
    VipsImage *whole = picture_wrap(p);
    if (!whole)
        return INTERNAL;
    enum status s = encode_at(whole, 1, w, facts, out);
    double limit =
        s == OK && (too_big(w, out) || too_small(w, out)) ? scale_limit(p, w, too_big(w, out)) : 1;
    if (s == OK && fabs(limit - 1) > 1e-9)
        s = search_scale(whole, limit, w, facts, out);
    picture_release(whole);
    return s;
}

enum status photo_encode(const struct idphoto_pixels *pixels, const struct encode_wanted *wanted,
                         struct photo_facts *facts, bool *inside, struct buf *out)
{
    struct photo_facts found = {0};
    CHECK(!out->bytes);
    bool fits = pixels->bytes &&
                pixels->stride_bytes == (size_t)pixels->width_px * (size_t)pixels->channels &&
                (pixels->channels == 3 || (pixels->channels == 4 && wanted->format == PHOTO_PNG));
    enum status s = fits ? encode(pixels, wanted, &found, out) : INTERNAL;
    if (s == OK) {
        *facts = found;
        *inside = !too_big(wanted, out) && !too_small(wanted, out);
    } else {
        buf_free(out);
    }
    vips_error_clear();
    vips_thread_shutdown();
    return s;
}
