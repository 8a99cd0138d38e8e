// SPDX-License-Identifier: MIT
// Callbacks of WeChat Pay, signed and sealed by the plugin: the server takes the genuine one and none
// of the others. Each is first shown to the plugin's verifier of answers, to its AesGcm and to
// node-v3; where they let pass what we refuse, that is known and named.
import { createSign, randomBytes } from 'node:crypto';
import { agree, lax, outcome } from './report.mjs';
import { notifyUrl, runJob, sandbox, send } from './service.mjs';
import { Aes, Formatter, Rsa, ids, nodeV3, require, wechat } from './place.mjs';

const Decorator = require('wechatpay-axios-plugin/lib/decorator');
const { BusinessError } = require('wechatpay-axios-plugin/lib/utils');
const { AesGcm } = Aes;

const localTime = (at) => new Date(at.getTime() + 8 * 3600_000).toISOString().replace(/\.\d+Z$/, '+08:00');

function transaction(payment) {
    return {
        mchid: wechat.mchid, appid: ids.appid_native, out_trade_no: payment.out_trade_no,
        transaction_id: `42000${randomBytes(12).toString('hex').replace(/\D/g, '7')}`.slice(0, 28),
        trade_type: 'NATIVE', trade_state: 'SUCCESS', trade_state_desc: '支付成功', bank_type: 'OTHERS', attach: '',
        success_time: localTime(new Date()), payer: { openid: 'oPeers8uMuAJO_M2pxb1Q9zNjWe7' },
        amount: { total: payment.amount_fen, payer_total: payment.amount_fen, currency: 'CNY', payer_currency: 'CNY' },
    };
}

/** How a callback is made; a mutation changes one of these before it is sealed, or the outcome after. */
const genuine = (payment) => ({
    plain: JSON.stringify(transaction(payment)),
    event: 'TRANSACTION.SUCCESS',
    original: 'transaction',
    apiKey: wechat.apiKey,
    nonce: Formatter.nonce(12),
    aad: 'transaction',
    algorithm: 'AEAD_AES_256_GCM',
    timestamp: String(Formatter.timestamp()),
    serial: wechat.publicKeyId,
    key: wechat.platformKey,
    envelope: (e) => e,
    text: (t) => t,
    sign: (message, key) => Rsa.sign(message, Rsa.from(key, 'private')),
    after: (c) => c,
});

function callback(how) {
    const body = how.text(JSON.stringify(how.envelope({
        id: `EV-${randomBytes(8).toString('hex')}`, create_time: localTime(new Date()),
        event_type: how.event, resource_type: 'encrypt-resource', summary: '支付成功',
        resource: {
            original_type: how.original, algorithm: how.algorithm, nonce: how.nonce, associated_data: how.aad,
            ciphertext: AesGcm.encrypt(how.plain, how.apiKey, how.nonce, how.aad),
        },
    })));
    const nonce = Formatter.nonce();
    return how.after({
        body: Buffer.from(body),
        headers: {
            'Content-Type': 'application/json',
            'Wechatpay-Timestamp': how.timestamp, 'Wechatpay-Nonce': nonce, 'Wechatpay-Serial': how.serial,
            'Wechatpay-Signature': how.sign(Formatter.response(how.timestamp, nonce, body), how.key),
        },
    });
}

// ---------------------------------------------------------------- the peers' word

/** The plugin's verifier of answers, then its AesGcm: what its manual tells to do with a callback. */
function axiosTakes({ body, headers }) {
    const data = Decorator.responseVerifier(wechat.certs).call({ url: '/notify' }, body.toString(), headers, 200);
    if (data instanceof BusinessError) return false;
    try {
        const { resource } = JSON.parse(data);
        return JSON.parse(AesGcm.decrypt(resource.ciphertext, wechat.apiKey, resource.nonce, resource.associated_data)).out_trade_no;
    } catch {
        return false;
    }
}

async function nodeV3Takes({ body, headers }) {
    try {
        const pay = nodeV3();
        const good = await pay.verifySign({
            timestamp: headers['Wechatpay-Timestamp'], nonce: headers['Wechatpay-Nonce'], body: body.toString(),
            serial: headers['Wechatpay-Serial'], signature: headers['Wechatpay-Signature'],
        });
        const { resource } = JSON.parse(body.toString());
        return good && pay.decipher_gcm(resource.ciphertext, resource.associated_data, resource.nonce).out_trade_no;
    } catch {
        return false;
    }
}

// ---------------------------------------------------------------- what must be refused

const without = (name) => ({ after: (c) => ({ ...c, headers: Object.fromEntries(Object.entries(c.headers).filter(([n]) => n !== name)) }) });
const withHeader = (name, value) => ({ after: (c) => ({ ...c, headers: { ...c.headers, [name]: value(c.headers[name]) } }) });
const resource = (change) => ({ envelope: (e) => ({ ...e, resource: { ...e.resource, ...change(e.resource) } }) });
const bodyAfter = (change) => ({ after: (c) => ({ ...c, body: Buffer.from(change(c.body.toString())) }) });
const seconds = (n) => String(Formatter.timestamp() + n);

