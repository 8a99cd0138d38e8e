/* SPDX-License-Identifier: MIT */
#include "pictures.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <zlib.h>

struct span span_of(const struct buf *b)
{
    return (struct span){b->bytes, b->size};
}

bool contains(struct span file, const char *text)
{
    return memmem(file.bytes, file.size, text, strlen(text)) != NULL;
}

/* ------------------------------------------------------------- pixels */

static struct pixels pixels_of(int width, int height, int channels)
{
    struct pixels p = {width, height, channels, {0}};
    buf_reserve(&p.samples, (size_t)(width * height * channels));
    return p;
}

struct pixels pixels_scene(int width, int height, int channels)
{
    struct pixels p = pixels_of(width, height, channels);
    unsigned noise = 1;
    for (int i = 0; i < width * height * channels; i++) {
        int x = i / channels % width, y = i / channels / width, c = i % channels;
        noise = noise * 1664525u + 1013904223u;
        int value = x * 120 / width + y * 70 / height + c * 20 + (int)(noise >> 28);
        buf_add(&p.samples, &(unsigned char){(unsigned char)value}, 1);
    }
    return p;
}

struct pixels pixels_quarters(int width, int height)
{
    struct pixels p = pixels_of(width, height, 1);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            int quarter = (y >= height / 2) * 2 + (x >= width / 2);
            buf_add(&p.samples, &(unsigned char){(unsigned char)(30 + 60 * quarter)}, 1);
        }
    return p;
}

/* ------------------------------------------------------------- EXIF */

static void le16(struct buf *b, unsigned v)
{
    buf_add(b, (unsigned char[]){(unsigned char)v, (unsigned char)(v >> 8)}, 2);
}

static void le32(struct buf *b, unsigned v)
{
    le16(b, v & 0xffff);
    le16(b, v >> 16);
}

static void ifd_entry(struct buf *b, unsigned tag, unsigned type, unsigned count, unsigned value)
{
    le16(b, tag);
    le16(b, type);
    le32(b, count);
    le32(b, value);
}

/* Offsets count from the TIFF header: IFD0 at 8 with 6 entries, IFD1 and GPS behind the values. */
struct buf exif_make(struct exif_wish wish)
{
    enum {
        VALUES = 8 + 2 + 6 * 12 + 4,
        TEXT = VALUES + 16,
        GPS = TEXT + sizeof PLANTED + 1,
        IFD1 = GPS + 2 + 2 * 12 + 4,
        THUMB = IFD1 + 2 + 2 * 12 + 4
    };
    struct buf b = {0};
    buf_add(&b, "Exif\0\0II*\0\x08\0\0\0", 14);
    le16(&b, 6);
    ifd_entry(&b, 0x010e, 2, sizeof PLANTED, TEXT);
    ifd_entry(&b, wish.orientation ? 0x0112 : 0xfde8, 3, 1, (unsigned)wish.orientation);
    ifd_entry(&b, wish.dpi ? 0x011a : 0xfde9, 5, 1, VALUES);
    ifd_entry(&b, wish.dpi ? 0x011b : 0xfdea, 5, 1, VALUES + 8);
    ifd_entry(&b, wish.dpi ? 0x0128 : 0xfdeb, 3, 1, (unsigned)wish.unit);
    ifd_entry(&b, 0x8825, 4, 1, GPS);
    le32(&b, IFD1);
    for (int i = 0; i < 2; i++) {
        le32(&b, (unsigned)wish.dpi);
        le32(&b, 1);
    }
    buf_add(&b, PLANTED "\0", sizeof PLANTED + 1);
    le16(&b, 2);
    ifd_entry(&b, 0x0001, 2, 2, 'N');
    ifd_entry(&b, 0x001d, 2, sizeof PLANTED, TEXT);
    le32(&b, 0);
    le16(&b, 2);
    ifd_entry(&b, 0x0201, 4, 1, THUMB);
    ifd_entry(&b, 0x0202, 4, 1, 4 + sizeof PLANTED);
    le32(&b, 0);
    buf_add(&b, "\xff\xd8\xff\xd9" PLANTED, 4 + sizeof PLANTED);
    return b;
}

/* ------------------------------------------------------------- JPEG */

static void gossip(struct jpeg_compress_struct *c)
{
    static const struct {
        int marker;
        const char *text;
    } said[] = {{JPEG_APP0, "JFXX\0\x10"}, {JPEG_APP0 + 1, "http://ns.adobe.com/xap/1.0/"},
                {JPEG_APP0 + 2, "MPF"},    {JPEG_APP0 + 13, "Photoshop 3.0"},
                {JPEG_APP0 + 9, "own"},    {JPEG_COM, "comment"}};
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        char body[100];
        int n = snprintf(body, sizeof body, "%s%c" PLANTED, said[i].text, 0);
        jpeg_write_marker(c, said[i].marker, (const JOCTET *)body, (unsigned)n);
    }
}

