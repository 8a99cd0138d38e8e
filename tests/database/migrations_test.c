/* SPDX-License-Identifier: MIT */
/* Migrations, the schema's manners, and the rights of the application. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/embed.h"
#include "fixture.h"

static struct db_options owner_options(void)
{
    return (struct db_options){.url = w.owner_url,
                               .statement_timeout_us = SECOND_US / 5,
                               .connect_timeout_us = 5 * SECOND_US};
}

static struct db_options options;
static struct db *owner;
static char *said;
static size_t said_size;
static FILE *out;

static void set_up_owner(void)
{
    options = owner_options();
    owner = db_new(&options);
    out = open_memstream(&said, &said_size);
}

static void tear_down_owner(void)
{
    db_free(owner);
    fclose(out);
    free(said);
    world_down();
}

static void empty_database(void)
{
    world_bare();
    set_up_owner();
}

static void migrated_database(void)
{
    world_up();
    set_up_owner();
}

TestSuite(migrations, .init = empty_database, .fini = tear_down_owner, .timeout = 30);
TestSuite(schema, .init = migrated_database, .fini = tear_down_owner, .timeout = 30);

static int files(void)
{
    int n = 0;
    for (const struct embedded *e = embedded_files; e->path; e++)
        n += strncmp(e->path, "migrations/", 11) == 0;
    return n;
}

Test(migrations, up_twice_changes_nothing)
{
    is(migrate_status(owner, out), NOT_FOUND);
    is(migrate_up(owner, w.now_us, out), OK);
    fflush(out);
    cr_assert(strstr(said, "applied migrations/0001_main.sql"));
    const char *before = sql_text("SELECT string_agg(t::text, ' ') FROM schema_migration t");
    size_t lines = said_size;
    is(migrate_up(owner, w.now_us + DAY_US, out), OK);
    fflush(out);
    is(said_size, lines);
    same_text(sql_text("SELECT string_agg(t::text, ' ') FROM schema_migration t"), before);
    is(rows_of_sql("SELECT count(*) FROM schema_migration"), files());
    is(migrate_status(owner, out), OK);
    is(migrate_verify(owner, w.a), OK);
}

Test(migrations, a_changed_checksum_is_a_conflict)
{
    is(migrate_up(owner, w.now_us, out), OK);
    sql_do("UPDATE schema_migration SET checksum = set_byte(checksum, 31,"
           " get_byte(checksum, 31) # 1) WHERE version = 1");
    is(migrate_up(owner, w.now_us, out), CONFLICT);
    is(migrate_status(owner, out), CONFLICT);
    is(migrate_verify(owner, w.a), CONFLICT);
}

Test(migrations, a_database_ahead_of_the_program_is_a_conflict)
{
    is(migrate_up(owner, w.now_us, out), OK);
    sql_do("INSERT INTO schema_migration VALUES (9999, 'migrations/9999_later.sql',"
           " decode(repeat('00', 32), 'hex'), now())");
    is(migrate_up(owner, w.now_us, out), CONFLICT);
    is(migrate_status(owner, out), CONFLICT);
    is(migrate_verify(owner, w.a), CONFLICT);
}

Test(migrations, a_missing_migration_is_told)
{
    is(migrate_up(owner, w.now_us, out), OK);
    sql_do("DELETE FROM schema_migration WHERE version = %d", files());
    is(migrate_status(owner, out), NOT_FOUND);
    is(migrate_verify(owner, w.a), NOT_FOUND);
    fflush(out);
    cr_assert(strstr(said, "missing migrations/"));
}

Test(migrations, an_empty_database_does_not_verify)
{
    cr_assert(migrate_verify(owner, w.a) != OK);
}

Test(migrations, a_migration_that_fails_leaves_nothing_behind)
{
    sql_do("CREATE TABLE receipt (x integer)"); /* in the way, near the end */
    cr_assert(migrate_up(owner, w.now_us, out) != OK);
    is(rows_of_sql("SELECT count(*) FROM schema_migration"), 0);
    is(rows_of_sql("SELECT count(*) FROM pg_tables WHERE tablename = 'account'"), 0);
    sql_do("DROP TABLE receipt");
    is(migrate_up(owner, w.now_us, out), OK);
}

