/* SPDX-License-Identifier: MIT */
/* Requests that their handler gives away, to be answered later: on a worker's thread and, those of
 * eager routes, on the I/O thread. */
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

static void keep_several_of(const char *request, int fds[SEVERAL])
{
    for (int i = 0; i < SEVERAL; i++) {
        fds[i] = raw_connect(f.port);
        raw_send(fds[i], request);
        cr_assert(fixture_await_kept(i + 1));
    }
}

static void keep_several(int fds[SEVERAL])
{
    keep_several_of(GET("/later"), fds);
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

static void resume_before_the_handler_returns(const char *request)
{
    int fd = raw_connect(f.port);
    for (int i = 0; i < 20; i++) {
        struct answer a;
        raw_send(fd, request);
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

Test(later, a_request_resumed_before_its_handler_returns_is_answered_once, .init = start,
     .fini = stop)
{
    resume_before_the_handler_returns(GET("/shortly"));
    resume_before_the_handler_returns(GET("/eager/shortly"));
}

static void answer_nothing(const char *request)
{
    struct answer a = raw_ask(f.port, request);
    char *code = answer_member(&a, "code");
    cr_expect_eq(a.status, 500);
    cr_expect_str_eq(code, "internal-error");
    free(code);
    answer_free(&a);
}

Test(later, a_request_resumed_without_an_answer_is_our_error, .init = start, .fini = stop)
{
    answer_nothing(GET("/never"));
    answer_nothing(GET("/eager/never"));
}

/* A worker counts what it did after it was answered. */
static int64_t await_served(int64_t n)
{
    struct server_figures figures;
    for (int i = 0; i < 500; i++) {
        server_figures(f.server, &figures);
        if (figures.served == n)
            break;
        usleep(2000);
    }
    return figures.served;
}

Test(later, an_eager_request_needs_no_worker, .init = start, .fini = stop)
{
    int fds[SEVERAL], fd = raw_connect(f.port);
    keep_several_of(GET("/eager/later"), fds);
    for (int i = 0; i < 3; i++) {
        struct answer a;
        raw_send(fd, GET("/eager/hello"));
        cr_assert(raw_read(fd, false, &a));
        cr_expect_eq(a.status, 200);
        answer_free(&a);
    }
    close(fd);
    cr_expect_not(raw_closes_within(fds[0], 100), "answered or cut before it was resumed");
    fixture_resume();
    read_several(fds, 200);
    cr_expect_eq(await_served(0), 0);
}

static void *open_worker(void *app, enum lane lane)
{
    static int worker;
    (void)app, (void)lane;
    return &worker;
}

static void start_with_workers(void)
{
    fixture_init(&f);
    f.options.worker_open = open_worker;
    fixture_start(&f);
}

Test(later, an_eager_request_that_passes_is_run_again_by_a_worker, .init = start_with_workers,
     .fini = stop)
{
    int fd = raw_connect(f.port);
    for (int i = 0; i < 20; i++) {
        struct answer a;
        raw_send(fd, GET("/eager/pass"));
        cr_assert(raw_read(fd, false, &a));
        char *by = answer_member(&a, "by");
        cr_expect_eq(a.status, 200);
        cr_expect_str_eq(by, "worker");
        free(by);
        answer_free(&a);
    }
    close(fd);
    cr_expect_eq(await_served(20), 20);
}

static void vanish(const char *request)
{
    int fds[SEVERAL];
    keep_several_of(request, fds);
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

Test(later, a_client_that_vanished_meanwhile_harms_nobody, .init = start, .fini = stop)
{
    vanish(GET("/later"));
    vanish(GET("/eager/later"));
}

static void *stop_at_once(void *done)
{
    server_stop(f.server, 0);
    atomic_store((atomic_bool *)done, true);
    return NULL;
}

static void stop_amid(const char *request)
{
    int fds[SEVERAL];
    atomic_bool done = false;
    pthread_t thread;
    keep_several_of(request, fds);
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

Test(later, a_stop_waits_until_every_deferred_request_is_resumed, .init = start)
{
    stop_amid(GET("/later"));
}

Test(later, a_stop_waits_for_eager_requests_too, .init = start)
{
    stop_amid(GET("/eager/later"));
}
