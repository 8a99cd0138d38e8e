-- The ledger's seal: batches of entries in a chain of hashes, so that a changed, removed or slipped-in
-- entry shows. Entries are written without any lock on the chain; a job seals what is there and not
-- sealed yet, in whichever order it was committed.

CREATE TABLE ledger_seal (
    batch_no         bigint PRIMARY KEY CHECK (batch_no > 0),
    entries          integer NOT NULL CHECK (entries > 0),
    last_recorded_at timestamptz NOT NULL,
    previous_hash    bytea NOT NULL CHECK (octet_length(previous_hash) = 32),
    hash             bytea NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
    made_at        timestamptz NOT NULL
);
COMMENT ON TABLE ledger_seal IS 'batches of the ledger, each with the hash of the one before; the service can only add';
COMMENT ON COLUMN ledger_seal.batch_no IS 'counts from 1 without a gap';
COMMENT ON COLUMN ledger_seal.entries IS 'how many entries it holds';
COMMENT ON COLUMN ledger_seal.last_recorded_at IS 'the latest recorded_at up to this batch: new entries are sought from two days before';
COMMENT ON COLUMN ledger_seal.previous_hash IS 'hash of the batch before; 32 zero bytes in the first';
COMMENT ON COLUMN ledger_seal.hash IS 'SHA-256 of previous_hash, batch_no as text, and the leaves in the order of their entry_id';
COMMENT ON COLUMN ledger_seal.made_at IS 'when';

CREATE TABLE ledger_seal_entry (
    entry_id uuid PRIMARY KEY REFERENCES ledger_entry ON DELETE CASCADE,
    batch_no bigint NOT NULL REFERENCES ledger_seal,
    leaf     bytea NOT NULL CHECK (octet_length(leaf) = 32)
);
CREATE INDEX ledger_seal_entry_batch ON ledger_seal_entry (batch_no);
COMMENT ON TABLE ledger_seal_entry IS 'which batch an entry of the ledger is sealed in; goes with the entry after 10 years';
COMMENT ON COLUMN ledger_seal_entry.entry_id IS 'the entry';
COMMENT ON COLUMN ledger_seal_entry.batch_no IS 'the batch';
COMMENT ON COLUMN ledger_seal_entry.leaf IS 'ledger_leaf of the entry when it was sealed';

CREATE INDEX ledger_entry_recorded ON ledger_entry (recorded_at);

-- Anybody with psql and sha256sum can do this again; times are microseconds since 1970.
CREATE FUNCTION ledger_leaf(e ledger_entry) RETURNS bytea
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT sha256(convert_to(json_build_array(e.entry_id, e.kind, e.channel, e.merchant, e.transaction_id,
        e.out_trade_no, e.out_refund_no, e.amount_fen, (extract(epoch FROM e.occurred_at) * 1000000)::bigint,
        (extract(epoch FROM e.recorded_at) * 1000000)::bigint, e.day::integer)::text, 'UTF8'))
$$;
COMMENT ON FUNCTION ledger_leaf IS 'SHA-256 over every column of an entry, as the text of a JSON array';

CREATE FUNCTION ledger_batch_hash(previous_hash bytea, batch_no bigint, leaves bytea) RETURNS bytea
    LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
    SELECT sha256(previous_hash || convert_to(batch_no::text, 'UTF8') || leaves)
$$;
COMMENT ON FUNCTION ledger_batch_hash IS 'hash of a batch: previous hash, number, leaves in the order of their entry_id';

CREATE FUNCTION day_of(at timestamptz) RETURNS integer
    LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
    SELECT floor((extract(epoch FROM at) + 28800) / 86400)::integer
$$;
COMMENT ON FUNCTION day_of IS 'the Asia/Shanghai day number of an instant, as server/base/clock.h has it';

CREATE FUNCTION day_text(number integer) RETURNS text
    LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
    SELECT to_char(date '1970-01-01' + number, 'YYYY-MM-DD')
$$;
COMMENT ON FUNCTION day_text IS 'a day number as people write it: 2026-11-23';

GRANT SELECT, INSERT ON ledger_seal, ledger_seal_entry TO idphotod_app;
