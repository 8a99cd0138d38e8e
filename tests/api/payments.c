/* SPDX-License-Identifier: MIT */
/* Ways of paying, what the client is handed, and providers that answer badly. */
#include "common.h"

#include <stdio.h>
#include <string.h>

#include "shape.h"
#include "stack.h"

static const struct step ways[] = {
    ACCOUNT("max"),
    PHOTO("max", "max.photo"),
    ORDER("max", "max.one", ELECTRONIC_BODY("max.photo")),
    {.label = "WeChat, app: what its SDK takes",
     .call = "POST /v1/orders/{{max.one}}/payments",
     .as = "max",
     .key = "app",
     .body = "{'channel': 'wechat', 'method': 'app'}",
     .status = 201,
     .shape = "{'payment_id': '@id:pay_', 'out_trade_no': '@id:', 'amount_fen': 990, 'expires_at': "
              "'@time', 'client': {'appid': '@text', 'partnerid': '@digits', 'prepayid': '@text', "
              "'package': 'Sign=WXPay', 'noncestr': '@text', 'timestamp': '@digits', 'sign': "
              "'@text'}}",
     .keep = "max.pay=payment_id max.pay.no=out_trade_no"},
    PAYS("max.pay"),
    ORDER_STATE("max", "max.one", "paid"),
    ORDER("max", "max.two", ELECTRONIC_BODY("max.photo")),
    {.label = "Alipay, app: an order string",
     .call = "POST /v1/orders/{{max.two}}/payments",
     .as = "max",
     .key = "alipay app",
     .body = "{'channel': 'alipay', 'method': 'app'}",
     .status = 201,
     .shape = "{'payment_id': '@id:pay_', 'out_trade_no': '@id:', 'amount_fen': 990, 'expires_at': "
              "'@time', 'client': {'order_string': '@has:sign='}}",
     .keep = "max.pay=payment_id max.pay.no=out_trade_no max.string=client.order_string"},
    {.label = "the SDK opens the cashier with it",
     .call = "POST sandbox:/sandbox/alipay/app",
     .body = "{'order_string': '{{max.string}}'}",
     .status = 200,
     .shape = "{'total_amount': '9.90', '...': true}"},
    {.label = "a buyer who is known by an open id",
     .call = "POST sandbox:/sandbox/pay",
     .body = "{'out_trade_no': '{{max.pay.no}}', 'buyer_open_id': 'openidOfBuyer0123456789'}",
     .status = 200,
     .shape = "{'acknowledged': true, 'body': 'success', '...': true}"},
    ORDER_STATE("max", "max.two", "paid"),
    {.label = "the finance side sees the open id",
     .call = "GET /admin/v1/payers?order={{max.two}}",
     .as = "admin",
     .headers = "X-Purpose: audit",
     .status = 200,
     .shape = "{'items': [{'order_id': '{{max.two}}', 'channel': 'alipay', 'appid': '@digits', "
              "'buyer_open_id': 'openidOfBuyer0123456789', 'ip_order': '127.0.0.1', 'ip_payment': "
              "'127.0.0.1', 'ip_callback': '127.0.0.1'}], '...': true}"},
    ORDER("max", "max.three", ELECTRONIC_BODY("max.photo")),
    {.label = "Alipay, page: an address",
     .call = "POST /v1/orders/{{max.three}}/payments",
     .as = "max",
     .key = "page",
     .body = "{'channel': 'alipay', 'method': 'page'}",
     .status = 201,
     .shape = "{'payment_id': '@id:pay_', 'out_trade_no': '@id:', 'amount_fen': 990, 'expires_at': "
              "'@time', 'client': {'url': '@has:alipay.trade.page.pay'}}",
     .keep = "max.pay=payment_id max.pay.no=out_trade_no max.url=client.url"},
    {.label = "the browser goes there", .call = "GET {{max.url}}", .status = 200},
    PAYS("max.pay"),
    ORDER_STATE("max", "max.three", "paid"),
    ORDER("max", "max.four", ELECTRONIC_BODY("max.photo")),
    {.label = "JSAPI needs an account that is bound to WeChat",
     .call = "POST /v1/orders/{{max.four}}/payments",
     .as = "max",
     .key = "jsapi",
     .body = "{'channel': 'wechat', 'method': 'jsapi'}",
     .status = 409,
     .problem = "wechat-not-bound"},
    END,
};

