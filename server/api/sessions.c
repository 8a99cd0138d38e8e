/* SPDX-License-Identifier: MIT */
#include "api/answers.h"
#include "api/gate.h"
#include "api/handlers.h"
#include "jobs/login.h"
#include "store/wechat_binding.h"

struct login_body {
    const char *js_code, *policy_version;
};

static const char *rule_js_code(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x21 || (unsigned char)*text > 0x7e)
            return "malformed";
    return NULL;
}

static const struct json_member login_members[] = {
    {.name = "js_code",
     .kind = JSON_KIND_TEXT,
     .required = true,
     .offset = offsetof(struct login_body, js_code),
     .least = 1,
     .most = JS_CODE_MAX,
     .rule = rule_js_code,
     .detail = "as wx.login gave it"},
    {.name = "policy_version",
     .kind = JSON_KIND_TEXT,
     .required = true,
     .offset = offsetof(struct login_body, policy_version),
     .least = 1,
     .most = 40},
};
static const struct json_shape login_shape = {login_members, 2, sizeof(struct login_body)};

static void refuse(struct request *r, enum problem p, const char *retry_after_s)
{
    if (retry_after_s)
        reply_add_header(r, "Retry-After", retry_after_s);
    reply_problem(r, p);
}

/* Who the code was given to; NULL after having answered. */
static const char *ask_wechat(struct request *r, const char *js_code)
{
    struct worker *worker = r->worker;
    struct wechat_login_answer answer;
    login_ask(&worker->provider, js_code, r->arena, &answer);
    switch (answer.outcome) {
    case WECHAT_LOGIN_KNOWN: return answer.openid;
    case WECHAT_LOGIN_CODE_INVALID: refuse(r, PROBLEM_JS_CODE_INVALID, NULL); break;
    case WECHAT_LOGIN_BLOCKED: refuse(r, PROBLEM_WECHAT_LOGIN_BLOCKED, NULL); break;
    case WECHAT_LOGIN_TOO_OFTEN: refuse(r, PROBLEM_PROVIDER_UNAVAILABLE, "60"); break;
    case WECHAT_LOGIN_BUSY: refuse(r, PROBLEM_PROVIDER_UNAVAILABLE, "3"); break;
    case WECHAT_LOGIN_MISCONFIGURED: refuse(r, PROBLEM_PROVIDER_UNAVAILABLE, "300"); break;
    }
    return NULL;
}

static void reply_login(struct request *r, const struct wechat_login *login)
{
    reply_json(r, login->created ? 201 : 200,
               json_pack("{s:o, s:s, s:b}", "account_id", answer_account_id(login->account_id),
                         "token", login->token, "created", login->created));
}

/* With a token: the account that it belongs to is bound, unless either side is bound already. */
void session_post_wechat(struct request *r)
{
    struct login_body body;
    struct wechat_login login;
    const struct wechat_login_app *app = app_of(r)->service.login;
    if (!body_parse(r, &login_shape, &body) || !gate_is_current_policy(r, body.policy_version))
        return;
    if (!app) {
        field_error(r, "/js_code", "not-offered", "logging in by WeChat is not set up here");
        reply_problem(r, PROBLEM_INVALID_MEMBERS);
        return;
    }
    const struct wechat_user user = {wechat_login_appid(app), ask_wechat(r, body.js_code)};
    if (!user.openid)
        return;
    enum status s = r->account_id ? wechat_binding_add(store_of(r), r->arena, r->account_id, &user,
                                                       body.policy_version, r->now_us, &login)
                                  : wechat_binding_login(store_of(r), r->arena, &user,
                                                         body.policy_version, r->now_us, &login);
    if (s == OK)
        reply_login(r, &login);
    else if (s == CONFLICT)
        reply_problem(r, PROBLEM_WECHAT_BOUND_OTHERWISE);
    else
        reply_status(r, s);
}

static void reply_done(struct request *r, enum status s)
{
    if (s == OK)
        reply_empty(r, 204);
    else
        reply_status(r, s);
}

void session_delete_current(struct request *r)
{
    reply_done(r, session_end(store_of(r), r->arena, r->account_id, gate_session(r)->session_id));
}

void session_delete_every(struct request *r)
{
    reply_done(r, session_end_all(store_of(r), r->arena, r->account_id));
}
