/* SPDX-License-Identifier: MIT */
/* What ends after thirty days, and after ninety. */
#include "expiry.h"

#include <stdio.h>
#include <unistd.h>

#include "shape.h"
#include "stack.h"

/* ---- thirty days ---- */

static const struct step day_29[] = {
    GET_AS("mix", "/v1/orders/{{mixed.order}}", 200),
    {.label = "the recipient can still be read",
     .call = "GET /admin/v1/orders/{{print.order}}",
     .as = "admin",
     .headers = "X-Purpose: fulfilment",
     .status = 200,
     .shape = "{'recipient': " RECIPIENT_SHAPE ", '...': true}"},
    {.label = "and who paid",
     .call = "GET /admin/v1/payers?order={{mixed.order}}",
     .as = "admin",
     .headers = "X-Purpose: audit",
     .status = 200,
     .shape = "{'items': ['@any'], '...': true}"},
    GONE("exp", "/v1/photos/{{twice}}/file"),
    JOB("purge"),
    COUNT("print copies are still there", "photo_copy",
          "purpose = 'print' AND account_id IN ({{exp.account}}, {{mix.account}})", "2"),
    NOTHING_OVERDUE,
    END,
};

bool expiry_day_29(void)
{
    return stack_clock_at(expiry_begun + 29 * DAY_S) && steps_run(day_29);
}

static const struct step month_over[] = {
    GONE("mix", "/v1/orders/{{mixed.order}}"),
    GONE("mix", "/v1/orders/{{mixed.order}}/payments/{{mixed.pay}}"),
    GONE("mix", "/v1/photos/{{mixed}}"),
    {.label = "the list is empty",
     .call = "GET /v1/orders",
     .as = "mix",
     .status = 200,
     .shape = "{'items': [], 'next_cursor': null}"},
    {.label = "it is not corrected",
     .call = "PATCH /v1/orders/{{mixed.order}}",
     .as = "mix",
     .body = "{'recipient': " RECIPIENT "}",
     .status = 404,
     .problem = "not-found"},
    {.label = "nor cancelled",
     .call = "POST /v1/orders/{{mixed.order}}/cancel",
     .as = "mix",
     .status = 404,
     .problem = "not-found"},
    {.label = "nor deleted",
     .call = "DELETE /v1/orders/{{mixed.order}}",
     .as = "mix",
     .status = 404,
     .problem = "not-found"},
    {.label = "the operator does not see it",
     .call = "GET /admin/v1/orders/{{mixed.order}}",
     .as = "admin",
     .headers = "X-Purpose: support",
     .status = 404,
     .problem = "not-found"},
    {.label = "nor who paid",
     .call = "GET /admin/v1/payers?order={{mixed.order}}",
     .as = "admin",
     .headers = "X-Purpose: audit",
     .status = 404,
     .problem = "not-found"},
    {.label = "nor delivers it",
     .call = "POST /admin/v1/orders/{{mixed.order}}/deliver",
     .as = "admin",
     .body = "{}",
     .status = 404,
     .problem = "not-found"},
    COUNT("its row is still there: nobody has purged", "orders", "account_id = {{mix.account}}",
          "1"),
    END,
};

bool expiry_month(void)
{
    return expiry_stops_at("GET /v1/orders/{{mixed.order}}", "mix", keep_get("mixed.order.ends")) &&
           steps_run(month_over);
}

/* With a purge every two seconds instead of every sixty, rows go by themselves. */
bool expiry_by_itself(void)
{
    static const struct step rows[] = {
        COUNT("the order is gone", "orders", "account_id = {{mix.account}}", "0"),
        COUNT("who paid is gone", "payer", "account_id = {{mix.account}}", "0"),
        COUNT("its payments", "payment", "account_id = {{mix.account}}", "0"),
        COUNT("its trade", "trade", "out_trade_no = '{{mixed.pay.no}}'", "0"),
        COUNT("its photo", "photo", "account_id = {{mix.account}}", "0"),
        COUNT("the money stays", "ledger_entry", "out_trade_no = '{{mixed.pay.no}}'", "1"),
        NOTHING_OVERDUE,
        END,
    };
    if (!stack_control("export IDPHOTOD_SCHEDULER_ENABLED=true "
                       "IDPHOTOD_RETENTION_PURGE_INTERVAL=2s; clock_to \"$OFFSET\""))
        return complain("the server does not come up");
    for (int i = 0; i < 40 && !steps_run(rows); i++)
        usleep(200000);
    return steps_run(rows);
}

