/* SPDX-License-Identifier: MIT */
/*
 * Alipay's parameters: a strict decoder for the forms that come in, the sorted
 * text that is signed, and the encoder for what goes out.
 *
 * Names and values are bytes in the charset of the sender, without NUL; nobody
 * here transcodes. Texts live in the arena given. Any thread.
 */
#ifndef IDPHOTOD_PAY_ALIPAY_FORM_H
#define IDPHOTOD_PAY_ALIPAY_FORM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/status.h"

struct alipay_param {
    const char *name, *value;
};

/* In bytewise order of the names once alipay_params_sort or the decoder made it. */
struct alipay_params {
    struct alipay_param *at;
    size_t n;
};

enum { ALIPAY_PARAMS_MAX = 128, ALIPAY_FORM_MAX_BYTES = 64 * 1024 };

/* An application/x-www-form-urlencoded body: split at '&', then at the first '=', each part
 * percent-decoded once, '+' a space. INVALID for an empty body, a part without '=' or without a
 * name, a malformed escape, a NUL, a name given twice, a name that holds '&' or '='. TOO_LARGE
 * beyond the limits above. Sorted. */
enum status alipay_form_decode(const void *body, size_t n, struct arena *a,
                               struct alipay_params *out) MUST_USE;

/* Value of a sorted list; NULL when absent. */
const char *alipay_param_get(const struct alipay_params *params, const char *name);

void alipay_params_sort(struct alipay_params *params);

/* Which parameters the signed text leaves out, besides those with a name in `except`
 * (NULL-terminated; may itself be NULL). */
enum alipay_empty { ALIPAY_EMPTY_DROPPED, ALIPAY_EMPTY_KEPT };

/* "a=1&b=2": sorted parameters joined, values as they are. */
const char *alipay_params_join(const struct alipay_params *sorted, enum alipay_empty empty,
                               const char *const *except, struct arena *a)
    __attribute__((returns_nonnull));

/* Percent-encodes all but RFC 3986's unreserved characters: a space is %20, never '+'. */
const char *alipay_escape(const char *text, struct arena *a) __attribute__((returns_nonnull));

/* "a=1&b=%20": every value encoded, empty ones left out. */
const char *alipay_params_encode(const struct alipay_params *params, struct arena *a)
    __attribute__((returns_nonnull));

#endif
