/* SPDX-License-Identifier: MIT */
/* A photo's file to the pixels that a sheet has for it. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "image/picture.h"
#include "image/portrait.h"
#include "image/sheet_inside.h"

static enum status scale_into(const struct idphoto_pixels *from, int32_t width_px,
                              int32_t height_px, uint8_t *to)
{
    VipsImage *whole = picture_wrap(from), *sized = NULL;
    enum status s = INTERNAL;
    if (whole && vips_thumbnail_image(whole, &sized, width_px, "height", height_px, "size",
                                      VIPS_SIZE_FORCE, NULL) == 0) {
        size_t n = 0;
        uint8_t *bytes = vips_image_write_to_memory(sized, &n);
        if (bytes && n == (size_t)width_px * (size_t)height_px * 3) {
            memcpy(to, bytes, n);
            s = OK;
        }
        picture_free_bytes(bytes, n);
    }
    picture_release(sized);
    picture_release(whole);
    return s;
}

static enum status fit(const struct idphoto_pixels *from, struct piece *p)
{
    size_t n = (size_t)p->width_px * (size_t)p->height_px * 3;
    p->upright = malloc(n);
    CHECK_PEER(p->upright);
    if (from->width_px != p->width_px || from->height_px != p->height_px)
        return scale_into(from, p->width_px, p->height_px, p->upright);
    memcpy(p->upright, from->bytes, n);
    return OK;
}

enum status piece_load(struct span file, int32_t width_px, int32_t height_px, struct piece *out)
{
    struct portrait photo = {0};
    int32_t side_px = width_px > height_px ? width_px : height_px;
    enum status s = portrait_decode(file.bytes, file.size, side_px, &photo);
    if (s == OK) {
        *out = (struct piece){.width_px = width_px, .height_px = height_px};
        s = fit(&photo.pixels, out);
    }
    portrait_free(&photo);
    vips_error_clear();
    vips_thread_shutdown();
    return s;
}
