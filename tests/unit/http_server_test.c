/* SPDX-License-Identifier: MIT */
/* A really started server, asked by raw sockets. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
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

static void expect(const char *request, unsigned status, const char *code)
{
    struct answer a = raw_ask(f.port, request);
    char *got = answer_member(&a, "code");
    cr_expect_eq(a.status, status, "%.60s: %u", request, a.status);
    if (code)
        cr_expect_str_eq(got, code, "%.60s", request);
    free(got);
    answer_free(&a);
}

#define HOST      "Host: t\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"
#define JSON      "Content-Type: application/json\r\n"

Test(server, a_request_is_answered_with_the_standard_headers, .init = start, .fini = stop)
{
    struct answer a = raw_ask(f.port, "GET /hello HTTP/1.1\r\n" HOST "X-Request-Id: abc.1\r\n\r\n");
    cr_assert_eq(a.status, 200);
    char *id = answer_header(&a, "X-Request-Id"), *cache = answer_header(&a, "Cache-Control");
    char *sniff = answer_header(&a, "X-Content-Type-Options"), *who = answer_header(&a, "Server");
    char *type = answer_header(&a, "Content-Type"),
         *hsts = answer_header(&a, "Strict-Transport-Security");
    cr_expect_str_eq(id, "abc.1");
    cr_expect_str_eq(cache, "no-store");
    cr_expect_str_eq(sniff, "nosniff");
    cr_expect_str_eq(type, "application/json");
    cr_expect_null(who);
    cr_expect_null(hsts);
    free(id), free(cache), free(sniff), free(type);
    answer_free(&a);
}

Test(server, a_request_id_that_is_not_sane_is_replaced, .init = start, .fini = stop)
{
    struct answer a = raw_ask(f.port, "GET /hello HTTP/1.1\r\n" HOST "X-Request-Id: a b\r\n\r\n");
    char *id = answer_header(&a, "X-Request-Id");
    cr_assert_eq(strlen(id), 22);
    free(id);
    answer_free(&a);
}

Test(server, one_connection_serves_many_requests, .init = start, .fini = stop)
{
    int fd = raw_connect(f.port);
    for (int i = 0; i < 50; i++) {
        struct answer a;
        raw_send(fd, i % 2 ? GET("/hello") : GET("/inline"));
        cr_assert(raw_read(fd, false, &a));
        cr_assert_eq(a.status, 200);
        answer_free(&a);
    }
    close(fd);
}

Test(server, head_is_get_without_a_body, .init = start, .fini = stop)
{
    struct answer a = raw_ask(f.port, "HEAD /big HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    char *length = answer_header(&a, "Content-Length"), *cache = answer_header(&a, "Cache-Control");
    cr_expect_eq(a.status, 200);
    cr_expect_str_eq(length, "4194304");
    cr_expect_str_eq(cache, "private");
    cr_expect_eq(a.body_size, 0);
    free(length), free(cache);
    answer_free(&a);
}

Test(server, a_large_answer_arrives_whole, .init = start, .fini = stop)
{
    struct answer a = raw_ask(f.port, GET("/big"));
    cr_assert_eq(a.body_size, 4 << 20);
    for (size_t i = 0; i < a.body_size; i++)
        cr_assert_eq(a.body[i], 'b');
    answer_free(&a);
}

Test(server, unknown_paths_and_methods_are_told_apart, .init = start, .fini = stop)
{
    expect(GET("/nowhere"), 404, "not-found");
    expect(GET("/things/"), 404, "not-found");
    expect(GET("/operators"), 404, "not-found");
    expect("POST /hello HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", 405, "method-not-allowed");
    expect("BREW /hello HTTP/1.1\r\n" HOST "\r\n", 405, "method-not-allowed");
    struct answer a = raw_ask(f.port, "PUT /things/1 HTTP/1.1\r\n" HOST "\r\n");
    char *allow = answer_header(&a, "Allow");
    cr_expect_str_eq(allow, "GET, HEAD, DELETE, OPTIONS");
    free(allow);
    answer_free(&a);
    a = raw_ask(f.operator_port, GET("/hello"));
    cr_expect_eq(a.status, 404);
    answer_free(&a);
    a = raw_ask(f.operator_port, GET("/inline"));
    cr_expect_eq(a.status, 200);
    answer_free(&a);
}

Test(server, path_parameters_are_decoded_after_the_path_was_split, .init = start, .fini = stop)
{
    struct answer a = raw_ask(f.port, GET("/things/a%2Fb/parts/%E7%85%A7?x=1"));
    char *id = answer_member(&a, "id"), *second = answer_member(&a, "second");
    cr_expect_str_eq(id, "a/b");
    cr_expect_str_eq(second, "照");
    free(id), free(second);
    answer_free(&a);
}

Test(server, malformed_targets_are_refused, .init = start, .fini = stop)
{
    expect(GET("/hello%"), 400, "malformed-request");
    expect(GET("/hello%2"), 400, "malformed-request");
    expect(GET("/hello%zz"), 400, "malformed-request");
    expect(GET("/things/%00"), 400, "malformed-request");
    expect(GET("/things/%0a"), 400, "malformed-request");
    expect(GET("/things/%ff"), 400, "malformed-request");
    expect(GET("/things/%c0%80"), 400, "malformed-request");
    expect(GET("/things/x?q=%ff"), 400, "malformed-request");
    expect(GET("/things/x?%00=1"), 400, "malformed-request");
    expect(GET("*"), 400, "malformed-request");
    expect(GET("http://other/hello"), 200, NULL);
    static const char nul[] = "GET /hello\0/x HTTP/1.1\r\n" HOST "\r\n";
    struct answer a = raw_ask_bytes(f.port, nul, sizeof nul - 1);
    cr_expect_eq(a.status, 400);
    answer_free(&a);
}

static void expect_long(size_t path, size_t header, unsigned status, const char *code)
{
    char *request = malloc(path + header + 200);
    int n = sprintf(request, "GET /");
    memset(request + n, 'a', path);
    n += (int)path;
    n += sprintf(request + n, " HTTP/1.1\r\n" HOST "X-Long: ");
    memset(request + n, 'b', header);
    n += (int)header;
    sprintf(request + n, "\r\n\r\n");
    expect(request, status, code);
    free(request);
}

Test(server, long_targets_and_headers_are_refused, .init = start, .fini = stop)
{
    expect_long(2047, 10, 404, "not-found");
    expect_long(2048, 10, 414, "uri-too-long");
    expect_long(8000, 10, 414, "uri-too-long");
    expect_long(5, 7000, 404, "not-found");
    expect_long(5, 9000, 431, "headers-too-large");
    expect_long(5, 200000, 431, NULL);
    expect_long(200000, 5, 414, NULL);
}

Test(server, framing_that_could_be_smuggling_is_refused, .init = start, .fini = stop)
{
    expect("POST /notes HTTP/1.1\r\n" HOST JSON
           "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
           400, "malformed-request");
    expect("POST /notes HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
           400, NULL);
    expect("POST /notes HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
           400, "malformed-request");
    expect("GET /hello HTTP/1.1\r\n\r\n", 400, NULL);
    expect("GET /hello HTTP/1.1\r\n" HOST HOST "\r\n", 400, NULL);
}

/* RFC 9112 sections 5.1 and 5.2: what stands between name and colon, and what a folded line means,
 * is read in different ways by those who pass a request on. */
