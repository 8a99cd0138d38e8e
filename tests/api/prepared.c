/* SPDX-License-Identifier: MIT */
#include "prepared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shape.h"
#include "step.h"

struct answer callback_prepared(const char *name, const char *fault)
{
    keep_set("prepared.no", keep_get(name));
    keep_set("prepared.fault", fault);
    const struct step prepare = {
        .call = "POST sandbox:/sandbox/callback",
        .body = "{'out_trade_no': '{{prepared.no}}', 'fault': '{{prepared.fault}}'}"};
    return step_send(&prepare);
}

char *callback_headers(const struct answer *prepared, const char *without)
{
    char *text = NULL;
    size_t n;
    const char *name;
    json_t *value;
    FILE *f = open_memstream(&text, &n);
    json_object_foreach(json_object_get(prepared->json, "headers"), name, value)
    {
        if (!without || strcasecmp(name, without) != 0)
            fprintf(f, "%s: %s\n", name, json_string_value(value));
    }
    fclose(f);
    return text;
}

struct answer callback_send(const struct answer *prepared, const char *path_more)
{
    const char *url = json_string_value(json_object_get(prepared->json, "url"));
    const char *body = json_string_value(json_object_get(prepared->json, "body"));
    char *headers = callback_headers(prepared, NULL), *whole = NULL;
    struct answer a = {0};
    if (url && body && asprintf(&whole, "%s%s", url, path_more) > 0) {
        const struct request r = {
            .method = "POST", .url = whole, .headers = headers, .body = {body, strlen(body)}};
        a = http_send(&r);
    }
    free(whole);
    free(headers);
    return a;
}
