/* SPDX-License-Identifier: MIT */
/* The one table of metrics. The README lists them, and a test compares. */
#include "base/metrics.h"

#define VALUES(...)     ((const char *const[]){__VA_ARGS__, NULL})
#define BOUNDS(...)     ((const int64_t[]){__VA_ARGS__, 0})
#define PER_MICROSECOND 1000000

#define CHANNEL                                                                                    \
    {                                                                                              \
        "channel", VALUES("wechat", "alipay")                                                      \
    }
#define LANE                                                                                       \
    {                                                                                              \
        "lane", VALUES("work", "callback", "image")                                                \
    }
#define ROUTE                                                                                      \
    {                                                                                              \
        "route", NULL                                                                              \
    }
#define JOB                                                                                        \
    {                                                                                              \
        "job_name", NULL                                                                           \
    }
#define METHOD                                                                                     \
    {                                                                                              \
        "method", VALUES("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")               \
    }

/* clang-format off */
static const char *const http_codes[] = {
    "none", /* broken off before an answer */
    "200", "201", "202", "204", "206", "301", "302", "303", "304", "307", "308",
    "400", "401", "403", "404", "405", "406", "408", "409", "410", "411", "412", "413", "414", "415",
    "416", "417", "421", "422", "423", "425", "426", "428", "429", "431", "451",
    "500", "501", "502", "503", "504", "505", NULL};

static const char *const sqlstate_classes[] = {
    "08", "0A", "21", "22", "23", "25", "26", "28", "2D", "34", "3D", "3F", "40", "42", "53", "54",
    "55", "57", "58", "P0", "UG", "XX", NULL};

/* What settling came to, and why a callback came to nothing. */
static const char *const callback_results[] = {
    "success", "duplicate", "late", "second", "mismatch", "unknown", "refund", "ignored", "again",
    "not-whole", "headers", "signature-type", "probe", "timestamp", "serial", "signature", "format", "decrypt",
    "unknown-event", NULL};

static const char *const settle_results[] = {
    "success", "duplicate", "late", "second", "mismatch", "unknown", "again", "not-whole", NULL};

static const char *const anomaly_kinds[] = {
    "amount", "currency", "merchant", "application", "channel", "late", "second", "unknown-trade",
    "success-time", "not-whole", NULL};

static const char *const provider_calls[] = {
    "prepay", "query", "close", "refund", "refund-query", "bill", "bill-download", "certificates",
    "login", NULL};

static const char *const retention_classes[] = {
    "draft-photo", "electronic-photo", "print-photo", "unpaid-order", "order", "account", "session",
    "idempotency-answer", NULL};

static const char *const job_outcomes[] = {"ok", "held", "failed", "elsewhere", NULL};

/* Microseconds. */
#define REQUEST_BOUNDS  BOUNDS(500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000)
#define DATABASE_BOUNDS BOUNDS(100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 1000000, 5000000)
#define CALL_BOUNDS     BOUNDS(5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000)
#define JOB_BOUNDS      BOUNDS(1000, 5000, 25000, 100000, 500000, 1000000, 5000000, 15000000, 60000000, 300000000)
#define IMAGE_BOUNDS    BOUNDS(1000, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000)

