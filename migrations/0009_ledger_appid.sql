-- Alipay takes a refund from the application that the payment was made with. The attempt knows it, and
-- goes with its order; the ledger's entry stays.

ALTER TABLE ledger_entry ADD COLUMN appid text CHECK (length(appid) BETWEEN 1 AND 64);
COMMENT ON COLUMN ledger_entry.appid IS
    'our appid or app_id, as the provider named it; NULL of refunds and of older entries; no part of the seal';

CREATE OR REPLACE FUNCTION refund_prepare() RETURNS trigger
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
    NEW.appid := coalesce(NEW.appid, e.appid);
    NEW.out_trade_no := e.out_trade_no;
    NEW.transaction_id := e.transaction_id;
    NEW.total_fen := e.amount_fen;
    NEW.out_refund_no := CASE WHEN length(e.out_trade_no) <= 60 THEN e.out_trade_no ELSE md5(e.out_trade_no) END
        || 'R' || NEW.seq;
    NEW.state := 'requested';
    NEW.tries := 0;
    RETURN NEW;
END $$;
