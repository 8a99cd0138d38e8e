/* SPDX-License-Identifier: MIT */
/* The tests' side: /sandbox/. README.md lists what is here. */
#include "control.h"

#include "encoding.h"
#include "moment.h"

#include <string.h>

enum { SLOW_MS = 1000 };

void control_refuse(struct control_call *call, unsigned status, const char *error)
{
    reply_json(call->request, call->reply, status, json_pack("{s:s}", "error", error));
}

const char *control_text(const struct control_call *call, const char *name)
{
    return json_string_value(json_object_get(call->body, name));
}

/* ---- trades ---- */

void control_put_time(struct pool *pool, json_t *object, const char *name, int64_t at_s)
{
    if (at_s)
        json_put_text(object, name, moment_rfc3339(pool, at_s));
}

static json_t *trade_view(struct pool *pool, const struct trade *t)
{
    json_t *view = json_object();
    json_put_text(view, "channel", channel_text(t->channel));
    json_put_text(view, "method", t->method);
    json_put_text(view, "out_trade_no", t->out_trade_no);
    json_put_text(view, "state", trade_state_text(t->state));
    json_object_set_new(view, "amount_fen", json_integer(t->amount_fen));
    json_put_text(view, "currency", "CNY");
    json_put_text(view, "appid", t->appid);
    json_put_text(view, "merchant", t->merchant);
    json_put_text(view, "subject", t->subject);
    json_put_text(view, "attach", t->attach);
    json_put_text(view, "notify_url", t->notify_url);
    json_put_text(view, "return_url", t->return_url);
    json_put_text(view, "client_ip", t->client_ip);
    json_put_text(view, "handle", t->handle);
    control_put_time(pool, view, "created_at", t->created_s);
    control_put_time(pool, view, "expires_at", t->expires_s);
    control_put_time(pool, view, "paid_at", t->paid_s);
    control_put_time(pool, view, "closed_at", t->closed_s);
    json_put_text(view, "transaction_id", t->transaction_id);
    json_object_set_new(view, "refunding_fen", json_integer(t->refunding_fen));
    json_object_set_new(view, "refunded_fen", json_integer(t->refunded_fen));
    json_put_text(view, "openid", t->payer.openid ? t->payer.openid : t->order_openid);
    json_put_text(view, "buyer_id", t->payer.buyer_id);
    json_put_text(view, "buyer_open_id", t->payer.buyer_open_id);
    json_object_set_new(view, "notified", json_boolean(t->notified));
    json_object_set_new(view, "acknowledged", json_boolean(t->acknowledged));
    return view;
}

static void list_trades(struct control_call *call)
{
    size_t n;
    struct trade *list = trades_list(call->s->trades, call->request->pool, &n);
    json_t *views = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(views, trade_view(call->request->pool, &list[i]));
    reply_json(call->request, call->reply, 200, json_pack("{s:o}", "trades", views));
}

static void show_trade(struct control_call *call)
{
    struct trade t;
    if (!trades_find(call->s->trades, CHANNEL_ANY, call->rest, &t))
        control_refuse(call, 404, "no such trade");
    else
        reply_json(call->request, call->reply, 200, trade_view(call->request->pool, &t));
}

enum channel control_channel(const struct control_call *call)
{
    const char *channel = control_text(call, "channel");
    if (!channel)
        return CHANNEL_ANY;
    return strcmp(channel, "alipay") == 0 ? CHANNEL_ALIPAY : CHANNEL_WECHAT;
}

bool control_trade(struct control_call *call, struct trade *t)
{
    if (trades_find(call->s->trades, control_channel(call), control_text(call, "out_trade_no"), t))
        return true;
    control_refuse(call, 404, "no such trade");
    return false;
}

/* ---- paying ---- */

/* RFC 3339, or an offset to the sandbox's now. */
static bool read_moment(const char *text, int64_t *at_s)
{
    int64_t offset_s;
    if (moment_parse_rfc3339(text, at_s))
        return true;
    if (!moment_parse_offset(text, &offset_s))
        return false;
    *at_s = moment_now_s() + offset_s;
    return true;
}

static const char *why_not_payable(const struct trade *t, const struct payer *payer, bool late)
{
    if (t->state == TRADE_PAID)
        return "paid already";
    if (t->state == TRADE_CLOSED)
        return "closed";
    if (t->expires_s && moment_now_s() >= t->expires_s && !late)
        return "time_expire is over";
    if (t->channel == CHANNEL_WECHAT ? payer->buyer_id || payer->buyer_open_id
                                     : payer->openid != NULL)
        return "a payer of the other provider";
    if (t->order_openid && payer->openid && strcmp(t->order_openid, payer->openid) != 0)
        return "a JSAPI order is paid by its own openid";
    return NULL;
}

