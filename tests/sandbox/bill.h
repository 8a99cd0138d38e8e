/* SPDX-License-Identifier: MIT */
/*
 * Daily bills: what was paid and what went back on a day of Asia/Shanghai, and
 * the ways in which the next bill is wrong. Any thread.
 */
#ifndef SANDBOX_BILL_H
#define SANDBOX_BILL_H

#include "refunds.h"

struct sandbox;

enum bill_fault {
    BILL_RIGHT,
    BILL_MISSING_LINE, /* the first line is not there */
    BILL_EXTRA_LINE,   /* a payment that nobody ordered */
    BILL_WRONG_AMOUNT, /* the first line has a fen more */
    BILL_CUT_FILE,     /* half of the bytes */
    BILL_WRONG_HASH,   /* Alipay, which tells none: a byte of the archive differs */
    BILL_REDIRECT,     /* the file answers with 302 */
    BILL_BOMB,         /* packed: 600 MiB of the same byte */
    BILL_FOREIGN_HOST, /* the address is not the provider's */
    BILL_NONE,         /* no bill of that day */
    BILL_CREATING,     /* not yet */
    BILL_SILENT,       /* the file never comes */
};
/* false: no such name ("right", "missing-line" ...). */
bool bill_fault_parse(const char *name, enum bill_fault *fault);

struct bill_row {
    struct trade trade;
    struct refund refund; /* out_refund_no NULL: a payment */
};
enum bill_part { BILL_ALL, BILL_PAYMENTS, BILL_REFUNDS };
struct bill {
    int64_t from_s, until_s; /* the day */
    struct bill_row *rows;   /* payments by time, then refunds */
    size_t n;
};

/* yyyy-MM-dd; false: no such day. */
bool bill_day(const char *text, int64_t *from_s);
/* The provider has the bill: from 10:00 of the next day on. */
bool bill_is_ready(int64_t from_s);
/* fault: for the lines of it. In the pool. */
struct bill bill_make(struct sandbox *s, struct pool *pool, enum channel channel, int64_t from_s,
                      enum bill_part part, enum bill_fault fault);
/* One line of CSV, ended by CRLF; cells end with NULL, before and after stand around each. */
void bill_line(struct text *t, const char *before, const char *const *cells, const char *after);

#endif
