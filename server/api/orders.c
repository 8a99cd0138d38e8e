/* SPDX-License-Identifier: MIT */
#include "store/order.h"

#include <stdlib.h>
#include <string.h>

#include "api/answers.h"
#include "api/catalogue.h"
#include "api/gate.h"
#include "api/handlers.h"
#include "api/recipient.h"
#include "store/lifetime.h"

enum { QUANTITY_MOST = 100 };

struct item_body {
    const char *product, *photo_id;
    int64_t quantity;
};

struct order_body {
    struct json_list items;
    struct recipient *recipient;
    bool accepts_no_refund;
};

static const struct json_member item_members[] = {
    {.name = "product",
     .kind = JSON_KIND_TEXT,
     .required = true,
     .offset = offsetof(struct item_body, product),
     .least = 1,
     .most = 60},
    {.name = "photo_id",
     .kind = JSON_KIND_TEXT,
     .required = true,
     .offset = offsetof(struct item_body, photo_id),
     .least = 26,
     .most = 26},
    {.name = "quantity",
     .kind = JSON_KIND_INTEGER,
     .required = true,
     .offset = offsetof(struct item_body, quantity),
     .least = 1,
     .most = QUANTITY_MOST},
};
static const struct json_shape item_shape = {item_members, 3, sizeof(struct item_body)};

static const struct json_member order_members[] = {
    {.name = "items",
     .kind = JSON_KIND_ARRAY,
     .required = true,
     .offset = offsetof(struct order_body, items),
     .least = 1,
     .most = ORDER_ITEMS_MAX,
     .shape = &item_shape},
    {.name = "recipient",
     .kind = JSON_KIND_OBJECT,
     .offset = offsetof(struct order_body, recipient),
     .shape = &recipient_shape},
    {.name = "accepts_no_refund",
     .kind = JSON_KIND_BOOLEAN,
     .offset = offsetof(struct order_body, accepts_no_refund)},
};
static const struct json_shape order_shape = {order_members, 3, sizeof(struct order_body)};

struct patch_body {
    struct recipient *recipient;
};
static const struct json_member patch_members[] = {
    {.name = "recipient",
     .kind = JSON_KIND_OBJECT,
     .required = true,
     .offset = offsetof(struct patch_body, recipient),
     .shape = &recipient_shape},
};
static const struct json_shape patch_shape = {patch_members, 1, sizeof(struct patch_body)};

/* ---- POST /v1/orders ---- */

static const char *item_pointer(struct request *r, size_t i, const char *member)
{
    return arena_printf(r->arena, "/items/%zu/%s", i, member);
}

static bool is_electronic(const struct order_item *item)
{
    return strcmp(item->kind, "electronic") == 0;
}

static void price_item(struct request *r, size_t i, const struct item_body *body,
                       struct order_item *item)
{
    const struct product *product = catalogue_find(app_of(r)->catalogue, body->product);
    if (!product) {
        field_error(r, item_pointer(r, i, "product"), "unknown", "an id of /v1/products");
        return;
    }
    if (public_id_parse("pho_", body->photo_id, &item->photo_id) != OK)
        field_error(r, item_pointer(r, i, "photo_id"), "not-found", "a photo of this account");
    if (strcmp(product->kind, "electronic") == 0 && body->quantity != 1)
        field_error(r, item_pointer(r, i, "quantity"), "out-of-range",
                    "1: an electronic photo is bought once");
    item->product = product->id;
    item->kind = product->kind;
    item->quantity = (int32_t)body->quantity;
    item->price_fen = product->price_fen;
}

static const char *kind_of(const struct order *o)
{
    bool electronic = false, print = false;
    for (size_t i = 0; i < o->n_items; i++) {
        bool is_print = o->items[i].kind && strcmp(o->items[i].kind, "print") == 0;
        print = print || is_print;
        electronic = electronic || !is_print;
    }
    return electronic && print ? "mixed" : print ? "print" : "electronic";
}

/* Bought twice in one order, the same file would be paid for twice. */
static void refuse_doubles(struct request *r, const struct order *o)
{
    for (size_t i = 1; i < o->n_items; i++)
        for (size_t k = 0; k < i; k++)
            if (is_electronic(&o->items[i]) && is_electronic(&o->items[k]) &&
                memcmp(&o->items[i].photo_id, &o->items[k].photo_id, sizeof(struct uuid)) == 0) {
                field_error(r, item_pointer(r, i, "photo_id"), "duplicate",
                            "an electronic photo is bought once");
                break;
            }
}

/* Items, amount and kind; false when an item is wrong. */
static bool price_order(struct request *r, const struct order_body *body, struct order *o)
{
    const struct item_body *items = body->items.items;
    o->items = arena_alloc(r->arena, body->items.count * sizeof *o->items);
    for (size_t i = 0; i < body->items.count; i++)
        price_item(r, i, &items[i], &o->items[i]);
    o->n_items = body->items.count;
    o->kind = kind_of(o);
    if (!has_field_errors(r))
        refuse_doubles(r, o);
    if (has_field_errors(r))
        return false;
    for (size_t i = 0; i < o->n_items; i++)
        o->amount_fen += o->items[i].price_fen * o->items[i].quantity;
    return true;
}

static void check_recipient(struct request *r, const struct order_body *body, struct order *o)
{
    bool print = strcmp(o->kind, "electronic") != 0;
    if (print && !body->recipient)
        field_error(r, "/recipient", "missing", "a print needs somebody to be sent to");
    else if (!print && body->recipient)
        field_error(r, "/recipient", "not-needed", "nothing is sent by post");
    else if (print)
        o->recipient = recipient_text(r, body->recipient, "/recipient");
}

