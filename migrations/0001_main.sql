-- The main job's tables: who, what, paid by whom, and until when.
--
-- account_id leads every primary key of personal data. Days are Asia/Shanghai day numbers counted
-- from 1970-01-01 (server/base/clock.h). No statement asks the server for the time: now is a
-- parameter of the service. Sealed columns end in _sealed, wrapped data keys are key_wrapped.

CREATE DOMAIN day AS integer CHECK (VALUE BETWEEN 0 AND 100000);
COMMENT ON DOMAIN day IS 'Asia/Shanghai day number, days since 1970-01-01';

CREATE DOMAIN wrapped_key AS bytea CHECK (octet_length(VALUE) = 79);
COMMENT ON DOMAIN wrapped_key IS 'data key wrapped under master key and day key (vault.h)';

CREATE DOMAIN fen AS bigint CHECK (VALUE BETWEEN 0 AND 10000000000);
COMMENT ON DOMAIN fen IS 'money, integer fen, CNY';

-- A statement whose condition does not hold undoes its whole batch: SQLSTATE UG404 or UG409, with
-- the reason where a constraint's name would stand.
CREATE FUNCTION guard(holds boolean, reason text) RETURNS boolean
    LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $$
BEGIN
    IF holds THEN
        RETURN true;
    END IF;
    RAISE EXCEPTION 'guard' USING CONSTRAINT = reason,
        ERRCODE = CASE WHEN reason = 'not-found' THEN 'UG404' ELSE 'UG409' END;
END $$;
COMMENT ON FUNCTION guard IS 'raises when a condition does not hold, so that nothing of the batch stays';

-- ---------------------------------------------------------------- accounts

CREATE TABLE account (
    account_id      bigint PRIMARY KEY CHECK (account_id > 0),
    pseudonym       bytea NOT NULL CHECK (octet_length(pseudonym) = 16),
    minor           boolean NOT NULL,
    policy_version  text NOT NULL CHECK (length(policy_version) BETWEEN 1 AND 40),
    created_at      timestamptz NOT NULL,
    idle_from       timestamptz NOT NULL,
    key_day         day,
    key_wrapped     wrapped_key,
    guardian_sealed bytea CHECK (octet_length(guardian_sealed) BETWEEN 41 AND 4096),
    CHECK ((key_day IS NULL) = (guardian_sealed IS NULL)),
    CHECK ((key_wrapped IS NULL) = (guardian_sealed IS NULL))
);
CREATE INDEX account_key_day ON account (key_day) WHERE key_day IS NOT NULL;
CREATE INDEX account_idle_from ON account (idle_from);
COMMENT ON TABLE account IS 'a person''s account; random id, no name, no phone';
COMMENT ON COLUMN account.account_id IS 'random positive 63-bit number, leads every key of personal data';
COMMENT ON COLUMN account.pseudonym IS 'random name of the account in the audit log; the link dies with this row';
COMMENT ON COLUMN account.minor IS 'declared to be under 14: a guardian consented';
COMMENT ON COLUMN account.policy_version IS 'version of the privacy policy last agreed to';
COMMENT ON COLUMN account.created_at IS 'when the account was made';
COMMENT ON COLUMN account.idle_from IS 'last use, to the day, or the end of the last order if that is later; an account goes 30 days after';
COMMENT ON COLUMN account.key_day IS 'lease: day after which guardian_sealed cannot be read; renewed by a job';
COMMENT ON COLUMN account.key_wrapped IS 'data key of guardian_sealed';
COMMENT ON COLUMN account.guardian_sealed IS 'name, phone and relation of a minor''s guardian';

CREATE TABLE session (
    account_id   bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    session_id   bigint NOT NULL,
    token_hash   bytea NOT NULL CHECK (octet_length(token_hash) = 32),
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    PRIMARY KEY (account_id, session_id)
);
CREATE INDEX session_expires ON session (expires_at);
COMMENT ON TABLE session IS 'bearer tokens of accounts; only their hash is here';
COMMENT ON COLUMN session.account_id IS 'whose';
COMMENT ON COLUMN session.session_id IS 'random number inside the token, to find the row by';
COMMENT ON COLUMN session.token_hash IS 'BLAKE2b of the whole token';
COMMENT ON COLUMN session.created_at IS 'when the token was given out';
COMMENT ON COLUMN session.last_used_at IS 'last use, to the day';
COMMENT ON COLUMN session.expires_at IS '90 days after the last use';

