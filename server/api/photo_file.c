/* SPDX-License-Identifier: MIT */
/* GET /v1/photos/{photo_id}/file: entity tag and byte ranges (RFC 9110, sections 8.8.3, 13, 14). */
#include <stdlib.h>
#include <string.h>

#include "api/gate.h"
#include "api/handlers.h"
#include "image/photo.h"
#include "store/photo.h"

enum range { RANGE_NONE, RANGE_ONE, RANGE_BAD };

static bool parse_number(const char **text, size_t *out)
{
    char *end;
    if (**text < '0' || **text > '9')
        return false;
    unsigned long long v = strtoull(*text, &end, 10);
    *out = v > SIZE_MAX / 2 ? SIZE_MAX / 2 : (size_t)v;
    *text = end;
    return true;
}

/* One range of "bytes=a-b", "bytes=a-", "bytes=-n". What is not of that form is ignored, as the
 * standard allows; several ranges are answered with the whole file. */
static enum range parse_range(const char *header, size_t size, size_t *first, size_t *last)
{
    size_t a = 0, b = size - 1, n;
    if (!header || strncmp(header, "bytes=", 6) != 0)
        return RANGE_NONE;
    const char *p = header + 6;
    if (*p == '-') {
        p++;
        if (!parse_number(&p, &n) || *p)
            return RANGE_NONE;
        if (n == 0)
            return RANGE_BAD;
        a = n < size ? size - n : 0;
    } else {
        if (!parse_number(&p, &a) || *p++ != '-')
            return RANGE_NONE;
        if (*p && (!parse_number(&p, &b) || *p || b < a))
            return RANGE_NONE;
        if (a >= size)
            return RANGE_BAD;
        b = b < size ? b : size - 1;
    }
    *first = a;
    *last = b;
    return RANGE_ONE;
}

static bool names_etag(const char *header, const char *etag)
{
    return header && (strcmp(header, "*") == 0 || strstr(header, etag) != NULL);
}

/* RFC 9110, section 14.2: HEAD has no ranges. */
static const char *range_asked(const struct request *r)
{
    return strcmp(r->method, "GET") == 0 ? request_header(r, "Range") : NULL;
}

static void reply_file(struct request *r, const struct photo *photo, struct span file)
{
    const char *type = strcmp(photo->format, "png") == 0 ? photo_content_type(PHOTO_PNG)
                                                         : photo_content_type(PHOTO_JPEG);
    const char *etag = arena_printf(r->arena, "\"%s\"", photo->etag);
    const char *if_range = request_header(r, "If-Range");
    size_t first = 0, last = file.size - 1;
    enum range range = parse_range(range_asked(r), file.size, &first, &last);
    if (if_range && strcmp(if_range, etag) != 0)
        range = RANGE_NONE;

    reply_add_header(r, "ETag", etag);
    reply_add_header(r, "Accept-Ranges", "bytes");
    reply_add_header(r, "Cache-Control", "no-store");
    if (names_etag(request_header(r, "If-None-Match"), etag)) {
        reply_empty(r, 304);
        return;
    }
    switch (range) {
    case RANGE_NONE: reply_bytes(r, 200, type, file.bytes, file.size); break;
    case RANGE_ONE:
        reply_add_header(r, "Content-Range",
                         arena_printf(r->arena, "bytes %zu-%zu/%zu", first, last, file.size));
        reply_bytes(r, 206, type, (const char *)file.bytes + first, last - first + 1);
        break;
    case RANGE_BAD:
        reply_add_header(r, "Content-Range", arena_printf(r->arena, "bytes */%zu", file.size));
        reply_problem(r, PROBLEM_RANGE_NOT_SATISFIABLE);
        break;
    }
}

void photo_file(struct request *r)
{
    struct uuid id;
    struct photo photo;
    struct span file;
    if (!param_id(r, 0, "pho_", &id) || !query_known(r, (const char *const[]){"format", NULL}))
        return;
    enum status s =
        photo_read_file(store_of(r), r->arena, r->account_id, &id, r->now_us, &photo, &file);
    if (s == CONFLICT) {
        reply_problem(r, PROBLEM_UNPAID);
        return;
    }
    if (s != OK) {
        reply_status(r, s);
        return;
    }
    const char *format = request_query(r, "format");
    if (format && strcmp(format, photo.format) != 0) {
        field_error(r, "?format", "not-available", "the format the photo was uploaded in");
        reply_problem(r, PROBLEM_INVALID_MEMBERS);
        return;
    }
    reply_file(r, &photo, file);
}