static void pay(struct control_call *call)
{
    struct notice notice = {0};
    struct payer payer = {control_text(call, "openid"), control_text(call, "buyer_id"),
                          control_text(call, "buyer_open_id")};
    const char *at = control_text(call, "at");
    int64_t paid_s = moment_now_s();
    if (!control_trade(call, &notice.trade))
        return;
    if (at && !read_moment(at, &paid_s)) {
        control_refuse(call, 400, "at: RFC 3339 or an offset such as -2d");
        return;
    }
    struct trade *t = &notice.trade;
    const char *why = why_not_payable(t, &payer, json_is_true(json_object_get(call->body, "late")));
    if (!why && !trades_pay(call->s->trades, t, &payer, paid_s))
        why = "not payable";
    if (why) {
        control_refuse(call, 409, why);
        return;
    }
    trades_find(call->s->trades, t->channel, t->out_trade_no, t);
    bool silent = json_is_false(json_object_get(call->body, "notify"));
    json_t *sent = silent ? NULL : control_send(call, &notice, false);
    trades_find(call->s->trades, t->channel, t->out_trade_no, t);
    json_t *result = trade_view(call->request->pool, t);
    if (sent)
        json_object_update_new(result, sent);
    else if (!silent)
        json_put_text(result, "error", "not sent: there is no notify_url");
    reply_json(call->request, call->reply, 200, result);
}

/* ---- the rest ---- */

static void show_clock(struct control_call *call)
{
    reply_json(call->request, call->reply, 200,
               json_pack("{s:s, s:I}", "now", moment_rfc3339(call->request->pool, moment_now_s()),
                         "offset_s", (json_int_t)moment_offset_s()));
}

static void set_clock(struct control_call *call)
{
    int64_t offset_s;
    if (!moment_parse_offset(control_text(call, "offset"), &offset_s)) {
        control_refuse(call, 400, "offset: +8d, -1h, +30s");
        return;
    }
    moment_set_offset_s(offset_s);
    show_clock(call);
}

static void open_app(struct control_call *call)
{
    alipay_open_app(call->s, call->request, control_text(call, "order_string"), call->reply);
}

static void scan(struct control_call *call)
{
    struct trade t;
    if (!control_trade(call, &t))
        return;
    if (!trades_open(call->s->trades, t.channel, t.out_trade_no)) {
        control_refuse(call, 409, "paid or closed");
        return;
    }
    trades_find(call->s->trades, t.channel, t.out_trade_no, &t);
    reply_json(call->request, call->reply, 200, trade_view(call->request->pool, &t));
}

static void open_login(struct control_call *call)
{
    const json_t *error = json_object_get(call->body, "error");
    const json_t *times = json_object_get(call->body, "times");
    char *code =
        logins_open(call->s->logins, call->request->pool, control_text(call, "openid"),
                    (int)json_integer_value(error), times ? (int)json_integer_value(times) : -1);
    reply_json(call->request, call->reply, 200, json_pack("{s:s}", "js_code", code));
}

static void set_certificates(struct control_call *call)
{
    unsigned given = 0;
    json_t *name;
    size_t i;
    json_array_foreach(json_object_get(call->body, "listed"), i, name)
    {
        const char *text = json_string_value(name);
        int which = text ? control_signer(CHANNEL_WECHAT, text) : -1;
        if (which < WECHAT_CERTIFICATE) {
            control_refuse(call, 400, "listed: certificate, second, expired");
            return;
        }
        given |= 1U << which;
    }
    bool available = json_is_true(json_object_get(call->body, "available"));
    atomic_store(&call->s->certificates, !available ? 0 : given ? given : 1U << WECHAT_CERTIFICATE);
    reply_json(call->request, call->reply, 200, json_object());
}

