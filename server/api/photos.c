/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "api/answers.h"
#include "api/drafts.h"
#include "api/gate.h"
#include "api/handlers.h"
#include "base/clock.h"
#include "image/photo.h"
#include "image/specs.h"
#include "store/lifetime.h"

static bool read_query(struct request *r, struct photo *photo)
{
    if (!query_known(r, (const char *const[]){"spec", "subject", NULL}))
        return false;
    photo->spec = request_query(r, "spec");
    photo->subject = draft_subject(r);
    if (photo->spec && !spec_find(app_of(r)->specs, photo->spec))
        field_error(r, "?spec", "unknown", "must be the id of a specification of GET /v1/specs");
    if (has_field_errors(r))
        reply_problem(r, PROBLEM_INVALID_MEMBERS);
    return !has_field_errors(r);
}

/* Decodes, strips and measures the upload; the clean bytes live as long as the request. */
static bool clean_upload(struct request *r, struct photo *photo, struct span *file)
{
    struct photo_facts facts;
    struct buf *clean = arena_buf(r->arena);
    enum status s = photo_clean(r->body, r->body_size, &facts, clean);
    if (s != OK) {
        if (s == INVALID)
            reply_problem(r, PROBLEM_IMAGE_UNDECODABLE);
        else
            reply_status(r, s);
        return false;
    }
    photo->format = photo_format_name(facts.format);
    photo->width_px = facts.width_px;
    photo->height_px = facts.height_px;
    photo->dpi = facts.dpi;
    photo->bytes = (int64_t)clean->size;
    *file = (struct span){clean->bytes, clean->size};
    return true;
}

void photo_post(struct request *r)
{
    struct photo photo = {.created_us = r->now_us};
    struct span file;
    const struct config *config = app_of(r)->service.config;
    if (r->body_size > (size_t)config->server.max_photo_bytes) {
        reply_problem(r, PROBLEM_BODY_TOO_LARGE);
        return;
    }
    if (!read_query(r, &photo) || !clean_upload(r, &photo, &file))
        return;
    draft_keep(r, &photo, file, NULL);
}

void photo_show(struct request *r)
{
    struct uuid id;
    struct photo photo;
    if (!param_id(r, 0, "pho_", &id))
        return;
    enum status s = photo_read(store_of(r), r->arena, r->account_id, &id, r->now_us, &photo);
    if (s == OK)
        reply_json(r, 200, answer_photo(&photo));
    else
        reply_status(r, s);
}

void photo_delete(struct request *r)
{
    struct uuid id;
    struct photo photo;
    bool force;
    if (!param_id(r, 0, "pho_", &id) || !query_known(r, (const char *const[]){"force", NULL}) ||
        !query_flag(r, "force", &force) || (force && !gate_is_fresh(r)))
        return;
    enum status s = photo_read(store_of(r), r->arena, r->account_id, &id, r->now_us, &photo);
    if (s == OK)
        s = erase_photo(store_of(r), r->arena, r->account_id, &id, r->now_us, force);
    if (s == OK)
        reply_empty(r, 204);
    else if (s == CONFLICT)
        reply_problem(r, PROBLEM_IN_FULFILMENT);
    else
        reply_status(r, s);
}
