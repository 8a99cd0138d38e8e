// SPDX-License-Identifier: MIT
// Writes the vectors of this folder by node:crypto and the openssl command line.
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { execFileSync } from 'node:child_process';

const here = path.dirname(new URL(import.meta.url).pathname);
const file = (name) => path.join(here, name);
const openssl = (args, input) => execFileSync('openssl', args, { input, encoding: 'utf8' });

// ---- keys ----
const keys = fs.existsSync(file('keys.json')) ? JSON.parse(fs.readFileSync(file('keys.json'))).keys : {};
const pemOf = (id) => keys[id].pem;
function rsaPair(name, bits) {
  if (keys[`${name}_private`]) return;
  const pem = openssl(['genpkey', '-algorithm', 'RSA', '-pkeyopt', `rsa_keygen_bits:${bits}`]);
  keys[`${name}_private`] = { type: 'private', pem };
  keys[`${name}_public`] = { type: 'public', pem: openssl(['pkey', '-pubout'], pem) };
}
function certificate(name, serial) {
  if (keys[`${name}_certificate`]) return;
  const key = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'vec-')), 'key.pem');
  fs.writeFileSync(key, pemOf(`${name}_private`), { mode: 0o600 });
  keys[`${name}_certificate`] = {
    type: 'cert',
    pem: openssl(['req', '-x509', '-new', '-key', key, '-subj', `/CN=test only ${name}`, '-days',
      '36500', '-set_serial', `0x${serial}`, '-sha256']),
  };
  fs.rmSync(path.dirname(key), { recursive: true });
}
const PLATFORM_SERIAL = '0CA1B2C3D4E5F60718293A4B5C6D7E8F90A1B2C3';
rsaPair('merchant', 2048);
rsaPair('platform', 2048);
rsaPair('wechatpay', 3072);
rsaPair('small', 1024);
if (!keys.merchant_private_pkcs1)
  keys.merchant_private_pkcs1 = { type: 'private', pem: openssl(['rsa', '-traditional'], pemOf('merchant_private')) };
if (!keys.curve_private)
  keys.curve_private = { type: 'private', pem: openssl(['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256']) };
certificate('platform', PLATFORM_SERIAL);
fs.writeFileSync(file('keys.json'), JSON.stringify({ description: 'Test-only keys. Never use one.', keys }, null, 1) + '\n');

// ---- tools ----
const PUB_KEY_ID = 'PUB_KEY_ID_0100000000002026010100000000000001';
const API_KEY = 'test-only-api-v3-key-of-32-bytes';
const MCHID = '1230000109', APPID = 'wx1234567890abcdef';
const sign = (key, text) => crypto.sign('sha256', Buffer.from(text), pemOf(key)).toString('base64');
function seal(key, nonce, aad, plain) {
  const c = crypto.createCipheriv(key.length === 16 ? 'aes-128-gcm' : 'aes-256-gcm', key, nonce);
  if (aad) c.setAAD(Buffer.from(aad));
  return Buffer.concat([c.update(plain), c.final(), c.getAuthTag()]).toString('base64');
}
const out = {};
function add(name, kind, id, inputs, expected, more = {}) {
  (out[name] ??= []).push({ id, kind, ...more, inputs, expected });
}
function save() {
  for (const [name, vectors] of Object.entries(out))
    fs.writeFileSync(file(`${name}.json`), JSON.stringify({ vectors }, null, 1) + '\n');
}
const flip = (text) => (text[0] === 'A' ? 'B' : 'A') + text.slice(1);

// ---- signatures, keys ----
for (const message of ['', 'source', '中文\n'])
  add('rsa', 'rsa.sha256.sign', `rsa-sign-${message.length}`, { private_key: 'merchant_private', message }, { signature: sign('merchant_private', message) });
add('keys_and_certs', 'x509.serial', 'serial-leading-zero', { cert: 'platform_certificate' }, { serial_hex_upper: PLATFORM_SERIAL });
add('keys_and_certs', 'x509.public_key', 'certificate-key', { cert: 'platform_certificate' },
  { spki_base64: crypto.createPublicKey(pemOf('platform_public')).export({ type: 'spki', format: 'der' }).toString('base64') });
