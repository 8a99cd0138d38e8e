/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/metrics.h"
#include "base/process.h"

static char *scrape(void (*collect)(struct metric_samples *, void *))
{
    struct buf out = {0};
    metrics_write(&out, collect, NULL);
    char *text = strdup(out.bytes ? (const char *)out.bytes : "");
    buf_free(&out);
    return text;
}

static void assert_line(const char *text, const char *line)
{
    char whole[512];
    snprintf(whole, sizeof whole, "\n%s\n", line);
    cr_assert(strstr(text, whole), "no line %s", line);
}

static void define_routes(void)
{
    static const char *const routes[] = {"/v1/orders", "/v1/photos"};
    metrics_define_label("route", routes, 2);
}

/* ---- the table ---- */

static bool ends_in(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* https://prometheus.io/docs/practices/naming/ and the reserved suffixes of the text format */
Test(metrics, every_row_has_a_name_of_the_conventions)
{
    for (int m = 0; m < METRICS; m++) {
        const struct metric_row *row = &metrics_table[m];
        cr_assert(row->name && row->help && row->help[0], "row %d", m);
        cr_assert(strncmp(row->name, "idphotod_", 9) == 0 || strncmp(row->name, "process_", 8) == 0,
                  "%s", row->name);
        cr_assert_eq(strspn(row->name, "abcdefghijklmnopqrstuvwxyz_"), strlen(row->name), "%s",
                     row->name);
        cr_assert_eq(ends_in(row->name, "_total"), row->type == METRIC_COUNTER, "%s", row->name);
        cr_assert(!ends_in(row->name, "_count") && !ends_in(row->name, "_sum") &&
                      !ends_in(row->name, "_bucket"),
                  "%s", row->name);
        cr_assert_eq(row->bounds != NULL, row->type == METRIC_HISTOGRAM, "%s", row->name);
        if (row->per == 1000000)
            cr_assert(strstr(row->name, "_seconds"), "%s", row->name);
        for (int other = 0; other < m; other++)
            cr_assert_str_neq(row->name, metrics_table[other].name);
    }
}

Test(metrics, buckets_rise)
{
    for (int m = 0; m < METRICS; m++)
        for (const int64_t *b = metrics_table[m].bounds; b && b[0] && b[1]; b++)
            cr_assert_lt(b[0], b[1], "%s", metrics_table[m].name);
}

Test(metrics, a_label_is_not_named_by_what_tells_of_a_person)
{
    static const char *const may[] = {"route",   "method",      "code",     "lane",     "reason",
                                      "class",   "result",      "sqlstate", "channel",  "source",
                                      "kind",    "call",        "outcome",  "job_name", "stage",
                                      "version", "certificate", "commit",   "state",    "slot"};
    for (int m = 0; m < METRICS; m++)
        for (int i = 0; i < METRIC_LABELS_MAX && metrics_table[m].labels[i].name; i++) {
            size_t n = 0;
            while (n < sizeof may / sizeof *may &&
                   strcmp(may[n], metrics_table[m].labels[i].name) != 0)
                n++;
            cr_assert(n < sizeof may / sizeof *may, "%s{%s}", metrics_table[m].name,
                      metrics_table[m].labels[i].name);
        }
}

/* "channel (wechat alipay), result": values where they are few. */
static void describe_labels(const struct metric_row *row, char *out)
{
    enum { FEW = 20 };
    *out = 0;
    for (int i = 0; i < METRIC_LABELS_MAX && row->labels[i].name; i++) {
        const struct metric_label *label = &row->labels[i];
        size_t n = 0;
        while (label->values && label->values[n])
            n++;
        out += sprintf(out, "%s%s", i ? ", " : "", label->name);
        for (size_t v = 0; n <= FEW && v < n; v++)
            out += sprintf(out, "%s%s%s", v ? " " : " (", label->values[v], v + 1 == n ? ")" : "");
    }
}

static char *read_text(const char *path)
{
    struct buf b = {0};
    char part[4096];
    FILE *f = fopen(path, "r");
    cr_assert_not_null(f, "%s", path);
    for (size_t n; (n = fread(part, 1, sizeof part, f)) > 0;)
        buf_add(&b, part, n);
    fclose(f);
    char *text = strdup((const char *)b.bytes);
    buf_free(&b);
    return text;
}

Test(metrics, each_is_described_in_the_document_as_the_table_has_it)
{
    static const char *const types[] = {"", "counter", "gauge", "histogram"};
    char *text = read_text("deploy/prometheus/metrics.md"), line[2048], labels[1024];
    size_t rows = 0;
    for (int m = 0; m < METRICS; m++) {
        const struct metric_row *row = &metrics_table[m];
        describe_labels(row, labels);
        snprintf(line, sizeof line, "\n| `%s` | %s | %s | %s |\n", row->name, types[row->type],
                 labels, row->help);
        cr_expect(strstr(text, line), "metrics.md lacks:%s", line);
    }
    for (const char *p = text; (p = strstr(p, "\n| `")); p++)
        rows++;
    cr_assert_eq(rows, METRICS, "%zu rows of %d metrics", rows, METRICS);
    free(text);
}

/* ---- counting ---- */

Test(metrics, a_counter_adds_up_for_each_combination_of_labels)
{
    metric_count(METRIC_CALLBACKS, "wechat", "success");
    metric_add(METRIC_CALLBACKS, 2, "wechat", "success");
    metric_count(METRIC_CALLBACKS, "alipay", "signature");
    char *text = scrape(NULL);
    assert_line(text, "# TYPE idphotod_callbacks_total counter");
    assert_line(text, "idphotod_callbacks_total{channel=\"wechat\",result=\"success\"} 3");
    assert_line(text, "idphotod_callbacks_total{channel=\"alipay\",result=\"signature\"} 1");
    free(text);
}

Test(metrics, what_may_occur_and_has_not_is_shown_as_0)
{
    char *text = scrape(NULL);
    assert_line(text, "idphotod_payment_anomalies_total{channel=\"wechat\",kind=\"amount\"} 0");
    cr_assert(!strstr(text, "idphotod_promote_lag_seconds"), "a gauge that nobody knows is absent");
    free(text);
}

Test(metrics, a_value_outside_the_closed_set_is_other_and_is_never_shown)
{
    define_routes();
    metric_count(METRIC_CALLBACKS, "wechat", "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o");
    metric_count(METRIC_HTTP_REQUESTS, "/v1/orders/13800138000", "GET", "200");
    char *text = scrape(NULL);
    assert_line(text, "idphotod_callbacks_total{channel=\"wechat\",result=\"other\"} 1");
    assert_line(text,
                "idphotod_http_requests_total{route=\"other\",method=\"GET\",code=\"200\"} 1");
    assert_line(text, "idphotod_metrics_other_values_total 2");
    cr_assert(!strstr(text, "oUpF8u") && !strstr(text, "13800138000"));
    free(text);
}

Test(metrics, no_value_is_other_and_no_mistake)
{
    define_routes();
    metric_count(METRIC_HTTP_REQUESTS, NULL, NULL, "404");
    metric_count(METRIC_HTTP_REQUESTS, NULL, NULL, "404");
    char *text = scrape(NULL);
    assert_line(text,
                "idphotod_http_requests_total{route=\"other\",method=\"other\",code=\"404\"} 2");
    assert_line(text, "idphotod_metrics_other_values_total 0");
    free(text);
}

Test(metrics, whatever_is_counted_the_series_stay_few)
{
    char value[32];
    for (int i = 0; i < 10000; i++) {
        snprintf(value, sizeof value, "%d", i);
        metric_count(METRIC_HTTP_REQUESTS, value, value, value);
    }
    char *text = scrape(NULL);
    size_t lines = 0;
    for (const char *p = text; (p = strstr(p, "\nidphotod_http_requests_total{")); p++)
        lines++;
    cr_assert_leq(lines, 45); /* the codes of the set, and "other" */
    free(text);
}

Test(metrics, a_table_that_grows_loses_nothing)
{
    static char names[200][16];
    static const char *routes[200];
    for (int i = 0; i < 200; i++) {
        snprintf(names[i], sizeof names[i], "/v1/%d", i);
        routes[i] = names[i];
    }
    metrics_define_label("route", routes, 200);
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < 200; i++)
            metric_add(METRIC_HTTP_REQUESTS, i, routes[i], "GET", "200");
    char *text = scrape(NULL), line[128];
    for (int i = 0; i < 200; i++) {
        snprintf(line, sizeof line,
                 "idphotod_http_requests_total{route=\"/v1/%d\",method=\"GET\",code=\"200\"} %d", i,
                 3 * i);
        assert_line(text, line);
    }
    free(text);
}

