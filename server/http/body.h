/* SPDX-License-Identifier: MIT */
/*
 * Declarative parsing of JSON request bodies.
 *
 * A shape lists members: name, kind, limits, and where in a struct the value
 * goes. body_parse answers 400 (not JSON, duplicate members, invalid UTF-8,
 * NUL) or 422 naming each wrong member by JSON pointer: missing, unknown,
 * wrong type, too short, too long, out of range, refused by its rule.
 */
#ifndef IDPHOTOD_HTTP_BODY_H
#define IDPHOTOD_HTTP_BODY_H

#include "http/request.h"

enum { TEXT_MOST = 1024 };

enum json_kind {
    JSON_KIND_TEXT, /* const char *; limits count Unicode code points; control characters refused */
    JSON_KIND_LINES,   /* the same, but newline and tab are allowed */
    JSON_KIND_INTEGER, /* int64_t */
    JSON_KIND_BOOLEAN, /* bool */
    JSON_KIND_OBJECT,  /* pointer to a struct of `shape`, NULL when absent */
    JSON_KIND_ARRAY,   /* struct json_list of structs of `shape` */
};

struct json_list {
    void *items; /* contiguous structs */
    size_t count;
};

/* A text's own rule: returns NULL when it holds, else the kebab-case code of what is wrong. */
typedef const char *(*text_rule)(const char *text);

struct json_shape;

struct json_member {
    const char *name;
    enum json_kind kind;
    bool required;
    size_t offset;
    int64_t least, most; /* integer range; text length (most 0: TEXT_MOST); array count */
    text_rule rule;      /* texts */
    const char *detail;  /* the rule in words, English, for errors[] */
    const struct json_shape *shape;
};

struct json_shape {
    const struct json_member *members;
    size_t count;
    size_t size; /* of the struct */
};

/* Fills *out (zeroed first) and returns true, or has answered and returns false. An empty body
 * counts as {}. */
bool body_parse(struct request *r, const struct json_shape *shape, void *out);

/* Path and query parameters. Each returns false after having answered: a public id that is not one
 * is 404 not-found. */
bool param_id(struct request *r, int index, const char *prefix, struct uuid *id);
/* Query names other than those in `known` (NULL-ended), and names given twice, are 422. */
bool query_known(struct request *r, const char *const *known);
bool query_integer(struct request *r, const char *name, int64_t least, int64_t most,
                   int64_t fallback, int64_t *out);
bool query_flag(struct request *r, const char *name, bool *out); /* true|false, default false */
/* ?cursor, the id of the last one of the page before, in *id; NULL: there is none, or it was noted
 * as a field error. */
const struct uuid *query_cursor(struct request *r, const char *prefix, struct uuid *id);

#endif
