/* SPDX-License-Identifier: MIT */
/* PostgreSQL goes away and comes back. */
#include "common.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "prepared.h"
#include "shape.h"
#include "stack.h"

/* A worker that could not connect waits that long before it tries again. */
enum { WORKERS_TRY_AGAIN_US = 600000 };

static const struct step before[] = {
    ACCOUNT("ula"),
    PHOTO("ula", "ula.photo"),
    ORDER("ula", "ula.order", ELECTRONIC_BODY("ula.photo")),
    NATIVE("ula", "ula.order", "ula.pay"),
    END,
};

static const struct step stop[] = {
    {.label = "PostgreSQL stops",
     .control =
         "pg=$(head -n 1 \"$IDPHOTOD_TEST_PGDATA/postmaster.pid\"); kill -INT $pg; while kill "
         "-0 $pg 2>/dev/null; do sleep 0.1; done"},
    END,
};

#define UNAVAILABLE .status = 503, .problem = "database-unavailable", .expect = "retry-after"

static const struct step without[] = {
    {.label = "alive", .call = "GET /livez", .status = 200},
    {.label = "not ready", .call = "GET /readyz", .status = 503, .expect = "retry-after"},
    {.label = "counted as ever", .call = "GET /metrics", .status = 200},
    {.label = "what needs no database is served", .call = "GET /v1/products", .status = 200},
    {.label = "the policy too", .call = "GET /v1/policy", .status = 200},
    {.label = "a read", .call = "GET /v1/account", .as = "ula", UNAVAILABLE},
    {.label = "a file", .call = "GET /v1/photos/{{ula.photo}}/file", .as = "ula", UNAVAILABLE},
    {.label = "a new account",
     .call = "POST /v1/accounts",
     .body = "{'policy_version': '{{policy}}'}",
     UNAVAILABLE},
    {.label = "an upload",
     .call = "POST /v1/photos",
     .as = "ula",
     .key = "while away",
     .file = "jpeg",
     UNAVAILABLE},
    {.label = "an order",
     .call = "POST /v1/orders",
     .as = "ula",
     .key = "while away",
     .body = ELECTRONIC_BODY("ula.photo"),
     UNAVAILABLE},
    {.label = "a deletion", .call = "DELETE /v1/photos/{{ula.photo}}", .as = "ula", UNAVAILABLE},
    {.label = "an operator's look", .call = "GET /admin/v1/orders", .as = "admin", UNAVAILABLE},
    {.label = "a payment is not acknowledged",
     .call = "POST sandbox:/sandbox/pay",
     .body = "{'out_trade_no': '{{ula.pay.no}}'}",
     .status = 200,
     .shape = "{'state': 'paid', 'acknowledged': false, 'status': 503, 'body': '@has:FAIL', '...': "
              "true}"},
    {.label = "alive all the time", .call = "GET /livez", .status = 200},
    END,
};

/* Signed while the order was still known, so that their answers are about the database alone. */
static struct answer payment_callback, refund_callback;

static bool before_and_stop(void)
{
    if (!steps_run(before))
        return false;
    payment_callback = callback_prepared("ula.pay.no", "wrong-amount");
    refund_callback = callback_prepared("ula.pay.no", "refund-notice");
    return steps_run(stop);
}

/* Each of them within a second, the first after the loss included. */
static bool fails_fast(void)
{
    struct timespec t0, t1;
    if (!before_and_stop())
        return false;
    for (const struct step *s = without; s->label; s++) {
        const struct step one[] = {*s, END};
        clock_gettime(CLOCK_MONOTONIC, &t0);
        if (!steps_run(one))
            return false;
        clock_gettime(CLOCK_MONOTONIC, &t1);
        double seconds = (double)(t1.tv_sec - t0.tv_sec) + (double)(t1.tv_nsec - t0.tv_nsec) / 1e9;
        if (seconds > 2) /* sent twice */
            return complain("%s took %.1f s", s->label, seconds);
    }
    return true;
}

static bool is_asked_for_again(struct answer *prepared, const char *path_more)
{
    struct answer a = callback_send(prepared, path_more);
    const char *after_s = answer_header(&a, "retry-after");
    bool good = a.status == 503 && after_s && strcmp(after_s, "1") == 0 && strstr(a.body, "FAIL");
    if (!good)
        complain("%d, Retry-After: %s", a.status, after_s ? after_s : "none");
    answer_free(&a);
    answer_free(prepared);
    return good;
}

/* Both, so that the one which fails does not leave the other's memory. */
static bool callbacks_are_asked_for_again(void)
{
    bool payment = is_asked_for_again(&payment_callback, "");
    bool refund = is_asked_for_again(&refund_callback, "/refund");
    return payment && refund;
}

static const struct step back[] = {
    {.label = "PostgreSQL starts",
     .control = "\"$STACK_ROOT/tests/tool/postgres.sh\" restart \"$IDPHOTOD_TEST_PGFOLDER\""},
    END,
};

static const struct step after[] = {
    {.label = "ready", .call = "GET /readyz", .status = 200},
    {.label = "a read", .call = "GET /v1/account", .as = "ula", .status = 200},
    {.label = "nothing was half done",
     .sql =
         "SELECT count(*) FROM idempotency WHERE account_id = {{ula.account}} AND http_status IS "
         "NULL",
     .rows = "0"},
    {.label = "the order that failed, under its key",
     .call = "POST /v1/orders",
     .as = "ula",
     .key = "while away",
     .body = ELECTRONIC_BODY("ula.photo"),
     .status = 201},
    {.label = "the provider calls again",
     .call = "POST sandbox:/sandbox/retry",
     .body = "{}",
     .status = 200},
    ORDER_STATE("ula", "ula.order", "paid"),
    COUNT("once", "ledger_entry", "out_trade_no = '{{ula.pay.no}}'", "1"),
    {.label = "an operator's look", .call = "GET /admin/v1/orders", .as = "admin", .status = 200},
    END,
};

static bool comes_back(void)
{
    static const struct step ready[] = {
        {.label = "ready", .call = "GET /readyz", .status = 200},
        END,
    };
    if (!steps_run(back))
        return false;
    for (int i = 0; i < 50 && !steps_run(ready); i++)
        usleep(100000);
    usleep(WORKERS_TRY_AGAIN_US);
    for (int i = 0; i < 24; i++) /* whichever worker it meets */
        if (!steps_run(ready))
            return false;
    return steps_run(after);
}

const struct test outage_tests[] = {
    {"Without PostgreSQL requests fail at once and the process lives", NULL, fails_fast},
    {"Callbacks of payments and of refunds are both asked for again in a second", NULL,
     callbacks_are_asked_for_again},
    {"When PostgreSQL is back, so is the service, and the provider's retry is taken", NULL,
     comes_back},
    {NULL, NULL, NULL},
};
