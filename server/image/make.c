/* SPDX-License-Identifier: MIT */
#include "image/make.h"

#include <sodium.h>
#include <string.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "image/encode.h"
#include "image/portrait.h"

/* A head that fills a third of the portrait's height still has the pixels that the photo wants; and
 * faces are looked for on a copy anyway. */
enum { SIDE_FACTOR = 3, SIDE_LEAST_PX = 1200, SIDE_MOST_PX = 4000, CHECK_SIDE_PX = 1600 };

bool report_is_qualified(const struct portrait_report *r)
{
    bool good = r->result == IDPHOTO_OK;
    for (size_t i = 0; i < r->n_findings; i++)
        good = good && r->findings[i].verdict != VERDICT_FAIL;
    for (int i = 0; i < FLAWS; i++)
        good = good && !r->flaws[i];
    return good;
}

bool report_refuses(const struct portrait_report *r, const struct photo_spec *spec)
{
    if (r->result != IDPHOTO_OK)
        return true;
    if (!spec->official)
        return false;
    for (size_t i = 0; i < r->n_findings; i++)
        if (r->findings[i].verdict == VERDICT_FAIL)
            return true;
    for (int i = 0; r->has_geometry && i < IDPHOTO_BANDS; i++)
        if (!r->reached.inside[i] && i != IDPHOTO_HEAD_WIDTH)
            return true;
    return r->flaws[FLAW_ENLARGED];
}

static void note_stage(const char *stage, int64_t took_us)
{
    metric_observe(METRIC_IMAGE_STAGE, took_us, stage);
}

static enum status decode(struct span file, int32_t side_max_px, struct portrait *out)
{
    int64_t began_us = clock_boot_us();
    enum status s = portrait_decode(file.bytes, file.size, side_max_px, out);
    note_stage("decode", clock_boot_us() - began_us);
    return s;
}

/* What stopped it, when that is nothing to tell the person about. */
static enum status status_of(enum idphoto_result r)
{
    switch (r) {
    case IDPHOTO_OK:
    case IDPHOTO_NO_FACE:
    case IDPHOTO_MANY_FACES:
    case IDPHOTO_CUT_OFF:
    case IDPHOTO_TOO_SMALL: return OK;
    case IDPHOTO_CANCELLED: return RETRY;
    case IDPHOTO_MEMORY: return UNAVAILABLE;
    case IDPHOTO_INVALID:
    case IDPHOTO_INTERNAL: return INTERNAL;
    }
    return INTERNAL;
}

/* The distance of the eyes is one of the file, not of the copy that we worked on; and a passer-by
 * is no second person here as he is none for the core. */
static void judge(const struct maker *m, const struct portrait *p, int32_t people,
                  const struct idphoto_faces *faces, struct idphoto_measures *measures,
                  struct portrait_report *out)
{
    measures->value[IDPHOTO_FACES] = (float)idphoto_count_people(faces, people);
    if (p->pixels.width_px > 0)
        measures->value[IDPHOTO_INTER_EYE_DISTANCE] *=
            (float)p->file_width_px / (float)p->pixels.width_px;
    out->n_findings = gates_judge(m->gates, measures, people, out->findings);
    out->flaws[FLAW_CUT_OFF] = out->result == IDPHOTO_CUT_OFF;
    out->flaws[FLAW_TOO_SMALL] = out->result == IDPHOTO_TOO_SMALL;
}

/* The core takes no smaller ones. */
static bool is_tiny(const struct portrait *p)
{
    return p->pixels.width_px < IDPHOTO_SIDE_MIN_PX || p->pixels.height_px < IDPHOTO_SIDE_MIN_PX;
}

static void tell_tiny(struct portrait_report *out)
{
    out->result = IDPHOTO_TOO_SMALL;
    out->flaws[FLAW_TOO_SMALL] = true;
}

static struct idphoto_point share(const struct portrait *p, struct idphoto_point at)
{
    return (struct idphoto_point){at.x_px / (float)p->pixels.width_px,
                                  at.y_px / (float)p->pixels.height_px};
}

static void note_faces(const struct portrait *p, const struct idphoto_faces *faces,
                       struct portrait_report *out)
{
    const struct idphoto_face *f = &faces->face[0];
    out->faces = (int32_t)faces->count;
    if (faces->count == 0)
        return;
    struct idphoto_point at = share(p, (struct idphoto_point){f->box.x_px, f->box.y_px});
    struct idphoto_point size = share(p, (struct idphoto_point){f->box.width_px, f->box.height_px});
    out->face = (struct idphoto_box){at.x_px, at.y_px, size.x_px, size.y_px};
    out->eye[0] = share(p, f->eye[0]);
    out->eye[1] = share(p, f->eye[1]);
    out->chin = share(p, f->chin);
}

/* ---- check ---- */

static enum idphoto_result look(const struct maker *m, const struct portrait *p,
                                struct idphoto_faces *faces, struct idphoto_measures *measures)
{
    enum idphoto_result r = idphoto_find_faces(m->core, &p->pixels, faces);
    if (r == IDPHOTO_OK && m->cancelled(m->cancelled_with))
        r = IDPHOTO_CANCELLED;
    if (r == IDPHOTO_OK)
        r = idphoto_measure(m->core, &p->pixels, faces, NULL, measures);
    return r;
}

/* As idphoto_make would answer. */
static enum idphoto_result count_result(const struct idphoto_faces *faces, int32_t people)
{
    size_t n = idphoto_count_people(faces, people);
    return n < (size_t)people   ? IDPHOTO_NO_FACE
           : n > (size_t)people ? IDPHOTO_MANY_FACES
                                : IDPHOTO_OK;
}

