/* SPDX-License-Identifier: MIT */
#include "api/drafts.h"

#include <inttypes.h>
#include <string.h>

#include "api/answers.h"
#include "api/gate.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "http/limits.h"

const char *draft_subject(struct request *r)
{
    static const char *const subjects[] = {"self", "other", "child"};
    const char *subject = request_query(r, "subject");
    for (size_t i = 0; subject && i < sizeof subjects / sizeof *subjects; i++)
        if (strcmp(subject, subjects[i]) == 0)
            return subjects[i];
    if (subject)
        field_error(r, "?subject", "unknown", "self, other or child");
    return subjects[0];
}

static int64_t seconds_until(int64_t at_us, int64_t now_us)
{
    return at_us > now_us ? (at_us - now_us + SECOND_US - 1) / SECOND_US : 1;
}

static void refuse(struct request *r, const char *name, int64_t most, int64_t again_us)
{
    metric_count(METRIC_RATE_LIMITED, name);
    reply_add_header(r, "Retry-After",
                     arena_printf(r->arena, "%" PRId64, seconds_until(again_us, r->now_us)));
    reply_problem_with(r, PROBLEM_RATE_LIMITED, "quota",
                       json_pack("{s:s, s:I}", "name", name, "most", (json_int_t)most));
}

/* True after having answered for a quota that is used up. */
static bool refuse_over_quota(struct request *r, const struct upload_quota *quota)
{
    struct db *db = store_of(r)->db;
    int64_t end_us = r->now_us;
    if (db_refused_by(db, PHOTO_TOO_MANY_BYTES)) {
        refuse(r, "bytes", quota->bytes_a_day, day_start_us(day_of(r->now_us) + 1));
        return true;
    }
    if (!db_refused_by(db, PHOTO_TOO_MANY_DRAFTS))
        return false;
    if (photo_first_draft_end(store_of(r), r->arena, r->account_id, r->now_us, &end_us) != OK)
        end_us = r->now_us;
    refuse(r, "drafts", quota->drafts, end_us);
    return true;
}

static void reply_kept(struct request *r, const char *answer, const struct photo *photo,
                       json_t *report)
{
    if (!report) {
        reply_json_text(r, 201, answer);
        return;
    }
    json_t *whole = answer_photo(photo);
    json_object_set(whole, "report", report);
    reply_json(r, 201, whole);
}

static enum status store(struct request *r, struct photo *photo, struct span file,
                         const struct upload_quota *quota, const char **answer)
{
    struct photo_steps steps;
    struct step batch[PHOTO_STEPS + 1];
    struct rows rows[PHOTO_STEPS + 1];
    bool failed = false;
    enum status s =
        photo_create_steps(store_of(r), r->arena, r->account_id, quota, photo, file, &steps);
    if (s != OK)
        return s;
    *answer = json_text(r->arena, answer_photo(photo));
    const struct step *finish = gate_finish_step(r, 201, *answer, &failed);
    if (failed)
        return INTERNAL;
    memcpy(batch, steps.steps, sizeof steps.steps);
    if (finish)
        batch[PHOTO_STEPS] = *finish;
    return db_run_batch(store_of(r)->db, r->arena, batch, PHOTO_STEPS + (finish != NULL), rows);
}

void draft_keep(struct request *r, struct photo *photo, struct span file, json_t *report)
{
    const struct app *app = app_of(r);
    const struct limit_quota limit = limits_quota(app->limits);
    const struct upload_quota quota = {limit.drafts, limit.bytes_a_day};
    const char *answer = NULL;
    photo->created_us = r->now_us;
    photo->expires_us = r->now_us + app->service.config->retention.draft_ttl_us;
    enum status s = store(r, photo, file, &quota, &answer);
    if (s == OK)
        reply_kept(r, answer, photo, report);
    else if (!r->reply_status && !(s == CONFLICT && refuse_over_quota(r, &quota)))
        reply_status(r, s);
    json_decref(report);
}