static void set_colours(struct jpeg_compress_struct *c, const struct jpeg_wish *wish)
{
    static const J_COLOR_SPACE spaces[] = {0, JCS_GRAYSCALE, 0, JCS_RGB, JCS_CMYK};
    c->in_color_space = spaces[c->input_components];
    jpeg_set_defaults(c);
    if (wish->rgb)
        jpeg_set_colorspace(c, JCS_RGB);
    if (wish->no_jfif)
        c->write_JFIF_header = FALSE;
    if (c->input_components == 4 && wish->jfif_unit)
        c->write_JFIF_header = TRUE;
    if (wish->no_adobe)
        c->write_Adobe_marker = FALSE;
}

static void set_coding(struct jpeg_compress_struct *c, const struct jpeg_wish *wish)
{
    static const jpeg_scan_info each[] = {
        {1, {0}, 0, 63, 0, 0}, {1, {1}, 0, 63, 0, 0}, {1, {2}, 0, 63, 0, 0}};
    jpeg_set_quality(c, wish->quality ? wish->quality : 90, TRUE);
    if (wish->progressive)
        jpeg_simple_progression(c);
    if (wish->several_scans) {
        c->scan_info = each;
        c->num_scans = 3;
    }
    c->arith_code = wish->arithmetic;
    c->restart_in_rows = wish->restart_rows;
    c->density_unit = (UINT8)wish->jfif_unit;
    if (wish->jfif_unit)
        c->X_density = c->Y_density = (UINT16)wish->jfif_density;
}

struct buf jpeg_make(const struct pixels *p, struct jpeg_wish wish)
{
    struct jpeg_error_mgr err;
    struct jpeg_compress_struct c = {.err = jpeg_std_error(&err)};
    unsigned char *bytes = NULL;
    unsigned long n = 0;
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &bytes, &n);
    c.image_width = (JDIMENSION)p->width;
    c.image_height = (JDIMENSION)p->height;
    c.input_components = p->channels;
    set_colours(&c, &wish);
    set_coding(&c, &wish);
    jpeg_start_compress(&c, TRUE);
    if (wish.exif.size)
        jpeg_write_marker(&c, JPEG_APP0 + 1, wish.exif.bytes, (unsigned)wish.exif.size);
    if (wish.icc.size)
        jpeg_write_icc_profile(&c, wish.icc.bytes, (unsigned)wish.icc.size);
    if (wish.gossip)
        gossip(&c);
    for (int y = 0; y < p->height; y++) {
        JSAMPROW row = p->samples.bytes + (size_t)(y * p->width * p->channels);
        jpeg_write_scanlines(&c, &row, 1);
    }
    jpeg_finish_compress(&c);
    struct buf out = {0};
    buf_add(&out, bytes, n);
    free(bytes);
    jpeg_destroy_compress(&c);
    return out;
}

struct pixels jpeg_pixels(struct span file)
{
    struct jpeg_error_mgr err;
    struct jpeg_decompress_struct d = {.err = jpeg_std_error(&err)};
    jpeg_create_decompress(&d);
    jpeg_mem_src(&d, file.bytes, file.size);
    jpeg_read_header(&d, TRUE);
    d.out_color_space = d.jpeg_color_space;
    jpeg_start_decompress(&d);
    struct pixels p = pixels_of((int)d.output_width, (int)d.output_height, d.output_components);
    JSAMPROW row = malloc((size_t)(p.width * p.channels));
    while (d.output_scanline < d.output_height) {
        jpeg_read_scanlines(&d, &row, 1);
        buf_add(&p.samples, row, (size_t)(p.width * p.channels));
    }
    free(row);
    jpeg_finish_decompress(&d);
    cr_assert_eq(err.num_warnings, 0);
    jpeg_destroy_decompress(&d);
    return p;
}

/* Walks the segments up to the first scan; rest begins at the scan's marker. */
static bool next_segment(struct span *rest, int *marker, struct span *body)
{
    const unsigned char *p = rest->bytes;
    cr_assert(rest->size > 4 && p[0] == 0xff);
    size_t n = (size_t)p[2] << 8 | p[3];
    *marker = p[1];
    *body = (struct span){p + 4, n - 2};
    *rest = (struct span){p + 2 + n, rest->size - 2 - n};
    return p[1] != 0xda;
}

bool jpeg_segment(struct span file, int marker, const char *begin, struct span *body)
{
    struct span rest = {(const char *)file.bytes + 2, file.size - 2};
    int found;
    while (next_segment(&rest, &found, body))
        if (found == marker && body->size >= strlen(begin) &&
            memcmp(body->bytes, begin, strlen(begin)) == 0)
            return true;
    return false;
}

