/* SPDX-License-Identifier: MIT */
#include "refunds.h"

#include "encoding.h"
#include "moment.h"
#include "store.h"

#include <pthread.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

enum { MINUTE_S = 60 };

struct refunds {
    pthread_mutex_t lock; /* stays first: store_new; taken before the trades' own */
    struct pool *pool;
    struct trades *trades;
    void *by_number;    /* a tsearch tree of struct refund */
    struct refund **at; /* in the order they came */
    size_t n, room;
    enum refund_mode mode;
    int times; /* left; negative: for good */
    bool minute;
};

static const char *const state_names[] = {"processing", "success", "abnormal", "closed"};
static const char *const mode_names[] = {"immediate",    "held", "not-enough", "frequency",
                                         "system-error", "lost", "abnormal"};

const char *refund_state_text(enum refund_state state)
{
    return state_names[state];
}

static bool find_name(const char *const *names, size_t n, const char *text, size_t *found)
{
    for (*found = 0; *found < n; (*found)++)
        if (strcmp(names[*found], text) == 0)
            return true;
    return false;
}

bool refund_state_parse(const char *text, enum refund_state *state)
{
    size_t i;
    bool known = find_name(state_names, sizeof state_names / sizeof state_names[0], text, &i);
    *state = known ? (enum refund_state)i : REFUND_PROCESSING;
    return known;
}

bool refund_mode_parse(const char *text, enum refund_mode *mode)
{
    size_t i;
    bool known = find_name(mode_names, sizeof mode_names / sizeof mode_names[0], text, &i);
    *mode = known ? (enum refund_mode)i : REFUNDS_IMMEDIATE;
    return known;
}

struct refunds *refunds_new(struct trades *trades)
{
    struct refunds *all = store_new(sizeof *all);
    all->pool = pool_new();
    all->trades = trades;
    return all;
}

void refunds_free(struct refunds *all)
{
    if (!all)
        return;
    store_free_tree(all->by_number);
    pthread_mutex_destroy(&all->lock);
    free(all->at);
    pool_free(all->pool);
    free(all);
}

void refunds_set_mode(struct refunds *all, enum refund_mode mode, int times, bool minute)
{
    pthread_mutex_lock(&all->lock);
    all->mode = mode;
    all->times = times;
    all->minute = minute;
    pthread_mutex_unlock(&all->lock);
}

enum refund_mode refunds_next_mode(struct refunds *all)
{
    pthread_mutex_lock(&all->lock);
    enum refund_mode mode = all->times == 0 ? REFUNDS_IMMEDIATE : all->mode;
    if (all->times > 0)
        all->times--;
    pthread_mutex_unlock(&all->lock);
    return mode;
}

/* A WeChat number is the merchant's, an Alipay one its trade's. */
static int by_number(const void *a, const void *b)
{
    const struct refund *x = a, *y = b;
    if (x->channel != y->channel)
        return (int)x->channel - (int)y->channel;
    int order = strcmp(x->out_refund_no, y->out_refund_no);
    return order || x->channel == CHANNEL_WECHAT ? order : strcmp(x->out_trade_no, y->out_trade_no);
}

static struct refund *lookup(struct refunds *all, const struct refund *wanted)
{
    struct refund **node = tfind(wanted, &all->by_number, by_number);
    return node ? *node : NULL;
}

static struct refund *keep(struct refunds *all, const struct refund *wanted)
{
    struct refund *r = pool_alloc(all->pool, sizeof *r);
    *r = *wanted;
    const char **texts[] = {&r->out_trade_no,  &r->transaction_id, &r->merchant,
                            &r->out_refund_no, &r->notify_url,     &r->reason};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        *texts[i] = pool_text(all->pool, *texts[i]);
    r->terms = pool_json(all->pool, json_deep_copy(wanted->terms));
    r->created_s = moment_now_s();
    r->refund_id = pool_print(all->pool, "5030%s", random_text(all->pool, DIGITS, 24));
    if (all->n == all->room) {
        all->room = 2 * all->room + 64;
        all->at = reallocarray(all->at, all->room, sizeof *all->at);
    }
    if (!all->at || !tsearch(r, &all->by_number, by_number))
        abort();
    all->at[all->n++] = r;
    return r;
}

