/* SPDX-License-Identifier: MIT */
/*
 * What an answer is expected to look like, written as JSON with ' for ":
 *
 *   {'state': 'paid', 'paid_at': '@time', 'items': ['@any'], '...': true}
 *
 * An object's members are these and no others, unless it has the member "...";
 * an array has as many items, unless its last is "..."; after a first "..." it has each of the
 * others somewhere. A text that begins with @ is a kind:
 *
 *   @any  @text  @integer  @true-or-false  @time  @id:ord_  @digits  @has:WORD  @not:WORD
 *   @absent (the member must not be there)
 *
 * A text with NAME in double braces stands for the value kept under that name. One thread.
 */
#ifndef API_SHAPE_H
#define API_SHAPE_H

#include <jansson.h>
#include <stdbool.h>

/* Values that steps keep for later ones. */
void keep_set(const char *name, const char *value);
/* "" when nothing was kept under that name. Borrowed until the name is set again. */
const char *keep_get(const char *name);
/* The text with {{NAME}} replaced. To be freed. */
char *keep_fill(const char *text);

/* Single quotes become double ones, names are filled in, the rest is parsed; NULL and a line on
 * stderr when that is not JSON. A new reference. */
json_t *shape_read(const char *text);
/* True when they match; else why says where they differ. */
bool shape_match(const json_t *shape, const json_t *value, char *why, size_t why_size);
/* The member that a path such as items.0.photo_id names; NULL when there is none. Borrowed. */
const json_t *shape_find(const json_t *value, const char *path);

#endif
