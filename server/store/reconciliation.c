/* SPDX-License-Identifier: MIT */
#include "store/reconciliation.h"

#include <string.h>

#include "base/clock.h"

static const struct statement bill_due_select = {
    "bill_due_select",
    "SELECT d.day, m.channel, m.merchant, b.empty_at"
    " FROM unnest($1::text[], $2::text[]) AS m (channel, merchant)"
    "  CROSS JOIN generate_series($3::integer, $4::integer) AS d (day)"
    "  LEFT JOIN bill_day b ON b.day = d.day AND b.channel = m.channel AND b.merchant = m.merchant"
    " WHERE (b.day IS NULL OR b.next_at <= $5 OR $6)"
    "  AND (EXISTS (SELECT 1 FROM ledger_entry e WHERE e.channel = m.channel"
    "    AND e.merchant = m.merchant AND e.day <= d.day)"
    "   OR EXISTS (SELECT 1 FROM payment p WHERE p.channel = m.channel"
    "    AND p.merchant = m.merchant"
    "    AND p.created_at < to_timestamp((d.day + 1) * 86400.0 - 28800)))"
    " ORDER BY d.day, m.channel, m.merchant"};

static const struct statement bill_failed = {
    "bill_failed",
    "INSERT INTO bill_day AS b (day, channel, merchant, tries, tried_at, next_at, outcome,"
    "  empty_at)"
    " VALUES ($1, $2, $3, 1, $5::timestamptz, $5::timestamptz + interval '15 minutes', $4,"
    "  CASE WHEN $6 THEN $5::timestamptz END)"
    " ON CONFLICT (day, channel, merchant) DO UPDATE SET tries = b.tries + 1,"
    "  tried_at = excluded.tried_at, outcome = excluded.outcome,"
    "  empty_at = coalesce(b.empty_at, excluded.empty_at),"
    "  next_at = excluded.tried_at"
    "   + least(interval '15 minutes' * 2 ^ least(b.tries, 5), interval '6 hours')"};

static const struct statement bill_opened = {
    "bill_opened", "INSERT INTO bill_day AS b (day, channel, merchant, tries, tried_at, outcome)"
                   " VALUES ($1, $2, $3, 1, $4, 'compared')"
                   " ON CONFLICT (day, channel, merchant) DO UPDATE SET tries = b.tries + 1,"
                   "  tried_at = excluded.tried_at, outcome = excluded.outcome, empty_at = NULL"};

static const struct statement bill_forget_differences = {
    "bill_forget_differences",
    "DELETE FROM bill_difference WHERE day = $1 AND channel = $2 AND merchant = $3"};

/*
 * $1 day  $2 channel  $3 merchant  $4 now, then the bill's lines as arrays: $5 kind
 * $6 transaction_id  $7 out_trade_no  $8 out_refund_no or ''  $9 state  $10 1: done, in CNY
 * $11 amount_fen  $12 seconds since 1970
 *
 * A line that comes twice in a bill is met by one entry, so the second one is a difference. A line
 * whose entry stands on another day is found there, and the entry, on its own day, finds what was
 * noted of the line: it is told once.
 */
