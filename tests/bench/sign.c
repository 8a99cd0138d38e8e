/* SPDX-License-Identifier: MIT */
/*
 * Callbacks signed ahead of time, by the sandbox's code and with its keys.
 *
 *   bench-sign DIR wechat|alipay HOST FIRST COUNT   whole HTTP requests to standard output, each
 *                                                   behind its length in eight digits
 *   bench-sign DIR time                             CPU microseconds of one RSA signature
 *
 * Trade n (19 digits) is named bw0n or ba0n, by channel; bench.py puts the same names into the
 * database. A WeChat callback is good for 300 seconds.
 */
#include "../sandbox/callback.h"
#include "../sandbox/moment.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PRICE_FEN = 990, TIMED_SIGNATURES = 1000 };

/* The sandbox's main file, which is not here, has both for answers. */
const char *sandbox_take_fault(struct sandbox *s, enum channel channel)
{
    (void)s, (void)channel;
    return NULL;
}

bool sandbox_break(struct sandbox *s, enum channel channel, const char *fault, struct reply *reply)
{
    (void)s, (void)channel, (void)fault, (void)reply;
    return false;
}

static struct trade wechat_trade(const struct installation *in)
{
    return (struct trade){
        .channel = CHANNEL_WECHAT,
        .method = "native",
        .appid = in->appid_native,
        .merchant = in->mchid,
        .notify_url = "/v1/notify/wechat",
        .payer = {.openid = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},
    };
}

static struct trade alipay_trade(const struct installation *in)
{
    return (struct trade){
        .channel = CHANNEL_ALIPAY,
        .method = "app",
        .appid = in->app_id,
        .merchant = in->seller_id,
        .notify_url = "/v1/notify/alipay",
        .payer = {.buyer_id = "2088102116773037"},
    };
}

static struct trade paid_trade(const struct sandbox *s, struct pool *pool, enum channel channel,
                               int64_t number)
{
    bool wechat = channel == CHANNEL_WECHAT;
    struct trade t = wechat ? wechat_trade(&s->in) : alipay_trade(&s->in);
    t.state = TRADE_PAID;
    t.subject = "电子证件照";
    t.amount_fen = PRICE_FEN;
    t.created_s = t.paid_s = moment_now_s();
    t.out_trade_no = pool_print(pool, "%s0%" PRId64, wechat ? "bw" : "ba", number);
    t.transaction_id = pool_print(pool, "%s00000%" PRId64, wechat ? "4200" : "2026", number);
    t.notice_id = pool_print(pool, "EV-%" PRId64, number);
    return t;
}

static bool write_request(const char *host, struct pool *pool, const struct callback *c)
{
    struct text t = {.pool = pool};
    text_print(&t, "POST %s HTTP/1.1\r\nHost: %s\r\n", c->url, host);
    for (size_t i = 0; i < c->n_headers; i++)
        text_print(&t, "%s: %s\r\n", c->headers[i].name, c->headers[i].value);
    text_print(&t, "Content-Length: %zu\r\n\r\n%s", c->body_size, c->body);
    return printf("%08zu", t.size) == 8 && fwrite(t.at, 1, t.size, stdout) == t.size;
}

static bool write_callbacks(const struct sandbox *s, enum channel channel, const char *host,
                            int64_t first, int64_t count)
{
    bool ok = true;
    for (int64_t n = first; ok && n < first + count; n++) {
        struct pool *pool = pool_new();
        struct callback c;
        const struct notice notice = {.trade = paid_trade(s, pool, channel, n)};
        ok = callback_build(s, pool, &notice, &c) && write_request(host, pool, &c);
        pool_free(pool);
    }
    return ok && fflush(stdout) == 0;
}

static bool time_signatures(const struct sandbox *s)
{
    static const char text[] = "as long as a request for a payment: app_id=2021000000000000&...";
    clock_t begin = clock();
    for (int i = 0; i < TIMED_SIGNATURES; i++) {
        struct pool *pool = pool_new();
        (void)key_sign(pool, s->in.alipay[ALIPAY_FIRST].key, text, sizeof text - 1);
        pool_free(pool);
    }
    double us = (double)(clock() - begin) * 1e6 / CLOCKS_PER_SEC / TIMED_SIGNATURES;
    return printf("%.1f\n", us) > 0;
}

int main(int argc, char **argv)
{
    static struct sandbox s;
    char why[512];
    if (argc != 3 && argc != 6) {
        fprintf(stderr, "usage: bench-sign DIR time | DIR wechat|alipay HOST FIRST COUNT\n");
        return 64;
    }
    if (!installation_open(argv[1], &s.in, why, sizeof why)) {
        fprintf(stderr, "bench-sign: %s\n", why);
        return 1;
    }
    enum channel channel = strcmp(argv[2], "wechat") == 0 ? CHANNEL_WECHAT : CHANNEL_ALIPAY;
    bool ok = argc == 3 ? time_signatures(&s)
                        : write_callbacks(&s, channel, argv[3], strtoll(argv[4], NULL, 10),
                                          strtoll(argv[5], NULL, 10));
    installation_close(&s.in);
    return ok ? 0 : 1;
}
