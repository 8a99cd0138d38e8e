/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "api/answers.h"
#include "api/gate.h"
#include "api/handlers.h"
#include "api/rules.h"
#include "base/clock.h"
#include "store/lifetime.h"
#include "store/wechat_binding.h"

struct guardian {
    const char *name, *phone, *relation;
};

struct account_body {
    const char *policy_version;
    bool minor;
    struct guardian *guardian;
};

static const struct json_member guardian_members[] = {
    {.name = "name",
     .kind = JSON_KIND_TEXT,
     .required = true,
     .offset = offsetof(struct guardian, name),
     .least = 1,
     .most = 40,
     .rule = rule_not_blank,
     .detail = "not blank"},
    {.name = "phone",
     .kind = JSON_KIND_TEXT,
     .required = true,
     .offset = offsetof(struct guardian, phone),
     .least = 7,
     .most = 24,
     .rule = rule_phone,
     .detail = "a Chinese mobile or landline number"},
    {.name = "relation",
     .kind = JSON_KIND_TEXT,
     .required = true,
     .offset = offsetof(struct guardian, relation),
     .least = 1,
     .most = 20,
     .rule = rule_not_blank,
     .detail = "not blank"},
};
static const struct json_shape guardian_shape = {guardian_members, 3, sizeof(struct guardian)};

static const struct json_member account_members[] = {
    {.name = "policy_version",
     .kind = JSON_KIND_TEXT,
     .required = true,
     .offset = offsetof(struct account_body, policy_version),
     .least = 1,
     .most = 40},
    {.name = "minor", .kind = JSON_KIND_BOOLEAN, .offset = offsetof(struct account_body, minor)},
    {.name = "guardian",
     .kind = JSON_KIND_OBJECT,
     .offset = offsetof(struct account_body, guardian),
     .shape = &guardian_shape},
};
static const struct json_shape account_shape = {account_members, 3, sizeof(struct account_body)};

static const struct json_member patch_members[] = {
    {.name = "guardian",
     .kind = JSON_KIND_OBJECT,
     .required = true,
     .offset = 0,
     .shape = &guardian_shape},
};
static const struct json_shape patch_shape = {patch_members, 1, sizeof(struct guardian *)};

static const char *guardian_text(struct request *r, const struct guardian *g)
{
    if (!g)
        return NULL;
    return json_text(r->arena, json_pack("{s:s, s:s, s:s}", "name", g->name, "phone", g->phone,
                                         "relation", g->relation));
}

void account_post(struct request *r)
{
    struct account_body body;
    int64_t account_id;
    char token[TOKEN_BYTES];
    if (!body_parse(r, &account_shape, &body) || !gate_is_current_policy(r, body.policy_version))
        return;
    if (body.minor && !body.guardian) {
        reply_problem(r, PROBLEM_GUARDIAN_CONSENT_REQUIRED);
        return;
    }
    if (!body.minor && body.guardian) {
        field_error(r, "/guardian", "not-needed", "only a minor's account names a guardian");
        reply_problem(r, PROBLEM_INVALID_MEMBERS);
        return;
    }
    enum status s =
        account_create(store_of(r), r->arena, r->now_us, body.minor,
                       guardian_text(r, body.guardian), body.policy_version, &account_id, token);
    if (s != OK)
        reply_status(r, s);
    else
        reply_json(
            r, 201,
            json_pack("{s:o, s:s}", "account_id", answer_account_id(account_id), "token", token));
}

void account_show(struct request *r)
{
    struct account account;
    struct consent *consents;
    size_t n;
    bool bound;
    enum status s = account_read(store_of(r), r->arena, r->account_id, &account);
    if (s == OK)
        s = consent_list(store_of(r), r->arena, r->account_id, &consents, &n);
    if (s == OK)
        s = wechat_binding_exists(store_of(r), r->arena, r->account_id, &bound);
    if (s != OK) {
        reply_status(r, s);
        return;
    }
    json_t *answer = json_pack("{s:o, s:o, s:s, s:o, s:b, s:b, s:s}", "account_id",
                               answer_account_id(r->account_id), "created_at",
                               answer_time(account.created_us), "policy_version",
                               account.policy_version, "consents", answer_consents(consents, n),
                               "wechat_bound", bound, "minor", account.minor, "state", "active");
    if (account.guardian)
        json_object_set_new(answer, "guardian", json_loads(account.guardian, 0, NULL));
    reply_json(r, 200, answer);
}

void account_patch(struct request *r)
{
    struct guardian *guardian;
    if (!body_parse(r, &patch_shape, &guardian))
        return;
    enum status s = account_set_guardian(store_of(r), r->arena, r->account_id,
                                         guardian_text(r, guardian), r->now_us);
    if (s == OK)
        account_show(r);
    else
        reply_status(r, s);
}

/* An account that no login is bound to has no other proof of whose it is than a live token, and a
 * right that could not be used (PIPL 47) would be none. One that is bound needs a fresh login. */
void account_delete(struct request *r)
{
    bool force;
    struct erased erased;
    if (!query_known(r, (const char *const[]){"force", NULL}) || !query_flag(r, "force", &force) ||
        !gate_is_fresh(r))
        return;
    enum status s = erase_account(store_of(r), r->arena, r->account_id, r->now_us, force, &erased);
    if (s == CONFLICT)
        reply_problem(r, PROBLEM_ORDER_IN_FULFILMENT);
    else if (s != OK)
        reply_status(r, s);
    else
        reply_json(r, 202,
                   json_pack("{s:o, s:{s:i, s:i, s:i, s:i}}", "receipt_id",
                             answer_id("rcp_", &erased.receipt_id), "erased", "photos",
                             erased.photos, "orders", erased.orders, "requests", erased.requests,
                             "consents", erased.consents));
}

void receipt_show(struct request *r)
{
    struct uuid id;
    struct receipt receipt;
    if (!param_id(r, 0, "rcp_", &id))
        return;
    enum status s = receipt_read(store_of(r), r->arena, &id, r->now_us, &receipt);
    if (s != OK) {
        reply_status(r, s);
        return;
    }
    char day[DAY_TEXT_BYTES];
    reply_json(r, 200,
               json_pack("{s:o, s:{s:i, s:i, s:i, s:i}, s:s}", "erased_at",
                         answer_time(receipt.erased_us), "counts", "photos", receipt.photos,
                         "orders", receipt.orders, "requests", receipt.requests, "consents",
                         receipt.consents, "ratchet_day", day_format(receipt.last_day, day)));
}
