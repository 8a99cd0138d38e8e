/* SPDX-License-Identifier: MIT */
/* The providers' daily bills beside the ledger: right ones, wrong ones, none. The sandbox writes
 * them; the clock moves on to a day of their own. */
#include "common.h"

#include <stdio.h>

#include "shape.h"
#include "stack.h"

enum { DAY_S = 86400 };

/* Nothing of other groups lies within the seven days that are compared. */
static bool to_a_fresh_day(void)
{
    return stack_clock_at(stack_now() + 9 * DAY_S);
}

static bool to_when_the_bills_are_ready(void)
{
    keep_set("bill.day", db_value("SELECT (date '1970-01-01' + max(day))::text FROM ledger_entry"));
    return stack_clock_at(stack_now() + 2 * DAY_S);
}

static bool to_a_quarter_later(void)
{
    return stack_clock_at(stack_now() + 900);
}

#define NEXT_BILLS(fault_)                                                                         \
    {                                                                                              \
        .label = "bills: " fault_, .call = "POST sandbox:/sandbox/bills",                          \
        .body = "{'fault': '" fault_ "'}", .status = 200                                           \
    }
#define COMPARE                                                                                    \
    {                                                                                              \
        .label = "an operator has the bills compared",                                             \
        .call = "POST /admin/v1/jobs/reconcile/run", .as = "admin", .body = "{}", .status = 200,   \
        .shape = "{'job': 'reconcile', 'outcome': 'ok', 'rows': '@integer'}", .again = AGAIN_NEVER \
    }
/* Both merchants' bills of the day: Alipay's stands first. */
#define BILLS_ARE(label_, alipay, wechat)                                                          \
    {                                                                                              \
        .label = label_, .call = "GET /admin/v1/reconciliation?day={{bill.day}}", .as = "admin",   \
        .status = 200,                                                                             \
        .shape = "{'items': [{'channel': 'alipay', " alipay ", '...': true},"                      \
                 " {'channel': 'wechat', " wechat ", '...': true}], 'next_cursor': null}"          \
    }
#define SIDE(n, fen) "{'payments': " n ", 'payments_fen': " fen ", 'refunds': 0, 'refunds_fen': 0}"
#define MATCHED                                                                                    \
    "'state': 'matched', 'outcome': 'compared', 'next_at': null, 'differences': [],"               \
    " 'figures': {'here': " SIDE("1", "990") ", 'there': " SIDE(                                   \
        "1", "990") ", 'matched': 1,"                                                              \
                    " 'different': 0, 'only_here': 0, 'only_there': 0, 'other_day': 0, "           \
                    "'under_way': 0,"                                                              \
                    " 'awaits_next_day': 0}"
/* One difference, and what is told of it. */
#define DIFFERS(counts, finding_, rest)                                                            \
    "'state': 'differing', 'outcome': 'compared', 'figures': {" counts                             \
    ", '...': true}, 'differences': [{'finding': '" finding_ "', 'kind': 'payment', " rest         \
    ", '...': true}]"
#define FAILED(outcome_) "'outcome': '" outcome_ "', 'next_at': '@time'"
#define WRONG(fault, alipay, wechat)                                                               \
    NEXT_BILLS(fault), COMPARE, BILLS_ARE("what came of it: " fault, FAILED(alipay), FAILED(wechat))

static const struct step both_pay[] = {
    {.label = "the clock goes on", .run = to_a_fresh_day},
    ACCOUNT("bea"),
    CONSENT("bea"),
    PHOTO("bea", "bea.photo"),
    ORDER("bea", "bea.one", ELECTRONIC_BODY("bea.photo")),
    ORDER("bea", "bea.two", ELECTRONIC_BODY("bea.photo")),
    NATIVE("bea", "bea.one", "bea.wechat"),
    PAYS("bea.wechat"),
    PAYMENT("bea", "bea.two", "bea.alipay", "alipay", "qr", "qr_code"),
    {.label = "somebody scans it",
     .call = "POST sandbox:/sandbox/alipay/scan",
     .body = "{'out_trade_no': '{{bea.alipay.no}}'}",
     .status = 200},
    PAYS("bea.alipay"),
    {.label = "two days go by", .run = to_when_the_bills_are_ready},
    END,
};

static const struct step right_bills[] = {
    NEXT_BILLS("right"),
    COMPARE,
    BILLS_ARE("they agree with the ledger", MATCHED, MATCHED),
    END,
};

static const struct step differing_bills[] = {
    NEXT_BILLS("missing-line"),
    COMPARE,
    BILLS_ARE("no line for what we have, or no bill at all", "'differences': '@any'",
              "'differences': '@any'"),
    NEXT_BILLS("extra-line"),
    COMPARE,
    BILLS_ARE("the providers took money that we do not know of",
              DIFFERS("'matched': 1, 'only_there': 1", "only-there",
                      "'here_fen': null, 'there_fen': 990, 'here_at': null, 'there_at': '@time'"),
              DIFFERS("'matched': 1, 'only_there': 1", "only-there",
                      "'here_fen': null, 'there_fen': 990, 'here_at': null, 'there_at': '@time'")),
    NEXT_BILLS("wrong-amount"),
    COMPARE,
    BILLS_ARE("a fen more there",
              DIFFERS("'matched': 0, 'different': 1", "different",
                      "'out_trade_no': '{{bea.alipay.no}}', 'here_fen': 990, 'there_fen': 991"),
              DIFFERS("'matched': 0, 'different': 1", "different",
                      "'out_trade_no': '{{bea.wechat.no}}', 'here_fen': 990, 'there_fen': 991")),
    NEXT_BILLS("right"),
    COMPARE,
    BILLS_ARE("right ones take their place", MATCHED, MATCHED),
    END,
};

