-- When the provider is asked about a pending attempt next.

ALTER TABLE payment ADD COLUMN ask_at timestamptz, ADD COLUMN closing boolean NOT NULL DEFAULT false;
UPDATE payment SET ask_at = created_at;
ALTER TABLE payment ALTER COLUMN ask_at SET NOT NULL;
COMMENT ON COLUMN payment.ask_at IS
    'when the provider is asked next while it is pending; who asks moves it ahead first, which is the claim';
COMMENT ON COLUMN payment.closing IS
    'its order needs it no more: to be closed at the provider before its time';

CREATE INDEX payment_ask ON payment (channel, ask_at) WHERE state = 'pending';
CREATE INDEX payment_open ON payment (account_id, order_id) WHERE state = 'pending' AND NOT closing;
DROP INDEX payment_pending;

-- What was pending when it was erased is closed at the provider all the same.
ALTER TABLE erased_attempt ADD COLUMN method text
        CHECK (method IN ('app', 'jsapi', 'h5', 'native', 'wap', 'page', 'qr')),
    ADD COLUMN ask_at timestamptz, ADD CHECK (ask_at IS NULL OR method IS NOT NULL);
CREATE INDEX erased_attempt_ask ON erased_attempt (channel, ask_at) WHERE ask_at IS NOT NULL;
COMMENT ON COLUMN erased_attempt.method IS 'the provider''s way of paying; tells which of our configurations to ask by';
COMMENT ON COLUMN erased_attempt.ask_at IS 'when the provider is asked next, to close it there; NULL when that is done';

CREATE OR REPLACE FUNCTION erased_attempt_keep() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO erased_attempt (out_trade_no, channel, method, merchant, appid, amount_fen, expires_at, ask_at)
        VALUES (OLD.out_trade_no, OLD.channel, OLD.method, OLD.merchant, OLD.appid, OLD.amount_fen,
            OLD.expires_at + interval '7 days', CASE WHEN OLD.state = 'pending' THEN OLD.created_at END)
        ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

GRANT UPDATE (ask_at) ON erased_attempt TO idphotod_app;
