/* SPDX-License-Identifier: MIT */
#include "base/arena.h"

#include <sodium.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"

enum { BLOCK_BYTES = 8192 };

struct block {
    struct block *next;
    size_t size;
    size_t used;
    alignas(max_align_t) unsigned char bytes[];
};

struct deferred {
    struct deferred *next;
    void (*release)(void *);
    void *object;
};

struct arena {
    struct block *blocks;
    struct deferred *deferred;
};

static struct block *block_new(size_t size)
{
    struct block *b = calloc(1, sizeof *b + size);
    CHECK_PEER(b);
    b->size = size;
    return b;
}

struct arena *arena_new(void)
{
    struct arena *a = calloc(1, sizeof *a);
    CHECK_PEER(a);
    return a;
}

void arena_free(struct arena *a)
{
    if (!a)
        return;
    for (struct deferred *d = a->deferred; d; d = d->next)
        d->release(d->object);
    for (struct block *b = a->blocks, *next; b; b = next) {
        next = b->next;
        sodium_memzero(b->bytes, b->used);
        free(b);
    }
    free(a);
}

void *arena_alloc(struct arena *a, size_t size)
{
    CHECK(size < SIZE_MAX / 2);
    size_t need = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    struct block *b = a->blocks;
    if (!b || b->size - b->used < need) {
        b = block_new(need > BLOCK_BYTES ? need : BLOCK_BYTES);
        b->next = a->blocks;
        a->blocks = b;
    }
    void *p = b->bytes + b->used;
    b->used += need;
    return p;
}

char *arena_copy(struct arena *a, const void *bytes, size_t n)
{
    char *p = arena_alloc(a, n + 1);
    if (n)
        memcpy(p, bytes, n);
    return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return arena_copy(a, s, strlen(s));
}

char *arena_vprintf(struct arena *a, const char *format, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, format, ap);
    CHECK(n >= 0);
    char *p = arena_alloc(a, (size_t)n + 1);
    vsnprintf(p, (size_t)n + 1, format, again);
    va_end(again);
    return p;
}

char *arena_printf(struct arena *a, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    char *p = arena_vprintf(a, format, ap);
    va_end(ap);
    return p;
}

void arena_defer(struct arena *a, void (*release)(void *object), void *object)
{
    struct deferred *d = arena_alloc(a, sizeof *d);
    *d = (struct deferred){.next = a->deferred, .release = release, .object = object};
    a->deferred = d;
}

static void release_buf(void *b)
{
    buf_free(b);
}

struct buf *arena_buf(struct arena *a)
{
    struct buf *b = arena_alloc(a, sizeof *b);
    arena_defer(a, release_buf, b);
    return b;
}
