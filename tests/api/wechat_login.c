/* SPDX-License-Identifier: MIT */
/* Logging in by WeChat, binding an account, paying by JSAPI, and what a bound account asks for. */
#include "common.h"

#include <stdio.h>

#include "shape.h"
#include "stack.h"

#define CODE(openid)                                                                               \
    {                                                                                              \
        .label = "wx.login gives a code", .call = "POST sandbox:/sandbox/login",                   \
        .body = "{'openid': '" openid "'}", .status = 200, .keep = "code=js_code"                  \
    }

#define LOGIN_BODY "{'js_code': '{{code}}', 'policy_version': '{{policy}}'}"

static const struct step logins[] = {
    CODE("openidOfUma"),
    {.label = "the first login opens an account",
     .call = "POST /v1/sessions/wechat",
     .body = LOGIN_BODY,
     .status = 201,
     .shape = "{'account_id': '@digits', 'token': '@has:ipa_', 'created': true}",
     .keep = "uma.account=account_id uma.token=token",
     .again = AGAIN_NEVER},
    {.label = "a code is good once",
     .call = "POST /v1/sessions/wechat",
     .body = LOGIN_BODY,
     .status = 401,
     .problem = "js-code-invalid"},
    {.label = "the account says that it is bound",
     .call = "GET /v1/account",
     .as = "uma",
     .status = 200,
     .shape = "{'account_id': '{{uma.account}}', 'wechat_bound': true, '...': true}"},
    CODE("openidOfUma"),
    {.label = "the next login finds it",
     .call = "POST /v1/sessions/wechat",
     .body = LOGIN_BODY,
     .status = 200,
     .shape = "{'account_id': '{{uma.account}}', 'token': '@not:{{uma.token}}', 'created': false}",
     .again = AGAIN_NEVER},
    {.label = "the first token goes on", .call = "GET /v1/account", .as = "uma", .status = 200},
    END,
};

static const struct step binding[] = {
    ACCOUNT("vic"),
    {.label = "not bound yet",
     .call = "GET /v1/account",
     .as = "vic",
     .status = 200,
     .shape = "{'wechat_bound': false, '...': true}"},
    CODE("openidOfVic"),
    {.label = "a login with a token binds its account",
     .call = "POST /v1/sessions/wechat",
     .as = "vic",
     .body = LOGIN_BODY,
     .status = 200,
     .shape = "{'account_id': '{{vic.account}}', 'token': '@has:ipa_', 'created': false}",
     .again = AGAIN_NEVER},
    CODE("openidOfVic"),
    {.label = "a login without one finds it",
     .call = "POST /v1/sessions/wechat",
     .body = LOGIN_BODY,
     .status = 200,
     .shape = "{'account_id': '{{vic.account}}', 'created': false, '...': true}",
     .again = AGAIN_NEVER},
    ACCOUNT("wes"),
    CODE("openidOfVic"),
    {.label = "a user has one account",
     .call = "POST /v1/sessions/wechat",
     .as = "wes",
     .body = LOGIN_BODY,
     .status = 409,
     .problem = "wechat-bound-otherwise",
     .again = AGAIN_NEVER},
    CODE("openidOfSomebodyElse"),
    {.label = "an account has one user",
     .call = "POST /v1/sessions/wechat",
     .as = "vic",
     .body = LOGIN_BODY,
     .status = 409,
     .problem = "wechat-bound-otherwise",
     .again = AGAIN_NEVER},
    CODE("openidOfSomebodyElse"),
    {.label = "a token that is none is refused, and uses no code up",
     .call = "POST /v1/sessions/wechat",
     .headers = "Authorization: Bearer ipa_00000000000000000000000000000000000000000000",
     .body = LOGIN_BODY,
     .status = 401,
     .problem = "unauthenticated"},
    {.label = "nor does an old policy",
     .call = "POST /v1/sessions/wechat",
     .body = "{'js_code': '{{code}}', 'policy_version': '2020-01-01'}",
     .status = 422,
     .problem = "policy-version-stale"},
    {.label = "so that it still opens an account",
     .call = "POST /v1/sessions/wechat",
     .body = LOGIN_BODY,
     .status = 201,
     .again = AGAIN_NEVER},
    {.label = "a code with a space in it is refused here",
     .call = "POST /v1/sessions/wechat",
     .body = "{'js_code': 'a b', 'policy_version': '{{policy}}'}",
     .status = 422,
     .problem = "invalid-members"},
    {.label = "one that would be another parameter is a wrong code and nothing more",
     .call = "POST /v1/sessions/wechat",
     .body = "{'js_code': 'x&appid=wx0000000000000000', 'policy_version': '{{policy}}'}",
     .status = 401,
     .problem = "js-code-invalid"},
    END,
};

static const struct step refused[] = {
    {.label = "WeChat will say {{errcode}}",
     .call = "POST sandbox:/sandbox/login",
     .body = "{'openid': 'openidOfXia', 'error': {{errcode}}}",
     .status = 200,
     .keep = "code=js_code"},
    {.label = "that is {{means}}",
     .call = "POST /v1/sessions/wechat",
     .body = LOGIN_BODY,
     .status = 0, /* by the table */
     .again = AGAIN_NEVER},
    COUNT("and no account", "wechat_binding", "true", "{{bound}}"),
    END,
};

