/* SPDX-License-Identifier: MIT */
#include "api/app.h"
#include "api/handlers.h"
#include "api/policies.h"

void policy_show_current(struct request *r)
{
    reply_json(r, 200, json_deep_copy(policy_current(app_of(r)->policies, r->now_us)->document));
}

void policy_show(struct request *r)
{
    const struct policy *p = policy_find(app_of(r)->policies, r->params[0]);
    if (p)
        reply_json(r, 200, json_deep_copy(p->document));
    else
        reply_problem(r, PROBLEM_NOT_FOUND);
}
