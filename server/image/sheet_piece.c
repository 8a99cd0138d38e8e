/* SPDX-License-Identifier: MIT */
/* A photo's file to the pixels that a sheet has for it. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "image/picture.h"
#include "image/portrait.h"
#include "image/sheet_inside.h"

static enum status fit(const struct idphoto_pixels *from, struct piece *p)
{
    size_t n = (size_t)p->width_px * (size_t)p->height_px * 3;
    p->upright = malloc(n);
    CHECK_PEER(p->upright);
    if (from->width_px != p->width_px || from->height_px != p->height_px)
        return picture_resize(from, p->width_px, p->height_px, p->upright);
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
