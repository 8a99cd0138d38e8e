/* SPDX-License-Identifier: MIT */
#include "api/app.h"
#include "api/catalogue.h"
#include "api/handlers.h"

void products_show(struct request *r)
{
    size_t n;
    const struct product *p = catalogue_products(app_of(r)->catalogue, &n);
    json_t *items = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(items,
                              json_pack("{s:s, s:s, s:s, s:s, s:I, s:s}", "id", p[i].id, "kind",
                                        p[i].kind, "name_zh", p[i].name_zh, "name_en", p[i].name_en,
                                        "price_fen", (json_int_t)p[i].price_fen, "per", p[i].per));
    reply_json(r, 200, json_pack("{s:o, s:n}", "items", items, "next_cursor"));
}
