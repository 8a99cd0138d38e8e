/* SPDX-License-Identifier: MIT */
#include "http_fixture.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/body.h"
#include "http/problem.h"

enum { READ_MS = 5000, ANSWER_MOST = 32 << 20 };

/* ---- handlers ---- */

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
static int held;
static bool open_gate;

static void hello(struct request *r)
{
    reply_json(r, 200, json_pack("{s:s, s:s}", "hello", "world", "client_ip", r->client_ip));
}

static void hold(struct request *r)
{
    pthread_mutex_lock(&gate);
    held++;
    while (!open_gate)
        pthread_cond_wait(&opened, &gate);
    held--;
    pthread_mutex_unlock(&gate);
    reply_json(r, 200, json_pack("{s:s}", "held", "no more"));
}

void fixture_release(void)
{
    pthread_mutex_lock(&gate);
    open_gate = true;
    pthread_cond_broadcast(&opened);
    pthread_mutex_unlock(&gate);
}

int fixture_held(void)
{
    pthread_mutex_lock(&gate);
    int n = held;
    pthread_mutex_unlock(&gate);
    return n;
}

bool fixture_await_held(int n)
{
    for (int i = 0; i < 1000 && fixture_held() != n; i++)
        usleep(5000);
    return fixture_held() == n;
}

/* ---- requests that are answered later ---- */

enum { KEPT_MOST = 16 };
static struct request *kept[KEPT_MOST];
static int n_kept;

static void keep(struct request *r)
{
    request_defer(r);
    pthread_mutex_lock(&gate);
    cr_assert(n_kept < KEPT_MOST);
    kept[n_kept++] = r;
    pthread_mutex_unlock(&gate);
}

int fixture_kept(void)
{
    pthread_mutex_lock(&gate);
    int n = n_kept;
    pthread_mutex_unlock(&gate);
    return n;
}

bool fixture_await_kept(int n)
{
    for (int i = 0; i < 1000 && fixture_kept() != n; i++)
        usleep(5000);
    return fixture_kept() == n;
}

void fixture_resume(void)
{
    pthread_mutex_lock(&gate);
    for (int i = 0; i < n_kept; i++) {
        reply_json(kept[i], 200, json_pack("{s:i}", "kept", n_kept));
        request_resume(kept[i]);
    }
    n_kept = 0;
    pthread_mutex_unlock(&gate);
}

/* The holder is done before the handler is. */
static void keep_shortly(struct request *r)
{
    request_defer(r);
    reply_empty(r, 204);
    request_resume(r);
    usleep(20000);
}

static void keep_and_forget(struct request *r)
{
    request_defer(r);
    request_resume(r);
}

/* What it says is who ran it. */
static void pass(struct request *r)
{
    if (r->worker)
        reply_json(r, 200, json_pack("{s:s}", "by", "worker"));
    else
        request_pass(r);
}

static void one(struct request *r)
{
    reply_json(
        r, 200,
        json_pack("{s:s, s:s}", "id", r->params[0], "second", r->params[1] ? r->params[1] : ""));
}

struct note {
    const char *text;
};
static const struct json_member note_members[] = {
    {.name = "text", .kind = JSON_KIND_TEXT, .required = true, .least = 1, .most = 10}};
static const struct json_shape note_shape = {note_members, 1, sizeof(struct note)};

static void take_note(struct request *r)
{
    struct note note;
    if (body_parse(r, &note_shape, &note))
        reply_json(r, 201, json_pack("{s:s}", "text", note.text));
}

static void measure(struct request *r)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < r->body_size; i++)
        sum += r->body[i];
    reply_json(r, 200,
               json_pack("{s:I, s:I}", "size", (json_int_t)r->body_size, "sum", (json_int_t)sum));
}

static void big(struct request *r)
{
    size_t n = 4 << 20;
    char *bytes = arena_alloc(r->arena, n);
    memset(bytes, 'b', n);
    reply_add_header(r, "Cache-Control", "private");
    reply_bytes(r, 200, "application/octet-stream", bytes, n);
}

static void forget(struct request *r)
{
    (void)r;
}

static void slow(struct request *r)
{
    usleep(300000);
    reply_empty(r, 204);
}

static atomic_int abandoned;

/* Works until nobody waits for it, 5 s at most. */
static void work_on(struct request *r)
{
    for (int i = 0; i < 500 && !request_is_abandoned(r); i++)
        usleep(10000);
    atomic_fetch_add(&abandoned, request_is_abandoned(r));
    reply_empty(r, 204);
}

bool fixture_await_abandoned(int n)
{
    for (int i = 0; i < 400 && atomic_load(&abandoned) != n; i++)
        usleep(5000);
    return atomic_load(&abandoned) == n;
}