CREATE TABLE consent (
    account_id     bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    purpose        text NOT NULL CHECK (length(purpose) BETWEEN 1 AND 40),
    policy_version text NOT NULL CHECK (length(policy_version) BETWEEN 1 AND 40),
    granted_at     timestamptz NOT NULL,
    withdrawn_at   timestamptz,
    PRIMARY KEY (account_id, purpose)
);
COMMENT ON TABLE consent IS 'what the person agreed to, purpose by purpose (PIPL 14, 15)';
COMMENT ON COLUMN consent.account_id IS 'whose';
COMMENT ON COLUMN consent.purpose IS 'purpose code of config/policy';
COMMENT ON COLUMN consent.policy_version IS 'version of the text agreed to';
COMMENT ON COLUMN consent.granted_at IS 'when it was given';
COMMENT ON COLUMN consent.withdrawn_at IS 'when it was withdrawn; NULL while it holds';

CREATE TABLE idempotency (
    account_id    bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    route         text NOT NULL CHECK (length(route) <= 80),
    key_hash      bytea NOT NULL CHECK (octet_length(key_hash) = 32),
    body_hash     bytea NOT NULL CHECK (octet_length(body_hash) = 32),
    started_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    attempt       uuid NOT NULL,
    http_status   integer,
    key_day       day,
    key_wrapped   wrapped_key,
    answer_sealed bytea,
    PRIMARY KEY (account_id, route, key_hash),
    CHECK ((http_status IS NULL) = (answer_sealed IS NULL)),
    CHECK ((key_day IS NULL) = (answer_sealed IS NULL)),
    CHECK ((key_wrapped IS NULL) = (answer_sealed IS NULL))
);
CREATE INDEX idempotency_expires ON idempotency (expires_at);
CREATE INDEX idempotency_key_day ON idempotency (key_day) WHERE key_day IS NOT NULL;
COMMENT ON TABLE idempotency IS 'first answers of requests that carried an Idempotency-Key; 24 h';
COMMENT ON COLUMN idempotency.account_id IS 'whose';
COMMENT ON COLUMN idempotency.route IS 'method and route template';
COMMENT ON COLUMN idempotency.key_hash IS 'keyed hash of the Idempotency-Key';
COMMENT ON COLUMN idempotency.body_hash IS 'keyed hash of the request: path, query and body';
COMMENT ON COLUMN idempotency.started_at IS 'when the running attempt began; an old one is taken over';
COMMENT ON COLUMN idempotency.expires_at IS 'when the row goes';
COMMENT ON COLUMN idempotency.attempt IS 'the attempt that may write the answer';
COMMENT ON COLUMN idempotency.http_status IS 'status of the first answer; NULL while it runs';
COMMENT ON COLUMN idempotency.key_day IS 'day after which the answer cannot be read';
COMMENT ON COLUMN idempotency.key_wrapped IS 'data key of answer_sealed';
COMMENT ON COLUMN idempotency.answer_sealed IS 'the first answer''s body';

-- ---------------------------------------------------------------- photos

CREATE TABLE photo (
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    photo_id   uuid NOT NULL,
    spec       text CHECK (length(spec) BETWEEN 1 AND 60),
    subject    text NOT NULL CHECK (subject IN ('self', 'other', 'child')),
    format     text NOT NULL CHECK (format IN ('jpeg', 'png')),
    width_px   integer NOT NULL CHECK (width_px > 0),
    height_px  integer NOT NULL CHECK (height_px > 0),
    dpi        integer NOT NULL CHECK (dpi >= 0),
    bytes      bigint NOT NULL CHECK (bytes > 0),
    etag       text NOT NULL CHECK (length(etag) = 22),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, photo_id)
);
COMMENT ON TABLE photo IS 'metadata of a finished ID photo; it lives as long as one of its copies';
COMMENT ON COLUMN photo.account_id IS 'whose';
COMMENT ON COLUMN photo.photo_id IS 'UUIDv7';
COMMENT ON COLUMN photo.spec IS 'ID-photo specification it was made for';
COMMENT ON COLUMN photo.subject IS 'declared: of whom it is; the subject or the guardian agreed';
COMMENT ON COLUMN photo.format IS 'file format';
COMMENT ON COLUMN photo.width_px IS 'width, pixels';
COMMENT ON COLUMN photo.height_px IS 'height, pixels';
COMMENT ON COLUMN photo.dpi IS 'resolution the file names; 0 when it names none';
COMMENT ON COLUMN photo.bytes IS 'size of the file in clear';
COMMENT ON COLUMN photo.etag IS 'random entity tag, not a hash of the photo';
COMMENT ON COLUMN photo.created_at IS 'when it was uploaded';

