/* SPDX-License-Identifier: MIT */
/* config/datamap.json names every column of the live schema, and nothing else. */
#include <jansson.h>
#include <string.h>

#include "fixture.h"

TestSuite(datamap, .init = world_up, .fini = world_down);

static json_t *read_map(void)
{
    json_error_t error;
    json_t *map = json_load_file("config/datamap.json", JSON_REJECT_DUPLICATES, &error);
    cr_assert_not_null(map, "config/datamap.json:%d: %s", error.line, error.text);
    return map;
}

static PGresult *read_columns(void)
{
    PGresult *r =
        PQexec(w.root, "SELECT c.relname, a.attname, format_type(a.atttypid, NULL) FROM pg_class c"
                       " JOIN pg_attribute a ON a.attrelid = c.oid"
                       " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')"
                       "  AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped");
    cr_assert_eq(PQresultStatus(r), PGRES_TUPLES_OK);
    cr_assert_gt(PQntuples(r), 100);
    return r;
}

static json_t *column_of(json_t *map, const char *table, const char *column)
{
    json_t *t = json_object_get(json_object_get(map, "tables"), table);
    return json_object_get(json_object_get(t, "columns"), column);
}

Test(datamap, every_column_of_the_schema_is_in_the_map)
{
    json_t *map = read_map();
    PGresult *columns = read_columns();
    for (int i = 0; i < PQntuples(columns); i++) {
        const char *table = PQgetvalue(columns, i, 0), *column = PQgetvalue(columns, i, 1);
        cr_expect_not_null(column_of(map, table, column), "%s.%s is not in the map", table, column);
    }
    PQclear(columns);
    json_decref(map);
}

static bool has_column(const PGresult *columns, const char *table, const char *column)
{
    for (int i = 0; i < PQntuples(columns); i++)
        if (strcmp(PQgetvalue(columns, i, 0), table) == 0 &&
            strcmp(PQgetvalue(columns, i, 1), column) == 0)
            return true;
    return false;
}

Test(datamap, every_column_of_the_map_is_in_the_schema)
{
    json_t *map = read_map(), *table, *column;
    PGresult *columns = read_columns();
    const char *table_name, *column_name;
    json_object_foreach(json_object_get(map, "tables"), table_name, table)
    {
        json_object_foreach(json_object_get(table, "columns"), column_name, column)
        {
            cr_expect(has_column(columns, table_name, column_name), "%s.%s is not in the schema",
                      table_name, column_name);
        }
    }
    PQclear(columns);
    json_decref(map);
}

/* What is personal is sealed, and what is sealed is personal. */
Test(datamap, exactly_the_sealed_columns_are_personal)
{
    json_t *map = read_map();
    PGresult *columns = read_columns();
    for (int i = 0; i < PQntuples(columns); i++) {
        const char *table = PQgetvalue(columns, i, 0), *column = PQgetvalue(columns, i, 1);
        const char *kind =
            json_string_value(json_object_get(column_of(map, table, column), "kind"));
        bool sealed = strstr(column, "sealed") != NULL;
        cr_expect_eq(sealed, kind && strcmp(kind, "personal") == 0, "%s.%s", table, column);
        if (sealed)
            cr_expect_str_eq(PQgetvalue(columns, i, 2), "bytea", "%s.%s", table, column);
    }
    PQclear(columns);
    json_decref(map);
}

Test(datamap, every_table_names_a_known_retention_class)
{
    json_t *map = read_map(), *table;
    const char *name;
    json_object_foreach(json_object_get(map, "tables"), name, table)
    {
        char classes[200];
        const char *text = json_string_value(json_object_get(table, "retention"));
        cr_assert_not_null(text, "%s", name);
        snprintf(classes, sizeof classes, "%s", text);
        for (char *rest, *one = strtok_r(classes, ", ", &rest); one;
             one = strtok_r(NULL, ", ", &rest))
            cr_expect_not_null(json_object_get(json_object_get(map, "classes"), one), "%s: %s",
                               name, one);
    }
    json_decref(map);
}
