/* SPDX-License-Identifier: MIT */
/* What only an order knows to be wrong: recipients, products, quantities, ways of paying. */
#include "bad_request.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "picture.h"
#include "shape.h"
#include "stack.h"

/* ---- what only an order knows to be wrong ---- */

static const struct {
    const char *member, *value;
} bad_recipients[] = {
    {"name", "   "},
    {"phone", "12345678901"},
    {"phone", "1391234567"},
    {"phone", "139123456789"},
    {"phone", "+1 212 555 0100"},
    {"phone", "13912345678; DROP TABLE orders"},
    {"phone", "1391234567a"},
    {"phone", "13912345678 13912345678"},
    {"phone", "0571"},
    {"phone", "0571-1234567"},
    {"phone", "一三九一二三四五六七八"},
    {"province", "Zhejiang"},
    {"province", "火星"},
    {"province", "浙"},
    {"city", " "},
    {"district", "　"},
    {"street", "  "},
    {"postcode", "31001"},
    {"postcode", "3100122"},
    {"postcode", "31001a"},
};

static const struct {
    const char *member, *value;
} good_recipients[] = {
    {"phone", "+8613912345678"},   {"phone", "010-87654321"}, {"phone", "0571-8765432"},
    {"phone", "021-87654321-123"}, {"province", "内蒙古"},    {"province", "新疆维吾尔自治区"},
    {"province", "香港"},          {"postcode", "000000"},    {"name", "Ōtani Shōhei"},
    {"street", "😀 路 1 号"},
};

static json_t *patched(const char *member, const char *value)
{
    json_t *root = shape_read("{'recipient': " RECIPIENT "}");
    json_object_set_new(json_object_get(root, "recipient"), member, json_string(value));
    return root;
}

bool order_recipients(void)
{
    static const struct bad_route patch = {"PATCH /v1/orders/{{bad.order}}", ACCOUNT_HOLDER, JSON,
                                           4096, .body = "{}"};
    for (size_t i = 0; i < sizeof bad_recipients / sizeof *bad_recipients; i++) {
        char *pointer = text_print("/recipient/%s", bad_recipients[i].member);
        json_t *root = patched(bad_recipients[i].member, bad_recipients[i].value);
        bool good = bad_refuse_root(&patch, root, pointer, bad_recipients[i].value);
        json_decref(root);
        free(pointer);
        if (!good)
            return false;
    }
    return true;
}

bool order_good_recipients(void)
{
    for (size_t i = 0; i < sizeof good_recipients / sizeof *good_recipients; i++) {
        json_t *root = patched(good_recipients[i].member, good_recipients[i].value);
        char *text = json_dumps(root, JSON_COMPACT);
        const struct step s = {.call = "PATCH /v1/orders/{{bad.order}}", .as = "bad", .body = text};
        struct answer a = step_send(&s);
        bool good = a.status == 200 || complain("%s: %d %.300s", text, a.status, a.body);
        answer_free(&a);
        free(text);
        json_decref(root);
        if (!good)
            return false;
    }
    bad_rows_note();
    return true;
}

static const struct {
    const char *body;
    const char *code, *pointer;
} bad_orders[] = {
    {"{'items': [], 'accepts_no_refund': true}", "invalid-members", "/items"},
    {"{'items': [{'product': 'gold-bar', 'photo_id': '{{bad.photo}}', 'quantity': 1}], "
     "'accepts_no_refund': true}",
     "invalid-members", "/items/0/product"},
    {"{'items': [" ELECTRONIC_ITEM("bad.photo") ", " ELECTRONIC_ITEM(
         "bad.photo") "], 'accepts_no_refund': true}",
     "invalid-members", "/items/1/photo_id"},
    {"{'items': [{'product': 'electronic-standard', 'photo_id': '{{bad.photo}}', 'quantity': 2}], "
     "'accepts_no_refund': true}",
     "invalid-members", "/items/0/quantity"},
    {"{'items': [" ELECTRONIC_ITEM("bad.photo") "]}", "no-refund-not-accepted", NULL},
    {"{'items': [" ELECTRONIC_ITEM("bad.photo") "], 'accepts_no_refund': false}",
     "no-refund-not-accepted", NULL},
    {"{'items': [" ELECTRONIC_ITEM("foe.photo") "], 'accepts_no_refund': true}", "invalid-members",
     "/items/0/photo_id"},
    {"{'items': [" ELECTRONIC_ITEM("bad.photo") ", " ELECTRONIC_ITEM(
         "foe.photo") "], 'accepts_no_refund': true}",
     "invalid-members", "/items/1/photo_id"},
    {"{'items': [" PRINT_ITEM("bad.photo") "]}", "invalid-members", "/recipient"},
    {"{'items': [" ELECTRONIC_ITEM(
         "bad.photo") "], 'accepts_no_refund': true, 'recipient': " RECIPIENT "}",
     "invalid-members", "/recipient"},
    {"{'items': [" ELECTRONIC_ITEM("bad.photo") "], 'accepts_no_refund': true, 'amount_fen': 1}",
     "invalid-members", "/amount_fen"},
    {"{'items': [{'product': 'electronic-standard', 'photo_id': '{{bad.photo}}', 'quantity': 1, "
     "'price_fen': 1}], 'accepts_no_refund': true}",
     "invalid-members", "/items/0/price_fen"},
};

bool order_members(void)
{
    static const struct bad_route route = {"POST /v1/orders", ACCOUNT_HOLDER, JSON, 16384,
                                           .key = true,       .body = "{}"};
    for (size_t i = 0; i < sizeof bad_orders / sizeof *bad_orders; i++) {
        const struct bad_route with = {.body = bad_orders[i].body};
        char *body = bad_body(&with);
        bool good = bad_refuse_json(&route, (struct bytes){body, strlen(body)}, 422,
                                    bad_orders[i].code, bad_orders[i].pointer, bad_orders[i].body);
        free(body);
        if (!good)
            return false;
    }
    return true;
}

static const struct step bad_methods[] = {
    {.label = "a channel that is none",
     .call = "POST /v1/orders/{{bad.order}}/payments",
     .as = "bad",
     .key = "paypal",
     .body = "{'channel': 'paypal', 'method': 'app'}",
     .status = 422,
     .problem = "invalid-members",
     .shape = "{'errors': [{'pointer': '/channel', '...': true}], '...': true}"},
    {.label = "a method of the other channel",
     .call = "POST /v1/orders/{{bad.order}}/payments",
     .as = "bad",
     .key = "mixed up",
     .body = "{'channel': 'alipay', 'method': 'native'}",
     .status = 422,
     .problem = "invalid-members",
     .shape = "{'errors': [{'pointer': '/method', '...': true}], '...': true}"},
    END,
};

bool order_channels(void)
{
    return steps_run(bad_methods) && bad_rows_unchanged();
}
