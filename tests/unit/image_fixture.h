/* SPDX-License-Identifier: MIT */
/* Pictures of a scene and what photo_clean makes of them, for the tests of server/image. */
#ifndef IDPHOTOD_TESTS_IMAGE_FIXTURE_H
#define IDPHOTOD_TESTS_IMAGE_FIXTURE_H

#include "image/photo.h"
#include "pictures.h"

#define TEMP        __attribute__((cleanup(buf_free)))
#define TEMP_PIXELS __attribute__((cleanup(image_free_pixels)))

/* Before each test of the suite "image". */
void image_begin(void);
void image_free_pixels(struct pixels *p);
/* Owned. Fails the test unless the file is taken. */
struct buf image_cleaned(struct span file, struct photo_facts *facts);
/* Fails the test where a refusal touched an out-parameter. */
enum status image_outcome(struct span file);
bool image_same(struct span a, struct span b);
/* Of two JPEG files. */
bool image_same_pixels(struct span a, struct span b);
/* Borrowed. */
struct span image_srgb_profile(void);
/* 51x37 pixels; owned. */
struct buf image_scene_jpeg(int channels, struct jpeg_wish wish);
struct buf image_scene_png(int channels, int depth, void (*before_idat)(struct buf *));
/* For image_scene_png's before_idat. */
void image_add_all_chunks(struct buf *b);
/* What image_add_orientation writes as the EXIF orientation. */
extern int image_png_orientation;
void image_add_orientation(struct buf *b);

#endif
