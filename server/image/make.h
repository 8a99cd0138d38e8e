/* SPDX-License-Identifier: MIT */
/*
 * From the bytes of a portrait to a report about it, and to the bytes of an ID photo.
 *
 * The portrait, its pixels, its matte and what was found in it live in memory for one call and are
 * overwritten before it returns, however it returns. One thread per struct maker.
 */
#ifndef IDPHOTOD_IMAGE_MAKE_H
#define IDPHOTOD_IMAGE_MAKE_H

#include "base/buf.h"
#include "image/gates.h"
#include "image/photo.h"
#include "image/specs.h"

struct maker {
    struct idphoto *core;
    const struct gates *gates;
    bool (*cancelled)(void *); /* asked between stages */
    void *cancelled_with;
};

struct make_wanted {
    const struct photo_spec *spec;
    enum idphoto_background background;
    uint8_t colour[3], colour_to[3];
    struct idphoto_edit edit;
    enum photo_format format;
};

/* What is wrong with the photo beside the measures of its portrait. */
enum photo_flaw {
    FLAW_CUT_OFF,   /* the head leaves the picture */
    FLAW_TOO_SMALL, /* too few pixels to work with */
    FLAW_ENLARGED,  /* the portrait has fewer pixels than the photo */
    FLAW_GEOMETRY,  /* a band of the specification was not reached */
    FLAW_FILE_SIZE, /* the file is outside of the specification's kilobytes */
    FLAWS
};

struct portrait_report {
    enum idphoto_result result;
    int32_t faces;
    /* Of the largest one, in shares of the portrait's width and height; nowhere when there is none.
     */
    struct idphoto_box face;
    struct idphoto_point eye[2], chin;
    size_t n_findings;
    struct finding findings[IDPHOTO_MEASURES];
    bool flaws[FLAWS];
    bool has_geometry; /* of a photo that was made */
    struct idphoto_reached reached;
    struct idphoto_geometry wanted;
};

/* No measure failed, no flaw, and the right number of people. */
bool report_is_qualified(const struct portrait_report *r);

/* There is no photo to be had, or an official specification would refuse it: a measure that fails,
 * too few pixels, a band that is missed. The width of the head is not among those bands: we measure
 * it with the hair, offices without. */
bool report_refuses(const struct portrait_report *r, const struct photo_spec *spec);

/* Finds and measures; spec may be NULL. INVALID: not a picture (portrait_decode); TOO_LARGE: over
 * its limits; RETRY: cancelled; UNAVAILABLE: no memory; INTERNAL. */
enum status portrait_check(const struct maker *m, const struct photo_spec *spec, struct span file,
                           struct portrait_report *out) MUST_USE;

/* The same, and makes the photo unless the report refuses it: then *photo stays empty. Otherwise
 * photo holds the file, to be freed by buf_free, which overwrites it. */
enum status portrait_make(const struct maker *m, const struct make_wanted *wanted, struct span file,
                          struct buf *photo, struct photo_facts *facts,
                          struct portrait_report *out) MUST_USE;

#endif
