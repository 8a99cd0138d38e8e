/* SPDX-License-Identifier: MIT */
/*
 * A portrait's bytes to pixels that the core can use.
 *
 * libvips does the decoding, under limits, in memory. Never a temporary file. Any thread may call
 * once image_start (image/photo.h) was.
 */
#ifndef IDPHOTOD_IMAGE_PORTRAIT_H
#define IDPHOTOD_IMAGE_PORTRAIT_H

#include "base/status.h"
#include "core/idphoto.h"

enum portrait_format { PORTRAIT_JPEG, PORTRAIT_PNG, PORTRAIT_WEBP, PORTRAIT_HEIC };
const char *portrait_content_type(enum portrait_format f); /* "image/jpeg", ... */

/* What the bytes begin like; false: none of the four. */
bool portrait_sniff(const void *bytes, size_t n, enum portrait_format *out);

struct portrait {
    struct idphoto_pixels pixels;          /* RGB, sRGB, upright, alpha laid over white */
    int32_t file_width_px, file_height_px; /* of the file, upright, before any reduction */
    enum portrait_format format;
    bool grey;            /* the file has no colour channels */
    int32_t jpeg_quality; /* estimated from its tables; 0: not a JPEG or unknown */
};

/* Most files are decoded row by row. Those that are not (HEIC, WebP, JPEG of many scans, interlaced
 * PNG) may take this much for all of their pixels: 50 megapixels of a phone's HEIC do. */
enum { PORTRAIT_AT_ONCE_MAX_BYTES = 256 * 1024 * 1024 };

/* Decodes all of it; a picture whose longer side is over side_max_px is reduced while it is decoded
 * where the format can, so that memory follows the reduced size (0: as large as it is). INVALID:
 * not one of the four formats, damaged, truncated, animated, or over JPEG_SCANS_MAX; TOO_LARGE:
 * over PHOTO_SIDE_MAX_PX, PHOTO_AREA_MAX_PX or PORTRAIT_AT_ONCE_MAX_BYTES, told before memory is
 * used for the pixels. What follows the picture in the file is not looked at. Free with
 * portrait_free. */
enum status portrait_decode(const void *bytes, size_t n, int32_t side_max_px,
                            struct portrait *out) MUST_USE;

/* Overwrites and frees; an empty one is allowed. */
void portrait_free(struct portrait *p);

#endif
