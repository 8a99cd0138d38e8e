/* SPDX-License-Identifier: MIT */
/* Form decoding: what was decoded and is encoded again decodes to the same. */
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "pay/alipay_form.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void assert_same_but_empty_values(const struct alipay_params *x,
                                         const struct alipay_params *y)
{
    size_t kept = 0;
    for (size_t i = 0; i < x->n; i++) {
        const char *value = alipay_param_get(y, x->at[i].name);
        if (*x->at[i].value == '\0')
            continue;
        kept++;
        CHECK(value != NULL && strcmp(value, x->at[i].value) == 0);
    }
    CHECK(kept == y->n);
}

/* The encoder escapes values alone: the names are ours. */
static bool names_are_plain(const struct alipay_params *params)
{
    for (size_t i = 0; i < params->n; i++)
        if (strpbrk(params->at[i].name, "%+") != NULL)
            return false;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct arena *a = arena_new();
    struct alipay_params decoded, again;
    enum status s = alipay_form_decode(bytes, size, a, &decoded);
    CHECK(s == OK || s == INVALID || s == TOO_LARGE);
    if (s == OK && names_are_plain(&decoded)) {
        CHECK(decoded.n > 0 && decoded.n <= ALIPAY_PARAMS_MAX);
        const char *text = alipay_params_encode(&decoded, a);
        s = alipay_form_decode(text, strlen(text), a, &again);
        if (s == OK)
            assert_same_but_empty_values(&decoded, &again);
    }
    arena_free(a);
    return 0;
}
