/* SPDX-License-Identifier: MIT */
/*
 * What ends when: half an hour, an hour, a day, seven days; expiry_month.c has
 * thirty days and ninety. The scheduler is off, so that whatever stops at an
 * instant stops by itself; the clock goes forward only.
 */
#include "expiry.h"

#include <unistd.h>

#include "shape.h"
#include "stack.h"

double expiry_begun;

/* ---- helpers ---- */

bool expiry_nothing_overdue(void)
{
    const struct step s = {.call = "GET /admin/v1/retention", .as = "admin"};
    struct answer a = step_send(&s);
    size_t i;
    json_t *class;
    bool good = a.status == 200 || complain("retention says %d", a.status);
    json_array_foreach(json_object_get(a.json, "classes"), i, class)
    {
        if (json_integer_value(json_object_get(class, "overdue_rows")) != 0)
            good = complain("overdue: %s", json_string_value(json_object_get(class, "class")));
    }
    good = good && (i >= 5 || complain("%zu classes", i));
    answer_free(&a);
    return good;
}

bool expiry_stops_at(const char *call, const char *as, const char *instant_text)
{
    double instant = time_of(instant_text);
    bool seen_before = false;
    const struct step s = {.call = call, .as = as};
    if (!instant || !stack_clock_at(instant - 3))
        return complain("the clock does not go to %s", instant_text);
    for (;;) {
        double asked = stack_now();
        struct answer a = step_send(&s);
        double answered = stack_now();
        int status = a.status;
        answer_free(&a);
        if (answered < instant && status != 200)
            return complain("%s: %d at %.1f s before its end", call, status, instant - answered);
        if (asked >= instant + 1) /* the instant is known to the second */
            return seen_before ? status == 404 || complain("%s: %d after its end", call, status)
                               : complain("the server came too late to see it before");
        seen_before = seen_before || answered < instant;
        usleep(100000);
    }
}

/* ---- the first day ---- */

#define SILENT_PAYMENT(name)                                                                       \
    {                                                                                              \
        .label = "somebody pays " name ", and no callback comes",                                  \
        .call = "POST sandbox:/sandbox/pay",                                                       \
        .body = "{'out_trade_no': '{{" name ".no}}', 'notify': false}", .status = 200,             \
        .shape = "{'state': 'paid', '...': true}"                                                  \
    }

static const struct step first_day[] = {
    ACCOUNT("exp"),
    ACCOUNT("idle"),
    ACCOUNT("fresh"),
    ACCOUNT("lazy"),
    ACCOUNT("once"),
    ACCOUNT("mix"),
    CONSENT("exp"),
    CONSENT("mix"),
    PHOTO("fresh", "draft"),
    PHOTO("lazy", "open"),
    PHOTO("exp", "pending"),
    PHOTO("exp", "silent"),
    PHOTO("exp", "unopened"),
    PHOTO("exp", "electronic"),
    PHOTO("exp", "print"),
    PHOTO("exp", "twice"),
    PHOTO("exp", "odd"),
    PHOTO("mix", "mixed"),
    PHOTO("once", "photo.once"),
    ORDER("lazy", "open.order", ELECTRONIC_BODY("open")),
    ORDER("exp", "pending.order", ELECTRONIC_BODY("pending")),
    ORDER("exp", "silent.order", ELECTRONIC_BODY("silent")),
    ORDER("exp", "unopened.order", ELECTRONIC_BODY("unopened")),
    ORDER("exp", "electronic.order", ELECTRONIC_BODY("electronic")),
    ORDER("exp", "print.order", PRINT_BODY("print")),
    ORDER("exp", "twice.order", ELECTRONIC_BODY("twice")),
    ORDER("exp", "odd.order", ELECTRONIC_BODY("odd")),
    ORDER("mix", "mixed.order", MIXED_BODY("mixed")),
    ORDER("once", "once.order", ELECTRONIC_BODY("photo.once")),
    NATIVE("exp", "pending.order", "pending.pay"),
    NATIVE("exp", "silent.order", "silent.pay"),
    PAYMENT("exp", "unopened.order", "unopened.pay", "alipay", "page", "url"),
    NATIVE("exp", "electronic.order", "electronic.pay"),
    NATIVE("exp", "print.order", "print.pay"),
    NATIVE("exp", "twice.order", "twice.pay"),
    PAGE("exp", "odd.order", "odd.pay"),
    PAGE("mix", "mixed.order", "mixed.pay"),
    NATIVE("once", "once.order", "once.pay"),
    PAYS("electronic.pay"),
    PAYS("print.pay"),
    PAYS("twice.pay"),
    PAYS("mixed.pay"),
    PAYS("once.pay"),
    SILENT_PAYMENT("silent.pay"),
    {.label = "a success that says another amount",
     .call = "POST sandbox:/sandbox/notify",
     .body = "{'out_trade_no': '{{odd.pay.no}}', 'fault': 'wrong-amount'}",
     .status = 200},
    SILENT_PAYMENT("odd.pay"),
    JOB("promote"),
    {.label = "when the draft ends",
     .call = "GET /v1/photos/{{draft}}",
     .as = "fresh",
     .status = 200,
     .keep = "draft.ends=expires_at"},
    {.label = "when the file ends",
     .call = "GET /v1/photos/{{electronic}}",
     .as = "exp",
     .status = 200,
     .keep = "electronic.ends=expires_at"},
    {.label = "when the mixed order's file ends",
     .call = "GET /v1/photos/{{mixed}}",
     .as = "mix",
     .status = 200,
     .keep = "mixed.ends=expires_at"},
    {.label = "when the open order ends",
     .call = "GET /v1/orders/{{open.order}}",
     .as = "lazy",
     .status = 200,
     .keep = "open.ends=expires_at open.created=created_at"},
    {.label = "when the mixed order ends",
     .call = "GET /v1/orders/{{mixed.order}}",
     .as = "mix",
     .status = 200,
     .keep = "mixed.order.ends=expires_at mixed.paid=paid_at"},
    {.label =
         "a draft is for an hour, an open order for a day, a file for seven days, an order for "
         "thirty",
     .sql = "SELECT (SELECT '{{draft.ends}}'::timestamptz - date_trunc('second', created_at) FROM "
            "photo WHERE account_id = {{fresh.account}}) || ' ' || "
            "('{{open.ends}}'::timestamptz - '{{open.created}}'::timestamptz) || ' ' || "
            "('{{mixed.ends}}'::timestamptz - '{{mixed.paid}}'::timestamptz) || ' ' || "
            "('{{mixed.order.ends}}'::timestamptz - '{{mixed.paid}}'::timestamptz)",
     .rows = "01:00:00 1 day 7 days 30 days"},
    NOTHING_OVERDUE,
    END,
};

