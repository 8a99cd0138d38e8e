/* SPDX-License-Identifier: MIT */
/* WeChat Pay's trade bill. */
#include "encoding.h"
#include "files.h"
#include "moment.h"
#include "wechat.h"

#include <openssl/evp.h>
#include <string.h>

enum { FILE_LIFE_S = 300, SHA1_BYTES = 20, SUMMARY_CELLS = 7 };

static const char *const all_columns[] = {
    "交易时间",     "公众账号ID",     "商户号",       "特约商户号",
    "设备号",       "微信订单号",     "商户订单号",   "用户标识",
    "交易类型",     "交易状态",       "付款银行",     "货币种类",
    "应结订单金额", "代金券金额",     "微信退款单号", "商户退款单号",
    "退款金额",     "充值券退款金额", "退款类型",     "退款状态",
    "商品名称",     "商户数据包",     "手续费",       "费率",
    "订单金额",     "申请退款金额",   "费率备注",     NULL};
static const char *const payment_columns[] = {
    "交易时间", "公众账号ID", "商户号",   "特约商户号", "设备号",   "微信订单号",   "商户订单号",
    "用户标识", "交易类型",   "交易状态", "付款银行",   "货币种类", "应结订单金额", "代金券金额",
    "商品名称", "商户数据包", "手续费",   "费率",       "订单金额", "费率备注",     NULL};
static const char *const refund_columns[] = {
    "交易时间",     "公众账号ID",   "商户号",       "特约商户号", "设备号",
    "微信订单号",   "商户订单号",   "用户标识",     "交易类型",   "交易状态",
    "付款银行",     "货币种类",     "应结订单金额", "代金券金额", "退款申请时间",
    "退款成功时间", "微信退款单号", "商户退款单号", "退款金额",   "充值券退款金额",
    "退款类型",     "退款状态",     "商品名称",     "商户数据包", "手续费",
    "费率",         "订单金额",     "申请退款金额", "费率备注",   NULL};
static const char *const summary_columns[] = {
    "总交易单数",   "应结订单总金额", "退款总金额",     "充值券退款总金额",
    "手续费总金额", "订单总金额",     "申请退款总金额", NULL};

/* 0.6 % to the fen, five decimals: "0.06000"; of a refund it comes back. */
static char *fee_text(struct pool *pool, int64_t fen)
{
    int64_t fee = (fen * 6 + 500) / 1000;
    return pool_print(pool, "%lld.%02lld000", (long long)(fee / 100), (long long)(fee % 100));
}

/* The cell of that column. */
static const char *cell(struct pool *pool, const struct bill_row *row, const char *column)
{
    const struct trade *t = &row->trade;
    const struct refund *r = row->refund.out_refund_no ? &row->refund : NULL;
    const char *nothing = yuan_text(pool, 0);
    char *amount = yuan_text(pool, t->amount_fen),
         *back = r ? yuan_text(pool, r->amount_fen) : NULL;
    const struct {
        const char *column, *value;
    } cells[] = {
        {"交易时间", moment_gmt8(pool, r ? r->done_s : t->paid_s)},
        {"公众账号ID", t->appid},
        {"商户号", t->merchant},
        {"特约商户号", "0"},
        {"微信订单号", t->transaction_id},
        {"商户订单号", t->out_trade_no},
        {"用户标识", t->payer.openid},
        {"交易类型", wechat_trade_type(t->method)},
        {"交易状态", r ? "REFUND" : "SUCCESS"},
        {"付款银行", "OTHERS"},
        {"货币种类", "CNY"},
        {"应结订单金额", r ? nothing : amount},
        {"代金券金额", nothing},
        {"退款申请时间", r ? moment_gmt8(pool, r->created_s) : ""},
        {"退款成功时间", r ? moment_gmt8(pool, r->done_s) : ""},
        {"微信退款单号", r ? r->refund_id : "0"},
        {"商户退款单号", r ? r->out_refund_no : "0"},
        {"退款金额", r ? back : nothing},
        {"充值券退款金额", nothing},
        {"退款类型", r ? "ORIGINAL" : ""},
        {"退款状态", r ? "SUCCESS" : ""},
        {"商品名称", t->subject},
        {"商户数据包", t->attach ? t->attach : ""},
        {"手续费",
         pool_print(pool, "%s%s", r ? "-" : "", fee_text(pool, r ? r->amount_fen : t->amount_fen))},
        {"费率", "0.60%"},
        {"订单金额", r ? nothing : amount},
        {"申请退款金额", r ? back : nothing},
    };
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++)
        if (strcmp(cells[i].column, column) == 0)
            return cells[i].value;
    return "";
}

