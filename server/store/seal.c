/* SPDX-License-Identifier: MIT */
#include "store/seal.h"

#include <string.h>

/* An entry may be committed after a later one. It is found all the same, as long as it is not
 * recorded more than two days before what is sealed already; the auditor names any that was. */
static const struct statement seal_batch = {
    "seal_batch",
    "WITH last AS (SELECT batch_no, hash, last_recorded_at FROM ledger_seal"
    "  UNION ALL SELECT 0, decode(repeat('00', 32), 'hex'), '-infinity'::timestamptz"
    "  ORDER BY batch_no DESC LIMIT 1),"
    " fresh AS (SELECT l.entry_id, l.recorded_at, ledger_leaf(l) AS leaf FROM ledger_entry l"
    "  WHERE l.recorded_at > (SELECT last_recorded_at - interval '2 days' FROM last)"
    "   AND NOT EXISTS (SELECT 1 FROM ledger_seal_entry s WHERE s.entry_id = l.entry_id)"
    "  ORDER BY l.recorded_at, l.entry_id LIMIT $2),"
    " batch AS (SELECT count(*)::integer AS entries, max(recorded_at) AS last_recorded_at,"
    "   string_agg(leaf, '' ORDER BY entry_id) AS leaves FROM fresh HAVING count(*) > 0),"
    " made AS (INSERT INTO ledger_seal (batch_no, entries, last_recorded_at, previous_hash, hash,"
    "   made_at) SELECT last.batch_no + 1, entries,"
    "   greatest(last.last_recorded_at, batch.last_recorded_at), last.hash,"
    "   ledger_batch_hash(last.hash, last.batch_no + 1, leaves), $1 FROM last, batch"
    "  RETURNING batch_no, entries, hash),"
    " named AS (INSERT INTO ledger_seal_entry (entry_id, batch_no, leaf)"
    "  SELECT entry_id, batch_no, leaf FROM fresh, made)"
    " SELECT batch_no, entries, encode(hash, 'hex') FROM made"};

STATEMENTS(seal_statements, &seal_batch);

enum status ledger_seal(struct store *st, struct arena *a, int64_t now_us, int limit,
                        struct ledger_batch *out)
{
    struct params p = {0};
    struct rows rows;
    add_time(&p, now_us);
    add_bigint(&p, limit);
    enum status s = db_run(st->db, a, &seal_batch, &p, &rows);
    if (s != OK)
        return s;
    *out = (struct ledger_batch){0};
    if (rows.count == 0)
        return OK;
    out->batch_no = row_bigint(&rows, 0, 0);
    out->entries = row_int(&rows, 0, 1);
    strncpy(out->hash, row_text(&rows, 0, 2), sizeof out->hash - 1);
    return OK;
}
