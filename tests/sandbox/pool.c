/* SPDX-License-Identifier: MIT */
#include "pool.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct block {
    struct block *next;
    json_t *json;
    max_align_t bytes[];
};

struct pool {
    struct block *first;
};

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

struct pool *pool_new(void)
{
    return must(calloc(1, sizeof(struct pool)));
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    for (struct block *b = pool->first, *next; b; b = next) {
        next = b->next;
        json_decref(b->json);
        free(b);
    }
    free(pool);
}

static struct block *add_block(struct pool *pool, size_t bytes)
{
    struct block *b = must(calloc(1, sizeof *b + bytes));
    b->next = pool->first;
    pool->first = b;
    return b;
}

void *pool_alloc(struct pool *pool, size_t bytes)
{
    return add_block(pool, bytes)->bytes;
}

char *pool_copy(struct pool *pool, const void *bytes, size_t n)
{
    char *copy = pool_alloc(pool, n + 1);
    if (n)
        memcpy(copy, bytes, n);
    return copy;
}

char *pool_text(struct pool *pool, const char *text)
{
    return text ? pool_copy(pool, text, strlen(text)) : NULL;
}

static char *print_list(struct pool *pool, const char *format, va_list list)
{
    va_list again;
    va_copy(again, list);
    int n = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (n < 0)
        abort();
    char *text = pool_alloc(pool, (size_t)n + 1);
    vsnprintf(text, (size_t)n + 1, format, list);
    return text;
}

char *pool_print(struct pool *pool, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    char *text = print_list(pool, format, list);
    va_end(list);
    return text;
}

json_t *pool_json(struct pool *pool, json_t *json)
{
    add_block(pool, 0)->json = must(json);
    return json;
}

char *pool_dump(struct pool *pool, const json_t *json)
{
    char *dump = must(json_dumps(json, JSON_COMPACT | JSON_PRESERVE_ORDER));
    char *copy = pool_text(pool, dump);
    free(dump);
    return copy;
}

void text_add(struct text *t, const void *bytes, size_t n)
{
    if (t->size + n + 1 > t->room) {
        size_t room = 2 * (t->size + n) + 64;
        char *larger = pool_alloc(t->pool, room);
        if (t->size)
            memcpy(larger, t->at, t->size);
        t->at = larger;
        t->room = room;
    }
    if (n)
        memcpy(t->at + t->size, bytes, n);
    t->size += n;
    t->at[t->size] = '\0';
}

void text_puts(struct text *t, const char *s)
{
    text_add(t, s, strlen(s));
}

void text_print(struct text *t, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    text_puts(t, print_list(t->pool, format, list));
    va_end(list);
}

void json_put_text(json_t *object, const char *name, const char *text)
{
    if (text)
        json_object_set_new(object, name, json_string(text));
}
