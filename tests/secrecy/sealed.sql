-- Everything that is sealed, one line a row, for tests/secrecy/try_open.c:
-- table, account_id, row's name (uuid, or text: for a hash of a text), wrapped key, then column and
-- ciphertext for each sealed column.
COPY (
SELECT * FROM (
    SELECT 'account', account_id, '00000000-0000-0000-0000-000000000000', encode(key_wrapped, 'hex'),
        'guardian_sealed', encode(guardian_sealed, 'hex')
    FROM account WHERE key_wrapped IS NOT NULL
    UNION ALL SELECT 'idempotency', account_id, encode(substr(key_hash, 1, 16), 'hex')::uuid::text,
        encode(key_wrapped, 'hex'), 'answer_sealed', encode(answer_sealed, 'hex')
    FROM idempotency WHERE key_wrapped IS NOT NULL
    UNION ALL SELECT 'photo', c.account_id, c.photo_id::text, encode(c.key_wrapped, 'hex'),
        'sealed', encode(b.sealed, 'hex')
    FROM photo_copy c LEFT JOIN photo_bytes b USING (drop_day, account_id, photo_id, purpose)
    UNION ALL SELECT 'orders', account_id, order_id::text, encode(key_wrapped, 'hex'), s.name,
        encode(s.sealed, 'hex')
    FROM orders CROSS JOIN LATERAL (VALUES ('recipient_sealed', recipient_sealed),
        ('shipment_sealed', shipment_sealed), ('ip_sealed', ip_sealed)) s (name, sealed)
    WHERE s.sealed IS NOT NULL
    UNION ALL SELECT 'payment', account_id, payment_id::text, encode(key_wrapped, 'hex'),
        'ip_sealed', encode(ip_sealed, 'hex') FROM payment
    UNION ALL SELECT 'wechat_binding', account_id, 'text:' || appid, encode(key_wrapped, 'hex'),
        'openid_sealed', encode(openid_sealed, 'hex') FROM wechat_binding
    UNION ALL SELECT 'payer', 0, 'text:' || out_trade_no, encode(key_wrapped, 'hex'),
        'payer_sealed', encode(payer_sealed, 'hex') FROM payer
) sealed
) TO STDOUT;