for (const [type, id] of [['private', 'merchant_private'], ['public', 'merchant_public'], ['certificate', 'platform_certificate']]) {
  add('keys_and_certs', 'pem.load', `pem-${type}`, { type, text: pemOf(id) }, { strict_ok: true });
  add('keys_and_certs', 'pem.load', `bare-${type}`, { type, text: pemOf(id).replace(/-----.*-----\n?/g, '') }, { strict_ok: false });
}
add('keys_and_certs', 'pem.load', 'pem-small', { type: 'private', text: pemOf('small_private') }, { strict_ok: false });
add('keys_and_certs', 'pem.load', 'pem-curve', { type: 'private', text: pemOf('curve_private') }, { strict_ok: false });
add('keys_and_certs', 'pem.load', 'pem-wrong-slot', { type: 'public', text: pemOf('merchant_private') }, { strict_ok: false });

// ---- AES-GCM ----
for (const [id, key, nonce, aad, plaintext] of [
  ['plain', API_KEY, 'abcdefghijkl', 'transaction', 'message'],
  ['empty', API_KEY, 'abcdefghijkl', '', ''],
  ['short-key', API_KEY.slice(0, 16), 'abcdefghijkl', 'x', '中文'],
  ['long-nonce', API_KEY, 'abcdefghijklmnop', 'x', 'y'],
]) {
  const ciphertext = seal(key, nonce, aad, plaintext);
  const base = { key, nonce, associated_data: aad };
  add('aes_gcm', 'aes.gcm.encrypt', `gcm-seal-${id}`, { ...base, plaintext }, { ciphertext });
  add('aes_gcm', 'aes.gcm.decrypt', `gcm-open-${id}`, { ...base, ciphertext }, { valid: true, plaintext });
  add('aes_gcm', 'aes.gcm.decrypt', `gcm-flip-${id}`, { ...base, ciphertext: flip(ciphertext) }, { valid: false });
  add('aes_gcm', 'aes.gcm.decrypt', `gcm-aad-${id}`, { ...base, associated_data: `${aad}!`, ciphertext }, { valid: false });
}
const resource = (plain, kind = 'transaction', nonce = 'abcdefghijkl') => ({
  original_type: kind, algorithm: 'AEAD_AES_256_GCM', ciphertext: seal(API_KEY, nonce, kind, plain), associated_data: kind, nonce });
for (const [id, change, valid] of [
  ['ok', {}, true], ['algorithm', { algorithm: 'AEAD_SM4_GCM' }, false], ['nonce-11', { nonce: 'abcdefghijk' }, false],
  ['nonce-16', resource('x', 'transaction', 'abcdefghijklmnop'), false], ['nonce-number', { nonce: 123456789012 }, false], ['short', { ciphertext: 'AAAA' }, false],
  ['white-space', { ciphertext: ` ${resource('x').ciphertext}` }, false], ['aad-null', { associated_data: null }, false],
  ['aad-other', { associated_data: 'refund' }, false],
])
  add('aes_gcm', 'wechat.resource.decrypt', `resource-${id}`, { resource: { ...resource('x'), ...change }, apiv3_key: API_KEY }, valid ? { valid, plaintext: 'x' } : { valid });

