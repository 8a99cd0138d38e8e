// SPDX-License-Identifier: MIT
// The SDKs as clients of the sandbox: it serves them as the providers do, so that what it tells our
// server is worth something.
import { forgeOpen } from './gcm.mjs';
import { agree, lax } from './report.mjs';
import { sandbox, send } from './service.mjs';
import { Aes, Formatter, Hash, alipay, alipaySdk, axiosPlugin, ids, wechat } from './place.mjs';

const { Wechatpay } = axiosPlugin;
const PLUGIN = 'wechatpay-axios-plugin';
const number = (() => { let n = 0; return (what) => `peers${process.pid}${what}${++n}`; })();
const headers = { 'Wechatpay-Serial': wechat.publicKeyId, Accept: 'application/json' };
const soon = () => `${new Date(Date.now() + 8 * 3600_000 + 600_000).toISOString().slice(0, 19)}+08:00`;

async function reason(promise) {
    try {
        await promise;
        return undefined;
    } catch (error) {
        return error;
    }
}

// ---------------------------------------------------------------- WeChat Pay

function plugin(settings = {}) {
    return new Wechatpay({
        baseURL: process.env.SANDBOX, mchid: wechat.mchid, serial: wechat.merchantSerial,
        privateKey: wechat.merchantKey, certs: { ...wechat.certs }, ...settings,
    });
}

function prepay(method, no) {
    return {
        appid: ids[`appid_${method}`], mchid: wechat.mchid, description: '证件照', out_trade_no: no,
        notify_url: 'http://127.0.0.1:9/v1/notify/wechat', amount: { total: 990, currency: 'CNY' }, time_expire: soon(),
        ...(method === 'jsapi' && { payer: { openid: 'oPeers8uMuAJO_M2pxb1Q9zNjWe7' } }),
        ...(method === 'h5' && { scene_info: { payer_client_ip: '127.0.0.1', h5_info: { type: 'Wap' } } }),
    };
}

const GIVES = { app: 'prepay_id', jsapi: 'prepay_id', h5: 'h5_url', native: 'code_url' };

async function pluginOrders(pay, method) {
    const no = number(method);
    const { data } = await pay.v3.pay.transactions[method].post(prepay(method, no), { headers });
    agree(PLUGIN, `client of the sandbox: prepay ${method}`, typeof data[GIVES[method]] === 'string', JSON.stringify(data));
    return no;
}

async function pluginAsks(pay, no, state) {
    const { data } = await pay.v3.pay.transactions.outTradeNo.$no$.get({ no, params: { mchid: wechat.mchid }, headers });
    agree(PLUGIN, 'client of the sandbox: query', data.out_trade_no === no && data.trade_state === state, JSON.stringify(data));
    return data;
}

async function pluginCloses(pay) {
    const no = await pluginOrders(pay, 'native');
    await pluginAsks(pay, no, 'NOTPAY');
    const { status } = await pay.v3.pay.transactions.outTradeNo.$no$.close.post({ mchid: wechat.mchid }, { no, headers });
    agree(PLUGIN, 'client of the sandbox: close', status === 204, String(status));
    await pluginAsks(pay, no, 'CLOSED');
}

async function pluginRefunds(pay) {
    const no = await pluginOrders(pay, 'native'), refundNo = number('r');
    await sandbox('pay', { out_trade_no: no, notify: false });
    const paid = await pluginAsks(pay, no, 'SUCCESS');
    const { data } = await pay.v3.refund.domestic.refunds.post({
        out_trade_no: no, out_refund_no: refundNo, amount: { refund: 990, total: 990, currency: 'CNY' },
    }, { headers });
    agree(PLUGIN, 'client of the sandbox: refund', data.out_refund_no === refundNo && data.transaction_id === paid.transaction_id, JSON.stringify(data));
    const asked = await pay.v3.refund.domestic.refunds.$no$.get({ no: refundNo, headers });
    agree(PLUGIN, 'client of the sandbox: refund query', asked.data.refund_id === data.refund_id, JSON.stringify(asked.data));
}

async function pluginTakesCertificate(pay) {
    await sandbox('certificates', { available: true });
    const { data } = await pay.v3.certificates.get({ headers });
    for (const { serial_no: serial, encrypt_certificate: sealed } of data.data) {
        const args = [sealed.ciphertext, wechat.apiKey, sealed.nonce, sealed.associated_data];
        agree(PLUGIN, 'client of the sandbox: certificates', serial === wechat.certSerial && Aes.AesGcm.decrypt(...args) === wechat.cert, serial);
        agree('node-forge', 'opens the list of certificates', forgeOpen(...args) === wechat.cert, serial);
    }
}

