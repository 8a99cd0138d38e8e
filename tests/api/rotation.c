/* SPDX-License-Identifier: MIT */
/* Both providers change the keys that they sign with while we serve. */
#include "common.h"

#include <stdio.h>
#include <time.h>

#include "shape.h"
#include "stack.h"

#define SIGNS(channel, what, who)                                                                  \
    {                                                                                              \
        .label = channel ": " what " are signed by " who, .call = "POST sandbox:/sandbox/signing", \
        .body = "{'channel': '" channel "', '" what "': '" who "'}", .status = 200                 \
    }
#define LISTS(list)                                                                                \
    {                                                                                              \
        .label = "WeChat Pay lists " list, .call = "POST sandbox:/sandbox/certificates",           \
        .body = "{'available': true, 'listed': [" list "]}", .status = 200                         \
    }
#define RESTARTS                                                                                   \
    {                                                                                              \
        .label = "a restart", .control = "server_down; server_up"                                  \
    }
#define RELOADS                                                                                    \
    {                                                                                              \
        .label = "a reload", .control = "kill -HUP $SERVER_PID"                                    \
    }

/* The key comes by a thread of its own: until it is there the callback is refused, and the provider
 * repeats it. */
static bool until_acknowledged(const char *key)
{
    const struct timespec pause = {0, 100000000};
    keep_set("signer", key);
    for (int i = 0; i < 300; i++) {
        const struct step step = {.label = "a callback",
                                  .call = "POST sandbox:/sandbox/notify",
                                  .body = "{'out_trade_no': '{{bea.pay.no}}', 'fault': 'again', "
                                          "'key': '{{signer}}'}",
                                  .status = 200};
        struct answer a = step_send(&step);
        bool taken = json_is_true(json_object_get(a.json, "acknowledged"));
        answer_free(&a);
        if (taken)
            return true;
        nanosleep(&pause, NULL);
    }
    return complain("never acknowledged, signed by %s", key);
}

static bool certificate_comes(void)
{
    return until_acknowledged("certificate");
}

static bool second_comes(void)
{
    return until_acknowledged("second");
}

#define REFUSED(by)                                                                                \
    {                                                                                              \
        .label = "a callback signed by " by " is refused", .call = "POST sandbox:/sandbox/notify", \
        .body = "{'out_trade_no': '{{bea.pay.no}}', 'fault': 'again', 'key': '" by "'}",           \
        .status = 200, .shape = "{'acknowledged': false, '...': true}"                             \
    }

static const struct step wechat[] = {
    ACCOUNT("bea"),
    PHOTO("bea", "bea.photo"),
    ORDER("bea", "bea.order", ELECTRONIC_BODY("bea.photo")),
    NATIVE("bea", "bea.order", "bea.pay"),
    REFUSED("certificate"),
    ORDER_STATE("bea", "bea.order", "unpaid"),
    LISTS("'certificate'"),
    RESTARTS,
    {.label = "the certificate is downloaded at the start", .run = certificate_comes},
    ORDER_STATE("bea", "bea.order", "paid"),
    {.label = "the public key goes on beside it",
     .call = "POST sandbox:/sandbox/notify",
     .body = "{'out_trade_no': '{{bea.pay.no}}', 'fault': 'again', 'key': 'public-key'}",
     .status = 200,
     .shape = "{'acknowledged': true, '...': true}"},
    REFUSED("second"),
    LISTS("'certificate', 'second', 'expired'"),
    RELOADS,
    {.label = "a new certificate is taken", .run = second_comes},
    {.label = "the old one goes on",
     .call = "POST sandbox:/sandbox/notify",
     .body = "{'out_trade_no': '{{bea.pay.no}}', 'fault': 'again', 'key': 'certificate'}",
     .status = 200,
     .shape = "{'acknowledged': true, '...': true}"},
    REFUSED("expired"),
    COUNT("one payment, however often it was told", "ledger_entry",
          "out_trade_no = '{{bea.pay.no}}'", "1"),
    END,
};

static const struct step wechat_off[] = {
    {.label = "a new merchant has no certificates",
     .call = "POST sandbox:/sandbox/certificates",
     .body = "{'available': false}",
     .status = 200},
    RESTARTS,
    {.label = "and is served all the same", .call = "GET /readyz", .status = 200},
    REFUSED("second"),
    END,
};

