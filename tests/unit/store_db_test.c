/* SPDX-License-Identifier: MIT */
/* Connections beside a real PostgreSQL: tests/tool/with-postgres.sh. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/db.h"

static struct db_options options;
static struct db *one, *other;
static struct arena *arena;

static void connect_two(void)
{
    options = (struct db_options){
        .url = getenv("IDPHOTOD_TEST_DATABASE_URL"),
        .statement_timeout_us = 5 * SECOND_US,
        .connect_timeout_us = 5 * SECOND_US,
    };
    if (!options.url)
        cr_skip_test("no database: tests/tool/with-postgres.sh gives one");
    one = db_new(&options);
    other = db_new(&options);
    arena = arena_new();
    cr_assert_eq(db_ready(one), OK);
    cr_assert_eq(db_ready(other), OK);
}

static void disconnect_two(void)
{
    db_free(one);
    db_free(other);
    if (arena)
        arena_free(arena);
}

TestSuite(db, .init = connect_two, .fini = disconnect_two);

static int backend_of(struct db *d)
{
    struct rows rows;
    cr_assert_eq(db_script(d, arena, "SELECT pg_backend_pid()", &rows), OK);
    return atoi(PQgetvalue(rows.result, 0, 0));
}

/* As a restart of PostgreSQL does to every idle connection of every worker. */
Test(db, a_connection_that_the_server_ended_while_idle_costs_no_request)
{
    struct rows rows;
    for (int i = 0; i < 20; i++) {
        int ended = backend_of(one);
        char sql[80];
        snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%d, 5000)", ended);
        cr_assert_eq(db_script(other, arena, sql, NULL), OK);
        cr_assert_eq(db_script(one, arena, "SELECT 1", &rows), OK);
        int after = backend_of(one);
        cr_assert_neq(after, ended);
    }
}

Test(db, what_the_server_says_while_idle_does_not_cost_the_connection)
{
    int before = backend_of(one);
    cr_assert_eq(db_script(one, arena, "LISTEN weather", NULL), OK);
    cr_assert_eq(db_script(other, arena, "NOTIFY weather", NULL), OK);
    usleep(200 * 1000);
    cr_assert_eq(db_ready(one), OK);
    int after = backend_of(one);
    cr_assert_eq(after, before);
}