struct migrator {
    enum status status;
};

static void *migrate(void *arg)
{
    struct migrator *m = arg;
    const struct db_options o = owner_options();
    FILE *sink = fopen("/dev/null", "w");
    struct db *d = db_new(&o);
    m->status = migrate_up(d, w.now_us, sink);
    db_free(d);
    fclose(sink);
    return NULL;
}

Test(migrations, several_at_once_all_end_well)
{
    struct migrator m[4] = {0};
    run_together(4, migrate, m, sizeof *m);
    for (int i = 0; i < 4; i++)
        is(m[i].status, OK);
    is(rows_of_sql("SELECT count(*) FROM schema_migration"), files());
}

/* A long migration elsewhere is waited for, however short the service's own patience is. */
Test(migrations, up_waits_for_another_one_beyond_the_statement_timeout)
{
    struct migrator m = {0};
    pthread_t thread;
    sql_do("SELECT pg_advisory_lock(4857365)");
    cr_assert_eq(pthread_create(&thread, NULL, migrate, &m), 0);
    usleep(600 * 1000);
    sql_do("SELECT pg_advisory_unlock_all()");
    pthread_join(thread, NULL);
    is(m.status, OK);
}

/* ---- manners ---- */

Test(schema, every_table_column_function_and_domain_has_a_comment)
{
    same_text(sql_text("SELECT coalesce(string_agg(what, ', '), 'none') FROM ("
                       " SELECT c.relname AS what FROM pg_class c WHERE c.relnamespace ="
                       "  'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'S')"
                       "  AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid"
                       "   AND d.deptype = 'i') AND obj_description(c.oid, 'pg_class') IS NULL"
                       " UNION ALL SELECT c.relname || '.' || a.attname FROM pg_class c"
                       "  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0"
                       "   AND NOT a.attisdropped WHERE c.relnamespace = 'public'::regnamespace"
                       "   AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition"
                       "   AND col_description(c.oid, a.attnum) IS NULL"
                       " UNION ALL SELECT proname FROM pg_proc WHERE pronamespace ="
                       "  'public'::regnamespace AND obj_description(oid, 'pg_proc') IS NULL"
                       " UNION ALL SELECT typname FROM pg_type WHERE typnamespace ="
                       "  'public'::regnamespace AND typtype = 'd'"
                       "  AND obj_description(oid, 'pg_type') IS NULL) t"),
              "none");
}

/* Sealed photos and answers are as long as what was uploaded and answered: those two are bounded
 * before they are sealed (server.max_photo_bytes, the shape of each answer). */
Test(schema, every_other_bytes_column_is_bounded_in_length)
{
    same_text(sql_text("SELECT coalesce(string_agg(t.relname || '.' || a.attname, ' '"
                       "  ORDER BY t.relname), '') FROM pg_class t"
                       " JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0"
                       " WHERE t.relnamespace = 'public'::regnamespace AND t.relkind IN ('r', 'p')"
                       "  AND NOT t.relispartition AND a.atttypid = 'bytea'::regtype"
                       "  AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conrelid = t.oid"
                       "   AND a.attnum = ANY (k.conkey) AND"
                       "   pg_get_constraintdef(k.oid) ~ 'octet_length')"),
              "idempotency.answer_sealed photo_bytes.sealed");
    is(rows_of_sql("SELECT count(*) FROM pg_type t WHERE typtype = 'd'"
                   " AND typbasetype = 'bytea'::regtype AND NOT EXISTS (SELECT 1 FROM pg_constraint"
                   "  k WHERE k.contypid = t.oid AND pg_get_constraintdef(k.oid) ~"
                   "  'octet_length')"),
       0);
}

