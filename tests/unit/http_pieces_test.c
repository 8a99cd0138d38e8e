/* SPDX-License-Identifier: MIT */
/* Answers that are made piece by piece while they are sent, and lanes chosen by the query. */
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "http_fixture.h"

enum { PIECES = 40, PIECE_MOST = 100000, MANY = 4000 };

static struct fixture f;
static _Atomic int made, at_once, most_at_once;
static _Atomic bool blocked;

struct series {
    int next, count, fails_at;
};

static size_t piece_bytes(int i)
{
    return (size_t)i * 7919 % PIECE_MOST; /* the first is empty */
}

static enum status make(struct request *r, void *with, struct buf *piece, bool *last)
{
    struct series *s = with;
    int now = atomic_fetch_add(&at_once, 1) + 1;
    if (now > atomic_load(&most_at_once))
        atomic_store(&most_at_once, now);
    cr_assert_eq(piece->size, 0);
    atomic_fetch_add(&made, 1);
    char *text = arena_alloc(r->arena, 1);
    *text = (char)('a' + s->next % 26);
    for (size_t i = 0; i < piece_bytes(s->next); i++)
        buf_add(piece, text, 1);
    bool fails = s->next == s->fails_at;
    *last = ++s->next == s->count;
    atomic_fetch_sub(&at_once, 1);
    return fails ? UNAVAILABLE : OK;
}

static void give(struct request *r, int count, int fails_at)
{
    struct series *s = arena_alloc(r->arena, sizeof *s);
    *s = (struct series){.count = count, .fails_at = fails_at};
    reply_pieces(r, 200, "application/octet-stream", make, s);
}

static void give_some(struct request *r)
{
    give(r, PIECES, -1);
}

static void give_many(struct request *r)
{
    give(r, MANY, -1);
}

static void give_up(struct request *r)
{
    give(r, PIECES, 9);
}

static void hello(struct request *r)
{
    reply_empty(r, 204);
}

static void wait_long(struct request *r)
{
    while (atomic_load(&blocked))
        usleep(2000);
    reply_empty(r, 204);
}

#define ROUTE(p, l, h)                                                                             \
    {                                                                                              \
        .method = "GET", .path = p, .listener = LISTENER_PUBLIC, .lane = l, h                      \
    }
static const struct route routes[] = {
    ROUTE("/some", LANE_IMAGE, .handle = give_some),
    ROUTE("/many", LANE_IMAGE, .handle = give_many),
    ROUTE("/broken", LANE_IMAGE, .handle = give_up),
    ROUTE("/hello", LANE_IMAGE, .handle = hello),
    ROUTE("/wait", LANE_WORK, .handle = wait_long),
    {"GET", "/either", LISTENER_PUBLIC, .lane = LANE_WORK, .image_query = true, .handle = hello},
};

static void start(void)
{
    fixture_init(&f);
    f.options.routes = routes;
    f.options.n_routes = sizeof routes / sizeof *routes;
    fixture_start(&f);
}

static void stop(void)
{
    atomic_store(&blocked, false);
    fixture_stop(&f);
}

#define ASK(method, path) method " " path " HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"

/* All that comes until the server closes. */
static struct buf ask(const char *request)
{
    struct buf all = {0};
    char part[65536];
    ssize_t n;
    int fd = raw_connect(f.port);
    raw_send(fd, request);
    while ((n = recv(fd, part, sizeof part, 0)) > 0)
        buf_add(&all, part, (size_t)n);
    close(fd);
    return all;
}

/* RFC 9112, section 7.1. False: the last chunk, of size 0, is not there. */
static bool join_chunks(const struct buf *answer, struct buf *out)
{
    const char *p = strstr((const char *)answer->bytes, "\r\n\r\n");
    const char *end = (const char *)answer->bytes + answer->size;
    cr_assert(p);
    p += 4;
    while (p < end) {
        char *after;
        size_t n = strtoul(p, &after, 16);
        if (n == 0)
            return strncmp(p, "0\r\n\r\n", 5) == 0;
        if (after + 2 + n + 2 > end)
            return false;
        buf_add(out, after + 2, n);
        p = after + 2 + n + 2;
    }
    return false;
}

Test(pieces, every_byte_arrives_in_order_and_once, .init = start, .fini = stop)
{
    struct buf answer = ask(ASK("GET", "/some")), body = {0};
    cr_assert(join_chunks(&answer, &body));
    cr_expect(strstr((char *)answer.bytes, "Transfer-Encoding: chunked") != NULL);
    size_t at = 0;
    for (int i = 0; i < PIECES; i++)
        for (size_t n = piece_bytes(i); n > 0; n--, at++)
            cr_assert(at < body.size && body.bytes[at] == 'a' + i % 26, "piece %d", i);
    cr_expect_eq(at, body.size);
    cr_expect_eq(atomic_load(&made), PIECES);
    buf_free(&answer);
    buf_free(&body);
}

