// SPDX-License-Identifier: MIT
// Notifies of Alipay, signed with node:crypto: checkNotifySignV2 first, then the server. Where the SDK
// takes or refuses what we do not, that is known and named.
import { randomBytes } from 'node:crypto';
import { signAlipay } from './play.mjs';
import { agree, lax, outcome } from './report.mjs';
import { notifyUrl, send } from './service.mjs';
import { alipay, alipaySdk } from './place.mjs';

const gmt8 = (at) => new Date(at + 8 * 3600_000).toISOString().replace('T', ' ').slice(0, 19);

function notify(payment) {
    const now = gmt8(Date.now());
    return {
        notify_time: now, notify_type: 'trade_status_sync', notify_id: randomBytes(17).toString('hex'),
        app_id: alipay.appId, auth_app_id: alipay.appId, charset: 'utf-8', version: '1.0', sign_type: 'RSA2',
        trade_no: `20261126${randomBytes(12).toString('hex').replace(/\D/g, '7')}`.slice(0, 28),
        out_trade_no: payment.out_trade_no, buyer_id: '2088102122458832', buyer_logon_id: '159****5620',
        seller_id: alipay.sellerId, trade_status: 'TRADE_SUCCESS',
        total_amount: (payment.amount_fen / 100).toFixed(2), receipt_amount: (payment.amount_fen / 100).toFixed(2),
        subject: '证件照 1+1 100%', gmt_create: now, gmt_payment: now,
        fund_bill_list: JSON.stringify([{ amount: (payment.amount_fen / 100).toFixed(2), fundChannel: 'ALIPAYACCOUNT' }]),
    };
}

const joined = (pairs, { keepType = false, dropEmpty = false } = {}) => Object.keys(pairs).sort()
    .filter((name) => name !== 'sign' && (keepType || name !== 'sign_type') && !(dropEmpty && pairs[name] === ''))
    .map((name) => `${name}=${pairs[name]}`).join('&');

const escaped = (value) => encodeURIComponent(value).replaceAll('%20', '+');
const form = (pairs, escape = escaped) => Object.entries(pairs).map(([name, value]) => `${name}=${escape(value)}`).join('&');

/** A notify as body; a mutation changes one of these. */
const genuine = (payment) => ({
    pairs: notify(payment),
    signed: (pairs) => joined(pairs),
    sign: (text) => signAlipay(text),
    after: (pairs) => pairs,
    write: (pairs) => form(pairs),
});

function body(how) {
    const pairs = { ...how.pairs, sign: how.sign(how.signed(how.pairs)) };
    return Buffer.from(how.write(how.after(pairs)), 'latin1');
}

/** As a framework hands the form to the SDK. */
function sdkTakes(bytes) {
    try {
        return alipaySdk().checkNotifySignV2(Object.fromEntries(new URLSearchParams(bytes.toString('latin1'))));
    } catch {
        return false;
    }
}

const without = (name) => ({ after: ({ [name]: _, ...rest }) => rest });
const withPair = (name, value) => ({ after: (pairs) => ({ ...pairs, [name]: value }) });

const REFUSED = [
    ['another amount', () => withPair('total_amount', '0.01')],
    ['another number', () => withPair('out_trade_no', '1')],
    ['a parameter more', () => withPair('wechat', '1')],
    ['a parameter less', () => without('subject')],
    ['no signature', () => without('sign')],
    ['an empty signature', () => withPair('sign', '')],
    ['a signature of nothing but padding', () => withPair('sign', '====')],
    ['signed by the application', () => ({ sign: (t) => signAlipay(t, { key: alipay.appKey }) })],
    ['signed over SHA-1, still RSA2', () => ({ sign: (t) => signAlipay(t, { algorithm: 'RSA-SHA1' }) })],
    ['signed over SHA-1, sign_type is RSA', () => ({
        sign: (t) => signAlipay(t, { algorithm: 'RSA-SHA1' }), ...withPair('sign_type', 'RSA'),
    }), 'chooses SHA-1 when sign_type says RSA'],
    ['sign_type is signed too', () => ({ signed: (p) => joined(p, { keepType: true }) }), 'takes a signature with sign_type or without'],
    ['a parameter twice, the last one is signed', () => ({ write: (p) => `total_amount=0.01&${form(p)}` }), 'takes a parameter twice'],
    ['a parameter twice, the first one is signed', () => ({ write: (p) => `${form(p)}&total_amount=0.01` })],
    ['the values escaped twice', () => ({ write: (p) => form(p, (v) => escaped(escaped(v))) })],
    ['the values not escaped', () => ({ write: (p) => form(p, (v) => v.replaceAll('&', '%26')) })],
    ['HTML entities', () => ({ after: (p) => ({ ...p, fund_bill_list: p.fund_bill_list.replaceAll('"', '&quot;') }) })],
    ['a broken escape', () => ({ write: (p) => `${form(p)}&body=100%`, signed: (p) => joined({ ...p, body: '100%' }) }), 'takes a broken escape'],
    ['a NUL', (payment) => ({ pairs: { ...notify(payment), body: 'a\0b' } }), 'takes a NUL'],
    ['an application that is not ours', (payment) => ({ pairs: { ...notify(payment), app_id: '2021000000000000' } }),
        'does not compare the application'],
    ['JSON', () => ({ write: (p) => JSON.stringify(p).replace(/[^\x20-\x7e]/g, '?') })],
    ['a blank in the signature', () => ({ after: (p) => ({ ...p, sign: `${p.sign.slice(0, 7)} ${p.sign.slice(7)}` }) }),
        'takes base64 with blanks'],
    ['nothing', () => ({ write: () => '' })],
];

