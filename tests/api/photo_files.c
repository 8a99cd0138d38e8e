/* SPDX-License-Identifier: MIT */
/* What is made from a photo: the preview, other formats, sheets. */
#include "common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stack.h"

static const struct step begin[] = {
    ACCOUNT("gil"),
    ACCOUNT("gus"),
    PHOTO("gil", "gil.draft"),
    {.label = "a PNG for the identity card",
     .call = "POST /v1/photos?spec=cn-id",
     .as = "gil",
     .key = "gil's png",
     .file = "png",
     .status = 201,
     .keep = "gil.png=photo_id"},
    {.label = "a JPEG of one inch",
     .call = "POST /v1/photos?spec=cn-1inch",
     .as = "gil",
     .key = "gil's jpeg",
     .file = "jpeg",
     .status = 201,
     .keep = "gil.jpeg=photo_id"},
    ORDER("gil", "gil.order",
          "{'items': [" ELECTRONIC_ITEM("gil.png") ", " ELECTRONIC_ITEM(
              "gil.jpeg") "], 'accepts_no_refund': true}"),
    NATIVE("gil", "gil.order", "gil.pay"),
    PAYS("gil.pay"),
    END,
};

static struct answer get(const char *call, const char *headers)
{
    const struct step s = {.call = call, .as = "gil", .headers = headers};
    return step_send(&s);
}

static unsigned be16(const char *p)
{
    return (unsigned)(unsigned char)p[0] << 8 | (unsigned char)p[1];
}

/* Width and height by the frame header (ITU T.81, B.2.2), density by JFIF's (T.871). */
static bool jpeg_is(const struct answer *a, unsigned width, unsigned height, unsigned dpi)
{
    const char *p = a->body + 2, *end = a->body + a->size;
    unsigned density = 0;
    if (a->size < 20 || be16(a->body) != 0xFFD8)
        return complain("no JPEG");
    for (; p + 9 < end; p += 2 + be16(p + 2)) {
        unsigned char marker = (unsigned char)p[1];
        if (marker == 0xE0 && p[11] == 1)
            density = be16(p + 12);
        if (marker >= 0xC0 && marker <= 0xC2)
            return (be16(p + 7) == width && be16(p + 5) == height && (!dpi || density == dpi)) ||
                   complain("%u x %u at %u dpi", be16(p + 7), be16(p + 5), density);
    }
    return complain("no frame");
}

static bool type_is(const struct answer *a, const char *type)
{
    const char *got = answer_header(a, "content-type");
    return (a->status == 200 && got && strcmp(got, type) == 0) ||
           complain("%d %s", a->status, got ? got : "");
}

/* ---- preview ---- */

static bool previews_are_one(void)
{
    bool good = steps_run(begin);
    struct answer a = get("GET /v1/photos/{{gil.draft}}/preview", NULL),
                  b = get("GET /v1/photos/{{gil.draft}}/preview", NULL),
                  same = get("GET /v1/photos/{{gil.jpeg}}/preview", NULL);
    good = good && type_is(&a, "image/jpeg") && jpeg_is(&a, 147, 206, 0);
    if (good && (a.size != b.size || memcmp(a.body, b.body, a.size) != 0))
        good = complain("two previews of one photo differ");
    /* the same picture, uploaded twice: other marks, or one could be told from the other */
    if (good && a.size == same.size && memcmp(a.body, same.body, a.size) == 0)
        good = complain("two photos have the same marks");
    answer_free(&a);
    answer_free(&b);
    answer_free(&same);
    return good;
}

static const struct step previews[] = {
    {.label = "a paid one has a preview too, and no ranges",
     .call = "GET /v1/photos/{{gil.png}}/preview",
     .as = "gil",
     .headers = "Range: bytes=0-9",
     .status = 200,
     .expect = "content-type: image/jpeg\naccept-ranges: none\ncache-control: no-store",
     .keep = "gil.tag=:etag"},
    {.label = "is not sent again",
     .call = "GET /v1/photos/{{gil.png}}/preview",
     .as = "gil",
     .headers = "If-None-Match: {{gil.tag}}",
     .status = 304},
    {.label = "another account's photo is not there",
     .call = "GET /v1/photos/{{gil.draft}}/preview",
     .as = "gus",
     .status = 404,
     .problem = "not-found"},
    {.label = "without a token",
     .call = "GET /v1/photos/{{gil.draft}}/preview",
     .status = 401,
     .problem = "unauthenticated"},
    END,
};

/* ---- formats ---- */

static bool converts_to_jpeg(void)
{
    struct answer a = get("GET /v1/photos/{{gil.png}}/file?format=jpeg", NULL);
    bool good = type_is(&a, "image/jpeg") && jpeg_is(&a, 295, 413, 0);
    if (good && (a.size < 14 * 1024 || a.size > 20 * 1024)) /* GA/T 461 */
        good = complain("%zu bytes for an identity card", a.size);
    answer_free(&a);
    return good;
}

static bool converts_to_png(void)
{
    struct answer a = get("GET /v1/photos/{{gil.jpeg}}/file?format=png", NULL);
    bool good = type_is(&a, "image/png");
    const char *p = a.body + 16; /* IHDR (ISO/IEC 15948, 11.2.2) */
    if (good && (a.size < 33 || memcmp(a.body, "\x89PNG\r\n\x1a\n", 8) != 0 || be16(p + 2) != 295 ||
                 be16(p + 6) != 413))
        good = complain("no PNG of 295 x 413");
    const char *phys = good ? memmem(a.body, a.size, "pHYs", 4) : NULL;
    if (good && (!phys || be16(phys + 6) != 11811)) /* 300 / 0.0254 */
        good = complain("not 300 dpi");
    answer_free(&a);
    return good;
}

