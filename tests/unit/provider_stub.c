/* SPDX-License-Identifier: MIT */
#include "provider_stub.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SILENT_MOST = 16 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct stub_answer answer; /* under the lock */
static int asked;                 /* under the lock */
static pthread_t thread;
static int listener;
static char url[64];
/* the thread's own, until it has ended */
static int silent[SILENT_MOST], n_silent;

/* Until the headers are whole; what is asked is not looked at. */
static bool read_request(int fd)
{
    char text[16384];
    size_t n = 0;
    while (n < sizeof text - 1) {
        ssize_t got = recv(fd, text + n, sizeof text - 1 - n, 0);
        if (got <= 0)
            return false;
        n += (size_t)got;
        text[n] = '\0';
        if (strstr(text, "\r\n\r\n"))
            return true;
    }
    return false;
}

static struct stub_answer count(void)
{
    pthread_mutex_lock(&lock);
    asked++;
    struct stub_answer now = answer;
    pthread_mutex_unlock(&lock);
    return now;
}

static void give(int fd, const struct stub_answer *given)
{
    const char *body = given->body ? given->body : "";
    dprintf(fd, "HTTP/1.1 %u x\r\nContent-Length: %zu\r\nConnection: close\r\n%s\r\n%s",
            given->status, strlen(body), given->headers ? given->headers : "", body);
    /* what was not read of the request must not cut the answer off */
    char rest[4096];
    shutdown(fd, SHUT_WR);
    while (recv(fd, rest, sizeof rest, 0) > 0)
        ;
    close(fd);
}

static void *serve(void *arg)
{
    (void)arg;
    int fd;
    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        struct stub_answer given = {0};
        bool whole = read_request(fd);
        if (whole)
            given = count();
        if (whole && given.status)
            give(fd, &given);
        else if (whole && n_silent < SILENT_MOST)
            silent[n_silent++] = fd;
        else
            close(fd);
    }
    return NULL;
}

void stub_start(const struct stub_answer *first)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    stub_answers(first);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert(listener >= 0 && bind(listener, (struct sockaddr *)&at, sizeof at) == 0 &&
              listen(listener, 16) == 0 && getsockname(listener, (struct sockaddr *)&at, &n) == 0);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", ntohs(at.sin_port));
    cr_assert(pthread_create(&thread, NULL, serve, NULL) == 0);
}

const char *stub_url(void)
{
    return url;
}

void stub_answers(const struct stub_answer *next)
{
    pthread_mutex_lock(&lock);
    answer = *next;
    pthread_mutex_unlock(&lock);
}

int stub_asked(void)
{
    pthread_mutex_lock(&lock);
    int n = asked;
    pthread_mutex_unlock(&lock);
    return n;
}

bool stub_await(int n, int seconds)
{
    for (int i = 0; i < seconds * 200 && stub_asked() < n; i++)
        usleep(5000);
    return stub_asked() >= n;
}

void stub_stop(void)
{
    shutdown(listener, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(listener);
    while (n_silent)
        close(silent[--n_silent]);
}
