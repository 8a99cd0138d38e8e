/* SPDX-License-Identifier: MIT */
/*
 * What merchants complain of most with these two providers, and that it does not happen here: one
 * test for each complaint that needs a whole installation. The others are in
 * tests/unit/pitfalls_test.c.
 */
#include "common.h"

#define AGAIN(name)                                                                                \
    {                                                                                              \
        .label = "the callback of " name " again", .call = "POST sandbox:/sandbox/notify",         \
        .body = "{'out_trade_no': '{{" name ".no}}', 'fault': 'again'}", .status = 200,            \
        .shape = "{'acknowledged': true, '...': true}"                                             \
    }

static const struct step several_times[] = {
    ACCOUNT("pam"),
    PHOTO("pam", "pam.photo"),
    ORDER("pam", "pam.order", ELECTRONIC_BODY("pam.photo")),
    NATIVE("pam", "pam.order", "pam.pay"),
    PAYS("pam.pay"),
    {.label = "the time of the payment",
     .call = "GET /v1/orders/{{pam.order}}",
     .as = "pam",
     .status = 200,
     .shape = "{'state': 'paid', 'paid_at': '@time', '...': true}",
     .keep = "pam.paid=paid_at"},
    AGAIN("pam.pay"),
    AGAIN("pam.pay"),
    {.label = "is that of the payment",
     .call = "GET /v1/orders/{{pam.order}}",
     .as = "pam",
     .status = 200,
     .shape = "{'state': 'paid', 'paid_at': '{{pam.paid}}', '...': true}"},
    COUNT("one line of the ledger", "ledger_entry", "out_trade_no = '{{pam.pay.no}}'", "1"),
    COUNT("one payer", "payer", "out_trade_no = '{{pam.pay.no}}'", "1"),
    END,
};

static const struct step regress[] = {
    ACCOUNT("quin"),
    CONSENT("quin"),
    PHOTO("quin", "quin.photo"),
    ORDER("quin", "quin.order", PRINT_BODY("quin.photo")),
    NATIVE("quin", "quin.order", "quin.pay"),
    PAYS("quin.pay"),
    {.label = "shipped",
     .call = "POST /admin/v1/orders/{{quin.order}}/ship",
     .as = "admin",
     .headers = "X-Purpose: fulfilment",
     .body = "{'carrier': 'SF', 'tracking_no': 'SF1234567890'}",
     .status = 200},
    AGAIN("quin.pay"),
    ORDER_STATE("quin", "quin.order", "shipped"),
    {.label = "a notice of closing, late",
     .call = "POST sandbox:/sandbox/notify",
     .body = "{'out_trade_no': '{{quin.pay.no}}', 'fault': 'closed'}",
     .status = 200},
    ORDER_STATE("quin", "quin.order", "shipped"),
    {.label = "the attempt is paid still",
     .call = "GET /v1/orders/{{quin.order}}/payments/{{quin.pay}}",
     .as = "quin",
     .status = 200,
     .shape = "{'state': 'succeeded', 'paid_at': '@time', '...': true}"},
    END,
};

#define UNTOLD(name)                                                                               \
    {                                                                                              \
        .label = "somebody pays " name ", and its callback is lost",                               \
        .call = "POST sandbox:/sandbox/pay",                                                       \
        .body = "{'out_trade_no': '{{" name ".no}}', 'notify': false}", .status = 200              \
    }

static const struct step lost[] = {
    ACCOUNT("cas"),
    PHOTO("cas", "cas.photo"),
    ORDER("cas", "cas.looks", ELECTRONIC_BODY("cas.photo")),
    NATIVE("cas", "cas.looks", "cas.seen"),
    UNTOLD("cas.seen"),
    {.label = "the phone looks, and that asks the provider",
     .call = "GET /v1/orders/{{cas.looks}}/payments/{{cas.seen}}",
     .as = "cas",
     .status = 200,
     .shape = "{'state': 'succeeded', '...': true}"},
    ORDER_STATE("cas", "cas.looks", "paid"),
    ORDER("cas", "cas.away", ELECTRONIC_BODY("cas.photo")),
    PAGE("cas", "cas.away", "cas.unseen"),
    UNTOLD("cas.unseen"),
    {.label = "nobody looks, and five seconds are over",
     .control = "psql -qX \"$IDPHOTOD_TEST_SUPERUSER_URL\" -c \"UPDATE payment SET ask_at = "
                "created_at WHERE out_trade_no = '{{cas.unseen.no}}'\""},
    JOB("poll"),
    ORDER_STATE("cas", "cas.away", "paid"),
    COUNT("each is in the ledger once", "ledger_entry",
          "out_trade_no IN ('{{cas.seen.no}}', '{{cas.unseen.no}}')", "2"),
    END,
};

