/* SPDX-License-Identifier: MIT */
#include "delivery.h"

#include "moment.h"
#include "store.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

/* Both providers give up after about five seconds; more of an answer nobody reads. */
enum { ANSWER_WAIT_MS = 5000, ANSWER_BYTES_MAX = 4096 };

struct journal {
    pthread_mutex_t lock; /* stays first: store_new */
    json_t *sent;
};

struct answer {
    long status;
    struct text body;
    const char *error;
    double elapsed_s;
};

struct journal *journal_new(void)
{
    struct journal *j = store_new(sizeof *j);
    j->sent = json_array();
    return j;
}

void journal_free(struct journal *journal)
{
    if (!journal)
        return;
    json_decref(journal->sent);
    pthread_mutex_destroy(&journal->lock);
    free(journal);
}

json_t *journal_copy(struct journal *journal)
{
    pthread_mutex_lock(&journal->lock);
    json_t *copy = json_deep_copy(journal->sent);
    pthread_mutex_unlock(&journal->lock);
    return copy;
}

static void journal_add(struct journal *journal, json_t *entry)
{
    pthread_mutex_lock(&journal->lock);
    json_object_set_new(entry, "id", json_integer((json_int_t)json_array_size(journal->sent) + 1));
    json_array_append_new(journal->sent, json_deep_copy(entry));
    pthread_mutex_unlock(&journal->lock);
}

static size_t collect(char *bytes, size_t one, size_t n, void *context)
{
    struct answer *a = context;
    size_t room = ANSWER_BYTES_MAX - a->body.size, got = one * n;
    text_add(&a->body, bytes, got < room ? got : room);
    return got;
}

static void set_options(CURL *curl, const struct callback *c, struct curl_slist *headers,
                        struct answer *a)
{
    curl_easy_setopt(curl, CURLOPT_URL, c->url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->body_size);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, c->body);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, a);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)ANSWER_WAIT_MS);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    /* a test server on loopback has a certificate of its own making */
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
}

static void post(struct pool *pool, const struct callback *c, struct answer *a)
{
    struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
    for (size_t i = 0; i < c->n_headers; i++)
        headers = curl_slist_append(
            headers, pool_print(pool, "%s: %s", c->headers[i].name, c->headers[i].value));
    CURL *curl = curl_easy_init();
    if (!curl || !headers)
        abort();
    set_options(curl, c, headers, a);
    CURLcode result = curl_easy_perform(curl);
    if (result != CURLE_OK)
        a->error = pool_text(pool, curl_easy_strerror(result));
    else
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &a->status);
    curl_easy_getinfo(curl, CURLINFO_TOTAL_TIME, &a->elapsed_s);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
}

/* WeChat looks at the status alone, Alipay at the seven bytes. */
static bool is_acknowledged(enum channel channel, const struct answer *a)
{
    if (channel == CHANNEL_WECHAT)
        return a->status == 200 || a->status == 204;
    return a->status == 200 && strcmp(a->body.at, "success") == 0;
}

static json_t *describe(struct pool *pool, const struct notice *n, const struct callback *c,
                        const struct answer *a, bool retry)
{
    json_t *body = json_stringn(a->body.at, a->body.size);
    json_t *entry = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:i, s:o, s:b, s:b, s:i}", "id", 0,
                              "channel", channel_text(n->trade.channel), "out_trade_no",
                              n->trade.out_trade_no, "fault", fault_name(n->fault), "url", c->url,
                              "sent_at", moment_rfc3339(pool, moment_now_s()), "status",
                              (int)a->status, "body", body ? body : json_string("(not UTF-8)"),
                              "acknowledged", (int)is_acknowledged(n->trade.channel, a), "retry",
                              (int)retry, "elapsed_ms", (int)(a->elapsed_s * 1000));
    if (n->refund)
        json_object_set_new(entry, "out_refund_no", json_string(n->refund->out_refund_no));
    if (a->error)
        json_object_set_new(entry, "error", json_string(a->error));
    return entry;
}

json_t *delivery_send(struct sandbox *s, struct pool *pool, const struct notice *notice,
                      const struct callback *callback, bool retry)
{
    struct answer a = {.body = {.pool = pool}};
    text_puts(&a.body, "");
    if (url_is_loopback(callback->url))
        post(pool, callback, &a);
    else
        a.error = "not sent: only loopback is called";
    bool acknowledged = is_acknowledged(notice->trade.channel, &a);
    bool genuine = fault_is_genuine(notice->fault) && !notice->transaction_id;
    if (genuine && notice->refund)
        refunds_mark_notified(s->refunds, notice->refund, acknowledged);
    else if (genuine)
        trades_mark_notified(s->trades, &notice->trade, acknowledged);
    json_t *entry = describe(pool, notice, callback, &a, retry);
    journal_add(s->journal, entry);
    return entry;
}

void delivery_pay(struct sandbox *s, struct pool *pool, enum channel channel,
                  const char *out_trade_no)
{
    static const struct payer anybody;
    struct notice notice = {0};
    struct callback callback;
    if (!trades_find(s->trades, channel, out_trade_no, &notice.trade) ||
        !trades_pay(s->trades, &notice.trade, &anybody, moment_now_s()) ||
        !trades_find(s->trades, channel, out_trade_no, &notice.trade) ||
        !callback_build(s, pool, &notice, &callback))
        return;
    json_decref(delivery_send(s, pool, &notice, &callback, false));
}
