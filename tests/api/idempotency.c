/* SPDX-License-Identifier: MIT */
/* Idempotency-Key: replay, reuse, in progress, taken over, whose, released. */
#include "common.h"

#include <string.h>

#include "shape.h"

#define ELECTRONIC(photo) ELECTRONIC_BODY(photo)

static const struct step replay[] = {
    ACCOUNT("una"),
    PHOTO("una", "una.photo"),
    ORDER("una", "una.order", ELECTRONIC("una.photo")),
    {.label = "the same key, another body",
     .call = "POST /v1/orders",
     .as = "una",
     .key = "order una.order",
     .body = "{'items': [{'product': 'electronic-official', 'photo_id': '{{una.photo}}', "
             "'quantity': 1}], 'accepts_no_refund': true}",
     .status = 422,
     .problem = "idempotency-key-reused"},
    {.label = "the same key, another query",
     .call = "POST /v1/photos?spec=us-visa&subject=self",
     .as = "una",
     .key = "photo una.photo",
     .file = "jpeg",
     .status = 422,
     .problem = "idempotency-key-reused"},
    {.label = "the same key, another picture",
     .call = "POST /v1/photos?spec=cn-id&subject=self",
     .as = "una",
     .key = "photo una.photo",
     .file = "other-jpeg",
     .status = 422,
     .problem = "idempotency-key-reused"},
    COUNT("one order", "orders", "account_id = {{una.account}}", "1"),
    COUNT("one photo", "photo", "account_id = {{una.account}}", "1"),
    {.label = "the same key on another route is another key",
     .call = "POST /v1/photos?spec=cn-id&subject=self",
     .as = "una",
     .key = "order una.order",
     .file = "jpeg",
     .status = 201},
    {.label = "after all that the first answer still stands",
     .call = "POST /v1/orders",
     .as = "una",
     .key = "order una.order",
     .body = ELECTRONIC("una.photo"),
     .status = 201,
     .shape = "{'order_id': '{{una.order}}', '...': true}",
     .expect = "idempotency-replayed: true"},
    END,
};

static const struct step whose[] = {
    ACCOUNT("vic"),
    ACCOUNT("wes"),
    {.label = "vic's upload",
     .call = "POST /v1/photos?spec=cn-id",
     .as = "vic",
     .key = "1",
     .file = "jpeg",
     .status = 201,
     .keep = "vic.photo=photo_id"},
    {.label = "wes uses the same key and gets a photo of his own",
     .call = "POST /v1/photos?spec=cn-id",
     .as = "wes",
     .key = "1",
     .file = "jpeg",
     .status = 201,
     .shape = "{'photo_id': '@not:{{vic.photo}}', '...': true}",
     .expect = "!idempotency-replayed"},
    END,
};

static const struct step missing[] = {
    ACCOUNT("xia"),
    {.label = "no key for a photo",
     .call = "POST /v1/photos",
     .as = "xia",
     .file = "jpeg",
     .status = 400,
     .problem = "idempotency-key-missing"},
    {.label = "none for an order",
     .call = "POST /v1/orders",
     .as = "xia",
     .body = "{}",
     .status = 400,
     .problem = "idempotency-key-missing"},
    {.label = "none for a payment",
     .call = "POST /v1/orders/ord_0000000000000000000000/payments",
     .as = "xia",
     .body = "{}",
     .status = 400,
     .problem = "idempotency-key-missing"},
    {.label = "an empty one",
     .call = "POST /v1/photos",
     .as = "xia",
     .headers = "Idempotency-Key;",
     .file = "jpeg",
     .status = 400,
     .problem = "idempotency-key-missing"},
    {.label = "two of them",
     .call = "POST /v1/photos",
     .as = "xia",
     .headers = "Idempotency-Key: a\nIdempotency-Key: b\nContent-Type: image/jpeg",
     .file = "jpeg",
     .status = 400,
     .problem = "idempotency-key-missing"},
    {.label = "one that is not printable",
     .call = "POST /v1/photos",
     .as = "xia",
     .key = "caf\xc3\xa9",
     .file = "jpeg",
     .status = 400,
     .problem = "idempotency-key-missing"},
#define TEN   "0123456789"
#define FIFTY TEN TEN TEN TEN TEN
    {.label = "255 characters",
     .call = "POST /v1/photos",
     .as = "xia",
     .key = FIFTY FIFTY FIFTY FIFTY FIFTY "01234",
     .file = "jpeg",
     .status = 201},
    {.label = "256 characters",
     .call = "POST /v1/photos",
     .as = "xia",
     .key = FIFTY FIFTY FIFTY FIFTY FIFTY "012345",
     .file = "jpeg",
     .status = 400,
     .problem = "idempotency-key-missing"},
    COUNT("one photo in all", "photo", "account_id = {{xia.account}}", "1"),
    END,
};

