/* SPDX-License-Identifier: MIT */
/* What GET /openapi.json and README.md say of the routes is what the route table and the table of
 * problems hold. Reads server/api/routes.c and README.md from the current folder. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/app.h"
#include "base/embed.h"
#include "http/problem.h"

/* ---- the document ---- */

static json_t *document(void)
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
static json_t *follow(json_t *doc, const char *reference)
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
static json_t *real(json_t *doc, json_t *node)
{
    const char *reference = json_string_value(json_object_get(node, "$ref"));
    while (reference) {
        node = follow(doc, reference);
        cr_assert_not_null(node, "%s leads nowhere", reference);
        reference = json_string_value(json_object_get(node, "$ref"));
    }
    return node;
}

static const char *text_at(json_t *node, const char *name)
{
    const char *text = json_string_value(json_object_get(node, name));
    return text ? text : "";
}

static json_t *operation_of(json_t *doc, const struct route *route)
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

static bool is_method(const char *name)
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
        json_t *p = real(doc, entry);
        if (strcmp(text_at(p, "in"), where) == 0 && strcmp(text_at(p, "name"), name) == 0)
            return p;
    }
    return NULL;
}

static json_t *parameter_of(json_t *doc, const struct route *route, const char *where,
                            const char *name)
{
    json_t *item = json_object_get(json_object_get(doc, "paths"), route->path);
    json_t *own = json_object_get(operation_of(doc, route), "parameters");
    json_t *p = parameter_in(doc, own, where, name);
    return p ? p : parameter_in(doc, json_object_get(item, "parameters"), where, name);
}

/* ---- routes ---- */

static bool has_route(const char *method, const char *path)
{
    for (size_t i = 0; i < routes_count; i++)
        if (strcasecmp(routes[i].method, method) == 0 && strcmp(routes[i].path, path) == 0)
            return true;
    return false;
}

Test(openapi, describes_every_route_and_nothing_else)
{
    json_t *doc = document(), *item, *operation;
    const char *path, *method;
    for (size_t i = 0; i < routes_count; i++)
        operation_of(doc, &routes[i]);
    json_object_foreach(json_object_get(doc, "paths"), path, item)
    {
        json_object_foreach(item, method, operation)
        {
            if (is_method(method))
                cr_expect(has_route(method, path), "%s %s is no route", method, path);
        }
    }
    json_decref(doc);
}

static char *file_text(const char *path)
{
    size_t size = 0, capacity = 1 << 20;
    char *text = calloc(1, capacity);
    FILE *f = fopen(path, "re");
    cr_assert_not_null(f, "%s", path);
    size = fread(text, 1, capacity - 1, f);
    fclose(f);
    cr_assert_lt(size, capacity - 1);
    return text;
}

/* The name after ".handle = " in the row of a route, as the source writes it. */
static void handler_name(const char *source, const struct route *route, char name[64])
{
    char start[32], path[128];
    snprintf(start, sizeof start, "{\"%s\",", route->method);
    snprintf(path, sizeof path, "\"%s\",", route->path);
    for (const char *row = strstr(source, start); row; row = strstr(row + 1, start)) {
        const char *end = row + strcspn(row, "\n"), *found = strstr(row, path);
        const char *handle = strstr(row, ".handle = ");
        if (found && found < end && handle && handle < end) {
            cr_assert_eq(sscanf(handle, ".handle = %63[a-z0-9_]", name), 1);
            return;
        }
    }
    cr_assert_fail("%s %s has no row", route->method, route->path);
}

Test(openapi, names_an_operation_after_its_handler)
{
    json_t *doc = document();
    char *source = file_text("server/api/routes.c"), name[64];
    for (size_t i = 0; i < routes_count; i++) {
        handler_name(source, &routes[i], name);
        cr_expect_str_eq(text_at(operation_of(doc, &routes[i]), "operationId"), name);
    }
    free(source);
    json_decref(doc);
}

