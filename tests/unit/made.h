/* SPDX-License-Identifier: MIT */
/* Photos made of rendered portraits, and their truth in the photo. Everything aborts the test on
 * failure. */
#ifndef IDPHOTOD_TESTS_MADE_H
#define IDPHOTOD_TESTS_MADE_H

#include "core/idphoto.h"
#include "render_portrait.h"

struct made {
    struct render_scene scene;
    struct rendered portrait;
    struct idphoto_made made;
    enum idphoto_result result;
};

/* Every sample of one value. Owned: idphoto_pixels_free. */
struct idphoto_pixels pixels_filled(int width_px, int height_px, int channels, int value);

/* One detector for all tests of a process. */
struct idphoto *made_core(void);

void make_of(const struct render_scene *s, const struct idphoto_wanted *w, struct made *out);
void made_free(struct made *m);

/* A plain white photo of the size, without rules. */
struct idphoto_wanted wanted_size(int width_px, int height_px);

struct idphoto_point in_photo(const struct idphoto_made *m, struct idphoto_point portrait);
struct idphoto_point in_portrait(const struct idphoto_made *m, float x_px, float y_px);

/* Between the samples, at a place from the outer corner of the first; the edge goes on beyond. */
float sample_at(const struct idphoto_pixels *p, struct idphoto_point at, int channel);

/* The photo as it should be: the true person over the background, resampled through the way that
 * was told. RGB, owned by the caller: free(.bytes). alpha the same, of one channel. */
struct idphoto_pixels true_photo(const struct made *m, const uint8_t background[3]);
struct idphoto_pixels true_alpha(const struct made *m);

float luma_at(const struct idphoto_pixels *rgb, int x, int y);
/* Mean structural similarity of luma (Wang et al. 2004), windows of 8 px, 1: the same. */
double similarity(const struct idphoto_pixels *a, const struct idphoto_pixels *b);

#endif
