/* SPDX-License-Identifier: MIT */
/* A finished photo's file in the other format. Any thread may call once image_start was. */
#ifndef IDPHOTOD_IMAGE_CONVERT_H
#define IDPHOTOD_IMAGE_CONVERT_H

#include "image/encode.h"
#include "image/specs.h"

/* The same pixels, transparency laid over white, at the density of the file; spec may be NULL. A
 * JPEG is as good as fits into the specification's kilobytes: CONFLICT when none does. INVALID,
 * TOO_LARGE: as portrait_decode. out must be empty; free with buf_free. */
enum status photo_convert(struct span file, const struct photo_spec *spec, int32_t dpi,
                          enum photo_format format, struct buf *out) MUST_USE;

#endif