static const struct step number_twice[] = {
    ACCOUNT("rae"),
    PHOTO("rae", "rae.photo"),
    ORDER("rae", "rae.order", ELECTRONIC_BODY("rae.photo")),
    NATIVE("rae", "rae.order", "rae.native"),
    {.label = "another way to pay has another number",
     .call = "POST /v1/orders/{{rae.order}}/payments",
     .as = "rae",
     .key = "rae app",
     .body = "{'channel': 'wechat', 'method': 'app'}",
     .status = 201,
     .shape = "{'out_trade_no': '@not:{{rae.native.no}}', '...': true}",
     .keep = "rae.app.no=out_trade_no"},
    {.label = "the provider does not answer",
     .call = "POST sandbox:/sandbox/answers",
     .body = "{'channel': 'wechat', 'fault': 'server-error', 'times': 1}",
     .status = 200},
    {.label = "nothing is known",
     .call = "POST /v1/orders/{{rae.order}}/payments",
     .as = "rae",
     .key = "rae h5",
     .body = "{'channel': 'wechat', 'method': 'h5'}",
     .status = 502,
     .problem = "provider-unavailable",
     .again = AGAIN_NEVER},
    {.label = "the retry takes the number that was written down, and its body",
     .call = "POST /v1/orders/{{rae.order}}/payments",
     .as = "rae",
     .key = "rae h5",
     .body = "{'channel': 'wechat', 'method': 'h5'}",
     .status = 201,
     .keep = "rae.h5.no=out_trade_no"},
    COUNT("three attempts, three numbers", "payment", "account_id = {{rae.account}}", "3"),
    {.label = "the provider has heard of the third once",
     .call = "GET sandbox:/sandbox/trades/{{rae.h5.no}}",
     .status = 200,
     .shape = "{'out_trade_no': '{{rae.h5.no}}', '...': true}"},
    END,
};

static const struct step tampered[] = {
    ACCOUNT("sid"),
    PHOTO("sid", "sid.photo"),
    {.label = "no price of a client's is taken with an order",
     .call = "POST /v1/orders",
     .as = "sid",
     .key = "sid cheap",
     .body = "{'items': [" ELECTRONIC_ITEM("sid.photo") "], 'accepts_no_refund': true, "
                                                        "'amount_fen': 1}",
     .status = 422,
     .problem = "invalid-members"},
    ORDER("sid", "sid.order", ELECTRONIC_BODY("sid.photo")),
    {.label = "nor with a payment",
     .call = "POST /v1/orders/{{sid.order}}/payments",
     .as = "sid",
     .key = "sid pays less",
     .body = "{'channel': 'wechat', 'method': 'native', 'amount_fen': 1}",
     .status = 422,
     .problem = "invalid-members"},
    NATIVE("sid", "sid.order", "sid.pay"),
    {.label = "the provider was told our price",
     .call = "GET sandbox:/sandbox/trades/{{sid.pay.no}}",
     .status = 200,
     .shape = "{'amount_fen': 990, '...': true}"},
    {.label = "a fen too little came",
     .call = "POST sandbox:/sandbox/notify",
     .body = "{'out_trade_no': '{{sid.pay.no}}', 'fault': 'wrong-amount', 'amount_fen': 989}",
     .status = 200},
    ORDER_STATE("sid", "sid.order", "unpaid"),
    {.label = "the file is not delivered",
     .call = "GET /v1/photos/{{sid.photo}}/file",
     .as = "sid",
     .status = 402,
     .problem = "unpaid"},
    COUNT("somebody is told", "anomaly", "out_trade_no = '{{sid.pay.no}}' AND kind = 'amount'",
          "1"),
    END,
};

