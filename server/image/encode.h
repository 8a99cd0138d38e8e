/* SPDX-License-Identifier: MIT */
/*
 * A finished photo's pixels to a file, within a window of bytes (kilobytes of specifications are
 * 1024 of them).
 *
 * Nothing but the pixels, the density and that they are sRGB goes into the file: a PNG has an sRGB
 * chunk, a JPEG without a profile is taken for sRGB (a profile would eat a good part of its
 * kilobytes). Sizes are reached by quality, then by the sampling of colours, then by scaling within
 * the specification's range; never by padding. The same pixels and wish give the same bytes. Any
 * thread may call once image_start was.
 */
#ifndef IDPHOTOD_IMAGE_ENCODE_H
#define IDPHOTOD_IMAGE_ENCODE_H

#include "base/buf.h"
#include "core/idphoto.h"
#include "image/photo.h"

enum {
    ENCODE_QUALITY_USUAL = 92, /* where the window does not say otherwise */
    ENCODE_QUALITY_WHOLE = 75, /* below it, halving the colours costs less than quality does */
    ENCODE_QUALITY_LEAST = 60, /* without a rule */
    ENCODE_TRIES_MAX = 8
};

struct encode_wanted {
    enum photo_format format;
    int32_t dpi;
    int64_t least_bytes, most_bytes; /* 0: no limit */
    int32_t quality_min;             /* of JPEG; 0: no rule */
    /* How far it may be scaled, keeping its shape; the ends equal to the size: not at all. */
    int32_t least_width_px, most_width_px, least_height_px, most_height_px;
};

enum encode_fit { ENCODE_INSIDE, ENCODE_BELOW_LEAST, ENCODE_ABOVE_MOST };

struct encode_report {
    enum encode_fit fit; /* of the file to its window: it is the nearest one unless inside */
    int32_t tries;       /* files that were made to find it, at most ENCODE_TRIES_MAX */
    int32_t quality;     /* of JPEG */
    bool subsampled;     /* 4:2:0 instead of 4:4:4 */
};

/* RGB, or RGBA for PNG; rows without gaps. facts->dpi grows and shrinks with the scale, so that the
 * millimetres stay. INTERNAL: not such pixels, or the library failed. out must be empty; free with
 * buf_free. */
enum status photo_encode(const struct idphoto_pixels *pixels, const struct encode_wanted *wanted,
                         struct photo_facts *facts, struct encode_report *report,
                         struct buf *out) MUST_USE;

#endif