Test(pieces, several_clients_at_once_do_not_mix, .init = start, .fini = stop)
{
    int fds[4];
    for (int i = 0; i < 4; i++) {
        fds[i] = raw_connect(f.port);
        raw_send(fds[i], ASK("GET", "/some"));
    }
    for (int i = 0; i < 4; i++) {
        struct buf all = {0}, body = {0};
        char part[65536];
        ssize_t n;
        while ((n = recv(fds[i], part, sizeof part, 0)) > 0)
            buf_add(&all, part, (size_t)n);
        cr_expect(join_chunks(&all, &body));
        cr_expect_eq(body.bytes[body.size - 1], 'a' + (PIECES - 1) % 26);
        buf_free(&all);
        buf_free(&body);
        close(fds[i]);
    }
    cr_expect_eq(atomic_load(&most_at_once), 1, "one worker has this lane");
}

Test(pieces, a_client_that_does_not_read_keeps_no_worker_and_few_pieces, .init = start,
     .fini = stop)
{
    int fd = raw_connect(f.port);
    raw_send(fd, ASK("GET", "/many"));
    int before = -1;
    for (int i = 0; i < 100 && before != atomic_load(&made); i++) {
        before = atomic_load(&made);
        usleep(100000);
    }
    struct server_figures figures;
    server_figures(f.server, &figures);
    cr_expect_eq(figures.lanes[LANE_IMAGE].running, 0);
    cr_expect_lt(before, MANY / 4, "%d pieces made for nobody", before);
    struct answer a = raw_ask(f.port, ASK("GET", "/hello"));
    cr_expect_eq(a.status, 204);
    answer_free(&a);
    close(fd);
}

Test(pieces, a_client_that_does_not_read_is_cut_off, .init = start, .fini = stop)
{
    int fd = raw_connect(f.port);
    raw_send(fd, ASK("GET", "/many"));
    struct server_figures figures = {.in_flight = 1};
    for (int i = 0; i < 120 && figures.in_flight > 0; i++) {
        usleep(100000);
        server_figures(f.server, &figures);
    }
    cr_expect_eq(figures.in_flight, 0);
    close(fd);
}

Test(pieces, what_cannot_be_made_breaks_the_answer_off, .init = start, .fini = stop)
{
    struct buf answer = ask(ASK("GET", "/broken")), body = {0};
    cr_expect_not(join_chunks(&answer, &body), "it looked whole");
    cr_expect_eq(atomic_load(&made), 10);
    buf_free(&answer);
    buf_free(&body);
}

Test(pieces, head_makes_none, .init = start, .fini = stop)
{
    struct buf answer = ask(ASK("HEAD", "/some"));
    cr_expect_eq(strncmp((char *)answer.bytes, "HTTP/1.1 200", 12), 0);
    cr_expect_eq(atomic_load(&made), 0);
    buf_free(&answer);
}

Test(pieces, a_client_that_vanished_harms_nobody, .init = start, .fini = stop)
{
    for (int i = 0; i < 20; i++) {
        int fd = raw_connect(f.port);
        raw_send(fd, ASK("GET", "/many"));
        usleep((useconds_t)i * 1000);
        close(fd);
    }
    struct buf answer = ask(ASK("GET", "/some")), body = {0};
    cr_expect(join_chunks(&answer, &body));
    buf_free(&answer);
    buf_free(&body);
}

Test(pieces, a_server_that_stops_breaks_off_what_is_being_sent, .init = start)
{
    int fd = raw_connect(f.port);
    raw_send(fd, ASK("GET", "/many"));
    while (atomic_load(&made) < 3)
        usleep(1000);
    int64_t begin_us = clock_boot_us();
    server_stop(f.server, 0);
    cr_expect_lt(clock_boot_us() - begin_us, 5 * SECOND_US);
    close(fd);
}

Test(lanes, a_query_makes_it_image_work, .init = start, .fini = stop)
{
    int fds[3];
    atomic_store(&blocked, true);
    struct server_figures figures = {0};
    for (int i = 0; i < 3; i++) {
        fds[i] = raw_connect(f.port);
        raw_send(fds[i], ASK("GET", "/wait"));
    }
    for (int i = 0; i < 1000 && figures.lanes[LANE_WORK].running < 3; i++) {
        usleep(2000);
        server_figures(f.server, &figures);
    }
    struct answer a = raw_ask(f.port, ASK("GET", "/either?format=png"));
    cr_expect_eq(a.status, 204, "it waited behind the others");
    answer_free(&a);
    int fd = raw_connect(f.port);
    raw_send(fd, ASK("GET", "/either"));
    usleep(100000);
    server_figures(f.server, &figures);
    cr_expect_eq(figures.lanes[LANE_WORK].queued, 1, "without one it is its lane's");
    atomic_store(&blocked, false);
    close(fd);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
}