struct span jpeg_scan(struct span file)
{
    struct span rest = {(const char *)file.bytes + 2, file.size - 2}, body;
    int marker;
    while (next_segment(&rest, &marker, &body))
        ;
    return (struct span){rest.bytes, rest.size - 2};
}

/* ------------------------------------------------------------- PNG */

static void be32(struct buf *b, uint32_t v)
{
    buf_add(b,
            (unsigned char[]){(unsigned char)(v >> 24), (unsigned char)(v >> 16),
                              (unsigned char)(v >> 8), (unsigned char)v},
            4);
}

void png_chunk(struct buf *out, const char *name, const void *bytes, size_t n)
{
    be32(out, (uint32_t)n);
    size_t start = out->size;
    buf_add_str(out, name);
    buf_add(out, bytes, n);
    be32(out, (uint32_t)crc32(0, out->bytes + start, (uInt)(out->size - start)));
}

void png_begin(struct buf *out, int width, int height, int depth, int colour_type, int interlace)
{
    struct buf header = {0};
    be32(&header, (uint32_t)width);
    be32(&header, (uint32_t)height);
    buf_add(&header,
            (unsigned char[]){(unsigned char)depth, (unsigned char)colour_type, 0, 0,
                              (unsigned char)interlace},
            5);
    buf_add(out, "\x89PNG\r\n\x1a\n", 8);
    png_chunk(out, "IHDR", header.bytes, header.size);
    buf_free(&header);
}

void png_idat(struct buf *out, const void *rows, size_t n)
{
    uLongf room = compressBound(n);
    unsigned char *packed = malloc(room);
    cr_assert_eq(compress2(packed, &room, rows, n, 6), Z_OK);
    png_chunk(out, "IDAT", packed, room);
    free(packed);
}

void png_idat_zeros(struct buf *out, size_t n)
{
    static unsigned char zeros[1 << 16], packed[1 << 16];
    struct buf stream = {0};
    z_stream z = {0};
    cr_assert_eq(deflateInit(&z, 1), Z_OK);
    int state = Z_OK;
    while (state != Z_STREAM_END) {
        if (z.avail_in == 0 && n > 0) {
            z.next_in = zeros;
            z.avail_in = n < sizeof zeros ? (uInt)n : sizeof zeros;
            n -= z.avail_in;
        }
        z.next_out = packed;
        z.avail_out = sizeof packed;
        state = deflate(&z, n == 0 ? Z_FINISH : Z_NO_FLUSH);
        buf_add(&stream, packed, sizeof packed - z.avail_out);
    }
    deflateEnd(&z);
    png_chunk(out, "IDAT", stream.bytes, stream.size);
    buf_free(&stream);
}

void png_end(struct buf *out)
{
    png_chunk(out, "IEND", NULL, 0);
}

struct buf png_make(const struct pixels *p, int depth, void (*before_idat)(struct buf *))
{
    static const int types[] = {0, 0, 4, 2, 6};
    struct buf out = {0}, rows = {0};
    png_begin(&out, p->width, p->height, depth, types[p->channels], 0);
    if (before_idat)
        before_idat(&out);
    size_t per_row = (size_t)(p->width * p->channels);
    for (int y = 0; y < p->height; y++) {
        buf_add(&rows, "", 1);
        for (size_t i = 0; i < per_row; i++) {
            unsigned char sample = p->samples.bytes[(size_t)y * per_row + i];
            buf_add(&rows, (unsigned char[]){sample, (unsigned char)~sample}, (size_t)depth / 8);
        }
    }
    png_idat(&out, rows.bytes, rows.size);
    png_end(&out);
    buf_free(&rows);
    return out;
}

static const unsigned char *find_chunk(struct span file, const char *name, size_t *from)
{
    const unsigned char *p = file.bytes;
    while (*from + 12 <= file.size) {
        const unsigned char *at = p + *from;
        *from += 12 + ((size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3]);
        if (memcmp(at + 4, name, 4) == 0)
            return at;
    }
    return NULL;
}

bool png_has(struct span file, const char *name)
{
    size_t from = 8;
    return find_chunk(file, name, &from) != NULL;
}

struct buf png_rows(struct span file)
{
    struct buf packed = {0}, rows = {0};
    size_t from = 8;
    for (const unsigned char *at; (at = find_chunk(file, "IDAT", &from));)
        buf_add(&packed, at + 8, (size_t)((const unsigned char *)file.bytes + from - at) - 12);
    uLongf n = 1 << 22;
    unsigned char *room = malloc(n);
    cr_assert_eq(uncompress(room, &n, packed.bytes, packed.size), Z_OK);
    buf_add(&rows, room, n);
    free(room);
    buf_free(&packed);
    return rows;
}
