/* SPDX-License-Identifier: MIT */
#include "http/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/log.h"

enum { TICK_MS = 100, LINGER_MAX = 64, LINGER_READS = 64, REQUEST_ID_BYTES = 23, GONE_TICKS = 5 };
#define LINGER_US (2 * SECOND_US)

struct connection {
    struct connection *previous, *next;
    int fd;
    bool plain;
    atomic_bool linger;
    _Atomic enum phase phase;
    _Atomic int64_t deadline_us;
    bool gone; /* the peer had closed when it was last looked at; the watching thread's own */
};

struct lingering {
    int fd;
    int64_t until_us;
};

struct watch {
    pthread_mutex_t mutex; /* of the two lists */
    struct connection *first;
    struct lingering lingering[LINGER_MAX];
    size_t n_lingering;
    void (*tick)(void *);
    void *arg;
    atomic_bool stopping;
    pthread_t thread;
};

char *connection_problem(enum problem p, enum language language, const char *request_id)
{
    char instance[128];
    snprintf(instance, sizeof instance, "urn:idphotod:request:%s", request_id);
    char *document = problem_text(p, language, instance, request_id);
    char *message = NULL;
    int n = asprintf(&message,
                     "HTTP/1.1 %u %s\r\nConnection: close\r\nContent-Type: "
                     "application/problem+json\r\nContent-Language: %s\r\nContent-Length: %zu\r\n"
                     "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
                     "X-Request-Id: %s\r\n%s\r\n%s",
                     problem_http_status(p), problem_code(p),
                     language == LANGUAGE_EN ? "en" : "zh-CN", strlen(document), request_id,
                     problem_http_status(p) == 503 ? "Retry-After: 1\r\n" : "", document);
    CHECK_PEER(n > 0);
    free(document);
    return message;
}

static void tell_late(const struct connection *c)
{
    char id[REQUEST_ID_BYTES];
    char *message =
        connection_problem(PROBLEM_REQUEST_TIMEOUT, LANGUAGE_ZH, random_base62(id, sizeof id));
    (void)!send(c->fd, message, strlen(message), MSG_DONTWAIT | MSG_NOSIGNAL);
    free(message);
}

static const char *phase_name(enum phase phase)
{
    switch (phase) {
    case PHASE_HEADERS: return "headers";
    case PHASE_BODY: return "body";
    case PHASE_HANDLER: return "handler";
    case PHASE_ANSWER: return "answer";
    case PHASE_IDLE: return "idle";
    }
    return "";
}

static void cut(struct connection *c)
{
    enum phase phase = atomic_load(&c->phase);
    if (c->plain && (phase == PHASE_HEADERS || phase == PHASE_BODY))
        tell_late(c);
    if (phase != PHASE_IDLE)
        log_info("http.cut", LOG_STR("late", phase_name(phase)));
    atomic_store(&c->deadline_us, INT64_MAX);
    shutdown(c->fd, SHUT_RDWR);
}

static void cut_late(struct watch *w)
{
    int64_t now_us = clock_boot_us();
    pthread_mutex_lock(&w->mutex);
    for (struct connection *c = w->first; c; c = c->next)
        if (atomic_load(&c->deadline_us) <= now_us)
            cut(c);
    pthread_mutex_unlock(&w->mutex);
}

