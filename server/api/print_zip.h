/* SPDX-License-Identifier: MIT */
/*
 * A zip that is written while it is sent: what is added comes out at once.
 *
 * Nothing is compressed (pictures are, already) and nothing but the directory
 * of names is kept. One thread at a time.
 */
#ifndef IDPHOTOD_API_PRINT_ZIP_H
#define IDPHOTOD_API_PRINT_ZIP_H

#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"

struct print_zip;

/* made_us stands at every file in it, so that the same files give the same zip. Returns owned. */
struct print_zip *print_zip_new(int64_t made_us);
/* NULL is allowed. */
void print_zip_free(struct print_zip *z);

/* Appends a file to what is sent. INTERNAL: the library failed. */
enum status print_zip_add(struct print_zip *z, const char *name, struct span file,
                          struct buf *out) MUST_USE;
/* Appends the directory. Nothing can be added after it. */
enum status print_zip_end(struct print_zip *z, struct buf *out) MUST_USE;

/* One line of a table for Excel: UTF-8, cells in quotation marks, CR LF. A cell that a spreadsheet
 * would take for a formula (=, +, -, @, tab or carriage return in front, wide forms too) gets an
 * apostrophe in front (OWASP, CSV injection); so do digits that begin with 0, which would be lost.
 * NULL is an empty cell. */
void table_line(struct buf *out, const char *const *cells, size_t n);
/* What Excel knows UTF-8 by; before the first line. */
#define TABLE_MARK "\xEF\xBB\xBF"

#endif
