/* SPDX-License-Identifier: MIT */
/* Alipay's trade bill. */
#include "alipay.h"
#include "files.h"
#include "moment.h"

#include <string.h>

enum { FILE_LIFE_S = 30 };

static bool is_bill_type(const char *t)
{
    return strcmp(t, "trade") == 0;
}

static bool is_day(const char *t)
{
    int64_t from_s;
    return bill_day(t, &from_s);
}

const struct member alipay_bill_members[] = {
    {"bill_type", MEMBER_TEXT, true, 1, 20, is_bill_type, NULL},
    {"bill_date", MEMBER_TEXT, true, 10, 10, is_day, NULL},
    {0},
};

static const char *const columns[] = {"支付宝交易号",
                                      "商户订单号",
                                      "业务类型",
                                      "商品名称",
                                      "创建时间",
                                      "完成时间",
                                      "门店编号",
                                      "门店名称",
                                      "操作员",
                                      "终端号",
                                      "对方账户",
                                      "订单金额（元）",
                                      "商家实收（元）",
                                      "支付宝红包（元）",
                                      "集分宝（元）",
                                      "支付宝优惠（元）",
                                      "商家优惠（元）",
                                      "券核销金额（元）",
                                      "券名称",
                                      "商家红包消费金额（元）",
                                      "卡消费金额（元）",
                                      "退款批次号/请求号",
                                      "服务费（元）",
                                      "分润（元）",
                                      "备注",
                                      NULL};

static void add_row(struct text *t, const struct bill_row *row)
{
    const struct trade *trade = &row->trade;
    const struct refund *r = row->refund.out_refund_no ? &row->refund : NULL;
    int64_t fen = r ? r->amount_fen : trade->amount_fen;
    const char *nothing = yuan_text(t->pool, 0);
    char *amount = pool_print(t->pool, "%s%s", r ? "-" : "", yuan_text(t->pool, fen));
    const char *const cells[] = {trade->transaction_id,
                                 trade->out_trade_no,
                                 r ? "退款" : "交易",
                                 trade->subject,
                                 moment_gmt8(t->pool, trade->created_s),
                                 moment_gmt8(t->pool, r ? r->done_s : trade->paid_s),
                                 "",
                                 "",
                                 "",
                                 "",
                                 "*三(san***@example.com)",
                                 amount,
                                 amount,
                                 nothing,
                                 nothing,
                                 nothing,
                                 nothing,
                                 nothing,
                                 "",
                                 nothing,
                                 nothing,
                                 r ? r->out_refund_no : "",
                                 nothing,
                                 nothing,
                                 "",
                                 NULL};
    bill_line(t, "", cells, "\t");
}

#define RULE "-----------------------------------------"

static void add_head(struct text *t, const struct sandbox *s, const struct bill *bill,
                     const char *title)
{
    text_print(t, "#支付宝%s查询\r\n#账号：[%s0156]\r\n", title, s->in.seller_id);
    text_print(t, "#起始日期：[%s]   终止日期：[%s]\r\n",
               moment_print(t->pool, "%Y年%m月%d日 %H:%M:%S", bill->from_s),
               moment_print(t->pool, "%Y年%m月%d日 %H:%M:%S", bill->until_s));
    text_print(t, "#" RULE "%s列表" RULE "\r\n", title);
}

static struct text write_details(const struct sandbox *s, struct pool *pool,
                                 const struct bill *bill)
{
    struct text t = {.pool = pool};
    int64_t paid_fen = 0, back_fen = 0;
    size_t n_back = 0;
    add_head(&t, s, bill, "业务明细");
    bill_line(&t, "", columns, "");
    for (size_t i = 0; i < bill->n; i++) {
        bool back = bill->rows[i].refund.out_refund_no;
        add_row(&t, &bill->rows[i]);
        n_back += back;
        paid_fen += back ? 0 : bill->rows[i].trade.amount_fen;
        back_fen += back ? bill->rows[i].refund.amount_fen : 0;
    }
    text_puts(&t, "#" RULE "业务明细列表结束" RULE "\r\n");
    text_print(&t, "#交易合计：%zu笔，商家实收共%s元，商家优惠共0.00元\r\n", bill->n - n_back,
               yuan_text(pool, paid_fen));
    text_print(&t, "#退款合计：%zu笔，商家实收退款共-%s元，商家优惠退款共0.00元\r\n", n_back,
               yuan_text(pool, back_fen));
    text_print(&t, "#导出时间：[%s]\r\n",
               moment_print(pool, "%Y年%m月%d日 %H:%M:%S", moment_now_s()));
    return text_in_gbk(pool, t.at);
}

static struct text write_summary(const struct sandbox *s, struct pool *pool,
                                 const struct bill *bill)
{
    struct text t = {.pool = pool};
    add_head(&t, s, bill, "业务汇总");
    text_print(&t, "门店编号,门店名称,交易订单总笔数\r\n合计\t,\t,%zu\t\r\n", bill->n);
    text_puts(&t, "#" RULE "业务汇总列表结束" RULE "\r\n");
    return text_in_gbk(pool, t.at);
}

static struct text pack(const struct sandbox *s, struct pool *pool, const struct bill *bill,
                        enum bill_fault fault)
{
    char *stem =
        pool_print(pool, "%s0156_%s", s->in.seller_id, moment_print(pool, "%Y%m%d", bill->from_s));
    const struct archived members[] = {
        {text_in_gbk(pool, pool_print(pool, "%s_业务明细.csv", stem)).at,
         write_details(s, pool, bill)},
        {text_in_gbk(pool, pool_print(pool, "%s_业务明细(汇总).csv", stem)).at,
         write_summary(s, pool, bill)},
    };
    struct text file = file_zip(pool, members, 2, fault == BILL_BOMB);
    if (fault == BILL_WRONG_HASH)
        file.at[file.size / 4] ^= 0x55;
    return file;
}

json_t *alipay_order_bill(struct alipay_call *call, struct alipay_refusal *r)
{
    struct sandbox *s = call->s;
    int64_t from_s = 0;
    bill_day(alipay_biz_text(call, "bill_date"), &from_s);
    enum bill_fault fault = files_next_fault(s->files, CHANNEL_ALIPAY);
    struct bill bill = bill_make(s, call->pool, CHANNEL_ALIPAY, from_s, BILL_ALL, fault);
    bool ready = files_are_ready(s->files, CHANNEL_ALIPAY) || bill_is_ready(from_s);
    if (!ready || fault == BILL_NONE || fault == BILL_CREATING || bill.n == 0) {
        alipay_refuse(r, "40004", "isp.bill_not_exist", "账单不存在");
        return NULL;
    }
    struct text file = pack(s, call->pool, &bill, fault);
    char *token = files_keep(s->files, call->pool, &file, FILE_LIFE_S, fault);
    const char *base = fault == BILL_FOREIGN_HOST ? "https://bills.example.com" : s->base_url;
    json_t *node = alipay_success();
    json_put_text(node, "bill_download_url",
                  pool_print(call->pool, "%s/downloadBill?token=%s", base, token));
    return node;
}
