/* SPDX-License-Identifier: MIT */
/* A newer policy comes into force: a small change asks nobody, a major one asks everybody. */
#include "common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shape.h"
#include "stack.h"

enum { HOUR_S = 3600 };

static double small_at, major_at, later_at;

static const struct step before[] = {
    ACCOUNT("old"),
    CONSENT("old"),
    PHOTO("old", "old.photo"),
    PHOTO("old", "old.spare"),
    ORDER("old", "old.order", ELECTRONIC_BODY("old.photo")),
    ORDER("old", "old.print", PRINT_BODY("old.photo")),
    NATIVE("old", "old.order", "old.pay"),
    PAYS("old.pay"),
    {.label = "the tree", .control = "echo \"$STACK_ROOT\""},
    END,
};

static void add_version(json_t *index, const char *version, bool major, double effective)
{
    char text[40];
    struct tm t;
    time_t at = (time_t)effective;
    json_t *entry = json_deep_copy(json_array_get(index, 0));
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&at, &t));
    json_object_set_new(entry, "version", json_string(version));
    json_object_set_new(entry, "major", json_boolean(major));
    json_object_set_new(entry, "effective_at", json_string(text));
    json_array_append_new(index, entry);
}

/* A folder with the policy in force, a small change soon, a major one later, and one long after. */
static bool write_policies(void)
{
    char path[600], line[800];
    snprintf(path, sizeof path, "%s/config/policy", keep_get("said"));
    snprintf(line, sizeof line, "cp -r '%s' \"$STACK/policy\" && echo \"$STACK/policy\"", path);
    if (!stack_control(line))
        return complain("the policies were not copied");
    snprintf(path, sizeof path, "%s/policies.json", keep_get("said"));
    json_t *index = json_load_file(path, 0, NULL);
    small_at = stack_now() + 2 * HOUR_S;
    major_at = stack_now() + 4 * HOUR_S;
    later_at = stack_now() + 48 * HOUR_S;
    add_version(index, "2027-small", false, small_at);
    add_version(index, "2027-major", true, major_at);
    add_version(index, "2027-later", true, later_at);
    bool written = index && json_dump_file(index, path, JSON_INDENT(1)) == 0;
    json_decref(index);
    return written || complain("%s was not written", path);
}

static const struct step same_as_before[] = {
    {.label = "announced, not in force",
     .call = "GET /v1/policy",
     .status = 200,
     .shape = "{'version': '{{policy}}', '...': true}"},
    {.label = "everybody can read what will come",
     .call = "GET /v1/policy/2027-major",
     .status = 200,
     .shape = "{'version': '2027-major', 'major': true, '...': true}"},
    {.label = "nobody can agree to it yet",
     .call = "POST /v1/accounts",
     .body = "{'policy_version': '2027-major'}",
     .status = 422,
     .problem = "policy-version-stale"},
    {.label = "the old agreement is enough",
     .call = "PATCH /v1/orders/{{old.print}}",
     .as = "old",
     .body = "{'recipient': " RECIPIENT "}",
     .status = 200},
    END,
};

static bool announced(void)
{
    return steps_run(before) && write_policies() &&
           (stack_control("sed -i \"s#^dir = .*config/policy#dir = $STACK/policy#\" \"$CONFIG\" && "
                          "clock_to \"$OFFSET\"") ||
            complain("the server does not take the folder")) &&
           steps_run(same_as_before);
}

static const struct step small_change[] = {
    {.label = "in force",
     .call = "GET /v1/policy",
     .status = 200,
     .shape = "{'version': '2027-small', 'major': false, '...': true}"},
    {.label = "new accounts agree to it",
     .call = "POST /v1/accounts",
     .body = "{'policy_version': '2027-small'}",
     .status = 201,
     .keep = "newer.token=token newer.account=account_id"},
    {.label = "and to nothing older",
     .call = "POST /v1/accounts",
     .body = "{'policy_version': '{{policy}}'}",
     .status = 422,
     .problem = "policy-version-stale",
     .shape = "{'policy': '/v1/policy', '...': true}"},
    {.label = "old ones go on",
     .call = "PATCH /v1/orders/{{old.print}}",
     .as = "old",
     .body = "{'recipient': " RECIPIENT "}",
     .status = 200},
    END,
};