static void add_summary(struct text *t, const struct bill *bill)
{
    int64_t paid_fen = 0, back_fen = 0, fee_fen = 0;
    for (size_t i = 0; i < bill->n; i++) {
        bool back = bill->rows[i].refund.out_refund_no;
        int64_t fen = back ? bill->rows[i].refund.amount_fen : bill->rows[i].trade.amount_fen;
        paid_fen += back ? 0 : fen;
        back_fen += back ? fen : 0;
        fee_fen += (back ? -1 : 1) * ((fen * 6 + 500) / 1000);
    }
    char *paid = yuan_text(t->pool, paid_fen), *back = yuan_text(t->pool, back_fen);
    char *fee = pool_print(t->pool, "%s%s000", fee_fen < 0 ? "-" : "",
                           yuan_text(t->pool, fee_fen < 0 ? -fee_fen : fee_fen));
    const char *const cells[SUMMARY_CELLS + 1] = {pool_print(t->pool, "%zu", bill->n),
                                                  paid,
                                                  back,
                                                  yuan_text(t->pool, 0),
                                                  fee,
                                                  paid,
                                                  back,
                                                  NULL};
    bill_line(t, "", summary_columns, "");
    bill_line(t, "`", cells, "");
}

static struct text write_csv(struct pool *pool, const struct bill *bill, const char *const *columns)
{
    struct text t = {.pool = pool};
    text_puts(&t, "\xEF\xBB\xBF");
    bill_line(&t, "", columns, "");
    for (size_t i = 0; i < bill->n; i++) {
        const char *cells[32] = {0};
        for (size_t k = 0; columns[k]; k++)
            cells[k] = cell(pool, &bill->rows[i], columns[k]);
        bill_line(&t, "`", cells, "");
    }
    add_summary(&t, bill);
    return t;
}

struct order {
    int64_t from_s;
    enum bill_part part;
    const char *const *columns;
    bool packed;
};

static bool refuse_query(struct wechat_refusal *r, const char *field)
{
    r->field = field;
    r->issue = "value";
    r->location = "query";
    return wechat_refuse(r, 400, "PARAM_ERROR", "参数错误");
}

static bool read_order(struct request *request, struct order *o, struct wechat_refusal *r)
{
    struct pairs p = {0};
    const char *query = request->query ? request->query : "";
    if (!pairs_parse(request->pool, query, strlen(query), &p))
        return refuse_query(r, "query");
    const char *day = pairs_get(&p, "bill_date"), *type = pairs_get(&p, "bill_type"),
               *pack = pairs_get(&p, "tar_type");
    if (!day || !bill_day(day, &o->from_s))
        return refuse_query(r, "bill_date");
    if (pack && strcmp(pack, "GZIP") != 0)
        return refuse_query(r, "tar_type");
    if (p.n != 1U + (type != NULL) + (pack != NULL))
        return refuse_query(r, "query");
    o->packed = pack;
    o->part = BILL_ALL;
    o->columns = all_columns;
    if (!type || strcmp(type, "ALL") == 0)
        return true;
    bool payments = strcmp(type, "SUCCESS") == 0;
    o->part = payments ? BILL_PAYMENTS : BILL_REFUNDS;
    o->columns = payments ? payment_columns : refund_columns;
    return payments || strcmp(type, "REFUND") == 0 || refuse_query(r, "bill_type");
}

static char *sha1_hex(struct pool *pool, const struct text *t)
{
    unsigned char digest[SHA1_BYTES];
    EVP_Digest(t->at, t->size, digest, NULL, EVP_sha1(), NULL);
    return hex_lower(pool, digest, sizeof digest);
}

static bool check_ready(struct sandbox *s, const struct order *o, enum bill_fault fault,
                        struct wechat_refusal *r)
{
    bool ready = files_are_ready(s->files, CHANNEL_WECHAT) || bill_is_ready(o->from_s);
    if (fault == BILL_CREATING || !ready)
        return wechat_refuse(r, 400, "STATEMENT_CREATING", "账单生成中，请稍后再试");
    return fault != BILL_NONE || wechat_refuse(r, 400, "NO_STATEMENT_EXIST", "账单文件不存在");
}

bool wechat_order_bill(struct sandbox *s, struct request *request, struct reply *reply,
                       struct wechat_refusal *r)
{
    struct order o;
    struct pool *pool = request->pool;
    if (!read_order(request, &o, r))
        return false;
    enum bill_fault fault = files_next_fault(s->files, CHANNEL_WECHAT);
    if (!check_ready(s, &o, fault, r))
        return false;
    struct bill bill = bill_make(s, pool, CHANNEL_WECHAT, o.from_s, o.part, fault);
    if (bill.n == 0)
        return wechat_refuse(r, 400, "NO_STATEMENT_EXIST", "账单文件不存在");
    struct text csv = write_csv(pool, &bill, o.columns);
    char *hash = fault == BILL_WRONG_HASH ? pool_print(pool, "%040d", 0) : sha1_hex(pool, &csv);
    struct text file = o.packed ? file_gzip(pool, &csv, fault == BILL_BOMB) : csv;
    char *token = files_keep(s->files, pool, &file, FILE_LIFE_S, fault);
    const char *base = fault == BILL_FOREIGN_HOST ? "https://bills.example.com" : s->base_url;
    char *url = pool_print(pool, "%s/v3/billdownload/file?token=%s", base, token);
    reply_json(
        request, reply, 200,
        json_pack("{s:s, s:s, s:s}", "hash_type", "SHA1", "hash_value", hash, "download_url", url));
    return true;
}
