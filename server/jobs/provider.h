/* SPDX-License-Identifier: MIT */
/*
 * Calls to the payment providers about one attempt: prepay, query, close.
 *
 * Puts server/pay (what to say) and http/client (how to send) together. A
 * timeout or an answer that does not verify is an unknown outcome. One thread
 * per struct provider.
 */
#ifndef IDPHOTOD_JOBS_PROVIDER_H
#define IDPHOTOD_JOBS_PROVIDER_H

#include "http/client.h"
#include "jobs/service.h"
#include "store/payment.h"

struct provider {
    const struct service *service;
    struct client *client;
    int64_t timeout_us; /* of one call; 0: the client's own */
};

/* Which merchant and appid a new attempt uses: the first enabled configuration of the channel that
 * offers the method. NOT_FOUND when none does. Fills merchant, appid, expires_us. */
enum status provider_choose(const struct service *s, int64_t now_us,
                            struct payment *payment) MUST_USE;

/* Asks WeChat for a prepay_id or code_url, or signs Alipay's order string or address; *client_json
 * is what the client hands to the provider's SDK (api.md, "payment client"). UNAVAILABLE: no
 * verified answer. CONFLICT: the provider refused the attempt. */
enum status provider_prepay(struct provider *p, const struct payment *payment, int64_t now_us,
                            struct arena *a, const char **client_json) MUST_USE;

/* What the provider says of the attempt. NOT_FOUND: it knows none of that number (yet). DENIED: no
 * configuration of ours is for that merchant any more. */
enum status provider_query(struct provider *p, const struct payment *payment, int64_t now_us,
                           struct arena *a, struct trade *trade) MUST_USE;

/* Tells the provider to close it. OK: closed, or it never existed there. CONFLICT: paid, or being
 * paid: query. DENIED as above. */
enum status provider_close(struct provider *p, const struct payment *payment, int64_t now_us,
                           struct arena *a) MUST_USE;

/* True when merchant and appid belong to one enabled configuration of ours. */
bool provider_is_ours(const struct service *s, const struct trade *trade);

#endif
