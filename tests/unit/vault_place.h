/* SPDX-License-Identifier: MIT */
/* A folder of keys for one test: made, opened, damaged, removed. */
#ifndef IDPHOTOD_TESTS_VAULT_PLACE_H
#define IDPHOTOD_TESTS_VAULT_PLACE_H

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vault/vault.h"

enum { FIRST_DAY = 20780 }; /* a day in November 2026 */

struct place {
    char dir[64];
    char master[128], ratchet[128];
};

#define UNUSED_HELPER __attribute__((unused)) static

UNUSED_HELPER struct place place_named(const char *dir)
{
    struct place p;
    snprintf(p.dir, sizeof p.dir, "%s", dir);
    snprintf(p.master, sizeof p.master, "%s/%s", dir, VAULT_FIRST_MASTER_FILE);
    snprintf(p.ratchet, sizeof p.ratchet, "%s/%s", dir, VAULT_RATCHET_FILE);
    return p;
}

UNUSED_HELPER struct place place_new(void)
{
    char dir[64] = "/tmp/idphotod-vault-XXXXXX", why[256] = "";
    cr_assert(mkdtemp(dir));
    cr_assert_eq(vault_keygen(dir, false, FIRST_DAY, why, sizeof why), OK, "%s", why);
    return place_named(dir);
}

UNUSED_HELPER int place_remove_one(const char *path, const struct stat *st, int kind,
                                   struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    return remove(path);
}

UNUSED_HELPER void place_remove(const struct place *p)
{
    nftw(p->dir, place_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

UNUSED_HELPER void place_rotate(const struct place *p)
{
    char why[256] = "";
    cr_assert_eq(vault_keygen(p->dir, true, 0, why, sizeof why), OK, "%s", why);
}

UNUSED_HELPER struct vault *place_open(const struct place *p)
{
    char why[256] = "";
    struct vault *v = NULL;
    cr_assert_eq(vault_open(p->master, p->ratchet, &v, why, sizeof why), OK, "%s", why);
    return v;
}

UNUSED_HELPER size_t file_read(const char *path, unsigned char *out, size_t room)
{
    FILE *f = fopen(path, "rb");
    cr_assert(f, "%s", path);
    size_t n = fread(out, 1, room, f);
    fclose(f);
    return n;
}

UNUSED_HELPER void file_write(const char *path, const void *bytes, size_t n, mode_t mode)
{
    unlink(path);
    FILE *f = fopen(path, "wb");
    cr_assert(f, "%s", path);
    cr_assert_eq(fwrite(bytes, 1, n, f), n);
    cr_assert_eq(fclose(f), 0);
    cr_assert_eq(chmod(path, mode), 0);
}

UNUSED_HELPER struct record_name record_of(const char *table, int64_t account_id, int row)
{
    struct record_name name = {.table = table, .account_id = account_id};
    memset(name.row_id.bytes, row, sizeof name.row_id.bytes);
    return name;
}

#endif
