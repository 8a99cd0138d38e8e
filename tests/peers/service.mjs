// SPDX-License-Identifier: MIT
// Calls of a client, of an operator, and of the sandbox's other side.
import { readSync, writeSync } from 'node:fs';
import http from 'node:http';
import { png } from './picture.mjs';

let api, admin;

/** A line of shell for tests/peers/run. */
export function shell(line) {
    const buffer = Buffer.alloc(4096);
    writeSync(3, `${line}\n`);
    const said = buffer.toString('utf8', 0, readSync(4, buffer)).trim().split(' ');
    if (said[0] !== '0') throw new Error(`${line}: ${said[0]}`);
    [, api, admin] = said;
}

/** A connection of its own for each call: the server is restarted now and then. */
export function send(url, { method = 'GET', headers = {}, body } = {}) {
    return new Promise((resolve, reject) => {
        const request = http.request(url, { method, headers, agent: false }, (answer) => {
            const parts = [];
            answer.on('data', (part) => parts.push(part));
            answer.on('end', () => {
                const bytes = Buffer.concat(parts);
                let json;
                try { json = JSON.parse(bytes); } catch { json = undefined; }
                resolve({ status: answer.statusCode, body: bytes, json });
            });
        });
        request.on('error', reject);
        request.end(body);
    });
}

async function expect(status, url, options) {
    const answer = await send(url, options);
    if (answer.status !== status) throw new Error(`${options?.method ?? 'GET'} ${url}: ${answer.status} ${answer.body}`);
    return answer.json;
}

let key = 0;
const asJson = (body, headers = {}) => ({
    method: 'POST', headers: { 'Content-Type': 'application/json', ...headers }, body: JSON.stringify(body),
});

export const notifyUrl = (channel) => `${api}/v1/notify/${channel}`;
export const sandbox = (path, body) => expect(200, `${process.env.SANDBOX}/sandbox/${path}`, body && asJson(body));
export const sandboxTrade = (no) => sandbox(`trades/${no}`);

/** A phone with an account and a photo. */
export class Client {
    static async open() {
        const { version } = await expect(200, `${api}/v1/policy`);
        return Client.from(await expect(201, `${api}/v1/accounts`, asJson({ policy_version: version })));
    }

    /** In a mini program, as the person with that openid. */
    static async login(openid) {
        const { version } = await expect(200, `${api}/v1/policy`);
        const { js_code: code } = await sandbox('login', { openid });
        return Client.from(await expect(201, `${api}/v1/sessions/wechat`, asJson({ js_code: code, policy_version: version })));
    }

    static async from(account) {
        const client = Object.assign(new Client(), account);
        const photo = await expect(201, `${api}/v1/photos?spec=cn-id&subject=self`, {
            method: 'POST', headers: client.headers('image/png'), body: png(295, 413),
        });
        client.photo = photo.photo_id;
        return client;
    }

    headers(type) {
        return { Authorization: `Bearer ${this.token}`, 'Idempotency-Key': `peers ${++key}`, 'Content-Type': type };
    }

    async order() {
        const { order_id: id } = await expect(201, `${api}/v1/orders`, asJson({
            accepts_no_refund: true,
            items: [{ product: 'electronic-standard', photo_id: this.photo, quantity: 1 }],
        }, this.headers('application/json')));
        return id;
    }

    pay(order, channel, method, more = {}) {
        return send(`${api}/v1/orders/${order}/payments`,
            asJson({ channel, method, ...more }, this.headers('application/json')));
    }

    /** An order and an attempt to pay it: {order, out_trade_no, client, ...}. */
    async begin(channel, method, more = {}) {
        const order = await this.order();
        const answer = await this.pay(order, channel, method, more);
        if (answer.status !== 201) throw new Error(`pay ${channel} ${method}: ${answer.status} ${answer.body}`);
        return { order, ...answer.json };
    }

    call(method, path, body) {
        return send(`${api}${path}`, {
            ...(body && { body: JSON.stringify(body) }), method, headers: this.headers('application/json'),
        });
    }

    async state(order) {
        return (await this.call('GET', `/v1/orders/${order}`)).json?.state;
    }
}

export function operator(method, path, body) {
    return send(`${admin}${path}`, {
        ...(body && { body: JSON.stringify(body) }), method,
        headers: {
            Authorization: `Bearer ${process.env.ADMIN_TOKEN}`, 'Content-Type': 'application/json',
            'X-Purpose': 'audit', 'Idempotency-Key': `operator ${++key}`,
        },
    });
}

export const runJob = (name) => operator('POST', `/admin/v1/jobs/${name}/run`, {});
