/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "core/idphoto.h"

Test(core, the_built_in_cascades_load)
{
    char why[200] = "";
    struct idphoto_models none = {0};
    struct idphoto *i = idphoto_new(&none, why, sizeof why);
    cr_assert(i, "%s", why);
    idphoto_free(i);
}