/* What browsers are sent to, and where they come back. */
static const struct step browsers[] = {
    ACCOUNT("eve"),
    PHOTO("eve", "eve.photo"),
    ORDER("eve", "eve.one", ELECTRONIC_BODY("eve.photo")),
    {.label = "WeChat, h5: an address that leads back",
     .call = "POST /v1/orders/{{eve.one}}/payments",
     .as = "eve",
     .key = "h5",
     .body = "{'channel': 'wechat', 'method': 'h5'}",
     .status = 201,
     .shape = "{'client': {'h5_url': "
              "'@has:&redirect_url=https%3A%2F%2Fphotos.example.cn%2Fpaid'}, '...': true}",
     .keep = "eve.pay=payment_id eve.pay.no=out_trade_no"},
    PAYS("eve.pay"),
    ORDER_STATE("eve", "eve.one", "paid"),
    ORDER("eve", "eve.two", ELECTRONIC_BODY("eve.photo")),
    {.label = "Alipay, wap: an address that names the way back and the way out",
     .call = "POST /v1/orders/{{eve.two}}/payments",
     .as = "eve",
     .key = "wap",
     .body = "{'channel': 'alipay', 'method': 'wap'}",
     .status = 201,
     .shape = "{'client': {'url': '@has:&return_url=https%3A%2F%2Fphotos.example.cn%2Fpaid'}, "
              "'...': true}",
     .keep = "eve.pay=payment_id eve.pay.no=out_trade_no eve.url=client.url"},
    {.label = "the same call",
     .call = "POST /v1/orders/{{eve.two}}/payments",
     .as = "eve",
     .key = "wap",
     .body = "{'channel': 'alipay', 'method': 'wap'}",
     .status = 201,
     .shape = "{'client': {'url': '@has:quit_url%22%3A%22https'}, '...': true}"},
    {.label = "the browser goes there", .call = "GET {{eve.url}}", .status = 200},
    PAYS("eve.pay"),
    ORDER_STATE("eve", "eve.two", "paid"),
    ORDER("eve", "eve.three", ELECTRONIC_BODY("eve.photo")),
    {.label = "Alipay, qr: a code to scan",
     .call = "POST /v1/orders/{{eve.three}}/payments",
     .as = "eve",
     .key = "qr",
     .body = "{'channel': 'alipay', 'method': 'qr'}",
     .status = 201,
     .shape = "{'client': {'qr_code': '@text'}, '...': true}",
     .keep = "eve.pay=payment_id eve.pay.no=out_trade_no"},
    {.label = "somebody scans it",
     .call = "POST sandbox:/sandbox/alipay/scan",
     .body = "{'out_trade_no': '{{eve.pay.no}}'}",
     .status = 200},
    PAYS("eve.pay"),
    ORDER_STATE("eve", "eve.three", "paid"),
    END,
};

static const struct step take_over[] = {
    ACCOUNT("ned"),
    PHOTO("ned", "ned.photo"),
    ORDER("ned", "ned.order", ELECTRONIC_BODY("ned.photo")),
    NATIVE("ned", "ned.order", "ned.pay"),
    {.label = "the same way again, under another key: the same attempt",
     .call = "POST /v1/orders/{{ned.order}}/payments",
     .as = "ned",
     .key = "another key",
     .body = "{'channel': 'wechat', 'method': 'native'}",
     .status = 201,
     .shape = "{'payment_id': '{{ned.pay}}', 'out_trade_no': '{{ned.pay.no}}', '...': true}"},
    {.label = "another way is another attempt",
     .call = "POST /v1/orders/{{ned.order}}/payments",
     .as = "ned",
     .key = "another way",
     .body = "{'channel': 'wechat', 'method': 'app'}",
     .status = 201,
     .shape = "{'payment_id': '@not:{{ned.pay}}', 'out_trade_no': '@not:{{ned.pay.no}}', '...': "
              "true}"},
    COUNT("two attempts in all", "payment", "account_id = {{ned.account}}", "2"),
    END,
};

/* ---- a provider that answers badly ---- */

static const struct step buyer_of_bad_answers[] = {
    ACCOUNT("oli"),
    PHOTO("oli", "oli.photo"),
    END,
};

