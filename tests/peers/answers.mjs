// SPDX-License-Identifier: MIT
// Answers to the server's own calls, signed by peers: it believes the genuine ones and no other. The
// peer's verifier of answers is asked about the same bytes.
import { alipayAnswer, methodOf, signAlipay, wechatAnswer } from './play.mjs';
import { answerInstead } from './recorder.mjs';
import { agree, lax, outcome } from './report.mjs';
import { alipay, alipaySdk, require, wechat } from './place.mjs';

const Decorator = require('wechatpay-axios-plugin/lib/decorator');
const { BusinessError } = require('wechatpay-axios-plugin/lib/utils');

// ---------------------------------------------------------------- WeChat Pay

const CODE = '{"code_url":"weixin://wxpay/bizpayurl?pr=peers"}';
const header = (name, change) => ({ [name]: old, ...headers }) => {
    const value = change(old);
    return value === undefined ? headers : { ...headers, [name]: value };
};

/** name, answer, whether it is to be believed, what the plugin is known for. */
const WECHAT = [
    ['genuine', () => wechatAnswer(200, CODE), true],
    ['with blanks and an escape', () => wechatAnswer(200, '{ "code_url" : "weixin:\\/\\/wxpay/bizpayurl?pr=peers" }\n'), true],
    ['unsigned', () => wechatAnswer(200, CODE, header('wechatpay-signature', () => undefined)), false],
    ['a probe', () => wechatAnswer(200, CODE, header('wechatpay-signature', (s) => `WECHATPAY/SIGNTEST/${s}`)), false],
    ['another body', () => ({ ...wechatAnswer(200, CODE), body: Buffer.from(CODE.replace('peers', 'theft')) }), false],
    ['301 s old', () => wechatAnswer(200, CODE, header('wechatpay-timestamp', (t) => String(t - 301))), false],
    ['by a key that nobody has', () => wechatAnswer(200, CODE, header('wechatpay-serial', () => 'PUB_KEY_ID_9')), false],
    ['without a nonce', () => wechatAnswer(200, CODE, header('wechatpay-nonce', () => undefined)), false],
    ['another signature type', () => wechatAnswer(200, CODE, (h) => ({ ...h, 'wechatpay-signature-type': 'WECHATPAY2-SM2-WITH-SM3' })), false,
        'does not read Wechatpay-Signature-Type'],
    ['an error that nobody signed', () => wechatAnswer(400, '{"code":"PARAM_ERROR","message":"x"}', header('wechatpay-signature', () => undefined)), false,
        'verifies answers of 2xx alone'],
];

function axiosBelieves({ status, headers, body }) {
    // As axios: only 2xx is validated.
    const verifier = Decorator.responseVerifier(wechat.certs).bind({ url: '/v3/pay/transactions/native', validateStatus: (s) => s >= 200 && s < 300 });
    return !(verifier(body.toString(), headers, status) instanceof BusinessError);
}

async function judgeWechat(client, [name, make, believed, known]) {
    const order = await client.order();
    const made = make();
    answerInstead((call) => call.url === '/v3/pay/transactions/native', () => made);
    const answer = await client.pay(order, 'wechat', 'native');
    const theirs = axiosBelieves(made);
    const ours = answer.status === 201;
    const right = believed ? ours && answer.json.client.code_url === 'weixin://wxpay/bizpayurl?pr=peers' : answer.status === 502;
    const detail = `${name}: ${theirs}, ${outcome(answer)}`;
    if (known) lax('wechatpay-axios-plugin', 'answer to our prepay', known, right && theirs, detail);
    else agree('wechatpay-axios-plugin', 'answer to our prepay', right && theirs === believed, detail);
}

// ---------------------------------------------------------------- Alipay

const METHOD = 'alipay.trade.precreate';
const node = (no) => `{"code":"10000","msg":"Success","out_trade_no":"${no}","qr_code":"https:\\/\\/qr.alipay.com\\/peers}\\"{"}`;

const ALIPAY = [
    ['genuine, with escapes and braces in texts', (n) => alipayAnswer(METHOD, n), true],
    ['with a certificate\'s name behind the node', (n) => alipayAnswer(METHOD, n, (name, text, sign) => `{"${name}":${text},"alipay_cert_sn":"x","sign":"${sign}"}`), true],
    ['the signature first', (n) => alipayAnswer(METHOD, n, (name, text, sign) => `{"sign":"${sign}","${name}":${text}}`), true, 'cuts from the node to the last "sign"'],
    ['an object behind the node', (n) => alipayAnswer(METHOD, n, (name, text, sign) => `{"${name}":${text},"more":{"a":1},"sign":"${sign}"}`), true, 'cuts greedily to the last brace'],
    ['unsigned', (n) => alipayAnswer(METHOD, n, (name, text) => `{"${name}":${text}}`), false],
    ['another node', (n) => alipayAnswer(METHOD, n, (name, text, sign) => `{"${name}":${text.replace('peers', 'theft')},"sign":"${sign}"}`), false],
    ['the node of another method', (n) => alipayAnswer(METHOD, n, (name, text, sign) => `{"alipay_trade_query_response":${text},"sign":"${sign}"}`), false],
    ['signed by the application', (n) => alipayAnswer(METHOD, n, (name, text) => `{"${name}":${text},"sign":"${signAlipay(text, { key: alipay.appKey })}"}`), false],
    ['signed over SHA-1', (n) => alipayAnswer(METHOD, n, (name, text) => `{"${name}":${text},"sign":"${signAlipay(text, { algorithm: 'RSA-SHA1' })}"}`), false],
    ['the node parsed and written again', (n) => alipayAnswer(METHOD, n, (name, text, sign) => `{"${name}":${JSON.stringify(JSON.parse(text))},"sign":"${sign}"}`), false],
    ['not JSON', () => ({ status: 200, headers: {}, body: Buffer.from('<html>') }), false],
];

function sdkBelieves({ body }) {
    const name = `${METHOD.replaceAll('.', '_')}_response`;
    try {
        alipaySdk().checkResponseSign(body.toString(), name, JSON.parse(body).sign, '');
        return Boolean(JSON.parse(body)[name]);
    } catch {
        return false;
    }
}

async function judgeAlipay(client, [name, make, believed, known]) {
    let made;
    const order = await client.order();
    answerInstead((call) => methodOf(call) === METHOD, ({ body }) =>
        made = make(node(JSON.parse(new URLSearchParams(body.toString()).get('biz_content')).out_trade_no)));
    const answer = await client.pay(order, 'alipay', 'qr');
    const theirs = sdkBelieves(made);
    const right = believed ? answer.status === 201 && answer.json.client.qr_code === 'https://qr.alipay.com/peers}"{' : answer.status === 502;
    const detail = `${name}: ${theirs}, ${outcome(answer)}`;
    if (known) lax('alipay-sdk', 'answer to our precreate', known, right && theirs !== believed, detail);
    else agree('alipay-sdk', 'answer to our precreate', right && theirs === believed, detail);
}

export async function answers(client) {
    for (const one of WECHAT) await judgeWechat(client, one);
    for (const one of ALIPAY) await judgeAlipay(client, one);
}
