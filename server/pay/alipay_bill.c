/* SPDX-License-Identifier: MIT */
#include "pay/alipay_bill.h"

#include <csv.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "pay/bill_unpack.h"

enum { CELLS_MAX = 64 };

enum status alipay_bill_request(const struct alipay *p, int32_t day, int64_t now_us,
                                struct arena *a, struct alipay_request *out)
{
    char text[DAY_TEXT_BYTES];
    const char *biz_content =
        arena_printf(a, "{\"bill_type\":\"trade\",\"bill_date\":\"%s\"}", day_format(day, text));
    return alipay_sign_request(p, ALIPAY_BILL_METHOD, biz_content, now_us, a, out);
}

/* ---- the table ---- */

enum column { TRADE_NO, OUT_TRADE_NO, KIND, FINISHED, AMOUNT, REQUEST_NO, COLUMNS };

/* Writers differ in brackets, full or half width; what stands before them is the same. */
static const char *const COLUMN_NAMES[COLUMNS] = {
    [TRADE_NO] = "支付宝交易号", [OUT_TRADE_NO] = "商户订单号", [KIND] = "业务类型",
    [FINISHED] = "完成时间",     [AMOUNT] = "订单金额",         [REQUEST_NO] = "退款批次号",
};

/* A line is gathered cell by cell. */
struct reading {
    struct arena *arena;
    const char *cells[CELLS_MAX];
    size_t n_cells;
    size_t columns; /* of the header; 0 before it */
    size_t at[COLUMNS];
    struct bill_line *lines; /* grows; owned */
    size_t n, room, n_refunds;
    int64_t said_payments, said_refunds; /* -1: not told */
    bool bad;
};

/* Cells are padded with tabs and spaces, on either side. */
static const char *trimmed(struct arena *a, const char *bytes, size_t n)
{
    while (n && strchr(" \t", bytes[0])) {
        bytes++;
        n--;
    }
    while (n && strchr(" \t", bytes[n - 1]))
        n--;
    return arena_copy(a, bytes, n);
}

static void take_cell(void *bytes, size_t n, void *arg)
{
    struct reading *r = arg;
    if (r->n_cells == CELLS_MAX || memchr(bytes, '\0', n))
        r->bad = true;
    else
        r->cells[r->n_cells++] = trimmed(r->arena, bytes, n);
}

static bool is_column(const char *cell, const char *name)
{
    size_t n = strlen(name);
    return strncmp(cell, name, n) == 0 &&
           (cell[n] == '\0' || cell[n] == '(' || cell[n] == '/' || strncmp(cell + n, "（", 3) == 0);
}

static bool read_header(struct reading *r)
{
    size_t found = 0;
    for (size_t i = 0; i < r->n_cells; i++)
        for (size_t k = 0; k < COLUMNS; k++)
            if (is_column(r->cells[i], COLUMN_NAMES[k])) {
                r->at[k] = i;
                found++;
            }
    r->columns = r->n_cells;
    return found == COLUMNS;
}

static struct bill_line *next_line(struct reading *r)
{
    if (r->n == r->room) {
        r->room = r->room ? 2 * r->room : 256;
        r->lines = reallocarray(r->lines, r->room, sizeof *r->lines);
        CHECK_PEER(r->lines);
    }
    return &r->lines[r->n++];
}

static bool read_line(struct reading *r)
{
    if (r->n_cells != r->columns)
        return false;
    const char *kind = r->cells[r->at[KIND]], *amount = r->cells[r->at[AMOUNT]];
    struct bill_line line = {
        .refund = strcmp(kind, "退款") == 0,
        .transaction_id = r->cells[r->at[TRADE_NO]],
        .out_trade_no = r->cells[r->at[OUT_TRADE_NO]],
        .currency = "CNY",
    };
    if (!line.refund && strcmp(kind, "交易") != 0)
        return false;
    if (line.refund) {
        amount += *amount == '-';
        line.out_refund_no = r->cells[r->at[REQUEST_NO]];
        line.refund_state = "SUCCESS";
        r->n_refunds++;
    }
    if (!*line.transaction_id || yuan_parse(amount, &line.amount_fen) != OK ||
        time_parse_cn_plain(r->cells[r->at[FINISHED]], &line.at_us) != OK)
        return false;
    *next_line(r) = line;
    return true;
}

/* "#交易合计：12笔，..." */
static void read_remark(const char *text, const char *of_what, int64_t *out)
{
    const char *at = strstr(text, of_what);
    char *end;
    if (!at)
        return;
    at += strlen(of_what);
    at += strspn(at, ":");
    if (strncmp(at, "：", 3) == 0)
        at += 3;
    long long n = strtoll(at, &end, 10);
    if (end != at && n >= 0)
        *out = n;
}

static void take_row(int end, void *arg)
{
    struct reading *r = arg;
    (void)end;
    if (r->n_cells && r->cells[0][0] == '#') {
        read_remark(r->cells[0], "交易合计", &r->said_payments);
        read_remark(r->cells[0], "退款合计", &r->said_refunds);
    } else if (r->n_cells && !r->bad) {
        r->bad = r->columns ? !read_line(r) : !read_header(r);
    }
    r->n_cells = 0;
}

static bool is_whole(const struct reading *r)
{
    return !r->bad && r->columns && r->said_payments == (int64_t)(r->n - r->n_refunds) &&
           r->said_refunds == (int64_t)r->n_refunds;
}

static enum status parse_csv(const struct buf *text, struct arena *a, struct bill_line **lines,
                             size_t *n_lines)
{
    struct reading r = {.arena = a, .said_payments = -1, .said_refunds = -1};
    struct csv_parser parser;
    CHECK_PEER(csv_init(&parser, 0) == 0);
    bool parsed =
        csv_parse(&parser, text->bytes, text->size, take_cell, take_row, &r) == text->size &&
        csv_fini(&parser, take_cell, take_row, &r) == 0;
    csv_free(&parser);
    enum status s = parsed && is_whole(&r) ? OK : INVALID;
    if (s == OK) {
        *lines = (struct bill_line *)arena_copy(a, r.lines, r.n * sizeof *r.lines);
        *n_lines = r.n;
    }
    free(r.lines);
    return s;
}

enum status alipay_parse_bill(const void *zip, size_t n, size_t max, struct arena *a,
                              struct bill_line **lines, size_t *n_lines)
{
    struct buf packed = {0}, text = {0};
    enum status s = bill_unzip(zip, n, "_业务明细.csv", max, &packed);
    if (s == OK)
        s = bill_from_gbk(packed.bytes, packed.size, &text);
    if (s == OK)
        s = text.size ? parse_csv(&text, a, lines, n_lines) : INVALID;
    buf_free(&packed);
    buf_free(&text);
    return s;
}
