/* SPDX-License-Identifier: MIT */
/*
 * Starting and stopping libmicrohttpd for one listener.
 *
 * What it answers by itself, in HTML, and does not let us replace: a request
 * line without three parts, an HTTP version it does not know, a header line
 * without a colon, a Content-Length or chunk size that is no number, and
 * target or headers that do not fit into its memory (CONNECTION_MEMORY; our own
 * limits lie below it, so that happens only to the absurd). It then closes
 * the connection.
 */
#include "http/site.h"

#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"

enum { CONNECTION_MEMORY = 16384, BACKLOG = 1024, HOST_MOST = 256 };

/* ---- the socket ---- */

/* Splits "host:port" or "[host]:port". */
static enum status split(const char *listen_at, char host[HOST_MOST], const char **port)
{
    const char *colon = strrchr(listen_at, ':');
    size_t n = colon ? (size_t)(colon - listen_at) : 0;
    if (n == 0 || n >= HOST_MOST || !colon[1] || strspn(colon + 1, "0123456789") > 5)
        return INVALID;
    bool brackets = listen_at[0] == '[' && listen_at[n - 1] == ']';
    memcpy(host, listen_at + brackets, n);
    host[n - 2 * (size_t)brackets] = 0;
    *port = colon + 1;
    return OK;
}

static int open_socket(const struct addrinfo *at)
{
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (at->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    close(fd);
    return -1;
}

static unsigned port_of(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } at = {.v6 = {0}};
    socklen_t n = sizeof at;
    CHECK_PEER(getsockname(fd, &at.any, &n) == 0);
    return ntohs(at.any.sa_family == AF_INET6 ? at.v6.sin6_port : at.v4.sin_port);
}

static enum status bind_site(struct site *site, char *why, size_t why_size)
{
    char host[HOST_MOST];
    const char *port;
    struct addrinfo *found = NULL;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    if (split(site->options->listen, host, &port) != OK ||
        getaddrinfo(host, port, &hints, &found) != 0) {
        snprintf(why, why_size, "listen: not an address with a port: %s", site->options->listen);
        return INVALID;
    }
    site->fd = open_socket(found);
    freeaddrinfo(found);
    if (site->fd < 0) {
        snprintf(why, why_size, "cannot listen at %s: %m", site->options->listen);
        return UNAVAILABLE;
    }
    site->port = port_of(site->fd);
    return OK;
}

/* ---- TLS ---- */

static enum status load_tls(struct site *site, char *why, size_t why_size)
{
    const struct server_listener *o = site->options;
    if (!o->tls_cert != !o->tls_key || (o->client_ca && !o->tls_cert)) {
        snprintf(why, why_size, "%s: tls_cert and tls_key belong together, client_ca needs both",
                 o->listen);
        return INVALID;
    }
    if (o->tls_cert && tls_new(o->tls_cert, o->tls_key, &site->tls) != OK) {
        snprintf(why, why_size, "tls_cert and tls_key do not load: %s, %s", o->tls_cert,
                 o->tls_key);
        return INVALID;
    }
    if (o->client_ca && tls_read_file(o->client_ca, &site->client_ca) != OK) {
        snprintf(why, why_size, "client_ca does not load: %s", o->client_ca);
        return INVALID;
    }
    return OK;
}

/* ---- libmicrohttpd ---- */

/* The format alone: its arguments are what callers sent. */
static void on_library_log(void *cls, const char *format, va_list ap)
{
    (void)cls, (void)ap;
    log_debug("http.library", LOG_STR("format", format));
}

/* The target is decoded by router.c, from what exchange_begin was given. */
static size_t leave_escaped(void *cls, struct MHD_Connection *mhd, char *text)
{
    (void)cls, (void)mhd;
    return strlen(text);
}