Test(server, header_lines_that_others_may_read_differently_are_refused, .init = start, .fini = stop)
{
    static const char *const lines[] = {
        "Content-Length : 5", "Transfer-Encoding\t: chunked", " X: leading",    "X(Y): comment",
        ": no name",          "X: folded\r\n here",           "X:\r\n\tfolded", "X: a\r\n b\r\n c",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char request[200];
        snprintf(request, sizeof request, "GET /hello HTTP/1.1\r\n%s\r\n" HOST "\r\n", lines[i]);
        expect(request, 400, "malformed-request");
    }
    expect("POST /notes HTTP/1.1\r\n" HOST JSON "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
           400, "malformed-request");
    expect("POST /notes HTTP/1.1\r\n" HOST JSON "Content-Length:\r\n 2\r\n\r\n{}", 400,
           "malformed-request");
    expect("GET /hello HTTP/1.1\r\n" HOST "X-Spaced: \t a b \t\r\nX-Empty:\r\n\r\n", 200, NULL);
}

/* RFC 9112 section 6.3: nobody can say where the next request would begin. */
Test(server, a_connection_ends_with_a_request_whose_end_is_in_doubt, .init = start, .fini = stop)
{
    static const char *const requests[] = {
        "POST /notes HTTP/1.1\r\n" HOST JSON
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /notes HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\nX Y: z\r\n\r\n{}",
    };
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        int fd = raw_connect(f.port);
        struct answer a;
        raw_send(fd, requests[i]);
        cr_assert(raw_read(fd, false, &a));
        cr_expect_eq(a.status, 400);
        cr_expect(raw_closes_within(fd, 1000), "request %zu", i);
        answer_free(&a);
        close(fd);
    }
}

