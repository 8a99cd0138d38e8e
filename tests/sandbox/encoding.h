/* SPDX-License-Identifier: MIT */
/*
 * Base64, hexadecimal, percent-encoding, forms, UTF-8, random texts. Strict:
 * what a provider would refuse is refused here. Results lie in the pool.
 */
#ifndef SANDBOX_ENCODING_H
#define SANDBOX_ENCODING_H

#include "pool.h"

#include <stdbool.h>

char *base64_encode(struct pool *pool, const void *bytes, size_t n);
/* Standard alphabet, padded, no white space. */
bool base64_decode(struct pool *pool, const char *text, unsigned char **bytes, size_t *n);
char *hex_upper(struct pool *pool, const unsigned char *bytes, size_t n);
char *hex_lower(struct pool *pool, const unsigned char *bytes, size_t n);

/* Refuses malformed escapes, NUL, and what is not UTF-8. plus: '+' means a space (forms). */
bool percent_decode(struct pool *pool, const char *text, size_t n, bool plus, char **decoded);
/* All but the unreserved characters; a space becomes "+", as in forms. */
void percent_encode(struct text *out, const char *text);

struct pair {
    const char *name, *value;
};
enum { PAIRS_MAX = 64 };
struct pairs {
    size_t n;
    struct pair at[PAIRS_MAX];
};
/* Adds the members of a form or query. Refuses a name that is already there, an empty name, and
 * malformed escapes. */
bool pairs_parse(struct pool *pool, const char *form, size_t n, struct pairs *pairs);
void pairs_add(struct pairs *pairs, const char *name, const char *value);
const char *pairs_get(const struct pairs *pairs, const char *name); /* NULL when absent */
/* "a=1&b=2" of all non-empty members but `sign` and, where given, `also`; sorted by name,
 * bytewise; values as they are: what Alipay signs. */
char *pairs_sorted_text(struct pool *pool, const struct pairs *pairs, const char *also);
char *pairs_form(struct pool *pool, const struct pairs *pairs); /* in the given order */

/* Code points in well-formed UTF-8; SIZE_MAX when it is not. */
size_t utf8_length(const char *text);
bool utf8_beyond_ffff(const char *text);
/* n <= max characters, at least one, each one from the set given by `allowed` or alphanumeric. */
bool text_is_made_of(const char *text, size_t min, size_t max, const char *allowed);

char *random_text(struct pool *pool, const char *alphabet, size_t n);
#define DIGITS       "0123456789"
#define ALPHANUMERIC "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

#endif
