/* SPDX-License-Identifier: MIT */
/* Deadlines, full queues, vanished clients, draining. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "http/client.h"
#include "http_fixture.h"

#define HOST      "Host: t\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"

static struct fixture f;

static void start(void)
{
    fixture_init(&f);
    fixture_start(&f);
}

static void start_idle(void)
{
    fixture_init(&f);
    f.options.idle_deadline_us = SECOND_US / 2;
    fixture_start(&f);
}

static void start_hasty(void)
{
    fixture_init(&f);
    f.options.handler_deadline_us = SECOND_US / 2;
    fixture_start(&f);
}

static void start_patient(void)
{
    fixture_init(&f);
    f.options.body_deadline_us = 20 * SECOND_US;
    f.options.header_deadline_us = 20 * SECOND_US;
    fixture_start(&f);
}

static void stop(void)
{
    fixture_stop(&f);
}

static int64_t ms_since(int64_t began_us)
{
    return (clock_boot_us() - began_us) / 1000;
}

/* Sends a byte every 100 ms until the server cuts; the milliseconds that took. */
static int64_t drip(int fd, const char *text, struct answer *a)
{
    int64_t began_us = clock_boot_us();
    while (ms_since(began_us) < 8000) {
        if (send(fd, *text ? text : "a", 1, MSG_NOSIGNAL) <= 0)
            break;
        text += *text != 0;
        usleep(100000);
        char peek;
        if (recv(fd, &peek, 1, MSG_PEEK | MSG_DONTWAIT) >= 0)
            break;
    }
    raw_read(fd, false, a);
    return ms_since(began_us);
}

Test(timing, headers_that_come_one_byte_at_a_time_are_cut, .init = start, .fini = stop)
{
    int fd = raw_connect(f.port);
    struct answer a;
    int64_t ms = drip(fd, "GET /hello HTTP/1.1\r\nX-Slow: ", &a);
    cr_expect(ms >= 900 && ms < 2500, "%ld ms", (long)ms);
    cr_expect_eq(a.status, 408);
    answer_free(&a);
    close(fd);
}

Test(timing, a_body_that_comes_one_byte_at_a_time_is_cut, .init = start, .fini = stop)
{
    int fd = raw_connect(f.port);
    struct answer a;
    raw_send(fd, "POST /notes HTTP/1.1\r\n" HOST
                 "Content-Type: application/json\r\nContent-Length: 4000\r\n\r\n");
    int64_t ms = drip(fd, "{", &a);
    cr_expect(ms >= 1400 && ms < 3000, "%ld ms", (long)ms);
    cr_expect_eq(a.status, 408);
    answer_free(&a);
    close(fd);
}

Test(timing, a_silent_connection_is_cut, .init = start, .fini = stop)
{
    int fd = raw_connect(f.port);
    cr_expect_not(raw_closes_within(fd, 700));
    cr_expect(raw_closes_within(fd, 2000));
    close(fd);
}

Test(timing, an_idle_connection_is_closed, .init = start_idle, .fini = stop)
{
    int fd = raw_connect(f.port);
    struct answer a;
    raw_send(fd, GET("/hello"));
    cr_assert(raw_read(fd, false, &a));
    answer_free(&a);
    cr_expect_not(raw_closes_within(fd, 250));
    cr_expect(raw_closes_within(fd, 1500));
    close(fd);
}

/* Fills the three workers of LANE_WORK, and their queue of four. */
static void fill(int fds[7])
{
    for (int i = 0; i < 7; i++) {
        fds[i] = raw_connect(f.port);
        raw_send(fds[i], GET("/held"));
        if (i < 3)
            cr_assert(fixture_await_held(i + 1));
    }
    struct server_figures figures = {0};
    for (int i = 0; i < 500 && figures.queued < 4; i++) {
        usleep(2000);
        server_figures(f.server, &figures);
    }
    cr_assert_eq(figures.queued, 4);
    cr_assert_eq(figures.running, 3);
}

static void read_all(int fds[7], unsigned status)
{
    for (int i = 0; i < 7; i++) {
        struct answer a;
        cr_expect(raw_read(fds[i], false, &a));
        cr_expect_eq(a.status, status, "%d: %u", i, a.status);
        answer_free(&a);
        close(fds[i]);
    }
}

Test(timing, a_full_queue_answers_503_while_callbacks_and_images_are_served, .init = start,
     .fini = stop)
{
    int fds[7];
    fill(fds);
    struct answer a = raw_ask(f.port, GET("/hello"));
    char *after = answer_header(&a, "Retry-After"), *code = answer_member(&a, "code");
    cr_expect_eq(a.status, 503);
    cr_expect_str_eq(after, "1");
    cr_expect_str_eq(code, "overloaded");
    free(after), free(code);
    answer_free(&a);
    a = raw_ask(f.port, "POST /callback HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc");
    cr_expect_eq(a.status, 200);
    answer_free(&a);
    a = raw_ask(f.port, GET("/image"));
    cr_expect_eq(a.status, 200);
    answer_free(&a);
    a = raw_ask(f.port, GET("/inline"));
    cr_expect_eq(a.status, 200);
    answer_free(&a);
    fixture_release();
    read_all(fds, 200);
    struct server_figures figures;
    server_figures(f.server, &figures);
    cr_expect_eq(figures.refused, 1);
    cr_expect_eq(figures.lanes[LANE_WORK].limit, 4);
    struct buf metrics = {0};
    metrics_write(&metrics, NULL, NULL);
    cr_expect(strstr((const char *)metrics.bytes,
                     "idphotod_http_refused_total{lane=\"work\",reason=\"full\"} 1\n"));
    buf_free(&metrics);
    cr_expect_eq(figures.queued, 0);
}

