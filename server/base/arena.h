/* SPDX-License-Identifier: MIT */
/*
 * Memory that lives and dies with one request (or one job run).
 *
 * Everything handed out is aligned for any type and valid until arena_free.
 * Freed and reset memory is wiped, because requests carry names, addresses
 * and portraits. Running out of memory ends the process (base/check.h): a
 * half-served request is worth less than a restart.
 * One thread at a time per arena.
 */
#ifndef IDPHOTOD_BASE_ARENA_H
#define IDPHOTOD_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena;
struct buf;

/* Returns owned; never NULL. */
struct arena *arena_new(void);

/* Wipes and releases everything. NULL is allowed. */
void arena_free(struct arena *a);

/* Zeroed bytes. size may be 0; the result is then a valid, unusable pointer. */
void *arena_alloc(struct arena *a, size_t size) __attribute__((returns_nonnull, malloc));

/* Copies of n bytes, with a NUL after them. bytes may be NULL when n is 0. */
char *arena_copy(struct arena *a, const void *bytes, size_t n) __attribute__((returns_nonnull));
char *arena_strdup(struct arena *a, const char *s) __attribute__((returns_nonnull));

char *arena_printf(struct arena *a, const char *format, ...)
    __attribute__((returns_nonnull, format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *format, va_list ap)
    __attribute__((returns_nonnull, format(printf, 2, 0)));

/* Runs release(object) when the arena is freed, last deferred first. */
void arena_defer(struct arena *a, void (*release)(void *object), void *object);

/* An empty buffer that is freed, and so wiped, with the arena. */
struct buf *arena_buf(struct arena *a) __attribute__((returns_nonnull));

#endif
