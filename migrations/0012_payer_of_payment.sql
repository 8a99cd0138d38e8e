-- Who paid belongs to the attempt that was paid: it is written with its success, lives as long, and
-- goes with the same order. As columns of it, it is one write less for each success, and no key that
-- has to be looked up.

ALTER TABLE payment ADD COLUMN payer_expires_at timestamptz, ADD COLUMN payer_key_day day,
    ADD COLUMN payer_key_wrapped wrapped_key,
    ADD COLUMN payer_sealed bytea CHECK (octet_length(payer_sealed) BETWEEN 41 AND 4096),
    ADD CHECK (num_nulls(payer_expires_at, payer_key_day, payer_key_wrapped, payer_sealed) IN (0, 4));
COMMENT ON COLUMN payment.payer_expires_at IS '30 days after the provider''s success time';
COMMENT ON COLUMN payment.payer_key_day IS 'day after which nobody can read payer_sealed';
COMMENT ON COLUMN payment.payer_key_wrapped IS 'data key of payer_sealed';
COMMENT ON COLUMN payment.payer_sealed IS
    'openid, buyer_id or buyer_open_id, and the address the callback came from; bound to out_trade_no';

UPDATE payment p SET payer_expires_at = y.expires_at, payer_key_day = y.key_day,
        payer_key_wrapped = y.key_wrapped, payer_sealed = y.payer_sealed
    FROM payer y WHERE y.account_id = p.account_id AND y.out_trade_no = p.out_trade_no;
DROP TABLE payer;

CREATE VIEW payer AS
    SELECT account_id, order_id, out_trade_no, payer_expires_at AS expires_at, payer_key_day AS key_day,
        payer_key_wrapped AS key_wrapped, payer_sealed
    FROM payment WHERE payer_sealed IS NOT NULL;
COMMENT ON VIEW payer IS 'who paid, for the accounting audit (policy 1.1.8); goes with the order';
COMMENT ON COLUMN payer.account_id IS 'whose';
COMMENT ON COLUMN payer.order_id IS 'which order was paid';
COMMENT ON COLUMN payer.out_trade_no IS 'by which attempt; bound into the seal';
COMMENT ON COLUMN payer.expires_at IS '30 days after the provider''s success time';
COMMENT ON COLUMN payer.key_day IS 'day after which nobody can read it';
COMMENT ON COLUMN payer.key_wrapped IS 'data key of payer_sealed';
COMMENT ON COLUMN payer.payer_sealed IS 'openid, buyer_id or buyer_open_id, and the address the callback came from';
GRANT SELECT, UPDATE ON payer TO idphotod_app;
