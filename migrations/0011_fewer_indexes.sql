-- An order is written again at each step of its life and a payment when it succeeds, and each new
-- version goes into every index of its table. What is asked for once a day, or for few rows, needs
-- none there.

-- Operators name an order without its account. Its items say the same, and never change.
CREATE INDEX order_item_order ON order_item (order_id);
DROP INDEX orders_by_id;

-- The first day that any row still needs is sought when the ratchet is behind, by a scan. Keys are
-- renewed of orders that are unpaid, paid just now or waiting for a provider: few, each with an index.
CREATE INDEX orders_unpaid ON orders (account_id, order_id) WHERE state = 'unpaid';
DROP INDEX orders_key_day;
DROP INDEX payment_key_day;
DROP INDEX payer_key_day;
