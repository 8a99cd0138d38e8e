/* SPDX-License-Identifier: MIT */
#include "memory_file.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

struct memory_file memory_file(const void *bytes, size_t n)
{
    struct memory_file f = {.fd = memfd_create("test", 0)};
    cr_assert(f.fd >= 0 && write(f.fd, bytes, n) == (ssize_t)n);
    snprintf(f.path, sizeof f.path, "/proc/self/fd/%d", f.fd);
    return f;
}

void memory_file_close(const struct memory_file *f)
{
    close(f->fd);
}
