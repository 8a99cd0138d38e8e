/* SPDX-License-Identifier: MIT */
/*
 * Specifications of ID photos: config/specs/ *.json.
 *
 * A specification says how large the finished photo is, on which backgrounds,
 * within how many kilobytes, and where head and eyes have to be. Facts come
 * with the address that they were read at; `primary` is true where that is the
 * issuing office itself. Immutable once loaded; any thread.
 */
#ifndef IDPHOTOD_IMAGE_SPECS_H
#define IDPHOTOD_IMAGE_SPECS_H

#include "base/status.h"
#include "core/idphoto.h"

/* The geometry holds bands in pixels of the photo at width_px x height_px. */
struct photo_spec {
    const char *id; /* a-z, 0-9, hyphen */
    const char *name_zh, *name_en;
    int32_t width_px, height_px;
    double width_mm, height_mm;
    int32_t dpi; /* round(mm * dpi / 25.4) is px */
    /* What the document takes; both ends are the size itself where it takes no other. */
    int32_t least_width_px, most_width_px, least_height_px, most_height_px;
    int32_t min_kb, max_kb;           /* of 1024 bytes; 0: no limit */
    const uint8_t (*backgrounds)[3];  /* RGB; the first is the default */
    size_t n_backgrounds;             /* at least 1 */
    bool any_background;              /* the list is a suggestion */
    struct idphoto_geometry geometry; /* empty bands: no rule known */
    int32_t jpeg_quality_min;         /* 0: no rule */
    int32_t people;                   /* 1, or 2 for a marriage photo */
    bool official;    /* its office refuses what is outside of the rules: so do we */
    bool retouch;     /* false: edits of the person are forbidden */
    const char *text; /* the specification as GET /v1/specs shows it, JSON */
    char *search;     /* what a search looks through; folded */
};

struct specs;

/* Reads every *.json of the folder, in the order of their names. INVALID with file, specification
 * and rule: not JSON, a member unknown, missing or wrong, an id twice, millimetres that are not the
 * pixels. Returns owned. */
enum status specs_load(const char *dir, struct specs **out, char *why, size_t why_size) MUST_USE;
void specs_free(struct specs *s);

size_t specs_count(const struct specs *s);
const struct photo_spec *spec_at(const struct specs *s, size_t i); /* in their order */
/* NULL: none of that id; id may be NULL, which is none. */
const struct photo_spec *spec_find(const struct specs *s, const char *id);

/* Whether every word of the query (between blanks; Latin letters of any case) is part of the id, a
 * name, another word for it, or the size ("295x413", "25x35"). An empty query finds all. */
bool spec_matches(const struct photo_spec *spec, const char *query);

/* Reads "#RRGGBB", "RRGGBB", or a colour's name: white, grey, blue, red or cream, which is the
 * first background of that look that the specification (may be NULL) names, else a usual one.
 * INVALID: neither. */
enum status spec_colour(const struct photo_spec *spec, const char *text, uint8_t rgb[3]) MUST_USE;
bool spec_allows_colour(const struct photo_spec *spec, const uint8_t rgb[3]);

#endif
