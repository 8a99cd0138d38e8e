/* SPDX-License-Identifier: MIT */
/*
 * Alipay's trade bill of one day (section 5.6): asked for, read.
 *
 * The address that the gateway gives is good for 30 s. Behind it lies a zip with
 * two files in GBK, of which the one named "..._业务明细.csv" has the lines. Any
 * thread.
 */
#ifndef IDPHOTOD_PAY_ALIPAY_BILL_H
#define IDPHOTOD_PAY_ALIPAY_BILL_H

#include "pay/alipay.h"
#include "pay/bill.h"

#define ALIPAY_BILL_METHOD "alipay.data.dataservice.bill.downloadurl.query"

/* bill_type trade, of an Asia/Shanghai day. Ready after 10:00 of the next day. */
enum status alipay_bill_request(const struct alipay *p, int32_t day, int64_t now_us,
                                struct arena *a, struct alipay_request *out) MUST_USE;

/* From a verified node: bill_download_url as it came. NOT_FOUND: there is no bill of that day, yet
 * or at all. Else as the parsers of alipay.h. */
enum status alipay_bill_answer(const char *node, size_t n, struct arena *a,
                               const char **url) MUST_USE;

/* The zip. Columns are found by name; lines that begin with # are the provider's remarks, and the
 * ones behind the table count its lines. INVALID when the file is not whole, a column is missing, a
 * line has another number of cells, an amount or time is none, or the counts differ. TOO_LARGE past
 * `max` bytes unpacked. *lines lies in the arena. */
enum status alipay_parse_bill(const void *zip, size_t n, size_t max, struct arena *a,
                              struct bill_line **lines, size_t *n_lines) MUST_USE;

#endif
