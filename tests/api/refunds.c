/* SPDX-License-Identifier: MIT */
/*
 * Money given back through both providers: by rule, by the person, by an
 * operator; with every fault that the sandbox can play. The scheduler is off:
 * each turn of the job is a step, and waiting is done in the database.
 */
#include "common.h"

/* Whatever waits is due: as if its time had passed. */
#define DUE                                                                                        \
    {                                                                                              \
        .label = "time passes",                                                                    \
        .control =                                                                                 \
            "psql -qX \"$IDPHOTOD_TEST_SUPERUSER_URL\" -c \"UPDATE refund SET sent_at = sent_at -" \
            " interval '1 hour', next_at = requested_at WHERE next_at IS NOT NULL\""               \
    }
#define TURN                                                                                       \
    {                                                                                              \
        .label = "the job takes its turn", .call = "POST /admin/v1/jobs/refund/run",               \
        .as = "admin", .body = "{}", .status = 200, .again = AGAIN_NEVER,                          \
        .shape = "{'job': 'refund', 'outcome': 'ok', 'rows': '@integer'}"                          \
    }
#define MODE(mode_, times_)                                                                        \
    {                                                                                              \
        .label = "the next refund goes: " mode_, .call = "POST sandbox:/sandbox/refunds",          \
        .body = "{'mode': '" mode_ "', 'times': " times_ "}", .status = 200                        \
    }
#define REFUND_OF(name) "out_trade_no = '{{" name ".no}}'"
/* One refund of the payment; its state and the provider's last code. */
#define REFUND_IS(name, what)                                                                      \
    {                                                                                              \
        .label = "the refund of " name " is " what,                                                \
        .sql = "SELECT string_agg(state || ' ' || coalesce(last_code, '-'), ' ') FROM refund"      \
               " WHERE " REFUND_OF(name),                                                          \
        .rows = what                                                                               \
    }
#define BOOKED(name, fen)                                                                          \
    {                                                                                              \
        .label = "the ledger has " fen " fen back for " name,                                      \
        .sql = "SELECT coalesce(sum(amount_fen), 0) || ' ' || count(*) FROM ledger_entry"          \
               " WHERE kind = 'refund' AND " REFUND_OF(name),                                      \
        .rows = fen                                                                                \
    }
/* How often the provider has moved money for it; never more than once a number. */
#define MOVED(name, n)                                                                             \
    {                                                                                              \
        .label = "the provider moved money for " name " " n " times",                              \
        .control = "curl -sS \"$SANDBOX/sandbox/refunds\" | jq -e '[.refunds[] |"                  \
                   " select(.out_trade_no == \"{{" name ".no}}\") | .moved] | add == " n "'"       \
    }
#define TELLS(name, more)                                                                          \
    {                                                                                              \
        .label = "the provider calls back about " name, .call = "POST sandbox:/sandbox/refund",    \
        .body = "{'out_refund_no': '{{" name ".no}}R1'" more "}", .status = 200,                   \
        .shape = "{'acknowledged': true, '...': true}"                                             \
    }
#define CANCELLED(who, order)                                                                      \
    {                                                                                              \
        .label = who " cancels " order, .call = "POST /v1/orders/{{" order "}}/cancel", .as = who, \
        .body = "{}", .status = 200                                                                \
    }
/* Pays what is over by now. */
#define PAYS_LATE(name)                                                                            \
    {                                                                                              \
        .label = "somebody pays " name " late", .call = "POST sandbox:/sandbox/pay",               \
        .body = "{'out_trade_no': '{{" name ".no}}'}", .status = 200,                              \
        .shape = "{'acknowledged': true, '...': true}", .keep = name ".transaction=transaction_id" \
    }
#define LATE(name)                                                                                 \
    PHOTO("lee", name ".photo"), ORDER("lee", name ".order", ELECTRONIC_BODY(name ".photo")),      \
        NATIVE("lee", name ".order", name), CANCELLED("lee", name ".order"), PAYS_LATE(name)
#define LATE_ALIPAY(name)                                                                          \
    PHOTO("lee", name ".photo"), ORDER("lee", name ".order", ELECTRONIC_BODY(name ".photo")),      \
        PAGE("lee", name ".order", name), CANCELLED("lee", name ".order"), PAYS_LATE(name)