static const struct step wrong_bills[] = {
    WRONG("cut-file", "form", "packing"),
    WRONG("wrong-hash", "form", "digest"),
    WRONG("redirect", "download", "download"),
    WRONG("foreign-host", "address", "address"),
    WRONG("creating", "none", "creating"),
    {.label = "what was compared before stands",
     .sql = "SELECT count(*) FROM bill_day WHERE there_payments = 1 AND matched = 1",
     .rows = "2"},
    END,
};

static const struct step no_bills[] = {
    NEXT_BILLS("right"),
    COMPARE,
    NEXT_BILLS("no-bill"),
    COMPARE,
    BILLS_ARE("the first word is not believed", FAILED("none"), FAILED("none")),
    {.label = "a quarter of an hour goes by", .run = to_a_quarter_later},
    COMPARE,
    BILLS_ARE("the second is: what we have is missing there",
              DIFFERS("'only_here': 1, 'there': " SIDE("0", "0"), "only-here",
                      "'here_fen': 990, 'there_fen': null"),
              DIFFERS("'only_here': 1, 'there': " SIDE("0", "0"), "only-here",
                      "'here_fen': 990, 'there_fen': null")),
    {.label = "nobody who paid is named in what is kept",
     .sql =
         "SELECT count(*) FROM bill_difference d WHERE d::text ~ 'openid|san|2088[0-9]{12}.*2088'",
     .rows = "0"},
    NEXT_BILLS("right"),
    END,
};

/* A file that does not come holds the comparison for a minute, and nothing else: the job that asks
 * about payments goes on beside it. Here the scheduler runs. */
static const struct step silent_bills[] = {
    NEXT_BILLS("silent"),
    {.label = "the bills are due, and the scheduler begins",
     .control = "psql -qX \"$IDPHOTOD_TEST_SUPERUSER_URL\" -c \"UPDATE bill_day SET next_at ="
                " compared_at\" && export IDPHOTOD_SCHEDULER_ENABLED=true && clock_to \"$OFFSET\""},
    {.label = "the comparison waits for a file",
     .control = "for i in $(seq 100); do curl -sS \"$ADMIN/metrics\" | grep -q"
                " '^idphotod_provider_calls_total{.*call=\"bill\",outcome=\"ok\"} [1-9]' && break;"
                " sleep 0.1; done; [ \"$i\" -lt 100 ]"},
    ORDER("bea", "bea.three", ELECTRONIC_BODY("bea.photo")),
    NATIVE("bea", "bea.three", "bea.lost"),
    {.label = "somebody pays, and the callback is lost",
     .call = "POST sandbox:/sandbox/pay",
     .body = "{'out_trade_no': '{{bea.lost.no}}', 'notify': false}",
     .status = 200},
    {.label = "the job poll finds it meanwhile",
     .control = "for i in $(seq 100); do [ \"$(psql -qXAt \"$IDPHOTOD_TEST_SUPERUSER_URL\" -c"
                " \"SELECT count(*) FROM ledger_entry WHERE out_trade_no = '{{bea.lost.no}}'\")\" ="
                " 1 ] && break; sleep 0.2; done; [ \"$i\" -lt 100 ]"},
    {.label = "and the comparison waits still",
     .control =
         "curl -sS \"$ADMIN/metrics\" | grep '^idphotod_job_runs_total{job_name=\"reconcile\"'"
         " | grep -v ' 0$' | wc -l | grep -qx 0"},
    {.label = "a stop gives it up: it would have taken a minute",
     .control =
         "failures() { grep -c -e reconcile.waits -e reconcile.no-bill \"$STACK/server.start\"; };"
         " told=$(failures); begun=$SECONDS; server_down && [ $((SECONDS - begun)) -lt 25 ]"},
    {.label = "which is no failure of the bill", .control = "[ \"$told\" = \"$(failures)\" ]"},
    {.label = "without the scheduler",
     .control = "server_down; export IDPHOTOD_SCHEDULER_ENABLED=false; server_up"},
    NEXT_BILLS("right"),
    END,
};

static const struct step questions[] = {
    {.label = "no day",
     .call = "GET /admin/v1/reconciliation",
     .as = "admin",
     .status = 422,
     .problem = "invalid-members"},
    {.label = "a day that never was",
     .call = "GET /admin/v1/reconciliation?day=2026-02-30",
     .as = "admin",
     .status = 422,
     .problem = "invalid-members"},
    {.label = "a day without bills",
     .call = "GET /admin/v1/reconciliation?day=2026-01-01",
     .as = "admin",
     .status = 200,
     .shape = "{'items': [], 'next_cursor': null}"},
    END,
};

const struct test bill_tests[] = {
    {"One pays by WeChat, one by Alipay, and two days go by", both_pay, NULL},
    {"Right bills agree with the ledger to the fen", right_bills, NULL},
    {"A line missing, a line too many and a fen too much are each told", differing_bills, NULL},
    {"A file cut, changed, moved or not ready changes nothing and is tried again", wrong_bills,
     NULL},
    {"\"No bill\" is believed when it is said twice", no_bills, NULL},
    {"A bill that does not come holds up no other job", silent_bills, NULL},
    {"The question for a day's bills is checked", questions, NULL},
    {NULL, NULL, NULL},
};