Test(server, a_body_over_the_cap_is_refused_before_it_is_read, .init = start, .fini = stop)
{
    int fd = raw_connect(f.port);
    raw_send(fd, "POST /pictures HTTP/1.1\r\n" HOST
                 "Content-Type: image/png\r\nContent-Length: 8388609\r\n\r\n");
    struct answer a;
    cr_assert(raw_read(fd, false, &a), "an answer before a byte of the body");
    char *connection = answer_header(&a, "Connection");
    cr_expect_eq(a.status, 413);
    cr_expect_str_eq(connection, "close");
    free(connection);
    answer_free(&a);
    close(fd);
    expect("POST /notes HTTP/1.1\r\n" HOST JSON
           "Content-Length: 4097\r\nExpect: 100-continue\r\n\r\n",
           413, "body-too-large");
    expect("DELETE /things/1 HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n{}", 413,
           "body-too-large");
}

Test(server, the_answer_survives_a_client_that_sends_its_whole_large_body_first, .init = start,
     .fini = stop)
{
    size_t n = 9 << 20;
    char *request = malloc(n + 200);
    int head = sprintf(request,
                       "POST /pictures HTTP/1.1\r\n" HOST
                       "Content-Type: image/png\r\nContent-Length: %zu\r\n\r\n",
                       n);
    memset(request + head, 'x', n);
    struct answer a = raw_ask_bytes(f.port, request, n + (size_t)head);
    cr_expect_eq(a.status, 413);
    answer_free(&a);
    free(request);
}

Test(server, a_client_that_still_sends_after_a_refusal_is_not_reset, .init = start, .fini = stop)
{
    int fd = raw_connect(f.port);
    raw_send(fd, "POST /pictures HTTP/1.1\r\n" HOST
                 "Content-Type: image/png\r\nContent-Length: 9000000\r\n\r\nbegun");
    struct answer a;
    cr_assert(raw_read(fd, false, &a));
    cr_expect_eq(a.status, 413);
    answer_free(&a);
    for (int i = 0; i < 3; i++) {
        usleep(100000);
        cr_expect_eq(send(fd, "more", 4, MSG_NOSIGNAL), 4);
    }
    close(fd);
}

Test(server, a_refused_small_body_leaves_the_connection_usable, .init = start, .fini = stop)
{
    int fd = raw_connect(f.port);
    struct answer a;
    raw_send(fd, "POST /notes HTTP/1.1\r\n" HOST
                 "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}");
    cr_assert(raw_read(fd, false, &a));
    cr_expect_eq(a.status, 415);
    answer_free(&a);
    raw_send(fd, GET("/hello"));
    cr_assert(raw_read(fd, false, &a));
    cr_expect_eq(a.status, 200);
    answer_free(&a);
    close(fd);
}

