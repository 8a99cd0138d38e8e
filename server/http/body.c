/* SPDX-License-Identifier: MIT */
#include "http/body.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "http/problem.h"
#include "http/text.h"

enum { NAME_ECHO_MOST = 64 };

/* Where we are in the document: the request that errors go to, the pointer so far. */
struct place {
    struct request *r;
    const char *pointer;
    bool wide; /* numbers were read as reals, because one was too big for an integer */
};

static void fill_object(struct place at, const struct json_shape *shape, json_t *object,
                        unsigned char *out);

/* ~ and / are escaped by RFC 6901. A name that is too odd to repeat gives the parent's pointer. */
static const char *pointer_to(const struct place *at, const char *name)
{
    size_t n = strlen(name);
    if (n > NAME_ECHO_MOST || text_has_control(name, n, false))
        return at->pointer;
    char *escaped = arena_alloc(at->r->arena, 2 * n + 1);
    char *p = escaped;
    for (; *name; name++) {
        if (*name == '~' || *name == '/')
            *p++ = '~';
        *p++ = *name == '~' ? '0' : *name == '/' ? '1' : *name;
    }
    return arena_printf(at->r->arena, "%s/%s", at->pointer, escaped);
}

static void wrong(const struct place *at, const char *code, const char *detail)
{
    field_error(at->r, at->pointer, code, detail);
}

static void wrong_type(const struct place *at, const char *want)
{
    wrong(at, "wrong-type", arena_printf(at->r->arena, "must be %s", want));
}

static const char *limits(const struct place *at, const struct json_member *m, int64_t most,
                          const char *unit)
{
    if (m->detail)
        return m->detail;
    return arena_printf(at->r->arena, "must be %" PRId64 " to %" PRId64 "%s", m->least, most, unit);
}

static void fill_text(const struct place *at, const struct json_member *m, json_t *value, void *out)
{
    if (!json_is_string(value)) {
        wrong_type(at, "a string");
        return;
    }
    const char *text = json_string_value(value);
    int64_t n = (int64_t)text_code_points(text);
    int64_t most = m->most ? m->most : TEXT_MOST;
    if (text_has_control(text, strlen(text), m->kind == JSON_KIND_LINES)) {
        wrong(at, "control-character", "must not contain control characters");
    } else if (n < m->least || n > most) {
        wrong(at, n < m->least ? "too-short" : "too-long", limits(at, m, most, " characters"));
    } else {
        const char *broken = m->rule ? m->rule(text) : NULL;
        if (broken)
            wrong(at, broken, m->detail);
        char *copy = arena_strdup(at->r->arena, text);
        memcpy(out, &copy, sizeof copy);
    }
}

/* Reals stand in for integers only when some integer of the document was too big. */
static bool integer_in(const struct place *at, json_t *value, int64_t *n, bool *huge)
{
    *huge = false;
    if (json_is_integer(value)) {
        *n = json_integer_value(value);
        return true;
    }
    if (!at->wide || !json_is_real(value))
        return false;
    double d = json_real_value(value);
    *huge = fabs(d) >= 0x1p53;
    *n = *huge ? 0 : (int64_t)d;
    return d == floor(d);
}

static void fill_integer(const struct place *at, const struct json_member *m, json_t *value,
                         void *out)
{
    int64_t n;
    bool huge;
    if (!integer_in(at, value, &n, &huge))
        wrong_type(at, "an integer");
    else if (huge || n < m->least || n > m->most)
        wrong(at, "out-of-range", limits(at, m, m->most, ""));
    else
        memcpy(out, &n, sizeof n);
}

static void fill_boolean(const struct place *at, json_t *value, void *out)
{
    bool b = json_is_true(value);
    if (!json_is_boolean(value))
        wrong_type(at, "true or false");
    else
        memcpy(out, &b, sizeof b);
}

static void fill_pointer(const struct place *at, const struct json_member *m, json_t *value,
                         void *out)
{
    if (!json_is_object(value)) {
        wrong_type(at, "an object");
        return;
    }
    unsigned char *object = arena_alloc(at->r->arena, m->shape->size);
    fill_object(*at, m->shape, value, object);
    memcpy(out, &object, sizeof object);
}

static void fill_array(const struct place *at, const struct json_member *m, json_t *value,
                       void *out)
{
    if (!json_is_array(value)) {
        wrong_type(at, "an array");
        return;
    }
    size_t n = json_array_size(value);
    if ((int64_t)n < m->least || (int64_t)n > m->most) {
        wrong(at, (int64_t)n < m->least ? "too-few" : "too-many", limits(at, m, m->most, " items"));
        return;
    }
    unsigned char *items = arena_alloc(at->r->arena, n * m->shape->size);
    for (size_t i = 0; i < n; i++) {
        struct place item = *at;
        item.pointer = arena_printf(at->r->arena, "%s/%zu", at->pointer, i);
        json_t *object = json_array_get(value, i);
        if (json_is_object(object))
            fill_object(item, m->shape, object, items + i * m->shape->size);
        else
            wrong_type(&item, "an object");
    }
    struct json_list list = {.items = items, .count = n};
    memcpy(out, &list, sizeof list);
}