static bool prepare(void)
{
    bool good = steps_run(first_day);
    expiry_begun = stack_now();
    return good;
}

/* ---- half an hour: what the provider was never heard of again ---- */

static const struct step asked[] = {
    ORDER_STATE("exp", "pending.order", "unpaid"),
    ORDER_STATE("exp", "silent.order", "unpaid"),
    JOB("poll"),
    {.label = "nobody paid: closed",
     .call = "GET /v1/orders/{{pending.order}}/payments/{{pending.pay}}",
     .as = "exp",
     .status = 200,
     .shape = "{'state': 'closed', '...': true}"},
    {.label = "closed at the provider too",
     .call = "GET sandbox:/sandbox/trades/{{pending.pay.no}}",
     .status = 200,
     .shape = "{'state': 'closed', '...': true}"},
    {.label = "nobody opened the cashier: closed",
     .call = "GET /v1/orders/{{unopened.order}}/payments/{{unopened.pay}}",
     .as = "exp",
     .status = 200,
     .shape = "{'state': 'closed', '...': true}"},
    {.label = "paid, and the callback was lost: found",
     .call = "GET /v1/orders/{{silent.order}}/payments/{{silent.pay}}",
     .as = "exp",
     .status = 200,
     .shape = "{'state': 'succeeded', 'paid_at': '@time', '...': true}"},
    ORDER_STATE("exp", "silent.order", "paid"),
    COUNT("once in the ledger", "ledger_entry", "out_trade_no = '{{silent.pay.no}}'", "1"),
    GET_AS("exp", "/v1/photos/{{silent}}/file", 200),
    COUNT("a success that does not fit does not stay pending for ever", "payment",
          "out_trade_no = '{{odd.pay.no}}' AND state = 'pending'", "0"),
    ORDER_STATE("exp", "odd.order", "unpaid"),
    COUNT("asked once is enough", "payment", "state = 'pending' AND account_id = {{exp.account}}",
          "0"),
    {.label = "an order can be paid anew",
     .call = "POST /v1/orders/{{pending.order}}/payments",
     .as = "exp",
     .key = "anew",
     .body = "{'channel': 'wechat', 'method': 'native'}",
     .status = 201,
     .shape = "{'payment_id': '@not:{{pending.pay}}', '...': true}",
     .keep = "pending.pay=payment_id pending.pay.no=out_trade_no"},
    END,
};

static bool half_an_hour(void)
{
    return stack_clock_at(expiry_begun + 31 * 60) && steps_run(asked);
}

/* ---- an hour: drafts ---- */

