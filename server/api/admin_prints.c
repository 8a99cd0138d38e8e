/* SPDX-License-Identifier: MIT */
/* What is printed: the sheet of an item, and batches of orders. */
#include <string.h>

#include "api/answers.h"
#include "api/gate.h"
#include "api/handlers.h"
#include "api/print_zip.h"
#include "api/sheets.h"
#include "base/clock.h"
#include "store/print_batch.h"

enum { BATCH_DEFAULT = 50 };

/* ---- GET /admin/v1/orders/{order_id}/sheet ---- */

static enum sheet_format read_sheet_format(struct request *r)
{
    const char *format = request_query(r, "format");
    if (format && strcmp(format, "jpeg") != 0 && strcmp(format, "pdf") != 0)
        field_error(r, "?format", "unknown", "jpeg or pdf");
    return format && strcmp(format, "pdf") == 0 ? SHEET_PDF : SHEET_JPEG;
}

static bool is_print(const struct order_item *item)
{
    return strcmp(item->kind, "print") == 0;
}

/* The item of that number, or the first print. */
static const struct order_item *find_item(struct request *r, const struct order *o, int64_t number)
{
    for (size_t i = 0; i < o->n_items; i++)
        if (is_print(&o->items[i]) && (number < 0 || number == (int64_t)i))
            return &o->items[i];
    field_error(r, "?item", "unknown", "must be the position of a print in the order, from 0");
    return NULL;
}

static bool is_printed(const struct order *o)
{
    return o->paid_us && strcmp(o->state, "closed") != 0 && strcmp(o->kind, "electronic") != 0;
}

static bool read_sheet(struct request *r, struct sheet_wanted *wanted, enum sheet_format *format)
{
    sheet_read(r, "paper", wanted);
    *format = read_sheet_format(r);
    if (has_field_errors(r))
        reply_problem(r, PROBLEM_INVALID_MEMBERS);
    return !has_field_errors(r);
}

static void reply_sheet(struct request *r, const struct order *o, int64_t number)
{
    struct buf *made = arena_buf(r->arena);
    enum sheet_format format;
    const struct order_item *item = find_item(r, o, number);
    struct product_sheet sheet = item ? sheet_of_product(r, item->product) : product_sheet_usual();
    if (!read_sheet(r, &sheet.wanted, &format))
        return;
    enum status s =
        sheet_of_item(r, r->arena, o->account_id, item, &sheet, format, r->now_us, made);
    if (s == OK) {
        reply_bytes(r, 200, sheet_content_type(format), made->bytes, made->size);
    } else if (s == INVALID) {
        field_error(r, "?paper", "not-available", "the photos do not fit, or have no known size");
        reply_problem(r, PROBLEM_INVALID_MEMBERS);
    } else {
        reply_status(r, s);
    }
}

void admin_order_sheet(struct request *r)
{
    static const char *const known[] = {"item",      "paper",     "format", "gap_mm",
                                        "margin_mm", "cut_lines", "dpi",    NULL};
    struct uuid id;
    struct order order;
    struct sheet_wanted any = sheet_usual();
    enum sheet_format format;
    int64_t account_id, number;
    if (!param_id(r, 0, "ord_", &id) || !query_known(r, known) ||
        !query_integer(r, "item", 0, ORDER_ITEMS_MAX - 1, -1, &number) ||
        !read_sheet(r, &any, &format)) /* before the order is looked at; then over its product's */
        return;
    enum status s = order_find_account(store_of(r), r->arena, &id, r->now_us, &account_id);
    if (s == OK)
        s = order_read(store_of(r), r->arena, account_id, &id, r->now_us, false, &order);
    if (s == OK && !is_printed(&order))
        s = CONFLICT;
    if (s != OK)
        reply_status(r, s);
    else if (gate_audit(r, account_id, &id))
        reply_sheet(r, &order, number);
}

/* ---- batches ---- */

static json_t *answer_batch(const struct print_batch *b)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:i}", "batch_id", answer_id("bat_", &b->batch_id),
                     "created_at", answer_time(b->created_us), "printed_at",
                     answer_time(b->printed_us), "expires_at", answer_time(b->expires_us),
                     "made_of", b->made_of);
}

/* With its orders, and how many of them were erased or are over. */
static json_t *answer_whole_batch(const struct print_batch *b)
{
    json_t *answer = answer_batch(b), *orders = json_array();
    for (size_t i = 0; i < b->n_orders; i++) {
        json_t *one = json_pack("{s:o, s:s}", "order_id", answer_id("ord_", &b->orders[i].order_id),
                                "state", b->orders[i].state);
        if (b->orders[i].close_reason)
            json_object_set_new(one, "close_reason", json_string(b->orders[i].close_reason));
        json_array_append_new(orders, one);
    }
    json_object_set_new(answer, "orders", orders);
    json_object_set_new(answer, "gone", json_integer(b->made_of - (json_int_t)b->n_orders));
    return answer;
}

static void reply_batch(struct request *r, unsigned http_status, const struct uuid *id)
{
    struct print_batch b;
    enum status s = print_batch_read(store_of(r), r->arena, id, r->now_us, &b);
    if (s == OK)
        reply_json(r, http_status, answer_whole_batch(&b));
    else
        reply_status(r, s);
}

