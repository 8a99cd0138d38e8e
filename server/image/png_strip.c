/* SPDX-License-Identifier: MIT */
#include "image/png_strip.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <zlib.h>

enum part { PART_PIXELS = 1, PART_COLOUR = 2, PART_EXIF = 4, PART_UNWANTED = 8, PART_REFUSED = 16 };

enum { SIGNATURE_BYTES = 8, FRAME_BYTES = 12 /* length, name, checksum */ };

struct chunk {
    const unsigned char *whole; /* from the length to the checksum */
    uint32_t size;              /* of what it carries */
};

static const struct {
    char name[5];
    enum part part;
} known[] = {
    {"IHDR", PART_PIXELS},  {"PLTE", PART_PIXELS}, {"tRNS", PART_PIXELS},  {"IDAT", PART_PIXELS},
    {"IEND", PART_PIXELS},  {"pHYs", PART_COLOUR}, {"iCCP", PART_COLOUR},  {"sRGB", PART_COLOUR},
    {"gAMA", PART_COLOUR},  {"cHRM", PART_COLOUR}, {"acTL", PART_REFUSED}, {"fcTL", PART_REFUSED},
    {"fdAT", PART_REFUSED}, {"eXIf", PART_EXIF},
};

static uint32_t big_endian(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool is(struct chunk c, const char *name)
{
    return memcmp(c.whole + 4, name, 4) == 0;
}

static enum part part_of(struct chunk c)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (is(c, known[i].name))
            return known[i].part;
    /* an upper-case first letter means that the picture cannot be read without the chunk */
    return c.whole[4] & 0x20 ? PART_UNWANTED : PART_REFUSED;
}

static bool next_chunk(struct span *rest, struct chunk *c)
{
    const unsigned char *at = rest->bytes;
    if (rest->size < FRAME_BYTES || big_endian(at) > rest->size - FRAME_BYTES)
        return false;
    uint32_t size = big_endian(at);
    if (crc32(crc32(0, NULL, 0), at + 4, size + 4) != big_endian(at + 8 + size))
        return false;
    *c = (struct chunk){at, size};
    rest->bytes = at + FRAME_BYTES + size;
    rest->size -= FRAME_BYTES + size;
    return true;
}

static bool first_chunk(struct span file, struct span *rest, struct chunk *header)
{
    static const unsigned char signature[SIGNATURE_BYTES] = "\x89PNG\r\n\x1a\n";
    if (file.size < SIGNATURE_BYTES || memcmp(file.bytes, signature, SIGNATURE_BYTES) != 0)
        return false;
    rest->bytes = (const unsigned char *)file.bytes + SIGNATURE_BYTES;
    rest->size = file.size - SIGNATURE_BYTES;
    return next_chunk(rest, header) && is(*header, "IHDR");
}

static void add_chunk(struct buf *out, struct chunk c)
{
    buf_add(out, c.whole, (size_t)c.size + FRAME_BYTES);
}

/* Copies the wanted ones of the chunks after IHDR, in their order. */
static enum status copy_parts(struct span rest, unsigned wanted, struct buf *out)
{
    struct chunk c;
    while (next_chunk(&rest, &c)) {
        enum part part = part_of(c);
        if (part == PART_REFUSED)
            return INVALID;
        if (part & wanted)
            add_chunk(out, c);
        if (is(c, "IEND"))
            return OK;
    }
    return INVALID;
}

/* pHYs: pixels per unit across and down, unit 1 is the metre. */
static int32_t dpi_of(struct span rest)
{
    struct chunk c;
    while (next_chunk(&rest, &c)) {
        if (!is(c, "pHYs"))
            continue;
        if (c.size != 9 || c.whole[16] != 1)
            return 0;
        double dpi = big_endian(c.whole + 8) * 0.0254 + 0.5;
        return dpi < INT32_MAX ? (int32_t)dpi : 0;
    }
    return 0;
}

static void begin(struct span file, struct chunk header, struct buf *out)
{
    buf_reserve(out, file.size);
    buf_add(out, file.bytes, SIGNATURE_BYTES);
    add_chunk(out, header);
}

enum status png_strip(struct span pixels, struct span colour, struct buf *out, int32_t *dpi)
{
    struct span pixels_rest, colour_rest;
    struct chunk header, ignored;
    if (!first_chunk(pixels, &pixels_rest, &header) || !first_chunk(colour, &colour_rest, &ignored))
        return INVALID;
    begin(pixels, header, out);
    enum status s;
    if (pixels.bytes == colour.bytes) {
        s = copy_parts(pixels_rest, PART_PIXELS | PART_COLOUR, out);
    } else {
        s = copy_parts(colour_rest, PART_COLOUR, out);
        if (s == OK)
            s = copy_parts(pixels_rest, PART_PIXELS, out);
    }
    if (s == OK)
        *dpi = dpi_of(colour_rest);
    return s;
}

enum status png_essence(struct span file, struct buf *out)
{
    struct span rest;
    struct chunk header;
    if (!first_chunk(file, &rest, &header))
        return INVALID;
    begin(file, header, out);
    return copy_parts(rest, PART_PIXELS | PART_COLOUR | PART_EXIF, out);
}
