/* SPDX-License-Identifier: MIT */
#include "stack.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shape.h"

enum { ASK = 3, TELL = 4, ADDRESS = 128 };

static FILE *ask, *tell;
static char api[ADDRESS], admin[ADDRESS], sandbox[ADDRESS];
static double offset_s;
static PGconn *db;

/* ---- control ---- */

static double offset_of(const char *text)
{
    double n = atof(text);
    switch (text[strlen(text) - 1]) {
    case 'd': return n * 86400;
    case 'h': return n * 3600;
    case 'm': return n * 60;
    default: return n;
    }
}

bool stack_control(const char *line)
{
    char answer[4096], shift[40], said[2048] = "";
    int code;
    fprintf(ask, "%s\n", line);
    fflush(ask);
    if (!fgets(answer, sizeof answer, tell) ||
        sscanf(answer, "%d %127s %127s %127s %39s %2047[^\n]", &code, api, admin, sandbox, shift,
               said) < 5)
        return false;
    offset_s = offset_of(shift);
    keep_set("said", said);
    keep_set("admin", admin);
    keep_set("api", api);
    return code == 0;
}

bool stack_open(void)
{
    if (fcntl(ASK, F_GETFD) < 0 || fcntl(TELL, F_GETFD) < 0)
        return false;
    ask = fdopen(ASK, "w");
    tell = fdopen(TELL, "r");
    return ask && tell && stack_control("true");
}

void stack_close(void)
{
    fclose(ask);
    fclose(tell);
    PQfinish(db);
}

bool stack_is_operators(const char *path)
{
    return strncmp(path, "/admin", 6) == 0 || strncmp(path, "admin:", 6) == 0 ||
           strncmp(path, "/metrics", 8) == 0;
}

char *stack_url(const char *path)
{
    char *url;
    const char *base = api;
    if (strncmp(path, "http:", 5) == 0)
        return strdup(path);
    if (stack_is_operators(path))
        base = admin;
    if (strncmp(path, "sandbox:", 8) == 0)
        base = sandbox;
    const char *from = *path == '/' ? path : strchr(path, ':');
    from = from && *from == ':' ? from + 1 : path;
    if (asprintf(&url, "%s%s", base, from) < 0)
        abort();
    return url;
}

/* ---- time ---- */

static double real_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double stack_now(void)
{
    return real_now() + offset_s;
}

bool stack_clock_at(double server_now)
{
    char line[80];
    snprintf(line, sizeof line, "clock_to +%.0fs", server_now - real_now());
    return stack_control(line);
}

double time_of(const char *text)
{
    struct tm t = {0};
    return strptime(text, "%Y-%m-%dT%H:%M:%SZ", &t) ? (double)timegm(&t) : 0;
}

/* ---- database ---- */

static bool is_connected(void)
{
    if (db && PQstatus(db) == CONNECTION_OK)
        return true;
    PQfinish(db);
    const char *url = getenv("IDPHOTOD_TEST_SUPERUSER_URL");
    db = PQconnectdb(url ? url : "");
    return PQstatus(db) == CONNECTION_OK;
}

const char *db_value(const char *sql)
{
    static char value[4096];
    *value = 0;
    if (!is_connected())
        return "no database";
    PGresult *r = PQexec(db, sql);
    if (PQstatus(db) != CONNECTION_OK && is_connected()) { /* it was restarted meanwhile */
        PQclear(r);
        r = PQexec(db, sql);
    }
    if (PQresultStatus(r) != PGRES_TUPLES_OK && PQresultStatus(r) != PGRES_COMMAND_OK)
        snprintf(value, sizeof value, "%s", PQresultErrorMessage(r));
    else if (PQntuples(r) > 0)
        snprintf(value, sizeof value, "%s", PQgetvalue(r, 0, 0));
    PQclear(r);
    return value;
}

#define TABLE(name) "SELECT '" name "' || t::text AS line FROM " name " t"
#define AND         " UNION ALL "

/* Without what time alone changes: job runs, hosts, and the audit log, which also notes refusals
 * of an operator. */
char *db_snapshot(void)
{
    return strdup(db_value(
        "SELECT count(*) || ' ' || coalesce(md5(string_agg(line, '' ORDER BY line)), '') FROM (" //
        TABLE("account") AND TABLE("session") AND TABLE("consent") AND TABLE("idempotency")
            AND TABLE("photo") AND TABLE("photo_copy") AND TABLE("orders") AND TABLE("order_item")
                AND TABLE("payment") AND TABLE("trade") AND TABLE("payer") AND TABLE("anomaly")
                    AND TABLE("ledger_entry") AND TABLE("operator") AND TABLE("receipt")
                        AND TABLE("wechat_binding") AND
        "SELECT 'photo_bytes ' || count(*) FROM photo_bytes) every"));
}