const today = () => new Date(Date.now() + 8 * 3600_000).toISOString().slice(0, 10);

/** The bill of a day that is not over, which the sandbox makes when it is told to. */
async function pluginReadsBill(pay) {
    const no = await pluginOrders(pay, 'native');
    await sandbox('pay', { out_trade_no: no, notify: false });
    await sandbox('bills', { channel: 'wechat', ready: true });
    const { data } = await pay.v3.bill.tradebill.get({ params: { bill_date: today(), bill_type: 'ALL' }, headers });
    const token = new URL(data.download_url).searchParams.get('token');
    const file = await pay.v3.billdownload.file.get({ params: { token }, responseType: 'arraybuffer', headers });
    agree(PLUGIN, 'client of the sandbox: digest of a bill', Hash.sha1(file.data) === data.hash_value, data.hash_value);
    const { rows, summary } = Formatter.castCsvBill(file.data);
    const row = rows.find((one) => one['商户订单号'] === no);
    agree(PLUGIN, 'client of the sandbox: castCsvBill reads it', row?.['交易状态'] === 'SUCCESS' && row['订单金额'] === '9.90' &&
        Number(summary['总交易单数']) === rows.length, JSON.stringify(row));
    const cut = await reason(pay.v3.billdownload.file.get({ params: { token: `${token}0` }, headers }));
    agree(PLUGIN, 'client of the sandbox: no file for another token', Boolean(cut?.response), String(cut));
}

/** What is wrong must not be served, and a wrong answer not be taken. */
async function pluginIsRefused(pay) {
    const strange = plugin({ privateKey: wechat.platformKey });
    const unsigned = await reason(strange.v3.pay.transactions.native.post(prepay('native', number('x')), { headers }));
    agree(PLUGIN, 'client of the sandbox: another key is refused', unsigned?.response?.status === 401, String(unsigned));
    const missing = await reason(pay.v3.pay.transactions.outTradeNo.$no$.get({ no: 'nobody12', params: { mchid: wechat.mchid }, headers }));
    agree(PLUGIN, 'client of the sandbox: an order that is not there', missing?.response?.status === 404, String(missing));
    for (const fault of ['wrong-signature', 'unsigned', 'probe', 'old-timestamp']) {
        await sandbox('answers', { channel: 'wechat', fault, times: 1 });
        const error = await reason(pay.v3.pay.transactions.native.post(prepay('native', number('f')), { headers }));
        agree(PLUGIN, 'client of the sandbox: a faulty answer is noticed', error?.response?.status === 200, `${fault}: ${error}`);
    }
}

async function wechatClient() {
    const pay = plugin();
    for (const method of Object.keys(GIVES)) await pluginOrders(pay, method);
    await pluginCloses(pay);
    await pluginRefunds(pay);
    await pluginTakesCertificate(pay);
    await pluginReadsBill(pay);
    await pluginIsRefused(pay);
}

// ---------------------------------------------------------------- Alipay

const SDK = 'alipay-sdk';

function sdk(settings = {}) {
    return alipaySdk({ gateway: `${process.env.SANDBOX}/gateway.do`, ...settings });
}

const exec = (client, method, bizContent, more = {}) =>
    client.exec(method, { format: 'JSON', bizContent, ...more }, { validateSign: true });

const order = (no) => ({ out_trade_no: no, total_amount: '9.90', subject: '证件照', timeout_express: '10m' });

async function sdkPays(client) {
    const no = number('a');
    const made = await exec(client, 'alipay.trade.precreate', order(no), { notify_url: 'http://127.0.0.1:9/v1/notify/alipay' });
    agree(SDK, 'client of the sandbox: precreate', made.code === '10000' && Boolean(made.qr_code), JSON.stringify(made));
    const before = await exec(client, 'alipay.trade.query', { out_trade_no: no });
    agree(SDK, 'client of the sandbox: query before the scan', before.sub_code === 'ACQ.TRADE_NOT_EXIST', JSON.stringify(before));
    await sandbox('alipay/scan', { out_trade_no: no });
    const waits = await exec(client, 'alipay.trade.query', { out_trade_no: no });
    agree(SDK, 'client of the sandbox: query', waits.trade_status === 'WAIT_BUYER_PAY', JSON.stringify(waits));
    return no;
}

async function sdkCloses(client) {
    const closed = await exec(client, 'alipay.trade.close', { out_trade_no: await sdkPays(client) });
    agree(SDK, 'client of the sandbox: close', closed.code === '10000', JSON.stringify(closed));
}

