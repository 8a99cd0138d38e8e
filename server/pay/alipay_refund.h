/* SPDX-License-Identifier: MIT */
/*
 * Alipay's refunds: requests to sign, verified answers to read. Section 5.6.
 *
 * A number (out_request_no) is paid back once: after an unclear outcome repeat
 * it, never take a new one. No sockets, no SQL, no logs. Any thread.
 */
#ifndef IDPHOTOD_PAY_ALIPAY_REFUND_H
#define IDPHOTOD_PAY_ALIPAY_REFUND_H

#include "pay/alipay.h"

struct alipay_refund_order {
    const char *trade_no;
    const char *out_request_no; /* 1 to 64 characters */
    int64_t refund_fen;         /* at least 1 */
};
/* alipay.trade.refund, signed. INVALID when a limit is broken. */
enum status alipay_refund_request(const struct alipay *p, const struct alipay_refund_order *order,
                                  int64_t now_us, struct arena *a,
                                  struct alipay_request *out) MUST_USE;
/* alipay.trade.fastpay.refund.query, signed. An answer is to be had ten seconds after the refund
 * was asked for. */
enum status alipay_refund_query_request(const struct alipay *p, const char *trade_no,
                                        const char *out_request_no, int64_t now_us, struct arena *a,
                                        struct alipay_request *out) MUST_USE;

enum alipay_refund_state {
    ALIPAY_REFUND_DONE,   /* fund_change Y, or refund_status REFUND_SUCCESS */
    ALIPAY_REFUND_TAKEN,  /* fund_change N: repeated or under way; or another refund_status */
    ALIPAY_REFUND_ABSENT, /* the query knows none of that number, or it is not done */
};
struct alipay_refund_result {
    enum alipay_refund_state state;
    const char *trade_no; /* NULL where ABSENT */
    int64_t refund_fen;   /* what this number gives back; -1 where the answer has no such member */
    int64_t done_us;      /* 0 when it is not told */
};

/* These read a verified node. CONFLICT when its code is not 10000: alipay_error_code tells why.
 * INVALID when a member that the state needs is missing. */
enum status alipay_parse_refund(const char *node, size_t n, struct arena *a,
                                struct alipay_refund_result *out) MUST_USE;
enum status alipay_parse_refund_query(const char *node, size_t n, const char *out_request_no,
                                      struct arena *a, struct alipay_refund_result *out) MUST_USE;

#endif
