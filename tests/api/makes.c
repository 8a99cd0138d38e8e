/* SPDX-License-Identifier: MIT */
/* Checks and makes: consent, and every way to get parameters and files wrong. */
#include "common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELD(name, code)                                                                          \
    .status = 422, .problem = "invalid-members",                                                   \
    .shape = "{'errors': [{'pointer': '?" name "', 'code': '" code                                 \
             "', 'detail': '@text'}], '...': true}"

#define MAKE(what, query)                                                                          \
    .label = what, .call = "POST /v1/photos/make?" query, .as = "mak", .key = what, .file = "jpeg"

static const struct step consent[] = {
    ACCOUNT("mak"),
    {.label = "no check without consent",
     .call = "POST /v1/photos/check",
     .as = "mak",
     .file = "jpeg",
     .status = 403,
     .problem = "consent-required",
     .shape = "{'purpose': 'server-face-processing', '...': true}"},
    {MAKE("no make without consent", "spec=cn-1inch"), .status = 403, .problem = "consent-required",
     .shape = "{'purpose': 'server-face-processing', '...': true}"},
    FACES("mak"),
    {.label = "with consent",
     .call = "POST /v1/photos/check",
     .as = "mak",
     .file = "jpeg",
     .status = 200},
    {.label = "consent is withdrawn",
     .call = "DELETE /v1/consents/server-face-processing",
     .as = "mak",
     .status = 200,
     .again = 200},
    {.label = "and then no more",
     .call = "POST /v1/photos/check",
     .as = "mak",
     .file = "jpeg",
     .status = 403,
     .problem = "consent-required"},
    FACES("mak"),
    END,
};

static const struct step parameters[] = {
    {MAKE("no specification", ""), FIELD("spec", "missing")},
    {MAKE("an unknown specification", "spec=mars"), FIELD("spec", "unknown")},
    {MAKE("an unknown colour", "spec=cn-1inch&background=mauve"), FIELD("background", "unknown")},
    {MAKE("half a colour", "spec=cn-1inch&background=12345"), FIELD("background", "unknown")},
    {MAKE("a colour that is not allowed", "spec=cn-id&background=blue"),
     FIELD("background", "not-allowed")},
    {MAKE("no colour at all where one is wanted", "spec=cn-id&background=transparent"),
     FIELD("background", "not-allowed")},
    {MAKE("a gradient where one colour is wanted", "spec=cn-id&gradient=down"),
     FIELD("gradient", "not-allowed")},
    {MAKE("a gradient of nothing", "spec=cn-1inch&background=transparent&gradient=down"),
     FIELD("gradient", "contradictory")},
    {MAKE("a gradient over what is kept", "spec=cn-1inch&background=keep&gradient=centre"),
     FIELD("gradient", "contradictory")},
    {MAKE("an unknown gradient", "spec=cn-1inch&gradient=left"), FIELD("gradient", "unknown")},
    {MAKE("an end without a gradient", "spec=cn-1inch&background_to=white"),
     FIELD("background_to", "contradictory")},
    {MAKE("a JPEG that is transparent", "spec=cn-1inch&background=transparent&format=jpeg"),
     FIELD("format", "contradictory")},
    {MAKE("a PNG where a JPEG is wanted", "spec=cn-id&format=png"), FIELD("format", "not-allowed")},
    {MAKE("an unknown format", "spec=cn-1inch&format=gif"), FIELD("format", "unknown")},
    {MAKE("an edit where retouching is forbidden", "spec=cn-passport&smoothing=3"),
     FIELD("smoothing", "not-allowed")},
    {MAKE("an edit beyond its range", "spec=cn-1inch&contrast=51"),
     FIELD("contrast", "out-of-range")},
    {MAKE("an edit that is no number", "spec=cn-1inch&sharpness=nan"),
     FIELD("sharpness", "out-of-range")},
    {MAKE("an unknown subject", "spec=cn-1inch&subject=cat"), FIELD("subject", "unknown")},
    {MAKE("an unknown parameter", "spec=cn-1inch&beauty=9"), FIELD("beauty", "unknown")},
    {.label = "a check for an unknown specification",
     .call = "POST /v1/photos/check?spec=mars",
     .as = "mak",
     .file = "jpeg",
     FIELD("spec", "unknown")},
    END,
};

