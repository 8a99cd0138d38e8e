/* SPDX-License-Identifier: MIT */
#include "reference.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

const char *reference_folder(const char *variable)
{
    const char *folder = getenv(variable);
    if (folder && *folder)
        return folder;
    fprintf(stderr, "SKIPPED: %s is not set, what is there was not tried\n", variable);
    return NULL;
}

struct buf reference_file(const char *folder, const char *name)
{
    char path[1024];
    struct buf b = {0};
    char chunk[65536];
    size_t n;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "re");
    cr_assert(f, "%s cannot be read", path);
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
        buf_add(&b, chunk, n);
    fclose(f);
    return b;
}
