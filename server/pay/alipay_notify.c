/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "pay/alipay_keys.h"
#include "pay/alipay_trade.h"

/* The fields that decide what a notify says. */
static const char *const DECISIVE[] = {"app_id",       "buyer_id",   "buyer_open_id", "gmt_payment",
                                       "gmt_refund",   "refund_fee", "out_trade_no",  "seller_id",
                                       "total_amount", "trade_no",   "trade_status"};

/* The signed text joins names and values without quoting, so "a=1&refund_fee=2" signed as two
 * fields also verifies as the one field a = "1&refund_fee=2". Nobody may hide a refund that way. */
static bool hides_a_field(const char *value)
{
    for (const char *amp = strchr(value, '&'); amp; amp = strchr(amp + 1, '&'))
        for (size_t i = 0; i < sizeof DECISIVE / sizeof *DECISIVE; i++) {
            size_t n = strlen(DECISIVE[i]);
            if (strncmp(amp + 1, DECISIVE[i], n) == 0 && amp[1 + n] == '=')
                return true;
        }
    return false;
}

static bool any_hides_a_field(const struct alipay_params *form)
{
    for (size_t i = 0; i < form->n; i++)
        if (hides_a_field(form->at[i].value))
            return true;
    return false;
}

static enum notify_refusal read_trade(const struct alipay_params *form, struct trade *trade)
{
    const struct alipay_trade_fields fields = {
        .trade_status = alipay_param_get(form, "trade_status"),
        .out_trade_no = alipay_param_get(form, "out_trade_no"),
        .trade_no = alipay_param_get(form, "trade_no"),
        .app_id = alipay_param_get(form, "app_id"),
        .seller_id = alipay_param_get(form, "seller_id"),
        .buyer_id = alipay_param_get(form, "buyer_id"),
        .buyer_open_id = alipay_param_get(form, "buyer_open_id"),
        .total_amount = alipay_param_get(form, "total_amount"),
        .paid_at = alipay_param_get(form, "gmt_payment"),
        .refund_fee = alipay_param_get(form, "refund_fee"),
        .gmt_refund = alipay_param_get(form, "gmt_refund"),
    };
    if (any_hides_a_field(form))
        return NOTIFY_FORMAT;
    return alipay_trade_read(&fields, trade);
}

/* Several entries may share an app_id while keys are being changed: the first that verifies. */
static enum notify_refusal find_app(struct alipay *const *apps, size_t n_apps,
                                    const struct alipay_params *form, struct arena *a,
                                    const struct alipay **found)
{
    const char *app_id = alipay_param_get(form, "app_id");
    enum notify_refusal refusal = NOTIFY_SERIAL;
    for (size_t i = 0; app_id && i < n_apps; i++) {
        if (strcmp(apps[i]->app_id, app_id) != 0)
            continue;
        refusal = alipay_verify_form(apps[i], form, a);
        if (refusal != NOTIFY_ACCEPTED)
            continue;
        *found = apps[i];
        break;
    }
    return refusal;
}

enum notify_refusal alipay_open_notify(struct alipay *const *apps, size_t n_apps, const void *body,
                                       size_t n, struct arena *a, struct trade *trade,
                                       const struct alipay **chosen)
{
    struct alipay_params form;
    const struct alipay *app = NULL;
    if (alipay_form_decode(body, n, a, &form) != OK)
        return NOTIFY_FORMAT;
    enum notify_refusal refusal = find_app(apps, n_apps, &form, a, &app);
    if (refusal == NOTIFY_ACCEPTED)
        refusal = read_trade(&form, trade);
    if (refusal == NOTIFY_ACCEPTED)
        *chosen = app;
    return refusal;
}