CREATE TABLE photo_copy (
    account_id  bigint NOT NULL,
    photo_id    uuid NOT NULL,
    purpose     text NOT NULL CHECK (purpose IN ('draft', 'electronic', 'print')),
    expires_at  timestamptz NOT NULL,
    drop_day    day NOT NULL,
    key_day     day NOT NULL,
    key_wrapped wrapped_key NOT NULL,
    PRIMARY KEY (account_id, photo_id, purpose),
    FOREIGN KEY (account_id, photo_id) REFERENCES photo ON DELETE CASCADE
);
CREATE INDEX photo_copy_expires ON photo_copy (expires_at);
CREATE INDEX photo_copy_key_day ON photo_copy (key_day);
CREATE INDEX photo_copy_drop_day ON photo_copy (drop_day);
COMMENT ON TABLE photo_copy IS 'a life of a photo: one wrapped key and one end for each purpose';
COMMENT ON COLUMN photo_copy.account_id IS 'whose';
COMMENT ON COLUMN photo_copy.photo_id IS 'of which photo';
COMMENT ON COLUMN photo_copy.purpose IS 'draft before payment; electronic 7 days; print 30 days';
COMMENT ON COLUMN photo_copy.expires_at IS 'instant at which reading stops';
COMMENT ON COLUMN photo_copy.drop_day IS 'partition of photo_bytes that holds its ciphertext';
COMMENT ON COLUMN photo_copy.key_day IS 'day after which nobody can read it';
COMMENT ON COLUMN photo_copy.key_wrapped IS 'data key of the ciphertext';

CREATE TABLE photo_bytes (
    drop_day   day NOT NULL,
    account_id bigint NOT NULL,
    photo_id   uuid NOT NULL,
    purpose    text NOT NULL,
    sealed     bytea NOT NULL,
    PRIMARY KEY (drop_day, account_id, photo_id, purpose)
) PARTITION BY LIST (drop_day);
ALTER TABLE photo_bytes ALTER COLUMN sealed SET STORAGE EXTERNAL;
COMMENT ON TABLE photo_bytes IS 'ciphertext of photos, one partition a day; a partition falls when its day is past';
COMMENT ON COLUMN photo_bytes.drop_day IS 'last day of this copy';
COMMENT ON COLUMN photo_bytes.account_id IS 'whose';
COMMENT ON COLUMN photo_bytes.photo_id IS 'of which photo';
COMMENT ON COLUMN photo_bytes.purpose IS 'which copy';
COMMENT ON COLUMN photo_bytes.sealed IS 'the file, sealed';