bool connection_is_gone(const struct connection *c)
{
    struct pollfd p = {.fd = c->fd, .events = POLLRDHUP};
    return poll(&p, 1, 0) == 1 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

/* libmicrohttpd misses an end that came together with the last bytes (it polls edge-triggered and
 * reads once). Then a vanished client would keep its place until its deadline. */
static bool has_gone(const struct connection *c)
{
    char byte;
    switch (atomic_load(&c->phase)) {
    case PHASE_HANDLER:
    case PHASE_ANSWER: return false;
    case PHASE_HEADERS:
    case PHASE_BODY: /* bytes may still lie in the TLS layer */
        if (!c->plain)
            return false;
        break;
    case PHASE_IDLE: break;
    }
    return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* Twice in a row, so that what was read but not looked at yet is not lost. */
static void cut_gone(struct watch *w)
{
    pthread_mutex_lock(&w->mutex);
    for (struct connection *c = w->first; c; c = c->next) {
        bool gone = has_gone(c);
        if (gone && c->gone)
            shutdown(c->fd, SHUT_RDWR);
        c->gone = gone;
    }
    pthread_mutex_unlock(&w->mutex);
}

/* Reads off what is there. True: nothing more will come. */
static bool read_off(int fd)
{
    char sink[16384];
    for (int i = 0; i < LINGER_READS; i++) {
        ssize_t n = recv(fd, sink, sizeof sink, MSG_DONTWAIT);
        if (n < 0)
            return errno != EAGAIN && errno != EINTR;
        if (n == 0)
            return true;
    }
    return false;
}

static void linger_on(struct watch *w)
{
    int64_t now_us = clock_boot_us();
    pthread_mutex_lock(&w->mutex);
    for (size_t i = 0; i < w->n_lingering;) {
        struct lingering *l = &w->lingering[i];
        if (read_off(l->fd) || l->until_us <= now_us) {
            close(l->fd);
            *l = w->lingering[--w->n_lingering];
        } else {
            i++;
        }
    }
    pthread_mutex_unlock(&w->mutex);
}

static void wait_tick(struct watch *w)
{
    struct pollfd fds[LINGER_MAX];
    pthread_mutex_lock(&w->mutex);
    size_t n = w->n_lingering;
    for (size_t i = 0; i < n; i++)
        fds[i] = (struct pollfd){.fd = w->lingering[i].fd, .events = POLLIN};
    pthread_mutex_unlock(&w->mutex);
    poll(fds, n, TICK_MS);
}

static void *watch_thread(void *arg)
{
    struct watch *w = arg;
    for (unsigned n = 1; !atomic_load(&w->stopping); n++) {
        wait_tick(w);
        cut_late(w);
        if (n % GONE_TICKS == 0)
            cut_gone(w);
        linger_on(w);
        w->tick(w->arg);
    }
    return NULL;
}

struct watch *watch_new(void (*tick)(void *arg), void *arg)
{
    struct watch *w = calloc(1, sizeof *w);
    CHECK_PEER(w);
    w->tick = tick;
    w->arg = arg;
    CHECK_PEER(pthread_mutex_init(&w->mutex, NULL) == 0);
    CHECK_PEER(pthread_create(&w->thread, NULL, watch_thread, w) == 0);
    return w;
}

void watch_free(struct watch *w)
{
    if (!w)
        return;
    CHECK(!w->first);
    atomic_store(&w->stopping, true);
    pthread_join(w->thread, NULL);
    for (size_t i = 0; i < w->n_lingering; i++)
        close(w->lingering[i].fd);
    pthread_mutex_destroy(&w->mutex);
    free(w);
}

struct connection *watch_add(struct watch *w, int fd, bool plain)
{
    struct connection *c = calloc(1, sizeof *c);
    CHECK_PEER(c);
    c->fd = fd;
    c->plain = plain;
    atomic_init(&c->deadline_us, INT64_MAX);
    pthread_mutex_lock(&w->mutex);
    c->next = w->first;
    if (w->first)
        w->first->previous = c;
    w->first = c;
    pthread_mutex_unlock(&w->mutex);
    return c;
}

static void keep_lingering(struct watch *w, int fd)
{
    if (w->n_lingering == LINGER_MAX)
        return;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy >= 0)
        w->lingering[w->n_lingering++] =
            (struct lingering){.fd = copy, .until_us = clock_boot_us() + LINGER_US};
}

void watch_remove(struct watch *w, struct connection *c)
{
    pthread_mutex_lock(&w->mutex);
    if (c->previous)
        c->previous->next = c->next;
    else
        w->first = c->next;
    if (c->next)
        c->next->previous = c->previous;
    if (atomic_load(&c->linger))
        keep_lingering(w, c->fd);
    pthread_mutex_unlock(&w->mutex);
    free(c);
}

void connection_expect(struct connection *c, enum phase phase, int64_t deadline_us)
{
    atomic_store(&c->phase, phase);
    atomic_store(&c->deadline_us, deadline_us);
}

enum phase connection_phase(const struct connection *c)
{
    return atomic_load(&c->phase);
}

void connection_linger(struct connection *c)
{
    atomic_store(&c->linger, true);
}

void watch_cut_idle(struct watch *w)
{
    pthread_mutex_lock(&w->mutex);
    for (struct connection *c = w->first; c; c = c->next)
        if (atomic_load(&c->phase) == PHASE_IDLE)
            cut(c);
    pthread_mutex_unlock(&w->mutex);
}
