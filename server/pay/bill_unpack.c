/* SPDX-License-Identifier: MIT */
#include "pay/bill_unpack.h"

#include <errno.h>
#include <iconv.h>
#include <stdbool.h>
#include <string.h>
#include <zip.h>
#include <zlib.h>

#include "base/check.h"

enum { CHUNK_BYTES = 1 << 16, NAME_MAX_BYTES = 512, GZIP_WINDOW = 15 + 16 };

static enum status add_within(struct buf *out, const void *bytes, size_t n, size_t begun,
                              size_t max)
{
    if (out->size - begun + n > max)
        return TOO_LARGE;
    buf_add(out, bytes, n);
    return OK;
}

static enum status inflate_all(z_stream *z, size_t max, struct buf *out)
{
    unsigned char chunk[CHUNK_BYTES];
    size_t begun = out->size;
    for (;;) {
        z->next_out = chunk;
        z->avail_out = sizeof chunk;
        int rc = inflate(z, Z_NO_FLUSH);
        if (rc != Z_OK && rc != Z_STREAM_END)
            return INVALID;
        enum status s = add_within(out, chunk, sizeof chunk - z->avail_out, begun, max);
        if (s != OK)
            return s;
        if (rc == Z_STREAM_END)
            return z->avail_in == 0 ? OK : INVALID;
        if (z->avail_in == 0 && z->avail_out != 0)
            return INVALID; /* it was cut */
    }
}

enum status bill_gunzip(const void *packed, size_t n, size_t max, struct buf *out)
{
    static const unsigned char magic[] = {0x1f, 0x8b};
    union {
        const void *read_only;
        Bytef *bytes;
    } in = {.read_only = packed}; /* zlib's older interface does not say const */
    z_stream z = {.next_in = in.bytes, .avail_in = (uInt)n};
    if (n > UINT32_MAX)
        return TOO_LARGE;
    if (n < sizeof magic || memcmp(packed, magic, sizeof magic) != 0)
        return add_within(out, packed, n, out->size, max);
    CHECK_PEER(inflateInit2(&z, GZIP_WINDOW) == Z_OK);
    enum status s = inflate_all(&z, max, out);
    inflateEnd(&z);
    return s;
}

/* ---- GBK ---- */

enum status bill_from_gbk(const void *text, size_t n, struct buf *out)
{
    char chunk[CHUNK_BYTES];
    union {
        const void *read_only;
        char *bytes;
    } in = {.read_only = text};
    iconv_t converter = iconv_open("UTF-8", "GB18030");
    CHECK_PEER(converter != (iconv_t)-1);
    enum status s = OK;
    while (s == OK && n) {
        char *to = chunk;
        size_t room = sizeof chunk;
        if (iconv(converter, &in.bytes, &n, &to, &room) == (size_t)-1 && errno != E2BIG)
            s = INVALID;
        buf_add(out, chunk, sizeof chunk - room);
    }
    iconv_close(converter);
    return s;
}

/* ---- zip ---- */

static bool ends_in(const char *name, const char *suffix)
{
    size_t n = strlen(name), m = strlen(suffix);
    return n >= m && strcmp(name + n - m, suffix) == 0;
}

/* Packers that know the flag for UTF-8 names set it; Alipay's names are GBK without it. */
static bool is_named(const char *raw, const char *suffix)
{
    struct buf name = {0};
    bool found = ends_in(raw, suffix);
    if (!found && strlen(raw) < NAME_MAX_BYTES && bill_from_gbk(raw, strlen(raw), &name) == OK &&
        name.bytes)
        found = ends_in((const char *)name.bytes, suffix);
    buf_free(&name);
    return found;
}

static enum status find_member(zip_t *zip, const char *suffix, zip_uint64_t *out)
{
    zip_int64_t n = zip_get_num_entries(zip, 0);
    size_t found = 0;
    for (zip_int64_t i = 0; i < n; i++) {
        const char *raw = zip_get_name(zip, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
        if (raw && is_named(raw, suffix)) {
            *out = (zip_uint64_t)i;
            found++;
        }
    }
    return found == 1 ? OK : INVALID;
}

/* What the directory says of sizes is not believed. zip_fread checks the sum at the end. */
static enum status read_member(zip_file_t *member, size_t max, struct buf *out)
{
    unsigned char chunk[CHUNK_BYTES];
    size_t begun = out->size;
    zip_int64_t got;
    while ((got = zip_fread(member, chunk, sizeof chunk)) > 0) {
        enum status s = add_within(out, chunk, (size_t)got, begun, max);
        if (s != OK)
            return s;
    }
    return got == 0 ? OK : INVALID;
}

static enum status unzip_from(zip_t *zip, const char *suffix, size_t max, struct buf *out)
{
    zip_uint64_t index;
    enum status s = find_member(zip, suffix, &index);
    if (s != OK)
        return s;
    zip_file_t *member = zip_fopen_index(zip, index, 0);
    if (!member)
        return INVALID;
    s = read_member(member, max, out);
    zip_fclose(member);
    return s;
}

enum status bill_unzip(const void *packed, size_t n, const char *suffix, size_t max,
                       struct buf *out)
{
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t *source = zip_source_buffer_create(packed, n, 0, &error);
    zip_t *zip = source ? zip_open_from_source(source, ZIP_RDONLY, &error) : NULL;
    enum status s = zip ? unzip_from(zip, suffix, max, out) : INVALID;
    if (zip)
        zip_discard(zip);
    else if (source)
        zip_source_free(source);
    zip_error_fini(&error);
    return s;
}
