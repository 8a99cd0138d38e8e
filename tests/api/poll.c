/* SPDX-License-Identifier: MIT */
/* What callbacks did not tell: asked by the job, and by the person who looks. */
#include "common.h"

#define NO_CALLBACK(name)                                                                          \
    {                                                                                              \
        .label = "somebody pays " name ", and the callback is lost",                               \
        .call = "POST sandbox:/sandbox/pay",                                                       \
        .body = "{'out_trade_no': '{{" name ".no}}', 'notify': false}", .status = 200,             \
        .shape = "{'state': 'paid', '...': true}"                                                  \
    }

/* Instead of waiting: the attempt's next turn has come, and nobody asked within 3 s. */
#define TURN(name)                                                                                 \
    {                                                                                              \
        .label = "the turn of " name " comes",                                                     \
        .sql = "WITH x AS (UPDATE payment SET ask_at = created_at, asked_at = NULL WHERE "         \
               "out_trade_no = '{{" name ".no}}' RETURNING 1) SELECT count(*) FROM x",             \
        .rows = "1"                                                                                \
    }

#define SHOWN(who, order, name, state_)                                                            \
    {                                                                                              \
        .label = name " is " state_, .call = "GET /v1/orders/{{" order "}}/payments/{{" name "}}", \
        .as = who, .status = 200, .shape = "{'state': '" state_ "', '...': true}"                  \
    }

#define THERE(name, state_)                                                                        \
    {                                                                                              \
        .label = name " is " state_ " at the provider",                                            \
        .call = "GET sandbox:/sandbox/trades/{{" name ".no}}", .status = 200,                      \
        .shape = "{'state': '" state_ "', '...': true}"                                            \
    }

#define AWAY(channel_, times_)                                                                     \
    {                                                                                              \
        .label = "the provider fails", .call = "POST sandbox:/sandbox/answers",                    \
        .body = "{'channel': '" channel_ "', 'fault': 'server-error', 'times': " times_ "}",       \
        .status = 200                                                                              \
    }

/* Pitfall 8: the callback is lost, the order stays pending though it is paid. */
static const struct step found_by_job[] = {
    ACCOUNT("pol"),
    PHOTO("pol", "pol.photo"),
    ORDER("pol", "pol.one", ELECTRONIC_BODY("pol.photo")),
    NATIVE("pol", "pol.one", "pol.one.pay"),
    ORDER("pol", "pol.two", ELECTRONIC_BODY("pol.photo")),
    PAGE("pol", "pol.two", "pol.two.pay"),
    {.label = "an attempt is first asked about after five seconds",
     .sql = "SELECT string_agg((ask_at - created_at)::text, ' ') FROM payment"
            " WHERE account_id = {{pol.account}}",
     .rows = "00:00:05 00:00:05"},
    NO_CALLBACK("pol.one.pay"),
    NO_CALLBACK("pol.two.pay"),
    ORDER_STATE("pol", "pol.one", "unpaid"),
    ORDER_STATE("pol", "pol.two", "unpaid"),
    TURN("pol.one.pay"),
    TURN("pol.two.pay"),
    JOB("poll"),
    ORDER_STATE("pol", "pol.one", "paid"),
    ORDER_STATE("pol", "pol.two", "paid"),
    COUNT("each once in the ledger", "ledger_entry",
          "out_trade_no IN ('{{pol.one.pay.no}}', '{{pol.two.pay.no}}')", "2"),
    END,
};

/* Pitfall 16: nobody has opened the cashier; that is no failure. */
static const struct step not_yet_there[] = {
    ORDER("pol", "pol.three", ELECTRONIC_BODY("pol.photo")),
    PAYMENT("pol", "pol.three", "pol.three.pay", "alipay", "page", "url"),
    TURN("pol.three.pay"),
    JOB("poll"),
    SHOWN("pol", "pol.three", "pol.three.pay", "pending"),
    {.label = "the browser opens Alipay's cashier",
     .call = "GET {{pol.three.pay.client}}",
     .status = 200},
    NO_CALLBACK("pol.three.pay"),
    TURN("pol.three.pay"),
    JOB("poll"),
    ORDER_STATE("pol", "pol.three", "paid"),
    END,
};

static const struct step asked_by_person[] = {
    ORDER("pol", "pol.four", ELECTRONIC_BODY("pol.photo")),
    NATIVE("pol", "pol.four", "pol.four.pay"),
    SHOWN("pol", "pol.four", "pol.four.pay", "pending"),
    NO_CALLBACK("pol.four.pay"),
    {.label = "it was asked about just now",
     .sql = "WITH x AS (UPDATE payment SET asked_at = now() + interval '1 hour' WHERE "
            "out_trade_no = '{{pol.four.pay.no}}' RETURNING 1) SELECT count(*) FROM x",
     .rows = "1"},
    SHOWN("pol", "pol.four", "pol.four.pay", "pending"),
    TURN("pol.four.pay"),
    {.label = "three seconds later the call itself brings the news",
     .call = "GET /v1/orders/{{pol.four}}/payments/{{pol.four.pay}}",
     .as = "pol",
     .status = 200,
     .shape = "{'payment_id': '{{pol.four.pay}}', 'state': 'succeeded', 'channel': 'wechat', "
              "'method': 'native', 'amount_fen': 990, 'paid_at': '@time'}"},
    ORDER_STATE("pol", "pol.four", "paid"),
    END,
};

