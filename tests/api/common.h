/* SPDX-License-Identifier: MIT */
/* Steps that many tests begin with, and what answers look like. WHO is a literal text. */
#ifndef API_COMMON_H
#define API_COMMON_H

#include "step.h"

extern const struct test life_tests[], photo_tests[], payment_tests[], callback_tests[],
    operator_tests[], refund_tests[], idempotency_tests[], bad_input_tests[], expiry_tests[],
    policy_tests[], outage_tests[], pitfall_tests[], wechat_login_tests[], rotation_tests[],
    poll_tests[], limit_tests[], bill_tests[], web_tests[], spec_tests[], make_tests[],
    photo_file_tests[];

#define END                                                                                        \
    {                                                                                              \
        .label = NULL                                                                              \
    }

#define PHOTO_SHAPE(state)                                                                         \
    "{'photo_id': '@id:pho_', 'state': '" state                                                    \
    "', 'spec': '@any', 'width_px': 295, 'height_px': 413, 'dpi': '@integer', 'bytes': "           \
    "'@integer', 'format': '@text', 'created_at': '@time', 'expires_at': '@time'}"

/* Stored with the full name of the province. */
#define RECIPIENT                                                                                  \
    "{'name': '王小明', 'phone': '13912345678', 'province': '浙江', 'city': '杭州市', "    \
    "'district': '西湖区', 'street': '文三路 90 号', 'postcode': '310012'}"
#define RECIPIENT_SHAPE                                                                            \
    "{'name': '王小明', 'phone': '13912345678', 'province': '浙江省', 'city': '杭州市', " \
    "'district': '西湖区', 'street': '文三路 90 号', 'postcode': '310012'}"

#define ACCOUNT(who)                                                                               \
    {                                                                                              \
        .label = "an account for " who, .call = "POST /v1/accounts",                               \
        .body = "{'policy_version': '{{policy}}'}", .status = 201,                                 \
        .shape = "{'account_id': '@digits', 'token': '@has:ipa_'}",                                \
        .keep = who ".account=account_id " who ".token=token"                                      \
    }

#define CONSENT(who)                                                                               \
    {                                                                                              \
        .label = who " agrees to the mailing", .call = "PUT /v1/consents/print-mailing",           \
        .as = who, .body = "{'policy_version': '{{policy}}'}", .status = 200,                      \
        .shape = "{'purpose': 'print-mailing', 'policy_version': '{{policy}}', 'granted_at': "     \
                 "'@time', 'withdrawn_at': null}"                                                  \
    }

#define FACES(who)                                                                                 \
    {                                                                                              \
        .label = who " agrees to faces on the server",                                             \
        .call = "PUT /v1/consents/server-face-processing", .as = who,                              \
        .body = "{'policy_version': '{{policy}}'}", .status = 200                                  \
    }

/* Kept under NAME. */
#define PHOTO(who, name)                                                                           \
    {                                                                                              \
        .label = who " uploads " name, .call = "POST /v1/photos?spec=cn-id&subject=self",          \
        .as = who, .key = "photo " name, .file = "jpeg", .status = 201,                            \
        .shape = PHOTO_SHAPE("draft"), .keep = name "=photo_id"                                    \
    }

#define ELECTRONIC_ITEM(photo)                                                                     \
    "{'product': 'electronic-standard', 'photo_id': '{{" photo "}}', 'quantity': 1}"
#define PRINT_ITEM(photo)                                                                          \
    "{'product': 'print-1inch-sheet', 'photo_id': '{{" photo "}}', 'quantity': 2}"

#define ELECTRONIC_BODY(photo) "{'items': [" ELECTRONIC_ITEM(photo) "], 'accepts_no_refund': true}"
#define PRINT_BODY(photo)      "{'items': [" PRINT_ITEM(photo) "], 'recipient': " RECIPIENT "}"
#define MIXED_BODY(photo)                                                                          \
    "{'items': [" ELECTRONIC_ITEM(photo) ", " PRINT_ITEM(                                          \
        photo) "], 'accepts_no_refund': true, 'recipient': " RECIPIENT "}"

/* BODY is one of those above; 990, 2580 and 3570 fen. */
#define ORDER(who, name, what)                                                                     \
    {                                                                                              \
        .label = who " orders " name, .call = "POST /v1/orders", .as = who, .key = "order " name,  \
        .body = what, .status = 201, .keep = name "=order_id " name ".expires=expires_at"          \
    }

/* Kept: NAME (payment_id), NAME.no, NAME.client... CLIENT is what of it to keep, such as code_url.
 */
#define PAYMENT(who, order, name, channel_, method_, client)                                       \
    {                                                                                              \
        .label = "a " channel_ " " method_ " payment of " order,                                   \
        .call = "POST /v1/orders/{{" order "}}/payments", .as = who, .key = "payment " name,       \
        .body = "{'channel': '" channel_ "', 'method': '" method_ "'}", .status = 201,             \
        .keep = name "=payment_id " name ".no=out_trade_no " name ".client=client." client         \
    }

#define NATIVE(who, order, name) PAYMENT(who, order, name, "wechat", "native", "code_url")
#define PAGE(who, order, name)                                                                     \
    PAYMENT(who, order, name, "alipay", "page", "url"),                                            \
    {                                                                                              \
        .label = "the browser opens Alipay's cashier", .call = "GET {{" name ".client}}",          \
        .status = 200                                                                              \
    }

/* The person pays, the provider calls back and is told that it was taken. */
#define PAYS(name)                                                                                 \
    {                                                                                              \
        .label = "somebody pays " name, .call = "POST sandbox:/sandbox/pay",                       \
        .body = "{'out_trade_no': '{{" name ".no}}'}", .status = 200,                              \
        .shape = "{'state': 'paid', 'acknowledged': true, '...': true}",                           \
        .keep = name ".transaction=transaction_id"                                                 \
    }

#define PROMOTED                                                                                   \
    {                                                                                              \
        .label = "what was paid is promoted", .call = "POST /admin/v1/jobs/promote/run",           \
        .as = "admin", .body = "{}", .status = 200,                                                \
        .shape = "{'job': 'promote', 'outcome': 'ok', 'rows': '@integer'}"                         \
    }

#define JOB(name)                                                                                  \
    {                                                                                              \
        .label = "the job " name, .call = "POST /admin/v1/jobs/" name "/run", .as = "admin",       \
        .body = "{}", .status = 200,                                                               \
        .shape = "{'job': '" name "', 'outcome': 'ok', 'rows': '@integer'}"                        \
    }

#define ORDER_STATE(who, order, state)                                                             \
    {                                                                                              \
        .label = order " is " state, .call = "GET /v1/orders/{{" order "}}", .as = who,            \
        .status = 200, .shape = "{'order_id': '{{" order "}}', 'state': '" state "', '...': true}" \
    }

#define COUNT(what, table, where, n)                                                               \
    {                                                                                              \
        .label = what, .sql = "SELECT count(*) FROM " table " WHERE " where, .rows = n             \
    }

#endif
