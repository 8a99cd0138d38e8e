/* SPDX-License-Identifier: MIT */
/* Alipay's bill: a zip with names and texts in GBK, written here by libzip and iconv after the
 * provider's published form. */
#include <criterion/criterion.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

#include "base/clock.h"
#include "pay/alipay_bill.h"
#include "pay/bill_unpack.h"

enum { LIMIT = 1 << 20 };

static struct arena *a;
static struct bill_line *lines;
static size_t n_lines;

static void set_up(void)
{
    a = arena_new();
    lines = NULL;
    n_lines = 99;
}

static void tear_down(void)
{
    arena_free(a);
}

TestSuite(alipay_bill, .init = set_up, .fini = tear_down);

static struct span in_gbk(const char *utf8)
{
    size_t left = strlen(utf8), room = 2 * left + 1, whole = room;
    char *copy = arena_strdup(a, utf8), *bytes = arena_alloc(a, room), *to = bytes;
    iconv_t converter = iconv_open("GBK", "UTF-8");
    cr_assert_neq(iconv(converter, &copy, &left, &to, &room), (size_t)-1);
    iconv_close(converter);
    return (struct span){bytes, whole - room};
}

struct member {
    struct span name, content;
};

static struct span zip_of(const struct member *members, size_t n)
{
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t *to = zip_source_buffer_create(NULL, 0, 0, &error);
    zip_t *zip = zip_open_from_source(to, ZIP_CREATE | ZIP_TRUNCATE, &error);
    cr_assert(zip);
    zip_source_keep(to);
    for (size_t i = 0; i < n; i++) {
        zip_source_t *from =
            zip_source_buffer(zip, members[i].content.bytes, members[i].content.size, 0);
        const char *name = arena_copy(a, members[i].name.bytes, members[i].name.size);
        cr_assert(zip_file_add(zip, name, from, ZIP_FL_ENC_RAW) >= 0);
    }
    cr_assert_eq(zip_close(zip), 0);
    zip_stat_t stat;
    cr_assert_eq(zip_source_stat(to, &stat), 0);
    unsigned char *bytes = arena_alloc(a, stat.size);
    cr_assert_eq(zip_source_open(to), 0);
    cr_assert_eq(zip_source_read(to, bytes, stat.size), (zip_int64_t)stat.size);
    zip_source_close(to);
    zip_source_free(to);
    return (struct span){bytes, stat.size};
}

/* The two files that come. */
static struct span bill_of(const char *details)
{
    const struct member members[] = {
        {in_gbk("20885_20260101_业务明细(汇总).csv"), in_gbk("#支付宝业务汇总查询\r\n")},
        {in_gbk("20885_20260101_业务明细.csv"), in_gbk(details)},
    };
    return zip_of(members, 2);
}

static enum status parse(struct span zip)
{
    return alipay_parse_bill(zip.bytes, zip.size, LIMIT, a, &lines, &n_lines);
}

#define HEAD                                                                                                                     \
    "#支付宝业务明细查询\r\n#账号：[20885102000000000156]\r\n"                                                       \
    "#-----------------------------------------业务明细列表----------------------\r\n"                                     \
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,对方账户,订单金额（元）," \
    "商家实收（元）,退款批次号/请求号,备注\r\n"
#define PAID                                                                                       \
    "2026010122001 \t,n1\t,交易\t,证件照\t,2026-01-01 10:00:00\t,2026-01-01 10:00:07\t,"      \
    "*三(san***@example.com)\t,35.70\t,35.70\t,\t,\t\r\n"
#define BACK                                                                                       \
    "2026010122001\t,n1\t,退款\t,证件照\t,2026-01-01 10:00:00\t,2026-01-01 23:59:59\t,"       \
    "*三(san***@example.com)\t,-5.00\t,-5.00\t,n1R1\t,\t\r\n"
#define TAIL(paid, back)                                                                           \
    "#-----------------------------------------业务明细列表结束------------------\r\n"     \
    "#交易合计：" paid "笔，商家实收共35.70元，商家优惠共0.00元\r\n"                \
    "#退款合计：" back "笔，商家实收退款共-5.00元，商家优惠退款共0.00元\r\n"    \
    "#导出时间：[2026年01月02日 09:00:00]\r\n"

Test(alipay_bill, payments_and_refunds_are_read_by_column_name)
{
    int64_t paid_us, back_us;
    cr_assert_eq(time_parse("2026-01-01T02:00:07Z", &paid_us), OK);
    cr_assert_eq(time_parse("2026-01-01T15:59:59Z", &back_us), OK);
    cr_assert_eq(parse(bill_of(HEAD PAID BACK TAIL("1", "1"))), OK);
    cr_assert_eq(n_lines, 2);
    cr_assert_not(lines[0].refund);
    cr_assert_str_eq(lines[0].transaction_id, "2026010122001");
    cr_assert_str_eq(lines[0].out_trade_no, "n1");
    cr_assert_eq(lines[0].amount_fen, 3570);
    cr_assert_eq(lines[0].at_us, paid_us);
    cr_assert(lines[1].refund);
    cr_assert_str_eq(lines[1].out_refund_no, "n1R1");
    cr_assert_eq(lines[1].amount_fen, 500, "a refund's amount is not negative");
    cr_assert_eq(lines[1].at_us, back_us);
}

Test(alipay_bill, a_day_without_lines_has_a_table_all_the_same)
{
    cr_assert_eq(parse(bill_of(HEAD TAIL("0", "0"))), OK);
    cr_assert_eq(n_lines, 0);
}