Test(metrics, a_gauge_goes_up_and_down)
{
    metric_add(METRIC_DATABASE_CONNECTIONS, 5);
    metric_add(METRIC_DATABASE_CONNECTIONS, -2);
    char *text = scrape(NULL);
    assert_line(text, "idphotod_database_connections 3");
    free(text);
}

/* A bucket holds what is at most its bound, and all that lower ones hold. */
Test(metrics, a_histogram_is_cumulative_and_in_seconds)
{
    metric_observe(METRIC_DATABASE_ROUND_TRIP, 100);
    metric_observe(METRIC_DATABASE_ROUND_TRIP, 101);
    metric_observe(METRIC_DATABASE_ROUND_TRIP, 60 * 1000000);
    metric_observe(METRIC_DATABASE_ROUND_TRIP, -5);
    char *text = scrape(NULL);
    assert_line(text, "idphotod_database_round_trip_seconds_bucket{le=\"0.0001\"} 2");
    assert_line(text, "idphotod_database_round_trip_seconds_bucket{le=\"0.00025\"} 3");
    assert_line(text, "idphotod_database_round_trip_seconds_bucket{le=\"5\"} 3");
    assert_line(text, "idphotod_database_round_trip_seconds_bucket{le=\"+Inf\"} 4");
    assert_line(text, "idphotod_database_round_trip_seconds_sum 60.000201");
    assert_line(text, "idphotod_database_round_trip_seconds_count 4");
    free(text);
}