// ---- requests ----
const T = '1767234800', N = '593BEC0C930BF1AFEB40B4A08C8FB242';
for (const [id, method, url, body] of [
  ['get', 'GET', `/v3/pay/transactions/out-trade-no/A%7C1?mchid=${MCHID}`, ''],
  ['post', 'POST', '/v3/pay/transactions/app', '{"description":"证件照"}'],
  ['post-lf', 'POST', '/v3/x', 'body\n'],
]) {
  const message = [method, url, T, N, body].map((line) => `${line}\n`).join('');
  const signature = sign('merchant_private', message);
  const header = `WECHATPAY2-SHA256-RSA2048 mchid="${MCHID}",serial_no="5157F09EFDC0",timestamp="${T}",nonce_str="${N}",signature="${signature}"`;
  add('wechat_request_sign', 'wechat.sign.message', `message-${id}`, { method, canonical_url: url, timestamp: T, nonce: N, body }, { message });
  add('wechat_request_sign', 'wechat.sign.authorization', `authorization-${id}`, { private_key: 'merchant_private', message, mchid: MCHID, serial_no: '5157F09EFDC0', timestamp: T, nonce: N }, { signature, header });
  add('wechat_request_sign', 'wechat.authorization.format', `header-${id}`, { scheme: 'WECHATPAY2-SHA256-RSA2048', mchid: MCHID, nonce_str: N, timestamp: T, serial_no: '5157F09EFDC0', signature }, { header });
}
for (const trade of ['APP', 'JSAPI']) {
  const prepay_id = 'wx261122215806210000000000000000';
  const message = `${APPID}\n${T}\n${N}\n${trade === 'JSAPI' ? 'prepay_id=' : ''}${prepay_id}\n`;
  add('wechat_paysign', 'wechat.paysign', `paysign-${trade}`, { trade, appid: APPID, partnerid: MCHID, timestamp: T, nonce: N, prepay_id, private_key: 'merchant_private' }, { message, signature: sign('merchant_private', message) });
}

// ---- answers ----
const trust = { [PLATFORM_SERIAL]: 'platform_certificate', [PUB_KEY_ID]: 'wechatpay_public' };
const now = 1767234899, sent = `${now - 2}`;
const signedHeaders = (body, more = {}, key = 'wechatpay_private', serial = PUB_KEY_ID) => ({
  'Wechatpay-Timestamp': sent, 'Wechatpay-Nonce': N, 'Wechatpay-Serial': serial,
  'Wechatpay-Signature': sign(key, `${sent}\n${N}\n${body}\n`), ...more });
add('wechat_verify', 'wechat.verify.message', 'verify-message', { timestamp: sent, nonce: N, body: '{}' }, { message: `${sent}\n${N}\n{}\n` });
add('wechat_verify', 'wechat.verify.message', 'verify-message-204', { timestamp: sent, nonce: N, body: '' }, { message: `${sent}\n${N}\n\n` });
for (const [id, serial, message, signature, valid] of [
  ['certificate', PLATFORM_SERIAL, 'm', sign('platform_private', 'm'), true],
  ['public-key', PUB_KEY_ID, 'm', sign('wechatpay_private', 'm'), true],
  ['other-key', PUB_KEY_ID, 'm', sign('platform_private', 'm'), false],
  ['other-message', PUB_KEY_ID, 'n', sign('wechatpay_private', 'm'), false],
  ['unknown', 'ABCDEF', 'm', sign('wechatpay_private', 'm'), false],
  ['line-break', PUB_KEY_ID, 'm', sign('wechatpay_private', 'm').replace(/^(.{64})/, '$1\n'), false],
  ['sha1', PUB_KEY_ID, 'm', crypto.sign('sha1', Buffer.from('m'), pemOf('wechatpay_private')).toString('base64'), false],
  ['pss', PUB_KEY_ID, 'm', crypto.sign('sha256', Buffer.from('m'), { key: pemOf('wechatpay_private'), padding: crypto.constants.RSA_PKCS1_PSS_PADDING }).toString('base64'), false],
])
  add('wechat_verify', 'wechat.verify.raw', `raw-${id}`, { keys: trust, serial, message, signature }, { valid });
const answer = '{"prepay_id":"wx1"}';
for (const [id, headers, body, at, valid] of [
  ['ok', signedHeaders(answer), answer, now, true],
  ['204', signedHeaders(''), '', now, true],
  ['old', signedHeaders(answer), answer, now + 299, false],
  ['future', signedHeaders(answer), answer, now - 303, false],
  ['unsigned', { 'Wechatpay-Timestamp': sent, 'Wechatpay-Nonce': N, 'Wechatpay-Serial': PUB_KEY_ID }, answer, now, false],
])
  add('wechat_verify', 'wechat.verify.http', `http-${id}`, { headers, body, keys: trust, now: at }, { valid });

