/* SPDX-License-Identifier: MIT */
/* A text that says what sheet is wanted, a NUL, and five bytes for each kind of photo: no photo may
 * overlap another, leave the margins or change its size. */
#include <stdlib.h>
#include <string.h>

#include "../unit/sheet_sound.h"
#include "base/check.h"
#include "image/photo.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

enum { KIND_BYTES = 5, PAIRS_MAX = 100 /* cells of a sheet whose pairs are looked at */ };

static size_t read_kinds(const uint8_t *b, size_t n, struct sheet_kind *kinds)
{
    size_t count = 0;
    for (; n >= KIND_BYTES && count < SHEET_KINDS_MAX; n -= KIND_BYTES, b += KIND_BYTES)
        kinds[count++] = (struct sheet_kind){(int16_t)(b[0] << 8 | b[1]),
                                             (int16_t)(b[2] << 8 | b[3]), (int8_t)b[4]};
    return count;
}

static void check(const struct sheet_wanted *w, const struct sheet_kind *kinds,
                  const struct sheet_layout *l)
{
    CHECK(l->count >= 1 && l->count <= SHEET_CELLS_MAX);
    CHECK((int64_t)l->width_px * l->height_px <= PHOTO_AREA_MAX_PX);
    CHECK(!sheet_flaw(w, kinds, l, PAIRS_MAX));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static struct sheet_layout l;
    struct sheet_kind kinds[SHEET_KINDS_MAX];
    struct sheet_wanted w;
    size_t end = strnlen((const char *)bytes, n);
    char *text = calloc(1, end + 1);
    CHECK(text);
    memcpy(text, bytes, end);
    bool read = sheet_parse(text, &w) == OK;
    free(text);
    if (!read || end == n)
        return 0;
    size_t count = read_kinds(bytes + end + 1, n - end - 1, kinds);
    enum status s = sheet_arrange(&w, kinds, count, &l);
    CHECK(s == OK || s == INVALID);
    if (s == OK)
        check(&w, kinds, &l);
    return 0;
}
