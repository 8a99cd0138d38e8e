/* SPDX-License-Identifier: MIT */
/* Operators: roles, purposes, the masked list, shipping, ledger, payers, jobs, retention, audit. */
#include "common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shape.h"
#include "stack.h"

static const char *const roles[] = {"fulfilment", "support", "finance", "auditor"};

static bool hire(void)
{
    char line[200], name[40];
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        snprintf(line, sizeof line,
                 "\"$IDPHOTOD\" operator add %s-1 --role %s --config \"$CONFIG\"", roles[i],
                 roles[i]);
        if (!stack_control(line))
            return complain("operator add %s", roles[i]);
        snprintf(name, sizeof name, "%s.token", roles[i]);
        keep_set(name, keep_get("said"));
    }
    return true;
}

static const struct step a_paid_order[] = {
    ACCOUNT("rob"),
    CONSENT("rob"),
    PHOTO("rob", "rob.photo"),
    ORDER("rob", "rob.order", MIXED_BODY("rob.photo")),
    {.label = "a payment",
     .call = "POST /v1/orders/{{rob.order}}/payments",
     .as = "rob",
     .key = "rob pays",
     .body = "{'channel': 'wechat', 'method': 'native'}",
     .status = 201,
     .keep = "rob.pay=payment_id rob.pay.no=out_trade_no"},
    {.label = "by a known openid",
     .call = "POST sandbox:/sandbox/pay",
     .body = "{'out_trade_no': '{{rob.pay.no}}', 'openid': 'oOpenidOfRob000000000000000A'}",
     .status = 200,
     .shape = "{'acknowledged': true, '...': true}",
     .keep = "rob.transaction=transaction_id"},
    PROMOTED,
    ORDER("rob", "rob.file", ELECTRONIC_BODY("rob.photo")),
    END,
};

/* ---- who may do what (api.md, Operator) ---- */

struct duty {
    const char *call, *role, *body, *headers;
    int status; /* for those who may */
};

static const struct duty duties[] = {
    {"GET /admin/v1/orders", "fulfilment", NULL, NULL, 200},
    {"GET /admin/v1/orders/{{rob.order}}", "fulfilment", NULL, "X-Purpose: fulfilment", 200},
    {"POST /admin/v1/orders/{{rob.file}}/ship", "fulfilment",
     "{'carrier': 'SF', 'tracking_no': 'SF0000000001'}", NULL, 409},
    {"POST /admin/v1/orders/{{rob.file}}/deliver", "fulfilment", "{}", NULL, 409},
    {"GET /admin/v1/ledger?day={{today}}", "finance", NULL, NULL, 200},
    {"GET /admin/v1/reconciliation?day={{today}}", "finance", NULL, NULL, 200},
    {"GET /admin/v1/payers?order={{rob.order}}", "finance", NULL, "X-Purpose: audit", 200},
    {"GET /admin/v1/retention", "auditor", NULL, NULL, 200},
    {"GET /admin/v1/jobs", "auditor", NULL, NULL, 200},
    {"POST /admin/v1/jobs/leases/run", "admin", "{}", NULL, 200},
};

static bool may(const struct duty *d, const char *role)
{
    bool allowed = strcmp(role, "admin") == 0 || strcmp(role, d->role) == 0;
    const struct step s = {.call = d->call, .as = role, .body = d->body, .headers = d->headers};
    struct answer a = step_send(&s);
    bool good = allowed ? a.status == d->status ||
                              complain("%s %s: want %d, got %d", role, d->call, d->status, a.status)
                        : is_problem(&a, 403, "forbidden");
    if (!good)
        fprintf(stderr, "      %s as %s\n", d->call, role);
    answer_free(&a);
    return good;
}

