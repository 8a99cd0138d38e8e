// SPDX-License-Identifier: MIT
// Every request that the server sends, and every text that it hands to a client's SDK, before the
// providers' own SDKs.
import { alipayAnswer, methodOf } from './play.mjs';
import { answerInstead, calls, pass } from './recorder.mjs';
import { agree, lax } from './report.mjs';
import { Client, runJob, sandbox, send, shell } from './service.mjs';
import { Formatter, Rsa, alipay, alipaySdk, alipayUtil, ids, nodeV3, wechat } from './place.mjs';

const camelcase = (name) => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());

// ---------------------------------------------------------------- WeChat Pay

const WECHAT_CALLS = [
    ['prepay app', /^POST \/v3\/pay\/transactions\/app$/],
    ['prepay jsapi', /^POST \/v3\/pay\/transactions\/jsapi$/],
    ['prepay h5', /^POST \/v3\/pay\/transactions\/h5$/],
    ['prepay native', /^POST \/v3\/pay\/transactions\/native$/],
    ['query', /^GET \/v3\/pay\/transactions\/out-trade-no\/\w+\?mchid=\d+$/],
    ['close', /^POST \/v3\/pay\/transactions\/out-trade-no\/\w+\/close$/],
    ['refund', /^POST \/v3\/refund\/domestic\/refunds$/],
    ['refund query', /^GET \/v3\/refund\/domestic\/refunds\/\w+$/],
    ['trade bill', /^GET \/v3\/bill\/tradebill\?/],
    ['bill file', /^GET \/v3\/billdownload\/file\?/],
    ['certificates', /^GET \/v3\/certificates/],
];

