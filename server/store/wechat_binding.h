/* SPDX-License-Identifier: MIT */
/*
 * Which account a WeChat user logs in to.
 *
 * The openid is sealed; it is found by a blind index that is bound to the row's
 * key day, so a look-up compares with the values of all live days. key_day is a
 * lease of 31 days, and the index is computed again when it is renewed. An
 * openid opens one account, an account has one openid of each appid.
 * Architecture, sections 4 and 5. One thread per struct store.
 */
#ifndef IDPHOTOD_STORE_WECHAT_BINDING_H
#define IDPHOTOD_STORE_WECHAT_BINDING_H

#include "store/account.h"

/* openid: 1 to 128 bytes, as WeChat gave it for the appid. Both are borrowed. */
struct wechat_user {
    const char *appid, *openid;
};

struct wechat_login {
    int64_t account_id;
    char token[TOKEN_BYTES];
    bool created; /* the account is new */
};

/* A new session for the account that the user is bound to, or a new account bound to the user;
 * agrees to policy_version either way. Two calls at the same time make one account. */
enum status wechat_binding_login(struct store *st, struct arena *a, const struct wechat_user *user,
                                 const char *policy_version, int64_t now_us,
                                 struct wechat_login *out) MUST_USE;

/* Binds the user to an account that exists, and opens a session. OK as well when it is bound so
 * already. CONFLICT: the user has another account, or the account another user of this appid.
 * NOT_FOUND: no such account. */
enum status wechat_binding_add(struct store *st, struct arena *a, int64_t account_id,
                               const struct wechat_user *user, const char *policy_version,
                               int64_t now_us, struct wechat_login *out) MUST_USE;

/* The account's openid under that appid. NOT_FOUND: none that can be read. */
enum status wechat_binding_openid(struct store *st, struct arena *a, int64_t account_id,
                                  const char *appid, const char **openid) MUST_USE;

/* Whether the account is bound to any WeChat user. */
enum status wechat_binding_exists(struct store *st, struct arena *a, int64_t account_id,
                                  bool *bound) MUST_USE;

/* Of lease_renew: renews at most `limit` rows whose lease ends within 10 days; adds to *renewed. */
enum status wechat_binding_renew(struct store *st, struct arena *a, int64_t now_us, int limit,
                                 int *renewed) MUST_USE;

#endif
