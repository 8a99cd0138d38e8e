/* SPDX-License-Identifier: MIT */
/*
 * What handlers have to hand: the service, the catalogue, the policies.
 *
 * struct app is made once and read from any thread; struct worker belongs to
 * one worker thread (a connection to the database, one to the providers).
 */
#ifndef IDPHOTOD_API_APP_H
#define IDPHOTOD_API_APP_H

#include <stdatomic.h>

#include "http/body.h"
#include "http/problem.h"
#include "http/request.h"
#include "http/server.h"
#include "jobs/committer.h"
#include "jobs/scheduler.h"
#include "jobs/service.h"

struct catalogue;
struct figures;
struct policies;
struct places;
struct limits;
struct specs;
struct gates;
struct idphoto;
struct models;

struct app {
    struct service service;
    struct committer *committer; /* while the server runs */
    struct catalogue *catalogue;
    struct policies *policies;
    struct places *places;
    struct specs *specs;
    struct gates *gates;
    struct models *models;
    struct limits *limits; /* NULL: off */
    /* for GET /metrics; serve.c sets them */
    struct figures *figures;
    _Atomic(struct server *) server; /* NULL until it has started */
};

/* Opens all of it as the configuration says. Returns owned. */
enum status app_open(const struct config *config, struct app **out, char *why,
                     size_t why_size) MUST_USE;
void app_close(struct app *app);
/* Reads every table and model that the configuration names, as app_open does, and nothing else. */
enum status app_check(const struct config *config, char *why, size_t why_size) MUST_USE;

struct worker {
    struct app *app;
    struct store store;
    struct provider provider;
    struct idphoto *core;     /* of LANE_IMAGE alone */
    int64_t verified_boot_us; /* when the schema was last found to be the expected one */
};
/* For server_options. */
void *worker_open(void *app, enum lane lane);
void worker_close(void *worker);

static inline struct app *app_of(const struct request *r)
{
    return r->app;
}

static inline struct store *store_of(const struct request *r)
{
    return &((struct worker *)r->worker)->store;
}

/* The one route table. */
extern const struct route routes[];
extern const size_t routes_count;

#endif
