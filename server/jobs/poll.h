/* SPDX-License-Identifier: MIT */
/*
 * Asking the providers about pending attempts, and closing them there.
 *
 * Callbacks are not guaranteed, so what they could not tell us we ask: about
 * 5 s, 15 s, 30 s, 1, 2, 5 and 10 minutes after an attempt was made, every ten
 * minutes from there, and once its time is over; then it is closed at the
 * provider, asked about again, and closed here (payments, 3.3, 5.6, 6.5). The
 * schedule stands in the row; who moves it ahead has the claim, so that
 * several hosts share the work and a crash costs one interval. One thread per
 * store and provider.
 */
#ifndef IDPHOTOD_JOBS_POLL_H
#define IDPHOTOD_JOBS_POLL_H

#include "jobs/provider.h"
#include "jobs/scheduler.h"

/* The job: what is due, of both channels in turn, each within its time. */
enum status poll_run(struct job_context *c) MUST_USE;

/* Asks once, without closing anything there; a success takes effect, a trade that the provider has
 * closed is closed here. OK: the provider gave an answer, be it that it knows none. UNAVAILABLE: it
 * gave none, or is not asked at the moment. For the person who waits: a few seconds at most. */
enum status poll_ask(const struct service *service, struct store *st, struct provider *provider,
                     struct arena *a, const struct payment *payment, int64_t now_us) MUST_USE;

#endif
