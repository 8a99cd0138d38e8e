/* SPDX-License-Identifier: MIT */
/* The transaction document that queries and callbacks of WeChat Pay share. */
#ifndef SANDBOX_WECHAT_H
#define SANDBOX_WECHAT_H

#include "trades.h"

/* Returns a new reference. */
json_t *wechat_transaction(struct pool *pool, const struct trade *trade);

#endif