static void on_connection(void *cls, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct site *site = cls;
    struct server *s = site->server;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        watch_remove(s->watch, *context);
        *context = NULL;
        return;
    }
    const union MHD_ConnectionInfo *i =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    CHECK_PEER(i);
    struct connection *c = watch_add(s->watch, i->connect_fd, !site->tls);
    connection_expect(c, PHASE_HEADERS, clock_boot_us() + s->options.header_deadline_us);
    *context = c;
}

struct option_list {
    struct MHD_OptionItem items[16];
    size_t n;
};

static void add_option(struct option_list *l, enum MHD_OPTION option, intptr_t value, void *pointer)
{
    l->items[l->n++] = (struct MHD_OptionItem){option, value, pointer};
}

static void list_options(struct site *site, struct option_list *l)
{
    const struct server_options *o = &site->server->options;
    add_option(l, MHD_OPTION_LISTEN_SOCKET, site->fd, NULL);
    add_option(l, MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, NULL);
    add_option(l, MHD_OPTION_CONNECTION_LIMIT, (intptr_t)o->max_connections, NULL);
    add_option(l, MHD_OPTION_CONNECTION_TIMEOUT, 0, NULL);
    if (o->io_threads > 1)
        add_option(l, MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)o->io_threads, NULL);
    add_option(l, MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)exchange_begin, site);
    add_option(l, MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)leave_escaped, NULL);
    add_option(l, MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)exchange_completed, site);
    add_option(l, MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, site);
    if (site->tls) {
        add_option(l, MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)tls_callback(site->tls));
        add_option(l, MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES);
    }
    if (site->client_ca.data)
        add_option(l, MHD_OPTION_HTTPS_MEM_TRUST, 0, site->client_ca.data);
    add_option(l, MHD_OPTION_END, 0, NULL);
}

/* At an abstract name of the kernel's choice, where nobody calls. */
static enum status open_hidden(struct site *site, char *why, size_t why_size)
{
    const struct sockaddr_un nameless = {.sun_family = AF_UNIX};
    site->hidden = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (site->hidden >= 0 &&
        bind(site->hidden, (const struct sockaddr *)&nameless, sizeof nameless.sun_family) == 0 &&
        listen(site->hidden, 1) == 0)
        return OK;
    snprintf(why, why_size, "cannot open a socket beside %s", site->options->listen);
    return UNAVAILABLE;
}

enum status site_start(struct site *site, char *why, size_t why_size)
{
    site->fd = site->hidden = -1;
    enum status s = load_tls(site, why, why_size);
    if (s == OK)
        s = bind_site(site, why, why_size);
    if (s == OK)
        s = open_hidden(site, why, why_size);
    if (s != OK)
        return s;
    struct option_list l = {0};
    list_options(site, &l);
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC |
                     MHD_USE_ERROR_LOG | (site->tls ? MHD_USE_TLS : 0);
    site->daemon =
        MHD_start_daemon(flags, 0, NULL, NULL, exchange_handle, site, MHD_OPTION_EXTERNAL_LOGGER,
                         on_library_log, NULL, MHD_OPTION_ARRAY, l.items, MHD_OPTION_END);
    if (!site->daemon) {
        snprintf(why, why_size, "cannot serve at %s", site->options->listen);
        return UNAVAILABLE;
    }
    return OK;
}

/* Not by MHD_quiesce_daemon: it and the threads both take the socket out of the threads' epoll
 * sets, and whoever comes second ends the process (seen in 0.9.75). The hidden one takes the place
 * of the socket under its number, which closes the socket at once and leaves the threads nothing to
 * do. */
void site_quiesce(struct site *site)
{
    if (site->daemon)
        CHECK(dup3(site->hidden, site->fd, O_CLOEXEC) == site->fd);
}

/* MHD_stop_daemon closes the socket that the daemon was given. */
void site_stop(struct site *site)
{
    if (site->daemon)
        MHD_stop_daemon(site->daemon);
    else if (site->fd >= 0)
        close(site->fd);
    if (site->hidden >= 0)
        close(site->hidden);
    site->fd = site->hidden = -1;
    site->daemon = NULL;
    tls_free(site->tls);
    tls_free_file(&site->client_ca);
}
