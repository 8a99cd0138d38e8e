/* SPDX-License-Identifier: MIT */
#include "vault/ratchet.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "vault/folder.h"
#include "vault/keyfile.h"

/* A lookup by blind index derives the keys of all live days, 31 usually, 400 at worst. */
enum { CACHED_DAYS = 448 };

/* Lives in locked memory. */
struct days {
    unsigned char state[RATCHET_KEY_BYTES];             /* S(day) */
    unsigned char keys[CACHED_DAYS][RATCHET_KEY_BYTES]; /* K(day) ... */
    unsigned char beyond[RATCHET_KEY_BYTES];            /* S(day + CACHED_DAYS) */
};

/* What tells one file from its successor. */
struct mark {
    dev_t device;
    ino_t inode;
    struct timespec changed;
};

struct ratchet {
    char *path;
    int32_t day;
    struct mark mark;
    struct days *days;
};

void (*ratchet_between_calls)(void);

static void between_calls(void)
{
    if (ratchet_between_calls)
        ratchet_between_calls();
}

static void derive(const unsigned char state[RATCHET_KEY_BYTES], const char *what,
                   unsigned char out[RATCHET_KEY_BYTES])
{
    CHECK_PEER(crypto_generichash(out, RATCHET_KEY_BYTES, (const unsigned char *)what, strlen(what),
                                  state, RATCHET_KEY_BYTES) == 0);
}

static void advance(unsigned char state[RATCHET_KEY_BYTES], int64_t days)
{
    unsigned char next[RATCHET_KEY_BYTES];
    for (; days > 0; days--) {
        derive(state, "ratchet", next);
        memcpy(state, next, sizeof next);
    }
    sodium_memzero(next, sizeof next);
}

static void hold(struct ratchet *r, int32_t day, const unsigned char state[RATCHET_KEY_BYTES])
{
    struct days *d = r->days;
    r->day = day;
    memcpy(d->state, state, sizeof d->state);
    memcpy(d->beyond, state, sizeof d->beyond);
    for (size_t i = 0; i < CACHED_DAYS; i++) {
        derive(d->beyond, "day key", d->keys[i]);
        advance(d->beyond, 1);
    }
}

