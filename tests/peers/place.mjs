// SPDX-License-Identifier: MIT
// The peers themselves, and the test installation that they judge: keys and identifiers of the
// sandbox's folder.
import { createRequire } from 'node:module';
import { createPublicKey, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const require = createRequire(join(process.env.PEERS, 'package.json'));
export const axiosPlugin = require('wechatpay-axios-plugin');
export const { Rsa, Formatter, Aes, Hash } = axiosPlugin;
export const { AlipaySdk, getSN } = (() => {
    const sdk = require('alipay-sdk');
    const folder = join(process.env.PEERS, 'node_modules/alipay-sdk/dist/commonjs');
    return { AlipaySdk: sdk.AlipaySdk, getSN: require(join(folder, 'antcertutil.js')).getSN };
})();
// Not exported, and the only way to what it would have signed.
export const alipayUtil = require(join(process.env.PEERS, 'node_modules/alipay-sdk/dist/commonjs/util.js'));
export const NodeV3 = require('wechatpay-node-v3');
export const forge = require('node-forge');

const folder = join(process.env.STACK, 'sandbox');
export const text = (name) => readFileSync(join(folder, name), 'utf8');
export const ids = JSON.parse(text('identifiers.json'));
export const has = (name) => existsSync(join(folder, name));

export const wechat = {
    mchid: ids.mchid,
    apiKey: text('api_v3_key').trim(),
    publicKeyId: ids.public_key_id,
    merchantKey: text('wechat_merchant_key.pem'),
    merchantCert: text('wechat_merchant_cert.pem'),
    merchantSerial: new X509Certificate(text('wechat_merchant_cert.pem')).serialNumber.toUpperCase(),
    platformKey: text('wechat_platform_key.pem'),
    platformPublic: text('wechat_platform_public_key.pem'),
    certKey: text('wechat_platform_cert_key.pem'),
    cert: text('wechat_platform_cert.pem'),
    certSerial: new X509Certificate(text('wechat_platform_cert.pem')).serialNumber.toUpperCase(),
};
/** Public halves by the serial that Wechatpay-Serial names. */
wechat.certs = {
    [wechat.publicKeyId]: wechat.platformPublic,
    [wechat.certSerial]: createPublicKey(wechat.cert).export({ type: 'spki', format: 'pem' }),
};

export const alipay = {
    appId: ids.app_id,
    sellerId: ids.seller_id,
    appKey: text('alipay_app_key.pem'),
    appPublic: text('alipay_app_public_key.pem'),
    key: text('alipay_key.pem'),
    public: text('alipay_public_key.pem'),
};

/** An SDK of the merchant; further settings win. */
export function alipaySdk(settings = {}) {
    return new AlipaySdk({
        appId: alipay.appId,
        privateKey: alipay.appKey,
        keyType: 'PKCS8',
        alipayPublicKey: alipay.public,
        camelcase: false,
        ...settings,
    });
}

export function nodeV3() {
    const pay = new NodeV3({
        appid: ids.appid_native,
        mchid: wechat.mchid,
        publicKey: Buffer.from(wechat.merchantCert),
        privateKey: Buffer.from(wechat.merchantKey),
        key: wechat.apiKey,
    });
    // Preset, so that it downloads nothing.
    NodeV3.certificates = { ...wechat.certs };
    return pay;
}
