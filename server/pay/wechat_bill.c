/* SPDX-License-Identifier: MIT */
#include "pay/wechat_bill.h"

#include <openssl/evp.h>
#include <sodium.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "pay/wechat_parts.h"

enum { SHA1_BYTES = 20, SHA1_HEX = 40, URL_MAX = 2048, CELLS_MAX = 64 };

enum status wechat_bill_request(const struct wechat *w, int32_t day, int64_t now_us,
                                struct arena *a, struct wechat_request *out)
{
    char text[DAY_TEXT_BYTES];
    struct wechat_request request = {
        .method = "GET",
        .url = arena_printf(a, "/v3/bill/tradebill?bill_date=%s&bill_type=ALL&tar_type=GZIP",
                            day_format(day, text)),
        .body = "",
    };
    enum status status = wechat_sign_request(w, a, now_us, &request);
    if (status == OK)
        *out = request;
    return status;
}

enum status wechat_bill_answer(const char *json, size_t n, struct arena *a,
                               struct wechat_bill_place *out)
{
    struct json_view document;
    struct json_text *read = json_text_open(json, n, &document);
    const char *type = wechat_text(document, "hash_type", 16, a);
    struct wechat_bill_place place = {
        .sha1_hex = wechat_text(document, "hash_value", SHA1_HEX, a),
        .download_url = wechat_text(document, "download_url", URL_MAX, a),
    };
    json_text_close(read);
    if (!type || strcmp(type, "SHA1") != 0 || !place.sha1_hex ||
        strspn(place.sha1_hex, "0123456789abcdefABCDEF") != SHA1_HEX ||
        !wechat_is_line(place.download_url, URL_MAX))
        return INVALID;
    *out = place;
    return OK;
}

/* What lies behind scheme and host. */
static const char *path_of(const char *url)
{
    const char *host = strstr(url, "://");
    const char *path = host ? strchr(host + 3, '/') : NULL;
    return path && !strchr(path, '#') ? path : NULL;
}

enum status wechat_bill_download_request(const struct wechat *w, const char *download_url,
                                         int64_t now_us, struct arena *a,
                                         struct wechat_request *out)
{
    const char *path = path_of(download_url);
    struct wechat_request request = {.method = "GET", .body = ""};
    if (!path || !wechat_is_line(path, URL_MAX))
        return INVALID;
    request.url = arena_strdup(a, path);
    enum status status = wechat_sign_request(w, a, now_us, &request);
    if (status == OK)
        *out = request;
    return status;
}

enum status wechat_bill_check(const struct wechat_bill_place *place, const void *file, size_t n)
{
    unsigned char got[SHA1_BYTES], want[SHA1_BYTES];
    size_t size = 0;
    if (sodium_hex2bin(want, sizeof want, place->sha1_hex, strlen(place->sha1_hex), NULL, &size,
                       NULL) != 0 ||
        size != SHA1_BYTES)
        return DENIED;
    CHECK_PEER(EVP_Q_digest(NULL, "SHA1", NULL, file, n, got, NULL) == 1);
    return memcmp(got, want, SHA1_BYTES) == 0 ? OK : DENIED;
}

/* Takes the next line off *rest, without CR LF; NULL at the end. */
static char *next_line(char **rest)
{
    char *line = strsep(rest, "\n");
    if (line) {
        size_t n = strlen(line);
        if (n && line[n - 1] == '\r')
            line[n - 1] = '\0';
    }
    return line;
}

size_t wechat_bill_cells(char *line, const char **cells, size_t max)
{
    size_t n = 0;
    char *at = line + (line[0] == '`');
    while (at && n < max) {
        char *end = strstr(at, ",`");
        cells[n++] = at;
        if (end)
            *end = '\0';
        at = end ? end + 2 : NULL;
    }
    return at ? 0 : n;
}

enum column {
    AT,
    TRANSACTION_ID,
    OUT_TRADE_NO,
    STATE,
    CURRENCY,
    AMOUNT,
    OUT_REFUND_NO,
    REFUNDED,
    REFUND_STATE,
    COLUMNS
};

