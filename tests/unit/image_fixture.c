/* SPDX-License-Identifier: MIT */
#include "image_fixture.h"

#include <criterion/criterion.h>
#include <string.h>

#include <vips/vips.h>

void image_begin(void)
{
    cr_assert_eq(image_start(), OK);
}

void image_free_pixels(struct pixels *p)
{
    buf_free(&p->samples);
}

struct buf image_cleaned(struct span file, struct photo_facts *facts)
{
    struct buf out = {0};
    enum status s = photo_clean(file.bytes, file.size, facts, &out);
    cr_assert_eq(s, OK, "%s", status_name(s));
    return out;
}

enum status image_outcome(struct span file)
{
    struct photo_facts facts = {.dpi = 42};
    TEMP struct buf out = {0};
    enum status s = photo_clean(file.bytes, file.size, &facts, &out);
    if (s != OK)
        cr_assert(facts.dpi == 42 && !out.bytes, "out-parameters were touched");
    return s;
}

bool image_same(struct span a, struct span b)
{
    return a.size == b.size && memcmp(a.bytes, b.bytes, a.size) == 0;
}

bool image_same_pixels(struct span a, struct span b)
{
    TEMP_PIXELS struct pixels p = jpeg_pixels(a), q = jpeg_pixels(b);
    bool equal = p.width == q.width && p.channels == q.channels &&
                 image_same(span_of(&p.samples), span_of(&q.samples));
    return equal;
}

struct span image_srgb_profile(void)
{
    static VipsBlob *blob;
    if (!blob)
        cr_assert_eq(vips_profile_load("srgb", &blob, NULL), 0);
    struct span icc;
    icc.bytes = vips_blob_get(blob, &icc.size);
    return icc;
}

struct buf image_scene_jpeg(int channels, struct jpeg_wish wish)
{
    TEMP_PIXELS struct pixels p = pixels_scene(51, 37, channels);
    struct buf file = jpeg_make(&p, wish);
    return file;
}

struct buf image_scene_png(int channels, int depth, void (*before_idat)(struct buf *))
{
    TEMP_PIXELS struct pixels p = pixels_scene(51, 37, channels);
    struct buf file = png_make(&p, depth, before_idat);
    return file;
}

void image_add_all_chunks(struct buf *b)
{
    TEMP struct buf exif = exif_make((struct exif_wish){.orientation = 1, .dpi = 96, .unit = 2});
    png_chunk(b, "gAMA", "\0\0\xb1\x8f", 4);
    png_chunk(b, "sRGB", "\0", 1);
    png_chunk(b, "pHYs", "\0\0\x2e\x23\0\0\x2e\x23\1", 9); /* 11811 per metre */
    png_chunk(b, "eXIf", (char *)exif.bytes + 6, exif.size - 6);
    png_chunk(b, "tEXt", "Author\0" PLANTED, 7 + strlen(PLANTED));
    png_chunk(b, "iTXt", "XML:com.adobe.xmp\0\0\0\0\0" PLANTED, 22 + strlen(PLANTED));
    png_chunk(b, "tIME", "\x07\xea\1\1\1\1\1", 7);
    png_chunk(b, "prVt", PLANTED, strlen(PLANTED));
}

int image_png_orientation;

void image_add_orientation(struct buf *b)
{
    TEMP struct buf exif = exif_make((struct exif_wish){.orientation = image_png_orientation});
    png_chunk(b, "gAMA", "\0\0\xb1\x8f", 4);
    png_chunk(b, "eXIf", (char *)exif.bytes + 6, exif.size - 6);
}
