/* SPDX-License-Identifier: MIT */
#include "store/erased_attempt.h"

/* The row outlives the time to pay by this much. */
#define KEPT "interval '7 days'"

/* One that the provider does not answer about waits longer each time. */
static const struct statement take_due = {
    "erased_attempt_take_due",
    "UPDATE erased_attempt e SET ask_at = $1::timestamptz + greatest(interval '30 seconds',"
    "  least(($1 - (e.expires_at - " KEPT ")) / 2, interval '1 hour'))"
    " WHERE out_trade_no = (SELECT out_trade_no FROM erased_attempt WHERE channel = $2"
    "  AND ask_at <= $1 ORDER BY ask_at LIMIT 1 FOR UPDATE SKIP LOCKED)"
    " RETURNING e.out_trade_no, e.channel, e.method, e.merchant, e.appid, e.expires_at - " KEPT};

static const struct statement set_done = {
    "erased_attempt_end", "UPDATE erased_attempt SET ask_at = NULL WHERE out_trade_no = $1"};

STATEMENTS(erased_attempt_statements, &take_due, &set_done);

enum status erased_attempt_take_due(struct store *st, struct arena *a, const char *channel,
                                    int64_t now_us, struct payment *out)
{
    struct params p = {0};
    struct rows rows;
    add_time(&p, now_us);
    add_text(&p, channel);
    enum status s = db_run(st->db, a, &take_due, &p, &rows);
    if (s == OK && rows.count == 0)
        s = NOT_FOUND;
    if (s == OK)
        *out = (struct payment){
            .out_trade_no = row_text(&rows, 0, 0),
            .channel = row_text(&rows, 0, 1),
            .method = row_text(&rows, 0, 2),
            .merchant = row_text(&rows, 0, 3),
            .appid = row_text(&rows, 0, 4),
            .expires_us = row_time_us(&rows, 0, 5),
            .state = "pending",
        };
    return s;
}

enum status erased_attempt_end(struct store *st, struct arena *a, const struct payment *payment)
{
    struct params p = {0};
    struct rows rows;
    add_text(&p, payment->out_trade_no);
    return db_run(st->db, a, &set_done, &p, &rows);
}