const struct metric_row metrics_table[METRICS] = {
    [METRIC_HTTP_REQUESTS] = {"idphotod_http_requests_total", METRIC_COUNTER,
        "Requests answered, by route template, method and status code.",
        {ROUTE, METHOD, {"code", http_codes}}},
    [METRIC_HTTP_REQUEST_DURATION] = {"idphotod_http_request_duration_seconds", METRIC_HISTOGRAM,
        "From the first byte of a request to the last of its answer.", {ROUTE, METHOD},
        REQUEST_BOUNDS, PER_MICROSECOND},
    [METRIC_HTTP_IN_FLIGHT] = {"idphotod_http_requests_in_flight", METRIC_GAUGE,
        "Requests that have begun and are not over, this scrape's among them."},
    [METRIC_HTTP_REFUSED] = {"idphotod_http_refused_total", METRIC_COUNTER,
        "Requests that were not taken up: the queue was full (a callback's: of those that wait for "
        "their commit) or stopping, or their time was over.",
        {LANE, {"reason", VALUES("full", "expired", "stopping")}}},
    [METRIC_HTTP_QUEUED] = {"idphotod_http_queue_length", METRIC_GAUGE,
        "Requests that wait for a worker.", {LANE}},
    [METRIC_HTTP_QUEUE_LIMIT] = {"idphotod_http_queue_limit", METRIC_GAUGE,
        "Requests that may wait for a worker.", {LANE}},
    [METRIC_HTTP_RUNNING] = {"idphotod_http_running", METRIC_GAUGE,
        "Requests that a worker is at.", {LANE}},
    [METRIC_HTTP_BODIES] = {"idphotod_http_bodies_bytes", METRIC_GAUGE,
        "Request bodies in memory, without uploads of pictures."},
    [METRIC_HTTP_BODIES_LIMIT] = {"idphotod_http_bodies_limit_bytes", METRIC_GAUGE,
        "Request bodies that may be in memory; over it, requests are refused."},
    [METRIC_HTTP_UPLOADS] = {"idphotod_http_uploads_bytes", METRIC_GAUGE,
        "Memory that uploads of pictures have taken, from their headers to their answers."},
    [METRIC_HTTP_UPLOADS_LIMIT] = {"idphotod_http_uploads_limit_bytes", METRIC_GAUGE,
        "Memory that uploads of pictures may take; over it, they are refused before they are read."},
    [METRIC_CERTIFICATE_EXPIRY] = {"idphotod_certificate_expiry_timestamp_seconds", METRIC_GAUGE,
        "When a certificate ends: a listener's own chain; absent where none is used.",
        {{"certificate", VALUES("public", "operator")}}},
    [METRIC_RATE_LIMITED] = {"idphotod_rate_limited_total", METRIC_COUNTER,
        "Requests refused by a rate limit or quota, by the limit's class.",
        {{"class", VALUES("probe", "read", "write", "account", "photo", "check", "make", "file", "order", "payment",
            "drafts", "bytes")}}},

    [METRIC_DATABASE_UP] = {"idphotod_database_up", METRIC_GAUGE,
        "1 when the database answered the last time that it was asked, at most some seconds ago."},
    [METRIC_DATABASE_CONNECTIONS] = {"idphotod_database_connections", METRIC_GAUGE,
        "Connections to the database that are open."},
    [METRIC_DATABASE_CONNECTS] = {"idphotod_database_connects_total", METRIC_COUNTER,
        "Attempts to connect to the database.", {{"result", VALUES("ok", "failed")}}},
    [METRIC_DATABASE_LOST] = {"idphotod_database_connections_lost_total", METRIC_COUNTER,
        "Connections to the database that ended without our doing."},
    [METRIC_DATABASE_RETRIES] = {"idphotod_database_retries_total", METRIC_COUNTER,
        "Transactions repeated after a serialization failure or a deadlock.",
        {{"sqlstate", VALUES("40001", "40P01")}}},
    [METRIC_DATABASE_ERRORS] = {"idphotod_database_errors_total", METRIC_COUNTER,
        "Statements that failed, by class of SQLSTATE; UG is what our own functions raise.",
        {{"class", sqlstate_classes}}},
    [METRIC_DATABASE_ROUND_TRIP] = {"idphotod_database_round_trip_seconds", METRIC_HISTOGRAM,
        "From sending a transaction to its last answer.", {{0}}, DATABASE_BOUNDS, PER_MICROSECOND},

    [METRIC_CALLBACKS] = {"idphotod_callbacks_total", METRIC_COUNTER,
        "Callbacks of the providers, by what they came to or why they were refused.",
        {CHANNEL, {"result", callback_results}}},
    [METRIC_COMMIT_BATCH] = {"idphotod_commit_batch_callbacks", METRIC_HISTOGRAM,
        "How many callbacks one statement commits together.", {{0}}, BOUNDS(1, 2, 4, 8, 16, 32, 64)},
    [METRIC_COMMIT_QUEUED] = {"idphotod_commit_queue_length", METRIC_GAUGE,
        "Verified callbacks that wait to be committed."},
    [METRIC_COMMIT_QUEUE_LIMIT] = {"idphotod_commit_queue_limit", METRIC_GAUGE,
        "Verified callbacks that may wait to be committed; over it, the provider is told to come again."},
    [METRIC_SETTLED] = {"idphotod_trades_settled_total", METRIC_COUNTER,
        "Verified successes put into effect, by who told: a callback, or the answer to our asking.",
        {CHANNEL, {"source", VALUES("callback", "asked")}, {"result", settle_results}}},
    [METRIC_ANOMALIES] = {"idphotod_payment_anomalies_total", METRIC_COUNTER,
        "Verified payments that do not fit.", {CHANNEL, {"kind", anomaly_kinds}}},
    [METRIC_POLLS] = {"idphotod_polls_total", METRIC_COUNTER,
        "Pending payments that the provider was asked about, by its answer.",
        {CHANNEL, {"result", VALUES("paid", "pending", "closed", "refunded", "unknown", "failed")}}},
    [METRIC_PROVIDER_CALLS] = {"idphotod_provider_calls_total", METRIC_COUNTER,
        "Calls to the providers: ok, refused by them, unverified answers, no answer or a failure there.",
        {CHANNEL, {"call", provider_calls}, {"outcome", VALUES("ok", "refused", "unverified", "unavailable")}}},
    [METRIC_PROVIDER_CALL_DURATION] = {"idphotod_provider_call_duration_seconds", METRIC_HISTOGRAM,
        "How long the providers take to answer.", {CHANNEL, {"call", provider_calls}},
        CALL_BOUNDS, PER_MICROSECOND},
    [METRIC_ANOMALIES_OPEN] = {"idphotod_payment_anomalies_unresolved", METRIC_GAUGE,
        "Verified payments that do not fit and that nothing was done about yet."},
    [METRIC_REFUNDS] = {"idphotod_refunds", METRIC_GAUGE,
        "Refunds under way, and failed ones that no later refund of the payment has made good.",
        {{"state", VALUES("requested", "accepted", "failed")}}},
    [METRIC_REFUND_WORDS] = {"idphotod_refund_words_total", METRIC_COUNTER,
        "What providers said of refunds, by what it came to here; unknown and differs are alarms.",
        {CHANNEL, {"result", VALUES("accepted", "done", "failed", "same", "unknown", "differs")}}},
    [METRIC_REFUND_OLDEST] = {"idphotod_refund_oldest_seconds", METRIC_GAUGE,
        "Age of the oldest refund under way; 0 when none is.", .per = PER_MICROSECOND},
    [METRIC_AUDIT_FINDINGS] = {"idphotod_audit_findings", METRIC_GAUGE,
        "What the last audit of the books found wrong, on any host; always 0."},
    [METRIC_BILL_DIFFERENCES] = {"idphotod_bill_differences", METRIC_GAUGE,
        "What differs between the ledger and the providers' bills of the last seven days; always 0.", {CHANNEL}},
    [METRIC_MERCHANT_CERTIFICATE_EXPIRY] = {"idphotod_merchant_certificate_expiry_timestamp_seconds", METRIC_GAUGE,
        "When the first of our merchants' own certificates ends; absent where none is configured.", {CHANNEL}},
    [METRIC_PAYMENTS_PENDING] = {"idphotod_payments_pending", METRIC_GAUGE,
        "Attempts to pay that the provider has not decided."},
    [METRIC_PAYMENT_OVERDUE] = {"idphotod_payment_overdue_seconds", METRIC_GAUGE,
        "How long the longest overdue pending attempt is past its time to pay; 0 when none is.",
        .per = PER_MICROSECOND},

    [METRIC_PURGE_LAST_SUCCESS] = {"idphotod_purge_last_success_timestamp_seconds", METRIC_GAUGE,
        "When a purge last ended well, on any host.", .per = PER_MICROSECOND},
    [METRIC_OVERDUE_ROWS] = {"idphotod_retention_overdue_rows", METRIC_GAUGE,
        "Rows kept more than a minute past their end, by class of data; always 0.",
        {{"class", retention_classes}}},
    [METRIC_PURGED] = {"idphotod_purged_rows_total", METRIC_COUNTER,
        "Rows deleted because their time was over, by this process.",
        {{"class", VALUES("photos", "orders", "accounts", "others")}}},
    [METRIC_PROMOTE_LAG] = {"idphotod_promote_lag_seconds", METRIC_GAUGE,
        "Age of the oldest paid order that was not moved to its last day yet; 0 when none waits.",
        .per = PER_MICROSECOND},
    [METRIC_RATCHET_DAY] = {"idphotod_ratchet_day_timestamp_seconds", METRIC_GAUGE,
        "Beginning of the day whose key this host's ratchet still holds."},
    [METRIC_RATCHET_LAG] = {"idphotod_ratchet_lag_seconds", METRIC_GAUGE,
        "From the beginning of the ratchet's day to the beginning of today."},
    [METRIC_PARTITIONS_AHEAD] = {"idphotod_partitions_ahead", METRIC_GAUGE,
        "Days after today for which photo partitions exist."},

    [METRIC_JOB_RUNS] = {"idphotod_job_runs_total", METRIC_COUNTER,
        "Runs of jobs by this process; elsewhere: another host had it.",
        {JOB, {"outcome", job_outcomes}}},
    [METRIC_JOB_DURATION] = {"idphotod_job_duration_seconds", METRIC_HISTOGRAM,
        "How long runs of jobs take.", {JOB}, JOB_BOUNDS, PER_MICROSECOND},
    [METRIC_JOB_LAST_SUCCESS] = {"idphotod_job_last_success_timestamp_seconds", METRIC_GAUGE,
        "When each job last ended well, on any host.", {JOB}, .per = PER_MICROSECOND},
    [METRIC_JOB_LAST_OUTCOME] = {"idphotod_job_last_outcome", METRIC_GAUGE,
        "1 for what each job's last run came to, on any host.", {JOB, {"outcome", job_outcomes}}},

    [METRIC_IMAGE_STAGE] = {"idphotod_image_stage_duration_seconds", METRIC_HISTOGRAM,
        "How long uploads spend in each stage of their picture's handling.",
        {{"stage", VALUES("decode", "strip", "find", "matte", "compose", "edit", "measure", "encode")}}, IMAGE_BOUNDS, PER_MICROSECOND},

    [METRIC_BUILD] = {"idphotod_build_info", METRIC_GAUGE,
        "1, with the version and the commit that the program was built from.",
        {{"version", NULL}, {"commit", NULL}}},
    [METRIC_OTHER_VALUES] = {"idphotod_metrics_other_values_total", METRIC_COUNTER,
        "Label values outside their closed set: a bug."},
    [METRIC_PROCESS_CPU] = {"process_cpu_seconds_total", METRIC_COUNTER,
        "Processor time that the process took, in the user's and the system's name."},
    [METRIC_PROCESS_RESIDENT] = {"process_resident_memory_bytes", METRIC_GAUGE, "Memory in use."},
    [METRIC_PROCESS_VIRTUAL] = {"process_virtual_memory_bytes", METRIC_GAUGE, "Addresses in use."},
    [METRIC_PROCESS_FDS] = {"process_open_fds", METRIC_GAUGE, "Open file descriptors."},
    [METRIC_PROCESS_FDS_LIMIT] = {"process_max_fds", METRIC_GAUGE,
        "File descriptors that may be open."},
    [METRIC_PROCESS_START] = {"process_start_time_seconds", METRIC_GAUGE,
        "When the process started, by the system's clock."},
    [METRIC_PROCESS_THREADS] = {"process_threads", METRIC_GAUGE, "Threads of the process."},
};
/* clang-format on */
