/* SPDX-License-Identifier: MIT */
/* Pictures mixed of two by an alpha that is known: what matting is held against. */
#ifndef IDPHOTOD_TESTS_COMPOSITE_H
#define IDPHOTOD_TESTS_COMPOSITE_H

#include "core/idphoto.h"

/* At a point of the picture (pixels; the first one's outer corner is 0 0). */
struct scene {
    double (*cover)(double x, double y, const void *of); /* 0..1: how much of the front is there */
    void (*front)(double x, double y, double rgb[3]);    /* 0..255 */
    void (*back)(double x, double y, double rgb[3]);
    const void *of; /* borrowed, for cover */
};

/* Owned; free with composite_free. alpha is the mean of cover over each pixel, by 8 x 8 points. */
struct composite {
    struct idphoto_pixels picture, front, back, alpha, trimap; /* three of RGB, two of 1 channel */
};

/* What is farther than band_px from everything that mixes is known to the trimap. */
struct composite composite_of(const struct scene *s, int width_px, int height_px, int band_px);
void composite_free(struct composite *c);

/* Of what the trimap does not know: the mean square of alpha's error (1: all wrong), and the mean
 * error of the front's colours where it covers, in steps of 255 per channel. */
struct matting_error {
    double alpha, colour;
    int pixels;
};
struct matting_error composite_error(const struct composite *c, const struct idphoto_pixels *rgba);

/* The picture with an alpha that is no more than a mask (1 channel) after one guided filter, and
 * colours that are the picture's. */
struct idphoto_pixels composite_naively(const struct composite *c,
                                        const struct idphoto_pixels *mask);

/* Mean error of the picture laid over its own background again, in steps of 255. */
double composite_relaid(const struct composite *c, const struct idphoto_pixels *rgba);

#endif