static bool look(int folder, const char *path, struct mark *mark)
{
    struct stat st;
    if (fstatat(folder, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    *mark = (struct mark){st.st_dev, st.st_ino, st.st_mtim};
    return true;
}

static bool same_mark(const struct mark *a, const struct mark *b)
{
    return a->device == b->device && a->inode == b->inode &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

static bool name_beside(const char *path, const char *suffix, char out[NAME_MAX + 1])
{
    return (size_t)snprintf(out, NAME_MAX + 1, "%s%s", path_name(path), suffix) < NAME_MAX + 1;
}

/* Reads a state; the folder is locked. */
static enum status read_state(int folder, const char *path, int32_t *day,
                              unsigned char state[RATCHET_KEY_BYTES], char *why, size_t why_size)
{
    uint32_t number;
    enum status s =
        keyfile_read(folder, path_name(path), path, KEYFILE_RATCHET, &number, state, why, why_size);
    if (s == OK)
        *day = (int32_t)number;
    return s;
}

/* Overwrites a whole file in place. What an SSD or a copy-on-write file system keeps is out of
 * our hands (README). */
static bool overwrite(int fd)
{
    unsigned char noise[KEYFILE_BYTES];
    struct stat st;
    if (fstat(fd, &st) != 0 || lseek(fd, 0, SEEK_SET) != 0)
        return false;
    for (off_t done = 0; done < st.st_size; done += (off_t)sizeof noise) {
        randombytes_buf(noise, sizeof noise);
        if (!write_exactly(fd, noise, sizeof noise))
            return false;
    }
    between_calls();
    return fsync(fd) == 0;
}

static bool overwrite_and_unlink(int folder, const char *name)
{
    int fd = openat(folder, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT;
    bool done = overwrite(fd);
    close(fd);
    between_calls();
    return done && unlinkat(folder, name, 0) == 0;
}

/* Ends a step that a crash cut short: PATH.new is a state to come, which would undo erasures if it
 * lay about; PATH.old is the former state, or still the present one. Needs the exclusive lock and
 * a readable present state. */
static bool tidy(int folder, const char *path)
{
    char fresh[NAME_MAX + 1], former[NAME_MAX + 1];
    struct mark now, old;
    if (!name_beside(path, ".new", fresh) || !name_beside(path, ".old", former) ||
        !overwrite_and_unlink(folder, fresh))
        return false;
    between_calls();
    if (!look(folder, former, &old))
        return true;
    if (!look(folder, path_name(path), &now))
        return false;
    if (now.device == old.device && now.inode == old.inode)
        return unlinkat(folder, former, 0) == 0;
    /* The present name must be durable first: a power cut that brought the former one back would
     * find noise in it. */
    return fsync(folder) == 0 && overwrite_and_unlink(folder, former) && fsync(folder) == 0;
}

static struct ratchet *new_ratchet(const char *path)
{
    struct ratchet *r = calloc(1, sizeof *r);
    CHECK_PEER(r);
    r->path = strdup(path);
    r->days = sodium_malloc(sizeof *r->days);
    CHECK_PEER(r->path && r->days);
    return r;
}

enum status ratchet_open(const char *path, struct ratchet **out, char *why, size_t why_size)
{
    int folder, day;
    unsigned char state[RATCHET_KEY_BYTES];
    struct mark mark;
    enum status s = folder_open_of(path, &folder, why, why_size);
    if (s != OK)
        return s;
    s = folder_lock(folder, true);
    if (s != OK) {
        explain(why, why_size, "%s: the folder cannot be locked", path);
        goto out;
    }
    s = read_state(folder, path, &day, state, why, why_size);
    if (s != OK)
        goto out;
    if (!tidy(folder, path) || !look(folder, path_name(path), &mark)) {
        explain(why, why_size, "%s: a step that was cut short cannot be finished", path);
        s = UNAVAILABLE;
        goto out;
    }
    struct ratchet *r = new_ratchet(path);
    hold(r, day, state);
    r->mark = mark;
    *out = r;
out:
    sodium_memzero(state, sizeof state);
    close(folder);
    return s;
}

void ratchet_close(struct ratchet *r)
{
    if (!r)
        return;
    sodium_free(r->days); /* wipes */
    free(r->path);
    free(r);
}

enum status ratchet_create(int folder, const char *name, int32_t day)
{
    unsigned char state[RATCHET_KEY_BYTES], bytes[KEYFILE_BYTES];
    randombytes_buf(state, sizeof state);
    keyfile_encode(KEYFILE_RATCHET, (uint32_t)day, state, bytes);
    enum status s = folder_write_new(folder, name, 0600, bytes, sizeof bytes);
    sodium_memzero(state, sizeof state);
    sodium_memzero(bytes, sizeof bytes);
    return s;
}

int32_t ratchet_day(const struct ratchet *r)
{
    return r->day;
}

const char *ratchet_path(const struct ratchet *r)
{
    return r->path;
}

enum status ratchet_day_key(const struct ratchet *r, int32_t day,
                            unsigned char out[RATCHET_KEY_BYTES])
{
    int64_t ahead = (int64_t)day - r->day;
    if (ahead < 0 || ahead > RATCHET_REACH_DAYS)
        return INVALID;
    if (ahead < CACHED_DAYS) {
        memcpy(out, r->days->keys[ahead], RATCHET_KEY_BYTES);
        return OK;
    }
    unsigned char state[RATCHET_KEY_BYTES];
    memcpy(state, r->days->beyond, sizeof state);
    advance(state, ahead - CACHED_DAYS);
    derive(state, "day key", out);
    sodium_memzero(state, sizeof state);
    return OK;
}

bool ratchet_moved(const struct ratchet *r)
{
    struct mark now;
    /* A file that is gone is no news that we could follow; stepping will say so. */
    return look(AT_FDCWD, r->path, &now) && !same_mark(&now, &r->mark);
}

/* Takes over a state read from the file if it is a later one (or the same) of our own chain. */
static enum status take_over(struct ratchet *r, int32_t day,
                             const unsigned char state[RATCHET_KEY_BYTES])
{
    int64_t ahead = (int64_t)day - r->day;
    if (ahead < 0 || ahead > RATCHET_REACH_DAYS)
        return CONFLICT;
    unsigned char ours[RATCHET_KEY_BYTES];
    memcpy(ours, r->days->state, sizeof ours);
    advance(ours, ahead);
    enum status s = sodium_memcmp(ours, state, sizeof ours) == 0 ? OK : CONFLICT;
    if (s == OK && ahead > 0)
        hold(r, day, state);
    sodium_memzero(ours, sizeof ours);
    return s;
}

/* The folder is locked, shared or exclusive. */
static enum status follow_locked(struct ratchet *r, int folder)
{
    int32_t day;
    unsigned char state[RATCHET_KEY_BYTES];
    struct mark mark;
    enum status s = read_state(folder, r->path, &day, state, NULL, 0);
    if (s == OK && !look(folder, path_name(r->path), &mark))
        s = UNAVAILABLE;
    if (s == OK) {
        r->mark = mark; /* also when it is foreign: complaining once is enough */
        s = take_over(r, day, state);
    }
    if (s != OK)
        log_error("ratchet.not-followed", LOG_STR("status", status_name(s)));
    sodium_memzero(state, sizeof state);
    return s;
}

enum status ratchet_follow(struct ratchet *r)
{
    int folder;
    enum status s = folder_open_of(r->path, &folder, NULL, 0);
    if (s != OK)
        return s;
    s = folder_lock(folder, false);
    if (s == OK)
        s = follow_locked(r, folder);
    close(folder);
    return s;
}

static bool write_fresh(int folder, const char *fresh, int32_t day,
                        const unsigned char state[RATCHET_KEY_BYTES])
{
    unsigned char bytes[KEYFILE_BYTES];
    keyfile_encode(KEYFILE_RATCHET, (uint32_t)day, state, bytes);
    int fd = openat(folder, fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    between_calls();
    bool done = fd >= 0 && write_exactly(fd, bytes, sizeof bytes);
    between_calls();
    done = done && fchmod(fd, 0600) == 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    between_calls();
    sodium_memzero(bytes, sizeof bytes);
    return done;
}

/* Puts a new state in the place of the old one and destroys the old one. A second name (.old)
 * keeps the old inode within reach, should we die before it is overwritten; the next open or step
 * finishes the work (tidy). */
static bool replace(int folder, const char *path, int32_t day,
                    const unsigned char state[RATCHET_KEY_BYTES])
{
    char fresh[NAME_MAX + 1], former[NAME_MAX + 1];
    const char *name = path_name(path);
    if (!name_beside(path, ".new", fresh) || !name_beside(path, ".old", former))
        return false;
    int old = openat(folder, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
    if (old < 0)
        return false;
    bool done = false;
    if (!write_fresh(folder, fresh, day, state))
        goto out;
    /* Not every file system has hard links; the descriptor does without them. */
    bool linked = linkat(folder, name, folder, former, 0) == 0;
    between_calls();
    if (renameat(folder, fresh, folder, name) != 0)
        goto out;
    between_calls();
    /* Not before the new name is durable: until then a power cut may bring the old one back. */
    if (fsync(folder) != 0)
        goto out;
    between_calls();
    done = overwrite(old);
    between_calls();
    if (done && linked)
        done = unlinkat(folder, former, 0) == 0 && fsync(folder) == 0;
    between_calls();
out:
    close(old);
    return done;
}

/* The folder is locked and memory is what the file says. */
static enum status step_locked(struct ratchet *r, int folder, int32_t day)
{
    unsigned char state[RATCHET_KEY_BYTES];
    if (!tidy(folder, r->path))
        return UNAVAILABLE;
    memcpy(state, r->days->state, sizeof state);
    advance(state, (int64_t)day - r->day);
    bool done = replace(folder, r->path, day, state);
    sodium_memzero(state, sizeof state);
    if (!done)
        (void)!tidy(folder, r->path);
    /* Memory follows the file even when the step failed half way. */
    enum status s = follow_locked(r, folder);
    return done ? s : UNAVAILABLE;
}

enum status ratchet_step(struct ratchet *r, int32_t day)
{
    int folder;
    if (day <= r->day || (int64_t)day - r->day > RATCHET_REACH_DAYS)
        return INVALID;
    enum status s = folder_open_of(r->path, &folder, NULL, 0);
    if (s != OK)
        return UNAVAILABLE;
    s = folder_lock(folder, true);
    if (s == OK)
        s = follow_locked(r, folder);
    if (s == OK && r->day < day)
        s = step_locked(r, folder, day);
    close(folder);
    return s;
}

enum status ratchet_escrow(const struct ratchet *r, const char *file, char *why, size_t why_size)
{
    int folder;
    unsigned char bytes[KEYFILE_BYTES];
    enum status s = folder_open_of(file, &folder, why, why_size);
    if (s != OK)
        return s;
    keyfile_encode(KEYFILE_RATCHET, (uint32_t)r->day, r->days->state, bytes);
    s = folder_write_new(folder, path_name(file), 0400, bytes, sizeof bytes);
    sodium_memzero(bytes, sizeof bytes);
    if (s == OK && fsync(folder) != 0)
        s = UNAVAILABLE;
    if (s != OK)
        explain(why, why_size, "%s: %s", file,
                s == CONFLICT ? "there already" : "cannot be written");
    close(folder);
    return s;
}
