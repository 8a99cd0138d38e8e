/* SPDX-License-Identifier: MIT */
/*
 * Keeps the database's figures at hand for scrapes.
 *
 * A thread with a connection of its own reads them every few seconds, so that
 * neither many scrapes load the database nor a database that hangs stops a
 * scrape. While the database does not answer there are none, and
 * idphotod_database_up is 0.
 */
#ifndef IDPHOTOD_JOBS_FIGURES_H
#define IDPHOTOD_JOBS_FIGURES_H

#include "base/metrics.h"
#include "jobs/service.h"

struct figures;

/* Returns owned. */
struct figures *figures_start(const struct service *service);
/* Adds the latest figures. Any thread. */
void figures_collect(struct figures *f, struct metric_samples *samples);
/* Waits for a reading that goes on. NULL is allowed. */
void figures_stop(struct figures *f);

#endif
