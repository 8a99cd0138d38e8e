/* SPDX-License-Identifier: MIT */
#include "api/print_zip.h"

#include <archive.h>
#include <archive_entry.h>
#include <csv.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"

struct print_zip {
    struct archive *archive;
    struct buf *out; /* of the running call */
    int64_t made_us;
};

static la_ssize_t take(struct archive *archive, void *zip, const void *bytes, size_t n)
{
    const struct print_zip *z = zip;
    (void)archive;
    if (z->out)
        buf_add(z->out, bytes, n);
    return (la_ssize_t)n;
}

struct print_zip *print_zip_new(int64_t made_us)
{
    struct print_zip *z = calloc(1, sizeof *z);
    CHECK_PEER(z);
    z->made_us = made_us;
    z->archive = archive_write_new();
    CHECK_PEER(z->archive && archive_write_set_format_zip(z->archive) == ARCHIVE_OK &&
               archive_write_zip_set_compression_store(z->archive) == ARCHIVE_OK &&
               archive_write_set_bytes_per_block(z->archive, 0) == ARCHIVE_OK &&
               archive_write_open(z->archive, z, NULL, take, NULL) == ARCHIVE_OK);
    return z;
}

void print_zip_free(struct print_zip *z)
{
    if (!z)
        return;
    z->out = NULL; /* what an unfinished one writes now is for nobody */
    archive_write_free(z->archive);
    free(z);
}

static enum status write_entry(struct archive *archive, struct archive_entry *e, struct span file)
{
    if (archive_write_header(archive, e) != ARCHIVE_OK)
        return INTERNAL;
    if (archive_write_data(archive, file.bytes, file.size) != (la_ssize_t)file.size)
        return INTERNAL;
    return archive_write_finish_entry(archive) == ARCHIVE_OK ? OK : INTERNAL;
}

enum status print_zip_add(struct print_zip *z, const char *name, struct span file, struct buf *out)
{
    struct archive_entry *e = archive_entry_new();
    CHECK_PEER(e);
    archive_entry_set_pathname(e, name);
    archive_entry_set_filetype(e, AE_IFREG);
    archive_entry_set_perm(e, 0600);
    archive_entry_set_size(e, (la_int64_t)file.size);
    archive_entry_set_mtime(e, z->made_us / SECOND_US, 0);
    z->out = out;
    enum status s = write_entry(z->archive, e, file);
    z->out = NULL;
    archive_entry_free(e);
    return s;
}

enum status print_zip_end(struct print_zip *z, struct buf *out)
{
    z->out = out;
    int code = archive_write_close(z->archive);
    z->out = NULL;
    return code == ARCHIVE_OK ? OK : INTERNAL;
}

static bool looks_like_formula(const char *cell)
{
    static const char *const wide[] = {"＝", "＋", "－", "＠"};
    if (*cell && strchr("=+-@\t\r\n", *cell))
        return true;
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        if (strncmp(cell, wide[i], strlen(wide[i])) == 0)
            return true;
    return false;
}

/* A number to Excel, which would drop its first digit: a postcode, a telephone. */
static bool begins_with_nought(const char *cell)
{
    return cell[0] == '0' && cell[1] && strspn(cell, "0123456789") == strlen(cell);
}

static void add_cell(struct buf *out, const char *cell)
{
    struct buf text = {0};
    if (looks_like_formula(cell) || begins_with_nought(cell))
        buf_add_str(&text, "'");
    buf_add_str(&text, cell);
    size_t room = text.size * 2 + 2; /* every byte a quotation mark */
    buf_reserve(out, room);
    out->size += csv_write(out->bytes + out->size, room, text.bytes, text.size);
    buf_free(&text);
}

void table_line(struct buf *out, const char *const *cells, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_add_str(out, ",");
        add_cell(out, cells[i] ? cells[i] : "");
    }
    buf_add_str(out, "\r\n");
}
