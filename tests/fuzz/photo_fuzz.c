/* SPDX-License-Identifier: MIT */
/* Any bytes: what is taken must be within the limits, and cleaning it again must change nothing. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "image/photo.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    CHECK(image_start() == OK);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct photo_facts facts, again;
    struct buf out = {0}, twice = {0};
    if (photo_clean(bytes, n, &facts, &out) != OK)
        return 0;
    CHECK(facts.width_px > 0 && facts.width_px <= PHOTO_SIDE_MAX_PX);
    CHECK(facts.height_px > 0 && facts.height_px <= PHOTO_SIDE_MAX_PX);
    CHECK((int64_t)facts.width_px * facts.height_px <= PHOTO_AREA_MAX_PX);
    CHECK(photo_clean(out.bytes, out.size, &again, &twice) == OK);
    CHECK(memcmp(&facts, &again, sizeof facts) == 0);
    CHECK(out.size == twice.size && memcmp(out.bytes, twice.bytes, out.size) == 0);
    buf_free(&out);
    buf_free(&twice);
    return 0;
}
