/* SPDX-License-Identifier: MIT */
/*
 * A test is a sentence and an array of steps; it ends at the first step that
 * does not go as written.
 *
 * A step is one request and what its answer must be. In paths, bodies, headers
 * and shapes {{NAME}} stands for what a step kept under NAME, and ' for ".
 * Every step that changes something is sent a second time, to prove that it
 * may be; `again` says what the second answer is where that does not follow:
 *
 *   with key        the same bytes and Idempotency-Replayed: true
 *   refused         the same refusal
 *   DELETE          404: it is gone
 *   any other       the same status and shape
 *
 * Requests to the sandbox are not the server's and are sent once.
 */
#ifndef API_STEP_H
#define API_STEP_H

#include <stdbool.h>
#include <stddef.h>

#include "http.h"

enum again { AGAIN_AS_WRITTEN = 0, AGAIN_NEVER = -1 };

struct step {
    const char *label;
    const char *call;    /* "POST /v1/orders"; sandbox:/..., admin:/... (stack.h) */
    const char *as;      /* the token kept as AS.token; NULL: none */
    const char *key;     /* Idempotency-Key */
    const char *headers; /* further "Name: value" lines */
    const char *body;    /* JSON with ' for " */
    const char *file;    /* instead of body: a picture's name (picture.h) */
    int status;
    const char *problem; /* a problem document's code; the status is 4xx or 5xx */
    const char *shape;   /* of a JSON answer (shape.h) */
    const char *expect;  /* answer headers: "name: value", "name" (is there), "!name" (is not) */
    const char *keep;    /* "order=order_id photo=items.0.photo_id etag=:etag" (: is a header) */
    int again;           /* status of the second sending, AGAIN_... */
    /* instead of a call */
    const char *control;    /* a line of shell for run.sh, with {{NAME}} */
    const char *sql, *rows; /* a question to the database, and its one answer */
    bool (*run)(void);      /* anything else; says itself what is wrong */
};

struct test {
    const char *name;
    const struct step *steps; /* ends with one that has no label */
    bool (*run)(void);        /* instead of steps */
};

/* Tests that belong together, in their order; a group does not lean on another. */
struct group {
    const char *name;
    const struct test *tests; /* ends with one that has no name */
};

/* Runs and counts; prints a line for each test. */
void test_run(const struct test *t);
/* Counts a test that was run elsewhere. */
void test_count(const char *name, bool passed, const char *why);
int tests_passed(void), tests_failed(void);

/* Why the running test fails. Always false. */
__attribute__((format(printf, 1, 2))) bool complain(const char *format, ...);
/* True when the steps all go as written. */
bool steps_run(const struct step *steps);
/* Sends what the step says, once. */
struct answer step_send(const struct step *s);
/* True when it is a whole problem document of that code and status. */
bool is_problem(const struct answer *a, int status, const char *code);

#endif
