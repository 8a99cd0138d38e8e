/* SPDX-License-Identifier: MIT */
/* POST /v1/photos/check and /v1/photos/make: the portrait is there for one call. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/answers.h"
#include "api/drafts.h"
#include "api/gate.h"
#include "api/handlers.h"
#include "api/report.h"
#include "base/clock.h"
#include "image/portrait.h"

/* ---- parameters ---- */

static const struct {
    const char *name, *range;
    double most, least;
    size_t offset;
} edits[] = {
    {"brightness", "must be a number of -20 to 20", 20, -20,
     offsetof(struct idphoto_edit, brightness)},
    {"contrast", "must be a number of -50 to 50", 50, -50, offsetof(struct idphoto_edit, contrast)},
    {"saturation", "must be a number of -50 to 50", 50, -50,
     offsetof(struct idphoto_edit, saturation)},
    {"sharpness", "must be a number of 0 to 5", 5, 0, offsetof(struct idphoto_edit, sharpness)},
    {"whitening", "must be a number of 0 to 10", 10, 0, offsetof(struct idphoto_edit, whitening)},
    {"smoothing", "must be a number of 0 to 10", 10, 0, offsetof(struct idphoto_edit, smoothing)},
};

static void wrong(struct request *r, const char *name, const char *code, const char *detail)
{
    field_error(r, arena_printf(r->arena, "?%s", name), code, detail);
}

static const struct photo_spec *read_spec(struct request *r, bool required)
{
    const char *id = request_query(r, "spec");
    const struct photo_spec *spec = spec_find(app_of(r)->specs, id);
    if (id && !spec)
        wrong(r, "spec", "unknown", "must be the id of a specification of GET /v1/specs");
    else if (!id && required)
        wrong(r, "spec", "missing", "is required: an id of GET /v1/specs");
    return spec;
}

static bool read_number(const char *text, double *out)
{
    char *end;
    if (strspn(text, "+-.0123456789") != strlen(text) || strlen(text) > 16)
        return false;
    *out = strtod(text, &end);
    return end != text && !*end && isfinite(*out);
}

static void read_edits(struct request *r, const struct photo_spec *spec, struct idphoto_edit *out)
{
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        const char *text = request_query(r, edits[i].name);
        double v = 0;
        if (!text)
            continue;
        if (!read_number(text, &v) || v < edits[i].least || v > edits[i].most)
            wrong(r, edits[i].name, "out-of-range", edits[i].range);
        else if (v != 0 && spec && !spec->retouch)
            wrong(r, edits[i].name, "not-allowed", "the specification forbids retouching");
        float value = (float)v;
        memcpy((char *)out + edits[i].offset, &value, sizeof value);
    }
}

static void read_format(struct request *r, struct make_wanted *w)
{
    const char *format = request_query(r, "format");
    bool clear = w->background == IDPHOTO_CLEAR;
    const struct photo_spec *s = w->spec;
    w->format = clear ? PHOTO_PNG : PHOTO_JPEG;
    if (!format)
        return;
    if (strcmp(format, "png") == 0)
        w->format = PHOTO_PNG;
    else if (strcmp(format, "jpeg") == 0)
        w->format = PHOTO_JPEG;
    else
        wrong(r, "format", "unknown", "must be jpeg or png");
    if (clear && strcmp(format, "jpeg") == 0)
        wrong(r, "format", "contradictory", "a JPEG cannot be transparent");
    if (s && w->format == PHOTO_PNG && (s->max_kb || s->min_kb || s->jpeg_quality_min))
        wrong(r, "format", "not-allowed", "the specification wants a JPEG");
}

/* Where the background is one colour or runs between two. */
static void read_colours(struct request *r, const char *colour, const char *gradient,
                         struct make_wanted *w)
{
    const char *to = request_query(r, "background_to");
    memset(w->colour_to, 255, 3);
    if (w->spec)
        memcpy(w->colour, w->spec->backgrounds[0], 3);
    if (colour && spec_colour(w->spec, colour, w->colour) != OK)
        wrong(r, "background", "unknown",
              "must be RRGGBB, white, grey, blue, red, cream, keep or transparent");
    else if (colour && w->spec && !spec_allows_colour(w->spec, w->colour))
        wrong(r, "background", "not-allowed", "the specification does not take this colour");
    if (to && !gradient)
        wrong(r, "background_to", "contradictory", "needs a gradient");
    else if (to && spec_colour(w->spec, to, w->colour_to) != OK)
        wrong(r, "background_to", "unknown", "must be RRGGBB, white, grey, blue, red or cream");
}

static void read_gradient(struct request *r, const char *gradient, struct make_wanted *w)
{
    if (strcmp(gradient, "down") == 0)
        w->background = IDPHOTO_GRADIENT_DOWN;
    else if (strcmp(gradient, "centre") == 0)
        w->background = IDPHOTO_GRADIENT_CENTRE;
    else
        wrong(r, "gradient", "unknown", "must be down or centre");
    if (w->spec && !w->spec->any_background)
        wrong(r, "gradient", "not-allowed", "the specification wants one plain colour");
}