Test(openapi, has_every_parameter_of_a_path)
{
    json_t *doc = document();
    char name[64];
    for (size_t i = 0; i < routes_count; i++) {
        for (const char *p = strchr(routes[i].path, '{'); p; p = strchr(p + 1, '{')) {
            cr_assert_eq(sscanf(p, "{%63[^}]}", name), 1);
            json_t *parameter = parameter_of(doc, &routes[i], "path", name);
            cr_expect(json_is_true(json_object_get(parameter, "required")), "%s %s: %s",
                      routes[i].method, routes[i].path, name);
        }
    }
    json_decref(doc);
}

static void expect_header(json_t *doc, const struct route *route, const char *name, bool wanted)
{
    json_t *parameter = parameter_of(doc, route, "header", name);
    cr_expect_eq(parameter != NULL, wanted, "%s %s: %s", route->method, route->path, name);
    if (wanted)
        cr_expect(json_is_true(json_object_get(parameter, "required")), "%s", name);
}

Test(openapi, asks_for_the_headers_that_a_row_asks_for)
{
    json_t *doc = document();
    for (size_t i = 0; i < routes_count; i++) {
        expect_header(doc, &routes[i], "Idempotency-Key", routes[i].idempotent);
        expect_header(doc, &routes[i], "X-Purpose", routes[i].purpose);
    }
    json_decref(doc);
}

static const char *scheme_of(enum caller caller)
{
    switch (caller) {
    case CALLER_ANYONE:
    case CALLER_PROVIDER: return NULL;
    case CALLER_ACCOUNT: return "account";
    case CALLER_OPERATOR: return "operator";
    }
    return NULL;
}

Test(openapi, says_which_token_a_row_wants)
{
    json_t *doc = document();
    for (size_t i = 0; i < routes_count; i++) {
        const char *scheme = scheme_of(routes[i].caller);
        json_t *security = json_object_get(operation_of(doc, &routes[i]), "security");
        cr_expect(json_is_array(security), "%s %s", routes[i].method, routes[i].path);
        if (routes[i].token_too) { /* with or without */
            cr_expect(json_array_size(security) == 2 &&
                      json_object_size(json_array_get(security, 0)) == 0 &&
                      json_object_get(json_array_get(security, 1), "account"));
            continue;
        }
        cr_expect_eq(json_array_size(security), scheme ? 1 : 0, "%s", routes[i].path);
        if (scheme)
            cr_expect_not_null(json_object_get(json_array_get(security, 0), scheme), "%s %s",
                               routes[i].method, routes[i].path);
    }
    json_decref(doc);
}

static const struct {
    const char *name;
    unsigned bit;
} roles[] = {{"fulfilment", ROLE_FULFILMENT},
             {"support", ROLE_SUPPORT},
             {"finance", ROLE_FINANCE},
             {"auditor", ROLE_AUDITOR},
             {"admin", ROLE_ADMIN}};
enum { ROLES = sizeof roles / sizeof *roles };

static unsigned role_bits(json_t *names)
{
    unsigned bits = 0;
    for (size_t i = 0; i < json_array_size(names); i++)
        for (size_t k = 0; k < ROLES; k++)
            if (strcmp(roles[k].name, json_string_value(json_array_get(names, i))) == 0)
                bits |= roles[k].bit;
    return bits;
}

Test(openapi, marks_what_operators_call_with_tag_server_and_roles)
{
    json_t *doc = document();
    for (size_t i = 0; i < routes_count; i++) {
        json_t *operation = operation_of(doc, &routes[i]);
        json_t *item = json_object_get(json_object_get(doc, "paths"), routes[i].path);
        const char *tag = json_string_value(json_array_get(json_object_get(operation, "tags"), 0));
        bool own = routes[i].listener == LISTENER_OPERATOR;
        cr_assert_not_null(tag, "%s", routes[i].path);
        cr_expect_eq(strcmp(tag, "operator") == 0, own, "%s", routes[i].path);
        cr_expect_eq(json_object_get(item, "servers") != NULL,
                     routes[i].listener != LISTENER_PUBLIC, "%s", routes[i].path);
        bool by_role = routes[i].caller == CALLER_OPERATOR;
        cr_expect_eq(role_bits(json_object_get(operation, "x-roles")),
                     by_role ? routes[i].roles | ROLE_ADMIN : 0, "%s", routes[i].path);
    }
    json_decref(doc);
}