static const struct step not_scanned_yet[] = {
    ACCOUNT("tia"),
    PHOTO("tia", "tia.photo"),
    ORDER("tia", "tia.order", ELECTRONIC_BODY("tia.photo")),
    PAYMENT("tia", "tia.order", "tia.pay", "alipay", "qr", "qr_code"),
    {.label = "asked at once, before anybody has scanned it",
     .call = "GET /v1/orders/{{tia.order}}/payments/{{tia.pay}}",
     .as = "tia",
     .status = 200,
     .shape = "{'state': 'pending', '...': true}"},
    ORDER_STATE("tia", "tia.order", "unpaid"),
    {.label = "somebody scans it",
     .call = "POST sandbox:/sandbox/alipay/scan",
     .body = "{'out_trade_no': '{{tia.pay.no}}'}",
     .status = 200},
    PAYS("tia.pay"),
    ORDER_STATE("tia", "tia.order", "paid"),
    END,
};

/* Headers in lower case as HTTP/2 has them, the body in chunks: both are proxies' good right. */
#define SEND_AS_PROXY(drop)                                                                        \
    "curl -sS -H 'Content-Type: application/json' -d '{\"out_trade_no\": \"{{uma.pay.no}}\"}' "    \
    "\"$SANDBOX/sandbox/callback\" >\"$STACK/callback.json\" && jq -r '.headers | "                \
    "to_entries[] | select(.key | ascii_downcase != \"" drop "\") | (.key | ascii_downcase) + "    \
    "\": \" + .value' \"$STACK/callback.json\" >\"$STACK/callback.headers\" && jq -j .body "       \
    "\"$STACK/callback.json\" >\"$STACK/callback.body\" && curl -sS -o /dev/null -w "              \
    "'%{http_code}\\n' -X POST -H @\"$STACK/callback.headers\" -H 'Transfer-Encoding: chunked' "   \
    "--data-binary @\"$STACK/callback.body\" \"$API/v1/notify/wechat\""

static const struct step proxies[] = {
    ACCOUNT("uma"),
    PHOTO("uma", "uma.photo"),
    ORDER("uma", "uma.order", ELECTRONIC_BODY("uma.photo")),
    NATIVE("uma", "uma.order", "uma.pay"),
    {.label = "a proxy that strips a header",
     .control = SEND_AS_PROXY("wechatpay-serial") " | grep -x 401"},
    ORDER_STATE("uma", "uma.order", "unpaid"),
    {.label = "a proxy that writes header names small and the body in chunks",
     .control = SEND_AS_PROXY("-") " | grep -x 204"},
    ORDER_STATE("uma", "uma.order", "paid"),
    END,
};

static const struct step no_certificates[] = {
    {.label = "a merchant of today is offered no platform certificate",
     .call = "POST sandbox:/sandbox/certificates",
     .body = "{'available': false}",
     .status = 200},
    {.label = "the server starts all the same", .control = "server_down; server_up"},
    {.label = "and is ready", .call = "GET /readyz", .status = 200},
    ACCOUNT("bob"),
    PHOTO("bob", "bob.photo"),
    ORDER("bob", "bob.order", ELECTRONIC_BODY("bob.photo")),
    NATIVE("bob", "bob.order", "bob.pay"),
    PAYS("bob.pay"),
    ORDER_STATE("bob", "bob.order", "paid"),
    END,
};

#define PLANTED "oPitfall8uMuAJO_M2pxb1Q9zNjW"

