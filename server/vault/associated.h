/* SPDX-License-Identifier: MIT */
/*
 * Associated data in one canonical form: each part preceded by its length (4 bytes, big-endian),
 * so that no two lists of parts share an encoding. Inside the vault room only.
 */
#ifndef IDPHOTOD_VAULT_ASSOCIATED_H
#define IDPHOTOD_VAULT_ASSOCIATED_H

#include <stddef.h>

#include "vault/vault.h"

/* PostgreSQL's names have at most 63 bytes; table, column, purpose and four fixed parts fit. */
enum { ASSOCIATED_BYTES = 320 };

struct associated {
    unsigned char bytes[ASSOCIATED_BYTES];
    size_t size;
};

/* purpose separates the uses ("seal", "wrap", ...). */
void associated_begin(struct associated *a, const char *purpose);
void associated_add(struct associated *a, const void *part, size_t n);
void associated_add_text(struct associated *a, const char *text);
/* Table, account, row. */
void associated_add_name(struct associated *a, const struct record_name *name);

#endif
