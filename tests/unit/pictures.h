/* SPDX-License-Identifier: MIT */
/*
 * Synthetic JPEG and PNG files for tests, made with libjpeg and zlib alone, and the reading of
 * them by libjpeg. Everything aborts the test on failure.
 */
#ifndef IDPHOTOD_TESTS_PICTURES_H
#define IDPHOTOD_TESTS_PICTURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define PLANTED "PLANTED-31.2304N-121.4737E"

/* Samples, row by row, interleaved. Owned; release with buf_free(&p.samples). */
struct pixels {
    int width, height, channels;
    struct buf samples;
};

/* Smooth and lopsided, so that no turn of it looks like another. */
struct pixels pixels_scene(int width, int height, int channels);
/* Quarters of one value each: top left, top right, bottom left, bottom right. */
struct pixels pixels_quarters(int width, int height);

struct jpeg_wish {
    int quality; /* 0: 90 */
    bool progressive, several_scans, rgb, no_jfif, no_adobe, arithmetic;
    int restart_rows;
    int jfif_unit, jfif_density;
    struct span exif, icc;
    bool gossip; /* XMP, IPTC, JFXX, MPF, comment and an unknown APP9, all with PLANTED */
};
struct buf jpeg_make(const struct pixels *p, struct jpeg_wish wish);

/* GPS position, description and thumbnail carry PLANTED. Zero leaves an entry out. */
struct exif_wish {
    int orientation, dpi, unit;
};
struct buf exif_make(struct exif_wish wish);

/* Decoded by libjpeg as its own colour model (no conversion). */
struct pixels jpeg_pixels(struct span file);
/* From the scan's first byte to before the end-of-image marker. Borrows. */
struct span jpeg_scan(struct span file);
/* n-th segment with this marker byte and beginning; false when there is none. Borrows. */
bool jpeg_segment(struct span file, int marker, const char *begin, struct span *body);

void png_begin(struct buf *out, int width, int height, int depth, int colour_type, int interlace);
void png_chunk(struct buf *out, const char *name, const void *bytes, size_t n);
/* One IDAT with n rows bytes, filter bytes included, compressed. */
void png_idat(struct buf *out, const void *rows, size_t n);
void png_idat_zeros(struct buf *out, size_t n);
void png_end(struct buf *out);
/* 8 or 16 bit grey (1), grey with alpha (2), RGB (3), RGBA (4); no filter, so zlib alone reads it.
 */
struct buf png_make(const struct pixels *p, int depth, void (*before_idat)(struct buf *));
/* The whole decompressed IDAT of all chunks. */
struct buf png_rows(struct span file);
bool png_has(struct span file, const char *name);

bool contains(struct span file, const char *text);
struct span span_of(const struct buf *b);

#endif
