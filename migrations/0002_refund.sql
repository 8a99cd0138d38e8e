-- Money given back. A refund names nobody: it hangs on the ledger's entry of what it pays back, and
-- shows in an order only while that lives.

ALTER TABLE ledger_entry ADD COLUMN out_refund_no text CHECK (length(out_refund_no) BETWEEN 1 AND 64),
    ADD CONSTRAINT ledger_entry_refund_has_number CHECK ((kind = 'refund') = (out_refund_no IS NOT NULL)),
    DROP CONSTRAINT ledger_entry_channel_kind_transaction_id_key;
COMMENT ON COLUMN ledger_entry.out_refund_no IS 'our number of the refund; a payment has none';
CREATE UNIQUE INDEX ledger_entry_payment ON ledger_entry (channel, transaction_id) WHERE kind = 'payment';
CREATE UNIQUE INDEX ledger_entry_refund ON ledger_entry (channel, merchant, out_refund_no)
    WHERE kind = 'refund';
CREATE INDEX anomaly_unresolved ON anomaly (recorded_at) WHERE resolved_at IS NULL;

CREATE TABLE refund (
    refund_id      uuid PRIMARY KEY,
    entry_id       uuid NOT NULL REFERENCES ledger_entry ON DELETE CASCADE,
    account_id     bigint,
    order_id       uuid,
    channel        text NOT NULL CHECK (channel IN ('wechat', 'alipay')),
    merchant       text NOT NULL CHECK (length(merchant) BETWEEN 1 AND 64),
    appid          text CHECK (length(appid) BETWEEN 1 AND 64),
    out_trade_no   text NOT NULL CHECK (length(out_trade_no) BETWEEN 1 AND 64),
    transaction_id text NOT NULL CHECK (length(transaction_id) BETWEEN 1 AND 64),
    total_fen      fen NOT NULL,
    refund_fen     fen NOT NULL CHECK (refund_fen > 0),
    reason         text NOT NULL CHECK (reason IN ('late', 'second', 'erased', 'cancelled', 'unprinted-part',
                       'complaint', 'quality', 'duplicate', 'not-ours', 'goodwill', 'legal')),
    seq            integer NOT NULL CHECK (seq BETWEEN 1 AND 50),
    out_refund_no  text NOT NULL CHECK (length(out_refund_no) BETWEEN 1 AND 64),
    state          text NOT NULL CHECK (state IN ('requested', 'accepted', 'done', 'failed')),
    tries          integer NOT NULL,
    next_at        timestamptz,
    last_code      text CHECK (length(last_code) BETWEEN 1 AND 64),
    requested_at   timestamptz NOT NULL,
    sent_at        timestamptz,
    accepted_at    timestamptz,
    done_at        timestamptz,
    failed_at      timestamptz,
    UNIQUE (channel, merchant, out_refund_no),
    FOREIGN KEY (account_id, order_id) REFERENCES orders ON DELETE SET NULL,
    CHECK (refund_fen <= total_fen),
    CHECK ((state = 'done') = (done_at IS NOT NULL)),
    CHECK (state <> 'done' OR next_at IS NULL)
);
CREATE INDEX refund_entry ON refund (entry_id);
CREATE INDEX refund_order ON refund (account_id, order_id) WHERE order_id IS NOT NULL;
CREATE INDEX refund_next ON refund (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX refund_trade ON refund (channel, transaction_id);
CREATE INDEX refund_out_trade_no ON refund (channel, merchant, out_trade_no);
COMMENT ON TABLE refund IS 'money given back: requested -> accepted -> done | failed; no identity; kept as long as the ledger';
COMMENT ON COLUMN refund.refund_id IS 'UUIDv7';
COMMENT ON COLUMN refund.entry_id IS 'the payment in the ledger that it pays back';
COMMENT ON COLUMN refund.account_id IS 'whose order; NULL when that is gone';
COMMENT ON COLUMN refund.order_id IS 'which order shows it; NULL when that is gone';
COMMENT ON COLUMN refund.channel IS 'payment provider';
COMMENT ON COLUMN refund.merchant IS 'our mchid or seller_id';
COMMENT ON COLUMN refund.appid IS 'our appid or app_id of the attempt, where it is known';
COMMENT ON COLUMN refund.out_trade_no IS 'our number of the trade';
COMMENT ON COLUMN refund.transaction_id IS 'the provider''s number of the trade';
COMMENT ON COLUMN refund.total_fen IS 'amount of the payment';
COMMENT ON COLUMN refund.refund_fen IS 'amount given back';
COMMENT ON COLUMN refund.reason IS 'why: by rule late, second, erased; by the person cancelled, unprinted-part; else an operator''s code';
COMMENT ON COLUMN refund.seq IS 'counts the refunds of a trade from 1';
COMMENT ON COLUMN refund.out_refund_no IS 'our number of the refund: out_trade_no, R, seq; the provider pays a number once';
COMMENT ON COLUMN refund.state IS 'where it stands';
COMMENT ON COLUMN refund.tries IS 'how often it was taken up';
COMMENT ON COLUMN refund.next_at IS 'when it is taken up next; NULL when nothing is left to do';
COMMENT ON COLUMN refund.last_code IS 'the provider''s last code; a failed one with ABNORMAL may still be paid by hand there';
COMMENT ON COLUMN refund.requested_at IS 'when it was asked for here';
COMMENT ON COLUMN refund.sent_at IS 'when it was last sent, if it was';
COMMENT ON COLUMN refund.accepted_at IS 'when the provider took it';
COMMENT ON COLUMN refund.done_at IS 'the provider''s time of success';
COMMENT ON COLUMN refund.failed_at IS 'when the provider''s refusal was final';

-- The payment's entry is locked first, so that two refunds of it are counted one after the other;
-- each query of this function sees what was committed before it.
CREATE FUNCTION refund_prepare() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    e ledger_entry;
    given bigint;
BEGIN
    SELECT * INTO e FROM ledger_entry WHERE entry_id = NEW.entry_id AND kind = 'payment' FOR UPDATE;
    PERFORM guard(e.entry_id IS NOT NULL, 'not-found');
    SELECT coalesce(sum(refund_fen), 0) INTO given FROM refund
        WHERE entry_id = e.entry_id AND (state <> 'failed' OR last_code = 'ABNORMAL');
    PERFORM guard(given + NEW.refund_fen <= e.amount_fen, 'refund-sum');
    PERFORM guard(e.channel <> 'wechat' OR NEW.requested_at <= e.occurred_at + interval '365 days', 'refund-age');
    SELECT coalesce(max(seq), 0) + 1 INTO NEW.seq FROM refund
        WHERE channel = e.channel AND merchant = e.merchant AND out_trade_no = e.out_trade_no;
    PERFORM guard(NEW.seq <= 50, 'refund-count');
    NEW.channel := e.channel;
    NEW.merchant := e.merchant;
    NEW.out_trade_no := e.out_trade_no;
    NEW.transaction_id := e.transaction_id;
    NEW.total_fen := e.amount_fen;
    NEW.out_refund_no := CASE WHEN length(e.out_trade_no) <= 60 THEN e.out_trade_no ELSE md5(e.out_trade_no) END
        || 'R' || NEW.seq;
    NEW.state := 'requested';
    NEW.tries := 0;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION refund_prepare IS
    'numbers a refund, copies what it pays back from the ledger, and refuses more than was paid';
CREATE TRIGGER refund_prepared BEFORE INSERT ON refund FOR EACH ROW EXECUTE FUNCTION refund_prepare();

-- An attempt may be paid at the provider after it was erased here. What is needed to know the money
-- for ours, and to give it back, stays a week longer than it could be paid.
CREATE TABLE erased_attempt (
    out_trade_no text PRIMARY KEY CHECK (length(out_trade_no) = 22),
    channel      text NOT NULL CHECK (channel IN ('wechat', 'alipay')),
    merchant     text NOT NULL CHECK (length(merchant) BETWEEN 1 AND 64),
    appid        text NOT NULL CHECK (length(appid) BETWEEN 1 AND 64),
    amount_fen   fen NOT NULL,
    expires_at   timestamptz NOT NULL
);
CREATE INDEX erased_attempt_expires ON erased_attempt (expires_at);
COMMENT ON TABLE erased_attempt IS 'attempts to pay that were deleted unpaid; names nobody; a success that comes later is given back';
COMMENT ON COLUMN erased_attempt.out_trade_no IS 'the number that the provider knows; random';
COMMENT ON COLUMN erased_attempt.channel IS 'payment provider';
COMMENT ON COLUMN erased_attempt.merchant IS 'our mchid or seller_id';
COMMENT ON COLUMN erased_attempt.appid IS 'our appid or app_id';
COMMENT ON COLUMN erased_attempt.amount_fen IS 'what a success must carry';
COMMENT ON COLUMN erased_attempt.expires_at IS 'a week after the last moment at which it could be paid';

CREATE FUNCTION erased_attempt_keep() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO erased_attempt (out_trade_no, channel, merchant, appid, amount_fen, expires_at)
        VALUES (OLD.out_trade_no, OLD.channel, OLD.merchant, OLD.appid, OLD.amount_fen,
                OLD.expires_at + interval '7 days')
        ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION erased_attempt_keep IS 'remembers a deleted attempt that the provider may still take money for';
CREATE TRIGGER payment_erased AFTER DELETE ON payment FOR EACH ROW
    WHEN (OLD.state <> 'succeeded') EXECUTE FUNCTION erased_attempt_keep();

REVOKE ALL ON FUNCTION refund_prepare FROM PUBLIC;
GRANT SELECT, INSERT ON refund TO idphotod_app;
GRANT UPDATE (state, tries, next_at, last_code, sent_at, accepted_at, done_at, failed_at) ON refund
    TO idphotod_app;
GRANT SELECT, INSERT, DELETE ON erased_attempt TO idphotod_app;
