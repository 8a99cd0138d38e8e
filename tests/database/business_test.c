/* SPDX-License-Identifier: MIT */
/* The business vectors: a provider's word meets an order in the state that the vector names, read
 * and settled by what reads and settles callbacks. Compared is what stands in the tables after. */
#include <string.h>

#include "../unit/key_pair.h"
#include "../unit/vectors.h"
#include "fixture.h"
#include "jobs/settle.h"
#include "pay/alipay_keys.h"
#include "pay/wechat_parts.h"

TestSuite(vectors, .init = world_up, .fini = world_down, .timeout = 300);

/* The signatures, forms and answers. */
VECTORS_ELSEWHERE(other_kinds_are_run_by_tests_unit, "*")

/* When the vectors' attempts begin, 2026-01-01T10:30+08:00, minutes before they are paid; the
 * world's now stands for it. */
#define VECTORS_BEGIN_US (INT64_C(1767234600) * SECOND_US)

/* The vectors all use one number: each gets a world of its own. */
static void next_world(void)
{
    world_down();
    w = (struct world){0};
    world_up();
}

static bool same_or_none(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

/* ---- what a vector expects, in our words ---- */

static const struct meaning {
    const char *action, *reason;
    enum status heard;   /* OK: acknowledged; INVALID: refused, the provider repeats */
    const char *written; /* as written_about says; NULL: nothing at all changes */
} meanings[] = {
    {"mark_paid", NULL, OK, "order paid, attempt succeeded, payers 1, entries 1, anomaly none"},
    {"duplicate_ok", NULL, OK, NULL},
    /* The job that refunds takes it from the anomaly and the ledger. */
    {"refund_extra", NULL, OK,
     "order paid, attempt succeeded, payers 1, entries 1, anomaly second"},
    {"ignore", NULL, OK, NULL},
    {"no_regress", NULL, OK, NULL},
    /* Closing is found by asking, so the callback itself changes nothing. */
    {"not_a_payment", NULL, OK, NULL},
    /* Either is free; here three decimals are no amount. */
    {"mark_paid_or_reject", NULL, INVALID, NULL},
    {"reject", "type", INVALID, NULL},
    /* A number that cannot be read is refused: it cannot be stored, and may come right. */
    {"reject", "amount", INVALID, NULL},
    /* A verified success that differs is acknowledged, since repeating it would not mend it, and
     * quarantined: an anomaly, never a delivery. Its money is in the ledger when it reached our
     * merchant and application in our currency. */
    {"reject", "amount", OK, "order unpaid, attempt pending, payers 0, entries 1, anomaly amount"},
    {"reject", "out_trade_no", OK,
     "order unpaid, attempt pending, payers 0, entries 1, anomaly unknown-trade"},
    {"reject", "currency", OK,
     "order unpaid, attempt pending, payers 0, entries 0, anomaly currency"},
    {"reject", "mchid", OK, "order unpaid, attempt pending, payers 0, entries 0, anomaly merchant"},
    {"reject", "appid", OK,
     "order unpaid, attempt pending, payers 0, entries 0, anomaly application"},
    {"reject", "app_id", OK,
     "order unpaid, attempt pending, payers 0, entries 0, anomaly application"},
};

static bool is_meant(const json_t *expected, enum status heard, const char *written)
{
    const char *action = vector_text(expected, "action"), *reason = vector_text(expected, "reason");
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
        const struct meaning *m = &meanings[i];
        if (!same_or_none(m->action, action) || m->heard != heard ||
            (m->reason ? !same_or_none(m->reason, reason) : reason != NULL))
            continue;
        if (m->written ? same_or_none(m->written, written) : !written)
            return true;
    }
    fprintf(stderr, "%s %s: %s, %s\n", action, reason ? reason : "", status_name(heard),
            written ? written : "nothing changed");
    return false;
}

/* ---- the order that the vector names ---- */

static struct uuid order_for(int64_t account, int64_t amount_fen)
{
    struct order_item item = {"electronic", "electronic", new_photo(account), 1, amount_fen};
    const struct order order = {.account_id = account,
                                .order_id = uuid_new(),
                                .kind = "electronic",
                                .amount_fen = amount_fen,
                                .accepts_no_refund = true,
                                .created_us = w.now_us,
                                .expires_us = w.now_us + OPEN_US,
                                .items = &item,
                                .n_items = 1,
                                .client_ip = "192.0.2.7"};
    is(order_create(&w.st, w.a, &order, NULL), OK);
    return order.order_id;
}

/* By an attempt at the other provider, where the vector says that another transaction paid. */
static void pay(const struct payment *attempt, const char *transaction_id, bool by_another)
{
    bool wechat = strcmp(attempt->channel, "wechat") == 0;
    struct payment other = payment_of(attempt->account_id, &attempt->order_id,
                                      wechat ? "alipay" : "wechat", wechat ? "page" : "native");
    if (by_another)
        is(payment_begin(&w.st, w.a, &other, w.now_us), OK);
    struct trade t = trade_of(by_another ? &other : attempt, transaction_id);
    is(settle_at(&t, w.now_us).outcome, SETTLE_SUCCESS);
}

