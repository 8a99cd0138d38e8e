/* SPDX-License-Identifier: MIT */
#include "step.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "picture.h"
#include "shape.h"
#include "stack.h"

static int passed, failed;
static char complaint[2048];

bool complain(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(complaint, sizeof complaint, format, args);
    va_end(args);
    return false;
}

int tests_passed(void)
{
    return passed;
}

int tests_failed(void)
{
    return failed;
}

void test_count(const char *name, bool good, const char *why)
{
    passed += good;
    failed += !good;
    printf("%s  %s\n", good ? "ok   " : "FAIL ", name);
    if (!good)
        printf("      %s\n", why);
    fflush(stdout);
}

/* ---- sending ---- */

static char *build_headers(const struct step *s)
{
    char *text = NULL;
    size_t n;
    FILE *f = open_memstream(&text, &n);
    if (s->as) {
        char name[80];
        snprintf(name, sizeof name, "%s.token", s->as);
        fprintf(f, "Authorization: Bearer %s\n", keep_get(name));
    }
    if (s->key)
        fprintf(f, "Idempotency-Key: %s\n", s->key);
    if (s->body && !(s->headers && strstr(s->headers, "Content-Type:")))
        fputs("Content-Type: application/json\n", f);
    if (s->file && !(s->headers && strstr(s->headers, "Content-Type:")))
        fprintf(f, "Content-Type: %s\n", picture_named(s->file)->type);
    if (s->headers)
        fprintf(f, "%s\n", s->headers);
    fclose(f);
    char *filled = keep_fill(text);
    free(text);
    return filled;
}

static char *build_body(const struct step *s)
{
    char *body = s->body ? keep_fill(s->body) : NULL;
    for (char *p = body; p && *p; p++)
        if (*p == '\'')
            *p = '"';
    return body;
}

struct answer step_send(const struct step *s)
{
    char method[16] = "";
    char *path = keep_fill(s->call + strcspn(s->call, " ") + 1);
    char *url = stack_url(path), *headers = build_headers(s), *body = build_body(s);
    snprintf(method, sizeof method, "%.*s", (int)strcspn(s->call, " "), s->call);
    struct request r = {.method = method, .url = url, .headers = headers};
    if (body)
        r.body = (struct bytes){body, strlen(body)};
    else if (s->file)
        r.body = picture_named(s->file)->bytes;
    else if (strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0)
        r.body = (struct bytes){"", 0};
    struct answer a = http_send(&r);
    free(path);
    free(url);
    free(headers);
    free(body);
    return a;
}

/* ---- judging ---- */

bool is_problem(const struct answer *a, int status, const char *code)
{
    char shape[600], why[600];
    const char *type = answer_header(a, "content-type");
    const char *id = answer_header(a, "x-request-id");
    if (a->status != status)
        return complain("want %d %s, got %d %.300s", status, code, a->status, a->body);
    if (!type || strcmp(type, "application/problem+json") != 0)
        return complain("%d is %s, not a problem document: %.200s", status,
                        type ? type : "typeless", a->body);
    snprintf(shape, sizeof shape,
             "{'type': '@text', 'title': '@text', 'status': %d, 'detail': '@text', 'instance': "
             "'@text', 'code': '%s', 'request_id': '%s', '...': true}",
             status, code, id ? id : "an X-Request-Id");
    json_t *want = shape_read(shape);
    bool good = shape_match(want, a->json, why, sizeof why);
    json_decref(want);
    return good || complain("problem: %s", why);
}

static bool has_header(const struct answer *a, const char *line, size_t n)
{
    char *text = strndup(line, n);
    char *wanted = keep_fill(text);
    char *colon = strstr(wanted, ": ");
    bool absent = *wanted == '!', good;
    if (colon)
        *colon = 0;
    const char *got = answer_header(a, wanted + absent);
    if (absent)
        good = !got;
    else
        good = got && (!colon || strcmp(got, colon + 2) == 0);
    if (!good)
        complain("header %s: want %s, got %s", wanted,
                 colon    ? colon + 2
                 : absent ? "none"
                          : "any",
                 got ? got : "none");
    free(wanted);
    free(text);
    return good;
}

static bool headers_match(const struct answer *a, const char *expect)
{
    for (const char *at = expect; at && *at; at += *at == '\n') {
        size_t n = strcspn(at, "\n");
        if (!has_header(a, at, n))
            return false;
        at += n;
    }
    return true;
}

