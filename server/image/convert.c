/* SPDX-License-Identifier: MIT */
#include "image/convert.h"

#include "image/portrait.h"

/* At the size that it has: who bought these pixels gets these pixels. */
static struct encode_wanted wanted_of(const struct idphoto_pixels *p, const struct photo_spec *spec,
                                      int32_t dpi, enum photo_format format)
{
    struct encode_wanted w = {
        .format = format,
        .dpi = dpi,
        .least_width_px = p->width_px,
        .most_width_px = p->width_px,
        .least_height_px = p->height_px,
        .most_height_px = p->height_px,
    };
    if (spec && format == PHOTO_JPEG) {
        w.least_bytes = spec->min_kb * INT64_C(1024);
        w.most_bytes = spec->max_kb * INT64_C(1024);
        w.quality_min = spec->jpeg_quality_min;
    }
    return w;
}

enum status photo_convert(struct span file, const struct photo_spec *spec, int32_t dpi,
                          enum photo_format format, struct buf *out)
{
    struct portrait p = {0};
    struct photo_facts facts;
    struct buf made = {0};
    struct encode_report report;
    enum status s = portrait_decode(file.bytes, file.size, 0, &p);
    if (s != OK)
        return s;
    const struct encode_wanted wanted = wanted_of(&p.pixels, spec, dpi, format);
    s = photo_encode(&p.pixels, &wanted, &facts, &report, &made);
    portrait_free(&p);
    if (s == OK && report.fit != ENCODE_INSIDE)
        s = CONFLICT;
    if (s == OK)
        *out = made;
    else
        buf_free(&made);
    return s;
}
