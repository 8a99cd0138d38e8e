/* SPDX-License-Identifier: MIT */
/*
 * Every statement gives rows of two labels (NULL where the metric has none) and a number; times and
 * ages are in microseconds. $1 is now, or the names of the jobs.
 */
#include "store/figures.h"

#include "base/clock.h"

#define MICROSECONDS(what) "(extract(epoch FROM " what ") * 1000000)::bigint"

/* As retention_select judges, of the rows alone that are past their end. Payers go with orders. */
static const struct statement figure_overdue = {
    "figure_overdue",
    "WITH late AS ("
    " SELECT c.purpose || '-photo' AS class FROM photo_copy c"
    "  WHERE c.expires_at < $1::timestamptz - interval '1 minute' AND NOT EXISTS"
    "   (SELECT 1 FROM order_item i JOIN orders o USING (account_id, order_id)"
    "    WHERE i.account_id = c.account_id AND i.photo_id = c.photo_id AND (o.state = 'unpaid'"
    "     OR (o.paid_at IS NOT NULL AND o.promoted_at IS NULL AND o.state <> 'closed')))"
    " UNION ALL SELECT CASE WHEN o.paid_at IS NULL THEN 'unpaid-order' ELSE 'order' END FROM "
    "orders o"
    "  WHERE o.expires_at < $1::timestamptz - interval '1 minute' AND (o.paid_at IS NOT NULL"
    "   OR NOT EXISTS (SELECT 1 FROM payment p WHERE p.account_id = o.account_id"
    "    AND p.order_id = o.order_id AND p.state = 'pending'))"
    " UNION ALL SELECT 'session' FROM session"
    "  WHERE expires_at < $1::timestamptz - interval '1 minute'"
    " UNION ALL SELECT 'idempotency-answer' FROM idempotency"
    "  WHERE expires_at < $1::timestamptz - interval '1 minute'"
    " UNION ALL SELECT 'account' FROM account a"
    "  WHERE a.idle_from < $1::timestamptz - interval '31 days 1 minute'"
    "   AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.account_id = a.account_id)"
    "   AND NOT EXISTS (SELECT 1 FROM photo_copy c WHERE c.account_id = a.account_id))"
    " SELECT class, NULL::text, count(late.class) FROM unnest(ARRAY['draft-photo',"
    "  'electronic-photo', 'print-photo', 'unpaid-order', 'order', 'account', 'session',"
    "  'idempotency-answer']) AS known (class) LEFT JOIN late USING (class) GROUP BY class"};

static const struct statement figure_promote = {
    "figure_promote", "SELECT NULL::text, NULL::text, coalesce(greatest(0, " MICROSECONDS(
                          "$1::timestamptz - min(paid_at)") "), 0)"
                                                            " FROM orders WHERE paid_at IS NOT "
                                                            "NULL AND promoted_at IS NULL"};

static const struct statement figure_pending = {
    "figure_pending",
    "SELECT NULL::text, NULL::text, count(*) FROM payment WHERE state = 'pending'"};

static const struct statement figure_payment_overdue = {
    "figure_payment_overdue",
    "SELECT NULL::text, NULL::text, coalesce(greatest(0, " MICROSECONDS(
        "$1::timestamptz - min(expires_at)") "), 0)"
                                             " FROM payment WHERE state = 'pending'"};

static const struct statement figure_partitions = {
    "figure_partitions", "SELECT NULL::text, NULL::text, count(*) FROM pg_inherits i JOIN pg_class "
                         "c ON c.oid = i.inhrelid"
                         " WHERE i.inhparent = 'photo_bytes'::regclass"
                         "  AND substring(c.relname FROM 'photo_bytes_([0-9]+)$')::int"
                         "   > floor((extract(epoch FROM $1::timestamptz) + 28800) / 86400)"};

static const struct statement figure_anomalies = {
    "figure_anomalies",
    "SELECT NULL::text, NULL::text, count(*) FROM anomaly WHERE resolved_at IS NULL"};

/* What is under way has a time at which it is looked at next (refund_next). */
static const struct statement figure_refunds = {
    "figure_refunds",
    "WITH counted AS ("
    " SELECT state FROM refund WHERE next_at IS NOT NULL AND state IN ('requested', 'accepted')"
    " UNION ALL SELECT 'failed' FROM refund f WHERE state = 'failed' AND NOT EXISTS ("
    "  SELECT 1 FROM refund r WHERE r.entry_id = f.entry_id AND r.seq > f.seq"
    "   AND r.state <> 'failed'))"
    " SELECT state, NULL::text, count(counted.state)"
    " FROM unnest(ARRAY['requested', 'accepted', 'failed']) AS known (state)"
    "  LEFT JOIN counted USING (state) GROUP BY state"};

static const struct statement figure_refund_oldest = {
    "figure_refund_oldest",
    "SELECT NULL::text, NULL::text, coalesce(greatest(0, " MICROSECONDS(
        "$1::timestamptz - min(requested_at)") "), 0)"
                                               " FROM refund WHERE next_at IS NOT NULL AND state "
                                               "IN ('requested', 'accepted')"};

