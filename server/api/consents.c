/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "api/answers.h"
#include "api/gate.h"
#include "api/handlers.h"
#include "api/policies.h"
#include "store/lifetime.h"

struct consent_body {
    const char *policy_version;
};

static const struct json_member consent_members[] = {
    {.name = "policy_version",
     .kind = JSON_KIND_TEXT,
     .required = true,
     .offset = offsetof(struct consent_body, policy_version),
     .least = 1,
     .most = 40},
};
static const struct json_shape consent_shape = {consent_members, 1, sizeof(struct consent_body)};

void consents_show(struct request *r)
{
    struct consent *list;
    size_t n;
    enum status s = consent_list(store_of(r), r->arena, r->account_id, &list, &n);
    if (s != OK) {
        reply_status(r, s);
        return;
    }
    reply_json(r, 200, json_pack("{s:o, s:n}", "items", answer_consents(list, n), "next_cursor"));
}

/* Answers with the one consent as it now stands. */
static void show_one(struct request *r, const char *purpose)
{
    struct consent *list;
    size_t n, i = 0;
    enum status s = consent_list(store_of(r), r->arena, r->account_id, &list, &n);
    while (s == OK && i < n && strcmp(list[i].purpose, purpose) != 0)
        i++;
    if (s == OK && i == n)
        s = NOT_FOUND;
    if (s == OK)
        reply_json(r, 200, answer_consent(&list[i]));
    else
        reply_status(r, s);
}

void consent_put_one(struct request *r)
{
    struct consent_body body;
    const struct policies *policies = app_of(r)->policies;
    if (!body_parse(r, &consent_shape, &body))
        return;
    if (!policy_has_purpose(policies, r->params[0], r->now_us)) {
        reply_problem(r, PROBLEM_NOT_FOUND);
        return;
    }
    if (!gate_is_current_policy(r, body.policy_version))
        return;
    enum status s = consent_grant(store_of(r), r->arena, r->account_id, r->params[0],
                                  body.policy_version, r->now_us);
    if (s == OK)
        show_one(r, r->params[0]);
    else
        reply_status(r, s);
}

/* Withdrawing is as easy as giving (PIPL 15), and erases what rested on it. */
void consent_delete(struct request *r)
{
    bool service = strcmp(r->params[0], "service") == 0;
    bool prints = strcmp(r->params[0], "print-mailing") == 0;
    enum status s = consent_withdraw(store_of(r), r->arena, r->account_id, r->params[0], r->now_us);
    if (s == OK && (service || prints))
        s = erase_unpaid(store_of(r), r->arena, r->account_id, r->now_us, !service);
    if (s == OK)
        show_one(r, r->params[0]);
    else
        reply_status(r, s);
}
