/* SPDX-License-Identifier: MIT */
/*
 * Bills come packed: gzip from WeChat Pay, a zip from Alipay. Unpacked in
 * memory alone, and bytes are counted while they come out, so that a file made
 * to burst costs no more than the limit. Any thread.
 */
#ifndef IDPHOTOD_PAY_BILL_UNPACK_H
#define IDPHOTOD_PAY_BILL_UNPACK_H

#include "base/buf.h"
#include "base/status.h"

/* Appends the content of one gzip member to out; bytes that are no gzip are taken as they are, for
 * a provider may answer unpacked. INVALID: cut, damaged, or something follows. TOO_LARGE: more than
 * max comes out. */
enum status bill_gunzip(const void *packed, size_t n, size_t max, struct buf *out) MUST_USE;

/* Appends the one member of a zip whose name, in GB18030 or UTF-8, ends in `suffix` (UTF-8).
 * INVALID: no zip, no such member or several, cut, damaged, encrypted. TOO_LARGE as above. */
enum status bill_unzip(const void *packed, size_t n, const char *suffix, size_t max,
                       struct buf *out) MUST_USE;

/* Appends text in GB18030, of which GBK is a part, as UTF-8. INVALID when it is not. */
enum status bill_from_gbk(const void *text, size_t n, struct buf *out) MUST_USE;

#endif
