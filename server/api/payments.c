/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "api/answers.h"
#include "api/gate.h"
#include "api/handlers.h"
#include "jobs/poll.h"
#include "jobs/provider.h"
#include "store/payment.h"
#include "store/wechat_binding.h"

struct payment_body {
    const char *channel, *method;
};

static const struct json_member members[] = {
    {.name = "channel",
     .kind = JSON_KIND_TEXT,
     .required = true,
     .offset = offsetof(struct payment_body, channel),
     .least = 1,
     .most = 20},
    {.name = "method",
     .kind = JSON_KIND_TEXT,
     .required = true,
     .offset = offsetof(struct payment_body, method),
     .least = 1,
     .most = 20},
};
static const struct json_shape payment_shape = {members, 2, sizeof(struct payment_body)};

static bool is_one_of(const char *text, const char *const *names)
{
    while (*names && strcmp(*names, text) != 0)
        names++;
    return *names != NULL;
}

static bool check_body(struct request *r, const struct payment_body *body)
{
    bool wechat = strcmp(body->channel, "wechat") == 0;
    bool alipay = strcmp(body->channel, "alipay") == 0;
    if (!wechat && !alipay)
        field_error(r, "/channel", "unknown", "wechat or alipay");
    else if (wechat &&
             !is_one_of(body->method, (const char *const[]){"app", "jsapi", "h5", "native", NULL}))
        field_error(r, "/method", "unknown", "app, jsapi, h5 or native");
    else if (alipay &&
             !is_one_of(body->method, (const char *const[]){"app", "wap", "page", "qr", NULL}))
        field_error(r, "/method", "unknown", "app, wap, page or qr");
    if (has_field_errors(r)) {
        reply_problem(r, PROBLEM_INVALID_MEMBERS);
        return false;
    }
    return true;
}

static const char *answer_text(struct request *r, const struct payment *p, const char *client)
{
    return json_text(r->arena,
                     json_pack("{s:o, s:s, s:I, s:o, s:o}", "payment_id",
                               answer_id("pay_", &p->payment_id), "out_trade_no", p->out_trade_no,
                               "amount_fen", (json_int_t)p->amount_fen, "expires_at",
                               answer_time(p->expires_us), "client", json_loads(client, 0, NULL)));
}

/* The attempt is committed before the provider is called: its callback may be faster than its
 * answer. */
static void pay(struct request *r, struct payment *payment)
{
    bool failed = false;
    const char *client;
    struct worker *worker = r->worker;
    enum status s = payment_begin(store_of(r), r->arena, payment, r->now_us);
    if (s == CONFLICT) {
        reply_problem(r, PROBLEM_ORDER_NOT_PAYABLE);
        return;
    }
    if (s != OK) {
        reply_status(r, s);
        return;
    }
    s = provider_prepay(&worker->provider, payment, r->now_us, r->arena, &client);
    if (s != OK) {
        reply_problem(r, PROBLEM_PROVIDER_UNAVAILABLE);
        return;
    }
    const char *answer = answer_text(r, payment, client);
    const struct step *finish = gate_finish_step(r, 201, answer, &failed);
    if (failed)
        return;
    s = finish ? payment_answer(store_of(r), r->arena, finish, payment->expires_us) : OK;
    if (s == OK)
        reply_json_text(r, 201, answer);
    else if (s == CONFLICT)
        reply_problem(r, PROBLEM_IDEMPOTENCY_IN_PROGRESS);
    else
        reply_status(r, s);
}

/* JSAPI is paid by one WeChat user, whom WeChat Pay has to be told. */
static bool find_openid(struct request *r, struct payment *payment)
{
    if (strcmp(payment->method, "jsapi") != 0)
        return true;
    enum status s = wechat_binding_openid(store_of(r), r->arena, r->account_id, payment->appid,
                                          &payment->openid);
    if (s == NOT_FOUND)
        reply_problem(r, PROBLEM_WECHAT_NOT_BOUND);
    else if (s != OK)
        reply_status(r, s);
    return s == OK;
}

void payment_post(struct request *r)
{
    struct payment_body body;
    struct payment payment = {.account_id = r->account_id, .client_ip = r->client_ip};
    if (!param_id(r, 0, "ord_", &payment.order_id) || !body_parse(r, &payment_shape, &body) ||
        !check_body(r, &body))
        return;
    payment.channel = body.channel;
    payment.method = body.method;
    if (provider_choose(&app_of(r)->service, r->now_us, &payment) != OK) {
        field_error(r, "/method", "not-offered", "this way of paying is not set up here");
        reply_problem(r, PROBLEM_INVALID_MEMBERS);
        return;
    }
    if (find_openid(r, &payment))
        pay(r, &payment);
}

/* What the provider's word did to it. Without an answer, or when that could not be written, what
 * was known before stands. */
static void ask_about(struct request *r, struct payment *p)
{
    struct worker *worker = r->worker;
    struct payment now;
    enum status s =
        poll_ask(&app_of(r)->service, store_of(r), &worker->provider, r->arena, p, r->now_us);
    if (s == OK)
        s = payment_read(store_of(r), r->arena, p->account_id, &p->order_id, &p->payment_id,
                         r->now_us, &now);
    if (s == OK)
        *p = now;
}

void payment_show(struct request *r)
{
    struct uuid order_id, payment_id;
    struct payment p;
    bool claimed = false;
    if (!param_id(r, 0, "ord_", &order_id) || !param_id(r, 1, "pay_", &payment_id))
        return;
    enum status s = payment_claim(store_of(r), r->arena, r->account_id, &order_id, &payment_id,
                                  r->now_us, &p, &claimed);
    if (s != OK) {
        reply_status(r, s);
        return;
    }
    if (claimed)
        ask_about(r, &p);
    reply_json(r, 200,
               json_pack("{s:o, s:s, s:s, s:s, s:I, s:o}", "payment_id",
                         answer_id("pay_", &payment_id), "state", p.state, "channel", p.channel,
                         "method", p.method, "amount_fen", (json_int_t)p.amount_fen, "paid_at",
                         answer_time(p.succeeded_us)));
}
