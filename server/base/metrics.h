/* SPDX-License-Identifier: MIT */
/*
 * What the service counts about itself, as Prometheus reads it.
 *
 * metrics_table.c holds the one table: name, type, help, labels and the values
 * that each label may have. A label's values are a closed set, so that neither
 * a person's data nor an unbounded number of series can get in: a value outside
 * its set is counted as "other", and so is the mistake (METRIC_OTHER_VALUES).
 *
 * Counting takes no lock once a series exists: a hash of the labels and one
 * relaxed addition to a cell that few threads share. Any thread may call.
 * Names and units: https://prometheus.io/docs/practices/naming/
 *
 *   metric_count(METRIC_CALLBACKS, "wechat", "success");
 *   metric_observe(METRIC_DATABASE_ROUND_TRIP, took_us);
 */
#ifndef IDPHOTOD_BASE_METRICS_H
#define IDPHOTOD_BASE_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum metric {
    /* http */
    METRIC_HTTP_REQUESTS,         /* route, method, code */
    METRIC_HTTP_REQUEST_DURATION, /* route, method; microseconds */
    METRIC_HTTP_IN_FLIGHT,
    METRIC_HTTP_REFUSED,     /* lane, reason */
    METRIC_HTTP_QUEUED,      /* lane */
    METRIC_HTTP_QUEUE_LIMIT, /* lane */
    METRIC_HTTP_RUNNING,     /* lane */
    METRIC_HTTP_BODIES,
    METRIC_HTTP_BODIES_LIMIT,
    METRIC_HTTP_UPLOADS,
    METRIC_HTTP_UPLOADS_LIMIT,
    METRIC_CERTIFICATE_EXPIRY, /* certificate */
    METRIC_RATE_LIMITED,       /* class */

    /* database */
    METRIC_DATABASE_UP,
    METRIC_DATABASE_CONNECTIONS,
    METRIC_DATABASE_CONNECTS, /* result */
    METRIC_DATABASE_LOST,
    METRIC_DATABASE_RETRIES,    /* sqlstate */
    METRIC_DATABASE_ERRORS,     /* class */
    METRIC_DATABASE_ROUND_TRIP, /* microseconds */

    /* payments */
    METRIC_CALLBACKS,    /* channel, result */
    METRIC_COMMIT_BATCH, /* callbacks */
    METRIC_COMMIT_QUEUED,
    METRIC_COMMIT_QUEUE_LIMIT,
    METRIC_SETTLED,                /* channel, source, result */
    METRIC_ANOMALIES,              /* channel, kind */
    METRIC_POLLS,                  /* channel, result */
    METRIC_PROVIDER_CALLS,         /* channel, call, outcome */
    METRIC_PROVIDER_CALL_DURATION, /* channel, call; microseconds */
    METRIC_ANOMALIES_OPEN,
    METRIC_REFUNDS,      /* state */
    METRIC_REFUND_WORDS, /* channel, result */
    METRIC_REFUND_OLDEST,
    METRIC_AUDIT_FINDINGS,
    METRIC_BILL_DIFFERENCES,            /* channel */
    METRIC_MERCHANT_CERTIFICATE_EXPIRY, /* channel */
    METRIC_PAYMENTS_PENDING,
    METRIC_PAYMENT_OVERDUE,

    /* keeping and deleting */
    METRIC_PURGE_LAST_SUCCESS,
    METRIC_OVERDUE_ROWS, /* class */
    METRIC_PURGED,       /* class */
    METRIC_PROMOTE_LAG,
    METRIC_RATCHET_DAY,
    METRIC_RATCHET_LAG,
    METRIC_PARTITIONS_AHEAD,

    /* jobs */
    METRIC_JOB_RUNS,         /* job_name, outcome */
    METRIC_JOB_DURATION,     /* job_name; microseconds */
    METRIC_JOB_LAST_SUCCESS, /* job_name */
    METRIC_JOB_LAST_OUTCOME, /* job_name, outcome */

    /* pictures */
    METRIC_IMAGE_STAGE, /* stage; microseconds */

    /* the process */
    METRIC_BUILD, /* version, commit */
    METRIC_OTHER_VALUES,
    METRIC_PROCESS_CPU,
    METRIC_PROCESS_RESIDENT,
    METRIC_PROCESS_VIRTUAL,
    METRIC_PROCESS_FDS,
    METRIC_PROCESS_FDS_LIMIT,
    METRIC_PROCESS_START,
    METRIC_PROCESS_THREADS,
    METRICS
};

enum metric_type { METRIC_COUNTER = 1, METRIC_GAUGE, METRIC_HISTOGRAM };
enum { METRIC_LABELS_MAX = 3, METRIC_BUCKETS_MAX = 20 };

struct metric_label {
    const char *name;
    const char *const *values; /* NULL ends it; no list: metrics_define_label gives it */
};

/* One row of the table. What is counted is an integer; what is shown is that divided by `per`
 * (1000000 for microseconds shown as seconds; 0 is 1). */
struct metric_row {
    const char *name;
    enum metric_type type;
    const char *help;
    struct metric_label labels[METRIC_LABELS_MAX]; /* a NULL name ends them */
    const int64_t *bounds;                         /* of a histogram, rising; 0 ends them */
    int64_t per;
};
extern const struct metric_row metrics_table[METRICS];

/* ---- start ---- */

enum { METRIC_DEFINED_MAX = 256 };
/* The values of a label that the table leaves open: "route", "job_name", "version",
 * "commit". Borrows
 * the texts for good. Before threads start. */
void metrics_define_label(const char *name, const char *const *values, size_t n);

/* ---- counting ---- */

#define METRIC_VALUES_(...) ((const char *const[METRIC_LABELS_MAX]){__VA_ARGS__})

/* Adds n to a counter (n >= 0) or to a gauge that goes up and down. Label values follow in the
 * order of the table; NULL is "other". */
#define metric_add(metric, n, ...) metric_add_to((metric), (n), METRIC_VALUES_(__VA_ARGS__))
#define metric_count(metric, ...)  metric_add((metric), 1, __VA_ARGS__)
void metric_add_to(enum metric metric, int64_t n, const char *const values[METRIC_LABELS_MAX]);

/* One observation of a histogram; a negative one counts as 0. */
#define metric_observe(metric, v, ...) metric_observe_in((metric), (v), METRIC_VALUES_(__VA_ARGS__))
void metric_observe_in(enum metric metric, int64_t v, const char *const values[METRIC_LABELS_MAX]);

/* ---- giving it out ---- */

struct metric_samples;

/* A value known at the time of the scrape, shown as it is (per does not count here). For metrics
 * that are not counted by the functions above. */
#define metric_sample(samples, metric, v, ...)                                                     \
    metric_sample_in((samples), (metric), (v), METRIC_VALUES_(__VA_ARGS__))
void metric_sample_in(struct metric_samples *samples, enum metric metric, double v,
                      const char *const values[METRIC_LABELS_MAX]);

/* Everything, in the text format 0.0.4. collect (may be NULL) adds the samples of this scrape. A
 * metric without any value is left out; a label combination that may occur and has not is 0, for
 * metrics of few combinations, so that the first occurrence is an increase.
 * https://prometheus.io/docs/instrumenting/exposition_formats/ */
void metrics_write(struct buf *out, void (*collect)(struct metric_samples *, void *), void *arg);

#endif
