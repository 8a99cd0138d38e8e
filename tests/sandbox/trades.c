/* SPDX-License-Identifier: MIT */
#include "trades.h"

#include "encoding.h"
#include "moment.h"
#include "store.h"

#include <pthread.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

struct trades {
    pthread_mutex_t lock; /* stays first: store_new */
    struct pool *pool;
    void *by_number, *by_transaction; /* tsearch trees of struct trade */
    struct trade **at;                /* in the order they came */
    size_t n, room;
};

const char *channel_text(enum channel channel)
{
    return channel == CHANNEL_WECHAT ? "wechat" : channel == CHANNEL_ALIPAY ? "alipay" : "any";
}

const char *trade_state_text(enum trade_state state)
{
    static const char *const names[] = {"hidden", "waiting", "paid", "closed"};
    return names[state];
}

struct trades *trades_new(void)
{
    struct trades *all = store_new(sizeof *all);
    all->pool = pool_new();
    return all;
}

void trades_free(struct trades *all)
{
    if (!all)
        return;
    store_free_tree(all->by_number);
    store_free_tree(all->by_transaction);
    pthread_mutex_destroy(&all->lock);
    free(all->at);
    pool_free(all->pool);
    free(all);
}

static int by_number(const void *a, const void *b)
{
    const struct trade *x = a, *y = b;
    return x->channel != y->channel ? (int)x->channel - (int)y->channel
                                    : strcmp(x->out_trade_no, y->out_trade_no);
}

static int by_transaction(const void *a, const void *b)
{
    const struct trade *x = a, *y = b;
    return x->channel != y->channel ? (int)x->channel - (int)y->channel
                                    : strcmp(x->transaction_id, y->transaction_id);
}

/* An Alipay trade closes by itself when its time is over; a WeChat one only stops being payable. */
static void close_if_over(struct trade *t)
{
    bool open = t->state == TRADE_WAITING || t->state == TRADE_HIDDEN;
    if (t->channel == CHANNEL_ALIPAY && open && t->expires_s && moment_now_s() >= t->expires_s) {
        t->state = TRADE_CLOSED;
        t->closed_s = t->expires_s;
    }
}

static struct trade *lookup(struct trades *all, enum channel channel, const char *out_trade_no)
{
    if (channel == CHANNEL_ANY) {
        struct trade *wechat = lookup(all, CHANNEL_WECHAT, out_trade_no);
        return wechat ? wechat : lookup(all, CHANNEL_ALIPAY, out_trade_no);
    }
    struct trade wanted = {.channel = channel, .out_trade_no = out_trade_no};
    struct trade **node = tfind(&wanted, &all->by_number, by_number);
    if (!node)
        return NULL;
    close_if_over(*node);
    return *node;
}

static void name_transaction(struct trades *all, struct trade *t, const char *transaction_id)
{
    t->transaction_id = transaction_id;
    if (!tsearch(t, &all->by_transaction, by_transaction))
        abort();
}

static struct trade *keep(struct trades *all, const struct trade *order)
{
    struct trade *t = pool_alloc(all->pool, sizeof *t);
    *t = *order;
    const char **texts[] = {&t->method,    &t->out_trade_no, &t->appid,      &t->merchant,
                            &t->subject,   &t->attach,       &t->notify_url, &t->return_url,
                            &t->client_ip, &t->order_openid, &t->handle};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        *texts[i] = pool_text(all->pool, *texts[i]);
    t->terms = pool_json(all->pool, json_deep_copy(order->terms));
    if (t->channel == CHANNEL_ALIPAY) /* Alipay numbers a trade when it opens, WeChat when paid */
        name_transaction(all, t,
                         pool_print(all->pool, "%s22001%s",
                                    moment_print(all->pool, "%Y%m%d", t->created_s),
                                    random_text(all->pool, DIGITS, 15)));
    if (all->n == all->room) {
        all->room = 2 * all->room + 64;
        all->at = reallocarray(all->at, all->room, sizeof *all->at);
    }
    if (!all->at || !tsearch(t, &all->by_number, by_number))
        abort();
    all->at[all->n++] = t;
    return t;
}

static enum put put_locked(struct trades *all, const struct trade *order, struct trade *stored)
{
    struct trade *t = lookup(all, order->channel, order->out_trade_no);
    enum put result = PUT_SAME;
    if (!t) {
        t = keep(all, order);
        result = PUT_NEW;
    } else if (t->state == TRADE_PAID) {
        result = PUT_PAID;
    } else if (t->state == TRADE_CLOSED) {
        result = PUT_CLOSED;
    } else if (strcmp(t->method, order->method) != 0 || !json_equal(t->terms, order->terms)) {
        result = PUT_DIFFERENT;
    } else if (order->handle) {
        t->handle = pool_text(all->pool, order->handle);
    }
    *stored = *t;
    return result;
}

enum put trades_put(struct trades *all, const struct trade *order, struct trade *stored)
{
    pthread_mutex_lock(&all->lock);
    enum put result = put_locked(all, order, stored);
    pthread_mutex_unlock(&all->lock);
    return result;
}