static const struct step bad_answer[] = {
    {.label = "an order",
     .call = "POST /v1/orders",
     .as = "oli",
     .key = "order {{fault}}",
     .body = ELECTRONIC_BODY("oli.photo"),
     .status = 201,
     .keep = "oli.order=order_id"},
    {.label = "the provider will answer badly",
     .call = "POST sandbox:/sandbox/answers",
     .body = "{'channel': 'wechat', 'fault': '{{fault}}', 'times': 1}",
     .status = 200},
    {.label = "that is no success",
     .call = "POST /v1/orders/{{oli.order}}/payments",
     .as = "oli",
     .key = "pay {{fault}}",
     .body = "{'channel': 'wechat', 'method': 'native'}",
     .status = 502,
     .problem = "provider-unavailable",
     .again = AGAIN_NEVER},
    COUNT("the attempt was written before the provider was asked", "payment",
          "account_id = {{oli.account}} AND state = 'pending'", "1"),
    COUNT("the refusal released the key", "idempotency",
          "account_id = {{oli.account}} AND http_status IS NULL", "0"),
    {.label = "the same key works when the provider does",
     .call = "POST /v1/orders/{{oli.order}}/payments",
     .as = "oli",
     .key = "pay {{fault}}",
     .body = "{'channel': 'wechat', 'method': 'native'}",
     .status = 201,
     .keep = "oli.pay=payment_id oli.pay.no=out_trade_no"},
    COUNT("and takes the attempt over", "payment",
          "account_id = {{oli.account}} AND state = 'pending'", "1"),
    PAYS("oli.pay"),
    ORDER_STATE("oli", "oli.order", "paid"),
    END,
};

static bool bad_answers(void)
{
    static const char *const faults[] = {"wrong-signature", "unsigned",   "probe",  "old-timestamp",
                                         "server-error",    "rate-limit", "garbage"};
    if (!steps_run(buyer_of_bad_answers))
        return false;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        keep_set("fault", faults[i]);
        if (!steps_run(bad_answer))
            return false;
    }
    return true;
}

/* The provider took the order, its answer was lost, and somebody pays. */
static const struct step early_callback[] = {
    ACCOUNT("pam"),
    PHOTO("pam", "pam.photo"),
    ORDER("pam", "pam.order", ELECTRONIC_BODY("pam.photo")),
    {.label = "an answer that does not verify",
     .call = "POST sandbox:/sandbox/answers",
     .body = "{'channel': 'wechat', 'fault': 'unsigned', 'times': 1}",
     .status = 200},
    {.label = "is not used",
     .call = "POST /v1/orders/{{pam.order}}/payments",
     .as = "pam",
     .key = "lost",
     .body = "{'channel': 'wechat', 'method': 'native'}",
     .status = 502,
     .problem = "provider-unavailable",
     .again = AGAIN_NEVER},
    {.label = "the order knows the attempt",
     .call = "GET /v1/orders/{{pam.order}}",
     .as = "pam",
     .status = 200,
     .shape = "{'payments': [{'payment_id': '@id:pay_', 'channel': 'wechat', 'state': 'pending'}], "
              "'...': true}",
     .keep = "pam.pay=payments.0.payment_id"},
    END,
};

static const struct step early_callback_paid[] = {
    PAYS("pam.pay"),
    ORDER_STATE("pam", "pam.order", "paid"),
    {.label = "the file is there",
     .call = "GET /v1/photos/{{pam.photo}}/file",
     .as = "pam",
     .status = 200},
    END,
};

static bool callback_before_answer(void)
{
    if (!steps_run(early_callback))
        return false;
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT out_trade_no FROM payment WHERE account_id = %s",
             keep_get("pam.account"));
    keep_set("pam.pay.no", db_value(sql));
    return steps_run(early_callback_paid);
}

const struct test payment_tests[] = {
    {"WeChat native and app, Alipay page and app are paid", ways, NULL},
    {"WeChat H5, Alipay wap and QR code are paid, and lead back", browsers, NULL},
    {"An attempt that is still good is handed out again", take_over, NULL},
    {"A provider's bad answer is no success, and the same key can be tried again", NULL,
     bad_answers},
    {"A callback that is faster than the provider's answer is believed", NULL,
     callback_before_answer},
    {NULL, NULL, NULL},
};
