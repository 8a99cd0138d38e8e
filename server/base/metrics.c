/* SPDX-License-Identifier: MIT */
#include "base/metrics.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

/* Threads are spread over SHARDS copies of each cell, so that those that count the same thing at
 * the same time seldom share a cache line. ZEROES: up to so many label combinations, those that
 * never occurred are shown too. SLOTS: of a metric's table, which grows. */
enum { SHARDS = 8, LINE_CELLS = 8, ZEROES = 80, SLOTS = 64, DEFINED = 8 };

/* One label combination: cells[shard * stride + i]. Counters and gauges use cell 0; a histogram
 * its buckets (the last is +Inf), then the sum. Lives for good. */
struct series {
    const char *values[METRIC_LABELS_MAX];
    uint64_t hash;
    size_t stride;
    _Atomic int64_t *cells;
};

/* Open addressing. Readers take no lock: a slot is filled once, and a table that is full is
 * replaced by a larger one and kept, since somebody may be reading it. */
struct slots {
    size_t n; /* a power of two */
    struct slots *outgrown;
    _Atomic(struct series *) at[];
};

struct family {
    _Atomic(struct slots *) slots;
    size_t used;
};

static struct family families[METRICS];
static pthread_mutex_t growing = PTHREAD_MUTEX_INITIALIZER;

static struct {
    const char *name;
    const char *values[METRIC_DEFINED_MAX + 1];
} defined[DEFINED];

/* ---- labels ---- */

void metrics_define_label(const char *name, const char *const *values, size_t n)
{
    size_t i = 0;
    CHECK(n <= METRIC_DEFINED_MAX);
    while (i < DEFINED && defined[i].name && strcmp(defined[i].name, name) != 0)
        i++;
    CHECK(i < DEFINED);
    defined[i].name = name;
    memcpy(defined[i].values, values, n * sizeof *values);
    defined[i].values[n] = NULL;
}

static const char *const *values_of(const struct metric_label *label)
{
    static const char *const none[] = {NULL};
    if (label->values)
        return label->values;
    for (size_t i = 0; i < DEFINED && defined[i].name; i++)
        if (strcmp(defined[i].name, label->name) == 0)
            return defined[i].values;
    return none;
}

static size_t count_labels(const struct metric_row *row)
{
    size_t n = 0;
    while (n < METRIC_LABELS_MAX && row->labels[n].name)
        n++;
    return n;
}

/* The set's own copy of the value, which lives for good; "other" for what is not in the set. */
static const char *closed_value(const struct metric_label *label, const char *value)
{
    if (!value || strcmp(value, "other") == 0)
        return "other";
    for (const char *const *v = values_of(label); *v; v++)
        if (strcmp(*v, value) == 0)
            return *v;
    metric_count(METRIC_OTHER_VALUES);
    return "other";
}

/* FNV-1a over the values, each with its NUL. */
static uint64_t hash_values(const char *const *values, size_t n)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < n; i++) {
        const char *p = values[i] ? values[i] : "other";
        do
            h = (h ^ (unsigned char)*p) * UINT64_C(0x100000001b3);
        while (*p++);
    }
    return h;
}

static bool has_values(const struct series *s, const char *const *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(s->values[i], values[i] ? values[i] : "other") != 0)
            return false;
    return true;
}

/* ---- series ---- */

static size_t count_buckets(const struct metric_row *row)
{
    size_t n = 0;
    while (row->bounds && row->bounds[n])
        n++;
    CHECK(n <= METRIC_BUCKETS_MAX);
    return n + 1;
}

static struct series *find_series(enum metric metric, const char *const *values, size_t n,
                                  uint64_t hash)
{
    const struct slots *t = atomic_load_explicit(&families[metric].slots, memory_order_acquire);
    if (!t)
        return NULL;
    for (size_t i = hash & (t->n - 1);; i = (i + 1) & (t->n - 1)) {
        struct series *s = atomic_load_explicit(&t->at[i], memory_order_acquire);
        if (!s || (s->hash == hash && has_values(s, values, n)))
            return s;
    }
}

static void put_series(struct slots *t, struct series *s)
{
    size_t i = s->hash & (t->n - 1);
    while (atomic_load_explicit(&t->at[i], memory_order_relaxed))
        i = (i + 1) & (t->n - 1);
    atomic_store_explicit(&t->at[i], s, memory_order_release);
}

/* A table with room for one more; half of it stays empty, so that a search ends. */
static struct slots *roomy(struct family *f)
{
    struct slots *old = atomic_load_explicit(&f->slots, memory_order_relaxed);
    if (old && f->used < old->n / 2)
        return old;
    size_t n = old ? 2 * old->n : SLOTS;
    struct slots *t = calloc(1, sizeof *t + n * sizeof *t->at);
    CHECK_PEER(t);
    t->n = n;
    t->outgrown = old;
    for (size_t i = 0; old && i < old->n; i++) {
        struct series *s = atomic_load_explicit(&old->at[i], memory_order_relaxed);
        if (s)
            put_series(t, s);
    }
    atomic_store_explicit(&f->slots, t, memory_order_release);
    return t;
}

