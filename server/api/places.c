/* SPDX-License-Identifier: MIT */
#include "api/places.h"

#include <jansson.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

struct places {
    json_t *root;
};

static json_t *read_beside(const char *catalogue_file, char *why, size_t why_size)
{
    json_error_t error;
    char path[4096];
    char *copy = strdup(catalogue_file);
    CHECK_PEER(copy);
    snprintf(path, sizeof path, "%s/provinces.json", dirname(copy));
    free(copy);
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        snprintf(why, why_size, "%s:%d: %s", path, error.line, error.text);
    return root;
}

enum status places_load(const char *catalogue_file, struct places **out, char *why, size_t why_size)
{
    json_t *root = read_beside(catalogue_file, why, why_size);
    if (!root)
        return INVALID;
    if (json_array_size(json_object_get(root, "provinces")) == 0) {
        snprintf(why, why_size, "provinces.json: no provinces");
        json_decref(root);
        return INVALID;
    }
    struct places *p = malloc(sizeof *p);
    CHECK_PEER(p);
    p->root = root;
    *out = p;
    return OK;
}

void places_free(struct places *p)
{
    if (!p)
        return;
    json_decref(p->root);
    free(p);
}

static bool names(json_t *entry, const char *name)
{
    size_t i;
    json_t *alias;
    const char *full = json_string_value(json_object_get(entry, "name"));
    if (full && strcmp(full, name) == 0)
        return true;
    json_array_foreach(json_object_get(entry, "short"), i, alias)
    {
        if (strcmp(json_string_value(alias) ? json_string_value(alias) : "", name) == 0)
            return true;
    }
    return false;
}

const char *place_province(const struct places *p, const char *name)
{
    size_t i;
    json_t *entry;
    json_array_foreach(json_object_get(p->root, "provinces"), i, entry)
    {
        if (names(entry, name))
            return json_string_value(json_object_get(entry, "name"));
    }
    return NULL;
}
