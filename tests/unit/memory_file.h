/* SPDX-License-Identifier: MIT */
/* A file that is in no folder: nothing stays behind, however the test ends. */
#ifndef IDPHOTOD_TESTS_MEMORY_FILE_H
#define IDPHOTOD_TESTS_MEMORY_FILE_H

#include <stddef.h>

struct memory_file {
    int fd;
    char path[32]; /* of this process and of what it starts */
};

/* The test fails when there is no memory. Close with memory_file_close, which ends the file. */
struct memory_file memory_file(const void *bytes, size_t n);
void memory_file_close(const struct memory_file *f);

#endif