/* ---- bodies ---- */

static void expect_type(json_t *content, const char *type, const struct route *route)
{
    cr_expect_not_null(json_object_get(content, type), "%s %s: %s", route->method, route->path,
                       type);
}

static void expect_body(json_t *body, const struct route *route)
{
    json_t *content = json_object_get(body, "content");
    size_t wanted = route->faces ? 4 : route->types & TYPE_IMAGE ? 2 : 1;
    cr_expect_eq(json_object_size(content), wanted, "%s %s", route->method, route->path);
    cr_expect_eq((size_t)json_integer_value(json_object_get(body, "x-max-bytes")), route->max_body,
                 "%s %s", route->method, route->path);
    if (route->types & (TYPE_JSON | TYPE_ANY))
        expect_type(content, "application/json", route);
    if (route->types & TYPE_FORM)
        expect_type(content, "application/x-www-form-urlencoded", route);
    if (route->types & TYPE_IMAGE) {
        expect_type(content, "image/jpeg", route);
        expect_type(content, "image/png", route);
    }
}

Test(openapi, gives_bodies_their_types_and_limits)
{
    json_t *doc = document();
    for (size_t i = 0; i < routes_count; i++) {
        json_t *body = json_object_get(operation_of(doc, &routes[i]), "requestBody");
        cr_expect_eq(body != NULL, routes[i].max_body > 0, "%s %s", routes[i].method,
                     routes[i].path);
        if (body)
            expect_body(body, &routes[i]);
    }
    json_decref(doc);
}

/* ---- problems ---- */

static enum problem problem_named(const char *code)
{
    for (int p = 0; p < PROBLEM_COUNT; p++)
        if (strcmp(problem_code((enum problem)p), code) == 0)
            return (enum problem)p;
    return PROBLEM_COUNT;
}

static json_t *problem_examples(json_t *doc, json_t *response)
{
    json_t *content = json_object_get(real(doc, response), "content");
    json_t *media = json_object_get(content, "application/problem+json");
    return json_object_get(media, "examples");
}

/* True when the operation names the code, under the status of the table. */
static bool answers(json_t *doc, json_t *operation, enum problem p)
{
    char status[8];
    snprintf(status, sizeof status, "%u", problem_http_status(p));
    json_t *response = json_object_get(json_object_get(operation, "responses"), status);
    return response && json_object_get(problem_examples(doc, response), problem_code(p));
}

static void expect_problem(json_t *doc, const struct route *route, enum problem p, bool wanted)
{
    cr_expect_eq(answers(doc, operation_of(doc, route), p), wanted, "%s %s: %s", route->method,
                 route->path, problem_code(p));
}