static const struct step late_wechat[] = {
    ACCOUNT("lee"),
    CONSENT("lee"),
    LATE("wl"),
    TURN,
    REFUND_IS("wl", "done -"),
    BOOKED("wl", "990 1"),
    MOVED("wl", "1"),
    COUNT("resolved", "anomaly", "resolved_at IS NULL AND " REFUND_OF("wl"), "0"),
    {.label = "the order tells it",
     .call = "GET /v1/orders/{{wl.order}}",
     .as = "lee",
     .status = 200,
     .shape = "{'state': 'closed', 'close_reason': 'cancelled', 'refunds': [{'refund_id': "
              "'@id:ref_', 'amount_fen': 990, 'state': 'done'}], '...': true}"},
    DUE,
    TURN,
    TELLS("wl", ""),
    TELLS("wl", ""),
    BOOKED("wl", "990 1"),
    MOVED("wl", "1"),
    END,
};

static const struct step late_alipay[] = {
    LATE_ALIPAY("al"), TURN, REFUND_IS("al", "done -"), BOOKED("al", "990 1"),
    MOVED("al", "1"),  END,
};

static const struct step second[] = {
    PHOTO("lee", "se.photo"),
    ORDER("lee", "se.order", ELECTRONIC_BODY("se.photo")),
    NATIVE("lee", "se.order", "s1"),
    PAGE("lee", "se.order", "s2"),
    PAYS("s1"),
    PAYS_LATE("s2"),
    TURN,
    REFUND_IS("s2", "done -"),
    COUNT("the first is kept", "refund", REFUND_OF("s1"), "0"),
    ORDER_STATE("lee", "se.order", "paid"),
    END,
};

static const struct step erased[] = {
    PHOTO("lee", "er.photo"),
    ORDER("lee", "er.order", ELECTRONIC_BODY("er.photo")),
    NATIVE("lee", "er.order", "er"),
    {.label = "the order is erased",
     .call = "DELETE /v1/orders/{{er.order}}",
     .as = "lee",
     .status = 204},
    PAYS_LATE("er"),
    TURN,
    REFUND_IS("er", "done -"),
    BOOKED("er", "990 1"),
    COUNT("nobody", "refund", "account_id IS NOT NULL AND " REFUND_OF("er"), "0"),
    END,
};

static const struct step held[] = {
    LATE("wh"),
    MODE("held", "1"),
    TURN,
    REFUND_IS("wh", "accepted -"),
    BOOKED("wh", "0 0"),
    TELLS("wh", ", 'outcome': 'success'"),
    REFUND_IS("wh", "done -"),
    BOOKED("wh", "990 1"),
    TELLS("wh", ", 'fault': 'again'"),
    BOOKED("wh", "990 1"),
    LATE("wq"),
    MODE("held", "1"),
    TURN,
    DUE,
    TURN,
    REFUND_IS("wq", "accepted -"),
    {.label = "it succeeds there, and no callback comes",
     .call = "POST sandbox:/sandbox/refund",
     .body = "{'out_refund_no': '{{wq.no}}R1', 'outcome': 'success', 'notify': false}",
     .status = 200},
    DUE,
    TURN,
    REFUND_IS("wq", "done -"),
    MOVED("wq", "1"),
    END,
};

static const struct step held_alipay[] = {
    LATE_ALIPAY("ah"),
    MODE("held", "1"),
    TURN,
    REFUND_IS("ah", "accepted -"),
    {.label = "it succeeds there, and a notice says so",
     .call = "POST sandbox:/sandbox/refund",
     .body = "{'out_refund_no': '{{ah.no}}R1', 'outcome': 'success'}",
     .status = 200,
     .shape = "{'acknowledged': true, '...': true}"},
    COUNT("it is asked about sooner", "refund",
          "next_at <= sent_at + interval '10 seconds' AND " REFUND_OF("ah"), "1"),
    DUE,
    TURN,
    REFUND_IS("ah", "done -"),
    BOOKED("ah", "990 1"),
    MOVED("ah", "1"),
    END,
};

