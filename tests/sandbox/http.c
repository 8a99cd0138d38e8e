/* SPDX-License-Identifier: MIT */
#include "http.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 1000, IDLE_SECONDS = 60 };

struct http {
    struct MHD_Daemon *daemon;
    http_handler *handler;
    void *context;
};

/* One exchange: made when the request line is read, freed when all is sent. */
struct exchange {
    struct request request;
    struct text body;
    bool begun, too_large;
};

const char *request_header(const struct request *request, const char *name)
{
    const char *value = NULL;
    for (size_t i = 0; i < request->n_headers; i++)
        if (strcasecmp(request->headers[i].name, name) == 0)
            value = value ? "" : request->headers[i].value;
    return value;
}

void reply_header(struct reply *reply, const char *name, const char *value)
{
    if (reply->n_headers == REPLY_HEADERS_MAX)
        abort();
    reply->headers[reply->n_headers++] = (struct header){name, value};
}

void reply_json(const struct request *request, struct reply *reply, unsigned status, json_t *json)
{
    reply->status = status;
    reply->body = pool_dump(request->pool, pool_json(request->pool, json));
    reply->body_size = strlen(reply->body);
    reply_header(reply, "Content-Type", "application/json; charset=utf-8");
}

static void *begin_exchange(void *context, const char *target, struct MHD_Connection *connection)
{
    (void)context;
    (void)connection;
    struct pool *pool = pool_new();
    struct exchange *x = pool_alloc(pool, sizeof *x);
    x->request.pool = x->body.pool = pool;
    x->request.target = pool_text(pool, target);
    const char *question = strchr(x->request.target, '?');
    x->request.query = question ? question + 1 : NULL;
    x->request.path =
        question ? pool_copy(pool, x->request.target, (size_t)(question - x->request.target))
                 : x->request.target;
    return x;
}

static enum MHD_Result add_header(void *context, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    (void)kind;
    struct request *r = context;
    if (r->n_headers < HEADERS_MAX)
        r->headers[r->n_headers++] =
            (struct header){pool_text(r->pool, name), pool_text(r->pool, value ? value : "")};
    return MHD_YES;
}

/* Half of the body, then the end of the connection. context: a struct half. */
struct half {
    size_t size;
    char bytes[];
};

static ssize_t read_half(void *context, uint64_t at, char *room, size_t n)
{
    const struct half *half = context;
    size_t left = half->size - (size_t)at;
    if (left == 0)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    n = n < left ? n : left;
    memcpy(room, half->bytes + at, n);
    return (ssize_t)n;
}

static struct MHD_Response *cut_response(const struct reply *reply)
{
    struct half *half = malloc(sizeof *half + reply->body_size);
    if (!half)
        abort();
    half->size = reply->body_size / 2;
    memcpy(half->bytes, reply->body, half->size);
    return MHD_create_response_from_callback(reply->body_size, 4096, read_half, half, free);
}

static enum MHD_Result send_reply(struct MHD_Connection *connection, const struct reply *reply)
{
    if (reply->cut == CUT_BEFORE)
        return MHD_NO;
    struct MHD_Response *response =
        reply->cut == CUT_MIDDLE
            ? cut_response(reply)
            : MHD_create_response_from_buffer(reply->body_size, (void *)(uintptr_t)reply->body,
                                              MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    for (size_t i = 0; i < reply->n_headers; i++)
        MHD_add_response_header(response, reply->headers[i].name, reply->headers[i].value);
    enum MHD_Result sent = MHD_queue_response(connection, reply->status, response);
    MHD_destroy_response(response);
    return sent;
}

static enum MHD_Result answer(struct http *http, struct MHD_Connection *connection,
                              struct exchange *x)
{
    struct reply reply = {.status = 404, .body = ""};
    if (x->too_large)
        reply.status = 413;
    else
        http->handler(http->context, &x->request, &reply);
    return send_reply(connection, &reply);
}

static enum MHD_Result on_access(void *context, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *bytes,
                                 size_t *n, void **slot)
{
    (void)url;
    (void)version;
    struct exchange *x = *slot;
    if (!x->begun) {
        x->begun = true;
        x->request.method = pool_text(x->request.pool, method);
        MHD_get_connection_values(connection, MHD_HEADER_KIND, add_header, &x->request);
        return MHD_YES;
    }
    if (*n) {
        x->too_large = x->too_large || x->body.size + *n > BODY_BYTES_MAX;
        if (!x->too_large)
            text_add(&x->body, bytes, *n);
        *n = 0;
        return MHD_YES;
    }
    x->request.body = x->body.at ? x->body.at : "";
    x->request.body_size = x->body.size;
    return answer(context, connection, x);
}

static void end_exchange(void *context, struct MHD_Connection *connection, void **slot,
                         enum MHD_RequestTerminationCode how)
{
    (void)context;
    (void)connection;
    (void)how;
    struct exchange *x = *slot;
    *slot = NULL;
    if (x)
        pool_free(x->request.pool);
}

static bool parse_address(const char *text, struct sockaddr_in *address, char host[64])
{
    const char *colon = strchr(text, ':');
    if (!colon || (size_t)(colon - text) >= 64)
        return false;
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    char *end;
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (end == colon + 1 || *end || port > 65535)
        return false;
    address->sin_family = AF_INET;
    address->sin_port = htons((uint16_t)port);
    return inet_pton(AF_INET, host, &address->sin_addr) == 1 &&
           ntohl(address->sin_addr.s_addr) >> 24 == 127;
}

int http_bind(const char *address, char host[64], uint16_t *port)
{
    struct sockaddr_in at = {0};
    socklen_t n = sizeof at;
    if (!parse_address(address, &at, host))
        return -1;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (listener < 0)
        return -1;
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(listener, (struct sockaddr *)&at, sizeof at) != 0 ||
        listen(listener, SOMAXCONN) != 0 ||
        getsockname(listener, (struct sockaddr *)&at, &n) != 0) {
        close(listener);
        return -1;
    }
    *port = ntohs(at.sin_port);
    return listener;
}

struct http *http_start(int listener, http_handler *handler, void *context)
{
    struct http *http = calloc(1, sizeof *http);
    if (!http)
        abort();
    http->handler = handler;
    http->context = context;
    http->daemon = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL, 0, NULL,
        NULL, on_access, http, MHD_OPTION_LISTEN_SOCKET, (MHD_socket)listener,
        MHD_OPTION_URI_LOG_CALLBACK, begin_exchange, NULL, MHD_OPTION_NOTIFY_COMPLETED,
        end_exchange, NULL, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS, MHD_OPTION_END);
    if (http->daemon)
        return http;
    close(listener);
    free(http);
    return NULL;
}

void http_stop(struct http *http)
{
    MHD_stop_daemon(http->daemon);
    free(http);
}
