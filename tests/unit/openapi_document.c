/* SPDX-License-Identifier: MIT */
#include "openapi_document.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/embed.h"

json_t *openapi_document(void)
{
    json_error_t error;
    for (const struct embedded *e = embedded_files; e->path; e++) {
        if (strcmp(e->path, "server/api/openapi.json") != 0)
            continue;
        json_t *d = json_loadb(e->bytes, e->size, JSON_REJECT_DUPLICATES, &error);
        cr_assert_not_null(d, "openapi.json:%d: %s", error.line, error.text);
        return d;
    }
    cr_assert_fail("openapi.json is not part of the program");
    return NULL;
}

static json_t *at(json_t *node, const char *name)
{
    return json_is_array(node) ? json_array_get(node, strtoul(name, NULL, 10))
                               : json_object_get(node, name);
}

/* RFC 6901: ~1 is a slash, ~0 a tilde. */
static void unescape(char *name)
{
    char *out = name;
    for (const char *in = name; *in; in++) {
        bool escaped = *in == '~' && (in[1] == '0' || in[1] == '1');
        *out++ = !escaped ? *in : in[1] == '1' ? '/' : '~';
        in += escaped;
    }
    *out = 0;
}

/* "#/a/b" within the document; NULL when it leads nowhere. */
json_t *openapi_follow(json_t *doc, const char *reference)
{
    char text[256], *rest = text, *name;
    if (strncmp(reference, "#/", 2) != 0)
        return NULL;
    snprintf(text, sizeof text, "%s", reference + 2);
    json_t *node = doc;
    while (node && (name = strsep(&rest, "/"))) {
        unescape(name);
        node = at(node, name);
    }
    return node;
}

/* The node, or what it refers to. */
json_t *openapi_real(json_t *doc, json_t *node)
{
    const char *reference = json_string_value(json_object_get(node, "$ref"));
    while (reference) {
        node = openapi_follow(doc, reference);
        cr_assert_not_null(node, "%s leads nowhere", reference);
        reference = json_string_value(json_object_get(node, "$ref"));
    }
    return node;
}

const char *openapi_text(json_t *node, const char *name)
{
    const char *text = json_string_value(json_object_get(node, name));
    return text ? text : "";
}

json_t *openapi_operation(json_t *doc, const struct route *route)
{
    char method[8];
    snprintf(method, sizeof method, "%s", route->method);
    for (char *p = method; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    json_t *item = json_object_get(json_object_get(doc, "paths"), route->path);
    json_t *operation = json_object_get(item, method);
    cr_assert_not_null(operation, "%s %s is not described", route->method, route->path);
    return operation;
}

bool openapi_is_method(const char *name)
{
    static const char *const methods[] = {"get",     "put",  "post",  "delete",
                                          "options", "head", "patch", "trace"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(name, methods[i]) == 0)
            return true;
    return false;
}

static json_t *parameter_in(json_t *doc, json_t *list, const char *where, const char *name)
{
    size_t i;
    json_t *entry;
    json_array_foreach(list, i, entry)
    {
        json_t *p = openapi_real(doc, entry);
        if (strcmp(openapi_text(p, "in"), where) == 0 && strcmp(openapi_text(p, "name"), name) == 0)
            return p;
    }
    return NULL;
}

json_t *openapi_parameter_of(json_t *doc, const struct route *route, const char *where,
                             const char *name)
{
    json_t *item = json_object_get(json_object_get(doc, "paths"), route->path);
    json_t *own = json_object_get(openapi_operation(doc, route), "parameters");
    json_t *p = parameter_in(doc, own, where, name);
    return p ? p : parameter_in(doc, json_object_get(item, "parameters"), where, name);
}
