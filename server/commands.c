/* SPDX-License-Identifier: MIT */
#include "commands.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "api/answers.h"
#include "api/app.h"
#include "base/clock.h"
#include "base/embed.h"
#include "base/version.h"
#include "jobs/scheduler.h"
#include "store/auditor.h"
#include "store/migrate.h"
#include "store/operator.h"
#include "store/payment.h"

int exit_of(enum status s)
{
    switch (s) {
    case OK: return EXIT_DONE;
    case NOT_FOUND:
    case CONFLICT:
    case DENIED:
    case INVALID:
    case TOO_LARGE: return EXIT_WRONG;
    case RETRY:
    case UNAVAILABLE: return EXIT_UNAVAILABLE;
    case INTERNAL: return EXIT_BUG;
    }
    return EXIT_BUG;
}

static bool says(const struct command_line *line, int i, const char *word)
{
    return i < line->count && strcmp(line->words[i], word) == 0;
}

static int finish(enum status s, const char *what)
{
    if (s != OK)
        fprintf(stderr, "idphotod: %s: %s\n", what, status_name(s));
    return exit_of(s);
}

/* ---- what the database commands share ---- */

struct session_of_tool {
    struct service service;
    struct job_context job;
    struct arena *arena;
};

static int open_tool(const struct config *c, struct session_of_tool *t)
{
    char why[512] = "";
    if (service_open(c, &t->service, why, sizeof why) != OK) {
        fprintf(stderr, "idphotod: %s\n", why);
        return EXIT_CONFIG;
    }
    job_context_open(&t->job, &t->service);
    t->arena = arena_new();
    return EXIT_DONE;
}

static void close_tool(struct session_of_tool *t)
{
    arena_free(t->arena);
    job_context_close(&t->job);
    service_close(&t->service);
}

/* ---- migrate ---- */

int command_migrate(const struct config *c, const struct command_line *line)
{
    const struct db_options options = {
        .url = c->database.owner_url ? c->database.owner_url : c->database.url,
        .statement_timeout_us = c->database.statement_timeout_us,
        .connect_timeout_us = c->database.connect_timeout_us,
    };
    if (line->count != 1)
        return EXIT_USAGE;
    struct db *d = db_new(&options);
    struct arena *a = arena_new();
    int code = EXIT_USAGE;
    if (says(line, 0, "up"))
        code = finish(migrate_up(d, clock_now_us(), stdout), "migrate up");
    else if (says(line, 0, "status"))
        code = finish(migrate_status(d, stdout), "migrate status");
    else if (says(line, 0, "verify"))
        code = finish(migrate_verify(d, a), "migrate verify");
    arena_free(a);
    db_free(d);
    return code;
}

/* ---- keys ---- */

int command_keygen(const struct config *c, const struct command_line *line)
{
    (void)c;
    char why[512] = "";
    if (!line->dir || line->count)
        return EXIT_USAGE;
    enum status s = vault_keygen(line->dir, line->rotate, day_of(clock_now_us()), why, sizeof why);
    if (s != OK)
        fprintf(stderr, "idphotod: %s\n", why);
    return exit_of(s);
}

static int ratchet_status(struct session_of_tool *t)
{
    struct instance *list;
    size_t n;
    char day[DAY_TEXT_BYTES], at[TIME_TEXT_BYTES];
    printf("this host: day %s, clock believed on %s\n",
           day_format(vault_ratchet_day(t->service.vault), day),
           day_format(guard_day(t->service.guard), at));
    enum status s = instance_list(&t->job.store, t->arena, &list, &n);
    for (size_t i = 0; s == OK && i < n; i++)
        printf("%s: day %s, seen %s\n", list[i].host, day_format(list[i].ratchet_day, day),
               time_format(list[i].seen_us, at));
    return finish(s, "ratchet status");
}

static int ratchet_with(const struct config *c, const struct command_line *line,
                        struct session_of_tool *t)
{
    char why[512] = "";
    int32_t day;
    if (says(line, 0, "status") && line->count == 1)
        return ratchet_status(t);
    if (says(line, 0, "confirm") && line->count == 1 && line->day) {
        enum status s = day_parse(line->day, &day);
        return finish(s == OK ? guard_confirm(c->keys.ratchet_file, day) : s, "ratchet confirm");
    }
    if (says(line, 0, "forget-host") && line->count == 2)
        return finish(instance_forget(&t->job.store, t->arena, line->words[1]),
                      "ratchet forget-host");
    if (says(line, 0, "escrow") && line->count == 1 && line->to) {
        enum status s = vault_ratchet_escrow(t->service.vault, line->to, why, sizeof why);
        return finish(s, *why ? why : "ratchet escrow");
    }
    return EXIT_USAGE;
}

int command_ratchet(const struct config *c, const struct command_line *line)
{
    struct session_of_tool t;
    int code = open_tool(c, &t);
    if (code != EXIT_DONE)
        return code;
    code = ratchet_with(c, line, &t);
    close_tool(&t);
    return code;
}

/* ---- operators ---- */

static bool is_role(const char *role)
{
    static const char *const roles[] = {"fulfilment", "support", "finance", "auditor", "admin"};
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (strcmp(role, roles[i]) == 0)
            return true;
    return false;
}

static int operator_add_one(struct session_of_tool *t, const char *name, const char *role)
{
    char token[TOKEN_BYTES];
    enum status s = operator_add(&t->job.store, t->arena, name, role, clock_now_us(), token);
    if (s == OK)
        printf("%s\n", token);
    return finish(s, "operator add");
}

