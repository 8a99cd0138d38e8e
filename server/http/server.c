/* SPDX-License-Identifier: MIT */
#include "http/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/site.h"

enum { POLL_US = 5000 };
/* After the drain, answers that are ready still get this long to leave. */
#define FAREWELL_US SECOND_US

static unsigned or_default(unsigned n, unsigned standard)
{
    return n ? n : standard;
}

static int64_t or_time(int64_t us, int64_t standard_us)
{
    return us ? us : standard_us;
}

static void fill_defaults(struct server_options *o)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned cores = online > 0 ? (unsigned)online : 1;
    o->io_threads = or_default(o->io_threads, cores);
    o->workers = or_default(o->workers, 16);
    o->queue = or_default(o->queue, 1024);
    o->callback_workers = or_default(o->callback_workers, cores);
    o->callback_queue = or_default(o->callback_queue, 1024);
    o->image_workers = or_default(o->image_workers, cores);
    o->image_queue = or_default(o->image_queue, 64);
    o->max_connections = or_default(o->max_connections, 4096);
    o->header_deadline_us = or_time(o->header_deadline_us, 10 * SECOND_US);
    o->body_deadline_us = or_time(o->body_deadline_us, 30 * SECOND_US);
    o->handler_deadline_us = or_time(o->handler_deadline_us, 15 * SECOND_US);
    o->idle_deadline_us = or_time(o->idle_deadline_us, 60 * SECOND_US);
    if (!o->body_memory_bytes)
        o->body_memory_bytes = (size_t)256 << 20;
    if (!o->upload_memory_bytes)
        o->upload_memory_bytes = (size_t)256 << 20;
}

static void tick(void *server)
{
    struct server *s = server;
    executor_expire(s->executor, clock_boot_us());
}

static void start_executor(struct server *s)
{
    const struct server_options *o = &s->options;
    s->executor = executor_new(&(struct executor_options){
        .workers = o->workers,
        .queue = o->queue,
        .callback_workers = o->callback_workers,
        .callback_queue = o->callback_queue,
        .image_workers = o->image_workers,
        .image_queue = o->image_queue,
        .app = o->app,
        .worker_open = o->worker_open,
        .worker_close = o->worker_close,
        .finish = exchange_finish,
    });
}

static enum status start_sites(struct server *s, char *why, size_t why_size)
{
    const struct server_options *o = &s->options;
    s->sites = calloc(o->n_listeners + 1, sizeof *s->sites);
    CHECK_PEER(s->sites);
    for (; s->n_sites < o->n_listeners; s->n_sites++) {
        struct site *site = &s->sites[s->n_sites];
        site->server = s;
        site->options = &o->listeners[s->n_sites];
        site->table = (struct route_table){o->routes, o->n_routes, site->options->kind};
        enum status status = site_start(site, why, why_size);
        if (status != OK) {
            site_stop(site);
            return status;
        }
    }
    return OK;
}

enum status server_start(const struct server_options *options, struct server **out, char *why,
                         size_t why_size)
{
    struct server *s = calloc(1, sizeof *s);
    CHECK_PEER(s);
    s->options = *options;
    fill_defaults(&s->options);
    s->bodies.most = (int64_t)s->options.body_memory_bytes;
    s->uploads.most = (int64_t)s->options.upload_memory_bytes;
    if (proxy_list_new(options->trusted_proxies, &s->proxies) != OK) {
        snprintf(why, why_size, "trusted_proxies: not a list of addresses or CIDR blocks");
        free(s);
        return INVALID;
    }
    start_executor(s);
    s->watch = watch_new(tick, s);
    enum status status = start_sites(s, why, why_size);
    if (status != OK) {
        server_stop(s, 0);
        return status;
    }
    *out = s;
    return OK;
}

unsigned server_port(const struct server *s, size_t i)
{
    CHECK(i < s->n_sites);
    return s->sites[i].port;
}

/* Waits until no request is left, or until the time. */
static void await_end(struct server *s, int64_t until_us)
{
    while (atomic_load(&s->exchanges) > 0 && clock_boot_us() < until_us) {
        watch_cut_idle(s->watch);
        usleep(POLL_US);
    }
}

/* Deferred requests are waited for like running handlers: whoever holds them answers each. */
static void await_resumed(struct server *s)
{
    while (atomic_load(&s->deferred) > 0)
        usleep(POLL_US);
}

void server_stop(struct server *s, int64_t drain_us)
{
    if (!s)
        return;
    atomic_store(&s->draining, true);
    for (size_t i = 0; i < s->n_sites; i++)
        site_quiesce(&s->sites[i]);
    await_end(s, clock_boot_us() + drain_us);
    atomic_store(&s->ending, true);
    /* running handlers are waited for, whatever they take: their connections are suspended, and
     * stopping libmicrohttpd with suspended connections is undefined */
    executor_stop(s->executor);
    await_resumed(s);
    await_end(s, clock_boot_us() + FAREWELL_US);
    for (size_t i = 0; i < s->n_sites; i++)
        site_stop(&s->sites[i]);
    watch_free(s->watch);
    executor_free(s->executor);
    proxy_list_free(s->proxies);
    free(s->sites);
    free(s);
}

int64_t server_certificate_expiry_us(const struct server *s, enum listener kind)
{
    for (size_t i = 0; i < s->n_sites; i++)
        if (s->sites[i].table.kind == kind && s->sites[i].tls)
            return tls_expiry_us(s->sites[i].tls);
    return 0;
}

enum status server_reload_tls(struct server *s)
{
    enum status worst = OK;
    for (size_t i = 0; i < s->n_sites; i++) {
        if (!s->sites[i].tls)
            continue;
        enum status status = tls_reload(s->sites[i].tls);
        if (status == OK)
            log_info("http.tls-reloaded", LOG_INT("listener", i));
        else
            log_error("http.tls-kept", LOG_INT("listener", i),
                      LOG_STR("status", status_name(status)));
        worst = status == OK ? worst : status;
    }
    return worst;
}

void server_figures(struct server *s, struct server_figures *out)
{
    executor_figures(s->executor, out);
    out->in_flight = atomic_load(&s->exchanges);
    out->body_bytes = atomic_load(&s->bodies.bytes);
    out->body_limit_bytes = s->bodies.most;
    out->upload_bytes = atomic_load(&s->uploads.bytes);
    out->upload_limit_bytes = s->uploads.most;
}