Test(server, wrong_content_types_are_refused, .init = start, .fini = stop)
{
    expect("POST /notes HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n{}", 415,
           "unsupported-media-type");
    expect("POST /notes HTTP/1.1\r\n" HOST
           "Content-Type: application/jsonp\r\nContent-Length: 2\r\n\r\n{}",
           415, "unsupported-media-type");
    expect("POST /notes HTTP/1.1\r\n" HOST
           "Content-Type: application/json; charset=gbk\r\nContent-Length: 2\r\n\r\n{}",
           415, "unsupported-media-type");
    expect("POST /notes HTTP/1.1\r\n" HOST JSON
           "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
           415, "unsupported-media-type");
    expect("POST /notes HTTP/1.1\r\n" HOST
           "Content-Type: application/json; charset=utf-8\r\nContent-Length: 12\r\n\r\n"
           "{\"text\":\"a\"}",
           201, NULL);
    expect("POST /pictures HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\n\r\n{}", 415,
           "unsupported-media-type");
}

Test(server, chunked_bodies_are_put_together, .init = start, .fini = stop)
{
    expect("POST /notes HTTP/1.1\r\n" HOST JSON
           "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"tex\r\n7\r\nt\":\"a\"}\r\n0\r\n\r\n",
           201, NULL);
}

Test(server, a_chunked_body_over_the_cap_is_broken_off, .init = start, .fini = stop)
{
    int fd = raw_connect(f.port);
    raw_send(fd, "POST /callback HTTP/1.1\r\n" HOST
                 "Content-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 9; i++)
        raw_send(fd, "80\r\n"
                     "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
                     "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n");
    struct answer a;
    cr_assert(raw_read(fd, false, &a));
    char *code = answer_member(&a, "code");
    cr_expect_eq(a.status, 413);
    cr_expect_str_eq(code, "body-too-large");
    cr_expect(raw_closes_within(fd, 3000));
    free(code);
    answer_free(&a);
    close(fd);
}

Test(server, expect_100_continue_is_answered_before_the_body, .init = start, .fini = stop)
{
    int fd = raw_connect(f.port);
    char line[64] = "";
    raw_send(fd, "POST /notes HTTP/1.1\r\n" HOST JSON
                 "Content-Length: 12\r\nExpect: 100-continue\r\n\r\n");
    cr_assert(recv(fd, line, 25, MSG_WAITALL) == 25);
    cr_assert_str_eq(line, "HTTP/1.1 100 Continue\r\n\r\n");
    raw_send(fd, "{\"text\":\"a\"}");
    struct answer a;
    cr_assert(raw_read(fd, false, &a));
    cr_expect_eq(a.status, 201);
    answer_free(&a);
    close(fd);
}

Test(server, what_cannot_be_a_token_is_turned_away_before_the_body, .init = start, .fini = stop)
{
    static const char *const bad[] = {
        "",
        "Authorization: Basic abc\r\n",
        "Authorization: Bearer\r\n",
        "Authorization: Bearer ipo_0123456789abcdefghijABCDEFGHIJ\r\n",
        "Authorization: Bearer ipa_short\r\n",
        "Authorization: Bearer " TOKEN "+\r\n",
        "Authorization: Bearer " TOKEN "\r\nAuthorization: Bearer " TOKEN "\r\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char request[512];
        sprintf(request,
                "POST /mine HTTP/1.1\r\n" HOST JSON
                "%sContent-Length: 4000\r\nExpect: 100-continue\r\n\r\n",
                bad[i]);
        struct answer a = raw_ask(f.port, request);
        char *challenge = answer_header(&a, "WWW-Authenticate");
        cr_expect_eq(a.status, 401, "%s", bad[i]);
        cr_expect_str_eq(challenge, "Bearer");
        free(challenge);
        answer_free(&a);
    }
    expect("POST /mine HTTP/1.1\r\n" HOST JSON "Authorization: bearer " TOKEN
           "\r\nContent-Length: 12\r\n\r\n{\"text\":\"a\"}",
           201, NULL);
}

Test(server, a_handler_that_answers_nothing_is_an_internal_error, .init = start, .fini = stop)
{
    close(2);
    expect(GET("/forget"), 500, "internal-error");
}
