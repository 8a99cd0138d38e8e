/* SPDX-License-Identifier: MIT */
/* What GET /openapi.json and README.md say of the routes is what the route table and the table of
 * problems hold. Reads server/api/routes.c and README.md from the current folder. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/app.h"
#include "http/problem.h"
#include "openapi_document.h"

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
    json_t *doc = openapi_document(), *item, *operation;
    const char *path, *method;
    for (size_t i = 0; i < routes_count; i++)
        openapi_operation(doc, &routes[i]);
    json_object_foreach(json_object_get(doc, "paths"), path, item)
    {
        json_object_foreach(item, method, operation)
        {
            if (openapi_is_method(method))
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
    json_t *doc = openapi_document();
    char *source = file_text("server/api/routes.c"), name[64];
    for (size_t i = 0; i < routes_count; i++) {
        handler_name(source, &routes[i], name);
        cr_expect_str_eq(openapi_text(openapi_operation(doc, &routes[i]), "operationId"), name);
    }
    free(source);
    json_decref(doc);
}

Test(openapi, has_every_parameter_of_a_path)
{
    json_t *doc = openapi_document();
    char name[64];
    for (size_t i = 0; i < routes_count; i++) {
        for (const char *p = strchr(routes[i].path, '{'); p; p = strchr(p + 1, '{')) {
            cr_assert_eq(sscanf(p, "{%63[^}]}", name), 1);
            json_t *parameter = openapi_parameter_of(doc, &routes[i], "path", name);
            cr_expect(json_is_true(json_object_get(parameter, "required")), "%s %s: %s",
                      routes[i].method, routes[i].path, name);
        }
    }
    json_decref(doc);
}

static void expect_header(json_t *doc, const struct route *route, const char *name, bool wanted)
{
    json_t *parameter = openapi_parameter_of(doc, route, "header", name);
    cr_expect_eq(parameter != NULL, wanted, "%s %s: %s", route->method, route->path, name);
    if (wanted)
        cr_expect(json_is_true(json_object_get(parameter, "required")), "%s", name);
}

Test(openapi, asks_for_the_headers_that_a_row_asks_for)
{
    json_t *doc = openapi_document();
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
    json_t *doc = openapi_document();
    for (size_t i = 0; i < routes_count; i++) {
        const char *scheme = scheme_of(routes[i].caller);
        json_t *security = json_object_get(openapi_operation(doc, &routes[i]), "security");
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
    json_t *doc = openapi_document();
    for (size_t i = 0; i < routes_count; i++) {
        json_t *operation = openapi_operation(doc, &routes[i]);
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
    json_t *doc = openapi_document();
    for (size_t i = 0; i < routes_count; i++) {
        json_t *body = json_object_get(openapi_operation(doc, &routes[i]), "requestBody");
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
    json_t *content = json_object_get(openapi_real(doc, response), "content");
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
    cr_expect_eq(answers(doc, openapi_operation(doc, route), p), wanted, "%s %s: %s", route->method,
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
    json_t *doc = openapi_document();
    for (size_t i = 0; i < routes_count; i++)
        expect_problems_of_row(doc, &routes[i]);
    json_decref(doc);
}

Test(openapi, gives_problems_under_their_own_status_only)
{
    json_t *doc = openapi_document(), *response, *example;
    const char *status, *code;
    for (size_t i = 0; i < routes_count; i++) {
        json_t *operation = openapi_operation(doc, &routes[i]);
        json_object_foreach(json_object_get(operation, "responses"), status, response)
        {
            json_object_foreach(problem_examples(doc, response), code, example)
            {
                enum problem p = problem_named(code);
                cr_assert_neq(p, PROBLEM_COUNT, "%s is no code", code);
                cr_expect_eq(strtoul(status, NULL, 10), problem_http_status(p), "%s %s: %s",
                             routes[i].method, routes[i].path, code);
                cr_expect_str_eq(
                    openapi_text(json_object_get(openapi_real(doc, example), "value"), "code"),
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
        somewhere = somewhere || answers(doc, openapi_operation(doc, &routes[i]), p);
    return somewhere;
}

/* The example is the document that the program itself writes. */
static void expect_example(json_t *example, enum problem p)
{
    char *text = problem_text(p, LANGUAGE_EN, "", "");
    json_t *own = json_loads(text, 0, NULL);
    static const char *const members[] = {"type", "title", "code"};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        cr_expect_str_eq(openapi_text(example, members[i]), openapi_text(own, members[i]));
    cr_expect_eq(json_integer_value(json_object_get(example, "status")), problem_http_status(p));
    json_decref(own);
    free(text);
}

Test(openapi, lists_every_problem_that_is_in_use)
{
    json_t *doc = openapi_document();
    json_t *codes = openapi_follow(doc, "#/components/schemas/Problem/properties/code/enum");
    json_t *examples = openapi_follow(doc, "#/components/examples");
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
    json_t *doc = openapi_document();
    json_t *names = openapi_follow(doc, "#/components/schemas/JobName/enum");
    cr_expect_eq(json_array_size(names), jobs_count);
    for (size_t i = 0; i < jobs_count; i++)
        cr_expect(holds_text(names, jobs[i].name), "%s", jobs[i].name);
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
