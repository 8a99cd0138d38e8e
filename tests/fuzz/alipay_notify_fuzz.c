/* SPDX-License-Identifier: MIT */
/* Alipay notifies: a form without a "sign" is signed rightly, so that what lies behind the
 * signature is reached; one with a "sign" is taken as it is. */
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "pay/alipay_form.h"
#include "provider_keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static struct alipay *app;

/* Returns the form with sign_type and sign behind it, *n long; NULL when it is no form or has a
 * sign. */
static const char *signed_form(const uint8_t *bytes, size_t *n, struct arena *a)
{
    static const char *const except[] = {"sign", "sign_type", NULL};
    struct alipay_params params;
    if (alipay_form_decode(bytes, *n, a, &params) != OK || alipay_param_get(&params, "sign"))
        return NULL;
    const char *text = alipay_params_join(&params, ALIPAY_EMPTY_DROPPED, except, a);
    const struct span part = {text, strlen(text)};
    const char *tail = arena_printf(a, "%s&sign=%s",
                                    alipay_param_get(&params, "sign_type") ? "" : "&sign_type=RSA2",
                                    alipay_escape(fuzz_provider_sign(&part, 1, a), a));
    char *body = arena_alloc(a, *n + strlen(tail) + 1);
    memcpy(body, bytes, *n);
    memcpy(body + *n, tail, strlen(tail) + 1);
    *n += strlen(tail);
    return body;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (app == NULL)
        app = fuzz_alipay();
    struct alipay *const apps[] = {app};
    struct arena *a = arena_new();
    struct trade trade = {0};
    const struct alipay *chosen = NULL;
    const char *body = signed_form(bytes, &size, a);
    enum notify_refusal refusal =
        alipay_open_notify(apps, 1, body ? (const void *)body : bytes, size, a, &trade, &chosen);
    CHECK(notify_refusal_name(refusal) != NULL);
    if (refusal == NOTIFY_ACCEPTED) {
        CHECK(chosen == app && strcmp(trade.appid, FUZZ_APP_ID) == 0);
        CHECK(trade.out_trade_no != NULL && *trade.out_trade_no != '\0');
    }
    arena_free(a);
    return 0;
}
