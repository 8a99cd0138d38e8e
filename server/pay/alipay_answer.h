/* SPDX-License-Identifier: MIT */
/*
 * Takes a gateway answer apart without parsing it into values, because the
 * signature covers the bytes of one member as they came (section 5.2). Inside
 * server/pay only. Any thread.
 */
#ifndef IDPHOTOD_PAY_ALIPAY_ANSWER_H
#define IDPHOTOD_PAY_ALIPAY_ANSWER_H

#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/status.h"

/* Borrowed from the body. A span with bytes NULL is absent. */
struct alipay_answer {
    struct span node; /* from '{' to its '}'; of an encrypted answer the string, quotes included */
    struct span error_response; /* the same, of "error_response" */
    struct span sign, cert_sn;  /* texts without their quotes; no escapes but "\/" */
};

/* "alipay.trade.query" to "alipay_trade_query_response". */
const char *alipay_node_name(const char *method, struct arena *a) __attribute__((returns_nonnull));

/* INVALID unless the body is one JSON object whose top-level names are plain, known or not, and
 * each given once, and which has the node or error_response, not both. What is inside the members
 * is left to the parser. */
enum status alipay_answer_split(const char *body, size_t n, const char *node_name,
                                struct alipay_answer *out) MUST_USE;

#endif
