/* SPDX-License-Identifier: MIT */
/*
 * Sending callbacks to the merchant, and the journal of what was sent and
 * answered. To loopback only. Any thread.
 */
#ifndef SANDBOX_DELIVERY_H
#define SANDBOX_DELIVERY_H

#include "callback.h"

struct journal *journal_new(void);
void journal_free(struct journal *journal);
/* A new reference to a copy: an array of what was sent, oldest first. */
json_t *journal_copy(struct journal *journal);

/* Sends, waits at most five seconds for the answer, writes it into the journal and marks the
 * trade. Returns a new reference: {id, channel, out_trade_no, fault, url, sent_at, status, body,
 * acknowledged, elapsed_ms, error}; out_refund_no where it is about one; status 0 and error when
 * there was no answer. */
json_t *delivery_send(struct sandbox *s, struct pool *pool, const struct notice *notice,
                      const struct callback *callback, bool retry);

/* Somebody pays the order and its callback is sent; for the answer that comes after it. */
void delivery_pay(struct sandbox *s, struct pool *pool, enum channel channel,
                  const char *out_trade_no);

#endif
