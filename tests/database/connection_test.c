/* SPDX-License-Identifier: MIT */
/* The transaction runner: retries, batches, connections that die, logs without values. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"

/* ---- statements of these tests ---- */

static const struct statement put = {"t_put", "INSERT INTO scratch VALUES ($1, $2)"};
static const struct statement guarded = {"t_guard", "SELECT guard($1, $2)"};
static const struct statement hold = {"t_hold", "SELECT pg_sleep(10)"};
static const struct statement nap = {"t_nap", "SELECT pg_sleep(0.05)"};
static const struct statement whoami = {"t_pid", "SELECT pg_backend_pid()"};
static const struct statement add_one = {"t_add", "UPDATE scratch SET n = n + 1 WHERE id = $1"};
static const struct statement divide = {"t_divide", "SELECT 1 / $1::integer, $2::text"};
static const struct statement serialize = {"t_serial", "SELECT serialize_now($1)"};
static const struct statement *const items[] = {&put,    &guarded, &hold,   &nap,
                                                &whoami, &add_one, &divide, &serialize};
static const struct statement_list list = {items, sizeof items / sizeof *items};
static const struct statement_list *const lists[] = {&list};

static const struct statement misspelt = {"t_misspelt", "SELECT x FROM nowhere_at_all"};
static const struct statement *const misspelt_items[] = {&misspelt};
static const struct statement_list misspelt_list = {misspelt_items, 1};

static struct db_options options;
static struct db *d;

static void connect_scratch(void)
{
    world_up();
    sql_do("CREATE TABLE scratch (id bigint PRIMARY KEY, n bigint NOT NULL CHECK (n < 1000))");
    sql_do("CREATE SEQUENCE calls");
    sql_do(
        "CREATE FUNCTION serialize_now(upto bigint) RETURNS bigint LANGUAGE plpgsql AS"
        " 'BEGIN IF nextval(''calls'') <= upto THEN RAISE EXCEPTION ''once more'' USING ERRCODE ="
        " ''40001''; END IF; RETURN currval(''calls''); END'");
    sql_do("GRANT ALL ON scratch, calls TO idphotod_app");
    options = w.options;
    options.lists = lists;
    options.n_lists = 1;
    d = db_new(&options);
}

static void leave_scratch(void)
{
    db_free(d);
    world_down();
}

TestSuite(connection, .init = connect_scratch, .fini = leave_scratch, .timeout = 60);

static enum status run_two(struct db *db, const struct statement *s, int64_t a, int64_t b,
                           struct rows *rows)
{
    struct params p = {0};
    add_bigint(&p, a);
    add_bigint(&p, b);
    return db_run(db, w.a, s, &p, rows);
}

static enum status run_one(struct db *db, const struct statement *s, int64_t a, struct rows *rows)
{
    struct params p = {0};
    add_bigint(&p, a);
    return db_run(db, w.a, s, &p, rows);
}

static int pid_of(struct db *db)
{
    struct rows rows;
    is(db_run(db, w.a, &whoami, NULL, &rows), OK);
    return row_int(&rows, 0, 0);
}

static void terminate(int pid)
{
    is(rows_of_sql("SELECT pg_terminate_backend(%d, 5000)::int", pid), 1);
}

/* ---- retries ---- */

Test(connection, a_serialization_failure_is_tried_five_times)
{
    struct rows rows;
    is(run_one(d, &serialize, 4, &rows), OK);
    is(row_bigint(&rows, 0, 0), 5);
    sql_do("SELECT setval('calls', 1, false)");
    is(run_one(d, &serialize, 5, &rows), RETRY);
    is(rows_of_sql("SELECT last_value FROM calls"), 5);
    same_text(db_last_sqlstate(d), "40001");
}

enum { ROUNDS = 20 };

struct crosser {
    int64_t first, second;
    int64_t failed;
};

/* Two rows in one transaction, in the order given; the other thread takes them crosswise. */
static void *cross(void *arg)
{
    struct crosser *c = arg;
    struct db *db = db_new(&options);
    for (int i = 0; i < ROUNDS; i++) {
        struct arena *a = arena_new();
        struct params p[2];
        memset(p, 0, sizeof p);
        struct rows rows[3];
        add_bigint(&p[0], c->first);
        add_bigint(&p[1], c->second);
        const struct step steps[] = {{&add_one, &p[0]}, {&nap, NULL}, {&add_one, &p[1]}};
        c->failed += db_run_batch(db, a, steps, 3, rows) != OK;
        arena_free(a);
    }
    db_free(db);
    return NULL;
}

