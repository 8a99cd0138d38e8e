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

/* Decodes all of it (a truncated or animated file is INVALID; neither JPEG nor PNG by its bytes is
 * INVALID; over the pixel limits TOO_LARGE before memory is used for them) and gives the same
 * picture without EXIF, GPS, XMP, IPTC, comments or embedded thumbnails; DPI and an ICC profile
 * stay. The EXIF turn is applied. Pixels of a file that needs no turn are kept as they are: JPEG
 * is not compressed a second time. out is filled on OK; free with buf_free. */
enum status photo_clean(const void *bytes, size_t n, struct photo_facts *facts,
                        struct buf *out) MUST_USE;

#endif