static void read_background(struct request *r, struct make_wanted *w)
{
    const char *colour = request_query(r, "background");
    const char *gradient = request_query(r, "gradient");
    bool keep = colour && strcmp(colour, "keep") == 0;
    bool clear = colour && strcmp(colour, "transparent") == 0;
    w->background = keep ? IDPHOTO_KEEP : clear ? IDPHOTO_CLEAR : IDPHOTO_PLAIN;
    if ((keep || clear) && gradient)
        wrong(r, "gradient", "contradictory", "a gradient needs a colour");
    if ((keep || clear) && request_query(r, "background_to"))
        wrong(r, "background_to", "contradictory", "needs a gradient");
    if (clear && w->spec && !w->spec->any_background)
        wrong(r, "background", "not-allowed", "the specification names its colours");
    if (keep || clear)
        return;
    if (gradient)
        read_gradient(r, gradient, w);
    read_colours(r, colour, gradient, w);
}

static bool is_refused(struct request *r)
{
    if (has_field_errors(r))
        reply_problem(r, PROBLEM_INVALID_MEMBERS);
    return has_field_errors(r);
}

static bool read_wanted(struct request *r, struct make_wanted *w, const char **subject)
{
    static const char *const known[] = {"spec",       "subject",   "background", "background_to",
                                        "gradient",   "format",    "brightness", "contrast",
                                        "saturation", "sharpness", "whitening",  "smoothing",
                                        NULL};
    if (!query_known(r, known))
        return false;
    *w = (struct make_wanted){.spec = read_spec(r, true)};
    *subject = draft_subject(r);
    read_background(r, w);
    read_format(r, w);
    read_edits(r, w->spec, &w->edit);
    return !is_refused(r);
}

/* ---- the portrait ---- */

/* The type that was said, without parameters, is the type that is there. image/heif is said of HEIC
 * too. */
static bool says_what_it_is(struct request *r)
{
    enum portrait_format found;
    const char *said = request_header(r, "Content-Type");
    if (!portrait_sniff(r->body, r->body_size, &found)) {
        reply_problem(r, PROBLEM_IMAGE_UNDECODABLE);
        return false;
    }
    const char *type = portrait_content_type(found);
    said = said ? said : "";
    size_t n = strcspn(said, "; \t");
    if ((strlen(type) == n && strncasecmp(said, type, n) == 0) ||
        (found == PORTRAIT_HEIC && n == 10 && strncasecmp(said, "image/heif", n) == 0))
        return true;
    reply_problem_with(r, PROBLEM_UNSUPPORTED_MEDIA_TYPE, "found", json_string(type));
    return false;
}

static bool has_portrait(struct request *r)
{
    if (r->body_size <= (size_t)app_of(r)->service.config->server.max_photo_bytes)
        return says_what_it_is(r);
    reply_problem(r, PROBLEM_BODY_TOO_LARGE);
    return false;
}

static bool is_abandoned(void *r)
{
    return request_is_abandoned(r);
}

static struct maker maker_of(struct request *r)
{
    const struct worker *w = r->worker;
    return (struct maker){w->core, app_of(r)->gates, is_abandoned, r};
}

/* Of a portrait from which there is nothing to tell. */
static void reply_failed(struct request *r, enum status s)
{
    if (s == INVALID)
        reply_problem(r, PROBLEM_IMAGE_UNDECODABLE);
    else if (s == RETRY) /* cancelled: nobody reads this, unless it took too long */
        reply_problem(r, clock_boot_us() >= r->deadline_us ? PROBLEM_DEADLINE_EXCEEDED
                                                           : PROBLEM_REQUEST_TIMEOUT);
    else if (s == UNAVAILABLE)
        reply_problem(r, PROBLEM_OVERLOADED);
    else
        reply_status(r, s);
}

/* ---- the calls ---- */

void photo_check_post(struct request *r)
{
    struct portrait_report report;
    if (!query_known(r, (const char *const[]){"spec", NULL}))
        return;
    const struct photo_spec *spec = read_spec(r, false);
    if (is_refused(r) || !has_portrait(r))
        return;
    const struct maker maker = maker_of(r);
    enum status s = portrait_check(&maker, spec, (struct span){r->body, r->body_size}, &report);
    if (s == OK)
        reply_json(r, 200, report_json(&report));
    else
        reply_failed(r, s);
    explicit_bzero(&report, sizeof report);
}

static void keep_photo(struct request *r, const struct make_wanted *w, const char *subject,
                       const struct photo_facts *facts, const struct buf *file, json_t *report)
{
    struct photo photo = {
        .spec = w->spec->id,
        .subject = subject,
        .format = photo_format_name(facts->format),
        .width_px = facts->width_px,
        .height_px = facts->height_px,
        .dpi = facts->dpi,
        .bytes = (int64_t)file->size,
    };
    draft_keep(r, &photo, (struct span){file->bytes, file->size}, report);
}

void photo_make_post(struct request *r)
{
    struct make_wanted wanted;
    struct portrait_report report;
    struct photo_facts facts;
    struct buf file = {0};
    const char *subject;
    if (!read_wanted(r, &wanted, &subject) || !has_portrait(r))
        return;
    const struct maker maker = maker_of(r);
    enum status s = portrait_make(&maker, &wanted, (struct span){r->body, r->body_size}, &file,
                                  &facts, &report);
    if (s != OK)
        reply_failed(r, s);
    else if (!file.size)
        reply_problem_with(r, PROBLEM_NOT_QUALIFIED, "report", report_json(&report));
    else
        keep_photo(r, &wanted, subject, &facts, &file, report_json(&report));
    buf_free(&file);
    explicit_bzero(&report, sizeof report);
}
