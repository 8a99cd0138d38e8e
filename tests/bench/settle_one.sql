-- SPDX-License-Identifier: MIT
-- What settles one payment: as the server would do it if it had one statement for each callback, and
-- did until callbacks shared one. pgbench runs this, and not the server's own statement, whose arrays
-- of one element would only slow pgbench down. The checks after the bench hold what both have written
-- against the same rules.
--
-- $1 out_trade_no  $2 channel  $3 transaction_id  $4 amount_fen  $5 currency  $6 merchant
-- $7 appid  $8 success time or NULL  $9 now  $10 merchant is ours  $11 photo life  $12 order life
-- $13 payer's key_day  $14 its key_wrapped  $15 payer_sealed  $16 anomaly id  $17 ledger id
WITH hit AS (SELECT p.account_id, p.payment_id, p.order_id, p.channel, p.merchant, p.appid,
  p.amount_fen, p.state, p.transaction_id, o.state AS order_state, a.pseudonym,
  coalesce($8 BETWEEN p.created_at - interval '5 minutes' AND $9::timestamptz + interval '5 minutes', false) AS timely
  FROM trade t JOIN payment p USING (account_id, order_id, payment_id)
  JOIN orders o ON o.account_id = p.account_id AND o.order_id = p.order_id
  JOIN account a ON a.account_id = p.account_id
  WHERE t.out_trade_no = $1 FOR UPDATE OF p, o),
 known AS (SELECT 1 FROM ledger_entry WHERE channel = $2 AND kind = 'payment'
  AND transaction_id = $3),
 verdict AS (SELECT hit.*, CASE WHEN timely OR hit.payment_id IS NULL THEN coalesce($8, $9)
  ELSE $9 END AS paid_at, CASE
  WHEN hit.state = 'succeeded' AND hit.transaction_id = $3 AND hit.channel = $2
  THEN 'duplicate'
  WHEN hit.payment_id IS NULL AND EXISTS (SELECT 1 FROM known) THEN 'duplicate'
  WHEN hit.payment_id IS NULL THEN 'unknown-trade'
  WHEN hit.channel <> $2 THEN 'channel'
  WHEN hit.merchant <> $6 THEN 'merchant'
  WHEN hit.appid <> $7 THEN 'application'
  WHEN $5 <> 'CNY' THEN 'currency'
  WHEN hit.amount_fen <> $4 THEN 'amount'
  WHEN EXISTS (SELECT 1 FROM known) THEN 'duplicate'
  WHEN hit.state = 'closed' OR hit.order_state = 'closed' THEN 'late'
  WHEN hit.state = 'succeeded' OR hit.order_state <> 'unpaid' THEN 'second'
  ELSE 'success' END AS word
  FROM (SELECT 1) one LEFT JOIN hit ON true),
 paid AS (UPDATE payment p SET
  state = CASE p.state WHEN 'pending' THEN 'succeeded' ELSE p.state END,
  transaction_id = CASE p.state WHEN 'pending' THEN $3 END,
  succeeded_at = CASE p.state WHEN 'pending' THEN v.paid_at END, payer_expires_at = v.paid_at + $12,
  payer_key_day = $13, payer_key_wrapped = $14, payer_sealed = $15
  FROM verdict v WHERE p.account_id = v.account_id AND p.order_id = v.order_id AND p.payment_id = v.payment_id
  AND p.payer_sealed IS NULL AND v.word IN ('success', 'late', 'second')),
 ordered AS (UPDATE orders o SET state = 'paid', paid_at = v.paid_at,
  expires_at = v.paid_at + $12, photos_expire_at = v.paid_at + $11 FROM verdict v
  WHERE o.account_id = v.account_id AND o.order_id = v.order_id AND o.state = 'unpaid'
  AND v.word = 'success'),
 entered AS (INSERT INTO ledger_entry (entry_id, kind, channel, merchant, transaction_id,
  out_trade_no, amount_fen, occurred_at, recorded_at, day, appid)
  SELECT $17, 'payment', $2, $6, $3, $1, $4, paid_at, $9,
  floor((extract(epoch FROM paid_at) + 28800) / 86400), appid FROM verdict
  WHERE $10 AND $5 = 'CNY' AND word IN ('success', 'late', 'second', 'amount', 'unknown-trade')
  AND NOT EXISTS (SELECT 1 FROM known)),
 odd AS (INSERT INTO anomaly (anomaly_id, channel, kind, out_trade_no, transaction_id,
  amount_fen, recorded_at) SELECT $16, $2,
  CASE WHEN word = 'success' THEN 'success-time' ELSE word END, $1, $3, $4, $9 FROM verdict
  WHERE word NOT IN ('success', 'duplicate') OR (word = 'success' AND NOT timely)
  ON CONFLICT DO NOTHING RETURNING 1),
 told AS (INSERT INTO audit_log (at, actor, pseudonym, action, object_id)
  SELECT $9, 'provider', pseudonym, 'payment.' || word, payment_id FROM verdict
  WHERE word = 'success' OR EXISTS (SELECT 1 FROM odd))
SELECT word, coalesce(timely, true) FROM verdict
