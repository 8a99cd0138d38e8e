// SPDX-License-Identifier: MIT
// node-forge, which computes GCM in JavaScript where everybody else here asks OpenSSL: it opens what
// the sandbox sealed, and seals what the server then opens.
import { agree, outcome } from './report.mjs';
import { notifyUrl, sandbox, send } from './service.mjs';
import { Aes, Formatter, Rsa, forge, wechat } from './place.mjs';

const binary = (text) => forge.util.encodeUtf8(text);

export function forgeSeal(plain, key, nonce, aad) {
    const cipher = forge.cipher.createCipher('AES-GCM', binary(key));
    cipher.start({ iv: binary(nonce), additionalData: binary(aad), tagLength: 128 });
    cipher.update(forge.util.createBuffer(binary(plain)));
    cipher.finish();
    return forge.util.encode64(cipher.output.getBytes() + cipher.mode.tag.getBytes());
}

/** The text, or undefined. */
export function forgeOpen(ciphertext, key, nonce, aad) {
    const bytes = forge.util.decode64(ciphertext);
    if (bytes.length < 16) return undefined;
    const cipher = forge.cipher.createDecipher('AES-GCM', binary(key));
    cipher.start({ iv: binary(nonce), additionalData: binary(aad), tagLength: 128, tag: forge.util.createBuffer(bytes.slice(-16)) });
    cipher.update(forge.util.createBuffer(bytes.slice(0, -16)));
    return cipher.finish() ? forge.util.decodeUtf8(cipher.output.getBytes()) : undefined;
}

const openOf = ({ ciphertext, nonce, associated_data: aad }) => forgeOpen(ciphertext, wechat.apiKey, nonce, aad);

async function opensCallback(payment) {
    const prepared = await sandbox('callback', { out_trade_no: payment.out_trade_no });
    const { resource } = JSON.parse(prepared.body);
    agree('node-forge', 'opens the sandbox\'s callback', JSON.parse(openOf(resource)).out_trade_no === payment.out_trade_no);
    const other = resource.ciphertext.replace(/^./, (c) => c === 'A' ? 'B' : 'A');
    agree('node-forge', 'does not open another', openOf({ ...resource, ciphertext: other }) === undefined);
    return { envelope: JSON.parse(prepared.body), plain: openOf(resource) };
}

async function sealsCallback(client, payment, { envelope, plain }) {
    const nonce = Formatter.nonce(12), timestamp = String(Formatter.timestamp());
    const body = JSON.stringify({
        ...envelope,
        resource: { ...envelope.resource, nonce, ciphertext: forgeSeal(plain, wechat.apiKey, nonce, envelope.resource.associated_data) },
    });
    const answer = await send(notifyUrl('wechat'), {
        method: 'POST', body,
        headers: {
            'Content-Type': 'application/json', 'Wechatpay-Timestamp': timestamp, 'Wechatpay-Nonce': nonce,
            'Wechatpay-Serial': wechat.publicKeyId,
            'Wechatpay-Signature': Rsa.sign(Formatter.response(timestamp, nonce, body), Rsa.from(wechat.platformKey, 'private')),
        },
    });
    agree('node-forge', 'the server opens what it sealed',
        [200, 204].includes(answer.status) && await client.state(payment.order) === 'paid', outcome(answer));
}

function sameAsOpenssl() {
    for (const size of [0, 1, 15, 16, 17, 255, 4096]) {
        const plain = 'a'.repeat(size), nonce = Formatter.nonce(12);
        const theirs = Aes.AesGcm.encrypt(plain, wechat.apiKey, nonce, 'transaction');
        agree('node-forge', 'seals as OpenSSL does', forgeSeal(plain, wechat.apiKey, nonce, 'transaction') === theirs &&
            forgeOpen(theirs, wechat.apiKey, nonce, 'transaction') === plain, String(size));
    }
}

export async function secondGcm(client) {
    const payment = await client.begin('wechat', 'native');
    await sealsCallback(client, payment, await opensCallback(payment));
    sameAsOpenssl();
}
