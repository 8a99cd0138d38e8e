/* SPDX-License-Identifier: MIT */
/* Rate limits as they come: config/limits.json, over HTTP. The other groups run without. */
#include "common.h"

enum { MOST = 60 };

static const struct step switch_on[] = {
    ACCOUNT("lim"),
    PHOTO("lim", "lim.photo"),
    ORDER("lim", "lim.order", ELECTRONIC_BODY("lim.photo")),
    NATIVE("lim", "lim.order", "lim.pay"),
    {.label = "without limits nothing tells of them",
     .call = "GET /v1/account",
     .as = "lim",
     .status = 200,
     .expect = "!ratelimit"},
    {.label = "limits are switched on",
     .control =
         "server_down; sed 's/\"drafts\": 30/\"drafts\": 3/' \"$STACK_ROOT/config/limits.json\" "
         ">\"$STACK/limits.json\"; export IDPHOTOD_SERVER_RATE_LIMITS=default "
         "IDPHOTOD_LIMITS_FILE=\"$STACK/limits.json\"; server_up"},
    {.label = "an answer tells both limits, of the address and of the account",
     .call = "GET /v1/account",
     .as = "lim",
     .status = 200,
     .expect = "ratelimit-policy"},
    {.label = "and where they stand",
     .call = "GET /v1/account",
     .as = "lim",
     .status = 200,
     .expect = "ratelimit"},
    END,
};

/* Repeats the call until it is refused for coming too often; the first `least` must not be. */
static bool floods(const struct step *s, int least)
{
    for (int i = 0; i < MOST; i++) {
        struct answer a = step_send(s);
        bool limited = a.status == 429;
        bool good = !limited || is_problem(&a, 429, "rate-limited");
        answer_free(&a);
        if (!good || (limited && i < least))
            return complain("call %d: not the refusal that it should be", i + 1);
        if (limited)
            return true;
    }
    return complain("%d calls, and none was too many", MOST);
}

static const struct step too_many_payments = {
    .call = "POST /v1/orders/ord_0000000000000000000000/payments",
    .as = "lim",
    .key = "flood",
    .body = "{'channel': 'wechat', 'method': 'native'}"};

static const struct step too_many_accounts = {.call = "POST /v1/accounts", .body = "{}"};

static bool account_floods(void)
{
    return steps_run(switch_on) && floods(&too_many_payments, 10);
}

static const struct step others_go_on[] = {
    {.label = "who is refused is told when to come again",
     .call = "POST /v1/orders/ord_0000000000000000000000/payments",
     .as = "lim",
     .key = "flood",
     .body = "{'channel': 'wechat', 'method': 'native'}",
     .status = 429,
     .problem = "rate-limited",
     .expect = "retry-after"},
    {.label = "other calls of the account go on",
     .call = "GET /v1/orders/{{lim.order}}",
     .as = "lim",
     .status = 200},
    ACCOUNT("lin"),
    {.label = "another account at the same address is not refused",
     .call = "POST /v1/orders/ord_0000000000000000000000/payments",
     .as = "lin",
     .key = "none",
     .body = "{'channel': 'wechat', 'method': 'native'}",
     .status = 404,
     .problem = "not-found"},
    END,
};

static bool address_floods(void)
{
    return floods(&too_many_accounts, 10);
}

static const struct step quota[] = {
    ACCOUNT("quo"),
    PHOTO("quo", "quo.one"),
    PHOTO("quo", "quo.two"),
    PHOTO("quo", "quo.three"),
    {.label = "one draft too many",
     .call = "POST /v1/photos",
     .as = "quo",
     .key = "four",
     .file = "jpeg",
     .status = 429,
     .problem = "rate-limited",
     .shape = "{'quota': {'name': 'drafts', 'most': 3}, '...': true}",
     .expect = "retry-after"},
    {.label = "another goes", .call = "DELETE /v1/photos/{{quo.one}}", .as = "quo", .status = 204},
    {.label = "and there is room again, under the same key",
     .call = "POST /v1/photos",
     .as = "quo",
     .key = "four",
     .file = "jpeg",
     .status = 201},
    END,
};

static const struct step exempt[] = {
    {.label = "an operator is not limited",
     .call = "GET /admin/v1/jobs",
     .as = "admin",
     .status = 200,
     .expect = "!ratelimit"},
    PAYS("lim.pay"),
    ORDER_STATE("lim", "lim.order", "paid"),
    {.label = "limits are switched off again",
     .control = "server_down; unset IDPHOTOD_LIMITS_FILE; export IDPHOTOD_SERVER_RATE_LIMITS=off; "
                "server_up"},
    END,
};

const struct test limit_tests[] = {
    {"An account that pays too often is refused", NULL, account_floods},
    {"A refusal says when to come again, and is nobody else's", others_go_on, NULL},
    {"An account keeps no more drafts than it may", quota, NULL},
    {"An address that opens too many accounts is refused", NULL, address_floods},
    {"Callbacks and operators are not limited", exempt, NULL},
    {NULL, NULL, NULL},
};
