/* SPDX-License-Identifier: MIT */
/*
 * Who a request came from, when proxies that we trust stand in between.
 *
 * X-Forwarded-For is believed only as far as trusted proxies wrote it: from
 * the right, the first address that is no trusted proxy is the client's.
 * Immutable once made; any thread.
 */
#ifndef IDPHOTOD_HTTP_PROXY_H
#define IDPHOTOD_HTTP_PROXY_H

#include <netinet/in.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/status.h"

struct proxy_list;

/* "10.0.0.0/8, 192.0.2.1, 2001:db8::/32"; NULL and "" trust nobody. INVALID: not such a list.
 * Returns owned. */
enum status proxy_list_new(const char *text, struct proxy_list **out) MUST_USE;
void proxy_list_free(struct proxy_list *list);

bool proxy_is_trusted(const struct proxy_list *list, const struct in6_addr *address);

/* An IPv4 address becomes ::ffff:a.b.c.d. INVALID: neither family. */
enum status proxy_parse_address(const char *text, struct in6_addr *out) MUST_USE;
void proxy_peer_address(const struct sockaddr *peer, struct in6_addr *out);

/* The client's address as text, in the arena. forwarded is X-Forwarded-For, all of its values in
 * order joined by commas, or NULL. An entry that is no address ends the search: the last address
 * that was known then counts. */
const char *proxy_client_ip(const struct proxy_list *list, const struct in6_addr *peer,
                            const char *forwarded, struct arena *a);

#endif
