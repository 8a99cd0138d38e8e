/* SPDX-License-Identifier: MIT */
#include "vault/erasures.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "vault/associated.h"
#include "vault/folder.h"

/* A line is "DAY BASE64\n", DAY counted from 1970-01-01. */
enum {
    BASE64_BYTES = sodium_base64_ENCODED_LEN(VAULT_HASH_BYTES, sodium_base64_VARIANT_ORIGINAL),
    LOG_BYTES_MAX = 1 << 30,
};

static const char log_name[] = "erasures.log";

struct hashed {
    unsigned char bytes[VAULT_HASH_BYTES];
};

struct erasure_set {
    size_t n;
    struct hashed *sorted; /* each once */
};

struct line {
    int32_t key_day;
    struct hashed hash;
};

static struct hashed hash_name(const struct vault *v, const struct record_name *name)
{
    struct hashed h;
    struct associated a;
    associated_begin(&a, "erasure");
    associated_add_name(&a, name);
    vault_hash(v, "erasure", NULL, 0, a.bytes, a.size, h.bytes);
    return h;
}

static void print_line(struct buf *out, int32_t key_day, const struct hashed *h)
{
    char base64[BASE64_BYTES];
    sodium_bin2base64(base64, sizeof base64, h->bytes, sizeof h->bytes,
                      sodium_base64_VARIANT_ORIGINAL);
    buf_printf(out, "%d %s\n", key_day, base64);
}

/* text has no newline any more. */
static enum status parse_line(const char *text, size_t n, struct line *out)
{
    char *space;
    struct line line;
    size_t size = 0;
    if (*text != '-' && (*text < '0' || *text > '9'))
        return INVALID; /* strtol would skip white space, and with it this line's end */
    errno = 0;
    long day = strtol(text, &space, 10);
    if (space == text || *space != ' ' || errno || day < INT32_MIN || day > INT32_MAX)
        return INVALID;
    const char *base64 = space + 1;
    if (sodium_base642bin(line.hash.bytes, sizeof line.hash.bytes, base64,
                          n - (size_t)(base64 - text), NULL, &size, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0 ||
        size != sizeof line.hash.bytes)
        return INVALID;
    line.key_day = (int32_t)day;
    *out = line;
    return OK;
}

/* Opens and locks the folder; close it to let go. */
static enum status enter(const struct vault *v, bool exclusive, int *folder)
{
    int fd;
    if (folder_open_of(vault_ratchet_file(v), &fd, NULL, 0) != OK)
        return UNAVAILABLE;
    enum status s = folder_lock(fd, exclusive);
    if (s == OK)
        *folder = fd;
    else
        close(fd);
    return s;
}

/* Adds the log's whole text to out; nothing when there is no log yet. */
static enum status read_log(int folder, struct buf *out)
{
    int fd;
    struct stat st;
    enum status s = folder_open_secret(folder, log_name, log_name, &fd, NULL, 0);
    if (s != OK)
        return s == NOT_FOUND ? OK : s;
    s = UNAVAILABLE;
    if (fstat(fd, &st) == 0 && st.st_size <= LOG_BYTES_MAX) {
        size_t n = (size_t)st.st_size;
        char *text = malloc(n + 1);
        CHECK_PEER(text);
        if (read_exactly(fd, text, n)) {
            buf_add(out, text, n);
            s = OK;
        }
        free(text);
    }
    close(fd);
    return s;
}

/* Cuts off a last line that a crash left without its newline: it was never acknowledged, and what
 * follows it must not be glued to it. Gives the size that remains. */
static enum status cut_torn_line(int fd, off_t *size)
{
    struct stat st;
    char c = '\n';
    if (fstat(fd, &st) != 0)
        return UNAVAILABLE;
    off_t at = st.st_size;
    while (at > 0) {
        if (pread(fd, &c, 1, at - 1) != 1)
            return UNAVAILABLE;
        if (c == '\n')
            break;
        at--;
    }
    if (at != st.st_size && ftruncate(fd, at) != 0)
        return UNAVAILABLE;
    *size = at;
    return OK;
}

static enum status append_text(int folder, const struct buf *text)
{
    off_t size = 0;
    int fd = openat(folder, log_name, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return UNAVAILABLE;
    enum status s = cut_torn_line(fd, &size);
    if (s == OK && (!write_exactly(fd, text->bytes, text->size) || fsync(fd) != 0)) {
        /* half a batch must not stay: its caller is told that nothing was erased */
        (void)!ftruncate(fd, size);
        s = UNAVAILABLE;
    }
    close(fd);
    /* the name too, when this call made it */
    if (s == OK && size == 0 && fsync(folder) != 0)
        s = UNAVAILABLE;
    return s;
}

enum status erasures_append(struct vault *v, const struct erasure *list, size_t n)
{
    struct buf text = {0};
    int folder;
    if (n == 0)
        return OK;
    for (size_t i = 0; i < n; i++) {
        struct hashed h = hash_name(v, &list[i].name);
        print_line(&text, list[i].key_day, &h);
    }
    enum status s = enter(v, true, &folder);
    if (s == OK) {
        s = append_text(folder, &text);
        close(folder);
    }
    buf_free(&text);
    return s;
}

/* Calls take for each whole line. INVALID for a whole line that is none. */
static enum status each_line(const struct buf *text, void (*take)(void *, const struct line *),
                             void *context)
{
    const char *at = (const char *)text->bytes, *end = at + text->size, *newline;
    for (; at && at < end && (newline = memchr(at, '\n', (size_t)(end - at))); at = newline + 1) {
        struct line line;
        if (parse_line(at, (size_t)(newline - at), &line) != OK)
            return INVALID;
        take(context, &line);
    }
    return OK;
}

static void take_hash(void *context, const struct line *line)
{
    buf_add(context, &line->hash, sizeof line->hash);
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct hashed));
}