/* A marker as a request that runs at this moment has it: taken from an answered one. */
static const struct step running[] = {
    ACCOUNT("yan"),
    PHOTO("yan", "yan.photo"),
    ORDER("yan", "yan.order", ELECTRONIC("yan.photo")),
    {.label = "as if the first were still at work",
     .sql =
         "WITH one AS (UPDATE idempotency SET http_status = NULL, key_day = NULL, key_wrapped = "
         "NULL, answer_sealed = NULL WHERE account_id = {{yan.account}} AND route LIKE '%/orders' "
         "RETURNING 1) SELECT count(*) FROM one",
     .rows = "1"},
    {.label = "the second is told to wait",
     .call = "POST /v1/orders",
     .as = "yan",
     .key = "order yan.order",
     .body = ELECTRONIC("yan.photo"),
     .status = 409,
     .problem = "idempotency-in-progress"},
    {.label = "a different body is told that the key is used",
     .call = "POST /v1/orders",
     .as = "yan",
     .key = "order yan.order",
     .body = "{'items': [{'product': 'electronic-official', 'photo_id': '{{yan.photo}}', "
             "'quantity': 1}], 'accepts_no_refund': true}",
     .status = 422,
     .problem = "idempotency-key-reused"},
    COUNT("still one order", "orders", "account_id = {{yan.account}}", "1"),
    {.label = "a crash left the marker behind two minutes ago",
     .sql = "WITH one AS (UPDATE idempotency SET started_at = started_at - interval '2 minutes' "
            "WHERE account_id = {{yan.account}} AND http_status IS NULL RETURNING 1) SELECT "
            "count(*) FROM one",
     .rows = "1"},
    {.label = "it is taken over",
     .call = "POST /v1/orders",
     .as = "yan",
     .key = "order yan.order",
     .body = ELECTRONIC("yan.photo"),
     .status = 201,
     .shape = "{'state': 'unpaid', '...': true}"},
    END,
};

static const struct step released[] = {
    ACCOUNT("zoe"),
    {.label = "a refusal",
     .call = "POST /v1/orders",
     .as = "zoe",
     .key = "try",
     .body = "{'items': [], 'accepts_no_refund': true}",
     .status = 422,
     .problem = "invalid-members"},
    COUNT("leaves no marker", "idempotency", "account_id = {{zoe.account}}", "0"),
    PHOTO("zoe", "zoe.photo"),
    {.label = "the key is free for the corrected request",
     .call = "POST /v1/orders",
     .as = "zoe",
     .key = "try",
     .body = ELECTRONIC("zoe.photo"),
     .status = 201},
    COUNT("the kept answers are sealed", "idempotency",
          "account_id = {{zoe.account}} AND position('\"order_id\"'::bytea IN answer_sealed) = 0",
          "2"),
    END,
};

