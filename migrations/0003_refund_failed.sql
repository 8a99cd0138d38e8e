-- Failed refunds are few among many that are done; they are looked for every few seconds.
CREATE INDEX refund_failed ON refund (failed_at) WHERE state = 'failed';