static bool each_role(void)
{
    char today[40];
    time_t t = (time_t)stack_now() + 8 * 3600;
    struct tm day;
    strftime(today, sizeof today, "%Y-%m-%d", gmtime_r(&t, &day));
    keep_set("today", today);
    if (!hire() || !steps_run(a_paid_order))
        return false;
    for (size_t i = 0; i < sizeof duties / sizeof *duties; i++) {
        for (size_t j = 0; j < sizeof roles / sizeof *roles; j++)
            if (!may(&duties[i], roles[j]))
                return false;
        if (!may(&duties[i], "admin"))
            return false;
    }
    return true;
}

/* ---- purposes ---- */

struct purpose {
    const char *header;
    int status;
};

static const struct purpose purposes[] = {
    {NULL, 400},
    {"X-Purpose: ", 400},
    {"X-Purpose: curiosity", 400},
    {"X-Purpose: Fulfilment", 400},
    {"X-Purpose: fulfilment because the parcel is late", 400},
    {"X-Purpose: fulfilment:", 400},
    {"X-Purpose: fulfilment:because", 400},
    {"X-Purpose: fulfilment:ord_", 400},
    {"X-Purpose: fulfilment:{{rob.order}}x", 400},
    {"X-Purpose: fulfilment\nX-Purpose: audit", 400},
    {"X-Purpose: fulfilment", 200},
    {"X-Purpose: support", 200},
    {"X-Purpose: refund", 200},
    {"X-Purpose: audit", 200},
    {"X-Purpose: legal", 200},
    {"X-Purpose: incident", 200},
    {"X-Purpose: fulfilment:{{rob.order}}", 200},
};

static bool ask_with(const char *call, const char *as, const struct purpose *p)
{
    const struct step s = {.call = call, .as = as, .headers = p->header};
    int before = atoi(db_value("SELECT count(*) FROM audit_log WHERE actor = 'operator'"));
    struct answer a = step_send(&s);
    int rows = atoi(db_value("SELECT count(*) FROM audit_log WHERE actor = 'operator'")) - before;
    bool good = p->status == 200 ? a.status == 200 || complain("want 200, got %d", a.status)
                                 : is_problem(&a, 400, "purpose-required");
    if (good && p->status == 200 && rows != 1)
        good = complain("%d audit rows, want 1", rows);
    if (!good)
        fprintf(stderr, "      %s with %s\n", call, p->header ? p->header : "no purpose");
    answer_free(&a);
    return good;
}

static bool purposes_hold(void)
{
    for (size_t i = 0; i < sizeof purposes / sizeof *purposes; i++)
        if (!ask_with("GET /admin/v1/orders/{{rob.order}}", "fulfilment", &purposes[i]) ||
            !ask_with("GET /admin/v1/payers?order={{rob.order}}", "finance", &purposes[i]))
            return false;
    return true;
}

static const struct step audit_rows[] = {
    {.label = "one in clear",
     .call = "GET /admin/v1/orders/{{rob.order}}",
     .as = "fulfilment",
     .headers = "X-Purpose: fulfilment:{{rob.order}}",
     .status = 200,
     .shape = "{'order_id': '{{rob.order}}', 'recipient': " RECIPIENT_SHAPE ", '...': true}",
     .expect = "cache-control: no-store"},
    {.label = "the audit row says who, whose, what and why",
     .sql = "SELECT l.action || ' ' || l.purpose || ' ' || l.purpose_id || ' ' || o.name || ' ' ||"
            " (a.account_id = {{rob.account}}) FROM audit_log l JOIN operator o USING (operator_id)"
            " JOIN account a USING (pseudonym) ORDER BY l.audit_id DESC LIMIT 1",
     .rows = "order.read fulfilment {{rob.order}} fulfilment-1 true"},
    COUNT("and no values", "audit_log l", "l::text LIKE '%王小明%' OR l::text LIKE '%13912345678%'",
          "0"),
    END,
};

/* ---- the masked list ---- */

