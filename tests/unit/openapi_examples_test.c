/* SPDX-License-Identifier: MIT */
/* References and examples of GET /openapi.json. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "api/app.h"
#include "openapi_document.h"

/* ---- references ---- */

static size_t walk_references(json_t *doc, json_t *node)
{
    size_t n = 0, i;
    const char *name;
    json_t *child;
    const char *reference = json_string_value(json_object_get(node, "$ref"));
    if (reference) {
        cr_expect_not_null(openapi_follow(doc, reference), "%s leads nowhere", reference);
        n++;
    }
    if (json_is_array(node)) {
        json_array_foreach(node, i, child)
        {
            n += walk_references(doc, child);
        }
    }
    json_object_foreach(node, name, child)
    {
        n += walk_references(doc, child);
    }
    return n;
}

Test(openapi, has_no_reference_that_leads_nowhere)
{
    json_t *doc = openapi_document();
    cr_expect_gt(walk_references(doc, doc), 100);
    json_decref(doc);
}

/* ---- examples: type, enum, required, properties, items, anyOf ---- */

struct place {
    json_t *doc;
    const char *where;
    bool quiet; /* trying one of several */
};

static bool fits(const struct place *at, json_t *schema, json_t *value);

static bool wrong(const struct place *at, const char *what, const char *name)
{
    if (!at->quiet)
        cr_expect_fail("%s: %s %s", at->where, what, name);
    return false;
}

static bool is_type(const char *type, const json_t *value)
{
    return (strcmp(type, "string") == 0 && json_is_string(value)) ||
           (strcmp(type, "integer") == 0 && json_is_integer(value)) ||
           (strcmp(type, "number") == 0 && json_is_number(value)) ||
           (strcmp(type, "boolean") == 0 && json_is_boolean(value)) ||
           (strcmp(type, "object") == 0 && json_is_object(value)) ||
           (strcmp(type, "array") == 0 && json_is_array(value)) ||
           (strcmp(type, "null") == 0 && json_is_null(value));
}

static bool fits_type(const struct place *at, json_t *type, json_t *value)
{
    bool good = !type || (json_is_string(type) && is_type(json_string_value(type), value));
    for (size_t i = 0; i < json_array_size(type); i++)
        good = good || is_type(json_string_value(json_array_get(type, i)), value);
    return good || wrong(at, "type is not", json_is_string(type) ? json_string_value(type) : "one");
}

static bool fits_enum(const struct place *at, json_t *values, json_t *value)
{
    bool good = !values;
    for (size_t i = 0; i < json_array_size(values); i++)
        good = good || json_equal(json_array_get(values, i), value);
    return good || wrong(at, "not one of the values", openapi_text(values, ""));
}

static bool fits_any(const struct place *at, json_t *list, json_t *value)
{
    struct place quiet = *at;
    bool good = !list;
    quiet.quiet = true;
    for (size_t i = 0; i < json_array_size(list); i++)
        good = good || fits(&quiet, json_array_get(list, i), value);
    return good || wrong(at, "fits none of", "anyOf");
}

static bool fits_members(const struct place *at, json_t *schema, json_t *value)
{
    json_t *properties = json_object_get(schema, "properties"), *member;
    json_t *required = json_object_get(schema, "required");
    const char *name;
    bool good = true;
    for (size_t i = 0; i < json_array_size(required); i++) {
        name = json_string_value(json_array_get(required, i));
        if (!json_object_get(value, name))
            good = wrong(at, "lacks", name);
    }
    if (!properties)
        return good;
    json_object_foreach(value, name, member)
    {
        json_t *property = json_object_get(properties, name);
        if (!property)
            good = wrong(at, "has the unknown member", name);
        else
            good = fits(at, property, member) && good;
    }
    return good;
}

static bool fits(const struct place *at, json_t *schema, json_t *value)
{
    schema = openapi_real(at->doc, schema);
    bool good = fits_type(at, json_object_get(schema, "type"), value) &&
                fits_enum(at, json_object_get(schema, "enum"), value) &&
                fits_any(at, json_object_get(schema, "anyOf"), value);
    if (good && json_is_object(value))
        good = fits_members(at, schema, value);
    json_t *items = json_object_get(schema, "items");
    for (size_t i = 0; good && items && i < json_array_size(value); i++)
        good = fits(at, items, json_array_get(value, i));
    return good;
}

/* Every example of a media type, parameter or header; returns how many. */
static size_t check_examples(json_t *doc, json_t *holder, const char *where)
{
    const struct place at = {doc, where, false};
    json_t *schema = json_object_get(holder, "schema"), *entry;
    json_t *one = json_object_get(holder, "example");
    size_t n = one != NULL;
    const char *name;
    if (one)
        fits(&at, schema, one);
    json_object_foreach(json_object_get(holder, "examples"), name, entry)
    {
        json_t *value = json_object_get(openapi_real(doc, entry), "value");
        cr_expect_not_null(value, "%s: %s", where, name);
        if (value)
            fits(&at, schema, value);
        n++;
    }
    return n;
}

static bool is_file(const char *type)
{
    return strncmp(type, "image/", 6) == 0 || strcmp(type, "text/html") == 0 ||
           strcmp(type, "text/css") == 0 || strcmp(type, "text/javascript") == 0 ||
           strcmp(type, "application/pdf") == 0 || strcmp(type, "application/zip") == 0;
}

/* A media type that carries files has no example. */
static void check_content(json_t *doc, json_t *content, const char *where)
{
    const char *type;
    json_t *media;
    json_object_foreach(content, type, media)
    {
        size_t n = check_examples(doc, media, where);
        cr_expect_eq(n > 0, !is_file(type), "%s: %s", where, type);
    }
}

Test(openapi, has_examples_that_fit_their_schemas)
{
    json_t *doc = openapi_document(), *response, *parameter;
    const char *status;
    size_t k;
    for (size_t i = 0; i < routes_count; i++) {
        const char *where = routes[i].path;
        json_t *operation = openapi_operation(doc, &routes[i]);
        check_content(doc, json_object_get(json_object_get(operation, "requestBody"), "content"),
                      where);
        json_object_foreach(json_object_get(operation, "responses"), status, response)
        {
            check_content(doc, json_object_get(openapi_real(doc, response), "content"), where);
        }
        json_array_foreach(json_object_get(operation, "parameters"), k, parameter)
        {
            cr_expect_gt(check_examples(doc, openapi_real(doc, parameter), where), 0, "%s: %s",
                         where, openapi_text(openapi_real(doc, parameter), "name"));
        }
    }
    json_decref(doc);
}

Test(openapi, tells_a_wrong_example_from_a_right_one)
{
    json_t *doc = openapi_document();
    const struct place quiet = {doc, "", true};
    json_t *schema = openapi_follow(doc, "#/components/schemas/NewItem");
    static const struct {
        const char *text;
        bool good;
    } list[] = {
        {"{'product': 'a', 'photo_id': 'b', 'quantity': 1}", true},
        {"{'product': 'a', 'photo_id': 'b'}", false},
        {"{'product': 'a', 'photo_id': 'b', 'quantity': '1'}", false},
        {"{'product': 'a', 'photo_id': 'b', 'quantity': 1, 'price_fen': 1}", false},
        {"[]", false},
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        char text[128];
        snprintf(text, sizeof text, "%s", list[i].text);
        for (char *p = text; *p; p++)
            *p = *p == '\'' ? '"' : *p;
        json_t *value = json_loads(text, 0, NULL);
        cr_assert_not_null(value);
        cr_expect_eq(fits(&quiet, schema, value), list[i].good, "%s", text);
        json_decref(value);
    }
    json_decref(doc);
}
