/* SPDX-License-Identifier: MIT */
#include "vault/masters.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "vault/folder.h"
#include "vault/keyfile.h"

static bool is_key_name(const char *name)
{
    size_t n = strlen(name);
    return n > 4 && name[0] != '.' && strcmp(name + n - 4, ".key") == 0;
}

static const char *slash_after(const char *folder_path)
{
    size_t n = strlen(folder_path);
    return n && folder_path[n - 1] == '/' ? "" : "/";
}

static enum status add(struct masters *m, uint32_t version,
                       const unsigned char key[MASTER_KEY_BYTES], const char *shown, char *why,
                       size_t why_size)
{
    if (version == 0 || version > UINT16_MAX || m->n == MASTERS_MAX ||
        masters_find(m, (uint16_t)version)) {
        explain(why, why_size, "%s: its version is there twice or out of range", shown);
        return INVALID;
    }
    size_t at = m->n++;
    for (; at > 0 && m->list[at - 1].version > version; at--)
        m->list[at] = m->list[at - 1];
    m->list[at].version = (uint16_t)version;
    memcpy(m->list[at].key, key, MASTER_KEY_BYTES);
    return OK;
}

static enum status add_file(struct masters *m, int folder, const char *folder_path,
                            const char *name, char *why, size_t why_size)
{
    char shown[PATH_MAX];
    unsigned char key[MASTER_KEY_BYTES];
    uint32_t version;
    snprintf(shown, sizeof shown, "%s%s%s", folder_path, slash_after(folder_path), name);
    enum status s = keyfile_read(folder, name, shown, KEYFILE_MASTER, &version, key, why, why_size);
    if (s == OK)
        s = add(m, version, key, shown, why, why_size);
    sodium_memzero(key, sizeof key);
    return s;
}

/* Takes the descriptor. */
static enum status add_folder(struct masters *m, int folder, const char *folder_path,
                              const char *wanted, char *why, size_t why_size)
{
    bool found = false;
    DIR *d = fdopendir(folder);
    CHECK_PEER(d);
    enum status s = OK;
    for (struct dirent *e; s == OK && (e = readdir(d));) {
        if (!is_key_name(e->d_name))
            continue;
        found = found || strcmp(e->d_name, wanted) == 0;
        s = add_file(m, dirfd(d), folder_path, e->d_name, why, why_size);
    }
    closedir(d);
    if (s == OK && !found) {
        explain(why, why_size, "%s%s%s: no such master key (names end in .key)", folder_path,
                slash_after(folder_path), wanted);
        s = NOT_FOUND;
    }
    return s;
}

enum status masters_load(const char *file, struct masters **out, char *why, size_t why_size)
{
    int folder;
    char *folder_path = path_folder(file);
    struct masters *m = sodium_malloc(sizeof *m);
    CHECK_PEER(m);
    m->n = 0;
    enum status s = folder_open(folder_path, &folder, why, why_size);
    if (s == OK)
        s = add_folder(m, folder, folder_path, path_name(file), why, why_size);
    free(folder_path);
    if (s != OK) {
        masters_free(m);
        return s;
    }
    (void)sodium_mprotect_readonly(m);
    *out = m;
    return OK;
}

void masters_free(struct masters *m)
{
    sodium_free(m); /* wipes */
}

const struct master *masters_find(const struct masters *m, uint16_t version)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->list[i].version == version)
            return &m->list[i];
    return NULL;
}

const struct master *masters_oldest(const struct masters *m)
{
    return &m->list[0];
}

const struct master *masters_newest(const struct masters *m)
{
    return &m->list[m->n - 1];
}

enum status masters_create(int folder, uint16_t version)
{
    char name[16];
    unsigned char key[MASTER_KEY_BYTES], bytes[KEYFILE_BYTES];
    snprintf(name, sizeof name, "%u.key", version);
    randombytes_buf(key, sizeof key);
    keyfile_encode(KEYFILE_MASTER, version, key, bytes);
    enum status s = folder_write_new(folder, name, 0400, bytes, sizeof bytes);
    sodium_memzero(key, sizeof key);
    sodium_memzero(bytes, sizeof bytes);
    return s;
}
