/* SPDX-License-Identifier: MIT */
/*
 * Files that a provider gives once it has told their address: the bills, packed
 * or not. In memory. Any thread.
 */
#ifndef SANDBOX_FILES_H
#define SANDBOX_FILES_H

#include "bill.h"
#include "http.h"

struct files;
struct files *files_new(void);
void files_free(struct files *all);

/* How bills go next: for the next `times` (negative: for good) of that channel. ready: whatever
 * the time of day is. */
void files_set_bills(struct files *all, enum channel channel, enum bill_fault fault, int times,
                     bool ready);
/* Counts down. */
enum bill_fault files_next_fault(struct files *all, enum channel channel);
bool files_are_ready(struct files *all, enum channel channel);

/* Keeps a copy for life_s seconds. Returns its token, in the pool. */
char *files_keep(struct files *all, struct pool *pool, const struct text *bytes, int64_t life_s,
                 enum bill_fault fault);
/* 200 and the bytes, 302 when it redirects; false: no such token, or its time is over. */
bool files_answer(struct files *all, struct request *request, const char *type,
                  struct reply *reply);

/* Packed in the pool; bomb: 600 MiB of one byte instead of the bytes. */
struct text file_gzip(struct pool *pool, const struct text *bytes, bool bomb);
struct archived {
    const char *name; /* as it stands in the archive */
    struct text bytes;
};
struct text file_zip(struct pool *pool, const struct archived *members, size_t n, bool bomb);
struct text text_in_gbk(struct pool *pool, const char *utf8);

#endif
