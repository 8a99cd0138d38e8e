/* SPDX-License-Identifier: MIT */
/*
 * Callbacks: every fault that the sandbox can play, for both providers, and
 * forgeries of our own. What is refused changes nothing; a verified success
 * that does not fit is taken, recorded as an anomaly and never delivered.
 */
#include "common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prepared.h"
#include "shape.h"
#include "stack.h"

struct fault {
    const char *channel, *name;
    bool refused;        /* else acknowledged */
    const char *anomaly; /* its kind, NULL: none */
    bool final;          /* the ledger has this trade number now: no later callback is believed */
};

static const struct fault faults[] = {
    {"wechat", "wrong-signature", true, NULL, false},
    {"wechat", "probe", true, NULL, false},
    {"wechat", "old-timestamp", true, NULL, false},
    {"wechat", "future-timestamp", true, NULL, false},
    {"wechat", "unknown-serial", true, NULL, false},
    {"wechat", "wrong-api-key", true, NULL, false},
    {"wechat", "garbage-body", true, NULL, false},
    {"wechat", "duplicate-key", true, NULL, false},
    {"wechat", "unknown-event", true, NULL, false},
    {"wechat", "refund-notice", true, NULL, false},
    {"wechat", "closed", false, NULL, false},
    {"wechat", "wrong-amount", false, "amount", false},
    {"wechat", "wrong-appid", false, "application", false},
    {"wechat", "wrong-mchid", false, "merchant", false},
    {"wechat", "wrong-currency", false, "currency", false},
    {"alipay", "wrong-signature", true, NULL, false},
    {"alipay", "garbage-body", true, NULL, false},
    {"alipay", "duplicate-key", true, NULL, false},
    {"alipay", "unknown-event", true, NULL, false},
    {"alipay", "refund-notice", false, NULL, false},
    {"alipay", "closed", false, NULL, false},
    {"alipay", "wrong-amount", false, "amount", true},
    /* an application that is none of ours has no key that could verify it */
    {"alipay", "wrong-appid", true, NULL, false},
    {"alipay", "wrong-mchid", false, "merchant", false},
};

static const struct step buyer[] = {
    ACCOUNT("ava"),
    PHOTO("ava", "ava.photo"),
    END,
};

static const struct step begin[] = {
    {.label = "an order",
     .call = "POST /v1/orders",
     .as = "ava",
     .key = "order {{channel}} {{fault}}",
     .body = ELECTRONIC_BODY("ava.photo"),
     .status = 201,
     .keep = "ava.order=order_id"},
    END,
};
static const struct step begin_wechat[] = {
    {.label = "a WeChat payment",
     .call = "POST /v1/orders/{{ava.order}}/payments",
     .as = "ava",
     .key = "pay {{channel}} {{fault}}",
     .body = "{'channel': 'wechat', 'method': 'native'}",
     .status = 201,
     .keep = "ava.pay=payment_id ava.pay.no=out_trade_no"},
    END,
};
static const struct step begin_alipay[] = {
    {.label = "an Alipay payment",
     .call = "POST /v1/orders/{{ava.order}}/payments",
     .as = "ava",
     .key = "pay {{channel}} {{fault}}",
     .body = "{'channel': 'alipay', 'method': 'page'}",
     .status = 201,
     .keep = "ava.pay=payment_id ava.pay.no=out_trade_no ava.url=client.url"},
    {.label = "the cashier", .call = "GET {{ava.url}}", .status = 200},
    END,
};

#define OF_TRADE "out_trade_no = '{{ava.pay.no}}'"

static const struct step unchanged[] = {
    ORDER_STATE("ava", "ava.order", "unpaid"),
    {.label = "the payment waits",
     .call = "GET /v1/orders/{{ava.order}}/payments/{{ava.pay}}",
     .as = "ava",
     .status = 200,
     .shape = "{'state': 'pending', 'paid_at': null, '...': true}"},
    COUNT("nobody paid", "payer", OF_TRADE, "0"),
    {.label = "the anomaly",
     .sql = "SELECT coalesce(string_agg(DISTINCT kind, ' '), '') FROM anomaly WHERE " OF_TRADE,
     .rows = "{{anomaly}}"},
    END,
};