-- Attaching, unlike CREATE TABLE ... PARTITION OF, lets readers and writers of the table go on.
CREATE FUNCTION photo_partitions_create(from_day integer, to_day integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    d integer;
    made integer := 0;
BEGIN
    IF to_day - from_day > 400 THEN
        RAISE EXCEPTION 'too many partitions asked for';
    END IF;
    FOR d IN from_day .. to_day LOOP
        IF to_regclass(format('photo_bytes_%s', d)) IS NULL THEN
            EXECUTE format('CREATE TABLE photo_bytes_%s (LIKE photo_bytes INCLUDING ALL)', d);
            EXECUTE format('ALTER TABLE photo_bytes ATTACH PARTITION photo_bytes_%s FOR VALUES IN (%s)', d, d);
            EXECUTE format('COMMENT ON TABLE photo_bytes_%s IS ''photo ciphertext that falls after day %s''', d, d);
            made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END $$;
COMMENT ON FUNCTION photo_partitions_create IS 'makes the missing partitions of photo_bytes for the days given';

CREATE FUNCTION photo_partition_drop(past_day integer, today integer) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '100ms' AS $$
BEGIN
    IF past_day >= today THEN
        RAISE EXCEPTION 'only partitions of past days are dropped';
    END IF;
    IF EXISTS (SELECT 1 FROM photo_copy c WHERE c.drop_day = past_day) THEN
        RETURN false;
    END IF;
    IF to_regclass(format('photo_bytes_%s', past_day)) IS NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('DROP TABLE photo_bytes_%s', past_day);
    RETURN true;
END $$;
COMMENT ON FUNCTION photo_partition_drop IS
    'drops one past partition that no copy points to any more; waits at most 100 ms for its lock';

-- ---------------------------------------------------------------- orders

CREATE TABLE orders (
    account_id        bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    order_id          uuid NOT NULL,
    state             text NOT NULL CHECK (state IN ('unpaid', 'paid', 'printing', 'shipped', 'delivered', 'closed')),
    close_reason      text CHECK (close_reason IN ('expired', 'cancelled', 'refunded')),
    kind              text NOT NULL CHECK (kind IN ('electronic', 'print', 'mixed')),
    amount_fen        fen NOT NULL CHECK (amount_fen > 0),
    accepts_no_refund boolean NOT NULL,
    created_at        timestamptz NOT NULL,
    expires_at        timestamptz NOT NULL,
    paid_at           timestamptz,
    photos_expire_at  timestamptz,
    promoted_at       timestamptz,
    shipped_at        timestamptz,
    delivered_at      timestamptz,
    closed_at         timestamptz,
    key_day           day NOT NULL,
    key_wrapped       wrapped_key NOT NULL,
    recipient_sealed  bytea CHECK (octet_length(recipient_sealed) BETWEEN 41 AND 8192),
    shipment_sealed   bytea CHECK (octet_length(shipment_sealed) BETWEEN 41 AND 1024),
    ip_sealed         bytea NOT NULL CHECK (octet_length(ip_sealed) BETWEEN 41 AND 128),
    PRIMARY KEY (account_id, order_id),
    CHECK ((state = 'closed') = (close_reason IS NOT NULL)),
    CHECK (state IN ('unpaid', 'closed') OR paid_at IS NOT NULL),
    CHECK ((paid_at IS NULL) = (photos_expire_at IS NULL)),
    CHECK (kind = 'electronic' OR recipient_sealed IS NOT NULL)
);
CREATE INDEX orders_expires ON orders (expires_at);
CREATE INDEX orders_key_day ON orders (key_day);
CREATE INDEX orders_unpromoted ON orders (paid_at) WHERE paid_at IS NOT NULL AND promoted_at IS NULL;
CREATE INDEX orders_by_id ON orders (order_id);
COMMENT ON TABLE orders IS 'an order: unpaid -> paid -> printing -> shipped -> delivered, or closed';
COMMENT ON COLUMN orders.account_id IS 'whose';
COMMENT ON COLUMN orders.order_id IS 'UUIDv7';
COMMENT ON COLUMN orders.state IS 'where it stands; each step is one guarded UPDATE';
COMMENT ON COLUMN orders.close_reason IS 'why it was closed';
COMMENT ON COLUMN orders.kind IS 'electronic, print or mixed';
COMMENT ON COLUMN orders.amount_fen IS 'price from the catalogue at creation';
COMMENT ON COLUMN orders.accepts_no_refund IS 'the person accepted that electronic photos are not refunded';
COMMENT ON COLUMN orders.created_at IS 'when it was made';
COMMENT ON COLUMN orders.expires_at IS 'unpaid: when it closes; paid: 30 days after the provider''s success time';
COMMENT ON COLUMN orders.paid_at IS 'the provider''s success time';
COMMENT ON COLUMN orders.photos_expire_at IS '7 days after the provider''s success time';
COMMENT ON COLUMN orders.promoted_at IS 'when keys and photo bytes were moved to their final days';
COMMENT ON COLUMN orders.shipped_at IS 'when the print was handed to the carrier';
COMMENT ON COLUMN orders.delivered_at IS 'when it arrived';
COMMENT ON COLUMN orders.closed_at IS 'when it was closed';
COMMENT ON COLUMN orders.key_day IS 'day after which the sealed columns cannot be read';
COMMENT ON COLUMN orders.key_wrapped IS 'data key of the sealed columns';
COMMENT ON COLUMN orders.recipient_sealed IS 'name, phone and address for the post';
COMMENT ON COLUMN orders.shipment_sealed IS 'carrier and tracking number';
COMMENT ON COLUMN orders.ip_sealed IS 'client address at order, for the accounting audit (policy 1.1.8)';

CREATE TABLE order_item (
    account_id bigint NOT NULL,
    order_id   uuid NOT NULL,
    item_no    integer NOT NULL CHECK (item_no >= 0),
    product    text NOT NULL CHECK (length(product) BETWEEN 1 AND 60),
    kind       text NOT NULL CHECK (kind IN ('electronic', 'print')),
    photo_id   uuid NOT NULL,
    quantity   integer NOT NULL CHECK (quantity BETWEEN 1 AND 100),
    price_fen  fen NOT NULL,
    PRIMARY KEY (account_id, order_id, item_no),
    FOREIGN KEY (account_id, order_id) REFERENCES orders ON DELETE CASCADE
);
CREATE INDEX order_item_photo ON order_item (account_id, photo_id);
COMMENT ON TABLE order_item IS 'what was ordered';
COMMENT ON COLUMN order_item.account_id IS 'whose';
COMMENT ON COLUMN order_item.order_id IS 'of which order';
COMMENT ON COLUMN order_item.item_no IS 'position, from 0';
COMMENT ON COLUMN order_item.product IS 'id of the catalogue';
COMMENT ON COLUMN order_item.kind IS 'electronic or print';
COMMENT ON COLUMN order_item.photo_id IS 'of which photo; the photo may be gone before the order';
COMMENT ON COLUMN order_item.quantity IS 'how many';
COMMENT ON COLUMN order_item.price_fen IS 'price of one';

-- ---------------------------------------------------------------- payments

CREATE TABLE payment (
    account_id     bigint NOT NULL,
    payment_id     uuid NOT NULL,
    order_id       uuid NOT NULL,
    channel        text NOT NULL CHECK (channel IN ('wechat', 'alipay')),
    method         text NOT NULL CHECK (method IN ('app', 'jsapi', 'h5', 'native', 'wap', 'page', 'qr')),
    merchant       text NOT NULL CHECK (length(merchant) BETWEEN 1 AND 64),
    appid          text NOT NULL CHECK (length(appid) BETWEEN 1 AND 64),
    out_trade_no   text NOT NULL CHECK (length(out_trade_no) = 22),
    amount_fen     fen NOT NULL CHECK (amount_fen > 0),
    state          text NOT NULL CHECK (state IN ('pending', 'succeeded', 'closed')),
    created_at     timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    asked_at       timestamptz,
    transaction_id text CHECK (length(transaction_id) BETWEEN 1 AND 64),
    succeeded_at   timestamptz,
    closed_at      timestamptz,
    key_day        day NOT NULL,
    key_wrapped    wrapped_key NOT NULL,
    ip_sealed      bytea NOT NULL CHECK (octet_length(ip_sealed) BETWEEN 41 AND 128),
    PRIMARY KEY (account_id, payment_id),
    FOREIGN KEY (account_id, order_id) REFERENCES orders ON DELETE CASCADE,
    CHECK ((state = 'succeeded') = (succeeded_at IS NOT NULL AND transaction_id IS NOT NULL))
);
CREATE INDEX payment_order ON payment (account_id, order_id);
CREATE INDEX payment_pending ON payment (expires_at) WHERE state = 'pending';
CREATE INDEX payment_key_day ON payment (key_day);
COMMENT ON TABLE payment IS 'an attempt to pay an order: pending -> succeeded | closed';
COMMENT ON COLUMN payment.account_id IS 'whose';
COMMENT ON COLUMN payment.payment_id IS 'UUIDv7';
COMMENT ON COLUMN payment.order_id IS 'of which order';
COMMENT ON COLUMN payment.channel IS 'payment provider';
COMMENT ON COLUMN payment.method IS 'the provider''s way of paying';
COMMENT ON COLUMN payment.merchant IS 'our mchid or seller_id that the attempt was made for';
COMMENT ON COLUMN payment.appid IS 'our appid or app_id that the attempt was made for';
COMMENT ON COLUMN payment.out_trade_no IS '22 random base62 characters';
COMMENT ON COLUMN payment.amount_fen IS 'what a success must carry';
COMMENT ON COLUMN payment.state IS 'where it stands';
COMMENT ON COLUMN payment.created_at IS 'committed before the provider is called';
COMMENT ON COLUMN payment.expires_at IS 'last moment the person can pay';
COMMENT ON COLUMN payment.asked_at IS 'when the provider was last asked about it';
COMMENT ON COLUMN payment.transaction_id IS 'the provider''s number of the trade';
COMMENT ON COLUMN payment.succeeded_at IS 'the provider''s success time';
COMMENT ON COLUMN payment.closed_at IS 'when it was found closed';
COMMENT ON COLUMN payment.key_day IS 'day after which the sealed columns cannot be read';
COMMENT ON COLUMN payment.key_wrapped IS 'data key of the sealed columns';
COMMENT ON COLUMN payment.ip_sealed IS 'client address at payment, for the accounting audit (policy 1.1.8)';

CREATE TABLE trade (
    out_trade_no text PRIMARY KEY CHECK (length(out_trade_no) = 22),
    account_id   bigint NOT NULL,
    payment_id   uuid NOT NULL,
    FOREIGN KEY (account_id, payment_id) REFERENCES payment ON DELETE CASCADE
);
CREATE INDEX trade_payment ON trade (account_id, payment_id);
COMMENT ON TABLE trade IS 'directory: finds a payment by the number the provider knows it by';
COMMENT ON COLUMN trade.out_trade_no IS 'the number';
COMMENT ON COLUMN trade.account_id IS 'whose';
COMMENT ON COLUMN trade.payment_id IS 'which attempt';

CREATE TABLE payer (
    account_id   bigint NOT NULL,
    order_id     uuid NOT NULL,
    out_trade_no text NOT NULL CHECK (length(out_trade_no) = 22),
    expires_at   timestamptz NOT NULL,
    key_day      day NOT NULL,
    key_wrapped  wrapped_key NOT NULL,
    payer_sealed bytea NOT NULL CHECK (octet_length(payer_sealed) BETWEEN 41 AND 4096),
    PRIMARY KEY (account_id, order_id, out_trade_no),
    FOREIGN KEY (account_id, order_id) REFERENCES orders ON DELETE CASCADE
);
CREATE INDEX payer_key_day ON payer (key_day);
COMMENT ON TABLE payer IS 'who paid, for the accounting audit (policy 1.1.8); goes with the order';
COMMENT ON COLUMN payer.account_id IS 'whose';
COMMENT ON COLUMN payer.order_id IS 'which order was paid';
COMMENT ON COLUMN payer.out_trade_no IS 'by which attempt; bound into the seal';
COMMENT ON COLUMN payer.expires_at IS '30 days after the provider''s success time';
COMMENT ON COLUMN payer.key_day IS 'day after which nobody can read it';
COMMENT ON COLUMN payer.key_wrapped IS 'data key of payer_sealed';
COMMENT ON COLUMN payer.payer_sealed IS 'openid, buyer_id or buyer_open_id, and the address the callback came from';

CREATE TABLE anomaly (
    anomaly_id     uuid PRIMARY KEY,
    channel        text NOT NULL CHECK (channel IN ('wechat', 'alipay')),
    kind           text NOT NULL CHECK (kind IN ('amount', 'currency', 'merchant', 'application', 'channel',
                                                 'success-time', 'unknown-trade', 'late', 'second')),
    out_trade_no   text NOT NULL CHECK (length(out_trade_no) <= 64),
    transaction_id text NOT NULL CHECK (length(transaction_id) <= 64),
    amount_fen     bigint NOT NULL,
    recorded_at    timestamptz NOT NULL,
    resolved_at    timestamptz,
    UNIQUE (channel, transaction_id, kind)
);
COMMENT ON TABLE anomaly IS 'verified successes that do not fit: acknowledged, alarmed, never delivered';
COMMENT ON COLUMN anomaly.anomaly_id IS 'UUIDv7';
COMMENT ON COLUMN anomaly.channel IS 'payment provider';
COMMENT ON COLUMN anomaly.kind IS 'what did not fit';
COMMENT ON COLUMN anomaly.out_trade_no IS 'our number as the provider said it';
COMMENT ON COLUMN anomaly.transaction_id IS 'the provider''s number';
COMMENT ON COLUMN anomaly.amount_fen IS 'the amount the provider said';
COMMENT ON COLUMN anomaly.recorded_at IS 'when it was found';
COMMENT ON COLUMN anomaly.resolved_at IS 'when it was settled';

CREATE TABLE ledger_entry (
    entry_id       uuid PRIMARY KEY,
    kind           text NOT NULL CHECK (kind IN ('payment', 'refund')),
    channel        text NOT NULL CHECK (channel IN ('wechat', 'alipay')),
    merchant       text NOT NULL CHECK (length(merchant) BETWEEN 1 AND 64),
    transaction_id text NOT NULL CHECK (length(transaction_id) BETWEEN 1 AND 64),
    out_trade_no   text NOT NULL CHECK (length(out_trade_no) BETWEEN 1 AND 64),
    amount_fen     fen NOT NULL,
    occurred_at    timestamptz NOT NULL,
    recorded_at    timestamptz NOT NULL,
    day            day NOT NULL,
    UNIQUE (channel, kind, transaction_id)
);
CREATE INDEX ledger_entry_day ON ledger_entry (day, recorded_at);
COMMENT ON TABLE ledger_entry IS 'money in and out, without identity; 10 years; the service can only add';
COMMENT ON COLUMN ledger_entry.entry_id IS 'UUIDv7';
COMMENT ON COLUMN ledger_entry.kind IS 'payment or refund';
COMMENT ON COLUMN ledger_entry.channel IS 'payment provider';
COMMENT ON COLUMN ledger_entry.merchant IS 'our mchid or seller_id';
COMMENT ON COLUMN ledger_entry.transaction_id IS 'the provider''s number of the trade';
COMMENT ON COLUMN ledger_entry.out_trade_no IS 'our number of the trade';
COMMENT ON COLUMN ledger_entry.amount_fen IS 'amount';
COMMENT ON COLUMN ledger_entry.occurred_at IS 'the provider''s time';
COMMENT ON COLUMN ledger_entry.recorded_at IS 'our time';
COMMENT ON COLUMN ledger_entry.day IS 'day of occurred_at';

-- ---------------------------------------------------------------- operation

CREATE TABLE operator (
    operator_id uuid PRIMARY KEY,
    name        text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,39}$'),
    role        text NOT NULL CHECK (role IN ('fulfilment', 'support', 'finance', 'auditor', 'admin')),
    token_no    bigint NOT NULL UNIQUE,
    token_hash  bytea NOT NULL CHECK (octet_length(token_hash) = 32),
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    revoked_at  timestamptz
);
COMMENT ON TABLE operator IS 'our own staff and scripts; only the token''s hash is here';
COMMENT ON COLUMN operator.operator_id IS 'UUIDv7';
COMMENT ON COLUMN operator.name IS 'login name';
COMMENT ON COLUMN operator.role IS 'what the operator may do';
COMMENT ON COLUMN operator.token_no IS 'random number inside the token, to find the row by';
COMMENT ON COLUMN operator.token_hash IS 'BLAKE2b of the whole token';
COMMENT ON COLUMN operator.created_at IS 'when the token was given out';
COMMENT ON COLUMN operator.expires_at IS '90 days later';
COMMENT ON COLUMN operator.revoked_at IS 'when it was revoked';

