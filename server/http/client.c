/* SPDX-License-Identifier: MIT */
#include "http/client.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"

#define CONNECT_US (3 * SECOND_US)
#define WHOLE_US   (10 * SECOND_US)

struct client {
    CURL *curl;
};

/* What one call gathers. */
struct gathering {
    struct arena *arena;
    struct buf body;
    struct client_answer answer;
    size_t max;
    bool too_large;
};

struct client *client_new(void)
{
    struct client *c = calloc(1, sizeof *c);
    CHECK_PEER(c);
    c->curl = curl_easy_init();
    CHECK_PEER(c->curl);
    return c;
}

void client_free(struct client *c)
{
    if (!c)
        return;
    curl_easy_cleanup(c->curl);
    free(c);
}

static size_t take_bytes(char *bytes, size_t size, size_t n, void *arg)
{
    struct gathering *g = arg;
    if (g->body.size + size * n > g->max) {
        g->too_large = true;
        return 0;
    }
    buf_add(&g->body, bytes, size * n);
    return size * n;
}

/* Called with each whole header line. A status line begins anew: 100 Continue came before. */
static size_t take_header(char *line, size_t size, size_t count, void *arg)
{
    struct gathering *g = arg;
    size_t n = size * count;
    const char *colon = memchr(line, ':', n);
    if (n > 5 && memcmp(line, "HTTP/", 5) == 0)
        g->answer.n_headers = 0;
    if (!colon || g->answer.n_headers == CLIENT_HEADERS_MAX)
        return n;
    const char *value = colon + 1, *end = line + n;
    while (value < end && strchr(" \t", *value))
        value++;
    while (end > value && strchr(" \t\r\n", end[-1]))
        end--;
    size_t i = g->answer.n_headers++;
    g->answer.headers[i].name = arena_copy(g->arena, line, (size_t)(colon - line));
    g->answer.headers[i].value = arena_copy(g->arena, value, (size_t)(end - value));
    return n;
}

static long in_ms(int64_t us, int64_t standard_us)
{
    return (long)((us ? us : standard_us) / 1000);
}

static struct curl_slist *list_headers(const struct client_call *call)
{
    /* no "Expect: 100-continue": it costs a round trip, and providers answer it badly */
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    for (size_t i = 0; list && call->headers && call->headers[i]; i++)
        list = curl_slist_append(list, call->headers[i]);
    CHECK_PEER(list);
    return list;
}

static void set_transport(CURL *curl, const struct client_call *call)
{
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, in_ms(call->connect_timeout_us, CONNECT_US));
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, in_ms(call->timeout_us, WHOLE_US));
}

/* libcurl asks about once a second when nothing moves, more often when something does. */
static int ask_whether_to_go_on(void *give_up, curl_off_t down_whole, curl_off_t down,
                                curl_off_t up_whole, curl_off_t up)
{
    (void)down_whole, (void)down, (void)up_whole, (void)up;
    return atomic_load((const atomic_bool *)give_up);
}

static void set_end(CURL *curl, const atomic_bool *give_up)
{
    if (!give_up)
        return;
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, ask_whether_to_go_on);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, give_up);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
}

static void set_call(CURL *curl, const struct client_call *call, struct curl_slist *headers,
                     struct gathering *g)
{
    curl_easy_setopt(curl, CURLOPT_URL, call->url);
    if (strcmp(call->method, "POST") == 0) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body ? call->body : "");
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_size);
    } else {
        curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    }
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, g);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, g);
}

enum status client_send(struct client *c, const struct client_call *call, struct arena *a,
                        struct client_answer *answer)
{
    struct gathering g = {.arena = a,
                          .max = call->answer_max ? call->answer_max : CLIENT_ANSWER_MAX};
    struct curl_slist *headers = list_headers(call);
    enum status s = OK;
    curl_easy_reset(c->curl); /* keeps connections */
    set_transport(c->curl, call);
    set_call(c->curl, call, headers, &g);
    set_end(c->curl, call->give_up);
    CURLcode rc = curl_easy_perform(c->curl);
    if (rc != CURLE_OK) {
        log_warn("client.failed", LOG_INT("curl", rc), LOG_STR("what", curl_easy_strerror(rc)));
        s = g.too_large ? TOO_LARGE : UNAVAILABLE;
        goto out;
    }
    curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &g.answer.http_status);
    g.answer.body = arena_copy(a, g.body.bytes, g.body.size);
    g.answer.body_size = g.body.size;
    *answer = g.answer;
out:
    curl_easy_reset(c->curl);
    curl_slist_free_all(headers);
    buf_free(&g.body);
    return s;
}

int64_t client_date_us(const struct client_answer *answer)
{
    const char *date = client_header(answer, "Date");
    time_t at = date ? curl_getdate(date, NULL) : -1;
    return at > 0 ? (int64_t)at * SECOND_US : 0;
}

const char *client_header(const struct client_answer *answer, const char *name)
{
    const char *found = NULL;
    for (size_t i = 0; i < answer->n_headers; i++) {
        if (strcasecmp(answer->headers[i].name, name) != 0)
            continue;
        if (found)
            return "";
        found = answer->headers[i].value;
    }
    return found;
}