const tell = (bytes) => send(notifyUrl('alipay'), {
    method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8' }, body: bytes,
});

async function refuses(client, payment, [name, change, known]) {
    const bytes = body({ ...genuine(payment), ...change(payment) });
    const taken = sdkTakes(bytes);
    const answer = await tell(bytes);
    const refused = answer.body.toString() !== 'success' && await client.state(payment.order) === 'unpaid';
    const detail = `${name}: ${taken}, ${outcome(answer)}`;
    if (known) lax('alipay-sdk', 'notify: forged', known, refused && taken, detail);
    else agree('alipay-sdk', 'notify: forged', refused && !taken, detail);
}

/** `known`: why the SDK refuses what Alipay may send. */
async function takes(client, name, change, known) {
    const payment = await client.begin('alipay', 'app');
    const bytes = body({ ...genuine(payment), ...change(payment) });
    const answers = [await tell(bytes), await tell(bytes)];
    const taken = answers.every((answer) => answer.status === 200 && answer.body.toString() === 'success') &&
        await client.state(payment.order) === 'paid';
    const detail = `${name}: ${sdkTakes(bytes)}, ${outcome(answers[0])}`;
    if (known) lax('alipay-sdk', 'notify: genuine', known, taken && !sdkTakes(bytes), detail);
    else agree('alipay-sdk', 'notify: genuine', taken && sdkTakes(bytes), detail);
}

/** Bytes of GBK, one a character. */
const GBK = '\xd6\xa4\xbc\xfe\xd5\xd5';

export async function alipayCallbacks(client) {
    const payment = await client.begin('alipay', 'app');
    for (const one of REFUSED) await refuses(client, payment, one);
    const withPairs = (more) => (p) => ({ pairs: { ...notify(p), ...more } });
    await takes(client, 'as it comes', () => ({}));
    await takes(client, 'no sign_type, which nothing signs', () => without('sign_type'));
    await takes(client, 'blanks as %20', () => ({ write: (p) => form(p, encodeURIComponent) }));
    await takes(client, 'plus signs, ampersands and per cent', withPairs({ body: '1+1=2&3%3 /' }));
    await takes(client, 'finished, no longer refundable', withPairs({ trade_status: 'TRADE_FINISHED' }));
    await takes(client, 'a parameter that is new', withPairs({ zz_new: 'x' }));
    await takes(client, 'the buyer by open id alone', (p) => {
        const { buyer_id: _, buyer_logon_id: __, ...pairs } = notify(p);
        return { pairs: { ...pairs, buyer_open_id: '074a1CcTG1LelxKe4xQC0zgNdId0nxi95b5lsNpazWYoCo5' } };
    });
    await takes(client, 'empty values signed', withPairs({ body: '' }));
    await takes(client, 'empty values not signed', (p) => ({
        ...withPairs({ body: '' })(p), signed: (pairs) => joined(pairs, { dropEmpty: true }),
    }), 'signs empty values as well');
    await takes(client, 'GBK, signed as bytes', (p) => ({
        ...withPairs({ charset: 'GBK', subject: GBK })(p),
        sign: (t) => signAlipay(Buffer.from(t, 'latin1')),
        write: (pairs) => form(pairs, (v) => v.replace(/[^A-Za-z0-9]/g, (c) => `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`)),
    }), 'reads every notify as UTF-8');
}
