/* SPDX-License-Identifier: MIT */
/* Uploads of every kind, and the file with entity tag and ranges (RFC 9110, 8.8.3, 13, 14). */
#include "common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "picture.h"
#include "shape.h"

static const struct step uploads[] = {
    ACCOUNT("pia"),
    {.label = "a PNG",
     .call = "POST /v1/photos?spec=us-visa&subject=child",
     .as = "pia",
     .key = "png",
     .file = "png",
     .status = 201,
     .shape = "{'state': 'draft', 'format': 'png', 'spec': 'us-visa', 'width_px': 295, "
              "'height_px': 413, '...': true}"},
    {.label = "without spec and subject",
     .call = "POST /v1/photos",
     .as = "pia",
     .key = "bare",
     .file = "jpeg",
     .status = 201,
     .shape = "{'spec': null, 'format': 'jpeg', 'dpi': 300, '...': true}"},
    {.label = "a name that lies about its kind is found out by decoding",
     .call = "POST /v1/photos",
     .as = "pia",
     .key = "gif",
     .file = "gif",
     .status = 422,
     .problem = "image-undecodable"},
    {.label = "a PNG that is called JPEG is taken for what it is",
     .call = "POST /v1/photos",
     .as = "pia",
     .key = "misnamed",
     .headers = "Content-Type: image/jpeg",
     .file = "png",
     .status = 201,
     .shape = "{'format': 'png', '...': true}"},
    {.label = "half a JPEG",
     .call = "POST /v1/photos",
     .as = "pia",
     .key = "half",
     .file = "half-jpeg",
     .status = 422,
     .problem = "image-undecodable"},
    {.label = "nothing at all",
     .call = "POST /v1/photos",
     .as = "pia",
     .key = "empty",
     .file = "empty",
     .status = 422,
     .problem = "image-undecodable"},
    {.label = "a header that promises 3600 megapixels",
     .call = "POST /v1/photos",
     .as = "pia",
     .key = "bomb",
     .file = "bomb-png",
     .status = 413,
     .problem = "body-too-large"},
    {.label = "a kind that is not taken",
     .call = "POST /v1/photos",
     .as = "pia",
     .key = "pdf",
     .headers = "Content-Type: application/pdf",
     .file = "jpeg",
     .status = 415,
     .problem = "unsupported-media-type"},
    {.label = "a subject that is none",
     .call = "POST /v1/photos?subject=cat",
     .as = "pia",
     .key = "cat",
     .file = "jpeg",
     .status = 422,
     .problem = "invalid-members",
     .shape = "{'errors': [{'pointer': '?subject', 'code': '@text', 'detail': '@text'}], '...': "
              "true}"},
    END,
};

static const struct step buy_gps[] = {
    ACCOUNT("gia"),
    {.label = "a picture that knows where it was taken",
     .call = "POST /v1/photos?spec=cn-id",
     .as = "gia",
     .key = "gps",
     .file = "gps-jpeg",
     .status = 201,
     .keep = "gia.photo=photo_id gia.bytes=bytes"},
    ORDER("gia", "gia.order", ELECTRONIC_BODY("gia.photo")),
    NATIVE("gia", "gia.order", "gia.pay"),
    PAYS("gia.pay"),
    {.label = "the file",
     .call = "GET /v1/photos/{{gia.photo}}/file",
     .as = "gia",
     .status = 200,
     .keep = "gia.etag=:etag"},
    END,
};

static struct answer get_file(const char *headers)
{
    const struct step get = {
        .call = "GET /v1/photos/{{gia.photo}}/file", .as = "gia", .headers = headers};
    return step_send(&get);
}

static bool gps_is_stripped(void)
{
    struct bytes sent = picture_named("gps-jpeg")->bytes;
    if (!memmem(sent.at, sent.size, "PLANTED-GPS", 11))
        return complain("the picture does not hold what is looked for");
    if (!steps_run(buy_gps))
        return false;
    struct answer a = get_file(NULL);
    bool good = true;
    if (memmem(a.body, a.size, "PLANTED-GPS", 11) || memmem(a.body, a.size, "Exif", 4))
        good = complain("the file still holds its metadata");
    else if (a.size != (size_t)atol(keep_get("gia.bytes")))
        good = complain("%zu bytes, the photo says %s", a.size, keep_get("gia.bytes"));
    answer_free(&a);
    return good;
}

static bool tag_is_random(void)
{
    static const struct step another[] = {
        {.label = "the same picture again",
         .call = "POST /v1/photos?spec=cn-id",
         .as = "gia",
         .key = "gps again",
         .file = "gps-jpeg",
         .status = 201,
         .keep = "gia.photo2=photo_id"},
        ORDER("gia", "gia.order2", ELECTRONIC_BODY("gia.photo2")),
        NATIVE("gia", "gia.order2", "gia.pay2"),
        PAYS("gia.pay2"),
        {.label = "its file",
         .call = "GET /v1/photos/{{gia.photo2}}/file",
         .as = "gia",
         .status = 200,
         .keep = "gia.etag2=:etag"},
        END,
    };
    return steps_run(another) &&
           (strcmp(keep_get("gia.etag"), keep_get("gia.etag2")) != 0 ||
            complain("the entity tag gives away that two photos are the same"));
}

/* ---- ranges ---- */

struct range_case {
    const char *headers; /* N is the size, E the entity tag without its quotes */
    int status;
    long first, last; /* negative: counted from the end, -1 is the last byte */
};

