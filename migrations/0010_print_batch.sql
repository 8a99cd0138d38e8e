-- Paid print orders are printed in batches. A batch says nothing of anybody: the orders point to it, so
-- that what is erased or over leaves its batch by itself.

CREATE TABLE print_batch (
    batch_id    uuid PRIMARY KEY,
    operator_id uuid NOT NULL,
    orders      integer NOT NULL CHECK (orders > 0),
    created_at  timestamptz NOT NULL,
    printed_at  timestamptz,
    expires_at  timestamptz NOT NULL
);
CREATE INDEX print_batch_expires ON print_batch (expires_at);
COMMENT ON TABLE print_batch IS 'paid print orders that are printed together; no order of it outlives it';
COMMENT ON COLUMN print_batch.batch_id IS 'UUIDv7';
COMMENT ON COLUMN print_batch.operator_id IS 'who made it';
COMMENT ON COLUMN print_batch.orders IS 'of how many orders it was made';
COMMENT ON COLUMN print_batch.created_at IS 'when it was made';
COMMENT ON COLUMN print_batch.printed_at IS 'when it was first said to be printed; its orders are printing from then on';
COMMENT ON COLUMN print_batch.expires_at IS 'not before the last of its orders';

ALTER TABLE orders ADD COLUMN print_batch_id uuid REFERENCES print_batch ON DELETE SET NULL;
COMMENT ON COLUMN orders.print_batch_id IS 'the batch that it is printed in; given once';
CREATE INDEX orders_print_batch ON orders (print_batch_id) WHERE print_batch_id IS NOT NULL;
CREATE INDEX orders_to_print ON orders (paid_at, order_id)
    WHERE state = 'paid' AND kind <> 'electronic' AND print_batch_id IS NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON print_batch TO idphotod_app;
