/* SPDX-License-Identifier: MIT */
#include "http/request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "http/transport.h"

static void drop_field_errors(void *request)
{
    struct request *r = request;
    json_decref(r->field_errors);
}

void request_init(struct request *r, struct transport *t, struct arena *a)
{
    *t = (struct transport){0};
    *r = (struct request){
        .arena = a,
        .method = "GET",
        .path = "/",
        .request_id = "-",
        .client_ip = "",
        .body = (const unsigned char *)"",
        .transport = t,
    };
    arena_defer(a, drop_field_errors, r);
}

void pair_add(struct pair_list *list, struct arena *a, const char *name, const char *value)
{
    struct pair *p = arena_alloc(a, sizeof *p);
    *p = (struct pair){.name = name, .value = value};
    if (list->last)
        list->last->next = p;
    else
        list->first = p;
    list->last = p;
}

static const struct transport *transport_of(const struct request *r)
{
    return r->transport;
}

const char *request_header(const struct request *r, const char *name)
{
    const char *found = NULL;
    for (const struct pair *p = transport_of(r)->headers.first; p; p = p->next) {
        if (strcasecmp(p->name, name) != 0)
            continue;
        if (found)
            return "";
        found = p->value;
    }
    return found;
}

/* The next header of that name from here on. */
static const struct pair *next_named(const struct pair *p, const char *name)
{
    while (p && strcasecmp(p->name, name) != 0)
        p = p->next;
    return p;
}

const char *request_header_joined(const struct request *r, const char *name)
{
    size_t size = 0;
    const struct pair *first = next_named(transport_of(r)->headers.first, name);
    for (const struct pair *p = first; p; p = next_named(p->next, name))
        size += strlen(p->value) + 1; /* a comma, or the NUL */
    if (!first)
        return NULL;
    char *joined = arena_alloc(r->arena, size), *end = joined;
    for (const struct pair *p = first; p; p = next_named(p->next, name)) {
        if (p != first)
            *end++ = ',';
        end = stpcpy(end, p->value);
    }
    return joined;
}

const char *request_query(const struct request *r, const char *name)
{
    for (const struct pair *p = transport_of(r)->query.first; p; p = p->next)
        if (strcmp(p->name, name) == 0)
            return p->value;
    return NULL;
}

void request_each_query(const struct request *r, void (*each)(void *, const char *, const char *),
                        void *arg)
{
    for (const struct pair *p = transport_of(r)->query.first; p; p = p->next)
        each(arg, p->name, p->value);
}

/* ---- answers ---- */

void reply_bytes(struct request *r, unsigned http_status, const char *content_type,
                 const void *bytes, size_t n)
{
    CHECK(r->reply_status == 0 && http_status >= 200 && http_status < 600);
    r->reply_status = http_status;
    r->reply_type = content_type;
    r->reply_body = bytes;
    r->reply_size = n;
}

/* Wiped, because answers carry names and addresses. */
static void free_dump(void *dump)
{
    explicit_bzero(dump, strlen(dump));
    free(dump);
}

void reply_json(struct request *r, unsigned http_status, json_t *body)
{
    char *dump = json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
    json_decref(body);
    CHECK_PEER(dump);
    arena_defer(r->arena, free_dump, dump);
    reply_bytes(r, http_status, "application/json", dump, strlen(dump));
}

void reply_pieces(struct request *r, unsigned http_status, const char *content_type,
                  piece_maker next, void *with)
{
    reply_bytes(r, http_status, content_type, "", 0);
    r->reply_next = next;
    r->reply_with = with;
}

void reply_empty(struct request *r, unsigned http_status)
{
    reply_bytes(r, http_status, NULL, "", 0);
}

void reply_add_header(struct request *r, const char *name, const char *value)
{
    struct reply_header *h = arena_alloc(r->arena, sizeof *h);
    *h = (struct reply_header){
        .name = arena_strdup(r->arena, name),
        .value = arena_strdup(r->arena, value),
        .next = r->reply_headers,
    };
    r->reply_headers = h;
}

bool reply_has_header(const struct request *r, const char *name)
{
    for (const struct reply_header *h = r->reply_headers; h; h = h->next)
        if (strcasecmp(h->name, name) == 0)
            return true;
    return false;
}
