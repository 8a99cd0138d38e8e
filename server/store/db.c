/* SPDX-License-Identifier: MIT */
#include "store/db.h"

#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"

enum { TRIES_MAX = 5, RECONNECT_PAUSE_US = 500 * 1000 };

struct db {
    const struct db_options *options;
    PGconn *conn;
    bool counted;            /* conn is one of METRIC_DATABASE_CONNECTIONS */
    bool was_ended;          /* the server said that it closes this connection */
    int64_t next_connect_us; /* boot time before which no connection is tried */
    char sqlstate[6];
    char constraint[64];
};

struct db *db_new(const struct db_options *options)
{
    struct db *d = calloc(1, sizeof *d);
    CHECK_PEER(d);
    d->options = options;
    return d;
}

static void disconnect(struct db *d)
{
    PQfinish(d->conn);
    d->conn = NULL;
    d->was_ended = false;
    if (d->counted)
        metric_add(METRIC_DATABASE_CONNECTIONS, -1);
    d->counted = false;
}

/* It ended without our doing, or is of no more use. */
static void drop_lost(struct db *d)
{
    if (d->conn)
        metric_count(METRIC_DATABASE_LOST);
    disconnect(d);
}

void db_free(struct db *d)
{
    if (!d)
        return;
    disconnect(d);
    free(d);
}

const char *db_last_sqlstate(const struct db *d)
{
    return d->sqlstate;
}

const char *db_last_constraint(const struct db *d)
{
    return d->constraint;
}

/* ---- failures ---- */

static enum status status_of_sqlstate(const char *state)
{
    static const struct {
        const char *prefix;
        enum status status;
    } map[] = {
        {"40001", RETRY},       {"40P01", RETRY},    {"55P03", RETRY},       {"23505", CONFLICT},
        {"23503", CONFLICT},    {"08", UNAVAILABLE}, {"57", UNAVAILABLE},    {"53", UNAVAILABLE},
        {"25006", UNAVAILABLE}, {"58", UNAVAILABLE}, {"XX001", UNAVAILABLE}, {"UG404", NOT_FOUND},
        {"UG409", CONFLICT},    {"", INTERNAL},
    };
    size_t i = 0;
    while (strncmp(state, map[i].prefix, strlen(map[i].prefix)) != 0)
        i++;
    return map[i].status;
}

/* Keeps SQLSTATE and constraint, logs them with the statement's name; never DETAIL, never a value.
 */
static enum status note_failure(struct db *d, const char *statement, const PGresult *result)
{
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *constraint = result ? PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME) : NULL;
    snprintf(d->sqlstate, sizeof d->sqlstate, "%s", state ? state : "08006");
    snprintf(d->constraint, sizeof d->constraint, "%s", constraint ? constraint : "");
    enum status s = status_of_sqlstate(d->sqlstate);
    metric_count(METRIC_DATABASE_ERRORS, (char[]){d->sqlstate[0], d->sqlstate[1], 0});
    if (s == INTERNAL || s == UNAVAILABLE)
        log_warn("db.error", LOG_STR("statement", statement), LOG_STR("sqlstate", d->sqlstate),
                 LOG_STR("constraint", d->constraint));
    return s;
}

/* ---- connecting ---- */

/* Reads the answers up to the sync of a pipeline; the first failure's status is returned, and the
 * name of its statement. Results of success go to results[i] (owned) when results is not NULL. */
static enum status read_pipeline(struct db *d, size_t n, const struct statement *const *statements,
                                 PGresult **results)
{
    enum status s = OK;
    size_t i = 0;
    for (;;) {
        PGresult *r = PQgetResult(d->conn);
        if (!r) {
            if (PQstatus(d->conn) != CONNECTION_OK || i >= n)
                return s == OK ? note_failure(d, "pipeline", NULL) : s;
            i++; /* NULL ends the results of one statement */
            continue;
        }
        ExecStatusType kind = PQresultStatus(r);
        if (kind == PGRES_PIPELINE_SYNC) {
            PQclear(r);
            return s;
        }
        bool good = kind == PGRES_TUPLES_OK || kind == PGRES_COMMAND_OK;
        if (!good && kind != PGRES_PIPELINE_ABORTED && s == OK)
            s = note_failure(d, i < n ? statements[i]->name : "pipeline", r);
        if (good && results && i < n)
            results[i] = r;
        else
            PQclear(r);
        if (PQstatus(d->conn) != CONNECTION_OK)
            return s == OK ? UNAVAILABLE : s;
    }
}