/** name, what changes, and what a peer that takes it is known for. */
const REFUSED = [
    ['a byte of the body is another', () => bodyAfter((b) => b.replace('支付', '支村'))],
    ['the body was parsed and written again', () => bodyAfter((b) => JSON.stringify(JSON.parse(b), null, 1))],
    ['the body has got a line feed', () => bodyAfter((b) => `${b}\n`)],
    ['the body has got a byte order mark', () => bodyAfter((b) => `\ufeff${b}`)],
    ['the body has lost its last byte', () => bodyAfter((b) => b.slice(0, -1))],
    ['no signature', () => without('Wechatpay-Signature')],
    ['no timestamp', () => without('Wechatpay-Timestamp')],
    ['no nonce', () => without('Wechatpay-Nonce')],
    ['no serial', () => without('Wechatpay-Serial')],
    ['an empty signature', () => withHeader('Wechatpay-Signature', () => '')],
    ['a probe', () => withHeader('Wechatpay-Signature', (s) => `WECHATPAY/SIGNTEST/${s.slice(19)}`)],
    ['a signature of nothing but padding', () => withHeader('Wechatpay-Signature', () => '====')],
    ['a serial that nobody has', () => ({ serial: 'PUB_KEY_ID_0000000000000000000000000000000000' })],
    ['the merchant\'s own serial', () => ({ serial: wechat.merchantSerial })],
    ['signed by the merchant', () => ({ key: wechat.merchantKey })],
    ['signed by the certificate, named as the public key', () => ({ key: wechat.certKey })],
    ['signed over SHA-1', () => ({ sign: (m, k) => createSign('RSA-SHA1').update(m).sign(k, 'base64') })],
    ['301 s old', () => ({ timestamp: seconds(-302) }), { nodeV3: 'has no clock window' }],
    ['301 s ahead', () => ({ timestamp: seconds(302) }), { nodeV3: 'has no clock window' }],
    ['another signature type', () => ({ after: (c) => ({ ...c, headers: { ...c.headers, 'Wechatpay-Signature-Type': 'WECHATPAY2-SM2-WITH-SM3' } }) }),
        { axios: 'does not read Wechatpay-Signature-Type', nodeV3: 'does not read Wechatpay-Signature-Type' }],
    ['a blank in the signature', () => withHeader('Wechatpay-Signature', (s) => `${s.slice(0, 9)} ${s.slice(9)}`),
        { axios: 'takes base64 with blanks and of the other alphabet', nodeV3: 'takes base64 with blanks and of the other alphabet' }],
    ['a signature of the other alphabet', () => withHeader('Wechatpay-Signature', (s) => `${s.replaceAll('+', '-').replaceAll('/', '_')}`),
        { axios: 'takes base64 with blanks and of the other alphabet', nodeV3: 'takes base64 with blanks and of the other alphabet' }],
    ['another algorithm is named', () => ({ algorithm: 'AEAD_SM4_GCM' }),
        { axios: 'does not read the algorithm', nodeV3: 'does not read the algorithm' }],
    ['a nonce of 11 bytes', () => ({ nonce: Formatter.nonce(11) }),
        { axios: 'takes a GCM nonce of any length', nodeV3: 'takes a GCM nonce of any length' }],
    ['a nonce of 16 bytes', () => ({ nonce: Formatter.nonce(16) }),
        { axios: 'takes a GCM nonce of any length', nodeV3: 'takes a GCM nonce of any length' }],
    ['no nonce in the resource', () => resource(() => ({ nonce: '' }))],
    ['sealed under another key', () => ({ apiKey: Formatter.nonce(32) })],
    ['the tag is another', () => resource((r) => ({ ciphertext: Buffer.from(Buffer.from(r.ciphertext, 'base64').map((byte, i, all) => i === all.length - 1 ? byte ^ 1 : byte)).toString('base64') })),
        { nodeV3: 'never compares the GCM tag' }],
    ['the associated data are others', () => resource(() => ({ associated_data: 'refund' })),
        { nodeV3: 'never compares the GCM tag' }],
    ['a ciphertext shorter than a tag', () => resource(() => ({ ciphertext: 'AAAA' }))],
    ['a ciphertext of nothing', () => resource(() => ({ ciphertext: '' }))],
    ['blanks in the ciphertext', () => resource((r) => ({ ciphertext: ` ${r.ciphertext}` })),
        { axios: 'takes base64 with blanks and of the other alphabet', nodeV3: 'takes base64 with blanks and of the other alphabet' }],
    ['a member twice', () => ({ text: (t) => t.replace('{"id":', '{"id":"EV-0","id":') }),
        { axios: 'takes a member twice', nodeV3: 'takes a member twice' }],
    ['a member of the resource twice', () => ({ text: (t) => t.replace('"resource":{', '"resource":{"nonce":"000000000000",') }),
        { axios: 'takes a member twice', nodeV3: 'takes a member twice' }],
    ['the amount twice in what is sealed', (p) => ({ plain: JSON.stringify(transaction(p)).replace('"amount":{', '"amount":{"total":1,') }),
        { axios: 'takes a member twice', nodeV3: 'takes a member twice' }],
    ['an amount that is a text', (p) => ({ plain: JSON.stringify(transaction(p)).replace(/"total":(\d+)/, '"total":"$1"') }),
        { axios: 'leaves the contents to its caller', nodeV3: 'leaves the contents to its caller' }],
    ['an event that is not described', () => ({ envelope: (e) => ({ ...e, event_type: 'PAYSCORE.USER_PAID' }) }),
        { axios: 'leaves the contents to its caller', nodeV3: 'leaves the contents to its caller' }],
    ['XML', () => ({ text: () => '<xml><return_code>SUCCESS</return_code></xml>' })],
];