Test(timing, a_request_that_waits_too_long_in_the_queue_is_answered_504, .init = start_hasty,
     .fini = stop)
{
    int fds[7];
    int64_t began_us = clock_boot_us();
    fill(fds);
    for (int i = 3; i < 7; i++) {
        struct answer a;
        cr_assert(raw_read(fds[i], false, &a));
        cr_expect_eq(a.status, 504);
        answer_free(&a);
    }
    cr_expect(ms_since(began_us) >= 450 && ms_since(began_us) < 2000);
    fixture_release();
    for (int i = 0; i < 7; i++) {
        struct answer a;
        if (i >= 3)
            raw_send(fds[i], GET("/hello"));
        cr_expect(raw_read(fds[i], false, &a));
        cr_expect_eq(a.status, 200, "the connection is still good");
        answer_free(&a);
        close(fds[i]);
    }
}

Test(timing, clients_that_vanish_while_they_are_served_leave_nothing_behind, .init = start_patient)
{
    for (int round = 0; round < 3; round++) {
        int fds[3];
        for (int i = 0; i < 3; i++) {
            fds[i] = raw_connect(f.port);
            raw_send(fds[i], GET("/held"));
        }
        for (int i = 0; i < 3; i++)
            close(fds[i]);
        if (round == 0)
            cr_assert(fixture_await_held(3));
    }
    fixture_release();
    struct server_figures figures = {.queued = 1};
    for (int i = 0; i < 500 && figures.queued + figures.running > 0; i++) {
        usleep(5000);
        server_figures(f.server, &figures);
    }
    struct answer a = raw_ask(f.port, GET("/hello"));
    cr_expect_eq(a.status, 200);
    answer_free(&a);
    int fd = raw_connect(f.port); /* half a request */
    raw_send(fd, "GET /hello HTTP/1.1\r\nHo");
    close(fd);
    fd = raw_connect(f.port); /* half a body */
    raw_send(fd, "POST /callback HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\na");
    close(fd);
    usleep(100000);
    int64_t began_us = clock_boot_us();
    fixture_stop(&f);
    cr_expect(ms_since(began_us) < 2500, "%ld ms: a request that is not over holds the stop up",
              (long)ms_since(began_us));
}

static void *stop_server(void *arg)
{
    (void)arg;
    server_stop(f.server, 5 * SECOND_US);
    return NULL;
}

Test(timing, a_stop_serves_what_is_in_flight, .init = start)
{
    int fds[7];
    pthread_t stopper;
    fill(fds);
    int idle = raw_connect(f.port);
    struct answer a;
    raw_send(idle, GET("/inline"));
    cr_assert(raw_read(idle, false, &a));
    answer_free(&a);
    pthread_create(&stopper, NULL, stop_server, NULL);
    cr_expect(raw_closes_within(idle, 1000));
    usleep(100000);
    fixture_release();
    read_all(fds, 200);
    pthread_join(stopper, NULL);
    close(idle);
}

static void *stop_at_once(void *arg)
{
    (void)arg;
    server_stop(f.server, 0);
    return NULL;
}

Test(timing, a_stop_without_patience_refuses_the_queue_and_awaits_the_running, .init = start)
{
    int fds[7];
    pthread_t stopper;
    fill(fds);
    pthread_create(&stopper, NULL, stop_at_once, NULL);
    for (int i = 3; i < 7; i++) {
        struct answer a;
        cr_expect(raw_read(fds[i], false, &a));
        cr_expect_eq(a.status, 503);
        answer_free(&a);
        close(fds[i]);
    }
    fixture_release();
    for (int i = 0; i < 3; i++) {
        struct answer a;
        cr_expect(raw_read(fds[i], false, &a));
        cr_expect_eq(a.status, 200);
        answer_free(&a);
        close(fds[i]);
    }
    pthread_join(stopper, NULL);
}

struct crowd {
    pthread_t thread;
    int good, refused;
};

static void *call_often(void *arg)
{
    struct crowd *c = arg;
    struct client *client = client_new();
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/callback", f.port);
    for (int i = 0; i < 63; i++) {
        struct arena *a = arena_new();
        struct client_answer answer;
        const char *headers[] = {"Content-Type: a/b", NULL};
        struct client_call call = {
            .method = "POST", .url = url, .headers = headers, .body = "abc", .body_size = 3};
        if (client_send(client, &call, a, &answer) == OK) {
            bool right = strcmp(answer.body, "{\"size\":3,\"sum\":294}") == 0;
            c->good += answer.http_status == 200 && right;
            c->refused += answer.http_status == 503;
        }
        arena_free(a);
    }
    client_free(client);
    return NULL;
}

static void start_busy(void)
{
    fixture_init(&f);
    f.options.callback_queue = 64;
    fixture_start(&f);
}

Test(timing, thirty_two_connections_make_two_thousand_requests, .init = start_busy, .fini = stop)
{
    struct crowd callers[32] = {0};
    int good = 0;
    for (int i = 0; i < 32; i++)
        pthread_create(&callers[i].thread, NULL, call_often, &callers[i]);
    for (int i = 0; i < 32; i++) {
        pthread_join(callers[i].thread, NULL);
        good += callers[i].good;
    }
    cr_expect_eq(good, 32 * 63);
}
