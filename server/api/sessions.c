/* SPDX-License-Identifier: MIT */
#include "api/gate.h"
#include "api/handlers.h"

static void reply_done(struct request *r, enum status s)
{
    if (s == OK)
        reply_empty(r, 204);
    else
        reply_status(r, s);
}

void session_delete_current(struct request *r)
{
    reply_done(r, session_end(store_of(r), r->arena, r->account_id, gate_session(r)->session_id));
}

void session_delete_every(struct request *r)
{
    reply_done(r, session_end_all(store_of(r), r->arena, r->account_id));
}