static const struct step logs[] = {
    ACCOUNT("vic"),
    PHOTO("vic", "vic.photo"),
    ORDER("vic", "vic.order", ELECTRONIC_BODY("vic.photo")),
    NATIVE("vic", "vic.order", "vic.pay"),
    {.label = "a callback that is refused",
     .call = "POST sandbox:/sandbox/notify",
     .body = "{'out_trade_no': '{{vic.pay.no}}', 'fault': 'wrong-amount'}",
     .status = 200},
    {.label = "and one that is taken",
     .call = "POST sandbox:/sandbox/pay",
     .body = "{'out_trade_no': '{{vic.pay.no}}', 'openid': '" PLANTED "'}",
     .status = 200,
     .shape = "{'acknowledged': true, '...': true}"},
    {.label = "the log tells of both",
     .control =
         "grep -q payment.anomaly \"$SERVER_LOG\" && grep -q payment.settled \"$SERVER_LOG\""},
    {.label = "the payer is kept, as the finance side sees",
     .call = "GET /admin/v1/payers?order={{vic.order}}",
     .as = "admin",
     .headers = "X-Purpose: audit",
     .status = 200,
     .shape = "{'items': [{'openid': '" PLANTED "', '...': true}], '...': true}"},
    {.label = "but the log names neither payer nor key",
     .control =
         "! grep -e " PLANTED " -e 'PRIVATE KEY' -f \"$STACK/sandbox/api_v3_key\" \"$SERVER_LOG\""},
    END,
};

/* ---- money that has to go back ---- */

#define REFUNDS_TURN                                                                               \
    {.label = "whatever waits is due",                                                             \
     .control = "psql -qX \"$IDPHOTOD_TEST_SUPERUSER_URL\" -c \"UPDATE refund SET next_at = "      \
                "requested_at WHERE next_at IS NOT NULL\""},                                       \
    {                                                                                              \
        .label = "the refunds have their turn", .call = "POST /admin/v1/jobs/refund/run",          \
        .as = "admin", .body = "{}", .status = 200, .again = AGAIN_NEVER,                          \
        .shape = "{'outcome': 'ok', '...': true}"                                                  \
    }
/* The provider has heard of one refund of this payment, and moved money for it so many times. */
#define MONEY_BACK(name, times)                                                                    \
    {                                                                                              \
        .label = "money of " name " went back: " times,                                            \
        .control = "curl -sS \"$SANDBOX/sandbox/refunds\" | jq -e '[.refunds[] | "                 \
                   "select(.out_trade_no == \"{{" name                                             \
                   ".no}}\")] | length == 1 and .[0].moved == " times "'"                          \
    }
#define NEXT_REFUND(mode_, times_)                                                                 \
    {                                                                                              \
        .label = "the next refund goes: " mode_, .call = "POST sandbox:/sandbox/refunds",          \
        .body = "{'mode': '" mode_ "', 'times': " times_ "}", .status = 200                        \
    }
/* A payment that comes when the order is over. */
#define TOO_LATE(who, name)                                                                        \
    ORDER(who, name ".order", ELECTRONIC_BODY(who ".photo")), NATIVE(who, name ".order", name),    \
        {.label = name ".order is given up",                                                       \
         .call = "POST /v1/orders/{{" name ".order}}/cancel",                                      \
         .as = who,                                                                                \
         .body = "{}",                                                                             \
         .status = 200},                                                                           \
    {                                                                                              \
        .label = "and paid after that", .call = "POST sandbox:/sandbox/pay",                       \
        .body = "{'out_trade_no': '{{" name ".no}}'}", .status = 200,                              \
        .shape = "{'acknowledged': true, '...': true}"                                             \
    }

static const struct step both_channels[] = {
    ACCOUNT("wes"),
    PHOTO("wes", "wes.photo"),
    ORDER("wes", "wes.order", ELECTRONIC_BODY("wes.photo")),
    NATIVE("wes", "wes.order", "wes.wechat"),
    PAGE("wes", "wes.order", "wes.alipay"),
    PAYS("wes.wechat"),
    PAYS("wes.alipay"),
    ORDER_STATE("wes", "wes.order", "paid"),
    AGAIN("wes.alipay"),
    REFUNDS_TURN,
    MONEY_BACK("wes.alipay", "1"),
    COUNT("the first payment is kept", "refund", "out_trade_no = '{{wes.wechat.no}}'", "0"),
    ORDER_STATE("wes", "wes.order", "paid"),
    END,
};