Test(connection, deadlocks_are_tried_again_and_nothing_is_done_twice)
{
    struct crosser c[2] = {{1, 2, 0}, {2, 1, 0}};
    sql_do("ALTER ROLE idphotod_app IN DATABASE %s SET deadlock_timeout = '20ms'", w.name);
    sql_do("GRANT SET ON PARAMETER deadlock_timeout TO idphotod_app");
    sql_do("INSERT INTO scratch VALUES (1, 0), (2, 0)");
    run_together(2, cross, c, sizeof *c);
    sql_do("SELECT pg_stat_force_next_flush()");
    is(c[0].failed + c[1].failed, 0);
    is(rows_of_sql("SELECT sum(n) FROM scratch"), 4 * ROUNDS);
    cr_assert(rows_of_sql("SELECT deadlocks FROM pg_stat_database WHERE datname = '%s'", w.name) >
              0);
}

/* ---- batches ---- */

Test(connection, a_batch_is_all_or_nothing)
{
    struct params one = {0}, two = {0}, no = {0};
    struct rows rows[3];
    add_bigint(&one, 1);
    add_bigint(&one, 1);
    add_bigint(&two, 2);
    add_bigint(&two, 2);
    add_bool(&no, false);
    add_text(&no, "reason");
    const struct step stopped[] = {{&put, &one}, {&guarded, &no}, {&put, &two}};
    is(db_run_batch(d, w.a, stopped, 3, rows), CONFLICT);
    cr_assert(db_refused_by(d, "reason"));
    is(rows_of_sql("SELECT count(*) FROM scratch"), 0);
    const struct step twice[] = {{&put, &one}, {&put, &two}, {&put, &one}};
    is(db_run_batch(d, w.a, twice, 3, rows), CONFLICT);
    cr_assert(db_refused_by(d, "scratch_pkey"));
    is(rows_of_sql("SELECT count(*) FROM scratch"), 0);
    const struct step whole[] = {{&put, &one}, {&put, &two}};
    is(db_run_batch(d, w.a, whole, 2, rows), OK);
    is(rows[0].count, 1);
    is(rows_of_sql("SELECT count(*) FROM scratch"), 2);
}

Test(connection, a_guard_may_also_say_not_found)
{
    struct params no = {0}, yes = {0};
    struct rows rows;
    add_bool(&no, false);
    add_text(&no, "not-found");
    add_bool(&yes, true);
    add_text(&yes, "not-found");
    is(db_run(d, w.a, &guarded, &no, &rows), NOT_FOUND);
    is(db_run(d, w.a, &guarded, &yes, &rows), OK);
}

Test(connection, a_failure_leaves_outs_and_connection_as_they_were)
{
    struct rows rows = {NULL, 4711};
    int pid = pid_of(d);
    is(run_two(d, &divide, 0, 1, &rows), INTERNAL);
    is(rows.count, 4711);
    is(pid_of(d), pid);
    same_text(sql_text("SELECT state FROM pg_stat_activity WHERE pid = %d", pid), "idle");
}

/* ---- connections ---- */

Test(connection, one_that_was_ended_while_idle_costs_no_call)
{
    for (int i = 0; i < 5; i++) {
        struct rows rows;
        int pid = pid_of(d);
        terminate(pid);
        is(run_two(d, &put, i, 0, &rows), OK);
        cr_assert(pid_of(d) != pid);
    }
    is(rows_of_sql("SELECT count(*) FROM scratch"), 5);
}

static void *end_busy(void *arg)
{
    int pid = *(int *)arg;
    PGconn *c = PQconnectdb(w.root_url);
    char sql[200];
    snprintf(sql, sizeof sql,
             "DO 'BEGIN WHILE NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE pid = %d AND"
             " state = ''active'') LOOP PERFORM pg_stat_clear_snapshot(); PERFORM pg_sleep(0.01);"
             " END LOOP; END'",
             pid);
    PQclear(PQexec(c, sql));
    snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%d)", pid);
    PQclear(PQexec(c, sql));
    PQfinish(c);
    return NULL;
}

