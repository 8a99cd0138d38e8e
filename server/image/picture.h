/* SPDX-License-Identifier: MIT */
/* What those who work with libvips share. For this room alone. Any thread. */
#ifndef IDPHOTOD_IMAGE_PICTURE_H
#define IDPHOTOD_IMAGE_PICTURE_H

#include <vips/vips.h>

#include "base/status.h"
#include "core/idphoto.h"

/* NULL is allowed. */
void picture_release(VipsImage *image);
/* Overwrites the pixels of an image in memory first. NULL is allowed. */
void picture_wipe(VipsImage *memory);

/* Overwrites and frees what libvips wrote to memory. NULL is allowed. */
void picture_free_bytes(void *bytes, size_t n);

/* sRGB pixels, borrowed as long as the image lives. Rows lie without gaps. NULL: no memory. */
VipsImage *picture_wrap(const struct idphoto_pixels *p);

/* RGB pixels to exactly this size; `to` holds width_px x height_px x 3 bytes. INTERNAL: no memory.
 */
enum status picture_resize(const struct idphoto_pixels *from, int32_t width_px, int32_t height_px,
                           uint8_t *to) MUST_USE;

/* TOO_LARGE: over PHOTO_SIDE_MAX_PX or PHOTO_AREA_MAX_PX. */
enum status picture_within_limits(VipsImage *image) MUST_USE;

#endif