static const struct statement bill_compared = {
    "bill_compared",
    "WITH there AS (SELECT b.*, row_number() OVER (PARTITION BY kind, transaction_id,"
    "   out_refund_no ORDER BY s) AS copy"
    "  FROM unnest($5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::integer[],"
    "   $11::bigint[], $12::bigint[])"
    "   AS b (kind, transaction_id, there_no, out_refund_no, state, done, there_fen, s)),"
    " here AS (SELECT kind, transaction_id, out_trade_no AS here_no,"
    "   coalesce(out_refund_no, '') AS out_refund_no, amount_fen AS here_fen,"
    "   occurred_at AS here_at, 1::bigint AS copy FROM ledger_entry"
    "  WHERE channel = $2 AND merchant = $3 AND day = $1),"
    " pair AS (SELECT * FROM here FULL JOIN there"
    "  USING (kind, transaction_id, out_refund_no, copy)),"
    " found AS (SELECT pair.*, e.amount_fen AS other_fen, e.occurred_at AS other_at FROM pair"
    "  LEFT JOIN LATERAL (SELECT amount_fen, occurred_at FROM ledger_entry"
    "    WHERE pair.here_fen IS NULL AND pair.copy = 1 AND pair.kind = 'payment'"
    "     AND kind = 'payment' AND channel = $2 AND transaction_id = pair.transaction_id"
    "     AND merchant = $3 AND day <> $1"
    "    UNION ALL SELECT amount_fen, occurred_at FROM ledger_entry"
    "    WHERE pair.here_fen IS NULL AND pair.copy = 1 AND pair.kind = 'refund'"
    "     AND kind = 'refund' AND channel = $2 AND merchant = $3"
    "     AND out_refund_no = pair.out_refund_no AND transaction_id = pair.transaction_id"
    "     AND day <> $1) e ON true),"
    " judged AS (SELECT found.*, CASE"
    "   WHEN here_fen = there_fen AND here_no = there_no AND done = 1 THEN 'matched'"
    "   WHEN here_fen IS NOT NULL AND there_fen IS NOT NULL THEN 'different'"
    "   WHEN other_fen = there_fen THEN 'other-day'"
    "   WHEN other_fen IS NOT NULL THEN 'different'"
    "   WHEN done = 0 AND kind = 'refund' THEN 'under-way'"
    "   WHEN there_fen IS NOT NULL THEN 'only-there'"
    "   WHEN EXISTS (SELECT 1 FROM bill_difference d WHERE d.channel = $2 AND d.merchant = $3"
    "     AND d.transaction_id = found.transaction_id AND d.kind = found.kind AND d.day <> $1"
    "     AND coalesce(d.out_refund_no, '') = found.out_refund_no"
    "     AND d.finding IN ('other-day', 'under-way', 'different')) THEN 'told'"
    "   WHEN here_at >= to_timestamp(($1::integer + 1) * 86400.0 - 28800) - interval '10 minutes'"
    "    AND NOT EXISTS (SELECT 1 FROM bill_day n WHERE n.day = $1::integer + 1"
    "     AND n.channel = $2 AND n.merchant = $3 AND n.compared_at IS NOT NULL)"
    "    THEN 'awaits-next-day'"
    "   ELSE 'only-here' END AS finding FROM found),"
    " kept AS (INSERT INTO bill_difference (day, channel, merchant, line_no, finding, kind,"
    "   transaction_id, out_trade_no, out_refund_no, here_fen, there_fen, here_at, there_at,"
    "   there_state)"
    "  SELECT $1, $2, $3, row_number() OVER (ORDER BY array_position(ARRAY['different',"
    "    'only-there', 'only-here', 'awaits-next-day', 'under-way', 'other-day'], finding),"
    "    kind, transaction_id, out_refund_no, copy), finding, kind, transaction_id,"
    "   coalesce(here_no, there_no), nullif(out_refund_no, ''), coalesce(here_fen, other_fen),"
    "   there_fen, coalesce(here_at, other_at), to_timestamp(s), nullif(state, '')"
    "  FROM judged WHERE finding NOT IN ('matched', 'told')"
    "  ORDER BY 4 LIMIT 10000),"
    " figures AS (SELECT"
    "   count(here_fen) FILTER (WHERE kind = 'payment') AS hp,"
    "   coalesce(sum(here_fen) FILTER (WHERE kind = 'payment'), 0)::bigint AS hpf,"
    "   count(here_fen) FILTER (WHERE kind = 'refund') AS hr,"
    "   coalesce(sum(here_fen) FILTER (WHERE kind = 'refund'), 0)::bigint AS hrf,"
    "   count(there_fen) FILTER (WHERE kind = 'payment') AS tp,"
    "   coalesce(sum(there_fen) FILTER (WHERE kind = 'payment'), 0)::bigint AS tpf,"
    "   count(there_fen) FILTER (WHERE kind = 'refund') AS tr,"
    "   coalesce(sum(there_fen) FILTER (WHERE kind = 'refund'), 0)::bigint AS trf,"
    "   count(*) FILTER (WHERE finding = 'matched') AS matched,"
    "   count(*) FILTER (WHERE finding = 'different') AS different,"
    "   count(*) FILTER (WHERE finding = 'only-here') AS only_here,"
    "   count(*) FILTER (WHERE finding = 'only-there') AS only_there,"
    "   count(*) FILTER (WHERE finding IN ('other-day', 'told')) AS other_day,"
    "   count(*) FILTER (WHERE finding = 'under-way') AS under_way,"
    "   count(*) FILTER (WHERE finding = 'awaits-next-day') AS awaiting FROM judged)"
    " UPDATE bill_day b SET compared_at = $4, here_payments = hp, here_payments_fen = hpf,"
    "   here_refunds = hr, here_refunds_fen = hrf, there_payments = tp, there_payments_fen = tpf,"
    "   there_refunds = tr, there_refunds_fen = trf, matched = f.matched,"
    "   different = f.different, only_here = f.only_here, only_there = f.only_there,"
    "   other_day = f.other_day, under_way = f.under_way, awaiting = f.awaiting,"
    "   next_at = CASE WHEN f.different + f.only_here + f.only_there + f.awaiting > 0"
    "    AND b.tries < 12 THEN $4::timestamptz + interval '6 hours' END"
    "  FROM figures f WHERE b.day = $1 AND b.channel = $2 AND b.merchant = $3"
    " RETURNING hp, hpf, hr, hrf, tp, tpf, tr, trf, f.matched, f.different, f.only_here,"
    "  f.only_there, f.other_day, f.under_way, f.awaiting"};

