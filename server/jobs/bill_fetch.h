/* SPDX-License-Identifier: MIT */
/*
 * Fetches the bill of one merchant and one day: asked for, its address allowed,
 * fetched, checked, unpacked and read, in memory alone. One thread per struct
 * provider.
 */
#ifndef IDPHOTOD_JOBS_BILL_FETCH_H
#define IDPHOTOD_JOBS_BILL_FETCH_H

#include "jobs/provider.h"
#include "pay/bill.h"

/* A configuration of ours that has bills; several share a merchant, and then one is enough. */
struct bill_source {
    const char *channel, *merchant;
    int config; /* index in service->wechat or ->alipay */
};
enum { BILL_SOURCES_MAX = 2 * CONFIG_MERCHANTS_MAX };
/* Fills in the sources, one for each enabled merchant. Returns how many. */
size_t bill_sources(const struct service *s, struct bill_source out[BILL_SOURCES_MAX]);

/* *lines lies in the arena. NOT_FOUND: the provider says that there is no bill of that day.
 * UNAVAILABLE: it makes it still, or gave no verified answer. DENIED: the address is not the
 * provider's, or the file is not the one announced. TOO_LARGE, INVALID: of the file. `why` is a
 * static text for logs and for the day's row ("creating", "address", "digest" ...). */
enum status bill_fetch(struct provider *p, const struct bill_source *source, int32_t day,
                       int64_t now_us, struct arena *a, struct bill_line **lines, size_t *n,
                       const char **why) MUST_USE;

#endif
