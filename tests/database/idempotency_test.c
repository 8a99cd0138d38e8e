/* SPDX-License-Identifier: MIT */
/* Sessions, and the first answer that is kept for 24 hours. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

#define LIFE_US (30 * SECOND_US)

static int64_t account;
static char token[TOKEN_BYTES];

static void sign_in(void)
{
    world_up();
    is(account_create(&w.st, w.a, w.now_us, false, NULL, "1.0", &account, token), OK);
}

TestSuite(idempotency, .init = sign_in, .fini = world_down, .timeout = 60);
TestSuite(session, .init = sign_in, .fini = world_down, .timeout = 60);

static struct idempotency request_of(const char *key, const char *body)
{
    return (struct idempotency){.route = "POST /v1/orders",
                                .key = key,
                                .request = {{"/v1/orders", 10}, {"", 0}, {body, strlen(body)}},
                                .attempt = uuid_new()};
}

static enum status look(struct idempotency *i, int64_t now_us)
{
    struct session session;
    return session_find_idempotent(&w.st, w.a, token, now_us, LIFE_US, i, &session);
}

static enum status finish(const struct idempotency *i, int http_status, const char *answer,
                          int64_t now_us)
{
    struct params p = {0};
    struct step step;
    is(idempotency_finish_step(&w.st, w.a, account, i, http_status, answer, now_us, &p, &step), OK);
    return payment_answer(&w.st, w.a, &step, now_us + DAY_US);
}

Test(idempotency, the_first_answer_is_given_again)
{
    struct idempotency first = request_of("k1", "body"), again = request_of("k1", "body");
    is(look(&first, w.now_us), OK);
    is(first.state, IDEMPOTENCY_NEW);
    is(look(&again, w.now_us + SECOND_US), OK);
    is(again.state, IDEMPOTENCY_RUNNING);
    is(finish(&first, 201, "{\"order\":\"Zhang Wei\"}", w.now_us), OK);
    is(look(&again, w.now_us + DAY_US - 1), OK);
    is(again.state, IDEMPOTENCY_DONE);
    is(again.http_status, 201);
    same_text(again.answer, "{\"order\":\"Zhang Wei\"}");
    is(rows_of_sql("SELECT count(*) FROM idempotency WHERE position('Zhang' IN"
                   " encode(answer_sealed, 'escape')) > 0"),
       0);
}

Test(idempotency, another_body_path_or_query_under_the_key_is_a_reuse)
{
    struct idempotency first = request_of("k1", "body"), other = request_of("k1", "Body");
    is(look(&first, w.now_us), OK);
    is(look(&other, w.now_us), OK);
    is(other.state, IDEMPOTENCY_REUSED);
    is(finish(&first, 200, "{}", w.now_us), OK);
    is(look(&other, w.now_us), OK);
    is(other.state, IDEMPOTENCY_REUSED);
    struct idempotency path = request_of("k1", "body");
    path.request[0] = (struct span){"/v1/order", 9};
    path.request[1] = (struct span){"s", 1};
    is(look(&path, w.now_us), OK);
    is(path.state, IDEMPOTENCY_REUSED);
    /* a stale marker of another body is not taken over either */
    struct idempotency stale = request_of("k2", "one"), differs = request_of("k2", "two");
    is(look(&stale, w.now_us), OK);
    is(look(&differs, w.now_us + LIFE_US + 1), OK);
    is(differs.state, IDEMPOTENCY_REUSED);
}

Test(idempotency, keys_of_other_routes_and_accounts_are_other_keys)
{
    struct idempotency first = request_of("k1", "body"), route = request_of("k1", "body"),
                       other = request_of("k1", "body");
    is(look(&first, w.now_us), OK);
    route.route = "POST /v1/photos";
    is(look(&route, w.now_us), OK);
    is(route.state, IDEMPOTENCY_NEW);
    is(account_create(&w.st, w.a, w.now_us, false, NULL, "1.0", &account, token), OK);
    is(look(&other, w.now_us), OK);
    is(other.state, IDEMPOTENCY_NEW);
}

Test(idempotency, what_a_crash_left_is_taken_over_after_a_requests_life)
{
    struct idempotency first = request_of("k1", "body"), next = request_of("k1", "body");
    is(look(&first, w.now_us), OK);
    is(look(&next, w.now_us + LIFE_US), OK);
    is(next.state, IDEMPOTENCY_RUNNING);
    is(look(&next, w.now_us + LIFE_US + 1), OK);
    is(next.state, IDEMPOTENCY_NEW);
    /* the first was only slow: its work must not stand beside the second's */
    is(finish(&first, 201, "first", w.now_us + LIFE_US + 2), CONFLICT);
    cr_assert(db_refused_by(w.st.db, "idempotency"));
    is(finish(&next, 201, "next", w.now_us + LIFE_US + 3), OK);
    is(finish(&next, 201, "again", w.now_us + LIFE_US + 3), CONFLICT);
    is(look(&first, w.now_us + LIFE_US + 4), OK);
    same_text(first.answer, "next");
}

