/* SPDX-License-Identifier: MIT */
/* server/api/openapi.json, as it is part of the program, for the tests of it. */
#ifndef IDPHOTOD_TESTS_OPENAPI_DOCUMENT_H
#define IDPHOTOD_TESTS_OPENAPI_DOCUMENT_H

#include <jansson.h>
#include <stdbool.h>

#include "http/request.h"

/* Returns owned; what the others give is borrowed from it. */
json_t *openapi_document(void);
/* "#/a/b" within the document; NULL when it leads nowhere. */
json_t *openapi_follow(json_t *doc, const char *reference);
/* The node, or what it refers to. */
json_t *openapi_real(json_t *doc, json_t *node);
/* A text member; "" when there is none. */
const char *openapi_text(json_t *node, const char *name);
/* Fails the test when it is not described. */
json_t *openapi_operation(json_t *doc, const struct route *route);
bool openapi_is_method(const char *name);
json_t *openapi_parameter_of(json_t *doc, const struct route *route, const char *where,
                             const char *name);

#endif