static const struct step genuine[] = {
    {.label = "the genuine callback is taken",
     .call = "POST sandbox:/sandbox/pay",
     .body = "{'out_trade_no': '{{ava.pay.no}}'}",
     .status = 200,
     .shape = "{'acknowledged': true, '...': true}",
     .keep = "ava.transaction=transaction_id"},
    ORDER_STATE("ava", "ava.order", "paid"),
    COUNT("one ledger row", "ledger_entry", "transaction_id = '{{ava.transaction}}'", "1"),
    COUNT("one payer", "payer", OF_TRADE, "1"),
    END,
};

/* Sent again, and the fault once more after the payment: nothing moves. */
static const struct step after[] = {
    {.label = "the genuine one again",
     .call = "POST sandbox:/sandbox/notify",
     .body = "{'out_trade_no': '{{ava.pay.no}}', 'fault': 'again'}",
     .status = 200,
     .shape = "{'acknowledged': true, '...': true}"},
    ORDER_STATE("ava", "ava.order", "paid"),
    COUNT("still one ledger row", "ledger_entry", "transaction_id = '{{ava.transaction}}'", "1"),
    COUNT("still one payer", "payer", OF_TRADE, "1"),
    {.label = "no new anomaly",
     .sql = "SELECT coalesce(string_agg(DISTINCT kind, ' '), '') FROM anomaly WHERE " OF_TRADE,
     .rows = "{{anomaly}}"},
    END,
};

static bool answer_fits(const struct fault *f, const json_t *line)
{
    int status = (int)json_integer_value(json_object_get(line, "status"));
    const char *body = json_string_value(json_object_get(line, "body"));
    bool taken = json_is_true(json_object_get(line, "acknowledged"));
    body = body ? body : "";
    if (taken == f->refused)
        return complain("%s: %d %s", taken ? "acknowledged" : "refused", status, body);
    if (!f->refused)
        return true;
    if (strcmp(f->channel, "alipay") == 0)
        return strcmp(body, "fail") == 0 || complain("the body is %s", body);
    return (status >= 400 && status < 600 && strstr(body, "\"FAIL\"")) ||
           complain("WeChat is told %d %s", status, body);
}

static bool send_fault(const struct fault *f)
{
    const struct step notify = {.call = "POST sandbox:/sandbox/notify",
                                .body = "{'out_trade_no': '{{ava.pay.no}}', 'fault': '{{fault}}'}"};
    struct answer a = step_send(&notify);
    bool good = a.status == 200 ? answer_fits(f, a.json)
                                : complain("the sandbox says %d %s", a.status, a.body);
    answer_free(&a);
    return good;
}

static bool fault_holds(const struct fault *f)
{
    keep_set("channel", f->channel);
    keep_set("fault", f->name);
    keep_set("anomaly", f->anomaly ? f->anomaly : "");
    return steps_run(begin) &&
           steps_run(strcmp(f->channel, "wechat") == 0 ? begin_wechat : begin_alipay) &&
           send_fault(f) && steps_run(unchanged) && send_fault(f) && steps_run(unchanged) &&
           (f->final ||
            (steps_run(genuine) && steps_run(after) && send_fault(f) && steps_run(after)));
}

static bool each_fault(const char *channel)
{
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        if (strcmp(faults[i].channel, channel) == 0 && !fault_holds(&faults[i])) {
            fprintf(stderr, "      at the fault %s of %s\n", faults[i].name, channel);
            return false;
        }
    return true;
}

static bool wechat_faults(void)
{
    return steps_run(buyer) && each_fault("wechat");
}

static bool alipay_faults(void)
{
    return each_fault("alipay");
}

