// SPDX-License-Identifier: MIT
// Writes the vectors of this folder that the providers' SDKs give: Alipay's, and those of what the
// server itself has no use for. After tests/tool/npm.sh tests/peers build/peers: node tests/vectors/generate_by_peers.mjs
import crypto from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';

const here = new URL('.', import.meta.url).pathname;
const modules = `${here}../../build/peers/`;
const require = createRequire(`${modules}package.json`);
const { AlipaySdk } = require('alipay-sdk');
const sdkFolder = `${modules}node_modules/alipay-sdk/dist/commonjs/`;
const util = require(`${sdkFolder}util.js`);
const { getSN } = require(`${sdkFolder}antcertutil.js`);
const { Aes, Formatter, Hash, Rsa } = require('wechatpay-axios-plugin');

const { keys } = JSON.parse(fs.readFileSync(`${here}keys.json`));
const pem = (id) => keys[id].pem;
const out = {};
const add = (name, kind, id, inputs, expected) => (out[name] ??= []).push({ id, kind, inputs, expected });

// Alipay plays "platform", the application "merchant".
const alipaySign = (text) => Rsa.sign(text, pem('platform_private'));
const config = { appId: '2021000000000001', privateKey: pem('merchant_private'), keyType: 'PKCS8', alipayPublicKey: pem('platform_public') };
const sdk = new AlipaySdk(config);

// ---- requests ----
const content = (code) => ({ out_trade_no: 'IDP1', total_amount: '9.90', subject: '证件照 & 一寸 +100% "高清"', product_code: code });
const publicParams = { format: 'JSON', timestamp: '2026-01-01 10:34:57', notifyUrl: 'https://id.example.cn/v1/notify/alipay' };
function requestParams(method, bizContent) {
    const { sign, ...params } = util.sign(method, { ...publicParams, bizContent }, sdk.config);
    return { params, sign };
}
for (const [id, method, code] of [['page', 'alipay.trade.page.pay', 'FAST_INSTANT_TRADE_PAY'], ['wap', 'alipay.trade.wap.pay', 'QUICK_WAP_WAY'],
    ['precreate', 'alipay.trade.precreate', 'FACE_TO_FACE_PAYMENT']]) {
    const { params, sign } = requestParams(method, content(code));
    add('alipay_request_sign', 'alipay.request.sign', `sdk-${id}`, { private_key: 'merchant_private', params }, { sign });
}
{
    const { params, sign } = requestParams('alipay.trade.app.pay', content('QUICK_MSECURITY_PAY'));
    const sample = sdk.sdkExecute('alipay.trade.app.pay', { ...publicParams, bizContent: content('QUICK_MSECURITY_PAY') });
    add('alipay_request_sign', 'alipay.order_string', 'sdk-app', { private_key: 'merchant_private', params }, { pairs: { ...params, sign }, sample });
}
for (const [id, params, expected] of [['empty', { b: '2', a: '1', c: '' }, 'a=1&b=2'], ['bytes', { a: '1', Z: '2', _: '3' }, 'Z=2&_=3&a=1']]) {
    if (Formatter.queryStringLike(Formatter.ksort(params)) !== expected) throw new Error(id);
    add('alipay_request_sign', 'param.sorted_string', `plugin-${id}`, { params, exclude: ['sign'], exclude_empty: true }, { string: expected });
}

// ---- notifies: checkNotifySignV2 has the word ----
const paid = {
    app_id: '2021000000000001', buyer_id: '2088102116773037', charset: 'utf-8', gmt_payment: '2026-01-01 10:34:58', notify_id: '1',
    out_trade_no: 'IDP1', seller_id: '2088102119685838', subject: '证件照 1+1 100%', total_amount: '9.90',
    trade_no: '2026010122001400001234567890', trade_status: 'TRADE_SUCCESS', version: '1.0',
};
const text = (pairs) => Object.keys(pairs).sort().map((name) => `${name}=${pairs[name]}`).join('&');
const form = (pairs) => new URLSearchParams(pairs).toString();
const signed = (pairs) => ({ ...pairs, sign: alipaySign(text(pairs)) });
function notify(kind, id, pairs, more = {}) {
    const body = form(pairs), valid = sdk.checkNotifySignV2(Object.fromEntries(new URLSearchParams(body)));
    add('alipay_notify', kind, `sdk-${id}`, { [kind === 'alipay.return' ? 'query' : 'body']: body, public_key: 'platform_public', charset: 'utf-8', ...more }, { valid });
}
const rsa2 = { sign_type: 'RSA2' };
notify('alipay.notify', 'paid', { ...signed(paid), ...rsa2 });
notify('alipay.notify', 'refunded', { ...signed({ ...paid, gmt_refund: '2026-01-01 11:00:00.1', refund_fee: '9.90', trade_status: 'TRADE_CLOSED' }), ...rsa2 });
const { buyer_id: _, ...buyerless } = paid;
notify('alipay.notify', 'openid', { ...signed({ ...buyerless, buyer_open_id: '074a1CcTG1LelxKe4xQC0zgNdId0nxi95b5lsNpazWYoCo5' }), ...rsa2 });
notify('alipay.notify', 'amount', { ...signed(paid), ...rsa2, total_amount: '0.01' });
notify('alipay.notify', 'added', { ...signed(paid), ...rsa2, added: '1' });
notify('alipay.notify', 'unsigned', { ...paid, ...rsa2 });
notify('alipay.notify', 'by-application', { ...paid, ...rsa2, sign: Rsa.sign(text(paid), pem('merchant_private')) });
const message = { app_id: paid.app_id, biz_content: '{"a":"证"}', charset: 'utf-8', msg_method: 'alipay.merchant.order.changed', notify_id: '2', version: '1.1', sign_type: 'RSA2' };
notify('alipay.message_notify', 'message', signed(message));
notify('alipay.message_notify', 'message-changed', { ...signed(message), notify_id: '3' });
const back = { app_id: paid.app_id, charset: 'utf-8', method: 'alipay.trade.page.pay.return', out_trade_no: 'IDP1', total_amount: '9.90', trade_no: paid.trade_no };
notify('alipay.return', 'return', { ...signed(back), ...rsa2 });
notify('alipay.return', 'return-changed', { ...signed(back), ...rsa2, out_trade_no: 'IDP2' });