struct batch_body {
    int64_t limit;
};
static const struct json_member batch_members[] = {
    {.name = "limit",
     .kind = JSON_KIND_INTEGER,
     .offset = offsetof(struct batch_body, limit),
     .least = 1,
     .most = PRINT_BATCH_MOST},
};
static const struct json_shape batch_shape = {batch_members, 1, sizeof(struct batch_body)};

void admin_print_batch_post(struct request *r)
{
    struct batch_body body;
    struct uuid id;
    const struct config *config = app_of(r)->service.config;
    if (!body_parse(r, &batch_shape, &body))
        return;
    int limit = body.limit ? (int)body.limit : BATCH_DEFAULT;
    enum status s = print_batch_create(store_of(r), r->arena, &r->operator_id, limit,
                                       config->retention.order_days * DAY_US, r->now_us, &id);
    if (s == OK)
        reply_batch(r, 201, &id);
    else if (s == NOT_FOUND)
        reply_empty(r, 204);
    else
        reply_status(r, s);
}

void admin_print_batches_show(struct request *r)
{
    int64_t limit;
    struct uuid id;
    struct print_batch *list;
    size_t n;
    if (!query_known(r, (const char *const[]){"limit", "cursor", NULL}) ||
        !query_integer(r, "limit", 1, 100, 20, &limit))
        return;
    const struct uuid *before = query_cursor(r, "bat_", &id);
    if (has_field_errors(r)) {
        reply_problem(r, PROBLEM_INVALID_MEMBERS);
        return;
    }
    enum status s =
        print_batch_list(store_of(r), r->arena, before, (int)limit, r->now_us, &list, &n);
    if (s != OK) {
        reply_status(r, s);
        return;
    }
    json_t *items = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(items, answer_batch(&list[i]));
    const struct uuid *last = n ? &list[n - 1].batch_id : NULL;
    reply_json(r, 200, answer_page(items, (size_t)limit, "bat_", last));
}

void admin_print_batch_printed(struct request *r)
{
    static const struct json_shape nothing;
    char none;
    struct uuid id;
    if (!param_id(r, 0, "bat_", &id) || !body_parse(r, &nothing, &none))
        return;
    enum status s = print_batch_printed(store_of(r), r->arena, &id, &r->operator_id, r->now_us);
    if (s == OK)
        reply_batch(r, 200, &id);
    else
        reply_status(r, s);
}

/* ---- GET /admin/v1/print-batches/{batch_id} ---- */

/* Lives as long as the answer; each piece is one order. */
struct download {
    struct print_batch batch;
    size_t next;
    struct print_zip *zip;
    struct buf labels;
    json_t *left_out;
    int in_zip;
};

static void drop_download(void *download)
{
    struct download *d = download;
    print_zip_free(d->zip);
    buf_free(&d->labels);
    json_decref(d->left_out);
}

static void leave_out(struct download *d, const struct uuid *order_id, const char *reason)
{
    json_array_append_new(d->left_out, json_pack("{s:o, s:s}", "order_id",
                                                 answer_id("ord_", order_id), "reason", reason));
}

struct print_order {
    struct order order;
    char id[PUBLIC_ID_BYTES];
    struct buf sheets[ORDER_ITEMS_MAX]; /* empty: not a print */
};

static enum status make_sheets(struct request *r, struct arena *a, int64_t now_us,
                               struct print_order *p)
{
    enum status s = OK;
    for (size_t i = 0; s == OK && i < p->order.n_items && i < ORDER_ITEMS_MAX; i++) {
        const struct order_item *item = &p->order.items[i];
        const struct product_sheet sheet = sheet_of_product(r, item->product);
        if (is_print(item))
            s = sheet_of_item(r, a, p->order.account_id, item, &sheet, SHEET_JPEG, now_us,
                              &p->sheets[i]);
    }
    return s;
}

/* Names of the files, each with how often it is to be printed. */
static enum status add_sheets(struct download *d, struct arena *a, const struct print_order *p,
                              struct buf *piece, const char **names, int *count)
{
    enum status s = OK;
    *names = "";
    for (size_t i = 0; s == OK && i < p->order.n_items; i++) {
        const struct order_item *item = &p->order.items[i];
        if (!is_print(item))
            continue;
        const char *name = arena_printf(a, "%s-%zu-x%d.jpg", p->id, i, item->quantity);
        s = print_zip_add(d->zip, arena_printf(a, "sheets/%s", name),
                          (struct span){p->sheets[i].bytes, p->sheets[i].size}, piece);
        *names = arena_printf(a, "%s%s%s", *names, **names ? " " : "", name);
        *count += item->quantity;
    }
    return s;
}

