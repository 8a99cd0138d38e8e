/* SPDX-License-Identifier: MIT */
/* The web client's files and its QR codes; tests/web drives the client itself in a browser. */
#include "common.h"

#define POLICY                                                                                     \
    "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; "           \
    "img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "              \
    "frame-ancestors 'none'"

static const struct step pages[] = {
    {.label = "the page, which only this server may serve with parts",
     .call = "GET /",
     .status = 200,
     .expect = POLICY,
     .keep = "page.etag=:etag"},
    {.label = "is HTML",
     .call = "GET /",
     .status = 200,
     .expect = "content-type: text/html; charset=utf-8"},
    {.label = "looks the same next time",
     .call = "GET /",
     .headers = "If-None-Match: {{page.etag}}",
     .status = 304},
    {.label = "also by a weak tag, which a proxy that compresses makes of it",
     .call = "GET /",
     .headers = "If-None-Match: W/{{page.etag}}",
     .status = 304},
    {.label = "a module",
     .call = "GET /web/main.js",
     .status = 200,
     .expect = "content-type: text/javascript; charset=utf-8"},
    {.label = "its style",
     .call = "GET /web/style.css",
     .headers = "If-None-Match: {{page.etag}}",
     .status = 200,
     .expect = "content-type: text/css; charset=utf-8"},
    {.label = "no file of that name",
     .call = "GET /web/nothing.js",
     .status = 404,
     .problem = "not-found"},
    {.label = "no way up",
     .call = "GET /web/..%2Fapi%2Fopenapi.json",
     .status = 404,
     .problem = "not-found"},
    {.label = "not on the operators' side",
     .call = "GET admin:/",
     .status = 404,
     .problem = "not-found"},
    END,
};

static const struct step codes[] = {
    ACCOUNT("qui"),
    {.label = "what WeChat wants scanned",
     .call = "POST /v1/qr",
     .as = "qui",
     .body = "{'text': 'weixin://wxpay/bizpayurl?pr=p4lpSuKzz'}",
     .status = 200,
     .expect = "content-type: image/svg+xml"},
    {.label = "is kept nowhere",
     .call = "POST /v1/qr",
     .as = "qui",
     .body = "{'text': 'weixin://wxpay/bizpayurl?pr=p4lpSuKzz'}",
     .status = 200,
     .expect = "cache-control: no-store"},
    {.label = "nothing cannot be scanned",
     .call = "POST /v1/qr",
     .as = "qui",
     .body = "{'text': ''}",
     .status = 422,
     .problem = "invalid-members"},
    {.label = "for accounts alone",
     .call = "POST /v1/qr",
     .body = "{'text': 'x'}",
     .status = 401,
     .problem = "unauthenticated"},
    END,
};

const struct test web_tests[] = {
    {"The web client is served with a policy that lets nobody else in", pages, NULL},
    {"A text becomes a QR code", codes, NULL},
    {NULL, NULL, NULL},
};
