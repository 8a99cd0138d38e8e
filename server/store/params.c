/* SPDX-License-Identifier: MIT */
/* Binary parameters and results: the wire forms of PostgreSQL's send and recv functions. */
#include <arpa/inet.h>
#include <endian.h>
#include <string.h>

#include "base/check.h"
#include "store/db.h"

/* 2000-01-01T00:00:00Z, PostgreSQL's epoch. */
#define PG_EPOCH_US INT64_C(946684800000000)

enum {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_INT8 = 20,
    OID_INT4 = 23,
    OID_TEXT = 25,
    OID_TIMESTAMPTZ = 1184,
    OID_UUID = 2950,
};

static struct param *next_param(struct params *p)
{
    CHECK(p->count < PARAMS_MAX);
    return &p->items[p->count++];
}

static void add_inline(struct params *p, const void *bits, int size)
{
    struct param *q = next_param(p);
    q->is_inline = true;
    q->size = size;
    memcpy(q->bits, bits, (size_t)size);
}

void add_bigint(struct params *p, int64_t v)
{
    uint64_t wire = htobe64((uint64_t)v);
    add_inline(p, &wire, sizeof wire);
}

void add_int(struct params *p, int32_t v)
{
    uint32_t wire = htonl((uint32_t)v);
    add_inline(p, &wire, sizeof wire);
}

void add_bool(struct params *p, bool v)
{
    unsigned char wire = v;
    add_inline(p, &wire, 1);
}

void add_time(struct params *p, int64_t at_us)
{
    add_bigint(p, at_us - PG_EPOCH_US);
}

void add_time_or_null(struct params *p, int64_t at_us)
{
    if (at_us)
        add_time(p, at_us);
    else
        add_bytes(p, NULL, 0);
}

void add_day(struct params *p, int32_t day)
{
    add_int(p, day);
}

void add_bytes(struct params *p, const void *b, size_t n)
{
    CHECK(n <= INT32_MAX);
    *next_param(p) = (struct param){.bytes = b, .size = (int)n};
}

void add_text(struct params *p, const char *s)
{
    add_bytes(p, s, s ? strlen(s) : 0);
}

void add_uuid(struct params *p, const struct uuid *id)
{
    add_bytes(p, id->bytes, sizeof id->bytes);
}

void add_uuid_or_null(struct params *p, const struct uuid *id)
{
    if (id)
        add_uuid(p, id);
    else
        add_bytes(p, NULL, 0);
}

/* ---- arrays: ndim, flags, element type, length, lower bound, then each element's size and bytes
 */

struct array_writer {
    unsigned char *at;
    unsigned char *begin;
};

static void put_int(struct array_writer *w, int32_t v)
{
    uint32_t wire = htonl((uint32_t)v);
    memcpy(w->at, &wire, sizeof wire);
    w->at += sizeof wire;
}

static void put_element(struct array_writer *w, const void *bytes, size_t n)
{
    put_int(w, (int32_t)n);
    memcpy(w->at, bytes, n);
    w->at += n;
}

/* The array may then hold NULLs: its flag says so. */
static void put_null(struct array_writer *w)
{
    put_int(w, -1);
    w->begin[7] = 1;
}

static struct array_writer array_begin(struct arena *a, int32_t oid, size_t n, size_t element_bytes)
{
    CHECK(n < 1 << 20 && element_bytes < 1 << 28);
    struct array_writer w;
    w.begin = w.at = arena_alloc(a, 20 + n * 4 + element_bytes);
    put_int(&w, n ? 1 : 0);
    put_int(&w, 0);
    put_int(&w, oid);
    if (n) {
        put_int(&w, (int32_t)n);
        put_int(&w, 1);
    }
    return w;
}

static void array_end(struct params *p, const struct array_writer *w)
{
    add_bytes(p, w->begin, (size_t)(w->at - w->begin));
}

void add_uuid_array(struct params *p, struct arena *a, const struct uuid *ids, size_t n)
{
    struct array_writer w = array_begin(a, OID_UUID, n, n * sizeof ids->bytes);
    for (size_t i = 0; i < n; i++)
        put_element(&w, ids[i].bytes, sizeof ids[i].bytes);
    array_end(p, &w);
}