/* The attempt is in: channel, method, merchant, appid. */
static void make_order(const json_t *order, const struct trade *heard, struct payment *attempt)
{
    const char *state = vector_text(order, "state");
    const char *paid_by = vector_text(order, "transaction_id");
    if (!paid_by)
        paid_by = vector_text(order, "trade_no");
    attempt->account_id = new_account();
    attempt->order_id =
        order_for(attempt->account_id, json_integer_value(json_object_get(order, "amount_fen")));
    attempt->client_ip = "192.0.2.8";
    attempt->expires_us = w.now_us + 30 * MINUTE_US;
    is(payment_begin(&w.st, w.a, attempt, w.now_us), OK);
    cr_assert(same_or_none(state, "pending") || same_or_none(state, "paid"));
    if (strcmp(state, "paid") == 0)
        pay(attempt, paid_by ? paid_by : heard->transaction_id,
            paid_by && !same_or_none(paid_by, heard->transaction_id));
}

/* The numbers of attempts are ours to draw: where the vector names its order's, ours stands. Times
 * move to the world's day. */
static void move_here(const json_t *order, const struct payment *attempt, struct trade *t)
{
    if (same_or_none(t->out_trade_no, vector_text(order, "out_trade_no")))
        t->out_trade_no = attempt->out_trade_no;
    if (t->success_us)
        t->success_us += w.now_us - VECTORS_BEGIN_US;
}

/* ---- what became of it ---- */

static const char *everything(void)
{
    return sql_text("SELECT (SELECT json_agg(x)::text FROM orders x)"
                    " || (SELECT json_agg(x)::text FROM payment x)"
                    " || coalesce((SELECT json_agg(x)::text FROM payer x), '')"
                    " || coalesce((SELECT json_agg(x)::text FROM ledger_entry x), '')"
                    " || coalesce((SELECT json_agg(x)::text FROM anomaly x), '')"
                    " || (SELECT count(*) FROM audit_log)");
}

static const char *written_about(const struct payment *attempt, const struct trade *t)
{
    return sql_text("SELECT format('order %%s, attempt %%s, payers %%s, entries %%s, anomaly %%s',"
                    " o.state, p.state,"
                    " (SELECT count(*) FROM payer WHERE out_trade_no = p.out_trade_no),"
                    " (SELECT count(*) FROM ledger_entry WHERE transaction_id = '%s'"
                    "   AND amount_fen = %lld),"
                    " coalesce((SELECT string_agg(kind, ' ') FROM anomaly"
                    "   WHERE transaction_id = '%s'), 'none'))"
                    " FROM payment p JOIN orders o USING (account_id, order_id)"
                    " WHERE p.out_trade_no = '%s'",
                    t->transaction_id, (long long)t->amount_fen, t->transaction_id,
                    attempt->out_trade_no);
}

/* expected.record: what must be kept of a success. */
static bool record_is_kept(const struct payment *attempt, const json_t *record)
{
    const char *name;
    json_t *value;
    struct payer *payers;
    size_t n;
    bool kept = true;
    if (!record)
        return true;
    is(payer_list(&w.st, w.a, attempt->account_id, &attempt->order_id, w.now_us, &payers, &n), OK);
    json_object_foreach((json_t *)record, name, value)
    {
        const char *text = json_string_value(value);
        const char *pair = arena_printf(w.a, "\"%s\":\"%s\"", name, text);
        kept = kept && (strcmp(name, "trade_no") == 0
                            ? rows_of_sql("SELECT count(*) FROM payment WHERE transaction_id = '%s'"
                                          " AND state = 'succeeded'",
                                          text) == 1
                            : n == 1 && strstr(payers[0].identity, pair) != NULL);
    }
    return kept;
}

/* As server/api/notify.c takes a verified notice. */
static enum status hear(const struct service *service, const struct trade *t)
{
    if (t->state != TRADE_PAID)
        return OK;
    return settle_trade(service, &w.st, w.a, t, "198.51.100.3", w.now_us + 5 * MINUTE_US);
}

/* The trade is as parsed; NULL when the parser refused. */
static bool happens_as_meant(const struct vector *v, const struct service *service,
                             const struct trade *parsed, struct payment *attempt)
{
    const json_t *order = json_object_get(v->inputs, "order");
    struct trade t = parsed ? *parsed : (struct trade){0};
    make_order(order, &t, attempt);
    move_here(order, attempt, &t);
    const char *before = everything();
    enum status heard = parsed ? hear(service, &t) : INVALID;
    const char *after = everything();
    bool changed = strcmp(before, after) != 0;
    bool ok = is_meant(v->expected, heard, changed ? written_about(attempt, &t) : NULL) &&
              record_is_kept(attempt, json_object_get(v->expected, "record"));
    if (parsed)
        ok = hear(service, &t) == heard && strcmp(everything(), after) == 0 && ok;
    return ok;
}

