/* SPDX-License-Identifier: MIT */
/* sandbox --listen 127.0.0.1:PORT --dir DIR [--clock-offset +8d] [--port-file FILE]
 *         [--deliver-to http://127.0.0.1:PORT] */
#include "delivery.h"
#include "moment.h"

#include <curl/curl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { EXIT_USAGE = 64, EXIT_UNAVAILABLE = 69, SILENT_MS = 600000 };

struct arguments {
    const char *listen, *dir, *port_file, *deliver_to;
};

const char *sandbox_take_fault(struct sandbox *s, enum channel channel)
{
    const char *fault = NULL;
    pthread_mutex_lock(&s->answers[channel].lock);
    if (s->answers[channel].times > 0) {
        s->answers[channel].times--;
        fault = s->answers[channel].fault;
    }
    pthread_mutex_unlock(&s->answers[channel].lock);
    return fault;
}

/* Until delay_ms are over, or the program ends. */
static void wait_ms(struct sandbox *s, long delay_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += delay_ms / 1000;
    until.tv_nsec += delay_ms % 1000 * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&s->ending.lock);
    while (!s->ending.set &&
           pthread_cond_timedwait(&s->ending.changed, &s->ending.lock, &until) == 0)
        ;
    pthread_mutex_unlock(&s->ending.lock);
}

static void wake_all(struct sandbox *s)
{
    pthread_mutex_lock(&s->ending.lock);
    s->ending.set = true;
    pthread_cond_broadcast(&s->ending.changed);
    pthread_mutex_unlock(&s->ending.lock);
}

static void stay_silent(struct sandbox *s, struct reply *reply)
{
    wait_ms(s, SILENT_MS);
    reply->cut = CUT_BEFORE;
}

bool sandbox_break(struct sandbox *s, enum channel channel, const char *fault, struct reply *reply)
{
    if (strcmp(fault, "slow") == 0)
        wait_ms(s, s->answers[channel].delay_ms);
    if (strcmp(fault, "cut") == 0)
        reply->cut = CUT_MIDDLE;
    if (strcmp(fault, "silent") == 0) {
        stay_silent(s, reply);
        return true;
    }
    bool bad = strcmp(fault, "bad-gateway") == 0;
    if (!bad && strcmp(fault, "unavailable") != 0)
        return false;
    reply->status = bad ? 502 : 503;
    reply->body = "<html><h1>Bad Gateway</h1></html>";
    reply->body_size = strlen(reply->body);
    reply_header(reply, "Content-Type", "text/html");
    return true;
}

static void answer(void *context, struct request *request, struct reply *reply)
{
    struct sandbox *s = context;
    if (strncmp(request->path, "/sandbox/", 9) == 0)
        control_answer(s, request, reply);
    else if (strcmp(request->path, "/gateway.do") == 0)
        alipay_answer(s, request, reply);
    else if (strcmp(request->path, "/sns/jscode2session") == 0)
        login_answer(s, request, reply);
    else if (strcmp(request->path, "/downloadBill") == 0) {
        if (!files_answer(s->files, request, "application/octet-stream", reply))
            reply->status = 404;
    } else
        wechat_answer(s, request, reply);
    if (reply->silent)
        stay_silent(s, reply);
}

static bool set_offset(const char *text)
{
    int64_t offset_s;
    if (!moment_parse_offset(text, &offset_s))
        return false;
    moment_set_offset_s(offset_s);
    return true;
}

static bool parse_arguments(int argc, char **argv, struct arguments *a)
{
    static const struct option options[] = {
        {"listen", required_argument, NULL, 'l'},       {"dir", required_argument, NULL, 'd'},
        {"clock-offset", required_argument, NULL, 'c'}, {"port-file", required_argument, NULL, 'p'},
        {"deliver-to", required_argument, NULL, 't'},   {0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'l')
            a->listen = optarg;
        else if (option == 'd')
            a->dir = optarg;
        else if (option == 'p')
            a->port_file = optarg;
        else if (option == 't' && url_is_loopback(optarg))
            a->deliver_to = optarg;
        else if (option != 'c' || !set_offset(optarg))
            return false;
    }
    return optind == argc && a->listen && a->dir;
}

static bool write_port(const char *path, uint16_t port)
{
    char text[8];
    int n = snprintf(text, sizeof text, "%u\n", port);
    return !path || file_write(path, text, (size_t)n);
}

static int serve(struct sandbox *s, const struct arguments *a, const sigset_t *ends)
{
    char host[64];
    uint16_t port;
    int result = EXIT_UNAVAILABLE, ending;
    int listener = http_bind(a->listen, host, &port);
    if (listener >= 0)
        s->base_url = pool_print(s->in.pool, "http://%s:%u", host, port);
    struct http *http = listener >= 0 ? http_start(listener, answer, s) : NULL;
    if (!http) {
        fprintf(stderr, "sandbox: cannot listen on %s\n", a->listen);
        return result;
    }
    if (installation_write_config(&s->in, host, port) && write_port(a->port_file, port)) {
        printf("sandbox ready on %s:%u\n", host, port);
        fflush(stdout);
        sigwait(ends, &ending);
        result = 0;
    } else {
        fprintf(stderr, "sandbox: cannot write to %s\n", a->dir);
    }
    wake_all(s);
    http_stop(http);
    return result;
}

static void open_sandbox(struct sandbox *s, const struct arguments *a)
{
    s->trades = trades_new();
    s->refunds = refunds_new(s->trades);
    s->logins = logins_new();
    s->files = files_new();
    s->journal = journal_new();
    s->deliver_to = a->deliver_to;
    atomic_init(&s->certificates, 0);
    if (pthread_mutex_init(&s->ending.lock, NULL) != 0 ||
        pthread_cond_init(&s->ending.changed, NULL) != 0)
        abort();
    atomic_init(&s->signers[CHANNEL_WECHAT].answers, SIGNER_ASKED);
    for (int i = 0; i < 2; i++)
        if (pthread_mutex_init(&s->answers[i].lock, NULL) != 0)
            abort();
}

int main(int argc, char **argv)
{
    struct arguments a = {0};
    struct sandbox s = {0};
    char why[512];
    sigset_t ends;
    if (!parse_arguments(argc, argv, &a)) {
        fputs("usage: sandbox --listen 127.0.0.1:PORT --dir DIR [--clock-offset +8d]\n"
              "               [--port-file FILE] [--deliver-to http://127.0.0.1:PORT]\n",
              stderr);
        return EXIT_USAGE;
    }
    /* blocked before the first thread starts, so that only sigwait takes them */
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
    signal(SIGPIPE, SIG_IGN);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    if (!installation_open(a.dir, &s.in, why, sizeof why)) {
        fprintf(stderr, "sandbox: %s\n", why);
        return EXIT_UNAVAILABLE;
    }
    open_sandbox(&s, &a);
    int result = serve(&s, &a, &ends);
    journal_free(s.journal);
    files_free(s.files);
    logins_free(s.logins);
    refunds_free(s.refunds);
    trades_free(s.trades);
    installation_close(&s.in);
    curl_global_cleanup();
    return result;
}
