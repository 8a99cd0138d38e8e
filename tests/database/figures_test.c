/* SPDX-License-Identifier: MIT */
/* The figures that GET /metrics takes from the database. */
#include "store/figures.h"

#include <string.h>

#include "fixture.h"
#include "store/refund.h"

static int64_t account;
static struct uuid photo;

static void begin(void)
{
    world_up();
    account = new_account();
    photo = new_photo(account);
}

TestSuite(figures, .init = begin, .fini = world_down, .timeout = 60);

static const char *const job_names[] = {"purge", "promote"};

/* The figure with this first label (NULL: none), -1 when it is not there. */
static int64_t figure_at(int64_t at_us, enum metric metric, const char *label)
{
    struct figure *list;
    size_t n;
    is(figures_read(&w.st, w.a, at_us, job_names, 2, &list, &n), OK);
    for (size_t i = 0; i < n; i++)
        if (list[i].metric == metric &&
            (!label || (list[i].labels[0] && strcmp(list[i].labels[0], label) == 0)))
            return list[i].v;
    return -1;
}

static int64_t figure(enum metric metric, const char *label)
{
    return figure_at(w.now_us, metric, label);
}

Test(figures, a_service_at_rest_has_all_figures_and_nothing_waits)
{
    is(figure(METRIC_OVERDUE_ROWS, "order"), 0);
    is(figure(METRIC_PROMOTE_LAG, NULL), 0);
    is(figure(METRIC_PAYMENTS_PENDING, NULL), 0);
    is(figure(METRIC_PAYMENT_OVERDUE, NULL), 0);
    is(figure(METRIC_ANOMALIES_OPEN, NULL), 0);
    is(figure(METRIC_REFUNDS, "requested"), 0);
    is(figure(METRIC_REFUND_OLDEST, NULL), 0);
    is(figure(METRIC_PARTITIONS_AHEAD, NULL), 45);
    is(figure(METRIC_JOB_LAST_SUCCESS, "purge"), -1);
}

Test(figures, labels_are_of_their_closed_sets)
{
    struct figure *list;
    size_t n;
    is(figures_read(&w.st, w.a, w.now_us, job_names, 2, &list, &n), OK);
    for (size_t i = 0; i < n; i++) {
        const struct metric_label *label = metrics_table[list[i].metric].labels;
        cr_assert_eq(label->name != NULL, list[i].labels[0] != NULL, "%s",
                     metrics_table[list[i].metric].name);
        bool known = !label->values;
        for (size_t v = 0; !known && label->values[v]; v++)
            known = strcmp(label->values[v], list[i].labels[0]) == 0;
        cr_assert(known || !label->name, "%s", list[i].labels[0]);
    }
}

/* Whatever the two statements say of how to find it, they mean the same. */
static void agrees_with_retention(int64_t at_us)
{
    struct retention r;
    is(retention_read(&w.st, w.a, at_us, &r), OK);
    for (size_t i = 0; i < r.n_classes; i++) {
        int64_t told = figure_at(at_us, METRIC_OVERDUE_ROWS, r.classes[i].name);
        cr_assert(told < 0 || told == r.classes[i].overdue, "%s: %lld, not %lld", r.classes[i].name,
                  (long long)told, (long long)r.classes[i].overdue);
    }
}

Test(figures, overdue_rows_are_those_of_the_retention_report)
{
    struct uuid other = new_photo(account), open = new_photo(account);
    int moved;
    new_paid_order(account, "mixed", &photo);
    is(promote_orders(&w.st, w.now_us, 10, &moved), OK);
    new_paid_order(account, "print", &other); /* waits for promote */
    struct uuid order = new_order(account, "electronic", &open);
    new_payment(account, &order);
    sql_do(
        "INSERT INTO idempotency SELECT account_id, 'r', repeat('x', 32)::bytea,"
        " repeat('x', 32)::bytea, now(), '2026-12-01T06:00:00Z', gen_random_uuid() FROM account");
    for (int days = 0; days < 70; days += 3)
        agrees_with_retention(w.now_us + days * DAY_US + HOUR_US + MINUTE_US + 1);
    is(figure_at(w.now_us + 7 * DAY_US + MINUTE_US + 1, METRIC_OVERDUE_ROWS, "electronic-photo"),
       1);
    is(figure_at(w.now_us + 30 * DAY_US + MINUTE_US + 1, METRIC_OVERDUE_ROWS, "order"), 2);
    is(figure_at(w.now_us + 30 * DAY_US + MINUTE_US, METRIC_OVERDUE_ROWS, "order"), 0);
}

Test(figures, the_lag_of_promote_counts_from_the_oldest_that_waits)
{
    struct uuid other = new_photo(account);
    int moved;
    new_paid_order(account, "electronic", &photo);
    w.now_us += 10 * SECOND_US;
    new_paid_order(account, "electronic", &other);
    w.now_us += 5 * SECOND_US;
    is(figure(METRIC_PROMOTE_LAG, NULL), 15 * SECOND_US);
    is(promote_orders(&w.st, w.now_us, 1, &moved), OK);
    is(figure(METRIC_PROMOTE_LAG, NULL), 5 * SECOND_US);
    is(promote_orders(&w.st, w.now_us, 1, &moved), OK);
    is(figure(METRIC_PROMOTE_LAG, NULL), 0);
}

