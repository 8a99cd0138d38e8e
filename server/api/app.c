/* SPDX-License-Identifier: MIT */
#include "api/app.h"

#include <stdlib.h>

#include "api/catalogue.h"
#include "api/places.h"
#include "api/policies.h"
#include "base/check.h"
#include "http/limits.h"
#include "image/gates.h"
#include "image/models.h"
#include "image/photo.h"
#include "image/specs.h"

/* What the configuration names beside keys and database. */
static enum status load_tables(struct app *app, const struct config *config, char *why,
                               size_t why_size)
{
    enum status s = catalogue_load(config->catalogue_file, &app->catalogue, why, why_size);
    if (s == OK)
        s = policies_load(config->policy_dir, &app->policies, why, why_size);
    if (s == OK)
        s = places_load(config->catalogue_file, &app->places, why, why_size);
    if (s == OK)
        s = specs_load(config->specs_dir, &app->specs, why, why_size);
    if (s == OK)
        s = gates_load(config->image.gates_file, &app->gates, why, why_size);
    if (s == OK && config->server.rate_limits)
        s = limits_load(config->limits_file, &app->limits, why, why_size);
    if (s == OK)
        s = models_load(config->image.face_model, config->image.landmark_model,
                        config->image.matting_model, &app->models, why, why_size);
    return s;
}

static void free_tables(struct app *app)
{
    models_free(app->models);
    limits_free(app->limits);
    gates_free(app->gates);
    specs_free(app->specs);
    places_free(app->places);
    policies_free(app->policies);
    catalogue_free(app->catalogue);
}

enum status app_check(const struct config *config, char *why, size_t why_size)
{
    struct app app = {0};
    enum status s = load_tables(&app, config, why, why_size);
    free_tables(&app);
    return s;
}

enum status app_open(const struct config *config, struct app **out, char *why, size_t why_size)
{
    struct app *app = calloc(1, sizeof *app);
    CHECK_PEER(app);
    enum status s = service_open(config, &app->service, why, why_size);
    if (s == OK)
        s = load_tables(app, config, why, why_size);
    if (s == OK)
        s = image_start();
    if (s == OK)
        *out = app;
    else
        app_close(app);
    return s;
}

void app_close(struct app *app)
{
    if (!app)
        return;
    free_tables(app);
    if (app->service.config)
        service_close(&app->service);
    image_stop();
    free(app);
}

void *worker_open(void *arg, enum lane lane)
{
    struct app *app = arg;
    struct worker *w = calloc(1, sizeof *w);
    CHECK_PEER(w);
    w->app = app;
    w->store = (struct store){db_new(&app->service.db_options), app->service.vault};
    w->provider = (struct provider){.service = &app->service, .client = client_new()};
    if (lane == LANE_IMAGE)
        w->core = models_open(app->models);
    return w;
}

void worker_close(void *arg)
{
    struct worker *w = arg;
    db_free(w->store.db);
    client_free(w->provider.client);
    idphoto_free(w->core);
    free(w);
}
