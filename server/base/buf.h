/* SPDX-License-Identifier: MIT */
/*
 * A growable run of bytes, wiped when it grows or dies. One thread at a time.
 * Zero-initialised is empty and valid.
 */
#ifndef IDPHOTOD_BASE_BUF_H
#define IDPHOTOD_BASE_BUF_H

#include <stddef.h>

struct buf {
    unsigned char *bytes; /* always followed by a NUL once anything was added */
    size_t size;
    size_t room;
};

/* A borrowed run of bytes. */
struct span {
    const void *bytes;
    size_t size;
};

void buf_add(struct buf *b, const void *bytes, size_t n);
void buf_add_str(struct buf *b, const char *s);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Makes room for n more bytes, so that growing does not copy. */
void buf_reserve(struct buf *b, size_t n);
/* What it holds at most while n more bytes are added: the old bytes lie beside the new ones while
 * it grows. */
size_t buf_peak(const struct buf *b, size_t n);
/* Wipes, releases, and leaves it empty. */
void buf_free(struct buf *b);

#endif
