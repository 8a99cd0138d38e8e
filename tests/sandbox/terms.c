/* SPDX-License-Identifier: MIT */
#include "terms.h"

#include "encoding.h"

#include <stdint.h>
#include <string.h>

static bool wrong(struct term_fault *fault, const char *field, const char *issue)
{
    *fault = (struct term_fault){field, issue};
    return false;
}

/* What no provider takes, at any depth: null, and characters of four bytes. */
static bool check_values(struct pool *pool, const json_t *value, const char *at,
                         struct term_fault *fault)
{
    if (json_is_null(value))
        return wrong(fault, at, "null");
    if (json_is_string(value) && utf8_beyond_ffff(json_string_value(value)))
        return wrong(fault, at, "beyond U+FFFF");
    size_t i;
    json_t *item;
    json_array_foreach(value, i, item)
    {
        if (!check_values(pool, item, pool_print(pool, "%s/%zu", at, i), fault))
            return false;
    }
    const char *name;
    json_object_foreach((json_t *)(uintptr_t)value, name, item)
    {
        if (utf8_beyond_ffff(name) ||
            !check_values(pool, item, pool_print(pool, "%s/%s", at, name), fault))
            return fault->issue ? false : wrong(fault, at, "beyond U+FFFF");
    }
    return true;
}

json_t *terms_parse(struct pool *pool, const char *text, size_t n, struct term_fault *fault)
{
    *fault = (struct term_fault){"", NULL};
    json_error_t error;
    json_t *document = json_loadb(text, n, JSON_REJECT_DUPLICATES, &error);
    if (document)
        pool_json(pool, document);
    if (!json_is_object(document)) {
        bool twice = json_error_code(&error) == json_error_duplicate_key;
        wrong(fault, "", !document && twice ? "duplicate" : "syntax");
        return NULL;
    }
    return check_values(pool, document, "", fault) ? document : NULL;
}

static bool has_type(const json_t *value, enum member_type type)
{
    switch (type) {
    case MEMBER_TEXT: return json_is_string(value);
    case MEMBER_INTEGER: return json_is_integer(value);
    case MEMBER_BOOLEAN: return json_is_boolean(value);
    case MEMBER_OBJECT: return json_is_object(value);
    case MEMBER_ARRAY: return json_is_array(value);
    }
    return false;
}

static bool check_member(struct pool *pool, const json_t *value, const struct member *m,
                         const char *field, struct term_fault *fault)
{
    if (!value)
        return !m->required || wrong(fault, field, "missing");
    if (!has_type(value, m->type))
        return wrong(fault, field, "type");
    if (m->type == MEMBER_TEXT) {
        size_t length = utf8_length(json_string_value(value));
        if (length < m->min || length > m->max)
            return wrong(fault, field, "length");
        if (m->check && !m->check(json_string_value(value)))
            return wrong(fault, field, "value");
    }
    return m->type != MEMBER_OBJECT || !m->members ||
           terms_check(pool, value, m->members, field, fault);
}

static bool knows(const struct member *members, const char *name)
{
    for (; members->name; members++)
        if (strcmp(members->name, name) == 0)
            return true;
    return false;
}

bool terms_check(struct pool *pool, const json_t *object, const struct member *members,
                 const char *at, struct term_fault *fault)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        if (!knows(members, name))
            return wrong(fault, pool_print(pool, "%s/%s", at, name), "unknown");
    }
    for (const struct member *m = members; m->name; m++)
        if (!check_member(pool, json_object_get(object, m->name), m,
                          pool_print(pool, "%s/%s", at, m->name), fault))
            return false;
    return true;
}