#define MASKED                                                                                     \
    "{'items': [{'order_id': '{{rob.order}}', 'state': 'paid', 'kind': 'mixed', 'items': "         \
    "['...'], 'amount_fen': 3570, 'created_at': '@time', 'paid_at': '@time', 'expires_at': "       \
    "'@time', 'payments': ['@any'], 'refunds': [], 'recipient': {'name': '王*', 'phone': "        \
    "'139****5678', "                                                                              \
    "'province': '浙江省', 'city': '杭州市'}}, '...'], 'next_cursor': '@any'}"

static const struct step masked[] = {
    {.label = "names and numbers are masked, streets are not shown",
     .call = "GET /admin/v1/orders?state=paid&limit=1",
     .as = "fulfilment",
     .status = 200,
     .shape = MASKED},
    {.label = "no purpose is needed for that, and an audit row is left all the same",
     .sql = "SELECT action FROM audit_log ORDER BY audit_id DESC LIMIT 1",
     .rows = "order.list"},
    {.label = "a state that is none",
     .call = "GET /admin/v1/orders?state=lost",
     .as = "fulfilment",
     .status = 422,
     .problem = "invalid-members"},
    END,
};

/* ---- shipping ---- */

static const struct step shipping[] = {
    ACCOUNT("sam"),
    CONSENT("sam"),
    PHOTO("sam", "sam.photo"),
    ORDER("sam", "sam.order", PRINT_BODY("sam.photo")),
    {.label = "an unpaid order is not shipped",
     .call = "POST /admin/v1/orders/{{sam.order}}/ship",
     .as = "fulfilment",
     .body = "{'carrier': 'SF', 'tracking_no': 'SF1234567890'}",
     .status = 409,
     .problem = "conflict"},
    NATIVE("sam", "sam.order", "sam.pay"),
    PAYS("sam.pay"),
    {.label = "nor delivered before it is shipped",
     .call = "POST /admin/v1/orders/{{sam.order}}/deliver",
     .as = "fulfilment",
     .body = "{}",
     .status = 409,
     .problem = "conflict"},
    {.label = "shipped",
     .call = "POST /admin/v1/orders/{{sam.order}}/ship",
     .as = "fulfilment",
     .body = "{'carrier': 'SF', 'tracking_no': 'SF1234567890'}",
     .status = 200,
     .shape = "{'order_id': '{{sam.order}}', 'state': 'shipped', 'recipient': '@absent', '...': "
              "true}"},
    {.label = "the same parcel told twice is one, another parcel is a conflict",
     .call = "POST /admin/v1/orders/{{sam.order}}/ship",
     .as = "fulfilment",
     .body = "{'carrier': 'SF', 'tracking_no': 'SF0000000000'}",
     .status = 409,
     .problem = "conflict"},
    {.label = "the buyer sees the parcel",
     .call = "GET /v1/orders/{{sam.order}}",
     .as = "sam",
     .status = 200,
     .shape = "{'state': 'shipped', 'shipment': {'carrier': 'SF', 'tracking_no': 'SF1234567890', "
              "'shipped_at': '@time'}, '...': true}"},
    {.label = "the address is not corrected any more",
     .call = "PATCH /v1/orders/{{sam.order}}",
     .as = "sam",
     .body = "{'recipient': " RECIPIENT "}",
     .status = 409,
     .problem = "already-shipped"},
    {.label = "delivered, and telling it again does no harm",
     .call = "POST /admin/v1/orders/{{sam.order}}/deliver",
     .as = "fulfilment",
     .body = "{}",
     .status = 200,
     .shape = "{'state': 'delivered', 'recipient': '@absent', '...': true}"},
    COUNT("one audit row for the shipping", "audit_log",
          "action = 'order.ship' AND pseudonym = (SELECT pseudonym FROM account WHERE account_id = "
          "{{sam.account}})",
          "1"),
    COUNT("and one for the delivery", "audit_log",
          "action = 'order.deliver' AND pseudonym = (SELECT pseudonym FROM account WHERE "
          "account_id = {{sam.account}})",
          "1"),
    {.label = "a delivered order is deleted without force",
     .call = "DELETE /v1/orders/{{sam.order}}",
     .as = "sam",
     .status = 204},
    END,
};