#define LOST_AND_FOUND(name, late)                                                                 \
    late(name), MODE("lost", "1"), TURN, BOOKED(name, "0 0"), DUE, TURN,                           \
        REFUND_IS(name, "done -"), BOOKED(name, "990 1"), MOVED(name, "1"),                        \
        COUNT("the same number", "refund",                                                         \
              "out_refund_no = '{{" name ".no}}R1' AND tries = 2 AND " REFUND_OF(name), "1")

static const struct step lost[] = {LOST_AND_FOUND("lo", LATE), LOST_AND_FOUND("la", LATE_ALIPAY),
                                   END};

static const struct step not_enough[] = {
    LATE("ne"),
    MODE("not-enough", "2"),
    TURN,
    REFUND_IS("ne", "requested NOTENOUGH"),
    COUNT("not before ten minutes", "refund",
          "next_at >= sent_at + interval '10 minutes' AND " REFUND_OF("ne"), "1"),
    DUE,
    TURN,
    REFUND_IS("ne", "requested NOTENOUGH"),
    DUE,
    TURN,
    REFUND_IS("ne", "done -"),
    MOVED("ne", "1"),
    LATE_ALIPAY("na"),
    MODE("not-enough", "1"),
    TURN,
    REFUND_IS("na", "requested ACQ.SELLER_BALANCE_NOT_ENOUGH"),
    DUE,
    TURN,
    REFUND_IS("na", "done -"),
    END,
};

static const struct step frequency[] = {
    LATE("fr"),
    MODE("frequency", "1"),
    TURN,
    REFUND_IS("fr", "requested FREQUENCYLIMITED"),
    DUE,
    TURN,
    REFUND_IS("fr", "done -"),
    LATE_ALIPAY("fa"),
    MODE("frequency", "1"),
    TURN,
    REFUND_IS("fa", "requested isv.app-call-limited"),
    DUE,
    TURN,
    REFUND_IS("fa", "done -"),
    END,
};

static const struct step system_error[] = {
    LATE("sy"),
    MODE("system-error", "3"),
    TURN,
    DUE,
    TURN,
    DUE,
    TURN,
    REFUND_IS("sy", "requested SYSTEMERROR"),
    {.label = "an alarm at the third",
     .control = "grep -q '\"refund.check-credentials\"' \"$SERVER_LOG\""},
    DUE,
    TURN,
    REFUND_IS("sy", "done -"),
    MOVED("sy", "1"),
    END,
};

static const struct step abnormal[] = {
    LATE("ab"),
    MODE("abnormal", "1"),
    TURN,
    DUE,
    TURN,
    REFUND_IS("ab", "failed ABNORMAL"),
    BOOKED("ab", "0 0"),
    {.label = "an alarm", .control = "grep -q '\"refund.failed\".*ABNORMAL' \"$SERVER_LOG\""},
    TURN,
    COUNT("no second one", "refund", REFUND_OF("ab"), "1"),
    TELLS("ab", ", 'outcome': 'success'"),
    REFUND_IS("ab", "done -"),
    BOOKED("ab", "990 1"),
    TELLS("ab", ""),
    BOOKED("ab", "990 1"),
    END,
};

/* What does not verify is no word: asked again under the same number. */
#define UNVERIFIED(name, late, channel_, fault_)                                                   \
    late(name),                                                                                    \
        {.label = channel_ " answers: " fault_,                                                    \
         .call = "POST sandbox:/sandbox/answers",                                                  \
         .body = "{'channel': '" channel_ "', 'fault': '" fault_ "', 'times': 1}",                 \
         .status = 200},                                                                           \
        TURN, BOOKED(name, "0 0"), DUE, TURN, REFUND_IS(name, "done -"), BOOKED(name, "990 1"),    \
        MOVED(name, "1")

static const struct step unverified[] = {
    UNVERIFIED("u1", LATE, "wechat", "wrong-signature"),
    UNVERIFIED("u2", LATE, "wechat", "unsigned"),
    UNVERIFIED("u3", LATE, "wechat", "probe"),
    UNVERIFIED("u4", LATE_ALIPAY, "alipay", "wrong-signature"),
    UNVERIFIED("u5", LATE_ALIPAY, "alipay", "unsigned"),
    END,
};