static void expect_problems_of_row(json_t *doc, const struct route *r)
{
    bool token = r->caller == CALLER_ACCOUNT || r->caller == CALLER_OPERATOR;
    bool queued = r->lane != LANE_INLINE, own = r->caller == CALLER_OPERATOR;
    const struct {
        enum problem p;
        bool wanted;
    } list[] = {
        {PROBLEM_MALFORMED_REQUEST, true},
        {PROBLEM_REQUEST_TIMEOUT, true},
        {PROBLEM_BODY_TOO_LARGE, true},
        {PROBLEM_URI_TOO_LONG, true},
        {PROBLEM_HEADERS_TOO_LARGE, true},
        {PROBLEM_INTERNAL_ERROR, true},
        {PROBLEM_METHOD_NOT_ALLOWED, false},
        {PROBLEM_RATE_LIMITED, r->rate != NULL},
        {PROBLEM_OVERLOADED, queued},
        {PROBLEM_DEADLINE_EXCEEDED, queued},
        {PROBLEM_UNAUTHENTICATED, token || r->token_too},
        {PROBLEM_FORBIDDEN, own},
        {PROBLEM_CLIENT_CERTIFICATE_REQUIRED, own},
        {PROBLEM_PURPOSE_REQUIRED, r->purpose},
        {PROBLEM_CONSENT_REQUIRED, r->consent},
        {PROBLEM_IDEMPOTENCY_KEY_MISSING, r->idempotent},
        {PROBLEM_IDEMPOTENCY_KEY_REUSED, r->idempotent},
        {PROBLEM_IDEMPOTENCY_IN_PROGRESS, r->idempotent},
        {PROBLEM_UNSUPPORTED_MEDIA_TYPE, r->max_body > 0},
        {PROBLEM_MALFORMED_JSON, (r->types & TYPE_JSON) != 0},
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        expect_problem(doc, r, list[i].p, list[i].wanted);
    if (token)
        expect_problem(doc, r, PROBLEM_DATABASE_UNAVAILABLE, true);
    if (r->types & TYPE_JSON)
        expect_problem(doc, r, PROBLEM_INVALID_MEMBERS, true);
    if (strstr(r->path, "_id}"))
        expect_problem(doc, r, PROBLEM_NOT_FOUND, true);
}

Test(openapi, gives_each_operation_the_problems_of_its_row)
{
    json_t *doc = document();
    for (size_t i = 0; i < routes_count; i++)
        expect_problems_of_row(doc, &routes[i]);
    json_decref(doc);
}

Test(openapi, gives_problems_under_their_own_status_only)
{
    json_t *doc = document(), *response, *example;
    const char *status, *code;
    for (size_t i = 0; i < routes_count; i++) {
        json_t *operation = operation_of(doc, &routes[i]);
        json_object_foreach(json_object_get(operation, "responses"), status, response)
        {
            json_object_foreach(problem_examples(doc, response), code, example)
            {
                enum problem p = problem_named(code);
                cr_assert_neq(p, PROBLEM_COUNT, "%s is no code", code);
                cr_expect_eq(strtoul(status, NULL, 10), problem_http_status(p), "%s %s: %s",
                             routes[i].method, routes[i].path, code);
                cr_expect_str_eq(text_at(json_object_get(real(doc, example), "value"), "code"),
                                 code);
            }
        }
    }
    json_decref(doc);
}

/* What no route answers yet. */
static bool is_not_yet_used(enum problem p)
{
    static const enum problem list[] = {PROBLEM_SIGNATURE_INVALID};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (list[i] == p)
            return true;
    return false;
}

static bool holds_text(json_t *list, const char *text)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(json_string_value(json_array_get(list, i)), text) == 0)
            return true;
    return false;
}

static bool is_answered(json_t *doc, enum problem p)
{
    bool somewhere = p == PROBLEM_METHOD_NOT_ALLOWED; /* of addresses, not of operations */
    for (size_t i = 0; i < routes_count; i++)
        somewhere = somewhere || answers(doc, operation_of(doc, &routes[i]), p);
    return somewhere;
}

/* The example is the document that the program itself writes. */
static void expect_example(json_t *example, enum problem p)
{
    char *text = problem_text(p, LANGUAGE_EN, "", "");
    json_t *own = json_loads(text, 0, NULL);
    static const char *const members[] = {"type", "title", "code"};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        cr_expect_str_eq(text_at(example, members[i]), text_at(own, members[i]));
    cr_expect_eq(json_integer_value(json_object_get(example, "status")), problem_http_status(p));
    json_decref(own);
    free(text);
}

Test(openapi, lists_every_problem_that_is_in_use)
{
    json_t *doc = document();
    json_t *codes = follow(doc, "#/components/schemas/Problem/properties/code/enum");
    json_t *examples = follow(doc, "#/components/examples");
    size_t used = 0;
    for (int i = 0; i < PROBLEM_COUNT; i++) {
        enum problem p = (enum problem)i;
        bool wanted = !is_not_yet_used(p);
        json_t *example = json_object_get(json_object_get(examples, problem_code(p)), "value");
        cr_expect_eq(is_answered(doc, p), wanted, "%s", problem_code(p));
        cr_expect_eq(holds_text(codes, problem_code(p)), wanted, "%s", problem_code(p));
        cr_expect_eq(example != NULL, wanted, "%s", problem_code(p));
        if (example)
            expect_example(example, p);
        used += wanted;
    }
    cr_expect_eq(json_array_size(codes), used, "a code that does not exist");
    json_decref(doc);
}