static struct series *new_series(const struct metric_row *row, const char *const *values, size_t n,
                                 uint64_t hash)
{
    struct series *s = calloc(1, sizeof *s);
    CHECK_PEER(s);
    memcpy(s->values, values, n * sizeof *values);
    s->hash = hash;
    size_t cells = row->type == METRIC_HISTOGRAM ? count_buckets(row) + 1 : 1;
    s->stride = (cells + LINE_CELLS - 1) / LINE_CELLS * LINE_CELLS;
    size_t bytes = SHARDS * s->stride * sizeof *s->cells;
    s->cells = aligned_alloc(64, bytes);
    CHECK_PEER(s->cells);
    memset((void *)s->cells, 0, bytes);
    return s;
}

/* Values are of their closed sets. */
static struct series *add_series(enum metric metric, const char *const *values, size_t n)
{
    uint64_t hash = hash_values(values, n);
    pthread_mutex_lock(&growing);
    struct series *s = find_series(metric, values, n, hash);
    if (!s) {
        struct slots *t = roomy(&families[metric]);
        s = new_series(&metrics_table[metric], values, n, hash);
        put_series(t, s);
        families[metric].used++;
    }
    pthread_mutex_unlock(&growing);
    return s;
}

static struct series *series_of(enum metric metric, const char *const *values)
{
    const struct metric_row *row = &metrics_table[metric];
    size_t n = count_labels(row);
    const char *closed[METRIC_LABELS_MAX] = {0};
    struct series *s = find_series(metric, values, n, hash_values(values, n));
    if (s)
        return s;
    for (size_t i = 0; i < n; i++)
        closed[i] = closed_value(&row->labels[i], values[i]);
    return add_series(metric, closed, n);
}

static unsigned my_shard(void)
{
    static _Atomic unsigned next;
    static _Thread_local unsigned mine; /* one more than the shard; 0: none yet */
    if (!mine)
        mine = atomic_fetch_add(&next, 1) % SHARDS + 1;
    return mine - 1;
}

static void add_to_cell(struct series *s, size_t cell, int64_t n)
{
    atomic_fetch_add_explicit(&s->cells[my_shard() * s->stride + cell], n, memory_order_relaxed);
}

static int64_t cell_sum(const struct series *s, size_t cell)
{
    int64_t sum = 0;
    for (size_t shard = 0; shard < SHARDS; shard++)
        sum += atomic_load_explicit(&s->cells[shard * s->stride + cell], memory_order_relaxed);
    return sum;
}

/* ---- counting ---- */

void metric_add_to(enum metric metric, int64_t n, const char *const values[METRIC_LABELS_MAX])
{
    CHECK(metrics_table[metric].type == METRIC_GAUGE ||
          (metrics_table[metric].type == METRIC_COUNTER && n >= 0));
    add_to_cell(series_of(metric, values), 0, n);
}

void metric_observe_in(enum metric metric, int64_t v, const char *const values[METRIC_LABELS_MAX])
{
    const struct metric_row *row = &metrics_table[metric];
    CHECK(row->type == METRIC_HISTOGRAM);
    struct series *s = series_of(metric, values);
    size_t bucket = 0;
    v = v < 0 ? 0 : v;
    while (row->bounds[bucket] && v > row->bounds[bucket])
        bucket++;
    add_to_cell(s, bucket, 1);
    add_to_cell(s, count_buckets(row), v);
}

/* ---- giving it out ---- */

/* A sample of this scrape. */
struct sample {
    enum metric metric;
    double v;
    const char *values[METRIC_LABELS_MAX];
    struct sample *next;
};

struct metric_samples {
    struct sample *first, **end;
};

void metric_sample_in(struct metric_samples *samples, enum metric metric, double v,
                      const char *const values[METRIC_LABELS_MAX])
{
    const struct metric_row *row = &metrics_table[metric];
    CHECK(row->type != METRIC_HISTOGRAM);
    struct sample *s = calloc(1, sizeof *s);
    CHECK_PEER(s);
    s->metric = metric;
    s->v = v;
    for (size_t i = 0; i < count_labels(row); i++)
        s->values[i] = closed_value(&row->labels[i], values[i]);
    *samples->end = s;
    samples->end = &s->next;
}

