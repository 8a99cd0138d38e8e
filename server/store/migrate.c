/* SPDX-License-Identifier: MIT */
#include "store/migrate.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/embed.h"

enum { CHECKSUM_BYTES = 32, CHECKSUM_TEXT_BYTES = 2 * CHECKSUM_BYTES + 1 };

/* One number for everybody who migrates this schema; held until the connection ends. */
#define MIGRATION_LOCK "SELECT pg_advisory_lock(4857365)"

static bool is_migration(const struct embedded *e)
{
    return strncmp(e->path, "migrations/", 11) == 0;
}

static int version_of(const struct embedded *e)
{
    return atoi(e->path + 11);
}

static char *checksum(const struct embedded *e, char text[CHECKSUM_TEXT_BYTES])
{
    unsigned char hash[CHECKSUM_BYTES];
    crypto_generichash(hash, sizeof hash, (const unsigned char *)e->bytes, e->size, NULL, 0);
    return sodium_bin2hex(text, CHECKSUM_TEXT_BYTES, hash, sizeof hash);
}

/* The checksum that the database holds for a version; NULL when it is not applied. */
static const char *applied_checksum(const struct rows *applied, int version)
{
    for (int i = 0; i < applied->count; i++)
        if (atoi(PQgetvalue(applied->result, i, 0)) == version)
            return PQgetvalue(applied->result, i, 1);
    return NULL;
}

static enum status read_applied(struct db *d, struct arena *a, struct rows *applied)
{
    return db_script(
        d, a, "SELECT version, encode(checksum, 'hex') FROM schema_migration ORDER BY version",
        applied);
}

/* Calls each(arg, file, applied?) in order; CONFLICT when history differs from the program. */
static enum status compare(const struct rows *applied,
                           enum status (*each)(void *arg, const struct embedded *e, bool done),
                           void *arg)
{
    int last = 0;
    for (const struct embedded *e = embedded_files; e->path; e++) {
        if (!is_migration(e))
            continue;
        char text[CHECKSUM_TEXT_BYTES];
        last = version_of(e);
        const char *held = applied_checksum(applied, last);
        if (held && strcmp(held, checksum(e, text)) != 0)
            return CONFLICT;
        enum status s = each(arg, e, held != NULL);
        if (s != OK)
            return s;
    }
    for (int i = 0; i < applied->count; i++)
        if (atoi(PQgetvalue(applied->result, i, 0)) > last)
            return CONFLICT;
    return OK;
}

struct run {
    struct db *db;
    struct arena *arena;
    int64_t now_us;
    FILE *out;
    bool is_missing_one;
};

static enum status apply(struct run *run, const struct embedded *e)
{
    char sum[CHECKSUM_TEXT_BYTES];
    char at[TIME_TEXT_BYTES];
    struct buf sql = {0};
    buf_printf(&sql, "BEGIN;\n");
    buf_add(&sql, e->bytes, e->size);
    buf_printf(
        &sql, "\nINSERT INTO schema_migration VALUES (%d, '%s', decode('%s', 'hex'), '%s'); COMMIT",
        version_of(e), e->path, checksum(e, sum), time_format(run->now_us, at));
    enum status s = db_script(run->db, run->arena, (const char *)sql.bytes, NULL);
    if (s != OK && db_script(run->db, run->arena, "ROLLBACK", NULL) != OK)
        s = UNAVAILABLE;
    buf_free(&sql);
    return s;
}

static enum status apply_if_missing(void *arg, const struct embedded *e, bool done)
{
    struct run *run = arg;
    if (done)
        return OK;
    enum status s = apply(run, e);
    if (s == OK)
        fprintf(run->out, "applied %s\n", e->path);
    else
        fprintf(run->out, "failed  %s (SQLSTATE %s)\n", e->path, db_last_sqlstate(run->db));
    return s;
}

static const char create_table[] =
    "SET client_min_messages = 'warning'; SET statement_timeout = '10min';"
    "SET lock_timeout = '10min';" MIGRATION_LOCK
    "; BEGIN; CREATE TABLE IF NOT EXISTS schema_migration ("
    " version integer PRIMARY KEY, path text NOT NULL, checksum bytea NOT NULL"
    " CHECK (octet_length(checksum) = 32), applied_at timestamptz NOT NULL);"
    "COMMENT ON TABLE schema_migration IS 'migrations applied, forward only';"
    "COMMENT ON COLUMN schema_migration.version IS 'number at the head of the file''s name';"
    "COMMENT ON COLUMN schema_migration.path IS 'file of the source tree';"
    "COMMENT ON COLUMN schema_migration.checksum IS 'BLAKE2b-256 of the file';"
    "COMMENT ON COLUMN schema_migration.applied_at IS 'when'; COMMIT";

enum status migrate_up(struct db *d, int64_t now_us, FILE *out)
{
    struct rows applied;
    struct arena *a = arena_new();
    struct run run = {d, a, now_us, out, false};
    enum status s = db_script(d, a, create_table, NULL);
    if (s == OK)
        s = read_applied(d, a, &applied);
    if (s == OK)
        s = compare(&applied, apply_if_missing, &run);
    arena_free(a);
    return s;
}

static enum status say(void *arg, const struct embedded *e, bool done)
{
    struct run *run = arg;
    fprintf(run->out, "%s %s\n", done ? "applied" : "missing", e->path);
    run->is_missing_one |= !done;
    return OK;
}

enum status migrate_status(struct db *d, FILE *out)
{
    struct rows applied = {0};
    struct arena *a = arena_new();
    struct run run = {d, a, 0, out, false};
    enum status s = read_applied(d, a, &applied);
    if (s == INTERNAL && strcmp(db_last_sqlstate(d), "42P01") == 0)
        s = OK; /* no table: nothing is applied */
    if (s == OK)
        s = compare(&applied, say, &run);
    arena_free(a);
    return s == OK && run.is_missing_one ? NOT_FOUND : s;
}

static enum status must_be_done(void *arg, const struct embedded *e, bool done)
{
    (void)arg;
    (void)e;
    return done ? OK : NOT_FOUND;
}

enum status migrate_verify(struct db *d, struct arena *a)
{
    struct rows applied;
    enum status s = read_applied(d, a, &applied);
    if (s == OK)
        s = compare(&applied, must_be_done, NULL);
    return s;
}
