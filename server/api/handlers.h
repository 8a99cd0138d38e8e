/* SPDX-License-Identifier: MIT */
/*
 * Every handler of the route table. Each is in the file named after its URL;
 * each parses, calls, replies. A worker's thread, unless the route is inline.
 */
#ifndef IDPHOTOD_API_HANDLERS_H
#define IDPHOTOD_API_HANDLERS_H

#include "http/request.h"

/* probes.c */
void livez(struct request *r);
void readyz(struct request *r);
void openapi_show(struct request *r);

/* web.c */
void web_show(struct request *r);
void web_file(struct request *r);

/* metrics.c */
void metrics_show(struct request *r);

/* policy.c */
void policy_show_current(struct request *r);
void policy_show(struct request *r);

/* accounts.c */
void account_post(struct request *r);
void account_show(struct request *r);
void account_patch(struct request *r);
void account_delete(struct request *r);
void receipt_show(struct request *r);

/* sessions.c */
void session_post_wechat(struct request *r);
void session_delete_current(struct request *r);
void session_delete_every(struct request *r);

/* consents.c */
void consents_show(struct request *r);
void consent_put_one(struct request *r);
void consent_delete(struct request *r);

/* products.c */
void products_show(struct request *r);

/* specs.c */
void specs_show(struct request *r);
void spec_show(struct request *r);

/* photos.c, photo_file.c */
void photo_post(struct request *r);
void photo_show(struct request *r);
void photo_delete(struct request *r);
void photo_file(struct request *r);
void photo_preview(struct request *r);

/* photos_make.c */
void photo_check_post(struct request *r);
void photo_make_post(struct request *r);

/* orders.c */
void order_post(struct request *r);
void orders_show(struct request *r);
void order_show(struct request *r);
void order_patch(struct request *r);
void order_delete(struct request *r);
void order_cancel_post(struct request *r);

/* refunds.c */
void order_refund_post(struct request *r);

/* payments.c */
void payment_post(struct request *r);
void payment_show(struct request *r);

/* qr.c */
void qr_post(struct request *r);

/* notify.c */
void notify_wechat(struct request *r);
void notify_alipay(struct request *r);

/* notify_refund.c */
void notify_wechat_refund(struct request *r);

/* admin_orders.c */
void admin_orders_show(struct request *r);
void admin_order_show(struct request *r);
void admin_order_ship(struct request *r);
void admin_order_deliver(struct request *r);

/* admin_prints.c */
void admin_order_sheet(struct request *r);
void admin_print_batches_show(struct request *r);
void admin_print_batch_post(struct request *r);
void admin_print_batch_show(struct request *r);
void admin_print_batch_printed(struct request *r);

/* admin_ledger.c */
void admin_ledger_show(struct request *r);
void admin_payers_show(struct request *r);

/* admin_refunds.c */
void admin_order_refund(struct request *r);
void admin_ledger_refund(struct request *r);
void admin_refunds_show(struct request *r);

/* admin_reconciliation.c */
void admin_reconciliation_show(struct request *r);

/* admin_retention.c */
void admin_retention_show(struct request *r);
void admin_jobs_show(struct request *r);
void admin_job_run(struct request *r);

#endif
