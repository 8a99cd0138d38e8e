/* SPDX-License-Identifier: MIT */
/*
 * A provider's verified word that a trade was paid, put into effect.
 *
 * Callbacks and the job that asks share it, so that both judge, write, log and
 * alarm alike. Any thread, with a store of its own.
 */
#ifndef IDPHOTOD_JOBS_SETTLE_H
#define IDPHOTOD_JOBS_SETTLE_H

#include "jobs/service.h"
#include "store/payment.h"

/* trade->state is TRADE_PAID. source_ip: where a callback came from; NULL when we asked. INVALID:
 * the trade lacks what a success must name (alarmed). UNAVAILABLE: the outcome is unknown. */
enum status settle_trade(const struct service *service, struct store *st, struct arena *a,
                         const struct trade *trade, const char *source_ip, int64_t now_us) MUST_USE;

#endif