static void move_on(struct refunds *all, struct refund *r, enum refund_state state)
{
    bool success = state == REFUND_SUCCESS, closed = state == REFUND_CLOSED;
    r->state = state;
    r->notified = r->acknowledged = false; /* another state is another notification */
    r->notice_id = pool_print(all->pool, "EV-%s", random_text(all->pool, DIGITS, 24));
    if (success || closed)
        r->done_s = moment_now_s();
    r->moved += success;
    if (success || closed)
        r->trade_refunded_fen =
            trades_refund(all->trades, r->channel, r->out_trade_no, closed ? -r->amount_fen : 0,
                          success ? r->amount_fen : 0);
}

static bool is_too_soon(struct refunds *all, const struct refund *wanted)
{
    for (size_t i = all->n; all->minute && i-- > 0;) {
        const struct refund *other = all->at[i];
        if (other->channel == wanted->channel &&
            strcmp(other->out_trade_no, wanted->out_trade_no) == 0)
            return moment_now_s() - other->created_s < MINUTE_S;
    }
    return false;
}

static enum take take_locked(struct refunds *all, const struct refund *wanted,
                             enum refund_mode mode, struct refund *stored)
{
    struct refund *r = lookup(all, wanted);
    if (r) {
        *stored = *r;
        if (!json_equal(r->terms, wanted->terms))
            return TAKE_DIFFERENT;
        r->asked++;
        return TAKE_SAME;
    }
    if (is_too_soon(all, wanted))
        return TAKE_TOO_SOON;
    if (trades_refund(all->trades, wanted->channel, wanted->out_trade_no, wanted->amount_fen, 0) <
        0)
        return TAKE_TOO_MUCH;
    r = keep(all, wanted);
    r->asked = 1;
    if (mode == REFUNDS_IMMEDIATE || mode == REFUNDS_LOST)
        move_on(all, r, REFUND_SUCCESS);
    else if (mode == REFUNDS_ABNORMAL)
        move_on(all, r, REFUND_ABNORMAL);
    *stored = *r;
    return TAKE_NEW;
}

enum take refunds_take(struct refunds *all, const struct refund *wanted, enum refund_mode mode,
                       struct refund *stored)
{
    pthread_mutex_lock(&all->lock);
    enum take result = take_locked(all, wanted, mode, stored);
    pthread_mutex_unlock(&all->lock);
    return result;
}

bool refunds_find(struct refunds *all, enum channel channel, const char *out_trade_no,
                  const char *out_refund_no, struct refund *found)
{
    const struct refund *hit = NULL;
    pthread_mutex_lock(&all->lock);
    if (channel == CHANNEL_WECHAT || (channel == CHANNEL_ALIPAY && out_trade_no))
        hit = lookup(all, &(struct refund){.channel = channel,
                                           .out_trade_no = out_trade_no,
                                           .out_refund_no = out_refund_no});
    else
        for (size_t i = 0; !hit && i < all->n; i++)
            if ((channel == CHANNEL_ANY || all->at[i]->channel == channel) &&
                (!out_trade_no || strcmp(all->at[i]->out_trade_no, out_trade_no) == 0) &&
                strcmp(all->at[i]->out_refund_no, out_refund_no) == 0)
                hit = all->at[i];
    if (hit)
        *found = *hit;
    pthread_mutex_unlock(&all->lock);
    return hit;
}

bool refunds_finish(struct refunds *all, const struct refund *refund, enum refund_state state,
                    struct refund *after)
{
    pthread_mutex_lock(&all->lock);
    struct refund *r = lookup(all, refund);
    bool final = r && (r->state == REFUND_SUCCESS || r->state == REFUND_CLOSED);
    bool possible = r && (!final || r->state == state);
    if (possible && r->state != state)
        move_on(all, r, state);
    if (r)
        *after = *r;
    pthread_mutex_unlock(&all->lock);
    return possible;
}

void refunds_mark_notified(struct refunds *all, const struct refund *refund, bool acknowledged)
{
    pthread_mutex_lock(&all->lock);
    struct refund *r = lookup(all, refund);
    if (r) {
        r->notified = true;
        r->acknowledged = r->acknowledged || acknowledged;
    }
    pthread_mutex_unlock(&all->lock);
}

struct refund *refunds_list(struct refunds *all, struct pool *pool, size_t *n)
{
    pthread_mutex_lock(&all->lock);
    struct refund *list = pool_alloc(pool, (all->n + 1) * sizeof *list);
    for (size_t i = 0; i < all->n; i++)
        list[i] = *all->at[i];
    *n = all->n;
    pthread_mutex_unlock(&all->lock);
    return list;
}