Test(alipay_bill, a_file_that_is_not_whole_or_odd_is_refused)
{
    static const char *const odd[] = {
        "",
        HEAD PAID, /* the counts are missing */
        HEAD PAID TAIL("2", "0"),
        HEAD PAID BACK TAIL("2", "0"),
        HEAD PAID BACK TAIL("1", "2"),
        "#\r\n支付宝交易号,商户订单号,业务类型,完成时间\r\n" TAIL("0", "0"),
        HEAD "2026\t,n1\t,交易\t,x\t,2026-01-01 10:00:00\r\n" TAIL("1", "0"),
        HEAD "2026\t,n1\t,赠送\t,x\t,2026-01-01 10:00:00\t,2026-01-01 10:00:07\t,p\t,1.00\t,1.00\t,"
             "\t,\t\r\n" TAIL("1", "0"),
        HEAD "2026\t,n1\t,交易\t,x\t,2026-01-01 10:00:00\t,2026-01-01 10:00:07\t,p\t,-1.00\t,1.00"
             "\t,\t,\t\r\n" TAIL("1", "0"),
        HEAD "2026\t,n1\t,交易\t,x\t,2026-01-01 10:00:00\t,2026-13-01 10:00:07\t,p\t,1.00\t,1.00\t,"
             "\t,\t\r\n" TAIL("1", "0"),
    };
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        cr_assert_eq(parse(bill_of(odd[i])), INVALID, "case %zu", i);
    cr_assert_eq(n_lines, 99, "untouched");
}

Test(alipay_bill, a_cut_or_changed_zip_is_refused)
{
    struct span whole = bill_of(HEAD PAID TAIL("1", "0"));
    unsigned char *bytes = (unsigned char *)arena_copy(a, whole.bytes, whole.size);
    cr_assert_eq(parse((struct span){bytes, whole.size / 2}), INVALID);
    cr_assert_eq(parse((struct span){bytes, 0}), INVALID);
    bytes[whole.size / 2] ^= 0x55;
    cr_assert_eq(parse((struct span){bytes, whole.size}), INVALID);
}

Test(alipay_bill, a_zip_with_no_bill_or_with_two_is_refused)
{
    const struct member members[] = {
        {in_gbk("a_业务明细.csv"), in_gbk(HEAD PAID TAIL("1", "0"))},
        {in_gbk("b_业务明细.csv"), in_gbk(HEAD PAID TAIL("1", "0"))},
        {in_gbk("b_业务明细(汇总).csv"), in_gbk("#\r\n")},
    };
    cr_assert_eq(parse(zip_of(members, 2)), INVALID);
    cr_assert_eq(parse(zip_of(members + 2, 1)), INVALID);
    cr_assert_eq(parse(zip_of(members + 1, 2)), OK);
}

Test(alipay_bill, a_name_in_utf8_will_do_too)
{
    const struct member member = {
        .name = {"x_业务明细.csv", strlen("x_业务明细.csv")},
        .content = in_gbk(HEAD PAID TAIL("1", "0")),
    };
    cr_assert_eq(parse(zip_of(&member, 1)), OK);
}

Test(alipay_bill, a_zip_that_bursts_is_stopped_at_the_limit)
{
    char *zeros = arena_alloc(a, 3 * LIMIT);
    memset(zeros, '#', 3 * LIMIT);
    const struct member member = {in_gbk("x_业务明细.csv"), {zeros, 3 * LIMIT}};
    struct span zip = zip_of(&member, 1);
    struct buf out = {0};
    cr_assert_lt(zip.size, LIMIT / 100, "it is small while it is packed");
    cr_assert_eq(bill_unzip(zip.bytes, zip.size, ".csv", LIMIT, &out), TOO_LARGE);
    cr_assert_leq(out.size, LIMIT);
    buf_free(&out);
    cr_assert_eq(bill_unzip(zip.bytes, zip.size, ".csv", 3 * LIMIT, &out), OK);
    cr_assert_eq(out.size, 3 * LIMIT);
    buf_free(&out);
}

Test(alipay_bill, bytes_that_are_no_gbk_are_refused)
{
    struct buf out = {0};
    cr_assert_eq(bill_from_gbk("\xff\xff", 2, &out), INVALID);
    buf_free(&out);
}

/* ---- the answer that names the file ---- */

static enum status answer(const char *node, const char **url)
{
    return alipay_bill_answer(node, strlen(node), a, url);
}

Test(alipay_bill, the_answer_names_an_address_or_says_that_there_is_no_bill)
{
    const char *url = "untouched";
    cr_assert_eq(answer("{\"code\":\"40004\",\"sub_code\":\"isp.bill_not_exist\"}", &url),
                 NOT_FOUND);
    cr_assert_eq(answer("{\"code\":\"40004\",\"sub_code\":\"BILL_NOT_EXIST\"}", &url), NOT_FOUND);
    cr_assert_eq(answer("{\"code\":\"40004\",\"sub_code\":\"isv.invalid\"}", &url), INVALID);
    cr_assert_eq(answer("{\"code\":\"20000\"}", &url), UNAVAILABLE);
    cr_assert_eq(answer("{\"code\":\"10000\"}", &url), INVALID);
    cr_assert_str_eq(url, "untouched");
    cr_assert_eq(answer("{\"code\":\"10000\",\"bill_download_url\":\"https://h/x?y\"}", &url), OK);
    cr_assert_str_eq(url, "https://h/x?y");
}