/* The outcome is unknown: the caller hears so, and the call is not repeated for him. */
Test(connection, one_that_is_ended_during_a_statement_is_unavailable)
{
    struct params one = {0};
    struct rows rows[2];
    pthread_t thread;
    int pid = pid_of(d);
    add_bigint(&one, 1);
    add_bigint(&one, 1);
    const struct step steps[] = {{&put, &one}, {&hold, NULL}};
    cr_assert_eq(pthread_create(&thread, NULL, end_busy, &pid), 0);
    int64_t began_us = clock_boot_us();
    is(db_run_batch(d, w.a, steps, 2, rows), UNAVAILABLE);
    cr_assert(clock_boot_us() - began_us < 5 * SECOND_US);
    pthread_join(thread, NULL);
    is(rows_of_sql("SELECT count(*) FROM scratch"), 0);
    is(run_two(d, &put, 1, 1, rows), OK);
}

Test(connection, a_statement_past_its_time_is_unavailable_and_the_connection_stays)
{
    struct db_options hasty = options;
    struct rows rows;
    hasty.statement_timeout_us = SECOND_US / 10;
    struct db *h = db_new(&hasty);
    int pid = pid_of(h);
    is(db_run(h, w.a, &hold, NULL, &rows), UNAVAILABLE);
    same_text(db_last_sqlstate(h), "57014");
    is(pid_of(h), pid);
    db_free(h);
}

/* ---- the server away: a link to its socket that comes and goes ---- */

static char link_path[200], real_path[200], link_url[600];

static void part_of(const char *url, const char *name, char *out, size_t size)
{
    const char *at = strstr(url, name) + strlen(name);
    snprintf(out, size, "%.*s", (int)strcspn(at, "&"), at);
}

static void make_link(void)
{
    char host[120], port[20];
    part_of(w.app_url, "host=", host, sizeof host);
    part_of(w.app_url, "port=", port, sizeof port);
    snprintf(real_path, sizeof real_path, "%s/.s.PGSQL.%s", host, port);
    snprintf(link_path, sizeof link_path, "/tmp/.s.PGSQL.%d", (int)getpid());
    snprintf(link_url, sizeof link_url, "postgresql://idphotod_app@/%s?host=/tmp&port=%d", w.name,
             (int)getpid());
}

static int count_of(const char *text, const char *word)
{
    int n = 0;
    for (const char *at = text; (at = strstr(at, word)); at++)
        n++;
    return n;
}

Test(connection, while_the_server_is_away_calls_fail_fast_and_then_it_works_again)
{
    struct rows rows;
    struct db_options far = options;
    make_link();
    far.url = link_url;
    struct db *away = db_new(&far);
    log_begin();
    int64_t began_us = clock_boot_us();
    for (int i = 0; i < 50; i++)
        is(run_two(away, &put, i, 0, &rows), UNAVAILABLE);
    int64_t took_us = clock_boot_us() - began_us;
    const char *log = log_end();
    cr_assert(took_us < 400 * 1000, "%lld", (long long)took_us);
    is(count_of(log, "db.unavailable"), 1);
    cr_assert_eq(symlink(real_path, link_path), 0);
    usleep(550 * 1000);
    enum status s = run_two(away, &put, 1, 0, &rows);
    int pid = s == OK ? pid_of(away) : 0;
    unlink(link_path);
    is(s, OK);
    terminate(pid);
    is(run_two(away, &put, 2, 0, &rows), UNAVAILABLE);
    is(run_two(away, &put, 3, 0, &rows), UNAVAILABLE);
    cr_assert_eq(symlink(real_path, link_path), 0);
    usleep(550 * 1000);
    s = run_two(away, &put, 4, 0, &rows);
    unlink(link_path);
    is(s, OK);
    is(rows_of_sql("SELECT count(*) FROM scratch"), 2);
    db_free(away);
}

Test(connection, a_statement_that_does_not_prepare_is_our_own_bug)
{
    static const struct statement_list *const with_bad[] = {&list, &misspelt_list};
    struct db_options wrong = options;
    wrong.lists = with_bad;
    wrong.n_lists = 2;
    struct db *b = db_new(&wrong);
    log_begin();
    is(db_ready(b), INTERNAL);
    const char *log = log_end();
    cr_assert(strstr(log, "t_misspelt"));
    cr_assert(strstr(log, "42P01"));
    is(db_ready(b), UNAVAILABLE); /* not tried again for half a second */
    db_free(b);
}

