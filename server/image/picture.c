/* SPDX-License-Identifier: MIT */
#include "image/picture.h"

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#include "image/photo.h"

void picture_release(VipsImage *image)
{
    if (image)
        g_object_unref(image);
}

static size_t pixel_bytes(VipsImage *image)
{
    return (size_t)vips_image_get_width(image) * (size_t)vips_image_get_height(image) *
           (size_t)vips_image_get_bands(image) *
           (size_t)vips_format_sizeof(vips_image_get_format(image));
}

void picture_wipe(VipsImage *memory)
{
    if (memory && memory->data)
        sodium_memzero(memory->data, pixel_bytes(memory));
    picture_release(memory);
}

void picture_free_bytes(void *bytes, size_t n)
{
    if (bytes)
        sodium_memzero(bytes, n);
    g_free(bytes);
}

VipsImage *picture_wrap(const struct idphoto_pixels *p)
{
    VipsImage *raw =
        vips_image_new_from_memory(p->bytes, p->stride_bytes * (size_t)p->height_px, p->width_px,
                                   p->height_px, p->channels, VIPS_FORMAT_UCHAR);
    VipsImage *out = NULL;
    if (raw && vips_copy(raw, &out, "interpretation", VIPS_INTERPRETATION_sRGB, NULL) != 0)
        out = NULL;
    picture_release(raw);
    return out;
}

enum status picture_resize(const struct idphoto_pixels *from, int32_t width_px, int32_t height_px,
                           uint8_t *to)
{
    VipsImage *whole = picture_wrap(from), *sized = NULL;
    enum status s = INTERNAL;
    if (whole && vips_thumbnail_image(whole, &sized, width_px, "height", height_px, "size",
                                      VIPS_SIZE_FORCE, NULL) == 0) {
        size_t n = 0;
        uint8_t *bytes = vips_image_write_to_memory(sized, &n);
        if (bytes && n == (size_t)width_px * (size_t)height_px * (size_t)from->channels) {
            memcpy(to, bytes, n);
            s = OK;
        }
        picture_free_bytes(bytes, n);
    }
    picture_release(sized);
    picture_release(whole);
    return s;
}

enum status picture_within_limits(VipsImage *image)
{
    int64_t w = vips_image_get_width(image), h = vips_image_get_height(image);
    bool fits = w <= PHOTO_SIDE_MAX_PX && h <= PHOTO_SIDE_MAX_PX && w * h <= PHOTO_AREA_MAX_PX;
    return fits ? OK : TOO_LARGE;
}
