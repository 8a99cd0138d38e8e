/* SPDX-License-Identifier: MIT */
/* Sixteen bytes of wishes and then samples: the report must be true of the file, and the file must
 * be one that photo_clean takes and leaves as it is. */
#include <string.h>

#include "base/check.h"
#include "image/encode.h"
#include "image/photo.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

enum { WISH_BYTES = 16, SIDE_MAX_PX = 32 };

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    CHECK(image_start() == OK);
    return 0;
}

static struct encode_wanted read_wish(const uint8_t *b, const struct idphoto_pixels *p)
{
    return (struct encode_wanted){
        .format = b[2] & 1 ? PHOTO_PNG : PHOTO_JPEG,
        .dpi = 1 + (b[3] << 2),
        .least_bytes = (b[4] << 8 | b[5]) & 0x1fff,
        .most_bytes = (b[6] << 8 | b[7]) & 0x1fff,
        .quality_min = (int8_t)b[8],
        .least_width_px = b[9] & 1 ? 0 : p->width_px - p->width_px * b[10] / 300,
        .most_width_px = b[9] & 2 ? 0 : p->width_px + b[11] / 4,
        .least_height_px = p->height_px - p->height_px * b[12] / 300,
        .most_height_px = p->height_px + b[13] / 4,
    };
}

static void check_report(const struct encode_wanted *w, const struct encode_report *r, size_t size)
{
    bool above = w->most_bytes && (int64_t)size > w->most_bytes;
    bool below = (int64_t)size < w->least_bytes;
    CHECK(r->tries >= 1 && r->tries <= ENCODE_TRIES_MAX);
    CHECK((r->fit == ENCODE_INSIDE) == (!above && !below));
    CHECK(r->fit != ENCODE_ABOVE_MOST || above);
    CHECK(r->fit != ENCODE_BELOW_LEAST || below);
    if (w->format == PHOTO_JPEG)
        CHECK(r->quality <= 100 &&
              (w->quality_min < 1 || w->quality_min > 100 || r->quality >= w->quality_min));
}

static void check_file(const struct photo_facts *told, const struct buf *file)
{
    struct photo_facts found;
    struct buf cleaned = {0};
    CHECK(photo_clean(file->bytes, file->size, &found, &cleaned) == OK);
    CHECK(found.format == told->format && found.width_px == told->width_px &&
          found.height_px == told->height_px && found.dpi == told->dpi);
    CHECK(cleaned.size == file->size);
    buf_free(&cleaned);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    uint8_t samples[SIDE_MAX_PX * SIDE_MAX_PX * 4] = {0};
    struct photo_facts facts;
    struct encode_report report;
    struct buf out = {0};
    if (n < WISH_BYTES)
        return 0;
    struct idphoto_pixels p = {samples, 1 + bytes[0] % SIDE_MAX_PX, 1 + bytes[1] % SIDE_MAX_PX,
                               3 + (bytes[2] & 1), 0};
    p.stride_bytes = (size_t)p.width_px * (size_t)p.channels;
    size_t room = p.stride_bytes * (size_t)p.height_px;
    memcpy(samples, bytes + WISH_BYTES, n - WISH_BYTES < room ? n - WISH_BYTES : room);
    const struct encode_wanted w = read_wish(bytes, &p);
    if (photo_encode(&p, &w, &facts, &report, &out) != OK)
        return 0;
    check_report(&w, &report, out.size);
    check_file(&facts, &out);
    buf_free(&out);
    return 0;
}
