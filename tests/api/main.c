/* SPDX-License-Identifier: MIT */
/*
 * The API tests: arrays of steps over HTTP against a whole installation. Started by run.sh.
 *
 *   api-tests [GROUP...]
 *
 * The last line is "N passed, N failed".
 */
#include <stdio.h>
#include <string.h>

#include "common.h"
#include "shape.h"
#include "stack.h"

/* In this order: the clock only goes forward, and the last group replaces the policy. */
static const struct group groups[] = {
    {"life", life_tests},
    {"photos", photo_tests},
    {"photo-files", photo_file_tests},
    {"make", make_tests},
    {"web", web_tests},
    {"payments", payment_tests},
    {"callbacks", callback_tests},
    {"pitfalls", pitfall_tests},
    {"wechat-login", wechat_login_tests},
    {"rotation", rotation_tests},
    {"poll", poll_tests},
    {"limits", limit_tests},
    {"operators", operator_tests},
    {"refunds", refund_tests},
    {"idempotency", idempotency_tests},
    {"bad-input", bad_input_tests},
    {"outage", outage_tests},
    {"bills", bill_tests},
    {"expiry", expiry_tests},
    {"specs", spec_tests},
    {"policy", policy_tests},
};

static const struct step set_up[] = {
    {.label = "the policy in force",
     .call = "GET /v1/policy",
     .status = 200,
     .keep = "policy=version"},
    {.label = "an administrator",
     .control = "\"$IDPHOTOD\" operator add boss --role admin --config \"$CONFIG\""},
    END,
};

static bool is_wanted(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return true;
    return argc <= 1;
}

static void run_group(const struct group *g)
{
    printf("-- %s\n", g->name);
    for (const struct test *t = g->tests; t->name; t++)
        test_run(t);
}

int main(int argc, char **argv)
{
    if (!stack_open()) {
        fprintf(stderr, "api-tests is started by tests/api/run.sh\n");
        return 64;
    }
    http_open();
    bool ready = steps_run(set_up);
    keep_set("admin.token", keep_get("said"));
    if (!ready)
        test_count("the installation is set up", false, "set-up failed");
    for (size_t i = 0; ready && i < sizeof groups / sizeof *groups; i++)
        if (is_wanted(groups[i].name, argc, argv))
            run_group(&groups[i]);
    http_close();
    stack_close();
    printf("%d passed, %d failed\n", tests_passed(), tests_failed());
    return tests_failed() > 0;
}