Test(connection, every_statement_of_the_program_prepares_and_has_a_name_of_its_own)
{
    is(db_ready(w.st.db), OK);
    for (size_t l = 0; l < all_statements_count; l++)
        for (size_t i = 0; i < all_statements[l]->count; i++) {
            const struct statement *s = all_statements[l]->items[i];
            for (size_t m = 0; m <= l; m++)
                for (size_t j = 0; j < (m < l ? all_statements[m]->count : i); j++)
                    cr_assert(strcmp(s->name, all_statements[m]->items[j]->name) != 0, "%s",
                              s->name);
        }
}

/* ---- logs ---- */

Test(connection, logs_name_statement_sqlstate_and_constraint_and_never_a_value)
{
    struct params p = {0}, bad = {0};
    struct rows rows;
    log_begin();
    is(run_two(d, &put, 424242, 987654321, &rows), INTERNAL); /* a check */
    add_bigint(&p, 0);
    add_text(&p, "Zhang Wei 13800138000");
    is(db_run(d, w.a, &divide, &p, &rows), INTERNAL);
    add_int(&bad, 0);
    add_text(&bad, "Zhang Wei \xff 13800138000");
    is(db_run(d, w.a, &divide, &bad, &rows), INTERNAL);
    is(db_script(d, w.a, "SELECT 'Zhang Wei'::integer", NULL), INTERNAL);
    is(db_script(d, w.a, "DO 'BEGIN RAISE WARNING ''Zhang Wei''; END'", NULL), OK);
    const char *log = log_end();
    cr_assert(strstr(log, "t_put") && strstr(log, "23514") && strstr(log, "scratch_n_check"));
    cr_assert(strstr(log, "t_divide") && strstr(log, "22021") && strstr(log, "22P02"));
    cr_assert_null(strstr(log, "Zhang"));
    cr_assert_null(strstr(log, "13800138000"));
    cr_assert_null(strstr(log, "424242"));
    cr_assert_null(strstr(log, "987654321"));
}

/* ---- values there and back ---- */

Test(connection, parameters_and_results_keep_their_values)
{
    static const struct statement echo = {
        "t_echo",
        "SELECT $1::bigint, $2::integer, $3::boolean, $4::timestamptz, $5::text, $6::bytea,"
        " $7::uuid, $8::timestamptz, $9::text, (SELECT sum(x) FROM unnest($10::bigint[]) x),"
        " (SELECT string_agg(x, '|') FROM unnest($11::text[]) x),"
        " extract(epoch FROM $4::timestamptz) = 1796097600.000001"};
    static const struct statement *const echo_items[] = {&echo};
    static const struct statement_list echo_list = {echo_items, 1};
    static const struct statement_list *const echo_lists[] = {&echo_list};
    struct db_options o = options;
    struct params p = {0};
    struct rows rows;
    size_t n;
    const int64_t numbers[] = {1, INT64_C(1) << 40, -3};
    const char *const texts[] = {"a", "", "张伟"};
    struct uuid id = uuid_new();
    o.lists = echo_lists;
    o.n_lists = 1;
    struct db *e = db_new(&o);
    add_bigint(&p, INT64_MIN + 1);
    add_int(&p, -7);
    add_bool(&p, true);
    add_time(&p, START_US + 1);
    add_text(&p, "张伟");
    add_bytes(&p, "\0\xff", 2);
    add_uuid(&p, &id);
    add_time_or_null(&p, 0);
    add_text(&p, NULL);
    add_bigint_array(&p, w.a, numbers, 3);
    add_text_array(&p, w.a, texts, 3);
    is(db_run(e, w.a, &echo, &p, &rows), OK);
    is(row_bigint(&rows, 0, 0), INT64_MIN + 1);
    is(row_int(&rows, 0, 1), -7);
    cr_assert(row_bool(&rows, 0, 2));
    is(row_time_us(&rows, 0, 3), START_US + 1);
    same_text(row_text(&rows, 0, 4), "张伟");
    cr_assert(memcmp(row_bytes(&rows, 0, 5, &n), "\0\xff", 2) == 0 && n == 2);
    struct uuid back = row_uuid(&rows, 0, 6);
    cr_assert(memcmp(back.bytes, id.bytes, sizeof id.bytes) == 0);
    is(row_time_us(&rows, 0, 7), 0);
    cr_assert_null(row_text(&rows, 0, 8));
    same_text(row_text(&rows, 0, 10), "a||张伟");
    cr_assert(row_bool(&rows, 0, 11));
    db_free(e);
}