#define FORGED(fault_)                                                                             \
    {                                                                                              \
        .label = "a callback with " fault_, .call = "POST sandbox:/sandbox/refund",                \
        .body = "{'out_refund_no': '{{fo.no}}R1', 'fault': '" fault_ "'}", .status = 200,          \
        .shape = "{'acknowledged': false, '...': true}"                                            \
    }
static const struct step forged[] = {
    LATE("fo"),
    MODE("held", "1"),
    TURN,
    {.label = "it succeeds there, untold",
     .call = "POST sandbox:/sandbox/refund",
     .body = "{'out_refund_no': '{{fo.no}}R1', 'outcome': 'success', 'notify': false}",
     .status = 200},
    FORGED("wrong-signature"),
    FORGED("probe"),
    FORGED("old-timestamp"),
    FORGED("unknown-serial"),
    FORGED("wrong-api-key"),
    REFUND_IS("fo", "accepted -"),
    BOOKED("fo", "0 0"),
    TELLS("fo", ""),
    REFUND_IS("fo", "done -"),
    END,
};

static const struct step by_the_person[] = {
    PHOTO("lee", "pp.photo"),
    ORDER("lee", "pp.order", PRINT_BODY("pp.photo")),
    NATIVE("lee", "pp.order", "pp"),
    {.label = "nothing is paid yet",
     .call = "POST /v1/orders/{{pp.order}}/refund",
     .as = "lee",
     .body = "{}",
     .status = 409,
     .problem = "conflict"},
    PAYS("pp"),
    {.label = "the print is given up",
     .call = "POST /v1/orders/{{pp.order}}/refund",
     .as = "lee",
     .body = "{}",
     .status = 202,
     .shape = "{'state': 'closed', 'close_reason': 'refunded', 'refunds': [{'refund_id': "
              "'@id:ref_', 'amount_fen': 2580, 'state': 'requested'}], '...': true}"},
    {.label = "it cannot be shipped",
     .call = "POST /admin/v1/orders/{{pp.order}}/ship",
     .as = "admin",
     .body = "{'carrier': 'SF', 'tracking_no': 'SF1234567890'}",
     .status = 409,
     .problem = "conflict"},
    TURN,
    REFUND_IS("pp", "done -"),
    BOOKED("pp", "2580 1"),
    PHOTO("lee", "mi.photo"),
    ORDER("lee", "mi.order", MIXED_BODY("mi.photo")),
    PAGE("lee", "mi.order", "mi"),
    PAYS("mi"),
    {.label = "the prints of a mixed order are given up",
     .call = "POST /v1/orders/{{mi.order}}/refund",
     .as = "lee",
     .body = "{}",
     .status = 202,
     .shape = "{'state': 'closed', 'close_reason': 'refunded', 'refunds': [{'refund_id': "
              "'@id:ref_', 'amount_fen': 2580, 'state': 'requested'}], '...': true}"},
    TURN,
    BOOKED("mi", "2580 1"),
    {.label = "the file is still there",
     .call = "GET /v1/photos/{{mi.photo}}/file",
     .as = "lee",
     .status = 200},
    PHOTO("lee", "el.photo"),
    ORDER("lee", "el.order", ELECTRONIC_BODY("el.photo")),
    NATIVE("lee", "el.order", "el"),
    PAYS("el"),
    {.label = "an electronic photo is not given back",
     .call = "POST /v1/orders/{{el.order}}/refund",
     .as = "lee",
     .body = "{}",
     .status = 409,
     .problem = "non-refundable"},
    ACCOUNT("mia"),
    {.label = "another's order does not exist",
     .call = "POST /v1/orders/{{el.order}}/refund",
     .as = "mia",
     .body = "{}",
     .status = 404,
     .problem = "not-found"},
    END,
};

static const struct step by_force[] = {
    PHOTO("lee", "bf.photo"),
    ORDER("lee", "bf.order", PRINT_BODY("bf.photo")),
    NATIVE("lee", "bf.order", "bf"),
    PAYS("bf"),
    {.label = "the order is erased by force",
     .call = "DELETE /v1/orders/{{bf.order}}?force=true",
     .as = "lee",
     .status = 204},
    TURN,
    REFUND_IS("bf", "done -"),
    BOOKED("bf", "2580 1"),
    END,
};