static const struct step files[] = {
    {.label = "no picture",
     .call = "POST /v1/photos/check",
     .as = "mak",
     .file = "empty",
     .status = 422,
     .problem = "image-undecodable"},
    {.label = "half a picture",
     .call = "POST /v1/photos/check",
     .as = "mak",
     .file = "half-jpeg",
     .status = 422,
     .problem = "image-undecodable"},
    {.label = "a picture of another kind",
     .call = "POST /v1/photos/check",
     .as = "mak",
     .file = "gif",
     .status = 422,
     .problem = "image-undecodable"},
    {.label = "a type that is not the one said",
     .call = "POST /v1/photos/check",
     .as = "mak",
     .headers = "Content-Type: image/webp",
     .file = "png",
     .status = 415,
     .problem = "unsupported-media-type",
     .shape = "{'found': 'image/png', '...': true}"},
    {.label = "a type that is not taken",
     .call = "POST /v1/photos/check",
     .as = "mak",
     .headers = "Content-Type: text/plain",
     .file = "png",
     .status = 415,
     .problem = "unsupported-media-type"},
    {.label = "3600 megapixels",
     .call = "POST /v1/photos/check",
     .as = "mak",
     .file = "bomb-png",
     .status = 413,
     .problem = "body-too-large"},
    {.label = "nobody is on it",
     .call = "POST /v1/photos/check",
     .as = "mak",
     .file = "jpeg",
     .status = 200,
     .shape = "{'qualified': false, 'faces': 0, 'face': null, 'checks': [{'id': 'faces', 'value': "
              "'@any', "
              "'unit': '', 'verdict': 'fail', 'advice_zh': '@has:没有找到人脸', 'advice_en': "
              "'@has:No face'}, '...'], 'geometry': null}"},
    {MAKE("no photo of nobody", "spec=cn-1inch"), .status = 422, .problem = "not-qualified",
     .shape = "{'report': {'qualified': false, 'faces': 0, 'face': null, 'checks': ['...'], "
              "'geometry': null}, "
              "'...': true}"},
    COUNT("nothing of all that was kept", "photo", "account_id = {{mak.account}}", "0"),
    COUNT("nor an answer", "idempotency", "account_id = {{mak.account}}", "0"),
    END,
};

#define FACE                                                                                       \
    "'face': {'from': {'x': '@any', 'y': '@any'}, 'to': {'x': '@any', 'y': '@any'}, 'eyes': "      \
    "[{'x': '@any', 'y': '@any'}, {'x': '@any', 'y': '@any'}], 'chin': {'x': '@any', 'y': "        \
    "'@any'}}"

#define CHECK(what, picture)                                                                       \
    .label = what, .call = "POST /v1/photos/check?spec=cn-1inch", .as = "por", .file = picture,    \
    .status = 200

