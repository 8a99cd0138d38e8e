/* SPDX-License-Identifier: MIT */
/*
 * Gives money back: makes the refunds that the rules ask for, sends each under
 * its one number, and asks until the provider has said how it ended.
 *
 * A verified word takes effect by refund_hear alone, whether it came as an
 * answer or as a callback. Alarms are log lines of level error (README).
 */
#ifndef IDPHOTOD_JOBS_REFUND_H
#define IDPHOTOD_JOBS_REFUND_H

#include "jobs/provider_refund.h"
#include "jobs/scheduler.h"

/* Puts DONE, TAKEN, ABNORMAL, CLOSED or REFUSED into effect, logs and alarms. TAKEN: asked again at
 * next_us. UNAVAILABLE: the outcome is unknown. Any thread, with a store of its own. */
enum status refund_hear(struct store *st, struct arena *a, enum refund_answer answer,
                        const struct refund_word *word, int64_t next_us, int64_t now_us) MUST_USE;

/* The job. */
enum status refund_run(struct job_context *c) MUST_USE;

#endif