Test(schema, every_column_with_a_key_lies_in_a_table_that_the_ratchet_asks)
{
    const char *tables =
        sql_text("SELECT string_agg(DISTINCT table_name, ' ' ORDER BY table_name)"
                 " FROM information_schema.columns WHERE column_name = 'key_wrapped'"
                 "  AND table_name !~ '_[0-9]+$'");
    same_text(tables, "account idempotency orders payer payment photo_copy wechat_binding");
    const char *names[] = {"account", "idempotency", "orders",        "payer",
                           "payment", "photo_copy",  "wechat_binding"};
    int32_t today = day_of(w.now_us), day = 0;
    int64_t who = new_account();
    struct uuid photo = new_photo(who);
    new_paid_order(who, "electronic", &photo);
    sql_do("UPDATE account SET minor = true, key_day = 99999, guardian_sealed = repeat('x', 50)"
           "::bytea, key_wrapped = repeat('x', 79)::bytea");
    sql_do("INSERT INTO idempotency VALUES (%lld, 'r', repeat('x', 32)::bytea,"
           " repeat('x', 32)::bytea, now(), now(), gen_random_uuid(), 200, 99999,"
           " repeat('x', 79)::bytea, 'x')",
           (long long)who);
    sql_do("INSERT INTO wechat_binding VALUES (%lld, 'wx', now(), 99999, repeat('x', 79)::bytea,"
           " repeat('x', 32)::bytea, repeat('x', 50)::bytea)",
           (long long)who);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        sql_do("UPDATE %s SET key_day = 99999", names[i]);
    is(oldest_key_day(&w.st, w.a, 0, today, &day), OK);
    is(day, today + 1);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        sql_do("UPDATE %s SET key_day = 4711", names[i]);
        is(oldest_key_day(&w.st, w.a, 0, today, &day), OK);
        cr_assert(day == 4711, "%s", names[i]);
        sql_do("UPDATE %s SET key_day = 99999", names[i]);
    }
}

/* Back to where payers had a table of their own and attempts were named without their order, and
 * forward again: a database in use comes this way. */
Test(schema, who_paid_and_which_order_are_moved_with_their_payments)
{
    int64_t who = new_account();
    struct uuid photo = new_photo(who), order = new_paid_order(who, "electronic", &photo);
    (void)new_order(who, "electronic", &photo);
    const char *before = sql_text("SELECT string_agg(payer::text, ' ') FROM payer");
    is(rows_of_sql("SELECT count(*) FROM payer"), 1);
    sql_do("CREATE TABLE was AS SELECT * FROM payer");
    sql_do("DROP VIEW payer");
    sql_do("ALTER TABLE payment DROP COLUMN payer_expires_at, DROP COLUMN payer_key_day,"
           " DROP COLUMN payer_key_wrapped, DROP COLUMN payer_sealed");
    sql_do("ALTER TABLE was RENAME TO payer");
    sql_do("ALTER TABLE payer OWNER TO idphotod_owner");
    sql_do("CREATE INDEX audit_log_at ON audit_log (at)");
    sql_do("ALTER TABLE trade DROP COLUMN order_id");
    sql_do("ALTER TABLE payment DROP CONSTRAINT payment_pkey, ADD PRIMARY KEY (account_id, "
           "payment_id)");
    sql_do("CREATE INDEX payment_order ON payment (account_id, order_id)");
    sql_do("ALTER TABLE trade ADD FOREIGN KEY (account_id, payment_id) REFERENCES payment"
           " ON DELETE CASCADE");
    sql_do("DELETE FROM schema_migration WHERE version >= 12");
    is(migrate_up(owner, w.now_us, out), OK);
    same_text(sql_text("SELECT string_agg(payer::text, ' ') FROM payer"), before);
    struct payer *payers;
    size_t n;
    is(payer_list(&w.st, w.a, who, &order, w.now_us, &payers, &n), OK);
    is(n, 1);
    is(rows_of_sql("SELECT count(*) FROM pg_class WHERE relname = 'payer' AND relkind = 'v'"), 1);
    is(rows_of_sql(
           "SELECT count(*) FROM trade JOIN payment USING (account_id, order_id, payment_id)"),
       rows_of_sql("SELECT count(*) FROM payment"));
}