static const char *const COLUMN_NAMES[COLUMNS] = {
    [AT] = "交易时间",
    [TRANSACTION_ID] = "微信订单号",
    [OUT_TRADE_NO] = "商户订单号",
    [STATE] = "交易状态",
    [CURRENCY] = "货币种类",
    [AMOUNT] = "订单金额",
    [OUT_REFUND_NO] = "商户退款单号",
    [REFUNDED] = "申请退款金额",
    [REFUND_STATE] = "退款状态",
};

struct bill_columns {
    size_t count;       /* of all columns */
    size_t at[COLUMNS]; /* where each of ours stands */
};

static enum status read_header(char *line, struct bill_columns *out)
{
    struct bill_columns c = {0};
    size_t found = 0;
    char *name;
    for (; (name = strsep(&line, ",")) != NULL; c.count++)
        for (size_t i = 0; i < COLUMNS; i++)
            if (strcmp(name, COLUMN_NAMES[i]) == 0) {
                c.at[i] = c.count;
                found++;
            }
    if (found != COLUMNS || c.count > CELLS_MAX)
        return INVALID;
    *out = c;
    return OK;
}

static enum status read_line(char *text, const struct bill_columns *c, struct arena *a,
                             struct bill_line *out)
{
    const char *cells[CELLS_MAX];
    if (wechat_bill_cells(text, cells, CELLS_MAX) != c->count)
        return INVALID;
    const char *state = cells[c->at[STATE]];
    struct bill_line line = {.refund = strcmp(state, "SUCCESS") != 0};
    if (line.refund && strcmp(state, "REFUND") != 0 && strcmp(state, "REVOKED") != 0)
        return INVALID;
    if (time_parse_cn_plain(cells[c->at[AT]], &line.at_us) != OK ||
        yuan_parse(cells[c->at[line.refund ? REFUNDED : AMOUNT]], &line.amount_fen) != OK)
        return INVALID;
    line.transaction_id = arena_strdup(a, cells[c->at[TRANSACTION_ID]]);
    line.out_trade_no = arena_strdup(a, cells[c->at[OUT_TRADE_NO]]);
    line.currency = arena_strdup(a, cells[c->at[CURRENCY]]);
    if (line.refund) {
        line.out_refund_no = arena_strdup(a, cells[c->at[OUT_REFUND_NO]]);
        line.refund_state = arena_strdup(a, cells[c->at[REFUND_STATE]]);
    }
    *out = line;
    return OK;
}

/* The summary's first cell counts the lines, as "45" or "45.0". */
static bool counts(char *summary, size_t n_lines)
{
    const char *cells[CELLS_MAX];
    int64_t hundredfold = -1;
    return summary && summary[0] == '`' && wechat_bill_cells(summary, cells, CELLS_MAX) > 0 &&
           yuan_parse(cells[0], &hundredfold) == OK && hundredfold == (int64_t)n_lines * 100;
}

static size_t count_line_feeds(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

enum status wechat_parse_bill(const void *csv, size_t n, struct arena *a, struct bill_line **lines,
                              size_t *n_lines)
{
    static const char BOM[] = "\xEF\xBB\xBF";
    char *rest = arena_copy(a, csv, n), *line;
    struct bill_columns columns;
    size_t count = 0;
    if (strlen(rest) != n) /* a NUL would hide what follows it */
        return INVALID;
    if (strncmp(rest, BOM, 3) == 0)
        rest += 3;
    struct bill_line *read = arena_alloc(a, (count_line_feeds(rest) + 1) * sizeof *read);
    if (rest[0]) {
        if (read_header(next_line(&rest), &columns) != OK)
            return INVALID;
        while ((line = next_line(&rest)) != NULL && line[0] == '`')
            if (read_line(line, &columns, a, &read[count++]) != OK)
                return INVALID;
        if (!counts(next_line(&rest), count))
            return INVALID;
    }
    *lines = read;
    *n_lines = count;
    return OK;
}