static enum status prepare_all(struct db *d)
{
    const struct db_options *o = d->options;
    enum status s = OK;
    for (size_t l = 0; l < o->n_lists && s == OK; l++) {
        const struct statement_list *list = o->lists[l];
        if (!PQenterPipelineMode(d->conn))
            return UNAVAILABLE;
        for (size_t i = 0; i < list->count; i++)
            if (!PQsendPrepare(d->conn, list->items[i]->name, list->items[i]->sql, 0, NULL))
                return UNAVAILABLE;
        if (!PQpipelineSync(d->conn))
            return UNAVAILABLE;
        s = read_pipeline(d, list->count, list->items, NULL);
        if (PQstatus(d->conn) == CONNECTION_OK)
            PQexitPipelineMode(d->conn);
    }
    return s;
}

static enum status set_session(struct db *d)
{
    char sql[448];
    const struct db_options *o = d->options;
    int64_t lock_us = o->lock_timeout_us ? o->lock_timeout_us : o->statement_timeout_us;
    snprintf(
        sql, sizeof sql,
        "SET timezone = 'UTC'; SET statement_timeout = %lld; SET lock_timeout = %lld; "
        "SET idle_in_transaction_session_timeout = '60s'; SET client_min_messages = 'warning'%s",
        (long long)(o->statement_timeout_us / 1000), (long long)(lock_us / 1000),
        o->lookups ? "; SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; "
                     "SET enable_hashjoin = off; SET enable_mergejoin = off"
                   : "");
    PGresult *r = PQexec(d->conn, sql);
    bool good = PQresultStatus(r) == PGRES_COMMAND_OK;
    PQclear(r);
    return good ? OK : UNAVAILABLE;
}

/* Notices may quote values: they go nowhere. What the server says as it ends an idle connection
 * comes as a notice too. */
static void drop_notice(void *arg, const PGresult *result)
{
    struct db *d = arg;
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (severity && strcmp(severity, "FATAL") == 0)
        d->was_ended = true;
}

static enum status connect_now(struct db *d)
{
    char timeout[24];
    snprintf(timeout, sizeof timeout, "%lld",
             (long long)(d->options->connect_timeout_us / SECOND_US));
    const char *const names[] = {"dbname",           "connect_timeout", "application_name",
                                 "keepalives",       "keepalives_idle", "keepalives_interval",
                                 "tcp_user_timeout", "client_encoding", NULL};
    const char *const values[] = {d->options->url, timeout, "idphotod", "1", "10", "5",
                                  "15000",         "UTF8",  NULL};
    d->conn = PQconnectdbParams(names, values, 1);
    enum status s = UNAVAILABLE;
    if (PQstatus(d->conn) == CONNECTION_OK) {
        PQsetNoticeReceiver(d->conn, drop_notice, d);
        s = set_session(d);
        if (s == OK)
            s = prepare_all(d);
    }
    metric_count(METRIC_DATABASE_CONNECTS, s == OK ? "ok" : "failed");
    if (s == OK) {
        d->counted = true;
        metric_count(METRIC_DATABASE_CONNECTIONS);
        return OK;
    }
    disconnect(d);
    d->next_connect_us = clock_boot_us() + RECONNECT_PAUSE_US;
    log_warn("db.unavailable", LOG_STR("status", status_name(s)));
    return s;
}

/* An idle connection has little to say: that a setting changed, or that it ends. Its last words may
 * arrive before its end does, so they are read and not only waited for. */
static bool looks_dead(struct db *d)
{
    struct pollfd p = {.fd = PQsocket(d->conn), .events = POLLIN};
    if (poll(&p, 1, 0) > 0 && !PQconsumeInput(d->conn))
        return true;
    return PQisBusy(d->conn) || d->was_ended || PQstatus(d->conn) != CONNECTION_OK;
}

enum status db_ready(struct db *d)
{
    if (d->conn && looks_dead(d))
        drop_lost(d);
    if (d->conn)
        return OK;
    if (clock_boot_us() < d->next_connect_us)
        return UNAVAILABLE;
    return connect_now(d);
}

/* ---- running ---- */

static bool send_step(struct db *d, const struct step *step)
{
    const char *values[PARAMS_MAX];
    int lengths[PARAMS_MAX];
    int formats[PARAMS_MAX];
    static const struct params none;
    const struct params *p = step->params ? step->params : &none;
    for (int i = 0; i < p->count; i++) {
        const struct param *q = &p->items[i];
        const void *at = q->is_inline ? q->bits : q->bytes;
        values[i] = at;
        lengths[i] = q->size;
        formats[i] = 1;
    }
    return PQsendQueryPrepared(d->conn, step->statement->name, p->count, values, lengths, formats,
                               1);
}