/* ---- rights ---- */

#define REFUSED "42501"

Test(schema, the_application_cannot_define_anything)
{
    static const char *const commands[] = {
        "CREATE TABLE t (x integer)",
        "CREATE SCHEMA s",
        "CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "ALTER TABLE account ADD COLUMN x integer",
        "ALTER TABLE audit_log DISABLE TRIGGER ALL",
        "DROP TABLE account",
        "DROP FUNCTION photo_partition_drop",
        "CREATE INDEX ON account (minor)",
        "TRUNCATE account",
        "COMMENT ON TABLE account IS 'x'",
    };
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        same_text(sqlstate_of(w.app_url, commands[i]), REFUSED);
}

Test(schema, ledger_and_audit_log_can_only_grow)
{
    static const char *const tables[] = {"ledger_entry", "audit_log"};
    for (int i = 0; i < 2; i++) {
        const char *t = tables[i];
        same_text(sqlstate_of(w.app_url, arena_printf(w.a, "DELETE FROM %s", t)), REFUSED);
        same_text(sqlstate_of(w.app_url, arena_printf(w.a, "TRUNCATE %s", t)), REFUSED);
        same_text(sqlstate_of(w.app_url, arena_printf(w.a, "SELECT * FROM %s FOR UPDATE", t)),
                  REFUSED);
        same_text(sqlstate_of(w.app_url, arena_printf(w.a, "SELECT count(*) FROM %s", t)), "00000");
    }
    same_text(sqlstate_of(w.app_url, "UPDATE ledger_entry SET amount_fen = 0"), REFUSED);
    same_text(sqlstate_of(w.app_url, "UPDATE audit_log SET action = 'x'"), REFUSED);
}

Test(schema, photo_bytes_are_never_changed)
{
    same_text(sqlstate_of(w.app_url, "UPDATE photo_bytes SET purpose = 'print'"), REFUSED);
    same_text(sqlstate_of(w.app_url, "SELECT count(*) FROM photo_bytes"), "00000");
    same_text(
        sqlstate_of(w.app_url, arena_printf(w.a, "SELECT * FROM photo_bytes_%d", day_of(w.now_us))),
        REFUSED);
}

Test(schema, migrations_are_recorded_by_the_owner_alone)
{
    same_text(sqlstate_of(w.app_url, "DELETE FROM schema_migration"), REFUSED);
    same_text(sqlstate_of(w.app_url, "INSERT INTO schema_migration VALUES (2, 'x', 'x', now())"),
              REFUSED);
    is(migrate_verify(w.st.db, w.a), OK);
}

Test(schema, every_function_with_the_owners_rights_is_known_and_closed_to_the_public)
{
    is(rows_of_sql("SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
                   " AND prosecdef AND (proconfig IS NULL OR NOT proconfig::text ~ 'search_path'"
                   "  OR has_function_privilege('public', oid, 'EXECUTE'))"),
       0);
    is(rows_of_sql("SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
                   " AND prosecdef AND proname NOT IN ('photo_partitions_create',"
                   "  'photo_partition_drop', 'books_trim', 'refund_prepare')"),
       0);
}

/* ---- partitions ---- */

Test(schema, partitions_are_made_sixty_days_ahead_and_once)
{
    int ahead = 0;
    int32_t today = day_of(w.now_us);
    is(partitions_create(&w.st, w.a, today, &ahead), OK);
    is(ahead, PARTITIONS_AHEAD);
    is(partitions_create(&w.st, w.a, today + 3, &ahead), OK);
    is(ahead, PARTITIONS_AHEAD);
    is(rows_of_sql("SELECT count(*) FROM pg_inherits WHERE inhparent = 'photo_bytes'::regclass"),
       PARTITIONS_AHEAD + 4);
    is(rows_of_sql("SELECT count(*) FROM pg_attribute WHERE attrelid = 'photo_bytes_%d'::regclass"
                   " AND attname = 'sealed' AND attstorage = 'e'",
                   today + PARTITIONS_AHEAD + 3),
       1);
}

