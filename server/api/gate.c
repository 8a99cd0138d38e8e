/* SPDX-License-Identifier: MIT */
#include "api/gate.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "api/policies.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/limits.h"
#include "store/operator.h"
#include "store/wechat_binding.h"

/* No handler runs longer: a marker older than this was left by a crash. */
#define REQUEST_LIFE_US (30 * SECOND_US)

/* How young a session must be for what cannot be undone. */
#define FRESH_US (15 * MINUTE_US)

struct gate {
    struct session session;
    struct idempotency idempotency;
    struct operator_row operator_;
    struct params finish_params;
    struct step finish;
};

static struct gate *gate_of(const struct request *r)
{
    return r->gate;
}

const struct session *gate_session(const struct request *r)
{
    return &gate_of(r)->session;
}

static const char *bearer_token(const struct request *r)
{
    const char *value = request_header(r, "Authorization");
    return value && strncasecmp(value, "Bearer ", 7) == 0 ? value + 7 : "";
}

static void refuse_token(struct request *r)
{
    reply_add_header(r, "WWW-Authenticate", "Bearer");
    reply_problem(r, PROBLEM_UNAUTHENTICATED);
}

/* What looking a token up came to; false after having answered. */
static bool is_known(struct request *r, enum status s)
{
    if (s == NOT_FOUND)
        refuse_token(r);
    else if (s != OK)
        reply_status(r, s);
    return s == OK;
}

/* ---- accounts ---- */

static bool is_printable_key(const char *key)
{
    size_t n = key ? strlen(key) : 0;
    if (n < 1 || n > 255)
        return false;
    for (; *key; key++)
        if (!isprint((unsigned char)*key))
            return false;
    return true;
}

static void collect_query(void *arg, const char *name, const char *value)
{
    struct buf *b = arg;
    buf_printf(b, "%zu:%s=%s&", strlen(name), name, value ? value : "");
}

/* What makes two requests the same: path, query and body. */
static void describe_request(struct request *r, struct idempotency *i)
{
    struct buf *query = arena_buf(r->arena);
    request_each_query(r, collect_query, query);
    i->route = arena_printf(r->arena, "%s %s", r->route->method, r->route->path);
    i->key = request_header(r, "Idempotency-Key");
    i->attempt = uuid_new();
    i->request[0] = (struct span){r->path, strlen(r->path)};
    i->request[1] = (struct span){query->bytes, query->size};
    i->request[2] = (struct span){r->body, r->body_size};
}

static enum status find_session(struct request *r, struct gate *g)
{
    const char *token = bearer_token(r);
    if (!r->route->idempotent)
        return session_find(store_of(r), r->arena, token, r->now_us, &g->session);
    describe_request(r, &g->idempotency);
    return session_find_idempotent(store_of(r), r->arena, token, r->now_us, REQUEST_LIFE_US,
                                   &g->idempotency, &g->session);
}

static bool has_consent(struct request *r, const struct gate *g)
{
    const struct policies *p = app_of(r)->policies;
    const char *face = g->session.face_version;
    if (r->route->consent && !policy_is_enough(p, g->session.policy_version, r->now_us)) {
        reply_problem_with(r, PROBLEM_CONSENT_REQUIRED, "policy", json_string("/v1/policy"));
        return false;
    }
    if (r->route->faces && !(face && policy_is_enough(p, face, r->now_us))) {
        reply_problem_with(r, PROBLEM_CONSENT_REQUIRED, "purpose", json_string(FACE_PURPOSE));
        return false;
    }
    return true;
}

/* True when the work is ours to do; else the first answer, or why there is none, is given. */
static bool take_marker(struct request *r, const struct idempotency *i)
{
    switch (i->state) {
    case IDEMPOTENCY_NONE:
    case IDEMPOTENCY_NEW: return true;
    case IDEMPOTENCY_RUNNING: reply_problem(r, PROBLEM_IDEMPOTENCY_IN_PROGRESS); return false;
    case IDEMPOTENCY_REUSED: reply_problem(r, PROBLEM_IDEMPOTENCY_KEY_REUSED); return false;
    case IDEMPOTENCY_DONE:
        reply_add_header(r, "Idempotency-Replayed", "true");
        reply_json_text(r, (unsigned)i->http_status, i->answer);
        return false;
    }
    return false;
}

/* A refusal is not an answer worth keeping: the marker goes, and the call can be repeated. */
static void release_marker(struct request *r, const struct gate *g)
{
    if (g->idempotency.state != IDEMPOTENCY_NEW || r->reply_status < 400)
        return;
    if (idempotency_release(store_of(r), r->arena, g->session.account_id, &g->idempotency) != OK)
        log_warn("idempotency.unreleased");
}

static void dispatch_account(struct request *r)
{
    struct gate *g = gate_of(r);
    if (r->route->idempotent && !is_printable_key(request_header(r, "Idempotency-Key"))) {
        reply_problem(r, PROBLEM_IDEMPOTENCY_KEY_MISSING);
        return;
    }
    enum status s = find_session(r, g);
    if (!is_known(r, s))
        return;
    r->account_id = g->session.account_id;
    if (limits_admit_account(app_of(r)->limits, r) && take_marker(r, &g->idempotency) &&
        has_consent(r, g))
        r->route->handle(r);
    release_marker(r, g);
}

bool gate_is_current_policy(struct request *r, const char *version)
{
    if (strcmp(policy_current(app_of(r)->policies, r->now_us)->version, version) == 0)
        return true;
    reply_problem_with(r, PROBLEM_POLICY_VERSION_STALE, "policy", json_string("/v1/policy"));
    return false;
}