static void add_label(struct download *d, struct arena *a, const struct print_order *p,
                      const char *names, int count)
{
    static const char *const members[] = {"name",     "phone",  "province", "city",
                                          "district", "street", "postcode"};
    enum { MEMBERS = sizeof members / sizeof *members };
    const char *cells[3 + MEMBERS] = {p->id, arena_printf(a, "%d", count), names};
    json_t *recipient = p->order.recipient ? json_loads(p->order.recipient, 0, NULL) : NULL;
    for (size_t i = 0; i < MEMBERS; i++)
        cells[3 + i] = json_string_value(json_object_get(recipient, members[i]));
    table_line(&d->labels, cells, 3 + MEMBERS);
    json_decref(recipient);
}

/* The audit row is written before anything of the order is given out. */
static enum status add_order(struct request *r, struct arena *a, struct download *d,
                             struct print_order *p, int64_t now_us, struct buf *piece)
{
    const char *names;
    int count = 0;
    const struct order *o = &p->order;
    public_id_format("ord_", &o->order_id, p->id);
    if (!is_printed(o)) {
        leave_out(d, &o->order_id, o->close_reason ? o->close_reason : o->state);
        return OK;
    }
    enum status s = make_sheets(r, a, now_us, p);
    if (s == NOT_FOUND || s == INVALID || s == TOO_LARGE) {
        leave_out(d, &o->order_id, s == NOT_FOUND ? "no-photo" : "unprintable");
        return OK;
    }
    if (s == OK)
        s = gate_note(r, a, o->account_id, &o->order_id, now_us);
    if (s == OK)
        s = add_sheets(d, a, p, piece, &names, &count);
    if (s == OK) {
        add_label(d, a, p, names, count);
        d->in_zip++;
    }
    return s;
}

static enum status make_order(struct request *r, struct download *d,
                              const struct print_batch_order *which, struct buf *piece)
{
    struct arena *a = arena_new();
    struct print_order *p = arena_alloc(a, sizeof *p);
    int64_t now_us = clock_now_us();
    enum status s =
        order_read(store_of(r), a, which->account_id, &which->order_id, now_us, true, &p->order);
    if (s == OK)
        s = add_order(r, a, d, p, now_us, piece);
    else if (s == NOT_FOUND)
        s = OK; /* erased since: counted as gone */
    for (size_t i = 0; i < ORDER_ITEMS_MAX; i++)
        buf_free(&p->sheets[i]);
    arena_free(a);
    return s;
}

/* The labels and what a program wants to know, after the last order. */
static enum status finish(struct download *d, struct buf *piece)
{
    json_t *told = answer_batch(&d->batch);
    json_object_set_new(told, "orders", json_integer(d->in_zip));
    json_object_set_new(
        told, "gone",
        json_integer(d->batch.made_of - d->in_zip - (int)json_array_size(d->left_out)));
    json_object_set(told, "left_out", d->left_out);
    json_object_del(told, "printed_at"); /* the zip is the same before and after */
    char *text = json_dumps(told, JSON_INDENT(1));
    json_decref(told);
    if (!text)
        return INTERNAL;
    enum status s =
        print_zip_add(d->zip, "labels.csv", (struct span){d->labels.bytes, d->labels.size}, piece);
    if (s == OK)
        s = print_zip_add(d->zip, "batch.json", (struct span){text, strlen(text)}, piece);
    if (s == OK)
        s = print_zip_end(d->zip, piece);
    free(text);
    return s;
}

static enum status next_piece(struct request *r, void *download, struct buf *piece, bool *last)
{
    struct download *d = download;
    if (d->next < d->batch.n_orders)
        return make_order(r, d, &d->batch.orders[d->next++], piece);
    *last = true;
    return finish(d, piece);
}

static void begin_download(struct request *r, const struct print_batch *b)
{
    static const char *const head[] = {"order_id", "sheets", "files",    "name",   "phone",
                                       "province", "city",   "district", "street", "postcode"};
    struct download *d = arena_alloc(r->arena, sizeof *d);
    char id[PUBLIC_ID_BYTES];
    d->batch = *b;
    d->zip = print_zip_new(b->created_us);
    d->left_out = json_array();
    arena_defer(r->arena, drop_download, d);
    buf_add_str(&d->labels, TABLE_MARK);
    table_line(&d->labels, head, sizeof head / sizeof *head);
    reply_add_header(r, "Content-Disposition",
                     arena_printf(r->arena, "attachment; filename=\"%s.zip\"",
                                  public_id_format("bat_", &b->batch_id, id)));
    reply_pieces(r, 200, "application/zip", next_piece, d);
}

void admin_print_batch_show(struct request *r)
{
    struct uuid id;
    struct print_batch b;
    const char *format = request_query(r, "format");
    if (!param_id(r, 0, "bat_", &id) || !query_known(r, (const char *const[]){"format", NULL}))
        return;
    if (format && strcmp(format, "zip") != 0 && strcmp(format, "json") != 0) {
        field_error(r, "?format", "unknown", "zip or json");
        reply_problem(r, PROBLEM_INVALID_MEMBERS);
        return;
    }
    enum status s = print_batch_read(store_of(r), r->arena, &id, r->now_us, &b);
    if (s != OK)
        reply_status(r, s);
    else if (format && strcmp(format, "json") == 0)
        reply_json(r, 200, answer_whole_batch(&b));
    else if (gate_audit(r, 0, &id))
        begin_download(r, &b);
}
