/* SPDX-License-Identifier: MIT */
/* Requests that their handler gives away, to be answered later. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "http_fixture.h"

static struct fixture f;

static void start(void)
{
    fixture_init(&f);
    fixture_start(&f);
}

static void stop(void)
{
    fixture_stop(&f);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: t\r\n\r\n"
enum { SEVERAL = 9 };

static void keep_several(int fds[SEVERAL])
{
    for (int i = 0; i < SEVERAL; i++) {
        fds[i] = raw_connect(f.port);
        raw_send(fds[i], GET("/later"));
        cr_assert(fixture_await_kept(i + 1));
    }
}

static void read_several(int fds[SEVERAL], unsigned status)
{
    for (int i = 0; i < SEVERAL; i++) {
        struct answer a;
        cr_expect(raw_read(fds[i], false, &a));
        char *kept = answer_member(&a, "kept");
        cr_expect_eq(a.status, status, "%d: %u", i, a.status);
        cr_expect_str_eq(kept, "9");
        free(kept);
        answer_free(&a);
        close(fds[i]);
    }
}

Test(later, one_worker_gives_many_requests_away_and_each_is_answered, .init = start, .fini = stop)
{
    int fds[SEVERAL];
    struct server_figures figures;
    keep_several(fds);
    for (int i = 0; i < 500; i++) {
        server_figures(f.server, &figures);
        if (figures.running == 0)
            break;
        usleep(2000);
    }
    cr_expect_eq(figures.running, 0);
    cr_expect_eq(figures.queued, 0);
    struct answer a;
    cr_expect_not(raw_closes_within(fds[0], 100), "answered or cut before it was resumed");
    a = raw_ask(f.port, GET("/shortly"));
    cr_expect_eq(a.status, 204);
    answer_free(&a);
    fixture_resume();
    read_several(fds, 200);
}

Test(later, a_request_resumed_before_its_handler_returns_is_answered_once, .init = start,
     .fini = stop)
{
    int fd = raw_connect(f.port);
    for (int i = 0; i < 20; i++) {
        struct answer a;
        raw_send(fd, GET("/shortly"));
        cr_assert(raw_read(fd, false, &a));
        cr_assert_eq(a.status, 204);
        answer_free(&a);
    }
    raw_send(fd, GET("/hello"));
    struct answer a;
    cr_assert(raw_read(fd, false, &a));
    cr_expect_eq(a.status, 200);
    answer_free(&a);
    close(fd);
}

Test(later, a_request_resumed_without_an_answer_is_our_error, .init = start, .fini = stop)
{
    struct answer a = raw_ask(f.port, GET("/never"));
    char *code = answer_member(&a, "code");
    cr_expect_eq(a.status, 500);
    cr_expect_str_eq(code, "internal-error");
    free(code);
    answer_free(&a);
}

Test(later, a_client_that_vanished_meanwhile_harms_nobody, .init = start, .fini = stop)
{
    int fds[SEVERAL];
    keep_several(fds);
    for (int i = 0; i < SEVERAL; i += 2)
        close(fds[i]);
    fixture_resume();
    for (int i = 1; i < SEVERAL; i += 2) {
        struct answer a;
        cr_expect(raw_read(fds[i], false, &a));
        cr_expect_eq(a.status, 200);
        answer_free(&a);
        close(fds[i]);
    }
    struct answer a = raw_ask(f.port, GET("/hello"));
    cr_expect_eq(a.status, 200);
    answer_free(&a);
}

static void *stop_at_once(void *done)
{
    server_stop(f.server, 0);
    atomic_store((atomic_bool *)done, true);
    return NULL;
}

Test(later, a_stop_waits_until_every_deferred_request_is_resumed, .init = start)
{
    int fds[SEVERAL];
    atomic_bool done = false;
    pthread_t thread;
    keep_several(fds);
    int idle = raw_connect(f.port);
    struct answer a;
    raw_send(idle, GET("/inline"));
    cr_assert(raw_read(idle, false, &a));
    answer_free(&a);
    pthread_create(&thread, NULL, stop_at_once, &done);
    cr_expect_not(raw_closes_within(fds[0], 300));
    cr_expect_not(atomic_load(&done));
    fixture_resume();
    read_several(fds, 200);
    pthread_join(thread, NULL);
    cr_expect(atomic_load(&done));
    close(idle);
}
