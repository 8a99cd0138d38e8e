/* SPDX-License-Identifier: MIT */
/*
 * The one enumeration of everything that can fail inside idphotod.
 *
 * A function that can fail returns it and leaves its out-parameters untouched
 * unless it returns OK. http/problem.c is the only place that turns it into an
 * HTTP answer. Switches over it have no default.
 */
#ifndef IDPHOTOD_BASE_STATUS_H
#define IDPHOTOD_BASE_STATUS_H

enum status {
    OK = 0,
    NOT_FOUND,   /* no such row, file or key for this caller */
    CONFLICT,    /* the state does not allow it */
    RETRY,       /* a passing collision; the same call may succeed */
    DENIED,      /* authenticity or permission: a signature, a tag, a token */
    INVALID,     /* input outside its rule */
    TOO_LARGE,   /* input over its limit */
    UNAVAILABLE, /* database or provider out of reach */
    INTERNAL,    /* our own bug, or memory exhausted */
};

/* Stable lower-case name for logs, such as "not-found". Never NULL. */
const char *status_name(enum status s);

#define MUST_USE __attribute__((warn_unused_result))

#endif
