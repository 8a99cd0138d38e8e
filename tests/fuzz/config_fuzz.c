/* SPDX-License-Identifier: MIT */
/* Any bytes as a configuration file: refused with a reason, or read, printed and read again. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#include "base/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Loads the descriptor's file; its folder, /proc/self/fd, has no conf.d. */
static enum status load(int fd, struct config **c)
{
    char path[64], why[256] = "";
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    enum status s = config_load(path, NULL, 0, c, why, sizeof why);
    CHECK(s == OK || (s == INVALID && strlen(why) > 0));
    return s;
}

/* Returns a descriptor of what config_print writes. */
static int print(const struct config *c)
{
    int fd = memfd_create("printed", MFD_CLOEXEC);
    FILE *out = fdopen(dup(fd), "w");
    CHECK_PEER(fd >= 0 && out != NULL);
    config_print(c, out);
    CHECK_PEER(fclose(out) == 0);
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct config *c = NULL, *again = NULL;
    int fd = memfd_create("input", MFD_CLOEXEC);
    CHECK_PEER(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    if (load(fd, &c) == OK) {
        int printed = print(c);
        CHECK(load(printed, &again) == OK);
        config_free(again);
        config_free(c);
        close(printed);
    }
    close(fd);
    return 0;
}