async function sdkRefunds(client) {
    const no = await sdkPays(client), request = number('q');
    await sandbox('pay', { out_trade_no: no, notify: false });
    const paid = await exec(client, 'alipay.trade.query', { out_trade_no: no });
    agree(SDK, 'client of the sandbox: query', paid.trade_status === 'TRADE_SUCCESS', JSON.stringify(paid));
    const refund = await exec(client, 'alipay.trade.refund', { out_trade_no: no, refund_amount: '9.90', out_request_no: request });
    agree(SDK, 'client of the sandbox: refund', refund.code === '10000' && refund.fund_change === 'Y', JSON.stringify(refund));
    const asked = await exec(client, 'alipay.trade.fastpay.refund.query', { out_trade_no: no, out_request_no: request });
    agree(SDK, 'client of the sandbox: refund query', asked.refund_status === 'REFUND_SUCCESS', JSON.stringify(asked));
}

async function sdkGetsBill(client) {
    await sandbox('bills', { channel: 'alipay', ready: true });
    const address = await exec(client, 'alipay.data.dataservice.bill.downloadurl.query', { bill_type: 'trade', bill_date: today() });
    agree(SDK, 'client of the sandbox: address of a bill', address.code === '10000', JSON.stringify(address));
    const file = await send(address.bill_download_url);
    agree(SDK, 'client of the sandbox: a bill is a zip', file.status === 200 && file.body.subarray(0, 4).toString('latin1') === 'PK\x03\x04', String(file.status));
}

async function sdkOpensCashier(client) {
    for (const [method, code] of [['alipay.trade.page.pay', 'FAST_INSTANT_TRADE_PAY'], ['alipay.trade.wap.pay', 'QUICK_WAP_WAY']]) {
        const bizContent = { ...order(number('c')), product_code: code, ...(code[0] === 'Q' && { quit_url: 'https://example.org/' }) };
        const answer = await fetch(client.pageExecute(method, 'GET', { format: 'JSON', bizContent }));
        agree(SDK, `client of the sandbox: ${method.slice(13)}`, answer.status === 200, `${answer.status} ${answer.headers.get('x-sandbox-sub-code')}`);
    }
    const text = client.sdkExecute('alipay.trade.app.pay', { format: 'JSON', bizContent: { ...order(number('c')), product_code: 'QUICK_MSECURITY_PAY' } });
    const opened = await sandbox('alipay/app', { order_string: text });
    agree(SDK, 'client of the sandbox: order string', opened.total_amount === '9.90', JSON.stringify(opened));
}

async function sdkIsRefused(client) {
    const strange = sdk({ privateKey: alipay.key });
    const refused = await exec(strange, 'alipay.trade.query', { out_trade_no: 'a' });
    agree(SDK, 'client of the sandbox: another key is refused', refused.sub_code === 'isv.invalid-signature', JSON.stringify(refused));
    const old = await exec(sdk({ signType: 'RSA' }), 'alipay.trade.query', { out_trade_no: 'a' }).catch((error) => ({ sub_code: String(error) }));
    agree(SDK, 'client of the sandbox: SHA-1 is refused', old.code !== '10000', JSON.stringify(old));
    for (const fault of ['wrong-signature', 'unsigned']) {
        await sandbox('answers', { channel: 'alipay', fault, times: 1 });
        const error = await reason(exec(client, 'alipay.trade.precreate', order(number('f'))));
        agree(SDK, 'client of the sandbox: a faulty answer is noticed', Boolean(error), fault);
    }
}

/** The stamp is of the zone in which the process runs, where Alipay wants GMT+8. */
async function sdkStampsLocally() {
    const stamp = () => new URLSearchParams(sdk().sdkExecute('x', { bizContent: {} })).get('timestamp');
    const east = stamp();
    process.env.TZ = 'America/Los_Angeles';
    const west = stamp();
    process.env.TZ = 'Asia/Shanghai';
    lax(SDK, 'client of the sandbox: time', 'stamps by the zone of the process', Date.parse(east) - Date.parse(west) > 10 * 3600_000, `${east} ${west}`);
}

async function alipayClient() {
    const client = sdk();
    await sdkCloses(client);
    await sdkRefunds(client);
    await sdkGetsBill(client);
    await sdkOpensCashier(client);
    await sdkIsRefused(client);
    await sdkStampsLocally();
}

export async function clientsOfSandbox() {
    await wechatClient();
    await alipayClient();
}