Test(idempotency, the_work_is_undone_when_another_attempt_took_over)
{
    struct idempotency first = request_of("k1", "body"), next = request_of("k1", "body");
    struct uuid photo = new_photo(account), order_id = uuid_new();
    struct params p = {0};
    struct step step;
    struct order_item item = {"electronic", "electronic", photo, 1, 990};
    const struct order order = {.account_id = account,
                                .order_id = order_id,
                                .kind = "electronic",
                                .amount_fen = 990,
                                .created_us = w.now_us,
                                .expires_us = w.now_us + OPEN_US,
                                .items = &item,
                                .n_items = 1,
                                .client_ip = "192.0.2.1"};
    is(look(&first, w.now_us), OK);
    is(look(&next, w.now_us + LIFE_US + 1), OK);
    is(idempotency_finish_step(&w.st, w.a, account, &first, 201, "{}", w.now_us, &p, &step), OK);
    is(order_create(&w.st, w.a, &order, &step), CONFLICT);
    is(rows_of_sql("SELECT count(*) FROM orders"), 0);
    is(rows_of_sql("SELECT count(*) FROM photo_copy WHERE expires_at > '%s'::timestamptz +"
                   " interval '1 hour'",
                   "2026-12-01T04:00:00Z"),
       0);
}

Test(idempotency, after_a_day_the_key_is_new_again)
{
    struct idempotency first = request_of("k1", "body"), next = request_of("k1", "other");
    is(look(&first, w.now_us), OK);
    is(finish(&first, 201, "{}", w.now_us), OK);
    is(look(&next, w.now_us + DAY_US - 1), OK);
    is(next.state, IDEMPOTENCY_REUSED);
    is(look(&next, w.now_us + DAY_US), OK);
    is(next.state, IDEMPOTENCY_NEW);
    is(rows_of_sql("SELECT count(*) FROM idempotency WHERE http_status IS NULL AND"
                   " answer_sealed IS NULL"),
       1);
    is(finish(&next, 200, "new", w.now_us + DAY_US), OK);
}

Test(idempotency, a_refusal_gives_the_key_back)
{
    struct idempotency first = request_of("k1", "body"), next = request_of("k1", "other");
    is(look(&first, w.now_us), OK);
    is(idempotency_release(&w.st, w.a, account, &next), OK); /* not ours */
    is(rows_of_sql("SELECT count(*) FROM idempotency"), 1);
    is(idempotency_release(&w.st, w.a, account, &first), OK);
    is(look(&next, w.now_us), OK);
    is(next.state, IDEMPOTENCY_NEW);
    is(finish(&next, 201, "{}", w.now_us), OK);
    is(idempotency_release(&w.st, w.a, account, &next), OK); /* too late: the answer stays */
    is(rows_of_sql("SELECT count(*) FROM idempotency"), 1);
}

struct asker {
    struct idempotency i;
    enum status status;
    struct arena *arena;
};

static void *ask(void *arg)
{
    struct asker *k = arg;
    struct store st = store_new();
    struct session session;
    if (db_ready(st.db) != OK)
        abort();
    k->arena = arena_new();
    k->status = session_find_idempotent(&st, k->arena, token, w.now_us, LIFE_US, &k->i, &session);
    store_free(&st);
    return NULL;
}

Test(idempotency, of_many_at_once_one_does_the_work)
{
    enum { ASKERS = 12 };
    for (int round = 0; round < 4; round++) {
        struct asker k[ASKERS];
        memset(k, 0, sizeof k);
        for (int i = 0; i < ASKERS; i++)
            k[i].i = request_of(arena_printf(w.a, "round %d", round), "body");
        run_together(ASKERS, ask, k, sizeof *k);
        int fresh = 0, running = 0;
        for (int i = 0; i < ASKERS; i++) {
            is(k[i].status, OK);
            fresh += k[i].i.state == IDEMPOTENCY_NEW;
            running += k[i].i.state == IDEMPOTENCY_RUNNING;
            arena_free(k[i].arena);
        }
        is(fresh, 1);
        is(running, ASKERS - 1);
    }
}

/* ---- sessions ---- */

Test(session, only_the_whole_live_token_opens_it)
{
    struct session found;
    char broken[TOKEN_BYTES];
    is(session_find(&w.st, w.a, token, w.now_us, &found), OK);
    is(found.account_id, account);
    for (size_t i = 0; i < sizeof broken - 1; i++) {
        memcpy(broken, token, sizeof broken);
        broken[i] = broken[i] == 'a' ? 'b' : 'a';
        is(session_find(&w.st, w.a, broken, w.now_us, &found), NOT_FOUND);
    }
    is(session_find(&w.st, w.a, "", w.now_us, &found), NOT_FOUND);
    is(session_find(&w.st, w.a, token, w.now_us + SESSION_LIFE_US - 1, &found), OK);
    is(rows_of_sql("SELECT count(*) FROM session s WHERE position('%.20s' IN s::text) > 0",
                   token + 4),
       0);
}

Test(session, it_ends_at_the_instant)
{
    struct session found;
    is(session_find(&w.st, w.a, token, w.now_us + SESSION_LIFE_US, &found), NOT_FOUND);
    is(session_end_all(&w.st, w.a, account), OK);
    is(session_find(&w.st, w.a, token, w.now_us, &found), NOT_FOUND);
}

Test(session, a_use_is_noted_once_a_day)
{
    struct session found;
    const char *look_at =
        "SELECT (extract(epoch FROM last_used_at) * 1000000)::bigint FROM session";
    is(session_find(&w.st, w.a, token, w.now_us + DAY_US, &found), OK);
    is(rows_of_sql("%s", look_at), w.now_us);
    is(session_find(&w.st, w.a, token, w.now_us + DAY_US + 1, &found), OK);
    is(rows_of_sql("%s", look_at), w.now_us + DAY_US + 1);
    is(session_find(&w.st, w.a, token, w.now_us + DAY_US + SESSION_LIFE_US, &found), OK);
}
