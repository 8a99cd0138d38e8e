/* SPDX-License-Identifier: MIT */
/*
 * Pictures to upload, made on first use with libjpeg and zlib: jpeg, png, other-jpeg, gps-jpeg
 * (with a position and the name PLANTED-GPS in its EXIF), half-jpeg (cut off), gif, bomb-png (a
 * header of 60000 x 60000), empty; and drawn portraits: portrait, pair-, dark-, blown- (too
 * bright), cut- (the head leaves the picture above), passer-by- (somebody small behind), grey-,
 * tinted- (blue as by a filter), small- (few pixels) and upside-down-portrait. One thread.
 */
#ifndef API_PICTURE_H
#define API_PICTURE_H

#include "http.h"

struct picture {
    const char *name, *type;
    struct bytes bytes;
    int width_px, height_px;
};

/* Ends the program when there is no such picture. Lives until the end. */
const struct picture *picture_named(const char *name);

#endif