Test(figures, pending_attempts_are_counted_and_late_ones_timed)
{
    struct uuid order = new_order(account, "electronic", &photo);
    struct payment p = new_payment(account, &order);
    is(figure(METRIC_PAYMENTS_PENDING, NULL), 1);
    is(figure_at(p.expires_us - 1, METRIC_PAYMENT_OVERDUE, NULL), 0);
    is(figure_at(p.expires_us + MINUTE_US, METRIC_PAYMENT_OVERDUE, NULL), MINUTE_US);
    is(payment_close(&w.st, w.a, &p, p.expires_us + MINUTE_US), OK);
    is(figure(METRIC_PAYMENTS_PENDING, NULL), 0);
    is(figure_at(p.expires_us + MINUTE_US, METRIC_PAYMENT_OVERDUE, NULL), 0);
}

static void run_was(const char *job, int64_t at_us, const char *outcome)
{
    const struct job_run run = {.job = job,
                                .started_us = at_us,
                                .finished_us = at_us + SECOND_US,
                                .host = "here",
                                .outcome = outcome};
    is(job_run_write(&w.st, w.a, &run), OK);
}

Test(figures, a_job_that_failed_last_keeps_the_time_of_its_last_success)
{
    run_was("purge", w.now_us - HOUR_US, "ok");
    run_was("purge", w.now_us - MINUTE_US, "failed");
    run_was("close", w.now_us - MINUTE_US, "ok"); /* not asked for */
    is(figure(METRIC_JOB_LAST_SUCCESS, "purge"), w.now_us - HOUR_US + SECOND_US);
    is(figure(METRIC_PURGE_LAST_SUCCESS, NULL), w.now_us - HOUR_US + SECOND_US);
    is(figure(METRIC_JOB_LAST_SUCCESS, "close"), -1);
    is(figure(METRIC_JOB_LAST_SUCCESS, "promote"), -1);
    struct figure *list;
    size_t n, told = 0;
    is(figures_read(&w.st, w.a, w.now_us, job_names, 2, &list, &n), OK);
    for (size_t i = 0; i < n; i++)
        if (list[i].metric == METRIC_JOB_LAST_OUTCOME) {
            told++;
            same_text(list[i].labels[0], "purge");
            same_text(list[i].labels[1], "failed");
            is(list[i].v, 1);
        }
    is(told, 1);
}

Test(figures, the_last_audit_that_ended_well_tells_what_it_found)
{
    struct job_run run = {.job = "audit", .host = "here", .outcome = "ok", .rows = 3};
    is(figure(METRIC_AUDIT_FINDINGS, NULL), -1);
    run.started_us = run.finished_us = w.now_us - HOUR_US;
    is(job_run_write(&w.st, w.a, &run), OK);
    run.started_us = run.finished_us = w.now_us;
    run.outcome = "failed";
    run.rows = 0;
    is(job_run_write(&w.st, w.a, &run), OK);
    is(figure(METRIC_AUDIT_FINDINGS, NULL), 3);
}

/* A success that came after its order was cancelled is an anomaly, and is given back. */
Test(figures, anomalies_and_refunds_are_told_until_they_are_done)
{
    bool made;
    struct uuid order = new_order(account, "electronic", &photo);
    struct payment p = new_payment(account, &order);
    is(order_cancel(&w.st, w.a, account, &order, w.now_us), OK);
    struct trade t = trade_of(&p, "4200000001");
    is(settle_at(&t, w.now_us).outcome, SETTLE_LATE);
    is(figure(METRIC_ANOMALIES_OPEN, NULL), 1);
    is(refund_by_rule(&w.st, w.a, w.now_us, &made), OK);
    is(figure(METRIC_REFUNDS, "requested"), 1);
    is(figure_at(w.now_us + HOUR_US, METRIC_REFUND_OLDEST, NULL), HOUR_US);

    struct refund r;
    is(refund_take_due(&w.st, w.a, w.now_us, &r), OK);
    struct refund_word word = {.channel = r.channel,
                               .merchant = r.merchant,
                               .out_refund_no = r.out_refund_no,
                               .transaction_id = r.transaction_id,
                               .refund_fen = r.refund_fen,
                               .code = "CLOSED"};
    enum refund_heard heard;
    is(refund_fail(&w.st, w.a, &word, w.now_us, &heard), OK);
    is(figure(METRIC_REFUNDS, "requested"), 0);
    is(figure(METRIC_REFUNDS, "failed"), 1);
    is(figure_at(w.now_us + HOUR_US, METRIC_REFUND_OLDEST, NULL), 0);
    sql_do("INSERT INTO refund (refund_id, entry_id, refund_fen, reason, requested_at)"
           " SELECT gen_random_uuid(), entry_id, refund_fen, 'goodwill', requested_at FROM refund");
    is(figure(METRIC_REFUNDS, "failed"), 0);
}

Test(figures, bills_that_differ_are_told_for_as_long_as_they_are_compared_again)
{
    is(figure(METRIC_BILL_DIFFERENCES, "wechat"), 0);
    is(figure(METRIC_BILL_DIFFERENCES, "alipay"), 0);
    sql_do("INSERT INTO bill_day (day, channel, merchant, tries, tried_at, outcome, different,"
           " only_here, only_there, matched, other_day, under_way, awaiting) VALUES"
           " (%d, 'wechat', 'one', 1, now(), 'compared', 1, 2, 4, 100, 100, 100, 100),"
           " (%d, 'wechat', 'two', 1, now(), 'compared', 8, 0, 0, 0, 0, 0, 0)",
           day_of(w.now_us) - 1, day_of(w.now_us) - 7);
    is(figure(METRIC_BILL_DIFFERENCES, "wechat"), 15);
    is(figure_at(w.now_us + 2 * DAY_US, METRIC_BILL_DIFFERENCES, "wechat"), 7);
    is(figure_at(w.now_us + 9 * DAY_US, METRIC_BILL_DIFFERENCES, "wechat"), 0);
    is(figure(METRIC_BILL_DIFFERENCES, "alipay"), 0);
}