/* The audit counts what it finds as its rows. */
static const struct statement figure_audit = {
    "figure_audit", "SELECT NULL::text, NULL::text, rows FROM job_run WHERE job = 'audit'"
                    " AND outcome = 'ok' ORDER BY started_at DESC LIMIT 1"};

/* Of the days that are compared again and again (jobs/reconcile.c). */
static const struct statement figure_bills = {
    "figure_bills",
    "SELECT known.channel, NULL::text, coalesce(sum(b.different + b.only_here + b.only_there), "
    "0)::bigint"
    " FROM unnest(ARRAY['wechat', 'alipay']) AS known (channel)"
    "  LEFT JOIN bill_day b ON b.channel = known.channel AND b.day >="
    "   floor((extract(epoch FROM $1::timestamptz) + 28800) / 86400)::integer - 8"
    " GROUP BY known.channel"};

#define LAST_RUN                                                                                   \
    " FROM unnest($1::text[]) AS j (job), LATERAL (SELECT r.finished_at, r.outcome FROM job_run r" \
    "  WHERE r.job = j.job"

static const struct statement figure_job_success = {
    "figure_job_success", "SELECT job, NULL::text, " MICROSECONDS("finished_at") LAST_RUN
    " AND r.outcome = 'ok' ORDER BY r.started_at DESC LIMIT 1) AS last"};

static const struct statement figure_purge_success = {
    "figure_purge_success",
    "SELECT NULL::text, NULL::text, (extract(epoch FROM finished_at) * 1000000)::bigint"
    " FROM job_run WHERE job = 'purge' AND outcome = 'ok' ORDER BY started_at DESC LIMIT 1"};

static const struct statement figure_job_outcome = {"figure_job_outcome",
                                                    "SELECT job, outcome, 1::bigint" LAST_RUN
                                                    " ORDER BY r.started_at DESC LIMIT 1) AS last"};

enum parameter { NONE, NOW, JOBS };

static const struct {
    enum metric metric;
    const struct statement *statement;
    enum parameter parameter;
} figures[] = {
    {METRIC_OVERDUE_ROWS, &figure_overdue, NOW},
    {METRIC_PROMOTE_LAG, &figure_promote, NOW},
    {METRIC_PAYMENTS_PENDING, &figure_pending, NONE},
    {METRIC_PAYMENT_OVERDUE, &figure_payment_overdue, NOW},
    {METRIC_ANOMALIES_OPEN, &figure_anomalies, NONE},
    {METRIC_REFUNDS, &figure_refunds, NONE},
    {METRIC_REFUND_OLDEST, &figure_refund_oldest, NOW},
    {METRIC_AUDIT_FINDINGS, &figure_audit, NONE},
    {METRIC_BILL_DIFFERENCES, &figure_bills, NOW},
    {METRIC_PARTITIONS_AHEAD, &figure_partitions, NOW},
    {METRIC_JOB_LAST_SUCCESS, &figure_job_success, JOBS},
    {METRIC_PURGE_LAST_SUCCESS, &figure_purge_success, NONE},
    {METRIC_JOB_LAST_OUTCOME, &figure_job_outcome, JOBS},
};
enum { FIGURES = sizeof figures / sizeof *figures };

STATEMENTS(figure_statements, &figure_overdue, &figure_promote, &figure_pending,
           &figure_payment_overdue, &figure_anomalies, &figure_refunds, &figure_refund_oldest,
           &figure_audit, &figure_bills, &figure_partitions, &figure_job_success,
           &figure_purge_success, &figure_job_outcome);

static size_t count_rows(const struct rows rows[FIGURES])
{
    size_t n = 0;
    for (int i = 0; i < FIGURES; i++)
        n += (size_t)rows[i].count;
    return n;
}

enum status figures_read(struct store *st, struct arena *a, int64_t now_us, const char *const *jobs,
                         size_t n_jobs, struct figure **out, size_t *count)
{
    struct params parameters[JOBS + 1] = {0};
    struct step steps[FIGURES];
    struct rows rows[FIGURES];
    add_time(&parameters[NOW], now_us);
    add_text_array(&parameters[JOBS], a, jobs, n_jobs);
    for (int i = 0; i < FIGURES; i++)
        steps[i] = (struct step){figures[i].statement, &parameters[figures[i].parameter]};
    enum status s = db_run_batch(st->db, a, steps, FIGURES, rows);
    if (s != OK)
        return s;
    struct figure *list = arena_alloc(a, count_rows(rows) * sizeof *list);
    size_t n = 0;
    for (int i = 0; i < FIGURES; i++)
        for (int row = 0; row < rows[i].count; row++)
            list[n++] = (struct figure){figures[i].metric,
                                        {row_text(&rows[i], row, 0), row_text(&rows[i], row, 1)},
                                        row_bigint(&rows[i], row, 2)};
    *out = list;
    *count = n;
    return OK;
}