static const struct step draft_over[] = {
    GONE("fresh", "/v1/photos/{{draft}}"),
    GONE("fresh", "/v1/photos/{{draft}}/file"),
    {.label = "it cannot be ordered",
     .call = "POST /v1/orders",
     .as = "fresh",
     .key = "too late for a draft",
     .body = ELECTRONIC_BODY("draft"),
     .status = 422,
     .problem = "invalid-members"},
    {.label = "nor deleted",
     .call = "DELETE /v1/photos/{{draft}}",
     .as = "fresh",
     .status = 404,
     .problem = "not-found"},
    COUNT("its row is still there: nobody has purged", "photo_copy",
          "account_id = {{fresh.account}}", "1"),
    JOB("purge"),
    COUNT("now it is gone", "photo_copy", "account_id = {{fresh.account}}", "0"),
    GET_AS("lazy", "/v1/photos/{{open}}", 200),
    GET_AS("exp", "/v1/photos/{{pending}}", 200),
    NOTHING_OVERDUE,
    END,
};

/* expires_at is told to the second; the row knows microseconds. */
static bool an_hour(void)
{
    return expiry_stops_at("GET /v1/photos/{{draft}}", "fresh", keep_get("draft.ends")) &&
           steps_run(draft_over);
}

/* ---- a day: open orders ---- */

static const struct step open_over[] = {
    GONE("lazy", "/v1/orders/{{open.order}}"),
    GONE("lazy", "/v1/photos/{{open}}"),
    {.label = "it cannot be paid",
     .call = "POST /v1/orders/{{open.order}}/payments",
     .as = "lazy",
     .key = "too late for an order",
     .body = "{'channel': 'wechat', 'method': 'native'}",
     .status = 409,
     .problem = "order-not-payable"},
    COUNT("its row is still there", "orders", "account_id = {{lazy.account}}", "1"),
    JOB("purge"),
    COUNT("now it is gone", "orders", "account_id = {{lazy.account}}", "0"),
    NOTHING_OVERDUE,
    END,
};

static bool a_day(void)
{
    return expiry_stops_at("GET /v1/orders/{{open.order}}", "lazy", keep_get("open.ends")) &&
           steps_run(open_over);
}

static const struct step held_by_payment[] = {
    {.label = "past its day, and its payment still pending",
     .call = "GET /v1/orders/{{pending.order}}",
     .as = "exp",
     .status = 200,
     .shape = "{'state': 'unpaid', 'payments': [{'payment_id': '@any', 'channel': 'wechat', "
              "'state': 'closed'}, {'payment_id': '{{pending.pay}}', 'channel': 'wechat', 'state': "
              "'pending'}], '...': true}"},
    GET_AS("exp", "/v1/photos/{{pending}}", 200),
    JOB("purge"),
    GET_AS("exp", "/v1/orders/{{pending.order}}", 200),
    GET_AS("exp", "/v1/photos/{{pending}}", 200),
    NOTHING_OVERDUE,
    {.label = "the provider does not answer",
     .call = "POST sandbox:/sandbox/answers",
     .body = "{'channel': 'wechat', 'fault': 'server-error', 'times': 1}",
     .status = 200},
    JOB("poll"),
    GET_AS("exp", "/v1/orders/{{pending.order}}", 200),
    {.label = "half a minute later it is asked again",
     .sql = "WITH x AS (UPDATE payment SET ask_at = asked_at, asked_at = asked_at - interval '4 "
            "seconds' WHERE "
            "out_trade_no = '{{pending.pay.no}}' RETURNING 1) SELECT count(*) FROM x",
     .rows = "1"},
    JOB("poll"),
    GONE("exp", "/v1/orders/{{pending.order}}"),
    GONE("exp", "/v1/photos/{{pending}}"),
    JOB("purge"),
    COUNT("the order is gone", "trade", "out_trade_no = '{{pending.pay.no}}'", "0"),
    {.label = "a late success of it is recorded",
     .call = "POST sandbox:/sandbox/notify",
     .body = "{'out_trade_no': '{{unopened.pay.no}}', 'fault': 'none'}",
     .status = 404},
    NOTHING_OVERDUE,
    END,
};

static bool day_of_a_pending_one(void)
{
    return stack_clock_at(expiry_begun + DAY_S + HOUR_S) && steps_run(held_by_payment);
}

static const struct step keys_over[] = {
    {.label = "a key of yesterday is new today",
     .call = "POST /v1/orders",
     .as = "exp",
     .key = "order electronic.order",
     .body = ELECTRONIC_BODY("electronic"),
     .status = 201,
     .shape = "{'order_id': '@not:{{electronic.order}}', '...': true}",
     .expect = "!idempotency-replayed",
     .keep = "other.order=order_id"},
    {.label = "the second of them is not wanted",
     .call = "POST /v1/orders/{{other.order}}/cancel",
     .as = "exp",
     .status = 200},
    END,
};

static bool keys(void)
{
    return steps_run(keys_over);
}

/* ---- a week ---- */

