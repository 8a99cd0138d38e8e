/* SPDX-License-Identifier: MIT */
/*
 * PNG without its metadata, losslessly: a walk over the chunks that copies the known ones.
 *
 * Kept: IHDR, PLTE, tRNS, IDAT, IEND (the pixels as they are compressed) and pHYs, iCCP, sRGB,
 * gAMA, cHRM (density and colour). Everything else is dropped, and so is what follows IEND. It
 * checks frames and checksums, not pixels: decode the file as well. Any thread may call.
 *
 * Format: W3C Portable Network Graphics Specification, third edition.
 */
#ifndef IDPHOTOD_IMAGE_PNG_STRIP_H
#define IDPHOTOD_IMAGE_PNG_STRIP_H

#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"

/* Appends to out, which is worthless unless OK. The pixels come from one file, density and colour
 * from another or the same. dpi is 0 when pHYs says nothing. INVALID: a chunk cut off or with a
 * wrong checksum, no IHDR first or no IEND, an animation, an unknown critical chunk. */
enum status png_strip(struct span pixels, struct span colour, struct buf *out,
                      int32_t *dpi) MUST_USE;

/* Appends what a decoder should get to see: the kept chunks and eXIf, for its orientation. A
 * decoder that trusts the lengths of chunks, or unpacks texts, can be made to take gigabytes for a
 * file of a kilobyte. Otherwise as png_strip. */
enum status png_essence(struct span file, struct buf *out) MUST_USE;

#endif
