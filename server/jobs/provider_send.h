/* SPDX-License-Identifier: MIT */
/*
 * One signed call to a provider, and its verified answer.
 *
 * Every call of this room goes through here, whatever it is about. Inside
 * server/jobs only. One thread per struct provider.
 */
#ifndef IDPHOTOD_JOBS_PROVIDER_SEND_H
#define IDPHOTOD_JOBS_PROVIDER_SEND_H

#include "jobs/provider.h"

/* Sends to the WeChat configuration of that index. A verified answer of 2xx is OK; of another
 * status, whose body is diagnostics alone, CONFLICT (4xx) or UNAVAILABLE (429, 5xx); an answer that
 * does not verify is an unknown outcome: UNAVAILABLE. */
enum status provider_send_wechat(struct provider *p, int config,
                                 const struct wechat_request *request, int64_t now_us,
                                 struct arena *a, struct client_answer *answer) MUST_USE;

/* The same without verifying: for what brings the keys to verify by. *signature holds the answer's
 * headers. OK: 2xx, unverified. */
enum status provider_fetch_wechat(struct provider *p, int config,
                                  const struct wechat_request *request, struct arena *a,
                                  struct client_answer *answer,
                                  struct wechat_headers *signature) MUST_USE;
/* OK: 200, unverified. */
enum status provider_fetch_alipay(struct provider *p, const char *method,
                                  const struct alipay_request *request, struct arena *a,
                                  struct client_answer *answer) MUST_USE;

/* Sends to the Alipay configuration of that index; `method` names the call (alipay.trade.query).
 * *node is the verified node of the answer, which may still say no. UNAVAILABLE: unknown outcome.
 */
enum status provider_send_alipay(struct provider *p, int config, const char *method,
                                 const struct alipay_request *request, struct arena *a,
                                 const char **node, size_t *node_size) MUST_USE;

/* Counts a call that does not go through the two above. `call` is of the closed set that
 * base/metrics_table.c has. */
enum provider_outcome {
    PROVIDER_ANSWERED,
    PROVIDER_REFUSED,
    PROVIDER_UNVERIFIED,
    PROVIDER_UNANSWERED,
};
void provider_count(const char *channel, const char *call, int64_t began_us,
                    enum provider_outcome outcome);

/* GET of a bill's file, whose answer carries no signature: `url` was allowed by bill_place.h, and
 * `request` gives WeChat Pay's headers, or is NULL. No redirect is followed. UNAVAILABLE unless the
 * answer is 200, and when the service stops; TOO_LARGE past BILL_PACKED_MAX. */
enum status provider_fetch_bill(struct provider *p, const char *channel, const char *url,
                                const struct wechat_request *request, struct arena *a,
                                struct client_answer *answer) MUST_USE;

/* Logs a provider's refusal: a code such as ORDER_NOT_EXIST or ACQ.TRADE_HAS_SUCCESS; anything
 * else is not written down. `call` is ours ("prepay"). */
void provider_log_refusal(const char *call, const char *code);

#endif