/* A whole order, or false after having answered. */
static bool build_order(struct request *r, struct order *o)
{
    struct order_body body;
    if (!body_parse(r, &order_shape, &body))
        return false;
    if (price_order(r, &body, o))
        check_recipient(r, &body, o);
    if (has_field_errors(r)) {
        reply_problem(r, PROBLEM_INVALID_MEMBERS);
        return false;
    }
    if (strcmp(o->kind, "print") != 0 && !body.accepts_no_refund) {
        reply_problem(r, PROBLEM_NO_REFUND_NOT_ACCEPTED);
        return false;
    }
    o->accepts_no_refund = body.accepts_no_refund;
    return true;
}

/* Which item's photo, or which consent, stood against it. */
static void refuse_order(struct request *r)
{
    const char *reason = db_last_constraint(store_of(r)->db);
    if (strncmp(reason, "photo:", 6) == 0) {
        field_error(r, item_pointer(r, (size_t)atoi(reason + 6), "photo_id"), "not-found",
                    "a photo of this account that has not expired");
        reply_problem(r, PROBLEM_INVALID_MEMBERS);
    } else if (strcmp(reason, "consent") == 0) {
        reply_problem_with(r, PROBLEM_CONSENT_REQUIRED, "purpose", json_string("print-mailing"));
    } else if (strcmp(reason, "idempotency") == 0) {
        reply_problem(r, PROBLEM_IDEMPOTENCY_IN_PROGRESS);
    } else {
        reply_problem(r, PROBLEM_CONFLICT);
    }
}

/* Without the recipient, whom the caller has just named: the answer is kept for repetitions, and
 * would outlive the erasure of the order. */
static const char *created_text(struct request *r, const struct order *order)
{
    struct order shown = *order;
    shown.recipient = NULL;
    return json_text(r->arena, answer_order(&shown));
}

void order_post(struct request *r)
{
    bool failed = false;
    struct order order = {
        .account_id = r->account_id,
        .order_id = uuid_new(),
        .state = "unpaid",
        .created_us = r->now_us,
        .expires_us = r->now_us + app_of(r)->service.config->retention.unpaid_order_ttl_us,
        .client_ip = r->client_ip,
    };
    if (!build_order(r, &order))
        return;
    const char *answer = created_text(r, &order);
    const struct step *finish = gate_finish_step(r, 201, answer, &failed);
    if (failed)
        return;
    enum status s = order_create(store_of(r), r->arena, &order, finish);
    if (s == OK)
        reply_json_text(r, 201, answer);
    else if (s == CONFLICT)
        refuse_order(r);
    else
        reply_status(r, s);
}

/* ---- the others ---- */

void orders_show(struct request *r)
{
    int64_t limit;
    struct uuid id;
    struct order *list;
    size_t n;
    if (!query_known(r, (const char *const[]){"limit", "cursor", NULL}) ||
        !query_integer(r, "limit", 1, 100, 20, &limit))
        return;
    const struct uuid *before = query_cursor(r, "ord_", &id);
    if (has_field_errors(r)) {
        reply_problem(r, PROBLEM_INVALID_MEMBERS);
        return;
    }
    enum status s =
        order_list(store_of(r), r->arena, r->account_id, before, (int)limit, r->now_us, &list, &n);
    if (s == OK)
        reply_json(r, 200, answer_orders(list, n, (size_t)limit, answer_order));
    else
        reply_status(r, s);
}

static void show_order(struct request *r, const struct uuid *id)
{
    struct order order;
    enum status s = order_read(store_of(r), r->arena, r->account_id, id, r->now_us, true, &order);
    if (s == OK)
        reply_json(r, 200, answer_order(&order));
    else
        reply_status(r, s);
}

void order_show(struct request *r)
{
    struct uuid id;
    if (param_id(r, 0, "ord_", &id))
        show_order(r, &id);
}

void order_patch(struct request *r)
{
    struct uuid id;
    struct patch_body body;
    if (!param_id(r, 0, "ord_", &id) || !body_parse(r, &patch_shape, &body))
        return;
    const char *text = recipient_text(r, body.recipient, "/recipient");
    if (has_field_errors(r)) {
        reply_problem(r, PROBLEM_INVALID_MEMBERS);
        return;
    }
    enum status s = order_set_recipient(store_of(r), r->arena, r->account_id, &id, text, r->now_us);
    if (s == OK)
        show_order(r, &id);
    else if (s == CONFLICT)
        reply_problem(r, PROBLEM_ALREADY_SHIPPED);
    else
        reply_status(r, s);
}

void order_delete(struct request *r)
{
    struct uuid id;
    struct order order;
    bool force;
    if (!param_id(r, 0, "ord_", &id) || !query_known(r, (const char *const[]){"force", NULL}) ||
        !query_flag(r, "force", &force) || (force && !gate_is_fresh(r)))
        return;
    enum status s = order_read(store_of(r), r->arena, r->account_id, &id, r->now_us, false, &order);
    if (s == OK)
        s = erase_order(store_of(r), r->arena, r->account_id, &id, r->now_us, force);
    if (s == OK)
        reply_empty(r, 204);
    else if (s == CONFLICT)
        reply_problem(r, PROBLEM_IN_FULFILMENT);
    else
        reply_status(r, s);
}

void order_cancel_post(struct request *r)
{
    static const struct json_shape nothing;
    struct uuid id;
    char none;
    if (!param_id(r, 0, "ord_", &id) || !body_parse(r, &nothing, &none))
        return;
    enum status s = order_cancel(store_of(r), r->arena, r->account_id, &id, r->now_us);
    if (s == OK)
        show_order(r, &id);
    else
        reply_status(r, s);
}