static const struct step day_31[] = {
    JOB("purge"),
    JOB("partitions"),
    JOB("ratchet"),
    COUNT("no order of the first day", "orders", "created_at < '{{day.one}}'", "0"),
    COUNT("no photo", "photo", "created_at < '{{day.one}}'", "0"),
    COUNT("no copy", "photo_copy", "true", "0"),
    COUNT("no bytes", "photo_bytes", "true", "0"),
    COUNT("no payer", "payer", "expires_at < '{{day.one}}'::timestamptz + interval '30 days'", "0"),
    COUNT("no kept answer", "idempotency", "started_at < '{{day.one}}'", "0"),
    COUNT("the account that was never used again is gone", "account",
          "account_id = {{idle.account}}", "0"),
    {.label = "and cannot come back",
     .call = "GET /v1/account",
     .as = "idle",
     .status = 401,
     .problem = "unauthenticated"},
    {.label = "the one in use stays", .call = "GET /v1/account", .as = "exp", .status = 200},
    {.label = "no live row uses a day that the ratchet has left",
     .sql =
         "SELECT count(*) FROM (SELECT key_day FROM orders UNION ALL SELECT key_day FROM payment "
         "UNION ALL SELECT key_day FROM payer UNION ALL SELECT key_day FROM photo_copy UNION ALL "
         "SELECT key_day FROM account WHERE key_day IS NOT NULL) k WHERE key_day < (SELECT "
         "max(ratchet_day) FROM instance)",
     .rows = "0"},
    NOTHING_OVERDUE,
    END,
};

bool expiry_day_31(void)
{
    if (!stack_control("export IDPHOTOD_SCHEDULER_ENABLED=false; unset "
                       "IDPHOTOD_RETENTION_PURGE_INTERVAL") ||
        !stack_clock_at(expiry_begun + 31 * DAY_S))
        return complain("the clock does not go to day 31");
    char sql[80];
    snprintf(sql, sizeof sql, "SELECT to_timestamp(%.0f)", expiry_begun);
    keep_set("day.one", db_value(sql));
    return steps_run(day_31);
}

static const struct step last_order[] = {
    JOB("purge"),
    COUNT("an account lives for thirty days after its last order ended", "account",
          "account_id = {{once.account}}", "1"),
    END,
};
static const struct step last_order_over[] = {
    JOB("purge"),
    COUNT("and then it is gone", "account", "account_id = {{once.account}}", "0"),
    END,
};

bool expiry_last_order(void)
{
    return steps_run(last_order) && stack_clock_at(expiry_begun + 59 * DAY_S) &&
           steps_run(last_order) && stack_clock_at(expiry_begun + 61 * DAY_S) &&
           steps_run(last_order_over);
}

/* ---- ninety days: tokens ---- */

static const struct step operator_over[] = {
    {.label = "an operator's token is for ninety days",
     .call = "GET /admin/v1/retention",
     .as = "admin",
     .status = 401,
     .problem = "unauthenticated"},
    {.label = "a new one",
     .control =
         "IDPHOTOD_TESTING_CLOCK_OFFSET=$OFFSET \"$IDPHOTOD\" operator add boss-2 --role admin "
         "--config \"$CONFIG\""},
    END,
};

bool expiry_ninety_days(void)
{
    if (!stack_clock_at(expiry_begun + 91 * DAY_S) || !steps_run(operator_over))
        return false;
    keep_set("admin.token", keep_get("said"));
    return expiry_nothing_overdue();
}
