/* SPDX-License-Identifier: MIT */
/*
 * RGB rows to a JPEG file, row by row: the picture need not lie in memory.
 *
 * The file holds a JFIF header with the density and the picture, nothing else. The same rows and
 * wish give the same bytes. Any thread may call. Format: ITU-T T.81 (JPEG), T.871 (JFIF).
 */
#ifndef IDPHOTOD_IMAGE_JPEG_WRITE_H
#define IDPHOTOD_IMAGE_JPEG_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"

/* The most that a JPEG header and a JFIF density can say. */
enum { JPEG_SIDE_MAX_PX = 65500, JPEG_DENSITY_MAX = 65535 };

struct jpeg_wish {
    int32_t width_px, height_px;
    int32_t dpi;     /* 0: unknown */
    int32_t quality; /* 1..100, libjpeg's scale of ITU-T T.81 annex K's tables */
    bool subsample;  /* colours at half the width and height (4:2:0) */
    bool optimise;   /* Huffman tables of its own: smaller, but two bytes per sample of memory */
};

/* Fills row y, width_px x 3 samples of sRGB. Called once for each row, from the top. */
typedef void (*jpeg_row_fn)(void *with, int32_t y, uint8_t *rgb);

/* Appends to out. INVALID: a wish out of range. INTERNAL: out of memory. */
enum status jpeg_write(const struct jpeg_wish *wish, jpeg_row_fn row, void *with,
                       struct buf *out) MUST_USE;

#endif