/* ---- money ---- */

static const struct step ledger[] = {
    {.label = "the day's ledger as JSON",
     .call = "GET /admin/v1/ledger?day={{today}}",
     .as = "finance",
     .status = 200,
     .shape = "{'items': [{'entry_id': '@id:led_', 'kind': 'payment', 'channel': '@text', "
              "'transaction_id': '@text', 'out_trade_no': '@id:', 'out_refund_no': '@any', "
              "'amount_fen': '@integer', "
              "'occurred_at': '@time', 'recorded_at': '@time'}, '...'], '...': true}"},
    {.label = "and as CSV",
     .call = "GET /admin/v1/ledger?day={{today}}&format=csv",
     .as = "finance",
     .status = 200,
     .expect = "content-type: text/csv; charset=utf-8"},
    {.label = "a day without money",
     .call = "GET /admin/v1/ledger?day=2026-01-01",
     .as = "finance",
     .status = 200,
     .shape = "{'items': [], 'next_cursor': null}"},
    {.label = "no day",
     .call = "GET /admin/v1/ledger",
     .as = "finance",
     .status = 422,
     .problem = "invalid-members"},
    {.label = "a day that is none",
     .call = "GET /admin/v1/ledger?day=2026-02-30",
     .as = "finance",
     .status = 422,
     .problem = "invalid-members"},
    {.label = "a format that is none",
     .call = "GET /admin/v1/ledger?day={{today}}&format=xls",
     .as = "finance",
     .status = 422,
     .problem = "invalid-members"},
    {.label = "who paid",
     .call = "GET /admin/v1/payers?order={{rob.order}}",
     .as = "finance",
     .headers = "X-Purpose: audit:{{rob.order}}",
     .status = 200,
     .shape = "{'items': [{'order_id': '{{rob.order}}', 'channel': 'wechat', 'appid': '@text', "
              "'openid': 'oOpenidOfRob000000000000000A', 'ip_order': '127.0.0.1', 'ip_payment': "
              "'127.0.0.1', 'ip_callback': '127.0.0.1'}], 'next_cursor': null}",
     .expect = "cache-control: no-store"},
    {.label = "an order that is not there",
     .call = "GET /admin/v1/payers?order=ord_0000000000000000000000",
     .as = "finance",
     .headers = "X-Purpose: audit",
     .status = 404,
     .problem = "not-found"},
    END,
};

/* Both forms say the same, and what the ledger holds of rob's payment is true. */
static bool ledger_agrees(void)
{
    if (!steps_run(ledger))
        return false;
    const struct step json = {.call = "GET /admin/v1/ledger?day={{today}}", .as = "finance"};
    const struct step csv = {.call = "GET /admin/v1/ledger?day={{today}}&format=csv",
                             .as = "finance"};
    struct answer a = step_send(&json), b = step_send(&csv);
    char line[400] = "";
    size_t i, lines = 0;
    json_t *entry;
    bool good =
        strncmp(b.body, "entry_id,kind,channel,transaction_id,out_trade_no,amount_fen,", 61) == 0 ||
        complain("the head of the CSV: %.80s", b.body);
    json_array_foreach(json_object_get(a.json, "items"), i, entry)
    {
        const char *id, *kind, *channel, *transaction, *no;
        int fen;
        if (json_unpack(entry, "{s:s, s:s, s:s, s:s, s:s, s:i}", "entry_id", &id, "kind", &kind,
                        "channel", &channel, "transaction_id", &transaction, "out_trade_no", &no,
                        "amount_fen", &fen) ||
            snprintf(line, sizeof line, "%s,%s,%s,%s,%s,%d,", id, kind, channel, transaction, no,
                     fen) < 0 ||
            !strstr(b.body, line))
            good = complain("the CSV lacks %s", line);
        if (strcmp(no, keep_get("rob.pay.no")) == 0 && strcmp(kind, "payment") == 0 &&
            (fen != 3570 || strcmp(transaction, keep_get("rob.transaction")) != 0))
            good = complain("the ledger says %d fen", fen);
    }
    for (const char *p = b.body; (p = strstr(p, "\r\n")); p += 2)
        lines++;
    if (good && lines != i + 1)
        good = complain("%zu lines for %zu entries", lines, i);
    answer_free(&a);
    answer_free(&b);
    return good;
}