#define REFUND_SHAPE(fen, reason)                                                                  \
    "{'refund_id': '@id:ref_', 'entry_id': '@id:led_', 'channel': 'wechat', 'transaction_id': "    \
    "'@text', 'out_trade_no': '@text', 'out_refund_no': '@text', 'amount_fen': " fen               \
    ", 'reason': '" reason "', 'state': 'requested', 'last_code': null, 'tries': 0, "              \
    "'requested_at': '@time', 'next_at': '@time', 'done_at': null}"

#define LEDGER_TELLS(form, query, judge)                                                           \
    {                                                                                              \
        .label = "the ledger names the refund's number " form,                                     \
        .control = "curl -sS -H 'Authorization: Bearer {{admin.token}}'"                           \
                   " \"$ADMIN/admin/v1/ledger?day=$(TZ=Asia/Shanghai date +%F)" query "\"" judge   \
    }

static const struct step by_an_operator[] = {
    {.label = "an operator gives the electronic photo back",
     .call = "POST /admin/v1/orders/{{el.order}}/refund",
     .as = "admin",
     .body = "{'reason': 'complaint'}",
     .status = 202,
     .shape = REFUND_SHAPE("990", "complaint"),
     .keep = "el.entry=entry_id"},
    {.label = "a reason in words is refused",
     .call = "POST /admin/v1/orders/{{el.order}}/refund",
     .as = "admin",
     .body = "{'reason': 'because'}",
     .status = 422,
     .problem = "invalid-members"},
    TURN,
    REFUND_IS("el", "done -"),
    PHOTO("lee", "go.photo"),
    ORDER("lee", "go.order", ELECTRONIC_BODY("go.photo")),
    NATIVE("lee", "go.order", "go"),
    PAYS("go"),
    {.label = "the order goes",
     .call = "DELETE /v1/orders/{{go.order}}",
     .as = "lee",
     .status = 204},
    {.label = "its payment stands in the ledger",
     .control = "curl -sS -H 'Authorization: Bearer {{admin.token}}'"
                " \"$ADMIN/admin/v1/ledger?day=$(TZ=Asia/Shanghai date +%F)\" | jq -er '.items[] |"
                " select(.kind == \"payment\" and .out_trade_no == \"{{go.no}}\") | .entry_id'"},
    {.label = "an operator gives it back from the ledger",
     .call = "POST /admin/v1/ledger/{{said}}/refund",
     .as = "admin",
     .body = "{'reason': 'legal'}",
     .status = 202,
     .shape = REFUND_SHAPE("990", "legal")},
    TURN,
    REFUND_IS("go", "done -"),
    MOVED("go", "1"),
    LEDGER_TELLS("as JSON", "",
                 " | jq -e '[.items[] | select(.out_trade_no == \"{{go.no}}\") |"
                 " [.kind, .amount_fen, .out_refund_no]] | sort =="
                 " [[\"payment\", 990, null], [\"refund\", 990, \"{{go.no}}R1\"]]'"),
    LEDGER_TELLS("as CSV", "&format=csv",
                 " | tr -d '\\r' | grep ',{{go.no}},' | cut -d, -f2,6,9 | sort | tr '\\n' ' ' |"
                 " grep -Fx 'payment,990, refund,990,{{go.no}}R1 '"),
    {.label = "no such entry",
     .call = "POST /admin/v1/ledger/led_0000000000000000000001/refund",
     .as = "admin",
     .body = "{'reason': 'legal'}",
     .status = 404,
     .problem = "not-found"},
    {.label = "the refunds, newest first",
     .call = "GET /admin/v1/refunds?state=done&limit=1",
     .as = "admin",
     .status = 200,
     .shape = "{'items': [{'out_trade_no': '{{go.no}}', 'state': 'done', '...': true}], "
              "'next_cursor': '@id:ref_'}"},
    END,
};

/* The provider has moved the money, and our commit waits for a lock: that is where the server is
 * killed, and what the database still had of it. */