static const struct step sixth_day[] = {
    GET_AS("exp", "/v1/photos/{{electronic}}/file", 200),
    GET_AS("mix", "/v1/photos/{{mixed}}/file", 200),
    GET_AS("exp", "/v1/photos/{{twice}}/file", 200),
    ORDER("exp", "twice.second", ELECTRONIC_BODY("twice")),
    NATIVE("exp", "twice.second", "twice.pay2"),
    PAYS("twice.pay2"),
    JOB("promote"),
    JOB("purge"),
    GET_AS("exp", "/v1/photos/{{twice}}/file", 200),
    NOTHING_OVERDUE,
    END,
};

static bool six_days(void)
{
    return stack_clock_at(expiry_begun + 6 * DAY_S) && steps_run(sixth_day);
}

static const struct step week_over[] = {
    GONE("exp", "/v1/photos/{{electronic}}"),
    GONE("exp", "/v1/photos/{{electronic}}/file"),
    {.label = "it cannot be ordered any more",
     .call = "POST /v1/orders",
     .as = "exp",
     .key = "too late for a file",
     .body = ELECTRONIC_BODY("electronic"),
     .status = 422,
     .problem = "invalid-members"},
    GET_AS("exp", "/v1/orders/{{electronic.order}}", 200),
    JOB("purge"),
    JOB("partitions"),
    COUNT("no electronic copy is left but of what was bought again", "photo_copy",
          "purpose = 'electronic' AND account_id = {{exp.account}}", "1"),
    GET_AS("exp", "/v1/photos/{{twice}}/file", 200),
    GET_AS("exp", "/v1/photos/{{print}}", 200),
    NOTHING_OVERDUE,
    END,
};

static bool a_week(void)
{
    return expiry_stops_at("GET /v1/photos/{{electronic}}/file", "exp",
                           keep_get("electronic.ends")) &&
           steps_run(week_over);
}

static const struct step mixed_week[] = {
    GONE("mix", "/v1/photos/{{mixed}}/file"),
    GET_AS("mix", "/v1/orders/{{mixed.order}}", 200),
    COUNT("the print copy outlives the electronic one", "photo_copy",
          "account_id = {{mix.account}} AND purpose = 'print'", "1"),
    {.label = "and is still made",
     .call = "POST /admin/v1/orders/{{mixed.order}}/ship",
     .as = "admin",
     .body = "{'carrier': 'SF', 'tracking_no': 'SF0000000002'}",
     .status = 200},
    END,
};

static bool mixed_one(void)
{
    return steps_run(mixed_week);
}

static const struct step eighth_day[] = {
    JOB("purge"),
    JOB("partitions"),
    JOB("ratchet"),
    {.label = "no partition of a past day is left",
     .sql =
         "SELECT count(*) FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid WHERE inhparent = "
         "'photo_bytes'::regclass AND substring(relname FROM '[0-9]+$')::int < (SELECT "
         "max(ratchet_day) FROM instance)",
     .rows = "0"},
    {.label = "and the ratchet has left the days of what is gone",
     .sql =
         "SELECT count(*) FROM photo_copy WHERE key_day < (SELECT max(ratchet_day) FROM instance)",
     .rows = "0"},
    GET_AS("exp", "/v1/orders/{{electronic.order}}", 200),
    GET_AS("exp", "/v1/photos/{{twice}}/file", 200),
    NOTHING_OVERDUE,
    END,
};

static bool eight_days(void)
{
    return stack_clock_at(expiry_begun + 8 * DAY_S) && steps_run(eighth_day);
}

const struct test expiry_tests[] = {
    {"Photos and orders of every kind are made on the first day", NULL, prepare},
    {"After half an hour the provider is asked: closed, found, or odd", NULL, half_an_hour},
    {"A draft ends after an hour, at the instant, and is gone after a purge", NULL, an_hour},
    {"An unpaid order ends after a day, at the instant, its photo with it", NULL, a_day},
    {"An order whose payment is pending waits for the provider's word", NULL, day_of_a_pending_one},
    {"An Idempotency-Key is forgotten after a day", NULL, keys},
    {"On day 6 everything paid is readable, and a photo is bought again", NULL, six_days},
    {"A file ends after seven days, at the instant", NULL, a_week},
    {"The print copy outlives the electronic one", NULL, mixed_one},
    {"On day 8 past partitions are dropped and the ratchet has moved", NULL, eight_days},
    {"On day 29 orders and payers are there", NULL, expiry_day_29},
    {"An order ends after thirty days, at the instant, for everybody", NULL, expiry_month},
    {"The scheduler removes what is over by itself", NULL, expiry_by_itself},
    {"On day 31 nothing of the first day is left but money", NULL, expiry_day_31},
    {"An account lives thirty days longer than its last order", NULL, expiry_last_order},
    {"An operator's token ends after ninety days", NULL, expiry_ninety_days},
    {NULL, NULL, NULL},
};