static const struct statement bill_day_select = {
    "bill_day_select",
    "SELECT channel, merchant, tries, tried_at, next_at, compared_at, outcome, here_payments,"
    "  here_payments_fen, here_refunds, here_refunds_fen, there_payments, there_payments_fen,"
    "  there_refunds, there_refunds_fen, matched, different, only_here, only_there, other_day,"
    "  under_way, awaiting FROM bill_day WHERE day = $1 ORDER BY channel, merchant"};

static const struct statement bill_difference_select = {
    "bill_difference_select",
    "SELECT channel, merchant, finding, kind, transaction_id, out_trade_no, out_refund_no,"
    "  here_fen, there_fen, here_at, there_at, there_state FROM bill_difference WHERE day = $1"
    " ORDER BY channel, merchant, line_no"};

static const struct statement bill_trim_old = {"bill_trim_old",
                                               "DELETE FROM bill_day WHERE day < $1"};

STATEMENTS(reconciliation_statements, &bill_due_select, &bill_failed, &bill_opened,
           &bill_forget_differences, &bill_compared, &bill_day_select, &bill_difference_select,
           &bill_trim_old);

static void add_name(struct params *p, const struct bill_name *name)
{
    add_day(p, name->day);
    add_text(p, name->channel);
    add_text(p, name->merchant);
}

enum status bill_list_due(struct store *st, struct arena *a, const char *const *channels,
                          const char *const *merchants, size_t n, int32_t from, int32_t to,
                          int64_t now_us, bool all, struct bill_due **out, size_t *count)
{
    struct params p = {0};
    struct rows rows;
    add_text_array(&p, a, channels, n);
    add_text_array(&p, a, merchants, n);
    add_day(&p, from);
    add_day(&p, to);
    add_time(&p, now_us);
    add_bool(&p, all);
    enum status s = db_run(st->db, a, &bill_due_select, &p, &rows);
    if (s != OK)
        return s;
    struct bill_due *list = arena_alloc(a, (size_t)rows.count * sizeof *list);
    for (int i = 0; i < rows.count; i++)
        list[i] =
            (struct bill_due){{row_int(&rows, i, 0), row_text(&rows, i, 1), row_text(&rows, i, 2)},
                              row_time_us(&rows, i, 3)};
    *out = list;
    *count = (size_t)rows.count;
    return OK;
}

enum status bill_note_failure(struct store *st, struct arena *a, const struct bill_name *name,
                              const char *outcome, bool empty, int64_t now_us)
{
    struct params p = {0};
    struct rows rows;
    add_name(&p, name);
    add_text(&p, outcome);
    add_time(&p, now_us);
    add_bool(&p, empty);
    return db_run(st->db, a, &bill_failed, &p, &rows);
}

/* ---- comparing ---- */

static bool is_done(const struct bill_line *line)
{
    return strcmp(line->currency, "CNY") == 0 &&
           (!line->refund || strcmp(line->refund_state, "SUCCESS") == 0);
}

static void add_lines(struct params *p, struct arena *a, const struct bill_line *lines, size_t n)
{
    const char **texts[5];
    int32_t *done = arena_alloc(a, n * sizeof *done);
    int64_t *fen = arena_alloc(a, n * sizeof *fen), *at_s = arena_alloc(a, n * sizeof *at_s);
    for (size_t k = 0; k < 5; k++)
        texts[k] = arena_alloc(a, n * sizeof *texts[k]);
    for (size_t i = 0; i < n; i++) {
        texts[0][i] = lines[i].refund ? "refund" : "payment";
        texts[1][i] = lines[i].transaction_id;
        texts[2][i] = lines[i].out_trade_no;
        texts[3][i] = lines[i].refund ? lines[i].out_refund_no : "";
        texts[4][i] = lines[i].refund ? lines[i].refund_state : "SUCCESS";
        done[i] = is_done(&lines[i]);
        fen[i] = lines[i].amount_fen;
        at_s[i] = lines[i].at_us / SECOND_US;
    }
    for (size_t k = 0; k < 5; k++)
        add_text_array(p, a, texts[k], n);
    add_int_array(p, a, done, n);
    add_bigint_array(p, a, fen, n);
    add_bigint_array(p, a, at_s, n);
}