/* ---- Alipay ---- */

static const struct step alipay[] = {
    {.label = "Alipay's certificate mode",
     .control = "server_down; cp \"$STACK/sandbox/idphotod-certificates.conf\" "
                "\"$STACK/conf.d/merchants.conf\"; server_up"},
    ACCOUNT("cal"),
    PHOTO("cal", "cal.photo"),
    ORDER("cal", "bea.order", ELECTRONIC_BODY("cal.photo")),
    PAGE("cal", "bea.order", "bea.pay"),
    {.label = "the certificate configured",
     .call = "POST sandbox:/sandbox/notify",
     .body = "{'out_trade_no': '{{bea.pay.no}}', 'fault': 'none', 'key': 'first'}",
     .status = 200,
     .shape = "{'acknowledged': true, '...': true}"},
    ORDER_STATE("cal", "bea.order", "paid"),
    {.label = "one that is not held is asked for, and its callback taken when it comes again",
     .run = second_comes},
    {.label = "the first one goes on",
     .call = "POST sandbox:/sandbox/notify",
     .body = "{'out_trade_no': '{{bea.pay.no}}', 'fault': 'again', 'key': 'first'}",
     .status = 200,
     .shape = "{'acknowledged': true, '...': true}"},
    REFUSED("foreign"),
    {.label = "the one that is not below the root was looked at, and stays out",
     .control = "for i in $(seq 100); do grep -q '\"certificates.failed\".*denied' "
                "\"$STACK/server.log\" && exit_code=0 && break; sleep 0.1; exit_code=1; done; "
                "[ $exit_code = 0 ]"},
    REFUSED("foreign"),
    SIGNS("alipay", "answers", "second"),
    ORDER("cal", "cal.qr", ELECTRONIC_BODY("cal.photo")),
    PAYMENT("cal", "cal.qr", "cal.qr.pay", "alipay", "qr", "qr_code"),
    SIGNS("alipay", "answers", "first"),
    {.label = "back to the public key",
     .control = "server_down; cp \"$STACK/sandbox/idphotod-merchants.conf\" "
                "\"$STACK/conf.d/merchants.conf\"; server_up"},
    END,
};

/* ---- several merchants ---- */

static const struct step retired[] = {
    ACCOUNT("dan"),
    PHOTO("dan", "dan.photo"),
    ORDER("dan", "dan.order", ELECTRONIC_BODY("dan.photo")),
    NATIVE("dan", "dan.order", "dan.pay"),
    {.label = "the merchant is retired",
     .control = "server_down; sed -i 's/^enabled = true/enabled = true\\naccept_new = false/' "
                "\"$STACK/conf.d/merchants.conf\"; server_up"},
    PAYS("dan.pay"),
    ORDER_STATE("dan", "dan.order", "paid"),
    ORDER("dan", "dan.next", ELECTRONIC_BODY("dan.photo")),
    {.label = "nothing new is begun under it",
     .call = "POST /v1/orders/{{dan.next}}/payments",
     .as = "dan",
     .key = "next",
     .body = "{'channel': 'wechat', 'method': 'native'}",
     .status = 422,
     .problem = "invalid-members",
     .shape = "{'errors': [{'pointer': '/method', 'code': 'not-offered', '...': true}], '...': "
              "true}"},
    {.label = "nor does anybody log in",
     .call = "POST /v1/sessions/wechat",
     .body = "{'js_code': 'x', 'policy_version': '{{policy}}'}",
     .status = 422,
     .problem = "invalid-members"},
    {.label = "in service again",
     .control = "server_down; cp \"$STACK/sandbox/idphotod-merchants.conf\" "
                "\"$STACK/conf.d/merchants.conf\"; server_up"},
    END,
};

const struct test rotation_tests[] = {
    {"WeChat Pay's platform certificates come, change and go beside the public key", wechat, NULL},
    {"A merchant without platform certificates starts and serves", wechat_off, NULL},
    {"Alipay's new certificate is downloaded, and one from elsewhere is not believed", alipay,
     NULL},
    {"A retired merchant's orders are paid, new ones are not begun", retired, NULL},
    {NULL, NULL, NULL},
};
