/* SPDX-License-Identifier: MIT */
/*
 * Checks a JSON document against a table of members: missing, of the wrong
 * type, too long, null, unknown. The first wrong member is named.
 */
#ifndef SANDBOX_TERMS_H
#define SANDBOX_TERMS_H

#include "pool.h"

#include <stdbool.h>

enum member_type { MEMBER_TEXT, MEMBER_INTEGER, MEMBER_BOOLEAN, MEMBER_OBJECT, MEMBER_ARRAY };

struct member {
    const char *name; /* NULL ends a table */
    enum member_type type;
    bool required;
    size_t min, max; /* code points of a text */
    bool (*check)(const char *);
    const struct member *members; /* of an object; NULL: anything inside */
};

struct term_fault {
    const char *field; /* "/amount/total" */
    const char *issue; /* missing, null, type, length, value, unknown, beyond U+FFFF, syntax */
};

/* Parses with duplicate members refused. NULL: fault says why. The document lies in the pool. */
json_t *terms_parse(struct pool *pool, const char *text, size_t n, struct term_fault *fault);
bool terms_check(struct pool *pool, const json_t *object, const struct member *members,
                 const char *at, struct term_fault *fault);

#endif
