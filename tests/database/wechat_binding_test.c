/* SPDX-License-Identifier: MIT */
/* A WeChat user's account: found again without an openid in the table, by one user alone, and for
 * no longer than the lease. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"
#include "store/wechat_binding.h"
#include "vault/erasures.h"

#define VERSION "2026-11-01"

TestSuite(wechat_binding, .init = world_up, .fini = world_down, .timeout = 60);

static const struct wechat_user MEI = {"wxb0b1b2b3b4b5b6b7", "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"};
static const struct wechat_user LAN = {"wxb0b1b2b3b4b5b6b7", "oUpF8uMuAJO_M2pxb1Q9zNjWeS6p"};

static struct wechat_login log_in(const struct wechat_user *user)
{
    struct wechat_login login = {0};
    is(wechat_binding_login(&w.st, w.a, user, VERSION, w.now_us, &login), OK);
    return login;
}

static enum status add(int64_t account_id, const struct wechat_user *user)
{
    struct wechat_login login;
    return wechat_binding_add(&w.st, w.a, account_id, user, VERSION, w.now_us, &login);
}

static int64_t bindings(void)
{
    return rows_of_sql("SELECT count(*) FROM wechat_binding");
}

static void renew(void)
{
    int renewed;
    is(lease_renew(&w.st, w.now_us, 100, &renewed), OK);
}

Test(wechat_binding, a_second_login_is_the_same_account_and_another_token)
{
    struct wechat_login first = log_in(&MEI), second = log_in(&MEI);
    struct session session;
    cr_assert(first.created);
    cr_assert_not(second.created);
    is(second.account_id, first.account_id);
    cr_assert_str_neq(second.token, first.token);
    is(session_find(&w.st, w.a, first.token, w.now_us, &session), OK);
    is(session_find(&w.st, w.a, second.token, w.now_us, &session), OK);
    is(session.account_id, first.account_id);
    is(rows_of_sql("SELECT count(*) FROM consent WHERE purpose = 'service'"), 1);
}

Test(wechat_binding, another_user_or_another_app_is_another_account)
{
    const struct wechat_user elsewhere = {"wxc0c1c2c3c4c5c6c7", MEI.openid};
    int64_t mei = log_in(&MEI).account_id;
    cr_assert(log_in(&LAN).account_id != mei);
    cr_assert(log_in(&elsewhere).account_id != mei);
    is(bindings(), 3);
}

Test(wechat_binding, the_openid_opens_for_its_account_alone)
{
    const char *openid = NULL;
    int64_t mei = log_in(&MEI).account_id, lan = log_in(&LAN).account_id;
    is(wechat_binding_openid(&w.st, w.a, mei, MEI.appid, &openid), OK);
    same_text(openid, MEI.openid);
    is(wechat_binding_openid(&w.st, w.a, mei, "wxc0c1c2c3c4c5c6c7", &openid), NOT_FOUND);
    is(wechat_binding_openid(&w.st, w.a, new_account(), MEI.appid, &openid), NOT_FOUND);
    /* a row cannot be moved to somebody else */
    sql_do("DELETE FROM wechat_binding WHERE account_id = %lld", (long long)lan);
    sql_do("UPDATE wechat_binding SET account_id = %lld", (long long)lan);
    is(wechat_binding_openid(&w.st, w.a, lan, MEI.appid, &openid), DENIED);
}

Test(wechat_binding, nothing_in_the_table_is_the_openid)
{
    char plain[200];
    log_in(&MEI);
    snprintf(plain, sizeof plain,
             "SELECT count(*) FROM wechat_binding b WHERE position('%s'::bytea IN"
             " convert_to(b::text, 'UTF8') || b.openid_index || b.openid_sealed || b.key_wrapped)"
             " > 0",
             MEI.openid);
    is(rows_of_sql("%s", plain), 0);
}

enum { TOGETHER = 8 };

static void *log_in_together(void *arg)
{
    struct wechat_login *login = arg;
    struct store st = store_new();
    struct arena *a = arena_new();
    int64_t now_us = w.now_us + login->account_id; /* what the test put there */
    enum status s = wechat_binding_login(&st, a, &MEI, VERSION, now_us, login);
    if (s != OK)
        login->account_id = -(int64_t)s;
    arena_free(a);
    store_free(&st);
    return NULL;
}

Test(wechat_binding, logins_at_the_same_time_make_one_account)
{
    struct wechat_login logins[TOGETHER] = {0};
    int created = 0;
    for (int i = 0; i < TOGETHER; i += 2)
        logins[i].account_id = DAY_US; /* at midnight, the index is another one */
    run_together(TOGETHER, log_in_together, logins, sizeof *logins);
    for (int i = 0; i < TOGETHER; i++) {
        is(logins[i].account_id, logins[0].account_id);
        created += logins[i].created;
    }
    is(created, 1);
    is(rows_of_sql("SELECT count(*) FROM account"), 1);
    is(rows_of_sql("SELECT count(*) FROM session"), TOGETHER);
}

/* ---- binding an account that is there ---- */

