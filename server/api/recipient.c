/* SPDX-License-Identifier: MIT */
#include "api/recipient.h"

#include <string.h>

#include "api/gate.h"
#include "api/places.h"
#include "api/rules.h"

static const char *rule_postcode(const char *postcode)
{
    return strlen(postcode) == 6 && strspn(postcode, "0123456789") == 6 ? NULL : "not-a-postcode";
}

#define MEMBER(member, least_, most_)                                                              \
    .name = #member, .kind = JSON_KIND_TEXT, .offset = offsetof(struct recipient, member),         \
    .least = (least_), .most = (most_)

static const struct json_member members[] = {
    {MEMBER(name, 1, 40), .required = true, .rule = rule_not_blank},
    {MEMBER(phone, 7, 24), .required = true, .rule = rule_phone,
     .detail = "a Chinese mobile or landline number"},
    {MEMBER(province, 2, 16), .required = true},
    {MEMBER(city, 1, 40), .required = true, .rule = rule_not_blank},
    {MEMBER(district, 1, 40), .required = true, .rule = rule_not_blank},
    {MEMBER(street, 1, 200), .required = true, .rule = rule_not_blank},
    {MEMBER(postcode, 6, 6), .rule = rule_postcode, .detail = "six digits"},
};
const struct json_shape recipient_shape = {members, sizeof members / sizeof *members,
                                           sizeof(struct recipient)};

const char *recipient_text(struct request *r, const struct recipient *p, const char *pointer)
{
    const char *province = place_province(app_of(r)->places, p->province);
    if (!province) {
        field_error(r, arena_printf(r->arena, "%s/province", pointer), "unknown",
                    "the name of a province-level division of China");
        return "";
    }
    return json_text(r->arena,
                     json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s*}", "name", p->name, "phone",
                               p->phone, "province", province, "city", p->city, "district",
                               p->district, "street", p->street, "postcode", p->postcode));
}

/* Bytes of the first UTF-8 character. */
static size_t first_character(const char *text)
{
    size_t n = 1;
    while (((unsigned char)text[n] & 0xc0) == 0x80)
        n++;
    return n;
}

const char *mask_name(struct arena *a, const char *name)
{
    return *name ? arena_printf(a, "%.*s*", (int)first_character(name), name) : "";
}

const char *mask_phone(struct arena *a, const char *phone)
{
    size_t n = strlen(phone);
    return n < 8 ? "****" : arena_printf(a, "%.3s****%s", phone, phone + n - 4);
}