bool trades_find(struct trades *all, enum channel channel, const char *out_trade_no,
                 struct trade *found)
{
    pthread_mutex_lock(&all->lock);
    struct trade *t = lookup(all, channel, out_trade_no);
    if (t)
        *found = *t;
    pthread_mutex_unlock(&all->lock);
    return t;
}

bool trades_find_transaction(struct trades *all, enum channel channel, const char *transaction_id,
                             struct trade *found)
{
    struct trade wanted = {.channel = channel, .transaction_id = transaction_id};
    pthread_mutex_lock(&all->lock);
    struct trade **node = tfind(&wanted, &all->by_transaction, by_transaction);
    if (node)
        *found = **node;
    pthread_mutex_unlock(&all->lock);
    return node;
}

bool trades_open(struct trades *all, enum channel channel, const char *out_trade_no)
{
    pthread_mutex_lock(&all->lock);
    struct trade *t = lookup(all, channel, out_trade_no);
    if (t && t->state == TRADE_HIDDEN)
        t->state = TRADE_WAITING;
    bool open = t && t->state == TRADE_WAITING;
    pthread_mutex_unlock(&all->lock);
    return open;
}

static struct payer make_payer(struct pool *pool, const struct trade *t, const struct payer *given)
{
    struct payer p = {pool_text(pool, given->openid), pool_text(pool, given->buyer_id),
                      pool_text(pool, given->buyer_open_id)};
    if (t->channel == CHANNEL_WECHAT && !p.openid)
        p.openid = t->order_openid ? t->order_openid
                                   : pool_print(pool, "o%s", random_text(pool, ALPHANUMERIC, 27));
    if (t->channel == CHANNEL_ALIPAY && !p.buyer_id && !p.buyer_open_id)
        p.buyer_id = pool_print(pool, "2088%s", random_text(pool, DIGITS, 12));
    return p;
}

static void pay_locked(struct trades *all, struct trade *t, const struct payer *payer,
                       int64_t paid_s)
{
    struct pool *pool = all->pool;
    t->payer = make_payer(pool, t, payer);
    t->paid_s = paid_s;
    if (t->channel == CHANNEL_WECHAT) {
        name_transaction(all, t, pool_print(pool, "4200%s", random_text(pool, DIGITS, 24)));
        t->notice_id = pool_print(pool, "EV-%s", random_text(pool, DIGITS, 24));
    } else {
        t->notice_id = pool_print(pool, "%s%s", moment_print(pool, "%Y%m%d", paid_s),
                                  random_text(pool, DIGITS, 26));
    }
    t->state = TRADE_PAID;
}

bool trades_pay(struct trades *all, const struct trade *trade, const struct payer *payer,
                int64_t paid_s)
{
    pthread_mutex_lock(&all->lock);
    struct trade *t = lookup(all, trade->channel, trade->out_trade_no);
    bool payable = t && (t->state == TRADE_WAITING || t->state == TRADE_HIDDEN);
    if (payable)
        pay_locked(all, t, payer, paid_s);
    pthread_mutex_unlock(&all->lock);
    return payable;
}

bool trades_close(struct trades *all, enum channel channel, const char *out_trade_no)
{
    pthread_mutex_lock(&all->lock);
    struct trade *t = lookup(all, channel, out_trade_no);
    bool closable = t && t->state == TRADE_WAITING;
    if (closable) {
        t->state = TRADE_CLOSED;
        t->closed_s = moment_now_s();
    }
    pthread_mutex_unlock(&all->lock);
    return closable;
}

void trades_mark_notified(struct trades *all, const struct trade *trade, bool acknowledged)
{
    pthread_mutex_lock(&all->lock);
    struct trade *t = lookup(all, trade->channel, trade->out_trade_no);
    if (t) {
        t->notified = true;
        t->acknowledged = t->acknowledged || acknowledged;
    }
    pthread_mutex_unlock(&all->lock);
}

int64_t trades_refund(struct trades *all, enum channel channel, const char *out_trade_no,
                      int64_t refunding_fen, int64_t refunded_fen)
{
    int64_t result = -1;
    pthread_mutex_lock(&all->lock);
    struct trade *t = lookup(all, channel, out_trade_no);
    if (t && t->state == TRADE_PAID && t->refunding_fen + refunding_fen <= t->amount_fen) {
        t->refunding_fen += refunding_fen;
        t->refunded_fen += refunded_fen;
        result = t->refunded_fen;
    }
    pthread_mutex_unlock(&all->lock);
    return result;
}

struct trade *trades_list(struct trades *all, struct pool *pool, size_t *n)
{
    pthread_mutex_lock(&all->lock);
    struct trade *list = pool_alloc(pool, (all->n + 1) * sizeof *list);
    for (size_t i = 0; i < all->n; i++) {
        close_if_over(all->at[i]);
        list[i] = *all->at[i];
    }
    *n = all->n;
    pthread_mutex_unlock(&all->lock);
    return list;
}
