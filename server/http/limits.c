/* SPDX-License-Identifier: MIT */
#include "http/limits.h"

#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "http/problem.h"
#include "http/proxy.h"

enum { WAYS = 8, STRIPES = 64, CLASSES_MAX = 16, BYS = 2, NAME_MOST = 20, CALLER_MOST = 16 };
enum { REQUESTS_MOST = 1000000, WINDOW_MOST_S = 86400, DRAFTS_MOST = 10000 };
#define BYTES_MOST (1LL << 40)

static const char *const by_names[BYS] = {[LIMIT_ADDRESS] = "address", [LIMIT_ACCOUNT] = "account"};

/* requests 0: no limit */
struct limit {
    int64_t requests, window_us, burst;
};

struct limit_class {
    char name[NAME_MOST + 1];
    struct limit by[BYS];
};

/* due_us: the theoretical arrival time: when the caller has its whole allowance again. */
struct slot {
    uint64_t key;
    int64_t due_us;
};

struct limits {
    struct limit_class classes[CLASSES_MAX];
    size_t count;
    struct limit_quota quota;
    unsigned char key[crypto_shorthash_KEYBYTES];
    pthread_mutex_t locks[STRIPES];
    struct slot slots[LIMIT_SLOTS];
};

/* ---- the table ---- */

static bool read_number(json_t *object, const char *name, int64_t most, int64_t *out)
{
    json_t *value = json_object_get(object, name);
    if (!json_is_integer(value) || json_integer_value(value) < 1 ||
        json_integer_value(value) > most)
        return false;
    *out = json_integer_value(value);
    return true;
}

static bool read_limit(json_t *object, struct limit *out)
{
    int64_t window_s = 0;
    if (!read_number(object, "requests", REQUESTS_MOST, &out->requests) ||
        !read_number(object, "window_s", WINDOW_MOST_S, &window_s))
        return false;
    out->window_us = window_s * SECOND_US;
    out->burst = out->requests;
    bool has_burst = json_object_get(object, "burst") != NULL;
    return json_object_size(object) == 2 + (size_t)has_burst &&
           (!has_burst || read_number(object, "burst", out->requests, &out->burst));
}

static bool read_class(const char *name, json_t *object, struct limit_class *out)
{
    size_t known = 0;
    size_t n = strlen(name);
    if (n < 1 || n > NAME_MOST || strspn(name, "abcdefghijklmnopqrstuvwxyz-") != n)
        return false;
    memcpy(out->name, name, n + 1);
    for (int by = 0; by < BYS; by++) {
        json_t *one = json_object_get(object, by_names[by]);
        if (one && !read_limit(one, &out->by[by]))
            return false;
        known += one != NULL;
    }
    return json_is_object(object) && json_object_size(object) == known;
}

/* Not a class: its numbers are no rates. */
static bool read_quota(json_t *object, struct limit_quota *out)
{
    size_t known = 0;
    if (json_object_get(object, "drafts"))
        known += read_number(object, "drafts", DRAFTS_MOST, &out->drafts);
    if (json_object_get(object, "bytes_a_day"))
        known += read_number(object, "bytes_a_day", BYTES_MOST, &out->bytes_a_day);
    return json_is_object(object) && known == json_object_size(object);
}

static enum status read_classes(struct limits *l, json_t *root, const char *file, char *why,
                                size_t why_size)
{
    const char *name;
    json_t *object;
    if (!json_is_object(root) || json_object_size(root) > CLASSES_MAX + 1) {
        snprintf(why, why_size, "%s: expected an object of at most %d classes", file, CLASSES_MAX);
        return INVALID;
    }
    json_object_foreach(root, name, object)
    {
        if (strcmp(name, "quota") == 0) {
            if (read_quota(object, &l->quota))
                continue;
            snprintf(why, why_size, "%s: quota: expected drafts (1..%d) and bytes_a_day (1..%lld)",
                     file, DRAFTS_MOST, (long long)BYTES_MOST);
            return INVALID;
        }
        if (l->count == CLASSES_MAX || !read_class(name, object, &l->classes[l->count])) {
            snprintf(why, why_size,
                     "%s: class %zu: expected address and account with requests (1..%d), window_s"
                     " (1..%d) and burst (at most requests)",
                     file, l->count, REQUESTS_MOST, WINDOW_MOST_S);
            return INVALID;
        }
        l->count++;
    }
    return OK;
}

struct limit_quota limits_quota(const struct limits *l)
{
    return l ? l->quota : (struct limit_quota){0};
}

enum status limits_load(const char *file, struct limits **out, char *why, size_t why_size)
{
    json_error_t error;
    json_t *root = json_load_file(file, JSON_REJECT_DUPLICATES, &error);
    if (!root) {
        snprintf(why, why_size, "%s:%d: %s", file, error.line, error.text);
        return INVALID;
    }
    struct limits *l = calloc(1, sizeof *l);
    CHECK_PEER(l);
    crypto_shorthash_keygen(l->key);
    for (int i = 0; i < STRIPES; i++)
        CHECK_PEER(pthread_mutex_init(&l->locks[i], NULL) == 0);
    enum status s = read_classes(l, root, file, why, why_size);
    json_decref(root);
    if (s == OK)
        *out = l;
    else
        limits_free(l);
    return s;
}