/* ---- late, second, unknown, at an impossible time ---- */

static const struct step late[] = {
    ACCOUNT("bea"),
    PHOTO("bea", "bea.photo"),
    ORDER("bea", "bea.order", ELECTRONIC_BODY("bea.photo")),
    NATIVE("bea", "bea.order", "bea.pay"),
    {.label = "cancelled while the code is still on somebody's screen",
     .call = "POST /v1/orders/{{bea.order}}/cancel",
     .as = "bea",
     .status = 200},
    PAYS("bea.pay"),
    ORDER_STATE("bea", "bea.order", "closed"),
    {.label = "the file is not delivered",
     .call = "GET /v1/photos/{{bea.photo}}/file",
     .as = "bea",
     .status = 402,
     .problem = "unpaid"},
    COUNT("an anomaly", "anomaly", "out_trade_no = '{{bea.pay.no}}' AND kind = 'late'", "1"),
    COUNT("the money is in the ledger", "ledger_entry",
          "transaction_id = '{{bea.pay.transaction}}' AND amount_fen = 990", "1"),
    {.label = "again",
     .call = "POST sandbox:/sandbox/notify",
     .body = "{'out_trade_no': '{{bea.pay.no}}', 'fault': 'again'}",
     .status = 200,
     .shape = "{'acknowledged': true, '...': true}"},
    COUNT("one anomaly", "anomaly", "out_trade_no = '{{bea.pay.no}}'", "1"),
    COUNT("one ledger row", "ledger_entry", "transaction_id = '{{bea.pay.transaction}}'", "1"),
    END,
};

static const struct step second[] = {
    ACCOUNT("col"),
    CONSENT("col"),
    PHOTO("col", "col.photo"),
    ORDER("col", "col.order", MIXED_BODY("col.photo")),
    NATIVE("col", "col.order", "col.pay1"),
    PAGE("col", "col.order", "col.pay2"),
    PAYS("col.pay1"),
    {.label = "paid",
     .call = "GET /v1/orders/{{col.order}}",
     .as = "col",
     .status = 200,
     .shape = "{'state': 'paid', '...': true}",
     .keep = "col.paid=paid_at"},
    PAYS("col.pay2"),
    {.label = "paid once, at the first time",
     .call = "GET /v1/orders/{{col.order}}",
     .as = "col",
     .status = 200,
     .shape = "{'state': 'paid', 'paid_at': '{{col.paid}}', '...': true}"},
    COUNT("an anomaly", "anomaly", "out_trade_no = '{{col.pay2.no}}' AND kind = 'second'", "1"),
    COUNT("none for the first", "anomaly", "out_trade_no = '{{col.pay1.no}}'", "0"),
    COUNT("the money came twice", "ledger_entry",
          "out_trade_no IN ('{{col.pay1.no}}', '{{col.pay2.no}}') AND amount_fen = 3570", "2"),
    {.label = "again, both",
     .call = "POST sandbox:/sandbox/notify",
     .body = "{'out_trade_no': '{{col.pay1.no}}', 'fault': 'again'}",
     .status = 200},
    {.label = "and the other",
     .call = "POST sandbox:/sandbox/notify",
     .body = "{'out_trade_no': '{{col.pay2.no}}', 'fault': 'again'}",
     .status = 200},
    COUNT("still twice", "ledger_entry", "out_trade_no IN ('{{col.pay1.no}}', '{{col.pay2.no}}')",
          "2"),
    {.label = "both payers are kept for the audit",
     .call = "GET /admin/v1/payers?order={{col.order}}",
     .as = "admin",
     .headers = "X-Purpose: audit",
     .status = 200,
     .shape = "{'items': ['@any', '@any'], 'next_cursor': null}"},
    END,
};