static void set_signing(struct control_call *call)
{
    enum channel channel = control_channel(call);
    const char *answers = control_text(call, "answers"),
               *callbacks = control_text(call, "callbacks");
    bool asked = answers && channel == CHANNEL_WECHAT && strcmp(answers, "asked") == 0;
    int by = answers && !asked ? control_signer(channel, answers) : SIGNER_ASKED;
    int told_by = callbacks ? control_signer(channel, callbacks) : 0;
    if ((answers && !asked && by < 0) || told_by < 0) {
        control_refuse(call, 400, "no such signer");
        return;
    }
    if (answers)
        atomic_store(&call->s->signers[channel].answers, by);
    if (callbacks)
        atomic_store(&call->s->signers[channel].callbacks, told_by);
    reply_json(call->request, call->reply, 200, json_object());
}

static void set_bills(struct control_call *call)
{
    enum bill_fault fault = BILL_RIGHT;
    const char *name = control_text(call, "fault");
    enum channel channel = control_channel(call);
    const json_t *times = json_object_get(call->body, "times");
    if (name && !bill_fault_parse(name, &fault)) {
        control_refuse(call, 400, "no such fault");
        return;
    }
    for (enum channel c = CHANNEL_WECHAT; c <= CHANNEL_ALIPAY; c++)
        if (channel == CHANNEL_ANY || channel == c)
            files_set_bills(call->s->files, c, fault, times ? (int)json_integer_value(times) : -1,
                            json_is_true(json_object_get(call->body, "ready")));
    reply_json(call->request, call->reply, 200, json_object());
}

static void set_answers(struct control_call *call)
{
    static const struct {
        const char *name;
        bool alipay_alone, wechat_alone;
    } faults[] = {
        {"wrong-signature", false, false},
        {"unsigned", false, false},
        {"probe", false, true},
        {"old-timestamp", false, true},
        {"server-error", false, false},
        {"rate-limit", false, false},
        {"garbage", false, false},
        {"slow", false, false},
        {"silent", false, false},
        {"cut", false, false},
        {"bad-gateway", false, false},
        {"unavailable", false, false},
        {"after-callback", false, false},
        {"gbk", true, false},
        {"slashes", true, false},
        {"slashes-after-signing", true, false},
        {"sign-first", true, false},
    };
    const char *fault = control_text(call, "fault");
    const json_t *times = json_object_get(call->body, "times");
    const json_t *delay_ms = json_object_get(call->body, "delay_ms");
    enum channel channel = control_channel(call);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        if (strcmp(faults[i].name, fault) != 0 ||
            (channel == CHANNEL_ALIPAY ? faults[i].wechat_alone : faults[i].alipay_alone))
            continue;
        pthread_mutex_lock(&call->s->answers[channel].lock);
        call->s->answers[channel].fault = faults[i].name;
        call->s->answers[channel].times = times ? (int)json_integer_value(times) : 1;
        call->s->answers[channel].delay_ms =
            delay_ms ? (long)json_integer_value(delay_ms) : SLOW_MS;
        pthread_mutex_unlock(&call->s->answers[channel].lock);
        reply_json(call->request, call->reply, 200, json_object());
        return;
    }
    control_refuse(call, 400, "no such fault");
}

/* ---- routes ---- */

bool control_is_channel(const char *t)
{
    return strcmp(t, "wechat") == 0 || strcmp(t, "alipay") == 0;
}

static bool is_payer(const char *t)
{
    return text_is_made_of(t, 1, 128, "_-");
}

