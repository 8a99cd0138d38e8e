/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <unistd.h>

#include "api/answers.h"
#include "api/gate.h"
#include "api/handlers.h"
#include "base/clock.h"
#include "store/operator.h"

static json_t *answer_classes(const struct retention *retention)
{
    json_t *list = json_array();
    for (size_t i = 0; i < retention->n_classes; i++) {
        const struct retention_class *c = &retention->classes[i];
        json_array_append_new(list, json_pack("{s:s, s:I, s:o, s:I}", "class", c->name, "rows",
                                              (json_int_t)c->rows, "oldest_expiry_at",
                                              answer_time(c->oldest_us), "overdue_rows",
                                              (json_int_t)c->overdue));
    }
    return list;
}

static json_t *answer_instances(const struct instance *list, size_t n)
{
    char day[DAY_TEXT_BYTES];
    json_t *items = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(items, json_pack("{s:s, s:s, s:o}", "host", list[i].host, "day",
                                               day_format(list[i].ratchet_day, day), "seen_at",
                                               answer_time(list[i].seen_us)));
    return items;
}

void admin_retention_show(struct request *r)
{
    struct retention retention;
    struct instance *instances;
    size_t n;
    char day[DAY_TEXT_BYTES];
    enum status s = retention_read(store_of(r), r->arena, r->now_us, &retention);
    if (s == OK)
        s = instance_list(store_of(r), r->arena, &instances, &n);
    if (s != OK) {
        reply_status(r, s);
        return;
    }
    day_format(vault_ratchet_day(app_of(r)->service.vault), day);
    reply_json(r, 200,
               json_pack("{s:o, s:o, s:{s:s, s:o}, s:{s:o, s:I, s:I, s:I}}", "now",
                         answer_time(r->now_us), "classes", answer_classes(&retention), "ratchet",
                         "day", day, "hosts", answer_instances(instances, n), "last_purge", "at",
                         answer_time(retention.purge_at_us), "photos",
                         (json_int_t)retention.purge_photos, "orders",
                         (json_int_t)retention.purge_orders, "accounts",
                         (json_int_t)retention.purge_accounts));
}

void admin_jobs_show(struct request *r)
{
    struct job_run *list;
    size_t n;
    enum status s = job_run_list(store_of(r), r->arena, &list, &n);
    if (s != OK) {
        reply_status(r, s);
        return;
    }
    json_t *items = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(items, json_pack("{s:s, s:o, s:o, s:s, s:s, s:I}", "job", list[i].job,
                                               "from", answer_time(list[i].started_us), "to",
                                               answer_time(list[i].finished_us), "host",
                                               list[i].host, "outcome", list[i].outcome, "rows",
                                               (json_int_t)list[i].rows));
    reply_json(r, 200, json_pack("{s:o, s:n}", "items", items, "next_cursor"));
}

/* The scheduler may be at the same job; a run asked for is one that began after the asking. */
static enum status run_patiently(struct job_context *c, const struct job *job, const char **outcome)
{
    enum status s = job_run(c, job, outcome);
    for (int i = 0; s == OK && strcmp(*outcome, "elsewhere") == 0 && i < 50; i++) {
        usleep(100000);
        s = job_run(c, job, outcome);
    }
    return s;
}

void admin_job_run(struct request *r)
{
    static const struct json_shape nothing;
    char none;
    const char *outcome = "failed";
    struct worker *worker = r->worker;
    const struct job *job = job_find(r->params[0]);
    if (!body_parse(r, &nothing, &none))
        return;
    if (!job) {
        reply_problem(r, PROBLEM_NOT_FOUND);
        return;
    }
    if (!gate_audit(r, 0, NULL))
        return;
    struct job_context context = {.service = &app_of(r)->service,
                                  .store = worker->store,
                                  .provider = worker->provider,
                                  .by_hand = true};
    enum status s = run_patiently(&context, job, &outcome);
    if (s != OK)
        reply_status(r, s);
    else
        reply_json(r, 200,
                   json_pack("{s:s, s:s, s:I}", "job", job->name, "outcome", outcome, "rows",
                             (json_int_t)context.rows));
}
