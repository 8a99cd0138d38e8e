/* SPDX-License-Identifier: MIT */
/* The specifications: all, found, one; and an upload that names one. */
#include "common.h"

static const struct step listed[] = {
    {.label = "all of them, without a token",
     .call = "GET /v1/specs",
     .status = 200,
     .shape = "{'items': '@any', 'next_cursor': null}",
     .expect = "cache-control: public, max-age=3600",
     .keep = "specs.first=items.0.id"},
    {.label = "one, whole",
     .call = "GET /v1/specs/cn-2inch",
     .status = 200,
     .shape = "{'id': 'cn-2inch', 'name_zh': '二寸', 'name_en': 'Two inches', 'width_px': 413,"
              " 'height_px': 579, 'width_mm': 35, 'height_mm': 49, 'dpi': 300, 'px_range': null,"
              " 'min_kb': null, 'max_kb': null, 'backgrounds': ['#FFFFFF', '#438EDB', '#D9342B'],"
              " 'any_background': true, 'jpeg_quality_min': null, 'people': 1, 'geometry':"
              " {'head_height': '@any', 'eye_y': '@any'}, 'official': false, 'retouch': true,"
              " 'source': '@text', 'primary': false, 'note': '@text'}"},
    {.label = "the first of the list", .call = "GET /v1/specs/{{specs.first}}", .status = 200},
    {.label = "none of that name",
     .call = "GET /v1/specs/mars-passport",
     .status = 404,
     .problem = "not-found"},
    END,
};

#define FINDS(query, what)                                                                         \
    {                                                                                              \
        .label = "a search for " what, .call = "GET /v1/specs?q=" query, .status = 200,            \
        .shape = "{'items': [{'id': '" what "', '...': true}], 'next_cursor': null}"               \
    }

static const struct step found[] = {
    FINDS("%E4%BA%8C%E4%BB%A3%E8%BA%AB%E4%BB%BD%E8%AF%81", "cn-id"), /* 二代身份证 */
    FINDS("MARRIAGE", "cn-marriage"),
    FINDS("visa+india", "in-visa"),
    FINDS("413x579+%E4%BA%8C%E5%AF%B8", "cn-2inch"), /* 二寸 */
    {.label = "nothing fits",
     .call = "GET /v1/specs?q=mars",
     .status = 200,
     .shape = "{'items': [], 'next_cursor': null}"},
    {.label = "a search that is too long",
     .call =
         "GET /v1/specs?q="
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         "aaaaaaaaaaaaaa",
     .status = 422,
     .problem = "invalid-members",
     .shape = "{'errors': [{'pointer': '?q', 'code': 'too-long', 'detail': '@text'}], '...': "
              "true}"},
    END,
};

static const struct step uploads[] = {
    ACCOUNT("spo"),
    {.label = "a specification that there is not",
     .call = "POST /v1/photos?spec=mars-passport",
     .as = "spo",
     .key = "mars",
     .file = "jpeg",
     .status = 422,
     .problem = "invalid-members",
     .shape = "{'errors': [{'pointer': '?spec', 'code': 'unknown', 'detail': '@text'}], '...': "
              "true}"},
    END,
};

const struct test spec_tests[] = {
    {.name = "specifications are listed and shown one by one", .steps = listed},
    {.name = "specifications are found by Chinese, English, code and size", .steps = found},
    {.name = "an upload names a specification that there is", .steps = uploads},
    {.name = NULL},
};
