/* SPDX-License-Identifier: MIT */
#include "store/store.h"

const struct statement_list *const all_statements[] = {
    &account_statements,        &session_statements,
    &idempotency_statements,    &photo_statements,
    &order_statements,          &payment_statements,
    &settle_statements,         &ledger_statements,
    &operator_statements,       &promote_statements,
    &lease_statements,          &rewrap_statements,
    &purge_statements,          &job_statements,
    &erase_statements,          &figure_statements,
    &refund_statements,         &wechat_binding_statements,
    &erased_attempt_statements, &reconciliation_statements,
    &seal_statements,           &auditor_statements,
    &print_batch_statements,
};
const size_t all_statements_count = sizeof all_statements / sizeof *all_statements;
