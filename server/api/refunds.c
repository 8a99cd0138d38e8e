/* SPDX-License-Identifier: MIT */
#include "store/refund.h"

#include "api/answers.h"
#include "api/gate.h"
#include "api/handlers.h"

void order_refund_post(struct request *r)
{
    static const struct json_shape nothing;
    struct uuid id;
    struct order order;
    char none;
    if (!param_id(r, 0, "ord_", &id) || !body_parse(r, &nothing, &none))
        return;
    enum status s = refund_prints(store_of(r), r->arena, r->account_id, &id, r->now_us);
    if (s == OK)
        s = order_read(store_of(r), r->arena, r->account_id, &id, r->now_us, true, &order);
    if (s == OK)
        reply_json(r, 202, answer_order(&order));
    else if (s == DENIED)
        reply_problem(r, PROBLEM_NON_REFUNDABLE);
    else
        reply_status(r, s);
}