static struct erasure_set *sorted_set(const struct buf *hashes)
{
    struct erasure_set *set = calloc(1, sizeof *set);
    CHECK_PEER(set);
    size_t n = hashes->size / sizeof(struct hashed);
    if (n == 0)
        return set;
    set->sorted = malloc(hashes->size);
    CHECK_PEER(set->sorted);
    memcpy(set->sorted, hashes->bytes, hashes->size);
    qsort(set->sorted, n, sizeof *set->sorted, compare);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || compare(&set->sorted[i], &set->sorted[i - 1]) != 0)
            set->sorted[set->n++] = set->sorted[i];
    return set;
}

enum status erasures_load(struct vault *v, struct erasure_set **out)
{
    struct buf text = {0}, hashes = {0};
    int folder;
    enum status s = enter(v, false, &folder);
    if (s != OK)
        return s;
    s = read_log(folder, &text);
    close(folder);
    if (s == OK)
        s = each_line(&text, take_hash, &hashes);
    if (s == OK)
        *out = sorted_set(&hashes);
    buf_free(&hashes);
    buf_free(&text);
    return s;
}

bool erasures_contains(const struct erasure_set *set, const struct vault *v,
                       const struct record_name *name)
{
    struct hashed h = hash_name(v, name);
    return set->n && bsearch(&h, set->sorted, set->n, sizeof h, compare);
}

size_t erasures_count(const struct erasure_set *set)
{
    return set->n;
}

void erasures_free(struct erasure_set *set)
{
    if (!set)
        return;
    free(set->sorted);
    free(set);
}

struct trimming {
    int32_t day;
    struct buf kept;
    bool dropped;
};

static void take_kept(void *context, const struct line *line)
{
    struct trimming *t = context;
    if (line->key_day >= t->day)
        print_line(&t->kept, line->key_day, &line->hash);
    else
        t->dropped = true;
}

enum status erasures_trim(struct vault *v, int32_t day)
{
    struct buf text = {0};
    struct trimming t = {.day = day};
    int folder;
    enum status s = enter(v, true, &folder);
    if (s != OK)
        return s;
    s = read_log(folder, &text);
    if (s == OK)
        s = each_line(&text, take_kept, &t);
    if (s == OK && t.dropped)
        s = folder_replace(folder, log_name, t.kept.bytes, t.kept.size);
    close(folder);
    buf_free(&t.kept);
    buf_free(&text);
    return s;
}
