/* SPDX-License-Identifier: MIT */
/* The one route table: a row says all that holds for its route. */
#include "api/app.h"
#include "api/handlers.h"

enum { SMALL = 4 * 1024, MEDIUM = 16 * 1024, CALLBACK = 64 * 1024, PHOTO = 20 * 1024 * 1024 };

#define PUBLIC   LISTENER_PUBLIC, CALLER_ANYONE
#define ACCOUNT  LISTENER_PUBLIC, CALLER_ACCOUNT
#define PROVIDER LISTENER_PUBLIC, CALLER_PROVIDER
#define OPERATOR LISTENER_OPERATOR, CALLER_OPERATOR

/* clang-format off */
const struct route routes[] = {
    {"GET",    "/livez",                                 LISTENER_BOTH, CALLER_ANYONE, LANE_INLINE, .rate = "probe", .handle = livez},
    {"GET",    "/readyz",                                LISTENER_BOTH, CALLER_ANYONE, LANE_WORK, .rate = "probe", .handle = readyz},
    {"GET",    "/metrics",                               LISTENER_OPERATOR, CALLER_ANYONE, LANE_INLINE, .rate = "probe", .handle = metrics_show},
    {"GET",    "/openapi.json",                          PUBLIC, LANE_INLINE, .rate = "read", .handle = openapi_show},
    {"GET",    "/",                                      PUBLIC, LANE_INLINE, .rate = "read", .handle = web_show},
    {"GET",    "/web/{file}",                            PUBLIC, LANE_INLINE, .rate = "read", .handle = web_file},

    {"GET",    "/v1/policy",                             PUBLIC, LANE_INLINE, .rate = "read", .handle = policy_show_current},
    {"GET",    "/v1/policy/{version}",                   PUBLIC, LANE_INLINE, .rate = "read", .handle = policy_show},
    {"GET",    "/v1/products",                           PUBLIC, LANE_INLINE, .rate = "read", .handle = products_show},
    {"GET",    "/v1/specs",                              PUBLIC, LANE_INLINE, .rate = "read", .handle = specs_show},
    {"GET",    "/v1/specs/{spec_id}",                    PUBLIC, LANE_INLINE, .rate = "read", .handle = spec_show},
    {"GET",    "/v1/receipts/{receipt_id}",              PUBLIC, LANE_WORK, .rate = "read", .handle = receipt_show},

    {"POST",   "/v1/accounts",                           PUBLIC, LANE_WORK, TYPE_JSON, SMALL, .rate = "account", .handle = account_post},
    {"POST",   "/v1/sessions/wechat",                    PUBLIC, LANE_WORK, TYPE_JSON, SMALL, .token_too = true, .rate = "account", .handle = session_post_wechat},
    {"GET",    "/v1/account",                            ACCOUNT, LANE_WORK, .rate = "read", .handle = account_show},
    {"PATCH",  "/v1/account",                            ACCOUNT, LANE_WORK, TYPE_JSON, SMALL, .consent = true, .rate = "write", .handle = account_patch},
    {"DELETE", "/v1/account",                            ACCOUNT, LANE_WORK, .rate = "write", .handle = account_delete},
    {"DELETE", "/v1/sessions/current",                   ACCOUNT, LANE_WORK, .rate = "write", .handle = session_delete_current},
    {"DELETE", "/v1/sessions",                           ACCOUNT, LANE_WORK, .rate = "write", .handle = session_delete_every},
    {"GET",    "/v1/consents",                           ACCOUNT, LANE_WORK, .rate = "read", .handle = consents_show},
    {"PUT",    "/v1/consents/{purpose}",                 ACCOUNT, LANE_WORK, TYPE_JSON, SMALL, .rate = "write", .handle = consent_put_one},
    {"DELETE", "/v1/consents/{purpose}",                 ACCOUNT, LANE_WORK, .rate = "write", .handle = consent_delete},

    {"POST",   "/v1/photos",                             ACCOUNT, LANE_IMAGE, TYPE_IMAGE, PHOTO, .idempotent = true, .consent = true, .rate = "photo", .handle = photo_post},
    {"POST",   "/v1/photos/check",                       ACCOUNT, LANE_IMAGE, TYPE_IMAGE, PHOTO, .consent = true, .faces = true, .rate = "check", .handle = photo_check_post},
    {"POST",   "/v1/photos/make",                        ACCOUNT, LANE_IMAGE, TYPE_IMAGE, PHOTO, .idempotent = true, .consent = true, .faces = true, .rate = "make", .handle = photo_make_post},
    {"GET",    "/v1/photos/{photo_id}",                  ACCOUNT, LANE_WORK, .rate = "read", .handle = photo_show},
    {"DELETE", "/v1/photos/{photo_id}",                  ACCOUNT, LANE_WORK, .rate = "write", .handle = photo_delete},
    {"GET",    "/v1/photos/{photo_id}/preview",          ACCOUNT, LANE_IMAGE, .rate = "file", .handle = photo_preview},
    {"GET",    "/v1/photos/{photo_id}/file",             ACCOUNT, LANE_WORK, .image_query = true, .rate = "file", .handle = photo_file},

    {"POST",   "/v1/orders",                             ACCOUNT, LANE_WORK, TYPE_JSON, MEDIUM, .idempotent = true, .consent = true, .rate = "order", .handle = order_post},
    {"GET",    "/v1/orders",                             ACCOUNT, LANE_WORK, .rate = "read", .handle = orders_show},
    {"GET",    "/v1/orders/{order_id}",                  ACCOUNT, LANE_WORK, .rate = "read", .handle = order_show},
    {"PATCH",  "/v1/orders/{order_id}",                  ACCOUNT, LANE_WORK, TYPE_JSON, SMALL, .consent = true, .rate = "write", .handle = order_patch},
    {"DELETE", "/v1/orders/{order_id}",                  ACCOUNT, LANE_WORK, .rate = "write", .handle = order_delete},
    {"POST",   "/v1/orders/{order_id}/cancel",           ACCOUNT, LANE_WORK, TYPE_JSON, SMALL, .rate = "write", .handle = order_cancel_post},
    {"POST",   "/v1/orders/{order_id}/refund",           ACCOUNT, LANE_WORK, TYPE_JSON, SMALL, .rate = "write", .handle = order_refund_post},
    {"POST",   "/v1/orders/{order_id}/payments",         ACCOUNT, LANE_WORK, TYPE_JSON, SMALL, .idempotent = true, .consent = true, .rate = "payment", .handle = payment_post},
    {"GET",    "/v1/orders/{order_id}/payments/{payment_id}", ACCOUNT, LANE_WORK, .rate = "read", .handle = payment_show},
    {"POST",   "/v1/qr",                                 ACCOUNT, LANE_WORK, TYPE_JSON, SMALL, .rate = "write", .handle = qr_post},

    {"POST",   "/v1/notify/wechat",                      PROVIDER, LANE_CALLBACK, TYPE_ANY, CALLBACK, .eager = true, .handle = notify_wechat},
    {"POST",   "/v1/notify/wechat/refund",               PROVIDER, LANE_CALLBACK, TYPE_ANY, CALLBACK, .handle = notify_wechat_refund},
    {"POST",   "/v1/notify/alipay",                      PROVIDER, LANE_CALLBACK, TYPE_FORM, CALLBACK, .eager = true, .handle = notify_alipay},

    {"GET",    "/admin/v1/orders",                       OPERATOR, LANE_WORK, .roles = ROLE_FULFILMENT, .audit = "order.list", .handle = admin_orders_show},
    {"GET",    "/admin/v1/orders/{order_id}",            OPERATOR, LANE_WORK, .roles = ROLE_FULFILMENT, .purpose = true, .audit = "order.read", .handle = admin_order_show},
    {"POST",   "/admin/v1/orders/{order_id}/ship",       OPERATOR, LANE_WORK, TYPE_JSON, SMALL, .roles = ROLE_FULFILMENT, .audit = "order.ship", .handle = admin_order_ship},
    {"POST",   "/admin/v1/orders/{order_id}/deliver",    OPERATOR, LANE_WORK, TYPE_JSON, SMALL, .roles = ROLE_FULFILMENT, .audit = "order.deliver", .handle = admin_order_deliver},
    {"POST",   "/admin/v1/orders/{order_id}/refund",     OPERATOR, LANE_WORK, TYPE_JSON, SMALL, .roles = ROLE_FINANCE, .audit = "refund.request", .handle = admin_order_refund},
    {"GET",    "/admin/v1/orders/{order_id}/sheet",      OPERATOR, LANE_IMAGE, .roles = ROLE_FULFILMENT, .purpose = true, .audit = "order.sheet", .handle = admin_order_sheet},
    {"GET",    "/admin/v1/print-batches",                OPERATOR, LANE_WORK, .roles = ROLE_FULFILMENT, .handle = admin_print_batches_show},
    {"POST",   "/admin/v1/print-batches",                OPERATOR, LANE_WORK, TYPE_JSON, SMALL, .roles = ROLE_FULFILMENT, .audit = "print-batch.make", .handle = admin_print_batch_post},
    {"GET",    "/admin/v1/print-batches/{batch_id}",     OPERATOR, LANE_IMAGE, .roles = ROLE_FULFILMENT, .purpose = true, .audit = "print-batch.read", .handle = admin_print_batch_show},
    {"POST",   "/admin/v1/print-batches/{batch_id}/printed", OPERATOR, LANE_WORK, TYPE_JSON, SMALL, .roles = ROLE_FULFILMENT, .audit = "order.print", .handle = admin_print_batch_printed},
    {"GET",    "/admin/v1/refunds",                      OPERATOR, LANE_WORK, .roles = ROLE_FINANCE, .audit = "refund.list", .handle = admin_refunds_show},
    {"POST",   "/admin/v1/ledger/{entry_id}/refund",     OPERATOR, LANE_WORK, TYPE_JSON, SMALL, .roles = ROLE_FINANCE, .audit = "refund.request", .handle = admin_ledger_refund},
    {"GET",    "/admin/v1/ledger",                       OPERATOR, LANE_WORK, .roles = ROLE_FINANCE, .audit = "ledger.read", .handle = admin_ledger_show},
    {"GET",    "/admin/v1/reconciliation",               OPERATOR, LANE_WORK, .roles = ROLE_FINANCE, .audit = "reconciliation.read", .handle = admin_reconciliation_show},
    {"GET",    "/admin/v1/payers",                       OPERATOR, LANE_WORK, .roles = ROLE_FINANCE, .purpose = true, .audit = "payer.read", .handle = admin_payers_show},
    {"GET",    "/admin/v1/retention",                    OPERATOR, LANE_WORK, .roles = ROLE_AUDITOR, .handle = admin_retention_show},
    {"GET",    "/admin/v1/jobs",                         OPERATOR, LANE_WORK, .roles = ROLE_AUDITOR, .handle = admin_jobs_show},
    {"POST",   "/admin/v1/jobs/{name}/run",              OPERATOR, LANE_WORK, TYPE_JSON, SMALL, .roles = ROLE_ADMIN, .audit = "job.run", .handle = admin_job_run},
};
/* clang-format on */
const size_t routes_count = sizeof routes / sizeof *routes;