static const struct route routes[] = {
    {.method = "GET",
     .path = "/hello",
     .listener = LISTENER_PUBLIC,
     .lane = LANE_WORK,
     .handle = hello},
    {.method = "GET",
     .path = "/inline",
     .listener = LISTENER_BOTH,
     .lane = LANE_INLINE,
     .handle = hello},
    {.method = "GET",
     .path = "/held",
     .listener = LISTENER_PUBLIC,
     .lane = LANE_WORK,
     .handle = hold},
    {.method = "GET",
     .path = "/image",
     .listener = LISTENER_PUBLIC,
     .lane = LANE_IMAGE,
     .handle = hello},
    {.method = "POST",
     .path = "/callback",
     .listener = LISTENER_PUBLIC,
     .lane = LANE_CALLBACK,
     .caller = CALLER_PROVIDER,
     .types = TYPE_ANY,
     .max_body = 1024,
     .handle = measure},
    {.method = "GET",
     .path = "/later",
     .listener = LISTENER_PUBLIC,
     .lane = LANE_CALLBACK,
     .handle = keep},
    {.method = "GET",
     .path = "/shortly",
     .listener = LISTENER_PUBLIC,
     .lane = LANE_CALLBACK,
     .handle = keep_shortly},
    {.method = "GET",
     .path = "/never",
     .listener = LISTENER_PUBLIC,
     .lane = LANE_CALLBACK,
     .handle = keep_and_forget},
    {.method = "GET",
     .path = "/eager/hello",
     .listener = LISTENER_PUBLIC,
     .lane = LANE_CALLBACK,
     .eager = true,
     .handle = hello},
    {.method = "GET",
     .path = "/eager/later",
     .listener = LISTENER_PUBLIC,
     .lane = LANE_CALLBACK,
     .eager = true,
     .handle = keep},
    {.method = "GET",
     .path = "/eager/shortly",
     .listener = LISTENER_PUBLIC,
     .lane = LANE_CALLBACK,
     .eager = true,
     .handle = keep_shortly},
    {.method = "GET",
     .path = "/eager/never",
     .listener = LISTENER_PUBLIC,
     .lane = LANE_CALLBACK,
     .eager = true,
     .handle = keep_and_forget},
    {.method = "GET",
     .path = "/eager/pass",
     .listener = LISTENER_PUBLIC,
     .lane = LANE_CALLBACK,
     .eager = true,
     .handle = pass},
    {.method = "GET",
     .path = "/things/{id}",
     .listener = LISTENER_PUBLIC,
     .lane = LANE_WORK,
     .handle = one},
    {.method = "DELETE",
     .path = "/things/{id}",
     .listener = LISTENER_PUBLIC,
     .lane = LANE_WORK,
     .handle = one},
    {.method = "GET",
     .path = "/things/{id}/parts/{part}",
     .listener = LISTENER_PUBLIC,
     .lane = LANE_WORK,
     .handle = one},
    {.method = "GET",
     .path = "/things/current",
     .listener = LISTENER_PUBLIC,
     .lane = LANE_WORK,
     .handle = hello},
    {.method = "POST",
     .path = "/notes",
     .listener = LISTENER_PUBLIC,
     .lane = LANE_WORK,
     .types = TYPE_JSON,
     .max_body = 4096,
     .handle = take_note},
    {.method = "POST",
     .path = "/mine",
     .listener = LISTENER_PUBLIC,
     .lane = LANE_WORK,
     .caller = CALLER_ACCOUNT,
     .types = TYPE_JSON,
     .max_body = 4096,
     .handle = take_note},
    {.method = "POST",
     .path = "/pictures",
     .listener = LISTENER_PUBLIC,
     .lane = LANE_IMAGE,
     .types = TYPE_IMAGE,
     .max_body = 8 << 20,
     .handle = measure},
    {.method = "GET",
     .path = "/big",
     .listener = LISTENER_PUBLIC,
     .lane = LANE_WORK,
     .handle = big},
    {.method = "GET",
     .path = "/forget",
     .listener = LISTENER_PUBLIC,
     .lane = LANE_WORK,
     .handle = forget},
    {.method = "GET",
     .path = "/slow",
     .listener = LISTENER_PUBLIC,
     .lane = LANE_WORK,
     .handle = slow},
    {.method = "GET",
     .path = "/work",
     .listener = LISTENER_PUBLIC,
     .lane = LANE_WORK,
     .handle = work_on},
    {.method = "GET",
     .path = "/operators",
     .listener = LISTENER_OPERATOR,
     .lane = LANE_WORK,
     .caller = CALLER_OPERATOR,
     .handle = hello},
};

