/* SPDX-License-Identifier: MIT */
/*
 * Whether an address that a provider named for a bill's file may be called.
 *
 * The answer that names it is verified, and yet nothing but the provider's own
 * hosts is ever fetched from, over TLS alone. Any thread.
 */
#ifndef IDPHOTOD_JOBS_BILL_PLACE_H
#define IDPHOTOD_JOBS_BILL_PLACE_H

#include "base/arena.h"
#include "base/status.h"

/* *allowed is the address to call: `url` as it is when it has scheme, host and port of `base_url`
 * (which the configuration lets be http on loopback only); else https on port 443 of one of the
 * hosts, which ends with NULL. Alipay's documents show http: it is called by https then. DENIED for
 * anything else, also for user names and fragments. */
enum status bill_place_check(const char *url, const char *base_url, const char *const *hosts,
                             struct arena *a, const char **allowed) MUST_USE;

/* Hosts of the providers' bills. */
extern const char *const bill_hosts_wechat[], *const bill_hosts_alipay[];

#endif
