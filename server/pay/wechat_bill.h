/* SPDX-License-Identifier: MIT */
/*
 * WeChat Pay's bill of one day (section 4.4): asked for, fetched, checked, read.
 *
 * Only what reconciliation compares is taken out of it: numbers, amounts, times,
 * states. Payers and goods stay in the caller's buffer. Any thread.
 */
#ifndef IDPHOTOD_PAY_WECHAT_BILL_H
#define IDPHOTOD_PAY_WECHAT_BILL_H

#include "pay/bill.h"
#include "pay/wechat.h"

/* GET /v3/bill/tradebill of an Asia/Shanghai day, packed by gzip, signed. Ready after 10:00 of the
 * next day. */
enum status wechat_bill_request(const struct wechat *w, int32_t day, int64_t now_us,
                                struct arena *a, struct wechat_request *out) MUST_USE;

struct wechat_bill_place {
    const char *sha1_hex;     /* of the uncompressed file */
    const char *download_url; /* as answered: scheme, host, path and query */
};
/* From a verified answer. */
enum status wechat_bill_answer(const char *json, size_t n, struct arena *a,
                               struct wechat_bill_place *out) MUST_USE;

/* GET of the path and query of download_url, signed; the host stays the caller's. It expires within
 * half a minute, and its answer carries no signature: wechat_bill_check stands for it. */
enum status wechat_bill_download_request(const struct wechat *w, const char *download_url,
                                         int64_t now_us, struct arena *a,
                                         struct wechat_request *out) MUST_USE;
/* DENIED unless the file is the one that the answer named. */
enum status wechat_bill_check(const struct wechat_bill_place *place, const void *file,
                              size_t n) MUST_USE;

/* Columns are found by name. INVALID when one is missing, a line has another number of cells, an
 * amount or time is none, or the summary counts other lines than there are (a cut file). An empty
 * file has no lines. *lines lies in the arena. */
enum status wechat_parse_bill(const void *csv, size_t n, struct arena *a, struct bill_line **lines,
                              size_t *n_lines) MUST_USE;

#endif
