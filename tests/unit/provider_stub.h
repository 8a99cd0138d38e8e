/* SPDX-License-Identifier: MIT */
/*
 * A provider that gives one answer to whatever it is asked, and counts. One in a process, on
 * loopback, with a thread of its own and a connection for each request.
 */
#ifndef IDPHOTOD_TESTS_PROVIDER_STUB_H
#define IDPHOTOD_TESTS_PROVIDER_STUB_H

#include <stdbool.h>

struct stub_answer {
    unsigned status;     /* 0: it is silent, and keeps the connection */
    const char *headers; /* lines that end in CR LF; may be NULL */
    const char *body;    /* may be NULL */
};

/* Listens from now on. */
void stub_start(const struct stub_answer *answer);
/* "http://127.0.0.1:PORT"; static. */
const char *stub_url(void);
/* From the next request on. The texts are borrowed. */
void stub_answers(const struct stub_answer *answer);
/* How many requests have come. */
int stub_asked(void);
/* True when n have come, now or within the seconds. */
bool stub_await(int n, int seconds);
void stub_stop(void);

#endif
