/* SPDX-License-Identifier: MIT */
/* `idphotod serve`: start in order, wait for signals, drain. */
#include <signal.h>
#include <stdio.h>

#include "api/app.h"
#include "api/gate.h"
#include "api/metrics.h"
#include "base/clock.h"
#include "commands.h"
#include "jobs/certificates.h"
#include "jobs/figures.h"
#include "store/migrate.h"

#define DRAIN_US (20 * SECOND_US)

/* Threads inherit the mask: signals are taken by sigwait in the main thread alone. */
static sigset_t block_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return set;
}

static enum status replay_erasures(struct job_context *c, struct vault *vault)
{
    struct erasure_set *set;
    int64_t deleted = 0;
    enum status s = erasures_load(vault, &set);
    if (s != OK)
        return s;
    c->arena = arena_new();
    s = erasures_replay(&c->store, c->arena, set, &deleted);
    arena_free(c->arena);
    erasures_free(set);
    if (deleted)
        log_warn("erasures.replayed", LOG_INT("rows", deleted));
    return s;
}

/* Before anything is served: the schema is ours, what people erased stays erased, this host's
 * ratchet is not behind, partitions are there. */
static enum status prepare(const struct app *app)
{
    const char *outcome;
    struct job_context c;
    job_context_open(&c, &app->service);
    struct arena *a = arena_new();
    enum status s = migrate_verify(c.store.db, a);
    if (s == NOT_FOUND || s == CONFLICT || s == INTERNAL)
        fprintf(stderr, "idphotod: the schema is not this program's; run idphotod migrate up\n");
    arena_free(a);
    if (s == OK)
        s = replay_erasures(&c, app->service.vault);
    if (s == OK)
        s = jobs_catch_up(&c, &outcome);
    job_context_close(&c);
    return s;
}

/* listeners is borrowed for as long as the server runs. */
static enum status start_server(struct app *app, struct server_listener listeners[2],
                                struct server **out, char *why, size_t why_size)
{
    const struct config *c = app->service.config;
    listeners[0] = (struct server_listener){c->server.at.listen, c->server.at.tls_cert,
                                            c->server.at.tls_key, NULL, LISTENER_PUBLIC};
    listeners[1] = (struct server_listener){c->operator_.at.listen, c->operator_.at.tls_cert,
                                            c->operator_.at.tls_key, c->operator_.at.client_ca,
                                            LISTENER_OPERATOR};
    const struct server_options options = {
        .listeners = listeners,
        .n_listeners = 2,
        .routes = routes,
        .n_routes = routes_count,
        .io_threads = (unsigned)c->server.io_threads,
        .workers = (unsigned)c->server.workers,
        .queue = (unsigned)c->server.queue,
        .callback_workers = (unsigned)c->server.callback_workers,
        .callback_queue = (unsigned)c->server.queue,
        .image_workers = (unsigned)c->server.image_workers,
        .image_queue = (unsigned)c->server.image_queue,
        .upload_memory_bytes = (size_t)c->server.upload_budget,
        .trusted_proxies = c->server.trusted_proxies,
        .cors_origins = c->server.cors_origins,
        .limits = app->limits,
        .app = app,
        .worker_open = worker_open,
        .worker_close = worker_close,
        .dispatch = gate_dispatch,
    };
    return server_start(&options, out, why, why_size);
}

static void wait_for_end(const struct app *app, struct server *server, const sigset_t *signals)
{
    int number;
    while (sigwait(signals, &number) == 0) {
        if (number != SIGHUP)
            return;
        certificates_renew(app->service.certificates);
        log_info("serve.reload", LOG_STR("tls", status_name(server_reload_tls(server))));
    }
}

static enum status serve(struct app *app, const sigset_t *signals, char *why, size_t why_size)
{
    struct server *server;
    struct server_listener listeners[2];
    struct scheduler *scheduler = NULL;
    app->figures = figures_start(&app->service);
    certificates_start(app->service.certificates, &app->service);
    app->committer = committer_start(&app->service, (size_t)app->service.config->server.queue);
    enum status s = start_server(app, listeners, &server, why, why_size);
    if (s != OK) {
        committer_stop(app->committer);
        figures_stop(app->figures);
        return s;
    }
    atomic_store(&app->server, server);
    if (app->service.config->scheduler_enabled)
        scheduler = scheduler_start(&app->service);
    log_info("serve.listening", LOG_INT("public_port", server_port(server, 0)),
             LOG_INT("operator_port", server_port(server, 1)));
    wait_for_end(app, server, signals);
    log_info("serve.draining");
    atomic_store(&app->service.stopping, true);
    server_stop(server, DRAIN_US);
    committer_stop(app->committer);
    scheduler_stop(scheduler);
    figures_stop(app->figures);
    log_info("serve.stopped");
    return OK;
}

int command_serve(const struct config *c, const struct command_line *line)
{
    char why[512] = "";
    struct app *app;
    if (line->count != 0)
        return EXIT_USAGE;
    sigset_t signals = block_signals();
    enum status s = app_open(c, &app, why, sizeof why);
    if (s != OK) {
        fprintf(stderr, "idphotod: %s\n", why);
        return EXIT_CONFIG;
    }
    metrics_define();
    s = prepare(app);
    if (s == OK)
        s = serve(app, &signals, why, sizeof why);
    if (s != OK)
        fprintf(stderr, "idphotod: cannot serve: %s %s\n", status_name(s), why);
    app_close(app);
    return exit_of(s);
}