static const struct range_case ranges[] = {
    {"Range: bytes=0-9", 206, 0, 9},
    {"Range: bytes=0-0", 206, 0, 0},
    {"Range: bytes=100-", 206, 100, -1},
    {"Range: bytes=-7", 206, -7, -1},
    {"Range: bytes=-999999999", 206, 0, -1},
    {"Range: bytes=5-999999999", 206, 5, -1},
    {"Range: bytes=5-99999999999999999999999999", 206, 5, -1},
    {"Range: bytes=N-", 416, 0, 0},
    {"Range: bytes=999999999-", 416, 0, 0},
    {"Range: bytes=-0", 416, 0, 0},
    {"Range: bytes=9-5", 200, 0, -1},
    {"Range: bytes=", 200, 0, -1},
    {"Range: bytes=a-b", 200, 0, -1},
    {"Range: lines=0-9", 200, 0, -1},
    {"Range: bytes=0-9\nIf-Range: \"E\"", 206, 0, 9},
    {"Range: bytes=0-9\nIf-Range: \"other\"", 200, 0, -1},
    {"Range: bytes=0-9\nIf-Range: W/\"E\"", 200, 0, -1},
    {"Range: bytes=0-9\nIf-Range: Mon, 23 Nov 2026 02:30:00 GMT", 200, 0, -1},
    {"If-None-Match: \"E\"", 304, 0, 0},
    {"If-None-Match: W/\"E\"", 304, 0, 0},
    {"If-None-Match: \"other\", \"E\"", 304, 0, 0},
    {"If-None-Match: *", 304, 0, 0},
    {"If-None-Match: \"other\"", 200, 0, -1},
    {"If-None-Match: \"E\"\nRange: bytes=0-9", 304, 0, 0},
};

static char *fill_case(const char *headers, size_t size)
{
    char *text = NULL;
    size_t n;
    FILE *f = open_memstream(&text, &n);
    for (const char *p = headers; *p; p++) {
        if (*p == 'N' && p[1] == '-' && p[-1] == '=')
            fprintf(f, "%zu", size);
        else if (*p == 'E' && p[-1] == '"')
            fprintf(f, "%.*s", (int)strcspn(keep_get("gia.etag") + 1, "\""),
                    keep_get("gia.etag") + 1);
        else
            fputc(*p, f);
    }
    fclose(f);
    return text;
}

static bool part_is(const struct answer *a, const struct answer *whole, size_t first, size_t last)
{
    char range[80];
    const char *got = answer_header(a, "content-range");
    snprintf(range, sizeof range, "bytes %zu-%zu/%zu", first, last, whole->size);
    if (!got || strcmp(got, range) != 0)
        return complain("Content-Range %s, want %s", got ? got : "none", range);
    if (a->size != last - first + 1 || memcmp(a->body, whole->body + first, a->size) != 0)
        return complain("not these bytes of the file");
    return true;
}

static bool range_holds(const struct range_case *c, const struct answer *whole)
{
    char *headers = fill_case(c->headers, whole->size), range[80];
    struct answer a = get_file(headers);
    size_t first = c->first < 0 ? whole->size - (size_t)-c->first : (size_t)c->first;
    size_t last = c->last < 0 ? whole->size - (size_t)-c->last : (size_t)c->last;
    const char *got = answer_header(&a, "content-range"), *tag = answer_header(&a, "etag");
    bool good = a.status == c->status || complain("want %d, got %d", c->status, a.status);
    if (good && c->status == 206)
        good = part_is(&a, whole, first, last);
    else if (good && c->status == 200)
        good = (a.size == whole->size && memcmp(a.body, whole->body, a.size) == 0) ||
               complain("not the whole file");
    else if (good && c->status == 304)
        good = a.size == 0 || complain("304 with a body");
    snprintf(range, sizeof range, "bytes */%zu", whole->size);
    if (good && c->status == 416)
        good = is_problem(&a, 416, "range-not-satisfiable") &&
               ((got && strcmp(got, range) == 0) || complain("Content-Range is not %s", range));
    if (good && c->status != 416)
        good = (tag && strcmp(tag, keep_get("gia.etag")) == 0) || complain("no entity tag");
    if (!good) {
        char *why = strdup(headers);
        fprintf(stderr, "      at %s\n", why);
        free(why);
    }
    free(headers);
    answer_free(&a);
    return good;
}

static bool ranges_hold(void)
{
    struct answer whole = get_file(NULL);
    bool good = whole.status == 200 || complain("no file");
    for (size_t i = 0; good && i < sizeof ranges / sizeof *ranges; i++)
        good = range_holds(&ranges[i], &whole);
    answer_free(&whole);
    return good;
}

static const struct step forms[] = {
    {.label = "the format it was uploaded in",
     .call = "GET /v1/photos/{{gia.photo}}/file?format=jpeg",
     .as = "gia",
     .status = 200},
    {.label = "a format that is none",
     .call = "GET /v1/photos/{{gia.photo}}/file?format=exe",
     .as = "gia",
     .status = 422,
     .problem = "invalid-members"},
    END,
};

const struct test photo_tests[] = {
    {"Uploads are judged by decoding them, not by their name", uploads, NULL},
    {"Position and description are stripped from an upload", NULL, gps_is_stripped},
    {"The entity tag says nothing about the photo's content", NULL, tag_is_random},
    {"Ranges and conditions are answered as RFC 9110 says", NULL, ranges_hold},
    {"The file's format can be named", forms, NULL},
    {NULL, NULL, NULL},
};