static const struct step portraits[] = {
    ACCOUNT("por"),
    FACES("por"),
    {CHECK("a portrait as it should be", "portrait"),
     .shape = "{'qualified': true, 'faces': 1, " FACE ", 'checks': [{'id': 'faces', 'value': 1.0, "
              "'unit': '', 'verdict': 'pass', 'advice_zh': null, 'advice_en': null}, '...'], "
              "'geometry': null}"},
    {.label = "becomes a photo, with a report",
     .call = "POST /v1/photos/make?spec=cn-1inch&background=blue",
     .as = "por",
     .key = "make por.photo",
     .file = "portrait",
     .status = 201,
     .shape = "{'photo_id': '@id:pho_', 'state': 'draft', 'spec': 'cn-1inch', 'width_px': 295, "
              "'height_px': 413, 'dpi': 300, 'format': 'jpeg', 'report': {'qualified': true, "
              "'faces': 1, " FACE ", 'checks': ['...'], 'geometry': [{'id': 'head-height', "
              "'value_px': '@any', 'least_px': 248.0, 'most_px': 310.0, 'inside': true}, '...']}, "
              "'...': true}",
     .keep = "por.photo=photo_id",
     .again = AGAIN_NEVER},
    {.label = "which is given once: the same call again has the photo alone",
     .call = "POST /v1/photos/make?spec=cn-1inch&background=blue",
     .as = "por",
     .key = "make por.photo",
     .file = "portrait",
     .status = 201,
     .shape = PHOTO_SHAPE("draft"),
     .expect = "idempotency-replayed: true",
     .again = AGAIN_NEVER},
    {.label = "the photo has a preview",
     .call = "GET /v1/photos/{{por.photo}}/preview",
     .as = "por",
     .status = 200,
     .expect = "content-type: image/jpeg"},
    COUNT("one photo, for two calls", "photo", "account_id = {{por.account}}", "1"),
    {CHECK("two people", "pair-portrait"),
     .shape = "{'qualified': false, 'faces': 2, " FACE ", 'checks': ['...'], 'geometry': null}"},
    {.label = "are too many for a photo of one",
     .call = "POST /v1/photos/make?spec=cn-1inch",
     .as = "por",
     .key = "make a pair",
     .file = "pair-portrait",
     .status = 422,
     .problem = "not-qualified",
     .shape = "{'report': {'qualified': false, 'faces': 2, '...': true}, '...': true}"},
    {CHECK("a dark one", "dark-portrait"),
     .shape = "{'qualified': false, 'faces': 1, '...': true}"},
    {CHECK("one that is blown out", "blown-portrait"),
     .shape = "{'qualified': false, 'faces': 1, '...': true}"},
    {.label = "a head that is cut off",
     .call = "POST /v1/photos/make?spec=cn-1inch",
     .as = "por",
     .key = "make a cut head",
     .file = "cut-portrait",
     .status = 422,
     .problem = "not-qualified",
     .shape = "{'report': {'qualified': false, '...': true}, '...': true}"},
    {.label = "one that stands on its head is set upright",
     .call = "POST /v1/photos/make?spec=cn-1inch",
     .as = "por",
     .key = "make upside down",
     .file = "upside-down-portrait",
     .status = 201,
     .again = AGAIN_NEVER},
    END,
};

/* ---- who is in the picture ---- */

#define CHECKED(what, specification, picture)                                                      \
    .label = what, .call = "POST /v1/photos/check?spec=" specification, .as = "rul",               \
    .file = picture, .status = 200

#define MADE(what, specification, picture)                                                         \
    .label = what, .call = "POST /v1/photos/make?spec=" specification, .as = "rul", .key = what,   \
    .file = picture, .again = AGAIN_NEVER

#define ON(qualified, faces, shown, people)                                                        \
    "'qualified': " qualified ", 'faces': " faces ", " FACE                                        \
    ", 'checks': ['...', {'id': 'faces', 'value': " shown ", 'verdict': '" people                  \
    "', '...': true}]"

