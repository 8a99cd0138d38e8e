/* SPDX-License-Identifier: MIT */
/* Origins, proxies, languages, memory and the request log, through a started server. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "http_fixture.h"

#define HOST "Host: t\r\n"

static struct fixture f;

static void start(void)
{
    fixture_init(&f);
    f.options.cors_origins = "https://a.example, https://b.example";
    f.options.trusted_proxies = "127.0.0.0/8";
    f.options.body_memory_bytes = f.options.upload_memory_bytes = 65536;
    fixture_start(&f);
}

static void stop(void)
{
    fixture_stop(&f);
}

static void expect_header(const struct answer *a, const char *name, const char *want)
{
    char *got = answer_header(a, name);
    if (want)
        cr_expect(got && strcmp(got, want) == 0, "%s: %s", name, got ? got : "absent");
    else
        cr_expect_null(got, "%s", name);
    free(got);
}

Test(origins, a_listed_origin_may_call, .init = start, .fini = stop)
{
    struct answer a =
        raw_ask(f.port, "OPTIONS /notes HTTP/1.1\r\n" HOST "Origin: https://b.example\r\n"
                        "Access-Control-Request-Method: POST\r\n\r\n");
    cr_expect_eq(a.status, 204);
    expect_header(&a, "Access-Control-Allow-Origin", "https://b.example");
    expect_header(&a, "Access-Control-Allow-Methods", "POST, OPTIONS");
    expect_header(&a, "Vary", "Origin");
    answer_free(&a);
    a = raw_ask(f.port, "GET /nowhere HTTP/1.1\r\n" HOST "Origin: https://a.example\r\n\r\n");
    cr_expect_eq(a.status, 404);
    expect_header(&a, "Access-Control-Allow-Origin", "https://a.example");
    answer_free(&a);
}

Test(origins, other_origins_and_the_operators_listener_are_told_nothing, .init = start,
     .fini = stop)
{
    struct answer a =
        raw_ask(f.port, "OPTIONS /notes HTTP/1.1\r\n" HOST "Origin: https://a.example.evil\r\n"
                        "Access-Control-Request-Method: POST\r\n\r\n");
    expect_header(&a, "Access-Control-Allow-Origin", NULL);
    expect_header(&a, "Access-Control-Allow-Methods", NULL);
    answer_free(&a);
    a = raw_ask(f.operator_port,
                "GET /inline HTTP/1.1\r\n" HOST "Origin: https://a.example\r\n\r\n");
    cr_expect_eq(a.status, 200);
    expect_header(&a, "Access-Control-Allow-Origin", NULL);
    answer_free(&a);
    a = raw_ask(f.operator_port, "OPTIONS /inline HTTP/1.1\r\n" HOST "Origin: https://a.example\r\n"
                                 "Access-Control-Request-Method: GET\r\n\r\n");
    cr_expect_eq(a.status, 204);
    expect_header(&a, "Access-Control-Allow-Methods", NULL);
    answer_free(&a);
    a = raw_ask(f.port, "OPTIONS * HTTP/1.1\r\n" HOST "\r\n");
    cr_expect_eq(a.status, 204);
    answer_free(&a);
}

Test(edge, a_trusted_proxy_names_the_client, .init = start, .fini = stop)
{
    struct answer a = raw_ask(f.port, "GET /hello HTTP/1.1\r\n" HOST "X-Forwarded-For: 1.1.1.1\r\n"
                                      "X-Forwarded-For: 203.0.113.9, 127.0.0.2\r\n\r\n");
    char *ip = answer_member(&a, "client_ip");
    cr_expect_str_eq(ip, "203.0.113.9");
    free(ip);
    answer_free(&a);
}

Test(edge, problems_speak_the_callers_language, .init = start, .fini = stop)
{
    struct answer a =
        raw_ask(f.port, "GET /nowhere HTTP/1.1\r\n" HOST "Accept-Language: en, zh;q=0.5\r\n\r\n");
    char *title = answer_member(&a, "title");
    cr_expect_str_eq(title, "Not found");
    expect_header(&a, "Content-Language", "en");
    expect_header(&a, "Content-Type", "application/problem+json");
    free(title);
    answer_free(&a);
    a = raw_ask(f.port, "GET /nowhere HTTP/1.1\r\n" HOST "\r\n");
    title = answer_member(&a, "title");
    cr_expect_str_eq(title, "不存在");
    free(title);
    answer_free(&a);
}

static void expect_picture(size_t n, unsigned status)
{
    char *request = malloc(n + 200);
    int head = sprintf(request,
                       "POST /pictures HTTP/1.1\r\n" HOST
                       "Content-Type: image/png\r\nContent-Length: %zu\r\n\r\n",
                       n);
    memset(request + head, 'x', n);
    struct answer a = raw_ask_bytes(f.port, request, n + (size_t)head);
    cr_expect_eq(a.status, status, "%u", a.status);
    answer_free(&a);
    free(request);
}

Test(edge, bodies_beyond_the_memory_for_them_are_refused_and_it_comes_back, .init = start,
     .fini = stop)
{
    for (int i = 0; i < 4; i++) {
        expect_picture(60000, 200);
        expect_picture(70000, 503);
    }
}

/* In chunks of 5000 bytes. */
static void expect_chunks(int n, unsigned status)
{
    static char chunk[5000 + 16];
    int head = sprintf(chunk, "1388\r\n");
    memset(chunk + head, 'x', 5000);
    strcpy(chunk + head + 5000, "\r\n");
    int fd = raw_connect(f.port);
    raw_send(fd, "POST /pictures HTTP/1.1\r\n" HOST
                 "Content-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < n; i++)
        raw_send(fd, chunk);
    raw_send(fd, "0\r\n\r\n");
    struct answer a;
    cr_expect(raw_read(fd, false, &a));
    cr_expect_eq(a.status, status, "%d chunks: %u", n, a.status);
    if (status == 503)
        expect_header(&a, "Retry-After", "1");
    answer_free(&a);
    close(fd);
    usleep(200000); /* the answer is out before its request is over */
}

/* However it grows, a buffer of 50001 bytes came from one of half its room, and both were there:
 * more than 65536. One of 20001 has at most 40000, and came from 20000. */
Test(edge, chunked_bodies_count_as_their_buffer_grows, .init = start, .fini = stop)
{
    for (int i = 0; i < 3; i++) {
        expect_chunks(4, 200);
        expect_chunks(10, 503);
    }
    expect_picture(60000, 200);
}

/* Its length is enough: the second is refused although nothing of the first was sent. */
Test(edge, an_upload_takes_its_room_before_it_is_read, .init = start, .fini = stop)
{
    int first = raw_connect(f.port);
    raw_send(first, "POST /pictures HTTP/1.1\r\n" HOST
                    "Content-Type: image/png\r\nContent-Length: 40000\r\n\r\n");
    usleep(100000);
    int second = raw_connect(f.port);
    raw_send(second, "POST /pictures HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n"
                     "Content-Type: image/png\r\nContent-Length: 40000\r\n\r\n");
    struct answer a;
    cr_expect(raw_read(second, false, &a));
    cr_expect_eq(a.status, 503, "%u", a.status);
    expect_header(&a, "Retry-After", "1");
    answer_free(&a);
    close(second);
    struct answer note =
        raw_ask(f.port, "POST /notes HTTP/1.1\r\n" HOST "Content-Type: application/json\r\n"
                        "Content-Length: 13\r\n\r\n{\"text\": \"a\"}");
    cr_expect_eq(note.status, 201, "other bodies have room of their own");
    answer_free(&note);
    close(first);
    usleep(300000);
    expect_picture(60000, 200);
}

Test(edge, long_work_learns_that_its_client_has_gone, .init = start, .fini = stop)
{
    int fd = raw_connect(f.port);
    raw_send(fd, "GET /work HTTP/1.1\r\n" HOST "\r\n");
    usleep(100000);
    cr_expect(fixture_await_abandoned(0));
    close(fd);
    cr_expect(fixture_await_abandoned(1));
}

Test(edge, the_log_names_the_route_and_no_value, .init = start)
{
    char path[] = "build/http-log.XXXXXX", log[16384] = "";
    int file = mkstemp(path);
    cr_assert(file >= 0 && dup2(file, 2) == 2);
    log_configure(LOG_DEBUG, true);
    struct answer a =
        raw_ask(f.port, "GET /things/planted?planted=planted HTTP/1.1\r\n" HOST
                        "X-Forwarded-For: 203.0.113.9\r\nAuthorization: Bearer planted\r\n"
                        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"
                        "X-Request-Id: r-1\r\n\r\n");
    answer_free(&a);
    a = raw_ask(f.port, "PLANTED /planted HTTP/1.1\r\n" HOST "\r\n");
    answer_free(&a);
    a = raw_ask(f.port, "planted\r\n\r\n");
    answer_free(&a);
    stop();
    cr_assert(pread(file, log, sizeof log - 1, 0) > 0);
    unlink(path);
    cr_expect_not_null(strstr(log, "\"event\": \"http.request\"")
                           ?: strstr(log, "\"event\":\"http.request\""));
    cr_expect_not_null(strstr(log, "/things/{id}"));
    cr_expect_not_null(strstr(log, "0af7651916cd43dd8448eb211c80319c"));
    cr_expect_not_null(strstr(log, "\"r-1\""));
    cr_expect_not_null(strstr(log, "\"problem_code\":\"not-found\""));
    cr_expect_null(strcasestr(log, "planted"), "%s", log);
    cr_expect_null(strstr(log, "203.0.113"));
    cr_expect_null(strstr(log, "127.0.0.1"));
}
