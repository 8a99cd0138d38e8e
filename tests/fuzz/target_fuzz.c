/* SPDX-License-Identifier: MIT */
/* Request targets: path and query, percent-decoded. */
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "http/router.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct arena *a = arena_new();
    struct target target;
    enum status s = target_parse(a, arena_copy(a, bytes, size), &target);
    CHECK(s == OK || s == INVALID || s == TOO_LARGE || s == NOT_FOUND);
    arena_free(a);
    return 0;
}
