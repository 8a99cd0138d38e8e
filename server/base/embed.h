/* SPDX-License-Identifier: MIT */
/*
 * Files that are part of the program: migrations and the API description.
 * The build writes them into the binary (server/embed.sh). Any thread.
 */
#ifndef IDPHOTOD_BASE_EMBED_H
#define IDPHOTOD_BASE_EMBED_H

#include <stdint.h>

struct embedded {
    const char *path; /* "migrations/0001_main.sql" */
    const char *bytes;
    uint64_t size;
};

/* Sorted by path; ends with a row whose path is NULL. */
extern const struct embedded embedded_files[];

#endif