/* ---- jobs ---- */

Test(openapi, names_every_job_and_no_other)
{
    json_t *doc = document();
    json_t *names = follow(doc, "#/components/schemas/JobName/enum");
    cr_expect_eq(json_array_size(names), jobs_count);
    for (size_t i = 0; i < jobs_count; i++)
        cr_expect(holds_text(names, jobs[i].name), "%s", jobs[i].name);
    json_decref(doc);
}

/* ---- references ---- */

static size_t walk_references(json_t *doc, json_t *node)
{
    size_t n = 0, i;
    const char *name;
    json_t *child;
    const char *reference = json_string_value(json_object_get(node, "$ref"));
    if (reference) {
        cr_expect_not_null(follow(doc, reference), "%s leads nowhere", reference);
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
    json_t *doc = document();
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
    return good || wrong(at, "not one of the values", text_at(values, ""));
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
    schema = real(at->doc, schema);
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
        json_t *value = json_object_get(real(doc, entry), "value");
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
    json_t *doc = document(), *response, *parameter;
    const char *status;
    size_t k;
    for (size_t i = 0; i < routes_count; i++) {
        const char *where = routes[i].path;
        json_t *operation = operation_of(doc, &routes[i]);
        check_content(doc, json_object_get(json_object_get(operation, "requestBody"), "content"),
                      where);
        json_object_foreach(json_object_get(operation, "responses"), status, response)
        {
            check_content(doc, json_object_get(real(doc, response), "content"), where);
        }
        json_array_foreach(json_object_get(operation, "parameters"), k, parameter)
        {
            cr_expect_gt(check_examples(doc, real(doc, parameter), where), 0, "%s: %s", where,
                         text_at(real(doc, parameter), "name"));
        }
    }
    json_decref(doc);
}

Test(openapi, tells_a_wrong_example_from_a_right_one)
{
    json_t *doc = document();
    const struct place quiet = {doc, "", true};
    json_t *schema = follow(doc, "#/components/schemas/NewItem");
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

/* ---- README.md ---- */

/* "anyone", "account", "provider", or the roles between commas. */
static const char *who_may_call(const struct route *route, char text[128])
{
    static const char *const callers[] = {
        [CALLER_ANYONE] = "anyone", [CALLER_ACCOUNT] = "account", [CALLER_PROVIDER] = "provider"};
    if (route->caller != CALLER_OPERATOR)
        return callers[route->caller];
    *text = 0;
    for (size_t i = 0; i < ROLES; i++)
        if ((route->roles | ROLE_ADMIN) & roles[i].bit)
            snprintf(text + strlen(text), 128 - strlen(text), "%s%s", *text ? ", " : "",
                     roles[i].name);
    return text;
}

static size_t count_route_lines(const char *readme)
{
    size_t n = 0;
    char method[8], path[128];
    for (const char *line = readme; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (sscanf(line, "| %7[A-Z] | `%127[^`]`", method, path) != 2)
            continue;
        cr_expect(has_route(method, path), "README.md: %s %s is no route", method, path);
        n++;
    }
    return n;
}

Test(readme, lists_every_route_and_who_may_call_it)
{
    char *readme = file_text("README.md"), roles_text[128], line[256];
    for (size_t i = 0; i < routes_count; i++) {
        snprintf(line, sizeof line, "| %s | `%s` | %s |", routes[i].method, routes[i].path,
                 who_may_call(&routes[i], roles_text));
        cr_expect_not_null(strstr(readme, line), "README.md lacks: %s", line);
    }
    cr_expect_eq(count_route_lines(readme), routes_count);
    free(readme);
}
