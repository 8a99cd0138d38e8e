/* SPDX-License-Identifier: MIT */
/*
 * Finished photo bytes: checked by decoding them, stripped of metadata.
 *
 * libvips does the decoding, under limits, in memory. Never a temporary file.
 * Call image_start once before any thread; then any thread may call.
 */
#ifndef IDPHOTOD_IMAGE_PHOTO_H
#define IDPHOTOD_IMAGE_PHOTO_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"

enum photo_format { PHOTO_JPEG, PHOTO_PNG };
const char *photo_format_name(enum photo_format f);  /* "jpeg", "png" */
const char *photo_content_type(enum photo_format f); /* "image/jpeg", "image/png" */

struct photo_facts {
    enum photo_format format;
    int32_t width_px, height_px;
    int32_t dpi; /* of the file, 0 when it says nothing */
};

enum { PHOTO_SIDE_MAX_PX = 12000, PHOTO_AREA_MAX_PX = 50 * 1000 * 1000 };

enum status image_start(void) MUST_USE;
void image_stop(void);

/* Decodes all of it (a damaged, truncated or animated file is INVALID; neither JPEG nor PNG by its
 * bytes is INVALID; over the pixel limits TOO_LARGE before memory is used for them) and gives the
 * same picture without EXIF, GPS, XMP, IPTC, comments, embedded thumbnails or anything behind its
 * end; DPI and an ICC profile stay. Cleaning a cleaned photo changes nothing.
 *
 * A file that needs no turn keeps its pixels as they are: JPEG is not compressed a second time
 * (image/jpeg_strip.h), PNG data is copied. The EXIF turn is applied; a turned JPEG is compressed
 * again, quality 95 without chroma subsampling, a turned PNG stays lossless. 16-bit PNG stays
 * 16-bit and CMYK JPEG stays CMYK: whether they suit a purpose is for others to say.
 *
 * Memory beside the file's: a PNG some rows, a JPEG two bytes per sample, a turned picture all of
 * its pixels as well. out must be empty; it is filled on OK; free with buf_free. */
enum status photo_clean(const void *bytes, size_t n, struct photo_facts *facts,
                        struct buf *out) MUST_USE;

#endif
