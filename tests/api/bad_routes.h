/* SPDX-License-Identifier: MIT */
/* The routes that bad input is thrown at: each with a request that would be good. */
#ifndef API_BAD_ROUTES_H
#define API_BAD_ROUTES_H

#include <stdbool.h>
#include <stddef.h>

enum caller { ANYONE, ACCOUNT_HOLDER, OPERATOR, PROVIDER };
enum content { NO_BODY, JSON, IMAGE, FORM, ANY };

struct bad_route {
    const char *call; /* as in step.h; {{...}} are good ids of the account "bad" */
    enum caller caller;
    enum content content;
    size_t most; /* bytes that a body may have */
    bool key;    /* takes an Idempotency-Key */
    const char *headers;
    const char *body;     /* good, ' for " */
    const char *optional; /* members that may be left out, by their last names */
    const char *query;    /* parameters that it knows */
};

extern const struct bad_route bad_routes[];
extern const size_t bad_routes_count;

#endif