Test(wechat_binding, an_account_is_bound_once_and_binding_again_changes_nothing)
{
    int64_t account = new_account();
    bool bound = true;
    is(wechat_binding_exists(&w.st, w.a, account, &bound), OK);
    cr_assert_not(bound);
    is(add(account, &MEI), OK);
    is(add(account, &MEI), OK);
    is(bindings(), 1);
    is(wechat_binding_exists(&w.st, w.a, account, &bound), OK);
    cr_assert(bound);
    is(log_in(&MEI).account_id, account);
}

Test(wechat_binding, neither_side_is_bound_twice)
{
    int64_t account = new_account(), other = new_account();
    is(add(account, &MEI), OK);
    is(add(other, &MEI), CONFLICT);
    is(add(account, &LAN), CONFLICT);
    is(bindings(), 1);
    is(rows_of_sql("SELECT count(*) FROM session WHERE account_id = %lld", (long long)other), 1);
    is(log_in(&MEI).account_id, account);
}

/* ---- the lease ---- */

Test(wechat_binding, a_lease_keeps_the_user_findable_for_months)
{
    int64_t account = log_in(&MEI).account_id;
    const char *index = sql_text("SELECT openid_index::text FROM wechat_binding");
    for (int day = 1; day <= 70; day++) {
        w.now_us += DAY_US;
        int32_t oldest;
        renew();
        is(oldest_key_day(&w.st, w.a, vault_ratchet_day(w.vault), day_of(w.now_us), &oldest), OK);
        int32_t target = oldest < day_of(w.now_us) ? oldest : day_of(w.now_us);
        if (target > vault_ratchet_day(w.vault))
            is(vault_ratchet_step(w.vault, target), OK);
    }
    is(vault_ratchet_day(w.vault), day_of(w.now_us));
    cr_assert_str_neq(sql_text("SELECT openid_index::text FROM wechat_binding"), index);
    cr_assert(rows_of_sql("SELECT key_day FROM wechat_binding") <= day_of(w.now_us) + 31);
    is(log_in(&MEI).account_id, account);
}

Test(wechat_binding, what_a_backup_holds_is_noise_when_the_lease_is_over)
{
    const char *openid;
    bool bound = true;
    int64_t account = log_in(&MEI).account_id;
    int32_t key_day = (int32_t)rows_of_sql("SELECT key_day FROM wechat_binding");
    w.now_us += 40 * DAY_US;
    is(vault_ratchet_step(w.vault, key_day + 1), OK);
    is(wechat_binding_openid(&w.st, w.a, account, MEI.appid, &openid), NOT_FOUND);
    is(wechat_binding_exists(&w.st, w.a, account, &bound), OK);
    cr_assert_not(bound);
    renew(); /* what cannot be opened is not due */
    cr_assert(log_in(&MEI).account_id != account);
    is(add(account, &LAN), OK); /* the dead row gives way */
    is(log_in(&LAN).account_id, account);
}

Test(wechat_binding, a_new_master_version_wraps_it_again)
{
    char why[256];
    int done = 0;
    int64_t account = log_in(&MEI).account_id;
    is(vault_keygen(w.keys, true, day_of(w.now_us), why, sizeof why), OK);
    is(vault_reload_masters(w.vault, why, sizeof why), OK);
    is(master_rewrap(&w.st, 100, &done), OK);
    is(done, 1);
    is(rows_of_sql("SELECT get_byte(key_wrapped, 2) FROM wechat_binding"), 2);
    const char *openid;
    is(wechat_binding_openid(&w.st, w.a, account, MEI.appid, &openid), OK);
    same_text(openid, MEI.openid);
    is(log_in(&MEI).account_id, account);
}

/* ---- erasure ---- */

Test(wechat_binding, goes_with_its_account_and_stays_gone_after_a_restore)
{
    struct erased erased;
    struct erasure_set *set;
    int64_t deleted = 0, account = log_in(&MEI).account_id;
    sql_do("CREATE TABLE backup_account AS SELECT * FROM account");
    sql_do("CREATE TABLE backup_binding AS SELECT * FROM wechat_binding");
    int32_t key_day = (int32_t)rows_of_sql("SELECT key_day FROM wechat_binding");
    is(erase_account(&w.st, w.a, account, w.now_us, false, &erased), OK);
    is(bindings(), 0);
    is(rows_of_sql("SELECT last_day FROM receipt"), key_day);
    cr_assert(log_in(&MEI).created);
    sql_do("DELETE FROM account");
    sql_do("INSERT INTO account SELECT * FROM backup_account");
    sql_do("INSERT INTO wechat_binding SELECT * FROM backup_binding");
    is(erasures_load(w.vault, &set), OK);
    is(erasures_replay(&w.st, w.a, set, &deleted), OK);
    erasures_free(set);
    is(deleted, 1);
    is(bindings(), 0);
}

Test(wechat_binding, the_ratchet_waits_for_it)
{
    int32_t oldest;
    log_in(&MEI);
    sql_do("UPDATE wechat_binding SET key_day = %d", day_of(w.now_us));
    is(oldest_key_day(&w.st, w.a, vault_ratchet_day(w.vault), day_of(w.now_us) + 3, &oldest), OK);
    is(oldest, day_of(w.now_us));
}
