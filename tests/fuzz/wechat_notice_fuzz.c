/* SPDX-License-Identifier: MIT */
/*
 * WeChat callbacks. What the bytes are:
 *   "H\n", five lines of headers, a body   unsigned: header rules and signature check
 *   text that names a "resource"           the body, rightly signed: the envelope
 *   anything else                          the transaction, rightly sealed and signed
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "pay/aead.h"
#include "pay/base64.h"
#include "provider_keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define TIMESTAMP      "1790000000"
#define NONCE          "c5ac7061fccab6bf3e254dcf98995b8c"
#define RESOURCE_NONCE "fdasflkja484"

static struct wechat *merchant;

static void open_it(const struct wechat_headers *headers, const void *body, size_t n,
                    struct arena *a)
{
    struct wechat_notice notice = {0};
    const struct wechat *chosen = NULL;
    struct wechat *const merchants[] = {merchant};
    enum notify_refusal refusal = wechat_open_notice(
        merchants, 1, headers, body, n, atoll(TIMESTAMP) * SECOND_US, a, &notice, &chosen);
    CHECK(notify_refusal_name(refusal) != NULL);
    if (refusal != NOTIFY_ACCEPTED)
        return;
    CHECK(chosen == merchant && notice.id != NULL);
    CHECK(strlen(notice.plaintext) <= notice.plaintext_size);
    if (notice.event == WECHAT_TRANSACTION) {
        CHECK(notice.trade.out_trade_no != NULL && notice.trade.appid != NULL);
        CHECK(notice.trade.state != TRADE_PAID || notice.trade.amount_fen >= 0);
    } else {
        struct wechat_refund_result refund;
        if (wechat_parse_refund(notice.plaintext, notice.plaintext_size, a, &refund) == OK)
            CHECK(refund.out_refund_no != NULL);
    }
}

static void open_signed(const void *body, size_t n, struct arena *a)
{
    const struct span parts[] = {
        {TIMESTAMP "\n" NONCE "\n", sizeof TIMESTAMP "\n" NONCE "\n" - 1}, {body, n}, {"\n", 1}};
    const struct wechat_headers headers = {
        .timestamp = TIMESTAMP,
        .nonce = NONCE,
        .signature = fuzz_provider_sign(parts, 3, a),
        .serial = FUZZ_KEY_ID,
        .signature_type = "WECHATPAY2-SHA256-RSA2048",
    };
    open_it(&headers, body, n, a);
}

static void open_sealed(const uint8_t *plain, size_t n, struct arena *a)
{
    unsigned char *sealed = arena_alloc(a, n + AEAD_TAG_BYTES);
    CHECK(aead_seal((struct span){FUZZ_API_V3_KEY, 32}, (struct span){RESOURCE_NONCE, 12},
                    (struct span){"transaction", 11}, (struct span){plain, n}, sealed) == OK);
    const char *type = n > 0 && plain[n - 1] == ' ' ? "REFUND.SUCCESS" : "TRANSACTION.SUCCESS";
    const char *body = arena_printf(
        a,
        "{\"id\":\"EV-1\",\"event_type\":\"%s\",\"resource_type\":\"encrypt-resource\","
        "\"resource\":{\"algorithm\":\"AEAD_AES_256_GCM\",\"nonce\":\"" RESOURCE_NONCE "\","
        "\"associated_data\":\"transaction\",\"ciphertext\":\"%s\"}}",
        type, base64_encode(a, sealed, n + AEAD_TAG_BYTES));
    open_signed(body, strlen(body), a);
}

/* An empty line stands for a header that is absent. */
static void open_as_sent(char *text, size_t n, struct arena *a)
{
    const char *lines[5] = {0};
    char *at = text, *end = text + n;
    for (size_t i = 0; i < 5; i++) {
        char *newline = memchr(at, '\n', (size_t)(end - at));
        if (newline == NULL)
            break;
        *newline = '\0';
        lines[i] = *at == '\0' ? NULL : at;
        at = newline + 1;
    }
    const struct wechat_headers headers = {lines[0], lines[1], lines[2], lines[3], lines[4]};
    open_it(&headers, at, (size_t)(end - at), a);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (merchant == NULL)
        merchant = fuzz_wechat();
    struct arena *a = arena_new();
    if (size >= 2 && memcmp(bytes, "H\n", 2) == 0)
        open_as_sent(arena_copy(a, bytes + 2, size - 2), size - 2, a);
    else if (size > 0 && memmem(bytes, size, "\"resource\"", 10) != NULL)
        open_signed(bytes, size, a);
    else
        open_sealed(bytes, size, a);
    arena_free(a);
    return 0;
}
