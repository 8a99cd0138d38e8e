/* SPDX-License-Identifier: MIT */
/* The networks of the configuration: without any, and what stops the start. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "image/models.h"
#include "memory_file.h"

static char why[512];

Test(models, none_is_the_built_in_way)
{
    struct models *m = NULL;
    cr_assert(models_load(NULL, NULL, NULL, &m, why, sizeof why) == OK, "%s", why);
    struct idphoto *a = models_open(m), *b = models_open(m);
    cr_expect(a && b && a != b);
    idphoto_free(a);
    idphoto_free(b);
    models_free(m);
}

Test(models, a_file_that_is_not_there_or_empty_stops_the_start)
{
    struct models *m = NULL;
    const struct memory_file empty = memory_file("", 0);
    cr_expect(models_load("/nonexistent.onnx", NULL, NULL, &m, why, sizeof why) == INVALID);
    cr_expect(strstr(why, "/nonexistent.onnx"), "%s", why);
    cr_expect(models_load(NULL, NULL, empty.path, &m, why, sizeof why) == INVALID);
    cr_expect(strstr(why, "empty"), "%s", why);
    cr_expect_null(m);
    memory_file_close(&empty);
}