static bool shape_is(const struct answer *a, const char *text)
{
    char why[800];
    if (!text)
        return true;
    json_t *shape = shape_read(text);
    bool good = shape && shape_match(shape, a->json, why, sizeof why);
    json_decref(shape);
    return good || complain("%s; the answer: %.400s", shape ? why : "no shape", a->body);
}

static bool judge(const struct step *s, const struct answer *a, int status)
{
    if (status >= 400 && s->problem && !is_problem(a, status, s->problem))
        return false;
    if (a->status != status)
        return complain("want %d, got %d %.400s", status, a->status, a->body);
    return headers_match(a, s->expect) && shape_is(a, s->shape);
}

/* ---- keeping ---- */

static bool keep_one(const struct answer *a, const char *name, const char *path)
{
    if (*path == ':') {
        const char *value = answer_header(a, path + 1);
        keep_set(name, value ? value : "");
        return value || complain("no header %s to keep", path + 1);
    }
    const json_t *member = shape_find(a->json, path);
    if (!member)
        return complain("nothing at %s to keep: %.300s", path, a->body);
    char *text = json_is_string(member) ? strdup(json_string_value(member))
                                        : json_dumps(member, JSON_ENCODE_ANY | JSON_COMPACT);
    keep_set(name, text);
    free(text);
    return true;
}

static bool keep_all(const struct answer *a, const char *keep)
{
    char name[80], path[80];
    int n;
    for (const char *at = keep; at && sscanf(at, " %79[^=]=%79s%n", name, path, &n) == 2; at += n)
        if (!keep_one(a, name, path))
            return false;
    return true;
}

/* ---- again ---- */

static bool changes(const struct step *s)
{
    return strncmp(s->call, "GET ", 4) != 0 && strncmp(s->call, "HEAD ", 5) != 0 &&
           strncmp(s->call, "OPTIONS ", 8) != 0 && !strstr(s->call, " sandbox:") &&
           !strstr(s->call, "/v1/notify/") && s->again != AGAIN_NEVER;
}

static bool is_replayed(const struct answer *first, const struct answer *second)
{
    const char *mark = answer_header(second, "idempotency-replayed");
    if (!mark || strcmp(mark, "true") != 0)
        return complain("the second answer is not marked as a replay: %d %.300s", second->status,
                        second->body);
    if (first->status != second->status || first->size != second->size ||
        memcmp(first->body, second->body, first->size) != 0)
        return complain("the replay differs: %.300s", second->body);
    return true;
}

static bool repeat(const struct step *s, const struct answer *first)
{
    struct answer second = step_send(s);
    bool good;
    if (s->again)
        good = second.status == s->again ||
               complain("sent again: want %d, got %d %.300s", s->again, second.status, second.body);
    else if (first->status < 300 && s->key)
        good = is_replayed(first, &second);
    else if (first->status < 300 && strncmp(s->call, "DELETE ", 7) == 0 && first->status == 204)
        good = is_problem(&second, 404, "not-found");
    else
        good = judge(s, &second, s->status);
    answer_free(&second);
    return good;
}

static bool call_run(const struct step *s)
{
    struct answer a = step_send(s);
    bool good = judge(s, &a, s->status) && keep_all(&a, s->keep) && (!changes(s) || repeat(s, &a));
    answer_free(&a);
    return good;
}

static bool question_run(const struct step *s)
{
    char *sql = keep_fill(s->sql), *rows = keep_fill(s->rows);
    const char *got = db_value(sql);
    bool good = strcmp(got, rows) == 0 || complain("%s: want %s, got %s", sql, rows, got);
    free(sql);
    free(rows);
    return good;
}

static bool control_run(const struct step *s)
{
    char *line = keep_fill(s->control);
    bool good = stack_control(line) || complain("%s failed", line);
    free(line);
    return good;
}

static bool step_run(const struct step *s)
{
    *complaint = 0;
    if (s->run)
        return s->run();
    if (s->control)
        return control_run(s);
    return s->sql ? question_run(s) : call_run(s);
}

bool steps_run(const struct step *steps)
{
    for (const struct step *s = steps; s->label; s++) {
        if (step_run(s))
            continue;
        char *why = strdup(complaint);
        complain("%s: %s", s->label, why);
        free(why);
        return false;
    }
    return true;
}

void test_run(const struct test *t)
{
    *complaint = 0;
    bool good = t->steps ? steps_run(t->steps) : t->run();
    test_count(t->name, good, complaint);
}