Test(schema, today_and_later_are_not_dropped)
{
    struct uuid photo = new_photo(new_account());
    (void)photo;
    for (int32_t day = day_of(w.now_us); day < day_of(w.now_us) + 3; day++)
        cr_assert(
            strcmp(sqlstate_of(w.app_url, arena_printf(w.a, "SELECT photo_partition_drop(%d, %d)",
                                                       day, day_of(w.now_us))),
                   "00000") != 0);
    is(rows_of_sql("SELECT count(*) FROM photo_bytes"), 1);
}

Test(schema, a_day_that_a_copy_points_to_is_not_dropped)
{
    int dropped = -1, left = -1;
    int32_t draft_day = day_of(w.now_us) + DRAFT_KEY_DAYS;
    new_photo(new_account());
    is(partitions_drop(&w.st, w.a, draft_day + 1, &dropped, &left), OK);
    is(dropped, DRAFT_KEY_DAYS);
    is(left, 1);
    is(rows_of_sql("SELECT count(*) FROM photo_bytes"), 1);
    sql_do("DELETE FROM photo_copy");
    is(partitions_drop(&w.st, w.a, draft_day + 1, &dropped, &left), OK);
    is(dropped, 1);
    is(left, 0);
    is(rows_of_sql("SELECT count(*) FROM photo_bytes"), 0);
}

static PGconn *reader_with_lock(const char *sql)
{
    PGconn *c = PQconnectdb(w.app_url);
    PQclear(PQexec(c, "BEGIN"));
    PGresult *r = PQexec(c, sql);
    is(PQresultStatus(r), PGRES_TUPLES_OK);
    PQclear(r);
    return c;
}

/* The drop gives way after a tenth of a second, once, and the next run finds the lock free. */
Test(schema, a_drop_gives_way_to_a_reader_and_succeeds_later)
{
    int dropped = -1, left = -1;
    int32_t today = day_of(w.now_us);
    PGconn *reader = reader_with_lock("SELECT count(*) FROM photo_bytes");
    int64_t began_us = clock_boot_us();
    is(partitions_drop(&w.st, w.a, today + 1, &dropped, &left), OK);
    int64_t took_us = clock_boot_us() - began_us;
    is(dropped, 0);
    is(left, 1);
    cr_assert(took_us >= 90 * 1000 && took_us < 300 * 1000, "%lld", (long long)took_us);
    PQfinish(reader);
    is(partitions_drop(&w.st, w.a, today + 1, &dropped, &left), OK);
    is(dropped, 1);
}

struct stalled {
    int64_t longest_us;
    volatile bool *stop;
};

static void *read_often(void *arg)
{
    struct stalled *s = arg;
    PGconn *c = PQconnectdb(w.app_url);
    while (!*s->stop) {
        int64_t began_us = clock_boot_us();
        PQclear(PQexec(c, "SELECT count(*) FROM photo_bytes WHERE drop_day = 1"));
        int64_t took_us = clock_boot_us() - began_us;
        if (took_us > s->longest_us)
            s->longest_us = took_us;
    }
    PQfinish(c);
    return NULL;
}

/* A backup that reads every photo for minutes keeps neither drop nor create from giving way. */
Test(schema, readers_do_not_queue_behind_partitions)
{
    volatile bool stop = false;
    struct stalled s = {0, &stop};
    pthread_t thread;
    int n, left;
    int32_t today = day_of(w.now_us);
    PGconn *backup = reader_with_lock("SELECT count(*) FROM photo_bytes");
    cr_assert_eq(pthread_create(&thread, NULL, read_often, &s), 0);
    usleep(50 * 1000);
    is(partitions_drop(&w.st, w.a, today + 1, &n, &left), OK);
    is(partitions_create(&w.st, w.a, today, &n), OK);
    is(n, PARTITIONS_AHEAD);
    stop = true;
    pthread_join(thread, NULL);
    PQfinish(backup);
    cr_assert(s.longest_us < 300 * 1000, "%lld", (long long)s.longest_us);
}
