/* SPDX-License-Identifier: MIT */
/*
 * Master key versions: one file N.key each, in a folder of their own (keyfile.h has the format).
 * The number inside the file counts, not its name. Inside the vault room only.
 */
#ifndef IDPHOTOD_VAULT_MASTERS_H
#define IDPHOTOD_VAULT_MASTERS_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { MASTER_KEY_BYTES = 32, MASTERS_MAX = 64 };

struct master {
    uint16_t version;
    unsigned char key[MASTER_KEY_BYTES];
};

/* Lives in locked memory, read-only once loaded. Versions ascend; there is at least one. */
struct masters {
    size_t n;
    struct master list[MASTERS_MAX];
};

/* Reads every *.key in the folder that holds `file`, which must be one of them. Any one that
 * cannot be trusted refuses the lot. Returns owned; free with masters_free, which wipes. */
enum status masters_load(const char *file, struct masters **out, char *why,
                         size_t why_size) MUST_USE;
void masters_free(struct masters *m);

/* NULL when there is no such version. Borrowed. */
const struct master *masters_find(const struct masters *m, uint16_t version);
const struct master *masters_oldest(const struct masters *m);
const struct master *masters_newest(const struct masters *m);

/* Writes a fresh key of this version as VERSION.key, mode 0400. CONFLICT when it is there. */
enum status masters_create(int folder, uint16_t version) MUST_USE;

#endif
