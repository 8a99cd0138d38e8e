/* SPDX-License-Identifier: MIT */
#include "image/specs.h"

#include <string.h>

#include "api/app.h"
#include "api/handlers.h"
#include "http/text.h"

enum { QUERY_MOST = 100 };

/* They change with an installation alone. */
#define SPECS_KEPT "public, max-age=3600"

static void reply_public(struct request *r, const void *text, size_t n)
{
    reply_add_header(r, "Cache-Control", SPECS_KEPT);
    reply_bytes(r, 200, "application/json", text, n);
}

void specs_show(struct request *r)
{
    const struct specs *specs = app_of(r)->specs;
    if (!query_known(r, (const char *const[]){"q", NULL}))
        return;
    const char *query = request_query(r, "q");
    if (query && text_code_points(query) > QUERY_MOST) {
        field_error(r, "?q", "too-long", "must be at most 100 characters");
        reply_problem(r, PROBLEM_INVALID_MEMBERS);
        return;
    }
    struct buf *b = arena_buf(r->arena);
    buf_add_str(b, "{\"items\":[");
    const char *comma = "";
    for (size_t i = 0; i < specs_count(specs); i++) {
        if (query && !spec_matches(spec_at(specs, i), query))
            continue;
        buf_add_str(b, comma);
        buf_add_str(b, spec_at(specs, i)->text);
        comma = ",";
    }
    buf_add_str(b, "],\"next_cursor\":null}");
    reply_public(r, b->bytes, b->size);
}

void spec_show(struct request *r)
{
    const struct photo_spec *spec = spec_find(app_of(r)->specs, r->params[0]);
    if (spec)
        reply_public(r, spec->text, strlen(spec->text));
    else
        reply_problem(r, PROBLEM_NOT_FOUND);
}