/* ---- threads ---- */

enum { THREADS = 10, EACH = 400000 };

static pthread_barrier_t together;

static void *count_much(void *arg)
{
    static const char *const codes[] = {"200", "404", "409", "503"};
    (void)arg;
    pthread_barrier_wait(&together);
    for (int i = 0; i < EACH; i++) {
        metric_count(METRIC_HTTP_REQUESTS, i % 2 ? "/v1/orders" : "/v1/photos", "GET",
                     codes[i % 4]);
        metric_observe(METRIC_DATABASE_ROUND_TRIP, 7);
    }
    return NULL;
}

Test(metrics, threads_that_count_together_lose_nothing)
{
    pthread_t threads[THREADS];
    define_routes();
    pthread_barrier_init(&together, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, count_much, NULL), 0);
    for (int i = 0; i < 20; i++)
        free(scrape(NULL)); /* scrapes in between disturb nothing */
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    char *text = scrape(NULL), line[128];
    snprintf(line, sizeof line,
             "idphotod_http_requests_total{route=\"/v1/orders\",method=\"GET\",code=\"404\"} %d",
             THREADS * EACH / 4);
    assert_line(text, line);
    snprintf(line, sizeof line, "idphotod_database_round_trip_seconds_count %d", THREADS * EACH);
    assert_line(text, line);
    free(text);
}

/* ---- the text ---- */

Test(metrics, label_values_are_escaped)
{
    static const char *const odd[] = {"a\"b\\c\nd"};
    metrics_define_label("route", odd, 1);
    metric_count(METRIC_HTTP_REQUESTS, odd[0], "GET", "200");
    char *text = scrape(NULL);
    assert_line(text, "idphotod_http_requests_total{route=\"a\\\"b\\\\c\\nd\",method=\"GET\","
                      "code=\"200\"} 1");
    free(text);
}

static void collect_some(struct metric_samples *samples, void *arg)
{
    (void)arg;
    metric_sample(samples, METRIC_HTTP_QUEUED, 3, "work");
    metric_sample(samples, METRIC_PROMOTE_LAG, 0.25);
    metric_sample(samples, METRIC_HTTP_QUEUED, 4, "image");
}

Test(metrics, samples_of_one_metric_stand_together_under_one_head)
{
    char *text = scrape(collect_some);
    assert_line(text, "# TYPE idphotod_http_queue_length gauge\n"
                      "idphotod_http_queue_length{lane=\"work\"} 3\n"
                      "idphotod_http_queue_length{lane=\"image\"} 4");
    assert_line(text, "idphotod_promote_lag_seconds 0.25");
    const char *first = strstr(text, "# TYPE idphotod_http_queue_length ");
    cr_assert(!strstr(first + 1, "# TYPE idphotod_http_queue_length "));
    free(text);
}

Test(metrics, large_counts_keep_their_digits)
{
    metric_add(METRIC_PURGED, INT64_C(9007199254740991), "photos");
    char *text = scrape(NULL);
    assert_line(text, "idphotod_purged_rows_total{class=\"photos\"} 9007199254740991");
    free(text);
}

/* ---- process ---- */

Test(process, figures_are_those_of_this_process)
{
    struct process_figures before, after;
    cr_assert_eq(process_read(&before), OK);
    int fd = dup(2);
    cr_assert_eq(process_read(&after), OK);
    cr_assert_eq(after.fds, before.fds + 1);
    cr_assert_eq(after.fds_limit, (double)sysconf(_SC_OPEN_MAX));
    DIR *tasks = opendir("/proc/self/task");
    int n = 0;
    for (const struct dirent *e; (e = readdir(tasks));)
        n += e->d_name[0] != '.';
    closedir(tasks);
    cr_assert_eq(after.threads, n);
    cr_assert(after.start_s <= (double)time(NULL) + 1 && after.start_s > (double)time(NULL) - 3600);
    cr_assert(after.resident_bytes > 100e3 && after.resident_bytes < after.virtual_bytes);
    close(fd);
}