static bool small(void)
{
    return stack_clock_at(small_at + 60) && steps_run(small_change);
}

#define ASKED                                                                                      \
    .status = 403, .problem = "consent-required", .shape = "{'policy': '/v1/policy', '...': true}"

static const struct step major_change[] = {
    {.label = "in force",
     .call = "GET /v1/policy",
     .status = 200,
     .shape = "{'version': '2027-major', 'major': true, '...': true}"},
    {.label = "no upload",
     .call = "POST /v1/photos",
     .as = "old",
     .key = "after the change",
     .file = "jpeg",
     ASKED},
    {.label = "no order",
     .call = "POST /v1/orders",
     .as = "old",
     .key = "after the change",
     .body = ELECTRONIC_BODY("old.photo"),
     ASKED},
    {.label = "no payment",
     .call = "POST /v1/orders/{{old.print}}/payments",
     .as = "old",
     .key = "after the change",
     .body = "{'channel': 'wechat', 'method': 'native'}",
     ASKED},
    {.label = "no other recipient",
     .call = "PATCH /v1/orders/{{old.print}}",
     .as = "old",
     .body = "{'recipient': " RECIPIENT "}",
     ASKED},
    {.label = "no guardian",
     .call = "PATCH /v1/account",
     .as = "old",
     .body = "{'guardian': {'name': '李妈妈', 'phone': '13712345678', 'relation': '母亲'}}",
     ASKED},
    {.label = "nor for an account on the small change",
     .call = "POST /v1/photos",
     .as = "newer",
     .key = "after the change",
     .file = "jpeg",
     ASKED},
    COUNT("no marker is left", "idempotency",
          "account_id IN ({{old.account}}, {{newer.account}}) AND http_status IS NULL", "0"),
    {.label = "what was bought is still given out",
     .call = "GET /v1/photos/{{old.photo}}/file",
     .as = "old",
     .status = 200},
    {.label = "orders are shown", .call = "GET /v1/orders", .as = "old", .status = 200},
    {.label = "an order is cancelled",
     .call = "POST /v1/orders/{{old.print}}/cancel",
     .as = "old",
     .status = 200},
    {.label = "an order is deleted",
     .call = "DELETE /v1/orders/{{old.print}}",
     .as = "old",
     .status = 204},
    {.label = "consent is withdrawn",
     .call = "DELETE /v1/consents/print-mailing",
     .as = "old",
     .status = 200},
    {.label = "consent to the old text is no consent",
     .call = "PUT /v1/consents/service",
     .as = "old",
     .body = "{'policy_version': '2027-small'}",
     .status = 422,
     .problem = "policy-version-stale"},
    {.label = "still nothing",
     .call = "POST /v1/photos",
     .as = "old",
     .key = "after the change",
     .file = "jpeg",
     ASKED},
    {.label = "consent to the text in force",
     .call = "PUT /v1/consents/service",
     .as = "old",
     .body = "{'policy_version': '2027-major'}",
     .status = 200,
     .shape = "{'purpose': 'service', 'policy_version': '2027-major', 'granted_at': '@time', "
              "'withdrawn_at': null}"},
    {.label = "lifts it",
     .call = "POST /v1/photos",
     .as = "old",
     .key = "after the change",
     .file = "jpeg",
     .status = 201},
    {.label = "the account says so",
     .call = "GET /v1/account",
     .as = "old",
     .status = 200,
     .shape = "{'policy_version': '2027-major', '...': true}"},
    END,
};

static bool major(void)
{
    return stack_clock_at(major_at + 60) && steps_run(major_change);
}

const struct test policy_tests[] = {
    {"A policy that is only announced changes nothing", NULL, announced},
    {"A small change of the policy asks nobody again", NULL, small},
    {"A major change asks everybody before personal data is created, and not before", NULL, major},
    {NULL, NULL, NULL},
};