CREATE TABLE audit_log (
    audit_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL,
    actor       text NOT NULL CHECK (actor IN ('operator', 'account', 'provider', 'job')),
    operator_id uuid,
    pseudonym   bytea CHECK (octet_length(pseudonym) = 16),
    action      text NOT NULL CHECK (length(action) BETWEEN 1 AND 60),
    object_id   uuid,
    purpose     text CHECK (purpose IN ('fulfilment', 'support', 'refund', 'audit', 'legal', 'incident')),
    purpose_id  text CHECK (length(purpose_id) <= 40),
    CHECK ((actor = 'operator') = (operator_id IS NOT NULL))
);
CREATE INDEX audit_log_at ON audit_log (at);
COMMENT ON TABLE audit_log IS 'who did what and why, without values; 3 years; the service can only add';
COMMENT ON COLUMN audit_log.audit_id IS 'counts up';
COMMENT ON COLUMN audit_log.at IS 'when';
COMMENT ON COLUMN audit_log.actor IS 'kind of actor';
COMMENT ON COLUMN audit_log.operator_id IS 'which operator';
COMMENT ON COLUMN audit_log.pseudonym IS 'whose data: account.pseudonym';
COMMENT ON COLUMN audit_log.action IS 'what was done';
COMMENT ON COLUMN audit_log.object_id IS 'to which order, photo or payment';
COMMENT ON COLUMN audit_log.purpose IS 'purpose code an operator gave';
COMMENT ON COLUMN audit_log.purpose_id IS 'order or request the purpose names';

