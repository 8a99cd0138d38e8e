/* SPDX-License-Identifier: MIT */
/* Sheets of photos: what a query may ask of one, and what an order's item comes to on paper. */
#ifndef IDPHOTOD_API_SHEETS_H
#define IDPHOTOD_API_SHEETS_H

#include "api/app.h"
#include "api/catalogue.h"
#include "image/sheet.h"
#include "store/order.h"
#include "store/photo.h"

/* gap_mm, margin_mm, cut_lines, dpi and the paper, under the name given, in place of what *out
 * holds; a parameter that is wrong is noted as a field error. */
void sheet_read(struct request *r, const char *paper, struct sheet_wanted *out);

/* The photo on the sheet; its density says how large it is, else its specification does, else it
 * has no size and fits no sheet. */
struct sheet_photo sheet_photo_of(const struct request *r, const struct photo *photo,
                                  struct span file);

/* The catalogue's sheet of an item's product, or the usual one when it is sold no more. */
struct product_sheet sheet_of_product(const struct request *r, const char *product);

/* The sheet that an item of a paid order is printed as. NOT_FOUND: its photo is not there; INVALID
 * or TOO_LARGE: it cannot be laid out like that. Audit is the caller's. out must be empty. */
enum status sheet_of_item(struct request *r, struct arena *a, int64_t account_id,
                          const struct order_item *item, const struct product_sheet *sheet,
                          enum sheet_format format, int64_t now_us, struct buf *out) MUST_USE;

#endif