static void fill_member(const struct place *at, const struct json_member *m, json_t *value,
                        void *out)
{
    switch (m->kind) {
    case JSON_KIND_TEXT:
    case JSON_KIND_LINES: fill_text(at, m, value, out); break;
    case JSON_KIND_INTEGER: fill_integer(at, m, value, out); break;
    case JSON_KIND_BOOLEAN: fill_boolean(at, value, out); break;
    case JSON_KIND_OBJECT: fill_pointer(at, m, value, out); break;
    case JSON_KIND_ARRAY: fill_array(at, m, value, out); break;
    }
}

static bool is_known(const struct json_shape *shape, const char *name)
{
    for (size_t i = 0; i < shape->count; i++)
        if (strcmp(shape->members[i].name, name) == 0)
            return true;
    return false;
}

static void fill_object(struct place at, const struct json_shape *shape, json_t *object,
                        unsigned char *out)
{
    for (size_t i = 0; i < shape->count; i++) {
        const struct json_member *m = &shape->members[i];
        struct place member = at;
        member.pointer = pointer_to(&at, m->name);
        json_t *value = json_object_get(object, m->name);
        if (value)
            fill_member(&member, m, value, out + m->offset);
        else if (m->required)
            wrong(&member, "missing", m->detail ? m->detail : "is required");
    }
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        if (!is_known(shape, name))
            field_error(at.r, pointer_to(&at, name), "unknown", "is not a member of this object");
    }
}

/* An integer over 64 bits is well-formed JSON: it is read again as a real, so that the answer can
 * name the member. */
static json_t *load(const struct request *r, bool *wide)
{
    json_error_t error;
    size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY;
    const char *text = (const char *)r->body;
    json_t *document = json_loadb(text, r->body_size, flags, &error);
    *wide = !document && json_error_code(&error) == json_error_numeric_overflow;
    if (*wide)
        document = json_loadb(text, r->body_size, flags | JSON_DECODE_INT_AS_REAL, &error);
    return document;
}

bool body_parse(struct request *r, const struct json_shape *shape, void *out)
{
    memset(out, 0, shape->size);
    struct place root = {.r = r, .pointer = ""};
    json_t *document = r->body_size ? load(r, &root.wide) : json_object();
    if (!document) {
        reply_problem(r, PROBLEM_MALFORMED_JSON);
        return false;
    }
    if (json_is_object(document))
        fill_object(root, shape, document, out);
    else
        wrong_type(&root, "an object");
    json_decref(document);
    if (!has_field_errors(r))
        return true;
    reply_problem(r, PROBLEM_INVALID_MEMBERS);
    return false;
}

bool param_id(struct request *r, int index, const char *prefix, struct uuid *id)
{
    CHECK(index >= 0 && index < PATH_PARAMS_MAX && r->params[index]);
    if (public_id_parse(prefix, r->params[index], id) == OK)
        return true;
    reply_problem(r, PROBLEM_NOT_FOUND);
    return false;
}

/* ---- query ---- */

static const char *query_pointer(struct request *r, const char *name)
{
    return text_is_token(name, 32, "_-") ? arena_printf(r->arena, "?%s", name) : "?";
}

static bool query_wrong(struct request *r, const char *name, const char *code, const char *detail)
{
    field_error(r, query_pointer(r, name), code, detail);
    reply_problem(r, PROBLEM_INVALID_MEMBERS);
    return false;
}

struct known_check {
    struct request *r;
    const char *const *known;
    unsigned seen; /* a bit for each known name */
};

static void check_query(void *arg, const char *name, const char *value)
{
    struct known_check *c = arg;
    (void)value;
    for (unsigned i = 0; c->known[i]; i++) {
        if (strcmp(c->known[i], name) != 0)
            continue;
        if (c->seen & 1U << i)
            field_error(c->r, query_pointer(c->r, name), "duplicate", "must be given once");
        c->seen |= 1U << i;
        return;
    }
    field_error(c->r, query_pointer(c->r, name), "unknown", "is not a parameter of this address");
}

bool query_known(struct request *r, const char *const *known)
{
    struct known_check c = {.r = r, .known = known};
    request_each_query(r, check_query, &c);
    if (!has_field_errors(r))
        return true;
    reply_problem(r, PROBLEM_INVALID_MEMBERS);
    return false;
}

bool query_integer(struct request *r, const char *name, int64_t least, int64_t most,
                   int64_t fallback, int64_t *out)
{
    const char *text = request_query(r, name);
    if (!text) {
        *out = fallback;
        return true;
    }
    const char *digits = text + (*text == '-');
    if (!*digits || strspn(digits, "0123456789") != strlen(digits))
        return query_wrong(r, name, "wrong-type", "must be an integer");
    errno = 0;
    long long n = strtoll(text, NULL, 10);
    if (errno || n < least || n > most)
        return query_wrong(r, name, "out-of-range",
                           arena_printf(r->arena, "must be %" PRId64 " to %" PRId64, least, most));
    *out = n;
    return true;
}

bool query_flag(struct request *r, const char *name, bool *out)
{
    const char *text = request_query(r, name);
    bool yes = text && strcmp(text, "true") == 0;
    if (text && !yes && strcmp(text, "false") != 0)
        return query_wrong(r, name, "wrong-type", "must be true or false");
    *out = yes;
    return true;
}

const struct uuid *query_cursor(struct request *r, const char *prefix, struct uuid *id)
{
    const char *text = request_query(r, "cursor");
    if (!text)
        return NULL;
    if (public_id_parse(prefix, text, id) == OK)
        return id;
    field_error(r, "?cursor", "malformed", "next_cursor of the page before");
    return NULL;
}
