// SPDX-License-Identifier: MIT
// The providers, played by the peers: answers and notifies that are signed as theirs are.
import { createSign } from 'node:crypto';
import { Formatter, Rsa, alipay, wechat } from './place.mjs';

export const signAlipay = (text, { key = alipay.key, algorithm = 'RSA-SHA256' } = {}) =>
    createSign(algorithm).update(text).sign(key, 'base64');

/** An answer of the gateway; `node` is the text that is signed. */
export function alipayAnswer(method, node, write) {
    const name = `${method.replaceAll('.', '_')}_response`;
    const body = write ? write(name, node, signAlipay(node)) : `{"${name}":${node},"sign":"${signAlipay(node)}"}`;
    return { status: 200, headers: { 'content-type': 'text/html;charset=utf-8' }, body: Buffer.from(body) };
}

/** An answer of WeChat Pay; `change` has the last word on its headers. */
export function wechatAnswer(status, body, change = (headers) => headers) {
    const timestamp = String(Formatter.timestamp()), nonce = Formatter.nonce();
    return {
        status, body: Buffer.from(body),
        headers: change({
            'content-type': 'application/json', 'wechatpay-timestamp': timestamp, 'wechatpay-nonce': nonce,
            'wechatpay-serial': wechat.publicKeyId,
            'wechatpay-signature': Rsa.sign(Formatter.response(timestamp, nonce, body), Rsa.from(wechat.platformKey, 'private')),
        }),
    };
}

export const methodOf = (call) => new URLSearchParams(call.url.split('?')[1]).get('method');