void fixture_init(struct fixture *f)
{
    log_configure(LOG_ERROR, true);
    *f = (struct fixture){
        .listeners = {{.listen = "127.0.0.1:0", .kind = LISTENER_PUBLIC},
                      {.listen = "127.0.0.1:0", .kind = LISTENER_OPERATOR}},
        .options =
            {
                .n_listeners = 2,
                .routes = routes,
                .n_routes = sizeof routes / sizeof *routes,
                .io_threads = 2,
                .workers = 3,
                .callback_workers = 1,
                .queue = 4,
                .callback_queue = 4,
                .image_workers = 1,
                .image_queue = 4,
                .header_deadline_us = SECOND_US,
                .body_deadline_us = 1500 * (SECOND_US / 1000),
                .handler_deadline_us = 10 * SECOND_US,
            },
    };
}

void fixture_start(struct fixture *f)
{
    char why[256] = "";
    f->options.listeners = f->listeners;
    cr_assert_eq(server_start(&f->options, &f->server, why, sizeof why), OK, "%s", why);
    f->port = server_port(f->server, 0);
    if (f->options.n_listeners > 1)
        f->operator_port = server_port(f->server, 1);
}

void fixture_stop(struct fixture *f)
{
    fixture_release();
    server_stop(f->server, 3 * SECOND_US);
}

/* ---- raw client ---- */

int raw_connect(unsigned port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0);
    return fd;
}

static void send_bytes(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        bytes += sent;
        n -= (size_t)sent;
    }
}

void raw_send(int fd, const char *text)
{
    send_bytes(fd, text, strlen(text));
}

/* Appends what comes; false at the end or after READ_MS. */
static bool read_more(int fd, char *buffer, size_t *n, bool *closed)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (poll(&p, 1, READ_MS) <= 0)
        return false;
    ssize_t got = recv(fd, buffer + *n, ANSWER_MOST - *n - 1, 0);
    *closed = got <= 0;
    if (got <= 0)
        return false;
    *n += (size_t)got;
    buffer[*n] = 0;
    return true;
}

bool raw_read(int fd, bool head, struct answer *out)
{
    char *buffer = malloc(ANSWER_MOST);
    size_t n = 0;
    bool closed = false, whole = false;
    buffer[0] = 0;
    *out = (struct answer){0};
    char *end = NULL;
    while (!(end = strstr(buffer, "\r\n\r\n")) && read_more(fd, buffer, &n, &closed))
        ;
    if (end && strncmp(buffer, "HTTP/1.1 100", 12) == 0) {
        free(buffer);
        return raw_read(fd, head, out);
    }
    if (end) {
        *end = 0;
        out->headers = strdup(buffer);
        out->status = (unsigned)strtoul(buffer + 9, NULL, 10);
        char *length = answer_header(out, "Content-Length");
        size_t want = length && !head && out->status != 204 && out->status != 304
                          ? strtoull(length, NULL, 10)
                          : 0;
        free(length);
        size_t start = (size_t)(end + 4 - buffer);
        while (n - start < want && read_more(fd, buffer, &n, &closed))
            ;
        whole = n - start >= want;
        out->body_size = n - start;
        out->body = calloc(1, n - start + 1);
        memcpy(out->body, buffer + start, n - start);
    }
    out->closed = closed;
    free(buffer);
    return whole;
}

struct answer raw_ask_bytes(unsigned port, const char *request, size_t n)
{
    struct answer a;
    int fd = raw_connect(port);
    send_bytes(fd, request, n);
    raw_read(fd, strncmp(request, "HEAD", 4) == 0, &a);
    close(fd);
    return a;
}

struct answer raw_ask(unsigned port, const char *request)
{
    return raw_ask_bytes(port, request, strlen(request));
}

char *answer_header(const struct answer *a, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = a->headers; p && (p = strstr(p, "\r\n"));) {
        p += 2;
        if (strncasecmp(p, name, n) == 0 && p[n] == ':') {
            p += n + 1;
            p += strspn(p, " ");
            return strndup(p, strcspn(p, "\r"));
        }
    }
    return NULL;
}

bool raw_closes_within(int fd, int ms)
{
    char sink[4096];
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int64_t until_us = clock_boot_us() + ms * INT64_C(1000);
    while (clock_boot_us() < until_us) {
        if (poll(&p, 1, 20) <= 0)
            continue;
        if (recv(fd, sink, sizeof sink, 0) <= 0)
            return true;
    }
    return false;
}

void answer_free(struct answer *a)
{
    free(a->headers);
    free(a->body);
    *a = (struct answer){0};
}

char *answer_member(const struct answer *a, const char *name)
{
    json_t *document = json_loadb(a->body ? a->body : "", a->body_size, 0, NULL);
    const json_t *member = json_object_get(document, name);
    char *text = json_is_string(member)    ? strdup(json_string_value(member))
                 : json_is_integer(member) ? json_dumps(member, JSON_ENCODE_ANY)
                                           : strdup("");
    json_decref(document);
    return text;
}