bool gate_is_fresh(struct request *r)
{
    bool bound = false;
    if (r->now_us - gate_session(r)->created_us < FRESH_US)
        return true;
    enum status s = wechat_binding_exists(store_of(r), r->arena, r->account_id, &bound);
    if (s != OK)
        reply_status(r, s);
    else if (bound)
        reply_problem(r, PROBLEM_REAUTHENTICATION_REQUIRED);
    return s == OK && !bound;
}

/* A token that is sent to a route of anyone's is not passed over: it says whose account is meant.
 */
static void dispatch_anyone(struct request *r)
{
    struct gate *g = gate_of(r);
    if (r->route->token_too && request_header(r, "Authorization")) {
        enum status s = find_session(r, g);
        if (!is_known(r, s))
            return;
        r->account_id = g->session.account_id;
    }
    r->route->handle(r);
}

const struct step *gate_finish_step(struct request *r, unsigned http_status, const char *answer,
                                    bool *failed)
{
    struct gate *g = gate_of(r);
    if (g->idempotency.state != IDEMPOTENCY_NEW)
        return NULL;
    enum status s =
        idempotency_finish_step(store_of(r), r->arena, r->account_id, &g->idempotency,
                                (int)http_status, answer, r->now_us, &g->finish_params, &g->finish);
    if (s != OK) {
        reply_status(r, s);
        *failed = true;
        return NULL;
    }
    return &g->finish;
}

/* ---- operators ---- */

static unsigned role_bit(const char *role)
{
    static const struct {
        const char *name;
        unsigned bit;
    } roles[] = {{"fulfilment", ROLE_FULFILMENT},
                 {"support", ROLE_SUPPORT},
                 {"finance", ROLE_FINANCE},
                 {"auditor", ROLE_AUDITOR},
                 {"admin", ROLE_ADMIN}};
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (strcmp(roles[i].name, role) == 0)
            return roles[i].bit;
    return 0;
}

/* "code" or "code:id": the id of an order, photo, payment or request, never free text. */
static bool is_purpose(const char *purpose)
{
    static const char *const codes[] = {"fulfilment", "support", "refund",
                                        "audit",      "legal",   "incident"};
    struct uuid id;
    size_t n = purpose ? strcspn(purpose, ":") : 0;
    bool known = false;
    for (size_t i = 0; n && i < sizeof codes / sizeof *codes; i++)
        known = known || (strlen(codes[i]) == n && strncmp(codes[i], purpose, n) == 0);
    if (!known || purpose[n] == 0)
        return known;
    const char *named = purpose + n + 1;
    return public_id_parse("ord_", named, &id) == OK || public_id_parse("req_", named, &id) == OK ||
           public_id_parse("pho_", named, &id) == OK || public_id_parse("pay_", named, &id) == OK;
}

static void dispatch_operator(struct request *r)
{
    struct gate *g = gate_of(r);
    enum status s = operator_find(store_of(r), r->arena, bearer_token(r), r->now_us, &g->operator_);
    if (!is_known(r, s))
        return;
    r->operator_id = g->operator_.operator_id;
    r->operator_roles = role_bit(g->operator_.role);
    r->purpose = request_header(r, "X-Purpose");
    if (!(r->operator_roles & (r->route->roles | ROLE_ADMIN)))
        reply_problem(r, PROBLEM_FORBIDDEN);
    else if (r->route->purpose && !is_purpose(r->purpose))
        reply_problem(r, PROBLEM_PURPOSE_REQUIRED);
    else
        r->route->handle(r);
}

enum status gate_note(struct request *r, struct arena *a, int64_t account_id,
                      const struct uuid *object_id, int64_t now_us)
{
    bool named = r->purpose && is_purpose(r->purpose);
    const char *colon = named ? strchr(r->purpose, ':') : NULL;
    const struct audit row = {
        .operator_id = &r->operator_id,
        .account_id = account_id,
        .action = r->route->audit,
        .object_id = object_id,
        .purpose = named ? arena_copy(a, r->purpose, strcspn(r->purpose, ":")) : NULL,
        .purpose_id = colon ? colon + 1 : NULL,
        .at_us = now_us,
    };
    CHECK(r->route->audit);
    return audit_write(store_of(r), a, &row);
}

bool gate_audit(struct request *r, int64_t account_id, const struct uuid *object_id)
{
    enum status s = gate_note(r, r->arena, account_id, object_id, r->now_us);
    if (s != OK)
        reply_status(r, s);
    return s == OK;
}

/* ---- all ---- */

void gate_dispatch(struct request *r)
{
    r->gate = arena_alloc(r->arena, sizeof(struct gate));
    switch (r->route->caller) {
    case CALLER_ANYONE: dispatch_anyone(r); break;
    case CALLER_PROVIDER: r->route->handle(r); break;
    case CALLER_ACCOUNT: dispatch_account(r); break;
    case CALLER_OPERATOR: dispatch_operator(r); break;
    }
}

const char *json_text(struct arena *a, json_t *document)
{
    char *text = json_dumps(document, JSON_COMPACT);
    CHECK_PEER(text);
    const char *copy = arena_strdup(a, text);
    explicit_bzero(text, strlen(text)); /* it may hold names; a memset before free is left out */
    free(text);
    json_decref(document);
    return copy;
}

void reply_json_text(struct request *r, unsigned http_status, const char *text)
{
    reply_bytes(r, http_status, "application/json", text, strlen(text));
}
