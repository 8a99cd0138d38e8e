/* SPDX-License-Identifier: MIT */
/* `idphotod keygen`: a first master version and the ratchet, or a further master version. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "vault/folder.h"
#include "vault/masters.h"
#include "vault/ratchet.h"
#include "vault/vault.h"

static enum status make_folder(const char *path, char *why, size_t why_size)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return OK;
    explain(why, why_size, "%s: %s", path, strerror(errno));
    return UNAVAILABLE;
}

static bool is_dot(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static bool is_empty(int folder)
{
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = copy >= 0 ? fdopendir(copy) : NULL;
    CHECK_PEER(d);
    struct dirent *e;
    while ((e = readdir(d)) && is_dot(e->d_name))
        continue;
    closedir(d);
    return e == NULL;
}

static enum status refuse_filled(int folder, const char *path, char *why, size_t why_size)
{
    if (is_empty(folder))
        return OK;
    explain(why, why_size, "%s: not empty; existing keys are never replaced", path);
    return CONFLICT;
}

static enum status fill(int master, int ratchet, int32_t today)
{
    enum status s = ratchet_create(ratchet, path_name(VAULT_RATCHET_FILE), today);
    if (s == OK)
        s = masters_create(master, 1);
    if (s == OK && (fsync(ratchet) != 0 || fsync(master) != 0))
        s = UNAVAILABLE;
    return s;
}

/* With the master folder locked, so that two keygens do not share the work. */
static enum status create_all(int master, const char *master_path, const char *ratchet_path,
                              int32_t today, char *why, size_t why_size)
{
    int ratchet;
    enum status s = folder_open(ratchet_path, &ratchet, why, why_size);
    if (s != OK)
        return s;
    s = refuse_filled(master, master_path, why, why_size);
    if (s == OK)
        s = refuse_filled(ratchet, ratchet_path, why, why_size);
    if (s == OK && (s = fill(master, ratchet, today)) != OK)
        explain(why, why_size, "%s: the keys cannot be written", master_path);
    close(ratchet);
    return s;
}

/* Any *.key of the folder serves masters_load as the wanted one. */
static bool find_key(int folder, char name[NAME_MAX + 1])
{
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = copy >= 0 ? fdopendir(copy) : NULL;
    CHECK_PEER(d);
    bool found = false;
    for (struct dirent *e; !found && (e = readdir(d));) {
        size_t n = strlen(e->d_name);
        found = n > 4 && e->d_name[0] != '.' && strcmp(e->d_name + n - 4, ".key") == 0;
        if (found)
            snprintf(name, NAME_MAX + 1, "%s", e->d_name);
    }
    closedir(d);
    return found;
}

static enum status rotate_master(int master, const char *path, char *why, size_t why_size)
{
    char file[PATH_MAX + NAME_MAX + 2], name[NAME_MAX + 1];
    struct masters *m;
    if (!find_key(master, name)) {
        explain(why, why_size, "%s: no keys to rotate", path);
        return CONFLICT;
    }
    snprintf(file, sizeof file, "%s/%s", path, name);
    enum status s = masters_load(file, &m, why, why_size);
    if (s != OK)
        return s;
    uint16_t newest = masters_newest(m)->version;
    s = newest < UINT16_MAX && m->n < MASTERS_MAX ? masters_create(master, (uint16_t)(newest + 1))
                                                  : TOO_LARGE;
    masters_free(m);
    if (s == OK && fsync(master) != 0)
        s = UNAVAILABLE;
    if (s != OK)
        explain(why, why_size, "%s: no further version can be written", path);
    return s;
}

enum status vault_keygen(const char *dir, bool rotate, int32_t today, char *why, size_t why_size)
{
    char master_path[PATH_MAX], ratchet_path[PATH_MAX];
    int master;
    CHECK_PEER(sodium_init() >= 0);
    if (snprintf(master_path, sizeof master_path, "%s/master", dir) >= PATH_MAX ||
        snprintf(ratchet_path, sizeof ratchet_path, "%s/ratchet", dir) >= PATH_MAX) {
        explain(why, why_size, "the folder's path is too long");
        return TOO_LARGE;
    }
    enum status s = OK;
    if (!rotate && ((s = make_folder(dir, why, why_size)) != OK ||
                    (s = make_folder(master_path, why, why_size)) != OK ||
                    (s = make_folder(ratchet_path, why, why_size)) != OK))
        return s;
    s = folder_open(master_path, &master, why, why_size);
    if (s != OK)
        return rotate && s == NOT_FOUND ? CONFLICT : s;
    s = folder_lock(master, true);
    if (s != OK)
        explain(why, why_size, "%s: the folder cannot be locked", master_path);
    else if (rotate)
        s = rotate_master(master, master_path, why, why_size);
    else
        s = create_all(master, master_path, ratchet_path, today, why, why_size);
    close(master);
    return s;
}
