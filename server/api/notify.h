/* SPDX-License-Identifier: MIT */
/*
 * What the callbacks about payments and about refunds share. A worker's thread.
 */
#ifndef IDPHOTOD_API_NOTIFY_H
#define IDPHOTOD_API_NOTIFY_H

#include "http/request.h"
#include "pay/trade.h"
#include "pay/wechat.h"

/* A trade of which something went back: Alipay tells the sum alone, so our refunds of it are asked
 * about sooner. Only that; nothing is lost when it fails. */
void notify_refunded(struct request *r, const struct trade *trade);

/* Opens WeChat's callback about that event, and asks for the certificate of an unknown serial.
 * *notice lies in the arena. */
enum notify_refusal notify_open_wechat(struct request *r, enum wechat_event event,
                                       struct wechat_notice *notice, const struct wechat **chosen);
/* Counts, logs and answers a callback of WeChat that is refused. */
void notify_refuse_wechat(struct request *r, enum notify_refusal refusal);
/* Tells WeChat that it was taken, or that it should come again. */
void notify_answer_wechat(struct request *r, bool taken);

#endif
