/* SPDX-License-Identifier: MIT */
/*
 * Memory that dies together: one pool per request, one for the store of trades.
 *
 * Running out of memory ends the program: it is a test stand-in. A pool belongs
 * to one thread at a time; its owner brings the lock.
 */
#ifndef SANDBOX_POOL_H
#define SANDBOX_POOL_H

#include <jansson.h>
#include <stddef.h>

struct pool;

struct pool *pool_new(void);
void pool_free(struct pool *pool);
void *pool_alloc(struct pool *pool, size_t bytes);
/* Copies n bytes and puts a NUL behind them. */
char *pool_copy(struct pool *pool, const void *bytes, size_t n);
char *pool_text(struct pool *pool, const char *text); /* NULL stays NULL */
char *pool_print(struct pool *pool, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Takes the reference; it is dropped with the pool. Returns json. */
json_t *pool_json(struct pool *pool, json_t *json);
/* Compact text, members in the order of insertion. */
char *pool_dump(struct pool *pool, const json_t *json);

/* NULL adds nothing. */
void json_put_text(json_t *object, const char *name, const char *text);

/* A growing text inside a pool; text is NUL-terminated after each addition. */
struct text {
    struct pool *pool;
    char *at;
    size_t size, room;
};
void text_add(struct text *t, const void *bytes, size_t n);
void text_puts(struct text *t, const char *s);
void text_print(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