static const struct step provider_away[] = {
    ORDER("pol", "pol.five", ELECTRONIC_BODY("pol.photo")),
    NATIVE("pol", "pol.five", "pol.five.pay"),
    NO_CALLBACK("pol.five.pay"),
    AWAY("wechat", "1"),
    SHOWN("pol", "pol.five", "pol.five.pay", "pending"),
    /* whoever else is due would meet the failure in its place */
    {.label = "nobody else's turn comes",
     .sql =
         "WITH x AS (UPDATE payment SET ask_at = now() + interval '1 hour' WHERE state = 'pending'"
         " RETURNING 1) SELECT count(*) > 0 FROM x",
     .rows = "t"},
    AWAY("wechat", "1"), /* before its turn: the server's own poll may come first */
    TURN("pol.five.pay"),
    JOB("poll"),
    ORDER_STATE("pol", "pol.five", "unpaid"),
    TURN("pol.five.pay"),
    JOB("poll"),
    ORDER_STATE("pol", "pol.five", "paid"),
    END,
};

/* Pitfall 9: what another attempt has paid for cannot be paid again for long. */
static const struct step others_close[] = {
    ORDER("pol", "pol.six", ELECTRONIC_BODY("pol.photo")),
    NATIVE("pol", "pol.six", "pol.six.pay"),
    PAGE("pol", "pol.six", "pol.six.other"),
    PAYS("pol.six.pay"),
    JOB("poll"),
    THERE("pol.six.other", "closed"),
    SHOWN("pol", "pol.six", "pol.six.other", "closed"),
    ORDER_STATE("pol", "pol.six", "paid"),
    END,
};

static const struct step cancelled_closes[] = {
    ORDER("pol", "pol.seven", ELECTRONIC_BODY("pol.photo")),
    NATIVE("pol", "pol.seven", "pol.seven.pay"),
    {.label = "the order is cancelled",
     .call = "POST /v1/orders/{{pol.seven}}/cancel",
     .as = "pol",
     .body = "{}",
     .status = 200,
     .shape = "{'state': 'closed', '...': true}"},
    JOB("poll"),
    THERE("pol.seven.pay", "closed"),
    COUNT("and here", "payment", "out_trade_no = '{{pol.seven.pay.no}}' AND state = 'closed'", "1"),
    END,
};

static const struct step erased_closes[] = {
    ORDER("pol", "pol.eight", ELECTRONIC_BODY("pol.photo")),
    NATIVE("pol", "pol.eight", "pol.eight.pay"),
    ORDER("pol", "pol.nine", ELECTRONIC_BODY("pol.photo")),
    NATIVE("pol", "pol.nine", "pol.nine.pay"),
    {.label = "the order is erased",
     .call = "DELETE /v1/orders/{{pol.eight}}",
     .as = "pol",
     .status = 204},
    NO_CALLBACK("pol.nine.pay"),
    {.label = "another too, though it was just paid",
     .call = "DELETE /v1/orders/{{pol.nine}}",
     .as = "pol",
     .status = 204},
    COUNT("the provider still knows both", "erased_attempt",
          "ask_at IS NOT NULL AND out_trade_no IN ('{{pol.eight.pay.no}}', '{{pol.nine.pay.no}}')",
          "2"),
    JOB("poll"),
    THERE("pol.eight.pay", "closed"),
    COUNT("nothing is left to ask", "erased_attempt",
          "ask_at IS NOT NULL AND out_trade_no IN ('{{pol.eight.pay.no}}', '{{pol.nine.pay.no}}')",
          "0"),
    COUNT("the money that came is in the ledger", "ledger_entry",
          "out_trade_no = '{{pol.nine.pay.no}}'", "1"),
    COUNT("and told as what it is", "anomaly",
          "out_trade_no = '{{pol.nine.pay.no}}' AND kind = 'unknown-trade'", "1"),
    END,
};

const struct test poll_tests[] = {
    {"A lost callback is found by the job at the attempt's next turn", found_by_job, NULL},
    {"A trade that the provider does not know yet is asked about again", not_yet_there, NULL},
    {"Who looks at a pending payment has the provider asked, at most once in 3 s", asked_by_person,
     NULL},
    {"A provider that fails spoils no call and closes nothing", provider_away, NULL},
    {"When an order is paid its other attempts are closed at the provider", others_close, NULL},
    {"A cancelled order's attempt is closed at the provider", cancelled_closes, NULL},
    {"An erased order's attempt is closed at the provider, and its money is not lost",
     erased_closes, NULL},
    {NULL, NULL, NULL},
};
