/* SPDX-License-Identifier: MIT */
/*
 * One bad request and what must become of it: its documented problem, nothing
 * of what was sent in it, no row changed, connection and server as they were.
 * One thread.
 */
#ifndef API_BAD_REQUEST_H
#define API_BAD_REQUEST_H

#include "bad_routes.h"
#include "http.h"

/* What no answer may repeat. */
#define MARK "PLANTEDmark"

struct attempt {
    const char *method, *path;
    char *headers; /* owned */
    struct bytes body;
    bool chunked;
    bool may_close; /* the rest of the body is not read: the connection may end */
    int status;
    const char *code;
    const char *pointer; /* errors[] must name it; "" any */
    const char *what;
};

/* From here on rows must be as they are now. */
void bad_rows_note(void);
bool bad_rows_unchanged(void);
/* livez answers; on the connection that is open, unless that may have been closed. */
bool bad_server_is_well(bool may_close);
/* How many bad requests there were. */
long bad_count(void);
void bad_count_one(void);

/* Sends the attempt, frees its headers; true when it was refused as it should. */
bool bad_refused(struct attempt *t);
/* The same for a JSON body on a route with everything else good. */
bool bad_refuse_json(const struct bad_route *route, struct bytes body, int status, const char *code,
                     const char *pointer, const char *what);
bool bad_refuse_root(const struct bad_route *route, const json_t *root, const char *pointer,
                     const char *what);

/* ---- parts of a route's good request ---- */

const char *bad_token(const struct bad_route *route); /* NULL: it takes none */
const char *bad_type(const struct bad_route *route);
const char *bad_path(const struct bad_route *route);
const char *bad_method(const struct bad_route *route); /* until the next call */
/* To be freed. */
char *bad_headers(const struct bad_route *route, const char *token, const char *type);
char *bad_body(const struct bad_route *route);
struct bytes bad_bytes(const struct bad_route *route, char *body);
__attribute__((format(printf, 1, 2))) char *text_print(const char *format, ...);

/* Runs a check on every route that is chosen, until the first that fails. */
bool bad_each_route(bool (*chosen)(const struct bad_route *),
                    bool (*check)(const struct bad_route *));
bool bad_any(const struct bad_route *route);
bool bad_takes_json(const struct bad_route *route);
bool bad_takes_body(const struct bad_route *route);
bool bad_takes_nothing(const struct bad_route *route);
bool bad_needs_token(const struct bad_route *route);

/* ---- tests of bodies (bad_json.c), of the rest (bad_wire.c) and of orders (bad_orders.c) ---- */

bool json_malformed(void), json_cut_off(void), json_roots(void), json_types(void),
    json_missing(void), json_surplus(void), json_texts(void), json_numbers(void);
bool wire_types(void), wire_sizes(void), wire_no_bodies(void), wire_framing(void),
    wire_headers(void), wire_request_ids(void);
bool order_recipients(void), order_good_recipients(void), order_members(void), order_channels(void);

#endif
