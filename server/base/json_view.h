/* SPDX-License-Identifier: MIT */
/*
 * A JSON text, read by simdjson where it is, instead of being built of jansson's
 * objects: a twentieth of the time, which a callback has to pass for its
 * signature. For texts that are read once and dropped; what is written, or kept
 * and changed, is jansson's.
 *
 * Strict (RFC 8259, and more): one object, nothing behind it, valid UTF-8, no
 * member twice, no NUL in a string, JSON_VIEW_DEPTH levels at most. Whatever it
 * copies is freed with the text, and overwritten then (process_forget_freed).
 * A text is one thread's at a time.
 */
#ifndef IDPHOTOD_BASE_JSON_VIEW_H
#define IDPHOTOD_BASE_JSON_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { JSON_VIEW_DEPTH = 32 };

struct json_text;

/* A value in an open text, or none; zero-initialised is none. Of none, and of a value of another
 * type than a function asks for, every function gives none, NULL, 0 or false. */
struct json_view {
    const void *text;
    size_t at;
};

/* Returns owned, and its object as *root; NULL, and none, when it is not a strict object. json may
 * be NULL when n is 0. */
struct json_text *json_text_open(const void *json, size_t n, struct json_view *root) MUST_USE;
/* Every view of it ends. NULL is allowed. */
void json_text_close(struct json_text *t);

struct json_view json_view_member(struct json_view object, const char *name);
/* The first member of which fits says so; name lives as long as the text. */
struct json_view json_view_find(struct json_view object,
                                bool (*fits)(const char *name, struct json_view value));
struct json_view json_view_item(struct json_view array, size_t i);
size_t json_view_count(struct json_view array);

bool json_view_exists(struct json_view v);
bool json_view_is_object(struct json_view v);
bool json_view_is_array(struct json_view v);
/* The string, until the text is closed, and its bytes if n is not NULL. */
const char *json_view_string(struct json_view v, size_t *n);
/* Whether it is a whole number that fits; *out is left alone otherwise. */
bool json_view_integer(struct json_view v, int64_t *out);

#ifdef __cplusplus
}
#endif

#endif