/* A connection with half a pipeline in it is of no more use. */
static enum status give_up(struct db *d, const char *statement)
{
    enum status s = note_failure(d, statement, NULL);
    drop_lost(d);
    return s;
}

static enum status send_and_read(struct db *d, const struct step *steps, size_t n,
                                 PGresult **results)
{
    const struct statement *names[DB_STEPS_MAX];
    int64_t began_us = clock_boot_us();
    if (!PQenterPipelineMode(d->conn))
        return UNAVAILABLE;
    for (size_t i = 0; i < n; i++) {
        names[i] = steps[i].statement;
        if (!send_step(d, &steps[i]))
            return give_up(d, names[i]->name);
    }
    if (!PQpipelineSync(d->conn))
        return give_up(d, names[0]->name);
    enum status s = read_pipeline(d, n, names, results);
    metric_observe(METRIC_DATABASE_ROUND_TRIP, clock_boot_us() - began_us);
    if (PQstatus(d->conn) == CONNECTION_OK)
        CHECK(PQexitPipelineMode(d->conn));
    return s;
}

static void clear_results(PGresult **results, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        PQclear(results[i]);
        results[i] = NULL;
    }
}

static void pause_before_retry(int attempt)
{
    usleep((useconds_t)(1000u << attempt) + randombytes_uniform(2000));
}

static void release_result(void *result)
{
    PQclear(result);
}

static struct rows rows_of(struct arena *a, PGresult *result)
{
    arena_defer(a, release_result, result);
    struct rows r = {.result = result, .count = PQntuples(result)};
    if (PQresultStatus(result) == PGRES_COMMAND_OK)
        r.count = atoi(PQcmdTuples(result));
    return r;
}

/* A lock that was not had in time (55P03) is also RETRY, for the caller: it has waited already. */
static bool may_be_repeated(const struct db *d, enum status s)
{
    return s == RETRY && strncmp(d->sqlstate, "40", 2) == 0;
}

enum status db_run_batch(struct db *d, struct arena *a, const struct step *steps, size_t n,
                         struct rows *outs)
{
    CHECK(n > 0 && n <= DB_STEPS_MAX);
    PGresult *results[DB_STEPS_MAX] = {0};
    enum status s = OK;
    for (int attempt = 0; attempt < TRIES_MAX; attempt++) {
        s = db_ready(d);
        if (s != OK)
            return s;
        s = send_and_read(d, steps, n, results);
        if (PQstatus(d->conn) != CONNECTION_OK) {
            /* the outcome is unknown; only the caller may know that a repeat is safe */
            drop_lost(d);
            s = UNAVAILABLE;
        }
        if (s == OK)
            break;
        clear_results(results, n);
        if (!may_be_repeated(d, s))
            return s;
        metric_count(METRIC_DATABASE_RETRIES, d->sqlstate);
        pause_before_retry(attempt);
    }
    if (s != OK)
        return s;
    for (size_t i = 0; i < n; i++)
        outs[i] = rows_of(a, results[i]);
    return OK;
}

enum status db_run(struct db *d, struct arena *a, const struct statement *s, const struct params *p,
                   struct rows *out)
{
    return db_run_batch(d, a, &(struct step){s, p}, 1, out);
}

enum status db_script(struct db *d, struct arena *a, const char *sql, struct rows *out)
{
    enum status s = db_ready(d);
    if (s != OK)
        return s;
    PGresult *r = PQexec(d->conn, sql);
    ExecStatusType kind = PQresultStatus(r);
    if (kind != PGRES_COMMAND_OK && kind != PGRES_TUPLES_OK && kind != PGRES_EMPTY_QUERY) {
        s = note_failure(d, "script", r);
        PQclear(r);
        if (PQstatus(d->conn) != CONNECTION_OK)
            drop_lost(d);
        return s;
    }
    if (out)
        *out = rows_of(a, r);
    else
        PQclear(r);
    return OK;
}

enum status db_clock_us(struct db *d, struct arena *a, int64_t *at_us)
{
    struct rows rows = {0};
    enum status s =
        db_script(d, a, "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint", &rows);
    if (s == OK)
        *at_us = strtoll(PQgetvalue(rows.result, 0, 0), NULL, 10);
    return s;
}
