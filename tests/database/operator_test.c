/* SPDX-License-Identifier: MIT */
/* Operators, their tokens, their audit rows, and what they do to orders. */
#include <string.h>

#include "fixture.h"

TestSuite(operators, .init = world_up, .fini = world_down, .timeout = 60);

static char token[TOKEN_BYTES];

static struct operator_row add_one(const char *name)
{
    struct operator_row found;
    is(operator_add(&w.st, w.a, name, "fulfilment", w.now_us, token), OK);
    is(operator_find(&w.st, w.a, token, w.now_us, &found), OK);
    return found;
}

Test(operators, only_the_hash_of_a_token_is_stored)
{
    struct operator_row found = add_one("lin");
    same_text(found.name, "lin");
    same_text(found.role, "fulfilment");
    is(strlen(token), 48);
    is(rows_of_sql("SELECT count(*) FROM operator o WHERE position('%s' IN o::text) > 0"
                   " OR position(encode('%s'::bytea, 'hex') IN o::text) > 0",
                   token + 15, token + 15),
       0);
    is(rows_of_sql("SELECT octet_length(token_hash) FROM operator"), 32);
}

Test(operators, a_name_exists_once)
{
    add_one("lin");
    is(operator_add(&w.st, w.a, "lin", "admin", w.now_us, token), CONFLICT);
    is(rows_of_sql("SELECT count(*) FROM operator"), 1);
}

Test(operators, a_revoked_one_is_not_found)
{
    struct operator_row found;
    add_one("lin");
    is(operator_revoke(&w.st, w.a, "nobody", w.now_us), NOT_FOUND);
    is(operator_revoke(&w.st, w.a, "lin", w.now_us), OK);
    is(operator_find(&w.st, w.a, token, w.now_us, &found), NOT_FOUND);
    const char *when = sql_text("SELECT revoked_at FROM operator");
    is(operator_revoke(&w.st, w.a, "lin", w.now_us + DAY_US), OK);
    same_text(sql_text("SELECT revoked_at FROM operator"), when);
}

Test(operators, a_token_ends_after_ninety_days)
{
    struct operator_row found;
    add_one("lin");
    is(operator_find(&w.st, w.a, token, w.now_us + 90 * DAY_US - 1, &found), OK);
    is(operator_find(&w.st, w.a, token, w.now_us + 90 * DAY_US, &found), NOT_FOUND);
}

Test(operators, only_the_whole_token_opens)
{
    struct operator_row found;
    char broken[TOKEN_BYTES];
    add_one("lin");
    for (size_t i = 0; i < sizeof broken - 1; i++) {
        memcpy(broken, token, sizeof broken);
        broken[i] = broken[i] == 'a' ? 'b' : 'a';
        is(operator_find(&w.st, w.a, broken, w.now_us, &found), NOT_FOUND);
    }
    is(operator_find(&w.st, w.a, "ipo_", w.now_us, &found), NOT_FOUND);
}

Test(operators, shipping_and_delivering_are_done_and_audited_once)
{
    struct operator_row who = add_one("lin");
    int64_t account = new_account();
    struct uuid photo = new_photo(account);
    struct uuid id = new_paid_order(account, "print", &photo);
    struct uuid unpaid = new_order(account, "print", &photo);
    struct uuid file = new_paid_order(account, "electronic", &photo);
    is(order_deliver(&w.st, w.a, account, &id, &who.operator_id, w.now_us), CONFLICT);
    is(order_ship(&w.st, w.a, account, &unpaid, "{}", &who.operator_id, w.now_us), CONFLICT);
    is(order_ship(&w.st, w.a, account, &file, "{}", &who.operator_id, w.now_us), CONFLICT);
    is(order_ship(&w.st, w.a, account, &id, "{\"carrier\":\"SF\"}", &who.operator_id, w.now_us),
       OK);
    is(order_ship(&w.st, w.a, account, &id, "{\"carrier\":\"SF\"}", &who.operator_id, w.now_us),
       OK);
    is(order_ship(&w.st, w.a, account, &id, "{\"carrier\":\"ZT\"}", &who.operator_id, w.now_us),
       CONFLICT);
    is(order_deliver(&w.st, w.a, account, &id, &who.operator_id, w.now_us), OK);
    is(order_deliver(&w.st, w.a, account, &id, &who.operator_id, w.now_us), OK);
    same_text(sql_text("SELECT string_agg(action, ' ' ORDER BY audit_id) FROM audit_log"
                       " WHERE actor = 'operator'"),
              "order.ship order.deliver");
    struct order o;
    is(order_read(&w.st, w.a, account, &id, w.now_us, true, &o), OK);
    same_text(o.state, "delivered");
    same_text(o.shipment, "{\"carrier\":\"SF\"}");
    is(order_set_recipient(&w.st, w.a, account, &id, "{}", w.now_us), CONFLICT);
    is(order_cancel(&w.st, w.a, account, &id, w.now_us), CONFLICT);
}

Test(operators, an_audit_row_names_the_person_by_pseudonym)
{
    struct operator_row who = add_one("lin");
    int64_t account = new_account();
    const struct audit row = {.operator_id = &who.operator_id,
                              .account_id = account,
                              .action = "order.read",
                              .purpose = "support",
                              .purpose_id = "req_1",
                              .at_us = w.now_us};
    is(audit_write(&w.st, w.a, &row), OK);
    is(rows_of_sql("SELECT count(*) FROM audit_log l JOIN account a USING (pseudonym)"
                   " WHERE a.account_id = %lld AND l.purpose = 'support'",
                   (long long)account),
       1);
    is(rows_of_sql("SELECT count(*) FROM audit_log l WHERE position('%lld' IN l::text) > 0",
                   (long long)account),
       0);
}
