/* SPDX-License-Identifier: MIT */
/* Who a print is sent to: the JSON shape, its rules, and its sealed text. */
#ifndef IDPHOTOD_API_RECIPIENT_H
#define IDPHOTOD_API_RECIPIENT_H

#include "api/app.h"

struct recipient {
    const char *name, *phone, *province, *city, *district, *street, *postcode;
};
extern const struct json_shape recipient_shape;

/* Checks the province against config/provinces.json (noting a field error under `pointer`) and
 * gives the text that is sealed. */
const char *recipient_text(struct request *r, const struct recipient *recipient,
                           const char *pointer);

/* "张三", "13812345678" to "张*", "138****5678": enough to tell two parcels apart. In the arena. */
const char *mask_name(struct arena *a, const char *name);
const char *mask_phone(struct arena *a, const char *phone);

#endif