void limits_free(struct limits *l)
{
    if (!l)
        return;
    for (int i = 0; i < STRIPES; i++)
        pthread_mutex_destroy(&l->locks[i]);
    free(l);
}

/* ---- counting ---- */

static const struct limit_class *find_class(const struct limits *l, const char *name)
{
    for (size_t i = 0; i < l->count; i++)
        if (strcmp(l->classes[i].name, name) == 0)
            return &l->classes[i];
    return NULL;
}

static uint64_t key_of(const struct limits *l, const struct limit_class *class, enum limit_by by,
                       const void *caller, size_t n)
{
    unsigned char text[2 + CALLER_MOST], hash[crypto_shorthash_BYTES];
    uint64_t key;
    CHECK(n <= CALLER_MOST);
    text[0] = (unsigned char)(class - l->classes);
    text[1] = (unsigned char)by;
    memcpy(text + 2, caller, n);
    crypto_shorthash(hash, text, 2 + n, l->key);
    memcpy(&key, hash, sizeof key);
    return key ? key : 1;
}

/* The caller's slot, or the one of the set whose owner is nearest to a full allowance. */
static struct slot *find_slot(struct slot *set, uint64_t key)
{
    struct slot *oldest = set;
    for (int i = 0; i < WAYS; i++) {
        if (set[i].key == key)
            return &set[i];
        if (set[i].due_us < oldest->due_us)
            oldest = &set[i];
    }
    *oldest = (struct slot){.key = key};
    return oldest;
}

static int64_t seconds_up(int64_t us)
{
    return (us + SECOND_US - 1) / SECOND_US;
}

static void count(struct slot *slot, const struct limit *limit, int64_t now_us,
                  struct limit_state *out)
{
    int64_t each_us = limit->window_us / limit->requests;
    int64_t from_us = slot->due_us > now_us ? slot->due_us : now_us;
    int64_t room_us = now_us + each_us * limit->burst - from_us;
    bool allowed = room_us >= each_us;
    if (allowed) {
        slot->due_us = from_us + each_us;
        room_us -= each_us;
    }
    out->quota = limit->requests;
    out->window_s = limit->window_us / SECOND_US;
    out->remaining = allowed ? room_us / each_us : 0;
    out->retry_s = allowed ? 0 : seconds_up(each_us - room_us);
    out->reset_s = allowed ? seconds_up(slot->due_us - now_us) : out->retry_s;
}

bool limits_take(struct limits *l, const char *class, enum limit_by by, const void *caller,
                 size_t caller_size, int64_t boot_us, struct limit_state *out)
{
    const struct limit_class *c = find_class(l, class);
    if (!c || c->by[by].requests == 0)
        return false;
    uint64_t key = key_of(l, c, by, caller, caller_size);
    size_t set = (size_t)(key % (LIMIT_SLOTS / WAYS));
    pthread_mutex_t *lock = &l->locks[set % STRIPES];
    pthread_mutex_lock(lock);
    count(find_slot(&l->slots[set * WAYS], key), &c->by[by], boot_us, out);
    pthread_mutex_unlock(lock);
    snprintf(out->policy, sizeof out->policy, "%s-%s", c->name, by_names[by]);
    return true;
}

/* ---- requests ---- */

/* Several of these headers are one list (RFC 9651, 3.1). */
static bool answer_state(struct request *r, const struct limit_state *s)
{
    reply_add_header(r, "RateLimit-Policy",
                     arena_printf(r->arena, "\"%s\";q=%lld;w=%lld", s->policy, (long long)s->quota,
                                  (long long)s->window_s));
    reply_add_header(r, "RateLimit",
                     arena_printf(r->arena, "\"%s\";r=%lld;t=%lld", s->policy,
                                  (long long)s->remaining, (long long)s->reset_s));
    if (s->retry_s == 0)
        return true;
    reply_add_header(r, "Retry-After", arena_printf(r->arena, "%lld", (long long)s->retry_s));
    metric_count(METRIC_RATE_LIMITED, r->route->rate);
    reply_problem(r, PROBLEM_RATE_LIMITED);
    return false;
}

static bool is_exempt(const struct limits *l, const struct request *r)
{
    return !l || !r->route->rate;
}

bool limits_admit_address(struct limits *l, struct request *r)
{
    struct in6_addr address;
    struct limit_state state;
    if (is_exempt(l, r) || proxy_parse_address(r->client_ip, &address) != OK)
        return true;
    size_t n = IN6_IS_ADDR_V4MAPPED(&address) ? sizeof address : 8;
    return !limits_take(l, r->route->rate, LIMIT_ADDRESS, &address, n, clock_boot_us(), &state) ||
           answer_state(r, &state);
}

bool limits_admit_account(struct limits *l, struct request *r)
{
    struct limit_state state;
    if (is_exempt(l, r))
        return true;
    return !limits_take(l, r->route->rate, LIMIT_ACCOUNT, &r->account_id, sizeof r->account_id,
                        clock_boot_us(), &state) ||
           answer_state(r, &state);
}
