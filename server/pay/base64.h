/* SPDX-License-Identifier: MIT */
/*
 * Base64, standard alphabet, strict: padding required, unused bits zero, no
 * white space, no other character. Signatures and ciphertexts are compared and
 * sized by their text, so nothing is forgiven. Any thread.
 */
#ifndef IDPHOTOD_PAY_BASE64_H
#define IDPHOTOD_PAY_BASE64_H

#include <stddef.h>

#include "base/arena.h"
#include "base/status.h"

/* Bytes that n characters can decode to, at most. */
#define BASE64_DECODED_MAX(n) ((n) / 4 * 3)

/* Decodes n characters into out; TOO_LARGE when they do not fit, INVALID when any character is
 * out of place. The empty text decodes to nothing. */
enum status base64_decode(const char *text, size_t n, unsigned char *out, size_t room,
                          size_t *size) MUST_USE;

/* NUL-terminated, in the arena. */
char *base64_encode(struct arena *a, const void *bytes, size_t n) __attribute__((returns_nonnull));

#endif