static struct bill_figures read_figures(const struct rows *rows, int row, int first)
{
    return (struct bill_figures){
        .here_payments = row_bigint(rows, row, first),
        .here_payments_fen = row_bigint(rows, row, first + 1),
        .here_refunds = row_bigint(rows, row, first + 2),
        .here_refunds_fen = row_bigint(rows, row, first + 3),
        .there_payments = row_bigint(rows, row, first + 4),
        .there_payments_fen = row_bigint(rows, row, first + 5),
        .there_refunds = row_bigint(rows, row, first + 6),
        .there_refunds_fen = row_bigint(rows, row, first + 7),
        .matched = row_bigint(rows, row, first + 8),
        .different = row_bigint(rows, row, first + 9),
        .only_here = row_bigint(rows, row, first + 10),
        .only_there = row_bigint(rows, row, first + 11),
        .other_day = row_bigint(rows, row, first + 12),
        .under_way = row_bigint(rows, row, first + 13),
        .awaiting = row_bigint(rows, row, first + 14),
    };
}

enum status bill_compare(struct store *st, struct arena *a, const struct bill_name *name,
                         const struct bill_line *lines, size_t n, int64_t now_us,
                         struct bill_figures *out)
{
    struct params opened = {0}, forgotten = {0}, compared = {0};
    struct rows rows[3];
    add_name(&opened, name);
    add_time(&opened, now_us);
    add_name(&forgotten, name);
    add_name(&compared, name);
    add_time(&compared, now_us);
    add_lines(&compared, a, lines, n);
    const struct step steps[] = {{&bill_opened, &opened},
                                 {&bill_forget_differences, &forgotten},
                                 {&bill_compared, &compared}};
    enum status s = db_run_batch(st->db, a, steps, 3, rows);
    if (s == OK)
        *out = read_figures(&rows[2], 0, 0);
    return s;
}

/* ---- showing ---- */

static struct bill_day *read_days(const struct rows *rows, struct arena *a, int32_t day)
{
    struct bill_day *list = arena_alloc(a, (size_t)rows->count * sizeof *list);
    for (int i = 0; i < rows->count; i++)
        list[i] = (struct bill_day){
            .name = {day, row_text(rows, i, 0), row_text(rows, i, 1)},
            .tries = row_int(rows, i, 2),
            .tried_us = row_time_us(rows, i, 3),
            .next_us = row_time_us(rows, i, 4),
            .compared_us = row_time_us(rows, i, 5),
            .outcome = row_text(rows, i, 6),
            .figures = read_figures(rows, i, 7),
        };
    return list;
}

static struct bill_difference *read_differences(const struct rows *rows, struct arena *a,
                                                int32_t day)
{
    struct bill_difference *list = arena_alloc(a, (size_t)rows->count * sizeof *list);
    for (int i = 0; i < rows->count; i++) {
        bool is_here = !row_is_null(rows, i, 7), is_there = !row_is_null(rows, i, 8);
        list[i] = (struct bill_difference){
            .name = {day, row_text(rows, i, 0), row_text(rows, i, 1)},
            .finding = row_text(rows, i, 2),
            .kind = row_text(rows, i, 3),
            .transaction_id = row_text(rows, i, 4),
            .out_trade_no = row_text(rows, i, 5),
            .out_refund_no = row_text(rows, i, 6),
            .is_here = is_here,
            .is_there = is_there,
            .here_fen = is_here ? row_bigint(rows, i, 7) : 0,
            .there_fen = is_there ? row_bigint(rows, i, 8) : 0,
            .here_us = row_time_us(rows, i, 9),
            .there_us = row_time_us(rows, i, 10),
            .there_state = row_text(rows, i, 11),
        };
    }
    return list;
}

enum status bill_read_day(struct store *st, struct arena *a, int32_t day, struct bill_day **days,
                          size_t *n_days, struct bill_difference **differences,
                          size_t *n_differences)
{
    struct params p = {0};
    struct rows rows[2];
    add_day(&p, day);
    const struct step steps[] = {{&bill_day_select, &p}, {&bill_difference_select, &p}};
    enum status s = db_run_batch(st->db, a, steps, 2, rows);
    if (s != OK)
        return s;
    *days = read_days(&rows[0], a, day);
    *n_days = (size_t)rows[0].count;
    *differences = read_differences(&rows[1], a, day);
    *n_differences = (size_t)rows[1].count;
    return OK;
}

enum status bill_trim(struct store *st, struct arena *a, int32_t day)
{
    struct params p = {0};
    struct rows rows;
    add_day(&p, day);
    return db_run(st->db, a, &bill_trim_old, &p, &rows);
}
