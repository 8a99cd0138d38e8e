/* SPDX-License-Identifier: MIT */
/*
 * The job that compares the providers' daily bills with the ledger.
 */
#ifndef IDPHOTOD_JOBS_RECONCILE_H
#define IDPHOTOD_JOBS_RECONCILE_H

#include "jobs/scheduler.h"

/* From 10:30 Asia/Shanghai on the day before is compared, for every merchant, and what is left of
 * the six days before that one. A bill that does not come leaves the others to go on. A run that an
 * operator asked for compares all seven again. c->rows counts compared bills. */
enum status reconcile_run(struct job_context *c) MUST_USE;

#endif
