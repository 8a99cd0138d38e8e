/* SPDX-License-Identifier: MIT */
/*
 * The payment sandbox: both providers' stand-in for tests, on loopback.
 *
 * It shares no code with the server. What holds the parts together is here;
 * all but the lock-protected members is fixed after the start.
 */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include "files.h"
#include "http.h"
#include "installation.h"
#include "logins.h"
#include "refunds.h"

#include <pthread.h>
#include <stdatomic.h>

enum { SIGNER_ASKED = -1 };

struct sandbox {
    struct installation in;
    struct trades *trades;
    struct refunds *refunds;
    struct logins *logins;
    struct files *files;
    const char *deliver_to; /* "http://127.0.0.1:8080": callbacks go there; NULL: to notify_url */
    struct journal *journal;
    const char *base_url;     /* of this program: where bills are fetched */
    atomic_uint certificates; /* bit by WECHAT_*: what GET /v3/certificates gives; 0: 404 */
    struct {
        atomic_int answers;   /* WECHAT_*, ALIPAY_*; SIGNER_ASKED: WeChat, the one asked for */
        atomic_int callbacks; /* WECHAT_*, ALIPAY_* */
    } signers[2];             /* by channel: who signs */
    struct {
        pthread_mutex_t lock;
        const char *fault; /* a literal */
        int times;
        long delay_ms;
    } answers[2]; /* by channel: how the next answers go wrong */
    struct {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        bool set;
    } ending; /* what waits on purpose wakes */
};

/* The fault for one answer of that provider, counted down; NULL when it shall be right. */
const char *sandbox_take_fault(struct sandbox *s, enum channel channel);
/* The ways to go wrong that have nothing to do with what is said: slow, silent, cut, bad-gateway,
 * unavailable. true: that is the answer. */
bool sandbox_break(struct sandbox *s, enum channel channel, const char *fault, struct reply *reply);

/* The provider's side; each takes the whole request. */
void wechat_answer(struct sandbox *s, struct request *request, struct reply *reply);
void alipay_answer(struct sandbox *s, struct request *request, struct reply *reply);
/* The tests' side, /sandbox/. */
void control_answer(struct sandbox *s, struct request *request, struct reply *reply);

/* Checks an order string as the backend of the client's SDK would and opens the cashier. */
void alipay_open_app(struct sandbox *s, struct request *request, const char *order_string,
                     struct reply *reply);

/* https, or http on loopback; a host; no query, fragment, user, space; at most 255 bytes. */
bool notify_url_is_valid(const char *url);
bool url_is_loopback(const char *url);

/* 990 to "9.90" and back, by digits alone. */
char *yuan_text(struct pool *pool, int64_t fen);
bool yuan_read(const char *text, int64_t *fen);

#endif