void add_text_array(struct params *p, struct arena *a, const char *const *texts, size_t n)
{
    size_t total = 0;
    for (size_t i = 0; i < n; i++)
        total += strlen(texts[i]);
    struct array_writer w = array_begin(a, OID_TEXT, n, total);
    for (size_t i = 0; i < n; i++)
        put_element(&w, texts[i], strlen(texts[i]));
    array_end(p, &w);
}

void add_bigint_array(struct params *p, struct arena *a, const int64_t *v, size_t n)
{
    struct array_writer w = array_begin(a, OID_INT8, n, n * sizeof *v);
    for (size_t i = 0; i < n; i++) {
        uint64_t wire = htobe64((uint64_t)v[i]);
        put_element(&w, &wire, sizeof wire);
    }
    array_end(p, &w);
}

void add_bytes_array(struct params *p, struct arena *a, const void *values, size_t each, size_t n)
{
    struct array_writer w = array_begin(a, OID_BYTEA, n, n * each);
    for (size_t i = 0; i < n; i++)
        put_element(&w, (const unsigned char *)values + i * each, each);
    array_end(p, &w);
}

void add_int_array(struct params *p, struct arena *a, const int32_t *v, size_t n)
{
    struct array_writer w = array_begin(a, OID_INT4, n, n * sizeof *v);
    for (size_t i = 0; i < n; i++) {
        uint32_t wire = htonl((uint32_t)v[i]);
        put_element(&w, &wire, sizeof wire);
    }
    array_end(p, &w);
}

void add_bool_array(struct params *p, struct arena *a, const bool *v, size_t n)
{
    struct array_writer w = array_begin(a, OID_BOOL, n, n);
    for (size_t i = 0; i < n; i++)
        put_element(&w, &(unsigned char){v[i]}, 1);
    array_end(p, &w);
}

void add_time_or_null_array(struct params *p, struct arena *a, const int64_t *at_us, size_t n)
{
    struct array_writer w = array_begin(a, OID_TIMESTAMPTZ, n, n * sizeof *at_us);
    for (size_t i = 0; i < n; i++) {
        uint64_t wire = htobe64((uint64_t)(at_us[i] - PG_EPOCH_US));
        if (at_us[i])
            put_element(&w, &wire, sizeof wire);
        else
            put_null(&w);
    }
    array_end(p, &w);
}

void add_span_array(struct params *p, struct arena *a, const struct span *v, size_t n)
{
    size_t total = 0;
    for (size_t i = 0; i < n; i++)
        total += v[i].size;
    struct array_writer w = array_begin(a, OID_BYTEA, n, total);
    for (size_t i = 0; i < n; i++)
        put_element(&w, v[i].bytes, v[i].size);
    array_end(p, &w);
}

/* ---- results ---- */

bool row_is_null(const struct rows *r, int row, int col)
{
    return PQgetisnull(r->result, row, col) == 1;
}

static const void *field(const struct rows *r, int row, int col, int size)
{
    CHECK(PQfformat(r->result, col) == 1 && PQgetlength(r->result, row, col) == size);
    return PQgetvalue(r->result, row, col);
}

int64_t row_bigint(const struct rows *r, int row, int col)
{
    uint64_t wire;
    memcpy(&wire, field(r, row, col, sizeof wire), sizeof wire);
    return (int64_t)be64toh(wire);
}

int32_t row_int(const struct rows *r, int row, int col)
{
    uint32_t wire;
    memcpy(&wire, field(r, row, col, sizeof wire), sizeof wire);
    return (int32_t)ntohl(wire);
}

bool row_bool(const struct rows *r, int row, int col)
{
    return *(const unsigned char *)field(r, row, col, 1) != 0;
}

int64_t row_time_us(const struct rows *r, int row, int col)
{
    return row_is_null(r, row, col) ? 0 : row_bigint(r, row, col) + PG_EPOCH_US;
}

const char *row_text(const struct rows *r, int row, int col)
{
    return row_is_null(r, row, col) ? NULL : PQgetvalue(r->result, row, col);
}

const unsigned char *row_bytes(const struct rows *r, int row, int col, size_t *n)
{
    if (row_is_null(r, row, col)) {
        *n = 0;
        return NULL;
    }
    *n = (size_t)PQgetlength(r->result, row, col);
    return (const unsigned char *)PQgetvalue(r->result, row, col);
}

struct uuid row_uuid(const struct rows *r, int row, int col)
{
    struct uuid id;
    memcpy(id.bytes, field(r, row, col, sizeof id.bytes), sizeof id.bytes);
    return id;
}
