/* SPDX-License-Identifier: MIT */
/*
 * Reads a key file whole. Reasons name the option and the path, never the
 * content. Any thread.
 */
#ifndef IDPHOTOD_PAY_MERCHANT_FILE_H
#define IDPHOTOD_PAY_MERCHANT_FILE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/status.h"

enum { MERCHANT_FILE_MAX_BYTES = 64 * 1024 };

/* Fills content (wiped by buf_free, also between steps). With secret, a file that anyone but its
 * owner may touch is refused: mode 0400 or 0600. NOT_FOUND, DENIED (mode), INVALID (not a regular
 * file, empty), TOO_LARGE; on all of them why is "option (path): reason" and content is empty. */
enum status merchant_file_read(const char *option, const char *path, bool secret,
                               struct buf *content, char *why, size_t why_size) MUST_USE;

#endif
