/* SPDX-License-Identifier: MIT */
/*
 * JPEG without its metadata, losslessly.
 *
 * The quantised coefficients are read and written again by libjpeg, so nothing of the source file
 * survives but the coefficients, the tables, the density and the colour profile: no marker segment
 * is copied, nothing between or behind the scans comes along. Pixels decode to the same values,
 * and the entropy-coded bytes of an ordinary baseline file stay the same ones, so its size changes
 * by its metadata only. A progressive file stays progressive, an arithmetic-coded one becomes a
 * Huffman-coded one. Any thread may call.
 *
 * Formats: ITU-T T.81 (JPEG), T.871 (JFIF), Adobe TN 5116 (APP14), ICC.1 annex B.4 (APP2).
 */
#ifndef IDPHOTOD_IMAGE_JPEG_STRIP_H
#define IDPHOTOD_IMAGE_JPEG_STRIP_H

#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"

/* Scans of one file; a progressive encoder uses about ten. More only burns our time. */
enum { JPEG_SCANS_MAX = 100 };

/* As in JFIF: unit 0 says nothing (x and y are then an aspect ratio), 1 is per inch, 2 per cm. */
struct jpeg_density {
    uint8_t unit;
    uint16_t x, y;
};

/* Dots per inch across, 0 when the density says nothing. */
int32_t jpeg_density_dpi(struct jpeg_density d);

/* What the JFIF header says; unit 0 without one. INVALID: not a JPEG header. */
enum status jpeg_density_read(struct span file, struct jpeg_density *density) MUST_USE;

/* Appends to out. INVALID: damaged in any way that costs picture (cut off, bad codes, stray bytes
 * in the scans), over JPEG_SCANS_MAX, or not 8-bit grey, colour or CMYK. The density is written
 * where the colour model admits a JFIF header (not for a file coded as RGB). Memory: two bytes
 * per sample. Check the dimensions first. */
enum status jpeg_strip(struct span file, struct jpeg_density density, struct buf *out) MUST_USE;

#endif