static const struct member bills_members[] = {
    {"channel", MEMBER_TEXT, false, 1, 6, control_is_channel, NULL},
    {"fault", MEMBER_TEXT, false, 1, 16, NULL, NULL},
    {"times", MEMBER_INTEGER, false, 0, 0, NULL, NULL},
    {"ready", MEMBER_BOOLEAN, false, 0, 0, NULL, NULL},
    {0},
};
static const struct member login_members[] = {
    {"openid", MEMBER_TEXT, true, 1, 128, is_payer, NULL},
    {"error", MEMBER_INTEGER, false, 0, 0, NULL, NULL},
    {"times", MEMBER_INTEGER, false, 0, 0, NULL, NULL},
    {0},
};
static const struct member nothing[] = {{0}};
static const struct member trade_members[] = {TRADE_MEMBERS, {0}};
static const struct member pay_members[] = {
    TRADE_MEMBERS,
    {"openid", MEMBER_TEXT, false, 1, 128, is_payer, NULL},
    {"buyer_id", MEMBER_TEXT, false, 1, 128, is_payer, NULL},
    {"buyer_open_id", MEMBER_TEXT, false, 1, 128, is_payer, NULL},
    {"at", MEMBER_TEXT, false, 1, 40, NULL, NULL},
    {"notify", MEMBER_BOOLEAN, false, 0, 0, NULL, NULL},
    {"late", MEMBER_BOOLEAN, false, 0, 0, NULL, NULL},
    {0},
};
static const struct member clock_members[] = {
    {"offset", MEMBER_TEXT, true, 1, 16, NULL, NULL},
    {0},
};
static const struct member app_members[] = {
    {"order_string", MEMBER_TEXT, true, 1, 16384, NULL, NULL},
    {0},
};
static const struct member signing_members[] = {
    {"channel", MEMBER_TEXT, true, 1, 6, control_is_channel, NULL},
    {"answers", MEMBER_TEXT, false, 1, 16, NULL, NULL},
    {"callbacks", MEMBER_TEXT, false, 1, 16, NULL, NULL},
    {0},
};
static const struct member certificates_members[] = {
    {"available", MEMBER_BOOLEAN, true, 0, 0, NULL, NULL},
    {"listed", MEMBER_ARRAY, false, 0, 0, NULL, NULL},
    {0},
};
static const struct member answers_members[] = {
    {"channel", MEMBER_TEXT, true, 1, 6, control_is_channel, NULL},
    {"fault", MEMBER_TEXT, true, 1, 32, NULL, NULL},
    {"delay_ms", MEMBER_INTEGER, false, 0, 0, NULL, NULL},
    {"times", MEMBER_INTEGER, false, 0, 0, NULL, NULL},
    {0},
};

static const struct route {
    const char *method, *path; /* a path that ends in '/' takes one more segment */
    const struct member *members;
    void (*run)(struct control_call *call);
} routes[] = {
    {"GET", "/sandbox/trades", nothing, list_trades},
    {"GET", "/sandbox/trades/", nothing, show_trade},
    {"POST", "/sandbox/pay", pay_members, pay},
    {"POST", "/sandbox/notify", control_notice_members, control_notify},
    {"POST", "/sandbox/callback", control_notice_members, control_prepare},
    {"POST", "/sandbox/callbacks/bulk", control_bulk_members, control_prepare_bulk},
    {"GET", "/sandbox/callbacks", nothing, control_list_callbacks},
    {"POST", "/sandbox/refund", control_refund_members, control_finish_refund},
    {"POST", "/sandbox/refunds", control_refunds_members, control_set_refunds},
    {"GET", "/sandbox/refunds", nothing, control_list_refunds},
    {"POST", "/sandbox/retry", nothing, control_retry},
    {"GET", "/sandbox/clock", nothing, show_clock},
    {"POST", "/sandbox/clock", clock_members, set_clock},
    {"POST", "/sandbox/alipay/app", app_members, open_app},
    {"POST", "/sandbox/alipay/scan", trade_members, scan},
    {"POST", "/sandbox/login", login_members, open_login},
    {"POST", "/sandbox/certificates", certificates_members, set_certificates},
    {"POST", "/sandbox/signing", signing_members, set_signing},
    {"POST", "/sandbox/bills", bills_members, set_bills},
    {"POST", "/sandbox/answers", answers_members, set_answers},
};

static bool route_matches(const struct route *route, struct control_call *call)
{
    const char *path = call->request->path;
    size_t n = strlen(route->path);
    if (strcmp(route->method, call->request->method) != 0)
        return false;
    if (route->path[n - 1] != '/')
        return strcmp(path, route->path) == 0;
    char *rest;
    if (strncmp(path, route->path, n) != 0 || !path[n] ||
        !percent_decode(call->request->pool, path + n, strlen(path + n), false, &rest))
        return false;
    call->rest = rest;
    return true;
}

static void run_route(struct control_call *call, const struct route *route)
{
    struct term_fault fault = {0};
    struct pool *pool = call->request->pool;
    bool empty = call->request->body_size == 0;
    call->body = terms_parse(pool, empty ? "{}" : call->request->body,
                             empty ? 2 : call->request->body_size, &fault);
    if (!call->body || !terms_check(pool, call->body, route->members, "", &fault))
        control_refuse(call, 400, pool_print(pool, "%s: %s", fault.field, fault.issue));
    else
        route->run(call);
}

void control_answer(struct sandbox *s, struct request *request, struct reply *reply)
{
    struct control_call call = {.s = s, .request = request, .reply = reply};
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (route_matches(&routes[i], &call)) {
            run_route(&call, &routes[i]);
            return;
        }
    }
    control_refuse(&call, 404, "no such route");
}