const PEERS = [['wechatpay-axios-plugin', 'axios', axiosTakes], ['wechatpay-node-v3', 'nodeV3', nodeV3Takes]];

function tell(made, path = 'wechat') {
    return send(notifyUrl(path), { method: 'POST', headers: made.headers, body: made.body });
}

async function refuses(client, payment, [name, change, known = {}]) {
    const made = callback({ ...genuine(payment), ...change(payment) });
    const answer = await tell(made);
    const refused = answer.status >= 400 && answer.status < 500 && await client.state(payment.order) === 'unpaid';
    for (const [peer, id, takes] of PEERS) {
        const taken = Boolean(await takes(made));
        if (known[id]) lax(peer, 'callback: forged', known[id], refused && taken, `${name}: ${taken}, ${outcome(answer)}`);
        else agree(peer, 'callback: forged', refused && !taken, `${name}: ${taken}, ${outcome(answer)}`);
    }
}

async function takes(client, payment, name, change = {}) {
    const made = callback({ ...genuine(payment), ...change });
    const answer = await tell(made);
    const taken = [200, 204].includes(answer.status) && await client.state(payment.order) === 'paid';
    for (const [peer, , peerTakes] of PEERS)
        agree(peer, 'callback: genuine', taken && await peerTakes(made) === payment.out_trade_no, `${name}: ${outcome(answer)}`);
}

// ---------------------------------------------------------------- refunds

/** A refund that the provider has taken and not ended: {payment, refund}. */
async function refundUnderWay(client) {
    const payment = await client.begin('wechat', 'native');
    await client.call('POST', `/v1/orders/${payment.order}/cancel`, {});
    await sandbox('refunds', { mode: 'held', times: 1 });
    await sandbox('pay', { out_trade_no: payment.out_trade_no });
    await runJob('refund');
    const { refunds } = await sandbox('refunds');
    return { payment, refund: refunds.find((one) => one.out_trade_no === payment.out_trade_no) };
}

const refundState = async (client, { order }) => (await client.call('GET', `/v1/orders/${order}`)).json.refunds[0].state;

const refunded = (payment, refund, more = {}) => ({
    ...genuine(payment), event: 'REFUND.SUCCESS', original: 'refund', aad: 'refund',
    plain: JSON.stringify({
        mchid: wechat.mchid, out_trade_no: payment.out_trade_no, transaction_id: refund.transaction_id,
        out_refund_no: refund.out_refund_no, refund_id: refund.refund_id, refund_status: 'SUCCESS',
        success_time: localTime(new Date()), user_received_account: '支付用户零钱',
        amount: { total: payment.amount_fen, refund: payment.amount_fen, payer_total: payment.amount_fen, payer_refund: payment.amount_fen },
    }),
    ...more,
});

async function refundCallbacks(client) {
    const { payment, refund } = await refundUnderWay(client);
    const forged = [['signed by the merchant', { key: wechat.merchantKey }], ['sealed under another key', { apiKey: Formatter.nonce(32) }],
        ['302 s old', { timestamp: seconds(-302) }]];
    for (const [name, change] of forged) {
        const made = callback(refunded(payment, refund, change));
        const answer = await tell(made, 'wechat/refund');
        agree('wechatpay-axios-plugin', 'callback of a refund: forged', answer.status === 401 && !axiosTakes(made) &&
            await refundState(client, payment) !== 'done', `${name}: ${outcome(answer)}`);
    }
    for (const name of ['as it comes', 'again']) {
        const made = callback(refunded(payment, refund));
        const answer = await tell(made, 'wechat/refund');
        agree('wechatpay-axios-plugin', 'callback of a refund: genuine', [200, 204].includes(answer.status) &&
            axiosTakes(made) === payment.out_trade_no && await refundState(client, payment) === 'done', `${name}: ${outcome(answer)}`);
    }
}

export async function wechatCallbacks(client) {
    await refundCallbacks(client);
    const payment = await client.begin('wechat', 'native');
    for (const one of REFUSED) await refuses(client, payment, one);
    await takes(client, payment, 'after all those');
    await takes(client, payment, 'again');
    await takes(client, await client.begin('wechat', 'native'), 'signed 290 s ago', { timestamp: seconds(-290) });
    await takes(client, await client.begin('wechat', 'native'), 'written with spaces', { text: (t) => JSON.stringify(JSON.parse(t), null, 2) });
    await takes(client, await client.begin('wechat', 'native'), 'with escapes', { text: (t) => t.replaceAll('/', '\\/') });
}
