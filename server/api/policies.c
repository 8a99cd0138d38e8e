/* SPDX-License-Identifier: MIT */
#include "api/policies.h"

#include <openssl/evp.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/clock.h"

struct policies {
    struct policy *items; /* by effective_us, oldest first */
    size_t count;
};

static enum status read_file(const char *path, struct buf *out)
{
    char chunk[4096];
    size_t n;
    FILE *f = fopen(path, "re");
    if (!f)
        return NOT_FOUND;
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
        buf_add(out, chunk, n);
    bool good = !ferror(f);
    fclose(f);
    return good ? OK : NOT_FOUND;
}

static char *sha256_text(const struct buf *text, char out[65])
{
    unsigned char hash[32];
    unsigned n;
    CHECK_PEER(EVP_Digest(text->bytes, text->size, hash, &n, EVP_sha256(), NULL) == 1);
    return sodium_bin2hex(out, 65, hash, sizeof hash);
}

/* The entry of the index becomes the document: the file's name goes, its text and hash come. */
static enum status add_text(json_t *document, const char *dir, char *why, size_t why_size)
{
    char path[4096], hash[65];
    struct buf text = {0};
    const char *file = json_string_value(json_object_get(document, "file"));
    snprintf(path, sizeof path, "%s/%s", dir, file ? file : "");
    enum status s = file ? read_file(path, &text) : NOT_FOUND;
    json_t *string = s == OK ? json_stringn((const char *)text.bytes, text.size) : NULL;
    if (string) {
        json_object_set_new(document, "sha256", json_string(sha256_text(&text, hash)));
        json_object_set_new(document, "text", string);
        json_object_del(document, "file");
    } else {
        snprintf(why, why_size, "%s: missing, or not UTF-8", path);
        s = INVALID;
    }
    buf_free(&text);
    return s;
}

/* Texts that belong to one purpose, such as the web client's; none where the index names none. */
static enum status add_supplements(json_t *document, const char *dir, char *why, size_t why_size)
{
    size_t i;
    json_t *supplement, *list = json_object_get(document, "supplements");
    enum status s = OK;
    if (!list)
        json_object_set_new(document, "supplements", json_array());
    json_array_foreach(list, i, supplement)
    {
        if (s == OK)
            s = add_text(supplement, dir, why, why_size);
    }
    return s;
}

/* One segment of GET /v1/policy/{version}. */
static bool is_version(const char *version)
{
    size_t n = strlen(version);
    return n >= 1 && n <= 40 && strcspn(version, "/?#% ") == n;
}

static bool has_purposes(json_t *entry)
{
    size_t i;
    json_t *purpose, *list = json_object_get(entry, "purposes");
    json_array_foreach(list, i, purpose)
    {
        if (!json_is_string(json_object_get(purpose, "code")))
            return false;
    }
    return json_is_array(list);
}

static bool names_purpose(json_t *entry, const char *code)
{
    size_t i;
    json_t *purpose;
    json_array_foreach(json_object_get(entry, "purposes"), i, purpose)
    {
        if (code && strcmp(json_string_value(json_object_get(purpose, "code")), code) == 0)
            return true;
    }
    return false;
}

static bool has_supplements(json_t *entry)
{
    size_t i;
    json_t *supplement, *list = json_object_get(entry, "supplements");
    json_array_foreach(list, i, supplement)
    {
        if (!names_purpose(entry, json_string_value(json_object_get(supplement, "purpose"))))
            return false;
    }
    return !list || json_is_array(list);
}

static bool is_whole(json_t *entry, struct policy *out)
{
    const char *effective;
    int major;
    if (json_unpack(entry, "{s:s, s:s, s:b}", "version", &out->version, "effective_at", &effective,
                    "major", &major) != 0)
        return false;
    out->major = major != 0;
    return is_version(out->version) && time_parse(effective, &out->effective_us) == OK &&
           has_purposes(entry) && has_supplements(entry) &&
           json_is_array(json_object_get(entry, "permissions")) &&
           json_is_object(json_object_get(entry, "retention")) &&
           json_is_object(json_object_get(entry, "contact"));
}

static enum status read_policy(struct policies *p, json_t *entry, const char *dir, char *why,
                               size_t why_size)
{
    struct policy *policy = &p->items[p->count];
    if (!is_whole(entry, policy) || policy_find(p, policy->version)) {
        snprintf(why, why_size,
                 "%s/policies.json: entry %zu lacks a member, has a wrong one, or a version that "
                 "is there already",
                 dir, p->count);
        return INVALID;
    }
    policy->document = json_incref(entry);
    p->count++;
    enum status s = add_text(entry, dir, why, why_size);
    return s == OK ? add_supplements(entry, dir, why, why_size) : s;
}

static int by_time(const void *a, const void *b)
{
    const struct policy *x = a, *y = b;
    return (x->effective_us > y->effective_us) - (x->effective_us < y->effective_us);
}

static json_t *read_index(const char *dir, char *why, size_t why_size)
{
    json_error_t error;
    char path[4096];
    snprintf(path, sizeof path, "%s/policies.json", dir);
    json_t *index = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!index)
        snprintf(why, why_size, "%s:%d: %s", path, error.line, error.text);
    else if (json_array_size(index) == 0)
        snprintf(why, why_size, "%s: no policies", path);
    return index;
}

enum status policies_load(const char *dir, struct policies **out, char *why, size_t why_size)
{
    json_t *index = read_index(dir, why, why_size);
    size_t n = json_array_size(index);
    struct policies *p = calloc(1, sizeof *p);
    CHECK_PEER(p);
    p->items = calloc(n + 1, sizeof *p->items);
    CHECK_PEER(p->items);
    enum status s = n ? OK : INVALID;
    for (size_t i = 0; s == OK && i < n; i++)
        s = read_policy(p, json_array_get(index, i), dir, why, why_size);
    json_decref(index);
    if (s != OK) {
        policies_free(p);
        return s;
    }
    qsort(p->items, p->count, sizeof *p->items, by_time);
    *out = p;
    return OK;
}

void policies_free(struct policies *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->count; i++)
        json_decref(p->items[i].document);
    free(p->items);
    free(p);
}

const struct policy *policy_current(const struct policies *p, int64_t now_us)
{
    size_t i = p->count - 1;
    while (i > 0 && p->items[i].effective_us > now_us)
        i--;
    return &p->items[i];
}

const struct policy *policy_find(const struct policies *p, const char *version)
{
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->items[i].version, version) == 0)
            return &p->items[i];
    return NULL;
}

bool policy_is_enough(const struct policies *p, const char *version, int64_t now_us)
{
    const struct policy *agreed = policy_find(p, version);
    if (!agreed)
        return false;
    for (size_t i = 0; i < p->count; i++) {
        const struct policy *other = &p->items[i];
        if (other->major && other->effective_us > agreed->effective_us &&
            other->effective_us <= now_us)
            return false;
    }
    return true;
}

bool policy_has_purpose(const struct policies *p, const char *purpose, int64_t now_us)
{
    return names_purpose(policy_current(p, now_us)->document, purpose);
}
