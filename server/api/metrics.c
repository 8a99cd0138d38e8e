/* SPDX-License-Identifier: MIT */
#include "api/metrics.h"

#include "api/app.h"
#include "api/handlers.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/process.h"
#include "base/version.h"
#include "jobs/figures.h"

void metrics_define(void)
{
    const char *names[METRIC_DEFINED_MAX];
    CHECK(routes_count <= METRIC_DEFINED_MAX && jobs_count <= METRIC_DEFINED_MAX);
    for (size_t i = 0; i < routes_count; i++)
        names[i] = routes[i].path;
    metrics_define_label("route", names, routes_count);
    for (size_t i = 0; i < jobs_count; i++)
        names[i] = jobs[i].name;
    metrics_define_label("job_name", names, jobs_count);
    metrics_define_label("version", (const char *const[]){program_version}, 1);
    metrics_define_label("commit", (const char *const[]){program_commit}, 1);
}

static void collect_server(struct server *server, struct metric_samples *samples)
{
    struct server_figures f;
    server_figures(server, &f);
    for (int lane = LANE_WORK; lane < LANES; lane++) {
        const char *name = lane_name((enum lane)lane);
        metric_sample(samples, METRIC_HTTP_QUEUED, (double)f.lanes[lane].queued, name);
        metric_sample(samples, METRIC_HTTP_QUEUE_LIMIT, (double)f.lanes[lane].limit, name);
        metric_sample(samples, METRIC_HTTP_RUNNING, (double)f.lanes[lane].running, name);
    }
    metric_sample(samples, METRIC_HTTP_IN_FLIGHT, (double)f.in_flight);
    metric_sample(samples, METRIC_HTTP_BODIES, (double)f.body_bytes);
    metric_sample(samples, METRIC_HTTP_BODIES_LIMIT, (double)f.body_limit_bytes);
    metric_sample(samples, METRIC_HTTP_UPLOADS, (double)f.upload_bytes);
    metric_sample(samples, METRIC_HTTP_UPLOADS_LIMIT, (double)f.upload_limit_bytes);
}

static void collect_certificates(struct server *server, struct metric_samples *samples)
{
    static const struct {
        enum listener kind;
        const char *name;
    } listeners[] = {{LISTENER_PUBLIC, "public"}, {LISTENER_OPERATOR, "operator"}};
    for (size_t i = 0; i < sizeof listeners / sizeof *listeners; i++) {
        int64_t us = server_certificate_expiry_us(server, listeners[i].kind);
        if (us)
            metric_sample(samples, METRIC_CERTIFICATE_EXPIRY, (double)us / SECOND_US,
                          listeners[i].name);
    }
}

static void collect_committer(struct committer *committer, struct metric_samples *samples)
{
    size_t length, limit;
    committer_queue(committer, &length, &limit);
    metric_sample(samples, METRIC_COMMIT_QUEUED, (double)length);
    metric_sample(samples, METRIC_COMMIT_QUEUE_LIMIT, (double)limit);
}

/* 0 is none. */
static int64_t earlier_us(int64_t one_us, int64_t other_us)
{
    return !one_us || (other_us && other_us < one_us) ? other_us : one_us;
}

/* One time a channel: merchants are not told apart by what is scraped. */
static void collect_merchants(const struct service *service, struct metric_samples *samples)
{
    struct wechat *wechats[CONFIG_MERCHANTS_MAX];
    struct alipay *alipays[CONFIG_MERCHANTS_MAX];
    size_t n_wechats = service_wechats(service, wechats);
    size_t n_alipays = service_alipays(service, alipays);
    int64_t wechat_us = 0, alipay_us = 0;
    for (size_t i = 0; i < n_wechats; i++)
        wechat_us = earlier_us(wechat_us, wechat_certificate_end_us(wechats[i]));
    for (size_t i = 0; i < n_alipays; i++)
        alipay_us = earlier_us(alipay_us, alipay_certificate_end_us(alipays[i]));
    if (wechat_us)
        metric_sample(samples, METRIC_MERCHANT_CERTIFICATE_EXPIRY, (double)wechat_us / SECOND_US,
                      "wechat");
    if (alipay_us)
        metric_sample(samples, METRIC_MERCHANT_CERTIFICATE_EXPIRY, (double)alipay_us / SECOND_US,
                      "alipay");
}

static void collect_process(struct metric_samples *samples)
{
    struct process_figures p;
    if (process_read(&p) != OK)
        return;
    metric_sample(samples, METRIC_PROCESS_CPU, p.cpu_s);
    metric_sample(samples, METRIC_PROCESS_RESIDENT, p.resident_bytes);
    metric_sample(samples, METRIC_PROCESS_VIRTUAL, p.virtual_bytes);
    metric_sample(samples, METRIC_PROCESS_FDS, p.fds);
    metric_sample(samples, METRIC_PROCESS_FDS_LIMIT, p.fds_limit);
    metric_sample(samples, METRIC_PROCESS_START, p.start_s);
    metric_sample(samples, METRIC_PROCESS_THREADS, p.threads);
}

static void collect(struct metric_samples *samples, void *arg)
{
    struct app *app = arg;
    struct server *server = atomic_load(&app->server);
    metric_sample(samples, METRIC_BUILD, 1, program_version, program_commit);
    collect_process(samples);
    if (server) {
        collect_server(server, samples);
        collect_certificates(server, samples);
    }
    collect_merchants(&app->service, samples);
    if (app->committer)
        collect_committer(app->committer, samples);
    if (app->figures)
        figures_collect(app->figures, samples);
}

static void release_text(void *text)
{
    buf_free(text);
}

void metrics_show(struct request *r)
{
    struct buf *text = arena_alloc(r->arena, sizeof *text);
    arena_defer(r->arena, release_text, text);
    metrics_write(text, collect, app_of(r));
    reply_bytes(r, 200, "text/plain; version=0.0.4; charset=utf-8", text->bytes, text->size);
}
