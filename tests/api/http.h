/* SPDX-License-Identifier: MIT */
/*
 * Requests of the tests, over libcurl, and raw bytes over a socket for what
 * libcurl would not send. One connection is kept open and used again, so that
 * a request that spoils it is noticed. One thread.
 */
#ifndef API_HTTP_H
#define API_HTTP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct bytes {
    const char *at;
    size_t size;
};

struct request {
    const char *method, *url;
    const char *headers; /* "Name: value" lines, or NULL */
    struct bytes body;   /* at NULL: none */
    bool chunked;
};

struct answer {
    int status;      /* 0: no answer */
    char *body;      /* owned, ends in NUL */
    size_t size;     /* bytes of it */
    json_t *headers; /* owned: lower-case names, values; several of a name joined by a comma */
    json_t *json;    /* owned: the body when it is JSON, else NULL */
    double seconds;
    bool fresh; /* a new connection had to be made */
};

void http_open(void);
void http_close(void);

/* The answer is to be freed in any case. */
struct answer http_send(const struct request *r);
/* Sends the bytes, closes its half when half_close, and reads until the peer closes or two seconds
 * of silence; status and body are those of the first answer. */
struct answer http_send_raw(const char *base_url, struct bytes raw, bool half_close);
void answer_free(struct answer *a);

/* NULL when there is none. Borrowed from the answer. */
const char *answer_header(const struct answer *a, const char *name);

#endif