static const struct step unknown[] = {
    ACCOUNT("dee"),
    PHOTO("dee", "dee.photo"),
    ORDER("dee", "dee.order", ELECTRONIC_BODY("dee.photo")),
    NATIVE("dee", "dee.order", "dee.pay"),
    {.label = "the order is deleted while its code is still on the screen",
     .call = "DELETE /v1/orders/{{dee.order}}",
     .as = "dee",
     .status = 204},
    PAYS("dee.pay"),
    COUNT("money without an order", "anomaly",
          "out_trade_no = '{{dee.pay.no}}' AND kind = 'unknown-trade'", "1"),
    COUNT("in the ledger", "ledger_entry", "transaction_id = '{{dee.pay.transaction}}'", "1"),
    {.label = "again",
     .call = "POST sandbox:/sandbox/notify",
     .body = "{'out_trade_no': '{{dee.pay.no}}', 'fault': 'again'}",
     .status = 200,
     .shape = "{'acknowledged': true, '...': true}"},
    COUNT("once", "anomaly", "out_trade_no = '{{dee.pay.no}}'", "1"),
    COUNT("once in the ledger", "ledger_entry", "transaction_id = '{{dee.pay.transaction}}'", "1"),
    END,
};

#define IMPOSSIBLE(name, at)                                                                       \
    ORDER("eli", name, ELECTRONIC_BODY("eli.photo")), NATIVE("eli", name, name ".pay"),            \
        {.label = "paid " at " from now, says the provider",                                       \
         .call = "POST sandbox:/sandbox/pay",                                                      \
         .body = "{'out_trade_no': '{{" name ".pay.no}}', 'at': '" at "'}",                        \
         .status = 200,                                                                            \
         .shape = "{'acknowledged': true, '...': true}"},                                          \
        COUNT("an anomaly", "anomaly",                                                             \
              "out_trade_no = '{{" name ".pay.no}}' AND kind = 'success-time'", "1"),              \
        COUNT("that time is no date of ours", "orders",                                            \
              "account_id = {{eli.account}} AND abs(extract(epoch FROM paid_at - now())) > 60",    \
              "0"),                                                                                \
        COUNT("one ledger row", "ledger_entry", "out_trade_no = '{{" name ".pay.no}}'", "1")

static const struct step impossible_times[] = {
    ACCOUNT("eli"),
    PHOTO("eli", "eli.photo"),
    IMPOSSIBLE("eli.past", "-2d"),
    IMPOSSIBLE("eli.future", "+2d"),
    END,
};

/* ---- forgeries ---- */

static const struct step prepare_wechat[] = {
    ACCOUNT("flo"),
    PHOTO("flo", "flo.photo"),
    ORDER("flo", "flo.order", ELECTRONIC_BODY("flo.photo")),
    NATIVE("flo", "flo.order", "flo.pay"),
    ORDER("flo", "flo.order2", ELECTRONIC_BODY("flo.photo")),
    PAGE("flo", "flo.order2", "flo.pay2"),
    END,
};

static bool is_refused(const char *url, const char *headers, const char *body, const char *what)
{
    const struct request r = {
        .method = "POST", .url = url, .headers = headers, .body = {body, strlen(body)}};
    struct answer a = http_send(&r);
    bool good = strstr(url, "/alipay") ? strcmp(a.body, "success") != 0 : a.status >= 400;
    if (!good || a.status == 0 || a.status >= 500)
        good = complain("%s: got %d %.100s", what, a.status, a.body);
    answer_free(&a);
    return good;
}