/* Eight at once, as impatient fingers and retrying proxies send them. */
#define EIGHT(address, key)                                                                        \
    "seq 8 | xargs -P 8 -I @@ curl -sS -o /dev/null -w '%{http_code}\\n' -H 'Authorization: "      \
    "Bearer "                                                                                      \
    "{{abe.token}}' -H 'Content-Type: application/json' -H 'Idempotency-Key: " key                 \
    "' -d @\"$STACK/body.json\" " address " | sort -u | tr '\\n' ' '"

/* 201 for each that was first or replayed, 409 for those that met it at work. */
static bool answered_well(void)
{
    const char *codes = keep_get("said");
    return strcmp(codes, "201 ") == 0 || strcmp(codes, "201 409 ") == 0 ||
           complain("the answers were %s", codes);
}

#define ANSWERED                                                                                   \
    {                                                                                              \
        .label = "the answers", .run = answered_well                                               \
    }

static const struct step at_once[] = {
    ACCOUNT("abe"),
    PHOTO("abe", "abe.photo"),
    {.label = "the body of an order",
     .control = "echo '{\"items\": [{\"product\": \"electronic-standard\", \"photo_id\": "
                "\"{{abe.photo}}\", \"quantity\": 1}], \"accepts_no_refund\": true}' "
                ">\"$STACK/body.json\""},
    {.label = "eight times the same order at once", .control = EIGHT("$API/v1/orders", "at once")},
    ANSWERED,
    COUNT("one order", "orders", "account_id = {{abe.account}}", "1"),
    {.label = "its id, by its own key",
     .call = "POST /v1/orders",
     .as = "abe",
     .key = "at once",
     .body = ELECTRONIC("abe.photo"),
     .status = 201,
     .expect = "idempotency-replayed: true",
     .keep = "abe.order=order_id"},
    {.label = "the body of a payment",
     .control = "echo '{\"channel\": \"wechat\", \"method\": \"native\"}' >\"$STACK/body.json\""},
    {.label = "eight times the same payment at once",
     .control = EIGHT("$API/v1/orders/{{abe.order}}/payments", "pay at once")},
    ANSWERED,
    COUNT("one attempt", "payment", "account_id = {{abe.account}}", "1"),
    {.label = "eight keys for the same payment at once",
     .control = EIGHT("$API/v1/orders/{{abe.order}}/payments", "pay at once @@")},
    ANSWERED,
    COUNT("still one attempt", "payment", "account_id = {{abe.account}}", "1"),
    {.label = "its number",
     .call = "POST /v1/orders/{{abe.order}}/payments",
     .as = "abe",
     .key = "pay at once",
     .body = "{'channel': 'wechat', 'method': 'native'}",
     .status = 201,
     .keep = "abe.pay=payment_id abe.pay.no=out_trade_no"},
    {.label = "eight callbacks at once",
     .control =
         "seq 8 | xargs -P 8 -I @@ curl -sS -o /dev/null -H 'Content-Type: application/json' -d "
         "'{\"out_trade_no\": \"{{abe.pay.no}}\", \"fault\": \"none\"}' "
         "$SANDBOX/sandbox/notify"},
    ORDER_STATE("abe", "abe.order", "paid"),
    COUNT("one ledger row", "ledger_entry", "out_trade_no = '{{abe.pay.no}}'", "1"),
    COUNT("one payer", "payer", "account_id = {{abe.account}}", "1"),
    COUNT("no anomaly", "anomaly", "out_trade_no = '{{abe.pay.no}}'", "0"),
    END,
};

const struct test idempotency_tests[] = {
    {"A key replays its own request and refuses another", replay, NULL},
    {"The same key of two accounts is two keys", whose, NULL},
    {"Photos, orders and payments need a printable key of 1 to 255", missing, NULL},
    {"A request that is still running is not run twice, one that crashed is taken over", running,
     NULL},
    {"A refusal releases its key", released, NULL},
    {"Eight equal requests at once make one order, one payment and one ledger row", at_once, NULL},
    {NULL, NULL, NULL},
};
