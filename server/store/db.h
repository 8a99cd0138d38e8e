/* SPDX-License-Identifier: MIT */
/*
 * One PostgreSQL connection of one worker: prepared statements, batches, and
 * the transaction runner.
 *
 * A statement is a static const struct beside the function that runs it and
 * registers itself in its file's list; all are prepared at connect, and one
 * that does not prepare stops the start. Parameters and results are binary.
 * A batch is one network round trip and one transaction: its statements are
 * pipelined before a single sync, so all commit or none does.
 *
 * Threads: a struct db belongs to one thread.
 */
#ifndef IDPHOTOD_STORE_DB_H
#define IDPHOTOD_STORE_DB_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/ids.h"
#include "base/status.h"

struct db;

struct statement {
    const char *name; /* "order_create": prepared name, and what logs say */
    const char *sql;
};

/* The statements of one store file; store/statements.c lists the lists. */
struct statement_list {
    const struct statement *const *items;
    size_t count;
};

struct db_options {
    const char *url;
    int64_t statement_timeout_us, connect_timeout_us;
    int64_t lock_timeout_us; /* 0: as long as a statement may take */
    /* Plans once, by index lookups alone, whatever the tables hold at that time: for a connection
     * that lives long and only ever looks a few rows up. */
    bool lookups;
    const struct statement_list *const *lists; /* what to prepare; NULL: nothing (migrate) */
    size_t n_lists;
};

/* Connects lazily: never fails. options (and what they point to) are borrowed for good.
 * Returns owned. */
struct db *db_new(const struct db_options *options);
void db_free(struct db *d);

/* Connects now if need be and prepares everything. UNAVAILABLE: no server (not tried again for
 * half a second, so requests fail fast). INTERNAL: a statement does not prepare. */
enum status db_ready(struct db *d) MUST_USE;

/* ---- parameters, binary ---- */
struct param {
    const void *bytes; /* NULL: SQL NULL, unless is_inline */
    int size;
    bool is_inline;        /* the value is the first `size` bytes of `bits` */
    unsigned char bits[8]; /* integers, times, booleans in network order */
};
enum { PARAMS_MAX = 40 };
/* Fills in order; created empty with {0}. Texts and bytes are borrowed until the run. */
struct params {
    struct param items[PARAMS_MAX];
    int count;
};
void add_bigint(struct params *p, int64_t v);
void add_int(struct params *p, int32_t v);
void add_bool(struct params *p, bool v);
void add_time(struct params *p, int64_t at_us);            /* timestamptz */
void add_time_or_null(struct params *p, int64_t at_us);    /* 0 is NULL */
void add_day(struct params *p, int32_t day);               /* integer day number of clock.h */
void add_text(struct params *p, const char *s);            /* NULL is SQL NULL */
void add_bytes(struct params *p, const void *b, size_t n); /* b NULL: SQL NULL */
void add_uuid(struct params *p, const struct uuid *id);
void add_uuid_or_null(struct params *p, const struct uuid *id); /* NULL is SQL NULL */
/* One-dimensional arrays; elements borrowed. */
void add_uuid_array(struct params *p, struct arena *a, const struct uuid *ids, size_t n);
void add_text_array(struct params *p, struct arena *a, const char *const *texts, size_t n);
void add_bigint_array(struct params *p, struct arena *a, const int64_t *v, size_t n);
/* n values of `each` bytes, one behind the other. */
void add_bytes_array(struct params *p, struct arena *a, const void *values, size_t each, size_t n);
void add_int_array(struct params *p, struct arena *a, const int32_t *v, size_t n);
void add_bool_array(struct params *p, struct arena *a, const bool *v, size_t n);
void add_time_or_null_array(struct params *p, struct arena *a, const int64_t *at_us, size_t n);
void add_span_array(struct params *p, struct arena *a, const struct span *v, size_t n);

/* ---- results ---- */
struct rows {
    PGresult *result; /* freed with the arena */
    int count;        /* rows returned, or affected when none are returned */
};
bool row_is_null(const struct rows *r, int row, int col);
int64_t row_bigint(const struct rows *r, int row, int col);
int32_t row_int(const struct rows *r, int row, int col);
bool row_bool(const struct rows *r, int row, int col);
int64_t row_time_us(const struct rows *r, int row, int col);  /* NULL is 0 */
const char *row_text(const struct rows *r, int row, int col); /* NULL is NULL */
const unsigned char *row_bytes(const struct rows *r, int row, int col, size_t *n); /* NULL: NULL */
struct uuid row_uuid(const struct rows *r, int row, int col);

/* ---- running ---- */

/* One statement, one round trip, one transaction. Retries 40001 and 40P01 at most five times; a
 * lock not had in time (55P03) is RETRY at once. A
 * connection lost before the answer: once more when the connection turned out dead before it was
 * sent, else UNAVAILABLE (the outcome is unknown). A unique or foreign key that stands against it
 * is CONFLICT; db_last_constraint tells which. */
enum status db_run(struct db *d, struct arena *a, const struct statement *s, const struct params *p,
                   struct rows *out) MUST_USE;

enum { DB_STEPS_MAX = 24 };

/* Several statements as one transaction in one round trip. outs[i] receives the rows of step i. */
struct step {
    const struct statement *statement;
    const struct params *params;
};
enum status db_run_batch(struct db *d, struct arena *a, const struct step *steps, size_t n,
                         struct rows *outs) MUST_USE;

/* Plain SQL of migrations and tools (several commands allowed); not for request paths. out may be
 * NULL; else it receives the last command's rows, as text. */
enum status db_script(struct db *d, struct arena *a, const char *sql, struct rows *out) MUST_USE;

/* The server's own clock (clock_timestamp), for the clock guard. Not shifted. */
enum status db_clock_us(struct db *d, struct arena *a, int64_t *at_us) MUST_USE;

/* SQLSTATE and constraint of the last failure on this connection; "" when none. */
const char *db_last_sqlstate(const struct db *d);
const char *db_last_constraint(const struct db *d);

#endif
