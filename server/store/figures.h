/* SPDX-License-Identifier: MIT */
/*
 * The figures of the service that only the database knows.
 *
 * Each is one cheap statement (it goes by an index and counts what should be few); all are read in
 * one round trip. One thread per struct store.
 */
#ifndef IDPHOTOD_STORE_FIGURES_H
#define IDPHOTOD_STORE_FIGURES_H

#include "base/metrics.h"
#include "store/store.h"

struct figure {
    enum metric metric;
    const char *labels[METRIC_LABELS_MAX]; /* in the order of metrics_table */
    int64_t v;                             /* divided by the table's `per` it is what is shown */
};

/* jobs: the names of all jobs. The list is in the arena. */
enum status figures_read(struct store *st, struct arena *a, int64_t now_us, const char *const *jobs,
                         size_t n_jobs, struct figure **out, size_t *count) MUST_USE;

#endif
