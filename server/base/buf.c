/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { FIRST_LEAST = 256 };

static size_t room_for(const struct buf *b, size_t n)
{
    CHECK(n < SIZE_MAX / 4 && b->size < SIZE_MAX / 4);
    size_t need = b->size + n + 1;
    size_t room = b->room ? b->room : FIRST_LEAST;
    if (!b->room && need > room)
        room = need; /* who asks first may know how much there will be */
    while (room < need)
        room *= 2;
    return room;
}

size_t buf_peak(const struct buf *b, size_t n)
{
    size_t room = room_for(b, n);
    return room > b->room ? b->room + room : room;
}

void buf_reserve(struct buf *b, size_t n)
{
    size_t room = room_for(b, n);
    if (room <= b->room)
        return;
    /* no realloc: it may leave an unwiped copy behind */
    unsigned char *grown = malloc(room);
    CHECK_PEER(grown);
    if (b->bytes) {
        memcpy(grown, b->bytes, b->size + 1);
        sodium_memzero(b->bytes, b->size);
        free(b->bytes);
    } else {
        grown[0] = 0;
    }
    b->bytes = grown;
    b->room = room;
}

void buf_add(struct buf *b, const void *bytes, size_t n)
{
    buf_reserve(b, n);
    if (n)
        memcpy(b->bytes + b->size, bytes, n);
    b->size += n;
    b->bytes[b->size] = 0;
}

void buf_add_str(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list ap, again;
    va_start(ap, format);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, format, ap);
    CHECK(n >= 0);
    buf_reserve(b, (size_t)n);
    vsnprintf((char *)b->bytes + b->size, (size_t)n + 1, format, again);
    b->size += (size_t)n;
    va_end(again);
    va_end(ap);
}

void buf_free(struct buf *b)
{
    if (b->bytes) {
        sodium_memzero(b->bytes, b->size);
        free(b->bytes);
    }
    *b = (struct buf){0};
}
