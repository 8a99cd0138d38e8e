/* SPDX-License-Identifier: MIT */
/* GET /v1/photos/{photo_id}/file: entity tag and byte ranges (RFC 9110, sections 8.8.3, 13, 14),
 * other formats and sheets; and /preview. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "api/gate.h"
#include "api/handlers.h"
#include "api/sheets.h"
#include "http/text.h"
#include "image/convert.h"
#include "image/preview.h"

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

static bool has_etag(const struct request *r, const char *etag)
{
    return text_names_etag(request_header_joined(r, "If-None-Match"), etag);
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
    if (has_etag(r, etag)) {
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

/* ---- made from it ---- */

struct file_wanted {
    const char *format; /* NULL: as it is stored, or a JPEG of a sheet */
    const char *layout; /* NULL: the photo itself */
    struct sheet_wanted sheet;
};

static bool is_format(const char *format, const char *const *known)
{
    for (; *known; known++)
        if (strcmp(format, *known) == 0)
            return true;
    return false;
}

static void read_format(struct request *r, const struct file_wanted *w)
{
    if (!w->format)
        return;
    if (!is_format(w->format, (const char *const[]){"jpeg", "png", "pdf", NULL}))
        field_error(r, "?format", "unknown", "jpeg or png; of a sheet jpeg or pdf");
    else if (w->layout && strcmp(w->format, "png") == 0)
        field_error(r, "?format", "contradictory", "a sheet is a jpeg or a pdf");
    else if (!w->layout && strcmp(w->format, "pdf") == 0)
        field_error(r, "?format", "contradictory", "a pdf needs a layout");
}

static bool read_wanted(struct request *r, struct file_wanted *w)
{
    static const char *const known[] = {"format",    "layout", "gap_mm", "margin_mm",
                                        "cut_lines", "dpi",    NULL};
    if (!query_known(r, known))
        return false;
    *w =
        (struct file_wanted){request_query(r, "format"), request_query(r, "layout"), sheet_usual()};
    for (size_t i = 2; known[i] && !w->layout; i++)
        if (request_query(r, known[i]))
            field_error(r, arena_printf(r->arena, "?%s", known[i]), "contradictory",
                        "needs a layout");
    if (w->layout)
        sheet_read(r, "layout", &w->sheet);
    read_format(r, w);
    if (has_field_errors(r))
        reply_problem(r, PROBLEM_INVALID_MEMBERS);
    return !has_field_errors(r);
}

/* A weak tag: another release may make other bytes of the same photo. So there are no ranges. */
struct made {
    const char *etag;
    struct buf *file;
};

static struct made made_of(struct request *r, const struct photo *photo, const char *variant)
{
    return (struct made){arena_printf(r->arena, "W/\"%s-%s\"", photo->etag, variant),
                         arena_buf(r->arena)};
}

static void add_made_headers(struct request *r, const struct made *m)
{
    reply_add_header(r, "ETag", m->etag);
    reply_add_header(r, "Accept-Ranges", "none");
    reply_add_header(r, "Cache-Control", "no-store");
}

/* Then it need not be made; true after having answered. */
static bool is_unchanged(struct request *r, const struct made *m)
{
    if (!has_etag(r, m->etag))
        return false;
    add_made_headers(r, m);
    reply_empty(r, 304);
    return true;
}

static void reply_made(struct request *r, const struct made *m, const char *type)
{
    add_made_headers(r, m);
    reply_bytes(r, 200, type, m->file->bytes, m->file->size);
}

static void reply_not_made(struct request *r, enum status s, const char *pointer,
                           const char *detail)
{
    if (s != INVALID && s != CONFLICT) {
        reply_status(r, s);
        return;
    }
    field_error(r, pointer, "not-available", detail);
    reply_problem(r, PROBLEM_INVALID_MEMBERS);
}

static void reply_sheet(struct request *r, const struct photo *photo, struct span file,
                        const struct file_wanted *w)
{
    enum sheet_format format = w->format && strcmp(w->format, "pdf") == 0 ? SHEET_PDF : SHEET_JPEG;
    const struct sheet_photo on_it = sheet_photo_of(r, photo, file);
    const char *variant =
        arena_printf(r->arena, "%gx%g-g%g-m%g-%d%s%s", w->sheet.width_mm, w->sheet.height_mm,
                     w->sheet.gap_mm, w->sheet.margin_mm, w->sheet.dpi,
                     w->sheet.cut_lines ? "l" : "", format == SHEET_PDF ? "-pdf" : "");
    const struct made m = made_of(r, photo, variant);
    if (is_unchanged(r, &m))
        return;
    enum status s = sheet_make(&w->sheet, &on_it, 1, format, NULL, m.file);
    if (s == OK)
        reply_made(r, &m, sheet_content_type(format));
    else
        reply_not_made(r, s, "?layout",
                       "no photo fits, the sheet has too many pixels, or nothing says how large "
                       "the photo is");
}

static void reply_converted(struct request *r, const struct photo *photo, struct span file,
                            enum photo_format format)
{
    const struct photo_spec *spec = spec_find(app_of(r)->specs, photo->spec);
    const struct made m = made_of(r, photo, photo_format_name(format));
    if (is_unchanged(r, &m))
        return;
    enum status s = photo_convert(file, spec, photo->dpi, format, m.file);
    if (s == OK)
        reply_made(r, &m, photo_content_type(format));
    else
        reply_not_made(r, s, "?format",
                       "in this format it does not fit into the specification's kilobytes");
}

void photo_file(struct request *r)
{
    struct uuid id;
    struct photo photo;
    struct span file;
    struct file_wanted wanted;
    if (!param_id(r, 0, "pho_", &id) || !read_wanted(r, &wanted))
        return;
    enum status s =
        photo_read_file(store_of(r), r->arena, r->account_id, &id, r->now_us, &photo, &file);
    if (s == CONFLICT)
        reply_problem(r, PROBLEM_UNPAID);
    else if (s != OK)
        reply_status(r, s);
    else if (wanted.layout)
        reply_sheet(r, &photo, file, &wanted);
    else if (wanted.format && strcmp(wanted.format, photo.format) != 0)
        reply_converted(r, &photo, file,
                        strcmp(wanted.format, "png") == 0 ? PHOTO_PNG : PHOTO_JPEG);
    else
        reply_file(r, &photo, file);
}

/* ---- what is seen before it is paid ---- */

void photo_preview(struct request *r)
{
    struct uuid id;
    struct photo photo;
    struct span file;
    unsigned char seed[VAULT_HASH_BYTES];
    static_assert(sizeof seed == PREVIEW_SEED_BYTES, "one hash is one seed");
    if (!param_id(r, 0, "pho_", &id) || !query_known(r, (const char *const[]){NULL}))
        return;
    enum status s =
        photo_read_any(store_of(r), r->arena, r->account_id, &id, r->now_us, &photo, &file);
    if (s != OK) {
        reply_status(r, s);
        return;
    }
    const struct made m = made_of(r, &photo, "preview");
    if (is_unchanged(r, &m))
        return;
    vault_hash(store_of(r)->vault, "preview", NULL, 0, id.bytes, sizeof id.bytes, seed);
    s = preview_make(file, seed, m.file);
    explicit_bzero(seed, sizeof seed);
    if (s == OK)
        reply_made(r, &m, photo_content_type(PHOTO_JPEG));
    else
        reply_status(r, s);
}