// ---- callbacks ----
const transaction = (more = {}) => JSON.stringify({
  mchid: MCHID, appid: APPID, out_trade_no: 'aB3dE6gH9jK2mN5pQ8sT1v', transaction_id: '4200002000202601010000000001',
  trade_type: 'JSAPI', trade_state: 'SUCCESS', trade_state_desc: '支付成功', bank_type: 'OTHERS', attach: '',
  success_time: '2026-01-01T10:34:56+08:00', payer: { openid: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o' },
  amount: { total: 990, payer_total: 990, currency: 'CNY', payer_currency: 'CNY' }, ...more });
const envelope = (event_type, r) => JSON.stringify({ id: 'EV-2026010110345600000000001', create_time: '2026-01-01T10:34:57+08:00', resource_type: 'encrypt-resource', event_type, summary: '支付成功', resource: r });
const notice = (id, body, expected, headers = signedHeaders(body), more = {}) =>
  add('wechat_notify', 'wechat.notify', `notice-${id}`, { headers, body, keys: trust, apiv3_key: API_KEY, now, ...more }, expected);
const paid = envelope('TRANSACTION.SUCCESS', resource(transaction()));
const good = { valid: true, plaintext: transaction(), event_type: 'TRANSACTION.SUCCESS', id: 'EV-2026010110345600000000001' };
notice('ok', paid, good);
notice('certificate', paid, good, signedHeaders(paid, {}, 'platform_private', PLATFORM_SERIAL));
notice('signature-type', paid, good, signedHeaders(paid, { 'Wechatpay-Signature-Type': 'WECHATPAY2-SHA256-RSA2048' }));
notice('sm2', paid, { valid: false, stage: 'signature_type' }, signedHeaders(paid, { 'Wechatpay-Signature-Type': 'WECHATPAY2-SM2-WITH-SM3' }));
notice('probe', paid, { valid: false, stage: 'signtest' }, signedHeaders(paid, { 'Wechatpay-Signature': `WECHATPAY/SIGNTEST/${sign('wechatpay_private', 'x')}` }));
notice('timestamp-text', paid, { valid: false, stage: 'headers' }, signedHeaders(paid, { 'Wechatpay-Timestamp': `${sent} ` }));
notice('old', paid, { valid: false, stage: 'timestamp' }, undefined, { now: now + 299 });
notice('serial', paid, { valid: false, stage: 'serial' }, signedHeaders(paid, { 'Wechatpay-Serial': 'ABCDEF' }));
notice('body', `${paid} `, { valid: false, stage: 'signature' }, signedHeaders(paid));
const doubled = paid.replace('"summary"', '"event_type":"REFUND.SUCCESS","summary"');
notice('doubled-member', doubled, { valid: false, stage: 'json' });
notice('trailing', `${paid}{}`, { valid: false, stage: 'json' });
const wrongKey = envelope('TRANSACTION.SUCCESS', { ...resource(transaction()), ciphertext: seal(flip(API_KEY), 'abcdefghijkl', 'transaction', transaction()) });
notice('wrong-key', wrongKey, { valid: false, stage: 'decrypt' });
const refund = JSON.stringify({ mchid: MCHID, out_trade_no: 'aB3dE6gH9jK2mN5pQ8sT1v', transaction_id: '4200002000202601010000000001', out_refund_no: 'R1', refund_id: '50200207182018070300011301001', refund_status: 'SUCCESS', success_time: '2026-01-02T10:34:56+08:00', user_received_account: '支付用户零钱', amount: { total: 990, refund: 990, payer_total: 990, payer_refund: 990 } });
const refunded = envelope('REFUND.SUCCESS', resource(refund, 'refund'));
notice('refund', refunded, { valid: true, plaintext: refund, event_type: 'REFUND.SUCCESS' });

// ---- the list of certificates ----
const listed = (serial_no) => JSON.stringify({ data: [{ serial_no, effective_time: '2026-01-01T00:00:00+08:00', expire_time: '2031-01-01T00:00:00+08:00',
  encrypt_certificate: { algorithm: 'AEAD_AES_256_GCM', nonce: 'abcdefghijkl', associated_data: 'certificate', ciphertext: seal(API_KEY, 'abcdefghijkl', 'certificate', pemOf('platform_certificate')) } }] });
for (const [id, serial_no] of [['ok', PLATFORM_SERIAL], ['other-serial', 'ABCD']])
  add('wechat_certificates', 'wechat.certificates', `certificates-${id}`, { body: listed(serial_no), apiv3_key: API_KEY },
    { certs: [{ serial_no, effective_time: '2026-01-01T00:00:00+08:00', expire_time: '2031-01-01T00:00:00+08:00', same_public_key_as: 'platform_certificate' }], serial_matches_x509: serial_no === PLATFORM_SERIAL });

// ---- against our own payment ----
const order = { channel: 'wechat', appid_allow: [APPID, 'wx0000000000000001'], mchid: MCHID, out_trade_no: 'aB3dE6gH9jK2mN5pQ8sT1v', amount_fen: 990, currency: 'CNY', state: 'pending' };
const paidOrder = { ...order, state: 'paid', transaction_id: '4200002000202601010000000001' };
for (const [id, o, plaintext, action, reason] of [
  ['ok', order, transaction(), 'mark_paid'],
  ['amount', order, transaction({ amount: { total: 989, currency: 'CNY' } }), 'reject', 'amount'],
  ['amount-text', order, transaction({ amount: { total: '990', currency: 'CNY' } }), 'reject', 'type'],
  ['amount-real', order, transaction({ amount: { total: 1, currency: 'CNY' } }).replace('"total":1', '"total":990.0'), 'reject', 'type'],
  ['currency', order, transaction({ amount: { total: 990, currency: 'USD' } }), 'reject', 'currency'],
  ['mchid', order, transaction({ mchid: '1230000110' }), 'reject', 'mchid'],
  ['appid', order, transaction({ appid: 'wx9999999999999999' }), 'reject', 'appid'],
  ['number', order, transaction({ out_trade_no: 'another' }), 'reject', 'out_trade_no'],
  ['pending', order, transaction({ trade_state: 'USERPAYING' }), 'ignore'],
  ['closed', order, transaction({ trade_state: 'CLOSED' }), 'not_a_payment'],
  ['closed-late', paidOrder, transaction({ trade_state: 'CLOSED' }), 'no_regress'],
  ['duplicate', paidOrder, transaction(), 'duplicate_ok'],
  ['second', paidOrder, transaction({ transaction_id: '4200002000202601010000000002' }), 'refund_extra'],
])
  add('wechat_business', 'wechat.business', `business-${id}`, { order: o, plaintext }, reason ? { action, reason } : { action });

// ---- the bill of a day; layout of the provider's document, made-up lines ----
const columns = '交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注';
const summary = '总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额';
const ticked = (cells) => cells.map((cell) => `\`${cell}`).join(',');
const billLine = (no, state, paid, refunded) => ticked(['2026-01-01 10:34:56', APPID, MCHID, '0', '', `420000200020260101000000000${no}`, `number-${no}`, 'openid', 'JSAPI', state, 'OTHERS', 'CNY', paid, '0.00', '0', state === 'REFUND' ? `R${no}` : '0', refunded, '0.00', '', state === 'REFUND' ? 'SUCCESS' : '', '证件照, 一寸', '', '0.00000', '0.60%', paid, refunded, '']);
const bill = `\ufeff${[columns, billLine(1, 'SUCCESS', '9.90', '0.00'), billLine(2, 'REFUND', '0.00', '5.00'), summary, ticked(['2.0', '9.90', '5.00', '0.0', '0.0', '9.90', '5.00'])].join('\r\n')}\r\n`;
add('wechat_bill', 'wechat.bill.csv', 'bill-two-lines', { csv_base64: Buffer.from(bill).toString('base64') },
  { rows: 2, summary: { 总交易单数: '2.0' }, sha1: crypto.createHash('sha1').update(bill).digest('hex') });
add('wechat_bill', 'wechat.bill.csv', 'bill-empty', { csv_base64: '' }, { rows: 0, summary: {} });
add('wechat_bill', 'wechat.bill.line', 'bill-comma', { line: ticked(['a, b', '', '0.01']) }, { cells: ['a, b', '', '0.01'] });

save();