#define PSQL "psql -qXAt \"$IDPHOTOD_TEST_SUPERUSER_URL\""
static const struct step killed[] = {
    LATE("ki"),
    {.label = "the ledger takes nothing for a while",
     .control = PSQL " -c BEGIN -c 'LOCK TABLE ledger_entry IN SHARE MODE' -c 'SELECT pg_sleep(60)'"
                     " >/dev/null 2>&1 & until [ \"$(" PSQL
                     " -c \"SELECT count(*) FROM pg_locks WHERE mode = 'ShareLock' AND granted"
                     " AND relation = 'ledger_entry'::regclass\")\" = 1 ]; do :; done"},
    {.label = "the server is killed between the provider's act and our commit",
     .control =
         "curl -s -o /dev/null -X POST -H 'Authorization: Bearer {{admin.token}}'"
         " -H 'Content-Type: application/json' -d '{}' \"$ADMIN/admin/v1/jobs/refund/run\" &"
         " for i in $(seq 300); do curl -sS \"$SANDBOX/sandbox/refunds\" | jq -e '.refunds[] |"
         " select(.out_trade_no == \"{{ki.no}}\" and .moved == 1)' >/dev/null && break; done;"
         " server_down KILL || true"},
    {.label = "its connections end before the lock does",
     .control = PSQL " -c \"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                     "  WHERE datname = current_database() AND usename = 'idphotod_app'\""
                     " -c \"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                     "  WHERE datname = current_database() AND pid <> pg_backend_pid()"
                     "   AND query LIKE '%pg_sleep%'\" && server_up"},
    REFUND_IS("ki", "requested -"),
    BOOKED("ki", "0 0"),
    MOVED("ki", "1"),
    DUE,
    TURN,
    REFUND_IS("ki", "done -"),
    BOOKED("ki", "990 1"),
    MOVED("ki", "1"),
    COUNT("under its first number", "refund",
          "out_refund_no = '{{ki.no}}R1' AND tries = 2 AND " REFUND_OF("ki"), "1"),
    END,
};

static const struct step nothing_twice[] = {
    {.label = "no number was paid twice",
     .control = "curl -sS \"$SANDBOX/sandbox/refunds\" | jq -e '[.refunds[].moved] | max == 1'"},
    {.label = "what the provider moved is what the ledger says",
     .control =
         "[ \"$(curl -sS \"$SANDBOX/sandbox/refunds\" | jq '[.refunds[] | select(.moved == 1) |"
         " .amount_fen] | add')\" = \"$(psql -qXAt \"$IDPHOTOD_TEST_SUPERUSER_URL\" -c \"SELECT"
         " sum(amount_fen) FROM ledger_entry WHERE kind = 'refund'\")\" ]"},
    COUNT("every done one is in the ledger", "refund r",
          "(state = 'done') <> EXISTS (SELECT 1 FROM ledger_entry e WHERE e.kind = 'refund'"
          " AND e.out_refund_no = r.out_refund_no)",
          "0"),
    END,
};

const struct test refund_tests[] = {
    {"a payment that comes late goes back by WeChat Pay", late_wechat, NULL},
    {"a payment that comes late goes back by Alipay", late_alipay, NULL},
    {"the second of two payments goes back, the first does not", second, NULL},
    {"what is paid for an order that was erased goes back", erased, NULL},
    {"a refund that takes time is learned by callback or by asking", held, NULL},
    {"Alipay's notice of a refund makes us ask sooner", held_alipay, NULL},
    {"a refund whose answer was lost is found under its number, not made twice", lost, NULL},
    {"a refund waits for money at the provider", not_enough, NULL},
    {"a frequency limit is no refusal", frequency, NULL},
    {"a system error that stays alarms at the third try", system_error, NULL},
    {"an abnormal refund needs a person, and may still succeed", abnormal, NULL},
    {"an answer that does not verify is no word", unverified, NULL},
    {"a callback that does not verify changes nothing", forged, NULL},
    {"a person gets unprinted prints back, and no electronic photo", by_the_person, NULL},
    {"erasing by force pays back what was not printed", by_force, NULL},
    {"an operator gives back by order and by ledger", by_an_operator, NULL},
    {"a server killed before it could commit asks for the same number", killed, NULL},
    {"nothing went back twice", nothing_twice, NULL},
    {NULL, NULL, NULL},
};
