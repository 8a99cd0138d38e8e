/* SPDX-License-Identifier: MIT */
#include "http/router.h"

#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "http/text.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Percent-decodes n bytes into the arena; in a form, '+' is a space. */
static enum status decode(struct arena *a, const char *raw, size_t n, bool form, const char **out)
{
    char *text = arena_alloc(a, n + 1);
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        if (raw[i] != '%') {
            text[used++] = form && raw[i] == '+' ? ' ' : raw[i];
            continue;
        }
        int high = i + 2 < n ? hex_digit(raw[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(raw[i + 2]) : -1;
        if (low < 0)
            return INVALID;
        text[used++] = (char)(high << 4 | low);
        i += 2;
    }
    if (!text_is_utf8(text, used) || text_has_control(text, used, false))
        return INVALID;
    *out = text;
    return OK;
}

static enum status parse_path(struct arena *a, const char *raw, size_t n, struct target *t)
{
    if (decode(a, raw, n, false, &t->path) != OK)
        return INVALID;
    const char *end = raw + n;
    for (const char *p = raw; p < end;) {
        p++; /* the slash */
        const char *slash = memchr(p, '/', (size_t)(end - p));
        size_t length = (size_t)((slash ? slash : end) - p);
        if (t->n_segments >= SEGMENTS_MAX) {
            t->n_segments = SEGMENTS_MAX + 1;
            return OK;
        }
        if (decode(a, p, length, false, &t->segments[t->n_segments++]) != OK)
            return INVALID;
        p += length;
    }
    return OK;
}

static enum status parse_query(struct arena *a, const char *raw, struct target *t)
{
    while (*raw) {
        size_t n = strcspn(raw, "&");
        const char *equals = memchr(raw, '=', n);
        size_t name_size = equals ? (size_t)(equals - raw) : n;
        const char *name, *value = "";
        if (decode(a, raw, name_size, true, &name) != OK)
            return INVALID;
        if (equals && decode(a, equals + 1, n - name_size - 1, true, &value) != OK)
            return INVALID;
        if (n)
            pair_add(&t->query, a, name, value);
        raw += n + (raw[n] == '&');
    }
    return OK;
}

/* RFC 9112 section 3.2.2: a server accepts the absolute form too. */
static const char *skip_authority(const char *raw)
{
    size_t scheme = strncasecmp(raw, "http://", 7) == 0    ? 7
                    : strncasecmp(raw, "https://", 8) == 0 ? 8
                                                           : 0;
    if (!scheme)
        return raw;
    raw += scheme;
    raw += strcspn(raw, "/?");
    return *raw == '/' ? raw : "/";
}

enum status target_parse(struct arena *a, const char *raw, struct target *out)
{
    struct target t = {0};
    if (strcmp(raw, "*") == 0) {
        *out = (struct target){.path = "*", .asterisk = true};
        return OK;
    }
    raw = skip_authority(raw);
    size_t path_size = strcspn(raw, "?");
    const char *query = raw + path_size + (raw[path_size] == '?');
    if (path_size > PATH_MOST || strlen(query) > QUERY_MOST)
        return TOO_LARGE;
    if (*raw != '/' || strpbrk(raw, "# "))
        return INVALID;
    if (parse_path(a, raw, path_size, &t) != OK || parse_query(a, query, &t) != OK)
        return INVALID;
    *out = t;
    return OK;
}

/* Whether the template fits; params and, per segment, a bit for each literal. */
static bool fits(const char *template, const struct target *t, struct route_match *m,
                 unsigned *literals)
{
    size_t i = 0, n_params = 0;
    *literals = 0;
    for (const char *p = template; *p; i++) {
        p++;
        size_t n = strcspn(p, "/");
        if (i >= t->n_segments)
            return false;
        if (*p == '{') {
            CHECK(n_params < PATH_PARAMS_MAX);
            if (!*t->segments[i])
                return false;
            m->params[n_params++] = t->segments[i];
        } else if (strlen(t->segments[i]) != n || memcmp(t->segments[i], p, n) != 0) {
            return false;
        } else {
            *literals |= 1U << (SEGMENTS_MAX - i);
        }
        p += n;
    }
    return i == t->n_segments;
}

static bool serves(const struct route_table *table, const struct route *route)
{
    return (route->listener & table->kind) != 0;
}

static bool is_method(const struct route *route, const char *method)
{
    return strcmp(route->method, method) == 0 ||
           (strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0);
}

enum status route_find(const struct route_table *table, const char *method,
                       const struct target *target, struct route_match *out)
{
    enum status found = NOT_FOUND;
    unsigned best = 0;
    for (size_t i = 0; i < table->n; i++) {
        const struct route *route = &table->routes[i];
        struct route_match m = {.route = route};
        unsigned literals;
        if (!serves(table, route) || !fits(route->path, target, &m, &literals))
            continue;
        if (!is_method(route, method)) {
            found = found == OK ? OK : CONFLICT;
        } else if (found != OK || literals > best) {
            *out = m;
            best = literals;
            found = OK;
        }
    }
    return found;
}

const char *route_methods(const struct route_table *table, const struct target *target,
                          struct arena *a)
{
    const char *methods = "";
    for (size_t i = 0; i < table->n; i++) {
        const struct route *route = &table->routes[i];
        struct route_match m;
        unsigned literals;
        if (!serves(table, route) ||
            (!target->asterisk && !fits(route->path, target, &m, &literals)))
            continue;
        if (text_list_holds(methods, route->method))
            continue;
        bool get = strcmp(route->method, "GET") == 0;
        methods = arena_printf(a, "%s%s%s", methods, route->method, get ? ", HEAD, " : ", ");
    }
    return *methods ? arena_printf(a, "%sOPTIONS", methods) : "";
}
