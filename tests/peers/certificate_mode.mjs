// SPDX-License-Identifier: MIT
// Alipay in certificate mode: names of certificates, and what they are sent and checked with, are the
// SDK's. The certificates are made here by the openssl command.
import { readFileSync } from 'node:fs';
import { answerInstead, calls } from './recorder.mjs';
import { alipayAnswer, methodOf, signAlipay } from './play.mjs';
import { agree, lax, outcome } from './report.mjs';
import { notifyUrl, send, shell } from './service.mjs';
import { alipay, alipaySdk, getSN } from './place.mjs';

const folder = `${process.env.STACK}/alipay-certificates`;
const file = (name) => `${folder}/${name}.crt`;

/** Root, ours and Alipay's, the latter two signed by the root; a second root signed over EC does not count. */
function makeCertificates() {
    const sandbox = `${process.env.STACK}/sandbox`;
    const issue = (key, name, serial) => `openssl req -new -key ${sandbox}/${key}.pem -subj '/C=CN/O=Peers/OU=Test/CN=${name}' | ` +
        `openssl x509 -req -CA ${file('root')} -CAkey ${folder}/root.pem -set_serial ${serial} -days 30 -out ${file(name)}`;
    shell([
        `mkdir -p ${folder}`,
        `openssl req -x509 -newkey rsa:2048 -nodes -keyout ${folder}/root.pem -subj '/C=CN/O=Peers/CN=Root R1' -set_serial 0x0badc0de -days 30 -out ${file('root')}`,
        `openssl ecparam -name prime256v1 -genkey -noout -out ${folder}/ec.pem`,
        `openssl req -x509 -new -key ${folder}/ec.pem -subj '/C=CN/O=Peers/CN=Root E1' -days 30 -out ${file('ec')}`,
        issue('alipay_app_key', 'app', '0x8fffffffffffffff'),
        issue('alipay_key', 'alipay', '0x0123456789abcdef'),
        `cat ${file('ec')} ${file('root')} >${file('roots')}`,
    ].join(' && '));
}

function useCertificates() {
    const conf = '"$STACK/conf.d/merchants.conf"';
    shell(`server_down; cp ${conf} ${folder}/before && sed -i 's,^alipay_public_key_file.*,` +
        `app_cert_file = ${file('app')}\\nalipay_cert_file = ${file('alipay')}\\nroot_cert_file = ${file('roots')},' ${conf} && server_up`);
}

function useKeysAgain() {
    shell(`server_down; cp ${folder}/before "$STACK/conf.d/merchants.conf" && server_up`);
}

const sdk = () => alipaySdk({
    alipayPublicKey: undefined, appCertPath: file('app'), alipayPublicCertPath: file('alipay'), alipayRootCertPath: file('roots'),
});

const camelcase = (name) => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());

/** What the SDK makes of our parameters, names of certificates left to it. */
function samePairs(query) {
    const pairs = Object.fromEntries(new URLSearchParams(query));
    const { sign: _, app_cert_sn: __, alipay_root_cert_sn: ___, biz_content: content, app_id: ____, charset: _____,
        version: ______, sign_type: _______, method, ...given } = pairs;
    const theirs = Object.fromEntries(new URLSearchParams(sdk().sdkExecute(method, {
        ...Object.fromEntries(Object.entries(given).map(([name, value]) => [camelcase(name), value])), bizContent: JSON.parse(content),
    }, { bizContentAutoSnakeCase: false })));
    return pairs.app_cert_sn === getSN(readFileSync(file('app'))) &&
        Object.keys({ ...pairs, ...theirs }).every((name) => pairs[name] === theirs[name]);
}

async function judgeRequests(client) {
    const { client: { order_string: text } } = await client.begin('alipay', 'app');
    agree('alipay-sdk', 'certificate mode: order string', samePairs(text), text);
    const from = calls.length;
    await client.pay(await client.order(), 'alipay', 'qr');
    const { url, body } = calls.slice(from).find((call) => methodOf(call) === 'alipay.trade.precreate');
    agree('alipay-sdk', 'certificate mode: request', samePairs(`${url.split('?')[1]}&${body}`), url);
}

/** An answer names the certificate that signed it; the SDK does not look. */
async function judgeAnswers(client) {
    const METHOD = 'alipay.trade.precreate', right = getSN(readFileSync(file('alipay')));
    for (const [name, sn, taken] of [['the right name', right, true], ['another name', getSN(readFileSync(file('app'))), false]]) {
        let raw;
        answerInstead((call) => methodOf(call) === METHOD, ({ body }) => {
            const no = JSON.parse(new URLSearchParams(body.toString()).get('biz_content')).out_trade_no;
            const node = `{"code":"10000","msg":"Success","out_trade_no":"${no}","qr_code":"https://qr.alipay.com/x"}`;
            const answer = alipayAnswer(METHOD, node, (key, text, sign) => `{"${key}":${text},"alipay_cert_sn":"${sn}","sign":"${sign}"}`);
            raw = answer.body.toString();
            return answer;
        });
        const answer = await client.pay(await client.order(), 'alipay', 'qr');
        let theirs = true;
        try {
            sdk().checkResponseSign(raw, 'alipay_trade_precreate_response', JSON.parse(raw).sign, '');
        } catch {
            theirs = false;
        }
        const ours = (answer.status === 201) === taken;
        if (taken) agree('alipay-sdk', 'certificate mode: answer', ours && theirs, `${name}: ${outcome(answer)}`);
        else lax('alipay-sdk', 'certificate mode: answer', 'does not compare alipay_cert_sn', ours && theirs, `${name}: ${outcome(answer)}`);
    }
}

async function judgeNotify(client) {
    const payment = await client.begin('alipay', 'app');
    const pairs = {
        alipay_cert_sn: getSN(readFileSync(file('alipay'))), app_id: alipay.appId, charset: 'utf-8', gmt_payment: '2026-11-26 10:00:00',
        notify_id: '1', out_trade_no: payment.out_trade_no, seller_id: alipay.sellerId, total_amount: (payment.amount_fen / 100).toFixed(2),
        trade_no: `2026112622${process.pid}000000000001`.slice(0, 28), trade_status: 'TRADE_SUCCESS',
    };
    pairs.gmt_payment = new Date(Date.now() + 8 * 3600_000).toISOString().replace('T', ' ').slice(0, 19);
    const signed = Object.keys(pairs).sort().map((name) => `${name}=${pairs[name]}`).join('&');
    const form = { ...pairs, sign_type: 'RSA2', sign: signAlipay(signed) };
    const theirs = sdk().checkNotifySignV2(form);
    const answer = await send(notifyUrl('alipay'), {
        method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams(form).toString(),
    });
    agree('alipay-sdk', 'certificate mode: notify', theirs && answer.body.toString() === 'success' &&
        await client.state(payment.order) === 'paid', outcome(answer));
}

export async function certificateMode(client) {
    makeCertificates();
    useCertificates();
    try {
        await judgeRequests(client);
        await judgeAnswers(client);
        await judgeNotify(client);
    } finally {
        useKeysAgain();
    }
}
