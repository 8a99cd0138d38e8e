/* SPDX-License-Identifier: MIT */
#include "bad_routes.h"

#include "common.h"

enum { SMALL = 4 * 1024, MEDIUM = 16 * 1024, CALLBACK = 64 * 1024, PHOTO = 20 * 1024 * 1024 };

#define GUARDIAN "{'name': '李妈妈', 'phone': '13712345678', 'relation': '母亲'}"
#define AUDIT    "X-Purpose: audit"

/* clang-format off */
const struct bad_route bad_routes[] = {
    {"GET /livez", ANYONE, NO_BODY, .query = NULL},
    {"GET /readyz", ANYONE, NO_BODY, .query = NULL},
    {"GET /metrics", ANYONE, NO_BODY, .query = NULL},
    {"GET /openapi.json", ANYONE, NO_BODY, .query = NULL},
    {"GET /", ANYONE, NO_BODY, .query = NULL},
    {"GET /web/style.css", ANYONE, NO_BODY, .query = NULL},
    {"GET /v1/policy", ANYONE, NO_BODY, .query = NULL},
    {"GET /v1/policy/{{policy}}", ANYONE, NO_BODY, .query = NULL},
    {"GET /v1/products", ANYONE, NO_BODY, .query = NULL},
    {"GET /v1/specs", ANYONE, NO_BODY, .query = "q"},
    {"GET /v1/specs/cn-id", ANYONE, NO_BODY, .query = NULL},
    {"GET /v1/receipts/{{bad.receipt}}", ANYONE, NO_BODY, .query = NULL},

    {"POST /v1/accounts", ANYONE, JSON, SMALL, .optional = "minor guardian",
     .body = "{'policy_version': '{{policy}}', 'minor': true, 'guardian': " GUARDIAN "}"},
    {"POST /v1/sessions/wechat", ANYONE, JSON, SMALL,
     .body = "{'js_code': '0a1b2c3d4e5f', 'policy_version': '{{policy}}'}"},
    {"GET /v1/account", ACCOUNT_HOLDER, NO_BODY, .query = NULL},
    {"PATCH /v1/account", ACCOUNT_HOLDER, JSON, SMALL, .body = "{'guardian': " GUARDIAN "}"},
    {"DELETE /v1/account", ACCOUNT_HOLDER, NO_BODY, .query = "force"},
    {"DELETE /v1/sessions/current", ACCOUNT_HOLDER, NO_BODY, .query = NULL},
    {"DELETE /v1/sessions", ACCOUNT_HOLDER, NO_BODY, .query = NULL},
    {"GET /v1/consents", ACCOUNT_HOLDER, NO_BODY, .query = NULL},
    {"PUT /v1/consents/feedback", ACCOUNT_HOLDER, JSON, SMALL, .body = "{'policy_version': '{{policy}}'}"},
    {"DELETE /v1/consents/print-mailing", ACCOUNT_HOLDER, NO_BODY, .query = NULL},

    {"POST /v1/photos", ACCOUNT_HOLDER, IMAGE, PHOTO, .key = true, .query = "spec subject"},
    {"POST /v1/photos/check", ACCOUNT_HOLDER, IMAGE, PHOTO, .query = "spec"},
    {"POST /v1/photos/make?spec=cn-1inch", ACCOUNT_HOLDER, IMAGE, PHOTO, .key = true, .query = "spec subject background background_to gradient format brightness contrast saturation sharpness whitening smoothing"},
    {"GET /v1/photos/{{bad.photo}}", ACCOUNT_HOLDER, NO_BODY, .query = NULL},
    {"DELETE /v1/photos/{{bad.photo}}", ACCOUNT_HOLDER, NO_BODY, .query = "force"},
    {"GET /v1/photos/{{bad.photo}}/preview", ACCOUNT_HOLDER, NO_BODY, .query = NULL},
    {"GET /v1/photos/{{bad.photo}}/file", ACCOUNT_HOLDER, NO_BODY, .query = "format layout gap_mm margin_mm cut_lines dpi"},

    {"POST /v1/orders", ACCOUNT_HOLDER, JSON, MEDIUM, .key = true, .body = MIXED_BODY("bad.photo"),
     .optional = "postcode recipient accepts_no_refund"},
    {"GET /v1/orders", ACCOUNT_HOLDER, NO_BODY, .query = "limit cursor"},
    {"GET /v1/orders/{{bad.order}}", ACCOUNT_HOLDER, NO_BODY, .query = NULL},
    {"PATCH /v1/orders/{{bad.order}}", ACCOUNT_HOLDER, JSON, SMALL, .optional = "postcode",
     .body = "{'recipient': " RECIPIENT "}"},
    {"DELETE /v1/orders/{{bad.order}}", ACCOUNT_HOLDER, NO_BODY, .query = "force"},
    {"POST /v1/orders/{{bad.order}}/cancel", ACCOUNT_HOLDER, JSON, SMALL, .body = "{}"},
    {"POST /v1/orders/{{bad.order}}/refund", ACCOUNT_HOLDER, JSON, SMALL, .body = "{}"},
    {"POST /v1/orders/{{bad.order}}/payments", ACCOUNT_HOLDER, JSON, SMALL, .key = true,
     .body = "{'channel': 'wechat', 'method': 'app'}"},
    {"GET /v1/orders/{{bad.order}}/payments/{{bad.pay}}", ACCOUNT_HOLDER, NO_BODY, .query = NULL},

    {"POST /v1/qr", ACCOUNT_HOLDER, JSON, SMALL, .body = "{'text': 'weixin://wxpay/bizpayurl?pr=p4lpSuKzz'}"},

    {"POST /v1/notify/wechat", PROVIDER, ANY, CALLBACK, .query = NULL},
    {"POST /v1/notify/wechat/refund", PROVIDER, ANY, CALLBACK, .query = NULL},
    {"POST /v1/notify/alipay", PROVIDER, FORM, CALLBACK, .query = NULL},

    {"GET /admin/v1/orders", OPERATOR, NO_BODY, .query = "state limit cursor"},
    {"GET /admin/v1/orders/{{bad.order}}", OPERATOR, NO_BODY, .headers = AUDIT},
    {"POST /admin/v1/orders/{{bad.order}}/ship", OPERATOR, JSON, SMALL,
     .body = "{'carrier': 'SF', 'tracking_no': 'SF0000000001'}"},
    {"POST /admin/v1/orders/{{bad.order}}/deliver", OPERATOR, JSON, SMALL, .body = "{}"},
    {"POST /admin/v1/orders/{{bad.order}}/refund", OPERATOR, JSON, SMALL, .body = "{'reason': 'quality'}"},
    {"GET /admin/v1/orders/{{bad.order}}/sheet", OPERATOR, NO_BODY, .headers = AUDIT,
     .query = "item paper format gap_mm margin_mm cut_lines dpi"},
    {"GET /admin/v1/print-batches", OPERATOR, NO_BODY, .query = "limit cursor"},
    {"POST /admin/v1/print-batches", OPERATOR, JSON, SMALL, .body = "{'limit': 1}", .optional = "limit"},
    {"GET /admin/v1/print-batches/bat_0000000000000000000001", OPERATOR, NO_BODY, .headers = AUDIT,
     .query = "format"},
    {"POST /admin/v1/print-batches/bat_0000000000000000000001/printed", OPERATOR, JSON, SMALL,
     .body = "{}"},
    {"GET /admin/v1/refunds", OPERATOR, NO_BODY, .query = "state limit cursor"},
    {"POST /admin/v1/ledger/led_0000000000000000000001/refund", OPERATOR, JSON, SMALL,
     .body = "{'reason': 'quality'}"},
    {"GET /admin/v1/reconciliation?day=2026-11-23", OPERATOR, NO_BODY, .query = "day"},
    {"GET /admin/v1/ledger?day=2026-11-23", OPERATOR, NO_BODY, .query = "day format"},
    {"GET /admin/v1/payers?order={{bad.order}}", OPERATOR, NO_BODY, .headers = AUDIT, .query = "order"},
    {"GET /admin/v1/retention", OPERATOR, NO_BODY, .query = NULL},
    {"GET /admin/v1/jobs", OPERATOR, NO_BODY, .query = NULL},
    {"POST /admin/v1/jobs/leases/run", OPERATOR, JSON, SMALL, .body = "{}"},
};
/* clang-format on */
const size_t bad_routes_count = sizeof bad_routes / sizeof *bad_routes;