const AUTHORIZATION = /^WECHATPAY2-SHA256-RSA2048 ((?:\w+="[^"]*",){4}\w+="[^"]*")$/;

function authorizationOf(call) {
    const match = AUTHORIZATION.exec(call.headers.authorization ?? '');
    return match && Object.fromEntries(match[1].split(',').map((pair) => {
        const at = pair.indexOf('=');
        return [pair.slice(0, at), pair.slice(at + 2, -1)];
    }));
}

function judgeByAxiosPlugin(call, name, auth) {
    const body = call.body.toString();
    const verifies = Buffer.from(body).equals(call.body) && Rsa.verify(
        Formatter.request(call.method, call.url, auth.timestamp, auth.nonce_str, body),
        auth.signature, wechat.merchantCert);
    const written = authorizationOf({ headers: { authorization: Formatter.authorization(
        auth.mchid, auth.nonce_str, auth.signature, auth.timestamp, auth.serial_no) } });
    const same = JSON.stringify(Object.entries(written).sort()) === JSON.stringify(Object.entries(auth).sort());
    const ours = auth.mchid === wechat.mchid && auth.serial_no === wechat.merchantSerial;
    agree('wechatpay-axios-plugin', `request: ${name}`, verifies && same && ours, `${call.method} ${call.url}`);
}

function judgeByNodeV3(call, name, auth) {
    const signature = nodeV3().getSignature(call.method, auth.nonce_str, auth.timestamp, call.url, call.body.toString());
    agree('wechatpay-node-v3', `request: ${name}`, signature === auth.signature, `${call.method} ${call.url}`);
}

function judgeHeaders(call, name) {
    const { headers } = call;
    const typed = call.body.length ? /^application\/json/.test(headers['content-type']) : true;
    agree('HTTP', `request of WeChat Pay: ${name}`, typed && headers.accept === 'application/json' &&
        Boolean(headers['user-agent']) && headers['wechatpay-serial'] === wechat.publicKeyId &&
        !headers['accept-encoding'], JSON.stringify(call.raw));
}

function judgeWechat(call) {
    const line = `${call.method} ${call.url}`;
    const [name] = WECHAT_CALLS.find(([, pattern]) => pattern.test(line)) ?? [];
    const auth = authorizationOf(call);
    if (!name || !auth) {
        agree('wechatpay-axios-plugin', 'request: a call that is described', false, line);
        return;
    }
    seen.add(`wechat ${name}`);
    judgeByAxiosPlugin(call, name, auth);
    judgeByNodeV3(call, name, auth);
    if (name !== 'bill file') judgeHeaders(call, name); // no JSON, and nobody signs the answer
    if (!call.instead && call.answer.status < 300) judgeWechatAnswer(call, name);
}

/** The sandbox's answer: the verifier that the plugin puts in front of every answer. */
function judgeWechatAnswer(call, name) {
    if (name === 'bill file') return;
    const { headers, body } = call.answer;
    agree('wechatpay-axios-plugin', `the sandbox's answer: ${name}`, Rsa.verify(
        Formatter.response(headers['wechatpay-timestamp'], headers['wechatpay-nonce'], body.toString()),
        headers['wechatpay-signature'], wechat.certs[headers['wechatpay-serial']]), call.url);
}

// ---------------------------------------------------------------- Alipay

const ALIPAY_CALLS = {
    'alipay.trade.precreate': 'precreate',
    'alipay.trade.query': 'query',
    'alipay.trade.close': 'close',
    'alipay.trade.refund': 'refund',
    'alipay.trade.fastpay.refund.query': 'refund query',
    'alipay.data.dataservice.bill.downloadurl.query': 'bill address',
    'alipay.open.app.alipaycert.download': 'certificate',
};

const pairsOf = (query) => Object.fromEntries(new URLSearchParams(query));
const sameMembers = (a, b) => {
    const names = Object.keys({ ...a, ...b });
    return names.every((name) => a[name] === b[name]) ? '' :
        names.filter((name) => a[name] !== b[name]).map((name) => `${name}: ${a[name]} / ${b[name]}`).join('; ');
};

/** What the SDK signs, given what we chose ourselves: time, address, contents. */
function signedBySdk(pairs) {
    const given = Object.fromEntries(Object.entries(pairs)
        .filter(([name]) => !['sign', 'biz_content', 'app_id', 'charset', 'version', 'sign_type', 'method'].includes(name))
        .map(([name, value]) => [camelcase(name), value]));
    const config = alipaySdk().config;
    return alipayUtil.sign(pairs.method, { ...given, bizContent: JSON.parse(pairs.biz_content) }, config,
        { bizContentAutoSnakeCase: false });
}

/** As the gateway checks it: the text of all pairs but sign, sorted, under the application's key. */
function verifiesAsGateway(pairs) {
    const signed = Object.keys(pairs).filter((name) => name !== 'sign' && pairs[name] !== '').sort()
        .map((name) => `${name}=${pairs[name]}`).join('&');
    return alipaySdk({ alipayPublicKey: alipay.appPublic }).rsaCheck(signed, pairs.sign, 'RSA2');
}

function judgePairs(pairs, name) {
    const different = sameMembers(pairs, signedBySdk(pairs));
    agree('alipay-sdk', name, !different && verifiesAsGateway(pairs), different);
}

const IN_THE_ADDRESS = ['app_id', 'method', 'format', 'charset', 'sign_type', 'sign', 'timestamp', 'version', 'notify_url'];

function judgeAlipay(call) {
    const [, query] = call.url.split('?');
    const address = pairsOf(query);
    const name = ALIPAY_CALLS[address.method];
    if (!name) {
        agree('alipay-sdk', 'request: a call that is described', false, call.url);
        return;
    }
    seen.add(`alipay ${name}`);
    judgePairs({ ...address, ...pairsOf(call.body.toString()) }, `request: ${name}`);
    agree('HTTP', `request of Alipay: ${name}`, call.method === 'POST' &&
        IN_THE_ADDRESS.every((one) => one in address || one === 'notify_url') &&
        /^application\/x-www-form-urlencoded; ?charset=utf-8$/i.test(call.headers['content-type'] ?? ''),
        `${call.url} ${call.headers['content-type']}`);
    if (!call.instead && call.answer.status === 200) judgeAlipayAnswer(call, address.method, name);
}

/** The sandbox's answer, by what the SDK does with every answer. */
function judgeAlipayAnswer(call, method, name) {
    const raw = call.answer.body.toString();
    const { sign } = JSON.parse(raw);
    let verifies = true;
    try {
        alipaySdk().checkResponseSign(raw, `${method.replaceAll('.', '_')}_response`, sign, '');
    } catch (error) {
        verifies = error.message;
    }
    agree('alipay-sdk', `the sandbox's answer: ${name}`, verifies === true, verifies);
}

// ---------------------------------------------------------------- what clients are handed

function judgeApp({ client }) {
    const signed = Formatter.joinedByLineFeed(client.appid, client.timestamp, client.noncestr, client.prepayid);
    agree('wechatpay-axios-plugin', 'client: app', Rsa.verify(signed, client.sign, wechat.merchantCert) &&
        client.appid === ids.appid_app && client.partnerid === wechat.mchid && client.package === 'Sign=WXPay', signed);
    agree('wechatpay-node-v3', 'client: app', nodeV3().sha256WithRsa(signed) === client.sign, signed);
}

function judgeJsapi({ client }) {
    const signed = Formatter.joinedByLineFeed(client.appId, client.timeStamp, client.nonceStr, client.package);
    agree('wechatpay-axios-plugin', 'client: jsapi', Rsa.verify(signed, client.paySign, wechat.merchantCert) &&
        client.appId === ids.appid_jsapi && client.signType === 'RSA' && typeof client.timeStamp === 'string' &&
        client.package.startsWith('prepay_id='), signed);
    agree('wechatpay-node-v3', 'client: jsapi', nodeV3().sha256WithRsa(signed) === client.paySign, signed);
}

/** The order string, pair for pair what sdkExecute makes of the same parameters. */
function judgeOrderString({ client }) {
    const pairs = pairsOf(client.order_string);
    judgePairs(pairs, 'client: order string of app.pay');
    const { sign: _, biz_content: content, app_id: __, charset: ___, version: ____, sign_type: _____, method, ...given } = pairs;
    const text = alipaySdk().sdkExecute(method, {
        ...Object.fromEntries(Object.entries(given).map(([name, value]) => [camelcase(name), value])),
        bizContent: JSON.parse(content),
    }, { bizContentAutoSnakeCase: false });
    const different = sameMembers(pairs, pairsOf(text));
    agree('alipay-sdk', 'client: sdkExecute makes the same order string', !different, different);
    agree('alipay-sdk', 'client: a blank is %20 and never +', !client.order_string.includes('+'), client.order_string);
}

/** The address of the cashier: pageExecute's but for what the SDK says of itself, and so the signature. */
function judgeCashier({ client }, method) {
    const pairs = pairsOf(client.url.split('?')[1]);
    judgePairs(pairs, `client: address of ${method}`);
    const { sign: _, biz_content: content, app_id: __, charset: ___, version: ____, sign_type: _____, method: name, ...given } = pairs;
    const address = alipaySdk({ gateway: client.url.split('?')[0] }).pageExecute(name, 'GET', {
        ...given, bizContent: JSON.parse(content),
    });
    const { alipay_sdk: itself, sign: signature, ...theirs } = pairsOf(address.split('?')[1]);
    const { sign: ______, ...ours } = pairs;
    const different = sameMembers(ours, theirs);
    agree('alipay-sdk', `client: pageExecute makes the same address of ${method}`,
        !different && Boolean(itself && signature), different);
}

// ---------------------------------------------------------------- the server is made to send them

/** What must have been sent at the end: nothing here is judged by its absence. */
const REQUIRED = [
    'wechat prepay app', 'wechat prepay jsapi', 'wechat prepay h5', 'wechat prepay native', 'wechat query', 'wechat close',
    'wechat refund', 'wechat refund query', 'wechat certificates', 'wechat trade bill', 'wechat bill file',
    'alipay precreate', 'alipay query', 'alipay close', 'alipay refund', 'alipay refund query', 'alipay bill address',
];
const seen = new Set();

function judgeCalls() {
    for (const call of calls)
        if (call.url.startsWith('/v3/')) judgeWechat(call);
        else if (call.url.startsWith('/gateway.do') && call.method === 'POST') judgeAlipay(call);
}

async function pay(client) {
    judgeApp(await client.begin('wechat', 'app'));
    await client.begin('wechat', 'native');
    await client.begin('wechat', 'h5');
    judgeOrderString(await client.begin('alipay', 'app'));
    judgeCashier(await client.begin('alipay', 'page'), 'page.pay');
    judgeCashier(await client.begin('alipay', 'wap'), 'wap.pay');
    await client.begin('alipay', 'qr');
    const inMiniProgram = await Client.login('oPeers8uMuAJO_M2pxb1Q9zNjWe7');
    judgeJsapi(await inMiniProgram.begin('wechat', 'jsapi'));
}

/** To a noon of Shanghai that is a day away at least: bills of today are there by then. */
function hoursToNoon() {
    const hours = (12 - new Date(Date.now() + 8 * 3600_000).getUTCHours() + 24) % 24;
    return 24 + (hours > 0 ? hours : 24);
}

/** The address of a bill's file leads by the recorder, so that the request for it is seen too. */
function fileByRecorder() {
    answerInstead((call) => call.url.startsWith('/v3/bill/tradebill'), async (call) => {
        const { status, headers: { 'content-length': _, ...headers }, body } = await pass(call, process.env.SANDBOX);
        const text = body.toString().replace(process.env.SANDBOX, `http://${call.headers.host}`);
        const signed = Formatter.response(headers['wechatpay-timestamp'], headers['wechatpay-nonce'], text);
        headers['wechatpay-signature'] = Rsa.sign(signed, Rsa.from(wechat.platformKey, 'private'));
        return { status, headers, body: Buffer.from(text) };
    });
}

/** A day on, all of them are asked about and closed; Alipay is made to say that one waits. */
async function closeAll() {
    shell(`clock_to +${hoursToNoon()}h`);
    answerInstead((call) => methodOf(call) === 'alipay.trade.query', ({ body }) => alipayAnswer('alipay.trade.query',
        JSON.stringify({
            code: '10000', msg: 'Success', buyer_logon_id: '159****5620', total_amount: '9.90',
            out_trade_no: JSON.parse(new URLSearchParams(body.toString()).get('biz_content')).out_trade_no,
            trade_no: '2026112622001499770500000001', trade_status: 'WAIT_BUYER_PAY',
        })));
    await runJob('poll');
    fileByRecorder();
    await runJob('reconcile');
}

/** Whatever waits for its time is due. */
async function turn() {
    shell('psql -qX "$IDPHOTOD_TEST_SUPERUSER_URL" -c "UPDATE refund SET next_at = requested_at WHERE next_at IS NOT NULL"');
    await runJob('refund');
}

/** What is paid when it is over goes back: asked for, and asked about because the provider takes its time. */
async function refundBoth(client) {
    for (const [channel, method] of [['wechat', 'native'], ['alipay', 'page']]) {
        const payment = await client.begin(channel, method);
        if (channel === 'alipay') await send(payment.client.url);
        await client.call('POST', `/v1/orders/${payment.order}/cancel`, {});
        await sandbox('refunds', { mode: 'held', times: 1 });
        await sandbox('pay', { out_trade_no: payment.out_trade_no });
        await turn();
        await turn();
        const { refunds } = await sandbox('refunds');
        const { out_refund_no: no } = refunds.find((one) => one.out_trade_no === payment.out_trade_no);
        await sandbox('refund', { out_refund_no: no, outcome: 'success', notify: false });
        await turn();
    }
}

/** node-v3 forgets the last line of a POST that has no body; we send none such, but would sign five. */
function judgeEmptyPost() {
    const five = nodeV3().sha256WithRsa(Formatter.request('POST', '/v3/x', '1', 'n', ''));
    lax('wechatpay-node-v3', 'request: POST without a body', 'signs four lines when a POST has no body',
        nodeV3().getSignature('POST', 'n', '1', '/v3/x', '') !== five);
}

export async function requests(client) {
    await pay(client);
    await refundBoth(client);
}

/** Of all parts, so at the end; days from now, and the keys of the days between are gone. */
export async function judgeRequests() {
    await closeAll();
    judgeEmptyPost();
    judgeCalls();
    for (const name of REQUIRED) agree('recorder', 'each call was sent', seen.has(name), name);
}