static int operator_show_all(struct session_of_tool *t)
{
    struct operator_row *list;
    size_t n;
    char until[TIME_TEXT_BYTES];
    enum status s = operator_list(&t->job.store, t->arena, &list, &n);
    for (size_t i = 0; s == OK && i < n; i++)
        printf("%s %s %s until %s\n", list[i].name, list[i].role,
               list[i].revoked_us ? "revoked" : "live", time_format(list[i].expires_us, until));
    return finish(s, "operator list");
}

int command_operator(const struct config *c, const struct command_line *line)
{
    struct session_of_tool t;
    int code = open_tool(c, &t);
    if (code != EXIT_DONE)
        return code;
    code = EXIT_USAGE;
    if (says(line, 0, "add") && line->count == 2 && line->role && is_role(line->role))
        code = operator_add_one(&t, line->words[1], line->role);
    else if (says(line, 0, "list") && line->count == 1)
        code = operator_show_all(&t);
    else if (says(line, 0, "revoke") && line->count == 2)
        code = finish(operator_revoke(&t.job.store, t.arena, line->words[1], clock_now_us()),
                      "operator revoke");
    close_tool(&t);
    return code;
}

/* ---- purge ---- */

static enum status purge_all(struct job_context *c)
{
    const char *outcome;
    enum status s = jobs_catch_up(c, &outcome);
    if (s != OK)
        return s;
    printf("photos %" PRId64 ", orders %" PRId64 ", accounts %" PRId64 ", %s\n", c->total.photos,
           c->total.orders, c->total.accounts, outcome);
    return strcmp(outcome, "ok") == 0 ? OK : CONFLICT;
}

static int set_now(const struct config *c, const char *text)
{
    int64_t at_us;
    if (!c->testing.allow_clock) {
        fprintf(stderr, "idphotod: --now needs testing.allow_clock\n");
        return EXIT_CONFIG;
    }
    if (time_parse(text, &at_us) != OK)
        return EXIT_USAGE;
    clock_set_offset_us(clock_offset_us() + at_us - clock_now_us());
    return EXIT_DONE;
}

int command_purge(const struct config *c, const struct command_line *line)
{
    struct session_of_tool t;
    if (!line->once || line->count)
        return EXIT_USAGE;
    int code = line->now ? set_now(c, line->now) : EXIT_DONE;
    if (code == EXIT_DONE)
        code = open_tool(c, &t);
    if (code != EXIT_DONE)
        return code;
    code = finish(purge_all(&t.job), "purge");
    close_tool(&t);
    return code;
}

/* ---- ledger ---- */

static void print_csv(const struct ledger_entry *list, size_t n)
{
    struct buf csv = {0};
    answer_ledger_csv(&csv, list, n, "\n");
    fwrite(csv.bytes, 1, csv.size, stdout);
    buf_free(&csv);
}

static void print_json(const struct ledger_entry *list, size_t n)
{
    json_t *items = answer_ledger(list, n);
    json_dumpf(items, stdout, JSON_INDENT(1));
    putchar('\n');
    json_decref(items);
}

int command_ledger(const struct config *c, const struct command_line *line)
{
    struct session_of_tool t;
    struct ledger_entry *list;
    size_t n;
    int32_t day;
    const char *format = line->format ? line->format : "json";
    bool csv = strcmp(format, "csv") == 0;
    if (!says(line, 0, "export") || line->count != 1 || !line->day ||
        day_parse(line->day, &day) != OK || (!csv && strcmp(format, "json") != 0))
        return EXIT_USAGE;
    int code = open_tool(c, &t);
    if (code != EXIT_DONE)
        return code;
    enum status s = ledger_day(&t.job.store, t.arena, day, &list, &n);
    if (s == OK && csv)
        print_csv(list, n);
    else if (s == OK)
        print_json(list, n);
    close_tool(&t);
    return finish(s, "ledger export");
}

/* ---- audit ---- */

static void print_finding(void *arg, const struct finding *finding)
{
    (void)arg;
    printf("%s: %s\n", finding->check, finding->what);
}

int command_audit(const struct config *c, const struct command_line *line)
{
    struct session_of_tool t;
    int64_t count = 0;
    if (line->count)
        return EXIT_USAGE;
    int code = open_tool(c, &t);
    if (code != EXIT_DONE)
        return code;
    enum status s = auditor_run(&t.job.store, t.arena, clock_now_us(), print_finding, NULL, &count);
    close_tool(&t);
    if (s == OK)
        printf("%" PRId64 " found wrong\n", count);
    return s == OK && count ? EXIT_WRONG : finish(s, "audit");
}

/* ---- the rest ---- */

int command_config(const struct config *c, const struct command_line *line)
{
    if (line->count != 1)
        return EXIT_USAGE;
    if (says(line, 0, "print")) {
        config_print(c, stdout);
        return EXIT_DONE;
    }
    if (!says(line, 0, "check"))
        return EXIT_USAGE;
    char why[512] = "";
    if (app_check(c, why, sizeof why) != OK) {
        fprintf(stderr, "idphotod: %s\n", why);
        return EXIT_CONFIG;
    }
    puts("configuration is valid");
    return EXIT_DONE;
}

int command_openapi(const struct config *c, const struct command_line *line)
{
    (void)c;
    (void)line;
    for (const struct embedded *e = embedded_files; e->path; e++)
        if (strcmp(e->path, "server/api/openapi.json") == 0)
            fwrite(e->bytes, 1, e->size, stdout);
    return EXIT_DONE;
}

int command_version(const struct config *c, const struct command_line *line)
{
    (void)c;
    (void)line;
    printf("idphotod %s\n", program_version);
    return EXIT_DONE;
}