CREATE TABLE receipt (
    receipt_id uuid PRIMARY KEY,
    erased_at  timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    photos     integer NOT NULL CHECK (photos >= 0),
    orders     integer NOT NULL CHECK (orders >= 0),
    requests   integer NOT NULL CHECK (requests >= 0),
    consents   integer NOT NULL CHECK (consents >= 0),
    last_day   day NOT NULL
);
COMMENT ON TABLE receipt IS 'what an account''s erasure did; names nobody';
COMMENT ON COLUMN receipt.receipt_id IS 'random id, known to the person alone';
COMMENT ON COLUMN receipt.erased_at IS 'when';
COMMENT ON COLUMN receipt.expires_at IS 'when the receipt goes';
COMMENT ON COLUMN receipt.photos IS 'photos erased';
COMMENT ON COLUMN receipt.orders IS 'orders erased';
COMMENT ON COLUMN receipt.requests IS 'requests erased';
COMMENT ON COLUMN receipt.consents IS 'consents erased';
COMMENT ON COLUMN receipt.last_day IS 'when the ratchet has passed this day, backups hold noise as well';

CREATE TABLE instance (
    host        text PRIMARY KEY CHECK (length(host) BETWEEN 1 AND 255),
    ratchet_day day NOT NULL,
    seen_at     timestamptz NOT NULL
);
COMMENT ON TABLE instance IS 'hosts that hold a copy of the ratchet; a day is erased when all have stepped';
COMMENT ON COLUMN instance.host IS 'host name';
COMMENT ON COLUMN instance.ratchet_day IS 'day of its ratchet';
COMMENT ON COLUMN instance.seen_at IS 'when it last said so';