static const struct step passers_by[] = {
    ACCOUNT("rul"),
    FACES("rul"),
    {CHECKED("a passer-by far behind is seen, and no second person", "cn-1inch",
             "passer-by-portrait"),
     .shape = "{" ON("true", "2", "1.0", "pass") ", 'geometry': null}"},
    {MADE("nor one for the photo", "cn-1inch", "passer-by-portrait"), .status = 201,
     .shape = "{'report': {" ON("true", "2", "1.0", "pass") ", 'geometry': ['...']}, '...': true}"},
    {CHECKED("an office minds him no more", "cn-passport", "passer-by-portrait"),
     .shape = "{" ON("true", "2", "1.0", "pass") ", 'geometry': null}"},
    {MADE("in its photo either", "cn-passport", "passer-by-portrait"), .status = 201},
    {CHECKED("who stands beside is one too many", "cn-1inch", "pair-portrait"),
     .shape = "{" ON("false", "2", "2.0", "fail") ", 'geometry': null}"},
    {MADE("in the photo too", "cn-1inch", "pair-portrait"), .status = 422,
     .problem = "not-qualified",
     .shape = "{'report': {" ON("false", "2", "2.0", "fail") ", 'geometry': null}, '...': true}"},
    {CHECKED("two are as a marriage photo wants them", "cn-marriage", "pair-portrait"),
     .shape = "{" ON("true", "2", "2.0", "pass") ", 'geometry': null}"},
    {MADE("and become one", "cn-marriage", "pair-portrait"), .status = 201},
    {CHECKED("for which one is too few", "cn-marriage", "portrait"),
     .shape = "{" ON("false", "1", "1.0", "fail") ", 'geometry': null}"},
    {MADE("as it is with a passer-by", "cn-marriage", "passer-by-portrait"), .status = 422,
     .problem = "not-qualified"},
    END,
};

/* ---- whose rules they are ---- */

/* What fails is told by the check and by the make, which an office's rules refuse, and others
 * take. */
#define FAILS(id) "'checks': ['...', {'id': '" id "', 'verdict': 'fail', '...': true}]"

#define RULE(picture, id)                                                                          \
    {CHECKED("a check of a " picture, "cn-passport", picture),                                     \
     .shape = "{'qualified': false, 'faces': 1, " FAILS(id) ", '...': true}"},                     \
        {MADE("no passport of a " picture, "cn-passport", picture), .status = 422,                 \
         .problem = "not-qualified",                                                               \
         .shape = "{'report': {'qualified': false, 'faces': 1, " FAILS(                            \
             id) ", '...': true}, '...': true}"},                                                  \
    {                                                                                              \
        MADE("no identity card of a " picture, "cn-id", picture), .status = 422,                   \
                                                                  .problem = "not-qualified"       \
    }

#define WARNING(picture, id)                                                                       \
    {                                                                                              \
        MADE("one inch of a " picture, "cn-1inch", picture),                                       \
            .status = 201,                                                                         \
            .shape = "{'state': 'draft', 'report': {'qualified': false, 'faces': 1, " FAILS(       \
                id) ", '...': true}, '...': true}"                                                 \
    }

static const struct step rules[] = {
    ACCOUNT("rul"),
    FACES("rul"),
    {CHECKED("a good portrait", "cn-passport", "portrait"),
     .shape = "{'qualified': true, '...': true}"},
    {MADE("is good for an office", "cn-passport", "portrait"), .status = 201,
     .shape = "{'report': {'qualified': true, '...': true}, '...': true}"},
    RULE("grey-portrait", "grey"),
    RULE("tinted-portrait", "natural-colour"),
    RULE("small-portrait", "inter-eye-distance"),
    RULE("dark-portrait", "luminance-mean"),
    RULE("blown-portrait", "over-exposure"),
    COUNT("nothing is kept of what was refused", "photo", "account_id = {{rul.account}}", "1"),
    WARNING("grey-portrait", "grey"),
    WARNING("tinted-portrait", "natural-colour"),
    WARNING("small-portrait", "inter-eye-distance"),
    WARNING("dark-portrait", "luminance-mean"),
    WARNING("blown-portrait", "over-exposure"),
    COUNT("what has a warning is kept", "photo", "account_id = {{rul.account}}", "6"),
    END,
};

const struct test make_tests[] = {
    {"Faces are looked at with a consent of their own alone", consent, NULL},
    {"Parameters that are wrong, contradictory or not allowed are named", parameters, NULL},
    {"What is no portrait is refused, and nothing of it is kept", files, NULL},
    {"A portrait becomes a photo; its report is given once", portraits, NULL},
    {"Who counts as a person is the same for a check and for a make", passers_by, NULL},
    {"What fails is refused by an office's rules, and is a warning elsewhere", rules, NULL},
    {NULL, NULL, NULL},
};
