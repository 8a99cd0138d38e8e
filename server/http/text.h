/* SPDX-License-Identifier: MIT */
/*
 * What a text from outside may be made of. Any thread.
 */
#ifndef IDPHOTOD_HTTP_TEXT_H
#define IDPHOTOD_HTTP_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
bool text_is_utf8(const char *text, size_t n);

/* Of valid UTF-8. */
size_t text_code_points(const char *text);

/* C0, DEL or C1 (U+0080 to U+009F) in valid UTF-8. With lines, newline and tab do not count. */
bool text_has_control(const char *text, size_t n, bool lines);

/* Length 1 to most, each byte one of [A-Za-z0-9] or of `others`. */
bool text_is_token(const char *text, size_t most, const char *others);

/* Whether a comma-separated list (white space around its items ignored) holds the item. */
bool text_list_holds(const char *list, const char *item);

/* Whether an If-None-Match (RFC 9110, section 13.1.2) names this entity tag, "x" or W/"x": by the
 * weak comparison of section 8.8.3.2; `*` names every one. false: it does not, is malformed before
 * it would, or is NULL. */
bool text_names_etag(const char *if_none_match, const char *etag);

#endif
