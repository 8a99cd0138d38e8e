/* SPDX-License-Identifier: MIT */
/* Callbacks when none more may wait for its commit. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "api/app.h"
#include "http_fixture.h"
#include "jobs/committer.h"

static struct config config;
static struct app app;
static struct server *server;

static void serve(size_t queue)
{
    static const struct server_listener public = {.listen = "127.0.0.1:0", .kind = LISTENER_PUBLIC};
    const struct server_options options = {.listeners = &public,
                                           .n_listeners = 1,
                                           .routes = routes,
                                           .n_routes = routes_count,
                                           .workers = 1,
                                           .app = &app};
    char why[256] = "";
    app.service.config = &config;
    app.service.db_options.url = "host=/nowhere"; /* nothing is ever committed */
    app.committer = committer_start(&app.service, queue);
    cr_assert_eq(server_start(&options, &server, why, sizeof why), OK, "%s", why);
}

static void serve_no_more(void)
{
    server_stop(server, 0);
    committer_stop(app.committer);
}

TestSuite(notify_full, .fini = serve_no_more, .timeout = 60);

/* Nothing in it is signed by anybody. */
static void expect_answer(const char *path, const char *type, unsigned status, bool comes_again)
{
    char request[256];
    snprintf(request, sizeof request,
             "POST %s HTTP/1.1\r\nHost: t\r\nContent-Type: %s\r\nContent-Length: 2\r\n\r\n{}", path,
             type);
    struct answer answer = raw_ask(server_port(server, 0), request);
    cr_expect_eq(answer.status, status, "%s: %u", path, answer.status);
    cr_expect_eq(strstr(answer.headers, "Retry-After: 1") != NULL, comes_again, "%s", path);
    answer_free(&answer);
}

Test(notify_full, a_payment_is_told_to_come_again_before_its_signature_is_looked_at)
{
    serve(0);
    expect_answer("/v1/notify/wechat", "application/json", 503, true);
    expect_answer("/v1/notify/alipay", "application/x-www-form-urlencoded", 503, true);
}

Test(notify_full, with_room_for_one_its_signature_is_looked_at)
{
    serve(1);
    expect_answer("/v1/notify/wechat", "application/json", 401, false);
    expect_answer("/v1/notify/alipay", "application/x-www-form-urlencoded", 200, false);
}
