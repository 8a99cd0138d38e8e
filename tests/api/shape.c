/* SPDX-License-Identifier: MIT */
#include "shape.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is kept ---- */

static json_t *kept;

void keep_set(const char *name, const char *value)
{
    if (!kept)
        kept = json_object();
    json_object_set_new(kept, name, json_string(value));
}

const char *keep_get(const char *name)
{
    const char *value = json_string_value(json_object_get(kept, name));
    return value ? value : "";
}

char *keep_fill(const char *text)
{
    char *out = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&out, &size);
    while (*text) {
        const char *end = strncmp(text, "{{", 2) == 0 ? strstr(text, "}}") : NULL;
        if (end) {
            char name[80];
            snprintf(name, sizeof name, "%.*s", (int)(end - text - 2), text + 2);
            fputs(keep_get(name), f);
            text = end + 2;
        } else {
            fputc(*text++, f);
        }
    }
    fclose(f);
    return out;
}

/* ---- reading ---- */

json_t *shape_read(const char *text)
{
    json_error_t error;
    char *filled = keep_fill(text);
    for (char *p = filled; *p; p++)
        if (*p == '\'')
            *p = '"';
    json_t *shape = json_loads(filled, JSON_DECODE_ANY, &error);
    if (!shape)
        fprintf(stderr, "not a shape: %s: %s\n", error.text, filled);
    free(filled);
    return shape;
}

/* ---- matching ---- */

struct trail {
    char path[200];
    char *why;
    size_t why_size;
};

static bool match(struct trail at, const json_t *shape, const json_t *value);

static bool differ(const struct trail *at, const char *want, const json_t *value)
{
    char *got = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    snprintf(at->why, at->why_size, "%s: want %s, got %.300s", at->path, want,
             got ? got : "nothing");
    free(got);
    return false;
}

static struct trail below(const struct trail *at, const char *name)
{
    struct trail next = *at;
    size_t n = strlen(next.path);
    snprintf(next.path + n, sizeof next.path - n, "/%s", name);
    return next;
}

/* 2026-11-23T02:30:00Z */
static bool is_time(const char *text)
{
    static const char form[] = "dddd-dd-ddTdd:dd:ddZ";
    for (size_t i = 0; i < sizeof form - 1; i++)
        if (form[i] == 'd' ? !isdigit((unsigned char)text[i]) : text[i] != form[i])
            return false;
    return text[sizeof form - 1] == 0;
}

static bool is_id(const char *text, const char *prefix)
{
    size_t n = strlen(prefix);
    return strncmp(text, prefix, n) == 0 && strlen(text + n) == 22 &&
           strspn(text + n, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == 22;
}

static bool is_text_kind(const char *kind, const char *text)
{
    if (strcmp(kind, "@text") == 0)
        return *text != 0;
    if (strcmp(kind, "@time") == 0)
        return is_time(text);
    if (strcmp(kind, "@digits") == 0)
        return *text && strspn(text, "0123456789") == strlen(text);
    if (strncmp(kind, "@id:", 4) == 0)
        return is_id(text, kind + 4);
    if (strncmp(kind, "@has:", 5) == 0)
        return strstr(text, kind + 5) != NULL;
    if (strncmp(kind, "@not:", 5) == 0)
        return strstr(text, kind + 5) == NULL;
    return false;
}

static bool match_kind(const struct trail *at, const char *kind, const json_t *value)
{
    bool good;
    if (strcmp(kind, "@any") == 0)
        good = value != NULL;
    else if (strcmp(kind, "@absent") == 0)
        good = value == NULL;
    else if (strcmp(kind, "@integer") == 0)
        good = json_is_integer(value);
    else if (strcmp(kind, "@true-or-false") == 0)
        good = json_is_boolean(value);
    else
        good = json_is_string(value) && is_text_kind(kind, json_string_value(value));
    return good || differ(at, kind, value);
}

static bool match_object(const struct trail *at, const json_t *shape, const json_t *value)
{
    const char *name;
    json_t *member;
    if (!json_is_object(value))
        return differ(at, "an object", value);
    json_object_foreach((json_t *)(size_t)shape, name, member)
    {
        if (strcmp(name, "...") != 0 &&
            !match(below(at, name), member, json_object_get(value, name)))
            return false;
    }
    if (json_object_get(shape, "..."))
        return true;
    json_object_foreach((json_t *)(size_t)value, name, member)
    {
        if (!json_object_get(shape, name)) {
            struct trail there = below(at, name);
            return differ(&there, "no such member", member);
        }
    }
    return true;
}

/* Each item of the shape but its first, "...", anywhere in the value. */
static bool match_anywhere(const struct trail *at, const json_t *shape, const json_t *value)
{
    for (size_t i = 1; i < json_array_size(shape); i++) {
        const json_t *wanted = json_array_get(shape, i);
        size_t k = 0;
        while (k < json_array_size(value) && !match(*at, wanted, json_array_get(value, k)))
            k++;
        if (k < json_array_size(value))
            continue;
        char *want = json_dumps(wanted, JSON_ENCODE_ANY);
        differ(at, want, value);
        free(want);
        return false;
    }
    return true;
}

static bool is_rest(const json_t *shape)
{
    return json_is_string(shape) && strcmp(json_string_value(shape), "...") == 0;
}

static bool match_array(const struct trail *at, const json_t *shape, const json_t *value)
{
    char index[24];
    size_t n = json_array_size(shape);
    if (n > 1 && is_rest(json_array_get(shape, 0)))
        return match_anywhere(at, shape, value);
    bool open = n && is_rest(json_array_get(shape, n - 1));
    n -= open;
    if (!json_is_array(value) ||
        (open ? json_array_size(value) < n : json_array_size(value) != n)) {
        snprintf(index, sizeof index, "%zu items", n);
        return differ(at, index, value);
    }
    for (size_t i = 0; i < n; i++) {
        snprintf(index, sizeof index, "%zu", i);
        if (!match(below(at, index), json_array_get(shape, i), json_array_get(value, i)))
            return false;
    }
    return true;
}

static bool match(struct trail at, const json_t *shape, const json_t *value)
{
    const char *text = json_string_value(shape);
    if (text && *text == '@')
        return match_kind(&at, text, value);
    if (json_is_object(shape))
        return match_object(&at, shape, value);
    if (json_is_array(shape))
        return match_array(&at, shape, value);
    if (json_equal(shape, value))
        return true;
    char *want = json_dumps(shape, JSON_ENCODE_ANY);
    differ(&at, want, value);
    free(want);
    return false;
}

bool shape_match(const json_t *shape, const json_t *value, char *why, size_t why_size)
{
    return match((struct trail){.path = "", .why = why, .why_size = why_size}, shape, value);
}

const json_t *shape_find(const json_t *value, const char *path)
{
    while (value && *path) {
        char name[80];
        size_t n = strcspn(path, ".");
        snprintf(name, sizeof name, "%.*s", (int)n, path);
        value = json_is_array(value) ? json_array_get(value, (size_t)atoi(name))
                                     : json_object_get(value, name);
        path += n + (path[n] == '.');
    }
    return value;
}
