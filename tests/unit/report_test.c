/* SPDX-License-Identifier: MIT */
/* What keeps a photo from being made, and what is a warning; and who counts as a person. */
#include <criterion/criterion.h>

#include "image/make.h"

/* ---- refusals ---- */

/* What is wrong with a portrait, all else being good; and whether an unofficial specification
 * refuses it, and an official one: POST /v1/photos/make refuses what cannot be made, and what is
 * against a rule of an official specification. */
struct fault {
    const char *name;
    enum idphoto_result result;
    enum verdict verdict; /* of a measure */
    int flaw, missed;     /* one of FLAWS, one of IDPHOTO_BANDS; -1: none */
    bool qualified, refused, refused_officially;
};

static struct portrait_report report_of(const struct fault *f)
{
    struct portrait_report r = {.result = f->result, .faces = 1, .n_findings = 3};
    for (size_t i = 0; i < r.n_findings; i++)
        r.findings[i].verdict = VERDICT_PASS;
    r.findings[1].verdict = f->verdict;
    r.has_geometry = f->result == IDPHOTO_OK;
    for (int i = 0; i < IDPHOTO_BANDS; i++)
        r.reached.inside[i] = i != f->missed;
    if (f->flaw >= 0)
        r.flaws[f->flaw] = true;
    return r;
}

static const struct fault faults[] = {
    {"nothing", IDPHOTO_OK, VERDICT_PASS, -1, -1, true, false, false},
    {"nobody", IDPHOTO_NO_FACE, VERDICT_PASS, -1, -1, false, true, true},
    {"too many", IDPHOTO_MANY_FACES, VERDICT_PASS, -1, -1, false, true, true},
    {"cut off", IDPHOTO_CUT_OFF, VERDICT_PASS, FLAW_CUT_OFF, -1, false, true, true},
    {"too small", IDPHOTO_TOO_SMALL, VERDICT_PASS, FLAW_TOO_SMALL, -1, false, true, true},
    {"a warning", IDPHOTO_OK, VERDICT_WARN, -1, -1, true, false, false},
    {"a measure that fails", IDPHOTO_OK, VERDICT_FAIL, -1, -1, false, false, true},
    {"few pixels", IDPHOTO_OK, VERDICT_PASS, FLAW_ENLARGED, -1, false, false, true},
    {"head height", IDPHOTO_OK, VERDICT_PASS, FLAW_GEOMETRY, IDPHOTO_HEAD_HEIGHT, false, false,
     true},
    {"crown", IDPHOTO_OK, VERDICT_PASS, FLAW_GEOMETRY, IDPHOTO_CROWN_Y, false, false, true},
    {"height of the eyes", IDPHOTO_OK, VERDICT_PASS, FLAW_GEOMETRY, IDPHOTO_EYE_Y, false, false,
     true},
    {"distance of the eyes", IDPHOTO_OK, VERDICT_PASS, FLAW_GEOMETRY, IDPHOTO_EYE_DISTANCE, false,
     false, true},
    {"chin", IDPHOTO_OK, VERDICT_PASS, FLAW_GEOMETRY, IDPHOTO_CHIN_BOTTOM, false, false, true},
    {"centre", IDPHOTO_OK, VERDICT_PASS, FLAW_GEOMETRY, IDPHOTO_CENTRE, false, false, true},
    /* which we measure with the hair */
    {"head width", IDPHOTO_OK, VERDICT_PASS, FLAW_GEOMETRY, IDPHOTO_HEAD_WIDTH, false, false,
     false},
};

Test(report, an_office_refuses_what_fails_and_others_what_cannot_be_made)
{
    const struct photo_spec unofficial = {.official = false}, official = {.official = true};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        const struct fault *f = &faults[i];
        const struct portrait_report r = report_of(f);
        cr_expect_eq(report_is_qualified(&r), f->qualified, "%s", f->name);
        cr_expect_eq(report_refuses(&r, &unofficial), f->refused, "%s", f->name);
        cr_expect_eq(report_refuses(&r, &official), f->refused_officially, "%s, officially",
                     f->name);
    }
}

Test(report, a_band_is_missed_by_a_photo_that_was_made_alone)
{
    const struct photo_spec official = {.official = true};
    const struct fault f = {"crown", IDPHOTO_OK, VERDICT_PASS, -1, IDPHOTO_CROWN_Y, 0, 0, 0};
    struct portrait_report r = report_of(&f);
    r.has_geometry = false;
    cr_expect_not(report_refuses(&r, &official));
}

/* ---- people ---- */

static struct idphoto_faces faces_of(const float sides_px[], size_t n)
{
    struct idphoto_faces out = {.count = n};
    for (size_t i = 0; i < n; i++)
        out.face[i].box = (struct idphoto_box){0, 0, sides_px[i], sides_px[i]};
    return out;
}

/* A quarter of the area is half of the side. */
Test(report, a_face_of_a_quarter_is_a_person_and_a_smaller_one_a_passer_by)
{
    static const struct {
        float sides_px[4];
        size_t n, of_one, of_two;
    } known[] = {
        {{0}, 0, 0, 0},
        {{100}, 1, 1, 1},
        {{100, 90}, 2, 2, 2},
        {{100, 50}, 2, 2, 2},
        {{100, 49}, 2, 1, 2},
        {{100, 90, 45}, 3, 2, 3},
        {{100, 90, 44}, 3, 2, 2},
        {{100, 80, 60, 10}, 4, 3, 3},
        {{100, 10, 9, 8}, 4, 1, 4},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const struct idphoto_faces f = faces_of(known[i].sides_px, known[i].n);
        cr_expect_eq(idphoto_count_people(&f, 1), known[i].of_one, "row %zu, one", i);
        cr_expect_eq(idphoto_count_people(&f, 2), known[i].of_two, "row %zu, two", i);
    }
}