// ---- answers: getSignStr and checkResponseSign have the word ----
const node = '{"code":"10000","msg":"Success","out_trade_no":"IDP1","subject":"a}\\"{\\/证","fund_bill_list":[{"amount":"9.90"}]}';
function answer(id, raw, method = 'alipay.trade.query') {
    const name = `${method.replaceAll('.', '_')}_response`;
    let valid = true;
    try { sdk.checkResponseSign(raw, name, JSON.parse(raw).sign, ''); } catch { valid = false; }
    add('alipay_response', 'alipay.response.verify', `sdk-${id}`, { raw, method, public_key: 'platform_public' },
        valid ? { valid, sign_source: sdk.getSignStr(raw, name) } : { valid });
    if (valid) add('alipay_response', 'alipay.response.extract', `sdk-${id}-cut`, { raw, method }, { sign_source: sdk.getSignStr(raw, name) });
}
const good = (sign) => `{"alipay_trade_query_response":${node},"sign":"${sign}"}`;
answer('good', good(alipaySign(node)));
answer('blanks', `{ "alipay_trade_query_response" : ${node} , "sign" : "${alipaySign(node)}" }`);
answer('changed', good(alipaySign(node)).replace('9.90', '9.91'));
answer('by-application', good(Rsa.sign(node, pem('merchant_private'))));

// ---- certificates ----
add('alipay_cert_sn', 'alipay.cert_sn', 'sdk-platform', { cert: 'platform_certificate' }, { sn: getSN(pem('platform_certificate')) });
add('alipay_cert_sn', 'alipay.root_cert_sn', 'sdk-root', { certs: 'platform_certificate' }, { sn: getSN(pem('platform_certificate'), true) });

// ---- what the server has no use for ----
const key = Buffer.alloc(16, 7).toString('base64');
for (const [id, plaintext] of [['empty', ''], ['block', '0123456789abcdef'], ['text', '{"a":"证件照"}']]) {
    const ciphertext = util.aesEncryptText(plaintext, key);
    add('others', 'alipay.aes.encrypt', `sdk-${id}`, { key_base64: key, plaintext }, { ciphertext });
    add('others', 'alipay.aes.decrypt', `sdk-${id}-open`, { key_base64: key, ciphertext }, { valid: true, plaintext });
}
{
    const body = '{"code":"10000"}', timestamp = '1767234897123', nonce = 'n', signature = alipaySign(Formatter.response(timestamp, nonce, body));
    for (const [id, changed] of [['good', body], ['changed', '{"code":"10001"}']])
        add('others', 'alipay.v3.response', `sdk-${id}`, { timestamp, nonce, body: changed, signature, public_key: 'platform_public' },
            { valid: util.verifySignatureV3(Formatter.response(timestamp, nonce, changed), signature, pem('platform_public')) });
}
for (const alg of ['md5', 'sha1', 'sha256']) add('others', 'digest', `plugin-${alg}`, { alg, message: '证件照' }, { hex: Hash[alg]('证件照') });
for (const type of ['MD5', 'HMAC-SHA256']) {
    const params = { nonceStr: 'n', appId: 'wx1', empty: '', timeStamp: '1' };
    add('others', 'wechat.v2.sign', `plugin-${type}`, { params, key: 'k', sign_type: type }, { sign: Hash.sign(type, params, 'k') });
}
add('others', 'rsa.oaep_sha1.decrypt', 'plugin-good', { private_key: 'merchant_private', ciphertext: Rsa.encrypt('证件照', pem('merchant_public')) }, { valid: true, plaintext: '证件照' });
add('others', 'rsa.oaep_sha1.decrypt', 'plugin-other-key', { private_key: 'merchant_private', ciphertext: Rsa.encrypt('证件照', pem('platform_public')) }, { valid: false });
{
    const session = crypto.createHash('md5').update('session').digest(), iv = Buffer.alloc(16, 1);
    const plaintext = '{"openId":"o1","watermark":{"appid":"wx1","timestamp":1}}';
    add('others', 'miniapp.aes_cbc.decrypt', 'plugin-good', { session_key: session.toString('base64'), iv: iv.toString('base64'),
        encrypted_data: Aes.AesCbc.encrypt(plaintext, session, iv) }, { valid: true, plaintext, watermark_appid: 'wx1' });
}

for (const [name, vectors] of Object.entries(out))
    fs.writeFileSync(`${here}${name}.json`, `${JSON.stringify({ description: 'Made by generate_by_peers.mjs.', vectors }, null, 1)}\n`);
