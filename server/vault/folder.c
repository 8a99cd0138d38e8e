/* SPDX-License-Identifier: MIT */
#include "vault/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"

void explain(char *why, size_t why_size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, why_size, format, args);
    va_end(args);
}

const char *path_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

char *path_folder(const char *path)
{
    size_t n = (size_t)(path_name(path) - path);
    char *folder = n ? strndup(path, n) : strdup(".");
    CHECK_PEER(folder);
    return folder;
}

static bool mine_or_roots(const struct stat *st)
{
    return st->st_uid == geteuid() || st->st_uid == 0;
}

enum status folder_open(const char *path, int *folder, char *why, size_t why_size)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        enum status s = errno == ENOENT ? NOT_FOUND : UNAVAILABLE;
        explain(why, why_size, "%s: %s", path, strerror(errno));
        return s;
    }
    struct stat st;
    if (fstat(fd, &st) != 0 || !mine_or_roots(&st)) {
        explain(why, why_size, "%s: the folder belongs to someone else", path);
    } else if (st.st_mode & (S_IWGRP | S_IWOTH)) {
        explain(why, why_size, "%s: group or others may write to the folder (mode %04o)", path,
                st.st_mode & 07777U);
    } else {
        *folder = fd;
        return OK;
    }
    close(fd);
    return DENIED;
}

enum status folder_open_of(const char *path, int *folder, char *why, size_t why_size)
{
    char *parent = path_folder(path);
    enum status s = folder_open(parent, folder, why, why_size);
    free(parent);
    return s;
}

enum status folder_lock(int folder, bool exclusive)
{
    while (flock(folder, exclusive ? LOCK_EX : LOCK_SH) != 0)
        if (errno != EINTR)
            return UNAVAILABLE;
    return OK;
}

static bool is_systemd_credential(const struct stat *st, const char *shown)
{
    const char *credentials = secure_getenv("CREDENTIALS_DIRECTORY");
    size_t n = credentials ? strlen(credentials) : 0;
    return n && strncmp(shown, credentials, n) == 0 && shown[n] == '/' && st->st_uid == 0 &&
           st->st_gid == 0 && (st->st_mode & 07777) == 0440;
}

static const char *secret_fault(const struct stat *st, const char *shown)
{
    mode_t mode = st->st_mode & 07777;
    if (!S_ISREG(st->st_mode))
        return "not a regular file";
    if (is_systemd_credential(st, shown))
        return NULL;
    if (st->st_uid != geteuid())
        return "the file belongs to someone else";
    if (mode != 0400 && mode != 0600)
        return "the mode must be 0400 or 0600";
    return NULL;
}

enum status folder_open_secret(int folder, const char *name, const char *shown, int *fd, char *why,
                               size_t why_size)
{
    /* O_NONBLOCK: opening a pipe put there must not hang the start */
    int opened = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (opened < 0) {
        enum status s = errno == ENOENT ? NOT_FOUND : DENIED;
        explain(why, why_size, "%s: %s", shown,
                errno == ELOOP ? "a symbolic link is refused" : strerror(errno));
        return s;
    }
    struct stat st;
    const char *fault = fstat(opened, &st) == 0 ? secret_fault(&st, shown) : "cannot be examined";
    if (fault) {
        explain(why, why_size, "%s: %s", shown, fault);
        close(opened);
        return DENIED;
    }
    *fd = opened;
    return OK;
}

bool read_exactly(int fd, void *bytes, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t got = read(fd, (char *)bytes + done, n - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

bool write_exactly(int fd, const void *bytes, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t put = write(fd, (const char *)bytes + done, n - done);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        done += (size_t)put;
    }
    return true;
}

enum status folder_write_new(int folder, const char *name, mode_t mode, const void *bytes, size_t n)
{
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == EEXIST ? CONFLICT : UNAVAILABLE;
    /* fchmod as well: the umask must not decide */
    bool done = write_exactly(fd, bytes, n) && fchmod(fd, mode) == 0 && fsync(fd) == 0;
    if (close(fd) != 0)
        done = false;
    if (!done)
        unlinkat(folder, name, 0);
    return done ? OK : UNAVAILABLE;
}

enum status folder_replace(int folder, const char *name, const void *bytes, size_t n)
{
    char fresh[NAME_MAX + 1];
    if ((size_t)snprintf(fresh, sizeof fresh, "%s.new", name) >= sizeof fresh)
        return INVALID;
    unlinkat(folder, fresh, 0); /* left by a crash; we hold the lock */
    enum status s = folder_write_new(folder, fresh, 0600, bytes, n);
    if (s != OK)
        return s;
    if (renameat(folder, fresh, folder, name) != 0) {
        unlinkat(folder, fresh, 0);
        return UNAVAILABLE;
    }
    return fsync(folder) == 0 ? OK : UNAVAILABLE;
}