/* ---- WeChat Pay ---- */

/* The appids that the order allows are one merchant's, each of a way of paying. An attempt is made
 * for one: the notice's, where that is allowed. */
static const char *take_appids(const json_t *allowed, const char *heard, struct wechat *merchant)
{
    size_t i;
    json_t *appid;
    const char *chosen = json_string_value(json_array_get(allowed, 0));
    cr_assert(chosen && json_array_size(allowed) <= WECHAT_METHODS);
    json_array_foreach(allowed, i, appid)
    {
        merchant->appids[i] = (char *)json_string_value(appid);
        if (same_or_none(merchant->appids[i], heard))
            chosen = merchant->appids[i];
    }
    return chosen;
}

static bool wechat_agrees(const struct vector *v)
{
    const json_t *order = json_object_get(v->inputs, "order");
    const json_t *plain = json_object_get(v->inputs, "plaintext");
    static struct config config = {.n_wechat = 1, .retention = {.photo_days = 7, .order_days = 30}};
    struct wechat merchant = {.mchid = (char *)vector_text(order, "mchid")};
    const struct service service = {.config = &config, .vault = w.vault, .wechat = {&merchant}};
    struct trade t = {0};
    enum status s =
        wechat_parse_transaction(json_string_value(plain), json_string_length(plain), w.a, &t);
    struct payment attempt = {
        .channel = "wechat",
        .method = "jsapi",
        .merchant = merchant.mchid,
        .appid = take_appids(json_object_get(order, "appid_allow"), t.appid, &merchant)};
    bool agrees = happens_as_meant(v, &service, s == OK ? &t : NULL, &attempt);
    next_world();
    return agrees;
}
VECTORS(a_transaction_is_settled_against_our_payment, "wechat.business", wechat_agrees)

/* ---- Alipay ---- */

static struct alipay_params params_of(const json_t *object)
{
    const char *name;
    json_t *value;
    struct alipay_params params = {
        arena_alloc(w.a, (json_object_size(object) + 1) * sizeof *params.at), 0};
    json_object_foreach((json_t *)object, name, value)
    {
        params.at[params.n++] = (struct alipay_param){name, json_string_value(value)};
    }
    alipay_params_sort(&params);
    return params;
}

/* The parameters as Alipay sends them, signed here. */
static const char *signed_body(const json_t *object, const struct key_pair *alipay)
{
    static const char *const except[] = {"sign_type", NULL};
    struct alipay_params params = params_of(object);
    const char *text = alipay_params_join(&params, ALIPAY_EMPTY_DROPPED, except, w.a);
    params.at[params.n++] =
        (struct alipay_param){"sign", evp_sign(alipay, text, strlen(text), w.a)};
    return alipay_params_encode(&params, w.a);
}

/* Two applications of ours: the order's, and the one the notice names. */
static bool alipay_agrees(const struct vector *v)
{
    const json_t *order = json_object_get(v->inputs, "order");
    const json_t *params = json_object_get(v->inputs, "params");
    static struct config config = {.n_alipay = 2, .retention = {.photo_days = 7, .order_days = 30}};
    struct key_pair theirs = key_pair_named("platform");
    struct alipay ours = {.app_id = (char *)vector_text(order, "app_id"),
                          .seller_id = (char *)vector_text(order, "seller_id"),
                          .alipay_key = theirs.public_key};
    struct alipay named = ours;
    named.app_id = (char *)vector_text(params, "app_id");
    const struct service service = {.config = &config, .vault = w.vault, .alipay = {&ours, &named}};
    struct payment attempt = {
        .channel = "alipay", .method = "app", .merchant = ours.seller_id, .appid = ours.app_id};
    const char *body = signed_body(params, &theirs);
    const struct alipay *chosen;
    struct trade t = {0};
    /* Nobody's application is not even listened to. */
    enum notify_refusal alone =
        strcmp(ours.app_id, named.app_id) == 0 ? NOTIFY_ACCEPTED : NOTIFY_SERIAL;
    bool agrees =
        alipay_open_notify(service.alipay, 1, body, strlen(body), w.a, &t, &chosen) == alone &&
        alipay_open_notify(service.alipay, 2, body, strlen(body), w.a, &t, &chosen) ==
            NOTIFY_ACCEPTED &&
        happens_as_meant(v, &service, &t, &attempt);
    key_pair_free(&theirs);
    next_world();
    return agrees;
}
VECTORS(a_notify_is_settled_against_the_order, "alipay.business", alipay_agrees)
