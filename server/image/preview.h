/* SPDX-License-Identifier: MIT */
/*
 * What may be seen of a photo before it is paid: small, and with text all over it.
 *
 * The text is drawn with strokes of our own, so no font is needed. Under a stroke nothing is left
 * of the photo but a coarse average, so what was there cannot be had back by arithmetic; strokes
 * are light on one side and dark on the other, so none of them vanishes on white or on black; rows
 * of text cross the whole picture at a slant, so that no useful part is without. Angle, place,
 * wobble and strength follow from a seed: with the same one for each preview of a photo, many
 * previews are one and the same, and averaging them gains nothing. Any thread may call once
 * image_start (image/photo.h) was.
 */
#ifndef IDPHOTOD_IMAGE_PREVIEW_H
#define IDPHOTOD_IMAGE_PREVIEW_H

#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"

enum {
    PREVIEW_SEED_BYTES = 32,
    PREVIEW_SIDE_MAX_PX = 480,
    PREVIEW_QUALITY = 70,
    PREVIEW_PHOTO_LEAST_PX = 32 /* sides of the photo */
};

/* file: of a finished photo (anything that portrait_decode takes). The preview is a JPEG of at most
 * half its width and height, its longer side at most PREVIEW_SIDE_MAX_PX. The seed is secret and
 * belongs to the photo. INVALID, TOO_LARGE: as portrait_decode; INVALID: a photo of less than
 * PREVIEW_PHOTO_LEAST_PX. out must be empty; free with buf_free. */
enum status preview_make(struct span file, const uint8_t seed[PREVIEW_SEED_BYTES],
                         struct buf *out) MUST_USE;

#endif
