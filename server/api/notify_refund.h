/* SPDX-License-Identifier: MIT */
/*
 * What the payment callbacks hear of refunds. A worker's thread.
 */
#ifndef IDPHOTOD_API_NOTIFY_REFUND_H
#define IDPHOTOD_API_NOTIFY_REFUND_H

#include "http/request.h"
#include "pay/trade.h"

/* A trade of which something went back: Alipay tells the sum alone, so our refunds of it are asked
 * about sooner. Only that; nothing is lost when it fails. */
void notify_refunded(struct request *r, const struct trade *trade);

#endif