/* Labels of one line: value escaped as the format says, `le` last. */
static void write_labels(struct buf *out, const struct metric_row *row, const char *const *values,
                         const char *le)
{
    size_t n = count_labels(row);
    char before = '{';
    for (size_t i = 0; i < n; i++) {
        buf_printf(out, "%c%s=\"", before, row->labels[i].name);
        for (const char *p = values[i]; *p; p++) {
            if (*p == '\n')
                buf_add_str(out, "\\n");
            else
                buf_printf(out, *p == '"' || *p == '\\' ? "\\%c" : "%c", *p);
        }
        buf_add_str(out, "\"");
        before = ',';
    }
    if (le)
        buf_printf(out, "%cle=\"%s\"", before, le);
    if (n || le)
        buf_add_str(out, "}");
}

static void write_line(struct buf *out, const struct metric_row *row, const char *suffix,
                       const char *const *values, const char *le, double v)
{
    buf_printf(out, "%s%s", row->name, suffix);
    write_labels(out, row, values, le);
    buf_printf(out, " %.16g\n", v);
}

static double shown(const struct metric_row *row, int64_t v)
{
    return row->per ? (double)v / (double)row->per : (double)v;
}

static void write_histogram(struct buf *out, const struct metric_row *row, const struct series *s)
{
    size_t n = count_buckets(row);
    int64_t below = 0;
    for (size_t i = 0; i < n; i++) {
        char le[32] = "+Inf";
        below += cell_sum(s, i);
        if (row->bounds[i])
            snprintf(le, sizeof le, "%.16g", shown(row, row->bounds[i]));
        write_line(out, row, "_bucket", s->values, le, (double)below);
    }
    write_line(out, row, "_sum", s->values, NULL, shown(row, cell_sum(s, n)));
    write_line(out, row, "_count", s->values, NULL, (double)below);
}

static void write_series(struct buf *out, const struct metric_row *row, const struct series *s)
{
    if (row->type == METRIC_HISTOGRAM)
        write_histogram(out, row, s);
    else
        write_line(out, row, "", s->values, NULL, shown(row, cell_sum(s, 0)));
}

/* HELP and TYPE, before the first line of a metric. */
static void write_head(struct buf *out, const struct metric_row *row, bool *written)
{
    static const char *const types[] = {
        [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"};
    if (!*written)
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name,
                   types[row->type]);
    *written = true;
}

static void write_metric(struct buf *out, enum metric metric, const struct sample *sample)
{
    const struct metric_row *row = &metrics_table[metric];
    const struct slots *t = atomic_load_explicit(&families[metric].slots, memory_order_acquire);
    bool written = false;
    for (size_t i = 0; t && i < t->n; i++) {
        const struct series *s = atomic_load_explicit(&t->at[i], memory_order_acquire);
        if (!s)
            continue;
        write_head(out, row, &written);
        write_series(out, row, s);
    }
    for (; sample; sample = sample->next) {
        if (sample->metric != metric)
            continue;
        write_head(out, row, &written);
        write_line(out, row, "", sample->values, NULL, sample->v);
    }
}

/* ---- combinations that have not occurred ---- */

static size_t count_values(const char *const *set)
{
    size_t n = 0;
    while (set[n])
        n++;
    return n;
}

/* The i-th combination of the labels' values. */
static void combination(const struct metric_row *row, size_t n, size_t i,
                        const char *values[METRIC_LABELS_MAX])
{
    for (size_t label = 0; label < n; label++) {
        const char *const *set = values_of(&row->labels[label]);
        size_t size = count_values(set);
        values[label] = set[i % size];
        i /= size;
    }
}

static size_t count_combinations(const struct metric_row *row, size_t n)
{
    size_t product = 1;
    for (size_t label = 0; label < n; label++)
        product *= count_values(values_of(&row->labels[label]));
    return product;
}

/* Counters alone: a gauge that is not sampled is not 0 but unknown. */
static void add_zeroes(enum metric metric)
{
    const struct metric_row *row = &metrics_table[metric];
    size_t n = count_labels(row);
    size_t combinations = count_combinations(row, n);
    if (row->type != METRIC_COUNTER || metric == METRIC_PROCESS_CPU || combinations > ZEROES)
        return;
    for (size_t i = 0; i < combinations; i++) {
        const char *values[METRIC_LABELS_MAX] = {0};
        combination(row, n, i, values);
        add_series(metric, values, n);
    }
}

void metrics_write(struct buf *out, void (*collect)(struct metric_samples *, void *), void *arg)
{
    struct metric_samples samples = {.end = &samples.first};
    if (collect)
        collect(&samples, arg);
    for (int m = 0; m < METRICS; m++) {
        add_zeroes((enum metric)m);
        write_metric(out, (enum metric)m, samples.first);
    }
    while (samples.first) {
        struct sample *s = samples.first;
        samples.first = s->next;
        free(s);
    }
}
