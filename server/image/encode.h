/* SPDX-License-Identifier: MIT */
/*
 * A finished photo's pixels to a file, within a window of bytes.
 *
 * Nothing but the pixels, the density and that they are sRGB goes into the file. Sizes are reached
 * by quality, then by the sampling of colours, then by scaling within the specification's range;
 * never by padding. Any thread may call once image_start was.
 */
#ifndef IDPHOTOD_IMAGE_ENCODE_H
#define IDPHOTOD_IMAGE_ENCODE_H

#include "base/buf.h"
#include "core/idphoto.h"
#include "image/photo.h"

struct encode_wanted {
    enum photo_format format;
    int32_t dpi;
    int64_t least_bytes, most_bytes; /* 0: no limit */
    int32_t quality_min;             /* of JPEG; 0: no rule */
    /* How far it may be scaled, keeping its shape; the ends equal to the size: not at all. */
    int32_t least_width_px, most_width_px, least_height_px, most_height_px;
};

/* RGB, or RGBA for PNG. `inside` tells whether the file is within its window: it is the nearest one
 * otherwise. facts->dpi grows and shrinks with the scale, so that the millimetres stay. INTERNAL:
 * not such pixels, or the library failed. out must be empty; free with buf_free. */
enum status photo_encode(const struct idphoto_pixels *pixels, const struct encode_wanted *wanted,
                         struct photo_facts *facts, bool *inside, struct buf *out) MUST_USE;

#endif