CREATE TABLE job_run (
    job         text NOT NULL CHECK (length(job) BETWEEN 1 AND 40),
    started_at  timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    host        text NOT NULL,
    outcome     text NOT NULL CHECK (outcome IN ('ok', 'held', 'failed')),
    rows        bigint NOT NULL CHECK (rows >= 0),
    photos      bigint NOT NULL DEFAULT 0 CHECK (photos >= 0),
    orders      bigint NOT NULL DEFAULT 0 CHECK (orders >= 0),
    accounts    bigint NOT NULL DEFAULT 0 CHECK (accounts >= 0)
);
CREATE INDEX job_run_last ON job_run (job, started_at DESC);
CREATE INDEX job_run_started ON job_run (started_at);
COMMENT ON TABLE job_run IS 'what the jobs did; 3 years for runs that erased something, 7 days for the others';
COMMENT ON COLUMN job_run.job IS 'job name';
COMMENT ON COLUMN job_run.started_at IS 'from';
COMMENT ON COLUMN job_run.finished_at IS 'to';
COMMENT ON COLUMN job_run.host IS 'where it ran';
COMMENT ON COLUMN job_run.outcome IS 'ok; held by the clock guard or the ratchet; failed';
COMMENT ON COLUMN job_run.rows IS 'rows it changed or deleted';
COMMENT ON COLUMN job_run.photos IS 'photo copies deleted';
COMMENT ON COLUMN job_run.orders IS 'orders deleted';
COMMENT ON COLUMN job_run.accounts IS 'accounts deleted';

