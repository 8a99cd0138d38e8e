/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "api/app.h"
#include "api/handlers.h"
#include "base/check.h"
#include "base/embed.h"
#include "store/migrate.h"

void livez(struct request *r)
{
    reply_json(r, 200, json_pack("{s:s}", "status", "ok"));
}

/* Ready: the database answers and has exactly this program's schema. */
void readyz(struct request *r)
{
    enum status s = migrate_verify(store_of(r)->db, r->arena);
    if (s == OK) {
        reply_json(r, 200, json_pack("{s:s}", "status", "ok"));
        return;
    }
    reply_add_header(r, "Retry-After", "1");
    reply_json(r, 503,
               json_pack("{s:s, s:s}", "status", "unavailable", "reason",
                         s == UNAVAILABLE ? "database" : "schema"));
}

void openapi_show(struct request *r)
{
    for (const struct embedded *e = embedded_files; e->path; e++)
        if (strcmp(e->path, "server/api/openapi.json") == 0) {
            reply_bytes(r, 200, "application/json", e->bytes, e->size);
            return;
        }
    CHECK(!"the API description is part of the program");
}