static const struct step refund_retried[] = {
    ACCOUNT("xia"),
    PHOTO("xia", "xia.photo"),
    TOO_LATE("xia", "xia.pay"),
    NEXT_REFUND("lost", "1"),
    REFUNDS_TURN,
    COUNT("nothing is known", "refund", "out_trade_no = '{{xia.pay.no}}' AND state = 'requested'",
          "1"),
    REFUNDS_TURN,
    COUNT("found by asking", "refund", "out_trade_no = '{{xia.pay.no}}' AND state = 'done'", "1"),
    MONEY_BACK("xia.pay", "1"),
    REFUNDS_TURN,
    MONEY_BACK("xia.pay", "1"),
    COUNT("the ledger has it once", "ledger_entry",
          "out_trade_no = '{{xia.pay.no}}' AND kind = 'refund' AND amount_fen = 990", "1"),
    END,
};

static const struct step paid_when_over[] = {
    ACCOUNT("yan"),
    PHOTO("yan", "yan.photo"),
    TOO_LATE("yan", "yan.pay"),
    ORDER_STATE("yan", "yan.pay.order", "closed"),
    {.label = "nothing is delivered",
     .call = "GET /v1/photos/{{yan.photo}}/file",
     .as = "yan",
     .status = 402,
     .problem = "unpaid"},
    REFUNDS_TURN,
    MONEY_BACK("yan.pay", "1"),
    END,
};

static const struct step too_often[] = {
    ACCOUNT("zoe"),
    PHOTO("zoe", "zoe.photo"),
    TOO_LATE("zoe", "zoe.pay"),
    NEXT_REFUND("frequency", "2"),
    REFUNDS_TURN,
    REFUNDS_TURN,
    COUNT("it waits and is not given up", "refund",
          "out_trade_no = '{{zoe.pay.no}}' AND state = 'requested' AND next_at IS NOT NULL", "1"),
    REFUNDS_TURN,
    MONEY_BACK("zoe.pay", "1"),
    COUNT("under its one number", "refund", "out_trade_no = '{{zoe.pay.no}}'", "1"),
    END,
};

#define ALARMS                                                                                     \
    "$(grep -c '\"level\":\"error\",\"event\":\"refund.check-credentials\"' \"$SERVER_LOG\")"

static const struct step error_for_ever[] = {
    ACCOUNT("abe"),
    PHOTO("abe", "abe.photo"),
    TOO_LATE("abe", "abe.pay"),
    NEXT_REFUND("system-error", "3"),
    {.label = "alarms until now", .control = "alarms=" ALARMS "; true"},
    REFUNDS_TURN,
    REFUNDS_TURN,
    {.label = "no alarm at the second", .control = "[ " ALARMS " -eq $alarms ]"},
    REFUNDS_TURN,
    {.label = "one at the third", .control = "[ " ALARMS " -eq $((alarms + 1)) ]"},
    REFUNDS_TURN,
    MONEY_BACK("abe.pay", "1"),
    END,
};

const struct test pitfall_tests[] = {
    {"A callback that comes several times delivers once, and the time of payment stays",
     several_times, NULL},
    {"A late callback never takes an order back to an earlier state", regress, NULL},
    {"A lost callback is found, whether anybody looks or not", lost, NULL},
    {"A number is never used for two ways to pay, and a retry keeps its own", number_twice, NULL},
    {"The price is ours, whatever the client says or the payer sends", tampered, NULL},
    {"A code that nobody has scanned yet is pending, not failed", not_scanned_yet, NULL},
    {"A merchant without platform certificates starts, is paid and is told", no_certificates, NULL},
    {"A proxy may recase headers and cut the body, but not take a header away", proxies, NULL},
    {"A log shows neither payer nor key, of callbacks taken or refused", logs, NULL},
    {"An order paid at both providers takes both callbacks and gives one payment back",
     both_channels, NULL},
    {"A refund whose answer was lost is found under its number and never made twice",
     refund_retried, NULL},
    {"What is paid when the order is over goes back and delivers nothing", paid_when_over, NULL},
    {"A refund that is asked for too often is repeated unchanged until it is taken", too_often,
     NULL},
    {"A system error that does not go away is an alarm about credentials at the third time",
     error_for_ever, NULL},
    {NULL, NULL, NULL},
};