-- The service may only add to ledger and audit log; what is past its years goes by the server's own
-- clock, which no caller can shift.
CREATE FUNCTION books_trim(batch bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    gone bigint;
    total bigint := 0;
BEGIN
    DELETE FROM audit_log WHERE audit_id IN (SELECT audit_id FROM audit_log
        WHERE at < now() - interval '3 years' LIMIT batch);
    GET DIAGNOSTICS gone = ROW_COUNT;
    total := total + gone;
    DELETE FROM ledger_entry WHERE entry_id IN (SELECT entry_id FROM ledger_entry
        WHERE occurred_at < now() - interval '10 years' LIMIT batch);
    GET DIAGNOSTICS gone = ROW_COUNT;
    total := total + gone;
    DELETE FROM anomaly WHERE anomaly_id IN (SELECT anomaly_id FROM anomaly
        WHERE recorded_at < now() - interval '10 years' LIMIT batch);
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN total + gone;
END $$;
COMMENT ON FUNCTION books_trim IS
    'deletes audit rows after 3 years and ledger rows after 10, by the server''s own clock';

-- ---------------------------------------------------------------- the application's rights

GRANT USAGE ON SCHEMA public TO idphotod_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON account, session, consent, idempotency, photo, photo_copy, orders,
    order_item, payment, trade, payer, receipt, instance, job_run, operator, anomaly TO idphotod_app;
GRANT SELECT, INSERT, DELETE ON photo_bytes TO idphotod_app;
GRANT SELECT, INSERT ON ledger_entry, audit_log TO idphotod_app;
GRANT SELECT ON schema_migration TO idphotod_app;
REVOKE ALL ON FUNCTION photo_partitions_create, photo_partition_drop, books_trim FROM PUBLIC;
GRANT EXECUTE ON FUNCTION photo_partitions_create, photo_partition_drop, books_trim TO idphotod_app;
