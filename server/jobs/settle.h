/* SPDX-License-Identifier: MIT */
/*
 * A provider's verified word that a trade was paid, put into effect.
 *
 * Callbacks and the job that asks share it, so that both judge, write, log and
 * alarm alike: a job by settle_trade, callbacks by the committer, which does
 * what settle_trade does for many at once. Any thread, with a store of its own.
 */
#ifndef IDPHOTOD_JOBS_SETTLE_H
#define IDPHOTOD_JOBS_SETTLE_H

#include "jobs/service.h"
#include "store/payment.h"

/* trade->state is TRADE_PAID. source_ip: where a callback came from; NULL when we asked. INVALID:
 * the trade lacks what a success must name (alarmed). UNAVAILABLE: the outcome is unknown. */
enum status settle_trade(const struct service *service, struct store *st, struct arena *a,
                         const struct trade *trade, const char *source_ip, int64_t now_us) MUST_USE;

/* Its two ends: all that needs no database, and the log and alarm once the outcome is there. What
 * settle_prepare refuses it has told itself. out borrows trade, source_ip and from the arena. */
enum status settle_prepare(const struct service *service, struct arena *a,
                           const struct trade *trade, const char *source_ip, int64_t now_us,
                           struct settlement *out) MUST_USE;
void settle_tell(const struct settlement *settlement, enum status s);

#endif
