/* SPDX-License-Identifier: MIT */
/*
 * GET / and GET /web/{file}: the web client, files of server/web that are part of the program.
 *
 * Nothing but this server is asked by a page of ours, and nobody may frame it: the policy says so
 * to the browser (Content Security Policy, level 3).
 */
#include <sodium.h>
#include <string.h>

#include "api/handlers.h"
#include "base/embed.h"
#include "http/problem.h"
#include "http/text.h"

static const char security_policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static const struct {
    const char *ending, *type;
} types[] = {
    {".html", "text/html; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".svg", "image/svg+xml"},
};

static const char *type_of(const char *path)
{
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].ending, dot) == 0)
            return types[i].type;
    return NULL;
}

/* Of the bytes: two servers of the same version agree. */
static const char *etag_of(struct request *r, const struct embedded *e)
{
    unsigned char hash[16];
    char hex[2 * sizeof hash + 1];
    crypto_generichash(hash, sizeof hash, (const unsigned char *)e->bytes, e->size, NULL, 0);
    return arena_printf(r->arena, "\"%s\"", sodium_bin2hex(hex, sizeof hex, hash, sizeof hash));
}

static void reply_page(struct request *r, const struct embedded *e, const char *type)
{
    const char *etag = etag_of(r, e);
    reply_add_header(r, "ETag", etag);
    reply_add_header(r, "Cache-Control", "no-cache");
    reply_add_header(r, "Content-Security-Policy", security_policy);
    reply_add_header(r, "Permissions-Policy", "camera=(self), microphone=(), geolocation=()");
    reply_add_header(r, "Referrer-Policy", "no-referrer");
    reply_add_header(r, "Cross-Origin-Opener-Policy", "same-origin");
    if (text_names_etag(request_header_joined(r, "If-None-Match"), etag))
        reply_empty(r, 304);
    else
        reply_bytes(r, 200, type, e->bytes, e->size);
}

static void show(struct request *r, const char *file)
{
    const char *path = arena_printf(r->arena, "server/web/%s", file);
    const char *type = type_of(path);
    const struct embedded *e = embedded_files;
    while (e->path && strcmp(e->path, path) != 0)
        e++;
    if (e->path && type)
        reply_page(r, e, type);
    else
        reply_problem(r, PROBLEM_NOT_FOUND);
}

void web_show(struct request *r)
{
    show(r, "index.html");
}

void web_file(struct request *r)
{
    show(r, r->params[0]);
}