static bool own_format_is_untouched(void)
{
    struct answer stored = get("GET /v1/photos/{{gil.jpeg}}/file", NULL),
                  named = get("GET /v1/photos/{{gil.jpeg}}/file?format=jpeg", "Range: bytes=0-99");
    bool good =
        (named.status == 206 && named.size == 100 && memcmp(named.body, stored.body, 100) == 0) ||
        complain("%d, %zu bytes", named.status, named.size);
    answer_free(&stored);
    answer_free(&named);
    return good;
}

/* ---- sheets ---- */

/* 152 and 102 mm at 300 dpi, 210 and 297 at 150: mm * dpi / 25.4, to the nearest. */
static bool sheets_are_as_large_as_paper(void)
{
    struct answer a = get("GET /v1/photos/{{gil.jpeg}}/file?layout=4R&gap_mm=1&margin_mm=1", NULL),
                  b = get("GET /v1/photos/{{gil.jpeg}}/file?layout=210x297&dpi=150&cut_lines=true",
                          NULL);
    bool good = type_is(&a, "image/jpeg") && type_is(&b, "image/jpeg") &&
                (jpeg_is(&a, 1795, 1205, 300) || jpeg_is(&a, 1205, 1795, 300)) &&
                (jpeg_is(&b, 1240, 1754, 150) || jpeg_is(&b, 1754, 1240, 150));
    answer_free(&a);
    answer_free(&b);
    return good;
}

static bool pdf_is_given(void)
{
    struct answer a = get("GET /v1/photos/{{gil.jpeg}}/file?layout=A4&format=pdf", NULL);
    bool good = type_is(&a, "application/pdf");
    if (good &&
        (strncmp(a.body, "%PDF-1.", 7) != 0 || !memmem(a.body + a.size - 16, 16, "%%EOF", 5)))
        good = complain("no whole PDF");
    answer_free(&a);
    return good;
}

#define WRONG(query, name, why)                                                                    \
    {                                                                                              \
        .label = query, .call = "GET /v1/photos/{{gil.jpeg}}/file?" query, .as = "gil",            \
        .status = 422, .problem = "invalid-members",                                               \
        .shape = "{'errors': [{'pointer': '?" name "', 'code': '" why                              \
                 "', 'detail': '@text'}], '...': true}"                                            \
    }

static const struct step wrong[] = {
    WRONG("layout=B5", "layout", "unknown"),
    WRONG("layout=", "layout", "unknown"),
    WRONG("layout=4R,lines", "layout", "unknown"),
    WRONG("layout=4R&format=png", "format", "contradictory"),
    WRONG("format=pdf", "format", "contradictory"),
    WRONG("format=exe", "format", "unknown"),
    WRONG("gap_mm=2", "gap_mm", "contradictory"),
    WRONG("cut_lines=true", "cut_lines", "contradictory"),
    WRONG("layout=4R&gap_mm=51", "gap_mm", "out-of-range"),
    WRONG("layout=4R&gap_mm=1,lines", "gap_mm", "out-of-range"),
    WRONG("layout=4R&margin_mm=-1", "margin_mm", "out-of-range"),
    WRONG("layout=4R&dpi=71", "dpi", "out-of-range"),
    WRONG("layout=4R&dpi=300.5", "dpi", "out-of-range"),
    WRONG("layout=4R&cut_lines=yes", "cut_lines", "wrong-type"),
    WRONG("layout=20x20", "layout", "not-available"),
    WRONG("layout=A4&dpi=1200", "layout", "not-available"),
    {.label = "a sheet of what is not paid",
     .call = "GET /v1/photos/{{gil.draft}}/file?layout=4R",
     .as = "gil",
     .status = 402,
     .problem = "unpaid"},
    {.label = "another format of what is not paid",
     .call = "GET /v1/photos/{{gil.draft}}/file?format=png",
     .as = "gil",
     .status = 402,
     .problem = "unpaid"},
    {.label = "a sheet of another account's photo",
     .call = "GET /v1/photos/{{gil.jpeg}}/file?layout=4R",
     .as = "gus",
     .status = 404,
     .problem = "not-found"},
    END,
};

static const struct step conditions[] = {
    {.label = "a sheet is given as a whole",
     .call = "GET /v1/photos/{{gil.jpeg}}/file?layout=3R",
     .as = "gil",
     .headers = "Range: bytes=0-9",
     .status = 200,
     .expect = "accept-ranges: none",
     .keep = "gil.tag=:etag"},
    {.label = "and not again",
     .call = "GET /v1/photos/{{gil.jpeg}}/file?layout=3R",
     .as = "gil",
     .headers = "If-None-Match: {{gil.tag}}",
     .status = 304},
    {.label = "another sheet is another one",
     .call = "GET /v1/photos/{{gil.jpeg}}/file?layout=3R&gap_mm=3",
     .as = "gil",
     .headers = "If-None-Match: {{gil.tag}}",
     .status = 200},
    END,
};

const struct test photo_file_tests[] = {
    {"Every preview of a photo is the same, half as large, and other than another photo's", NULL,
     previews_are_one},
    {"A preview is its account's, paid or not", previews, NULL},
    {"A PNG becomes a JPEG within the specification's kilobytes", NULL, converts_to_jpeg},
    {"A JPEG becomes a PNG of the same size and density", NULL, converts_to_png},
    {"The stored format is given as it is stored", NULL, own_format_is_untouched},
    {"A sheet has the pixels of its paper", NULL, sheets_are_as_large_as_paper},
    {"A sheet is to be had as a PDF", NULL, pdf_is_given},
    {"What cannot be made is refused with the parameter's name", wrong, NULL},
    {"Made files have a weak tag and no ranges", conditions, NULL},
    {NULL, NULL, NULL},
};