/* A wrong-amount callback is truly signed: whatever we break in it is our forgery. */
static bool forge_wechat(void)
{
    static const char *const needed[] = {"Wechatpay-Timestamp", "Wechatpay-Nonce",
                                         "Wechatpay-Signature", "Wechatpay-Serial"};
    struct answer a = callback_prepared("flo.pay.no", "wrong-amount");
    const char *url = json_string_value(json_object_get(a.json, "url"));
    const char *body = json_string_value(json_object_get(a.json, "body"));
    bool good = url && body;
    for (size_t i = 0; good && i < sizeof needed / sizeof *needed; i++) {
        char *lines = callback_headers(&a, needed[i]);
        good = is_refused(url, lines, body, needed[i]);
        free(lines);
    }
    char *lines = callback_headers(&a, NULL), *changed = good ? strdup(body) : NULL;
    char *digit = good ? strstr(changed, "EV-") + 3 : NULL;
    if (digit)
        *digit = *digit == '1' ? '2' : '1';
    good = good && is_refused(url, lines, changed, "one digit changed") &&
           is_refused(url, lines, "", "an empty body") && is_refused(url, lines, "{}", "{}") &&
           is_refused(url, lines, "<xml><return_code>SUCCESS</return_code></xml>", "XML") &&
           is_refused(url, "Content-Type: application/json", body, "no signature at all");
    free(changed);
    free(lines);
    answer_free(&a);
    return good;
}

static bool forge_alipay(void)
{
    struct answer a = callback_prepared("flo.pay2.no", "wrong-amount");
    const char *url = json_string_value(json_object_get(a.json, "url"));
    const char *body = json_string_value(json_object_get(a.json, "body"));
    const char *form = "Content-Type: application/x-www-form-urlencoded";
    char *changed = NULL, *downgraded = NULL;
    bool good = url && body && asprintf(&changed, "%s&extra=1", body) > 0;
    downgraded = good ? strdup(body) : NULL;
    char *rsa2 = good ? strstr(downgraded, "sign_type=RSA2") : NULL;
    if (rsa2)
        memmove(rsa2 + 13, rsa2 + 14, strlen(rsa2 + 13));
    good = good && is_refused(url, form, changed, "a member more") &&
           is_refused(url, form, downgraded, "sign_type=RSA") &&
           is_refused(url, form, "", "an empty body") &&
           is_refused(url, form, "trade_status=TRADE_SUCCESS", "no signature") &&
           is_refused(url, form, "sign=&sign_type=RSA2", "an empty signature") &&
           is_refused(url, "Content-Type: application/json", body, "called JSON");
    free(changed);
    free(downgraded);
    answer_free(&a);
    return good;
}

static const struct step still_unpaid[] = {
    ORDER_STATE("flo", "flo.order", "unpaid"),
    ORDER_STATE("flo", "flo.order2", "unpaid"),
    COUNT("no anomaly", "anomaly", "out_trade_no IN ('{{flo.pay.no}}', '{{flo.pay2.no}}')", "0"),
    COUNT("no ledger row", "ledger_entry", "out_trade_no IN ('{{flo.pay.no}}', '{{flo.pay2.no}}')",
          "0"),
    END,
};

static bool forgeries(void)
{
    return steps_run(prepare_wechat) && forge_wechat() && forge_alipay() && steps_run(still_unpaid);
}

/* ---- address ---- */

static const struct step addresses[] = {
    {.label = "callbacks are posted",
     .call = "GET /v1/notify/wechat",
     .status = 405,
     .problem = "method-not-allowed"},
    {.label = "a browser gets nothing there",
     .call = "GET /v1/notify/alipay",
     .status = 405,
     .problem = "method-not-allowed"},
    END,
};

const struct test callback_tests[] = {
    {"Every fault of WeChat is refused or set aside, and the genuine callback still counts", NULL,
     wechat_faults},
    {"Every fault of Alipay is refused or set aside, and the genuine callback still counts", NULL,
     alipay_faults},
    {"A payment of a cancelled order is taken, recorded and not delivered", late, NULL},
    {"A second payment by the other provider is taken, recorded and not counted", second, NULL},
    {"A payment of an order that was deleted is taken and recorded", unknown, NULL},
    {"A success time before the order or in the future is never used as a date", impossible_times,
     NULL},
    {"Forged and tampered callbacks change nothing", NULL, forgeries},
    {"Callback addresses take nothing but POST", addresses, NULL},
    {NULL, NULL, NULL},
};