static enum status check(const struct maker *m, int32_t people, const struct portrait *p,
                         struct portrait_report *out)
{
    struct idphoto_faces faces = {0};
    struct idphoto_measures measures;
    enum idphoto_result r = look(m, p, &faces, &measures);
    enum status s = status_of(r);
    if (s == OK) {
        note_faces(p, &faces, out);
        out->result = r == IDPHOTO_OK ? count_result(&faces, people) : r;
        if (r == IDPHOTO_OK)
            judge(m, p, people, &faces, &measures, out);
    }
    sodium_memzero(&faces, sizeof faces);
    return s;
}

enum status portrait_check(const struct maker *m, const struct photo_spec *spec, struct span file,
                           struct portrait_report *out)
{
    struct portrait p = {0};
    struct portrait_report report = {.result = IDPHOTO_OK};
    enum status s = decode(file, CHECK_SIDE_PX, &p);
    if (s == OK && is_tiny(&p))
        tell_tiny(&report);
    else if (s == OK)
        s = check(m, spec ? spec->people : 1, &p, &report);
    portrait_free(&p);
    if (s == OK)
        *out = report;
    return s;
}

/* ---- make ---- */

static struct idphoto_wanted core_wish(const struct maker *m, const struct make_wanted *w)
{
    struct idphoto_wanted out = {
        .width_px = w->spec->width_px,
        .height_px = w->spec->height_px,
        .geometry = w->spec->geometry,
        .background = w->background,
        .people = w->spec->people,
        .edit = w->edit,
        .cancelled = m->cancelled,
        .cancelled_with = m->cancelled_with,
    };
    memcpy(out.colour, w->colour, sizeof out.colour);
    memcpy(out.colour_to, w->colour_to, sizeof out.colour_to);
    return out;
}

static void note_stages(const struct idphoto_made *made)
{
    for (int i = 0; i < IDPHOTO_STAGES; i++)
        note_stage(idphoto_stage_name((enum idphoto_stage)i), made->stage_cpu_ns[i] / 1000);
}

static bool misses_a_band(const struct idphoto_reached *reached)
{
    for (int i = 0; i < IDPHOTO_BANDS; i++)
        if (!reached->inside[i])
            return true;
    return false;
}

static void describe(const struct maker *m, const struct make_wanted *w, const struct portrait *p,
                     struct idphoto_made *made, enum idphoto_result r, struct portrait_report *out)
{
    out->result = r;
    note_faces(p, &made->faces, out);
    judge(m, p, w->spec->people, &made->faces, &made->measures, out);
    if (r != IDPHOTO_OK)
        return;
    out->has_geometry = true;
    out->reached = made->reached;
    out->wanted = w->spec->geometry;
    out->flaws[FLAW_ENLARGED] = made->enlarged;
    out->flaws[FLAW_GEOMETRY] = misses_a_band(&made->reached);
}

static enum status encode(const struct make_wanted *w, const struct idphoto_pixels *pixels,
                          struct photo_facts *facts, struct portrait_report *report,
                          struct buf *photo)
{
    const struct photo_spec *s = w->spec;
    bool jpeg = w->format == PHOTO_JPEG;
    struct encode_report fit = {.fit = ENCODE_INSIDE};
    const struct encode_wanted wanted = {
        .format = w->format,
        .dpi = s->dpi,
        .least_bytes = jpeg ? s->min_kb * INT64_C(1024) : 0,
        .most_bytes = jpeg ? s->max_kb * INT64_C(1024) : 0,
        .quality_min = s->jpeg_quality_min,
        .least_width_px = s->least_width_px,
        .most_width_px = s->most_width_px,
        .least_height_px = s->least_height_px,
        .most_height_px = s->most_height_px,
    };
    int64_t began_us = clock_boot_us();
    enum status status = photo_encode(pixels, &wanted, facts, &fit, photo);
    note_stage("encode", clock_boot_us() - began_us);
    report->flaws[FLAW_FILE_SIZE] = fit.fit != ENCODE_INSIDE;
    return status;
}

static enum status make(const struct maker *m, const struct make_wanted *w,
                        const struct portrait *p, struct buf *photo, struct photo_facts *facts,
                        struct portrait_report *out)
{
    struct idphoto_made made = {0};
    const struct idphoto_wanted wish = core_wish(m, w);
    enum idphoto_result r = idphoto_make(m->core, &p->pixels, &wish, &made);
    enum status s = status_of(r);
    if (s == OK) {
        note_stages(&made);
        describe(m, w, p, &made, r, out);
        if (!report_refuses(out, w->spec))
            s = encode(w, &made.photo, facts, out, photo);
    }
    idphoto_made_free(&made);
    return s;
}

static int32_t side_for(const struct photo_spec *s)
{
    int32_t side = SIDE_FACTOR * (s->width_px > s->height_px ? s->width_px : s->height_px);
    return side < SIDE_LEAST_PX ? SIDE_LEAST_PX : side > SIDE_MOST_PX ? SIDE_MOST_PX : side;
}

enum status portrait_make(const struct maker *m, const struct make_wanted *wanted, struct span file,
                          struct buf *photo, struct photo_facts *facts, struct portrait_report *out)
{
    struct portrait p = {0};
    struct portrait_report report = {.result = IDPHOTO_OK};
    enum status s = decode(file, side_for(wanted->spec), &p);
    if (s == OK && is_tiny(&p))
        tell_tiny(&report);
    else if (s == OK)
        s = make(m, wanted, &p, photo, facts, &report);
    portrait_free(&p);
    if (s == OK)
        *out = report;
    return s;
}
