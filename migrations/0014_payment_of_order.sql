-- An attempt is found by its order and its own number, or by its order alone: one index does for
-- both. A new version of a payment went into two.

ALTER TABLE trade ADD COLUMN order_id uuid;
UPDATE trade t SET order_id = p.order_id FROM payment p
    WHERE p.account_id = t.account_id AND p.payment_id = t.payment_id;
ALTER TABLE trade ALTER COLUMN order_id SET NOT NULL,
    DROP CONSTRAINT trade_account_id_payment_id_fkey;
ALTER TABLE payment DROP CONSTRAINT payment_pkey, ADD PRIMARY KEY (account_id, order_id, payment_id);
DROP INDEX payment_order;
ALTER TABLE trade ADD FOREIGN KEY (account_id, order_id, payment_id) REFERENCES payment ON DELETE CASCADE;
COMMENT ON COLUMN trade.order_id IS 'of which order; never another one';