/* ---- jobs and retention ---- */

static const struct step jobs[] = {
    {.label = "what is kept, and that nothing is overdue",
     .call = "GET /admin/v1/retention",
     .as = "auditor",
     .status = 200,
     .shape = "{'now': '@time', 'classes': [{'class': '@text', 'rows': '@integer', "
              "'oldest_expiry_at': '@any', 'overdue_rows': 0}, '...'], 'ratchet': {'day': '@text', "
              "'...': true}, 'last_purge': {'at': '@time', 'photos': '@integer', 'orders': "
              "'@integer', 'accounts': '@integer'}}"},
    {.label = "the jobs' last runs",
     .call = "GET /admin/v1/jobs",
     .as = "auditor",
     .status = 200,
     .shape = "{'items': [{'job': '@text', 'from': '@time', 'to': '@time', 'outcome': 'ok', '...': "
              "true}, '...'], '...': true}"},
    {.label = "a purge by hand",
     .call = "POST /admin/v1/jobs/purge/run",
     .as = "admin",
     .body = "{}",
     .status = 200,
     .shape = "{'job': 'purge', 'outcome': 'ok', '...': true}"},
    {.label = "partitions by hand",
     .call = "POST /admin/v1/jobs/partitions/run",
     .as = "admin",
     .body = "{}",
     .status = 200,
     .shape = "{'job': 'partitions', 'outcome': 'ok', '...': true}"},
    {.label = "a job that is none",
     .call = "POST /admin/v1/jobs/coffee/run",
     .as = "admin",
     .body = "{}",
     .status = 404,
     .problem = "not-found"},
    COUNT("sixty days of partitions lie ahead", "pg_inherits",
          "inhparent = 'photo_bytes'::regclass", "61"),
    END,
};

static const struct step revoked[] = {
    {.label = "a new operator",
     .control = "\"$IDPHOTOD\" operator add temp --role finance --config \"$CONFIG\""},
    END,
};
static const struct step revoked_then[] = {
    {.label = "may look",
     .call = "GET /admin/v1/ledger?day={{today}}",
     .as = "temp",
     .status = 200},
    {.label = "until revoked",
     .control = "\"$IDPHOTOD\" operator revoke temp --config \"$CONFIG\""},
    {.label = "and then no more",
     .call = "GET /admin/v1/ledger?day={{today}}",
     .as = "temp",
     .status = 401,
     .problem = "unauthenticated"},
    END,
};

static bool revoking(void)
{
    if (!steps_run(revoked))
        return false;
    keep_set("temp.token", keep_get("said"));
    return steps_run(revoked_then);
}

const struct test operator_tests[] = {
    {"Each role does its own work and no other's, an administrator all", NULL, each_role},
    {"Personal data is shown for a purpose code, never for free text", NULL, purposes_hold},
    {"A look at an order in clear leaves an audit row without values", audit_rows, NULL},
    {"The list of orders is masked", masked, NULL},
    {"An order may be told shipped and delivered twice, and is so once", shipping, NULL},
    {"The ledger as JSON and as CSV say the same, payers are named while they are kept", NULL,
     ledger_agrees},
    {"Jobs are run by hand and listed, nothing is overdue", jobs, NULL},
    {"A revoked operator's token is dead at once", NULL, revoking},
    {NULL, NULL, NULL},
};
