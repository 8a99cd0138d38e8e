/* SPDX-License-Identifier: MIT */
/* JSON request bodies against a shape that has every kind of member. */
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "http/body.h"
#include "http/text.h"
#include "http/transport.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

struct item {
    const char *product;
    int64_t quantity;
};

struct person {
    const char *name, *postcode;
};

struct order {
    struct json_list items;
    struct person *recipient;
    bool accepts;
    const char *text;
};

static const char *six_digits(const char *text)
{
    return strlen(text) == 6 && strspn(text, "0123456789") == 6 ? NULL : "not-a-postcode";
}

#define MEMBER(s, m, k) .name = #m, .kind = JSON_KIND_##k, .offset = offsetof(struct s, m)

static const struct json_member item_members[] = {
    {MEMBER(item, product, TEXT), .required = true, .least = 1, .most = 60},
    {MEMBER(item, quantity, INTEGER), .required = true, .least = 1, .most = 100},
};
static const struct json_shape item_shape = {item_members, 2, sizeof(struct item)};

static const struct json_member person_members[] = {
    {MEMBER(person, name, TEXT), .required = true, .least = 1, .most = 40},
    {MEMBER(person, postcode, TEXT), .least = 6, .most = 6, .rule = six_digits, .detail = "digits"},
};
static const struct json_shape person_shape = {person_members, 2, sizeof(struct person)};

static const struct json_member order_members[] = {
    {MEMBER(order, items, ARRAY), .required = true, .least = 1, .most = 20, .shape = &item_shape},
    {MEMBER(order, recipient, OBJECT), .shape = &person_shape},
    {MEMBER(order, accepts, BOOLEAN)},
    {MEMBER(order, text, LINES), .most = 200},
};
static const struct json_shape order_shape = {order_members, 4, sizeof(struct order)};

static void assert_order_obeys_its_shape(const struct order *o)
{
    const struct item *items = o->items.items;
    CHECK(o->items.count >= 1 && o->items.count <= 20);
    for (size_t i = 0; i < o->items.count; i++) {
        CHECK(items[i].quantity >= 1 && items[i].quantity <= 100);
        CHECK(text_is_utf8(items[i].product, strlen(items[i].product)));
        CHECK(text_code_points(items[i].product) >= 1 && text_code_points(items[i].product) <= 60);
    }
    if (o->recipient != NULL)
        CHECK(o->recipient->name != NULL &&
              (o->recipient->postcode == NULL || six_digits(o->recipient->postcode) == NULL));
    CHECK(o->text == NULL || text_code_points(o->text) <= 200);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct arena *a = arena_new();
    struct request r;
    struct transport t;
    struct order o;
    request_init(&r, &t, a);
    r.body = (const unsigned char *)arena_copy(a, bytes, size);
    r.body_size = size;
    if (body_parse(&r, &order_shape, &o)) {
        CHECK(r.reply_status == 0);
        assert_order_obeys_its_shape(&o);
    } else {
        CHECK(r.reply_status == 400 || r.reply_status == 422);
        CHECK(r.reply_size > 0 && text_is_utf8(r.reply_body, r.reply_size));
    }
    arena_free(a);
    return 0;
}