static bool errors_of_wechat(void)
{
    static const struct {
        const char *errcode, *problem, *expect;
        int status;
    } table[] = {
        {"40029", "js-code-invalid", NULL, 401},
        {"40163", "js-code-invalid", NULL, 401},
        {"40226", "wechat-login-blocked", NULL, 403},
        {"-1", "provider-unavailable", "retry-after: 3", 502},
        {"45011", "provider-unavailable", "retry-after: 60", 502},
        {"40013", "provider-unavailable", "retry-after: 300", 502},
        {"40125", "provider-unavailable", "retry-after: 300", 502},
    };
    keep_set("bound", db_value("SELECT count(*) FROM wechat_binding"));
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct step steps[] = {refused[0], refused[1], refused[2], END};
        keep_set("errcode", table[i].errcode);
        keep_set("means", table[i].problem);
        steps[1].status = table[i].status;
        steps[1].problem = table[i].problem;
        steps[1].expect = table[i].expect;
        if (!steps_run(steps))
            return false;
    }
    return true;
}

static const struct step jsapi[] = {
    CODE("openidOfYao"),
    {.label = "Yao logs in",
     .call = "POST /v1/sessions/wechat",
     .body = LOGIN_BODY,
     .status = 201,
     .keep = "yao.account=account_id yao.token=token",
     .again = AGAIN_NEVER},
    PHOTO("yao", "yao.photo"),
    ORDER("yao", "yao.order", ELECTRONIC_BODY("yao.photo")),
    {.label = "WeChat, jsapi: what wx.requestPayment takes",
     .call = "POST /v1/orders/{{yao.order}}/payments",
     .as = "yao",
     .key = "jsapi",
     .body = "{'channel': 'wechat', 'method': 'jsapi'}",
     .status = 201,
     .shape = "{'payment_id': '@id:pay_', 'out_trade_no': '@id:', 'amount_fen': 990, 'expires_at': "
              "'@time', 'client': {'appId': '@text', 'timeStamp': '@digits', 'nonceStr': '@text', "
              "'package': '@has:prepay_id=', 'signType': 'RSA', 'paySign': '@text'}}",
     .keep = "yao.pay=payment_id yao.pay.no=out_trade_no"},
    PAYS("yao.pay"),
    ORDER_STATE("yao", "yao.order", "paid"),
    {.label = "the payer is the one who logged in",
     .call = "GET /admin/v1/payers?order={{yao.order}}",
     .as = "admin",
     .headers = "X-Purpose: audit",
     .status = 200,
     .shape = "{'items': [{'channel': 'wechat', 'openid': 'openidOfYao', '...': true}], '...': "
              "true}"},
    END,
};

/* The clock of server and database alike is not needed for that: the session is made older. */
static const struct step fresh[] = {
    CODE("openidOfZoe"),
    {.label = "Zoe logs in",
     .call = "POST /v1/sessions/wechat",
     .body = LOGIN_BODY,
     .status = 201,
     .keep = "zoe.account=account_id zoe.token=token",
     .again = AGAIN_NEVER},
    PHOTO("zoe", "zoe.photo"),
    PHOTO("zoe", "zoe.other"),
    {.label = "the login was 16 minutes ago",
     .sql = "WITH aged AS (UPDATE session SET created_at = created_at - interval '16 minutes'"
            " WHERE account_id = {{zoe.account}} RETURNING 1) SELECT count(*) FROM aged",
     .rows = "1"},
    {.label = "a photo is erased all the same",
     .call = "DELETE /v1/photos/{{zoe.photo}}",
     .as = "zoe",
     .status = 204},
    {.label = "force is not for an old login",
     .call = "DELETE /v1/photos/{{zoe.other}}?force=true",
     .as = "zoe",
     .status = 401,
     .problem = "reauthentication-required"},
    {.label = "nor is the end of the account",
     .call = "DELETE /v1/account",
     .as = "zoe",
     .status = 401,
     .problem = "reauthentication-required"},
    CODE("openidOfZoe"),
    {.label = "Zoe logs in again",
     .call = "POST /v1/sessions/wechat",
     .body = LOGIN_BODY,
     .status = 200,
     .keep = "zoe.token=token",
     .again = AGAIN_NEVER},
    {.label = "and ends the account",
     .call = "DELETE /v1/account",
     .as = "zoe",
     .status = 202,
     .again = 401},
    COUNT("with its binding", "wechat_binding", "account_id = {{zoe.account}}", "0"),
    CODE("openidOfZoe"),
    {.label = "the next login begins anew",
     .call = "POST /v1/sessions/wechat",
     .body = LOGIN_BODY,
     .status = 201,
     .shape = "{'account_id': '@not:{{zoe.account}}', 'created': true, '...': true}",
     .again = AGAIN_NEVER},
    END,
};

static const struct step unbound_stays_free[] = {
    ACCOUNT("abe"),
    {.label = "its only session is 16 minutes old",
     .sql = "WITH aged AS (UPDATE session SET created_at = created_at - interval '16 minutes'"
            " WHERE account_id = {{abe.account}} RETURNING 1) SELECT count(*) FROM aged",
     .rows = "1"},
    {.label = "an account that no login can prove is ended by its token",
     .call = "DELETE /v1/account",
     .as = "abe",
     .status = 202,
     .again = 401},
    END,
};

const struct test wechat_login_tests[] = {
    {"A WeChat user's first login opens an account, the next ones find it", logins, NULL},
    {"A login with a token binds that account, once on either side", binding, NULL},
    {"Each refusal of WeChat is told apart", NULL, errors_of_wechat},
    {"JSAPI is paid by the openid that the account is bound to", jsapi, NULL},
    {"A bound account is ended, and forced, after a fresh login alone", fresh, NULL},
    {"An account that is not bound is ended by any token of its own", unbound_stays_free, NULL},
    {NULL, NULL, NULL},
};
