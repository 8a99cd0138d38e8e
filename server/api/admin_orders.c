/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <string.h>

#include "api/answers.h"
#include "api/gate.h"
#include "api/handlers.h"
#include "api/recipient.h"
#include "store/order.h"

struct shipment_body {
    const char *carrier, *tracking_no;
};

static const char *rule_tracking_no(const char *text)
{
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && *text != '-')
            return "malformed";
    return NULL;
}

static const struct json_member shipment_members[] = {
    {.name = "carrier",
     .kind = JSON_KIND_TEXT,
     .required = true,
     .offset = offsetof(struct shipment_body, carrier),
     .least = 1,
     .most = 40},
    {.name = "tracking_no",
     .kind = JSON_KIND_TEXT,
     .required = true,
     .offset = offsetof(struct shipment_body, tracking_no),
     .least = 4,
     .most = 40,
     .rule = rule_tracking_no,
     .detail = "letters, digits and hyphens"},
};
static const struct json_shape shipment_shape = {shipment_members, 2, sizeof(struct shipment_body)};

static void mask_member(struct arena *a, json_t *recipient, const char *name,
                        const char *(*mask)(struct arena *, const char *))
{
    const char *value = json_string_value(json_object_get(recipient, name));
    json_object_set_new(recipient, name, json_string(value ? mask(a, value) : ""));
}

/* Enough to sort parcels by: name and phone masked, the address down to the city. */
static json_t *answer_masked(const struct order *o)
{
    json_t *answer = answer_order(o);
    json_t *recipient = json_object_get(answer, "recipient");
    if (!recipient)
        return answer;
    struct arena *a = arena_new();
    mask_member(a, recipient, "name", mask_name);
    mask_member(a, recipient, "phone", mask_phone);
    json_object_del(recipient, "district");
    json_object_del(recipient, "street");
    json_object_del(recipient, "postcode");
    arena_free(a);
    return answer;
}

static bool is_state(const char *state)
{
    static const char *const states[] = {"unpaid",  "paid",      "printing",
                                         "shipped", "delivered", "closed"};
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (strcmp(states[i], state) == 0)
            return true;
    return false;
}

void admin_orders_show(struct request *r)
{
    int64_t limit;
    struct uuid id;
    struct order *list;
    size_t n;
    if (!query_known(r, (const char *const[]){"state", "limit", "cursor", NULL}) ||
        !query_integer(r, "limit", 1, 100, 20, &limit))
        return;
    const char *state = request_query(r, "state");
    if (state && !is_state(state))
        field_error(r, "?state", "unknown", "unpaid, paid, printing, shipped, delivered or closed");
    const struct uuid *before = query_cursor(r, "ord_", &id);
    if (has_field_errors(r)) {
        reply_problem(r, PROBLEM_INVALID_MEMBERS);
        return;
    }
    if (!gate_audit(r, 0, NULL))
        return;
    enum status s =
        order_list_all(store_of(r), r->arena, state, before, (int)limit, r->now_us, &list, &n);
    if (s == OK)
        reply_json(r, 200, answer_orders(list, n, (size_t)limit, answer_masked));
    else
        reply_status(r, s);
}

/* The order of the path and its account; false after having answered. */
static bool find_order(struct request *r, struct uuid *id, int64_t *account_id)
{
    if (!param_id(r, 0, "ord_", id))
        return false;
    enum status s = order_find_account(store_of(r), r->arena, id, r->now_us, account_id);
    if (s != OK)
        reply_status(r, s);
    return s == OK;
}

static void show_order(struct request *r, const struct uuid *id, int64_t account_id)
{
    struct order order;
    enum status s = order_read(store_of(r), r->arena, account_id, id, r->now_us, true, &order);
    if (s == OK)
        reply_json(r, 200, answer_order(&order));
    else
        reply_status(r, s);
}

void admin_order_show(struct request *r)
{
    struct uuid id;
    int64_t account_id;
    if (find_order(r, &id, &account_id) && gate_audit(r, account_id, &id))
        show_order(r, &id, account_id);
}

/* The order's state changed, or did not; the answer is masked: no purpose was asked for. */
static void reply_changed(struct request *r, enum status s, const struct uuid *id,
                          int64_t account_id)
{
    struct order order;
    if (s == OK)
        s = order_read(store_of(r), r->arena, account_id, id, r->now_us, false, &order);
    if (s == OK)
        reply_json(r, 200, answer_order(&order));
    else
        reply_status(r, s);
}

void admin_order_ship(struct request *r)
{
    struct uuid id;
    int64_t account_id;
    struct shipment_body body;
    if (!body_parse(r, &shipment_shape, &body) || !find_order(r, &id, &account_id))
        return;
    const char *text = json_text(r->arena, json_pack("{s:s, s:s}", "carrier", body.carrier,
                                                     "tracking_no", body.tracking_no));
    enum status s =
        order_ship(store_of(r), r->arena, account_id, &id, text, &r->operator_id, r->now_us);
    reply_changed(r, s, &id, account_id);
}

void admin_order_deliver(struct request *r)
{
    static const struct json_shape nothing;
    char none;
    struct uuid id;
    int64_t account_id;
    if (!body_parse(r, &nothing, &none) || !find_order(r, &id, &account_id))
        return;
    enum status s =
        order_deliver(store_of(r), r->arena, account_id, &id, &r->operator_id, r->now_us);
    reply_changed(r, s, &id, account_id);
}
