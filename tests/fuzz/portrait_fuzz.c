/* SPDX-License-Identifier: MIT */
/* Any bytes: what is taken must be whole pixels within the limits, as they were asked for. */
#include <string.h>

#include "base/check.h"
#include "image/photo.h"
#include "image/portrait.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

enum { SIDE_PX = 200, FILE_AREA_MAX_PX = 4000000 };

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    CHECK(image_start() == OK);
    return 0;
}

/* Large pictures of few bytes are allowed and slow: they would be all that is tried. */
static bool is_slow_png(const uint8_t *b, size_t n)
{
    if (n < 24 || memcmp(b, "\x89PNG", 4) != 0)
        return false;
    uint64_t w = (uint64_t)b[16] << 24 | (uint64_t)b[17] << 16 | (uint64_t)b[18] << 8 | b[19];
    uint64_t h = (uint64_t)b[20] << 24 | (uint64_t)b[21] << 16 | (uint64_t)b[22] << 8 | b[23];
    return w * h > FILE_AREA_MAX_PX;
}

static void check(const struct portrait *p)
{
    const struct idphoto_pixels *x = &p->pixels;
    volatile uint8_t last;
    CHECK(x->channels == 3 && x->stride_bytes == (size_t)x->width_px * 3);
    CHECK(x->width_px > 0 && x->width_px <= SIDE_PX && x->height_px > 0 && x->height_px <= SIDE_PX);
    CHECK(p->file_width_px >= x->width_px && p->file_width_px <= PHOTO_SIDE_MAX_PX);
    CHECK(p->file_height_px >= x->height_px && p->file_height_px <= PHOTO_SIDE_MAX_PX);
    CHECK((int64_t)p->file_width_px * p->file_height_px <= PHOTO_AREA_MAX_PX);
    CHECK(p->jpeg_quality >= 0 && p->jpeg_quality <= 100);
    last = x->bytes[x->stride_bytes * (size_t)x->height_px - 1];
    (void)last;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct portrait p = {0};
    enum portrait_format format;
    if (is_slow_png(bytes, n))
        return 0;
    enum status s = portrait_decode(bytes, n, SIDE_PX, &p);
    CHECK(s == OK || s == INVALID || s == TOO_LARGE);
    if (s != OK)
        return 0;
    CHECK(portrait_sniff(bytes, n, &format) && format == p.format);
    check(&p);
    portrait_free(&p);
    return 0;
}
