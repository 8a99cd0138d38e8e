/* SPDX-License-Identifier: MIT */
#include "pay/merchant_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct refusal {
    enum status status;
    const char *reason;
};

static struct refusal check_file(int fd, bool secret)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return (struct refusal){NOT_FOUND, "cannot be examined"};
    if (!S_ISREG(st.st_mode))
        return (struct refusal){INVALID, "is not a regular file"};
    if (secret && (st.st_mode & 07177) != 0)
        return (struct refusal){DENIED, "must have mode 0400 or 0600"};
    if (st.st_size == 0)
        return (struct refusal){INVALID, "is empty"};
    if (st.st_size > MERCHANT_FILE_MAX_BYTES)
        return (struct refusal){TOO_LARGE, "is too large for a key"};
    return (struct refusal){OK, NULL};
}

static struct refusal read_all(int fd, struct buf *content)
{
    /* Reserved at once, so that a secret is never copied while growing. */
    buf_reserve(content, MERCHANT_FILE_MAX_BYTES + 1);
    while (content->size <= MERCHANT_FILE_MAX_BYTES) {
        ssize_t n =
            read(fd, content->bytes + content->size, MERCHANT_FILE_MAX_BYTES + 1 - content->size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return (struct refusal){NOT_FOUND, "cannot be read"};
        if (n == 0) {
            content->bytes[content->size] = 0;
            return (struct refusal){OK, NULL};
        }
        content->size += (size_t)n;
    }
    return (struct refusal){TOO_LARGE, "is too large for a key"};
}

enum status merchant_file_read(const char *option, const char *path, bool secret,
                               struct buf *content, char *why, size_t why_size)
{
    if (!path) {
        snprintf(why, why_size, "%s: is not set", option);
        return NOT_FOUND;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        snprintf(why, why_size, "%s (%s): %s", option, path, strerror(errno));
        return NOT_FOUND;
    }
    struct refusal r = check_file(fd, secret);
    if (r.status == OK)
        r = read_all(fd, content);
    close(fd);
    if (r.status != OK) {
        buf_free(content);
        snprintf(why, why_size, "%s (%s): %s", option, path, r.reason);
    }
    return r.status;
}
