// SPDX-License-Identifier: MIT
// The published vectors, given to the peers as well: those of the kinds that one of them implements. A
// vector that we run and a peer gets wrong stands here by its name.
import { createPublicKey } from 'node:crypto';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { forgeOpen, forgeSeal } from './gcm.mjs';
import { agree, lax } from './report.mjs';
import { Aes, Formatter, Hash, Rsa, alipaySdk, alipayUtil, getSN } from './place.mjs';

const AXIOS = 'wechatpay-axios-plugin', SDK = 'alipay-sdk', FORGE = 'node-forge';

// As tests/unit/vectors.h says.
const folder = process.env.IDPHOTOD_VECTORS ||
    (existsSync('../shared/vectors/keys.json') ? '../shared/vectors' : 'tests/vectors');
const read = (name) => JSON.parse(readFileSync(`${folder}/${name}`, 'utf8'));
const { keys } = read('keys.json');
const pem = (id) => keys[id].pem;

function opened(run) {
    try {
        return run();
    } catch {
        return undefined;
    }
}

/** As expected: the text, or nothing at all. */
const opens = (run, { valid, plaintext, plaintext_prefix: prefix }) => {
    const text = opened(run);
    if (!valid) return text === undefined;
    return prefix === undefined ? text === plaintext : Boolean(text?.startsWith(prefix));
};

function verifies(run, { valid }) {
    return Boolean(opened(run)) === valid;
}

const userData = (text, { valid, plaintext, watermark_appid: appid }) => valid
    ? (plaintext === undefined || text === plaintext) && (appid === undefined || JSON.parse(text).watermark.appid === appid)
    : text === undefined || opened(() => JSON.parse(text)) === undefined;

const sdkOf = (id) => alipaySdk({ alipayPublicKey: createPublicKey(pem(id)).export({ type: 'spki', format: 'pem' }) });
const formOf = (body) => Object.fromEntries(new URLSearchParams(body));

/** kind: [peer, judge(inputs, expected)]... A judge gives undefined for what the peer cannot be asked. */
const judges = {
    'aes.gcm.decrypt': [
        [FORGE, (i, e) => opens(() => forgeOpen(i.ciphertext, i.key, i.nonce, i.associated_data ?? ''), e)],
        [AXIOS, (i, e) => Buffer.byteLength(i.key) !== 32 ? undefined : opens(() => Aes.AesGcm.decrypt(i.ciphertext, i.key, i.nonce, i.associated_data ?? ''), e)],
    ],
    'aes.gcm.encrypt': [
        [FORGE, (i, e) => forgeSeal(i.plaintext, i.key, i.nonce, i.associated_data ?? '') === e.ciphertext],
        [AXIOS, (i, e) => Buffer.byteLength(i.key) !== 32 ? undefined : Aes.AesGcm.encrypt(i.plaintext, i.key, i.nonce, i.associated_data ?? '') === e.ciphertext],
    ],
    'alipay.aes.encrypt': [[SDK, (i, e) => alipayUtil.aesEncryptText(i.plaintext, i.key_base64) === e.ciphertext]],
    'alipay.aes.decrypt': [[SDK, (i, e) => opens(() => alipayUtil.aesDecryptText(i.ciphertext, i.key_base64) || (e.plaintext === '' ? '' : undefined), e)]],
    'miniapp.aes_cbc.decrypt': [[AXIOS, (i, e) => userData(opened(() => Aes.AesCbc.decrypt(i.encrypted_data,
        Buffer.from(i.session_key, 'base64'), Buffer.from(i.iv, 'base64'))), e)]],
    'rsa.oaep_sha1.decrypt': [[AXIOS, (i, e) => opens(() => Rsa.decrypt(i.ciphertext, pem(i.private_key)), e)]],
    'rsa.sha256.sign': [[AXIOS, (i, e) => Rsa.sign(i.message, pem(i.private_key)) === e.signature]],
    digest: [[AXIOS, (i, e) => Hash[i.alg](i.message) === e.hex]],
    'wechat.v2.sign': [[AXIOS, (i, e) => Hash.sign(i.sign_type, i.params, i.key) === e.sign]],
    'wechat.sign.message': [[AXIOS, (i, e) => Formatter.request(i.method, i.canonical_url, i.timestamp, i.nonce, i.body) === e.message]],
    'wechat.verify.message': [[AXIOS, (i, e) => Formatter.response(i.timestamp, i.nonce, i.body) === e.message]],
    'wechat.paysign': [[AXIOS, (i, e) => Rsa.sign(e.message, pem(i.private_key)) === e.signature]],
    'alipay.v3.response': [[SDK, (i, e) => verifies(() => alipayUtil.verifySignatureV3(
        Formatter.response(i.timestamp, i.nonce, i.body), i.signature, pem(i.public_key)), e)]],
    'alipay.cert_sn': [[SDK, (i, e) => getSN(pem(i.cert)) === e.sn]],
    'alipay.root_cert_sn': [[SDK, (i, e) => getSN(pem(i.certs), true) === e.sn]],
    'alipay.notify': [[SDK, (i, e) => verifies(() => sdkOf(i.public_key).checkNotifySignV2(formOf(i.body)), e)]],
    'alipay.message_notify': [[SDK, (i, e) => verifies(() => sdkOf(i.public_key).checkNotifySignV2(formOf(i.body)), e)]],
    'alipay.response.verify': [[SDK, (i, e) => verifies(() => {
        const name = `${i.method.replaceAll('.', '_')}_response`;
        sdkOf(i.public_key).checkResponseSign(i.raw, name, JSON.parse(i.raw).sign, '');
        return true;
    }, e)]],
};

/** What a peer is known to get wrong, by the name of the vector. */
const KNOWN = {
    'alipay-sdk d-ali-notify-empty-excluded': 'signs empty values as well',
    'alipay-sdk d-ali-resp-sign-before': 'cuts from the node to the last "sign"',
};

function judge(vector) {
    for (const [peer, ask] of judges[vector.kind] ?? []) {
        const right = ask(vector.inputs, vector.expected);
        if (right === undefined) continue;
        const known = KNOWN[`${peer} ${vector.id}`];
        if (known) lax(peer, `vectors: ${vector.kind}`, known, !right, vector.id);
        else agree(peer, `vectors: ${vector.kind}`, right, vector.id);
    }
}

export function vectors() {
    for (const name of readdirSync(folder).filter((one) => one.endsWith('.json')).sort())
        for (const vector of read(name).vectors ?? [])
            if (!vector.implementation_defined && !vector.expected.implementation_defined) judge(vector);
}
